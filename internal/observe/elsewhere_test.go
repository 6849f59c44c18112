//go:build conformance

package observe

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	policies "github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
)

// What account, caller, users and roles are to us holds on an AWS that others
// wrote. It is at ATLAS_ENDPOINT, takes any keys, and is spoiled:
// `make conformance` starts it.
func TestAnAccountIsReadFromAnotherAWS(t *testing.T) {
	endpoint := os.Getenv("ATLAS_ENDPOINT")
	if endpoint == "" {
		t.Fatal("ATLAS_ENDPOINT is not set: run `make conformance`")
	}
	ctx := t.Context()
	keys := credentials.NewStaticCredentialsProvider("test", "test", "")
	raw := aws.Config{Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: keys}
	me, err := sts.NewFromConfig(raw).GetCallerIdentity(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	account := access.Account{Name: "main", ID: *me.Account, Partition: "aws", Regions: []string{"us-east-1"}}
	trust := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"sts:AssumeRole"}]}`, account.ID)
	users, roles := map[string]string{}, map[string]string{} // ARN to unique id
	for i, path := range []string{"/", "/people/", "/people/qa/"} {
		u, err := iam.NewFromConfig(raw).CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String(fmt.Sprint("observe-user-", i)), Path: &path})
		if err != nil {
			t.Fatal(err)
		}
		r, err := iam.NewFromConfig(raw).CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String(fmt.Sprint("observe-role-", i)), Path: &path, AssumeRolePolicyDocument: &trust})
		if err != nil {
			t.Fatal(err)
		}
		users[*u.User.Arn], roles[*r.Role.Arn] = *u.User.UserId, *r.Role.RoleId
	}

	// As ourselves, and by a role with a path that is assumed first.
	assumed := account
	assumed.RoleARN = slices.Sorted(maps.Keys(roles))[1]
	for _, a := range []access.Account{account, assumed} {
		c, err := cloud.Open(ctx, []access.Account{a}, cloud.Options{Endpoint: endpoint, Credentials: keys})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read(ctx, c, []access.Account{a}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Gaps) > 0 || len(got.Accounts) != 1 || len(got.Clusters) > 0 {
			t.Fatalf("read %+v", got)
		}
		have := got.Accounts[0]
		want := *me.Arn
		if a.RoleARN != "" {
			want = fmt.Sprintf("arn:aws:sts::%s:assumed-role/observe-role-1/%s", account.ID, cloud.DefaultSessionName)
		}
		if have.Caller != want || !have.UsersRead || !have.RolesRead {
			t.Errorf("caller %s, want %s; users read %v, roles read %v", have.Caller, want, have.UsersRead, have.RolesRead)
		}
		for what, l := range map[string]struct {
			want map[string]string
			have []access.Principal
		}{"users": {users, have.Users}, "roles": {roles, have.Roles}} {
			found := 0
			for _, p := range l.have {
				if p.CreatedAt.IsZero() || p.CreatedAt.Location() != time.UTC {
					t.Errorf("%s was made at %v", p.ARN, p.CreatedAt)
				}
				if l.want[p.ARN] == p.ID && p.ID != "" {
					found++
				}
			}
			if found != len(l.want) {
				t.Errorf("%s: read %v, want among them %v", what, l.have, l.want)
			}
		}
	}
	wrong := account
	wrong.ID = "999999999999"
	c, err := cloud.Open(ctx, []access.Account{wrong}, cloud.Options{Endpoint: endpoint, Credentials: keys})
	if err != nil {
		t.Fatal(err)
	}
	if arn, err := c.Caller(ctx, wrong.ID); err == nil {
		t.Errorf("account %s is taken for %s", arn, wrong.ID)
	}
}

// What a workload has in IAM is read there too: its role whole, its trust and
// its policies in canonical form, and its cluster's provider.
func TestWorkloadsAreReadFromAnotherAWS(t *testing.T) {
	endpoint := os.Getenv("ATLAS_ENDPOINT")
	if endpoint == "" {
		t.Fatal("ATLAS_ENDPOINT is not set: run `make conformance`")
	}
	ctx := t.Context()
	keys := credentials.NewStaticCredentialsProvider("test", "test", "")
	raw := aws.Config{Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: keys}
	client := iam.NewFromConfig(raw)
	me, err := sts.NewFromConfig(raw).GetCallerIdentity(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	account := access.Account{Name: "main", ID: *me.Account, Partition: "aws", Regions: []string{"us-east-1"}}
	const issuer = "oidc.eks.us-east-1.amazonaws.com/id/00112233445566778899AABBCCDDEEFF"
	provider := access.ProviderARN("aws", account.ID, issuer)
	trust := `{"Statement":{"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` + issuer + `:sub":"system:serviceaccount:dev:api","` + issuer + `:aud":["sts.amazonaws.com"]}},` +
		`"Principal":{"Federated":["` + provider + `"]},"Effect":"Allow","Sid":"ours"},"Version":"2012-10-17"}`
	rights := `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["S3:PutObject", "s3:GetObject"], "Resource": "arn:aws:s3:::b/*"}]}`
	made := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = client.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String("https://" + issuer), ClientIDList: []string{"sts.amazonaws.com"}, ThumbprintList: []string{strings.Repeat("ab", 20)},
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("ops")}},
	})
	made(err)
	bound, err := client.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("observe-bound"), PolicyDocument: &rights})
	made(err)
	role, err := client.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: aws.String("observe-workload"), Path: aws.String("/atlas-iam/ops/"), AssumeRolePolicyDocument: &trust, Description: aws.String("words"), MaxSessionDuration: aws.Int32(7200),
		PermissionsBoundary: bound.Policy.Arn, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}},
	})
	made(err)
	_, err = client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: role.Role.RoleName, PolicyName: aws.String("p"), PolicyDocument: &rights})
	made(err)
	_, err = client.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: role.Role.RoleName, PolicyArn: bound.Policy.Arn})
	made(err)

	c, err := cloud.Open(ctx, []access.Account{account}, cloud.Options{Endpoint: endpoint, Credentials: keys})
	made(err)
	got, err := Read(ctx, c, []access.Account{account}, Options{Workloads: &access.WorkloadsNeed{
		Accounts: map[string]bool{account.ID: true}, Providers: []access.ClusterKey{{Account: account.ID, Name: issuer}, {Account: account.ID, Name: issuer + "0"}},
	}})
	made(err)
	have := got.Accounts[0]
	if len(got.Gaps) > 0 || !have.DetailsRead || !have.ProvidersRead {
		t.Fatalf("gaps %v, roles read %v, providers read %v", got.Gaps, have.DetailsRead, have.ProvidersRead)
	}
	wantTrust, err := policies.Canonical(policies.Trust, trust)
	made(err)
	wantRights, err := policies.Canonical(policies.Identity, rights)
	made(err)
	want := access.HaveRole{
		Principal: access.Principal{ARN: *role.Role.Arn, ID: *role.Role.RoleId, CreatedAt: role.Role.CreateDate.UTC()}, Path: "/atlas-iam/ops/", Name: "observe-workload",
		Description: "words", MaxSession: 7200, Boundary: *bound.Policy.Arn, Tags: map[string]string{"a": "b"}, Trust: wantTrust,
		Inline: []access.RolePolicy{{Name: "p", Document: wantRights}}, Managed: []string{*bound.Policy.Arn},
	}
	one, ok := have.Role(want.ARN)
	if !ok {
		t.Fatalf("the role is not among %d", len(have.Details))
	}
	one.CreatedAt, want.CreatedAt = one.CreatedAt.Truncate(time.Second), want.CreatedAt.Truncate(time.Second)
	if d := cmp.Diff(want, *one); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]access.HaveProvider{{ARN: provider, Issuer: issuer, ClientIDs: []string{"sts.amazonaws.com"}, Tags: map[string]string{"team": "ops"}}}, have.Providers); d != "" {
		t.Error(d)
	}
}
