//go:build e2e

package e2e

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/internal/apply"
	"github.com/atlas-iam/atlas-iam/internal/guard"
	"github.com/atlas-iam/atlas-iam/internal/kube"
	"github.com/atlas-iam/atlas-iam/internal/kube/kubetest"
	"github.com/atlas-iam/atlas-iam/internal/observe"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// killDocuments are two clusters, of which prod is registered with the Argo CD
// on test, and a workload of each kind.
const killDocuments = `-- env.yaml --
apiVersion: atlas-iam.dev/v1alpha1
kind: Environment
metadata: {name: ops}
spec:
  id: "k7f3c9a1"
  accounts: [{name: main, id: "492000000148", regions: [us-east-1]}]
  roles: {path: /atlas-iam/ops/}
-- clusters.yaml --
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: test}
spec: {}
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: prod}
spec: {argocd: {hub: test, namespace: argocd}}
-- platform.yaml --
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: platform}
spec:
  members: [{role: admin}]
  clusters: {all: true}
  grants: [{policy: ClusterAdmin, scope: cluster}]
-- argocd.yaml --
apiVersion: atlas-iam.dev/v1alpha1
kind: Workload
metadata: {name: argocd}
spec:
  clusters: {names: [test]}
  serviceAccounts: [{namespace: argocd, name: server, manage: Annotate}]
  credentials: IRSA
  role: {name: argocd}
  grants: [{policy: Edit, scope: cluster, clusters: {names: [prod]}}]
-- yace.yaml --
apiVersion: atlas-iam.dev/v1alpha1
kind: Workload
metadata: {name: yace}
spec:
  clusters: {all: true}
  serviceAccounts: [{namespace: ops, name: yace, manage: Create}]
  credentials: PodIdentity
  role: {name: yace, statements: [{actions: ["cloudwatch:ListMetrics"], resources: ["*"]}], managedPolicies: ["arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"]}
-- loki.yaml --
apiVersion: atlas-iam.dev/v1alpha1
kind: Workload
metadata: {name: loki}
spec:
  clusters: {all: true}
  serviceAccounts: [{namespace: ops, name: loki, manage: Create}]
  credentials: IRSA
  role: {name: loki, statements: [{actions: ["s3:GetObject"], resources: ["arn:aws:s3:::logs/*"]}]}
`

// workStage is an embedded AWS and an API server for each of its clusters.
type workStage struct {
	*virtual
	servers map[string]*kubetest.Server // by cluster
	dial    kube.Dialer                 // nil: they are served on loopback
}

