//go:build conformance

package observe

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/atlas-iam/atlas-iam/access"
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
