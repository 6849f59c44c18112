// Package apply makes the changes of a plan and nothing else, and keeps the
// record of what it told AWS.
//
// Just before its write each object is read again: equal to what is wanted is
// done already; equal to what the plan saw is done now; everything else moved
// since the plan and fails that change alone. An answer that was lost is
// settled by reading. So a run may end at any point, and running again
// finishes it and repeats nothing.
package apply

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/kube"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// EKS is what apply calls of Amazon EKS; *eks.Client is one.
type EKS interface {
	DescribeCluster(context.Context, *eks.DescribeClusterInput, ...func(*eks.Options)) (*eks.DescribeClusterOutput, error)
	UpdateClusterConfig(context.Context, *eks.UpdateClusterConfigInput, ...func(*eks.Options)) (*eks.UpdateClusterConfigOutput, error)
	DescribeUpdate(context.Context, *eks.DescribeUpdateInput, ...func(*eks.Options)) (*eks.DescribeUpdateOutput, error)
	DescribeAccessEntry(context.Context, *eks.DescribeAccessEntryInput, ...func(*eks.Options)) (*eks.DescribeAccessEntryOutput, error)
	CreateAccessEntry(context.Context, *eks.CreateAccessEntryInput, ...func(*eks.Options)) (*eks.CreateAccessEntryOutput, error)
	UpdateAccessEntry(context.Context, *eks.UpdateAccessEntryInput, ...func(*eks.Options)) (*eks.UpdateAccessEntryOutput, error)
	DeleteAccessEntry(context.Context, *eks.DeleteAccessEntryInput, ...func(*eks.Options)) (*eks.DeleteAccessEntryOutput, error)
	TagResource(context.Context, *eks.TagResourceInput, ...func(*eks.Options)) (*eks.TagResourceOutput, error)
	ListAssociatedAccessPolicies(context.Context, *eks.ListAssociatedAccessPoliciesInput, ...func(*eks.Options)) (*eks.ListAssociatedAccessPoliciesOutput, error)
	AssociateAccessPolicy(context.Context, *eks.AssociateAccessPolicyInput, ...func(*eks.Options)) (*eks.AssociateAccessPolicyOutput, error)
	DisassociateAccessPolicy(context.Context, *eks.DisassociateAccessPolicyInput, ...func(*eks.Options)) (*eks.DisassociateAccessPolicyOutput, error)
	ListPodIdentityAssociations(context.Context, *eks.ListPodIdentityAssociationsInput, ...func(*eks.Options)) (*eks.ListPodIdentityAssociationsOutput, error)
	DescribePodIdentityAssociation(context.Context, *eks.DescribePodIdentityAssociationInput, ...func(*eks.Options)) (*eks.DescribePodIdentityAssociationOutput, error)
	CreatePodIdentityAssociation(context.Context, *eks.CreatePodIdentityAssociationInput, ...func(*eks.Options)) (*eks.CreatePodIdentityAssociationOutput, error)
	UpdatePodIdentityAssociation(context.Context, *eks.UpdatePodIdentityAssociationInput, ...func(*eks.Options)) (*eks.UpdatePodIdentityAssociationOutput, error)
	DeletePodIdentityAssociation(context.Context, *eks.DeletePodIdentityAssociationInput, ...func(*eks.Options)) (*eks.DeletePodIdentityAssociationOutput, error)
	DescribeAddon(context.Context, *eks.DescribeAddonInput, ...func(*eks.Options)) (*eks.DescribeAddonOutput, error)
	CreateAddon(context.Context, *eks.CreateAddonInput, ...func(*eks.Options)) (*eks.CreateAddonOutput, error)
}

// IAM is what apply calls of AWS IAM; *iam.Client is one.
type IAM interface {
	GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
	CreateRole(context.Context, *iam.CreateRoleInput, ...func(*iam.Options)) (*iam.CreateRoleOutput, error)
	UpdateRole(context.Context, *iam.UpdateRoleInput, ...func(*iam.Options)) (*iam.UpdateRoleOutput, error)
	UpdateAssumeRolePolicy(context.Context, *iam.UpdateAssumeRolePolicyInput, ...func(*iam.Options)) (*iam.UpdateAssumeRolePolicyOutput, error)
	PutRolePermissionsBoundary(context.Context, *iam.PutRolePermissionsBoundaryInput, ...func(*iam.Options)) (*iam.PutRolePermissionsBoundaryOutput, error)
	TagRole(context.Context, *iam.TagRoleInput, ...func(*iam.Options)) (*iam.TagRoleOutput, error)
	DeleteRole(context.Context, *iam.DeleteRoleInput, ...func(*iam.Options)) (*iam.DeleteRoleOutput, error)
	ListRolePolicies(context.Context, *iam.ListRolePoliciesInput, ...func(*iam.Options)) (*iam.ListRolePoliciesOutput, error)
	GetRolePolicy(context.Context, *iam.GetRolePolicyInput, ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error)
	PutRolePolicy(context.Context, *iam.PutRolePolicyInput, ...func(*iam.Options)) (*iam.PutRolePolicyOutput, error)
	DeleteRolePolicy(context.Context, *iam.DeleteRolePolicyInput, ...func(*iam.Options)) (*iam.DeleteRolePolicyOutput, error)
	ListAttachedRolePolicies(context.Context, *iam.ListAttachedRolePoliciesInput, ...func(*iam.Options)) (*iam.ListAttachedRolePoliciesOutput, error)
	AttachRolePolicy(context.Context, *iam.AttachRolePolicyInput, ...func(*iam.Options)) (*iam.AttachRolePolicyOutput, error)
	DetachRolePolicy(context.Context, *iam.DetachRolePolicyInput, ...func(*iam.Options)) (*iam.DetachRolePolicyOutput, error)
	GetOpenIDConnectProvider(context.Context, *iam.GetOpenIDConnectProviderInput, ...func(*iam.Options)) (*iam.GetOpenIDConnectProviderOutput, error)
	CreateOpenIDConnectProvider(context.Context, *iam.CreateOpenIDConnectProviderInput, ...func(*iam.Options)) (*iam.CreateOpenIDConnectProviderOutput, error)
	AddClientIDToOpenIDConnectProvider(context.Context, *iam.AddClientIDToOpenIDConnectProviderInput, ...func(*iam.Options)) (*iam.AddClientIDToOpenIDConnectProviderOutput, error)
}

