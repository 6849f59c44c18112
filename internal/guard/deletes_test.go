package guard

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// staffed has so many people of ours on a cluster, each with a View, of whom
// the first stay as the documents want.
func staffed(k access.ClusterKey, n, stay int) *world {
	w := newWorld()
	return w.staff(k, n, stay)
}

func (w *world) staff(k access.ClusterKey, n, stay int) *world {
	w.document(k)
	for i, who := range people(n) {
		w.principals(monday, who).ours(k, who, "View:a")
		if i < stay {
			w.wants(k, "staff", who, "View:a")
		}
	}
	return w
}

// idle makes somebody a member of a team that selects no cluster.
func (w *world) idle(k access.ClusterKey, team, who string) *world {
	c := w.document(k)
	c.Idle = append(c.Idle, access.IdleMember{Member: member(who), Team: team})
	return w
}

// deletesHeldBy counts a plan's deletes, and those of them that a guard holds.
func deletesHeldBy(w *world, slug string) (deletes, held int) {
	p := w.plan()
	for i := range p.Changes {
		if c := &p.Changes[i]; removes(c) {
			deletes++
			if heldBy(c, slug) {
				held++
			}
		}
	}
	return deletes, held
}

func TestMoreDeletesThanAnOrdinaryEditMeansAreHeld(t *testing.T) {
	limit := func(n int) func(*world) { return func(w *world) { w.options.MaxDeletes = &n } }
	for name, c := range map[string]struct {
		world         *world
		deletes, held int
	}{
		"11 in total":                           {staffed(test, 40, 29), 11, 11},
		"twin: 10 in total":                     {staffed(test, 40, 30), 10, 0},
		"11 over two clusters, few of each":     {staffed(test, 40, 35).staff(prod, 40, 34), 11, 11},
		"4 of 7 on a cluster":                   {staffed(test, 7, 3), 4, 4},
		"twin: 4 of 8 on a cluster":             {staffed(test, 8, 4), 4, 0},
		"twin: 3 of 4 on a cluster":             {staffed(test, 4, 1), 3, 0},
		"only the cluster that loses over half": {staffed(test, 7, 3).staff(prod, 20, 18), 6, 4},
		"twin: what remove takes is not half of ours": {staffed(test, 6, 6).change(func(w *world) {
			for _, who := range []string{"user/ann", "user/bob", "user/cid", "user/dan", ssoA} {
				w.theirs(test, who, "View:a").removes(test, who)
			}
		}), 5, 0},
		"4 of 7 with --max-deletes 4":               {staffed(test, 7, 3).change(limit(4)), 4, 0},
		"4 of 7 with --max-deletes 3":               {staffed(test, 7, 3).change(limit(3)), 4, 4},
		"twin: 11 with --max-deletes 11":            {staffed(test, 40, 29).change(limit(11)), 11, 0},
		"any with --max-deletes 0":                  {staffed(test, 40, 39).change(limit(0)), 1, 1},
		"11, allowed":                               {staffed(test, 40, 29).allow("mass-deletion"), 11, 0},
		"another guard holds one of 11":             {staffed(test, 40, 29).protects(test, "user/p39"), 11, 0},
		"that guard is allowed, so 11 are to count": {staffed(test, 40, 29).protects(test, "user/p39").allow("protected"), 11, 11},
		"11 associations": {staffed(test, 40, 40).change(func(w *world) {
			for i := range 11 {
				w.document(test).Entries[i].Associations = nil
			}
		}), 11, 11},
		"twin: an entry counts once, whatever it has": {newWorld().change(func(w *world) {
			w.staff(test, 40, 30)
			for i := range w.cluster(test).Entries {
				e := &w.cluster(test).Entries[i]
				e.Associations = append(e.Associations, read("user/x", "Edit:b Admin:c").Associations...)
				e.Normalize()
			}
			for i := range w.document(test).Entries {
				w.document(test).Entries[i].Associations = wantAll(w.cluster(test).Entries[i].Associations)
			}
		}), 10, 0},
		"replaced entries count": {staffed(test, 40, 40).change(func(w *world) {
			w.principals(friday, people(11)...).allow("recreated-principal")
		}), 11, 11},
	} {
		t.Run(name, func(t *testing.T) {
			deletes, held := deletesHeldBy(c.world, "mass-deletion")
			if deletes != c.deletes || held != c.held {
				t.Errorf("%d deletes, %d of them held by mass-deletion: want %d and %d", deletes, held, c.deletes, c.held)
			}
		})
	}
	mustContain(t, reasons(staffed(test, 40, 28).plan(), "mass-deletion"), "one of 12 deletes", "--max-deletes 12")
}

