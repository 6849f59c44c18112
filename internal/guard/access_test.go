package guard

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// judgedCase is one story and what becomes of each change of its plan, in any
// order: verb, change, !guards that hold it, ?guards that point at it.
type judgedCase struct {
	world *world
	want  []string
}

func runJudged(t *testing.T, cases map[string]judgedCase) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := judged(c.world.plan())
			slices.Sort(got)
			slices.Sort(c.want)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

// manned is a world whose cluster has an administrator that nobody touches and
// an entry of ours that stays.
func manned() *world {
	return newWorld().theirs(test, "role/ops/break-glass", "ClusterAdmin:cluster").
		ours(test, "user/dan", "View:x").wants(test, "base", "user/dan", "View:x")
}

// refusals.md row 19.
func TestTheCallerKeepsItsAccess(t *testing.T) {
	runJudged(t, map[string]judgedCase{
		"its entry goes": {manned().ours(test, "role/runner", "Edit:a"),
			[]string{"delete entry/test/role/runner !caller"}},
		"its policy goes": {manned().ours(test, "role/runner", "Edit:a View:b").wants(test, "ops", "role/runner", "View:b"),
			[]string{"delete association/test/role/runner/Edit !caller"}},
		"its scope narrows": {manned().ours(test, "role/runner", "Edit:a,b").wants(test, "ops", "role/runner", "Edit:a"),
			[]string{"update association/test/role/runner/Edit !caller"}},
		"its scope is swapped": {manned().ours(test, "role/runner", "Edit:a").wants(test, "ops", "role/runner", "Edit:b"),
			[]string{"update association/test/role/runner/Edit !caller"}},
		"it loses a group": {manned().ours(test, "role/runner", "group:g group:h").wants(test, "ops", "role/runner", "group:g"),
			[]string{"update entry/test/role/runner !caller"}},
		"it is renamed": {manned().ours(test, "role/runner", "group:g").wants(test, "ops", "role/runner", "group:g username:other"),
			[]string{"update entry/test/role/runner !caller"}},
		"its role has a path that the session does not show, and the roles were not read": {
			manned().principals(monday, "role/ci/runner").ours(test, "role/ci/runner", "Edit:a,b").wants(test, "ops", "role/ci/runner", "Edit:a").
				change(func(w *world) {
					w.have.Accounts[0].RolesRead, w.have.Accounts[0].Roles = false, nil
				}),
			[]string{"update association/test/role/ci/runner/Edit !caller"}},
		"a foreign entry of its own that remove names": {manned().theirs(test, "role/runner", "Edit:a").removes(test, "role/runner"),
			[]string{"delete entry/test/role/runner !caller"}},
		"the user who assumes the run's role": {manned().ours(test, "user/ann", "Edit:a").change(func(w *world) {
			w.have.Accounts[0].Behind = "arn:aws:iam::" + home + ":user/ann"
		}), []string{"delete entry/test/user/ann !caller"}},
		"twin: another user, whoever assumes it": {manned().ours(test, "user/ann", "Edit:a").change(func(w *world) {
			w.have.Accounts[0].Behind = "arn:aws:iam::" + partner + ":user/ann"
		}), []string{"delete entry/test/user/ann"}},
		"allowed": {manned().ours(test, "role/runner", "Edit:a").allow("caller"),
			[]string{"delete entry/test/role/runner ?caller"}},

		"twin: another one's entry goes": {manned().ours(test, "user/ann", "Edit:a"),
			[]string{"delete entry/test/user/ann"}},
		"twin: it gains": {manned().ours(test, "role/runner", "Edit:a group:g").wants(test, "ops", "role/runner", "Edit:a,b View:c group:g group:h"),
			[]string{"create association/test/role/runner/View", "update entry/test/role/runner", "update association/test/role/runner/Edit"}},
		"twin: a pattern that takes in the old one": {manned().ours(test, "role/runner", "Edit:dev-a").wants(test, "ops", "role/runner", "Edit:dev-*"),
			[]string{"update association/test/role/runner/Edit"}},
		"twin: its entry is dead and gives it nothing": {manned().ours(test, "role/runner", "Edit:a").wants(test, "ops", "role/runner", "Edit:a").
			principals(friday, "role/runner").allow("recreated-principal"),
			[]string{"replace entry/test/role/runner ?recreated-principal", "create association/test/role/runner/Edit ?recreated-principal"}},
		"twin: a user of the same name": {manned().principals(monday, "user/runner").ours(test, "user/runner", "Edit:a"),
			[]string{"delete entry/test/user/runner"}},
	})
}

