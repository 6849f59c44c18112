package plan

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

const editName = "atlas-iam:ops:backend:clusterrole:edit"

// wantRole is team backend's wish for ClusterRole edit, or another role.
func wantRole(role string, scope access.Scope) access.WantBinding {
	return access.WantBinding{Team: "backend", Group: access.TeamGroup("ops", "backend"), Name: "atlas-iam:ops:backend:clusterrole:" + role,
		Role: access.RoleRef{Kind: access.ClusterRole, Name: role}, Scope: scope,
		Parts: []access.WantScope{{Scope: scope, Source: access.Source{Team: "backend", Place: access.Place{File: "backend.yaml", Line: 7}}}}}
}

func patterns(p ...string) access.Scope { return access.NamespaceScope(p...) }

// bound is a binding of ours, as it stands.
func bound(namespace, role string) access.Binding {
	return access.Binding{Namespace: namespace, Name: editName, Role: access.RoleRef{Kind: access.ClusterRole, Name: role}, UID: "u-" + namespace,
		Subjects: []access.Subject{{Kind: access.GroupSubject, Name: "atlas-iam:ops:backend"}}, Labels: owner.Labels(), Managers: []string{"atlas-iam"}}
}

func changed(b access.Binding, how func(*access.Binding)) access.Binding {
	c := *b.Clone()
	how(&c)
	return c
}

// withKubernetes gives a cluster a Kubernetes side that was read whole.
func withKubernetes(h access.HaveCluster, namespaces []string, bindings ...access.Binding) access.HaveCluster {
	slices.SortFunc(bindings, func(a, b access.Binding) int { return a.Compare(&b) })
	slices.Sort(namespaces)
	h.Kubernetes = &access.HaveKubernetes{RBACRead: true, NamespacesRead: true, AuthMapRead: true, Namespaces: namespaces, Bindings: bindings}
	return h
}

func wantBound(k access.ClusterKey, bindings ...access.WantBinding) access.WantCluster {
	w := wantCluster(k)
	w.Via, w.Bindings = access.ViaDirect, bindings
	return w
}

