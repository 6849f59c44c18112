package iam

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// law is something that holds for every question; broken tells how it does
// not, skipped that the case says nothing of it.
type law struct {
	name   string
	broken func(*generator) string
}

const skipped = "skipped"

// each try of a law makes a question of its own, a third of them with unread
// policies, unknown keys or malformed values.
func (g *generator) any() Question {
	g.unread, g.unknown, g.malformed = g.chance(45), g.chance(45), g.chance(30)
	return g.question()
}

func (g *generator) known() Question {
	g.unread, g.unknown, g.malformed = false, false, false
	return g.question()
}

// same reports two questions whose answers differ.
func same(a, b Question) string {
	if x, y := Decide(a), Decide(b); x.Verdict != y.Verdict || x.Explicit != y.Explicit {
		return fmt.Sprintf("%s became %s\n%s---\n%s", verdict(x), verdict(y), shown(a), shown(b))
	}
	return ""
}

// never reports a verdict that became another.
func never(from, to Verdict, a, b Question) string {
	x, y := Decide(a), Decide(b)
	if x.Verdict != from {
		return skipped
	}
	if y.Verdict == to {
		return fmt.Sprintf("%s became %s\n%s---\n%s", from, to, shown(a), shown(b))
	}
	return ""
}

var everythingAllowed = Statement{Effect: Allow, Actions: []string{"*"}, Resources: []string{"*"}}

func whole(kind Kind) Source {
	return Source{"whole", &Policy{Kind: kind, Version: "2012-10-17", Statements: []Statement{everythingAllowed}}}
}

func spareSomebody(q Question) bool {
	return slices.ContainsFunc(q.read(), func(p *Policy) bool {
		return slices.ContainsFunc(p.Statements, func(s Statement) bool { return s.NotPrincipals != nil })
	})
}

