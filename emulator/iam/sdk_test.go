package iam_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	labiam "github.com/atlas-iam/atlas-iam/emulator/iam"
	labsts "github.com/atlas-iam/atlas-iam/emulator/sts"
)

// The tests in this file say nothing of the lab: with ATLAS_ENDPOINT they run
// against another AWS, such as moto, and must pass there unchanged. Those in
// lab_test.go ask for what only the lab does.

// cloud is an endpoint with an administrator's credentials.
type cloud struct {
	t        *testing.T
	endpoint string
	admin    aws.Credentials
	server   *emulator.Server // nil for another AWS
}

func open(t *testing.T) *cloud {
	t.Helper()
	if endpoint := os.Getenv("ATLAS_ENDPOINT"); endpoint != "" {
		return &cloud{t: t, endpoint: endpoint, admin: aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "x"}}
	}
	i, err := labiam.New()
	if err != nil {
		t.Fatal(err)
	}
	s, err := labsts.New(i, nil)
	if err != nil {
		t.Fatal(err)
	}
	server, err := emulator.Assemble(emulator.Options{}, emulator.Parts{
		IAM: i, Credentials: []call.Credentials{i, s}, Services: []call.Service{i, s},
	})
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(server)
	t.Cleanup(func() { front.Close(); server.Close() })
	c := &cloud{t: t, endpoint: front.URL, server: server}
	c.admin = c.account("123456789012")
	return c
}

// account gives an administrator's credentials in another account of the lab.
func (c *cloud) account(id string) aws.Credentials {
	c.t.Helper()
	keys, err := c.server.Account(id, "us-east-1")
	if err != nil {
		c.t.Fatal(err)
	}
	return aws.Credentials{AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey, SessionToken: keys.SessionToken}
}

func (c *cloud) config(k aws.Credentials) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &c.endpoint, RetryMaxAttempts: 1,
		Credentials: credentials.StaticCredentialsProvider{Value: k},
	}
}

func (c *cloud) iam(k aws.Credentials) *iam.Client { return iam.NewFromConfig(c.config(k)) }
func (c *cloud) sts(k aws.Credentials) *sts.Client { return sts.NewFromConfig(c.config(k)) }

// code is the code of an API's error, "" if there was none.
func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// must is for calls that must succeed.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func refused[T any](t *testing.T, want string) func(T, error) {
	return func(_ T, err error) {
		t.Helper()
		if code(err) != want {
			t.Errorf("got %v, want code %s", err, want)
		}
	}
}

const (
	allowAll   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	trustRoot  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}`
	allowSTS   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`
	noDocument = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow"`
)

var ctx = context.Background()

