package apply

import (
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// What somebody does between plan and apply, and what comes of the change.
//
// shows: item S17
func TestEachObjectIsReadAgainJustBeforeItsWrite(t *testing.T) {
	marked := func(e access.Entry, key, value string) access.Entry {
		e.Tags = maps.Clone(e.Tags)
		e.Tags[key] = value
		return e
	}
	seen := with(entry("a", "dev"), on(editARN, "x"), on(viewARN))
	entryTo := func(to *access.Entry) func(*planner, *access.Entry) {
		return func(p *planner, from *access.Entry) {
			if to != nil && from != nil {
				to.ARN = from.ARN
			}
			p.entry("test", from, to)
		}
	}
	policyTo := func(from, to *access.Association) func(*planner, *access.Entry) {
		return func(p *planner, _ *access.Entry) { p.policy("test", "a", from, to) }
	}
	tests := map[string]struct {
		before access.Entry // as the plan saw it; zero: nothing was there
		change func(*planner, *access.Entry)
		// between changes what is there; nil: nothing happens
		between func(*fakeEKS, *access.Entry)
		want    Status
		what    string // MovedError.What
		writes  int
	}{
		"create, nothing there": {change: entryTo(ptr(entry("a"))), want: Done, writes: 1},
		"create, the same is there and ours": {change: entryTo(ptr(entry("a"))), want: Already,
			between: func(f *fakeEKS, _ *access.Entry) { f.put("test", marked(entry("a"), "extra", "x")) }},
		"create, the same is there and nobody's": {change: entryTo(ptr(entry("a"))), want: Failed, what: "the entry",
			between: func(f *fakeEKS, _ *access.Entry) { f.put("test", tags(entry("a"), nil)) }},
		"create, another is there and ours": {change: entryTo(ptr(entry("a"))), want: Failed, what: "the entry",
			between: func(f *fakeEKS, _ *access.Entry) { f.put("test", entry("a", "admins")) }},
		"create, the same is there with another tool's mark": {change: entryTo(ptr(entry("a"))), want: Failed, what: "the entry",
			between: func(f *fakeEKS, _ *access.Entry) { f.put("test", marked(entry("a"), "created-by", "terraform")) }},

		"update, as seen": {before: seen, change: entryTo(ptr(entry("a", "qa"))), want: Done, writes: 1},
		"update, done by another": {before: seen, change: entryTo(ptr(entry("a", "qa"))), want: Already,
			between: func(_ *fakeEKS, e *access.Entry) { e.Groups = []string{"qa"} }},
		"update, groups moved": {before: seen, change: entryTo(ptr(entry("a", "qa"))), want: Failed, what: "groups",
			between: func(_ *fakeEKS, e *access.Entry) { e.Groups = []string{"dev", "ops"} }},
		"update, username moved": {before: seen, change: entryTo(ptr(entry("a", "qa"))), want: Failed, what: "username",
			between: func(_ *fakeEKS, e *access.Entry) { e.Username = "bob" }},
		"update, our mark is lost": {before: seen, change: entryTo(ptr(entry("a", "qa"))), want: Failed, what: "tag " + access.TagEnvironment,
			between: func(_ *fakeEKS, e *access.Entry) { e.Tags = nil }},
		"update, another tool marks it": {before: seen, change: entryTo(ptr(entry("a", "qa"))), want: Failed, what: "tag created-by",
			between: func(_ *fakeEKS, e *access.Entry) { e.Tags["created-by"] = "terraform" }},
		"update, a tag without a value came": {before: seen, change: entryTo(ptr(entry("a", "qa"))), want: Failed, what: "tag empty",
			between: func(_ *fakeEKS, e *access.Entry) { e.Tags["empty"] = "" }},
		"update, a tag that is to change was changed by another": {before: marked(entry("a"), "stage", "old"), change: entryTo(ptr(marked(entry("a"), "stage", "new"))), want: Failed, what: "tag stage",
			between: func(_ *fakeEKS, e *access.Entry) { e.Tags["stage"] = "theirs" }},
		"update, a tag that is to change was changed so": {before: marked(entry("a"), "stage", "old"), change: entryTo(ptr(marked(entry("a", "qa"), "stage", "new"))), want: Done, writes: 1,
			between: func(_ *fakeEKS, e *access.Entry) { e.Tags["stage"] = "new" }},
		"update, gone": {before: seen, change: entryTo(ptr(entry("a", "qa"))), want: Failed, what: "the entry",
			between: func(f *fakeEKS, e *access.Entry) { delete(f.cluster("test").entries, e.Principal) }},
		"update, a policy moved, which is a change of its own": {before: seen, change: entryTo(ptr(entry("a", "qa"))), want: Done, writes: 1,
			between: func(_ *fakeEKS, e *access.Entry) { e.Associations = nil }},
		"update of what was never ours": {before: tags(seen, theirs), change: entryTo(ptr(tags(entry("a", "qa"), theirs))), want: Failed, what: "its owner"},

		"delete, as seen": {before: seen, change: entryTo(nil), want: Done, writes: 1},
		"delete, gone": {before: seen, change: entryTo(nil), want: Already,
			between: func(f *fakeEKS, e *access.Entry) { delete(f.cluster("test").entries, e.Principal) }},
		"delete, our mark is lost": {before: seen, change: entryTo(nil), want: Failed, what: "tag " + access.TagID,
			between: func(_ *fakeEKS, e *access.Entry) { delete(e.Tags, access.TagID) }},
		"delete, a policy was added": {before: with(entry("a"), on(viewARN)), change: entryTo(nil), want: Failed, what: "policy Edit",
			between: func(_ *fakeEKS, e *access.Entry) { *e = with(*e, on(editARN, "x"), on(viewARN)) }},
		"delete, a scope was widened": {before: seen, change: entryTo(nil), want: Failed, what: "policy Edit",
			between: func(_ *fakeEKS, e *access.Entry) { *e = with(*e, on(editARN), on(viewARN)) }},
		"delete, made again by another": {before: seen, change: entryTo(nil), want: Failed, what: "the entry",
			between: func(f *fakeEKS, _ *access.Entry) { f.put("test", seen) }},
		"remove of what is not ours": {before: tags(seen, theirs), change: entryTo(nil), want: Done, writes: 1},
		"remove, changed since": {before: tags(seen, theirs), change: entryTo(nil), want: Failed, what: "groups",
			between: func(_ *fakeEKS, e *access.Entry) { e.Groups = nil }},

		"associate, as seen": {before: entry("a"), change: policyTo(nil, ptr(on(editARN, "x"))), want: Done, writes: 1},
		"associate, done by another": {before: entry("a"), change: policyTo(nil, ptr(on(editARN, "x"))), want: Already,
			between: func(_ *fakeEKS, e *access.Entry) { *e = with(*e, on(editARN, "x")) }},
		"associate, another scope is there": {before: entry("a"), change: policyTo(nil, ptr(on(editARN, "x"))), want: Failed, what: "policy Edit",
			between: func(_ *fakeEKS, e *access.Entry) { *e = with(*e, on(editARN)) }},
		"associate, the entry is gone": {before: entry("a"), change: policyTo(nil, ptr(on(editARN, "x"))), want: Failed, what: "the entry",
			between: func(f *fakeEKS, e *access.Entry) { delete(f.cluster("test").entries, e.Principal) }},
		"associate, the entry has lost our mark": {before: entry("a"), change: policyTo(nil, ptr(on(editARN, "x"))), want: Failed, what: "its owner",
			between: func(_ *fakeEKS, e *access.Entry) { e.Tags = theirs }},
		"scope, as seen": {before: seen, change: policyTo(ptr(on(editARN, "x")), ptr(on(editARN, "y"))), want: Done, writes: 1},
		"scope, moved": {before: seen, change: policyTo(ptr(on(editARN, "x")), ptr(on(editARN, "y"))), want: Failed, what: "policy Edit",
			between: func(_ *fakeEKS, e *access.Entry) { *e = with(*e, on(editARN, "z")) }},
		"scope, policy gone": {before: seen, change: policyTo(ptr(on(editARN, "x")), ptr(on(editARN, "y"))), want: Failed, what: "policy Edit",
			between: func(_ *fakeEKS, e *access.Entry) { e.Associations = nil }},
		"disassociate, as seen": {before: seen, change: policyTo(ptr(on(viewARN)), nil), want: Done, writes: 1},
		"disassociate, gone": {before: seen, change: policyTo(ptr(on(viewARN)), nil), want: Already,
			between: func(_ *fakeEKS, e *access.Entry) { e.Associations = nil }},
		"disassociate, gone with its entry": {before: seen, change: policyTo(ptr(on(viewARN)), nil), want: Already,
			between: func(f *fakeEKS, e *access.Entry) { delete(f.cluster("test").entries, e.Principal) }},
		"disassociate, narrowed": {before: seen, change: policyTo(ptr(on(viewARN)), nil), want: Failed, what: "policy View",
			between: func(_ *fakeEKS, e *access.Entry) { *e = with(*e, on(viewARN, "x")) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				p := newPlan()
				var there, saw *access.Entry
				if tt.before.Principal != "" {
					there = f.put("test", tt.before)
					saw = there.Clone()
				}
				tt.change(p, saw)
				if tt.between != nil {
					tt.between(f, there)
				}
				res, err := Run(t.Context(), f.open(t), &p.Plan, Options{ForeignTags: map[string]string{"created-by": "*"}})
				if err != nil {
					t.Fatal(err)
				}
				o := res.Outcomes[0]
				if o.Status != tt.want || len(f.journal) != tt.writes {
					t.Errorf("%s (%v) after %v, want %s after %d writes", o.Status, o.Err, f.journal, tt.want, tt.writes)
				}
				moved, _ := o.Err.(*MovedError)
				if moved == nil {
					moved = &MovedError{}
				}
				if moved.What != tt.what {
					t.Errorf("moved: %q (%v), want %q", moved.What, o.Err, tt.what)
				}
			})
		})
	}
}

