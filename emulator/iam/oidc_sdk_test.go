package iam_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

// Like those of sdk_test.go, the tests here pass on any AWS.

const (
	issuer     = "oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
	providerOf = "arn:aws:iam::123456789012:oidc-provider/" + issuer
	thumbprint = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"
	trustIRSA  = `{"Version":"2012-10-17","Statement":[{"Sid":"irsa","Effect":"Allow","Principal":{"Federated":"` + providerOf + `"},` +
		`"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` + issuer + `:aud":"sts.amazonaws.com","` + issuer + `:sub":"system:serviceaccount:dev:api"}}},` +
		`{"Effect":"Allow","Principal":{"Service":["pods.eks.amazonaws.com","ec2.amazonaws.com"]},"Action":["sts:AssumeRole","sts:TagSession"]}]}`
)

func document(t *testing.T, encoded *string) string {
	t.Helper()
	plain, err := url.PathUnescape(aws.ToString(encoded))
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// shows: item S84
func TestAnOIDCProviderLivesAndGoes(t *testing.T) {
	c := open(t)
	api := c.iam(c.admin)
	made := must[*iam.CreateOpenIDConnectProviderOutput](t)(api.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String("https://" + issuer), ClientIDList: []string{"sts.amazonaws.com"}, ThumbprintList: []string{thumbprint},
		Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}},
	}))
	arn := made.OpenIDConnectProviderArn
	if *arn != providerOf {
		t.Errorf("ARN %s, want %s", *arn, providerOf)
	}
	refused[*iam.CreateOpenIDConnectProviderOutput](t, "EntityAlreadyExists")(api.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String("https://" + issuer), ThumbprintList: []string{thumbprint},
	}))
	newPrint := strings.Repeat("ab", 20)
	must[*iam.UpdateOpenIDConnectProviderThumbprintOutput](t)(api.UpdateOpenIDConnectProviderThumbprint(ctx, &iam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: arn, ThumbprintList: []string{newPrint}}))
	must[*iam.TagOpenIDConnectProviderOutput](t)(api.TagOpenIDConnectProvider(ctx, &iam.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, Tags: []types.Tag{{Key: aws.String("c"), Value: aws.String("d")}}}))
	must[*iam.UntagOpenIDConnectProviderOutput](t)(api.UntagOpenIDConnectProvider(ctx, &iam.UntagOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, TagKeys: []string{"a"}}))

	got := must[*iam.GetOpenIDConnectProviderOutput](t)(api.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn}))
	if *got.Url != issuer || got.CreateDate == nil || !cmp.Equal(got.ClientIDList, []string{"sts.amazonaws.com"}) || !cmp.Equal(got.ThumbprintList, []string{newPrint}) {
		t.Errorf("provider is %s %v %v", *got.Url, got.ClientIDList, got.ThumbprintList)
	}
	if len(got.Tags) != 1 || *got.Tags[0].Key != "c" {
		t.Errorf("tags %v, want c alone", got.Tags)
	}
	tags := must[*iam.ListOpenIDConnectProviderTagsOutput](t)(api.ListOpenIDConnectProviderTags(ctx, &iam.ListOpenIDConnectProviderTagsInput{OpenIDConnectProviderArn: arn})).Tags
	if len(tags) != 1 || *tags[0].Value != "d" {
		t.Errorf("listed tags %v", tags)
	}
	list := must[*iam.ListOpenIDConnectProvidersOutput](t)(api.ListOpenIDConnectProviders(ctx, nil)).OpenIDConnectProviderList
	if len(list) != 1 || *list[0].Arn != providerOf {
		t.Errorf("providers are %v", list)
	}
	for range 2 { // deleting what is not there is no fault
		must[*iam.DeleteOpenIDConnectProviderOutput](t)(api.DeleteOpenIDConnectProvider(ctx, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn}))
	}
	refused[*iam.GetOpenIDConnectProviderOutput](t, "NoSuchEntity")(api.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn}))
}

