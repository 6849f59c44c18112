package iam

import (
	"slices"
	"strings"
)

// searchLimit is how many combinations of unknown keys are tried.
const searchLimit = 2000

// search tries the completions of unknown keys, key by key, each by one value
// of every cell of its values.
type search struct {
	e    *evaluator
	left int
	cut  bool // not all were tried
}

// verdict is what all completions of ctx agree on; g is what is certain in it.
// explicit says of a denial that a Deny matches in each of them.
func (s *search) verdict(ctx *Context, g gates) (v Verdict, explicit bool) {
	if v := g.verdict(); v != Undetermined {
		return v, g.denied == yes
	}
	if g.denied == maybe && g.allowed == no {
		return Denied, false
	}
	key := s.e.nextKey(ctx, g)
	if key == "" {
		return Undetermined, false
	}
	lists, whole := s.e.completions(key, ctx, g)
	s.cut = s.cut || !whole
	for i, values := range lists {
		if s.left--; s.left < 0 {
			s.cut = true
			return Undetermined, false
		}
		next := ctx.with(key, values)
		got, e := s.verdict(next, s.e.evaluate(next))
		if i == 0 {
			v, explicit = got, e
		}
		if got != v || got == Undetermined {
			return Undetermined, false
		}
		explicit = explicit && e
	}
	if !whole {
		return Undetermined, false
	}
	return v, explicit
}

// open gives the conditions that may depend on an unknown key: those of the
// clauses that may match.
func (e *evaluator) open(g gates, visit func(c *clause)) {
	for i := range e.clauses {
		if g.clauses[i] == maybe && e.clauses[i].st != nil {
			visit(&e.clauses[i])
		}
	}
}

// unknownKeys are the keys on which clauses that may match depend, sorted.
func (e *evaluator) unknownKeys(ctx *Context, g gates) []string {
	found := map[string]bool{}
	note := func(key string) {
		if _, known := ctx.get(key); !known {
			found[spelling(key)] = true
		}
	}
	if e.rule(ctx) == maybe {
		note(mfa.Key)
	}
	e.open(g, func(c *clause) {
		for _, cond := range c.st.Conditions {
			note(cond.Key)
		}
		for _, v := range c.variables() {
			note(v)
		}
	})
	return sortedKeys(found)
}

// nextKey is the unknown key to split next: one that stands in a variable
// before others, so that what is compared to it is text by then.
func (e *evaluator) nextKey(ctx *Context, g gates) string {
	inVariable := map[string]bool{}
	e.open(g, func(c *clause) {
		for _, v := range c.variables() {
			inVariable[spelling(v)] = true
		}
	})
	keys := e.unknownKeys(ctx, g)
	if i := slices.IndexFunc(keys, func(k string) bool { return inVariable[k] }); i >= 0 {
		return keys[i]
	}
	if len(keys) > 0 {
		return keys[0]
	}
	return ""
}

// variables are the keys of the variables in a clause.
func (c *clause) variables() []string {
	if !c.policy.variables() {
		return nil
	}
	var out []string
	scan := func(texts []string) {
		for _, s := range texts {
			out = append(out, variablesOf(s)...)
		}
	}
	scan(c.st.Resources)
	scan(c.st.NotResources)
	for i := range c.st.Conditions {
		if k := &c.st.Conditions[i]; k.stringly() {
			scan(k.Values)
		}
	}
	return out
}

// variablesOf are the keys of the variables in a text.
func variablesOf(text string) (keys []string) {
	for {
		_, rest, found := strings.Cut(text, "${")
		if !found {
			return keys
		}
		name, after, _ := strings.Cut(rest, "}")
		if key, _, _ := strings.Cut(name, ","); strings.Contains(key, ":") {
			keys = append(keys, key)
		}
		text = after
	}
}

// stringly reports whether the operator compares strings or ARNs, in whose
// values variables stand.
func (c *Condition) stringly() bool {
	return strings.HasPrefix(c.Operator.Name, "String") || strings.HasPrefix(c.Operator.Name, "Arn")
}

// completions are the lists of values that a key may have, one for each
// behaviour; whole says that no behaviour is left out.
func (e *evaluator) completions(key string, ctx *Context, g gates) (lists [][]string, whole bool) {
	if among := ctx.among[fold(key)]; among != nil {
		for _, v := range among {
			lists = append(lists, []string{v})
		}
		return lists, true
	}
	facts := globalKeys[fold(key)]
	if !facts.always || !facts.unsigned && !e.q.Caller.signs() {
		lists = append(lists, nil)
	}
	u := e.uses(key, ctx, g)
	values, whole := u.values(facts)
	for _, v := range values {
		lists = append(lists, []string{v})
	}
	if !facts.many && !(facts.name == "" && u.sets > 0 && !isTag(key)) {
		return lists, whole
	}
	if u.plain { // assumption U-9 makes every list of several values one behaviour
		for _, v := range values {
			lists = append(lists, []string{v, v})
		}
	}
	// One value is enough to show how one condition comes out, and one more
	// beside an empty one, which alone is no data.
	for size := 2; size <= min(u.sets+1, len(values)); size++ {
		lists = append(lists, subsets(values, size)...)
		if len(lists) > searchLimit {
			return lists[:searchLimit], false
		}
	}
	return lists, whole
}

func isTag(key string) bool {
	return slices.ContainsFunc(tagKeys, func(p string) bool { return strings.HasPrefix(fold(key), fold(p)) })
}

// subsets are the subsets of a size; of very many some.
func subsets(of []string, size int) [][]string {
	if size == 0 {
		return [][]string{nil}
	}
	var out [][]string
	for i := range of {
		for _, rest := range subsets(of[i+1:], size-1) {
			if out = append(out, append([]string{of[i]}, rest...)); len(out) > searchLimit {
				return out
			}
		}
	}
	return out
}
