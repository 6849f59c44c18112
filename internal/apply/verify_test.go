package apply

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// snapshot reads the fake whole.
func (f *fakeEKS) snapshot() *access.Snapshot {
	s := &access.Snapshot{Accounts: []access.HaveAccount{{Account: account(), Caller: callerARN}}}
	for name, c := range f.clusters {
		h := access.HaveCluster{Key: key(name), Status: "ACTIVE", Mode: c.mode, EntriesRead: c.mode.TakesEntries()}
		for _, e := range c.entries {
			h.Entries = append(h.Entries, *e.Clone())
		}
		slices.SortFunc(h.Entries, func(a, b access.Entry) int { return strings.Compare(a.Principal, b.Principal) })
		s.Clusters = append(s.Clusters, h)
	}
	slices.SortFunc(s.Clusters, func(a, b access.HaveCluster) int { return a.Key.Compare(b.Key) })
	return s
}

// everything is a guard that relies on all there is.
func everything() plan.Guard {
	return plan.Guard{Slug: "everything", Check: func(in *plan.Input) plan.Findings {
		var f plan.Findings
		for _, c := range in.Have.Clusters {
			words := []string{string(c.Mode), fmt.Sprint(c.EntriesRead)}
			for _, e := range c.Entries {
				words = append(words, short(e.Principal)+strings.Join(e.Groups, "+"))
				for _, a := range e.Associations {
					words = append(words, access.ShortPolicy(a.Policy)+":"+a.Scope.String())
				}
			}
			f.Facts = append(f.Facts, plan.Fact{Guard: "everything", Subject: c.Key.String(), Value: strings.Join(words, " ")})
		}
		return f
	}}
}

// callers is a guard that relies on who the caller is, and finds that the
// plan's first change takes from one whose role is named so.
func callers(role string) plan.Guard {
	return plan.Guard{Slug: "caller", Check: func(in *plan.Input) plan.Findings {
		caller := in.Have.Accounts[0].Caller
		f := plan.Findings{Facts: []plan.Fact{{Guard: "caller", Subject: accountID, Value: caller}}}
		if role != "" && strings.Contains(caller, role) && len(in.Plan.Changes) > 0 {
			f.Holds = []plan.Finding{{Change: in.Plan.Changes[0].ID, Reason: "takes from " + caller}}
		}
		return f
	}}
}

// saved writes a plan and reads it back.
func saved(t *testing.T, p *plan.Plan) *plan.Plan {
	t.Helper()
	b, err := plan.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	if p, err = plan.Decode(b); err != nil {
		t.Fatal(err)
	}
	return p
}

