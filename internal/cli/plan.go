package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
	"github.com/atlas-iam/atlas-iam/internal/report"
)

type planFlags struct {
	common
	allowance
	out       string
	detailed  bool
	failOn    []string
	manifests string
}

// failOns are the words of --fail-on.
var failOns = []string{"gained", "lost", "secrets", "cluster-admin"}

func newPlan(p *Process) *cobra.Command {
	var o planFlags
	cmd := &cobra.Command{
		Use:   "plan [PATH...]",
		Short: "Show what would change, as access gained and lost",
		Long: `Show what would change, as access gained and lost. Nothing is written: it needs
only to read EKS and IAM, and where roles are bound the clusters' RBAC. Who may
also write bindings learns of each that an API server would refuse.

` + aboutPaths,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if err := o.check("text", "json", "markdown"); err != nil {
				return err
			}
			for _, w := range o.failOn {
				if !slices.Contains(failOns, w) {
					return usage(meant("--fail-on", w, failOns), "--fail-on %s is not known", w)
				}
			}
			if err := o.checkManifests(o.manifests); err != nil {
				return err
			}
			if err := o.checkAllowance(cmd); err != nil {
				return err
			}
			return runPlan(cmd.Context(), p, &o, paths, o.options(cmd))
		},
	}
	addCommon(cmd, &o.common)
	o.addAllowance(cmd)
	cmd.Flags().StringVar(&o.out, "out", "", "save the plan in this `file`, for apply --plan")
	addManifests(cmd, &o.manifests)
	cmd.Flags().BoolVar(&o.detailed, "detailed-exitcode", false, "exit 2 if changes are pending")
	cmd.Flags().StringSliceVar(&o.failOn, "fail-on", nil, "exit 1 if the plan has `what`: "+strings.Join(failOns, ", ")+"; commas between several")
	ends(cmd, ok("the plan was made, whether or not changes are pending"),
		ending{Failed, "--fail-on found what it looks for"},
		ending{Pending, "changes are pending, with --detailed-exitcode"},
		ending{Held, "something is held"},
		couldNotAsk(), invalid())
	return cmd
}

func runPlan(ctx context.Context, p *Process, o *planFlags, paths []string, po plan.Options) (err error) {
	f := &flow{p: p, c: &o.common}
	defer closing(&err, f.close)
	po.Looking = o.out == ""
	pl, err := f.plan(ctx, paths, po)
	if err != nil {
		return err
	}
	if err := f.manifests(o.manifests); err != nil {
		return err
	}
	if o.out != "" {
		if err := savePlan(o.out, pl); err != nil {
			return err
		}
	}
	next := ""
	switch {
	case pending(pl) == 0:
	case o.out != "":
		next = report.ShellLine([]string{"atlas-iam", "apply", "--plan", o.out})
	default:
		next = report.ShellLine(slices.Concat([]string{"atlas-iam", "apply"}, o.again(), pl.Allowance(), paths))
	}
	if err := f.show(pl, next); err != nil {
		return err
	}
	codes := []Code{planCode(pl), failedOn(p, pl, o.failOn)}
	if o.detailed && pending(pl) > 0 {
		codes = append(codes, Pending)
	}
	return ended(worst(codes...))
}

// again are the flags with which another command does the same run.
func (c *common) again() []string {
	var flags []string
	if c.local {
		flags = append(flags, "--local")
	}
	if c.lab != "" {
		flags = append(flags, "--lab", c.lab)
	}
	for _, n := range c.cluster {
		flags = append(flags, "--cluster", n)
	}
	for _, n := range c.only {
		flags = append(flags, "--only", n)
	}
	return flags
}

// show writes a plan to stdout in the form asked for.
func (f *flow) show(pl *plan.Plan, next string) error {
	if f.c.output != "json" {
		return f.words(f.p.Stdout, pl, next)
	}
	b, err := plan.Encode(pl.Shown())
	if err != nil {
		return fmt.Errorf("encode the plan: %w", err)
	}
	_, err = f.p.Stdout.Write(b)
	return err
}

// showFirst shows a plan before anything is asked: with -o json on stderr, for
// stdout will be the result's.
func (f *flow) showFirst(pl *plan.Plan) error {
	if f.c.output == "json" {
		return f.words(f.p.Stderr, pl, "")
	}
	return f.words(f.p.Stdout, pl, "")
}

