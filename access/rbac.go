package access

import (
	"cmp"
	"maps"
	"slices"
	"strings"
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

// KubernetesResource is a kind of objects that an API server serves.
type KubernetesResource struct {
	Group, Name string // "" is the core group; Name is the plural
	Namespaced  bool   // its objects are in namespaces
}

// Compare orders resources by group, then name.
func (r KubernetesResource) Compare(o KubernetesResource) int {
	return cmp.Or(cmp.Compare(r.Group, o.Group), cmp.Compare(r.Name, o.Name))
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
	// Annotations, UID and Managers are what was observed; none counts as
	// access. Managers are the field managers, sorted: who wrote it.
	Annotations map[string]string `json:"annotations,omitempty"`
	UID         string            `json:"uid,omitempty"`
	Managers    []string          `json:"managers,omitempty"`
}

// FieldManager is the name under which we write to Kubernetes.
const FieldManager = "atlas-iam"

// LabelManagedBy tells who an object is managed by; ours say FieldManager.
// (Kubernetes, recommended labels)
const LabelManagedBy = "app.kubernetes.io/managed-by"

// Labels are those that mark a Kubernetes object as o's.
func (o Owner) Labels() map[string]string {
	labels := o.Tags()
	labels[LabelManagedBy] = FieldManager
	return labels
}

// OwnerOfBinding reads whose a binding is. Ours has our labels and was written
// by our field manager: labels are copied with the YAML they stand in, and a
// copy is not ours. foreign holds the marks of other tools, as for tags.
func (o Owner) OwnerOfBinding(b *Binding, foreign map[string]string) Ownership {
	by := b.Labels[LabelManagedBy]
	own := o.OwnerOf(b.Labels, foreign)
	switch {
	case !own.Ours && own.By == "nobody's mark" && by != "":
		return Ownership{By: "label " + LabelManagedBy + "=" + by}
	case !own.Ours && own.By == "nobody's mark" && b.Labels[labelBootstrap] != "":
		return Ownership{By: "Kubernetes"}
	case !own.Ours:
		return own
	case by != "" && by != FieldManager:
		return Ownership{By: "label " + LabelManagedBy + "=" + by}
	case !slices.Contains(b.Managers, FieldManager):
		return Ownership{By: "a copy with the labels of environment " + o.Environment + ", written by " + cmp.Or(strings.Join(b.Managers, ", "), "somebody else")}
	}
	return own
}

// labelBootstrap marks what the API server makes itself. (Kubernetes, RBAC:
// default roles)
const labelBootstrap = "kubernetes.io/bootstrapping"

// Clone is a copy that shares nothing with b.
func (b *Binding) Clone() *Binding {
	c := *b
	c.Subjects, c.Managers = slices.Clone(b.Subjects), slices.Clone(b.Managers)
	c.Labels, c.Annotations = maps.Clone(b.Labels), maps.Clone(b.Annotations)
	return &c
}

// Key is the binding's name with its namespace, as people write it.
func (b *Binding) Key() string {
	if b.Namespace == "" {
		return b.Name
	}
	return b.Namespace + "/" + b.Name
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

// Direct reports whether objects are written through the cluster's own endpoint,
// as they are where nobody says.
func (v Via) Direct() bool { return v == ViaDirect || v == "" }

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

	ServiceAccountsRead bool
	ServiceAccounts     []HaveServiceAccount // sorted by namespace, name

	// ArgoSecretsRead: all that are ours, and those at names where one of ours is
	// wanted, are among ArgoSecrets.
	ArgoSecretsRead bool
	ArgoSecrets     []HaveArgoSecret // sorted by namespace, name

	// Resources are what the API server serves, where it was asked for that;
	// sorted by group, name. nil: it was not, or did not answer.
	Resources []KubernetesResource

	// Trials are writes that the API server was asked to try without making
	// them, and what it said; sorted by namespace, name.
	Trials []Trial
}

// Binding finds a binding that was read; an empty namespace is the cluster.
func (k *HaveKubernetes) Binding(namespace, name string) (*Binding, bool) {
	want := &Binding{Namespace: namespace, Name: name}
	i, ok := slices.BinarySearchFunc(k.Bindings, want, func(b Binding, w *Binding) int { return b.Compare(w) })
	if !ok {
		return nil, false
	}
	return &k.Bindings[i], true
}

// Role finds a role that was read; an empty namespace is the cluster.
func (k *HaveKubernetes) Role(namespace, name string) (*KubernetesRole, bool) {
	i, ok := slices.BinarySearchFunc(k.Roles, name, func(r KubernetesRole, n string) int {
		return cmp.Or(cmp.Compare(r.Namespace, namespace), cmp.Compare(r.Name, n))
	})
	if !ok {
		return nil, false
	}
	return &k.Roles[i], true
}

// Trial finds what came of trying a write: of a binding's with an empty kind,
// else of a WrittenObject's.
func (k *HaveKubernetes) Trial(kind ObjectKind, namespace, name string) (*Trial, bool) {
	for i := range k.Trials {
		if is, at, of := k.Trials[i].what(); is == kind && at == namespace && of == name {
			return &k.Trials[i], true
		}
	}
	return nil, false
}

// ObjectKind is a kind of Kubernetes objects.
type ObjectKind string

// The kinds of objects, bindings aside, that we write.
const (
	ServiceAccountObject ObjectKind = "ServiceAccount"
	SecretObject         ObjectKind = "Secret"
)

// WrittenObject is a ServiceAccount or a Secret as far as we write it. What
// others wrote of it stays theirs.
type WrittenObject struct {
	Kind                ObjectKind
	Namespace, Name     string
	Labels, Annotations map[string]string
	Data                map[string]string // a Secret's, as text
}

// Trial is a write that an API server was asked to try: it judges it as a real
// one, the right to bind included, and stores nothing. (Kubernetes, dry run)
type Trial struct {
	Binding Binding // where Written is nil
	Written *WrittenObject
	UID     string // of the Written that is deleted
	Verb    TrialVerb
	// Refused is what the API server would say no with; empty: it would be done.
	Refused string
	// Conflict says that it is refused because another field manager owns what
	// would be set.
	Conflict bool
	// Bare says that it is refused because the caller may not write such a
	// binding at all, whatever is in it: as who plans and does not apply.
	Bare bool
	// Unread says that there was no answer, Refused then says why.
	Unread bool
}

func (t *Trial) what() (kind ObjectKind, namespace, name string) {
	if t.Written != nil {
		return t.Written.Kind, t.Written.Namespace, t.Written.Name
	}
	return "", t.Binding.Namespace, t.Binding.Name
}

// String names what was tried: "RoleBinding dev/x".
func (t *Trial) String() string {
	if t.Written != nil {
		return string(t.Written.Kind) + " " + t.Written.Namespace + "/" + t.Written.Name
	}
	return t.Binding.Kind() + " " + t.Binding.Key()
}

// Compare orders trials.
func (t *Trial) Compare(o *Trial) int {
	kind, namespace, name := t.what()
	ofKind, ofNamespace, ofName := o.what()
	return cmp.Or(cmp.Compare(kind, ofKind), cmp.Compare(namespace, ofNamespace), cmp.Compare(name, ofName), cmp.Compare(t.Verb, o.Verb))
}

// TrialVerb is what is tried.
type TrialVerb string

// The verbs. A binding that is replaced is tried as both.
const (
	TryApply   TrialVerb = "apply"
	TryDelete  TrialVerb = "delete"
	TryReplace TrialVerb = "replace"
)

// WantBinding is a team's wish for a role on a cluster. It stands for a
// ClusterRoleBinding where Scope is the cluster, else for a RoleBinding in
// each namespace that matches a pattern of it. A role that a team has in the
// cluster and in namespaces is two of them, of one name.
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

// TeamOfGroup undoes TeamGroup.
func TeamOfGroup(group string) (environment, team string, ok bool) {
	rest, ok := strings.CutPrefix(group, "atlas-iam:")
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, ":")
}
