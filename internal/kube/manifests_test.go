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

func TestServiceAccountsAndSecretsFollowAsDocumentsOfTheirOwn(t *testing.T) {
	labels := access.Owner{Environment: "ops", ID: "k7"}.Labels()
	text := string(ObjectManifests([]access.WrittenObject{
		{Kind: access.ServiceAccountObject, Namespace: "a", Name: "with", Labels: labels, Annotations: map[string]string{access.AnnotationRole: "arn:aws:iam::1:role/x"}},
		{Kind: access.ServiceAccountObject, Namespace: "a", Name: "without", Labels: labels},
		{Kind: access.SecretObject, Namespace: "argocd", Name: "s", Data: map[string]string{"name": "yes", "config": `{"a":"b"}`}}}))
	want := `---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: "with"
  namespace: "a"
  annotations:
    eks.amazonaws.com/role-arn: "arn:aws:iam::1:role/x"
  labels:
    app.kubernetes.io/managed-by: "atlas-iam"
    atlas-iam.dev/environment: "ops"
    atlas-iam.dev/id: "k7"
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: "without"
  namespace: "a"
  labels:
    app.kubernetes.io/managed-by: "atlas-iam"
    atlas-iam.dev/environment: "ops"
    atlas-iam.dev/id: "k7"
---
apiVersion: v1
kind: Secret
metadata:
  name: "s"
  namespace: "argocd"
stringData:
  config: "{\"a\":\"b\"}"
  name: "yes"
`
	if text != want {
		t.Errorf("%s", text)
	}
}
