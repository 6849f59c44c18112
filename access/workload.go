package access

import "cmp"

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

// Document is an IAM policy in canonical form, as authz/iam.Canonical gives
// it: policies that say the same are equal strings.
type Document string

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
