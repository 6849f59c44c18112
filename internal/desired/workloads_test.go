package desired

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/documents"
)

// workload is a Workload document; spec is its keys besides clusters, in flow
// style, credentials first.
func workload(name, clusters, spec string) string {
	return "kind: Workload\nmetadata: {name: " + name + "}\nspec:\n  clusters: {" + clusters + "}\n  " + strings.Join(strings.Split(spec, "; "), "\n  ") + "\n"
}

func account(namespace, name string) string {
	return "serviceAccounts: [{namespace: " + namespace + ", name: " + name + "}]"
}

// wanted is what a State wants of workloads, in lines.
func wanted(s *access.State) []string {
	var out []string
	for _, r := range s.Roles {
		l := "role " + r.ARN
		if r.Existing {
			l += " existing"
		}
		if r.Boundary != "" {
			l += " within " + r.Boundary
		}
		if r.MaxSession != 0 {
			l += fmt.Sprintf(" for %ds", r.MaxSession)
		}
		for _, p := range r.Inline {
			l += " " + p.Name + "=" + string(p.Document)
		}
		if len(r.Managed) > 0 {
			l += " managed " + strings.Join(r.Managed, ",")
		}
		out = append(out, l+" of "+strings.Join(r.Workloads, ","))
		for _, t := range r.Trust {
			l := fmt.Sprintf("  trusts %s %s/%s on %s", t.Credentials, t.Namespace, t.Name, t.Cluster.Name)
			if t.Untagged {
				l += " untagged"
			}
			out = append(out, l)
		}
	}
	for _, c := range s.Clusters {
		for _, a := range c.PodIdentities {
			l := fmt.Sprintf("%s: %s/%s -> %s", c.Document, a.Namespace, a.ServiceAccount, a.Role)
			if a.TargetRole != "" {
				l += " -> " + a.TargetRole
			}
			if a.DisableSessionTags {
				l += " untagged"
			}
			if a.SessionPolicy != "" {
				l += " " + string(a.SessionPolicy)
			}
			out = append(out, l+" of "+a.Workload)
		}
		for _, a := range c.ServiceAccounts {
			out = append(out, fmt.Sprintf("%s: %s %s/%s %s of %s", c.Document, a.Manage, a.Namespace, a.Name, a.Role, a.Workload))
		}
	}
	return out
}

const (
	readMetrics = `{actions: ["cloudwatch:ListMetrics"], resources: ["*"]}`
	metricsJSON = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cloudwatch:ListMetrics","Resource":"*"}]}`
)

