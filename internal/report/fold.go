package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/diff"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// accessRow is one line of access lost, gained or untold, for as many people
// and clusters as it is equal for. Its texts are not yet escaped.
type accessRow struct {
	who, what, where, on string
	risks                string
	note                 string
	source               string
	// spelt are the requests that what stands for, where its name does not say;
	// only when verbose.
	spelt []string
}

// unit is one grant on the way to a row.
type unit struct {
	members, clusters []string
	teams             string
	what, where       string
	places            []string // namespaces, of a role that is bound in each; where is empty
	risks, note       string
	sources           []string
	spelt             []string
	rules             string // what it stands for, where one name is of several things
	// each are what and where with {cluster} in the role's name for this cluster's
	// own, as a document writes one role for each: wherever it may have stood.
	each []said
}

type said struct{ what, where string }

// accessRows turns grants into rows: first the people with an equal grant from
// the same teams on a cluster become one, then the clusters on which the same
// people have it. Callers hand in lost and gained grants apart, so that a row
// never mixes them. note stands behind each row. Unfolded, what is less than a
// grant's name says is spelt from sets, and so is what has one name and not the
// same rules everywhere.
func accessRows(grants []plan.Grant, unfold bool, note string, sets ...plan.Requests) []accessRow {
	units := make([]unit, 0, len(grants))
	unlike := unlikeSets(grants)
	for _, g := range grants {
		if !g.Implied || unfold {
			u := unitOf(g, note)
			if g.ServiceAccount != "" && !unfold {
				u.what = fewActions(u.what)
			}
			if unlike[nameOf(g)] {
				u.rules = fmt.Sprint(g.Set)
				u.note = strings.TrimPrefix(u.note+"; "+unlikeWords(unfold), "; ")
			}
			if unfold && g.Set > 0 && g.Set <= len(sets) && (u.rules != "" || strings.Contains(g.What, " minus ")) {
				u.spelt = diff.Spell(sets[g.Set-1])
			}
			units = append(units, u)
		}
	}
	if !unfold {
		units = merge(units, func(u unit) string { return u.key(nil, u.clusters) })
		units = merge(units, func(u unit) string { return u.key(u.members, nil) })
		units = mergeEach(units)
		units = merge(units, func(u unit) string { u.places = nil; return u.key(u.members, u.clusters) })
	}
	rows := make([]accessRow, 0, len(units))
	for _, u := range units {
		rows = append(rows, u.row())
	}
	slices.SortFunc(rows, func(a, b accessRow) int {
		return cmp.Or(cmp.Compare(a.who, b.who), cmp.Compare(a.what, b.what), cmp.Compare(a.where, b.where),
			cmp.Compare(a.on, b.on), cmp.Compare(a.source, b.source), cmp.Compare(a.note, b.note))
	})
	return rows
}

// named is a grant by its words: somebody's, of one name. What a binding gives to
// whom nobody knows is folded over namespaces too, and where is empty there.
type named struct{ who, teams, name, where string }

func nameOf(g plan.Grant) named {
	n := named{Who(g.Member, g.Principal, "") + " " + g.Group + " " + g.Username, strings.Join(g.Teams, ","), g.What, g.Where}
	if g.What == "" {
		n.name, n.where = g.Role.String(), ""
		if g.Scope.Cluster {
			n.where = "cluster"
		}
	}
	return n
}

// unlikeSets are the names that stand for one set of requests in one place and
// for another in another: roles of the clusters' own may share a name and no
// rule.
func unlikeSets(grants []plan.Grant) map[named]bool {
	type place struct {
		cluster access.ClusterKey
		scope   string
	}
	in := map[named]map[place][]int{}
	for _, g := range grants {
		if g.Set == 0 {
			continue
		}
		n, at := nameOf(g), place{cluster: g.Cluster}
		if g.What == "" {
			at.scope = g.Scope.String()
		}
		if in[n] == nil {
			in[n] = map[place][]int{}
		}
		in[n][at] = append(in[n][at], g.Set)
	}
	unlike := map[named]bool{}
	for n, places := range in {
		var first []int
		for _, sets := range places {
			slices.Sort(sets)
			if first == nil {
				first = sets
			}
			unlike[n] = unlike[n] || !slices.Equal(first, sets)
		}
	}
	return unlike
}

func unlikeWords(unfold bool) string {
	if unfold {
		return "its rules are not the same everywhere"
	}
	return "its rules are not the same everywhere (-v spells them)"
}

func unitOf(g plan.Grant, note string) unit {
	u := unit{
		members:  []string{Who(g.Member, g.Principal, g.Cluster.Account)},
		clusters: []string{clusterName(g.Document, g.Cluster)},
		note:     note,
	}
	if note != "" {
		u.note = unclear(g) + "; " + note
	}
	if len(g.NotIn) > 0 {
		u.note = strings.TrimPrefix(u.note+"; not in "+access.TeamWords(g.NotIn)+", which gives it", "; ")
	}
	if g.Undocumented {
		u.note = strings.TrimPrefix(u.note+"; no document gives it any more", "; ")
	}
	for i, t := range g.Teams {
		if i > 0 {
			u.teams += " and "
		}
		u.teams += access.TeamWord(t)
	}
	switch {
	case g.What != "":
		u.what, u.where = g.What, g.Where
		if g.ServiceAccount != "" {
			name := access.RoleName(g.Principal)
			for _, template := range templates(name, g.Document) {
				r := strings.NewReplacer("role "+name, "role "+template)
				u.each = append(u.each, said{r.Replace(u.what), r.Replace(u.where)})
			}
		}
	case g.Role.Name != "":
		u.members = []string{bound(g)}
		u.teams = ""
		u.what = g.Role.String()
		u.places = g.Scope.Namespaces
		if g.Scope.Cluster {
			u.where = "whole cluster"
		}
	case g.Policy != "":
		u.what = access.ShortPolicy(g.Policy)
		u.where = where(g.Scope)
		if g.Scope.Cluster {
			u.where = "whole cluster"
		}
	case g.Group != "":
		u.what = "group " + g.Group
	case g.Username != "":
		u.what = "username " + g.Username
	}
	var risks []string
	for _, r := range g.Risks {
		risks = append(risks, string(r))
	}
	u.risks = strings.Join(risks, ", ")
	if g.Source.File != "" {
		u.sources = []string{place(g.Source)}
	}
	return u
}

