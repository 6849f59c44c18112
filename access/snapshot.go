package access

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Gap is a list that could not be read. Nothing inside it is absent: it is
// unread, and no delete and no "lost" may follow from it.
type Gap struct {
	What    GapKind `json:"what"`
	Account string  `json:"account"`
	Region  string  `json:"region,omitempty"`
	Cluster string  `json:"cluster,omitempty"` // EKS's name
	// Principal is set where one entry's details could not be read.
	Principal string `json:"principal,omitempty"`
	Reason    string `json:"reason"` // what AWS or the network said
}

// GapKind names the list that was not read.
type GapKind string

// The lists a gap can be in; a gap swallows all that would have been read
// through it.
const (
	GapAccount  GapKind = "account"  // nothing of the account was read
	GapClusters GapKind = "clusters" // the clusters of an account's region
	GapCluster  GapKind = "cluster"  // a cluster's description
	GapEntries  GapKind = "entries"  // the access entries of a cluster
	GapEntry    GapKind = "entry"    // one entry's description or policies
	GapUsers    GapKind = "users"    // the IAM users of an account
	GapRoles    GapKind = "roles"    // the IAM roles of an account

	// Through a cluster's own endpoint.
	GapKubernetes GapKind = "kubernetes" // nothing of it was read
	GapRBAC       GapKind = "rbac"       // roles and bindings
	GapNamespaces GapKind = "namespaces"
	GapAuthMap    GapKind = "aws-auth" // the ConfigMap

	GapServiceAccounts GapKind = "service accounts"
	GapArgoSecrets     GapKind = "argo cd secrets" // those that register clusters with an Argo CD

	// Of workloads.
	GapRoleDetails   GapKind = "role policies"             // policies, trust and tags of an account's roles
	GapProviders     GapKind = "oidc providers"            // of an account
	GapPodIdentities GapKind = "pod identity associations" // of a cluster
	GapPodIdentity   GapKind = "pod identity association"  // one, by ARN in Principal
	GapPolicy        GapKind = "managed policy"            // one, by ARN in Principal
	GapAgent         GapKind = "pod identity agent"        // of a cluster
)

// Compare orders gaps.
func (g Gap) Compare(o Gap) int {
	return cmp.Or(cmp.Compare(g.Account, o.Account), cmp.Compare(g.Region, o.Region),
		cmp.Compare(g.Cluster, o.Cluster), cmp.Compare(g.What, o.What), cmp.Compare(g.Principal, o.Principal),
		cmp.Compare(g.Reason, o.Reason))
}

// Principal is an IAM user or role that exists.
type Principal struct {
	ARN       string
	ID        string // AIDA... or AROA...
	CreatedAt time.Time
}

// HaveAccount is what was seen of an account.
type HaveAccount struct {
	Account Account
	Caller  string // ARN of the caller's identity as STS gives it; empty if the account is a gap
	// Behind is the ARN of whose credentials assume the account's role, as STS
	// gives it; empty where no role is assumed.
	Behind   string
	Endpoint string // where the calls went: "" for AWS's own, else a URL
	// UsersRead and RolesRead tell an empty list from an unread one.
	UsersRead, RolesRead bool
	Users, Roles         []Principal // sorted by ARN
	// Details are the roles whole, sorted by ARN; empty where they were not
	// asked for. ProvidersRead and DetailsRead tell an empty list from an
	// unread one.
	DetailsRead, ProvidersRead bool
	Details                    []HaveRole
	Providers                  []HaveProvider // sorted by ARN
	// Policies are managed policies by ARN, as far as they were asked for and
	// could be read.
	Policies map[string]Document
}

// Principal finds an IAM principal of the account by ARN.
func (a *HaveAccount) Principal(arn string) (Principal, bool) {
	for _, list := range [][]Principal{a.Users, a.Roles} {
		if i, ok := slices.BinarySearchFunc(list, arn, func(p Principal, s string) int { return strings.Compare(p.ARN, s) }); ok {
			return list[i], true
		}
	}
	return Principal{}, false
}

