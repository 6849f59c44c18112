//go:build e2e

package e2e

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cli"
)

// clusterWith is the small world's Cluster with lines of its spec.
func clusterWith(lines string) string {
	return strings.Replace(smallCluster, "spec: {}\n", "spec:\n"+lines, 1)
}

// ourTags are those of the small world's own objects.
func ourTags(more ...string) map[string]string {
	tags := map[string]string{access.TagEnvironment: "ops", access.TagID: "k7f3c9a1"}
	for i := 0; i+1 < len(more); i += 2 {
		tags[more[i]] = more[i+1]
	}
	return tags
}

const labRole = "role/atlas-iam-lab" // as which the small world's commands run

// heldRefusals are about who and what is deleted.
func heldRefusals() []refusal {
	leave := func(w *world) {
		w.write("backend.yaml", team("backend", "{user: pavlo}", "{policy: Edit, namespaces: [backend]}"))
		w.seeded()
	}
	const pavloForOleksii = `
		CreateAccessEntry test 492000000148:user/pavlo
		AssociateAccessPolicy test 492000000148:user/pavlo Edit backend
		---
		DeleteAccessEntry test 492000000148:user/oleksii`
	return []refusal{
		{rows: []int{15}, guards: []string{"delete-all"}, name: "the folder is empty", code: cli.Held,
			danger: func(w *world) ran {
				for _, f := range []string{"admins.yaml", "backend.yaml", "qa.yaml", "clusters.yaml"} {
					w.remove(f)
				}
				return w.apply("--max-deletes", "9", "--allow", "last-admin")
			}, says: []string{"would delete everything"},
			twin:       func(w *world) ran { w.remove("qa.yaml"); return w.apply("--max-deletes", "4") },
			twinWrites: `DeleteAccessEntry test 492000000148:user/(vira|yehor|zlata|taras)`},
		{rows: []int{15}, guards: []string{"delete-all"}, name: "no selector matches a cluster", code: cli.Held,
			danger: func(w *world) ran {
				w.write("clusters.yaml", strings.Replace(smallCluster, "stage: test", "stage: tset", 1))
				for _, f := range []string{"admins.yaml", "backend.yaml", "qa.yaml"} {
					w.edit(f, "{all: true}", "{matchLabels: {stage: test}}")
				}
				return w.apply("--max-deletes", "9", "--allow", "last-admin")
			}, says: []string{"would delete everything", "selects no cluster"},
			twin: func(w *world) ran {
				w.edit("qa.yaml", "{all: true}", "{matchLabels: {stage: test}}")
				return w.apply()
			}},
		{guards: []string{"mass-deletion"}, name: "over half of a cluster goes", code: cli.Held,
			danger:     func(w *world) ran { w.remove("qa.yaml"); w.remove("backend.yaml"); return w.apply() },
			says:       []string{"one of 5 deletes on test", "--max-deletes 5"},
			twin:       func(w *world) ran { w.remove("backend.yaml"); return w.apply() },
			twinWrites: `DeleteAccessEntry test 492000000148:user/oleksii`},
		{guards: []string{"last-admin"}, name: "the last administrators go", code: cli.Held,
			danger: func(w *world) ran { w.remove("admins.yaml"); return w.apply() },
			says:   []string{"takes administrators, user/anna and user/boris"},
			twin: func(w *world) ran {
				w.edit("admins.yaml", "{user: anna}, {user: boris}", "{user: carla}")
				return w.seeded().apply()
			},
			twinWrites: `
				CreateAccessEntry test 492000000148:user/carla
				AssociateAccessPolicy test 492000000148:user/carla ClusterAdmin cluster
				---
				DeleteAccessEntry test 492000000148:user/(anna|boris)`},
		{guards: []string{"partial-input"}, name: "a file left out", code: cli.Held,
			danger: func(w *world) ran {
				leave(w)
				return w.aws("apply", "--yes", "./environment.yaml", "./clusters.yaml", "./backend.yaml", "./admins.yaml")
			},
			writes: `
				CreateAccessEntry test 492000000148:user/pavlo
				AssociateAccessPolicy test 492000000148:user/pavlo Edit backend`,
			twin: func(w *world) ran { leave(w); return w.apply() }, twinWrites: pavloForOleksii},
		{rows: []int{16}, guards: []string{"adopt-narrows"}, name: "the environment is renamed", code: cli.Held,
			danger: func(w *world) ran {
				w.edit("environment.yaml", "{name: ops}", "{name: operations}")
				r := w.apply("--max-deletes", "99", "--allow", "delete-all,last-admin").ends(w.t, cli.OK)
				sameWrites(w.t, w.writes(r), "")
				return w.aws("adopt", "--yes", ".")
			}, says: []string{"belongs to environment ops"},
			twin: func(w *world) ran {
				w.edit("environment.yaml", "{name: ops}", "{name: operations}")
				return w.aws("adopt", "--yes", ".", "entry/test/"+arn(smallAccount, "user/oleksii"))
			},
			twinWrites: `TagResource test 492000000148:user/oleksii atlas-iam.dev/environment=operations`},
		{rows: []int{17}, name: "our mark beside another's", code: cli.OK,
			danger: func(w *world) ran {
				w.makeRole(smallAccount, "/", "shared")
				w.makeEntry(smallAccount, us, "test", "role/shared", ourTags("created-by", "terraform"), "", "AmazonEKSViewPolicy")
				return w.apply("-v")
			}, says: []string{"Not ours", "role/shared", "No changes."},
			twin: func(w *world) ran {
				w.makeRole(smallAccount, "/", "shared")
				w.makeEntry(smallAccount, us, "test", "role/shared", ourTags("created-by", "hand"), "", "AmazonEKSViewPolicy")
				return w.apply()
			}, twinWrites: `DeleteAccessEntry test 492000000148:role/shared`},
		{rows: []int{18}, guards: []string{"foreign"}, name: "what others made at our key differs", code: cli.Held,
			danger: func(w *world) ran {
				leave(w)
				w.makeEntry(smallAccount, us, "test", "user/pavlo", nil, "", "AmazonEKSViewPolicy")
				return w.apply()
			}, says: []string{"the entry is not ours", "policy Edit on backend is missing", "policy View on"}, writes: `DeleteAccessEntry test 492000000148:user/oleksii`,
			twin: func(w *world) ran {
				leave(w)
				w.makeEntry(smallAccount, us, "test", "user/pavlo", nil, "")
				w.associate(smallAccount, us, "test", "user/pavlo", "AmazonEKSEditPolicy", "backend")
				return w.apply()
			}, twinSays: []string{"as wanted (atlas-iam adopt takes it over)"}, twinWrites: `DeleteAccessEntry test 492000000148:user/oleksii`},
		{guards: []string{"adopt-narrows"}, name: "adopting what gives more than is wanted", code: cli.Held,
			danger: func(w *world) ran {
				leave(w)
				w.makeEntry(smallAccount, us, "test", "user/pavlo", nil, "", "AmazonEKSEditPolicy")
				return w.aws("adopt", "--yes", ".", "entry/test/"+arn(smallAccount, "user/pavlo"))
			}, says: []string{"the next plan would take access: policy Edit"},
			twin: func(w *world) ran {
				leave(w)
				w.makeEntry(smallAccount, us, "test", "user/pavlo", nil, "")
				return w.aws("adopt", "--yes", ".", "entry/test/"+arn(smallAccount, "user/pavlo"))
			}, twinWrites: `TagResource test 492000000148:user/pavlo atlas-iam.dev/environment=ops,atlas-iam.dev/id=k7f3c9a1`},
	}
}

