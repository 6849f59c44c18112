package iam

import (
	"slices"
	"strings"
	"testing"
)

// R3.8, R3.11 and R3.12 (IAM User Guide, requesting temporary security
// credentials): with every right there is, what AWS still refuses to a kind of
// credentials, and what it gives without any.
//
// shows: item S75
func TestWhatAKindOfCredentialsMayAskForWhateverThePoliciesSay(t *testing.T) {
	const role = "arn:aws:iam::" + account + ":role/target"
	temporary := func(name string) Caller {
		c := who(name)
		c.Temporary = true
		return c
	}
	mfa := []string{"aws:MultiFactorAuthPresent=true"}
	everything := setup{identity: list(full), session: list(full)}
	nothing := setup{identity: list(denies("*", "*")), session: list(denies("*", "*"))}
	trusted := everything
	trusted.trust = list(allows("sts:AssumeRole sts:AssumeRoleWithWebIdentity sts:TagSession", "", `to "*"`))
	for name, tt := range map[string]struct {
		setup
		caller           Caller
		action, resource string
		context          []string
		want             string
	}{
		"a user asks who it is":                                {nothing, who("user/ann"), "sts:GetCallerIdentity", "*", nil, "allow"},
		"a session asks who it is, in capitals":                {nothing, who("role/r/one"), "STS:GETCALLERIDENTITY", "*", nil, "allow"},
		"a federated user asks who it is":                      {nothing, who("federated/X/ann"), "sts:GetCallerIdentity", "*", nil, "allow"},
		"credentials of GetSessionToken ask who they are":      {nothing, temporary("user/ann"), "sts:GetCallerIdentity", "*", nil, "allow"},
		"a user gets a session token":                          {nothing, who("user/ann"), "sts:GetSessionToken", "*", nil, "allow"},
		"a root user gets a session token":                     {nothing, who("root"), "sts:GetSessionToken", "*", nil, "allow"},
		"but no session of a role":                             {everything, who("role/r/one"), "sts:GetSessionToken", "*", nil, "deny-i"},
		"no federated user":                                    {everything, who("federated/X/ann"), "sts:GetSessionToken", "*", nil, "deny-i"},
		"no session token":                                     {everything, temporary("user/ann"), "sts:GetSessionToken", "*", nil, "deny-i"},
		"no root user's session token":                         {everything, temporary("root"), "sts:GetSessionToken", "*", nil, "deny-i"},
		"a user gets a federation token":                       {everything, who("user/ann"), "sts:GetFederationToken", "*", nil, "allow"},
		"not without the right":                                {setup{identity: silent}, who("user/ann"), "sts:GetFederationToken", "*", nil, "deny-i"},
		"a session of a role gets none":                        {everything, who("role/r/one"), "sts:GetFederationToken", "*", nil, "deny-i"},
		"a session of a role does all else in STS":             {everything, who("role/r/one"), "sts:GetAccessKeyInfo", "*", nil, "allow"},
		"a session of a role in IAM":                           {everything, who("role/r/one"), "iam:ListUsers", "*", nil, "allow"},
		"a federated user in IAM":                              {everything, who("federated/X/ann"), "iam:ListUsers", "*", nil, "deny-i"},
		"a federated user in STS":                              {everything, who("federated/X/ann"), "sts:GetAccessKeyInfo", "*", nil, "deny-i"},
		"a federated user elsewhere":                           {everything, who("federated/X/ann"), "s3:ListAllMyBuckets", "*", nil, "allow"},
		"a session token in IAM":                               {everything, temporary("user/ann"), "iam:ListUsers", "*", nil, "deny-i"},
		"a session token in IAM, without a second factor":      {everything, temporary("user/ann"), "iam:ListUsers", "*", []string{"aws:MultiFactorAuthPresent=false"}, "deny-i"},
		"a session token in IAM, with one":                     {everything, temporary("user/ann"), "iam:ListUsers", "*", mfa, "allow"},
		"a user in IAM, with or without":                       {everything, who("user/ann"), "iam:ListUsers", "*", nil, "allow"},
		"a session token elsewhere":                            {everything, temporary("user/ann"), "s3:ListAllMyBuckets", "*", nil, "allow"},
		"a session token gets no federation token":             {everything, temporary("user/ann"), "sts:GetFederationToken", "*", mfa, "deny-i"},
		"a session token assumes a role":                       {trusted, temporary("user/ann"), "sts:AssumeRole", role, nil, "allow"},
		"and tags the session that it asks for":                {trusted, temporary("user/ann"), "sts:TagSession", role, nil, "allow"},
		"a federated user assumes none":                        {trusted, who("federated/X/ann"), "sts:AssumeRole", role, nil, "deny-i"},
		"a session assumes a role":                             {trusted, who("role/r/one"), "sts:AssumeRole", role, nil, "allow"},
		"U-26 a root user assumes none":                        {trusted, who("root"), "sts:AssumeRole", role, nil, "deny-i"},
		"U-26 nor does it tag the session":                     {trusted, who("root"), "sts:TagSession", role, nil, "deny-i"},
		"a root user may all else in STS":                      {everything, who("root"), "sts:GetFederationToken", "*", nil, "allow"},
		"a root user in IAM":                                   {everything, who("root"), "iam:ListUsers", "*", nil, "allow"},
		"who signs nothing, with a token that the role trusts": {trusted, who("bearer/arn:aws:iam::" + account + ":oidc-provider/x"), "sts:AssumeRoleWithWebIdentity", role, nil, "allow"},
	} {
		q := Question{Caller: tt.caller, Action: tt.action, Resource: tt.resource, ResourceAccount: account, Context: context(tt.context...), Policies: tt.policies(t)}
		if tt.resource == "*" {
			q.ResourceAccount = ""
		}
		d := Decide(q)
		if verdict(d) != tt.want || tt.want == "deny-i" && tt.setup.identity[0] == full && !slices.Equal(d.Missing, []Gate{RuleGate}) {
			t.Errorf("%s: %s, want %s; missing %q", name, verdict(d), tt.want, d.Missing)
		}
	}
	unknown := &Context{}
	unknown.SetUnknown("aws:MultiFactorAuthPresent")
	q := Question{Caller: temporary("user/ann"), Action: "iam:ListUsers", Resource: "*", Context: unknown, Policies: everything.policies(t)}
	if x := Explain(q); x.Verdict != Undetermined || !slices.Equal(x.Open, []string{"condition key aws:MultiFactorAuthPresent"}) {
		t.Errorf("a session token in IAM, whose second factor is not known: %s, open %q", x.Verdict, x.Open)
	}
}

