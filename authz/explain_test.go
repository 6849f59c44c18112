package authz

import (
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/google/go-cmp/cmp"
)

// The shortest way comes first, whatever the order of the facts.
func TestReasonsAreOrdered(t *testing.T) {
	f := Facts{Mode: access.ModeAPI, Entries: []Entry{entry(ann, "AmazonEKSEditPolicy", access.ClusterScope(), "devs")}, DefaultRBAC: true, Bindings: []Binding{clusterBinding("b", "edit", group("devs"))}}
	c := compiled(t, f)
	id, _, _ := c.Identify(ann, "")
	id.Groups = append(id.Groups, Masters)
	var kinds []ReasonKind
	for _, r := range c.Explain(id, createPods).Reasons {
		kinds = append(kinds, r.By)
	}
	if want := []ReasonKind{ByMasters, ByPolicy, ByBinding, ByBinding}; !slices.Equal(kinds, want) { // cluster-admin is bound to system:masters too
		t.Errorf("%q, want %q", kinds, want)
	}
}

// A reason in a line: what, where, through what, why not.
func inWords(list []Reason) []string {
	var out []string
	for _, r := range list {
		words := []string{string(r.By)}
		if r.Policy != "" {
			words = append(words, access.ShortPolicy(r.Policy))
		}
		if r.Binding != nil {
			words = append(words, r.Binding.Kind(), r.Binding.Name, "of", r.Binding.Role.String())
		}
		if r.By != ByNothing {
			words = append(words, "on", r.Scope.String())
		}
		if r.Through != "" {
			words = append(words, "to", r.Through)
		}
		if r.Miss != "" {
			words = append(words, "misses by", string(r.Miss))
		}
		if r.Rule != nil {
			words = append(words, "rule", strings.Join(r.Rule.Verbs, ","), strings.Join(slices.Concat(r.Rule.Resources, r.Rule.ResourceNames, r.Rule.NonResourceURLs), ","))
		}
		for _, s := range r.Sources {
			words = append(words, s.Place.File)
		}
		out = append(out, strings.Join(words, " "))
	}
	return out
}

func ownWords(r *access.Rule) string {
	if r == nil {
		return ""
	}
	return "own " + strings.Join(slices.Concat(r.Verbs, r.APIGroups, r.Resources, r.NonResourceURLs), " ")
}

func remedyWords(list []Remedy) []string {
	var out []string
	for _, r := range list {
		out = append(out, strings.TrimSpace(access.ShortPolicy(r.Policy)+r.Role+ownWords(r.Own)+" on "+r.Scope.String()+": "+strings.Join(r.Also, ", ")))
	}
	return out
}