// heldForPeople are about what a change gives and takes.
func heldForPeople() []refusal {
	const ownAccess = `{policy: Edit, namespaces: [runner]}`
	own := func(w *world) {
		w.write("runner.yaml", team("runner", "{role: atlas-iam-lab}", ownAccess))
		w.apply().ends(w.t, cli.OK)
	}
	protected := func(w *world) {
		w.write("clusters.yaml", clusterWith("  protect: [{user: oleksii}]\n"))
		w.apply().ends(w.t, cli.OK)
	}
	return []refusal{
		{rows: []int{19}, guards: []string{"caller"}, name: "the caller's own access goes", code: cli.Held,
			danger: func(w *world) ran { own(w); w.remove("runner.yaml"); return w.apply() },
			twin: func(w *world) ran {
				own(w)
				w.edit("runner.yaml", "[runner]", "[runner, runner-two]")
				return w.apply()
			}, twinWrites: `AssociateAccessPolicy test 492000000148:` + labRole + ` Edit runner,runner-two`},
		{rows: []int{21}, guards: []string{"protected"}, name: "a protected entry narrows, or is retagged", code: cli.Held,
			danger: func(w *world) ran {
				protected(w)
				w.edit("environment.yaml", "  foreignTags:", "  tags: {tier: one}\n  foreignTags:")
				w.edit("backend.yaml", "[backend]", "[front]")
				return w.apply()
			}, says: []string{"takes Edit on backend from user/oleksii", "changes the tags of user/oleksii"},
			writes: `TagResource test 492000000148:user/(anna|boris|vira|yehor|zlata|taras) tier=one`,
			twin: func(w *world) ran {
				protected(w)
				w.edit("backend.yaml", "[backend]", "[backend, front]")
				return w.apply()
			}, twinWrites: `AssociateAccessPolicy test 492000000148:user/oleksii Edit backend,front`},
		{rows: []int{8}, guards: []string{"recreated-principal"}, name: "a role was made again", code: cli.Held,
			danger: func(w *world) ran {
				w.write("ci.yaml", team("ci", "{role: ci}", "{policy: Edit, namespaces: [ci]}"))
				w.seeded().apply().ends(w.t, cli.OK)
				w.clock.pass(2 * time.Minute)
				w.deleteRole(smallAccount, "ci")
				w.makeRole(smallAccount, "/", "ci")
				return w.apply()
			}, says: []string{"entry is dead"},
			twin: func(w *world) ran {
				w.clock.pass(2 * time.Minute)
				w.makeRole(smallAccount, "/", "ci") // the first of its name
				w.write("ci.yaml", team("ci", "{role: ci}", "{policy: Edit, namespaces: [ci]}"))
				return w.apply()
			}, twinWrites: `
				CreateAccessEntry test 492000000148:role/ci
				AssociateAccessPolicy test 492000000148:role/ci Edit ci`},
		{rows: []int{24}, guards: []string{"node-role"}, name: "a node's entry is deleted", code: cli.Held,
			danger: func(w *world) ran {
				w.write("clusters.yaml", clusterWith("  nodeRoles: [{role: nodes, type: EC2_LINUX}]\n"))
				w.seeded().apply().ends(w.t, cli.OK)
				w.write("clusters.yaml", smallCluster)
				return w.apply()
			}, says: []string{"its nodes would drop out"},
			twin: func(w *world) ran {
				w.write("clusters.yaml", clusterWith("  nodeRoles: [{role: nodes, type: EC2_LINUX}]\n"))
				return w.seeded().apply()
			}, twinWrites: `CreateAccessEntry test 492000000148:role/nodes EC2_LINUX`},
		{rows: []int{25}, guards: []string{"widening"}, name: "a second document makes it the whole cluster", code: cli.Held,
			danger: func(w *world) ran {
				w.write("oncall.yaml", team("oncall", "{user: oleksii}", "{policy: Edit, scope: cluster}"))
				return w.apply()
			}, says: []string{"Edit of user/oleksii was bound to backend"},
			twin: func(w *world) ran {
				w.edit("backend.yaml", "namespaces: [backend]", "scope: cluster")
				return w.apply()
			},
			twinSays: []string{"Access gained", "whole cluster"}, twinWrites: `AssociateAccessPolicy test 492000000148:user/oleksii Edit cluster`},
		{rows: []int{26}, guards: []string{"system-namespaces"}, name: "a writing policy reaches kube-system", code: cli.Held,
			danger: func(w *world) ran { w.edit("backend.yaml", "[backend]", `["*system*"]`); return w.apply() }, says: []string{`reaches kube-system`},
			twin: func(w *world) ran {
				// Reading, and everything: legal, and pointed out.
				w.edit("backend.yaml", "[backend]", `["*"]`)
				w.edit("qa.yaml", "[qa]", `["*system*"]`)
				return w.apply()
			}, twinSays: []string{`Edit on "*" reaches every namespace`, `View on "*system*" reaches kube-system`},
			twinWrites: `
				AssociateAccessPolicy test 492000000148:user/oleksii Edit *
				AssociateAccessPolicy test 492000000148:user/(vira|yehor|zlata|taras) View *system*`},
		{rows: []int{3}, guards: []string{"username-taken"}, name: "another one's username", code: cli.Held,
			danger: func(w *world) ran {
				w.write("more.yaml", team("more", `{user: mira, username: "`+arn(smallAccount, "user/anna")+`"}`, "{group: more}"))
				return w.seeded().apply()
			},
			twin: func(w *world) ran {
				w.write("more.yaml", team("more", `{user: mira, username: mira}`, "{group: more}"))
				return w.seeded().apply()
			}, twinWrites: `CreateAccessEntry test 492000000148:user/mira as mira in more`},
	}
}