func TestWhoTheCallerIsIsAFactOfPlansThatTakeSomething(t *testing.T) {
	for name, c := range map[string]struct {
		world *world
		facts []plan.Fact
	}{
		"a plan that only gives rests on no caller": {manned().wants(test, "qa", "user/ann", "View:a"), nil},
		"a plan that takes": {manned().ours(test, "user/ann", "View:a"),
			[]plan.Fact{{Guard: "caller", Subject: home, Value: "role/runner of " + home}}},
		"a role that somebody assumes": {manned().ours(test, "user/ann", "View:a").change(func(w *world) {
			w.have.Accounts[0].Behind = "arn:aws:iam::" + partner + ":user/bob"
		}), []plan.Fact{{Guard: "caller", Subject: home, Value: "role/runner of " + home + ", assumed by user/bob of " + partner}}},
		"a root caller is unknown": {manned().ours(test, "user/ann", "View:a").change(func(w *world) {
			w.have.Accounts[0].Caller = "arn:aws:iam::" + home + ":root"
		}), []plan.Fact{{Guard: "caller", Subject: home, Value: "unknown"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.facts, c.world.plan().Facts); diff != "" {
				t.Errorf("facts (-want +got):\n%s", diff)
			}
		})
	}
}

// refusals.md row 20, as far as entries and principals tell.
func TestAnAdministratorRemains(t *testing.T) {
	const stranger = "arn:aws:iam::" + partner + ":role/admin"
	base := func() *world {
		return newWorld().ours(test, "user/dan", "View:x").wants(test, "base", "user/dan", "View:x")
	}
	runJudged(t, map[string]judgedCase{
		"the only one goes": {base().ours(test, "user/ann", "ClusterAdmin:cluster"),
			[]string{"delete entry/test/user/ann !last-admin"}},
		"both of two go": {base().ours(test, "user/ann", "ClusterAdmin:cluster").ours(test, "user/bob", "ClusterAdmin:cluster"),
			[]string{"delete entry/test/user/ann !last-admin", "delete entry/test/user/bob !last-admin"}},
		"the only one loses the policy": {base().ours(test, "user/ann", "ClusterAdmin:cluster View:a").wants(test, "t", "user/ann", "View:a"),
			[]string{"delete association/test/user/ann/ClusterAdmin !last-admin"}},
		"the only one is narrowed to namespaces": {base().ours(test, "user/ann", "ClusterAdmin:cluster").wants(test, "t", "user/ann", "ClusterAdmin:a"),
			[]string{"update association/test/user/ann/ClusterAdmin !last-admin"}},
		"the other's principal is gone": {base().ours(test, "user/ann", "ClusterAdmin:cluster").theirs(test, "user/zoe", "ClusterAdmin:cluster"),
			[]string{"delete entry/test/user/ann !last-admin"}},
		"the other's entry is dead": {base().ours(test, "user/ann", "ClusterAdmin:cluster").theirs(test, "user/bob", "ClusterAdmin:cluster").principals(friday, "user/bob"),
			[]string{"delete entry/test/user/ann !last-admin"}},
		"the other is of an account that was not read": {base().ours(test, "user/ann", "ClusterAdmin:cluster").theirs(test, stranger, "ClusterAdmin:cluster"),
			[]string{"delete entry/test/user/ann !last-admin"}},
		"one that was not read goes, and nobody proven is there": {base().ours(test, stranger, "ClusterAdmin:cluster"),
			[]string{"delete entry/test/partner/role/admin !last-admin"}},
		"the other has it in namespaces only": {base().ours(test, "user/ann", "ClusterAdmin:cluster").theirs(test, "user/bob", "ClusterAdmin:*"),
			[]string{"delete entry/test/user/ann !last-admin"}},
		"the next one's principal does not exist": {base().ours(test, "user/ann", "ClusterAdmin:cluster").wants(test, "t", "user/zoe", "ClusterAdmin:cluster"),
			[]string{"create entry/test/user/zoe !no-principal", "create association/test/user/zoe/ClusterAdmin !no-principal", "delete entry/test/user/ann !last-admin"}},
		"the next one is held by another guard": {
			base().ours(test, "user/ann", "ClusterAdmin:cluster").wants(test, "t", "role/nodes", "ClusterAdmin:cluster").theirs(test, "role/nodes", "type:EC2_LINUX"),
			[]string{"replace entry/test/role/nodes !foreign !node-role",
				"create association/test/role/nodes/ClusterAdmin !foreign !node-role", "delete entry/test/user/ann !last-admin"}},
		"the next one's entry is held by another guard": {
			base().ours(test, "user/ann", "ClusterAdmin:cluster").theirs(test, "user/bob", "username:boss").wants(test, "t", "user/cid", "username:boss ClusterAdmin:cluster"),
			[]string{"create entry/test/user/cid !username-taken", "create association/test/user/cid/ClusterAdmin !depends", "delete entry/test/user/ann !last-admin"}},
		"the next one's entry is dead and stays so": {
			base().ours(test, "user/ann", "ClusterAdmin:cluster").ours(test, "user/bob", "").wants(test, "t", "user/bob", "ClusterAdmin:cluster").principals(friday, "user/bob"),
			[]string{"replace entry/test/user/bob !recreated-principal", "create association/test/user/bob/ClusterAdmin !recreated-principal", "delete entry/test/user/ann !last-admin"}},
		"twin: the next one has an entry already": {
			base().ours(test, "user/ann", "ClusterAdmin:cluster").ours(test, "user/bob", "View:a").wants(test, "t", "user/bob", "View:a ClusterAdmin:cluster"),
			[]string{"create association/test/user/bob/ClusterAdmin", "delete entry/test/user/ann"}},
		"twin: the next one's narrow policy becomes wide": {
			base().ours(test, "user/ann", "ClusterAdmin:cluster").ours(test, "user/bob", "ClusterAdmin:a").wants(test, "t", "user/bob", "ClusterAdmin:cluster"),
			[]string{"update association/test/user/bob/ClusterAdmin", "delete entry/test/user/ann"}},
		"its entry is made anew before it gets the policy back": {base().ours(test, "role/nodes", "ClusterAdmin:cluster").wants(test, "t", "role/nodes", "type:EC2 ClusterAdmin:cluster"),
			[]string{"replace entry/test/role/nodes !last-admin", "create association/test/role/nodes/ClusterAdmin !depends"}},
		"allowed": {base().ours(test, "user/ann", "ClusterAdmin:cluster").allow("last-admin"),
			[]string{"delete entry/test/user/ann ?last-admin"}},

		"twin: another one stays": {base().ours(test, "user/ann", "ClusterAdmin:cluster").theirs(test, "user/bob", "ClusterAdmin:cluster"),
			[]string{"delete entry/test/user/ann"}},
		"twin: a cluster that had none": {base().ours(test, "user/ann", "Admin:cluster"),
			[]string{"delete entry/test/user/ann"}},
		"twin: the one that goes no longer exists": {base().ours(test, "user/zoe", "ClusterAdmin:cluster"),
			[]string{"delete entry/test/user/zoe"}},
		"twin: the next one comes first": {base().ours(test, "user/ann", "ClusterAdmin:cluster").wants(test, "t", "user/bob", "ClusterAdmin:cluster"),
			[]string{"create entry/test/user/bob", "create association/test/user/bob/ClusterAdmin", "delete entry/test/user/ann"}},
		"twin: the next one's dead entry is made anew": {
			base().ours(test, "user/ann", "ClusterAdmin:cluster").ours(test, "user/bob", "").wants(test, "t", "user/bob", "ClusterAdmin:cluster").principals(friday, "user/bob").allow("recreated-principal"),
			[]string{"replace entry/test/user/bob ?recreated-principal", "create association/test/user/bob/ClusterAdmin ?recreated-principal", "delete entry/test/user/ann"}},
		"twin: the only one loses something else": {base().ours(test, "user/ann", "ClusterAdmin:cluster View:a").wants(test, "t", "user/ann", "ClusterAdmin:cluster"),
			[]string{"delete association/test/user/ann/View"}},
		"twin: one of another cluster": {base().ours(test, "user/ann", "ClusterAdmin:cluster").wants(test, "t", "user/ann", "ClusterAdmin:cluster").
			ours(prod, "user/ann", "ClusterAdmin:cluster").theirs(prod, "user/bob", "ClusterAdmin:cluster"),
			[]string{"delete entry/prod/user/ann"}},
	})
}

