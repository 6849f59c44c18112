package guard

import (
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// isWorkload reports whether a change is about an object of a workload's that
// counts by itself: a role's policies go with it, and the agent and providers
// are never deleted.
func isWorkload(c *plan.Change) bool {
	return c.Kind == plan.Role || c.Kind == plan.PodIdentityAssociation || c.Kind == plan.ServiceAccount || c.Kind == plan.ArgoCDSecret
}

// workloadLosses is what a change takes from a workload.
func workloadLosses(c *plan.Change) []string {
	switch from := c.From.(type) {
	case plan.IAMRole:
		if removes(c) {
			return []string{"role " + roleWords(from.ARN)}
		}
		var out []string
		for _, g := range c.Lost {
			out = append(out, "role "+roleWords(from.ARN)+" from "+g.ServiceAccount+" on "+g.Cluster.Name)
		}
		return out
	case plan.InlinePolicy:
		if c.To == nil {
			return []string{"policy " + from.Name + " of role " + roleWords(from.Role)}
		}
	case plan.Attachment:
		return []string{from.Policy + " of role " + roleWords(from.Role)}
	case plan.PodIdentity:
		if to, ok := c.To.(plan.PodIdentity); !ok || to.Role != from.Role || to.TargetRole != from.TargetRole || !to.SessionPolicy.Same(from.SessionPolicy) {
			return []string{"role " + roleWords(from.Role) + " from " + from.Namespace + "/" + from.ServiceAccount}
		}
	case plan.KubernetesAccount:
		if to, ok := c.To.(plan.KubernetesAccount); (!ok || to.Role != from.Role) && from.Role != "" {
			return []string{"role " + roleWords(from.Role) + " from " + from.Namespace + "/" + from.Name}
		}
	case plan.ArgoSecret:
		if c.To == nil {
			return []string{"cluster " + from.Cluster + " from the Argo CD in " + from.Namespace}
		}
	}
	return nil
}

// unreadWorkload is the reason not to remove an object of a workload's.
func unreadWorkload(in *plan.Input, c *plan.Change) string {
	h, ok := in.Have.Cluster(c.Cluster)
	switch c.Kind {
	case plan.Role, plan.RolePolicy, plan.RoleAttachment:
		if a, ok := in.Have.Account(c.Cluster.Account); !ok || !a.DetailsRead {
			return "the policies of the roles of account " + c.Cluster.Account + " were not read whole"
		}
	case plan.PodIdentityAssociation:
		if !ok || !h.PodIdentitiesRead {
			return "the Pod Identity associations of " + c.Cluster.Name + " were not read whole"
		}
	case plan.ServiceAccount:
		if !ok || h.Kubernetes == nil || !h.Kubernetes.ServiceAccountsRead {
			return "the ServiceAccounts of " + c.Cluster.Name + " were not read whole"
		}
	case plan.ArgoCDSecret:
		if !ok || h.Kubernetes == nil || !h.Kubernetes.ArgoSecretsRead {
			return "the Secrets of the Argo CD on " + c.Cluster.Name + " were not read"
		}
	}
	return ""
}

// workloadsOfOurs counts our associations, ServiceAccounts and Secrets on a cluster; of
// a key that is an account alone, our roles in it.
func workloadsOfOurs(in *plan.Input, k access.ClusterKey) int {
	n := 0
	ours := func(tags map[string]string) bool { return in.Want.Owner.OwnerOf(tags, in.Want.ForeignTags).Ours }
	if a, ok := in.Have.Account(k.Account); ok && k.Name == "" {
		for i := range a.Details {
			if ours(a.Details[i].Tags) {
				n++
			}
		}
	}
	if h, ok := in.Have.Cluster(k); ok {
		for i := range h.PodIdentities {
			if p := &h.PodIdentities[i]; p.OwnerARN == "" && ours(p.Tags) {
				n++
			}
		}
		if h.Kubernetes != nil {
			n += len(slices.DeleteFunc(slices.Clone(h.Kubernetes.ServiceAccounts), func(a access.HaveServiceAccount) bool {
				what, _ := in.Want.Owner.ManagedAccount(&a, in.Want.ForeignTags)
				return what == ""
			}))
			for i := range h.Kubernetes.ArgoSecrets {
				if in.Want.Owner.OwnerOfArgoSecret(&h.Kubernetes.ArgoSecrets[i], in.Want.ForeignTags).Ours {
					n++
				}
			}
		}
	}
	return n
}

// placeName is a cluster's name, or the account that stands for one.
func placeName(k access.ClusterKey) string {
	if k.Name == "" {
		return "account " + k.Account
	}
	return k.Name
}
