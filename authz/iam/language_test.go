package iam

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// defines is the meaning of a pattern by its definition: each wildcard is tried
// at every length.
func (l language) defines(pattern []token, text []rune) bool {
	if len(pattern) == 0 {
		return len(text) == 0
	}
	switch t := pattern[0]; t.kind {
	case run, runInSegment:
		for n := 0; n <= len(text); n++ {
			if n > 0 && t.kind == runInSegment && text[n-1] == ':' {
				return false
			}
			if l.defines(pattern[1:], text[n:]) {
				return true
			}
		}
		return false
	case one, oneInSegment:
		return len(text) > 0 && (t.kind == one || text[0] != ':') && l.defines(pattern[1:], text[1:])
	default:
		same := len(text) > 0 && (text[0] == t.r || l.folded && lowerASCII(text[0]) == t.r)
		return same && l.defines(pattern[1:], text[1:])
	}
}

func lowerASCII(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

// Among the examples there is one for each way in which texts lie in the
// languages, and no way has a shorter text.
//
// shows: item S77
func TestExamplesShowEachWayToLieInPatterns(t *testing.T) {
	const seed, n, longest = 24, 250, 4
	r := rand.New(rand.NewPCG(seed, 0))
	const letters = "aAbx:q" // q stands for the letters that no pattern names
	var texts [][]rune
	for length, last := 1, [][]rune{nil}; length <= longest; length++ {
		var next [][]rune
		for _, text := range last {
			for _, l := range letters {
				next = append(next, append(text[:len(text):len(text)], l))
			}
		}
		texts, last = append(texts, next...), next
	}
	mix := map[string]int{}
	for range n {
		var of []language
		for range 1 + r.IntN(2) {
			l := language{folded: r.IntN(3) == 0}
			for range r.IntN(4) {
				p := []token{{literal, 'a'}, {literal, 'b'}, {literal, ':'}, {literal, 'A'}, {literal, 'x'}, {kind: one}, {kind: run}, {kind: oneInSegment}, {kind: runInSegment}}[r.IntN(9)]
				l.pattern = append(l.pattern, p)
				mix[fmt.Sprint("kind ", p.kind)]++
			}
			if l.folded {
				l.pattern = foldTokens(l.pattern)
				mix["folded"]++
			}
			of = append(of, l)
		}
		ways := func(text []rune) (s string) {
			for _, l := range of {
				s += string(bit(l.defines(l.pattern, text)))
			}
			return s
		}
		found, whole := examples(of)
		if !whole {
			t.Fatalf("seed %d: %v is given up", seed, of)
		}
		shortest := map[string]int{}
		for _, text := range found {
			if way := ways([]rune(text)); text != "" && shortest[way] == 0 {
				shortest[way] = len([]rune(text))
			} else {
				t.Fatalf("seed %d: %q of %v is empty, or as another of %q", seed, text, of, found)
			}
		}
		for _, text := range texts {
			if least := shortest[ways(text)]; least == 0 || least > len(text) {
				t.Fatalf("seed %d: nothing as %q of %v, or nothing as short, in %q", seed, string(text), of, found)
			}
		}
		mix[fmt.Sprint(len(found), " ways")]++
	}
	t.Logf("seed %d, %d cases, mix %v", seed, n, mix)
	for _, what := range []string{"kind 0", "kind 1", "kind 2", "kind 3", "kind 4", "folded", "1 ways", "2 ways", "3 ways", "4 ways"} {
		if mix[what] < n/50 {
			t.Errorf("only %d of %d cases are %s", mix[what], n, what)
		}
	}
}

// Beyond a number of states it says that something may be left out.
//
// shows: item S77
func TestExamplesSayWhenTheyAreNotAll(t *testing.T) {
	var of []language
	for i := range 14 { // each a letter somewhere: a state for every set of letters
		of = append(of, language{[]token{{kind: run}, {literal, rune('a' + i)}, {kind: run}}, false})
	}
	if _, whole := examples(of[:8]); !whole {
		t.Error("eight patterns are given up")
	}
	texts, whole := examples(of)
	if whole || len(texts) < 1000 {
		t.Errorf("fourteen patterns: %d examples, whole %v", len(texts), whole)
	}
}
