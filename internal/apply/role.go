package apply

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/atlas-iam/atlas-iam/access"
	policies "github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// roleJob is a change of a role, or of one of its policies, while it is made.
type roleJob struct {
	*job
	iam IAM
}

// change makes a change of a role. One at another path cannot be moved, so that
// is a delete and a create.
func (r *roleJob) change(ctx context.Context) error {
	from, _ := r.job.change.From.(plan.IAMRole)
	to, _ := r.job.change.To.(plan.IAMRole)
	name := access.RoleName(r.job.change.Principal)
	have, err := r.read(ctx, name)
	if err != nil {
		return err
	}
	switch r.job.change.Verb {
	case plan.Create:
		return r.create(ctx, have, &to)
	case plan.Update:
		return r.update(ctx, have, &from, &to)
	case plan.Replace:
		if have != nil && have.ARN == to.ARN && r.satisfied(have, &to) {
			return nil
		}
		if have != nil {
			if err := r.delete(ctx, have, &from); err != nil {
				return err
			}
		}
		return r.create(ctx, nil, &to)
	case plan.Delete:
		return r.delete(ctx, have, &from)
	}
	return errNotWhole
}

// read reads a role without its policies; nil if there is none.
func (r *roleJob) read(ctx context.Context, name string) (*plan.IAMRole, error) {
	r.chain.role, r.chain.roleAt = nil, zeroTime
	out, err := r.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if cloud.IsNotFound(err) {
		r.chain.roleAt = r.opts.Now()
		return nil, nil
	}
	if err != nil {
		return nil, r.unread("read role", err)
	}
	role, ok := roleOf(out.Role)
	if !ok {
		return nil, r.unread("read role", errEmpty)
	}
	r.chain.role, r.chain.roleAt = role, r.opts.Now()
	return role, nil
}

// roleOf is a role as IAM gives it, its trust policy in canonical form. Where
// that cannot be parsed it is as IAM gave it.
func roleOf(have *types.Role) (*plan.IAMRole, bool) {
	if have == nil || aws.ToString(have.Arn) == "" || have.AssumeRolePolicyDocument == nil {
		return nil, false
	}
	role := &plan.IAMRole{ARN: *have.Arn, ID: aws.ToString(have.RoleId), Description: aws.ToString(have.Description),
		MaxSession: int(aws.ToInt32(have.MaxSessionDuration)), Tags: map[string]string{}}
	if role.MaxSession == 0 {
		role.MaxSession = access.DefaultSession
	}
	text, err := url.PathUnescape(*have.AssumeRolePolicyDocument)
	if err != nil {
		return nil, false
	}
	if role.Trust, err = policies.Canonical(policies.Trust, text); err != nil {
		role.Trust = access.Document(text)
	}
	if b := have.PermissionsBoundary; b != nil {
		role.Boundary = aws.ToString(b.PermissionsBoundaryArn)
	}
	for _, t := range have.Tags {
		role.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return role, true
}

// sameRole compares what two roles say of themselves, tags and policies aside.
func sameRole(a, b *plan.IAMRole) bool {
	return a.ARN == b.ARN && a.Trust.Same(b.Trust) && a.MaxSession == b.MaxSession && a.Boundary == b.Boundary && a.Description == b.Description
}

// satisfied reports whether a role is as wanted and bears our mark.
func (r *roleJob) satisfied(have, to *plan.IAMRole) bool {
	return have != nil && sameRole(have, to) && len(lacking(have.Tags, to.Tags)) == 0 && r.ownerOf(have.Tags).Ours
}

func (r *roleJob) inTheWay(have *plan.IAMRole) error {
	if o := r.ownerOf(have.Tags); !o.Ours {
		return r.movedWorkload("the role", "not there", "there and not ours ("+o.By+")")
	}
	return r.movedWorkload("the role", "not there", "there and different")
}

func (r *roleJob) create(ctx context.Context, have, to *plan.IAMRole) error {
	switch {
	case r.satisfied(have, to):
		return nil
	case have != nil:
		return r.inTheWay(have)
	}
	p, err := access.ParseIAMPrincipal(to.ARN)
	if err != nil {
		return err
	}
	in := &iam.CreateRoleInput{RoleName: &p.Name, Path: &p.Path, AssumeRolePolicyDocument: aws.String(string(to.Trust)),
		MaxSessionDuration: aws.Int32(int32(to.MaxSession)), Tags: iamTags(to.Tags)}
	if to.Description != "" {
		in.Description = &to.Description
	}
	if to.Boundary != "" {
		in.PermissionsBoundary = &to.Boundary
	}
	err = r.do(ctx, &write{
		operation: "CreateRole", words: "create role", to: *to,
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := r.iam.CreateRole(ctx, in)
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		},
		took: func(ctx context.Context) (bool, error) {
			have, err := r.read(ctx, p.Name)
			switch {
			case err != nil || have == nil:
				return false, err
			case r.satisfied(have, to):
				return true, nil
			}
			return false, r.inTheWay(have)
		},
		standing: exists,
		// A trust policy may name a provider or a role that this run made.
		delayed: func(err error) bool {
			return conflicting(err) || cloud.Code(err) == "MalformedPolicyDocument" && r.roles.any()
		},
	})
	if err == nil && r.made {
		r.roles.set(to.ARN)
		r.chain.role, r.chain.roleAt = to, r.opts.Now()
	}
	return err
}

