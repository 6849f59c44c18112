package iam

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Explanation is a Decision with what is worth saying of it.
type Explanation struct {
	Decision
	// Near are the Allow statements that lack the least, of the gates that do
	// not allow; the nearest first, of equals those that lack conditions alone.
	Near []NearMiss
	// Needs says, for each gate in the way, what would let the request through.
	Needs []string
	// Open names what is not known and may change the answer: policies, keys,
	// whose the resource is.
	Open []string
	// Assumptions are the ids of those about AWS on which the statements that
	// match were weighed, sorted (docs/assumptions.md).
	Assumptions []string
	// Read is the verdict on all that was read, as if what was not held nothing
	// and unknown keys were absent.
	Read Verdict
}

// NearMiss is a statement that would allow, but for what Fails says.
type NearMiss struct {
	Gate      Gate
	Source    string
	Statement int
	Sid       string
	Fails     []string // such as "the action is not one of s3:Get*"
	// Conditions would have to hold and let it through, where nothing else
	// fails: "Bool aws:SecureTransport [true]".
	Conditions []string
}

// nearest is how many near misses are told.
const nearest = 5

// Explain decides and says why, what is missing and what would settle it. Its
// Decision is Decide's.
func Explain(q Question) Explanation {
	x := Explanation{Decision: Decide(q)}
	e := newEvaluator(q)
	x.Read = x.Verdict
	if _, settled := e.ungoverned(); !settled {
		x.Assumptions = e.rests(e.evaluate(e.q.Context))
	}
	if x.Verdict == Undetermined {
		x.Open = e.unsettled(x.Decision)
		x.Read = Decide(q.readAlone()).Verdict
	}
	if x.Verdict == Allowed {
		return x
	}
	for _, r := range x.Reasons {
		if r.Effect == Deny && r.Statement >= 0 {
			x.Needs = append(x.Needs, fmt.Sprintf("%s of %s must not match", label(r.Statement, r.Sid), r.Source))
		}
	}
	for _, gate := range x.Missing {
		switch gate {
		case RuleGate:
			x.Needs = append(x.Needs, fmt.Sprintf("another kind of caller: AWS refuses %s to this one whatever the policies say", q.Action))
		default:
			x.Needs = append(x.Needs, fmt.Sprintf("an Allow of %s on %s in %s", q.Action, q.Resource, gate.article()))
		}
	}
	x.Near = e.near(x.Missing)
	return x
}

// article is the gate with its article.
func (g Gate) article() string {
	if g == IdentityGate {
		return "an " + string(g)
	}
	return "a " + string(g)
}

// label names a statement as people find it.
func label(i int, sid string) string {
	if sid != "" {
		return "statement " + sid
	}
	return fmt.Sprintf("statement %d", i+1)
}

// unsettled names what is not known and bears on the decision.
func (e *evaluator) unsettled(d Decision) []string {
	var out []string
	for _, r := range d.Reasons {
		if r.Statement < 0 && !slices.Contains(out, string(r.Gate)+" "+r.Source) {
			out = append(out, string(r.Gate)+" "+r.Source)
		}
	}
	for _, k := range d.Unknown {
		out = append(out, "condition key "+k)
	}
	if g := e.evaluate(e.q.Context); e.owner() == "" && e.q.Caller.signs() && g.same != g.cross {
		out = append(out, "the account of "+e.q.Resource)
	}
	return out
}

