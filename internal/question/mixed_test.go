package question

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
	"github.com/atlas-iam/atlas-iam/internal/desired"
	"github.com/atlas-iam/atlas-iam/internal/documents"
)

func state(t testing.TB, folder string) *access.State {
	t.Helper()
	set, err := documents.Load([]string{folder})
	if err != nil {
		t.Fatal(err)
	}
	want, err := desired.Compile(set)
	if err != nil {
		t.Fatal(err)
	}
	return want
}

// asker makes questions as people put them: of those whom the documents name
// and some strangers, of all of Kubernetes' resources and some others, in
// namespaces that the documents' patterns match and in others.
type asker struct {
	*rand.Rand
	want       *access.State
	whos       []access.Who
	namespaces []string
	words      []string
}

func newAsker(seed uint64, want *access.State, w *World) *asker {
	a := &asker{Rand: rand.New(rand.NewPCG(seed, 1)), want: want, words: append(Resources(), "pods/log", "pods/exec", "deployments.apps/scale", "certificates.cert-manager.io", "/healthz", "/metrics")}
	for _, t := range want.Teams {
		a.whos = append(a.whos, access.Who{Kind: access.WhoTeam, Name: t})
	}
	for _, n := range append(w.Directory.Named(), "user/stranger", "role/stranger", "serviceaccount/kube-system/stranger", "serviceaccount/default/default") {
		who, err := documents.ParseWho(n)
		if err != nil {
			panic(err)
		}
		a.whos = append(a.whos, who)
	}
	a.namespaces = []string{"", "default", "kube-system", "x", "ops-qa-backend"}
	for i := range want.Clusters {
		for _, b := range want.Clusters[i].Bindings {
			for _, p := range b.Scope.Namespaces {
				a.namespaces = append(a.namespaces, strings.ReplaceAll(p, "*", "a"))
			}
		}
	}
	for i := range want.Clusters {
		for _, e := range want.Clusters[i].Entries {
			for _, s := range e.Associations {
				for _, p := range s.Scope.Namespaces {
					for _, run := range []string{"", "a", "dev-x-1"} {
						a.namespaces = append(a.namespaces, strings.Trim(strings.ReplaceAll(p, "*", run), "-"))
					}
				}
			}
		}
	}
	return a
}

// strangePlaces is how many of an asker's namespaces are no document's.
const strangePlaces = 5

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func (a *asker) ask() (access.Who, Ask) {
	q := Ask{Verb: pick(a.Rand, []string{"get", "get", "list", "list", "watch", "create", "update", "patch", "delete", "impersonate", "bind", "*"}), Resource: pick(a.Rand, a.words)}
	if a.IntN(2) == 0 { // what is asked mostly
		q.Resource = pick(a.Rand, []string{"pods", "secrets", "deploy", "svc", "configmaps", "nodes", "namespaces"})
	}
	if !strings.HasPrefix(q.Resource, "/") {
		q.Namespace = pick(a.Rand, a.namespaces)
		if a.IntN(6) > 0 { // where the documents give something
			q.Namespace = pick(a.Rand, a.namespaces[strangePlaces:])
		}
		if a.IntN(8) == 0 {
			q.Name = "a"
		}
	}
	return pick(a.Rand, a.whos), q
}

// Documents answer: of 10,000 questions at most one in a hundred waits for a
// reading, and says for which.
//
// shows: item S64
func TestDocumentsAloneAnswerMixedQuestions(t *testing.T) {
	examples := []string{"first-article", "large"}
	asked, open, answers := 0, 0, map[authz.Verdict]int{}
	const each, seed = 5000, 20261122
	for _, example := range examples {
		want := state(t, filepath.Join("..", "..", "examples", example))
		w := Documents(want, nil)
		a := newAsker(seed, want, w)
		for range each {
			who, q := a.ask()
			request, err := Parse(q)
			if err != nil {
				t.Fatalf("%+v: %v", q, err)
			}
			c := pick(a.Rand, w.Clusters)
			subjects, err := w.Subjects(who, c.Facts.Cluster)
			if err != nil {
				t.Fatalf("%s: %v", who, err)
			}
			e, err := c.Explain(pick(a.Rand, subjects), request)
			if err != nil {
				t.Fatal(err)
			}
			asked++
			answers[e.Verdict]++
			if e.Verdict != authz.Undetermined {
				continue
			}
			open++
			if len(e.Unknown) == 0 || e.Unknown[0].Settle == "" {
				t.Errorf("%s, %+v on %s: undetermined, and says nothing of what would settle it", who, q, c.Facts.Name)
			}
		}
	}
	t.Logf("seed %d: %d questions: %d allowed, %d denied, %d undetermined", seed, asked, answers[authz.Allow], answers[authz.Deny], open)
	if asked != 10000 || answers[authz.Allow] < asked*15/100 || answers[authz.Deny] < asked*15/100 {
		t.Errorf("a poor mix: %v of %d", answers, asked)
	}
	if open*100 > asked {
		t.Errorf("%d of %d are undetermined", open, asked)
	}
}

