//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"
)

// The twelve edits. Each list was written by hand from the documents; "---"
// parts what gives from what takes.
//
// shows: item S36
func TestTwelveEditsOfTheLargeExampleWriteExactlyTheirList(t *testing.T) {
	applied := appliedLarge(t)
	for _, e := range twelveEdits() {
		t.Run(e.name, func(t *testing.T) { e.play(t, applied(t)) })
	}
}

func twelveEdits() []edit {
	return append(editsOfTeams(), editsOfClusters()...)
}

func editsOfTeams() []edit {
	return []edit{
		{name: "a person moves team", do: func(w *world) {
			w.edit("teams/checkout.yaml", "    - {user: people/jonas, account: staging}\n", "")
			w.edit("teams/search.yaml", "    - {user: people/mei, account: staging}\n", "    - {user: people/mei, account: staging}\n    - {user: people/jonas, account: staging}\n")
		}, writes: `
			AssociateAccessPolicy (apps-staging-eu|apps-staging-us) staging:user/people/jonas Edit search,search-*
			DisassociateAccessPolicy (apps-staging-eu|apps-staging-us) staging:user/people/jonas View`},

		{name: "a scope widens", do: func(w *world) {
			w.edit("teams/search.yaml", `["search", "search-*"]`, `["search", "search-*", "indexing"]`)
		}, writes: `
			AssociateAccessPolicy (apps-staging-eu|apps-staging-us) staging:user/people/(katya|liam|mei) Edit indexing,search,search-*`},

		{name: "a scope narrows", do: func(w *world) {
			w.edit("teams/qa.yaml", `["payments-*", "checkout-*", "search-*"]`, `["payments-*", "checkout-*"]`)
		}, writes: `
			AssociateAccessPolicy (apps-staging-eu|apps-staging-us) staging:user/people/(rosa|samir|tomas|ursula) View checkout-*,payments-*`},

		{name: "a scope swaps", do: func(w *world) {
			w.edit("teams/data.yaml", `["spark-*", "airflow"]`, `["flink-*"]`)
		}, writes: `
			AssociateAccessPolicy data-production-eu production:user/people/(nadia|omar|priya|quentin) Admin flink-*
			AssociateAccessPolicy data-production-eu production:permissionSet/DataEngineer Admin flink-*`},

		{name: "a team splits", do: func(w *world) {
			w.edit("teams/payments.yaml", "    - {user: people/farid, account: staging}\n    - {user: people/greta, account: staging}\n", "")
			w.write("teams/payments-apps.yaml", `apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata:
  name: payments-apps
spec:
  members:
    - {user: people/farid, account: staging}
    - {user: people/greta, account: staging}
  clusters: {matchLabels: {workload: apps, region: eu}}
  grants:
    - {policy: Edit, namespaces: ["payments-*"], clusters: {names: [staging-eu, sandbox]}}
    - {policy: View, namespaces: ["payments-*"]}
`)
		}, writes: `
			UpdateAccessEntry apps-staging-eu staging:user/people/(farid|greta) in none
			AssociateAccessPolicy (apps-staging-eu|sandbox) staging:user/people/(farid|greta) Edit payments-*
			AssociateAccessPolicy (apps-staging-eu|sandbox|apps-production-eu) staging:user/people/(farid|greta) View payments-*`},

		{name: "a permission set is made again", do: func(w *world) {
			w.deleteRole(staging, "AWSReservedSSO_Payments_5b66331ed3c401c8")
			w.makeRole(staging, "/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_Payments_"+again)
		}, writes: `
			CreateAccessEntry apps-staging-eu staging:permissionSet/Payments@again in payments-debug
			CreateAccessEntry sandbox staging:permissionSet/Payments@again
			AssociateAccessPolicy (apps-staging-eu|sandbox) staging:permissionSet/Payments@again Edit payments,payments-*
			AssociateAccessPolicy (apps-staging-eu|sandbox) staging:permissionSet/Payments@again View payments,payments-*
			---
			DeleteAccessEntry (apps-staging-eu|sandbox) staging:permissionSet/Payments`},

		{name: "a role is made again", do: func(w *world) {
			w.clock.pass(2 * time.Minute)
			w.deleteRole(staging, "preview")
			w.makeRole(staging, "/github-actions/", "preview")
			w.clock.pass(2 * time.Minute)
		}, held: []string{"recreated-principal: entry is dead", "role/github-actions/preview was made again at"},
			flags: []string{"--allow", "recreated-principal"}, writes: `
			DeleteAccessEntry apps-staging-eu staging:role/github-actions/preview
			CreateAccessEntry apps-staging-eu staging:role/github-actions/preview
			AssociateAccessPolicy apps-staging-eu staging:role/github-actions/preview Admin pr-*`},
	}
}

