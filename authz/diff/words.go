package diff

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// Has reports whether w has a word.
func (w Words) Has(word string) bool {
	return (w.Any || slices.Contains(w.In, word)) && !slices.Contains(w.But, word)
}

// hasResource is Has for resources, where */SUB is that subresource of all.
func (w Words) hasResource(resource string) bool {
	_, sub, ok := strings.Cut(resource, "/")
	in := func(list []string) bool {
		return slices.Contains(list, resource) || ok && sub != "" && slices.Contains(list, "*/"+sub)
	}
	return (w.Any || in(w.In)) && !in(w.But)
}

// gives reports whether one of the verbs on a resource is among the requests,
// of any name.
func (a Access) gives(group, resource string, verbs ...string) bool {
	return slices.ContainsFunc(a.Requests, func(q Requests) bool {
		return q.Paths.IsZero() && q.Groups.Has(group) && q.Resources.hasResource(resource) && slices.ContainsFunc(verbs, q.Verbs.Has)
	})
}

// Risks are what of an Access a reviewer should see at once. A get of
// nodes/proxy, which is in no namespace, counts as running commands: it reaches
// the kubelet, which runs them in every container of the node over a WebSocket.
// (kubernetes/kubernetes#83465)
func (a Access) Risks() []access.Risk {
	const rbac = "rbac.authorization.k8s.io"
	var found []access.Risk
	add := func(r access.Risk, is bool) {
		if is {
			found = append(found, r)
		}
	}
	add(access.RiskSecrets, a.gives("", "secrets", "get", "list", "watch"))
	add(access.RiskExec, a.gives("", "pods/exec", "create", "get") || a.gives("", "pods/attach", "create", "get") ||
		a.cluster() && a.gives("", "nodes/proxy", "get", "create"))
	add(access.RiskImpersonate, a.gives("", "serviceaccounts", "impersonate") || a.cluster() && (a.gives("", "users", "impersonate") || a.gives("", "groups", "impersonate")))
	add(access.RiskEscalate, a.writesRoles(rbac, "roles", "rolebindings") || a.cluster() && a.writesRoles(rbac, "clusterroles", "clusterrolebindings"))
	add(access.RiskWholeCluster, a.WholeCluster())
	return found
}

func (a Access) writesRoles(rbac string, resources ...string) bool {
	return slices.ContainsFunc(resources, func(r string) bool {
		return a.gives(rbac, r, "create", "update", "patch", "escalate", "bind")
	})
}

// cluster reports whether some of it is in no namespace.
func (a Access) cluster() bool {
	return slices.ContainsFunc(a.Places, func(p Place) bool { return p.Cluster })
}

// WholeCluster reports whether it is bounded by no namespaces.
func (a Access) WholeCluster() bool {
	all := func(p Place) bool { return !p.Cluster && len(p.And) == 0 && len(p.Outside) == 0 }
	return a.cluster() && (slices.ContainsFunc(a.Places, all) || slices.ContainsFunc(a.Loose, all))
}

// Where is where, in few words: "*qa* and *backend*, outside prod-*".
func (a Access) Where() string {
	if a.WholeCluster() {
		return wholeCluster
	}
	var plain, more []string
	for _, p := range a.Loose {
		s := p.String()
		switch {
		case len(p.And) == 1 && len(p.Outside) == 0:
			plain = append(plain, s)
		case p.Cluster && slices.ContainsFunc(a.Loose, beyond):
			// said with the namespaces
		case beyond(p) && a.cluster():
			more = append(more, strings.Replace(s, everyNamespace, wholeCluster, 1))
		default:
			more = append(more, s)
		}
	}
	s := strings.Join(plain, ", ")
	if len(plain) > 0 && len(more) > 0 {
		s += "; "
	}
	return s + strings.Join(more, "; ")
}

// beyond reports whether a place is all namespaces but some.
func beyond(p Place) bool { return !p.Cluster && len(p.And) == 0 }

const (
	everyNamespace = "every namespace"
	wholeCluster   = "whole cluster"
)

