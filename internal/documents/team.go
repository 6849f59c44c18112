package documents

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// team judges what a Team says by itself.
func (d *decoder) team(t *v1alpha1.Team) {
	d.metadata(t.Name, t.Labels)
	spec := []any{"spec"}
	for i, m := range t.Spec.Members {
		p := at(spec, "members", i)
		d.principal(p, m.Principal, "workload")
		d.form(at(p, "workload"), m.Workload, dnsLabel, "want the metadata.name of a Workload document")
		d.username(at(p, "username"), m)
	}

	clusters := at(spec, "clusters")
	if d.has(clusters) {
		d.selector(clusters)
		d.selectorValues(clusters, t.Spec.Clusters.Names, t.Spec.Clusters.MatchLabels)
	}
	for i, g := range t.Spec.Grants {
		d.grant(at(spec, "grants", i), g)
	}
}

// grant judges one grant: a policy or role with its reach, or a group.
func (d *decoder) grant(p []any, g v1alpha1.Grant) {
	if c := g.Clusters; c != nil {
		d.selector(at(p, "clusters"))
		d.selectorValues(at(p, "clusters"), c.Names, c.MatchLabels)
	}
	d.policy(at(p, "policy"), g.Policy)
	d.roleName(at(p, "clusterRole"), g.ClusterRole)
	d.roleName(at(p, "role"), g.Role)
	d.group(at(p, "group"), g.Group)
	seen := map[string]bool{}
	for i, pattern := range g.Namespaces {
		q := at(p, "namespaces", i)
		if d.pattern(q, pattern) && seen[pattern] {
			d.bad(q, "", "%s stands twice", quoted(pattern))
		}
		seen[pattern] = true
	}
	if g.Scope != "" && g.Scope != "cluster" {
		hint := "write scope: cluster for the whole cluster, or namespaces: [...]"
		d.bad(at(p, "scope"), hint, "%s.scope cannot be %s", pathString(p), quoted(g.Scope))
	}
	if key, ok := d.exactlyOne(p, "policy", "clusterRole", "role", "group"); ok {
		d.reach(p, g, key)
	}
}

// reach judges where a grant reaches; key is what it grants.
func (d *decoder) reach(p []any, g v1alpha1.Grant, key string) {
	namespaces, scope := d.has(at(p, "namespaces")), d.has(at(p, "scope"))
	switch {
	case key == "group" && (namespaces || scope):
		extra := "namespaces"
		if !namespaces {
			extra = "scope"
		}
		d.badKey(at(p, extra), "what a group may do, and where, is in its bindings", "a group has no %s", extra)
	case key == "group":
	case namespaces && scope:
		d.badKey(at(p, "scope"), "write one: the whole cluster is more than all of its namespaces", "%s has namespaces and scope together", pathString(p))
	case key == "role" && scope:
		d.badKey(at(p, "scope"), "write the namespaces, or a clusterRole", "a Role is in a namespace and has no scope")
	case key == "role" && !namespaces:
		d.bad(p, `write namespaces: ["..."]`, "%s does not say where %s reaches", pathString(p), Escape(g.Role))
	case !namespaces && !scope:
		d.bad(p, `write namespaces: ["..."], or scope: cluster`, "%s does not say where %s reaches", pathString(p), Escape(g.Policy+g.ClusterRole))
	case namespaces && d.sound(at(p, "namespaces")) && len(g.Namespaces) == 0:
		d.bad(at(p, "namespaces"), `write the namespaces, or ["*"] for every one`, "%s.namespaces is empty and reaches nothing", pathString(p))
	}
}

// reservedNames are how a username may not begin. (EKS User Guide, creating
// access entries)
var reservedNames = []string{"system:", "eks:", "aws:", "amazon:", "iam:"}

var template = regexp.MustCompile(`\{\{[^}]*\}?\}?`)

// username judges the name Kubernetes is to see.
func (d *decoder) username(path []any, m v1alpha1.Member) {
	s := m.Username
	if s == "" || !d.ascii(path, s) {
		return
	}
	for _, prefix := range reservedNames {
		if strings.HasPrefix(strings.ToLower(s), prefix) {
			d.bad(path, "EKS keeps names that begin with "+list(reservedNames, "and")+" for itself", "the username cannot be %s", quoted(s))
			return
		}
	}
	for _, span := range template.FindAllStringIndex(s, -1) {
		word := s[span[0]:span[1]]
		switch {
		case word != "{{SessionName}}" && word != "{{SessionNameRaw}}":
			hint := "{{SessionName}} and {{SessionNameRaw}} are the ones there are"
			d.bad(path, hint, "the username %s has the template %s", quoted(s), Escape(word))
			return
		case m.User != "" || strings.Contains(m.ARN, ":user/"):
			d.bad(path, "only roles have sessions", "the username %s of an IAM user has %s", quoted(s), word)
			return
		case !strings.Contains(s[:span[0]], ":"):
			d.bad(path, "EKS wants a colon before it, as in "+quoted("ci:"+word), "the username %s has no colon before %s", quoted(s), word)
			return
		}
	}
}

// OwnGroups begins the groups that atlas-iam makes, see access.TeamGroup.
const OwnGroups = "atlas-iam:"

