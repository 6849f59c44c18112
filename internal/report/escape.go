package report

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/atlas-iam/atlas-iam/access"
)

// Safe is s with everything made visible that a terminal or a reader's eye
// could be tricked by: control characters (ESC, carriage return, line breaks),
// marks that turn the direction of text, characters of no width, spaces that
// are not spaces, bytes that are not UTF-8. Letters, digits, signs and emoji
// of any script are left as they are.
//
// It is the only place where text from AWS and from documents is made fit to
// be shown; all of this package's output goes through it.
func Safe(s string) string { return access.Visible(s, unicode.IsPrint) }

// markdownSigns are the characters that mean something to Markdown, to HTML or
// to the sites that show pull requests (mentions, links).
const markdownSigns = "\\`*_{}[]()<>#+!|~&@\"'"

// markdown is s as it can stand in a table's cell of a comment: safe as by
// Safe, and every sign of Markdown and HTML as an entity, which no reader
// takes for markup.
func markdown(s string) string {
	s = Safe(s)
	if !strings.ContainsAny(s, markdownSigns) && !strings.Contains(s, "://") && !strings.Contains(s, "www.") {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r < 0x80 && strings.ContainsRune(markdownSigns, r),
			r == ':' && strings.HasPrefix(s[i:], "://"),
			r == '.' && strings.HasSuffix(s[:i], "www"):
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
