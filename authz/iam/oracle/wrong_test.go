package oracle

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// wrong is an evaluator with a fault, made by changing what it is given.
type wrong struct {
	name   string
	change func(*draft)
}

// eachPart changes every statement.
func eachPart(change func(*draft, gate, *part)) func(*draft) {
	return func(d *draft) {
		for in, list := range d.gates {
			for _, p := range list {
				for i := range parts(p) {
					change(d, in, &p.parts[i])
				}
			}
		}
		for _, level := range d.scp {
			for _, p := range level {
				for i := range parts(p) {
					change(d, scp, &p.parts[i])
				}
			}
		}
	}
}

func parts(p *doc) []part {
	if p == nil {
		return nil
	}
	return p.parts
}

func actions(change func(d *draft, pattern string) string) func(*draft) {
	return eachPart(func(d *draft, _ gate, s *part) {
		for i, p := range s.actions {
			s.actions[i] = change(d, p)
		}
	})
}

func resources(change func(d *draft, pattern string) string) func(*draft) {
	return eachPart(func(d *draft, _ gate, s *part) {
		for i, p := range s.resources {
			s.resources[i] = change(d, p)
		}
	})
}

func eachPrincipal(change func(*draft, *principal)) func(*draft) {
	return eachPart(func(d *draft, in gate, s *part) {
		for i := range s.principals {
			if in == attached {
				change(d, &s.principals[i])
			}
		}
	})
}

func eachCondition(change func(*condition)) func(*draft) {
	return eachPart(func(_ *draft, _ gate, s *part) {
		for i := range s.conditions {
			change(&s.conditions[i])
		}
	})
}

func eachValue(change func(base, value string) string) func(*draft) {
	return eachCondition(func(c *condition) {
		o, _ := readOperator(c.operator)
		for i, v := range c.values {
			c.values[i] = change(o.base, v)
		}
	})
}

func eachKey(change func(name string, k *ContextKey)) func(*draft) {
	return func(d *draft) {
		for name, k := range d.Context {
			change(name, &k)
			d.Context[name] = k
		}
	}
}

// operators takes one operator for another, in every form.
func operators(from, to string) func(*draft) {
	return eachCondition(func(c *condition) {
		if baseName(c.operator) == from {
			c.operator = strings.Replace(c.operator, from, to, 1)
		}
	})
}

// replaced writes one text for another in patterns and values.
func replaced(old, text string) func(*draft) {
	return func(d *draft) {
		resources(func(_ *draft, p string) string { return strings.ReplaceAll(p, old, text) })(d)
		eachValue(func(_, v string) string { return strings.ReplaceAll(v, old, text) })(d)
	}
}

func read(in gate) func(*draft) {
	return func(d *draft) {
		d.gates[in] = slices.DeleteFunc(d.gates[in], func(p *doc) bool { return p == nil })
	}
}

func without(in gate) func(*draft) { return func(d *draft) { delete(d.gates, in) } }

var zone = regexp.MustCompile(`[+-]\d\d:\d\d$`)

var wrongs = slices.Concat(wrongMatches, wrongPrincipals, wrongGates, wrongConditions, wrongOperators())

