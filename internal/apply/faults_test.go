package apply

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// effective are the writes that a record says took effect, in the form of the
// fake's journal: a lost answer counts by what settled it.
func effective(t *testing.T, record []byte) []string {
	t.Helper()
	var out []string
	dec := json.NewDecoder(bytes.NewReader(record))
	for {
		var w Write
		if err := dec.Decode(&w); err == io.EOF {
			return out
		} else if err != nil {
			t.Fatalf("the record is not JSON lines: %v", err)
		}
		if (w.Line == "write" || w.Line == "settled") && w.Outcome == WriteDone {
			out = append(out, strings.TrimSpace(strings.Join([]string{w.Operation, w.Cluster, short(w.Principal), access.ShortPolicy(w.Policy)}, " ")))
		}
	}
}

func TestARunWithoutFaultsMakesEveryKindOfChangeAndASecondOneNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.updates = time.Minute
		p, want := everyKind(f)
		c := f.open(t)
		res, err := Run(t.Context(), c, p, Options{})
		if err != nil || !res.OK() || res.Counts.Done != len(p.Changes) {
			t.Fatalf("Run: %v, %v", err, statuses(res))
		}
		if d := cmp.Diff(want, f.state()); d != "" {
			t.Error("state (-want +is):\n" + d)
		}
		if f.cluster("old").mode != access.ModeAPIAndConfigMap {
			t.Error("the mode was not changed")
		}
		writes := len(f.journal)
		res, err = Run(t.Context(), c, p, Options{})
		if err != nil || res.Counts.Already != len(p.Changes) {
			t.Errorf("the second run: %v, %v", err, statuses(res))
		}
		if len(f.journal) != writes {
			t.Errorf("the second run wrote %v", f.journal[writes:])
		}
	})
}

// Each call of a run meets each fault once. Whatever comes of that run, its
// record equals the server's journal, a second run finishes, and both together
// made no write twice and touched nothing foreign.
//
// shows: item S37
func TestARunFinishesAfterEachFaultAtEachCallAndDoublesNothing(t *testing.T) {
	var clean []string
	calls := 0
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p, _ := everyKind(f)
		if _, err := Run(t.Context(), f.open(t), p, Options{Parallel: 1}); err != nil {
			t.Fatal(err)
		}
		clean, calls = f.journal, len(f.calls)
	})
	if len(clean) < 15 {
		t.Fatalf("the clean run wrote only %v", clean)
	}
	for _, kind := range []fault{error500, error500Late, timeoutLate, throttle, denied} {
		for at := 1; at <= calls; at++ {
			name := fmt.Sprintf("%s at call %d", kind, at)
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				p, want := everyKind(f)
				f.fault = func(n int, _, _, _ string) fault {
					if n == at {
						return kind
					}
					return noFault
				}
				c := f.open(t)
				var record bytes.Buffer
				res, err := Run(t.Context(), c, p, Options{Parallel: 1, Record: &record})
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if kind != denied && !res.OK() {
					t.Errorf("%s: %v", name, statuses(res))
				}
				if kind == denied && res.Counts.Failed+res.Counts.Unknown != 1 {
					// A caller who may not read updates sees the cluster all the same.
					if f.calls[at-1] != "DescribeUpdate" || !res.OK() {
						t.Errorf("%s: %v", name, statuses(res))
					}
				}
				if d := cmp.Diff(f.journal, effective(t, record.Bytes())); d != "" {
					t.Errorf("%s: record against journal (-journal +record):\n%s", name, d)
				}
				res, err = Run(t.Context(), c, p, Options{Parallel: 1})
				if err != nil || !res.OK() {
					t.Errorf("%s, the second run: %v, %v", name, err, statuses(res))
				}
				if d := cmp.Diff(want, f.state()); d != "" {
					t.Errorf("%s: state (-want +is):\n%s", name, d)
				}
				if d := cmp.Diff(slices.Sorted(slices.Values(clean)), slices.Sorted(slices.Values(f.journal))); d != "" {
					t.Errorf("%s: writes of both runs (-clean +is):\n%s", name, d)
				}
			})
		}
	}
}

