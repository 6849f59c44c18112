package guard

import (
	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// widening holds a policy's step from namespaces to the whole cluster where
// one document still says namespaces and another one the cluster: EKS has one
// association of a policy on an entry, so the wider document overrules the
// narrower, whose author may not know.
func widening() plan.Guard {
	return plan.Guard{
		Slug:    "widening",
		About:   "A policy that was bound to namespaces becomes whole-cluster because a second document says so while the first still says namespaces.",
		Instead: "Write the scope that is meant in both documents.",
		Check: func(in *plan.Input) plan.Findings {
			return holdEach(in.Plan, func(c *plan.Change) string {
				_, to := associations(c)
				if to == nil || !to.Scope.Cluster || len(observedScope(in, c, to.Policy).Namespaces) == 0 {
					return ""
				}
				narrow, wide, ok := disagreement(in, c, to.Policy)
				if !ok {
					return ""
				}
				return access.ShortPolicy(to.Policy) + " of " + who(c) + " was bound to " + observedScope(in, c, to.Policy).String() +
					"; " + wide + " makes it the whole cluster while " + narrow + " still says namespaces"
			})
		},
	}
}

// disagreement finds two documents that want one policy in namespaces and on
// the whole cluster.
func disagreement(in *plan.Input, c *plan.Change, policy string) (narrow, wide string, ok bool) {
	w, found := in.Want.Cluster(c.Cluster)
	if !found {
		return "", "", false
	}
	var parts []access.WantScope
	for i := range w.Entries { // several may name one principal: a permission set, and its role's ARN
		if !names(w.Entries[i].Member, c.Principal) {
			continue
		}
		for _, a := range w.Entries[i].Associations {
			if a.Policy == policy {
				parts = append(parts, a.Parts...)
			}
		}
	}
	for _, n := range parts {
		for _, o := range parts {
			if !n.Scope.Cluster && o.Scope.Cluster && n.Source.Team != o.Source.Team {
				return sourceWords(n.Source), sourceWords(o.Source), true
			}
		}
	}
	return "", "", false
}

func sourceWords(s access.Source) string {
	if s.Team == "" {
		return s.Place.String()
	}
	return access.TeamWord(s.Team) + " (" + s.Place.String() + ")"
}
