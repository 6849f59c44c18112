package documents

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInitWritesAFolderThatLoadsAndNeverOverwrites(t *testing.T) {
	for _, example := range []bool{false, true} {
		repository := t.TempDir()
		if err := os.Mkdir(filepath.Join(repository, ".git"), 0o755); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(repository, "access")
		write(t, filepath.Join(dir, "clusters.yaml"), "# mine\n")
		written, err := Init(dir, example, "k7f3c9a1")
		if err != nil {
			t.Fatal(err)
		}
		if len(written) != 5 {
			t.Errorf("written %v, want five: clusters.yaml was there", written)
		}
		if got := readFile(t, filepath.Join(dir, "clusters.yaml")); string(got) != "# mine\n" {
			t.Errorf("clusters.yaml was overwritten: %q", got)
		}
		set, err := Load([]string{dir})
		if err != nil {
			t.Fatal(err)
		}
		if set.Environment.Value.Spec.ID != "k7f3c9a1" || set.Environment.Value.Name != "access" {
			t.Errorf("environment %s with id %s", set.Environment.Value.Name, set.Environment.Value.Spec.ID)
		}
		if want := map[bool]int{false: 0, true: 2}[example]; len(set.Teams) != want {
			t.Errorf("example %v: %d teams, want %d", example, len(set.Teams), want)
		}
		if want := map[bool]int{false: 0, true: 1}[example]; len(set.AccessTests) != want {
			t.Errorf("example %v: %d access tests, want %d", example, len(set.AccessTests), want)
		}
		workflow := string(readFile(t, filepath.Join(repository, ".github", "workflows", "atlas-iam.yaml")))
		_, steps, _ := strings.Cut(workflow, "steps:\n")
		if n := strings.Count(steps, "\n"); n > 12 || !strings.Contains(steps, `"access"`) {
			t.Errorf("the workflow has %d lines of steps:\n%s", n, steps)
		}
		if _, err := Init(dir, example, "k7f3c9a2"); err == nil || !strings.Contains(err.Error(), "already") {
			t.Errorf("a second Init: %v", err)
		}
		if _, err := Init(filepath.Join(dir, "deeper"), example, "k7f3c9a2"); err == nil {
			t.Error("Init beneath an Environment passes")
		}
	}
}

func TestTheStarterExampleSatisfiesTheSchemaItWrites(t *testing.T) {
	dir := t.TempDir()
	if _, err := Init(dir, true, "k7f3c9a1"); err != nil {
		t.Fatal(err)
	}
	s := compiled(t)
	for _, name := range []string{"environment.yaml", "clusters.yaml", "teams/example.yaml", "tests.yaml"} {
		data := readFile(t, filepath.Join(dir, name))
		if err := validates(s, data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		line, _, _ := strings.Cut(string(data), "\n")
		_, schema, ok := strings.Cut(line, "# yaml-language-server: $schema=")
		if !ok {
			t.Errorf("%s has no schema line: %s", name, line)
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, filepath.Dir(name), schema)); err != nil {
			t.Errorf("%s names a schema that is not there: %v", name, err)
		}
	}
}

func TestADrawnIDHasTheFormOfOne(t *testing.T) {
	for seed := range 256 {
		id, err := NewID(bytes.NewReader(bytes.Repeat([]byte{255, byte(seed), 7}, 40)))
		if seed >= 252 && err == nil {
			continue // only the sevens count
		}
		if err != nil || !environment.MatchString(id) {
			t.Errorf("seed %d: %q, %v", seed, id, err)
		}
	}
	if _, err := NewID(strings.NewReader("ab")); err == nil {
		t.Error("an id is drawn from two bytes")
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
