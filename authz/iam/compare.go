package iam

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// Right is a set of requests: its actions on its resources.
type Right struct {
	Actions, Resources []access.PatternSet // each the union of its sets
	// When words the conditions under which it is so; empty: always.
	When string
	// One of the requests.
	Action, Resource string
}

// Difference is what policies give after a change and did not before, and the
// other way round. A request that is neither in Gained, Lost nor Unclear is
// answered as it was, but for what Unread holds.
type Difference struct {
	Gained, Lost []Right
	// Unclear are requests of which it was not settled: conditions with too many
	// combinations, or variables whose keys are asked for twice.
	Unclear []Right
	// Unread are policies that were not read, hence not compared; those of one
	// side alone begin with "gained: " or "lost: ".
	Unread []string
	// Partial says that there are too many patterns to compare them all: there
	// may be more in Gained and Lost.
	Partial bool
}

// Compare tells what the caller's own policies give after a change and did not
// before, and the other way round: as actions times resources, whatever the
// resources' policies say. Of the context only what ctx knows is known; nil is
// what follows from the caller. Values of a condition are weighed as Decide
// does. The identity policies, the boundaries and the session policies are
// compared, and no others.
func Compare(caller Caller, before, after Policies, ctx *Context) Difference {
	if ctx == nil {
		ctx = caller.Context()
		ctx.OthersUnknown = true
	}
	var d Difference
	before, after, d.Unread = comparable(before, after)
	for _, p := range parts(before, after) {
		if gained, ok := verbatim(p[0], p[1]); ok && caller.signs() {
			d.Gained = append(d.Gained, gained...)
			continue
		}
		if lost, ok := verbatim(p[1], p[0]); ok && caller.signs() {
			d.Lost = append(d.Lost, lost...)
			continue
		}
		c := comparison{caller: caller, ctx: ctx, before: p[0], after: p[1], known: map[string]outcome{}}
		c.compare(&d)
	}
	d.Gained, d.Lost, d.Unclear = joined(d.Gained), joined(d.Lost), joined(d.Unclear)
	return d
}

// compare adds the difference of one part.
func (c comparison) compare(d *Difference) {
	actions, resources, whole := c.cells()
	d.Partial = d.Partial || !whole
	outcomes := make([][]outcome, len(actions.cells))
	for i, a := range actions.cells {
		for _, r := range resources.cells {
			outcomes[i] = append(outcomes[i], c.outcome(a.text, r.text))
		}
	}
	pick := func(of func(outcome) (string, bool)) []Right { return regions(actions, resources, outcomes, of) }
	d.Gained = append(d.Gained, pick(func(o outcome) (string, bool) { return o.whenGained, o.gained })...)
	d.Lost = append(d.Lost, pick(func(o outcome) (string, bool) { return o.whenLost, o.lost })...)
	d.Unclear = append(d.Unclear, pick(func(o outcome) (string, bool) { return "", o.unclear })...)
}

// comparable leaves the policies that were read.
func comparable(before, after Policies) (b, a Policies, unread []string) {
	strip := func(p Policies) (Policies, []string) {
		var names []string
		out := Policies{}
		for _, s := range p.Identity {
			if s.Policy == nil {
				names = append(names, s.Name)
				continue
			}
			out.Identity = append(out.Identity, s)
		}
		if out.Boundary = p.Boundary; p.Boundary != nil && p.Boundary.Policy == nil {
			names = append(names, p.Boundary.Name)
			out.Boundary = nil
		}
		for _, s := range p.Session {
			if s.Policy == nil {
				names = append(names, s.Name)
				continue
			}
			out.Session = append(out.Session, s)
		}
		return out, names
	}
	b, was := strip(before)
	a, is := strip(after)
	for _, n := range was {
		if !slices.Contains(is, n) {
			n = "lost: " + n
		}
		unread = append(unread, n)
	}
	for _, n := range is {
		if !slices.Contains(was, n) {
			unread = append(unread, "gained: "+n)
		}
	}
	slices.Sort(unread)
	return b, a, slices.Compact(unread)
}

// comparison asks both sides one request after the other.
type comparison struct {
	caller        Caller
	ctx           *Context
	before, after Policies
	known         map[string]outcome // by sameStatements
}

// outcome is what became of one request.
type outcome struct {
	gained, lost, unclear bool
	whenGained, whenLost  string
}

// pairsLimit is how many combinations of unknown keys are tried of a request.
const pairsLimit = 400

// pairs walks the completions of the keys that either side asks for.
type pairs struct {
	before, after, both       *evaluator
	left                      int
	gained, lost, other, open bool
	whenGained, whenLost      string
}

func (c comparison) outcome(action, resource string) outcome {
	q := Question{Caller: c.caller, Action: action, Resource: resource, ResourceAccount: c.caller.Account, Context: c.ctx}
	if q.resourceKind() != ResourcePolicy { // of a role that leaves it to the account, and so of a key
		q.Policies.Resource = delegating(q)
		c.before.Resource, c.after.Resource = q.Policies.Resource, q.Policies.Resource
	}
	p := pairs{left: pairsLimit}
	q.Policies = c.before
	p.before = newEvaluator(q)
	q.Policies = c.after
	p.after = newEvaluator(q)
	p.both = &evaluator{q: q, kind: p.after.kind, clauses: slices.Concat(p.before.clauses, p.after.clauses)}
	key := c.sameStatements(&p)
	if o, known := c.known[key]; known {
		return o
	}
	p.walk(c.ctx)
	o := outcome{gained: p.gained, lost: p.lost, unclear: p.open || p.both.tangled(c.ctx)}
	if p.lost || p.other || p.open {
		o.whenGained = cmp.Or(p.whenGained, "in some cases")
	}
	if p.gained || p.other || p.open {
		o.whenLost = cmp.Or(p.whenLost, "in some cases")
	}
	c.known[key] = o
	return o
}