func TestAMovedChangeSaysFromWhatToWhat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		e := f.put("test", with(entry("a"), on(editARN, "x")))
		p := newPlan()
		id := p.policy("test", "a", ptr(on(editARN, "x")), ptr(on(editARN, "y")))
		*e = with(*e, on(editARN))
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := "access entry of " + arn("a") + " on cluster " + key("test").String() + " moved since the plan: policy Edit was on x, is on cluster"
		if got := status(t, res, id).Err.Error(); got != want {
			t.Errorf("error\n%s\nwant\n%s", got, want)
		}
	})
}

func TestWhatStandsWhereAnEntryWasToBeMadeIsNamed(t *testing.T) {
	for want, stands := range map[string]access.Entry{
		"the entry was not there, is there and not ours (nobody's mark)":                                                                              tags(entry("a"), nil),
		"the entry was not there, is there and not ours (environment old)":                                                                            tags(entry("a"), access.Owner{Environment: "old", ID: "x"}.Tags()),
		"there and different: type STANDARD, username " + arn("a") + ", groups h, i; wanted is type STANDARD, username " + arn("a") + ", groups none": entry("a", "i", "h"),
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.put("test", stands)
			p := newPlan()
			id := p.entry("test", nil, ptr(entry("a")))
			res, err := Run(t.Context(), f.open(t), &p.Plan, Options{})
			if o := status(t, res, id); err != nil || o.Status != Failed || !strings.Contains(o.Err.Error(), want) {
				t.Errorf("%v: %v, want %s", err, o.Err, want)
			}
		})
	}
}

