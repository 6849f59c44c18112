package iam

import (
	"slices"
	"strings"
)

// rests gives the ids of the assumptions about AWS by which the statements
// that match, or may match, were weighed, sorted. (docs/assumptions.md)
func (e *evaluator) rests(g gates) []string {
	found := map[string]bool{}
	note := func(id string, so bool) {
		if so {
			found[id] = true
		}
	}
	c := e.q.Caller
	note("U-26", c.Kind == Root && g.rule == no && (e.kind == Trust || fold(e.q.Action) == "sts:assumerole"))
	note("U-5", e.kind == ResourcePolicy && g.byAccount == yes && or(g.identity, g.direct, g.byRole) != yes)
	note("U-28", len(e.q.Policies.Session) > 1 && (c.Kind == Session || c.Kind == FederatedUser))
	note("U-30", c.Kind == FederatedUser && e.levels > 0)
	for i := range e.clauses {
		cl := &e.clauses[i]
		if cl.st == nil || g.clauses[i] == no {
			continue
		}
		e.restsOn(cl, g, note)
		ctx := e.q.Context
		vars := ctx
		if !cl.policy.variables() {
			vars = nil
		}
		for j := range cl.st.Conditions {
			cl.st.Conditions[j].rests(ctx, vars, note)
		}
	}
	return sortedKeys(found)
}

// restsOn is about a clause's principal, action and resource.
func (e *evaluator) restsOn(c *clause, g gates, note func(string, bool)) {
	st, caller := c.st, e.q.Caller
	note("U-8", st.NotPrincipals != nil && c.base == maybe && !caller.isNoAWSIdentity())
	note("U-7", caller.isNoAWSIdentity() && c.base == maybe && slices.Contains(slices.Concat(st.Principals, st.NotPrincipals), Principal{"AWS", "*"}))
	if c.gate == e.resourceGate() && c.way == directly && c.effect == Allow && caller.signs() {
		named := slices.ContainsFunc(st.Principals, func(p Principal) bool { return p.Value != "*" && p.covers(caller) == directly })
		note("U-6", !named && and(g.identity, g.boundary, g.session) != yes)
	}
	for _, p := range st.Actions {
		vendor, _, _ := strings.Cut(p, ":")
		note("U-22", p != "*" && strings.ContainsAny(vendor, "*?") && matchAction(p, e.q.Action))
	}
	for _, p := range slices.Concat(st.Resources, st.NotResources) {
		// Where a plain glob would say otherwise.
		note("U-2", !strings.Contains(p, "${") && matchResource(p, e.q.Resource, nil) != truthOf(matches(glob(p), e.q.Resource)))
		note("U-3", usesWild(p, e.q.Context) && c.policy.variables())
	}
}

// usesWild reports whether a variable's value holds a wildcard or a variable.
func usesWild(text string, ctx *Context) bool {
	for _, key := range variablesOf(text) {
		values, _ := ctx.get(key)
		if len(values) == 1 && (strings.ContainsAny(values[0], "*?") || strings.Contains(values[0], "${")) {
			return true
		}
	}
	return false
}

// rests is about one condition.
func (c *Condition) rests(ctx, vars *Context, note func(string, bool)) {
	note("U-19", ctx.among[fold(c.Key)] != nil)
	values, known := ctx.get(c.Key)
	if !known {
		return
	}
	absent := len(values) == 0
	empty := !absent && !slices.ContainsFunc(values, func(v string) bool { return v != "" })
	if c.Operator.Name == "Null" {
		note("U-16", empty && c.Operator.Set == "" && c.null(ctx) == maybe)
		return
	}
	note("U-10", absent && c.Operator.IfExists && c.Operator.Set == "ForAnyValue")
	note("U-9", len(values) > 1 && c.Operator.Set == "")
	note("U-17", len(c.Values) == 0 && c.Operator.Set == "" && !c.Operator.IfExists)
	for _, v := range values {
		for _, want := range c.weigh(v, vars) {
			restsOnValue(c.positive(), v, want, vars, note)
			note("U-3", vars != nil && c.stringly() && usesWild(want, ctx))
		}
	}
}

// weigh gives the condition's values that decide of a request's value: those
// that match it for certain, and where none does, all.
func (c *Condition) weigh(value string, vars *Context) []string {
	var out []string
	for _, want := range c.Values {
		if compare(c.positive(), value, want, vars) == yes {
			out = append(out, want)
		}
	}
	if out == nil {
		return c.Values
	}
	return out
}

func restsOnValue(operator, value, want string, vars *Context, note func(string, bool)) {
	unread := compare(operator, value, want, vars) == maybe
	either := func(test func(string) bool) bool { return test(value) || test(want) }
	switch {
	case strings.HasPrefix(operator, "String"):
		note("U-29", unread && vars != nil && !opensOn(want, vars))
		note("U-18", operator == "StringEqualsIgnoreCase" && either(func(s string) bool { return strings.ContainsFunc(s, func(r rune) bool { return r > 0x7f }) }))
	case strings.HasPrefix(operator, "Arn"):
		note("U-23", unread && !opensOn(want, vars) || strings.Count(value, ":") < 5)
	case operator == "Bool":
		note("U-12", unread)
		note("U-13", !unread && either(func(s string) bool { return s != "true" && s != "false" }))
	case strings.HasPrefix(operator, "Date"):
		note("U-12", unread)
		note("U-14", !unread && either(func(s string) bool { m := date.FindStringSubmatch(s); return m != nil && m[8] == "" }))
	case operator == "IpAddress":
		note("U-12", unread)
		a, _ := parseAddress(value)
		_, alone := parseAddress(want)
		p, _ := parsePrefix(want)
		note("U-15", !unread && (a.Is4In6() || a.Is4() != p.Addr().Is4() || alone && p.Addr().Is6()))
	default:
		note("U-12", unread)
	}
}

// opensOn reports whether a text has a variable of unknown value.
func opensOn(text string, vars *Context) bool {
	return vars != nil && slices.ContainsFunc(variablesOf(text), func(key string) bool { _, known := vars.get(key); return !known })
}
