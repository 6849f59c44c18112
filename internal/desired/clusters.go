package desired

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
	"github.com/atlas-iam/atlas-iam/internal/documents"
)

// site is one cluster while its entries are gathered.
type site struct {
	doc       documents.Doc[v1alpha1.Cluster]
	want      access.WantCluster
	partition string
	protect   map[string]access.ListedMember // by memberKey
	remove    map[string]access.ListedMember
	entries   map[string]*entry
	bindings  map[bindingKey]*access.WantBinding
	claims    []claim // workloads' ServiceAccounts
}

// entry is one principal's entry while grants are united.
type entry struct {
	access.WantEntry
	usernameAt access.Place
	nodeAt     access.Place // where nodeRoles names it
	from       []*given     // each once
}

// given is what a team's grants, or a node role, give on clusters alike. Its
// members' entries share it.
type given struct {
	groups   []string
	policies []access.WantAssociation // as they were found, their parts alone
	once     sync.Once
	normal   access.WantEntry // its groups and policies alone
}

// clusters reads the Cluster documents.
func (c *compiler) clusters() {
	docs := slices.Clone(c.set.Clusters)
	slices.SortStableFunc(docs, func(a, b documents.Doc[v1alpha1.Cluster]) int {
		return cmp.Or(cmp.Compare(a.Value.Name, b.Value.Name), comparePlaces(a.At(), b.At()))
	})
	names, keys := map[string]access.Place{}, map[access.ClusterKey]access.Place{}
	for _, doc := range docs {
		at := doc.At("metadata", "name")
		if first, ok := names[doc.Value.Name]; ok {
			c.fault(at, "", "Cluster %s stands twice, first at %s", quoted(doc.Value.Name), first)
			continue
		}
		names[doc.Value.Name] = at
		s, ok := c.site(doc)
		if !ok {
			continue
		}
		if first, ok := keys[s.want.Key]; ok {
			c.fault(at, "one cluster has one document", "cluster %s of account %s in %s stands twice, first at %s",
				quoted(s.want.Key.Name), s.want.Key.Account, s.want.Key.Region, first)
			continue
		}
		keys[s.want.Key] = at
		c.sites = append(c.sites, s)
		c.lists(s)
	}
}

// site settles which cluster a document is about.
func (c *compiler) site(doc documents.Doc[v1alpha1.Cluster]) (*site, bool) {
	spec := doc.Value.Spec
	var account access.Account
	switch found, ok := c.account(spec.Account); {
	case spec.Account == "" && len(c.state.Accounts) == 1:
		account = c.state.Accounts[0]
	case spec.Account == "":
		c.fault(doc.At("spec"), "write spec.account: one of "+strings.Join(c.accountNames(), ", "), "Cluster %s names no account, and the Environment has %d", quoted(doc.Value.Name), len(c.state.Accounts))
		return nil, false
	case !ok:
		c.fault(doc.At("spec", "account"), documents.Suggest(spec.Account, c.accountNames()), "the Environment has no account %s", quoted(spec.Account))
		return nil, false
	default:
		account = found
	}
	region := spec.Region
	switch {
	case region == "" && len(account.Regions) == 1:
		region = account.Regions[0]
	case region == "":
		c.fault(doc.At("spec"), "write spec.region: one of "+strings.Join(account.Regions, ", "), "Cluster %s names no region, and account %s has %d", quoted(doc.Value.Name), account.Name, len(account.Regions))
		return nil, false
	case !slices.Contains(account.Regions, region):
		c.fault(doc.At("spec", "region"), documents.Suggest(region, account.Regions)+"; a region that is not listed in the Environment is not read", "account %s has no region %s", account.Name, quoted(region))
		return nil, false
	}
	via := access.ViaDirect
	if k := spec.Kubernetes; k != nil {
		via = access.Via(k.Via)
	}
	return &site{
		doc: doc, bindings: map[bindingKey]*access.WantBinding{}, partition: account.Partition,
		want: access.WantCluster{
			Document: doc.Value.Name, Mode: access.AuthMode(spec.AuthenticationMode), Via: via, Place: doc.At(),
			Key: access.ClusterKey{Account: account.ID, Region: region, Name: cmp.Or(spec.ClusterName, doc.Value.Name)},
		},
		protect: map[string]access.ListedMember{}, remove: map[string]access.ListedMember{}, entries: make(map[string]*entry, len(c.set.Teams)),
	}, true
}

// lists reads a cluster's protect, remove and nodeRoles.
func (c *compiler) lists(s *site) {
	spec := s.doc.Value.Spec
	for i, p := range spec.Protect {
		at := s.doc.At("spec", "protect", i)
		if m, ok := c.member(s, p, at); ok {
			addListed(s.protect, m, at)
		}
	}
	for i, p := range spec.Remove {
		at := s.doc.At("spec", "remove", i)
		if m, ok := c.member(s, p, at); ok && c.notServiceLinked(m, at) {
			if other, ok := s.protect[memberKey(m)]; ok {
				c.fault(at, "", "%s is to be removed from cluster %s and is protected there at %s", m, s.want.Document, other.Place)
			}
			addListed(s.remove, m, at)
		}
	}
	for i, n := range spec.NodeRoles {
		c.nodeRole(s, n, s.doc.At("spec", "nodeRoles", i))
	}
}

func addListed(list map[string]access.ListedMember, m access.Member, at access.Place) {
	if _, ok := list[memberKey(m)]; !ok {
		list[memberKey(m)] = access.ListedMember{Member: m, Place: at}
	}
}

