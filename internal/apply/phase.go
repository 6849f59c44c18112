package apply

import (
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// takes reports whether a change may take access away: it then waits for those
// that only give. A swap of scopes and a replace do both and count as taking;
// the last step of the mode takes what aws-auth gave.
func takes(c *plan.Change) bool {
	if c.Verb == plan.Delete || c.Verb == plan.Replace || len(c.Lost) > 0 {
		return true
	}
	if c.Verb == plan.Create {
		return false
	}
	switch to := c.To.(type) {
	case plan.Mode:
		return to.AuthenticationMode == access.ModeAPI
	case plan.Association:
		from, ok := c.From.(plan.Association)
		return !ok || !to.Scope.Covers(from.Scope)
	case plan.Binding:
		from, ok := c.From.(plan.Binding)
		return !ok || from.Role != to.Role || slices.ContainsFunc(from.Subjects, func(s access.Subject) bool { return !slices.Contains(to.Subjects, s) })
	case plan.Entry:
		from, ok := c.From.(plan.Entry)
		return !ok || from.Type != to.Type || from.Username != to.Username ||
			slices.ContainsFunc(from.Groups, func(g string) bool { return !slices.Contains(to.Groups, g) })
	}
	return true
}

// isCaller reports whether a change is about a principal whose credentials the
// run works with, in any of its accounts.
func isCaller(p *plan.Plan, c *plan.Change) bool {
	principal, ok := access.PrincipalKeyOf(c.Principal)
	return ok && slices.ContainsFunc(p.Accounts, func(a access.HaveAccount) bool { return slices.Contains(a.Callers(), principal) })
}
