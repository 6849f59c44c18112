package guard

import (
	"fmt"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// BenchmarkAllOnAFleet judges the first plan of 20 clusters with 50 people
// each: 1,000 entries, 2,000 associations, all to be made.
func BenchmarkAllOnAFleet(b *testing.B) {
	w := newWorld()
	for i := range 20 {
		k := access.ClusterKey{Account: home, Region: "eu-west-1", Name: fmt.Sprintf("c%02d", i)}
		w.cluster(k)
		for j, who := range people(50) {
			if i == 0 {
				w.principals(monday, who)
			}
			w.wants(k, "t", who, fmt.Sprintf("Edit:*a%d* View:*ops*", j))
		}
	}
	for b.Loop() {
		if p := w.plan(); len(p.Changes) != 3000 {
			b.Fatalf("%d changes", len(p.Changes))
		}
	}
	b.ReportMetric(float64(len(plan.Compute(w.want, w.have, w.options).Changes)), "changes")
}
