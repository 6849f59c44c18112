// Package diff says exactly what of all that may be asked of a cluster one list
// of rights allows and another does not.
//
// All requests are divided into finitely many sets within which no right tells
// one request from another: API groups, resources, verbs and names into those
// that rules name and one for all others, namespaces into the cells of the
// scopes' patterns. What is in no namespace (cluster-scoped resources, requests
// over all namespaces, URLs that are no resources) is a cell of its own, which
// only a right on the whole cluster reaches. The rights are then sets of bits,
// and the answer is found bit by bit and told in few words.
package diff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// Difference is what changes between two lists of rights. A request is in at
// most one of the five. A right that is not Known may give any part of its
// rules or none; the same unknown thing before and after gives the same.
type Difference struct {
	Gained      []Access // denied before, allowed after
	Lost        []Access // allowed before, denied after
	MaybeGained []Access // gained or unchanged, by what is unknown
	MaybeLost   []Access // lost or unchanged
	Unknown     []Access // may be gained, or lost
}

// Empty reports whether nothing changes, whatever is unknown.
func (d Difference) Empty() bool {
	return len(d.Gained)+len(d.Lost)+len(d.MaybeGained)+len(d.MaybeLost)+len(d.Unknown) == 0
}

// Access is a set of requests: all of Requests in all of Places. Two Accesses
// of a list may have requests in common.
type Access struct {
	// By are the rights in whose words it is said, all of one name: policy Edit
	// in some scopes. Minus are what it would have been part of besides, and is
	// not: Edit, minus the View that stays.
	By    []authz.Reason
	Minus []authz.Reason
	// Places are exactly where; they may overlap.
	Places []access.Where
	// Loose are places that say the same in fewer words. What they have beyond
	// Places is in this list too, in other words, or of Gained was there before.
	Loose []access.Where
	// Implied says that another Access of the list has all of it, in Loose.
	Implied bool
	// Requests are exactly what, disjoint.
	Requests []access.Requests
	// Unknown is what would settle it, of the last three lists.
	Unknown []authz.Unknown
}

// Compare says what changes from before to after. Equal arguments give equal
// answers; the order of rights counts for nothing but the order of By.
func Compare(before, after []authz.Right) Difference {
	c := newComparison(before, after)
	var d Difference
	d.Gained, d.Lost = c.say(gained), c.say(lost)
	d.MaybeGained, d.MaybeLost, d.Unknown = c.say(maybeGained), c.say(maybeLost), c.say(unknown)
	return d
}

type kind int

const (
	gained kind = iota
	lost
	maybeGained
	maybeLost
	unknown
	kinds
)

// comparison is two lists of rights as bits.
type comparison struct {
	space  *space
	scopes []access.Scope // distinct
	cells  []cell         // of namespaces; the last is what is in none
	sides  [2][]right     // before, after
	// flips are by kind and cell the points that are of that kind there; must, by
	// side and cell, what is surely allowed.
	flips [kinds][]set
	must  [2][]set

	land *land // the namespaces, without the last cell
}

// right is a Right as bits.
type right struct {
	authz.Right
	by     []authz.Reason
	scope  int
	points set
	name   string // what it is called; rights of one name and points are one word
	thing  string // of one that is not Known: what is unknown
}

// joined makes one right of those that differ in their namespaces alone, as
// a role that is bound in many; with what each of them was.
func joined(list []authz.Right) (out []authz.Right, by [][]authz.Reason) {
	at := map[string]int{}
	for _, r := range list {
		k := fmt.Sprintf("%t %s %s %v %q", r.Scope.Cluster, GrantKey(r.By), thingOf(r), r.Unknown, r.Rules)
		i, ok := at[k]
		if !ok {
			at[k] = len(out)
			out, by = append(out, r), append(by, []authz.Reason{r.By})
			continue
		}
		out[i].Scope = out[i].Scope.Union(r.Scope)
		by[i] = append(by[i], r.By)
	}
	return out, by
}

func newComparison(before, after []authz.Right) *comparison {
	c := &comparison{}
	var rules []access.Rule
	ruleAt, scopeAt := map[string]int{}, map[string]int{}
	var ruleIDs [2][][]int
	for side, list := range [][]authz.Right{before, after} {
		list, by := joined(list)
		for i, r := range list {
			scopeKey := fmt.Sprintf("%t %q", r.Scope.Cluster, r.Scope.Namespaces)
			s, ok := scopeAt[scopeKey]
			if !ok {
				s = len(c.scopes)
				scopeAt[scopeKey] = s
				c.scopes = append(c.scopes, r.Scope)
			}
			var ids []int
			for _, rule := range r.Rules {
				k := ruleKey(rule)
				id, ok := ruleAt[k]
				if !ok {
					id = len(rules)
					ruleAt[k] = id
					rules = append(rules, rule)
				}
				ids = append(ids, id)
			}
			ruleIDs[side] = append(ruleIDs[side], ids)
			c.sides[side] = append(c.sides[side], right{Right: r, by: by[i], scope: s, name: GrantKey(r.By), thing: thingOf(r)})
		}
	}
	c.space = spaceOf(rules)
	for side := range c.sides {
		for i := range c.sides[side] {
			r := &c.sides[side][i]
			r.points = newSet(len(c.space.points))
			for _, id := range ruleIDs[side][i] {
				r.points.union(c.space.covers[id])
			}
		}
	}
	c.cut()
	c.judge()
	return c
}

