package authz

import (
	"slices"
	"strconv"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// Holders are those who may do what a request asks: IAM principals that the
// cluster maps, and the users, groups and ServiceAccounts that bindings name.
// Who is allowed as a member of a group that is named is named himself only
// if he is an IAM principal.
type Holders struct {
	// Allowed may, as far as all that was read goes, whatever else is there.
	Allowed []Holder
	// Possible may or may not: Explain says what would settle it.
	Possible []Holder
	// Indirect may not, and can come to it by themselves, see Holder.Route.
	Indirect []Holder
	// Unknown is what was not read and could name holders that are in none of
	// the lists.
	Unknown []Unknown
}

// Holder is one who may.
type Holder struct {
	Kind HolderKind
	Name string // a principal's ARN, a username, a group, NAMESPACE/NAME of a ServiceAccount
	// Member and Teams are a principal's words in documents.
	Member string
	Teams  []string
	// Identity is what to ask Explain about.
	Identity Identity
	Route    Route // of Holders.Indirect
}

// HolderKind is what a holder is.
type HolderKind string

// The kinds of holders.
const (
	PrincipalHolder      HolderKind = "principal"
	UserHolder           HolderKind = "user"
	GroupHolder          HolderKind = "group"
	ServiceAccountHolder HolderKind = "serviceaccount"
)

// Route is how one comes to a right that one does not have.
type Route string

// The routes.
const (
	ByImpersonation Route = "impersonate" // of somebody who is allowed
	ByBind          Route = "bind"        // of a role whose rules one does not hold
	ByEscalate      Route = "escalate"    // writing rules that one does not hold into a role
)

// person is an IAM principal that the cluster maps, or may map.
type person struct {
	holder Holder
	class  int32
}

// class is what makes equal verdicts: people of equal policies, groups and
// bound usernames are asked about once.
type class struct {
	identity Identity
	self     bool // some rule of it has impersonate, bind or escalate
}

// folk are the IAM principals that a cluster maps.
type folk struct {
	people  []person // sorted by ARN
	classes []class
}

// classify makes the list of people and their classes.
func (c *Cluster) classify() folk {
	f := folk{people: make([]person, 0, len(c.facts.Entries))}
	index := map[string]int32{}
	var key []byte
	add := func(principal, member string, teams []string) {
		id, _, v := c.identify(principal, "")
		if v == Deny {
			return
		}
		key = c.appendClass(key[:0], &id)
		n, ok := index[string(key)]
		if !ok {
			n = int32(len(f.classes))
			index[string(key)] = n
			f.classes = append(f.classes, class{identity: id, self: c.selfOf(&id)})
		}
		f.people = append(f.people, person{Holder{Kind: PrincipalHolder, Name: id.Principal, Member: member, Teams: teams, Identity: id}, n})
	}
	if c.takesEntries() {
		for i := range c.facts.Entries {
			e := &c.facts.Entries[i]
			add(e.Principal, e.Member, e.Teams)
		}
		for arn, p := range c.principals {
			if p.unknown != nil && !p.listed {
				add(arn, "", nil)
			}
		}
	}
	if c.takesAuthMap() {
		c.classifyLines(add)
	}
	slices.SortFunc(f.people, func(a, b person) int { return strings.Compare(a.holder.Name, b.holder.Name) })
	return f
}

// classifyLines adds those whom lines of aws-auth map and no entry.
func (c *Cluster) classifyLines(add func(principal, member string, teams []string)) {
	listed := map[string]bool{}
	for _, m := range c.authMap.Mappings() {
		name, arn := nameOf(m.ARN), m.ARN
		if _, entry := c.byName[name]; entry || listed[name] {
			continue
		}
		listed[name] = true
		if _, err := access.ParseARN(arn); err != nil {
			arn = strings.ToLower(arn) // ARN:AWS:... counts too
		}
		add(arn, "", nil)
	}
}

// appendClass writes what is equal for identities of equal rights.
func (c *Cluster) appendClass(key []byte, id *Identity) []byte {
	p, doubt := c.standing(id)
	if doubt != nil {
		key = append(append(key, "doubt "...), doubt.Part...)
		if len(id.Groups) > 0 {
			key = append(key, " let in"...)
		}
		return append(append(key, ' '), doubt.Principal...)
	}
	if p != nil {
		for i := range p.policies {
			g := &p.policies[i]
			key = strconv.AppendInt(append(key, 'p'), int64(g.table), 10)
			if g.unknown != nil {
				key = append(append(key, '?'), g.arn...)
			}
			if g.Scope.Cluster {
				key = append(key, '!')
			}
			for _, s := range g.Scope.Namespaces {
				key = append(append(key, ' '), s...)
			}
		}
	}
	groups := make([]string, 0, 8)
	for _, g := range id.Groups {
		if has(c.byGroup, g) || open(g) || g == Masters || g == nodesGroup {
			groups = append(groups, g)
		}
	}
	slices.Sort(groups)
	for _, g := range groups {
		key = strconv.AppendQuote(append(key, 'g'), g)
	}
	if n := id.Username; has(c.byUser, n) || strings.HasPrefix(n, nodePrefix) || open(n) && c.anySession(n) {
		key = strconv.AppendQuote(append(key, 'u'), n)
	}
	return key
}

// anySession reports whether some session would make a bound username of a
// template.
func (c *Cluster) anySession(template string) bool {
	prefix := literal(template)
	i, _ := slices.BinarySearch(c.userNames, prefix)
	for ; i < len(c.userNames) && strings.HasPrefix(c.userNames[i], prefix); i++ {
		if couldBe(template, c.userNames[i]) {
			return true
		}
	}
	return false
}

// selfOf reports whether an identity has impersonate, bind or escalate for
// something, somewhere.
func (c *Cluster) selfOf(id *Identity) bool {
	return slices.ContainsFunc(c.grants(id), func(g grant) bool {
		return g.unknown == nil && slices.ContainsFunc(g.rules, func(r access.Rule) bool { return selfVerb(r.Verbs) })
	})
}

func selfVerb(verbs []string) bool {
	return slices.ContainsFunc(verbs, func(v string) bool {
		return v == "*" || v == "impersonate" || v == "bind" || v == "escalate"
	})
}

// WhoCan names everybody who may do what a request asks. The first question of
// a cluster lists its people, which the later ones find done.
func (c *Cluster) WhoCan(r Request) Holders {
	if r.Path != "" {
		r = Request{Verb: r.Verb, Path: r.Path}
	}
	var h Holders
	for _, part := range []Part{UnknownEntries, UnknownAuthMap, UnknownRBAC, UnknownCreator} {
		u := c.unknown[part]
		if u == nil || part == UnknownCreator && c.facts.Mode != access.ModeConfigMap || part == UnknownEntries && !c.openEntries() || part == UnknownAuthMap && !c.openAuthMap() {
			continue
		}
		h.Unknown = append(h.Unknown, *u)
	}
	q := c.words.query(&r)
	verdicts := make([]Verdict, len(c.subjects))
	for i := range c.subjects {
		verdicts[i] = c.subjectMay(int32(i), &q)
	}
	routes := c.routes(&r, verdicts)
	// People's verdicts and routes are those of their class.
	type answer struct {
		verdict Verdict
		route   Route
	}
	folk := c.folk()
	answers := make([]answer, len(folk.classes))
	for i := range folk.classes {
		a, x := &answers[i], &folk.classes[i]
		a.verdict = c.Decide(x.identity, r)
		if a.verdict == Deny && x.self {
			a.route = routes.of(c, &x.identity)
		}
	}
	allowed := 0
	for i := range folk.people {
		if answers[folk.people[i].class].verdict == Allow {
			allowed++
		}
	}
	h.Allowed = make([]Holder, 0, allowed)
	for i := range folk.people {
		a := &answers[folk.people[i].class]
		h.add(&folk.people[i].holder, a.verdict, a.route)
	}
	for i := range c.subjects {
		s := &c.subjects[i]
		if verdicts[i] == Allow {
			holder := s.holder()
			h.add(&holder, Allow, "")
			continue
		}
		self := verdicts[i] == Deny && c.selfSubject(s)
		if verdicts[i] == Deny && !self {
			continue
		}
		// A group that everybody is in may have settled it.
		holder := s.holder()
		if v := c.Decide(holder.Identity, r); v != Deny && verdicts[i] == Undetermined {
			h.add(&holder, v, "")
		} else if v == Deny && self {
			h.add(&holder, Deny, routes.of(c, &holder.Identity))
		}
	}
	return h
}

func (h *Holders) add(x *Holder, v Verdict, route Route) {
	switch {
	case v == Allow:
		h.Allowed = append(h.Allowed, *x)
	case v == Undetermined:
		h.Possible = append(h.Possible, *x)
	case route != "":
		h.Indirect = append(h.Indirect, *x)
		h.Indirect[len(h.Indirect)-1].Route = route
	}
}

// selfSubject reports whether some binding to a subject gives impersonate, bind
// or escalate.
func (c *Cluster) selfSubject(s *subject) bool {
	return slices.ContainsFunc(s.bindings, func(i int32) bool { return c.tables[c.bindings[i].table].self })
}

// holder is a subject as one of its own.
func (s *subject) holder() Holder {
	if s.kind == access.GroupSubject {
		return Holder{Kind: GroupHolder, Name: s.name, Identity: Identity{Groups: []string{s.name}}}
	}
	if rest, ok := strings.CutPrefix(s.name, serviceAccountPrefix); ok {
		if ns, name, ok := strings.Cut(rest, ":"); ok {
			return Holder{Kind: ServiceAccountHolder, Name: ns + "/" + name, Identity: ServiceAccount(ns, name)}
		}
	}
	if s.name == Anonymous {
		return Holder{Kind: UserHolder, Name: s.name, Identity: Identity{Username: Anonymous, Groups: []string{Unauthenticated}}}
	}
	return Holder{Kind: UserHolder, Name: s.name, Identity: User(s.name)}
}
