package guard

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/authz/eks"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// neighbours points out who may act as a ServiceAccount that has a role: by a
// pod that he makes or enters, by its token, or by impersonating it. (refusals
// row 29) Policies and roles of RBAC count; administrators of the cluster are
// not listed.
func (w *workloads) neighbours() {
	for i := range w.in.Plan.Changes {
		c := &w.in.Plan.Changes[i]
		for _, g := range w.givenTo(c) {
			for _, r := range w.in.Want.Roles {
				for _, t := range r.Trust {
					way := wayToAccount(g.rules, t.Name)
					if way == "" || t.Cluster != c.Cluster || !reaches(g.scope, t.Namespace) || reaches(g.had, t.Namespace) {
						continue
					}
					w.warn("workload-role", c, g.who+" may "+way+" in "+t.Namespace+" by "+g.by+", as ServiceAccount "+t.Name+" too, and so may come to "+
						w.workloadOf(r.ARN)+"'s role "+roleWords(r.ARN)+actionWords(r.Inline, r.Managed))
				}
			}
		}
	}
	for i := range w.in.Plan.Changes {
		c := &w.in.Plan.Changes[i]
		role := gives(c)
		if role == "" {
			continue
		}
		if people := w.runnersIn(c.Cluster, c.Namespace, c.Name); len(people) > 0 {
			r := w.rightsAfter(role)
			w.warn("workload-role", c, list(people)+" may act in "+c.Namespace+", as ServiceAccount "+c.Name+" too, and so come to role "+roleWords(role)+actionWords(r.Inline, r.Managed))
		}
	}
}

// giving is what somebody gets by a change: rules in a scope, of which he had
// those in had.
type giving struct {
	who, by    string
	rules      []access.Rule
	scope, had access.Scope
}

// givenTo is what a change newly gives, administrators' rights left out.
func (w *workloads) givenTo(c *plan.Change) []giving {
	if from, to := associations(c); to != nil {
		p, ok := eks.Named(policyName(to.Policy))
		if !ok || administers(*to) {
			return nil
		}
		g := giving{who: who(c), by: access.ShortPolicy(to.Policy), rules: p.Rules, scope: to.Scope}
		if from != nil {
			g.had = from.Scope
		}
		return []giving{g}
	}
	from, to := bindings(c)
	if to == nil || grantsAdmin(to) {
		return nil
	}
	role, ok := roleIn(w.rolesOn(c.Cluster), to)
	if !ok {
		return nil
	}
	var out []giving
	for _, s := range to.Subjects {
		if kubernetesOwn(s) {
			continue
		}
		g := giving{who: w.people(c.Cluster, s), by: to.Role.String(), rules: role.Rules, scope: scopeOf(to)}
		if from != nil && from.Role == to.Role && slices.Contains(from.Subjects, s) {
			g.had = scopeOf(from)
		}
		out = append(out, g)
	}
	return out
}

// kubernetesOwn reports whether a subject is a part of every cluster: what begins
// with system:, unless it is everybody, and the ServiceAccounts of kube-system.
func kubernetesOwn(s access.Subject) bool {
	if s.Kind == access.ServiceAccountSubject {
		return s.Namespace == "kube-system"
	}
	everybody := []string{authz.Authenticated, authz.Unauthenticated, "system:serviceaccounts"}
	return strings.HasPrefix(s.Name, "system:") && !slices.Contains(everybody, s.Name) && !strings.HasPrefix(s.Name, "system:serviceaccounts:")
}

func scopeOf(b *access.Binding) access.Scope {
	if b.Namespace == "" {
		return access.ClusterScope()
	}
	return access.NamespaceScope(b.Namespace)
}

// rolesOn are a cluster's roles; where they were not read, Kubernetes' own, which
// every cluster has.
func (w *workloads) rolesOn(k access.ClusterKey) []access.KubernetesRole {
	if roles, ok := w.roles[k]; ok {
		return roles
	}
	of := rbac.DefaultRoles()
	if h, ok := w.in.Have.Cluster(k); ok && h.Kubernetes != nil && h.Kubernetes.RBACRead {
		of = h.Kubernetes.Roles
	}
	w.roles[k] = rbac.Aggregate(of)
	return w.roles[k]
}

