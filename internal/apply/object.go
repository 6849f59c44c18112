package apply

import (
	"context"

	"github.com/aws/smithy-go/middleware"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/kube"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// objectJob is a change of a ServiceAccount or a Secret while it is made,
// through the cluster's own API server, by server-side apply: what others set
// of it stays theirs.
type objectJob struct {
	*job
	words  string // what people call the kind
	client *kube.Client
	write  *access.WrittenObject // what is written; of one that goes, where it stands
	// get reads the object and judges it; kube.IsNotFound tells that there is
	// none.
	get func(context.Context) (*found, error)
}

// found is an object as it was read, held against its change.
type found struct {
	kube.Standing
	satisfied bool  // it is as wanted
	moved     error // nil: it is what the plan saw
	inTheWay  error // why nothing can be made where it stands
}

// makeChange makes the change.
func (o *objectJob) makeChange(ctx context.Context) error {
	client, err := o.apiServer(ctx)
	if err != nil {
		return &callError{"reach the API server for the " + o.words, o.object(), err}
	}
	o.client = client
	have, err := o.read(ctx)
	switch {
	case err != nil:
		return err
	case o.change.To == nil:
		return o.delete(ctx, have)
	case have != nil && have.satisfied:
		return nil
	case o.change.Verb == plan.Create && have != nil:
		return have.inTheWay
	case o.change.Verb != plan.Create:
		if err := o.unmoved(have); err != nil {
			return err
		}
	}
	return o.apply(ctx, have)
}

// read reads the object; nil if there is none.
func (o *objectJob) read(ctx context.Context) (*found, error) {
	until := o.opts.Now().Add(o.opts.Patience)
	for wait := firstWait; ; wait = nextWait(wait) {
		have, err := o.get(ctx)
		switch {
		case kube.IsNotFound(err):
			return nil, nil
		case err == nil:
			return have, nil
		case !o.notYetKnown(err) || !o.pause(ctx, wait, until):
			return nil, o.unread("read "+o.words, err)
		}
	}
}

// unmoved compares the object with what the plan saw.
func (o *objectJob) unmoved(have *found) error {
	if have == nil {
		return o.movedWorkload("the "+o.words, "there", "gone")
	}
	return have.moved
}

func (o *objectJob) apply(ctx context.Context, over *found) error {
	var err error
	for range applyAttempts {
		if err = o.applyOver(ctx, over); !kube.IsConflict(err) {
			return err
		}
		now, unread := o.read(ctx)
		switch {
		case unread != nil:
			return err
		case now != nil && now.satisfied:
			return nil
		case over == nil && now != nil:
			return now.inTheWay
		case over == nil:
			return err
		}
		if moved := o.unmoved(now); moved != nil {
			return moved
		}
		if now.ResourceVersion == over.ResourceVersion { // a field of another manager's
			return err
		}
		over = now
	}
	return err
}

func (o *objectJob) applyOver(ctx context.Context, over *found) error {
	var at *kube.Standing
	if over != nil {
		at = &over.Standing
	}
	return o.do(ctx, &write{
		operation: "Apply" + string(o.change.Kind), words: "apply " + o.words, from: recordedObject(o.change.From), to: recordedObject(o.change.To),
		send: func(ctx context.Context) (middleware.Metadata, error) {
			answer, err := o.client.ApplyObject(ctx, o.write, at)
			return audited(answer), err
		},
		took: func(ctx context.Context) (bool, error) {
			have, err := o.read(ctx)
			switch {
			case err != nil:
				return false, err
			case have != nil && have.satisfied:
				return true, nil
			case o.change.Verb == plan.Update:
				return false, o.unmoved(have)
			case have != nil:
				return false, have.inTheWay
			}
			return false, nil
		},
		delayed: o.notYetKnown,
	})
}

func (o *objectJob) delete(ctx context.Context, have *found) error {
	if have == nil || have.Ending {
		return nil
	}
	if have.moved != nil {
		return have.moved
	}
	return o.do(ctx, &write{
		operation: "Delete" + string(o.change.Kind), words: "delete " + o.words, from: recordedObject(o.change.From),
		send: func(ctx context.Context) (middleware.Metadata, error) {
			answer, err := o.client.DeleteObject(ctx, o.write, have.Standing)
			return audited(answer), err
		},
		took: func(ctx context.Context) (bool, error) {
			now, err := o.read(ctx)
			if err != nil || now == nil || now.Ending {
				return err == nil, err
			}
			return false, now.moved
		},
		standing: kube.IsNotFound,
		delayed:  o.notYetKnown,
	})
}

// recordedObject is an object in the record; nil is none.
func recordedObject(o plan.Object) any {
	if o == nil {
		return nil
	}
	return o
}
