package authz

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// words numbers what the rules of a cluster speak of, so that a request is
// looked up once and then compared as numbers. Number 0 is whatever no rule
// speaks of, which only stars cover.
type words struct {
	verbs  map[string]uint32
	atHand [64]handy // some of the verbs
	pages  uint32    // of 64 verbs
	groups map[string]uint32
	core   uint32            // the number of the group ""
	forms  map[string]uint32 // what rules have for resources: pods, pods/log, */scale, *
	subs   map[string]*subresource
	pairs  [][]pair // by form: the groups that stand with it in one rule, sorted
	paired uint32   // how many pairs there are
	names  map[string]uint32
	spaces map[string]uint32
}

// handy is a verb with its number; none: 0.
type handy struct {
	verb   string
	number uint32
}

// subresource are the forms that are for a subresource.
type subresource struct {
	every uint32            // */X; 0: none
	of    map[string]uint32 // by the resource
}

// pair numbers a group and a form that stand in one rule.
type pair struct{ group, number uint32 }

// star is the number of "*" among groups and forms.
const star = 1

func newWords() *words {
	return &words{
		verbs: map[string]uint32{}, groups: map[string]uint32{"*": star}, forms: map[string]uint32{"*": star}, subs: map[string]*subresource{},
		names: map[string]uint32{}, spaces: map[string]uint32{},
	}
}

// number gives a word its number, from first on.
func number(m map[string]uint32, word string, first int) uint32 {
	n, ok := m[word]
	if !ok {
		n = uint32(len(m) + first)
		m[word] = n
	}
	return n
}

// form numbers a rule's resource, and every request that it is literally for.
func (w *words) form(s string) uint32 {
	n, ok := w.forms[s]
	if ok {
		return n
	}
	n = number(w.forms, s, 1)
	for i := range len(s) {
		if s[i] == '/' && i+1 < len(s) {
			sub := w.subs[s[i+1:]]
			if sub == nil {
				sub = &subresource{of: map[string]uint32{}}
				w.subs[s[i+1:]] = sub
			}
			sub.of[s[:i]] = n
			if s[:i] == "*" {
				sub.every = n
			}
		}
	}
	return n
}

// pair numbers a rule's group and form.
func (w *words) pair(group, form uint32) uint32 {
	for uint32(len(w.pairs)) <= form {
		w.pairs = append(w.pairs, nil)
	}
	of := w.pairs[form]
	i, ok := slices.BinarySearchFunc(of, group, func(p pair, g uint32) int { return cmp.Compare(p.group, g) })
	if !ok {
		w.pairs[form] = slices.Insert(of, i, pair{group, w.paired})
		w.paired++
	}
	return w.pairs[form][i].number
}

