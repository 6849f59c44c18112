package iam

import (
	"slices"
	"strings"
	"testing"
)

// shows: item S76
func TestAnAnswerSaysWhatIsInTheWayAndWhatWouldSettleIt(t *testing.T) {
	const object = "arn:aws:s3:::b/o"
	ifTeam := allows("s3:GetObject", object, `{"StringEquals":{"aws:PrincipalTag/team":"a"}}`)
	unknown := &Context{}
	unknown.SetUnknown("aws:PrincipalTag/")
	for name, tt := range map[string]struct {
		q     Question
		want  string
		read  Verdict
		near  []string
		needs []string
		open  []string
	}{
		"denied: the nearest statements and what is missing": {
			Question{Caller: who("user/ann"), Action: "s3:GetObject", Resource: object, ResourceAccount: account, Policies: setup{
				identity: list(ifTeam, allows("s3:PutObject", object), allows("ec2:*", "arn:aws:ec2:*:*:*", `{"Bool":{"k:a":"true"}}`)), boundary: list(allows("s3:*", "arn:aws:s3:::c/*")),
			}.policies(t)}, "deny-i", Denied, []string{
				"identity-based policy 0: StringEquals aws:PrincipalTag/team [a] fails: the key is absent",
				"identity-based policy 1: the action is not one of s3:PutObject",
				"permissions boundary 0: the resource is not one of arn:aws:s3:::c/*",
			}, []string{"an Allow of s3:GetObject on arn:aws:s3:::b/o in an identity-based policy", "an Allow of s3:GetObject on arn:aws:s3:::b/o in a permissions boundary"}, nil},
		"denied explicitly: the statement that must go": {
			Question{Caller: who("user/ann"), Action: "s3:GetObject", Resource: object, ResourceAccount: account, Policies: setup{identity: list(full, denies("s3:*", "*"))}.policies(t)},
			"deny-e", Denied, nil, []string{"statement 2 of identity policy must not match"}, nil},
		"denied explicitly: each of them": {
			Question{Caller: who("user/ann"), Action: "s3:GetObject", Resource: object, ResourceAccount: account, Policies: setup{identity: list(denies("s3:Get*", "*"), full, strings.Replace(denies("s3:*", object), "{", `{"Sid":"NoObjects",`, 1), denies("s3:Put*", "*"))}.policies(t)},
			"deny-e", Denied, nil, []string{"statement 1 of identity policy must not match", "statement NoObjects of identity policy must not match"}, nil},
		"undetermined: the key": {
			Question{Caller: who("user/ann"), Action: "s3:GetObject", Resource: object, ResourceAccount: account, Context: unknown, Policies: setup{identity: list(ifTeam)}.policies(t)},
			"undetermined", Denied, []string{"identity-based policy 0: StringEquals aws:PrincipalTag/team [a] may fail: the key's value is not known"},
			[]string{"an Allow of s3:GetObject on arn:aws:s3:::b/o in an identity-based policy"}, []string{"condition key aws:PrincipalTag/team"}},
		"undetermined: a policy, an account": {
			Question{Caller: who("user/ann"), Action: "s3:GetObject", Resource: object, Policies: Policies{Identity: []Source{policy(t, Identity, full)}, Resource: &Source{Name: "the bucket's policy"}}},
			"undetermined", Allowed, nil, []string{"an Allow of s3:GetObject on arn:aws:s3:::b/o in a resource-based policy"}, []string{"resource-based policy the bucket's policy", "the account of arn:aws:s3:::b/o"}},
		"denied: what leaves out": {
			Question{Caller: who("user/ann"), Action: "s3:GetObject", Resource: object, ResourceAccount: account, Policies: setup{
				identity: list(allows("!s3:*", "*"), allows("*", "!"+object), allows("!iam:* sts:*", "!arn:aws:s3:::b/* arn:aws:s3:::c/*"), denies("ec2:*", "*"))}.policies(t)},
			"deny-i", Denied, []string{
				"identity-based policy 0: the action is excluded by s3:*",
				"identity-based policy 1: the resource is excluded by arn:aws:s3:::b/o",
				"identity-based policy 2: the resource is excluded by arn:aws:s3:::b/*, arn:aws:s3:::c/*",
			}, []string{"an Allow of s3:GetObject on arn:aws:s3:::b/o in an identity-based policy"}, nil},
		"denied: every other policy": {
			Question{Caller: who("role/r/one"), Action: "s3:GetObject", Resource: object, ResourceAccount: other, Policies: setup{
				identity: list(full), session: list(allows("s3:Put*", "*")), scp: [][]string{list(full), list(allows("ec2:*", "*"))}, resource: list(allows("s3:*", "*", aws(other)), allows("*", "*", aws(other), `{"StringEquals":{"k:a":"x","k:b":"y"}}`))}.policies(t)},
			"deny-i", Denied, []string{
				"session policy 0: the action is not one of s3:Put*",
				"service control policy 0: the action is not one of ec2:*",
				"resource-based policy 0: the principal is not arn:aws:sts::123456789012:assumed-role/r/one",
			}, []string{"an Allow of s3:GetObject on arn:aws:s3:::b/o in a session policy", "an Allow of s3:GetObject on arn:aws:s3:::b/o in a service control policy",
				"an Allow of s3:GetObject on arn:aws:s3:::b/o in a resource-based policy"}, nil},
		"denied: the five nearest, and none that lacks two things more": {
			Question{Caller: who("user/ann"), Action: "s3:GetObject", Resource: object, ResourceAccount: account, Context: context("k:a=z"), Policies: setup{
				identity: list(allows("s3:*", "arn:aws:s3:::1"), allows("ec2:*", "arn:aws:s3:::2", `{"StringEquals":{"k:a":"x"}}`), allows("s3:*", "arn:aws:s3:::3"), allows("ec2:*", "arn:aws:s3:::4"),
					allows("s3:*", "*", `{"StringEquals":{"k:a":["x","y"]}}`), allows("s3:*", "arn:aws:s3:::6"), allows("s3:*", "arn:aws:s3:::7"), allows("s3:*", "arn:aws:s3:::8"))}.policies(t)},
			"deny-i", Denied, []string{
				"identity-based policy 4: StringEquals k:a [x, y] does not hold for [z]",
				"identity-based policy 0: the resource is not one of arn:aws:s3:::1", "identity-based policy 2: the resource is not one of arn:aws:s3:::3",
				"identity-based policy 5: the resource is not one of arn:aws:s3:::6", "identity-based policy 6: the resource is not one of arn:aws:s3:::7",
			}, []string{"an Allow of s3:GetObject on arn:aws:s3:::b/o in an identity-based policy"}, nil},
		"denied: one that lacks one thing more is near": {
			Question{Caller: who("user/ann"), Action: "s3:GetObject", Resource: object, ResourceAccount: account, Policies: setup{
				identity: list(allows("ec2:*", "arn:aws:s3:::4"), allows("ec2:*", "arn:aws:s3:::4", `{"StringEquals":{"k:a":"x"}}`), allows("s3:*", "arn:aws:s3:::1"))}.policies(t)},
			"deny-i", Denied, []string{
				"identity-based policy 2: the resource is not one of arn:aws:s3:::1",
				"identity-based policy 0: the action is not one of ec2:*; the resource is not one of arn:aws:s3:::4",
			}, []string{"an Allow of s3:GetObject on arn:aws:s3:::b/o in an identity-based policy"}, nil},
		"allowed: nothing to say": {
			Question{Caller: who("user/ann"), Action: "s3:GetObject", Resource: object, ResourceAccount: account, Policies: setup{identity: list(full)}.policies(t)}, "allow", Allowed, nil, nil, nil},
		"a rule of AWS": {
			Question{Caller: who("root"), Action: "sts:AssumeRole", Resource: "arn:aws:iam::" + account + ":role/r", Policies: setup{trust: list(allows("sts:AssumeRole", "", aws(account)))}.policies(t)},
			"deny-i", Denied, nil, []string{"another kind of caller: AWS refuses sts:AssumeRole to this one whatever the policies say"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			x := Explain(tt.q)
			var near []string
			for _, n := range x.Near {
				near = append(near, string(n.Gate)+" "+string(rune('0'+n.Statement))+": "+strings.Join(n.Fails, "; "))
			}
			if verdict(x.Decision) != tt.want || x.Read != tt.read || !slices.Equal(near, tt.near) || !slices.Equal(x.Needs, tt.needs) || !slices.Equal(x.Open, tt.open) {
				t.Errorf("%s, read alone %s\nnear  %q\nneeds %q\nopen  %q", verdict(x.Decision), x.Read, near, x.Needs, x.Open)
			}
		})
	}
}

