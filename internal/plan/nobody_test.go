package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// warned are a plan's warnings in short.
func warned(p *Plan) (all []string) {
	for _, w := range p.Warnings {
		all = append(all, w.Slug+": "+strings.ReplaceAll(w.Text, "arn:aws:iam::"+home+":", ""))
	}
	return all
}

func TestAnEqualEntryOfAPrincipalThatIsGoneIsPointedOut(t *testing.T) {
	want := wants(wantCluster(test, wantEntry("user/gone", ""), wantEntry("user/ann", "Edit:a"), wantEntry("user/bob", "")))
	p := Compute(want, sees(haveCluster(test, haveEntry("user/gone", ""), haveEntry("user/ann", ""), haveEntry("user/bob", ""))), Options{})
	if diff := cmp.Diff([]string{"create association/test/user/ann/Edit"}, lines(p)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff([]string{"no-principal: the access entry of user/gone on test gives nobody access: account main (" + home + ") has no user gone"}, warned(p)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	have := sees(haveCluster(test, haveEntry("user/gone", "")))
	have.Accounts[0].Users, have.Accounts[0].UsersRead = nil, false
	if p := Compute(wants(wantCluster(test, wantEntry("user/gone", ""))), have, Options{}); len(p.Changes)+len(p.Warnings) > 0 {
		t.Errorf("users were not read, and the plan has %v, %v", lines(p), warned(p))
	}
}

func TestAConflictWithoutAChangeIsPointedOut(t *testing.T) {
	w := wantCluster(test, wantEntry(arn("user/ann"), ""))
	w.Remove = []access.ListedMember{{Member: member("user/ann")}}
	p := Compute(wants(w), sees(haveCluster(test, haveEntry("user/ann", ""))), Options{})
	if got := strings.Join(warned(p), ""); len(p.Changes) > 0 || !strings.Contains(got, "conflict: ") || !strings.Contains(got, "is to be removed") {
		t.Errorf("changes %v, warnings %v", lines(p), got)
	}
}

// IAM knows a name once, whatever its case: what looks like another principal
// is the same one, mistyped, and loses nothing by it.
func TestANameInOtherCaseTakesNothingAway(t *testing.T) {
	want := wants(wantCluster(test, wantEntry("user/Ann", "Edit:a")))
	p := Compute(want, sees(haveCluster(test, haveEntry("user/ann", "Edit:a"))), Options{})
	if diff := cmp.Diff([]string{"create entry/test/user/Ann !no-principal", "create association/test/user/Ann/Edit after entry/test/user/Ann !no-principal",
		"delete entry/test/user/ann !no-principal"}, lines(p)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Where IAM was not read nobody knows which of two paths is right; the old
// entry goes only when AWS has taken the new one.
func TestAnotherPathWaitsForTheNewEntry(t *testing.T) {
	have := sees(haveCluster(test, haveEntry("role/ci/deploy", "Edit:a"), haveEntry("role/old", "")))
	have.Accounts[0].Roles, have.Accounts[0].RolesRead = nil, false
	p := Compute(wants(wantCluster(test, wantEntry("role/Deploy", "Edit:a"))), have, Options{})
	if diff := cmp.Diff([]string{"create entry/test/role/Deploy", "create association/test/role/Deploy/Edit after entry/test/role/Deploy",
		"delete entry/test/role/ci/deploy after entry/test/role/Deploy", "delete entry/test/role/old"}, lines(p)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestListsThatMeanNobodyArePointedOut(t *testing.T) {
	const second = "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Backend_fedcba9876543210"
	for name, c := range map[string]struct {
		remove, protect string
		change          func(*access.Snapshot)
		want            []string
	}{
		"remove of a path that is another": {remove: "role/deploy",
			want: []string{"no-principal: remove does not take away the entry of role/ci/deploy on test: account main (" + home + ") has no role deploy; role deploy is role/ci/deploy there"}},
		"remove of a permission set with two roles": {remove: "permissionSet/Backend", change: func(s *access.Snapshot) {
			s.Accounts[0].Roles = append(s.Accounts[0].Roles, access.Principal{ARN: arn(second), CreatedAt: morning})
		}, want: []string{"no-principal: remove does not take away the entry of " + backendRole + " on test: account main (" + home + ") has 2 roles of permission set Backend: " +
			backendRole + ", " + second}},
		"remove of what is gone long since": {remove: "role/creator"},
		"remove of what has no entry":       {remove: "role/admin"},
		"protect of a slip":                 {protect: "role/braek-glass", want: []string{"no-principal: protect shields nobody on test: account main (" + home + ") has no role braek-glass"}},
		"protect of what has an entry":      {protect: "role/ci/deploy"},
		"protect of another path":           {protect: "role/deploy"},
		"protect of what has none yet":      {protect: "role/admin"},
		"protect of a gone one's entry":     {protect: "role/ghost"},
	} {
		t.Run(name, func(t *testing.T) {
			w := wantCluster(test)
			if c.remove != "" {
				w.Remove = []access.ListedMember{{Member: member(c.remove)}}
			}
			if c.protect != "" {
				w.Protect = []access.ListedMember{{Member: member(c.protect)}}
			}
			have := sees(haveCluster(test, foreignEntry("role/ci/deploy", ""), foreignEntry(backendRole, ""), foreignEntry("role/ghost", "")))
			if c.change != nil {
				c.change(have)
			}
			p := Compute(wants(w), have, Options{})
			if diff := cmp.Diff(c.want, warned(p)); diff != "" || len(p.Changes) > 0 {
				t.Errorf("changes %v; warnings -want +got\n%s", lines(p), diff)
			}
		})
	}
}

func TestAnExternalIDIsSavedAndNotShown(t *testing.T) {
	have := sees(haveCluster(test))
	have.Accounts[0].Account.RoleARN, have.Accounts[0].Account.ExternalID = arn("role/atlas"), "canary"
	p := Compute(wants(wantCluster(test, wantEntry("user/ann", ""))), have, Options{})
	if b := encode(t, p.Shown()); strings.Contains(string(b), "canary") || !strings.Contains(string(b), NotShown) {
		t.Errorf("the plan shown is %s", b)
	}
	if b := encode(t, p); !strings.Contains(string(b), "canary") {
		t.Errorf("the plan saved is %s", b)
	}
}
