// Package gain says what a plan gives and takes: who may newly do what where,
// and who no longer may, by everything that is known of a cluster before and
// after the plan. It decides nothing that authz does not, and writes nothing:
// package report says its answer.
package gain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/authz/awsauth"
	"github.com/atlas-iam/atlas-iam/authz/diff"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// Cluster is what is asked of a cluster; *authz.Cluster is one.
type Cluster interface {
	Facts() *authz.Facts
	Identify(principal, session string) (id authz.Identity, by string, v authz.Verdict)
	Rights(id authz.Identity) []authz.Right
}

// Of says what a plan comes to. before and after are the same clusters as they
// are and as they will be when what is not held was made, in any order.
//
// Only people whom the plan can reach are looked at: the principals of its
// changes, and where it changes more than entries everybody that entries or
// aws-auth name. What any authenticated user may do by Kubernetes' own default
// is not counted: it comes with being let in at all.
func Of[C Cluster](p *plan.Plan, before, after []C) *plan.Access {
	w := weighing{out: &plan.Access{}, answers: map[string]*answer{}, setAt: map[string]int{}, ruleKeys: map[string]int{}, ruleAt: map[*access.Rule]int{}}
	at := map[access.ClusterKey]int{}
	for i, c := range before {
		at[c.Facts().Cluster] = i
	}
	all := slices.Clone(after)
	slices.SortFunc(all, func(a, b C) int { return a.Facts().Cluster.Compare(b.Facts().Cluster) })
	byCluster := map[access.ClusterKey][]*plan.Change{}
	for i := range p.Changes {
		if c := &p.Changes[i]; len(c.Held) == 0 {
			byCluster[c.Cluster] = append(byCluster[c.Cluster], c)
		}
	}
	for _, c := range all {
		key := c.Facts().Cluster
		if i, ok := at[key]; ok && len(byCluster[key]) > 0 {
			w.cluster(before[i], c, byCluster[key])
		}
	}
	return w.out
}

// weighing is an answer on the way.
type weighing struct {
	out *plan.Access
	// answers are by what rights were compared: most people's are equal to
	// somebody else's.
	answers  map[string]*answer
	setAt    map[string]int
	ruleKeys map[string]int
	ruleAt   map[*access.Rule]int // by the first of a list; len tells lists of one first apart
}

// person is somebody on one cluster with the changes that are about him.
type person struct {
	cluster   access.ClusterKey
	document  string
	principal string
	member    string
	teams     []string
	changes   []*plan.Change
	rights    [2][]authz.Right
	givers    func() *givers
}

func (w *weighing) cluster(before, after Cluster, changes []*plan.Change) {
	people := map[string]*person{}
	gives := sync.OnceValue(func() *givers { return newGivers(before.Facts(), after.Facts()) })
	add := func(principal string) *person {
		q := people[principal]
		if q == nil {
			q = &person{cluster: after.Facts().Cluster, document: changes[0].Document, principal: principal, givers: gives}
			people[principal] = q
		}
		return q
	}
	for _, c := range changes {
		switch {
		case c.Principal == "" || c.Kind != plan.AccessEntry && c.Kind != plan.PolicyAssociation:
			for _, side := range []Cluster{before, after} {
				everybody(side.Facts(), func(arn string) { add(arn) })
			}
		default:
			q := add(c.Principal)
			q.changes = append(q.changes, c)
		}
	}
	for _, side := range []Cluster{before, after} {
		for i := range side.Facts().Entries {
			e := &side.Facts().Entries[i]
			if q := people[e.Principal]; q != nil {
				q.member, q.teams = cmp.Or(e.Member, q.member), e.Teams
			}
		}
	}
	var sorted []*person
	for _, q := range people {
		sorted = append(sorted, q)
	}
	slices.SortFunc(sorted, func(a, b *person) int { return strings.Compare(a.principal, b.principal) })
	aside := map[authz.Unknown]bool{}
	for _, q := range sorted {
		for i, side := range []Cluster{before, after} {
			q.rights[i] = counted(rightsOf(side, q.principal), aside)
		}
		w.person(q)
	}
	w.unsaid(changes, before, after)
	for _, u := range behindAuthMap(changes, before.Facts(), after.Facts()) {
		aside[u] = true
	}
	w.notCounted(after.Facts().Cluster, aside)
}

