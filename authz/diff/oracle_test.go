package diff

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

var (
	pairs = flag.Int("pairs", 300, "how many random pairs of right lists the oracle judges; make test has it judge 2,000")
	seed  = flag.Uint64("seed", 20261122, "of the random pairs")
)

// What follows decides one request by reading the rights one after another. It
// knows nothing of classes, cells or bits, and matches patterns and words by
// means of its own.

// globs is whether a name matches a pattern, letter by letter.
func globs(pattern, name string) bool {
	if pattern == "" {
		return name == ""
	}
	if pattern[0] == '*' {
		return globs(pattern[1:], name) || name != "" && globs(pattern, name[1:])
	}
	return name != "" && pattern[0] == name[0] && globs(pattern[1:], name[1:])
}

func ruleAllows(r access.Rule, q authz.Request) bool {
	is := func(list []string, want string) bool {
		for _, s := range list {
			if s == "*" || s == want {
				return true
			}
		}
		return false
	}
	if !is(r.Verbs, q.Verb) {
		return false
	}
	if q.Path != "" {
		for _, u := range r.NonResourceURLs {
			if u == "*" || u == q.Path || u[len(u)-1] == '*' && strings.HasPrefix(q.Path, u[:len(u)-1]) {
				return true
			}
		}
		return false
	}
	asked := q.Resource
	if q.Subresource != "" {
		asked += "/" + q.Subresource
	}
	if !is(r.APIGroups, q.Group) || !is(r.Resources, asked) && (q.Subresource == "" || !is(r.Resources, "*/"+q.Subresource)) {
		return false
	}
	return len(r.ResourceNames) == 0 || slices.Contains(r.ResourceNames, q.Name)
}

func rightGives(r authz.Right, q authz.Request) bool {
	reaches := r.Scope.Cluster
	if q.Namespace != "" {
		for _, p := range r.Scope.Namespaces {
			reaches = reaches || globs(p, q.Namespace)
		}
	}
	return reaches && slices.ContainsFunc(r.Rules, func(rule access.Rule) bool { return ruleAllows(rule, q) })
}

// becomes is what a request becomes over all that the unknown things may give
// it: "" if nothing.
func becomes(before, after []authz.Right, q authz.Request) string {
	var things []string
	known := [2]bool{}
	gives := [2][]string{}
	for side, list := range [][]authz.Right{before, after} {
		for _, r := range list {
			switch {
			case !rightGives(r, q):
			case r.Known:
				known[side] = true
			default:
				gives[side] = append(gives[side], r.By.Policy)
				if !slices.Contains(things, r.By.Policy) {
					things = append(things, r.By.Policy)
				}
			}
		}
	}
	seen := map[string]bool{}
	for world := range 1 << len(things) {
		var allowed [2]bool
		for side := range allowed {
			allowed[side] = known[side] || slices.ContainsFunc(gives[side], func(t string) bool { return world>>slices.Index(things, t)&1 == 1 })
		}
		switch {
		case allowed[1] && !allowed[0]:
			seen["gained"] = true
		case allowed[0] && !allowed[1]:
			seen["lost"] = true
		default:
			seen["same"] = true
		}
	}
	switch {
	case seen["gained"] && seen["lost"]:
		return "unknown"
	case seen["gained"] && seen["same"]:
		return "maybeGained"
	case seen["lost"] && seen["same"]:
		return "maybeLost"
	case seen["gained"]:
		return "gained"
	case seen["lost"]:
		return "lost"
	}
	return ""
}

