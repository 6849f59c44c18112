package guard

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// Each way to act as a ServiceAccount, beside what is nearest to it and is none.
// (Kubernetes, RBAC good practices: privilege escalation)
//
// shows: item S138
func TestEachWayToActAsAServiceAccountIsKnown(t *testing.T) {
	for rule, want := range map[string]string{
		"/pods create": "run pods", "/replicationcontrollers create": "run pods", "apps/deployments create": "run pods", "apps/daemonsets create": "run pods",
		"apps/statefulsets create": "run pods", "apps/replicasets create": "run pods", "batch/jobs create": "run pods", "batch/cronjobs create": "run pods",
		"*/* *": "run pods", "batch/* *": "run pods", "/* create": "run pods",
		"/pods/exec create": "enter pods", "/pods/exec get": "enter pods", "/pods/attach create": "enter pods", "/pods/attach get": "enter pods", "/*/exec create": "enter pods",
		"/pods/ephemeralcontainers update": "put containers into pods", "/pods/ephemeralcontainers patch": "put containers into pods",
		"/serviceaccounts/token create": "take tokens", "/serviceaccounts/token create loki": "take tokens",
		"/serviceaccounts impersonate": "impersonate", "/serviceaccounts impersonate loki": "impersonate",

		"/pods get": "", "/pods delete": "", "/pods update": "", "/pods/log get": "", "/pods/exec list": "", "/pods/portforward create": "", "/pods/ephemeralcontainers get": "",
		"apps/pods create": "", "/deployments create": "", "batch/deployments create": "", "/configmaps create": "",
		"/serviceaccounts/token get": "", "/serviceaccounts/token create web": "", "/serviceaccounts impersonate web": "", "/serviceaccounts create": "", "/users impersonate": "",
	} {
		f := strings.Fields(rule)
		group, resource, _ := strings.Cut(f[0], "/")
		r := access.Rule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: f[1:2], ResourceNames: f[2:]}
		reads := access.Rule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"list", "watch"}}
		if got := wayToAccount([]access.Rule{reads, r}, "loki"); got != want {
			t.Errorf("%s: %q, want %q", rule, got, want)
		}
		if named := len(f) > 2; named && wayToAccount([]access.Rule{r}, "lo*") == "" { // some account of a pattern may bear the name
			t.Errorf("%s: not on a pattern", rule)
		}
	}
}

// What every cluster has of itself is nobody's access; everybody is somebody.
//
// shows: item S138
func TestWhatIsKubernetesOwnIsToldFromPeople(t *testing.T) {
	for subject, own := range map[access.Subject]bool{
		{Kind: access.ServiceAccountSubject, Namespace: "kube-system", Name: "job-controller"}: true,
		{Kind: access.ServiceAccountSubject, Namespace: "argocd", Name: "argocd"}:              false,
		{Kind: access.ServiceAccountSubject, Namespace: "web", Name: "system:x"}:               false,
		{Kind: access.UserSubject, Name: "system:kube-scheduler"}:                              true,
		{Kind: access.GroupSubject, Name: "system:nodes"}:                                      true,
		{Kind: access.GroupSubject, Name: "system:masters"}:                                    true,
		{Kind: access.GroupSubject, Name: "system:authenticated"}:                              false,
		{Kind: access.GroupSubject, Name: "system:unauthenticated"}:                            false,
		{Kind: access.GroupSubject, Name: "system:serviceaccounts"}:                            false,
		{Kind: access.GroupSubject, Name: "system:serviceaccounts:web"}:                        false,
		{Kind: access.GroupSubject, Name: "kube-system"}:                                       false,
		{Kind: access.UserSubject, Name: "ann"}:                                                false,
	} {
		if got := kubernetesOwn(subject); got != own {
			t.Errorf("%+v: %v", subject, got)
		}
	}
	for want, s := range map[string]access.Subject{
		"serviceaccount argocd/server": {Kind: access.ServiceAccountSubject, Namespace: "argocd", Name: "server"},
		"group platform":               {Kind: access.GroupSubject, Name: "platform"}, "user ann": {Kind: access.UserSubject, Name: "ann"},
	} {
		if got := subjectWords(s); got != want {
			t.Errorf("%+v: %q", s, got)
		}
	}
}