// bound is whom a binding's grant is for: the team, where it is ours.
func bound(g plan.Grant) string {
	switch {
	case len(g.Teams) > 0:
		return access.TeamWords(g.Teams)
	case g.Group != "":
		return "group " + g.Group
	}
	return "user " + g.Username
}

// Grants says access in a line for each row, folded over people and clusters as
// in a plan.
func Grants(grants []plan.Grant) []string {
	var out []string
	for _, r := range accessRows(grants, false, "") {
		line := r.who + "   " + r.what
		if r.where != "" {
			line += " in " + r.where
		}
		line += " on " + r.on
		if r.source != "" {
			line += "   " + r.source
		}
		out = append(out, Safe(line))
	}
	return out
}

// unclear says why it is not known what a grant comes to.
func unclear(g plan.Grant) string {
	if len(g.Unclear) == 0 {
		return "AWS publishes no rules for this policy"
	}
	var whys []string
	for _, u := range g.Unclear {
		whys = append(whys, u.Why)
	}
	slices.Sort(whys)
	return strings.Join(slices.Compact(whys), "; ")
}

func (u unit) key(members, clusters []string) string {
	return fmt.Sprintf("%q", []string{
		strings.Join(members, "\x00"), strings.Join(clusters, "\x00"), u.teams, u.what, u.where, u.risks, u.note, u.rules, strings.Join(u.places, "\x00"),
	})
}

// merge unites the units of equal key, in the order in which keys first come.
func merge(units []unit, key func(unit) string) []unit {
	at := make(map[string]int, len(units))
	var out []unit
	for _, u := range units {
		k := key(u)
		i, ok := at[k]
		if !ok {
			at[k] = len(out)
			out = append(out, u)
			continue
		}
		out[i].members = union(out[i].members, u.members)
		out[i].clusters = union(out[i].clusters, u.clusters)
		out[i].places = union(out[i].places, u.places)
		out[i].sources = union(out[i].sources, u.sources)
	}
	return out
}

// templates are a role's name with {cluster} for a cluster's, at each place where
// it stands, and at all.
func templates(role, cluster string) []string {
	var out []string
	for i := 0; cluster != "" && i+len(cluster) <= len(role); i++ {
		if strings.HasPrefix(role[i:], cluster) {
			out = append(out, role[:i]+"{cluster}"+role[i+len(cluster):])
		}
	}
	if len(out) > 1 {
		out = append(out, strings.ReplaceAll(role, cluster, "{cluster}"))
	}
	return out
}

// mergeEach unites the units of single clusters that differ by the cluster's
// name in the role's alone, by what most of them may have been written as.
func mergeEach(units []unit) []unit {
	key := func(u unit, as said) string {
		u.what, u.where = as.what, as.where
		return u.key(u.members, nil)
	}
	count := map[string]int{}
	for _, u := range units {
		for _, as := range u.each {
			if len(u.clusters) == 1 {
				count[key(u, as)]++
			}
		}
	}
	for i := range units {
		u := &units[i]
		var best []said
		for _, as := range u.each {
			if n := count[key(*u, as)]; len(u.clusters) == 1 && n > 1 && (best == nil || n > count[key(*u, best[0])]) {
				best = []said{as}
			}
		}
		if u.each = best; best != nil {
			u.what, u.where = best[0].what, best[0].where
		}
	}
	return merge(units, func(u unit) string {
		if u.each != nil {
			return "each " + u.key(u.members, nil)
		}
		return u.key(u.members, u.clusters)
	})
}

func union(a, b []string) []string {
	s := slices.Concat(a, b)
	slices.Sort(s)
	return slices.Compact(s)
}

// memberWord is what several members are.
func memberWord(members []string) string {
	if strings.HasPrefix(members[0], "workload/") {
		return "workloads"
	}
	return "people"
}

// mostPlaces bounds the namespaces that a row names.
const mostPlaces = 4

func (u unit) row() accessRow {
	r := accessRow{what: u.what, where: u.where, risks: u.risks, note: u.note, spelt: u.spelt}
	if n := len(u.places); n > mostPlaces {
		r.where = fmt.Sprintf("%s and %d more", strings.Join(u.places[:mostPlaces], ", "), n-mostPlaces)
	} else if n > 0 {
		r.where = strings.Join(u.places, ", ")
	}
	switch {
	case len(u.members) == 1 && u.teams != "":
		r.who = u.members[0] + " (" + u.teams + ")"
	case len(u.members) == 1:
		r.who = u.members[0]
	case u.teams != "":
		r.who = fmt.Sprintf("%s: %d people", u.teams, len(u.members))
	default:
		r.who = fmt.Sprintf("%d %s", len(u.members), memberWord(u.members))
	}
	r.on = strings.Join(u.clusters, ", ")
	if len(u.clusters) > 2 {
		r.on = fmt.Sprintf("%d clusters", len(u.clusters))
	}
	if len(u.sources) > 0 {
		r.source = u.sources[0]
		if n := len(u.sources) - 1; n > 0 {
			r.source += fmt.Sprintf(" and %d more", n)
		}
	}
	return r
}
