package authz_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/authz/eks"
)

// A world is what a cluster really has, with marks on what we could not read.
// may judges it by the plainest reading of the rules, from the lists as they
// are; it shares nothing with the engine but the vocabulary.
type world struct {
	mode     access.AuthMode
	entries  []worldEntry
	lines    []worldLine // aws-auth
	accounts []string
	roles    []access.KubernetesRole
	bindings []authz.Binding

	entriesUnread, mapUnread, rbacUnread bool
	rolesUnread                          []access.RoleRef
}

type worldEntry struct {
	principal, username string
	groups              []string
	policies            []worldPolicy
	dead, unread        bool
}

type worldPolicy struct {
	name  string
	scope access.Scope
	rules []access.Rule // nil: as published
}

type worldLine struct {
	user     bool // of mapUsers
	arn      string
	username string
	groups   []string
}

// asker is one who asks: an IAM principal in a session, or one whom Kubernetes
// knows by itself.
type asker struct {
	principal, session string
	identity           authz.Identity
}

const arnPrefix = "arn:aws:eks::aws:cluster-access-policy/"

// facts are the world as we read it.
func (w *world) facts() authz.Facts {
	f := authz.Facts{Name: "test", Mode: w.mode, Roles: w.roles, Bindings: w.bindings}
	add := func(u authz.Unknown) {
		u.Settle = "read it"
		f.Unknown = append(f.Unknown, u)
	}
	for _, e := range w.entries {
		if e.unread {
			add(authz.Unknown{Part: authz.UnknownEntry, Principal: e.principal})
			continue
		}
		x := authz.Entry{Dead: e.dead}
		x.Principal, x.Type, x.Username, x.Groups = e.principal, access.Standard, e.username, e.groups
		for _, p := range e.policies {
			x.Associations = append(x.Associations, access.Association{Policy: arnPrefix + p.name, Scope: p.scope})
		}
		f.Entries = append(f.Entries, x)
	}
	if w.entriesUnread {
		add(authz.Unknown{Part: authz.UnknownEntries})
	}
	if w.mapUnread {
		add(authz.Unknown{Part: authz.UnknownAuthMap})
	} else if len(w.lines)+len(w.accounts) > 0 {
		f.AuthMap = w.authMap()
	}
	if w.rbacUnread {
		add(authz.Unknown{Part: authz.UnknownRBAC})
	}
	for _, r := range w.rolesUnread {
		add(authz.Unknown{Part: authz.UnknownRole, Role: r})
	}
	return f
}

func (w *world) authMap() *access.AuthMap {
	m := &access.AuthMap{}
	for _, l := range w.lines {
		groups := "[]"
		if len(l.groups) > 0 {
			groups = fmt.Sprintf("[%q]", strings.Join(l.groups, `", "`))
			groups = strings.ReplaceAll(groups, `\"`, `"`)
		}
		if l.user {
			m.MapUsers += fmt.Sprintf("- userarn: %s\n  username: %q\n  groups: %s\n", l.arn, l.username, groups)
		} else {
			m.MapRoles += fmt.Sprintf("- rolearn: %s\n  username: %q\n  groups: %s\n", l.arn, l.username, groups)
		}
	}
	for _, a := range w.accounts {
		m.MapAccounts += fmt.Sprintf("- %q\n", a)
	}
	return m
}

// may judges a world in which everything was read.
func (w *world) may(a asker, r authz.Request) bool {
	username, groups, policies := a.identity.Username, a.identity.Groups, []worldPolicy(nil)
	if a.principal != "" {
		var ok bool
		if username, groups, policies, ok = w.login(a); !ok {
			return false
		}
	}
	if slices.Contains(groups, "system:masters") {
		return true
	}
	for _, p := range policies {
		rules := p.rules
		if rules == nil {
			known, _ := eks.Named(p.name)
			rules = known.Rules
		}
		if inScope(p.scope, r) && anyRule(rules, r) {
			return true
		}
	}
	for _, b := range w.bindings {
		scope := access.ClusterScope()
		if b.Namespace != "" {
			scope = access.NamespaceScope(b.Namespace)
		} else if len(b.Patterns) > 0 {
			scope = access.NamespaceScope(b.Patterns...)
		}
		if !inScope(scope, r) || !bindsTo(b, username, groups) {
			continue
		}
		for _, role := range w.roles {
			of := ""
			if b.Role.Kind == access.Role {
				if b.Namespace == "" {
					continue
				}
				of = b.Namespace
			}
			if role.Name == b.Role.Name && role.Namespace == of && anyRule(role.Rules, r) {
				return true
			}
		}
	}
	return false
}

