package guard

import (
	"maps"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// The simulator plays a plan's changes on what AWS has, one write after the
// other, and the invariants judge every state in between. It shares no code
// with the guards: scopes are compared by the namespaces they reach in a small
// universe, and who exists is what the story says.

type key struct {
	cluster   access.ClusterKey
	principal string
}

// row is an access entry in a simulated AWS.
type row struct {
	username string
	groups   []string
	tags     map[string]string
	policies map[string]access.Scope
	born     bool // made or made again in the simulation, so it binds who exists now
}

type rows map[key]*row

func start(have *access.Snapshot) rows {
	s := rows{}
	for _, c := range have.Clusters {
		for _, e := range c.Entries {
			r := &row{username: e.Username, groups: e.Groups, tags: e.Tags, policies: map[string]access.Scope{}}
			for _, a := range e.Associations {
				r.policies[a.Policy] = a.Scope
			}
			s[key{c.Key, e.Principal}] = r
		}
	}
	return s
}

// play makes one change; see is called after each of its writes.
func (s rows) play(c *plan.Change, see func()) {
	k := key{c.Cluster, c.Principal}
	if isBinding(c) {
		see() // the stories' bindings are of groups that nobody bears
		return
	}
	switch to := c.To.(type) {
	case plan.Mode:
	case plan.Entry:
		if c.Verb == plan.Replace {
			delete(s, k)
			see()
		}
		if c.Verb == plan.Update {
			r := *s[k]
			r.username, r.groups, r.tags = to.Username, to.Groups, to.Tags
			s[k] = &r
			break
		}
		s[k] = &row{username: to.Username, groups: to.Groups, tags: to.Tags, policies: map[string]access.Scope{}, born: true}
	case plan.Association:
		s[k].policies[to.Policy] = to.Scope
	case nil:
		if from, ok := c.From.(plan.Association); ok {
			delete(s[k].policies, from.Policy)
		} else {
			delete(s, k)
		}
	}
	see()
}

var universe = []string{"a", "b", "c", "dev-a", "dev-b", "kube-system", "amazon-x", "qa-1", "zz"}

// reach is what a scope reaches of the universe; cluster scope has a word of
// its own, for it is more than all namespaces.
func reach(s access.Scope) map[string]bool {
	out := map[string]bool{}
	for _, n := range universe {
		for _, p := range s.Namespaces {
			before, after, star := strings.Cut(p, "*")
			if s.Cluster || p == n || star && len(n) >= len(before)+len(after) && strings.HasPrefix(n, before) && strings.HasSuffix(n, after) {
				out[n] = true
			}
		}
		if s.Cluster {
			out[n], out["cluster"] = true, true
		}
	}
	return out
}

// keepsAll says whether now gives all that was: name, groups, policies.
func keepsAll(was, now *row) bool {
	if now == nil || was.username != now.username {
		return false
	}
	for _, g := range was.groups {
		if !slices.Contains(now.groups, g) {
			return false
		}
	}
	for p, scope := range was.policies {
		have := reach(now.policies[p])
		for n := range reach(scope) {
			if !have[n] {
				return false
			}
		}
	}
	return true
}

// story is what the generator knows to be true and the invariants judge by.
type story struct {
	*world
	caller    string            // ARN
	protected map[key]bool      // cluster and principal
	fate      map[string]string // by ARN: lives, gone, remade, unread
	initial   rows
	admins    map[key]bool // who may be an administrator at first
}

func (s *story) begin() {
	s.initial = start(s.have)
	s.admins = map[key]bool{}
	for k := range s.initial {
		if s.isAdmin(s.initial, k) && (s.binds(s.initial, k) || s.fate[k.principal] == "unread") {
			s.admins[k] = true
		}
	}
}

// binds says whether an entry lets in who exists now and was read.
func (s *story) binds(now rows, k key) bool {
	return s.fate[k.principal] == "lives" || s.fate[k.principal] == "remade" && now[k].born
}

func (s *story) isAdmin(now rows, k key) bool {
	if now[k] == nil {
		return false
	}
	for p, scope := range now[k].policies {
		if strings.HasSuffix(p, "/AmazonEKSClusterAdminPolicy") && scope.Cluster {
			return true
		}
	}
	return false
}

// broken lists the guards whose promise a state breaks.
func (s *story) broken(now rows) map[string]bool {
	out := map[string]bool{}
	for k, was := range s.initial {
		if k.principal == s.caller && s.fate[s.caller] != "remade" && !keepsAll(was, now[k]) {
			out["caller"] = true
		}
		if s.protected[k] && (!keepsAll(was, now[k]) || !maps.Equal(was.tags, now[k].tags)) {
			out["protected"] = true
		}
	}
	taken, manned := map[access.ClusterKey]bool{}, map[access.ClusterKey]bool{}
	for k := range s.admins {
		if !s.isAdmin(now, k) {
			taken[k.cluster] = true
		}
	}
	for k := range now {
		if s.isAdmin(now, k) && s.binds(now, k) {
			manned[k.cluster] = true
		}
	}
	for c := range taken {
		if !manned[c] {
			out["last-admin"] = true
		}
	}
	return out
}

// run plays the changes of a plan that are not held, in order, leaving out
// those that fails names and all that depends on them, and gathers what was
// broken after any write. deletes counts by cluster.
func (s *story) run(p *plan.Plan, fails func(*plan.Change) bool) (broken map[string]bool, deletes map[access.ClusterKey]int) {
	now := start(s.have)
	broken, deletes = map[string]bool{}, map[access.ClusterKey]int{}
	not := map[string]bool{}
	for i := range p.Changes {
		c := &p.Changes[i]
		if len(c.Held) > 0 || slices.ContainsFunc(c.DependsOn, func(d string) bool { return not[d] }) || fails(c) {
			not[c.ID] = true
			continue
		}
		if c.Verb == plan.Delete || c.Verb == plan.Replace {
			deletes[c.Cluster]++
		}
		now.play(c, func() { maps.Copy(broken, s.broken(now)) })
	}
	return broken, deletes
}
