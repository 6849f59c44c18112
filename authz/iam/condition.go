package iam

import (
	"slices"
	"strings"
)

// holds evaluates one condition. vars is nil where variables are text. (R4.1
// to R4.9)
func (c *Condition) holds(ctx, vars *Context) truth {
	if c.Operator.Name == "Null" {
		return c.null(ctx)
	}
	values, known := ctx.get(c.Key)
	if !known {
		return maybe
	}
	absent := len(values) == 0
	// Only empty strings are no data either.
	null := !slices.ContainsFunc(values, func(v string) bool { return v != "" })
	switch {
	case absent && c.Operator.IfExists:
		return yes // assumption U-10: also under ForAnyValue
	case c.Operator.Set == "ForAllValues" && null:
		return yes
	case c.Operator.Set == "ForAnyValue" && null:
		return no
	case len(c.Values) == 0 && !absent && (c.Operator.Set != "" || c.Operator.IfExists):
		return no // R4.9, of negated operators too
	case c.Operator.Set == "ForAllValues":
		all := yes
		for _, v := range values {
			all = and(all, c.matches(v, vars))
		}
		return all
	case c.Operator.Set == "ForAnyValue":
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
	return c.matches(values[0], vars) // of an empty list: assumption U-17
}

// null evaluates the operator Null: "true" asks for an absent key, "false" for
// a present one that is not null. (R4.8)
func (c *Condition) null(ctx *Context) truth {
	switch c.Operator.Set {
	case "ForAllValues":
		return yes
	case "ForAnyValue":
		return no
	}
	wantAbsent, wantPresent, other := false, false, no
	for _, want := range c.Values {
		b, ok := parseBool(want)
		switch {
		case !ok:
			other = maybe // assumption U-12
		case b:
			wantAbsent = true
		default:
			wantPresent = true
		}
	}
	if wantAbsent && wantPresent {
		return yes
	}
	if !wantAbsent && !wantPresent {
		return other
	}
	values, known := ctx.get(c.Key)
	switch {
	case !known:
		return maybe
	case len(values) > 0 && !slices.ContainsFunc(values, func(v string) bool { return v != "" }):
		return maybe // assumption U-16
	}
	return or(other, truthOf(wantAbsent == (len(values) == 0)))
}

// negated reports whether the operator is one of those with Not: true if none
// of the values matches, also for an absent key. (R4.2)
func (c *Condition) negated() bool { return strings.Contains(c.Operator.Name, "Not") }

// positive is the operator's name without its negation.
func (c *Condition) positive() string { return strings.Replace(c.Operator.Name, "Not", "", 1) }

// matches applies the operator to one value of the request.
func (c *Condition) matches(value string, vars *Context) truth {
	some, operator := no, c.positive()
	for _, want := range c.Values {
		some = or(some, compare(operator, value, want, vars))
	}
	if c.negated() {
		return some.not()
	}
	return some
}

// compare applies a positive operator to one value of the request and one of
// the policy. What is no number, date, address or base64 is unknown
// (assumption U-12).
func compare(operator, value, want string, vars *Context) truth {
	switch operator {
	case "StringEquals", "StringEqualsIgnoreCase", "StringLike":
		return compareString(operator, value, want, vars)
	case "ArnEquals", "ArnLike":
		if !isARN(value) {
			return no // assumption U-23, whatever the pattern is
		}
		p, ok := expand(want, true, vars)
		if ok != yes {
			return ok
		}
		return matchARN(p, value)
	case "Bool":
		have, ok1 := parseBool(value)
		need, ok2 := parseBool(want)
		return decided(ok1 && ok2, have == need)
	case "IpAddress":
		return compareAddress(value, want)
	case "BinaryEquals":
		have, ok1 := parseBinary(value)
		need, ok2 := parseBinary(want)
		return decided(ok1 && ok2, have == need)
	}
	if relation, ok := strings.CutPrefix(operator, "Numeric"); ok {
		have, need := parseNumber(value), parseNumber(want)
		if have == nil || need == nil {
			return maybe
		}
		return truthOf(related(relation, have.Cmp(need)))
	}
	if relation, ok := strings.CutPrefix(operator, "Date"); ok {
		have, ok1 := parseDate(value)
		need, ok2 := parseDate(want)
		return decided(ok1 && ok2, related(relation, have.Compare(need)))
	}
	return maybe
}

func decided(known, result bool) truth {
	if !known {
		return maybe
	}
	return truthOf(result)
}

// related tells whether an order fits a relation such as LessThanEquals.
func related(relation string, order int) bool {
	switch relation {
	case "LessThan":
		return order < 0
	case "LessThanEquals":
		return order <= 0
	case "GreaterThan":
		return order > 0
	case "GreaterThanEquals":
		return order >= 0
	}
	return order == 0 // Equals
}

func compareString(operator, value, want string, vars *Context) truth {
	p, ok := expand(want, operator == "StringLike", vars)
	if ok != yes {
		return ok
	}
	if operator == "StringEqualsIgnoreCase" {
		p, value = foldTokens(p), fold(value)
	}
	return truthOf(matches(p, value))
}

func isARN(value string) bool {
	return strings.HasPrefix(value, "arn:") && strings.Count(value, ":") >= 5
}

// matchARN compares the six parts of an ARN one to one; the sixth keeps its
// colons. (R4.3)
func matchARN(pattern []token, value string) truth {
	values := strings.SplitN(value, ":", 6)
	if len(pattern) == 1 && pattern[0].kind == run {
		return yes
	}
	colons := 0
	for _, t := range pattern {
		if t == (token{literal, ':'}) {
			colons++
		}
	}
	if colons < 5 {
		return maybe // assumption U-23, also where a part differs: what such a pattern means is not known
	}
	for i := range 5 {
		colon := slices.Index(pattern, token{literal, ':'})
		if !matches(pattern[:colon], values[i]) {
			return no
		}
		pattern = pattern[colon+1:]
	}
	return truthOf(matches(pattern, values[5]))
}
