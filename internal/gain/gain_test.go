package gain

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

const account = "111122223333"

func key(name string) access.ClusterKey {
	return access.ClusterKey{Account: account, Region: "eu-west-1", Name: name}
}

func arn(name string) string { return "arn:aws:iam::" + account + ":" + name }

func policy(t testing.TB, short string) string {
	t.Helper()
	p, ok := access.PolicyNamed(short)
	if !ok {
		t.Fatalf("no policy %s", short)
	}
	return p.ARN("aws")
}

// entry is "user/ann Edit:*a*,b View:cluster group:g".
func entry(t testing.TB, words string) access.Entry {
	t.Helper()
	fields := strings.Fields(words)
	e := access.Entry{Principal: arn(fields[0]), Type: access.Standard, CreatedAt: time.Unix(1, 0)}
	for _, f := range fields[1:] {
		what, where, _ := strings.Cut(f, ":")
		switch {
		case what == "group":
			e.Groups = append(e.Groups, where)
		case what == "type":
			e.Type = access.EntryType(where)
		default:
			s := access.ClusterScope()
			if where != "cluster" {
				s = access.NamespaceScope(strings.Split(where, ",")...)
			}
			e.Associations = append(e.Associations, access.Association{Policy: policy(t, what), Scope: s})
		}
	}
	e.Normalize()
	return e
}

// world is a cluster's facts: entries, and lines "bind GROUP ROLE [NAMESPACE]".
func world(t testing.TB, name string, lines ...string) authz.Facts {
	t.Helper()
	f := authz.Facts{Cluster: key(name), Name: name, Mode: access.ModeAPIAndConfigMap, DefaultRBAC: true}
	for i, l := range lines {
		if b, ok := strings.CutPrefix(l, "bind "); ok {
			w := strings.Fields(b)
			x := access.Binding{Name: fmt.Sprint("b", i), Role: access.RoleRef{Kind: access.ClusterRole, Name: w[1]}, Subjects: []access.Subject{{Kind: access.GroupSubject, Name: w[0]}}}
			if len(w) > 2 {
				x.Namespace = w[2]
			}
			f.Bindings = append(f.Bindings, authz.Binding{Binding: x})
			continue
		}
		f.Entries = append(f.Entries, authz.Entry{Entry: entry(t, l)})
	}
	slices.SortFunc(f.Entries, func(a, b authz.Entry) int { return strings.Compare(a.Principal, b.Principal) })
	return f
}