// words writes a plan for people.
func (f *flow) words(w io.Writer, pl *plan.Plan, next string) error {
	o := f.form()
	o.Next = next
	if f.c.output == "markdown" {
		return report.Markdown(w, pl, o)
	}
	return report.Text(w, pl, o)
}

// form is how this run's user wants to read.
func (f *flow) form() report.Options {
	o := report.Options{
		Verbose: f.c.verbose, Quiet: f.c.quiet, Color: f.p.color(f.c.noColor), Guards: rules(), Documents: map[access.ClusterKey]string{},
		Saved: f.saved,
	}
	for _, c := range f.want.Clusters {
		o.Documents[c.Key] = c.Document
	}
	if f.applies && (f.have.Part == nil || len(f.have.Part.Only) == 0) {
		o.Teams = f.teamsOn()
	}
	return o
}

// teamsOn are the clusters that this run looked at, by the teams that have
// something there. Where somebody else applies a team's roles, whether it has
// them is not known.
func (f *flow) teamsOn() map[string][]access.ClusterKey {
	on := map[string][]access.ClusterKey{}
	for i := range f.want.Clusters {
		c := &f.want.Clusters[i]
		if !f.have.Part.HasCluster(c.Key) {
			continue
		}
		teams := map[string]bool{}
		for _, e := range c.Entries {
			for _, s := range e.Sources {
				teams[s.Team] = true
			}
		}
		for _, b := range c.Bindings {
			teams[b.Team] = c.Via.Direct()
		}
		for _, t := range slices.Sorted(maps.Keys(teams)) {
			if teams[t] && t != "" {
				on[t] = append(on[t], c.Key)
			}
		}
	}
	return on
}

// planCode is Held if a guard holds something.
func planCode(pl *plan.Plan) Code {
	if pl.Summary().Held > 0 {
		return Held
	}
	return OK
}

// failedOn says which access that --fail-on names the plan has. What cannot be
// told counts as there: a policy whose rules nobody can read may read secrets.
func failedOn(p *Process, pl *plan.Plan, words []string) Code {
	a := pl.Access
	code := OK
	if a.HeldBy != "" { // the plan gives and takes nothing
		return code
	}
	for _, w := range words {
		lists := [][]plan.Grant{a.Gained, a.MaybeGained, a.Unknown}
		if w == "lost" {
			lists = [][]plan.Grant{a.Lost, a.MaybeLost, a.Unknown}
		}
		found := slices.DeleteFunc(slices.Concat(lists...), func(g plan.Grant) bool { return !failsOn(w, g) })
		if len(found) == 0 {
			continue
		}
		code = Failed
		rows := report.Grants(found)
		p.say("--fail-on %s: found %d", w, len(rows))
		for i, row := range rows {
			if i == failOnRows && len(rows) > failOnRows+1 {
				p.say("  and %d more", len(rows)-i)
				break
			}
			p.say("  %s", row)
		}
	}
	return code
}

// failOnRows are shown of what --fail-on found, and the rest counted.
const failOnRows = 10

func failsOn(word string, g plan.Grant) bool {
	switch word {
	case "secrets":
		return slices.Contains(g.Risks, access.RiskSecrets)
	case "cluster-admin":
		return g.Admin
	}
	return true
}

// savePlan writes a plan where only its owner can read it, whole or not at all.
func savePlan(file string, pl *plan.Plan) error {
	b, err := plan.Encode(pl)
	if err != nil {
		return fmt.Errorf("encode the plan: %w", err)
	}
	if err := writeFile(file, b, 0o600); err != nil {
		return usage("", "write the plan: %w", err)
	}
	return nil
}

// readPlan reads a saved plan; a file that was changed is refused.
func readPlan(file string) (*plan.Plan, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, usage("atlas-iam plan --out "+file+" writes one", "read the plan: %w", err)
	}
	pl, err := plan.Decode(b)
	if err != nil {
		return nil, usage("make it again with atlas-iam plan --out "+file, "read the plan %s: %w", file, err)
	}
	return pl, nil
}

// pending is how many changes would be made.
func pending(pl *plan.Plan) int {
	n := pl.Summary()
	return n.Create + n.Update + n.Replace + n.Delete
}
