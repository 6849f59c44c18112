package apply

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// admin is an entry of the role that the runs act as.
func admin() access.Entry {
	e := with(entry("x"), on(viewARN))
	e.Principal = adminARN
	e.Username = "arn:aws:sts::" + accountID + ":assumed-role/tf-admin/{{SessionName}}"
	return e
}

// shows: item S16
func TestGrantsGoBeforeRevokesAndTheCallerGoesLast(t *testing.T) {
	for seed := range 8 {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			// Uneven latencies, so that what may overtake does.
			f.before = func(f *fakeEKS, op string) {
				wait := time.Duration((len(f.calls)*7919+seed*104729)%50) * time.Millisecond
				f.mu.Unlock()
				time.Sleep(wait)
				f.mu.Lock()
			}
			p := newPlan()
			caller := f.put("one", admin())
			var gone, wide []*access.Entry
			for i := range 10 {
				gone = append(gone, f.put("one", entry(fmt.Sprintf("gone%d", i))))
				wide = append(wide, f.put("one", with(entry(fmt.Sprintf("wide%d", i)), on(editARN, "a"), on(viewARN))))
			}
			for i := range 10 {
				made := p.entry("one", nil, ptr(entry(fmt.Sprintf("new%d", i))))
				p.policy("one", fmt.Sprintf("new%d", i), nil, ptr(on(editARN)), made)
				p.entry("two", nil, ptr(entry(fmt.Sprintf("new%d", i))))
				p.policy("one", fmt.Sprintf("wide%d", i), ptr(on(editARN, "a")), ptr(on(editARN, "a", "b")))
			}
			for i := range 10 {
				p.policy("one", fmt.Sprintf("wide%d", i), ptr(wide[i].Associations[1]), nil)
				p.entry("one", gone[i], nil)
			}
			// In Compute's order the caller's policy goes before others' entries do.
			p.policy("one", "tf-admin", ptr(on(viewARN)), nil)
			p.Changes = slices.Insert(p.Changes, 45, p.Changes[len(p.Changes)-1])[:len(p.Changes)]
			p.entry("one", caller, nil)
			res, err := Run(t.Context(), f.open(t), &p.Plan, Options{})
			if err != nil || !res.OK() {
				t.Fatalf("seed %d: %v, %v", seed, err, statuses(res))
			}
			revoking := false
			for _, w := range f.journal {
				revoke := strings.HasPrefix(w, "Delete") || strings.HasPrefix(w, "Disassociate")
				if !strings.Contains(w, " one ") {
					continue
				}
				if revoking && !revoke {
					t.Errorf("seed %d: %q came after a revoke in %v", seed, w, f.journal)
				}
				revoking = revoke
			}
			last := []string{"DisassociateAccessPolicy one tf-admin View", "DeleteAccessEntry one tf-admin"}
			if d := cmp.Diff(last, f.journal[len(f.journal)-2:]); d != "" {
				t.Errorf("seed %d: the caller's own access must go last: %s", seed, d)
			}
			if f.most < 10 {
				t.Errorf("seed %d: only %d calls were in flight at once", seed, f.most)
			}
		})
	}
}

// shows: item S16
func TestAFailureStopsItsDependentsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		old := f.put("test", entry("old"))
		next := f.put("test", entry("next"))
		p := newPlan()
		a := p.entry("test", nil, ptr(entry("a")))
		policy := p.policy("test", "a", nil, ptr(on(editARN)), a)
		b := p.entry("test", nil, ptr(entry("b")))
		waits := p.entry("test", old, nil, policy)
		free := p.entry("test", next, nil)
		held := p.entry("test", nil, ptr(entry("h")))
		p.Changes[len(p.Changes)-1].Held = []plan.Hold{{Guard: "privilege", Reason: "test"}}
		after := p.policy("test", "h", nil, ptr(on(editARN)), held)
		lost := p.policy("test", "z", nil, ptr(on(editARN)), "no such change")
		f.fault = func(_ int, op, _, principal string) fault {
			if op == "DescribeAccessEntry" && short(principal) == "a" {
				return denied
			}
			return noFault
		}
		var told []string
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Progress: func(o Outcome) { told = append(told, o.Change.ID) }})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{a + " failed", policy + " skipped needs", b + " done", waits + " skipped needs", free + " done",
			held + " skipped held", after + " skipped needs", lost + " skipped needs"}
		if d := cmp.Diff(want, statuses(res)); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(Counts{Done: 2, Failed: 1, Skipped: 5, Held: 1, Writes: 2}, res.Counts); d != "" {
			t.Error(d)
		}
		if o := status(t, res, waits); o.Needs != policy {
			t.Errorf("%s needs %s", waits, o.Needs)
		}
		if len(told) != len(p.Changes) {
			t.Errorf("progress told of %v", told)
		}
		if d := cmp.Diff([]string{"CreateAccessEntry test b", "DeleteAccessEntry test next"}, slices.Sorted(slices.Values(f.journal))); d != "" {
			t.Error(d)
		}
	})
}

func TestARingOfDependenciesFailsAndHangsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p := newPlan()
		a := p.entry("test", nil, ptr(entry("a")))
		b := p.entry("test", nil, ptr(entry("b")), a)
		p.Changes[0].DependsOn = []string{b}
		c := p.entry("test", nil, ptr(entry("c")))
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{a + " failed", b + " failed", c + " done"}, statuses(res)); d != "" {
			t.Error(d)
		}
	})
}

// shows: item S19
func TestStopEndsAfterTheChangesInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.latency = 20 * time.Millisecond
		p := newPlan()
		for i := range 50 {
			p.entry("test", nil, ptr(entry(fmt.Sprintf("u%02d", i))))
		}
		stop := make(chan struct{})
		time.AfterFunc(90*time.Millisecond, func() { close(stop) })
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Stop: stop, Parallel: 5})
		if err != nil || !res.Stopped {
			t.Fatalf("%v, stopped %v", err, res.Stopped)
		}
		if res.Counts.Done != len(f.journal) || res.Counts.Done+res.Counts.Skipped != 50 || res.Counts.Done < 5 || res.Counts.Skipped < 30 {
			t.Errorf("counts %+v, %d writes", res.Counts, len(f.journal))
		}
		if res, err = Run(t.Context(), f.open(t), &p.Plan, Options{}); err != nil || !res.OK() || len(f.journal) != 50 {
			t.Errorf("running again: %v, %+v, %d writes", err, res.Counts, len(f.journal))
		}
	})
}

func TestAModeChangesWhileNothingElseDoesOnItsCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.updates, f.latency = 2*time.Minute, 20*time.Millisecond
		f.cluster("test").mode = access.ModeConfigMap
		p := newPlan()
		mode := p.mode("test", access.ModeConfigMap, access.ModeAPIAndConfigMap)
		p.entry("test", nil, ptr(entry("a")), mode)
		p.entry("other", nil, ptr(entry("b")))
		last := p.mode("test", access.ModeAPIAndConfigMap, access.ModeAPI)
		var waits []string
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Waiting: func(_ *plan.Change, what string) { waits = append(waits, what) }})
		if err != nil || !res.OK() {
			t.Fatalf("%v, %v: %v", err, statuses(res), status(t, res, last).Err)
		}
		want := []string{"UpdateClusterConfig test", "CreateAccessEntry test a", "UpdateClusterConfig test"}
		if d := cmp.Diff(want, slices.DeleteFunc(slices.Clone(f.journal), func(w string) bool { return strings.Contains(w, "other") })); d != "" {
			t.Error(d)
		}
		if len(waits) == 0 || f.cluster("test").mode != access.ModeAPI {
			t.Errorf("waits %v, mode %s", waits, f.cluster("test").mode)
		}
	})
}

// shows: item S18
func TestAModeWaitsForEarlierChangesAndLaterOnesForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.updates = time.Minute
		f.before = func(f *fakeEKS, op string) {
			if op == "DescribeAccessEntry" || op == "DeleteAccessEntry" {
				f.mu.Unlock()
				time.Sleep(time.Second)
				f.mu.Lock()
			}
		}
		f.cluster("test").mode = access.ModeAPIAndConfigMap
		x, y := f.put("test", entry("x")), f.put("test", entry("y"))
		p := newPlan()
		p.entry("test", x, nil)
		p.mode("test", access.ModeAPIAndConfigMap, access.ModeAPI)
		p.entry("test", y, nil)
		start := time.Now()
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Progress: func(o Outcome) {
			if short(o.Change.Principal) == "y" && time.Since(start) < time.Minute {
				t.Error("y went while the mode was changing")
			}
		}})
		if err != nil || !res.OK() {
			t.Fatal(err, statuses(res))
		}
		if d := cmp.Diff([]string{"DeleteAccessEntry test x", "UpdateClusterConfig test", "DeleteAccessEntry test y"}, f.journal); d != "" {
			t.Error(d)
		}
	})
}

func TestAModeWaitsForTheUpdateOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.cluster("test").mode = access.ModeConfigMap
		p := newPlan()
		p.mode("test", access.ModeConfigMap, access.ModeAPIAndConfigMap)
		busy := false
		f.before = func(f *fakeEKS, op string) {
			if c := f.cluster("test"); op == "UpdateClusterConfig" && !busy {
				busy, c.next, c.until = true, c.mode, time.Now().Add(5*time.Minute) // of the version, say
			}
		}
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{})
		if err != nil || res.Counts.Done != 1 || len(f.journal) != 1 || res.Duration < 5*time.Minute {
			t.Errorf("%v, %v after %v: %v", err, statuses(res), res.Duration, f.journal)
		}
	})
}

func TestTheCallersChangesKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("test", admin())
		p := newPlan()
		p.policy("test", "tf-admin", ptr(on(viewARN)), ptr(on(viewARN, "a")))
		p.policy("test", "tf-admin", nil, ptr(on(editARN)))
		p.entry("test", nil, ptr(entry("b")))
		if res, err := Run(t.Context(), f.open(t), &p.Plan, Options{}); err != nil || !res.OK() {
			t.Fatal(err, statuses(res))
		}
		want := []string{"CreateAccessEntry test b", "AssociateAccessPolicy test tf-admin View", "AssociateAccessPolicy test tf-admin Edit"}
		if d := cmp.Diff(want, f.journal); d != "" {
			t.Error(d)
		}
	})
}

func TestWhatMayTakeAccessCountsAsTaking(t *testing.T) {
	e, other := entry("a", "x"), entry("a", "x", "y")
	other.Tags["component"] = "devops"
	renamed := entry("a", "x")
	renamed.Username = "ann"
	remade := entry("a", "x")
	remade.ARN = "another"
	for name, tt := range map[string]struct {
		add  func(*planner)
		want bool
	}{
		"an entry is made":         {func(p *planner) { p.entry("c", nil, &e) }, false},
		"groups and tags added":    {func(p *planner) { p.entry("c", &e, &other) }, false},
		"a group taken":            {func(p *planner) { p.entry("c", &other, &e) }, true},
		"another username":         {func(p *planner) { p.entry("c", &e, &renamed) }, true},
		"an entry is replaced":     {func(p *planner) { p.entry("c", &e, &remade) }, true},
		"an entry goes":            {func(p *planner) { p.entry("c", &e, nil) }, true},
		"a policy is given":        {func(p *planner) { p.policy("c", "a", nil, ptr(on(viewARN))) }, false},
		"a scope widens":           {func(p *planner) { p.policy("c", "a", ptr(on(viewARN, "a-b")), ptr(on(viewARN, "a-*"))) }, false},
		"a scope narrows":          {func(p *planner) { p.policy("c", "a", ptr(on(viewARN)), ptr(on(viewARN, "a"))) }, true},
		"a scope is swapped":       {func(p *planner) { p.policy("c", "a", ptr(on(viewARN, "a")), ptr(on(viewARN, "b"))) }, true},
		"a policy goes":            {func(p *planner) { p.policy("c", "a", ptr(on(viewARN)), nil) }, true},
		"entries are turned on":    {func(p *planner) { p.mode("c", access.ModeConfigMap, access.ModeAPIAndConfigMap) }, false},
		"aws-auth is turned off":   {func(p *planner) { p.mode("c", access.ModeAPIAndConfigMap, access.ModeAPI) }, true},
		"the plan says it is lost": {func(p *planner) { p.entry("c", &e, &other); p.Changes[0].Lost = []plan.Grant{{}} }, true},
	} {
		p := newPlan()
		tt.add(p)
		if got := takes(&p.Changes[0]); got != tt.want {
			t.Errorf("%s: takes is %v", name, got)
		}
	}
}

