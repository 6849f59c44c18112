package documents

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"unicode"
	"unicode/utf8"

	"github.com/atlas-iam/atlas-iam/access"
)

// The limits of what is read. They are far above what people write and keep
// any input within a second and 256 MB.
const (
	maxFileBytes = 1 << 20  // of one file
	maxSetBytes  = 16 << 20 // of all files
	maxFiles     = 10_000
	maxMarks     = 50_000 // of one file: what may begin a value, counted before YAML is parsed
	maxSetMarks  = 200_000
	maxDepth     = 32
)

// fileBytes reads a file within the limit, and says in words why it could not.
// The size is asked for first: a file of a gigabyte is never begun.
func fileBytes(path string) (data []byte, problem, hint string) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, "this file cannot be read", reason(err)
	case !info.Mode().IsRegular():
		return nil, "this is not a regular file", "only files are read"
	case info.Size() > maxFileBytes:
		return nil, fmt.Sprintf("this file has %d bytes, over the limit of %d", info.Size(), maxFileBytes), "split it"
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, "this file cannot be read", reason(err)
	}
	defer f.Close()
	whole := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead))
	if _, err = whole.ReadFrom(io.LimitReader(f, maxFileBytes+1)); err != nil {
		return nil, "this file cannot be read", reason(err)
	}
	return whole.Bytes(), "", ""
}

// reason is what the system said, without the path that the place names.
func reason(err error) string {
	for {
		next, ok := err.(interface{ Unwrap() error })
		if !ok || next.Unwrap() == nil {
			return Escape(err.Error())
		}
		err = next.Unwrap()
	}
}

// letters refuses bytes that are no text before YAML sees them: what is not
// UTF-8, control characters, and letters that turn the direction of writing,
// which let a comment or a value look like another one (CVE-2021-42574). A
// byte order mark of UTF-8 is dropped.
func letters(name string, data []byte) ([]byte, *Fault) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		return nil, &Fault{access.Place{File: name, Line: 1, Column: 1}, "this file is UTF-16", "save it as UTF-8"}
	}
	line, column := 1, 1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		at := access.Place{File: name, Line: line, Column: column}
		switch {
		case r == utf8.RuneError && size == 1:
			return nil, &Fault{at, fmt.Sprintf("this file is not UTF-8: byte %#02x", data[i]), "save it as UTF-8"}
		case r < ' ' && r != '\n' && r != '\r' && r != '\t' || r >= 0x7f && r < 0xa0 || r == 0xfffe || r == 0xffff:
			return nil, &Fault{at, "control character " + Escape(string(r)), "documents are plain text"}
		case r == '\r' && !bytes.HasPrefix(data[i+1:], []byte("\n")), r == '\u2028', r == '\u2029':
			// A new line to YAML, and none to most editors.
			return nil, &Fault{at, "a line ends in " + Escape(string(r)), "end lines in a line feed"}
		case unicode.Is(unicode.Bidi_Control, r):
			return nil, &Fault{at, "the letter " + Escape(string(r)) + " turns the direction of writing", "take it out: what reads one way must not mean another"}
		}
		i += size
		if column++; r == '\n' {
			line, column = line+1, 1
		}
	}
	return data, nil
}

// marks counts what may begin a value in YAML: an upper bound that is cheap,
// so that a file of a million empty lists is not parsed first.
func marks(data []byte) int {
	n := 0
	for _, m := range [...]string{"\n", ",", "[", "{", ": ", "- ", "? "} {
		n += bytes.Count(data, []byte(m))
	}
	return n
}

// invisible finds a letter that a reader does not see: zero-width, formatting,
// a control character, a blank that is not a space.
func invisible(s string) (rune, bool) {
	for _, r := range s {
		if r != ' ' && (unicode.Is(unicode.Cf, r) || unicode.IsControl(r) || unicode.Is(unicode.Z, r) ||
			unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || unicode.Is(unicode.Variation_Selector, r)) {
			return r, true
		}
	}
	return 0, false
}
