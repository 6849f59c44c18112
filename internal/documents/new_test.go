package documents

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// shows: item S124
func TestAWorkloadIsReadAsItWasWritten(t *testing.T) {
	const seed = 124
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	mix := map[string]int{}
	for range 300 {
		empty := ""
		w := &v1alpha1.Workload{ObjectMeta: v1alpha1.ObjectMeta{Name: pick("yace", "a-1", "x", "null-x")}}
		w.APIVersion, w.Kind = v1alpha1.APIVersion, "Workload"
		if w.Spec.Clusters.All = r.IntN(2) == 0; !w.Spec.Clusters.All {
			w.Spec.Clusters.Names = []string{"test"}
		}
		w.Spec.Credentials = pick("PodIdentity", "IRSA")
		account := v1alpha1.ServiceAccount{Namespace: pick("ops", "pr-*", "*", "on", "1e3"), Name: pick("yace", "a.b", "x*", "007")}
		if !strings.Contains(account.Namespace+account.Name, "*") {
			account.Manage = pick("", "None", "Create")
		} else {
			mix["pattern"]++
		}
		w.Spec.ServiceAccounts = []v1alpha1.ServiceAccount{account}
		role := &w.Spec.Role
		if r.IntN(3) == 0 {
			role.Existing = "arn:aws:iam::492000000148:role/p/theirs"
		} else {
			role.Name = pick("yace", "a+b=c,d.e@f", "yes", "{cluster}-x", "12")
			for range r.IntN(3) {
				role.ManagedPolicies = append(role.ManagedPolicies, fmt.Sprint("arn:aws:iam::aws:policy/A", len(role.ManagedPolicies)))
			}
			if r.IntN(2) == 0 {
				role.Tags = map[string]string{pick("team", "on", "a:b"): pick("web", "12", "yes", "", "a: b")}
				mix["tags"]++
			}
			switch r.IntN(3) {
			case 0:
				role.PermissionsBoundary = &empty
			case 1:
				b := "arn:aws:iam::492000000148:policy/b"
				role.PermissionsBoundary = &b
			}
			if r.IntN(2) == 0 {
				role.Presets = []v1alpha1.Preset{{Name: "yace"}, {Name: "external-dns", Parameters: map[string]v1alpha1.Values{"hostedZoneIds": {"Z1", "Z2"}, "recordNames": {pick("a.example.com", "true", "*.b")}}}}
				mix["presets"]++
			}
		}
		text := WorkloadText(w)
		set, err := Parse(map[string][]byte{"e.yaml": []byte("apiVersion: atlas-iam.dev/v1alpha1\nkind: Environment\nmetadata: {name: ops}\nspec: {id: \"k7f3c9a1\", accounts: [{name: main, id: \"492000000148\", regions: [us-east-1]}]}\n" +
			"---\napiVersion: atlas-iam.dev/v1alpha1\nkind: Cluster\nmetadata: {name: test}\nspec: {}\n"), "w.yaml": text})
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		if d := cmp.Diff(*w, set.Workloads[0].Value); d != "" {
			t.Fatalf("seed %d (-written +read):\n%s\n%s", seed, d, text)
		}
	}
	t.Logf("seed %d: %v", seed, mix)
	for _, kind := range []string{"pattern", "tags", "presets"} {
		if mix[kind] < 50 {
			t.Errorf("a poor mix: %v", mix)
		}
	}
}

// shows: item S125
func TestAFileThatIsNotThereIsReadAsIfItWere(t *testing.T) {
	root := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cluster := func(name string) string {
		return "apiVersion: atlas-iam.dev/v1alpha1\nkind: Cluster\nmetadata: {name: " + name + "}\nspec: {}\n"
	}
	put("env.yaml", "apiVersion: atlas-iam.dev/v1alpha1\nkind: Environment\nmetadata: {name: ops}\nspec: {id: \"k7f3c9a1\", accounts: [{name: main, id: \"492000000148\", regions: [us-east-1]}]}\n")
	put("a.yaml", cluster("a"))
	put("sub/c.yaml", cluster("c"))
	sub := filepath.Join(root, "sub")
	set, file, err := LoadWith(sub, "b.yaml", []byte(cluster("b")))
	if err != nil || file != filepath.ToSlash(filepath.Join(sub, "b.yaml")) {
		t.Fatalf("%s, %v", file, err)
	}
	var names []string
	for _, c := range set.Clusters {
		names = append(names, c.Value.Name)
	}
	if d := cmp.Diff([]string{"a", "b", "c"}, names); d != "" || len(set.Partial) > 0 {
		t.Errorf("read (-want +got):\n%s, not read %v", d, set.Partial)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("it was written")
	}
	if _, _, err := LoadWith(sub, "b.yaml", []byte(cluster("a"))); err == nil || !strings.Contains(err.Error(), "sub/b.yaml:3:18") {
		t.Errorf("a name that is taken: %v", err)
	}

	put("sub/b.yaml", cluster("b"))
	if _, _, err := LoadWith(sub, "b.yaml", nil); err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("with a file that is there: %v", err)
	}
	for name, ok := range map[string]bool{"yace": true, "a-1": true, "../x": false, "A": false, "": false, "a/b": false} {
		if file, err := WorkloadFile(name); (err == nil) != ok {
			t.Errorf("%q: %s, %v", name, file, err)
		}
	}
}
