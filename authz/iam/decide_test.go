package iam

import (
	"fmt"
	"strings"
	"testing"
)

const account = "123456789012"

func user(name string) Caller {
	return Caller{Kind: User, ARN: "arn:aws:iam::" + account + ":user/" + name, Account: account, ID: "AIDA" + strings.ToUpper(name) + "0123456789AB"}
}

func session(role, name string) Caller {
	return Caller{
		Kind: Session, ARN: "arn:aws:sts::" + account + ":assumed-role/" + role + "/" + name, Account: account,
		Role: "arn:aws:iam::" + account + ":role/" + role, ID: "AROA" + strings.ToUpper(role) + "0123456789AB",
	}
}

// request is a question without policies, on a resource of the account.
type request struct {
	Caller           Caller
	Action, Resource string
	Context          *Context
}

func ask(r request, p Policies) Decision {
	return Decide(Question{Caller: r.Caller, Action: r.Action, Resource: r.Resource, ResourceAccount: account, Context: r.Context, Policies: p})
}

func askTrust(r request, account string, trust Source, p Policies) Decision {
	p.Resource = &trust
	return Decide(Question{Caller: r.Caller, Action: r.Action, Resource: r.Resource, ResourceAccount: account, Context: r.Context, Policies: p})
}

// policy makes a policy of statements in JSON.
func policy(t testing.TB, kind Kind, statements ...string) Source {
	t.Helper()
	p, err := Parse(kind, `{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`)
	if err != nil {
		t.Fatal(err)
	}
	return Source{"p", p}
}

func verdict(d Decision) string {
	if d.Verdict != Denied {
		return string(d.Verdict)
	}
	if d.Explicit {
		return "deny-e"
	}
	return "deny-i"
}

// context reads KEY=VALUE[|VALUE]; an empty list after = is absent.
func context(pairs ...string) *Context {
	c := &Context{}
	for _, p := range pairs {
		k, v, _ := strings.Cut(p, "=")
		c.Set(k, strings.Split(v, "|")...)
	}
	return c
}