// behindAuthMap is what a plan takes, or gives back, by aws-auth where that was
// not read: an entry overrides its lines, and mode API ends it.
func behindAuthMap(changes []*plan.Change, before, after *authz.Facts) []authz.Unknown {
	unread := func(f *authz.Facts) bool {
		return f.AuthMap == nil && (f.DefaultRBAC || slices.ContainsFunc(f.Unknown, func(u authz.Unknown) bool { return u.Part == authz.UnknownAuthMap }))
	}
	if before.Mode == access.ModeAPI || !unread(before) {
		return nil
	}
	made := func(v ...plan.Verb) bool {
		return slices.ContainsFunc(changes, func(c *plan.Change) bool { return c.Kind == plan.AccessEntry && slices.Contains(v, c.Verb) })
	}
	var whys []string
	if after.Mode == access.ModeAPI {
		whys = append(whys, "whom it alone lets in is shut out by mode API")
	}
	if made(plan.Create, plan.Replace) {
		whys = append(whys, "a new entry takes the place of what it gives")
	}
	if after.Mode != access.ModeAPI && made(plan.Delete) {
		whys = append(whys, "who loses an entry may still have what it gives")
	}
	if len(whys) == 0 {
		return nil
	}
	return []authz.Unknown{{Part: authz.UnknownAuthMap, Why: "not read; " + strings.Join(whys, "; "),
		Settle: "read ConfigMap kube-system/aws-auth of cluster " + before.Name}}
}

// unsaid adds what bindings give to groups and users of whom no entry is known.
func (w *weighing) unsaid(changes []*plan.Change, sides ...Cluster) {
	known := map[string]bool{}
	for _, side := range sides {
		for i := range side.Facts().Entries {
			e := &side.Facts().Entries[i]
			if e.Dead { // it maps nobody, who then has nothing to be said
				continue
			}
			if e.Username != "" {
				known["user "+e.Username] = true
			}
			for _, g := range e.Groups {
				known["group "+g] = true
			}
		}
	}
	add := func(grants []plan.Grant, side int, to *[]plan.Grant) {
		for _, g := range grants {
			if g.Role.Name != "" && !known["group "+g.Group] && !known["user "+g.Username] {
				*to = append(*to, w.weighed(g, sides[side], side))
			}
		}
	}
	for _, c := range changes {
		add(c.Gained, 1, &w.out.Gained)
		add(c.Lost, 0, &w.out.Lost)
	}
}

// weighed is a grant to a group or user of whom nothing is known, with what its
// role's rules come to on a side of the plan; of rules that are not known, with
// all that they could be.
func (w *weighing) weighed(g plan.Grant, c Cluster, side int) plan.Grant {
	id := authz.Identity{Username: g.Username}
	if g.Group != "" {
		id.Groups = []string{g.Group}
	}
	var rights []authz.Right
	for _, r := range c.Rights(id) {
		if r.By.Binding != nil && r.By.Binding.Role == g.Role && r.Scope.Equal(g.Scope) {
			rights = append(rights, r)
			g.Admin = g.Admin || side == 1 && isAdmin(r)
		}
	}
	d := diff.Compare(nil, rights)
	for _, list := range [][]diff.Access{d.Gained, d.MaybeGained} {
		for i := range list {
			g.Risks = slices.Concat(g.Risks, list[i].Risks())
		}
	}
	if all := slices.Concat(d.Gained, d.MaybeGained); len(all) == 1 {
		g.Set = w.number(all[0].Requests)
	}
	found := g.Risks
	g.Risks = slices.DeleteFunc([]access.Risk{access.RiskSecrets, access.RiskExec, access.RiskImpersonate, access.RiskEscalate, access.RiskWholeCluster},
		func(r access.Risk) bool { return !slices.Contains(found, r) })
	return g
}