// What waits for the taker cannot be waited for: no circle is made of it.
func TestAnAdministratorDoesNotWaitForItself(t *testing.T) {
	w := newWorld().ours(test, "role/nodes", "ClusterAdmin:cluster").wants(test, "t", "role/nodes", "type:EC2 ClusterAdmin:cluster")
	f := lastAdmin().Check(inputOf(w, plan.Compute(w.want, w.have, w.options)))
	if len(f.Holds) != 1 || len(f.After) != 0 {
		t.Errorf("holds %v, after %v: want one hold and nothing to wait for", f.Holds, f.After)
	}
}

func TestAnAdministratorWaitsForAllThatBringTheNextOne(t *testing.T) {
	w := newWorld().ours(test, "user/ann", "ClusterAdmin:cluster").ours(test, "user/bob", "View:a ClusterAdmin:cluster").
		wants(test, "t", "user/bob", "View:a").
		wants(test, "t", "user/cid", "ClusterAdmin:cluster").wants(test, "t", "user/dan", "ClusterAdmin:cluster")
	after := func(p *plan.Plan, id string) []string {
		for _, c := range p.Changes {
			if short(c.ID) == id {
				var on []string
				for _, d := range c.DependsOn {
					on = append(on, short(d))
				}
				return on
			}
		}
		return []string{"no change " + id}
	}
	both := []string{"association/test/user/cid/ClusterAdmin", "association/test/user/dan/ClusterAdmin"}
	p := w.plan()
	for _, id := range []string{"entry/test/user/ann", "association/test/user/bob/ClusterAdmin"} {
		if diff := cmp.Diff(both, after(p, id)); diff != "" {
			t.Errorf("%s waits for (-want +got):\n%s", id, diff)
		}
	}
	if diff := cmp.Diff([]plan.Fact{
		{Guard: "caller", Subject: home, Value: "role/runner of " + home},
		{Guard: "last-admin", Subject: test.String(), Value: arn("user/ann") + " " + arn("user/bob")},
	}, p.Facts); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}

	p = w.theirs(test, "role/ops/break-glass", "ClusterAdmin:cluster").plan()
	if on := after(p, "entry/test/user/ann"); on != nil {
		t.Errorf("with an administrator that nobody touches, entry/test/user/ann still waits for %q", on)
	}
}

