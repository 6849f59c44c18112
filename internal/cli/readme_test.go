package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const readme = "../../README.md"

// shownCommand is a command of a README's console block, with what it prints.
type shownCommand struct {
	line            int
	command, output string
}

// TestTheReadmeShowsWhatReallyHappens runs every command of the README's
// console blocks, one after the other in one folder that begins with the
// examples, and compares what a terminal would show. A block that cannot run
// here (a clone, a real account) is not a console block.
//
// shows: item S29
func TestTheReadmeShowsWhatReallyHappens(t *testing.T) {
	if os.PathSeparator == '\\' {
		t.Skip("SKIPPED: the commands are a shell's")
	}
	commands := consoleBlocks(t, readme)
	if len(commands) < 8 {
		t.Fatalf("%d commands found in the README; the check would be empty", len(commands))
	}
	dir := t.TempDir()
	if err := copyExamples(filepath.Join(dir, "examples")); err != nil {
		t.Fatal(err)
	}
	var really []shownCommand
	for _, c := range commands {
		command := strings.ReplaceAll(c.command, "go run ./cmd/atlas-iam", "atlas-iam")
		sh := exec.Command("sh", "-c", command)
		sh.Dir = dir
		sh.Env = append(os.Environ(), "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE="+dir+"/none", "AWS_SHARED_CREDENTIALS_FILE="+dir+"/none")
		out, err := sh.CombinedOutput()
		if _, exited := err.(*exec.ExitError); err != nil && !exited {
			t.Fatalf("README.md:%d: %s: %v", c.line, c.command, err)
		}
		really = append(really, shownCommand{c.line, c.command, string(out)})
		if diff := cmp.Diff(c.output, string(out)); diff != "" && !*update {
			t.Errorf("README.md:%d: %s (-README +really; -update writes it anew):\n%s", c.line, c.command, diff)
		}
	}
	if *update {
		rewrite(t, readme, really)
	}
}

// rewrite puts what the commands really print in the place of what a page
// shows.
func rewrite(t *testing.T, page string, really []shownCommand) {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	inside := false
	for i, line := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(line, "```") {
			inside = line == "```console"
		} else if inside && (len(really) == 0 || really[0].line != i+1) {
			continue // old output
		}
		out = append(out, line)
		if len(really) > 0 && really[0].line == i+1 {
			if shows := strings.TrimSuffix(really[0].output, "\n"); shows != "" {
				out = append(out, shows)
			}
			really = really[1:]
		}
	}
	if err := os.WriteFile(page, []byte(strings.Join(out, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// link is a Markdown link that leads to a file of the repository, or to a
// heading of the same page.
var link = regexp.MustCompile(`\]\(([^)#:\s]*)(#[^)\s]*)?\)`)

// headings are the links to a page's headings: in small letters, with dashes for
// spaces.
func headings(page string) []string {
	var links []string
	for line := range strings.Lines(page) {
		if level, title, ok := strings.Cut(strings.TrimSpace(line), " "); ok && level != "" && strings.Trim(level, "#") == "" {
			links = append(links, "#"+strings.ReplaceAll(strings.ToLower(title), " ", "-"))
		}
	}
	return links
}

func TestEveryLinkOfThePagesLeadsSomewhere(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for _, page := range append(pages, readme, "../../CONTRIBUTING.md", "../../CHANGELOG.md") {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			links++
			if m[1] == "" {
				if !slices.Contains(headings(string(b)), m[2]) {
					t.Errorf("%s: no heading %s", page, m[2])
				}
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", page, m[1])
			}
		}
	}
	if links < 5 {
		t.Errorf("%d links found; the check would be empty", links)
	}
}

// consoleBlocks parts a page's console blocks into commands, which begin with
// "$ ", and what they print, up to the next one.
func consoleBlocks(t *testing.T, page string) []shownCommand {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var all []shownCommand
	inside := false
	for i, line := range strings.Split(string(b), "\n") {
		command, starts := strings.CutPrefix(line, "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```console"
		case !inside:
		case starts:
			all = append(all, shownCommand{line: i + 1, command: command})
		case len(all) == 0:
			t.Fatalf("%s:%d: output before any command", page, i+1)
		default:
			all[len(all)-1].output += line + "\n"
		}
	}
	return all
}