// everybody names all that a cluster's entries and aws-auth name.
func everybody(f *authz.Facts, name func(arn string)) {
	for i := range f.Entries {
		name(f.Entries[i].Principal)
	}
	if f.AuthMap != nil && f.Mode != access.ModeAPI {
		m := awsauth.Parse(*f.AuthMap)
		for _, l := range m.Mappings() {
			name(l.ARN)
		}
	}
}

func rightsOf(c Cluster, principal string) []authz.Right {
	id, _, v := c.Identify(principal, "")
	if v == authz.Deny {
		return nil
	}
	return c.Rights(id)
}

// counted are the rights that count; what was not read at all and no plan
// changes is put aside.
func counted(rights []authz.Right, aside map[authz.Unknown]bool) []authz.Right {
	return slices.DeleteFunc(slices.Clone(rights), func(r authz.Right) bool {
		if r.Unknown != nil {
			switch r.Unknown.Part {
			case authz.UnknownNode, authz.UnknownCreator: // what runs on a node is no person's; no plan takes from a creator
				return true
			case authz.UnknownRBAC, authz.UnknownAuthMap, authz.UnknownEntries:
				aside[*r.Unknown] = true
				return true
			}
		}
		return r.By.Binding != nil && byDefault()[r.By.Binding.Name]
	})
}

// byDefault are the bindings by which Kubernetes lets in everybody.
var byDefault = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for _, b := range rbac.DefaultBindings() {
		if slices.ContainsFunc(b.Subjects, func(s access.Subject) bool { return s.Name == authz.Authenticated }) {
			names[b.Name] = true
		}
	}
	return names
})

func (w *weighing) notCounted(k access.ClusterKey, aside map[authz.Unknown]bool) {
	var out []plan.NotCounted
	for u := range aside {
		out = append(out, plan.NotCounted{Cluster: k, Part: string(u.Part), Unclear: plan.Unclear{Why: u.Why, Settle: u.Settle}})
	}
	slices.SortFunc(out, func(a, b plan.NotCounted) int {
		return cmp.Or(cmp.Compare(a.Part, b.Part), cmp.Compare(a.Why, b.Why), cmp.Compare(a.Settle, b.Settle))
	})
	w.out.NotCounted = append(w.out.NotCounted, out...)
}

// answer is a difference with its sets numbered.
type answer struct {
	diff.Difference
	admin bool // of the whole cluster, before
	sets  map[*diff.Access]int
}

func (w *weighing) person(q *person) {
	key := w.key(q.rights[0]) + "\x01" + w.key(q.rights[1])
	a, ok := w.answers[key]
	if !ok {
		a = &answer{Difference: diff.Compare(q.rights[0], q.rights[1]), admin: hasAdmin(q.rights[0]), sets: map[*diff.Access]int{}}
		w.answers[key] = a
	}
	say := func(list []diff.Access, side int, to *[]plan.Grant) {
		for i := range list {
			*to = append(*to, w.grant(q, a, &list[i], side))
		}
	}
	say(a.Gained, 1, &w.out.Gained)
	say(a.Lost, 0, &w.out.Lost)
	say(a.MaybeGained, 1, &w.out.MaybeGained)
	say(a.MaybeLost, 0, &w.out.MaybeLost)
	say(a.Unknown, 1, &w.out.Unknown)
	// Groups and usernames are given and taken whatever is bound to them.
	for _, c := range q.changes {
		w.out.Gained = append(w.out.Gained, identities(c.Gained)...)
		for _, g := range identities(c.Lost) {
			q.givers().settle(&g, nil)
			w.out.Lost = append(w.out.Lost, g)
		}
	}
}

func identities(grants []plan.Grant) []plan.Grant {
	return slices.DeleteFunc(slices.Clone(grants), func(g plan.Grant) bool { return g.Policy != "" })
}

