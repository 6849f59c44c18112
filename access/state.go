package access

import (
	"slices"
	"strconv"
	"strings"
)

// Place is where a document says something.
type Place struct {
	File   string `json:"file"` // as the user named it, slashes
	Line   int    `json:"line"` // from 1
	Column int    `json:"column,omitempty"`
}

// String is file:line:column, the form editors jump to.
func (p Place) String() string {
	s := p.File
	if p.Line > 0 {
		s += ":" + strconv.Itoa(p.Line)
		if p.Column > 0 {
			s += ":" + strconv.Itoa(p.Column)
		}
	}
	return s
}

// Account is an AWS account that the Environment names: where to look, as whom.
type Account struct {
	Name      string   `json:"name"`
	ID        string   `json:"id"` // twelve digits
	Partition string   `json:"partition"`
	Regions   []string `json:"regions"` // sorted
	// Role to assume there; empty means the caller's own credentials.
	RoleARN     string `json:"roleArn,omitempty"`
	ExternalID  string `json:"externalId,omitempty"`
	SessionName string `json:"sessionName,omitempty"`
}

// MemberKind is how a document names a principal.
type MemberKind string

// The kinds of members. A permission set must be looked up in the account; the
// others are ARNs as soon as the account is known.
const (
	UserMember          MemberKind = "user"
	RoleMember          MemberKind = "role"
	PermissionSetMember MemberKind = "permissionSet"
	ARNMember           MemberKind = "arn"
)

// Member is a principal as a document names it, with its account settled.
type Member struct {
	Kind      MemberKind `json:"kind"`
	Partition string     `json:"partition"`
	Account   string     `json:"account"`
	Name      string     `json:"name"` // path and name of a user or role; a permission set's name; an ARN
}

// ARN is the member's ARN, and false for a permission set, whose role's name
// only the account knows.
func (m Member) ARN() (string, bool) {
	switch m.Kind {
	case UserMember, RoleMember:
		return "arn:" + m.Partition + ":iam::" + m.Account + ":" + string(m.Kind) + "/" + m.Name, true
	case ARNMember:
		return m.Name, true
	}
	return "", false
}

// String is the member as people write it: user/oleksii, role/ci/deploy,
// permissionSet/Backend, or the ARN.
func (m Member) String() string {
	if m.Kind == ARNMember {
		return m.Name
	}
	return string(m.Kind) + "/" + m.Name
}

// Source says which document asked for something.
type Source struct {
	Team  string `json:"team,omitempty"` // empty when a Cluster document asked; WorkloadTeam's for a workload's own grants
	Place Place  `json:"place"`
}

// WorkloadTeam is the team that a workload's own grants make. No document
// names such a team: names of documents have no dot.
func WorkloadTeam(workload string) string { return workloadTeam + workload }

const workloadTeam = "workload."

// WorkloadOfTeam undoes WorkloadTeam; false of a team of people.
func WorkloadOfTeam(team string) (string, bool) { return strings.CutPrefix(team, workloadTeam) }

// TeamWord is a team as people write it: team/NAME, or workload/NAME.
func TeamWord(team string) string {
	if name, ok := WorkloadOfTeam(team); ok {
		return string(WhoWorkload) + "/" + name
	}
	return string(WhoTeam) + "/" + team
}

// TeamWords are teams as people write them.
func TeamWords(teams []string) string {
	words := make([]string, len(teams))
	for i, t := range teams {
		words[i] = TeamWord(t)
	}
	return strings.Join(words, ", ")
}

// WantScope is one document's wish for a policy on an entry. The entry's
// association has the union of all of them.
type WantScope struct {
	Scope  Scope
	Source Source
}

// WantAssociation is a wanted policy on an entry. Scope is the union of Parts.
type WantAssociation struct {
	Policy string // ARN in the cluster's partition
	Scope  Scope
	Parts  []WantScope // in document order, at least one
}

// WantEntry is a wanted access entry, before its member is looked up.
type WantEntry struct {
	Member Member
	Type   EntryType
	// Username as a document wrote it; empty means EKS's default for a
	// STANDARD entry, and not ours to set for any other type.
	Username     string
	Groups       []string          // normal
	Associations []WantAssociation // sorted by policy
	Sources      []Source          // members lists that named it, in document order
}

// WantCluster is what the documents say of one cluster.
type WantCluster struct {
	Document string // metadata.name
	Key      ClusterKey
	Mode     AuthMode // empty: not managed
	Protect  []ListedMember
	Remove   []ListedMember
	Entries  []WantEntry // sorted by member
	// Idle are the members of teams whose selector selects no cluster at all,
	// this one included: a label mistyped, or a team that waits for its first
	// cluster. They want nothing here; that they lose all they have may not be
	// meant.
	Idle []IdleMember // sorted by member, then team
	// Via says how Kubernetes objects are written there, ViaDirect if the
	// document does not say.
	Via      Via
	Bindings []WantBinding // sorted by name, of one name the cluster's first
	// PodIdentities and ServiceAccounts are the workloads', sorted by namespace,
	// name.
	PodIdentities   []WantPodIdentity
	ServiceAccounts []WantServiceAccount
	// PodIdentityPatterns are workloads' whose namespace or ServiceAccount is a
	// pattern, sorted likewise. EKS knows none: what matches one is made when it
	// is bound, and is wanted from then on. See PodIdentity.
	PodIdentityPatterns []WantPodIdentity
	ArgoCD              *WantArgoCD // nil: registered with none
	Place               Place
}

// IdleMember is a member of a team that selects no cluster.
type IdleMember struct {
	Member Member
	Team   string
	Place  Place // of the team's selector
}

// ListedMember is a member of protect or remove.
type ListedMember struct {
	Member Member
	Place  Place
}

// State is everything the documents want. It is normal: lists that are sets
// are sorted, and equal documents in any order of files give equal States.
type State struct {
	Owner       Owner
	Accounts    []Account         // sorted by name
	Tags        map[string]string // for what we make, without our own two
	ForeignTags map[string]string // marks of other tools
	Clusters    []WantCluster     // sorted by document name
	// Teams are the names of all Team documents, sorted, for --only and for
	// words about people.
	Teams []string
	// RolePath is the path beneath which the roles stand that we make, "/a/b/";
	// empty: the Environment names none.
	RolePath string
	// Workloads are sorted by name, Roles by account and ARN.
	Workloads []WantWorkload
	Roles     []WantRole
	// Tests are the access tests, in the order of their places.
	Tests []WantTest
	// Partial lists what stands beneath the Environment's folder and was not
	// read (a file left out on the command line). Not empty: nothing may be
	// deleted.
	Partial []string
	// Notes are what is legal and perhaps not meant, sorted by place.
	Notes []Note
}

// Note is something a document says that is legal and perhaps not meant, as a
// selector that matches no cluster.
type Note struct {
	Place Place  `json:"place"`
	Slug  string `json:"slug"` // of the plan's warning
	Text  string `json:"text"`
}

// Cluster finds what the documents say of a cluster.
func (s *State) Cluster(k ClusterKey) (*WantCluster, bool) {
	i := slices.IndexFunc(s.Clusters, func(c WantCluster) bool { return c.Key == k })
	if i < 0 {
		return nil, false
	}
	return &s.Clusters[i], true
}

// Account finds an account by its twelve digits.
func (s *State) Account(id string) (Account, bool) {
	for _, a := range s.Accounts {
		if a.ID == id {
			return a, true
		}
	}
	return Account{}, false
}
