//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cli"
	"github.com/atlas-iam/atlas-iam/internal/guard"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// refusal is a danger as a user meets it, and its twin: the nearest thing that
// must go through. Both begin in a world of their own, see smallWorld.
type refusal struct {
	rows   []int    // of the table of refusals, by their numbers
	guards []string // slugs of those that hold it
	name   string

	danger func(*world) ran
	code   cli.Code
	says   []string
	writes string // what is done all the same

	twin       func(*world) ran // ends with 0
	twinSays   []string
	twinWrites string // "any" where it is not the point
}

// rowsOfPeople are the rows that concern people's access, documents, reading,
// plans and the lab. The others wait for what they are about: RBAC, workloads,
// decisions.
var rowsOfPeople = []int{1, 2, 4, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 23, 24, 25, 26, 27, 46, 47, 48, 49, 50, 51, 52}

// workloadRows are those of workloads. Row 30 needs an API server, row 39 is of
// what no document can say: internal/guard, internal/trust.
var workloadRows = []int{9, 29, 31, 32, 33, 34, 35, 36, 37, 38, 40, 41, 42, 43, 44, 45, 53}

// onAPIServers are the guards that hold nothing without an API server, which
// these worlds have not: rows 3, 20, 22 and 28 are judged in internal/guard with
// their twins, ServiceAccounts and the namespace of an Argo CD in internal/plan,
// and refused writes by a real API server in conformance. Quotas are too large to fill here: internal/plan.
var onAPIServers = map[string]bool{"privilege": true, plan.Refused: true, plan.NoServiceAccount: true, plan.NoNamespace: true, plan.Quota: true}

func refusals() []refusal {
	return slices.Concat(documentRefusals(), heldRefusals(), heldForPeople(), heldByStructure(), heldForWorkloads(), runtimeRefusals(), savedRefusals(), labRefusals(), testRefusals())
}

// shows: item {S3,S6,S14}
func TestEachRowOfTheRefusalsIsRefusedAndItsTwinGoesThrough(t *testing.T) {
	rows, guards := map[int]bool{}, map[string]bool{}
	small := appliedSmall(t)
	for _, r := range refusals() {
		for _, n := range r.rows {
			rows[n] = true
		}
		for _, g := range r.guards {
			guards[g] = true
		}
		name := r.name
		for i := len(r.rows) - 1; i >= 0; i-- {
			name = fmt.Sprintf("row %d: %s", r.rows[i], name)
		}
		t.Run(name, func(t *testing.T) { r.play(t, small) })
	}
	for _, n := range slices.Concat(rowsOfPeople, workloadRows) {
		if !rows[n] {
			t.Errorf("row %d has no case", n)
		}
	}
	for _, g := range slices.Concat(guard.All(), []plan.Guard{guard.Tests(nil)}, plan.Structural()) {
		if !guards[g.Slug] && !onAPIServers[g.Slug] {
			t.Errorf("guard %s has no case", g.Slug)
		}
	}
}

func (r refusal) play(t *testing.T, small func(*testing.T) *world) {
	t.Run("danger", func(t *testing.T) {
		w := small(t)
		got := r.danger(w).ends(t, r.code).says(t, r.guards...).says(t, r.says...)
		sameWrites(t, w.writes(got), r.writes)
	})
	t.Run("twin", func(t *testing.T) {
		w := small(t)
		got := r.twin(w).ends(t, cli.OK).says(t, r.twinSays...)
		if r.twinWrites != "any" {
			sameWrites(t, w.writes(got), r.twinWrites)
		}
	})
}

// smallAccount is the account of the small world.
const smallAccount = "492000000148"

const smallEnvironment = `apiVersion: atlas-iam.dev/v1alpha1
kind: Environment
metadata: {name: ops}
spec:
  id: "k7f3c9a1"
  accounts: [{name: main, id: "492000000148", regions: [us-east-1]}]
  foreignTags: {created-by: terraform}
`

const smallCluster = `apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: test, labels: {stage: test}}
spec: {}
`

// team is a Team document with one line of members and one of grants.
func team(name, members, grants string) string {
	return teamOn(name, members, "{all: true}", grants)
}

