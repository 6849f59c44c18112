package oracle

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// A vocabulary is what conditions of one type of key are made of: few words, so
// that they meet. The broken ones are read by nobody.
type vocabulary struct {
	keys, multi     []string // of one value, of several
	values          []string // in policies
	have            []string // in requests
	brokenInPolicy  []string
	brokenInRequest []string
}

var vocabularies = map[string]vocabulary{
	"String": {
		keys: []string{"s3:prefix", "aws:RequestTag/team", "sts:ExternalId", "x:y"}, multi: []string{"aws:TagKeys", "sts:TransitiveTagKeys"},
		values:         []string{"a", "b", "ab", "A", "a*", "*b", "?", "*", "é", "", "${aws:username}", "${aws:username}", "x${aws:PrincipalTag/t, 'b'}", "a${*}", "${?}", "${none:such}", "${aws:PrincipalTag/t}", "${aws:CalledVia}"},
		have:           []string{"a", "b", "ab", "A", "a*", "é", "É", "u", "xt", "xb", "?", "", "${aws:username}"},
		brokenInPolicy: []string{"${aws:username", "${}", "a${aws:PrincipalTag/t,'b'}"},
	},
	"Arn": {
		keys: []string{"aws:SourceArn", "iam:PolicyARN", "x:arn"}, multi: []string{"sts:RequestContextProviders", "x:arns"},
		values:          []string{"arn:aws:s3:::b", "arn:aws:s3:::*", "arn:*:s3:::?", "arn:aws:*:*", "*", "arn:aws:s3:*:b", "arn:aws:*:::b", "arn:aws:*:*:*:${aws:username}", "arn:*"},
		have:            []string{"arn:aws:s3:::b", "arn:aws:s3:::b", "arn:aws:s3:::c", "arn:aws:s3:::u", "arn:aws:s3::x:b", "arn:aws:sqs:r:a:b:c"},
		brokenInPolicy:  []string{"arn:aws:s3", "b*", "arn:aws:s3:::${"},
		brokenInRequest: []string{"b", "arn:aws:s3"},
	},
	"Numeric": {
		keys: []string{"s3:max-keys", "aws:MultiFactorAuthAge"}, multi: []string{"x:numbers"},
		values: []string{"1", "2", "10", "1.5", "2.0", "-1"}, have: []string{"1", "2", "10", "1.50", "0.5", "-1", "20"},
		brokenInPolicy: []string{"many", "${aws:MultiFactorAuthAge}", ""}, brokenInRequest: []string{"many", "1,5"},
	},
	"Date": {
		keys: []string{"aws:CurrentTime", "aws:TokenIssueTime"}, multi: []string{"x:dates"},
		values:         []string{"2026-01-01", "2026-01-01T00:00:00Z", "1767225600", "2026", "2026-01-01T00:30:00+01:00", "2026-02", "2025-12-31T23:59:59.5Z"},
		have:           []string{"2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2025-12-31T23:30Z", "2025-12-31T23:59:59Z", "2025-12-31T23:59:59.250Z", "2026-02-01", "1767225601"},
		brokenInPolicy: []string{"today", "2026-13-01"}, brokenInRequest: []string{"today", "2026-02-30"},
	},
	"Bool": {
		keys: []string{"aws:SecureTransport", "aws:MultiFactorAuthPresent"}, multi: []string{"x:bools"},
		values: []string{"true", "false", "True"}, have: []string{"true", "false"},
		brokenInPolicy: []string{"yes", "${aws:SecureTransport}"}, brokenInRequest: []string{"yes", "1"},
	},
	"Binary": {
		keys: []string{"x:binary"}, multi: []string{"x:binaries"},
		values: []string{"YWI=", "YWM=", "YWI="}, have: []string{"YWI=", "YWQ="},
		brokenInPolicy: []string{"%%", "YWI"}, brokenInRequest: []string{"%%"},
	},
	"Address": {
		keys: []string{"aws:SourceIp", "aws:VpcSourceIp"}, multi: []string{"x:addresses"},
		values:         []string{"10.0.0.0/8", "10.1.2.3", "10.1.2.3/16", "2001:db8::/32", "2001:DB8::1", "0.0.0.0/0", "::/0"},
		have:           []string{"10.1.2.3", "10.1.9.9", "10.200.0.1", "192.0.2.1", "2001:db8::1", "2001:db8:1::1", "2002::1"},
		brokenInPolicy: []string{"10.0.0", "10.0.0.0/33"}, brokenInRequest: []string{"10.0.0", "localhost"},
	},
}

