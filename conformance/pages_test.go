//go:build conformance

package conformance

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// issuerID is what differs from lab to lab in what a plan shows.
var issuerID = regexp.MustCompile(`/id/[0-9A-F]{32}`)

// What README and the pages show of a cluster happens: their shell-session
// blocks are run one after the other, by whoever has just served a lab with API
// servers as docs/workloads.md says. ATLAS_UPDATE=1 writes what they print.
//
// shows: command lab seed; item S145
func TestThePagesShowWhatReallyHappens(t *testing.T) {
	for _, page := range []string{"../README.md", "../docs/workloads.md"} {
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, filepath.Join(t.TempDir(), "lab.db"))
			dir := t.TempDir()
			if err := os.CopyFS(filepath.Join(dir, "examples", "metrics"), os.DirFS("../examples/metrics")); err != nil {
				t.Fatal(err)
			}
			run(t, dir, o.env, 0, o.atlas, "lab", "seed", "--endpoint", o.endpoint, "examples/metrics")
			o.env = clean(t, append(list(credentials(t, o.endpoint, "492000000148")), "KUBECONFIG="+filepath.Join(t.TempDir(), "kubeconfig"),
				"PATH="+filepath.Dir(o.atlas)+string(os.PathListSeparator)+os.Getenv("PATH"))...)
			run(t, dir, o.env, 0, "aws", "eks", "update-kubeconfig", "--name", "test")
			run(t, dir, o.env, 0, o.kubectl, "create", "namespace", "monitoring")
			shown, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			really, commands := replay(string(shown), func(command string) string {
				sh := exec.Command("sh", "-c", command)
				sh.Dir, sh.Env = dir, o.env
				out, err := sh.CombinedOutput()
				if _, exited := err.(*exec.ExitError); err != nil && !exited {
					t.Fatalf("%s: %v", command, err)
				}
				return issuerID.ReplaceAllString(strings.TrimLeft(string(out), "\n"), "/id/EXAMPLED539D4633E53DE1B71EXAMPLE")
			})
			if commands < 5 {
				t.Fatalf("%d commands found in %s; the check would be empty", commands, page)
			}
			if diff := cmp.Diff(string(shown), really); diff != "" {
				if os.Getenv("ATLAS_UPDATE") == "" {
					t.Fatalf("%s (-page +really; ATLAS_UPDATE=1 writes it anew):\n%s", page, diff)
				}
				if err := os.WriteFile(page, []byte(really), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// replay is a page with what its shell-session blocks' commands print now, and
// how many there are.
func replay(page string, do func(command string) string) (string, int) {
	var out strings.Builder
	inside, commands := false, 0
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "```") {
			inside = strings.TrimSpace(line) == "```shell-session"
		} else if inside && !strings.HasPrefix(line, "$ ") {
			continue // old output
		}
		out.WriteString(line)
		if command, ok := strings.CutPrefix(line, "$ "); inside && ok {
			commands++
			out.WriteString(do(strings.TrimSpace(command)))
		}
	}
	return out.String(), commands
}
