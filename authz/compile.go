package authz

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/awsauth"
	"github.com/atlas-iam/atlas-iam/authz/eks"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
)

// Cluster is one cluster's facts, compiled. It is immutable and may be used
// from many goroutines.
type Cluster struct {
	facts   Facts
	authMap awsauth.Map
	words   *words
	tables  []table // the first is empty
	// roles are what bindings bind to, by namespace and name.
	roles      map[roleKey]int // place in facts.Roles
	bindings   []binding       // of facts.Bindings, in their order
	byUser     map[string]int32
	byGroup    map[string]int32
	subjects   []subject
	held       []held                // by subject
	userNames  []string              // the keys of byUser, sorted
	groups     []string              // the keys of byGroup, sorted
	everybody  int32                 // the subject of the group Authenticated, none: -1
	principals map[string]*principal // by ARN
	byName     map[string]string     // ARNs of entries, by ARN without path
	node       int32                 // the table of what a node may, see nodeAuthorizer
	unknown    map[Part]*Unknown     // the first of each part
	folk       func() folk           // those whom the cluster maps, listed when first asked for
	within     sync.Map              // which kit holds which, see enough; found when first asked for
}

type roleKey struct {
	namespace string // empty of ClusterRoles
	name      string
}

// binding is a binding with its role looked up.
type binding struct {
	rules   []access.Rule
	unknown *Unknown // the rules are not known
	table   int32
}

// subject is a user or a group that bindings name.
type subject struct {
	kind     access.SubjectKind // User for ServiceAccounts too
	name     string
	bindings []int32 // all of them, for explanations
}

// held is what a subject has. Decide reads nothing else of it, and of many
// subjects: it fits in a line of a processor's cache.
type held struct {
	wide   int32    // table of what holds in the whole cluster
	maybe  bool     // a role of unknown rules is bound in the whole cluster
	spaces []inside // in single namespaces, sorted
	scoped []scoped // over patterns of namespaces
}

// inside is a table that holds in one namespace.
type inside struct {
	space uint32
	table int32
	maybe bool // a role of unknown rules is bound there too
}

// scoped is a table that holds in namespaces that match.
type scoped struct {
	patterns []string
	table    int32
	maybe    bool // the rules are not known
}

// principal is what an access entry makes of an IAM principal.
type principal struct {
	entry  *Entry // nil: the entry was not read, or is dead
	listed bool   // it stands among the facts' entries
	dead   *Entry // what maps nobody
	// unknown is set where the entry's details were not read.
	unknown  *Unknown
	policies []policy
}

type policy struct {
	eks.Grant
	arn     string
	table   int32
	unknown *Unknown // the rules are not published
}

// Compile makes facts ready for questions. The error is a fault of the facts
// themselves. The facts must not be changed afterwards.
func Compile(f Facts) (*Cluster, error) {
	c := &Cluster{
		facts: f, words: newWords(), roles: map[roleKey]int{}, byUser: map[string]int32{}, byGroup: map[string]int32{},
		principals: map[string]*principal{}, byName: map[string]string{},
		unknown: map[Part]*Unknown{},
	}
	c.folk = sync.OnceValue(c.classify)
	if f.AuthMap != nil {
		c.authMap = awsauth.Parse(*f.AuthMap)
	}
	for i := range f.Unknown {
		if c.unknown[f.Unknown[i].Part] == nil {
			c.unknown[f.Unknown[i].Part] = &f.Unknown[i]
		}
	}
	if err := c.resolve(); err != nil {
		return nil, err
	}
	if err := c.readEntries(); err != nil {
		return nil, err
	}
	c.compileTables()
	return c, nil
}

// Facts are what the cluster was compiled from, upstream's defaults filled in.
// They must not be changed.
func (c *Cluster) Facts() *Facts { return &c.facts }

