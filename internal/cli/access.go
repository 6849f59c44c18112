package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/question"
	"github.com/atlas-iam/atlas-iam/internal/report"
)

type accessFlags struct {
	askFlags
	diffWith string
}

// diffObserved is the word of --diff-with for what is there.
const diffObserved = "observed"

func newAccess(p *Process) *cobra.Command {
	var o accessFlags
	cmd := &cobra.Command{
		Use:   "access [WHO] [PATH...]",
		Short: "Show what somebody may, as a table of resources and namespaces",
		Long: `Show what somebody may, as a table of resources by the documents' patterns of
namespaces. Without WHO a table for each team. A team has what each member has;
what only some have, or only some verbs of, is in brackets. Of a workload also
what it may do on AWS by its role: actions on resources, with conditions, what
is denied, and what was not read.

From the documents alone, as if they were applied and nobody else had access.
With --observed from what AWS and the clusters have.

WHO is team/NAME, user/NAME, role/NAME, permissionSet/NAME, an ARN,
serviceaccount/NAMESPACE/NAME, workload/NAME, or me; ./NAME is a path.

` + aboutPaths,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check("text", "json"); err != nil {
				return err
			}
			if o.diffWith == diffObserved && o.observed {
				return usage("leave --observed out", "--diff-with observed compares the documents with what is there")
			}
			return runAccess(cmd.Context(), p, &o, args)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			words, _ := completeWho(cmd, args, begun)
			return words, cobra.ShellCompDirectiveDefault
		},
	}
	addAsk(cmd, &o.askFlags, "text or json")
	cmd.Flags().StringVar(&o.diffWith, "diff-with", "", "show where it differs from that of `WHO`, or from what is observed: another subject, or observed")
	_ = cmd.RegisterFlagCompletionFunc("diff-with", completeWho)
	ends(cmd, ok("shown, whether or not anything differs"), ending{Undetermined, "some of it cannot be told from what was read"}, couldNotAsk(), invalid())
	return cmd
}

func runAccess(ctx context.Context, p *Process, o *accessFlags, args []string) (err error) {
	var whos []access.Who
	if len(args) > 0 && question.IsWho(args[0]) {
		who, err := parseWho(args[0])
		if err != nil {
			return err
		}
		whos, args = append(whos, who), args[1:]
		if len(args) > 0 && question.IsWho(args[0]) && !isPath(args[0]) {
			return usage("as in: atlas-iam access "+who.String()+" --diff-with "+args[0], "access shows one subject, and %s is another", args[0])
		}
	}
	if len(whos) == 0 && len(args) > 0 && isName(args[0]) && !isPath(args[0]) {
		_, err := parseWho(args[0])
		return err
	}
	other := access.Who{}
	if o.diffWith != "" && o.diffWith != diffObserved {
		if len(whos) == 0 {
			return usage("as in: atlas-iam access team/qa --diff-with team/backend", "--diff-with %s needs somebody to compare", o.diffWith)
		}
		if other, err = parseWho(o.diffWith); err != nil {
			return err
		}
	}
	f := &flow{p: p, c: &o.common, asked: whos}
	defer closing(&err, f.close)
	me := slices.ContainsFunc(append(slices.Clone(whos), other), func(w access.Who) bool { return w.Kind == access.WhoMe })
	w, err := f.world(ctx, args, o.observed, me)
	if err != nil {
		return err
	}
	if len(whos) == 0 {
		for _, t := range f.want.Teams {
			whos = append(whos, access.Who{Kind: access.WhoTeam, Name: t})
		}
	}
	switch {
	case o.diffWith == diffObserved:
		return f.diffObserved(ctx, w, whos)
	case o.diffWith != "":
		return f.diffMatrices(w, w, whos, &other)
	}
	for _, name := range w.Gone() {
		p.say("cluster %s is not there", name)
	}
	var ms []*question.Matrix
	for _, who := range whos {
		for _, c := range w.Clusters {
			columns, err := w.Columns(c, who)
			if err != nil {
				return wordError(err)
			}
			m, err := w.Matrix(who, c, columns)
			if err != nil {
				return wordError(err)
			}
			ms = append(ms, m)
		}
	}
	rights, err := f.rightsOf(w, whos)
	if err != nil {
		return err
	}
	if o.output == "json" {
		err = report.MatricesJSON(p.Stdout, ms, rights, w.Alone)
	} else {
		err = report.Matrices(p.Stdout, ms, rights, w.Alone, f.form())
	}
	if err != nil {
		return err
	}
	if slices.ContainsFunc(rights, func(r question.Rights) bool { return r.Open() }) {
		return ended(Undetermined)
	}
	return matrixCode(ms)
}

// rightsOf are what those of whos that are workloads may do on AWS.
func (f *flow) rightsOf(w *question.World, whos []access.Who) ([]question.Rights, error) {
	var out []question.Rights
	for _, who := range whos {
		if who.Kind != access.WhoWorkload {
			continue
		}
		rights, err := w.Rights(who)
		if err != nil {
			return nil, wordError(err)
		}
		if len(rights) == 0 && !f.c.quiet {
			f.p.say("%s lives on no such cluster, so nothing is said of AWS", who)
		}
		out = append(out, rights...)
	}
	return out, nil
}

func matrixCode(ms []*question.Matrix) error {
	if slices.ContainsFunc(ms, func(m *question.Matrix) bool { return len(m.Unknown) > 0 }) {
		return ended(Undetermined)
	}
	return nil
}

// diffObserved compares the documents' world with what is there.
func (f *flow) diffObserved(ctx context.Context, documents *question.World, whos []access.Who) error {
	if f.cloud == nil {
		if err := f.open(ctx, f.want.Accounts); err != nil {
			return err
		}
		if err := f.seed(ctx); err != nil {
			return err
		}
	}
	if err := f.observe(ctx); err != nil {
		return err
	}
	return f.diffMatrices(documents, question.Observed(f.want, f.have), whos, nil)
}

// diffMatrices compares matrices of two worlds, or of two subjects in one.
func (f *flow) diffMatrices(left, right *question.World, whos []access.Who, other *access.Who) error {
	var pairs []report.Pair
	var all []*question.Matrix
	for _, who := range whos {
		with := who
		if other != nil {
			with = *other
		}
		for _, c := range left.Clusters {
			d, ok := right.Cluster(c.Facts.Cluster)
			if !ok {
				f.p.say("cluster %s is not there", c.Facts.Name)
				continue
			}
			columns, err := left.Columns(c, who)
			if err != nil {
				return wordError(err)
			}
			more, err := right.Columns(d, with)
			if err != nil {
				return wordError(err)
			}
			columns = append(columns, more...)
			slices.Sort(columns)
			columns = slices.Compact(columns)
			l, err := left.Matrix(who, c, columns)
			if err != nil {
				return wordError(err)
			}
			r, err := right.Matrix(with, d, columns)
			if err != nil {
				return wordError(err)
			}
			pairs, all = append(pairs, report.Pair{Left: l, Right: r}), append(all, l, r)
		}
	}
	for _, who := range whos {
		if who.Kind == access.WhoWorkload && !f.c.quiet {
			f.p.say("this compares what they may in Kubernetes; atlas-iam access %s says what it may on AWS", who)
		}
	}
	var err error
	if f.c.output == "json" {
		err = report.MatrixDiffJSON(f.p.Stdout, pairs, left.Alone, right.Alone)
	} else {
		err = report.MatrixDiff(f.p.Stdout, pairs, left != right, f.form())
	}
	if err != nil {
		return err
	}
	return matrixCode(all)
}
