package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A program that can run a template can call any method by its name, so the
// linker keeps them all: every operation of every AWS client, a third of the
// program. Package cobra has templates, but it runs none unless it is given one.
func TestTheProgramRunsNoTemplate(t *testing.T) {
	packages := list(t, "list", "-deps", "-json=ImportPath,Imports,Dir", module+"/cmd/atlas-iam")
	gives := regexp.MustCompile(`\.Set(Usage|Help|Version)Template\(`)
	ours := 0
	for _, p := range packages {
		if !strings.HasPrefix(p.ImportPath, module+"/") {
			continue
		}
		ours++
		for _, banned := range []string{"text/template", "html/template"} {
			if slices.Contains(p.Imports, banned) {
				t.Errorf("%s imports %s", p.ImportPath, banned)
			}
		}
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if call := gives.Find(b); call != nil {
				t.Errorf("%s gives cobra a template: %s", file, call)
			}
		}
	}
	if ours < 10 {
		t.Fatalf("the program has %d packages of ours; the check would be empty", ours)
	}
}
