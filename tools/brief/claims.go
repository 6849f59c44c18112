package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// claim is one thing that a test says it shows.
type claim struct {
	what, test string
	idle       string // why the claim is empty: what the script does not do
}

var goTest = regexp.MustCompile(`^func ((?:Test|Fuzz|Benchmark)\w+)\(`)

// readClaims reads the scripts and Go tests of the repository.
func readClaims(root string) ([]claim, error) {
	var claims []claim
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "tools") {
			return fs.SkipDir
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		script := strings.HasSuffix(name, ".txt") && strings.Contains(name, "testdata/")
		if d.IsDir() || !script && !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if script {
			claims = append(claims, ofScript(name, b)...)
			return nil
		}
		found, err := ofGo(name, b)
		claims = append(claims, found...)
		return err
	})
	return claims, err
}

func ofScript(name string, b []byte) []claim {
	var claims []claim
	for line := range strings.SplitSeq(string(b), "\n") {
		if list, ok := strings.CutPrefix(line, "# shows: "); ok {
			for _, what := range expanded(list) {
				claims = append(claims, claim{what, name, idle(what, string(b))})
			}
		}
	}
	return claims
}

// ofGo gives what is said above each test of a file.
func ofGo(name string, b []byte) ([]claim, error) {
	var claims []claim
	var waiting []string
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if list, ok := strings.CutPrefix(lines.Text(), "// shows: "); ok {
			waiting = append(waiting, expanded(list)...)
			continue
		}
		if m := goTest.FindStringSubmatch(lines.Text()); m != nil {
			for _, what := range waiting {
				claims = append(claims, claim{what: what, test: name[:strings.LastIndex(name, "/")] + " " + m[1]})
			}
			waiting = nil
		}
	}
	if len(waiting) > 0 {
		return nil, fmt.Errorf("%s: no test stands beneath the last line that says what one shows", name)
	}
	return claims, lines.Err()
}

// expanded is a list with its braces written out: "flag {plan,apply} --only;
// key Team.metadata.{labels,name}".
func expanded(list string) []string {
	var all []string
	for what := range strings.SplitSeq(list, ";") {
		all = append(all, braces(strings.TrimSpace(what))...)
	}
	return all
}

func braces(s string) []string {
	before, rest, ok := strings.Cut(s, "{")
	inside, after, closed := strings.Cut(rest, "}")
	if !ok || !closed {
		return []string{s}
	}
	var all []string
	for word := range strings.SplitSeq(inside, ",") {
		all = append(all, braces(before+strings.TrimSpace(word)+after)...)
	}
	return all
}

// short are the flags that scripts write with one letter.
var short = map[string]string{"--output": "-o", "--verbose": "-v", "--quiet": "-q", "--namespace": "-n"}

// idle says what a script would have to do to show a thing, if it does not.
func idle(what, script string) string {
	kind, rest, _ := strings.Cut(what, " ")
	commands := "" // the script without what it says of itself
	for line := range strings.SplitSeq(script, "\n") {
		if !strings.HasPrefix(line, "#") {
			commands += line + "\n"
		}
	}
	runs := func(command, flag string) bool {
		for line := range strings.SplitSeq(commands, "\n") {
			_, args, ok := strings.Cut(line+" ", "atlas-iam "+command+" ")
			if ok && (flag == "" || strings.Contains(" "+args, " "+flag+" ") || strings.Contains(" "+args, " "+flag+"=")) {
				return true
			}
		}
		return false
	}
	switch kind {
	case "command":
		if !runs(rest, "") {
			return "never runs it"
		}
	case "flag":
		command, name, _ := strings.Cut(rest, " --")
		if !runs(command, "--"+name) && (short["--"+name] == "" || !runs(command, short["--"+name])) {
			return "never gives it"
		}
	case "exit":
		if rest != "0" && !strings.Contains(commands, "exits "+rest+" ") {
			return "never asks for it"
		}
	case "key":
		if key := rest[strings.LastIndex(rest, ".")+1:]; !strings.Contains(commands, key+":") {
			return "has no document with it"
		}
	}
	return ""
}
