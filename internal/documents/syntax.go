package documents

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/atlas-iam/atlas-iam/access"
)

// syntaxWords says a YAML parser's complaint as people would. The first whose
// text is in the complaint counts.
var syntaxWords = []struct{ complaint, message, hint string }{
	{"mapping values are not allowed", "a key stands where none can", "indent it as its neighbours, or quote the value before it if a colon belongs to that"},
	{"did not find expected key", "this does not fit what is around it", "indent it as its neighbours, with spaces"},
	{"did not find expected '-' indicator", "this does not fit the list it stands in", "begin it with a dash, or indent it as its neighbours"},
	{"block sequence entries are not allowed", "a list cannot begin here", "begin it on a line of its own, beneath its key"},
	{"could not find expected ':'", "a key has no colon", "write key: value; the colon needs a space after it"},
	{"did not find expected ',' or ']'", "a list that begins with [ does not end", "close it with ], and put commas between its items"},
	{"did not find expected ',' or '}'", "a mapping that begins with { does not end", "close it with }, and put commas between its keys"},
	{"found unexpected end of stream", "a quoted text does not end", "close the quotes"},
	{"found unexpected document indicator", "a quoted text does not end", "close the quotes"},
	{"unknown escape character", "a backslash means nothing here", "use single quotes if it is meant as it stands"},
	{"did not find expected hexdecimal number", "a backslash means nothing here", "use single quotes if it is meant as it stands"},
	{"exceeded max depth", "this nests too deeply", "documents are at most 32 deep"},
	{"did not find expected node content", "a value is missing here", "write it, or take the comma out"},
	{"did not find expected <document start>", "this begins outside of a document", "begin each document with three dashes, ---"},
	{"invalid leading UTF-8", "this file is not UTF-8", "save it as UTF-8"},
	{"unknown anchor", "aliases are not read", "write the value out"},
	{"did not find expected alphabetic or numeric character", "aliases and anchors are not read", "write the value out, or quote it"},
	{"found a tab character", "a tab stands where YAML wants spaces", "indent with spaces"},
}

var (
	complaintLine = regexp.MustCompile(`(?s)^yaml: (?:line (\d+): )?(.*)$`)
	quotedText    = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|'[^']*'`)
	comment       = regexp.MustCompile(`(^|\s)#.*$`)
	bareStar      = regexp.MustCompile(`(?:^|[\s\[{,])(\*[^\s,\[\]{}]*)`)
	leadingTab    = regexp.MustCompile(`^ *(\t)`)
	reserved      = regexp.MustCompile("(?:^|[\\s\\[{,])([@`%][^\\s,\\[\\]{}]*)")
)

// syntax is what a YAML parser's error means, with a place inside the file.
// The parser gives a line only, and of some errors the one before.
func syntax(name string, data []byte, err error) []Fault {
	lines := strings.Split(string(data), "\n")
	number, said := 1, err.Error()
	if m := complaintLine.FindStringSubmatch(said); m != nil {
		said = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			number = n
		}
	}
	number = min(max(number, 1), len(lines))

	if strings.Contains(said, "alphabetic or numeric") || strings.Contains(said, "unknown anchor") {
		if stars := unquoted(name, lines, bareStar, "an unquoted star begins an alias"); len(stars) > 0 {
			return stars
		}
	}
	if strings.Contains(said, "cannot start any token") {
		for n := max(1, number-1); n <= min(len(lines), number+1); n++ {
			if m := leadingTab.FindStringSubmatchIndex(lines[n-1]); m != nil {
				return []Fault{{access.Place{File: name, Line: n, Column: m[2] + 1}, "a tab indents this line", "indent with spaces"}}
			}
		}
		if found := unquoted(name, lines, reserved, "YAML keeps this sign for itself"); len(found) > 0 {
			return found
		}
	}
	at := access.Place{File: name, Line: number, Column: firstColumn(lines[number-1])}
	for _, w := range syntaxWords {
		if strings.Contains(said, w.complaint) {
			return []Fault{{at, "not YAML: " + w.message, w.hint}}
		}
	}
	return []Fault{{at, "not YAML: " + Escape(said), ""}}
}

// unquoted finds values that a pattern matches outside of quotes and comments.
func unquoted(name string, lines []string, pattern *regexp.Regexp, message string) []Fault {
	var out []Fault
	blank := func(s string) string { return strings.Repeat("_", len(s)) }
	for i, line := range lines {
		bare := comment.ReplaceAllStringFunc(quotedText.ReplaceAllStringFunc(line, blank), func(s string) string { return strings.Repeat(" ", len(s)) })
		for _, m := range pattern.FindAllStringSubmatchIndex(bare, -1) {
			at := access.Place{File: name, Line: i + 1, Column: utf8.RuneCountInString(line[:m[2]]) + 1}
			out = append(out, Fault{at, message, "quote it: " + quoted(line[m[2]:m[3]])})
		}
	}
	return out
}

// firstColumn is the column of a line's first letter that is not blank.
func firstColumn(line string) int {
	rest := strings.TrimLeft(line, " \t")
	if strings.TrimSpace(rest) == "" {
		return 1
	}
	return len(line) - len(rest) + 1
}
