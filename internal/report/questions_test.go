package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/accesstest"
	"github.com/atlas-iam/atlas-iam/internal/effect"
	"github.com/atlas-iam/atlas-iam/internal/question"
)

// evil is a text that would steer a terminal, a log of GitHub's or an XML
// reader.
const evil = "x\x1b[2J\r\n::error::\u202e]]><b>&%0A"

func evilAnswers() (*question.Answer, []question.HoldersOn, *question.Matrix, *accesstest.Report) {
	place := access.Place{File: evil + ".yaml", Line: 3, Column: 4}
	reason := authz.Reason{By: authz.ByBinding, Binding: &access.Binding{Name: evil, Namespace: evil, Role: access.RoleRef{Kind: access.ClusterRole, Name: evil}},
		Through: evil, Miss: authz.MissVerb, Rule: &access.Rule{Verbs: []string{evil}}, Sources: []access.Source{{Team: evil, Place: place}}}
	unknown := authz.Unknown{Part: authz.UnknownRole, Role: access.RoleRef{Kind: access.ClusterRole, Name: evil}, Why: evil, Settle: evil}
	e := authz.Explanation{Verdict: authz.Deny, Identity: &authz.Identity{Username: evil, Groups: []string{evil}}, MappedBy: evil,
		Reasons: []authz.Reason{reason}, Misses: []authz.Reason{reason}, Unknown: []authz.Unknown{unknown}, Assumptions: []string{evil},
		Remedies: []authz.Remedy{{Role: evil, Scope: access.NamespaceScope(evil), Also: []string{evil}}}}
	c := &question.Cluster{Facts: authz.Facts{Name: evil}}
	asked := question.Asked{Request: authz.Request{Verb: evil, Resource: evil, Namespace: evil, Name: evil}, Namespaced: true, Notes: []string{evil}}
	who := access.Who{Kind: access.WhoUser, Name: evil}
	a := &question.Answer{Who: who, Asked: asked, Results: []question.Result{{Cluster: c, Subject: effect.Subject{Name: evil, Missing: evil}, Explanation: e}}}
	h := question.Holder{Holder: authz.Holder{Kind: authz.UserHolder, Name: evil, Teams: []string{evil}}, Why: e}
	on := []question.HoldersOn{{Cluster: c, Certain: []question.Holder{h}, Possible: []question.Holder{h}, Indirect: []question.Holder{h}, Unknown: []authz.Unknown{unknown}}}
	m := &question.Matrix{Who: who, Cluster: c, Columns: []question.Column{{Pattern: evil}}, Unknown: []authz.Unknown{unknown},
		Rows: []question.Row{{Resource: evil, Namespaced: true, Cells: []question.Cell{{question.Maybe, question.Some, question.All}}}}}
	test := &access.WantTest{Document: evil, Place: place}
	r := &accesstest.Report{Failed: 1, Undetermined: 1, Passed: 1}
	for _, o := range []accesstest.Outcome{accesstest.Failed, accesstest.Undetermined, accesstest.Passed} {
		r.Cases = append(r.Cases, accesstest.Case{Test: test, Kind: accesstest.Can, Who: who, Ask: access.Ask{Verb: evil, Resource: evil, Place: place}, Asked: asked, Outcome: o, Subjects: 2,
			Findings: []accesstest.Finding{{Cluster: evil, Subject: evil, Verdict: authz.Deny, Explanation: &e}}})
	}
	return a, on, m, r
}

// shows: item S25
func TestAnswersCannotSteerATerminalOrAReader(t *testing.T) {
	a, on, m, r := evilAnswers()
	again := []string{evil}
	for what, write := range map[string]func(io.Writer) error{
		"answer":  func(w io.Writer) error { return Answer(w, a, true, Options{Verbose: true}) },
		"holders": func(w io.Writer) error { return Holders(w, a.Asked, on, true, Options{Verbose: true}) },
		"matrix":  func(w io.Writer) error { return Matrices(w, []*question.Matrix{m}, nil, true, Options{Verbose: true}) },
		"diff": func(w io.Writer) error {
			return MatrixDiff(w, []Pair{{m, &question.Matrix{Who: m.Who, Cluster: m.Cluster, Columns: m.Columns, Rows: []question.Row{{Resource: evil, Namespaced: true, Cells: make([]question.Cell, 1)}}}}}, false, Options{})
		},
		"tests":    func(w io.Writer) error { return Tests(w, r, true, again, Options{Verbose: true}) },
		"github":   func(w io.Writer) error { return TestsGitHub(w, r, again) },
		"junit":    func(w io.Writer) error { return TestsJUnit(w, r, again) },
		"one line": func(w io.Writer) error { _, err := io.WriteString(w, Safe(CaseLine(&r.Cases[0]))); return err },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(what, err)
		}
		if b.Len() < 20 || strings.ContainsAny(b.String(), "\x1b\r\u202e") {
			t.Errorf("%s: %q", what, b.String())
		}
		for line := range strings.Lines(b.String()) {
			if strings.HasPrefix(line, "::error::") {
				t.Errorf("%s: a line of its own: %q", what, line)
			}
		}
		if what == "github" && strings.Count(b.String(), "\n") != 3 {
			t.Errorf("an annotation is one line, the counts another: %q", b.String())
		}
		if what == "junit" {
			var x junitSuites
			if err := xml.Unmarshal(b.Bytes(), &x); err != nil || x.Failures != 1 || x.Errors != 1 || len(x.Suites) != 1 || len(x.Suites[0].Cases) != 3 || x.Suites[0].Cases[2].Failure != nil {
				t.Errorf("%v: %+v", err, x)
			}
		}
	}
}