// typeOf tells the vocabulary of an operator.
func typeOf(base string, r *rand.Rand) string {
	for _, name := range []string{"String", "Arn", "Numeric", "Date", "Bool", "Binary"} {
		if strings.HasPrefix(base, name) {
			return name
		}
	}
	if base == "Null" {
		return pick(r, "String", "Arn", "Bool", "Date")
	}
	return "Address"
}

var keyTypes = map[string]KeyType{"Numeric": NumericType, "Date": DateType, "Bool": BoolType, "Binary": BinaryType, "Address": AddressType}

var operatorNames = slices.Sorted(maps.Keys(bases))

var (
	forms     = []string{"", "IfExists", "ForAllValues", "ForAnyValue"}
	presences = []string{"absent", "one", "many", "malformed"}
)

// generator makes one case.
type generator struct {
	*rand.Rand
	d *draft
}

// generate is the case of a seed and a number.
func generate(seed, number uint64) *draft {
	g := generator{rand.New(rand.NewPCG(seed, number)), &draft{gates: map[gate][]*doc{}}}
	g.d.forms = g.Uint64()
	g.caller()
	g.request()
	g.facts()
	g.policies()
	g.focusOn(operatorNames[g.IntN(len(operatorNames))], pick(g.Rand, forms...), pick(g.Rand, presences...))
	g.noise()
	g.unknowns()
	return g.d
}

const oidc = "arn:aws:iam::" + own + ":oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/X"

func (g generator) caller() {
	c := &g.d.Caller
	switch g.IntN(20) {
	case 0, 1, 2, 3, 4, 5, 6:
		*c = user("u")
		c.SessionToken = one(g.Rand, 12)
	case 7, 8, 9, 10, 11, 12:
		*c = sessionOf("R", "s")
		if one(g.Rand, 20) {
			c.ServiceLinked, c.Of = true, "arn:aws:iam::"+own+":role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"
		}
	case 13, 14:
		*c = federated("f", "u")
	case 15:
		*c = root(own)
	case 16:
		*c = service("pods.eks.amazonaws.com")
	case 17:
		*c = Caller{Kind: Anonymous}
	default:
		*c = Caller{Kind: WebIdentity, ARN: oidc}
	}
	if c.Account != "" {
		c.Management = one(g.Rand, 25)
	}
}

// has says whether the caller has policies of its own.
func (g generator) has() bool {
	k := g.d.Caller.Kind
	return k == User || k == RoleSession || k == FederatedUser
}

