package effect

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// WorkloadsAfter is a snapshot whose roles, as far as they were read whole, and
// Pod Identity associations are as a plan's changes that nothing holds leave
// them. All else of it stays.
func WorkloadsAfter(h *access.Snapshot, p *plan.Plan) *access.Snapshot {
	out := *h
	out.Accounts, out.Clusters = slices.Clone(h.Accounts), slices.Clone(h.Clusters)
	for i := range out.Accounts {
		out.Accounts[i].Details = slices.Clone(out.Accounts[i].Details)
	}
	for i := range out.Clusters {
		out.Clusters[i].PodIdentities = slices.Clone(out.Clusters[i].PodIdentities)
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		if len(c.Held) > 0 {
			continue
		}
		switch c.Kind {
		case plan.Role, plan.RolePolicy, plan.RoleAttachment:
			if a, ok := out.Account(access.AccountOf(c.Principal)); ok {
				changeRole(a, c)
			}
		case plan.PodIdentityAssociation:
			if x, ok := out.Cluster(c.Cluster); ok {
				associate(x, c)
			}
		}
	}
	return &out
}

// associate makes a change of an association.
func associate(x *access.HaveCluster, c *plan.Change) {
	x.PodIdentities = slices.DeleteFunc(x.PodIdentities, func(a access.PodIdentityAssociation) bool {
		return a.Namespace == c.Namespace && a.ServiceAccount == c.Name
	})
	if to, ok := c.To.(plan.PodIdentity); ok {
		x.PodIdentities = append(x.PodIdentities, to.PodIdentityAssociation)
		slices.SortFunc(x.PodIdentities, func(a, b access.PodIdentityAssociation) int { return a.Compare(&b) })
	}
}

// changeRole makes a change of a role or of what it has.
func changeRole(a *access.HaveAccount, c *plan.Change) {
	i, there := slices.BinarySearchFunc(a.Details, c.Principal, func(r access.HaveRole, arn string) int { return strings.Compare(r.ARN, arn) })
	if !there {
		a.Details = slices.Insert(a.Details, i, access.HaveRole{})
	}
	r := &a.Details[i]
	r.Inline, r.Managed = slices.Clone(r.Inline), slices.Clone(r.Managed)
	switch from := c.From.(type) {
	case plan.IAMRole:
		if c.Verb != plan.Update {
			*r = access.HaveRole{} // and its policies with it
		}
	case plan.InlinePolicy:
		r.Inline = slices.DeleteFunc(r.Inline, func(q access.RolePolicy) bool { return q.Name == from.Name })
	case plan.Attachment:
		r.Managed = slices.DeleteFunc(r.Managed, func(q string) bool { return q == from.Policy })
	}
	switch to := c.To.(type) {
	case nil:
		if c.Kind == plan.Role {
			a.Details = slices.Delete(a.Details, i, i+1)
			return
		}
	case plan.IAMRole:
		r.Trust, r.Boundary, r.Tags = to.Trust, to.Boundary, to.Tags
	case plan.InlinePolicy:
		r.Inline = append(r.Inline, to.RolePolicy)
	case plan.Attachment:
		r.Managed = append(r.Managed, to.Policy)
	}
	r.ARN = c.Principal
}
