package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/apply"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

const planPage = "../../docs/plan.md"

// whole are the objects that the page describes in one row.
var whole = regexp.MustCompile(`^(environment|foreignTags|accounts\[\]|part|read|kubernetes\[\]|undocumented\[\]|summary|changes\[\]\.(from|to|held\[\]|source|gained\[\]|lost\[\])|access\.gained\[\]\.(cluster|scope|source|role|places\[\]|unclear\[\]|actions\[\]|resources\[\])|access\.(lost|maybeGained|maybeLost|unknown|sets|notCounted)\[\]|foreign\[\]|gaps\[\]|warnings\[\]|facts\[\])(\..*|\[\].*)?$`)

// planKeys are the rows that a plan's JSON needs on the page.
func planKeys(t *testing.T, encoded []byte) map[string]bool {
	t.Helper()
	var doc any
	if err := json.Unmarshal(encoded, &doc); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	var walk func(v any, path string)
	walk = func(v any, path string) {
		if m := whole.FindStringSubmatch(path); m != nil {
			keys[m[1]] = true
			return
		}
		switch v := v.(type) {
		case map[string]any:
			if len(v) == 0 && path != "" {
				keys[path] = true
			}
			for k, x := range v {
				walk(x, strings.TrimPrefix(path+"."+k, "."))
			}
		case []any:
			if len(v) > 0 {
				if _, scalar := v[0].(string); scalar {
					keys[path] = true
					return
				}
			}
			for _, x := range v {
				if p := path + "[]"; !strings.Contains(p, ".") || strings.HasPrefix(p, "access.") {
					keys[p] = true
				}
				walk(x, path+"[]")
			}
		default:
			keys[path] = true
		}
	}
	walk(doc, "")
	return keys
}

func TestThePageOfPlansHasEveryKeyAndNoOther(t *testing.T) {
	b, err := os.ReadFile(planPage)
	if err != nil {
		t.Fatal(err)
	}
	planPart, recordPart, ok := strings.Cut(string(b), "## The record")
	if !ok {
		t.Fatal("the page has no part on the record")
	}
	_, planPart, _ = strings.Cut(planPart, "## As JSON")

	want := map[string]bool{}
	for _, encoded := range [][]byte{everyKey(t), examplePlan(t)} {
		for k := range planKeys(t, encoded) {
			want[k] = true
		}
	}
	if diff := cmp.Diff(sorted(want), sorted(rows(planPart))); diff != "" {
		t.Errorf("keys of plans (-plans +page):\n%s", diff)
	}

	record := map[string]bool{}
	line, err := json.Marshal(apply.Write{Line: "w", Change: "c", Operation: "o", Principal: "p", Namespace: "n", Name: "n", Policy: "p", RequestID: "r", Code: "c", Message: "m", From: 1, To: 1})
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := json.Unmarshal(line, &keys); err != nil {
		t.Fatal(err)
	}
	for k := range keys {
		record[k] = true
	}
	if diff := cmp.Diff(sorted(record), sorted(rows(recordPart))); diff != "" {
		t.Errorf("keys of the record (-record +page):\n%s", diff)
	}
}

// rows are the keys in the first column of a part's tables.
func rows(part string) map[string]bool {
	keys := map[string]bool{}
	for line := range strings.SplitSeq(part, "\n") {
		first, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(first, -1) {
			keys[m[1]] = true
		}
	}
	return keys
}

