package access

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	annARN    = "arn:aws:iam::111122223333:user/ann"
	deployARN = "arn:aws:iam::111122223333:role/ci/deploy"
)

var (
	clusterA = ClusterKey{"111122223333", "eu-west-1", "a"}
	clusterB = ClusterKey{"111122223333", "eu-west-1", "b"}
	noon     = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
)

func account() HaveAccount {
	return HaveAccount{
		Account: Account{ID: "111122223333"}, UsersRead: true, RolesRead: true,
		Users: []Principal{{ARN: annARN, CreatedAt: noon}, {ARN: "arn:aws:iam::111122223333:user/bob", CreatedAt: noon}},
		Roles: []Principal{{ARN: "arn:aws:iam::111122223333:role/a", CreatedAt: noon}, {ARN: deployARN, CreatedAt: noon}},
	}
}

func TestThingsAreFoundByTheirNames(t *testing.T) {
	s := Snapshot{Accounts: []HaveAccount{{Account: Account{ID: "444455556666"}}, account()},
		Clusters: []HaveCluster{{Key: clusterA}, {Key: clusterB, Entries: []Entry{{Principal: annARN}, {Principal: "z"}}}}}
	a, ok := s.Account("111122223333")
	if !ok || a != &s.Accounts[1] {
		t.Fatal(a, ok)
	}
	for _, arn := range []string{annARN, deployARN} {
		if p, ok := a.Principal(arn); !ok || p.ARN != arn {
			t.Error(p, ok)
		}
	}
	c, ok := s.Cluster(clusterB)
	if !ok || c != &s.Clusters[1] {
		t.Fatal(c, ok)
	}
	if e, ok := c.Entry("z"); !ok || e != &c.Entries[1] {
		t.Error(e, ok)
	}
	if p, ok := a.Principal(annARN + "a"); ok || p.ARN != "" {
		t.Error(p)
	}
	if a, ok := s.Account("1"); ok || a != nil {
		t.Error(a)
	}
	if c, ok := s.Cluster(ClusterKey{"111122223333", "eu-west-1", "c"}); ok || c != nil {
		t.Error(c)
	}
	if e, ok := c.Entry("y"); ok || e != nil {
		t.Error(e)
	}
	state := State{Accounts: []Account{{ID: "1", Name: "one"}, {ID: "2", Name: "two"}}}
	if a, ok := state.Account("2"); !ok || a.Name != "two" {
		t.Error(a, ok)
	}
	if a, ok := state.Account("3"); ok || a.Name != "" {
		t.Error(a, ok)
	}
}

func TestTheCallersPrincipalIsTheUserOrTheRoleBehindTheSession(t *testing.T) {
	for what, tt := range map[string]struct{ caller, want string }{
		"a user":                       {annARN, annARN},
		"a session of a role":          {"arn:aws:sts::111122223333:assumed-role/deploy/run", deployARN},
		"a session of an unread role":  {"arn:aws:sts::111122223333:assumed-role/other/run", ""},
		"a session of another account": {"arn:aws:sts::444455556666:assumed-role/deploy/run", ""},
		"a root":                       {"arn:aws:iam::111122223333:root", ""},
		"nobody":                       {"", ""},
	} {
		a := account()
		a.Caller = tt.caller
		if got, ok := a.CallerPrincipal(); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q %v, want %q", what, got, ok, tt.want)
		}
	}
	a := account()
	a.Caller, a.Roles = "arn:aws:sts::111122223333:assumed-role/deploy/run", []Principal{{ARN: "no ARN"}, {ARN: deployARN}}
	if got, ok := a.CallerPrincipal(); got != deployARN || !ok {
		t.Errorf("%q %v", got, ok)
	}
}

