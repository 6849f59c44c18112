package plan

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf16"
)

// Printable is JSON with every character that a terminal obeys, or that an eye
// does not see, in its escaped form: the same values in other bytes. JSON's own
// rules escape only those below U+0020, and some terminals obey U+009B as they
// do ESC [.
func Printable(json []byte) []byte {
	hidden := func(r rune) bool { return r >= 0x7f && !unicode.IsPrint(r) }
	if bytes.IndexFunc(json, hidden) < 0 {
		return json
	}
	var b bytes.Buffer
	for _, r := range string(json) {
		switch {
		case !hidden(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}
