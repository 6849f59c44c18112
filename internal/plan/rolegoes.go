package plan

import (
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
)

// unwantedRoles deletes the roles of ours that no document wants, their
// policies with them; wanted are the names of those that one does.
func (w *workloads) unwantedRoles(wanted map[string]bool) {
	if p := w.have.Part; p != nil && len(p.Clusters) > 0 && !w.options.Destroy {
		return
	}
	for i := range w.have.Accounts {
		a := &w.have.Accounts[i]
		if !a.DetailsRead {
			continue
		}
		for j := range a.Details {
			h := &a.Details[j]
			if wanted[nameKey(h.ARN)] || !w.want.Owner.OwnerOf(h.Tags, w.want.ForeignTags).Ours {
				continue
			}
			c := Change{ID: accountID("role", a.Account.ID, h.Name), Verb: Delete, Kind: Role, Cluster: access.ClusterKey{Account: a.Account.ID},
				Principal: h.ARN, From: seenRole(h, true), Workloads: w.workloadsOf(h.ARN)}
			weighTrust(&c, h.Trust, "")
			w.releaseFirst(&c, a.Account.ID)
			w.add(c)
		}
	}
}

// workloadsOf are whose a role is by the documents, which name it too where all
// of an environment goes. No mark on a role says whose it was.
func (w *workloads) workloadsOf(role string) []string {
	i := slices.IndexFunc(w.want.Roles, func(r access.WantRole) bool { return r.ARN == role && !r.Existing })
	if i < 0 {
		return nil
	}
	return slices.Clone(w.want.Roles[i].Workloads)
}

// releaseFirst lets a role go only after all that gives it to ServiceAccounts
// and after those of ours without an annotation that go where it is trusted, and not at all while
// others have it or while that is not known.
func (w *workloads) releaseFirst(c *Change, account string) {
	for i := range w.plan.Changes {
		o := &w.plan.Changes[i]
		var role string
		found := false // by the role a ServiceAccount without one of its own is found, see leaves
		switch from := o.From.(type) {
		case PodIdentity:
			role = from.Role
		case KubernetesAccount:
			role = from.Role
			h, ok := w.have.Cluster(o.Cluster)
			is, _ := c.From.(IAMRole)
			found = ok && o.To == nil && role == "" && trusts(is.Trust, h)
		}
		if (role == c.Principal || found) && o.ID != c.ID {
			c.DependsOn = append(c.DependsOn, o.ID)
		}
	}
	slices.Sort(c.DependsOn)
	for i := range w.have.Clusters {
		h := &w.have.Clusters[i]
		if h.Key.Account != account {
			continue
		}
		for j := range h.PodIdentities {
			a := &h.PodIdentities[j]
			if a.Role == c.Principal && !w.want.Owner.OwnerOf(a.Tags, w.want.ForeignTags).Ours {
				c.hold(Hold{ForeignEntry, "the association of " + a.Namespace + "/" + a.ServiceAccount + " on cluster " + h.Key.Name + " has it and is not ours"})
			}
		}
	}
	for _, g := range w.have.Gaps {
		if g.Account == account && (g.What == access.GapPodIdentities || g.What == access.GapPodIdentity || g.What == access.GapClusters || g.What == access.GapCluster) {
			c.hold(Hold{HalfRead, "who has it is not known: " + gapWords(g)})
		}
	}
}
