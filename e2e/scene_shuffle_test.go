//go:build e2e

package e2e

import (
	"bytes"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/internal/desired"
	"github.com/atlas-iam/atlas-iam/internal/documents"
	"github.com/atlas-iam/atlas-iam/internal/plan"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"
)

// Equal inputs, equal plan: the order of files on the command line, the size of
// AWS's pages, the order of maps and of answers change no byte of it.
func TestAHundredShufflesGiveOnePlan(t *testing.T) {
	const shuffles, seed = 100, 20261122
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	w := everyKindOfChange(t)
	files := yamlFiles(t, w.dir)

	pages := []int{0, 1, 2, 3, 7, 50}
	worlds := make([]*virtual, len(pages))
	for i, n := range pages {
		worlds[i] = newVirtual(t, emulator.Options{File: copied(t, w.file), PageLimit: n})
		worlds[i].onCall(func(c *call.Call) *emulator.Fault {
			if c.Operation == "ListAccessEntries" && c.Account == production && c.Region == us {
				return &emulator.Fault{Kind: emulator.FaultDeny}
			}
			return nil
		})
	}
	var first []byte
	orders, sizes := map[string]bool{}, map[int]int{}
	for range shuffles {
		random.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
		at := random.IntN(len(pages))
		orders[strings.Join(files, "\n")] = true
		sizes[pages[at]]++

		p := worlds[at].plan(loaded(t, files), plan.Options{})
		b, err := plan.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b
			hasEveryKind(t, p)
		}
		if !bytes.Equal(first, b) {
			t.Fatalf("seed %d, pages of %d, files %v: another plan\n%s\nthe first\n%s", seed, pages[at], files, b, first)
		}
	}
	if len(orders) < 90 || len(sizes) != len(pages) {
		t.Errorf("seed %d: a poor mix: %d orders of files, pages %v", seed, len(orders), sizes)
	}
}

// everyKindOfChange is the large example, applied, and then edited and
// disturbed so that its plan has all that a plan can have.
func everyKindOfChange(t *testing.T) *world {
	t.Helper()
	w := appliedLarge(t)(t)
	w.makeCluster(government, "us-gov-west-1", "legacy", types.AuthenticationModeConfigMap)
	w.write("clusters/legacy.yaml", `apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: legacy, labels: {stage: old}}
spec: {clusterName: legacy, account: government, region: us-gov-west-1, authenticationMode: API_AND_CONFIG_MAP}
`)
	w.edit("clusters/production.yaml", "authenticationMode: API_AND_CONFIG_MAP", "authenticationMode: API")
	w.edit("teams/search.yaml", searchMembers, `    - {user: people/katya, account: staging, username: katya}
    - {user: people/mei, account: staging}
    - {user: people/lena, account: staging}
    - {user: people/mona, account: staging}
`)
	w.edit("teams/search.yaml", `["search", "search-*"]`, `["search", "search-*", "*index*"]`)
	w.edit("teams/checkout.yaml", "    - {policy: View, namespaces: [\"payments\"]}\n", "")
	w.edit("teams/payments.yaml", "{group: payments-debug,", "{group: payments-oncall,")
	w.edit("teams/partners.yaml", "region: eu}", "region: ap}")
	w.edit("teams/qa.yaml", `["payments-*", "checkout-*", "search-*"]`, `["*"]`)
	w.clock.pass(2 * time.Minute)
	w.deleteRole(staging, "preview")
	w.makeRole(staging, "/github-actions/", "preview")
	w.seeded()
	w.makeEntry(staging, us, "apps-staging-us", "user/people/lena", nil, "", "AmazonEKSClusterAdminPolicy")
	w.makeEntry(staging, us, "apps-staging-us", "user/people/mona", nil, "")
	w.associate(staging, us, "apps-staging-us", "user/people/mona", "AmazonEKSEditPolicy", "search", "search-*", "*index*")
	w.stop()
	return w
}

// hasEveryKind fails unless a plan has all kinds and verbs, held and not,
// foreign objects wanted and not, gaps, warnings and facts.
func hasEveryKind(t *testing.T, p *plan.Plan) {
	t.Helper()
	has := map[string]bool{}
	for i := range p.Changes {
		c := &p.Changes[i]
		has[string(c.Verb)+" "+string(c.Kind)] = true
		if len(c.Held) > 0 {
			has["held"] = true
		}
		if len(c.DependsOn) > 0 {
			has["depends"] = true
		}
	}
	for _, f := range p.Foreign {
		has["foreign"] = true
		if f.Adoptable {
			has["adoptable"] = true
		} else if f.Wanted {
			has["foreign and wanted"] = true
		}
	}
	for name, there := range map[string]bool{"gap": len(p.Gaps) > 0, "warning": len(p.Warnings) > 0, "fact": len(p.Facts) > 0} {
		has[name] = there
	}
	for _, want := range []string{
		"update AuthenticationMode", "create AccessEntry", "update AccessEntry", "replace AccessEntry", "delete AccessEntry",
		"create PolicyAssociation", "update PolicyAssociation", "delete PolicyAssociation",
		"held", "depends", "foreign", "adoptable", "foreign and wanted", "gap", "warning", "fact",
	} {
		if !has[want] {
			t.Errorf("the plan has no %s", want)
		}
	}
}

func loaded(t *testing.T, files []string) *access.State {
	t.Helper()
	set, err := documents.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	want, err := desired.Compile(set)
	if err != nil {
		t.Fatal(err)
	}
	if len(want.Partial) > 0 {
		t.Fatalf("not read: %v", want.Partial)
	}
	return want
}

func yamlFiles(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".yaml" {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	return files
}

func copied(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "lab.db")
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}