func TestAUserLivesAndGoesWithAllItHas(t *testing.T) {
	c := open(t)
	api := c.iam(c.admin)
	name := aws.String("bob")
	made := must[*iam.CreateUserOutput](t)(api.CreateUser(ctx, &iam.CreateUserInput{
		UserName: name, Path: aws.String("/division/"), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("backend")}},
	})).User
	if want := "arn:aws:iam::123456789012:user/division/bob"; *made.Arn != want {
		t.Errorf("ARN %s, want %s", *made.Arn, want)
	}
	if !strings.HasPrefix(*made.UserId, "AIDA") && c.server != nil || made.CreateDate == nil {
		t.Errorf("id %s, created %v", *made.UserId, made.CreateDate)
	}
	refused[*iam.PutUserPolicyOutput](t, "MalformedPolicyDocument")(api.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: name, PolicyName: aws.String("p"), PolicyDocument: aws.String(noDocument)}))
	refused[*iam.CreateUserOutput](t, "EntityAlreadyExists")(api.CreateUser(ctx, &iam.CreateUserInput{UserName: name}))

	must[*iam.TagUserOutput](t)(api.TagUser(ctx, &iam.TagUserInput{UserName: name, Tags: []types.Tag{{Key: aws.String("x"), Value: aws.String("")}}}))
	must[*iam.UntagUserOutput](t)(api.UntagUser(ctx, &iam.UntagUserInput{UserName: name, TagKeys: []string{"team"}}))
	tags := must[*iam.ListUserTagsOutput](t)(api.ListUserTags(ctx, &iam.ListUserTagsInput{UserName: name})).Tags
	if len(tags) != 1 || *tags[0].Key != "x" {
		t.Errorf("tags %v, want x alone", tags)
	}

	must[*iam.PutUserPolicyOutput](t)(api.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: name, PolicyName: aws.String("p"), PolicyDocument: aws.String(allowAll)}))
	got := must[*iam.GetUserPolicyOutput](t)(api.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: name, PolicyName: aws.String("p")}))
	if doc, _ := url.PathUnescape(*got.PolicyDocument); doc != allowAll {
		t.Errorf("document %s", *got.PolicyDocument)
	}
	managed := must[*iam.CreatePolicyOutput](t)(api.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("all"), PolicyDocument: aws.String(allowAll)})).Policy.Arn
	must[*iam.AttachUserPolicyOutput](t)(api.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: name, PolicyArn: managed}))
	attached := must[*iam.ListAttachedUserPoliciesOutput](t)(api.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: name})).AttachedPolicies
	if len(attached) != 1 || *attached[0].PolicyName != "all" {
		t.Errorf("attached %v", attached)
	}
	key := must[*iam.CreateAccessKeyOutput](t)(api.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name})).AccessKey

	refused[*iam.DeleteUserOutput](t, "DeleteConflict")(api.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name}))
	must[*iam.DeleteAccessKeyOutput](t)(api.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: name, AccessKeyId: key.AccessKeyId}))
	refused[*iam.DeleteUserOutput](t, "DeleteConflict")(api.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name}))
	must[*iam.DeleteUserPolicyOutput](t)(api.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: name, PolicyName: aws.String("p")}))
	refused[*iam.DeleteUserOutput](t, "DeleteConflict")(api.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name}))
	must[*iam.DetachUserPolicyOutput](t)(api.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: name, PolicyArn: managed}))
	must[*iam.DeletePolicyOutput](t)(api.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: managed}))
	must[*iam.DeleteUserOutput](t)(api.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name}))
	refused[*iam.GetUserOutput](t, "NoSuchEntity")(api.GetUser(ctx, &iam.GetUserInput{UserName: name}))
}

func TestARoleLivesAndGoesWithAllItHas(t *testing.T) {
	c := open(t)
	api := c.iam(c.admin)
	name := aws.String("deployer")
	made := must[*iam.CreateRoleOutput](t)(api.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: name, Path: aws.String("/ci/"), AssumeRolePolicyDocument: aws.String(trustRoot), Description: aws.String("d"), MaxSessionDuration: aws.Int32(7200),
	})).Role
	if want := "arn:aws:iam::123456789012:role/ci/deployer"; *made.Arn != want || !strings.HasPrefix(*made.RoleId, "AROA") || len(*made.RoleId) != 21 {
		t.Errorf("%s %s, want %s", *made.Arn, *made.RoleId, want)
	}
	got := must[*iam.GetRoleOutput](t)(api.GetRole(ctx, &iam.GetRoleInput{RoleName: name})).Role
	if doc, _ := url.PathUnescape(*got.AssumeRolePolicyDocument); doc != trustRoot || *got.MaxSessionDuration != 7200 || *got.Description != "d" {
		t.Errorf("role %s %d %s", doc, *got.MaxSessionDuration, *got.Description)
	}
	must[*iam.UpdateRoleOutput](t)(api.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: name, Description: aws.String("e"), MaxSessionDuration: aws.Int32(3600)}))
	must[*iam.TagRoleOutput](t)(api.TagRole(ctx, &iam.TagRoleInput{RoleName: name, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}))
	got = must[*iam.GetRoleOutput](t)(api.GetRole(ctx, &iam.GetRoleInput{RoleName: name})).Role
	if *got.Description != "e" || *got.MaxSessionDuration != 3600 || len(got.Tags) != 1 {
		t.Errorf("role after update: %v %v %v", *got.Description, *got.MaxSessionDuration, got.Tags)
	}
	must[*iam.PutRolePolicyOutput](t)(api.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("p"), PolicyDocument: aws.String(allowSTS)}))
	names := must[*iam.ListRolePoliciesOutput](t)(api.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: name})).PolicyNames
	if d := cmp.Diff([]string{"p"}, names); d != "" {
		t.Error(d)
	}
	profiles := must[*iam.ListInstanceProfilesForRoleOutput](t)(api.ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: name})).InstanceProfiles
	if len(profiles) != 0 {
		t.Errorf("instance profiles %v", profiles)
	}
	must[*iam.DeleteRolePolicyOutput](t)(api.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: aws.String("p")}))
	must[*iam.DeleteRoleOutput](t)(api.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name}))
	refused[*iam.GetRoleOutput](t, "NoSuchEntity")(api.GetRole(ctx, &iam.GetRoleInput{RoleName: name}))
}

