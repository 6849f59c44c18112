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

// granter is what grants stand in: a team, or a workload with grants of its
// own.
type granter struct {
	team   string // the name of the team, or WorkloadTeam's
	grants []v1alpha1.Grant
	// clusters are those that the grants may narrow, by document name.
	clusters map[string]bool
	at       func(path ...any) access.Place // beneath spec.grants
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
	team := granter{doc.Value.Name, spec.Grants, selected, beneath(doc, "spec", "grants")}
	sites := c.readGrants(team)
	for i, m := range spec.Members {
		at := doc.At("spec", "members", i)
		c.checkUsername(m.Username, doc.At("spec", "members", i, "username"))
		c.knowsAccount(m.Account, at)
		for _, s := range sites {
			for _, member := range c.members(s.site, m, at) {
				c.join(s.site, team.team, s.given, member, m.Username, at)
			}
		}
	}
}

// beneath gives places beneath a path of a document.
func beneath[T any](doc documents.Doc[T], path ...any) func(more ...any) access.Place {
	return func(more ...any) access.Place { return doc.At(append(slices.Clone(path), more...)...) }
}

// siteGiven is a cluster with what a granter gives there.
type siteGiven struct {
	*site
	given *given
}

// readGrants reads grants, binds the roles among them, and tells what they
// give on each cluster that one is for.
func (c *compiler) readGrants(by granter) []siteGiven {
	var grants []grant
	for i := range by.grants {
		if g, ok := c.grant(by, i); ok {
			grants = append(grants, g)
			for _, s := range c.sites {
				if g.role.Name != "" && g.cluster[s.want.Document] {
					c.bind(s, g)
				}
			}
		}
	}
	var out []siteGiven
	alike := map[string]*given{} // by the partition and the grants
	which := make([]byte, len(grants))
	for _, s := range c.sites {
		some := false
		for i, g := range grants {
			which[i] = '-'
			if g.cluster[s.want.Document] {
				which[i], some = 'x', true
			}
		}
		if !some {
			continue
		}
		key := s.partition + " " + string(which)
		v, ok := alike[key]
		if !ok {
			v = c.give(s, by, grants)
			alike[key] = v
		}
		out = append(out, siteGiven{s, v})
	}
	return out
}

// give is what those of a granter's grants give that are for a cluster.
func (c *compiler) give(s *site, by granter, grants []grant) *given {
	v := &given{}
	for _, g := range grants {
		switch {
		case !g.cluster[s.want.Document]:
		case g.group != "":
			v.groups = append(v.groups, g.group)
		case g.role.Name != "":
			v.groups = append(v.groups, access.TeamGroup(c.state.Owner.Environment, by.team))
		default:
			if policy, ok := c.policyARN(s, g); ok {
				v.grant(policy, access.WantScope{Scope: g.scope, Source: g.source})
			}
		}
	}
	return v
}

// members are the principals that a member is on a cluster: one, or a
// workload's roles.
func (c *compiler) members(s *site, m v1alpha1.Member, at access.Place) []access.Member {
	if m.Workload != "" {
		return c.workloadMembers(s, m.Workload, at)
	}
	member, ok := c.member(s, m.Principal, at)
	if !ok {
		return nil
	}
	return []access.Member{member}
}

// idle notes on every cluster whom a team means that selects none.
func (c *compiler) idle(doc teamDoc) {
	for _, s := range c.sites {
		for i, member := range doc.Value.Spec.Members {
			if member.Workload != "" {
				for _, m := range c.workloadMembers(s, member.Workload, doc.At("spec", "members", i)) {
					s.want.Idle = append(s.want.Idle, access.IdleMember{Member: m, Team: doc.Value.Name, Place: doc.At("spec", "clusters")})
				}
			} else if m, ok := c.meant(s, member.Principal); ok {
				if iam, err := access.ParseIAMPrincipal(m.Name); m.Kind == access.ARNMember && err == nil {
					m.Partition, m.Account = iam.Partition, iam.Account
				}
				s.want.Idle = append(s.want.Idle, access.IdleMember{Member: m, Team: doc.Value.Name, Place: doc.At("spec", "clusters")})
			}
		}
	}
}

// grant reads one grant.
func (c *compiler) grant(by granter, i int) (grant, bool) {
	spec, at := by.grants[i], by.at(i)
	g := grant{source: access.Source{Team: by.team, Place: at}, at: at, group: spec.Group, cluster: by.clusters}
	if spec.Clusters != nil {
		narrowed := c.selectClusters(*spec.Clusters, func(j int) access.Place { return by.at(i, "clusters", "names", j) })
		g.cluster = map[string]bool{}
		for name := range narrowed {
			if by.clusters[name] {
				g.cluster[name] = true
			}
		}
		where := by.at(i, "clusters")
		for _, name := range spec.Clusters.Names {
			if narrowed[name] && !by.clusters[name] {
				c.note(where, "no-clusters", "cluster %s is not one of team %s's, and a grant's clusters only narrow those", documents.Escape(name), by.team)
			}
		}
		if len(g.cluster) == 0 && len(by.clusters) > 0 {
			c.note(where, "no-clusters", "this grant is for no cluster")
		}
	}
	role, ok := c.roleOf(by, i)
	if g.role = role; !ok {
		return g, false
	}
	if spec.Group != "" {
		c.checkGroup(spec.Group, by.at(i, "group"))
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
	g.policy, g.arn, ok = c.policy(spec.Policy, by.at(i, "policy"))
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

// join adds a member of a team to a cluster, united with what is there.
func (c *compiler) join(s *site, team string, v *given, m access.Member, username string, at access.Place) {
	if !c.notServiceLinked(m, at) || !c.notRemoved(s, m, at) {
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
	if username != "" {
		if e.Username != "" && e.Username != username {
			c.faultOnce(at, "a principal has one username on a cluster", "%s has two usernames on cluster %s, %s here and %s at %s",
				m, s.want.Document, quoted(username), quoted(e.Username), e.usernameAt)
		} else if e.Username == "" {
			e.Username, e.usernameAt = username, at
		}
	}
	e.Sources = append(e.Sources, access.Source{Team: team, Place: at})
	if !slices.Contains(e.from, v) {
		e.from = append(e.from, v)
	}
}
