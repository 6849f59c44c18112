// Package cli is the command line: flags, prompts and exit codes round the one
// flow of documents, plan and apply. It decides nothing about access.
//
// This file holds the manners, for all commands: results go to stdout and all
// else to stderr with the tool's name before it; a mistake gets a hint that
// names the next command; no command exits by itself, it returns an error that
// carries its code.
package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/atlas-iam/atlas-iam/internal/report"
)

// Code is a process's exit code.
type Code int

// The exit codes of every command.
const (
	OK           Code = 0  // done, allowed, nothing to do
	Failed       Code = 1  // a change failed, or --fail-on found what it looks for
	Pending      Code = 2  // changes pending, asked for by --detailed-exitcode
	Undetermined Code = 3  // reserved for commands that answer questions
	Held         Code = 4  // something is held
	CouldNotAsk  Code = 5  // credentials, wrong account, network, AWS
	Usage        Code = 64 // the command line or the documents are at fault
)

// precedence is the order in which codes count when several apply.
var precedence = [...]Code{Usage, CouldNotAsk, Failed, Held, Undetermined, Pending}

// worst is the code that counts of several.
func worst(codes ...Code) Code {
	for _, p := range precedence {
		for _, c := range codes {
			if c == p {
				return c
			}
		}
	}
	return OK
}

// Failure is an error with its exit code and a hint at what to do next. An
// empty Err ends with the code and says nothing more, for commands whose
// result already said it.
type Failure struct {
	Code Code
	Err  error
	Hint string
}

func (f *Failure) Error() string {
	if f.Err == nil {
		return fmt.Sprintf("exit code %d", f.Code)
	}
	return f.Err.Error()
}

func (f *Failure) Unwrap() error { return f.Err }

// usage is a mistake on the command line or in the documents.
func usage(hint, format string, args ...any) error {
	return &Failure{Code: Usage, Err: fmt.Errorf(format, args...), Hint: hint}
}

// unasked is a question that could not be put to AWS.
func unasked(err error, hint string) error {
	return &Failure{Code: CouldNotAsk, Err: err, Hint: hint}
}

// ended is a command that said all it had to say.
func ended(c Code) error {
	if c == OK {
		return nil
	}
	return &Failure{Code: c}
}

// Process is what a command has of the world around it.
type Process struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Now            func() time.Time
	// Random gives the bytes of a new Environment's id.
	Random io.Reader
	// Terminal tells whether a stream is a person's terminal.
	Terminal func(stream any) bool
	// Interrupts gives a value for each Ctrl-C or SIGTERM.
	Interrupts <-chan os.Signal
}

// IsTerminal tells whether a stream is an open terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

const prefix = "atlas-iam: "

// say writes one line to stderr under the tool's name, escaped.
func (p *Process) say(format string, args ...any) {
	fmt.Fprintln(p.Stderr, prefix+report.Safe(fmt.Sprintf(format, args...)))
}

// end says what went wrong and gives the code.
func (p *Process) end(err error) Code {
	if err == nil {
		return OK
	}
	var f *Failure
	if !errors.As(err, &f) {
		f = &Failure{Code: CouldNotAsk, Err: err}
	}
	if f.Err == nil {
		return f.Code
	}
	for line := range strings.SplitSeq(strings.TrimRight(err.Error(), "\n"), "\n") {
		p.say("%s", line)
	}
	if f.Hint != "" {
		p.say("hint: %s", f.Hint)
	}
	return f.Code
}

// interactive reports whether a person can be asked.
func (p *Process) interactive() bool { return p.Terminal(p.Stdin) && p.Terminal(p.Stderr) }

// yes is the word that agrees to what can be done again.
const yes = "yes"

// ask puts a question on stderr and reports whether the answer is word; where
// that is yes, y will do, and any other word is to be typed whole. Where
// nobody can be asked it is a usage error and nothing may be written: consent
// is not read from pipes.
func (p *Process) ask(question, word string) error {
	if !p.interactive() {
		return usage("give --yes to go on without being asked", "nothing was changed: this asks %q, and there is no terminal to ask on", question)
	}
	choice := "Only '" + word + "' is accepted:"
	if word == yes {
		choice = "[yes/no]"
	}
	fmt.Fprintf(p.Stderr, "%s %s ", report.Safe(question), report.Safe(choice))
	answer, err := bufio.NewReader(p.Stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	answer = strings.TrimSpace(answer)
	if answer != word && !(word == yes && answer == "y") {
		return &Failure{Code: Failed, Err: errors.New("not confirmed; nothing was changed")}
	}
	return nil
}

// color reports whether stdout may be coloured.
func (p *Process) color(noColor bool) bool {
	return !noColor && p.Getenv("NO_COLOR") == "" && p.Getenv("TERM") != "dumb" && p.Terminal(p.Stdout)
}