// R3.6: a request goes across accounts within one partition alone.
//
// shows: item S75
func TestARequestStaysInItsPartition(t *testing.T) {
	both := setup{identity: list(full), resource: list(allows("*", "", `to "*"`))}
	for _, tt := range []struct{ partition, resource, owner, want string }{
		{"aws", "arn:aws:s3:::b/o", other, "allow"},
		{"aws", "arn:aws-cn:s3:::b/o", other, "deny-i"},
		{"aws-cn", "arn:aws:s3:::b/o", other, "deny-i"},
		{"aws-cn", "arn:aws-cn:s3:::b/o", other, "allow"},
		{"aws", "b/o", other, "allow"}, // what is no ARN tells none
		{"", "arn:aws:s3:::b/o", other, "allow"},
		{"aws-cn", "arn:aws:s3:::b/o", account, "allow"}, // an account has one partition
	} {
		q := Question{Caller: who("user/ann"), Action: "s3:GetObject", Resource: tt.resource, ResourceAccount: tt.owner, Policies: both.policies(t)}
		if q.Caller.ARN = strings.Replace(q.Caller.ARN, "arn:aws:", "arn:"+tt.partition+":", 1); tt.partition == "" {
			q.Caller.ARN = "ann"
		}
		if got := verdict(Decide(q)); got != tt.want {
			t.Errorf("from %q to %s of %s: %s, want %s", tt.partition, tt.resource, tt.owner, got, tt.want)
		}
	}
}

