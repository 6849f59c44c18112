package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

// fleet is clusters x 50 people: 20 make 1,000 entries, 2,000 associations.
func fleet(clusters int) (*access.State, *access.Snapshot, *access.Snapshot) {
	want, empty, full := wants(), sees(), sees()
	for i := range 50 {
		name := fmt.Sprintf("user/p%02d", i)
		for _, s := range []*access.Snapshot{empty, full} {
			s.Accounts[0].Users = append(s.Accounts[0].Users, access.Principal{ARN: arn(name), CreatedAt: morning})
		}
	}
	for _, s := range []*access.Snapshot{empty, full} {
		slices.SortFunc(s.Accounts[0].Users, func(a, b access.Principal) int { return strings.Compare(a.ARN, b.ARN) })
	}
	for i := range clusters {
		k := access.ClusterKey{Account: home, Region: "eu-west-1", Name: fmt.Sprintf("c%03d", i)}
		w, h := wantCluster(k), haveCluster(k)
		for j := range 50 {
			name := fmt.Sprintf("user/p%02d", j)
			w.Entries = append(w.Entries, wantEntry(name, "Edit:a*,b View:cluster group:g"))
			h.Entries = append(h.Entries, haveEntry(name, "Edit:a*,b View:cluster group:g"))
		}
		want.Clusters = append(want.Clusters, w)
		empty.Clusters, full.Clusters = append(empty.Clusters, haveCluster(k)), append(full.Clusters, h)
	}
	return want, empty, full
}

// BenchmarkComputeOfAFleet plans 1,000 entries and ten times as many.
func BenchmarkComputeOfAFleet(b *testing.B) {
	for _, what := range []string{"everything is new", "nothing to do"} {
		for _, clusters := range []int{20, 200} {
			b.Run(fmt.Sprintf("%s/entries=%d", what, clusters*50), func(b *testing.B) {
				want, have, full := fleet(clusters)
				changes := clusters * 50 * 3 // an entry and its two associations
				if what == "nothing to do" {
					have, changes = full, 0
				}
				b.ReportAllocs()
				for b.Loop() {
					if p := Compute(want, have, Options{}); len(p.Changes) != changes {
						b.Fatalf("%d changes, want %d", len(p.Changes), changes)
					}
				}
			})
		}
	}
}
