package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/kube"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// changeBinding makes a change of a ClusterRoleBinding or RoleBinding through
// the cluster's own API server. A binding's role cannot be changed, so another
// role is a delete and a create.
func (j *job) changeBinding(ctx context.Context) error {
	var from, to *access.Binding
	if o, ok := j.change.From.(plan.Binding); ok {
		from = &o.Binding
	}
	if o, ok := j.change.To.(plan.Binding); ok {
		to = &o.Binding
		if !carries(to.Labels, j.plan.Owner.Labels()) {
			return fmt.Errorf("%s: %w", j.change.ID, errNotWhole)
		}
	}
	if j.opts.adopt && !(from.SameAccess(to) && carries(to.Labels, withoutOurs(from.Labels, to.Labels))) {
		return errAdopt
	}
	client, err := j.apiServer(ctx)
	if err != nil {
		return &callError{"reach the API server for the " + j.bindingWords(), j.object(), err}
	}
	b := &bindingJob{job: j, client: client, from: from, to: to}
	have, err := b.read(ctx)
	if err != nil {
		return err
	}
	switch {
	case to != nil && b.satisfied(have):
		return nil
	case j.change.Verb == plan.Create:
		if have != nil {
			return b.inTheWay(have)
		}
		return b.apply(ctx, nil)
	case j.change.Verb == plan.Update:
		if err := b.unmoved(have); err != nil {
			return err
		}
		return b.apply(ctx, have)
	}
	if have != nil {
		if err := b.unmoved(have); err != nil {
			return err
		}
		if err := b.delete(ctx, have); err != nil {
			return err
		}
	}
	if to == nil {
		return nil
	}
	return b.apply(ctx, nil)
}

// bindingJob is a binding's change while it is made.
type bindingJob struct {
	*job
	client   *kube.Client
	from, to *access.Binding // nil: there is none
}

