package lab

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/trust"
)

// trustWorkloads gives the roles that workloads take to exist, and that this
// run made, a trust policy that lets those workloads in.
func (s *seeding) trustWorkloads(ctx context.Context) error {
	for _, r := range s.needs.existing {
		role, err := access.ParseIAMPrincipal(r.ARN)
		if err != nil || !s.madeHere(role) {
			continue
		}
		var failed error
		statements, _ := trust.Want(r.Trust, func(k access.ClusterKey) (trust.Issuer, bool) {
			i, err := s.issuer(ctx, k, role)
			if err != nil {
				failed = err
			}
			return i, err == nil
		})
		if failed != nil {
			return failed
		}
		policy, err := trust.Merge(access.Document(trustPolicy(principal{IAMPrincipal: role})), statements)
		if err != nil {
			return fmt.Errorf("trust the workloads of role %s: %w", role.Name, err)
		}
		_, err = s.cloud.IAM(role.Account).UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &role.Name, PolicyDocument: aws.String(string(policy))})
		if err != nil {
			return fmt.Errorf("trust the workloads of role %s: %w", role.Name, err)
		}
	}
	return nil
}

// madeHere reports whether this run made a role.
func (s *seeding) madeHere(role access.IAMPrincipal) bool {
	return s.new[role.ARN()]
}

// issuer is the provider, in a role's account, of the issuer of a cluster's
// tokens.
func (s *seeding) issuer(ctx context.Context, k access.ClusterKey, role access.IAMPrincipal) (trust.Issuer, error) {
	out, err := s.cloud.EKS(k.Account, k.Region).DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &k.Name})
	if err != nil {
		return trust.Issuer{}, fmt.Errorf("read the issuer of cluster %s: %w", k, err)
	}
	url := ""
	if id := out.Cluster.Identity; id != nil && id.Oidc != nil {
		url = aws.ToString(id.Oidc.Issuer)
	}
	i, err := trust.IssuerAt(role.Partition, role.Account, strings.TrimPrefix(url, "https://"))
	if err != nil {
		return trust.Issuer{}, fmt.Errorf("read the issuer of cluster %s: %w", k, err)
	}
	return i, nil
}
