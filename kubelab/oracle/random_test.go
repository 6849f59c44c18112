package oracle

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

var (
	seed      = flag.Uint64("seed", 20261122, "of the random tests")
	decisions = flag.Int("decisions", 10_000_000, "how many random decisions")
)

// perWorld is how many questions each random cluster is asked.
const perWorld = 500

// What random clusters are made of: few words, so that they meet, and among
// them what only looks like a wildcard.
var (
	verbs      = []string{"get", "list", "create", "*", "impersonate"}
	groups     = []string{"", "apps", "*", "batch"}
	ruleForms  = []string{"pods", "deployments", "pods/log", "*", "*/scale", "*/log", "pods/*", "*/*", "deployments/scale", "pods/log/x", "*/", "namespaces"}
	resources  = []string{"pods", "deployments", "namespaces", "jobs", "*", "pods/log"}
	subs       = []string{"log", "scale", "log/x", "x", "*"}
	names      = []string{"web", "db", "", "*"}
	ruleURLs   = []string{"/healthz", "/healthz/*", "/api*", "*", "/*/x", "/logs**", "/metrics"}
	paths      = []string{"/healthz", "/healthz/live", "/api", "/apis/apps", "/*/x", "/a/x", "/logs", "/logs/1", "/metrics", "/healthz/*"}
	namespaces = []string{"backend", "dev-backend", "ops", "default", "kube-system"}
	patterns   = []string{"*backend*", "ops", "dev-*", "*", "d*"}
	usernames  = []string{"ann", "bob", "system:serviceaccount:ops:robot", "system:serviceaccount:backend:robot", "system:serviceaccount:ops:a:b"}
	groupNames = []string{"devs", "readers", "system:authenticated", "system:serviceaccounts:ops"}
)

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// few are one or more of a list, doubles included.
func few(r *rand.Rand, list []string) []string {
	out := []string{pick(r, list)}
	for r.IntN(3) == 0 {
		out = append(out, pick(r, list))
	}
	return out
}

func verb(r *rand.Rand) string {
	if r.IntN(12) == 0 {
		return fmt.Sprint("verb", r.IntN(90)) // more verbs than a word has bits
	}
	return pick(r, verbs)
}

func randomRules(r *rand.Rand) []access.Rule {
	var rules []access.Rule
	for range r.IntN(4) {
		rule := access.Rule{Verbs: []string{verb(r)}}
		for r.IntN(2) == 0 {
			rule.Verbs = append(rule.Verbs, verb(r))
		}
		if r.IntN(5) == 0 {
			rule.NonResourceURLs = few(r, ruleURLs)
			rules = append(rules, rule)
			continue
		}
		rule.APIGroups, rule.Resources = few(r, groups), few(r, ruleForms)
		if r.IntN(3) == 0 {
			rule.ResourceNames = few(r, names)
		}
		if r.IntN(20) == 0 {
			rule.NonResourceURLs = few(r, ruleURLs)
		}
		rules = append(rules, rule)
	}
	return rules
}

func randomSubject(r *rand.Rand) access.Subject {
	switch r.IntN(8) {
	case 0, 1, 2:
		return access.Subject{Kind: access.UserSubject, Name: pick(r, usernames)}
	case 3, 4:
		return access.Subject{Kind: access.GroupSubject, Name: pick(r, groupNames)}
	case 5:
		return access.Subject{Kind: access.ServiceAccountSubject, Namespace: pick(r, namespaces), Name: pick(r, []string{"robot", "a:b"})}
	case 6:
		return access.Subject{Kind: access.ServiceAccountSubject, Name: "robot"} // of the binding's namespace
	}
	return access.Subject{Kind: access.SubjectKind(pick(r, []string{"Robot", "user", ""})), Name: pick(r, usernames)}
}

func randomFacts(r *rand.Rand) authz.Facts {
	f := authz.Facts{Name: "random"}
	roles := []string{"one", "two", "three", "four"}
	for _, n := range roles {
		f.Roles = append(f.Roles, access.KubernetesRole{Name: n, Rules: randomRules(r)})
		for _, ns := range namespaces {
			if r.IntN(3) == 0 {
				f.Roles = append(f.Roles, access.KubernetesRole{Namespace: ns, Name: n, Rules: randomRules(r)})
			}
		}
	}
	for i := range 4 + r.IntN(20) {
		b := authz.Binding{Binding: access.Binding{Name: fmt.Sprint("b", i), Role: access.RoleRef{Kind: access.ClusterRole, Name: pick(r, append(roles, "gone"))}}}
		switch r.IntN(8) {
		case 0:
			if r.IntN(6) == 0 {
				b.Role.Kind = pick(r, []string{access.Role, "Other"}) // finds nothing
			}
		case 1, 2:
			b.Patterns = few(r, patterns)
		default:
			b.Namespace = pick(r, namespaces)
			if r.IntN(2) == 0 {
				b.Role.Kind = access.Role
			}
		}
		for range 1 + r.IntN(2) {
			s := randomSubject(r)
			if len(b.Patterns) > 0 && s.Kind == access.ServiceAccountSubject && s.Namespace == "" {
				s.Namespace = "ops" // documents bind groups; upstream would take each namespace's own
			}
			b.Subjects = append(b.Subjects, s)
		}
		f.Bindings = append(f.Bindings, b)
	}
	return f
}

