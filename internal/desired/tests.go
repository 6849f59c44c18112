package desired

import (
	"errors"
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
	"github.com/atlas-iam/atlas-iam/internal/documents"
)

type testDoc = documents.Doc[v1alpha1.AccessTest]

// tests settles the access tests: which clusters, and who is meant.
func (c *compiler) tests() {
	docs := slices.Clone(c.set.AccessTests)
	slices.SortStableFunc(docs, func(a, b testDoc) int { return comparePlaces(a.At(), b.At()) })
	for _, doc := range docs {
		for i := range doc.Value.Spec.Tests {
			if t, ok := c.test(doc, i); ok {
				c.state.Tests = append(c.state.Tests, t)
			}
		}
	}
}

// test reads one test; a list keeps the document's order.
func (c *compiler) test(doc testDoc, i int) (access.WantTest, bool) {
	spec, path := doc.Value.Spec.Tests[i], []any{"spec", "tests", i}
	at := func(more ...any) access.Place { return doc.At(append(slices.Clone(path), more...)...) }
	before := len(c.faults)
	t := access.WantTest{Document: doc.Value.Name, Place: at(), Namespaces: slices.Clone(spec.Namespaces)}
	if spec.Namespace != "" {
		t.Namespaces = append(t.Namespaces, spec.Namespace)
	}
	sites := c.testSites(spec.Clusters, at)
	for _, s := range sites {
		t.Clusters = append(t.Clusters, s.want.Key)
	}
	t.Who = c.subjects(spec.Who, sites, func(j int) access.Place { return at("who", j) })
	if spec.Only != nil {
		t.Only = append([]access.Who{}, c.subjects(spec.Only, sites, func(j int) access.Place { return at("only", j) })...)
	}
	t.Can = c.asks(spec.Can, func(j int) access.Place { return at("can", j) })
	t.Cannot = c.asks(spec.Cannot, func(j int) access.Place { return at("cannot", j) })
	if spec.Because != nil {
		t.Because = c.because(*spec.Because, at("because"))
	}
	switch {
	case len(spec.Who) > 0 && spec.Only != nil:
		c.fault(t.Place, "write a test for each", "this test has who and only together")
	case len(spec.Who) == 0 && spec.Only == nil:
		c.fault(t.Place, "write who or only", "this test names nobody")
	case len(spec.Can)+len(spec.Cannot) == 0, spec.Only != nil && (len(spec.Can) == 0 || len(spec.Cannot) > 0), t.Because != nil && len(spec.Can) == 0:
		c.fault(t.Place, "who takes can or cannot, only and because take can", "this test does not say what it asks")
	}
	return t, len(c.faults) == before
}

// testSites are the clusters of a test: all, if it does not say.
func (c *compiler) testSites(sel *v1alpha1.ClusterSelector, at func(...any) access.Place) []*site {
	if sel == nil {
		sel = &v1alpha1.ClusterSelector{All: true}
	}
	before := len(c.faults)
	selected := c.selectClusters(*sel, func(j int) access.Place { return at("clusters", "names", j) })
	if len(selected) == 0 && len(c.faults) == before {
		c.fault(at("clusters"), c.unread("name the clusters that are meant"), "this test selects no cluster")
	}
	var out []*site
	for _, s := range c.sites {
		if selected[s.want.Document] {
			out = append(out, s)
		}
	}
	return out
}

// subjects reads whom a test is about, and refuses those that are known not to
// be. A user or role that no team has may exist all the same.
func (c *compiler) subjects(list v1alpha1.Subjects, sites []*site, at func(int) access.Place) []access.Who {
	var out []access.Who
	for i, s := range list {
		who, ok := c.subject(s, sites, at(i))
		if ok {
			who.Place = at(i)
			out = append(out, who)
		}
	}
	return out
}

