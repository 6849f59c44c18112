package iam

import "testing"

// A key that has one of two values may equal a variable of unknown value.
//
// shows: item S81
func TestAVariableMayBeWhatATagOfTwoValuesIs(t *testing.T) {
	for condition, want := range map[string]Verdict{
		`{"StringNotEquals":{"aws:RequestTag/team":"${aws:PrincipalTag/t}"}}`:        Undetermined,
		`{"StringNotEquals":{"aws:RequestTag/team":["${aws:PrincipalTag/t}","a*"]}}`: Undetermined,
		`{"StringNotEquals":{"aws:RequestTag/team":["a","ab"]}}`:                     Allowed, // twin: the Deny never matches
	} {
		ctx := &Context{}
		ctx.SetUnknown("aws:PrincipalTag/t")
		ctx.SetTags("aws:RequestTag/", map[string]string{"TEAM": "a", "team": "ab"})
		q := Question{Caller: who("role/r/one"), Action: "s3:GetObject", Resource: "arn:aws:s3:::b/o", ResourceAccount: account, Context: ctx}
		q.Policies = identity(t, allows("*", "*"), denies("*", "*", condition))
		if got := Decide(q).Verdict; got != want {
			t.Errorf("%s: %s, want %s", condition, got, want)
		}
	}
}
