package guard

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// bindings are the sides of a change of a ClusterRoleBinding or RoleBinding.
func bindings(c *plan.Change) (from, to *access.Binding) {
	return sides(c, func(b *plan.Binding) *access.Binding { return &b.Binding })
}

func isBinding(c *plan.Change) bool {
	return c.Kind == plan.RoleBinding || c.Kind == plan.ClusterRoleBinding
}

// bindingLosses is what a change of a binding takes from whom it binds.
func bindingLosses(c *plan.Change) []string {
	from, to := bindings(c)
	lost := lostSubjects(c)
	if from == nil || len(lost) == 0 {
		return nil
	}
	words := from.Role.String() + " " + placeOf(from)
	if to != nil && len(lost) < len(from.Subjects) {
		words += " for " + list(subjectNames(lost))
	}
	return []string{words}
}

func placeOf(b *access.Binding) string {
	if b.Namespace == "" {
		return "on the whole cluster"
	}
	return "in " + b.Namespace
}

func subjectNames(subjects []access.Subject) []string {
	var names []string
	for _, s := range subjects {
		names = append(names, strings.ToLower(string(s.Kind))+" "+s.Name)
	}
	return names
}

// lostSubjects are those that a change of a binding leaves without its role.
func lostSubjects(c *plan.Change) []access.Subject {
	from, to := bindings(c)
	if from == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(from.Subjects), func(s access.Subject) bool {
		return to != nil && to.Role == from.Role && slices.Contains(to.Subjects, s)
	})
}

// bound reports whether an entry's principal is one of some subjects, by a
// group that the entry bears or by its username. A username that is a template
// may be.
func bound(e *access.Entry, subjects []access.Subject) bool {
	return slices.ContainsFunc(subjects, func(s access.Subject) bool {
		switch s.Kind {
		case access.GroupSubject:
			return slices.Contains(e.Groups, s.Name)
		case access.UserSubject:
			return nameOf(e).meets(name{text: s.Name})
		}
		return false
	})
}

// losers are the entries of a cluster, as they were seen, from whose
// principals a change takes what a binding gives.
func losers(in *plan.Input, c *plan.Change) []*access.Entry {
	lost := lostSubjects(c)
	h, ok := in.Have.Cluster(c.Cluster)
	if !ok {
		return nil
	}
	var out []*access.Entry
	for i := range h.Entries {
		if e := &h.Entries[i]; bound(e, lost) {
			out = append(out, e)
		}
	}
	return out
}

// boundTeam is the team whose binding a change is about; empty if none.
func boundTeam(c *plan.Change) string {
	if len(c.Teams) != 1 {
		return ""
	}
	return c.Teams[0]
}

// oursIs reports whether what a change is about was seen and belongs to the
// plan's environment.
func oursIs(in *plan.Input, c *plan.Change) bool {
	if from, _ := bindings(c); from != nil {
		return in.Want.Owner.OwnerOfBinding(from, in.Want.ForeignTags).Ours
	}
	e, ok := observed(in, c)
	return ok && ours(in, e)
}