// refusals.md row 21.
func TestProtectedMembersLoseNothing(t *testing.T) {
	guarded := func() *world { return manned().protects(test, "user/ann") }
	runJudged(t, map[string]judgedCase{
		"ours goes": {guarded().ours(test, "user/ann", "Edit:a"), []string{"delete entry/test/user/ann !protected"}},
		"foreign, gone by remove": {guarded().theirs(test, "user/ann", "Edit:a").removes(test, "user/ann"),
			[]string{"delete entry/test/user/ann !protected"}},
		"narrowed": {guarded().ours(test, "user/ann", "Edit:a,b").wants(test, "t", "user/ann", "Edit:a"),
			[]string{"update association/test/user/ann/Edit !protected"}},
		"a policy goes": {guarded().ours(test, "user/ann", "Edit:a View:b").wants(test, "t", "user/ann", "Edit:a"),
			[]string{"delete association/test/user/ann/View !protected"}},
		"a group goes": {guarded().ours(test, "user/ann", "group:g").wants(test, "t", "user/ann", ""),
			[]string{"update entry/test/user/ann !protected"}},
		"renamed": {guarded().ours(test, "user/ann", "group:g").wants(test, "t", "user/ann", "group:g username:x"),
			[]string{"update entry/test/user/ann !protected"}},
		"retagged": {guarded().ours(test, "user/ann", "group:g").wants(test, "t", "user/ann", "group:g").
			change(func(w *world) { w.want.Tags = map[string]string{"cost": "1"} }),
			[]string{"update entry/test/user/ann !protected", "update entry/test/user/dan"}},
		"made again": {guarded().ours(test, "user/ann", "Edit:a").wants(test, "t", "user/ann", "Edit:a").principals(friday, "user/ann"),
			[]string{"create association/test/user/ann/Edit !recreated-principal", "replace entry/test/user/ann !protected !recreated-principal"}},
		"a role without its path": {manned().protects(test, "role/break-glass").removes(test, "role/ops/break-glass").theirs(test, "user/bob", "ClusterAdmin:cluster"),
			[]string{"delete entry/test/role/ops/break-glass !protected"}},
		"a permission set": {manned().protects(test, "permissionSet/Backend").ours(test, ssoA, "Edit:a"),
			[]string{"delete entry/test/sso/AWSReservedSSO_Backend_0123456789abcdef !protected"}},
		"also by destroy": {guarded().ours(test, "user/ann", "Edit:a").change(func(w *world) { w.options.Destroy = true }),
			[]string{"delete entry/test/user/ann !protected", "delete entry/test/user/dan"}},
		"allowed": {guarded().ours(test, "user/ann", "Edit:a").allow("protected"),
			[]string{"delete entry/test/user/ann ?protected"}},

		"twin: widened": {guarded().ours(test, "user/ann", "Edit:a").wants(test, "t", "user/ann", "Edit:a,b View:c group:g"),
			[]string{"create association/test/user/ann/View", "update entry/test/user/ann", "update association/test/user/ann/Edit"}},
		"twin: made for the first time": {guarded().wants(test, "t", "user/ann", "Edit:a"),
			[]string{"create entry/test/user/ann", "create association/test/user/ann/Edit"}},
		"twin: on another cluster": {guarded().ours(prod, "user/ann", "Edit:a"), []string{"delete entry/prod/user/ann"}},
		"twin: a user of the protected role's name": {manned().protects(test, "role/ann").ours(test, "user/ann", "Edit:a"),
			[]string{"delete entry/test/user/ann"}},
	})
}

