package authz

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// Further ways to come to a right alone: a ServiceAccount of a group that may,
// and bindings for the whole cluster alone.
func TestFurtherWaysToComeToItAlone(t *testing.T) {
	const rb = "rbac.authorization.k8s.io"
	rule := func(group, resource, verb string) access.Rule {
		return access.Rule{Verbs: []string{verb}, APIGroups: []string{group}, Resources: []string{resource}}
	}
	keeper := access.KubernetesRole{Name: "keeper", Rules: []access.Rule{rule("", "secrets", "get")}}
	robots := clusterBinding("robots", "keeper", group("system:serviceaccounts:ops"))
	for name, c := range map[string]struct {
		rules []access.Rule
		in    string
		ask   Request
		want  Route
	}{
		"ServiceAccounts of the group's namespace": {[]access.Rule{rule("", "serviceaccounts", "impersonate")}, "ops", Request{Verb: "get", Resource: "secrets", Namespace: "x"}, ByImpersonation},
		"and of another namespace":                 {[]access.Rule{rule("", "serviceaccounts", "impersonate")}, "dev", Request{Verb: "get", Resource: "secrets", Namespace: "x"}, ""},
		"bind and the cluster's bindings":          {[]access.Rule{rule(rb, "clusterroles", "bind"), rule(rb, "clusterrolebindings", "create")}, "", Request{Verb: "get", Resource: "nodes"}, ByBind},
		"roles to bind":                            {[]access.Rule{rule(rb, "roles", "bind"), rule(rb, "rolebindings", "patch")}, "x", Request{Verb: "get", Resource: "secrets", Namespace: "x"}, ByBind},
		"bindings that hold no nodes":              {[]access.Rule{rule(rb, "clusterroles", "bind"), rule(rb, "rolebindings", "create")}, "", Request{Verb: "get", Resource: "nodes"}, ""},
		"escalate and patch":                       {[]access.Rule{rule(rb, "clusterroles", "escalate"), rule(rb, "clusterroles", "patch")}, "", Request{Verb: "get", Resource: "nodes"}, ByEscalate},
	} {
		mine := clusterBinding("mine", "mine", user("ann"))
		mine.Namespace = c.in
		cluster := compiled(t, Facts{Bindings: []Binding{robots, mine}, Roles: []access.KubernetesRole{keeper, {Name: "mine", Rules: c.rules}}})
		got := Route("")
		for _, h := range cluster.WhoCan(c.ask).Indirect {
			if h.Name == "ann" {
				got = h.Route
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// What was not read may name others only where it counts in the cluster's mode.
func TestWhoCanSaysWhatCouldNameOthers(t *testing.T) {
	all := []Unknown{{Part: UnknownEntries}, {Part: UnknownAuthMap}, {Part: UnknownRBAC}, {Part: UnknownCreator}}
	for mode, want := range map[access.AuthMode][]Part{
		access.ModeAPI:             {UnknownEntries, UnknownRBAC},
		access.ModeAPIAndConfigMap: {UnknownEntries, UnknownAuthMap, UnknownRBAC},
		access.ModeConfigMap:       {UnknownAuthMap, UnknownRBAC, UnknownCreator},
	} {
		var got []Part
		for _, u := range compiled(t, Facts{Mode: mode, Unknown: all}).WhoCan(listNodes).Unknown {
			got = append(got, u.Part)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", mode, got, want)
		}
	}
}

// A URL is in no namespace, whatever was asked with it.
func TestAURLIsInNoNamespace(t *testing.T) {
	c := compiled(t, Facts{Entries: []Entry{entry(ann, "AmazonEKSClusterAdminPolicy", access.NamespaceScope("a"))},
		Roles:    []access.KubernetesRole{{Name: "urls", Rules: []access.Rule{{Verbs: []string{"get"}, NonResourceURLs: []string{"/healthz"}}}}},
		Bindings: []Binding{{Binding: access.Binding{Namespace: "a", Name: "b", Role: access.RoleRef{Kind: access.ClusterRole, Name: "urls"}, Subjects: []access.Subject{user("bob")}}}, clusterBinding("c", "urls", user("eve"))}})
	q := Request{Verb: "get", Path: "/healthz", Namespace: "a", Resource: "pods", Name: "x"}
	var allowed []string
	for _, h := range c.WhoCan(q).Allowed {
		allowed = append(allowed, h.Name)
	}
	if d := cmp.Diff([]string{"eve"}, allowed); d != "" {
		t.Error(d)
	}
	id, _, _ := c.Identify(ann, "")
	for _, x := range []Identity{id, User("bob")} {
		agrees(t, c, x, Request{Verb: "get", Path: "/healthz"}, Deny)
		if c.Decide(x, q) != Deny || c.Explain(x, q).Verdict != Deny {
			t.Errorf("%+v may in a namespace", x)
		}
	}
	agrees(t, c, User("eve"), q, Allow)
	e := c.Explain(User("eve"), Request{Verb: "post", Path: "/healthz"})
	if len(e.Misses) != 1 || e.Misses[0].Miss != MissVerb || !slices.Equal(e.Misses[0].Rule.NonResourceURLs, []string{"/healthz"}) || e.Misses[0].Rule.Resources != nil {
		t.Errorf("%+v", e.Misses)
	}
}

// What a session's name may make of a group or username is not known without
// it, past all authorizers as well.
func TestRightsOfASessionThatWasNotSaid(t *testing.T) {
	for name, c := range map[string]struct {
		groups []string
		want   Verdict
	}{
		"a group that could be masters": {[]string{"system:{{SessionName}}"}, Undetermined},
		"a group that could be bound":   {[]string{"g-{{SessionName}}"}, Undetermined},
		"a group that begins with it":   {[]string{"{{SessionName}}-devs"}, Undetermined},
		"a group that could not":        {[]string{"h-{{SessionName}}"}, Deny},
		"one beside a group that is":    {[]string{"h-{{SessionName}}", "g-devs"}, Allow},
	} {
		cluster := compiled(t, Facts{Entries: []Entry{entry(devRole, "", access.Scope{}, c.groups...)}, Bindings: []Binding{clusterBinding("b", "nodes", group("g-devs"), group("gg-devs"))},
			Roles: []access.KubernetesRole{{Name: "nodes", Rules: []access.Rule{{Verbs: []string{"list"}, APIGroups: []string{""}, Resources: []string{"nodes"}}}}}})
		id, _, _ := cluster.Identify(devRole, "")
		if got := cluster.Decide(id, listNodes); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		agrees(t, cluster, id, listNodes, c.want)
	}
}

// Whoever is let in, by whatever line it is, may what everybody may; who he is
// besides is not known.
func TestWhoIsSurelyLetInMayWhatEverybodyMay(t *testing.T) {
	everybody := clusterBinding("e", "nodes", group(Authenticated))
	roles := []access.KubernetesRole{{Name: "nodes", Rules: []access.Rule{{Verbs: []string{"list"}, APIGroups: []string{""}, Resources: []string{"nodes"}}}}}
	lines := &access.AuthMap{MapUsers: "- {userarn: " + ann + ", username: ann, groups: [devs]}"}
	for name, c := range map[string]struct {
		facts Facts
		want  Verdict // of what everybody may
	}{
		"a line, and entries that were not read":    {Facts{Mode: access.ModeAPIAndConfigMap, AuthMap: lines, Unknown: []Unknown{{Part: UnknownEntries}}}, Allow},
		"no line, and entries that were not read":   {Facts{Mode: access.ModeAPIAndConfigMap, Unknown: []Unknown{{Part: UnknownEntries}}}, Undetermined},
		"an entry of which the details are missing": {Facts{Mode: access.ModeAPI, Unknown: []Unknown{{Part: UnknownEntry, Principal: ann}}}, Undetermined},
	} {
		c.facts.Bindings, c.facts.Roles = []Binding{everybody}, roles
		cluster := compiled(t, c.facts)
		id, _, _ := cluster.Identify(ann, "")
		agrees(t, cluster, id, listNodes, c.want)
		agrees(t, cluster, id, createPods, Undetermined)
		if got := cluster.Decide(id, listNodes); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// A reason that rests on teams has the lines by which he is in them, and no
// others.
func TestMembershipIsOfTheTeamsThatAsk(t *testing.T) {
	line := func(team string, n int) access.Source {
		return access.Source{Team: team, Place: access.Place{File: "t.yaml", Line: n}}
	}
	e := Entry{Sources: []access.Source{line("web", 1), line("ops", 2), line("", 3), line("web", 4)}}
	for _, c := range []struct {
		asked []access.Source
		want  []int
	}{{nil, nil}, {[]access.Source{line("web", 9)}, []int{1, 4}}, {[]access.Source{line("ops", 9), line("no", 9)}, []int{2}}, {[]access.Source{line("", 9)}, nil}} {
		var got []int
		for _, s := range e.membership(c.asked) {
			got = append(got, s.Place.Line)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: %v", c.asked, got)
		}
	}
}

// A policy is no remedy for who cannot have one.
func TestWhomAPolicyCouldReach(t *testing.T) {
	kind := func(principal string, k access.EntryType) Entry {
		e := entry(principal, "", access.Scope{})
		e.Type = k
		return e
	}
	dead := entry(ann, "", access.Scope{})
	dead.Dead = true
	for name, c := range map[string]struct {
		facts     Facts
		principal string
		want      bool
	}{
		"nobody's entry":        {Facts{}, ann, true},
		"a standard entry":      {Facts{Entries: []Entry{kind(ann, access.Standard)}}, ann, true},
		"of no type":            {Facts{Entries: []Entry{kind(ann, "")}}, ann, true},
		"a node's":              {Facts{Entries: []Entry{kind(devRole, access.EC2Linux)}}, devRole, false},
		"a dead one":            {Facts{Entries: []Entry{dead}}, ann, true},
		"one that was not read": {Facts{Unknown: []Unknown{{Part: UnknownEntry, Principal: ann}}}, ann, false},
		"in mode CONFIG_MAP":    {Facts{Mode: access.ModeConfigMap}, ann, false},
		"no principal":          {Facts{}, "", false},
		"what is no principal":  {Facts{}, "arn:aws:s3:::bucket", false},
		"AWS's own role":        {Facts{}, "arn:aws:iam::111122223333:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS", false},
	} {
		if got := compiled(t, c.facts).mayHavePolicies(&Identity{Principal: c.principal}); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// A binding to what is neither user, group nor ServiceAccount binds nobody.
func TestASubjectOfAnotherKindIsNobody(t *testing.T) {
	rules := func(resource string) []access.Rule {
		return []access.Rule{{Verbs: []string{"list"}, APIGroups: []string{""}, Resources: []string{resource}}}
	}
	c := compiled(t, Facts{Roles: []access.KubernetesRole{{Name: "pods", Rules: rules("pods")}, {Name: "nodes", Rules: rules("nodes")}},
		Bindings: []Binding{clusterBinding("a", "pods", user("ann")), clusterBinding("b", "nodes", access.Subject{Kind: "Robot", Name: "ann"})}})
	agrees(t, c, User("ann"), listNodes, Deny)
	if got := c.Decide(User("ann"), listNodes); got != Deny {
		t.Errorf("%v", got)
	}
}
