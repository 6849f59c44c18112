package oracle

import "unicode"

// A token is one place of a pattern: a character, or a wildcard.
type token struct {
	r     rune // the character, if it is no wildcard
	any   bool // ?: any one character
	run   bool // *: any run of characters
	colon bool // the wildcard may match a colon
	fold  bool // the character in either case
}

func (t token) takes(r rune) bool {
	switch {
	case t.any || t.run:
		return r != ':' || t.colon
	case t.fold:
		return fold(t.r) == fold(r)
	}
	return t.r == r
}

// fold makes the capitals of Latin 1 small (U-18).
func fold(r rune) rune {
	if r <= 0xFF {
		return unicode.ToLower(r)
	}
	return r
}

// match is R2.1: the whole text against the whole pattern.
func match(p []token, text []rune) bool {
	switch {
	case len(p) == 0:
		return len(text) == 0
	case p[0].run && match(p[1:], text):
		return true
	case len(text) == 0 || !p[0].takes(text[0]):
		return false
	case p[0].run:
		return match(p, text[1:])
	}
	return match(p[1:], text[1:])
}

// literal is a text that matches itself alone.
func literal(text string) []token {
	var p []token
	for _, r := range text {
		p = append(p, token{r: r})
	}
	return p
}

// wildcards is a text in which * and ? are wildcards that match any character.
func wildcards(text string) []token {
	p := literal(text)
	for i, t := range p {
		switch t.r {
		case '*':
			p[i] = token{run: true, colon: true}
		case '?':
			p[i] = token{any: true, colon: true}
		}
	}
	return p
}

// ignoringCase makes every character match both cases.
func ignoringCase(p []token) []token {
	out := make([]token, len(p))
	for i, t := range p {
		t.fold = true
		out[i] = t
	}
	return out
}

// matchAction is R2.2, with U-22: the whole of service:action is one text.
func matchAction(pattern, action string) bool {
	return match(ignoringCase(wildcards(pattern)), []rune(action))
}

// sixParts are where the parts of an ARN or of its pattern end (R4.3): the
// places of the first five colons, or nil if there are fewer.
func sixParts(p []token) []int {
	var at []int
	for i, t := range p {
		if t.r == ':' && !t.any && !t.run && len(at) < 5 {
			at = append(at, i)
		}
	}
	if len(at) < 5 {
		return nil
	}
	return at
}

// arnPattern is R4.3: in the first five parts no wildcard crosses a colon. ok is
// false for what has no six parts (U-23).
func arnPattern(p []token) (_ []token, ok bool) {
	if len(p) == 1 && p[0].run { // U-23: * matches any ARN
		p = wildcards("*:*:*:*:*:*")
	}
	at := sixParts(p)
	if at == nil {
		return nil, false
	}
	out := make([]token, len(p))
	for i, t := range p {
		t.colon = t.colon && i > at[4]
		out[i] = t
	}
	return out, true
}

func isARN(value string) bool { return sixParts(literal(value)) != nil }
