package plan

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// What a reader of one change, one warning or one saved plan relies on.

// from is a wish of a team at a line of its document.
func from(team string, line int) access.Source {
	return access.Source{Team: team, Place: access.Place{File: team + ".yaml", Line: line}}
}

func TestAChangeSaysWhoseItIsAndWhoAskedForIt(t *testing.T) {
	ann := wantEntry("user/ann", "Edit:a group:g username:u")
	ann.Sources = []access.Source{from("qa", 9), from("", 2), from("dev", 4), from("qa", 11)}
	ann.Associations[0].Parts = []access.WantScope{{Scope: ann.Associations[0].Scope, Source: from("qa", 20)}, {Source: from("", 5)}, {Source: from("dev", 21)}, {Source: from("qa", 22)}}
	p := Compute(wants(wantCluster(test, ann)), sees(haveCluster(test)), Options{})
	who := Grant{Cluster: test, Document: "test", Principal: arn("user/ann"), Member: "user/ann", Teams: []string{"dev", "qa"}, Source: access.Place{File: "qa.yaml", Line: 9}}
	group, username, edit := who, who, who
	group.Group, username.Username = "g", "u"
	edit.Policy, edit.Scope, edit.Source = policyARN("Edit"), access.NamespaceScope("a"), access.Place{File: "qa.yaml", Line: 20}
	edit.Risks = []access.Risk{access.RiskSecrets, access.RiskExec, access.RiskImpersonate}
	want := []Change{
		{ID: annID, Verb: Create, Kind: AccessEntry, Cluster: test, Document: "test", Principal: arn("user/ann"), Member: "user/ann", Teams: []string{"dev", "qa"},
			Source: access.Place{File: "qa.yaml", Line: 9}, Gained: []Grant{group, username},
			To: Entry{access.Entry{Principal: arn("user/ann"), Type: access.Standard, Username: "u", Groups: []string{"g"}, Tags: owner.Tags()}}},
		{ID: annsID, Verb: Create, Kind: PolicyAssociation, Cluster: test, Document: "test", Principal: arn("user/ann"), Member: "user/ann", Teams: []string{"dev", "qa"},
			Source: access.Place{File: "qa.yaml", Line: 20}, Gained: []Grant{edit}, DependsOn: []string{annID},
			To: Association{arn("user/ann"), access.Association{Policy: policyARN("Edit"), Scope: access.NamespaceScope("a")}}},
	}
	if diff := cmp.Diff(want, p.Changes); diff != "" {
		t.Error(diff)
	}
}