func TestAModeThatTakesTooLongIsUnknownAndFinishedByTheNextRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.updates = time.Hour
		f.cluster("test").mode = access.ModeConfigMap
		p := newPlan()
		mode := p.mode("test", access.ModeConfigMap, access.ModeAPIAndConfigMap)
		p.entry("test", nil, ptr(entry("a")), mode)
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{})
		if err != nil || res.Counts.Unknown != 1 || res.Counts.Skipped != 1 {
			t.Fatalf("%v, %v", err, statuses(res))
		}
		if res, err = Run(t.Context(), f.open(t), &p.Plan, Options{ModeWait: time.Hour}); err != nil || !res.OK() || len(f.journal) != 2 {
			t.Errorf("%v, %v, %v", err, statuses(res), f.journal)
		}
	})
}

func TestANewEntryCostsTwoReadsAndItsWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.latency = 20 * time.Millisecond
		p := fleet(20, 50)
		res, err := Run(t.Context(), f.open(t), p, Options{})
		if err != nil || !res.OK() {
			t.Fatal(err, res.Counts)
		}
		count := map[string]int{}
		for _, op := range f.calls {
			count[op]++
		}
		if d := cmp.Diff(map[string]int{"DescribeAccessEntry": 1000, "CreateAccessEntry": 1000, "ListAssociatedAccessPolicies": 1000, "AssociateAccessPolicy": 1900}, count); d != "" {
			t.Error(d)
		}
		if f.most > 32 || res.Duration > 5*time.Second {
			t.Errorf("%d in flight, %v at 20 ms a call; 4900 calls by 32 take 3.1 s", f.most, res.Duration)
		}
	})
}

// fleet is the plan of clusters x people, all to be made, in Compute's order:
// all entries, then all policies. Every tenth person has one policy, the
// others two.
func fleet(clusters, people int) *plan.Plan {
	p := newPlan()
	var policies []func()
	for c := range clusters {
		for i := range people {
			cluster, user := fmt.Sprintf("c%02d", c), fmt.Sprintf("u%02d", i)
			made := p.entry(cluster, nil, ptr(entry(user)))
			policies = append(policies, func() {
				p.policy(cluster, user, nil, ptr(on(viewARN)), made)
				if i%10 != 0 {
					p.policy(cluster, user, nil, ptr(on(editARN, "*backend*")), made)
				}
			})
		}
	}
	for _, add := range policies {
		add()
	}
	return &p.Plan
}

func TestTwoRunsAtOnceMakeOnePlanTogether(t *testing.T) {
	for seed := range 6 {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.before = func(f *fakeEKS, op string) {
				wait := time.Duration((len(f.calls)*6151+seed*104729)%40) * time.Millisecond
				f.mu.Unlock()
				time.Sleep(wait)
				f.mu.Lock()
			}
			p, want := everyKind(f)
			var wg sync.WaitGroup
			results := make([]*Result, 2)
			for i := range results {
				c := f.open(t)
				wg.Go(func() { results[i], _ = Run(t.Context(), c, p, Options{}) })
			}
			wg.Wait()
			for _, res := range results {
				for _, o := range res.Outcomes {
					// The other run's half-made replace may show as moved; all else is made.
					if o.Status != Done && o.Status != Already && !isMoved(o.Err) && o.Skip != SkipNeeds {
						t.Errorf("seed %d: %s %s: %v", seed, o.Change.ID, o.Status, o.Err)
					}
				}
			}
			res, err := Run(t.Context(), f.open(t), p, Options{})
			if err != nil || !res.OK() {
				t.Errorf("seed %d, run again: %v, %v", seed, err, statuses(res))
			}
			if d := cmp.Diff(want, f.state()); d != "" {
				t.Errorf("seed %d: %s", seed, d)
			}
			made := slices.DeleteFunc(slices.Clone(f.journal), func(w string) bool { return !strings.HasPrefix(w, "Create") })
			slices.Sort(made)
			// EKS has no conditional delete: between a run's reading and its delete
			// the other may have made the entry anew, and then it is made again.
			made = slices.Compact(made)
			if d := cmp.Diff([]string{"CreateAccessEntry old first", "CreateAccessEntry test dead", "CreateAccessEntry test new"}, made); d != "" {
				t.Errorf("seed %d: %s", seed, d)
			}
		})
	}
}