// key tells lists of rights apart by all that a difference depends on.
func (w *weighing) key(rights []authz.Right) string {
	var b strings.Builder
	for i := range rights {
		r := &rights[i]
		fmt.Fprintf(&b, "%s %t %q %t ", diff.GrantKey(r.By), r.Scope.Cluster, r.Scope.Namespaces, r.Known)
		if r.Unknown != nil {
			fmt.Fprintf(&b, "%v ", *r.Unknown)
		}
		fmt.Fprintf(&b, "%d %d\x00", w.rulesKey(r.Rules), len(r.Rules))
	}
	return b.String()
}

// rulesKey numbers lists of rules; most stand in many rights.
func (w *weighing) rulesKey(rules []access.Rule) int {
	if len(rules) == 0 {
		return -1
	}
	n, ok := w.ruleAt[&rules[0]]
	if !ok {
		k := fmt.Sprintf("%q", rules)
		if n, ok = w.ruleKeys[k]; !ok {
			n = len(w.ruleKeys)
			w.ruleKeys[k] = n
		}
		w.ruleAt[&rules[0]] = n
	}
	return n
}

// hasAdmin reports whether a right is surely on everything in the whole
// cluster.
func hasAdmin(rights []authz.Right) bool {
	return slices.ContainsFunc(rights, func(r authz.Right) bool { return r.Known && isAdmin(r) })
}

func isAdmin(r authz.Right) bool {
	return r.Scope.Cluster && slices.ContainsFunc(r.Rules, func(x access.Rule) bool {
		return len(x.ResourceNames) == 0 && slices.Contains(x.Verbs, "*") && slices.Contains(x.APIGroups, "*") && slices.Contains(x.Resources, "*")
	})
}

// grant says one Access of a person's.
func (w *weighing) grant(q *person, a *answer, x *diff.Access, side int) plan.Grant {
	g := plan.Grant{Cluster: q.cluster, Document: q.document, Principal: q.principal, Member: q.member, Teams: q.teams,
		What: x.What(), Where: x.Where(), Places: x.Places, Risks: x.Risks(), Set: w.set(a, x), Implied: x.Implied}
	for _, c := range q.changes {
		g.Member, g.Teams = cmp.Or(c.Member, g.Member), c.Teams
		g.Source = c.Source
	}
	key := ""
	if len(x.By) > 0 {
		key = diff.GrantKey(x.By[0])
		g.Policy = x.By[0].Policy
		if b := x.By[0].Binding; b != nil {
			g.Role = b.Role
		}
	}
	for i := range q.rights[side] {
		r := &q.rights[side][i]
		if diff.GrantKey(r.By) != key {
			continue
		}
		g.Scope = g.Scope.Union(r.Scope)
		g.Admin = g.Admin || isAdmin(*r) && side == 1 && !a.admin
		if len(r.By.Sources) > 0 {
			g.Source = r.By.Sources[0].Place
		}
	}
	for _, c := range q.changes {
		list := c.Lost
		if side == 1 {
			list = c.Gained
		}
		for _, asked := range list {
			if asked.Policy == g.Policy && g.Policy != "" {
				g.Source, g.Teams, g.Member = asked.Source, asked.Teams, asked.Member
			}
		}
	}
	g.Teams = slices.Clone(g.Teams)
	if side == 0 && len(x.By) > 0 {
		q.givers().settle(&g, &x.By[0])
	}
	for _, u := range x.Unknown {
		g.Unclear = append(g.Unclear, plan.Unclear{Why: u.Why, Settle: u.Settle})
	}
	return g
}

// set is the number of the set of requests that an Access is about.
func (w *weighing) set(a *answer, x *diff.Access) int {
	if n, ok := a.sets[x]; ok {
		return n
	}
	n := w.number(x.Requests)
	a.sets[x] = n
	return n
}

// number is a set's, new if it is.
func (w *weighing) number(r plan.Requests) int {
	k := fmt.Sprintf("%#v", r)
	n, ok := w.setAt[k]
	if !ok {
		w.out.Sets = append(w.out.Sets, r)
		n = len(w.out.Sets)
		w.setAt[k] = n
	}
	return n
}
