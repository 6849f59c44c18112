package diff

import (
	"encoding/binary"
	"slices"
	"strings"
)

// cell is a set of namespaces that the same scopes take in. example is the
// shortest of them, the first in the alphabet's order where several are.
type cell struct {
	in      set // of scopes
	example string
}

// maxName is the longest name of a namespace. (Kubernetes, DNS label names)
const maxName = 63

// cellsOf divides all names that a namespace can have by the scopes that take
// them in; each scope is a list of patterns, and takes in what one of them
// does. Cells without a legal name are left out, so what is said of the rest
// is exact. It walks the determinised product of the scopes' automata, breadth
// first, so that the first name to reach a cell is a shortest one.
func cellsOf(scopes [][]string) []cell {
	m := machineOf(scopes)
	var out []cell
	seen := map[string]bool{}
	m.walk(nil, func(in set, name func() string) bool {
		if k := in.key(); !seen[k] {
			seen[k] = true
			out = append(out, cell{in, name()})
		}
		return true
	})
	return out
}

// shortest is the shortest name that matches every pattern of and, and none of
// outside; "" if there is none.
func shortest(and, outside []string) string {
	m := machineOf(append(each(and), outside))
	n := len(and)
	found := ""
	hopeless := func(at []uint32) bool {
		alive := 0
		for i, p := range at {
			switch s := m.scope[p]; {
			case s == n && p == m.whole[n]:
				return true
			case s < n && (i == 0 || m.scope[at[i-1]] != s || p == m.whole[s]):
				alive++
			}
		}
		return alive < n
	}
	m.walk(hopeless, func(in set, name func() string) bool {
		for i := range n {
			if !in.has(i) {
				return true
			}
		}
		if in.has(n) {
			return true
		}
		found = name()
		return false
	})
	return found
}

func each(patterns []string) [][]string {
	out := make([][]string, len(patterns))
	for i, p := range patterns {
		out[i] = []string{p}
	}
	return out
}

// walk goes through the states that legal names lead to, and gives visit the
// scopes that take in each, with the shortest name that leads there, until
// visit says that it is enough. Nothing is sought beyond hopeless states.
func (m *machine) walk(hopeless func([]uint32) bool, visit func(in set, name func() string) bool) {
	type node struct {
		parent int
		letter byte
		at     []uint32
	}
	nodes := []node{{parent: -1, at: m.closed(nil, m.starts)}}
	known := map[string]bool{}
	depth, levelEnd := 0, 1
	for i := 0; i < len(nodes); i++ {
		if i == levelEnd {
			depth, levelEnd = depth+1, len(nodes)
		}
		n := nodes[i]
		if i > 0 && n.letter != '-' { // a name ends in a letter or a digit
			name := func() string {
				var b []byte
				for j := i; nodes[j].parent >= 0; j = nodes[j].parent {
					b = append(b, nodes[j].letter)
				}
				slices.Reverse(b)
				return string(b)
			}
			if !visit(m.accepts(n.at), name) {
				return
			}
		}
		if depth == maxName {
			continue
		}
		for _, letter := range m.letters {
			if letter == '-' && i == 0 {
				continue // and does not begin with a dash
			}
			at := m.step(n.at, letter)
			if hopeless != nil && hopeless(at) {
				continue
			}
			if k := stateKey(at, letter != '-'); !known[k] {
				known[k] = true
				nodes = append(nodes, node{i, letter, at})
			}
		}
	}
}

func stateKey(at []uint32, ends bool) string {
	b := make([]byte, 0, 4*len(at)+1)
	for _, p := range at {
		b = binary.LittleEndian.AppendUint32(b, p)
	}
	if ends {
		b = append(b, 1)
	}
	return string(b)
}

// machine is the automata of all scopes side by side. A position stands before
// a sign of one pattern; the one behind its last sign accepts.
type machine struct {
	signs   []byte   // by position; 0 accepts
	scope   []int    // by position
	starts  []uint32 // of each pattern
	whole   []uint32 // by scope: the position from which all that follows is taken in
	scopes  int
	letters []byte
}

func machineOf(scopes [][]string) *machine {
	m := &machine{scopes: len(scopes)}
	used := map[byte]bool{}
	for s, patterns := range scopes {
		for _, p := range patterns {
			m.starts = append(m.starts, uint32(len(m.signs)))
			for i := range len(p) {
				if p[i] == '*' && i > 0 && p[i-1] == '*' {
					continue // any run, twice
				}
				m.signs, m.scope = append(m.signs, p[i]), append(m.scope, s)
				used[p[i]] = true
			}
			m.signs, m.scope = append(m.signs, 0), append(m.scope, s)
		}
	}
	for s := range scopes {
		m.whole = append(m.whole, uint32(len(m.signs)))
		m.signs, m.scope = append(m.signs, 0), append(m.scope, s)
	}
	// All letters and digits that no pattern names are one to them; a dash that
	// none names does nothing that such a letter does not.
	other := false
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyz0123456789") {
		switch {
		case used[c]:
			m.letters = append(m.letters, c)
		case !other:
			other = true
			m.letters = append(m.letters, c)
		}
	}
	if used['-'] {
		m.letters = append(m.letters, '-')
	}
	return m
}

// closed adds to out, which is empty, what is reached from each position
// without a letter. It is sorted.
func (m *machine) closed(out, from []uint32) []uint32 {
	var wholes set
	for _, p := range from {
		s := m.scope[p]
		whole := p == m.whole[s]
		out = append(out, p)
		if m.signs[p] == '*' {
			if m.signs[p+1] == 0 { // a star at the end: taken in, whatever follows
				out = append(out, m.whole[s])
				whole = true
			} else {
				out = append(out, p+1)
			}
		}
		if whole {
			if wholes == nil {
				wholes = newSet(m.scopes)
			}
			wholes.add(s)
		}
	}
	if wholes != nil { // the rest of such a scope can say nothing new
		out = slices.DeleteFunc(out, func(p uint32) bool { return wholes.has(m.scope[p]) && p != m.whole[m.scope[p]] })
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (m *machine) step(at []uint32, letter byte) []uint32 {
	moved := make([]uint32, 0, len(at)+1)
	for _, p := range at {
		switch sign := m.signs[p]; {
		case p == m.whole[m.scope[p]], sign == '*':
			moved = append(moved, p)
		case sign == letter:
			moved = append(moved, p+1)
		}
	}
	return m.closed(make([]uint32, 0, 2*len(moved)), moved)
}

func (m *machine) accepts(at []uint32) set {
	in := newSet(m.scopes)
	for _, p := range at {
		if m.signs[p] == 0 {
			in.add(m.scope[p])
		}
	}
	return in
}

// literal reports whether a pattern is one name.
func literal(pattern string) bool { return !strings.Contains(pattern, "*") }
