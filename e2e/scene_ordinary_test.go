//go:build e2e

package e2e

import (
	"encoding/json"
	"testing"

	"github.com/atlas-iam/atlas-iam/internal/cli"
)

// Ordinary changes: what people do every week, and what AWS and other tools do
// beside them. None is held or warned of, and each does exactly what its list
// says.
//
// shows: item S15
func TestOrdinaryChangesOfTheLargeExampleAreNeitherHeldNorWarnedOf(t *testing.T) {
	applied := appliedLarge(t)
	changes := append(append(peopleCome(), rightsChange()...), append(clustersChange(), besideUs()...)...)
	if len(changes) < 40 {
		t.Fatalf("%d ordinary changes, want 40", len(changes))
	}
	names := map[string]bool{}
	for _, e := range changes {
		if names[e.name] || len(e.held)+len(e.flags) > 0 {
			t.Fatalf("%s: a name twice, or not ordinary", e.name)
		}
		names[e.name] = true
		t.Run(e.name, func(t *testing.T) {
			w := applied(t)
			e.do(w)
			if e.writes == "" {
				w.nothingToDo()
				return
			}
			w.unremarkable()
			e.do = func(*world) {}
			e.play(t, w)
		})
	}
}

// unremarkable fails unless a plan of the folder holds nothing and warns of
// nothing.
func (w *world) unremarkable() {
	w.t.Helper()
	r := w.run("plan", "-o", "json", ".").ends(w.t, cli.OK)
	var p struct {
		Summary  struct{ Held, Gaps int }
		Warnings []struct{ Slug, Text string }
	}
	if err := json.Unmarshal([]byte(r.out), &p); err != nil {
		w.t.Fatal(err)
	}
	if p.Summary.Held+p.Summary.Gaps+len(p.Warnings) > 0 {
		w.t.Fatalf("an ordinary change is held or warned of: %+v", p)
	}
}

const searchMembers = `    - {user: people/katya, account: staging}
    - {user: people/liam, account: staging}
    - {user: people/mei, account: staging}
`