func iamTags(tags map[string]string) []types.Tag {
	var out []types.Tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return out
}

// unmoved compares a role with what the plan saw; each part may also be as
// wanted already (to; nil when it is to go).
func (r *roleJob) unmoved(have, from, to *plan.IAMRole) error {
	if have == nil {
		return r.movedWorkload("the role", "there", "gone")
	}
	if have.ARN != from.ARN || from.ID != "" && have.ID != "" && have.ID != from.ID {
		return r.movedWorkload("the role", from.ARN+" ("+from.ID+")", have.ARN+" ("+have.ID+")")
	}
	if to == nil {
		to = from
	}
	for _, part := range []struct{ what, is, was, want string }{
		{"trust policy", have.Trust.Folded(), from.Trust.Folded(), to.Trust.Folded()},
		{"description", have.Description, from.Description, to.Description},
		{"longest session", strconv.Itoa(have.MaxSession), strconv.Itoa(from.MaxSession), strconv.Itoa(to.MaxSession)},
		{"permissions boundary", have.Boundary, from.Boundary, to.Boundary},
	} {
		if part.is != part.was && part.is != part.want {
			return r.movedWorkload(part.what, orNone(part.was), orNone(part.is))
		}
	}
	return r.unmovedTags(have.Tags, from.Tags, to.Tags)
}

