package guard

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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

// shows: item S163
func TestEveryWarningIsOnThePage(t *testing.T) {
	var listed []string
	for _, w := range Warnings() {
		listed = append(listed, w.Slug)
	}
	if !slices.IsSorted(listed) || len(slices.Compact(slices.Clone(listed))) != len(listed) {
		t.Errorf("not sorted, or one twice: %q", listed)
	}
	given := map[string]string{plan.NoPrincipal: "the problem of a member"} // by the hold that it would be
	for _, dir := range []string{".", "../plan", "../desired"} {
		for slug, at := range warnedSlugs(t, dir) {
			given[slug] = at
		}
	}
	for slug, at := range given {
		if !slices.Contains(listed, slug) {
			t.Errorf("%s warns of %q, which Warnings does not list", at, slug)
		}
	}
	for _, slug := range listed {
		if given[slug] == "" {
			t.Errorf("nothing warns of %q", slug)
		}
	}
	if len(given) < 20 {
		t.Errorf("only %d slugs were found in the code", len(given))
	}
}

// warnedSlugs are the slugs that a room's code gives warnings and notes, with
// where it does: as Slug of a Warning or a Note, or as the word in a call of warn and its
// like. A constant counts by its value; what is computed does not.
func warnedSlugs(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatal(dir, err)
	}
	constants, out := map[string]string{}, map[string]string{}
	var parsed []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
		ast.Inspect(f, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && len(v.Names) == 1 && len(v.Values) == 1 {
				if lit, ok := v.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					constants[v.Names[0].Name], _ = strconv.Unquote(lit.Value)
				}
			}
			return true
		})
	}
	slug := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	words := func(of ast.Node) {
		ast.Inspect(of, func(n ast.Node) bool {
			word := ""
			switch n := n.(type) {
			case *ast.SelectorExpr:
				return false // a field, or another room's
			case *ast.BasicLit:
				word, _ = strconv.Unquote(n.Value)
			case *ast.Ident:
				word = constants[n.Name]
			}
			if slug.MatchString(word) {
				out[word] = files.Position(n.Pos()).String()
			}
			return true
		})
	}
	for _, f := range parsed {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if name := typeName(n.Type); strings.HasSuffix(name, "Warning") || name == "Note" {
					for _, e := range n.Elts {
						if kv, ok := e.(*ast.KeyValueExpr); ok && typeName(kv.Key) == "Slug" {
							words(kv.Value)
						}
					}
				}
			case *ast.CallExpr:
				if slices.Contains([]string{"warn", "note", "noteOnce"}, typeName(n.Fun)) {
					for _, arg := range n.Args[:min(2, len(n.Args))] {
						if lit, ok := arg.(*ast.BasicLit); ok {
							words(lit)
						}
					}
				}
			}
			return true
		})
	}
	return out
}

// typeName is the last name of an expression.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// writePage lists every slug that can stand beside a held change. half-read is
// the guard's as well as Compute's; the guard's words cover both.
func writePage() []byte {
	var b bytes.Buffer
	b.WriteString(`# What holds a change, and what is pointed out

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
	b.WriteString(`
## Warnings, which hold nothing

A warning is in the plan and keeps nothing from being made. What a guard held and ` + "`--allow SLUG`" + ` let
through is a warning too, under the guard's slug.

| slug | points out | what to do |
|---|---|---|
`)
	for _, w := range Warnings() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", w.Slug, cell(w.About), cell(w.Instead))
	}
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