// readAlone is the question as if what was not read held nothing.
func (q Question) readAlone() Question {
	read := func(list []Source) []Source {
		return slices.DeleteFunc(slices.Clone(list), func(s Source) bool { return s.Policy == nil })
	}
	p := &q.Policies
	p.Identity, p.Session, p.ResourceControls = read(p.Identity), read(p.Session), read(p.ResourceControls)
	if p.Boundary != nil && p.Boundary.Policy == nil {
		p.Boundary = nil
	}
	if kind := q.resourceKind(); p.Resource == nil || p.Resource.Policy == nil {
		if p.Resource = nil; kind != ResourcePolicy {
			p.Resource = &Source{Name: "unread", Policy: &Policy{Kind: kind}}
		}
	}
	levels := make([]Level, 0, len(p.Organization))
	for _, l := range p.Organization {
		if some := read(l.Policies); len(some) == len(l.Policies) {
			levels = append(levels, l)
		}
	}
	p.Organization = levels
	if q.Context != nil {
		c := *q.Context
		c.unknown, c.prefixes, c.OthersUnknown = nil, nil, false
		q.Context = &c
	}
	if q.ResourceAccount == "" && newEvaluator(q).owner() == "" {
		q.ResourceAccount = q.Caller.Account
	}
	return q
}

// near gives the statements of the gates that allow but for the least.
func (e *evaluator) near(gates []Gate) []NearMiss {
	var out []NearMiss
	look := func(gate Gate, s Source) {
		if s.Policy == nil || !slices.Contains(gates, gate) {
			return
		}
		for i := range s.Policy.Statements {
			st := &s.Policy.Statements[i]
			fails, conditions := e.fails(gate, s.Policy, st)
			if st.Effect != Allow || len(fails) == 0 {
				continue
			}
			if len(conditions) < len(fails) {
				conditions = nil
			}
			out = append(out, NearMiss{gate, s.Name, i, st.Sid, fails, conditions})
		}
	}
	p := e.q.Policies
	for _, s := range p.Identity {
		look(IdentityGate, s)
	}
	if p.Boundary != nil {
		look(BoundaryGate, *p.Boundary)
	}
	for _, s := range p.Session {
		look(SessionGate, s)
	}
	for _, l := range p.Organization {
		for _, s := range l.Policies {
			look(ServiceControlGate, s)
		}
	}
	if p.Resource != nil {
		look(e.resourceGate(), *p.Resource)
	}
	slices.SortStableFunc(out, func(a, b NearMiss) int {
		return cmp.Or(cmp.Compare(len(a.Fails), len(b.Fails)), -cmp.Compare(len(a.Conditions), len(b.Conditions)))
	})
	if len(out) > 0 {
		least := len(out[0].Fails)
		out = slices.DeleteFunc(out, func(n NearMiss) bool { return len(n.Fails) > least+1 })
	}
	return out[:min(len(out), nearest)]
}

// fails words the parts of a statement that do not match for certain, and the
// conditions among them.
func (e *evaluator) fails(gate Gate, p *Policy, st *Statement) (out, conditions []string) {
	if gate == e.resourceGate() {
		if _, t := covers(st.Principals, e.q.Caller); t != yes {
			out = append(out, "the principal is not "+e.q.Caller.ARN)
		}
	}
	if !st.coversAction(e.q.Action) {
		if st.Actions != nil {
			out = append(out, "the action is not one of "+strings.Join(st.Actions, ", "))
		} else {
			out = append(out, "the action is excluded by "+strings.Join(st.NotActions, ", "))
		}
	}
	ctx := e.q.Context
	vars := ctx
	if !p.variables() {
		vars = nil
	}
	if e.resource(st, vars) != yes {
		if st.Resources != nil {
			out = append(out, "the resource is not one of "+strings.Join(st.Resources, ", "))
		} else {
			out = append(out, "the resource is excluded by "+strings.Join(st.NotResources, ", "))
		}
	}
	for i := range st.Conditions {
		if c := &st.Conditions[i]; c.holds(ctx, vars) != yes {
			out, conditions = append(out, c.failing(ctx)), append(conditions, c.String())
		}
	}
	return out, conditions
}

// failing words a condition that does not hold for certain.
func (c *Condition) failing(ctx *Context) string {
	s := c.String() + " "
	values, known := ctx.get(c.Key)
	switch {
	case !known:
		return s + "may fail: the key's value is not known"
	case len(values) == 0:
		return s + "fails: the key is absent"
	}
	return s + "does not hold for [" + strings.Join(values, ", ") + "]"
}
