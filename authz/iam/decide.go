package iam

import "slices"

// Verdict is the answer to a request.
type Verdict string

const (
	Allowed      Verdict = "allow"
	Denied       Verdict = "deny"
	Undetermined Verdict = "undetermined"
)

// Source is a policy as it is attached somewhere.
type Source struct {
	Name   string  // how reasons cite it: an ARN, or "inline policy NAME"
	Policy *Policy // nil: not read, hence it may hold anything
}

// Policies are the policies on the caller's side.
type Policies struct {
	// Identity are those of the caller's user and the user's groups, or of the
	// caller's role.
	Identity []Source
	// Boundary is the permissions boundary; nil: there is none.
	Boundary *Source
}

// Request is one action on one resource. An action without resource types is
// requested on "*".
type Request struct {
	Caller   Caller
	Action   string // service:Action
	Resource string
	Context  *Context // nil: no condition key is present
}

// Gate is a place where a request must be allowed, or may be denied.
type Gate string

const (
	IdentityGate Gate = "identity-based policy"
	BoundaryGate Gate = "permissions boundary"
	TrustGate    Gate = "trust policy"
)

// Reason is a statement that bears on a Decision.
type Reason struct {
	Gate      Gate
	Source    string
	Statement int // its index; -1: the policy was not read
	Sid       string
	Effect    Effect
	Certain   bool // it matches whatever the unknowns are
}

// Decision is a verdict and its reasons.
type Decision struct {
	Verdict Verdict
	// Explicit says of a denial that a Deny statement matches; otherwise
	// nothing allows.
	Explicit bool
	// Reasons are all statements that match or may match, in the order of the
	// policies; in an explicit denial the Deny statements alone.
	Reasons []Reason
	// Missing are the gates that do not allow for certain; empty if allowed or
	// explicitly denied.
	Missing []Gate
}

// Decide answers a request on a resource that has no policy of its own and
// belongs to the caller's account: an Allow in an identity policy and in the
// boundary, if there is one, and no Deny. The root user needs no Allow. (IAM
// User Guide, policy evaluation logic)
func Decide(r Request, p Policies) Decision {
	e := evaluation{request: r}
	identity, boundary := e.callers(p)
	if r.Caller.Kind == Root {
		identity, boundary = yes, yes
	}
	return e.decision(and(identity, boundary), map[Gate]truth{IdentityGate: identity, BoundaryGate: boundary})
}

// DecideTrust answers whether the caller may do an action of STS on a role of
// an account with the given trust policy. The trust policy must allow in any
// case. In the same account the identity policies must allow too if the trust
// policy names the account only; if it names the role of a session, the
// boundary still limits. In another account both sides must allow. A root
// user cannot assume roles (assumption U-26).
func DecideTrust(r Request, account string, trust Source, p Policies) Decision {
	e := evaluation{request: r}
	identity, boundary := e.callers(p)
	if r.Caller.Kind == Service || r.Caller.Kind == Federated {
		identity, boundary = yes, yes // no policies on their side
	}
	g := e.gate(TrustGate, trust)
	anyhow := or(g.directly, g.byRole, g.byAccount)
	allowed := or(g.directly, and(boundary, or(g.byRole, and(g.byAccount, identity))))
	if r.Caller.Account != "" && r.Caller.Account != account {
		allowed = and(anyhow, identity, boundary)
	}
	if r.Caller.Kind == Root {
		identity, allowed = no, no
	}
	return e.decision(allowed, map[Gate]truth{IdentityGate: identity, BoundaryGate: boundary, TrustGate: anyhow})
}

// evaluation gathers what the policies say on one request.
type evaluation struct {
	request Request
	denied  truth
	reasons []Reason
}

// callers evaluates the policies on the caller's side.
func (e *evaluation) callers(p Policies) (identity, boundary truth) {
	for _, s := range p.Identity {
		identity = or(identity, e.gate(IdentityGate, s).directly)
	}
	boundary = yes
	if p.Boundary != nil {
		boundary = e.gate(BoundaryGate, *p.Boundary).directly
	}
	return identity, boundary
}