func TestAReplaceThatWasCutInTheMiddleIsFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		dead := f.put("test", with(entry("a"), on(viewARN)))
		p := newPlan()
		id := p.entry("test", dead.Clone(), ptr(entry("a")))
		f.fault = once("CreateAccessEntry", denied)
		c := f.open(t)
		res, _ := Run(t.Context(), c, &p.Plan, Options{})
		o := status(t, res, id)
		if o.Status != Failed || len(o.Writes) != 2 || o.Writes[0].Outcome != WriteDone || o.Writes[1].Outcome != WriteRefused {
			t.Errorf("outcome %+v", o)
		}
		for range 2 {
			if res, _ = Run(t.Context(), c, &p.Plan, Options{}); !res.OK() {
				t.Error(statuses(res))
			}
		}
		if d := cmp.Diff([]string{"DeleteAccessEntry test a", "CreateAccessEntry test a"}, f.journal); d != "" {
			t.Error(d)
		}
	})
}

func TestAdoptMarksAndDoesNothingElse(t *testing.T) {
	foreign := tags(with(entry("a", "dev"), on(viewARN)), theirs)
	mark := func(e access.Entry) access.Entry { return tags(e, merged(owner.Tags(), e.Tags)) }
	tests := map[string]struct {
		to      access.Entry
		between func(*access.Entry)
		want    Status
		writes  int
	}{
		"an entry as it was seen":        {to: mark(foreign), want: Done, writes: 1},
		"one that is adopted already":    {to: mark(foreign), between: func(e *access.Entry) { *e = mark(*e) }, want: Already},
		"one that moved":                 {to: mark(foreign), between: func(e *access.Entry) { e.Groups = nil }, want: Failed},
		"a change of groups besides":     {to: mark(tags(entry("a", "qa"), theirs)), want: Failed},
		"a change that takes a mark off": {to: entry("a", "dev"), want: Failed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				e := f.put("test", foreign)
				p := newPlan()
				tt.to.ARN = e.ARN
				p.entry("test", e.Clone(), &tt.to)
				if tt.between != nil {
					tt.between(e)
				}
				res, err := Adopt(t.Context(), f.open(t), &p.Plan, Options{})
				if err != nil || res.Outcomes[0].Status != tt.want || len(f.journal) != tt.writes {
					t.Errorf("%v, %s (%v), %v; want %s", err, res.Outcomes[0].Status, res.Outcomes[0].Err, f.journal, tt.want)
				}
			})
		})
	}
}

