package lab

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/emulator"
)

// The note beside a lab's file is a file like others: it may lead to this
// machine only, and nobody is led on from there.
func TestANoteLeadsNowhereElse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lab.db")
	if err := leaveNote(file, "http://192.0.2.1:4566"); err != nil {
		t.Fatal(err)
	}
	if _, err := join(t.Context(), file); err == nil || !strings.Contains(err.Error(), "not on this machine") {
		t.Errorf("a note of another machine: %v", err)
	}
	server, err := emulator.Open(emulator.Options{Hosts: []string{Host}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	here := httptest.NewServer(server)
	defer here.Close()
	if err := leaveNote(file, here.URL); err != nil {
		t.Fatal(err)
	}
	l, err := join(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()

	on := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, here.URL+r.URL.Path, 307) }))
	defer on.Close()
	if _, err := Dial(t.Context(), on.URL); err == nil || !strings.Contains(err.Error(), "307") {
		t.Errorf("a lab that redirects: %v", err)
	}
	if l, err = Dial(t.Context(), here.URL); err != nil {
		t.Fatal(err)
	}
	l.Close()
}
