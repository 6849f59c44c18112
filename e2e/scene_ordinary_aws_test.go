//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
)

func clustersChange() []edit {
	return []edit{
		{name: "a new cluster", do: func(w *world) {
			w.write("clusters/government-test.yaml", `apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: government-test, labels: {stage: test, region: gov, workload: apps}}
spec: {clusterName: apps-gov-test, account: government, region: us-gov-west-1}
`)
		}, writes: `
			CreateAccessEntry apps-gov-test government:permissionSet/PlatformAdmin
			CreateAccessEntry apps-gov-test government:role/github-actions/deploy as github:{{SessionName}} in deployers
			AssociateAccessPolicy apps-gov-test government:permissionSet/PlatformAdmin ClusterAdmin cluster
			AssociateAccessPolicy apps-gov-test government:role/github-actions/deploy Edit checkout-*,payments,payments-*,search,search-*`},
		{name: "a cluster's mode goes to API_AND_CONFIG_MAP", do: func(w *world) {
			w.makeCluster(government, "us-gov-west-1", "legacy", types.AuthenticationModeConfigMap)
			w.write("clusters/legacy.yaml", `apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: legacy, labels: {stage: old}}
spec: {clusterName: legacy, account: government, region: us-gov-west-1, authenticationMode: API_AND_CONFIG_MAP}
`)
		}, writes: `
			UpdateClusterConfig legacy API_AND_CONFIG_MAP
			---
			CreateAccessEntry legacy government:permissionSet/PlatformAdmin
			AssociateAccessPolicy legacy government:permissionSet/PlatformAdmin ClusterAdmin cluster`},
		{name: "the mode that a cluster has is written down", do: func(w *world) {
			w.edit("clusters/staging.yaml", "  # No mode: the people of the sandbox look after it.\n", "  authenticationMode: API_AND_CONFIG_MAP\n")
		}},
		{name: "a label changes", do: func(w *world) {
			w.edit("clusters/production.yaml", "{stage: production, region: us, workload: apps}", "{stage: production, region: eu, workload: apps}")
		}, writes: `
			CreateAccessEntry apps-production-us production:permissionSet/Payments
			CreateAccessEntry apps-production-us staging:user/people/(daniel|elif|farid|greta)
			CreateAccessEntry apps-production-us 620000000007:role/integrations/monitoring
			CreateAccessEntry apps-production-us 620000000007:user/agents/collector
			AssociateAccessPolicy apps-production-us production:permissionSet/Payments View payments,payments-*
			AssociateAccessPolicy apps-production-us staging:user/people/(daniel|elif|farid|greta) View payments,payments-*
			AssociateAccessPolicy apps-production-us 620000000007:role/integrations/monitoring View checkout-*,payments
			AssociateAccessPolicy apps-production-us 620000000007:user/agents/collector View checkout-*,payments`},
		{name: "a label that no team selects by is added", do: func(w *world) {
			w.edit("clusters/government.yaml", "workload: apps}", "workload: apps, owner: field}")
		}},
		{name: "somebody more is protected", do: func(w *world) {
			w.edit("clusters/government.yaml", "    - {role: break-glass}\n", "    - {role: break-glass}\n    - {user: xavier}\n")
		}},
		{name: "remove lists who has no entry", do: func(w *world) {
			w.edit("clusters/government.yaml", "  protect:\n", "  remove:\n    - {role: terraform/old}\n  protect:\n")
		}},
		{name: "a cluster's document is renamed", do: func(w *world) {
			w.edit("clusters/staging.yaml", "  name: sandbox\n", "  name: playground\n")
			w.edit("teams/sandbox.yaml", "[sandbox]", "[playground]")
			w.edit("teams/payments.yaml", "[staging-eu, sandbox]", "[staging-eu, playground]")
		}},
		{name: "a team is renamed", do: func(w *world) {
			w.edit("teams/search.yaml", "  name: search\n", "  name: discovery\n")
		}},
		{name: "a document moves to another file", do: func(w *world) {
			from := filepath.Join(w.dir, "teams", "qa.yaml")
			if err := os.Rename(from, filepath.Join(w.dir, "quality.yml")); err != nil {
				w.t.Fatal(err)
			}
		}},
		{name: "members and patterns stand in another order", do: func(w *world) {
			w.edit("teams/search.yaml", searchMembers, `    - {user: people/mei, account: staging}
    - {user: people/katya, account: staging}
    - {account: staging, user: people/liam} # in the Berlin office
`)
			w.edit("teams/search.yaml", `["search", "search-*"]`, `["search-*", "search"]`)
		}},
		{name: "one more Region is looked at", do: func(w *world) {
			w.edit("environment.yaml", `      regions: [eu-central-1, us-east-1]
      assumeRole:
        arn: arn:aws:iam::210000000001:role/automation/atlas-iam`, `      regions: [eu-central-1, eu-west-1, us-east-1]
      assumeRole:
        arn: arn:aws:iam::210000000001:role/automation/atlas-iam`)
		}},
		{name: "a tag is added", do: func(w *world) {
			w.edit("environment.yaml", "    owner: platform-team\n", "    owner: platform-team\n    tier: one\n")
		}, writes: strings.ReplaceAll(everyEntryTagged, "KEY=VALUE", "tier=one")},
	}
}

