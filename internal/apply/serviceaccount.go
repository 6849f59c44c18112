package apply

import (
	"context"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/kube"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// changeServiceAccount makes a change of a ServiceAccount.
func (j *job) changeServiceAccount(ctx context.Context) error {
	from, hasFrom := j.change.From.(plan.KubernetesAccount)
	to, hasTo := j.change.To.(plan.KubernetesAccount)
	o := &objectJob{job: j, words: "ServiceAccount", write: to.Written(j.plan.Owner)}
	if !hasTo {
		o.write = from.Written(j.plan.Owner)
	}
	o.get = func(ctx context.Context) (*found, error) {
		have, err := o.client.GetServiceAccount(ctx, j.change.Namespace, j.change.Name)
		if err != nil {
			return nil, err
		}
		s := &found{Standing: have.At, satisfied: hasTo && accountDone(j.plan, j.opts.ForeignTags, &have.HaveServiceAccount, &to)}
		if hasFrom {
			s.moved = j.unmovedAccount(have, &from)
		}
		_, by := j.plan.Owner.ManagedAccount(&have.HaveServiceAccount, j.opts.ForeignTags)
		s.inTheWay = j.movedWorkload("the ServiceAccount", "not there", "there and not as wanted ("+by+")")
		return s, nil
	}
	return o.makeChange(ctx)
}

// accountDone reports whether a ServiceAccount is as wanted.
func accountDone(p *plan.Plan, foreign map[string]string, have *access.HaveServiceAccount, to *plan.KubernetesAccount) bool {
	manage, _ := p.Owner.ManagedAccount(have, foreign)
	if have.Annotations[access.AnnotationRole] != to.Role {
		return false
	}
	return manage == to.Manage || to.Manage == access.ManageAnnotate
}

// unmovedAccount compares a ServiceAccount with what the plan saw.
func (j *job) unmovedAccount(have *kube.AccountObject, from *plan.KubernetesAccount) error {
	manage, _ := j.plan.Owner.ManagedAccount(&have.HaveServiceAccount, j.opts.ForeignTags)
	role := have.Annotations[access.AnnotationRole]
	switch {
	case from.UID != "" && have.UID != from.UID:
		return j.movedWorkload("the ServiceAccount", "the one with uid "+from.UID, "another, with uid "+have.UID)
	case role != from.Role:
		return j.movedWorkload("its role", orNone(from.Role), orNone(role))
	case manage != from.Manage:
		return j.movedWorkload("what of it is ours", orNone(string(from.Manage)), orNone(string(manage)))
	}
	return nil
}
