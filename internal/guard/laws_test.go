package guard

import (
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

const enoughCases = 2500

var (
	seed  = flag.Uint64("seed", 1, "seed of the random plans")
	cases = flag.Int("cases", enoughCases, "number of random plans; the mix is judged from the default number on")
)

var someRights = []string{"ClusterAdmin:cluster", "ClusterAdmin:cluster", "ClusterAdmin:cluster View:a", "ClusterAdmin:a", "Edit:a", "Edit:a,b", "Edit:dev-*", "Edit:dev-a group:g",
	"View:a", "View:cluster", "Edit:cluster", "Edit:a View:b", "View:a group:g", "group:g group:h", "group:g username:boss", "View:dev-* username:boss", "Edit:kube-system", "View:*", "Edit:a,kube-*"}

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

func chance(r *rand.Rand, percent int) bool { return r.IntN(100) < percent }

// invent makes a story: who exists, what AWS has, and documents that differ
// from it in some places.
func invent(r *rand.Rand) *story {
	s := &story{world: newWorld(), protected: map[key]bool{}, fate: map[string]string{}}
	stranger := "arn:aws:iam::" + partner + ":role/partner"
	whos := []string{"user/ann", "user/bob", "user/cid", "user/dan", "role/runner", "role/nodes", ssoA}
	if chance(r, 12) {
		whos = append(whos, people(14)...)
	}
	for _, who := range whos {
		s.principals(monday, who)
		s.fate[arn(who)] = "lives"
		switch n := r.IntN(100); {
		case n < 6:
			s.gone(who)
			s.fate[arn(who)] = "gone"
		case n < 12:
			s.principals(friday, who)
			s.fate[arn(who)] = "remade"
		}
	}
	s.fate[arn(stranger)] = "unread"
	whos = append(whos, stranger)
	s.caller = arn("role/runner")
	if chance(r, 50) {
		s.caller = arn(pick(r, []string{"user/ann", "user/bob", ssoA}))
	}
	if strings.HasPrefix(s.caller, arn("user/")) {
		s.have.Accounts[0].Caller = s.caller
	} else {
		s.have.Accounts[0].Caller = "arn:aws:sts::" + home + ":assumed-role/" + s.caller[strings.LastIndex(s.caller, "/")+1:] + "/me"
	}
	for _, k := range []access.ClusterKey{test, prod}[:1+r.IntN(2)] {
		s.inventCluster(r, k, whos)
		if chance(r, 25) {
			s.inventRoles(r, k)
		}
	}
	s.inventTrouble(r)
	s.begin()
	return s
}

func (s *story) inventCluster(r *rand.Rand, k access.ClusterKey, whos []string) {
	s.cluster(k)
	s.document(k)
	leave := pick(r, []int{5, 15, 40, 70})
	for _, who := range whos {
		rights := pick(r, someRights)
		if who == "role/nodes" && chance(r, 70) {
			rights = "type:EC2_LINUX"
		}
		had := chance(r, 60)
		switch {
		case had && chance(r, 80):
			s.ours(k, who, rights)
		case had:
			s.theirs(k, who, rights)
		}
		wanted := had && !chance(r, leave) || !had && chance(r, 25)
		if !wanted {
			if had && chance(r, 8) {
				s.removes(k, who)
			}
		} else {
			if chance(r, 30) {
				rights = pick(r, someRights)
			}
			s.wants(k, "one", who, rights)
			if chance(r, 25) && !strings.Contains(rights, "type:") {
				s.wants(k, "two", who, pick(r, append(someRights, "Edit:cluster", "Edit:cluster", "View:cluster")))
			}
		}
		if chance(r, 8) {
			s.protects(k, who)
			s.protected[key{k, arn(who)}] = true
		}
	}
}

// inventRoles gives a cluster roles, some of which lead further than they say,
// and bindings of a team whose group nobody bears.
func (s *story) inventRoles(r *rand.Rand, k access.ClusterKey) {
	risky := []string{"escalate", "bind", "impersonate", "nodes/proxy get", "secrets list", "pods get", "pods get", "configmaps *"}
	var roles []access.KubernetesRole
	for _, name := range []string{"one", "two"} {
		roles = append(roles, clusterRole(name, pick(r, risky)))
	}
	var stands []access.Binding
	for _, ns := range []string{"a", "b", "dev-a"} {
		if chance(r, 40) {
			stands = append(stands, teamBinding(ns, "team", pick(r, []string{"one", "two"})))
		}
	}
	s.kubernetes(k, []string{"a", "b", "dev-a", "dev-b"}, roles, stands...)
	for _, name := range []string{"one", "two"} {
		if chance(r, 50) {
			scope := access.NamespaceScope(pick(r, []string{"a", "dev-*", "*"}))
			if chance(r, 20) {
				scope = access.ClusterScope()
			}
			s.bindsRole(k, "team", name, scope)
		}
	}
}

// inventTrouble is what happens to a whole run.
func (s *story) inventTrouble(r *rand.Rand) {
	limit := r.IntN(6)
	switch n := r.IntN(100); {
	case n < 8:
		s.want.Partial = []string{"left-out.yaml"}
	case n < 14:
		s.gap(access.Gap{What: access.GapEntries, Account: home, Region: test.Region, Cluster: test.Name})
	case n < 26:
		s.document(test).Mode = access.ModeAPI
	case n < 30:
		s.options.Destroy = true
	case n < 40:
		s.options.MaxDeletes = &limit
	case n < 47:
		for i := range s.want.Clusters {
			s.want.Clusters[i].Entries = nil
		}
	case n < 53:
		s.want.Tags = map[string]string{"cost": "42"}
	}
}

// Laws that no plan may break, whatever AWS has and the documents want:
//
//   - After every write of what is not held, in the plan's order, and also
//     when some writes fail and what depends on them is left out, nobody who
//     is protected and no caller has lost anything, and a cluster that lost an
//     administrator has a living one.
//   - The deletes made are within mass-deletion's bounds.
//   - Allowing one slug breaks no other guard's promise and releases nothing
//     that another one holds; last-admin alone lets go when what brings the
//     next administrator is let through.
//   - The guards, asked again about the finished plan, have nothing to add.
//   - Equal inputs give equal plans.
//
// shows: item S14
func TestLawsOfRandomPlans(t *testing.T) {
	mix := map[string]int{}
	for i := range *cases {
		r := rand.New(rand.NewPCG(*seed, uint64(i)))
		s := invent(r)
		p := s.plan()
		obeys(t, s, r, p, "")
		settled(t, s, p)
		if again := judged(s.plan()); !slices.Equal(judged(p), again) {
			t.Errorf("the same again differs:\n%s", cmp.Diff(judged(p), again))
		}
		released(t, s, r, p, pick(r, All()).Slug)
		count(mix, s, p)
		if t.Failed() {
			t.Fatalf("plan %d; run it again: go test ./internal/guard -run Laws -seed %d -cases %d", i, *seed, i+1)
		}
	}
	t.Logf("seed %d, %d plans: %v", *seed, *cases, mix)
	if *cases < enoughCases {
		return
	}
	for _, g := range All() {
		if mix[g.Slug] < 100 {
			t.Errorf("poor mix: %s alone holds a change in %d plans, want at least 100", g.Slug, mix[g.Slug])
		}
	}
	for _, law := range []string{"broken without caller", "broken without last-admin", "broken without protected"} {
		if mix[law] < 100 {
			t.Errorf("poor mix: %s %d times, want at least 100", law, mix[law])
		}
	}
}

// obeys plays a plan, whole and with failures; a law that was allowed to be
// broken is not looked at.
func obeys(t *testing.T, s *story, r *rand.Rand, p *plan.Plan, allowed string) {
	t.Helper()
	broken, deletes := s.run(p, func(*plan.Change) bool { return false })
	failing, _ := s.run(p, func(*plan.Change) bool { return chance(r, 30) })
	maps.Copy(broken, failing)
	delete(broken, allowed)
	if len(broken) > 0 {
		t.Errorf("breaks %v (allowed %q):\n%s", slices.Sorted(maps.Keys(broken)), allowed, strings.Join(judged(p), "\n"))
	}
	total, bound := 0, 10
	for _, n := range deletes {
		total += n
	}
	if s.options.MaxDeletes != nil {
		bound = *s.options.MaxDeletes
	}
	if total > bound && allowed != "mass-deletion" {
		t.Errorf("makes %d deletes, more than %d (allowed %q)", total, bound, allowed)
	}
}

// settled asks the guards again about a finished plan.
func settled(t *testing.T, s *story, p *plan.Plan) {
	t.Helper()
	for _, g := range All() {
		for _, f := range g.Check(inputOf(s.world, p)).Holds {
			i := slices.IndexFunc(p.Changes, func(c plan.Change) bool { return c.ID == f.Change })
			if !slices.Contains(p.Changes[i].Held, plan.Hold{Guard: g.Slug, Reason: f.Reason}) {
				t.Errorf("%s would still hold %s: %s", g.Slug, short(f.Change), f.Reason)
			}
		}
	}
}

// released compares a plan with the one in which a slug is allowed.
func released(t *testing.T, s *story, r *rand.Rand, p *plan.Plan, slug string) {
	t.Helper()
	w := *s.world
	w.options.Allow = []string{slug}
	q := w.plan()
	obeys(t, s, r, q, slug)
	after := map[string]*plan.Change{}
	for i := range q.Changes {
		after[q.Changes[i].ID] = &q.Changes[i]
	}
	for i := range p.Changes {
		for _, h := range p.Changes[i].Held {
			if h.Guard == slug && h.Guard != plan.HalfRead || h.Guard == plan.Depends || h.Guard == "last-admin" {
				continue
			}
			if !heldBy(after[p.Changes[i].ID], h.Guard) {
				t.Errorf("--allow %s releases %s from %s: %s", slug, short(p.Changes[i].ID), h.Guard, h.Reason)
			}
		}
	}
}

// count adds up in how many plans each guard alone holds a change, and how
// often the simulator sees a law broken when its guard is taken out.
func count(mix map[string]int, s *story, p *plan.Plan) {
	alone := map[string]bool{}
	for _, c := range p.Changes {
		guards := map[string]bool{}
		for _, h := range c.Held {
			guards[h.Guard] = true
		}
		if len(guards) == 1 {
			maps.Copy(alone, guards)
		}
	}
	for slug := range alone {
		mix[slug]++
	}
	for _, slug := range []string{"caller", "last-admin", "protected"} {
		if !alone[slug] {
			continue
		}
		rest := slices.DeleteFunc(All(), func(g plan.Guard) bool { return g.Slug == slug })
		broken, _ := s.run(plan.Compute(s.want, s.have, s.options, rest...), func(*plan.Change) bool { return false })
		if broken[slug] {
			mix["broken without "+slug]++
		}
	}
	if len(p.Changes) > 0 {
		mix["not empty"]++
	}
}
