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
		"undetermined: the key": {
			Question{Caller: who("user/ann"), Action: "s3:GetObject", Resource: object, ResourceAccount: account, Context: unknown, Policies: setup{identity: list(ifTeam)}.policies(t)},
			"undetermined", Denied, []string{"identity-based policy 0: StringEquals aws:PrincipalTag/team [a] may fail: the key's value is not known"},
			[]string{"an Allow of s3:GetObject on arn:aws:s3:::b/o in an identity-based policy"}, []string{"condition key aws:PrincipalTag/team"}},
		"undetermined: a policy, an account": {
			Question{Caller: who("user/ann"), Action: "s3:GetObject", Resource: object, Policies: Policies{Identity: []Source{policy(t, Identity, full)}, Resource: &Source{Name: "the bucket's policy"}}},
			"undetermined", Allowed, nil, []string{"an Allow of s3:GetObject on arn:aws:s3:::b/o in a resource-based policy"}, []string{"resource-based policy the bucket's policy", "the account of arn:aws:s3:::b/o"}},
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
