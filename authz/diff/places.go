package diff

import (
	"fmt"
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
)

// land is the namespaces as some scopes divide them, with words for them.
type land struct {
	scopes    [][]string // lists of patterns
	patterns  []string   // of all of them, sorted
	automaton *automaton
	cells     []cell
	at        map[int]int // of cells, by the automaton's
	// What was found of places and cells, so that it is sought once.
	hits   map[string]hit
	exacts map[int]access.Where
}

type hit struct {
	cells   set // the cells in which a place has namespaces
	example string
}

func landOf(scopes [][]string) *land {
	l := &land{scopes: scopes, at: map[int]int{}, hits: map[string]hit{}, exacts: map[int]access.Where{}}
	l.patterns = sorted(slices.Concat(scopes...))
	l.automaton = automatonOf(scopes, lettersOf(l.patterns))
	l.cells = l.automaton.cellsOf()
	for i, c := range l.cells {
		for j, in := range l.automaton.cells {
			if slices.Equal(in, c.in) {
				l.at[j] = i
			}
		}
	}
	return l
}

// places says cells in the scopes' own patterns: exactly the cells of must, or
// these and some of may. First come the single patterns that lie within may;
// then each cell that is left is written out as the patterns that its
// namespaces match and those that they do not, less what is not needed to stay
// within may.
func (l *land) places(must, may set) []access.Where {
	var out []access.Where
	for _, wide := range l.wide(may) {
		if !l.covered(out, wide) && l.hit(wide).cells.meets(must) {
			out = append(out, wide)
		}
	}
	for at := range must.all() {
		if exact := l.exact(at); !l.covered(out, exact) {
			out = append(out, l.shortened(exact, may))
		}
	}
	for i := 0; i < len(out); i++ { // what a later one says too
		if l.covered(slices.Delete(slices.Clone(out), i, i+1), out[i]) {
			out = slices.Delete(out, i, i+1)
			i--
		}
	}
	return out
}

// wide are the places of one pattern that lie within may, and every namespace
// if that does: what people say first.
func (l *land) wide(may set) []access.Where {
	everywhere := access.Where{}
	if h := l.hit(everywhere); h.cells.within(may) {
		everywhere.Example = h.example
		return []access.Where{everywhere}
	}
	var out []access.Where
	for _, p := range l.patterns {
		place := access.Where{In: [][]string{{p}}}
		if h := l.hit(place); h.example != "" && h.cells.within(may) {
			place.Example = h.example
			out = append(out, place)
		}
	}
	contained := func(p, q access.Where) bool { return access.PatternContains(q.In[0][0], p.In[0][0]) }
	return slices.DeleteFunc(slices.Clone(out), func(p access.Where) bool {
		return slices.ContainsFunc(out, func(q access.Where) bool { return contained(p, q) && !contained(q, p) })
	})
}

// exact is a cell without more than it: of each scope that takes it in one of
// the patterns, and of the others none.
func (l *land) exact(at int) access.Where {
	if w, ok := l.exacts[at]; ok {
		return w
	}
	w := access.Where{Example: l.cells[at].example}
	for s, list := range l.scopes {
		if !l.cells[at].in.has(s) {
			w.Outside = append(w.Outside, list...)
		}
	}
	w.Outside = sorted(w.Outside)
	for s, list := range l.scopes {
		if !l.cells[at].in.has(s) {
			continue
		}
		list = slices.DeleteFunc(slices.Clone(list), func(p string) bool { return contains(w.Outside, p) })
		if !slices.ContainsFunc(w.In, func(has []string) bool { return listWithin(has, list) }) {
			w.In = append(slices.DeleteFunc(w.In, func(has []string) bool { return listWithin(list, has) }), list)
		}
	}
	l.exacts[at] = w
	return w
}

// contains reports whether one of the patterns has all of p.
func contains(patterns []string, p string) bool {
	return slices.ContainsFunc(patterns, func(q string) bool { return access.PatternContains(q, p) })
}

