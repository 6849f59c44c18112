package iam_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

func policyOf(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// shows: item S78
func TestADenialNamesTheTypeOfPolicyThatDenied(t *testing.T) {
	c := lab(t)
	api := c.iam(c.admin)
	const (
		users   = `{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"}`
		roles   = `{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*"}`
		noUsers = `{"Effect":"Deny","Action":"iam:ListUsers","Resource":"*"}`
		all     = `{"Effect":"Allow","Action":"*","Resource":"*"}`
	)
	policy := func(name string, statements ...string) *string {
		return must[*iam.CreatePolicyOutput](t)(api.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: aws.String(policyOf(statements...))})).Policy.Arn
	}
	role := c.role(c.admin, "worker", "123456789012", "")
	must[*iam.PutRolePolicyOutput](t)(api.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("worker"), PolicyName: aws.String("p"), PolicyDocument: aws.String(policyOf(all))}))
	limited := c.role(c.admin, "limited", "123456789012", "")
	must[*iam.PutRolePolicyOutput](t)(api.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("limited"), PolicyName: aws.String("p"), PolicyDocument: aws.String(policyOf(all))}))
	must[*iam.PutRolePermissionsBoundaryOutput](t)(api.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: aws.String("limited"), PermissionsBoundary: policy("boundary", all, noUsers)}))
	session := func(in sts.AssumeRoleInput) aws.Credentials { return must[aws.Credentials](t)(c.assume(c.admin, &in)) }
	for name, tt := range map[string]struct {
		caller aws.Credentials
		want   string // why iam:ListUsers is denied; empty: it is not
	}{
		"the role alone":                       {session(sts.AssumeRoleInput{RoleArn: &role}), ""},
		"a session policy without it":          {session(sts.AssumeRoleInput{RoleArn: &role, Policy: aws.String(policyOf(roles))}), "because no session policy allows the iam:ListUsers action"},
		"a session policy with it":             {session(sts.AssumeRoleInput{RoleArn: &role, Policy: aws.String(policyOf(users))}), ""},
		"a session policy that denies it":      {session(sts.AssumeRoleInput{RoleArn: &role, Policy: aws.String(policyOf(all, noUsers))}), "with an explicit deny in a session policy"},
		"a managed session policy without it":  {session(sts.AssumeRoleInput{RoleArn: &role, PolicyArns: []types.PolicyDescriptorType{{Arn: policy("roles", roles)}}}), "because no session policy allows the iam:ListUsers action"},
		"a managed session policy beside one":  {session(sts.AssumeRoleInput{RoleArn: &role, Policy: aws.String(policyOf(roles)), PolicyArns: []types.PolicyDescriptorType{{Arn: policy("users", users)}}}), ""},
		"a boundary that denies it":            {session(sts.AssumeRoleInput{RoleArn: &limited}), "with an explicit deny in a permissions boundary"},
		"an identity policy without it":        {c.user(c.admin, "a", policyOf(roles)), "because no identity-based policy allows the iam:ListUsers action"},
		"an identity policy that denies it":    {c.user(c.admin, "b", policyOf(all, noUsers)), "with an explicit deny in an identity-based policy"},
		"from here":                            {c.user(c.admin, "c", policyOf(strings.Replace(users, "}", `,"Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"},"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}}`, 1))), ""},
		"from elsewhere":                       {c.user(c.admin, "d", policyOf(strings.Replace(users, "}", `,"Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}`, 1))), "because no identity-based policy allows the iam:ListUsers action"},
		"until a day that is past":             {c.user(c.admin, "e", policyOf(strings.Replace(users, "}", `,"Condition":{"NumericLessThan":{"aws:EpochTime":"1000000000"}}}`, 1))), "because no identity-based policy allows the iam:ListUsers action"},
		"by what cannot be told: an odd value": {c.user(c.admin, "f", policyOf(strings.Replace(users, "}", `,"Condition":{"NumericLessThan":{"aws:EpochTime":"soon"}}}`, 1))), "because no identity-based policy allows the iam:ListUsers action"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.iam(tt.caller).ListUsers(ctx, nil)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (code(err) != "AccessDenied" || !strings.HasSuffix(err.Error(), tt.want)):
				t.Errorf("got  %v\nwant ... %s", err, tt.want)
			}
		})
	}
}
