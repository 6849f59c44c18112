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
// have. A policy that could not be read is missing in HaveAccount.Policies, and a
// gap as a list of roles is.
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
			var arns []string
			for i := range a.Details {
				if d := &a.Details[i]; slices.Contains(roles, d.ARN) {
					arns = append(append(arns, d.Managed...), d.Boundary)
				}
			}
			r.managedPolicies(ctx, a, arns)
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.normalize()
	return &r.snapshot, nil
}

// policiesNeeded are the managed policies of an account of which Options says
// that they are read: those that documents name, and of the roles that they
// name, or that stand where ours do, the boundary, and what is to be attached and
// detached.
func (r *reading) policiesNeeded(a *access.HaveAccount) []string {
	need := r.options.Workloads
	r.mu.Lock()
	notes := r.notes[a.Account.ID]
	r.mu.Unlock()
	arns := slices.Clone(need.Policies[a.Account.ID])
	for role, policies := range need.Attach {
		if !a.DetailsRead || access.AccountOf(role) != a.Account.ID {
			continue
		}
		had, _ := a.Role(role)
		for _, arn := range policies {
			if had == nil || !slices.Contains(had.Managed, arn) {
				arns = append(arns, arn)
			}
		}
	}
	for i := range a.Details {
		d := &a.Details[i]
		managed, named := need.Roles[d.ARN]
		if named || notes[d.ARN].ours {
			arns = append(arns, d.Boundary)
		}
		if managed {
			arns = append(arns, d.Managed...)
		}
		if need.Detach != nil {
			arns = append(arns, need.Detach(d)...)
		}
	}
	return arns
}

// managedPolicies reads the documents of managed policies. One that is not there
// is no gap.
func (r *reading) managedPolicies(ctx context.Context, a *access.HaveAccount, arns []string) {
	client := r.cloud.IAM(a.Account.ID)
	for _, arn := range distinct(slices.Clone(arns)) {
		if arn == "" {
			continue
		}
		document, err := managedPolicy(ctx, client, arn)
		switch {
		case err == nil && a.Policies == nil:
			a.Policies = map[string]access.Document{arn: document}
		case err == nil:
			a.Policies[arn] = document
		case !cloud.IsNotFound(err):
			r.gap(ctx, access.Gap{What: access.GapPolicy, Account: a.Account.ID, Principal: arn}, err)
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
