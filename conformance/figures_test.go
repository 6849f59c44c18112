//go:build bench

package conformance

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// measured is what one process used.
type measured struct {
	wall   time.Duration
	rss    int64 // bytes, of the largest single process
	stdout string
	stderr string
}

func measure(t *testing.T, dir string, env []string, want int, name string, args ...string) measured {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	start := time.Now()
	err := cmd.Run()
	m := measured{wall: time.Since(start), stdout: out.String(), stderr: errs.String()}
	if code := cmd.ProcessState.ExitCode(); code != want {
		t.Fatalf("%s %s: exit %d, want %d (%v)\n%s\n%s", filepath.Base(name), strings.Join(args, " "), code, want, err, m.stdout, m.stderr)
	}
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		m.rss = u.Maxrss * 1024
	}
	return m
}

func (m measured) String() string {
	return fmt.Sprintf("%.2f s, %d MB", m.wall.Seconds(), m.rss>>20)
}

// median runs a command several times and gives the run of median time with
// the most memory of all.
func median(t *testing.T, times int, dir string, env []string, name string, args ...string) measured {
	t.Helper()
	var all []measured
	var rss int64
	for range times {
		m := measure(t, dir, env, 0, name, args...)
		rss = max(rss, m.rss)
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b measured) int { return int(a.wall - b.wall) })
	m := all[times/2]
	m.rss = rss
	return m
}

// TestFigures measures what docs/performance.md says, each with the bound it
// must meet, and prints the table; ATLAS_UPDATE=1 writes its rows there. Terraform's
// part takes ten minutes; ATLAS_BENCH_TERRAFORM=0 leaves it out.
//
// shows: item S42
func TestFigures(t *testing.T) {
	f := &figures{bin: atlas(t), docs: t.TempDir()}
	documents(t, f.docs, fleetClusters)
	t.Run("cold build", f.coldBuild)
	t.Run("fleet", f.fleet)
	t.Run("Terraform", f.terraform)
	t.Run("throttled", f.throttled)
	t.Run("first article", f.firstArticle)
	t.Run("question", f.question)
	t.Run("decisions", f.decisions)
	if t.Failed() && len(f.rows) == 0 {
		return
	}
	fmt.Println(f.table(""))
	if os.Getenv("ATLAS_UPDATE") != "" {
		f.publish(t)
	}
}

// figureNames are the figures there are, in their order.
func figureNames() []string {
	return []string{
		"cold go build ./cmd/atlas-iam, two cores",
		"calls of an empty plan", "memory of apply", "memory of plan",
		"apply: Terraform over atlas-iam", "empty plan: Terraform over atlas-iam",
		"50 calls/s, not told: time of a plan", "50 calls/s, not told: calls throttled",
		"second plan of the first article",
		"cold can-i over 1,000 documents",
		"Decide at 100 ClusterRoleBindings", "Decide at 1000 ClusterRoleBindings", "Decide at 10000 ClusterRoleBindings",
		"who-can at 10,000 bindings, one subject matching",
		"who-can over 200 clusters x 500 people, compiled",
	}
}

// figures gathers the rows of one run.
type figures struct {
	bin  string // the program
	docs string // the fleet's folder
	rows []figure

	apply, plan measured // of the fleet, by atlas-iam
}

// figure is one row, with what it must meet.
type figure struct {
	what, have, want string
	met              bool
}

func (f *figures) add(t *testing.T, what, have, want string, met bool) {
	t.Helper()
	if !slices.Contains(figureNames(), what) {
		t.Errorf("figure %q is in no list", what)
	}
	f.rows = append(f.rows, figure{what, have, want, met})
	if !met {
		t.Errorf("%s: %s, want %s", what, have, want)
	}
}

// lab serves a lab with the fleet's users and clusters in it and gives the
// environment of a client.
func (f *figures) lab(t *testing.T, flags ...string) (endpoint string, env []string) {
	t.Helper()
	endpoint = lab(t, flags...)
	run(t, f.docs, clean(t), 0, f.bin, "lab", "seed", "--endpoint", endpoint, f.docs)
	return endpoint, clean(t, list(credentials(t, endpoint, fleetAccount))...)
}

var readLine = regexp.MustCompile(`No changes\. (\d+) entries, (\d+) associations, (\d+) clusters? read, no gaps[.,]`)

