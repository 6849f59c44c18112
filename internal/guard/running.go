package guard

import (
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
	"github.com/atlas-iam/atlas-iam/internal/trust"
)

// running points out the pods that run and lose the way by which they come to
// their role's credentials, though their ServiceAccount keeps the role by the
// other scheme: a pod has its scheme from when it was made, and is refused when
// what it holds expires. (EKS User Guide, pod-id-how-it-works and
// pod-configuration: a pod's environment is written when it is made)
func (w *workloads) running(r *access.WantRole) {
	cut := map[*plan.Change]map[access.Credentials][]access.WantTrust{}
	for _, t := range r.Trust {
		old := t
		old.Untagged, old.Credentials = false, access.IRSA
		if t.Credentials == access.IRSA {
			old.Credentials = access.PodIdentity
		}
		if slices.ContainsFunc(r.Trust, func(o access.WantTrust) bool { return o.Compare(old) == 0 }) {
			continue // it has both
		}
		if c := w.cutting(r, old); c != nil {
			if cut[c] == nil {
				cut[c] = map[access.Credentials][]access.WantTrust{}
			}
			cut[c][old.Credentials] = append(cut[c][old.Credentials], old)
		}
	}
	for i := range w.in.Plan.Changes {
		c := &w.in.Plan.Changes[i]
		for _, by := range []access.Credentials{access.IRSA, access.PodIdentity} {
			if of := cut[c][by]; len(of) > 0 {
				w.warn("restart", c, "pods of "+accountsOn(of)+" that run already have role "+access.RoleName(r.ARN)+" by "+schemeWords(by)+
					": they keep what they hold until it expires and are then refused; restart them after the apply")
			}
		}
	}
}

// cutting is the change by which a role can no more be had as the trust says,
// nil if there is none: one of its trust policy, else of an association that
// goes.
func (w *workloads) cutting(r *access.WantRole, old access.WantTrust) *plan.Change {
	if len(w.takers) == 0 {
		return nil
	}
	statements, missing := trust.Want([]access.WantTrust{old}, trust.IssuersOf(w.in.Have, r.Account))
	for _, c := range w.takers {
		from, isRole := c.From.(plan.IAMRole)
		to, _ := c.To.(plan.IAMRole)
		if isRole && to.ARN == r.ARN && len(missing) == 0 && len(trust.Lacks(from.Trust, statements)) == 0 && len(trust.Lacks(to.Trust, statements)) > 0 {
			return c
		}
	}
	for _, c := range w.takers {
		from, ok := c.From.(plan.PodIdentity)
		if ok && old.Credentials == access.PodIdentity && from.Role == r.ARN && c.Cluster == old.Cluster &&
			access.MatchPattern(old.Namespace, from.Namespace) && access.MatchPattern(old.Name, from.ServiceAccount) {
			return c
		}
	}
	return nil
}

// takersOf are the changes of a plan that may take a way to a role: those of
// trust policies, and associations that go.
func takersOf(p *plan.Plan) []*plan.Change {
	var out []*plan.Change
	for i := range p.Changes {
		c := &p.Changes[i]
		switch from := c.From.(type) {
		case plan.IAMRole:
			if to, ok := c.To.(plan.IAMRole); ok && from.Trust != "" && to.Trust != "" && from.Trust != to.Trust {
				out = append(out, c)
			}
		case plan.PodIdentity:
			if c.To == nil {
				out = append(out, c)
			}
		}
	}
	return out
}

// accountsOn are ServiceAccounts with their clusters, as sentences have them.
func accountsOn(of []access.WantTrust) string {
	var names []string
	for _, t := range of {
		names = append(names, t.Namespace+"/"+t.Name+" on "+t.Cluster.Name)
	}
	return few(names)
}

func schemeWords(c access.Credentials) string {
	if c == access.PodIdentity {
		return "Pod Identity"
	}
	return "IRSA"
}
