package documents

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// What has only the Go types, as a custom resource has, reads a test as we do,
// in each way to write it; and what it writes is read as the same.
func TestATestIsReadAlikeByTheTypesAlone(t *testing.T) {
	read := 0
	for _, c := range accessTestCases() {
		twin := legal(c.doc, c.good)
		set, err := Parse(withEnvironment(twin))
		if err != nil {
			t.Fatal(err)
		}
		var plain any
		if err := yaml.Unmarshal([]byte(twin), &plain); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(plain)
		if err != nil {
			t.Fatal(err)
		}
		var got, again v1alpha1.AccessTest
		if err := json.Unmarshal(b, &got); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want := set.AccessTests[0].Value
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-ours +types):\n%s", c.name, diff)
		}
		if b, err = json.Marshal(got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &again); err != nil || !reflect.DeepEqual(got, again) {
			t.Errorf("%s: written and read again: %+v, %v", c.name, again, err)
		}
		read++
	}
	if read < 40 {
		t.Errorf("only %d tests were read", read)
	}
	if _, err := json.Marshal(v1alpha1.Subject{Name: "user/a", Principal: v1alpha1.Principal{User: "a"}}); err == nil {
		t.Error("a subject is written twice")
	}
}

// So it is with workloads: presets and their parameters are written in more
// than one way.
func TestAWorkloadIsReadAlikeByTheTypesAlone(t *testing.T) {
	read := 0
	for _, c := range workloadCases() {
		twin := legal(c.doc, c.good)
		set, err := Parse(withEnvironment(twin))
		if err != nil {
			t.Fatal(err)
		}
		if len(set.Workloads) != 1 {
			continue // about a Cluster
		}
		var plain any
		if err := yaml.Unmarshal([]byte(twin), &plain); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(plain)
		if err != nil {
			t.Fatal(err)
		}
		var got, again v1alpha1.Workload
		if err := json.Unmarshal(b, &got); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(set.Workloads[0].Value, got); diff != "" {
			t.Errorf("%s (-ours +types):\n%s", c.name, diff)
		}
		if b, err = json.Marshal(got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &again); err != nil || !reflect.DeepEqual(got, again) {
			t.Errorf("%s: written and read again: %+v, %v", c.name, again, err)
		}
		read++
	}
	if read < 100 {
		t.Errorf("only %d workloads were read", read)
	}
}

// Two subjects of which nothing could be read are two faults, not one subject
// twice.
func TestSubjectsThatAreFaultyAreNotCompared(t *testing.T) {
	_, err := Parse(withEnvironment(testWith("{who: [{team: a}, {team: b}], can: [get pods]}")))
	faults, _ := err.(Faults)
	if len(faults) != 2 {
		t.Errorf("faults %v, want two", err)
	}
}