func teamOn(name, members, clusters, grants string) string {
	return "apiVersion: atlas-iam.dev/v1alpha1\nkind: Team\nmetadata: {name: " + name + "}\nspec:\n  members: [" + members + "]\n  clusters: " +
		clusters + "\n  grants: [" + grants + "]\n"
}

// appliedSmall gives a maker of small worlds: one account, one cluster, two
// administrators, a team of one and another of four, all applied. Commands run in it as on AWS, with
// the lab's keys and endpoint in the environment.
func appliedSmall(t *testing.T) func(*testing.T) *world {
	t.Helper()
	accounts := []access.Account{{Name: "main", ID: smallAccount, Partition: "aws", Regions: []string{"us-east-1"}}}
	first := newWorld(t, "", "", accounts...)
	first.write("environment.yaml", smallEnvironment)
	first.write("clusters.yaml", smallCluster)
	first.write("admins.yaml", team("admins", "{user: anna}, {user: boris}", "{policy: ClusterAdmin, scope: cluster}"))
	first.write("backend.yaml", team("backend", "{user: oleksii}", `{policy: Edit, namespaces: [backend]}`))
	first.write("qa.yaml", team("qa", "{user: vira}, {user: yehor}, {user: zlata}, {user: taras}", `{policy: View, namespaces: [qa]}`))
	first.run("apply", "--yes", ".").ends(t, cli.OK)
	first.stop()
	return func(t *testing.T) *world {
		w := newWorld(t, first.dir, first.file, accounts...)
		w.likeAWS(w.endpoint)
		return w
	}
}

// likeAWS puts the lab's keys and an endpoint into the environment, as
// `lab env` says to.
func (w *world) likeAWS(endpoint string) {
	w.t.Helper()
	keys, err := w.lab.Env(w.t.Context(), smallAccount)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Setenv("AWS_ENDPOINT_URL", endpoint)
	w.t.Setenv("AWS_ACCESS_KEY_ID", keys.AccessKeyID)
	w.t.Setenv("AWS_SECRET_ACCESS_KEY", keys.SecretAccessKey)
	w.t.Setenv("AWS_SESSION_TOKEN", keys.SessionToken)
	w.t.Setenv("AWS_REGION", "us-east-1")
	w.t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	w.t.Setenv("AWS_CONFIG_FILE", w.dir+"-none")
	w.t.Setenv("AWS_SHARED_CREDENTIALS_FILE", w.dir+"-none")
}

// aws runs a command as on AWS.
func (w *world) aws(args ...string) ran {
	w.t.Helper()
	return w.bare(w.beneath(args)...)
}

// apply is what most cases type.
func (w *world) apply(flags ...string) ran {
	w.t.Helper()
	return w.aws(append([]string{"apply", "--yes", "."}, flags...)...)
}

// seeded makes in the lab what the documents name now.
func (w *world) seeded() *world {
	w.t.Helper()
	w.bare("lab", "seed", "-q", "--endpoint", w.endpoint, w.dir).ends(w.t, cli.OK)
	return w
}

// badDocuments are cases whose fault the documents show: validate says where,
// apply writes nothing. Each bad text of a file has the good one as its twin.
func badDocuments(rows []int, name, file string, says []string, good string, bad ...string) []refusal {
	var all []refusal
	for i, text := range bad {
		all = append(all, refusal{
			rows: rows, name: fmt.Sprintf("%s (%d)", name, i+1), code: cli.Usage, says: append(says, "/"+file+":"),
			danger: func(w *world) ran {
				w.write(file, text)
				w.aws("validate", ".").ends(w.t, cli.Usage).says(w.t, "/"+file+":")
				return w.apply()
			},
			twin: func(w *world) ran {
				w.write(file, good)
				w.aws("validate", ".").ends(w.t, cli.OK)
				return w.seeded().apply("--max-deletes", "9")
			},
			twinWrites: "any",
		})
	}
	return all
}

