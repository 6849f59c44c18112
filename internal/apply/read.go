package apply

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// chain is what is known of one principal's entry on one cluster while its
// changes are made one after the other. What was read serves the next change
// only if that follows at once and nothing went wrong in between. An update and
// a policy's change leave it as it was read: the next one asks of the entry that
// it is there and ours, and is about another policy.
type chain struct {
	entryAt  time.Time     // when entry was read or made; zero: not known
	entry    *access.Entry // nil: there is none
	policyAt time.Time
	policies map[string]access.Scope // by ARN

	made    bool            // this run made the entry, so AWS may not show it everywhere yet
	dropped map[string]bool // policies that this run took from the entry

	roleAt time.Time     // when role was read or written; zero: not known
	role   *plan.IAMRole // without its policies; nil: there is none
}

// freshFor is for how long a reading serves the changes that follow at once.
const freshFor = 5 * time.Second

// forget drops what was read; what this run did is kept.
func (c *chain) forget() { c.entryAt, c.policyAt, c.roleAt = time.Time{}, time.Time{}, time.Time{} }

func (j *job) fresh(at time.Time) bool {
	return !at.IsZero() && j.opts.Now().Sub(at) <= freshFor
}

// errEmpty is an answer without the object in it: not the same as "not there".
var errEmpty = errors.New("AWS answered without the object")

// errRepeats is a list that would never end.
var errRepeats = errors.New("the list repeats: a page token came a second time")

// readEntry reads the entry; nil if there is none.
func (j *job) readEntry(ctx context.Context) (*access.Entry, error) {
	j.chain.entryAt = time.Time{}
	out, err := j.eks.DescribeAccessEntry(ctx, &eks.DescribeAccessEntryInput{
		ClusterName: &j.key.Name, PrincipalArn: &j.change.Principal,
	})
	var e *access.Entry
	switch {
	case cloud.IsNotFound(err):
	case err != nil:
		return nil, j.unread("read access entry", err)
	default:
		if e = entryOf(out.AccessEntry); e == nil || e.Principal != j.change.Principal || e.Type == "" {
			return nil, j.unread("read access entry", errEmpty)
		}
	}
	j.chain.entry, j.chain.entryAt = e, j.opts.Now()
	return e, nil
}

// readMade is readEntry, but waits for an entry that this run made, for AWS
// shows it only after a while. (EKS User Guide, creating access entries: they
// are eventually consistent, which takes several seconds)
func (j *job) readMade(ctx context.Context) (*access.Entry, error) {
	until := j.opts.Now().Add(j.opts.Patience)
	for wait := firstWait; ; wait = nextWait(wait) {
		e, err := j.readEntry(ctx)
		if e != nil || err != nil || !j.chain.made || !j.pause(ctx, wait, until) {
			return e, err
		}
	}
}

// readPolicies reads the entry's associations; nil without an entry.
func (j *job) readPolicies(ctx context.Context) (map[string]access.Scope, error) {
	until := j.opts.Now().Add(j.opts.Patience)
	for wait := firstWait; ; wait = nextWait(wait) {
		have, err := j.listPolicies(ctx)
		if have != nil || err != nil || !j.chain.made || !j.pause(ctx, wait, until) {
			return have, err
		}
	}
}

func (j *job) listPolicies(ctx context.Context) (map[string]access.Scope, error) {
	j.chain.policyAt = time.Time{}
	have := map[string]access.Scope{}
	in := &eks.ListAssociatedAccessPoliciesInput{ClusterName: &j.key.Name, PrincipalArn: &j.change.Principal}
	seen := map[string]bool{}
	for {
		out, err := j.eks.ListAssociatedAccessPolicies(ctx, in)
		if cloud.IsNotFound(err) {
			have = nil
			break
		}
		if err != nil {
			return nil, j.unread("read access policies", err)
		}
		if out.AssociatedAccessPolicies == nil {
			return nil, j.unread("read access policies", errEmpty)
		}
		for _, a := range out.AssociatedAccessPolicies {
			scope, ok := scopeOf(a.AccessScope)
			if aws.ToString(a.PolicyArn) == "" || !ok {
				return nil, j.unread("read access policies", errEmpty)
			}
			have[*a.PolicyArn] = scope
		}
		next := aws.ToString(out.NextToken)
		if next == "" {
			break
		}
		if seen[next] {
			return nil, j.unread("read access policies", errRepeats)
		}
		seen[next], in.NextToken = true, &next
	}
	j.chain.policies, j.chain.policyAt = have, j.opts.Now()
	return have, nil
}

// cluster is what a change of the mode reads of one.
type cluster struct {
	status types.ClusterStatus
	mode   access.AuthMode
}

func (j *job) readCluster(ctx context.Context) (cluster, error) {
	out, err := j.eks.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &j.key.Name})
	if err != nil {
		return cluster{}, j.unread("read", err)
	}
	if out.Cluster == nil {
		return cluster{}, j.unread("read", errEmpty)
	}
	c := cluster{status: out.Cluster.Status}
	if a := out.Cluster.AccessConfig; a != nil {
		c.mode = access.AuthMode(a.AuthenticationMode)
	}
	return c, nil
}

func (j *job) unread(words string, err error) error {
	if id := requestOf(err); id != "" {
		j.out.RequestID = id
	}
	return &callError{words, j.object(), err}
}

func entryOf(a *types.AccessEntry) *access.Entry {
	if a == nil {
		return nil
	}
	e := &access.Entry{
		Principal: aws.ToString(a.PrincipalArn), Type: access.EntryType(aws.ToString(a.Type)),
		Username: aws.ToString(a.Username), Groups: append([]string(nil), a.KubernetesGroups...),
		Tags: maps.Clone(a.Tags), ARN: aws.ToString(a.AccessEntryArn), CreatedAt: aws.ToTime(a.CreatedAt),
	}
	e.Normalize()
	return e
}

// scopeOf is false for a scope of a type that is not known or not said.
func scopeOf(s *types.AccessScope) (access.Scope, bool) {
	switch {
	case s == nil:
	case s.Type == types.AccessScopeTypeCluster:
		return access.ClusterScope(), true
	case s.Type == types.AccessScopeTypeNamespace:
		return access.NamespaceScope(s.Namespaces...), true
	}
	return access.Scope{}, false
}
