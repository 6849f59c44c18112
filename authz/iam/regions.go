package iam

import (
	"cmp"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// axis is the actions, or the resources, of a comparison: the patterns that
// policies write, and a text for each way to lie in them and outside.
type axis struct {
	patterns []string
	cells    []cell
}

type cell struct {
	text string
	in   []bool // by pattern
}

// cells refines what both sides' policies write; whole says that no cell is
// left out.
func (c comparison) cells() (actions, resources axis, whole bool) {
	acts, ress := []string{"*"}, []string{"*", "arn:*"}
	for _, s := range c.sources() {
		for _, st := range s.Policy.Statements {
			acts = slices.Concat(acts, lower(st.Actions), lower(st.NotActions))
			for _, r := range slices.Concat(st.Resources, st.NotResources) {
				ress = append(ress, asWritten(s.Policy, r))
			}
		}
	}
	actions, all := newAxis(acts, language{glob("*:*"), false}, func(p string) []token { return glob(p) })
	resources, every := newAxis(ress, language{glob("arn:*"), false}, func(p string) []token {
		tokens, _ := resourceTokens(p, &Context{OthersUnknown: true, loose: true})
		return tokens
	})
	return actions, resources, all && every
}

func (c comparison) sources() []Source {
	var out []Source
	for _, p := range []Policies{c.before, c.after} {
		out = append(out, p.Identity...)
		if p.Boundary != nil {
			out = append(out, *p.Boundary)
		}
		out = append(out, p.Session...)
	}
	return out
}

// newAxis makes the cells of patterns, of texts that are in a language, or "*",
// which is what actions without resources are asked on.
func newAxis(patterns []string, universe language, tokens func(string) []token) (a axis, whole bool) {
	slices.Sort(patterns)
	a.patterns = slices.Compact(patterns)
	all := make([][]token, len(a.patterns))
	texts := []string{"*"}
	wild := []language{universe}
	for i, p := range a.patterns {
		all[i] = tokens(p)
		if slices.ContainsFunc(all[i], func(t token) bool { return t.kind != literal }) {
			wild = append(wild, language{all[i], false})
		} else {
			texts = append(texts, p)
		}
	}
	// What holds a letter that no pattern names is none of the texts.
	fresh := language{[]token{{kind: run}, {literal, freshLetter(a.patterns)}, {kind: run}}, false}
	found, whole := examples(append(wild, fresh))
	seen := map[string]bool{}
	for _, text := range slices.Concat(texts, found) {
		if text == "*" && !slices.Contains(a.patterns, "arn:*") || text != "*" && !universe.has(text) {
			continue
		}
		c, signature := cell{text: text}, ""
		for i := range a.patterns {
			in := matches(all[i], text)
			c.in = append(c.in, in)
			signature += string(bit(in))
		}
		if !seen[signature] {
			seen[signature] = true
			a.cells = append(a.cells, c)
		}
	}
	return a, whole
}

func freshLetter(patterns []string) rune {
	all := fold(strings.Join(patterns, ""))
	for _, r := range "xyzqjkw" {
		if !strings.ContainsRune(all, r) {
			return r
		}
	}
	for r := rune(0xe0); ; r++ {
		if !strings.ContainsRune(all, r) {
			return r
		}
	}
}

// regions gathers the cells that of takes, by its words, into rights.
func regions(actions, resources axis, outcomes [][]outcome, of func(outcome) (string, bool)) []Right {
	type key struct{ words, row string }
	groups := map[key][]int{} // action cells, by the resource cells they go with
	for i := range actions.cells {
		rows := map[string][]byte{}
		for j := range resources.cells {
			if words, ok := of(outcomes[i][j]); ok {
				if rows[words] == nil {
					rows[words] = []byte(strings.Repeat("0", len(resources.cells)))
				}
				rows[words][j] = '1'
			}
		}
		for words, row := range rows {
			k := key{words, string(row)}
			groups[k] = append(groups[k], i)
		}
	}
	var out []Right
	for k, rows := range groups {
		inRow := func(i int) bool { return slices.Contains(rows, i) }
		inColumn := func(j int) bool { return k.row[j] == '1' }
		out = append(out, Right{
			Actions: actions.name(inRow), Resources: resources.name(inColumn), When: k.words,
			Action: actions.cells[rows[0]].text, Resource: resources.cells[strings.IndexByte(k.row, '1')].text,
		})
	}
	slices.SortFunc(out, func(a, b Right) int {
		return cmp.Or(cmp.Compare(a.Action, b.Action), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.When, b.When))
	})
	return out
}

