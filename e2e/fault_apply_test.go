//go:build e2e || soak

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/internal/apply"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// faultCase is a way for a call to fail.
type faultCase struct {
	name  string
	fault emulator.Fault
}

// faultCases are all of them. The SDK waits 20 seconds for an answer.
func faultCases() []faultCase {
	return []faultCase{
		{"500 before", emulator.Fault{Kind: emulator.FaultError}},
		{"500 after", emulator.Fault{Kind: emulator.FaultError, After: true}},
		{"cut after", emulator.Fault{Kind: emulator.FaultCut, After: true}},
		{"timeout after", emulator.Fault{Kind: emulator.FaultCut, After: true, Delay: 30 * time.Second}},
		{"throttle", emulator.Fault{Kind: emulator.FaultThrottle}},
		{"403", emulator.Fault{Kind: emulator.FaultDeny}},
	}
}

// kindOf is what a change does, for the mix.
func kindOf(c *plan.Change) string {
	self := ""
	if c.Principal == faultCaller {
		self = "caller's own "
	}
	switch to := c.To.(type) {
	case plan.Mode:
		return "mode"
	case plan.Entry:
		from, _ := c.From.(plan.Entry)
		switch {
		case c.Verb == plan.Replace:
			return "entry replace"
		case c.Verb == plan.Create && to.Type != access.Standard:
			return "node role create"
		case c.Verb == plan.Create:
			return "entry create"
		case from.Username != to.Username:
			return self + "username"
		case !slices.Equal(from.Groups, to.Groups):
			return self + "groups"
		}
		return self + "tags"
	case plan.Association:
		from, ok := c.From.(plan.Association)
		admin := ""
		if short(to.Policy) == "ClusterAdmin" {
			admin = "administrator's "
		}
		switch {
		case !ok:
			return admin + "association create"
		case to.Scope.Covers(from.Scope):
			return self + "association widen"
		case from.Scope.Covers(to.Scope):
			return self + "association narrow"
		}
		return "association swap"
	}
	if from, ok := c.From.(plan.Entry); ok {
		switch {
		case from.Tags[access.TagID] == "":
			return "entry remove"
		case len(from.Associations) > 0 && short(from.Associations[0].Policy) == "ClusterAdmin":
			return "administrator's entry delete"
		}
		return "entry delete"
	}
	return "association delete"
}

// everyKind is what the scenario must hold.
func everyKind() []string {
	return []string{
		"administrator's association create", "administrator's entry delete", "association create", "association delete",
		"association narrow", "association swap", "association widen", "caller's own association narrow", "caller's own association widen",
		"caller's own groups", "entry create", "entry delete", "entry remove", "entry replace", "groups", "mode", "node role create", "tags", "username",
	}
}

// modes are the modes of the clusters that there are.
func (v *virtual) modes(want *access.State) map[string]string {
	v.t.Helper()
	all := map[string]string{}
	for _, c := range want.Clusters {
		out, err := v.open(want.Accounts).EKS(c.Key.Account, c.Key.Region).DescribeCluster(v.t.Context(), &eks.DescribeClusterInput{Name: &c.Key.Name})
		if cloud.IsNotFound(err) {
			continue
		}
		if err != nil {
			v.t.Fatal(err)
		}
		all[c.Key.Name] = string(out.Cluster.AccessConfig.AuthenticationMode)
	}
	return all
}

// clean is a run of the stage without faults: what it wrote, and which change
// each of its calls was for.
type clean struct {
	effects []string
	calls   []string // operations
	kinds   []string // of the changes
}

func (s *stage) clean(t *testing.T) (c clean) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		v := s.enter(t)
		check := newChecker(v, s.want)
		check.lossy = "ops"
		v.onCall(func(x *call.Call) *emulator.Fault {
			c.calls = append(c.calls, x.Operation)
			return nil
		})
		done := func(o apply.Outcome) {
			for len(c.kinds) < len(c.calls) {
				c.kinds = append(c.kinds, kindOf(o.Change))
			}
		}
		res, record := v.apply(s.plan, apply.Options{Parallel: 1, ForeignTags: s.want.ForeignTags, Progress: done})
		v.onCall(nil)
		if !res.OK() {
			t.Fatalf("a run without faults: %s", outcomes(res))
		}
		s.judge(v, check, res, record, v.server.Journal())
		c.effects = effects(v.server.Journal())
		if p := v.plan(s.want, s.opts); len(p.Changes) > 0 {
			t.Errorf("after a run without faults is to do: %s", changeIDs(p))
		}
	})
	return c
}

