package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	maxFileLines     = 600
	maxFunctionLines = 80
)

// longer lists what may be longer, with the reason. Keys are a file, or
// file:function.
var longer = map[string]string{}

func TestFilesAndFunctionsStayShortOrSayWhy(t *testing.T) {
	used := map[string]bool{}
	for _, name := range tracked(t, "*.go") {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(filepath.Join(root(t), name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(src, []byte("// Code generated ")) {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, src, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(src, []byte("\n")); n > maxFileLines {
			used[name] = true
			if longer[name] == "" {
				t.Errorf("%s has %d lines, over %d: split it or give a reason in this test's list", name, n, maxFileLines)
			}
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if f.Name.Name == "init" && f.Recv == nil {
				t.Errorf("%s: init(): what a package needs comes in as arguments", fset.Position(f.Pos()))
			}
			key := name + ":" + f.Name.Name
			if n := fset.Position(f.End()).Line - fset.Position(f.Pos()).Line + 1; n > maxFunctionLines {
				used[key] = true
				if longer[key] == "" {
					t.Errorf("%s: %s has %d lines, over %d: split it or give a reason in this test's list", fset.Position(f.Pos()), f.Name.Name, n, maxFunctionLines)
				}
			}
		}
	}
	for key := range longer {
		if !used[key] {
			t.Errorf("%s is in the list of longer ones and is not longer: take it out", key)
		}
	}
}

// A path of one machine means nothing on the next, and credentials of
// somebody's account have no place here. The word is put together so that this
// file does not find itself.
var machinePath = regexp.MustCompile(`(^|[^A-Za-z0-9_.~/])/(` + "wor" + `k|op` + `t|roo` + `t)/[a-z]`)

func TestNoFileNamesAPlaceOfOneMachine(t *testing.T) {
	for _, name := range tracked(t) {
		src, err := os.ReadFile(filepath.Join(root(t), name))
		if err != nil || bytes.IndexByte(src, 0) >= 0 {
			continue
		}
		for i, line := range strings.Split(string(src), "\n") {
			if machinePath.MatchString(line) {
				t.Errorf("%s:%d names a path of one machine: %s", name, i+1, strings.TrimSpace(line))
			}
		}
	}
}

func root(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		t.Skipf("SKIPPED: not a git checkout: %v", err)
	}
	return strings.TrimSpace(string(out))
}

func tracked(t *testing.T, patterns ...string) []string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"}, patterns...)...)
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}
