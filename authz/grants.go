package authz

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/eks"
)

// grant is one thing that gives an identity rules somewhere.
type grant struct {
	by      Reason // without a rule
	rules   []access.Rule
	scope   access.Scope
	unknown *Unknown           // the rules, or whether it is the identity's at all, are not known
	implied bool               // it comes through a group that the API server gives
	parts   []access.WantScope // of scope, which by.Sources ask for; nil: each asks for all
}

// asking are the sources that ask for what reaches a request; all of them if
// the grant does not. Of one association that unites what several lines ask
// for, EKS knows the union only: a line elsewhere gives nothing here.
func (g *grant) asking(r Request) []access.Source {
	if len(g.parts) == 0 || !eks.Reaches(g.scope, r) {
		return g.by.Sources
	}
	var asking []access.Source
	for _, part := range g.parts {
		if eks.Reaches(part.Scope, r) {
			asking = append(asking, part.Source)
		}
	}
	return asking
}

// everything is every right there is: what is behind what was not read.
func everything() []access.Rule {
	return []access.Rule{
		{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}},
		{Verbs: []string{"*"}, NonResourceURLs: []string{"*"}},
	}
}

// grants are all that an identity has, and what it may have for all that is
// known: policies, then bindings, then what was not read. Nobody has nothing.
func (c *Cluster) grants(id *Identity) []grant {
	p, doubt := c.standing(id)
	if doubt != nil {
		var all []grant
		if slices.Contains(id.Groups, Authenticated) {
			all = c.bound(all, "group "+Authenticated, c.byGroup[Authenticated], has(c.byGroup, Authenticated), nil, true)
		}
		return append(all, grant{rules: everything(), scope: access.ClusterScope(), unknown: doubt})
	}
	if p == nil && id.Username == "" && len(id.Groups) == 0 {
		return nil
	}
	var all []grant
	if slices.Contains(id.Groups, Masters) {
		all = append(all, grant{by: Reason{By: ByMasters, Through: "group " + Masters, Scope: access.ClusterScope()}, rules: everything(), scope: access.ClusterScope()})
	}
	if p != nil {
		for i := range p.policies {
			all = append(all, p.grant(&p.policies[i]))
		}
	}
	all = c.boundTo(all, id, "username", id.Username, c.byUser, c.userNames)
	for _, g := range id.Groups {
		all = c.boundTo(all, id, "group", g, c.byGroup, c.groups)
	}
	if u := c.unknown[UnknownRBAC]; u != nil {
		all = append(all, grant{rules: everything(), scope: access.ClusterScope(), unknown: u})
	}
	if strings.HasPrefix(id.Username, nodePrefix) && slices.Contains(id.Groups, nodesGroup) {
		all = append(all, grant{rules: c.nodeRules(), scope: access.ClusterScope(), unknown: c.nodeUnknown()})
	}
	return all
}

func has(m map[string]int32, name string) bool {
	_, ok := m[name]
	return ok
}

func (c *Cluster) nodeUnknown() *Unknown {
	return &Unknown{Part: UnknownNode, Why: "what a node may goes by what runs on it",
		Settle: "ask the cluster " + c.facts.Name + " itself, as that node: kubectl auth can-i"}
}

// grant is an access policy as a grant, with the places that asked for it.
func (p *principal) grant(g *policy) grant {
	by := Reason{By: ByPolicy, Policy: g.arn, Scope: g.Scope}
	parts := p.entry.Scopes[g.arn]
	for _, part := range parts {
		by.Sources = append(by.Sources, part.Source)
	}
	rules := g.Policy.Rules
	if g.unknown != nil {
		rules = everything()
	}
	return grant{by: by, rules: rules, scope: g.Scope, unknown: g.unknown, parts: parts}
}

// boundTo adds the bindings to a username or a group. Of a template they are
// those to names that some session would make of it.
func (c *Cluster) boundTo(all []grant, id *Identity, kind, name string, by map[string]int32, names []string) []grant {
	through := kind + " " + name
	all = c.bound(all, through, by[name], has(by, name), nil, kind == "group" && strings.HasPrefix(name, "system:"))
	if id.Principal == "" || !open(name) {
		return all
	}
	unknown := &Unknown{Part: UnknownSession, Why: "the " + kind + " is made from the session's name: " + name,
		Settle: "ask for one session, by its ARN: arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION"}
	if kind == "group" && couldBe(name, Masters) {
		all = append(all, grant{by: Reason{By: ByMasters, Through: through, Scope: access.ClusterScope()}, rules: everything(), scope: access.ClusterScope(), unknown: unknown})
	}
	prefix := literal(name)
	i, _ := slices.BinarySearch(names, prefix)
	for ; i < len(names) && strings.HasPrefix(names[i], prefix); i++ {
		if names[i] != name && couldBe(name, names[i]) {
			all = c.bound(all, kind+" "+names[i], by[names[i]], true, unknown, false)
		}
	}
	return all
}

// bound adds the bindings to one subject.
func (c *Cluster) bound(all []grant, through string, subject int32, ok bool, unknown *Unknown, implied bool) []grant {
	if !ok {
		return all
	}
	for _, i := range c.subjects[subject].bindings {
		b := &c.facts.Bindings[i]
		scope := b.scope()
		g := grant{
			by:    Reason{By: ByBinding, Binding: &b.Binding, Scope: scope, Through: through, Sources: b.Sources},
			rules: c.bindings[i].rules, scope: scope, unknown: unknown, implied: implied, parts: b.Parts,
		}
		if u := c.bindings[i].unknown; u != nil {
			g.rules, g.unknown = everything(), u
		}
		all = append(all, g)
	}
	return all
}

// scope is where a binding holds.
func (b *Binding) scope() access.Scope {
	switch {
	case len(b.Patterns) > 0:
		return access.NamespaceScope(b.Patterns...)
	case b.Namespace != "":
		return access.NamespaceScope(b.Namespace)
	}
	return access.ClusterScope()
}

// Rights is everything an identity may do, one Right for each grant: what
// Decide allows is covered by one that is Known, and what it leaves
// undetermined by one that is not.
func (c *Cluster) Rights(id Identity) []Right {
	var rights []Right
	for _, g := range c.grants(&id) {
		rights = append(rights, Right{Rules: g.rules, Scope: g.scope, Known: g.unknown == nil, By: g.by, Unknown: g.unknown})
	}
	return rights
}
