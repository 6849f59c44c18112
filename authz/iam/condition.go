package iam

import (
	"slices"
	"strings"
)

// holds evaluates one condition. vars is nil where variables are text.
func (c Condition) holds(ctx, vars *Context) truth {
	values, known := ctx.get(c.Key)
	if !known {
		return maybe
	}
	absent := len(values) == 0
	null := !slices.ContainsFunc(values, func(v string) bool { return v != "" })
	switch {
	case c.Operator.Name == "Null":
		return c.null(values)
	case absent && c.Operator.IfExists:
		return yes // assumption U-10: also under ForAnyValue
	case c.Operator.Set == "ForAllValues":
		if null {
			return yes
		}
		all := yes
		for _, v := range values {
			all = and(all, c.matches(v, vars))
		}
		return all
	case c.Operator.Set == "ForAnyValue":
		if null {
			return no
		}
		some := no
		for _, v := range values {
			some = or(some, c.matches(v, vars))
		}
		return some
	case absent:
		return truthOf(c.negated())
	case len(values) > 1:
		return maybe // assumption U-9: a plain operator on several values
	}
	return c.matches(values[0], vars)
}

// null evaluates the operator Null: "true" asks for an absent key, "false" for
// a present one that is not null.
func (c Condition) null(values []string) truth {
	switch c.Operator.Set {
	case "ForAllValues":
		return yes
	case "ForAnyValue":
		return no
	}
	if len(values) == 1 && values[0] == "" {
		return maybe // assumption U-16
	}
	result := no
	for _, want := range c.Values {
		b, ok := parseBool(want)
		if !ok {
			result = or(result, maybe)
			continue
		}
		result = or(result, truthOf(b == (len(values) == 0)))
	}
	return result
}

// negated reports whether the operator is one of those with Not: true if none
// of the values matches, also for an absent key.
func (c Condition) negated() bool { return strings.Contains(c.Operator.Name, "Not") }

// matches applies the operator to one value of the request.
func (c Condition) matches(value string, vars *Context) truth {
	some := no
	for _, want := range c.Values {
		some = or(some, compare(strings.Replace(c.Operator.Name, "Not", "", 1), value, want, vars))
	}
	if c.negated() {
		return some.not()
	}
	return some
}

// compare applies a positive operator to one value of the request and one of
// the policy.
func compare(operator, value, want string, vars *Context) truth {
	switch operator {
	case "StringEquals", "StringEqualsIgnoreCase":
		p, ok := expand(want, false, vars)
		if ok != yes {
			return ok
		}
		if operator == "StringEqualsIgnoreCase" {
			for i := range p {
				p[i].r = []rune(fold(string(p[i].r)))[0]
			}
			value = fold(value)
		}
		return truthOf(matches(p, value))
	case "StringLike":
		p, ok := expand(want, true, vars)
		if ok != yes {
			return ok
		}
		return truthOf(matches(p, value))
	case "ArnEquals", "ArnLike":
		p, ok := expand(want, true, vars)
		if ok != yes {
			return ok
		}
		return matchARN(p, value)
	case "Bool":
		have, ok1 := parseBool(value)
		need, ok2 := parseBool(want)
		if !ok1 || !ok2 {
			return maybe // assumption U-12
		}
		return truthOf(have == need)
	}
	return maybe // Numeric, Date, Binary and IpAddress are not evaluated yet
}

// parseBool reads true and false in any case (assumption U-13).
func parseBool(s string) (value, ok bool) {
	return strings.EqualFold(s, "true"), strings.EqualFold(s, "true") || strings.EqualFold(s, "false")
}

// matchARN compares the six parts one to one; the sixth keeps its colons.
func matchARN(pattern []token, value string) truth {
	values := strings.SplitN(value, ":", 6)
	if len(values) != 6 || values[0] != "arn" {
		return no // assumption U-23
	}
	if len(pattern) == 1 && pattern[0].kind == run {
		return yes
	}
	for i := range 5 {
		colon := slices.Index(pattern, token{literal, ':'})
		if colon < 0 {
			return maybe // assumption U-23
		}
		if !matches(pattern[:colon], values[i]) {
			return no
		}
		pattern = pattern[colon+1:]
	}
	return truthOf(matches(pattern, values[5]))
}
