package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/smithy-go/middleware"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// changeEntry makes a change of an access entry.
func (j *job) changeEntry(ctx context.Context) error {
	var from, to *access.Entry
	if o, ok := j.change.From.(plan.Entry); ok {
		from = &o.Entry
	}
	if o, ok := j.change.To.(plan.Entry); ok {
		to = completed(&o.Entry)
	}
	if j.opts.adopt && !j.adopts(from, to) {
		return errAdopt
	}
	have, err := j.readEntry(ctx)
	if err != nil {
		return err
	}
	switch j.change.Verb {
	case plan.Create:
		return j.createEntry(ctx, have, to)
	case plan.Update:
		return j.updateEntry(ctx, have, from, to)
	case plan.Replace:
		return j.replaceEntry(ctx, have, from, to)
	case plan.Delete:
		return j.deleteEntry(ctx, have, from)
	}
	return fmt.Errorf("%s: %w", j.change.ID, errNotWhole)
}

// completed fills what a wanted entry leaves to EKS.
func completed(e *access.Entry) *access.Entry {
	c := e.Clone()
	c.Normalize()
	if p, err := access.ParseIAMPrincipal(c.Principal); err == nil && c.Username == "" && c.Type == access.Standard {
		c.Username = p.DefaultUsername()
	}
	return c
}

// adopts reports whether a change only adds tags.
func (j *job) adopts(from, to *access.Entry) bool {
	for k, v := range from.Tags {
		if w, ok := to.Tags[k]; !ok || (w != v && k != access.TagEnvironment && k != access.TagID) {
			return false
		}
	}
	return sameIdentity(from, to)
}

// sameIdentity compares what an entry says of itself. Outside of STANDARD the
// username and the groups are EKS's to set, and a wanted entry may leave them
// out.
func sameIdentity(have, want *access.Entry) bool {
	w := *want
	if w.Username == "" {
		w.Username = have.Username
	}
	if w.Type != access.Standard && len(w.Groups) == 0 {
		w.Groups = have.Groups
	}
	return have.SameIdentity(&w)
}

func (j *job) ours(e *access.Entry) access.Ownership {
	return j.plan.Owner.OwnerOf(e.Tags, j.opts.ForeignTags)
}

// satisfied reports whether an entry is as wanted and bears our mark. Tags
// that are not wanted do not count.
func (j *job) satisfied(have, want *access.Entry) bool {
	return have != nil && sameIdentity(have, want) && len(missingTags(have, want)) == 0 && j.ours(have).Ours
}

func missingTags(have, want *access.Entry) map[string]string {
	missing := map[string]string{}
	for k, v := range want.Tags {
		if h, ok := have.Tags[k]; !ok || h != v {
			missing[k] = v
		}
	}
	return missing
}

func merged(a, b map[string]string) map[string]string {
	m := maps.Clone(b)
	for k, v := range a {
		if _, ok := m[k]; !ok {
			m[k] = v
		}
	}
	return m
}

func (j *job) createEntry(ctx context.Context, have, to *access.Entry) error {
	switch {
	case have == nil:
		return j.sendCreate(ctx, to, nil)
	case j.satisfied(have, to):
		return nil
	}
	return j.inTheWay(have, to)
}

