package authz

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/eks"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
)

// most is how many remedies of each kind are named.
const most = 3

// remedies are the grants that would allow a request, narrowest first: access
// policies for a principal that may have an entry, and roles for whoever has
// a name or a group to bind. What gives more than another one that would do is
// left out. Where all of them give it among all resources, a role with a rule of
// its own comes first.
func (c *Cluster) remedies(id *Identity, r Request) []Remedy {
	where := access.ClusterScope()
	if r.Namespace != "" {
		where = access.NamespaceScope(r.Namespace)
	}
	var found []Remedy
	wild := true
	if c.mayHavePolicies(id) {
		for _, k := range c.enough(publishedPolicies(), r) {
			wild = wild && k.wild(r)
			found = append(found, Remedy{Policy: k.name, Scope: where, Also: k.also})
		}
	}
	if id.Username != "" || len(id.Groups) > 0 {
		for _, k := range c.enough(c.bindable(), r) {
			wild = wild && k.wild(r)
			found = append(found, Remedy{Role: k.name, Scope: where, Also: k.also})
		}
	}
	if len(found) > 0 && wild {
		found = append([]Remedy{{Own: ownRule(r), Scope: where}}, found...)
	}
	return found
}

// wild reports whether the kit gives a request only by rules for all resources
// or all groups, by which it gives every custom resource.
func (k *kit) wild(r Request) bool {
	return !slices.ContainsFunc(k.rules, func(x access.Rule) bool {
		return rbac.Covers(&x, r) && !slices.Contains(x.Resources, "*") && !slices.Contains(x.APIGroups, "*") && !slices.Contains(x.NonResourceURLs, "*")
	})
}

// ownRule is the rule that gives a request and the like of it, whatever the
// object's name.
func ownRule(r Request) *access.Rule {
	if r.Path != "" {
		return &access.Rule{Verbs: []string{r.Verb}, NonResourceURLs: []string{r.Path}}
	}
	return &access.Rule{Verbs: []string{r.Verb}, APIGroups: []string{r.Group}, Resources: []string{joined(r)}}
}

// mayHavePolicies reports whether an access policy could reach an identity:
// entries of nodes take none. (aws-facts 2.2)
func (c *Cluster) mayHavePolicies(id *Identity) bool {
	if id.Principal == "" || !c.takesEntries() {
		return false
	}
	p := c.principals[id.Principal]
	if p == nil || p.dead != nil { // a dead entry is made again
		iam, err := access.ParseIAMPrincipal(id.Principal)
		return err == nil && !iam.ServiceLinked()
	}
	return p.entry != nil && (p.entry.Type == access.Standard || p.entry.Type == "")
}

// kit is a set of rules that can be given as one.
type kit struct {
	name  string
	rules []access.Rule
	size  int
	also  []string
}

// enough are the kits that give a request, without those that hold another one
// that does, smallest first.
func (c *Cluster) enough(kits []kit, r Request) []kit {
	var found []kit
	for _, k := range kits { // smallest first
		if allows(k.rules, r) == nil || slices.ContainsFunc(found, func(f kit) bool { return c.holdsKit(&k, &f) }) {
			continue
		}
		if found = append(found, k); len(found) == most {
			break
		}
	}
	return found
}

// holdsKit is holds, remembered: kits of one kind differ in their names.
func (c *Cluster) holdsKit(k, other *kit) bool {
	key := [2]string{k.name, other.name}
	if v, ok := c.within.Load(key); ok {
		return v.(bool)
	}
	v := holds(k.rules, other.rules)
	c.within.Store(key, v)
	return v
}

// publishedPolicies are the access policies that anybody may have and whose
// rules are known, smallest first.
var publishedPolicies = sync.OnceValue(func() []kit {
	var kits []kit
	for _, p := range eks.Policies() {
		if p.RulesComplete && p.Association == eks.Any {
			kits = append(kits, newKit(p.Name, p.Rules))
		}
	}
	sortKits(kits)
	return kits
})

