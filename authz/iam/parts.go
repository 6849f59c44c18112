package iam

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// placed is a statement of one side's policies, with where it stands.
type placed struct {
	side   int // 0 before, 1 after
	source *Source
	gate   Gate
	st     *Statement
	text   string // equal for statements of a gate that say the same
	part   int
	action []language
	on     []language
}

// everyPart is the number of what is in each part.
const everyPart = -1

// parts takes two sets of policies apart into pairs that can be compared by
// themselves: no request that a statement of one pair matches is matched by one
// of another, but for statements about every request, which stand in all of
// them. What stands on both sides, and meets nothing that does not, is left
// out: it is the same before and after.
func parts(before, after Policies) [][2]Policies {
	// Who is given nothing is limited by nothing.
	if len(before.Identity) == 0 {
		before.Boundary, before.Session = after.Boundary, after.Session
	}
	if len(after.Identity) == 0 {
		after.Boundary, after.Session = before.Boundary, before.Session
	}
	all := statementsOf(before, after)
	if !slices.Equal(limits(before), limits(after)) {
		return [][2]Policies{{before, after}}
	}
	for i := range all {
		all[i].part = i
		if all[i].universal() {
			if !all[i].onBothSides(all) {
				return [][2]Policies{{before, after}}
			}
			all[i].part = everyPart
		}
	}
	for i := range all { // numbers of statements that meet become one
		for j := range i {
			from, to := all[i].part, all[j].part
			if from != to && from != everyPart && to != everyPart && all[i].meets(&all[j]) {
				for k := range all {
					if all[k].part == from {
						all[k].part = to
					}
				}
			}
		}
	}
	changed := map[int]bool{}
	for i := range all {
		if !all[i].onBothSides(all) {
			changed[all[i].part] = true
		}
	}
	var out [][2]Policies
	for i := range all {
		if p := all[i].part; changed[p] {
			delete(changed, p)
			out = append(out, [2]Policies{only(before, all, 0, p), only(after, all, 1, p)})
		}
	}
	return out
}

// universal reports whether a statement matches every request.
func (s *placed) universal() bool {
	return slices.Contains(s.st.Actions, "*") && slices.Contains(s.st.Resources, "*") && len(s.st.Conditions) == 0
}

// onBothSides reports whether the other side's policies say the same.
func (s *placed) onBothSides(all []placed) bool {
	return slices.ContainsFunc(all, func(o placed) bool { return o.side != s.side && o.gate == s.gate && o.text == s.text })
}

// limits are the policies of which a side has one whatever it says.
func limits(p Policies) []Gate {
	var out []Gate
	if p.Boundary != nil {
		out = append(out, BoundaryGate)
	}
	if len(p.Session) > 0 {
		out = append(out, SessionGate)
	}
	return out
}

func statementsOf(before, after Policies) []placed {
	var out []placed
	for side, p := range []*Policies{&before, &after} {
		add := func(gate Gate, s *Source) {
			for i := range s.Policy.Statements {
				st := &s.Policy.Statements[i]
				said := *st
				said.Sid = ""
				one := placed{side: side, source: s, gate: gate, st: st, text: fmt.Sprintf("%v %q", s.Policy.variables(), said)}
				one.action = languages(st.Actions, func(a string) []token { return glob(fold(a)) })
				one.on = languages(st.Resources, func(r string) []token { return looseTokens(s.Policy, r) })
				out = append(out, one)
			}
		}
		for i := range p.Identity {
			add(IdentityGate, &p.Identity[i])
		}
		if p.Boundary != nil {
			add(BoundaryGate, p.Boundary)
		}
		for i := range p.Session {
			add(SessionGate, &p.Session[i])
		}
	}
	return out
}

// looseTokens is a resource of a policy with whatever its variables may be.
func looseTokens(p *Policy, resource string) []token {
	tokens, _ := resourceTokens(asWritten(p, resource), &Context{OthersUnknown: true, loose: true})
	return tokens
}

// asWritten is a resource of which ${ is text where the policy has no
// variables.
func asWritten(p *Policy, resource string) string {
	if !p.variables() {
		return strings.ReplaceAll(resource, "${", "${$}{")
	}
	return resource
}

func languages(patterns []string, tokens func(string) []token) []language {
	var out []language
	for _, p := range patterns {
		out = append(out, language{tokens(p), false})
	}
	return out
}

// meets reports whether some request may match both statements; one that says
// all but something may match any.
func (s *placed) meets(o *placed) bool {
	some := func(a, b []language) bool {
		return len(a) == 0 || len(b) == 0 || slices.ContainsFunc(a, func(x language) bool {
			return slices.ContainsFunc(b, func(y language) bool { return x.meets(y) })
		})
	}
	return some(s.action, o.action) && some(s.on, o.on)
}

