package apply

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go/middleware"

	"github.com/atlas-iam/atlas-iam/access"
	policies "github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

var zeroTime time.Time

// owned reads the role whose policy is to be changed: it must be there, the one
// that was planned, and ours. gone is true where it is not there and the policy
// is to go.
func (r *roleJob) owned(ctx context.Context) (gone bool, err error) {
	arn := r.job.change.Principal
	role := r.chain.role
	if !r.fresh(r.chain.roleAt) {
		until := r.opts.Now().Add(r.opts.Patience)
		for wait := firstWait; ; wait = nextWait(wait) {
			if role, err = r.read(ctx, access.RoleName(arn)); err != nil {
				return false, err
			}
			if role != nil || !r.roles.has(arn) || !r.pause(ctx, wait, until) {
				break
			}
		}
	}
	switch {
	case role == nil && r.job.change.To == nil:
		return true, nil
	case role == nil:
		return false, r.movedWorkload("its role", "there", "gone")
	case role.ARN != arn:
		return false, r.movedWorkload("its role", arn, role.ARN)
	}
	if o := r.ownerOf(role.Tags); !o.Ours {
		return false, r.movedWorkload("its role's owner", "environment "+r.plan.Owner.Environment, o.By)
	}
	return false, nil
}

// notShown is the refusal of a call on a role that this run made and IAM does
// not show everywhere yet. (IAM User Guide, eventual consistency)
func (r *roleJob) notShown(err error) bool {
	return conflicting(err) || r.roles.has(r.job.change.Principal) && cloud.IsNotFound(err)
}

// changePolicy makes a change of an inline policy.
func (r *roleJob) changePolicy(ctx context.Context) error {
	from, _ := r.job.change.From.(plan.InlinePolicy)
	to, _ := r.job.change.To.(plan.InlinePolicy)
	if gone, err := r.owned(ctx); err != nil || gone {
		return err
	}
	name, policy := access.RoleName(r.job.change.Principal), r.job.change.Name
	have, err := r.policy(ctx, name, policy)
	if err != nil {
		return err
	}
	switch {
	case have.Same(to.Document):
		return nil
	case !have.Same(from.Document):
		return r.movedWorkload("the policy", orNone(string(from.Document)), orNone(string(have)))
	case r.job.change.To == nil:
		return r.deletePolicy(ctx, name, policy, from.Document)
	}
	return r.do(ctx, &write{
		operation: "PutRolePolicy", policy: policy, words: "put inline policy", from: from.Document, to: to.Document,
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := r.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: &policy, PolicyDocument: aws.String(string(to.Document))})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		},
		took: func(ctx context.Context) (bool, error) {
			now, err := r.policy(ctx, name, policy)
			switch {
			case err != nil:
				return false, err
			case now.Same(to.Document):
				return true, nil
			case !now.Same(from.Document):
				return false, r.movedWorkload("the policy", orNone(string(from.Document)), orNone(string(now)))
			}
			return false, nil
		},
		delayed: r.notShown,
	})
}

// policy reads an inline policy in canonical form; empty if there is none.
func (r *roleJob) policy(ctx context.Context, role, policy string) (access.Document, error) {
	out, err := r.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &role, PolicyName: &policy})
	if cloud.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", r.unread("read inline policy", err)
	}
	text, err := url.PathUnescape(aws.ToString(out.PolicyDocument))
	if err != nil || text == "" {
		return "", r.unread("read inline policy", errEmpty)
	}
	d, err := policies.Canonical(policies.Identity, text)
	if err != nil {
		return access.Document(text), nil // as it stands: equal to nothing that is wanted
	}
	return d, nil
}

func (r *roleJob) deletePolicy(ctx context.Context, role, policy string, from access.Document) error {
	return r.do(ctx, &write{
		operation: "DeleteRolePolicy", policy: policy, words: "delete inline policy", from: from,
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := r.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: &policy})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		},
		took: func(ctx context.Context) (bool, error) {
			now, err := r.policy(ctx, role, policy)
			switch {
			case err != nil:
				return false, err
			case now == "":
				return true, nil
			case !now.Same(from):
				return false, r.movedWorkload("the policy", string(from), string(now))
			}
			return false, nil
		},
		standing: cloud.IsNotFound,
		delayed:  conflicting,
	})
}

// inline reads all inline policies of a role, in canonical form.
func (r *roleJob) inline(ctx context.Context, role string) (map[string]access.Document, error) {
	have := map[string]access.Document{}
	in := &iam.ListRolePoliciesInput{RoleName: &role}
	for range mostPages {
		out, err := r.iam.ListRolePolicies(ctx, in)
		if err != nil && !cloud.IsNotFound(err) {
			return nil, r.unread("read inline policies", err)
		}
		if err != nil {
			return have, nil
		}
		for _, p := range out.PolicyNames {
			d, err := r.policy(ctx, role, p)
			if err != nil {
				return nil, err
			}
			if d != "" {
				have[p] = d
			}
		}
		if !out.IsTruncated {
			return have, nil
		}
		in.Marker = out.Marker
	}
	return nil, r.unread("read inline policies", errRepeats)
}

// mostPages ends a list that does not end; no role has so many policies.
const mostPages = 100

// attached reads the managed policies of a role, sorted.
func (r *roleJob) attached(ctx context.Context, role string) ([]string, error) {
	var have []string
	in := &iam.ListAttachedRolePoliciesInput{RoleName: &role}
	for range mostPages {
		out, err := r.iam.ListAttachedRolePolicies(ctx, in)
		if cloud.IsNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, r.unread("read managed policies", err)
		}
		for _, p := range out.AttachedPolicies {
			have = append(have, aws.ToString(p.PolicyArn))
		}
		if !out.IsTruncated {
			slices.Sort(have)
			return have, nil
		}
		in.Marker = out.Marker
	}
	return nil, r.unread("read managed policies", errRepeats)
}

// changeAttachment makes a change of a managed policy on a role.
func (r *roleJob) changeAttachment(ctx context.Context) error {
	if gone, err := r.owned(ctx); err != nil || gone {
		return err
	}
	role, policy, on := access.RoleName(r.job.change.Principal), r.job.change.Name, r.job.change.To != nil
	have, err := r.attached(ctx, role)
	if err != nil || slices.Contains(have, policy) == on {
		return err
	}
	if !on {
		return r.detach(ctx, role, policy)
	}
	return r.do(ctx, &write{
		operation: "AttachRolePolicy", policy: policy, words: "attach managed policy", to: policy,
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := r.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: &policy})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		},
		took: func(ctx context.Context) (bool, error) { return r.isAttached(ctx, role, policy, true) },
		// A policy that is not there does not come by waiting.
		delayed: func(err error) bool { return r.notShown(err) && !strings.Contains(reasonOf(err), policy) },
	})
}

func (r *roleJob) isAttached(ctx context.Context, role, policy string, on bool) (bool, error) {
	have, err := r.attached(ctx, role)
	return err == nil && slices.Contains(have, policy) == on, err
}

func (r *roleJob) detach(ctx context.Context, role, policy string) error {
	return r.do(ctx, &write{
		operation: "DetachRolePolicy", policy: policy, words: "detach managed policy", from: policy,
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := r.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &role, PolicyArn: &policy})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		},
		took:     func(ctx context.Context) (bool, error) { return r.isAttached(ctx, role, policy, false) },
		standing: cloud.IsNotFound,
		delayed:  conflicting,
	})
}