// sendCreate makes the entry. replaced is the one that stood there before and
// may still be seen for a while.
func (j *job) sendCreate(ctx context.Context, to, replaced *access.Entry) error {
	in := &eks.CreateAccessEntryInput{
		ClusterName: &j.key.Name, PrincipalArn: &j.change.Principal, Type: aws.String(string(to.Type)),
		KubernetesGroups: to.Groups, Tags: to.Tags,
		ClientRequestToken: aws.String(j.requestToken(j.change.ID, "CreateAccessEntry")),
	}
	p, err := access.ParseIAMPrincipal(to.Principal)
	if to.Type == access.Standard && to.Username != "" && (err != nil || to.Username != p.DefaultUsername()) {
		in.Username = &to.Username
	}
	var made *access.Entry
	err = j.do(ctx, &write{
		operation: "CreateAccessEntry", words: "create access entry", to: recorded(to),
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := j.eks.CreateAccessEntry(ctx, in)
			if err != nil {
				return middleware.Metadata{}, err
			}
			made = entryOf(out.AccessEntry)
			return out.ResultMetadata, nil
		},
		took: func(ctx context.Context) (bool, error) {
			have, err := j.readEntry(ctx)
			switch {
			case err != nil:
				return false, err
			case have == nil || replaced != nil && sameEntry(have, replaced):
				return false, nil
			case j.satisfied(have, to):
				made = have
				return true, nil
			}
			return false, j.inTheWay(have, to)
		},
		standing: inUse,
		// A principal that was looked up is there; IAM may not show it yet.
		delayed: invalidPrincipal,
	})
	if err != nil {
		return err
	}
	j.chain.made, j.chain.dropped = j.made, nil
	j.chain.entry, j.chain.entryAt = made, j.opts.Now()
	if made == nil {
		j.chain.forget()
	}
	return nil
}

// inTheWay says what stands where an entry was to be made.
func (j *job) inTheWay(have, to *access.Entry) error {
	if o := j.ours(have); !o.Ours {
		return j.moved("the entry", "not there", "there and not ours ("+o.By+")")
	}
	return j.moved("the entry", "not there", "there and different: "+words(have)+"; wanted is "+words(to))
}

func (j *job) updateEntry(ctx context.Context, have, from, to *access.Entry) error {
	if from.Type != to.Type {
		return fmt.Errorf("%s: %w", j.change.ID, errNotWhole)
	}
	if have != nil && j.satisfied(have, to) {
		return nil
	}
	if err := j.unmoved(have, from, to); err != nil {
		return err
	}
	if o := j.ours(have); !o.Ours && !j.opts.adopt {
		return j.moved("its owner", "environment "+j.plan.Owner.Environment, o.By)
	}
	if !sameIdentity(have, to) {
		if err := j.sendUpdate(ctx, have, from, to); err != nil {
			return err
		}
	}
	missing := missingTags(have, to)
	if len(missing) == 0 {
		return nil
	}
	return j.sendTags(ctx, have, from, to, missing)
}

// sendUpdate sets groups and username, both, so that nothing rests on what EKS
// does with what is left out.
func (j *job) sendUpdate(ctx context.Context, have, from, to *access.Entry) error {
	in := &eks.UpdateAccessEntryInput{
		ClusterName: &j.key.Name, PrincipalArn: &j.change.Principal,
		KubernetesGroups:   append([]string{}, to.Groups...), // empty is a list too: it takes all
		ClientRequestToken: aws.String(j.requestToken(j.change.ID, "UpdateAccessEntry")),
	}
	if to.Username != "" {
		in.Username = &to.Username
	}
	return j.do(ctx, &write{
		operation: "UpdateAccessEntry", words: "update access entry", from: recorded(have), to: recorded(to),
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := j.eks.UpdateAccessEntry(ctx, in)
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		},
		took: func(ctx context.Context) (bool, error) {
			now, err := j.readEntry(ctx)
			if err != nil {
				return false, err
			}
			if now != nil && sameIdentity(now, to) {
				return true, nil
			}
			return false, j.unmoved(now, from, to)
		},
		delayed: j.notYetThere,
	})
}

// sendTags adds tags; it never takes one.
func (j *job) sendTags(ctx context.Context, have, from, to *access.Entry, tags map[string]string) error {
	before := map[string]string{}
	for k := range tags {
		if v, ok := have.Tags[k]; ok {
			before[k] = v
		}
	}
	return j.do(ctx, &write{
		operation: "TagResource", words: "tag access entry", from: tagged{before}, to: tagged{tags},
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := j.eks.TagResource(ctx, &eks.TagResourceInput{ResourceArn: &have.ARN, Tags: tags})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		},
		took: func(ctx context.Context) (bool, error) {
			now, err := j.readEntry(ctx)
			if err != nil {
				return false, err
			}
			if now != nil && len(missingTags(now, to)) == 0 {
				return true, nil
			}
			return false, j.unmoved(now, from, to)
		},
		delayed: j.notYetThere,
	})
}

