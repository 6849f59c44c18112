package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/accesstest"
	"github.com/atlas-iam/atlas-iam/internal/apply"
	"github.com/atlas-iam/atlas-iam/internal/plan"
	"github.com/atlas-iam/atlas-iam/internal/question"
)

// One missing permission once gave a line for each cluster.
func TestListsThatFailedForOneReasonAreOneLine(t *testing.T) {
	p := emptyPlan()
	for i := range 29 {
		name := fmt.Sprintf("c%02d", i)
		p.Gaps = append(p.Gaps, access.Gap{What: access.GapEntries, Account: account, Region: "us-east-1", Cluster: name,
			Reason: fmt.Sprintf("AccessDenied: eks:ListAccessEntries on cluster/%s (RequestID: %08x-1)", name, i)})
	}
	p.Gaps = append(p.Gaps, access.Gap{What: access.GapEntries, Account: account, Region: "us-east-1", Cluster: "other", Reason: "timeout"})
	var b bytes.Buffer
	if err := Text(&b, p, Options{}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "access entries of"); n != 2 || !strings.Contains(b.String(), "access entries of c00 in "+account+" us-east-1 and 28 more for the same reason (-v lists them)") {
		t.Errorf("%d lines:\n%s", n, b.String())
	}
	b.Reset()
	if err := Text(&b, p, Options{Verbose: true}); err != nil || strings.Count(b.String(), "access entries of") != 30 {
		t.Errorf("-v does not list them: %v\n%s", err, b.String())
	}
}

