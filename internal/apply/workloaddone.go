package apply

import (
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// workloadDone tells whether a change of workloads' kinds is done already, as
// far as was read.
func workloadDone(p *plan.Plan, c *plan.Change, have *access.Snapshot) bool {
	switch c.Kind {
	case plan.Role, plan.RolePolicy, plan.RoleAttachment:
		a, ok := have.Account(c.Cluster.Account)
		return ok && a.DetailsRead && roleDone(p, c, a)
	case plan.OIDCProvider:
		a, ok := have.Account(c.Cluster.Account)
		to, whole := c.To.(plan.Provider)
		if !ok || !whole {
			return false
		}
		h, ok := a.Provider(to.Issuer)
		return ok && serves(&plan.Provider{ClientIDs: h.ClientIDs}, &to)
	}
	h, ok := have.Cluster(c.Cluster)
	if !ok {
		return false
	}
	switch to := c.To.(type) {
	case plan.Addon:
		return h.Agent != nil && h.Agent.Addon
	case plan.PodIdentity:
		is, there := h.PodIdentity(c.Namespace, c.Name)
		if from, ok := c.From.(plan.PodIdentity); ok && there && c.Verb == plan.Replace && is.ID == from.ID {
			return false
		}
		return there && samePodIdentity(is, &to.PodIdentityAssociation) && len(lacking(is.Tags, to.Tags)) == 0 && is.OwnerARN == "" && p.Owner.OwnerOf(is.Tags, p.ForeignTags).Ours
	case plan.KubernetesAccount:
		if h.Kubernetes == nil {
			return false
		}
		is, there := h.Kubernetes.ServiceAccount(c.Namespace, c.Name)
		return there && accountDone(p, p.ForeignTags, is, &to)
	case plan.ArgoSecret:
		if h.Kubernetes == nil {
			return false
		}
		is, there := h.Kubernetes.ArgoSecret(c.Namespace, c.Name)
		return there && argoSecretDone(p, p.ForeignTags, is, &to)
	}
	switch c.From.(type) {
	case plan.PodIdentity:
		_, there := h.PodIdentity(c.Namespace, c.Name)
		return h.PodIdentitiesRead && !there
	case plan.KubernetesAccount:
		if h.Kubernetes == nil || !h.Kubernetes.ServiceAccountsRead {
			return false
		}
		_, there := h.Kubernetes.ServiceAccount(c.Namespace, c.Name)
		return !there
	case plan.ArgoSecret:
		if h.Kubernetes == nil || !h.Kubernetes.ArgoSecretsRead {
			return false
		}
		_, there := h.Kubernetes.ArgoSecret(c.Namespace, c.Name)
		return !there
	}
	return false
}

// roleDone is workloadDone for a role and its policies.
func roleDone(p *plan.Plan, c *plan.Change, a *access.HaveAccount) bool {
	is, there := a.Role(c.Principal)
	switch to := c.To.(type) {
	case plan.IAMRole:
		if !there || !p.Owner.OwnerOf(is.Tags, p.ForeignTags).Ours {
			return false
		}
		return is.Trust.Same(to.Trust) && is.MaxSession == to.MaxSession && is.Boundary == to.Boundary && is.Description == to.Description && len(lacking(is.Tags, to.Tags)) == 0
	case plan.InlinePolicy:
		return there && slices.ContainsFunc(is.Inline, func(q access.RolePolicy) bool { return q.Name == to.Name && q.Document.Same(to.Document) })
	case plan.Attachment:
		return there && slices.Contains(is.Managed, to.Policy)
	}
	switch from := c.From.(type) {
	case plan.InlinePolicy:
		return !there || !slices.ContainsFunc(is.Inline, func(q access.RolePolicy) bool { return q.Name == from.Name })
	case plan.Attachment:
		return !there || !slices.Contains(is.Managed, from.Policy)
	}
	return !there
}
