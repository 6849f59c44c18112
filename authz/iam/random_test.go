package iam

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// cases is how many random cases the laws of this package are tried on, in
// sum; `go test ./authz/iam -run Laws -cases 1000000`.
var cases = flag.Int("cases", 25000, "random cases in sum")

// generator makes random questions from few words, so that they meet.
type generator struct {
	*rand.Rand
	malformed bool // values that are no numbers and so on
	unread    bool // policies that were not read
	unknown   bool // keys of unknown value
	dense     bool // statements that match nearly all but for their conditions
	mix       map[string]int
}

func newGenerator(seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 75)), mix: map[string]int{}}
}

var (
	someActions   = []string{"s3:GetObject", "s3:PutObject", "iam:PassRole", "ec2:StopInstances", "sts:AssumeRole"}
	someActionP   = []string{"*", "s3:*", "s3:Get*", "S3:getobject", "iam:Pass?ole", "e*:*", "*:*Object", "sts:AssumeRole", "sts:*"}
	someResources = []string{"arn:aws:s3:::b/o", "arn:aws:s3:::b/a", "arn:aws:s3:::b", "*", "arn:aws:iam::" + account + ":role/target", "arn:aws:iam::" + other + ":role/target"}
	someResourceP = []string{"*", "arn:aws:s3:::*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/?", "arn:aws:s3:::b", "arn:aws:iam::*:role/target", "arn:aws:s3:::b/${k:a}", "arn:aws:s3:::b/${k:b, 'o'}", "arn:aws:*"}
	someKeys      = []string{"k:a", "k:b", "aws:PrincipalTag/t", "aws:TagKeys", "aws:SecureTransport"}
	someCallers   = []string{"user/ann", "user/ann", "role/r/one", "role/r/one", "root", "federated/X/ann", "service/ec2.amazonaws.com", "bearer/accounts.google.com", "anonymous", other + " user/ann", other + " role/r/one", "linked/l/s"}
	somePeople    = []Principal{{"*", "*"}, {"AWS", "*"}, {"AWS", account}, {"AWS", "arn:aws:iam::" + account + ":user/ann"}, {"AWS", "arn:aws:iam::" + account + ":role/r"},
		{"AWS", "arn:aws:sts::" + account + ":assumed-role/r/one"}, {"AWS", "arn:aws:sts::" + account + ":federated-user/X"}, {"AWS", other}, {"AWS", "arn:aws:iam::" + other + ":user/ann"},
		{"Service", "ec2.amazonaws.com"}, {"AWS", "arn:aws:iam::" + account + ":root"}}
)

// values are a family of values that an operator compares, for policies and
// requests.
func values(operator string) []string {
	switch {
	case strings.HasPrefix(operator, "Numeric"):
		return []string{"1", "2", "2.0", "3", "-1"}
	case strings.HasPrefix(operator, "Date"):
		return []string{"2026-01-01T00:00:00Z", "2026-01-01", "2026-06-01T00:00:00+01:00", "1795255200", "2025"}
	case strings.Contains(operator, "Ip"):
		return []string{"203.0.113.1", "203.0.113.0/24", "203.0.113.128/25", "2001:db8::/32", "8.8.8.8"}
	case operator == "Bool":
		return []string{"true", "false"}
	case operator == "BinaryEquals":
		return []string{"YQ==", "Yg==", "YWI="}
	case strings.HasPrefix(operator, "Arn"):
		return []string{"arn:aws:s3:::b", "arn:aws:s3:::b/o", "arn:aws:s3:::*", "arn:aws:*:*:*:b", "*"}
	case strings.Contains(operator, "Like"):
		return []string{"a", "b", "a*", "*b", "?", "*", "${k:b}"}
	}
	return []string{"a", "b", "A", "ab", "", "${k:b}"}
}

// families are the operators whose values mean the same.
var families = [][]string{
	{"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike"},
	{"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals"},
	{"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"},
	{"Bool"}, {"BinaryEquals"}, {"IpAddress", "NotIpAddress"}, {"ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"},
}

// family is the family of a key: a key has one type.
func family(key string) []string {
	switch key {
	case "k:a", "k:b", "aws:PrincipalTag/t", "aws:TagKeys":
		return families[0]
	case "aws:SecureTransport":
		return families[3]
	}
	i := slices.Index([]string{"k:number", "k:date", "k:bytes", "k:ip", "k:arn"}, key)
	return [][]string{families[1], families[2], families[4], families[5], families[6]}[i]
}

var typedKeys = []string{"k:number", "k:date", "k:bytes", "k:ip", "k:arn"}

func (g *generator) pick(of []string) string { return of[g.IntN(len(of))] }

