package effect

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// After is each cluster as it will be when the plan's changes that nothing
// holds were made, as Seen gives it.
func After(s *access.State, h *access.Snapshot, p *plan.Plan) []authz.Facts {
	clusters := slices.Clone(h.Clusters)
	index := make(map[access.ClusterKey]*changing, len(clusters))
	for i := range clusters {
		index[clusters[i].Key] = &changing{cluster: &clusters[i]}
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		if at, ok := index[c.Cluster]; ok && len(c.Held) == 0 {
			at.make(c, h)
		}
	}
	for _, at := range index {
		at.sort()
	}
	return seen(withRoles(h, p), clusters, s)
}

// withRoles is a snapshot with the roles that a plan makes and without those
// that it takes. An entry of a role that is not there yet, or no more, would
// otherwise be judged by the wrong day: that the entry gives access by then is
// to be shown.
func withRoles(h *access.Snapshot, p *plan.Plan) *access.Snapshot {
	out := *h
	own := false
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Kind != plan.Role || len(c.Held) > 0 {
			continue
		}
		to, made := c.To.(plan.IAMRole)
		role := to.ARN
		if from, ok := c.From.(plan.IAMRole); ok && !made {
			role = from.ARN
		}
		if !own {
			own, out.Accounts = true, slices.Clone(h.Accounts)
		}
		for j := range out.Accounts {
			a := &out.Accounts[j]
			if iam, err := access.ParseIAMPrincipal(role); err != nil || iam.Account != a.Account.ID || c.Verb == plan.Update {
				continue
			}
			a.Roles = slices.DeleteFunc(slices.Clone(a.Roles), func(r access.Principal) bool { return r.ARN == role })
			if made {
				at, _ := slices.BinarySearchFunc(a.Roles, role, func(r access.Principal, arn string) int { return strings.Compare(r.ARN, arn) })
				a.Roles = slices.Insert(a.Roles, at, access.Principal{ARN: role, CreatedAt: h.At})
			}
		}
	}
	return &out
}

// changing is a cluster to which a plan's changes are made.
type changing struct {
	cluster *access.HaveCluster // its lists are h's until own is true
	own     bool
	at      map[string]int // place in Entries, by principal
}

// make makes one change. What is made or made again is as alive as its
// principal: its time is that of the reading.
func (x *changing) make(c *plan.Change, h *access.Snapshot) {
	if c.Kind == plan.RoleBinding || c.Kind == plan.ClusterRoleBinding {
		x.bind(c)
		return
	}
	switch to := c.To.(type) {
	case plan.Mode:
		x.cluster.Mode = to.AuthenticationMode
	case plan.Entry:
		e := *to.Clone()
		e.Associations = nil
		e.Username, e.Groups = entryIdentity(e.Principal, e.Type, e.Username, e.Groups)
		old, ok := x.entry(e.Principal)
		switch {
		case ok && c.Verb == plan.Update:
			e.Associations, e.CreatedAt = old.Associations, old.CreatedAt
			*old = e
		case ok:
			e.CreatedAt = h.At
			*old = e
		default:
			e.CreatedAt = h.At
			x.at[e.Principal] = len(x.cluster.Entries)
			x.cluster.Entries = append(x.cluster.Entries, e)
		}
	case plan.Association:
		if e, ok := x.entry(to.Principal); ok {
			setPolicy(e, to.Association)
		}
	case nil:
		x.remove(c)
	}
}

// bind makes a change of a binding, in a list of the cluster's own.
func (x *changing) bind(c *plan.Change) {
	if x.cluster.Kubernetes == nil {
		return
	}
	k := *x.cluster.Kubernetes
	k.Bindings = slices.DeleteFunc(slices.Clone(k.Bindings), func(b access.Binding) bool { return b.Namespace == c.Namespace && b.Name == c.Name })
	if to, ok := c.To.(plan.Binding); ok {
		k.Bindings = append(k.Bindings, *to.Clone())
		slices.SortFunc(k.Bindings, func(a, b access.Binding) int { return a.Compare(&b) })
	}
	x.cluster.Kubernetes = &k
}

// remove makes a delete.
func (x *changing) remove(c *plan.Change) {
	e, ok := x.entry(c.Principal)
	switch from := c.From.(type) {
	case plan.Entry:
		if ok {
			e.Type = gone
		}
	case plan.Association:
		if ok {
			e.Associations = slices.DeleteFunc(slices.Clone(e.Associations), func(a access.Association) bool { return a.Policy == from.Policy })
		}
	}
}

// gone marks an entry that was deleted, until sort.
const gone access.EntryType = "gone"

// entry finds an entry that may be written to.
func (x *changing) entry(principal string) (*access.Entry, bool) {
	if !x.own {
		x.own = true
		x.cluster.Entries = slices.Clone(x.cluster.Entries)
		x.at = make(map[string]int, len(x.cluster.Entries))
		for i := range x.cluster.Entries {
			x.at[x.cluster.Entries[i].Principal] = i
		}
	}
	i, ok := x.at[principal]
	if !ok || x.cluster.Entries[i].Type == gone {
		return nil, false
	}
	return &x.cluster.Entries[i], true
}

// setPolicy puts a policy on an entry, in a list of its own.
func setPolicy(e *access.Entry, a access.Association) {
	e.Associations = slices.Clone(e.Associations)
	i := slices.IndexFunc(e.Associations, func(x access.Association) bool { return x.Policy == a.Policy })
	if i < 0 {
		e.Associations = append(e.Associations, a)
	} else {
		e.Associations[i] = a
	}
	slices.SortFunc(e.Associations, func(a, b access.Association) int { return strings.Compare(a.Policy, b.Policy) })
}

func (x *changing) sort() {
	if !x.own {
		return
	}
	x.cluster.Entries = slices.DeleteFunc(x.cluster.Entries, func(e access.Entry) bool { return e.Type == gone })
	slices.SortFunc(x.cluster.Entries, func(a, b access.Entry) int {
		return strings.Compare(a.Principal, b.Principal)
	})
}