func randomIdentity(r *rand.Rand) authz.Identity {
	id := authz.Identity{Username: pick(r, usernames)}
	for range r.IntN(3) {
		id.Groups = append(id.Groups, pick(r, groupNames))
	}
	return id
}

func randomRequest(r *rand.Rand) authz.Request {
	q := authz.Request{Verb: verb(r)}
	if r.IntN(6) == 0 {
		q.Path = pick(r, paths)
		return q
	}
	q.Group, q.Resource = pick(r, groups), pick(r, resources)
	if r.IntN(3) == 0 {
		q.Subresource = pick(r, subs)
	}
	if r.IntN(4) != 0 {
		q.Namespace = pick(r, namespaces)
	}
	if r.IntN(2) == 0 {
		q.Name = pick(r, append(names, "other"))
	}
	return q
}

// aimed is a question that some binding was made for, in half of the cases with
// one word changed.
func aimed(r *rand.Rand, f *authz.Facts) (authz.Identity, authz.Request) {
	id := randomIdentity(r)
	b := &f.Bindings[r.IntN(len(f.Bindings))]
	of := ""
	if b.Role.Kind == access.Role {
		of = b.Namespace
	}
	i := slices.IndexFunc(f.Roles, func(x access.KubernetesRole) bool { return x.Name == b.Role.Name && x.Namespace == of })
	if i < 0 || len(f.Roles[i].Rules) == 0 {
		return id, randomRequest(r)
	}
	rule := &f.Roles[i].Rules[r.IntN(len(f.Roles[i].Rules))]
	switch s := pick(r, b.Subjects); s.Kind {
	case access.UserSubject:
		id.Username = s.Name
	case access.GroupSubject:
		id.Groups = append(id.Groups, s.Name)
	case access.ServiceAccountSubject:
		ns := s.Namespace
		if ns == "" {
			ns = b.Namespace
		}
		id.Username = "system:serviceaccount:" + ns + ":" + s.Name
	}
	q := authz.Request{Verb: pick(r, rule.Verbs)}
	if len(rule.NonResourceURLs) > 0 {
		q.Path = pick(r, rule.NonResourceURLs)
		if q.Path = strings.TrimRight(q.Path, "*"); r.IntN(2) == 0 || q.Path == "" {
			q.Path += pick(r, []string{"/", "/x", "x"})
		}
	} else {
		q.Group = pick(r, rule.APIGroups)
		q.Resource, q.Subresource, _ = strings.Cut(pick(r, rule.Resources), "/")
		if q.Resource == "*" {
			q.Resource = pick(r, resources)
		}
		if len(rule.ResourceNames) > 0 {
			q.Name = pick(r, rule.ResourceNames)
		}
		q.Namespace = b.Namespace
		if q.Namespace == "" && r.IntN(3) > 0 {
			q.Namespace = pick(r, namespaces)
		}
	}
	if r.IntN(2) == 0 {
		return id, q
	}
	switch r.IntN(7) {
	case 0:
		q.Verb = verb(r)
	case 1:
		id = randomIdentity(r)
	case 2:
		if q.Path != "" {
			q.Path = pick(r, paths)
		} else {
			q.Namespace = pick(r, append(namespaces, ""))
		}
	case 3:
		if q.Path == "" {
			q.Group = pick(r, groups)
		}
	case 4:
		if q.Path == "" {
			q.Resource = pick(r, resources)
		}
	case 5:
		if q.Path == "" {
			q.Subresource = pick(r, append(subs, ""))
		}
	case 6:
		if q.Path == "" {
			q.Name = pick(r, names)
		}
	}
	return id, q
}

// draw draws any question, or one that is aimed.
func draw(r *rand.Rand, f *authz.Facts, anyOne bool) (authz.Identity, authz.Request) {
	if anyOne {
		return randomIdentity(r), randomRequest(r)
	}
	return aimed(r, f)
}

// mix counts what the questions were like.
type mix struct {
	asked, allowed int
	decisive       map[string]int // by what alone allowed
}

func (m *mix) add(o mix) {
	m.asked += o.asked
	m.allowed += o.allowed
	for k, n := range o.decisive {
		m.decisive[k] += n
	}
}

