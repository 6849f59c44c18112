package iam_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/atlas-iam/atlas-iam/emulator/call"
)

func lab(t *testing.T) *cloud {
	t.Helper()
	t.Setenv("ATLAS_ENDPOINT", "")
	return open(t)
}

// user makes a user with one inline policy, if any, and gives its key.
func (c *cloud) user(admin aws.Credentials, name, policy string) aws.Credentials {
	c.t.Helper()
	api := c.iam(admin)
	must[*iam.CreateUserOutput](c.t)(api.CreateUser(ctx, &iam.CreateUserInput{UserName: &name}))
	if policy != "" {
		must[*iam.PutUserPolicyOutput](c.t)(api.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("p"), PolicyDocument: &policy}))
	}
	k := must[*iam.CreateAccessKeyOutput](c.t)(api.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name})).AccessKey
	return aws.Credentials{AccessKeyID: *k.AccessKeyId, SecretAccessKey: *k.SecretAccessKey}
}

// role makes a role with a trust policy of one statement.
func (c *cloud) role(admin aws.Credentials, name, principal, condition string) string {
	c.t.Helper()
	return *must[*iam.CreateRoleOutput](c.t)(c.iam(admin).CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: &name, AssumeRolePolicyDocument: aws.String(trust(principal, condition)),
	})).Role.Arn
}

func trust(principal, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"sts:AssumeRole"` + condition + `}]}`
}

func (c *cloud) assume(k aws.Credentials, in *sts.AssumeRoleInput) (aws.Credentials, error) {
	if in.RoleSessionName == nil {
		in.RoleSessionName = aws.String("test")
	}
	out, err := c.sts(k).AssumeRole(ctx, in)
	if err != nil {
		return aws.Credentials{}, err
	}
	o := out.Credentials
	return aws.Credentials{AccessKeyID: *o.AccessKeyId, SecretAccessKey: *o.SecretAccessKey, SessionToken: *o.SessionToken}, nil
}

func TestWhoAsksInVainIsToldWhy(t *testing.T) {
	c := lab(t)
	ann := c.user(c.admin, "ann", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::123456789012:user/ann"},{"Effect":"Deny","Action":"iam:DeleteUser","Resource":"*"}]}`)
	api := c.iam(ann)
	must[*iam.GetUserOutput](t)(api.GetUser(ctx, &iam.GetUserInput{}))
	_, err := api.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("bob")})
	want := "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:GetUser on resource: arn:aws:iam::123456789012:user/bob because no identity-based policy allows the iam:GetUser action"
	if code(err) != "AccessDenied" || !strings.Contains(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	_, err = api.DeleteUser(ctx, &iam.DeleteUserInput{UserName: aws.String("ann")})
	if code(err) != "AccessDenied" || !strings.Contains(err.Error(), "with an explicit deny in an identity-based policy") {
		t.Errorf("got %v, want an explicit deny", err)
	}
	who := must[*sts.GetCallerIdentityOutput](t)(c.sts(ann).GetCallerIdentity(ctx, nil)) // needs no permission
	if *who.Arn != "arn:aws:iam::123456789012:user/ann" || !strings.HasPrefix(*who.UserId, "AIDA") {
		t.Errorf("I am %s %s", *who.Arn, *who.UserId)
	}
}

// An exchange of a token bears no signature: that the lab lacks it must not
// read as if one were missing.
func TestAnUnsignedCallIsToldWhatTheLabLacks(t *testing.T) {
	c := lab(t)
	anonymous := sts.New(sts.Options{Region: "us-east-1", BaseEndpoint: &c.endpoint, RetryMaxAttempts: 1, Credentials: aws.AnonymousCredentials{}})
	refused[*sts.AssumeRoleWithSAMLOutput](t, call.NotImplementedCode)(anonymous.AssumeRoleWithSAML(ctx, &sts.AssumeRoleWithSAMLInput{
		RoleArn: aws.String("arn:aws:iam::123456789012:role/r"), PrincipalArn: aws.String("arn:aws:iam::123456789012:saml-provider/p"), SAMLAssertion: aws.String("abcd"),
	}))
	refused[*sts.GetCallerIdentityOutput](t, "MissingAuthenticationToken")(anonymous.GetCallerIdentity(ctx, nil))
	must[*sts.GetCallerIdentityOutput](t)(c.sts(c.admin).GetCallerIdentity(ctx, nil))
}