// shows: item S51
func TestExplain(t *testing.T) {
	place := func(file string) access.Source { return access.Source{Place: access.Place{File: file}} }
	both := entry(ann, "AmazonEKSEditPolicy", access.NamespaceScope("*backend*"), "devs")
	both.Associations = append(both.Associations, access.Association{Policy: policyPrefix + "AmazonEKSViewPolicy", Scope: access.NamespaceScope("*ops*")})
	both.Scopes = map[string][]access.WantScope{policyPrefix + "AmazonEKSEditPolicy": {{Scope: access.NamespaceScope("*backend*"), Source: place("backend.yaml")}}}
	inTest := clusterBinding("b", "edit", group("devs"))
	inTest.Namespace, inTest.Sources = "test-ns", []access.Source{place("devs.yaml")}
	narrow := Facts{Entries: []Entry{entry(ann, "", access.Scope{}, "devs")}, Bindings: []Binding{clusterBinding("n", "named", group("devs"))},
		Roles: []access.KubernetesRole{{Name: "named", Rules: []access.Rule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{"web"}}}}}}
	tests := []struct {
		name                      string
		facts                     Facts
		r                         Request
		want                      Verdict
		reasons, misses, remedies []string
		unknown                   []Part
		assumptions               []string
	}{
		{
			name: "allowed twice", facts: Facts{Entries: []Entry{both}, Bindings: []Binding{inTest, clusterBinding("wide", "edit", group("devs"))}, DefaultRBAC: true},
			r: createPods, want: Allow,
			reasons:     []string{"policy Edit on *backend* rule create,delete,deletecollection,patch,update pods,pods/attach,pods/exec,pods/portforward,pods/proxy backend.yaml", "binding ClusterRoleBinding wide of ClusterRole edit on cluster to group devs rule create,delete,deletecollection,patch,update pods,pods/attach,pods/exec,pods/portforward,pods/proxy"},
			assumptions: []string{"default-roles", "namespace-pattern", "namespace-scope"},
		},
		{
			name: "denied where another pattern has it", facts: Facts{Entries: []Entry{both}, Bindings: []Binding{inTest}, DefaultRBAC: true},
			r: Request{Verb: "create", Resource: "pods", Namespace: "ops-monitoring-ns"}, want: Deny,
			misses: []string{
				"policy Edit on *backend* misses by namespace rule create,delete,deletecollection,patch,update pods,pods/attach,pods/exec,pods/portforward,pods/proxy backend.yaml",
				"binding RoleBinding b of ClusterRole edit on test-ns to group devs misses by namespace rule create,delete,deletecollection,patch,update pods,pods/attach,pods/exec,pods/portforward,pods/proxy devs.yaml",
				"policy View on *ops* misses by verb rule get,list,watch pods",
			},
			remedies: []string{
				"Edit on ops-monitoring-ns: read and write secrets, exec in pods, impersonate serviceaccounts",
				"edit on ops-monitoring-ns: read and write secrets, exec in pods, impersonate serviceaccounts",
			},
			assumptions: []string{"default-roles", "namespace-pattern", "namespace-scope"},
		},
		{
			name: "over all namespaces", facts: Facts{Entries: []Entry{both}}, r: Request{Verb: "list", Resource: "pods"}, want: Deny,
			misses: []string{"policy Edit on *backend* misses by scope rule get,list,watch " + readPods(t) + " backend.yaml", "policy View on *ops* misses by scope rule get,list,watch " + readPods(t)},
			// Of the policies that list pods everywhere View alone holds none of the others.
			remedies:    []string{"View on cluster:"},
			assumptions: []string{"namespace-pattern", "namespace-scope"},
		},
		{
			name: "the rule is for another name", facts: narrow, r: Request{Verb: "get", Resource: "secrets", Namespace: "x", Name: "db"}, want: Deny,
			misses:   []string{"binding ClusterRoleBinding n of ClusterRole named on cluster to group devs misses by name rule get secrets,web"},
			remedies: []string{"SecretReader on x: read secrets"},
		},
		{
			name: "and for that name", facts: narrow, r: Request{Verb: "get", Resource: "secrets", Namespace: "x", Name: "web"}, want: Allow,
			reasons: []string{"binding ClusterRoleBinding n of ClusterRole named on cluster to group devs rule get secrets,web"},
		},
		{
			name: "no rule for the resource", facts: Facts{Entries: []Entry{entry(ann, "AmazonEKSViewPolicy", access.ClusterScope())}}, r: Request{Verb: "list", Group: "example.com", Resource: "widgets", Namespace: "x"}, want: Deny,
			misses:   []string{"policy View on cluster misses by resource"},
			remedies: []string{"own list example.com widgets on x:", "AdminView on x: read secrets, exec in pods"},
		},
		{
			name: "nobody", facts: Facts{}, r: createPods, want: Deny,
			misses: []string{"unmapped"}, remedies: []string{"Edit on dev-backend-api-ns: read and write secrets, exec in pods, impersonate serviceaccounts"},
		},
		{
			name: "an entry that is dead", facts: Facts{Entries: []Entry{func() Entry {
				e := entry(ann, "AmazonEKSClusterAdminPolicy", access.ClusterScope())
				e.Dead, e.Sources = true, []access.Source{place("devs.yaml")}
				return e
			}()}}, r: createPods, want: Deny,
			misses: []string{"unmapped misses by dead devs.yaml"}, remedies: []string{"Edit on dev-backend-api-ns: read and write secrets, exec in pods, impersonate serviceaccounts"},
		},
		{
			// refusals.md 27: a policy whose rules are not published.
			name: "rules that AWS keeps to itself", facts: Facts{Entries: []Entry{entry(ann, "AmazonEKSACKPolicy", access.ClusterScope())}}, r: createPods, want: Undetermined,
			unknown: []Part{UnknownPolicies},
		},
		{
			name: "rules that AWS keeps to itself, elsewhere", facts: Facts{Entries: []Entry{entry(ann, "AmazonEKSACKPolicy", access.NamespaceScope("ops"))}}, r: createPods, want: Deny,
			remedies: []string{"Edit on dev-backend-api-ns: read and write secrets, exec in pods, impersonate serviceaccounts"},
		},
		{
			name: "system:masters by aws-auth", facts: Facts{Mode: access.ModeConfigMap, AuthMap: &access.AuthMap{MapUsers: "- {userarn: " + ann + ", username: ann, groups: [system:masters]}"}}, r: listNodes, want: Allow,
			reasons: []string{"system:masters on cluster to group system:masters"},
		},
		{
			name: "two lines of aws-auth that differ in letter case", facts: Facts{Mode: access.ModeConfigMap, AuthMap: &access.AuthMap{MapUsers: "- {userarn: " + ann + ", username: a}\n- {userarn: " + strings.ToUpper(ann) + ", username: b, groups: [system:masters]}"}},
			r: listNodes, want: Undetermined, unknown: []Part{UnknownAuthMap},
		},
		{
			name: "two lines that are equal: the last", facts: Facts{Mode: access.ModeConfigMap, AuthMap: &access.AuthMap{MapUsers: "- {userarn: " + ann + ", username: a}\n- {userarn: " + ann + ", username: b, groups: [system:masters]}"}},
			r: listNodes, want: Allow, reasons: []string{"system:masters on cluster to group system:masters"},
		},
		{
			name: "a URL", facts: Facts{Entries: []Entry{entry(ann, "AmazonEKSEditPolicy", access.ClusterScope())}}, r: Request{Verb: "get", Path: "/metrics"}, want: Deny,
			misses: []string{"policy Edit on cluster misses by resource"}, remedies: []string{"own get /metrics on cluster:", "ClusterAdmin on cluster: everything there"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := compiled(t, tt.facts)
			id, by, _ := c.Identify(ann, "")
			e := c.Explain(id, tt.r)
			if e.Verdict != tt.want || c.Decide(id, tt.r) != tt.want {
				t.Errorf("Explain %v, Decide %v, want %v", e.Verdict, c.Decide(id, tt.r), tt.want)
			}
			if e.MappedBy != by || (e.Identity != nil) != (id.Username != "" || len(id.Groups) > 0) {
				t.Errorf("mapped by %q, want %q; identity %+v", e.MappedBy, by, e.Identity)
			}
			var unknown []Part
			for _, u := range e.Unknown {
				unknown = append(unknown, u.Part)
				if u.Why == "" || u.Settle == "" {
					t.Errorf("%+v says too little", u)
				}
			}
			for what, pair := range map[string][2]any{
				"reasons": {tt.reasons, inWords(e.Reasons)}, "misses": {tt.misses, inWords(e.Misses)}, "remedies": {tt.remedies, remedyWords(e.Remedies)},
				"unknown": {tt.unknown, unknown}, "assumptions": {tt.assumptions, e.Assumptions},
			} {
				if d := cmp.Diff(pair[0], pair[1]); d != "" {
					t.Errorf("%s (-want +got):\n%s", what, d)
				}
			}
		})
	}
}

