package apply

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/atlas-iam/atlas-iam/access"
	policies "github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// changePodIdentity makes a change of an association. Another role is set in
// place; what an update cannot take off is a delete and a create.
func (j *job) changePodIdentity(ctx context.Context) error {
	var from, to *access.PodIdentityAssociation
	if o, ok := j.change.From.(plan.PodIdentity); ok {
		from = &o.PodIdentityAssociation
	}
	if o, ok := j.change.To.(plan.PodIdentity); ok {
		to = &o.PodIdentityAssociation
	}
	have, err := j.readPodIdentity(ctx)
	if err != nil {
		return err
	}
	switch {
	case to != nil && j.podSatisfied(have, to) && (from == nil || j.change.Verb != plan.Replace || have.ID != from.ID):
		return nil
	case j.change.Verb == plan.Create:
		if have != nil {
			return j.podInTheWay(have)
		}
		return j.createPodIdentity(ctx, to)
	case j.change.Verb == plan.Update:
		if err := j.podUnmoved(have, from, to); err != nil {
			return err
		}
		return j.updatePodIdentity(ctx, have, from, to)
	}
	if have != nil {
		if err := j.podUnmoved(have, from, nil); err != nil {
			return err
		}
		if err := j.deletePodIdentity(ctx, from); err != nil {
			return err
		}
	}
	if to == nil {
		return nil
	}
	return j.createPodIdentity(ctx, to)
}

// readPodIdentity reads the ServiceAccount's association; nil if it has none.
func (j *job) readPodIdentity(ctx context.Context) (*access.PodIdentityAssociation, error) {
	out, err := j.eks.ListPodIdentityAssociations(ctx, &eks.ListPodIdentityAssociationsInput{
		ClusterName: &j.key.Name, Namespace: &j.change.Namespace, ServiceAccount: &j.change.Name,
	})
	if err != nil {
		return nil, j.unread("read Pod Identity associations", err)
	}
	if out.Associations == nil {
		return nil, j.unread("read Pod Identity associations", errEmpty)
	}
	for _, s := range out.Associations {
		if aws.ToString(s.Namespace) != j.change.Namespace || aws.ToString(s.ServiceAccount) != j.change.Name {
			continue
		}
		out, err := j.eks.DescribePodIdentityAssociation(ctx, &eks.DescribePodIdentityAssociationInput{ClusterName: &j.key.Name, AssociationId: s.AssociationId})
		if cloud.IsNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, j.unread("read Pod Identity association", err)
		}
		have := podIdentityOf(out.Association)
		if have == nil || have.Namespace != j.change.Namespace || have.ServiceAccount != j.change.Name {
			return nil, j.unread("read Pod Identity association", errEmpty)
		}
		return have, nil
	}
	return nil, nil
}

func podIdentityOf(a *types.PodIdentityAssociation) *access.PodIdentityAssociation {
	if a == nil || aws.ToString(a.AssociationId) == "" || aws.ToString(a.RoleArn) == "" {
		return nil
	}
	have := &access.PodIdentityAssociation{
		Namespace: aws.ToString(a.Namespace), ServiceAccount: aws.ToString(a.ServiceAccount), Role: *a.RoleArn, TargetRole: aws.ToString(a.TargetRoleArn),
		DisableSessionTags: aws.ToBool(a.DisableSessionTags), ID: *a.AssociationId, ARN: aws.ToString(a.AssociationArn), OwnerARN: aws.ToString(a.OwnerArn),
		ExternalID: aws.ToString(a.ExternalId), Tags: a.Tags,
	}
	if text := aws.ToString(a.Policy); text != "" {
		d, err := policies.Canonical(policies.Identity, text)
		if err != nil {
			d = access.Document(text)
		}
		have.SessionPolicy = d
	}
	return have
}

// samePodIdentity compares what two associations give.
func samePodIdentity(a, b *access.PodIdentityAssociation) bool {
	return a.Role == b.Role && a.TargetRole == b.TargetRole && a.DisableSessionTags == b.DisableSessionTags && a.SessionPolicy.Same(b.SessionPolicy)
}

func (j *job) podOwner(a *access.PodIdentityAssociation) access.Ownership {
	if a.OwnerARN != "" {
		return access.Ownership{By: "add-on " + a.OwnerARN}
	}
	return j.ownerOf(a.Tags)
}

// podSatisfied reports whether an association is as wanted and bears our mark.
func (j *job) podSatisfied(have, to *access.PodIdentityAssociation) bool {
	return have != nil && samePodIdentity(have, to) && len(lacking(have.Tags, to.Tags)) == 0 && j.podOwner(have).Ours
}

func (j *job) podInTheWay(have *access.PodIdentityAssociation) error {
	if o := j.podOwner(have); !o.Ours {
		return j.movedWorkload("the association", "not there", "there and not ours ("+o.By+")")
	}
	return j.movedWorkload("the association", "not there", "there and different: "+have.Role)
}

