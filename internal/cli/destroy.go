package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/atlas-iam/atlas-iam/internal/plan"
)

func newDestroy(p *Process) *cobra.Command {
	var o writeFlags
	cmd := &cobra.Command{
		Use:   "destroy [PATH...]",
		Short: "Delete all that the Environment owns",
		Long: `Delete all that the Environment owns, and nothing else. What clusters share (their
authentication mode) is left as it is. It asks for the Environment's name.

` + aboutPaths,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if err := o.check("text", "json", "markdown"); err != nil {
				return err
			}
			if err := o.checkAllowance(cmd); err != nil {
				return err
			}
			po := o.options(cmd)
			po.Destroy = true
			return runDestroy(cmd.Context(), p, &o, paths, po)
		},
	}
	addCommon(cmd, &o.common)
	o.addWrite(cmd)
	cmd.Flags().StringVar(&o.record, "record", "", "append each write, with AWS's request id, to this `file` as JSON lines")
	endsAsWriter(cmd)
	return cmd
}

func runDestroy(ctx context.Context, p *Process, o *writeFlags, paths []string, po plan.Options) (err error) {
	f := &flow{p: p, c: &o.common}
	defer closing(&err, f.close)
	pl, err := f.plan(ctx, paths, po)
	if err != nil {
		return err
	}
	return f.showAskMake(ctx, pl, o, pl.Owner.Environment,
		fmt.Sprintf("Delete %s of environment %s? Type its name.", count(pending(pl), "object", "objects"), pl.Owner.Environment))
}
