//go:build bench

package conformance

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The fleet of docs/performance.md: 20 clusters x 50 people, 1,000 entries and
// 1,900 associations in one account.
const (
	fleetClusters = 20
	fleetAccount  = "492000000148"
	fleetRegion   = "us-east-1"
)

var fleetTeams = []struct {
	name   string
	people int
	grants []string // policy and its namespaces; none: the whole cluster
}{
	{"devops", 5, []string{"ClusterAdmin"}},
	{"backend", 25, []string{"Edit *backend* *session-notes*", "View *ops*"}},
	{"qa", 20, []string{"Edit *qa*", "View *backend*"}},
}

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

func user(team string, i int) string { return fmt.Sprintf("%s-%02d", team, i) }

// documents writes the fleet as atlas-iam's documents.
func documents(t *testing.T, dir string, clusters int) {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: atlas-iam.dev/v1alpha1\nkind: Environment\nmetadata: {name: fleet}\nspec:\n  id: \"f1ee7a00\"\n  accounts:\n    - {name: main, id: %q, regions: [%s]}\n", fleetAccount, fleetRegion)
	for c := range clusters {
		fmt.Fprintf(&b, "---\napiVersion: atlas-iam.dev/v1alpha1\nkind: Cluster\nmetadata: {name: fleet-%02d}\nspec: {}\n", c)
	}
	for _, team := range fleetTeams {
		fmt.Fprintf(&b, "---\napiVersion: atlas-iam.dev/v1alpha1\nkind: Team\nmetadata: {name: %s}\nspec:\n  members:\n", team.name)
		for i := range team.people {
			fmt.Fprintf(&b, "    - {user: %s}\n", user(team.name, i))
		}
		fmt.Fprintf(&b, "  clusters: {all: true}\n  grants:\n")
		for _, g := range team.grants {
			policy, namespaces, _ := strings.Cut(g, " ")
			if namespaces == "" {
				fmt.Fprintf(&b, "    - {policy: %s, scope: cluster}\n", policy)
				continue
			}
			fmt.Fprintf(&b, "    - {policy: %s, namespaces: [\"%s\"]}\n", policy, strings.Join(strings.Fields(namespaces), `", "`))
		}
	}
	write(t, filepath.Join(dir, "fleet.yaml"), b.String())
}

// resources writes the same fleet as Terraform's resources.
func (tf *terraform) resources() {
	var b strings.Builder
	fmt.Fprintf(&b, "locals {\n  clusters = [for i in range(%d) : format(\"fleet-%%02d\", i)]\n  people = merge(\n", fleetClusters)
	for _, team := range fleetTeams {
		fmt.Fprintf(&b, "    { for i in range(%d) : format(\"%s-%%02d\", i) => [", team.people, team.name)
		for _, g := range team.grants {
			policy, namespaces, _ := strings.Cut(g, " ")
			fmt.Fprintf(&b, "{ policy = \"AmazonEKS%sPolicy\", namespaces = [", policy)
			for _, n := range strings.Fields(namespaces) {
				fmt.Fprintf(&b, "%q, ", n)
			}
			b.WriteString("] }, ")
		}
		b.WriteString("] },\n")
	}
	b.WriteString(`  )
  entries = { for pair in setproduct(local.clusters, keys(local.people)) : "${pair[0]}/${pair[1]}" => { cluster = pair[0], user = pair[1] } }
  associations = merge([for key, e in local.entries : { for g in local.people[e.user] : "${key}/${g.policy}" => merge(e, g) }]...)
}
resource "aws_eks_access_entry" "person" {
  for_each      = local.entries
  cluster_name  = each.value.cluster
  principal_arn = "arn:aws:iam::` + fleetAccount + `:user/${each.value.user}"
}
resource "aws_eks_access_policy_association" "person" {
  for_each      = local.associations
  cluster_name  = each.value.cluster
  principal_arn = aws_eks_access_entry.person["${each.value.cluster}/${each.value.user}"].principal_arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/${each.value.policy}"
  access_scope {
    type       = length(each.value.namespaces) == 0 ? "cluster" : "namespace"
    namespaces = length(each.value.namespaces) == 0 ? null : each.value.namespaces
  }
}
`)
	tf.write("fleet.tf", b.String())
}

// bound is one figure with what it must meet.
type bound struct {
	what, have, want string
	met              bool
}

