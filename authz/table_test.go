package authz

import (
	"fmt"
	"slices"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/eks"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
)

// words of every kind that means something of its own to a rule or a request.
var (
	ruleGroups    = []string{"", "apps", "*"}
	ruleResources = []string{"pods", "pods/log", "*/log", "*", "pods/*", "*/*", "a/b/c", "pods/"}
	ruleURLs      = []string{"/a", "/a/*", "/ab*", "*", "/"}
)

// requests are all combinations of words that the rules name and of others.
func requestsOfWords() []Request {
	var out []Request
	for _, verb := range []string{"get", "list"} {
		for _, group := range []string{"", "apps", "batch", "*"} {
			for _, resource := range []string{"pods", "jobs", "a", "a/b", "*"} {
				for _, sub := range []string{"", "log", "c", "b/c", "*"} {
					for _, name := range []string{"", "x", "y"} {
						out = append(out, Request{Verb: verb, Group: group, Resource: resource, Subresource: sub, Name: name})
					}
				}
			}
		}
		for _, path := range []string{"/a", "/a/", "/a/b", "/abc", "/", "/b"} {
			out = append(out, Request{Verb: verb, Path: path})
		}
	}
	return out
}

// rulesOfWords are rules of one word of each kind.
func rulesOfWords() []access.Rule {
	var out []access.Rule
	for _, verb := range []string{"get", "*"} {
		for _, g := range ruleGroups {
			for _, s := range ruleResources {
				for _, names := range [][]string{nil, {"x"}} {
					out = append(out, access.Rule{Verbs: []string{verb}, APIGroups: []string{g}, Resources: []string{s}, ResourceNames: names})
				}
			}
		}
		for _, u := range ruleURLs {
			out = append(out, access.Rule{Verbs: []string{verb}, NonResourceURLs: []string{u}})
		}
	}
	return out
}

// A table gives what one of its rules covers by itself, and a union what one of
// its tables gives: each rule alone, and pairs of them in one table and in two.
func TestATableGivesWhatItsRulesCover(t *testing.T) {
	rules := rulesOfWords()
	requests := requestsOfWords()
	var tables []table
	w := newWords()
	w.learn(rules)
	w.pages = uint32(len(w.verbs)+1+63) / 64
	for i := range rules {
		tables = append(tables, w.table(rules[i:i+1]))
	}
	asked, given := 0, 0
	check := func(what string, x *table, of ...int) {
		t.Helper()
		for i := range requests {
			q := w.query(&requests[i])
			want := slices.ContainsFunc(of, func(n int) bool { return rbac.Covers(&rules[n], requests[i]) })
			if got := x.covers(&q); got != want {
				t.Fatalf("%s of %v: %+v: %t, want %t", what, of, requests[i], got, want)
			}
			if asked++; want {
				given++
			}
		}
	}
	for i := range rules {
		check("the table", &tables[i], i)
	}
	for i := 0; i < len(rules); i += 5 {
		for j := 0; j < len(rules); j += 3 {
			both := w.table([]access.Rule{rules[i], rules[j]})
			check("the table", &both, i, j)
			united := union(tables, []int32{int32(i), int32(j)})
			check("the union", &united, i, j)
		}
	}
	if given < asked/20 || given > asked/2 {
		t.Errorf("%d of %d requests are given: too few to tell, or too many", given, asked)
	}
}

// A table is what it is whatever stood in the words before it.
func TestATableDoesNotDependOnWhatIsLearntAfterwards(t *testing.T) {
	var many []access.Rule
	for i := range 70 {
		many = append(many, access.Rule{Verbs: []string{fmt.Sprint("v", i)}, APIGroups: []string{fmt.Sprint("g", i)}, Resources: []string{fmt.Sprint("r", i), "*/log"}})
	}
	w := newWords()
	w.learn(many)
	w.pages = uint32(len(w.verbs)+1+63) / 64
	var tables []table
	var all []int32
	for i := range many {
		tables = append(tables, w.table(many[i:i+1]))
		all = append(all, int32(i))
	}
	united := union(tables, all)
	for i := range many {
		for j := range many {
			q := w.query(&Request{Verb: fmt.Sprint("v", i), Group: fmt.Sprint("g", i), Resource: fmt.Sprint("r", j)})
			if tables[i].covers(&q) != (i == j) || united.covers(&q) != (i == j) {
				t.Fatalf("v%d of g%d on r%d", i, i, j)
			}
			q = w.query(&Request{Verb: fmt.Sprint("v", j), Group: fmt.Sprint("g", i), Resource: "any", Subresource: "log"})
			if united.covers(&q) != (i == j) {
				t.Fatalf("v%d of g%d on any/log", j, i)
			}
		}
	}
}

