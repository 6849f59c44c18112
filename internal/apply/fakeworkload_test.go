package apply

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"

	"github.com/atlas-iam/atlas-iam/access"
	policies "github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// fakeWorkloads is IAM and the part of EKS that workloads use. Its journal
// holds the writes that took effect, with what they said.
type fakeWorkloads struct {
	EKS // what is not below is not called
	IAM

	mu        sync.Mutex
	roles     map[string]*fakeRole // by name
	providers map[string]*plan.Provider
	pods      []*ekstypes.PodIdentityAssociation
	addon     bool
	made      int
	calls     []string
	journal   []string

	before func(op string)       // somebody else at work, before a call is answered
	refuse func(op string) error // the answer instead of an effect; nil: none
	lost   func(op string) bool  // the answer of a write gets lost after its effect
}

type fakeRole struct {
	plan.IAMRole
	inline map[string]access.Document
}

func newWorkloads() *fakeWorkloads {
	return &fakeWorkloads{roles: map[string]*fakeRole{}, providers: map[string]*plan.Provider{}}
}

func refused(code, message string) error {
	return &smithy.GenericAPIError{Code: code, Message: message}
}

var errNoEntity = refused("NoSuchEntity", "it cannot be found")

// call answers one call.
func (f *fakeWorkloads) call(op, said string, do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, op)
	if f.before != nil {
		f.before(op)
	}
	if f.refuse != nil {
		if err := f.refuse(op); err != nil {
			return &smithy.OperationError{ServiceID: "IAM", OperationName: op, Err: err}
		}
	}
	if err := do(); err != nil {
		return &smithy.OperationError{ServiceID: "IAM", OperationName: op, Err: err}
	}
	if said != "" {
		f.journal = append(f.journal, strings.TrimSpace(op+" "+said))
	}
	if said != "" && f.lost != nil && f.lost(op) {
		return context.DeadlineExceeded
	}
	return nil
}

// of is a call about a role that must be there; said is empty for a reading.
func (f *fakeWorkloads) of(op, role, said string, do func(*fakeRole) error) error {
	if said != "" {
		said = role + " " + said
	}
	return f.call(op, said, func() error {
		r := f.roles[role]
		if r == nil {
			return errNoEntity
		}
		return do(r)
	})
}

func tagWord(tags map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, strings.TrimPrefix(k, "atlas-iam.dev/")+"="+tags[k])
	}
	return strings.Join(out, ",")
}

func tagMap(tags []iamtypes.Tag) map[string]string {
	out := map[string]string{}
	for _, t := range tags {
		out[*t.Key] = *t.Value
	}
	return out
}

// put places a role as it is seen by a plan.
func (f *fakeWorkloads) put(r plan.IAMRole) {
	f.made++
	if r.ID == "" {
		r.ID = fmt.Sprintf("AROA%d", f.made)
	}
	h := &fakeRole{IAMRole: r, inline: map[string]access.Document{}}
	h.Tags, h.Managed = maps.Clone(r.Tags), slices.Clone(r.Managed)
	for _, p := range r.Inline {
		h.inline[p.Name] = p.Document
	}
	f.roles[access.RoleName(r.ARN)] = h
}

func (f *fakeWorkloads) GetRole(_ context.Context, in *iam.GetRoleInput, _ ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	out := &iam.GetRoleOutput{}
	return out, f.of("GetRole", *in.RoleName, "", func(r *fakeRole) error {
		out.Role = &iamtypes.Role{Arn: &r.ARN, RoleId: aws.String(r.ID), Description: &r.Description, MaxSessionDuration: aws.Int32(int32(r.MaxSession)),
			AssumeRolePolicyDocument: aws.String(url.PathEscape(string(r.Trust))), Tags: iamTags(r.Tags)}
		if r.Boundary != "" {
			out.Role.PermissionsBoundary = &iamtypes.AttachedPermissionsBoundary{PermissionsBoundaryArn: aws.String(r.Boundary)}
		}
		return nil
	})
}

