package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file is written whole: over what is there, or over nothing.
func TestFilesAreWrittenWhole(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "b.yaml")
	holds := func(want string) {
		t.Helper()
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("the file holds %q, %v", got, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			t.Errorf("left beside it: %v, %v", left, err)
		}
	}
	if err := createFile(file, []byte("first"), 0o644); err != nil {
		t.Fatal(err)
	}
	holds("first")
	if err := createFile(file, []byte("other"), 0o644); err == nil || !strings.Contains(err.Error(), "write "+file+": the file is there already") {
		t.Errorf("over a file: %v", err)
	}
	holds("first")
	if err := writeFile(file, []byte("second"), 0o600); err != nil {
		t.Fatal(err)
	}
	holds("second")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode: %v, %v", info, err)
	}
	none := filepath.Join(dir, "none", "x.yaml")
	for name, write := range map[string]func() error{
		"create": func() error { return createFile(none, nil, 0o644) },
		"write":  func() error { return writeFile(none, nil, 0o644) },
	} {
		if err := write(); err == nil || err.Error() != "write "+none+": no such file or directory" {
			t.Errorf("%s in a folder that is not there: %v", name, err)
		}
	}
}