func TestAUnionComesToWhatItsTablesComeTo(t *testing.T) {
	w := newWords()
	rules := []access.Rule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}}, {Verbs: []string{"bind"}, APIGroups: []string{""}, Resources: []string{"roles"}}}
	w.learn(rules)
	w.pages = 1
	tables := []table{w.table(rules[:1]), w.table(rules[1:])}
	for _, c := range []struct {
		of   []int32
		self bool
	}{{[]int32{0}, false}, {[]int32{1}, true}, {[]int32{0, 1}, true}, {[]int32{1, 0}, true}} {
		if u := union(tables, c.of); u.self != c.self {
			t.Errorf("%v: %t", c.of, u.self)
		}
	}
}

// Rights and reasons say what decisions say: a right that is known covers what
// is allowed, one that is not what is undetermined.
func agrees(t *testing.T, c *Cluster, id Identity, r Request, want Verdict) {
	t.Helper()
	got := Deny
	for _, x := range c.Rights(id) {
		if !eks.Reaches(x.Scope, r) || allows(x.Rules, r) == nil {
			continue
		}
		if x.Known {
			got = Allow
			break
		}
		if got = Undetermined; x.Unknown == nil {
			t.Errorf("what would settle %+v is not said", x)
		}
	}
	if got != want {
		t.Errorf("by its rights %+v may %+v: %v, want %v", id, r, got, want)
	}
	e := c.Explain(id, r)
	if e.Verdict != want || (len(e.Reasons) > 0) != (want == Allow) || (len(e.Unknown) > 0) != (want == Undetermined) {
		t.Errorf("%+v, %+v is explained as %+v, want %v", id, r, e, want)
	}
}

// People who differ in one thing that counts are asked about apart; those who
// differ in what counts for nothing are asked about once.
func TestPeopleAreOfOneClassIfNothingTellsThemApart(t *testing.T) {
	const other, otherRole = "arn:aws:iam::111122223333:user/bob", "arn:aws:iam::111122223333:role/ops"
	everywhere, here, there := access.ClusterScope(), access.NamespaceScope("a"), access.NamespaceScope("b")
	bound := []Binding{clusterBinding("b", "view", group("devs"), group("ops"), user("ann"), user("name"), user("s:alice"))}
	named := func(arn, username string, groups ...string) Entry {
		e := entry(arn, "", access.Scope{}, groups...)
		e.Username = username
		return e
	}
	two := func(arn string, policies ...string) Entry {
		e := entry(arn, policies[0], here)
		for _, p := range policies[1:] {
			e.Associations = append(e.Associations, access.Association{Policy: policyPrefix + p, Scope: there})
		}
		return e
	}
	for name, c := range map[string]struct {
		one, two Entry
		apart    bool
	}{
		"one policy":                       {entry(ann, "AmazonEKSViewPolicy", here), entry(other, "AmazonEKSViewPolicy", here), false},
		"two policies":                     {entry(ann, "AmazonEKSViewPolicy", here), entry(other, "AmazonEKSEditPolicy", here), true},
		"two places":                       {entry(ann, "AmazonEKSViewPolicy", here), entry(other, "AmazonEKSViewPolicy", there), true},
		"a namespace and the cluster":      {entry(ann, "AmazonEKSViewPolicy", access.Scope{}), entry(other, "AmazonEKSViewPolicy", everywhere), true},
		"policies without published rules": {entry(ann, "AmazonEKSACKPolicy", here), entry(other, "AmazonEKSKROPolicy", here), true},
		"one policy more":                  {two(ann, "AmazonEKSViewPolicy"), two(other, "AmazonEKSViewPolicy", "AmazonEKSEditPolicy"), true},
		"one group":                        {named(ann, "x", "devs"), named(other, "y", "devs"), false},
		"two groups":                       {named(ann, "x", "devs"), named(other, "y", "ops"), true},
		"two groups, the other way round":  {named(ann, "x", "devs", "ops"), named(other, "y", "ops", "devs"), false},
		"a group that nothing binds":       {named(ann, "x", "devs", "unbound"), named(other, "y", "devs"), false},
		"a bound username":                 {named(ann, "name"), named(other, "y"), true},
		"usernames that nothing binds":     {named(ann, "x"), named(other, "y"), false},
		"administrators past all":          {named(ann, "x", Masters), named(other, "y"), true},
		"a node":                           {named(ann, "system:node:a", "system:nodes"), named(other, "system:node:b", "system:nodes"), true},
		"a session that may be bound":      {named(devRole, "s:{{SessionName}}"), named(otherRole, "t:{{SessionName}}"), true},
		"sessions that nothing could bind": {named(devRole, "t:{{SessionName}}"), named(otherRole, "u:{{SessionName}}"), false},
	} {
		x, y := c.one, c.two
		x.Type, y.Type = access.Standard, access.Standard
		cluster := compiled(t, Facts{Entries: []Entry{x, y}, Bindings: bound, DefaultRBAC: true, Mode: access.ModeAPI})
		f := cluster.folk()
		if len(f.people) != 2 || len(f.classes) != map[bool]int{true: 2, false: 1}[c.apart] {
			t.Errorf("%s: %d classes of %d people", name, len(f.classes), len(f.people))
		}
	}
}