// ideal is how many calls an empty plan must make, by what it says it read: a
// page of clusters, of users, of roles; a description and a page of entries
// per cluster; two calls an entry; who we are.
func ideal(t *testing.T, stdout string) int {
	t.Helper()
	m := readLine.FindStringSubmatch(stdout)
	if m == nil {
		t.Fatalf("the second plan is not empty:\n%s", stdout)
	}
	entries, _ := strconv.Atoi(m[1])
	associations, _ := strconv.Atoi(m[2])
	clusters, _ := strconv.Atoi(m[3])
	// EKS gives the creator of each cluster an entry.
	if clusters != fleetClusters || entries != (fleetPeople+1)*fleetClusters || associations < fleetPolicies*fleetClusters {
		t.Fatalf("the plan read another fleet: %s", m[0])
	}
	return 1 + 1 + 1 + 2*clusters + 2*entries + 1
}

// fleet applies the fleet and plans it again, 20 ms a call.
func (f *figures) fleet(t *testing.T) {
	_, env := f.lab(t, "--latency", "20ms")
	f.apply = measure(t, f.docs, env, 0, f.bin, "apply", "--yes", f.docs)
	f.plan = median(t, 3, f.docs, env, f.bin, "plan", f.docs)
	most := ideal(t, f.plan.stdout)
	calls := callsIn(measure(t, f.docs, env, 0, f.bin, "plan", "-v", f.docs).stderr)
	f.add(t, "calls of an empty plan", fmt.Sprintf("%d", calls.all), fmt.Sprintf("%d and at most 5 %% more", most), calls.all >= most && calls.all <= most*105/100)
	f.add(t, "memory of apply", fmt.Sprintf("%d MB", f.apply.rss>>20), "at most 150 MB", f.apply.rss <= 150<<20)
	f.add(t, "memory of plan", fmt.Sprintf("%d MB", f.plan.rss>>20), "at most 150 MB", f.plan.rss <= 150<<20)
	t.Logf("apply %s; plan %s", f.apply, f.plan)
}

// terraform does the same with Terraform on a lab of its own.
func (f *figures) terraform(t *testing.T) {
	if os.Getenv("ATLAS_BENCH_TERRAFORM") == "0" {
		t.Skip("ATLAS_BENCH_TERRAFORM=0")
	}
	if f.apply.wall == 0 || f.plan.wall == 0 {
		t.Fatal("atlas-iam's own runs failed: there is nothing to compare with")
	}
	endpoint, _ := f.lab(t, "--latency", "20ms")
	tf := newTerraform(t, endpoint, fleetAccount)
	version := tf.run(0, "version")
	if !strings.HasPrefix(version, "Terraform v1.11.") {
		t.Errorf("the bound is against Terraform 1.11, this is %s", strings.SplitN(version, "\n", 2)[0])
	}
	tf.resources()
	tf.run(0, "init")
	apply := measure(t, tf.dir, tf.env, 0, tf.path, "apply", "-auto-approve", "-no-color")
	if !strings.Contains(apply.stdout, fmt.Sprintf("Resources: %d added", (fleetPeople+fleetPolicies)*fleetClusters)) {
		t.Errorf("Terraform made another fleet: %s", apply.stdout[max(0, len(apply.stdout)-300):])
	}
	plan := measure(t, tf.dir, tf.env, 0, tf.path, "plan", "-detailed-exitcode", "-no-color")
	compare := func(what string, theirs, ours measured, least float64) {
		ratio := theirs.wall.Seconds() / ours.wall.Seconds()
		f.add(t, what+": Terraform over atlas-iam", fmt.Sprintf("%s over %s: %.0f times", theirs, ours, ratio), fmt.Sprintf("at least %.0f times", least), ratio >= least)
	}
	compare("apply", apply, f.apply, 50)
	compare("empty plan", plan, f.plan, 20)
}

// throttled reads the fleet from a server that allows 50 calls a second and
// does not tell.
func (f *figures) throttled(t *testing.T) {
	const rate = 50
	file := filepath.Join(t.TempDir(), "lab.db")
	endpoint, env := f.lab(t, "--lab", file)
	run(t, f.docs, env, 0, f.bin, "apply", "--yes", f.docs)
	stop(t, endpoint)
	slow := lab(t, "--lab", file, "--rate", strconv.Itoa(rate))
	env = clean(t, list(credentials(t, slow, fleetAccount))...)
	m := measure(t, f.docs, env, 0, f.bin, "plan", "-v", f.docs)
	calls := callsIn(m.stderr)
	needed := ideal(t, m.stdout)
	// The server's burst is two seconds' worth.
	least := time.Duration(needed-2*rate) * time.Second / rate
	f.add(t, "50 calls/s, not told: time of a plan", fmt.Sprintf("%.1f s (%d calls), %.2f times the ideal %.1f s", m.wall.Seconds(), needed, m.wall.Seconds()/least.Seconds(), least.Seconds()),
		"at most 1.2 times", m.wall.Seconds() <= 1.2*least.Seconds())
	f.add(t, "50 calls/s, not told: calls throttled", fmt.Sprintf("%d of %d, %.1f %%", calls.throttled, calls.all, 100*float64(calls.throttled)/float64(calls.all)),
		"some, under 5 %", calls.throttled > 0 && calls.throttled*20 < calls.all)
}

