//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/internal/cli"
)

// everyAllow is what a user in a hurry would give: nothing of it may delete
// what was not read.
var everyAllow = []string{"--max-deletes", "99", "--allow",
	"caller,delete-all,last-admin,mass-deletion,mode-api,node-role,partial-input,privilege,protected,recreated-principal,system-namespaces,username-taken,widening"}

// somebodyLeavesEverywhere takes a person out of every account and Region: what
// of it is deleted tells what a run could see.
func somebodyLeavesEverywhere(w *world) {
	w.edit("teams/search.yaml", "    - {user: people/liam, account: staging}\n", "")
	w.edit("teams/support.yaml", "    - {user: people/viktor, account: production}\n", "")
	w.edit("teams/government.yaml", "    - {user: yolanda}\n", "")
}

const (
	leftStagingEU    = "DeleteAccessEntry apps-staging-eu staging:user/people/liam\n"
	leftStagingUS    = "DeleteAccessEntry apps-staging-us staging:user/people/liam\n"
	leftProductionEU = "DeleteAccessEntry apps-production-eu production:user/people/viktor\n"
	leftProductionUS = "DeleteAccessEntry apps-production-us production:user/people/viktor\n"
	leftGovernment   = "DeleteAccessEntry apps-gov government:user/yolanda\n"
)

// What could not be read is not absent: nothing there is deleted with any
// flag, the rest goes on, and once it can be read the same command deletes
// exactly what was left.
//
// shows: item {S9,S39}
func TestNothingUnreadIsDeleted(t *testing.T) {
	applied := appliedLarge(t)
	ours := func(c *call.Call) bool { return strings.Contains(c.Caller.ARN, ":assumed-role/atlas-iam/") }
	for _, c := range []struct {
		name        string
		denied      func(*call.Call) bool
		says        string
		first, then string
	}{
		{"a cluster's entries cannot be listed",
			func(c *call.Call) bool {
				return ours(c) && c.Operation == "ListAccessEntries" && c.Region == us && c.Account == staging
			},
			"the access entries of cluster apps-staging-us could not be read",
			leftStagingEU + leftProductionEU + leftProductionUS + leftGovernment, leftStagingUS},
		{"the clusters of a Region cannot be described",
			func(c *call.Call) bool { return ours(c) && c.Operation == "DescribeCluster" && c.Region == us },
			"cluster apps-production-us could not be read",
			leftStagingEU + leftProductionEU + leftGovernment, leftStagingUS + leftProductionUS},
		{"the clusters of a Region cannot be listed",
			func(c *call.Call) bool { return ours(c) && c.Operation == "ListClusters" && c.Region == eu },
			"the clusters of account 210000000001 in eu-central-1 could not be read",
			leftStagingUS + leftProductionUS + leftGovernment, leftStagingEU + leftProductionEU},
		{"the entries of an account cannot be described",
			func(c *call.Call) bool {
				return ours(c) && c.Operation == "DescribeAccessEntry" && c.Account == production
			},
			"the access entry of arn:aws:iam::210000000002:user/people/wanda on cluster apps-production-eu could not be read",
			leftStagingEU + leftStagingUS + leftGovernment, leftProductionEU + leftProductionUS},
		{"an account's role cannot be assumed",
			func(c *call.Call) bool { return c.Operation == "AssumeRole" && c.Account == production },
			"account 210000000002 could not be read",
			leftStagingEU + leftStagingUS + leftGovernment, leftProductionEU + leftProductionUS},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := applied(t)
			somebodyLeavesEverywhere(w)
			w.denied(c.denied)
			r := w.run("apply", "--yes", ".").ends(t, cli.Held).says(t, c.says, "half-read")
			sameWrites(t, w.writes(r), c.first)
			r = w.run(append([]string{"apply", "--yes", "."}, everyAllow...)...).ends(t, cli.Held)
			sameWrites(t, w.writes(r), "")
			w.failing(nil)
			r = w.run("apply", "--yes", ".").ends(t, cli.OK)
			sameWrites(t, w.writes(r), c.then)
			w.nothingToDo()
		})
	}
}

// A few files on the command line are no wish to delete what the others want.
func TestFilesGivenOneByOneDeleteNothing(t *testing.T) {
	w := appliedLarge(t)(t)
	w.edit("teams/search.yaml", "    - {user: people/liam, account: staging}\n", "    - {user: people/lena, account: staging}\n")

	// One file alone: it names no cluster, so it wants nothing.
	r := w.run("apply", "--yes", "--max-deletes", "99", "./teams/search.yaml").ends(t, cli.Held).says(t, "partial-input", "delete-all")
	sameWrites(t, w.writes(r), "")
	// With its clusters: who came gets access, who left keeps it.
	r = w.run("apply", "--yes", "--max-deletes", "99", "./environment.yaml", "./clusters", "./teams/search.yaml").ends(t, cli.Held).says(t, "partial-input")
	sameWrites(t, w.writes(r), `
		CreateAccessEntry (apps-staging-eu|apps-staging-us) staging:user/people/lena
		AssociateAccessPolicy (apps-staging-eu|apps-staging-us) staging:user/people/lena Edit search,search-*`)

	r = w.run("apply", "--yes", ".").ends(t, cli.OK)
	sameWrites(t, w.writes(r), leftStagingEU+leftStagingUS)
	w.nothingToDo()
}

