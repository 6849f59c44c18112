package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// MarkdownLimit is how many characters Markdown writes at most: what fits a
// comment on a pull request. (GitHub refuses a comment's body over 65,536)
const MarkdownLimit = 65536

// Markdown writes a plan as a comment on a pull request: a hidden mark by which
// the comment is found again, the verdict, tables of what is lost, gained,
// untold and held, and the rest folded away. What does not fit is left out, the
// details first and what is lost never, and it says what.
func Markdown(w io.Writer, p *plan.Plan, o Options) error {
	v := look(p, o)
	m := markdownWriter{}
	verdict := v.nothingToDo
	if verdict == "" {
		verdict = v.counts
	}
	if people := losersAndGainers(p); people != "" {
		verdict = people + ". " + verdict
	}
	m.head = fmt.Sprintf("<!-- atlas-iam:%s -->\n**%s** %s\n", markdown(strings.ReplaceAll(p.Owner.Environment, "--", "")),
		markdown("environment "+p.Owner.Environment+":"), markdown(verdict))
	m.foot = "\n" + markdown(v.header) + "\n"
	m.access(v.titleOf("lost"), v.lost)
	m.access(v.titleOf("gained"), v.gained)
	m.access("Cannot be told", v.untold)
	m.notes("Held", v.held, false)
	m.notes("Not ours, and as wanted", v.adoptable, false)
	m.notes("Not ours, as wanted, but claimed by somebody else", v.claimed, false)
	m.notes("Warnings", v.warnings, false)
	m.notes("Not read", v.gaps, false)
	m.notes("Not ours", v.foreign, true)
	m.notes("Clusters without a document", v.undocumented, true)
	m.notes("Goes with access lost", v.with, false)
	m.notes("No effect on access", v.other, true)
	m.notes("Changes, in order", v.changes, true)
	if _, err := io.WriteString(w, m.fitting(MarkdownLimit)); err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	return nil
}

// losersAndGainers says for how many people what changes: "1 person loses
// access, 3 gain some, 1 cannot be told".
func losersAndGainers(p *plan.Plan) string {
	a := p.Access
	if a == nil {
		return ""
	}
	several := func(workloads bool, lists ...[]plan.Grant) int {
		who := map[string]bool{}
		for _, list := range lists {
			for _, g := range list {
				if (g.ServiceAccount != "") == workloads {
					who[g.Principal+" "+g.Group] = true
				}
			}
		}
		return len(who)
	}
	people := func(lists ...[]plan.Grant) int { return several(false, lists...) }
	var words []string
	if n := people(a.Lost); n > 0 {
		words = append(words, count(n, "person loses", "people lose")+" access")
	}
	if n := people(a.Gained); n > 0 {
		words = append(words, count(n, "person gains", "people gain")+" access")
	}
	if n := people(a.MaybeLost, a.MaybeGained, a.Unknown); n > 0 {
		words = append(words, "of "+count(n, "person", "people")+" it cannot be told")
	}
	if n := several(true, a.Lost); n > 0 {
		words = append(words, count(n, "role of a workload loses", "roles of workloads lose")+" rights")
	}
	if n := several(true, a.Gained); n > 0 {
		words = append(words, count(n, "role of a workload gains", "roles of workloads gain")+" rights")
	}
	if a.HeldBy != "" && len(words) > 0 {
		return heldWords + "; else " + strings.Join(words, ", ")
	}
	return strings.Join(words, ", ")
}

// markdownWriter collects sections, the most important first.
type markdownWriter struct {
	head, foot string
	sections   []*section
}

// section is a table. What is cut counts its rows that are left out.
type section struct {
	title, open, shut string // around the rows
	rows              []string
	cut               int
}

func (s *section) text() string {
	if s.cut == len(s.rows) {
		return ""
	}
	return s.open + strings.Join(s.rows[:len(s.rows)-s.cut], "") + s.shut
}

// fitting is the text in so many characters: rows are left out from the last
// section upwards, the last row first; of what is lost only if nothing else is
// left.
func (m *markdownWriter) fitting(limit int) string {
	for i := len(m.sections) - 1; i >= 0; i-- {
		over := utf8.RuneCountInString(m.text()) - limit
		if over <= 0 {
			break
		}
		s := m.sections[i]
		for over > 0 && s.cut < len(s.rows) {
			s.cut++
			over -= utf8.RuneCountInString(s.rows[len(s.rows)-s.cut])
			if over <= 0 || s.cut == len(s.rows) {
				over = utf8.RuneCountInString(m.text()) - limit
			}
		}
	}
	return m.text()
}

func (m *markdownWriter) text() string {
	var b strings.Builder
	b.WriteString(m.head)
	var dropped []string
	for _, s := range m.sections {
		b.WriteString(s.text())
		if s.cut > 0 {
			dropped = append(dropped, fmt.Sprintf("%d of %d rows of %s", s.cut, len(s.rows), s.title))
		}
	}
	if len(dropped) > 0 {
		fmt.Fprintf(&b, "\n**Left out, for a comment has no room for it: %s.** The plan as text has all.\n", strings.Join(dropped, "; "))
	}
	b.WriteString(m.foot)
	return b.String()
}

func (m *markdownWriter) access(title string, rows []accessRow) {
	s := &section{title: title, open: fmt.Sprintf("\n### %s\n\n| who | what | where | clusters | risks | source |\n|---|---|---|---|---|---|\n", title)}
	for _, r := range rows {
		source := r.source
		if r.note != "" {
			source = strings.TrimSpace(source + " " + r.note)
		}
		risks := ""
		if r.risks != "" {
			risks = "! " + r.risks
		}
		s.rows = append(s.rows, markdownRow(r.who, r.what, r.where, r.on, risks, source))
	}
	m.add(s)
}

func (m *markdownWriter) add(s *section) {
	if len(s.rows) > 0 {
		m.sections = append(m.sections, s)
	}
}

func (m *markdownWriter) notes(title string, rows []noteRow, folded bool) {
	const columns = "| what | cluster | why | source |\n|---|---|---|---|\n"
	s := &section{title: title, open: fmt.Sprintf("\n### %s\n\n", title) + columns}
	if folded {
		s.open = fmt.Sprintf("\n<details><summary>%s (%d)</summary>\n\n", title, len(rows)) + columns
		s.shut = "\n</details>\n"
	}
	for _, r := range rows {
		why := markdown(r.why)
		for l := range strings.Lines(r.more) {
			why += "<br>" + markdown(strings.TrimSpace(l))
		}
		s.rows = append(s.rows, tableRow(markdown(r.what), markdown(r.on), why, markdown(r.source)))
	}
	m.add(s)
}

func markdownRow(cells ...string) string {
	for i, c := range cells {
		cells[i] = markdown(c)
	}
	return tableRow(cells...)
}

// tableRow is a row of cells that are Markdown already.
func tableRow(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }
