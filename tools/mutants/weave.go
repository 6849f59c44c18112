package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
)

// edit puts open before bytes from..to of a file and close after them, or
// something else instead of them.
type edit struct {
	from, to             int
	open, close, instead string
}

// switches is what woven changes ask.
const switches = `
import ("cmp"; "os"; "strconv")
var mutantNumber = func() int { n, _ := strconv.Atoi(os.Getenv("MUTANT")); return n }()
func mutant(n int) bool { return n == mutantNumber }
func mutantOne(n int) int { if mutant(n) { return 1 }; return 0 }
func mutantLess[T cmp.Ordered](n int, a, b T) bool { if mutant(n) { return a <= b }; return a < b }
func mutantLessEq[T cmp.Ordered](n int, a, b T) bool { if mutant(n) { return a < b }; return a <= b }
func mutantMore[T cmp.Ordered](n int, a, b T) bool { if mutant(n) { return a >= b }; return a > b }
func mutantMoreEq[T cmp.Ordered](n int, a, b T) bool { if mutant(n) { return a > b }; return a >= b }
type mutantNumbers interface{ ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float64 }
func mutantAdd[T mutantNumbers](n int, a, b T) T { if mutant(n) { return a - b }; return a + b }
func mutantSub[T mutantNumbers](n int, a, b T) T { if mutant(n) { return a + b }; return a - b }
`

// trial is how tests are run.
type trial struct {
	limit time.Duration
	skip  string // tests to leave out
}

// weave compiles the test binaries with every change woven in that can be.
// Where the compiler objects, the line's changes are left to be compiled
// alone. With nothing changed the tests must pass, or nothing is learnt.
func (p *pkg) weave(dir string, t trial) error {
	for _, tests := range p.tests {
		binary := filepath.Join(dir, "test"+strconv.Itoa(len(p.binaries)))
		for {
			out, err := p.compile(dir, tests, binary)
			if err == nil {
				break
			}
			if !p.unweave(out) {
				return fmt.Errorf("%s with the changes of %s: %w\n%s", tests, p.dir, err, out)
			}
		}
		p.binaries = append(p.binaries, binary)
	}
	if out, passed := p.run(0, t); !passed {
		return fmt.Errorf("%s: its tests fail with nothing changed\n%s", p.dir, out)
	}
	return nil
}

func (p *pkg) compile(dir, tests, binary string) ([]byte, error) {
	replace := map[string]string{}
	put := func(name string, text []byte) error {
		abs, err := filepath.Abs(name)
		if err != nil {
			return err
		}
		replace[abs] = filepath.Join(dir, filepath.Base(name))
		return os.WriteFile(replace[abs], text, 0o600)
	}
	for _, f := range p.files {
		if err := put(f.name, p.woven(f)); err != nil {
			return nil, err
		}
	}
	clause := regexp.MustCompile(`(?m)^package \w+`).Find(p.files[0].text)
	if err := put(filepath.Join(p.dir, "mutant_switches.go"), append(clause, switches...)); err != nil {
		return nil, err
	}
	return goTest(dir, replace, "-c", "-gcflags=-e", "-o", binary, tests)
}

// woven is a file with the changes in it; lines keep their numbers.
func (p *pkg) woven(f *source) []byte {
	type piece struct {
		at, rank int // pieces at one place: what closes, inner first; what opens, outer first
		text     string
		skip     int
	}
	var pieces []piece
	for i, m := range p.mutants {
		if m.file != f {
			continue
		}
		for j, e := range m.woven {
			order := (i+1)*4 + j
			if e.instead != "" {
				pieces = append(pieces, piece{e.from, order, e.instead, e.to - e.from})
				continue
			}
			pieces = append(pieces, piece{e.from, order, strings.ReplaceAll(e.open, "%d", strconv.Itoa(m.id)), 0},
				piece{e.to, -order, strings.ReplaceAll(e.close, "%d", strconv.Itoa(m.id)), 0})
		}
	}
	sort.Slice(pieces, func(i, j int) bool {
		if pieces[i].at != pieces[j].at {
			return pieces[i].at < pieces[j].at
		}
		return pieces[i].rank < pieces[j].rank
	})
	var b bytes.Buffer
	done := 0
	for _, e := range pieces {
		b.Write(f.text[done:e.at])
		b.WriteString(e.text)
		done = e.at + e.skip
	}
	b.Write(f.text[done:])
	return b.Bytes()
}

var complaint = regexp.MustCompile(`(?m)^(\S+\.go):(\d+):`)

// unweave takes the changes out that the compiler complained of.
func (p *pkg) unweave(out []byte) bool {
	found := false
	for _, c := range complaint.FindAllSubmatch(out, -1) {
		line, _ := strconv.Atoi(string(c[2]))
		for _, m := range p.mutants {
			if len(m.woven) > 0 && m.line == line && filepath.Base(m.file.name) == filepath.Base(string(c[1])) {
				m.woven, found = nil, true
			}
		}
	}
	return found
}

// run runs the binaries with a change on, 0 for none, until one fails.
func (p *pkg) run(id int, t trial) (out []byte, passed bool) {
	for i, binary := range p.binaries {
		ctx, cancel := context.WithTimeout(context.Background(), t.limit)
		defer cancel()
		cmd := exec.CommandContext(ctx, binary, "-test.failfast", "-test.skip", t.skip)
		cmd.Dir = p.tests[i]
		cmd.Env = append(os.Environ(), "MUTANT="+strconv.Itoa(id))
		cmd.WaitDelay = time.Second
		if out, err := cmd.CombinedOutput(); err != nil {
			return out, false
		}
	}
	return nil, true
}

// judge runs the tests with the change in place.
func (m *mutant) judge(t trial) verdict {
	if len(m.woven) == 0 {
		return m.judgeAlone(t)
	}
	if _, passed := m.pkg.run(m.id, t); passed {
		return survived
	}
	return killed
}

// judgeAlone compiles the change by itself.
func (m *mutant) judgeAlone(t trial) verdict {
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return broken
	}
	defer os.RemoveAll(dir)
	abs, err := filepath.Abs(m.file.name)
	if err != nil {
		return broken
	}
	changed := filepath.Join(dir, filepath.Base(m.file.name))
	text := string(m.file.text[:m.from]) + m.with + string(m.file.text[m.to:])
	if os.WriteFile(changed, []byte(text), 0o600) != nil {
		return broken
	}
	args := append([]string{"-vet=off", "-failfast", "-timeout", t.limit.String(), "-skip", t.skip}, m.pkg.tests...)
	out, err := goTest(dir, map[string]string{abs: changed}, args...)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return survived
	case bytes.Contains(out, []byte("[build failed]")), bytes.Contains(out, []byte("[setup failed]")):
		return broken
	case errors.As(err, &exit):
		return killed
	}
	return broken
}

// goTest runs go test with files replaced.
func goTest(dir string, replace map[string]string, args ...string) ([]byte, error) {
	overlay := filepath.Join(dir, "overlay.json")
	plan, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(overlay, plan, 0o600); err != nil {
		return nil, err
	}
	return exec.Command("go", append([]string{"test", "-overlay", overlay}, args...)...).CombinedOutput()
}