// The roles of a cluster are those that were read whole; where they were not,
// those that every cluster has.
//
// shows: item S138
func TestRolesThatWereNotReadAreKubernetesOwn(t *testing.T) {
	maker := clusterRole("maker", "pods create")
	read := manned().kubernetes(test, []string{"loki"}, []access.KubernetesRole{maker})
	unread := manned().kubernetes(test, []string{"loki"}, []access.KubernetesRole{maker}).change(func(w *world) { w.cluster(test).Kubernetes.RBACRead = false })
	for name, c := range map[string]struct {
		world       *world
		edit, maker bool
	}{
		"read":               {read, true, true},
		"not read":           {unread, true, false},
		"no API server":      {manned(), true, false},
		"of another cluster": {newWorld(), true, false},
	} {
		w := &workloads{in: inputOf(c.world, c.world.plan()), roles: map[access.ClusterKey][]access.KubernetesRole{}}
		for range 2 { // as it is asked again and again
			has := func(name string) bool {
				return slices.ContainsFunc(w.rolesOn(test), func(r access.KubernetesRole) bool { return r.Name == name && len(r.Rules) > 0 })
			}
			if has("edit") != c.edit || has("maker") != c.maker {
				t.Errorf("%s: edit %v, maker %v", name, has("edit"), has("maker"))
			}
		}
	}
}

// refusals.md row 30: who counts among those that make namespaces.
//
// shows: item S138
func TestOnlyPeopleWhoMakeNamespacesOnTheWholeClusterComeToAPatternsRole(t *testing.T) {
	maker, own := clusterRole("maker", "namespaces create"), clusterRole("system:maker", "namespaces create")
	group := []access.Subject{{Kind: access.GroupSubject, Name: "platform"}}
	of := func(kind access.SubjectKind, namespace, name string) []access.Subject {
		return []access.Subject{{Kind: kind, Namespace: namespace, Name: name}}
	}
	for name, c := range map[string]struct {
		namespace, role string
		subjects        []access.Subject
		held            bool
	}{
		"a group":                        {"", "maker", group, true},
		"a user":                         {"", "maker", of(access.UserSubject, "", "ann"), true},
		"everybody":                      {"", "maker", of(access.GroupSubject, "", "system:authenticated"), true},
		"one of several":                 {"", "maker", append(of(access.GroupSubject, "", "system:nodes"), group...), true},
		"twin: within a namespace":       {"loki", "maker", group, false},
		"twin: by a role of Kubernetes'": {"", "system:maker", group, false},
		"twin: Kubernetes itself":        {"", "maker", of(access.GroupSubject, "", "system:nodes"), false},
		"twin: a program":                {"", "maker", of(access.ServiceAccountSubject, "argocd", "server"), false},
		"twin: a role that is not there": {"", "gone", group, false},
		"twin: an administrator":         {"", "cluster-admin", group, false},
		"twin: a role that reads":        {"", "view", group, false},
	} {
		b := access.Binding{Namespace: c.namespace, Name: "theirs", Role: access.RoleRef{Kind: access.ClusterRole, Name: c.role}, Subjects: c.subjects, Managers: []string{"kubectl"}, UID: "u"}
		w := hosts().kubernetes(test, []string{"loki", "pr-1"}, []access.KubernetesRole{maker, own}, b)
		w.cluster(test).Kubernetes.ServiceAccountsRead = true
		p := w.runs(t, "IRSA pr-*/loki role/loki").plan()
		if i := indexOfRole(p); i < 0 || heldBy(&p.Changes[i], "privilege") != c.held {
			t.Errorf("%s: %v", name, judged(p))
		}
	}
	// A binding that the plan takes away gives nothing afterwards.
	mine := teamBinding("", "dev", "maker")
	w := hosts().kubernetes(test, []string{"loki", "pr-1"}, []access.KubernetesRole{maker}, mine)
	w.cluster(test).Kubernetes.ServiceAccountsRead = true
	runWorkloads(t, map[string]judgedCase{
		"it goes": {w.runs(t, "IRSA pr-*/loki role/loki"), []string{"create role/loki", "delete clusterbinding/test/atlas-iam:ops:dev:maker"}},
	})
}

