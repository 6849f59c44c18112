package guard

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/internal/plan"
)

var update = flag.Bool("update", false, "write docs/guards.md anew")

const page = "../../docs/guards.md"

func TestThePageOfGuardsIsAsTheRuleBookHasIt(t *testing.T) {
	want := writePage()
	if *update {
		if err := os.WriteFile(page, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("docs/guards.md is not what the rule book says: go test ./internal/guard -run Page -update")
	}
}

func TestEveryGuardSaysWhatItIsAboutAndTheWayOut(t *testing.T) {
	seen := map[string]bool{}
	for _, g := range append(All(), Tests(nil)) {
		if g.Slug == "" || seen[g.Slug] {
			t.Errorf("slug %q is empty or doubled", g.Slug)
		}
		seen[g.Slug] = true
		if g.About == "" || g.Instead == "" || g.Check == nil {
			t.Errorf("%s lacks what it is about, the way out, or its check", g.Slug)
		}
	}
	for _, g := range plan.Structural() {
		if !g.Fixed {
			t.Errorf("%s is Compute's own and must not be overridden", g.Slug)
		}
		if seen[g.Slug] && g.Slug != plan.HalfRead {
			t.Errorf("%s is a guard's slug and Compute's own", g.Slug)
		}
	}
}

// writePage lists every slug that can stand beside a held change. half-read is
// the guard's as well as Compute's; the guard's words cover both.
func writePage() []byte {
	var b bytes.Buffer
	b.WriteString(`# What holds a change

<!-- Made from internal/guard and internal/plan: go test ./internal/guard -run Page -update -->

A held change stays in the plan with its reason and is not made; the rest goes on, and the exit code is 4.
` + "`--allow SLUG` overrides one guard, and never what another one holds." + `

## Guards that --allow overrides

`)
	guards := append(All(), Tests(nil))
	own := slices.DeleteFunc(plan.Structural(), func(g plan.Guard) bool {
		return slices.ContainsFunc(guards, func(o plan.Guard) bool { return o.Slug == g.Slug })
	})
	table(&b, guards, false)
	b.WriteString("\n## Holds that nothing overrides\n\n")
	table(&b, append(own, guards...), true)
	return b.Bytes()
}

func table(b *bytes.Buffer, guards []plan.Guard, fixed bool) {
	b.WriteString("| slug | held because | way out |\n|---|---|---|\n")
	slices.SortFunc(guards, func(a, b plan.Guard) int { return cmp.Compare(a.Slug, b.Slug) })
	for _, g := range guards {
		if g.Fixed == fixed {
			fmt.Fprintf(b, "| `%s` | %s | %s |\n", g.Slug, cell(g.About), cell(g.Instead))
		}
	}
}

// cell is a sentence for a table.
func cell(s string) string {
	s = strings.ReplaceAll(strings.ToUpper(s[:1])+s[1:], "|", `\|`)
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}