// refusals.md row 8.
func TestADeadEntryIsNotRevivedUnasked(t *testing.T) {
	dead := func() *world {
		return manned().ours(test, "user/ann", "Edit:a").wants(test, "t", "user/ann", "Edit:a").principals(friday, "user/ann")
	}
	runJudged(t, map[string]judgedCase{
		"made again": {dead(), []string{"create association/test/user/ann/Edit !recreated-principal", "replace entry/test/user/ann !recreated-principal"}},
		"allowed":    {dead().allow("recreated-principal"), []string{"replace entry/test/user/ann ?recreated-principal", "create association/test/user/ann/Edit ?recreated-principal"}},
		"allowing another guard does not release it": {dead().allow("caller", "protected", "mass-deletion"),
			[]string{"create association/test/user/ann/Edit !recreated-principal", "replace entry/test/user/ann !recreated-principal"}},

		"twin: made before the entry": {dead().principals(monday, "user/ann"), nil},
		"twin: the dead entry of one who left": {manned().ours(test, "user/ann", "Edit:a").principals(friday, "user/ann"),
			[]string{"delete entry/test/user/ann"}},
		"twin: a permission set made again has another role": {
			manned().ours(test, ssoA, "Edit:a").wants(test, "t", "permissionSet/Backend", "Edit:a").gone(ssoA).principals(friday, ssoB),
			[]string{"create entry/test/sso/AWSReservedSSO_Backend_fedcba9876543210",
				"create association/test/sso/AWSReservedSSO_Backend_fedcba9876543210/Edit",
				"delete entry/test/sso/AWSReservedSSO_Backend_0123456789abcdef"}},
	})
	mustContain(t, reasons(dead().plan(), "recreated-principal"), "entry is dead", arn("user/ann"), "made again at 2026-03-06T08:00:00Z", "entry of 2026-03-03T08:00:00Z")
}

// refusals.md rows 9 and 24.
func TestNodesKeepTheirEntries(t *testing.T) {
	const nodes = "role/nodes"
	runJudged(t, map[string]judgedCase{
		"removed by its document": {manned().ours(test, nodes, "type:EC2_LINUX"), []string{"delete entry/test/role/nodes !node-role"}},
		"removed by remove":       {manned().theirs(test, nodes, "type:EC2_LINUX").removes(test, nodes), []string{"delete entry/test/role/nodes !node-role"}},
		"made a member": {manned().ours(test, nodes, "type:EC2_LINUX").wants(test, "t", nodes, "Edit:a"),
			[]string{"create association/test/role/nodes/Edit !node-role", "replace entry/test/role/nodes !node-role"}},
		"made a node of another type": {manned().ours(test, nodes, "type:EC2_LINUX").wants(test, "t", nodes, "type:EC2_WINDOWS"),
			[]string{"replace entry/test/role/nodes !node-role"}},
		"an Auto Mode node loses its policy": {manned().ours(test, nodes, "type:EC2 AmazonEKSAutoNodePolicy:cluster").wants(test, "t", nodes, "type:EC2"),
			[]string{"delete association/test/role/nodes/AutoNode !node-role"}},
		"an Auto Mode node gets a person's": {manned().ours(test, nodes, "type:EC2").wants(test, "t", nodes, "type:EC2 View:a"),
			[]string{"create association/test/role/nodes/View !node-role"}},
		"allowed": {manned().ours(test, nodes, "type:EC2_LINUX").allow("node-role"), []string{"delete entry/test/role/nodes ?node-role"}},

		"twin: a new one": {manned().wants(test, "t", nodes, "type:EC2_LINUX"), []string{"create entry/test/role/nodes"}},
		"twin: tags only": {manned().ours(test, nodes, "type:EC2_LINUX").wants(test, "t", nodes, "type:EC2_LINUX").
			change(func(w *world) { w.want.Tags = map[string]string{"cost": "1"} }),
			[]string{"update entry/test/role/nodes", "update entry/test/user/dan"}},
		"twin: the policy that EKS requires": {manned().ours(test, nodes, "type:EC2").wants(test, "t", nodes, "type:EC2 AmazonEKSAutoNodePolicy:cluster"),
			[]string{"create association/test/role/nodes/AutoNode"}},
		"twin: a role that no node has": {manned().wants(test, "t", nodes, "Edit:a"),
			[]string{"create entry/test/role/nodes", "create association/test/role/nodes/Edit"}},
		"twin: EKS's own entries appear": {manned().theirs(test, nodes, "type:EC2_LINUX").theirs(test, "role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS", ""), nil},
	})
}