func TestABoundaryLimitsAnAdministrator(t *testing.T) {
	c := lab(t)
	api := c.iam(c.admin)
	ann := c.user(c.admin, "ann", allowAll)
	must[*iam.ListUsersOutput](t)(c.iam(ann).ListUsers(ctx, nil))
	p := must[*iam.CreatePolicyOutput](t)(api.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("b"), PolicyDocument: aws.String(allowSTS)})).Policy
	must[*iam.PutUserPermissionsBoundaryOutput](t)(api.PutUserPermissionsBoundary(ctx, &iam.PutUserPermissionsBoundaryInput{UserName: aws.String("ann"), PermissionsBoundary: p.Arn}))
	_, err := c.iam(ann).ListUsers(ctx, nil)
	if code(err) != "AccessDenied" || !strings.Contains(err.Error(), "because no permissions boundary allows") {
		t.Errorf("got %v, want the boundary's refusal", err)
	}
	refused[*iam.DeletePolicyOutput](t, "DeleteConflict")(api.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: p.Arn}))
	must[*iam.DeleteUserPermissionsBoundaryOutput](t)(api.DeleteUserPermissionsBoundary(ctx, &iam.DeleteUserPermissionsBoundaryInput{UserName: aws.String("ann")}))
	must[*iam.ListUsersOutput](t)(c.iam(ann).ListUsers(ctx, nil))
	must[*iam.DeletePolicyOutput](t)(api.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: p.Arn}))
}

