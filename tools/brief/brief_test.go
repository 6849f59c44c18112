package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestClaimsAreExpanded(t *testing.T) {
	got := expanded("flag {plan,apply} --only; key {Team,Cluster}.metadata.{name,labels}; exit 4")
	want := []string{"flag plan --only", "flag apply --only", "key Team.metadata.name", "key Team.metadata.labels",
		"key Cluster.metadata.name", "key Cluster.metadata.labels", "exit 4"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestAScriptThatClaimsWhatItDoesNotRunIsFound(t *testing.T) {
	const script = `# shows: everything
# atlas-iam apply --yes
exits 4 atlas-iam plan --local -o json x
exec atlas-iam lab serve --lab=f
-- a.yaml --
spec: {policy: Edit}
`
	for what, shows := range map[string]bool{
		"command plan": true, "command apply": false, "flag plan --local": true, "flag plan --output": true, "flag plan --out": false,
		"flag lab serve --lab": true, "flag apply --yes": false, "exit 4": true, "exit 5": false, "exit 0": true,
		"key Team.spec.grants.policy": true, "key Team.spec.grants.scope": false,
	} {
		if got := idle(what, script) == ""; got != shows {
			t.Errorf("%s: shown %v, want %v", what, got, shows)
		}
	}
}

func TestEmptyAndWrongCellsAreMarked(t *testing.T) {
	cells := []cell{{name: "exit 0"}, {name: "exit 4", about: "held"}}
	for _, c := range []struct {
		claims []claim
		ok     bool
		says   string
	}{
		{[]claim{{what: "exit 0", test: "a"}, {what: "exit 4", test: "b"}}, true, "exit 4  b   (held)"},
		{[]claim{{what: "exit 0", test: "a"}}, false, "exit 4  EMPTY"},
		{[]claim{{what: "exit 0", test: "a"}, {what: "exit 4", test: "b"}, {what: "exit 9", test: "c"}}, false, `WRONG: c shows "exit 9"`},
		{[]claim{{what: "exit 0", test: "a"}, {what: "exit 4", test: "b", idle: "never asks for it"}}, false, "WRONG: b claims"},
	} {
		var out bytes.Buffer
		if got := write(&out, cells, c.claims); got != c.ok || !strings.Contains(out.String(), c.says) {
			t.Errorf("ok %v, want %v with %q:\n%s", got, c.ok, c.says, &out)
		}
	}
}

func TestPromisesOfAllPagesAreReadAndNoneStandsTwice(t *testing.T) {
	root := t.TempDir()
	page := func(name, text string) {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page("1.md", "# One\n\n- **S1** first\n- no promise\n")
	page("2.md", "- **S2** second\n")
	got, err := readItems(root, ".")
	if err != nil || !reflect.DeepEqual(got, []cell{{"item S1", "first"}, {"item S2", "second"}}) {
		t.Errorf("read %v, %v", got, err)
	}
	page("3.md", "- **S1** again\n")
	if _, err := readItems(root, "."); err == nil || !strings.Contains(err.Error(), "item S1 stands twice, in 1.md and 3.md") {
		t.Errorf("error %v", err)
	}
}

func TestKeysAreFoundInEachWayToWriteThem(t *testing.T) {
	definitions := map[string]form{"Deep": {Properties: map[string]form{"key": {}}}}
	ref := form{Ref: "#/definitions/Deep"}
	for name, f := range map[string]form{
		"by reference": ref, "in a list": {Items: &ref}, "with words": {AllOf: []form{ref}},
		"as one of its ways": {AnyOf: []form{{}, ref}}, "in a list as one of its ways": {AnyOf: []form{{}, {Items: &form{AnyOf: []form{{}, ref}}}}},
	} {
		if _, ok := structure(f, definitions).Properties["key"]; !ok {
			t.Errorf("%s: the key is not found", name)
		}
	}
	if got := structure(form{AnyOf: []form{{}, {}}}, definitions); len(got.Properties) != 0 {
		t.Errorf("keys of text: %v", got)
	}
}
