package iam_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

// The texts of AWS's own policies are those that another AWS has of them, in
// the same version: at ATLAS_ENDPOINT, or else the lab again, which shows that
// each is there whole.
func TestAWSsOwnPoliciesReadTheSameElsewhere(t *testing.T) {
	other := open(t)
	mine := lab(t)
	type policy struct {
		Path, Version    string
		Created, Updated time.Time
		Document         any
	}
	read := func(c *cloud, arn *string) (p policy) {
		t.Helper()
		got := must[*iam.GetPolicyOutput](t)(c.iam(c.admin).GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn})).Policy
		v := must[*iam.GetPolicyVersionOutput](t)(c.iam(c.admin).GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: got.DefaultVersionId})).PolicyVersion
		if err := json.Unmarshal([]byte(document(t, v.Document)), &p.Document); err != nil {
			t.Errorf("%s: %v", *arn, err)
		}
		p.Path, p.Version, p.Created, p.Updated = *got.Path, *got.DefaultVersionId, got.CreateDate.UTC(), got.UpdateDate.UTC()
		return p
	}
	all := must[*iam.ListPoliciesOutput](t)(mine.iam(mine.admin).ListPolicies(ctx, &iam.ListPoliciesInput{Scope: types.PolicyScopeTypeAws})).Policies
	if len(all) < 14 {
		t.Errorf("the lab has %d of AWS's own policies, want at least 14", len(all))
	}
	for _, p := range all {
		if d := cmp.Diff(read(other, p.Arn), read(mine, p.Arn)); d != "" {
			t.Errorf("%s: %s", *p.Arn, d)
		}
	}
}

func TestAWSsOwnPoliciesGiveWhatTheySay(t *testing.T) {
	c := lab(t)
	api := c.iam(c.admin)
	attach := func(name, policy string) aws.Credentials {
		k := c.user(c.admin, name, "")
		must[*iam.AttachUserPolicyOutput](t)(api.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: &name, PolicyArn: aws.String("arn:aws:iam::aws:policy/" + policy)}))
		return k
	}
	must[*iam.ListUsersOutput](t)(c.iam(attach("admin", "AdministratorAccess")).ListUsers(ctx, nil))
	must[*iam.ListRolesOutput](t)(c.iam(attach("power", "PowerUserAccess")).ListRoles(ctx, nil))
	refused[*iam.ListUsersOutput](t, "AccessDenied")(c.iam(attach("power-2", "PowerUserAccess")).ListUsers(ctx, nil))
	refused[*iam.ListRolesOutput](t, "AccessDenied")(c.iam(attach("reader", "AmazonS3ReadOnlyAccess")).ListRoles(ctx, nil))
	attach("driver", "service-role/AmazonEBSCSIDriverPolicy")
	name := aws.String("driver")
	refused[*iam.AttachUserPolicyOutput](t, "NoSuchEntity")(api.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: name, PolicyArn: aws.String("arn:aws:iam::aws:policy/AmazonEBSCSIDriverPolicy")}))
}
