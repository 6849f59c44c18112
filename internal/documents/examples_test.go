package documents

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheExamplesLoadWithoutFaults(t *testing.T) {
	for _, c := range []struct {
		folder                            string
		clusters, teams, workloads, tests int
	}{
		{"first-article", 2, 3, 0, 3},
		{"kubernetes-roles", 2, 3, 0, 1},
		{"large", 7, 13, 0, 0},
		{"workloads", 2, 0, 6, 0},
	} {
		set, err := Load([]string{filepath.Join("..", "..", "examples", c.folder)})
		if err != nil {
			t.Errorf("%s: %v", c.folder, err)
			continue
		}
		if len(set.Clusters) != c.clusters || len(set.Teams) != c.teams || len(set.Workloads) != c.workloads || len(set.AccessTests) != c.tests || len(set.Partial) != 0 {
			t.Errorf("%s: %d clusters, %d teams, %d workloads, %d access tests, partial %v; want %d, %d, %d, %d and none", c.folder, len(set.Clusters), len(set.Teams), len(set.Workloads), len(set.AccessTests), set.Partial, c.clusters, c.teams, c.workloads, c.tests)
		}
		if want := filepath.ToSlash(filepath.Join("..", "..", "examples", c.folder)); set.Root != want {
			t.Errorf("Root = %q, want %q", set.Root, want)
		}
	}
}

// exampleFiles lists every document file of the examples.
func exampleFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*/*.yaml", "*/*/*.yaml"} {
		found, err := filepath.Glob(filepath.Join("..", "..", "examples", pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 10 {
		t.Fatalf("%d example files; the check would be empty", len(files))
	}
	return files
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
