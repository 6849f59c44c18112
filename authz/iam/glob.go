package iam

import (
	"strings"
	"unicode"
)

// token is one place of a pattern.
type token struct {
	kind tokenKind
	r    rune // of a literal
}

type tokenKind byte

const (
	literal      tokenKind = iota
	one                    // ? : one character
	run                    // * : any run of characters, also none
	oneInSegment           // one character that is no colon
	runInSegment           // a run without colons
)

// fold lowers the case of ASCII and Latin-1 letters (assumption U-18).
func fold(s string) string { return strings.Map(unicode.ToLower, s) }

// glob makes a pattern of s, with * and ? as wildcards.
func glob(s string) []token {
	out := make([]token, 0, len(s))
	for _, r := range s {
		switch r {
		case '*':
			out = append(out, token{kind: run})
		case '?':
			out = append(out, token{kind: one})
		default:
			out = append(out, token{literal, r})
		}
	}
	return out
}

// foldTokens is the pattern for folded text.
func foldTokens(pattern []token) []token {
	out := make([]token, len(pattern))
	for i, t := range pattern {
		if t.kind == literal {
			t.r = unicode.ToLower(t.r)
		}
		out[i] = t
	}
	return out
}

// matches reports whether the pattern covers all of s. It walks the set of
// places the pattern may stand at, so that no pattern is slow.
func matches(pattern []token, s string) bool {
	at, next := make([]bool, len(pattern)+1), make([]bool, len(pattern)+1)
	reach(pattern, at, 0)
	for _, r := range s {
		clear(next)
		advance(pattern, at, next, r)
		at, next = next, at
	}
	return at[len(pattern)]
}

// reach adds place i to the set, and those behind runs that may be empty.
func reach(pattern []token, set []bool, i int) {
	for ; !set[i]; i++ {
		set[i] = true
		if i == len(pattern) || pattern[i].kind != run && pattern[i].kind != runInSegment {
			return
		}
	}
}

// advance adds to next where the pattern may stand after one more letter.
func advance(pattern []token, at, next []bool, r rune) {
	for i, t := range pattern {
		if !at[i] {
			continue
		}
		switch {
		case t.kind == run, t.kind == runInSegment && r != ':':
			reach(pattern, next, i)
		case t.kind == one, t.kind == oneInSegment && r != ':', t.kind == literal && t.r == r:
			reach(pattern, next, i+1)
		}
	}
}

// matchAction matches SERVICE:ACTION as a whole string, regardless of case
// (assumption U-22: a wildcard may cross the colon).
func matchAction(pattern, action string) bool {
	return pattern == "*" || matches(glob(fold(pattern)), fold(action))
}

// matchResource matches a resource's ARN, or "*" for an action without
// resource. In the first five parts of a pattern a * that is not last in its
// part, and any ?, stay within the part; a * that is last may run on
// (assumption U-2). Variables stand only after the fifth colon.
func matchResource(pattern, resource string, vars *Context) truth {
	if pattern == "*" {
		return yes
	}
	tokens, ok := resourceTokens(pattern, vars)
	if ok != yes {
		return ok
	}
	return truthOf(matches(tokens, resource))
}

// resourceTokens is the pattern of a resource; its truth is expand's.
func resourceTokens(pattern string, vars *Context) ([]token, truth) {
	parts := strings.SplitN(pattern, ":", 6)
	var tokens []token
	for i, part := range parts {
		if i > 0 {
			tokens = append(tokens, token{literal, ':'})
		}
		if i == 5 {
			rest, ok := expand(part, true, vars)
			if ok != yes {
				return nil, ok
			}
			tokens = append(tokens, rest...)
			break
		}
		for j, t := range glob(part) {
			switch {
			case t.kind == one:
				t.kind = oneInSegment
			case t.kind == run && j < len([]rune(part))-1:
				t.kind = runInSegment
			}
			tokens = append(tokens, t)
		}
	}
	return tokens, yes
}

// expand makes a pattern of s and puts in the values of variables; without
// vars ${...} is text. wild says whether * and ? are wildcards. It is no if a
// variable has neither value nor default, for then the pattern equals nothing,
// and maybe if a value is unknown or the variable is malformed.
func expand(s string, wild bool, vars *Context) ([]token, truth) {
	text := func(s string) []token {
		out := glob(s)
		for i, r := range []rune(s) {
			if !wild {
				out[i] = token{literal, r}
			}
		}
		return out
	}
	if vars == nil {
		return text(s), yes
	}
	var out []token
	for {
		before, rest, found := strings.Cut(s, "${")
		out = append(out, text(before)...)
		if !found {
			return out, yes
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, maybe
		}
		s = after
		v, ok := vars.variable(name)
		if ok == maybe && vars.loose {
			out = append(out, token{kind: run})
			continue
		}
		if ok != yes {
			return nil, ok
		}
		for _, r := range v { // assumption U-3: wildcards in a value are literal
			out = append(out, token{literal, r})
		}
	}
}

// variable gives the value of the inside of ${...}.
func (c *Context) variable(name string) (string, truth) {
	if name == "*" || name == "?" || name == "$" {
		return name, yes
	}
	key, fallback, hasDefault := strings.Cut(name, ", '")
	if hasDefault {
		var quoted bool
		if fallback, quoted = strings.CutSuffix(fallback, "'"); !quoted {
			return "", maybe
		}
	}
	if key == "" || strings.ContainsAny(key, " ,") { // assumption U-29
		return "", maybe
	}
	values, known := c.get(key)
	switch {
	case !known && (hasDefault || !globalKeys[fold(key)].many):
		return "", maybe
	case len(values) == 1 && !globalKeys[fold(key)].many:
		return values[0], yes
	case len(values) > 0: // assumption U-11: a multivalued key has no value here, whatever it is
		return "", no
	case hasDefault:
		return fallback, yes
	}
	return "", no
}
