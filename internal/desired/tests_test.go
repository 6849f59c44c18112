package desired

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

func tests(name string, lines ...string) string {
	return "kind: AccessTest\nmetadata: {name: " + name + "}\nspec:\n  tests:\n    - " + strings.Join(lines, "\n    - ") + "\n"
}

// testsOf are a State's tests in lines.
func testsOf(s *access.State) []string {
	whos := func(list []access.Who) string {
		var words []string
		for _, w := range list {
			word := w.String()
			if w.Member != nil && w.Member.Account != "" {
				word += "@" + w.Member.Partition + ":" + w.Member.Account
			}
			words = append(words, word)
		}
		return strings.Join(words, " ")
	}
	var out []string
	for _, t := range s.Tests {
		l := t.Document + " " + t.Place.String() + ":"
		if t.Who != nil {
			l += " " + whos(t.Who)
		}
		for _, a := range t.Can {
			l += " +" + a.String()
		}
		for _, a := range t.Cannot {
			l += " -" + a.String()
		}
		l += fmt.Sprintf(" in %v", t.Namespaces)
		for _, k := range t.Clusters {
			l += " " + k.Name
		}
		if t.Only != nil {
			l += " only(" + whos(t.Only) + ")"
		}
		if b := t.Because; b != nil {
			l += " because(" + strings.Trim(b.Policy+" "+b.Role.Kind+" "+b.Role.Name, " ") + ")"
		}
		out = append(out, l)
	}
	return out
}