// Options of a run. The zero value is usable.
type Options struct {
	// Record gets the run as JSON lines, each written as it happens; see
	// Header, Write and Trailer. Nothing more is begun once it cannot be
	// written.
	Record io.Writer
	// Version of the program, for the record.
	Version string
	// Progress is told each outcome as it is known; calls do not overlap.
	Progress func(Outcome)
	// Waiting is told in words what a change waits for; calls do not overlap.
	Waiting func(change *plan.Change, what string)
	// Stop, once closed, ends the run after the changes in flight. Cancelling
	// the context ends it at once: what was in flight is then settled by one
	// short reading.
	Stop <-chan struct{}
	// ForeignTags are the marks of other tools that the Environment names; an
	// object that bears one is not ours. Nil are the plan's. See
	// access.Owner.OwnerOf.
	ForeignTags map[string]string
	// Dial reaches API servers; nil is kube.Dial.
	Dial kube.Dialer
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// Parallel is how many changes of an account's region are in flight;
	// 64 if zero. The calls themselves are limited by package cloud.
	Parallel int
	// Patience is for how long a refusal that AWS's own delays explain, or an
	// answer that was lost, is tried again; 30 seconds if zero.
	Patience time.Duration
	// ModeWait bounds the wait for an authentication mode; 30 minutes if zero.
	ModeWait time.Duration

	adopt bool // changes may mark what is not ours, and do nothing else
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Parallel == 0 {
		o.Parallel = 64
	}
	if o.Patience == 0 {
		o.Patience = 30 * time.Second
	}
	if o.ModeWait == 0 {
		o.ModeWait = 30 * time.Minute
	}
	return o
}

// Run makes the changes of p that are not held. The Result is true to what
// AWS was told also when the error is not nil; a change that fails is no
// error of Run's but an outcome. The error says that the context ended or that
// the record could not be written.
func Run(ctx context.Context, c *cloud.Cloud, p *plan.Plan, o Options) (*Result, error) {
	return run(ctx, clientsOf(c), p, o)
}

// Adopt makes the changes of `adopt`: each adds our tags to an entry that is
// not ours and is otherwise as wanted. A change that would do more fails, and
// so does one whose object is no longer as it was seen.
func Adopt(ctx context.Context, c *cloud.Cloud, p *plan.Plan, o Options) (*Result, error) {
	o.adopt = true
	return run(ctx, clientsOf(c), p, o)
}

// clients are the ways to AWS.
type clients struct {
	eks    func(account, region string) EKS
	iam    func(account string) IAM
	tokens tokens
}

func clientsOf(c *cloud.Cloud) clients {
	return clients{
		eks:    func(account, region string) EKS { return c.EKS(account, region) },
		iam:    func(account string) IAM { return c.IAM(account) },
		tokens: c.ClusterToken,
	}
}

func run(ctx context.Context, to clients, p *plan.Plan, o Options) (*Result, error) {
	o = o.withDefaults()
	if o.ForeignTags == nil {
		o.ForeignTags = p.ForeignTags
	}
	started, digest := o.Now(), digest(p)
	r := &runner{
		clients: to, servers: &apiServers{}, plan: p, opts: o,
		record: newRecord(o.Record), token: runToken(digest, started),
	}
	r.stop, r.halt = stopSignal(o.Stop)
	defer r.halt()
	defer r.servers.close()
	if err := r.record.line(newHeader(p, digest, o.Version, started)); err != nil {
		return &Result{}, err
	}
	res := r.all(ctx)
	res.Duration = o.Now().Sub(started)
	_ = r.record.line(newTrailer(res, o.Now())) // its error is the record's
	if !res.Stopped {
		return res, r.record.err()
	}
	return res, errors.Join(r.record.err(), ctx.Err())
}
