package desired

import (
	"fmt"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/internal/documents"
)

// BenchmarkCompile makes the entries of teams of 20 people, each on a quarter
// of the clusters: 20 teams on 10 clusters, then ten times the teams, then
// ten times the clusters.
func BenchmarkCompile(b *testing.B) {
	for _, c := range []struct {
		clusters int
		teams    []int
	}{{8, []int{20, 200}}, {80, []int{20, 200}}} {
		for _, teams := range c.teams {
			b.Run(fmt.Sprintf("clusters of %d/teams=%d", c.clusters, teams), func(b *testing.B) {
				set := many(b, teams, c.clusters)
				b.ReportAllocs()
				for b.Loop() {
					state, err := Compile(set)
					if err != nil {
						b.Fatal(err)
					}
					entries := 0
					for i := range state.Clusters {
						entries += len(state.Clusters[i].Entries)
					}
					if want := teams * 20 * c.clusters / 4; entries != want {
						b.Fatalf("%d entries, want %d", entries, want)
					}
				}
			})
		}
	}
}

func many(b *testing.B, teams, clusters int) *documents.Set {
	docs := []string{environment}
	for i := range clusters {
		docs = append(docs, fmt.Sprintf("kind: Cluster\nmetadata: {name: c%d, labels: {stage: s%d}}\nspec: {account: main}\n", i, i%4))
	}
	for i := range teams {
		var members []string
		for j := range 20 {
			members = append(members, fmt.Sprintf("{user: p-%d-%d}", i, j))
		}
		docs = append(docs, team(fmt.Sprintf("t%d", i), strings.Join(members, ", "), fmt.Sprintf("matchLabels: {stage: s%d}", i%4),
			fmt.Sprintf(`{policy: Edit, namespaces: ["*t%d*"]}, {policy: View, namespaces: ["*ops*"]}`, i)))
	}
	set, err := tryParse(docs...)
	if err != nil {
		b.Fatal(err)
	}
	return set
}