// R3.13: the services that resource control policies reach, those that they do
// not, and the many of which AWS says "and more".
//
// shows: item S75
func TestResourceControlPoliciesReachTheServicesThatAWSLists(t *testing.T) {
	for action, want := range map[string]string{
		"s3:GetObject": "deny-e", "sts:GetAccessKeyInfo": "deny-e", "kms:ListKeys": "deny-e", "sqs:SendMessage": "deny-e", "secretsmanager:GetSecretValue": "deny-e",
		"cognito-idp:ListUsers": "deny-e", "cognito-identity:ListIdentities": "deny-e", "logs:GetLogEvents": "deny-e", "dynamodb:GetItem": "deny-e", "ecr:BatchGetImage": "deny-e",
		"ECR:BatchGetImage": "deny-e", "eks:DescribeCluster": "allow", "sns:Publish": "undetermined",
	} {
		service, _, _ := strings.Cut(action, ":")
		q := Question{Caller: who("user/ann"), Action: action, Resource: "arn:aws:x:us-east-1:" + account + ":y", ResourceAccount: account,
			Policies: setup{identity: list(full), rcp: list(denies(service+":*", "*", `to "*"`))}.policies(t)}
		if got := verdict(Decide(q)); got != want {
			t.Errorf("%s: %s, want %s", action, got, want)
		}
		if q.Caller = who("linked/l/s"); verdict(Decide(q)) != "allow" {
			t.Errorf("%s: a service-linked role is %s", action, verdict(Decide(q)))
		}
	}
	unread := Question{Caller: who("user/ann"), Action: "eks:DescribeCluster", Resource: "arn:aws:eks:us-east-1:" + account + ":cluster/c", Policies: setup{identity: list(full)}.policies(t)}
	for action, want := range map[string]Verdict{"eks:DescribeCluster": Allowed, "s3:GetObject": Undetermined} {
		unread.Action, unread.Policies.ResourceControls = action, []Source{{Name: "not read"}}
		if got := Decide(unread).Verdict; got != want {
			t.Errorf("%s beside one that was not read: %s, want %s", action, got, want)
		}
	}
}

// R3.9 and R3.10: what is passed with a call of AssumeRole is asked for too.
//
// shows: item S75
func TestWhatIsPassedWithASessionIsAskedForToo(t *testing.T) {
	for _, tt := range []struct {
		action  string
		context []string
		want    string
	}{
		{"sts:AssumeRole", nil, ""},
		{"sts:AssumeRole", []string{"aws:TagKeys=a"}, "sts:TagSession"},
		{"STS:assumerolewithwebidentity", []string{"AWS:RequestTag/team=a"}, "sts:TagSession"},
		{"sts:AssumeRole", []string{"aws:RequestTag/team="}, "sts:TagSession"}, // a tag may be empty
		{"sts:AssumeRole", []string{"aws:TagKeys="}, ""},
		{"sts:AssumeRole", []string{"aws:PrincipalTag/team=a"}, ""},
		{"sts:AssumeRole", []string{"sts:SourceIdentity=ann"}, "sts:SetSourceIdentity"},
		{"sts:AssumeRole", []string{"sts:RequestContextProviders=arn:aws:iam::aws:contextProvider/x"}, "sts:SetContext"},
		{"sts:AssumeRoleWithSAML", []string{"aws:TagKeys=a", "sts:SourceIdentity=ann", "sts:RequestContextProviders=x"}, "sts:TagSession sts:SetSourceIdentity sts:SetContext"},
		{"sts:GetFederationToken", []string{"aws:TagKeys=a"}, ""},
		{"iam:TagRole", []string{"aws:TagKeys=a", "aws:RequestTag/a=b"}, ""},
	} {
		if got := strings.Join(AlsoAsked(tt.action, context(tt.context...)), " "); got != tt.want {
			t.Errorf("%s with %q: %q, want %q", tt.action, tt.context, got, tt.want)
		}
	}
	absent := &Context{}
	absent.Set("aws:RequestTag/team")
	if got := AlsoAsked("sts:AssumeRole", absent); got != nil {
		t.Errorf("a tag that is told to be absent: %q", got)
	}
	if got := AlsoAsked("sts:AssumeRole", nil); got != nil {
		t.Errorf("nothing is known to be passed: %q", got)
	}
}
