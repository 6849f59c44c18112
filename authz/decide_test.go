package authz

import (
	"fmt"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

const (
	policyPrefix = "arn:aws:eks::aws:cluster-access-policy/"
	ann          = "arn:aws:iam::111122223333:user/ann"
	devRole      = "arn:aws:iam::111122223333:role/teams/dev"
)

func compiled(t testing.TB, f Facts) *Cluster {
	t.Helper()
	if f.Name == "" {
		f.Name = "test"
	}
	c, err := Compile(f)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func entry(principal, policy string, s access.Scope, groups ...string) Entry {
	e := Entry{Entry: access.Entry{Principal: principal, Type: access.Standard, Groups: groups}}
	if policy != "" {
		e.Associations = []access.Association{{Policy: policyPrefix + policy, Scope: s}}
	}
	return e
}

func clusterBinding(name, role string, subjects ...access.Subject) Binding {
	return Binding{Binding: access.Binding{Name: name, Role: access.RoleRef{Kind: access.ClusterRole, Name: role}, Subjects: subjects}}
}

func group(name string) access.Subject { return access.Subject{Kind: access.GroupSubject, Name: name} }
func user(name string) access.Subject  { return access.Subject{Kind: access.UserSubject, Name: name} }

var (
	createPods = Request{Verb: "create", Resource: "pods", Namespace: "dev-backend-api-ns"}
	listNodes  = Request{Verb: "list", Resource: "nodes"}
)

// shows: item S49
func TestDecideFromEveryStore(t *testing.T) {
	view := clusterBinding("v", "view", group("readers"))
	inTest := Binding{Binding: access.Binding{Namespace: "test-ns", Name: "e", Role: access.RoleRef{Kind: access.ClusterRole, Name: "edit"}, Subjects: []access.Subject{group("devs")}}}
	authMap := &access.AuthMap{MapUsers: "- {userarn: " + ann + ", username: ann, groups: [devs]}", MapRoles: "- {rolearn: 'arn:aws:iam::111122223333:role/dev', username: 'dev:{{SessionName}}', groups: [system:masters]}"}
	session := clusterBinding("s", "edit", user("arn:aws:sts::111122223333:assumed-role/dev/ann-example.com"))
	dead := entry(devRole, "AmazonEKSClusterAdminPolicy", access.ClusterScope())
	dead.Dead = true
	maker := []Unknown{{Part: UnknownCreator}}
	here := access.ClusterKey{Account: "111122223333"}
	tests := []struct {
		name      string
		facts     Facts
		principal string
		session   string
		r         Request
		by        string
		id        Verdict
		want      Verdict
	}{
		{"a policy over a pattern", Facts{Entries: []Entry{entry(ann, "AmazonEKSEditPolicy", access.NamespaceScope("*backend*"))}}, ann, "", createPods, ByEntry, Allow, Allow},
		{"elsewhere", Facts{Entries: []Entry{entry(ann, "AmazonEKSEditPolicy", access.NamespaceScope("*ops*"))}}, ann, "", createPods, ByEntry, Allow, Deny},
		{"a policy whose rules AWS keeps to itself", Facts{Entries: []Entry{entry(ann, "AmazonEKSACKPolicy", access.NamespaceScope("*backend*"))}}, ann, "", createPods, ByEntry, Allow, Undetermined},
		{"and where it does not reach", Facts{Entries: []Entry{entry(ann, "AmazonEKSACKPolicy", access.NamespaceScope("*ops*"))}}, ann, "", createPods, ByEntry, Allow, Deny},
		{"nobody", Facts{}, ann, "", createPods, "", Deny, Deny},
		{"nobody, though RBAC was not read", Facts{Unknown: []Unknown{{Part: UnknownRBAC}}}, ann, "", createPods, "", Deny, Deny},
		{"an entry's group, bound", Facts{Entries: []Entry{entry(ann, "", access.Scope{}, "devs")}, Bindings: []Binding{inTest}, DefaultRBAC: true}, ann, "", Request{Verb: "create", Resource: "pods", Namespace: "test-ns"}, ByEntry, Allow, Allow},
		{"an entry's group, bound elsewhere", Facts{Entries: []Entry{entry(ann, "", access.Scope{}, "devs")}, Bindings: []Binding{inTest}, DefaultRBAC: true}, ann, "", createPods, ByEntry, Allow, Deny},
		{"an entry overrides aws-auth whole", Facts{Mode: access.ModeAPIAndConfigMap, Entries: []Entry{entry(ann, "", access.Scope{}, "others")}, AuthMap: authMap, Bindings: []Binding{inTest}, DefaultRBAC: true}, ann, "", Request{Verb: "create", Resource: "pods", Namespace: "test-ns"}, ByEntry, Allow, Deny},
		{"aws-auth where there is no entry", Facts{Mode: access.ModeAPIAndConfigMap, AuthMap: authMap, Bindings: []Binding{inTest}, DefaultRBAC: true}, ann, "", Request{Verb: "create", Resource: "pods", Namespace: "test-ns"}, ByMapUsers, Allow, Allow},
		{"aws-auth counts for nothing in mode API", Facts{Mode: access.ModeAPI, AuthMap: authMap}, ann, "", createPods, "", Deny, Deny},
		{"entries count for nothing in mode CONFIG_MAP", Facts{Mode: access.ModeConfigMap, Entries: []Entry{entry(ann, "AmazonEKSClusterAdminPolicy", access.ClusterScope())}}, ann, "", createPods, "", Deny, Deny},
		{"system:masters by aws-auth, of a role with a path", Facts{Mode: access.ModeConfigMap, AuthMap: authMap}, devRole, "", listNodes, ByMapRoles, Allow, Allow},
		{"a dead entry maps nobody", Facts{Mode: access.ModeAPI, Entries: []Entry{dead}}, devRole, "", listNodes, "", Deny, Deny},
		{"and leaves its principal to aws-auth", Facts{Mode: access.ModeAPIAndConfigMap, Entries: []Entry{dead}, AuthMap: authMap}, devRole, "", listNodes, ByMapRoles, Allow, Allow},
		{"a session that was said", Facts{Entries: []Entry{entry(devRole, "", access.Scope{})}, Bindings: []Binding{session}, DefaultRBAC: true}, devRole, "ann@example.com", createPods, ByEntry, Allow, Allow},
		{"another session", Facts{Entries: []Entry{entry(devRole, "", access.Scope{})}, Bindings: []Binding{session}, DefaultRBAC: true}, devRole, "bob", createPods, ByEntry, Allow, Deny},
		{"a session's own ARN", Facts{Entries: []Entry{entry(devRole, "", access.Scope{})}, Bindings: []Binding{session}, DefaultRBAC: true}, "arn:aws:sts::111122223333:assumed-role/dev/ann@example.com", "", createPods, ByEntry, Allow, Allow},
		{"no session said, and one would do", Facts{Entries: []Entry{entry(devRole, "", access.Scope{})}, Bindings: []Binding{session}, DefaultRBAC: true}, devRole, "", createPods, ByEntry, Allow, Undetermined},
		{"no session said, and none would do", Facts{Entries: []Entry{entry(devRole, "", access.Scope{})}, Bindings: []Binding{clusterBinding("s", "edit", user("arn:aws:sts::111122223333:assumed-role/dev2/ann"))}, DefaultRBAC: true}, devRole, "", createPods, ByEntry, Allow, Deny},
		{"no entry read: it could be anybody's", Facts{Unknown: []Unknown{{Part: UnknownEntries}}}, ann, "", createPods, "", Undetermined, Undetermined},
		{"other entries not read", Facts{Entries: []Entry{entry(ann, "AmazonEKSViewPolicy", access.ClusterScope())}, Unknown: []Unknown{{Part: UnknownEntries}}}, ann, "", createPods, ByEntry, Allow, Deny},
		{"his own entry not read", Facts{Unknown: []Unknown{{Part: UnknownEntry, Principal: ann}}}, ann, "", createPods, "", Undetermined, Undetermined},
		{"another's entry not read", Facts{Unknown: []Unknown{{Part: UnknownEntry, Principal: devRole}}}, ann, "", createPods, "", Deny, Deny},
		{"aws-auth not read, and there is an entry", Facts{Mode: access.ModeAPIAndConfigMap, Entries: []Entry{entry(ann, "", access.Scope{})}, Unknown: []Unknown{{Part: UnknownAuthMap}}}, ann, "", createPods, ByEntry, Allow, Deny},
		{"aws-auth not read, and there is none", Facts{Mode: access.ModeAPIAndConfigMap, Unknown: []Unknown{{Part: UnknownAuthMap}}}, ann, "", createPods, "", Undetermined, Undetermined},
		{"aws-auth not read, in mode API", Facts{Mode: access.ModeAPI, Unknown: []Unknown{{Part: UnknownAuthMap}}}, ann, "", createPods, "", Deny, Deny},
		{"RBAC not read", Facts{Entries: []Entry{entry(ann, "", access.Scope{})}, Unknown: []Unknown{{Part: UnknownRBAC}}}, ann, "", createPods, ByEntry, Allow, Undetermined},
		{"RBAC not read, and a policy allows", Facts{Entries: []Entry{entry(ann, "AmazonEKSEditPolicy", access.ClusterScope())}, Unknown: []Unknown{{Part: UnknownRBAC}}}, ann, "", createPods, ByEntry, Allow, Allow},
		{"a role that only the cluster knows", Facts{Entries: []Entry{entry(ann, "", access.Scope{}, "devs")}, Bindings: []Binding{clusterBinding("b", "custom", group("devs"))}, DefaultRBAC: true}, ann, "", createPods, ByEntry, Allow, Undetermined},
		{"a role that is known not to be there", Facts{Entries: []Entry{entry(ann, "", access.Scope{}, "devs")}, Bindings: []Binding{clusterBinding("b", "custom", group("devs"))}}, ann, "", createPods, ByEntry, Allow, Deny},
		{"all that is let in", Facts{Entries: []Entry{entry(ann, "", access.Scope{})}, DefaultRBAC: true}, ann, "", Request{Verb: "create", Group: "authorization.k8s.io", Resource: "selfsubjectaccessreviews"}, ByEntry, Allow, Allow},
		{"an aggregated role", Facts{Entries: []Entry{entry(ann, "", access.Scope{}, "readers")}, Bindings: []Binding{view}, DefaultRBAC: true}, ann, "", Request{Verb: "get", Group: "apps", Resource: "deployments", Namespace: "x"}, ByEntry, Allow, Allow},
		{"nobody in mode CONFIG_MAP may have made the cluster", Facts{Cluster: here, Mode: access.ModeConfigMap, Unknown: maker}, ann, "", createPods, "", Undetermined, Undetermined},
		{"nobody of another account", Facts{Cluster: here, Mode: access.ModeConfigMap, Unknown: maker}, "arn:aws:iam::999900001111:user/ann", "", createPods, "", Deny, Deny},
		{"whom aws-auth maps", Facts{Cluster: here, Mode: access.ModeConfigMap, Unknown: maker, AuthMap: authMap}, ann, "", createPods, ByMapUsers, Allow, Deny},
		{"who made it has an entry in other modes", Facts{Cluster: here, Mode: access.ModeAPIAndConfigMap, Unknown: maker}, ann, "", createPods, "", Deny, Deny},
		{"an aggregated role has no Secrets", Facts{Entries: []Entry{entry(ann, "", access.Scope{}, "readers")}, Bindings: []Binding{view}, DefaultRBAC: true}, ann, "", Request{Verb: "get", Resource: "secrets", Namespace: "x"}, ByEntry, Allow, Deny},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := compiled(t, tt.facts)
			id, by, v := c.Identify(tt.principal, tt.session)
			if by != tt.by || v != tt.id {
				t.Errorf("Identify(%s) = %+v, %q, %v; want %q, %v", tt.principal, id, by, v, tt.by, tt.id)
			}
			if got := c.Decide(id, tt.r); got != tt.want {
				t.Errorf("Decide(%+v, %+v) = %v, want %v", id, tt.r, got, tt.want)
			}
			agrees(t, c, id, tt.r, tt.want)
		})
	}
}

