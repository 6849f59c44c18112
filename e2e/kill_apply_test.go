//go:build e2e || soak

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
)

// program is the built atlas-iam: that of ATLAS_IAM, or one built here.
func program(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("ATLAS_IAM"); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "atlas-iam")
	out, err := exec.Command("go", "build", "-o", path, "../cmd/atlas-iam").CombinedOutput()
	if err != nil {
		t.Fatalf("build atlas-iam: %v\n%s", err, out)
	}
	return path
}

// fortyWrites are documents before and after an edit of 40 writes, of every
// kind that needs no waiting.
func fortyWrites() (before, after string) {
	const head = `
-- environment.yaml --
apiVersion: atlas-iam.dev/v1alpha1
kind: Environment
metadata: {name: ops}
spec:
  id: "k7f3c9a1"
  accounts: [{name: main, id: "492000000148", regions: [us-east-1]}]
  foreignTags: {created-by: terraform}
-- clusters.yaml --
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: test}
spec: {protect: [{role: break-glass}]}
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: ops}
spec: {}
-- teams.yaml --
`
	team := func(name string, users int, grants string) string {
		if users == 0 || grants == "" {
			return ""
		}
		var members []string
		for i := range users {
			members = append(members, fmt.Sprintf("{user: %s-%d}", name, i))
		}
		return fmt.Sprintf(`apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: %s}
spec:
  members: [%s]
  clusters: {names: [test]}
  grants: [%s]
---
`, name, strings.Join(members, ", "), grants)
	}
	edit := func(namespaces string) string { return `{policy: Edit, namespaces: [` + namespaces + `]}` }
	before, after = head, head
	for _, x := range []struct {
		name     string
		users    int
		was, now string
	}{
		{"joins", 8, "", edit(`"dev-*"`)}, // 16 writes
		{"widens", 4, edit(`"dev-*"`), edit(`"dev-*", "qa-*"`)},
		{"narrows", 4, edit(`"dev-*", "qa-*"`), edit(`"dev-*"`)},
		{"swaps", 4, edit(`"dev-*"`), edit(`"qa-*"`)},
		{"drops", 4, edit(`"dev-*"`) + `, {policy: View, namespaces: ["dev-*"]}`, edit(`"dev-*"`)},
		{"groups", 4, `{group: debug}`, `{group: oncall}`},
		{"leaves", 4, edit(`"dev-*"`), ""},
	} {
		before += team(x.name, x.users, x.was)
		after += team(x.name, x.users, x.now)
	}
	return strings.TrimSuffix(before, "---\n"), strings.TrimSuffix(after, "---\n")
}

func isWrite(c *call.Call) bool {
	return slices.ContainsFunc([]string{"Create", "Update", "Delete", "Tag", "Untag", "Associate", "Disassociate"}, func(p string) bool {
		return strings.HasPrefix(c.Operation, p)
	})
}

// A real process is killed at each write of an apply of 40, before it took
// effect and after. What is left is a prefix of the work, with all that must
// hold after each write, and the next run does the rest and nothing twice.
//
// shows: item S38
func TestAnApplyKilledAtAnyWriteIsFinishedByTheNextRun(t *testing.T) {
	before, after := fortyWrites()
	s := newStage(t, before, after, everyOptions())
	exe, folder := program(t), t.TempDir()
	for _, f := range txtar.Parse([]byte(after)).Files {
		if err := os.WriteFile(filepath.Join(folder, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	whole := s.killed(t, exe, folder, 0, false, nil)
	if len(whole) != 40 {
		t.Fatalf("the apply makes %d writes, want 40: %s", len(whole), strings.Join(whole, "\n"))
	}
	var mu sync.Mutex
	left := map[string]int{}
	t.Run("at", func(t *testing.T) {
		for k := 1; k <= len(whole); k++ {
			for _, effect := range []bool{false, true} {
				t.Run(fmt.Sprintf("write %d, effect %v", k, effect), func(t *testing.T) {
					t.Parallel()
					made := s.killed(t, exe, folder, k, effect, whole)
					mu.Lock()
					defer mu.Unlock()
					switch n := len(made); {
					case n == 0:
						left["nothing done"]++
					case n < len(whole):
						left["part done"]++
					default:
						left["all done"]++
					}
				})
			}
		}
	})
	t.Logf("killed at each of 40 writes, before and after its effect: %v", left)
	if left["part done"] < 60 {
		t.Errorf("too few kills left a part: %v", left)
	}
}

// killed runs an apply in a process of its own and kills it at write k, 0 for
// never; the answer is what it had made. Then the world must converge to whole.
func (s *stage) killed(t *testing.T, exe, folder string, k int, effect bool, whole []string) []string {
	t.Helper()
	v := s.enter(t)
	check := newChecker(v, s.want)
	endpoint, quiet := v.listen(t)
	x := newVictim(t, v, exe, folder, endpoint, faultAccount, k)
	v.onCall(func(c *call.Call) *emulator.Fault {
		if isWrite(c) && x.dies() {
			return &emulator.Fault{Kind: emulator.FaultCut, After: effect}
		}
		return nil
	})
	x.run(t, quiet)
	v.onCall(nil)
	journal := v.server.Journal()
	check.follow(journal)
	check.same(v.read(s.want.Accounts))
	made := effects(journal)
	v.converge(s.want, s.opts)
	check.nextRun()
	check.follow(v.server.Journal()[len(journal):])
	check.same(v.read(s.want.Accounts))
	for _, f := range check.faults {
		t.Error(f)
	}
	if all := effects(v.server.Journal()); whole != nil && !slices.Equal(whole, all) {
		t.Errorf("both runs' writes are not those of one (-one +both):\n%s", cmp.Diff(whole, all))
	}
	return made
}

// listen serves the world on loopback. quiet waits until nobody is served.
func (v *virtual) listen(t *testing.T) (endpoint string, quiet func()) {
	t.Helper()
	l, err := emulator.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var busy sync.WaitGroup
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		busy.Add(1)
		defer busy.Done()
		v.server.ServeHTTP(w, r)
	})}
	go func() { _ = server.Serve(l) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + l.Addr().String(), func() {
		_ = server.Close()
		busy.Wait()
	}
}
