package authz

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
)

// Decide says whether an identity may do what a request asks. It allocates
// nothing. An identity by principal is one that Identify gave.
//
// Access policies go by the principal; RBAC by username and groups. Whatever
// allows is enough: neither of them can deny. (aws-facts 2.9)
func (c *Cluster) Decide(id Identity, r Request) Verdict {
	p, doubt := c.standing(&id)
	if doubt != nil {
		if slices.Contains(id.Groups, Authenticated) && c.everybodyMay(&r) {
			return Allow
		}
		return Undetermined
	}
	if p == nil && id.Username == "" && len(id.Groups) == 0 {
		return Deny // nobody: who is not let in may nothing
	}
	if slices.Contains(id.Groups, Masters) {
		return Allow
	}
	q := c.words.query(&r)
	may := c.unknown[UnknownRBAC] != nil
	if p != nil {
		switch p.decide(c, &q) {
		case Allow:
			return Allow
		case Undetermined:
			may = true
		}
	}
	switch c.byRBAC(&id, &q) {
	case Allow:
		return Allow
	case Undetermined:
		may = true
	}
	if may || c.nodeAuthorizer(&id, &q) {
		return Undetermined
	}
	return Deny
}

// standing is what an identity's principal has of access policies, or why it
// cannot be told who the identity is.
func (c *Cluster) standing(id *Identity) (*principal, *Unknown) {
	if id.Principal == "" {
		return nil, nil
	}
	p := c.principals[id.Principal]
	switch {
	case p != nil && p.unknown != nil:
		return nil, p.unknown
	case p == nil && c.openEntries():
		return nil, c.unknown[UnknownEntries]
	case p != nil && p.entry != nil:
		return p, nil
	case c.openAuthMap():
		return nil, c.unknown[UnknownAuthMap]
	case id.Username == "" && len(id.Groups) == 0:
		return nil, c.creator(id.Principal)
	case id.Username == "" && len(id.Groups) == 1 && id.Groups[0] == Authenticated:
		if m, ok := c.mapping(id.Principal); ok && len(m.Rivals) > 0 {
			return nil, rivals(m.ARN)
		}
	}
	return nil, nil
}

func rivals(arn string) *Unknown {
	return &Unknown{Part: UnknownAuthMap, Principal: arn, Why: "aws-auth has several lines for " + arn + " that differ in letter case: chance decides which one counts",
		Settle: "keep one line for " + arn + " in mapUsers"}
}

// everybodyMay reports whether whoever is let in may do it.
func (c *Cluster) everybodyMay(r *Request) bool {
	if c.everybody < 0 {
		return false
	}
	q := c.words.query(r)
	return c.subjectMay(c.everybody, &q) == Allow
}

// decide is the verdict of the principal's access policies.
func (p *principal) decide(c *Cluster, q *query) Verdict {
	v := Deny
	for i := range p.policies {
		g := &p.policies[i]
		if v == Undetermined && g.unknown != nil || g.unknown == nil && !c.tables[g.table].covers(q) {
			continue
		}
		if !reaches(&g.Scope, q) {
			continue
		}
		if g.unknown == nil {
			return Allow
		}
		v = Undetermined
	}
	return v
}

func reaches(s *access.Scope, q *query) bool {
	return s.Cluster || matchesAny(s.Namespaces, q.namespace)
}

// matchesAny reports whether a namespace matches one of some patterns; a
// request that is in none does not.
func matchesAny(patterns []string, namespace string) bool {
	if namespace == "" {
		return false
	}
	for _, p := range patterns {
		if access.MatchPattern(p, namespace) {
			return true
		}
	}
	return false
}

// byRBAC is the verdict of the bindings to a username and groups.
func (c *Cluster) byRBAC(id *Identity, q *query) Verdict {
	may := false
	for i := -1; i < len(id.Groups); i++ {
		name, by, all := id.Username, c.byUser, c.userNames
		if i >= 0 {
			name, by, all = id.Groups[i], c.byGroup, c.groups
		}
		n, ok := c.everybody, c.everybody >= 0
		if i < 0 || name != Authenticated {
			n, ok = by[name]
		}
		if ok {
			switch c.subjectMay(n, q) {
			case Allow:
				return Allow
			case Undetermined:
				may = true
			}
		}
		if !may && id.Principal != "" && open(name) {
			may = c.sessionMay(name, by, all, i >= 0, q)
		}
	}
	if may {
		return Undetermined
	}
	return Deny
}

// sessionMay reports whether some session would make of a template a name by
// which the request is, or may be, allowed.
func (c *Cluster) sessionMay(template string, by map[string]int32, all []string, groups bool, q *query) bool {
	if groups && couldBe(template, Masters) {
		return true
	}
	prefix := literal(template)
	i, _ := slices.BinarySearch(all, prefix)
	for ; i < len(all) && strings.HasPrefix(all[i], prefix); i++ {
		if couldBe(template, all[i]) && c.subjectMay(by[all[i]], q) != Deny {
			return true
		}
	}
	return false
}

// subjectMay is the verdict of the bindings to one subject.
func (c *Cluster) subjectMay(n int32, q *query) Verdict {
	s := &c.held[n]
	if s.wide != 0 && c.tables[s.wide].covers(q) {
		return Allow
	}
	may := s.maybe
	if q.namespace != "" {
		if len(s.spaces) > 0 {
			if in := s.inside(c.words.spaces, q.namespace); in != nil {
				if c.tables[in.table].covers(q) {
					return Allow
				}
				may = may || in.maybe
			}
		}
		for i := range s.scoped {
			x := &s.scoped[i]
			if x.maybe && may || !x.maybe && !c.tables[x.table].covers(q) || !matchesAny(x.patterns, q.namespace) {
				continue
			}
			if !x.maybe {
				return Allow
			}
			may = true
		}
	}
	if may {
		return Undetermined
	}
	return Deny
}

// inside is what the subject has in one namespace alone.
func (s *held) inside(spaces map[string]uint32, namespace string) *inside {
	space, ok := spaces[namespace]
	if !ok {
		return nil
	}
	lo, hi := 0, len(s.spaces)
	for lo < hi {
		m := int(uint(lo+hi) / 2)
		if s.spaces[m].space < space {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo < len(s.spaces) && s.spaces[lo].space == space {
		return &s.spaces[lo]
	}
	return nil
}

// nodeAuthorizer reports whether a node may be let do it by the API server's
// Node authorizer, which stands before RBAC and goes by what runs on the node;
// it allows nothing that the ClusterRole system:node does not list.
// (k8s.io/kubernetes, plugin/pkg/auth/authorizer/node)
func (c *Cluster) nodeAuthorizer(id *Identity, q *query) bool {
	return strings.HasPrefix(id.Username, nodePrefix) && slices.Contains(id.Groups, nodesGroup) && c.tables[c.node].covers(q)
}

func (c *Cluster) nodeRules() []access.Rule {
	for _, r := range rbac.DefaultRoles() {
		if r.Namespace == "" && r.Name == "system:node" {
			return r.Rules
		}
	}
	return nil
}
