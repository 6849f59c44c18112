package guard

import (
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// A failing access test holds everything; one that passes, or that cannot be
// told, holds nothing. (refusals 52: the twin of what fails goes through)
//
// shows: item S66
func TestAFailingAccessTestHoldsEverything(t *testing.T) {
	failing := TestOutcome{Failed: []TestFinding{{Text: "team/qa cannot get secrets", By: []string{"user/vira on test is allowed by Edit   teams.yaml:3"}, Source: access.Place{File: "tests.yaml", Line: 7}}, {Text: "b"}}}
	for what, tt := range map[string]struct {
		out            TestOutcome
		options        plan.Options
		tests, changes int
		held, warned   int
	}{
		"all pass":          {TestOutcome{}, plan.Options{}, 1, 2, 0, 0},
		"one fails":         {failing, plan.Options{}, 1, 2, 2, 0},
		"one is open":       {TestOutcome{Open: failing.Failed}, plan.Options{}, 1, 2, 0, 1},
		"allowed":           {failing, plan.Options{Allow: []string{"test"}}, 1, 2, 0, 1},
		"there are none":    {failing, plan.Options{}, 0, 2, 0, 0},
		"destroy":           {failing, plan.Options{Destroy: true}, 1, 2, 0, 0},
		"nothing to change": {failing, plan.Options{}, 1, 0, 0, 1},
	} {
		in := &plan.Input{Want: &access.State{Tests: make([]access.WantTest, tt.tests)}, Plan: &plan.Plan{}, Options: tt.options}
		for i := range tt.changes {
			in.Plan.Changes = append(in.Plan.Changes, plan.Change{ID: string(rune('a' + i)), Held: []plan.Hold{{Guard: "other"}, {Guard: TestSlug}}[:1+i]})
		}
		g := Tests(func(in *plan.Input) TestOutcome {
			for _, c := range in.Plan.Changes {
				if slices.ContainsFunc(c.Held, func(h plan.Hold) bool { return h.Guard == TestSlug }) || len(c.Held) != 1 {
					t.Errorf("%s: the tests see %v", what, c.Held)
				}
			}
			return tt.out
		})
		f := g.Check(in)
		if len(f.Holds) != tt.held || len(f.Warnings) != tt.warned {
			t.Errorf("%s: %+v", what, f)
		}
		for _, h := range f.Holds {
			if !strings.HasPrefix(h.Reason, "2 access tests fail on what the plan would leave\nteam/qa cannot get secrets   tests.yaml:7\n  user/vira on test is allowed by Edit   teams.yaml:3\nb ") {
				t.Error(h.Reason)
			}
		}
	}
}

// A reason tells the first cases and counts the rest; what a name holds makes no
// line of its own.
func TestAReasonTellsTheFirstCasesALineEach(t *testing.T) {
	one := []TestFinding{{Text: "x", By: []string{"role/a\n  and nobody else"}}}
	if got := testWords(one, "fails"); strings.Count(got, "\n") != 2 || !strings.Contains(got, `role/a\x0a  and nobody else`) {
		t.Errorf("%q", got)
	}
	for n, counted := range map[int]bool{3: false, 5: true} {
		got := testWords(slices.Repeat([]TestFinding{{Text: "x"}}, n), "fails")
		if strings.HasSuffix(got, "\nand 2 more") != counted || strings.Count(got, "\nx ") != 3 {
			t.Errorf("%d: %q", n, got)
		}
	}
}