// notYetThere is the refusal of a write on an entry that this run made and AWS
// does not show everywhere yet.
func (j *job) notYetThere(err error) bool {
	return j.chain.made && (cloud.IsNotFound(err) || cloud.Code(err) == "NotFoundException") // the latter is the tagging calls'
}

// replaceEntry deletes the entry and makes it again: for its type, or for its
// principal that was made again. A run that was killed between the two left
// nothing; then only the second is to do.
func (j *job) replaceEntry(ctx context.Context, have, from, to *access.Entry) error {
	if have != nil && j.satisfied(have, to) && !sameEntry(have, from) {
		return nil
	}
	if have != nil {
		if !j.ours(from).Ours {
			return fmt.Errorf("%s: %w", j.change.ID, errNotWhole)
		}
		if err := j.deleteEntry(ctx, have, from); err != nil {
			return err
		}
	}
	return j.sendCreate(ctx, to, from)
}

// deleteEntry takes an entry away with its policies. Its tags must be those the
// plan saw, all of them: so it is ours if it was ours then, and one that was
// not is in the plan by Cluster.remove alone.
func (j *job) deleteEntry(ctx context.Context, have, from *access.Entry) error {
	if have == nil {
		return nil
	}
	if err := j.unmoved(have, from, nil); err != nil {
		return err
	}
	policies, err := j.listPolicies(ctx)
	if err != nil {
		return err
	}
	if err := j.samePolicies(policies, from); err != nil {
		return err
	}
	err = j.do(ctx, &write{
		operation: "DeleteAccessEntry", words: "delete access entry", from: recorded(from),
		send: func(ctx context.Context) (middleware.Metadata, error) {
			out, err := j.eks.DeleteAccessEntry(ctx, &eks.DeleteAccessEntryInput{
				ClusterName: &j.key.Name, PrincipalArn: &j.change.Principal,
			})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		},
		took: func(ctx context.Context) (bool, error) {
			now, err := j.readEntry(ctx)
			if err != nil || now == nil {
				return err == nil, err
			}
			return false, j.unmoved(now, from, nil)
		},
		standing: cloud.IsNotFound,
	})
	if err == nil {
		j.chain.forget()
		j.chain.made = false
	}
	return err
}

// sameEntry reports whether two readings are of one entry and not of one made
// again under the same key.
func sameEntry(a, b *access.Entry) bool {
	if a.ARN != "" && b.ARN != "" && a.ARN != b.ARN {
		return false
	}
	return a.CreatedAt.IsZero() || b.CreatedAt.IsZero() || a.CreatedAt.Equal(b.CreatedAt)
}

// samePolicies compares an entry's policies with what the plan saw, this run's
// own deletes aside: they all go with the entry, so none may be new.
func (j *job) samePolicies(have map[string]access.Scope, from *access.Entry) error {
	for _, a := range from.Associations {
		is, ok := have[a.Policy]
		if !ok && !j.chain.dropped[a.Policy] {
			return j.moved("policy "+access.ShortPolicy(a.Policy), "on "+a.Scope.String(), "not there")
		}
		if ok && !is.Equal(a.Scope) {
			return j.moved("policy "+access.ShortPolicy(a.Policy), "on "+a.Scope.String(), "on "+is.String())
		}
	}
	for _, policy := range slices.Sorted(maps.Keys(have)) {
		if _, ok := from.Association(policy); !ok {
			return j.moved("policy "+access.ShortPolicy(policy), "not there", "on "+have[policy].String())
		}
	}
	return nil
}
