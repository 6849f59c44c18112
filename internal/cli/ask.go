package cli

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/desired"
	"github.com/atlas-iam/atlas-iam/internal/documents"
	"github.com/atlas-iam/atlas-iam/internal/effect"
	"github.com/atlas-iam/atlas-iam/internal/observe"
	"github.com/atlas-iam/atlas-iam/internal/question"
	"github.com/atlas-iam/atlas-iam/internal/report"
)

// askFlags are those of commands that answer questions.
type askFlags struct {
	common
	observed  bool
	namespace string
	name      string
	as        string
}

const aboutQuestions = `From the documents alone, as if they were applied and nobody else had access:
nothing is asked of AWS. With --observed from what AWS and the clusters have.

RESOURCE is as kubectl takes it: pods, po, deployments.apps, pods/log,
deployments.apps/scale, or /healthz. Without -n it is asked of all namespaces.`

// addAsk gives cmd the flags of questions.
func addAsk(cmd *cobra.Command, o *askFlags, formats string) {
	f := cmd.Flags()
	addOutput(cmd, &o.common, formats)
	f.BoolVarP(&o.verbose, "verbose", "v", false, "fold nothing, and tell who the subject is to the cluster and what is assumed")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "say only the result")
	f.BoolVar(&o.noColor, "no-color", false, "use no colours, as with NO_COLOR set")
	f.BoolVar(&o.observed, "observed", false, "ask AWS and the clusters what is there, instead of the documents alone")
	f.BoolVar(&o.local, "local", false, "with --observed, or to be asked as me: use the embedded AWS instead of AWS")
	f.StringVar(&o.lab, "lab", "", "with --local: keep the embedded AWS's state in this `file`")
	f.StringSliceVar(&o.cluster, "cluster", nil, "ask of this `cluster` only, by its document's or by EKS's name; may be repeated")
}

// world reads what a question is asked of. callers says that who calls must be
// known.
func (f *flow) world(ctx context.Context, paths []string, observed, callers bool) (*question.World, error) {
	return f.worldOf(ctx, paths, observed, callers, nil)
}

// A question of the documents alone lives for a moment: its garbage is
// collected when memory has grown by so many per cent, or comes to so many bytes.
const (
	collectGarbageAt = 1600
	collectGarbageBy = 192 << 20
)

// worldOf is world for questions about one subject alone, if who is not nil.
func (f *flow) worldOf(ctx context.Context, paths []string, observed, callers bool, who *access.Who) (*question.World, error) {
	if !observed {
		debug.SetGCPercent(collectGarbageAt)
		debug.SetMemoryLimit(collectGarbageBy)
	}
	ctx, done := f.p.cancelled(ctx)
	defer done()
	f.asks = true
	if err := f.read(paths); err != nil {
		return nil, err
	}
	keys, err := f.clusters()
	if err != nil {
		return nil, err
	}
	if observed || callers {
		if err := f.open(ctx, f.want.Accounts); err != nil {
			return nil, err
		}
		if err := f.seed(ctx); err != nil {
			return nil, err
		}
	}
	switch {
	case observed:
		if err := f.observe(ctx); err != nil {
			return nil, err
		}
		return question.Observed(f.want, f.have), nil
	case callers:
		if f.have, err = observe.ReadPrincipals(ctx, f.cloud, f.want.Accounts, observe.Options{Now: f.p.Now}); err != nil {
			return nil, f.p.cloudError(err)
		}
	}
	w := (*question.World)(nil)
	if who == nil {
		w = question.Documents(f.want, f.have)
	} else if w, err = question.DocumentsFor(*who, f.want, f.have); err != nil {
		return nil, wordError(err)
	}
	w.Narrow(keys)
	return w, nil
}

// clusters are those that --cluster names.
func (f *flow) clusters() ([]access.ClusterKey, error) {
	var keys []access.ClusterKey
	for _, name := range f.c.cluster {
		k, err := clustersNamed(f.want, name)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k...)
	}
	return keys, nil
}

