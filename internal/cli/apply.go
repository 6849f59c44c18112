package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/apply"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/desired"
	"github.com/atlas-iam/atlas-iam/internal/documents"
	"github.com/atlas-iam/atlas-iam/internal/guard"
	"github.com/atlas-iam/atlas-iam/internal/observe"
	"github.com/atlas-iam/atlas-iam/internal/plan"
	"github.com/atlas-iam/atlas-iam/internal/report"
)

// writeFlags are those of commands that change something.
type writeFlags struct {
	common
	allowance
	yes       bool
	record    string
	saved     string // --plan
	manifests string
}

// allowance is what the user lets through in spite of guards.
type allowance struct {
	maxDeletes int
	allow      []string
}

func newApply(p *Process) *cobra.Command {
	var o writeFlags
	cmd := &cobra.Command{
		Use:   "apply [PATH...] | --plan FILE",
		Short: "Show the plan, ask, and make the changes",
		Long: `Show the plan, ask, and make the changes. Access is given before any is taken.
What a guard holds is not made; the reason stands in the plan, with what to do, or
the guard's name for --allow. What failed or was stopped is finished by running
again.

` + aboutPaths,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if err := o.check("text", "json", "markdown"); err != nil {
				return err
			}
			if err := o.checkAllowance(cmd); err != nil {
				return err
			}
			if err := o.checkManifests(o.manifests); err != nil {
				return err
			}
			if o.saved == "" {
				return runApply(cmd.Context(), p, &o, paths, o.options(cmd))
			}
			for _, shaped := range []string{"allow", "max-deletes", "cluster", "only", "manifests"} {
				if cmd.Flags().Changed(shaped) {
					return usage("make the plan anew: atlas-iam plan --"+shaped+" ... --out "+o.saved, "--%s cannot change a saved plan", shaped)
				}
			}
			if len(paths) > 0 {
				return usage("give one of them", "--plan and PATH cannot both be given")
			}
			return runSaved(cmd.Context(), p, &o)
		},
	}
	addCommon(cmd, &o.common)
	o.addWrite(cmd)
	cmd.Flags().StringVar(&o.record, "record", "", "append each write, with AWS's request id, to this `file` as JSON lines")
	addManifests(cmd, &o.manifests)
	cmd.Flags().StringVar(&o.saved, "plan", "", "make the plan that plan --out saved in this `file`")
	endsAsWriter(cmd)
	return cmd
}

func (o *writeFlags) addWrite(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do not ask; what is held stays held")
	o.addAllowance(cmd)
}

func (o *allowance) addAllowance(cmd *cobra.Command) {
	cmd.Flags().IntVar(&o.maxDeletes, "max-deletes", 0, "let up to `N` be deleted, in place of guard mass-deletion's bounds")
	cmd.Flags().StringSliceVar(&o.allow, "allow", nil, "make what this `guard` holds, by the name that stands beside it; may be repeated")
}

// checkAllowance refuses names of guards that are none, or that nothing
// overrides.
func (o *allowance) checkAllowance(cmd *cobra.Command) error {
	if cmd.Flags().Changed("max-deletes") && o.maxDeletes < 0 {
		return usage("", "--max-deletes %d is less than nothing", o.maxDeletes)
	}
	var names []string
	fixed := map[string]string{}
	for _, g := range rules() {
		if g.Fixed {
			fixed[g.Slug] = g.Instead
			continue
		}
		names = append(names, g.Slug)
	}
	for _, slug := range o.allow {
		if instead, ok := fixed[slug]; ok {
			return usage(instead, "--allow %s: nothing overrides this guard", slug)
		}
		if !contains(names, slug) {
			return usage(meant("--allow", slug, names), "--allow %s: there is no such guard", slug)
		}
	}
	return nil
}

// rules are all guards, with those that the plan itself asks.
func rules() []plan.Guard { return append(planGuards(), plan.Structural()...) }

func contains(words []string, word string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}

func (o *allowance) options(cmd *cobra.Command) plan.Options {
	po := plan.Options{Allow: o.allow}
	if cmd.Flags().Changed("max-deletes") {
		po.MaxDeletes = &o.maxDeletes
	}
	return po
}