// podMakers make pods of whatever ServiceAccount they like. (Kubernetes, RBAC
// good practices: workload creation)
func podMakers() [][2]string {
	return [][2]string{{"", "pods"}, {"", "replicationcontrollers"}, {"apps", "deployments"}, {"apps", "daemonsets"}, {"apps", "statefulsets"},
		{"apps", "replicasets"}, {"batch", "jobs"}, {"batch", "cronjobs"}}
}

// wayToAccount is how some rules let act as a ServiceAccount, in words; "" if
// they do not. name may be a pattern.
func wayToAccount(rules []access.Rule, name string) string {
	way := func(may func(r *access.Rule) bool) bool {
		return slices.ContainsFunc(rules, func(r access.Rule) bool { return may(&r) })
	}
	for _, m := range podMakers() {
		if way(func(r *access.Rule) bool { return may(r, m[0], m[1], "", "create") }) {
			return "run pods"
		}
	}
	for _, subresource := range []string{"exec", "attach"} {
		if way(func(r *access.Rule) bool { return may(r, "", "pods", subresource, "create", "get") }) {
			return "enter pods"
		}
	}
	if way(func(r *access.Rule) bool { return may(r, "", "pods", "ephemeralcontainers", "update", "patch") }) {
		return "put containers into pods"
	}
	named := func(r *access.Rule) bool {
		return strings.Contains(name, "*") || len(r.ResourceNames) == 0 || rbac.CoversName(r, name)
	}
	switch {
	case way(func(r *access.Rule) bool { return named(r) && may(r, "", "serviceaccounts", "token", "create") }):
		return "take tokens"
	case way(func(r *access.Rule) bool { return named(r) && may(r, "", "serviceaccounts", "", "impersonate") }):
		return "impersonate"
	}
	return ""
}

// runnersIn are those who may act as a ServiceAccount already: the documents'
// members by a policy, and whom a binding binds.
func (w *workloads) runnersIn(k access.ClusterKey, namespace, name string) []string {
	var out []string
	h, _ := w.in.Have.Cluster(k)
	if d, ok := w.in.Want.Cluster(k); ok {
		for i := range d.Entries {
			e := &d.Entries[i]
			for _, a := range e.Associations {
				p, ok := eks.Named(policyName(a.Policy))
				if ok && wayToAccount(p.Rules, name) != "" && !administers(access.Association{Policy: a.Policy, Scope: a.Scope}) && reaches(a.Scope, namespace) && stands(h, e.Member, a.Policy, namespace) {
					out = append(out, e.Member.String()+" ("+access.ShortPolicy(a.Policy)+")")
				}
			}
		}
	}
	if h == nil || h.Kubernetes == nil {
		return out
	}
	for i := range h.Kubernetes.Bindings {
		b := &h.Kubernetes.Bindings[i]
		role, ok := roleIn(w.rolesOn(k), b)
		if !ok || grantsAdmin(b) || strings.HasPrefix(b.Role.Name, "system:") || !reaches(scopeOf(b), namespace) || wayToAccount(role.Rules, name) == "" {
			continue
		}
		for _, s := range b.Subjects {
			if !kubernetesOwn(s) {
				out = append(out, w.people(k, s)+" ("+b.Role.String()+")")
			}
		}
	}
	return out
}

// stands reports whether a member was seen to have a policy in a namespace:
// what is newly given says it itself.
func stands(h *access.HaveCluster, m access.Member, policy, namespace string) bool {
	if h == nil {
		return false
	}
	return slices.ContainsFunc(h.Entries, func(e access.Entry) bool {
		a, ok := e.Association(policy)
		return ok && names(m, e.Principal) && reaches(a.Scope, namespace)
	})
}

// policyName is the name in a policy's ARN.
func policyName(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