// besideUs are things that EKS, other tools and people with the console do.
func besideUs() []edit {
	return []edit{
		{name: "a node group's entry appears", do: func(w *world) {
			w.makeRole(staging, "/", "nodes")
			w.makeEntry(staging, eu, "apps-staging-eu", "role/nodes", nil, "EC2_LINUX")
		}},
		{name: "a Fargate profile's entry appears", do: func(w *world) {
			w.makeRole(production, "/", "fargate-pods")
			w.makeEntry(production, us, "apps-production-us", "role/fargate-pods", nil, "FARGATE_LINUX")
		}},
		{name: "an entry of EKS Auto Mode appears", do: func(w *world) {
			w.makeRole(production, "/", "auto-node")
			w.makeEntry(production, us, "apps-production-us", "role/auto-node", nil, "EC2", "AmazonEKSAutoNodePolicy")
		}},
		{name: "somebody makes an entry by hand", do: func(w *world) {
			w.makeRole(staging, "/", "debug")
			w.makeEntry(staging, eu, "sandbox", "role/debug", nil, "", "AmazonEKSClusterAdminPolicy")
		}},
		{name: "Terraform makes an entry", do: func(w *world) {
			w.makeRole(staging, "/", "tf-made")
			w.makeEntry(staging, us, "apps-staging-us", "role/tf-made", map[string]string{"created-by": "terraform"}, "", "AmazonEKSViewPolicy")
		}},
		{name: "a foreign cluster appears", do: func(w *world) {
			w.makeCluster(staging, eu, "team-x", types.AuthenticationModeApi)
		}},
		{name: "another tool puts a tag of its own on our entry", do: func(w *world) {
			w.tagEntry(government, "us-gov-west-1", "apps-gov", "user/xavier", map[string]string{"audited": "2026-11"})
		}},
		{name: "somebody deletes an entry of ours", do: func(w *world) {
			w.deleteEntry(staging, us, "apps-staging-us", "user/people/mei")
		}, writes: `
			CreateAccessEntry apps-staging-us staging:user/people/mei
			AssociateAccessPolicy apps-staging-us staging:user/people/mei Edit search,search-*`},
		{name: "somebody widens our entry by hand", do: func(w *world) {
			w.associate(staging, us, "apps-staging-us", "user/people/mei", "AmazonEKSEditPolicy")
		}, writes: `AssociateAccessPolicy apps-staging-us staging:user/people/mei Edit search,search-*`},
		{name: "somebody gives our entry a policy by hand", do: func(w *world) {
			w.associate(staging, us, "apps-staging-us", "user/people/mei", "AmazonEKSViewPolicy", "payments")
		}, writes: `DisassociateAccessPolicy apps-staging-us staging:user/people/mei View`},
		{name: "somebody changes a group by hand", do: func(w *world) {
			p := arn(staging, "user/people/daniel")
			if _, err := w.eks(staging, eu).UpdateAccessEntry(w.t.Context(), &eks.UpdateAccessEntryInput{
				ClusterName: aws.String("apps-staging-eu"), PrincipalArn: &p, KubernetesGroups: []string{"payments-debug", "more"}}); err != nil {
				w.t.Fatal(err)
			}
		}, writes: `UpdateAccessEntry apps-staging-eu staging:user/people/daniel in payments-debug`},
		{name: "somebody changes a tag of ours by hand", do: func(w *world) {
			w.tagEntry(government, "us-gov-west-1", "apps-gov", "user/xavier", map[string]string{"owner": "me"})
		}, writes: `TagResource apps-gov government:user/xavier owner=platform-team`},
	}
}