var wrongMatches = []wrong{
	{"the case of actions counts", actions(func(d *draft, p string) string {
		if matchAction(p, d.Action) && !match(wildcards(p), []rune(d.Action)) {
			return "none:None"
		}
		return p
	})},
	{"a star of an action is itself", actions(func(_ *draft, p string) string { return strings.ReplaceAll(p, "*", "+") })},
	{"a question mark of an action is itself", actions(func(_ *draft, p string) string { return strings.ReplaceAll(p, "?", "+") })},
	{"the second action is not read", eachPart(func(_ *draft, _ gate, s *part) { s.actions = s.actions[:min(1, len(s.actions))] })},
	{"NotAction is Action", eachPart(func(_ *draft, _ gate, s *part) { s.notAction = false })},
	{"NotResource is Resource", eachPart(func(_ *draft, _ gate, s *part) { s.notResource = false })},
	{"the second resource is not read", eachPart(func(_ *draft, _ gate, s *part) { s.resources = s.resources[:min(1, len(s.resources))] })},
	{"a star of a resource is itself", resources(func(_ *draft, p string) string { return strings.ReplaceAll(p, "*", "+") })},
	{"a question mark of a resource is itself", resources(func(_ *draft, p string) string { return strings.ReplaceAll(p, "?", "+") })},
	{"the case of resources does not count", func(d *draft) {
		resources(func(_ *draft, p string) string { return strings.ToLower(p) })(d)
		d.Resource = strings.ToLower(d.Resource)
	}},
	{"a wildcard of a resource crosses every colon", resources(func(d *draft, p string) string {
		strict, how := (&world{}).resourcePattern(p, false)
		if how == readable && !match(strict, []rune(d.Resource)) && match(wildcards(p), []rune(d.Resource)) {
			return "*"
		}
		return p
	})},
	{"a star at the end of a part stays in it", resources(func(d *draft, p string) string {
		if strict, ok := arnPattern(wildcards(p)); ok && !match(strict, []rune(d.Resource)) || !ok && strings.HasPrefix(p, "arn:") {
			return "arn:none:::::x"
		}
		return p
	})},
	{"an action without resources is on any", func(d *draft) {
		if d.Resource == "*" {
			resources(func(_ *draft, p string) string { return "*" })(d)
		}
	}},
	{"variables are text", func(d *draft) {
		for _, p := range d.all() {
			p.version = "2008-10-17"
		}
	}},
	{"text is variables", func(d *draft) {
		for _, p := range d.all() {
			p.version = "2012-10-17"
		}
	}},
	{"an escape is a wildcard", func(d *draft) { replaced("${*}", "*")(d); replaced("${?}", "?")(d) }},
	{"a variable without a value is nothing", replaced("${none:such}", "")},
	{"a default is not read", func(d *draft) { replaced(", 'b'}", "}")(d); replaced(", 'o'}", "}")(d) }},
	{"a star in a variable's value is a wildcard", func(d *draft) {
		if k := d.Context["aws:PrincipalTag/t"]; len(k.Values) == 1 && k.Values[0] == "*" {
			replaced("${aws:PrincipalTag/t}", "*")(d)
		}
	}},
	{"a faulty variable is text", func(d *draft) { replaced("${aws:username", "u")(d) }},
	{"a statement that cannot be read is none", eachPart(func(_ *draft, _ gate, s *part) {
		if s.withoutEffect {
			s.withoutEffect, s.actions, s.notAction = false, []string{"none:None"}, false
		}
	})},
	{"the second statement is not read", func(d *draft) {
		for _, p := range d.all() {
			p.parts = p.parts[:min(1, len(p.parts))]
		}
	}},
	{"a Deny is nothing", func(d *draft) {
		for _, p := range d.all() {
			p.parts = slices.DeleteFunc(p.parts, func(s part) bool { return s.effect == "Deny" })
		}
	}},
}