// carries reports whether labels have all that are wanted.
func carries(labels, want map[string]string) bool {
	for k, v := range want {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// withoutOurs are labels but those that adopting sets.
func withoutOurs(labels, set map[string]string) map[string]string {
	rest := maps.Clone(labels)
	for _, k := range []string{access.TagEnvironment, access.TagID, access.LabelManagedBy} {
		if _, ok := set[k]; ok {
			delete(rest, k)
		}
	}
	return rest
}

// named is the change's binding by its name alone.
func (j *job) named() *access.Binding {
	return &access.Binding{Namespace: j.change.Namespace, Name: j.change.Name}
}

// read reads the binding; nil if there is none.
func (b *bindingJob) read(ctx context.Context) (*kube.Object, error) {
	until := b.opts.Now().Add(b.opts.Patience)
	for wait := firstWait; ; wait = nextWait(wait) {
		have, err := b.client.Get(ctx, b.named())
		switch {
		case kube.IsNotFound(err):
			return nil, nil
		case err == nil:
			return have, nil
		case !b.notYetKnown(err) || !b.pause(ctx, wait, until):
			return nil, b.unread("read "+b.bindingWords(), err)
		}
	}
}

func (b *bindingJob) ours(have *access.Binding) access.Ownership {
	return b.plan.Owner.OwnerOfBinding(have, b.opts.ForeignTags)
}

// satisfied reports whether a binding is as wanted and bears our mark. Labels
// that are not wanted do not count.
func (b *bindingJob) satisfied(have *kube.Object) bool {
	return have != nil && bindingDone(b.plan, b.opts.ForeignTags, &have.Binding, b.to)
}

func bindingDone(p *plan.Plan, foreign map[string]string, have, want *access.Binding) bool {
	return have.SameAccess(want) && carries(have.Labels, want.Labels) && p.Owner.OwnerOfBinding(have, foreign).Ours
}

func (b *bindingJob) inTheWay(have *kube.Object) error {
	if o := b.ours(&have.Binding); !o.Ours {
		return b.movedBinding("the binding", "not there", "there and not ours ("+o.By+")")
	}
	return b.movedBinding("the binding", "not there", "there and different: "+bindingIs(&have.Binding))
}

func (b *bindingJob) movedBinding(what, was, is string) error {
	return &MovedError{Object: b.object(), What: what, Was: was, Is: is}
}

func bindingIs(b *access.Binding) string {
	var subjects []string
	for _, s := range b.Subjects {
		subjects = append(subjects, string(s.Kind)+" "+strings.TrimPrefix(s.Namespace+"/"+s.Name, "/"))
	}
	return b.Role.String() + " to " + orNone(strings.Join(subjects, ", "))
}

// unmoved compares a binding with what the plan saw.
func (b *bindingJob) unmoved(have *kube.Object) error {
	switch {
	case have == nil:
		return b.movedBinding("the binding", "there", "gone")
	case b.from.UID != "" && have.UID != b.from.UID:
		return b.movedBinding("the binding", "the one with uid "+b.from.UID, "another, with uid "+have.UID)
	case !have.SameAccess(b.from):
		return b.movedBinding("the binding", bindingIs(b.from), bindingIs(&have.Binding))
	case !maps.Equal(have.Labels, b.from.Labels):
		return b.movedBinding("the binding's labels", fmt.Sprint(b.from.Labels), fmt.Sprint(have.Labels))
	}
	if o := b.ours(&have.Binding); !o.Ours && !b.opts.adopt {
		return b.movedBinding("its owner", "environment "+b.plan.Owner.Environment, o.By)
	}
	return nil
}

// applyAttempts bounds how often a write is made over a newer version that
// differs in nothing that counts.
const applyAttempts = 5

// apply writes the binding over what was read, or where nothing was. What has
// changed since is read once more and judged as before the write.
func (b *bindingJob) apply(ctx context.Context, over *kube.Object) error {
	var err error
	for range applyAttempts {
		if err = b.applyOver(ctx, over); !kube.IsConflict(err) {
			return err
		}
		now, unread := b.read(ctx)
		switch {
		case unread != nil:
			return err
		case b.satisfied(now): // another run of ours was first
			return nil
		case over == nil && now != nil:
			return b.inTheWay(now)
		case over == nil:
			return err
		}
		if moved := b.unmoved(now); moved != nil {
			return moved
		}
		if now.ResourceVersion == over.ResourceVersion { // a field of another manager's
			return err
		}
		over = now
	}
	return err
}

func (b *bindingJob) applyOver(ctx context.Context, over *kube.Object) error {
	return b.do(ctx, &write{
		operation: "Apply" + string(b.change.Kind), words: "apply " + b.bindingWords(), from: recordedBinding(b.from), to: recordedBinding(b.to),
		send: func(ctx context.Context) (middleware.Metadata, error) {
			_, a, err := b.client.Apply(ctx, b.wanted(), over)
			return audited(a), err
		},
		took: func(ctx context.Context) (bool, error) {
			have, err := b.read(ctx)
			switch {
			case err != nil:
				return false, err
			case b.satisfied(have):
				return true, nil
			case b.change.Verb == plan.Update:
				return false, b.unmoved(have)
			case have != nil:
				return false, b.inTheWay(have)
			}
			return false, nil
		},
		delayed: b.notYetKnown,
	})
}

// wanted is what is sent: our labels and what gives access. Labels of others
// stay theirs.
func (b *bindingJob) wanted() *access.Binding {
	return &access.Binding{Namespace: b.to.Namespace, Name: b.to.Name, Role: b.to.Role, Subjects: b.to.Subjects, Labels: b.plan.Owner.Labels()}
}

func (b *bindingJob) delete(ctx context.Context, have *kube.Object) error {
	return b.do(ctx, &write{
		operation: "Delete" + string(b.change.Kind), words: "delete " + b.bindingWords(), from: recordedBinding(b.from),
		send: func(ctx context.Context) (middleware.Metadata, error) {
			a, err := b.client.Delete(ctx, have, false)
			return audited(a), err
		},
		took: func(ctx context.Context) (bool, error) {
			now, err := b.read(ctx)
			if err != nil || now == nil || now.Ending {
				return err == nil, err
			}
			return false, b.unmoved(now)
		},
		standing: kube.IsNotFound,
		delayed:  b.notYetKnown,
	})
}

// audited puts an API server's id of a request where AWS's would be.
func audited(a kube.Answer) middleware.Metadata {
	var md middleware.Metadata
	if a.AuditID != "" {
		awsmiddleware.SetRequestIDMetadata(&md, a.AuditID)
	}
	return md
}

func (j *job) bindingWords() string { return strings.ToLower(string(j.change.Kind)) }

// recordedRole is a binding in the record.
type recordedRole struct {
	Role     access.RoleRef    `json:"role"`
	Subjects []access.Subject  `json:"subjects,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
}

func recordedBinding(b *access.Binding) any {
	if b == nil {
		return nil
	}
	return recordedRole{b.Role, b.Subjects, b.Labels}
}

var errNoServer = errors.New("EKS gives no endpoint for it")