func sorted(m map[string]bool) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// everyKey is a plan that has every key there is.
func everyKey(t *testing.T) []byte {
	t.Helper()
	place := access.Place{File: "f", Line: 1, Column: 1}
	key := access.ClusterKey{Account: "1", Region: "r", Name: "n"}
	grant := plan.Grant{Cluster: key, Document: "d", Principal: "p", Member: "m", Teams: []string{"t"}, Policy: "p", Role: access.RoleRef{Kind: access.ClusterRole, Name: "r"},
		Scope: access.ClusterScope(), Group: "g", Username: "u", ServiceAccount: "ns/sa", Risks: []access.Risk{access.RiskSecrets}, Source: place}
	change := plan.Change{ID: "i", Verb: plan.Update, Kind: plan.AuthenticationMode, Cluster: key, Document: "d", Principal: "p", Member: "m", Teams: []string{"t"}, Workloads: []string{"w"},
		From: plan.Mode{}, To: plan.Mode{}, DependsOn: []string{"o"}, Source: place, Gained: []plan.Grant{grant}, Lost: []plan.Grant{grant}}
	bound := plan.Change{ID: "b", Verb: plan.Create, Kind: plan.RoleBinding, Cluster: key, Namespace: "n", Name: "b", To: plan.Binding{}}
	held := change
	held.Held = []plan.Hold{{Guard: "g", Reason: "r"}}
	decided := grant
	decided.What, decided.Where, decided.Places, decided.Set, decided.Admin, decided.Implied = "w", "w", []access.Where{{Cluster: true}}, 1, true, true
	decided.Actions, decided.Resources, decided.When = []access.PatternSet{{All: []string{"a:b"}}}, []access.PatternSet{{All: []string{"*"}}}, "w"
	decided.Unclear = []plan.Unclear{{Why: "w", Settle: "s"}}
	decided.NotIn, decided.Undocumented = []string{"t"}, true
	list := []plan.Grant{decided}
	five := 5
	all := &plan.Plan{
		ForeignTags: map[string]string{"k": "v"}, Allow: []string{"g"}, MaxDeletes: &five, Read: plan.Counts{Bindings: 1}, Undocumented: []access.ClusterKey{key},
		Access: &plan.Access{Gained: list, Lost: list, MaybeGained: list, MaybeLost: list, Unknown: list, NotCounted: []plan.NotCounted{{}}, HeldBy: "g",
			Sets: []plan.Requests{{{Verbs: access.Words{Any: true}}}}},
		Owner: access.Owner{Environment: "e", ID: "i"}, Accounts: []access.HaveAccount{{}}, Changes: []plan.Change{change, held, bound}, Kubernetes: []access.ClusterKey{key},
		Foreign: []plan.Foreign{{Kind: "k", Cluster: key, Name: "n", Owner: "o", Wanted: true, Adoptable: true, Marks: []string{"m"}, Object: "o", Environment: "e"}}, Gaps: []access.Gap{{}}, Warnings: []plan.Warning{{}}, Facts: []plan.Fact{{}},
		Part: &access.Part{Only: []string{"x"}},
	}
	// A key that is left out when empty is on the page only if it is set here.
	for _, of := range []reflect.Value{reflect.ValueOf(*all), reflect.ValueOf(all.Foreign[0])} {
		for i := range of.NumField() {
			if of.Field(i).IsZero() {
				t.Errorf("%s.%s is empty in the plan of every key", of.Type(), of.Type().Field(i).Name)
			}
		}
	}
	b, err := plan.Encode(all)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// examplePlan is what -o json prints for one administrator and one reader.
func examplePlan(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	const documents = `apiVersion: atlas-iam.dev/v1alpha1
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
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: qa}
spec:
  members: [{user: yehor}]
  clusters: {all: true}
  grants: [{policy: View, namespaces: ["*qa*"]}, {group: qa-debug}]
`
	if err := os.WriteFile(filepath.Join(dir, "access.yaml"), []byte(documents), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	p, stdout, stderr := process("", false)
	p.Now = time.Now // the SDK signs by it
	if code := Main(t.Context(), []string{"plan", "--local", "-q", "-o", "json"}, p); code != OK {
		t.Fatalf("code %d: %s", code, stderr)
	}
	return bytes.Clone(stdout.Bytes())
}

func TestTheExampleOnThePageIsARealPlan(t *testing.T) {
	page, err := filepath.Abs("../../docs/plan.example.json")
	if err != nil {
		t.Fatal(err)
	}
	holdPage(t, page, string(examplePlan(t)))
}