var wrongPrincipals = []wrong{
	{"an account's principal is its principals'", eachPrincipal(func(d *draft, p *principal) {
		if accountID.MatchString(p.name) || rootARN.MatchString(p.name) {
			*p = principal{"AWS", "*"}
		}
	})},
	{"an account is nobody", eachPrincipal(func(d *draft, p *principal) {
		if accountID.MatchString(p.name) {
			p.name = "000000000000"
		}
	})},
	{"a root ARN is the root user's", eachPrincipal(func(d *draft, p *principal) {
		if rootARN.MatchString(p.name) && d.Caller.Kind != Root {
			p.name = "000000000000"
		}
	})},
	{"a role is its session", eachPrincipal(func(d *draft, p *principal) {
		if p.name == d.Caller.Of && p.name != "" {
			p.name = d.Caller.ARN
		}
	})},
	{"a session is its role", eachPrincipal(func(d *draft, p *principal) {
		if p.name == d.Caller.ARN && d.Caller.Kind == RoleSession {
			p.name = d.Caller.Of
		}
	})},
	{"unique ids are nobody's", eachPrincipal(func(d *draft, p *principal) {
		if p.name == d.Caller.ID {
			p.name = "AIDANOBODY23456723456"
		}
	})},
	{"the star is nobody", eachPrincipal(func(d *draft, p *principal) {
		if p.kind == "*" {
			*p = principal{"AWS", "000000000000"}
		}
	})},
	{"AWS * is nobody", eachPrincipal(func(d *draft, p *principal) {
		if p.kind == "AWS" && p.name == "*" {
			p.name = "000000000000"
		}
	})},
	{"AWS * is services too", eachPrincipal(func(d *draft, p *principal) {
		if p.kind == "AWS" && p.name == "*" {
			*p = principal{"AWS", "000000000000"}
			if d.Caller.Kind == Service {
				*p = principal{"Service", d.Caller.ARN}
			}
		}
	})},
	{"a service is any", eachPrincipal(func(d *draft, p *principal) {
		if p.kind == "Service" && d.Caller.Kind == Service {
			p.name = d.Caller.ARN
		}
	})},
	{"a provider is any", eachPrincipal(func(d *draft, p *principal) {
		if p.kind == "Federated" && d.Caller.Kind == WebIdentity {
			p.name = d.Caller.ARN
		}
	})},
	{"a federated user is who federated", func(d *draft) {
		if d.Caller.Kind == FederatedUser {
			d.Caller.Kind, d.Caller.ARN = User, d.Caller.Of
		}
	}},
	{"a second principal is not read", eachPart(func(_ *draft, in gate, s *part) { s.principals = s.principals[:min(1, len(s.principals))] })},
	{"NotPrincipal is Principal", eachPart(func(_ *draft, _ gate, s *part) { s.notPrincipal = false })},
	{"one word of a NotPrincipal spares", eachPart(func(d *draft, _ gate, s *part) {
		g := generator{d: d}
		if all := all(d.Caller); s.notPrincipal && slices.ContainsFunc(s.principals, func(p principal) bool { return slices.Contains(all, p) }) && g.has() {
			s.principals = all
		}
	})},
	{"GetSessionToken's credentials are a user's", func(d *draft) { d.Caller.SessionToken = false }},
	{"a service-linked role is a role", func(d *draft) {
		plain := func(s string) string { return strings.Replace(s, "/aws-service-role/", "/role/", 1) }
		eachPrincipal(func(_ *draft, p *principal) { p.name = plain(p.name) })(d)
		d.Caller.ServiceLinked, d.Caller.Of = false, plain(d.Caller.Of)
	}},
	{"the management account is a member", func(d *draft) { d.Caller.Management = false }},
	{"root is a user", func(d *draft) {
		if d.Caller.Kind == Root {
			d.Caller.Kind = User
		}
	}},
}

// identityEnough lets the account in by a resource's policy, as for a bucket it
// needs not be let.
func identityEnough(kind ResourceKind) func(*draft) {
	return func(d *draft) {
		if list := d.gates[attached]; d.Kind == kind && d.Owner == own && len(list) > 0 && list[0] != nil {
			list[0].parts = append(list[0].parts, part{effect: "Allow", principals: []principal{{"AWS", own}}, actions: []string{d.Action}})
		}
	}
}

var wrongGates = []wrong{
	{"identity policies are not read", without(identity)},
	{"boundaries are not read", without(boundary)},
	{"session policies are not read", without(session)},
	{"resource policies are not read", without(attached)},
	{"RCPs are not read", without(rcp)},
	{"SCPs are not read", func(d *draft) { d.scp = nil }},
	{"the lowest level of SCPs alone counts", func(d *draft) { d.scp = d.scp[max(0, len(d.scp)-1):] }},
	{"levels of SCPs are one", func(d *draft) {
		if len(d.scp) > 0 {
			d.scp = [][]*doc{slices.Concat(d.scp...)}
		}
	}},
	{"the second identity policy is not read", func(d *draft) { d.gates[identity] = d.gates[identity][:min(1, len(d.gates[identity]))] }},
	{"the second session policy is not read", func(d *draft) { d.gates[session] = d.gates[session][:min(1, len(d.gates[session]))] }},
	{"a session policy grants", func(d *draft) {
		for _, p := range d.gates[session] {
			if len(d.gates[identity]) > 0 && d.gates[identity][0] != nil {
				d.gates[identity] = append(d.gates[identity], p)
			}
		}
	}},
	{"every resource is the caller's account's", func(d *draft) {
		if d.Caller.Account != "" {
			d.Owner = d.Caller.Account
		}
	}},
	{"an owner that is not known is the caller", func(d *draft) {
		if d.Owner == "" {
			d.Owner = d.Caller.Account
		}
	}},
	{"a trust policy is as a bucket's", identityEnough(Role)},
	{"a key's policy is as a bucket's", identityEnough(Key)},
	{"a federated user needs no session policy", func(d *draft) {
		if d.Caller.Kind == FederatedUser && len(d.gates[session]) == 0 {
			d.gates[session] = []*doc{{version: "2012-10-17", parts: []part{{effect: "Allow", actions: []string{"*"}, resources: []string{"*"}}}}}
		}
	}},
	{"an unread identity policy is none", read(identity)},
	{"an unread boundary is none", read(boundary)},
	{"an unread session policy is none", read(session)},
	{"an unread resource policy is none", read(attached)},
	{"an unread RCP is none", read(rcp)},
	{"an unread SCP is none", func(d *draft) {
		for i, level := range d.scp {
			d.scp[i] = slices.DeleteFunc(level, func(p *doc) bool { return p == nil })
		}
	}},
	{"an unknown key is absent", eachKey(func(_ string, k *ContextKey) { k.Unknown = false })},
	{"an unknown key is a certain one", eachKey(func(_ string, k *ContextKey) {
		if k.Unknown && k.Type == StringType {
			k.Unknown, k.Values = false, []string{"b"}
		}
	})},
	{"two keys in two cases are one", func(d *draft) { delete(d.Context, "AWS:REQUESTTAG/TEAM") }},
}

