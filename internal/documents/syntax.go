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
	clusterWord   = regexp.MustCompile(`(?:^|[\s\[{,])([^\s,\[\]{}]+\{cluster\}[^\s,\[\]{}]*)`)
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
	switch {
	case strings.Contains(said, "expected key") || strings.Contains(said, "'-' indicator"):
		if line, column, ok := stray(lines); ok {
			at.Line, at.Column = line, column
		}
	case strings.Contains(said, "expected ',' or") || strings.Contains(said, "expected node content"):
		if b, ok := unclosed(lines); ok {
			at.Line, at.Column = b.line, b.column
			said = "did not find expected ',' or ']'"
			if b.sign == '{' {
				said = "did not find expected ',' or '}'"
			}
		} else if words := unquoted(name, lines, clusterWord, "unquoted, "+ClusterWord+" is a mapping of its own here"); len(words) > 0 {
			return words
		}
	}
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
	for i, line := range lines {
		text, done, column := bare(line), 0, 1
		for _, m := range pattern.FindAllStringSubmatchIndex(text, -1) {
			column += utf8.RuneCountInString(text[done:m[2]])
			done = m[2]
			at := access.Place{File: name, Line: i + 1, Column: column}
			out = append(out, Fault{at, message, "quote it: " + quoted(text[m[2]:m[3]])})
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

// bare is a line with its quoted texts and its comment blanked out, letter by
// letter.
func bare(line string) string {
	line = quotedText.ReplaceAllStringFunc(line, func(s string) string { return strings.Repeat("_", utf8.RuneCountInString(s)) })
	return comment.ReplaceAllStringFunc(line, func(s string) string { return strings.Repeat(" ", utf8.RuneCountInString(s)) })
}

// stray finds the first line that begins between the columns that lines
// before it have opened.
func stray(lines []string) (line, column int, ok bool) {
	open := []int{0}
	for i, whole := range lines {
		text := bare(whole)
		rest := strings.TrimLeft(text, " ")
		indent := len(text) - len(rest)
		if strings.TrimSpace(rest) == "" {
			continue
		}
		if strings.HasPrefix(rest, "---") {
			open = []int{0}
			continue
		}
		top := open[len(open)-1]
		for len(open) > 1 && open[len(open)-1] > indent {
			open = open[:len(open)-1]
		}
		if indent < top && open[len(open)-1] != indent {
			return i + 1, indent + 1, true
		}
		for {
			if open[len(open)-1] < indent {
				open = append(open, indent)
			}
			after, dash := strings.CutPrefix(rest, "- ")
			if !dash {
				break
			}
			trimmed := strings.TrimLeft(after, " ")
			indent += 2 + len(after) - len(trimmed)
			rest = trimmed
		}
	}
	return 0, 0, false
}

// bracket is an opening bracket and its place.
type bracket struct {
	line, column int
	sign         rune
}

// unclosed finds the innermost bracket that is open at the end, or that the
// wrong bracket closes.
func unclosed(lines []string) (b bracket, ok bool) {
	var open []bracket
	for i, line := range lines {
		column := 0
		for _, r := range bare(line) {
			column++
			switch r {
			case '[', '{':
				open = append(open, bracket{i + 1, column, r})
			case ']', '}':
				if len(open) == 0 {
					return bracket{}, false
				}
				if last := open[len(open)-1]; (last.sign == '[') != (r == ']') {
					return last, true
				}
				open = open[:len(open)-1]
			}
		}
	}
	if len(open) == 0 {
		return bracket{}, false
	}
	return open[len(open)-1], true
}