// The numbers are those of AWS's worked examples as the project collects them.
func TestIdentityPoliciesDecideAsTheUserGuideSays(t *testing.T) {
	allow := func(actions, resource string) string {
		return fmt.Sprintf(`{"Effect":"Allow","Action":[%s],"Resource":%q}`, actions, resource)
	}
	deny := func(actions, resource string) string {
		return strings.Replace(allow(actions, resource), "Allow", "Deny", 1)
	}
	inter := []string{allow(`"iam:Get*","iam:List*"`, "*"), deny(`"iam:*Report"`, "*")}
	slashes := []string{allow(`"s3:*"`, "arn:aws:s3:::b/*/test/*")}
	hr := []string{allow(`"*"`, "*"), `{"Effect":"Deny","Action":"s3:*","NotResource":["arn:aws:s3:::HRBucket/Payroll","arn:aws:s3:::HRBucket/Payroll/*"]}`}
	notDelete := []string{`{"Effect":"Allow","NotAction":"s3:DeleteBucket","Resource":"arn:aws:s3:::*"}`}
	team := []string{"{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::bucket-${aws:PrincipalTag/team, 'company-wide'}\"}"}
	tests := map[string]struct {
		policies         []string
		action, resource string
		context          []string
		want             string
	}{
		"V1 an explicit deny wins":                  {[]string{allow(`"s3:*"`, "arn:aws:s3:::b-carlos/*"), allow(`"s3:*"`, "arn:aws:s3:::b-carlos-logs/*"), deny(`"s3:*"`, "arn:aws:s3:::*log*")}, "s3:PutObject", "arn:aws:s3:::b-carlos-logs/f", nil, "deny-e"},
		"V2 its twin without the word is allowed":   {[]string{allow(`"s3:*"`, "arn:aws:s3:::b-carlos/*"), deny(`"s3:*"`, "arn:aws:s3:::*log*")}, "s3:PutObject", "arn:aws:s3:::b-carlos/f", nil, "allow"},
		"V6 a listed action is allowed":             {inter, "iam:ListUsers", "*", nil, "allow"},
		"V6 an action nobody lists is denied":       {inter, "iam:CreatePolicy", "*", nil, "deny-i"},
		"V6 a denied action is denied":              {inter, "iam:GetOrganizationsAccessReport", "*", nil, "deny-e"},
		"V7 a second policy cannot undo a deny":     {append(inter, allow(`"iam:GenerateCredentialReport"`, "*")), "iam:GenerateCredentialReport", "*", nil, "deny-e"},
		"V48 a star in the resource runs past /":    {slashes, "s3:GetObject", "arn:aws:s3:::b/1/2/test/3/o", nil, "allow"},
		"V48 a star may be empty":                   {slashes, "s3:GetObject", "arn:aws:s3:::b//test/o", nil, "allow"},
		"V49 a slash is a slash":                    {slashes, "s3:GetObject", "arn:aws:s3:::b/1-test/o", nil, "deny-i"},
		"V49 nothing before the slash":              {slashes, "s3:GetObject", "arn:aws:s3:::b/test/o", nil, "deny-i"},
		"V50 actions are matched in any case":       {[]string{allow(`"iam:*AccessKey*"`, "*")}, "IAM:updateaccesskey", "*", nil, "allow"},
		"resources are matched in their case":       {[]string{allow(`"iam:GetUser"`, "arn:aws:iam::1:user/Ann")}, "iam:GetUser", "arn:aws:iam::1:user/ann", nil, "deny-i"},
		"V51 NotAction allows all the others":       {notDelete, "s3:PutObject", "arn:aws:s3:::b/x", nil, "allow"},
		"V51 but not what it lists":                 {notDelete, "s3:DeleteBucket", "arn:aws:s3:::b", nil, "deny-i"},
		"an action on * needs *":                    {[]string{allow(`"iam:*"`, "arn:aws:iam::1:*")}, "iam:ListUsers", "*", nil, "deny-i"},
		"V53 NotResource spares what it lists":      {hr, "s3:GetObject", "arn:aws:s3:::HRBucket/Payroll/a", nil, "allow"},
		"V53 and denies the others":                 {hr, "s3:GetObject", "arn:aws:s3:::HRBucket/Other/a", nil, "deny-e"},
		"V55 StringEquals minds case":               {[]string{`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":"john"}}}`}, "a:b", "*", []string{"aws:UserName=John"}, "deny-i"},
		"V55 StringEqualsIgnoreCase does not":       {[]string{`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEqualsIgnoreCase":{"aws:username":"john"}}}`}, "a:b", "*", []string{"aws:UserName=John"}, "allow"},
		"V60 Bool false":                            {[]string{`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":false}}}`}, "a:b", "*", []string{"aws:SecureTransport=false"}, "allow"},
		"V60 Bool false on an absent key":           {[]string{`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":false}}}`}, "a:b", "*", nil, "deny-i"},
		"V69 IfExists holds for an absent key":      {[]string{`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLikeIfExists":{"ec2:InstanceType":["t1.*","m3.*"]}}}`}, "a:b", "*", nil, "allow"},
		"V69 and asks of a present one":             {[]string{`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLikeIfExists":{"ec2:InstanceType":["t1.*","m3.*"]}}}`}, "a:b", "*", []string{"ec2:InstanceType=m2.micro"}, "deny-i"},
		"V77 a denied tag key among allowed ones":   {[]string{allow(`"*"`, "*"), `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"ForAllValues:StringNotLike":{"aws:TagKeys":["key1*","key2*"]}}}`}, "a:b", "*", []string{"aws:TagKeys=key3:legal"}, "deny-e"},
		"V78 any of several":                        {[]string{`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":"webserver"}}}`}, "a:b", "*", []string{"aws:TagKeys=environment|webserver|test"}, "allow"},
		"V78 none of several":                       {[]string{`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":"webserver"}}}`}, "a:b", "*", []string{"aws:TagKeys=environment|test"}, "deny-i"},
		"V93 a variable's value":                    {team, "s3:Get", "arn:aws:s3:::bucket-yellow", []string{"aws:PrincipalTag/team=yellow"}, "allow"},
		"V93 a variable's default when it has none": {team, "s3:Get", "arn:aws:s3:::bucket-company-wide", nil, "allow"},
		"V93 no default when it has a value":        {team, "s3:Get", "arn:aws:s3:::bucket-company-wide", []string{"aws:PrincipalTag/team=yellow"}, "deny-i"},
		"U-12 what is no address leaves it open":    {[]string{`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}`}, "a:b", "*", []string{"aws:SourceIp=here"}, "undetermined"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := request{Caller: user("ann"), Action: tt.action, Resource: tt.resource, Context: context(tt.context...)}
			got := ask(r, Policies{Identity: []Source{policy(t, Identity, tt.policies...)}})
			if verdict(got) != tt.want {
				t.Errorf("%s, want %s; reasons %v", verdict(got), tt.want, got.Reasons)
			}
		})
	}
}