// shows: item S58
func TestABindingIsDecidedByWhatIsWantedAndThere(t *testing.T) {
	all := []string{"default", "dev-backend", "kube-system", "qa-backend"}
	dev := "binding/test/dev-backend/" + editName
	qa := "binding/test/qa-backend/" + editName
	foreign := func(b *access.Binding) { b.Labels, b.Managers = map[string]string{"x": "y"}, []string{"kubectl"} }
	for name, c := range map[string]struct {
		want       []access.WantBinding
		namespaces []string
		have       []access.Binding
		plan       []string
		foreign    []string // "=" after adoptable ones
	}{
		"a pattern binds in each namespace that matches now": {want: []access.WantBinding{wantRole("edit", patterns("*backend*"))},
			plan: []string{"create " + dev, "create " + qa}},
		"a namespace by name":               {want: []access.WantBinding{wantRole("edit", patterns("dev-backend"))}, plan: []string{"create " + dev}},
		"the whole cluster":                 {want: []access.WantBinding{wantRole("edit", access.ClusterScope())}, plan: []string{"create clusterbinding/test/" + editName}},
		"a namespace that is not there yet": {want: []access.WantBinding{wantRole("edit", patterns("later"))}},
		"what stands as wanted needs nothing": {want: []access.WantBinding{wantRole("edit", patterns("*backend*"))},
			have: []access.Binding{bound("dev-backend", "edit"), changed(bound("qa-backend", "edit"), func(b *access.Binding) { b.Labels["more"] = "x" })}},
		"a pattern that narrows prunes": {want: []access.WantBinding{wantRole("edit", patterns("dev-*"))},
			have: []access.Binding{bound("dev-backend", "edit"), bound("qa-backend", "edit")}, plan: []string{"delete " + qa}},
		"nothing wanted any more prunes": {have: []access.Binding{bound("", "edit"), bound("qa-backend", "edit")},
			plan: []string{"delete clusterbinding/test/" + editName, "delete " + qa}},
		"a namespace that is ending is left alone": {namespaces: []string{"default"}, have: []access.Binding{bound("gone", "edit")},
			want: []access.WantBinding{wantRole("edit", patterns("*"))}, plan: []string{"create binding/test/default/" + editName}},
		"another role is a replace": {want: []access.WantBinding{wantRole("edit", patterns("dev-*"))}, have: []access.Binding{bound("dev-backend", "view")},
			plan: []string{"replace " + dev}},
		"other subjects are an update": {want: []access.WantBinding{wantRole("edit", patterns("dev-*"))},
			have: []access.Binding{changed(bound("dev-backend", "edit"), func(b *access.Binding) {
				b.Subjects = []access.Subject{{Kind: access.UserSubject, Name: "eve"}}
			})}, plan: []string{"update " + dev}},
		"our labels lost in part are set again": {want: []access.WantBinding{wantRole("edit", patterns("dev-*"))},
			have: []access.Binding{changed(bound("dev-backend", "edit"), func(b *access.Binding) { delete(b.Labels, access.LabelManagedBy) })}, plan: []string{"update " + dev}},
		"foreign and equal is adoptable": {want: []access.WantBinding{wantRole("edit", patterns("dev-*"))},
			have: []access.Binding{changed(bound("dev-backend", "edit"), foreign)}, foreign: []string{"dev-backend/" + editName + "="}},
		"foreign and different is held": {want: []access.WantBinding{wantRole("edit", patterns("dev-*"))},
			have: []access.Binding{changed(bound("dev-backend", "view"), foreign)}, plan: []string{"replace " + dev + " !foreign"}, foreign: []string{"dev-backend/" + editName}},
		"foreign elsewhere is nobody's business": {have: []access.Binding{changed(bound("dev-backend", "edit"), foreign)}},
		"a copy with our labels is not ours": {have: []access.Binding{changed(bound("dev-backend", "edit"), func(b *access.Binding) {
			b.Name, b.Managers = "copy", []string{"kubectl-client-side-apply"}
		})}},
		"another environment's is not ours": {have: []access.Binding{changed(bound("dev-backend", "edit"), func(b *access.Binding) { b.Labels[access.TagID] = "other" })}},
		"another tool's mark makes it another's": {have: []access.Binding{changed(bound("dev-backend", "edit"), func(b *access.Binding) { b.Labels["created-by"] = "terraform" }),
			changed(bound("qa-backend", "edit"), func(b *access.Binding) { b.Labels[access.LabelManagedBy] = "Helm" })}},
	} {
		t.Run(name, func(t *testing.T) {
			namespaces := c.namespaces
			if namespaces == nil {
				namespaces = slices.Clone(all)
			}
			p := Compute(wants(wantBound(test, c.want...)), sees(withKubernetes(haveCluster(test), namespaces, c.have...)), Options{})
			if d := cmp.Diff(c.plan, lines(p)); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
			var foreign []string
			for _, f := range p.Foreign {
				if f.Adoptable {
					f.Name += "="
				}
				foreign = append(foreign, f.Name)
			}
			if d := cmp.Diff(c.foreign, foreign); d != "" {
				t.Errorf("foreign: -want +got\n%s", d)
			}
		})
	}
}