// What is undetermined from documents is settled by the reading that the answer
// names: the rules of the role that a document binds.
//
// shows: item S64
func TestTheReadingThatAnAnswerNamesSettlesIt(t *testing.T) {
	want := state(t, filepath.Join("..", "..", "examples", "kubernetes-roles"))
	alone := Documents(want, nil)
	a := newAsker(7, want, alone)
	have := &access.Snapshot{}
	for _, acc := range want.Accounts {
		have.Accounts = append(have.Accounts, access.HaveAccount{Account: acc})
	}
	for i := range alone.Clusters {
		f := alone.Clusters[i].Facts
		h := access.HaveCluster{Key: f.Cluster, Mode: f.Mode, EntriesRead: true, Kubernetes: &access.HaveKubernetes{RBACRead: true, NamespacesRead: true, AuthMapRead: true, Roles: rbac.DefaultRoles(), Bindings: rbac.DefaultBindings()}}
		for _, e := range f.Entries {
			h.Entries = append(h.Entries, e.Entry)
		}
		have.Clusters = append(have.Clusters, h)
	}
	for _, h := range have.Clusters { // the roles that documents bind exist, with some rules
		k := h.Kubernetes
		for i := range want.Clusters {
			for _, b := range want.Clusters[i].Bindings {
				if want.Clusters[i].Key != h.Key {
					continue
				}
				scopes := b.Scope.Namespaces
				if b.Scope.Cluster {
					scopes = []string{""}
				}
				for _, ns := range scopes {
					ns = strings.ReplaceAll(ns, "*", "a")
					k.Bindings = append(k.Bindings, access.Binding{Namespace: ns, Name: b.Name, Role: b.Role, Subjects: []access.Subject{{Kind: access.GroupSubject, Name: b.Group}}})
					role := access.KubernetesRole{Name: b.Role.Name, Rules: []access.Rule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}}}}
					if b.Role.Kind == access.Role {
						role.Namespace = ns
					}
					known := false
					for _, r := range k.Roles {
						known = known || r.Name == role.Name && r.Namespace == role.Namespace
					}
					if !known {
						k.Roles = append(k.Roles, role)
					}
				}
			}
		}
	}
	seen := Observed(want, have)
	open := 0
	for range 3000 {
		who, q := a.ask()
		request, err := Parse(q)
		if err != nil {
			t.Fatal(err)
		}
		c := pick(a.Rand, alone.Clusters)
		subjects, err := alone.Subjects(who, c.Facts.Cluster)
		if err != nil {
			continue // a team without members
		}
		s := pick(a.Rand, subjects)
		e, err := c.Explain(s, request)
		if err != nil {
			t.Fatal(err)
		}
		if e.Verdict != authz.Undetermined {
			continue
		}
		open++
		d, ok := seen.Cluster(c.Facts.Cluster)
		if !ok {
			t.Fatal("the cluster was read and is not there")
		}
		if after, err := d.Explain(s, request); err != nil || after.Verdict == authz.Undetermined {
			t.Errorf("%s, %+v on %s: %+v still, after the reading: %+v %v", who, q, c.Facts.Name, e.Unknown, after.Unknown, err)
		}
	}
	if t.Logf("seed 7: %d of 3000 were undetermined", open); open == 0 {
		t.Error("nothing was undetermined; the check would be empty")
	}
}

// fleet writes 1,000 documents: an environment, 49 clusters, 950 teams.
func fleet(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("apiVersion: atlas-iam.dev/v1alpha1\nkind: Environment\nmetadata: {name: ops}\nspec:\n  id: \"k7f3c9a1\"\n  accounts: [{name: main, id: \"492000000148\", regions: [us-east-1]}]\n")
	for i := range 49 {
		fmt.Fprintf(&b, "---\napiVersion: atlas-iam.dev/v1alpha1\nkind: Cluster\nmetadata: {name: c%d, labels: {stage: s%d}}\nspec: {}\n", i, i%7)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("environment.yaml", b.String())
	for i := range 950 {
		write(fmt.Sprintf("team-%d.yaml", i), fmt.Sprintf(`apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: t%d}
spec:
  members: [{user: u%d}, {role: r%d}]
  clusters: {matchLabels: {stage: s%d}}
  grants:
    - {policy: Edit, namespaces: ["*-t%d"]}
    - {policy: View, namespaces: ["shared-*"]}
`, i, i, i, i%7, i))
	}
	return dir
}

// BenchmarkAColdCanI is a whole can-i over 1,000 documents without the
// process's start: reading, compiling, deciding on every cluster, explaining.
func BenchmarkAColdCanI(b *testing.B) {
	dir := fleet(b)
	for b.Loop() {
		who := access.Who{Kind: access.WhoTeam, Name: "t1"}
		w, err := DocumentsFor(who, state(b, dir), nil)
		if err != nil {
			b.Fatal(err)
		}
		asked, err := Parse(Ask{Verb: "create", Resource: "pods", Namespace: "shop-t1"})
		if err != nil {
			b.Fatal(err)
		}
		if a, err := w.Can(who, asked); err != nil || a.Verdict != authz.Deny {
			b.Fatal(a, err)
		}
	}
	b.ReportMetric(200, "ms-bound")
}