// readPods is the rule of the View policy for pods, whose resources are many.
func readPods(t *testing.T) string {
	t.Helper()
	for _, r := range publishedPolicies() {
		if r.name == "AmazonEKSViewPolicy" {
			if x := allows(r.rules, Request{Verb: "list", Resource: "pods"}); x != nil {
				return strings.Join(x.Resources, ",")
			}
		}
	}
	t.Fatal("View lists no pods")
	return ""
}

// The Node authorizer goes by what runs on a node: what the node's role lists
// cannot be told, all else is as for everybody.
func TestANodesRightsAreItsPods(t *testing.T) {
	node := Entry{Entry: access.Entry{Principal: devRole, Type: access.EC2Linux, Username: "system:node:{{EC2PrivateDNSName}}", Groups: []string{"system:nodes"}}}
	c := compiled(t, Facts{Entries: []Entry{node}, DefaultRBAC: true})
	for session, lets := range map[string]bool{"": true, "i-0123456789abcdef0": true, "somebody": false} {
		id, _, v := c.Identify(devRole, session)
		if (v == Allow) != lets {
			t.Errorf("session %q: Identify %v", session, v)
		}
		want := map[Verdict]Request{Undetermined: {Verb: "get", Resource: "secrets", Namespace: "x", Name: "y"}, Deny: {Verb: "delete", Resource: "secrets", Namespace: "x"}}
		for v, r := range want {
			if !lets {
				v = Deny
			}
			if got := c.Decide(id, r); got != v {
				t.Errorf("session %q: %+v: %v, want %v", session, r, got, v)
			}
		}
	}
	e := c.Explain(Identity{Principal: devRole, Username: "system:node:x", Groups: []string{"system:nodes"}}, Request{Verb: "get", Resource: "secrets", Namespace: "x"})
	if len(e.Unknown) != 1 || e.Unknown[0].Part != UnknownNode {
		t.Errorf("%+v", e.Unknown)
	}
	human := entry(ann, "", access.Scope{})
	if e := compiled(t, Facts{Entries: []Entry{human}, DefaultRBAC: true}); e.Decide(User(ann), Request{Verb: "get", Resource: "secrets", Namespace: "x"}) != Deny {
		t.Error("who is no node is not asked about as one")
	}
}