func (f *fakeWorkloads) CreateRole(_ context.Context, in *iam.CreateRoleInput, _ ...func(*iam.Options)) (*iam.CreateRoleOutput, error) {
	r := plan.IAMRole{ARN: "arn:aws:iam::" + accountID + ":role" + *in.Path + *in.RoleName, Description: aws.ToString(in.Description), MaxSession: int(*in.MaxSessionDuration),
		Boundary: aws.ToString(in.PermissionsBoundary), Tags: tagMap(in.Tags), Trust: access.Document(*in.AssumeRolePolicyDocument)}
	said := fmt.Sprint(r.ARN, " ", in.Description != nil, r.Description, " ", r.MaxSession, " ", in.PermissionsBoundary != nil, r.Boundary, " ", tagWord(r.Tags), " ", r.Trust)
	return &iam.CreateRoleOutput{}, f.call("CreateRole", said, func() error {
		if f.roles[*in.RoleName] != nil {
			return refused("EntityAlreadyExists", "it is there")
		}
		f.put(r)
		return nil
	})
}

func (f *fakeWorkloads) UpdateRole(_ context.Context, in *iam.UpdateRoleInput, _ ...func(*iam.Options)) (*iam.UpdateRoleOutput, error) {
	return &iam.UpdateRoleOutput{}, f.of("UpdateRole", *in.RoleName, fmt.Sprint(*in.Description, " ", *in.MaxSessionDuration), func(r *fakeRole) error {
		r.Description, r.MaxSession = *in.Description, int(*in.MaxSessionDuration)
		return nil
	})
}

func (f *fakeWorkloads) UpdateAssumeRolePolicy(_ context.Context, in *iam.UpdateAssumeRolePolicyInput, _ ...func(*iam.Options)) (*iam.UpdateAssumeRolePolicyOutput, error) {
	return &iam.UpdateAssumeRolePolicyOutput{}, f.of("UpdateAssumeRolePolicy", *in.RoleName, *in.PolicyDocument, func(r *fakeRole) error {
		r.Trust = access.Document(*in.PolicyDocument)
		return nil
	})
}

func (f *fakeWorkloads) PutRolePermissionsBoundary(_ context.Context, in *iam.PutRolePermissionsBoundaryInput, _ ...func(*iam.Options)) (*iam.PutRolePermissionsBoundaryOutput, error) {
	return &iam.PutRolePermissionsBoundaryOutput{}, f.of("PutRolePermissionsBoundary", *in.RoleName, *in.PermissionsBoundary, func(r *fakeRole) error {
		r.Boundary = *in.PermissionsBoundary
		return nil
	})
}

func (f *fakeWorkloads) TagRole(_ context.Context, in *iam.TagRoleInput, _ ...func(*iam.Options)) (*iam.TagRoleOutput, error) {
	return &iam.TagRoleOutput{}, f.of("TagRole", *in.RoleName, tagWord(tagMap(in.Tags)), func(r *fakeRole) error {
		maps.Copy(r.Tags, tagMap(in.Tags))
		return nil
	})
}

func (f *fakeWorkloads) DeleteRole(_ context.Context, in *iam.DeleteRoleInput, _ ...func(*iam.Options)) (*iam.DeleteRoleOutput, error) {
	return &iam.DeleteRoleOutput{}, f.of("DeleteRole", *in.RoleName, ".", func(r *fakeRole) error {
		if len(r.inline)+len(r.Managed) > 0 {
			return refused("DeleteConflict", "it has policies")
		}
		delete(f.roles, *in.RoleName)
		return nil
	})
}

func (f *fakeWorkloads) ListRolePolicies(_ context.Context, in *iam.ListRolePoliciesInput, _ ...func(*iam.Options)) (*iam.ListRolePoliciesOutput, error) {
	out := &iam.ListRolePoliciesOutput{}
	return out, f.of("ListRolePolicies", *in.RoleName, "", func(r *fakeRole) error { // one a page
		for _, n := range slices.Sorted(maps.Keys(r.inline)) {
			if n <= aws.ToString(in.Marker) {
				continue
			}
			if len(out.PolicyNames) == 1 {
				out.IsTruncated, out.Marker = true, aws.String(out.PolicyNames[0])
				break
			}
			out.PolicyNames = append(out.PolicyNames, n)
		}
		return nil
	})
}