func (g generator) request() {
	d, k := g.d, g.d.Caller.Kind
	switch {
	case k == WebIdentity, k != Anonymous && k != FederatedUser && one(g.Rand, 4):
		d.Kind = Role
	case k != Anonymous && one(g.Rand, 8):
		d.Kind = Key
	}
	d.Owner = own
	if d.Caller.Account != "" && one(g.Rand, 4) {
		d.Owner = other
	}
	account := d.Owner
	switch d.Kind {
	case Role:
		d.Resource = "arn:aws:iam::" + account + ":role/R"
		d.Action = pick(g.Rand, "sts:AssumeRole", "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
		if k == WebIdentity && d.Action == "sts:AssumeRole" {
			d.Action = "sts:AssumeRoleWithWebIdentity"
		}
		return
	case Key:
		d.Resource, d.Action = "arn:aws:kms:us-east-1:"+account+":key/k", pick(g.Rand, "kms:Decrypt", "kms:Encrypt")
		return
	}
	arn, action, _ := strings.Cut(pick(g.Rand,
		"arn:aws:s3:::b/o s3:GetObject", "arn:aws:s3:::b/o s3:PutObject", "arn:aws:s3:::b/u/o s3:GetObject", "arn:aws:s3:::b s3:ListBucket", "arn:aws:s3:::b/O s3:GetObject",
		"arn:aws:sqs:us-east-1:"+account+":q sqs:SendMessage", "arn:aws:eks:us-east-1:"+account+":cluster/c eks:DescribeCluster", "arn:aws:iam::"+account+":role/u iam:PassRole",
		"arn:aws:iam::"+account+":user/u iam:CreateUser", "arn:aws:logs:us-east-1:"+account+":log-group:g logs:PutLogEvents", "arn:aws:logs:us-east-1:"+account+":log-group:g logs:PutLogEvents", "* s3:ListAllMyBuckets", "* eks:ListClusters", "* sts:GetCallerIdentity", "* sts:GetSessionToken", "* sts:GetFederationToken", "* cloudwatch:ListMetrics"), " ")
	if strings.HasPrefix(action, "sts:") && !one(g.Rand, 4) {
		arn, action = "arn:aws:s3:::b/o", "s3:DeleteObject"
	}
	d.Resource, d.Action = arn, action
	if d.Owner == other && one(g.Rand, 30) { // R3.6
		d.Resource = strings.Replace(arn, "arn:aws:", "arn:aws-cn:", 1)
	}
	if arn == "*" {
		d.Owner = own
	}
	if d.Caller.Account != "" && strings.HasPrefix(arn, "arn:aws:s3") && one(g.Rand, 12) {
		d.Owner = ""
	}
}

// facts are the keys that follow from the caller, and those that variables ask
// for.
func (g generator) facts() {
	c, m := g.d.Caller, map[string]ContextKey{}
	set := func(name string, values ...string) { m[name] = ContextKey{Values: values} }
	switch c.Kind {
	case User:
		set("aws:username", "u")
		set("aws:userid", c.ID)
		set("aws:PrincipalArn", c.ARN)
	case RoleSession:
		set("aws:userid", c.ID+":s")
		set("aws:PrincipalArn", c.Of)
	case FederatedUser, Root:
		set("aws:PrincipalArn", c.ARN)
	}
	if c.Account != "" {
		set("aws:PrincipalAccount", c.Account)
	}
	if one(g.Rand, 2) && c.Account != "" {
		set("aws:PrincipalTag/t", pick(g.Rand, "t", "b", "*"))
	}
	if one(g.Rand, 8) {
		m["aws:CalledVia"] = ContextKey{Values: []string{"a"}, Multi: true}
	}
	g.d.Context = m
}

// policies gives each gate that the case has a policy that mostly lets it pass.
func (g generator) policies() {
	d := g.d
	allow := func(in gate) *doc {
		p := &doc{version: pick(g.Rand, "2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17", "")}
		if in == scp || in == rcp {
			p.version = "2012-10-17"
		}
		s := g.part("Allow", in, !one(g.Rand, 10))
		p.parts = append(p.parts, s)
		return p
	}
	if g.has() {
		if !one(g.Rand, 6) {
			d.gates[identity] = append(d.gates[identity], allow(identity))
		}
		if one(g.Rand, 4) {
			d.gates[boundary] = []*doc{allow(boundary)}
		}
		if d.Caller.Kind == FederatedUser && !one(g.Rand, 6) || d.Caller.Kind == RoleSession && one(g.Rand, 4) {
			d.gates[session] = []*doc{allow(session)}
			if one(g.Rand, 4) {
				d.gates[session] = append(d.gates[session], allow(session))
			}
		}
	}
	alone := !g.has() && d.Caller.Kind != Root
	if d.Kind != Ordinary || d.Owner == other || alone || one(g.Rand, 3) {
		d.gates[attached] = []*doc{allow(attached)}
	}
	if one(g.Rand, 3) && d.Caller.Account != "" {
		for range 1 + g.IntN(3) {
			d.scp = append(d.scp, []*doc{allow(scp)})
		}
	}
	if one(g.Rand, 6) {
		d.gates[rcp] = []*doc{{version: "2012-10-17", parts: []part{g.part("Deny", rcp, one(g.Rand, 3))}}}
	}
}

// part is a statement, without conditions, that fits the request or not.
func (g generator) part(effect string, in gate, fits bool) part {
	s := part{effect: effect}
	d := g.d
	off := 0 // which element does not fit
	if !fits {
		off = 1 + g.IntN(3)
	}
	service, name, _ := strings.Cut(d.Action, ":")
	right := []string{d.Action, strings.ToUpper(d.Action), service + ":*", service + ":" + name[:3] + "*", service + ":?" + name[1:], "*:" + name, service[:1] + "*:*"}
	wrong := []string{"x:*", service + ":Other", d.Action + "s", service + ":?" + name, service + ":" + name[:3], "?:*", ""}
	if one(g.Rand, 10) && in != rcp {
		right = []string{"*"}
	}
	trusted := in == attached && d.Kind == Role
	if trusted { // IAM takes no other actions
		right = []string{d.Action, strings.ToUpper(d.Action), "sts:*", "sts:" + name[:3] + "*", "sts:?" + name[1:]}
		wrong = []string{"sts:Other", d.Action + "s", "sts:" + name[:3], ""}
	}
	s.notAction = one(g.Rand, 6) && in != rcp
	s.actions = g.among(right, wrong, (off == 1) == s.notAction)
	if !trusted {
		s.notResource = one(g.Rand, 6)
		s.resources = g.among(g.patterns(true), g.patterns(false), (off == 2) == s.notResource)
		if in == attached && off != 2 && one(g.Rand, 8) {
			s.resources, s.notResource = nil, false
		}
	}
	switch in {
	case rcp:
		s.principals = []principal{{"*", "*"}}
	case attached:
		s.notPrincipal = effect == "Deny" && !trusted && one(g.Rand, 3)
		s.principals = g.principals(off != 3)
		s.nobody = !s.notPrincipal && one(g.Rand, 60)
		if s.notPrincipal && one(g.Rand, 2) {
			s.principals = g.all()
			if len(s.principals) > 1 && one(g.Rand, 3) {
				s.principals = slices.Delete(s.principals, 0, 1)
			}
		}
	}
	return s
}

// among are one to three words, one of the right ones among them if one is to
// match.
func (g generator) among(right, wrong []string, match bool) []string {
	var out []string
	for range g.IntN(3) {
		out = append(out, pick(g.Rand, wrong...))
	}
	if match {
		out = append(out, pick(g.Rand, right...))
	} else if len(out) == 0 {
		out = append(out, pick(g.Rand, wrong...))
	}
	g.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

// patterns of resources that match the request's, as a rule, or do not.
func (g generator) patterns(match bool) []string {
	r := g.d.Resource
	if r == "*" {
		if match {
			return []string{"*"}
		}
		return []string{"arn:aws:s3:::*", "arn:*", "arn:aws:eks:*:*:cluster/*"}
	}
	colon := strings.LastIndex(r, ":")
	last := r[len(r)-1:]
	if strings.Contains(r, ":log-group:") { // seven parts, so a wildcard may cross a colon
		parts := strings.SplitN(r, ":", 4)
		if match {
			return []string{r, "arn:aws:*:" + parts[3], "arn:*:" + parts[3], "arn:aws:l*s:" + parts[3], "arn:aws:*", r[:colon] + "*", r[:colon] + "?g"}
		}
		return []string{"arn:a*s:" + parts[3], "arn:?*s:" + parts[3], "arn:aws?logs:" + parts[3], r[:colon], "arn:*s:" + parts[3]}
	}
	if match {
		return []string{r, r[:colon+1] + "*", "arn:aws:*", "*", r[:len(r)-1] + "?", strings.Replace(r, "arn:aws", "arn:*", 1), r[:colon+1] + "?*" + last, r[:len(r)-1] + "${aws:PrincipalTag/none, '" + last + "'}",
			strings.Replace(r, "/u", "/${aws:username}", 1), r[:colon] + "*", "arn:*:*:*:*" + r[colon:]}
	}
	return []string{r + "?", r[:colon+1] + "x*", r[:4] + strings.ToUpper(r[4:]), "arn:aws-cn:*", r[:colon+1] + "${aws:username}", r + "${*}", r[:colon+1] + "${none:such}", strings.Replace(r, ":::", ":?::", 1), strings.Replace(r, ":::", "::?:", 1), strings.Replace(r, "arn:aws:", "arn:a?:", 1), r[:colon+1] + "${aws:username"}
}

// all are every word that covers the caller.
func (g generator) all() []principal {
	c := g.d.Caller
	switch c.Kind {
	case Service:
		return []principal{{"Service", c.ARN}}
	case WebIdentity:
		return []principal{{"Federated", c.ARN}}
	case Anonymous:
		return []principal{{"AWS", "*"}}
	case Root:
		return []principal{{"AWS", own}}
	}
	out := []principal{{"AWS", c.ARN}, {"AWS", pick(g.Rand, own, "arn:aws:iam::"+own+":root")}}
	if c.Of != "" {
		out = append(out, principal{"AWS", pick(g.Rand, c.Of, c.ID)})
	}
	return out
}

func (g generator) principals(cover bool) []principal {
	wrong := []principal{{"AWS", other}, {"AWS", "arn:aws:iam::" + own + ":user/U"}, {"AWS", "arn:aws:sts::" + own + ":assumed-role/R/other"}, {"AWS", "AROAX2345678901234567"}, {"Service", "ec2.amazonaws.com"}, {"CanonicalUser", "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}, {"AWS", "arn:aws:iam::" + other + ":root"}}
	if g.d.Kind == Role {
		wrong = append(wrong, principal{"Federated", oidc + "2"})
	}
	var out []principal
	for range g.IntN(2) {
		out = append(out, pick(g.Rand, wrong...))
	}
	switch {
	case cover && one(g.Rand, 8):
		return []principal{{"*", "*"}}
	case cover && one(g.Rand, 10):
		out = append(out, principal{"AWS", "*"})
	case cover:
		right := g.all()
		if c := g.d.Caller; c.Kind == User {
			right = append(right, principal{"AWS", c.ID})
		}
		out = append(out, pick(g.Rand, right...))
	case len(out) == 0:
		out = append(out, pick(g.Rand, wrong...))
	}
	return out
}
