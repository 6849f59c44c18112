package question

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/effect"
)

const (
	account  = "111122223333"
	annARN   = "arn:aws:iam::111122223333:user/ann"
	eveARN   = "arn:aws:iam::111122223333:user/eve"
	otherAnn = "arn:aws:iam::111122223333:user/team/ANN" // the same user to AWS
	viewARN  = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
	editARN  = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
)

func keyOf(name string) access.ClusterKey {
	return access.ClusterKey{Account: account, Region: "eu-west-1", Name: name}
}

// fleetState has clusters a and b, and c whose Kubernetes is left alone. Team
// web, which is ann, edits in web-* and has ClusterRole view in dev-* on a and
// b; team ops, which is eve, views a.
func fleetState() *access.State {
	member := func(name string) access.Member {
		return access.Member{Kind: access.UserMember, Partition: "aws", Account: account, Name: name}
	}
	entry := func(name, team, policy string, scope access.Scope, groups ...string) access.WantEntry {
		return access.WantEntry{Member: member(name), Groups: groups, Sources: []access.Source{{Team: team}},
			Associations: []access.WantAssociation{{Policy: policy, Scope: scope, Parts: []access.WantScope{{Scope: scope}}}}}
	}
	s := &access.State{Accounts: []access.Account{{Name: "main", ID: account, Partition: "aws"}}, Teams: []string{"ops", "web"}}
	for _, n := range []string{"a", "b", "c"} {
		c := access.WantCluster{Document: n, Key: keyOf(n)}
		switch n {
		case "a":
			c.Entries = append(c.Entries, entry("eve", "ops", viewARN, access.ClusterScope()))
			fallthrough
		case "b":
			c.Entries = append(c.Entries, entry("ann", "web", editARN, access.NamespaceScope("web-*"), "g"))
			c.Bindings = []access.WantBinding{{Team: "web", Group: "g", Name: "b", Role: access.RoleRef{Kind: access.ClusterRole, Name: "view"}, Scope: access.NamespaceScope("dev-*")}}
		default:
			c.Via = access.ViaNone
		}
		s.Clusters = append(s.Clusters, c)
	}
	return s
}

// fleetSeen is a, b and c as the documents want them, and d, which none names;
// b was not asked about its Kubernetes.
func fleetSeen() *access.Snapshot {
	h := &access.Snapshot{Accounts: []access.HaveAccount{{Account: access.Account{ID: account}, UsersRead: true, Users: []access.Principal{{ARN: annARN}, {ARN: eveARN}}}}}
	for _, n := range []string{"a", "b", "c", "d"} {
		c := access.HaveCluster{Key: keyOf(n), Mode: access.ModeAPI, EntriesRead: true, Entries: []access.Entry{{Principal: annARN, Type: access.Standard, Username: annARN}}}
		if n != "b" {
			c.Kubernetes = &access.HaveKubernetes{RBACRead: true, NamespacesRead: true, Namespaces: []string{"dev-1"}, AuthMapRead: true,
				Resources: []access.KubernetesResource{{Group: n + ".io", Name: "things"}}}
		}
		h.Clusters = append(h.Clusters, c)
	}
	return h
}

func clusterNames(w *World) string {
	var names []string
	for _, c := range w.Clusters {
		names = append(names, c.Facts.Name)
	}
	return strings.Join(names, " ")
}