// An environment's name is half of what makes objects ours.
func TestARenamedEnvironmentDeletesNothing(t *testing.T) {
	w := appliedLarge(t)(t)
	somebodyLeavesEverywhere(w)
	w.edit("environment.yaml", "  name: platform\n", "  name: platform-2\n")
	for _, flags := range [][]string{nil, everyAllow} {
		r := w.run(append([]string{"apply", "--yes", "."}, flags...)...).ends(t, cli.OK).says(t, "claimed by somebody else", "environment platform: release it there", "No changes.")
		sameWrites(t, w.writes(r), "")
		r = w.run(append([]string{"destroy", "--yes", "."}, flags...)...).ends(t, cli.OK)
		sameWrites(t, w.writes(r), "")
	}
	// They are not taken over unasked either.
	r := w.run("adopt", "--yes", ".").ends(t, cli.Held).says(t, "adopt-narrows", "belongs to environment platform")
	sameWrites(t, w.writes(r), "")

	w.edit("environment.yaml", "  name: platform-2\n", "  name: platform\n")
	r = w.run("apply", "--yes", ".").ends(t, cli.OK)
	sameWrites(t, w.writes(r), leftStagingEU+leftStagingUS+leftProductionEU+leftProductionUS+leftGovernment)
	w.nothingToDo()
}

// The Environment alone is left: a checkout that failed looks like that.
func TestAnEmptyFolderDeletesNothing(t *testing.T) {
	w := appliedLarge(t)(t)
	somebodyLeavesEverywhere(w)
	away := filepath.Join(t.TempDir(), "away")
	for _, folder := range []string{"teams", "clusters"} {
		w.move(folder, filepath.Join(away, folder))
	}
	r := w.run("apply", "--yes", ".").ends(t, cli.Held).says(t, "delete-all: would delete everything")
	sameWrites(t, w.writes(r), "")
	r = w.run("apply", "--yes", "--max-deletes", "99", "--allow", "last-admin,node-role", ".").ends(t, cli.Held).says(t, "delete-all")
	sameWrites(t, w.writes(r), "")

	for _, folder := range []string{"teams", "clusters"} {
		w.moveBack(filepath.Join(away, folder), folder)
	}
	r = w.run("apply", "--yes", ".").ends(t, cli.OK)
	sameWrites(t, w.writes(r), leftStagingEU+leftStagingUS+leftProductionEU+leftProductionUS+leftGovernment)
	w.nothingToDo()
}

// A large team without members: what narrows is done, the deletes are more
// than anybody means by an edit.
func TestAnEmptiedTeamIsHeldUntilItIsMeant(t *testing.T) {
	w := appliedLarge(t)(t)
	w.edit("teams/payments.yaml", `    - {permissionSet: Payments}
    - {user: people/daniel, account: staging}
    - {user: people/elif, account: staging}
    - {user: people/farid, account: staging}
    - {user: people/greta, account: staging}
`, "")
	w.edit("teams/payments.yaml", "  members:\n", "  members: []\n")
	r := w.run("apply", "--yes", ".").ends(t, cli.Held).says(t, "mass-deletion: one of 14 deletes")
	sameWrites(t, w.writes(r), `
		UpdateAccessEntry apps-staging-eu staging:user/people/elif in none
		AssociateAccessPolicy apps-staging-eu staging:user/people/elif Edit *-cart,checkout-*
		AssociateAccessPolicy apps-staging-eu staging:user/people/elif View payments
		AssociateAccessPolicy sandbox staging:user/people/daniel Edit *`)
	r = w.run("apply", "--yes", "--max-deletes", "13", ".").ends(t, cli.Held)
	sameWrites(t, w.writes(r), "")
	r = w.run("apply", "--yes", "--max-deletes", "14", ".").ends(t, cli.OK)
	sameWrites(t, w.writes(r), `
		DisassociateAccessPolicy sandbox staging:user/people/daniel View
		DeleteAccessEntry apps-staging-eu staging:permissionSet/Payments
		DeleteAccessEntry apps-staging-eu staging:user/people/(daniel|farid|greta)
		DeleteAccessEntry sandbox staging:permissionSet/Payments
		DeleteAccessEntry sandbox staging:user/people/(elif|farid|greta)
		DeleteAccessEntry apps-production-eu production:permissionSet/Payments
		DeleteAccessEntry apps-production-eu staging:user/people/(daniel|elif|farid|greta)`)
	w.nothingToDo()
}

// A selector that matches no cluster is pointed out; where it would empty a
// cluster or the whole environment, the deletes are held.
func TestASelectorThatMatchesNothing(t *testing.T) {
	w := appliedLarge(t)(t)
	w.edit("teams/platform.yaml", "  clusters: {all: true}\n", "  clusters: {matchLabels: {stage: prod}}\n")
	r := w.run("apply", "--yes", ".").ends(t, cli.Held).says(t, "team platform selects no cluster", "delete-all")
	sameWrites(t, w.writes(r), ``)
	// That it is meant can be said. In staging people with keys of their own
	// remain administrators.
	r = w.run("apply", "--yes", "--allow", "delete-all", ".").ends(t, cli.Held).says(t, "last-admin")
	sameWrites(t, w.writes(r), `
		DeleteAccessEntry (apps-staging-eu|apps-staging-us) staging:permissionSet/PlatformAdmin`)
	w.edit("teams/platform.yaml", "  clusters: {matchLabels: {stage: prod}}\n", "  clusters: {all: true}\n")
	r = w.run("apply", "--yes", ".").ends(t, cli.OK)
	sameWrites(t, w.writes(r), `
		CreateAccessEntry (apps-staging-eu|apps-staging-us) staging:permissionSet/PlatformAdmin
		AssociateAccessPolicy (apps-staging-eu|apps-staging-us) staging:permissionSet/PlatformAdmin ClusterAdmin cluster`)
	w.nothingToDo()
}
