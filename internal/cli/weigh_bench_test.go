package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/desired"
	"github.com/atlas-iam/atlas-iam/internal/documents"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// BenchmarkPlanOfAFleet makes the plan of 20 clusters x 50 people that are all
// new, and decides what it gives: the second must not be felt beside the calls
// to AWS that the first needs.
func BenchmarkPlanOfAFleet(b *testing.B) {
	const account = "111122223333"
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	var docs strings.Builder
	fmt.Fprintf(&docs, "apiVersion: atlas-iam.dev/v1alpha1\nkind: Environment\nmetadata: {name: ops}\nspec: {id: \"k7f3c9a1\", accounts: [{name: main, id: %q, regions: [eu-west-1]}]}\n", account)
	have := &access.Snapshot{At: at, Accounts: []access.HaveAccount{{Account: access.Account{Name: "main", ID: account, Partition: "aws", Regions: []string{"eu-west-1"}},
		UsersRead: true, RolesRead: true, Caller: "arn:aws:iam::" + account + ":user/caller"}}}
	for i := range 20 {
		fmt.Fprintf(&docs, "---\napiVersion: atlas-iam.dev/v1alpha1\nkind: Cluster\nmetadata: {name: c%02d}\nspec: {}\n", i)
		have.Clusters = append(have.Clusters, access.HaveCluster{Key: access.ClusterKey{Account: account, Region: "eu-west-1", Name: fmt.Sprintf("c%02d", i)},
			Status: "ACTIVE", Mode: access.ModeAPI, EntriesRead: true})
	}
	for team, grants := range []string{`{policy: Edit, namespaces: ["*backend*", "*session*"]}, {policy: View, namespaces: ["*ops*"]}`,
		`{policy: Admin, namespaces: ["data-*"]}, {policy: View, scope: cluster}`, `{policy: Edit, namespaces: ["*qa*"]}, {policy: View, namespaces: ["*"]}, {group: debug}`} {
		fmt.Fprintf(&docs, "---\napiVersion: atlas-iam.dev/v1alpha1\nkind: Team\nmetadata: {name: t%d}\nspec:\n  clusters: {all: true}\n  grants: [%s]\n  members:\n", team, grants)
		for i := team; i < 50; i += 3 {
			fmt.Fprintf(&docs, "    - {user: p%02d}\n", i)
		}
	}
	for i := range 50 {
		have.Accounts[0].Users = append(have.Accounts[0].Users, access.Principal{ARN: fmt.Sprintf("arn:aws:iam::%s:user/p%02d", account, i), CreatedAt: at})
	}
	set, err := documents.Parse(map[string][]byte{"a.yaml": []byte(docs.String())})
	if err != nil {
		b.Fatal(err)
	}
	want, err := desired.Compile(set)
	if err != nil {
		b.Fatal(err)
	}
	f := &flow{want: want, have: have}
	b.Run("plan", func(b *testing.B) {
		for b.Loop() {
			plan.Compute(want, have, plan.Options{}, planGuards()...)
		}
	})
	b.Run("what it gives", func(b *testing.B) {
		p := plan.Compute(want, have, plan.Options{}, planGuards()...)
		for b.Loop() {
			if err := f.weigh(p); err != nil || len(p.Access.Gained) < 2000 {
				b.Fatal(len(p.Access.Gained), err)
			}
		}
	})
}
