package question

import (
	"slices"
	"strings"
)

// Nearest is the word of few that was probably meant, or none.
func Nearest(word string, words []string) string {
	best, at := "", 1+max(min(2, len(word)/2), len(word)/3)
	for _, w := range slices.Sorted(slices.Values(words)) {
		if d := distance(word, w); d < at || (len(word) > 2 && strings.HasPrefix(w, word) && best == "") {
			best, at = w, min(d, at)
		}
	}
	return best
}

// distance is how many letters must be put in, taken out or changed.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