// heldByStructure are what could not be done, whatever a guard thinks.
func heldByStructure() []refusal {
	const mira = `
		CreateAccessEntry legacy 492000000148:user/mira
		AssociateAccessPolicy legacy 492000000148:user/mira View more`
	legacy := func(w *world, mode types.AuthenticationMode, lines string) {
		w.makeCluster(smallAccount, us, "legacy", mode)
		w.write("legacy.yaml", strings.NewReplacer("test", "legacy", "spec: {}\n", "spec: {"+lines+"}\n").Replace(smallCluster))
		w.write("more.yaml", teamOn("more", "{user: mira}", "{names: [legacy]}", "{policy: View, namespaces: [more]}"))
		for _, f := range []string{"admins.yaml", "backend.yaml", "qa.yaml"} {
			w.edit(f, "{all: true}", "{names: [test]}")
		}
		w.seeded()
	}
	api := func(w *world) {
		legacy(w, types.AuthenticationModeApiAndConfigMap, "authenticationMode: API")
	}
	return []refusal{
		{rows: []int{22}, guards: []string{"mode-api"}, name: "aws-auth ends unread", code: cli.Held,
			danger: func(w *world) ran { api(w); return w.apply() }, says: []string{"aws-auth of legacy was not read"}, writes: mira,
			twin: func(w *world) ran {
				legacy(w, types.AuthenticationModeApiAndConfigMap, "authenticationMode: API_AND_CONFIG_MAP")
				return w.apply()
			}, twinWrites: mira},
		{rows: []int{23}, guards: []string{"mode-step"}, name: "a mode backwards", code: cli.Held,
			danger: func(w *world) ran {
				legacy(w, types.AuthenticationModeApi, "authenticationMode: API_AND_CONFIG_MAP")
				return w.apply()
			}, says: []string{"never goes back"}, writes: mira,
			twin: func(w *world) ran {
				legacy(w, types.AuthenticationModeApi, "authenticationMode: API")
				return w.apply()
			}, twinWrites: mira},
		{rows: []int{23}, guards: []string{"mode-step", "depends"}, name: "two steps of the mode at once", code: cli.Held,
			danger: func(w *world) ran {
				legacy(w, types.AuthenticationModeConfigMap, "authenticationMode: API")
				return w.apply()
			},
			says: []string{"in two steps"},
			twin: func(w *world) ran {
				legacy(w, types.AuthenticationModeConfigMap, "authenticationMode: API_AND_CONFIG_MAP")
				return w.apply()
			}, twinWrites: "UpdateClusterConfig legacy API_AND_CONFIG_MAP\n" + mira},
		{guards: []string{"mode-config-map"}, name: "a cluster that keeps no entries", code: cli.Held,
			danger: func(w *world) ran { legacy(w, types.AuthenticationModeConfigMap, ""); return w.apply() },
			twin:   func(w *world) ran { legacy(w, types.AuthenticationModeApiAndConfigMap, ""); return w.apply() }, twinWrites: mira},
		{guards: []string{"no-cluster"}, name: "a cluster that is not there", code: cli.Held,
			danger: func(w *world) ran {
				legacy(w, types.AuthenticationModeApi, "")
				if _, err := w.eks(smallAccount, us).DeleteCluster(w.t.Context(), &eks.DeleteClusterInput{Name: aws.String("legacy")}); err != nil {
					w.t.Fatal(err)
				}
				w.edit("backend.yaml", "[backend]", "[backend, front]")
				return w.apply()
			}, says: []string{"has no cluster legacy"}, writes: `AssociateAccessPolicy test 492000000148:user/oleksii Edit backend,front`,
			twin: func(w *world) ran { legacy(w, types.AuthenticationModeApi, ""); return w.apply() }, twinWrites: mira},
		{guards: []string{"no-principal"}, name: "a member that does not exist", code: cli.Held,
			danger: func(w *world) ran {
				w.write("more.yaml", team("more", "{user: mira}, {permissionSet: Backend}", "{group: more}"))
				return w.apply()
			}, says: []string{"user/mira", "no role of permission set Backend"},
			twin: func(w *world) ran {
				w.write("more.yaml", team("more", "{user: mira}, {permissionSet: Backend}", "{group: more}"))
				return w.seeded().apply()
			}, twinWrites: `CreateAccessEntry test 492000000148:(user/mira|permissionSet/Backend) in more`},
		{guards: []string{"conflict"}, name: "two members are one principal with two usernames", code: cli.Held,
			danger: func(w *world) ran {
				w.makeRole(smallAccount, "/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_Backend_"+again)
				w.write("more.yaml", team("more", `{permissionSet: Backend, username: "a:{{SessionName}}"}`, "{group: more}"))
				w.write("other.yaml", team("other", `{role: aws-reserved/sso.amazonaws.com/AWSReservedSSO_Backend_`+again+`, username: "b:{{SessionName}}"}`, "{group: other}"))
				return w.apply()
			}, says: []string{"one principal with two usernames"},
			twin: func(w *world) ran {
				w.makeRole(smallAccount, "/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_Backend_"+again)
				w.write("more.yaml", team("more", `{permissionSet: Backend, username: "a:{{SessionName}}"}`, "{group: more}"))
				w.write("other.yaml", team("other", `{role: aws-reserved/sso.amazonaws.com/AWSReservedSSO_Backend_`+again+`}`, "{group: other}"))
				return w.apply()
			}, twinWrites: `CreateAccessEntry test 492000000148:permissionSet/Backend@again as a:{{SessionName}} in more,other`},
	}
}