func TestACallerIsTheRoleAndWhoAssumesIt(t *testing.T) {
	const session = "arn:aws:sts::111122223333:assumed-role/Deploy/run"
	key := func(words ...string) (keys []PrincipalKey) {
		for _, w := range words {
			kind, rest, _ := strings.Cut(w, "/")
			name, account, _ := strings.Cut(rest, " of ")
			keys = append(keys, PrincipalKey{account, kind, name})
		}
		return keys
	}
	for what, c := range map[string]struct {
		caller, behind string
		want           []PrincipalKey
	}{
		"nobody":                  {"", "", nil},
		"a user":                  {"arn:aws:iam::111122223333:user/eng/Ann", "", key("user/ann of 111122223333")},
		"a session":               {session, "", key("role/deploy of 111122223333")},
		"a root":                  {"arn:aws:iam::111122223333:root", "", nil},
		"a role that one assumes": {session, "arn:aws:iam::444455556666:user/ann", key("role/deploy of 111122223333", "user/ann of 444455556666")},
		"by another session":      {session, "arn:aws:sts::444455556666:assumed-role/ci/1", key("role/deploy of 111122223333", "role/ci of 444455556666")},
		"of itself":               {session, "arn:aws:sts::111122223333:assumed-role/Deploy/2", key("role/deploy of 111122223333")},
		"by a root":               {session, "arn:aws:iam::444455556666:root", key("role/deploy of 111122223333")},
	} {
		a := HaveAccount{Caller: c.caller, Behind: c.behind}
		if got := a.Callers(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", what, got, c.want)
		}
	}
	if _, ok := PrincipalKeyOf(session); ok {
		t.Error("a session is no principal of an entry")
	}
}

func TestAPartLooksAtWhatItNames(t *testing.T) {
	whole, clusters := (*Part)(nil), &Part{Clusters: []ClusterKey{clusterA}}
	people, nobody := &Part{Only: []string{"user/ann"}, Principals: []string{annARN}}, &Part{Only: []string{"team/empty"}}
	for what, tt := range map[string]struct {
		part                 *Part
		a, b, ann, otherRole bool
	}{
		"no part":            {whole, true, true, true, true},
		"a cluster":          {clusters, true, false, true, true},
		"a person":           {people, true, true, true, false},
		"a team with nobody": {nobody, true, true, false, false},
	} {
		if tt.part.HasCluster(clusterA) != tt.a || tt.part.HasCluster(clusterB) != tt.b || tt.part.HasPrincipal(annARN) != tt.ann || tt.part.HasPrincipal(deployARN) != tt.otherRole {
			t.Error(what)
		}
	}
}

// A gap's unit is the list that failed.
func TestAGapHidesWhatWouldHaveBeenReadThroughIt(t *testing.T) {
	const id, region = "111122223333", "eu-west-1"
	for what, tt := range map[string]struct {
		gap                       Gap
		cluster, entry, neighbour bool // clusterA, ann's entry on it, clusterB
	}{
		"the account":          {Gap{What: GapAccount, Account: id}, true, true, true},
		"another account":      {Gap{What: GapAccount, Account: "444455556666"}, false, false, false},
		"the Region's list":    {Gap{What: GapClusters, Account: id, Region: region}, true, true, true},
		"another Region":       {Gap{What: GapClusters, Account: id, Region: "us-east-1"}, false, false, false},
		"the cluster":          {Gap{What: GapCluster, Account: id, Region: region, Cluster: "a"}, true, true, false},
		"its entries":          {Gap{What: GapEntries, Account: id, Region: region, Cluster: "a"}, true, true, false},
		"ann's entry":          {Gap{What: GapEntry, Account: id, Region: region, Cluster: "a", Principal: annARN}, false, true, false},
		"somebody else's":      {Gap{What: GapEntry, Account: id, Region: region, Cluster: "a", Principal: deployARN}, false, false, false},
		"the account's users":  {Gap{What: GapUsers, Account: id}, false, false, false},
		"the account's roles":  {Gap{What: GapRoles, Account: id}, false, false, false},
		"another, same region": {Gap{What: GapEntries, Account: id, Region: region, Cluster: "c"}, false, false, false},
	} {
		s := Snapshot{Gaps: []Gap{{What: GapUsers, Account: id}, tt.gap}}
		_, cluster := s.Unread(clusterA, "")
		g, entry := s.Unread(clusterA, annARN)
		_, neighbour := s.Unread(clusterB, "")
		if cluster != tt.cluster || entry != tt.entry || neighbour != tt.neighbour {
			t.Errorf("%s: cluster %v, entry %v, neighbour %v", what, cluster, entry, neighbour)
		}
		if entry && g != tt.gap || !entry && g != (Gap{}) {
			t.Errorf("%s: told as %+v", what, g)
		}
	}
}

// What was not read of workloads hides no entry of anybody.
func TestGapsOfWorkloadsHideNoEntry(t *testing.T) {
	for _, what := range []GapKind{GapServiceAccounts, GapArgoSecrets, GapRoleDetails, GapProviders, GapPodIdentities, GapPodIdentity, GapPolicy, GapAgent} {
		s := Snapshot{Gaps: []Gap{{What: what, Account: clusterA.Account, Principal: "arn:aws:iam::aws:policy/A"}}}
		if g, hidden := s.Unread(clusterA, annARN); hidden {
			t.Errorf("%s hides an entry: %+v", what, g)
		}
	}
}

