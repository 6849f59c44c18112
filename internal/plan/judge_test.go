package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/atlas-iam/atlas-iam/access"
)

const (
	annID  = "entry/" + home + "/eu-west-1/test/arn:aws:iam::" + home + ":user/ann"
	bobID  = "entry/" + home + "/eu-west-1/test/arn:aws:iam::" + home + ":user/bob"
	annsID = "association/" + home + "/eu-west-1/test/arn:aws:iam::" + home + ":user/ann/Edit"
)

// holding is a guard that holds fixed changes.
func holding(slug string, fixed bool, ids ...string) Guard {
	return Guard{Slug: slug, Fixed: fixed, Check: func(*Input) Findings {
		var f Findings
		for _, id := range ids {
			f.Holds = append(f.Holds, Finding{id, "because"})
		}
		return f
	}}
}

func TestGuardsHoldChangesAndWhatDependsOnThem(t *testing.T) {
	want := wants(wantCluster(test, wantEntry("user/ann", "Edit:a"), wantEntry("user/bob", "")))
	for name, c := range map[string]struct {
		guards []Guard
		allow  []string
		plan   []string
	}{
		"no guard": {plan: []string{"create entry/test/user/ann", "create entry/test/user/bob", "create association/test/user/ann/Edit after entry/test/user/ann"}},
		"a held entry holds its policy": {guards: []Guard{holding("g", false, annID)},
			plan: []string{"create entry/test/user/ann !g", "create entry/test/user/bob", "create association/test/user/ann/Edit after entry/test/user/ann !depends"}},
		"allowed, both go": {guards: []Guard{holding("g", false, annID)}, allow: []string{"g"},
			plan: []string{"create entry/test/user/ann", "create entry/test/user/bob", "create association/test/user/ann/Edit after entry/test/user/ann"}},
		"a fixed guard cannot be allowed": {guards: []Guard{holding("g", true, bobID)}, allow: []string{"g"},
			plan: []string{"create entry/test/user/ann", "create entry/test/user/bob !g", "create association/test/user/ann/Edit after entry/test/user/ann"}},
		"one slug never releases another's": {guards: []Guard{holding("g", false, bobID), holding("h", false, bobID)}, allow: []string{"g"},
			plan: []string{"create entry/test/user/ann", "create entry/test/user/bob !h", "create association/test/user/ann/Edit after entry/test/user/ann"}},
		"a second guard that sees a hold is asked again": {
			guards: []Guard{
				{Slug: "follows", Check: func(in *Input) Findings {
					i := slices.IndexFunc(in.Plan.Changes, func(c Change) bool { return c.ID == annID })
					if len(in.Plan.Changes[i].Held) == 0 {
						return Findings{}
					}
					return Findings{Holds: []Finding{{bobID, "ann is held"}}}
				}},
				holding("g", false, annID), holding("g", false, annID),
			},
			plan: []string{"create entry/test/user/ann !g", "create entry/test/user/bob !follows", "create association/test/user/ann/Edit after entry/test/user/ann !depends"}},
		"a second guard that sees a hold on which nothing depends is asked again": {
			guards: []Guard{
				{Slug: "follows", Check: func(in *Input) Findings {
					i := slices.IndexFunc(in.Plan.Changes, func(c Change) bool { return c.ID == bobID })
					if len(in.Plan.Changes[i].Held) == 0 {
						return Findings{}
					}
					return Findings{Holds: []Finding{{annsID, "bob is held"}}}
				}},
				holding("g", false, bobID),
			},
			plan: []string{"create entry/test/user/ann", "create entry/test/user/bob !g", "create association/test/user/ann/Edit after entry/test/user/ann !follows"}},
		"a dependency comes first, and a hold goes along it": {
			guards: []Guard{{Slug: "after", Check: func(*Input) Findings { return Findings{After: []Dependency{{annID, bobID}}} }}, holding("g", false, bobID)},
			plan:   []string{"create entry/test/user/bob !g", "create entry/test/user/ann after entry/test/user/bob !depends", "create association/test/user/ann/Edit after entry/test/user/ann !depends"}},
		"a dependency in a circle is a hold": {
			guards: []Guard{{Slug: "after", Check: func(*Input) Findings { return Findings{After: []Dependency{{annID, annsID}}} }}},
			plan:   []string{"create entry/test/user/ann !after", "create entry/test/user/bob", "create association/test/user/ann/Edit after entry/test/user/ann !depends"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := Compute(want, sees(haveCluster(test)), Options{Allow: c.allow}, c.guards...)
			if diff := cmp.Diff(c.plan, lines(p)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatAGuardSaysIsKeptOnce(t *testing.T) {
	warn := Guard{Slug: "w", Check: func(in *Input) Findings {
		return Findings{Warnings: []Warning{{Slug: "w", Text: "look"}}, Facts: []Fact{{"w", "b", "2"}, {"w", "a", "1"}, {"w", "b", "2"}}}
	}}
	p := Compute(wants(wantCluster(test, wantEntry("user/ann", ""))), sees(haveCluster(test)), Options{Allow: []string{"g"}}, warn, holding("g", false, annID), warn)
	wantWarnings := []Warning{{Slug: "g", Change: annID, Text: "allowed: because", Source: access.Place{File: "team.yaml", Line: 3}}, {Slug: "w", Text: "look"}}
	if diff := cmp.Diff(wantWarnings, p.Warnings); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Fact{{"w", "a", "1"}, {"w", "b", "2"}}, p.Facts); diff != "" {
		t.Error(diff)
	}
}

func TestAGuardThatNamesNoChangeIsAFault(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a hold that holds nothing would let through what it means to stop")
		}
	}()
	Compute(wants(wantCluster(test)), sees(haveCluster(test)), Options{}, holding("g", false, annID))
}

func TestTheCallersOwnAccessIsLastInItsGroup(t *testing.T) {
	have := sees(haveCluster(test, haveEntry("role/admin", "Edit:a"), haveEntry("user/ann", "Edit:a"), haveEntry("user/bob", "View:a")))
	p := Compute(wants(wantCluster(test)), have, Options{})
	want := []string{"delete entry/test/user/ann", "delete entry/test/user/bob", "delete entry/test/role/admin"}
	if diff := cmp.Diff(want, lines(p)); diff != "" {
		t.Error(diff)
	}
	have.Accounts[0].Behind = arn("user/ann")
	p = Compute(wants(wantCluster(test)), have, Options{})
	want = []string{"delete entry/test/user/bob", "delete entry/test/role/admin", "delete entry/test/user/ann"}
	if diff := cmp.Diff(want, lines(p)); diff != "" {
		t.Error(diff)
	}
}

// Of an Edit that becomes a View the Edit stays if the View cannot be given.
func TestWhatTakesFromAPrincipalWaitsForWhatGivesHim(t *testing.T) {
	for name, c := range map[string]struct {
		have, want string
		waits      map[string][]string // the last part of an ID, and those of what it waits for
	}{
		"another policy":       {"Edit:a", "View:a", map[string][]string{"Edit": {"View"}}},
		"two for one":          {"Edit:a", "View:a ClusterAdmin:cluster", map[string][]string{"Edit": {"ClusterAdmin", "View"}}},
		"narrowed and given":   {"Edit:a,b", "Edit:a View:b", map[string][]string{"Edit": {"View"}}},
		"a group for a policy": {"group:g", "View:a", map[string][]string{"ann": {"View"}}},
		"a policy for a group": {"Edit:a", "group:g", map[string][]string{"Edit": {"ann"}}},
		"given alone":          {"Edit:a", "Edit:a View:b", nil},
		"taken alone":          {"Edit:a View:b", "Edit:a", nil},
		"swapped in one call":  {"Edit:a", "Edit:b", nil},
	} {
		have := sees(haveCluster(test, haveEntry("user/ann", c.have), haveEntry("user/bob", "View:x")))
		want := wants(wantCluster(test, wantEntry("user/ann", c.want), wantEntry("user/bob", "Edit:x")))
		p := Compute(want, have, Options{})
		last := func(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }
		got := map[string][]string{}
		for _, x := range p.Changes {
			if x.Member != "user/ann" && x.Principal != arn("user/ann") {
				continue
			}
			for _, on := range x.DependsOn {
				if !strings.Contains(on, "user/ann") {
					t.Errorf("%s: %s waits for another's %s", name, x.ID, on)
				}
				got[last(x.ID)] = append(got[last(x.ID)], last(on))
			}
		}
		if diff := cmp.Diff(c.waits, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	// A grant that is held keeps what it would replace; a taking by itself goes.
	held := Compute(wants(wantCluster(test, wantEntry("user/ann", "View:a"))), sees(haveCluster(test, haveEntry("user/ann", "Edit:a"), haveEntry("user/bob", "Edit:a"))),
		Options{}, holding("g", true, strings.Replace(annsID, "Edit", "View", 1)))
	if diff := cmp.Diff([]string{"create association/test/user/ann/View !g", "delete association/test/user/ann/Edit after association/test/user/ann/View !depends", "delete entry/test/user/bob"}, lines(held)); diff != "" {
		t.Error(diff)
	}
}

func TestGainedAndLost(t *testing.T) {
	for name, c := range map[string]struct {
		want, have   string // "" is none
		gained, lost []string
	}{
		"made":                                   {want: "Edit:a group:g username:u", gained: []string{"group g", "username u", "policy Edit on a"}},
		"deleted":                                {have: "Edit:a View:cluster group:g username:u", lost: []string{"group g", "username u", "policy Edit on a", "policy View on the whole cluster"}},
		"a default username is nothing":          {want: "View:a", have: "View:a,b", lost: []string{"policy View on b"}},
		"widened":                                {want: "Edit:a,b", have: "Edit:a", gained: []string{"policy Edit on b"}},
		"widened by a pattern":                   {want: "Edit:a*", have: "Edit:ab", gained: []string{"policy Edit on a*"}},
		"narrowed":                               {want: "Edit:ab", have: "Edit:a*", lost: []string{"policy Edit on a*"}},
		"swapped":                                {want: "Edit:a,c", have: "Edit:a,b", gained: []string{"policy Edit on c"}, lost: []string{"policy Edit on b"}},
		"to the whole cluster":                   {want: "Edit:cluster", have: "Edit:a", gained: []string{"policy Edit on the whole cluster"}},
		"from the whole cluster":                 {want: "Edit:a", have: "Edit:cluster", lost: []string{"policy Edit on the whole cluster"}},
		"even * is not the whole cluster":        {want: "Edit:*", have: "Edit:cluster", lost: []string{"policy Edit on the whole cluster"}},
		"another form of the same reach":         {want: "Edit:a*", have: "Edit:a*,ab"},
		"another policy":                         {want: "View:a", have: "Edit:a", gained: []string{"policy View on a"}, lost: []string{"policy Edit on a"}},
		"groups":                                 {want: "group:a group:b", have: "group:b group:c", gained: []string{"group a"}, lost: []string{"group c"}},
		"a username is another for its bindings": {want: "username:v", have: "username:u", gained: []string{"username v"}, lost: []string{"username u"}},
	} {
		t.Run(name, func(t *testing.T) {
			w, h := wantCluster(test), haveCluster(test)
			if c.want != "" {
				w.Entries = append(w.Entries, wantEntry("user/ann", c.want))
			}
			if c.have != "" {
				h.Entries = append(h.Entries, haveEntry("user/ann", c.have))
			}
			var gained, lost []string
			for _, ch := range Compute(wants(w), sees(h), Options{}).Changes {
				for _, g := range ch.Gained {
					gained = append(gained, grantWords(g))
				}
				for _, g := range ch.Lost {
					lost = append(lost, grantWords(g))
				}
			}
			if diff := cmp.Diff(c.gained, gained); diff != "" {
				t.Errorf("gained %s", diff)
			}
			if diff := cmp.Diff(c.lost, lost); diff != "" {
				t.Errorf("lost %s", diff)
			}
		})
	}
}

func TestRisksAreMarkedOnGrants(t *testing.T) {
	p := Compute(wants(wantCluster(test, wantEntry("user/ann", "SecretReader:cluster"))), sees(haveCluster(test)), Options{})
	if diff := cmp.Diff([]access.Risk{access.RiskSecrets, access.RiskWholeCluster}, p.Changes[1].Gained[0].Risks); diff != "" {
		t.Error(diff)
	}
}
