package accesstest

import (
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
	"github.com/atlas-iam/atlas-iam/internal/question"
)

const (
	account = "111122223333"
	edit    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
	view    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
	ack     = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSACKPolicy"
)

var (
	keyA = access.ClusterKey{Account: account, Region: "eu-west-1", Name: "a"}
	keyB = access.ClusterKey{Account: account, Region: "eu-west-1", Name: "b"}
	both = []access.ClusterKey{keyA, keyB}
)

func user(name string) access.Member {
	return access.Member{Kind: access.UserMember, Partition: "aws", Account: account, Name: name}
}

func entry(name, team, policy string, scope access.Scope, groups ...string) access.WantEntry {
	source := access.Source{Team: team, Place: access.Place{File: team + ".yaml", Line: 1}}
	e := access.WantEntry{Member: user(name), Sources: []access.Source{source}, Groups: groups}
	if policy != "" {
		e.Associations = []access.WantAssociation{{Policy: policy, Scope: scope, Parts: []access.WantScope{{Scope: scope, Source: source}}}}
	}
	return e
}

// state has team web (ann, bob), who edit in web-*, bob by a role that is bound
// to a group; team ops (eve), who views all of it on a alone; and team odd,
// whose policy has no published rules.
func state() *access.State {
	cluster := func(key access.ClusterKey, doc string) access.WantCluster {
		return access.WantCluster{Key: key, Document: doc, Entries: []access.WantEntry{
			entry("ann", "web", edit, access.NamespaceScope("web-*")),
			entry("bob", "web", "", access.Scope{}, "atlas-iam:e:web"),
			entry("odd", "odd", ack, access.NamespaceScope("odd")),
		}, Bindings: []access.WantBinding{{Team: "web", Group: "atlas-iam:e:web", Name: "b", Role: access.RoleRef{Kind: access.ClusterRole, Name: "edit"},
			Scope: access.NamespaceScope("web-*"), Parts: []access.WantScope{{Scope: access.NamespaceScope("web-*")}}}}}
	}
	a, b := cluster(keyA, "a"), cluster(keyB, "b")
	a.Entries = append(a.Entries, entry("eve", "ops", view, access.ClusterScope()))
	return &access.State{Accounts: []access.Account{{Name: "main", ID: account, Partition: "aws"}}, Teams: []string{"nobody", "odd", "ops", "web"}, Clusters: []access.WantCluster{a, b}}
}

func who(words ...string) []access.Who {
	var out []access.Who
	for _, w := range words {
		kind, name, _ := strings.Cut(w, "/")
		out = append(out, access.Who{Kind: access.WhoKind(kind), Name: name})
	}
	return out
}

func asks(words ...string) []access.Ask {
	var out []access.Ask
	for _, w := range words {
		verb, resource, _ := strings.Cut(w, " ")
		out = append(out, access.Ask{Verb: verb, Resource: resource})
	}
	return out
}

// case is a test and how it ends; found are those who decide it.
type story struct {
	name  string
	test  access.WantTest
	want  Outcome
	found []string // CLUSTER SUBJECT
	why   string
}

