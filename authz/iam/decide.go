package iam

import (
	"slices"
	"strings"
)

// Decide answers a question as AWS's enforcement code does. (IAM User Guide,
// policy evaluation logic; R3.1 to R3.15)
//
// It is allow only if every completion of what is unknown allows, deny only if
// every one denies; a completion gives each unknown key one value, the same in
// every statement. Keys of unknown value are split into cells, for each of
// which all conditions on the key have one truth. With variables of unknown
// value, and beyond a number of combinations, it may stay undetermined where
// all completions agree; it never says allow or deny where they do not.
func Decide(q Question) Decision {
	e := newEvaluator(q)
	if t, settled := e.ungoverned(); settled {
		if t == yes {
			return Decision{Verdict: Allowed}
		}
		return Decision{Verdict: Denied, Missing: []Gate{RuleGate}}
	}
	g := e.evaluate(e.q.Context)
	d := Decision{Verdict: g.verdict(), Missing: e.missing(g)}
	d.Reasons, d.Explicit = e.reasons(g), g.denied == yes
	if d.Verdict == Undetermined {
		s := search{e: e, left: searchLimit}
		d.Verdict, d.Explicit = s.verdict(e.q.Context, g)
		d.Unfinished = s.cut && d.Verdict == Undetermined
		d.Unknown = e.unknownKeys(e.q.Context, g)
	}
	switch {
	case d.Explicit:
		d.Missing = nil
		if g.denied == yes {
			d.Reasons = slices.DeleteFunc(d.Reasons, func(r Reason) bool { return r.Effect != Deny || !r.Certain })
		}
	case d.Verdict == Allowed:
		d.Missing = nil
	}
	return d
}

// evaluator holds the statements that may bear on a question: what cannot
// match whatever the context is, is left out once.
type evaluator struct {
	q       Question
	kind    Kind // of the resource's policy
	clauses []clause
	levels  int
}

// clause is a statement at its gate. An unread policy is two clauses without
// statement, one of each effect.
type clause struct {
	gate   Gate
	level  int // of the organization
	source string
	policy *Policy
	st     *Statement
	index  int
	effect Effect
	way    grant // in which the caller is covered
	base   truth // of the principal
}

func newEvaluator(q Question) *evaluator {
	if q.Context == nil {
		q.Context = &Context{}
	}
	e := &evaluator{q: q, kind: q.resourceKind()}
	p := q.Policies
	if q.Caller.signs() {
		for _, s := range p.Identity {
			e.add(IdentityGate, 0, s, yes)
		}
		if p.Boundary != nil {
			e.add(BoundaryGate, 0, *p.Boundary, yes)
		}
		for _, s := range p.Session {
			e.add(SessionGate, 0, s, yes)
		}
	}
	// (R3.13; of federated users assumption U-30)
	if q.Caller.signs() && !q.Caller.Management && !q.Caller.serviceLinked() {
		e.levels = len(p.Organization)
		for i, l := range p.Organization {
			for _, s := range l.Policies {
				if l.Name != "" {
					s.Name += " at " + l.Name
				}
				e.add(ServiceControlGate, i, s, yes)
			}
		}
	}
	if !q.Caller.serviceLinked() {
		for _, s := range p.ResourceControls {
			e.add(ResourceControlGate, 0, s, resourceControlled(q.Action))
		}
	}
	e.addResource()
	return e
}

// addResource adds the resource's own policy. Roles and keys always have one.
func (e *evaluator) addResource() {
	switch s := e.q.Policies.Resource; {
	case s != nil:
		e.add(e.resourceGate(), 0, *s, yes)
	case e.kind == Trust:
		e.add(TrustGate, 0, Source{Name: "trust policy of " + e.q.Resource}, yes)
	case e.kind == KeyPolicy:
		e.add(KeyGate, 0, Source{Name: "policy of " + e.q.Resource}, yes)
	}
}

func (e *evaluator) resourceGate() Gate {
	switch e.kind {
	case Trust:
		return TrustGate
	case KeyPolicy:
		return KeyGate
	}
	return ResourceGate
}

// resourceKind is what kind of policy the resource has: without an Allow in a
// trust policy or a key's policy there is none. (R3.5)
func (q Question) resourceKind() Kind {
	if s := q.Policies.Resource; s != nil && s.Policy != nil && (s.Policy.Kind == Trust || s.Policy.Kind == KeyPolicy) {
		return s.Policy.Kind
	}
	parts := strings.SplitN(q.Resource, ":", 6)
	if len(parts) < 6 {
		return ResourcePolicy
	}
	switch {
	case service(q.Action) == "sts" && parts[2] == "iam" && strings.HasPrefix(parts[5], "role/"):
		return Trust
	case service(q.Action) == "kms" && parts[2] == "kms" && strings.HasPrefix(parts[5], "key/"):
		return KeyPolicy
	}
	return ResourcePolicy
}

