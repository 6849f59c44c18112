package oracle

import (
	"slices"
	"strings"
)

// verdict decides the case in one completion. explicit: by a Deny statement.
func (w *world) verdict() (v Verdict, explicit bool) {
	switch {
	case w.is("sts:GetCallerIdentity"):
		return Allow, false // R3.11
	case w.is("sts:GetSessionToken"): // R3.11: no policy counts
		k := w.c.Caller.Kind
		if k == Root || k == User && !w.c.Caller.SessionToken {
			return Allow, false
		}
		return Deny, false // R3.12
	}
	for _, policies := range w.gates() { // R3.1
		for _, s := range policies {
			if w.does(s, "Deny") != uncovered {
				return Deny, true
			}
		}
	}
	if w.barred() || !w.passesSCPs() || !w.granted() {
		return Deny, false
	}
	return Allow, false
}

func (w *world) is(actions ...string) bool {
	return slices.ContainsFunc(actions, func(a string) bool { return strings.EqualFold(a, w.c.Action) })
}

func (w *world) of(service string) bool {
	return strings.EqualFold(strings.SplitN(w.c.Action, ":", 2)[0], service)
}

// gates are the statements of all policies that may deny the case.
func (w *world) gates() [][]statement {
	p := w.q.policies
	var out [][]statement
	if w.underRCPs() {
		out = append(out, p.rcp)
	}
	if w.underSCPs() {
		out = append(out, p.scp...)
	}
	out = append(out, p.attached)
	if w.hasOwnPolicies() {
		out = append(out, p.identity, p.boundary, p.session)
	}
	return out
}

// hasOwnPolicies: services, nobody and web identities have none (R3.7, R3.10).
// The root user has none either, but for those of the gate (R3.3).
func (w *world) hasOwnPolicies() bool {
	k := w.c.Caller.Kind
	return k == User || k == RoleSession || k == FederatedUser
}

// underSCPs is R3.13. U-30: federated users are under their account's.
func (w *world) underSCPs() bool {
	c := w.c.Caller
	return (w.hasOwnPolicies() || c.Kind == Root) && !c.ServiceLinked && !c.Management
}

// passesSCPs is R3.2: an Allow at every level.
func (w *world) passesSCPs() bool {
	if !w.underSCPs() {
		return true
	}
	for _, level := range w.q.policies.scp {
		if w.allowed(level) == uncovered {
			return false
		}
	}
	return true
}

// rcpServices are those that R3.13 names as under RCPs; others may have been
// added.
var rcpServices = []string{"s3", "sts", "kms", "sqs", "secretsmanager", "cognito-identity", "cognito-idp", "cognito-sync", "logs", "dynamodb", "ecr"}

// underRCPs is R3.13.
func (w *world) underRCPs() bool {
	if w.c.Caller.ServiceLinked || len(w.c.RCP) == 0 || w.of("eks") {
		return false
	}
	return slices.ContainsFunc(rcpServices, w.of) || w.either("under RCPs")
}

// barred is R3.12 and U-26: what these credentials cannot call.
func (w *world) barred() bool {
	c := w.c.Caller
	permissionOnly := w.is("sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext")
	switch {
	case c.Kind == RoleSession:
		return w.is("sts:GetFederationToken")
	case c.Kind == FederatedUser:
		return w.of("iam") || w.of("sts")
	case c.Kind == User && c.SessionToken && w.of("sts"):
		return !w.is("sts:AssumeRole") && !permissionOnly
	case c.Kind == User && c.SessionToken && w.of("iam"):
		switch mfa, _ := w.key("aws:MultiFactorAuthPresent"); {
		case len(mfa) == 0:
			return true
		case len(mfa) > 1 || !strings.EqualFold(mfa[0], "true") && !strings.EqualFold(mfa[0], "false"):
			return w.maybe() // U-12, as of a condition
		default:
			return !strings.EqualFold(mfa[0], "true")
		}
	case c.Kind == Root:
		return w.is("sts:AssumeRole") || permissionOnly
	}
	return false
}