// Absent is not unread.
//
// shows: item S58
func TestWhatWasNotReadOfKubernetesHoldsAndPrunesNothing(t *testing.T) {
	unread := func(kinds ...access.GapKind) *access.Snapshot {
		h := withKubernetes(haveCluster(test), []string{"dev-backend", "qa-backend"}, bound("dev-backend", "edit"), bound("qa-backend", "edit"))
		s := sees(h)
		for _, k := range kinds {
			s.Gaps = append(s.Gaps, access.Gap{What: k, Account: home, Region: "eu-west-1", Cluster: "test", Reason: "403"})
			if k != access.GapNamespaces {
				s.Clusters[0].Kubernetes.RBACRead, s.Clusters[0].Kubernetes.Bindings = false, nil
			}
			if k != access.GapRBAC {
				s.Clusters[0].Kubernetes.NamespacesRead, s.Clusters[0].Kubernetes.Namespaces = false, nil
			}
		}
		return s
	}
	want := wants(wantBound(test, wantRole("edit", patterns("dev-*", "later"))))
	dev := "binding/test/dev-backend/" + editName
	for what, c := range map[string]struct {
		have *access.Snapshot
		plan []string
	}{
		"all read":     {unread(), []string{"delete binding/test/qa-backend/" + editName}},
		"nothing read": {unread(access.GapKubernetes), []string{"create binding/test/dev-*/" + editName + " !half-read", "create binding/test/later/" + editName + " !half-read"}},
		"no bindings":  {unread(access.GapRBAC), []string{"create " + dev + " !half-read"}},
		// What stands tells its namespace; what may match besides is not known.
		"no namespaces": {unread(access.GapNamespaces), []string{"create binding/test/later/" + editName, "create binding/test/dev-*/" + editName + " !half-read",
			"delete binding/test/qa-backend/" + editName}},
		"no cluster": {sees(), []string{"create binding/test/dev-*/" + editName + " !no-cluster !half-read", "create binding/test/later/" + editName + " !no-cluster"}},
	} {
		got := lines(Compute(want, c.have, Options{}))
		slices.Sort(got)
		slices.Sort(c.plan)
		if d := cmp.Diff(c.plan, got); d != "" {
			t.Errorf("%s: -want +got\n%s", what, d)
		}
	}
	if p := Compute(wants(wantBound(test)), unread(access.GapKubernetes), Options{}); len(p.Changes) != 0 || len(p.Gaps) != 1 {
		t.Errorf("something of an unread cluster is deleted: %v", lines(p))
	}
}

func TestWhereManifestsAreRenderedNothingOfKubernetesIsPlanned(t *testing.T) {
	for _, via := range []access.Via{access.ViaRender, access.ViaNone, access.ViaDirect} {
		w := wantBound(test, wantRole("edit", patterns("*")))
		w.Via = via
		p := Compute(wants(w), sees(withKubernetes(haveCluster(test), []string{"a"}, bound("gone-backend", "edit"))), Options{})
		if (len(p.Changes) > 0) != (via == access.ViaDirect) {
			t.Errorf("%s: %v", via, lines(p))
		}
	}
}