// asked settles VERB and RESOURCE.
func (o *askFlags) asked(verb, resource string) (question.Asked, error) {
	if err := o.oneNamespace(); err != nil {
		return question.Asked{}, err
	}
	a, err := question.Parse(question.Ask{Verb: verb, Resource: resource, Namespace: o.namespace, Name: o.name})
	if err == nil && a.StrangeVerb() {
		return a, usage(documents.VerbHint(access.Ask{Verb: a.Verb, Resource: resource}), "unknown verb %q", a.Verb)
	}
	return a, wordError(err)
}

// wordError is a word that stands for nothing, on the command line.
func wordError(err error) error {
	var word *question.WordError
	var nobody *effect.NotFoundError
	var wrong *documents.Wrong
	switch {
	case errors.As(err, &word):
		return usage(word.Hint, "%w", word)
	case errors.As(err, &wrong):
		return usage(wrong.Hint, "%s", wrong.Message)
	case errors.As(err, &nobody):
		hint := ""
		if n := nearest(nobody.Who.String(), nobody.Near); n != "" {
			hint = "did you mean " + n + "?"
		}
		return usage(hint, "%w", nobody)
	}
	return err
}

func newCanI(p *Process) *cobra.Command {
	var o askFlags
	var context []string
	cmd := &cobra.Command{
		Use:   "can-i VERB RESOURCE --as WHO [PATH...]\n  atlas-iam can-i ACTION [ARN] --as workload/NAME [PATH...]",
		Short: "Answer whether somebody may do something, and why",
		Long: `Answer whether somebody may do something, and why. Of a team and of several
clusters it is yes if each member may on each cluster.

` + aboutQuestions + `

WHO is team/NAME, user/NAME, role/NAME, permissionSet/NAME, an ARN,
serviceaccount/NAMESPACE/NAME, workload/NAME (what its ServiceAccounts may, and
its role by an access entry), or me: whoever's credentials these are.

An ACTION of AWS, as s3:GetObject, is asked of a workload's role, on ARN or on
what has none; over several clusters it is yes if it is on each.

` + aboutPaths,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check("text", "json"); err != nil {
				return err
			}
			if len(args) > 0 && question.IsAWSAction(args[0]) {
				return runCanDo(cmd.Context(), p, &o, context, args)
			}
			if len(context) > 0 {
				return usage("", "--context is for questions about actions of AWS, as s3:GetObject")
			}
			if len(args) < 2 {
				return usage("as in: atlas-iam can-i create pods --as team/backend -n dev", "can-i needs a verb and a resource")
			}
			if o.as == "" {
				return usage("as in: --as team/backend, --as user/oleksii, --as me", "--as WHO says who is asked about, and is not given")
			}
			return runCanI(cmd.Context(), p, &o, args)
		},
		ValidArgsFunction: completeQuestion,
	}
	addAsk(cmd, &o, "text or json")
	cmd.Flags().StringVarP(&o.namespace, "namespace", "n", "", "ask of this `namespace`; left out: of all namespaces")
	cmd.Flags().StringVar(&o.name, "name", "", "ask of the one object of this `name`")
	cmd.Flags().StringVar(&o.as, "as", "", "ask of `WHO`")
	cmd.Flags().StringArrayVar(&context, "context", nil, "of an action: a condition key's value, as `KEY=VALUE`, or KEY alone for one that is absent; may be repeated")
	_ = cmd.RegisterFlagCompletionFunc("as", completeWho)
	ends(cmd, ok("yes"), ending{Failed, "no"}, ending{Undetermined, "it cannot be told from what was read"}, couldNotAsk(), invalid())
	return cmd
}

