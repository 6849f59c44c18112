// Package report says what a plan would do, what an apply did and what is
// wrong with documents, to people: as text for a terminal and as Markdown for
// a pull request. It says and never decides: equal arguments give equal text.
//
// Everything that comes from AWS or from a document passes through Safe before
// it is written.
package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// Text writes a plan for a terminal: access lost, access gained, what cannot
// be told, what is held, the rest, then the counts and the next command. A
// plan without changes is one line, followed by what a reader must still see.
func Text(w io.Writer, p *plan.Plan, o Options) error {
	v := look(p, o)
	t := textWriter{color: o.Color}
	if o.Quiet {
		t.notes("Held", yellow, "#", v.held)
		t.end(v, o)
		return t.flush(w)
	}
	if v.nothingToDo == "" {
		t.line(Safe(v.header))
	}
	widths := columns(v.lost, v.gained, v.untold)
	t.access(v.titleOf("lost"), red, "-", v.lost, widths)
	t.access(v.titleOf("gained"), green, "+", v.gained, widths)
	t.access("Cannot be told", yellow, "?", v.untold, widths)
	t.notes("Not ours, and as wanted (atlas-iam adopt takes it over)", plain, "=", v.adoptable)
	t.notes("Not ours, as wanted, but claimed by somebody else", plain, "=", v.claimed)
	t.notes("Not ours", plain, "=", v.foreign)
	t.notes("Clusters without a document", plain, "=", v.undocumented)
	t.notes("Held", yellow, "#", v.held)
	t.notes("Goes with access lost", red, "-", v.with)
	t.notes("No effect on access", plain, "~", v.other)
	t.notes("Warnings", yellow, "!", v.warnings)
	t.notes("Not read", yellow, "?", v.gaps)
	t.notes("Changes, in order", plain, "*", v.changes)
	t.end(v, o)
	return t.flush(w)
}

type colour string

// The colours of a terminal; none of them is needed to understand the text.
const (
	plain  colour = ""
	red    colour = "\x1b[31m"
	green  colour = "\x1b[32m"
	yellow colour = "\x1b[33m"
	bold   colour = "\x1b[1m"
	reset         = "\x1b[0m"
)

type textWriter struct {
	b     strings.Builder
	color bool
}

func (t *textWriter) paint(c colour, s string) string {
	if !t.color || c == plain {
		return s
	}
	return string(c) + s + reset
}

func (t *textWriter) line(s string) { t.b.WriteString(strings.TrimRight(s, " ") + "\n") }

func (t *textWriter) title(s string) {
	if t.b.Len() > 0 {
		t.b.WriteString("\n")
	}
	t.line(t.paint(bold, s))
}

// maxColumn bounds what one long cell can do to the rows beneath it.
const maxColumn = 54

// columns are the widths of who, what, where, on and risks over all sections,
// so that the eye can go down one column through the whole plan.
func columns(sections ...[]accessRow) [5]int {
	var w [5]int
	for _, rows := range sections {
		for _, r := range rows {
			for i, c := range r.cells() {
				if n := utf8.RuneCountInString(c); n <= maxColumn {
					w[i] = max(w[i], n)
				}
			}
		}
	}
	return w
}

func (r accessRow) cells() [5]string {
	risks := ""
	if r.risks != "" {
		risks = "! " + r.risks
	}
	return [5]string{Safe(r.who), Safe(r.what), Safe(r.where), Safe(r.on), Safe(risks)}
}

func (t *textWriter) access(title string, c colour, sign string, rows []accessRow, widths [5]int) {
	if len(rows) == 0 {
		return
	}
	t.title(title)
	for _, r := range rows {
		var b strings.Builder
		for i, cell := range r.cells() {
			if widths[i] > 0 || cell != "" {
				b.WriteString(pad(cell, widths[i]) + "   ")
			}
		}
		b.WriteString(strings.TrimLeft(Safe(r.source)+"   "+Safe(r.note), " "))
		t.line("  " + t.paint(c, sign) + " " + strings.TrimRight(b.String(), " "))
		for _, s := range r.spelt {
			t.line("      " + Safe(s))
		}
	}
}

func (t *textWriter) notes(title string, c colour, sign string, rows []noteRow) {
	if len(rows) == 0 {
		return
	}
	t.title(title)
	whats, ons := 0, 0
	for _, r := range rows {
		if n := utf8.RuneCountInString(Safe(r.what)); n <= maxColumn {
			whats = max(whats, n)
		}
		if n := utf8.RuneCountInString(Safe(r.on)); n <= maxColumn {
			ons = max(ons, n)
		}
	}
	for _, r := range rows {
		s := pad(Safe(r.what), whats) + "   "
		if ons > 0 || r.on != "" {
			s += pad(Safe(r.on), ons) + "   "
		}
		if r.why != "" {
			s += Safe(r.why) + "   "
		}
		t.line("  " + t.paint(c, sign) + " " + strings.TrimRight(s+Safe(r.source), " "))
		for l := range strings.Lines(r.more) {
			t.line("      " + Safe(strings.TrimSuffix(l, "\n")))
		}
	}
}

// end writes the last line: the counts and the next command. Quietly it counts
// the warnings, which are not above it then.
func (t *textWriter) end(v view, o Options) {
	if v.nothingToDo != "" {
		if t.b.Len() > 0 {
			t.b.WriteString("\n")
		}
		t.line(Safe(v.nothingToDo) + v.untoldWarnings(o))
		return
	}
	if t.b.Len() > 0 {
		t.b.WriteString("\n")
	}
	last := v.counts + v.untoldWarnings(o)
	if o.Next != "" && !o.Quiet {
		last += "   Next: " + Safe(o.Next)
	}
	t.line(last)
}

// untoldWarnings says that there are warnings where they are not written.
func (v *view) untoldWarnings(o Options) string {
	if !o.Quiet || len(v.warnings) == 0 {
		return ""
	}
	return " " + count(len(v.warnings), "warning", "warnings") + ", told without -q."
}

func (t *textWriter) flush(w io.Writer) error {
	if _, err := io.WriteString(w, t.b.String()); err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	return nil
}

func pad(s string, width int) string {
	if n := width - utf8.RuneCountInString(s); n > 0 {
		return s + strings.Repeat(" ", n)
	}
	return s
}