// shows: item S92; key Workload.{apiVersion,kind,metadata.name}; key Workload.spec.clusters.{all,names,matchLabels}; key Workload.spec.serviceAccounts.{namespace,name,manage}
// shows: key Workload.spec.{disableSessionTags,sessionPolicy,targetRole,targetRole.arn}; key Workload.spec.{clusters,credentials,serviceAccounts,role}; key Workload.spec.role.{name,existing,path,policyName,statements,managedPolicies,maxSessionDuration,permissionsBoundary,tags,description}
func TestWorkloadsBecomeRolesAssociationsAndServiceAccounts(t *testing.T) {
	test, prod := mainCluster("test", ""), mainCluster("prod", "")
	boundless := strings.Replace(environment, "spec:\n", "spec:\n  roles: {path: /ops/, permissionsBoundary: \"arn:aws:iam::111111111111:policy/b\"}\n", 1)
	const own, far = "arn:aws:iam::111111111111:role/", "arn:aws:iam::222222222222:role/far"
	for name, c := range map[string]struct {
		docs []string
		want []string
	}{
		"Pod Identity on two clusters is one role and an association each": {
			docs: []string{environment, test, prod, workload("yace", "all: true", "credentials: PodIdentity; "+account("mon", "yace-sa")+"; role: {name: yace, statements: ["+readMetrics+"]}")},
			want: []string{
				"role " + own + "yace yace=" + metricsJSON + " of yace",
				"  trusts PodIdentity mon/yace-sa on prod", "  trusts PodIdentity mon/yace-sa on test",
				"prod: mon/yace-sa -> " + own + "yace of yace",
				"test: mon/yace-sa -> " + own + "yace of yace",
			},
		},
		"{cluster} is a role a cluster": {
			docs: []string{environment, test, prod, workload("yace", "all: true", "credentials: PodIdentity; "+account("mon", "yace-sa")+`; role: {name: "yace-{cluster}", policyName: p, statements: [`+readMetrics+"]}")},
			want: []string{
				"role " + own + "yace-prod p=" + metricsJSON + " of yace", "  trusts PodIdentity mon/yace-sa on prod",
				"role " + own + "yace-test p=" + metricsJSON + " of yace", "  trusts PodIdentity mon/yace-sa on test",
				"prod: mon/yace-sa -> " + own + "yace-prod of yace",
				"test: mon/yace-sa -> " + own + "yace-test of yace",
			},
		},
		"a role is made in the account of each cluster": {
			docs: []string{environment, test, cluster("far", "account: china"), workload("yace", "all: true", "credentials: IRSA; "+account("mon", "yace-sa")+"; role: {name: yace}")},
			want: []string{
				"role " + own + "yace of yace", "  trusts IRSA mon/yace-sa on test",
				"role arn:aws-cn:iam::333333333333:role/yace of yace", "  trusts IRSA mon/yace-sa on far",
			},
		},
		"IRSA with what is written of its ServiceAccounts": {
			docs: []string{environment, test, workload("loki", "names: [test]", "credentials: IRSA; serviceAccounts: [{namespace: b, name: x, manage: Create}, {namespace: a, name: w, manage: Annotate}, {namespace: a, name: z, manage: None}]; role: {name: loki, maxSessionDuration: 2h}")},
			want: []string{
				"role " + own + "loki for 7200s of loki",
				"  trusts IRSA a/w on test", "  trusts IRSA a/z on test", "  trusts IRSA b/x on test",
				"test: Annotate a/w " + own + "loki of loki",
				"test: Create b/x " + own + "loki of loki",
			},
		},
		"Pod Identity's ServiceAccount has no annotation": {
			docs: []string{environment, test, workload("loki", "names: [test]", "credentials: PodIdentity; serviceAccounts: [{namespace: b, name: x, manage: Create}]; role: {name: loki}")},
			want: []string{"role " + own + "loki of loki", "  trusts PodIdentity b/x on test", "test: b/x -> " + own + "loki of loki", "test: Create b/x  of loki"},
		},
		"the Environment's path and boundary are the roles'": {
			docs: []string{boundless, test, workload("a", "all: true", "credentials: IRSA; "+account("k", "a")+"; role: {name: a}"), workload("b", "all: true", "credentials: IRSA; "+account("k", "b")+`; role: {name: b, path: /x/, permissionsBoundary: "arn:aws:iam::aws:policy/ReadOnlyAccess"}`),
				workload("c", "all: true", "credentials: IRSA; "+account("k", "c")+`; role: {name: c, permissionsBoundary: ""}`)},
			want: []string{
				"role " + own + "ops/a within arn:aws:iam::111111111111:policy/b of a", "  trusts IRSA k/a on test",
				"role " + own + "ops/c of c", "  trusts IRSA k/c on test",
				"role " + own + "x/b within arn:aws:iam::aws:policy/ReadOnlyAccess of b", "  trusts IRSA k/b on test",
			},
		},
		"an existing role is nobody's to change": {
			docs: []string{environment, test, workload("loki", "all: true", "credentials: IRSA; "+account("k", "loki")+`; role: {existing: "`+own+`x/loki"}`)},
			want: []string{"role " + own + "x/loki existing of loki", "  trusts IRSA k/loki on test"},
		},
		"an existing role that another document makes is that one": {
			docs: []string{environment, test, workload("a", "all: true", "credentials: IRSA; "+account("k", "a")+`; role: {existing: "`+own+`b"}`),
				workload("b", "all: true", "credentials: PodIdentity; "+account("k", "b")+"; role: {name: b, statements: ["+readMetrics+"]}")},
			want: []string{"role " + own + "b b=" + metricsJSON + " of a,b", "  trusts IRSA k/a on test", "  trusts PodIdentity k/b on test", "test: k/b -> " + own + "b of b"},
		},
		"managed policies are sorted": {
			docs: []string{environment, test, workload("a", "all: true", "credentials: IRSA; "+account("k", "a")+`; role: {name: a, managedPolicies: ["arn:aws:iam::aws:policy/B", "arn:aws:iam::111111111111:policy/A"]}`)},
			want: []string{"role " + own + "a managed arn:aws:iam::111111111111:policy/A,arn:aws:iam::aws:policy/B of a", "  trusts IRSA k/a on test"},
		},
		"a target role, which the role may assume": {
			docs: []string{environment, test, workload("a", "all: true", "credentials: PodIdentity; "+account("k", "a")+`; targetRole: {arn: "`+far+`"}; role: {name: a}`)},
			want: []string{
				"role " + own + `a a={"Version":"2012-10-17","Statement":[{"Sid":"AtlasIamTargetRole","Effect":"Allow","Action":["sts:AssumeRole","sts:TagSession"],"Resource":"` + far + `"}]} of a`,
				"  trusts PodIdentity k/a on test", "test: k/a -> " + own + "a -> " + far + " of a",
			},
		},
		"a session policy, without tags": {
			docs: []string{environment, test, workload("a", "all: true", "credentials: PodIdentity; "+account("k", "a")+`; disableSessionTags: true; sessionPolicy: {statements: [`+readMetrics+`]}; targetRole: {arn: "`+far+`"}; role: {name: a}`)},
			want: []string{
				"role " + own + `a a={"Version":"2012-10-17","Statement":[{"Sid":"AtlasIamTargetRole","Effect":"Allow","Action":"sts:AssumeRole","Resource":"` + far + `"}]} of a`,
				"  trusts PodIdentity k/a on test untagged", "test: k/a -> " + own + "a -> " + far + " untagged " + metricsJSON + " of a",
			},
		},
		"patterns are the trust's alone": {
			docs: []string{environment, test, workload("a", "all: true", "credentials: IRSA; "+account(`"pr-*"`, "a")+"; role: {name: a}")},
			want: []string{"role " + own + "a of a", "  trusts IRSA pr-*/a on test"},
		},
		"by labels": {
			docs: []string{environment, test, prod, workload("a", "matchLabels: {stage: prod}", "credentials: IRSA; "+account("k", "a")+"; role: {name: a}")},
			want: []string{"role " + own + "a of a", "  trusts IRSA k/a on prod"},
		},
		"no clusters, no role": {
			docs: []string{environment, test, workload("a", "matchLabels: {stage: qa}", "credentials: IRSA; "+account("k", "a")+"; role: {name: a}")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Compile(parse(t, c.docs...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, wanted(s)); diff != "" {
				t.Errorf("wanted (-want +got):\n%s", diff)
			}
			for _, r := range s.Roles {
				for _, p := range r.Inline {
					if again, err := iam.Canonical(iam.Identity, string(p.Document)); err != nil || again != p.Document {
						t.Errorf("policy %s is not canonical: %v", p.Name, err)
					}
				}
			}
			reversed := []string{c.docs[0]}
			for i := len(c.docs) - 1; i > 0; i-- {
				reversed = append(reversed, c.docs[i])
			}
			again, err := Compile(parse(t, reversed...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(wanted(s), wanted(again)); diff != "" {
				t.Errorf("in another order of files (-one +other):\n%s", diff)
			}
		})
	}
}

func TestAWorkloadSaysWhoItIs(t *testing.T) {
	test, prod := mainCluster("test", ""), mainCluster("prod", "")
	s, err := Compile(parse(t, environment, test, prod, workload("yace", "all: true", "credentials: PodIdentity; serviceAccounts: [{namespace: b, name: x, manage: Create}, {namespace: a, name: w}]; "+
		`role: {name: "yace-{cluster}", tags: {team: mon}, description: of metrics}; targetRole: {arn: "arn:aws:iam::222222222222:role/far"}`)))
	if err != nil {
		t.Fatal(err)
	}
	key := func(name string) access.ClusterKey {
		return access.ClusterKey{Account: "111111111111", Region: "eu-west-1", Name: name}
	}
	place := func(column int) access.Place { return access.Place{File: "4.yaml", Line: 7, Column: column} }
	want := []access.WantWorkload{{
		Name: "yace", Credentials: access.PodIdentity, Clusters: []access.ClusterKey{key("prod"), key("test")},
		Accounts: []access.WorkloadAccount{{Namespace: "a", Name: "w", Manage: access.ManageNone, Place: place(62)}, {Namespace: "b", Name: "x", Manage: access.ManageCreate, Place: place(21)}},
		Roles:    []access.WorkloadRole{{Cluster: key("prod"), ARN: "arn:aws:iam::111111111111:role/yace-prod"}, {Cluster: key("test"), ARN: "arn:aws:iam::111111111111:role/yace-test"}},
		Target:   "arn:aws:iam::222222222222:role/far", Place: access.Place{File: "4.yaml", Line: 1, Column: 1},
	}}
	if diff := cmp.Diff(want, s.Workloads); diff != "" {
		t.Errorf("workloads (-want +got):\n%s", diff)
	}
	for _, r := range s.Roles {
		if r.Tags["team"] != "mon" || len(r.Tags) != 1 || r.Description != "of metrics" || r.Place.Line != 8 {
			t.Errorf("role %s has tags %v, description %q, place %v", r.ARN, r.Tags, r.Description, r.Place)
		}
	}
}

// shows: item S120
func TestAPatternOfPodIdentityIsTrustedAndWaitsToBeBound(t *testing.T) {
	s, err := Compile(parse(t, environment, mainCluster("test", ""), workload("app", "all: true", `credentials: PodIdentity; serviceAccounts: [{namespace: "pr-*", name: app}, {namespace: ops, name: app}]; role: {name: app}`)))
	if err != nil {
		t.Fatal(err)
	}
	c := &s.Clusters[0]
	if len(c.PodIdentities) != 1 || len(c.PodIdentityPatterns) != 1 || len(s.Roles[0].Trust) != 2 {
		t.Fatalf("associations %v, patterns %v, trust %v", c.PodIdentities, c.PodIdentityPatterns, s.Roles[0].Trust)
	}
	for account, want := range map[string]string{"ops/app": "exact", "pr-7/app": "pattern", "pr-7/other": "none", "prod/app": "none"} {
		namespace, name, _ := strings.Cut(account, "/")
		w, exact, ok := c.PodIdentity(namespace, name)
		got := "none"
		switch {
		case exact:
			got = "exact"
		case ok:
			got = "pattern"
		}
		if got != want || ok && (w.Namespace != namespace || w.ServiceAccount != name || w.Role != s.Roles[0].ARN || w.Workload != "app") {
			t.Errorf("%s: %s, want %s: %+v", account, got, want, w)
		}
	}
}

// refusal is documents with one fault each and their legal twin.
type refusal struct {
	docs, twin []string
	want       []string // what its faults say, each
}

func refusals(t *testing.T, cases map[string]refusal) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Compile(parse(t, c.docs...))
			faults, _ := err.(documents.Faults)
			var got []string
			for _, f := range faults {
				got = append(got, f.String())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if _, err := Compile(parse(t, c.twin...)); err != nil {
				t.Errorf("the legal twin: %v", err)
			}
		})
	}
}