var laws = []law{
	{"L1 a Deny never gives", func(g *generator) string {
		q := g.any()
		policies := q.read()
		if len(policies) == 0 {
			return skipped
		}
		with := clone(q)
		p := with.read()[g.IntN(len(policies))]
		st := g.statement(p.Kind)
		if st.Effect = Deny; p.Kind == Trust {
			st.Resources, st.NotResources = nil, nil
		}
		p.Statements = append(p.Statements, st)
		if Decide(with).Verdict == Allowed && Decide(q).Verdict != Allowed {
			return "removing a Deny took away\n" + shown(with)
		}
		return never(Denied, Allowed, q, with)
	}},
	{"L2 an Allow never takes", func(g *generator) string {
		q := g.any()
		with := clone(q)
		st := g.statement(Identity)
		st.Effect = Allow
		if p := with.Policies.Resource; p != nil && p.Policy != nil && g.chance(50) {
			st = g.statement(p.Policy.Kind)
			if st.Effect, st.NotPrincipals = Allow, nil; st.Principals == nil {
				st.Principals = []Principal{{"*", "*"}}
			}
			p.Policy.Statements = append(p.Policy.Statements, st)
		} else {
			with.Policies.Identity = append(with.Policies.Identity, Source{"more", &Policy{Version: "2012-10-17", Statements: []Statement{st}}})
		}
		if Decide(q).Verdict == Allowed && Decide(with).Verdict != Allowed {
			return "an Allow took away\n" + shown(q) + "---\n" + shown(with)
		}
		return never(Allowed, Denied, q, with)
	}},
	{"L3 a further limit never gives, and a whole one changes nothing", func(g *generator) string {
		q := g.any()
		with, changesNothing := clone(q), g.chance(50)
		p := &with.Policies
		limit := func(kind Kind, have bool) (Source, bool) {
			if have {
				return Source{}, false
			}
			if changesNothing {
				return whole(kind), true
			}
			return g.source(kind, "limit"), true
		}
		var s Source
		var ok bool
		switch g.IntN(4) {
		case 0:
			if s, ok = limit(Boundary, p.Boundary != nil || changesNothing && spareSomebody(q)); ok {
				p.Boundary = &s
			}
		case 1:
			if s, ok = limit(SessionPolicy, len(p.Session) > 0 || q.Caller.Kind == FederatedUser); ok {
				p.Session = []Source{s}
			}
		case 2:
			if s, ok = limit(ServiceControlPolicy, false); ok {
				p.Organization = append(p.Organization, Level{"more", []Source{s}})
			}
		default:
			ok, changesNothing = true, false
			p.ResourceControls = append(p.ResourceControls, g.source(ResourceControlPolicy, "limit"))
		}
		if !ok {
			return skipped
		}
		if changesNothing {
			return same(q, with)
		}
		return never(Denied, Allowed, q, with)
	}},
	{"L4 order is irrelevant", func(g *generator) string {
		q := g.any()
		with := clone(q)
		for _, p := range with.read() {
			shuffle(g.Rand, p.Statements)
			for i := range p.Statements {
				st := &p.Statements[i]
				for _, l := range [][]string{st.Actions, st.NotActions, st.Resources, st.NotResources} {
					shuffle(g.Rand, l)
				}
				shuffle(g.Rand, st.Principals)
				shuffle(g.Rand, st.NotPrincipals)
				shuffle(g.Rand, st.Conditions)
				for _, c := range st.Conditions {
					shuffle(g.Rand, c.Values)
				}
			}
		}
		shuffle(g.Rand, with.Policies.Identity)
		shuffle(g.Rand, with.Policies.Session)
		shuffle(g.Rand, with.Policies.Organization)
		return same(q, with)
	}},
	{"L5 doubles are irrelevant", func(g *generator) string {
		q := g.any()
		with := clone(q)
		for _, p := range with.read() {
			if g.chance(50) {
				p.Statements = append(p.Statements, p.Statements[g.IntN(len(p.Statements))])
			}
			for i := range p.Statements {
				st := &p.Statements[i]
				st.Actions, st.NotActions = double(st.Actions), double(st.NotActions)
				st.Resources, st.NotResources = double(st.Resources), double(st.NotResources)
				st.Principals, st.NotPrincipals = double(st.Principals), double(st.NotPrincipals)
				for j := range st.Conditions {
					st.Conditions[j].Values = double(st.Conditions[j].Values)
				}
			}
		}
		with.Policies.Identity, with.Policies.Session, with.Policies.Organization = double(with.Policies.Identity), double(with.Policies.Session), double(with.Policies.Organization)
		return same(q, with)
	}},
	{"L6 a list is its elements in statements of their own", func(g *generator) string {
		q := g.any()
		with := clone(q)
		for _, p := range with.read() {
			var out []Statement
			for _, st := range p.Statements {
				out = append(out, split(st)...)
			}
			p.Statements = out
		}
		return same(q, with)
	}},
	{"L7 actions are matched in any case", func(g *generator) string {
		q := g.any()
		with := clone(q)
		with.Action = strings.ToUpper(q.Action)
		for _, p := range with.read() {
			for i := range p.Statements {
				for _, l := range [][]string{p.Statements[i].Actions, p.Statements[i].NotActions} {
					for j := range l {
						l[j] = strings.ToUpper(l[j])
					}
				}
			}
		}
		return same(q, with)
	}},
	{"L8 keys are matched in any case", func(g *generator) string {
		q := g.any()
		with := clone(q)
		for _, p := range with.read() {
			for i := range p.Statements {
				for j := range p.Statements[i].Conditions {
					c := &p.Statements[i].Conditions[j]
					c.Key = strings.ToUpper(c.Key)
				}
			}
		}
		return same(q, with)
	}},
	{"L9 NotAction is the rest", func(g *generator) string {
		list := g.some(someActionP, 3)
		a, b := Statement{Actions: list}, Statement{NotActions: list}
		action := g.pick(someActions)
		if a.coversAction(action) == b.coversAction(action) {
			return fmt.Sprintf("%q %s", list, action)
		}
		e := newEvaluator(Question{Caller: who("user/ann"), Action: "s3:GetObject", Resource: g.pick(someResources)})
		resources := g.some(someResourceP[:6], 3)
		if e.resource(&Statement{Resources: resources}, nil) != e.resource(&Statement{NotResources: resources}, nil).not() {
			return fmt.Sprintf("%q %s", resources, e.q.Resource)
		}
		return ""
	}},
	{"L21 the version matters for variables alone", func(g *generator) string {
		q := g.any()
		with := clone(q)
		for _, p := range with.read() {
			if strings.Contains(string(p.canonical()), "${") {
				return skipped
			}
			p.Version = map[string]string{"2012-10-17": "2008-10-17", "2008-10-17": "2012-10-17"}[p.Version]
		}
		return same(q, with)
	}},
	{"L23 a direct grant asks for nothing of the caller's", func(g *generator) string {
		q := g.known()
		q.ResourceAccount = account
		if q.Caller.Account != account || spareSomebody(q) || q.Policies.Boundary != nil || len(q.Policies.Session) > 0 {
			return skipped
		}
		bare := clone(q)
		bare.Policies.Identity = nil
		if Decide(bare).Verdict != Allowed || q.Caller.Kind == Root {
			return skipped
		}
		g0 := newEvaluator(bare)
		if g0.evaluate(bare.Context).direct != yes {
			return skipped
		}
		silentPolicy := Source{"silent", &Policy{Statements: []Statement{{Effect: Allow, Actions: []string{"none:Nothing"}, Resources: []string{"*"}}}}}
		bare.Policies.Boundary, bare.Policies.Session = &silentPolicy, []Source{silentPolicy}
		if v := Decide(bare).Verdict; v != Allowed {
			return fmt.Sprintf("%s\n%s", v, shown(bare))
		}
		return ""
	}},
	{"L24 the role and the session are granted alike without limits", func(g *generator) string {
		q := g.known()
		q.Caller = who("role/r/one")
		q.Policies.Boundary, q.Policies.Session = nil, nil
		if q.Policies.Resource == nil || q.Policies.Resource.Policy == nil || spareSomebody(q) {
			return skipped
		}
		a, b := clone(q), clone(q)
		for i := range a.Policies.Resource.Policy.Statements {
			a.Policies.Resource.Policy.Statements[i].Principals = []Principal{{"AWS", q.Caller.Role}}
			b.Policies.Resource.Policy.Statements[i].Principals = []Principal{{"AWS", q.Caller.ARN}}
		}
		return same(a, b)
	}},
	{"L25 across accounts both sides must allow", func(g *generator) string {
		q := g.known()
		q.Caller = who(g.pick([]string{other + " user/ann", other + " role/r/one"}))
		if q.ResourceAccount = account; strings.Contains(q.Resource, other) || q.Resource == "*" || spareSomebody(q) {
			return skipped
		}
		mine, theirs := clone(q), clone(q)
		granted := everythingAllowed
		granted.Principals, granted.Resources = []Principal{{"AWS", other}}, nil
		kind := q.resourceKind()
		mine.Policies.Resource = &Source{"granted", &Policy{Kind: kind, Statements: []Statement{granted}}}
		mine.Policies.ResourceControls = nil
		theirs.Policies = Policies{Identity: []Source{whole(Identity)}, Resource: q.Policies.Resource, ResourceControls: q.Policies.ResourceControls}
		both := Decide(mine).Verdict == Allowed && Decide(theirs).Verdict == Allowed
		if both != (Decide(q).Verdict == Allowed) {
			return fmt.Sprintf("mine %s, theirs %s, together %s\n%s", Decide(mine).Verdict, Decide(theirs).Verdict, Decide(q).Verdict, shown(q))
		}
		return ""
	}},
	{"L26 without the trust policy nobody assumes", func(g *generator) string {
		q := g.known()
		for q.resourceKind() != Trust {
			q = g.known()
		}
		d := Decide(q)
		if d.Verdict != Allowed {
			return skipped
		}
		if !slices.ContainsFunc(d.Reasons, func(r Reason) bool { return r.Gate == TrustGate && r.Effect == Allow && r.Certain }) {
			return shown(q)
		}
		return ""
	}},
	{"L27 an account is its root's ARN", func(g *generator) string {
		q := g.any()
		with := clone(q)
		for _, p := range with.read() {
			for i := range p.Statements {
				for _, l := range [][]Principal{p.Statements[i].Principals, p.Statements[i].NotPrincipals} {
					for j := range l {
						if len(l[j].Value) == 12 {
							l[j].Value = "arn:aws:iam::" + l[j].Value + ":root"
						}
					}
				}
			}
		}
		return same(q, with)
	}},
	{"L29 explained as decided, and by what decided it", func(g *generator) string {
		q := g.known()
		d := Decide(q)
		if x := Explain(q); x.Verdict != d.Verdict || x.Explicit != d.Explicit {
			return "explained otherwise\n" + shown(q)
		}
		with := clone(q)
		switch {
		case d.Explicit: // the statement named alone
			r := d.Reasons[0]
			for _, p := range with.read() {
				p.Statements = slices.DeleteFunc(p.Statements, func(s Statement) bool { return s.Effect == Deny })
			}
			e := newEvaluator(q)
			i := slices.IndexFunc(e.clauses, func(c clause) bool { return c.gate == r.Gate && c.source == r.Source && c.index == r.Statement })
			for j, p := range q.read() {
				if p == e.clauses[i].policy {
					with.read()[j].Statements = append(with.read()[j].Statements, *e.clauses[i].st)
				}
			}
			if got := Decide(with); !got.Explicit {
				return "the named Deny alone does not deny\n" + shown(q)
			}
		case d.Verdict == Allowed && q.Caller.Kind != Root && q.Action != "sts:GetCallerIdentity":
			for _, p := range with.read() { // all those that match
				p.Statements = slices.DeleteFunc(p.Statements, func(s Statement) bool { return s.Effect == Allow && matching(p, s, q) })
			}
			if v := Decide(with).Verdict; v != Denied {
				return fmt.Sprintf("without an Allow %s %q\n%s---\n%s", v, told(Decide(with)), shown(q), shown(with))
			}
		default:
			return skipped
		}
		return ""
	}},
	{"L30 GetCallerIdentity is always allowed", func(g *generator) string {
		q := g.any()
		q.Action, q.Resource = "sts:GetCallerIdentity", "*"
		if v := Decide(q).Verdict; v != Allowed {
			return string(v)
		}
		return ""
	}},
	{"L31 nothing of an organization reaches its management account, or a service's role", func(g *generator) string {
		q := g.any()
		with := clone(q)
		with.Policies.Organization = nil
		if g.chance(50) {
			q.Caller.Management, with.Caller.Management = true, true
		} else {
			q.Caller, with.Caller = who("linked/l/s"), who("linked/l/s")
			with.Policies.ResourceControls = nil
		}
		return same(q, with)
	}},
	{"L32 the canonical text decides alike", func(g *generator) string {
		q := g.any()
		with := clone(q)
		for _, p := range with.read() {
			again, err := Parse(p.Kind, string(p.canonical()))
			if err != nil {
				return fmt.Sprintf("%v: %s", err, p.canonical())
			}
			*p = *again
		}
		return same(q, with)
	}},
}

