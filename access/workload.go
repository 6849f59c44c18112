package access

import (
	"cmp"
	"slices"
	"strings"
)

// Credentials is how a workload comes to its role's credentials.
type Credentials string

// The ways.
const (
	PodIdentity Credentials = "PodIdentity" // an association of the cluster's
	IRSA        Credentials = "IRSA"        // a token of the cluster's issuer, exchanged at STS
)

// Manage says what is written of a ServiceAccount.
type Manage string

// The ways. With None somebody else, as a chart, makes it and its annotation.
const (
	ManageNone     Manage = "None"
	ManageAnnotate Manage = "Annotate" // the role's annotation on one that is there
	ManageCreate   Manage = "Create"   // the ServiceAccount, its annotation included
)

// WantWorkload is what the documents say of one workload: who it is. Its
// roles, associations and ServiceAccounts stand in State.Roles and in its
// clusters.
type WantWorkload struct {
	Name        string
	Credentials Credentials
	Clusters    []ClusterKey      // sorted; without doubles
	Accounts    []WorkloadAccount // sorted by namespace, name
	Roles       []WorkloadRole    // sorted by cluster; one for each of Clusters
	Target      string            // ARN of the role at the end of the chain; empty: none
	Presets     []WorkloadPreset  // in the document's order
	Place       Place
}

// WorkloadAccount is a ServiceAccount of a workload, exact or as patterns.
type WorkloadAccount struct {
	Namespace, Name string // patterns may hold stars
	Manage          Manage
	Place           Place
}

// Matches reports whether a ServiceAccount is the one, or of the pattern.
func (a WorkloadAccount) Matches(namespace, name string) bool {
	return MatchPattern(a.Namespace, namespace) && MatchPattern(a.Name, name)
}

// WorkloadRole is the role that a workload has on a cluster.
type WorkloadRole struct {
	Cluster ClusterKey
	ARN     string
}

// WorkloadPreset is a preset that a workload uses, with what it says of
// itself.
type WorkloadPreset struct {
	Name, Version, Confidence string
	Place                     Place
}

// Document is an IAM policy in canonical form, as authz/iam.Canonical gives it.
// Actions are spelled as they were written, for people and for AWS; so two are
// compared by Same.
type Document string

// Same reports whether two documents in canonical form say the same: equal
// texts, whatever the capitals of actions. (IAM User Guide, JSON policy
// elements: Action)
func (d Document) Same(o Document) bool {
	return d == o || len(d) == len(o) && d.Folded() == o.Folded()
}

// Folded is the document with its actions in small letters: the same text for
// all documents that are the same.
func (d Document) Folded() string {
	out := []byte(d)
	const ofStatement = 2 // braces around the elements of a statement
	depth, folding := 0, false
	for i := 0; i < len(out); i++ {
		switch c := out[i]; c {
		case '{':
			depth++
		case '}':
			depth--
		case '"':
			start := i
			for i++; i < len(out) && out[i] != '"'; i++ {
				if out[i] == '\\' {
					i++
				}
			}
			word := out[start:min(i+1, len(out))]
			switch {
			case i+1 < len(out) && out[i+1] == ':' && depth <= ofStatement:
				folding = depth == ofStatement && (string(word) == `"Action"` || string(word) == `"NotAction"`)
			case folding:
				for j, b := range word {
					if 'A' <= b && b <= 'Z' {
						word[j] = b + 'a' - 'A'
					}
				}
			}
		}
	}
	return string(out)
}

// WantRole is an IAM role that a workload wants. Where it is another's
// (Existing) only its trust is looked at.
type WantRole struct {
	Account     string // twelve digits
	ARN         string
	Existing    bool
	Description string
	MaxSession  int               // seconds; 0: IAM's own default of an hour
	Boundary    string            // ARN; empty: none
	Tags        map[string]string // for it alone, besides the State's and our own two
	Inline      []RolePolicy      // sorted by name
	Managed     []string          // ARNs, sorted
	Trust       []WantTrust       // sorted
	Workloads   []string          // whose it is, sorted
	Place       Place             // of the role in its first workload's document
}

