package guard

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// sides gives a change's from and to where it is about objects of one kind; nil
// stands for a side that is not there.
func sides[O plan.Object, T any](c *plan.Change, of func(*O) *T) (from, to *T) {
	if o, ok := c.From.(O); ok {
		from = of(&o)
	}
	if o, ok := c.To.(O); ok {
		to = of(&o)
	}
	return from, to
}

// entries are the sides of a change of an access entry.
func entries(c *plan.Change) (from, to *access.Entry) {
	return sides(c, func(e *plan.Entry) *access.Entry { return &e.Entry })
}

// associations are the sides of a change of a policy association.
func associations(c *plan.Change) (from, to *access.Association) {
	return sides(c, func(a *plan.Association) *access.Association { return &a.Association })
}

// removes reports whether a change deletes an object, also one that it makes
// again.
func removes(c *plan.Change) bool { return c.Verb == plan.Delete || c.Verb == plan.Replace }

// heldBy reports whether a guard's slug, or Compute under it, holds a change.
func heldBy(c *plan.Change, slug string) bool {
	return slices.ContainsFunc(c.Held, func(h plan.Hold) bool { return h.Guard == slug })
}

// losses says in words what a change takes from its principal, or from whom
// its binding binds, once it is made
// or while it is being made; nil for a change that only gives. Tags are no
// access.
func losses(c *plan.Change) []string {
	switch c.Kind {
	case plan.AccessEntry:
		from, to := entries(c)
		switch {
		case from == nil:
			return nil
		case removes(c) || to == nil:
			lost := []string{"the access entry"}
			for _, a := range from.Associations {
				lost = append(lost, policyWords(a.Policy, a.Scope))
			}
			return lost
		}
		return identityLosses(from, to)
	case plan.PolicyAssociation:
		from, to := associations(c)
		switch {
		case from == nil:
			return nil
		case to == nil:
			return []string{policyWords(from.Policy, from.Scope)}
		case from.Scope.Cluster && !to.Scope.Cluster:
			return []string{policyWords(from.Policy, from.Scope)}
		}
		if gone := to.Scope.Minus(from.Scope); len(gone) > 0 {
			return []string{policyWords(from.Policy, access.NamespaceScope(gone...))}
		}
	case plan.RoleBinding, plan.ClusterRoleBinding:
		return bindingLosses(c)
	case plan.Role, plan.RolePolicy, plan.RoleAttachment, plan.PodIdentityAssociation, plan.ServiceAccount, plan.ArgoCDSecret:
		return workloadLosses(c)
	}
	return nil
}

// identityLosses is what an update of an entry takes: a username, for what is
// bound to the old one no longer reaches the principal, and groups.
func identityLosses(from, to *access.Entry) []string {
	var lost []string
	if from.Username != to.Username {
		lost = append(lost, "username "+from.Username)
	}
	for _, g := range from.Groups {
		if !slices.Contains(to.Groups, g) {
			lost = append(lost, "group "+g)
		}
	}
	return lost
}

func policyWords(policy string, s access.Scope) string {
	if s.Cluster {
		return access.ShortPolicy(policy) + " on the whole cluster"
	}
	return access.ShortPolicy(policy) + " on " + s.String()
}

// list is words with commas and a last "and".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// observed is the entry that AWS was seen to have at a change's key.
func observed(in *plan.Input, c *plan.Change) (*access.Entry, bool) {
	h, ok := in.Have.Cluster(c.Cluster)
	if !ok {
		return nil, false
	}
	return h.Entry(c.Principal)
}

// observedScope is where a principal was seen to have a policy; zero if it had
// not.
func observedScope(in *plan.Input, c *plan.Change, policy string) access.Scope {
	if e, ok := observed(in, c); ok {
		if a, ok := e.Association(policy); ok {
			return a.Scope
		}
	}
	return access.Scope{}
}

// ours reports whether an observed entry belongs to the plan's environment.
func ours(in *plan.Input, e *access.Entry) bool {
	return in.Want.Owner.OwnerOf(e.Tags, in.Want.ForeignTags).Ours
}

// made tells the changes that nothing but some guards keep from being made:
// those not held by others, whose dependencies are made too. A guard leaves its
// own holds out, and what waits for them only, so that it gives the same answer
// when asked again.
func made(p *plan.Plan, but ...string) map[string]bool {
	but = append(but, plan.Depends)
	byID := make(map[string]*plan.Change, len(p.Changes))
	for i := range p.Changes {
		byID[p.Changes[i].ID] = &p.Changes[i]
	}
	done := make(map[string]bool, len(p.Changes))
	var visit func(id string) bool
	visit = func(id string) bool {
		if ok, seen := done[id]; seen {
			return ok
		}
		c, ok := byID[id]
		if !ok {
			return true // not of this plan: nothing to wait for
		}
		done[id] = true // also cuts a circle
		held := slices.ContainsFunc(c.Held, func(h plan.Hold) bool { return !slices.Contains(but, h.Guard) })
		done[id] = !held && !slices.ContainsFunc(c.DependsOn, func(d string) bool { return !visit(d) })
		return done[id]
	}
	for i := range p.Changes {
		visit(p.Changes[i].ID)
	}
	return done
}

// byCluster groups a plan's changes, in their order.
func byCluster(p *plan.Plan) map[access.ClusterKey][]*plan.Change {
	groups := make(map[access.ClusterKey][]*plan.Change)
	for i := range p.Changes {
		c := &p.Changes[i]
		groups[c.Cluster] = append(groups[c.Cluster], c)
	}
	return groups
}

// holdEach holds every change for which reason has words.
func holdEach(p *plan.Plan, reason func(*plan.Change) string) plan.Findings {
	var f plan.Findings
	for i := range p.Changes {
		if r := reason(&p.Changes[i]); r != "" {
			f.Holds = append(f.Holds, plan.Finding{Change: p.Changes[i].ID, Reason: r})
		}
	}
	return f
}
