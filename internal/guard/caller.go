package guard

import (
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/awsauth"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// caller holds what would take access from the principals whose credentials
// run this, in any account, on any cluster: the role that is assumed, and who
// assumes it. A dead entry gives its principal
// nothing, so nothing is taken with it.
func caller() plan.Guard {
	return plan.Guard{
		Slug:    "caller",
		About:   "The change takes access from the principal whose own credentials run this.",
		Instead: "Let somebody else run it, or accept that this run may be your last there.",
		Check: func(in *plan.Input) plan.Findings {
			self, facts := callers(in.Have)
			takes := false
			f := holdEach(in.Plan, func(c *plan.Change) string {
				lost := losses(c)
				if id, ok := access.PrincipalKeyOf(c.Principal); ok && self[id] {
					lost = append(lost, overridden(in, c)...)
				}
				if len(lost) == 0 {
					return ""
				}
				takes = true
				if isBinding(c) {
					return callersBinding(in, c, self, lost)
				}
				if id, ok := access.PrincipalKeyOf(c.Principal); !ok || !self[id] {
					return ""
				}
				if e, ok := observed(in, c); ok && in.Have.EntryAlive(e) == access.AliveRemade {
					return ""
				}
				return "takes " + list(lost) + " from " + who(c) + ", whose credentials run this"
			})
			if takes { // else nothing rests on who the caller is
				f.Facts = facts
			}
			return f
		},
	}
}

// overridden is what a new entry takes from a principal whom aws-auth maps now:
// an entry overrides its lines whole. An administrator of the whole cluster
// loses nothing, nor does who keeps the groups.
func overridden(in *plan.Input, c *plan.Change) []string {
	from, to := entries(c)
	h, ok := in.Have.Cluster(c.Cluster)
	if from != nil || to == nil || !ok || h.Kubernetes == nil || h.Kubernetes.AuthMap == nil || h.Mode == access.ModeAPI {
		return nil
	}
	m := awsauth.Parse(*h.Kubernetes.AuthMap)
	line, ok := m.Lookup(c.Principal)
	lost := slices.DeleteFunc(slices.Clone(line.Groups), func(g string) bool { return slices.Contains(to.Groups, g) })
	for i := range in.Plan.Changes {
		x := &in.Plan.Changes[i]
		if _, a := associations(x); a != nil && x.Cluster == c.Cluster && x.Principal == c.Principal && len(x.Held) == 0 && administers(*a) {
			return nil
		}
	}
	if !ok || len(lost) == 0 {
		return nil
	}
	return []string{"what aws-auth gives by " + list(lost)}
}

// callersBinding is the reason not to take a role that the caller has by a
// group, or by its username.
func callersBinding(in *plan.Input, c *plan.Change, self map[access.PrincipalKey]bool, lost []string) string {
	for _, e := range losers(in, c) {
		if id, ok := access.PrincipalKeyOf(e.Principal); ok && self[id] && in.Have.EntryAlive(e) != access.AliveRemade {
			return "takes " + list(lost) + " from " + e.Principal + ", whose credentials run this"
		}
	}
	return ""
}

// callers are the principals whose credentials the run works with, and the facts
// that say so: the role behind a session is known by account and name, also
// where the account's roles were not read. A root or federated caller has no
// access entry of its own that could be told: "unknown".
func callers(have *access.Snapshot) (map[access.PrincipalKey]bool, []plan.Fact) {
	self := make(map[access.PrincipalKey]bool)
	var facts []plan.Fact
	for i := range have.Accounts {
		a := &have.Accounts[i]
		value := "unknown"
		for i, k := range a.Callers() {
			self[k] = true
			if i == 0 {
				value = k.String()
			} else {
				value += ", assumed by " + k.String()
			}
		}
		facts = append(facts, plan.Fact{Guard: "caller", Subject: a.Account.ID, Value: value})
	}
	return self, facts
}