// login is what EKS makes of a caller: his living entry, else aws-auth.
func (w *world) login(a asker) (username string, groups []string, policies []worldPolicy, ok bool) {
	fill := func(s string) string {
		s = strings.ReplaceAll(s, "{{SessionNameRaw}}", a.session)
		return strings.ReplaceAll(s, "{{SessionName}}", strings.ReplaceAll(a.session, "@", "-"))
	}
	authenticated := func(list []string) []string {
		out := []string{"system:authenticated"}
		for _, g := range list {
			out = append(out, fill(g))
		}
		return out
	}
	parts := strings.Split(a.principal, "/")
	short := parts[0] + "/" + parts[len(parts)-1]
	if w.mode != access.ModeConfigMap {
		for _, e := range w.entries {
			if e.principal == a.principal && !e.dead {
				name := e.username
				if name == "" && strings.Contains(a.principal, ":role/") {
					name = strings.Replace(strings.Replace(short, ":iam:", ":sts:", 1), ":role/", ":assumed-role/", 1) + "/{{SessionName}}"
				} else if name == "" {
					name = a.principal
				}
				return fill(name), authenticated(e.groups), e.policies, true
			}
		}
	}
	if w.mode == access.ModeAPI {
		return "", nil, nil, false
	}
	caller := a.principal
	if strings.Contains(a.principal, ":role/") {
		caller = short
	}
	for _, user := range []bool{false, true} {
		for i := len(w.lines) - 1; i >= 0; i-- {
			if l := w.lines[i]; l.user == user && strings.EqualFold(l.arn, caller) {
				return fill(l.username), authenticated(l.groups), nil, true
			}
		}
	}
	if slices.Contains(w.accounts, strings.Split(caller, ":")[4]) {
		return caller, authenticated(nil), nil, true
	}
	return "", nil, nil, false
}

func bindsTo(b authz.Binding, username string, groups []string) bool {
	for _, s := range b.Subjects {
		switch s.Kind {
		case access.UserSubject:
			if s.Name == username {
				return true
			}
		case access.GroupSubject:
			if slices.Contains(groups, s.Name) {
				return true
			}
		case access.ServiceAccountSubject:
			ns := s.Namespace
			if ns == "" {
				ns = b.Namespace
			}
			if ns != "" && username == "system:serviceaccount:"+ns+":"+s.Name {
				return true
			}
		}
	}
	return false
}

func inScope(s access.Scope, r authz.Request) bool {
	if s.Cluster {
		return true
	}
	for _, p := range s.Namespaces {
		words := strings.Split(p, "*")
		for i := range words {
			words[i] = regexp.QuoteMeta(words[i])
		}
		if r.Namespace != "" && r.Path == "" && regexp.MustCompile("^"+strings.Join(words, ".*")+"$").MatchString(r.Namespace) {
			return true
		}
	}
	return false
}

func anyRule(rules []access.Rule, r authz.Request) bool {
	one := func(list []string, words ...string) bool {
		for _, x := range list {
			for _, w := range append(words, "*") {
				if x == w {
					return true
				}
			}
		}
		return false
	}
	for _, rule := range rules {
		if !one(rule.Verbs, r.Verb) {
			continue
		}
		if r.Path != "" {
			for _, u := range rule.NonResourceURLs {
				if cut := strings.TrimRight(u, "*"); u == r.Path || cut != u && len(r.Path) >= len(cut) && r.Path[:len(cut)] == cut {
					return true
				}
			}
			continue
		}
		forms := []string{r.Resource}
		if r.Subresource != "" {
			forms = []string{r.Resource + "/" + r.Subresource, "*/" + r.Subresource}
		}
		named := len(rule.ResourceNames) == 0
		for _, n := range rule.ResourceNames {
			named = named || n == r.Name
		}
		if one(rule.APIGroups, r.Group) && one(rule.Resources, forms...) && named {
			return true
		}
	}
	return false
}