// shows: item S55; key AccessTest.{apiVersion,kind,metadata.name,metadata.labels,metadata.annotations}; key AccessTest.spec.tests
// shows: key AccessTest.spec.tests.{who,only,clusters,namespace,namespaces,can,cannot,because}; key AccessTest.spec.tests.because.{policy,clusterRole,role}
// shows: key AccessTest.spec.tests.clusters.{all,names,matchLabels}; key AccessTest.spec.tests.{who,only}.{user,role,permissionSet,arn,account}
func TestAccessTestsAreSettled(t *testing.T) {
	docs := []string{environment, mainCluster("test", ""), mainCluster("prod", "clusterName: eks-prod"), team("backend", "{user: ann}", "all: true", "{group: g}"), team("devops", "{user: bob}", "all: true", "{group: g}")}
	for name, c := range map[string]struct {
		test string
		want string // after the place
	}{
		"a team, on every cluster": {`{who: team/backend, can: [create pods], namespace: dev-backend-ns}`, `team/backend +create pods in [dev-backend-ns] eks-prod test`},
		"one or a list, text or as members": {`{who: [team/backend, {user: oleksii}, role/ci/deploy, {permissionSet: Backend, account: main}, {role: x, account: "222222222222"}, serviceaccount/ci/runner], cannot: get secrets}`,
			`team/backend user/oleksii role/ci/deploy permissionSet/Backend@aws:111111111111 role/x@:222222222222 serviceaccount/ci/runner -get secrets in [] eks-prod test`},
		"an ARN, both ways":                  {`{who: ["arn:aws:iam::222222222222:role/a/b", {arn: "arn:aws:iam::222222222222:user/c"}], can: get pods}`, `arn:aws:iam::222222222222:role/a/b arn:aws:iam::222222222222:user/c +get pods in [] eks-prod test`},
		"by name, in some namespaces":        {`{who: user/ann, clusters: {names: [test]}, can: [get pods/log, list deployments.apps], cannot: ["* *"], namespaces: [b, a]}`, `user/ann +get pods/log +list deployments.apps -* * in [b a] test`},
		"by label":                           {`{who: user/ann, clusters: {matchLabels: {stage: prod}}, can: get /healthz}`, `user/ann +get /healthz in [] eks-prod`},
		"all, spelt out":                     {`{who: {user: ann}, clusters: {all: true}, can: get nodes}`, `user/ann +get nodes in [] eks-prod test`},
		"only these":                         {`{can: [get secrets], namespace: a, only: [team/devops, {role: r}, {permissionSet: S}, {arn: "arn:aws:iam::222222222222:user/c"}, {user: u, account: main}]}`, ` +get secrets in [a] eks-prod test only(team/devops role/r permissionSet/S arn:aws:iam::222222222222:user/c user/u@aws:111111111111)`},
		"only one":                           {`{can: get secrets, only: team/devops}`, ` +get secrets in [] eks-prod test only(team/devops)`},
		"only nobody":                        {`{can: get secrets, only: []}`, ` +get secrets in [] eks-prod test only()`},
		"because of a policy, by its name":   {`{who: user/ann, can: get pods, because: {policy: Edit}}`, `user/ann +get pods in [] eks-prod test because(AmazonEKSEditPolicy)`},
		"because of a policy, by its ARN":    {`{who: user/ann, can: get pods, because: {policy: "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"}}`, `user/ann +get pods in [] eks-prod test because(AmazonEKSEditPolicy)`},
		"because of a policy newer than we":  {`{who: user/ann, can: get pods, because: {policy: "arn:aws:eks::aws:cluster-access-policy/AmazonQuantumPolicy"}}`, `user/ann +get pods in [] eks-prod test because(arn:aws:eks::aws:cluster-access-policy/AmazonQuantumPolicy)`},
		"because of a ClusterRole":           {`{who: user/ann, can: get pods, because: {clusterRole: edit}}`, `user/ann +get pods in [] eks-prod test because(ClusterRole edit)`},
		"because of a Role":                  {`{who: user/ann, can: get pods, because: {role: r}, namespace: a}`, `user/ann +get pods in [a] eks-prod test because(Role r)`},
		"a role that a team names by a path": {`{who: [user/x/ann, role/ann], can: get pods}`, `user/x/ann role/ann +get pods in [] eks-prod test`},
		"a verb that is a custom resource's": {`{who: user/ann, can: use widgets.example.com/console}`, `user/ann +use widgets.example.com/console in [] eks-prod test`},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Compile(parse(t, append(docs[:len(docs):len(docs)], tests("lane", c.test))...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"lane 6.yaml:6:7: " + strings.TrimSpace(c.want)}, testsOf(s)); diff != "" {
				t.Error(diff)
			}
			if len(s.Notes) > 0 {
				t.Errorf("notes %v", s.Notes)
			}
			test := s.Tests[0]
			for _, p := range []struct {
				what  string
				place access.Place
			}{{"who", placeOf(test.Who)}, {"only", placeOf(test.Only)}} {
				if p.place != (access.Place{}) && (p.place.Line != 6 || p.place.Column <= test.Place.Column) {
					t.Errorf("%s is placed at %s", p.what, p.place)
				}
			}
			for _, a := range append(test.Can[:len(test.Can):len(test.Can)], test.Cannot...) {
				if a.Place.Line != 6 || a.Place.Column <= test.Place.Column {
					t.Errorf("%s is placed at %s", a, a.Place)
				}
			}
		})
	}
}

func placeOf(list []access.Who) access.Place {
	if len(list) == 0 {
		return access.Place{}
	}
	return list[len(list)-1].Place
}