func TestFigures(t *testing.T) {
	var rows []bound
	add := func(what, have, want string, met bool) {
		rows = append(rows, bound{what, have, want, met})
		t.Logf("%-60s %-40s want %-20s met: %v", what, have, want, met)
	}
	bin := atlas(t)

	// atlas-iam, 20 ms a call.
	docs := t.TempDir()
	documents(t, docs, fleetClusters)
	endpoint := lab(t, "--latency", "20ms")
	env := clean(t, list(credentials(t, endpoint, fleetAccount))...)
	run(t, docs, env, 0, bin, "lab", "seed", "--endpoint", endpoint, docs)
	apply := measure(t, docs, env, 0, bin, "apply", "--yes", docs)
	plan := measure(t, docs, env, 0, bin, "plan", docs)
	if !strings.Contains(plan.stdout, "No changes.") {
		t.Fatalf("the second plan has changes:\n%s", plan.stdout)
	}
	logged := measure(t, docs, env, 0, bin, "plan", "-v", docs)
	calls, _ := countCalls(logged.stderr)
	// One page of clusters, of users, of roles; a description and a page of
	// entries per cluster; two calls an entry; who we are.
	ideal := 1 + 1 + 1 + 2*fleetClusters + 2*1000 + 1
	add("calls of an empty plan", fmt.Sprintf("%d", calls), fmt.Sprintf("at most %d", ideal*105/100), calls > 0 && calls <= ideal*105/100)
	add("memory of apply", fmt.Sprintf("%d MB", apply.rss>>20), "at most 150 MB", apply.rss <= 150<<20)
	add("memory of plan", fmt.Sprintf("%d MB", plan.rss>>20), "at most 150 MB", plan.rss <= 150<<20)

	// Terraform on a lab of its own, the same run.
	second := lab(t, "--latency", "20ms")
	tf := newTerraform(t, second, fleetAccount)
	run(t, docs, clean(t, list(credentials(t, second, fleetAccount))...), 0, bin, "lab", "seed", "--endpoint", second, docs)
	tf.resources()
	tf.run(0, "init")
	tfApply := measure(t, tf.dir, tf.env, 0, tf.path, "apply", "-auto-approve", "-no-color")
	tfPlan := measure(t, tf.dir, tf.env, 0, tf.path, "plan", "-detailed-exitcode", "-no-color")
	ratio := func(a, b measured) float64 { return a.wall.Seconds() / b.wall.Seconds() }
	add("apply: Terraform over atlas-iam", fmt.Sprintf("%s over %s: %.0f times", tfApply, apply, ratio(tfApply, apply)), "at least 50 times", ratio(tfApply, apply) >= 50)
	add("empty plan: Terraform over atlas-iam", fmt.Sprintf("%s over %s: %.0f times", tfPlan, plan, ratio(tfPlan, plan)), "at least 20 times", ratio(tfPlan, plan) >= 20)

	throttled(t, bin, add)
	builds(t, bin, add)

	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.what, r.have, r.want, map[bool]string{true: "yes", false: "**no**"}[r.met])
		if !r.met {
			t.Errorf("%s: %s, want %s", r.what, r.have, r.want)
		}
	}
	fmt.Println("| figure | measured | bound | met |\n|---|---|---|---|\n" + b.String())
}

var callLine = regexp.MustCompile(`(?m)^.*\b(eks|EKS|iam|IAM|sts|STS)\b.*\b(status )?([2345]\d\d)\b.*$`)

// countCalls counts the lines that -v prints for calls, and those throttled.
func countCalls(log string) (calls, throttled int) {
	for _, line := range callLine.FindAllString(log, -1) {
		calls++
		if strings.Contains(line, "429") || strings.Contains(line, "Throttling") {
			throttled++
		}
	}
	return calls, throttled
}

// throttled reads ten clusters from a server that allows 50 calls a second and
// does not tell.
func throttled(t *testing.T, bin string, add func(what, have, want string, met bool)) {
	const rate, clusters = 50, 20
	docs := t.TempDir()
	documents(t, docs, clusters)
	file := filepath.Join(t.TempDir(), "lab.db")
	endpoint := lab(t, "--lab", file)
	env := clean(t, list(credentials(t, endpoint, fleetAccount))...)
	run(t, docs, env, 0, bin, "lab", "seed", "--endpoint", endpoint, docs)
	run(t, docs, env, 0, bin, "apply", "--yes", docs)
	stop(t, endpoint)
	slow := lab(t, "--lab", file, "--rate", fmt.Sprint(rate))
	env = clean(t, list(credentials(t, slow, fleetAccount))...)
	m := measure(t, docs, env, 0, bin, "plan", "-v", docs)
	calls, lost := countCalls(m.stderr)
	// The server's burst is two seconds' worth.
	ideal := time.Duration(float64(calls-lost-2*rate)/rate*1000) * time.Millisecond
	add("50 calls/s, not told: time of a plan over the ideal", fmt.Sprintf("%.1f s over %.1f s (%d calls)", m.wall.Seconds(), ideal.Seconds(), calls), "at most 1.2 times", m.wall.Seconds() <= 1.2*ideal.Seconds())
	add("50 calls/s, not told: throttled", fmt.Sprintf("%d of %d, %.1f %%", lost, calls, 100*float64(lost)/float64(calls)), "under 5 %", calls > 0 && lost*20 < calls)
}

// builds measures the cold build and the second plan of the first article.
func builds(t *testing.T, bin string, add func(what, have, want string, met bool)) {
	cold := measure(t, "..", append(os.Environ(), "GOCACHE="+t.TempDir(), "GOMAXPROCS=2", "GOFLAGS=-p=2"), 0, "go", "build", "-o", filepath.Join(t.TempDir(), "atlas-iam"), "./cmd/atlas-iam")
	add("cold go build ./cmd/atlas-iam, two cores", fmt.Sprintf("%.1f s", cold.wall.Seconds()), "under 75 s", cold.wall < 75*time.Second)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../examples/first-article")); err != nil {
		t.Fatal(err)
	}
	run(t, dir, clean(t), 0, bin, "apply", "--local", "--yes", dir)
	second := measure(t, dir, clean(t), 0, bin, "plan", "--local", dir)
	add("second plan of the first article", fmt.Sprintf("%.3f s", second.wall.Seconds()), "under 0.5 s", second.wall < 500*time.Millisecond)
}
