//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/internal/cli"
)

// afterPlan does something as somebody else when the plan is made, before apply
// reads the first entry again. The plan describes each entry once; whatever our
// roles ask after that waits until it is done.
func (w *world) afterPlan(do func()) {
	planned := int64(len(w.entries(func(map[string]string) bool { return true })))
	var described atomic.Int64
	var once sync.Once
	w.failing(func(c *call.Call) *emulator.Fault {
		if strings.Contains(c.Caller.ARN, ":assumed-role/atlas-iam/") && c.Operation == "DescribeAccessEntry" && described.Add(1) > planned {
			once.Do(do)
		}
		return nil
	})
}

const (
	lenaComes = `
		CreateAccessEntry apps-staging-us staging:user/people/lena
		AssociateAccessPolicy apps-staging-us staging:user/people/lena Edit search,search-*`
	searchLeavesEU = `
		DeleteAccessEntry apps-staging-eu staging:user/people/(katya|liam|mei)
		DeleteAccessEntry apps-staging-us staging:user/people/liam`
)

// searchMoves is lenaComes and searchLeavesEU as an edit.
func searchMoves(w *world) {
	w.edit("teams/search.yaml", searchMembers, `    - {user: people/katya, account: staging}
    - {user: people/lena, account: staging}
    - {user: people/mei, account: staging}
`)
	w.edit("teams/search.yaml", `clusters: {matchLabels: {stage: staging}}`, `clusters: {names: [staging-us]}`)
}

// Somebody changes an entry after the plan: that change fails, the others are
// made, what they did is not undone unseen, and a second run plans it anew.
//
// shows: item {S17,S39}
func TestAForeignChangeBetweenPlanAndApplyFailsThatChangeAlone(t *testing.T) {
	applied := appliedLarge(t)
	touch := func(w *world) {
		w.associate(staging, eu, "apps-staging-eu", "user/people/mei", "AmazonEKSViewPolicy", "payments")
	}
	const butMei = `
		CreateAccessEntry apps-staging-us staging:user/people/lena
		AssociateAccessPolicy apps-staging-us staging:user/people/lena Edit search,search-*
		DeleteAccessEntry apps-staging-eu staging:user/people/(katya|liam)
		DeleteAccessEntry apps-staging-us staging:user/people/liam`
	const meiLeaves = `DeleteAccessEntry apps-staging-eu staging:user/people/mei`

	t.Run("live", func(t *testing.T) {
		w := applied(t)
		searchMoves(w)
		w.afterPlan(func() { touch(w) })
		r := w.run("apply", "--yes", ".").ends(t, cli.Failed).says(t, "user/people/mei")
		sameWrites(t, without(w.writes(r), "AssociateAccessPolicy apps-staging-eu staging:user/people/mei View payments"), butMei)
		w.failing(nil)
		r = w.run("apply", "--yes", ".").ends(t, cli.OK)
		sameWrites(t, w.writes(r), meiLeaves)
		w.nothingToDo()
	})
	t.Run("saved", func(t *testing.T) {
		w := applied(t)
		searchMoves(w)
		saved := filepath.Join(t.TempDir(), "plan.json")
		w.run("plan", "--out", saved, ".").ends(t, cli.OK)
		t.Chdir(w.dir) // where the external ids are, which plans do not keep
		touch(w)
		r := w.run("apply", "--yes", "--plan", saved).ends(t, cli.Failed).says(t, "user/people/mei")
		sameWrites(t, w.writes(r), butMei)
		r = w.run("apply", "--yes", ".").ends(t, cli.OK)
		sameWrites(t, w.writes(r), meiLeaves)
		w.nothingToDo()
	})
	t.Run("saved, and nothing moved", func(t *testing.T) {
		w := applied(t)
		searchMoves(w)
		saved := filepath.Join(t.TempDir(), "plan.json")
		w.run("plan", "--out", saved, ".").ends(t, cli.OK)
		t.Chdir(w.dir) // where the external ids are, which plans do not keep
		r := w.run("apply", "--yes", "--plan", saved).ends(t, cli.OK)
		sameWrites(t, w.writes(r), lenaComes+searchLeavesEU)
		w.nothingToDo()
	})
	// What a guard relied on moved: the plan is refused whole.
	t.Run("saved, and an administrator went", func(t *testing.T) {
		w := applied(t)
		w.edit("teams/platform.yaml", "    - {user: people/chiara, username: chiara}\n", "")
		saved := filepath.Join(t.TempDir(), "plan.json")
		w.run("plan", "--out", saved, ".").ends(t, cli.OK)
		t.Chdir(w.dir) // where the external ids are, which plans do not keep
		w.deleteEntry(staging, eu, "apps-staging-eu", "user/people/amara")
		r := w.run("apply", "--yes", "--plan", saved).ends(t, cli.Usage).says(t, "plan again")
		sameWrites(t, w.writes(r), "")
		r = w.run("apply", "--yes", ".").ends(t, cli.OK)
		sameWrites(t, w.writes(r), `
			CreateAccessEntry apps-staging-eu staging:user/people/amara as amara
			AssociateAccessPolicy apps-staging-eu staging:user/people/amara ClusterAdmin cluster
			---
			DeleteAccessEntry (apps-staging-eu|apps-staging-us) staging:user/people/chiara`)
		w.nothingToDo()
	})
}

// without takes one line out, which must be there: it is what somebody else
// wrote meanwhile.
func without(lines []string, line string) []string {
	var left []string
	for i, l := range lines {
		if l == line {
			return append(left, lines[i+1:]...)
		}
		left = append(left, l)
	}
	return append(left, "missing: "+line)
}