// Each assumption is named by the answers that rest on it, and by no other.
//
// shows: item S76
func TestAnAnswerNamesTheAssumptionsThatItRestsOn(t *testing.T) {
	const object = "arn:aws:s3:::b/o"
	when := func(condition string, ctx ...string) Question {
		return Question{Context: context(ctx...), Policies: setup{identity: list(allows("s3:GetObject", "*", condition))}.policies(t)}
	}
	twice := &Context{}
	twice.SetTags("aws:RequestTag/", map[string]string{"Team": "a", "team": "b", "cost": "a"})
	for name, tt := range map[string]struct {
		q    Question
		want string
	}{
		"nothing is assumed":             {when(`{"StringEquals":{"k:a":"x"},"DateLessThan":{"k:d":"2030-01-01T00:00:00Z"}}`, "k:a=x", "k:d=2026-01-01T00:00:00Z"), ""},
		"a star within the first parts":  {Question{Policies: setup{identity: list(allows("*", "*"), denies("*", "arn:aws:s3:*:*:other"))}.policies(t)}, ""},
		"a glob that another rule reads": {Question{Resource: "arn:aws:sns:us-east-1:1:x:b:1:2:c", Policies: setup{identity: list(allows("*", "*"), denies("*", "!arn:aws:s*b:*:*:c"))}.policies(t)}, "U-2"},
		"several values":                 {when(`{"StringEquals":{"k:a":"x"}}`, "k:a=x|y"), "U-9"},
		"one value":                      {when(`{"StringEquals":{"k:a":"x"}}`, "k:a=x"), ""},
		"no number":                      {when(`{"NumericEquals":{"k:a":"x"}}`, "k:a=1"), "U-12"},
		"capitals":                       {when(`{"Bool":{"k:a":"TRUE"}}`, "k:a=true"), "U-13"},
		"no zone":                        {when(`{"DateEquals":{"k:a":"2026"}}`, "k:a=2026-01-01T00:00:00Z"), "U-14"},
		"no data":                        {when(`{"Null":{"k:a":"true"}}`, "k:a="), "U-16"},
		"no values":                      {when(`{"StringNotEquals":{"k:a":[]}}`, "k:a=x"), "U-17"},
		"letters beyond ASCII":           {when(`{"StringEqualsIgnoreCase":{"k:a":"Ä"}}`, "k:a=ä"), "U-18"},
		"across the colon":               {Question{Policies: setup{identity: list(allows("s*:GetObject", "*"))}.policies(t)}, "U-22"},
		"no ARN":                         {when(`{"ArnNotLike":{"k:a":"arn:aws:s3:::b"}}`, "k:a=x"), "U-23"},
		"a zone":                         {when(`{"DateEquals":{"k:a":"2026-01-01T00:00:00Z"}}`, "k:a=1795255200"), ""},
		"no zone in the request":         {when(`{"DateGreaterThan":{"k:a":"2026-01-01T00:00:00Z"}}`, "k:a=2026-11-21"), "U-14"},
		"no date":                        {when(`{"DateEquals":{"k:a":"2026"}}`, "k:a=soon"), "U-12"},
		"a truth value":                  {when(`{"Bool":{"k:a":"true"}}`, "k:a=true"), ""},
		"capitals in the request":        {when(`{"Bool":{"k:a":"true"}}`, "k:a=True"), "U-13"},
		"no truth value":                 {when(`{"Bool":{"k:a":"true"}}`, "k:a=yes"), "U-12"},
		"an address":                     {when(`{"IpAddress":{"k:a":"203.0.113.0/24"}}`, "k:a=203.0.113.1"), ""},
		"an address of the other family": {when(`{"NotIpAddress":{"k:a":"2001:db8::/32"}}`, "k:a=203.0.113.1"), "U-15"},
		"beside a range that holds it":   {when(`{"IpAddress":{"k:a":["2001:db8::/32","203.0.113.0/24"]}}`, "k:a=203.0.113.1"), ""},
		"an IPv6 address in a range":     {when(`{"IpAddress":{"k:a":"2001:db8::/32"}}`, "k:a=2001:db8::1"), ""},
		"an IPv6 address alone":          {when(`{"IpAddress":{"k:a":"2001:db8::1"}}`, "k:a=2001:db8::1"), "U-15"},
		"an IPv4 address alone":          {when(`{"IpAddress":{"k:a":"203.0.113.1"}}`, "k:a=203.0.113.1"), ""},
		"an IPv4 address in IPv6 form":   {when(`{"NotIpAddress":{"k:a":"203.0.113.0/24"}}`, "k:a=::ffff:203.0.113.1"), "U-15"},
		"no address":                     {when(`{"IpAddress":{"k:a":"203.0.113.0/24"}}`, "k:a=here"), "U-12"},
		"no address in the policy":       {when(`{"IpAddress":{"k:a":"::here"}}`, "k:a=203.0.113.1"), "U-12"},
		"bytes":                          {when(`{"BinaryEquals":{"k:a":"YQ=="}}`, "k:a=YQ=="), ""},
		"no bytes":                       {when(`{"BinaryEquals":{"k:a":"YQ=="}}`, "k:a=%"), "U-12"},
		"letters beyond ASCII, by case":  {when(`{"StringEquals":{"k:a":"Ä"}}`, "k:a=Ä"), ""},
		"such letters in the request":    {when(`{"StringNotEqualsIgnoreCase":{"k:a":"a"}}`, "k:a=ä"), "U-18"},
		"ASCII, whatever its case":       {when(`{"StringEqualsIgnoreCase":{"k:a":"A"}}`, "k:a=a"), ""},
		"an ARN":                         {when(`{"ArnLike":{"k:a":"arn:aws:s3:::b*"}}`, "k:a=arn:aws:s3:::b"), ""},
		"a pattern of five parts":        {when(`{"ArnLike":{"k:a":"arn:aws:s3::b"}}`, "k:a=arn:aws:s3:::b"), "U-23"},
		"any with IfExists, absent":      {when(`{"ForAnyValue:StringEqualsIfExists":{"k:a":"x"}}`), "U-10"},
		"any with IfExists, there":       {when(`{"ForAnyValue:StringEqualsIfExists":{"k:a":"x"}}`, "k:a=x"), ""},
		"all with IfExists, absent":      {when(`{"ForAllValues:StringEqualsIfExists":{"k:a":"x"}}`), ""},
		"several values of a set":        {when(`{"ForAnyValue:StringEquals":{"k:a":"x"}}`, "k:a=x|y"), ""},
		"Null of a value":                {when(`{"Null":{"k:a":"false"}}`, "k:a=x"), ""},
		"Null of an absent key":          {when(`{"Null":{"k:a":"true"}}`), ""},
		"no values of a set":             {when(`{"ForAllValues:StringEquals":{"k:a":[]}}`), ""},
		"no values with IfExists":        {when(`{"StringNotEqualsIfExists":{"k:a":[]}}`), ""},
		"a value without a wildcard":     {when(`{"StringLike":{"k:a":"${k:b}"}}`, "k:a=a", "k:b=a"), ""},
		"tags of two cases":              {Question{Context: twice, Policies: setup{identity: list(allows("*", "*", `{"StringEquals":{"aws:RequestTag/team":"a"}}`))}.policies(t)}, "U-19"},
		"another tag":                    {Question{Context: twice, Policies: setup{identity: list(allows("*", "*", `{"StringEquals":{"aws:RequestTag/cost":"a"}}`))}.policies(t)}, ""},
		"a wildcard where none is read":  {Question{Resource: "arn:aws:s3:::*", Policies: setup{identity: list(allows("*", "arn:aws:s3:::${k:b}"))}.policies(t), Context: context("k:b=*")}, "U-3"},
		"a faulty variable":              {when(`{"StringEquals":{"k:a":"${k:b,'x'}"}}`, "k:a=x"), "U-29"},
		"a wildcard in a value":          {when(`{"StringLike":{"k:a":"${k:b}"}}`, "k:a=*", "k:b=*"), "U-3"},
		"everyone":                       {Question{Policies: setup{resource: list(allows("s3:*", "", `to "*"`))}.policies(t)}, "U-6"},
		"everyone, who may anyway":       {Question{Policies: setup{identity: list(full), resource: list(allows("s3:*", "", `to "*"`))}.policies(t)}, ""},
		"the account alone":              {Question{Policies: setup{resource: list(allows("s3:*", "", aws(account)))}.policies(t)}, "U-5"},
		"less than a caller is":          {Question{Policies: setup{identity: list(full), resource: list(denies("s3:*", "", `not to {"AWS":"`+account+`"}`))}.policies(t)}, "U-8"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.q.Caller, tt.q.Action, tt.q.ResourceAccount = who("user/ann"), "s3:GetObject", account
			if tt.q.Resource == "" {
				tt.q.Resource = object
			}
			if got := strings.Join(Explain(tt.q).Assumptions, " "); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// What is assumed of who calls, by each kind of caller.
//
// shows: item S76
func TestAnAnswerNamesTheAssumptionsAboutWhoCalls(t *testing.T) {
	const role = "arn:aws:iam::" + account + ":role/target"
	anyone := list(allows("sts:AssumeRole sts:TagSession", "", `to "*"`))
	everyoneOfAWS := list(allows("sts:AssumeRole", "", `to {"AWS":"*"}`))
	limited := setup{identity: list(full), session: list(full)}.policies(t)
	limited.Session = append(limited.Session, limited.Session...)
	one := limited
	one.Session = one.Session[:1]
	governed := setup{identity: list(full), session: list(full), scp: [][]string{list(full)}}.policies(t)
	bounded := func(trust []string) Policies {
		return setup{identity: list(full), boundary: silent, trust: trust}.policies(t)
	}
	for name, tt := range map[string]struct {
		caller           string
		action, resource string
		policies         Policies
		want             string
	}{
		"a root user would assume a role":          {"root", "sts:AssumeRole", role, setup{trust: anyone}.policies(t), "U-26"},
		"a root user would tag such a session":     {"root", "sts:TagSession", role, setup{trust: anyone}.policies(t), "U-26"},
		"a root user would assume what is no role": {"root", "sts:AssumeRole", "arn:aws:s3:::b", Policies{}, "U-26"},
		"a root user asks for something else":      {"root", "s3:GetObject", "arn:aws:s3:::b/o", Policies{}, ""},
		"a user assumes a role":                    {"user/ann", "sts:AssumeRole", role, setup{identity: list(full), trust: list(allows("sts:AssumeRole", "", aws(account)))}.policies(t), ""},
		"a user's session token would":             {"temporary user/ann", "sts:GetFederationToken", "*", setup{identity: list(full)}.policies(t), ""},
		"a session of two session policies":        {"role/r/one", "s3:GetObject", "arn:aws:s3:::b/o", limited, "U-28"},
		"a federated user of two":                  {"federated/X/ann", "s3:GetObject", "arn:aws:s3:::b/o", limited, "U-28"},
		"a session of one session policy":          {"role/r/one", "s3:GetObject", "arn:aws:s3:::b/o", one, ""},
		"a user, who has none whatever is said":    {"user/ann", "s3:GetObject", "arn:aws:s3:::b/o", limited, ""},
		"a federated user in an organization":      {"federated/X/ann", "s3:GetObject", "arn:aws:s3:::b/o", governed, "U-30"},
		"a federated user in none":                 {"federated/X/ann", "s3:GetObject", "arn:aws:s3:::b/o", one, ""},
		"a session in an organization":             {"role/r/one", "s3:GetObject", "arn:aws:s3:::b/o", governed, ""},
		"a service under everyone of AWS":          {"service/pods.eks.amazonaws.com", "sts:AssumeRole", role, setup{trust: everyoneOfAWS}.policies(t), "U-7"},
		"a service under everyone":                 {"service/pods.eks.amazonaws.com", "sts:AssumeRole", role, setup{trust: anyone}.policies(t), ""},
		"a user under everyone of AWS":             {"user/ann", "sts:AssumeRole", role, setup{identity: list(full), trust: everyoneOfAWS}.policies(t), ""},
		"a service that everyone of AWS spares":    {"service/pods.eks.amazonaws.com", "s3:GetObject", "arn:aws:s3:::b/o", setup{resource: list(allows("*", "*", `to "*"`), denies("*", "*", `not to {"AWS":"*"}`))}.policies(t), "U-7"},
		"a user whose boundary everyone passes":    {"user/ann", "sts:AssumeRole", role, bounded(anyone), "U-6"},
		"everyone, and the user by name":           {"user/ann", "sts:AssumeRole", role, bounded(list(allows("sts:AssumeRole", "", aws("arn:aws:iam::"+account+":user/ann", "*")))), ""},
		"everyone, and the account":                {"user/ann", "sts:AssumeRole", role, bounded(list(allows("sts:AssumeRole", "", aws(account, "*")))), "U-6"},
		"the account, which a role leaves it to":   {"user/ann", "sts:AssumeRole", role, setup{identity: silent, trust: list(allows("sts:AssumeRole", "", aws(account)))}.policies(t), ""},
	} {
		caller, temporary := strings.CutPrefix(tt.caller, "temporary ")
		q := Question{Caller: who(caller), Action: tt.action, Resource: tt.resource, ResourceAccount: account, Policies: tt.policies}
		q.Caller.Temporary = temporary
		if got := strings.Join(Explain(q).Assumptions, " "); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
