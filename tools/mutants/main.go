// Mutants measures the tests: it changes one thing in a package, runs the
// tests that should notice, and counts how many changes were noticed.
//
//	mutants -seed 1 -n 200 PACKAGE=TESTS,TESTS ...
//
// Each argument names a package folder and the packages whose tests judge it.
// A change that does not compile does not count and another is drawn. Files on
// disk are never touched: go test reads the changed file through an overlay.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"
)

// mutant is one change: bytes from..to of a file become with.
type mutant struct {
	file     string
	line     int
	from, to int
	with     string
	what     string
	tests    []string
}

func (m mutant) String() string { return fmt.Sprintf("%s:%d: %s", m.file, m.line, m.what) }

type verdict int

const (
	killed verdict = iota
	survived
	broken // did not compile
)

func main() {
	seed := flag.Uint64("seed", 1, "seed of the sample")
	n := flag.Int("n", 200, "size of the sample")
	least := flag.Int("least", 85, "percentage that must be killed")
	workers := flag.Int("workers", 2, "how many run at once")
	limit := flag.Duration("timeout", 2*time.Minute, "a test run longer than this counts as killed")
	flag.Parse()
	all, err := sites(flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	rand.New(rand.NewPCG(*seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	fmt.Printf("seed %d: %d places, a sample of %d\n", *seed, len(all), *n)
	survivors, kills := sample(all, *n, *workers, *limit)
	sort.Strings(survivors)
	for _, s := range survivors {
		fmt.Println("survived", s)
	}
	total := kills + len(survivors)
	fmt.Printf("killed %d of %d, %.1f %%\n", kills, total, 100*float64(kills)/float64(max(total, 1)))
	if total < *n || kills*100 < *least*total {
		fmt.Printf("want %d changes and %d %% of them killed\n", *n, *least)
		os.Exit(1)
	}
}

// sample judges changes in order until n of them compiled.
func sample(all []mutant, n, workers int, limit time.Duration) (survivors []string, kills int) {
	var mu sync.Mutex
	next, counted := 0, 0
	take := func() (mutant, bool) {
		mu.Lock()
		defer mu.Unlock()
		if counted >= n || next >= len(all) {
			return mutant{}, false
		}
		next++
		counted++
		return all[next-1], true
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for m, ok := take(); ok; m, ok = take() {
				v := judge(m, limit)
				mu.Lock()
				switch v {
				case killed:
					kills++
				case survived:
					survivors = append(survivors, m.String())
				case broken:
					counted--
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return survivors, kills
}

// judge runs the tests with the change in place.
func judge(m mutant, limit time.Duration) verdict {
	src, err := os.ReadFile(m.file)
	if err != nil {
		return broken
	}
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return broken
	}
	defer os.RemoveAll(dir)
	changed := filepath.Join(dir, filepath.Base(m.file))
	text := string(src[:m.from]) + m.with + string(src[m.to:])
	overlay := filepath.Join(dir, "overlay.json")
	abs, _ := filepath.Abs(m.file)
	plan, _ := json.Marshal(map[string]map[string]string{"Replace": {abs: changed}})
	if os.WriteFile(changed, []byte(text), 0o600) != nil || os.WriteFile(overlay, plan, 0o600) != nil {
		return broken
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-vet=off", "-failfast", "-overlay", overlay}, m.tests...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return survived
	case strings.Contains(out.String(), "[build failed]") || strings.Contains(out.String(), "[setup failed]"):
		return broken
	case errors.As(err, &exit), ctx.Err() != nil:
		return killed
	}
	return broken
}

// sites lists every change the packages allow.
func sites(args []string) ([]mutant, error) {
	var all []mutant
	for _, arg := range args {
		dir, tests, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, fmt.Errorf("%q: want PACKAGE=TESTS,TESTS", arg)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			return nil, fmt.Errorf("%s has no Go files (%v)", dir, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			found, err := fileSites(name)
			if err != nil {
				return nil, err
			}
			for i := range found {
				found[i].tests = strings.Split(tests, ",")
			}
			all = append(all, found...)
		}
	}
	return all, nil
}

var flips = map[token.Token]string{
	token.EQL: "!=", token.NEQ: "==", token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">",
	token.LAND: "||", token.LOR: "&&", token.ADD: "-", token.SUB: "+",
}

func fileSites(name string) ([]mutant, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(src, []byte("// Code generated ")) {
		return nil, nil
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, 0)
	if err != nil {
		return nil, err
	}
	var found []mutant
	add := func(from, to token.Pos, with, what string) {
		p := fset.Position(from)
		found = append(found, mutant{file: name, line: p.Line, from: p.Offset, to: fset.Position(to).Offset, with: with, what: what})
	}
	text := func(n ast.Node) string {
		return string(src[fset.Position(n.Pos()).Offset:fset.Position(n.End()).Offset])
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			return n.Tok != token.IMPORT && n.Tok != token.TYPE
		case *ast.BinaryExpr:
			if with, ok := flips[n.Op]; ok && !isText(n) {
				add(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), with, n.Op.String()+" becomes "+with)
			}
		case *ast.UnaryExpr:
			if n.Op == token.NOT {
				add(n.OpPos, n.OpPos+1, "", "! is dropped")
			}
		case *ast.IfStmt:
			add(n.Cond.Pos(), n.Cond.End(), "!("+text(n.Cond)+")", "the condition is turned round")
		case *ast.Ident:
			if n.Name == "true" || n.Name == "false" {
				with := map[string]string{"true": "false", "false": "true"}[n.Name]
				add(n.Pos(), n.End(), with, n.Name+" becomes "+with)
			}
		case *ast.BasicLit:
			if n.Kind == token.INT {
				add(n.Pos(), n.End(), "("+n.Value+"+1)", n.Value+" becomes one more")
			}
		case *ast.BlockStmt:
			for _, s := range n.List {
				if droppable(s) {
					add(s.Pos(), s.End(), "", "dropped: "+firstLine(text(s)))
				}
			}
		}
		return true
	})
	return found, nil
}

// isText keeps + of strings out: a word less in a message is no fault.
func isText(b *ast.BinaryExpr) bool {
	if b.Op != token.ADD {
		return false
	}
	text := false
	ast.Inspect(b, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			text = true
		}
		return !text
	})
	return text
}

func droppable(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.ExprStmt, *ast.IncDecStmt:
		return true
	case *ast.AssignStmt:
		return s.Tok != token.DEFINE
	case *ast.BranchStmt:
		return s.Tok == token.CONTINUE || s.Tok == token.BREAK
	}
	return false
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
