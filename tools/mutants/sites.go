package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// mutant is one change: bytes from..to of a file become with. woven says the
// same as edits that ask at run time whether the change is on.
type mutant struct {
	pkg      *pkg
	file     *source
	line     int
	from, to int
	with     string
	what     string
	woven    []edit // empty: compiled alone
	id       int    // from 1
}

func (m *mutant) String() string { return fmt.Sprintf("%s:%d: %s", m.file.name, m.line, m.what) }

// source is a file of a package, as it is.
type source struct {
	name string
	text []byte
}

// pkg is a package with the changes it allows and the tests that judge it.
type pkg struct {
	dir      string
	tests    []string
	files    []*source
	mutants  []*mutant
	binaries []string // one for each of tests, with the changes woven in
}

func packageOf(arg string) string {
	dir, _, _ := strings.Cut(arg, "=")
	return dir
}

// readPackage reads PACKAGE=TESTS,TESTS and lists every change of it.
func readPackage(arg string) (*pkg, error) {
	dir, tests, ok := strings.Cut(arg, "=")
	if !ok {
		return nil, fmt.Errorf("%q: want PACKAGE=TESTS,TESTS", arg)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("%s has no Go files (%v)", dir, err)
	}
	p := &pkg{dir: dir, tests: strings.Split(tests, ",")}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(text, []byte("// Code generated ")) {
			continue
		}
		f := &source{name: name, text: text}
		p.files = append(p.files, f)
		if err := p.find(f); err != nil {
			return nil, err
		}
	}
	for i, m := range p.mutants {
		m.id = i + 1
	}
	return p, nil
}

var flips = map[token.Token]string{
	token.EQL: "!=", token.NEQ: "==", token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">",
	token.LAND: "||", token.LOR: "&&", token.ADD: "-", token.SUB: "+",
}

// finder lists a file's changes, outer before inner.
type finder struct {
	pkg  *pkg
	file *source
	fset *token.FileSet
	skip map[ast.Node]bool
}

func (p *pkg) find(f *source) error {
	s := &finder{pkg: p, file: f, fset: token.NewFileSet(), skip: map[ast.Node]bool{}}
	file, err := parser.ParseFile(s.fset, f.name, f.text, 0)
	if err != nil {
		return err
	}
	ast.Inspect(file, s.visit)
	return nil
}

func (s *finder) at(p token.Pos) int { return s.fset.Position(p).Offset }

func (s *finder) text(n ast.Node) string { return string(s.file.text[s.at(n.Pos()):s.at(n.End())]) }

// add notes a change and how it is woven.
func (s *finder) add(from, to token.Pos, with, what string, woven ...edit) {
	s.pkg.mutants = append(s.pkg.mutants, &mutant{pkg: s.pkg, file: s.file, line: s.fset.Position(from).Line,
		from: s.at(from), to: s.at(to), with: with, what: what, woven: woven})
}

// around wraps a node: open and close may hold %d, the change's number.
func (s *finder) around(n ast.Node, open, close string) edit {
	return edit{from: s.at(n.Pos()), to: s.at(n.End()), open: open, close: close}
}

func (s *finder) visit(n ast.Node) bool {
	if s.skip[n] {
		return false
	}
	switch n := n.(type) {
	case *ast.GenDecl:
		return n.Tok != token.IMPORT && n.Tok != token.TYPE
	case *ast.CallExpr:
		if hint := capacity(n); hint != nil {
			s.skip[hint] = true
		}
	case *ast.BinaryExpr:
		s.binary(n)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			s.add(n.OpPos, n.OpPos+1, "", "! is dropped", s.around(n, "((", ") != mutant(%d))"))
		}
	case *ast.IfStmt:
		if !negatable(n.Cond) {
			s.add(n.Cond.Pos(), n.Cond.End(), "!("+s.text(n.Cond)+")", "the condition is turned round",
				s.around(n.Cond, "((", ") != mutant(%d))"))
		}
	case *ast.Ident:
		if n.Name == "true" || n.Name == "false" {
			with := map[string]string{"true": "false", "false": "true"}[n.Name]
			s.add(n.Pos(), n.End(), with, n.Name+" becomes "+with, s.around(n, "(", " != mutant(%d))"))
		}
	case *ast.BasicLit:
		if n.Kind == token.INT {
			s.add(n.Pos(), n.End(), "("+n.Value+"+1)", n.Value+" becomes one more", s.around(n, "(", " + mutantOne(%d))"))
		}
	case *ast.BlockStmt:
		s.statements(n.List)
	case *ast.CaseClause:
		s.statements(n.Body)
	case *ast.CommClause:
		s.statements(n.Body)
	}
	return true
}

func (s *finder) binary(n *ast.BinaryExpr) {
	with, ok := flips[n.Op]
	if !ok || isText(n) {
		return
	}
	var woven []edit
	switch n.Op {
	case token.EQL, token.NEQ:
		woven = []edit{s.around(n, "((", ") != mutant(%d))")}
	case token.LAND, token.LOR: // a || b is !(!a && !b), and the other way about
		woven = []edit{s.around(n, "((", ") != mutant(%d))"), s.around(n.X, "(", ") != mutant(%d)"), s.around(n.Y, "(", ") != mutant(%d)")}
	case token.ADD, token.SUB:
		woven = s.call(n, map[token.Token]string{token.ADD: "mutantAdd", token.SUB: "mutantSub"}[n.Op])
	default:
		woven = s.call(n, map[token.Token]string{token.LSS: "mutantLess", token.LEQ: "mutantLessEq", token.GTR: "mutantMore", token.GEQ: "mutantMoreEq"}[n.Op])
	}
	s.add(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), with, n.Op.String()+" becomes "+with, woven...)
}

// call makes a OP b a call of name with a and b.
func (s *finder) call(n *ast.BinaryExpr, name string) []edit {
	op := s.at(n.OpPos)
	return []edit{s.around(n, name+"(%d, ", ")"), {from: op, to: op + len(n.Op.String()), instead: ","}}
}

func (s *finder) statements(list []ast.Stmt) {
	for _, st := range list {
		if !droppable(st) {
			continue
		}
		what, _, _ := strings.Cut(s.text(st), "\n")
		var woven []edit
		if !strings.HasPrefix(what, "panic(") { // it may end its function
			woven = []edit{s.around(st, "if !mutant(%d) { ", " }")}
		}
		s.add(st.Pos(), st.End(), "", "dropped: "+what, woven...)
	}
}

// negatable tells conditions that a change of their own turns round already.
func negatable(cond ast.Expr) bool {
	switch c := cond.(type) {
	case *ast.BinaryExpr:
		return c.Op == token.EQL || c.Op == token.NEQ
	case *ast.UnaryExpr:
		return c.Op == token.NOT
	}
	return false
}

// capacity is the argument of make that only reserves room: nothing can be
// seen to depend on it, so no change of it is judged.
func capacity(call *ast.CallExpr) ast.Expr {
	if f, ok := call.Fun.(*ast.Ident); !ok || f.Name != "make" {
		return nil
	}
	if _, isMap := call.Args[0].(*ast.MapType); isMap && len(call.Args) == 2 {
		return call.Args[1]
	}
	if len(call.Args) == 3 {
		return call.Args[2]
	}
	return nil
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