// add notes the pair of a form, by its groups, and a group, if some rule has it.
// The search is by hand, as those of table.has and held.inside: slices' own costs
// a decision a fifth of its time.
func (q *query) add(of []pair, group uint32) {
	lo, hi := 0, len(of)
	for lo < hi {
		m := int(uint(lo+hi) / 2)
		if of[m].group < group {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo < len(of) && of[lo].group == group {
		q.pairs[q.n] = of[lo].number
		q.n++
		q.bloom |= 1 << (of[lo].number % 64)
	}
}

// learn takes in the verbs of rules; tables are made when all are known.
func (w *words) learn(rules []access.Rule) {
	for i := range rules {
		for _, v := range rules[i].Verbs {
			if v != "*" {
				w.atHand[atHand(v)] = handy{v, number(w.verbs, v, 1)}
			}
		}
	}
}

// atHand gives a verb its place among those that are found without a map: few
// verbs have both a length and a first letter in common.
func atHand(verb string) int {
	if verb == "" {
		return 0
	}
	return (len(verb)*8 + int(verb[0])) % 64
}

// verb is the number of a verb, 0 if no rule has it.
func (w *words) verb(verb string) uint32 {
	if h := &w.atHand[atHand(verb)]; h.number != 0 && h.verb == verb {
		return h.number
	}
	return w.verbs[verb]
}

// query is a request in numbers.
type query struct {
	page, bit uint32 // of the verb
	pairs     [6]uint32
	n         int // pairs that some rule has
	bloom     uint64
	name      uint32
	named     bool // name is one that some rule has
	namespace string
	path      string
}

func (w *words) query(r *Request) query {
	verb := w.verb(r.Verb)
	q := query{page: verb / 64, bit: verb % 64, namespace: r.Namespace, path: r.Path}
	if q.path != "" {
		q.namespace = ""
		return q
	}
	group := w.core
	switch r.Group {
	case "":
	case "*":
		group = 0
	default:
		group = w.groups[r.Group]
	}
	forms := [...]uint32{0, 0, star}
	if r.Subresource == "" {
		if r.Resource != "*" {
			forms[0] = w.forms[r.Resource]
		}
	} else if sub := w.subs[r.Subresource]; sub != nil {
		forms[0], forms[1] = sub.of[r.Resource], sub.every
	}
	for _, f := range forms {
		if f == 0 || int(f) >= len(w.pairs) {
			continue
		}
		if group != 0 {
			q.add(w.pairs[f], group)
		}
		q.add(w.pairs[f], star)
	}
	if q.n > 0 && len(w.names) > 0 {
		q.name, q.named = w.names[r.Name]
	}
	return q
}

// table is a set of rules made ready: for each pair of group and resource the
// verbs, as bits of a page of 64.
type table struct {
	bloom uint64
	cells []cell // sorted
	names []nameCell
	urls  []url
	// self says that some rule has impersonate, bind or escalate, by which one
	// comes to what one does not have.
	self bool
}

type cell struct {
	pair, page uint32
	verbs      uint64
}

type nameCell struct {
	pair, name, page uint32
	verbs            uint64
}

type url struct {
	text   string
	prefix bool
	verbs  []uint64 // by page
}

func (c cell) compare(o cell) int {
	return cmp.Or(cmp.Compare(c.pair, o.pair), cmp.Compare(c.page, o.page))
}

func (c nameCell) compare(o nameCell) int {
	return cmp.Or(cmp.Compare(c.pair, o.pair), cmp.Compare(c.name, o.name), cmp.Compare(c.page, o.page))
}

// table compiles rules. All verbs have been learnt.
func (w *words) table(rules []access.Rule) table {
	var t table
	cells := map[cell]uint64{}
	names := map[nameCell]uint64{}
	for i := range rules {
		r := &rules[i]
		verbs := w.bits(r.Verbs)
		t.self = t.self || selfVerb(r.Verbs)
		for _, u := range r.NonResourceURLs {
			t.urls = append(t.urls, url{text: strings.TrimRight(u, "*"), prefix: strings.HasSuffix(u, "*"), verbs: verbs})
		}
		for _, g := range r.APIGroups {
			group := number(w.groups, g, 1)
			if g == "" {
				w.core = group
			}
			for _, s := range r.Resources {
				pair := w.pair(group, w.form(s))
				t.bloom |= 1 << (pair % 64)
				for page, bits := range verbs {
					if len(r.ResourceNames) == 0 {
						cells[cell{pair: pair, page: uint32(page)}] |= bits
					}
					for _, n := range r.ResourceNames {
						names[nameCell{pair: pair, name: number(w.names, n, 0), page: uint32(page)}] |= bits
					}
				}
			}
		}
	}
	for c, verbs := range cells {
		c.verbs = verbs
		t.cells = append(t.cells, c)
	}
	for c, verbs := range names {
		c.verbs = verbs
		t.names = append(t.names, c)
	}
	slices.SortFunc(t.cells, cell.compare)
	slices.SortFunc(t.names, nameCell.compare)
	return t
}

// bits are verbs as bits, a word for each page; a star is all of them.
func (w *words) bits(verbs []string) []uint64 {
	out := make([]uint64, w.pages)
	for _, v := range verbs {
		if v == "*" {
			for i := range out {
				out[i] = ^uint64(0)
			}
			return out
		}
		n := w.verbs[v]
		out[n/64] |= 1 << (n % 64)
	}
	return out
}

// covers reports whether some rule of the table gives what is asked.
func (t *table) covers(q *query) bool {
	if q.path != "" {
		for i := range t.urls {
			if u := &t.urls[i]; u.verbs[q.page]>>q.bit&1 != 0 && (u.prefix && strings.HasPrefix(q.path, u.text) || !u.prefix && q.path == u.text) {
				return true
			}
		}
		return false
	}
	if t.bloom&q.bloom == 0 {
		return false
	}
	for _, p := range q.pairs[:q.n] {
		if t.bloom>>(p%64)&1 == 0 {
			continue
		}
		if t.has(p, q) || q.named && len(t.names) > 0 && t.hasNamed(p, q) {
			return true
		}
	}
	return false
}

func (t *table) has(pair uint32, q *query) bool {
	lo, hi := 0, len(t.cells)
	for lo < hi {
		m := int(uint(lo+hi) / 2)
		if c := &t.cells[m]; c.pair < pair || c.pair == pair && c.page < q.page {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo == len(t.cells) {
		return false
	}
	c := &t.cells[lo]
	return c.pair == pair && c.page == q.page && c.verbs>>q.bit&1 != 0
}

func (t *table) hasNamed(pair uint32, q *query) bool {
	i, ok := slices.BinarySearchFunc(t.names, nameCell{pair: pair, name: q.name, page: q.page}, nameCell.compare)
	return ok && t.names[i].verbs>>q.bit&1 != 0
}

// union is one table of several.
func union(tables []table, which []int32) table {
	var out table
	urls := map[string]bool{}
	for _, i := range which {
		t := &tables[i]
		out.bloom |= t.bloom
		out.self = out.self || t.self
		out.cells = append(out.cells, t.cells...)
		out.names = append(out.names, t.names...)
		for _, u := range t.urls {
			key := fmt.Sprint(u)
			if !urls[key] {
				urls[key] = true
				out.urls = append(out.urls, u)
			}
		}
	}
	slices.SortFunc(out.cells, cell.compare)
	slices.SortFunc(out.names, nameCell.compare)
	cells := out.cells[:0]
	for _, c := range out.cells {
		if n := len(cells); n > 0 && cells[n-1].compare(c) == 0 {
			cells[n-1].verbs |= c.verbs
		} else {
			cells = append(cells, c)
		}
	}
	names := out.names[:0]
	for _, c := range out.names {
		if n := len(names); n > 0 && names[n-1].compare(c) == 0 {
			names[n-1].verbs |= c.verbs
		} else {
			names = append(names, c)
		}
	}
	out.cells, out.names = cells, names
	return out
}