// shows: item S55
func TestWhatAnAccessTestNamesIsThere(t *testing.T) {
	test := mainCluster("test", "")
	backend := team("backend", "{user: ann}", "all: true", "{group: g}")
	for name, c := range map[string]struct{ docs, want, twin []string }{
		"row 52: a team": {
			docs: []string{test, backend, tests("lane", "{who: team/backned, can: get pods}", "{can: get pods, only: [team/backend, team/backens]}")},
			want: []string{`4.yaml:6:13: there is no Team "backned": did you mean backend?`, `4.yaml:7:44: there is no Team "backens": did you mean backend?`},
			twin: []string{test, backend, tests("lane", "{who: team/backend, can: get pods}", "{can: get pods, only: [team/backend]}")},
		},
		"row 52: a cluster": {
			docs: []string{test, backend, tests("lane", "{who: team/backend, cannot: get pods, clusters: {names: [test, tset]}}")},
			want: []string{`4.yaml:6:70: there is no Cluster "tset": did you mean test?`},
			twin: []string{test, backend, tests("lane", "{who: team/backend, cannot: get pods, clusters: {names: [test]}}")},
		},
		"row 52: labels that no cluster has": {
			docs: []string{test, backend, tests("lane", "{who: team/backend, cannot: get pods, clusters: {matchLabels: {stage: prd}}}")},
			want: []string{`4.yaml:6:55: this test selects no cluster: name the clusters that are meant`},
			twin: []string{test, backend, tests("lane", "{who: team/backend, cannot: get pods, clusters: {matchLabels: {stage: test}}}")},
		},
		"row 52: no cluster at all": {
			docs: []string{backend, tests("lane", "{who: team/backend, cannot: get pods}")},
			want: []string{`3.yaml:6:7: this test selects no cluster`},
			twin: []string{test, backend, tests("lane", "{who: team/backend, cannot: get pods}")},
		},
		"an account": {
			docs: []string{test, backend, tests("lane", "{who: {user: ann, account: mian}, can: get pods}")},
			want: []string{`4.yaml:6:13: the Environment has no account "mian": did you mean main?`},
			twin: []string{test, backend, tests("lane", "{who: {user: ann, account: main}, can: get pods}")},
		},
		"a permission set of an account that is not looked at": {
			docs: []string{test, backend, tests("lane", `{who: {permissionSet: Backend, account: "222222222222"}, can: get pods}`)},
			want: []string{`permission set "Backend" cannot be looked up: account 222222222222 is not one of the Environment's`},
			twin: []string{test, backend, tests("lane", `{who: {permissionSet: Backend}, can: get pods}`)},
		},
		"a subject of another partition": {
			docs: []string{test, cluster("peking", "account: china"), backend, tests("lane", `{who: "arn:aws:iam::111111111111:user/ann", can: get pods}`, `{who: {role: x, account: china}, can: get pods}`)},
			want: []string{`5.yaml:6:13: arn:aws:iam::111111111111:user/ann is of partition aws, cluster peking of aws-cn: write the clusters that it is about`,
				`5.yaml:7:13: role/x is of partition aws-cn, cluster test of aws: write the clusters that it is about`},
			twin: []string{test, cluster("peking", "account: china"), backend, tests("lane", `{who: "arn:aws:iam::111111111111:user/ann", can: get pods, clusters: {names: [test]}}`, `{who: {role: x, account: china}, can: get pods, clusters: {names: [peking]}}`, `{who: {role: x}, can: get pods}`)},
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

func TestATestWhoseTeamMayStandInAFileThatWasNotReadIsSaidSo(t *testing.T) {
	set := parse(t, environment, mainCluster("test", ""), tests("lane", "{who: team/backend, can: get pods}"))
	set.Partial = []string{"teams.yaml"}
	if _, err := Compile(set); err == nil || !strings.Contains(err.Error(), "not all was read (files left out: 1)") {
		t.Errorf("error %v", err)
	}
}

func TestAVerbThatIsNotKubernetesOwnIsPointedOut(t *testing.T) {
	s, err := Compile(parse(t, environment, mainCluster("test", ""), tests("lane", "{who: user/ann, can: reconcile widgets.example.com}")))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Notes) != 1 || s.Notes[0].Place.String() != "3.yaml:6:28" || s.Notes[0].Text != `"reconcile" is none of Kubernetes' own verbs` {
		t.Errorf("notes %v", s.Notes)
	}
}

// What package documents refuses in tests does not become a State when a Set is
// made by hand.
func TestATestOfASetMadeByHandIsRefusedToo(t *testing.T) {
	ann, pods := v1alpha1.Subjects{{Name: "user/ann"}}, v1alpha1.Words{"get pods"}
	legal := v1alpha1.Test{Who: ann, Can: pods}
	for name, c := range map[string]struct {
		bad  v1alpha1.Test
		want string
	}{
		"nobody":            {v1alpha1.Test{Can: pods}, "this test names nobody: write who or only"},
		"who and only":      {v1alpha1.Test{Who: ann, Only: ann, Can: pods}, "this test has who and only together"},
		"nothing":           {v1alpha1.Test{Who: ann}, "this test does not say what it asks"},
		"only of nothing":   {v1alpha1.Test{Only: ann}, "this test does not say what it asks"},
		"only and cannot":   {v1alpha1.Test{Only: ann, Can: pods, Cannot: pods}, "this test does not say what it asks"},
		"because of cannot": {v1alpha1.Test{Who: ann, Cannot: pods, Because: &v1alpha1.Because{Policy: "Edit"}}, "this test does not say what it asks"},
		"no reason":         {v1alpha1.Test{Who: ann, Can: pods, Because: &v1alpha1.Because{}}, "this names no reason"},
		"no policy":         {v1alpha1.Test{Who: ann, Can: pods, Because: &v1alpha1.Because{Policy: "Edti"}}, `there is no access policy "Edti": did you mean Edit?`},
		"no subject":        {v1alpha1.Test{Who: v1alpha1.Subjects{{}}, Can: pods}, "this names no principal"},
		"an odd subject":    {v1alpha1.Test{Who: v1alpha1.Subjects{{Name: "ann"}}, Can: pods}, `the subject is no subject: "ann": write team/ann, user/ann or role/ann`},
		"me":                {v1alpha1.Test{Who: v1alpha1.Subjects{{Name: "me"}}, Can: pods}, "a test is not about me in this version"},
		"a workload":        {v1alpha1.Test{Who: v1alpha1.Subjects{{Name: "workload/yace"}}, Can: pods}, `there is no Workload "yace"`},
		"an odd question":   {v1alpha1.Test{Who: ann, Can: v1alpha1.Words{"s3:Get*"}}, `a question is about one action, and this is a pattern: "s3:Get*"`},
		"an odd ARN":        {v1alpha1.Test{Who: v1alpha1.Subjects{{Principal: v1alpha1.Principal{ARN: "arn:aws:iam::1:group/x"}}}, Can: pods}, `"arn:aws:iam::1:group/x" is not the ARN of an IAM user or role`},
	} {
		t.Run(name, func(t *testing.T) {
			set := parse(t, environment, mainCluster("test", ""), tests("lane", "{who: user/ann, can: get pods}"))
			set.AccessTests[0].Value.Spec.Tests[0] = c.bad
			if _, err := Compile(set); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			set.AccessTests[0].Value.Spec.Tests[0] = legal
			if _, err := Compile(set); err != nil {
				t.Errorf("the legal twin: %v", err)
			}
		})
	}
}

// shows: item S54
func TestBindingsAndTestsAreTheSameInAnyOrder(t *testing.T) {
	set := parse(t, environment, mainCluster("test", ""), mainCluster("prod", "kubernetes: {via: Render}"),
		team("a", "{user: ann}", "all: true", `{clusterRole: edit, namespaces: [x, b]}, {clusterRole: edit, scope: cluster}, {role: r, namespaces: [x]}`),
		team("b", "{user: ann}, {user: bob}", "names: [test]", `{clusterRole: edit, namespaces: [yy]}, {clusterRole: edit, namespaces: [a]}`),
		tests("lane", "{who: team/a, can: get pods}", "{can: get secrets, only: [team/b]}"), tests("other", "{who: [team/b, user/x], cannot: get nodes}"))
	want, err := Compile(set)
	if err != nil {
		t.Fatal(err)
	}
	if len(want.Tests) != 3 || len(want.Clusters[1].Bindings) != 4 {
		t.Fatalf("%d tests and %d bindings, want 3 and 4", len(want.Tests), len(want.Clusters[1].Bindings))
	}
	const seed = 11
	random := rand.New(rand.NewPCG(seed, seed))
	for range 50 {
		random.Shuffle(len(set.Clusters), func(i, j int) { set.Clusters[i], set.Clusters[j] = set.Clusters[j], set.Clusters[i] })
		random.Shuffle(len(set.Teams), func(i, j int) { set.Teams[i], set.Teams[j] = set.Teams[j], set.Teams[i] })
		random.Shuffle(len(set.AccessTests), func(i, j int) { set.AccessTests[i], set.AccessTests[j] = set.AccessTests[j], set.AccessTests[i] })
		got, err := Compile(set)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}