func TestCouldBe(t *testing.T) {
	tests := []struct {
		template, name string
		want           bool
	}{
		{"a:{{SessionName}}", "a:bob", true},
		{"a:{{SessionName}}", "a:b", false}, // a session's name has two letters at least
		{"a:{{SessionName}}", "a:bob:x", false},
		{"a:{{SessionName}}", "a:bob@x", false}, // there @ is -
		{"a:{{SessionNameRaw}}", "a:bob@x", true},
		{"a:{{SessionName}}/{{SessionNameRaw}}", "a:bob-x/bob@x", true},
		{"a:{{SessionName}}/{{SessionNameRaw}}", "a:bob-y/bob@x", false},
		{"{{SessionNameRaw}}{{SessionNameRaw}}", "abab", true},
		{"{{SessionNameRaw}}{{SessionNameRaw}}", "abac", false},
		{"system:node:{{EC2PrivateDNSName}}", "system:node:ip-10-0-0-1.ec2.internal", true},
		{"system:node:{{EC2PrivateDNSName}}", "system:nodes", false},
		{"a:{{SessionName}}", "a:" + strings.Repeat("b", 64), true},
		{"a:{{SessionName}}", "a:" + strings.Repeat("b", 65), false},
		{"a:{{SessionName}}", "a:bo", true},
		{"a:{{SessionName}}", "a:b o", false}, // no session is named so
		{"a:{{SessionName}}", "b:bob", false},
		{"{{SessionName}}:a", "bob:a", true},
		{"{{SessionName}}:a", "bob:b", false},
		{"key:{{AccessKeyID}}", "key:ASIAEXAMPLE", true},
		{"key:{{AccessKeyID}}", "lock:ASIAEXAMPLE", false},
		{"plain", "plain", true},
		{"plain", "plainer", false},
	}
	for _, tt := range tests {
		if got := couldBe(tt.template, tt.name); got != tt.want {
			t.Errorf("couldBe(%q, %q) = %t", tt.template, tt.name, got)
		}
	}
}