// Each policy of an entry is of the teams that grant it.
func TestAPolicysChangeIsOfTheTeamsThatGrantIt(t *testing.T) {
	ann := wantEntry("user/ann", "Edit:a View:b")
	ann.Sources = []access.Source{from("qa", 9), from("dev", 4)}
	for i, team := range []string{"qa", "dev"} {
		ann.Associations[i].Parts = []access.WantScope{{Scope: ann.Associations[i].Scope, Source: from(team, 20)}}
	}
	p := Compute(wants(wantCluster(test, ann)), sees(haveCluster(test)), Options{})
	var got []string
	for _, c := range p.Changes {
		got = append(got, strings.TrimPrefix(c.ID, annID)+" of "+strings.Join(c.Teams, ","))
	}
	short := strings.TrimSuffix(annsID, "Edit")
	if diff := cmp.Diff([]string{" of dev,qa", short + "Edit of qa", short + "View of dev"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatGoesIsNamedAsADocumentCouldNameIt(t *testing.T) {
	other := "arn:aws:iam::" + partner + ":role/x"
	have := sees(haveCluster(test, haveEntry("user/ann", ""), haveEntry("role/ci/deploy", ""), haveEntry(backendRole, ""), haveEntry(other, "")))
	p := Compute(wants(wantCluster(test)), have, Options{})
	var names []string
	for _, c := range p.Changes {
		names = append(names, c.Member)
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{other, "permissionSet/Backend", "role/ci/deploy", "user/ann"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestAnUpdateKeepsWhatIsNotItsOwn(t *testing.T) {
	have := haveEntry("user/ann", "Edit:a group:h tag:aws:x=1 tag:keep=me")
	p := Compute(wants(wantCluster(test, wantEntry("user/ann", "Edit:a group:g"))), sees(haveCluster(test, have)), Options{})
	if len(p.Changes) != 1 {
		t.Fatal(lines(p))
	}
	from, to := p.Changes[0].From.(Entry), p.Changes[0].To.(Entry)
	if from.Associations != nil || to.Associations != nil {
		t.Error("policies are changes of their own")
	}
	if to.ARN != have.ARN || !to.CreatedAt.Equal(have.CreatedAt) || to.ARN == "" {
		t.Errorf("%s made %s is another entry", to.ARN, to.CreatedAt)
	}
	if to.Tags["aws:x"] != "1" || to.Tags["keep"] != "me" || to.Username != arn("user/ann") {
		t.Errorf("%+v", to)
	}
}

func TestAReplacedEntryIsANewOne(t *testing.T) {
	have := haveEntry("role/nodes", "type:EC2_LINUX group:system:nodes username:system:node:x tag:aws:x=1 tag:keep=me")
	p := Compute(wants(wantCluster(test, wantEntry("role/nodes", "group:g"))), sees(haveCluster(test, have)), Options{})
	to := p.Changes[0].To.(Entry)
	want := Entry{access.Entry{Principal: arn("role/nodes"), Type: access.Standard, Groups: []string{"g"},
		Username: "arn:aws:sts::" + home + ":assumed-role/nodes/{{SessionName}}",
		Tags:     map[string]string{"keep": "me", access.TagEnvironment: "ops", access.TagID: "k7f3c9a1"}}} // AWS's tags cannot be written
	if diff := cmp.Diff(want, to); diff != "" {
		t.Error(diff)
	}
}

// EKS API, CreateAccessEntry: the groups and the username of a node type are
// EKS's to set, and only those of EC2_LINUX are published.
func TestEntriesOfNodesAreLeftWithTheirGroupsAndUsername(t *testing.T) {
	w := wantCluster(test, wantEntry("role/nodes", "type:EC2_LINUX"))
	same := haveEntry("role/nodes", "type:EC2_LINUX group:system:nodes username:system:node:{{EC2PrivateDNSName}}")
	if got := lines(Compute(wants(w), sees(haveCluster(test, same)), Options{})); got != nil {
		t.Error(got)
	}
	for kind, want := range map[string][]string{"EC2_LINUX": {"group system:nodes"}, "EC2_WINDOWS": nil, "HYBRID_LINUX": nil} {
		p := Compute(wants(wantCluster(test, wantEntry("role/nodes", "type:"+kind))), sees(haveCluster(test)), Options{})
		var gained []string
		for _, g := range p.Changes[0].Gained {
			gained = append(gained, grantWords(g))
		}
		if diff := cmp.Diff(want, gained); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
		if e := p.Changes[0].To.(Entry); e.Groups != nil || e.Username != "" {
			t.Errorf("%s: %+v", kind, e)
		}
	}
	gone := Compute(wants(wantCluster(test)), sees(haveCluster(test, same)), Options{})
	if l := gone.Changes[0].Lost; len(l) != 1 || grantWords(l[0]) != "group system:nodes" {
		t.Errorf("lost with a node's entry: %v", l)
	}
}

func TestAReplaceGainsWhatTheNewEntryGives(t *testing.T) {
	p := Compute(wants(wantCluster(test, wantEntry("role/nodes", "group:g username:u"))), sees(haveCluster(test, haveEntry("role/nodes", "type:EC2_LINUX group:system:nodes"))), Options{})
	var words []string
	for _, g := range p.Changes[0].Gained {
		words = append(words, "+"+grantWords(g))
	}
	for _, g := range p.Changes[0].Lost {
		words = append(words, "-"+grantWords(g))
	}
	if diff := cmp.Diff([]string{"+group g", "+username u", "-group system:nodes"}, words); diff != "" {
		t.Error(diff)
	}
}

func TestNobodyLosesAccessByAnEntryWhosePrincipalIsGone(t *testing.T) {
	p := Compute(wants(wantCluster(test)), sees(haveCluster(test, haveEntry("user/zoe", "Edit:a group:g"), haveEntry("user/ann", "Edit:a"))), Options{})
	lost := map[string]int{}
	for _, c := range p.Changes {
		lost[c.Member] = len(c.Lost)
	}
	if diff := cmp.Diff(map[string]int{"user/ann": 1, "user/zoe": 0}, lost); diff != "" {
		t.Error(diff)
	}
}

func TestTheForeignHoldSaysEveryDifferenceOfTheEntry(t *testing.T) {
	for name, tt := range map[string]struct {
		want, have string
		dead       bool
		says       string
	}{
		"type":          {"group:g", "type:EC2_LINUX", false, "type is EC2_LINUX, wanted is STANDARD; username is none, wanted is arn:aws:sts::" + home + ":assumed-role/nodes/{{SessionName}}; groups are none, wanted are g; let who made it delete it, and plan again"},
		"username":      {"username:v", "username:u", false, "username is u, wanted is v; it gives username u: let the documents want that first, take it over by `atlas-iam adopt`, then narrow them"},
		"no groups":     {"", "group:g group:h", false, "groups are g, h, wanted are none; it gives group g; group h: let the documents want that first, take it over by `atlas-iam adopt`, then narrow them"},
		"dead":          {"", "", true, "it is dead, its principal was made again later; take it over by `atlas-iam adopt`"},
		"dead and more": {"group:g", "", true, "it is dead, its principal was made again later; groups are none, wanted are g; take it over by `atlas-iam adopt`"},
	} {
		e := foreignEntry("role/nodes", tt.have)
		e.Tags = map[string]string{"x": "y"}
		if tt.dead {
			e.CreatedAt = morning.Add(-time.Hour)
		}
		p := Compute(wants(wantCluster(test, wantEntry("role/nodes", tt.want))), sees(haveCluster(test, e)), Options{})
		if got, want := p.Changes[0].Held[0].Reason, "the entry is not ours (nobody's mark): "+tt.says+", or take the principal out of the documents"; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestAGapIsSaidInWords(t *testing.T) {
	g := access.Gap{Account: home, Region: "eu-west-1", Cluster: "test", Principal: arn("user/ann"), Reason: "403"}
	for kind, want := range map[access.GapKind]string{
		access.GapAccount:  "account " + home,
		access.GapClusters: "the clusters of account " + home + " in eu-west-1",
		access.GapCluster:  "cluster test",
		access.GapEntries:  "the access entries of cluster test",
		access.GapEntry:    "the access entry of " + arn("user/ann") + " on cluster test",
		access.GapUsers:    "the users of account " + home,
		access.GapRoles:    "the roles of account " + home,

		access.GapKubernetes: "the API server of cluster test",
		access.GapRBAC:       "the roles and bindings of cluster test",
		access.GapNamespaces: "the namespaces of cluster test",
		access.GapAuthMap:    "the ConfigMap aws-auth of cluster test",

		access.GapServiceAccounts: "the ServiceAccounts of cluster test",
		access.GapArgoSecrets:     "the Secrets by which Argo CD on cluster test knows clusters",
		access.GapRoleDetails:     "the policies of the roles of account " + home,
		access.GapPolicy:          "the managed policy " + arn("user/ann"),
		access.GapProviders:       "the OIDC providers of account " + home,
		access.GapPodIdentities:   "the Pod Identity associations of cluster test",
		access.GapPodIdentity:     "the Pod Identity association " + arn("user/ann") + " of cluster test",
		access.GapAgent:           "the Pod Identity agent of cluster test",
	} {
		g.What = kind
		if got := gapWords(g); got != want+" could not be read: 403" {
			t.Errorf("%s: %s", kind, got)
		}
	}
}

// None of these can be overridden.
func TestNoHoldOfComputesOwnCanBeAllowed(t *testing.T) {
	all := Structural()
	for _, g := range all {
		if !g.Fixed || g.About == "" || g.Instead == "" || g.Check != nil {
			t.Errorf("%+v", g)
		}
	}
	if len(all) != 15 || !slices.IsSortedFunc(all, func(a, b Guard) int { return strings.Compare(a.Slug, b.Slug) }) {
		t.Error(len(all))
	}
	var allow []string
	for _, g := range all {
		allow = append(allow, g.Slug)
	}
	p := Compute(wants(wantCluster(test, wantEntry("user/zoe", "Edit:a"))), sees(haveCluster(test)), Options{Allow: allow})
	want := []string{"create entry/test/user/zoe !no-principal", "create association/test/user/zoe/Edit after entry/test/user/zoe !no-principal"}
	if diff := cmp.Diff(want, lines(p)); diff != "" {
		t.Error(diff)
	}
}

func TestAPlanSaysWhatItWasMadeFrom(t *testing.T) {
	want := wants(wantCluster(test, wantEntry("user/ann", "Edit:a")))
	want.Notes = []access.Note{{Text: "perhaps not meant", Place: access.Place{File: "a.yaml", Line: 3}}}
	have := sees(haveCluster(test, haveEntry("user/ann", "Edit:a"), foreignEntry("user/bob", "Edit:a View:b")), haveCluster(prod, foreignEntry("user/cid", "")))
	have.Accounts[0].Account.ExternalID = "a secret between two"
	have.Accounts[0].DetailsRead, have.Accounts[0].Details = true, []access.HaveRole{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	have.Clusters[0].PodIdentitiesRead, have.Clusters[0].PodIdentities = true, []access.PodIdentityAssociation{{Namespace: "x", ServiceAccount: "s"}, {Namespace: "x", ServiceAccount: "t"}}
	p := Compute(want, have, Options{})
	if p.Read != (Counts{Clusters: 2, Entries: 3, Associations: 3, Roles: 3, PodIdentities: 2}) {
		t.Errorf("%+v", p.Read)
	}
	if diff := cmp.Diff([]Warning{{Slug: "note", Text: "perhaps not meant", Source: access.Place{File: "a.yaml", Line: 3}}}, p.Warnings); diff != "" {
		t.Error(diff)
	}
	if !p.Empty() || p.Shown().Accounts[0].Account.ExternalID != NotShown || p.Accounts[0].Users != nil || p.Accounts[0].Roles != nil {
		t.Errorf("%+v", p)
	}
	if have.Accounts[0].Account.ExternalID == NotShown || p.Accounts[0].Account.ExternalID == NotShown || have.Accounts[0].Users == nil {
		t.Error("the snapshot was changed")
	}
	if Compute(want, sees(haveCluster(test)), Options{}).Empty() {
		t.Error("two changes are not nothing")
	}
}

func TestASavedPlanNamesItsObjectsAndSumsUpTheAccess(t *testing.T) {
	w := wantCluster(test, wantEntry("user/ann", "Edit:a"), wantEntry("permissionSet/None", "View:a"))
	w.Mode = access.ModeAPI
	p := Compute(wants(w), sees(haveCluster(test, haveEntry("user/bob", "View:b"), foreignEntry("user/cid", ""))), Options{})
	var doc struct {
		Changes []struct {
			Kind, Verb, Name, Member string
			From, To                 any
			Held                     []any
		}
		Access struct {
			Gained, Lost []struct{ Member, Policy string }
		}
	}
	if err := json.Unmarshal(encode(t, p), &doc); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, c := range doc.Changes {
		names[c.Verb+" "+c.Kind+" "+c.Member] = c.Name
		if (c.From == nil) != (c.Verb == "create") || (c.To == nil) != (c.Verb == "delete") {
			t.Errorf("%s %s: from %v to %v", c.Verb, c.Kind, c.From, c.To)
		}
	}
	want := map[string]string{
		"create AccessEntry user/ann": arn("user/ann"), "create PolicyAssociation user/ann": arn("user/ann") + " " + policyARN("Edit"),
		"create AccessEntry permissionSet/None": "permissionSet/None", "create PolicyAssociation permissionSet/None": "permissionSet/None " + policyARN("View"),
		"delete AccessEntry user/bob": arn("user/bob"), "update AuthenticationMode ": "test",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if g, l := doc.Access.Gained, doc.Access.Lost; len(g) != 1 || g[0].Member != "user/ann" || len(l) != 1 || l[0].Member != "user/bob" || l[0].Policy != policyARN("View") {
		t.Errorf("gained %v, lost %v", g, l)
	}
	if diff := cmp.Diff(Summary{Create: 2, Update: 1, Delete: 1, Held: 2, Foreign: 1}, p.Summary()); diff != "" {
		t.Error(diff)
	}
	q := Compute(wants(wantCluster(test, wantEntry("user/ann", ""))), sees(haveCluster(test, foreignEntry("user/ann", ""))), Options{})
	if diff := cmp.Diff(Summary{Adoptable: 1, Foreign: 1}, q.Summary()); diff != "" {
		t.Error(diff)
	}
}

func TestATinyFileIsNoSavedPlan(t *testing.T) {
	for _, b := range []string{"{}", `{"version":1}`, "\n"} {
		if _, err := Decode([]byte(b)); err == nil {
			t.Errorf("%q is read", b)
		}
	}
}

// The next command of a plan lets through what this one did, and no more.
func TestTheAllowanceIsSaidAsFlags(t *testing.T) {
	none, seven := 0, 7
	for want, p := range map[string]Plan{
		"":                                   {},
		"--allow privilege --allow widening": {Allow: []string{"privilege", "widening"}},
		"--max-deletes 7":                    {MaxDeletes: &seven},
		"--allow caller --max-deletes 0":     {Allow: []string{"caller"}, MaxDeletes: &none},
	} {
		if got := strings.Join(p.Allowance(), " "); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Clusters that were read and that no document names are kept in the plan.
func TestAPlanNamesTheClustersThatNoDocumentNames(t *testing.T) {
	for name, c := range map[string]struct {
		want *access.State
		left []access.ClusterKey
	}{
		"all are named": {wants(wantCluster(test), wantCluster(prod)), nil},
		"one is not":    {wants(wantCluster(prod)), []access.ClusterKey{test}},
		"none is":       {wants(), []access.ClusterKey{prod, test}},
		"one is unread": {wants(wantCluster(test), wantCluster(prod), wantCluster(access.ClusterKey{Account: home, Region: "eu-west-1", Name: "later"})), nil},
	} {
		if d := cmp.Diff(c.left, Compute(c.want, sees(haveCluster(test), haveCluster(prod)), Options{}).Undocumented); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}
