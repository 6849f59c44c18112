package desired

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/documents"
)

// environment is every test's, unless it writes its own.
const environment = `
kind: Environment
metadata: {name: ops}
spec:
  id: "k7f3c9a1"
  accounts:
    - {name: main, id: "111111111111", regions: [eu-west-1]}
    - {name: china, id: "333333333333", regions: [cn-north-1]}
`

// parse reads documents, apiVersion left out, each in a file of its own: the
// first is 1.yaml.
func parse(t *testing.T, docs ...string) *documents.Set {
	t.Helper()
	set, err := tryParse(docs...)
	if err != nil {
		t.Fatalf("the test's documents: %v", err)
	}
	return set
}

// tryParse is parse with the faults of package documents, which come first and
// in its own words; the Set is nil then.
func tryParse(docs ...string) (*documents.Set, error) {
	files := map[string][]byte{}
	for i, d := range docs {
		files[fmt.Sprintf("%d.yaml", i+1)] = []byte("apiVersion: atlas-iam.dev/v1alpha1\n" + strings.TrimSpace(d) + "\n")
	}
	set, err := documents.Parse(files)
	if err != nil {
		return nil, err
	}
	return set, nil
}

func cluster(name, spec string) string {
	return "kind: Cluster\nmetadata: {name: " + name + ", labels: {stage: " + name + ", kind: eks}}\nspec: {" + spec + "}\n"
}

func mainCluster(name, more string) string {
	return cluster(name, strings.TrimSuffix("account: main, "+more, ", "))
}

func team(name, members, clusters, grants string) string {
	return "kind: Team\nmetadata: {name: " + name + "}\nspec:\n  members: [" + members + "]\n  clusters: {" + clusters + "}\n  grants: [" + grants + "]\n"
}

// summary is a State in lines: cluster: member type username groups policies.
func summary(s *access.State) []string {
	var out []string
	for _, c := range s.Clusters {
		for _, e := range c.Entries {
			l := c.Document + ": " + e.Member.String()
			if e.Type != access.Standard {
				l += " " + string(e.Type)
			}
			if e.Username != "" {
				l += " as " + e.Username
			}
			if len(e.Groups) > 0 {
				l += " in " + strings.Join(e.Groups, ",")
			}
			for _, a := range e.Associations {
				l += fmt.Sprintf(" %s(%s)", access.ShortPolicy(a.Policy), a.Scope)
			}
			out = append(out, l)
		}
	}
	return out
}