// refusals.md row 42: of a role's policies those are held without which there
// is no way to everything.
//
// shows: item S102
func TestOnlyThePolicyThatLeadsToEverythingIsHeld(t *testing.T) {
	fine, pass := allows("s3:GetObject on arn:aws:s3:::b/*"), allows("iam:PassRole on *")
	with := func(w *world, inline map[string][]string, managed ...string) *world {
		r := &w.want.Roles[0]
		r.Managed, r.Inline = managed, nil
		for _, name := range slices.Sorted(maps.Keys(inline)) {
			r.Inline = append(r.Inline, access.RolePolicy{Name: name, Document: doc(t, iam.Identity, inline[name]...)})
		}
		return w
	}
	const own, admin = "arn:aws:iam::" + home + ":policy/own", "arn:aws:iam::aws:policy/AdministratorAccess"
	role := func() *world { return hosts().runs(t, "PodIdentity loki/loki role/loki") }
	stands := func() *world {
		return hosts().hasRole(t, "role/loki", true, podTrust, fine).runs(t, "PodIdentity loki/loki role/loki")
	}
	runWorkloads(t, map[string]judgedCase{
		"one of two": {with(role(), map[string][]string{"a": {fine}, "b": {pass}}),
			[]string{"create role/loki", "create rolepolicy/loki/a", "create rolepolicy/loki/b !privilege", "create podidentity/test/loki/loki !depends"}},
		"either would do": {with(role(), map[string][]string{"a": {pass}, "b": {pass, fine}}),
			[]string{"create role/loki", "create rolepolicy/loki/a !privilege", "create rolepolicy/loki/b !privilege", "create podidentity/test/loki/loki !depends !depends"}},
		"a managed policy beside one of its own": {with(role(), map[string][]string{"a": {fine}}, admin, own),
			[]string{"create role/loki", "create rolepolicy/loki/a", "create roleattachment/loki/policy/own", "create roleattachment/loki/" + admin + " !privilege", "create podidentity/test/loki/loki !depends"}},
		"a new policy beside one that stands": {with(stands(), map[string][]string{"p": {fine}, "q": {pass}}),
			[]string{"update role/loki", "create rolepolicy/loki/q !privilege", "create podidentity/test/loki/loki !depends"}},
		"an update beside one that is new": {with(stands(), map[string][]string{"p": {pass}, "q": {fine}}),
			[]string{"update role/loki", "create rolepolicy/loki/q", "update rolepolicy/loki/p !privilege", "create podidentity/test/loki/loki !depends"}},
		"a denial goes": {with(hosts().hasRole(t, "role/loki", true, podTrust, pass, `{"Effect":"Deny","Action":"iam:*","Resource":"*"}`).runs(t, "PodIdentity loki/loki role/loki"),
			map[string][]string{"p": {pass}, "q": {fine}}, own),
			[]string{"update role/loki", "create rolepolicy/loki/q", "update rolepolicy/loki/p !privilege", "create roleattachment/loki/policy/own", "create podidentity/test/loki/loki !depends"}},
		"twin: neither": {with(role(), map[string][]string{"a": {fine}, "b": {fine}}, own),
			[]string{"create role/loki", "create rolepolicy/loki/a", "create rolepolicy/loki/b", "create roleattachment/loki/policy/own", "create podidentity/test/loki/loki"}},
	})
}