// RolePolicy is an inline policy of a role.
type RolePolicy struct {
	Name     string   `json:"name"`
	Document Document `json:"document"`
}

// WantTrust is a ServiceAccount of a cluster that may have a role, exact or as
// patterns (IRSA alone). The issuer behind it is the cluster's, and known when
// that was read.
type WantTrust struct {
	Credentials     Credentials
	Cluster         ClusterKey
	Namespace, Name string
	// Untagged: the association passes no session tags, so no condition can rest
	// on them.
	Untagged bool
	Place    Place
}

// Compare orders trusts.
func (t WantTrust) Compare(o WantTrust) int {
	return cmp.Or(t.Cluster.Compare(o.Cluster), cmp.Compare(t.Credentials, o.Credentials),
		cmp.Compare(t.Namespace, o.Namespace), cmp.Compare(t.Name, o.Name))
}

// PodIdentityAssociation gives a ServiceAccount of a cluster a role. A cluster
// has at most one for each ServiceAccount. (EKS API,
// CreatePodIdentityAssociation)
type PodIdentityAssociation struct {
	Namespace          string   `json:"namespace"`
	ServiceAccount     string   `json:"serviceAccount"`
	Role               string   `json:"role"`                 // ARN
	TargetRole         string   `json:"targetRole,omitempty"` // ARN
	DisableSessionTags bool     `json:"disableSessionTags,omitempty"`
	SessionPolicy      Document `json:"sessionPolicy,omitempty"`

	// What was observed; none of it counts as access.
	ID         string            `json:"id,omitempty"`
	ARN        string            `json:"arn,omitempty"`
	OwnerARN   string            `json:"ownerArn,omitempty"`   // of the add-on that made it
	ExternalID string            `json:"externalId,omitempty"` // EKS's, for the target role
	Tags       map[string]string `json:"tags,omitempty"`
}

// Trust is how the association's role, and the end of its chain, are to trust it
// on a cluster.
func (a *PodIdentityAssociation) Trust(k ClusterKey) WantTrust {
	return WantTrust{Credentials: PodIdentity, Cluster: k, Namespace: a.Namespace, Name: a.ServiceAccount, Untagged: a.DisableSessionTags}
}

// Compare orders associations by namespace, then ServiceAccount.
func (a *PodIdentityAssociation) Compare(o *PodIdentityAssociation) int {
	return cmp.Or(cmp.Compare(a.Namespace, o.Namespace), cmp.Compare(a.ServiceAccount, o.ServiceAccount))
}

// WantPodIdentity is an association that a workload wants.
type WantPodIdentity struct {
	PodIdentityAssociation
	Workload string
	Place    Place
}

// PodIdentity is what the documents want of the association of a
// ServiceAccount, if there is one: named exactly or, else, of the first pattern
// that matches. No two workloads' patterns match one.
func (c *WantCluster) PodIdentity(namespace, name string) (want WantPodIdentity, exact, ok bool) {
	i := slices.IndexFunc(c.PodIdentities, func(w WantPodIdentity) bool { return w.Namespace == namespace && w.ServiceAccount == name })
	if i >= 0 {
		return c.PodIdentities[i], true, true
	}
	i = slices.IndexFunc(c.PodIdentityPatterns, func(w WantPodIdentity) bool {
		return MatchPattern(w.Namespace, namespace) && MatchPattern(w.ServiceAccount, name)
	})
	if i < 0 {
		return WantPodIdentity{}, false, false
	}
	want = c.PodIdentityPatterns[i]
	want.Namespace, want.ServiceAccount = namespace, name
	return want, false, true
}

// WantServiceAccount is a ServiceAccount of whose writing a document says
// something. Namespace and Name are exact.
type WantServiceAccount struct {
	Namespace, Name string
	Manage          Manage // Annotate or Create
	Role            string // ARN of the annotation; empty: none (Pod Identity)
	Workload        string
	Place           Place
}

