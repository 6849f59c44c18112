package effect

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// What the plan makes or makes again is made now, and so of the principal that
// there is now; what it only changes keeps its age and its policies.
func TestEntriesHaveTheAgeThatTheyWillHave(t *testing.T) {
	entry := func(v plan.Verb, principal string) plan.Change {
		e := access.Entry{Principal: principal, Type: access.Standard, CreatedAt: noon.Add(-48 * time.Hour),
			Associations: []access.Association{{Policy: view, Scope: access.ClusterScope()}}}
		return plan.Change{Verb: v, Kind: plan.AccessEntry, Cluster: keyA, Principal: principal, To: plan.Entry{Entry: e}}
	}
	for name, c := range map[string]struct {
		change   plan.Change
		dead     bool
		policies []string
	}{
		"made":                               {entry(plan.Create, ssoARN), false, nil},
		"made again":                         {entry(plan.Replace, ciARN), false, nil},
		"changed":                            {entry(plan.Update, ciARN), true, nil},
		"changed, and it keeps its policies": {entry(plan.Update, annARN), false, []string{edit, view}},
	} {
		h := snapshot()
		for i := range h.Accounts[0].Roles { // made after the entries that there are
			h.Accounts[0].Roles[i].CreatedAt = noon
		}
		f := After(state(), h, &plan.Plan{Changes: []plan.Change{c.change}})[0]
		i := slices.IndexFunc(f.Entries, func(e authz.Entry) bool { return e.Principal == c.change.Principal })
		if i < 0 {
			t.Errorf("%s: not there", name)
			continue
		}
		var policies []string
		for _, a := range f.Entries[i].Associations {
			policies = append(policies, a.Policy)
		}
		if f.Entries[i].Dead != c.dead || !slices.Equal(policies, c.policies) {
			t.Errorf("%s: dead %t, policies %q", name, f.Entries[i].Dead, policies)
		}
	}
}

func TestWhatWillBeThereIsSorted(t *testing.T) {
	associate := func(principal, policy string) plan.Change {
		return plan.Change{Verb: plan.Create, Kind: plan.PolicyAssociation, Cluster: keyA, Principal: principal,
			To: plan.Association{Principal: principal, Association: access.Association{Policy: policy, Scope: access.ClusterScope()}}}
	}
	const first = "arn:aws:iam::111122223333:role/a"
	p := &plan.Plan{Changes: []plan.Change{
		associate(ciARN, view), associate(ciARN, edit),
		{Verb: plan.Create, Kind: plan.AccessEntry, Cluster: keyA, Principal: first, To: plan.Entry{Entry: access.Entry{Principal: first, Type: access.Standard}}},
	}}
	var got []string
	for _, e := range After(state(), snapshot(), p)[0].Entries {
		got = append(got, e.Principal)
		for _, a := range e.Associations {
			got = append(got, access.ShortPolicy(a.Policy))
		}
	}
	if d := cmp.Diff([]string{first, ciARN, "Edit", "View", annARN, "Edit", "View"}, got); d != "" {
		t.Error(d)
	}
}

// A role that the plan changes is the role that there was; one of another
// account is another's.
func TestRolesOfAPlanAreThoseOfTheirAccount(t *testing.T) {
	const other = "999900001111"
	for name, c := range map[string]struct {
		change plan.Change
		dead   bool
	}{
		"changed": {plan.Change{Verb: plan.Update, Kind: plan.Role, Principal: ciARN, From: plan.IAMRole{ARN: ciARN}, To: plan.IAMRole{ARN: ciARN}}, false},
		"gone":    {plan.Change{Verb: plan.Delete, Kind: plan.Role, Principal: ciARN, From: plan.IAMRole{ARN: ciARN}}, true},
		"the other account's of the same name goes": {plan.Change{Verb: plan.Delete, Kind: plan.Role, From: plan.IAMRole{ARN: "arn:aws:iam::" + other + ":role/ci/deploy"}}, false},
		"what is no role": {plan.Change{Verb: plan.Delete, Kind: plan.RolePolicy, Principal: ciARN, From: plan.InlinePolicy{Role: ciARN}}, false},
	} {
		h := snapshot()
		h.At = noon.Add(time.Hour)
		h.Accounts[0].Roles[1].CreatedAt = noon.Add(-2 * time.Hour)
		h.Accounts = append(h.Accounts, access.HaveAccount{Account: access.Account{ID: other}, RolesRead: true, Roles: []access.Principal{{ARN: "arn:aws:iam::" + other + ":role/ci/deploy"}}})
		for _, e := range After(state(), h, &plan.Plan{Changes: []plan.Change{c.change}})[0].Entries {
			if e.Principal == ciARN && e.Dead != c.dead {
				t.Errorf("%s: dead %t", name, e.Dead)
			}
		}
	}
}

