package authz

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// routes are the questions that tell whether one who is denied a request can
// come to it alone.
type routes struct {
	impersonate []Request // any of these: somebody who is allowed
	// Binding wants one of each list, escalating too.
	bind, bound         []Request
	escalate, escalated []Request
}

const rbacGroup = "rbac.authorization.k8s.io"

// anyName is no object's name: only a rule for all names gives it.
const anyName = "\x00"

// routes asks about those whom the bindings allow. An access policy's holder
// is of no use to impersonate: policies go by the principal, which
// impersonation drops. (aws-facts 2.9)
func (c *Cluster) routes(r *Request, verdicts []Verdict) *routes {
	w := &routes{}
	w.allowedByRBAC(c, verdicts)
	rbac := func(verb, resource, ns string) Request {
		return Request{Verb: verb, Group: rbacGroup, Resource: resource, Namespace: ns, Name: anyName}
	}
	for _, kind := range [...]string{"clusterroles", "roles"} {
		w.bind = append(w.bind, rbac("bind", kind, r.Namespace))
		w.escalate = append(w.escalate, rbac("escalate", kind, r.Namespace))
		for _, verb := range [...]string{"update", "patch"} {
			w.escalated = append(w.escalated, rbac(verb, kind, r.Namespace))
		}
	}
	for _, verb := range [...]string{"create", "update", "patch"} {
		if r.Namespace != "" {
			w.bound = append(w.bound, rbac(verb, "rolebindings", r.Namespace))
		}
		w.bound = append(w.bound, rbac(verb, "clusterrolebindings", ""))
	}
	return w
}

// allowedByRBAC adds the question for each whom it would serve to impersonate.
func (w *routes) allowedByRBAC(c *Cluster, verdicts []Verdict) {
	w.add(c, Request{Verb: "impersonate", Resource: "groups", Name: Masters})
	for i := range c.subjects {
		if verdicts[i] != Allow {
			continue
		}
		s := &c.subjects[i]
		if s.kind == access.GroupSubject {
			w.add(c, Request{Verb: "impersonate", Resource: "groups", Name: s.name})
			if ns, ok := strings.CutPrefix(s.name, "system:serviceaccounts:"); ok {
				w.add(c, Request{Verb: "impersonate", Resource: "serviceaccounts", Namespace: ns, Name: anyName})
			}
			continue
		}
		if rest, ok := strings.CutPrefix(s.name, serviceAccountPrefix); ok {
			if ns, name, ok := strings.Cut(rest, ":"); ok {
				w.add(c, Request{Verb: "impersonate", Resource: "serviceaccounts", Namespace: ns, Name: name})
				continue
			}
		}
		w.add(c, Request{Verb: "impersonate", Resource: "users", Name: s.name})
	}
}

// add keeps one question for all names of a place where no rule tells them
// apart.
func (w *routes) add(c *Cluster, r Request) {
	if _, named := c.words.names[r.Name]; !named {
		r.Name = anyName
	}
	if !slices.Contains(w.impersonate, r) {
		w.impersonate = append(w.impersonate, r)
	}
}

// of is the route that an identity has; empty: none that is certain.
func (w *routes) of(c *Cluster, id *Identity) Route {
	one := func(list []Request) bool {
		return slices.ContainsFunc(list, func(r Request) bool { return c.Decide(*id, r) == Allow })
	}
	switch {
	case one(w.impersonate):
		return ByImpersonation
	case one(w.bind) && one(w.bound):
		return ByBind
	case one(w.escalate) && one(w.escalated):
		return ByEscalate
	}
	return ""
}
