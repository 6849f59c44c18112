package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

func TestTwoMembersOfOnePrincipalHaveTheUnionOfTheirWishes(t *testing.T) {
	set, role := wantEntry("permissionSet/Backend", "Edit:a View:c group:h group:g"), wantEntry(arn(backendRole), "Edit:b Admin:d group:g group:a username:u")
	set.Sources, role.Sources = []access.Source{from("qa", 1)}, []access.Source{from("dev", 2)}
	r := Resolve(wants(wantCluster(test, set, wantEntry("user/ann", ""), role)), sees())
	c, ok := r.Cluster(test)
	if !ok || len(c.Entries) != 2 {
		t.Fatalf("%+v", c)
	}
	i := slices.IndexFunc(c.Entries, func(e ResolvedEntry) bool { return e.Principal.ARN == arn(backendRole) })
	e := c.Entries[i]
	var got []string
	for _, a := range e.Associations {
		for _, p := range a.Parts {
			got = append(got, access.ShortPolicy(a.Policy)+" on "+a.Scope.String()+", of it "+p.Scope.String())
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"Admin on d, of it d", "Edit on a, b, of it a", "Edit on a, b, of it b", "View on c, of it c"}, got); diff != "" {
		t.Error(diff)
	}
	if !slices.IsSortedFunc(e.Associations, func(a, b access.WantAssociation) int { return strings.Compare(a.Policy, b.Policy) }) {
		t.Error("not sorted by policy")
	}
	if diff := cmp.Diff([]string{"a", "g", "h"}, e.Groups); diff != "" {
		t.Error(diff)
	}
	if e.Username != "u" || e.Conflict != "" || len(e.Sources) != 2 {
		t.Errorf("%+v", e)
	}
	if c, ok := r.Cluster(prod); ok || c != nil {
		t.Error(c)
	}
}

func TestTwoMembersOfOnePrincipalThatContradictSayWhere(t *testing.T) {
	for name, tt := range map[string]struct {
		set, role string
		bare      bool
		want      string
	}{
		"two usernames": {"username:one", "username:two", false, arn(backendRole) + " at dev.yaml:2 and permissionSet/Backend at qa.yaml:1 are one principal with two usernames, two and one"},
		"two types":     {"", "type:EC2", false, arn(backendRole) + " at dev.yaml:2 and permissionSet/Backend at qa.yaml:1 are one principal with two types, EC2 and STANDARD"},
		"no places":     {"", "type:EC2", true, arn(backendRole) + " and permissionSet/Backend are one principal with two types, EC2 and STANDARD"},
		"one username":  {"username:one", "", false, ""},
		"the other's":   {"", "username:two", false, ""},
		"the same":      {"username:one", "username:one", false, ""},
	} {
		set, role := wantEntry("permissionSet/Backend", tt.set), wantEntry(arn(backendRole), tt.role)
		set.Sources, role.Sources = []access.Source{from("qa", 1)}, []access.Source{from("dev", 2)}
		if tt.bare {
			set.Sources, role.Sources = nil, nil
		}
		r := Resolve(wants(wantCluster(test, set, role)), sees())
		if e := r.Clusters[0].Entries; len(e) != 1 || e[0].Conflict != tt.want {
			t.Errorf("%s: %q, want %q", name, e[0].Conflict, tt.want)
		}
	}
}

func TestWishesAreOrderedByPrincipal(t *testing.T) {
	r := Resolve(wants(wantCluster(test, wantEntry("user/bob", ""), wantEntry("permissionSet/None", ""), wantEntry("user/ann", ""), wantEntry("permissionSet/Nil", ""))), sees())
	var got []string
	for _, e := range r.Clusters[0].Entries {
		got = append(got, e.Member.String())
	}
	if diff := cmp.Diff([]string{"user/ann", "user/bob", "permissionSet/Nil", "permissionSet/None"}, got); diff != "" {
		t.Error(diff)
	}
}