func TestAManagedPolicyHasVersions(t *testing.T) {
	c := open(t)
	api := c.iam(c.admin)
	made := must[*iam.CreatePolicyOutput](t)(api.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("boundary"), PolicyDocument: aws.String(allowAll)})).Policy
	v2 := must[*iam.CreatePolicyVersionOutput](t)(api.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: made.Arn, PolicyDocument: aws.String(allowSTS), SetAsDefault: true})).PolicyVersion
	if *v2.VersionId != "v2" || !v2.IsDefaultVersion {
		t.Errorf("version %s, default %v", *v2.VersionId, v2.IsDefaultVersion)
	}
	got := must[*iam.GetPolicyVersionOutput](t)(api.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: made.Arn, VersionId: aws.String("v2")})).PolicyVersion
	if doc, _ := url.PathUnescape(*got.Document); doc != allowSTS {
		t.Errorf("document %s", doc)
	}
	if p := must[*iam.GetPolicyOutput](t)(api.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: made.Arn})).Policy; *p.DefaultVersionId != "v2" {
		t.Errorf("default %s, want v2", *p.DefaultVersionId)
	}
	must[*iam.DeletePolicyVersionOutput](t)(api.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: made.Arn, VersionId: aws.String("v1")}))
	must[*iam.DeletePolicyOutput](t)(api.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: made.Arn}))
	refused[*iam.GetPolicyOutput](t, "NoSuchEntity")(api.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: made.Arn}))
}

func TestListsComeInPages(t *testing.T) {
	c := open(t)
	api := c.iam(c.admin)
	want := []string{"p1", "p2", "p3", "p4", "p5"}
	for _, n := range want {
		must[*iam.CreateUserOutput](t)(api.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String(n), Path: aws.String("/paged/")}))
	}
	t.Cleanup(func() {
		for _, n := range want {
			api.DeleteUser(ctx, &iam.DeleteUserInput{UserName: aws.String(n)})
		}
	})
	var got []string
	pages := 0
	p := iam.NewListUsersPaginator(api, &iam.ListUsersInput{PathPrefix: aws.String("/paged/"), MaxItems: aws.Int32(2)})
	for ; p.HasMorePages(); pages++ {
		for _, u := range must[*iam.ListUsersOutput](t)(p.NextPage(ctx)).Users {
			got = append(got, *u.UserName)
		}
	}
	if d := cmp.Diff(want, got); d != "" || pages != 3 && c.server != nil { // moto gives all users at once
		t.Errorf("%d pages\n%s", pages, d)
	}
}

func TestASessionOfARoleKnowsWhoItIs(t *testing.T) {
	c := open(t)
	made := must[*iam.CreateRoleOutput](t)(c.iam(c.admin).CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("assumed"), Path: aws.String("/a/"), AssumeRolePolicyDocument: aws.String(trustRoot)})).Role
	t.Cleanup(func() { c.iam(c.admin).DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: made.RoleName}) })
	out := must[*sts.AssumeRoleOutput](t)(c.sts(c.admin).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: made.Arn, RoleSessionName: aws.String("me")}))
	if !strings.HasPrefix(*out.AssumedRoleUser.AssumedRoleId, "AROA") || !strings.HasSuffix(*out.AssumedRoleUser.AssumedRoleId, ":me") {
		t.Errorf("id %s", *out.AssumedRoleUser.AssumedRoleId)
	}
	who := must[*sts.GetCallerIdentityOutput](t)(c.sts(aws.Credentials{
		AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken,
	}).GetCallerIdentity(ctx, nil))
	if *who.Arn != *out.AssumedRoleUser.Arn || *who.UserId != *out.AssumedRoleUser.AssumedRoleId {
		t.Errorf("I am %s %s, want %s %s", *who.Arn, *who.UserId, *out.AssumedRoleUser.Arn, *out.AssumedRoleUser.AssumedRoleId)
	}
}