// shows: item S93
func TestWorkloadsThatCannotHoldAreRefused(t *testing.T) {
	test, prod := mainCluster("test", ""), mainCluster("prod", "")
	irsa := func(name, account, role string) string {
		return workload(name, "all: true", "credentials: IRSA; "+account+"; role: {"+role+"}")
	}
	pods := func(name, account, role string) string {
		return workload(name, "all: true", "credentials: PodIdentity; "+account+"; role: {"+role+"}")
	}
	const own = "arn:aws:iam::111111111111:role/"
	long := strings.Repeat("x", 59)
	refusals(t, map[string]refusal{
		"row 44: two roles for one ServiceAccount": {
			docs: []string{environment, test, irsa("a", account("k", "x"), "name: a"), irsa("b", account("k", "x"), "name: b")},
			want: []string{"4.yaml:7:21: ServiceAccount k/x of cluster test is workload b's here and a's at 3.yaml:7:21: a ServiceAccount has one role"},
			twin: []string{environment, test, irsa("a", account("k", "x"), "name: a"), irsa("b", account("k", "xx"), "name: b")},
		},
		"row 44: by two ways": {
			docs: []string{environment, test, pods("a", account("k", "x"), "name: a"), irsa("b", account("k", "x"), "name: b")},
			want: []string{"4.yaml:7:21: ServiceAccount k/x of cluster test is workload b's here and a's at 3.yaml:7:21: a ServiceAccount has one role"},
			twin: []string{environment, test, pods("a", account("k", "x"), "name: a"), irsa("b", account("k", "x"), "existing: \""+own+"a\"")},
		},
		"row 44: two associations of one role": {
			docs: []string{environment, test, pods("a", account("k", "x"), "name: a"), pods("b", account("k", "x"), "existing: \""+own+"a\"")},
			want: []string{"4.yaml:7:21: ServiceAccount k/x of cluster test is workload b's here and a's at 3.yaml:7:21: one Workload names a ServiceAccount"},
			twin: []string{environment, test, pods("a", account("k", "x"), "name: a"), pods("b", account("m", "x"), "existing: \""+own+"a\"")},
		},
		"two workloads on clusters of their own are apart": {
			docs: []string{environment, test, prod, workload("a", "all: true", "credentials: IRSA; "+account("k", "x")+"; role: {name: a}"), workload("b", "names: [prod]", "credentials: IRSA; "+account("k", "x")+"; role: {name: b}")},
			want: []string{"5.yaml:7:21: ServiceAccount k/x of cluster prod is workload b's here and a's at 4.yaml:7:21: a ServiceAccount has one role"},
			twin: []string{environment, test, prod, workload("a", "names: [test]", "credentials: IRSA; "+account("k", "x")+"; role: {name: a}"), workload("b", "names: [prod]", "credentials: IRSA; "+account("k", "x")+"; role: {name: b}")},
		},
		"row 44: a pattern takes in another's ServiceAccount": {
			docs: []string{environment, test, irsa("a", account(`"pr-*"`, "x"), "name: a"), pods("b", account("pr-7", "x"), "name: b")},
			want: []string{"4.yaml:7:21: patterns meet: ServiceAccount pr-7/x of cluster test is workload b's here and a's at 3.yaml:7:21: a ServiceAccount has one role"},
			twin: []string{environment, test, irsa("a", account(`"pr-*"`, "x"), "name: a"), pods("b", account("pr-7", "w"), "name: b")},
		},
		"row 44: patterns of both ways meet": {
			docs: []string{environment, test, irsa("a", account(`"pr-*"`, "x"), "name: a"), pods("b", account(`"*-db"`, "x"), "name: b")},
			want: []string{"4.yaml:7:21: patterns meet: ServiceAccount pr-db/x of cluster test is workload b's here and a's at 3.yaml:7:21: a ServiceAccount has one role"},
			twin: []string{environment, test, irsa("a", account(`"pr-*"`, "x"), "name: a"), pods("b", account(`"db-*"`, "x"), "name: b")},
		},
		"row 44: two patterns meet": {
			docs: []string{environment, test, irsa("a", account(`"pr-*"`, `"*"`), "name: a"), irsa("b", account(`"*-db"`, "x"), "name: b")},
			want: []string{"4.yaml:7:21: patterns meet: ServiceAccount pr-db/x of cluster test is workload b's here and a's at 3.yaml:7:21: a ServiceAccount has one role"},
			twin: []string{environment, test, irsa("a", account(`"pr-*"`, `"*"`), "name: a"), irsa("b", account(`"db-*"`, "x"), "name: b")},
		},
		"two workloads make one role": {
			docs: []string{environment, test, irsa("a", account("k", "x"), "name: r"), irsa("b", account("k", "w"), "name: r")},
			want: []string{"4.yaml:8:16: role r is made by workload b here and by a at 3.yaml:8:9: one Workload makes a role; others name it by {existing: " + own + "r}"},
			twin: []string{environment, test, irsa("a", account("k", "x"), "name: r"), irsa("b", account("k", "w"), "existing: \""+own+"r\"")},
		},
		"one role with two paths": {
			docs: []string{environment, test, irsa("a", account("k", "x"), "name: r"), irsa("b", account("k", "w"), "existing: \""+own+"p/r\"")},
			want: []string{"4.yaml:8:20: role r is " + own + "p/r here and " + own + "r at 3.yaml:8:9: IAM knows a role by its name alone, whatever its path and its capitals"},
			twin: []string{environment, test, irsa("a", account("k", "x"), "name: r, path: /p/"), irsa("b", account("k", "w"), "existing: \""+own+"p/r\"")},
		},
		"one role in two capitals": {
			docs: []string{environment, test, irsa("a", account("k", "x"), "name: Loki"), irsa("b", account("k", "w"), "name: loki")},
			want: []string{"4.yaml:8:16: role loki is " + own + "loki here and " + own + "Loki at 3.yaml:8:9: IAM knows a role by its name alone, whatever its path and its capitals"},
			twin: []string{environment, test, irsa("a", account("k", "x"), "name: Loki"), irsa("b", account("k", "w"), "name: loki2")},
		},
		"a role's name with a cluster's is too long": {
			docs: []string{environment, test, mainCluster("longer", ""), irsa("a", account("k", "x"), `name: "`+long+`{cluster}"`)},
			want: []string{`4.yaml:8:16: the role's name on cluster longer has 65 letters, and IAM allows 64: "` + long + `longer": shorten it: the name of a Cluster counts too`},
			twin: []string{environment, test, mainCluster("longe", ""), irsa("a", account("k", "x"), `name: "`+long+`{cluster}"`)},
		},
		"an existing role of another account": {
			docs: []string{environment, test, irsa("a", account("k", "x"), `existing: "arn:aws:iam::222222222222:role/r"`)},
			want: []string{"3.yaml:8:20: role r is of account 222222222222, and cluster test of account 111111111111: a cluster's pods get a role of its own account; from there targetRole, or the program, goes on to others"},
			twin: []string{environment, test, irsa("a", account("k", "x"), `existing: "`+own+`r"`)},
		},
		"row 9: a node role": {
			docs: []string{environment, mainCluster("test", "nodeRoles: [{role: nodes, type: EC2_LINUX}]"), irsa("a", account("k", "x"), `existing: "`+own+`nodes"`)},
			want: []string{"3.yaml:8:20: " + own + "nodes is the role of workload a here and of cluster test's nodes at 2.yaml:4:35: give the workload a role of its own"},
			twin: []string{environment, mainCluster("test", "nodeRoles: [{role: nodes, type: EC2_LINUX}]"), irsa("a", account("k", "x"), `existing: "`+own+`nodes2"`)},
		},
		"row 9: a role that is made has the name of a node role": {
			docs: []string{environment, mainCluster("test", "nodeRoles: [{role: nodes, type: EC2_LINUX}]"), irsa("a", account("k", "x"), "name: nodes")},
			want: []string{"3.yaml:8:16: " + own + "nodes is the role of workload a here and of cluster test's nodes at 2.yaml:4:35: give the workload a role of its own"},
			twin: []string{environment, mainCluster("test", "nodeRoles: [{role: nodes, type: EC2_LINUX}]"), irsa("a", account("k", "x"), "name: pods")},
		},
		"row 43: a protected role": {
			docs: []string{environment, mainCluster("test", "protect: [{role: break-glass}]"), irsa("a", account("k", "x"), `existing: "`+own+`break-glass"`)},
			want: []string{"3.yaml:8:20: " + own + "break-glass is the role of workload a here and protected on cluster test at 2.yaml:4:33: give the workload a role of its own"},
			twin: []string{environment, mainCluster("test", "protect: [{user: break-glass}]"), irsa("a", account("k", "x"), `existing: "`+own+`break-glass"`)},
		},
		"row 43: our own role": {
			docs: []string{strings.Replace(environment, "regions: [eu-west-1]", `regions: [eu-west-1], assumeRole: {arn: "`+own+`atlas"}`, 1), test, irsa("a", account("k", "x"), `existing: "`+own+`atlas"`)},
			want: []string{"3.yaml:8:20: " + own + "atlas is what atlas-iam itself works as in account main: give the workload a role of its own"},
			twin: []string{environment, test, irsa("a", account("k", "x"), `existing: "`+own+`atlas"`)},
		},
		"a policy of another account": {
			docs: []string{environment, test, irsa("a", account("k", "x"), `name: a, managedPolicies: ["arn:aws:iam::222222222222:policy/p"]`)},
			want: []string{`3.yaml:8:37: "arn:aws:iam::222222222222:policy/p" is not a policy of account 111111111111, in which the role of cluster test is: a role takes policies of its own account and AWS's own; write a Workload for each account`},
			twin: []string{environment, test, irsa("a", account("k", "x"), `name: a, managedPolicies: ["arn:aws:iam::111111111111:policy/p"]`)},
		},
		"a boundary of another partition": {
			docs: []string{environment, test, irsa("a", account("k", "x"), `name: a, permissionsBoundary: "arn:aws-cn:iam::aws:policy/p"`)},
			want: []string{`3.yaml:8:40: "arn:aws-cn:iam::aws:policy/p" is not of partition aws, in which the role of cluster test is: write arn:aws:iam::aws:policy/p, and a Workload for each partition`},
			twin: []string{environment, test, irsa("a", account("k", "x"), `name: a, permissionsBoundary: "arn:aws:iam::aws:policy/p"`)},
		},
		"an existing role of another partition": {
			docs: []string{environment, test, irsa("a", account("k", "x"), `existing: "arn:aws-cn:iam::111111111111:role/r"`)},
			want: []string{"3.yaml:8:20: role r is of partition aws-cn, and cluster test of aws: write arn:aws:iam::111111111111:role/...; a Workload's clusters with an existing role are of one account"},
			twin: []string{environment, test, irsa("a", account("k", "x"), `existing: "`+own+`r"`)},
		},
		"resources of another partition": {
			docs: []string{environment, test, irsa("a", account("k", "x"), `name: a, statements: [{actions: ["s3:GetObject"], resources: ["arn:aws-cn:s3:::b/*"]}, {actions: ["s3:PutObject"], notResources: ["arn::s3:::b"]}]`)},
			want: []string{
				`3.yaml:8:32: "arn:aws-cn:s3:::b/*" is of partition "aws-cn", and the role of partition aws: IAM refuses such a policy: write arn:aws:s3:::b/*, and a Workload for each partition`,
				`3.yaml:8:97: "arn::s3:::b" is of partition "", and the role of partition aws: IAM refuses such a policy: write arn:aws:s3:::b, and a Workload for each partition`,
			},
			twin: []string{environment, test, irsa("a", account("k", "x"), `name: a, statements: [{actions: ["s3:GetObject"], resources: ["arn:*:s3:::b/*", "arn:aws:s3:::c/*"]}]`)},
		},
		"a session policy's resources of another partition": {
			docs: []string{environment, test, pods("a", account("k", "x")+`; disableSessionTags: true; sessionPolicy: {statements: [{actions: ["s3:GetObject"], resources: ["arn:aws-us-gov:s3:::b/*"]}]}`, "name: a")},
			want: []string{`3.yaml:9:32: "arn:aws-us-gov:s3:::b/*" is of partition "aws-us-gov", and the role of partition aws: IAM refuses such a policy: write arn:aws:s3:::b/*, and a Workload for each partition`},
			twin: []string{environment, test, pods("a", account("k", "x")+`; disableSessionTags: true; sessionPolicy: {statements: [{actions: ["s3:GetObject"], resources: ["arn:aws:s3:::b/*"]}]}`, "name: a")},
		},
		"nothing is written in a cluster of others": {
			docs: []string{environment, mainCluster("test", "kubernetes: {via: None}"), irsa("a", "serviceAccounts: [{namespace: k, name: x, manage: Create}]", "name: a")},
			want: []string{"3.yaml:7:53: ServiceAccount k/x is to be written on cluster test, and nothing is written in it: via is None at 2.yaml:4:41: write manage: None, or kubernetes: {via: Direct} or {via: Render}"},
			twin: []string{environment, mainCluster("test", "kubernetes: {via: Render}"), irsa("a", "serviceAccounts: [{namespace: k, name: x, manage: Create}]", "name: a")},
		},
		"a target role of another partition": {
			docs: []string{environment, test, pods("a", account("k", "x")+`; targetRole: {arn: "arn:aws-cn:iam::333333333333:role/r"}`, "name: a")},
			want: []string{"3.yaml:8:21: the target role is of partition aws-cn, and cluster test of aws: roles are assumed within a partition"},
			twin: []string{environment, test, pods("a", account("k", "x")+`; targetRole: {arn: "arn:aws:iam::333333333333:role/r"}`, "name: a")},
		},
		"a target role that is made here is not its own": {
			docs: []string{environment, test, pods("a", account("k", "x")+`; targetRole: {arn: "`+own+`a"}`, "name: a")},
			want: []string{"3.yaml:8:21: the target role is the role itself on cluster test: leave targetRole out"},
			twin: []string{environment, test, pods("a", account("k", "x")+`; targetRole: {arn: "`+own+`b"}`, "name: a")},
		},
		"a role that is another tool's by its tags": {
			docs: []string{strings.Replace(environment, "spec:\n", "spec:\n  foreignTags: {by: terraform}\n", 1), test, irsa("a", account("k", "x"), `name: a, tags: {by: terraform}`)},
			want: []string{"3.yaml:8:25: the role would count as another tool's (tag by=terraform): take it out of tags or out of foreignTags"},
			twin: []string{strings.Replace(environment, "spec:\n", "spec:\n  foreignTags: {by: terraform}\n", 1), test, irsa("a", account("k", "x"), `name: a, tags: {by: us}`)},
		},
		"a cluster that is not there": {
			docs: []string{environment, test, workload("a", "names: [tset]", "credentials: IRSA; "+account("k", "x")+"; role: {name: a}")},
			want: []string{`3.yaml:5:22: there is no Cluster "tset": did you mean test?`},
			twin: []string{environment, test, workload("a", "names: [test]", "credentials: IRSA; "+account("k", "x")+"; role: {name: a}")},
		},
	})
}

