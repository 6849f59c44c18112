package plan

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
)

// The order in which changes are made, grants before revokes. A replace takes
// the entry away for a moment, so it is with the revokes; so is the step to
// mode API, with which aws-auth ceases to count.
const (
	rankMode        = iota // modes that let entries be made
	rankTrusted            // providers of tokens, the agent
	rankRole               // new roles
	rankEntry              // new entries
	rankGrant              // new policies, and updates that only give
	rankNeutral            // updates that neither give nor take: tags
	rankUnbind             // bindings that go: before the entries by which they are found
	rankNarrow             // updates that take, replaced entries, mode API
	rankAssociation        // policies that go
	rankDelete             // entries and roles that go
)

func rank(c *Change) int {
	switch c.Kind {
	case AuthenticationMode:
		if to, ok := c.To.(Mode); ok && to.AuthenticationMode == access.ModeAPI {
			return rankNarrow
		}
		return rankMode
	case AccessEntry:
		switch c.Verb {
		case Create:
			return rankEntry
		case Replace:
			return rankNarrow
		case Delete:
			return rankDelete
		}
	case RoleBinding, ClusterRoleBinding:
		switch c.Verb {
		case Create:
			return rankGrant
		case Replace, Delete:
			return rankUnbind
		}
		if len(c.Lost) > 0 {
			return rankUnbind
		}
	case PolicyAssociation:
		switch c.Verb {
		case Create:
			return rankGrant
		case Delete:
			return rankAssociation
		}
	case OIDCProvider, AgentAddon:
		return rankTrusted
	case Role:
		switch c.Verb {
		case Create:
			return rankRole
		case Replace:
			return rankNarrow
		case Delete:
			return rankDelete
		}
	case RolePolicy, RoleAttachment, PodIdentityAssociation, ServiceAccount, ArgoCDSecret:
		switch {
		case c.Verb == Create:
			return rankGrant
		case c.Verb == Delete && (c.Kind == RolePolicy || c.Kind == RoleAttachment):
			return rankAssociation
		case c.Verb == Delete:
			return rankUnbind
		}
	}
	switch {
	case len(c.Lost) > 0:
		return rankNarrow
	case len(c.Gained) > 0:
		return rankGrant
	}
	return rankNeutral
}

// sort puts changes and foreign objects in their order: by rank; the caller's
// own principal last within it; then cluster, principal, kind, ID. What a change
// depends on always stands before it.
func (p *Plan) sort(have *access.Snapshot) {
	callers := map[access.PrincipalKey]bool{}
	for i := range have.Accounts {
		for _, k := range have.Accounts[i].Callers() {
			callers[k] = true
		}
	}
	own := func(c *Change) int {
		if k, ok := access.PrincipalKeyOf(c.Principal); ok && callers[k] {
			return 1
		}
		return 0
	}
	slices.SortFunc(p.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(rank(&a), rank(&b)), cmp.Compare(own(&a), own(&b)),
			cmp.Compare(a.Document, b.Document), a.Cluster.Compare(b.Cluster),
			cmp.Compare(a.Principal, b.Principal), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	p.Changes = dependenciesFirst(p.Changes)
	slices.SortFunc(p.Foreign, func(a, b Foreign) int {
		return cmp.Or(a.Cluster.Compare(b.Cluster), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind))
	})
}

// dependenciesFirst keeps the order of changes except that none stands before
// what it depends on: always the first that is ready is next. Dependencies
// have no cycles; see judgement.after.
func dependenciesFirst(changes []Change) []Change {
	at := make(map[string]int, len(changes))
	for i := range changes {
		at[changes[i].ID] = i
	}
	waits := make([]int, len(changes))
	dependents := make([][]int, len(changes))
	var ready indexHeap
	for i := range changes {
		for _, id := range changes[i].DependsOn {
			if j, ok := at[id]; ok {
				waits[i]++
				dependents[j] = append(dependents[j], i)
			}
		}
		if waits[i] == 0 {
			ready = append(ready, i) // ascending: already a heap
		}
	}
	out := slices.Grow([]Change(nil), len(changes))
	for len(ready) > 0 {
		i := heap.Pop(&ready).(int)
		out = append(out, changes[i])
		for _, j := range dependents[i] {
			if waits[j]--; waits[j] == 0 {
				heap.Push(&ready, j)
			}
		}
	}
	if len(out) != len(changes) {
		panic("plan: changes that depend on each other in a circle")
	}
	return out
}

// indexHeap gives the smallest index first.
type indexHeap []int

func (h indexHeap) Len() int           { return len(h) }
func (h indexHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h indexHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *indexHeap) Push(x any)        { *h = append(*h, x.(int)) }
func (h *indexHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}
