package effect

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

const (
	account = "111122223333"
	annARN  = "arn:aws:iam::111122223333:user/ann"
	ciARN   = "arn:aws:iam::111122223333:role/ci/deploy"
	ssoARN  = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Qa_0123456789abcdef"
	edit    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
	view    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
)

var (
	keyA = access.ClusterKey{Account: account, Region: "eu-west-1", Name: "eks-a"}
	keyB = access.ClusterKey{Account: account, Region: "eu-west-1", Name: "eks-b"}
	noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	ann  = access.Member{Kind: access.UserMember, Partition: "aws", Account: account, Name: "ann"}
	ci   = access.Member{Kind: access.RoleMember, Partition: "aws", Account: account, Name: "ci/deploy"}
	qa   = access.Member{Kind: access.PermissionSetMember, Partition: "aws", Account: account, Name: "Qa"}
	eve  = access.Member{Kind: access.UserMember, Partition: "aws", Account: account, Name: "eve"}
)

func source(team string, line int) access.Source {
	return access.Source{Team: team, Place: access.Place{File: "teams.yaml", Line: line}}
}

// state has two clusters: a, which team backend (ann, ci) edits and team qa
// views, and b, where backend has nothing.
func state() *access.State {
	parts := []access.WantScope{{Scope: access.NamespaceScope("*backend*"), Source: source("backend", 9)}}
	entry := func(m access.Member, policy string, parts []access.WantScope, s access.Source) access.WantEntry {
		return access.WantEntry{Member: m, Sources: []access.Source{s},
			Associations: []access.WantAssociation{{Policy: policy, Scope: parts[0].Scope, Parts: parts}}}
	}
	node := access.WantEntry{Member: access.Member{Kind: access.RoleMember, Partition: "aws", Account: account, Name: "nodes"}, Type: access.EC2Linux}
	return &access.State{
		Accounts: []access.Account{{Name: "main", ID: account, Partition: "aws", Regions: []string{"eu-west-1"}}},
		Teams:    []string{"backend", "empty", "idle", "qa"},
		Clusters: []access.WantCluster{
			{Document: "a", Key: keyA, Entries: []access.WantEntry{
				entry(qa, view, parts, source("qa", 19)), entry(ci, edit, parts, source("backend", 4)), node, entry(ann, edit, parts, source("backend", 3)),
			}, Idle: []access.IdleMember{{Member: eve, Team: "idle"}},
				Bindings: []access.WantBinding{
					{Team: "backend", Group: "g", Name: "edit", Role: access.RoleRef{Kind: access.ClusterRole, Name: "edit"}, Scope: access.NamespaceScope("test-*"),
						Parts: []access.WantScope{{Scope: access.NamespaceScope("test-*"), Source: source("backend", 11)}}},
					{Team: "backend", Group: "g", Name: "own", Role: access.RoleRef{Kind: access.ClusterRole, Name: "own"}, Scope: access.ClusterScope()},
				}},
			{Document: "b", Key: keyB, Mode: access.ModeAPI, Protect: []access.ListedMember{{Member: access.Member{Kind: access.RoleMember, Partition: "aws", Account: account, Name: "break-glass"}}}},
		},
	}
}