// AnnotationRole is the annotation by which IRSA finds a ServiceAccount's
// role. (EKS User Guide, associate-service-account-role)
const AnnotationRole = "eks.amazonaws.com/role-arn"

// AgentAddon is the add-on that hands pods their Pod Identity credentials.
// (EKS User Guide, pod-id-agent-setup)
const AgentAddon = "eks-pod-identity-agent"

// DefaultSession is how long a role's session may be where nobody said, in
// seconds. (IAM API, CreateRole: MaxSessionDuration)
const DefaultSession = 3600

// HaveRole is an IAM role as it was read.
type HaveRole struct {
	Principal
	Path, Name  string
	Description string
	MaxSession  int    // seconds
	Boundary    string // ARN
	Tags        map[string]string
	// Trust is the trust policy in canonical form; where it cannot be parsed it
	// is TrustText that counts, as IAM gave it.
	Trust     Document
	TrustText string
	Inline    []RolePolicy // sorted by name
	Managed   []string     // ARNs, sorted
}

// HaveProvider is an OIDC provider of an account's IAM.
type HaveProvider struct {
	ARN       string
	Issuer    string   // URL without https://
	ClientIDs []string // sorted
	Tags      map[string]string
}

// HaveAgent is the Pod Identity agent on a cluster.
type HaveAgent struct {
	Addon   bool   // the add-on is there
	Status  string // its status
	BuiltIn bool   // of Auto Mode, which needs no add-on
}

// HaveServiceAccount is a ServiceAccount as it was read.
type HaveServiceAccount struct {
	Namespace, Name string
	UID             string
	Labels          map[string]string
	Annotations     map[string]string
	Managers        []string // field managers, sorted
	// RoleManager is the field manager that set AnnotationRole, if one did.
	RoleManager string
}

// WorkloadsNeed says what of workloads is read. The zero value asks for
// nothing.
type WorkloadsNeed struct {
	// Everywhere says that a document speaks of a workload, or that all that is
	// ours is to be found: the associations of every cluster are read.
	Everywhere bool
	// RolePath is where roles of ours stand, empty: nowhere; OurTrust knows the
	// trust policies that we write, nil: none. An account that has such a role is
	// read as if a document spoke of it.
	RolePath string
	OurTrust func(Document) bool
	// Left says that no document speaks of a workload: where something of ours is
	// all the same, the providers and agents are looked for that stay when it goes.
	Left bool
	// Accounts are those of whose roles documents speak.
	Accounts map[string]bool
	// Policies are the managed policies, boundaries among them, that documents
	// name and that are read, by account; of Roles (ARN) that are there the
	// boundary is read too, and where it says so their managed policies.
	Policies map[string][]string
	Roles    map[string]bool
	// Attach are the managed policies that a role (ARN) is to have: those are read
	// that it has not, for what they newly give.
	Attach map[string][]string
	// Detach gives the managed policies that a role, as it was read, is to lose:
	// they are read for what that takes. nil: none.
	Detach func(*HaveRole) []string
	// Issuers are the clusters of whose issuer an account's provider is looked
	// for, by account.
	Issuers map[string][]ClusterKey
	// Providers are issuers looked for whatever cluster has them: an account,
	// and the issuer as Name.
	Providers []ClusterKey
	// Agents are the clusters that need the Pod Identity agent.
	Agents map[ClusterKey]bool
	// Association is the ServiceAccount of the only association that is read
	// whole; of the others it is seen that they are there. nil: all are read whole.
	Association *WorkloadAccount
	// ServiceAccounts says whose ServiceAccounts are read, once all else was; nil:
	// nobody's.
	ServiceAccounts func(*Snapshot) map[ClusterKey]KubernetesNeed
	// ArgoSecrets says the same of the Secrets that register clusters with an Argo
	// CD, by the cluster that it runs on.
	ArgoSecrets func(*Snapshot) map[ClusterKey]ArgoNeed
}

