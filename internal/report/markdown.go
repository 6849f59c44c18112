package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// Markdown writes a plan as a comment on a pull request: a hidden mark by which
// the comment is found again, the verdict, tables of what is lost, gained,
// untold and held, and the rest folded away.
func Markdown(w io.Writer, p *plan.Plan, o Options) error {
	v := look(p, o)
	m := markdownWriter{}
	fmt.Fprintf(&m.b, "<!-- atlas-iam:%s -->\n", markdown(strings.ReplaceAll(p.Owner.Environment, "--", "")))
	verdict := v.nothingToDo
	if verdict == "" {
		verdict = v.counts
	}
	fmt.Fprintf(&m.b, "**%s** %s\n", markdown("environment "+p.Owner.Environment+":"), markdown(verdict))
	m.access("Access lost", v.lost)
	m.access("Access gained", v.gained)
	m.access("Cannot be told", v.untold)
	m.notes("Held", v.held)
	m.notes("Not ours, and as wanted", v.adoptable)
	m.notes("Warnings", v.warnings)
	m.notes("Not read", v.gaps)
	m.folded("Not ours", v.foreign)
	m.folded("No effect on access", v.other)
	m.folded("Changes, in order", v.changes)
	fmt.Fprintf(&m.b, "\n%s\n", markdown(v.header))
	if _, err := io.WriteString(w, m.b.String()); err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	return nil
}

type markdownWriter struct{ b strings.Builder }

func (m *markdownWriter) access(title string, rows []accessRow) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(&m.b, "\n### %s\n\n| who | what | where | clusters | risks | source |\n|---|---|---|---|---|---|\n", title)
	for _, r := range rows {
		source := r.source
		if r.note != "" {
			source = strings.TrimSpace(source + " " + r.note)
		}
		m.row(r.who, r.what, r.where, r.on, r.risks, source)
	}
}

func (m *markdownWriter) notes(title string, rows []noteRow) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(&m.b, "\n### %s\n\n", title)
	m.table(rows)
}

func (m *markdownWriter) folded(title string, rows []noteRow) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(&m.b, "\n<details><summary>%s (%d)</summary>\n\n", title, len(rows))
	m.table(rows)
	m.b.WriteString("\n</details>\n")
}

func (m *markdownWriter) table(rows []noteRow) {
	m.b.WriteString("| what | cluster | why | source |\n|---|---|---|---|\n")
	for _, r := range rows {
		m.row(r.what, r.on, r.why, r.source)
	}
}

func (m *markdownWriter) row(cells ...string) {
	m.b.WriteString("|")
	for _, c := range cells {
		m.b.WriteString(" " + markdown(c) + " |")
	}
	m.b.WriteString("\n")
}