func editsOfClusters() []edit {
	return []edit{
		{name: "a cluster comes", do: func(w *world) {
			w.write("clusters/tools.yaml", `apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata:
  name: tools
  labels: {stage: staging, region: eu, workload: apps}
spec:
  clusterName: apps-tools-eu
  account: staging
  region: eu-central-1
  authenticationMode: API
`)
		}, writes: `
			CreateAccessEntry apps-tools-eu staging:permissionSet/(PlatformAdmin|Payments)
			CreateAccessEntry apps-tools-eu staging:user/people/amara as amara
			CreateAccessEntry apps-tools-eu staging:user/people/bogdan as bogdan
			CreateAccessEntry apps-tools-eu staging:user/people/chiara as chiara
			CreateAccessEntry apps-tools-eu staging:role/github-actions/deploy as github:{{SessionName}} in deployers
			CreateAccessEntry apps-tools-eu staging:user/people/(daniel|elif|farid|greta)
			CreateAccessEntry apps-tools-eu staging:user/people/(rosa|samir|tomas|ursula)
			CreateAccessEntry apps-tools-eu staging:user/people/(katya|liam|mei)
			AssociateAccessPolicy apps-tools-eu staging:permissionSet/PlatformAdmin ClusterAdmin cluster
			AssociateAccessPolicy apps-tools-eu staging:user/people/(amara|bogdan|chiara) ClusterAdmin cluster
			AssociateAccessPolicy apps-tools-eu staging:role/github-actions/deploy Edit checkout-*,payments,payments-*,search,search-*
			AssociateAccessPolicy apps-tools-eu staging:permissionSet/Payments View payments,payments-*
			AssociateAccessPolicy apps-tools-eu staging:user/people/(daniel|elif|farid|greta) View payments,payments-*
			AssociateAccessPolicy apps-tools-eu staging:user/people/(rosa|samir|tomas|ursula) Edit *-qa,pr-*
			AssociateAccessPolicy apps-tools-eu staging:user/people/(rosa|samir|tomas|ursula) View checkout-*,payments-*,search-*
			AssociateAccessPolicy apps-tools-eu staging:user/people/(katya|liam|mei) Edit search,search-*`},

		{name: "a cluster's document goes", do: func(w *world) {
			w.edit("clusters/staging.yaml", `apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata:
  name: staging-us
  labels: {stage: staging, region: us, workload: apps}
spec:
  clusterName: apps-staging-us
  account: staging
  region: us-east-1
  authenticationMode: API
  protect:
    - {role: break-glass}
---
`, "")
			w.edit("teams/checkout.yaml", "[staging-eu, staging-us]", "[staging-eu]")
		}, held: []string{"mass-deletion: one of 16 deletes", "last-admin"},
			flags: []string{"--max-deletes", "16", "--allow", "last-admin"}, writes: `
			DeleteAccessEntry apps-staging-us staging:permissionSet/PlatformAdmin
			DeleteAccessEntry apps-staging-us staging:role/github-actions/deploy
			DeleteAccessEntry apps-staging-us staging:user/people/(amara|bogdan|chiara|elif|hana|igor|jonas|katya|liam|mei|rosa|samir|tomas|ursula)`},

		{name: "tags change", do: func(w *world) {
			w.edit("environment.yaml", `"4711"`, `"4712"`)
		}, writes: strings.ReplaceAll(everyEntryTagged, "KEY=VALUE", "cost-center=4712")},

		{name: "a creator is removed", do: func(w *world) {
			w.makeEntry(production, us, "apps-production-us", "role/terraform/cluster-creator", nil, "", "AmazonEKSClusterAdminPolicy")
			w.nothingToDo() // it is foreign until a document says remove
			w.edit("clusters/production.yaml", "  nodeRoles:\n    - {role: karpenter/node-production-us, type: EC2_LINUX}\n",
				"  remove:\n    - {role: terraform/cluster-creator}\n  nodeRoles:\n    - {role: karpenter/node-production-us, type: EC2_LINUX}\n")
		}, writes: `
			DeleteAccessEntry apps-production-us production:role/terraform/cluster-creator`},

		{name: "a node role is added", do: func(w *world) {
			w.edit("clusters/staging.yaml", `  region: us-east-1
  authenticationMode: API
`, `  region: us-east-1
  authenticationMode: API
  nodeRoles:
    - {role: karpenter/node-staging-us, type: EC2_LINUX}
`)
		}, writes: `
			CreateAccessEntry apps-staging-us staging:role/karpenter/node-staging-us EC2_LINUX`},
	}
}