// shows: item S94
func TestWhatAWSWouldCountIsCountedBeforeAnyCall(t *testing.T) {
	test := mainCluster("test", "")
	statements := func(n int) string { // of n letters in canonical form
		const empty = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::"}]}`
		return `[{actions: ["s3:*"], resources: ["arn:aws:s3:::` + strings.Repeat("b", n-len(empty)) + `"]}]`
	}
	inline := func(n int) string {
		return workload("a", "all: true", "credentials: IRSA; "+account("k", "x")+"; role: {name: a, statements: "+statements(n)+"}")
	}
	session := func(n int) string {
		return workload("a", "all: true", "credentials: PodIdentity; disableSessionTags: true; "+account("k", "x")+"; role: {name: a}; sessionPolicy: {statements: "+statements(n)+"}")
	}
	tags := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf("k%d: v", i))
		}
		return workload("a", "all: true", "credentials: IRSA; "+account("k", "x")+"; role: {name: a, tags: {"+strings.Join(list, ", ")+"}}")
	}
	associations := func(n int) []string {
		docs := []string{environment, test}
		for i := 0; i < n; i += 50 { // a trust policy has room for no more
			var list []string
			for j := i; j < min(i+50, n); j++ {
				list = append(list, fmt.Sprintf("{namespace: k, name: x%d}", j))
			}
			name := fmt.Sprintf("a%02d", i/50)
			docs = append(docs, workload(name, "all: true", "credentials: PodIdentity; serviceAccounts: ["+strings.Join(list, ", ")+"]; role: {name: "+name+"}"))
		}
		return docs
	}
	clusters := func(n int) []string {
		docs := []string{environment}
		for i := range n {
			docs = append(docs, mainCluster(fmt.Sprintf("c%02d", i), ""))
		}
		return docs
	}
	everywhere := func(credentials string, n int) []string {
		return append(clusters(n), workload("a", "all: true", "credentials: "+credentials+"; "+account("k", "x")+"; role: {name: a}"))
	}
	tagged := strings.Replace(environment, "spec:\n", "spec:\n  tags: {env: ops}\n", 1)
	refusals(t, map[string]refusal{
		"row 45: inline policies over 10,240": {
			docs: []string{environment, test, inline(10241)}, twin: []string{environment, test, inline(10240)},
			want: []string{`3.yaml:8:31: the statements of role "a" have 10241 characters, and a role's inline policies 10240 at most: make managed policies of some, and name those under managedPolicies`},
		},
		"row 45: a session policy over 2,048": {
			docs: []string{environment, test, session(2049)}, twin: []string{environment, test, session(2048)},
			want: []string{"3.yaml:10:18: the session policy has 2049 characters, and STS takes 2048: leave to the role what can be there"},
		},
		"row 45: 51 tags with the Environment's and ours": {
			docs: []string{tagged, test, tags(48)}, twin: []string{tagged, test, tags(47)},
			want: []string{"3.yaml:8:25: with the Environment's the role has 51 tags: IAM allows 50 on a role, and two are atlas-iam's own"},
		},
		"row 45: a trust policy over 2,048": {
			docs: everywhere("IRSA", 60), twin: everywhere("IRSA", 4),
			want: []string{`62.yaml:8:9: role "arn:aws:iam::111111111111:role/a": the trust policy would have 27,398 characters and IAM's quota is 2,048 (4,096, if the account has it raised): of 60 clusters 4 fit, 8 with the raised quota; write {cluster} in the role's name for one role a cluster, or split the workload, 4 clusters each`},
		},
		"row 45: by Pod Identity": {
			docs: everywhere("PodIdentity", 40), twin: everywhere("PodIdentity", 30),
			want: []string{`42.yaml:8:9: role "arn:aws:iam::111111111111:role/a": the trust policy would have 2,295 characters and IAM's quota is 2,048 (4,096, if the account has it raised): of 40 clusters 34 fit, 40 with the raised quota; write {cluster} in the role's name for one role a cluster, or split the workload, 34 clusters each`},
		},
		"row 45: a role a cluster has room": {
			docs: append(clusters(60), workload("a", "all: true", "credentials: IRSA; "+account("k", "x")+"; role: {name: a}")),
			twin: append(clusters(60), workload("a", "all: true", "credentials: IRSA; "+account("k", "x")+`; role: {name: "a-{cluster}"}`)),
			want: []string{`62.yaml:8:9: role "arn:aws:iam::111111111111:role/a": the trust policy would have 27,398 characters and IAM's quota is 2,048 (4,096, if the account has it raised): of 60 clusters 4 fit, 8 with the raised quota; write {cluster} in the role's name for one role a cluster, or split the workload, 4 clusters each`},
		},
		"row 45: a 1,001st association": {
			docs: associations(1001), twin: associations(1000),
			want: []string{"9.yaml:7:1393: cluster test is to have 1001 Pod Identity associations, and EKS allows 1000: use IRSA for some"},
		},
	})
}