// shows: item S52
func TestWhoComesToItAlone(t *testing.T) {
	rule := func(group, resource, names string, verbs ...string) access.Rule {
		r := access.Rule{Verbs: verbs, APIGroups: []string{group}, Resources: strings.Split(resource, ",")}
		if names != "" {
			r.ResourceNames = strings.Split(names, ",")
		}
		return r
	}
	const rb = "rbac.authorization.k8s.io"
	keeper := access.KubernetesRole{Name: "keeper", Rules: []access.Rule{rule("", "secrets", "", "get")}}
	robot := clusterBinding("robot", "keeper", access.Subject{Kind: access.ServiceAccountSubject, Namespace: "ops", Name: "robot"})
	kept := clusterBinding("kept", "keeper", group("keepers"))
	boss := clusterBinding("boss", "keeper", user("boss"))
	secrets := Request{Verb: "get", Resource: "secrets", Namespace: "backend", Name: "x"}
	tests := []struct {
		name  string
		rules []access.Rule // of the role that ann's group has in the whole cluster
		in    string        // or in this namespace
		want  Route
	}{
		{"nothing", nil, "", ""},
		{"a ServiceAccount that may", []access.Rule{rule("", "serviceaccounts", "", "impersonate")}, "", ByImpersonation},
		{"ServiceAccounts of its namespace", []access.Rule{rule("", "serviceaccounts", "", "impersonate")}, "ops", ByImpersonation},
		{"ServiceAccounts of a namespace where none may", []access.Rule{rule("", "serviceaccounts", "", "impersonate")}, "backend", ""},
		{"that ServiceAccount by name", []access.Rule{rule("", "serviceaccounts", "robot", "impersonate")}, "ops", ByImpersonation},
		{"another ServiceAccount by name", []access.Rule{rule("", "serviceaccounts", "toaster", "impersonate")}, "ops", ""},
		{"a user who may", []access.Rule{rule("", "users", "boss", "impersonate")}, "", ByImpersonation},
		{"a user who may not", []access.Rule{rule("", "users", "nobody", "impersonate")}, "", ""},
		{"a group that may", []access.Rule{rule("", "groups", "", "impersonate")}, "", ByImpersonation},
		{"the group past all authorizers", []access.Rule{rule("", "groups", "system:masters", "impersonate")}, "", ByImpersonation},
		{"bind and the bindings", []access.Rule{rule(rb, "clusterroles", "", "bind"), rule(rb, "rolebindings", "", "create")}, "", ByBind},
		{"bind and the bindings of that namespace", []access.Rule{rule(rb, "clusterroles", "", "bind"), rule(rb, "rolebindings", "", "create")}, "backend", ByBind},
		{"bind and the bindings of another namespace", []access.Rule{rule(rb, "clusterroles", "", "bind"), rule(rb, "rolebindings", "", "create")}, "ops", ""},
		{"bind without bindings", []access.Rule{rule(rb, "clusterroles", "", "bind")}, "", ""},
		{"bindings without bind", []access.Rule{rule(rb, "rolebindings", "", "create")}, "", ""},
		{"escalate and the roles", []access.Rule{rule(rb, "roles", "", "escalate", "update")}, "backend", ByEscalate},
		{"escalate and no roles", []access.Rule{rule(rb, "roles", "", "escalate")}, "backend", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mine := clusterBinding("mine", "mine", group("devs"))
			mine.Namespace = tt.in
			c := compiled(t, Facts{Entries: []Entry{entry(ann, "", access.Scope{}, "devs")}, Bindings: []Binding{robot, kept, boss, mine},
				Roles: []access.KubernetesRole{keeper, {Name: "mine", Rules: tt.rules}}})
			h := c.WhoCan(secrets)
			var routes []Route
			for _, x := range h.Indirect {
				if x.Name == ann {
					routes = append(routes, x.Route)
				}
			}
			var want []Route
			if tt.want != "" {
				want = []Route{tt.want}
			}
			if !slices.Equal(routes, want) {
				t.Errorf("routes %q, want %q", routes, want)
			}
			var allowed []string
			for _, x := range h.Allowed {
				allowed = append(allowed, string(x.Kind)+" "+x.Name)
			}
			slices.Sort(allowed)
			if d := cmp.Diff([]string{"group keepers", "serviceaccount ops/robot", "user boss"}, allowed); d != "" {
				t.Errorf("allowed (-want +got):\n%s", d)
			}
		})
	}
}

