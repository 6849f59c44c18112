//go:build e2e || soak

package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/internal/apply"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// randomDocuments are two states of one environment, drawn by seed: five
// people on two clusters, each with policies, scopes, groups and a username at
// random, or not there. An administrator of each cluster stays or hands over,
// and the caller never gets less.
func randomDocuments(r *rand.Rand) (before, after string) {
	before, after = oneEnvironment, oneEnvironment
	for _, cluster := range []string{"test", "ops"} {
		admins := []string{"lena", "lena"}
		if r.IntN(2) == 0 {
			admins[1] = "marta"
		}
		before += teamOf("admins-"+cluster, "{user: "+admins[0]+"}", cluster, "{policy: ClusterAdmin, scope: cluster}")
		after += teamOf("admins-"+cluster, "{user: "+admins[1]+"}", cluster, "{policy: ClusterAdmin, scope: cluster}")
		caller := randomPolicy(r, "View")
		before += teamOf("caller-"+cluster, "{role: atlas-iam-lab}", cluster, caller)
		if r.IntN(2) == 0 {
			caller += ", " + randomPolicy(r, "Edit")
		}
		after += teamOf("caller-"+cluster, "{role: atlas-iam-lab}", cluster, caller)
		for i := range 5 {
			name := fmt.Sprintf("person%d", i)
			before += randomTeam(r, name, cluster)
			after += randomTeam(r, name, cluster)
		}
	}
	return before, after
}

const oneEnvironment = `
-- all.yaml --
apiVersion: atlas-iam.dev/v1alpha1
kind: Environment
metadata: {name: ops}
spec:
  id: "k7f3c9a1"
  accounts: [{name: main, id: "492000000148", regions: [us-east-1]}]
  foreignTags: {created-by: terraform}
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: test}
spec: {protect: [{role: break-glass}]}
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: ops}
spec: {}
`

func teamOf(name, member, cluster, grants string) string {
	return fmt.Sprintf("---\napiVersion: atlas-iam.dev/v1alpha1\nkind: Team\nmetadata: {name: %s}\nspec: {members: [%s], clusters: {names: [%s]}, grants: [%s]}\n",
		name, member, cluster, grants)
}

func randomTeam(r *rand.Rand, name, cluster string) string {
	var grants []string
	for _, p := range []string{"View", "Edit", "Admin"} {
		if r.IntN(3) == 0 {
			grants = append(grants, randomPolicy(r, p))
		}
	}
	for _, g := range []string{"debug", "oncall"} {
		if r.IntN(4) == 0 {
			grants = append(grants, "{group: "+g+"}")
		}
	}
	if len(grants) == 0 {
		return ""
	}
	member := "{user: " + name + "}"
	if r.IntN(6) == 0 {
		member = fmt.Sprintf("{user: %s, username: %s-%s-%d}", name, name, cluster, r.IntN(3))
	}
	return teamOf(name+"-"+cluster, member, cluster, strings.Join(grants, ", "))
}

func randomPolicy(r *rand.Rand, policy string) string {
	var patterns []string
	for _, p := range []string{"dev-*", "qa-*", "prod-*"} {
		if r.IntN(2) == 0 {
			patterns = append(patterns, `"`+p+`"`)
		}
	}
	if len(patterns) == 0 {
		return "{policy: " + policy + ", scope: cluster}"
	}
	return "{policy: " + policy + ", namespaces: [" + strings.Join(patterns, ", ") + "]}"
}

