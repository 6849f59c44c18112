package guard

import (
	"maps"

	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// protected holds what would take anything from a member that its Cluster
// document protects, whoever owns the entry, and what would change the tags of
// its entry. Giving it more is allowed.
func protected() plan.Guard {
	return plan.Guard{
		Slug:    "protected",
		About:   "The change removes, narrows, renames or retags an entry that the Cluster document protects, or changes a role, its trust or its policies that one protects.",
		Instead: "Take the member out of `protect`.",
		Check: func(in *plan.Input) plan.Findings {
			return holdEach(in.Plan, func(c *plan.Change) string {
				if isBinding(c) {
					return protectedMember(in, c)
				}
				if place := protectedRole(in, c); place != "" {
					return "changes role " + roleWords(c.Principal) + ", which " + place + " protects"
				}
				place, ok := protectedBy(in, c)
				if !ok {
					return ""
				}
				if lost := losses(c); len(lost) > 0 {
					return "takes " + list(lost) + " from " + who(c) + ", which " + place + " protects"
				}
				if from, to := entries(c); from != nil && to != nil && !maps.Equal(from.Tags, to.Tags) {
					return "changes the tags of " + who(c) + ", which " + place + " protects"
				}
				return ""
			})
		},
	}
}

// protectedRole is the place that protects the role that a change is about;
// "" where none does or the change makes it.
func protectedRole(in *plan.Input, c *plan.Change) string {
	if c.Kind != plan.Role && c.Kind != plan.RolePolicy && c.Kind != plan.RoleAttachment || c.Kind == plan.Role && c.From == nil {
		return ""
	}
	for i := range in.Want.Clusters {
		for _, m := range in.Want.Clusters[i].Protect {
			if names(m.Member, c.Principal) {
				return m.Place.String()
			}
		}
	}
	return ""
}

// protectedMember is the reason not to take a role from somebody protected who
// has it by a group.
func protectedMember(in *plan.Input, c *plan.Change) string {
	for _, e := range losers(in, c) {
		if place, ok := protectedBy(in, &plan.Change{Cluster: c.Cluster, Principal: e.Principal}); ok {
			return "takes " + list(losses(c)) + " from " + e.Principal + ", which " + place + " protects"
		}
	}
	return ""
}

// protectedBy is the place that protects a change's principal.
func protectedBy(in *plan.Input, c *plan.Change) (string, bool) {
	w, ok := in.Want.Cluster(c.Cluster)
	if !ok || c.Principal == "" {
		return "", false
	}
	for _, p := range w.Protect {
		if names(p.Member, c.Principal) {
			return p.Place.String(), true
		}
	}
	return "", false
}