// What a plan may take of what is ours is measured by all that is ours.
//
// shows: item S109
func TestWhatIsOursOfWorkloadsIsCounted(t *testing.T) {
	foreign, addon := map[string]string{"x": "y"}, "arn:aws:eks:eu-west-1:"+home+":addon/test/x/1"
	w := hosts().hasRole(t, "role/a", true, podTrust).hasRole(t, "role/b", true, podTrust).hasRole(t, "role/c", false, podTrust).registered(3)
	h := w.cluster(test)
	for i, p := range []access.PodIdentityAssociation{{Tags: us.Tags()}, {Tags: us.Tags()}, {Tags: us.Tags()}, {Tags: foreign}, {Tags: us.Tags(), OwnerARN: addon}} {
		p.ID, p.Namespace, p.ServiceAccount, p.Role = fmt.Sprint("a-", i), "loki", fmt.Sprint("sa-", i), arn("role/a")
		h.PodIdentities = append(h.PodIdentities, p)
	}
	h.Kubernetes.ArgoSecrets[0].Labels = nil
	for i, labels := range []map[string]string{us.Labels(), us.Labels(), us.Labels(), us.Labels(), nil} {
		h.Kubernetes.ServiceAccounts = append(h.Kubernetes.ServiceAccounts, access.HaveServiceAccount{Namespace: "loki", Name: fmt.Sprint("sa-", i), Labels: labels, Managers: []string{access.FieldManager}, UID: "u"})
	}
	in := inputOf(w, w.plan())
	for k, want := range map[access.ClusterKey]int{test: 3 + 4 + 2, {Account: home}: 2, prod: 0, {Account: partner}: 0} {
		if got := workloadsOfOurs(in, k); got != want {
			t.Errorf("%s: %d, want %d", placeName(k), got, want)
		}
	}
	if a, b := placeName(test), placeName(access.ClusterKey{Account: home}); a != "test" || b != "account "+home {
		t.Errorf("%q, %q", a, b)
	}
}

// shows: item S109
func TestEachListOfWorkloadsThatWasNotReadHoldsItsDeletes(t *testing.T) {
	all := func() *world {
		w := hosts().registered(0)
		w.cluster(test).Kubernetes.ServiceAccountsRead = true
		return w
	}
	account := access.ClusterKey{Account: home}
	kubernetes := func(f func(*access.HaveKubernetes)) func(*world) {
		return func(w *world) { f(w.cluster(test).Kubernetes) }
	}
	none := func(w *world) { w.cluster(test).Kubernetes = nil }
	for _, c := range []struct {
		kind   plan.Kind
		on     access.ClusterKey
		unread []func(*world)
		says   string
	}{
		{plan.Role, account, []func(*world){func(w *world) { w.have.Accounts[0].DetailsRead = false }}, "the policies of the roles of account " + home},
		{plan.RolePolicy, account, []func(*world){func(w *world) { w.have.Accounts[0].DetailsRead = false }}, "the policies of the roles of account " + home},
		{plan.RoleAttachment, account, []func(*world){func(w *world) { w.have.Accounts = nil }}, "the policies of the roles of account " + home},
		{plan.PodIdentityAssociation, test, []func(*world){func(w *world) { w.cluster(test).PodIdentitiesRead = false }, func(w *world) { w.have.Clusters = nil }}, "the Pod Identity associations of test"},
		{plan.ServiceAccount, test, []func(*world){none, kubernetes(func(k *access.HaveKubernetes) { k.ServiceAccountsRead = false }), func(w *world) { w.have.Clusters = nil }}, "the ServiceAccounts of test"},
		{plan.ArgoCDSecret, test, []func(*world){none, kubernetes(func(k *access.HaveKubernetes) { k.ArgoSecretsRead = false }), func(w *world) { w.have.Clusters = nil }}, "the Secrets of the Argo CD on test"},
	} {
		change := &plan.Change{Kind: c.kind, Cluster: c.on, Verb: plan.Delete}
		if got := unreadWorkload(inputOf(all(), nil), change); got != "" {
			t.Errorf("%s, all read: %s", c.kind, got)
		}
		for i, f := range c.unread {
			if got := unreadWorkload(inputOf(all().change(f), nil), change); !strings.HasPrefix(got, c.says+" were not read") {
				t.Errorf("%s, not read in way %d: %q", c.kind, i, got)
			}
		}
	}
}

