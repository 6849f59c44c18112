package observe_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/lab"
	"github.com/atlas-iam/atlas-iam/internal/observe"
)

// BenchmarkReadOfTheLab reads entries with a policy each through the real SDK
// from the lab in this process: what a call costs us (and the lab) without a
// network.
func BenchmarkReadOfTheLab(b *testing.B) {
	for _, clusters := range []int{2, 20} {
		const people = 20
		b.Run(fmt.Sprintf("entries=%d", clusters*people), func(b *testing.B) {
			c, account := filled(b, clusters, people)
			b.ReportAllocs()
			for b.Loop() {
				have, err := observe.Read(b.Context(), c, []access.Account{account}, observe.Options{})
				if err != nil {
					b.Fatal(err)
				}
				entries := 0
				for i := range have.Clusters {
					entries += len(have.Clusters[i].Entries)
				}
				// The creator's entry is on each.
				if want := clusters * (people + 1); entries != want || len(have.Gaps) != 0 {
					b.Fatalf("read %d entries, want %d; gaps %v", entries, want, have.Gaps)
				}
			}
			b.ReportMetric(float64(b.N)*float64(2*clusters*(people+2))/b.Elapsed().Seconds(), "calls/s")
		})
	}
}

// filled is a lab with clusters and entries of people, each with a policy.
func filled(b *testing.B, clusters, people int) (*cloud.Cloud, access.Account) {
	server, err := emulator.Open(emulator.Options{Hosts: []string{lab.Host}})
	if err != nil {
		b.Fatal(err)
	}
	l := lab.In(server)
	b.Cleanup(func() { l.Close() })
	account := access.Account{Name: "main", ID: "492000000148", Partition: "aws", Regions: []string{"us-east-1"}}
	want := &access.State{Accounts: []access.Account{account}}
	for i := range clusters {
		k := access.ClusterKey{Account: account.ID, Region: "us-east-1", Name: fmt.Sprintf("c%02d", i)}
		w := access.WantCluster{Document: k.Name, Key: k}
		for j := range people {
			w.Entries = append(w.Entries, access.WantEntry{Type: access.Standard,
				Member: access.Member{Kind: access.UserMember, Partition: "aws", Account: account.ID, Name: fmt.Sprintf("p%02d", j)}})
		}
		want.Clusters = append(want.Clusters, w)
	}
	if _, err := l.Seed(b.Context(), want); err != nil {
		b.Fatal(err)
	}
	c, err := cloud.Open(b.Context(), want.Accounts, l.CloudOptions(cloud.Options{}))
	if err != nil {
		b.Fatal(err)
	}
	client := c.EKS(account.ID, "us-east-1")
	edit, _ := access.PolicyNamed("Edit")
	policy := edit.ARN("aws")
	var wg sync.WaitGroup
	for _, w := range want.Clusters {
		wg.Go(func() {
			for _, e := range w.Entries {
				principal := "arn:aws:iam::" + account.ID + ":user/" + e.Member.Name
				if _, err := client.CreateAccessEntry(b.Context(), &eks.CreateAccessEntryInput{ClusterName: &w.Key.Name, PrincipalArn: &principal}); err != nil {
					b.Error(err)
					return
				}
				if _, err := client.AssociateAccessPolicy(b.Context(), &eks.AssociateAccessPolicyInput{ClusterName: &w.Key.Name, PrincipalArn: &principal,
					PolicyArn: &policy, AccessScope: &types.AccessScope{Type: types.AccessScopeTypeNamespace, Namespaces: []string{"*backend*", "*ops*"}}}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return c, account
}