func (g *generator) some(of []string, most int) []string {
	var out []string
	for range 1 + g.IntN(most) {
		out = append(out, g.pick(of))
	}
	return out
}

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g *generator) key() string {
	if g.chance(35) {
		return g.pick(typedKeys)
	}
	return g.pick(someKeys)
}

func (g *generator) condition() Condition {
	key := g.key()
	if g.chance(8) {
		return Condition{Operator{Name: "Null"}, key, g.some([]string{"true", "false"}, 1)}
	}
	name := g.pick(family(key))
	c := Condition{Operator{Name: name, IfExists: g.chance(15)}, key, g.some(values(name), 3)}
	if key == "aws:TagKeys" || !g.dense && g.chance(5) {
		c.Operator.Set = g.pick([]string{"ForAllValues", "ForAnyValue"})
	}
	if g.malformed && g.chance(10) {
		c.Values = append(c.Values, "mal${formed")
	}
	return c
}

func (g *generator) statement(kind Kind) Statement {
	st := Statement{Effect: Allow}
	if kind == ResourceControlPolicy || g.chance(25) {
		st.Effect = Deny
	}
	of := someActionP
	if kind == Trust {
		of = someActionP[7:]
	} else if kind == ResourceControlPolicy {
		of = someActionP[1:]
	}
	if actions := g.some(of, 3); kind != ResourceControlPolicy && g.chance(15) {
		st.NotActions = actions
	} else {
		st.Actions = actions
	}
	if kind != Trust && !(kind == ResourcePolicy && g.chance(30)) {
		if resources := g.some(someResourceP, 3); g.chance(12) {
			st.NotResources = resources
		} else {
			st.Resources = resources
		}
	}
	switch {
	case kind == ResourceControlPolicy:
		st.Principals = []Principal{{"*", "*"}}
	case kind == Trust || kind == ResourcePolicy:
		for range 1 + g.IntN(3) {
			st.Principals = append(st.Principals, somePeople[g.IntN(len(somePeople))])
		}
		if kind == ResourcePolicy && st.Effect == Deny && g.chance(25) {
			st.NotPrincipals, st.Principals = st.Principals, nil
		}
	}
	if g.dense && kind != ResourceControlPolicy && g.chance(85) {
		st.Actions, st.NotActions = []string{"*"}, nil
		if st.Resources, st.NotResources = nil, nil; kind != Trust {
			st.Resources = []string{g.pick([]string{"*", "*", "*", "arn:aws:s3:::b/${k:b, 'o'}", "arn:aws:s3:::b/${k:a}"})}
		}
	}
	for range []int{0, 0, 1, 1, 2}[g.IntN(5)] {
		c := g.condition()
		if !slices.ContainsFunc(st.Conditions, func(o Condition) bool { return o.Operator == c.Operator && o.Key == c.Key }) {
			st.Conditions = append(st.Conditions, c)
		}
	}
	return st
}

func (g *generator) source(kind Kind, name string) Source {
	if g.unread && g.chance(8) {
		return Source{Name: name}
	}
	p := &Policy{Kind: kind, Version: "2012-10-17"}
	if kind != ServiceControlPolicy && kind != ResourceControlPolicy && g.chance(15) {
		p.Version = "2008-10-17"
	}
	for range 1 + g.IntN(3) {
		p.Statements = append(p.Statements, g.statement(kind))
	}
	if kind == ServiceControlPolicy || g.chance(10) && kind != ResourceControlPolicy && kind != Trust && kind != ResourcePolicy {
		p.Statements = append(p.Statements, Statement{Effect: Allow, Actions: []string{"*"}, Resources: []string{"*"}})
	}
	return Source{Name: name, Policy: p}
}

func (g *generator) context() *Context {
	c := &Context{}
	for _, k := range append(slices.Clone(someKeys), typedKeys...) {
		switch {
		case g.unknown && (g.chance(25) || g.dense && g.chance(50)):
			c.SetUnknown(k)
		case g.chance(30): // absent
		case k == "aws:TagKeys":
			c.Set(k, g.some([]string{"a", "b", "A", "", "ab"}, 3)...)
		default:
			c.Set(k, g.value(k))
		}
	}
	return c
}

// value is a value of a request for a key.
func (g *generator) value(key string) string {
	of := values(family(key)[0])
	if key == "k:arn" {
		of = []string{"arn:aws:s3:::b", "arn:aws:s3:::b/o", "arn:aws:iam::1:b", "none"}
	} else if key == "k:ip" {
		of = []string{"203.0.113.1", "203.0.113.200", "8.8.8.8", "2001:db8::1"}
	}
	v := g.pick(of)
	if strings.Contains(v, "$") {
		return "o"
	}
	if g.malformed && g.chance(8) {
		return "malformed"
	}
	return v
}