// has reads an answer as its documentation says it is to be read.
func has(a Access, places []access.Where, q authz.Request) bool {
	asked := q.Resource
	if q.Subresource != "" {
		asked += "/" + q.Subresource
	}
	in := func(w access.Words, s string, wide ...string) bool {
		hit := func(list []string) bool {
			return slices.Contains(list, s) || slices.ContainsFunc(wide, func(x string) bool { return slices.Contains(list, x) })
		}
		return (w.Any || hit(w.In)) && !hit(w.But)
	}
	inPlace := slices.ContainsFunc(places, func(p access.Where) bool {
		if p.Cluster || q.Namespace == "" {
			return p.Cluster && q.Namespace == ""
		}
		for _, list := range p.In {
			if !slices.ContainsFunc(list, func(s string) bool { return globs(s, q.Namespace) }) {
				return false
			}
		}
		return !slices.ContainsFunc(p.Outside, func(s string) bool { return globs(s, q.Namespace) })
	})
	return inPlace && slices.ContainsFunc(a.Requests, func(r access.Requests) bool {
		if !in(r.Verbs, q.Verb) {
			return false
		}
		if paths := r.Paths.Any || len(r.Paths.In) > 0; paths || q.Path != "" {
			under := func(list []string) bool {
				return slices.ContainsFunc(list, func(u string) bool { return globs(u, q.Path) })
			}
			return paths && q.Path != "" && under(r.Paths.In) && !under(r.Paths.But)
		}
		var wide []string
		if q.Subresource != "" {
			wide = []string{"*/" + q.Subresource}
		}
		return in(r.Groups, q.Group) && in(r.Resources, asked, wide...) && in(r.Names, q.Name)
	})
}

// mill makes random rights.
type mill struct{ *rand.Rand }

func (m mill) some(from []string, most int) []string {
	var out []string
	for range 1 + m.IntN(most) {
		out = append(out, from[m.IntN(len(from))])
	}
	return out
}

func (m mill) chance(percent int) bool { return m.IntN(100) < percent }

var (
	millPatterns = []string{"*", "*qa*", "*backend*", "qa-*", "*-qa", "dev", "dev-*", "*dev*", "d*v", "prod-*-api", "*api*", "a", "ab*", "a*b*a", "*-*", "qa-backend", "x**y", "*QA*", "-a*"}
	millGroups   = []string{"", "", "apps", "batch", "*", "a.example.org"}
	millThings   = []string{"pods", "pods", "pods/log", "pods/*", "pods/scale", "secrets", "deployments", "deployments/scale", "*/scale", "*/log", "*", "namespaces", "*/*"}
	millVerbs    = []string{"get", "get", "list", "create", "delete", "*", "impersonate"}
	millNames    = []string{"x", "y", "*", ""}
	millURLs     = []string{"*", "/healthz", "/api*", "/api/*", "/api/v1", "/api/v1*", "/apis", "/metrics", "/api/v1/x*"}
	millUnknown  = []string{"One", "Two", "Three"}
)

func (m mill) right(t *testing.T, mix map[string]int) authz.Right {
	r := authz.Right{Known: true, By: authz.Reason{By: authz.ByPolicy, Policy: fmt.Sprintf("P%d", m.IntN(6))}}
	switch {
	case m.chance(25):
		r.Scope = access.ClusterScope()
		mix["cluster scope"]++
	default:
		r.Scope = access.NamespaceScope(m.some(millPatterns, 3)...)
	}
	if m.chance(8) {
		scope := r.Scope
		r = policy(t, []string{"View", "Edit", "SecretReader", "ClusterAdmin"}[m.IntN(4)], "a")
		r.Scope = scope
		mix["access policies"]++
		return r
	}
	if m.chance(20) {
		r.Known, r.By.Policy = false, millUnknown[m.IntN(len(millUnknown))]
		r.Unknown = &authz.Unknown{Part: authz.UnknownPolicies, Settle: "read " + r.By.Policy}
		mix["not known"]++
	}
	for range 1 + m.IntN(3) {
		rule := access.Rule{Verbs: m.some(millVerbs, 3)}
		if !m.chance(20) {
			rule.APIGroups, rule.Resources = m.some(millGroups, 2), m.some(millThings, 4)
			if m.chance(25) {
				rule.ResourceNames = m.some(millNames, 2)
				mix["names"]++
			}
		} else {
			rule.NonResourceURLs = m.some(millURLs, 3)
			mix["paths"]++
		}
		r.Rules = append(r.Rules, rule)
	}
	return r
}