func TestAChangeThatIsNotWholeFailsAndPanicsNothing(t *testing.T) {
	e, a := plan.Entry{Entry: entry("a")}, plan.Association{Principal: arn("a"), Association: on(viewARN)}
	for name, c := range map[string]plan.Change{
		"create without to":        {Verb: plan.Create, Kind: plan.AccessEntry},
		"delete with to":           {Verb: plan.Delete, Kind: plan.AccessEntry, From: e, To: e},
		"an entry's policy":        {Verb: plan.Create, Kind: plan.AccessEntry, To: a},
		"a policy's entry":         {Verb: plan.Create, Kind: plan.PolicyAssociation, To: e},
		"a replaced policy":        {Verb: plan.Replace, Kind: plan.PolicyAssociation, From: a, To: a},
		"a mode that is made":      {Verb: plan.Create, Kind: plan.AuthenticationMode, To: plan.Mode{AuthenticationMode: access.ModeAPI}},
		"a kind of another day":    {Verb: plan.Create, Kind: "Role", To: e},
		"another principal's":      {Verb: plan.Create, Kind: plan.AccessEntry, Principal: arn("b"), To: e},
		"a verb of another day":    {Verb: "rename", Kind: plan.AccessEntry, Principal: arn("a"), From: e, To: e},
		"a policy of another name": {Verb: plan.Update, Kind: plan.PolicyAssociation, Principal: arn("a"), From: a, To: plan.Association{Principal: arn("a"), Association: on(editARN)}},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.put("test", with(entry("a"), on(viewARN)))
			p := newPlan()
			c.ID, c.Cluster = "x", key("test")
			p.Changes = append(p.Changes, c)
			res, err := Run(t.Context(), f.open(t), &p.Plan, Options{})
			if err != nil || res.Counts.Failed != 1 || len(f.journal) != 0 {
				t.Errorf("%s: %v, %v, %v", name, err, statuses(res), f.journal)
			}
		})
	}
}

