package documents

import "testing"

func TestADocumentKnowsThePlacesOfItsValues(t *testing.T) {
	set, err := Parse(map[string][]byte{"a.yaml": []byte(`apiVersion: atlas-iam.dev/v1alpha1
kind: Environment
metadata: {name: ops}
spec:
  id: "k7f3c9a1"
  accounts:
    - {name: main, id: "012345678901", regions: [us-east-1]}
`)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path []any
		want string
	}{
		{nil, "a.yaml:1:1"},
		{[]any{"spec", "id"}, "a.yaml:5:7"},
		{[]any{"spec", "accounts", 0, "regions", 0}, "a.yaml:7:50"},
		{[]any{"spec", "accounts", 7, "regions"}, "a.yaml:7:5"},
	} {
		if got := set.Environment.At(c.path...).String(); got != c.want {
			t.Errorf("At(%v) = %s, want %s", c.path, got, c.want)
		}
	}
}
