package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

func TestComputeDecidesEachEntryByWhatIsWantedAndThere(t *testing.T) {
	const otherTool = " tag:created-by=terraform"
	for name, c := range map[string]struct {
		want    []access.WantEntry
		have    []access.Entry
		plan    []string
		foreign []string // principals; "=" after those that are adoptable, "+" after the others that are wanted
	}{
		"a wanted entry that is not there is made, then its policies": {
			want: []access.WantEntry{wantEntry("user/ann", "Edit:a,b View:cluster group:g")},
			plan: []string{
				"create entry/test/user/ann",
				"create association/test/user/ann/Edit after entry/test/user/ann",
				"create association/test/user/ann/View after entry/test/user/ann",
			},
		},
		"an equal entry of ours needs nothing, whatever tags it has besides": {
			want: []access.WantEntry{wantEntry("user/ann", "Edit:a,b group:g")},
			have: []access.Entry{haveEntry("user/ann", "Edit:b,a group:g tag:more=x tag:aws:x=y")},
		},
		"EKS's default username is equal to none": {
			want: []access.WantEntry{wantEntry("role/ci/deploy", "group:g")},
			have: []access.Entry{haveEntry("role/ci/deploy", "group:g username:arn:aws:sts::"+home+":assumed-role/deploy/{{SessionName}}")},
		},
		"a username no longer wanted goes back to EKS's default": {
			want: []access.WantEntry{wantEntry("user/ann", "")},
			have: []access.Entry{haveEntry("user/ann", "username:anna")},
			plan: []string{"update entry/test/user/ann"},
		},
		"groups that differ are an update": {
			want: []access.WantEntry{wantEntry("user/ann", "group:g")},
			have: []access.Entry{haveEntry("user/ann", "group:h")},
			plan: []string{"update entry/test/user/ann"},
		},
		"policies are changes of their own": {
			want: []access.WantEntry{wantEntry("user/ann", "Edit:a View:b")},
			have: []access.Entry{haveEntry("user/ann", "Edit:a,c Admin:d")},
			plan: []string{
				"create association/test/user/ann/View",
				"update association/test/user/ann/Edit after association/test/user/ann/View",
				"delete association/test/user/ann/Admin after association/test/user/ann/View",
			},
		},
		"a type cannot be changed, so the entry is replaced": {
			want: []access.WantEntry{wantEntry("role/nodes", "View:a")},
			have: []access.Entry{haveEntry("role/nodes", "type:EC2_LINUX group:system:nodes")},
			plan: []string{
				"replace entry/test/role/nodes",
				"create association/test/role/nodes/View after entry/test/role/nodes",
			},
		},
		"groups and username of a node role are EKS's": {
			want: []access.WantEntry{wantEntry("role/nodes", "type:EC2_LINUX")},
			have: []access.Entry{haveEntry("role/nodes", "type:EC2_LINUX group:system:nodes username:system:node:{{EC2PrivateDNSName}}")},
		},
		"what nobody wants any more is deleted with its policies": {
			have: []access.Entry{haveEntry("user/ann", "Edit:a")},
			plan: []string{"delete entry/test/user/ann"},
		},
		"what is not ours is left and listed": {
			have:    []access.Entry{foreignEntry("user/ann", "Edit:a"), foreignEntry("role/nodes", "type:EC2_LINUX")},
			foreign: []string{"role/nodes", "user/ann"},
		},
		"an entry with our tags and another tool's mark is not ours": {
			have:    []access.Entry{haveEntry("user/ann", "Edit:a"+otherTool)},
			foreign: []string{"user/ann"},
		},
		"a foreign entry that is equal is adoptable": {
			want:    []access.WantEntry{wantEntry("user/ann", "Edit:a")},
			have:    []access.Entry{foreignEntry("user/ann", "Edit:a"+otherTool)},
			foreign: []string{"user/ann="},
		},
		"a foreign entry that differs is held, the rest goes on": {
			want: []access.WantEntry{wantEntry("user/ann", "Edit:a group:g"), wantEntry("user/bob", "Edit:a")},
			have: []access.Entry{foreignEntry("user/ann", "Edit:b View:a")},
			plan: []string{
				"create entry/test/user/bob",
				"update entry/test/user/ann !foreign",
				"create association/test/user/bob/Edit after entry/test/user/bob",
				"update association/test/user/ann/Edit after entry/test/user/ann !foreign",
				"delete association/test/user/ann/View after entry/test/user/ann !foreign",
			},
			foreign: []string{"user/ann+"},
		},
		"our tags are put back without touching others": {
			want: []access.WantEntry{wantEntry("user/ann", "Edit:a")},
			have: []access.Entry{func() access.Entry {
				e := haveEntry("user/ann", "Edit:a tag:stage=old tag:keep=me")
				return e
			}()},
			plan: []string{"update entry/test/user/ann"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := wants(wantCluster(test, c.want...))
			if strings.HasPrefix(name, "our tags") {
				want.Tags = map[string]string{"stage": "new"}
			}
			p := Compute(want, sees(haveCluster(test, c.have...)), Options{})
			if diff := cmp.Diff(c.plan, lines(p)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			var foreign []string
			for _, f := range p.Foreign {
				mark := ""
				if f.Adoptable {
					mark = "="
				} else if f.Wanted {
					mark = "+"
				}
				foreign = append(foreign, strings.TrimPrefix(f.Name, arn(""))+mark)
			}
			if diff := cmp.Diff(c.foreign, foreign); diff != "" {
				t.Errorf("foreign (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTagsOfOthersStayInAnUpdate(t *testing.T) {
	want := wants(wantCluster(test, wantEntry("user/ann", "")))
	want.Tags = map[string]string{"stage": "new"}
	p := Compute(want, sees(haveCluster(test, haveEntry("user/ann", "tag:stage=old tag:keep=me"))), Options{})
	to := p.Changes[0].To.(Entry)
	if diff := cmp.Diff(map[string]string{"stage": "new", "keep": "me", access.TagEnvironment: "ops", access.TagID: "k7f3c9a1"}, to.Tags); diff != "" {
		t.Error(diff)
	}
	if len(p.Changes[0].Gained)+len(p.Changes[0].Lost) != 0 {
		t.Error("tags give or take no access")
	}
}

func TestForeignOwnersAreNamed(t *testing.T) {
	linked := "arn:aws:iam::" + home + ":role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS"
	p := Compute(wants(wantCluster(test)), sees(haveCluster(test,
		foreignEntry(linked, ""),
		foreignEntry("role/nodes", "type:EC2_LINUX"),
		foreignEntry("user/ann", "tag:created-by=terraform"),
		foreignEntry("user/bob", ""),
		foreignEntry("user/cid", "tag:atlas-iam.dev/environment=ops tag:atlas-iam.dev/id=other"),
	)), Options{})
	var owners []string
	for _, f := range p.Foreign {
		owners = append(owners, f.Owner)
	}
	want := []string{"AWS (service-linked role)", "Amazon EKS (node role)", "tag created-by=terraform", "nobody's mark",
		"another environment named ops (id other)"}
	if diff := cmp.Diff(want, owners); diff != "" {
		t.Error(diff)
	}
}

func TestTheForeignHoldSaysTheDifference(t *testing.T) {
	p := Compute(wants(wantCluster(test, wantEntry("user/ann", "Edit:a group:g"))),
		sees(haveCluster(test, foreignEntry("user/ann", "Edit:b View:c group:h tag:created-by=terraform"))), Options{})
	var reasons []string
	for _, c := range p.Changes {
		reasons = append(reasons, c.Held[0].Reason)
	}
	const all = "the entry is not ours (tag created-by=terraform): groups are h, wanted are g; policy Edit has b, wanted is a; policy View on c is not wanted; " +
		"release it there, then take the mark off: aws eks untag-resource --region eu-west-1 --resource-arn arn:aws:eks:eu-west-1:111111111111:access-entry/x/user/ann --tag-keys created-by; " +
		"it gives group h; policy Edit on b; policy View on c: let the documents want that first, take it over by `atlas-iam adopt`, then narrow them, or take the principal out of the documents"
	want := []string{all, all, all} // one reason, so that it is one row
	if diff := cmp.Diff(want, reasons); diff != "" {
		t.Error(diff)
	}
}

// shows: item S8
func TestRemoveReachesWhatWeDidNotMake(t *testing.T) {
	w := wantCluster(test)
	w.Remove = []access.ListedMember{{Member: member("role/admin"), Place: access.Place{File: "c.yaml", Line: 9}}}
	have := sees(haveCluster(test, foreignEntry("role/admin", "ClusterAdmin:cluster"), foreignEntry("user/ann", "")))
	p := Compute(wants(w), have, Options{})
	if diff := cmp.Diff([]string{"delete entry/test/role/admin"}, lines(p)); diff != "" {
		t.Error(diff)
	}
	if len(p.Foreign) != 1 || p.Changes[0].Source.Line != 9 {
		t.Errorf("foreign %v, source %v", p.Foreign, p.Changes[0].Source)
	}
	t.Run("but destroy does not: that would touch what is not ours", func(t *testing.T) {
		if got := lines(Compute(wants(w), have, Options{Destroy: true})); got != nil {
			t.Error(got)
		}
	})
}

func TestADeadEntryIsReplacedAndNothingIsLost(t *testing.T) {
	dead := haveEntry("user/ann", "Edit:a")
	dead.CreatedAt = morning.AddDate(0, -1, 0)
	p := Compute(wants(wantCluster(test, wantEntry("user/ann", "Edit:a"))), sees(haveCluster(test, dead)), Options{})
	want := []string{
		"replace entry/test/user/ann",
		"create association/test/user/ann/Edit after entry/test/user/ann",
	}
	if diff := cmp.Diff(want, lines(p)); diff != "" {
		t.Error(diff)
	}
	if len(p.Changes[0].Lost) != 0 || len(p.Changes[1].Gained) != 1 {
		t.Errorf("lost %v, gained %v", p.Changes[0].Lost, p.Changes[1].Gained)
	}
	if from := p.Changes[0].From.(Entry); len(from.Associations) != 1 {
		t.Error("a replace's from has the policies that go with it")
	}
	t.Run("and a dead foreign one is not adoptable", func(t *testing.T) {
		dead.Tags = nil
		p := Compute(wants(wantCluster(test, wantEntry("user/ann", "Edit:a"))), sees(haveCluster(test, dead)), Options{})
		if len(p.Foreign) != 1 || p.Foreign[0].Adoptable || p.Changes[0].Held[0].Guard != ForeignEntry {
			t.Errorf("%v", p.Foreign)
		}
	})
}

func TestWhatWeOwnOnAClusterWithoutDocumentIsDeleted(t *testing.T) {
	p := Compute(wants(wantCluster(test)), sees(haveCluster(test), haveCluster(prod, haveEntry("user/ann", "Edit:a"))), Options{})
	if diff := cmp.Diff([]string{"delete entry/prod/user/ann"}, lines(p)); diff != "" {
		t.Error(diff)
	}
}

func TestClustersThatCannotBeChangedHoldTheirOwn(t *testing.T) {
	ann := wantEntry("user/ann", "Edit:a")
	held := func(slug string) []string {
		return []string{"create entry/test/user/ann !" + slug, "create association/test/user/ann/Edit after entry/test/user/ann !" + slug}
	}
	for name, c := range map[string]struct {
		have *access.Snapshot
		plan []string
	}{
		"a cluster that is not there": {sees(), held(NoCluster)},
		"a cluster that could not be described": {
			gap(sees(), access.Gap{What: access.GapCluster, Account: home, Region: "eu-west-1", Cluster: "test", Reason: "403"}), held(HalfRead)},
		"a region whose clusters could not be listed": {
			gap(sees(), access.Gap{What: access.GapClusters, Account: home, Region: "eu-west-1", Reason: "403"}), held(HalfRead)},
		"another region's gap does not count": {
			gap(sees(), access.Gap{What: access.GapClusters, Account: home, Region: "eu-west-2", Reason: "403"}), held(NoCluster)},
		"entries that could not be listed: nothing is deleted": {
			gap(sees(unread(haveCluster(test, haveEntry("user/bob", "Edit:a")))),
				access.Gap{What: access.GapEntries, Account: home, Region: "eu-west-1", Cluster: "test", Reason: "page cut"}), held(HalfRead)},
		"an entry that could not be described is not made again": {
			gap(sees(haveCluster(test, haveEntry("user/bob", "Edit:a"))),
				access.Gap{What: access.GapEntry, Account: home, Region: "eu-west-1", Cluster: "test", Principal: arn("user/ann"), Reason: "500"}),
			append(held(HalfRead), "delete entry/test/user/bob")},
	} {
		t.Run(name, func(t *testing.T) {
			p := Compute(wants(wantCluster(test, ann)), c.have, Options{})
			if diff := cmp.Diff(c.plan, lines(p)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func gap(s *access.Snapshot, g access.Gap) *access.Snapshot {
	s.Gaps = append(s.Gaps, g)
	slices.SortFunc(s.Gaps, access.Gap.Compare)
	return s
}

func unread(c access.HaveCluster) access.HaveCluster {
	c.EntriesRead = false
	return c
}

func TestModesGoForwardOneStep(t *testing.T) {
	ann := wantEntry("user/ann", "")
	for name, c := range map[string]struct {
		from, to access.AuthMode
		plan     []string
	}{
		"not managed, entries possible": {access.ModeAPI, "", []string{"create entry/test/user/ann"}},
		"as wanted":                     {access.ModeAPI, access.ModeAPI, []string{"create entry/test/user/ann"}},
		"entries wait for the mode": {access.ModeConfigMap, access.ModeAPIAndConfigMap,
			[]string{"update mode/test", "create entry/test/user/ann after mode/test"}},
		"to API after the grants, for aws-auth ceases to count": {access.ModeAPIAndConfigMap, access.ModeAPI,
			[]string{"create entry/test/user/ann", "update mode/test after entry/test/user/ann"}},
		"two steps are held": {access.ModeConfigMap, access.ModeAPI,
			[]string{"update mode/test !mode-step", "create entry/test/user/ann after mode/test !depends"}},
		"backwards is held, entries go on": {access.ModeAPI, access.ModeAPIAndConfigMap,
			[]string{"create entry/test/user/ann", "update mode/test !mode-step"}},
		"CONFIG_MAP keeps no entries": {access.ModeConfigMap, "", []string{"create entry/test/user/ann !mode-config-map"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := wantCluster(test, ann)
			w.Mode = c.to
			h := haveCluster(test)
			h.Mode, h.EntriesRead = c.from, c.from.TakesEntries()
			got := lines(Compute(wants(w), sees(h), Options{Allow: []string{ModeStep, ModeConfigMap, Depends}}))
			want := slices.Sorted(slices.Values(c.plan))
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// shows: item S7
func TestMembersAreLookedUp(t *testing.T) {
	for name, c := range map[string]struct {
		want string
		have []access.Entry
		edit func(*access.Snapshot)
		plan []string
		says string // in the first hold
	}{
		"a permission set is its one role": {want: "permissionSet/Backend", plan: []string{"create entry/test/sso:AWSReservedSSO_Backend_0123456789abcdef"}},
		"no such permission set": {want: "permissionSet/Front", plan: []string{"create entry/test/permissionSet/Front !no-principal"},
			says: "no role of permission set Front"},
		"two roles of one permission set: neither is taken, neither is deleted": {want: "permissionSet/Backend",
			have: []access.Entry{haveEntry(backendRole, "")},
			edit: func(s *access.Snapshot) {
				s.Accounts[0].Roles = append([]access.Principal{{ARN: strings.Replace(arn(backendRole), "_0123", "_0000", 1)}}, s.Accounts[0].Roles...)
				slices.SortFunc(s.Accounts[0].Roles, func(a, b access.Principal) int { return strings.Compare(a.ARN, b.ARN) })
			},
			plan: []string{"create entry/test/permissionSet/Backend !no-principal", "delete entry/test/sso:AWSReservedSSO_Backend_0123456789abcdef !no-principal"},
			says: "has 2 roles of permission set Backend"},
		"roles unread: what may be the set's is not deleted": {want: "permissionSet/Backend",
			have: []access.Entry{haveEntry(backendRole, ""), haveEntry("role/old", "")},
			edit: func(s *access.Snapshot) {
				s.Accounts[0].RolesRead, s.Accounts[0].Roles = false, nil
				gap(s, access.Gap{What: access.GapRoles, Account: home, Reason: "AccessDenied"})
			},
			plan: []string{"create entry/test/permissionSet/Backend !half-read",
				"delete entry/test/sso:AWSReservedSSO_Backend_0123456789abcdef !half-read", "delete entry/test/role/old"},
			says: "AccessDenied"},
		"a role that is there": {want: "role/ci/deploy", plan: []string{"create entry/test/role/ci/deploy"}},
		"a role under another path is said so, and not deleted for it": {want: "role/deploy", have: []access.Entry{haveEntry("role/ci/deploy", "")},
			plan: []string{"create entry/test/role/deploy !no-principal", "delete entry/test/role/ci/deploy !no-principal"},
			says: "role deploy is role/ci/deploy there"},
		"no such user": {want: "user/zoe", plan: []string{"create entry/test/user/zoe !no-principal"}, says: "has no user zoe"},
		"a user where users were not read cannot be checked": {want: "user/zoe",
			edit: func(s *access.Snapshot) { s.Accounts[0].UsersRead, s.Accounts[0].Users = false, nil },
			plan: []string{"create entry/test/user/zoe"}},
		"another account's role cannot be checked": {want: "arn:aws:iam::" + partner + ":role/x",
			plan: []string{"create entry/test/arn:aws:iam::" + partner + ":role/x"}},
	} {
		t.Run(name, func(t *testing.T) {
			have := sees(haveCluster(test, c.have...))
			if c.edit != nil {
				c.edit(have)
			}
			p := Compute(wants(wantCluster(test, wantEntry(c.want, ""))), have, Options{})
			got, want := lines(p), slices.Clone(c.plan)
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if c.says != "" && (len(p.Changes[0].Held) == 0 || !strings.Contains(p.Changes[0].Held[0].Reason, c.says)) {
				t.Errorf("held %v, want %q", p.Changes[0].Held, c.says)
			}
		})
	}
}

func TestTheStepToAPIWaitsForEveryGrant(t *testing.T) {
	w := wantCluster(test, wantEntry("user/ann", "Edit:a"), wantEntry("user/gone", ""))
	w.Mode = access.ModeAPI
	want := []string{
		"create entry/test/user/ann",
		"create entry/test/user/gone !no-principal",
		"create association/test/user/ann/Edit after entry/test/user/ann",
		"update mode/test after association/test/user/ann/Edit,entry/test/user/ann",
	}
	if diff := cmp.Diff(want, lines(Compute(wants(w), sees(haveCluster(test)), Options{}))); diff != "" {
		t.Error(diff)
	}
}

func TestTwoMembersThatAreOnePrincipal(t *testing.T) {
	set, role := wantEntry("permissionSet/Backend", "Edit:a group:g"), wantEntry(arn(backendRole), "Edit:b View:c")
	p := Compute(wants(wantCluster(test, set, role)), sees(haveCluster(test)), Options{})
	to := map[string]string{}
	for _, c := range p.Changes {
		if a, ok := c.To.(Association); ok {
			to[access.ShortPolicy(a.Policy)] = a.Scope.String()
		}
	}
	if diff := cmp.Diff(map[string]string{"Edit": "a, b", "View": "c"}, to); diff != "" || len(p.Changes) != 3 {
		t.Errorf("%s%v", diff, lines(p))
	}
	t.Run("with two usernames they are held", func(t *testing.T) {
		set.Username, role.Username = "one", "two"
		p := Compute(wants(wantCluster(test, set, role)), sees(haveCluster(test)), Options{})
		for _, c := range p.Changes {
			if len(c.Held) == 0 || c.Held[0].Guard != Conflict {
				t.Errorf("%s: held %v", c.ID, c.Held)
			}
		}
	})
	t.Run("wanted and to be removed is held", func(t *testing.T) {
		w := wantCluster(test, wantEntry("permissionSet/Backend", ""))
		w.Remove = []access.ListedMember{{Member: member(arn(backendRole))}}
		p := Compute(wants(w), sees(haveCluster(test)), Options{})
		if len(p.Changes) != 1 || len(p.Changes[0].Held) == 0 || p.Changes[0].Held[0].Guard != Conflict {
			t.Errorf("%v", lines(p))
		}
	})
}

// shows: item S11
func TestAPartPlansAndDeletesNothingOutside(t *testing.T) {
	want := wants(wantCluster(test, wantEntry("user/ann", ""), wantEntry("user/bob", "")), wantCluster(prod, wantEntry("user/ann", "")))
	have := func(p *access.Part) *access.Snapshot {
		s := sees(haveCluster(test, haveEntry("user/cid", "")), haveCluster(prod, haveEntry("user/cid", "")))
		s.Part = p
		return s
	}
	for name, c := range map[string]struct {
		part *access.Part
		plan []string
	}{
		"a cluster": {&access.Part{Clusters: []access.ClusterKey{prod}}, []string{"create entry/prod/user/ann", "delete entry/prod/user/cid"}},
		"a person":  {&access.Part{Only: []string{"user/bob"}, Principals: []string{arn("user/bob")}}, []string{"create entry/test/user/bob"}},
		"a person whom nobody wants any more": {&access.Part{Clusters: []access.ClusterKey{test}, Only: []string{"user/cid"}, Principals: []string{arn("user/cid")}},
			[]string{"delete entry/test/user/cid"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.plan, lines(Compute(want, have(c.part), Options{}))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// shows: item S22
func TestDestroyDeletesOursAndLeavesTheMode(t *testing.T) {
	w := wantCluster(test, wantEntry("user/ann", "Edit:a"))
	w.Mode = access.ModeAPI
	have := sees(haveCluster(test, haveEntry("user/ann", "Edit:a"), foreignEntry("user/bob", "")), haveCluster(prod, haveEntry("user/cid", "")))
	p := Compute(wants(w), have, Options{Destroy: true})
	if diff := cmp.Diff([]string{"delete entry/prod/user/cid", "delete entry/test/user/ann"}, lines(p)); diff != "" {
		t.Error(diff)
	}
	if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0].Text, "test stays API_AND_CONFIG_MAP") {
		t.Errorf("warnings %v", p.Warnings)
	}
}
