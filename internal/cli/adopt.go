package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/atlas-iam/atlas-iam/internal/apply"
	"github.com/atlas-iam/atlas-iam/internal/guard"
	"github.com/atlas-iam/atlas-iam/internal/plan"
	"github.com/atlas-iam/atlas-iam/internal/report"
)

func newAdopt(p *Process) *cobra.Command {
	var o writeFlags
	cmd := &cobra.Command{
		Use:   "adopt [PATH...] [entry/CLUSTER/ARN...]",
		Short: "Take over what others made and the documents want",
		Long: `Take over what others made and the documents want: our tags are put on it, and
nothing else is changed. A binding is rolebinding/CLUSTER/NAMESPACE/NAME or
clusterrolebinding/CLUSTER/NAME. Without such names, which a plan prints, it is all
that is wanted and bears nobody's mark. At the end it prints the Terraform blocks
that let go of it. A folder named entry is written ./entry.

` + aboutPaths,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check("text", "json", "markdown"); err != nil {
				return err
			}
			paths, keys, err := splitKeys(args)
			if err != nil {
				return err
			}
			return runAdopt(cmd.Context(), p, &o, paths, keys)
		},
	}
	addCommon(cmd, &o.common)
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do not ask; what is held stays held")
	cmd.Flags().StringVar(&o.record, "record", "", "append each write, with AWS's request id, to this `file` as JSON lines")
	endsAsWriter(cmd)
	return cmd
}

// splitKeys tells KIND/KEY from PATH: the words of kinds win, ./x is a path.
func splitKeys(args []string) (paths, keys []string, err error) {
	for _, a := range args {
		kind, rest, found := strings.Cut(a, "/")
		switch {
		case found && kind == "entry" && strings.Contains(rest, "/"):
			keys = append(keys, a)
		case found && kind == "entry":
			return nil, nil, usage("want entry/CLUSTER/ARN; a path is written ./"+a, "%s names no entry", a)
		case found && (kind == "rolebinding" || kind == "clusterrolebinding") && strings.Contains(rest, "/"):
			keys = append(keys, a)
		case found && (kind == "role" || kind == "association"):
			return nil, nil, usage("a path is written ./"+a, "%s: adopting a %s is not supported by this version", a, kind)
		default:
			paths = append(paths, a)
		}
	}
	return paths, keys, nil
}

func runAdopt(ctx context.Context, p *Process, o *writeFlags, paths, keys []string) (err error) {
	f := &flow{p: p, c: &o.common}
	defer closing(&err, f.close)
	if err := f.look(ctx, paths); err != nil {
		return err
	}
	pl, err := plan.Adoptions(f.want, f.have, keys, guard.Adopting()...)
	var not *plan.AdoptError
	if errors.As(err, &not) {
		return usage("atlas-iam plan -v lists what is not ours", "%w", err)
	}
	if err != nil {
		return err
	}
	if err := f.showFirst(pl); err != nil {
		return err
	}
	n := pl.Summary()
	if n.Update == 0 {
		return f.nothing(pl)
	}
	if !o.yes {
		what := count(n.Update, "access entry", "access entries")
		if slices.ContainsFunc(pl.Changes, func(c plan.Change) bool { return c.Kind != plan.AccessEntry && len(c.Held) == 0 }) {
			what = count(n.Update, "entry or binding", "entries and bindings")
		}
		question := fmt.Sprintf("Adopt %s for environment %s?", what, pl.Owner.Environment)
		if err := p.ask(question, "yes"); err != nil {
			return err
		}
	}
	err = f.make(ctx, pl, o, apply.Adopt)
	var failed *Failure
	if made := err == nil || errors.As(err, &failed) && failed.Code == Held; made && !o.quiet && o.output == "text" {
		p.release(pl)
	}
	return err
}

// release says how the tool that made them lets go of the adopted entries
// without deleting them.
func (p *Process) release(pl *plan.Plan) {
	var lines []string
	for _, c := range pl.Changes {
		if len(c.Held) == 0 && c.Principal != "" {
			lines = append(lines, "#   "+c.Principal+" on "+c.Cluster.Name)
		}
	}
	if len(lines) == 0 {
		return
	}
	slices.Sort(lines)
	fmt.Fprintln(p.Stdout, `
If Terraform made them, let it go of them before its next apply, or it will
delete or fight them. In its configuration, in place of the resources (for the
terraform-aws-eks module the address begins with the module's):

  removed {
    from = aws_eks_access_entry.NAME
    lifecycle { destroy = false }
  }
  removed {
    from = aws_eks_access_policy_association.NAME
    lifecycle { destroy = false }
  }

for the resources of`)
	for _, l := range lines {
		fmt.Fprintln(p.Stdout, report.Safe(strings.TrimPrefix(l, "#")))
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
