package access

import (
	"cmp"
	"slices"
)

// Rule gives verbs on resources of API groups, or on URLs that are no
// resources: Kubernetes' PolicyRule. There are only rules that allow. "" is
// the core group, "*" is all; "pods/log" is a subresource, "*/scale" that
// subresource of all. No ResourceNames: every name.
type Rule struct {
	Verbs           []string `json:"verbs"`
	APIGroups       []string `json:"apiGroups,omitempty"`
	Resources       []string `json:"resources,omitempty"`
	ResourceNames   []string `json:"resourceNames,omitempty"`
	NonResourceURLs []string `json:"nonResourceURLs,omitempty"`
}

// RoleRef names what a binding binds. Kind is ClusterRole or Role; a Role is
// of the binding's namespace.
type RoleRef struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// The kinds of roles.
const (
	ClusterRole = "ClusterRole"
	Role        = "Role"
)

func (r RoleRef) String() string { return r.Kind + " " + r.Name }

// KubernetesRole is a ClusterRole (Namespace is empty) or a Role.
type KubernetesRole struct {
	Namespace string            `json:"namespace,omitempty"`
	Name      string            `json:"name"`
	Rules     []Rule            `json:"rules,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	// Aggregate holds the selectors of an aggregated ClusterRole: its rules are
	// those of every ClusterRole that one of them selects, filled in by a
	// controller of the cluster.
	Aggregate []map[string]string `json:"aggregate,omitempty"`
}

// SubjectKind is what a binding binds a role to.
type SubjectKind string

// The kinds of subjects.
const (
	UserSubject           SubjectKind = "User"
	GroupSubject          SubjectKind = "Group"
	ServiceAccountSubject SubjectKind = "ServiceAccount"
)

// Subject is one of a binding's subjects. Namespace is a ServiceAccount's.
type Subject struct {
	Kind      SubjectKind `json:"kind"`
	Namespace string      `json:"namespace,omitempty"`
	Name      string      `json:"name"`
}

// Binding is a ClusterRoleBinding (Namespace is empty) or a RoleBinding. It is
// normal when Subjects are sorted and without doubles.
type Binding struct {
	Namespace string            `json:"namespace,omitempty"`
	Name      string            `json:"name"`
	Role      RoleRef           `json:"role"`
	Subjects  []Subject         `json:"subjects,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	// Annotations and UID are what was observed; neither counts as access.
	Annotations map[string]string `json:"annotations,omitempty"`
	UID         string            `json:"uid,omitempty"`
}

// Kind is ClusterRoleBinding or RoleBinding.
func (b *Binding) Kind() string {
	if b.Namespace == "" {
		return "ClusterRoleBinding"
	}
	return "RoleBinding"
}

// Compare orders bindings by namespace, then name.
func (b *Binding) Compare(o *Binding) int {
	return cmp.Or(cmp.Compare(b.Namespace, o.Namespace), cmp.Compare(b.Name, o.Name))
}

// SameAccess reports whether two normal bindings give the same access.
func (b *Binding) SameAccess(o *Binding) bool {
	return b.Namespace == o.Namespace && b.Role == o.Role && slices.Equal(b.Subjects, o.Subjects)
}

// Normalize sorts the subjects in place and drops doubles.
func (b *Binding) Normalize() {
	slices.SortFunc(b.Subjects, func(x, y Subject) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
	})
	b.Subjects = slices.Compact(b.Subjects)
}

// Via is how a cluster's Kubernetes objects are written.
type Via string

// The ways. None: RBAC grants are refused there, and nothing is read.
const (
	ViaDirect Via = "Direct" // through the cluster's own endpoint
	ViaRender Via = "Render" // as manifests, which somebody else applies
	ViaNone   Via = "None"
)

// AuthMap is the ConfigMap kube-system/aws-auth: three keys, each a YAML
// document as it stands there. Package authz/awsauth reads them.
type AuthMap struct {
	MapRoles    string `json:"mapRoles,omitempty"`
	MapUsers    string `json:"mapUsers,omitempty"`
	MapAccounts string `json:"mapAccounts,omitempty"`
}

// HaveKubernetes is what was seen through a cluster's own endpoint. A part that
// was not read is a gap of the Snapshot's; the others stand.
type HaveKubernetes struct {
	RBACRead bool             // Roles and Bindings are whole
	Roles    []KubernetesRole // sorted by namespace, name
	Bindings []Binding        // normal, sorted by namespace, name

	NamespacesRead bool
	Namespaces     []string // sorted; those that are ending left out

	AuthMapRead bool
	AuthMap     *AuthMap // nil: there is none
}

// WantBinding is a team's wish for a role on a cluster. It stands for a
// ClusterRoleBinding where Scope is the cluster, else for a RoleBinding in
// each namespace that matches a pattern of it.
type WantBinding struct {
	Team  string
	Group string // the Kubernetes group that the role is bound to, see TeamGroup
	Name  string // of the bindings
	Role  RoleRef
	Scope Scope       // the union of Parts
	Parts []WantScope // in document order, at least one
}

// TeamGroup is the Kubernetes group of a team's members, made by us, that its
// roles are bound to: atlas-iam:ENVIRONMENT:TEAM.
func TeamGroup(environment, team string) string { return "atlas-iam:" + environment + ":" + team }