func (f *fakeWorkloads) GetRolePolicy(_ context.Context, in *iam.GetRolePolicyInput, _ ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error) {
	out := &iam.GetRolePolicyOutput{}
	return out, f.of("GetRolePolicy", *in.RoleName, "", func(r *fakeRole) error {
		d, ok := r.inline[*in.PolicyName]
		if !ok {
			return errNoEntity
		}
		out.PolicyDocument = aws.String(url.PathEscape(string(d)))
		return nil
	})
}

func (f *fakeWorkloads) PutRolePolicy(_ context.Context, in *iam.PutRolePolicyInput, _ ...func(*iam.Options)) (*iam.PutRolePolicyOutput, error) {
	return &iam.PutRolePolicyOutput{}, f.of("PutRolePolicy", *in.RoleName, *in.PolicyName+" "+*in.PolicyDocument, func(r *fakeRole) error {
		r.inline[*in.PolicyName] = access.Document(*in.PolicyDocument)
		return nil
	})
}

func (f *fakeWorkloads) DeleteRolePolicy(_ context.Context, in *iam.DeleteRolePolicyInput, _ ...func(*iam.Options)) (*iam.DeleteRolePolicyOutput, error) {
	return &iam.DeleteRolePolicyOutput{}, f.of("DeleteRolePolicy", *in.RoleName, *in.PolicyName, func(r *fakeRole) error {
		if _, ok := r.inline[*in.PolicyName]; !ok {
			return errNoEntity
		}
		delete(r.inline, *in.PolicyName)
		return nil
	})
}

func (f *fakeWorkloads) ListAttachedRolePolicies(_ context.Context, in *iam.ListAttachedRolePoliciesInput, _ ...func(*iam.Options)) (*iam.ListAttachedRolePoliciesOutput, error) {
	out := &iam.ListAttachedRolePoliciesOutput{}
	return out, f.of("ListAttachedRolePolicies", *in.RoleName, "", func(r *fakeRole) error { // one a page
		at := slices.Index(r.Managed, aws.ToString(in.Marker)) + 1
		if at < len(r.Managed) {
			out.AttachedPolicies = []iamtypes.AttachedPolicy{{PolicyArn: aws.String(r.Managed[at])}}
			out.IsTruncated, out.Marker = at+1 < len(r.Managed), aws.String(r.Managed[at])
		}
		return nil
	})
}

func (f *fakeWorkloads) AttachRolePolicy(_ context.Context, in *iam.AttachRolePolicyInput, _ ...func(*iam.Options)) (*iam.AttachRolePolicyOutput, error) {
	return &iam.AttachRolePolicyOutput{}, f.of("AttachRolePolicy", *in.RoleName, *in.PolicyArn, func(r *fakeRole) error {
		r.Managed = append(r.Managed, *in.PolicyArn)
		return nil
	})
}

func (f *fakeWorkloads) DetachRolePolicy(_ context.Context, in *iam.DetachRolePolicyInput, _ ...func(*iam.Options)) (*iam.DetachRolePolicyOutput, error) {
	return &iam.DetachRolePolicyOutput{}, f.of("DetachRolePolicy", *in.RoleName, *in.PolicyArn, func(r *fakeRole) error {
		i := slices.Index(r.Managed, *in.PolicyArn)
		if i < 0 {
			return errNoEntity
		}
		r.Managed = slices.Delete(r.Managed, i, i+1)
		return nil
	})
}

// clients are the ways to the fake.
func (f *fakeWorkloads) clients() clients {
	return clients{eks: func(string, string) EKS { return f }, iam: func(string) IAM { return f }}
}

