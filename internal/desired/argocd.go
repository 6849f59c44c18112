package desired

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/documents"
)

// argoCDs registers clusters with the Argo CDs that their documents name. What
// Argo CD may do there teams and workloads say, so they are read before.
func (c *compiler) argoCDs() {
	for _, s := range c.sites {
		if s.doc.Value.Spec.ArgoCD != nil {
			c.argoCD(s)
		}
	}
}

func (c *compiler) argoCD(s *site) {
	spec, at := s.doc.Value.Spec.ArgoCD, s.doc.At("spec", "argocd")
	i := slices.IndexFunc(c.sites, func(t *site) bool { return t.want.Document == spec.Hub })
	if i < 0 {
		var names []string
		for _, d := range c.set.Clusters {
			names = append(names, d.Value.Name)
		}
		if !slices.Contains(names, spec.Hub) { // else that one is at fault
			c.fault(s.doc.At("spec", "argocd", "hub"), c.unread(documents.Suggest(spec.Hub, names)), "there is no Cluster %s", quoted(spec.Hub))
		}
		return
	}
	hub := c.sites[i]
	switch {
	case hub == s:
		c.fault(s.doc.At("spec", "argocd", "hub"), "leave argocd out", "an Argo CD knows the cluster that it runs on")
		return
	case hub.want.Via == access.ViaNone:
		c.fault(s.doc.At("spec", "argocd", "hub"), "write kubernetes: {via: Direct} or {via: Render} there", "cluster %s is registered on cluster %s here, and nothing is written in that: via is None at %s",
			s.want.Document, hub.want.Document, hub.doc.At("spec", "kubernetes", "via"))
		return
	case hub.partition != s.partition:
		c.fault(s.doc.At("spec", "argocd", "hub"), "roles are of one partition", "cluster %s is of partition %s, and the Argo CD on cluster %s of %s", s.want.Document, s.partition, hub.want.Document, hub.partition)
		return
	}
	if role, err := access.ParseIAMPrincipal(spec.RoleARN); spec.RoleARN != "" && (err != nil || role.Kind != "role" || role.Partition != s.partition) {
		c.fault(s.doc.At("spec", "argocd", "roleARN"), "want arn:"+s.partition+":iam::ACCOUNT:role/NAME", "%s is no role of partition %s, which cluster %s is of", quoted(spec.RoleARN), s.partition, s.want.Document)
		return
	}
	own := c.rolesIn(hub, spec.Namespace)
	s.want.ArgoCD = &access.WantArgoCD{Hub: hub.want.Key, Namespace: spec.Namespace, Role: spec.RoleARN, Place: at}
	if len(own) == 1 && own[0] == spec.RoleARN {
		s.want.ArgoCD.Role = "" // a role may not assume itself unless its trust says so (argo-cd#17064)
	}
	c.argoAccess(s, hub, own)
}

// argoAccess points out an Argo CD, whose own roles are given, that no document
// lets into the cluster.
func (c *compiler) argoAccess(s, hub *site, roles []string) {
	spec, at := s.doc.Value.Spec.ArgoCD, s.doc.At("spec", "argocd")
	if spec.RoleARN != "" {
		roles = []string{spec.RoleARN}
	}
	if len(roles) == 0 {
		c.note(at, "argocd-access", "no Workload has a ServiceAccount in namespace %s of cluster %s, so the role of its Argo CD is not known here", spec.Namespace, hub.want.Document)
		return
	}
	for _, arn := range roles {
		if _, ok := s.entries[arn]; ok {
			return
		}
	}
	c.note(at, "argocd-access", "no document gives %s access to cluster %s, so Argo CD does not get in", strings.Join(roles, " or "), s.want.Document)
}

// rolesIn are the roles that workloads have in a namespace of a cluster,
// sorted.
func (c *compiler) rolesIn(s *site, namespace string) []string {
	var roles []string
	for _, one := range s.claims {
		if access.MatchPattern(one.namespace, namespace) {
			roles = append(roles, one.role)
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}
