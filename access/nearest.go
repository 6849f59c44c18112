package access

import (
	"slices"
	"strings"
	"unicode"
)

// Nearest is the candidate that a word was most likely meant to be: the same
// but for case, dashes, underscores and blanks, or a few letters away, a third
// of them, one at least but not all, and three at most; else one that begins with the word, if that has
// three letters. Of equally near ones it is the first in the alphabet.
func Nearest(word string, candidates []string) (string, bool) {
	const longest, begins = 64, 3 // letters; two begin too much
	plain := Fold(word)
	if len(word) > longest || plain == "" {
		return "", false
	}
	best, at, begun := "", min(len(plain)-1, max(1, min(3, len(plain)/3)))+1, ""
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		other := Fold(c)
		if d := editDistance(plain, other); d < at {
			best, at = c, d
		}
		if begun == "" && len(plain) >= begins && strings.HasPrefix(other, plain) {
			begun = c
		}
	}
	if best == "" {
		best = begun
	}
	return best, best != ""
}

// Fold drops what people confuse in a word: case, '-', '_' and blanks.
func Fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// editDistance counts the letters to insert, drop, change or swap with their
// neighbour to make b of a.
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, last[j]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