// What somebody does between a change's reading and its write.
func TestARaceWithAnotherIsSettledByWhatIsThere(t *testing.T) {
	act := func(on string, do func(*fakeEKS)) func(*fakeEKS, string) {
		acted := false
		return func(f *fakeEKS, op string) {
			if op == on && !acted {
				acted = true
				do(f)
			}
		}
	}
	forget := func(f *fakeEKS) { delete(f.cluster("test").entries, arn("a")) }
	old := with(entry("a"), on(viewARN))
	tests := map[string]struct {
		before *access.Entry
		plan   func(*planner, *access.Entry)
		act    func(*fakeEKS, string)
		want   Status
	}{
		"made by another run first": {want: Already,
			plan: func(p *planner, _ *access.Entry) { p.entry("test", nil, ptr(entry("a"))) },
			act:  act("CreateAccessEntry", func(f *fakeEKS) { f.put("test", entry("a")) })},
		"made by another first, and not ours": {want: Failed,
			plan: func(p *planner, _ *access.Entry) { p.entry("test", nil, ptr(entry("a"))) },
			act:  act("CreateAccessEntry", func(f *fakeEKS) { f.put("test", tags(entry("a"), nil)) })},
		"deleted by another first": {before: &old, want: Already,
			plan: func(p *planner, e *access.Entry) { p.entry("test", e, nil) },
			act:  act("DeleteAccessEntry", forget)},
		"taken off by another first": {before: &old, want: Already,
			plan: func(p *planner, _ *access.Entry) { p.policy("test", "a", ptr(on(viewARN)), nil) },
			act:  act("DisassociateAccessPolicy", func(f *fakeEKS) { f.cluster("test").entries[arn("a")].Associations = nil })},
		"deleted while it is given a policy": {before: &old, want: Failed,
			plan: func(p *planner, _ *access.Entry) { p.policy("test", "a", nil, ptr(on(editARN))) },
			act:  act("AssociateAccessPolicy", forget)},
		"deleted while its groups change": {before: &old, want: Failed,
			plan: func(p *planner, e *access.Entry) {
				to := e.Clone()
				to.Groups = []string{"x"}
				p.entry("test", e, to)
			},
			act: act("UpdateAccessEntry", forget)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				p := newPlan()
				var e *access.Entry
				if tt.before != nil {
					e = f.put("test", *tt.before)
				}
				tt.plan(p, e)
				f.before = tt.act
				res, err := Run(t.Context(), f.open(t), &p.Plan, Options{})
				if err != nil || res.Outcomes[0].Status != tt.want || len(f.journal) != 0 {
					t.Errorf("%v, %v (%v), %v; want %s", err, statuses(res), res.Outcomes[0].Err, f.journal, tt.want)
				}
			})
		})
	}
}

func TestAReplacedEntryThatLingersIsNotTakenForTheNewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.lingers = 5 * time.Second
		dead := f.put("test", entry("a"))
		p := newPlan()
		p.entry("test", dead, ptr(entry("a")))
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{})
		if err != nil || !res.OK() {
			t.Fatal(err, statuses(res), res.Outcomes[0].Err)
		}
		if now := f.cluster("test").entries[arn("a")]; now == nil || now.ARN == dead.ARN {
			t.Errorf("the entry is %v", now)
		}
	})
}
