package kube

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/atlas-iam/atlas-iam/access"
)

// What is written to a file is what would be sent to the API server.
//
// shows: item S61
func TestManifestsSayWhatWouldBeApplied(t *testing.T) {
	odd := team("dev", `a:"b"`, "edit")
	odd.Subjects = append(odd.Subjects, access.Subject{Kind: access.ServiceAccountSubject, Namespace: "ci", Name: "yes"})
	all := []access.Binding{team("", "x", "view"), odd, team("dev", "null", "true")}
	file := string(Manifests([]string{"two\nlines", "b"}, all))
	head, rest, _ := strings.Cut(file, "---\n")
	if head != "# two lines\n# b\n" {
		t.Errorf("%q", head)
	}
	docs := strings.Split(rest, "---\n")
	if len(docs) != len(all) {
		t.Fatalf("%d documents:\n%s", len(docs), file)
	}
	for i, doc := range docs {
		var got, want any
		if err := yaml.Unmarshal([]byte(doc), &got); err != nil {
			t.Fatal(err, doc)
		}
		if err := json.Unmarshal(Manifest(&all[i]), &want); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("-applied +written\n%s", d)
		}
	}
}
