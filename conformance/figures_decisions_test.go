//go:build bench

package conformance

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// benchmarkLine is one line of `go test -bench`: a name, how often, and values
// with their units.
var benchmarkLine = regexp.MustCompile(`(?m)^(Benchmark\S+?)(?:-\d+)?\s+\d+\t(.*)$`)

// benchmarks runs a package's Go benchmarks and gives their values by name and
// unit.
func benchmarks(t *testing.T, folder, which string) map[string]map[string]float64 {
	t.Helper()
	out := measure(t, folder, clean(t), 0, "go", "test", "-run", "^$", "-bench", which, "-benchmem", ".").stdout
	values := map[string]map[string]float64{}
	for _, m := range benchmarkLine.FindAllStringSubmatch(out, -1) {
		values[m[1]] = map[string]float64{}
		for _, v := range strings.Split(m[2], "\t") {
			if fields := strings.Fields(v); len(fields) == 2 {
				values[m[1]][fields[1]], _ = strconv.ParseFloat(fields[0], 64)
			}
		}
	}
	return values
}

// decisions measures single decisions, ours and Kubernetes' own authorizer's
// from the same bindings in the same run, and who-can.
func (f *figures) decisions(t *testing.T) {
	found := benchmarks(t, "../kubelab/oracle", "BenchmarkDecide")
	for _, n := range []int{100, 1000, 10000} {
		of := func(whose, unit string) float64 {
			v, ok := found[fmt.Sprintf("BenchmarkDecide/bindings=%d/%s", n, whose)][unit]
			if !ok {
				t.Fatalf("no %s of %s at %d bindings in %v", unit, whose, n, found)
			}
			return v
		}
		const per = "median-ns/question"
		ours, allocs := of("ours", per), of("ours", "allocs/op")
		f.add(t, fmt.Sprintf("Decide at %d ClusterRoleBindings", n),
			fmt.Sprintf("%.0f ns median, %.0f allocations; Kubernetes' authorizer %.1f us: %.0f times; denied alone %.0f ns against %.1f us",
				ours, allocs, of("upstream", per)/1000, of("upstream", per)/ours, of("ours,_denied", per), of("upstream,_denied", per)/1000),
			"at most 500 ns, no allocation", ours <= 500 && allocs == 0)
	}
	found = benchmarks(t, "../authz", "BenchmarkWhoCan")
	of := func(name string) float64 {
		v, ok := found["BenchmarkWhoCan/"+name]["ns/op"]
		if !ok {
			t.Fatalf("no %s in %v", name, found)
		}
		return v / 1e6
	}
	one := of("bindings=10000")
	f.add(t, "who-can at 10,000 bindings, one subject matching", fmt.Sprintf("%.2f ms", one), "at most 1 ms", one <= 1)
	some, all := of("clusters=200/people=500"), of("clusters=200/people=500/all")
	f.add(t, "who-can over 200 clusters x 500 people, compiled", fmt.Sprintf("%.0f ms where 20 hold it, %.0f ms where all do", some, all), "at most 100 ms", max(some, all) <= 100)
}