// An entry that an unresolved member may stand for must not go.
func TestWhatAnUnresolvedMemberMayMean(t *testing.T) {
	unread := func(s *access.Snapshot) { s.Accounts[0].RolesRead, s.Accounts[0].Roles = false, nil }
	otherSet := strings.Replace(arn(backendRole), "Backend", "Front", 1)
	elsewhere := strings.Replace(arn(backendRole), home, partner, 1)
	for name, tt := range map[string]struct {
		member string
		edit   func(*access.Snapshot)
		may    map[string]bool
	}{
		"a set whose roles were not read: any role of its name in its account": {"permissionSet/Backend", unread,
			map[string]bool{arn(backendRole): true, otherSet: false, elsewhere: false, arn("role/Backend"): false, arn("user/ann"): false, "x": false}},
		"a set that resolves means its role and stands for nothing else": {"permissionSet/Backend", func(*access.Snapshot) {}, map[string]bool{arn(backendRole): false, otherSet: false}},
		"a set that has no role":                         {"permissionSet/Front", func(*access.Snapshot) {}, map[string]bool{otherSet: false}},
		"a role under another path, in any capitals":     {"role/DEPLOY", func(*access.Snapshot) {}, map[string]bool{arn("role/ci/deploy"): true, arn("role/admin"): false}},
		"a user of a role's name":                        {"user/deploy", func(*access.Snapshot) {}, map[string]bool{arn("role/ci/deploy"): false}},
		"a role where roles were not read is as written": {"role/deploy", unread, map[string]bool{arn("role/ci/deploy"): false}},
	} {
		have := sees()
		tt.edit(have)
		p := Resolve(wants(wantCluster(test, wantEntry(tt.member, ""))), have).Clusters[0].Entries[0].Principal
		for arn, want := range tt.may {
			if got := p.MayMean(arn); got != want {
				t.Errorf("%s: %s: %v", name, arn, got)
			}
		}
	}
}

func TestAMemberThatCannotBeLookedUpSaysWhy(t *testing.T) {
	elsewhere := wantEntry("permissionSet/Backend", "")
	elsewhere.Member.Account = partner
	for name, tt := range map[string]struct {
		entry access.WantEntry
		edit  func(*access.Snapshot)
		want  *Hold
	}{
		"a set of an account that is not ours": {elsewhere, func(*access.Snapshot) {},
			&Hold{NoPrincipal, "permission set Backend cannot be looked up: account " + partner + " is not one of the Environment's"}},
		"roles not read, and nobody says why": {wantEntry("permissionSet/Backend", ""), func(s *access.Snapshot) { s.Accounts[0].RolesRead = false },
			&Hold{HalfRead, "permission set Backend cannot be looked up: the roles of account main (" + home + ") could not be read: they were not read"}},
		"roles not read: the account's first gap that tells": {wantEntry("permissionSet/Backend", ""), func(s *access.Snapshot) {
			s.Accounts[0].RolesRead = false
			for _, g := range []access.Gap{{What: access.GapRoles, Account: "000000000000", Reason: "not this"}, {What: access.GapUsers, Account: home, Reason: "nor this"},
				{What: access.GapAccount, Account: home, Reason: "AccessDenied"}, {What: access.GapRoles, Account: home, Reason: "the second"}} {
				gap(s, g)
			}
		}, &Hold{HalfRead, "permission set Backend cannot be looked up: the roles of account main (" + home + ") could not be read: AccessDenied"}},
		"no such user": {wantEntry("user/zoe", ""), func(s *access.Snapshot) { s.Accounts[0].Account.Name = "" }, &Hold{NoPrincipal, "account " + home + " has no user zoe"}},
		"no such user in its path": {wantEntry("user/a/ann", ""), func(*access.Snapshot) {},
			&Hold{NoPrincipal, "account main (" + home + ") has no user a/ann; user ann is user/ann there"}},
		"a user that is there": {wantEntry("user/ann", ""), func(*access.Snapshot) {}, nil},
	} {
		have := sees()
		tt.edit(have)
		p := Resolve(wants(wantCluster(test, tt.entry)), have).Clusters[0].Entries[0].Principal
		if diff := cmp.Diff(tt.want, p.Problem); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