func TestAnAnswerThatCannotBeReadBackIsUnknownAndStopsDependents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p := newPlan()
		made := p.entry("test", nil, ptr(entry("a")))
		policy := p.policy("test", "a", nil, ptr(on(viewARN)), made)
		other := p.entry("test", nil, ptr(entry("b")))
		dark := false
		f.fault = func(_ int, op, _, principal string) fault {
			if op == "CreateAccessEntry" && !dark {
				dark = true
				return error500Late
			}
			if dark && short(principal) == "a" {
				return error500
			}
			return noFault
		}
		c := f.open(t)
		res, err := Run(t.Context(), c, &p.Plan, Options{Parallel: 1})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{made + " unknown", policy + " skipped needs", other + " done"}, statuses(res)); d != "" {
			t.Error(d)
		}
		f.fault = nil
		if res, _ = Run(t.Context(), c, &p.Plan, Options{}); !res.OK() {
			t.Error("the twin without a fault:", statuses(res))
		}
	})
}

func TestADeniedWriteSaysWhoLacksWhat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p := newPlan()
		made := p.entry("test", nil, ptr(entry("a")))
		policy := p.policy("test", "a", nil, ptr(on(editARN)), made)
		f.fault = func(_ int, op, _, _ string) fault {
			if op == "AssociateAccessPolicy" {
				return denied
			}
			return noFault
		}
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{})
		if err != nil {
			t.Fatal(err)
		}
		o := status(t, res, policy)
		if o.Status != Failed || o.Code != "AccessDeniedException" || o.RequestID == "" ||
			o.Hint != "role/tf-admin lacks eks:AssociateAccessPolicy; run again to finish, nothing is repeated" {
			t.Errorf("outcome %+v", o)
		}
		want := "associate policy Edit with access entry of " + arn("a") + " on cluster " + key("test").String() + ": AccessDeniedException: User: "
		if !strings.HasPrefix(o.Err.Error(), want) {
			t.Errorf("error %q, want it to begin with %q", o.Err, want)
		}
		if d := cmp.Diff([]TeamResult{{Team: "backend", Incomplete: []access.ClusterKey{key("test")}}}, res.Teams); d != "" {
			t.Error(d)
		}
	})
}

func TestWhatAWSShowsLateIsWaitedFor(t *testing.T) {
	for name, delay := range map[string]func(*fakeEKS){
		"a new entry is not shown at once":         func(f *fakeEKS) { f.hidden = 4 * time.Second },
		"IAM does not show a new principal":        func(f *fakeEKS) { f.unknown = 6 * time.Second },
		"both":                                     func(f *fakeEKS) { f.hidden, f.unknown = 3*time.Second, 3*time.Second },
		"the answer to the create is lost, too":    func(f *fakeEKS) { f.hidden = 4 * time.Second; f.fault = once("CreateAccessEntry", error500Late) },
		"the answer to the policy is lost, too":    func(f *fakeEKS) { f.hidden = 4 * time.Second; f.fault = once("AssociateAccessPolicy", timeoutLate) },
		"a throttle stands before it, in addition": func(f *fakeEKS) { f.hidden = time.Second; f.fault = once("CreateAccessEntry", throttle) },
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			delay(f)
			p := newPlan()
			made := p.entry("test", nil, ptr(entry("a")))
			p.policy("test", "a", nil, ptr(on(editARN)), made)
			res, err := Run(t.Context(), f.open(t), &p.Plan, Options{})
			if err != nil || !res.OK() {
				t.Errorf("%s: %v, %v", name, err, statuses(res))
			}
			if d := cmp.Diff([]string{"CreateAccessEntry test a", "AssociateAccessPolicy test a Edit"}, f.journal); d != "" {
				t.Errorf("%s: %s", name, d)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.unknown = time.Hour
		p := newPlan()
		p.entry("test", nil, ptr(entry("a")))
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{})
		if err != nil || res.Counts.Failed != 1 || res.Duration > time.Minute {
			t.Errorf("a principal that never comes must fail in bounded time: %v, %v after %v", err, statuses(res), res.Duration)
		}
	})
}