// What gives all that another one gives is left out of remedies; it is only
// left out where that is sure.
func TestAKitHoldsAnotherOnlyIfItGivesAllOfIt(t *testing.T) {
	rule := func(verb, group, resource string, names ...string) access.Rule {
		return access.Rule{Verbs: []string{verb}, APIGroups: []string{group}, Resources: []string{resource}, ResourceNames: names}
	}
	url := func(verb, path string) access.Rule {
		return access.Rule{Verbs: []string{verb}, NonResourceURLs: []string{path}}
	}
	for _, c := range []struct {
		rules, others []access.Rule
		want          bool
	}{
		{[]access.Rule{rule("get", "", "pods")}, []access.Rule{rule("get", "", "pods")}, true},
		{[]access.Rule{rule("*", "*", "*")}, []access.Rule{rule("get", "", "pods"), rule("list", "apps", "deployments")}, true},
		{[]access.Rule{rule("get", "", "pods")}, []access.Rule{rule("*", "", "pods")}, false},
		{[]access.Rule{rule("get", "", "pods")}, []access.Rule{rule("get", "", "pods"), rule("list", "", "pods")}, false},
		{[]access.Rule{rule("get", "", "pods"), rule("list", "", "pods")}, []access.Rule{{Verbs: []string{"get", "list"}, APIGroups: []string{""}, Resources: []string{"pods"}}}, true},
		{[]access.Rule{rule("get", "", "pods")}, []access.Rule{rule("get", "", "pods", "x")}, true},
		{[]access.Rule{rule("get", "", "pods", "x")}, []access.Rule{rule("get", "", "pods", "x")}, true},
		{[]access.Rule{rule("get", "", "pods", "x")}, []access.Rule{rule("get", "", "pods", "x", "y")}, false},
		{[]access.Rule{rule("get", "", "pods", "x")}, []access.Rule{rule("get", "", "pods")}, false},
		{[]access.Rule{rule("get", "", "pods", "")}, []access.Rule{rule("get", "", "pods")}, false},
		{[]access.Rule{url("get", "/a*")}, []access.Rule{url("get", "/ab")}, true},
		{[]access.Rule{url("get", "/a")}, []access.Rule{url("get", "/ab")}, false},
		{[]access.Rule{url("get", "/a")}, []access.Rule{rule("get", "", "pods")}, false},
		{nil, nil, true},
	} {
		if got := holds(c.rules, c.others); got != c.want {
			t.Errorf("%+v hold %+v: %t", c.rules, c.others, got)
		}
	}
}