// shows: item S23
func TestASavedPlanIsHeldAgainstWhatIsThereNow(t *testing.T) {
	tests := map[string]struct {
		made    int // changes of the plan made before
		between func(*fakeEKS, *access.Snapshot, *plan.Plan)
		guards  []plan.Guard // besides everything()
		todo    bool
		err     any // pointer to the wanted type; nil: none
	}{
		"nothing happened":                   {todo: true},
		"all of it was made":                 {made: 99},
		"it was cut off after one change":    {made: 1, todo: true},
		"it was cut off after five changes":  {made: 5, todo: true},
		"it was cut off before the last one": {made: 14, todo: true},
		"it was cut off in the middle of the replace": {todo: true, made: 9, between: func(f *fakeEKS, s *access.Snapshot, _ *plan.Plan) {
			delete(f.cluster("test").entries, arn("dead"))
			s.Clusters = f.snapshot().Clusters
		}},
		"somebody else came": {todo: true, err: new(*FactsMovedError), between: func(f *fakeEKS, s *access.Snapshot, _ *plan.Plan) {
			f.put("test", entry("stranger"))
			s.Clusters = f.snapshot().Clusters
		}},
		"somebody else came while it was half made": {made: 5, todo: true, err: new(*FactsMovedError), between: func(f *fakeEKS, s *access.Snapshot, _ *plan.Plan) {
			f.put("test", entry("stranger"))
			s.Clusters = f.snapshot().Clusters
		}},
		"somebody else came when all was made": {made: 99, between: func(f *fakeEKS, s *access.Snapshot, _ *plan.Plan) {
			f.put("test", entry("stranger"))
			s.Clusters = f.snapshot().Clusters
		}},
		"a group of an entry that the plan does not change moved": {todo: true, err: new(*FactsMovedError), between: func(f *fakeEKS, s *access.Snapshot, _ *plan.Plan) {
			f.cluster("test").entries[arn("foreign")].Groups = []string{"b"}
			s.Clusters = f.snapshot().Clusters
		}},
		"it was made by another session of the same role": {todo: true, between: func(_ *fakeEKS, s *access.Snapshot, _ *plan.Plan) {
			s.Accounts[0].Caller = strings.Replace(callerARN, "ci-17", "ci-18", 1)
		}},
		"it was made as somebody else, and no guard judges that": {todo: true, err: new(*OtherPlaceError), between: func(_ *fakeEKS, s *access.Snapshot, _ *plan.Plan) {
			s.Accounts[0].Caller = strings.Replace(callerARN, "tf-admin", "dev", 1)
		}},
		"it was made as somebody else, and who runs it now loses nothing": {todo: true, guards: []plan.Guard{callers("")}, between: func(_ *fakeEKS, s *access.Snapshot, _ *plan.Plan) {
			s.Accounts[0].Caller = strings.Replace(callerARN, "tf-admin", "dev", 1)
		}},
		"it was made as somebody else, and who runs it now loses something": {todo: true, guards: []plan.Guard{callers("dev")}, err: new(*OtherCallerError), between: func(_ *fakeEKS, s *access.Snapshot, _ *plan.Plan) {
			s.Accounts[0].Caller = strings.Replace(callerARN, "tf-admin", "dev", 1)
		}},
		"and what he would lose is held": {todo: true, guards: []plan.Guard{callers("dev")}, between: func(_ *fakeEKS, s *access.Snapshot, p *plan.Plan) {
			s.Accounts[0].Caller = strings.Replace(callerARN, "tf-admin", "dev", 1)
			p.Changes[0].Held = []plan.Hold{{Guard: "protected"}}
		}},
		"somebody else runs it, and another fact moved": {todo: true, guards: []plan.Guard{callers("")}, err: new(*FactsMovedError), between: func(f *fakeEKS, s *access.Snapshot, _ *plan.Plan) {
			f.put("test", entry("stranger"))
			s.Clusters = f.snapshot().Clusters
			s.Accounts[0].Caller = strings.Replace(callerARN, "tf-admin", "dev", 1)
		}},
		"it was made for another endpoint": {err: new(*OtherPlaceError), between: func(_ *fakeEKS, s *access.Snapshot, _ *plan.Plan) {
			s.Accounts[0].Endpoint = "http://127.0.0.1:4566"
		}},
		"it was made for another account": {err: new(*OtherPlaceError), between: func(_ *fakeEKS, s *access.Snapshot, _ *plan.Plan) {
			s.Accounts[0].Account.ID = "111222333444"
		}},
		"only what is held is left": {made: 14, between: func(_ *fakeEKS, _ *access.Snapshot, p *plan.Plan) {
			p.Changes[14].Held = []plan.Hold{{Guard: "protected"}}
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				p, _ := everyKind(f)
				guards := []plan.Guard{everything(), {Slug: "structural"}}
				guards = append(guards, tt.guards...)
				for _, g := range guards {
					if g.Check != nil {
						p.Facts = append(p.Facts, g.Check(&plan.Input{Have: f.snapshot(), Plan: &plan.Plan{}}).Facts...)
					}
				}
				p = saved(t, p)
				part := *p
				part.Changes = slices.Clone(p.Changes)[:min(tt.made, len(p.Changes))]
				if res, err := Run(t.Context(), f.open(t), &part, Options{}); err != nil || !res.OK() {
					t.Fatal(err, statuses(res))
				}
				have := f.snapshot()
				if tt.between != nil {
					tt.between(f, have, p)
				}
				before := f.state()
				todo, err := Verify(p, Now{Have: have, Guards: guards})
				if todo != tt.todo {
					t.Errorf("todo %v, want %v", todo, tt.todo)
				}
				if tt.err == nil && err != nil || tt.err != nil && !errors.As(err, tt.err) {
					t.Errorf("error %v, want %T", err, tt.err)
				}
				if d := cmp.Diff(before, f.state()); d != "" {
					t.Error("Verify changed something: " + d)
				}
			})
		})
	}
}