// resolve fills in upstream's defaults, where the cluster's own roles were not
// read, and looks up each binding's role. (Assumption default-roles.)
func (c *Cluster) resolve() error {
	f := &c.facts
	switch {
	case f.DefaultRBAC && len(f.Roles) == 0:
		f.Roles = rbac.FilledDefaultRoles()
	case f.DefaultRBAC:
		f.Roles = rbac.Aggregate(withDefaults(f.Roles))
	default:
		f.Roles = rbac.Aggregate(f.Roles)
	}
	if f.DefaultRBAC {
		f.Bindings = slices.Clone(f.Bindings)
		for _, b := range rbac.DefaultBindings() {
			f.Bindings = append(f.Bindings, Binding{Binding: b})
		}
	}
	for i := range f.Roles {
		k := roleKey{f.Roles[i].Namespace, f.Roles[i].Name}
		if _, twice := c.roles[k]; twice {
			return fmt.Errorf("cluster %s: role %s of namespace %q stands twice in the facts", f.Name, k.name, k.namespace)
		}
		c.roles[k] = i
	}
	c.bindings = make([]binding, len(f.Bindings))
	for i := range f.Bindings {
		b := &f.Bindings[i]
		if len(b.Patterns) > 0 && b.Namespace != "" {
			return fmt.Errorf("cluster %s: binding %s has both a namespace and patterns", f.Name, b.Name)
		}
		rules, unknown := c.rulesOf(b)
		c.bindings[i] = binding{rules: rules, unknown: unknown}
	}
	return nil
}

// withDefaults are roles with those of upstream's that none of them replaces.
func withDefaults(roles []access.KubernetesRole) []access.KubernetesRole {
	out := slices.Clone(roles)
	mine := map[roleKey]bool{}
	for i := range roles {
		mine[roleKey{roles[i].Namespace, roles[i].Name}] = true
	}
	for _, r := range rbac.DefaultRoles() {
		if !mine[roleKey{r.Namespace, r.Name}] {
			out = append(out, r)
		}
	}
	return out
}

// rulesOf are the rules that a binding binds. A role that is not there gives
// nothing, as long as the roles are known.
func (c *Cluster) rulesOf(b *Binding) ([]access.Rule, *Unknown) {
	for i := range c.facts.Unknown {
		if u := &c.facts.Unknown[i]; u.Part == UnknownRole && u.Role == b.Role {
			return nil, u
		}
	}
	k := roleKey{name: b.Role.Name}
	switch b.Role.Kind {
	case access.ClusterRole:
	case access.Role:
		if len(b.Patterns) > 0 {
			return nil, c.unknownRole(b.Role, "each namespace has its own")
		}
		if b.Namespace == "" {
			return nil, nil // upstream looks for it in no namespace and finds none
		}
		k.namespace = b.Namespace
	default:
		return nil, nil
	}
	if i, ok := c.roles[k]; ok {
		return c.facts.Roles[i].Rules, nil
	}
	if c.facts.DefaultRBAC || c.unknown[UnknownRBAC] != nil {
		return nil, c.unknownRole(b.Role, "it is none of Kubernetes' own")
	}
	return nil, nil
}

func (c *Cluster) unknownRole(ref access.RoleRef, why string) *Unknown {
	return &Unknown{Part: UnknownRole, Role: ref, Why: "the rules of " + ref.String() + " were not read: " + why,
		Settle: "read the roles and bindings of cluster " + c.facts.Name}
}

func (c *Cluster) takesEntries() bool { return c.facts.Mode != access.ModeConfigMap }

func (c *Cluster) takesAuthMap() bool { return c.facts.Mode != access.ModeAPI }

