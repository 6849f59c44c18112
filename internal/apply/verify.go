package apply

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// Now is what a saved plan is held against: what was just read, and the guards
// whose facts must still hold. Want may be nil: a saved plan does not need the
// documents.
type Now struct {
	Have   *access.Snapshot
	Guards []plan.Guard
	Want   *access.State
	// Options are those the plan was made with, as far as guards look at them.
	Options plan.Options
}

// OtherPlaceError says that a saved plan was made in another place than this
// run looks at, or as somebody else.
type OtherPlaceError struct {
	Account string // as the plan names it
	What    string // "account", "partition", "endpoint" or "caller"
	Was, Is string
}

// OtherCallerError says that a saved plan would take access from who runs it
// now: it was made as somebody else, whose plan held nothing of that.
type OtherCallerError struct {
	Was, Is string   // callers' ARNs
	Reasons []string // of guard caller, for who runs it now
}

func (e *OtherCallerError) Error() string {
	return fmt.Sprintf("it was made as %s and is run as %s, from whom it takes access: %s", orNone(e.Was), orNone(e.Is), strings.Join(e.Reasons, "; "))
}

func (e *OtherPlaceError) Error() string {
	return fmt.Sprintf("the plan was made for another %s: account %s had %s, now it is %s", e.What, e.Account, orNone(e.Was), orNone(e.Is))
}

// FactsMovedError says that something a guard relied on is no longer so. The
// plan is refused whole.
type FactsMovedError struct{ Facts []MovedFact }

// MovedFact is a fact as the plan saw it and as it is now; Is is empty when
// the guard no longer finds it.
type MovedFact struct {
	plan.Fact
	Is string
}

func (e *FactsMovedError) Error() string {
	var b strings.Builder
	b.WriteString("the plan's guards relied on what has moved; plan again")
	for _, f := range e.Facts {
		fmt.Fprintf(&b, "; %s of %s was %s, is %s", f.Guard, f.Subject, orNone(f.Value), orNone(f.Is))
	}
	return b.String()
}

// Verify decides whether a saved plan may still be made: todo is false when
// all of it is done already (held changes are not counted), and then nothing
// else is asked. Errors: *OtherPlaceError, *OtherCallerError, *FactsMovedError.
//
// Another caller in the same accounts may make it, such as a role that may
// write where the plan's could only read: what is known of the caller's access
// is judged anew, for who runs it now, by guard "caller". Where it finds
// something, or is not among the guards, the plan is refused.
//
// The guards judge the plan again, over what was read with the plan's own
// finished changes undone in thought. So a plan that was cut off half-way may
// be finished, while every other movement of a fact shows.
func Verify(p *plan.Plan, now Now) (todo bool, err error) {
	other, err := samePlace(p, now.Have)
	if err != nil {
		return false, err
	}
	done := finished(p, now.Have)
	open := func(c plan.Change) bool { return len(c.Held) == 0 && !done[c.ID] }
	if !slices.ContainsFunc(p.Changes, open) {
		return false, nil
	}
	want := now.Want
	if want == nil {
		want = &access.State{Owner: p.Owner, ForeignTags: p.ForeignTags}
		for _, a := range p.Accounts {
			want.Accounts = append(want.Accounts, a.Account)
		}
	}
	in := &plan.Input{Want: want, Have: undone(p, now.Have, done), Plan: p, Options: now.Options}
	type key struct{ guard, subject string }
	is, judged := map[key]string{}, false
	for _, g := range now.Guards {
		if g.Check == nil {
			continue
		}
		found := g.Check(in)
		for _, f := range found.Facts {
			is[key{f.Guard, f.Subject}] = f.Value
		}
		if other != nil && g.Slug == callerGuard {
			if reasons := reasonsOf(found, p, open); len(reasons) > 0 {
				return true, &OtherCallerError{Was: other.Was, Is: other.Is, Reasons: reasons}
			}
			judged = true
		}
	}
	if other != nil && !judged {
		return true, other
	}
	var moved []MovedFact
	for _, f := range p.Facts {
		if other != nil && f.Guard == callerGuard {
			continue // who the caller is was judged anew
		}
		if v, ok := is[key{f.Guard, f.Subject}]; !ok || v != f.Value {
			moved = append(moved, MovedFact{f, v})
		}
	}
	if len(moved) > 0 {
		return true, &FactsMovedError{moved}
	}
	return true, nil
}

// callerGuard is the slug of the guard that knows what the caller would lose.
const callerGuard = "caller"

// reasonsOf are a guard's reasons against changes that are still to be made.
func reasonsOf(found plan.Findings, p *plan.Plan, open func(plan.Change) bool) []string {
	var reasons []string
	for _, h := range found.Holds {
		if slices.ContainsFunc(p.Changes, func(c plan.Change) bool { return c.ID == h.Change && open(c) }) {
			reasons = append(reasons, h.Reason)
		}
	}
	slices.Sort(reasons)
	return slices.Compact(reasons)
}