// A saved plan's step to mode API is refused if aws-auth maps others by then.
//
// shows: item S61
func TestTheFactOfAwsAuthTellsWhomItMaps(t *testing.T) {
	facts := func(m *access.AuthMap) []plan.Fact {
		w := manned().withAuthMap(m)
		w.document(test).Mode = access.ModeAPI
		return slices.DeleteFunc(w.plan().Facts, func(f plan.Fact) bool { return f.Guard != "mode-api" })
	}
	zoe := &access.AuthMap{MapUsers: "- {userarn: arn:aws:iam::" + home + ":user/zoe, groups: [g]}"}
	for name, c := range map[string]struct {
		m    *access.AuthMap
		want string
	}{"nobody": {nil, ""}, "a user": {zoe, "arn:aws:iam::" + home + ":user/zoe, who has no entry"}} {
		if diff := cmp.Diff([]plan.Fact{{Guard: "mode-api", Subject: test.String(), Value: c.want}}, facts(c.m)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// refusals.md row 29: who counts among those that may act as a ServiceAccount
// already.
//
// shows: item S138
func TestWhoMayRunPodsBesideANewWorkloadIsListed(t *testing.T) {
	group := []access.Subject{{Kind: access.GroupSubject, Name: "platform"}}
	for name, c := range map[string]struct {
		namespace, role string
		subjects        []access.Subject
		want            string
	}{
		"in its namespace":               {"loki", "edit", group, "group platform (ClusterRole edit) may act in loki"},
		"on the whole cluster":           {"", "edit", group, "group platform (ClusterRole edit) may act in loki"},
		"by a role of one's own":         {"loki", "runner", group, "group platform (ClusterRole runner) may act in loki"},
		"two of them":                    {"loki", "edit", append(group, access.Subject{Kind: access.UserSubject, Name: "ann"}), "group platform (ClusterRole edit) and user ann (ClusterRole edit) may act in loki"},
		"beside Kubernetes itself":       {"loki", "edit", append(group, access.Subject{Kind: access.GroupSubject, Name: "system:nodes"}), "group platform (ClusterRole edit) may act in loki"},
		"twin: elsewhere":                {"web", "edit", group, ""},
		"twin: a role that reads":        {"loki", "view", group, ""},
		"twin: a role that is not there": {"loki", "gone", group, ""},
		"twin: an administrator":         {"", "cluster-admin", group, ""},
		"twin: by a role of Kubernetes'": {"loki", "system:runner", group, ""},
		"twin: Kubernetes itself":        {"loki", "edit", []access.Subject{{Kind: access.ServiceAccountSubject, Namespace: "kube-system", Name: "x"}}, ""},
	} {
		b := access.Binding{Namespace: c.namespace, Name: "theirs", Role: access.RoleRef{Kind: access.ClusterRole, Name: c.role}, Subjects: c.subjects, Managers: []string{"kubectl"}, UID: "u"}
		w := hosts().kubernetes(test, []string{"loki", "web"}, []access.KubernetesRole{clusterRole("runner", "pods create"), clusterRole("system:runner", "pods create")}, b)
		w.cluster(test).Kubernetes.ServiceAccountsRead = true
		p := w.runs(t, "PodIdentity loki/loki role/loki").plan()
		if got := reasons(p, "workload-role"); !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Where no API server answers, what policies give is still listed.
func TestWhoMayRunPodsIsListedWithoutAnAPIServer(t *testing.T) {
	w := hosts().ours(test, "user/ann", "Edit:loki").wants(test, "dev", "user/ann", "Edit:loki")
	w.cluster(test).Kubernetes = nil
	p := w.runs(t, "PodIdentity loki/loki role/loki").plan()
	if got := reasons(p, "workload-role"); !strings.HasPrefix(got, "user/ann (Edit) may act in loki") {
		t.Errorf("%q of %v", got, judged(p))
	}
}

// What a binding's change takes is said by whom it bound, where some stay.
func TestABindingThatLosesSubjectsSaysWhom(t *testing.T) {
	of := func(names ...string) *access.Binding {
		b := teamBinding("dev", "team", "edit")
		b.Subjects = nil
		for _, n := range names {
			kind, name, _ := strings.Cut(n, " ")
			b.Subjects = append(b.Subjects, access.Subject{Kind: access.SubjectKind(kind), Name: name})
		}
		return &b
	}
	all := of("Group platform", "User ann", "User bob")
	for want, to := range map[string]*access.Binding{
		"ClusterRole edit in dev":                                 nil,
		"ClusterRole edit in dev for user ann":                    of("Group platform", "User bob"),
		"ClusterRole edit in dev for group platform and user ann": of("User bob", "User cid"),
		"": of("Group platform", "User ann", "User bob", "User cid"),
	} {
		c := &plan.Change{Kind: plan.RoleBinding, From: plan.Binding{Binding: *all}}
		if to != nil {
			c.To = plan.Binding{Binding: *to}
		}
		if got := strings.Join(bindingLosses(c), "; "); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
