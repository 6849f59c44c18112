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

// automaton is the determinised product of some scopes' patterns, over names
// that a namespace can have: each scope is a list of patterns, and takes in
// what one of them does. State 0 is the beginning.
type automaton struct {
	letters []byte
	next    []uint32 // by state and letter
	cell    []int    // by state: of cells
	cells   []set    // of scopes, distinct
}

// automatonOf makes one; letters are those that must be told apart besides
// those of the patterns.
func automatonOf(scopes [][]string, letters []byte) *automaton {
	m := machineOf(scopes, letters)
	a := &automaton{letters: m.letters}
	states := [][]uint32{m.closed(m.starts)}
	number := map[string]uint32{stateKey(states[0]): 0}
	cells := map[string]int{}
	for s := 0; s < len(states); s++ {
		in := m.accepts(states[s])
		c, ok := cells[in.key()]
		if !ok {
			c = len(a.cells)
			cells[in.key()] = c
			a.cells = append(a.cells, in)
		}
		a.cell = append(a.cell, c)
		rest := -1 // where letters lead that no live position waits for
		for _, letter := range m.letters {
			waited := slices.ContainsFunc(states[s], func(p uint32) bool { return m.signs[p] == letter })
			if !waited && rest >= 0 {
				a.next = append(a.next, uint32(rest))
				continue
			}
			to := m.step(states[s], letter)
			k := stateKey(to)
			n, ok := number[k]
			if !ok {
				n = uint32(len(states))
				number[k] = n
				states = append(states, to)
			}
			if !waited {
				rest = int(n)
			}
			a.next = append(a.next, n)
		}
	}
	return a
}

// run is the state that a name leads to. All its letters must be a's.
func (a *automaton) run(name string) uint32 {
	s := uint32(0)
	for i := range len(name) {
		s = a.next[int(s)*len(a.letters)+slices.Index(a.letters, name[i])]
	}
	return s
}

// walk goes through the pairs of states of two automata of the same letters
// that legal names lead to, the shortest names first, until visit says that it
// is enough.
func walk(a, b *automaton, visit func(a, b uint32, name func() string) bool) {
	type node struct {
		parent int32
		a, b   uint32
		letter byte
	}
	nodes := []node{{parent: -1}}
	// A name does not end in a dash, so where one does is a state of its own.
	first := seenPairs(2 * len(a.cell) * len(b.cell))
	depth, levelEnd := 0, 1
	for i := 0; i < len(nodes); i++ {
		if i == levelEnd {
			depth, levelEnd = depth+1, len(nodes)
		}
		n := nodes[i]
		if i > 0 && n.letter != '-' {
			name := func() string {
				var b []byte
				for j := i; nodes[j].parent >= 0; j = int(nodes[j].parent) {
					b = append(b, nodes[j].letter)
				}
				slices.Reverse(b)
				return string(b)
			}
			if !visit(n.a, n.b, name) {
				return
			}
		}
		if depth == maxName {
			continue
		}
		for l, letter := range a.letters {
			if letter == '-' && i == 0 {
				continue // nor does one begin with it
			}
			x, y := a.next[int(n.a)*len(a.letters)+l], b.next[int(n.b)*len(b.letters)+l]
			at := 2 * (int(x)*len(b.cell) + int(y))
			if letter == '-' {
				at++
			}
			if first(at) {
				nodes = append(nodes, node{int32(i), x, y, letter})
			}
		}
	}
}

// seenPairs says of each number below n whether it comes for the first time.
func seenPairs(n int) func(int) bool {
	const dense = 1 << 22
	if n > dense {
		seen := map[int]bool{}
		return func(i int) bool {
			first := !seen[i]
			seen[i] = true
			return first
		}
	}
	seen := make([]bool, n)
	return func(i int) bool {
		first := !seen[i]
		seen[i] = true
		return first
	}
}

// anything is the automaton of no scopes.
func anything(letters []byte) *automaton { return automatonOf(nil, letters) }

// cellsOf divides all names that a namespace can have by the scopes that take
// them in. Cells without a legal name are left out, so what is said of the
// rest is exact.
func (a *automaton) cellsOf() []cell {
	examples := make([]string, len(a.cells))
	var order []int
	walk(a, anything(a.letters), func(s, _ uint32, name func() string) bool {
		if c := a.cell[s]; examples[c] == "" {
			examples[c] = name()
			order = append(order, c)
		}
		return true
	})
	var out []cell
	for _, c := range order {
		out = append(out, cell{a.cells[c], examples[c]})
	}
	return out
}

// lettersOf are the letters that have to be told apart: those that patterns
// name, and one for all others. A dash that none names does nothing that such a
// letter does not.
func lettersOf(patterns []string) []byte {
	var used [256]bool
	for _, p := range patterns {
		for i := range len(p) {
			used[p[i]] = true
		}
	}
	var letters []byte
	other := false
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyz0123456789") {
		switch {
		case used[c]:
			letters = append(letters, c)
		case !other:
			other = true
			letters = append(letters, c)
		}
	}
	if used['-'] {
		letters = append(letters, '-')
	}
	return letters
}

func stateKey(at []uint32) string {
	b := make([]byte, 0, 4*len(at))
	for _, p := range at {
		b = binary.LittleEndian.AppendUint32(b, p)
	}
	return string(b)
}

// machine is the automata of all scopes side by side, not yet determinised. A
// position stands before a sign of one pattern; the one behind its last sign
// accepts.
type machine struct {
	signs   []byte   // by position; 0 accepts
	scope   []int    // by position
	starts  []uint32 // of each pattern
	whole   []uint32 // by scope: the position from which all that follows is taken in
	scopes  int
	letters []byte
}

func machineOf(scopes [][]string, letters []byte) *machine {
	m := &machine{scopes: len(scopes), letters: letters}
	for s, patterns := range scopes {
		for _, p := range patterns {
			m.starts = append(m.starts, uint32(len(m.signs)))
			for i := range len(p) {
				if p[i] == '*' && i > 0 && p[i-1] == '*' {
					continue // any run, twice
				}
				m.signs, m.scope = append(m.signs, p[i]), append(m.scope, s)
			}
			m.signs, m.scope = append(m.signs, 0), append(m.scope, s)
		}
	}
	for s := range scopes {
		m.whole = append(m.whole, uint32(len(m.signs)))
		m.signs, m.scope = append(m.signs, 0), append(m.scope, s)
	}
	return m
}

// closed is what is reached from each position without a letter, sorted.
func (m *machine) closed(from []uint32) []uint32 {
	out := make([]uint32, 0, 2*len(from))
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
	return m.closed(moved)
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