var wrongConditions = []wrong{
	{"conditions are not read", eachPart(func(_ *draft, _ gate, s *part) { s.conditions = nil })},
	{"the second condition is not read", eachPart(func(_ *draft, _ gate, s *part) { s.conditions = s.conditions[:min(1, len(s.conditions))] })},
	{"the second value is not read", eachCondition(func(c *condition) { c.values = c.values[:min(1, len(c.values))] })},
	{"an empty list of values is met", eachPart(func(_ *draft, _ gate, s *part) {
		s.conditions = slices.DeleteFunc(s.conditions, func(c condition) bool { return len(c.values) == 0 })
	})},
	{"the case of keys counts", eachCondition(func(c *condition) {
		if c.key == strings.ToUpper(c.key) {
			c.key = "no:Key"
		}
	})},
	{"the request's second value is not read", eachKey(func(_ string, k *ContextKey) { k.Values = k.Values[:min(1, len(k.Values))] })},
	{"an empty string is absent", eachKey(func(_ string, k *ContextKey) {
		k.Values = slices.DeleteFunc(k.Values, func(v string) bool { return v == "" })
	})},
	{"IfExists is not read", eachCondition(func(c *condition) {
		if baseName(c.operator) != "Null" {
			c.operator = strings.TrimSuffix(c.operator, "IfExists")
		}
	})},
	{"everything is IfExists", eachCondition(func(c *condition) {
		if baseName(c.operator) != "Null" && !strings.HasSuffix(c.operator, "IfExists") {
			c.operator += "IfExists"
		}
	})},
	{"ForAllValues is not read", eachCondition(func(c *condition) { c.operator = strings.TrimPrefix(c.operator, "ForAllValues:") })},
	{"ForAnyValue is not read", eachCondition(func(c *condition) { c.operator = strings.TrimPrefix(c.operator, "ForAnyValue:") })},
	{"ForAnyValue is ForAllValues", eachCondition(func(c *condition) { c.operator = strings.Replace(c.operator, "ForAnyValue:", "ForAllValues:", 1) })},
	{"ForAllValues is ForAnyValue", eachCondition(func(c *condition) { c.operator = strings.Replace(c.operator, "ForAllValues:", "ForAnyValue:", 1) })},
	{"an unknown operator is met", eachPart(func(_ *draft, _ gate, s *part) {
		s.conditions = slices.DeleteFunc(s.conditions, func(c condition) bool { _, ok := readOperator(c.operator); return !ok })
	})},
	{"an operator is read in any case", operators("stringEquals", "StringEquals")},
	{"a zone is not read", eachValue(func(base, v string) string {
		if strings.HasPrefix(base, "Date") {
			return zone.ReplaceAllString(v, "Z")
		}
		return v
	})},
	{"a fraction of a second is not read", eachValue(func(base, v string) string {
		if strings.HasPrefix(base, "Date") {
			return strings.Replace(v, ".5", "", 1)
		}
		return v
	})},
	{"seconds are a year", eachValue(func(base, v string) string {
		if strings.HasPrefix(base, "Date") && v == "1767225600" {
			return "1767"
		}
		return v
	})},
	{"a year is seconds", eachValue(func(base, v string) string {
		if strings.HasPrefix(base, "Date") && v == "2026" {
			return "1970-01-01T00:33:46Z"
		}
		return v
	})},
	{"a prefix is not read", eachValue(func(base, v string) string {
		if base == "IpAddress" {
			v, _, _ = strings.Cut(v, "/")
		}
		return v
	})},
	{"host bits count", eachValue(func(base, v string) string { return strings.Replace(v, "10.1.2.3/16", "10.1.2.3", 1) })},
	{"a decimal is an integer", eachValue(func(base, v string) string {
		if strings.HasPrefix(base, "Numeric") {
			v, _, _ = strings.Cut(v, ".")
		}
		return v
	})},
	{"base64 is text", eachValue(func(base, v string) string {
		if base == "BinaryEquals" {
			return strings.TrimRight(v, "=")
		}
		return v
	})},
	{"what cannot be read in a policy is not equal", eachCondition(func(c *condition) {
		o, _ := readOperator(c.operator)
		c.values = slices.DeleteFunc(c.values, func(v string) bool {
			for _, voc := range vocabularies {
				if slices.Contains(voc.brokenInPolicy, v) && !strings.HasPrefix(o.base, "Null") {
					return true
				}
			}
			return false
		})
	})},
	{"the case of Bool counts", eachValue(func(base, v string) string { return strings.Replace(v, "True", "Yes", 1) })},
	{"case is ignored in ASCII alone", eachCondition(func(c *condition) {
		if strings.Contains(c.operator, "IgnoreCase") {
			for i, v := range c.values {
				c.values[i] = strings.ReplaceAll(v, "é", "è")
			}
		}
	})},
}