// granted is what is needed beside the gates: R3.3 to R3.7.
func (w *world) granted() bool {
	k := w.c.Caller.Kind
	if k == Service || k == Anonymous || k == WebIdentity {
		return w.allowed(w.q.policies.attached) != uncovered // R3.7, R3.10
	}
	if !w.sameAccount() { // R3.6
		return w.samePartition() && w.allowed(w.q.policies.attached) != uncovered && w.identityAllows() && w.bounded()
	}
	if k == Root && w.c.Kind == Ordinary {
		return true // R3.3
	}
	f := w.allowed(w.q.policies.attached)
	if f == directly {
		return true // D
	}
	if w.c.Kind == Ordinary { // R3.4
		return (f == byRole || w.identityAllows()) && w.bounded()
	}
	return (f == byRole || f == byAccount && w.identityAllows()) && w.bounded() // R3.5
}

func (w *world) sameAccount() bool {
	if w.c.Owner == "" {
		return w.either("the resource is of the caller's account")
	}
	return w.c.Owner == w.c.Caller.Account
}

// samePartition: roles and policies do not reach over partitions (R3.6).
func (w *world) samePartition() bool {
	return w.c.Resource == "*" || partition(w.c.Resource) == partition(w.c.Caller.ARN)
}

// identityAllows is I; the root user needs none (R3.3, R3.6).
func (w *world) identityAllows() bool {
	return w.c.Caller.Kind == Root || w.allowed(w.q.policies.identity) != uncovered
}

// bounded is Bok and Sok of R3.4.
func (w *world) bounded() bool {
	c, p := w.c.Caller, w.q.policies
	if c.Kind == Root {
		return true
	}
	if len(w.c.Boundary) > 0 && w.allowed(p.boundary) == uncovered {
		return false
	}
	switch c.Kind {
	case RoleSession:
		return len(w.c.Session) == 0 || w.allowed(p.session) != uncovered // U-28
	case FederatedUser:
		return w.allowed(p.session) != uncovered
	}
	return true // a user
}

// allowed is the best form in which one of the statements allows.
func (w *world) allowed(policies []statement) form {
	best := uncovered
	for _, s := range policies {
		best = max(best, w.does(s, "Allow"))
	}
	return best
}

// does says whether a statement has the effect and applies: principal, action,
// resource and every condition match (section 2).
func (w *world) does(s statement, effect string) form {
	switch {
	case s.broken && s.effect == "":
		option := w.choose("effect of "+s.id, 3) // R3.22
		return when(option == 1 && effect == "Allow" || option == 2 && effect == "Deny", directly)
	case s.effect != effect:
		return uncovered
	case s.broken:
		return when(w.maybe(), directly) // U-1
	}
	f := directly
	switch {
	case s.hasPrincipal:
		f = w.covered(s.principal)
	case s.hasNot:
		f = when(!w.spared(s.notPrincipal), directly)
	}
	if f == uncovered || !w.actionMatches(s) || !w.resourceMatches(s) {
		return uncovered
	}
	for _, c := range s.conditions { // R4.1
		if !w.holds(c, s.variables) {
			return uncovered
		}
	}
	return f
}

func (w *world) actionMatches(s statement) bool {
	patterns := append(slices.Clone(s.action), s.notAction...)
	if len(patterns) == 0 {
		return false // R2.9; of NotAction too, as AA's text on empty lists says
	}
	some := slices.ContainsFunc(patterns, func(p string) bool { return matchAction(p, w.c.Action) })
	return some == (s.notAction == nil) // R2.3, R2.9
}

// resourceMatches: no element is the resource that the policy is attached to.
func (w *world) resourceMatches(s statement) bool {
	switch {
	case s.resource != nil: // R2.4, R2.9
		return slices.ContainsFunc(s.resource, func(p string) bool { return w.matchResource(p, s.variables, false) })
	case s.notResource != nil && len(s.notResource) == 0:
		return false // R2.9, as for NotAction
	case s.notResource != nil: // R2.5
		return !slices.ContainsFunc(s.notResource, func(p string) bool { return w.matchResource(p, s.variables, true) })
	}
	return true
}

func (w *world) matchResource(text string, variables, not bool) bool {
	p, how := w.resourcePattern(text, variables)
	switch {
	case how == noValue && !not:
		return false // R5.5
	case how != readable: // C-5 where it is NotResource
		return w.maybe()
	}
	matched := match(p, []rune(w.c.Resource))
	if w.c.Resource == "*" && w.is("s3:ListAllMyBuckets") && matched != match(p, []rune("arn:aws:s3:::*")) {
		return w.maybe() // C-11: on every bucket, says another page
	}
	return matched
}