// shows: item S68
func TestATestPassesOnWhatItSaysAlone(t *testing.T) {
	on, web, a := []string{"web-1"}, who("team/web"), []access.ClusterKey{keyA}
	policy, role := &access.Because{Policy: "AmazonEKSEditPolicy"}, &access.Because{Role: access.RoleRef{Kind: access.ClusterRole, Name: "edit"}}
	for _, tt := range []story{
		{"each member can, on each cluster", access.WantTest{Clusters: both, Who: web, Namespaces: on, Can: asks("create pods")}, Passed, nil, ""},
		{"one cannot on one cluster", access.WantTest{Clusters: both, Who: who("team/ops"), Namespaces: on, Can: asks("list pods")}, Failed, []string{"b user/eve"}, ""},
		{"no member can", access.WantTest{Clusters: both, Who: web, Namespaces: []string{"db"}, Cannot: asks("list pods")}, Passed, nil, ""},
		{"a member can after all", access.WantTest{Clusters: both, Who: who("team/ops"), Namespaces: []string{"db"}, Cannot: asks("list pods")}, Failed, []string{"a user/eve"}, ""},
		{"can, and cannot be told", access.WantTest{Clusters: a, Who: who("team/odd"), Namespaces: []string{"odd"}, Can: asks("list pods")}, Undetermined, []string{"a user/odd"}, ""},
		{"cannot, and cannot be told", access.WantTest{Clusters: a, Who: who("team/odd"), Namespaces: []string{"odd"}, Cannot: asks("list pods")}, Undetermined, []string{"a user/odd"}, ""},
		{"its twin elsewhere is certain", access.WantTest{Clusters: a, Who: who("team/odd"), Namespaces: []string{"web-1"}, Cannot: asks("list pods")}, Passed, nil, ""},

		{"because of the policy", access.WantTest{Clusters: a, Who: who("user/ann"), Namespaces: on, Can: asks("create pods"), Because: policy}, Passed, nil, ""},
		{"because of the role", access.WantTest{Clusters: a, Who: who("user/bob"), Namespaces: on, Can: asks("create pods"), Because: role}, Passed, nil, ""},
		{"not because of the policy", access.WantTest{Clusters: a, Who: web, Namespaces: on, Can: asks("create pods"), Because: policy}, Failed, []string{"a user/bob"}, ""},
		{"not because of the role", access.WantTest{Clusters: a, Who: web, Namespaces: on, Can: asks("create pods"), Because: role}, Failed, []string{"a user/ann"}, ""},
		{"not because of another policy", access.WantTest{Clusters: a, Who: who("user/ann"), Namespaces: on, Can: asks("get pods"), Because: &access.Because{Policy: "View"}}, Failed, []string{"a user/ann"}, ""},
		{"not because of another role", access.WantTest{Clusters: a, Who: who("user/bob"), Namespaces: on, Can: asks("get pods"), Because: &access.Because{Role: access.RoleRef{Kind: access.ClusterRole, Name: "view"}}}, Failed, []string{"a user/bob"}, ""},
		{"denied, whatever the reason was to be", access.WantTest{Clusters: a, Who: who("user/ann"), Namespaces: []string{"db"}, Can: asks("create pods"), Because: policy}, Failed, []string{"a user/ann"}, ""},

		{"exactly these", access.WantTest{Clusters: both, Only: web, Namespaces: on, Can: asks("get secrets")}, Passed, nil, ""},
		{"one too many", access.WantTest{Clusters: both, Only: who("user/bob"), Namespaces: on, Can: asks("get secrets")}, Failed, []string{"a user/ann", "b user/ann"}, ""},
		{"one too few", access.WantTest{Clusters: a, Only: who("team/web", "team/ops"), Namespaces: on, Can: asks("get secrets")}, Failed, []string{"a user/eve"}, ""},
		{"nobody at all", access.WantTest{Clusters: a, Only: []access.Who{}, Namespaces: []string{"db"}, Can: asks("get secrets")}, Passed, nil, ""},
		{"not nobody", access.WantTest{Clusters: a, Only: []access.Who{}, Namespaces: on, Can: asks("get secrets")}, Failed, []string{"a user/ann", "a user/bob"}, ""},
		{"perhaps one too many", access.WantTest{Clusters: a, Only: []access.Who{}, Namespaces: []string{"odd"}, Can: asks("get secrets")}, Undetermined, []string{"a user/odd"}, ""},
		{"everybody, by a group", access.WantTest{Clusters: a, Only: []access.Who{}, Can: asks("get /version")}, Failed, []string{"a group system:authenticated", "a group system:unauthenticated", "a user/ann", "a user/bob", "a user/eve", "a user/odd"}, ""},

		{"a team that is not there", access.WantTest{Clusters: a, Who: who("team/wep"), Namespaces: on, Cannot: asks("list pods")}, Failed, nil, "no document makes that team"},
		{"a team of nobody", access.WantTest{Clusters: a, Who: who("team/nobody"), Namespaces: on, Cannot: asks("list pods")}, Failed, nil, "has no members"},
		{"a user that no document names", access.WantTest{Clusters: a, Who: who("user/anm"), Namespaces: on, Cannot: asks("list pods")}, Failed, nil, "no document names user/anm; did you mean user/ann?"},
		{"a user in only", access.WantTest{Clusters: a, Only: who("team/web", "user/anm"), Namespaces: on, Can: asks("get secrets")}, Failed, nil, "no document names user/anm"},
		{"a stranger's ARN of another account", access.WantTest{Clusters: a, Who: []access.Who{{Kind: access.WhoARN, ARN: "arn:aws:iam::999900001111:role/x"}}, Namespaces: on, Cannot: asks("list pods")}, Passed, nil, ""},
		{"a resource that is not known", access.WantTest{Clusters: a, Who: web, Namespaces: on, Cannot: asks("list podz")}, Failed, nil, `resource "podz" is not known: did you mean pods?`},
		{"a subresource that no resource has", access.WantTest{Clusters: a, Who: web, Namespaces: []string{"db"}, Cannot: asks("create pods/exce")}, Failed, nil, "pods has no subresource exce in Kubernetes itself; did you mean exec?"},
		{"its twin that there is", access.WantTest{Clusters: a, Who: web, Namespaces: []string{"db"}, Cannot: asks("create pods/exec")}, Passed, nil, ""},
		{"a group that is misspelt", access.WantTest{Clusters: a, Who: web, Namespaces: []string{"db"}, Cannot: asks("delete deployments.app")}, Failed, nil, "did you mean deployments.apps?"},
		{"a resource of somebody else's", access.WantTest{Clusters: a, Who: web, Namespaces: []string{"db"}, Cannot: asks("delete certificates.cert-manager.io")}, Passed, nil, ""},
		{"a cluster that is not there", access.WantTest{Clusters: []access.ClusterKey{{Account: account, Region: "eu-west-1", Name: "c"}}, Who: web, Namespaces: on, Cannot: asks("list pods")}, Failed, nil, "there is no cluster c in eu-west-1 of account " + account},
		{"tomorrow's namespace, from documents alone", access.WantTest{Clusters: a, Who: web, Namespaces: []string{"nowhere"}, Cannot: asks("list pods")}, Passed, nil, ""},
	} {
		tt.check(t, question.Documents(state(), nil))
	}
}

