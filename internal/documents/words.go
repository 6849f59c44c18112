package documents

import (
	"slices"
	"strings"
	"unicode"

	"github.com/atlas-iam/atlas-iam/access"
)

// longest is how many letters of a value a message repeats.
const longest = 120

// Escape makes text from a document safe and honest to print: what is not
// printable ASCII is spelt, so that no control sequence, no invisible and no
// look-alike letter reaches the reader unseen. Long text is cut.
func Escape(s string) string {
	end := ""
	n := 0
	for i := range s {
		if n++; n > longest {
			s, end = s[:i], "..."
			break
		}
	}
	return access.Visible(s, func(r rune) bool { return r >= ' ' && r <= '~' }) + end
}

// quoted is text from a document between quotes.
func quoted(s string) string { return `"` + Escape(s) + `"` }

// list joins words as people do: a, b or c.
func list(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	n := len(words) - 1
	return strings.Join(words[:n], ", ") + " " + last + " " + words[n]
}

// nearest finds the candidate that s was most likely meant to be: the same but
// for case, dashes and underscores, or a few letters away. Of equally near
// ones the first in order wins.
func nearest(s string, candidates []string) (string, bool) {
	if len(s) > 64 {
		return "", false
	}
	plain := fold(s)
	if plain == "" {
		return "", false
	}
	best, distance := "", max(1, min(3, len(plain)/3))+1
	for _, c := range candidates {
		if d := editDistance(plain, fold(c)); d < distance {
			best, distance = c, d
		}
	}
	return best, best != ""
}

// fold drops what people confuse: case, '-', '_' and blanks.
func fold(s string) string {
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

// didYouMean is the hint for a word that should have been one of some.
func didYouMean(s string, candidates []string) string {
	if c, ok := nearest(s, candidates); ok {
		return "did you mean " + c + "?"
	}
	sorted := slices.Sorted(slices.Values(candidates))
	return "want " + list(slices.Compact(sorted), "or")
}