func TestWhichRulesARoleHas(t *testing.T) {
	get := func(resource string) []access.Rule {
		return []access.Rule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{resource}}}
	}
	label := map[string]string{"to": "whole"}
	whole := access.KubernetesRole{Name: "whole", Aggregate: []map[string]string{label}}
	part := access.KubernetesRole{Name: "part", Labels: label, Rules: get("things")}
	read := whole
	read.Rules = get("pods")
	own := access.KubernetesRole{Name: "view", Rules: get("things")}
	bound := func(kind, name, ns string, patterns ...string) []Binding {
		b := clusterBinding("b", name, group("devs"))
		b.Role.Kind, b.Namespace, b.Patterns = kind, ns, patterns
		return []Binding{b}
	}
	things := Request{Verb: "get", Resource: "things", Namespace: "ops"}
	tests := []struct {
		name  string
		facts Facts
		want  Verdict
	}{
		{"an aggregated role that was filled in by nobody", Facts{Roles: []access.KubernetesRole{whole, part}, Bindings: bound(access.ClusterRole, "whole", "")}, Allow},
		{"an aggregated role selects by labels", Facts{Roles: []access.KubernetesRole{whole, {Name: "part", Rules: get("things")}}, Bindings: bound(access.ClusterRole, "whole", "")}, Deny},
		{"what its controller wrote stands", Facts{Roles: []access.KubernetesRole{read, part}, Bindings: bound(access.ClusterRole, "whole", "")}, Deny},
		{"a role replaces the default of its name", Facts{DefaultRBAC: true, Roles: []access.KubernetesRole{own}, Bindings: bound(access.ClusterRole, "view", "")}, Allow},
		{"the default has no such thing", Facts{DefaultRBAC: true, Bindings: bound(access.ClusterRole, "view", "")}, Deny},
		{"a Role of that namespace", Facts{Roles: []access.KubernetesRole{{Namespace: "ops", Name: "r", Rules: get("things")}}, Bindings: bound(access.Role, "r", "ops")}, Allow},
		{"a Role of another namespace", Facts{Roles: []access.KubernetesRole{{Namespace: "x", Name: "r", Rules: get("things")}}, Bindings: bound(access.Role, "r", "ops")}, Deny},
		{"a ClusterRole is no Role", Facts{Roles: []access.KubernetesRole{{Name: "r", Rules: get("things")}}, Bindings: bound(access.Role, "r", "ops")}, Deny},
		{"a Role in a ClusterRoleBinding", Facts{Roles: []access.KubernetesRole{{Namespace: "ops", Name: "r", Rules: get("things")}}, Bindings: bound(access.Role, "r", "")}, Deny},
		{"Roles of namespaces that match", Facts{Bindings: bound(access.Role, "r", "", "o*")}, Undetermined},
		{"Roles of namespaces that do not match", Facts{Bindings: bound(access.Role, "r", "", "x*")}, Deny},
		{"a role that is not there", Facts{Bindings: bound(access.ClusterRole, "r", "")}, Deny},
		{"a role that is none of the defaults", Facts{DefaultRBAC: true, Bindings: bound(access.ClusterRole, "r", "")}, Undetermined},
		{"a role that is none of the defaults, elsewhere", Facts{DefaultRBAC: true, Bindings: bound(access.ClusterRole, "r", "x")}, Deny},
		{"a role of unknown rules, elsewhere", Facts{Unknown: []Unknown{{Part: UnknownRole, Role: access.RoleRef{Kind: access.ClusterRole, Name: "r"}}}, Bindings: bound(access.ClusterRole, "r", "x")}, Deny},
		{"a role of unknown rules, here", Facts{Unknown: []Unknown{{Part: UnknownRole, Role: access.RoleRef{Kind: access.ClusterRole, Name: "r"}}}, Bindings: bound(access.ClusterRole, "r", "ops")}, Undetermined},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := compiled(t, tt.facts)
			if got := c.Decide(User("ann", "devs"), things); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
			if got := c.Decide(User("ann"), things); got != Deny {
				t.Errorf("whom nothing is bound to: %v", got)
			}
		})
	}
}