func TestAMovedFactIsNamedWithWhatItWasAndIs(t *testing.T) {
	p := newPlan()
	p.entry("test", nil, ptr(entry("a")))
	p.Facts = []plan.Fact{{Guard: "last-admin", Subject: "test", Value: "ann"}, {Guard: "caller", Subject: "main", Value: "bob"}}
	guard := plan.Guard{Slug: "last-admin", Check: func(*plan.Input) plan.Findings {
		return plan.Findings{Facts: []plan.Fact{{Guard: "last-admin", Subject: "test", Value: "eve"}, {Guard: "caller", Subject: "main", Value: "bob"}}}
	}}
	_, err := Verify(&p.Plan, Now{Have: newFake().snapshot(), Guards: []plan.Guard{guard}})
	want := "the plan's guards relied on what has moved; plan again; last-admin of test was ann, is eve"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestADeleteInsideAGapIsNotTakenForDone(t *testing.T) {
	for _, unread := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			e := f.put("test", entry("a"))
			p := newPlan()
			p.entry("test", e, nil)
			delete(f.cluster("test").entries, e.Principal)
			have := f.snapshot()
			if unread {
				have.Gaps = []access.Gap{{What: access.GapEntry, Account: accountID, Region: "us-east-1", Cluster: "test", Principal: e.Principal}}
			}
			if todo, err := Verify(&p.Plan, Now{Have: have}); err != nil || todo != unread {
				t.Errorf("unread %v: todo %v, %v", unread, todo, err)
			}
		})
	}
}

// Roles that a plan made or took before it was cut off are as before in what
// its guards look at, and only those.
//
// shows: item S135
func TestRolesOfACutOffPlanAreUndoneInThought(t *testing.T) {
	arn := func(name string) string { return "arn:aws:iam::" + accountID + ":role/" + name }
	role := func(name string) access.Principal { return access.Principal{ARN: arn(name), ID: "AROA" + name} }
	living := plan.Guard{Slug: "living", Check: func(in *plan.Input) plan.Findings {
		var names []string
		for _, r := range in.Have.Accounts[0].Roles {
			names = append(names, access.RoleName(r.ARN))
		}
		return plan.Findings{Facts: []plan.Fact{{Guard: "living", Subject: "roles", Value: strings.Join(names, " ")}}}
	}}
	for name, c := range map[string]struct {
		roles []string // of ours, that stand now
		err   bool
	}{
		"nothing was made":       {roles: []string{"goes"}},
		"one was made":           {roles: []string{"comes", "goes"}},
		"one went":               {roles: nil},
		"twin: another one came": {roles: []string{"goes", "stranger"}, err: true},
	} {
		p := newPlan()
		p.Accounts = []access.HaveAccount{{Account: access.Account{ID: accountID, Partition: "aws"}}}
		about := func(name string) plan.Change {
			return plan.Change{ID: "role/" + name, Kind: plan.Role, Cluster: access.ClusterKey{Account: accountID}, Principal: arn(name)}
		}
		comes, goes, last := about("comes"), about("goes"), about("last")
		comes.Verb, comes.To = plan.Create, plan.IAMRole{ARN: arn("comes"), MaxSession: access.DefaultSession}
		goes.Verb, goes.From = plan.Delete, plan.IAMRole{ARN: arn("goes"), ID: "AROAgoes"}
		last.Verb, last.To = plan.Create, plan.IAMRole{ARN: arn("last"), MaxSession: access.DefaultSession} // is still to be made
		p.Changes = []plan.Change{comes, goes, last}
		p.Facts = []plan.Fact{{Guard: "living", Subject: "roles", Value: "foreign goes"}}
		have := &access.Snapshot{Accounts: []access.HaveAccount{{Account: access.Account{ID: accountID, Partition: "aws"}, RolesRead: true, DetailsRead: true,
			Roles: []access.Principal{role("foreign")}}}}
		a := &have.Accounts[0]
		for _, n := range c.roles {
			a.Roles = append(a.Roles, role(n))
			a.Details = append(a.Details, access.HaveRole{Principal: role(n), Name: n, MaxSession: access.DefaultSession, Tags: owner.Tags()})
		}
		slices.SortFunc(a.Roles, func(x, y access.Principal) int { return strings.Compare(x.ARN, y.ARN) })
		before := slices.Clone(a.Roles)
		todo, err := Verify(&p.Plan, Now{Have: have, Guards: []plan.Guard{living}})
		var moved *FactsMovedError
		if !todo || errors.As(err, &moved) != c.err || (err == nil) == c.err {
			t.Errorf("%s: %v %v", name, todo, err)
		}
		if !slices.Equal(before, a.Roles) {
			t.Errorf("%s: the snapshot was changed", name)
		}
	}
}
