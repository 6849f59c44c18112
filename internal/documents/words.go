package documents

import (
	"slices"
	"strings"

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

// didYouMean is the hint for a word that should have been one of some.
func didYouMean(s string, candidates []string) string {
	if c, ok := access.Nearest(s, candidates); ok {
		return "did you mean " + c + "?"
	}
	sorted := slices.Sorted(slices.Values(candidates))
	return "want " + list(slices.Compact(sorted), "or")
}
