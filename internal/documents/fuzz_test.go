package documents

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/atlas-iam/atlas-iam/access"
)

// FuzzParse: no input panics, every fault has a place inside of its file and a
// message that is safe to print, and equal input gives equal faults.
func FuzzParse(f *testing.F) {
	for _, c := range faultCases() {
		if len(c.doc) < 2000 {
			f.Add([]byte(unmark(c.doc)))
		}
	}
	for _, name := range []string{"environment.yaml", "clusters.yaml", "teams/backend.yaml", "tests.yaml"} {
		data, err := os.ReadFile("../../examples/first-article/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := Parse(map[string][]byte{"f.yaml": data})
		if err == nil {
			return
		}
		faults, ok := err.(Faults)
		if !ok || len(faults) == 0 {
			t.Fatalf("the error is no faults: %v", err)
		}
		lines := bytes.Split(data, []byte("\n"))
		for _, fault := range faults {
			if fault.Place.File == "." {
				continue // the set has no Environment, no file is at fault
			}
			if fault.Place.Line < 1 || fault.Place.Line > len(lines) {
				t.Fatalf("%s: the file has %d lines", fault, len(lines))
			}
			line := lines[fault.Place.Line-1]
			if c := fault.Place.Column; c < 1 || c > utf8.RuneCount(line)+1 {
				t.Fatalf("%s: the line %q has %d letters", fault, line, utf8.RuneCount(line))
			}
			if s := fault.String(); strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("the message %q is not safe to print", s)
			}
		}
		if _, again := Parse(map[string][]byte{"f.yaml": data}); again == nil || again.Error() != err.Error() {
			t.Fatalf("read twice: %v, then %v", err, again)
		}
	})
}

// FuzzPattern: a pattern is taken if and only if some namespace can match it,
// and its shortest match is one.
//
// shows: item S41
func FuzzPattern(f *testing.F) {
	for _, s := range []string{"*", "*backend*", "dev-*", "-x", "a-", "a*-b", "A", "", "**", "a.b", "*-", strings.Repeat("a*", 64)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		var faults Faults
		d := &decoder{faults: &faults}
		taken := pattern != "" && d.pattern([]any{"x"}, pattern)
		if !taken && pattern != "" && len(faults) == 0 {
			t.Fatalf("%q is refused without a fault", pattern)
		}
		shortest := strings.ReplaceAll(pattern, "*", "")
		if strings.Trim(pattern, "*") == "" && pattern != "" || shortest == "" || strings.HasPrefix(shortest, "-") || strings.HasSuffix(shortest, "-") {
			shortest = strings.Trim(strings.ReplaceAll(pattern, "*", "a"), "") // a star stands for one letter at least
		}
		matches := dnsLabel.MatchString(shortest) && access.MatchPattern(pattern, shortest)
		if taken && !matches && len(shortest) <= 63 {
			t.Fatalf("%q is taken, but %q does not match it", pattern, shortest)
		}
		if !taken && matches && len(pattern) <= 255 {
			t.Fatalf("%q is refused, but %q matches it: %v", pattern, shortest, faults)
		}
	})
}
