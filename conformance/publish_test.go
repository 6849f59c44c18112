//go:build bench

package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// table is the run as Markdown: when, on what, by which command, and its rows.
func (f *figures) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured %s on %s, by `make bench`:\n\n", time.Now().UTC().Format("2006-01-02"), machine())
	b.WriteString("| figure | measured | bound | met |\n|---|---|---|---|\n")
	for _, r := range f.rows {
		met := "yes"
		if !r.met {
			met = "**no**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.what, r.have, r.want, met)
	}
	return b.String()
}

var (
	totalMemory = regexp.MustCompile(`(?m)^MemTotal:\s+(\d+) kB$`)
	modelName   = regexp.MustCompile(`(?m)^model name\s*:\s*(.+)$`)
)

// machine says what the run had: cores, memory, system, Go.
func machine() string {
	said := fmt.Sprintf("%d cores", runtime.NumCPU())
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if m := modelName.FindSubmatch(b); m != nil {
			said += fmt.Sprintf(" (%s)", m[1])
		}
	}
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		if m := totalMemory.FindSubmatch(b); m != nil {
			kB, _ := strconv.Atoi(string(m[1]))
			said += fmt.Sprintf(", %.0f GB", float64(kB)/(1<<20))
		}
	}
	return said + ", " + runtime.GOOS + "/" + runtime.GOARCH + ", " + runtime.Version()
}

// The lines of docs/performance.md between which the last run stands.
const (
	figuresBegin = "<!-- figures: written by ATLAS_UPDATE=1 make bench -->\n"
	figuresEnd   = "<!-- end of figures -->\n"
)

// publish puts a table where docs/performance.md has its last one.
func publish(t *testing.T, table string) {
	t.Helper()
	page := filepath.Join("..", "docs", "performance.md")
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(b), figuresBegin)
	_, after, closed := strings.Cut(rest, figuresEnd)
	if !found || !closed {
		t.Fatalf("%s has no place for the figures between %q and %q", page, figuresBegin, figuresEnd)
	}
	if err := os.WriteFile(page, []byte(before+figuresBegin+"\n"+table+"\n"+figuresEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
