package access

import (
	"slices"
	"strings"
)

// Risk is something an access policy gives that a reviewer should see at once.
type Risk string

// The risks a plan marks. Whole-cluster scope is one as well, but it is the
// scope's and not the policy's.
const (
	RiskSecrets      Risk = "secrets"       // reads Secrets
	RiskExec         Risk = "exec"          // runs commands in pods
	RiskImpersonate  Risk = "impersonate"   // acts as any ServiceAccount
	RiskEscalate     Risk = "escalate"      // writes roles and bindings
	RiskWholeCluster Risk = "whole cluster" // not bounded by namespaces
)

// PolicyFor says which entries an access policy may be associated with.
type PolicyFor int

const (
	AnyPrincipal      PolicyFor = iota // any STANDARD entry
	NodeEntries                        // entries of type EC2
	ServiceLinkedOnly                  // AWS's own service-linked roles; EKS refuses a customer's
)

// Policy is what we know of an EKS access policy without its rules, which are
// package authz/eks's.
type Policy struct {
	Name      string
	For       PolicyFor
	Published bool   // AWS publishes its rules
	Writes    bool   // some published rule does more than get, list, watch
	Risks     []Risk // by its published rules; none known if not Published
}

// policyARNPart stands between the partition and the name in a policy's ARN.
const policyARNPart = ":eks::aws:cluster-access-policy/"

// ARN is the policy's ARN in a partition.
func (p Policy) ARN(partition string) string { return "arn:" + partition + policyARNPart + p.Name }

// Short is the name as documents write it: AmazonEKSEditPolicy is Edit. Names
// that do not follow that form are kept whole.
func (p Policy) Short() string { return ShortPolicy(p.Name) }

// ShortPolicy shortens a policy's ARN or name for people.
func ShortPolicy(arnOrName string) string {
	name := arnOrName
	if _, n, ok := strings.Cut(arnOrName, policyARNPart); ok {
		name = n
	}
	short, ok := strings.CutPrefix(name, "AmazonEKS")
	if !ok {
		return name
	}
	if short, ok = strings.CutSuffix(short, "Policy"); !ok || short == "" {
		return name
	}
	return short
}

// PolicyNamed finds a policy by its full name, its short name or its ARN in
// any partition.
func PolicyNamed(s string) (Policy, bool) {
	if _, n, ok := strings.Cut(s, policyARNPart); ok {
		s = n
	}
	for _, p := range policies {
		if p.Name == s || p.Short() == s {
			return p, true
		}
	}
	return Policy{}, false
}

// Policies lists the policies known, sorted by name. AWS adds to them: one
// that is not here may exist, see Policy.Published for those whose rules AWS
// does not publish.
func Policies() []Policy { return slices.Clone(policies) }

// ClusterAdmin is the full name of the policy that equals cluster-admin.
const ClusterAdmin = "AmazonEKSClusterAdminPolicy"

// From the EKS User Guide's table of access policy permissions, and for the
// unpublished ones from ListAccessPolicies as observed in 2026-04. Risks are
// read off the published rules; authz/eks's test holds them against those.
// Assumption unverified-policies: "unverified" in the source data counts as
// AnyPrincipal, and EKS decides.
var policies = []Policy{
	{Name: "AIDevOpsAgentAccessPolicy", For: AnyPrincipal},
	{Name: "AmazonAIOpsAssistantPolicy", For: AnyPrincipal},
	{Name: "AmazonARCRegionSwitchScalingPolicy", For: AnyPrincipal, Published: true, Writes: true},
	{Name: "AmazonEKSACKPolicy", For: AnyPrincipal},
	{Name: "AmazonEKSAdminPolicy", For: AnyPrincipal, Published: true, Writes: true, Risks: []Risk{RiskSecrets, RiskExec, RiskImpersonate, RiskEscalate}},
	{Name: "AmazonEKSAdminViewPolicy", For: AnyPrincipal, Published: true, Risks: []Risk{RiskSecrets, RiskExec}},
	{Name: "AmazonEKSArgoCDClusterPolicy", For: AnyPrincipal},
	{Name: "AmazonEKSArgoCDPolicy", For: AnyPrincipal},
	{Name: "AmazonEKSAutoNodePolicy", For: NodeEntries},
	{Name: "AmazonEKSBlockStorageClusterPolicy", For: ServiceLinkedOnly},
	{Name: "AmazonEKSBlockStoragePolicy", For: ServiceLinkedOnly},
	{Name: "AmazonEKSClusterAdminPolicy", For: AnyPrincipal, Published: true, Writes: true, Risks: []Risk{RiskSecrets, RiskExec, RiskImpersonate, RiskEscalate}},
	{Name: "AmazonEKSClusterInsightsPolicy", For: ServiceLinkedOnly},
	{Name: "AmazonEKSComputeClusterPolicy", For: ServiceLinkedOnly},
	{Name: "AmazonEKSComputePolicy", For: ServiceLinkedOnly},
	{Name: "AmazonEKSEditPolicy", For: AnyPrincipal, Published: true, Writes: true, Risks: []Risk{RiskSecrets, RiskExec, RiskImpersonate}},
	{Name: "AmazonEKSEventPolicy", For: AnyPrincipal},
	{Name: "AmazonEKSHybridPolicy", For: ServiceLinkedOnly, Published: true},
	{Name: "AmazonEKSKROPolicy", For: AnyPrincipal},
	{Name: "AmazonEKSLoadBalancingClusterPolicy", For: AnyPrincipal},
	{Name: "AmazonEKSLoadBalancingPolicy", For: AnyPrincipal},
	{Name: "AmazonEKSNetworkingClusterPolicy", For: AnyPrincipal},
	{Name: "AmazonEKSNetworkingPolicy", For: AnyPrincipal},
	{Name: "AmazonEKSPodIdentityPolicy", For: AnyPrincipal},
	{Name: "AmazonEKSSecretAdminPolicy", For: AnyPrincipal, Published: true, Writes: true, Risks: []Risk{RiskSecrets}},
	{Name: "AmazonEKSSecretReaderPolicy", For: AnyPrincipal, Published: true, Risks: []Risk{RiskSecrets}},
	{Name: "AmazonEKSViewPolicy", For: AnyPrincipal, Published: true},
	{Name: "AmazonEMRJobPolicy", For: AnyPrincipal},
	{Name: "AmazonSagemakerHyperpodClusterPolicy", For: AnyPrincipal},
	{Name: "AmazonSagemakerHyperpodControllerPolicy", For: AnyPrincipal},
	{Name: "AmazonSagemakerHyperpodSpacePolicy", For: AnyPrincipal},
	{Name: "AmazonSagemakerHyperpodSpaceTemplatePolicy", For: AnyPrincipal},
	{Name: "AmazonSagemakerHyperpodSystemNamespacePolicy", For: AnyPrincipal},
	{Name: "AmazonSagemakerHyperpodUserClusterPolicy", For: AnyPrincipal},
}