func (g *generator) question() Question {
	q := Question{Caller: who(g.pick(someCallers)), Action: g.pick(someActions), Resource: g.pick(someResources), Context: g.context()}
	if strings.HasPrefix(q.Action, "sts:") {
		q.Resource = g.pick(someResources[4:])
	} else if g.chance(70) {
		q.Resource = g.pick(someResources[:3])
	}
	if !strings.Contains(q.Resource, ":iam:") && g.chance(90) {
		q.ResourceAccount = g.pick([]string{account, account, other})
	}
	p := &q.Policies
	for i := range g.IntN(3) {
		p.Identity = append(p.Identity, g.source(Identity, fmt.Sprint("i", i)))
	}
	if g.chance(20) {
		s := g.source(Boundary, "b")
		p.Boundary = &s
	}
	for i := range []int{0, 0, 0, 1, 2}[g.IntN(5)] {
		p.Session = append(p.Session, g.source(SessionPolicy, fmt.Sprint("s", i)))
	}
	for i := range []int{0, 0, 0, 0, 1, 2}[g.IntN(6)] {
		p.Organization = append(p.Organization, Level{fmt.Sprint("l", i), []Source{g.source(ServiceControlPolicy, "scp")}})
	}
	if g.chance(15) {
		p.ResourceControls = append(p.ResourceControls, g.source(ResourceControlPolicy, "rcp"))
	}
	kind := ResourcePolicy
	if q.resourceKind() == Trust {
		kind = Trust
	}
	if kind == Trust || g.chance(55) {
		s := g.source(kind, "r")
		p.Resource = &s
	}
	return q
}

// clone copies a question so that its policies can be changed.
func clone(q Question) Question {
	source := func(s Source) Source {
		if s.Policy == nil {
			return s
		}
		p := *s.Policy
		p.Statements = nil
		for _, st := range s.Policy.Statements {
			st.Actions, st.NotActions = slices.Clone(st.Actions), slices.Clone(st.NotActions)
			st.Resources, st.NotResources = slices.Clone(st.Resources), slices.Clone(st.NotResources)
			st.Principals, st.NotPrincipals = slices.Clone(st.Principals), slices.Clone(st.NotPrincipals)
			conditions := slices.Clone(st.Conditions)
			for i := range conditions {
				conditions[i].Values = slices.Clone(conditions[i].Values)
			}
			st.Conditions = conditions
			p.Statements = append(p.Statements, st)
		}
		return Source{s.Name, &p}
	}
	sources := func(l []Source) []Source {
		var out []Source
		for _, s := range l {
			out = append(out, source(s))
		}
		return out
	}
	p := &q.Policies
	p.Identity, p.Session, p.ResourceControls = sources(p.Identity), sources(p.Session), sources(p.ResourceControls)
	if p.Boundary != nil {
		s := source(*p.Boundary)
		p.Boundary = &s
	}
	if p.Resource != nil {
		s := source(*p.Resource)
		p.Resource = &s
	}
	var levels []Level
	for _, l := range p.Organization {
		levels = append(levels, Level{l.Name, sources(l.Policies)})
	}
	p.Organization = levels
	return q
}

// read are all policies of a question that were read.
func (q Question) read() []*Policy {
	var out []*Policy
	add := func(list ...Source) {
		for _, s := range list {
			if s.Policy != nil {
				out = append(out, s.Policy)
			}
		}
	}
	p := q.Policies
	add(p.Identity...)
	add(p.Session...)
	add(p.ResourceControls...)
	for _, l := range p.Organization {
		add(l.Policies...)
	}
	if p.Boundary != nil {
		add(*p.Boundary)
	}
	if p.Resource != nil {
		add(*p.Resource)
	}
	return out
}

// shown is a question in words, for failures.
func shown(q Question) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%+v %s on %s of %q\nknown %v unknown %v\n", q.Caller, q.Action, q.Resource, q.ResourceAccount, q.Context.values, q.Context.unknown)
	for _, p := range q.read() {
		fmt.Fprintf(&b, "%s %s\n", p.Kind, p.canonical())
	}
	return b.String()
}

// poor fails a test whose cases were not mixed well enough.
func (g *generator) poor(t *testing.T, seed uint64, n int, least map[string]int) {
	t.Helper()
	t.Logf("seed %d, %d cases, mix %v", seed, n, g.mix)
	for what, percent := range least {
		if g.mix[what]*100 < n*percent {
			t.Errorf("only %d of %d cases are %s", g.mix[what], n, what)
		}
	}
}
