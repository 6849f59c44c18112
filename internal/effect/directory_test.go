package effect

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

const strangersAccount = "999900001111"

func one(t *testing.T, d *Directory, who access.Who, k access.ClusterKey) Subject {
	t.Helper()
	subjects, err := d.Subjects(who, k)
	if err != nil || len(subjects) != 1 {
		t.Fatalf("%s: %+v, %v", who, subjects, err)
	}
	return subjects[0]
}

func TestAServiceAccountIsANamespaceAndAName(t *testing.T) {
	d := NewDirectory(state(), nil)
	for _, name := range []string{"sa", "/sa", "web/", "web/sa/x", ""} {
		if s, err := d.Subjects(access.Who{Kind: access.WhoServiceAccount, Name: name}, keyA); err == nil {
			t.Errorf("%q: %+v", name, s)
		}
	}
	s := one(t, d, access.Who{Kind: access.WhoServiceAccount, Name: "web/sa"}, keyA)
	if s.Namespace() != "web" {
		t.Errorf("%+v", s)
	}
	for name, s := range map[string]Subject{"a principal": {Principal: annARN}, "a user": {Identity: &authz.Identity{Username: "bob"}}} {
		if s.Namespace() != "" {
			t.Errorf("%s is in namespace %s", name, s.Namespace())
		}
	}
}