// Compute leaves to EKS what EKS sets; the guard does not rest on that.
func TestNodesGetNoGroupsAndNoUsername(t *testing.T) {
	node := read("role/nodes", "type:EC2_LINUX group:system:nodes username:system:node:{{EC2PrivateDNSName}}")
	for what, held := range map[string]bool{
		"type:EC2_LINUX group:system:nodes username:system:node:{{EC2PrivateDNSName}}":              false,
		"type:EC2_LINUX group:system:nodes group:admins username:system:node:{{EC2PrivateDNSName}}": true,
		"type:EC2_LINUX group:system:nodes username:boss":                                           true,
	} {
		c := plan.Change{Verb: plan.Update, Kind: plan.AccessEntry, From: plan.Entry{Entry: node}, To: plan.Entry{Entry: read("role/nodes", what)}}
		if reason := nodeReason(&c, &node); (reason != "") != held {
			t.Errorf("%s: reason %q, want held: %v", what, reason, held)
		}
	}
}

// refusals.md row 3.
func TestNobodyBecomesSomebodyElse(t *testing.T) {
	runJudged(t, map[string]judgedCase{
		"a name that another entry has": {manned().theirs(test, "user/bob", "username:boss").wants(test, "t", "user/ann", "group:g username:boss"),
			[]string{"create entry/test/user/ann !username-taken"}},
		"an update to it": {manned().theirs(test, "user/bob", "username:boss").ours(test, "user/ann", "username:a").wants(test, "t", "user/ann", "username:boss"),
			[]string{"update entry/test/user/ann !username-taken"}},
		"another one's default name": {manned().theirs(test, "user/bob", "").wants(test, "t", "user/ann", "username:"+arn("user/bob")),
			[]string{"create entry/test/user/ann !username-taken"}},
		"a session could make it": {manned().theirs(test, "user/bob", "username:sso:boss").wants(test, "t", "role/ci", "username:sso:{{SessionName}}").principals(monday, "role/ci"),
			[]string{"create entry/test/role/ci !username-taken"}},
		"its sessions could make another's": {manned().theirs(test, "role/ci", "username:sso:{{SessionNameRaw}}").principals(monday, "role/ci").wants(test, "t", "user/ann", "username:sso:boss"),
			[]string{"create entry/test/user/ann !username-taken"}},
		"two that want one name": {manned().wants(test, "t", "user/ann", "username:boss").wants(test, "t", "user/bob", "username:boss"),
			[]string{"create entry/test/user/ann !username-taken", "create entry/test/user/bob !username-taken"}},
		"whoever had it leaves, its bindings stay": {manned().ours(test, "user/bob", "username:boss").wants(test, "t", "user/ann", "username:boss"),
			[]string{"create entry/test/user/ann !username-taken", "delete entry/test/user/bob"}},
		"allowed": {manned().theirs(test, "user/bob", "username:boss").wants(test, "t", "user/ann", "username:boss").allow("username-taken"),
			[]string{"create entry/test/user/ann ?username-taken"}},

		"sessions of both could make one name": {manned().theirs(test, "role/ci", "username:sso:ops-{{SessionName}}").principals(monday, "role/ci", "role/cd").wants(test, "t", "role/cd", "username:sso:{{SessionName}}"),
			[]string{"create entry/test/role/cd !username-taken"}},
		"twin: sessions of neither could make one name": {manned().theirs(test, "role/ci", "username:sso:ops:{{SessionName}}").principals(monday, "role/ci", "role/cd").wants(test, "t", "role/cd", "username:sso:{{SessionName}}"),
			[]string{"create entry/test/role/cd"}},
		"an entry was not read that may have it": {manned().wants(test, "t", "user/ann", "username:boss").gap(access.Gap{What: access.GapEntry, Account: home, Region: "eu-west-1", Cluster: "test", Principal: arn("user/bob")}),
			[]string{"create entry/test/user/ann !username-taken"}},
		"twin: a default name, and an entry was not read": {manned().wants(test, "t", "user/ann", "").gap(access.Gap{What: access.GapEntry, Account: home, Region: "eu-west-1", Cluster: "test", Principal: arn("user/bob")}),
			[]string{"create entry/test/user/ann"}},
		"twin: an entry of another cluster was not read": {manned().wants(test, "t", "user/ann", "username:boss").gap(access.Gap{What: access.GapEntry, Account: home, Region: "eu-west-1", Cluster: "prod", Principal: arn("user/bob")}),
			[]string{"create entry/test/user/ann"}},
		"twin: a run that reads everybody of some clusters": {manned().wants(test, "t", "user/ann", "username:boss").change(func(w *world) { w.have.Part = &access.Part{Clusters: []access.ClusterKey{test}} }),
			[]string{"create entry/test/user/ann"}},
		"a run that reads some people": {manned().wants(test, "t", "user/ann", "username:boss").change(only("user/ann")),
			[]string{"create entry/test/user/ann !username-taken"}},
		"twin: a default name in such a run": {manned().wants(test, "t", "user/ann", "").change(only("user/ann")),
			[]string{"create entry/test/user/ann"}},
		"twin: a free name": {manned().theirs(test, "user/bob", "username:boss").wants(test, "t", "user/ann", "username:bos"),
			[]string{"create entry/test/user/ann"}},
		"twin: no session could make it": {manned().theirs(test, "user/bob", "username:boss").wants(test, "t", "role/ci", "username:sso:{{SessionName}}").principals(monday, "role/ci"),
			[]string{"create entry/test/role/ci"}},
		"twin: the name is on another cluster": {manned().theirs(prod, "user/bob", "username:boss").wants(test, "t", "user/ann", "username:boss"),
			[]string{"create entry/test/user/ann"}},
		"twin: it stands already": {manned().theirs(test, "user/bob", "username:boss").ours(test, "user/ann", "username:boss").wants(test, "t", "user/ann", "username:boss group:g"),
			[]string{"update entry/test/user/ann"}},
		"twin: a permission set made again keeps its name": {
			manned().ours(test, ssoA, "username:be:{{SessionName}}").wants(test, "t", "permissionSet/Backend", "username:be:{{SessionName}}").gone(ssoA).principals(friday, ssoB),
			[]string{"create entry/test/sso/AWSReservedSSO_Backend_fedcba9876543210", "delete entry/test/sso/AWSReservedSSO_Backend_0123456789abcdef"}},
	})
}