// meets reports whether some text is in both languages, if each wildcard stood
// for any run of characters.
func (l language) meets(o language) bool {
	wild := func(t token) bool { return t.kind != literal }
	// met[j]: what is gone of l and the first j of o meet.
	met := make([]bool, len(o.pattern)+1)
	for i := 0; i <= len(l.pattern); i++ {
		next := make([]bool, len(met))
		for j := range next {
			switch {
			case i == 0 && j == 0:
				next[j] = true
			case i > 0 && wild(l.pattern[i-1]):
				next[j] = met[j] || j > 0 && next[j-1]
			case j > 0 && wild(o.pattern[j-1]):
				next[j] = next[j-1] || i > 0 && met[j]
			default:
				next[j] = i > 0 && j > 0 && l.pattern[i-1] == o.pattern[j-1] && met[j-1]
			}
		}
		met = next
	}
	return met[len(o.pattern)]
}

// only is a side's policies with the statements of one part alone; a boundary
// or a session's policies of which nothing is left allow nothing.
func only(p Policies, all []placed, side, part int) Policies {
	keep := func(s Source) (Source, bool) {
		q := *s.Policy
		q.Statements = nil
		for i := range all {
			if all[i].side == side && (all[i].part == part || all[i].part == everyPart) && all[i].source.Policy == s.Policy {
				q.Statements = append(q.Statements, *all[i].st)
			}
		}
		return Source{s.Name, &q}, len(q.Statements) > 0
	}
	out := Policies{}
	for _, s := range p.Identity {
		if s, ok := keep(s); ok {
			out.Identity = append(out.Identity, s)
		}
	}
	if p.Boundary != nil {
		s, _ := keep(*p.Boundary)
		out.Boundary = &s
	}
	for _, s := range p.Session {
		s, _ := keep(s)
		out.Session = append(out.Session, s)
	}
	return out
}

// verbatim are the rights of policies, where nothing was before, that are just
// what their statements say: all allow, and nothing limits them.
func verbatim(before, after Policies) (rights []Right, ok bool) {
	if len(before.Identity) > 0 {
		return nil, false
	}
	for _, s := range statementsOf(Policies{}, after) {
		switch {
		case s.st.Effect != Allow:
			return nil, false
		case s.gate != IdentityGate:
			if !s.universal() {
				return nil, false
			}
			continue
		}
		r := s.st.right(s.source.Policy)
		action, some := within(s.action, languages(lower(s.st.NotActions), glob), language{glob("*:*"), false}, "*:*")
		resource, any := within(s.on, languages(s.st.NotResources, func(r string) []token { return looseTokens(s.source.Policy, r) }), language{glob("*"), false}, "*")
		if !some || !any {
			return nil, false
		}
		r.Action, r.Resource = action, resource
		rights = append(rights, r)
	}
	// A limit of which nothing is left lets nothing through.
	limited := after.Boundary != nil && len(after.Boundary.Policy.Statements) == 0 ||
		len(after.Session) > 0 && !slices.ContainsFunc(after.Session, func(s Source) bool { return len(s.Policy.Statements) > 0 })
	return rights, !limited
}

func sets(of, but []string) []access.PatternSet {
	if len(but) > 0 {
		return []access.PatternSet{{All: []string{"*"}, Except: but}}
	}
	var out []access.PatternSet
	for _, p := range of {
		out = append(out, access.PatternSet{All: []string{p}})
	}
	return out
}

// within is a text of one of some languages, all where there are none, that is
// in a universe and in none of others.
func within(of, but []language, universe language, all string) (string, bool) {
	first := language{glob(all), false}
	if len(of) > 0 {
		first = of[0]
	}
	texts, _ := examples(append([]language{first, universe}, but...))
	for _, text := range texts {
		if first.has(text) && universe.has(text) && !slices.ContainsFunc(but, func(l language) bool { return l.has(text) }) {
			return text, true
		}
	}
	return "", false
}

// joined puts rights of the same resources and conditions together.
func joined(rights []Right) []Right {
	at := map[string]int{}
	var out []Right
	for _, r := range rights {
		k := fmt.Sprintf("%q %s", r.Resources, r.When)
		i, ok := at[k]
		if !ok {
			at[k] = len(out)
			out = append(out, r)
			continue
		}
		for _, a := range r.Actions {
			if !slices.ContainsFunc(out[i].Actions, func(b access.PatternSet) bool { return slices.Equal(a.All, b.All) && slices.Equal(a.Except, b.Except) }) {
				out[i].Actions = append(out[i].Actions, a)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Right) int {
		return cmp.Or(cmp.Compare(a.Action, b.Action), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.When, b.When))
	})
	return out
}