// Who calls is what the cluster's account was seen to say, of the reading alone
// that tells of callers where the documents are asked about.
func TestMeIsTheCallerOfTheClustersAccount(t *testing.T) {
	me := access.Who{Kind: access.WhoMe}
	calls := func(caller string) *access.Snapshot {
		h := snapshot()
		h.Accounts[0].Caller = caller
		return h
	}
	const ssoSession = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Qa_0123456789abcdef/ann@example.org"
	for name, c := range map[string]struct {
		d                        *Directory
		called, principal, under string
	}{
		"a user":                           {NewDirectory(state(), calls(annARN)), "user/ann", annARN, ""},
		"a role's session":                 {NewDirectory(state(), nil).WithCallers(snapshot()), "role/ci/deploy", ciARN, "run-7"},
		"a permission set, seen":           {NewDirectory(state(), calls(ssoSession)), "permissionSet/Qa", ssoARN, "ann@example.org"},
		"a permission set, documents only": {NewDirectory(state(), nil).WithCallers(calls(ssoSession)), "permissionSet/Qa", Placeholder(qa), "ann@example.org"},
	} {
		if s := one(t, c.d, me, keyA); s.Name != c.called || s.Principal != c.principal || s.Session != c.under {
			t.Errorf("%s: %+v", name, s)
		}
	}
	far := keyA
	far.Account = strangersAccount
	for name, c := range map[string]struct {
		caller string
		k      access.ClusterKey
		why    string
	}{
		"an account that was not asked": {annARN, far, "could not be asked who calls"},
		"a caller that is not known":    {"", keyA, "could not be asked who calls"},
		"the root":                      {"arn:aws:iam::111122223333:root", keyA, "no user or role of account 111122223333 was found behind the caller"},
	} {
		if _, err := NewDirectory(state(), calls(c.caller)).Subjects(me, c.k); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A word is of the cluster's account and partition unless it says another's.
func TestAWordIsOfTheClustersAccount(t *testing.T) {
	china := access.ClusterKey{Account: strangersAccount, Region: "cn-north-1", Name: "c"}
	iso := state()
	iso.Accounts = append(iso.Accounts, access.Account{Name: "iso", ID: strangersAccount, Partition: "aws-iso"})
	far := access.Member{Kind: access.UserMember, Name: "zoe", Account: strangersAccount}
	deploy := state()
	deploy.Clusters[0].Entries = append(deploy.Clusters[0].Entries, access.WantEntry{Member: access.Member{Kind: access.RoleMember, Partition: "aws", Account: account, Name: "cd/deploy"}})
	alone := NewDirectory(state(), nil)
	for name, c := range map[string]struct {
		d                 *Directory
		who               access.Who
		k                 access.ClusterKey
		called, principal string
	}{
		"the cluster's":                  {alone, access.Who{Kind: access.WhoUser, Name: "ann"}, keyA, "user/ann", annARN},
		"a path that begins with /":      {alone, access.Who{Kind: access.WhoRole, Name: "/ci/deploy"}, keyA, "role/ci/deploy", ciARN},
		"the region's partition":         {alone, access.Who{Kind: access.WhoUser, Name: "ann"}, china, "user/ann", "arn:aws-cn:iam::999900001111:user/ann"},
		"the account's partition":        {NewDirectory(iso, nil), access.Who{Kind: access.WhoUser, Name: "ann"}, china, "user/ann", "arn:aws-iso:iam::999900001111:user/ann"},
		"an account that was written":    {alone, access.Who{Kind: access.WhoUser, Name: "zoe", Member: &far}, keyA, "arn:aws:iam::999900001111:user/zoe", "arn:aws:iam::999900001111:user/zoe"},
		"a name of two roles":            {NewDirectory(deploy, nil), access.Who{Kind: access.WhoRole, Name: "deploy"}, keyA, "role/deploy", "arn:aws:iam::111122223333:role/deploy"},
		"a role's name of a user":        {alone, access.Who{Kind: access.WhoUser, Name: "deploy"}, keyA, "user/deploy", "arn:aws:iam::111122223333:user/deploy"},
		"a part of a name":               {alone, access.Who{Kind: access.WhoRole, Name: "eploy"}, keyA, "role/eploy", "arn:aws:iam::111122223333:role/eploy"},
		"another path":                   {alone, access.Who{Kind: access.WhoRole, Name: "x/deploy"}, keyA, "role/x/deploy", "arn:aws:iam::111122223333:role/x/deploy"},
		"a permission set's other words": {alone, access.Who{Kind: access.WhoPermissionSet, Name: "Zz"}, keyA, "permissionSet/Zz", Placeholder(access.Member{Kind: access.PermissionSetMember, Partition: "aws", Account: account, Name: "Zz"})},
	} {
		if s := one(t, c.d, c.who, c.k); s.Name != c.called || s.Principal != c.principal {
			t.Errorf("%s: %s = %s, want %s = %s", name, s.Name, s.Principal, c.called, c.principal)
		}
	}
}

// A permission set of another account keeps its short name: its role's ARN is
// not what people write.
func TestAPermissionSetOfAnotherAccountKeepsItsName(t *testing.T) {
	m := access.Member{Kind: access.PermissionSetMember, Account: strangersAccount, Name: "Ops"}
	if s := one(t, NewDirectory(state(), nil), access.Who{Kind: access.WhoPermissionSet, Name: "Ops", Member: &m}, keyA); s.Name != m.String() || strings.HasPrefix(s.Name, "arn:") {
		t.Errorf("%+v", s)
	}
}

func TestWhoDoesNotExistIsSaidWhereItIsKnown(t *testing.T) {
	documents, seen := NewDirectory(state(), nil), snapshot()
	unread, half := snapshot(), snapshot()
	unread.Accounts[0].UsersRead, unread.Accounts[0].RolesRead = false, false
	half.Accounts[0].RolesRead = false
	two := snapshot()
	two.Accounts[0].Roles = append(two.Accounts[0].Roles, access.Principal{ARN: strings.Replace(ssoARN, "0123456789abcdef", "fedcba9876543210", 1)})
	arn := func(s string) access.Who { return access.Who{Kind: access.WhoARN, ARN: s} }
	who := func(kind access.WhoKind, name string) access.Who { return access.Who{Kind: kind, Name: name} }
	for name, c := range map[string]struct {
		d       *Directory
		who     access.Who
		missing string
	}{
		"an ARN that a document names by its word":   {documents, arn(annARN), ""},
		"an ARN that none names":                     {documents, arn("arn:aws:iam::111122223333:user/zoe"), "no document names"},
		"an ARN of somebody else's account":          {documents, arn("arn:aws:iam::999900001111:user/zoe"), ""},
		"what is no ARN of a principal":              {documents, arn("arn:aws:s3:::bucket"), "arn:aws:s3:::bucket"},
		"a role that is there":                       {NewDirectory(state(), seen), who(access.WhoRole, "ci/deploy"), ""},
		"a role that is not":                         {NewDirectory(state(), seen), who(access.WhoRole, "ci/no"), "account 111122223333 has no role/ci/no"},
		"a role of an account whose users were read": {NewDirectory(state(), half), who(access.WhoRole, "no"), ""},
		"a user of it":                               {NewDirectory(state(), half), who(access.WhoUser, "no"), "account 111122223333 has no user/no"},
		"a user of an account that was not":          {NewDirectory(state(), unread), who(access.WhoUser, "no"), ""},
		"an ARN of an account that was not asked":    {NewDirectory(state(), seen), arn("arn:aws:iam::999900001111:user/zoe"), ""},
		"a permission set":                           {NewDirectory(state(), seen), who(access.WhoPermissionSet, "Qa"), ""},
		"a permission set with two roles":            {NewDirectory(state(), two), who(access.WhoPermissionSet, "Qa"), "account 111122223333 has 2 roles of permission set Qa"},
		"a permission set whose role was not read":   {NewDirectory(state(), half), who(access.WhoPermissionSet, "Qa"), "the roles of account 111122223333 were not read"},
	} {
		if s := one(t, c.d, c.who, keyA); !strings.Contains(s.Missing, c.missing) || c.missing == "" && s.Missing != "" {
			t.Errorf("%s: %q, want %q", name, s.Missing, c.missing)
		}
	}
	far := keyA
	far.Account = strangersAccount
	if s := one(t, NewDirectory(state(), seen), who(access.WhoPermissionSet, "Qa"), far); !strings.Contains(s.Missing, "were not read") {
		t.Errorf("of an account that was not asked: %+v", s)
	}
}

func TestDocumentsPatternsAreThoseOfTheCluster(t *testing.T) {
	s := state()
	s.Clusters[1].Entries = s.Clusters[0].Entries[:1]
	s.Clusters[1].Entries[0].Associations[0].Scope = access.NamespaceScope("other-*")
	s.Clusters[1].Bindings = []access.WantBinding{{Scope: access.NamespaceScope("more")}}
	s.Workloads = []access.WantWorkload{{Clusters: []access.ClusterKey{keyA}, Accounts: []access.WorkloadAccount{{Namespace: "robots"}}},
		{Clusters: []access.ClusterKey{keyB}, Accounts: []access.WorkloadAccount{{Namespace: "a-robots"}}}}
	s.Clusters[0].Entries = state().Clusters[0].Entries
	d := NewDirectory(s, nil)
	if diff := cmp.Diff([]string{"*backend*", "robots", "test-*"}, d.Patterns(keyA)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a-robots", "more", "other-*"}, d.Patterns(keyB)); diff != "" {
		t.Error(diff)
	}
	for ns, want := range map[string]bool{"test-1": true, "my-backend": true, "robots": true, "more": false, "a-robots": false} {
		if d.Awaits(keyA, ns) != want {
			t.Errorf("%s awaits %s: %t", keyA.Name, ns, !want)
		}
	}
	if named := d.Named(); !slices.IsSorted(named) || !slices.Contains(named, "user/eve") || !slices.Contains(named, "role/break-glass") {
		t.Error(named)
	}
}