// Without --allow protected, user/ann stays, so user/bob may go: 5 of 8 go and
// are held. With it both administrators would go, and last-admin holds them;
// the others are still held by mass-deletion.
func TestAllowingAGuardDoesNotBringTheCountOfDeletesDown(t *testing.T) {
	story := func() *world {
		return staffed(test, 6, 2).protects(test, "user/ann").
			ours(test, "user/ann", "ClusterAdmin:cluster").ours(test, "user/bob", "ClusterAdmin:cluster")
	}
	for name, w := range map[string]*world{"nothing allowed": story(), "protected allowed": story().allow("protected")} {
		held := 0
		for _, line := range judged(w.plan()) {
			if strings.Contains(line, "user/p0") && strings.Contains(line, "!mass-deletion") {
				held++
			}
		}
		if held != 4 {
			t.Errorf("%s: mass-deletion holds %d of 4", name, held)
		}
	}
}

func wantAll(have []access.Association) []access.WantAssociation {
	var want []access.WantAssociation
	for _, a := range have {
		want = append(want, access.WantAssociation{Policy: a.Policy, Scope: a.Scope, Parts: []access.WantScope{{Scope: a.Scope}}})
	}
	return want
}

// refusals.md row 15.
func TestWantingNothingIsNotTakenAsAWishToDeleteEverything(t *testing.T) {
	everything := 1000
	nothing := func(w *world) { w.want.Clusters = nil }
	for name, c := range map[string]struct {
		world         *world
		deletes, held int
	}{
		"no documents": {staffed(test, 3, 3).change(nothing), 3, 3},
		"no documents, any number of deletes asked for": {staffed(test, 3, 3).change(nothing).change(func(w *world) { w.options.MaxDeletes = &everything }), 3, 3},
		"no team selects a cluster":                     {staffed(test, 3, 0), 3, 3},
		"the last person of a small environment":        {staffed(test, 1, 0), 1, 1},
		"the cluster's name is mistyped": {staffed(test, 3, 3).change(func(w *world) {
			w.want.Clusters[0].Key.Name = "tset"
		}), 3, 3},
		"only one who does not exist is wanted":            {staffed(test, 3, 0).wants(test, "t", "user/nobody", "View:a"), 3, 3},
		"only a permission set that has no role is wanted": {staffed(test, 3, 0).wants(test, "t", "permissionSet/Frontend", "View:a"), 3, 3},
		"twin: a permission set whose role could not be looked up is wanted": {
			staffed(test, 3, 0).wants(test, "t", "permissionSet/Frontend", "View:a").gap(access.Gap{What: access.GapRoles, Account: home}).
				change(func(w *world) { w.have.Accounts[0].RolesRead, w.have.Accounts[0].Roles = false, nil }), 3, 0},
		"twin: a permission set of an account that is not read is wanted": {
			staffed(test, 3, 0).wants(test, "t", "permissionSet/Frontend", "View:a").change(func(w *world) { w.document(test).Entries[0].Member.Account = partner }), 3, 0},
		"twin: a permission set that has a role is wanted": {staffed(test, 3, 0).wants(test, "t", "permissionSet/Backend", "View:a"), 3, 0},
		"another guard holding some does not hide it":      {staffed(test, 3, 0).protects(test, "user/p00"), 3, 3},
		"allowed":                              {staffed(test, 3, 0).allow("delete-all"), 3, 0},
		"destroy":                              {staffed(test, 3, 3).change(func(w *world) { w.options.Destroy = true }), 3, 0},
		"twin: one team of several is emptied": {staffed(test, 3, 0).wants(test, "t", "user/ann", "View:a").ours(test, "user/ann", "View:a"), 3, 0},
		"twin: the only person is exchanged":   {staffed(test, 1, 0).wants(test, "t", "user/ann", "View:a"), 1, 0},
		"twin: one of two clusters is emptied": {staffed(test, 3, 0).staff(prod, 3, 3), 3, 0},
		"twin: a narrowed run sees one person who left": {staffed(test, 1, 0).wants(test, "t", "user/ann", "View:a").change(func(w *world) {
			w.have.Part = &access.Part{Only: []string{"user/p00"}, Principals: []string{arn("user/p00")}}
		}), 1, 0},
		"twin: a narrowed run sees one cluster": {staffed(test, 1, 0).wants(prod, "t", "user/ann", "View:a").change(func(w *world) {
			w.have.Part = &access.Part{Clusters: []access.ClusterKey{test}}
		}), 1, 0},
		"twin: what is wanted is on a cluster that could not be read": {
			staffed(test, 1, 0).wants(prod, "t", "user/ann", "View:a").gap(access.Gap{What: access.GapCluster, Account: home, Region: prod.Region, Cluster: prod.Name}), 1, 0},
		"a team that selects no cluster, beside one that does": {staffed(test, 3, 2).idle(test, "qa", "user/p02"), 1, 1},
		"twin: the one who goes is of no such team":            {staffed(test, 3, 2).idle(test, "qa", "user/ann"), 1, 0},
		"twin: such a team's member whom another team keeps":   {staffed(test, 3, 2).idle(test, "qa", "user/p01"), 1, 0},
		"twin: such a team, and its cluster's document goes too": {staffed(test, 3, 3).staff(prod, 2, 2).idle(prod, "qa", "user/p00").change(func(w *world) {
			w.want.Clusters = slices.DeleteFunc(w.want.Clusters, func(c access.WantCluster) bool { return c.Key == prod })
		}), 2, 0},
		"twin: nothing is ours, remove takes away": {newWorld().theirs(test, "user/ann", "View:a").removes(test, "user/ann"), 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			deletes, held := deletesHeldBy(c.world, "delete-all")
			if deletes != c.deletes || held != c.held {
				t.Errorf("%d deletes, %d of them held by delete-all: want %d and %d\n%s", deletes, held, c.deletes, c.held, strings.Join(judged(c.world.plan()), "\n"))
			}
		})
	}
}

