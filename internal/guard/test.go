package guard

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// TestSlug is the name of the guard that access tests are.
const TestSlug = "test"

// TestOutcome is what the access tests came to on what a plan would leave.
type TestOutcome struct {
	Failed []TestFinding
	Open   []TestFinding // could not be told
}

// TestFinding is one case of an access test, in words.
type TestFinding struct {
	Text   string
	By     []string // who breaks it by what, a line each
	Source access.Place
}

// Tests holds every change of a plan after which an access test fails. What
// cannot be told holds nothing and is pointed out. The tests are run by who
// knows how to decide: run is asked of the plan as it is but for this guard's
// own holds, and must read nothing but its argument. Destroying an environment
// takes its tests along.
func Tests(run func(*plan.Input) TestOutcome) plan.Guard {
	return plan.Guard{
		Slug:    TestSlug,
		About:   "An access test would fail on what the plan leaves. Nothing of the plan is made.",
		Instead: "Change what breaks it, as told beneath; only if that is meant, the test's line.",
		Check: func(in *plan.Input) plan.Findings {
			if len(in.Want.Tests) == 0 || in.Options.Destroy {
				return plan.Findings{}
			}
			without := *in
			without.Plan = WithoutTests(in.Plan)
			out := run(&without)
			var f plan.Findings
			if n := len(out.Open); n > 0 {
				f.Warnings = append(f.Warnings, plan.Warning{Slug: TestSlug, Source: out.Open[0].Source,
					Text: testWords(out.Open, "cannot be told on what the plan would leave")})
			}
			if len(out.Failed) == 0 {
				return f
			}
			reason := testWords(out.Failed, "fails on what the plan would leave")
			if len(in.Plan.Changes) == 0 || slices.Contains(in.Options.Allow, TestSlug) {
				f.Warnings = append(f.Warnings, plan.Warning{Slug: TestSlug, Source: out.Failed[0].Source, Text: reason})
				return f
			}
			for i := range in.Plan.Changes {
				f.Holds = append(f.Holds, plan.Finding{Change: in.Plan.Changes[i].ID, Reason: reason})
			}
			return f
		},
	}
}

// shownTests is how many cases a reason tells.
const shownTests = 3

// testWords counts some cases and, on lines of their own, tells the first ones.
func testWords(cases []TestFinding, what string) string {
	lines := []string{"an access test " + what}
	if len(cases) > 1 {
		lines[0] = fmt.Sprintf("%d access tests %s", len(cases), strings.Replace(what, "fails", "fail", 1))
	}
	for _, c := range cases[:min(len(cases), shownTests)] {
		lines = append(lines, visible(c.Text+"   "+c.Source.String()))
		for _, by := range c.By {
			lines = append(lines, visible("  "+by))
		}
	}
	if n := len(cases) - shownTests; n > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(lines, "\n")
}

// visible keeps what a name holds from making lines of its own.
func visible(s string) string { return access.Visible(s, unicode.IsPrint) }

// WithoutTests is a plan as guard test has not yet judged it, so that it says
// the same however often it is asked; p itself where that guard holds nothing.
func WithoutTests(p *plan.Plan) *plan.Plan {
	ours := func(h plan.Hold) bool { return h.Guard == TestSlug }
	if !slices.ContainsFunc(p.Changes, func(c plan.Change) bool { return slices.ContainsFunc(c.Held, ours) }) {
		return p
	}
	out := *p
	out.Changes = slices.Clone(p.Changes)
	for i := range out.Changes {
		out.Changes[i].Held = slices.DeleteFunc(slices.Clone(out.Changes[i].Held), ours)
	}
	return &out
}
