package guard

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/eks"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// namespaceMakers holds what gives a role to ServiceAccounts of a pattern where
// somebody other than an administrator may make namespaces: he makes one that
// matches. (refusals row 30) By Pod Identity nobody has it before it is bound.
func (w *workloads) namespaceMakers() {
	for _, r := range w.in.Want.Roles {
		for _, t := range r.Trust {
			if t.Credentials != access.IRSA || !strings.Contains(t.Namespace, "*") {
				continue
			}
			for _, m := range w.makersOn(t.Cluster) {
				text := m.who + " on cluster " + t.Cluster.Name + " may make or label namespaces by " + m.by + ", " + t.Namespace + " too, and has role " + roleWords(r.ARN) + " in the one that he made"
				if c := w.newlyTrusts(&r, t); c != nil {
					w.hold(c, text)
				}
				if m.change != nil {
					w.hold(m.change, text)
				}
			}
		}
	}
}

// newlyTrusts is the change by which a role comes to trust a pattern.
func (w *workloads) newlyTrusts(r *access.WantRole, t access.WantTrust) *plan.Change {
	subject := "system:serviceaccount:" + t.Namespace + ":" + t.Name
	for _, c := range w.changesOf(r.ARN) {
		if to, ok := c.To.(plan.IAMRole); ok && strings.Contains(string(to.Trust), subject) {
			if from, ok := c.From.(plan.IAMRole); !ok || !strings.Contains(string(from.Trust), subject) {
				return c
			}
		}
	}
	return nil
}

// maker is somebody who may make namespaces on a cluster, by a role that is
// bound or by a policy; change is what newly gives it.
type maker struct {
	who, by string
	change  *plan.Change
}

func (w *workloads) makersOn(k access.ClusterKey) []maker {
	if _, ok := w.makers[k]; !ok {
		w.makers[k] = w.findMakers(k)
	}
	return w.makers[k]
}

func (w *workloads) findMakers(k access.ClusterKey) []maker {
	h, ok := w.in.Have.Cluster(k)
	if !ok {
		return nil
	}
	out := w.makersByPolicy(h)
	roles := w.rolesOn(k)
	add := func(b *access.Binding, c *plan.Change) {
		if b == nil || b.Namespace != "" || b.Role.Name == clusterAdmin || strings.HasPrefix(b.Role.Name, "system:") {
			return
		}
		role, there := roleIn(roles, b)
		if !there || !slices.ContainsFunc(role.Rules, makesNamespaces) {
			return
		}
		for _, s := range b.Subjects {
			if !kubernetesOwn(s) && s.Kind != access.ServiceAccountSubject {
				out = append(out, maker{w.people(k, s), b.Role.String(), c})
			}
		}
	}
	gone := map[string]bool{}
	for i := range w.in.Plan.Changes {
		c := &w.in.Plan.Changes[i]
		if c.Kind != plan.ClusterRoleBinding || c.Cluster != k {
			continue
		}
		from, to := bindings(c)
		if from != nil {
			gone[from.Name] = true
		}
		add(to, c)
	}
	if h.Kubernetes != nil {
		for i := range h.Kubernetes.Bindings {
			if b := &h.Kubernetes.Bindings[i]; !gone[b.Name] {
				add(b, nil)
			}
		}
	}
	return out
}

// makersByPolicy are those who may by an access policy on the whole cluster, as
// they stand and as the plan newly gives it.
func (w *workloads) makersByPolicy(h *access.HaveCluster) []maker {
	var out []maker
	makes := func(a *access.Association) bool {
		p, ok := eks.Named(policyName(a.Policy))
		return ok && a.Scope.Cluster && !administers(*a) && slices.ContainsFunc(p.Rules, makesNamespaces)
	}
	gone := map[string]bool{}
	for i := range w.in.Plan.Changes {
		c := &w.in.Plan.Changes[i]
		if c.Cluster != h.Key || c.Kind != plan.PolicyAssociation {
			continue
		}
		from, to := associations(c)
		if from != nil {
			gone[c.Principal+" "+from.Policy] = true
		}
		if to != nil && makes(to) {
			out = append(out, maker{who(c), access.ShortPolicy(to.Policy), c})
		}
	}
	for _, e := range h.Entries {
		for i := range e.Associations {
			if a := &e.Associations[i]; makes(a) && !gone[e.Principal+" "+a.Policy] {
				out = append(out, maker{e.Principal, access.ShortPolicy(a.Policy), nil})
			}
		}
	}
	return out
}

// makesNamespaces reports whether a rule lets make namespaces, or label them.
func makesNamespaces(r access.Rule) bool {
	return may(&r, "", "namespaces", "", "create") || slices.ContainsFunc([]string{"update", "patch"}, func(verb string) bool {
		return rbac.Covers(&r, rbac.Request{Verb: verb, Resource: "namespaces"})
	})
}

// reaches reports whether a scope takes in some namespace of a pattern.
func reaches(s access.Scope, pattern string) bool {
	if s.Cluster {
		return true
	}
	return slices.ContainsFunc(s.Namespaces, func(n string) bool { return patternsMeet(n, pattern) })
}

// patternsMeet reports whether some text matches both patterns; stars alone are
// wild.
func patternsMeet(a, b string) bool {
	// met[j]: what is gone of a and the first j of b meet.
	met := make([]bool, len(b)+1)
	for i := 0; i <= len(a); i++ {
		next := make([]bool, len(b)+1)
		for j := 0; j <= len(b); j++ {
			switch {
			case i == 0 && j == 0:
				next[j] = true
			case i > 0 && a[i-1] == '*':
				next[j] = met[j] || j > 0 && next[j-1]
			case j > 0 && b[j-1] == '*':
				next[j] = next[j-1] || i > 0 && met[j]
			default:
				next[j] = i > 0 && j > 0 && a[i-1] == b[j-1] && met[j-1]
			}
		}
		met = next
	}
	return met[len(b)]
}

// mostActions is how many actions of a role a warning lists.
const mostActions = 5

// actionWords lists what a role may do.
func actionWords(inline []access.RolePolicy, managed []string) string {
	var out []string
	for _, in := range inline {
		p, err := iam.Parse(iam.Identity, string(in.Document))
		if err != nil {
			continue
		}
		for _, s := range p.Statements {
			if s.Effect == iam.Allow {
				out = append(out, s.Actions...)
			}
		}
	}
	for _, m := range managed {
		out = append(out, m[strings.LastIndexByte(m, '/')+1:])
	}
	slices.Sort(out)
	out = slices.Compact(out)
	switch n := len(out) - mostActions; {
	case len(out) == 0:
		return ""
	case n > 0:
		return ": " + strings.Join(out[:mostActions], ", ") + " and more"
	}
	return ": " + list(out)
}