func TestWhileAFileIsLeftOutNothingIsTaken(t *testing.T) {
	partial := func(w *world) *world {
		w.want.Partial = []string{"teams/b.yaml", "teams/c.yaml"}
		return w
	}
	takes := func() *world {
		return manned().ours(test, "user/ann", "Edit:a,b View:c group:g").wants(test, "t", "user/ann", "Edit:a").
			ours(test, "user/bob", "View:a").wants(test, "t", "user/cid", "View:a")
	}
	runJudged(t, map[string]judgedCase{
		"deletes, revokes and narrowings": {partial(takes()), []string{
			"create association/test/user/cid/View", "create entry/test/user/cid",
			"delete association/test/user/ann/View !partial-input", "delete entry/test/user/bob !partial-input",
			"update association/test/user/ann/Edit !partial-input", "update entry/test/user/ann !partial-input"}},
		"twin: with every file": {takes(), []string{
			"create association/test/user/cid/View", "create entry/test/user/cid",
			"delete association/test/user/ann/View", "delete entry/test/user/bob",
			"update association/test/user/ann/Edit", "update entry/test/user/ann"}},
		"destroy does not release it": {partial(manned().change(func(w *world) { w.options.Destroy = true })),
			[]string{"delete entry/test/user/dan !partial-input"}},
		"allowed": {partial(manned().ours(test, "user/bob", "View:a")).allow("partial-input"),
			[]string{"delete entry/test/user/bob ?partial-input"}},
	})
	mustContain(t, reasons(partial(takes()).plan(), "partial-input"), "teams/b.yaml and 1 more files were not read", "Edit on b", "group g", "the access entry")
}