// completions are the worlds that could be behind what was read: each unread
// part with the least and the most that could stand there, and with what would
// hide another part.
func (w *world) completions(a asker) []world {
	all := []world{*w}
	split := func(change ...func(*world)) {
		var next []world
		for i := range all {
			for _, f := range change {
				c := all[i]
				c.entries, c.lines = slices.Clone(c.entries), slices.Clone(c.lines)
				c.roles, c.bindings = slices.Clone(c.roles), slices.Clone(c.bindings)
				f(&c)
				next = append(next, c)
			}
		}
		all = next
	}
	same := func(*world) {}
	admin := []worldPolicy{{name: access.ClusterAdmin, scope: access.ClusterScope()}}
	for i := range w.entries {
		if w.entries[i].unread {
			split(func(c *world) { c.entries[i].dead = true },
				func(c *world) { c.entries[i] = worldEntry{principal: c.entries[i].principal, username: "somebody"} },
				func(c *world) { c.entries[i] = worldEntry{principal: c.entries[i].principal, policies: admin} })
			continue
		}
		for j, p := range w.entries[i].policies {
			if known, ok := eks.Named(p.name); !ok || !known.RulesComplete {
				split(same, func(c *world) {
					c.entries[i].policies = slices.Clone(c.entries[i].policies)
					c.entries[i].policies[j].rules = allRules()
				})
			}
		}
	}
	listed := slices.ContainsFunc(w.entries, func(e worldEntry) bool { return e.principal == a.principal })
	if w.entriesUnread && a.principal != "" && !listed {
		split(same, func(c *world) {
			c.entries = append(c.entries, worldEntry{principal: a.principal, username: "somebody"})
		},
			func(c *world) {
				c.entries = append(c.entries, worldEntry{principal: a.principal, policies: admin})
			})
	}
	if w.mapUnread && a.principal != "" {
		parts := strings.Split(a.principal, "/")
		arn := a.principal
		if strings.Contains(arn, ":role/") {
			arn = parts[0] + "/" + parts[len(parts)-1]
		}
		split(func(c *world) { c.lines, c.accounts = nil, nil },
			func(c *world) {
				c.lines, c.accounts = []worldLine{{user: true, arn: arn, username: "nobody-else"}}, nil
			},
			func(c *world) {
				c.lines, c.accounts = []worldLine{{user: true, arn: arn, groups: []string{"system:masters"}}}, nil
			})
	}
	if w.rbacUnread {
		split(same, func(c *world) {
			c.roles = append(c.roles, access.KubernetesRole{Name: "behind", Rules: allRules()})
			c.bindings = append(c.bindings, authz.Binding{Binding: access.Binding{Name: "behind", Role: access.RoleRef{Kind: access.ClusterRole, Name: "behind"},
				Subjects: []access.Subject{{Kind: access.GroupSubject, Name: "system:authenticated"}, {Kind: access.GroupSubject, Name: "system:serviceaccounts"}}}})
		})
	}
	for _, ref := range w.rolesUnread {
		set := func(rules []access.Rule) func(*world) {
			return func(c *world) {
				c.roles = slices.DeleteFunc(c.roles, func(r access.KubernetesRole) bool { return r.Name == ref.Name && r.Namespace == "" })
				c.roles = append(c.roles, access.KubernetesRole{Name: ref.Name, Rules: rules})
			}
		}
		split(set(nil), set(allRules()))
	}
	return all
}

func allRules() []access.Rule {
	return []access.Rule{{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}}, {Verbs: []string{"*"}, NonResourceURLs: []string{"*"}}}
}

