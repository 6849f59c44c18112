package documents

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// Fault is something wrong at a place of a document. Message says what, Hint
// says what to write instead; both are safe to print.
type Fault struct {
	Place   access.Place `json:"place"`
	Message string       `json:"message"`
	Hint    string       `json:"hint,omitempty"`
}

// String is one line: file:line:column: message: hint.
func (f Fault) String() string {
	s := Escape(f.Place.String()) + ": " + f.Message
	if f.Hint != "" {
		s += ": " + f.Hint
	}
	return s
}

// Faults are all faults of a run, sorted by file, line, column. Where one is
// returned as an error it is not empty.
type Faults []Fault

// Error is a line for each fault and a last line that counts them.
func (f Faults) Error() string {
	var b strings.Builder
	for _, fault := range f {
		b.WriteString(fault.String())
		b.WriteByte('\n')
	}
	b.WriteString(f.Summary(0))
	return b.String()
}

// Summary counts: "2 errors in 1 of 6 files". With files 0 or less than those
// at fault it leaves out the total.
func (f Faults) Summary(files int) string {
	at := map[string]bool{}
	for _, fault := range f {
		at[fault.Place.File] = true
	}
	if files < len(at) {
		return fmt.Sprintf("%s in %s", count(len(f), "error"), count(len(at), "file"))
	}
	return fmt.Sprintf("%s in %d of %s", count(len(f), "error"), len(at), count(files, "file"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Sort orders faults by place, then by what they say, and drops doubles.
func (f *Faults) Sort() {
	slices.SortFunc(*f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Place.File, b.Place.File), cmp.Compare(a.Place.Line, b.Place.Line),
			cmp.Compare(a.Place.Column, b.Place.Column), cmp.Compare(a.Message, b.Message), cmp.Compare(a.Hint, b.Hint))
	})
	*f = slices.Compact(*f)
}

// WriteGitHub writes each fault as a GitHub Actions error annotation.
func (f Faults) WriteGitHub(w io.Writer) error {
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	message := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	for _, fault := range f {
		text := fault.Message
		if fault.Hint != "" {
			text += ": " + fault.Hint
		}
		where := "file=" + property.Replace(fault.Place.File)
		if fault.Place.Line > 0 {
			where += fmt.Sprintf(",line=%d", fault.Place.Line)
		}
		if fault.Place.Column > 0 {
			where += fmt.Sprintf(",col=%d", fault.Place.Column)
		}
		if _, err := fmt.Fprintf(w, "::error %s::%s\n", where, message.Replace(text)); err != nil {
			return fmt.Errorf("write annotations: %w", err)
		}
	}
	return nil
}