// samePlace refuses another account, partition or endpoint; other is set where
// only the caller is another, of the same account.
func samePlace(p *plan.Plan, have *access.Snapshot) (other *OtherPlaceError, err error) {
	for i := range p.Accounts {
		was := &p.Accounts[i]
		is, ok := have.Account(was.Account.ID)
		differs := func(what, a, b string) *OtherPlaceError {
			return &OtherPlaceError{Account: was.Account.ID, What: what, Was: a, Is: b}
		}
		switch {
		case !ok:
			return nil, differs("account", was.Account.ID, "not among those read")
		case was.Account.Partition != is.Account.Partition:
			return nil, differs("partition", was.Account.Partition, is.Account.Partition)
		case was.Endpoint != is.Endpoint:
			return nil, differs("endpoint", was.Endpoint, is.Endpoint)
		case was.Caller == "" || identity(was.Caller) == identity(is.Caller) && identity(was.Behind) == identity(is.Behind):
		case access.AccountOf(was.Caller) != access.AccountOf(is.Caller):
			return nil, differs("caller", was.Caller, is.Caller)
		case identity(was.Caller) != identity(is.Caller):
			other = differs("caller", was.Caller, is.Caller)
		default:
			other = differs("who assumes "+was.Account.RoleARN, was.Behind, is.Behind)
		}
	}
	return other, nil
}

// identity is a caller without the name of the session, which differs from run
// to run.
func identity(caller string) string {
	if account, role, ok := access.SessionRole(caller); ok {
		return account + " role " + role
	}
	return caller
}

// finished tells which changes, held ones aside, are done already. A policy
// that stands on an entry yet to be replaced goes with it, so it is not.
func finished(p *plan.Plan, have *access.Snapshot) map[string]bool {
	done := map[string]bool{}
	replaced := map[chainKey]bool{}
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Verb == plan.Replace && len(c.Held) == 0 {
			replaced[chainOf(c)] = true
		}
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Kind.Workload() {
			done[c.ID] = len(c.Held) == 0 && whole(c) && workloadDone(p, c, have)
			continue
		}
		cluster, ok := have.Cluster(c.Cluster)
		if !ok || len(c.Held) > 0 || !whole(c) {
			continue
		}
		if _, unread := have.Unread(c.Cluster, c.Principal); unread {
			continue
		}
		entry := chainOf(c)
		if c.Kind == plan.PolicyAssociation && replaced[entry] {
			continue
		}
		if isDone(p, c, cluster) {
			done[c.ID] = true
			delete(replaced, entry)
		}
	}
	return done
}

func isDone(p *plan.Plan, c *plan.Change, have *access.HaveCluster) bool {
	entry, there := have.Entry(c.Principal)
	switch to := c.To.(type) {
	case nil:
		if _, ok := c.From.(plan.Binding); ok {
			_, there = boundIn(c, have)
			return have.Kubernetes != nil && have.Kubernetes.RBACRead && !there
		}
		if from, ok := c.From.(plan.Association); ok && there {
			_, there = entry.Association(from.Policy)
		}
		return have.EntriesRead && !there
	case plan.Mode:
		return have.Mode == to.AuthenticationMode
	case plan.Association:
		if !there {
			return false
		}
		a, ok := entry.Association(to.Policy)
		return ok && a.Scope.Equal(*normal(to.Scope))
	case plan.Binding:
		b, there := boundIn(c, have)
		return there && bindingDone(p, p.ForeignTags, b, &to.Binding)
	case plan.Entry:
		if !there || !p.Owner.OwnerOf(entry.Tags, p.ForeignTags).Ours {
			return false
		}
		if from, ok := c.From.(plan.Entry); ok && c.Verb == plan.Replace && sameEntry(entry, &from.Entry) {
			return false
		}
		want := completed(&to.Entry)
		return sameIdentity(entry, want) && len(missingTags(entry, want)) == 0
	}
	return false
}

// boundIn finds a change's binding as it was read.
func boundIn(c *plan.Change, have *access.HaveCluster) (*access.Binding, bool) {
	if have.Kubernetes == nil {
		return nil, false
	}
	return have.Kubernetes.Binding(c.Namespace, c.Name)
}