// A cluster whose roles and bindings were not read has none that a plan could
// change.
func TestBindingsOfAClusterThatWasNotAskedStayUnknown(t *testing.T) {
	p := &plan.Plan{Changes: []plan.Change{{Verb: plan.Create, Kind: plan.ClusterRoleBinding, Cluster: keyA, Name: "b", To: plan.Binding{Binding: access.Binding{Name: "b"}}}}}
	if f := After(state(), snapshot(), p)[0]; !f.DefaultRBAC || len(f.Bindings) != 0 {
		t.Errorf("%+v", f)
	}
}

// What tomorrow brings is added to a list of its own.
func TestTomorrowLeavesTodayAlone(t *testing.T) {
	w := access.WantCluster{Via: access.ViaRender, Bindings: []access.WantBinding{{Name: "b", Group: "g", Scope: access.ClusterScope()}}}
	today := make([]authz.Binding, 0, 8)
	f, g := authz.Facts{Bindings: today}, authz.Facts{Bindings: today}
	Tomorrow(&f, &w, nil)
	w.Bindings[0].Name = "c"
	Tomorrow(&g, &w, nil)
	if f.Bindings[0].Name != "b" || g.Bindings[0].Name != "c" {
		t.Errorf("%+v, %+v", f.Bindings, g.Bindings)
	}
}

func TestEveryPartOfAnUnreadAccountIsUnknown(t *testing.T) {
	all := []authz.Part{authz.UnknownEntries, authz.UnknownRBAC, authz.UnknownAuthMap}
	gap := func(g access.Gap) access.Gap {
		g.Account, g.Reason = account, "no"
		return g
	}
	for name, c := range map[string]struct {
		gap   access.Gap
		parts []authz.Part
	}{
		"the account":                  {gap(access.Gap{What: access.GapClusters}), all},
		"the region":                   {gap(access.Gap{What: access.GapClusters, Region: keyA.Region}), all},
		"another region":               {gap(access.Gap{What: access.GapClusters, Region: "eu-north-1"}), nil},
		"the cluster":                  {gap(access.Gap{What: access.GapCluster, Region: keyA.Region, Cluster: keyA.Name}), all},
		"another cluster":              {gap(access.Gap{What: access.GapCluster, Region: keyA.Region, Cluster: "x"}), nil},
		"another region's of its name": {gap(access.Gap{What: access.GapCluster, Region: "eu-north-1", Cluster: keyA.Name}), nil},
		"another account":              {access.Gap{What: access.GapClusters, Account: "999900001111"}, nil},
	} {
		h := snapshot()
		h.Gaps = []access.Gap{c.gap}
		var parts []authz.Part
		for _, u := range Seen(h, state())[0].Unknown {
			parts = append(parts, u.Part)
		}
		if !slices.Equal(parts, c.parts) {
			t.Errorf("%s: %v, want %v", name, parts, c.parts)
		}
	}
}

// Clusters come by key, whether they were read or not; one that was read is
// told once, whatever else of its account was not.
func TestClustersThatAreHiddenStandAmongThoseThatWereRead(t *testing.T) {
	h := snapshot()
	h.Gaps = []access.Gap{{What: access.GapClusters, Account: account, Region: keyA.Region, Reason: "throttled"}}
	s := state()
	s.Clusters[0], s.Clusters[1] = s.Clusters[1], s.Clusters[0]
	first := access.ClusterKey{Account: account, Region: "eu-west-1", Name: "aaa"}
	s.Clusters = append(s.Clusters, access.WantCluster{Document: "first", Key: first})
	var got []string
	for _, f := range Seen(h, s) {
		got = append(got, f.Name)
	}
	if d := cmp.Diff([]string{"first", "a", "b"}, got); d != "" {
		t.Error(d)
	}
}