// run runs changes by hand over the fake, in virtual time.
func (f *fakeWorkloads) run(t *testing.T, o Options, changes ...plan.Change) *Result {
	t.Helper()
	p := newPlan()
	p.Changes = changes
	res, err := run(t.Context(), f.clients(), &p.Plan, o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

const (
	rolePath = "arn:aws:iam::" + accountID + ":role/atlas-iam/ops/"
	roleARN  = rolePath + "loki"
)

// document is a policy in canonical form.
func document(t *testing.T, kind policies.Kind, text string) access.Document {
	t.Helper()
	d, err := policies.Canonical(kind, text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func allows(t *testing.T, action string) access.Document {
	return document(t, policies.Identity, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"`+action+`","Resource":"*"}}`)
}

func trusts(t *testing.T, service string) access.Document {
	return document(t, policies.Trust, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"`+service+`"},"Action":["sts:AssumeRole","sts:TagSession"]}}`)
}

// role is a role of ours.
func role(t *testing.T, change func(*plan.IAMRole)) plan.IAMRole {
	r := plan.IAMRole{ARN: roleARN, Description: "old", MaxSession: 3600, Tags: owner.Tags(), Trust: trusts(t, "pods.eks.amazonaws.com"), ID: "AROAOLD"}
	if change != nil {
		change(&r)
	}
	return r
}

func aboutRole(verb plan.Verb, from, to plan.Object, needs ...string) plan.Change {
	return plan.Change{ID: "role/loki", Verb: verb, Kind: plan.Role, Cluster: access.ClusterKey{Account: accountID}, Principal: roleARN, From: from, To: to, DependsOn: needs}
}

func aboutPolicy(verb plan.Verb, name string, from, to access.Document, needs ...string) plan.Change {
	c := plan.Change{ID: "policy/" + name, Verb: verb, Kind: plan.RolePolicy, Cluster: access.ClusterKey{Account: accountID}, Principal: roleARN, Name: name, DependsOn: needs}
	if from != "" {
		c.From = plan.InlinePolicy{Role: roleARN, RolePolicy: access.RolePolicy{Name: name, Document: from}}
	}
	if to != "" {
		c.To = plan.InlinePolicy{Role: roleARN, RolePolicy: access.RolePolicy{Name: name, Document: to}}
	}
	return c
}

const readOnly = "arn:aws:iam::aws:policy/ReadOnlyAccess"

func aboutAttachment(verb plan.Verb, policy string, needs ...string) plan.Change {
	c := plan.Change{ID: "attachment/" + policy, Verb: verb, Kind: plan.RoleAttachment, Cluster: access.ClusterKey{Account: accountID}, Principal: roleARN, Name: policy, DependsOn: needs}
	o := plan.Attachment{Role: roleARN, Policy: policy}
	if verb == plan.Delete {
		c.From = o
	} else {
		c.To = o
	}
	return c
}

// operations are the journal without what was said.
func (f *fakeWorkloads) operations() []string {
	var out []string
	for _, line := range f.journal {
		op, _, _ := strings.Cut(line, " ")
		out = append(out, op)
	}
	return out
}

// step is one change of a workload's, what stands when it is made, and what
// comes of it.
type step struct {
	have   func(*fakeWorkloads)
	change plan.Change
	adopt  bool
	want   Status
	says   string   // part of the error
	ops    []string // operations that took effect
}

func (s *step) try(t *testing.T, name string) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newWorkloads()
			if s.have != nil {
				s.have(f)
			}
			o := f.run(t, Options{adopt: s.adopt}, s.change).Outcomes[0]
			if o.Status != s.want || !slices.Equal(f.operations(), s.ops) {
				t.Fatalf("%s %v, wrote %q; want %s, %q", o.Status, o.Err, f.journal, s.want, s.ops)
			}
			if s.says != "" && (o.Err == nil || !strings.Contains(o.Err.Error(), s.says)) {
				t.Errorf("error %v, want %q", o.Err, s.says)
			}
			if s.want != Done || s.adopt {
				return
			}
			if again := f.run(t, Options{}, s.change).Outcomes[0]; again.Status != Already || len(f.journal) != len(s.ops) {
				t.Errorf("made again: %s %v %q", again.Status, again.Err, f.journal)
			}
		})
	})
}