// judge is the verdict over all that the world could be, and over every session
// that could tell one from another.
func (w *world) judge(a asker, r authz.Request) authz.Verdict {
	sessions := []string{a.session}
	if a.principal != "" && a.session == "" && strings.Contains(a.principal, ":role/") {
		sessions = sessionsThatMatter
	}
	var yes, no bool
	for _, c := range w.completions(a) {
		for _, s := range sessions {
			a.session = s
			if c.may(a, r) {
				yes = true
			} else {
				no = true
			}
		}
	}
	switch {
	case yes && no:
		return authz.Undetermined
	case yes:
		return authz.Allow
	}
	return authz.Deny
}

// What worlds are made of.
var (
	spaces             = []string{"backend", "dev-backend", "ops", "default"}
	principals         = []string{"arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:role/ci/deploy", "arn:aws:iam::444455556666:role/partner", "arn:aws:iam::111122223333:user/people/bob"}
	sessionsThatMatter = []string{"zz", "ann-x", "ann@x", "ops", "masters"}
	verbs              = []string{"get", "list", "create", "impersonate"}
)

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

func some[T any](r *rand.Rand, most int, list ...T) []T {
	var out []T
	for range r.IntN(most + 1) {
		if x := pick(r, list...); !slices.ContainsFunc(out, func(y T) bool { return fmt.Sprint(x) == fmt.Sprint(y) }) {
			out = append(out, x)
		}
	}
	return out
}

func randomRules(r *rand.Rand) []access.Rule {
	var rules []access.Rule
	for range 1 + r.IntN(4) {
		rule := access.Rule{Verbs: append(some(r, 2, append(verbs, "*")...), pick(r, verbs...))}
		if r.IntN(6) == 0 {
			rule.NonResourceURLs = append(some(r, 1, "/healthz", "*"), pick(r, "/healthz/*", "/metrics", "/healthz"))
			rules = append(rules, rule)
			continue
		}
		rule.APIGroups = append(some(r, 1, "", "apps", "*"), pick(r, "", "", "apps"))
		rule.Resources = append(some(r, 2, "pods", "deployments", "*"), pick(r, "pods", "pods/log", "deployments", "*/scale", "secrets", "namespaces", "serviceaccounts", "*"))
		if r.IntN(4) == 0 {
			rule.ResourceNames = append(some(r, 1, "web"), "ops")
		}
		rules = append(rules, rule)
	}
	return rules
}

func randomScope(r *rand.Rand) access.Scope {
	if r.IntN(4) == 0 {
		return access.ClusterScope()
	}
	return access.NamespaceScope(append(some(r, 1, "*backend*", "dev-*", "*"), pick(r, "ops", "*backend", "*backend*", "dev-*", "d*b*d", "default"))...)
}

func randomGroups(r *rand.Rand) []string { return some(r, 2, "devs", "readers", "g:{{SessionName}}") }