// autoNode is the policy without which nodes of an EC2 entry cannot join: EKS
// wants it on the entry of a custom node class's role. (EKS User Guide,
// "Review access policy permissions", AmazonEKSAutoNodePolicy)
const autoNode = "AmazonEKSAutoNodePolicy"

// nodeRole wants an entry for the role of nodes.
func (c *compiler) nodeRole(s *site, n v1alpha1.NodeRole, at access.Place) {
	m, ok := c.member(s, v1alpha1.Principal{Role: n.Role}, at)
	if !ok || !c.notServiceLinked(m, at) || !c.notRemoved(s, m, at) {
		return
	}
	key, kind := c.key(m), access.EntryType(n.Type)
	if first, ok := s.entries[key]; ok {
		if first.Type != kind {
			c.fault(at, "an entry has one type", "node role %s has two types on cluster %s, %s here and %s at %s", m, s.want.Document, kind, first.Type, first.nodeAt)
		}
		return
	}
	e := newEntry(m)
	e.Type, e.nodeAt = kind, at
	source := access.Source{Place: at}
	e.Sources = []access.Source{source}
	if p, ok := access.PolicyNamed(autoNode); ok && kind == access.EC2 {
		e.from = []*given{{policies: []access.WantAssociation{{Policy: p.ARN(s.partition), Parts: []access.WantScope{{Scope: access.ClusterScope(), Source: source}}}}}}
	}
	s.entries[key] = e
}

func newEntry(m access.Member) *entry {
	return &entry{WantEntry: access.WantEntry{Member: m, Type: access.Standard}}
}

// grant adds a part to a policy. A team gives few policies.
func (v *given) grant(policy string, part access.WantScope) {
	i := slices.IndexFunc(v.policies, func(a access.WantAssociation) bool { return a.Policy == policy })
	if i < 0 {
		i = len(v.policies)
		v.policies = append(v.policies, access.WantAssociation{Policy: policy})
	}
	v.policies[i].Parts = append(v.policies[i].Parts, part)
}

// notRemoved refuses a principal that the cluster's document wants removed.
func (c *compiler) notRemoved(s *site, m access.Member, at access.Place) bool {
	other, ok := s.remove[c.key(m)]
	if ok {
		c.fault(at, "", "%s gets access to cluster %s here and is to be removed from it at %s", m, s.want.Document, other.Place)
	}
	return !ok
}

// finish makes the normal form of what was gathered.
func (s *site) finish() access.WantCluster {
	s.want.Protect, s.want.Remove = sortedList(s.protect), sortedList(s.remove)
	s.want.Entries = sortedEntries(s.entries)
	s.want.Bindings = sortedBindings(s.bindings)
	slices.SortFunc(s.want.Idle, func(a, b access.IdleMember) int {
		return cmp.Or(compareMembers(a.Member, b.Member), cmp.Compare(a.Team, b.Team))
	})
	byAccount := func(a, b access.WantPodIdentity) int { return a.Compare(&b.PodIdentityAssociation) }
	slices.SortFunc(s.want.PodIdentities, byAccount)
	slices.SortFunc(s.want.PodIdentityPatterns, byAccount)
	slices.SortFunc(s.want.ServiceAccounts, func(a, b access.WantServiceAccount) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return s.want
}

func sortedList(list map[string]access.ListedMember) []access.ListedMember {
	return slices.SortedFunc(maps.Values(list), func(a, b access.ListedMember) int { return compareMembers(a.Member, b.Member) })
}

// sortedEntries are the finished entries by member, each named once.
func sortedEntries(entries map[string]*entry) []access.WantEntry {
	type nameAndEntry struct {
		name string
		*entry
	}
	order := make([]nameAndEntry, 0, len(entries))
	for _, e := range entries {
		order = append(order, nameAndEntry{e.Member.String(), e})
	}
	slices.SortFunc(order, func(a, b nameAndEntry) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.Member.Account, b.Member.Account), cmp.Compare(a.Member.Partition, b.Member.Partition))
	})
	var out []access.WantEntry
	for _, e := range order {
		out = append(slices.Grow(out, len(order)-len(out)), e.finish())
	}
	return out
}

// finish is the entry with all that it is given, in normal form.
func (e *entry) finish() access.WantEntry {
	var all *given
	switch len(e.from) {
	case 0:
		return e.WantEntry
	case 1:
		all = e.from[0]
	default:
		all = &given{}
		for _, v := range e.from {
			all.groups = append(all.groups, v.groups...)
			for _, a := range v.policies {
				for _, part := range a.Parts {
					all.grant(a.Policy, part)
				}
			}
		}
	}
	all.once.Do(all.finish)
	e.Groups, e.Associations = all.normal.Groups, all.normal.Associations
	return e.WantEntry
}

// finish makes the normal form, which nobody appends to.
func (v *given) finish() {
	groups := slices.Clone(v.groups)
	slices.Sort(groups)
	v.normal.Groups = slices.Clip(slices.Compact(groups))
	for _, a := range v.policies {
		a.Parts = slices.Clone(a.Parts)
		slices.SortStableFunc(a.Parts, func(a, b access.WantScope) int { return comparePlaces(a.Source.Place, b.Source.Place) })
		for _, p := range a.Parts {
			a.Scope = a.Scope.Union(p.Scope)
		}
		v.normal.Associations = append(v.normal.Associations, a)
	}
	slices.SortFunc(v.normal.Associations, func(a, b access.WantAssociation) int { return cmp.Compare(a.Policy, b.Policy) })
	v.normal.Associations = slices.Clip(v.normal.Associations)
}