func TestARecentPolicyHasVariablesAndAnOldOneText(t *testing.T) { // V54
	for version, want := range map[string]string{"2012-10-17": "allow", "2008-10-17": "deny-i"} {
		p, err := Parse(Identity, `{"Version":"`+version+`","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:username}"}}`)
		if err != nil {
			t.Fatal(err)
		}
		r := request{Caller: user("bob"), Action: "s3:Get", Resource: "arn:aws:s3:::b/bob", Context: context("aws:username=bob")}
		if got := verdict(ask(r, Policies{Identity: []Source{{"p", p}}})); got != want {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
}

func TestABoundaryLimitsAndNeverGrants(t *testing.T) { // V8, V12
	boundary := policy(t, Identity, `{"Effect":"Allow","Action":["s3:*","ec2:*"],"Resource":"*"}`, `{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::logs/*"}`)
	own := policy(t, Identity, `{"Effect":"Allow","Action":["iam:CreateUser","s3:GetObject"],"Resource":"*"}`)
	for _, tt := range []struct{ action, resource, want string }{
		{"iam:CreateUser", "*", "deny-i"},
		{"s3:ListBucket", "arn:aws:s3:::other", "deny-i"},
		{"s3:GetObject", "arn:aws:s3:::logs/x", "deny-e"},
		{"s3:GetObject", "arn:aws:s3:::other/x", "allow"},
	} {
		d := ask(request{Caller: user("nikhil"), Action: tt.action, Resource: tt.resource}, Policies{Identity: []Source{own}, Boundary: &boundary})
		if verdict(d) != tt.want {
			t.Errorf("%s on %s: %s, want %s", tt.action, tt.resource, verdict(d), tt.want)
		}
	}
}

func TestTrustPoliciesDecideWhoAssumesARole(t *testing.T) {
	trust := func(principal string) string {
		return `{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"}`
	}
	may := []string{`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`}
	admin := []string{`{"Effect":"Allow","Action":"*","Resource":"*"}`}
	root := `{"AWS":"arn:aws:iam::` + account + `:root"}`
	ann := user("ann")
	other := ann
	other.Account, other.ARN = "999999999999", "arn:aws:iam::999999999999:user/ann"
	external := `{"Effect":"Allow","Principal":{"AWS":"999999999999"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"Example987"}}}`
	tests := map[string]struct {
		trust   string
		own     []string
		caller  Caller
		context []string
		want    string
	}{
		"V27 the account is trusted, no identity policy":     {trust(root), nil, ann, nil, "deny-i"},
		"V27 the account is trusted, an identity policy":     {trust(root), may, ann, nil, "allow"},
		"V28 the user is trusted, no identity policy":        {trust(`{"AWS":"` + ann.ARN + `"}`), nil, ann, nil, "allow"},
		"V28 a user of another account needs both":           {trust(`{"AWS":"` + other.ARN + `"}`), nil, other, nil, "deny-i"},
		"V28 a user of another account has both":             {trust(`{"AWS":"` + other.ARN + `"}`), may, other, nil, "allow"},
		"V29 an administrator is not trusted":                {trust(`{"Service":"lambda.amazonaws.com"}`), admin, ann, nil, "deny-i"},
		"V30 a role is not trusted by itself":                {trust(`{"Service":"lambda.amazonaws.com"}`), may, session("r", "s"), nil, "deny-i"},
		"a session by its role's ARN":                        {trust(`{"AWS":"arn:aws:iam::` + account + `:role/r"}`), nil, session("r", "s"), nil, "allow"},
		"a session by its own ARN":                           {trust(`{"AWS":"arn:aws:sts::` + account + `:assumed-role/r/s"}`), nil, session("r", "s"), nil, "allow"},
		"another session of the role by that ARN":            {trust(`{"AWS":"arn:aws:sts::` + account + `:assumed-role/r/s"}`), may, session("r", "t"), nil, "deny-i"},
		"a unique id is that user":                           {trust(`{"AWS":"` + ann.ID + `"}`), nil, ann, nil, "allow"},
		"a user made again has another id":                   {trust(`{"AWS":"AIDAZZZZZZZZZZZZZZZZZ"}`), admin, ann, nil, "deny-i"},
		"the external id is asked":                           {external, may, other, nil, "deny-i"},
		"the external id is given":                           {external, may, other, []string{"sts:ExternalId=Example987"}, "allow"},
		"a deny on the caller's side":                        {trust(`{"AWS":"` + ann.ARN + `"}`), []string{`{"Effect":"Deny","Action":"sts:*","Resource":"*"}`}, ann, nil, "deny-e"},
		"the root user assumes nothing":                      {trust(root), nil, Caller{Kind: Root, ARN: "arn:aws:iam::" + account + ":root", Account: account}, nil, "deny-i"},
		"a service that is trusted":                          {trust(`{"Service":"pods.eks.amazonaws.com"}`), nil, Caller{Kind: Service, ARN: "pods.eks.amazonaws.com"}, nil, "allow"},
		"V35 a session name that must be the user's":         {`{"Effect":"Allow","Principal":` + root + `,"Action":"sts:AssumeRole","Condition":{"StringLike":{"sts:RoleSessionName":"${aws:username}"}}}`, may, ann, []string{"aws:username=ann", "sts:RoleSessionName=ann"}, "allow"},
		"V35 a role has no user name, so no name matches it": {`{"Effect":"Allow","Principal":` + root + `,"Action":"sts:AssumeRole","Condition":{"StringLike":{"sts:RoleSessionName":"${aws:username}"}}}`, may, session("r", "s"), []string{"sts:RoleSessionName=ann"}, "deny-i"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var p Policies
			if tt.own != nil {
				p.Identity = []Source{policy(t, Identity, tt.own...)}
			}
			r := request{Caller: tt.caller, Action: "sts:AssumeRole", Resource: "arn:aws:iam::" + account + ":role/target", Context: context(tt.context...)}
			if got := askTrust(r, account, policy(t, Trust, tt.trust), p); verdict(got) != tt.want {
				t.Errorf("%s, want %s; reasons %v", verdict(got), tt.want, got.Reasons)
			}
		})
	}
}

func TestWhatIsUnknownIsNeverAllowed(t *testing.T) {
	all := policy(t, Identity, `{"Effect":"Allow","Action":"*","Resource":"*"}`)
	ifTagged := policy(t, Identity, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/a":"b"}}}`)
	nobody := &Context{OthersUnknown: true}
	tests := map[string]struct {
		policies []Source
		context  *Context
		want     string
	}{
		"a policy that was not read may deny":              {[]Source{all, {Name: "unread"}}, nil, "undetermined"},
		"and with it read there is nothing open":           {[]Source{all}, nil, "allow"},
		"a key of unknown value":                           {[]Source{ifTagged}, nobody, "undetermined"},
		"the same key absent":                              {[]Source{ifTagged}, nil, "deny-i"},
		"an unknown key does not matter beside full right": {[]Source{ifTagged, all}, nobody, "allow"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := ask(request{Caller: user("ann"), Action: "s3:Get", Resource: "arn:aws:s3:::b", Context: tt.context}, Policies{Identity: tt.policies})
			if verdict(d) != tt.want {
				t.Errorf("%s, want %s", verdict(d), tt.want)
			}
		})
	}
}

func TestArnLikeComparesPartByPart(t *testing.T) { // V66
	const pattern = "arn:aws:someservice:*:111122223333:finance/*"
	const value = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"
	for op, want := range map[string]truth{"StringLike": yes, "ArnLike": no} {
		c := &Condition{Operator{Name: op}, "aws:SourceArn", []string{pattern}}
		if got := c.holds(context("aws:SourceArn="+value), &Context{}); got != want {
			t.Errorf("%s: %v, want %v", op, got, want)
		}
	}
}