// A binding has the documents' places where they want one of its name, for its
// role, in its kind of place, and there alone.
func TestABindingHasThePlacesOfThoseWhoWantIt(t *testing.T) {
	edits := access.RoleRef{Kind: access.ClusterRole, Name: "edit"}
	want := &plan.ResolvedCluster{Want: &access.WantCluster{Bindings: []access.WantBinding{
		{Name: "b", Role: edits, Scope: access.NamespaceScope("dev-*", "qa"), Parts: []access.WantScope{
			{Scope: access.NamespaceScope("dev-*"), Source: source("one", 1)}, {Scope: access.NamespaceScope("qa", "dev-1"), Source: source("two", 2)}}},
		{Name: "w", Role: edits, Scope: access.ClusterScope(), Parts: []access.WantScope{{Scope: access.ClusterScope(), Source: source("three", 3)}}},
	}}}
	for name, c := range map[string]struct {
		b     access.Binding
		lines []int
	}{
		"of one part":        {access.Binding{Name: "b", Role: edits, Namespace: "dev-2"}, []int{1}},
		"of both":            {access.Binding{Name: "b", Role: edits, Namespace: "dev-1"}, []int{1, 2}},
		"elsewhere":          {access.Binding{Name: "b", Role: edits, Namespace: "prod"}, nil},
		"of another name":    {access.Binding{Name: "x", Role: edits, Namespace: "dev-1"}, nil},
		"of another role":    {access.Binding{Name: "b", Role: access.RoleRef{Kind: access.ClusterRole, Name: "view"}, Namespace: "dev-1"}, nil},
		"cluster-wide":       {access.Binding{Name: "w", Role: edits}, []int{3}},
		"of the wrong kind":  {access.Binding{Name: "w", Role: edits, Namespace: "dev-1"}, nil},
		"of the other wrong": {access.Binding{Name: "b", Role: edits}, nil},
	} {
		var lines []int
		for _, s := range seenBinding(&c.b, want).Sources {
			lines = append(lines, s.Place.Line)
		}
		if !slices.Equal(lines, c.lines) {
			t.Errorf("%s: %v, want %v", name, lines, c.lines)
		}
	}
}

// A wanted binding has the places of its parts, a role of its own is not
// known, and teams are told once and sorted.
func TestDocumentsFactsHaveTheirPlaces(t *testing.T) {
	all := Wanted(state())
	i := slices.IndexFunc(all[0].Bindings, func(b authz.Binding) bool { return b.Name == "edit" })
	if i < 0 || len(all[0].Bindings[i].Sources) != 1 || all[0].Bindings[i].Sources[0].Place.Line != 11 {
		t.Errorf("%+v", all[0].Bindings)
	}
	for _, role := range []access.RoleRef{{Kind: access.Role, Name: "edit"}, {Kind: access.ClusterRole, Name: "extension-apiserver-authentication-reader"}} {
		u := unknownRole(&authz.Facts{Name: "a"}, &access.WantBinding{Role: role})
		if len(u) != 1 || u[0].Role != role {
			t.Errorf("%s is no ClusterRole of Kubernetes': %+v", role.String(), u)
		}
		if again := unknownRole(&authz.Facts{Name: "a", Unknown: u}, &access.WantBinding{Role: role}); again != nil {
			t.Errorf("it is told once: %+v", again)
		}
	}
	if got := teams([]access.Source{source("b", 1), source("a", 1), source("", 1), source("b", 2)}); !slices.Equal(got, []string{"a", "b"}) {
		t.Error(got)
	}
	s := state()
	s.Clusters[0].Entries[0], s.Clusters[0].Entries[3] = s.Clusters[0].Entries[3], s.Clusters[0].Entries[0]
	if e := Wanted(s)[0].Entries; !slices.IsSortedFunc(e, func(a, b authz.Entry) int { return strings.Compare(a.Principal, b.Principal) }) {
		t.Errorf("%+v", e)
	}
}

// What was seen stays as it was, each change by itself.
func TestAChangeOfAPolicyOrABindingLeavesWhatWasSeenAlone(t *testing.T) {
	seen := func() *access.Snapshot {
		h := snapshot()
		h.Clusters[0].Kubernetes = &access.HaveKubernetes{RBACRead: true, Bindings: []access.Binding{{Name: "b"}, {Name: "d"}}}
		return h
	}
	for _, c := range []plan.Change{
		{Verb: plan.Update, Kind: plan.PolicyAssociation, Cluster: keyA, Principal: annARN, To: plan.Association{Principal: annARN, Association: access.Association{Policy: edit, Scope: access.ClusterScope()}}},
		{Verb: plan.Delete, Kind: plan.PolicyAssociation, Cluster: keyA, Principal: annARN, From: plan.Association{Principal: annARN, Association: access.Association{Policy: edit}}},
		{Verb: plan.Create, Kind: plan.ClusterRoleBinding, Cluster: keyA, Name: "c", To: plan.Binding{Binding: access.Binding{Name: "c"}}},
		{Verb: plan.Create, Kind: plan.ClusterRoleBinding, Cluster: keyA, Name: "a", To: plan.Binding{Binding: access.Binding{Name: "a"}}},
	} {
		h := seen()
		f := After(state(), h, &plan.Plan{Changes: []plan.Change{c}})[0]
		if d := cmp.Diff(seen(), h); d != "" {
			t.Errorf("%s %s: %s", c.Verb, c.Kind, d)
		}
		if !slices.IsSortedFunc(f.Bindings, func(a, b authz.Binding) int { return strings.Compare(a.Name, b.Name) }) {
			t.Errorf("%s %s: %+v", c.Verb, c.Kind, f.Bindings)
		}
	}
}