// shows: key Workload.metadata.{labels,annotations}; key Workload.spec.role.statements.{sid,effect,actions,notActions,resources,notResources,conditions}
// shows: key Workload.spec.sessionPolicy.statements; key Workload.spec.sessionPolicy.statements.{sid,effect,actions,notActions,resources,notResources,conditions}
func TestStatementsBecomeTheSamePolicyWhereverTheyStand(t *testing.T) {
	const statements = `[{sid: Read, actions: ["s3:GetObject", "s3:List*"], resources: ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]},
    {sid: Not, effect: Deny, notActions: ["s3:*"], notResources: ["arn:aws:s3:::b/x"], conditions: {StringLike: {"s3:prefix": ["", "home/*"]}, Bool: {"aws:SecureTransport": ["false"]}}}]`
	const asJSON = `{"Statement": [
		{"Sid": "Not", "Effect": "Deny", "NotAction": "s3:*", "NotResource": "arn:aws:s3:::b/x", "Condition": {"Bool": {"aws:SecureTransport": false}, "StringLike": {"s3:prefix": ["home/*", ""]}}},
		{"Sid": "Read", "Effect": "Allow", "Resource": ["arn:aws:s3:::b/*", "arn:aws:s3:::b"], "Action": ["S3:list*", "s3:GetObject"]}], "Version": "2012-10-17"}`
	want, err := iam.Canonical(iam.Identity, asJSON)
	if err != nil {
		t.Fatal(err)
	}
	doc := workload("a", "all: true", "credentials: PodIdentity; disableSessionTags: true; "+account("k", "x")+"; role: {name: a, statements: "+statements+"}; sessionPolicy: {statements: "+statements+"}")
	s, err := Compile(parse(t, environment, mainCluster("test", ""), strings.Replace(doc, "{name: a}", "{name: a, labels: {b: c}, annotations: {d: e}}", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Roles[0].Inline; len(got) != 1 || !got[0].Document.Same(want) {
		t.Errorf("inline policies %v, want %s", got, want)
	}
	if got := s.Clusters[0].PodIdentities[0].SessionPolicy; !got.Same(want) {
		t.Errorf("session policy %s, want %s", got, want)
	}
}

// What package documents lets through and IAM's grammar does not is a fault of
// the statement that it stands in.
func TestAPolicyThatIAMWouldRefuseIsAFaultOfItsStatement(t *testing.T) {
	doc := func(key string) string {
		return workload("a", "all: true", "credentials: IRSA; "+account("k", "x")+"; role: {name: a, statements: ["+readMetrics+`, {actions: ["s3:*"], resources: ["*"], conditions: {StringLike: {"s3:prefix": [a], `+key+`: [b]}}}]}`)
	}
	refusals(t, map[string]refusal{
		"a key twice in other capitals": {
			docs: []string{environment, mainCluster("test", ""), doc(`"S3:Prefix"`)}, twin: []string{environment, mainCluster("test", ""), doc(`"s3:delimiter"`)},
			want: []string{`3.yaml:8:89: IAM would refuse this statement: Condition.StringLike: the key "s3:prefix" twice, in different capitals`},
		},
	})
}

func TestTheDefaultServiceAccountIsPointedOut(t *testing.T) {
	for name, noted := range map[string]bool{"default": true, `"*"`: true, "default2": false, `"d*t"`: true, "yace": false} {
		s, err := Compile(parse(t, environment, mainCluster("test", ""), mainCluster("prod", ""), workload("a", "all: true", "credentials: IRSA; "+account("k", name)+"; role: {name: a}")))
		if err != nil {
			t.Fatal(err)
		}
		if got := len(s.Notes) == 1 && s.Notes[0].Slug == "default-service-account"; got != noted || !noted && len(s.Notes) > 0 {
			t.Errorf("%s: notes %v", name, s.Notes)
		}
	}
}
