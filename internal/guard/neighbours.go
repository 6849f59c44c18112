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
// Of EKS's policies none but ClusterAdmin lets make
// namespaces, so that these are roles of RBAC.
func (w *workloads) namespaceMakers() {
	for _, r := range w.in.Want.Roles {
		for _, t := range r.Trust {
			if t.Credentials != access.IRSA || !strings.Contains(t.Namespace, "*") {
				continue
			}
			for _, m := range w.makersOn(t.Cluster) {
				text := m.who + " of cluster " + t.Cluster.Name + " may make namespaces by " + m.role.String() + ", " + t.Namespace + " too, and has role " + roleWords(r.ARN) + " in the one that he made"
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
// bound; change is what newly binds it.
type maker struct {
	who    string
	role   access.RoleRef
	change *plan.Change
}

func (w *workloads) makersOn(k access.ClusterKey) []maker {
	if _, ok := w.makers[k]; !ok {
		w.makers[k] = w.findMakers(k)
	}
	return w.makers[k]
}

func (w *workloads) findMakers(k access.ClusterKey) []maker {
	h, ok := w.in.Have.Cluster(k)
	if !ok || h.Kubernetes == nil || !h.Kubernetes.RBACRead {
		return nil
	}
	roles := rbac.Aggregate(h.Kubernetes.Roles)
	var out []maker
	add := func(b *access.Binding, c *plan.Change) {
		if b == nil || b.Namespace != "" || b.Role.Name == clusterAdmin || strings.HasPrefix(b.Role.Name, "system:") {
			return
		}
		role, there := roleIn(roles, b)
		if !there || !slices.ContainsFunc(role.Rules, makesNamespaces) {
			return
		}
		for _, s := range b.Subjects {
			if !strings.HasPrefix(s.Name, "system:") && s.Kind != access.ServiceAccountSubject {
				out = append(out, maker{strings.ToLower(string(s.Kind)) + " " + s.Name, b.Role, c})
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
	for i := range h.Kubernetes.Bindings {
		if b := &h.Kubernetes.Bindings[i]; !gone[b.Name] {
			add(b, nil)
		}
	}
	return out
}

func makesNamespaces(r access.Rule) bool {
	return rbac.Covers(&r, rbac.Request{Verb: "create", Resource: "namespaces"})
}

// neighbours points out who may run pods where a ServiceAccount has a role:
// whoever may make a pod there runs it as that ServiceAccount. (refusals row
// 29) Administrators of the cluster are not listed.
func (w *workloads) neighbours() {
	for i := range w.in.Plan.Changes {
		c := &w.in.Plan.Changes[i]
		from, to := associations(c)
		if to == nil || administers(*to) || !runsPods(to.Policy) {
			continue
		}
		for _, r := range w.in.Want.Roles {
			for _, t := range r.Trust {
				if t.Cluster != c.Cluster || !reaches(to.Scope, t.Namespace) || from != nil && reaches(from.Scope, t.Namespace) {
					continue
				}
				w.warn("workload-role", c, who(c)+" may run pods in "+t.Namespace+" by "+access.ShortPolicy(to.Policy)+", as ServiceAccount "+t.Name+" too, and so comes to "+
					w.workloadOf(r.ARN)+"'s role "+roleWords(r.ARN)+actionWords(r.Inline, r.Managed))
			}
		}
	}
	for i := range w.in.Plan.Changes {
		c := &w.in.Plan.Changes[i]
		role := gives(c)
		if role == "" {
			continue
		}
		if people := w.runnersIn(c.Cluster, c.Namespace); len(people) > 0 {
			r := w.rightsAfter(role)
			w.warn("workload-role", c, list(people)+" may run pods in "+c.Namespace+", as ServiceAccount "+c.Name+" too, and so come to role "+roleWords(role)+actionWords(r.Inline, r.Managed))
		}
	}
}

// runnersIn are the members that the documents let run pods in a namespace
// already, by a policy.
func (w *workloads) runnersIn(k access.ClusterKey, namespace string) []string {
	d, ok := wantedCluster(w.in, k)
	if !ok {
		return nil
	}
	h, _ := w.in.Have.Cluster(k)
	var out []string
	for i := range d.Entries {
		e := &d.Entries[i]
		for _, a := range e.Associations {
			if !runsPods(a.Policy) || administers(access.Association{Policy: a.Policy, Scope: a.Scope}) || !reaches(a.Scope, namespace) || !stands(h, e.Member, a.Policy, namespace) {
				continue
			}
			out = append(out, e.Member.String()+" ("+access.ShortPolicy(a.Policy)+")")
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

// runsPods reports whether an access policy lets make pods; of one whose rules
// are not published it is not known.
func runsPods(policy string) bool {
	p, ok := eks.Named(policy[strings.LastIndexByte(policy, '/')+1:])
	return ok && slices.ContainsFunc(p.Rules, func(r access.Rule) bool {
		return rbac.Covers(&r, rbac.Request{Verb: "create", Resource: "pods"})
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
