package observe

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/atlas-iam/atlas-iam/access"
)

// entry reads one access entry with its policies, normal. An entry that is not
// there is AWS's 404 (cloud.IsNotFound).
func (g *region) entry(ctx context.Context, cluster, principal string) (*access.Entry, error) {
	out, err := g.client.DescribeAccessEntry(ctx, &eks.DescribeAccessEntryInput{ClusterName: &cluster, PrincipalArn: &principal})
	if err != nil {
		return nil, err
	}
	e, err := entryOf(out.AccessEntry, principal)
	if err != nil {
		return nil, err
	}
	e.Associations, err = pages(func(token *string) ([]access.Association, *string, error) {
		out, err := g.client.ListAssociatedAccessPolicies(ctx, &eks.ListAssociatedAccessPoliciesInput{
			ClusterName: &cluster, PrincipalArn: &principal, MaxResults: aws.Int32(listPage), NextToken: token,
		})
		if err != nil {
			return nil, nil, err
		}
		associations, err := associationsOf(out.AssociatedAccessPolicies)
		return associations, out.NextToken, err
	})
	if err != nil {
		return nil, err
	}
	e.Normalize()
	e.Associations = slices.CompactFunc(e.Associations, func(a, b access.Association) bool { return a.Policy == b.Policy })
	return e, nil
}

// entryOf is AWS's entry without its policies. The username stays as it is:
// whether it is EKS's default is the plan's to say.
func entryOf(e *types.AccessEntry, principal string) (*access.Entry, error) {
	if e == nil || aws.ToString(e.PrincipalArn) != principal || aws.ToString(e.Type) == "" {
		return nil, errIncomplete
	}
	t := access.EntryType(*e.Type)
	if !slices.Contains(access.EntryTypes(), t) {
		return nil, fmt.Errorf("the entry's type %q is not known to this version", t)
	}
	have := &access.Entry{
		Principal: principal,
		Type:      t,
		Username:  aws.ToString(e.Username),
		Groups:    slices.Clone(e.KubernetesGroups),
		ARN:       aws.ToString(e.AccessEntryArn),
		CreatedAt: aws.ToTime(e.CreatedAt).UTC(),
	}
	if len(e.Tags) > 0 {
		have.Tags = maps.Clone(e.Tags)
	}
	return have, nil
}

func associationsOf(list []types.AssociatedAccessPolicy) ([]access.Association, error) {
	if list == nil {
		return nil, errIncomplete
	}
	have := make([]access.Association, 0, len(list))
	for _, a := range list {
		if aws.ToString(a.PolicyArn) == "" || a.AccessScope == nil {
			return nil, errIncomplete
		}
		var scope access.Scope
		switch a.AccessScope.Type {
		case types.AccessScopeTypeCluster:
			scope = access.ClusterScope()
		case types.AccessScopeTypeNamespace:
			scope = access.NamespaceScope(a.AccessScope.Namespaces...)
		case "":
			return nil, errIncomplete
		default:
			return nil, fmt.Errorf("the scope %q of policy %s is not known to this version", a.AccessScope.Type, *a.PolicyArn)
		}
		have = append(have, access.Association{Policy: *a.PolicyArn, Scope: scope})
	}
	return have, nil
}