// pair is two lists of rights, often with much in common.
func (m mill) pair(t *testing.T, mix map[string]int) (before, after []authz.Right) {
	for range m.IntN(5) {
		before = append(before, m.right(t, mix))
	}
	for _, r := range before {
		switch {
		case m.chance(35): // goes
		case !r.Known && m.chance(60): // another unknown thing in its place
			r.By.Policy = millUnknown[m.IntN(len(millUnknown))]
			after = append(after, r)
		case m.chance(35): // in other namespaces
			r.Scope = access.NamespaceScope(append(m.some(millPatterns, 2), r.Scope.Namespaces...)...)
			after = append(after, r)
		default:
			after = append(after, r)
		}
	}
	for range m.IntN(3) {
		after = append(after, m.right(t, mix))
	}
	m.Shuffle(len(after), func(i, j int) { after[i], after[j] = after[j], after[i] })
	return before, after
}

var legal = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// namespaces are legal names near the patterns: stars filled, letters changed,
// names joined.
func (m mill) namespaces(lists ...[]authz.Right) []string {
	var names []string
	add := func(s string) {
		if legal.MatchString(s) {
			names = append(names, s)
		}
	}
	for _, list := range lists {
		for _, r := range list {
			for _, p := range r.Scope.Namespaces {
				for _, fill := range []string{"", "x", "-", "q7-", "qa", "backend", "-dev-", "aba"} {
					s := strings.ReplaceAll(p, "*", fill)
					add(s)
					add(strings.Trim(s, "-"))
					if s != "" {
						i := m.IntN(len(s))
						add(s[:i] + s[i+1:])
						add(s[:i] + "a" + s[i:])
						add(s[:i] + "z" + s[i+1:])
					}
					if len(names) > 0 {
						add(names[m.IntN(len(names))] + "-" + s)
						add(s + names[m.IntN(len(names))])
					}
				}
			}
		}
	}
	add("kube-system")
	add("z")
	return names
}

func (m mill) request(namespaces []string, rights []authz.Right) authz.Request {
	pick := func(list []string) string { return list[m.IntN(len(list))] }
	q := authz.Request{Verb: pick([]string{"get", "list", "create", "delete", "impersonate", "patch"})}
	var near access.Rule // half of the requests are near a rule
	if len(rights) > 0 && m.chance(50) {
		rules := rights[m.IntN(len(rights))].Rules
		near = rules[m.IntN(len(rules))]
	}
	if v := pick(append(near.Verbs, "*")); v != "*" {
		q.Verb = v
	}
	if m.chance(12) || near.NonResourceURLs != nil {
		q.Path = pick([]string{"/", "/healthz", "/api", "/api/", "/api/v1", "/api/v1/", "/api/v1/x", "/api/v1/xy", "/api/v2", "/apis", "/apis/apps", "/metrics", "/version"})
		return q
	}
	q.Group = pick([]string{"", "", "apps", "batch", "other.io", "a.example.org"})
	q.Resource = pick([]string{"pods", "pods", "secrets", "deployments", "namespaces", "widgets", "configmaps"})
	q.Subresource = pick([]string{"", "", "", "log", "scale", "exec", "*"})
	q.Name = pick([]string{"", "", "x", "y", "z", "*"})
	if near.Resources != nil {
		if g := pick(near.APIGroups); g != "*" {
			q.Group = g
		}
		if r := pick(near.Resources); r[0] != '*' {
			q.Resource, q.Subresource, _ = strings.Cut(r, "/")
		}
	}
	if !m.chance(20) {
		q.Namespace = pick(namespaces)
	}
	return q
}