// Impersonation drops access policies: who has one is of no use to impersonate.
func TestAPolicysHolderIsNoPrey(t *testing.T) {
	f := Facts{Entries: []Entry{entry("arn:aws:iam::111122223333:user/admin", "AmazonEKSClusterAdminPolicy", access.ClusterScope()), entry(ann, "", access.Scope{}, "devs")},
		Roles:    []access.KubernetesRole{{Name: "mine", Rules: []access.Rule{{Verbs: []string{"impersonate"}, APIGroups: []string{""}, Resources: []string{"users"}}}}},
		Bindings: []Binding{clusterBinding("mine", "mine", group("devs"))}}
	if h := compiled(t, f).WhoCan(listNodes); len(h.Indirect) != 0 || len(h.Allowed) != 1 {
		t.Errorf("%+v", h)
	}
	f.Roles[0].Rules[0].Verbs = []string{"impersonate", "list"}
	f.Roles = append(f.Roles, access.KubernetesRole{Name: "nodes", Rules: []access.Rule{{Verbs: []string{"list"}, APIGroups: []string{""}, Resources: []string{"nodes"}}}})
	f.Bindings = append(f.Bindings, clusterBinding("n", "nodes", user("arn:aws:iam::111122223333:user/admin")))
	if h := compiled(t, f).WhoCan(listNodes); len(h.Indirect) != 2 { // ann, and her group
		t.Errorf("one who is bound can be impersonated: %+v", h.Indirect)
	}
}

