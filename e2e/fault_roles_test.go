//go:build e2e || soak

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/internal/apply"
	"github.com/atlas-iam/atlas-iam/internal/guard"
	"github.com/atlas-iam/atlas-iam/internal/kube"
	"github.com/atlas-iam/atlas-iam/internal/kube/kubetest"
	"github.com/atlas-iam/atlas-iam/internal/observe"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// roleWorld is an embedded AWS whose one cluster has an API server of the
// test's own.
type roleWorld struct {
	*virtual
	server *kubetest.Server
}

func newRoleWorld(t *testing.T, want *access.State) *roleWorld {
	t.Helper()
	w := &roleWorld{virtual: newVirtual(t, emulator.Options{}), server: kubetest.New("default", "dev-backend", "qa-backend", "ops")}
	w.seed(want)
	clusters, err := w.virtual.server.Clusters()
	if err != nil || len(clusters) != 1 {
		t.Fatal(clusters, err)
	}
	if err := w.virtual.server.APIServerReady(clusters[0], emulator.APIServer{Endpoint: "https://127.0.0.1:1", CertificateAuthority: "UEVN"}); err != nil {
		t.Fatal(err)
	}
	w.server.Roles = []access.KubernetesRole{{Name: "edit"}, {Name: "view"}}
	w.server.Put(access.Binding{Namespace: "dev-backend", Name: "others", Role: access.RoleRef{Kind: access.ClusterRole, Name: "admin"},
		Subjects: []access.Subject{{Kind: access.UserSubject, Name: "eve"}}}, "kubectl")
	return w
}

func (w *roleWorld) dial(c kube.Cluster) (*kube.Client, error) {
	c.Transport = w.server
	return kube.Dial(c)
}

// flow is a whole run, as the command's: read, plan, try, plan, apply.
func (w *roleWorld) flow(want *access.State) (*plan.Plan, *apply.Result) {
	w.t.Helper()
	c := w.open(want.Accounts)
	o := observe.Options{Dial: w.dial, Kubernetes: plan.KubernetesNeed(want, plan.Options{})}
	have, err := observe.Read(w.t.Context(), c, want.Accounts, o)
	if err != nil {
		w.t.Fatal(err)
	}
	p := plan.Compute(want, have, plan.Options{}, guard.All()...)
	if err := observe.Try(w.t.Context(), c, have, p.Trials(), o); err != nil {
		w.t.Fatal(err)
	}
	p = plan.Compute(want, have, plan.Options{}, guard.All()...)
	res, err := apply.Run(w.t.Context(), c, p, apply.Options{Dial: w.dial, Parallel: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	return p, res
}

func (w *roleWorld) roles() map[string]string {
	out := map[string]string{}
	for k, b := range w.server.Bindings() {
		out[k] = b.Role.Name + fmt.Sprint(len(b.Subjects))
	}
	return out
}

const roleDocuments = `-- env.yaml --
apiVersion: atlas-iam.dev/v1alpha1
kind: Environment
metadata: {name: ops}
spec:
  id: "k7f3c9a1"
  accounts: [{name: main, id: "492000000148", regions: [us-east-1]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: test}
spec: {}
-- teams.yaml --
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: backend}
spec:
  members: [{user: ann}, {user: bob}]
  clusters: {all: true}
  grants: [GRANTS]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: platform}
spec:
  members: [{user: dan}]
  clusters: {all: true}
  grants: [{policy: ClusterAdmin, scope: cluster}]
`

// Each call to an API server fails in each way, in a run that reads, tries,
// makes, takes and replaces bindings.
//
// shows: item S37; item S59
func TestAfterEachFaultOfAnAPIServerTheWholeFlowConverges(t *testing.T) {
	before := desire(t, strings.Replace(roleDocuments, "GRANTS", `{clusterRole: edit, namespaces: ["*backend*", ops]}`, 1))
	after := desire(t, strings.Replace(roleDocuments, "GRANTS", `{clusterRole: edit, namespaces: ["dev-*", default]}, {clusterRole: view, scope: cluster}`, 1))
	const edit, view = "atlas-iam:ops:backend:clusterrole:edit", "atlas-iam:ops:backend:clusterrole:view"
	stands := map[string]string{"dev-backend/others": "admin1", "dev-backend/" + edit: "edit1", "qa-backend/" + edit: "edit1", "ops/" + edit: "edit1"}
	wanted := map[string]string{"dev-backend/others": "admin1", "dev-backend/" + edit: "edit1", "default/" + edit: "edit1", view: "view1"}

	begin := func(t *testing.T) *roleWorld {
		w := newRoleWorld(t, before)
		if _, res := w.flow(before); !res.OK() {
			t.Fatal(outcomes(res))
		}
		if d := cmp.Diff(stands, w.roles()); d != "" {
			t.Fatal(d)
		}
		return w
	}
	calls := 0
	synctest.Test(t, func(t *testing.T) {
		w := begin(t)
		first := len(w.server.Calls())
		if _, res := w.flow(after); !res.OK() {
			t.Fatal(outcomes(res))
		}
		calls = len(w.server.Calls()) - first
		if d := cmp.Diff(wanted, w.roles()); d != "" {
			t.Fatal(d)
		}
		if p, res := w.flow(after); len(p.Changes) != 0 || !res.OK() {
			t.Errorf("a second run has something to do: %s", changeIDs(p))
		}
	})
	if calls < 18 {
		t.Fatalf("the run makes %d calls; the test would be poor", calls)
	}
	faults := map[string]kubetest.Fault{"lost": {}, "lost after": {After: true}, "500": {Status: 500, Reason: "InternalError"}, "500 after": {Status: 500, After: true},
		"403": {Status: 403, Reason: "Forbidden", Message: "no"}, "429": {Status: 429, Reason: "TooManyRequests", RetryAfter: 1}}
	mix := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		for n := 1; n <= calls; n++ {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t)
				first, fault := len(w.server.Calls()), faults[name]
				w.server.Fault = func(c kubetest.Call) *kubetest.Fault {
					if c.Nth == first+n {
						return &fault
					}
					return nil
				}
				p, res := w.flow(after)
				what := fmt.Sprintf("%s at call %d", name, n)
				now := w.roles()
				for key := range stands { // what stays wanted is never gone, and what was not read is not deleted
					if _, stays := wanted[key]; stays && now[key] != stands[key] {
						t.Errorf("%s: %s is %q", what, key, now[key])
					}
				}
				if len(p.Gaps) > 0 {
					mix["gaps"]++
					if p.Gaps[0].What == access.GapRBAC || p.Gaps[0].What == access.GapKubernetes {
						if d := cmp.Diff(stands, now); d != "" {
							t.Errorf("%s: written though unread: %s", what, d)
						}
					}
				}
				if p.Summary().Held > 0 {
					mix["held"]++
				}
				if res.Counts.Failed+res.Counts.Unknown > 0 {
					mix["failed"]++
				}
				w.server.Fault = nil
				if _, res := w.flow(after); !res.OK() {
					t.Errorf("%s, run again: %s", what, outcomes(res))
				}
				if d := cmp.Diff(wanted, w.roles()); d != "" {
					t.Errorf("%s, run again: %s", what, d)
				}
			})
		}
	}
	t.Logf("%d calls, %d kinds of faults: %v", calls, len(faults), mix)
	for _, k := range []string{"gaps", "held", "failed"} {
		if mix[k] == 0 {
			t.Errorf("no run had %s: %v", k, mix)
		}
	}
}
