package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/desired"
	"github.com/atlas-iam/atlas-iam/internal/documents"
	"github.com/atlas-iam/atlas-iam/internal/report"
)

func newInit(p *Process) *cobra.Command {
	example := false
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a first Environment, with comments, schema and a CI file",
		Long: `Write a first Environment into a folder (the present one, if DIR is left out):
documents with comments, their schema for editors, and a workflow for GitHub.
No file is written over.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			return runInit(p, dir, example)
		},
	}
	cmd.Flags().BoolVar(&example, "example", false, "write a worked example that runs with --local")
	ends(cmd, ok("written"), invalid())
	return cmd
}

func runInit(p *Process, dir string, example bool) error {
	id, err := documents.NewID(p.Random)
	if err != nil {
		return err
	}
	written, err := documents.Init(dir, example, id)
	for _, file := range written {
		fmt.Fprintln(p.Stdout, report.Safe("wrote "+shown(file)))
	}
	if err != nil {
		return usage("choose another folder", "%w", err)
	}
	if example {
		p.say("next: atlas-iam apply --local %s", dir)
		return nil
	}
	p.say("next: write your account, clusters and teams into these files, then: atlas-iam plan %s", dir)
	return nil
}

// shown is a file as a user in the working directory would name it.
func shown(file string) string {
	cwd, err := os.Getwd()
	if err != nil {
		return file
	}
	rel, err := filepath.Rel(cwd, file)
	if err != nil || !filepath.IsLocal(rel) {
		return file
	}
	return rel
}

func newSchema(p *Process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of documents, for editors",
		Args:  noPaths,
		RunE: func(*cobra.Command, []string) error {
			b, err := documents.Schema()
			if err != nil {
				return fmt.Errorf("make the schema: %w", err)
			}
			_, err = p.Stdout.Write(b)
			return err
		},
	}
	ends(cmd, ok("printed"), invalid())
	return cmd
}

func newValidate(p *Process) *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "validate [PATH...]",
		Short: "Check the documents, without any network",
		Long: `Check the documents, without any network: every fault of every file at once, with
file, line and column.

` + aboutPaths,
		RunE: func(_ *cobra.Command, paths []string) error {
			if err := c.check("text", "json", "github"); err != nil {
				return err
			}
			return runValidate(p, &c, paths)
		},
	}
	addOutput(cmd, &c, "text, json or github, which marks lines of a pull request")
	cmd.Flags().BoolVarP(&c.quiet, "quiet", "q", false, "say nothing if there is no fault")
	ends(cmd, ok("no faults"), invalid())
	return cmd
}

// runValidate prints every fault of every document on stdout.
func runValidate(p *Process, c *common, paths []string) error {
	var want *access.State
	set, err := documents.Load(paths)
	if err == nil {
		want, err = desired.Compile(set)
	}
	var faults documents.Faults
	if err != nil && !errors.As(err, &faults) {
		return usage("where there is none, atlas-iam init makes a first one", "%w", err)
	}
	files := 0
	if set != nil {
		files = set.Files
	}
	if err := p.writeFaults(c.output, faults, files); err != nil {
		return err
	}
	switch {
	case c.quiet:
	case len(faults) > 0:
		p.suspicions(desired.UnknownActions(set))
	case want != nil:
		p.suspicions(want.Notes)
	}
	if len(faults) > 0 {
		if c.output != "json" {
			p.say("%s; nothing was read from AWS", faults.Summary(files))
		}
		return ended(Usage)
	}
	if c.output == "text" && !c.quiet {
		fmt.Fprintf(p.Stdout, "%s in %s: no errors\n", whatWasRead(set), count(files, "file", "files"))
	}
	return nil
}

// suspicions says what is legal and perhaps not meant, as a plan's warnings.
func (p *Process) suspicions(notes []access.Note) {
	for _, n := range notes {
		p.say("%s: %s: %s", n.Place, n.Slug, n.Text)
	}
}

// whatWasRead counts documents: 2 clusters, 3 teams and 1 workload.
func whatWasRead(set *documents.Set) string {
	words := []string{count(len(set.Clusters), "cluster", "clusters"), count(len(set.Teams), "team", "teams")}
	if n := len(set.Workloads); n > 0 {
		words = append(words, count(n, "workload", "workloads"))
	}
	if n := len(set.AccessTests); n > 0 {
		words = append(words, count(n, "access test", "access tests"))
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

func (p *Process) writeFaults(form string, faults documents.Faults, files int) error {
	switch form {
	case "json":
		if faults == nil {
			faults = documents.Faults{}
		}
		e := json.NewEncoder(p.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			Version int              `json:"version"`
			Files   int              `json:"files"`
			Errors  documents.Faults `json:"errors"`
		}{1, files, faults})
	case "github":
		return faults.WriteGitHub(p.Stdout)
	}
	for _, f := range faults {
		if _, err := fmt.Fprintln(p.Stdout, report.Safe(f.String())); err != nil {
			return err
		}
	}
	return nil
}

// documentError says each fault on its line and counts them.
func (p *Process) documentError(set *documents.Set, err error) error {
	var faults documents.Faults
	if !errors.As(err, &faults) {
		return usage("where there is none, atlas-iam init makes a first one", "%w", err)
	}
	for _, f := range faults {
		fmt.Fprintln(p.Stderr, report.Safe(f.String()))
	}
	files := 0
	if set != nil {
		files = set.Files
		p.suspicions(desired.UnknownActions(set))
	}
	return usage("", "%s; nothing was read from AWS", faults.Summary(files))
}