func TestTemplatesOfUsersAndAccounts(t *testing.T) {
	authMap := func(arn, username string) *access.AuthMap {
		return &access.AuthMap{MapUsers: "- {userarn: '" + arn + "', username: '" + username + "'}"}
	}
	tests := []struct{ username, session, want string }{
		{"u:{{AccountID}}", "", "u:111122223333"},
		{"u:{{SessionName}}", "", "u:"}, // a user has no session
		{"{{AccountID}}:{{SessionNameRaw}}", "", "111122223333:"},
	}
	for _, tt := range tests {
		c := compiled(t, Facts{Mode: access.ModeConfigMap, AuthMap: authMap(ann, tt.username)})
		if id, _, v := c.Identify(ann, tt.session); id.Username != tt.want || v != Allow {
			t.Errorf("%s: %q, %v; want %q", tt.username, id.Username, v, tt.want)
		}
	}
	c := compiled(t, Facts{Entries: []Entry{entry(devRole, "", access.Scope{}, "g:{{SessionName}}")}})
	if id, _, _ := c.Identify(devRole, "a@b"); id.Username != "arn:aws:sts::111122223333:assumed-role/dev/a-b" || id.Groups[0] != "g:a-b" {
		t.Errorf("%+v", id)
	}
	if id, _, _ := c.Identify(devRole, ""); id.Username != "arn:aws:sts::111122223333:assumed-role/dev/{{SessionName}}" {
		t.Errorf("%+v", id)
	}
}