// shows: item S5
func TestTeamsAndClustersBecomeEntries(t *testing.T) {
	test, prod := mainCluster("test", ""), mainCluster("prod", "")
	for name, c := range map[string]struct {
		docs  []string
		want  []string
		notes []string
	}{
		"every member gets every grant on every cluster selected": {
			docs: []string{test, prod, team("a", "{user: ann}, {role: ci/deploy}", "all: true", `{policy: Edit, namespaces: ["*a*", b]}, {group: g}`)},
			want: []string{"prod: role/ci/deploy in g Edit(*a*, b)", "prod: user/ann in g Edit(*a*, b)", "test: role/ci/deploy in g Edit(*a*, b)", "test: user/ann in g Edit(*a*, b)"},
		},
		"by names": {
			docs: []string{test, prod, team("a", "{user: ann}", "names: [prod]", "{group: g}")},
			want: []string{"prod: user/ann in g"},
		},
		"by labels, which must all match": {
			docs: []string{test, prod, team("a", "{user: ann}", "matchLabels: {stage: test, kind: eks}", "{group: g}")},
			want: []string{"test: user/ann in g"},
		},
		"labels that match no cluster are pointed out": {
			docs:  []string{test, team("a", "{user: ann}", "matchLabels: {stage: qa}", "{group: g}")},
			notes: []string{"3.yaml:6:13: team a selects no cluster"},
		},
		"a grant's clusters only narrow the team's": {
			docs:  []string{test, prod, team("a", "{user: ann}", "names: [test]", "{group: g, clusters: {names: [test, prod]}}, {group: h, clusters: {names: [prod]}}")},
			want:  []string{"test: user/ann in g"},
			notes: []string{"4.yaml:7:33: cluster prod is not one of team a's", "4.yaml:7:78: cluster prod is not one of team a's", "4.yaml:7:78: this grant is for no cluster"},
		},
		"no grant on a cluster, no entry there": {
			docs: []string{test, prod, team("a", "{user: ann}", "all: true", "{group: g, clusters: {names: [test]}}"), team("b", "{user: bob}", "all: true", "")},
			want: []string{"test: user/ann in g"},
		},
		"a principal in two teams has one entry with the union": {
			docs: []string{test,
				team("a", "{user: ann}", "all: true", `{policy: Edit, namespaces: [x]}, {policy: View, scope: cluster}, {group: g}`),
				team("b", `{user: ann, username: "anna"}`, "all: true", `{policy: AmazonEKSEditPolicy, namespaces: [yy, x]}, {policy: View, namespaces: [z]}, {group: h}`)},
			want: []string{"test: user/ann as anna in g,h Edit(x, yy) View(cluster)"},
		},
		"an ARN and a name of one principal are one": {
			docs: []string{test,
				team("a", `{arn: "arn:aws:iam::111111111111:role/ci/deploy"}`, "all: true", "{group: g}"),
				team("b", "{role: ci/deploy, account: main}, {role: ci/deploy, account: \"111111111111\"}", "all: true", "{group: h}")},
			want: []string{"test: role/ci/deploy in g,h"},
		},
		"node roles are entries of their type, EC2 with the policy it needs": {
			docs: []string{mainCluster("test", "nodeRoles: [{role: node, type: EC2_LINUX}, {role: auto, type: EC2}]")},
			want: []string{"test: role/auto EC2 AutoNode(cluster)", "test: role/node EC2_LINUX"},
		},
		"members of other accounts": {
			docs: []string{test, team("a", `{role: x, account: "222222222222"}, {arn: "arn:aws:iam::222222222222:role/y"}, {permissionSet: Backend}`, "all: true", "{group: g}")},
			want: []string{"test: arn:aws:iam::222222222222:role/y in g", "test: permissionSet/Backend in g", "test: role/x in g"},
		},
		"members of another account of the Environment, by its name": {
			docs: []string{cluster("peking", "account: china"), team("a", `{role: x, account: china}, {role: x, account: "333333333333"}`, "all: true", "{group: g}")},
			want: []string{"peking: role/x in g"},
		},
		"a policy newer than we are, by its ARN": {
			docs: []string{test, team("a", "{user: ann}", "all: true", `{policy: "arn:aws:eks::aws:cluster-access-policy/AmazonQuantumPolicy", scope: cluster}`)},
			want: []string{"test: user/ann AmazonQuantumPolicy(cluster)"},
		},
		"a username with a session's name after a colon": {
			docs: []string{test, team("a", `{role: ci, username: "ci:{{SessionName}}"}`, "all: true", "{group: g}")},
			want: []string{"test: role/ci as ci:{{SessionName}} in g"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Compile(parse(t, append([]string{environment}, c.docs...)...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, summary(s)); diff != "" {
				t.Error(diff)
			}
			if len(s.Notes) != len(c.notes) {
				t.Fatalf("notes %v", s.Notes)
			}
			for i, n := range s.Notes {
				if got := n.Place.String() + ": " + n.Text; !strings.HasPrefix(got, c.notes[i]) {
					t.Errorf("note %q, want %q", got, c.notes[i])
				}
			}
		})
	}
}

// shows: item S7
func TestPoliciesAreOfTheClustersPartition(t *testing.T) {
	s, err := Compile(parse(t, environment, mainCluster("test", ""), cluster("peking", "account: china"),
		team("a", "{role: ops}", "all: true", `{policy: "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", scope: cluster}`)))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"} {
		e := s.Clusters[i].Entries[0]
		if got := e.Associations[0].Policy; got != want {
			t.Errorf("policy %s, want %s", got, want)
		}
		if e.Member.Account != s.Clusters[i].Key.Account {
			t.Errorf("account %s", e.Member.Account)
		}
	}
}

