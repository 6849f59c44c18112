package question

import (
	"cmp"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// Elsewhere is one who may do something in some namespaces, where the question
// is of all of them at once.
type Elsewhere struct {
	authz.Holder
	In []string // namespaces and patterns of the cluster's grants, sorted
}

// elsewhere finds those who may do what was asked in some of the namespaces
// that the cluster's grants name, Kubernetes' own left out.
func (c *Cluster) elsewhere(engine *authz.Cluster, a Asked, certain []Holder) []Elsewhere {
	if !a.Namespaced || a.Namespace != "" || a.Path != "" {
		return nil
	}
	had := map[string]bool{}
	for i := range certain {
		had[string(certain[i].Kind)+certain[i].Name] = true
	}
	var out []Elsewhere
	add := func(h authz.Holder, places []string) {
		if had[string(h.Kind)+h.Name] || (&Holder{Holder: h}).KubernetesOwn() {
			return
		}
		e := Elsewhere{Holder: h}
		slices.Sort(places)
		for _, place := range slices.Compact(places) {
			r := a.Request
			r.Namespace = strings.ReplaceAll(place, "*", "x")
			if engine.Decide(h.Identity, r) == authz.Allow {
				e.In = append(e.In, place)
			}
		}
		if len(e.In) > 0 {
			out = append(out, e)
		}
	}
	bound := c.bound()
	peopled := map[access.Subject]bool{}
	for i := range c.Facts.Entries {
		e := &c.Facts.Entries[i]
		id, _, verdict := engine.Identify(e.Principal, "")
		if verdict != authz.Allow {
			continue
		}
		var places []string
		for _, a := range e.Associations {
			places = append(places, a.Scope.Namespaces...)
		}
		for _, g := range id.Groups {
			s := access.Subject{Kind: access.GroupSubject, Name: g}
			peopled[s] = true
			places = append(places, bound[s]...)
		}
		s := access.Subject{Kind: access.UserSubject, Name: id.Username}
		peopled[s] = true
		add(authz.Holder{Kind: authz.PrincipalHolder, Name: e.Principal, Member: e.Member, Teams: e.Teams, Identity: id}, append(places, bound[s]...))
	}
	for s, places := range bound {
		if peopled[s] {
			continue
		}
		switch s.Kind {
		case access.GroupSubject:
			add(authz.Holder{Kind: authz.GroupHolder, Name: s.Name, Identity: authz.Identity{Groups: []string{s.Name}}}, places)
		case access.UserSubject:
			add(authz.Holder{Kind: authz.UserHolder, Name: s.Name, Identity: authz.User(s.Name)}, places)
		case access.ServiceAccountSubject:
			add(authz.Holder{Kind: authz.ServiceAccountHolder, Name: s.Namespace + "/" + s.Name, Identity: authz.ServiceAccount(s.Namespace, s.Name)}, places)
		}
	}
	slices.SortFunc(out, func(x, y Elsewhere) int { return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name)) })
	return out
}

// bound are the namespaces and patterns in which bindings bind each subject.
func (c *Cluster) bound() map[access.Subject][]string {
	out := map[access.Subject][]string{}
	for i := range c.Facts.Bindings {
		b := &c.Facts.Bindings[i]
		places := b.Patterns
		if b.Namespace != "" {
			places = []string{b.Namespace}
		}
		for _, s := range b.Subjects {
			if s.Kind == access.ServiceAccountSubject && s.Namespace == "" {
				s.Namespace = b.Namespace
			}
			if len(places) > 0 {
				out[s] = append(out[s], places...)
			}
		}
	}
	return out
}