// readEntries looks up the policies of the entries, where entries count.
func (c *Cluster) readEntries() error {
	if !c.takesEntries() {
		return nil
	}
	for i := range c.facts.Entries {
		e := &c.facts.Entries[i]
		if p := c.principals[e.Principal]; p != nil {
			return fmt.Errorf("cluster %s: %s has two access entries", c.facts.Name, e.Principal)
		}
		p := &principal{entry: e, listed: true}
		if e.Dead {
			p.entry, p.dead = nil, e // it maps nobody: aws-auth may
		}
		for _, a := range e.Associations {
			g := policy{Grant: eks.NewGrant(a), arn: a.Policy}
			if !g.Policy.RulesComplete {
				g.unknown = c.unknownPolicy(g.Policy.Name)
			}
			p.policies = append(p.policies, g)
		}
		c.principals[e.Principal] = p
		c.byName[nameOf(e.Principal)] = e.Principal
	}
	for i := range c.facts.Unknown {
		u := &c.facts.Unknown[i]
		if u.Part != UnknownEntry || u.Principal == "" {
			continue
		}
		if c.principals[u.Principal] == nil {
			c.principals[u.Principal] = &principal{}
			c.byName[nameOf(u.Principal)] = u.Principal
		}
		c.principals[u.Principal].unknown = u
	}
	return nil
}

func (c *Cluster) unknownPolicy(name string) *Unknown {
	for i := range c.facts.Unknown {
		if u := &c.facts.Unknown[i]; u.Part == UnknownPolicies && (u.Policy == name || u.Policy == "") {
			return u
		}
	}
	return &Unknown{Part: UnknownPolicies, Policy: name, Why: "AWS does not publish the rules of " + name,
		Settle: "ask the cluster itself, as that principal: kubectl auth can-i"}
}

// nameOf is a principal's ARN without its path and in lower case: AWS tells
// users and roles of an account apart by name alone.
func nameOf(arn string) string {
	arn = strings.ToLower(arn)
	if p, err := access.ParseIAMPrincipal(arn); err == nil {
		return strings.Join([]string{p.Partition, p.Account, p.Kind, p.Name}, "/")
	}
	if account, name, ok := access.SessionRole(arn); ok {
		a, _ := access.ParseARN(arn)
		return strings.Join([]string{a.Partition, account, "role", name}, "/")
	}
	return arn
}

// compileTables makes a table of each set of rules that holds somewhere for
// somebody.
func (c *Cluster) compileTables() {
	w := c.words
	for i := range c.bindings {
		w.learn(c.bindings[i].rules)
	}
	learnt := map[string]bool{}
	for _, p := range c.principals {
		for i := range p.policies {
			if g := &p.policies[i]; !learnt[g.Policy.Name] {
				learnt[g.Policy.Name] = true
				w.learn(g.Policy.Rules)
			}
		}
	}
	node := c.nodeRules()
	w.learn(node)
	w.pages = uint32(len(w.verbs)+1+63) / 64
	c.tables = append(c.tables, table{})

	m := merger{c: c, made: map[string]int32{}, single: map[roleKey]int32{}}
	c.node = c.add(w.table(node))
	for i := range c.bindings {
		c.bindings[i].table = m.role(i)
	}
	for i := range c.bindings {
		m.bind(int32(i))
	}
	m.finish()
	policies := map[string]int32{}
	for _, p := range c.principals {
		for i := range p.policies {
			g := &p.policies[i]
			t, ok := policies[g.Policy.Name]
			if !ok {
				t = c.add(w.table(g.Policy.Rules))
				policies[g.Policy.Name] = t
			}
			g.table = t
		}
	}
	for n := range c.byUser {
		c.userNames = append(c.userNames, n)
	}
	for n := range c.byGroup {
		c.groups = append(c.groups, n)
	}
	slices.Sort(c.userNames)
	slices.Sort(c.groups)
	c.everybody = -1
	if n, ok := c.byGroup[Authenticated]; ok {
		c.everybody = n
	}
}

func (c *Cluster) add(t table) int32 {
	c.tables = append(c.tables, t)
	return int32(len(c.tables) - 1)
}

// merger gathers, for each subject and each place, the bindings that hold
// there, and makes one table of them.
type merger struct {
	c      *Cluster
	made   map[string]int32  // by the tables that were merged
	single map[roleKey]int32 // by role
	wide   map[int32][]int32 // tables, by subject
	space  map[place]*within
}