// kinds are what of rules, bindings and subjects must have decided alone.
var kinds = []string{
	"verb", "verb *", "group", "group *", "resource", "subresource", "resource *", "*/subresource", "name", "any name", "url", "url*",
	"ClusterRoleBinding", "RoleBinding of a ClusterRole", "RoleBinding of a Role", "pattern", "user", "group subject", "ServiceAccount",
}

// note counts the kinds of the only reason there is.
func (m *mix) note(e authz.Explanation, r *authz.Request, username string) {
	if len(e.Reasons) != 1 {
		return
	}
	reason := e.Reasons[0]
	rule, b := reason.Rule, reason.Binding
	either := func(literal bool, is, star string) string {
		if literal {
			return is
		}
		return star
	}
	found := []string{either(slices.Contains(rule.Verbs, r.Verb), "verb", "verb *")}
	if r.Path != "" {
		found = append(found, either(slices.Contains(rule.NonResourceURLs, r.Path), "url", "url*"))
	} else {
		found = append(found, either(slices.Contains(rule.APIGroups, r.Group), "group", "group *"), either(len(rule.ResourceNames) > 0, "name", "any name"))
		joined := r.Resource
		if r.Subresource != "" {
			joined += "/" + r.Subresource
		}
		switch {
		case slices.Contains(rule.Resources, joined):
			found = append(found, either(r.Subresource == "", "resource", "subresource"))
		case slices.Contains(rule.Resources, "*"):
			found = append(found, "resource *")
		default:
			found = append(found, "*/subresource")
		}
	}
	switch {
	case !reason.Scope.Cluster && b.Namespace == "":
		found = append(found, "pattern")
	case b.Namespace == "":
		found = append(found, "ClusterRoleBinding")
	default:
		found = append(found, "RoleBinding of a "+b.Role.Kind)
	}
	switch {
	case strings.HasPrefix(reason.Through, "group "):
		found = append(found, "group subject")
	case slices.ContainsFunc(b.Subjects, func(s access.Subject) bool { return s.Kind == access.UserSubject && s.Name == username }):
		found = append(found, "user")
	default:
		found = append(found, "ServiceAccount")
	}
	for _, k := range found {
		m.decisive[k]++
	}
}

// run asks n questions and returns the first difference.
func run(seed, stream uint64, n int, w *wrong) (mix, error) {
	r := rand.New(rand.NewPCG(seed, stream))
	m := mix{decisive: map[string]int{}}
	for m.asked < n {
		f := randomFacts(r)
		u := newUpstream(&f, namespaces)
		ours := f
		if w != nil && w.facts != nil {
			w.facts(&ours)
		}
		c, err := authz.Compile(ours)
		if err != nil {
			return m, fmt.Errorf("compile: %w", err)
		}
		for range min(perWorld, n-m.asked) {
			id, q := draw(r, &f, m.asked%8 == 0)
			asked := q
			if w != nil && w.request != nil {
				w.request(&asked)
			}
			want, got := u.allows(&id, &q), c.Decide(id, asked)
			m.asked++
			if want {
				m.allowed++
			}
			if got == authz.Undetermined || (got == authz.Allow) != want {
				return m, fmt.Errorf("question %d of stream %d: %+v asks %+v: upstream allows: %t, Decide: %v\nroles %+v\nbindings %+v", m.asked, stream, id, q, want, got, f.Roles, f.Bindings)
			}
			if w == nil && m.asked%50 == 0 {
				m.note(c.Explain(id, q), &q, id.Username)
			}
		}
	}
	return m, nil
}

// shows: item S48
func TestDecideIsUpstreams(t *testing.T) {
	total := mix{decisive: map[string]int{}}
	var mu sync.Mutex
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for i := range workers {
		wg.Go(func() {
			m, err := run(*seed, uint64(i), *decisions/workers, nil)
			mu.Lock()
			defer mu.Unlock()
			total.add(m)
			if err != nil {
				t.Errorf("seed %d: %v", *seed, err)
			}
		})
	}
	wg.Wait()
	t.Logf("seed %d: %d decisions, %.1f %% allowed, no difference: %t; decided alone by (of every 50th): %v", *seed, total.asked, 100*float64(total.allowed)/float64(total.asked), !t.Failed(), total.decisive)
	if share := 100 * total.allowed / total.asked; share < 15 || share > 85 {
		t.Errorf("seed %d: a poor mix: %d %% allowed", *seed, share)
	}
	if total.asked < 5_000_000 {
		return // too few for each kind to show
	}
	for _, k := range kinds {
		if total.decisive[k] < 100 {
			t.Errorf("seed %d: a poor mix: %q decided alone only %d times", *seed, k, total.decisive[k])
		}
	}
	for _, k := range slices.Sorted(maps.Keys(total.decisive)) {
		if !slices.Contains(kinds, k) {
			t.Errorf("%q is none of the kinds", k)
		}
	}
}