// everyEntryTagged is the list of what tags each entry of examples/large.
const everyEntryTagged = `
	TagResource apps-gov government:role/(AWSReservedSSO_PlatformAdmin_01aa18dc1411e3c0|deploy|on-call) KEY=VALUE
	TagResource apps-gov government:user/(xavier|yolanda) KEY=VALUE
	TagResource apps-production-eu production:role/(AWSReservedSSO_PlatformAdmin_b6a015506fd92376|AWSReservedSSO_Payments_a0ca5e4ab6e658e5|AWSReservedSSO_Support_1aed73e39cd5f896) KEY=VALUE
	TagResource apps-production-eu production:role/(deploy|node-production-eu|windows-workers) KEY=VALUE
	TagResource apps-production-eu production:user/(viktor|wanda) KEY=VALUE
	TagResource apps-production-eu staging:user/(daniel|elif|farid|greta) KEY=VALUE
	TagResource apps-production-eu 620000000007:role/monitoring KEY=VALUE
	TagResource apps-production-eu 620000000007:user/collector KEY=VALUE
	TagResource apps-production-us production:role/(AWSReservedSSO_PlatformAdmin_b6a015506fd92376|AWSReservedSSO_Support_1aed73e39cd5f896|deploy|node-production-us) KEY=VALUE
	TagResource apps-production-us production:user/(viktor|wanda) KEY=VALUE
	TagResource data-production-eu production:role/(AWSReservedSSO_PlatformAdmin_b6a015506fd92376|AWSReservedSSO_DataEngineer_5c57c2e95d7edb08) KEY=VALUE
	TagResource data-production-eu production:user/(nadia|omar|priya|quentin) KEY=VALUE
	TagResource apps-staging-eu staging:role/(AWSReservedSSO_PlatformAdmin_0bc76a54a6ba7f09|AWSReservedSSO_Payments_5b66331ed3c401c8|deploy|preview|node-staging-eu) KEY=VALUE
	TagResource apps-staging-eu staging:user/(amara|bogdan|chiara|daniel|elif|farid|greta|hana|igor|jonas|katya|liam|mei|rosa|samir|tomas|ursula) KEY=VALUE
	TagResource apps-staging-us staging:role/(AWSReservedSSO_PlatformAdmin_0bc76a54a6ba7f09|deploy) KEY=VALUE
	TagResource apps-staging-us staging:user/(amara|bogdan|chiara|elif|hana|igor|jonas|katya|liam|mei|rosa|samir|tomas|ursula) KEY=VALUE
	TagResource sandbox staging:role/(AWSReservedSSO_PlatformAdmin_0bc76a54a6ba7f09|AWSReservedSSO_Payments_5b66331ed3c401c8|deploy) KEY=VALUE
	TagResource sandbox staging:user/(amara|daniel|elif|farid|greta|hana|katya|rosa|zoe) KEY=VALUE
`