// What programs read has the texts as they are, and every key that is promised.
func TestAnswersForPrograms(t *testing.T) {
	a, on, m, r := evilAnswers()
	for what, tt := range map[string]struct {
		write func(io.Writer) error
		keys  []string
	}{
		"can-i":   {func(w io.Writer) error { return AnswerJSON(w, a, true) }, []string{"version", "decision", "reasons", "results", "basis", "asked", "who"}},
		"who-can": {func(w io.Writer) error { return HoldersJSON(w, a.Asked, on, false) }, []string{"version", "asked", "basis", "clusters"}},
		"access":  {func(w io.Writer) error { return MatricesJSON(w, []*question.Matrix{m}, nil, false) }, []string{"version", "basis", "matrices"}},
		"test":    {func(w io.Writer) error { return TestsJSON(w, r, true) }, []string{"version", "basis", "summary", "tests"}},
	} {
		var b bytes.Buffer
		var got map[string]any
		if err := tt.write(&b); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatal(what, err)
		}
		for _, k := range tt.keys {
			if _, ok := got[k]; !ok {
				t.Errorf("%s lacks %s", what, k)
			}
		}
		if got["version"] != 1.0 || (got["basis"] == "documents") != (what == "can-i" || what == "test") {
			t.Errorf("%s: %v %v", what, got["version"], got["basis"])
		}
	}
}

// One document of what differs: each cell that does, with both sides, and none
// that does not.
func TestADifferenceForPrograms(t *testing.T) {
	cell := func(r, w question.Share) question.Cell { return question.Cell{r, w, question.None} }
	columns := []question.Column{{Pattern: "dev-*"}, {}, {Cluster: true}}
	matrix := func(who string, pods ...question.Cell) *question.Matrix {
		return &question.Matrix{Who: access.Who{Kind: access.WhoTeam, Name: who}, Cluster: &question.Cluster{Facts: authz.Facts{Name: "test"}}, Columns: columns,
			Rows: []question.Row{{Resource: "pods", Namespaced: true, Cells: pods}, {Resource: "nodes", Cells: []question.Cell{{}, {}, cell(question.All, question.None)}}}}
	}
	none, read, write := cell(question.None, question.None), cell(question.All, question.None), cell(question.All, question.Some)
	left, right := matrix("a", write, read, none), matrix("b", read, read, cell(question.Maybe, question.None))
	right.Unknown = []authz.Unknown{{Part: authz.UnknownRBAC, Settle: "read it"}}
	var b bytes.Buffer
	if err := MatrixDiffJSON(&b, []Pair{{left, right}, {left, left}}, true, false); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Version     int
		Differences []differenceJSON
	}
	dec := json.NewDecoder(&b)
	if err := dec.Decode(&got); err != nil || dec.More() || got.Version != 1 || len(got.Differences) != 2 {
		t.Fatalf("%+v %v, more: %v", got, err, dec.More())
	}
	d := got.Differences[0]
	want := []rowsDifferenceJSON{{"pods", []cellDifferenceJSON{
		{"dev-*", levelJSON{"all", "some", "none"}, levelJSON{"all", "none", "none"}},
		{"cluster", levelJSON{"none", "none", "none"}, levelJSON{"unknown", "none", "none"}},
	}}}
	if diff := cmp.Diff(want, d.Rows); diff != "" {
		t.Error(diff)
	}
	if d.Cluster != "test" || d.From.Who != "team/a" || d.To.Who != "team/b" || d.From.Basis != "documents" || d.To.Basis != "observed" || len(d.From.Unknown) != 0 || len(d.To.Unknown) != 1 {
		t.Errorf("%+v", d)
	}
	if same := got.Differences[1]; len(same.Rows) != 0 {
		t.Errorf("of equal matrices: %+v", same.Rows)
	}
}

// A line to be typed says to a shell what it says to its reader.
func TestALineToBeTypedIsQuotedWhereAShellWouldReadMore(t *testing.T) {
	for want, words := range map[string][]string{
		"atlas-iam can-i '*' pods --as user/anna -n dev":             {"atlas-iam", "can-i", "*", "pods", "--as", "user/anna", "-n", "dev"},
		"get pods/log deployments.apps/scale /healthz ./ops":         {"get", "pods/log", "deployments.apps/scale", "/healthz", "./ops"},
		"arn:aws:iam::111122223333:role/a+b=c,d.e@f_g-h 'my folder'": {"arn:aws:iam::111122223333:role/a+b=c,d.e@f_g-h", "my folder"},
		`'it'\''s' '$HOME' '~' 'a;b' ''`:                             {"it's", "$HOME", "~", "a;b", ""},
	} {
		got := ShellLine(words)
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
		out, err := exec.Command("sh", "-c", `printf '%s\n' `+got).Output()
		if err != nil || string(out) != strings.Join(words, "\n")+"\n" {
			t.Errorf("a shell reads %s as %q, %v", got, out, err)
		}
	}
}

// What is not known is never blank, and what is given in part never looks whole.
//
// shows: item S67
func TestCellsSayWhatIsGiven(t *testing.T) {
	const none, some, all, maybe = question.None, question.Some, question.All, question.Maybe
	for want, c := range map[string]question.Cell{
		".": {none, none, none}, "r": {all, none, none}, "rwx": {all, all, all}, "?": {maybe, maybe, maybe}, "(r)": {some, none, none},
		"(rw)": {some, some, none}, "r(w)": {all, some, none}, "r?": {all, maybe, none}, "rw(x)": {all, all, some}, "x": {none, none, all}, "?x": {none, maybe, all},
	} {
		if got := cellWords(c); got != want {
			t.Errorf("%v: %s, want %s", c, got, want)
		}
	}
}