// refusals.md row 25.
func TestASecondDocumentDoesNotWidenInSilence(t *testing.T) {
	had := func() *world { return manned().ours(test, "user/ann", "Edit:a") }
	runJudged(t, map[string]judgedCase{
		"a second team says cluster": {had().wants(test, "one", "user/ann", "Edit:a").wants(test, "two", "user/ann", "Edit:cluster"),
			[]string{"update association/test/user/ann/Edit !widening"}},
		"allowed": {had().wants(test, "one", "user/ann", "Edit:a").wants(test, "two", "user/ann", "Edit:cluster").allow("widening"),
			[]string{"update association/test/user/ann/Edit ?widening"}},

		"twin: the same document says cluster now": {had().wants(test, "one", "user/ann", "Edit:cluster"),
			[]string{"update association/test/user/ann/Edit"}},
		"twin: one document says both": {had().wants(test, "one", "user/ann", "Edit:a").wants(test, "one", "user/ann", "Edit:cluster"),
			[]string{"update association/test/user/ann/Edit"}},
		"twin: a second team adds namespaces": {had().wants(test, "one", "user/ann", "Edit:a").wants(test, "two", "user/ann", "Edit:b"),
			[]string{"update association/test/user/ann/Edit"}},
		"twin: another policy on the cluster": {had().wants(test, "one", "user/ann", "Edit:a").wants(test, "two", "user/ann", "View:cluster"),
			[]string{"create association/test/user/ann/View"}},
		"twin: it had nothing": {manned().wants(test, "one", "user/ann", "Edit:a").wants(test, "two", "user/ann", "Edit:cluster"),
			[]string{"create entry/test/user/ann", "create association/test/user/ann/Edit"}},
	})
	mustContain(t, reasons(had().wants(test, "one", "user/ann", "Edit:a").wants(test, "two", "user/ann", "Edit:cluster").plan(), "widening"),
		"team/two (two.yaml:5)", "team/one (one.yaml:5)", "was bound to a")
}

