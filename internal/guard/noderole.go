package guard

import (
	"maps"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// nodeRole keeps the entries by which nodes join: none is removed, made a
// person's, or given groups, a username or a policy. Such rights would be those
// of every pod that reaches its node's credentials. The policy that EKS itself
// requires on entries of type EC2 passes.
func nodeRole() plan.Guard {
	return plan.Guard{
		Slug:    "node-role",
		About:   "The change removes an entry by which nodes join the cluster, or gives a node's role a person's access.",
		Instead: "Drain and remove the nodes first; give people and workloads roles of their own.",
		Check: func(in *plan.Input) plan.Findings {
			return holdEach(in.Plan, func(c *plan.Change) string {
				e, ok := observed(in, c)
				if !ok || !isNode(e.Type) {
					return ""
				}
				return nodeReason(c, e)
			})
		},
	}
}

func isNode(t access.EntryType) bool { return t != access.Standard && t != "" }

// nodeReason judges a change on the entry of a node's role.
func nodeReason(c *plan.Change, e *access.Entry) string {
	role := "the " + string(e.Type) + " entry of " + who(c)
	switch c.Kind {
	case plan.AccessEntry:
		from, to := entries(c)
		switch {
		case removes(c) && to != nil && !isNode(to.Type):
			return "makes " + role + " a " + string(to.Type) + " one: its nodes would drop out, and every pod on them could have the access given"
		case removes(c):
			return "removes " + role + ": its nodes would drop out of the cluster"
		case from != nil && to != nil && (from.Username != to.Username || !maps.Equal(set(from.Groups), set(to.Groups))):
			return "changes username or groups of " + role + ", which EKS sets"
		}
	case plan.PolicyAssociation:
		_, to := associations(c)
		if to == nil {
			if from, _ := associations(c); from != nil && forNodes(from.Policy) {
				return "takes " + access.ShortPolicy(from.Policy) + " from " + role + ": its nodes would drop out of the cluster"
			}
			return ""
		}
		if !forNodes(to.Policy) {
			return "gives " + access.ShortPolicy(to.Policy) + " to " + role + ": every pod on its nodes could have it"
		}
	}
	return ""
}

func forNodes(policy string) bool {
	p, ok := access.PolicyNamed(policy)
	return ok && p.For == access.NodeEntries
}

func set(words []string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}