func (c *compiler) subject(s v1alpha1.Subject, sites []*site, at access.Place) (access.Who, bool) {
	p := s.Principal
	if s.Name != "" {
		who, err := documents.ParseWho(s.Name)
		if wrong := (*documents.Wrong)(nil); errors.As(err, &wrong) {
			c.fault(at, wrong.Hint, "%s", wrong.Message)
			return who, false
		}
		switch who.Kind {
		case access.WhoTeam:
			return who, c.isTeam(who.Name, at)
		case access.WhoWorkload:
			return who, c.isWorkload(who.Name, at)
		case access.WhoMe:
			c.fault(at, "", "a test is not about %s in this version", who)
			return who, false
		case access.WhoARN:
			p = v1alpha1.Principal{ARN: who.ARN}
		case access.WhoUser:
			p = v1alpha1.Principal{User: who.Name}
		case access.WhoRole:
			p = v1alpha1.Principal{Role: who.Name}
		case access.WhoPermissionSet:
			p = v1alpha1.Principal{PermissionSet: who.Name}
		default:
			return who, true
		}
	}
	if p == (v1alpha1.Principal{Account: p.Account}) {
		c.fault(at, "want one of user, role, permissionSet and arn", "this names no principal")
		return access.Who{}, false
	}
	if !c.knowsAccount(p.Account, at) {
		return access.Who{}, false
	}
	who := c.principalWho(p)
	if _, known := c.account(p.Account); who.Kind == access.WhoPermissionSet && p.Account != "" && !known {
		c.fault(at, documents.Suggest(p.Account, c.accountNames())+", or write the role's ARN", "permission set %s cannot be looked up: account %s is not one of the Environment's", quoted(p.PermissionSet), p.Account)
		return who, false
	}
	return who, c.inPartition(who, p, sites, at)
}

// inPartition refuses a subject that a cluster cannot know.
func (c *compiler) inPartition(who access.Who, p v1alpha1.Principal, sites []*site, at access.Place) bool {
	for _, s := range sites {
		m, ok := c.meant(s, p)
		if who.Kind == access.WhoARN {
			iam, err := access.ParseIAMPrincipal(p.ARN)
			if err != nil {
				c.fault(at, "want arn:PARTITION:iam::ACCOUNT:user/NAME or role/NAME, path included", "%s", documents.Escape(err.Error()))
				return false
			}
			m.Partition = iam.Partition
		}
		if !ok || m.Partition != s.partition {
			c.fault(at, "write the clusters that it is about", "%s is of partition %s, cluster %s of %s", who, m.Partition, s.want.Document, s.partition)
			return false
		}
	}
	return true
}

// principalWho is a subject that IAM knows, with its account if that is
// written.
func (c *compiler) principalWho(p v1alpha1.Principal) access.Who {
	if p.ARN != "" {
		iam, err := access.ParseIAMPrincipal(p.ARN)
		if err != nil {
			return access.Who{Kind: access.WhoARN, ARN: p.ARN} // a fault, see inPartition
		}
		return access.Who{Kind: access.WhoARN, ARN: iam.ARN()}
	}
	m := access.Member{Account: p.Account}
	if account, ok := c.account(p.Account); ok {
		m.Partition, m.Account = account.Partition, account.ID
	}
	who := access.Who{Member: &m}
	switch {
	case p.User != "":
		m.Kind, m.Name, who.Kind = access.UserMember, p.User, access.WhoUser
	case p.Role != "":
		m.Kind, m.Name, who.Kind = access.RoleMember, p.Role, access.WhoRole
	default:
		m.Kind, m.Name, who.Kind = access.PermissionSetMember, p.PermissionSet, access.WhoPermissionSet
	}
	who.Name = m.Name
	return who
}

// isTeam refuses a team that no document makes.
func (c *compiler) isTeam(name string, at access.Place) bool {
	var names []string
	for _, t := range c.set.Teams {
		names = append(names, t.Value.Name)
	}
	if slices.Contains(names, name) {
		return true
	}
	c.fault(at, c.unread(documents.Suggest(name, names)), "there is no Team %s", quoted(name))
	return false
}

func (c *compiler) asks(list v1alpha1.Words, at func(int) access.Place) []access.Ask {
	var out []access.Ask
	for i, text := range list {
		ask, err := documents.ParseAsk(text)
		if wrong := (*documents.Wrong)(nil); errors.As(err, &wrong) {
			c.fault(at(i), wrong.Hint, "%s", wrong.Message)
			continue
		}
		if !ask.OfAWS() && !documents.OwnVerb(ask.Verb) {
			c.note(at(i), "unknown-verb", "%s is none of Kubernetes' own verbs", quoted(ask.Verb))
		}
		ask.Place = at(i)
		out = append(out, ask)
	}
	return out
}

// because names what must have allowed. A policy has its full name.
func (c *compiler) because(b v1alpha1.Because, at access.Place) *access.Because {
	out := &access.Because{Place: at}
	switch {
	case b.Policy != "":
		p, arn, ok := c.policy(b.Policy, at)
		if out.Policy = p.Name; arn != "" {
			out.Policy = arn
		}
		if !ok {
			return nil
		}
	case b.ClusterRole != "":
		out.Role = access.RoleRef{Kind: access.ClusterRole, Name: b.ClusterRole}
	case b.Role != "":
		out.Role = access.RoleRef{Kind: access.Role, Name: b.Role}
	default:
		c.fault(at, "write policy, clusterRole or role", "this names no reason")
		return nil
	}
	return out
}