// place is a subject in a namespace, within what is bound to it there.
type place struct {
	subject int32
	space   uint32
}

type within struct {
	tables []int32
	maybe  bool
}

// role gives the table of a binding's role.
func (m *merger) role(i int) int32 {
	b := &m.c.facts.Bindings[i]
	if len(m.c.bindings[i].rules) == 0 {
		return 0
	}
	k := roleKey{name: b.Role.Name}
	if b.Role.Kind == access.Role {
		k.namespace = b.Namespace
	}
	t, ok := m.single[k]
	if !ok {
		t = m.c.add(m.c.words.table(m.c.bindings[i].rules))
		m.single[k] = t
	}
	return t
}

// bind notes a binding with each of its subjects.
func (m *merger) bind(i int32) {
	c, b := m.c, &m.c.facts.Bindings[i]
	if m.wide == nil {
		m.wide, m.space = map[int32][]int32{}, map[place]*within{}
	}
	compiled := &c.bindings[i]
	for _, s := range b.Subjects {
		n, ok := c.subject(s, b.Namespace)
		if !ok {
			continue
		}
		x := &c.subjects[n]
		if len(x.bindings) > 0 && x.bindings[len(x.bindings)-1] == i {
			continue // named twice
		}
		x.bindings = append(x.bindings, i)
		what := &c.held[n]
		switch {
		case len(b.Patterns) > 0:
			what.scoped = append(what.scoped, scoped{b.Patterns, compiled.table, compiled.unknown != nil})
		case b.Namespace == "":
			what.maybe = what.maybe || compiled.unknown != nil
			m.wide[n] = append(m.wide[n], compiled.table)
		default:
			key := place{n, number(c.words.spaces, b.Namespace, 0)}
			in := m.space[key]
			if in == nil {
				in = &within{}
				m.space[key] = in
			}
			in.tables = append(in.tables, compiled.table)
			in.maybe = in.maybe || compiled.unknown != nil
		}
	}
}

func (m *merger) finish() {
	for n, tables := range m.wide {
		m.c.held[n].wide = m.merge(tables)
	}
	for key, in := range m.space {
		x := &m.c.held[key.subject]
		x.spaces = append(x.spaces, inside{key.space, m.merge(in.tables), in.maybe})
	}
	for i := range m.c.held {
		slices.SortFunc(m.c.held[i].spaces, func(a, b inside) int { return cmp.Compare(a.space, b.space) })
	}
}

// merge makes one table of several.
func (m *merger) merge(tables []int32) int32 {
	slices.Sort(tables)
	tables = slices.Compact(tables)
	if len(tables) > 1 && tables[0] == 0 {
		tables = tables[1:]
	}
	if len(tables) == 1 {
		return tables[0]
	}
	var key strings.Builder
	for _, t := range tables {
		key.WriteString(strconv.Itoa(int(t)))
		key.WriteByte(' ')
	}
	if t, ok := m.made[key.String()]; ok {
		return t
	}
	t := m.c.add(union(m.c.tables, tables))
	m.made[key.String()] = t
	return t
}

// subject finds or makes the subject that a binding of a namespace names.
// ServiceAccounts are users, by their usernames. (k8s.io/apiserver,
// authentication/serviceaccount)
func (c *Cluster) subject(s access.Subject, namespace string) (int32, bool) {
	by, name, kind := c.byUser, s.Name, access.UserSubject
	switch s.Kind {
	case access.UserSubject:
	case access.GroupSubject:
		by, kind = c.byGroup, access.GroupSubject
	case access.ServiceAccountSubject:
		if s.Namespace != "" {
			namespace = s.Namespace
		}
		if namespace == "" {
			return 0, false
		}
		name = serviceAccountPrefix + namespace + ":" + s.Name
	default:
		return 0, false
	}
	n, ok := by[name]
	if !ok {
		n = int32(len(c.subjects))
		c.subjects = append(c.subjects, subject{kind: kind, name: name})
		c.held = append(c.held, held{})
		by[name] = n
	}
	return n, true
}
