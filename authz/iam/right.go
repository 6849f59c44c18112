package iam

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// String says a right: actions, resources, conditions.
func (r Right) String() string {
	out := setWords(r.Actions) + " on " + setWords(r.Resources)
	switch {
	case r.When == "":
	case strings.HasPrefix(r.When, "unless "), strings.HasPrefix(r.When, "in some cases"):
		out += " " + r.When
	default:
		out += " if " + r.When
	}
	return out
}

func setWords(sets []access.PatternSet) string {
	var out []string
	for _, s := range sets {
		switch words := strings.Join(s.All, " and "); {
		case len(s.Except) == 0:
			out = append(out, words)
		case words == "*" && len(sets) == 1:
			out = append(out, "all but "+strings.Join(s.Except, ", "))
		default:
			out = append(out, words+" (not "+strings.Join(s.Except, ", ")+")")
		}
	}
	return strings.Join(out, ", ")
}

// Spelt are rights with their actions as the policies write them: a comparison
// has them in small letters.
func Spelt(rights []Right, of ...Policies) []Right {
	written := map[string]string{}
	for _, p := range of {
		for _, s := range p.own() {
			for _, st := range s.Policy.Statements {
				for _, a := range slices.Concat(st.Actions, st.NotActions) {
					written[fold(a)] = a
				}
			}
		}
	}
	words := func(actions []string) []string {
		var out []string
		for _, a := range actions {
			if w, ok := written[a]; ok {
				a = w
			}
			out = append(out, a)
		}
		return out
	}
	out := slices.Clone(rights)
	for i := range out {
		out[i].Actions = slices.Clone(out[i].Actions)
		for j, s := range out[i].Actions {
			out[i].Actions[j] = access.PatternSet{All: words(s.All), Except: words(s.Except)}
		}
	}
	return out
}

// own are the caller's own policies that were read, the identity's last.
func (p Policies) own() []Source {
	all := slices.Clone(p.Session)
	if p.Boundary != nil {
		all = append(all, *p.Boundary)
	}
	return slices.DeleteFunc(append(all, p.Identity...), func(s Source) bool { return s.Policy == nil })
}

// Denials are what statements of the caller's own policies deny whatever else
// allows it, as they write it.
func Denials(p Policies) []Right {
	var out []Right
	for _, s := range p.own() {
		for i := range s.Policy.Statements {
			if st := &s.Policy.Statements[i]; st.Effect == Deny {
				out = append(out, st.right(s.Policy))
			}
		}
	}
	return joined(out)
}

// right is what a statement of a policy is about, in its own words.
func (s *Statement) right(of *Policy) Right {
	r := Right{Actions: sets(lower(s.Actions), lower(s.NotActions)), Resources: sets(s.Resources, s.NotResources)}
	var when []string
	for _, cond := range s.Conditions {
		when = append(when, cond.String())
	}
	if all := slices.Concat(s.Resources, s.NotResources); of.variables() && slices.ContainsFunc(all, func(r string) bool { return len(variablesOf(r)) > 0 }) {
		when = append(when, "the resource is one of "+strings.Join(all, ", "))
	}
	r.When = strings.Join(when, " and ")
	return r
}