// judge asks at least 2,000 requests of a pair and says where an answer errs.
func (m mill) judge(before, after []authz.Right, d Difference, mix map[string]int) error {
	lists := map[string][]Access{"gained": d.Gained, "lost": d.Lost, "maybeGained": d.MaybeGained, "maybeLost": d.MaybeLost, "unknown": d.Unknown}
	requests := m.listed(lists)
	mix["drawn from what is listed"] += len(requests)
	namespaces := m.namespaces(before, after)
	for len(requests) < 2000 {
		requests = append(requests, m.request(namespaces, slices.Concat(before, after)))
	}
	mix["requests"] += len(requests)
	for _, q := range requests {
		want := becomes(before, after, q)
		mix["becomes "+want]++
		for list, of := range lists {
			listed := slices.ContainsFunc(of, func(a Access) bool { return has(a, a.Places, q) })
			if listed != (list == want) {
				return fmt.Errorf("%+v becomes %q; it is in %s: %t\nbefore %v\nafter %v\n%v", q, want, list, listed, before, after, d)
			}
		}
		for list, of := range lists {
			shown := slices.ContainsFunc(of, func(a Access) bool { return !a.Implied && has(a, a.Loose, q) })
			if want == list && !shown {
				return fmt.Errorf("%+v becomes %q, which only what is implied says\nbefore %v\nafter %v\n%v", q, want, before, after, d)
			}
			for _, a := range of {
				if has(a, a.Loose, q) && want != list && (list != "gained" || becomes(nil, after, q) != "gained") {
					return fmt.Errorf("%+v is said loosely to be %s, and becomes %q\nbefore %v\nafter %v\n%v", q, list, want, before, after, d)
				}
			}
		}
	}
	return nil
}

// shows: item S69
// What flips is listed, and in the right list; what is listed flips.
func TestTheDifferenceIsThatOfEachRequestDecidedApart(t *testing.T) {
	const parts = 4
	var mixes [parts]map[string]int
	t.Run("parts", func(t *testing.T) {
		for part := range mixes {
			t.Run(fmt.Sprint(part), func(t *testing.T) {
				t.Parallel()
				mixes[part] = judgeRandomPairs(t, part, (*pairs+parts-1)/parts)
			})
		}
	})
	mix := map[string]int{}
	for _, m := range mixes {
		for k, n := range m {
			mix[k] += n
		}
	}
	t.Logf("seed %d, mix: %v", *seed, mix)
	asked, n := mix["requests"], mix["pairs"]
	for k, least := range map[string]int{
		"pairs": *pairs, "requests": 2000 * *pairs,
		"cluster scope": n / 4, "not known": n / 4, "names": n / 4, "paths": n / 4, "access policies": n / 20,
		"overlapping patterns": n / 3, "drawn from what is listed": n * 10,
		"becomes gained": asked / 30, "becomes lost": asked / 30, "becomes maybeGained": asked / 200, "becomes maybeLost": asked / 200,
		"becomes unknown": asked / 1000,
	} {
		if mix[k] < least {
			t.Errorf("a poor mix: %q %d times, want at least %d", k, mix[k], least)
		}
	}
}

func judgeRandomPairs(t *testing.T, part, pairs int) map[string]int {
	m := mill{rand.New(rand.NewPCG(*seed, uint64(part)))}
	mix := map[string]int{}
	for n := range pairs {
		mix["pairs"]++
		before, after := m.pair(t, mix)
		if m.overlaps(before, after) {
			mix["overlapping patterns"]++
		}
		if err := m.judge(before, after, Compare(before, after), mix); err != nil {
			t.Fatalf("seed %d, part %d, pair %d: %v", *seed, part, n, err)
		}
	}
	return mix
}