func TestDocumentsAloneGiveFactsAsIfTheyWereMade(t *testing.T) {
	all := Wanted(state())
	if len(all) != 2 || all[0].Name != "a" || all[0].Cluster != keyA || all[0].Mode != access.ModeAPIAndConfigMap || !all[0].DefaultRBAC || all[1].Mode != access.ModeAPI {
		t.Fatalf("%+v", all)
	}
	var got []string
	for _, e := range all[0].Entries {
		got = append(got, e.Member+" "+e.Username)
	}
	want := []string{
		"permissionSet/Qa arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Qa_0000000000000000/{{SessionName}}",
		"role/ci/deploy arn:aws:sts::111122223333:assumed-role/deploy/{{SessionName}}",
		"role/nodes system:node:{{EC2PrivateDNSName}}", "user/ann " + annARN,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	last := all[0].Entries[3]
	if last.Scopes[edit][0].Source.Place.Line != 9 || !slices.Equal(last.Teams, []string{"backend"}) || last.Sources[0].Place.Line != 3 {
		t.Errorf("%+v", last)
	}
	var patterns []string
	for _, b := range all[0].Bindings {
		if b.Subjects[0].Name == "g" {
			patterns = append(patterns, b.Patterns...)
		}
	}
	if !slices.Equal(patterns, []string{"test-*"}) {
		t.Error(patterns)
	}
	u := all[0].Unknown
	if len(u) != 1 || u[0].Part != authz.UnknownRole || u[0].Role.Name != "own" || u[0].Settle == "" {
		t.Errorf("only the role that is not upstream's is unknown: %+v", u)
	}
}

func snapshot() *access.Snapshot {
	return &access.Snapshot{At: noon,
		Accounts: []access.HaveAccount{{Account: access.Account{ID: account, Name: "main"}, UsersRead: true, RolesRead: true,
			Caller: "arn:aws:sts::111122223333:assumed-role/deploy/run-7",
			Users:  []access.Principal{{ARN: annARN}}, Roles: []access.Principal{{ARN: ssoARN}, {ARN: ciARN, CreatedAt: noon}}}},
		Clusters: []access.HaveCluster{{Key: keyA, Mode: access.ModeAPI, EntriesRead: true, Entries: []access.Entry{
			{Principal: ciARN, Type: access.Standard, Username: "ci", CreatedAt: noon.Add(-time.Hour)},
			{Principal: annARN, Type: access.Standard, Username: annARN, CreatedAt: noon, Associations: []access.Association{
				{Policy: edit, Scope: access.NamespaceScope("*backend*")}, {Policy: view, Scope: access.ClusterScope()}}},
		}}}}
}

func TestWhatWasSeenHasNamesPlacesAndTheDead(t *testing.T) {
	all := Seen(snapshot(), state())
	if len(all) != 1 || all[0].Name != "a" || all[0].Mode != access.ModeAPI || len(all[0].Unknown) != 0 {
		t.Fatalf("cluster b is not there, and that is a fact: %+v", all)
	}
	made, person := all[0].Entries[0], all[0].Entries[1]
	if !made.Dead || person.Dead {
		t.Error("the entry older than its role is dead, and only that")
	}
	if person.Member != "user/ann" || len(person.Scopes) != 1 || person.Scopes[edit][0].Source.Place.Line != 9 {
		t.Errorf("%+v", person)
	}
	if bare := Seen(snapshot(), nil); len(bare) != 1 || bare[0].Name != "eks-a" || bare[0].Entries[1].Member != "" {
		t.Errorf("%+v", bare)
	}
}

// A gap's unit is the list that failed; a list that was read has no gap.
func TestWhatWasNotReadIsUnknownAndSaysWhatSettlesIt(t *testing.T) {
	for what, tt := range map[string]struct {
		gap   access.Gap
		parts []authz.Part
	}{
		"nothing":           {access.Gap{What: access.GapUsers}, nil},
		"another cluster's": {access.Gap{What: access.GapEntries, Region: keyA.Region, Cluster: "other"}, nil},
		"entries":           {access.Gap{What: access.GapEntries, Region: keyA.Region, Cluster: keyA.Name}, []authz.Part{authz.UnknownEntries}},
		"an entry":          {access.Gap{What: access.GapEntry, Region: keyA.Region, Cluster: keyA.Name, Principal: annARN}, []authz.Part{authz.UnknownEntry}},
		"roles, bindings":   {access.Gap{What: access.GapRBAC, Region: keyA.Region, Cluster: keyA.Name}, []authz.Part{authz.UnknownRBAC}},
		"aws-auth":          {access.Gap{What: access.GapAuthMap, Region: keyA.Region, Cluster: keyA.Name}, []authz.Part{authz.UnknownAuthMap}},
		"the API server":    {access.Gap{What: access.GapKubernetes, Region: keyA.Region, Cluster: keyA.Name}, []authz.Part{authz.UnknownRBAC, authz.UnknownAuthMap}},
	} {
		h := snapshot()
		tt.gap.Account, tt.gap.Reason = account, "AccessDeniedException"
		h.Gaps = []access.Gap{tt.gap}
		var parts []authz.Part
		for _, u := range Seen(h, state())[0].Unknown {
			parts = append(parts, u.Part)
			if u.Why != "AccessDeniedException" || u.Settle == "" {
				t.Errorf("%s: %+v", what, u)
			}
		}
		if !slices.Equal(parts, tt.parts) {
			t.Errorf("%s: %v, want %v", what, parts, tt.parts)
		}
	}
	h := snapshot()
	h.Clusters, h.Gaps = nil, []access.Gap{{What: access.GapClusters, Account: account, Region: keyA.Region, Reason: "throttled"}}
	if all := Seen(h, state()); len(all) != 2 || len(all[0].Unknown) != 3 {
		t.Errorf("clusters in a gap are unknown, not gone: %+v", all)
	}
	h = snapshot()
	h.Part = &access.Part{Only: []string{"team/qa"}}
	if u := Seen(h, state())[0].Unknown; len(u) != 1 || u[0].Part != authz.UnknownEntries {
		t.Errorf("with --only other entries were not read: %+v", u)
	}
}

func TestKubernetesIsSeenWhereItWasRead(t *testing.T) {
	h := snapshot()
	h.Clusters[0].Kubernetes = &access.HaveKubernetes{RBACRead: true, NamespacesRead: true, AuthMapRead: true,
		AuthMap: &access.AuthMap{MapUsers: "[]"},
		Roles:   []access.KubernetesRole{{Name: "edit"}},
		Bindings: []access.Binding{
			{Name: "own", Role: access.RoleRef{Kind: access.ClusterRole, Name: "own"}},
			{Name: "edit", Namespace: "test-1", Role: access.RoleRef{Kind: access.ClusterRole, Name: "edit"}},
		}}
	f := Seen(h, state())[0]
	if f.DefaultRBAC || f.AuthMap == nil || f.Namespaces == nil || len(f.Roles) != 1 || len(f.Bindings) != 2 {
		t.Fatalf("%+v", f)
	}
	if len(f.Bindings[0].Sources) != 0 || len(f.Bindings[1].Sources) != 1 || f.Bindings[1].Sources[0].Place.Line != 11 {
		t.Errorf("%+v", f.Bindings)
	}
}

// After plays a plan's changes on what was seen.
func TestWhatWillBeThereIsWhatWasSeenWithTheChangesMade(t *testing.T) {
	h := snapshot()
	before := snapshot()
	made := access.Entry{Principal: ssoARN, Type: access.Standard}
	p := &plan.Plan{Changes: []plan.Change{
		{Verb: plan.Update, Kind: plan.AuthenticationMode, Cluster: keyA, To: plan.Mode{AuthenticationMode: access.ModeAPIAndConfigMap}},
		{Verb: plan.Create, Cluster: keyA, Principal: ssoARN, To: plan.Entry{Entry: made}},
		{Verb: plan.Create, Cluster: keyA, Principal: ssoARN, To: plan.Association{Principal: ssoARN, Association: access.Association{Policy: view, Scope: access.NamespaceScope("q")}}},
		{Verb: plan.Update, Cluster: keyA, Principal: annARN, To: plan.Entry{Entry: access.Entry{Principal: annARN, Type: access.Standard, Username: "ann"}}},
		{Verb: plan.Delete, Cluster: keyA, Principal: annARN, From: plan.Association{Principal: annARN, Association: access.Association{Policy: view}}},
		{Verb: plan.Update, Cluster: keyA, Principal: annARN, To: plan.Association{Principal: annARN, Association: access.Association{Policy: edit, Scope: access.ClusterScope()}}},
		{Verb: plan.Replace, Cluster: keyA, Principal: ciARN, From: plan.Entry{}, To: plan.Entry{Entry: access.Entry{Principal: ciARN, Type: access.Standard}}},
		{Verb: plan.Delete, Cluster: keyA, Principal: ssoARN, From: plan.Entry{}, Held: []plan.Hold{{Guard: "x"}}},
	}}
	f := After(state(), h, p)[0]
	if diff := cmp.Diff(before, h); diff != "" {
		t.Fatal("the snapshot was changed: ", diff)
	}
	got := map[string]string{}
	for _, e := range f.Entries {
		words := e.Username
		for _, a := range e.Associations {
			words += " " + access.ShortPolicy(a.Policy) + "(" + a.Scope.String() + ")"
		}
		if e.Dead {
			words += " dead"
		}
		got[e.Principal] = words
	}
	want := map[string]string{
		ssoARN: "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Qa_0123456789abcdef/{{SessionName}} View(q)",
		annARN: "ann Edit(cluster)", ciARN: "arn:aws:sts::111122223333:assumed-role/deploy/{{SessionName}}",
	}
	if diff := cmp.Diff(want, got); diff != "" || f.Mode != access.ModeAPIAndConfigMap {
		t.Error(diff, f.Mode)
	}
	p.Changes = append(p.Changes, plan.Change{Verb: plan.Delete, Cluster: keyA, Principal: annARN, From: plan.Entry{}})
	if f := After(state(), h, p)[0]; len(f.Entries) != 2 {
		t.Errorf("ann's entry was deleted: %+v", f.Entries)
	}
}

// An entry of a role that the plan makes gives access, and one of a role that
// it takes gives none any more; of a role whose change is held it is as it was.
func TestWhatWillBeThereCountsTheRolesThatThePlanMakesAndTakes(t *testing.T) {
	const madeARN = "arn:aws:iam::111122223333:role/argocd"
	role := func(v plan.Verb, arn string, held ...plan.Hold) plan.Change {
		c := plan.Change{Verb: v, Kind: plan.Role, Principal: arn, Held: held}
		if v == plan.Delete {
			c.From = plan.IAMRole{ARN: arn}
		} else {
			c.To = plan.IAMRole{ARN: arn}
		}
		return c
	}
	entry := plan.Change{Verb: plan.Create, Kind: plan.AccessEntry, Cluster: keyA, Principal: madeARN, To: plan.Entry{Entry: access.Entry{Principal: madeARN, Type: access.Standard}}}
	for name, c := range map[string]struct {
		changes  []plan.Change
		made, ci bool // whether their entries are dead
	}{
		"a role that is made":          {[]plan.Change{role(plan.Create, madeARN), entry}, false, false},
		"a role whose making is held":  {[]plan.Change{role(plan.Create, madeARN, plan.Hold{Guard: "x"}), entry}, true, false},
		"a role of which nobody knows": {[]plan.Change{entry}, true, false},
		"a role that goes":             {[]plan.Change{role(plan.Create, madeARN), entry, role(plan.Delete, ciARN)}, false, true},
		"a role whose going is held":   {[]plan.Change{role(plan.Create, madeARN), entry, role(plan.Delete, ciARN, plan.Hold{Guard: "x"})}, false, false},
		"a role that is made again":    {[]plan.Change{role(plan.Create, madeARN), entry, role(plan.Replace, ciARN)}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			h, before := snapshot(), snapshot()
			for _, s := range []*access.Snapshot{h, before} { // ci is older than its entry, and alive
				s.Accounts[0].Roles[1].CreatedAt = noon.Add(-2 * time.Hour)
			}
			dead := map[string]bool{}
			for _, e := range After(state(), h, &plan.Plan{Changes: c.changes})[0].Entries {
				dead[e.Principal] = e.Dead
			}
			if dead[madeARN] != c.made || dead[ciARN] != c.ci {
				t.Errorf("dead: the role that is made %v, want %v; ci %v, want %v", dead[madeARN], c.made, dead[ciARN], c.ci)
			}
			if diff := cmp.Diff(before, h); diff != "" {
				t.Error("the snapshot was changed: ", diff)
			}
		})
	}
}

