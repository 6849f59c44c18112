package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shows: flag {plan,apply,adopt,destroy} --no-color
func TestEveryPlanIsPlainWithNoColorAndColouredOnATerminal(t *testing.T) {
	dir := t.TempDir()
	for _, env := range []string{"ours", "theirs"} {
		documents := `apiVersion: atlas-iam.dev/v1alpha1
kind: Environment
metadata: {name: ` + env + `}
spec:
  id: "` + env + `abc"
  accounts: [{name: main, id: "492000000148", regions: [us-east-1]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: test}
spec: {}
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: qa}
spec:
  members: [{user: vira}]
  clusters: {all: true}
  grants: [{policy: View, namespaces: [qa]}]
`
		if err := os.MkdirAll(filepath.Join(dir, env), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, env, "access.yaml"), []byte(documents), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	coloured := func(args ...string) bool {
		t.Helper()
		p, stdout, stderr := process("", true)
		p.Now = time.Now // the SDK signs by it
		if code := Main(t.Context(), append(args, "--local", "--lab", "lab.db"), p); code != OK && code != Held {
			t.Fatalf("%q: code %d: %s", args, code, stderr)
		}
		return strings.Contains(stdout.String(), "\x1b[")
	}
	// An order in which each has something to show, both times round.
	for _, noColor := range []bool{true, false} {
		for _, args := range [][]string{
			{"plan", "ours"}, {"apply", "ours", "--yes"}, {"adopt", "theirs", "--yes"}, {"destroy", "ours", "--yes"},
		} {
			if noColor {
				args = append(args, "--no-color")
			}
			if got := coloured(args...); got == noColor {
				t.Errorf("%q on a terminal: coloured %v", args, got)
			}
		}
	}
}