func mustParse(t *testing.T, verb, resource, namespace string) Asked {
	t.Helper()
	a, err := Parse(Ask{Verb: verb, Resource: resource, Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestTheDocumentsForOneSubjectAnswerAsAllOfThem(t *testing.T) {
	s := fleetState()
	s.Clusters[0].Entries = append(s.Clusters[0].Entries, access.WantEntry{Member: access.Member{Kind: access.ARNMember, Partition: "aws", Account: account, Name: otherAnn}})
	all := Documents(s, nil)
	if !all.Alone || clusterNames(all) != "a b c" || len(all.Clusters[0].Facts.Entries) != 3 {
		t.Fatalf("alone %t, clusters %s", all.Alone, clusterNames(all))
	}
	who := access.Who{Kind: access.WhoTeam, Name: "web"}
	one, err := DocumentsFor(who, s, nil)
	if err != nil || !one.Alone || clusterNames(one) != "a b c" {
		t.Fatalf("%+v, %v", one, err)
	}
	// eve's entry is left out; whom AWS may take for ann stays.
	if e := one.Clusters[0].Facts.Entries; len(e) != 2 || e[0].Principal != annARN || e[1].Principal != otherAnn || len(one.Clusters[1].Facts.Entries) != 1 {
		t.Errorf("entries %+v", e)
	}
	for _, ns := range []string{"web-1", "dev-1", "x"} {
		asked := mustParse(t, "get", "pods", ns)
		a, err := all.Can(who, asked)
		if err != nil {
			t.Fatal(err)
		}
		b, err := one.Can(who, asked)
		if err != nil || b.Verdict != a.Verdict || len(b.Results) != len(a.Results) {
			t.Errorf("in %s: %s of one, %s of all, %v", ns, b.Verdict, a.Verdict, err)
		}
	}
	var nobody *effect.NotFoundError
	if _, err := DocumentsFor(access.Who{Kind: access.WhoTeam, Name: "no"}, s, nil); !errors.As(err, &nobody) {
		t.Errorf("no such team: %v", err)
	}
	// Who calls is known by another reading.
	callers := &access.Snapshot{Accounts: []access.HaveAccount{{Account: access.Account{ID: account}, Caller: eveARN}}}
	for _, w := range []*World{Documents(s, callers)} {
		if subjects, err := w.Subjects(access.Who{Kind: access.WhoMe}, keyOf("a")); err != nil || subjects[0].Principal != eveARN {
			t.Errorf("me: %+v, %v", subjects, err)
		}
	}
}

func TestWhatWasSeenCanBeAskedOfTheDocumentsClusters(t *testing.T) {
	h := fleetSeen()
	h.Part = &access.Part{Clusters: []access.ClusterKey{keyOf("a"), keyOf("b"), keyOf("d")}}
	w := Observed(fleetState(), h)
	if w.Alone || clusterNames(w) != "a b c" {
		t.Errorf("alone %t, clusters %s", w.Alone, clusterNames(w))
	}
	if w.Outside(keyOf("a")) || !w.Outside(keyOf("c")) || w.Outside(keyOf("d")) {
		t.Error("c alone is a document's and was not looked at")
	}
	for i, c := range w.Clusters {
		var unknown []authz.Part
		for _, u := range c.Facts.Unknown {
			unknown = append(unknown, u.Part)
			if !strings.Contains(u.Why, "via: None") || !strings.Contains(u.Settle, "cluster b") {
				t.Errorf("%+v", u)
			}
		}
		want, serves := []authz.Part(nil), 1
		if i == 1 { // nobody asked its API server
			want, serves = []authz.Part{authz.UnknownRBAC, authz.UnknownAuthMap}, 0
		}
		if !slices.Equal(unknown, want) || len(c.resources) != serves {
			t.Errorf("%s: unknown %v, serves %v", c.Facts.Name, unknown, c.resources)
		}
		if serves > 0 && c.resources[0].Group != c.Facts.Name+".io" {
			t.Errorf("%s serves %v", c.Facts.Name, c.resources)
		}
	}
}

func TestTheKubernetesOfEveryDocumentsClusterIsRead(t *testing.T) {
	need := KubernetesNeed(fleetState())
	for name, want := range map[string]access.KubernetesNeed{"a": access.KubernetesNeeded, "b": access.KubernetesNeeded, "c": access.KubernetesUnread, "d": access.KubernetesUnread} {
		if got := need(&access.HaveCluster{Key: keyOf(name)}); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// After a plan the documents' bindings are there too in namespaces that tests
// ask about and that do not exist yet.
func TestAPlansWorldHasWhatTestsAskAboutTomorrow(t *testing.T) {
	s, h := fleetState(), fleetSeen()
	s.Tests = []access.WantTest{{Namespaces: []string{"dev-9", "dev-1", "x"}}, {Namespaces: []string{"dev-9", "dev-2"}}}
	h.Part = &access.Part{Clusters: []access.ClusterKey{keyOf("a")}}
	w := Planned(s, h, h, effect.Seen(h, s))
	if clusterNames(w) != "a b c" || w.Outside(keyOf("a")) || !w.Outside(keyOf("b")) {
		t.Errorf("clusters %s", clusterNames(w))
	}
	var places []string
	for _, b := range w.Clusters[0].Facts.Bindings {
		places = append(places, b.Name+" in "+b.Namespace)
	}
	if d := cmp.Diff([]string{"b in dev-2", "b in dev-9"}, places); d != "" {
		t.Error(d)
	}
	if len(w.Clusters[2].Facts.Bindings) != 0 || len(w.Clusters[0].resources) != 1 {
		t.Errorf("%+v, %v", w.Clusters[2].Facts.Bindings, w.Clusters[0].resources)
	}
}

func TestAWorldIsNarrowedToClusters(t *testing.T) {
	w := Documents(fleetState(), nil)
	if _, ok := w.Cluster(keyOf("d")); ok {
		t.Error("nobody names d")
	}
	for _, n := range []string{"a", "b", "c"} {
		if c, ok := w.Cluster(keyOf(n)); !ok || c.Facts.Name != n {
			t.Errorf("%s: %v %t", n, c, ok)
		}
	}
	if w.Narrow(nil); clusterNames(w) != "a b c" || w.Outside(keyOf("a")) {
		t.Errorf("none leaves all: %s", clusterNames(w))
	}
	if w.Narrow([]access.ClusterKey{keyOf("c"), keyOf("a")}); clusterNames(w) != "a c" || !w.Outside(keyOf("b")) || w.Outside(keyOf("a")) {
		t.Errorf("clusters %s", clusterNames(w))
	}
}

func TestWhetherATeamMayIsAskedOfEachMemberOnEachCluster(t *testing.T) {
	s := fleetState()
	w := Documents(s, nil)
	who := func(kind access.WhoKind, name string) access.Who { return access.Who{Kind: kind, Name: name} }
	a, err := w.Can(who(access.WhoTeam, "web"), mustParse(t, "get", "pods", "web-1"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range a.Results {
		got = append(got, r.Cluster.Facts.Name+" "+r.Subject.Name+" "+fmt.Sprint(r.Verdict)+" "+r.MappedBy)
	}
	// Nobody is let in on c, and so the team as a whole is not.
	if d := cmp.Diff([]string{"a user/ann allow access entry", "b user/ann allow access entry", "c user/ann deny "}, got); d != "" || a.Verdict != authz.Deny {
		t.Error(a.Verdict, d)
	}
	w.Narrow([]access.ClusterKey{keyOf("a"), keyOf("b")})
	if a, err := w.Can(who(access.WhoTeam, "web"), mustParse(t, "get", "pods", "web-1")); err != nil || a.Verdict != authz.Allow || len(a.Results) != 2 {
		t.Errorf("on a and b: %+v, %v", a, err)
	}
	if a, err := w.Can(who(access.WhoServiceAccount, "x/y"), mustParse(t, "get", "pods", "web-1")); err != nil || a.Results[0].MappedBy != "" {
		t.Errorf("nothing maps a ServiceAccount: %+v, %v", a, err)
	}
	var nobody *effect.NotFoundError
	if _, err := w.Can(who(access.WhoTeam, "no"), mustParse(t, "get", "pods", "x")); !errors.As(err, &nobody) {
		t.Errorf("no such team: %v", err)
	}
	if a, err := w.Can(who(access.WhoUser, "anna"), mustParse(t, "get", "pods", "x")); err != nil || !strings.HasSuffix(a.Results[0].Subject.Missing, "did you mean user/ann?") {
		t.Errorf("a stranger: %+v, %v", a, err)
	}
	if a, err := w.Can(who(access.WhoUser, "ann"), mustParse(t, "get", "pods", "x")); err != nil || a.Results[0].Subject.Missing != "" {
		t.Errorf("one whom a document names: %+v, %v", a, err)
	}
	if _, err := (&World{}).Can(who(access.WhoTeam, "web"), mustParse(t, "get", "pods", "x")); err == nil {
		t.Error("a world without clusters has no answer")
	}
}

func TestEachIsAllowedOnlyIfAllAre(t *testing.T) {
	const allow, deny, open = authz.Allow, authz.Deny, authz.Undetermined
	for _, c := range []struct {
		verdicts []authz.Verdict
		want     authz.Verdict
	}{{nil, allow}, {[]authz.Verdict{allow, allow}, allow}, {[]authz.Verdict{allow, open}, open}, {[]authz.Verdict{open, deny, allow}, deny}} {
		if got := Each(c.verdicts...); got != c.want {
			t.Errorf("%v: %s", c.verdicts, got)
		}
	}
}

// Facts that cannot be are an error wherever they are asked.
func TestFactsThatCannotBeAnswerNothing(t *testing.T) {
	w := &World{Directory: effect.NewDirectory(&access.State{}, nil)}
	twice := authz.Entry{Entry: access.Entry{Principal: annARN, Type: access.Standard}}
	w.add([]authz.Facts{{Name: "odd", Mode: access.ModeAPI, Entries: []authz.Entry{twice, twice}}}, nil)
	asked, who := mustParse(t, "get", "pods", "x"), access.Who{Kind: access.WhoServiceAccount, Name: "x/y"}
	subjects, err := w.Subjects(who, access.ClusterKey{})
	if err != nil {
		t.Fatal(err)
	}
	_, can := w.Can(who, asked)
	_, whoCan := w.WhoCan(asked)
	_, matrix := w.Matrix(who, w.Clusters[0], nil)
	_, columns := w.Columns(w.Clusters[0], who)
	_, decide := w.Clusters[0].Decide(subjects[0], asked)
	_, explain := w.Clusters[0].Explain(subjects[0], asked)
	for what, err := range map[string]error{"can": can, "who can": whoCan, "matrix": matrix, "columns": columns, "decide": decide, "explain": explain} {
		if err == nil || !strings.Contains(err.Error(), "cluster odd") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// boundWorld has bindings of kinds of subjects, one in namespaces and one in
// all of them, and ann, who is of group g.
func boundWorld() *World {
	bind := func(role, namespace string, patterns []string, subjects ...access.Subject) authz.Binding {
		return authz.Binding{Patterns: patterns, Binding: access.Binding{Namespace: namespace, Name: role, Role: access.RoleRef{Kind: access.ClusterRole, Name: role}, Subjects: subjects}}
	}
	group := func(n string) access.Subject { return access.Subject{Kind: access.GroupSubject, Name: n} }
	user := func(n string) access.Subject { return access.Subject{Kind: access.UserSubject, Name: n} }
	robot := func(ns, n string) access.Subject {
		return access.Subject{Kind: access.ServiceAccountSubject, Namespace: ns, Name: n}
	}
	s := &access.State{}
	w := &World{Directory: effect.NewDirectory(s, nil)}
	w.add([]authz.Facts{{Name: "test", Mode: access.ModeAPI, DefaultRBAC: true,
		Entries: []authz.Entry{
			{Entry: access.Entry{Principal: annARN, Type: access.Standard, Username: "ann", Groups: []string{"g"}, Associations: []access.Association{{Policy: viewARN, Scope: access.NamespaceScope("web", "dev")}}}, Member: "user/ann"},
			{Entry: access.Entry{Principal: eveARN, Type: access.Standard, Username: "eve"}, Member: "user/eve", Dead: true},
		},
		Bindings: []authz.Binding{
			bind("admin", "dev", nil, group("g"), group("crowd"), user("bob"), user("root"), robot("", "local"), robot("far", "sa"), group("system:own"), robot("kube-system", "own")),
			bind("view", "", []string{"qa-*", "dev"}, group("g"), user("bob"), user("ann"), robot("", "nowhere")),
			bind("view", "", nil, user("root")),
			bind("custom", "", nil, user("perhaps")),
			bind("impersonator", "", nil, user("indirect")),
		},
		Roles: []access.KubernetesRole{{Name: "impersonator", Rules: []access.Rule{{Verbs: []string{"impersonate"}, APIGroups: []string{""}, Resources: []string{"users"}}}}},
	}}, nil)
	return w
}

func TestWhoMayElsewhereIsToldOnceAndWithAllPlaces(t *testing.T) {
	w := boundWorld()
	elsewhere := func(asked Asked) []string {
		t.Helper()
		on, err := w.WhoCan(asked)
		if err != nil || len(on) != 1 {
			t.Fatal(on, err)
		}
		var got []string
		for _, e := range on[0].Elsewhere {
			got = append(got, HolderName(&e.Holder, keyOf("a"))+" in "+strings.Join(e.In, ", "))
		}
		return got
	}
	if d := cmp.Diff([]string{"group crowd in dev", "user/ann in dev, qa-*, web", "serviceaccount/dev/local in dev", "serviceaccount/far/sa in dev", "Kubernetes user bob in dev, qa-*"},
		elsewhere(mustParse(t, "get", "pods", ""))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"group crowd in dev", "user/ann in dev", "serviceaccount/dev/local in dev", "serviceaccount/far/sa in dev", "Kubernetes user bob in dev", "Kubernetes user root in dev"},
		elsewhere(mustParse(t, "delete", "pods", ""))); d != "" {
		t.Error(d)
	}
	for _, a := range []Asked{mustParse(t, "get", "pods", "dev"), mustParse(t, "get", "nodes", ""), mustParse(t, "get", "/healthz", "")} {
		if got := elsewhere(a); got != nil {
			t.Errorf("%s: %q", a, got)
		}
	}
}

func TestWhoCanTellsTheCertainThePossibleAndTheIndirect(t *testing.T) {
	on, err := boundWorld().WhoCan(mustParse(t, "get", "pods", ""))
	if err != nil {
		t.Fatal(err)
	}
	names := func(list []Holder) (out []string) {
		for _, h := range list {
			if len(h.Why.Reasons)+len(h.Why.Unknown)+len(h.Why.Misses) == 0 {
				t.Errorf("%s is not explained", h.Name)
			}
			if !h.KubernetesOwn() {
				out = append(out, h.Name)
			}
		}
		return out
	}
	for list, c := range map[string]struct{ got, want []string }{
		"certain":  {names(on[0].Certain), []string{"root"}},
		"possible": {names(on[0].Possible), []string{"perhaps"}},
		"indirect": {names(on[0].Indirect), []string{"indirect"}},
	} {
		if d := cmp.Diff(c.want, c.got); d != "" {
			t.Errorf("%s: %s", list, d)
		}
	}
	on, err = boundWorld().WhoCan(mustParse(t, "delete", "pods", "dev"))
	if err != nil {
		t.Fatal(err)
	}
	peopled := map[string]bool{}
	for _, h := range on[0].Certain {
		peopled[h.Name] = h.Peopled
	}
	if !peopled["g"] || peopled["crowd"] {
		t.Errorf("ann is of g, nobody is known of crowd: %v", peopled)
	}
}

// Of two ways to act the one that allows counts, then what is not known; of two
// that are alike both are told.
func TestOfTwoWaysToActTheBetterCounts(t *testing.T) {
	const allow, deny, open = authz.Allow, authz.Deny, authz.Undetermined
	for _, c := range []struct{ first, second, want authz.Verdict }{
		{allow, deny, allow}, {deny, allow, allow}, {allow, open, allow}, {open, allow, allow}, {open, deny, open}, {deny, open, open}, {deny, deny, deny}, {open, open, open}, {allow, allow, allow},
	} {
		way := func(v authz.Verdict, by string) authz.Explanation {
			return authz.Explanation{Verdict: v, MappedBy: by, Misses: []authz.Reason{{Through: by}}, Remedies: []authz.Remedy{{Role: by}}}
		}
		got := better(way(c.first, "first"), way(c.second, "second"))
		told := 1
		if c.first == c.second && c.first != allow {
			told = 2
		}
		by := "first"
		if c.first != c.want {
			by = "second"
		}
		if got.Verdict != c.want || got.MappedBy != by || len(got.Misses) != told || len(got.Remedies) != told {
			t.Errorf("%v and %v: %+v", c.first, c.second, got)
		}
	}
}

// A workload acts as its ServiceAccount and as its role: where the role has an
// entry, that counts too, and else nothing is said of it.
func TestAWorkloadActsAsItsRoleToo(t *testing.T) {
	s := fleetState()
	const role = "arn:aws:iam::111122223333:role/app"
	s.Workloads = []access.WantWorkload{{Name: "app", Clusters: []access.ClusterKey{keyOf("a"), keyOf("b")}, Accounts: []access.WorkloadAccount{{Namespace: "ns", Name: "app"}},
		Roles: []access.WorkloadRole{{Cluster: keyOf("a"), ARN: role}, {Cluster: keyOf("b"), ARN: role}}}}
	s.Clusters[0].Entries = append(s.Clusters[0].Entries, access.WantEntry{Member: access.Member{Kind: access.RoleMember, Partition: "aws", Account: account, Name: "app"},
		Associations: []access.WantAssociation{{Policy: viewARN, Scope: access.NamespaceScope("web-*"), Parts: []access.WantScope{{Scope: access.NamespaceScope("web-*")}}}}})
	who := access.Who{Kind: access.WhoWorkload, Name: "app"}
	one, err := DocumentsFor(who, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range map[string]*World{"all": Documents(s, nil), "for it alone": one} {
		w.Narrow([]access.ClusterKey{keyOf("a"), keyOf("b")})
		a, err := w.Can(who, mustParse(t, "get", "pods", "web-1"))
		if err != nil || len(a.Results) != 2 {
			t.Fatalf("%s: %+v, %v", name, a, err)
		}
		on, off := a.Results[0], a.Results[1]
		if on.Verdict != authz.Allow || on.MappedBy != "as role/app by its access entry" || off.Verdict != authz.Deny || off.MappedBy != "" {
			t.Errorf("%s: %v by %q, %v by %q", name, on.Verdict, on.MappedBy, off.Verdict, off.MappedBy)
		}
		if denied, err := w.Can(who, mustParse(t, "delete", "pods", "web-1")); err != nil || denied.Verdict != authz.Deny || denied.Results[0].Verdict != authz.Deny {
			t.Errorf("%s: %+v, %v", name, denied, err)
		}
	}
}
