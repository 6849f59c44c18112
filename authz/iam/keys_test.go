package iam

import (
	"slices"
	"strings"
	"testing"
)

// Of a key whose value is not known it is known whether it is there, how many
// values it may have, and of which kind. (IAM User Guide, global condition
// context keys; IAM and STS condition keys)
//
// shows: item S77
func TestWhatIsKnownOfAKeyWithoutItsValue(t *testing.T) {
	signed := strings.Fields("aws:PrincipalArn aws:PrincipalAccount aws:PrincipalType aws:userid aws:PrincipalIsAWSService")
	every := strings.Fields("aws:ViaAWSService aws:CurrentTime aws:EpochTime aws:RequestedRegion aws:UserAgent")
	truths := strings.Fields("aws:PrincipalIsAWSService aws:ViaAWSService aws:SecureTransport aws:MultiFactorAuthPresent aws:AssumedRoot")
	lists := strings.Fields("aws:PrincipalOrgPaths aws:PrincipalServiceNamesList aws:TagKeys aws:SourceOrgPaths aws:CalledVia aws:ResourceOrgPaths sts:TransitiveTagKeys sts:RequestContextProviders eks:namespaces eks:kubernetesGroups")
	others := strings.Fields("aws:PrincipalOrgID aws:username aws:PrincipalServiceName aws:FederatedProvider aws:TokenIssueTime aws:MultiFactorAuthAge aws:SourceIdentity aws:SourceArn aws:SourceAccount aws:SourceIp aws:SourceVpc " +
		"aws:SourceVpce aws:VpcSourceIp aws:ResourceAccount aws:Referer sts:ExternalId sts:RoleSessionName sts:SourceIdentity iam:PassedToService iam:PermissionsBoundary iam:PolicyARN eks:clusterName eks:accessScope aws:PrincipalTag/t aws:RequestTag/t")
	decide := func(caller, key string, conditions ...string) Verdict {
		ctx := &Context{}
		ctx.SetUnknown(key)
		q := Question{Caller: who(caller), Action: "sts:AssumeRole", Resource: "arn:aws:iam::" + account + ":role/target", Context: ctx}
		var statements []string
		for _, c := range conditions {
			statements = append(statements, allows("sts:AssumeRole", "", `to "*"`, strings.ReplaceAll(c, "KEY", key)))
		}
		q.Policies = setup{identity: list(full), trust: statements}.policies(t)
		return Decide(q).Verdict
	}
	for _, key := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(signed, every, truths, lists, others)))) {
		want := func(is bool) Verdict {
			if is {
				return Allowed
			}
			return Undetermined
		}
		for _, caller := range []string{"user/ann", "service/pods.eks.amazonaws.com"} {
			there := slices.Contains(every, key) || caller == "user/ann" && slices.Contains(signed, key)
			if got := decide(caller, key, `{"Null":{"KEY":"false"}}`); got != want(there) {
				t.Errorf("%s, whether it is there for %s: %s", key, caller, got)
			}
		}
		// true or false and nothing else
		if got := decide("user/ann", key, `{"StringEqualsIfExists":{"KEY":["true","false"]}}`); got != want(slices.Contains(truths, key)) {
			t.Errorf("%s, whether it is true or false: %s", key, got)
		}
		// one value, which is a or is not
		if got := decide("user/ann", key, `{"ForAllValues:StringEquals":{"KEY":["a","true"]}}`, `{"ForAllValues:StringNotEquals":{"KEY":["a","true"]}}`); got != want(!slices.Contains(lists, key)) {
			t.Errorf("%s, whether it has one value: %s", key, got)
		}
	}
}

