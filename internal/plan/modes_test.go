package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// A mode that cannot be made is in the plan all the same: nothing vanishes.
func TestAModeThatCannotBeMadeIsHeldWithItsReason(t *testing.T) {
	region := access.Gap{What: access.GapClusters, Account: home, Region: "eu-west-1", Reason: "403"}
	entries := access.Gap{What: access.GapEntries, Account: home, Region: "eu-west-1", Cluster: "test", Reason: "throttled"}
	nobody := func() *access.Snapshot { s := sees(); s.Accounts = nil; return s }
	undescribed := haveCluster(test)
	undescribed.Mode, undescribed.EntriesRead = "", false
	for name, tt := range map[string]struct {
		have     *access.Snapshot
		from, to access.AuthMode
		held     []Hold
	}{
		"the cluster is not there":  {sees(), "", access.ModeAPI, []Hold{{NoCluster, "account " + home + " has no cluster test in eu-west-1"}}},
		"its region was not read":   {gap(sees(), region), "", access.ModeAPI, []Hold{{HalfRead, gapWords(region)}}},
		"its account was not asked": {nobody(), "", access.ModeAPI, []Hold{{HalfRead, "account " + home + " was not read"}}},
		"its mode was not told":     {sees(undescribed), "", access.ModeAPI, []Hold{{HalfRead, "the access entries of cluster test were not read"}}},
		"its entries were not read": {gap(sees(unread(haveCluster(test))), entries), access.ModeAPIAndConfigMap, access.ModeAPI, []Hold{{HalfRead, gapWords(entries)}}},
		"backwards":                 {sees(haveCluster(test)), access.ModeAPIAndConfigMap, access.ModeConfigMap, []Hold{{ModeStep, "EKS never goes back from API_AND_CONFIG_MAP to CONFIG_MAP"}}},
		"one step":                  {sees(haveCluster(test)), access.ModeAPIAndConfigMap, access.ModeAPI, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := wantCluster(test)
			w.Mode = tt.to
			p := Compute(wants(w), tt.have, Options{})
			want := []Change{{ID: "mode/" + home + "/eu-west-1/test", Verb: Update, Kind: AuthenticationMode, Cluster: test, Document: "test",
				From: Mode{tt.from}, To: Mode{tt.to}, Source: access.Place{File: "test.yaml", Line: 1}, Held: tt.held}}
			if diff := cmp.Diff(want, p.Changes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestARunThatLooksAtSomePeopleLeavesTheModeAndSaysSo(t *testing.T) {
	w := wantCluster(test, wantEntry("user/ann", ""))
	h := haveCluster(test)
	h.Mode, h.EntriesRead = access.ModeConfigMap, false
	for name, tt := range map[string]struct {
		part *access.Part
		to   access.AuthMode
		plan []string
		says string
	}{
		"the whole":           {nil, access.ModeAPIAndConfigMap, []string{"update mode/test", "create entry/test/user/ann after mode/test"}, ""},
		"a cluster":           {&access.Part{Clusters: []access.ClusterKey{test}}, access.ModeAPIAndConfigMap, []string{"update mode/test", "create entry/test/user/ann after mode/test"}, ""},
		"a person":            {&access.Part{Only: []string{"user/ann"}, Principals: []string{arn("user/ann")}}, access.ModeAPIAndConfigMap, []string{"create entry/test/user/ann !mode-config-map"}, "and this run looks at a part that leaves the mode out"},
		"another mode wanted": {nil, access.ModeConfigMap, []string{"create entry/test/user/ann !mode-config-map"}, "and its document does not want another mode"},
	} {
		t.Run(name, func(t *testing.T) {
			w.Mode = tt.to
			s := sees(h)
			s.Part = tt.part
			p := Compute(wants(w), s, Options{})
			if diff := cmp.Diff(tt.plan, lines(p)); diff != "" {
				t.Error(diff)
			}
			if tt.says != "" && !strings.HasSuffix(p.Changes[0].Held[0].Reason, tt.says) {
				t.Error(p.Changes[0].Held)
			}
		})
	}
}

// What is not known by its ARN belongs to the words that the user gave.
func TestAnUnresolvedMemberBelongsToItsNameAndItsTeam(t *testing.T) {
	want := wants(wantCluster(test, wantEntry("permissionSet/None", "")))
	for word, planned := range map[string]bool{"permissionSet/None": true, "team/team": true, "team/other": false, "permissionSet/Backend": false} {
		have := sees(haveCluster(test))
		have.Part = &access.Part{Only: []string{word}}
		if got := lines(Compute(want, have, Options{})); (got != nil) != planned {
			t.Errorf("--only %s: %v", word, got)
		}
	}
	have := sees(haveCluster(test))
	have.Part = &access.Part{Clusters: []access.ClusterKey{test}}
	if got := lines(Compute(want, have, Options{})); got == nil {
		t.Error("a narrowed run over clusters looks at all people")
	}
}

func TestNothingInAGapIsDeletedThoughTheClusterWasSeen(t *testing.T) {
	have := gap(sees(haveCluster(test, haveEntry("user/ann", "Edit:a"))), access.Gap{What: access.GapEntries, Account: home, Region: "eu-west-1", Cluster: "test", Reason: "page cut"})
	if got := lines(Compute(wants(wantCluster(test)), have, Options{})); got != nil {
		t.Error(got)
	}
}

func TestAdoptingIsJudgedOrderedAndKeptToItsPart(t *testing.T) {
	want := wants(wantCluster(test, wantEntry("user/ann", ""), wantEntry("user/bob", ""), wantEntry("role/admin", ""), wantEntry("user/cid", "")),
		wantCluster(prod, wantEntry("user/ann", "")), wantCluster(access.ClusterKey{Account: home, Region: "eu-west-1", Name: "zz"}, wantEntry("user/ann", "")))
	// The cluster that was not seen is first; ann has no entry on test.
	want.Clusters[0], want.Clusters[2] = want.Clusters[2], want.Clusters[0]
	have := func() *access.Snapshot {
		bare := foreignEntry("user/bob", "")
		bare.Tags = nil
		return sees(haveCluster(test, bare, foreignEntry("role/admin", ""), foreignEntry("user/cid", "")), haveCluster(prod, foreignEntry("user/ann", "")))
	}
	for name, tt := range map[string]struct {
		part *access.Part
		want []string
	}{
		"all, the caller's own last": {nil, []string{"update entry/prod/user/ann", "update entry/test/user/bob !g", "update entry/test/user/cid", "update entry/test/role/admin"}},
		"a cluster":                  {&access.Part{Clusters: []access.ClusterKey{prod}}, []string{"update entry/prod/user/ann"}},
		"a person":                   {&access.Part{Only: []string{"user/cid"}, Principals: []string{arn("user/cid")}}, []string{"update entry/test/user/cid"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := have()
			s.Part = tt.part
			var guards []Guard
			if tt.part == nil {
				guards = []Guard{holding("g", false, bobID)}
			}
			p, err := Adoptions(want, s, nil, guards...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lines(p)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAMemberInConflictIsNotAdopted(t *testing.T) {
	w := wantCluster(test, wantEntry("permissionSet/Backend", ""))
	w.Remove = []access.ListedMember{{Member: member(arn(backendRole))}}
	p, err := Adoptions(wants(w), sees(haveCluster(test, foreignEntry(backendRole, ""))), nil)
	if err != nil || len(p.Changes) != 1 || len(p.Changes[0].Held) == 0 || p.Changes[0].Held[0].Guard != Conflict {
		t.Errorf("%v, %v", lines(p), err)
	}
}

func TestADeadEntryIsAdoptedForItGivesNothing(t *testing.T) {
	dead := foreignEntry("user/ann", "Edit:a View:b group:g")
	dead.CreatedAt = morning.AddDate(0, -1, 0)
	p, err := Adoptions(wants(wantCluster(test, wantEntry("user/ann", "Edit:a"))), sees(haveCluster(test, dead)), nil)
	if diff := cmp.Diff([]string{"update entry/test/user/ann"}, lines(p)); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestForeignEntriesAreListedByClusterAndName(t *testing.T) {
	w := wantCluster(test, wantEntry("user/zoe", ""), wantEntry("user/bob", ""))
	p := Compute(wants(w), sees(haveCluster(test, foreignEntry("user/cid", ""), foreignEntry("user/bob", ""), foreignEntry("role/admin", "")), haveCluster(prod, foreignEntry("user/zoe", ""))), Options{})
	var got []string
	for _, f := range p.Foreign {
		got = append(got, f.Cluster.Name+" "+strings.TrimPrefix(f.Name, arn("")))
	}
	if diff := cmp.Diff([]string{"prod user/zoe", "test role/admin", "test user/bob", "test user/cid"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDependenciesOfGuardsAreSortedAndAddedOnce(t *testing.T) {
	want := wants(wantCluster(test, wantEntry("user/ann", "Edit:a"), wantEntry("user/bob", ""), wantEntry("user/cid", "")))
	cidID := strings.Replace(bobID, "bob", "cid", 1)
	after := Guard{Slug: "after", Check: func(*Input) Findings {
		return Findings{After: []Dependency{{annID, cidID}, {annID, bobID}, {annID, cidID}, {bobID, cidID}}}
	}}
	p := Compute(want, sees(haveCluster(test)), Options{}, Guard{Slug: "not asked"}, after)
	if diff := cmp.Diff([]string{
		"create entry/test/user/cid",
		"create entry/test/user/bob after entry/test/user/cid",
		"create entry/test/user/ann after entry/test/user/bob,entry/test/user/cid",
		"create association/test/user/ann/Edit after entry/test/user/ann",
	}, lines(p)); diff != "" {
		t.Error(diff)
	}
}
