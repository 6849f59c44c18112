package gain

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// What a document asks for has its place, member and teams; what comes by a
// binding has the binding's place and role.
func TestAGrantStandsWhereItWasAskedFor(t *testing.T) {
	asked := plan.Grant{Policy: policy(t, "Edit"), Member: "user/ann", Teams: []string{"web"}, Source: access.Place{File: "web.yaml", Line: 7}}
	p := touching("c", "user/ann")
	p.Changes[0].Kind, p.Changes[0].Gained = plan.PolicyAssociation, []plan.Grant{asked, {Policy: policy(t, "View"), Source: access.Place{File: "x.yaml"}}}
	before, after := world(t, "c", "user/ann"), world(t, "c", "user/ann Edit:a,b")
	got := Of(p, compiled(t, before), compiled(t, after)).Gained
	if len(got) != 1 || got[0].Source != asked.Source || got[0].Member != "user/ann" || !slices.Equal(got[0].Teams, asked.Teams) ||
		got[0].Policy != asked.Policy || !got[0].Scope.Equal(access.NamespaceScope("a", "b")) {
		t.Errorf("%+v", got)
	}
	p.Changes[0].Gained, p.Changes[0].Lost = nil, []plan.Grant{asked}
	lost := Of(p, compiled(t, after), compiled(t, before)).Lost
	if len(lost) != 1 || lost[0].Policy != asked.Policy || lost[0].Member != "user/ann" {
		t.Errorf("%+v", lost)
	}

	p = touching("c", "binding")
	before, after = world(t, "c", "user/ann group:g"), world(t, "c", "user/ann group:g", "bind g view a", "bind g view b")
	for i := range after.Bindings {
		after.Bindings[i].Sources = []access.Source{{Place: access.Place{File: "b.yaml", Line: 3}}}
	}
	got = Of(p, compiled(t, before), compiled(t, after)).Gained
	if len(got) != 1 || got[0].Role.Name != "view" || got[0].Source.File != "b.yaml" || !got[0].Scope.Equal(access.NamespaceScope("a", "b")) || got[0].Policy != "" {
		t.Errorf("%+v", got)
	}
}

// Groups that are lost or gained without a policy are told whatever is bound to
// them.
func TestGroupsAreGivenAndTaken(t *testing.T) {
	p := touching("c", "user/ann")
	p.Changes[0].Gained = []plan.Grant{{Principal: arn("user/ann"), Group: "new"}, {Policy: policy(t, "Edit")}}
	p.Changes[0].Lost = []plan.Grant{{Principal: arn("user/ann"), Group: "old"}, {Policy: policy(t, "View")}}
	f := world(t, "c", "user/ann")
	got := Of(p, compiled(t, f), compiled(t, f))
	if len(got.Gained) != 1 || got.Gained[0].Group != "new" || len(got.Lost) != 1 || got.Lost[0].Group != "old" {
		t.Errorf("%+v", got)
	}
}

func TestEachListHasItsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		list          func(*plan.Access) *[]plan.Grant
	}{
		"gained":       {"user/ann", "user/ann View:a", gained},
		"lost":         {"user/ann View:a", "user/ann", lost},
		"maybe gained": {"user/ann", "user/ann AmazonEKSACKPolicy:a", maybeGained},
		"maybe lost":   {"user/ann AmazonEKSACKPolicy:a", "user/ann", maybeLost},
		"unknown":      {"user/ann AmazonEKSACKPolicy:a", "user/ann AmazonEKSKROPolicy:a", unknown},
	} {
		a := Of(touching("c", "user/ann"), compiled(t, world(t, "c", c.before)), compiled(t, world(t, "c", c.after)))
		if n := len(a.Gained) + len(a.Lost) + len(a.MaybeGained) + len(a.MaybeLost) + len(a.Unknown); n != 1 || len(*c.list(a)) != 1 {
			t.Errorf("%s: %v", name, words(a))
			continue
		}
		g := (*c.list(a))[0]
		if unclear := name != "gained" && name != "lost"; (len(g.Unclear) > 0) != unclear || unclear && g.Unclear[0].Settle == "" {
			t.Errorf("%s: %+v", name, g.Unclear)
		}
	}
}

