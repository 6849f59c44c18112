package eks

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/schemas"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/smithy-go"

	policies "github.com/atlas-iam/atlas-iam/authz/eks"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// association is an access policy on an entry.
type association struct {
	Policy       string    `json:"policy"` // ARN
	Scope        scope     `json:"scope"`
	AssociatedAt time.Time `json:"associatedAt"`
	ModifiedAt   time.Time `json:"modifiedAt"`
}

type scope struct {
	Type       string   `json:"type"`
	Namespaces []string `json:"namespaces,omitempty"`
}

func (a *association) shown() *types.AssociatedAccessPolicy {
	return &types.AssociatedAccessPolicy{
		PolicyArn: &a.Policy, AssociatedAt: &a.AssociatedAt, ModifiedAt: &a.ModifiedAt,
		AccessScope: &types.AccessScope{Type: types.AccessScopeType(a.Scope.Type), Namespaces: nonNil(a.Scope.Namespaces)},
	}
}

// policyARNPrefix begins the ARNs of access policies in the call's partition.
func policyARNPrefix(c *call.Call) string {
	return "arn:" + c.Partition + ":eks::aws:cluster-access-policy/"
}

func policyARN(c *call.Call, name string) string { return policyARNPrefix(c) + name }

type policyInput struct {
	entryInput
	PolicyArn string `json:"policyArn"`
}

func (in policyInput) find(e *entry) (int, bool) {
	return slices.BinarySearchFunc(e.Policies, in.PolicyArn, func(a association, arn string) int { return strings.Compare(a.Policy, arn) })
}

type associateInput struct {
	policyInput
	AccessScope *scope `json:"accessScope"`
}

func (s *Service) associateAccessPolicy(c *call.Call, in associateInput) (shape, error) {
	ctx := map[string][]string{"eks:policyArn": {in.PolicyArn}}
	if in.AccessScope != nil {
		ctx["eks:accessScope"] = []string{in.AccessScope.Type}
		if len(in.AccessScope.Namespaces) > 0 {
			ctx["eks:namespaces"] = in.AccessScope.Namespaces
		}
	}
	e, err := in.change(c, ctx)
	if err != nil {
		return nil, err
	}
	if err := in.check(c, e); err != nil {
		return nil, err
	}
	now := c.Now.UTC().Truncate(time.Millisecond)
	a := association{Policy: in.PolicyArn, Scope: *in.AccessScope, AssociatedAt: now, ModifiedAt: now}
	if i, ok := in.find(e); ok { // the scope is replaced; Assumption associated-at-stays
		a.AssociatedAt = e.Policies[i].AssociatedAt
		e.Policies[i] = a
	} else {
		e.Policies = slices.Insert(e.Policies, i, a)
	}
	e.save(c)
	c.Record(e.ARN, in)
	return all(
		text(schemas.AssociateAccessPolicyResponse_clusterName, in.ClusterName),
		text(schemas.AssociateAccessPolicyResponse_principalArn, in.PrincipalArn),
		member(schemas.AssociateAccessPolicyResponse_associatedAccessPolicy, a.shown()),
	), nil
}

func (in *associateInput) check(c *call.Call, e *entry) error {
	cluster := in.ClusterName
	name, ok := strings.CutPrefix(in.PolicyArn, policyARNPrefix(c))
	policy, known := policies.Named(name)
	switch {
	case !ok || !known:
		return invalid(cluster, "The policyArn %s is not that of an access policy.", in.PolicyArn)
	case policy.Association == policies.ServiceLinkedOnly:
		return invalid(cluster, serviceLinkedOnly)
	case e.Type != standard && e.Type != ec2:
		return invalid(cluster, "An access policy cannot be associated with an access entry of type %s.", e.Type)
	case policy.Association == policies.Node && e.Type != ec2:
		return invalid(cluster, "The access policy %s can only be associated with access entries of type %s.", name, ec2)
	case in.AccessScope == nil:
		return invalid(cluster, "The accessScope is required.")
	}
	switch sc := in.AccessScope; {
	case sc.Type != "cluster" && sc.Type != "namespace":
		return invalid(cluster, "The type of accessScope must be cluster or namespace, not %q.", sc.Type)
	case sc.Type == "cluster" && len(sc.Namespaces) > 0: // Assumption cluster-scope-namespaces
		return invalid(cluster, "An accessScope of type cluster must not name namespaces.")
	case sc.Type == "namespace" && (len(sc.Namespaces) == 0 || slices.Contains(sc.Namespaces, "")):
		return invalid(cluster, "An accessScope of type namespace must name namespaces.")
	}
	return nil
}

func (s *Service) disassociateAccessPolicy(c *call.Call, in policyInput) (shape, error) {
	e, err := in.change(c, map[string][]string{"eks:policyArn": {in.PolicyArn}})
	if err != nil {
		return nil, err
	}
	i, ok := in.find(e)
	if !ok {
		return nil, notFound(in.ClusterName, "The specified policyArn could not be found on the access entry.")
	}
	e.Policies = slices.Delete(e.Policies, i, i+1)
	e.save(c)
	c.Record(e.ARN, in)
	return nil, nil
}

type listAssociatedInput struct {
	page
	entryInput
}

func (s *Service) listAssociatedAccessPolicies(c *call.Call, in listAssociatedInput) (shape, error) {
	e, err := in.load(c, c.Seen, nil)
	if err != nil {
		return nil, err
	}
	source := func(after string) iter.Seq2[string, association] {
		return func(yield func(string, association) bool) {
			for _, a := range e.Policies {
				if a.Policy > after && !yield(a.Policy, a) {
					return
				}
			}
		}
	}
	found, token, err := take(c, in.page, store.Key("associated", in.ClusterName, in.PrincipalArn), source)
	if err != nil {
		return nil, err
	}
	schema := schemas.ListAssociatedAccessPoliciesResponse_associatedAccessPolicies
	return all(
		text(schemas.ListAssociatedAccessPoliciesResponse_clusterName, in.ClusterName),
		text(schemas.ListAssociatedAccessPoliciesResponse_principalArn, in.PrincipalArn),
		func(w smithy.ShapeSerializer) {
			w.WriteList(schema)
			for _, a := range found {
				member(schema.ListMember(), a.shown())(w)
			}
			w.CloseList()
		},
		nextToken(schemas.ListAssociatedAccessPoliciesResponse_nextToken, token),
	), nil
}

func (s *Service) listAccessPolicies(c *call.Call, in page) (shape, error) {
	if err := c.Authorize("eks:ListAccessPolicies", "*", nil); err != nil {
		return nil, err
	}
	source := func(after string) iter.Seq2[string, policies.Policy] {
		return func(yield func(string, policies.Policy) bool) {
			for _, p := range policies.Policies() {
				if p.Name > after && !yield(p.Name, p) {
					return
				}
			}
		}
	}
	found, token, err := take(c, in, "policies", source)
	if err != nil {
		return nil, err
	}
	schema := schemas.ListAccessPoliciesResponse_accessPolicies
	return all(func(w smithy.ShapeSerializer) {
		w.WriteList(schema)
		for _, p := range found {
			member(schema.ListMember(), &types.AccessPolicy{Name: &p.Name, Arn: ptr(p.ARN(c.Partition))})(w)
		}
		w.CloseList()
	}, nextToken(schemas.ListAccessPoliciesResponse_nextToken, token)), nil
}