// The guard is asked by hand too: Compute plans no such delete, and the guard
// must hold one that it plans by mistake.
func TestHalfReadHoldsWhatRestsOnAGap(t *testing.T) {
	unreadRoles := func(w *world) {
		w.have.Accounts[0].RolesRead, w.have.Accounts[0].Roles = false, nil
		w.gap(access.Gap{What: access.GapRoles, Account: home})
	}
	for name, c := range map[string]struct {
		world *world
		late  func(*world) // after Compute
		held  []string
	}{
		"the entries of the cluster": {manned().ours(test, "user/ann", "Edit:a"),
			func(w *world) {
				w.gap(access.Gap{What: access.GapEntries, Account: home, Region: test.Region, Cluster: test.Name})
			},
			[]string{"entry/test/user/ann"}},
		"the entries, with no gap that says so": {manned().ours(test, "user/ann", "Edit:a"),
			func(w *world) { w.cluster(test).EntriesRead = false },
			[]string{"entry/test/user/ann"}},
		"this entry's policies": {manned().ours(test, "user/ann", "Edit:a").ours(test, "user/bob", "Edit:a"),
			func(w *world) {
				w.gap(access.Gap{What: access.GapEntry, Account: home, Region: test.Region, Cluster: test.Name, Principal: arn("user/ann")})
			},
			[]string{"entry/test/user/ann"}},
		"the roles among which a wanted permission set's is": {manned().ours(test, ssoA, "Edit:a"),
			func(w *world) { unreadRoles(w.wants(test, "t", "permissionSet/Backend", "Edit:a")) },
			[]string{"entry/test/sso/AWSReservedSSO_Backend_0123456789abcdef"}},

		"twin: everything was read": {manned().ours(test, "user/ann", "Edit:a"), func(*world) {}, nil},
		"twin: another permission set is wanted": {manned().ours(test, ssoA, "Edit:a"),
			func(w *world) { unreadRoles(w.wants(test, "t", "permissionSet/Frontend", "Edit:a")) }, nil},
		"twin: a gap in another cluster": {manned().ours(test, "user/ann", "Edit:a"),
			func(w *world) {
				w.gap(access.Gap{What: access.GapEntries, Account: home, Region: prod.Region, Cluster: prod.Name})
			}, nil},
		"twin: a narrowing of an entry that was read": {manned().ours(test, "user/ann", "Edit:a,b").wants(test, "t", "user/ann", "Edit:a"),
			func(w *world) {
				w.gap(access.Gap{What: access.GapEntries, Account: home, Region: test.Region, Cluster: test.Name})
			}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := c.world.plan()
			c.late(c.world)
			in := inputOf(c.world, p)
			var held []string
			for _, h := range halfRead().Check(in).Holds {
				held = append(held, short(h.Change))
			}
			slices.Sort(held)
			if diff := cmp.Diff(c.held, held); diff != "" {
				t.Errorf("held (-want +got):\n%s", diff)
			}
		})
	}
	w := manned().ours(test, ssoA, "Edit:a").wants(test, "t", "permissionSet/Backend", "Edit:a").change(unreadRoles).allow("half-read")
	for _, line := range judged(w.plan()) {
		if !strings.Contains(line, "!half-read") {
			t.Errorf("%s: want it held, also with --allow half-read", line)
		}
	}
}