// Clusters come by key; one that was not there before, or that nothing
// touches, is not spoken of.
func TestClustersComeByKeyAndOnlyIfTouched(t *testing.T) {
	p := touching("b", "user/ann")
	for _, n := range []string{"a", "new"} {
		p.Changes = append(p.Changes, touching(n, "user/ann").Changes...)
	}
	held := touching("held", "user/ann").Changes[0]
	held.Held = []plan.Hold{{Guard: "x"}}
	p.Changes = append(p.Changes, held)
	var before, after []authz.Facts
	for _, n := range []string{"b", "a", "held", "idle"} {
		before, after = append(before, world(t, n, "user/ann")), append(after, world(t, n, "user/ann View:x"))
	}
	after = append(after, world(t, "new", "user/ann View:x"))
	var got []string
	for _, g := range Of(p, compiled(t, before...), compiled(t, after...)).Gained {
		got = append(got, g.Cluster.Name)
	}
	if d := cmp.Diff([]string{"a", "b"}, got); d != "" {
		t.Error(d)
	}
}

// A change of anything but an entry or its policies may reach everybody.
func TestWhomAPlanReaches(t *testing.T) {
	before, after := world(t, "c", "user/ann", "user/bob"), world(t, "c", "user/ann View:x", "user/bob View:x")
	for name, c := range map[string]struct {
		kind      plan.Kind
		principal string
		want      int
	}{
		"an entry": {plan.AccessEntry, arn("user/ann"), 1}, "a policy": {plan.PolicyAssociation, arn("user/ann"), 1},
		"the mode": {plan.AuthenticationMode, "", 2}, "a binding": {plan.RoleBinding, "", 2}, "an entry of nobody": {plan.AccessEntry, "", 2},
		"a binding that names one": {plan.ClusterRoleBinding, arn("user/ann"), 2},
	} {
		p := touching("c", "user/ann")
		p.Changes[0].Kind, p.Changes[0].Principal = c.kind, c.principal
		if got := Of(p, compiled(t, before), compiled(t, after)).Gained; len(got) != c.want {
			t.Errorf("%s: %d reached", name, len(got))
		}
	}
}

