package documents

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// large writes an Environment of 50 clusters and of teams with 20 members each
// into a folder, a file for each team.
func large(b *testing.B, teams int) string {
	dir := b.TempDir()
	files := map[string]string{"environment.yaml": soundEnvironment}
	var clusters strings.Builder
	for i := range 50 {
		fmt.Fprintf(&clusters, "---\napiVersion: atlas-iam.dev/v1alpha1\nkind: Cluster\nmetadata: {name: c%02d, labels: {stage: s%d}}\nspec: {}\n", i, i%4)
	}
	files["clusters.yaml"] = clusters.String()
	for i := range teams {
		var t strings.Builder
		fmt.Fprintf(&t, "apiVersion: atlas-iam.dev/v1alpha1\nkind: Team\nmetadata: {name: team-%d}\nspec:\n  members:\n", i)
		for j := range 20 {
			fmt.Fprintf(&t, "    - {user: person-%d-%d}\n", i, j)
		}
		fmt.Fprintf(&t, "  clusters: {matchLabels: {stage: s%d}}\n  grants:\n    - {policy: Edit, namespaces: [\"*team%d*\", \"shared-%d-*\"]}\n    - {policy: View, namespaces: [\"*ops*\"]}\n", i%4, i, i)
		files[fmt.Sprintf("team-%d.yaml", i)] = t.String()
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

// BenchmarkLoad reads a large folder: 200 teams, 4,000 people; and a tenth.
func BenchmarkLoad(b *testing.B) {
	for _, teams := range []int{20, 200} {
		b.Run(fmt.Sprintf("teams=%d", teams), func(b *testing.B) {
			dir := large(b, teams)
			b.ReportAllocs()
			for b.Loop() {
				set, err := Load([]string{dir})
				if err != nil {
					b.Fatal(err)
				}
				if len(set.Teams) != teams || len(set.Clusters) != 50 {
					b.Fatalf("read %d teams, %d clusters", len(set.Teams), len(set.Clusters))
				}
			}
		})
	}
}