// OurRole reports whether a role's ARN is beneath the path of our roles.
func (n *WorkloadsNeed) OurRole(arn string) bool {
	p, err := ParseIAMPrincipal(arn)
	return err == nil && n.RolePath != "" && n.RolePath != "/" && strings.HasPrefix(p.Path, n.RolePath)
}

// ProviderARN is the ARN of the OIDC provider of an issuer (its URL without
// https://) in an account.
func ProviderARN(partition, account, issuer string) string {
	return "arn:" + partition + ":iam::" + account + ":oidc-provider/" + issuer
}

// AudienceSTS is the audience of the tokens by which IRSA comes to its
// credentials. (EKS User Guide, IAM roles for service accounts; in other
// partitions Assumption audience-partitions)
const AudienceSTS = "sts.amazonaws.com"

// AudienceEKS is the audience of the tokens by which Pod Identity comes to its
// credentials. (EKS User Guide, pod-id-how-it-works)
const AudienceEKS = "pods.eks.amazonaws.com"

// Role finds a role that was read whole, by ARN.
func (a *HaveAccount) Role(arn string) (*HaveRole, bool) {
	i, ok := slices.BinarySearchFunc(a.Details, arn, func(r HaveRole, s string) int { return strings.Compare(r.ARN, s) })
	if !ok {
		return nil, false
	}
	return &a.Details[i], true
}

// Provider finds an OIDC provider of the account by its issuer.
func (a *HaveAccount) Provider(issuer string) (*HaveProvider, bool) {
	for i := range a.Providers {
		if a.Providers[i].Issuer == issuer {
			return &a.Providers[i], true
		}
	}
	return nil, false
}

// PodIdentity finds a cluster's association by its ServiceAccount.
func (c *HaveCluster) PodIdentity(namespace, name string) (*PodIdentityAssociation, bool) {
	i, ok := slices.BinarySearchFunc(c.PodIdentities, &PodIdentityAssociation{Namespace: namespace, ServiceAccount: name},
		func(a PodIdentityAssociation, w *PodIdentityAssociation) int { return a.Compare(w) })
	if !ok {
		return nil, false
	}
	return &c.PodIdentities[i], true
}

// ServiceAccount finds one that was read.
func (k *HaveKubernetes) ServiceAccount(namespace, name string) (*HaveServiceAccount, bool) {
	for i := range k.ServiceAccounts {
		if a := &k.ServiceAccounts[i]; a.Namespace == namespace && a.Name == name {
			return a, true
		}
	}
	return nil, false
}

// UnreadOf gives the gap that hides a list of an account's or a cluster's that
// is of workloads, if there is one. The cluster's name is empty for an
// account's.
func (s *Snapshot) UnreadOf(k ClusterKey, what GapKind) (Gap, bool) {
	for _, g := range s.Gaps {
		if g.Account != k.Account || g.Region != "" && g.Region != k.Region || g.Cluster != "" && g.Cluster != k.Name {
			continue
		}
		switch g.What {
		case what, GapAccount:
			return g, true
		case GapClusters, GapCluster:
			if k.Name != "" {
				return g, true
			}
		}
	}
	return Gap{}, false
}

// ManagedAccount says what of a ServiceAccount is o's: all of it (ManageCreate:
// our labels, written by our field manager), the annotation of its role alone
// (ManageAnnotate: our marks beside it, written by our field manager), or
// nothing, empty. By names who it is or what set the annotation.
func (o Owner) ManagedAccount(a *HaveServiceAccount, foreign map[string]string) (what Manage, by string) {
	own := o.OwnerOfBinding(&Binding{Labels: a.Labels, Managers: a.Managers}, foreign)
	switch {
	case own.Ours:
		return ManageCreate, own.By
	case a.RoleManager == FieldManager && o.OwnerOf(a.Annotations, foreign).Ours:
		return ManageAnnotate, own.By
	case a.RoleManager == FieldManager:
		return "", o.OwnerOf(a.Annotations, foreign).By
	case a.RoleManager != "":
		return "", cmp.Or(a.RoleManager, own.By)
	}
	return "", own.By
}