// service is the service of an action, in lower case.
func service(action string) string {
	s, _, _ := strings.Cut(action, ":")
	return fold(s)
}

// add adds the statements of a policy that may match; base is the truth of the
// policy's being in force.
func (e *evaluator) add(gate Gate, level int, s Source, base truth) {
	if s.Policy == nil {
		e.addUnread(gate, level, s, and(base, maybe))
		return
	}
	for i := range s.Policy.Statements {
		st := &s.Policy.Statements[i]
		c := clause{gate: gate, level: level, source: s.Name, policy: s.Policy, st: st, index: i, effect: st.Effect, way: directly, base: base}
		switch {
		case !st.coversAction(e.q.Action):
			continue
		case st.NotPrincipals != nil:
			if len(st.NotPrincipals) == 0 {
				continue // R2.9
			}
			c.base = and(base, spares(st.NotPrincipals, e.q.Caller, e.q.Policies.Boundary != nil).not())
		case gate == e.resourceGate():
			var t truth
			c.way, t = covers(st.Principals, e.q.Caller)
			c.base = and(base, t)
		}
		if c.base != no {
			e.clauses = append(e.clauses, c)
		}
	}
}

// addUnread adds what a policy that was not read may hold: any Allow and any
// Deny, a resource control policy any Deny. (R3.22)
func (e *evaluator) addUnread(gate Gate, level int, s Source, base truth) {
	for _, effect := range []Effect{Allow, Deny} {
		if base != no && (gate != ResourceControlGate || effect == Deny) {
			e.clauses = append(e.clauses, clause{gate: gate, level: level, source: s.Name, index: -1, effect: effect, way: directly, base: base})
		}
	}
}

// coversAction reports whether the action is one of the statement's. An empty
// list has no effect. (R2.2, R2.3, R2.9)
func (s *Statement) coversAction(action string) bool {
	matches := func(pattern string) bool { return matchAction(pattern, action) }
	if s.Actions != nil {
		return slices.ContainsFunc(s.Actions, matches)
	}
	return len(s.NotActions) > 0 && !slices.ContainsFunc(s.NotActions, matches)
}

// truth is whether a clause matches in a context.
func (e *evaluator) truth(c *clause, ctx *Context) truth {
	if c.st == nil {
		return c.base
	}
	vars := ctx
	if !c.policy.variables() {
		vars = nil
	}
	t := and(c.base, e.resource(c.st, vars))
	for i := range c.st.Conditions {
		if t == no {
			return no
		}
		t = and(t, c.st.Conditions[i].holds(ctx, vars))
	}
	return t
}

// resource matches the resource; a statement without one is about what its
// policy hangs on.
func (e *evaluator) resource(st *Statement, vars *Context) truth {
	some := no
	match := func(pattern string) truth {
		t := matchResource(pattern, e.q.Resource, vars)
		if t == no && e.q.Resource == "*" && fold(e.q.Action) == "s3:listallmybuckets" {
			// C-11: AWS's pages contradict each other on patterns of buckets.
			return min(maybe, matchResource(pattern, "arn:aws:s3:::*", vars))
		}
		return t
	}
	for _, pattern := range st.Resources {
		some = or(some, match(pattern))
	}
	switch {
	case st.Resources != nil:
		return some
	case st.NotResources == nil:
		return yes
	case len(st.NotResources) == 0:
		return no // R2.9
	}
	for _, pattern := range st.NotResources {
		if _, ok := expand(pattern, true, vars); ok == no {
			some = or(some, maybe) // C-5: a variable without value
			continue
		}
		some = or(some, match(pattern))
	}
	return some.not()
}

// gates is what the clauses come to.
type gates struct {
	clauses                                   []truth // of each, in order
	denied, identity, boundary, session, rule truth
	direct, byRole, byAccount                 truth // of the resource's policy
	organization                              truth
	same, cross                               truth // allowed, if the resource is the caller's account's, or another's
	allowed                                   truth
}