// bindable are the ClusterRoles that are meant for people, smallest first: all
// but the system's own and what only feeds an aggregated role.
func (c *Cluster) bindable() []kit {
	var kits []kit
	for i := range c.facts.Roles {
		r := &c.facts.Roles[i]
		unread := slices.ContainsFunc(c.facts.Unknown, func(u Unknown) bool {
			return u.Part == UnknownRole && u.Role == access.RoleRef{Kind: access.ClusterRole, Name: r.Name}
		})
		if r.Namespace == "" && len(r.Rules) > 0 && !unread && !strings.HasPrefix(r.Name, "system:") {
			kits = append(kits, newKit(r.Name, r.Rules))
		}
	}
	sortKits(kits)
	return kits
}

func newKit(name string, rules []access.Rule) kit {
	k := kit{name: name, rules: rules, also: risks(rules)}
	for i := range rules {
		r := &rules[i]
		k.size += weight(r.Verbs) * (weight(r.APIGroups)*weight(r.Resources) + weight(r.NonResourceURLs))
	}
	return k
}

// weight counts words; a star stands for many.
func weight(words []string) int {
	n := len(words)
	if slices.Contains(words, "*") {
		n += 100
	}
	return n
}

func sortKits(kits []kit) {
	slices.SortFunc(kits, func(a, b kit) int {
		return cmp.Or(cmp.Compare(a.size, b.size), strings.Compare(a.name, b.name))
	})
}

// holds reports whether rules give all that others give. It errs only to
// false: what several rules give together is not put together.
func holds(rules, others []access.Rule) bool {
	for i := range others {
		o := &others[i]
		names := o.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, v := range o.Verbs {
			for _, g := range o.APIGroups {
				for _, s := range o.Resources {
					for _, n := range names {
						if !slices.ContainsFunc(rules, func(r access.Rule) bool {
							return (len(r.ResourceNames) == 0 || n != "") && rbac.Covers(&r, Request{Verb: v, Group: g, Resource: s, Name: n})
						}) {
							return false
						}
					}
				}
			}
			for _, u := range o.NonResourceURLs {
				if !slices.ContainsFunc(rules, func(r access.Rule) bool { return rbac.Covers(&r, Request{Verb: v, Path: u}) }) {
					return false
				}
			}
		}
	}
	return true
}

// risks says in people's words what rules give that matters.
func risks(rules []access.Rule) []string {
	gives := func(group, resource, sub string, verbs ...string) bool {
		return slices.ContainsFunc(verbs, func(v string) bool {
			return allows(rules, Request{Verb: v, Group: group, Resource: resource, Subresource: sub}) != nil
		})
	}
	const group = "rbac.authorization.k8s.io"
	if gives("*", "*", "", "*") {
		return []string{"everything there"}
	}
	var also []string
	read, write := gives("", "secrets", "", "get", "list", "watch"), gives("", "secrets", "", "create", "update", "patch", "delete")
	switch {
	case read && write:
		also = append(also, "read and write secrets")
	case read:
		also = append(also, "read secrets")
	case write:
		also = append(also, "write secrets")
	}
	if gives("", "pods", "exec", "create", "get") || gives("", "nodes", "proxy", "get", "create") {
		also = append(also, "exec in pods")
	}
	if gives("", "serviceaccounts", "", "impersonate") {
		also = append(also, "impersonate serviceaccounts")
	}
	if gives("", "users", "", "impersonate") || gives("", "groups", "", "impersonate") {
		also = append(also, "impersonate users and groups")
	}
	if gives(group, "roles", "", "create", "update", "patch") || gives(group, "rolebindings", "", "create", "update", "patch") ||
		gives(group, "clusterroles", "", "create", "update", "patch") || gives(group, "clusterrolebindings", "", "create", "update", "patch") {
		also = append(also, "write roles and bindings")
	}
	return also
}
