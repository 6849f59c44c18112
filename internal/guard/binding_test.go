package guard

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// clusterRole reads "pods,secrets get,list", "nodes/proxy get", "escalate" or
// "impersonate" into a ClusterRole of one rule.
func clusterRole(name, what string) access.KubernetesRole {
	resources, verbs, two := strings.Cut(what, " ")
	rule := access.Rule{Verbs: strings.Split(verbs, ","), Resources: strings.Split(resources, ","), APIGroups: []string{"", "apps"}}
	if !two {
		rule = access.Rule{Verbs: []string{what}, Resources: []string{"clusterroles", "roles", "users", "groups", "serviceaccounts"}, APIGroups: []string{"*"}}
	}
	return access.KubernetesRole{Name: name, Rules: []access.Rule{rule}}
}

// teamBinding is a binding of ours, named as its team and role.
func teamBinding(namespace, team, role string) access.Binding {
	return access.Binding{Namespace: namespace, Name: "atlas-iam:ops:" + team + ":" + role, Role: access.RoleRef{Kind: access.ClusterRole, Name: role},
		Subjects: []access.Subject{{Kind: access.GroupSubject, Name: access.TeamGroup("ops", team)}}, Labels: us.Labels(), Managers: []string{"atlas-iam"}, UID: namespace + role}
}

