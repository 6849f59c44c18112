package apply

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// changeAssociation makes a change of a policy on an entry. Its owner is the
// entry's, so the entry is read too. Another scope is set in place: the policy
// is never taken off first.
func (j *job) changeAssociation(ctx context.Context) error {
	var from, to *access.Scope
	var policy string
	if o, ok := j.change.From.(plan.Association); ok {
		from, policy = normal(o.Scope), o.Policy
	}
	if o, ok := j.change.To.(plan.Association); ok {
		if from != nil && policy != o.Policy {
			return errNotWhole
		}
		to, policy = normal(o.Scope), o.Policy
	}
	entry := j.chain.entry
	if !j.fresh(j.chain.entryAt) {
		var err error
		if entry, err = j.readMade(ctx); err != nil {
			return err
		}
	}
	switch {
	case entry == nil && to == nil:
		return nil // its policies went with the entry
	case entry == nil:
		return j.moved("the entry", "there", "gone")
	}
	if o := j.ours(entry); !o.Ours {
		return j.moved("its owner", "environment "+j.plan.Owner.Environment, o.By)
	}
	have := j.chain.policies
	if !j.fresh(j.chain.policyAt) {
		var err error
		if have, err = j.readPolicies(ctx); err != nil {
			return err
		}
	}
	now := scopeIn(have, policy)
	switch {
	case sameScope(now, to):
		return nil
	case !sameScope(now, from):
		return j.moved("policy "+access.ShortPolicy(policy), scopeWords(from), scopeWords(now))
	case to == nil:
		return j.disassociate(ctx, policy, from)
	}
	return j.associate(ctx, policy, from, to)
}

func (j *job) associate(ctx context.Context, policy string, from, to *access.Scope) error {
	scope := &types.AccessScope{Type: types.AccessScopeType(to.Type()), Namespaces: to.Namespaces}
	return j.do(ctx, &write{
		operation: "AssociateAccessPolicy", policy: policy, words: "associate policy " + access.ShortPolicy(policy) + " with access entry",
		from: recordedScope(from), to: recordedScope(to),
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := j.eks.AssociateAccessPolicy(ctx, &eks.AssociateAccessPolicyInput{
				ClusterName: &j.key.Name, PrincipalArn: &j.change.Principal, PolicyArn: &policy, AccessScope: scope,
			})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		},
		took:    func(ctx context.Context) (bool, error) { return j.scopeTook(ctx, policy, from, to) },
		delayed: j.notYetThere,
	})
}

func (j *job) disassociate(ctx context.Context, policy string, from *access.Scope) error {
	err := j.do(ctx, &write{
		operation: "DisassociateAccessPolicy", policy: policy, words: "disassociate policy " + access.ShortPolicy(policy) + " from access entry",
		from: recordedScope(from),
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := j.eks.DisassociateAccessPolicy(ctx, &eks.DisassociateAccessPolicyInput{
				ClusterName: &j.key.Name, PrincipalArn: &j.change.Principal, PolicyArn: &policy,
			})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		},
		took: func(ctx context.Context) (bool, error) { return j.scopeTook(ctx, policy, from, nil) },
		// Assumption disassociate-missing: EKS answers so when the policy is
		// not on the entry; its documentation only lists the code.
		standing: cloud.IsNotFound,
	})
	if err == nil {
		if j.chain.dropped == nil {
			j.chain.dropped = map[string]bool{}
		}
		j.chain.dropped[policy] = true
	}
	return err
}

// scopeTook reads whether a policy has the scope it was given (nil: none).
func (j *job) scopeTook(ctx context.Context, policy string, from, to *access.Scope) (bool, error) {
	have, err := j.listPolicies(ctx)
	if err != nil {
		return false, err
	}
	now := scopeIn(have, policy)
	switch {
	case sameScope(now, to):
		return true, nil
	case !sameScope(now, from):
		return false, j.moved("policy "+access.ShortPolicy(policy), scopeWords(from), scopeWords(now))
	}
	return false, nil
}

func normal(s access.Scope) *access.Scope {
	if !s.Cluster {
		s = access.NamespaceScope(s.Namespaces...)
	}
	return &s
}

func scopeIn(have map[string]access.Scope, policy string) *access.Scope {
	if s, ok := have[policy]; ok {
		return &s
	}
	return nil
}

// sameScope compares scopes; nil is a policy that is not on the entry.
func sameScope(a, b *access.Scope) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

func scopeWords(s *access.Scope) string {
	if s == nil {
		return "not there"
	}
	return "on " + s.String()
}

func recordedScope(s *access.Scope) any {
	if s == nil {
		return nil
	}
	return *s
}