// Of an unknown value two opposite conditions leave nothing open, whatever is
// compared; one alone does.
//
// shows: item S77
func TestOppositeConditionsOnAnUnknownKeySettleIt(t *testing.T) {
	for _, tt := range [][2]string{
		{`"IpAddress":{"KEY":"10.0.0.0/8"}`, `"NotIpAddress":{"KEY":"10.0.0.0/8"}`},
		{`"IpAddress":{"KEY":["2001:db8::/32","10.0.0.0/8"]}`, `"NotIpAddress":{"KEY":["10.0.0.0/8","2001:db8::/32"]}`},
		{`"NumericEquals":{"KEY":"5"}`, `"NumericNotEquals":{"KEY":"5"}`},
		{`"NumericLessThan":{"KEY":"5"}`, `"NumericGreaterThanEqualsIfExists":{"KEY":"5"}`},
		{`"NumericLessThanEquals":{"KEY":"-0.5"}`, `"NumericGreaterThanIfExists":{"KEY":"-0.5"}`},
		{`"DateEquals":{"KEY":"2026-11-21"}`, `"DateNotEquals":{"KEY":"2026-11-21"}`},
		{`"DateLessThan":{"KEY":"2026-11-21T10:00:00Z"}`, `"DateGreaterThanEqualsIfExists":{"KEY":"2026-11-21T10:00:00Z"}`},
		{`"Bool":{"KEY":"true"}`, `"BoolIfExists":{"KEY":"false"}`},
		{`"StringEquals":{"KEY":"x"}`, `"StringNotEquals":{"KEY":"x"}`},
		{`"StringLike":{"KEY":"x*"}`, `"StringNotLike":{"KEY":"x*"}`},
		{`"StringEqualsIgnoreCase":{"KEY":"xY"}`, `"StringNotEqualsIgnoreCase":{"KEY":"Xy"}`},
		{`"ArnLike":{"KEY":"arn:aws:*:*:*:x*"}`, `"ArnNotLike":{"KEY":"arn:aws:*:*:*:x*"}`},
		{`"ArnLike":{"KEY":"*"}`, `"ArnNotLike":{"KEY":"*"}`},
		{`"Null":{"KEY":"true"}`, `"StringLike":{"KEY":"*"}`},
	} {
		ctx := &Context{}
		ctx.SetUnknown("aws:PrincipalTag/t")
		q := Question{Caller: who("user/ann"), Action: "s3:GetObject", Resource: "arn:aws:s3:::b/o", ResourceAccount: account, Context: ctx}
		one, other := strings.ReplaceAll("{"+tt[0]+"}", "KEY", "aws:PrincipalTag/t"), strings.ReplaceAll("{"+tt[1]+"}", "KEY", "aws:PrincipalTag/t")
		q.Policies = identity(t, allows("*", "*", one), allows("*", "*", other))
		if d := Decide(q); d.Verdict != Allowed {
			t.Errorf("%s: %s", tt, d.Verdict)
		}
		q.Policies = identity(t, full, denies("*", "*", one), denies("*", "*", other))
		if d := Decide(q); d.Verdict != Denied || !d.Explicit {
			t.Errorf("%s denied: %s", tt, verdict(d))
		}
		for _, c := range []string{one, other} {
			q.Policies = identity(t, allows("*", "*", c))
			if d := Decide(q); d.Verdict != Undetermined {
				t.Errorf("%s alone: %s", c, d.Verdict)
			}
		}
	}
}

// Of a key with several values each number of them counts.
//
// shows: item S77
func TestListsOfUnknownValuesAreTriedInEachLength(t *testing.T) {
	for condition, want := range map[string]Verdict{
		`"ForAnyValue:StringEquals":{"KEY":"a"}`:                                                                                                                                       Undetermined,
		`"ForAnyValue:StringEquals":{"KEY":"a"},"ForAnyValue:StringLike":{"KEY":"b"}`:                                                                                                  Undetermined,
		`"ForAllValues:StringEquals":{"KEY":["a","b"]},"ForAnyValue:StringEquals":{"KEY":"a"},"ForAnyValue:StringLike":{"KEY":"b"}`:                                                    Undetermined,
		`"ForAllValues:StringEquals":{"KEY":["a","b","c"]},"ForAnyValue:StringEquals":{"KEY":"a"},"ForAnyValue:StringLike":{"KEY":"b"},"ForAnyValue:ArnLike":{"KEY":"arn:aws:s3:::c"}`: Allowed, // neither is an ARN
		`"ForAllValues:StringEquals":{"KEY":"a"},"ForAnyValue:StringLike":{"KEY":"b"}`:                                                                                                 Allowed,
		`"ForAllValues:StringEquals":{"KEY":["a"]},"ForAnyValue:StringNotEquals":{"KEY":"a"}`:                                                                                          Allowed,
		`"ForAnyValue:StringEquals":{"KEY":"a"},"ForAnyValue:StringNotEquals":{"KEY":"a"}`:                                                                                             Undetermined, // two values
		`"ForAnyValue:StringEquals":{"KEY":""},"ForAllValues:StringEquals":{"KEY":["a",""]}`:                                                                                           Undetermined, // an empty one beside another
		`"ForAnyValue:StringEquals":{"KEY":""},"ForAllValues:StringEquals":{"KEY":""}`:                                                                                                 Allowed,      // alone it is no data
	} {
		for _, key := range []string{"aws:TagKeys", "oidc.example.com:amr"} {
			ctx := &Context{}
			ctx.SetUnknown(key)
			q := Question{Caller: who("user/ann"), Action: "s3:GetObject", Resource: "arn:aws:s3:::b/o", ResourceAccount: account, Context: ctx}
			q.Policies = identity(t, full, denies("*", "*", strings.ReplaceAll("{"+condition+"}", "KEY", key)))
			if d := Decide(q); d.Verdict != want {
				t.Errorf("%s of %s: %s, want %s", condition, key, d.Verdict, want)
			}
		}
	}
}

