package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// process is a Process in memory. terminal says whether a person sits there.
func process(stdin string, terminal bool) (p *Process, stdout, stderr *bytes.Buffer) {
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	return &Process{
		Stdin: strings.NewReader(stdin), Stdout: stdout, Stderr: stderr,
		Getenv: func(string) string { return "" },
		Now:    func() time.Time { return time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC) },
		Random: strings.NewReader(strings.Repeat("atlas", 10)), Terminal: func(any) bool { return terminal },
	}, stdout, stderr
}

func TestTheFirstCodeOfTheOrderCounts(t *testing.T) {
	order := []Code{Usage, CouldNotAsk, Failed, Held, Undetermined, Pending, OK}
	for i, first := range order {
		for _, later := range order[i:] {
			if got := worst(later, first); got != first {
				t.Errorf("worst(%d, %d) = %d, want %d", later, first, got, first)
			}
		}
	}
}

func TestOnlyTheWordItselfIsConsent(t *testing.T) {
	for name, c := range map[string]struct {
		answer   string
		terminal bool
		want     Code
	}{
		"the word":               {"yes\n", true, OK},
		"the word with spaces":   {"  yes \n", true, OK},
		"its letter":             {"y\n", true, OK},
		"another letter":         {"n\n", true, Failed},
		"no":                     {"no\n", true, Failed},
		"capitals":               {"YES\n", true, Failed},
		"nothing":                {"\n", true, Failed},
		"the end of input":       {"", true, Failed},
		"the word from a pipe":   {"yes\n", false, Usage},
		"nobody there":           {"", false, Usage},
		"the word and some more": {"yes please\n", true, Failed},
	} {
		t.Run(name, func(t *testing.T) {
			p, _, stderr := process(c.answer, c.terminal)
			if got := p.end(p.ask("Apply these 3 changes?", "yes")); got != c.want {
				t.Errorf("code %d, want %d; stderr %s", got, c.want, stderr)
			}
			if asked := strings.Contains(stderr.String(), "[yes/no]"); asked != c.terminal {
				t.Errorf("asked %v, want %v", asked, c.terminal)
			}
		})
	}
}

// What is destroyed is typed by its whole name.
func TestANameIsTypedWhole(t *testing.T) {
	for answer, want := range map[string]Code{"ops\n": OK, "y\n": Failed, "yes\n": Failed} {
		p, _, stderr := process(answer, true)
		if got := p.end(p.ask("Delete 3 objects? Type its name.", "ops")); got != want || !strings.Contains(stderr.String(), "Only 'ops' is accepted") {
			t.Errorf("%q: code %d, want %d; %s", answer, got, want, stderr)
		}
	}
}

func TestErrorsAreOneToneWithAHint(t *testing.T) {
	p, stdout, stderr := process("", false)
	if got := p.end(usage("try x", "read %s: %w", "a\x1b[2Jb", io.ErrUnexpectedEOF)); got != Usage {
		t.Errorf("code %d", got)
	}
	want := "atlas-iam: read a\\x1b[2Jb: unexpected EOF\natlas-iam: hint: try x\n"
	if stderr.String() != want || stdout.Len() > 0 {
		t.Errorf("stderr %q, want %q; stdout %q", stderr, want, stdout)
	}
	if got := p.end(errors.New("untyped")); got != CouldNotAsk {
		t.Errorf("an untyped error is code %d, want %d", got, CouldNotAsk)
	}
}

func TestColourIsForTerminalsThatWantIt(t *testing.T) {
	for name, c := range map[string]struct {
		terminal, flag bool
		env            map[string]string
		want           bool
	}{
		"a terminal":     {terminal: true, want: true},
		"a file":         {},
		"--no-color":     {terminal: true, flag: true},
		"NO_COLOR":       {terminal: true, env: map[string]string{"NO_COLOR": "1"}},
		"TERM=dumb":      {terminal: true, env: map[string]string{"TERM": "dumb"}},
		"TERM=xterm":     {terminal: true, env: map[string]string{"TERM": "xterm"}, want: true},
		"NO_COLOR unset": {terminal: true, env: map[string]string{"NO_COLOR": ""}, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			p, _, _ := process("", c.terminal)
			p.Getenv = func(k string) string { return c.env[k] }
			if got := p.color(c.flag); got != c.want {
				t.Errorf("color = %v, want %v", got, c.want)
			}
		})
	}
}

func TestTheFirstCtrlCStopsAndTheSecondCancels(t *testing.T) {
	p, _, stderr := process("", false)
	interrupts := make(chan os.Signal)
	p.Interrupts = interrupts
	ctx, stop, done := p.interruptible(context.Background())
	select {
	case <-stop:
		t.Fatal("stopped before any Ctrl-C")
	default:
	}
	interrupts <- os.Interrupt
	<-stop
	if ctx.Err() != nil {
		t.Error("the first Ctrl-C cancelled the calls in flight")
	}
	interrupts <- os.Interrupt
	<-ctx.Done()
	done()
	if got := stderr.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "stopping after the calls in flight") {
		t.Errorf("stderr %q", got)
	}
}

func TestTheNearestWordIsTheOneMeant(t *testing.T) {
	words := []string{"text", "json", "markdown", "secrets", "cluster-admin"}
	for word, want := range map[string]string{
		"jsn": "json", "Json": "json", "mark": "markdown", "secret": "secrets", "clusteradmin": "cluster-admin",
		"yaml": "", "x": "", "": "", "entirely-else": "",
	} {
		if got := nearest(word, words); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