func TestAssumeRoleAsksTheTrustPolicy(t *testing.T) {
	c := lab(t)
	other := c.account("111122223333")
	idle := c.user(c.admin, "idle", "")
	able := c.user(c.admin, "able", allowSTS)
	far := c.user(other, "far", allowSTS)
	byAccount := c.role(c.admin, "by-account", "123456789012", "")
	byUser := c.role(c.admin, "by-user", "arn:aws:iam::123456789012:user/idle", "")
	external := c.role(c.admin, "external", "arn:aws:iam::111122223333:root", `{"StringEquals":{"sts:ExternalId":"Example987"}}`)
	tests := map[string]struct {
		caller aws.Credentials
		in     sts.AssumeRoleInput
		want   string
	}{
		"the account is trusted, the user may":            {able, sts.AssumeRoleInput{RoleArn: &byAccount}, ""},
		"the account is trusted, the user may not":        {idle, sts.AssumeRoleInput{RoleArn: &byAccount}, "AccessDenied"},
		"the user itself is trusted":                      {idle, sts.AssumeRoleInput{RoleArn: &byUser}, ""},
		"another user is trusted":                         {able, sts.AssumeRoleInput{RoleArn: &byUser}, "AccessDenied"},
		"from another account with the external id":       {far, sts.AssumeRoleInput{RoleArn: &external, ExternalId: aws.String("Example987")}, ""},
		"from another account with another id":            {far, sts.AssumeRoleInput{RoleArn: &external, ExternalId: aws.String("Example988")}, "AccessDenied"},
		"from another account without it":                 {far, sts.AssumeRoleInput{RoleArn: &external}, "AccessDenied"},
		"a role that is not there":                        {able, sts.AssumeRoleInput{RoleArn: aws.String(byAccount + "x")}, "AccessDenied"},
		"15 minutes":                                      {able, sts.AssumeRoleInput{RoleArn: &byAccount, DurationSeconds: aws.Int32(900)}, ""},
		"less than 15 minutes":                            {able, sts.AssumeRoleInput{RoleArn: &byAccount, DurationSeconds: aws.Int32(899)}, "ValidationError"},
		"longer than the role's longest session":          {able, sts.AssumeRoleInput{RoleArn: &byAccount, DurationSeconds: aws.Int32(3601)}, "ValidationError"},
		"a session name with a slash":                     {able, sts.AssumeRoleInput{RoleArn: &byAccount, RoleSessionName: aws.String("a/b")}, "ValidationError"},
		"a code of a device, which the lab does not have": {able, sts.AssumeRoleInput{RoleArn: &byAccount, SerialNumber: aws.String("GAHT12345678")}, "NotImplementedByLab"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := c.assume(tt.caller, &tt.in); code(err) != tt.want {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestAChainedSessionLastsAnHourAtMost(t *testing.T) {
	c := lab(t)
	first := c.role(c.admin, "first", "123456789012", "")
	second := c.role(c.admin, "second", "arn:aws:iam::123456789012:role/first", "")
	must[*iam.UpdateRoleOutput](t)(c.iam(c.admin).UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: aws.String("second"), MaxSessionDuration: aws.Int32(7200)}))
	session := must[aws.Credentials](t)(c.assume(c.admin, &sts.AssumeRoleInput{RoleArn: &first}))
	must[aws.Credentials](t)(c.assume(session, &sts.AssumeRoleInput{RoleArn: &second, DurationSeconds: aws.Int32(3600)}))
	refused[aws.Credentials](t, "ValidationError")(c.assume(session, &sts.AssumeRoleInput{RoleArn: &second, DurationSeconds: aws.Int32(3601)}))
}

func TestARoleMadeAgainIsAnotherRole(t *testing.T) {
	c := lab(t)
	api := c.iam(c.admin)
	caller := c.role(c.admin, "caller", "123456789012", "")
	target := c.role(c.admin, "target", caller, "")
	shown := func() string {
		got := must[*iam.GetRoleOutput](t)(api.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("target")})).Role
		doc, _ := url.PathUnescape(*got.AssumeRolePolicyDocument)
		return doc
	}
	session := must[aws.Credentials](t)(c.assume(c.admin, &sts.AssumeRoleInput{RoleArn: &caller}))
	must[aws.Credentials](t)(c.assume(session, &sts.AssumeRoleInput{RoleArn: &target}))
	if want := trust(caller, ""); shown() != want {
		t.Errorf("while the caller lives: %s, want %s", shown(), want)
	}
	id := *must[*iam.GetRoleOutput](t)(api.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("caller")})).Role.RoleId
	must[*iam.DeleteRoleOutput](t)(api.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String("caller")}))
	refused[*sts.GetCallerIdentityOutput](t, "InvalidClientTokenId")(c.sts(session).GetCallerIdentity(ctx, nil))
	if want := trust(id, ""); shown() != want {
		t.Errorf("when it is gone: %s, want %s", shown(), want)
	}
	c.role(c.admin, "caller", "123456789012", "")
	session = must[aws.Credentials](t)(c.assume(c.admin, &sts.AssumeRoleInput{RoleArn: &caller}))
	refused[aws.Credentials](t, "AccessDenied")(c.assume(session, &sts.AssumeRoleInput{RoleArn: &target}))
	c.role(c.admin, "for-strangers", "arn:aws:iam::999988887777:role/unknown", "")
	refused[*iam.CreateRoleOutput](t, "MalformedPolicyDocument")(api.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: aws.String("nobody"), AssumeRolePolicyDocument: aws.String(trust("arn:aws:iam::123456789012:role/nobody", "")),
	}))
}