func TestWordsForSubjectsStandForPrincipals(t *testing.T) {
	alone, seen := NewDirectory(state(), nil), NewDirectory(state(), snapshot())
	names := func(d *Directory, who access.Who, k access.ClusterKey) []string {
		subjects, err := d.Subjects(who, k)
		if err != nil {
			return []string{"error: " + err.Error()}
		}
		var out []string
		for _, s := range subjects {
			line := s.Name + " = " + s.Principal
			if s.Session != "" {
				line += " in session " + s.Session
			}
			if s.Identity != nil {
				line += s.Identity.Username
			}
			if s.Missing != "" {
				line += " (" + s.Missing + ")"
			}
			out = append(out, line)
		}
		return out
	}
	who := func(kind access.WhoKind, name string) access.Who { return access.Who{Kind: kind, Name: name} }
	for _, tt := range []struct {
		d    *Directory
		who  access.Who
		k    access.ClusterKey
		want []string
	}{
		{alone, who(access.WhoTeam, "backend"), keyA, []string{"role/ci/deploy = " + ciARN, "user/ann = " + annARN}},
		{alone, who(access.WhoTeam, "backend"), keyB, []string{"role/ci/deploy = " + ciARN, "user/ann = " + annARN}},
		{alone, who(access.WhoTeam, "idle"), keyB, []string{"user/eve = arn:aws:iam::111122223333:user/eve"}},
		{alone, who(access.WhoTeam, "empty"), keyA, []string{"error: team/empty: the team has no members"}},
		{alone, who(access.WhoTeam, "bakend"), keyA, []string{"error: team/bakend: no document makes that team"}},
		{alone, who(access.WhoUser, "ann"), keyB, []string{"user/ann = " + annARN}},
		{alone, who(access.WhoUser, "anne"), keyB, []string{"user/anne = arn:aws:iam::111122223333:user/anne (no document names user/anne)"}},
		{alone, who(access.WhoRole, "deploy"), keyA, []string{"role/ci/deploy = " + ciARN}},
		{alone, who(access.WhoRole, "break-glass"), keyA, []string{"role/break-glass = arn:aws:iam::111122223333:role/break-glass"}},
		{alone, access.Who{Kind: access.WhoARN, ARN: ciARN}, keyA, []string{ciARN + " = " + ciARN}},
		{alone, access.Who{Kind: access.WhoARN, ARN: "arn:aws:iam::999900001111:role/x"}, keyA, []string{"arn:aws:iam::999900001111:role/x = arn:aws:iam::999900001111:role/x"}},
		{alone, who(access.WhoPermissionSet, "Qa"), keyA, []string{"permissionSet/Qa = arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Qa_0000000000000000"}},
		{alone, who(access.WhoServiceAccount, "web/sa"), keyA, []string{"serviceaccount/web/sa = system:serviceaccount:web:sa"}},
		{alone, who(access.WhoServiceAccount, "sa"), keyA, []string{"error: serviceaccount/sa: want serviceaccount/NAMESPACE/NAME"}},
		{alone, who(access.WhoMe, ""), keyA, []string{"error: me: who calls is known only to AWS, and it was not asked"}},
		{alone, who(access.WhoWorkload, "x"), keyA, []string{"error: workload/x: no document makes that workload"}},
		{seen, who(access.WhoMe, ""), keyA, []string{"role/ci/deploy = " + ciARN + " in session run-7"}},
		{seen, who(access.WhoPermissionSet, "Qa"), keyA, []string{"permissionSet/Qa = " + ssoARN}},
		{seen, who(access.WhoPermissionSet, "No"), keyA, []string{"permissionSet/No = arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_No_0000000000000000 (account 111122223333 has 0 roles of permission set No)"}},
		{seen, who(access.WhoUser, "ann"), keyA, []string{"user/ann = " + annARN}},
		{seen, who(access.WhoUser, "eve"), keyA, []string{"user/eve = arn:aws:iam::111122223333:user/eve (account 111122223333 has no user/eve)"}},
	} {
		if diff := cmp.Diff(tt.want, names(tt.d, tt.who, tt.k)); diff != "" {
			t.Errorf("%s: %s", tt.who, diff)
		}
	}
	var missing *NotFoundError
	if _, err := alone.Subjects(who(access.WhoTeam, "bakend"), keyA); !errors.As(err, &missing) || !slices.Contains(missing.Near, "team/backend") {
		t.Error(err)
	}
}

