package diff

import (
	"cmp"
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// word is what rights of one name and one content are called, with the cells
// in which they hold.
type word struct {
	name   string
	points set
	cells  set
	rights []int
}

// words are those of a side, widest first.
func (c *comparison) words(side int) []word {
	var out []word
	at := map[string]int{}
	for i := range c.sides[side] {
		r := &c.sides[side][i]
		k := r.name + " " + r.points.key()
		j, ok := at[k]
		if !ok {
			j = len(out)
			at[k] = j
			out = append(out, word{name: r.name, points: r.points, cells: newSet(len(c.cells))})
		}
		out[j].rights = append(out[j].rights, i)
		for cell := range c.cells {
			if c.cells[cell].in.has(r.scope) {
				out[j].cells.add(cell)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b word) int {
		return cmp.Or(cmp.Compare(b.points.count(), a.points.count()), cmp.Compare(b.cells.count(), a.cells.count()),
			cmp.Compare(a.name, b.name), cmp.Compare(a.points.key(), b.points.key()))
	})
	return out
}

// in is what a word gives in a cell.
func (c *comparison) in(w *word, at int) set {
	switch {
	case !w.cells.has(at):
		return newSet(len(c.space.points))
	case at == c.outside():
		return w.points
	}
	return w.points.less(c.space.paths)
}

// said is one phrase on the way: these points in these cells.
type said struct {
	word   *word
	minus  []*word
	points set // the paths' among them hold in the outside cell alone
	cells  set
	says   set // the cells that are said, more loosely than cells
}

// say puts what is of a kind into the words of the side that gives it, widest
// first. Every such point is of a right of that side, so nothing is left.
func (c *comparison) say(k kind) []Access {
	if !slices.ContainsFunc(c.flips[k], func(s set) bool { return !s.empty() }) {
		return nil
	}
	side := 1
	if k == lost || k == maybeLost {
		side = 0
	}
	words, others := c.words(side), c.words(1-side)
	left := make([]set, len(c.cells))
	for at := range c.cells {
		left[at] = c.flips[k][at].clone()
	}
	var all []*said
	// First the words all of which is of the kind, then those that need a minus.
	for _, whole := range []bool{true, false} {
		for i := range words {
			all = append(all, c.phrases(k, &words[i], others, left, whole)...)
		}
	}
	out := make([]Access, len(all))
	for i, s := range all {
		out[i] = c.access(k, side, s)
		out[i].Implied = slices.ContainsFunc(all[:i], func(wider *said) bool { return s.points.within(wider.points) && s.cells.within(wider.says) })
	}
	return out
}

// phrases says what is left in one word, and takes it from left.
func (c *comparison) phrases(k kind, w *word, others []word, left []set, whole bool) []*said {
	var out []*said
	of := map[string]*said{}
	for at := range c.cells {
		has := c.in(w, at)
		points := has.and(c.flips[k][at])
		if !points.meets(left[at]) || whole && !has.within(points) {
			continue
		}
		left[at] = left[at].less(points)
		rest := c.whose(has.less(points), others, at)
		key := points.less(c.space.paths).key()
		for _, o := range rest {
			key += "\x00" + o.name
		}
		s, ok := of[key]
		if !ok {
			s = &said{word: w, minus: rest, points: newSet(len(c.space.points)), cells: newSet(len(c.cells))}
			of[key] = s
			out = append(out, s)
		}
		s.points.union(points)
		s.cells.add(at)
	}
	return out
}

// whose are the words of the other side in which rest lies, widest first.
func (c *comparison) whose(rest set, others []word, at int) []*word {
	var out []*word
	for !rest.empty() {
		var best *word
		most := 0
		for i := range others {
			if n := c.in(&others[i], at).and(rest).count(); n > most {
				best, most = &others[i], n
			}
		}
		if best == nil {
			break
		}
		out = append(out, best)
		rest = rest.less(best.points)
	}
	return out
}

func (c *comparison) access(k kind, side int, s *said) Access {
	a := Access{Requests: c.space.requests(s.points)}
	for _, i := range s.word.rights {
		r := &c.sides[side][i]
		holds := func(at int) bool { return c.cells[at].in.has(r.scope) }
		if slices.ContainsFunc(slices.Collect(s.cells.all()), holds) {
			a.By = append(a.By, r.by...)
		}
	}
	for _, w := range s.minus {
		a.Minus = append(a.Minus, c.sides[1-side][w.rights[0]].By)
	}
	a.Places, a.Loose, s.says = c.places(s.cells, s.cells), nil, s.cells
	loose := c.loose(k, s)
	if a.Loose = c.places(s.cells, loose); weight(a.Loose) >= weight(a.Places) {
		a.Loose = a.Places
	} else {
		s.says = c.cellsIn(a.Loose)
	}
	if k == maybeGained || k == maybeLost || k == unknown {
		a.Unknown = c.settles(s)
	}
	return a
}

// weight is how long places are to read.
func weight(places []access.Where) int {
	n := 0
	for _, p := range places {
		for _, list := range p.In {
			n += len(list)
		}
		n += 2 * len(p.Outside)
		if len(p.In) == 0 {
			n++
		}
	}
	return n
}

// places says cells: what is in no namespace, and namespaces.
func (c *comparison) places(must, may set) []access.Where {
	var out []access.Where
	if must.has(c.outside()) {
		out = append(out, access.Where{Cluster: true})
	}
	return append(out, c.land.places(c.inLand(must), c.inLand(may))...)
}

// inLand are cells without the one of what is in no namespace.
func (c *comparison) inLand(cells set) set {
	out := newSet(len(c.land.cells))
	for at := range cells.all() {
		if at != c.outside() {
			out.add(at)
		}
	}
	return out
}

// cellsIn are the cells all of which lies in the places.
func (c *comparison) cellsIn(places []access.Where) set {
	out := newSet(len(c.cells))
	var named []access.Where
	for _, p := range places {
		if p.Cluster {
			out.add(c.outside())
		} else {
			named = append(named, p)
		}
	}
	for at := range c.land.cells {
		if c.land.covered(named, c.land.exact(at)) {
			out.add(at)
		}
	}
	return out
}

// loose are the cells in which a phrase is true besides, though not needed
// there: its words hold, and all that it names is of its kind and said in wider
// words, or of what is gained, was there before. Where something is kept, it
// is never called lost.
func (c *comparison) loose(k kind, s *said) set {
	out := s.cells.clone()
	for at := range s.word.cells.all() {
		points := s.points
		if at != c.outside() {
			points = points.less(c.space.paths)
		}
		if points.within(c.flips[k][at]) || k == gained && points.within(c.must[1][at]) {
			out.add(at)
		}
	}
	return out
}

// settles are the readings that would tell what becomes of a phrase.
func (c *comparison) settles(s *said) []authz.Unknown {
	var out []authz.Unknown
	for side := range c.sides {
		for i := range c.sides[side] {
			r := &c.sides[side][i]
			if r.Known || r.Unknown == nil || !r.points.meets(s.points) || slices.Contains(out, *r.Unknown) {
				continue
			}
			for at := range s.cells.all() {
				if c.cells[at].in.has(r.scope) {
					out = append(out, *r.Unknown)
					break
				}
			}
		}
	}
	return out
}