// Verbs are bits of words of 64: none is taken for another one.
func TestManyVerbsAreToldApart(t *testing.T) {
	var rules []access.Rule
	for i := range 200 {
		rules = append(rules, access.Rule{Verbs: []string{fmt.Sprint("verb", i)}, APIGroups: []string{""}, Resources: []string{fmt.Sprint("kind", i)}, ResourceNames: []string{"web"}})
	}
	rules = append(rules, access.Rule{Verbs: []string{"*"}, APIGroups: []string{""}, Resources: []string{"anything"}}, access.Rule{Verbs: []string{"verb130"}, NonResourceURLs: []string{"/x"}})
	c := compiled(t, Facts{Roles: []access.KubernetesRole{{Name: "all", Rules: rules}}, Bindings: []Binding{clusterBinding("b", "all", user("ann"))}})
	for i := range 200 {
		for j := range 200 {
			want := Deny
			if i == j {
				want = Allow
			}
			if got := c.Decide(User("ann"), Request{Verb: fmt.Sprint("verb", i), Resource: fmt.Sprint("kind", j), Name: "web"}); got != want {
				t.Fatalf("verb%d on kind%d: %v", i, j, got)
			}
		}
		if c.Decide(User("ann"), Request{Verb: fmt.Sprint("verb", i), Resource: "anything"}) != Allow {
			t.Errorf("verb%d on anything", i)
		}
		if got := c.Decide(User("ann"), Request{Verb: fmt.Sprint("verb", i), Path: "/x"}) == Allow; got != (i == 130) {
			t.Errorf("verb%d on /x: %t", i, got)
		}
	}
	if c.Decide(User("ann"), Request{Verb: "never-heard-of", Resource: "anything"}) != Allow || c.Decide(User("ann"), Request{Verb: "never-heard-of", Resource: "kind0", Name: "web"}) != Deny {
		t.Error("a verb that no rule has")
	}
}

// Who made a cluster in mode CONFIG_MAP may do everything and stands in no list.
func TestWhoCanSaysThatTheCreatorIsNotShown(t *testing.T) {
	for mode, want := range map[access.AuthMode]int{access.ModeConfigMap: 1, access.ModeAPIAndConfigMap: 0, access.ModeAPI: 0} {
		h := compiled(t, Facts{Mode: mode, Unknown: []Unknown{{Part: UnknownCreator}}}).WhoCan(listNodes)
		if len(h.Unknown) != want {
			t.Errorf("%s: %v", mode, h.Unknown)
		}
	}
}
