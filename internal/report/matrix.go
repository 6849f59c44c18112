package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/atlas-iam/atlas-iam/internal/question"
)

const legend = "r read  w write  x exec, impersonate, bind  ( ) in part  . none  - not in namespaces  ? unknown"

// cellWords is a cell as letters: "rw", "(r)" where only some verbs or members
// have it, "." for nothing, "?" where it is not known; blank where the column
// does not apply.
func cellWords(c question.Cell) string {
	s := ""
	for l, letter := range []string{"r", "w", "x"} {
		switch c[l] {
		case question.All:
			s += letter
		case question.Some:
			s += "(" + letter + ")"
		case question.Maybe:
			s += "?"
		}
	}
	if strings.Trim(s, "?") == "" && s != "" {
		return "?"
	}
	if s == "" {
		return "."
	}
	return strings.ReplaceAll(s, ")(", "")
}

// matrixRow is a row as it is written.
type matrixRow struct {
	resource string
	cells    []string
}

func matrixRows(m *question.Matrix) []matrixRow {
	var rows []matrixRow
	for _, r := range m.Rows {
		row := matrixRow{resource: r.Resource}
		for i, c := range r.Cells {
			switch {
			case !r.Namespaced && !m.Columns[i].Cluster:
				row.cells = append(row.cells, "-")
			default:
				row.cells = append(row.cells, cellWords(c))
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// matrixBlock is a matrix as text, to be folded over clusters.
type matrixBlock struct {
	who      string
	clusters []string
	columns  []string
	rows     []matrixRow
	notes    []string
}

// nothing reports whether no cell gives anything, and all are known.
func (b *matrixBlock) nothing() bool {
	for _, r := range b.rows {
		for _, c := range r.cells {
			if c != "." && c != "-" {
				return false
			}
		}
	}
	return true
}

// foldMatrices folds equal matrices of one subject over clusters.
func foldMatrices(ms []*question.Matrix) []*matrixBlock {
	var out []*matrixBlock
	index := map[string]*matrixBlock{}
	for _, m := range ms {
		b := &matrixBlock{who: m.Who.String(), rows: matrixRows(m)}
		for _, c := range m.Columns {
			b.columns = append(b.columns, c.String())
		}
		b.notes = matrixNotes(m)
		key := fmt.Sprint(b.who, b.columns, b.rows, b.notes)
		if len(m.Unknown) > 0 {
			key += m.Cluster.Facts.Name
		}
		if have := index[key]; have != nil {
			have.clusters = append(have.clusters, m.Cluster.Facts.Name)
			continue
		}
		b.clusters = []string{m.Cluster.Facts.Name}
		index[key] = b
		out = append(out, b)
	}
	return out
}

// matrixNotes are what a reader of a matrix must know: who does not seem to
// exist, and what each ? waits for.
func matrixNotes(m *question.Matrix) []string {
	var notes []string
	for _, s := range m.Missing {
		notes = append(notes, "note: "+s)
	}
	for _, u := range m.Unknown {
		notes = append(notes, "? "+unknownWords(u)+"; to settle it: "+u.Settle)
	}
	return notes
}

// Matrices writes what subjects may: resources by the documents' patterns, and of
// workloads what they may on AWS.
func Matrices(w io.Writer, ms []*question.Matrix, rights []question.Rights, alone bool, o Options) error {
	t := textWriter{color: o.Color}
	blocks := foldMatrices(ms)
	if len(rights) > 0 && !o.Verbose && !slices.ContainsFunc(blocks, func(b *matrixBlock) bool { return !b.nothing() }) {
		t.rightsAlone(blocks, rights, alone, o)
		return t.flush(w)
	}
	for i, b := range blocks {
		head := b.who + " on " + few(b.clusters, 4)
		if i > 0 {
			t.line("")
		}
		if b.nothing() && !o.Verbose {
			t.line(Safe(head + ": nothing"))
		} else {
			t.line(Safe(head))
			t.table(b.columns, foldRows(b.rows, o.Verbose))
		}
		for _, n := range b.notes {
			t.line(Safe(n))
		}
	}
	if !o.Quiet {
		t.line("")
		t.line(legend)
	}
	if alone && !o.Quiet {
		t.line(Safe(basisWords()))
	}
	t.rightsBasis(t.rights(rights, o), rights, alone, o)
	return t.flush(w)
}

// rightsAlone writes what workloads may on AWS where they may nothing in
// Kubernetes: that is one line beneath, at which a hurried reader cannot stop.
func (t *textWriter) rightsAlone(blocks []*matrixBlock, rights []question.Rights, alone bool, o Options) {
	shortened := t.rights(rights, o)
	t.line("")
	for _, b := range blocks {
		t.line(Safe(b.who + " in Kubernetes, on " + few(b.clusters, 4) + ": nothing"))
		for _, n := range b.notes {
			t.line(Safe(n))
		}
	}
	t.rightsBasis(shortened, rights, alone, o)
}

// foldRows puts neighbours with equal cells on one line.
func foldRows(rows []matrixRow, verbose bool) []matrixRow {
	if verbose {
		return rows
	}
	const shown = 3
	var out []matrixRow
	more := 0
	for _, r := range rows {
		last := len(out) - 1
		if last < 0 || !slices.Equal(out[last].cells, r.cells) {
			out, more = append(out, matrixRow{short(r.resource), r.cells}), 0
			continue
		}
		if more++; more < shown {
			out[last].resource += ", " + short(r.resource)
			continue
		}
		before, _, _ := strings.Cut(out[last].resource, " and ")
		out[last].resource = fmt.Sprintf("%s and %d more", before, more-shown+1)
	}
	return out
}

// short is a resource without its group, which is clear for Kubernetes' own.
func short(resource string) string {
	name, _, _ := strings.Cut(resource, ".")
	return name
}

func (t *textWriter) table(columns []string, rows []matrixRow) {
	name, widths := 0, make([]int, len(columns))
	for i, c := range columns {
		widths[i] = utf8.RuneCountInString(Safe(c))
	}
	for _, r := range rows {
		name = max(name, utf8.RuneCountInString(r.resource))
		for i, c := range r.cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	t.row("", name, columns, widths)
	for _, r := range rows {
		t.row(r.resource, name, r.cells, widths)
	}
}

func (t *textWriter) row(head string, width int, cells []string, widths []int) {
	line := pad(Safe(head), width)
	for i, c := range cells {
		line += "   " + pad(Safe(c), widths[i])
	}
	t.line(line)
}

// Pair is one cluster's matrices to be compared: what somebody has, and what
// another has, or he himself as it was seen.
type Pair struct{ Left, Right *question.Matrix }

// MatrixDiff writes the cells in which two matrices differ, as "rw -> r".
// observed says that the second is what was seen of the same subject; else it
// is another's.
func MatrixDiff(w io.Writer, pairs []Pair, observed bool, o Options) error {
	t := textWriter{color: o.Color}
	for _, p := range pairs {
		var columns []string
		for _, c := range p.Left.Columns {
			columns = append(columns, c.String())
		}
		var rows []matrixRow
		l, r := matrixRows(p.Left), matrixRows(p.Right)
		for i := range l {
			row := matrixRow{resource: short(l[i].resource)}
			changed := false
			for j := range l[i].cells {
				if l[i].cells[j] == r[i].cells[j] {
					row.cells = append(row.cells, "=")
					continue
				}
				changed = true
				row.cells = append(row.cells, l[i].cells[j]+" -> "+r[i].cells[j])
			}
			if changed {
				rows = append(rows, row)
			}
		}
		head := p.Left.Who.String() + " -> " + p.Right.Who.String()
		if observed {
			head = p.Left.Who.String() + ", documents -> observed,"
		}
		head += " on " + p.Left.Cluster.Facts.Name
		if len(rows) == 0 {
			t.line(Safe(head + ": no difference"))
		} else {
			if t.b.Len() > 0 {
				t.line("")
			}
			t.line(Safe(head + "   = the same"))
			t.table(columns, foldRows(rows, o.Verbose))
		}
		notes := matrixNotes(p.Left)
		for _, n := range matrixNotes(p.Right) {
			if !slices.Contains(notes, n) {
				notes = append(notes, n)
			}
		}
		for _, n := range notes {
			t.line(Safe(n))
		}
	}
	if t.b.Len() > 0 && !o.Quiet {
		t.line("")
		t.line(legend)
	}
	return t.flush(w)
}