// refusals.md row 26.
func TestPatternsDoNotReachTheClustersOwnNamespaces(t *testing.T) {
	for pattern, kind := range map[string]string{
		"kube-system": "held", "kube-*": "held", "kube-foo": "held", "*-system": "held", "k*": "held", "*public*": "held",
		"amazon-cloudwatch": "held", "amazon-*": "held", "*duty": "held", "*e*": "held", "*n*": "held", "a*": "held",
		"*": "warned", "**": "warned",
		"*backend*": "", "*ops*": "", "dev-*": "", "*session-notes*": "", "*qa*": "", "default": "", "*-dev": "", "team-a": "", "kubernetes-*": "", "amazonas": "",
		"Dev-*": "reach", "a_b": "reach", "-a*": "reach", "*a-": "reach", "kube.*": "reach",
		"a123456789012345678901234567890123456789012345678901234567890123": "reach",
		"123456789012345678901234567890123456789012345678901234567890123*": "",
	} {
		t.Run(pattern, func(t *testing.T) {
			change := "create association/test/user/ann/"
			marks := map[string][2]string{"held": {" !system-namespaces", " ?system-namespaces"}, "warned": {" ?system-namespaces", " ?system-namespaces"},
				"reach": {" ?reach", " ?reach"}}[kind]
			for i, policy := range []string{"Edit", "View"} {
				want := []string{"create entry/test/user/ann", change + policy + marks[i]}
				if diff := cmp.Diff(want, judged(manned().wants(test, "t", "user/ann", policy+":"+pattern).plan())); diff != "" {
					t.Errorf("under %s (-want +got):\n%s", policy, diff)
				}
			}
		})
	}
	runJudged(t, map[string]judgedCase{
		"rules that AWS does not publish": {manned().wants(test, "t", "user/ann", "AmazonEKSACKPolicy:kube-system"),
			[]string{"create entry/test/user/ann", "create association/test/user/ann/ACK !system-namespaces"}},
		"an update that adds one": {manned().ours(test, "user/ann", "Edit:a").wants(test, "t", "user/ann", "Edit:a,kube-system"),
			[]string{"update association/test/user/ann/Edit !system-namespaces"}},
		"allowed": {manned().wants(test, "t", "user/ann", "Edit:kube-system").allow("system-namespaces"),
			[]string{"create entry/test/user/ann", "create association/test/user/ann/Edit ?system-namespaces"}},

		"twin: what stands already": {manned().ours(test, "user/ann", "Edit:a,kube-system").wants(test, "t", "user/ann", "Edit:a,b,kube-system"),
			[]string{"update association/test/user/ann/Edit"}},
		"twin: what a wider scope had": {manned().ours(test, "user/ann", "Edit:cluster").wants(test, "t", "user/ann", "Edit:kube-system"),
			[]string{"update association/test/user/ann/Edit"}},
		"twin: the whole cluster, as written": {manned().wants(test, "t", "user/ann", "Edit:cluster"),
			[]string{"create entry/test/user/ann", "create association/test/user/ann/Edit"}},
	})
	if text := reasons(manned().wants(test, "t", "user/ann", "Edit:*").plan(), "system-namespaces"); text == "" || cmp.Equal(text, "scope: cluster") {
		t.Errorf("%q: want words about * that do not send to the wider scope", text)
	}
}

// refusals.md row 22, as long as aws-auth is not read.
func TestAWSAuthIsNotSwitchedOffUnread(t *testing.T) {
	mode := func(from, to access.AuthMode) *world {
		return manned().change(func(w *world) {
			w.cluster(test).Mode, w.document(test).Mode = from, to
			if from == access.ModeConfigMap {
				h := w.cluster(test)
				h.EntriesRead, h.Entries = false, nil
				w.document(test).Entries = nil
			}
		})
	}
	runJudged(t, map[string]judgedCase{
		"to API":  {mode(access.ModeAPIAndConfigMap, access.ModeAPI), []string{"update mode/test !mode-api"}},
		"allowed": {mode(access.ModeAPIAndConfigMap, access.ModeAPI).allow("mode-api"), []string{"update mode/test ?mode-api"}},

		"twin: to both":      {mode(access.ModeConfigMap, access.ModeAPIAndConfigMap), []string{"update mode/test"}},
		"twin: API as it is": {mode(access.ModeAPI, access.ModeAPI), nil},
		// A mode that was not read may be API long since: to allow mode-api would
		// lead nowhere.
		"twin: the mode was not read": {manned().gap(access.Gap{What: access.GapCluster, Account: home, Region: test.Region, Cluster: test.Name}).change(func(w *world) {
			w.document(test).Mode, w.have.Clusters = access.ModeAPI, nil
		}), []string{"update mode/test !half-read", "create entry/test/user/dan !half-read", "create association/test/user/dan/View !half-read"}},
	})
}

// only narrows a run to one principal.
func only(who string) func(*world) {
	return func(w *world) {
		w.have.Part = &access.Part{Only: []string{who}, Principals: []string{arn(who)}}
		for i := range w.have.Clusters {
			h := &w.have.Clusters[i]
			h.Entries = slices.DeleteFunc(h.Entries, func(e access.Entry) bool { return e.Principal != arn(who) })
		}
	}
}

// One principal that two documents name in two ways has one association all
// the same, and the wider one overrules the narrower.
func TestWideningIsHeldThoughThePrincipalIsNamedInTwoWays(t *testing.T) {
	for second, want := range map[string]string{
		arn(ssoA):          "update association/test/" + "sso/AWSReservedSSO_Backend_0123456789abcdef/Edit !widening",
		"role/ops/another": "",
	} {
		w := newWorld().principals(monday, "role/ops/another").theirs(test, "user/bob", "ClusterAdmin:cluster").ours(test, ssoA, "Edit:a").
			wants(test, "narrow", ssoMember, "Edit:a").wants(test, "wide", second, "Edit:cluster")
		p := w.plan()
		got := slices.DeleteFunc(judged(p), func(l string) bool { return !strings.Contains(l, "sso/") })
		if strings.Join(got, "\n") != want {
			t.Errorf("%s: changes %q, want %q", second, got, want)
		}
	}
}