func TestWhatAWSRefusesTheLabRefusesInItsWords(t *testing.T) {
	c := lab(t)
	api := c.iam(c.admin)
	c.user(c.admin, "Ann", "")
	name := aws.String("ann")
	tests := map[string]struct {
		do   func() error
		want string
	}{
		"a name in other capitals": {func() error { _, err := api.CreateUser(ctx, &iam.CreateUserInput{UserName: name}); return err },
			"EntityAlreadyExists: User with name ann already exists."},
		"a name with a space": {func() error {
			_, err := api.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("a b")})
			return err
		}, "ValidationError: The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"},
		"a name too long": {func() error {
			_, err := api.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String(strings.Repeat("a", 65))})
			return err
		}, "failed to satisfy constraint: Member must have length less than or equal to 64"},
		"a third access key": {func() error {
			api.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name})
			_, err := api.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name})
			return err
		}, "LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2"},
		"a trust policy that is no JSON": {func() error {
			_, err := api.CreateRole(ctx, &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: aws.String(noDocument)})
			return err
		}, "MalformedPolicyDocument: This policy contains invalid Json"},
		"a trust policy with a resource": {func() error {
			_, err := api.CreateRole(ctx, &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: aws.String(strings.Replace(trustRoot, `"Action"`, `"Resource":"*","Action"`, 1))})
			return err
		}, "MalformedPolicyDocument: Has prohibited field Resource"},
		"a policy on another partition's resource": {func() error {
			const elsewhere = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":["arn:*:s3:::a","*","arn:aws-cn:s3:::b/*"]}]}`
			twin := aws.String(strings.ReplaceAll(elsewhere, "aws-cn", "aws"))
			must[*iam.PutUserPolicyOutput](t)(api.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: name, PolicyName: aws.String("twin"), PolicyDocument: twin}))
			_, err := api.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: name, PolicyName: aws.String("p"), PolicyDocument: aws.String(elsewhere)})
			return err
		}, `MalformedPolicyDocument: Partition "aws-cn" is not valid for resource "arn:aws-cn:s3:::b/*".`},
		"a policy that is not there": {func() error {
			_, err := api.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: name, PolicyArn: aws.String("arn:aws:iam::aws:policy/Nothing")})
			return err
		}, "NoSuchEntity: Policy arn:aws:iam::aws:policy/Nothing does not exist or is not attachable."},
		"a tag in two capitals": {func() error {
			_, err := api.TagUser(ctx, &iam.TagUserInput{UserName: name, Tags: []types.Tag{{Key: aws.String("a"), Value: name}, {Key: aws.String("A"), Value: name}}})
			return err
		}, "InvalidInput: Duplicate tag keys found. Please note that Tag keys are case insensitive."},
		"a login profile that nobody has": {func() error {
			_, err := api.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: name})
			return err
		}, "NoSuchEntity: Login Profile for User Ann cannot be found."},
		"an operation the lab has not": {func() error { _, err := api.ListGroups(ctx, nil); return err },
			"NotImplementedByLab: the lab does not have iam:ListGroups; nothing was done"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if err := tt.do(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestGetCallerIdentityAnswersJSONToWhoAsksForIt(t *testing.T) {
	c := lab(t)
	for accept, want := range map[string]string{
		"application/json": `{"GetCallerIdentityResponse":{"GetCallerIdentityResult":{"Account":"123456789012","Arn":"arn:aws:sts::123456789012:assumed-role/`,
		"":                 `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`,
	} {
		r := httptest.NewRequest("GET", c.endpoint+"/?Action=GetCallerIdentity&Version=2011-06-15", nil)
		r.RequestURI = ""
		if accept != "" {
			r.Header.Set("Accept", accept)
		}
		const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
		if err := v4.NewSigner().SignHTTP(ctx, c.admin, r, empty, "sts", "us-east-1", time.Now()); err != nil {
			t.Fatal(err)
		}
		resp := must[*http.Response](t)(http.DefaultClient.Do(r))
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if !strings.HasPrefix(string(body), want) {
			t.Errorf("Accept %q: %s", accept, body)
		}
	}
}