// A folded row once repeated equal words and named no cluster.
func TestHeldChangesAreFoldedWithoutRepetitionAndWithTheirClusters(t *testing.T) {
	held := func(clusters ...string) string {
		p := emptyPlan()
		for _, cl := range clusters {
			c := associate(grant(cl, "backend", "ann", "View", access.NamespaceScope("*"), 1), true)
			c.Held = []plan.Hold{{Guard: "last-admin", Reason: "one reason"}}
			p.Changes = append(p.Changes, c)
		}
		var b bytes.Buffer
		if err := Text(&b, p, Options{Guards: guards()}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for want, clusters := range map[string][]string{
		"# take View in * from user/ann   test   last-admin":                              {"test"},
		"# 2 changes: take View in * from user/ann   test, prod   last-admin":             {"test", "prod"},
		"# 4 changes: take View in * from user/ann   4 clusters   last-admin: one reason": {"a", "b", "c", "d"},
	} {
		if got := held(clusters...); !strings.Contains(got, want) {
			t.Errorf("%v:\n%s\nwant %s", clusters, got, want)
		}
	}
}

// A guard whose reasons say the way out says it once.
func TestAGuardThatToldTheWayOutSaysItOnce(t *testing.T) {
	rules := []plan.Guard{{Slug: "told", Told: true, Instead: "Do this."}, {Slug: "fixed", Told: true, Fixed: true, Instead: "Do this."}, {Slug: "not", Instead: "Do this."}}
	for slug, want := range map[string]string{"told": " (or --allow told)", "fixed": "", "not": "; do this (or --allow not)"} {
		if got := override(slug, rules); got != want {
			t.Errorf("%s: %q, want %q", slug, got, want)
		}
	}
}

// Ctrl-C once gave a line for each of hundreds of changes that were left.
func TestWhatAStopLeftIsCounted(t *testing.T) {
	res := &apply.Result{Stopped: true, Counts: apply.Counts{Skipped: 146}}
	for i := range 146 {
		c := associate(grant("test", "backend", fmt.Sprintf("u%d", i), "View", access.NamespaceScope("*"), 1), false)
		res.Outcomes = append(res.Outcomes, apply.Outcome{Change: &c, Status: apply.Skipped, Skip: apply.SkipStopped})
	}
	for verbose, want := range map[bool]int{false: 4, true: 146} {
		var b bytes.Buffer
		if err := Result(&b, res, Options{Verbose: verbose}); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(b.String(), "\nskipped"); n != want || !verbose && !strings.Contains(b.String(), "skipped and 143 more   the run was stopped first") {
			t.Errorf("-v %v: %d lines\n%s", verbose, n, b.String())
		}
	}
}

// The line of a team says why a cluster is not done, and names clusters as the
// plan does where no documents are at hand.
func TestATeamsLineSaysWhatIsHeld(t *testing.T) {
	c := associate(grant("test", "backend", "ann", "View", access.NamespaceScope("*"), 1), false)
	res := &apply.Result{Counts: apply.Counts{Skipped: 1, Held: 1}, Outcomes: []apply.Outcome{{Change: &c, Status: apply.Skipped, Skip: apply.SkipHeld}},
		Teams: []apply.TeamResult{{Team: "backend", Incomplete: []access.ClusterKey{c.Cluster}}}}
	for status, want := range map[apply.Skip]string{apply.SkipHeld: "not on test (held)\n", apply.SkipStopped: "not on test\n"} {
		res.Outcomes[0].Skip = status
		var b bytes.Buffer
		if err := Result(&b, res, Options{}); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%s: %v\n%s", status, err, b.String())
		}
	}
}

// Roles of the clusters' own may share a name and no rule: they are no one row,
// and -v says what each is. Equal ones are.
func TestRolesOfOneNameAreOneRowOnlyWhereTheyAreOneThing(t *testing.T) {
	get := plan.Requests{{Verbs: access.Words{In: []string{"get"}}, Groups: access.Words{In: []string{""}}, Resources: access.Words{In: []string{"pods"}}, Names: access.Words{Any: true}}}
	remove := plan.Requests{{Verbs: access.Words{In: []string{"delete"}}, Groups: access.Words{In: []string{""}}, Resources: access.Words{In: []string{"pods"}}, Names: access.Words{Any: true}}}
	person := func(on string, set int) plan.Grant {
		return plan.Grant{Cluster: cluster(on), Document: on, Principal: "arn:aws:iam::" + account + ":user/ann", Member: "user/ann", Role: access.RoleRef{Kind: access.ClusterRole, Name: "deployer"},
			What: "deployer", Where: "dev", Set: set}
	}
	group := func(on, ns string, set int) plan.Grant {
		return plan.Grant{Cluster: cluster(on), Document: on, Group: "g", Role: access.RoleRef{Kind: access.Role, Name: "deployer"}, Scope: access.NamespaceScope(ns), Set: set}
	}
	const note = "its rules are not the same everywhere"
	for name, c := range map[string]struct {
		grants []plan.Grant
		want   []string // WHO WHAT WHERE ON NOTE
	}{
		"one":                {[]plan.Grant{person("a", 1)}, []string{"user/ann deployer dev a"}},
		"equal":              {[]plan.Grant{person("a", 1), person("b", 1)}, []string{"user/ann deployer dev a, b"}},
		"unlike":             {[]plan.Grant{person("a", 1), person("b", 2)}, []string{"user/ann deployer dev a " + note, "user/ann deployer dev b " + note}},
		"two of three equal": {[]plan.Grant{person("a", 1), person("b", 2), person("c", 1)}, []string{"user/ann deployer dev a, c " + note, "user/ann deployer dev b " + note}},
		"not known":          {[]plan.Grant{person("a", 0), person("b", 0)}, []string{"user/ann deployer dev a, b"}},
		"a group's":          {[]plan.Grant{group("a", "dev", 1), group("a", "qa", 1), group("b", "dev", 1), group("b", "qa", 1)}, []string{"group g Role deployer dev, qa a, b"}},
		"a group's, unlike": {[]plan.Grant{group("a", "dev", 1), group("a", "qa", 2)},
			[]string{"group g Role deployer dev a " + note, "group g Role deployer qa a " + note}},
	} {
		var got []string
		for _, r := range accessRows(c.grants, false, "", get, remove) {
			got = append(got, strings.Join(strings.Fields(strings.Join([]string{r.who, r.what, r.where, r.on, strings.TrimSuffix(r.note, " (-v spells them)")}, " ")), " "))
			if len(r.spelt) > 0 {
				t.Errorf("%s: folded, and spells %q", name, r.spelt)
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	var spelt []string
	for _, r := range accessRows([]plan.Grant{person("a", 1), person("b", 2)}, true, "", get, remove) {
		spelt = append(spelt, r.on+": "+strings.Join(r.spelt, "; "))
	}
	if got := strings.Join(spelt, " | "); !strings.Contains(got, "a: get pods") || !strings.Contains(got, "b: delete pods") {
		t.Errorf("-v says %s", got)
	}
	if rows := accessRows([]plan.Grant{person("a", 1), person("b", 1)}, true, "", get, remove); len(rows) != 2 || len(rows[0].spelt) != 0 {
		t.Errorf("equal ones are spelt: %+v", rows)
	}
}

// Those of one list who break a test alike are told of once, with the same
// counts; those who were asked something else, or do not break it, are not with
// them.
func TestSubjectsOfOneListWhoBreakATestAreToldOfOnce(t *testing.T) {
	test, other := &access.WantTest{Document: "lanes", Place: access.Place{File: "t.yaml", Line: 3}}, &access.WantTest{Document: "lanes", Place: access.Place{File: "t.yaml", Line: 9}}
	denied := &authz.Explanation{Verdict: authz.Deny}
	asks := func(of *access.WantTest, who string, outcome accesstest.Outcome, why string) accesstest.Case {
		c := accesstest.Case{Test: of, Kind: accesstest.Can, Who: access.Who{Kind: access.WhoUser, Name: who}, Ask: access.Ask{Verb: "get", Resource: "pods"},
			Asked: question.Asked{Request: authz.Request{Verb: "get", Resource: "pods", Namespace: "dev"}, Namespaced: true}, Outcome: outcome, Why: why, Subjects: 1}
		if outcome == accesstest.Failed && why == "" {
			c.Findings = []accesstest.Finding{{Cluster: "test", Subject: "user/" + who, Verdict: authz.Deny, Explanation: denied}}
		}
		return c
	}
	failed, passed := accesstest.Failed, accesstest.Passed
	r := &accesstest.Report{Failed: 7, Passed: 1, Cases: []accesstest.Case{asks(test, "a", failed, ""), asks(test, "b", passed, ""), asks(test, "c", failed, ""), asks(test, "d", failed, ""),
		asks(test, "e", failed, ""), asks(test, "nobody", failed, "no document names user/nobody"), asks(other, "a", failed, ""), asks(test, "noone", failed, "no document names user/noone")}}
	var b bytes.Buffer
	if err := Tests(&b, r, false, nil, Options{}); err != nil {
		t.Fatal(err)
	}
	for line, times := range map[string]int{
		"FAIL  ": 4, "user/a, user/c, user/d and 1 more can get pods in dev   want allow, got deny": 1, "4 of 4 answers are not as wanted": 1,
		"user/a, user/c, user/d and 1 more on test is denied": 1, "      user/a can get pods in dev": 1, "no document names user/nobody": 1, "no document names user/noone": 1,
		"try: ": 2, "1 passed, 7 failed": 1,
	} {
		if n := strings.Count(b.String(), line); n != times {
			t.Errorf("%q stands %d times, want %d:\n%s", line, n, times, &b)
		}
	}
	b.Reset()
	if err := Tests(&b, r, false, nil, Options{Verbose: true}); err != nil || strings.Count(b.String(), "FAIL  ") != 7 || strings.Count(b.String(), "PASS  ") != 1 {
		t.Errorf("-v: %v\n%s", err, &b)
	}
	b.Reset()
	if err := TestsGitHub(&b, r, nil); err != nil || strings.Count(b.String(), "::error") != 4 {
		t.Errorf("github: %v\n%s", err, &b)
	}
	b.Reset()
	if err := TestsJUnit(&b, r, nil); err != nil || strings.Count(b.String(), "<failure") != 7 {
		t.Errorf("junit: %v\n%s", err, &b)
	}
}

// What a held policy would give and take stands beside it, and a warning that
// is a hold's reason is not said again.
func TestAHeldPolicySaysWhatItWouldGiveAndItsReasonOnce(t *testing.T) {
	p := emptyPlan()
	p.Changes = []plan.Change{{ID: "p", Kind: plan.RolePolicy, Verb: plan.Update, Name: "inline", Principal: "arn:aws:iam::492000000148:role/loki",
		Gained: []plan.Grant{{What: "iam:PassRole on *"}}, Lost: []plan.Grant{{What: "s3:GetObject on b"}}, Held: []plan.Hold{{Guard: "trust", Reason: "add this statement"}}}}
	p.Warnings = []plan.Warning{{Slug: "trust", Text: "add this statement"}, {Slug: "trust", Text: "another word"}}
	var b bytes.Buffer
	if err := Text(&b, p, Options{Guards: guards()}); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if !strings.Contains(got, "update policy inline of role loki (would lose s3:GetObject on b; would gain iam:PassRole on *)") {
		t.Error(got)
	}
	if strings.Count(got, "add this statement") != 1 || !strings.Contains(got, "another word") {
		t.Errorf("the reason is not said once, or another warning is not said:\n%s", got)
	}
}

func TestWhatWaitsForSeveralHeldChangesIsOneLine(t *testing.T) {
	p := emptyPlan()
	p.Changes = []plan.Change{{ID: "p", Kind: plan.PodIdentityAssociation, Verb: plan.Delete, Namespace: "ns", Name: "sa",
		Held: []plan.Hold{{Guard: plan.Depends, Reason: "it depends on a, which is held"}, {Guard: plan.Depends, Reason: "it depends on b, which is held"}}}}
	for verbose, lines := range map[bool]int{false: 1, true: 2} {
		var b bytes.Buffer
		if err := Text(&b, p, Options{Verbose: verbose}); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); strings.Count(got, "depends: ") != lines || strings.Contains(got, "which is held, and on 1 more that are") == verbose {
			t.Errorf("verbose %v:\n%s", verbose, got)
		}
	}
}
