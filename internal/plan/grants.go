package plan

import (
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
)

// weigh says what access a change gives and takes. The policies of an entry
// that is made are gained by changes of their own; those of one that goes are
// lost with it. Nobody has access by a dead entry, so none is lost with it.
// A scope that is swapped is both gained and lost. custom says that a document
// wrote the username.
func (d *differ) weigh(c *Change, custom bool) {
	from, _ := c.From.(Entry)
	to, _ := c.To.(Entry)
	switch {
	case c.Kind == PolicyAssociation:
		weighAssociation(c)
	case c.Verb == Create:
		c.gainIdentity(&to.Entry, custom)
	case c.Verb == Delete, c.Verb == Replace:
		if alive := d.have.EntryAlive(&from.Entry); alive != access.AliveGone && alive != access.AliveRemade {
			c.loseEntry(&from.Entry)
		}
		if c.Verb == Replace {
			c.gainIdentity(&to.Entry, custom)
		}
	case c.Verb == Update:
		for _, g := range to.Groups {
			if !slices.Contains(from.Groups, g) {
				c.Gained = append(c.Gained, c.grant(Grant{Group: g}))
			}
		}
		for _, g := range from.Groups {
			if !slices.Contains(to.Groups, g) {
				c.Lost = append(c.Lost, c.grant(Grant{Group: g}))
			}
		}
		if from.Username != to.Username {
			c.Gained = append(c.Gained, c.grant(Grant{Username: to.Username}))
			c.Lost = append(c.Lost, c.grant(Grant{Username: from.Username}))
		}
	}
}

// nodesGroup is the group that EKS gives the nodes of an EC2_LINUX entry, the
// only node type for which that is published. (EKS API, CreateAccessEntry)
const nodesGroup = "system:nodes"

// gainIdentity is what an entry gives by itself: its groups, and a username
// that RoleBindings may name; nobody binds a default one.
func (c *Change) gainIdentity(e *access.Entry, custom bool) {
	groups := e.Groups
	if e.Type == access.EC2Linux && len(groups) == 0 {
		groups = []string{nodesGroup}
	}
	for _, g := range groups {
		c.Gained = append(c.Gained, c.grant(Grant{Group: g}))
	}
	if custom && e.Type == access.Standard {
		c.Gained = append(c.Gained, c.grant(Grant{Username: e.Username}))
	}
}

// loseEntry is everything that an entry gives.
func (c *Change) loseEntry(e *access.Entry) {
	for _, g := range e.Groups {
		c.Lost = append(c.Lost, c.grant(Grant{Group: g}))
	}
	if e.Type == access.Standard && e.Username != "" && e.Username != defaultUsername(e.Principal) {
		c.Lost = append(c.Lost, c.grant(Grant{Username: e.Username}))
	}
	for _, a := range e.Associations {
		c.Lost = append(c.Lost, c.policyGrant(a.Policy, a.Scope))
	}
}

// weighAssociation splits a scope's change into what is gained and lost.
func weighAssociation(c *Change) {
	from, hasFrom := c.From.(Association)
	to, hasTo := c.To.(Association)
	if hasTo {
		if s := beyond(from.Scope, to.Scope); !s.IsZero() {
			c.Gained = append(c.Gained, c.policyGrant(to.Policy, s))
		}
	}
	if hasFrom {
		if s := beyond(to.Scope, from.Scope); !s.IsZero() {
			c.Lost = append(c.Lost, c.policyGrant(from.Policy, s))
		}
	}
}

// beyond is what s has and base does not. The whole cluster is more than all
// its namespaces together, so it is never cut down to patterns.
func beyond(base, s access.Scope) access.Scope {
	if s.Cluster && !base.Cluster {
		return s
	}
	left := base.Minus(s)
	if len(left) == 0 {
		return access.Scope{}
	}
	return access.NamespaceScope(left...)
}

func (c *Change) policyGrant(policy string, scope access.Scope) Grant {
	g := Grant{Policy: policy, Scope: scope}
	if p, ok := access.PolicyNamed(policy); ok {
		g.Risks = slices.Clone(p.Risks)
	}
	if scope.Cluster {
		g.Risks = append(g.Risks, access.RiskWholeCluster)
	}
	return c.grant(g)
}

// grant fills in whose grant it is.
func (c *Change) grant(g Grant) Grant {
	g.Cluster, g.Document, g.Principal, g.Member = c.Cluster, c.Document, c.Principal, c.Member
	g.Teams, g.Source = slices.Clone(c.Teams), c.Source
	return g
}
