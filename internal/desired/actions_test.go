package desired

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/documents"
	"github.com/atlas-iam/atlas-iam/internal/presets"
)

// No preset's action is pointed at: the table of known ones has them all.
//
// shows: item S103
func TestThePresetsActionsAreKnown(t *testing.T) {
	actions := 0
	for _, p := range presets.All() {
		for _, n := range p.Needs {
			for _, a := range n.Actions {
				actions++
				if what, _ := iam.UnknownAction(a); what != "" {
					t.Errorf("preset %s: %s: %s", p.Name, a, what)
				}
			}
		}
	}
	if actions < 150 {
		t.Errorf("only %d actions were looked at", actions)
	}
}

// Unknown actions are told though the documents have faults, each once at its
// place; what has not even an action's form is a fault, and not told twice.
//
// shows: item S97
func TestUnknownActionsAreToldBesideFaults(t *testing.T) {
	document := func(effect, action string) string {
		return fmt.Sprintf(`apiVersion: atlas-iam.dev/v1alpha1
kind: Workload
metadata: {name: reader}
spec:
  clusters: {all: true}
  serviceAccounts: [{namespace: app, name: reader}]
  credentials: PodIdentity
  disableSessionTags: true
  sessionPolicy: {statements: [{actions: ["s3:PutObjct"], resources: ["*"]}]}
  role:
    name: reader
    statements:
      - {effect: %s, actions: [%q], resources: ["*"]}
      - {actions: ["s3.Get"], resources: ["*"]}
---
apiVersion: atlas-iam.dev/v1alpha1
kind: AccessTest
metadata: {name: t}
spec:
  tests:
    - {who: workload/reader, can: ["s3:*", "s3:GetObjct"], cannot: "ecc2:RunInstances"}
`, effect, action)
	}
	told := func(doc string) (out []string) {
		set, err := documents.Parse(map[string][]byte{"a.yaml": []byte(doc)})
		if err == nil {
			t.Fatal("these documents have no fault")
		}
		for _, n := range UnknownActions(set) {
			out = append(out, n.Place.String()+" "+n.Text)
		}
		return out
	}
	rest := []string{
		"a.yaml:21:44 no action GetObjct of s3 is known: did you mean s3:GetObject?",
		"a.yaml:21:68 no service of AWS is known whose actions begin with ecc2:: did you mean ec2:RunInstances?",
	}
	first := []string{"a.yaml:9:32 no action PutObjct of s3 is known: did you mean s3:PutObject?"}
	if diff := cmp.Diff(append(append(first[:1:1], "a.yaml:13:9 no action GetObjekt of s3 is known: did you mean s3:GetObject?"), rest...), told(document("Alow", "s3:GetObjekt"))); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(append(first[:1:1], rest...), told(document("Alow", "s3:GetObject"))); diff != "" { // the twin
		t.Errorf("of a known action told (-want +got):\n%s", diff)
	}
}
