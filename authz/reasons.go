package authz

import (
	"cmp"
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/eks"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
)

// Explain is Decide with reasons.
func (c *Cluster) Explain(id Identity, r Request) Explanation {
	if r.Path != "" {
		r = Request{Verb: r.Verb, Path: r.Path}
	}
	e := Explanation{Verdict: Deny}
	if id.Principal != "" {
		_, e.MappedBy, _ = c.Identify(id.Principal, "")
	}
	grants := c.grants(&id)
	if id.Username != "" || len(id.Groups) > 0 {
		e.Identity = &id
	}
	for i := range grants {
		g := &grants[i]
		if !eks.Reaches(g.scope, r) {
			continue
		}
		rule := allows(g.rules, r)
		switch {
		case rule == nil:
		case g.unknown != nil:
			e.unknown(g.unknown)
		default:
			reason := g.by
			reason.Rule, reason.Sources = rule, g.asking(r)
			if reason.By == ByMasters {
				reason.Rule = nil
			}
			e.Reasons = append(e.Reasons, reason)
		}
	}
	switch {
	case len(e.Reasons) > 0:
		e.Verdict, e.Unknown = Allow, nil
		slices.SortStableFunc(e.Reasons, func(a, b Reason) int { return cmp.Compare(a.rank(), b.rank()) })
	case len(e.Unknown) > 0:
		e.Verdict = Undetermined
	}
	if e.Verdict != Allow {
		e.Misses = misses(grants, r)
		e.Misses = append(c.unmapped(&id, &e), e.Misses...)
	}
	if p := c.principals[id.Principal]; p != nil && p.entry != nil {
		for _, rs := range [][]Reason{e.Reasons, e.Misses} {
			for i := range rs {
				rs[i].Members = p.entry.membership(rs[i].Sources)
			}
		}
	}
	if e.Verdict == Deny {
		e.Remedies = c.remedies(&id, r)
	}
	e.Assumptions = c.assumptions(&e, &id)
	return e
}

// membership is the lines by which an entry's principal is in the teams that
// ask for something.
func (e *Entry) membership(asked []access.Source) []access.Source {
	var lines []access.Source
	for _, s := range e.Sources {
		if s.Team != "" && slices.ContainsFunc(asked, func(a access.Source) bool { return a.Team == s.Team }) {
			lines = append(lines, s)
		}
	}
	return lines
}

// unmapped says that nothing maps a principal, or that what should is dead.
func (c *Cluster) unmapped(id *Identity, e *Explanation) []Reason {
	if p := c.principals[id.Principal]; p != nil && p.dead != nil && p.unknown == nil {
		return []Reason{{By: ByNothing, Miss: MissDead, Sources: p.dead.Sources}}
	}
	if e.Identity == nil && e.Verdict == Deny {
		return []Reason{{By: ByNothing}}
	}
	return nil
}

func (e *Explanation) unknown(u *Unknown) {
	if !slices.Contains(e.Unknown, *u) {
		e.Unknown = append(e.Unknown, *u)
	}
}

// rank orders reasons: past all authorizers, then the ways that are least to
// follow.
func (r *Reason) rank() int {
	switch r.By {
	case ByMasters:
		return 0
	case ByPolicy:
		return 1
	}
	return 2
}

func allows(rules []access.Rule, r Request) *access.Rule {
	for i := range rules {
		if rbac.Covers(&rules[i], r) {
			return &rules[i]
		}
	}
	return nil
}

// misses are what came near, nearest first. Of what everybody has, only that
// which is about the resource is worth naming.
func misses(grants []grant, r Request) []Reason {
	var all []Reason
	for i := range grants {
		g := &grants[i]
		if g.unknown != nil {
			continue
		}
		kind, rule := miss(g, r)
		if kind == "" || g.implied && kind == MissResource {
			continue
		}
		reason := g.by
		reason.Miss, reason.Rule, reason.Sources = kind, rule, g.asking(r)
		all = append(all, reason)
	}
	slices.SortStableFunc(all, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(slices.Index(missOrder, a.Miss), slices.Index(missOrder, b.Miss)), cmp.Compare(a.rank(), b.rank()))
	})
	return all
}

var missOrder = []MissKind{MissName, MissNamespace, MissScope, MissVerb, MissResource}

// miss is why a grant does not allow; empty if it is not even near, or does.
func miss(g *grant, r Request) (MissKind, *access.Rule) {
	rule := allows(g.rules, r)
	if !eks.Reaches(g.scope, r) {
		switch {
		case rule == nil:
			return "", nil
		case r.Namespace == "":
			return MissScope, rule
		}
		return MissNamespace, rule
	}
	if rule != nil {
		return "", nil
	}
	var verbs []string
	for i := range g.rules {
		x := &g.rules[i]
		if r.Path != "" && !rbac.CoversPath(x, r.Path) || r.Path == "" && !rbac.CoversResource(x, r.Group, r.Resource, r.Subresource) {
			continue
		}
		if rbac.CoversVerb(x, r.Verb) {
			return MissName, x
		}
		if r.Path != "" || rbac.CoversName(x, r.Name) {
			verbs = append(verbs, x.Verbs...)
		}
	}
	if len(verbs) == 0 {
		return MissResource, nil
	}
	slices.Sort(verbs)
	near := &access.Rule{Verbs: slices.Compact(verbs)}
	if r.Path != "" {
		near.NonResourceURLs = []string{r.Path}
	} else {
		near.APIGroups, near.Resources = []string{r.Group}, []string{joined(r)}
	}
	return MissVerb, near
}

// joined is a request's resource as rules write it.
func joined(r Request) string {
	if r.Subresource == "" {
		return r.Resource
	}
	return r.Resource + "/" + r.Subresource
}

// assumptions are those that a verdict rests on: what decided it, or would have
// but for its scope.
func (c *Cluster) assumptions(e *Explanation, id *Identity) []string {
	var ids []string
	add := func(s string) {
		if !slices.Contains(ids, s) {
			ids = append(ids, s)
		}
	}
	for _, r := range slices.Concat(e.Reasons, e.Misses) {
		if r.Miss != "" && r.Miss != MissNamespace && r.Miss != MissScope || r.Scope.Cluster {
			continue
		}
		if r.By == ByPolicy {
			add("namespace-scope")
			if slices.ContainsFunc(r.Scope.Namespaces, func(p string) bool { return slices.Contains([]byte(p), '*') }) {
				add("namespace-pattern")
			}
		}
	}
	if c.facts.DefaultRBAC && e.Identity != nil {
		add("default-roles")
	}
	slices.Sort(ids)
	return ids
}
