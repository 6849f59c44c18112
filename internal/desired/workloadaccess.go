package desired

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/documents"
)

// isWorkload refuses a workload that no document makes.
func (c *compiler) isWorkload(name string, at access.Place) bool {
	var names []string
	for _, w := range c.set.Workloads {
		names = append(names, w.Value.Name)
	}
	if slices.Contains(names, name) {
		return true
	}
	c.faultOnce(at, c.unread(documents.Suggest(name, names)), "there is no Workload %s", quoted(name))
	return false
}

// workloadMembers are the roles of a workload that a cluster can know: those
// of its partition.
func (c *compiler) workloadMembers(s *site, name string, at access.Place) []access.Member {
	if !c.isWorkload(name, at) {
		return nil
	}
	var out []access.Member
	roles := 0
	for _, w := range c.state.Workloads {
		if w.Name != name {
			continue
		}
		for _, r := range w.Roles {
			roles++
			role, err := access.ParseIAMPrincipal(r.ARN)
			if err != nil || role.Partition != s.partition {
				continue
			}
			m := access.Member{Kind: access.RoleMember, Partition: role.Partition, Account: role.Account, Name: strings.TrimPrefix(role.Path, "/") + role.Name}
			if !slices.Contains(out, m) && c.possible(s, m, at) {
				out = append(out, m)
			}
		}
	}
	if roles > 0 && len(out) == 0 {
		c.faultOnce(at, "a cluster knows the principals of its own partition only", "no role of workload %s is of partition %s, which cluster %s is of", name, s.partition, s.want.Document)
	}
	return out
}

// workloadGrants gives workloads' roles what their own grants say.
func (c *compiler) workloadGrants() {
	docs := slices.Clone(c.set.Workloads)
	slices.SortStableFunc(docs, func(a, b workloadDoc) int { return comparePlaces(a.At(), b.At()) })
	every := map[string]bool{}
	for _, d := range c.set.Clusters {
		every[d.Value.Name] = true
	}
	for _, doc := range docs {
		spec, at := doc.Value.Spec, doc.At("spec", "grants")
		by := granter{access.WorkloadTeam(doc.Value.Name), nil, every, beneath(doc, "spec", "grants")}
		for i, g := range spec.Grants {
			if g.Clusters == nil {
				c.fault(by.at(i), "write clusters: {names: [...]}", "this grant names no clusters")
				continue
			}
			by.grants = append(by.grants, g)
		}
		if len(by.grants) < len(spec.Grants) {
			continue
		}
		for _, s := range c.readGrants(by) {
			for _, m := range c.workloadMembers(s.site, doc.Value.Name, at) {
				c.join(s.site, by.team, s.given, m, "", at)
			}
		}
	}
}
