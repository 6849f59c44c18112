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
	verbs     map[string]uint32
	pages     uint32 // of 64 verbs
	groups    map[string]uint32
	resources map[resource]uint32 // a request's two parts, as some rule has them joined
	forms     map[string]uint32   // what rules have for resources: pods, pods/log, */scale, *
	under     map[string]uint32   // the forms */X, by X
	pairs     map[uint64]uint32   // a group and a form that stand in one rule
	names     map[string]uint32
	spaces    map[string]uint32
}

type resource struct{ name, sub string }

// star is the number of "*" among groups and forms.
const star = 1

func newWords() *words {
	return &words{
		verbs: map[string]uint32{}, groups: map[string]uint32{"*": star}, resources: map[resource]uint32{},
		forms: map[string]uint32{"*": star}, under: map[string]uint32{}, pairs: map[uint64]uint32{},
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
	w.resources[resource{name: s}] = n
	for i := range len(s) {
		if s[i] == '/' && i+1 < len(s) {
			w.resources[resource{s[:i], s[i+1:]}] = n
		}
	}
	if sub, ok := strings.CutPrefix(s, "*/"); ok && sub != "" {
		w.under[sub] = n
	}
	return n
}

func (w *words) pair(group, form uint32) uint32 {
	key := uint64(group)<<32 | uint64(form)
	n, ok := w.pairs[key]
	if !ok {
		n = uint32(len(w.pairs))
		w.pairs[key] = n
	}
	return n
}

// learn takes in the verbs of rules; tables are made when all are known.
func (w *words) learn(rules []access.Rule) {
	for i := range rules {
		for _, v := range rules[i].Verbs {
			if v != "*" {
				number(w.verbs, v, 1)
			}
		}
	}
}

// query is a request in numbers.
type query struct {
	page, bit uint32 // of the verb
	pairs     [6]uint32
	n         int // pairs that some rule has
	bloom     uint64
	name      uint32
	named     bool // name is one that some rule has
	space     uint32
	inSpace   bool // some binding is in the request's namespace
	namespace string
	path      string
}

func (w *words) query(r *Request) query {
	verb := w.verbs[r.Verb]
	q := query{page: verb / 64, bit: verb % 64, namespace: r.Namespace, path: r.Path}
	if q.path != "" {
		q.namespace = ""
		return q
	}
	if r.Namespace != "" {
		q.space, q.inSpace = w.spaces[r.Namespace]
	}
	if len(w.names) > 0 {
		q.name, q.named = w.names[r.Name]
	}
	group := w.groups[r.Group]
	if r.Group == "*" {
		group = 0
	}
	form := w.resources[resource{r.Resource, r.Subresource}]
	var under uint32
	if r.Subresource != "" {
		under = w.under[r.Subresource]
	}
	for _, g := range [...]uint32{group, star} {
		if g == 0 {
			continue
		}
		for _, f := range [...]uint32{form, under, star} {
			if f == 0 {
				continue
			}
			if p, ok := w.pairs[uint64(g)<<32|uint64(f)]; ok {
				q.pairs[q.n] = p
				q.n++
				q.bloom |= 1 << (p % 64)
			}
		}
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