func documentRefusals() []refusal {
	const deep = 10000
	member := func(m string) string { return team("more", m, "{policy: View, namespaces: [more]}") }
	grant := func(g string) string { return team("more", "{user: mira}", g) }
	arn := func(s string) string { return member(`{arn: "arn:aws:iam::111222333444:` + s + `"}`) }
	const sso = "AWSReservedSSO_Backend_0123456789abcdef"
	return slices.Concat(
		badDocuments([]int{1}, "a group of Kubernetes' own", "more.yaml", []string{"system:"}, grant("{policy: ClusterAdmin, scope: cluster}"),
			grant(`{group: "system:masters"}`), grant(`{group: "system:nodes"}`)),
		badDocuments([]int{2}, "a reserved username", "more.yaml", []string{"the username cannot be"}, member("{user: mira, username: admin-mira}"),
			member(`{user: mira, username: "system:admin"}`), member(`{user: mira, username: "eks:mira"}`), member(`{user: mira, username: "aws:mira"}`),
			member(`{user: mira, username: "amazon:mira"}`), member(`{user: mira, username: "iam:mira"}`)),
		badDocuments([]int{4}, "a session's name without a colon before it", "more.yaml", []string{"SessionName"}, member(`{role: ci, username: "john:{{SessionName}}"}`),
			member(`{role: ci, username: "john{{SessionName}}"}`)),
		badDocuments([]int{6}, "what is no principal", "more.yaml", nil, arn("role/ci"),
			member(`{arn: "arn:aws:sts::111222333444:assumed-role/ci/session"}`), arn("root"), arn("group/devs"), arn("*"), member(`{arn: "*"}`),
			arn("role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS")),
		badDocuments([]int{7}, "an SSO role without its path", "more.yaml", []string{"aws-reserved/sso.amazonaws.com"},
			arn("role/aws-reserved/sso.amazonaws.com/eu-west-1/"+sso), arn("role/"+sso)),
		badDocuments([]int{7}, "a role with and without its path", "more.yaml", []string{"role/ops/ci"},
			member(`{role: ops/ci}`), member(`{role: ops/ci}, {role: ci}`)),
		badDocuments([]int{10}, "an account's number without quotes, or short", "environment.yaml", []string{"quote"},
			smallEnvironment, strings.Replace(smallEnvironment, `"492000000148"`, "492000000148", 1), strings.Replace(smallEnvironment, `"492000000148"`, "012345670123", 1)),
		badDocuments([]int{10}, "an account's number with eleven digits", "environment.yaml", []string{"twelve digits"},
			smallEnvironment, strings.Replace(smallEnvironment, `"492000000148"`, `"49200000148"`, 1)),
		badDocuments([]int{11}, "a slip in a word", "more.yaml", nil, member("{user: mira}"),
			strings.Replace(member("{user: mira}"), "grants:", "policy_assocations:", 1), strings.Replace(member("{user: mira}"), "kind: Team", "kind: Taem", 1),
			strings.Replace(member("{user: mira}"), "spec:\n", "spec:\n  members: []\n", 1), member("{user: mira, <<: {username: m}}"), member("{user: !person mira}")),
		badDocuments([]int{12}, "hostile YAML", "more.yaml", nil, member("{user: mira}"),
			"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n", strings.Repeat("[", deep)+strings.Repeat("]", deep),
			member("{user: mira}")+"# \xff\n", member("{user: mira}")+"# \x00\n"),
		badDocuments([]int{13}, "letters that look like others", "more.yaml", nil, member("{user: mira}"),
			member("{user: mi\u200bra}"), member("{user: mira} # \u202e\n"), member("{user: m\u0456ra}"), grant("{policy: View, namespaces: [\"*b\u0430ckend*\"]}")),
		badDocuments([]int{24}, "a username for nodes", "clusters.yaml", nil, smallCluster[:len(smallCluster)-3]+"\n  nodeRoles: [{role: nodes, type: EC2_LINUX}]\n",
			smallCluster[:len(smallCluster)-3]+"\n  nodeRoles: [{role: nodes, type: EC2_LINUX, username: n}]\n",
			smallCluster[:len(smallCluster)-3]+"\n  nodeRoles: [{role: nodes, type: STANDARD}]\n"),
	)
}