// judge holds a run against the server: the invariants after each write, the
// record, the result.
func (s *stage) judge(v *virtual, check *checker, res *apply.Result, record []byte, journal []call.Write) {
	v.t.Helper()
	check.follow(journal)
	is := v.read(s.want.Accounts)
	check.same(is)
	faults := append(check.faults, compareRecord(record, journal)...)
	faults = append(faults, compareResult(res, journal, v.modes(s.want), is)...)
	check.faults = nil
	for _, f := range faults {
		v.t.Error(f)
	}
}

// Each call of an apply that holds every kind of change meets each fault once.
//
// shows: item S37
func TestAFaultAtAnyCallOfAnApplyBreaksNothingAndTheNextRunConverges(t *testing.T) {
	s := newStage(t, everyChangeBefore, everyChangeAfter, everyOptions())
	clean := s.clean(t)
	mix := newMix()
	t.Run("cases", func(t *testing.T) {
		for at, kind := range clean.kinds {
			for _, f := range faultCases() {
				mix.add(kind, f.name)
				t.Run(fmt.Sprintf("%s at call %d, %s of %s", f.name, at+1, clean.calls[at], kind), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { s.one(t, f, at+1, clean) })
				})
			}
		}
	})
	mix.enough(t, everyKind(), 2)
	t.Logf("%d calls, %d writes\n%s", len(clean.calls), len(clean.effects), mix)
}

func (s *stage) one(t *testing.T, f faultCase, at int, clean clean) {
	v := s.enter(t)
	check := newChecker(v, s.want)
	check.lossy = "ops"
	n := 0
	v.onCall(func(*call.Call) *emulator.Fault {
		if n++; n == at {
			return &f.fault
		}
		return nil
	})
	res, record := v.apply(s.plan, apply.Options{Parallel: 1, ForeignTags: s.want.ForeignTags})
	v.onCall(nil)
	if n < at {
		t.Errorf("only %d calls were made", n)
	}
	if f.fault.Kind != emulator.FaultDeny && !res.OK() {
		t.Errorf("the run did not end well: %s", outcomes(res))
	}
	journal := v.server.Journal()
	s.judge(v, check, res, record, journal)
	v.converge(s.want, s.opts)
	check.nextRun()
	check.follow(v.server.Journal()[len(journal):])
	check.same(v.read(s.want.Accounts))
	for _, f := range check.faults {
		t.Error(f)
	}
	if d := cmp.Diff(clean.effects, effects(v.server.Journal())); d != "" {
		t.Errorf("the two runs' writes are not those of one clean run (-clean +these):\n%s", d)
	}
}

// mix counts cases by kind of change and of fault.
type mix map[string]map[string]int

func newMix() mix { return mix{} }

func (m mix) add(kind, fault string) {
	if m[kind] == nil {
		m[kind] = map[string]int{}
	}
	m[kind][fault]++
}

// enough fails on a mix that leaves a kind out or has few of it.
func (m mix) enough(t *testing.T, kinds []string, least int) {
	t.Helper()
	for _, k := range kinds {
		for _, f := range faultCases() {
			if m[k][f.name] < least {
				t.Errorf("a poor mix: %q meets %q %d times, want at least %d", k, f.name, m[k][f.name], least)
			}
		}
	}
}

func (m mix) String() string {
	var b strings.Builder
	total := 0
	for _, k := range sortedKeys(m) {
		fmt.Fprintf(&b, "%-36s", k)
		for _, f := range sortedKeys(m[k]) {
			fmt.Fprintf(&b, "  %s %d", f, m[k][f])
			total += m[k][f]
		}
		b.WriteByte('\n')
	}
	return fmt.Sprintf("%s%d cases", b.String(), total)
}
