package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/atlas-iam/atlas-iam/access"
)

// common are the flags that every command knows which reads documents.
type common struct {
	output  string
	local   bool
	lab     string
	verbose bool
	quiet   bool
	noColor bool
	cluster []string
	only    []string
}

// Main runs one command line and gives its exit code.
func Main(ctx context.Context, args []string, p *Process) Code {
	root := newRoot(p)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	var f *Failure
	if err != nil && !errors.As(err, &f) {
		// What cobra itself refuses is the command line's fault.
		err = usage("see "+cmd.CommandPath()+" --help", "%s", strings.ReplaceAll(err.Error(), "\n\n", "\n"))
	}
	return p.end(err)
}

func newRoot(p *Process) *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:           "atlas-iam",
		Short:         "Access as code for Amazon EKS",
		Long:          long,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				return p.printVersion()
			}
			return cmd.Help()
		},

		DisableFlagsInUseLine: true,
	}
	root.Flags().BoolVar(&version, "version", false, "print the version, as the command version does")
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	root.SetFlagErrorFunc(nearestFlag)
	root.SetUsageFunc(printUsage)
	root.CompletionOptions.HiddenDefaultCmd = false
	root.SuggestionsMinimumDistance = 2
	root.AddGroup(
		&cobra.Group{ID: "write", Title: "Documents:"},
		&cobra.Group{ID: "flow", Title: "Access:"},
		&cobra.Group{ID: "ask", Title: "Questions:"},
		&cobra.Group{ID: "more", Title: "More:"},
	)
	root.SetHelpCommandGroupID("more")
	root.SetCompletionCommandGroupID("more")
	for _, c := range []struct {
		group string
		cmd   *cobra.Command
	}{
		{"write", newInit(p)}, {"write", newNew(p)}, {"write", newValidate(p)}, {"write", newSchema(p)},
		{"flow", newPlan(p)}, {"flow", newApply(p)}, {"flow", newAdopt(p)}, {"flow", newDestroy(p)}, {"flow", newBind(p)}, {"flow", newUnbind(p)},
		{"ask", newCanI(p)}, {"ask", newWhoCan(p)}, {"ask", newAccess(p)}, {"ask", newTest(p)},
		{"more", newRunAs(p)}, {"more", newLab(p)}, {"more", newVersion(p)},
	} {
		c.cmd.GroupID = c.group
		root.AddCommand(c.cmd)
	}
	return root
}

// addCommon gives cmd the flags of commands that read documents and AWS.
func addCommon(cmd *cobra.Command, c *common) {
	f := cmd.Flags()
	addOutput(cmd, c, "text, json or markdown")
	f.BoolVarP(&c.verbose, "verbose", "v", false, "fold nothing, and tell each step and each call")
	f.BoolVarP(&c.quiet, "quiet", "q", false, "say only what is held or wrong, and the counts")
	f.BoolVar(&c.noColor, "no-color", false, "use no colours, as with NO_COLOR set")
	f.BoolVar(&c.local, "local", false, "use the embedded AWS instead of AWS; its state is kept beneath the documents, in .atlas-iam")
	f.StringVar(&c.lab, "lab", "", "with --local: keep the embedded AWS's state in this `file`")
	f.StringSliceVar(&c.cluster, "cluster", nil, "read and plan only this `cluster`, by its document's or by EKS's name; may be repeated")
	f.StringSliceVar(&c.only, "only", nil, "read and plan only for `WHO`: team/NAME, user/NAME, role/NAME or an ARN; may be repeated")
}

// addOutput gives cmd the flag of the result's form.
func addOutput(cmd *cobra.Command, c *common, formats string) {
	cmd.Flags().StringVarP(&c.output, "output", "o", "text", "print the result as `format`: "+formats)
}

// check holds the common flags against each other.
func (c *common) check(formats ...string) error {
	if !slices.Contains(formats, c.output) {
		hint := "one of " + strings.Join(formats, ", ")
		if n := nearest(c.output, formats); n != "" {
			hint = "did you mean -o " + n + "?"
		}
		return usage(hint, "-o %s is not a format of this command", c.output)
	}
	if c.lab != "" && !c.local {
		return usage("add --local", "--lab names the embedded AWS's file, and this run would ask AWS")
	}
	if c.verbose && c.quiet {
		return usage("choose one", "-v and -q cannot both hold")
	}
	return nil
}

// nearestFlag answers an unknown flag with the one that was meant.
func nearestFlag(cmd *cobra.Command, err error) error {
	if words := cmd.Flags().Args(); cmd.HasSubCommands() && len(words) > 0 {
		return noCommand(cmd, words) // it would have known the flag
	}
	hint := "see " + cmd.CommandPath() + " --help"
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if n := nearest(unknown.GetSpecifiedName(), names); n != "" {
			hint = "did you mean --" + n + "?"
		}
	}
	return usage(hint, "%s", err)
}

// nearest is the word of few that was probably meant, or none.
func nearest(word string, words []string) string {
	near, _ := access.Nearest(word, words)
	return near
}

// noCommand answers an unknown command with the one that was meant.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	hint := "see " + cmd.CommandPath() + " --help"
	if n := nearest(args[0], names); n != "" {
		hint = "did you mean " + cmd.CommandPath() + " " + n + "?"
	}
	return usage(hint, "%s has no command %q", cmd.CommandPath(), args[0])
}

// noPaths refuses arguments in words.
func noPaths(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q takes no arguments, got %q", cmd.CommandPath(), args[0])
	}
	return nil
}
