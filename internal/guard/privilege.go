package guard

import (
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// privilege holds a binding that newly gives a role from which its holders can
// come to more than it says. Of Kubernetes' own roles for people only what a
// cluster added to them counts: cluster-admin, admin and edit are written for
// what they are. A role that is not there is pointed out.
func privilege() plan.Guard {
	return plan.Guard{
		Slug: "privilege",
		About: "A binding gives a role of one's own from which its holders can come to more than it says: `escalate`, `bind`, `impersonate`, everything, nodes/proxy, " +
			"serviceaccounts/token, approving certificates, writing webhooks, creating persistent volumes, listing secrets. Or a workload's IAM role may be had by others " +
			"than its ServiceAccounts, leads to an administrator, or is one that no program should have; or somebody may make a namespace that its pattern matches.",
		Instead: "Of a binding: take the rule out of the role, or bind a role that says plainly what it gives, such as `cluster-admin`. Of an IAM role: name the actions, resources and subjects " +
			"that the workload needs, and for `iam:PassRole` a condition on `iam:PassedToService`.",
		Told: true,
		Check: func(in *plan.Input) plan.Findings {
			f := workloadPrivilege(in)
			f.Facts = policyFacts(in)
			roles := make(map[access.ClusterKey][]access.KubernetesRole)
			for i := range in.Plan.Changes {
				c := &in.Plan.Changes[i]
				_, to := bindings(c)
				h, ok := in.Have.Cluster(c.Cluster)
				if to == nil || len(c.Gained) == 0 || !ok || h.Kubernetes == nil || !h.Kubernetes.RBACRead {
					continue
				}
				if _, ok := roles[c.Cluster]; !ok {
					roles[c.Cluster] = rbac.Aggregate(h.Kubernetes.Roles)
				}
				role, there := roleIn(roles[c.Cluster], to)
				if !there {
					f.Warnings = append(f.Warnings, plan.Warning{Slug: "no-role", Change: c.ID, Source: c.Source,
						Text: to.Role.String() + " is not there on " + c.Cluster.Name + ": bound, it gives nothing until somebody makes it, and then whatever it says"})
					continue
				}
				if r := privilegeReason(c, to, role); r != "" {
					f.Holds = append(f.Holds, plan.Finding{Change: c.ID, Reason: r})
				}
			}
			return f
		},
	}
}

// roleIn finds the role that a binding binds.
func roleIn(roles []access.KubernetesRole, b *access.Binding) (*access.KubernetesRole, bool) {
	namespace := ""
	if b.Role.Kind == access.Role {
		namespace = b.Namespace
	}
	i := slices.IndexFunc(roles, func(r access.KubernetesRole) bool { return r.Namespace == namespace && r.Name == b.Role.Name })
	if i < 0 {
		return nil, false
	}
	return &roles[i], true
}

func privilegeReason(c *plan.Change, to *access.Binding, role *access.KubernetesRole) string {
	expected := expectedPowers(to.Role)
	var names, paths []string
	for _, p := range powersOf(role.Rules, to.Namespace == "") {
		if !slices.ContainsFunc(expected, func(e power) bool { return e.name == p.name || e.name == "everything" }) {
			names, paths = append(names, p.name), append(paths, p.path)
		}
	}
	if len(names) == 0 {
		return ""
	}
	whose := "of one's own"
	if wellKnown(to.Role.Name) && to.Role.Kind == access.ClusterRole {
		whose = "to which this cluster adds"
	}
	return to.Role.String() + " " + placeOf(to) + " of " + c.Cluster.Name + ", a role " + whose + ", holds " + list(names) + ": " + list(paths) +
		"; take the rule out of the role, or bind a role that says plainly what it gives, such as `cluster-admin`"
}
