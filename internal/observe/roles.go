package observe

import (
	"context"
	"net/url"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/atlas-iam/atlas-iam/access"
	policies "github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
)

// ReadRoles is ReadPrincipals with some roles' policies: those of the accounts
// that own the roles are read whole, and the managed policies that the roles
// have. A policy that could not be read is missing in HaveAccount.Policies, a
// list of roles is a gap.
func ReadRoles(ctx context.Context, c *cloud.Cloud, accounts []access.Account, roles []string, o Options) (*access.Snapshot, error) {
	r := newReading(c, accounts, o)
	if _, err := r.all(ctx, false); err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	for i := range r.snapshot.Accounts {
		a := &r.snapshot.Accounts[i]
		if a.Caller == "" || !slices.ContainsFunc(roles, func(arn string) bool { return access.AccountOf(arn) == a.Account.ID }) {
			continue
		}
		wg.Go(func() {
			r.roleDetails(ctx, a)
			r.managedPolicies(ctx, a, roles)
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.normalize()
	return &r.snapshot, nil
}

// managedPolicies reads the documents of the managed policies that some roles
// have, their boundaries among them.
func (r *reading) managedPolicies(ctx context.Context, a *access.HaveAccount, roles []string) {
	a.Policies = map[string]access.Document{}
	client := r.cloud.IAM(a.Account.ID)
	for i := range a.Details {
		d := &a.Details[i]
		if !slices.Contains(roles, d.ARN) {
			continue
		}
		for _, arn := range append(slices.Clone(d.Managed), d.Boundary) {
			if _, had := a.Policies[arn]; had || arn == "" {
				continue
			}
			if document, err := managedPolicy(ctx, client, arn); err == nil {
				a.Policies[arn] = document
			}
		}
	}
}

// managedPolicy reads the version of a policy that counts.
func managedPolicy(ctx context.Context, client *iam.Client, arn string) (access.Document, error) {
	p, err := client.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &arn})
	if err != nil {
		return "", err
	}
	if p.Policy == nil || aws.ToString(p.Policy.DefaultVersionId) == "" {
		return "", errIncomplete
	}
	v, err := client.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: p.Policy.DefaultVersionId})
	if err != nil {
		return "", err
	}
	if v.PolicyVersion == nil {
		return "", errIncomplete
	}
	text, err := url.PathUnescape(aws.ToString(v.PolicyVersion.Document))
	if err != nil || text == "" {
		return "", errIncomplete
	}
	return policies.Canonical(policies.Identity, text)
}