// wrongOperators takes each operator for its neighbour.
func wrongOperators() []wrong {
	var out []wrong
	for from, to := range map[string]string{
		"StringEquals": "StringLike", "StringLike": "StringEquals", "StringEqualsIgnoreCase": "StringEquals", "StringNotEqualsIgnoreCase": "StringNotEquals",
		"StringNotEquals": "StringEquals", "StringNotLike": "StringLike",
		"NumericEquals": "NumericNotEquals", "NumericNotEquals": "NumericEquals", "NumericLessThan": "NumericLessThanEquals", "NumericLessThanEquals": "NumericLessThan",
		"NumericGreaterThan": "NumericGreaterThanEquals", "NumericGreaterThanEquals": "NumericGreaterThan",
		"DateEquals": "DateNotEquals", "DateNotEquals": "DateEquals", "DateLessThan": "DateLessThanEquals", "DateLessThanEquals": "DateLessThan",
		"DateGreaterThan": "DateGreaterThanEquals", "DateGreaterThanEquals": "DateGreaterThan",
		"IpAddress": "NotIpAddress", "NotIpAddress": "IpAddress", "ArnEquals": "StringEquals", "ArnLike": "StringLike", "ArnNotEquals": "ArnEquals", "ArnNotLike": "StringNotLike",
		"Bool": "StringEquals", "BinaryEquals": "StringNotEquals",
	} {
		out = append(out, wrong{from + " is " + to, operators(from, to)})
	}
	return append(out, wrong{"Null is its contrary", eachCondition(func(c *condition) {
		for i, v := range c.values {
			if baseName(c.operator) == "Null" {
				c.values[i] = map[string]string{"true": "false", "false": "true"}[v]
			}
		}
	})})
}

// all are the words that cover a caller.
func all(c Caller) []principal {
	return []principal{{"AWS", c.ARN}, {"AWS", c.Of}, {"AWS", c.ID}, {"AWS", own}}
}

// Each fault shows within the first hundredth of a whole run.
//
// shows: item S81
func TestWrongEvaluatorsAreFound(t *testing.T) {
	left := slices.Clone(wrongs)
	for i := 0; i < whole/100 && len(left) > 0; i++ {
		p, ok := pose(generate(*seed, uint64(i)))
		if !ok {
			continue
		}
		left = slices.DeleteFunc(left, func(w wrong) bool {
			found := p.finds(w)
			if found {
				t.Logf("%s: found after %d cases", w.name, i+1)
			}
			return found
		})
	}
	for _, w := range left {
		t.Errorf("seed %d: %s: not found in %d cases", *seed, w.name, whole/100)
	}
}
