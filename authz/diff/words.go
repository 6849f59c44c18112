package diff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// gives reports whether one of the verbs on a resource is among the requests,
// of any name.
func (a Access) gives(group, resource string, verbs ...string) bool {
	return slices.ContainsFunc(a.Requests, func(q access.Requests) bool {
		return q.Paths.IsZero() && q.Groups.Has(group) && q.Resources.HasResource(resource) && slices.ContainsFunc(verbs, q.Verbs.Has)
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
	return slices.ContainsFunc(a.Places, func(p access.Where) bool { return p.Cluster })
}

// WholeCluster reports whether it is bounded by no namespaces.
func (a Access) WholeCluster() bool {
	return a.cluster() && (slices.ContainsFunc(a.Places, access.Where.Everywhere) || slices.ContainsFunc(a.Loose, access.Where.Everywhere))
}

// Where is where, in few words: "*qa* and *backend*, outside prod-*".
func (a Access) Where() string {
	if a.WholeCluster() {
		return wholeCluster
	}
	var plain, more []string
	for _, p := range a.Loose {
		s := whereWords(p)
		switch {
		case len(p.In) == 1 && len(p.Outside) == 0:
			plain = append(plain, s)
		case p.Cluster && slices.ContainsFunc(a.Loose, beyond):
			// said with the namespaces
		case beyond(p) && a.cluster():
			more = append(more, strings.Replace(s, everyNamespace, wholeCluster, 1))
		default:
			more = append(more, s)
		}
	}
	s := some(plain)
	if len(plain) > 0 && len(more) > 0 {
		s += "; "
	}
	return s + strings.Join(more, "; ")
}

// some are names with commas; of many, the first few and how many there are.
func some(names []string) string {
	const most = 8
	if len(names) > most {
		return strings.Join(names[:most-2], ", ") + fmt.Sprintf(" and %d more", len(names)-most+2)
	}
	return strings.Join(names, ", ")
}

// beyond reports whether a place is all namespaces but some.
func beyond(p access.Where) bool { return !p.Cluster && len(p.In) == 0 }

const (
	everyNamespace = "every namespace"
	wholeCluster   = "whole cluster"
)

// whereWords is a place in words, with an example where the patterns do not tell
// one at a glance.
func whereWords(p access.Where) string {
	if p.Cluster {
		return "what is in no namespace"
	}
	var lists []string
	for _, list := range p.In {
		words := some(list)
		if len(p.In) > 1 && len(list) > 1 {
			words = "(" + words + ")"
		}
		lists = append(lists, words)
	}
	s := strings.Join(lists, " and ")
	if s == "" {
		s = everyNamespace
	}
	if len(p.Outside) > 0 {
		s += " outside " + some(p.Outside)
	}
	if len(p.In) > 1 || len(p.Outside) > 0 {
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
	if s := a.Spelt(); name == "" || len(s) <= shortEnough {
		return s
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
func (a Access) Spelt() string { return strings.Join(Spell(a.Requests), "; ") }

// Spell says requests in words, a line for each product.
func Spell(requests []access.Requests) []string {
	var parts []string
	for _, q := range requests {
		parts = append(parts, spelt(q))
	}
	return parts
}

// spelt is "get, list pods, services".
func spelt(q access.Requests) string {
	if !q.Paths.IsZero() {
		return list(q.Verbs, "do anything on", "anything") + " " + list(q.Paths, "all URLs", "all URLs")
	}
	what := resources(q)
	if !q.Names.IsZero() && (!q.Names.Any || len(q.Names.But) > 0) {
		what += " " + list(q.Names, "", "all")
	}
	return list(q.Verbs, "do anything with", "anything") + " " + what
}

// resources are names with their groups, as kubectl writes them.
func resources(q access.Requests) string {
	if q.Groups.Any || q.Resources.Any {
		s := list(q.Resources, "everything", "everything")
		switch {
		case q.Groups.Any && len(q.Groups.But) == 0:
			return s
		default:
			return s + " of API groups " + list(core(q.Groups), "all", "all")
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
func core(w access.Words) access.Words {
	name := func(list []string) []string {
		out := slices.Clone(list)
		for i, g := range out {
			if g == "" {
				out[i] = "core"
			}
		}
		return out
	}
	return access.Words{Any: w.Any, In: name(w.In), But: name(w.But)}
}

func list(w access.Words, all, allBut string) string {
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
