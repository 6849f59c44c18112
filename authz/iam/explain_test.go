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
