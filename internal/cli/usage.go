package cli

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
)

// printUsage is what --help says beneath a command's words; that of the bare
// command fits on one screen.
//
// It is code and not a template of cobra's: a program that can run a template
// can call any method by its name, so the linker would keep every operation of
// every AWS client (a third of the program, see docs/performance.md).
func printUsage(cmd *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: %s", cmd.UseLine())
	if cmd.HasAvailableSubCommands() {
		b.WriteString(" COMMAND")
	}
	if cmd.HasExample() {
		fmt.Fprintf(&b, "\n\nExamples:\n%s", cmd.Example)
	}
	if cmd.HasAvailableSubCommands() {
		groups := cmd.Groups()
		if len(groups) == 0 {
			groups = []*cobra.Group{{Title: "Commands:"}}
		}
		for _, g := range groups {
			fmt.Fprintf(&b, "\n\n%s", g.Title)
			for _, c := range cmd.Commands() {
				if c.GroupID == g.ID && c.IsAvailableCommand() {
					fmt.Fprintf(&b, "\n  %-*s %s", c.NamePadding(), c.Name(), c.Short)
				}
			}
		}
	}
	if !cmd.HasParent() {
		fmt.Fprintf(&b, "\n\n%s COMMAND --help has a command's flags and exit codes.", cmd.Name())
	}
	if cmd.HasParent() && cmd.HasAvailableLocalFlags() {
		fmt.Fprintf(&b, "\n\nFlags:\n%s", strings.TrimRightFunc(cmd.LocalFlags().FlagUsages(), unicode.IsSpace))
	}
	if codes := cmd.Annotations["exits"]; codes != "" {
		fmt.Fprintf(&b, "\n\nExit codes:\n%s", codes)
	}
	b.WriteByte('\n')
	_, err := fmt.Fprint(cmd.OutOrStderr(), b.String())
	return err
}