// listWithin reports whether what matches one of a matches one of b. It errs
// only to false.
func listWithin(a, b []string) bool {
	return !slices.ContainsFunc(a, func(p string) bool { return !contains(b, p) })
}

// maxShortened bounds the search for fewer words, not what they mean.
const maxShortened = 64

// shortened is a place without the patterns that it can do without, staying
// within may.
func (l *land) shortened(p access.Where, may set) access.Where {
	if len(l.cells) > maxShortened {
		return p
	}
	try := func(q access.Where) bool {
		h := l.hit(q)
		if !h.cells.within(may) {
			return false
		}
		q.Example = h.example
		p = q
		return true
	}
	for i := 0; i < len(p.Outside); {
		q := p
		if q.Outside = slices.Delete(slices.Clone(p.Outside), i, i+1); !try(q) {
			i++
		}
	}
	for i := 0; i < len(p.In); {
		q := p
		if q.In = slices.Delete(slices.Clone(p.In), i, i+1); !try(q) {
			i++
		}
	}
	return p
}

// hit are the cells that a place has namespaces of, and its shortest one.
func (l *land) hit(p access.Where) hit {
	k := fmt.Sprintf("%q %q", p.In, p.Outside)
	if h, ok := l.hits[k]; ok {
		return h
	}
	h := hit{cells: newSet(len(l.cells))}
	if len(p.In) == 1 && len(p.In[0]) == 1 && len(p.Outside) == 0 && literal(p.In[0][0]) {
		if name := p.In[0][0]; legalName(name) {
			h.example = name
			h.cells.add(l.at[l.automaton.cell[l.automaton.run(name)]])
		}
		l.hits[k] = h
		return h
	}
	own := automatonOf(append(slices.Clone(p.In), p.Outside), l.automaton.letters)
	inside := make([]bool, len(own.cells))
	for c, in := range own.cells {
		inside[c] = !in.has(len(p.In))
		for i := range p.In {
			inside[c] = inside[c] && in.has(i)
		}
	}
	walk(l.automaton, own, func(a, b uint32, name func() string) bool {
		if inside[own.cell[b]] {
			if h.example == "" {
				h.example = name()
			}
			h.cells.add(l.at[l.automaton.cell[a]])
		}
		return true
	})
	l.hits[k] = h
	return h
}

// legalName reports whether a namespace can have a name.
func legalName(s string) bool {
	for i := range len(s) {
		letter := s[i] >= 'a' && s[i] <= 'z' || s[i] >= '0' && s[i] <= '9'
		if !letter && (s[i] != '-' || i == 0 || i == len(s)-1) {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

// covered reports whether the places have all of p, one of them alone or, of
// the patterns of one of p's lists, one each.
func (l *land) covered(out []access.Where, p access.Where) bool {
	by := func(p access.Where) bool {
		return slices.ContainsFunc(out, func(q access.Where) bool { return l.within(p, q) })
	}
	if by(p) {
		return true
	}
	for i, list := range p.In {
		if len(list) == 1 {
			continue
		}
		all := true
		for _, pattern := range list {
			q := p
			q.In = slices.Clone(p.In)
			q.In[i] = []string{pattern}
			if all = by(q); !all {
				break
			}
		}
		if all {
			return true
		}
	}
	return false
}

// within reports whether q has all of p's namespaces. It errs only to false.
func (l *land) within(p, q access.Where) bool {
	for _, need := range q.In {
		if !slices.ContainsFunc(p.In, func(has []string) bool { return listWithin(has, need) }) {
			return false
		}
	}
	for _, not := range q.Outside {
		if contains(p.Outside, not) {
			continue
		}
		both := access.Where{In: append(slices.Clone(p.In), []string{not}), Outside: p.Outside}
		if l.hit(both).example != "" {
			return false
		}
	}
	return true
}