// name covers the cells of a set, and no others, by patterns: whole ones first,
// then some without others, then single cells.
func (a axis) name(in func(int) bool) []access.PatternSet {
	left := map[int]bool{}
	for i := range a.cells {
		if in(i) {
			left[i] = true
		}
	}
	var out []access.PatternSet
	take := func(s access.PatternSet) {
		n := len(left)
		for i := range a.cells {
			if a.holds(s, i) {
				delete(left, i)
			}
		}
		if len(left) < n {
			out = append(out, s)
		}
	}
	for _, p := range a.widest() {
		if s := (access.PatternSet{All: []string{a.patterns[p]}}); a.within(s, in) {
			take(s)
		}
	}
	for _, p := range a.widest() {
		s := access.PatternSet{All: []string{a.patterns[p]}}
		for _, q := range a.widest() {
			if q != p && !a.meets(q, in) && a.meets(q, func(i int) bool { return a.holds(s, i) }) {
				s.Except = append(s.Except, a.patterns[q])
			}
		}
		if len(s.Except) > 0 && a.within(s, in) {
			slices.Sort(s.Except)
			take(s)
		}
	}
	for i := range a.cells {
		if left[i] {
			take(a.single(i))
		}
	}
	return out
}

// widest are the patterns, those of the most cells first.
func (a axis) widest() []int {
	size := make([]int, len(a.patterns))
	order := make([]int, len(a.patterns))
	for p := range a.patterns {
		order[p] = p
		for _, c := range a.cells {
			if c.in[p] {
				size[p]++
			}
		}
	}
	slices.SortStableFunc(order, func(p, q int) int { return cmp.Compare(size[q], size[p]) })
	return order
}

// meets reports whether a pattern has a cell of the set.
func (a axis) meets(p int, in func(int) bool) bool {
	for i, c := range a.cells {
		if c.in[p] && in(i) {
			return true
		}
	}
	return false
}

// within reports whether a set holds some cell, and only cells of in.
func (a axis) within(s access.PatternSet, in func(int) bool) bool {
	some := false
	for i := range a.cells {
		if !a.holds(s, i) {
			continue
		}
		if !in(i) {
			return false
		}
		some = true
	}
	return some
}

func (a axis) holds(s access.PatternSet, i int) bool {
	has := func(p string) bool {
		k, _ := slices.BinarySearch(a.patterns, p)
		return a.cells[i].in[k]
	}
	return !slices.ContainsFunc(s.All, func(p string) bool { return !has(p) }) && !slices.ContainsFunc(s.Except, has)
}

// single is one cell: all patterns that have it, without those that have not.
func (a axis) single(i int) access.PatternSet {
	var s access.PatternSet
	for p, in := range a.cells[i].in {
		if in {
			s.All = append(s.All, a.patterns[p])
		}
	}
	// Not those that take in all of another.
	all := slices.Clone(s.All)
	s.All = slices.DeleteFunc(s.All, func(wide string) bool {
		return slices.ContainsFunc(all, func(p string) bool { return p != wide && a.wider(wide, p) })
	})
	for p, in := range a.cells[i].in {
		if !in && a.meets(p, func(j int) bool { return a.holds(access.PatternSet{All: s.All}, j) }) {
			s.Except = append(s.Except, a.patterns[p])
		}
	}
	return s
}

// wider reports whether a pattern has all the cells of another, and more.
func (a axis) wider(wide, p string) bool {
	more := false
	for i := range a.cells {
		w, in := a.holds(access.PatternSet{All: []string{wide}}, i), a.holds(access.PatternSet{All: []string{p}}, i)
		if in && !w {
			return false
		}
		more = more || w && !in
	}
	return more
}