// String is a place in words, with an example where the patterns do not tell
// one at a glance.
func (p Place) String() string {
	if p.Cluster {
		return "what is in no namespace"
	}
	s := strings.Join(p.And, " and ")
	if s == "" {
		s = everyNamespace
	}
	if len(p.Outside) > 0 {
		s += " outside " + strings.Join(p.Outside, ", ")
	}
	if len(p.And) > 1 || len(p.Outside) > 0 {
		s += " (e.g. " + p.Example + ")"
	}
	return s
}

// shortEnough is how long a phrase that spells all requests may be; what is
// longer is said by its grants' names.
const shortEnough = 48

// What is what, in few words: a grant's name (Edit), less what of it is not
// among the requests (Edit minus View), or the requests spelt, where that is
// short (delete pods).
func (a Access) What() string {
	name := ""
	if len(a.By) > 0 {
		name = GrantName(a.By[0])
	}
	if name != "" && len(a.Minus) == 0 {
		return name
	}
	spelt := a.Spelt()
	if name == "" || len(spelt) <= shortEnough {
		return spelt
	}
	var minus []string
	for _, m := range a.Minus {
		minus = append(minus, GrantName(m))
	}
	return name + " minus " + strings.Join(minus, " and ")
}

// GrantName is what people call a grant: Edit, ClusterRole view, Role ns/debug.
func GrantName(r authz.Reason) string {
	switch {
	case r.Policy != "":
		return access.ShortPolicy(r.Policy)
	case r.Binding != nil && r.Binding.Role.Kind == access.Role:
		return "Role " + r.Binding.Namespace + "/" + r.Binding.Role.Name
	case r.Binding != nil:
		return r.Binding.Role.String()
	}
	return string(r.By)
}

// Spelt is every request of an Access: "get, list pods, services; create
// deployments.apps".
func (a Access) Spelt() string {
	var parts []string
	for _, q := range a.Requests {
		parts = append(parts, q.String())
	}
	return strings.Join(parts, "; ")
}

// String is "get, list pods, services".
func (q Requests) String() string {
	if !q.Paths.IsZero() {
		return q.Verbs.spelt("do anything on", "anything") + " " + q.Paths.spelt("all URLs", "all URLs")
	}
	what := q.resources()
	if !q.Names.IsZero() && (!q.Names.Any || len(q.Names.But) > 0) {
		what += " " + q.Names.spelt("", "all")
	}
	return q.Verbs.spelt("do anything with", "anything") + " " + what
}

// resources are names with their groups, as kubectl writes them.
func (q Requests) resources() string {
	if q.Groups.Any || q.Resources.Any {
		s := q.Resources.spelt("everything", "everything")
		switch {
		case q.Groups.Any && len(q.Groups.But) == 0:
			return s
		default:
			return s + " of API groups " + q.Groups.core().spelt("all", "all")
		}
	}
	var names []string
	for _, g := range q.Groups.In {
		for _, r := range q.Resources.In {
			names = append(names, qualified(r, g))
		}
	}
	s := strings.Join(names, ", ")
	if len(q.Resources.But) > 0 {
		s += " but " + strings.Join(q.Resources.But, ", ")
	}
	return s
}

// qualified is deployments.apps/scale.
func qualified(resource, group string) string {
	if group == "" {
		return resource
	}
	name, sub, ok := strings.Cut(resource, "/")
	if !ok {
		return name + "." + group
	}
	return name + "." + group + "/" + sub
}

// core makes the core group's empty name readable.
func (w Words) core() Words {
	name := func(list []string) []string {
		out := slices.Clone(list)
		for i, g := range out {
			if g == "" {
				out[i] = "core"
			}
		}
		return out
	}
	return Words{Any: w.Any, In: name(w.In), But: name(w.But)}
}

func (w Words) spelt(all, allBut string) string {
	switch {
	case w.Any && len(w.But) == 0:
		return all
	case w.Any:
		return allBut + " but " + strings.Join(w.But, ", ")
	}
	s := strings.Join(w.In, ", ")
	if len(w.But) > 0 {
		s += " but " + strings.Join(w.But, ", ")
	}
	return s
}