// A role of a workload, read whole by the one call that reads an account.
//
// shows: item S84
func TestRolesAreReadWhole(t *testing.T) {
	c := open(t)
	api := c.iam(c.admin)
	name, path := aws.String("irsa"), "/workloads/"
	t.Cleanup(func() {
		api.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: aws.String("inline")})
		api.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: aws.String("arn:aws:iam::123456789012:policy/whole")})
		api.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
		api.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: aws.String("arn:aws:iam::123456789012:policy/whole")})
	})
	made := must[*iam.CreateRoleOutput](t)(api.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: name, Path: &path, AssumeRolePolicyDocument: aws.String(trustIRSA), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}},
	})).Role
	if got := document(t, made.AssumeRolePolicyDocument); got != trustIRSA {
		t.Errorf("the trust policy is answered as %s", got)
	}
	policy := must[*iam.CreatePolicyOutput](t)(api.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("whole"), PolicyDocument: aws.String(allowSTS)})).Policy
	must[*iam.AttachRolePolicyOutput](t)(api.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: policy.Arn}))
	must[*iam.PutRolePolicyOutput](t)(api.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("inline"), PolicyDocument: aws.String(allowSTS)}))

	var roles []types.RoleDetail
	pages := iam.NewGetAccountAuthorizationDetailsPaginator(api, &iam.GetAccountAuthorizationDetailsInput{Filter: []types.EntityType{types.EntityTypeRole}, MaxItems: aws.Int32(1)})
	for pages.HasMorePages() {
		page := must[*iam.GetAccountAuthorizationDetailsOutput](t)(pages.NextPage(ctx))
		roles = append(roles, page.RoleDetailList...)
		if len(page.UserDetailList)+len(page.Policies)+len(page.GroupDetailList) > 0 {
			t.Error("asked for roles alone, got more")
		}
	}
	i := slices.IndexFunc(roles, func(r types.RoleDetail) bool { return *r.RoleName == "irsa" })
	if i < 0 {
		t.Fatalf("the role is not among %d", len(roles))
	}
	r := roles[i]
	if *r.Arn != *made.Arn || *r.Path != path || *r.RoleId != *made.RoleId || document(t, r.AssumeRolePolicyDocument) != trustIRSA {
		t.Errorf("role %s, id %s, trust %s", *r.Arn, *r.RoleId, document(t, r.AssumeRolePolicyDocument))
	}
	if len(r.RolePolicyList) != 1 || *r.RolePolicyList[0].PolicyName != "inline" || document(t, r.RolePolicyList[0].PolicyDocument) != allowSTS {
		t.Errorf("inline policies %v", r.RolePolicyList)
	}
	if len(r.AttachedManagedPolicies) != 1 || *r.AttachedManagedPolicies[0].PolicyArn != *policy.Arn {
		t.Errorf("attached %v", r.AttachedManagedPolicies)
	}
	if len(r.Tags) != 1 || *r.Tags[0].Value != "b" {
		t.Errorf("tags %v", r.Tags)
	}
	local := must[*iam.GetAccountAuthorizationDetailsOutput](t)(api.GetAccountAuthorizationDetails(ctx, &iam.GetAccountAuthorizationDetailsInput{Filter: []types.EntityType{types.EntityTypeLocalManagedPolicy}})).Policies
	if len(local) != 1 || *local[0].Arn != *policy.Arn || *local[0].AttachmentCount != 1 || len(local[0].PolicyVersionList) != 1 || document(t, local[0].PolicyVersionList[0].Document) != allowSTS {
		t.Errorf("managed policies %v", local)
	}
	entities := must[*iam.ListEntitiesForPolicyOutput](t)(api.ListEntitiesForPolicy(ctx, &iam.ListEntitiesForPolicyInput{PolicyArn: policy.Arn}))
	if len(entities.PolicyRoles) != 1 || *entities.PolicyRoles[0].RoleName != "irsa" || len(entities.PolicyUsers) != 0 {
		t.Errorf("who has the policy: %v %v", entities.PolicyRoles, entities.PolicyUsers)
	}
}
