package plan

import (
	"maps"

	"github.com/atlas-iam/atlas-iam/access"
)

// The kinds of workloads' objects.
const (
	Role                   Kind = "Role"                   // IAM's: trust, description, session, boundary, tags
	RolePolicy             Kind = "RolePolicy"             // an inline policy of a role
	RoleAttachment         Kind = "RoleAttachment"         // a managed policy on a role
	OIDCProvider           Kind = "OIDCProvider"           // of an account
	AgentAddon             Kind = "AgentAddon"             // the Pod Identity agent on a cluster
	PodIdentityAssociation Kind = "PodIdentityAssociation" // of a cluster
	ServiceAccount         Kind = "ServiceAccount"         // Kubernetes', of a namespace
	ArgoCDSecret           Kind = "ArgoCDSecret"           // that registers a cluster with an Argo CD
)

// IAMRole is a role. For a delete or a replace, From has its policies too, for
// they go with it; otherwise they are changes of their own.
type IAMRole struct {
	ARN         string            `json:"arn"`
	Description string            `json:"description,omitempty"`
	MaxSession  int               `json:"maxSessionDuration"` // seconds
	Boundary    string            `json:"permissionsBoundary,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Trust       access.Document   `json:"trustPolicy"`

	// What was observed.
	ID      string              `json:"roleId,omitempty"`
	Inline  []access.RolePolicy `json:"inlinePolicies,omitempty"`
	Managed []string            `json:"managedPolicies,omitempty"`
}

// InlinePolicy is one inline policy of a role.
type InlinePolicy struct {
	Role string `json:"role"` // ARN
	access.RolePolicy
}

// Attachment is a managed policy on a role.
type Attachment struct {
	Role   string `json:"role"`   // ARN
	Policy string `json:"policy"` // ARN
}

// Provider is an OIDC provider of an account.
type Provider struct {
	ARN       string            `json:"arn"`
	Issuer    string            `json:"issuer"` // URL without https://
	ClientIDs []string          `json:"clientIds"`
	Tags      map[string]string `json:"tags,omitempty"`
}

// Addon is the agent's add-on.
type Addon struct {
	Name string            `json:"name"`
	Tags map[string]string `json:"tags,omitempty"`
}

// PodIdentity is a Pod Identity association.
type PodIdentity struct{ access.PodIdentityAssociation }

// KubernetesAccount is a ServiceAccount as far as we write it. Manage is what
// of it is ours; none of it if empty.
type KubernetesAccount struct {
	Namespace string        `json:"namespace"`
	Name      string        `json:"name"`
	Manage    access.Manage `json:"manage,omitempty"`
	Role      string        `json:"role,omitempty"` // ARN of the annotation
	UID       string        `json:"uid,omitempty"`
}

func (IAMRole) kind() Kind           { return Role }
func (InlinePolicy) kind() Kind      { return RolePolicy }
func (Attachment) kind() Kind        { return RoleAttachment }
func (Provider) kind() Kind          { return OIDCProvider }
func (Addon) kind() Kind             { return AgentAddon }
func (PodIdentity) kind() Kind       { return PodIdentityAssociation }
func (KubernetesAccount) kind() Kind { return ServiceAccount }

// Written is a as it is written: our labels where it is ours; the annotation of
// its role, and our marks beside it where that alone is.
func (a KubernetesAccount) Written(o access.Owner) *access.WrittenObject {
	w := &access.WrittenObject{Kind: access.ServiceAccountObject, Namespace: a.Namespace, Name: a.Name}
	if a.Manage == access.ManageCreate {
		w.Labels = o.Labels()
	}
	if a.Role != "" {
		w.Annotations = map[string]string{access.AnnotationRole: a.Role}
		maps.Copy(w.Annotations, o.Tags())
	}
	return w
}

// Workload reports whether a kind is of workloads, Argo CD's Secrets among them.
func (k Kind) Workload() bool {
	switch k {
	case Role, RolePolicy, RoleAttachment, OIDCProvider, AgentAddon, PodIdentityAssociation, ServiceAccount, ArgoCDSecret:
		return true
	}
	return false
}

// accountID is the stable name of something of an account.
func accountID(kind, account string, parts ...string) string {
	id := kind + "/" + account
	for _, p := range parts {
		id += "/" + p
	}
	return id
}
