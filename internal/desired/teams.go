package desired

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
	"github.com/atlas-iam/atlas-iam/internal/documents"
)

type teamDoc = documents.Doc[v1alpha1.Team]

// teams gives every member every grant on every selected cluster.
func (c *compiler) teams() {
	docs := slices.Clone(c.set.Teams)
	slices.SortStableFunc(docs, func(a, b teamDoc) int {
		return cmp.Or(comparePlaces(a.At(), b.At()), cmp.Compare(a.Value.Name, b.Value.Name))
	})
	for _, doc := range docs {
		c.team(doc)
	}
}

// grant is a grant that was read, with the clusters it is for.
type grant struct {
	policy  access.Policy
	arn     string // of a policy that is not known here, in its own partition
	scope   access.Scope
	group   string
	role    access.RoleRef // the zero value: none
	source  access.Source
	at      access.Place
	cluster map[string]bool // by document name
}

func (c *compiler) team(doc teamDoc) {
	spec := doc.Value.Spec
	selected := c.selectClusters(spec.Clusters, func(i int) access.Place { return doc.At("spec", "clusters", "names", i) })
	if len(selected) == 0 {
		c.note(doc.At("spec", "clusters"), "no-clusters", "team %s selects no cluster", doc.Value.Name)
		c.idle(doc)
	}
	var grants []grant
	for i := range spec.Grants {
		if g, ok := c.grant(doc, i, selected); ok {
			grants = append(grants, g)
			for _, s := range c.sites {
				if g.role.Name != "" && g.cluster[s.want.Document] {
					c.bind(s, g)
				}
			}
		}
	}
	var sites []*site // those with a grant
	for _, s := range c.sites {
		if slices.ContainsFunc(grants, func(g grant) bool { return g.cluster[s.want.Document] }) {
			sites = append(sites, s)
		}
	}
	for i := range spec.Members {
		c.checkUsername(spec.Members[i].Username, doc.At("spec", "members", i, "username"))
		c.knowsAccount(spec.Members[i].Account, doc.At("spec", "members", i))
		for _, s := range sites {
			c.join(s, doc, i, grants)
		}
	}
}

// idle notes on every cluster whom a team means that selects none.
func (c *compiler) idle(doc teamDoc) {
	for _, s := range c.sites {
		for _, member := range doc.Value.Spec.Members {
			if m, ok := c.meant(s, member.Principal); ok {
				if iam, err := access.ParseIAMPrincipal(m.Name); m.Kind == access.ARNMember && err == nil {
					m.Partition, m.Account = iam.Partition, iam.Account
				}
				s.want.Idle = append(s.want.Idle, access.IdleMember{Member: m, Team: doc.Value.Name, Place: doc.At("spec", "clusters")})
			}
		}
	}
}

// grant reads one grant of a team.
func (c *compiler) grant(doc teamDoc, i int, selected map[string]bool) (grant, bool) {
	spec, at := doc.Value.Spec.Grants[i], doc.At("spec", "grants", i)
	g := grant{source: access.Source{Team: doc.Value.Name, Place: at}, at: at, group: spec.Group, cluster: selected}
	if spec.Clusters != nil {
		narrowed := c.selectClusters(*spec.Clusters, func(j int) access.Place { return doc.At("spec", "grants", i, "clusters", "names", j) })
		g.cluster = map[string]bool{}
		for name := range narrowed {
			if selected[name] {
				g.cluster[name] = true
			}
		}
		where := doc.At("spec", "grants", i, "clusters")
		for _, name := range spec.Clusters.Names {
			if narrowed[name] && !selected[name] {
				c.note(where, "no-clusters", "cluster %s is not one of team %s's, and a grant's clusters only narrow those", documents.Escape(name), doc.Value.Name)
			}
		}
		if len(g.cluster) == 0 && len(selected) > 0 {
			c.note(where, "no-clusters", "this grant is for no cluster")
		}
	}
	role, ok := c.roleOf(doc, i)
	if g.role = role; !ok {
		return g, false
	}
	if spec.Group != "" {
		c.checkGroup(spec.Group, doc.At("spec", "grants", i, "group"))
		return g, true
	}
	switch {
	case spec.Scope == "cluster" && len(spec.Namespaces) == 0:
		g.scope = access.ClusterScope()
	case spec.Scope == "" && len(spec.Namespaces) > 0:
		g.scope = access.NamespaceScope(spec.Namespaces...)
	default:
		c.fault(at, "write namespaces: [...] or scope: cluster", "this grant does not say its reach once")
		return g, false
	}
	if g.role.Name != "" {
		return g, true
	}
	g.policy, g.arn, ok = c.policy(spec.Policy, doc.At("spec", "grants", i, "policy"))
	return g, ok
}

