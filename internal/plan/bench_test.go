package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

// fleet is 20 clusters x 50 people: 1,000 entries, 2,000 associations.
func fleet() (*access.State, *access.Snapshot, *access.Snapshot) {
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
	for i := range 20 {
		k := access.ClusterKey{Account: home, Region: "eu-west-1", Name: fmt.Sprintf("c%02d", i)}
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

func BenchmarkComputeOfAFleet(b *testing.B) {
	want, empty, full := fleet()
	for name, have := range map[string]*access.Snapshot{"everything is new": empty, "nothing to do": full} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Compute(want, have, Options{})
			}
			b.ReportMetric(float64(len(Compute(want, have, Options{}).Changes)), "changes")
		})
	}
}
