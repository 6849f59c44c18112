package guard

import (
	"fmt"
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// The bounds of mass-deletion, in deletes.
const (
	maxDeletes        = 10 // of a whole plan
	maxClusterDeletes = 3  // of a cluster, where they are over half of what is ours
)

// massDeletion holds the deletes of a plan that has more than somebody means
// by an ordinary edit. It counts what the other guards leave.
func massDeletion() plan.Guard {
	return plan.Guard{
		Slug: "mass-deletion",
		About: fmt.Sprintf("The plan deletes more than %d entries, associations, bindings, roles, ServiceAccounts and Secrets of Argo CD, or over half of what is ours on a cluster where that is more than %d. "+
			"An entry counts once with its policies, and so does a role; a replace counts too.", maxDeletes, maxClusterDeletes),
		Told:    true,
		Instead: "`--max-deletes N` sets the number for this run and replaces both bounds.",
		Check:   checkMassDeletion,
	}
}

func checkMassDeletion(in *plan.Input) plan.Findings {
	deletes, total := countDeletes(in), 0
	for _, d := range deletes {
		total += len(d.changes)
	}
	limit, given := maxDeletes, in.Options.MaxDeletes != nil
	if given {
		limit = *in.Options.MaxDeletes
	}
	return holdEach(in.Plan, func(c *plan.Change) string {
		d := deletes[c.Cluster]
		switch {
		case d == nil || !d.changes[c.ID]:
			return ""
		case total > limit:
			return fmt.Sprintf("one of %d deletes, and more than %d are not made unasked: --max-deletes %d lets them through", total, limit, total)
		case !given && len(d.changes) > maxClusterDeletes && 2*d.gone > d.ours:
			return fmt.Sprintf("one of %d deletes on %s, over half of what is ours there: --max-deletes %d lets them through", len(d.changes), placeName(c.Cluster), total)
		}
		return ""
	})
}

// clusterDeletes are the deletes of one cluster. gone and ours count objects,
// entries and associations alike, for the share of what is ours.
type clusterDeletes struct {
	changes    map[string]bool
	gone, ours int
}

// countDeletes counts what no other guard holds, except that it counts what
// last-admin holds: that one may hold more when a third guard is allowed, and
// no --allow may bring the count down and so let other deletes through.
func countDeletes(in *plan.Input) map[access.ClusterKey]*clusterDeletes {
	goes := made(in.Plan, "mass-deletion", "last-admin")
	type key struct {
		cluster   access.ClusterKey
		principal string
	}
	entry := make(map[key]bool) // entries that go: their associations go uncounted
	for i := range in.Plan.Changes {
		if c := &in.Plan.Changes[i]; c.Kind == plan.AccessEntry && removes(c) && goes[c.ID] {
			entry[key{c.Cluster, c.Principal}] = true
		}
	}
	out := make(map[access.ClusterKey]*clusterDeletes)
	for i := range in.Plan.Changes {
		c := &in.Plan.Changes[i]
		single := c.Kind == plan.PolicyAssociation && c.Verb == plan.Delete && !entry[key{c.Cluster, c.Principal}]
		if !goes[c.ID] || !(single || (c.Kind == plan.AccessEntry || isBinding(c) || isWorkload(c)) && removes(c)) {
			continue
		}
		d := out[c.Cluster]
		if d == nil {
			d = &clusterDeletes{changes: make(map[string]bool), ours: objectsOfOurs(in, c.Cluster)}
			out[c.Cluster] = d
		}
		d.changes[c.ID] = true
		if isBinding(c) || isWorkload(c) {
			d.gone++
			continue
		}
		if e, ok := observed(in, c); ok && ours(in, e) {
			d.gone++
			if !single {
				d.gone += len(e.Associations)
			}
		}
	}
	return out
}

// objectsOfOurs counts our entries, their associations, our bindings and what
// workloads have of us on a cluster; our roles in an account.
func objectsOfOurs(in *plan.Input, k access.ClusterKey) int {
	n := workloadsOfOurs(in, k)
	if h, ok := in.Have.Cluster(k); ok {
		for i := range h.Entries {
			if e := &h.Entries[i]; ours(in, e) {
				n += 1 + len(e.Associations)
			}
		}
		if h.Kubernetes != nil {
			for i := range h.Kubernetes.Bindings {
				if in.Want.Owner.OwnerOfBinding(&h.Kubernetes.Bindings[i], in.Want.ForeignTags).Ours {
					n++
				}
			}
		}
	}
	return n
}

// deleteAll holds the deletes of what is ours when the documents want no entry
// and no workload that could be: none at all, none on a cluster that exists, or of principals
// none of which exists. That is what an empty folder, a selector that matches
// nothing and a mistyped cluster look like. It does not count: the last person
// of a small environment is everything as well.
//
// Where only some teams' selectors match nothing, it holds that their members
// lose all they have on a cluster that a document names. A cluster whose
// document goes is another matter.
//
// What could not be read may exist, so a wish for it is a wish.
func deleteAll() plan.Guard {
	return plan.Guard{
		Slug:    "delete-all",
		About:   "The documents want nothing on any cluster that exists, no entry and no workload, so the plan would delete everything that is ours; or a Team selects no cluster, so its members would lose their entries.",
		Instead: "`atlas-iam destroy` says that this is meant; otherwise look at the documents' folder and at the `clusters` of Teams and Workloads.",
		Check: func(in *plan.Input) plan.Findings {
			if in.Options.Destroy {
				return plan.Findings{}
			}
			all := !wantsSomething(in)
			return holdEach(in.Plan, func(c *plan.Change) string {
				if c.Verb != plan.Delete || !oursIs(in, c) && !isWorkload(c) || c.Kind != plan.AccessEntry && !isBinding(c) && !all {
					return ""
				}
				if all {
					return "would delete everything: the documents want no entry and no workload on any cluster that exists"
				}
				if team, ok := idleTeam(in, c); ok && isBinding(c) {
					return "would take what team " + team + " is bound to there: it selects no cluster"
				} else if ok {
					return "would delete everything that " + who(c) + " has there: team " + team + " selects no cluster"
				}
				return ""
			})
		},
	}
}

// idleTeam finds a team that selects no cluster and has a change's principal as
// a member.
func idleTeam(in *plan.Input, c *plan.Change) (string, bool) {
	w, ok := in.Want.Cluster(c.Cluster)
	if !ok {
		return "", false
	}
	for _, m := range w.Idle {
		if isBinding(c) && m.Team == boundTeam(c) || !isBinding(c) && names(m.Member, c.Principal) {
			return m.Team, true
		}
	}
	return "", false
}

func wantsSomething(in *plan.Input) bool {
	for _, r := range in.Want.Roles {
		if slices.ContainsFunc(r.Trust, func(t access.WantTrust) bool { return mayExist(in.Have, t.Cluster) }) {
			return true
		}
	}
	for i := range in.Want.Clusters {
		w := &in.Want.Clusters[i]
		if !mayExist(in.Have, w.Key) {
			continue
		}
		if len(w.PodIdentities)+len(w.ServiceAccounts) > 0 || w.ArgoCD != nil {
			return true
		}
		for j := range w.Entries {
			if mayResolve(in.Have, w.Entries[j].Member) {
				return true
			}
		}
	}
	return false
}

// mayExist is false only for a cluster that is known not to be there.
func mayExist(have *access.Snapshot, k access.ClusterKey) bool {
	_, seen := have.Cluster(k)
	_, unread := have.Unread(k, "")
	return seen || unread || !have.Part.HasCluster(k)
}

// mayResolve is false only for a member that is known not to exist.
func mayResolve(have *access.Snapshot, m access.Member) bool {
	if arn, ok := m.ARN(); ok {
		return lives(have, arn) != access.AliveGone
	}
	a, ok := have.Account(m.Account)
	if !ok || !a.RolesRead {
		return true
	}
	for _, r := range a.Roles {
		if names(m, r.ARN) {
			return true
		}
	}
	return false
}
