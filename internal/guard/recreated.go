package guard

import (
	"time"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// recreatedPrincipal holds what would revive a dead entry, or give access on
// it. An entry binds the unique id of the principal it was made for, so whoever
// made the role again would inherit, by a replace, what another was given.
// Deletes of dead entries give nobody anything and pass.
func recreatedPrincipal() plan.Guard {
	return plan.Guard{
		Slug:    "recreated-principal",
		About:   "The entry is dead: its principal was deleted and made again after it. Replacing the entry gives its access to whoever made the principal again.",
		Instead: "Find out who made the principal again and why.",
		Check: func(in *plan.Input) plan.Findings {
			return holdEach(in.Plan, func(c *plan.Change) string {
				e, ok := observed(in, c)
				if !ok || c.Verb == plan.Delete || in.Have.EntryAlive(e) != access.AliveRemade {
					return ""
				}
				return "entry is dead: " + e.Principal + " was made again at " + madeAt(in.Have, e.Principal).UTC().Format(time.RFC3339) +
					", entry of " + e.CreatedAt.UTC().Format(time.RFC3339) + "; whoever made it again would inherit the entry's access"
			})
		},
	}
}

// madeAt is when a principal was made; EntryAlive has found it.
func madeAt(have *access.Snapshot, arn string) time.Time {
	id, _ := access.PrincipalKeyOf(arn)
	if a, ok := have.Account(id.Account); ok {
		if p, ok := a.Principal(arn); ok {
			return p.CreatedAt
		}
	}
	return time.Time{}
}