// runApply is plan, show, ask, make.
func runApply(ctx context.Context, p *Process, o *writeFlags, paths []string, po plan.Options) (err error) {
	f := &flow{p: p, c: &o.common}
	defer closing(&err, f.close)
	pl, err := f.plan(ctx, paths, po)
	if err != nil {
		return err
	}
	if !po.Destroy {
		if err := f.manifests(o.manifests); err != nil {
			return err
		}
		f.applies = true
	}
	return f.applyShown(ctx, pl, o)
}

// applyShown shows a plan, asks, and makes it.
func (f *flow) applyShown(ctx context.Context, pl *plan.Plan, o *writeFlags) error {
	return f.showAskMake(ctx, pl, o, "yes",
		fmt.Sprintf("Apply these %s to environment %s?", count(pending(pl), "change", "changes"), pl.Owner.Environment))
}

// showAskMake is the only way from a plan to its writes: nothing is made that
// was not shown, and without --yes nothing that was not asked for.
func (f *flow) showAskMake(ctx context.Context, pl *plan.Plan, o *writeFlags, answer, question string) error {
	if err := f.showFirst(pl); err != nil {
		return err
	}
	if pending(pl) == 0 {
		return f.nothing(pl)
	}
	if !o.yes {
		if err := f.p.ask(question, answer); err != nil {
			return err
		}
	}
	return f.make(ctx, pl, o, apply.Run)
}

// nothing ends a run that has nothing to make.
func (f *flow) nothing(pl *plan.Plan) error {
	if f.c.output == "json" {
		if err := f.showResult(&apply.Result{}); err != nil {
			return err
		}
	}
	return ended(planCode(pl))
}

// runSaved makes a saved plan, after reading AWS again: what the plan's guards
// relied on must not have moved.
func runSaved(ctx context.Context, p *Process, o *writeFlags) (err error) {
	pl, err := readPlan(o.saved)
	if err != nil {
		return err
	}
	f := &flow{p: p, c: &o.common, saved: true, want: &access.State{Owner: pl.Owner, ForeignTags: pl.ForeignTags}}
	defer closing(&err, f.close)
	if f.want.Accounts, err = savedAccounts(pl); err != nil {
		return err
	}
	if err := f.findRoot(); err != nil {
		return err
	}
	if err := f.open(ctx, f.want.Accounts); err != nil {
		return err
	}
	if err := samePlace(pl, f.cloud.Endpoint()); err != nil {
		return err
	}
	progress, end := p.readProgress(&o.common)
	f.have, err = observe.Read(ctx, f.cloud, f.want.Accounts, observe.Options{Part: pl.Part, Now: p.Now, Progress: progress, Kubernetes: pl.KubernetesNeed(), Workloads: pl.WorkloadsNeed()})
	end()
	if err != nil {
		return p.cloudError(err)
	}
	todo, err := apply.Verify(pl, apply.Now{Have: f.have, Want: f.want, Guards: guard.All()})
	var notBy *apply.OtherCallerError
	if errors.As(err, &notBy) {
		return usage("let somebody else apply it; or plan as this caller, which shows what is held: --allow caller lets it through",
			"apply the plan %s: %w", o.saved, err)
	}
	if err != nil {
		return usage("make it again with atlas-iam plan --out "+o.saved, "apply the plan %s: %w", o.saved, err)
	}
	if !todo {
		p.say("nothing to do: all of this plan that is not held is done already")
		return f.nothing(pl)
	}
	if err := f.tryAgain(ctx, pl); err != nil {
		return err
	}
	return f.applyShown(ctx, pl, o)
}

// tryAgain has the API servers judge a saved plan's writes once more, before
// the first is made.
func (f *flow) tryAgain(ctx context.Context, pl *plan.Plan) error {
	if err := observe.Try(ctx, f.cloud, f.have, pl.Trials(), observe.Options{}); err != nil {
		return f.p.cloudError(err)
	}
	for i := range f.have.Clusters {
		k := f.have.Clusters[i].Kubernetes
		if k == nil {
			continue
		}
		for _, t := range k.Trials {
			replaced := t.Verb == access.TryReplace && t.Conflict // by an earlier run of this plan; apply reads it
			if t.Refused != "" && !replaced {
				return usage("make the plan again to see what is held",
					"apply the plan: the API server of cluster %s would refuse %s: %s", f.have.Clusters[i].Key.Name, t.String(), t.Refused)
			}
		}
	}
	return nil
}