// tangled reports whether a key is asked for by a resource's variable and by
// something else too: then one resource does not stand for all that the same
// patterns cover.
func (e *evaluator) tangled(ctx *Context) bool {
	patterns, others := map[string]bool{}, map[string]bool{}
	for i := range e.clauses {
		c := &e.clauses[i]
		if !c.policy.variables() {
			for _, cond := range c.st.Conditions {
				others[fold(cond.Key)] = true
			}
			continue
		}
		for _, r := range slices.Concat(c.st.Resources, c.st.NotResources) {
			if len(variablesOf(r)) > 0 && matchResource(r, e.q.Resource, ctx) == maybe {
				patterns[r] = true
			}
		}
		for _, cond := range c.st.Conditions {
			others[fold(cond.Key)] = true
			for _, v := range cond.Values {
				for _, key := range variablesOf(v) {
					others[fold(key)] = true
				}
			}
		}
	}
	for r := range patterns {
		for _, key := range variablesOf(r) {
			if others[fold(key)] || len(patterns) > 1 {
				return true
			}
		}
	}
	return false
}

// sameStatements is one text for all requests that the same statements match in
// the same way: what becomes of one of them becomes of all.
func (c comparison) sameStatements(p *pairs) string {
	var b strings.Builder
	for _, e := range []*evaluator{p.before, p.after} {
		for i := range e.clauses {
			cl := &e.clauses[i]
			t := e.resource(cl.st, c.ctx)
			fmt.Fprintf(&b, "%s %s %d %d %d,", cl.gate, cl.source, cl.index, cl.base, t)
			if t == maybe {
				b.WriteString(e.q.Resource)
			}
		}
		b.WriteByte('|')
	}
	return b.String()
}

// delegating is a resource's policy that leaves all to the caller's account.
func delegating(q Question) *Source {
	return &Source{"the account's own", &Policy{Kind: q.resourceKind(), Statements: []Statement{
		{Effect: Allow, Principals: []Principal{{"AWS", q.Caller.Account}}, Actions: []string{"*"}},
	}}}
}

func (p *pairs) walk(ctx *Context) {
	b, a := p.before.evaluate(ctx), p.after.evaluate(ctx)
	vb, va := b.verdict(), a.verdict()
	if vb != Undetermined && va != Undetermined {
		switch {
		case vb == va:
			p.other = true
		case va == Allowed:
			p.note(&p.gained, &p.whenGained, p.after.words(a, Allow, yes), p.before.words(b, Deny, yes), p.before.words(b, Allow, no))
		default:
			p.note(&p.lost, &p.whenLost, p.before.words(b, Allow, yes), p.after.words(a, Deny, yes), p.after.words(a, Allow, no))
		}
		return
	}
	g := gates{clauses: slices.Concat(b.clauses, a.clauses)}
	key := p.both.nextKey(ctx, g)
	if key == "" {
		p.open = true
		return
	}
	lists, whole := p.both.completions(key, ctx, g)
	p.open = p.open || !whole
	for _, values := range lists {
		if p.left--; p.left < 0 {
			p.open = true
			return
		}
		if p.walk(ctx.with(key, values)); p.gained && p.lost {
			return // it cannot be told better
		}
	}
}

// Covers reports whether a request is in the set, whatever the values of
// variables in its patterns.
func (r Right) Covers(action, resource string) bool {
	loose := &Context{OthersUnknown: true, loose: true}
	return slices.ContainsFunc(r.Actions, func(s access.PatternSet) bool { return inSet(s, func(p string) bool { return matchAction(p, action) }) }) &&
		slices.ContainsFunc(r.Resources, func(s access.PatternSet) bool {
			return inSet(s, func(p string) bool { return matchResource(p, resource, loose) == yes })
		})
}

func inSet(s access.PatternSet, match func(string) bool) bool {
	return !slices.ContainsFunc(s.All, func(p string) bool { return !match(p) }) && !slices.ContainsFunc(s.Except, match)
}

// note keeps the words of the widest case, those of the fewest conditions: of
// what allows now, of what denied, or of what did not allow.
func (p *pairs) note(found *bool, when *string, allows, denied, unless string) {
	words := cmp.Or(allows, denied)
	if words == "" && unless != "" {
		words = "unless " + unless
	}
	if !*found || len(words) < len(*when) {
		*when = words
	}
	*found = true
}

// words are the conditions of that clause of an effect, with a certain truth,
// which has the fewest; the variables of its resources are among them.
func (e *evaluator) words(g gates, effect Effect, t truth) string {
	best, found := "", false
	for i, c := range e.clauses {
		if c.st == nil || c.effect != effect || g.clauses[i] != t || c.gate != IdentityGate || t == no && e.resource(c.st, nil) == no {
			continue
		}
		var out []string
		for _, cond := range c.st.Conditions {
			out = append(out, cond.String())
		}
		if i := slices.IndexFunc(c.st.Resources, func(r string) bool { return matchResource(r, e.q.Resource, nil) == yes }); i < 0 && len(c.variables()) > 0 {
			out = append(out, "the resource is one of "+strings.Join(c.st.Resources, ", "))
		}
		if words := strings.Join(out, " and "); !found || len(words) < len(best) {
			best, found = words, true
		}
	}
	return best
}