// What rendered manifests cannot hold is pointed out, once for each pattern, and
// not where all goes.
func TestAPatternThatManifestsCannotHoldIsPointedOut(t *testing.T) {
	unread := withKubernetes(haveCluster(test), nil)
	unread.Kubernetes.NamespacesRead = false
	read := withKubernetes(haveCluster(test), []string{"dev"})
	for name, c := range map[string]struct {
		via  access.Via
		have access.HaveCluster
		o    Options
		says bool
	}{
		"rendered, unread":   {access.ViaRender, unread, Options{}, true},
		"rendered, read":     {access.ViaRender, read, Options{}, false},
		"destroyed":          {access.ViaRender, unread, Options{Destroy: true}, false},
		"none of ours":       {access.ViaNone, unread, Options{}, false},
		"through the server": {access.ViaDirect, unread, Options{}, false},
	} {
		w := wantBound(test, wantRole("edit", patterns("dev*", "a")))
		w.Via = c.via
		var want []string
		if c.says {
			want = []string{`render: ClusterRole edit on "dev*" is not in the manifests of test: its namespaces were not read`}
		}
		if d := cmp.Diff(want, warned(Compute(wants(w), sees(c.have), c.o))); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}

// shows: item S58
func TestBindingsAreGivenBeforeAnyIsTakenAndFoundUntilTheyAreGone(t *testing.T) {
	group := access.TeamGroup("ops", "backend")
	w := wantBound(test, wantRole("edit", patterns("qa-*")))
	w.Entries = []access.WantEntry{wantEntry("user/ann", "group:"+group), wantEntry("user/bob", "View:a")}
	have := sees(withKubernetes(haveCluster(test, haveEntry("user/bob", "View:a group:"+group), haveEntry("user/cid", "group:"+group)),
		[]string{"dev-backend", "qa-backend"}, bound("dev-backend", "edit")))
	p := Compute(wants(w), have, Options{})
	if d := cmp.Diff([]string{"create entry/test/user/ann", "create binding/test/qa-backend/" + editName, "delete binding/test/dev-backend/" + editName,
		"update entry/test/user/bob", "delete entry/test/user/cid"}, lines(p)); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	give, take := p.Changes[1], p.Changes[2]
	if len(give.Gained) != 1 || give.Gained[0].Role.Name != "edit" || give.Gained[0].Group != group || give.Gained[0].Scope.String() != "qa-backend" || len(give.Lost) != 0 {
		t.Errorf("gained %+v", give.Gained)
	}
	if len(take.Lost) != 1 || len(take.Gained) != 0 || !slices.Equal(take.Teams, []string{"backend"}) || give.Source.Line != 7 {
		t.Errorf("lost %+v by %+v", take.Lost, take)
	}
}

func TestAPlanCountsTheBindingsThatWereRead(t *testing.T) {
	for read, want := range map[bool]int{true: 2, false: 0} {
		have := sees(withKubernetes(haveCluster(test), []string{"dev-backend"}, bound("dev-backend", "edit"), bound("dev-backend", "view")))
		have.Clusters[0].Kubernetes.RBACRead = read
		if p := Compute(wants(wantBound(test, wantRole("edit", patterns("*")))), have, Options{}); p.Read.Bindings != want {
			t.Errorf("read %v: %d bindings, want %d", read, p.Read.Bindings, want)
		}
	}
}

func TestARunNarrowedToPeopleLeavesOtherTeamsBindingsAlone(t *testing.T) {
	for only, planned := range map[string]bool{"team/backend": true, "team/qa": false, "user/ann": false} {
		have := sees(withKubernetes(haveCluster(test), []string{"dev-backend"}, bound("gone", "edit"), bound("dev-backend", "view")))
		have.Part = &access.Part{Only: []string{only}}
		if p := Compute(wants(wantBound(test, wantRole("edit", patterns("*")))), have, Options{}); (len(p.Changes) > 0) != planned {
			t.Errorf("--only %s: %v", only, lines(p))
		}
	}
}

func TestAClusterIsReadForItsBindingsOnlyWhereSomethingAsks(t *testing.T) {
	plain := haveCluster(test, haveEntry("user/ann", "group:g"))
	ours := haveCluster(test, haveEntry("user/ann", "group:"+access.TeamGroup("ops", "gone")))
	others := haveCluster(test, foreignEntry("user/ann", "group:"+access.TeamGroup("ops", "gone")))
	via := func(v access.Via, b ...access.WantBinding) access.WantCluster {
		w := wantBound(test, b...)
		w.Via = v
		return w
	}
	mode := func(m access.AuthMode) access.WantCluster {
		w := wantCluster(test)
		w.Mode = m
		return w
	}
	edit := wantRole("edit", patterns("*backend*"))
	for what, c := range map[string]struct {
		want access.WantCluster
		have access.HaveCluster
		o    Options
		need access.KubernetesNeed
	}{
		"no role, no trace of one":         {wantCluster(test, wantEntry("user/ann", "group:g")), plain, Options{}, access.KubernetesUnread},
		"a role is wanted":                 {via(access.ViaDirect, edit), plain, Options{}, access.KubernetesNeeded},
		"an entry of ours bears our group": {wantCluster(test), ours, Options{}, access.KubernetesNeeded},
		"another's entry bears it":         {wantCluster(test), others, Options{}, access.KubernetesUnread},
		"no document names the cluster":    {wantCluster(prod), ours, Options{}, access.KubernetesNeeded},
		"kubernetes is none of ours":       {via(access.ViaNone), ours, Options{}, access.KubernetesUnread},
		"rendered, with a pattern":         {via(access.ViaRender, edit), ours, Options{}, access.KubernetesIfThere},
		"rendered, by name":                {via(access.ViaRender, wantRole("edit", patterns("a"))), ours, Options{}, access.KubernetesUnread},
		"destroy":                          {wantCluster(test), plain, Options{Destroy: true}, access.KubernetesIfThere},
		"the last step of the mode":        {mode(access.ModeAPI), plain, Options{}, access.KubernetesIfThere},
		"no step of the mode":              {mode(access.ModeAPIAndConfigMap), plain, Options{}, access.KubernetesUnread},
		"a username that stands already":   {wantCluster(test, wantEntry("user/ann", "username:a")), haveCluster(test, haveEntry("user/ann", "username:a")), Options{}, access.KubernetesUnread},
		"a username of one's own":          {wantCluster(test, wantEntry("user/ann", "username:a")), plain, Options{}, access.KubernetesIfThere},
	} {
		if got := KubernetesNeed(wants(c.want), c.o)(&c.have); got != c.need {
			t.Errorf("%s: %v, want %v", what, got, c.need)
		}
	}
}

func TestWhatATrialSaidHoldsItsChange(t *testing.T) {
	want := wants(wantBound(test, wantRole("edit", patterns("*"))))
	have := func(trials ...access.Trial) *access.Snapshot {
		h := withKubernetes(haveCluster(test), []string{"a", "b", "c", "d"}, bound("b", "view"), changed(bound("c", "edit"), func(b *access.Binding) { b.Subjects = nil }), bound("gone-b", "edit"))
		h.Kubernetes.Namespaces = append(h.Kubernetes.Namespaces, "e")
		h.Kubernetes.Trials = trials
		return sees(h)
	}
	verbs := map[string]access.TrialVerb{}
	for _, tr := range Compute(want, have(), Options{}).Trials()[test] {
		verbs[tr.Binding.Namespace] = tr.Verb
		if tr.Verb == access.TryReplace && tr.Binding.UID == "" {
			t.Error("a replace is tried without the id of what goes")
		}
	}
	if d := cmp.Diff(map[string]access.TrialVerb{"a": access.TryApply, "b": access.TryReplace, "c": access.TryApply, "d": access.TryApply, "e": access.TryApply}, verbs); d != "" {
		t.Errorf("trials: -want +got\n%s", d)
	}
	edit := func(ns string) access.Binding { return bound(ns, "edit") }
	p := Compute(want, have(access.Trial{Binding: edit("a"), Verb: access.TryApply, Refused: "no answer", Unread: true},
		access.Trial{Binding: edit("b"), Verb: access.TryReplace}, access.Trial{Binding: edit("c"), Verb: access.TryApply, Refused: "Conflict", Conflict: true},
		access.Trial{Binding: edit("e"), Verb: access.TryDelete, Refused: "not of this verb", Unread: true}), Options{})
	var held []string
	for _, l := range lines(p) {
		if strings.Contains(l, "!") {
			held = append(held, strings.Fields(l)[2])
		}
	}
	if d := cmp.Diff([]string{"!half-read", "!foreign"}, held); d != "" {
		t.Errorf("-want +got\n%s\n%v", d, lines(p))
	}
	if n := len(p.Trials()[test]); n != 3 {
		t.Errorf("%d to try: what is held is not tried", n)
	}
}

// A role that plans for a review may only read.
func TestWhoMayWriteNoBindingsIsHeldOnlyWhereThePlanIsToBeMade(t *testing.T) {
	want := wants(wantBound(test, wantRole("edit", patterns("a"))))
	for _, c := range []struct {
		bare, looking, held bool
	}{{true, true, false}, {true, false, true}, {false, true, true}, {false, false, true}} {
		h := withKubernetes(haveCluster(test), []string{"a"})
		h.Kubernetes.Trials = []access.Trial{{Binding: bound("a", "edit"), Verb: access.TryApply, Refused: "Forbidden", Bare: c.bare}}
		p := Compute(want, sees(h), Options{Looking: c.looking})
		if held := len(p.Changes[0].Held) > 0; held != c.held || !held && len(p.Warnings) != 1 {
			t.Errorf("%+v: %v %v", c, lines(p), p.Warnings)
		}
	}
}

func TestAPatternThatBindsNothingIsPointedOut(t *testing.T) {
	p := Compute(wants(wantBound(test, wantRole("edit", patterns("a*", "later")))), sees(withKubernetes(haveCluster(test), []string{"ab"})), Options{})
	if len(p.Warnings) != 1 || p.Warnings[0].Slug != "reach" || !strings.Contains(p.Warnings[0].Text, `"later"`) {
		t.Errorf("%+v", p.Warnings)
	}
}

func TestASavedPlanKeepsItsBindings(t *testing.T) {
	want := wants(wantBound(test, wantRole("edit", patterns("*backend*")), wantRole("view", access.ClusterScope())))
	h := withKubernetes(haveCluster(test), []string{"dev-backend", "qa-backend", "x"}, bound("x", "edit"), bound("qa-backend", "admin"))
	p := Compute(want, sees(h), Options{})
	if got := lines(p); len(got) != 4 {
		t.Fatal(got)
	}
	b := encode(t, p)
	got, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if again := encode(t, got); !bytes.Equal(b, again) {
		t.Errorf("-want +got\n%s", cmp.Diff(string(b), string(again)))
	}
	for i := range p.Changes {
		if d := cmp.Diff(p.Changes[i], got.Changes[i]); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	}
}

// Manifests hold a binding in each namespace that was seen and matches, and in
// each that is written out, for who applies the file may make it; a pattern
// stays one only where namespaces were not read.
func TestRenderedBindingsAreOfTheNamespacesThatWereSeen(t *testing.T) {
	w := wantBound(test, wantRole("edit", patterns("dev-*", "later")), wantRole("view", patterns("late*")))
	w.Via = access.ViaRender
	unread := withKubernetes(haveCluster(test), nil)
	unread.Kubernetes.NamespacesRead = false
	for name, c := range map[string]struct {
		have *access.Snapshot
		want []string
	}{
		"seen":         {sees(withKubernetes(haveCluster(test), []string{"dev-a", "dev-b", "other"})), []string{"dev-a edit", "dev-b edit", "later edit", "later view"}},
		"none is seen": {sees(withKubernetes(haveCluster(test), nil)), []string{"later edit", "later view"}},
		"not read":     {sees(unread), []string{"dev-* edit?", "late* view?", "later edit"}},
		"no cluster":   {sees(), []string{"dev-* edit?", "late* view?", "later edit"}},
	} {
		var got []string
		for _, b := range Rendered(&w, owner, c.have) {
			got = append(got, b.Namespace+" "+b.Role.Name+map[bool]string{true: "?"}[b.Pattern])
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}

// Of a wish that several grants made, a change is of the one that asks for its
// namespace.
func TestABindingsChangeIsOfTheGrantThatAsksForItsNamespace(t *testing.T) {
	part := func(line int, p ...string) access.WantScope {
		return access.WantScope{Scope: access.NamespaceScope(p...), Source: access.Source{Team: "backend", Place: access.Place{File: "backend.yaml", Line: line}}}
	}
	w := wantRole("edit", patterns("dev-*", "qa"))
	w.Parts = []access.WantScope{part(7, "dev-*"), part(9, "qa")}
	p := Compute(wants(wantBound(test, w)), sees(withKubernetes(haveCluster(test), []string{"dev-a", "qa"})), Options{})
	got := map[string]int{}
	for _, c := range p.Changes {
		got[c.Namespace] = c.Source.Line
	}
	if d := cmp.Diff(map[string]int{"dev-a": 7, "qa": 9}, got); d != "" {
		t.Error(d)
	}
	all := Compute(wants(wantBound(test, wantRole("edit", access.ClusterScope()))), sees(withKubernetes(haveCluster(test), nil)), Options{})
	if len(all.Changes) != 1 || all.Changes[0].Source != (access.Place{File: "backend.yaml", Line: 7}) {
		t.Errorf("over the cluster: %+v", all.Changes)
	}
	w.Parts = append(w.Parts, part(11, "*")) // asks for all, after the others
	for _, c := range Compute(wants(wantBound(test, w)), sees(withKubernetes(haveCluster(test), []string{"dev-a", "qa"})), Options{}).Changes {
		got[c.Namespace] = c.Source.Line
	}
	if d := cmp.Diff(map[string]int{"dev-a": 7, "qa": 9}, got); d != "" {
		t.Error(d)
	}
}

// What a change of a binding gives and takes: each subject that comes or goes,
// and all of them where the role is another.
func TestABindingsChangeGivesAndTakesByItsSubjects(t *testing.T) {
	bind := func(namespace, role string, subjects ...access.Subject) Object {
		return Binding{access.Binding{Namespace: namespace, Name: "b", Role: access.RoleRef{Kind: access.ClusterRole, Name: role}, Subjects: subjects}}
	}
	group, user := access.Subject{Kind: access.GroupSubject, Name: "g"}, access.Subject{Kind: access.UserSubject, Name: "u"}
	account := access.Subject{Kind: "ServiceAccount", Namespace: "ns", Name: "sa"}
	const sa = "system:serviceaccount:ns:sa"
	for name, c := range map[string]struct {
		from, to     Object
		gained, lost []string
	}{
		"made":                          {nil, bind("a", "edit", group, user, account), []string{"edit a g", "edit a u", "edit a " + sa}, nil},
		"gone":                          {bind("a", "edit", group), nil, nil, []string{"edit a g"}},
		"over the cluster":              {nil, bind("", "edit", group), []string{"edit cluster g whole"}, nil},
		"one comes":                     {bind("a", "edit", group), bind("a", "edit", group, user), []string{"edit a u"}, nil},
		"one goes":                      {bind("a", "edit", group, user), bind("a", "edit", group), nil, []string{"edit a u"}},
		"one for another":               {bind("a", "edit", user), bind("a", "edit", group), []string{"edit a g"}, []string{"edit a u"}},
		"another role":                  {bind("a", "view", group), bind("a", "edit", group), []string{"edit a g"}, []string{"view a g"}},
		"nothing but labels":            {bind("a", "edit", group), bind("a", "edit", group), nil, nil},
		"another role for another, too": {bind("a", "view", user), bind("a", "edit", group), []string{"edit a g"}, []string{"view a u"}},
	} {
		ch := Change{Cluster: test, From: c.from, To: c.to}
		weighBinding(&ch)
		words := func(list []Grant) (all []string) {
			for _, g := range list {
				w := g.Role.Name + " " + g.Scope.String() + " " + g.Group + g.Username
				if slices.Contains(g.Risks, access.RiskWholeCluster) {
					w += " whole"
				}
				all = append(all, w)
			}
			return all
		}
		if d := cmp.Diff([][]string{c.gained, c.lost}, [][]string{words(ch.Gained), words(ch.Lost)}); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}

func TestABindingThatIsHeldSaysWhy(t *testing.T) {
	foreign := func(how func(*access.Binding)) access.Binding {
		return changed(bound("a", "edit"), func(b *access.Binding) { b.Labels, b.Managers = nil, []string{"kubectl"}; how(b) })
	}
	const way = "; let who made it delete it, or take the grant out of the documents"
	for want, b := range map[string]access.Binding{
		"it binds ClusterRole admin, wanted is ClusterRole edit":        foreign(func(b *access.Binding) { b.Role.Name = "admin" }),
		"its subjects are none, wanted are Group atlas-iam:ops:backend": foreign(func(b *access.Binding) { b.Subjects = nil }),
		"it binds ClusterRole admin, wanted is ClusterRole edit; its subjects are User eve, ServiceAccount ns/sa, wanted are Group atlas-iam:ops:backend": foreign(func(b *access.Binding) {
			b.Role.Name, b.Subjects = "admin", []access.Subject{{Kind: access.UserSubject, Name: "eve"}, {Kind: "ServiceAccount", Namespace: "ns", Name: "sa"}}
		}),
	} {
		p := Compute(wants(wantBound(test, wantRole("edit", patterns("a")))), sees(withKubernetes(haveCluster(test), []string{"a"}, b)), Options{})
		if len(p.Changes) != 1 || len(p.Changes[0].Held) != 1 || !strings.HasSuffix(p.Changes[0].Held[0].Reason, ": "+want+way) {
			t.Errorf("%+v, want %s", p.Changes, want)
		}
	}
	unread := func() *access.Snapshot {
		h := withKubernetes(haveCluster(test), nil)
		h.Kubernetes.NamespacesRead = false
		return sees(h)
	}
	pattern := wants(wantBound(test, wantRole("edit", patterns("a*"))))
	for want, have := range map[string]*access.Snapshot{
		"which namespaces match a* is not known: the namespaces of cluster test were not read":          unread(),
		"which namespaces match a* is not known: the namespaces of cluster test could not be read: 403": gap(unread(), access.Gap{What: access.GapNamespaces, Account: home, Region: "eu-west-1", Cluster: "test", Reason: "403"}),
	} {
		p := Compute(pattern, have, Options{})
		if len(p.Changes) != 1 || !slices.Equal(p.Changes[0].Held, []Hold{{HalfRead, want}}) {
			t.Errorf("%+v, want %s", p.Changes, want)
		}
	}
}