func ruleKey(r access.Rule) string {
	return fmt.Sprintf("%q %q %q %q %q", r.Verbs, r.APIGroups, r.Resources, r.ResourceNames, r.NonResourceURLs)
}

// GrantKey tells grants apart by what they are called: a policy, or a role.
func GrantKey(r authz.Reason) string {
	switch {
	case r.Policy != "":
		return "policy " + r.Policy
	case r.Binding != nil && r.Binding.Role.Kind == access.Role:
		return r.Binding.Role.String() + " in " + r.Binding.Namespace
	case r.Binding != nil:
		return r.Binding.Role.String()
	}
	return string(r.By)
}

// thingOf names what is unknown of a right that is not Known, so that the same
// thing before and after is known to be the same.
func thingOf(r authz.Right) string {
	if r.Known {
		return ""
	}
	thing := GrantKey(r.By)
	if u := r.Unknown; u != nil {
		thing = fmt.Sprintf("%s %s %s %s", u.Part, u.Principal, u.Role, thing)
	}
	return thing
}

// cut divides the namespaces by the scopes, and adds what is in none.
func (c *comparison) cut() {
	var lists [][]string
	at := make([]int, len(c.scopes))
	for i, s := range c.scopes {
		at[i] = -1
		if !s.Cluster {
			at[i] = len(lists)
			lists = append(lists, s.Namespaces)
		}
	}
	c.land = landOf(lists)
	found := append(slices.Clone(c.land.cells), cell{in: newSet(len(lists))})
	for i, f := range found {
		in := newSet(len(c.scopes))
		for s := range c.scopes {
			if at[s] < 0 || i < len(found)-1 && f.in.has(at[s]) {
				in.add(s)
			}
		}
		c.cells = append(c.cells, cell{in, f.example})
	}
}

// outside is the cell of what is in no namespace.
func (c *comparison) outside() int { return len(c.cells) - 1 }

// holds is what a right gives in a cell.
func (c *comparison) holds(r *right, at int) (set, bool) {
	if !c.cells[at].in.has(r.scope) {
		return nil, false
	}
	if at != c.outside() {
		return r.points.less(c.space.paths), true
	}
	return r.points, true
}

// judge finds for each cell and point what becomes of it. With the unknown
// things that may give it before (B) and after (A):
//
//	before   after    of the unknown things      it is
//	no       yes                                 gained
//	yes      no                                  lost
//	no       maybe                               maybe gained
//	maybe    yes                                 maybe gained
//	yes      maybe                               maybe lost
//	maybe    no                                  maybe lost
//	maybe    maybe    B = A                      unchanged
//	maybe    maybe    B a part of A              maybe gained
//	maybe    maybe    A a part of B              maybe lost
//	maybe    maybe    else                       unknown
func (c *comparison) judge() {
	n := len(c.space.points)
	for at := range c.cells {
		var must, perhaps [2]set
		things := [2]map[string]set{{}, {}}
		for side := range c.sides {
			must[side], perhaps[side] = newSet(n), newSet(n)
			for i := range c.sides[side] {
				r := &c.sides[side][i]
				points, ok := c.holds(r, at)
				switch {
				case !ok:
				case r.Known:
					must[side].union(points)
				default:
					perhaps[side].union(points)
					if things[side][r.thing] == nil {
						things[side][r.thing] = newSet(n)
					}
					things[side][r.thing].union(points)
				}
			}
		}
		onlyBefore, onlyAfter := newSet(n), newSet(n)
		for thing, points := range things[0] {
			onlyBefore.union(minus(points, things[1][thing]))
		}
		for thing, points := range things[1] {
			onlyAfter.union(minus(points, things[0][thing]))
		}
		b, a := must[0], must[1]
		mb, ma := perhaps[0].less(b), perhaps[1].less(a)
		both := mb.and(ma)
		var f [kinds]set
		f[gained] = a.less(b).less(mb)
		f[lost] = b.less(a).less(ma)
		f[maybeGained] = ma.less(b).less(mb)
		f[maybeGained].union(mb.and(a))
		f[maybeGained].union(both.and(onlyAfter).less(onlyBefore))
		f[maybeLost] = mb.less(a).less(ma)
		f[maybeLost].union(b.and(ma))
		f[maybeLost].union(both.and(onlyBefore).less(onlyAfter))
		f[unknown] = both.and(onlyBefore).and(onlyAfter)
		for k := range f {
			c.flips[k] = append(c.flips[k], f[k])
		}
		for side := range c.sides {
			c.must[side] = append(c.must[side], must[side])
		}
	}
}

// minus is s without o, which may be nil.
func minus(s, o set) set {
	if o == nil {
		return s
	}
	return s.less(o)
}

// String is a difference in short, for tests and logs.
func (d Difference) String() string {
	var b strings.Builder
	for _, part := range []struct {
		sign string
		list []Access
	}{{"+", d.Gained}, {"-", d.Lost}, {"+?", d.MaybeGained}, {"-?", d.MaybeLost}, {"?", d.Unknown}} {
		for _, a := range part.list {
			fmt.Fprintf(&b, "%s %s in %s\n", part.sign, a.What(), a.Where())
		}
	}
	return b.String()
}