// kubernetes gives a cluster a Kubernetes side that was read whole, with
// Kubernetes' own roles.
func (w *world) kubernetes(k access.ClusterKey, namespaces []string, roles []access.KubernetesRole, stands ...access.Binding) *world {
	all := slices.Concat(rbac.Aggregate(rbac.DefaultRoles()), roles)
	slices.SortFunc(all, func(a, b access.KubernetesRole) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	slices.SortFunc(stands, func(a, b access.Binding) int { return a.Compare(&b) })
	w.cluster(k).Kubernetes = &access.HaveKubernetes{RBACRead: true, Roles: all, Bindings: stands, NamespacesRead: true, Namespaces: namespaces, AuthMapRead: true}
	return w
}

// bindsRole adds a team's wish for a ClusterRole.
func (w *world) bindsRole(k access.ClusterKey, team, role string, scope access.Scope) *world {
	d := w.document(k)
	d.Via = access.ViaDirect
	d.Bindings = append(d.Bindings, access.WantBinding{Team: team, Group: access.TeamGroup("ops", team), Name: "atlas-iam:ops:" + team + ":" + role,
		Role: access.RoleRef{Kind: access.ClusterRole, Name: role}, Scope: scope,
		Parts: []access.WantScope{{Scope: scope, Source: access.Source{Team: team, Place: access.Place{File: team + ".yaml", Line: 6}}}}})
	return w
}

func in(namespaces ...string) access.Scope { return access.NamespaceScope(namespaces...) }

// refusals.md row 28: each way with its legal twin.
//
// shows: item S60
func TestRow28ARoleThatLeadsFurtherThanItSaysIsHeldAndThePathSpeltOut(t *testing.T) {
	whole := access.ClusterScope()
	rule := func(groups, resources, verbs string, names ...string) access.KubernetesRole {
		return access.KubernetesRole{Name: "custom", Rules: []access.Rule{{APIGroups: strings.Split(groups, ","), Resources: strings.Split(resources, ","),
			Verbs: strings.Split(verbs, ","), ResourceNames: names}}}
	}
	const rbacAPI = "rbac.authorization.k8s.io"
	for name, c := range map[string]struct {
		role  access.KubernetesRole
		scope access.Scope
		says  string // empty: it goes through
	}{
		"escalate":                        {rule(rbacAPI, "clusterroles", "escalate"), whole, "writes any right"},
		"escalate, in a namespace":        {rule(rbacAPI, "roles", "escalate"), in("dev"), "writes any right"},
		"reading roles":                   {rule(rbacAPI, "clusterroles,roles", "get,list,watch"), whole, ""},
		"bind":                            {rule(rbacAPI, "clusterroles", "bind", "cluster-admin"), whole, "cluster-admin too"},
		"reading bindings":                {rule(rbacAPI, "rolebindings", "get"), whole, ""},
		"impersonate groups":              {rule("", "groups", "impersonate"), whole, "system:masters"},
		"impersonate in a namespace":      {rule("", "serviceaccounts", "impersonate"), in("dev"), "any ServiceAccount"},
		"users in a namespace are none":   {rule("", "users,groups", "impersonate"), in("dev"), ""},
		"everything":                      {rule("*", "*", "*"), whole, "all there is"},
		"everything in a namespace":       {rule("*", "*", "*"), in("dev"), "all there is"},
		"everything of one group":         {rule("apps", "*", "*"), whole, ""},
		"get of nodes/proxy":              {rule("", "nodes/proxy", "get"), whole, "every container"},
		"nodes/proxy in a namespace":      {rule("", "nodes/proxy", "*"), in("dev"), ""},
		"get of nodes":                    {rule("", "nodes", "get,list"), whole, ""},
		"tokens":                          {rule("", "serviceaccounts/token", "create"), in("dev"), "tokens of any"},
		"making ServiceAccounts":          {rule("", "serviceaccounts", "create"), in("dev"), ""},
		"approving":                       {rule("certificates.k8s.io", "certificatesigningrequests/approval", "update"), whole, "signed"},
		"asking for a certificate":        {rule("certificates.k8s.io", "certificatesigningrequests", "create"), whole, ""},
		"a webhook":                       {rule("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "patch"), whole, "webhook reads"},
		"reading webhooks":                {rule("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "get"), whole, ""},
		"a volume":                        {rule("", "persistentvolumes", "create"), whole, "node's files"},
		"a claim":                         {rule("", "persistentvolumeclaims", "create"), whole, ""},
		"secrets":                         {rule("", "secrets", "get,list"), in("dev"), "contents"},
		"one secret":                      {rule("", "secrets", "get,list", "tls"), in("dev"), ""},
		"all resources of the core group": {rule("", "*", "get,list"), in("dev"), "contents"},
		"pods":                            {rule("", "pods,pods/log,configmaps", "*"), whole, ""},
	} {
		w := newWorld().kubernetes(test, []string{"dev"}, []access.KubernetesRole{c.role}).bindsRole(test, "team", "custom", c.scope)
		p := w.plan()
		if len(p.Changes) != 1 {
			t.Fatalf("%s: %v", name, judged(p))
		}
		said := reasons(p, "privilege")
		if held := heldBy(&p.Changes[0], "privilege"); held != (c.says != "") || !strings.Contains(said, c.says) {
			t.Errorf("%s: held %v: %s", name, held, said)
		}
		w.allow("privilege")
		if p := w.plan(); len(p.Changes[0].Held) != 0 {
			t.Errorf("%s: --allow leaves it held", name)
		}
	}
}

// Who writes one of these names knows what it gives, as with EKS's policies.
func TestKubernetesOwnRolesForPeopleAreNotHeldButWhatAClusterAddsToThemIs(t *testing.T) {
	for _, role := range []string{"view", "edit", "admin", "cluster-admin"} {
		for _, scope := range []access.Scope{in("dev"), access.ClusterScope()} {
			w := newWorld().kubernetes(test, []string{"dev"}, nil).bindsRole(test, "team", role, scope)
			if p := w.plan(); len(p.Changes) != 1 || len(p.Changes[0].Held) != 0 || len(p.Warnings) != 0 {
				t.Errorf("%s: %v %v", role, judged(p), p.Warnings)
			}
		}
	}
	added := newWorld().kubernetes(test, []string{"dev"}, nil).bindsRole(test, "team", "edit", in("dev"))
	roles := added.cluster(test).Kubernetes.Roles
	for i := range roles {
		if roles[i].Name == "edit" {
			roles[i].Rules = append(slices.Clone(roles[i].Rules), access.Rule{APIGroups: []string{"rbac.authorization.k8s.io"}, Resources: []string{"roles"}, Verbs: []string{"escalate"}})
		}
	}
	if p := added.plan(); !heldBy(&p.Changes[0], "privilege") || !strings.Contains(reasons(p, "privilege"), "this cluster adds, holds escalate") {
		t.Errorf("%v", p.Changes[0].Held)
	}
	missing := newWorld().kubernetes(test, []string{"dev"}, nil).bindsRole(test, "team", "later", in("dev"))
	if p := missing.plan(); len(p.Changes[0].Held) != 0 || !strings.Contains(reasons(p, "no-role"), "is not there") {
		t.Errorf("%v", judged(p))
	}
}

// shows: item S60
func TestWhatTheAPIServerWouldRefuseIsHeldBeforeTheFirstWrite(t *testing.T) {
	for refused, held := range map[string]string{"": "", "Forbidden: attempting to grant RBAC permissions not currently held": "refused"} {
		w := newWorld().kubernetes(test, []string{"dev"}, nil).bindsRole(test, "team", "edit", in("dev"))
		w.cluster(test).Kubernetes.Trials = []access.Trial{{Binding: teamBinding("dev", "team", "edit"), Verb: access.TryApply, Refused: refused}}
		w.allow("privilege", "protected")
		p := w.plan()
		if len(p.Changes[0].Held) > 0 != (held != "") || held != "" && !heldBy(&p.Changes[0], held) {
			t.Errorf("%q: %v", refused, p.Changes[0].Held)
		}
	}
}

// What a group gives, its members lose with it.
//
// shows: item S61
func TestABindingThatGoesIsJudgedByWhoHasItsRole(t *testing.T) {
	group := "group:" + access.TeamGroup("ops", "team")
	stands := func(w *world) *world {
		return w.kubernetes(test, []string{"dev", "qa"}, nil, teamBinding("dev", "team", "edit"), teamBinding("qa", "team", "edit"))
	}
	narrowed := func(w *world) *world { return stands(w).bindsRole(test, "team", "edit", in("dev")) }
	const gone = "delete binding/test/qa/atlas-iam:ops:team:edit"
	both := func(who string) *world {
		return narrowed(manned().ours(test, who, group).wants(test, "team", who, group))
	}
	runJudged(t, map[string]judgedCase{
		"nobody in particular":        {both("user/ann"), []string{gone}},
		"the caller has it":           {both("role/runner"), []string{gone + " !caller"}},
		"somebody protected has it":   {both("user/ann").protects(test, "user/ann"), []string{gone + " !protected"}},
		"somebody protected has none": {both("user/ann").protects(test, "user/bob"), []string{gone}},
		"documents were left out": {both("user/ann").change(func(w *world) { w.want.Partial = []string{"x.yaml"} }),
			[]string{gone + " !partial-input"}},
		"the caller only gains": {stands(manned().ours(test, "role/runner", group).wants(test, "team", "role/runner", group)).
			bindsRole(test, "team", "edit", in("*")).change(func(w *world) {
			k := w.cluster(test).Kubernetes
			k.Bindings = k.Bindings[:1]
		}), []string{"create binding/test/qa/atlas-iam:ops:team:edit"}},
		"its team selects no cluster": {stands(manned().wants(test, "base", "user/ann", "View:a").ours(test, "user/ann", "View:a")).change(func(w *world) {
			w.document(test).Idle = []access.IdleMember{{Member: member("user/bob"), Team: "team"}}
		}), []string{gone + " !delete-all", "delete binding/test/dev/atlas-iam:ops:team:edit !delete-all"}},
		"nothing is wanted": {stands(newWorld()), []string{gone + " !delete-all", "delete binding/test/dev/atlas-iam:ops:team:edit !delete-all"}},
	})
	many := manned()
	var all []access.Binding
	for _, ns := range people(12) {
		all = append(all, teamBinding(strings.TrimPrefix(ns, "user/"), "team", "edit"))
	}
	var namespaces []string
	for _, b := range all {
		namespaces = append(namespaces, b.Namespace)
	}
	many.kubernetes(test, namespaces, nil, all...).bindsRole(test, "team", "edit", in("none"))
	if p := many.plan(); len(p.Changes) != 12 || !heldBy(&p.Changes[0], "mass-deletion") {
		t.Errorf("%v", judged(p))
	}
	ten := 12
	many.options.MaxDeletes = &ten
	if p := many.plan(); len(p.Changes) != 12 || len(p.Changes[0].Held) != 0 {
		t.Errorf("%v", judged(p))
	}
}

// refusals.md row 3.
func TestRow3AUsernameThatABindingBindsIsNotTaken(t *testing.T) {
	deploy := access.Binding{Name: "legacy", Role: access.RoleRef{Kind: access.ClusterRole, Name: "admin"}, Subjects: []access.Subject{{Kind: access.UserSubject, Name: "deploy"}}}
	for name, c := range map[string]struct {
		username string
		bound    access.Binding
		had      string
		held     bool
	}{
		"a name that is bound":        {"deploy", deploy, "", true},
		"another name":                {"ann", deploy, "", false},
		"a template that can make it": {"de{{SessionName}}", deploy, "", true},
		"a group of that name":        {"deploy", access.Binding{Name: "g", Role: deploy.Role, Subjects: []access.Subject{{Kind: access.GroupSubject, Name: "deploy"}}}, "", false},
		"it had it before":            {"deploy", deploy, "username:deploy", false},
	} {
		w := manned().kubernetes(test, nil, nil, c.bound).wants(test, "team", "user/ann", "group:g username:"+c.username)
		if c.had != "" {
			w.ours(test, "user/ann", c.had)
		}
		p := w.plan()
		held := strings.Contains(reasons(p, "username-taken"), "is bound to ClusterRole admin")
		if held != c.held || len(p.Changes) == 0 {
			t.Errorf("%s: held %v: %v", name, held, judged(p))
		}
	}
}

func TestADeleteOfABindingThatWasNotReadIsHeld(t *testing.T) {
	w := newWorld().kubernetes(test, []string{"dev"}, nil, teamBinding("dev", "team", "edit"))
	p := w.plan()
	p.Changes[0].Held = nil
	for _, read := range []bool{true, false} {
		w.cluster(test).Kubernetes.RBACRead = read
		got := halfRead().Check(inputOf(w, p)).Holds
		if (len(got) == 0) != read {
			t.Errorf("read %v: %s", read, cmp.Diff(nil, got))
		}
	}
	if p.Changes[0].Kind != plan.RoleBinding {
		t.Error("the test is about a binding")
	}
}
