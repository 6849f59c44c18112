package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/documents"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// bindFlags are those of bind and unbind.
type bindFlags struct {
	writeFlags
	accountFlags
	wait    bool
	timeout time.Duration
}

func newBind(p *Process) *cobra.Command {
	var o bindFlags
	cmd := &cobra.Command{
		Use:   "bind workload/NAME -n NAMESPACE [PATH...]",
		Short: "Give a workload's role to a ServiceAccount that its pattern matches",
		Long: `Give a workload's role to a ServiceAccount of a new namespace, from the pipeline
that makes the namespace. The ServiceAccount must match a pattern of the
workload's document; its Pod Identity association is made, and is from then on as
if the document named it: apply keeps it as long as the pattern matches.

With --wait it ends when pods can have the role: EKS shows the association, the
cluster gives a pod that would be made now the credentials' address (a pod is tried,
none is made), and EKS Auth gives the role to a pod of the ServiceAccount, if one
runs. What could not be asked is said.

A pattern with credentials: IRSA needs no binding, which is said.

` + aboutPaths,
		Example: `  kubectl create namespace preview-7
  atlas-iam bind workload/app -n preview-7 --wait --yes`,
		Args: bindArgs("bind"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.checkBind(cmd); err != nil {
				return err
			}
			return runBind(cmd.Context(), p, &o, args[0], args[1:], o.options(cmd))
		},
	}
	o.addBind(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.wait, "wait", false, "end only when pods can have the role")
	f.DurationVar(&o.timeout, "timeout", 2*time.Minute, "with --wait: give up after this `time`")
	ends(cmd, ok("done, or nothing to do"),
		ending{Failed, "the change failed, or pods could not have the role in time; or you did not confirm"},
		ending{Held, "it is held; nothing was changed"}, couldNotAsk(),
		ending{Usage, "no pattern of the document matches, or the command line or a document is at fault, or there is no terminal to ask on and no --yes; nothing was changed"})
	return cmd
}

func newUnbind(p *Process) *cobra.Command {
	var o bindFlags
	cmd := &cobra.Command{
		Use:   "unbind workload/NAME -n NAMESPACE [PATH...]",
		Short: "Take back what bind gave",
		Long: `Take back what bind gave: the Pod Identity association of a ServiceAccount goes. One
that is not there is gone. One that a document names exactly is that document's: it
is refused. Credentials that pods have by now live until they end.

` + aboutPaths,
		Example: `  atlas-iam unbind workload/app -n preview-7 --yes`,
		Args:    bindArgs("unbind"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.checkBind(cmd); err != nil {
				return err
			}
			return runUnbind(cmd.Context(), p, &o, args[0], args[1:], o.options(cmd))
		},
	}
	o.addBind(cmd)
	endsAsWriter(cmd)
	return cmd
}

func bindArgs(command string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("as in: atlas-iam "+command+" workload/app -n preview-7", "%s needs a workload", command)
		}
		return nil
	}
}

func (o *bindFlags) addBind(cmd *cobra.Command) {
	f := cmd.Flags()
	addOutput(cmd, &o.common, "text, json or markdown")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "tell each step and each call")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "say only what is held or wrong, and the counts")
	f.BoolVar(&o.noColor, "no-color", false, "use no colours, as with NO_COLOR set")
	f.BoolVar(&o.local, "local", false, "use the embedded AWS instead of AWS; its state is kept beneath the documents, in .atlas-iam")
	f.StringVar(&o.lab, "lab", "", "with --local: keep the embedded AWS's state in this `file`")
	f.StringSliceVar(&o.cluster, "cluster", nil, "on this `cluster`, by its document's or by EKS's name; needed where there are several")
	o.addAccount(cmd)
	f.BoolVar(&o.yes, "yes", false, "do not ask; what is held stays held")
	f.StringSliceVar(&o.allow, "allow", nil, "make what this `guard` holds, by the name that stands beside it; may be repeated")
	f.StringVar(&o.record, "record", "", "append each write, with AWS's request id, to this `file` as JSON lines")
}

func (o *bindFlags) checkBind(cmd *cobra.Command) error {
	if err := o.check("text", "json", "markdown"); err != nil {
		return err
	}
	if o.timeout <= 0 && cmd.Flags().Changed("timeout") {
		return usage("as in: --timeout 2m", "--timeout %s is no time", o.timeout)
	}
	return o.checkAllowance(cmd)
}

func runBind(ctx context.Context, p *Process, o *bindFlags, word string, paths []string, po plan.Options) (err error) {
	f := &flow{p: p, c: &o.common}
	defer closing(&err, f.close)
	if err := f.read(paths); err != nil {
		return err
	}
	who, err := o.chosen(f, "bind", word)
	if err != nil {
		return err
	}
	if _, err := documents.ParseWho("serviceaccount/" + who.namespace + "/" + who.name); err != nil {
		return wordError(err) // a pattern may match what is no name
	}
	if who.workload.Credentials == access.IRSA {
		p.say("workload %s has its role by IRSA: the role's trust policy lets %s/%s in as it is, and there is nothing to bind", who.workload.Name, who.namespace, who.name)
		return nil
	}
	pl, err := f.planOne(ctx, who, po, false)
	if err != nil {
		return err
	}
	question := fmt.Sprintf("Give %s/%s on %s role %s of workload %s?", who.namespace, who.name, f.documentOf(who.cluster), access.RoleName(who.role), who.workload.Name)
	if err := f.showAskMake(ctx, pl, &o.writeFlags, yes, question); err != nil || !o.wait {
		return err
	}
	return f.awaitRole(ctx, who, o.timeout)
}

func runUnbind(ctx context.Context, p *Process, o *bindFlags, word string, paths []string, po plan.Options) (err error) {
	f := &flow{p: p, c: &o.common}
	defer closing(&err, f.close)
	if err := f.read(paths); err != nil {
		return err
	}
	who, err := o.bound(f, word)
	if err != nil {
		return err
	}
	pl, err := f.planOne(ctx, who, po, true)
	if err != nil {
		return err
	}
	question := fmt.Sprintf("Take the role of workload %s from %s/%s on %s?", who.workload.Name, who.namespace, who.name, f.documentOf(who.cluster))
	return f.showAskMake(ctx, pl, &o.writeFlags, yes, question)
}

// bound settles what unbind is about: a ServiceAccount that the workload's
// patterns match, or no document's any more.
func (o *bindFlags) bound(f *flow, word string) (*serviceAccountOf, error) {
	who, err := f.workloadOn("unbind", word)
	if err != nil {
		return nil, err
	}
	if err := o.choose(who); err != nil {
		if o.namespace == "" || o.serviceAccount == "" {
			return nil, err
		}
		who.namespace, who.name = o.namespace, o.serviceAccount
	}
	c, _ := f.want.Cluster(who.cluster)
	switch want, exact, ok := c.PodIdentity(who.namespace, who.name); {
	case exact:
		return nil, usage("take it out of the document, then atlas-iam apply", "ServiceAccount %s/%s of workload %s is named at %s", who.namespace, who.name, want.Workload, want.Place)
	case ok && want.Workload != who.workload.Name:
		return nil, usage("as in: atlas-iam unbind workload/"+want.Workload, "ServiceAccount %s/%s is workload %s's, by its pattern at %s", who.namespace, who.name, want.Workload, want.Place)
	}
	return who, nil
}

// documentOf is a cluster as its document calls it.
func (f *flow) documentOf(k access.ClusterKey) string {
	if c, ok := f.want.Cluster(k); ok {
		return c.Document
	}
	return k.Name
}