// randomWorld makes a world; two in three have something unread.
func randomWorld(r *rand.Rand) world {
	w := world{mode: pick(r, access.ModeAPI, access.ModeAPIAndConfigMap, access.ModeAPIAndConfigMap, access.ModeConfigMap)}
	policies := []string{"AmazonEKSClusterAdminPolicy", "AmazonEKSClusterAdminPolicy", "AmazonEKSEditPolicy", "AmazonEKSViewPolicy", "AmazonEKSAdminViewPolicy", "AmazonEKSViewPolicy", "AmazonEKSACKPolicy", "TomorrowPolicy"}
	for _, p := range append(some(r, 2, principals[1:]...), principals[0]) {
		e := worldEntry{principal: p, groups: randomGroups(r), dead: r.IntN(8) == 0, username: pick(r, "", "", "ann", "u:{{SessionNameRaw}}")}
		for _, n := range some(r, 3, policies...) {
			e.policies = append(e.policies, worldPolicy{name: n, scope: randomScope(r)})
		}
		w.entries = append(w.entries, e)
	}
	for range r.IntN(4) {
		p := pick(r, principals...)
		parts := strings.Split(p, "/")
		l := worldLine{arn: p, username: pick(r, "ann", "map:{{SessionName}}", ""), groups: some(r, 2, "devs", "readers", "system:masters", "system:{{SessionName}}"), user: strings.Contains(p, ":user/")}
		if !l.user {
			l.arn = parts[0] + "/" + parts[len(parts)-1]
		}
		if r.IntN(3) == 0 && !l.user {
			l.arn = strings.ToUpper(l.arn)
		}
		w.lines = append(w.lines, l)
	}
	w.accounts = some(r, 1, "111122223333")
	for _, n := range []string{"one", "two", "three"} {
		w.roles = append(w.roles, access.KubernetesRole{Name: n, Rules: randomRules(r)})
	}
	w.roles = append(w.roles, access.KubernetesRole{Namespace: "backend", Name: "one", Rules: randomRules(r)}, access.KubernetesRole{Namespace: "ops", Name: "one", Rules: randomRules(r)})
	for i := range 2 + r.IntN(6) {
		b := authz.Binding{Binding: access.Binding{Name: fmt.Sprint("b", i), Role: access.RoleRef{Kind: access.ClusterRole, Name: pick(r, "one", "two", "three", "none")}}}
		switch r.IntN(4) {
		case 0, 1:
			b.Namespace = pick(r, spaces...)
			if r.IntN(2) == 0 {
				b.Role.Kind = access.Role
			}
		case 2:
			b.Patterns = randomScope(r).Namespaces
		}
		b.Subjects = append(some(r, 2, sub("Group", "devs"), sub("User", "ann"), sub("Group", "system:authenticated"), sub("Group", "g:ops")),
			pick(r, sub("Group", "readers"), sub("User", "u:ann@x"), sub("User", "map:ann-x"), sub("User", "arn:aws:sts::111122223333:assumed-role/deploy/ann-x"), access.Subject{Kind: access.ServiceAccountSubject, Namespace: "ops", Name: "robot"}))
		if b.Namespace != "" {
			b.Subjects = append(b.Subjects, access.Subject{Kind: access.ServiceAccountSubject, Name: "robot"})
		}
		w.bindings = append(w.bindings, b)
	}
	for range r.IntN(3) {
		w.forget(r)
	}
	return w
}

func sub(kind, name string) access.Subject {
	return access.Subject{Kind: access.SubjectKind(kind), Name: name}
}

// forget marks something unread.
func (w *world) forget(r *rand.Rand) {
	switch r.IntN(5) {
	case 0:
		w.entriesUnread = w.mode != access.ModeConfigMap
	case 1:
		w.mapUnread = true
	case 2:
		w.rbacUnread = true
	case 3:
		w.rolesUnread = append(w.rolesUnread, access.RoleRef{Kind: access.ClusterRole, Name: pick(r, "one", "two")})
	case 4:
		if len(w.entries) > 0 {
			w.entries[r.IntN(len(w.entries))].unread = true
		}
	}
}

func randomRequest(r *rand.Rand) authz.Request {
	if r.IntN(10) == 0 {
		return authz.Request{Verb: pick(r, verbs...), Path: pick(r, "/healthz", "/healthz/live", "/metrics", "/version")}
	}
	q := authz.Request{Verb: pick(r, verbs...), Group: pick(r, "", "", "apps"), Resource: pick(r, "pods", "deployments", "secrets", "namespaces", "serviceaccounts"), Namespace: pick(r, append(spaces, "", "")...)}
	if r.IntN(4) == 0 {
		q.Subresource = pick(r, "log", "scale")
	}
	if q.Verb == "get" || r.IntN(5) == 0 {
		q.Name = pick(r, "ops", "web", "other", "")
	}
	return q
}

func randomAsker(r *rand.Rand) asker {
	switch r.IntN(6) {
	case 0:
		return asker{identity: authz.ServiceAccount(pick(r, "ops", "backend"), "robot")}
	case 1:
		return asker{identity: authz.User(pick(r, "ann", "zoe"), some(r, 1, "devs", "system:masters")...)}
	}
	a := asker{principal: pick(r, principals...)}
	if strings.Contains(a.principal, ":role/") && r.IntN(2) == 0 {
		a.session = pick(r, sessionsThatMatter...)
	}
	return a
}
