package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const commandsPage = "../../docs/commands.md"

func TestThePageOfCommandsIsAsTheCommandsAre(t *testing.T) {
	holdPage(t, commandsPage, commandPage())
}

// holdPage compares a generated page with what it should be, or writes it.
func holdPage(t *testing.T, page, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is stale: go test ./internal/cli -run Page -update (-want +page):\n%s", page, diff)
	}
}

func commandPage() string {
	var b strings.Builder
	b.WriteString(`# Commands

<!-- Made from the commands: go test ./internal/cli -run Page -update -->

Results go to stdout, all else to stderr. Of several exit codes the first of 64, 5, 1, 4, 3, 2 counts.
A command that lists none ends with 0, or with 64 if the command line or a document is at fault.
AWS is configured as for the AWS CLI (AWS_PROFILE, ~/.aws, SSO, instance roles); there is no configuration file of ours.

Flags that the commands have which plan:
`)
	p, _, _ := process("", false)
	root := newRoot(p)
	shared := sharedFlags(root)
	flagLines(&b, newPlan(p), func(f *pflag.Flag) bool { return shared[f.Name] })
	for _, c := range leaves(root) {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n    %s\n", strings.TrimPrefix(c.CommandPath(), "atlas-iam "), about(c), strings.TrimSuffix(c.UseLine(), " [flags]"))
		flagLines(&b, c, func(f *pflag.Flag) bool { return !shared[f.Name] || c.Flags().Lookup("only") == nil })
		if codes := c.Annotations["exits"]; strings.Count(codes, "\n") > 1 {
			var words []string
			for line := range strings.SplitSeq(codes, "\n") {
				words = append(words, strings.Join(strings.Fields(line), " "))
			}
			b.WriteString("\nExit codes: " + strings.Join(words, " · ") + "\n")
		}
	}
	b.WriteString("\n## completion\n\n`atlas-iam completion bash|zsh|fish|powershell` prints a script for the shell; its --help says how to load it.\n")
	return b.String()
}

// sharedFlags are the flags of every command that plans.
func sharedFlags(root *cobra.Command) map[string]bool {
	uses := map[string]int{}
	planners := 0
	for _, c := range leaves(root) {
		if c.Flags().Lookup("only") == nil {
			continue
		}
		planners++
		c.Flags().VisitAll(func(f *pflag.Flag) { uses[f.Name]++ })
	}
	shared := map[string]bool{}
	for name, n := range uses {
		shared[name] = n == planners
	}
	return shared
}

// leaves are the commands that do something, in the order of the help.
func leaves(c *cobra.Command) []*cobra.Command {
	if !c.HasSubCommands() {
		return []*cobra.Command{c}
	}
	var all []*cobra.Command
	for _, sub := range c.Commands() {
		all = append(all, leaves(sub)...)
	}
	return all
}

// about is a command's long text as Markdown.
func about(c *cobra.Command) string {
	text := strings.TrimSpace(strings.ReplaceAll(c.Long, aboutPaths, ""))
	if text == "" {
		text = c.Short
	}
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return strings.NewReplacer("[PATH...]", "`[PATH...]`", "|", `\|`).Replace(text)
}

func flagLines(b *strings.Builder, c *cobra.Command, wanted func(*pflag.Flag) bool) {
	set := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && wanted(f) {
			set.AddFlag(f)
		}
	})
	if lines := set.FlagUsages(); lines != "" {
		b.WriteString("\n" + indent(lines))
	}
}

func indent(lines string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimRight(lines, "\n"), "\n") {
		b.WriteString("    " + strings.TrimPrefix(strings.TrimRight(line, " "), "  ") + "\n")
	}
	return b.String()
}