func TestGapsAreOrderedByPlaceFirst(t *testing.T) {
	sorted := []Gap{
		{Account: "1", Region: "z"}, {Account: "2", Region: "a", Cluster: "z"}, {Account: "2", Region: "b", Cluster: "a", What: "z"},
		{Account: "2", Region: "b", Cluster: "b", What: "a", Principal: "z"}, {Account: "2", Region: "b", Cluster: "b", What: "b", Principal: "a", Reason: "z"},
		{Account: "2", Region: "b", Cluster: "b", What: "b", Principal: "b", Reason: "a"}, {Account: "2", Region: "b", Cluster: "b", What: "b", Principal: "b", Reason: "b"},
	}
	for i, a := range sorted {
		for j, b := range sorted {
			if got := a.Compare(b); got != max(-1, min(1, i-j)) {
				t.Errorf("%+v and %+v compare as %d", a, b, got)
			}
		}
	}
}

// Assumption remade-by-time: a principal made after its entry is another one.
func TestAnEntryIsAliveWhileThePrincipalItWasMadeForExists(t *testing.T) {
	unread := func(change func(*HaveAccount)) []HaveAccount {
		a := account()
		change(&a)
		return []HaveAccount{a}
	}
	read := unread(func(*HaveAccount) {})
	for what, tt := range map[string]struct {
		accounts  []HaveAccount
		principal string
		made      time.Time
		want      Alive
	}{
		"made before the entry":          {read, annARN, noon.Add(time.Hour), AliveYes},
		"made in the same second":        {read, annARN, noon, AliveYes},
		"made after the entry":           {read, deployARN, noon.Add(-time.Second), AliveRemade},
		"the entry's time is not told":   {read, annARN, time.Time{}, AliveYes},
		"no such user":                   {read, annARN + "a", noon, AliveGone},
		"no such role":                   {read, deployARN + "a", noon, AliveGone},
		"the same name without its path": {read, "arn:aws:iam::111122223333:role/deploy", noon, AliveGone},
		"an account nobody reads":        {read, "arn:aws:iam::444455556666:user/ann", noon, AliveUnknown},
		"no user and no role":            {read, "arn:aws:iam::111122223333:root", noon, AliveUnknown},
		"users not read, a user":         {unread(func(a *HaveAccount) { a.UsersRead = false }), annARN + "a", noon, AliveUnknown},
		"users not read, a role":         {unread(func(a *HaveAccount) { a.UsersRead = false }), deployARN + "a", noon, AliveGone},
		"roles not read, a role":         {unread(func(a *HaveAccount) { a.RolesRead = false }), deployARN + "a", noon, AliveUnknown},
		"roles not read, a user":         {unread(func(a *HaveAccount) { a.RolesRead = false }), annARN + "a", noon, AliveGone},
	} {
		s := Snapshot{Accounts: tt.accounts}
		if got := s.EntryAlive(&Entry{Principal: tt.principal, CreatedAt: tt.made}); got != tt.want {
			t.Errorf("%s: %d, want %d", what, got, tt.want)
		}
	}
}

func TestMembersAndPlacesAreWrittenAsPeopleWriteThem(t *testing.T) {
	for _, tt := range []struct {
		member    Member
		text, arn string
	}{
		{Member{UserMember, "aws", "1", "a/ann"}, "user/a/ann", "arn:aws:iam::1:user/a/ann"},
		{Member{RoleMember, "aws-cn", "1", "deploy"}, "role/deploy", "arn:aws-cn:iam::1:role/deploy"},
		{Member{ARNMember, "aws", "1", annARN}, annARN, annARN},
		{Member{PermissionSetMember, "aws", "1", "Backend"}, "permissionSet/Backend", ""},
	} {
		arn, ok := tt.member.ARN()
		if tt.member.String() != tt.text || arn != tt.arn || ok != (tt.arn != "") {
			t.Errorf("%+v: %s, %s %v", tt.member, tt.member, arn, ok)
		}
	}
	for want, p := range map[string]Place{"a.yaml": {File: "a.yaml"}, "a.yaml:3": {File: "a.yaml", Line: 3}, "a.yaml:1:7": {File: "a.yaml", Line: 1, Column: 7}, "b.yaml:1:1": {"b.yaml", 1, 1}} {
		if p.String() != want {
			t.Errorf("%s, want %s", p, want)
		}
	}
}