// newWorkStage makes what documents name. With served its API servers can be
// reached from other processes; else from this one, in virtual time as well.
func newWorkStage(t *testing.T, seed *access.State, served bool) *workStage {
	t.Helper()
	w := &workStage{virtual: newVirtual(t, emulator.Options{}), servers: map[string]*kubetest.Server{}}
	if !served {
		w.dial = func(c kube.Cluster) (*kube.Client, error) {
			c.Transport = w.servers[c.Name]
			return kube.Dial(c)
		}
	}
	w.seed(seed)
	clusters, err := w.server.Clusters()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range clusters {
		s := kubetest.New("default", "ops", "argocd")
		s.PutAccount("argocd", "server", "helm", map[string]string{"app.kubernetes.io/managed-by": "Helm"}, map[string]string{"note": "x"})
		w.servers[c.Name] = s
		endpoint, ca := "https://127.0.0.1:1", "PEM"
		if served {
			endpoint, ca = s.Start(t.Cleanup)
		}
		if err := w.server.APIServerReady(c, emulator.APIServer{Endpoint: endpoint, CertificateAuthority: base64.StdEncoding.EncodeToString([]byte(ca))}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// flow is a whole run, as the command's: read, plan, try, plan, apply.
func (w *workStage) flow(want *access.State) (*plan.Plan, *apply.Result) {
	w.t.Helper()
	c, few := w.open(want.Accounts), 20
	o := plan.Options{MaxDeletes: &few}
	have, err := observe.Read(w.t.Context(), c, want.Accounts, observe.Options{Dial: w.dial, Kubernetes: plan.KubernetesNeed(want, o), Workloads: plan.WorkloadsNeed(want, o)})
	if err != nil {
		w.t.Fatal(err)
	}
	p := plan.Compute(want, have, o, guard.All()...)
	if err := observe.Try(w.t.Context(), c, have, p.Trials(), observe.Options{Dial: w.dial}); err != nil {
		w.t.Fatal(err)
	}
	p = plan.Compute(want, have, o, guard.All()...)
	res, err := apply.Run(w.t.Context(), c, p, apply.Options{Dial: w.dial})
	if err != nil {
		w.t.Fatal(err)
	}
	return p, res
}

// ofThisLab are the parts of a text that each lab draws anew.
var ofThisLab = regexp.MustCompile(`/id/[0-9A-F]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|https://127\.0\.0\.1:\d+|"caData":"[^"]*"|/a-[0-9a-z]+|\b(uid|version) \S+`)

func plain(s string) string { return ofThisLab.ReplaceAllString(s, "*") }

// made are the writes that took effect in AWS, sorted.
func (w *workStage) made() []string {
	var out []string
	for _, c := range w.server.Journal() {
		out = append(out, plain(c.Operation+" "+c.Resource))
	}
	slices.Sort(out)
	return out
}

// stands is what the API servers hold of the run's, and how often each server
// was written.
func (w *workStage) stands() []string {
	var out []string
	for _, cluster := range slices.Sorted(maps.Keys(w.servers)) {
		writes := 0
		for kind, all := range map[string]map[string]kubetest.Account{"serviceaccount": w.servers[cluster].Accounts(), "secret": w.servers[cluster].Secrets()} {
			for name, a := range all {
				out = append(out, plain(fmt.Sprintf("%s %s %s %v %v %v", cluster, kind, name, a.Labels, a.Annotations, a.Data)))
				writes = max(writes, a.Version)
			}
		}
		out = append(out, fmt.Sprintf("%s was written %d times", cluster, writes))
	}
	slices.Sort(out)
	return out
}

// workScene is an edit of documents.
type workScene struct {
	before, after string
	writes        int // that it takes at least
}

// workScenes make workloads, change them, and take them.
func workScenes() map[string]workScene {
	edited := strings.NewReplacer(`"cloudwatch:ListMetrics"`, `"cloudwatch:GetMetricData"`, "name: loki, manage", "name: loki-two, manage",
		"argocd: {hub: test, namespace: argocd}", `argocd: {hub: test, namespace: argocd, roleARN: "arn:aws:iam::492000000148:role/admin"}`)
	var taken []string
	for _, f := range strings.SplitAfter(killDocuments, "\n-- ") {
		if !strings.HasPrefix(f, "loki") && !strings.HasPrefix(f, "argocd.yaml") && !strings.HasPrefix(f, "yace") {
			taken = append(taken, f)
		}
	}
	without := strings.ReplaceAll(strings.TrimSuffix(strings.Join(taken, ""), "\n-- ")+"\n", "spec: {argocd: {hub: test, namespace: argocd}}", "spec: {}")
	return map[string]workScene{
		"made":    {without, killDocuments, 20},
		"changed": {killDocuments, edited.Replace(killDocuments), 5},
		"taken":   {killDocuments, without, 12},
	}
}

// A real process is killed at each write of an apply that makes workloads, of
// one that changes them and of one that takes them, to AWS and to API servers,
// before the write took effect and after. The next run does the rest, and
// nothing twice.
//
// shows: item S132
func TestAnApplyOfWorkloadsKilledAtAnyWriteIsFinishedByTheNextRun(t *testing.T) {
	exe := program(t)
	for name, scene := range workScenes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := &killing{exe: exe, folder: t.TempDir(), before: desire(t, scene.before), after: desire(t, scene.after)}
			for _, f := range txtar.Parse([]byte(scene.after)).Files {
				if err := os.WriteFile(filepath.Join(k.folder, f.Name), f.Data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			writes := k.at(t, 0, false)
			if writes < scene.writes {
				t.Fatalf("only %d writes", writes)
			}
			parts := 0
			for n := 1; n <= writes; n++ {
				for _, effect := range []bool{false, true} {
					t.Run(fmt.Sprintf("write %d, effect %v", n, effect), func(t *testing.T) {
						k.at(t, n, effect)
						if !t.Failed() && k.part {
							parts++
						}
					})
				}
			}
			t.Logf("killed at each of %d writes, before and after its effect; %d left a part", writes, parts)
			if parts < writes {
				t.Errorf("too few kills left a part: %d", parts)
			}
		})
	}
}

// killing kills an apply of one scene.
type killing struct {
	exe, folder   string
	before, after *access.State
	made, stands  []string // of a run that is not killed
	part          bool     // the last kill left a part of the work
}

// at runs the apply and kills it at write n, 0 for never; the answer is how many
// writes came.
func (k *killing) at(t *testing.T, n int, effect bool) int {
	t.Helper()
	w := newWorkStage(t, k.after, true)
	if _, res := w.flow(k.before); !res.OK() {
		t.Fatalf("the run before: %s", outcomes(res))
	}
	endpoint, quiet := w.listen(t)
	x := newVictim(t, w.virtual, k.exe, k.folder, endpoint, workHome, n)
	w.onCall(func(c *call.Call) *emulator.Fault {
		if (workWrite(c) || isWrite(c)) && x.dies() {
			return &emulator.Fault{Kind: emulator.FaultCut, After: effect}
		}
		return nil
	})
	for _, s := range w.servers {
		s.Fault = func(c kubetest.Call) *kubetest.Fault {
			if c.Write() && c.Method != http.MethodGet && x.dies() {
				return &kubetest.Fault{After: effect}
			}
			return nil
		}
	}
	writes := x.run(t, quiet)
	w.onCall(nil)
	k.part = !slices.Equal(w.made(), k.made) || !slices.Equal(w.stands(), k.stands)
	if _, res := w.flow(k.after); !res.OK() {
		t.Errorf("the next run: %s", outcomes(res))
	}
	if p, _ := w.flow(k.after); len(p.Changes) > 0 {
		t.Errorf("the plan after it is not empty: %s", changeIDs(p))
	}
	if k.made == nil {
		k.made, k.stands = w.made(), w.stands()
		return writes
	}
	if d := cmp.Diff(k.made, w.made()); d != "" {
		t.Errorf("both runs' writes are not those of one (-one +both):\n%s", d)
	}
	if d := cmp.Diff(k.stands, w.stands()); d != "" {
		t.Errorf("the API servers (-one +both):\n%s", d)
	}
	return writes
}

// Each call to an API server fails in each way, in a run that makes workloads,
// in one that changes them and in one that takes them: what was not read is not
// taken, and the next run converges and doubles nothing.
//
// shows: item S130; item S132
func TestWorkloadsConvergeAfterEachFaultOfAnAPIServer(t *testing.T) {
	faults := map[string]kubetest.Fault{"lost after": {After: true}, "500 after": {Status: 500, After: true}, "403": {Status: 403, Reason: "Forbidden", Message: "no"}}
	for name, scene := range workScenes() {
		before, after := desire(t, scene.before), desire(t, scene.after)
		var made, stands []string
		calls, mix := 0, map[string]int{}
		run := func(t *testing.T, n int, fault *kubetest.Fault) {
			w := newWorkStage(t, after, false)
			if _, res := w.flow(before); !res.OK() {
				t.Fatal(outcomes(res))
			}
			var mu sync.Mutex
			seen := 0
			for _, s := range w.servers {
				s.Fault = func(kubetest.Call) *kubetest.Fault {
					mu.Lock()
					defer mu.Unlock()
					if seen++; seen == n {
						return fault
					}
					return nil
				}
			}
			p, res := w.flow(after)
			if calls == 0 {
				calls = seen
			}
			if len(p.Gaps) > 0 {
				mix["gaps"]++
			}
			if p.Summary().Held > 0 {
				mix["held"]++
			}
			if res.Counts.Failed+res.Counts.Unknown > 0 {
				mix["failed"]++
			}
			for _, s := range w.servers {
				s.Fault = nil
			}
			if _, res := w.flow(after); !res.OK() {
				t.Errorf("%s, run again: %s", name, outcomes(res))
			}
			if p, _ := w.flow(after); len(p.Changes) > 0 {
				t.Errorf("%s: the plan after it is not empty: %s", name, changeIDs(p))
			}
			if made == nil {
				made, stands = w.made(), w.stands()
			}
			if d := cmp.Diff(made, w.made()); d != "" {
				t.Errorf("%s at call %d: writes (-one +both):\n%s", name, n, d)
			}
			left := slices.ContainsFunc(p.Gaps, func(g access.Gap) bool {
				return g.What == access.GapArgoSecrets || g.What == access.GapServiceAccounts
			}) || slices.ContainsFunc(res.Outcomes, func(o apply.Outcome) bool {
				return o.Change.Kind == plan.ArgoCDSecret && o.Status != apply.Done
			})
			if left && name == "taken" {
				// The entry and the roles by which they are found go all the same: access is
				// taken though the API server does not answer, and the gap, or what is held or
				// failed, says what is left.
				mix["left"]++
			} else if d := cmp.Diff(stands, w.stands()); d != "" {
				t.Errorf("%s at call %d: the API servers (-one +both):\n%s", name, n, d)
			}
		}
		synctest.Test(t, func(t *testing.T) { run(t, 0, nil) })
		if calls < 10 {
			t.Fatalf("%s: the run makes %d calls; the test would be poor", name, calls)
		}
		for kind, fault := range faults {
			for n := 1; n <= calls; n++ {
				synctest.Test(t, func(t *testing.T) { run(t, n, &fault) })
				if t.Failed() {
					t.Fatalf("%s: %s at call %d", name, kind, n)
				}
			}
		}
		t.Logf("%s: %d calls, %d kinds of faults: %v", name, calls, len(faults), mix)
		for _, k := range []string{"gaps", "held"} {
			if mix[k] == 0 {
				t.Errorf("%s: no fault led to %s", name, k)
			}
		}
	}
}