// grants is how far a policy allows, by the way in which it covers the
// caller. Policies without principals cover their caller directly.
type grants struct{ directly, byRole, byAccount truth }

// gate evaluates one policy and notes its statements.
func (e *evaluation) gate(gate Gate, s Source) grants {
	var g grants
	if s.Policy == nil {
		e.denied = or(e.denied, maybe)
		e.reasons = append(e.reasons,
			Reason{Gate: gate, Source: s.Name, Statement: -1, Effect: Allow},
			Reason{Gate: gate, Source: s.Name, Statement: -1, Effect: Deny})
		return grants{directly: maybe}
	}
	for i, st := range s.Policy.Statements {
		way, t := e.covered(gate, st)
		t = and(t, e.applies(s.Policy, st))
		if t == no {
			continue
		}
		e.reasons = append(e.reasons, Reason{gate, s.Name, i, st.Sid, st.Effect, t == yes})
		switch {
		case st.Effect == Deny:
			e.denied = or(e.denied, t)
		case way == directly:
			g.directly = or(g.directly, t)
		case way == byRole:
			g.byRole = or(g.byRole, t)
		default:
			g.byAccount = or(g.byAccount, t)
		}
	}
	return g
}

// covered tells whether, and in which way, a statement covers the caller.
func (e *evaluation) covered(gate Gate, st Statement) (grant, truth) {
	if gate != TrustGate {
		return directly, yes
	}
	way := covers(st.Principals, e.request.Caller)
	if way == notCovered && e.request.Caller.Kind == Service && slices.Contains(st.Principals, Principal{"AWS", "*"}) {
		return directly, maybe // assumption U-7
	}
	return way, truthOf(way != notCovered)
}

// applies matches action, resource and conditions.
func (e *evaluation) applies(p *Policy, st Statement) truth {
	action := func(pattern string) bool { return matchAction(pattern, e.request.Action) }
	if st.Actions != nil && !slices.ContainsFunc(st.Actions, action) ||
		st.NotActions != nil && slices.ContainsFunc(st.NotActions, action) {
		return no
	}
	if len(st.Actions)+len(st.NotActions) == 0 {
		return no // an empty list: the statement has no effect
	}
	ctx := e.request.Context
	if ctx == nil {
		ctx = &Context{}
	}
	vars := ctx
	if !p.variables() {
		vars = nil
	}
	t := e.resource(st, vars)
	for _, c := range st.Conditions {
		if t == no {
			return no
		}
		t = and(t, c.holds(ctx, vars))
	}
	return t
}

// resource matches the resource; a trust policy has none and is about its role.
func (e *evaluation) resource(st Statement, vars *Context) truth {
	some := no
	for _, pattern := range st.Resources {
		some = or(some, matchResource(pattern, e.request.Resource, vars))
	}
	switch {
	case st.Resources != nil:
		return some
	case st.NotResources == nil:
		return yes
	case len(st.NotResources) == 0:
		return no
	}
	for _, pattern := range st.NotResources {
		some = or(some, notResource(pattern, e.request.Resource, vars))
	}
	return some.not()
}

// notResource is matchResource, but a pattern whose variable has no value is
// unknown: AWS's pages contradict each other on it (C-5).
func notResource(pattern, resource string, vars *Context) truth {
	if _, ok := expand(pattern, true, vars); ok == no {
		return maybe
	}
	return matchResource(pattern, resource, vars)
}

// decision words the outcome. allowed is what the gates give together.
func (e *evaluation) decision(allowed truth, gates map[Gate]truth) Decision {
	d := Decision{Verdict: Undetermined, Reasons: e.reasons}
	switch {
	case e.denied == yes:
		d.Verdict, d.Explicit = Denied, true
		d.Reasons = slices.DeleteFunc(slices.Clone(e.reasons), func(r Reason) bool { return r.Effect != Deny || !r.Certain })
		return d
	case allowed == no:
		d.Verdict = Denied
	case allowed == yes && e.denied == no:
		d.Verdict = Allowed
		return d
	}
	for _, g := range []Gate{IdentityGate, BoundaryGate, TrustGate} {
		if t, asked := gates[g]; asked && t != yes {
			d.Missing = append(d.Missing, g)
		}
	}
	return d
}