// Each way to be wrong that comes to mind is found within a hundredth of the
// pairs: an engine that errs so is one that is asked of other rights.
func TestTheOracleFindsPlantedFaults(t *testing.T) {
	each := func(change func(*authz.Right)) func([]authz.Right) []authz.Right {
		return func(list []authz.Right) []authz.Right {
			out := slices.Clone(list)
			for i := range out {
				out[i].Rules = slices.Clone(out[i].Rules)
				change(&out[i])
			}
			return out
		}
	}
	resources := func(change func(string) string) func([]authz.Right) []authz.Right {
		return each(func(r *authz.Right) {
			for i, rule := range r.Rules {
				r.Rules[i].Resources = nil
				for _, s := range rule.Resources {
					r.Rules[i].Resources = append(r.Rules[i].Resources, change(s))
				}
			}
		})
	}
	for name, wrong := range map[string]func([]authz.Right) []authz.Right{
		"right": func(list []authz.Right) []authz.Right { return list },
		"the whole cluster is all its namespaces": each(func(r *authz.Right) {
			if r.Scope.Cluster {
				r.Scope = access.NamespaceScope("*")
			}
		}),
		"every namespace is the whole cluster": each(func(r *authz.Right) {
			if slices.Contains(r.Scope.Namespaces, "*") {
				r.Scope = access.ClusterScope()
			}
		}),
		"a star is at least one letter": each(func(r *authz.Right) {
			for i, p := range r.Scope.Namespaces {
				if p == "*qa*" || p == "ab*" {
					r.Scope.Namespaces = slices.Clone(r.Scope.Namespaces)
					r.Scope.Namespaces[i] = strings.TrimSuffix(p, "*")
				}
			}
		}),
		"names are not looked at": each(func(r *authz.Right) {
			for i := range r.Rules {
				r.Rules[i].ResourceNames = nil
			}
		}),
		"what is not known is given": each(func(r *authz.Right) { r.Known = true }),
		"*/scale means nothing":      resources(func(s string) string { return strings.Replace(s, "*/scale", "x", 1) }),
		"* is without subresources":  resources(func(s string) string { return strings.Replace(s, "*/*", "*", 1) }),
		"pods/* means something":     resources(func(s string) string { return strings.Replace(s, "pods/*", "pods/log", 1) }),
		"the star of a path means nothing": each(func(r *authz.Right) {
			for i, rule := range r.Rules {
				r.Rules[i].NonResourceURLs = slices.Clone(rule.NonResourceURLs)
				for j, u := range rule.NonResourceURLs {
					r.Rules[i].NonResourceURLs[j] = "/" + strings.Trim(u, "/*")
				}
			}
		}),
	} {
		m := mill{rand.New(rand.NewPCG(*seed, 99))}
		found := false
		for range 20 {
			before, after := m.pair(t, map[string]int{})
			found = found || m.judge(before, after, Compare(wrong(before), wrong(after)), map[string]int{}) != nil
		}
		if found == (name == "right") {
			t.Errorf("%s: found %t", name, found)
		}
	}
}

// overlaps reports whether namespaces are in scopes of two rights that are not
// the same, and in one but not the other.
func (m mill) overlaps(before, after []authz.Right) bool {
	var scopes []access.Scope
	for _, r := range slices.Concat(before, after) {
		if !r.Scope.Cluster {
			scopes = append(scopes, r.Scope)
		}
	}
	in := func(s access.Scope, ns string) bool {
		return slices.ContainsFunc(s.Namespaces, func(p string) bool { return globs(p, ns) })
	}
	names := m.namespaces(before, after)
	for i, a := range scopes {
		for _, b := range scopes[:i] {
			both, one := false, false
			for _, ns := range names {
				both = both || in(a, ns) && in(b, ns)
				one = one || in(a, ns) != in(b, ns)
			}
			if both && one {
				return true
			}
		}
	}
	return false
}

// listed are requests drawn from the answer itself: of each product in each
// place its example, and words of each of its sets.
func (m mill) listed(lists map[string][]Access) []authz.Request {
	draw := func(w access.Words) string {
		if w.Any || len(w.In) == 0 {
			for _, s := range []string{"get", "anything", "pods", "", "x"} {
				if m.chance(40) && !slices.Contains(w.But, s) {
					return s
				}
			}
			return "nobody-names-this"
		}
		return w.In[m.IntN(len(w.In))]
	}
	var out []authz.Request
	for _, list := range []string{"gained", "lost", "maybeGained", "maybeLost", "unknown"} {
		for _, a := range lists[list] {
			for _, p := range a.Places {
				for _, r := range a.Requests {
					q := authz.Request{Verb: draw(r.Verbs), Namespace: p.Example}
					if len(r.Paths.In) > 0 {
						if !p.Cluster {
							continue
						}
						q.Path = draw(r.Paths)
						if s, ok := strings.CutSuffix(q.Path, "*"); ok {
							q.Path = s + "anything"
						}
						if q.Path[0] != '/' {
							q.Path = "/" + q.Path
						}
					} else {
						q.Group, q.Name = draw(r.Groups), draw(r.Names)
						q.Resource, q.Subresource, _ = strings.Cut(draw(r.Resources), "/")
						if q.Resource == "*" {
							q.Resource = "things"
						}
						if q.Resource == "" {
							continue
						}
					}
					out = append(out, q)
				}
			}
		}
	}
	return out
}