// A workload is its ServiceAccounts, each of which acts as its role; what it may
// on AWS is its role's.
//
// shows: item S137
func TestAWorkloadIsASubjectOfTests(t *testing.T) {
	s := state()
	const role = "arn:aws:iam::" + account + ":role/app"
	document := access.Document(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"},{"Effect":"Allow","Action":"s3:PutObject","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}}]}`)
	s.Workloads = []access.WantWorkload{{Name: "app", Clusters: []access.ClusterKey{keyA}, Roles: []access.WorkloadRole{{Cluster: keyA, ARN: role}},
		Accounts: []access.WorkloadAccount{{Namespace: "web-1", Name: "app"}, {Namespace: "pr-*", Name: "app"}}}}
	s.Roles = []access.WantRole{{Account: account, ARN: role, Inline: []access.RolePolicy{{Name: "p", Document: document}}}}
	for i := range s.Clusters {
		e := entry("app", "workload.app", view, access.NamespaceScope("web-*"))
		e.Member.Kind = access.RoleMember
		s.Clusters[i].Entries = append(s.Clusters[i].Entries, e)
	}
	app, a, b, on := who("workload/app"), []access.ClusterKey{keyA}, []access.ClusterKey{keyB}, []string{"web-1"}
	const get, put, remove = "s3:GetObject arn:aws:s3:::b/x", "s3:PutObject arn:aws:s3:::b/x", "s3:DeleteObject arn:aws:s3:::b/x"
	for _, tt := range []story{
		{"as its role, wherever it lives", access.WantTest{Clusters: a, Who: app, Namespaces: on, Can: asks("list pods")}, Passed, nil, ""},
		{"as its role, where it does not", access.WantTest{Clusters: b, Who: app, Namespaces: on, Can: asks("list pods")}, Passed, nil, ""},
		{"by no route", access.WantTest{Clusters: a, Who: app, Namespaces: on, Cannot: asks("list pods")}, Failed, []string{"a serviceaccount/pr-*/app", "a serviceaccount/web-1/app"}, ""},
		{"elsewhere it cannot", access.WantTest{Clusters: both, Who: app, Namespaces: []string{"db"}, Cannot: asks("list pods")}, Passed, nil, ""},
		{"it is one of those only", access.WantTest{Clusters: both, Only: append(who("team/web", "workload/app"), access.Who{Kind: access.WhoUser, Name: "eve"}), Namespaces: on, Can: asks("list pods")}, Failed, []string{"b user/eve"}, ""},
		{"nobody else only", access.WantTest{Clusters: b, Only: who("team/web", "workload/app"), Namespaces: on, Can: asks("list pods")}, Passed, nil, ""},
		{"an action that its role may", access.WantTest{Clusters: both, Who: app, Can: asks(get)}, Passed, nil, ""},
		{"an action that it may not", access.WantTest{Clusters: both, Who: app, Can: asks(remove)}, Failed, []string{"a workload/app"}, ""},
		{"it cannot, rightly", access.WantTest{Clusters: both, Who: app, Cannot: asks(remove)}, Passed, nil, ""},
		{"it can after all", access.WantTest{Clusters: both, Who: app, Cannot: asks(get)}, Failed, []string{"a workload/app"}, ""},
		{"neither is told", access.WantTest{Clusters: both, Who: app, Cannot: asks(put)}, Undetermined, []string{"a workload/app"}, ""},
		{"row 52: no such workload, on AWS", access.WantTest{Clusters: a, Who: who("workload/ap"), Cannot: asks(remove)}, Failed, nil, "workload/ap: no document makes that workload"},
		{"row 52: no such workload, in Kubernetes", access.WantTest{Clusters: a, Who: who("workload/ap"), Namespaces: on, Cannot: asks("list pods")}, Failed, nil, "workload/ap: no document makes that workload"},
		{"row 52: it lives elsewhere", access.WantTest{Clusters: b, Who: app, Cannot: asks(remove)}, Failed, nil, "workload app lives on none of the clusters asked about"},
		{"people are not asked", access.WantTest{Clusters: a, Who: who("team/web"), Cannot: asks(remove)}, Failed, nil, "actions of AWS are asked of workloads"},
	} {
		tt.check(t, question.Documents(s, nil))
	}
}

func (tt story) check(t *testing.T, w *question.World) {
	t.Helper()
	r := Run([]access.WantTest{tt.test}, w)
	if len(r.Cases) != 1 || r.Passed+r.Failed+r.Undetermined != 1 {
		t.Fatalf("%s: %d cases", tt.name, len(r.Cases))
	}
	c := r.Cases[0]
	var found []string
	for _, f := range c.Findings {
		found = append(found, f.Cluster+" "+f.Subject)
		if f.Explanation == nil && f.Action == nil {
			t.Errorf("%s: %s is not explained", tt.name, f.Subject)
		}
	}
	slices.Sort(found)
	if c.Outcome != tt.want || !slices.Equal(found, tt.found) || !strings.Contains(c.Why, tt.why) || tt.why == "" && c.Why != "" {
		t.Errorf("%s: %s, found %q, %q; want %s, %q, %q", tt.name, c.Outcome, found, c.Why, tt.want, tt.found, tt.why)
	}
}

// Where the namespaces are known, one that is not there and that no pattern
// waits for fails; so does a user that the account has not. (refusals 52)
//
// shows: item S68
func TestWhatIsNotThereFailsWhereItIsKnown(t *testing.T) {
	want := state()
	have := &access.Snapshot{Accounts: []access.HaveAccount{{Account: want.Accounts[0], UsersRead: true, RolesRead: true}}}
	for _, n := range []string{"ann", "bob", "eve", "odd", "zoe"} {
		have.Accounts[0].Users = append(have.Accounts[0].Users, access.Principal{ARN: "arn:aws:iam::" + account + ":user/" + n})
	}
	have.Clusters = []access.HaveCluster{{Key: keyA, Mode: access.ModeAPI, EntriesRead: true, Kubernetes: &access.HaveKubernetes{
		RBACRead: true, AuthMapRead: true, NamespacesRead: true, Namespaces: []string{"db", "kube-system"}, Roles: rbac.DefaultRoles(), Bindings: rbac.DefaultBindings()}}}
	a, cannot := []access.ClusterKey{keyA}, asks("list pods")
	for _, tt := range []story{
		{"a namespace that is there", access.WantTest{Clusters: a, Who: who("team/web"), Namespaces: []string{"db"}, Cannot: cannot}, Passed, nil, ""},
		{"one that a pattern waits for", access.WantTest{Clusters: a, Who: who("team/web"), Namespaces: []string{"web-2"}, Cannot: cannot}, Passed, nil, ""},
		{"one that is neither", access.WantTest{Clusters: a, Who: who("team/web"), Namespaces: []string{"bd"}, Cannot: cannot}, Failed, nil, "cluster a has no namespace bd, and no pattern of the documents matches it"},
		{"a ServiceAccount's", access.WantTest{Clusters: a, Who: who("serviceaccount/bd/x"), Namespaces: []string{"db"}, Cannot: cannot}, Failed, nil, "cluster a has no namespace bd"},
		{"a ServiceAccount's that is there", access.WantTest{Clusters: a, Who: who("serviceaccount/db/x"), Namespaces: []string{"db"}, Cannot: cannot}, Passed, nil, ""},
		{"a user that the account has", access.WantTest{Clusters: a, Who: who("user/zoe"), Namespaces: []string{"db"}, Cannot: cannot}, Passed, nil, ""},
		{"a user that it has not", access.WantTest{Clusters: a, Who: who("user/zo"), Namespaces: []string{"db"}, Cannot: cannot}, Failed, nil, "has no user/zo"},
		{"a cluster that a document names and that is not there", access.WantTest{Clusters: both, Who: who("team/web"), Namespaces: []string{"db"}, Cannot: cannot}, Failed, nil, "there is no cluster b"},
	} {
		tt.check(t, question.Observed(want, have))
	}
	have.Part = &access.Part{Clusters: a}
	story{"a cluster that this run leaves out", access.WantTest{Clusters: both, Who: who("team/web"), Namespaces: []string{"db"}, Cannot: cannot}, Passed, nil, ""}.check(t, question.Observed(want, have))
	if r := Run([]access.WantTest{{Clusters: []access.ClusterKey{keyB}, Who: who("team/web"), Can: asks("get nodes"), Cannot: cannot}}, question.Observed(want, have)); len(r.Cases) != 0 {
		t.Errorf("nothing was asked, and that is no pass: %+v", r)
	}
	have.Part, have.Gaps = nil, []access.Gap{{What: access.GapCluster, Account: account, Region: keyB.Region, Cluster: keyB.Name, Reason: "AccessDeniedException"}}
	story{"a cluster that was not read", access.WantTest{Clusters: both, Who: who("user/ann"), Namespaces: []string{"db"}, Cannot: cannot}, Undetermined, []string{"b user/ann"}, ""}.check(t, question.Observed(want, have))
}

// From documents alone nobody knows which namespaces there are: one that only
// the test speaks of is noted, whatever the outcome, and no other.
//
// shows: item S68
func TestANamespaceThatOnlyTheTestSpeaksOfIsNoted(t *testing.T) {
	want := state()
	want.Clusters[0].Entries = append(want.Clusters[0].Entries, entry("ci/bot", "bots", "", access.Scope{}))
	want.Workloads = []access.WantWorkload{{Name: "yace", Clusters: []access.ClusterKey{keyA}, Accounts: []access.WorkloadAccount{{Namespace: "monitoring", Name: "*"}}}}
	a := []access.ClusterKey{keyA}
	for name, c := range map[string]struct {
		test  access.WantTest
		notes []string // the namespaces
	}{
		"none":                            {access.WantTest{Clusters: a, Who: who("team/web"), Cannot: asks("get nodes")}, nil},
		"in a pattern":                    {access.WantTest{Clusters: a, Who: who("team/web"), Namespaces: []string{"web-7"}, Cannot: asks("get nodes")}, nil},
		"written out":                     {access.WantTest{Clusters: a, Who: who("team/web"), Namespaces: []string{"odd"}, Cannot: asks("get pods")}, nil},
		"a workload's":                    {access.WantTest{Clusters: a, Who: who("team/web"), Namespaces: []string{"monitoring"}, Cannot: asks("get pods")}, nil},
		"every cluster's":                 {access.WantTest{Clusters: a, Who: who("team/web"), Namespaces: []string{"kube-system", "default"}, Cannot: asks("get pods")}, nil},
		"on one of the clusters":          {access.WantTest{Clusters: both, Who: who("team/web"), Namespaces: []string{"monitoring"}, Cannot: asks("get pods")}, nil},
		"on another cluster alone":        {access.WantTest{Clusters: []access.ClusterKey{keyB}, Who: who("team/web"), Namespaces: []string{"monitoring"}, Cannot: asks("get pods")}, []string{"monitoring"}},
		"misspelt":                        {access.WantTest{Clusters: both, Who: who("team/web"), Namespaces: []string{"ood", "web-1"}, Cannot: asks("get pods")}, []string{"ood"}},
		"misspelt, and it fails":          {access.WantTest{Clusters: a, Who: who("team/web"), Namespaces: []string{"wbe-1"}, Can: asks("get pods")}, []string{"wbe-1"}},
		"nearly a pattern":                {access.WantTest{Clusters: a, Who: who("team/web"), Namespaces: []string{"web"}, Cannot: asks("get pods")}, []string{"web"}},
		"a user's path is no namespace":   {access.WantTest{Clusters: a, Who: who("user/ci/bot"), Namespaces: []string{"odd"}, Cannot: asks("get pods")}, nil},
		"a ServiceAccount's":              {access.WantTest{Clusters: a, Who: who("serviceaccount/monitring/x"), Namespaces: []string{"odd"}, Cannot: asks("get pods")}, []string{"monitring"}},
		"a ServiceAccount's, written out": {access.WantTest{Clusters: a, Who: who("serviceaccount/odd/x"), Namespaces: []string{"odd"}, Cannot: asks("get pods")}, nil},
		"of only":                         {access.WantTest{Clusters: a, Only: who("serviceaccount/od/x"), Namespaces: []string{"odd"}, Can: asks("get pods")}, []string{"od"}},
	} {
		var got []string
		for _, run := range Run([]access.WantTest{c.test}, question.Documents(want, nil)).Cases {
			got = append(got, run.Notes...)
		}
		if len(got) != len(c.notes) {
			t.Errorf("%s: %q, want notes of %q", name, got, c.notes)
			continue
		}
		for i, ns := range c.notes {
			ends := map[string]string{"ood": "; did you mean odd?", "od": "; did you mean odd?", "monitring": "; did you mean monitoring?"}[ns]
			if ends == "" {
				ends = "; --observed tells whether it is there"
			}
			if !strings.HasPrefix(got[i], "no grant of the documents reaches namespace "+ns+",") || !strings.HasSuffix(got[i], ends) {
				t.Errorf("%s: %q", name, got[i])
			}
		}
	}
}

// Lists are every combination of theirs, and one that fails hides no other.
func TestListsAreAllTheirCombinations(t *testing.T) {
	r := Run([]access.WantTest{{Clusters: both, Who: who("user/ann", "user/bob"), Namespaces: []string{"web-1", "db"}, Can: asks("list pods", "get pods"), Cannot: asks("get nodes")}},
		question.Documents(state(), nil))
	if len(r.Cases) != 12 || r.Passed != 8 || r.Failed != 4 || r.Undetermined != 0 {
		t.Errorf("%d cases: %d, %d, %d", len(r.Cases), r.Passed, r.Failed, r.Undetermined)
	}
	for _, c := range r.Cases {
		if c.Subjects != 2 || (c.Outcome == Failed) != (c.Kind == Can && c.Asked.Namespace == "db") {
			t.Errorf("%s %s %s: %s of %d", c.Who, c.Kind, c.Asked, c.Outcome, c.Subjects)
		}
		if c.Outcome == Failed && c.Findings[0].Verdict != authz.Deny {
			t.Error(c.Findings)
		}
	}
}

// Whoever does not log in at all is nobody's own: a right of his is everybody's.
func TestAnonymousIsOneTooMany(t *testing.T) {
	for name, want := range map[string]Outcome{authz.Anonymous: Failed, "system:kube-controller-manager": Passed} {
		have := &access.Snapshot{Accounts: []access.HaveAccount{{Account: state().Accounts[0]}}}
		have.Clusters = []access.HaveCluster{{Key: keyA, Mode: access.ModeAPI, EntriesRead: true, Kubernetes: &access.HaveKubernetes{RBACRead: true, AuthMapRead: true,
			Roles:    []access.KubernetesRole{{Name: "secrets", Rules: []access.Rule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"secrets"}}}}},
			Bindings: []access.Binding{{Name: "b", Role: access.RoleRef{Kind: access.ClusterRole, Name: "secrets"}, Subjects: []access.Subject{{Kind: access.UserSubject, Name: name}}}}}}}
		r := Run([]access.WantTest{{Clusters: []access.ClusterKey{keyA}, Only: []access.Who{}, Can: asks("get secrets")}}, question.Observed(state(), have))
		if len(r.Cases) != 1 || r.Cases[0].Outcome != want {
			t.Errorf("%s: %+v, want %s", name, r.Cases, want)
		}
	}
}

// seenWith is cluster a with bindings to a role of each name, and what more is
// not known of it.
func seenWith(unread []access.Gap, subjects ...access.Subject) *access.Snapshot {
	return &access.Snapshot{Accounts: []access.HaveAccount{{Account: state().Accounts[0]}}, Gaps: unread,
		Clusters: []access.HaveCluster{{Key: keyA, Mode: access.ModeAPI, EntriesRead: true, Entries: []access.Entry{{Principal: "arn:aws:iam::" + account + ":user/ann", Type: access.Standard, Username: "ann"}},
			Kubernetes: &access.HaveKubernetes{RBACRead: true, AuthMapRead: true,
				Roles:    []access.KubernetesRole{{Name: "nodes", Rules: []access.Rule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"nodes"}}}}},
				Bindings: []access.Binding{{Name: "b", Role: access.RoleRef{Kind: access.ClusterRole, Name: "nodes"}, Subjects: subjects}}}}}}
}

// Exactly these are told by whatever they are known by: a principal by his ARN
// and by the name that Kubernetes knows him by, a ServiceAccount by its own;
// one without a name names nobody.
func TestOnlyIsOfPeopleAndOfServiceAccounts(t *testing.T) {
	user, group := access.Subject{Kind: access.UserSubject, Name: "ann"}, access.Subject{Kind: access.GroupSubject, Name: "crowd"}
	robot := access.Subject{Kind: access.ServiceAccountSubject, Namespace: "web", Name: "sa"}
	gap := []access.Gap{{What: access.GapRBAC, Account: account, Region: keyA.Region, Cluster: keyA.Name, Reason: "refused"}}
	for name, c := range map[string]struct {
		only     []access.Who
		have     *access.Snapshot
		want     Outcome
		tooMany  []string // who are one too many
		subjects int
	}{
		"a ServiceAccount":                  {who("serviceaccount/web/sa"), seenWith(nil, robot), Passed, nil, 1},
		"another one":                       {who("serviceaccount/web/sb"), seenWith(nil, robot), Failed, []string{"serviceaccount/web/sa"}, 1},
		"a group of nobody known":           {[]access.Who{}, seenWith(nil, group), Failed, []string{"group crowd"}, 0},
		"a group beside a ServiceAccount":   {who("serviceaccount/web/sa"), seenWith(nil, robot, group), Failed, []string{"group crowd"}, 1},
		"a user of Kubernetes":              {who("serviceaccount/web/sa"), seenWith(nil, robot, access.Subject{Kind: access.UserSubject, Name: "bob"}), Failed, []string{"Kubernetes user bob"}, 1},
		"a user who is somebody's name":     {[]access.Who{}, seenWith(nil, user), Failed, []string{"user/ann", "Kubernetes user ann"}, 0},
		"nobody":                            {[]access.Who{}, seenWith(nil), Passed, nil, 0},
		"what was not read may be somebody": {[]access.Who{}, seenWith(gap), Undetermined, []string{"others", "user/ann"}, 0},
	} {
		r := Run([]access.WantTest{{Clusters: []access.ClusterKey{keyA}, Only: c.only, Can: asks("get nodes")}}, question.Observed(state(), c.have))
		if len(r.Cases) != 1 || r.Cases[0].Outcome != c.want || r.OK() != (c.want == Passed) || r.Cases[0].Subjects != c.subjects {
			t.Errorf("%s: %+v", name, r)
			continue
		}
		var tooMany []string
		for _, f := range r.Cases[0].Findings {
			if f.TooMany {
				tooMany = append(tooMany, f.Subject)
			}
		}
		slices.Sort(tooMany)
		slices.Sort(c.tooMany)
		if !slices.Equal(tooMany, c.tooMany) {
			t.Errorf("%s: %q, want %q", name, tooMany, c.tooMany)
		}
	}
}

func TestAFindingSaysWhetherTheReasonIsAtFault(t *testing.T) {
	a := []access.ClusterKey{keyA}
	for because, want := range map[string]bool{"View": true, "Edit": false} {
		r := Run([]access.WantTest{{Clusters: a, Who: who("user/ann", "user/bob"), Namespaces: []string{"db", "web-1"}, Can: asks("list pods"), Because: &access.Because{Policy: because}}}, question.Documents(state(), nil))
		for _, c := range r.Cases {
			for _, f := range c.Findings {
				inWeb := c.Asked.Namespace == "web-1" // in db nobody may
				if f.NotBecause != inWeb {
					t.Errorf("%s, %s in %s: %t", because, f.Subject, c.Asked.Namespace, f.NotBecause)
				}
			}
			if c.Who.Name == "ann" && c.Asked.Namespace == "web-1" && (len(c.Findings) > 0) != want {
				t.Errorf("%s: %+v", because, c.Findings)
			}
		}
	}
}

func TestACaseStandsWhereItsQuestionDoes(t *testing.T) {
	test := access.WantTest{Place: access.Place{File: "t.yaml", Line: 3}}
	for line, want := range map[int]int{0: 3, 1: 1, 7: 7} {
		c := Case{Test: &test, Ask: access.Ask{Place: access.Place{File: "t.yaml", Line: line}}}
		if got := c.Place().Line; got != want {
			t.Errorf("line %d: %d", line, got)
		}
	}
	for _, r := range []Report{{Passed: 1, Failed: 1}, {Passed: 1, Undetermined: 1}, {Failed: 1, Undetermined: 1}} {
		if r.OK() {
			t.Errorf("%+v", r)
		}
	}
	if !(&Report{Passed: 1}).OK() || !(&Report{}).OK() {
		t.Error("what passed is no fault")
	}
}