// group judges a Kubernetes group.
func (d *decoder) group(path []any, s string) {
	if s == "" || !d.ascii(path, s) {
		return
	}
	switch {
	case s == "system:masters":
		d.bad(path, "write {policy: ClusterAdmin, scope: cluster}, which can be seen, tested and taken away", "EKS refuses the group system:masters, which no authorizer is asked about")
	case strings.HasPrefix(strings.ToLower(s), "system:"):
		d.bad(path, "name a group of your own, and bind it", "EKS refuses groups that begin with system:, as %s does", quoted(s))
	case strings.HasPrefix(strings.ToLower(s), OwnGroups):
		d.bad(path, "name another; a grant of a clusterRole or role makes such a group by itself", "groups that begin with %s are atlas-iam's own: %s", OwnGroups, quoted(s))
	case strings.Contains(s, "{{"):
		d.bad(path, "write the group's name", "a group cannot have a template, or the caller would choose its groups: %s", quoted(s))
	}
}

var deadLetters = regexp.MustCompile(`[^a-z0-9*-]`)

// pattern judges a namespace or a pattern of them, and reports whether some
// namespace can match it. Names of namespaces are DNS labels.
func (d *decoder) pattern(path []any, s string) bool {
	if s == "" || !d.ascii(path, s) {
		return false
	}
	hint, literal := "", strings.ReplaceAll(s, "*", "")
	bad := deadLetters.FindString(s)
	switch {
	case bad != "" && strings.ToLower(s) != s && !deadLetters.MatchString(strings.ToLower(s)):
		hint = "names of namespaces are lower-case: did you mean " + quoted(strings.ToLower(s)) + "?"
	case bad != "" && strings.ContainsAny(s, "?[]{}()|^$+"):
		hint = "the star is the only wildcard; it stands for any run of letters"
	case bad != "":
		hint = "names of namespaces have lower-case letters, digits and dashes, and here * for any run"
	case strings.HasPrefix(s, "-") || strings.HasSuffix(s, "-"):
		hint = "names of namespaces neither begin nor end with a dash"
	case len(literal) > 63:
		hint = fmt.Sprintf("names of namespaces have at most 63 letters, this wants %d", len(literal))
	case len(s) > 255:
		hint = "a pattern has at most 255 letters"
	default:
		return true
	}
	d.bad(path, hint, "no namespace can match %s", quoted(s))
	return false
}

// iamPolicies are IAM policies that people write where an access policy
// belongs, for what their names have in common.
var iamPolicies = []string{
	"AmazonEKSClusterPolicy", "AmazonEKSServicePolicy", "AmazonEKSWorkerNodePolicy", "AmazonEKSWorkerNodeMinimalPolicy",
	"AmazonEKSFargatePodExecutionRolePolicy", "AmazonEKS_CNI_Policy", "AmazonEKSVPCResourceController",
	"AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess",
}

// usualPolicies answers words that are not near the names they mean.
var usualPolicies = map[string]string{"readonly": "View", "read": "View", "reader": "View", "viewer": "View", "editor": "Edit", "write": "Edit", "clusteradmin": "ClusterAdmin"}

var policyName = regexp.MustCompile(`^[A-Za-z0-9]{1,128}$`)

// policy judges the name of an access policy.
func (d *decoder) policy(path []any, s string) {
	if s == "" || !d.ascii(path, s) {
		return
	}
	const ways = "an access policy gives rights in Kubernetes: View, Edit, Admin, ClusterAdmin and others"
	arn, err := access.ParseARN(s)
	isARN := err == nil
	switch {
	case isARN && arn.Service == "iam" || slices.Contains(iamPolicies, s):
		d.bad(path, ways, "%s is an IAM policy, not an EKS access policy", quoted(s))
		return
	case isARN && (arn.Service != "eks" || arn.Region != "" || arn.Account != "aws" || !strings.HasPrefix(arn.Resource, "cluster-access-policy/") || !knownPartition(arn.Partition)),
		!isARN && strings.HasPrefix(s, "arn:"):
		d.bad(path, "want arn:aws:eks::aws:cluster-access-policy/NAME, or the name alone", "%s is not an access policy's ARN", quoted(s))
		return
	}
	name := s
	if isARN {
		name = strings.TrimPrefix(arn.Resource, "cluster-access-policy/")
	}
	policy, ok := access.PolicyNamed(name)
	if !ok {
		// AWS adds policies: a whole ARN may name one that is newer than this
		// list, unless it is a slip away from one of the list. EKS decides.
		hint := policyHint(name)
		if !isARN || !policyName.MatchString(name) || strings.HasPrefix(hint, "did you mean") {
			d.bad(path, hint, "unknown access policy %s", quoted(s))
		}
		return
	}
	switch policy.For {
	case access.ServiceLinkedOnly:
		d.bad(path, "EKS refuses it for any other principal", "%s is for AWS's own service-linked roles", policy.Name)
	case access.NodeEntries:
		d.bad(path, "write the role under nodeRoles of the Cluster, with type: EC2", "%s is for the roles of nodes", policy.Name)
	}
}

func policyHint(name string) string {
	var words []string
	for _, p := range access.Policies() {
		if p.For == access.AnyPrincipal {
			words = append(words, p.Short(), p.Name)
		}
	}
	if short, ok := usualPolicies[access.Fold(name)]; ok {
		return "did you mean " + short + "?"
	}
	c, ok := access.Nearest(name, words)
	if !ok {
		return "the usual ones are View, Edit, Admin and ClusterAdmin"
	}
	if p, _ := access.PolicyNamed(c); p.Name != c {
		return "did you mean " + c + "? (" + p.Name + ")"
	}
	return "did you mean " + c + "?"
}
