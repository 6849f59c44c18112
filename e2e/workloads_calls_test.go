//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/internal/cli"
)

// 500 workloads on 20 clusters that are as wanted plan nothing, and every call
// of the whole command counts: at most 1.05 for each role, policy and
// association, beside the pages of lists and what is asked once a cluster or an
// account.
//
// shows: item S182
func TestAPlanOfFiveHundredWorkloadsCostsACallForEachOfTheirObjects(t *testing.T) {
	const clusters, workloads = 20, 500
	w := newWorld(t, "", "", workAccounts()...)
	w.write("environment.yaml", strings.SplitAfter(workEnvironment, "---\n")[0])
	for i := range clusters {
		w.write(fmt.Sprintf("c%02d.yaml", i), fmt.Sprintf("apiVersion: atlas-iam.dev/v1alpha1\nkind: Cluster\nmetadata: {name: c%02d}\nspec: {}\n", i))
	}
	for i := range workloads {
		name := fmt.Sprintf("w%03d", i)
		text := documentOf(name, "{namespace: ops, name: "+name+"}", "PodIdentity", `name: `+name+`, statements: [{actions: ["s3:GetObject"], resources: ["arn:aws:s3:::`+name+`/*"]}]`)
		w.write(name+".yaml", strings.Replace(text, "{all: true}", fmt.Sprintf("{names: [c%02d]}", i%clusters), 1))
	}
	w.run("apply", "-q", "--yes", ".").ends(t, cli.OK)
	var mu sync.Mutex
	calls := map[string]int{}
	w.failing(func(c *call.Call) *emulator.Fault {
		mu.Lock()
		defer mu.Unlock()
		calls[c.Service+":"+c.Operation]++
		return nil
	})
	r := w.run("plan", ".").ends(t, cli.OK)
	w.failing(nil)
	if !strings.HasPrefix(r.out, "No changes.") || !strings.Contains(r.out, "500 Pod Identity associations") {
		t.Errorf("a second plan:\n%s", r.out)
	}
	all := 0
	for _, n := range calls {
		all += n
	}
	// Of an account: who calls, its clusters, providers, and roles by the
	// hundred, listed and whole. Of a cluster: itself, its entries, its
	// associations by the hundred, its agent; and once more for what is ours on it.
	const objects, once = 3 * workloads, 3 + 2*6 + clusters*5
	t.Logf("%d calls for %d objects: %v", all, objects, calls)
	if float64(all) > 1.05*objects+once {
		t.Errorf("%d calls, want at most 1.05 a role, policy and association, and %d pages: %v", all, once, calls)
	}
	if calls["eks:DescribePodIdentityAssociation"] != workloads || calls["eks:ListPodIdentityAssociations"] < clusters {
		t.Errorf("the calls are not seen: %v", calls)
	}
}