// Whoever is somebody's entry, by a username or group, is told as that person.
func TestUsersWhoAreKnownAreNoStrangers(t *testing.T) {
	role := access.RoleRef{Kind: access.ClusterRole, Name: "view"}
	for name, c := range map[string]struct {
		grant plan.Grant
		want  bool // told of
	}{
		"a user": {plan.Grant{Username: "ann", Role: role}, false}, "another user": {plan.Grant{Username: "bob", Role: role}, true},
		"a group": {plan.Grant{Group: "g", Role: role}, false}, "another group": {plan.Grant{Group: "h", Role: role}, true},
		"a group of the user's name": {plan.Grant{Group: "ann", Role: role}, true}, "no role": {plan.Grant{Group: "h"}, false},
	} {
		f := world(t, "c", "user/ann group:g")
		f.Entries[0].Username = "ann"
		p := touching("c", "binding")
		p.Changes[0].Gained, p.Changes[0].Lost = []plan.Grant{c.grant}, []plan.Grant{c.grant}
		got := Of(p, compiled(t, f), compiled(t, f))
		if (len(got.Gained) == 1) != c.want || (len(got.Lost) == 1) != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// An administrator has everything on the whole cluster, whatever else his role
// says.
func TestAnAdministratorHasEverything(t *testing.T) {
	all := func() authz.Right {
		return authz.Right{Known: true, Scope: access.ClusterScope(), Rules: []access.Rule{{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}}}}
	}
	for name, c := range map[string]struct {
		change func(*authz.Right)
		want   bool
	}{
		"all":             {func(*authz.Right) {}, true},
		"and more":        {func(r *authz.Right) { r.Rules = append([]access.Rule{{Verbs: []string{"get"}}}, r.Rules...) }, true},
		"in namespaces":   {func(r *authz.Right) { r.Scope = access.NamespaceScope("*") }, false},
		"some verbs":      {func(r *authz.Right) { r.Rules[0].Verbs = []string{"get"} }, false},
		"some groups":     {func(r *authz.Right) { r.Rules[0].APIGroups = []string{""} }, false},
		"some resources":  {func(r *authz.Right) { r.Rules[0].Resources = []string{"pods"} }, false},
		"some names":      {func(r *authz.Right) { r.Rules[0].ResourceNames = []string{"x"} }, false},
		"what is unknown": {func(r *authz.Right) { r.Known = false }, false},
		"nothing":         {func(r *authz.Right) { r.Rules = nil }, false},
	} {
		r := all()
		c.change(&r)
		if got := hasAdmin([]authz.Right{r}); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// What was put aside is told by part and reason.
func TestWhatIsNotCountedIsSorted(t *testing.T) {
	w := weighing{out: &plan.Access{}}
	aside := map[authz.Unknown]bool{}
	for _, u := range []authz.Unknown{{Part: "b", Why: "a"}, {Part: "a", Why: "z"}, {Part: "a", Why: "b", Settle: "y"}, {Part: "a", Why: "b", Settle: "x"}} {
		aside[u] = true
	}
	for range 5 { // a map has no order
		w.out.NotCounted = nil
		w.notCounted(key("c"), aside)
		var got []string
		for _, n := range w.out.NotCounted {
			got = append(got, n.Part+n.Why+n.Settle)
		}
		if fmt.Sprint(got) != "[abx aby az ba]" {
			t.Error(got)
		}
	}
}

// A role's change takes and gives all that is the role's.
func TestARolesPartsComeAndGo(t *testing.T) {
	read := access.RolePolicy{Name: "p", Document: allows(t, "s3:GetObject on arn:aws:s3:::a/*")}
	world := func(policies ...access.RolePolicy) *access.Snapshot { return workloadWorld(t, "", policies...) }
	withManaged := world(read)
	withManaged.Accounts[0].Details[1].Managed = []string{managedOne, "arn:aws:iam::aws:policy/Kept"}
	trust := withManaged.Accounts[0].Details[1].Trust
	notRead := world(read)
	notRead.Accounts[0].Details = notRead.Accounts[0].Details[:1]
	notRead.Accounts[0].DetailsRead, notRead.Clusters[0].Issuer = false, ""
	replaced := plan.Change{Verb: plan.Replace, Kind: plan.Role, Principal: workloadRole, From: plan.IAMRole{ARN: workloadRole}, To: plan.IAMRole{ARN: workloadRole, Trust: trust}}
	role := func(r string) access.PodIdentityAssociation { return access.PodIdentityAssociation{Role: r} }
	const bare = "arn:aws:iam::492000000148:role/bare"
	bareWorld := world(read)
	bareWorld.Accounts[0].Details = append(bareWorld.Accounts[0].Details, access.HaveRole{Principal: access.Principal{ARN: bare}})
	for name, c := range map[string]changeOfRights{
		"an inline policy goes": {have: world(read), change: plan.Change{Verb: plan.Delete, Kind: plan.RolePolicy, Principal: workloadRole, From: plan.InlinePolicy{Role: workloadRole, RolePolicy: read}},
			lost: both("s3:GetObject on arn:aws:s3:::a/*")},
		"another one stays": {have: world(read, access.RolePolicy{Name: "q", Document: allows(t, "sqs:* on *")}),
			change: plan.Change{Verb: plan.Delete, Kind: plan.RolePolicy, Principal: workloadRole, From: plan.InlinePolicy{Role: workloadRole, RolePolicy: read}},
			lost:   both("s3:GetObject on arn:aws:s3:::a/*")},
		"an attachment goes": {have: withManaged, change: plan.Change{Verb: plan.Delete, Kind: plan.RoleAttachment, Principal: workloadRole, From: plan.Attachment{Role: workloadRole, Policy: managedOne}},
			lost: both("s3:ListBucket on arn:aws:s3:::a")},
		"the role is made again, without its policies": {have: world(read), change: replaced, lost: both("s3:GetObject on arn:aws:s3:::a/*")},
		"a role that was not read has an action more": {have: notRead, change: inline("", allows(t, "sqs:* on *")),
			maybeGained: []string{"ops/yace-sa sqs:* on *; what role yace may do was not read"}},
		"another role without a policy": {have: bareWorld, change: associate(role(workloadRole), role(bare)),
			gained: []string{"ops/yace-sa role bare, which has no policy"}, lost: []string{"ops/yace-sa s3:GetObject on arn:aws:s3:::a/*"}},
		"from a role without a policy": {have: bareWorld, change: associate(role(bare), role(workloadRole))},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "from a role without a policy" {
				c.have.Clusters[0].PodIdentities[0].Role = bare
				c.gained, c.lost = []string{"ops/yace-sa s3:GetObject on arn:aws:s3:::a/*"}, []string{"ops/yace-sa role bare, which has no policy"}
				defer func() { c.have.Clusters[0].PodIdentities[0].Role = workloadRole }()
			}
			c.check(t)
		})
	}
}

// A grant is the workloads' that the changes are of, each once, where the first
// of them stands; of a role that no workload is named with, the role's.
func TestAGrantIsOfTheWorkloadsOfTheRole(t *testing.T) {
	p := &plan.Plan{Changes: []plan.Change{inline("", allows(t, "sqs:* on *")), attach("arn:aws:iam::aws:policy/X")}}
	p.Changes[0].Workloads, p.Changes[0].Source = []string{"yace"}, access.Place{File: "a.yaml", Line: 1}
	p.Changes[1].Workloads, p.Changes[1].Source = []string{"loki", "yace"}, access.Place{File: "b.yaml", Line: 2}
	for n, want := range []string{"workload/loki, workload/yace", "role/yace"} {
		var got plan.Access
		Workloads(p, &access.State{}, workloadWorld(t, ""), &got)
		for _, g := range got.Gained {
			if g.Member != want || g.Principal != workloadRole || g.Source != (access.Place{File: "a.yaml", Line: 1}) {
				t.Errorf("%d: %+v", n, g)
			}
		}
		if len(got.Gained) != 4 {
			t.Errorf("%d: %d gained", n, len(got.Gained))
		}
		p.Changes[0].Workloads, p.Changes[1].Workloads = nil, nil
	}
}

func TestWhomATrustPolicyLetsIn(t *testing.T) {
	const provider, sub = "arn:aws:iam::492000000148:oidc-provider/oidc/id/A", "oidc/id/A:sub"
	web := func(effect, principal, condition string) string {
		return `{"Effect":"` + effect + `","Principal":{` + principal + `},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` + condition + `}}`
	}
	federated := `"Federated":"` + provider + `"`
	is := func(operator, subjects string) string { return `"` + operator + `":{"` + sub + `":` + subjects + `}` }
	h := &having{issuers: map[string]access.ClusterKey{"oidc/id/A": onTest}}
	for name, c := range map[string]struct {
		statements string
		want       []string
	}{
		"one":                 {web("Allow", federated, is("StringEquals", `"system:serviceaccount:ops:a"`)), []string{"ops/a"}},
		"a pattern, and more": {web("Allow", federated, is("StringLike", `["system:serviceaccount:ops-*:a","system:serviceaccount:x:*"]`)), []string{"ops-*/a", "x/*"}},
		"all":                 {web("Allow", federated, `"StringEquals":{"oidc/id/A:aud":"sts.amazonaws.com"}`), []string{"*/*"}},
		"in other capitals":   {web("Allow", federated, `"StringEquals":{"oidc/id/A:SUB":"system:serviceaccount:ops:a"}`), []string{"ops/a"}},
		"all but one":         {web("Allow", federated, is("StringNotEquals", `"system:serviceaccount:ops:a"`)), []string{"*/*"}},
		"a deny":              {web("Deny", federated, is("StringEquals", `"system:serviceaccount:ops:a"`)), nil},
		"another provider's":  {web("Allow", `"Federated":"arn:aws:iam::492000000148:oidc-provider/oidc/id/B"`, is("StringEquals", `"system:serviceaccount:ops:a"`)), nil},
		"no provider":         {`{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":"sts:AssumeRole"}`, nil},
		"two statements":      {web("Allow", federated, is("StringEquals", `"system:serviceaccount:ops:a"`)) + "," + web("Allow", federated, is("StringEquals", `"system:serviceaccount:ops:b"`)), []string{"ops/a", "ops/b"}},
	} {
		var got []string
		h.roles = map[string]access.HaveRole{workloadRole: {Trust: canonical(t, iam.Trust, c.statements)}}
		for _, u := range h.trusted(workloadRole) {
			if u.cluster != onTest {
				t.Errorf("%s: %+v", name, u)
			}
			got = append(got, u.account)
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	h.roles[workloadRole] = access.HaveRole{Trust: "{"}
	if got := h.trusted(workloadRole); got != nil {
		t.Errorf("what is no policy lets nobody in: %v", got)
	}
}

// What a ServiceAccount has is compared with what it had by the same role, else
// with the only other one of the account.
func TestWhatIsHeldIsPairedWithWhatWas(t *testing.T) {
	one := func(words string) (out []holding) {
		for _, w := range strings.Fields(words) {
			role, session, _ := strings.Cut(w, ":")
			account, name, _ := strings.Cut(role, "/")
			out = append(out, holding{role: "arn:aws:iam::" + strings.Repeat(account, 12) + ":role/" + name, session: access.Document(session)})
		}
		return out
	}
	say := func(h holding) string {
		if h == (holding{}) {
			return "-"
		}
		s := h.role[13:14] + "/" + access.RoleName(h.role)
		if h.session != "" {
			s += ":" + string(h.session)
		}
		return s
	}
	for _, c := range []struct{ was, is, want string }{
		{"1/a", "1/a", "1/a=1/a"}, {"1/a 1/b", "1/b 1/a", "1/a=1/a 1/b=1/b"}, {"1/a", "1/b", "1/a=1/b"}, {"1/a", "2/b", "1/a=- -=2/b"},
		{"1/a:x", "1/a:y", "1/a:x=1/a:y"}, {"1/a:x 1/a:y", "1/a:z 1/a:x", "1/a:x=1/a:x 1/a:y=1/a:z"}, {"1/a 1/b", "1/c", "1/a=- 1/b=- -=1/c"},
		{"1/a:x 1/b", "1/a:y 1/c", "1/a:x=1/a:y 1/b=1/c"}, {"1/a:x 1/b 1/c", "1/d 1/a:y", "1/a:x=1/a:y 1/b=- 1/c=- -=1/d"},
		{"", "1/a", "-=1/a"}, {"1/a", "", "1/a=-"}, {"1/a 1/b", "1/a 1/c", "1/a=1/a 1/b=1/c"}, {"1/a", "1/b 1/c", "1/a=- -=1/b -=1/c"},
	} {
		was := one(c.was)
		before := slices.Clone(was)
		var got []string
		for _, p := range paired(was, one(c.is)) {
			got = append(got, say(p[0])+"="+say(p[1]))
		}
		if strings.Join(got, " ") != c.want || !slices.Equal(was, before) {
			t.Errorf("%q and %q: %q, want %q", c.was, c.is, got, c.want)
		}
	}
}

// A binding reaches those whom aws-auth maps, as long as it counts.
func TestWhomAwsAuthMapsIsReached(t *testing.T) {
	for mode, want := range map[access.AuthMode]int{access.ModeAPIAndConfigMap: 1, access.ModeConfigMap: 1, access.ModeAPI: 0} {
		sides := [2]authz.Facts{world(t, "c"), world(t, "c", "bind g view a")}
		for i := range sides {
			sides[i].Mode = mode
			sides[i].AuthMap = &access.AuthMap{MapUsers: "- userarn: " + arn("user/old") + "\n  username: old\n  groups: [g]\n"}
		}
		if got := Of(touching("c", "binding"), compiled(t, sides[0]), compiled(t, sides[1])).Gained; len(got) != want || want > 0 && got[0].Principal != arn("user/old") {
			t.Errorf("%s: %+v", mode, got)
		}
	}
}

// People of one policy in different places have answers of their own.
func TestEachPersonsPlacesAreHisOwn(t *testing.T) {
	before := world(t, "c", "user/ann", "user/bob", "user/eve", "user/zoe")
	after := world(t, "c", "user/ann View:a", "user/bob View:b", "user/eve View:cluster", "user/zoe View:a")
	got := words(Of(touching("c", "user/ann", "user/bob", "user/eve", "user/zoe"), compiled(t, before), compiled(t, after)))
	if d := cmp.Diff([]string{"+ user/ann View in a", "+ user/bob View in b", "+ user/eve View in whole cluster ! whole cluster", "+ user/zoe View in a"}, got); d != "" {
		t.Error(d)
	}
}

// A role that was bound to one team's group was that team's to give, whatever
// other teams one is in.
func TestALostRoleIsOfOneTeam(t *testing.T) {
	group := access.TeamGroup("ops", "shop")
	before, after := world(t, "c", "user/ann group:"+group, "bind "+group+" edit shop"), world(t, "c", "user/ann group:"+group)
	p := touching("c", "user/ann", "binding")
	p.Changes[0].Teams = []string{"qa", "shop"}
	got := Of(p, compiled(t, before), compiled(t, after)).Lost
	if len(got) != 1 || !slices.Equal(got[0].Teams, []string{"shop"}) || len(got[0].NotIn) != 0 {
		t.Errorf("%+v", got)
	}
}
