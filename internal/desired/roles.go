package desired

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// bindingKey tells a team's bindings on a cluster apart. A ClusterRoleBinding
// and RoleBindings of one role are objects of their own and stay so: joined,
// a held change of one would take the other with it.
type bindingKey struct {
	name    string
	cluster bool // of cluster scope
}

// ownRoles are Kubernetes' own roles for people. (Kubernetes, "Using RBAC
// Authorization", user-facing roles)
var ownRoles = []string{"admin", "cluster-admin", "edit", "view"}

// bindingName is the name of the bindings of a team's role. Neither an
// Environment's nor a team's name has a colon, so no two are alike.
func bindingName(environment, team string, role access.RoleRef) string {
	return access.TeamGroup(environment, team) + ":" + strings.ToLower(role.Kind) + ":" + role.Name
}

// roleOf reads the role of a grant; the zero value is none.
func (c *compiler) roleOf(by granter, i int) (access.RoleRef, bool) {
	spec := by.grants[i]
	role, key := access.RoleRef{Kind: access.ClusterRole, Name: spec.ClusterRole}, "clusterRole"
	if spec.Role != "" {
		role, key = access.RoleRef{Kind: access.Role, Name: spec.Role}, "role"
	}
	at := by.at(i, key)
	switch {
	case role.Name == "":
		return access.RoleRef{}, true
	case spec.ClusterRole != "" && spec.Role != "", spec.Policy != "", spec.Group != "":
		c.fault(at, "write a grant for each", "this grant gives more than one thing")
		return role, false
	case strings.ContainsAny(role.Name, "/%") || role.Name == "." || role.Name == "..":
		c.fault(at, "", "%s cannot be the name of a %s", quoted(role.Name), role.Kind)
		return role, false
	case role.Kind == access.Role && spec.Scope != "":
		c.fault(at, "write its namespaces, or a clusterRole", "a Role is in a namespace and has no scope")
		return role, false
	}
	if own, ok := access.Nearest(role.Name, ownRoles); ok && role.Kind == access.ClusterRole && !slices.Contains(ownRoles, role.Name) &&
		(strings.EqualFold(own, role.Name) || !strings.HasPrefix(strings.ToLower(role.Name), own)) {
		c.note(at, "unknown-role", "ClusterRole %s is none of Kubernetes' own: did you mean %s?", quoted(role.Name), own)
	}
	return role, true
}

// bind adds a team's role to a cluster, united with what is there.
func (c *compiler) bind(s *site, g grant) {
	if s.want.Via == access.ViaNone {
		c.fault(g.at, "write kubernetes: {via: Direct} or {via: Render}, or use a policy", "%s is bound on cluster %s here, and nothing is written in it: via is None at %s",
			g.role, s.want.Document, s.doc.At("spec", "kubernetes", "via"))
		return
	}
	key := bindingKey{bindingName(c.state.Owner.Environment, g.source.Team, g.role), g.scope.Cluster}
	b, ok := s.bindings[key]
	if !ok {
		b = &access.WantBinding{Team: g.source.Team, Group: access.TeamGroup(c.state.Owner.Environment, g.source.Team), Name: key.name, Role: g.role}
		s.bindings[key] = b
	}
	b.Parts = append(b.Parts, access.WantScope{Scope: g.scope, Source: g.source})
	b.Scope = b.Scope.Union(g.scope)
}

// sortedBindings orders bindings by name, those of cluster scope first.
func sortedBindings(bindings map[bindingKey]*access.WantBinding) []access.WantBinding {
	keys := slices.SortedFunc(maps.Keys(bindings), func(a, b bindingKey) int {
		if a.name == b.name && a.cluster {
			return -1
		}
		return cmp.Compare(a.name, b.name)
	})
	var out []access.WantBinding
	for _, k := range keys {
		b := *bindings[k]
		slices.SortStableFunc(b.Parts, func(x, y access.WantScope) int { return comparePlaces(x.Source.Place, y.Source.Place) })
		out = append(out, b)
	}
	return out
}
