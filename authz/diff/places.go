package diff

import (
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
)

// places says cells in the scopes' own patterns: exactly the cells of must, or
// these and some of may. Each cell is written out as patterns that its
// namespaces match and others that they do not; then what is not needed to
// stay within may is left out, and what is said already is not said again.
func (c *comparison) places(must, may set) []access.Where {
	var out []access.Where
	left := must.clone()
	if left.has(c.outside()) {
		out = append(out, access.Where{Cluster: true})
	}
	for _, wide := range c.wide(may) {
		if c.newTo(out, wide, left) {
			out = append(out, wide)
		}
	}
	for at := range left.all() {
		if at == c.outside() {
			continue
		}
		for _, exact := range c.exact(at) {
			if c.covered(out, exact) {
				continue
			}
			out = append(out, c.shortened(exact, may))
		}
	}
	return c.tidy(out)
}

// wide are the places of one pattern that lie within may, and every namespace
// if that does: what people say first.
func (c *comparison) wide(may set) []access.Where {
	var out []access.Where
	for _, p := range append([]string{""}, patterns(c.scopes)...) {
		place := access.Where{}
		if p != "" && p != "*" {
			place.And = []string{p}
		}
		if hits, example := c.hits(place); example != "" && hits.within(may) {
			place.Example = example
			out = append(out, place)
		}
	}
	return slices.DeleteFunc(slices.Clone(out), func(p access.Where) bool {
		return slices.ContainsFunc(out, func(q access.Where) bool { return c.placeWithin(p, q) && !c.placeWithin(q, p) })
	})
}

// newTo reports whether a wide place says something of left that those said do
// not.
func (c *comparison) newTo(out []access.Where, p access.Where, left set) bool {
	if c.covered(out, p) {
		return false
	}
	hits, _ := c.hits(p)
	return hits.meets(left)
}

// exact is a cell as places without more than it: one of each scope's patterns
// that takes it in, and none of the others'.
func (c *comparison) exact(at int) []access.Where {
	if out, ok := c.exacts[at]; ok {
		return out
	}
	out := c.writtenOut(at)
	if c.exacts == nil {
		c.exacts = map[int][]access.Where{}
	}
	c.exacts[at] = out
	return out
}

func (c *comparison) writtenOut(at int) []access.Where {
	var outside []string
	ands := [][]string{nil}
	for s, scope := range c.scopes {
		switch {
		case scope.Cluster:
		case !c.cells[at].in.has(s):
			outside = append(outside, scope.Namespaces...)
		default:
			var longer [][]string
			for _, and := range ands {
				for _, p := range scope.Namespaces {
					longer = append(longer, narrowest(and, p))
				}
			}
			ands = longer
		}
	}
	outside = sorted(outside)
	var out []access.Where
	seen := map[string]bool{}
	for _, and := range ands {
		p := access.Where{And: and, Outside: outside}
		k := key(p)
		if seen[k] {
			continue
		}
		seen[k] = true
		if p.Example = c.shortest(p.And, p.Outside); p.Example != "" {
			out = append(out, p)
		}
	}
	return out
}

// narrowest adds a pattern to a list all of which must match; what a narrower
// one implies is left out.
func narrowest(and []string, p string) []string {
	var out []string
	for _, q := range and {
		if access.PatternContains(p, q) {
			return and
		}
		if !access.PatternContains(q, p) {
			out = append(out, q)
		}
	}
	return sorted(append(out, p))
}

// shortened is a place without the patterns that it can do without, staying
// within may.
func (c *comparison) shortened(p access.Where, may set) access.Where {
	try := func(q access.Where) bool {
		hits, e := c.hits(q)
		if e == "" || !hits.within(may) {
			return false
		}
		q.Example, p = e, q
		return true
	}
	for _, list := range []func(*access.Where) *[]string{
		func(q *access.Where) *[]string { return &q.Outside }, func(q *access.Where) *[]string { return &q.And },
	} {
		for i := 0; i < len(*list(&p)); {
			q := p
			*list(&q) = slices.Delete(slices.Clone(*list(&p)), i, i+1)
			if !try(q) {
				i++
			}
		}
	}
	return p
}

// hits are the cells that a place has namespaces of, and its shortest one.
func (c *comparison) hits(p access.Where) (set, string) {
	k := key(p)
	if h, ok := c.memo[k]; ok {
		return h.cells, h.example
	}
	var lists [][]string
	var scopes []int
	for i, s := range c.scopes {
		if !s.Cluster {
			lists, scopes = append(lists, s.Namespaces), append(scopes, i)
		}
	}
	n := len(lists)
	lists = append(append(lists, p.Outside), each(p.And)...)
	h := hit{cells: newSet(len(c.cells))}
	for _, f := range cellsOf(lists) {
		inside := !f.in.has(n)
		for i := range p.And {
			inside = inside && f.in.has(n+1+i)
		}
		if !inside {
			continue
		}
		if h.example == "" {
			h.example = f.example
		}
		h.cells.add(c.cellLike(func(s int) bool {
			i := slices.Index(scopes, s)
			return i < 0 || f.in.has(i)
		}))
	}
	if c.memo == nil {
		c.memo = map[string]hit{}
	}
	c.memo[k] = h
	return h.cells, h.example
}

type hit struct {
	cells   set
	example string
}

// cellLike is the cell of namespaces that is in just these scopes.
func (c *comparison) cellLike(in func(scope int) bool) int {
	want := newSet(len(c.scopes))
	for s := range c.scopes {
		if in(s) {
			want.add(s)
		}
	}
	return slices.IndexFunc(c.cells[:c.outside()], func(x cell) bool { return slices.Equal(x.in, want) })
}

// covered reports whether one of the places has all of p.
func (c *comparison) covered(out []access.Where, p access.Where) bool {
	return slices.ContainsFunc(out, func(q access.Where) bool { return c.placeWithin(p, q) })
}

// placeWithin reports whether q has all of p's namespaces. It errs only to
// false.
func (c *comparison) placeWithin(p, q access.Where) bool {
	if q.Cluster || p.Cluster {
		return q.Cluster && p.Cluster
	}
	for _, need := range q.And {
		if !slices.ContainsFunc(p.And, func(has string) bool { return access.PatternContains(need, has) }) {
			return false
		}
	}
	for _, not := range q.Outside {
		apart := slices.ContainsFunc(p.Outside, func(o string) bool { return access.PatternContains(o, not) }) ||
			c.shortest(narrowest(p.And, not), p.Outside) == ""
		if !apart {
			return false
		}
	}
	return true
}

// tidy drops places that others have all of.
func (c *comparison) tidy(out []access.Where) []access.Where {
	for i := 0; i < len(out); i++ {
		if c.covered(slices.Delete(slices.Clone(out), i, i+1), out[i]) {
			out = slices.Delete(out, i, i+1)
			i--
		}
	}
	return out
}

func key(p access.Where) string { return access.Words{In: p.And, But: p.Outside}.Key() }

// shortest is shortest, remembered.
func (c *comparison) shortest(and, outside []string) string {
	k := access.Words{In: and, But: outside}.Key()
	name, ok := c.names[k]
	if !ok {
		name = shortest(and, outside)
		if c.names == nil {
			c.names = map[string]string{}
		}
		c.names[k] = name
	}
	return name
}
