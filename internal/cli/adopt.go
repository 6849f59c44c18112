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
		Use:   "adopt [PATH...] [KIND/KEY...]",
		Short: "Take over what others made and the documents want",
		Long: `Take over what others made and the documents want: our tags are put on it, and
nothing else is changed. KIND/KEY is entry/CLUSTER/ARN, role/ACCOUNT/NAME,
association/CLUSTER/NAMESPACE/SERVICEACCOUNT, rolebinding/CLUSTER/NAMESPACE/NAME or
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
		case found && (kind == "role" && strings.Count(rest, "/") == 1 || kind == "association" && strings.Count(rest, "/") >= 2):
			keys = append(keys, a)
		case found && kind == "role":
			return nil, nil, usage("want role/ACCOUNT/NAME; a path is written ./"+a, "%s names no role", a)
		case found && kind == "association":
			return nil, nil, usage("want association/CLUSTER/NAMESPACE/SERVICEACCOUNT; a path is written ./"+a, "%s names no association", a)
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
			what = count(n.Update, "object", "objects")
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

// terraformOf are the resources of the AWS provider that a kind is made by.
func terraformOf(k plan.Kind) []string {
	switch k {
	case plan.AccessEntry:
		return []string{"aws_eks_access_entry", "aws_eks_access_policy_association"}
	case plan.Role:
		return []string{"aws_iam_role", "aws_iam_role_policy", "aws_iam_role_policy_attachment"}
	case plan.PodIdentityAssociation:
		return []string{"aws_eks_pod_identity_association"}
	}
	return nil
}

// release says how the tool that made them lets go of what was adopted without
// deleting it.
func (p *Process) release(pl *plan.Plan) {
	var lines, resources []string
	for _, c := range pl.Changes {
		made := terraformOf(c.Kind)
		if len(c.Held) > 0 || made == nil {
			continue
		}
		switch c.Kind {
		case plan.Role:
			lines = append(lines, "  "+c.Principal)
		case plan.PodIdentityAssociation:
			lines = append(lines, "  the association of "+c.Namespace+"/"+c.Name+" on "+c.Cluster.Name)
		default:
			lines = append(lines, "  "+c.Principal+" on "+c.Cluster.Name)
		}
		for _, r := range made {
			if !slices.Contains(resources, r) {
				resources = append(resources, r)
			}
		}
	}
	if len(lines) == 0 {
		return
	}
	slices.Sort(lines)
	fmt.Fprint(p.Stdout, `
If Terraform made them, let it go of them before its next apply, or it will
delete or fight them. In its configuration, in place of the resources (for the
terraform-aws-eks module the address begins with the module's):`+"\n\n")
	for _, r := range resources {
		fmt.Fprintf(p.Stdout, "  removed {\n    from = %s.NAME\n    lifecycle { destroy = false }\n  }\n", r)
	}
	fmt.Fprintln(p.Stdout, "\nfor the resources of")
	for _, l := range lines {
		fmt.Fprintln(p.Stdout, report.Safe(l))
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