// evaluate weighs all clauses in a context.
func (e *evaluator) evaluate(ctx *Context) gates {
	g := gates{clauses: make([]truth, len(e.clauses)), rule: e.rule(ctx)}
	levels := make([]truth, e.levels)
	for i := range e.clauses {
		c := &e.clauses[i]
		t := e.truth(c, ctx)
		g.clauses[i] = t
		if c.effect == Deny {
			g.denied = or(g.denied, t)
			continue
		}
		at := g.at(c, levels)
		*at = or(*at, t)
	}
	g.organization = and(levels...)
	e.defaults(&g)
	g.same, g.cross = e.sameAccount(g), e.crossAccount(g)
	switch e.owner() {
	case "":
		if g.allowed = g.same; g.same != g.cross {
			g.allowed = maybe
		}
	case e.q.Caller.Account:
		g.allowed = g.same
	default:
		g.allowed = g.cross
	}
	g.allowed = and(g.allowed, g.rule)
	return g
}

// at is where an Allow of the clause counts. Of several session policies one is
// enough (assumption U-28).
func (g *gates) at(c *clause, levels []truth) *truth {
	switch c.gate {
	case IdentityGate:
		return &g.identity
	case BoundaryGate:
		return &g.boundary
	case SessionGate:
		return &g.session
	case ServiceControlGate:
		return &levels[c.level]
	}
	switch c.way {
	case directly:
		return &g.direct
	case byRole:
		return &g.byRole
	}
	return &g.byAccount
}

// defaults gives the gates that do not stand in the caller's way. (R3.3, R3.4)
func (e *evaluator) defaults(g *gates) {
	p, kind := e.q.Policies, e.q.Caller.Kind
	if p.Boundary == nil {
		g.boundary = yes
	}
	if kind != FederatedUser && len(p.Session) == 0 || kind == User {
		g.session = yes
	}
	if kind == Root {
		g.identity, g.boundary, g.session = yes, yes, yes
	}
}

// sameAccount is R3.4 and R3.5: what is granted directly asks for nothing
// else, what is granted to the role is limited by boundary and session, what
// the account is given is its identity policies' to give: of other resources
// than roles and keys it is no grant at all (assumption U-5).
func (e *evaluator) sameAccount(g gates) truth {
	if !e.q.Caller.signs() {
		return g.direct
	}
	through := or(g.byRole, g.identity)
	if e.kind != ResourcePolicy {
		through = or(g.byRole, and(g.byAccount, g.identity))
	}
	return and(g.organization, or(g.direct, and(g.boundary, g.session, through)))
}

// crossAccount is R3.6: both sides must allow, within one partition.
func (e *evaluator) crossAccount(g gates) truth {
	if !e.q.Caller.signs() {
		return g.direct
	}
	mine, theirs := partition(e.q.Caller.ARN), partition(e.q.Resource)
	if mine != "" && theirs != "" && mine != theirs {
		return no
	}
	return and(g.organization, g.identity, g.boundary, g.session, or(g.direct, g.byRole, g.byAccount))
}

// owner is the account of the resource; "" if it is not known.
func (e *evaluator) owner() string {
	if !e.q.Caller.signs() || e.q.Resource == "*" {
		return e.q.Caller.Account
	}
	if e.q.ResourceAccount != "" {
		return e.q.ResourceAccount
	}
	parts := strings.SplitN(e.q.Resource, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	if parts[4] == "aws" { // AWS's own policies are everybody's
		return e.q.Caller.Account
	}
	return accountID(parts[4])
}

func partition(arn string) string {
	if parts := strings.SplitN(arn, ":", 3); len(parts) == 3 && parts[0] == "arn" {
		return parts[1]
	}
	return ""
}

// verdict is what is certain.
func (g gates) verdict() Verdict {
	switch {
	case g.denied == yes, g.allowed == no:
		return Denied
	case g.allowed == yes && g.denied == no:
		return Allowed
	}
	return Undetermined
}

// reasons are the clauses that match or may match.
func (e *evaluator) reasons(g gates) []Reason {
	var out []Reason
	for i, c := range e.clauses {
		if g.clauses[i] == no {
			continue
		}
		r := Reason{Gate: c.gate, Source: c.source, Statement: c.index, Effect: c.effect, Certain: g.clauses[i] == yes}
		if c.st != nil {
			r.Sid = c.st.Sid
		}
		out = append(out, r)
	}
	return out
}

// missing are the gates that do not allow for certain.
func (e *evaluator) missing(g gates) []Gate {
	var out []Gate
	miss := func(gate Gate, t truth) {
		if t != yes {
			out = append(out, gate)
		}
	}
	miss(RuleGate, g.rule)
	if e.q.Caller.signs() {
		miss(IdentityGate, g.identity)
		miss(BoundaryGate, g.boundary)
		miss(SessionGate, g.session)
		miss(ServiceControlGate, g.organization)
	}
	if e.kind != ResourcePolicy || e.owner() != e.q.Caller.Account || !e.q.Caller.signs() {
		miss(e.resourceGate(), or(g.direct, g.byRole, g.byAccount))
	}
	return out
}