func shuffle[T any](r *rand.Rand, l []T) {
	r.Shuffle(len(l), func(i, j int) { l[i], l[j] = l[j], l[i] })
}

func double[T any](l []T) []T {
	if l == nil {
		return nil
	}
	return append(l, l...)
}

// matching tells whether a statement matches, or may, but for its principal.
func matching(p *Policy, s Statement, q Question) bool {
	e := &evaluator{q: q}
	return s.coversAction(q.Action) && e.truth(&clause{policy: p, st: &s, base: yes}, q.Context) != no
}

// split is a statement for each pair of its actions and resources.
func split(st Statement) []Statement {
	actions, resources := [][]string{st.Actions}, [][]string{st.Resources}
	if len(st.Actions) > 0 {
		actions = nil
		for _, a := range st.Actions {
			actions = append(actions, []string{a})
		}
	}
	if len(st.Resources) > 0 {
		resources = nil
		for _, r := range st.Resources {
			resources = append(resources, []string{r})
		}
	}
	var out []Statement
	for _, a := range actions {
		for _, r := range resources {
			one := st
			one.Actions, one.Resources = a, r
			out = append(out, one)
		}
	}
	return out
}

// shows: item S77
func TestLawsOfDecisions(t *testing.T) {
	n := *cases * 6 / 10 / len(laws)
	for i, l := range laws {
		t.Run(l.name, func(t *testing.T) {
			seed := uint64(1000 + i)
			g := newGenerator(seed)
			for range n {
				switch broken := l.broken(g); broken {
				case "":
					g.mix["told"]++
				case skipped:
				default:
					t.Fatalf("seed %d: %s", seed, broken)
				}
			}
			g.poor(t, seed, n, map[string]int{"told": 2})
		})
	}
	// What the questions come to, so that the laws are not held by denials alone.
	g := newGenerator(1)
	for range 2000 {
		d := Decide(g.any())
		g.mix[verdict(d)]++
	}
	g.poor(t, 1, 2000, map[string]int{"allow": 8, "deny-i": 10, "deny-e": 10, "undetermined": 5})
}
