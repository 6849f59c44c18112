package apply

import (
	"context"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// changeArgoSecret makes a change of a Secret that registers a cluster with an
// Argo CD. What another's Secret says is not read.
func (j *job) changeArgoSecret(ctx context.Context) error {
	from, hasFrom := j.change.From.(plan.ArgoSecret)
	to, hasTo := j.change.To.(plan.ArgoSecret)
	o := &objectJob{job: j, words: "Secret", write: to.Written()}
	if !hasTo {
		o.write = from.Written()
	}
	o.get = func(ctx context.Context) (*found, error) {
		have, err := o.client.GetArgoSecret(ctx, access.ArgoSecretKey{Namespace: j.change.Namespace, Name: j.change.Name}, j.plan.Owner, j.opts.ForeignTags)
		if err != nil {
			return nil, err
		}
		s := &found{Standing: have.At, satisfied: hasTo && argoSecretDone(j.plan, j.opts.ForeignTags, &have.HaveArgoSecret, &to)}
		if hasFrom {
			s.moved = j.unmovedArgoSecret(&have.HaveArgoSecret, &from)
		}
		what := "there and not as wanted"
		if own := j.plan.Owner.OwnerOfArgoSecret(&have.HaveArgoSecret, j.opts.ForeignTags); !own.Ours {
			what = "there and not ours (" + own.By + ")"
		}
		s.inTheWay = j.movedWorkload("the Secret", "not there", what)
		return s, nil
	}
	return o.makeChange(ctx)
}

// argoSecretDone reports whether a Secret is as wanted and ours.
func argoSecretDone(p *plan.Plan, foreign map[string]string, have *access.HaveArgoSecret, to *plan.ArgoSecret) bool {
	is := plan.SeenArgoSecret(p.Owner, have)
	return p.Owner.OwnerOfArgoSecret(have, foreign).Ours && to.Same(&is)
}

// unmovedArgoSecret compares a Secret with what the plan saw.
func (j *job) unmovedArgoSecret(have *access.HaveArgoSecret, from *plan.ArgoSecret) error {
	is := plan.SeenArgoSecret(j.plan.Owner, have)
	own := j.plan.Owner.OwnerOfArgoSecret(have, j.opts.ForeignTags)
	switch {
	case from.UID != "" && have.UID != from.UID:
		return j.movedWorkload("the Secret", "the one with uid "+from.UID, "another, with uid "+have.UID)
	case !own.Ours:
		return j.movedWorkload("its owner", "environment "+j.plan.Owner.Environment, own.By)
	case is.Registration != from.Registration:
		return j.movedWorkload("what it says", "of cluster "+orNone(from.ClusterName)+" at "+orNone(from.Server), "something else")
	}
	return nil
}