func peopleCome() []edit {
	return []edit{
		{name: "somebody joins a team", do: func(w *world) {
			w.edit("teams/search.yaml", searchMembers, searchMembers+"    - {user: people/lena, account: staging}\n")
		}, writes: `
			CreateAccessEntry (apps-staging-eu|apps-staging-us) staging:user/people/lena
			AssociateAccessPolicy (apps-staging-eu|apps-staging-us) staging:user/people/lena Edit search,search-*`},
		{name: "somebody leaves", do: func(w *world) {
			w.edit("teams/search.yaml", "    - {user: people/liam, account: staging}\n", "")
		}, writes: `DeleteAccessEntry (apps-staging-eu|apps-staging-us) staging:user/people/liam`},
		{name: "somebody joins a second team", do: func(w *world) {
			w.edit("teams/search.yaml", searchMembers, searchMembers+"    - {user: people/jonas, account: staging}\n")
		}, writes: `AssociateAccessPolicy (apps-staging-eu|apps-staging-us) staging:user/people/jonas Edit *-cart,checkout-*,search,search-*`},
		{name: "somebody leaves one of two teams", do: func(w *world) {
			w.edit("teams/checkout.yaml", "    - {user: people/elif, account: staging}\n", "")
		}, writes: `
			AssociateAccessPolicy apps-staging-eu staging:user/people/elif Edit payments,payments-*
			DeleteAccessEntry apps-staging-us staging:user/people/elif`},
		{name: "a user is renamed", do: func(w *world) {
			w.edit("teams/checkout.yaml", "people/igor", "people/igor.b")
		}, writes: `
			CreateAccessEntry (apps-staging-eu|apps-staging-us) staging:user/people/igor.b
			AssociateAccessPolicy (apps-staging-eu|apps-staging-us) staging:user/people/igor.b Edit *-cart,checkout-*
			AssociateAccessPolicy (apps-staging-eu|apps-staging-us) staging:user/people/igor.b View payments
			---
			DeleteAccessEntry (apps-staging-eu|apps-staging-us) staging:user/people/igor`},
		{name: "somebody gets a username", do: func(w *world) {
			w.edit("teams/search.yaml", "{user: people/liam, account: staging}", "{user: people/liam, account: staging, username: liam}")
		}, writes: `UpdateAccessEntry (apps-staging-eu|apps-staging-us) staging:user/people/liam as liam in none`},
		{name: "a new team", do: func(w *world) {
			w.write("teams/ml.yaml", `apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: ml}
spec:
  members: [{user: people/vera}, {user: people/walter}]
  clusters: {names: [data]}
  grants: [{policy: Edit, namespaces: ["ml-*"]}, {group: ml-readers}]
`)
		}, writes: `
			CreateAccessEntry data-production-eu production:user/people/(vera|walter) in ml-readers
			AssociateAccessPolicy data-production-eu production:user/people/(vera|walter) Edit ml-*`},
		{name: "a team ends", do: func(w *world) {
			w.edit("teams/deploy.yaml", `---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata:
  name: previews
spec:
  members:
    - {role: github-actions/preview, account: staging}
  clusters: {names: [staging-eu]}
  grants:
    - {policy: Admin, namespaces: ["pr-*"]}
`, "")
		}, writes: `DeleteAccessEntry apps-staging-eu staging:role/github-actions/preview`},
		{name: "a small team is emptied", do: func(w *world) {
			w.edit("teams/search.yaml", "  members:\n"+searchMembers, "  members: []\n")
		}, writes: `
			DeleteAccessEntry (apps-staging-eu|apps-staging-us) staging:user/people/(katya|liam|mei)`},
		{name: "a permission set is added", do: func(w *world) {
			w.edit("teams/support.yaml", "    - {permissionSet: Support}\n", "    - {permissionSet: Support}\n    - {permissionSet: Security}\n")
		}, writes: `
			CreateAccessEntry (apps-production-eu|apps-production-us) production:permissionSet/Security
			AssociateAccessPolicy (apps-production-eu|apps-production-us) production:permissionSet/Security View cluster`},
		{name: "a partner's ARN is added", do: func(w *world) {
			w.edit("teams/partners.yaml", "  clusters:", "    - {arn: \"arn:aws:iam::620000000007:role/integrations/alerts\"}\n  clusters:")
		}, writes: `
			CreateAccessEntry apps-production-eu 620000000007:role/integrations/alerts
			AssociateAccessPolicy apps-production-eu 620000000007:role/integrations/alerts View checkout-*,payments`},
		{name: "a partner leaves", do: func(w *world) {
			w.edit("teams/partners.yaml", "    - {arn: \"arn:aws:iam::620000000007:user/agents/collector\"}\n", "")
		}, writes: `DeleteAccessEntry apps-production-eu 620000000007:user/agents/collector`},
		{name: "a role is added for CI", do: func(w *world) {
			w.edit("teams/deploy.yaml", "    - {role: github-actions/preview, account: staging}\n",
				"    - {role: github-actions/preview, account: staging}\n    - {role: github-actions/lint, account: staging}\n")
		}, writes: `
			CreateAccessEntry apps-staging-eu staging:role/github-actions/lint
			AssociateAccessPolicy apps-staging-eu staging:role/github-actions/lint Admin pr-*`},
		{name: "somebody joins in another partition", do: func(w *world) {
			w.edit("teams/government.yaml", "    - {user: yolanda}\n", "    - {user: yolanda}\n    - {user: zara}\n")
			w.edit("teams/government.yaml", `["*"]`, `["field-*"]`)
		}, writes: `
			CreateAccessEntry apps-gov government:user/zara
			AssociateAccessPolicy apps-gov government:user/zara Admin field-*
			AssociateAccessPolicy apps-gov government:user/zara AdminView cluster
			---
			AssociateAccessPolicy apps-gov government:user/(xavier|yolanda) Admin field-*
			AssociateAccessPolicy apps-gov government:role/operators/on-call Admin field-*`},
	}
}