func runCanI(ctx context.Context, p *Process, o *askFlags, args []string) (err error) {
	asked, err := o.asked(args[0], args[1])
	if err != nil {
		return err
	}
	who, err := parseWho(o.as)
	if err != nil {
		return err
	}
	if err := namespaceNotPath(args[2:]); err != nil {
		return err
	}
	f := &flow{p: p, c: &o.common, unplaced: asked.Unplaced && asked.Namespace != ""}
	defer closing(&err, f.close)
	w, err := f.worldOf(ctx, args[2:], o.observed, who.Kind == access.WhoMe, &who)
	if err != nil {
		return err
	}
	answer, err := w.Can(who, asked)
	if err != nil {
		return wordError(err)
	}
	if o.output == "json" {
		err = report.AnswerJSON(p.Stdout, answer, w.Alone)
	} else {
		err = report.Answer(p.Stdout, answer, w.Alone, f.form())
	}
	if err != nil {
		return err
	}
	return ended(verdictCode(answer.Verdict.String()))
}

// verdictCode is kubectl's code for a verdict, and one more.
func verdictCode(verdict string) Code {
	switch verdict {
	case "allow":
		return OK
	case "undetermined":
		return Undetermined
	}
	return Failed
}

func newWhoCan(p *Process) *cobra.Command {
	var o askFlags
	cmd := &cobra.Command{
		Use:   "who-can VERB RESOURCE [PATH...]",
		Short: "List who may do something, and by what",
		Long: `List who may do something, and by what. Groups are resolved to the people whose
access entries are in them. Who may only if what was not read is so stands apart.

` + aboutQuestions + "\n\n" + aboutPaths,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check("text", "json"); err != nil {
				return err
			}
			if len(args) > 0 && question.IsAWSAction(args[0]) {
				return usage("atlas-iam can-i "+args[0]+" [ARN] --as workload/NAME asks it of one workload", "%s is an action of AWS, and who-can does not list those by this version", args[0])
			}
			if len(args) < 2 {
				return usage("as in: atlas-iam who-can get secrets -n prod", "who-can needs a verb and a resource")
			}
			return runWhoCan(cmd.Context(), p, &o, args)
		},
		ValidArgsFunction: completeQuestion,
	}
	addAsk(cmd, &o, "text or json")
	cmd.Flags().StringVarP(&o.namespace, "namespace", "n", "", "ask of this `namespace`; left out: of all namespaces")
	cmd.Flags().StringVar(&o.name, "name", "", "ask of the one object of this `name`")
	ends(cmd, ok("everybody who may was found"), ending{Undetermined, "there are some who may perhaps"}, couldNotAsk(), invalid())
	return cmd
}

func runWhoCan(ctx context.Context, p *Process, o *askFlags, args []string) (err error) {
	asked, err := o.asked(args[0], args[1])
	if err != nil {
		return err
	}
	if err := namespaceNotPath(args[2:]); err != nil {
		return err
	}
	f := &flow{p: p, c: &o.common, unplaced: asked.Unplaced && asked.Namespace != ""}
	defer closing(&err, f.close)
	w, err := f.world(ctx, args[2:], o.observed, false)
	if err != nil {
		return err
	}
	asked = w.Noted(asked)
	on, err := w.WhoCan(asked)
	if err != nil {
		return err
	}
	if o.output == "json" {
		err = report.HoldersJSON(p.Stdout, asked, on, w.Alone)
	} else {
		err = report.Holders(p.Stdout, asked, on, w.Alone, f.form())
	}
	if err != nil {
		return err
	}
	if slices.ContainsFunc(on, func(h question.HoldersOn) bool { return h.Open() }) {
		return ended(Undetermined)
	}
	return nil
}

// completeQuestion completes verbs and resources, then paths.
func completeQuestion(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return question.Verbs(), cobra.ShellCompDirectiveNoFileComp
	case 1:
		return question.Resources(), cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveDefault
}

// completeWho completes the subjects that the documents here name.
func completeWho(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	words := []string{"me"}
	if set, err := documents.Load(nil); err == nil {
		if want, err := desired.Compile(set); err == nil {
			for _, t := range want.Teams {
				words = append(words, "team/"+t)
			}
			for _, w := range want.Workloads {
				words = append(words, "workload/"+w.Name)
			}
			words = append(words, effect.NewDirectory(want, nil).Named()...)
		}
	}
	words = slices.DeleteFunc(words, func(w string) bool { return !strings.HasPrefix(w, begun) })
	return words, cobra.ShellCompDirectiveNoFileComp
}