// A plain operator says nothing of several values (assumption U-9), so where a
// key may have them opposite conditions settle nothing; and where a key is
// compared as a number and as text, what its cells miss is not taken for none.
//
// shows: item S77
func TestWhatCellsDoNotHoldIsLeftOpen(t *testing.T) {
	for _, tt := range []struct {
		key  string
		want Verdict
		deny []string
	}{
		{"aws:TagKeys", Undetermined, []string{`{"StringEquals":{"KEY":"a"}}`, `{"StringNotEquals":{"KEY":"a"}}`}},
		{"aws:PrincipalTag/t", Denied, []string{`{"StringEquals":{"KEY":"a"}}`, `{"StringNotEquals":{"KEY":"a"}}`}},
		{"k:a", Undetermined, []string{`{"StringLike":{"KEY":"5*"},"NumericEquals":{"KEY":"50"},"StringNotEquals":{"KEY":"50"}}`}}, // 50.0
		{"k:a", Allowed, []string{`{"StringLike":{"KEY":"5*"},"StringEquals":{"KEY":"50"},"StringNotEquals":{"KEY":"50"}}`}},
	} {
		ctx := &Context{}
		ctx.SetUnknown(tt.key)
		q := Question{Caller: who("user/ann"), Action: "s3:GetObject", Resource: "arn:aws:s3:::b/o", ResourceAccount: account, Context: ctx}
		statements := []string{full}
		for _, c := range tt.deny {
			statements = append(statements, denies("*", "*", strings.ReplaceAll(c, "KEY", tt.key)))
		}
		q.Policies = identity(t, statements...)
		if d := Decide(q); d.Verdict != tt.want {
			t.Errorf("%s %s: %s, want %s", tt.key, tt.deny, d.Verdict, tt.want)
		}
	}
}

// The keys that follow from who calls. (IAM User Guide, global condition
// context keys; IAM JSON policy variables, where the principal is told)
//
// shows: item S75
func TestWhoCallsTellsItsKeys(t *testing.T) {
	nameless := func(caller string) Caller {
		c := who(caller)
		c.ID = ""
		return c
	}
	session := who("role/r/one")
	session.Role = "arn:aws:iam::" + account + ":role/team/r"
	const iam, sts = "arn:aws:iam::" + account + ":", "arn:aws:sts::" + account + ":"
	for name, tt := range map[string]struct {
		caller Caller
		want   string
	}{
		"a user":               {who("user/team/ann"), "aws:principalaccount=" + account + " aws:principalarn=" + iam + "user/team/ann aws:principalisawsservice=false aws:principaltype=User aws:userid=AIDATEAM/ANN0123456789AB aws:username=ann aws:viaawsservice=false"},
		"a user without an id": {nameless("user/ann"), "aws:principalaccount=" + account + " aws:principalarn=" + iam + "user/ann aws:principalisawsservice=false aws:principaltype=User aws:username=ann aws:viaawsservice=false"},
		"a session":            {session, "aws:principalaccount=" + account + " aws:principalarn=" + iam + "role/team/r aws:principalisawsservice=false aws:principaltype=AssumedRole aws:userid=AROAR0123456789AB:one aws:viaawsservice=false"},
		"a session without":    {nameless("role/r/one"), "aws:principalaccount=" + account + " aws:principalarn=" + iam + "role/r aws:principalisawsservice=false aws:principaltype=AssumedRole aws:viaawsservice=false"},
		"a root user":          {who("root"), "aws:principalaccount=" + account + " aws:principalarn=" + iam + "root aws:principalisawsservice=false aws:principaltype=Account aws:userid=" + account + " aws:viaawsservice=false"},
		"a federated user":     {who("federated/X/ann"), "aws:principalaccount=" + account + " aws:principalarn=" + sts + "federated-user/X aws:principalisawsservice=false aws:principaltype=FederatedUser aws:userid=" + account + ":X aws:viaawsservice=false"},
		"a service":            {who("service/pods.eks.amazonaws.com"), "aws:principalisawsservice=true aws:principalservicename=pods.eks.amazonaws.com aws:principalservicenameslist=pods.eks.amazonaws.com aws:viaawsservice=false"},
		"a bearer":             {who("bearer/accounts.google.com"), "aws:federatedprovider=accounts.google.com aws:viaawsservice=false"},
		"nobody":               {who("anonymous"), "aws:principalaccount=anonymous aws:principaltype=Anonymous aws:userid=anonymous aws:viaawsservice=false"},
	} {
		ctx := tt.caller.Context()
		var got []string
		for _, k := range sortedKeys(ctx.values) {
			got = append(got, k+"="+strings.Join(ctx.values[k], "|"))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %q", name, got)
		}
		if _, known := ctx.Values("aws:SourceIp"); !known {
			t.Errorf("%s: what was not told is not absent", name)
		}
	}
}
