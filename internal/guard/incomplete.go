package guard

import (
	"fmt"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// halfRead holds deletes and replaces whose grounds were not read whole:
// absent is not unread. No flag overrides it. Compute plans no such delete; this
// does not rest on that.
func halfRead() plan.Guard {
	return plan.Guard{
		Slug: plan.HalfRead, Fixed: true,
		About:   "The change rests on something that could not be read: the cluster, its entries, or the roles among which a wanted permission set's would be.",
		Instead: "See to it that the gap can be read (the plan lists its reason) and run again.",
		Check: func(in *plan.Input) plan.Findings {
			return holdEach(in.Plan, func(c *plan.Change) string {
				if !removes(c) || heldBy(c, plan.HalfRead) {
					return ""
				}
				if isBinding(c) {
					return unreadBindings(in, c)
				}
				if c.Kind.Workload() {
					return unreadWorkload(in, c)
				}
				if g, ok := in.Have.Unread(c.Cluster, c.Principal); ok {
					return fmt.Sprintf("the %s of %s could not be read: %s", g.What, c.Cluster.Name, g.Reason)
				}
				if h, ok := in.Have.Cluster(c.Cluster); !ok || !h.EntriesRead {
					return "the entries of " + c.Cluster.Name + " were not read whole"
				}
				return unreadPermissionSet(in, c)
			})
		},
	}
}

// unreadBindings is the reason not to remove a binding.
func unreadBindings(in *plan.Input, c *plan.Change) string {
	if g, ok := in.Have.UnreadKubernetes(c.Cluster, access.GapRBAC); ok {
		return fmt.Sprintf("the roles and bindings of %s could not be read: %s", c.Cluster.Name, g.Reason)
	}
	if h, ok := in.Have.Cluster(c.Cluster); !ok || h.Kubernetes == nil || !h.Kubernetes.RBACRead {
		return "the roles and bindings of " + c.Cluster.Name + " were not read"
	}
	return ""
}

// unreadPermissionSet is the reason not to remove the entry of a permission
// set's role: the documents want that permission set there, and which role is
// its present one was not read.
func unreadPermissionSet(in *plan.Input, c *plan.Change) string {
	w, ok := in.Want.Cluster(c.Cluster)
	if !ok {
		return ""
	}
	for i := range w.Entries {
		m := w.Entries[i].Member
		if m.Kind != access.PermissionSetMember || !names(m, c.Principal) {
			continue
		}
		if a, ok := in.Have.Account(m.Account); !ok || !a.RolesRead {
			return fmt.Sprintf("%s is wanted, and the roles of account %s could not be read to tell whether this is its role", m, m.Account)
		}
	}
	return ""
}

// partialInput holds everything that takes access while a file beneath the
// Environment's folder was left out: that file may want it.
func partialInput() plan.Guard {
	return plan.Guard{
		Slug:    "partial-input",
		About:   "Not every file beneath the Environment's folder was read, so what looks unwanted may be wanted there: nothing is taken away.",
		Instead: "Name the whole folder, not single files.",
		Check: func(in *plan.Input) plan.Findings {
			if len(in.Want.Partial) == 0 {
				return plan.Findings{}
			}
			why := in.Want.Partial[0] + " was not read and may want it"
			if n := len(in.Want.Partial); n > 1 {
				why = fmt.Sprintf("%s and %d more files were not read and may want it", in.Want.Partial[0], n-1)
			}
			return holdEach(in.Plan, func(c *plan.Change) string {
				if lost := losses(c); len(lost) > 0 {
					return "takes " + list(lost) + ": " + why
				}
				return ""
			})
		},
	}
}