// Random plans meet random faults, at random calls of reading and applying,
// run after run, until the faults end. What must hold after each write does,
// each record is true, and all runs together write what one clean run writes.
func TestRandomPlansAndRandomFaultsBreakNothingAndConverge(t *testing.T) {
	plans, draws := uint64(40), uint64(5)
	if soak {
		plans, draws = 300, 10
	}
	var mu sync.Mutex
	faults, verbs, failed, cases := map[emulator.FaultKind]int{}, map[plan.Verb]int{}, map[apply.Status]int{}, 0
	t.Run("seeds", func(t *testing.T) {
		for seed := range plans {
			t.Run(fmt.Sprint("plan ", seed), func(t *testing.T) {
				t.Parallel()
				before, after := randomDocuments(rand.New(rand.NewPCG(seed, 3)))
				most := 100
				s := newStage(t, before, after, plan.Options{MaxDeletes: &most})
				clean := s.clean(t)
				for draw := range draws {
					synctest.Test(t, func(t *testing.T) {
						defer func() {
							if t.Failed() {
								t.Logf("plan %d, faults %d", seed, draw)
							}
						}()
						f, st := s.random(t, rand.New(rand.NewPCG(seed, 100+draw)), clean)
						mu.Lock()
						defer mu.Unlock()
						cases++
						for k, n := range f {
							faults[k] += n
						}
						for k, n := range st {
							failed[k] += n
						}
					})
				}
				mu.Lock()
				defer mu.Unlock()
				for _, c := range s.plan.Changes {
					verbs[c.Verb]++
				}
			})
		}
	})
	t.Logf("%d cases; changes of the plans %v; faults %v; outcomes of the runs with faults %v", cases, verbs, faults, failed)
	for _, k := range []emulator.FaultKind{emulator.FaultError, emulator.FaultCut, emulator.FaultThrottle, emulator.FaultDeny} {
		if faults[k] < cases {
			t.Errorf("a poor mix: %d faults of kind %s in %d cases", faults[k], k, cases)
		}
	}
	for _, v := range []plan.Verb{plan.Create, plan.Update, plan.Delete} {
		if verbs[v] < int(plans) {
			t.Errorf("a poor mix: %d changes are a %s", verbs[v], v)
		}
	}
	if failed[apply.Failed] == 0 || failed[apply.Done] == 0 || failed[apply.Skipped] == 0 {
		t.Errorf("a poor mix: %v", failed)
	}
}

// random makes runs with faults, then one without.
func (s *stage) random(t *testing.T, r *rand.Rand, clean clean) (map[emulator.FaultKind]int, map[apply.Status]int) {
	v := s.enter(t)
	check := newChecker(v, s.want)
	var mu sync.Mutex
	faults, outcomes := map[emulator.FaultKind]int{}, map[apply.Status]int{}
	kinds := faultCases()
	share := 0.05 + 0.25*r.Float64()
	hook := func(*call.Call) *emulator.Fault {
		mu.Lock()
		defer mu.Unlock()
		if r.Float64() >= share {
			return &emulator.Fault{Kind: emulator.FaultSlow, Delay: time.Duration(r.IntN(300)) * time.Millisecond}
		}
		f := kinds[r.IntN(len(kinds))].fault
		faults[f.Kind]++
		return &f
	}
	for range 2 {
		seen := len(v.server.Journal())
		v.onCall(hook)
		p, err := v.tryPlan(t.Context(), s.want, s.opts)
		if err != nil {
			continue // nobody could be asked
		}
		res, record := v.apply(p, apply.Options{Parallel: 1 + 15*r.IntN(2), ForeignTags: s.want.ForeignTags})
		v.onCall(nil)
		for _, o := range res.Outcomes {
			outcomes[o.Status]++
		}
		check.nextRun()
		s.judge(v, check, res, record, v.server.Journal()[seen:])
	}
	seen := len(v.server.Journal())
	v.onCall(nil)
	v.converge(s.want, s.opts)
	check.nextRun()
	check.follow(v.server.Journal()[seen:])
	check.same(v.read(s.want.Accounts))
	for _, f := range check.faults {
		t.Error(f)
	}
	if all := effects(v.server.Journal()); !slices.Equal(clean.effects, all) {
		t.Errorf("all runs' writes are not those of one clean run (-clean +these):\n%s", cmp.Diff(clean.effects, all))
	}
	return faults, outcomes
}
