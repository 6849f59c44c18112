package gain

import (
	"maps"
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// givers tells what was given before a plan and by which teams' documents
// something is given after it. What somebody loses, his present teams did not
// take from him because they are named beside him.
type givers struct {
	entries [2]map[string]*authz.Entry // by principal, before and after
	members map[string][]string        // principals after the plan, by team
	// parts are what teams' documents give after it, by policy; each once, though
	// to many.
	parts map[string]map[access.Source]access.Scope
	after *authz.Facts
}

func newGivers(before, after *authz.Facts) *givers {
	d := &givers{members: map[string][]string{}, parts: map[string]map[access.Source]access.Scope{}, after: after}
	for side, f := range []*authz.Facts{before, after} {
		d.entries[side] = make(map[string]*authz.Entry, len(f.Entries))
		for i := range f.Entries {
			e := &f.Entries[i]
			d.entries[side][e.Principal] = e
			if side == 1 {
				d.give(e)
			}
		}
	}
	return d
}

// give takes in an entry as it is after the plan.
func (d *givers) give(e *authz.Entry) {
	for _, t := range e.Teams {
		d.members[t] = append(d.members[t], e.Principal)
	}
	for policy, parts := range e.Scopes {
		if d.parts[policy] == nil {
			d.parts[policy] = map[access.Source]access.Scope{}
		}
		for _, p := range parts {
			d.parts[policy][p.Source] = p.Scope
		}
	}
}

// had is a policy's scope on an entry.
func (d *givers) had(side int, principal, policy string) access.Scope {
	if e := d.entries[side][principal]; e != nil {
		if a, ok := e.Association(policy); ok {
			return a.Scope
		}
	}
	return access.Scope{}
}

// settle says of a loss who gives it still, to others, and leaves out the teams
// and the line that cannot have given it. by is what gave it.
func (d *givers) settle(g *plan.Grant, by *authz.Reason) {
	if g.Principal == "" || len(g.Teams) == 0 && g.Source.File != "" { // taken by a Cluster document
		return
	}
	switch {
	case g.Policy != "":
		d.policy(g)
		g.Undocumented = len(g.Teams)+len(g.NotIn) == 0
	case by != nil && by.Binding != nil:
		d.binding(g, by.Binding)
	case g.Group != "":
		d.only(g, func(e *authz.Entry) bool { return slices.Contains(e.Groups, g.Group) })
	}
}

// policy is settle for an access policy: a team gives it still if a part of its
// documents is within what was had and beyond what is left.
func (d *givers) policy(g *plan.Grant) {
	had, left := d.had(0, g.Principal, g.Policy), d.had(1, g.Principal, g.Policy)
	from := map[string]access.Place{}
	for source, scope := range d.parts[g.Policy] {
		if t := source.Team; t != "" && !slices.Contains(g.Teams, t) && had.Covers(scope) && !left.Covers(scope) {
			if at, ok := from[t]; !ok || source.Place.String() < at.String() {
				from[t] = source.Place
			}
		}
	}
	if len(from) > 0 {
		g.NotIn = slices.Sorted(maps.Keys(from))
		g.Teams, g.Source = nil, from[g.NotIn[0]]
		return
	}
	d.only(g, func(e *authz.Entry) bool { a, ok := e.Association(g.Policy); return ok && a.Scope.Covers(had) })
}

// only leaves those teams of which every member there had it before: of another
// team's members some did not, so it is not the team that took it.
func (d *givers) only(g *plan.Grant, had func(*authz.Entry) bool) {
	g.Teams = slices.DeleteFunc(slices.Clone(g.Teams), func(t string) bool {
		return slices.ContainsFunc(d.members[t], func(arn string) bool {
			e := d.entries[0][arn]
			return e != nil && !had(e)
		})
	})
	if len(g.Teams) == 0 {
		g.Teams, g.Source = nil, access.Place{}
	}
}

// binding is settle for a role that a team's group is bound to.
func (d *givers) binding(g *plan.Grant, b *access.Binding) {
	for _, s := range b.Subjects {
		_, team, ok := access.TeamOfGroup(s.Name)
		if !ok || s.Kind != access.GroupSubject {
			continue
		}
		switch {
		case slices.Contains(g.Teams, team):
			g.Teams = []string{team}
		case slices.ContainsFunc(d.after.Bindings, func(o authz.Binding) bool { return o.Name == b.Name && o.Role == b.Role }):
			g.Teams, g.NotIn = nil, []string{team}
		default: // the team gives it to nobody any more
			g.Teams = []string{team}
		}
		return
	}
}