// selectClusters gives the document names of the clusters that a selector
// selects; at is the place of its i-th name. Nobody may change what it gives.
func (c *compiler) selectClusters(sel v1alpha1.ClusterSelector, at func(i int) access.Place) map[string]bool {
	known := c.clusterDocuments()
	switch {
	case sel.All:
		return known
	case len(sel.MatchLabels) > 0:
		return c.withLabels(sel.MatchLabels)
	}
	out := map[string]bool{}
	for i, name := range sel.Names {
		if known[name] {
			out[name] = true
			continue
		}
		hint := documents.Suggest(name, slices.Sorted(maps.Keys(known)))
		if d := c.documentOf(name); d != "" {
			hint = quoted(name) + " is the EKS name of Cluster " + d
		}
		c.fault(at(i), c.unread(hint), "there is no Cluster %s", quoted(name))
	}
	return out
}

// clusterDocuments are the names of the Cluster documents.
func (c *compiler) clusterDocuments() map[string]bool {
	if c.documents == nil {
		c.documents = map[string]bool{}
		for _, d := range c.set.Clusters {
			c.documents[d.Value.Name] = true
		}
	}
	return c.documents
}

// withLabels are the names of the Cluster documents that have all labels; many
// teams select by the same ones.
func (c *compiler) withLabels(labels map[string]string) map[string]bool {
	key := fmt.Sprintf("%q", labels)
	out, ok := c.labelled[key]
	if !ok {
		out = map[string]bool{}
		for _, d := range c.set.Clusters {
			if containsLabels(d.Value.Labels, labels) {
				out[d.Value.Name] = true
			}
		}
		c.labelled[key] = out
	}
	return out
}

// documentOf is the Cluster document of a cluster that EKS knows by a name; ""
// if there is none, or more than one.
func (c *compiler) documentOf(name string) string {
	var found []string
	for _, d := range c.set.Clusters {
		if d.Value.Spec.ClusterName == name {
			found = append(found, d.Value.Name)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// unread is a hint for what is not there: if files were left out, it may be in
// those.
func (c *compiler) unread(hint string) string {
	if n := len(c.set.Partial); n > 0 {
		return fmt.Sprintf("of the Environment's folder not all was read (files left out: %d); give those too, or the folder", n)
	}
	return hint
}

func containsLabels(have, want map[string]string) bool {
	for k, v := range want {
		if got, ok := have[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// join adds a team's member to a cluster, united with what is there.
func (c *compiler) join(s *site, doc teamDoc, i int, grants []grant) {
	spec, at := doc.Value.Spec.Members[i], doc.At("spec", "members", i)
	m, ok := c.member(s, spec.Principal, at)
	if !ok || !c.notServiceLinked(m, at) || !c.notRemoved(s, m, at) {
		return
	}
	key := c.key(m)
	e, ok := s.entries[key]
	if !ok {
		e = newEntry(m)
		s.entries[key] = e
	}
	if e.nodeAt != (access.Place{}) {
		c.fault(at, "people and nodes need roles of their own", "%s is a member here and a node role of cluster %s at %s", m, s.want.Document, e.nodeAt)
		return
	}
	if m.Kind != access.ARNMember {
		e.Member = m // the shorter name wins, in whatever order they come
	}
	if name := spec.Username; name != "" {
		if e.Username != "" && e.Username != name {
			c.faultOnce(at, "a principal has one username on a cluster", "%s has two usernames on cluster %s, %s here and %s at %s",
				m, s.want.Document, quoted(name), quoted(e.Username), e.usernameAt)
		} else if e.Username == "" {
			e.Username, e.usernameAt = name, at
		}
	}
	e.Sources = append(e.Sources, access.Source{Team: doc.Value.Name, Place: at})
	for _, g := range grants {
		switch {
		case !g.cluster[s.want.Document]:
		case g.group != "":
			e.Groups = append(e.Groups, g.group)
		case g.role.Name != "":
			e.Groups = append(e.Groups, access.TeamGroup(c.state.Owner.Environment, doc.Value.Name))
		default:
			if policy, ok := c.policyARN(s, g); ok {
				e.grant(policy, access.WantScope{Scope: g.scope, Source: g.source})
			}
		}
	}
}
