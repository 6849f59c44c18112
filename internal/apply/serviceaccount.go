package apply

import (
	"context"

	"github.com/aws/smithy-go/middleware"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/kube"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// accountJob is a ServiceAccount's change while it is made.
type accountJob struct {
	*job
	client   *kube.Client
	from, to *plan.KubernetesAccount // nil: there is none
}

// changeServiceAccount makes a change of a ServiceAccount through the cluster's
// own API server, by server-side apply: what others set of it stays theirs.
func (j *job) changeServiceAccount(ctx context.Context) error {
	a := &accountJob{job: j}
	if o, ok := j.change.From.(plan.KubernetesAccount); ok {
		a.from = &o
	}
	if o, ok := j.change.To.(plan.KubernetesAccount); ok {
		a.to = &o
	}
	client, err := j.apiServer(ctx)
	if err != nil {
		return &callError{"reach the API server for the ServiceAccount", j.object(), err}
	}
	a.client = client
	have, err := a.read(ctx)
	switch {
	case err != nil:
		return err
	case a.to == nil:
		return a.delete(ctx, have)
	case a.satisfied(have):
		return nil
	case j.change.Verb == plan.Create:
		if have != nil {
			return a.inTheWay(have)
		}
	default:
		if err := a.unmoved(have); err != nil {
			return err
		}
	}
	return a.apply(ctx, have)
}

// read reads the ServiceAccount; nil if there is none.
func (a *accountJob) read(ctx context.Context) (*kube.AccountObject, error) {
	b := &bindingJob{job: a.job}
	until := a.opts.Now().Add(a.opts.Patience)
	for wait := firstWait; ; wait = nextWait(wait) {
		have, err := a.client.GetServiceAccount(ctx, a.change.Namespace, a.change.Name)
		switch {
		case kube.IsNotFound(err):
			return nil, nil
		case err == nil:
			return have, nil
		case !b.notYetKnown(err) || !a.pause(ctx, wait, until):
			return nil, a.unread("read ServiceAccount", err)
		}
	}
}

// is gives what of a ServiceAccount is ours, and its role.
func (a *accountJob) is(have *kube.AccountObject) (access.Manage, string) {
	manage, _ := a.plan.Owner.ManagedAccount(&have.HaveServiceAccount, a.opts.ForeignTags)
	return manage, have.Annotations[access.AnnotationRole]
}

// satisfied reports whether a ServiceAccount is as wanted.
func (a *accountJob) satisfied(have *kube.AccountObject) bool {
	return have != nil && accountDone(a.plan, a.opts.ForeignTags, &have.HaveServiceAccount, a.to)
}

func accountDone(p *plan.Plan, foreign map[string]string, have *access.HaveServiceAccount, to *plan.KubernetesAccount) bool {
	manage, _ := p.Owner.ManagedAccount(have, foreign)
	if have.Annotations[access.AnnotationRole] != to.Role {
		return false
	}
	return manage == to.Manage || to.Manage == access.ManageAnnotate
}

func (a *accountJob) inTheWay(have *kube.AccountObject) error {
	_, by := a.plan.Owner.ManagedAccount(&have.HaveServiceAccount, a.opts.ForeignTags)
	return a.movedWorkload("the ServiceAccount", "not there", "there and not as wanted ("+by+")")
}

// unmoved compares a ServiceAccount with what the plan saw.
func (a *accountJob) unmoved(have *kube.AccountObject) error {
	if have == nil {
		return a.movedWorkload("the ServiceAccount", "there", "gone")
	}
	manage, role := a.is(have)
	switch {
	case a.from.UID != "" && have.UID != a.from.UID:
		return a.movedWorkload("the ServiceAccount", "the one with uid "+a.from.UID, "another, with uid "+have.UID)
	case role != a.from.Role:
		return a.movedWorkload("its role", orNone(a.from.Role), orNone(role))
	case manage != a.from.Manage:
		return a.movedWorkload("what of it is ours", orNone(string(a.from.Manage)), orNone(string(manage)))
	}
	return nil
}

func (a *accountJob) apply(ctx context.Context, over *kube.AccountObject) error {
	var err error
	for range applyAttempts {
		if err = a.applyOver(ctx, over); !kube.IsConflict(err) {
			return err
		}
		now, unread := a.read(ctx)
		switch {
		case unread != nil:
			return err
		case a.satisfied(now):
			return nil
		case over == nil && now != nil:
			return a.inTheWay(now)
		case over == nil:
			return err
		}
		if moved := a.unmoved(now); moved != nil {
			return moved
		}
		if now.ResourceVersion == over.ResourceVersion { // a field of another manager's
			return err
		}
		over = now
	}
	return err
}

func (a *accountJob) applyOver(ctx context.Context, over *kube.AccountObject) error {
	labels, annotations := written(a.plan.Owner, a.to)
	b := &bindingJob{job: a.job}
	return a.do(ctx, &write{
		operation: "ApplyServiceAccount", words: "apply ServiceAccount", from: recordedAccount(a.from), to: recordedAccount(a.to),
		send: func(ctx context.Context) (middleware.Metadata, error) {
			_, answer, err := a.client.ApplyServiceAccount(ctx, a.change.Namespace, a.change.Name, labels, annotations, over)
			return audited(answer), err
		},
		took: func(ctx context.Context) (bool, error) {
			have, err := a.read(ctx)
			switch {
			case err != nil:
				return false, err
			case a.satisfied(have):
				return true, nil
			case a.change.Verb == plan.Update:
				return false, a.unmoved(have)
			case have != nil:
				return false, a.inTheWay(have)
			}
			return false, nil
		},
		delayed: b.notYetKnown,
	})
}

// written is what we write of a ServiceAccount: our labels where it is ours;
// the annotation of its role, and our marks beside it where that alone is.
func written(o access.Owner, to *plan.KubernetesAccount) (labels, annotations map[string]string) {
	if to.Manage == access.ManageCreate {
		labels = o.Labels()
	}
	if to.Role != "" {
		annotations = map[string]string{access.AnnotationRole: to.Role}
		for k, v := range o.Tags() {
			annotations[k] = v
		}
	}
	return labels, annotations
}

func (a *accountJob) delete(ctx context.Context, have *kube.AccountObject) error {
	if have == nil || have.Ending {
		return nil
	}
	if err := a.unmoved(have); err != nil {
		return err
	}
	b := &bindingJob{job: a.job}
	return a.do(ctx, &write{
		operation: "DeleteServiceAccount", words: "delete ServiceAccount", from: recordedAccount(a.from),
		send: func(ctx context.Context) (middleware.Metadata, error) {
			answer, err := a.client.DeleteServiceAccount(ctx, have)
			return audited(answer), err
		},
		took: func(ctx context.Context) (bool, error) {
			now, err := a.read(ctx)
			if err != nil || now == nil || now.Ending {
				return err == nil, err
			}
			return false, a.unmoved(now)
		},
		standing: kube.IsNotFound,
		delayed:  b.notYetKnown,
	})
}

func recordedAccount(a *plan.KubernetesAccount) any {
	if a == nil {
		return nil
	}
	return *a
}