// shows: item S5
func TestWhatCannotHoldNamesBothPlaces(t *testing.T) {
	test := mainCluster("test", "")
	ann := team("a", "{user: ann}", "all: true", "{group: g}")
	for name, c := range map[string]struct {
		docs []string
		want []string // each in one fault; the legal twin is below
		twin []string
	}{
		"two usernames for one principal": {
			docs: []string{test, team("a", "{user: ann, username: x}", "all: true", "{group: g}"), team("b", "{user: ann, username: yy}", "all: true", "{group: g}")},
			want: []string{`4.yaml:5:13: user/ann has two usernames on cluster test, "yy" here and "x" at 3.yaml:5:13`},
			twin: []string{test, team("a", "{user: ann, username: x}", "all: true", "{group: g}"), team("b", "{user: ann, username: x}", "all: true", "{group: g}")},
		},
		"two usernames on many clusters are said once": {
			docs: []string{test, mainCluster("prod", ""), team("a", "{user: ann, username: x}", "all: true", "{group: g}"), team("b", "{user: ann, username: w}", "all: true", "{group: g}")},
			want: []string{`user/ann has two usernames on cluster prod, "w" here and "x" at`},
			twin: []string{test, mainCluster("prod", ""), team("a", "{user: ann, username: x}", "names: [test]", "{group: g}"), team("b", "{user: ann, username: w}", "names: [prod]", "{group: g}")},
		},
		"member and remove": {
			docs: []string{mainCluster("test", "remove: [{user: ann}]"), ann},
			want: []string{"3.yaml:5:13: user/ann gets access to cluster test here and is to be removed from it at 2.yaml:4:32"},
			twin: []string{mainCluster("test", "remove: [{user: bob}]"), ann},
		},
		"remove and protect": {
			docs: []string{mainCluster("test", "protect: [{role: x}], remove: [{arn: \"arn:aws:iam::111111111111:role/x\"}]")},
			want: []string{"arn:aws:iam::111111111111:role/x is to be removed from cluster test and is protected there at 2.yaml:4:33"},
			twin: []string{mainCluster("test", "protect: [{role: x}], remove: [{role: yy}]")},
		},
		"node role and member": {
			docs: []string{mainCluster("test", "nodeRoles: [{role: node, type: EC2_LINUX}]"), team("a", "{role: node}", "all: true", "{policy: View, scope: cluster}")},
			want: []string{"role/node is a member here and a node role of cluster test at 2.yaml:4:35"},
			twin: []string{mainCluster("test", "nodeRoles: [{role: node, type: EC2_LINUX}]"), team("a", "{role: m}", "all: true", "{policy: View, scope: cluster}")},
		},
		"two types of one node role": {
			docs: []string{mainCluster("test", "nodeRoles: [{role: node, type: EC2}, {role: node, type: EC2_LINUX}]")},
			want: []string{"2.yaml:4:60: node role role/node has two types on cluster test, EC2_LINUX here and EC2 at 2.yaml:4:35"},
			twin: []string{mainCluster("test", "nodeRoles: [{role: node, type: EC2}, {role: node, type: EC2}]")},
		},
		"node role and remove": {
			docs: []string{mainCluster("test", "remove: [{role: node}], nodeRoles: [{role: node, type: EC2_LINUX}]")},
			want: []string{"role/node gets access to cluster test here and is to be removed"},
			twin: []string{mainCluster("test", "protect: [{role: node}], nodeRoles: [{role: node, type: EC2_LINUX}]")},
		},
		"one cluster in two documents": {
			docs: []string{test, mainCluster("other", "clusterName: test")},
			want: []string{`2.yaml:3:18: cluster "test" of account 111111111111 in eu-west-1 stands twice, first at 3.yaml:3:18`},
			twin: []string{test, mainCluster("other", "clusterName: test2")},
		},
		"row 7: a role with and without its path": {
			docs: []string{test, team("a", "{role: ci/deploy}", "all: true", "{group: g}"), team("b", "{role: deploy}", "all: true", "{group: g}")},
			want: []string{"role deploy is arn:aws:iam::111111111111:role/deploy here and arn:aws:iam::111111111111:role/ci/deploy at 3.yaml:5:13"},
			twin: []string{test, team("a", `{role: ci/deploy}, {role: deploy, account: "222222222222"}, {user: deploy}`, "all: true", "{group: g}")},
		},
		"a cluster that is not there": {
			docs: []string{test, team("a", "{user: ann}", "names: [tset]", "{group: g, clusters: {names: [testt]}}")},
			want: []string{`there is no Cluster "tset": did you mean test?`, `there is no Cluster "testt": did you mean test?`},
			twin: []string{test, team("a", "{user: ann}", "names: [test]", "{group: g, clusters: {names: [test]}}")},
		},
		"a cluster by its name in EKS": {
			docs: []string{cluster("prod", "clusterName: acme-prod, account: main, region: eu-west-1"), team("a", "{user: ann}", "names: [acme-prod]", "{group: g}")},
			want: []string{`there is no Cluster "acme-prod": "acme-prod" is the EKS name of Cluster prod`},
			twin: []string{cluster("prod", "clusterName: acme-prod, account: main, region: eu-west-1"), team("a", "{user: ann}", "names: [prod]", "{group: g}")},
		},
		"an account left out of two": {
			docs: []string{cluster("test", "region: eu-west-1")},
			want: []string{`Cluster "test" names no account, and the Environment has 2`},
			twin: []string{cluster("test", "account: \"111111111111\", region: eu-west-1")},
		},
		"an account that the Environment does not have": {
			docs: []string{cluster("test", "account: mian")},
			want: []string{`the Environment has no account "mian": did you mean main?`},
			twin: []string{test},
		},
		"a member's account that the Environment does not have, even on no cluster": {
			docs: []string{test, team("a", "{user: ann, account: mian}", "matchLabels: {stage: none}", "{group: g}"), team("b", "{user: ann, account: man}", "all: true", "{group: g}")},
			want: []string{`3.yaml:5:13: the Environment has no account "mian": did you mean main?`, `4.yaml:5:13: the Environment has no account "man": did you mean main?`},
			twin: []string{test, team("a", "{user: ann, account: main}", "matchLabels: {stage: none}", "{group: g}")},
		},
		"a region that the account does not have": {
			docs: []string{mainCluster("test", "region: eu-west-2")},
			want: []string{`account main has no region "eu-west-2"`},
			twin: []string{mainCluster("test", "region: eu-west-1")},
		},
		"a permission set of an account that is not looked at": {
			docs: []string{test, team("a", `{permissionSet: Backend, account: "222222222222"}`, "all: true", "{group: g}")},
			want: []string{`permission set "Backend" cannot be looked up`},
			twin: []string{test, team("a", `{permissionSet: Backend, account: main}`, "all: true", "{group: g}")},
		},
		"a principal of another partition": {
			docs: []string{test, team("a", `{arn: "arn:aws-cn:iam::333333333333:role/x"}`, "all: true", "{group: g}")},
			want: []string{"arn:aws-cn:iam::333333333333:role/x is of partition aws-cn, cluster test of aws"},
			twin: []string{cluster("peking", "account: china"), team("a", `{arn: "arn:aws-cn:iam::333333333333:role/x"}`, "all: true", "{group: g}")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, append([]string{environment}, c.docs...), c.want)
			if _, err := Compile(parse(t, append([]string{environment}, c.twin...)...)); err != nil {
				t.Errorf("the legal twin: %v", err)
			}
		})
	}
}