func compiled(t testing.TB, facts ...authz.Facts) []*authz.Cluster {
	t.Helper()
	var out []*authz.Cluster
	for _, f := range facts {
		c, err := authz.Compile(f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// touching is a plan that has something to do with each of these.
func touching(cluster string, names ...string) *plan.Plan {
	p := &plan.Plan{}
	for _, n := range names {
		c := plan.Change{Verb: plan.Update, Kind: plan.AccessEntry, Cluster: key(cluster), Document: cluster, Principal: arn(n), Member: n,
			Teams: []string{"team"}, Source: access.Place{File: "t.yaml", Line: 1}}
		switch n {
		case "mode":
			c.Kind, c.Principal, c.Member = plan.AuthenticationMode, "", ""
		case "binding":
			c.Kind, c.Principal, c.Member = plan.RoleBinding, "", ""
		}
		p.Changes = append(p.Changes, c)
	}
	return p
}

func words(a *plan.Access) []string {
	var out []string
	for _, l := range []struct {
		sign string
		list []plan.Grant
	}{{"-", a.Lost}, {"+", a.Gained}, {"-?", a.MaybeLost}, {"+?", a.MaybeGained}, {"?", a.Unknown}} {
		for _, g := range l.list {
			if g.Implied {
				continue
			}
			s := l.sign + " " + strings.TrimPrefix(g.Principal, arn("")) + " " + g.What
			if g.What == "" {
				s += "group " + g.Group + " " + g.Role.Name
			}
			if g.Where != "" {
				s += " in " + g.Where
			}
			if len(g.Risks) > 0 {
				s += " ! " + strings.Trim(fmt.Sprint(g.Risks), "[]")
			}
			if g.Admin {
				s += " (admin)"
			}
			out = append(out, s)
		}
	}
	return out
}

// shows: item S70
func TestAPlanGivesAndTakesWhatPeopleMayDo(t *testing.T) {
	type lines = []string
	const all = "! secrets exec impersonate escalate whole cluster"
	for name, c := range map[string]struct {
		before, after lines
		touched       []string
		change        func(before, after *authz.Facts)
		want          []string
	}{
		"an entry comes":                        {nil, lines{"user/ann Edit:*a*"}, nil, nil, lines{"+ user/ann Edit in *a* ! secrets exec impersonate"}},
		"an entry without policies lets in":     {nil, lines{"user/ann"}, nil, nil, nil},
		"an entry goes":                         {lines{"user/ann ClusterAdmin:cluster"}, nil, nil, nil, lines{"- user/ann ClusterAdmin in whole cluster " + all}},
		"one becomes administrator":             {lines{"user/ann View:a"}, lines{"user/ann ClusterAdmin:cluster"}, nil, nil, lines{"+ user/ann ClusterAdmin in whole cluster " + all + " (admin)"}},
		"one that was administrator stays":      {lines{"user/ann ClusterAdmin:cluster"}, lines{"user/ann ClusterAdmin:cluster Edit:a"}, nil, nil, nil},
		"from Edit to View":                     {lines{"user/ann Edit:*a*"}, lines{"user/ann View:*a*"}, nil, nil, lines{"- user/ann Edit minus View in *a* ! secrets exec impersonate"}},
		"a policy that another one holds stays": {lines{"user/ann Edit:*a*"}, lines{"user/ann Edit:*a* View:*a*"}, nil, nil, nil},
		"nobody is touched":                     {lines{"user/ann Edit:a"}, nil, []string{"user/bob"}, nil, nil},
		"what AWS does not publish":             {nil, lines{"user/ann AmazonEKSACKPolicy:a"}, nil, nil, lines{"+? user/ann ACK in a ! secrets exec impersonate escalate"}},
		"a role is bound to a group": {lines{"user/ann group:g"}, lines{"user/ann group:g", "bind g view ns"}, []string{"binding"}, nil,
			lines{"+ user/ann ClusterRole view in ns"}},
		"a role whose rules nobody read": {lines{"user/ann group:g"}, lines{"user/ann group:g", "bind g custom ns"}, []string{"binding"}, nil,
			lines{"+? user/ann ClusterRole custom in ns ! secrets exec impersonate escalate"}},
		"somebody joins a group that is bound": {lines{"user/ann", "bind g admin ns"}, lines{"user/ann group:g", "bind g admin ns"}, nil, nil,
			lines{"+ user/ann ClusterRole admin in ns ! secrets exec impersonate escalate"}},
		"a binding that an access policy makes idle": {lines{"user/ann AdminView:cluster group:g"}, lines{"user/ann AdminView:cluster group:g", "bind g view ns"}, []string{"binding"}, nil, nil},
		"the mode leaves aws-auth behind": {nil, nil, []string{"mode"}, func(before, after *authz.Facts) {
			before.AuthMap = &access.AuthMap{MapUsers: "- userarn: " + arn("user/old") + "\n  username: old\n  groups: [system:masters]\n"}
			after.AuthMap, after.Mode = before.AuthMap, access.ModeAPI
		}, lines{"- user/old ClusterRole cluster-admin in whole cluster " + all}},
		"an entry overrides aws-auth": {nil, lines{"user/old View:a"}, nil, func(before, after *authz.Facts) {
			before.AuthMap = &access.AuthMap{MapUsers: "- userarn: " + arn("user/old") + "\n  username: old\n  groups: [system:masters]\n"}
			after.AuthMap = before.AuthMap
		}, lines{
			"- user/old ClusterRole cluster-admin in whole cluster outside a (e.g. b) ! secrets exec impersonate escalate",
			"- user/old ClusterRole cluster-admin minus View in a ! secrets exec impersonate escalate"}},
		"what was not read counts for nothing": {lines{"user/ann View:a"}, lines{"user/ann Edit:a"}, nil, func(before, after *authz.Facts) {
			for _, f := range []*authz.Facts{before, after} {
				f.DefaultRBAC = false
				f.Unknown = []authz.Unknown{{Part: authz.UnknownRBAC, Why: "no way in", Settle: "let me in"}}
			}
		}, lines{"+ user/ann Edit minus View in a ! secrets exec impersonate"}},
		"the dead lose nothing": {lines{"user/ann Edit:a"}, nil, nil, func(before, after *authz.Facts) { before.Entries[0].Dead = true }, nil},
		"a node":                {nil, lines{"role/node type:EC2_LINUX"}, nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := world(t, "c", c.before...), world(t, "c", c.after...)
			if c.change != nil {
				c.change(&before, &after)
			}
			touched := c.touched
			if touched == nil {
				touched = []string{"role/node", "user/ann", "user/old"}
			}
			got := Of(touching("c", touched...), compiled(t, before), compiled(t, after))
			if diff := cmp.Diff(c.want, words(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if aside := len(got.NotCounted) > 0; aside != (name == "what was not read counts for nothing") {
				t.Errorf("not counted: %v", got.NotCounted)
			}
		})
	}
}

func TestWhatBindingsGiveToStrangersIsSaid(t *testing.T) {
	p := touching("c", "binding")
	p.Changes[0].Gained = []plan.Grant{{Cluster: key("c"), Group: "g", Role: access.RoleRef{Kind: access.ClusterRole, Name: "view"}}}
	f := world(t, "c", "user/ann group:other")
	if got := words(Of(p, compiled(t, f), compiled(t, f))); !slices.Equal(got, []string{"+  group g view"}) {
		t.Error(got)
	}
	f = world(t, "c", "user/ann group:g")
	if got := words(Of(p, compiled(t, f), compiled(t, f))); got != nil {
		t.Errorf("twin, somebody is in the group: %v", got)
	}
	f.Entries[0].Dead = true
	if got := words(Of(p, compiled(t, f), compiled(t, f))); !slices.Equal(got, []string{"+  group g view"}) {
		t.Errorf("who is in the group is dead: %v", got)
	}
}

func TestEqualPlansHaveEqualAnswers(t *testing.T) {
	before := compiled(t, world(t, "a", "user/ann Edit:*x*", "user/bob View:a,b"), world(t, "b", "user/ann Edit:*x*", "user/bob View:a,b"))
	after := compiled(t, world(t, "a", "user/ann View:*x*,y", "user/bob Edit:*a*"), world(t, "b", "user/ann View:*x*,y", "user/bob Edit:*a*"))
	p := touching("a", "user/ann", "user/bob")
	p.Changes = append(p.Changes, touching("b", "user/bob", "user/ann").Changes...)
	want := Of(p, before, after)
	if len(want.Lost) < 2 || len(want.Gained) < 4 || len(want.Sets) == 0 {
		t.Fatalf("too little to tell: %v", words(want))
	}
	for range 5 {
		slices.Reverse(before)
		slices.Reverse(p.Changes)
		if diff := cmp.Diff(want, Of(p, before, after)); diff != "" {
			t.Fatal(diff)
		}
	}
}

// BenchmarkOfAFleet weighs plans that make and that take everything of 20
// clusters x 50 people, and of ten times as many clusters.
func BenchmarkOfAFleet(b *testing.B) {
	for _, clusters := range []int{20, 200} {
		var empty, full []*authz.Cluster
		p := &plan.Plan{}
		for i := range clusters {
			name := fmt.Sprintf("c%03d", i)
			var lines, names []string
			for j := range 50 {
				names = append(names, fmt.Sprintf("user/p%02d", j))
				lines = append(lines, fmt.Sprintf("user/p%02d Edit:*a%d*,b View:*c* group:g", j, j%3))
			}
			empty = append(empty, compiled(b, world(b, name))...)
			full = append(full, compiled(b, world(b, name, lines...))...)
			p.Changes = append(p.Changes, touching(name, names...).Changes...)
		}
		for what, sides := range map[string][2][]*authz.Cluster{"everything is new": {empty, full}, "everything goes": {full, empty}} {
			b.Run(fmt.Sprintf("%s/entries=%d", what, clusters*50), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if a := Of(p, sides[0], sides[1]); len(a.Gained)+len(a.Lost) != clusters*50*2 {
						b.Fatalf("%d gained, %d lost", len(a.Gained), len(a.Lost))
					}
				}
			})
		}
	}
}

// An entry overrides the lines of aws-auth: where nobody read them, that more
// may be lost than is listed is said. Who leaves them alone, or has none, needs
// not be told.
func TestWhatAnEntryOverridesUnreadIsSaid(t *testing.T) {
	unasked := func(f *authz.Facts) { f.DefaultRBAC = true }
	gap := func(f *authz.Facts) {
		f.DefaultRBAC = false
		f.Unknown = []authz.Unknown{{Part: authz.UnknownAuthMap, Why: "no way in"}}
	}
	for name, c := range map[string]struct {
		kind  plan.Kind
		verb  plan.Verb
		after access.AuthMode
		facts func(*authz.Facts)
		want  string
	}{
		"an entry is made":                {plan.AccessEntry, plan.Create, "", unasked, "takes the place of what it gives"},
		"it is made, and the map refused": {plan.AccessEntry, plan.Create, "", gap, "takes the place of what it gives"},
		"an entry goes":                   {plan.AccessEntry, plan.Delete, "", unasked, "may still have what it gives"},
		"mode API":                        {plan.AuthenticationMode, plan.Update, access.ModeAPI, unasked, "is shut out by mode API"},
		"twin, tags":                      {plan.AccessEntry, plan.Update, "", unasked, ""},
		"twin, a policy":                  {plan.PolicyAssociation, plan.Create, "", unasked, ""},
		"twin, it was read":               {plan.AccessEntry, plan.Create, "", func(f *authz.Facts) { f.DefaultRBAC = false }, ""},
		"twin, it does not count": {plan.AccessEntry, plan.Create, "", func(f *authz.Facts) {
			unasked(f)
			f.Mode = access.ModeAPI
		}, ""},
	} {
		p := touching("c", "user/ann")
		p.Changes[0].Kind, p.Changes[0].Verb = c.kind, c.verb
		before, after := world(t, "c", "user/ann View:a"), world(t, "c", "user/ann View:a")
		before.Mode, after.Mode = access.ModeAPIAndConfigMap, access.ModeAPIAndConfigMap
		c.facts(&before)
		c.facts(&after)
		if c.after != "" {
			after.Mode = c.after
		}
		said := ""
		for _, n := range Of(p, compiled(t, before), compiled(t, after)).NotCounted {
			if n.Part == "aws-auth" && n.Why != "no way in" {
				said += n.Why
			}
		}
		if (said == "") != (c.want == "") || !strings.Contains(said, c.want) {
			t.Errorf("%s: %q, want %q", name, said, c.want)
		}
	}
}

// A group of whom nobody is known bears what its role gives all the same, so
// that --fail-on finds it.
func TestWhatStrangersGetIsWeighed(t *testing.T) {
	for line, want := range map[string]string{
		"bind g cluster-admin": "+ group g cluster-admin ! secrets exec impersonate escalate whole cluster (admin)",
		"bind g admin ns":      "+ group g admin ! secrets exec impersonate escalate",
		"bind g view ns":       "+ group g view",
		"bind g custom ns":     "+ group g custom ! secrets exec impersonate escalate",
	} {
		after := world(t, "c", line)
		p := touching("c", "binding")
		b := after.Bindings[len(after.Bindings)-1]
		scope := access.ClusterScope()
		if b.Namespace != "" {
			scope = access.NamespaceScope(b.Namespace)
		}
		p.Changes[0].Gained = []plan.Grant{{Cluster: key("c"), Group: "g", Role: b.Role, Scope: scope}}
		got := words(Of(p, compiled(t, world(t, "c")), compiled(t, after)))
		if len(got) != 1 || strings.Join(strings.Fields(got[0]), " ") != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// One name of two clusters' own roles is two sets of requests, also where nobody
// is known to bear the group; of one rule it is one.
func TestRolesOfOneNameAreTheSetsThatTheyAre(t *testing.T) {
	custom := func(f authz.Facts, verb string) authz.Facts {
		f.DefaultRBAC = false
		f.Roles = []access.KubernetesRole{{Name: "deployer", Rules: []access.Rule{{Verbs: []string{verb}, APIGroups: []string{""}, Resources: []string{"pods"}}}}}
		return f
	}
	for name, c := range map[string]struct {
		a, b string
		same bool
	}{"one rule": {"get", "get", true}, "two": {"get", "delete", false}} {
		bind := []string{"user/ann group:g", "bind g deployer ns", "bind nobody deployer ns"}
		p := touching("a", "binding")
		p.Changes = append(p.Changes, touching("b", "binding").Changes...)
		for i := range p.Changes {
			p.Changes[i].Gained = []plan.Grant{{Cluster: p.Changes[i].Cluster, Group: "nobody", Role: access.RoleRef{Kind: access.ClusterRole, Name: "deployer"}, Scope: access.NamespaceScope("ns")}}
		}
		got := Of(p, compiled(t, custom(world(t, "a", bind[0]), c.a), custom(world(t, "b", bind[0]), c.b)),
			compiled(t, custom(world(t, "a", bind...), c.a), custom(world(t, "b", bind...), c.b)))
		sets := map[string][]int{}
		for _, g := range got.Gained {
			sets[g.Principal+g.Group] = append(sets[g.Principal+g.Group], g.Set)
		}
		for _, who := range []string{arn("user/ann"), "nobody"} {
			if s := sets[who]; len(s) != 2 || s[0] == 0 || (s[0] == s[1]) != c.same {
				t.Errorf("%s: %s has sets %v", name, who, s)
			}
		}
	}
}
