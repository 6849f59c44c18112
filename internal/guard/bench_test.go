package guard

import (
	"fmt"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

// BenchmarkAllOnAFleet plans and judges what is all to be made: 20 clusters
// with 50 people each, 1,000 entries and 2,000 associations, and ten times as
// many clusters.
func BenchmarkAllOnAFleet(b *testing.B) {
	for _, clusters := range []int{20, 200} {
		b.Run(fmt.Sprintf("entries=%d", clusters*50), func(b *testing.B) {
			w := newWorld()
			for i := range clusters {
				k := access.ClusterKey{Account: home, Region: "eu-west-1", Name: fmt.Sprintf("c%03d", i)}
				w.cluster(k)
				for j, who := range people(50) {
					if i == 0 {
						w.principals(monday, who)
					}
					w.wants(k, "t", who, fmt.Sprintf("Edit:*a%d* View:*ops*", j))
				}
			}
			for b.Loop() {
				if p := w.plan(); len(p.Changes) != clusters*150 {
					b.Fatalf("%d changes", len(p.Changes))
				}
			}
		})
	}
}