// Bindings that the plan does not make and the documents want count tomorrow:
// those of manifests, and those in namespaces to come.
func TestTomorrowHasWhatTheDocumentsWantBeyondThePlan(t *testing.T) {
	role := access.RoleRef{Kind: access.ClusterRole, Name: "edit"}
	w := access.WantCluster{Via: access.ViaDirect, Bindings: []access.WantBinding{
		{Name: "b", Group: "g", Role: role, Scope: access.NamespaceScope("dev-*")}, {Name: "c", Group: "g", Role: role, Scope: access.ClusterScope()}}}
	asked := []string{"dev-1", "dev-2", "prod"}
	names := func(w access.WantCluster, namespaces []string) []string {
		f := authz.Facts{Namespaces: namespaces}
		Tomorrow(&f, &w, asked)
		var out []string
		for _, b := range f.Bindings {
			out = append(out, b.Name+" "+b.Namespace+access.NamespaceScope(b.Patterns...).String())
		}
		return out
	}
	if got := names(w, []string{"dev-1"}); !slices.Equal(got, []string{"b dev-2"}) {
		t.Errorf("dev-1 is there and the plan's own, dev-2 comes, prod does not match: %q", got)
	}
	if got := names(w, nil); got != nil {
		t.Errorf("the namespaces are not known: %q", got)
	}
	w.Via = access.ViaRender
	if got := names(w, []string{"dev-1"}); !slices.Equal(got, []string{"b dev-*", "c "}) {
		t.Errorf("manifests are applied by others: %q", got)
	}
}

// In mode CONFIG_MAP somebody is an administrator whom nothing shows.
func TestWhoMadeTheClusterIsSaidToBeUnknown(t *testing.T) {
	for mode, want := range map[access.AuthMode]bool{access.ModeConfigMap: true, access.ModeAPIAndConfigMap: false, access.ModeAPI: false} {
		f := Seen(&access.Snapshot{Clusters: []access.HaveCluster{{Key: keyA, Mode: mode, EntriesRead: true}}}, nil)[0]
		if got := slices.ContainsFunc(f.Unknown, func(u authz.Unknown) bool { return u.Part == authz.UnknownCreator }); got != want {
			t.Errorf("%s: %v", mode, f.Unknown)
		}
	}
}
