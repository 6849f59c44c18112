package iam

import "testing"

// What the second evaluator found (docs/design/004-disagreements.md), each with
// its legal twin.
func TestWhatTheSecondEvaluatorFound(t *testing.T) {
	const account, bucket, role = "111122223333", "arn:aws:s3:::b/o", "arn:aws:iam::111122223333:role/r"
	user := Caller{Kind: User, ARN: "arn:aws:iam::" + account + ":user/u", Account: account, ID: "AIDAEXAMPLEEXAMPLE234"}
	federated := Caller{Kind: FederatedUser, ARN: "arn:aws:sts::" + account + ":federated-user/f", User: user.ARN, Account: account, ID: user.ID}
	provider := "arn:aws:iam::" + account + ":oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/X"
	bearer := Caller{Kind: Federated, ARN: provider}
	read := func(kind Kind, document string) *Source {
		p, err := Parse(kind, document)
		if err != nil {
			t.Fatal(err)
		}
		return &Source{Name: "policy", Policy: p}
	}
	every := Policies{Session: []Source{*read(SessionPolicy, `{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}`)}}
	resource := func(document string) Policies {
		p := every
		p.Resource = read(ResourcePolicy, document)
		return p
	}
	identity := func(condition string) Policies {
		return Policies{Identity: []Source{*read(Identity, `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": `+condition+`}}`)}}
	}
	either := func(key string) Policies {
		p := identity(`{"Null": {"` + key + `": "true"}}`)
		p.Identity = append(p.Identity, identity(`{"Null": {"`+key+`": "false"}}`).Identity...)
		return p
	}
	spared := func(list string) Policies {
		return resource(`{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "NotPrincipal": {"AWS": ` + list + `}, "Action": "*", "Resource": "*"}]}`)
	}
	denied := func(principal string) Policies {
		return resource(`{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "` + user.ARN + `"}, "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Principal": ` + principal + `, "Action": "*", "Resource": "*"}]}`)
	}
	trust := func(document string) Policies { return Policies{Resource: read(Trust, document)} }
	timed := trust(`{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"Null": {"aws:CurrentTime": "false"}}}}`)
	tagged := trust(`{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"Null": {"aws:RequestTag/x": "false"}}}}`)
	for name, c := range map[string]struct {
		caller   Caller
		action   string
		resource string
		key      string
		values   []string
		policies Policies
		want     Verdict
	}{
		"U-23: a pattern of five parts means nothing known": {user, "s3:GetObject", bucket, "aws:SourceArn", []string{"arn:aws:sqs:r:1:q"}, identity(`{"ArnNotLike": {"aws:SourceArn": "arn:aws:s3:*:b"}}`), Undetermined},
		"of six it does": {user, "s3:GetObject", bucket, "aws:SourceArn", []string{"arn:aws:sqs:r:1:q"}, identity(`{"ArnNotLike": {"aws:SourceArn": "arn:aws:s3:*:*:b"}}`), Allowed},
		"U-11: a key of several values is no variable":       {user, "s3:GetObject", bucket, "aws:CalledVia", []string{"x"}, identity(`{"ForAnyValue:StringEquals": {"aws:CalledVia": "${aws:CalledVia}"}}`), Denied},
		"also where it is not known":                         {user, "s3:GetObject", bucket, "aws:CalledVia", nil, identity(`{"ForAnyValue:StringEquals": {"aws:CalledVia": "${aws:CalledVia}"}}`), Denied},
		"one of a single value is":                           {user, "s3:GetObject", bucket, "aws:SourceVpc", []string{"x"}, identity(`{"StringEquals": {"aws:SourceVpc": "${aws:SourceVpc}"}}`), Allowed},
		"R3.4: the id of the user who made a federated user": {federated, "s3:GetObject", bucket, "", nil, resource(`{"Statement": {"Effect": "Allow", "Principal": {"AWS": "` + user.ID + `"}, "Action": "*", "Resource": "*"}}`), Allowed},
		"another's id": {federated, "s3:GetObject", bucket, "", nil, resource(`{"Statement": {"Effect": "Allow", "Principal": {"AWS": "AIDAEXAMPLEEXAMPLE567"}, "Action": "*", "Resource": "*"}}`), Denied},
		"R1.10: a federated user's session, user and account spare it":              {federated, "s3:GetObject", bucket, "", nil, spared(`["` + federated.ARN + `", "` + user.ARN + `", "` + account + `"]`), Allowed},
		"without the user it is not known":                                          {federated, "s3:GetObject", bucket, "", nil, spared(`["` + federated.ARN + `", "` + account + `"]`), Undetermined},
		"U-7: whether everyone of AWS takes in who comes with a token is not known": {bearer, "sts:AssumeRoleWithWebIdentity", role, "", nil, trust(`{"Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRoleWithWebIdentity"}}`), Undetermined},
		"everyone does": {bearer, "sts:AssumeRoleWithWebIdentity", role, "", nil, trust(`{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity"}}`), Allowed},
		"R4.6: an empty value beside another matches":                {user, "s3:GetObject", bucket, "aws:TagKeys", nil, identity(`{"ForAnyValue:StringEquals": {"aws:TagKeys": ""}}`), Undetermined},
		"alone it is no data":                                        {user, "s3:GetObject", bucket, "aws:TagKeys", []string{""}, identity(`{"ForAnyValue:StringEquals": {"aws:TagKeys": ""}}`), Denied},
		"R4.9: no date is among none":                                {user, "s3:GetObject", bucket, "aws:CurrentTime", nil, identity(`{"ForAnyValue:DateEquals": {"aws:CurrentTime": []}, "ForAnyValue:DateNotEquals": {"aws:CurrentTime": "2026"}}`), Denied},
		"one may be among some":                                      {user, "s3:GetObject", bucket, "aws:CurrentTime", nil, identity(`{"ForAnyValue:DateEquals": {"aws:CurrentTime": "2025"}, "ForAnyValue:DateNotEquals": {"aws:CurrentTime": "2026"}}`), Undetermined},
		"a canonical user may be the account":                        {user, "s3:GetObject", bucket, "", nil, denied(`{"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}`), Undetermined},
		"another account's id is not":                                {user, "s3:GetObject", bucket, "", nil, denied(`{"AWS": "444455556666"}`), Allowed},
		"section 6: a request has a time, who ever makes it":         {bearer, "sts:AssumeRoleWithWebIdentity", role, "aws:CurrentTime", nil, timed, Allowed},
		"a tag it may lack":                                          {bearer, "sts:AssumeRoleWithWebIdentity", role, "aws:RequestTag/x", nil, tagged, Undetermined},
		"U-29: beside a faulty variable another value still matches": {user, "s3:GetObject", bucket, "sts:ExternalId", nil, identity(`{"StringLikeIfExists": {"sts:ExternalId": ["${}", "*"]}}`), Allowed},
		"the faulty one alone":                                       {user, "s3:GetObject", bucket, "sts:ExternalId", nil, identity(`{"StringLikeIfExists": {"sts:ExternalId": ["${}"]}}`), Undetermined},
		"U-16: a tag may be empty":                                   {user, "s3:GetObject", bucket, "aws:RequestTag/x", nil, either("aws:RequestTag/x"), Undetermined},
		"a date is not":                                              {user, "s3:GetObject", bucket, "aws:TokenIssueTime", nil, either("aws:TokenIssueTime"), Allowed},
		"an account is not":                                          {bearer, "sts:AssumeRoleWithWebIdentity", role, "", nil, trust(`{"Statement": {"Effect": "Allow", "Principal": {"AWS": "` + account + `"}, "Action": "sts:AssumeRoleWithWebIdentity"}}`), Denied},
	} {
		q := Question{Caller: c.caller, Action: c.action, Resource: c.resource, ResourceAccount: account, Context: &Context{}, Policies: c.policies}
		switch {
		case c.values != nil:
			q.Context.Set(c.key, c.values...)
		case c.key != "":
			q.Context.SetUnknown(c.key)
		}
		if got := Decide(q).Verdict; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