func TestAKitsSizeIsThatOfAllItGives(t *testing.T) {
	one := access.Rule{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}}
	for _, c := range []struct {
		change func(*access.Rule)
		size   int
	}{
		{func(*access.Rule) {}, 1},
		{func(r *access.Rule) { r.Verbs = []string{"get", "list"} }, 2},
		{func(r *access.Rule) { r.Resources = []string{"pods", "nodes", "jobs"} }, 3},
		{func(r *access.Rule) { r.Verbs = []string{"*"} }, 101},
		{func(r *access.Rule) { r.APIGroups = []string{"*", ""} }, 102},
		{func(r *access.Rule) { r.APIGroups, r.Resources, r.NonResourceURLs = nil, nil, []string{"/a", "/b"} }, 2},
	} {
		r := one
		c.change(&r)
		if k := newKit("k", []access.Rule{r, one}); k.size != c.size+1 {
			t.Errorf("%+v and one: %d, want %d", r, k.size, c.size+1)
		}
	}
	kits := []kit{{name: "b", size: 1}, {name: "c", size: 0}, {name: "a", size: 1}}
	sortKits(kits)
	if kits[0].name != "c" || kits[1].name != "a" || kits[2].name != "b" {
		t.Errorf("%+v", kits)
	}
}

func TestNoMoreRemediesAreNamedThanPeopleRead(t *testing.T) {
	var kits []kit
	for i := range 5 { // none holds another
		kits = append(kits, kit{name: fmt.Sprint(i), rules: []access.Rule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods", fmt.Sprint(i)}}}})
	}
	c := compiled(t, Facts{})
	if got := c.enough(kits, Request{Verb: "get", Resource: "pods"}); len(got) != 3 || got[0].name != "0" {
		t.Errorf("%d of 5", len(got))
	}
	if got := c.enough(kits, Request{Verb: "get", Resource: "4"}); len(got) != 1 || got[0].name != "4" {
		t.Errorf("%+v", got)
	}
	// The wider of two is left out, whichever question comes first.
	wide := append(slices.Clone(kits[:1]), kit{name: "all", rules: everything()})
	for range 2 {
		if got := c.enough(wide, Request{Verb: "get", Resource: "pods"}); len(got) != 1 || got[0].name != "0" {
			t.Errorf("%+v", got)
		}
		if got := c.enough(wide, Request{Verb: "list", Resource: "pods"}); len(got) != 1 || got[0].name != "all" {
			t.Errorf("%+v", got)
		}
	}
}

// A binding that names one twice binds him once.
func TestWhoIsNamedTwiceIsBoundOnce(t *testing.T) {
	role := []access.KubernetesRole{{Name: "nodes", Rules: []access.Rule{{Verbs: []string{"list"}, APIGroups: []string{""}, Resources: []string{"nodes"}}}}}
	c := compiled(t, Facts{Roles: role, Bindings: []Binding{clusterBinding("a", "nodes", user("ann"), user("ann")), clusterBinding("b", "nodes", user("ann"), group("g"), user("ann"))}})
	if e := c.Explain(User("ann"), listNodes); len(e.Reasons) != 2 || len(c.Rights(User("ann"))) != 2 {
		t.Errorf("%+v", e.Reasons)
	}
}

// Tables that were merged are kept by which they were: 1 and 23 are not 12 and 3.
func TestMergedTablesAreToldApart(t *testing.T) {
	var roles []access.KubernetesRole
	var bindings []Binding
	for i := range 30 {
		name := fmt.Sprint("r", i)
		roles = append(roles, access.KubernetesRole{Name: name, Rules: []access.Rule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{name}}}})
		for j := range 30 {
			if i != j {
				bindings = append(bindings, clusterBinding(fmt.Sprint("b", i, "-", j), name, user(fmt.Sprintf("u%d-%d", min(i, j), max(i, j)))))
			}
		}
	}
	c := compiled(t, Facts{Roles: roles, Bindings: bindings})
	for i := range 30 {
		for j := range i {
			for k := range 30 {
				want := Deny
				if k == i || k == j {
					want = Allow
				}
				if got := c.Decide(User(fmt.Sprintf("u%d-%d", j, i)), Request{Verb: "get", Resource: fmt.Sprint("r", k)}); got != want {
					t.Fatalf("u%d-%d on r%d: %v", j, i, k, got)
				}
			}
		}
	}
}