// Callers are the users and roles whose credentials a run works with: the one
// that it acts as, and the one that assumes its role. Of a root or federated
// caller nothing can be told.
func (a *HaveAccount) Callers() []PrincipalKey {
	var keys []PrincipalKey
	for _, arn := range []string{a.Caller, a.Behind} {
		k, ok := PrincipalKeyOf(arn)
		if account, name, session := SessionRole(arn); session {
			k, ok = PrincipalKey{account, "role", strings.ToLower(name)}, true
		}
		if ok && !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

// CallerPrincipal is the ARN of the user or role behind the caller's session,
// path included where the account's roles were read. ok is false where it
// cannot be told (a root or federated caller, a role that was not read).
func (a *HaveAccount) CallerPrincipal() (arn string, ok bool) {
	if p, err := ParseIAMPrincipal(a.Caller); err == nil {
		return p.ARN(), true
	}
	account, name, ok := SessionRole(a.Caller)
	if !ok || account != a.Account.ID {
		return "", false
	}
	for _, r := range a.Roles {
		if p, err := ParseIAMPrincipal(r.ARN); err == nil && p.Name == name {
			return r.ARN, true
		}
	}
	return "", false
}

// HaveCluster is what was seen of a cluster.
type HaveCluster struct {
	Key    ClusterKey
	Status string // ACTIVE, UPDATING, ...
	Mode   AuthMode
	// EntriesRead is true where the list of entries is whole. It is false with
	// a gap, and false without one in CONFIG_MAP mode, where EKS keeps none
	// that could be listed: that is a fact.
	EntriesRead bool
	Entries     []Entry // normal, sorted by principal; those whose details are a gap are missing
	// Endpoint and CA (PEM) are the cluster's own API server's; empty while it
	// has none.
	Endpoint, CA string
	// Kubernetes is what was read through it; nil where nothing was asked.
	Kubernetes *HaveKubernetes
	// Issuer is the URL of its OIDC issuer, without https://.
	Issuer string
	// PodIdentitiesRead is true where the list of associations is whole; those
	// whose details are a gap are missing.
	PodIdentitiesRead bool
	PodIdentities     []PodIdentityAssociation // sorted by namespace, ServiceAccount
	Agent             *HaveAgent               // nil: not read
}

// KubernetesNeed says whether a cluster's own API server is to be read.
type KubernetesNeed int

// The needs. KubernetesIfThere takes a cluster without an API server (a lab
// without one) as it is; KubernetesNeeded calls that a gap.
const (
	KubernetesUnread KubernetesNeed = iota
	KubernetesIfThere
	KubernetesNeeded
)

// Entry finds a cluster's entry by principal ARN.
func (c *HaveCluster) Entry(principal string) (*Entry, bool) {
	i, ok := slices.BinarySearchFunc(c.Entries, principal, func(e Entry, p string) int { return strings.Compare(e.Principal, p) })
	if !ok {
		return nil, false
	}
	return &c.Entries[i], true
}

// Snapshot is what AWS was seen to have, at a time.
type Snapshot struct {
	At       time.Time
	Accounts []HaveAccount // sorted by name, one for each of the State's
	Clusters []HaveCluster // sorted by key; every cluster of the accounts' regions that was read
	Gaps     []Gap         // sorted
	// Part is set where only a part was asked for: what is outside of it was
	// not read, is not a gap, and is neither planned nor deleted.
	Part *Part
}

// Part narrows a run to some clusters, to some principals, or both.
type Part struct {
	Clusters []ClusterKey `json:"clusters,omitempty"` // sorted; empty: every cluster
	// Only is what the user asked for, in words: team/qa, user/oleksii.
	Only []string `json:"only,omitempty"`
	// Principals are the ARNs that Only came to; nil when Only is empty.
	Principals []string `json:"principals,omitempty"` // sorted
}

// HasCluster reports whether a run so narrowed looks at a cluster. A nil Part
// looks at everything.
func (p *Part) HasCluster(k ClusterKey) bool {
	return p == nil || len(p.Clusters) == 0 || slices.Contains(p.Clusters, k)
}

// HasPrincipal reports whether a run so narrowed looks at a principal.
func (p *Part) HasPrincipal(arn string) bool {
	return p == nil || len(p.Only) == 0 || slices.Contains(p.Principals, arn)
}

// Cluster finds a cluster.
func (s *Snapshot) Cluster(k ClusterKey) (*HaveCluster, bool) {
	i, ok := slices.BinarySearchFunc(s.Clusters, k, func(c HaveCluster, k ClusterKey) int { return c.Key.Compare(k) })
	if !ok {
		return nil, false
	}
	return &s.Clusters[i], true
}

// Account finds an account by its twelve digits.
func (s *Snapshot) Account(id string) (*HaveAccount, bool) {
	for i := range s.Accounts {
		if s.Accounts[i].Account.ID == id {
			return &s.Accounts[i], true
		}
	}
	return nil, false
}

// Unread gives the gap that hides a cluster or, with a principal, one of its
// entries, if there is one.
func (s *Snapshot) Unread(k ClusterKey, principal string) (Gap, bool) {
	for _, g := range s.Gaps {
		if g.Account != k.Account || (g.Region != "" && g.Region != k.Region) || (g.Cluster != "" && g.Cluster != k.Name) {
			continue
		}
		switch g.What {
		case GapUsers, GapRoles, GapKubernetes, GapRBAC, GapNamespaces, GapAuthMap, GapServiceAccounts, GapArgoSecrets,
			GapRoleDetails, GapPolicy, GapProviders, GapPodIdentities, GapPodIdentity, GapAgent:
			continue // they hide no entry
		case GapEntry:
			if principal != g.Principal {
				continue
			}
		}
		return g, true
	}
	return Gap{}, false
}

// UnreadKubernetes gives the gap that hides a part of a cluster's Kubernetes
// side: GapRBAC, GapNamespaces or GapAuthMap. A part that nobody asked for is
// no gap, and is not read either.
func (s *Snapshot) UnreadKubernetes(k ClusterKey, part GapKind) (Gap, bool) {
	for _, g := range s.Gaps {
		if g.Account == k.Account && g.Region == k.Region && g.Cluster == k.Name && (g.What == GapKubernetes || g.What == part) {
			return g, true
		}
	}
	return Gap{}, false
}

// Alive tells whether the principal behind an entry exists and is the one that
// the entry was made for.
type Alive int

// An entry binds its principal's unique id, which no API returns; a principal
// made after the entry cannot be the one the entry was made for.
const (
	AliveUnknown Alive = iota // the principal's account or list was not read
	AliveYes
	AliveGone   // no such user or role
	AliveRemade // made again after the entry: the entry is dead
)

// EntryAlive compares the entry's time with its principal's. (EKS User Guide,
// creating access entries: EKS keeps the principal's unique id. Assumption
// remade-by-time: CreateDate later than the entry's createdAt means remade.)
func (s *Snapshot) EntryAlive(e *Entry) Alive {
	p, err := ParseIAMPrincipal(e.Principal)
	if err != nil {
		return AliveUnknown
	}
	a, ok := s.Account(p.Account)
	if !ok || (p.Kind == "user" && !a.UsersRead) || (p.Kind == "role" && !a.RolesRead) {
		return AliveUnknown
	}
	found, ok := a.Principal(e.Principal)
	switch {
	case !ok:
		return AliveGone
	case found.CreatedAt.After(e.CreatedAt) && !e.CreatedAt.IsZero():
		return AliveRemade
	}
	return AliveYes
}