// update sets the parts of a role that differ, each by its own call.
func (r *roleJob) update(ctx context.Context, have, from, to *plan.IAMRole) error {
	if r.satisfied(have, to) {
		return nil
	}
	if err := r.unmoved(have, from, to); err != nil {
		return err
	}
	name := access.RoleName(to.ARN)
	part := func(operation, words string, was, want any, same func(*plan.IAMRole) bool, send func(context.Context) (middleware.Metadata, error)) error {
		if same(have) {
			return nil
		}
		return r.do(ctx, &write{
			operation: operation, words: words, from: was, to: want, send: send,
			took: func(ctx context.Context) (bool, error) {
				now, err := r.read(ctx, name)
				if err != nil {
					return false, err
				}
				if now != nil && same(now) {
					return true, nil
				}
				return false, r.unmoved(now, from, to)
			},
			delayed: func(err error) bool {
				return conflicting(err) || cloud.Code(err) == "MalformedPolicyDocument" && r.roles.any() || r.roles.has(to.ARN) && cloud.IsNotFound(err)
			},
		})
	}
	err := part("UpdateAssumeRolePolicy", "update trust policy of role", from.Trust, to.Trust, func(h *plan.IAMRole) bool { return h.Trust.Same(to.Trust) },
		func(ctx context.Context) (middleware.Metadata, error) {
			out, err := r.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &name, PolicyDocument: aws.String(string(to.Trust))})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		})
	if err != nil {
		return err
	}
	if !have.Trust.Same(to.Trust) {
		r.roles.set(to.ARN)
	}
	err = part("UpdateRole", "update role", described{from.Description, from.MaxSession}, described{to.Description, to.MaxSession},
		func(h *plan.IAMRole) bool { return h.Description == to.Description && h.MaxSession == to.MaxSession },
		func(ctx context.Context) (middleware.Metadata, error) {
			out, err := r.iam.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: &name, Description: &to.Description, MaxSessionDuration: aws.Int32(int32(to.MaxSession))})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		})
	if err != nil {
		return err
	}
	err = part("PutRolePermissionsBoundary", "put permissions boundary on role", from.Boundary, to.Boundary, func(h *plan.IAMRole) bool { return h.Boundary == to.Boundary || to.Boundary == "" },
		func(ctx context.Context) (middleware.Metadata, error) {
			out, err := r.iam.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: &name, PermissionsBoundary: &to.Boundary})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		})
	if err != nil {
		return err
	}
	missing := lacking(have.Tags, to.Tags)
	return part("TagRole", "tag role", nil, tagged{missing}, func(h *plan.IAMRole) bool { return len(lacking(h.Tags, to.Tags)) == 0 },
		func(ctx context.Context) (middleware.Metadata, error) {
			out, err := r.iam.TagRole(ctx, &iam.TagRoleInput{RoleName: &name, Tags: iamTags(missing)})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		})
}

// described is a part of a role in the record.
type described struct {
	Description string `json:"description,omitempty"`
	MaxSession  int    `json:"maxSessionDuration"`
}

// delete takes a role away, its policies first. They must be those that the
// plan saw, or gone already.
func (r *roleJob) delete(ctx context.Context, have, from *plan.IAMRole) error {
	if have == nil {
		return nil
	}
	if err := r.unmoved(have, from, nil); err != nil {
		return err
	}
	name := access.RoleName(from.ARN)
	managed, err := r.attached(ctx, name)
	if err != nil {
		return err
	}
	inline, err := r.inline(ctx, name)
	if err != nil {
		return err
	}
	for _, p := range managed {
		if !slices.Contains(from.Managed, p) {
			return r.movedWorkload("managed policy "+p, "not there", "there")
		}
	}
	for _, p := range slices.Sorted(maps.Keys(inline)) {
		i := slices.IndexFunc(from.Inline, func(q access.RolePolicy) bool { return q.Name == p })
		switch {
		case i < 0:
			return r.movedWorkload("policy "+p, "not there", "there")
		case !from.Inline[i].Document.Same(inline[p]):
			return r.movedWorkload("policy "+p, string(from.Inline[i].Document), string(inline[p]))
		}
	}
	for _, p := range managed {
		if err := r.detach(ctx, name, p); err != nil {
			return err
		}
	}
	for _, p := range slices.Sorted(maps.Keys(inline)) {
		if err := r.deletePolicy(ctx, name, p, inline[p]); err != nil {
			return err
		}
	}
	err = r.do(ctx, &write{
		operation: "DeleteRole", words: "delete role", from: *from,
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := r.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		},
		took: func(ctx context.Context) (bool, error) {
			now, err := r.read(ctx, name)
			if err != nil || now == nil {
				return err == nil, err
			}
			return false, r.unmoved(now, from, nil)
		},
		standing: cloud.IsNotFound,
		// IAM may still show the policies that this run took from it.
		delayed: func(err error) bool {
			return conflicting(err) || cloud.Code(err) == "DeleteConflict" && len(managed)+len(inline) > 0
		},
	})
	if err == nil {
		r.chain.role, r.chain.roleAt = nil, zeroTime
	}
	return err
}
