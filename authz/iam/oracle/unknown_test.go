package oracle

import (
	"fmt"
	"testing"
)

// A verdict on what is partly unknown, R3.20 to R3.22. Each line has its twin.
func TestWhatIsUnknown(t *testing.T) {
	o := s3o("b/o")
	admin := ask(user("u"), "s3:GetObject", o).identity(policy(everything))
	unknown := func(c Case, key string, k ContextKey) Case {
		return c.with(func(c *Case) {
			k.Unknown = true
			c.Context = map[string]ContextKey{key: k}
		})
	}
	allowIf := func(conditions ...string) Case {
		var all []string
		for _, c := range conditions {
			all = append(all, st("Allow", "*", "*", when1(c)))
		}
		return ask(user("u"), "s3:GetObject", o).identity(policy(all...))
	}
	for i, c := range []struct {
		c    Case
		want string
	}{
		{allowIf(`"StringEquals": {"a:b": "x"}`), "deny-i"}, // known to be absent
		{unknown(allowIf(`"StringEquals": {"a:b": "x"}`), "a:b", ContextKey{}), "undetermined"},
		{unknown(allowIf(`"StringEquals": {"a:b": "x"}`, `"StringNotEquals": {"a:b": "x"}`), "a:b", ContextKey{}), "allow"},
		{unknown(allowIf(`"StringEquals": {"a:b": "x"}`, `"StringNotEquals": {"a:b": "y"}`), "a:b", ContextKey{}), "undetermined"},
		{unknown(allowIf(`"StringLike": {"a:b": "x*"}`, `"StringNotLike": {"a:b": "xy*"}`), "a:b", ContextKey{}), "allow"},
		{unknown(allowIf(`"StringLike": {"a:b": "xy*"}`, `"StringNotLike": {"a:b": "x*"}`), "a:b", ContextKey{}), "undetermined"},
		{unknown(allowIf(`"StringLike": {"a:b": "*"}`), "a:b", ContextKey{}), "undetermined"}, // absent
		{unknown(allowIf(`"StringLike": {"a:b": "*"}`), "a:b", ContextKey{Always: true}), "allow"},
		{unknown(allowIf(`"Bool": {"a:b": "true"}`, `"Bool": {"a:b": "false"}`), "a:b", ContextKey{Always: true, Type: BoolType}), "allow"},
		{unknown(allowIf(`"Bool": {"a:b": "true"}`, `"Bool": {"a:b": "false"}`), "a:b", ContextKey{Type: BoolType}), "undetermined"},
		{unknown(allowIf(`"NumericLessThan": {"a:b": 3}`, `"NumericGreaterThan": {"a:b": 2}`), "a:b", ContextKey{Always: true, Type: NumericType}), "allow"},
		{unknown(allowIf(`"NumericLessThan": {"a:b": 2}`, `"NumericGreaterThan": {"a:b": 2}`), "a:b", ContextKey{Always: true, Type: NumericType}), "undetermined"},
		{unknown(allowIf(`"DateLessThan": {"a:b": "2026-01-02"}`, `"DateGreaterThanEquals": {"a:b": "2026-01-02T00:00:00Z"}`), "a:b", ContextKey{Always: true, Type: DateType}), "allow"},
		{unknown(allowIf(`"DateLessThan": {"a:b": "2026-01-02"}`, `"DateGreaterThan": {"a:b": "2026-01-02T00:00:00Z"}`), "a:b", ContextKey{Always: true, Type: DateType}), "undetermined"},
		{unknown(allowIf(`"IpAddress": {"a:b": ["0.0.0.0/1", "128.0.0.0/1", "::/0"]}`), "a:b", ContextKey{Always: true, Type: AddressType}), "allow"},
		{unknown(allowIf(`"IpAddress": {"a:b": ["0.0.0.0/1", "128.0.0.0/1"]}`), "a:b", ContextKey{Always: true, Type: AddressType}), "undetermined"},
		{unknown(allowIf(`"ForAllValues:StringEquals": {"a:b": "x"}`, `"ForAnyValue:StringNotEquals": {"a:b": "x"}`), "a:b", ContextKey{Multi: true}), "allow"},
		{unknown(allowIf(`"ForAllValues:StringEquals": {"a:b": "x"}`, `"ForAllValues:StringNotEquals": {"a:b": "x"}`), "a:b", ContextKey{}), "allow"},
		{unknown(allowIf(`"ForAllValues:StringEquals": {"a:b": "x"}`, `"ForAllValues:StringNotEquals": {"a:b": "x"}`), "a:b", ContextKey{Multi: true}), "undetermined"},
		{unknown(admin, "a:b", ContextKey{}), "allow"}, // of no account
		{unknown(ask(user("u"), "s3:GetObject", o).identity(policy(st("Allow", "*", "arn:aws:s3:::b/${a:b}"))), "a:b", ContextKey{}), "undetermined"},
		{unknown(ask(user("u"), "s3:GetObject", o).identity(policy(st("Allow", "*", "arn:aws:s3:::c/${a:b}"))), "a:b", ContextKey{}), "deny-i"},
		{unknown(ask(user("u"), "s3:GetObject", o).identity(policy(st("Allow", "*", "arn:aws:s3:::b/${a:b}"), st("Allow", "*", "*", when1(`"StringNotEquals": {"a:b": "o"}`)))), "a:b", ContextKey{}), "allow"},
		{unknown(ask(user("u"), "s3:GetObject", o).identity(policy(st("Allow", "*", "arn:aws:s3:::b/${a:b}"), st("Allow", "*", "*", when1(`"StringNotEquals": {"a:b": "p"}`)))), "a:b", ContextKey{}), "undetermined"},

		// Policies that were not read.
		{admin.identity(nil), "undetermined"},
		{admin.identity(nil, policy(everything)), "undetermined"},
		{admin.identity(nil, policy(st("Deny", "*", "*"))), "deny-e"},
		{admin.boundary(nil), "undetermined"},
		{admin.boundary(nil).identity(nothing), "deny-i"}, // explicit in some completions alone
		{admin.attached(nil), "undetermined"},
		{admin.attached(), "allow"},
		{admin.scps([]Text{nil}), "undetermined"},
		{admin.scps([]Text{nil, policy(everything)}), "undetermined"},
		{admin.with(func(c *Case) { c.RCP = []Text{nil} }), "undetermined"},
		{admin.with(func(c *Case) { c.RCP = []Text{nil}; c.Action = "eks:DescribeCluster" }), "allow"}, // R3.13
		{admin.owner(""), "undetermined"},
		{admin.identity(nothing).owner(""), "deny-i"},

		// What IAM would not take, and what it may have.
		{allowIf(`"StringFoo": {"a:b": "x"}`), "undetermined"},
		{allowIf(`"stringEquals": {"a:b": "x"}`), "undetermined"},
		{allowIf(`"NumericEquals": {"a:b": "x"}`), "deny-i"},
		{allowIf(`"NumericEquals": {"a:b": "x"}`).context("a:b", "1"), "undetermined"},
		{allowIf(`"NumericEquals": {"a:b": ["x", "1"]}`).context("a:b", "1"), "allow"},
		{allowIf(`"NumericEquals": {"a:b": "x"}`, `"NumericNotEquals": {"a:b": "x"}`).context("a:b", "1"), "undetermined"}, // neither may hold
		{allowIf(`"StringEquals": {"a:b": "x"}`).context("a:b", "x|y"), "undetermined"},                                    // U-9
		{allowIf(`"StringEquals": {"a:b": "x"}`).context("a:b", "x", "A:B", "y"), "undetermined"},
		{allowIf(`"StringEquals": {"a:b": ["x", "y"]}`).context("a:b", "x", "A:B", "y"), "allow"},
		{admin.identity(policy(`{"effect": "Allow", "Action": "*", "Resource": "*"}`)), "undetermined"},
		{admin.identity(policy(`{"Effect": "Allow", "Action": "*", "NotAction": "*", "Resource": "*"}`)), "undetermined"},
		{admin.identity(policy(`{"Effect": "Allow", "Action": [], "Resource": "*"}`)), "deny-i"},
	} {
		if got := outcome(Decide(c.c)); got != c.want {
			t.Errorf("%d: %s, want %s: %s", i, got, c.want, describe(c.c))
		}
	}
}

// describe writes a case for people.
func describe(c Case) string {
	s := fmt.Sprintf("%s %s in %q may %s on %s of %q (%s)", c.Caller.Kind, c.Caller.ARN, c.Caller.Account, c.Action, c.Resource, c.Owner, c.Kind)
	for name, k := range c.Context {
		s += fmt.Sprintf("\n  %s: %+v", name, k)
	}
	write := func(name string, policies []Text) {
		for _, p := range policies {
			if p == nil {
				s += "\n  " + name + ": not read"
			} else {
				s += "\n  " + name + ": " + *p
			}
		}
	}
	write("identity", c.Identity)
	write("boundary", c.Boundary)
	write("session", c.Session)
	write("attached", c.Attached)
	for i, level := range c.SCP {
		write(fmt.Sprintf("scp level %d", i), level)
	}
	write("rcp", c.RCP)
	return s
}