// podUnmoved compares an association with what the plan saw; each part may also
// be as wanted already (to; nil when it is to go).
func (j *job) podUnmoved(have, from, to *access.PodIdentityAssociation) error {
	if have == nil {
		return j.movedWorkload("the association", "there", "gone")
	}
	if from.ID != "" && have.ID != from.ID {
		return j.movedWorkload("the association", from.ID, "another, "+have.ID)
	}
	if have.OwnerARN != from.OwnerARN {
		return j.movedWorkload("its owner", orNone(from.OwnerARN), orNone(have.OwnerARN))
	}
	if to == nil {
		to = from
	}
	for _, part := range []struct{ what, is, was, want string }{
		{"role", have.Role, from.Role, to.Role},
		{"target role", have.TargetRole, from.TargetRole, to.TargetRole},
		{"session policy", have.SessionPolicy.Folded(), from.SessionPolicy.Folded(), to.SessionPolicy.Folded()},
		{"disableSessionTags", strconv.FormatBool(have.DisableSessionTags), strconv.FormatBool(from.DisableSessionTags), strconv.FormatBool(to.DisableSessionTags)},
	} {
		if part.is != part.was && part.is != part.want {
			return j.movedWorkload(part.what, orNone(part.was), orNone(part.is))
		}
	}
	return j.unmovedTags(have.Tags, from.Tags, to.Tags)
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// notGivable is the refusal of a role that this run made or whose trust it
// changed.
func (j *job) notGivable(role string) func(error) bool {
	return func(err error) bool { return roleNotShown(err) && j.roles.has(role) }
}

func (j *job) createPodIdentity(ctx context.Context, to *access.PodIdentityAssociation) error {
	in := &eks.CreatePodIdentityAssociationInput{
		ClusterName: &j.key.Name, Namespace: &to.Namespace, ServiceAccount: &to.ServiceAccount, RoleArn: &to.Role, TargetRoleArn: optional(to.TargetRole),
		Policy: optional(string(to.SessionPolicy)), Tags: to.Tags, ClientRequestToken: aws.String(j.requestToken(j.change.ID, "CreatePodIdentityAssociation")),
	}
	if to.DisableSessionTags {
		in.DisableSessionTags = aws.Bool(true)
	}
	return j.do(ctx, &write{
		operation: "CreatePodIdentityAssociation", words: "create Pod Identity association", to: *to,
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := j.eks.CreatePodIdentityAssociation(ctx, in)
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		},
		took: func(ctx context.Context) (bool, error) {
			have, err := j.readPodIdentity(ctx)
			switch {
			case err != nil || have == nil:
				return false, err
			case j.podSatisfied(have, to):
				return true, nil
			case j.change.Verb == plan.Replace && have.ID == j.change.From.(plan.PodIdentity).ID:
				return false, nil // the one that was deleted is still seen
			}
			return false, j.podInTheWay(have)
		},
		standing: inUse,
		delayed:  j.notGivable(to.Role),
	})
}

func (j *job) updatePodIdentity(ctx context.Context, have, from, to *access.PodIdentityAssociation) error {
	took := func(done func(*access.PodIdentityAssociation) bool) func(context.Context) (bool, error) {
		return func(ctx context.Context) (bool, error) {
			now, err := j.readPodIdentity(ctx)
			if err != nil {
				return false, err
			}
			if now != nil && done(now) {
				return true, nil
			}
			return false, j.podUnmoved(now, from, to)
		}
	}
	if !samePodIdentity(have, to) {
		in := &eks.UpdatePodIdentityAssociationInput{ClusterName: &j.key.Name, AssociationId: &have.ID, RoleArn: &to.Role, TargetRoleArn: optional(to.TargetRole),
			Policy: optional(string(to.SessionPolicy)), DisableSessionTags: &to.DisableSessionTags,
			ClientRequestToken: aws.String(j.requestToken(j.change.ID, "UpdatePodIdentityAssociation"))}
		err := j.do(ctx, &write{
			operation: "UpdatePodIdentityAssociation", words: "update Pod Identity association", from: *from, to: *to,
			send: func(ctx context.Context) (middleware.Metadata, error) {
				out, err := j.eks.UpdatePodIdentityAssociation(ctx, in)
				if err != nil {
					return middleware.Metadata{}, err
				}
				return out.ResultMetadata, nil
			},
			took:    took(func(now *access.PodIdentityAssociation) bool { return samePodIdentity(now, to) }),
			delayed: j.notGivable(to.Role),
		})
		if err != nil {
			return err
		}
	}
	missing := lacking(have.Tags, to.Tags)
	if len(missing) == 0 {
		return nil
	}
	return j.do(ctx, &write{
		operation: "TagResource", words: "tag Pod Identity association", to: tagged{missing},
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := j.eks.TagResource(ctx, &eks.TagResourceInput{ResourceArn: &have.ARN, Tags: missing})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		},
		took: took(func(now *access.PodIdentityAssociation) bool { return len(lacking(now.Tags, to.Tags)) == 0 }),
	})
}

func (j *job) deletePodIdentity(ctx context.Context, from *access.PodIdentityAssociation) error {
	return j.do(ctx, &write{
		operation: "DeletePodIdentityAssociation", words: "delete Pod Identity association", from: *from,
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := j.eks.DeletePodIdentityAssociation(ctx, &eks.DeletePodIdentityAssociationInput{ClusterName: &j.key.Name, AssociationId: &from.ID})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		},
		took: func(ctx context.Context) (bool, error) {
			now, err := j.readPodIdentity(ctx)
			if err != nil || now == nil || now.ID != from.ID {
				return err == nil, err
			}
			return false, j.podUnmoved(now, from, nil)
		},
		standing: cloud.IsNotFound,
	})
}