func rightsChange() []edit {
	const checkoutView = "    - {policy: View, namespaces: [\"payments\"]}\n"
	return []edit{
		{name: "a scope narrows by edit", do: func(w *world) {
			w.edit("teams/search.yaml", `["search", "search-*"]`, `["search-*"]`)
		}, writes: `AssociateAccessPolicy (apps-staging-eu|apps-staging-us) staging:user/people/(katya|liam|mei) Edit search-*`},
		{name: "a scope becomes the whole cluster by edit", do: func(w *world) {
			w.edit("teams/search.yaml", `namespaces: ["search", "search-*"]`, `scope: cluster`)
		}, writes: `AssociateAccessPolicy (apps-staging-eu|apps-staging-us) staging:user/people/(katya|liam|mei) Edit cluster`},
		{name: "the whole cluster becomes namespaces", do: func(w *world) {
			w.edit("teams/data.yaml", "policy: View, scope: cluster", "policy: View, namespaces: [airflow]")
		}, writes: `
			AssociateAccessPolicy data-production-eu production:user/people/(nadia|omar|priya|quentin) View airflow
			AssociateAccessPolicy data-production-eu production:permissionSet/DataEngineer View airflow`},
		{name: "another policy in its place", do: func(w *world) {
			w.edit("teams/deploy.yaml", `{policy: Admin, namespaces: ["pr-*"]}`, `{policy: Edit, namespaces: ["pr-*"]}`)
		}, writes: `
			AssociateAccessPolicy apps-staging-eu staging:role/github-actions/preview Edit pr-*
			---
			DisassociateAccessPolicy apps-staging-eu staging:role/github-actions/preview Admin`},
		{name: "a grant is taken out", do: func(w *world) { w.edit("teams/checkout.yaml", checkoutView, "") }, writes: `
			DisassociateAccessPolicy apps-staging-eu staging:user/people/(hana|igor|jonas) View
			DisassociateAccessPolicy apps-staging-us staging:user/people/(hana|igor|jonas|elif) View`},
		{name: "a grant is added", do: func(w *world) {
			w.edit("teams/support.yaml", "    - {policy: View, scope: cluster}\n", "    - {policy: View, scope: cluster}\n    - {policy: Edit, namespaces: [support-tools]}\n")
		}, writes: `
			AssociateAccessPolicy (apps-production-eu|apps-production-us) production:permissionSet/Support Edit support-tools
			AssociateAccessPolicy (apps-production-eu|apps-production-us) production:user/people/(viktor|wanda) Edit support-tools`},
		{name: "a group is added", do: func(w *world) {
			w.edit("teams/search.yaml", "  grants:\n", "  grants:\n    - {group: search-debug}\n")
		}, writes: `UpdateAccessEntry (apps-staging-eu|apps-staging-us) staging:user/people/(katya|liam|mei) in search-debug`},
		{name: "a group is taken out", do: func(w *world) {
			w.edit("teams/payments.yaml", "    - {group: payments-debug, clusters: {names: [staging-eu]}}\n", "")
		}, writes: `
			UpdateAccessEntry apps-staging-eu staging:user/people/(daniel|elif|farid|greta) in none
			UpdateAccessEntry apps-staging-eu staging:permissionSet/Payments in none`},
		{name: "a grant gets fewer clusters", do: func(w *world) {
			w.edit("teams/payments.yaml", "{names: [staging-eu, sandbox]}", "{names: [staging-eu]}")
		}, writes: `
			AssociateAccessPolicy sandbox staging:user/people/daniel Edit *
			DisassociateAccessPolicy sandbox staging:user/people/(elif|farid|greta) Edit
			DisassociateAccessPolicy sandbox staging:permissionSet/Payments Edit`},
		{name: "a grant gets more clusters", do: func(w *world) {
			w.edit("teams/deploy.yaml", "  clusters: {names: [staging-eu]}\n", "  clusters: {names: [staging-eu, staging-us]}\n")
		}, writes: `
			CreateAccessEntry apps-staging-us staging:role/github-actions/preview
			AssociateAccessPolicy apps-staging-us staging:role/github-actions/preview Admin pr-*`},
		{name: "read access to one more namespace", do: func(w *world) {
			w.edit("teams/partners.yaml", `["payments", "checkout-*"]`, `["payments", "checkout-*", "status-page"]`)
		}, writes: `
			AssociateAccessPolicy apps-production-eu 620000000007:role/integrations/monitoring View checkout-*,payments,status-page
			AssociateAccessPolicy apps-production-eu 620000000007:user/agents/collector View checkout-*,payments,status-page`},
	}
}