// EKS fills in username and groups of a node role's entry: an entry so made,
// by a write whose answer was lost or by another run, was taken for another's.
func TestAnEntryOfANodeRoleIsKnownAgainWithWhatEKSFillsIn(t *testing.T) {
	node := func() *access.Entry {
		return &access.Entry{Principal: "arn:aws:iam::" + accountID + ":role/nodes", Type: access.EC2Linux, Tags: owner.Tags()}
	}
	for name, c := range map[string]struct {
		lose   fault
		run    func(t *testing.T, f *fakeEKS, p *plan.Plan)
		status Status
	}{
		"its answer was lost": {lose: error500Late, status: Done},
		"another run made it": {status: Already, run: func(t *testing.T, f *fakeEKS, p *plan.Plan) {
			if res, err := Run(t.Context(), f.open(t), p, Options{}); err != nil || !res.OK() {
				t.Fatal(err, statuses(res))
			}
		}},
		"another's entry of another type is in its way": {status: Failed, run: func(_ *testing.T, f *fakeEKS, _ *plan.Plan) {
			e := node()
			e.Type = access.EC2Windows
			f.put("test", *e)
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			p := newPlan()
			p.entry("test", nil, node())
			if c.run != nil {
				c.run(t, f, &p.Plan)
			}
			if c.lose != noFault {
				f.fault = once("CreateAccessEntry", c.lose)
			}
			res, err := Run(t.Context(), f.open(t), &p.Plan, Options{})
			if err != nil || res.Outcomes[0].Status != c.status {
				t.Errorf("%s: %v, %v, want %s", name, err, statuses(res), c.status)
			}
			if len(f.journal) > 1 {
				t.Errorf("%s: it was made twice: %v", name, f.journal)
			}
		})
	}
}

// once gives a fault to the first call of an operation.
func once(operation string, kind fault) func(int, string, string, string) fault {
	hit := false
	return func(_ int, op, _, _ string) fault {
		if op == operation && !hit {
			hit = true
			return kind
		}
		return noFault
	}
}

func TestAPolicyThatComesLaterWaitsForItsEntryToBeShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.hidden = 8 * time.Second
		f.unknown = 0
		p := newPlan()
		made := p.entry("test", nil, ptr(entry("a")))
		slow := p.entry("test", nil, ptr(entry("b")))
		p.policy("test", "a", nil, ptr(on(editARN)), made, slow)
		f.fault = once("DescribeAccessEntry", throttle)
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Parallel: 1})
		if err != nil || !res.OK() {
			t.Error(err, statuses(res))
		}
	})
}

func TestACancelledReadingIsNotTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.latency = 5 * time.Second
		p := newPlan()
		id := p.entry("test", nil, ptr(entry("a")))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		time.AfterFunc(2*time.Second, cancel)
		res, err := Run(ctx, f.open(t), &p.Plan, Options{})
		if err == nil || !res.Stopped {
			t.Errorf("%v, stopped %v", err, res.Stopped)
		}
		if d := cmp.Diff([]string{id + " skipped stopped"}, statuses(res)); d != "" {
			t.Error(d)
		}
	})
}

func TestACancelledRunSettlesWhatWasInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p := newPlan()
		made := p.entry("test", nil, ptr(entry("a")))
		later := p.entry("test", nil, ptr(entry("b")))
		f.fault = once("CreateAccessEntry", timeoutLate)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2*time.Second, cancel)
		var record bytes.Buffer
		res, err := Run(ctx, f.open(t), &p.Plan, Options{Parallel: 1, Record: &record})
		if err == nil || !res.Stopped {
			t.Errorf("Run says %v, stopped %v", err, res.Stopped)
		}
		if d := cmp.Diff([]string{made + " done", later + " skipped stopped"}, statuses(res)); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(f.journal, effective(t, record.Bytes())); d != "" {
			t.Error(d)
		}
	})
}

// Of an update EKS may answer without the entry; the policies that are taken off
// after it are taken all the same.
func TestAnUpdateThatIsAnsweredWithoutItsEntryHidesNoPolicy(t *testing.T) {
	for _, answer := range []string{`{}`, ""} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			e := f.put("test", with(entry("a", "g"), on(viewARN), on(editARN, "x")))
			f.instead = func(op string) string {
				if op == "UpdateAccessEntry" {
					return answer
				}
				return ""
			}
			p := newPlan()
			to := entry("a")
			to.ARN = e.ARN
			first := p.entry("test", e, &to)
			p.policy("test", "a", ptr(on(viewARN)), nil, first)
			p.policy("test", "a", nil, ptr(on(policyARN("Admin"), "y")), first)
			res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Parallel: 1})
			if err != nil || res.Counts.Done != 3 {
				t.Fatalf("%q: %v %v", answer, err, statuses(res))
			}
			var left []string
			for _, a := range f.cluster("test").entries[arn("a")].Associations {
				left = append(left, access.ShortPolicy(a.Policy))
			}
			if d := cmp.Diff([]string{"Admin", "Edit"}, left); d != "" {
				t.Errorf("%q: -want +got\n%s", answer, d)
			}
		})
	}
}
