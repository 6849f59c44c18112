package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/atlas-iam/atlas-iam/internal/accesstest"
	"github.com/atlas-iam/atlas-iam/internal/effect"
	"github.com/atlas-iam/atlas-iam/internal/guard"
	"github.com/atlas-iam/atlas-iam/internal/plan"
	"github.com/atlas-iam/atlas-iam/internal/question"
	"github.com/atlas-iam/atlas-iam/internal/report"
)

func newTest(p *Process) *cobra.Command {
	var o askFlags
	cmd := &cobra.Command{
		Use:   "test [PATH...]",
		Short: "Run the access tests of the documents",
		Long: `Run the access tests of the documents. A failure says who breaks the test, by
what, and the can-i line that shows it. What cannot be told neither passes nor
fails.

From the documents alone, as if they were applied and nobody else had access.
With --observed from what AWS and the clusters have. plan and apply run them on
what the plan would leave, and hold everything if one fails.

` + aboutPaths,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if err := o.check("text", "json", "junit", "github"); err != nil {
				return err
			}
			return runTest(cmd.Context(), p, &o, paths)
		},
	}
	addAsk(cmd, &o, "text, json, junit or github")
	ends(cmd, ok("all passed"), ending{Failed, "a test failed"}, ending{Undetermined, "none failed, and some cannot be told from what was read"}, couldNotAsk(), invalid())
	return cmd
}

func runTest(ctx context.Context, p *Process, o *askFlags, paths []string) (err error) {
	f := &flow{p: p, c: &o.common}
	defer closing(&err, f.close)
	w, err := f.world(ctx, paths, o.observed, false)
	if err != nil {
		return err
	}
	r := accesstest.Run(f.want.Tests, w)
	var again []string
	if o.observed {
		again = append(again, "--observed")
	}
	again = slices.Concat(again, (&common{local: o.local, lab: o.lab}).again(), paths)
	switch o.output {
	case "json":
		err = report.TestsJSON(p.Stdout, r, w.Alone)
	case "junit":
		err = report.TestsJUnit(p.Stdout, r, again)
	case "github":
		err = report.TestsGitHub(p.Stdout, r, again)
	default:
		err = report.Tests(p.Stdout, r, w.Alone, again, f.form())
	}
	if err != nil {
		return err
	}
	return ended(worst(testCodes(r)...))
}

func testCodes(r *accesstest.Report) []Code {
	var codes []Code
	if r.Failed > 0 {
		codes = append(codes, Failed)
	}
	if r.Undetermined > 0 {
		codes = append(codes, Undetermined)
	}
	return codes
}

// planGuards is the rule book with the access tests, which are run here.
func planGuards() []plan.Guard { return append(guard.All(), guard.Tests(testPlan)) }

// testPlan runs the access tests on what a plan would leave.
func testPlan(in *plan.Input) guard.TestOutcome {
	w := question.Planned(in.Want, in.Have, effect.WorkloadsAfter(in.Have, in.Plan), effect.After(in.Want, in.Have, in.Plan))
	r := accesstest.Run(in.Want.Tests, w)
	var out guard.TestOutcome
	for i := range r.Cases {
		c := &r.Cases[i]
		finding := guard.TestFinding{Text: report.CaseLine(c), By: report.CaseBy(c), Source: c.Place()}
		switch c.Outcome {
		case accesstest.Failed:
			out.Failed = append(out.Failed, finding)
		case accesstest.Undetermined:
			out.Open = append(out.Open, finding)
		}
	}
	return out
}
