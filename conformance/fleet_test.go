//go:build bench

package conformance

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// The fleet of docs/performance.md: 20 clusters x 50 people, 1,000 entries and
// 1,900 associations in one account.
const (
	fleetClusters = 20
	fleetPeople   = 50 // on each cluster
	fleetPolicies = 95 // on each cluster
	fleetAccount  = "492000000148"
	fleetRegion   = "us-east-1"
)

var fleetTeams = []struct {
	name   string
	people int
	grants []string // policy and its namespaces; none: the whole cluster
}{
	{"devops", 5, []string{"ClusterAdmin"}},
	{"backend", 25, []string{"Edit *backend* *session-notes*", "View *ops*"}},
	{"qa", 20, []string{"Edit *qa*", "View *backend*"}},
}

func user(team string, i int) string { return fmt.Sprintf("%s-%02d", team, i) }

// documents writes the fleet as atlas-iam's documents.
func documents(t *testing.T, dir string, clusters int) {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: atlas-iam.dev/v1alpha1\nkind: Environment\nmetadata: {name: fleet}\nspec:\n  id: \"f1ee7a00\"\n  accounts:\n    - {name: main, id: %q, regions: [%s]}\n", fleetAccount, fleetRegion)
	for c := range clusters {
		fmt.Fprintf(&b, "---\napiVersion: atlas-iam.dev/v1alpha1\nkind: Cluster\nmetadata: {name: fleet-%02d}\nspec: {}\n", c)
	}
	for _, team := range fleetTeams {
		fmt.Fprintf(&b, "---\napiVersion: atlas-iam.dev/v1alpha1\nkind: Team\nmetadata: {name: %s}\nspec:\n  members:\n", team.name)
		for i := range team.people {
			fmt.Fprintf(&b, "    - {user: %s}\n", user(team.name, i))
		}
		fmt.Fprintf(&b, "  clusters: {all: true}\n  grants:\n")
		for _, g := range team.grants {
			policy, namespaces, _ := strings.Cut(g, " ")
			if namespaces == "" {
				fmt.Fprintf(&b, "    - {policy: %s, scope: cluster}\n", policy)
				continue
			}
			fmt.Fprintf(&b, "    - {policy: %s, namespaces: [\"%s\"]}\n", policy, strings.Join(strings.Fields(namespaces), `", "`))
		}
	}
	write(t, filepath.Join(dir, "fleet.yaml"), b.String())
}

// resources writes the same fleet as Terraform's resources.
func (tf *terraform) resources() {
	var b strings.Builder
	fmt.Fprintf(&b, "locals {\n  clusters = [for i in range(%d) : format(\"fleet-%%02d\", i)]\n  people = merge(\n", fleetClusters)
	for _, team := range fleetTeams {
		fmt.Fprintf(&b, "    { for i in range(%d) : format(\"%s-%%02d\", i) => [", team.people, team.name)
		for _, g := range team.grants {
			policy, namespaces, _ := strings.Cut(g, " ")
			fmt.Fprintf(&b, "{ policy = \"AmazonEKS%sPolicy\", namespaces = [", policy)
			for _, n := range strings.Fields(namespaces) {
				fmt.Fprintf(&b, "%q, ", n)
			}
			b.WriteString("] }, ")
		}
		b.WriteString("] },\n")
	}
	b.WriteString(`  )
  entries = { for pair in setproduct(local.clusters, keys(local.people)) : "${pair[0]}/${pair[1]}" => { cluster = pair[0], user = pair[1] } }
  associations = merge([for key, e in local.entries : { for g in local.people[e.user] : "${key}/${g.policy}" => merge(e, g) }]...)
}
resource "aws_eks_access_entry" "person" {
  for_each      = local.entries
  cluster_name  = each.value.cluster
  principal_arn = "arn:aws:iam::` + fleetAccount + `:user/${each.value.user}"
}
resource "aws_eks_access_policy_association" "person" {
  for_each      = local.associations
  cluster_name  = each.value.cluster
  principal_arn = aws_eks_access_entry.person["${each.value.cluster}/${each.value.user}"].principal_arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/${each.value.policy}"
  access_scope {
    type       = length(each.value.namespaces) == 0 ? "cluster" : "namespace"
    namespaces = length(each.value.namespaces) == 0 ? null : each.value.namespaces
  }
}
`)
	tf.write("fleet.tf", b.String())
}