// Who is not authenticated is not of the group of those who are.
func TestAnonymousIsNoAuthenticated(t *testing.T) {
	pods := []access.Rule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}}}
	nodes := []access.Rule{{Verbs: []string{"impersonate"}, APIGroups: []string{""}, Resources: []string{"users"}}}
	f := Facts{Roles: []access.KubernetesRole{{Name: "pods", Rules: pods}, {Name: "nodes", Rules: nodes}},
		Bindings: []Binding{clusterBinding("a", "pods", group(Authenticated)), clusterBinding("b", "nodes", user(Anonymous), user("ann"))}}
	for _, x := range compiled(t, f).WhoCan(Request{Verb: "impersonate", Resource: "users"}).Allowed {
		c := compiled(t, f)
		want := Allow
		if x.Name == Anonymous {
			want = Deny
		}
		if got := c.Decide(x.Identity, Request{Verb: "get", Resource: "pods"}); got != want {
			t.Errorf("%s: %v, want %v", x.Name, got, want)
		}
	}
}

func TestFaultyFactsAreRefused(t *testing.T) {
	twice := entry(ann, "", access.Scope{})
	b := clusterBinding("b", "view", group("g"))
	b.Namespace, b.Patterns = "x", []string{"*"}
	for name, f := range map[string]Facts{
		"two entries of one principal": {Entries: []Entry{twice, twice}},
		"a role twice":                 {Roles: []access.KubernetesRole{{Name: "a"}, {Name: "a"}}},
		"a namespace and patterns":     {Bindings: []Binding{b}},
	} {
		if _, err := Compile(f); err == nil {
			t.Errorf("%s: compiled", name)
		}
	}
	if _, err := Compile(Facts{Entries: []Entry{twice}, Roles: []access.KubernetesRole{{Name: "a"}, {Namespace: "x", Name: "a"}}}); err != nil {
		t.Error(err)
	}
}

func TestRemediesSayWhatElseTheyGive(t *testing.T) {
	const rb = "rbac.authorization.k8s.io"
	tests := []struct {
		rules []access.Rule
		want  []string
	}{
		{[]access.Rule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}}}, nil},
		{[]access.Rule{{Verbs: []string{"list"}, APIGroups: []string{""}, Resources: []string{"secrets"}}}, []string{"read secrets"}},
		{[]access.Rule{{Verbs: []string{"patch"}, APIGroups: []string{""}, Resources: []string{"secrets"}}}, []string{"write secrets"}},
		{[]access.Rule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"nodes/proxy"}}}, []string{"exec in pods"}},
		{[]access.Rule{{Verbs: []string{"create"}, APIGroups: []string{rb}, Resources: []string{"rolebindings"}}}, []string{"write roles and bindings"}},
		{[]access.Rule{{Verbs: []string{"update"}, APIGroups: []string{rb}, Resources: []string{"clusterroles"}}}, []string{"write roles and bindings"}},
		{[]access.Rule{{Verbs: []string{"impersonate"}, APIGroups: []string{""}, Resources: []string{"groups"}}}, []string{"impersonate users and groups"}},
		{everything(), []string{"everything there"}},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, risks(tt.rules)); d != "" {
			t.Errorf("%+v:\n%s", tt.rules, d)
		}
	}
}

// The system's own roles, and those whose rules are not known, are no advice.
func TestRemediesAreRolesForPeople(t *testing.T) {
	rules := []access.Rule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}}}
	f := Facts{Roles: []access.KubernetesRole{{Name: "system:reader", Rules: rules}, {Namespace: "x", Name: "local", Rules: rules}, {Name: "wide", Rules: everything()}, {Name: "reader", Rules: rules}, {Name: "unread", Rules: rules}},
		Unknown: []Unknown{{Part: UnknownRole, Role: access.RoleRef{Kind: access.ClusterRole, Name: "unread"}}}}
	e := compiled(t, f).Explain(User("ann"), Request{Verb: "get", Resource: "pods", Namespace: "x"})
	if d := cmp.Diff([]string{"reader on x:"}, remedyWords(e.Remedies)); d != "" {
		t.Error(d)
	}
}
