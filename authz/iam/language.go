package iam

import (
	"slices"
	"unicode"
)

// language is the set of texts that a pattern covers; with folded, which has a
// folded pattern, regardless of case.
type language struct {
	pattern []token
	folded  bool
}

func literals(s string) []token {
	out := make([]token, 0, len(s))
	for _, r := range s {
		out = append(out, token{literal, r})
	}
	return out
}

// examplesLimit is how many states of the product are visited.
const examplesLimit = 4000

// examples gives the shortest text other than "" for each way in which texts
// lie in the languages and outside; whole says that none is left out. It walks
// the product of the patterns' automata breadth first.
func examples(of []language) (texts []string, whole bool) {
	letters := alphabet(of)
	type node struct {
		at   [][]bool // by language: the places where its pattern may stand
		text []rune
	}
	start := node{}
	for _, l := range of {
		at := make([]bool, len(l.pattern)+1)
		reach(l.pattern, at, 0)
		start.at = append(start.at, at)
	}
	seen, found := map[string]bool{}, map[string]bool{}
	queue := []node{start}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		for _, r := range letters {
			next := node{text: append(slices.Clone(n.text), r)}
			state, signature := make([]byte, 0, 64), make([]byte, 0, len(of))
			for i, l := range of {
				at := l.step(n.at[i], r)
				next.at = append(next.at, at)
				for _, b := range at {
					state = append(state, bit(b))
				}
				signature = append(signature, bit(at[len(l.pattern)]))
			}
			if !found[string(signature)] {
				found[string(signature)] = true
				texts = append(texts, string(next.text))
			}
			if seen[string(state)] {
				continue
			}
			if seen[string(state)] = true; len(seen) > examplesLimit {
				return texts, false
			}
			queue = append(queue, next)
		}
	}
	return texts, true
}

func bit(b bool) byte {
	if b {
		return '1'
	}
	return '0'
}

// alphabet is a letter that no pattern names, and all that some pattern does.
func alphabet(of []language) []rune {
	named := map[rune]bool{}
	for _, l := range of {
		for _, t := range l.pattern {
			switch {
			case t.kind == oneInSegment || t.kind == runInSegment:
				named[':'] = true
			case t.kind == literal && l.folded:
				named[unicode.ToLower(t.r)], named[unicode.ToUpper(t.r)] = true, true
			case t.kind == literal:
				named[t.r] = true
			}
		}
	}
	var out []rune
	for r := range named {
		out = append(out, r)
	}
	slices.Sort(out)
	for r := 'x'; ; r++ {
		if r > 'z' && r < 0xc0 {
			r = 0xc0
		}
		if !named[r] && !named[unicode.ToUpper(r)] {
			return append([]rune{r}, out...)
		}
	}
}

// step is where a pattern may stand after one more letter.
func (l language) step(at []bool, r rune) []bool {
	if l.folded {
		r = unicode.ToLower(r)
	}
	next := make([]bool, len(at))
	advance(l.pattern, at, next, r)
	return next
}

func (l language) has(text string) bool { return matches(l.pattern, text) }