func refused(t *testing.T, docs, want []string) {
	t.Helper()
	s, err := Compile(parse(t, docs...))
	var faults documents.Faults
	if !errors.As(err, &faults) || s != nil {
		t.Fatalf("error %v, want faults and no State", err)
	}
	if len(faults) != len(want) {
		t.Errorf("%d faults, want %d:\n%v", len(faults), len(want), faults)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not said in\n%v", w, err)
		}
	}
}

func TestAClusterWhoseFileWasNotReadIsSaidSo(t *testing.T) {
	set := parse(t, environment, team("a", "{user: ann}", "names: [test]", "{group: g}"))
	set.Partial = []string{"clusters.yaml"}
	_, err := Compile(set)
	if err == nil || !strings.Contains(err.Error(), "not all was read (files left out: 1)") {
		t.Errorf("error %v", err)
	}
}

func TestAStateIsTheSameInAnyOrder(t *testing.T) {
	docs := []string{environment, mainCluster("test", "remove: [{role: z}, {role: b}], protect: [{user: p}, {role: q}]"), mainCluster("prod", ""), cluster("peking", "account: china"),
		team("a", "{user: ann}, {role: ci/deploy}", "names: [prod, test]", `{policy: Edit, namespaces: [x, yy]}, {group: g}`),
		team("b", `{arn: "arn:aws:iam::111111111111:user/ann"}, {user: bob, username: bob}`, "names: [test, prod]", `{policy: Edit, namespaces: [z]}, {group: f}`),
		team("c", "{permissionSet: Backend}", "matchLabels: {stage: qa}", `{policy: View, scope: cluster}`),
	}
	set := parse(t, docs...)
	want, err := Compile(set)
	if err != nil {
		t.Fatal(err)
	}
	const seed = 7
	random := rand.New(rand.NewPCG(seed, seed))
	for range 50 {
		random.Shuffle(len(set.Clusters), func(i, j int) { set.Clusters[i], set.Clusters[j] = set.Clusters[j], set.Clusters[i] })
		random.Shuffle(len(set.Teams), func(i, j int) { set.Teams[i], set.Teams[j] = set.Teams[j], set.Teams[i] })
		got, err := Compile(set)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}

func TestAStateIsNormal(t *testing.T) {
	s, err := Compile(parse(t, environment,
		mainCluster("test", "protect: [{user: z}, {user: b}]"),
		team("zz", "{user: ann}", "all: true", `{policy: Edit, namespaces: [x]}, {policy: Edit, namespaces: [a, x]}, {group: h}, {group: g}`),
		team("aa", "{user: ann}", "all: true", `{policy: Edit, namespaces: [b]}`)))
	if err != nil {
		t.Fatal(err)
	}
	if s.Accounts[0].Name != "china" || s.Accounts[1].Name != "main" || s.Teams[0] != "aa" {
		t.Errorf("accounts %v, teams %v", s.Accounts, s.Teams)
	}
	c := s.Clusters[0]
	if len(c.Protect) != 2 || c.Protect[0].Member.Name != "b" {
		t.Errorf("protect %v", c.Protect)
	}
	e := c.Entries[0]
	if diff := cmp.Diff([]string{"g", "h"}, e.Groups); diff != "" {
		t.Error(diff)
	}
	var parts []string
	for _, p := range e.Associations[0].Parts {
		parts = append(parts, fmt.Sprintf("%s %s (%s)", p.Source.Place, p.Scope, p.Source.Team))
	}
	if diff := cmp.Diff([]string{"3.yaml:7:12 x (zz)", "3.yaml:7:45 a, x (zz)", "4.yaml:7:12 b (aa)"}, parts); diff != "" {
		t.Error(diff)
	}
	if got := e.Associations[0].Scope.String(); got != "a, b, x" || len(e.Sources) != 2 {
		t.Errorf("scope %s, sources %v", got, e.Sources)
	}
}

func TestATeamThatSelectsNoClusterIsRememberedOnEachClusterByItsMembers(t *testing.T) {
	s, err := Compile(parse(t, environment, mainCluster("test", ""),
		team("qa", `{user: ann}, {permissionSet: Qa}, {arn: "arn:aws:iam::333333333333:role/x"}`, "matchLabels: {stage: none}", "{group: g}"),
		team("ops", "{user: bob}", "all: true", "{group: g}")))
	if err != nil {
		t.Fatal(err)
	}
	var idle []string
	for _, m := range s.Clusters[0].Idle {
		idle = append(idle, m.Team+" "+m.Member.String()+" "+m.Member.Account+" "+m.Place.String())
	}
	want := []string{
		"qa arn:aws:iam::333333333333:role/x 333333333333 3.yaml:6:13",
		"qa permissionSet/Qa 111111111111 3.yaml:6:13",
		"qa user/ann 111111111111 3.yaml:6:13",
	}
	if diff := cmp.Diff(want, idle); diff != "" {
		t.Error(diff)
	}
}