// savedAccounts are a saved plan's accounts. Of a plan that was printed, and so
// has no external ids, they are those of the documents here.
func savedAccounts(pl *plan.Plan) ([]access.Account, error) {
	var accounts []access.Account
	for _, a := range pl.Accounts {
		if a.Account.ExternalID == plan.NotShown {
			id, err := externalID(pl.Owner, a.Account)
			if err != nil {
				return nil, usage("run it in the Environment's folder",
					"the role of account %s is assumed with an external id, which the plan does not show, for it was printed and not saved by --out: %w", a.Account.Name, err)
			}
			a.Account.ExternalID = id
		}
		accounts = append(accounts, a.Account)
	}
	return accounts, nil
}

func externalID(owner access.Owner, saved access.Account) (string, error) {
	set, err := documents.Load(nil)
	if err != nil {
		return "", err
	}
	want, err := desired.Compile(set)
	if err != nil {
		return "", err
	}
	if a, ok := want.Account(saved.ID); ok && want.Owner == owner && a.RoleARN == saved.RoleARN {
		return a.ExternalID, nil
	}
	return "", errors.New("the documents here name no such account and role of environment " + owner.Environment)
}

// samePlace refuses a plan of the lab on AWS and the other way round before
// anything is read with the wrong credentials.
func samePlace(pl *plan.Plan, endpoint string) error {
	for _, a := range pl.Accounts {
		if a.Endpoint != endpoint {
			return usage("make the plan where it is to be applied; --local is the embedded AWS",
				"the plan was made at %s, and this run is at %s", place(a.Endpoint), place(endpoint))
		}
	}
	return nil
}

func place(endpoint string) string {
	if endpoint == "" {
		return "AWS"
	}
	return endpoint
}

// runner is apply.Run or apply.Adopt.
type runner func(context.Context, *cloud.Cloud, *plan.Plan, apply.Options) (*apply.Result, error)

// make makes a plan's changes and says what came of it. The first Ctrl-C lets
// the calls in flight end, the second cancels them.
func (f *flow) make(ctx context.Context, pl *plan.Plan, o *writeFlags, run runner) (err error) {
	p := f.p
	options := apply.Options{Now: p.Now, Version: version(), ForeignTags: f.want.ForeignTags, Progress: p.applyProgress(&o.common), Waiting: p.waiting(&o.common)}
	if o.record != "" {
		record, err := os.OpenFile(o.record, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return usage("nothing was changed", "open the record: %w", err)
		}
		defer closing(&err, record.Close)
		options.Record = record
	}
	ctx, stop, done := p.interruptible(ctx)
	defer done()
	options.Stop = stop
	res, err := run(ctx, f.cloud, pl, options)
	if res == nil {
		return p.cloudError(err)
	}
	if err := f.showResult(res); err != nil {
		return err
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		return p.cloudError(err)
	}
	codes := []Code{planCode(pl)}
	if res.Counts.Failed+res.Counts.Unknown > 0 || res.Counts.Skipped > res.Counts.Held {
		codes = append(codes, Failed)
	}
	return ended(worst(codes...))
}

// showResult says what came of a run, on stdout.
func (f *flow) showResult(res *apply.Result) error {
	if f.c.output != "json" {
		fmt.Fprintln(f.p.Stdout)
		return report.Result(f.p.Stdout, res, f.form())
	}
	type outcome struct {
		Change    string       `json:"change"`
		Status    apply.Status `json:"status"`
		Skip      apply.Skip   `json:"skip,omitempty"`
		Error     string       `json:"error,omitempty"`
		Code      string       `json:"code,omitempty"`
		RequestID string       `json:"requestId,omitempty"`
	}
	doc := struct {
		Version int          `json:"version"`
		Summary apply.Counts `json:"summary"`
		Stopped bool         `json:"stopped"`
		Changes []outcome    `json:"changes"`
	}{Version: 1, Summary: res.Counts, Stopped: res.Stopped, Changes: []outcome{}}
	for _, o := range res.Outcomes {
		line := outcome{Change: o.Change.ID, Status: o.Status, Skip: o.Skip, Code: o.Code, RequestID: o.RequestID}
		if o.Err != nil {
			line.Error = o.Err.Error()
		}
		doc.Changes = append(doc.Changes, line)
	}
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	_, err = f.p.Stdout.Write(append(plan.Printable(b), '\n'))
	return err
}