// coldBuild builds the program with an empty build cache, on two cores.
func (f *figures) coldBuild(t *testing.T) {
	args := []string{"go", "build", "-p", "2", "-o", filepath.Join(t.TempDir(), "atlas-iam"), "./cmd/atlas-iam"}
	if runtime.NumCPU() > 2 {
		args = append([]string{program(t, "taskset", "--version"), "-c", "0,1"}, args...)
	}
	env := append(os.Environ(), "GOCACHE="+t.TempDir(), "GOMAXPROCS=2")
	cold := measure(t, "..", env, 0, args[0], args[1:]...)
	f.add(t, "cold go build ./cmd/atlas-iam, two cores", fmt.Sprintf("%.1f s", cold.wall.Seconds()), "under 75 s", cold.wall < 75*time.Second)
}

// firstArticle plans the first article with nothing to do, on the lab in the
// process itself.
func (f *figures) firstArticle(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../examples/first-article")); err != nil {
		t.Fatal(err)
	}
	env := clean(t)
	run(t, dir, env, 0, f.bin, "apply", "--local", "--yes", dir)
	second := median(t, 3, dir, env, f.bin, "plan", "--local", dir)
	if !strings.Contains(second.stdout, "No changes.") {
		t.Fatalf("the second plan is not empty:\n%s", second.stdout)
	}
	f.add(t, "second plan of the first article", fmt.Sprintf("%.3f s", second.wall.Seconds()), "under 0.5 s", second.wall < 500*time.Millisecond)
}

// question asks what a team may do, of a folder of an Environment, 49 Clusters
// and 950 Teams, a file each.
func (f *figures) question(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		write(t, filepath.Join(dir, name), "apiVersion: atlas-iam.dev/v1alpha1\n"+text)
	}
	put("environment.yaml", `kind: Environment
metadata: {name: ops}
spec:
  id: "k7f3c9a1"
  accounts: [{name: main, id: "492000000148", regions: [us-east-1]}]
`)
	for i := range 49 {
		put(fmt.Sprintf("cluster-%d.yaml", i), fmt.Sprintf("kind: Cluster\nmetadata: {name: c%d, labels: {stage: s%d}}\nspec: {}\n", i, i%7))
	}
	for i := range 950 {
		put(fmt.Sprintf("team-%d.yaml", i), fmt.Sprintf(`kind: Team
metadata: {name: t%[1]d}
spec:
  members: [{user: u%[1]d}, {role: r%[1]d}]
  clusters: {matchLabels: {stage: s%[2]d}}
  grants:
    - {policy: Edit, namespaces: ["*-t%[1]d"]}
    - {policy: View, namespaces: ["shared-*"]}
`, i, i%7))
	}
	asked := median(t, 5, dir, clean(t), f.bin, "can-i", "get", "pods", "--as", "team/t8", "-n", "shared-x", "--cluster", "c1", dir)
	if !strings.HasPrefix(asked.stdout, "yes\n") {
		t.Fatalf("the answer is not yes:\n%s", asked.stdout)
	}
	f.add(t, "cold can-i over 1,000 documents", fmt.Sprintf("%.3f s", asked.wall.Seconds()), "at most 0.2 s", asked.wall <= 200*time.Millisecond)
}

// calls are those of a run, as -v tells them.
type calls struct{ all, throttled int }

var callLine = regexp.MustCompile(`^atlas-iam: (?:EKS|IAM|STS) [A-Za-z]+ account=\d{12} region=\S+ status=(\d+)(?: code=(\S+))?`)

func callsIn(log string) calls {
	var c calls
	for line := range strings.Lines(log) {
		m := callLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		c.all++
		if m[1] == "429" || strings.HasPrefix(m[2], "Throttling") {
			c.throttled++
		}
	}
	return c
}
