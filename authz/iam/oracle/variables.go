package oracle

import (
	"regexp"
	"strings"
)

// A piece of a pattern's text: plain text, or what stands in ${}.
type piece struct {
	text  string
	inner bool // text is what stands in ${}
	open  bool // the brace is not closed
}

// pieces splits a text at its ${...}.
func pieces(text string) []piece {
	var out []piece
	for {
		before, rest, found := strings.Cut(text, "${")
		out = append(out, piece{text: before})
		if !found {
			return out
		}
		inner, after, closed := strings.Cut(rest, "}")
		if !closed {
			return append(out, piece{text: rest, inner: true, open: true})
		}
		out = append(out, piece{text: inner, inner: true})
		text = after
	}
}

var variable = regexp.MustCompile(`^([^ ,'"{}$*?]+)(, '([^']*)')?$`)

// A reading is what became of a text with variables.
type reading string

const (
	readable reading = "readable"
	noValue  reading = "no value" // R5.5: it equals nothing
	faulty   reading = "faulty"   // R5.2, R5.3: what IAM makes of it is not known
)

// expand turns a text into a pattern. Plain text becomes tokens by plain, what
// stands in ${} by the rules of section 5, as literal characters (U-3).
func (w *world) expand(text string, variables bool, plain func(string) []token) ([]token, reading) {
	if !variables {
		return plain(text), readable // R1.6
	}
	var p []token
	result := readable
	for _, part := range pieces(text) {
		if !part.inner {
			p = append(p, plain(part.text)...)
			continue
		}
		value, how := w.variable(part)
		switch {
		case how == faulty:
			return nil, faulty
		case how == noValue:
			result = noValue
		}
		p = append(p, literal(value)...)
	}
	return p, result
}

// variable is the text that a ${...} stands for.
func (w *world) variable(part piece) (string, reading) {
	if part.open {
		return "", faulty
	}
	if part.text == "*" || part.text == "?" || part.text == "$" {
		return part.text, readable // R5.4
	}
	m := variable.FindStringSubmatch(part.text)
	if m == nil {
		return "", faulty // R5.2, U-29
	}
	values, multi := w.key(m[1])
	switch {
	case len(values) == 1 && !multi:
		return values[0], readable
	case len(values) > 0:
		return "", noValue // U-11
	case m[2] != "":
		return m[3], readable // R5.3
	}
	return "", noValue // R5.5
}

// resourcePattern is U-2: wildcards before the fifth colon stay within their
// part, but for a * that ends it.
func (w *world) resourcePattern(text string, variables bool) ([]token, reading) {
	colons := 0
	early := false
	plain := func(text string) []token {
		p := wildcards(text)
		for i, t := range p {
			switch {
			case t.any:
				p[i].colon = colons >= 5
			case t.run && colons < 5:
				p[i].colon = i+1 == len(p) || p[i+1].r == ':'
			case t.r == ':':
				colons++
			}
		}
		return p
	}
	if variables {
		before := ""
		for _, part := range pieces(text) {
			if part.inner && strings.Count(before, ":") < 5 {
				early = true // R5.1
			}
			before += part.text
		}
	}
	if early {
		return nil, faulty
	}
	return w.expand(text, variables, plain)
}
