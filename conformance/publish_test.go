//go:build bench

package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// table is what was measured as Markdown: by which command, on what, and the
// rows, each with its day. Rows of earlier that this run did not measure stay
// as they are; a row's own parts are always of one run.
func (f *figures) table(earlier string) string {
	kept := map[string]string{}
	for line := range strings.Lines(earlier) {
		if cells := strings.Split(line, "|"); len(cells) == 7 {
			kept[strings.TrimSpace(cells[1])] = line
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Measured by `make bench` on %s:\n\n", machine())
	b.WriteString("| figure | measured | bound | met | on |\n|---|---|---|---|---|\n")
	today := time.Now().UTC().Format("2006-01-02")
	for _, what := range figureNames() {
		i := slices.IndexFunc(f.rows, func(r figure) bool { return r.what == what })
		if i < 0 {
			b.WriteString(kept[what])
			continue
		}
		r, met := f.rows[i], "yes"
		if !r.met {
			met = "**no**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.what, r.have, r.want, met, today)
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

// publish brings the table of docs/performance.md up to what f measured.
func (f *figures) publish(t *testing.T) {
	t.Helper()
	page := filepath.Join("..", "docs", "performance.md")
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(b), figuresBegin)
	earlier, after, closed := strings.Cut(rest, figuresEnd)
	if !found || !closed {
		t.Fatalf("%s has no place for the figures between %q and %q", page, figuresBegin, figuresEnd)
	}
	if err := os.WriteFile(page, []byte(before+figuresBegin+"\n"+f.table(earlier)+"\n"+figuresEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