// undone is have as it was before the plan's finished changes were made, and
// the first half of a replace that was cut off in the middle.
func undone(p *plan.Plan, have *access.Snapshot, done map[string]bool) *access.Snapshot {
	out := *have
	out.Clusters, out.Accounts = slices.Clone(have.Clusters), slices.Clone(have.Accounts)
	touched := map[access.ClusterKey]map[string]*access.Entry{}
	for i := len(p.Changes) - 1; i >= 0; i-- {
		c := &p.Changes[i]
		if c.Kind.Workload() {
			if c.Kind == plan.Role && done[c.ID] {
				undoRole(c, &out)
			}
			continue // no fact of a guard rests on what else workloads have
		}
		if !done[c.ID] && !cutOff(c, have) {
			continue
		}
		at, _ := slices.BinarySearchFunc(out.Clusters, c.Cluster, func(h access.HaveCluster, k access.ClusterKey) int { return h.Key.Compare(k) })
		cluster := &out.Clusters[at]
		entries := touched[c.Cluster]
		if entries == nil {
			entries = make(map[string]*access.Entry, len(cluster.Entries))
			for j := range cluster.Entries {
				entries[cluster.Entries[j].Principal] = &cluster.Entries[j]
			}
			touched[c.Cluster] = entries
		}
		undo(c, cluster, entries)
	}
	for i := range out.Clusters {
		entries, ok := touched[out.Clusters[i].Key]
		if !ok {
			continue
		}
		out.Clusters[i].Entries = make([]access.Entry, 0, len(entries))
		for _, e := range entries {
			out.Clusters[i].Entries = append(out.Clusters[i].Entries, *e)
		}
		slices.SortFunc(out.Clusters[i].Entries, func(a, b access.Entry) int { return strings.Compare(a.Principal, b.Principal) })
	}
	return &out
}

// cutOff reports whether a replace has deleted its entry and not made it again.
func cutOff(c *plan.Change, have *access.Snapshot) bool {
	cluster, ok := have.Cluster(c.Cluster)
	if !ok || c.Verb != plan.Replace || len(c.Held) > 0 || !whole(c) {
		return false
	}
	if _, ok := c.From.(plan.Binding); ok {
		_, there := boundIn(c, cluster)
		return cluster.Kubernetes != nil && cluster.Kubernetes.RBACRead && !there
	}
	_, there := cluster.Entry(c.Principal)
	_, unread := have.Unread(c.Cluster, c.Principal)
	return cluster.EntriesRead && !there && !unread
}

// undo takes one finished change back. Entries are replaced, never written to:
// they are the snapshot's.
func undo(c *plan.Change, cluster *access.HaveCluster, entries map[string]*access.Entry) {
	switch c.Kind {
	case plan.RoleBinding, plan.ClusterRoleBinding:
		undoBinding(c, cluster)
	case plan.AuthenticationMode:
		cluster.Mode = c.From.(plan.Mode).AuthenticationMode
		if !cluster.Mode.TakesEntries() {
			cluster.EntriesRead = false
			clear(entries)
		}
	case plan.AccessEntry:
		from, ok := c.From.(plan.Entry)
		if !ok {
			delete(entries, c.Principal)
			return
		}
		was := from.Clone()
		if is := entries[c.Principal]; c.Verb == plan.Update && is != nil {
			was.Associations, was.CreatedAt = is.Associations, is.CreatedAt
		}
		entries[c.Principal] = was
	case plan.PolicyAssociation:
		if entries[c.Principal] == nil {
			return
		}
		was := entries[c.Principal].Clone()
		policy := policyOf(c)
		was.Associations = slices.DeleteFunc(was.Associations, func(a access.Association) bool { return a.Policy == policy })
		if from, ok := c.From.(plan.Association); ok {
			was.Associations = append(was.Associations, from.Association)
		}
		was.Normalize()
		entries[c.Principal] = was
	}
}

// undoRole is undo for a role: whether an entry's principal lives, guards rest
// on. A role that went is taken for as old as can be, so that its entry is not
// that of an earlier one.
func undoRole(c *plan.Change, have *access.Snapshot) {
	i := slices.IndexFunc(have.Accounts, func(a access.HaveAccount) bool { return a.Account.ID == c.Cluster.Account })
	if i < 0 || c.Verb == plan.Update {
		return
	}
	a := &have.Accounts[i]
	to, made := c.To.(plan.IAMRole)
	roles := slices.DeleteFunc(slices.Clone(a.Roles), func(p access.Principal) bool { return made && p.ARN == to.ARN })
	if from, ok := c.From.(plan.IAMRole); ok {
		roles = append(roles, access.Principal{ARN: from.ARN, ID: from.ID})
		slices.SortFunc(roles, func(x, y access.Principal) int { return strings.Compare(x.ARN, y.ARN) })
	}
	a.Roles = roles
}

func policyOf(c *plan.Change) string {
	for _, o := range []plan.Object{c.From, c.To} {
		if a, ok := o.(plan.Association); ok {
			return a.Policy
		}
	}
	return ""
}

// undoBinding is undo for a binding.
func undoBinding(c *plan.Change, cluster *access.HaveCluster) {
	if cluster.Kubernetes == nil {
		return
	}
	k := *cluster.Kubernetes
	k.Bindings = slices.DeleteFunc(slices.Clone(k.Bindings), func(b access.Binding) bool { return b.Namespace == c.Namespace && b.Name == c.Name })
	if from, ok := c.From.(plan.Binding); ok {
		k.Bindings = append(k.Bindings, *from.Clone())
		slices.SortFunc(k.Bindings, func(a, b access.Binding) int { return a.Compare(&b) })
	}
	cluster.Kubernetes = &k
}
