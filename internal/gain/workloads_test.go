package gain

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

const workloadRole = "arn:aws:iam::492000000148:role/yace"

func canonical(t *testing.T, kind iam.Kind, statements string) access.Document {
	t.Helper()
	d, err := iam.Canonical(kind, `{"Version":"2012-10-17","Statement":[`+statements+`]}`)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func allows(t *testing.T, statements ...string) access.Document {
	t.Helper()
	var out []string
	for _, s := range statements {
		effect := "Allow"
		s, deny := strings.CutPrefix(s, "deny ")
		if deny {
			effect = "Deny"
		}
		action, resource, _ := strings.Cut(s, " on ")
		out = append(out, `{"Effect":"`+effect+`","Action":"`+action+`","Resource":"`+resource+`"}`)
	}
	return canonical(t, iam.Identity, strings.Join(out, ","))
}

var onTest = access.ClusterKey{Account: "492000000148", Region: "us-east-1", Name: "test"}

const (
	otherRole  = "arn:aws:iam::492000000148:role/other"
	limitRead  = "arn:aws:iam::492000000148:policy/limit"
	unreadOne  = "arn:aws:iam::492000000148:policy/unread"
	managedOne = "arn:aws:iam::aws:policy/ReadsA"
)

// workloadWorld is a role that ops/yace-sa has by Pod Identity and logs-*/loki
// by its trust, and one that nobody has.
func workloadWorld(t *testing.T, boundary string, policies ...access.RolePolicy) *access.Snapshot {
	trusts := canonical(t, iam.Trust, `{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::492000000148:oidc-provider/oidc/id/A"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"oidc/id/A:sub":"system:serviceaccount:logs-*:loki"},"StringEquals":{"oidc/id/A:aud":"sts.amazonaws.com"}}}`)
	nobody := canonical(t, iam.Trust, `{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":"sts:AssumeRole"}`)
	return &access.Snapshot{
		Accounts: []access.HaveAccount{{Account: access.Account{ID: "492000000148"}, DetailsRead: true,
			Details: []access.HaveRole{
				{Principal: access.Principal{ARN: otherRole}, Trust: nobody, Inline: []access.RolePolicy{{Name: "o", Document: allows(t, "s3:Get* on arn:aws:s3:::a/*")}}},
				{Principal: access.Principal{ARN: workloadRole}, Boundary: boundary, Inline: policies, Trust: trusts},
			},
			Policies: map[string]access.Document{
				limitRead:  canonical(t, iam.Boundary, `{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}`),
				managedOne: allows(t, "s3:GetObject on arn:aws:s3:::a/*", "s3:ListBucket on arn:aws:s3:::a"),
			},
		}},
		Clusters: []access.HaveCluster{{Key: onTest, Issuer: "oidc/id/A", PodIdentities: []access.PodIdentityAssociation{{Namespace: "ops", ServiceAccount: "yace-sa", Role: workloadRole}}}},
	}
}

// changes of the world's role.
func inline(from, to access.Document) plan.Change {
	c := plan.Change{Verb: plan.Update, Kind: plan.RolePolicy, Principal: workloadRole, Name: "p", Workloads: []string{"yace"}}
	c.From, c.To = plan.InlinePolicy{Role: workloadRole, RolePolicy: access.RolePolicy{Name: "p", Document: from}}, plan.InlinePolicy{Role: workloadRole, RolePolicy: access.RolePolicy{Name: "p", Document: to}}
	return c
}

func attach(policy string) plan.Change {
	return plan.Change{Verb: plan.Create, Kind: plan.RoleAttachment, Principal: workloadRole, Name: policy, To: plan.Attachment{Role: workloadRole, Policy: policy}}
}

func detach(policy string) plan.Change {
	return plan.Change{Verb: plan.Delete, Kind: plan.RoleAttachment, Principal: workloadRole, Name: policy, From: plan.Attachment{Role: workloadRole, Policy: policy}}
}

func bound(t *testing.T, from, to string) plan.Change {
	trusts := workloadWorld(t, "").Accounts[0].Details[1].Trust
	return plan.Change{Verb: plan.Update, Kind: plan.Role, Principal: workloadRole,
		From: plan.IAMRole{ARN: workloadRole, Trust: trusts, Boundary: from}, To: plan.IAMRole{ARN: workloadRole, Trust: trusts, Boundary: to}}
}

func associate(from, to access.PodIdentityAssociation) plan.Change {
	c := plan.Change{Verb: plan.Update, Kind: plan.PodIdentityAssociation, Cluster: onTest, Namespace: "ops", Name: "yace-sa"}
	from.Namespace, from.ServiceAccount, to.Namespace, to.ServiceAccount = "ops", "yace-sa", "ops", "yace-sa"
	c.From, c.To = plan.PodIdentity{PodIdentityAssociation: from}, plan.PodIdentity{PodIdentityAssociation: to}
	return c
}

// changeOfRights is a change with what it comes to, each SUBJECT WHAT; of what
// cannot be told with why.
type changeOfRights struct {
	have                                     *access.Snapshot
	change                                   plan.Change
	gained, lost, maybeGained, maybeLost, un []string
}

func both(what ...string) (out []string) {
	for _, subject := range []string{"logs-*/loki ", "ops/yace-sa "} {
		for _, w := range what {
			out = append(out, subject+w)
		}
	}
	return out
}

func (c *changeOfRights) check(t *testing.T) {
	t.Helper()
	var got plan.Access
	Workloads(&plan.Plan{Changes: []plan.Change{c.change}}, &access.State{}, c.have, &got)
	say := func(list []plan.Grant) (out []string) {
		for _, g := range list {
			if !strings.HasPrefix(g.Where, g.ServiceAccount+" as role "+access.RoleName(g.Principal)) || g.Cluster != onTest {
				t.Errorf("grant %+v", g)
			}
			s := g.ServiceAccount + " " + g.What
			for _, u := range g.Unclear {
				s += "; " + u.Why
			}
			out = append(out, s)
		}
		slices.Sort(out)
		return out
	}
	if d := cmp.Diff([][]string{c.gained, c.lost, c.maybeGained, c.maybeLost, c.un}, [][]string{say(got.Gained), say(got.Lost), say(got.MaybeGained), say(got.MaybeLost), say(got.Unknown)}); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// shows: item S111
func TestWhatWorkloadsGainAndLoseIsSaidByServiceAccountRoleAndAction(t *testing.T) {
	read := allows(t, "s3:GetObject on arn:aws:s3:::a/*")
	world := workloadWorld(t, "", access.RolePolicy{Name: "p", Document: read})
	unlessTLS := canonical(t, iam.Identity, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}`)
	pod := plan.PodIdentity{PodIdentityAssociation: access.PodIdentityAssociation{Namespace: "ops", ServiceAccount: "yace-sa", Role: workloadRole}}
	for name, c := range map[string]changeOfRights{
		"an action more": {have: world, change: inline(read, allows(t, "s3:GetObject on arn:aws:s3:::a/*", "s3:PutObject on arn:aws:s3:::a/*")),
			gained: both("s3:PutObject on arn:aws:s3:::a/*")},
		"in other capitals": {have: world, change: inline(read, allows(t, "S3:GETOBJECT on arn:aws:s3:::a/*"))},
		"in other words":    {have: world, change: inline(read, allows(t, "s3:GetObject on arn:aws:s3:::a/b*", "s3:GetObject on arn:aws:s3:::a/*", "deny s3:Put* on *"))},
		"wider in all": {have: world, change: inline(read, allows(t, "s3:Get* on arn:aws:s3:::*")),
			gained: both("s3:Get* (not s3:GetObject) on arn:aws:s3:::*", "s3:GetObject on arn:aws:s3:::* (not arn:aws:s3:::a/*)")},
		"narrower": {have: workloadWorld(t, "", access.RolePolicy{Name: "p", Document: allows(t, "s3:Get* on *")}), change: inline(allows(t, "s3:Get* on *"), read),
			lost: both("s3:Get* (not s3:GetObject) on *", "s3:GetObject on all but arn:aws:s3:::a/*")},
		"a deny takes": {have: world, change: inline(read, allows(t, "s3:GetObject on arn:aws:s3:::a/*", "deny s3:* on arn:aws:s3:::a/secret")),
			lost: both("s3:GetObject on arn:aws:s3:::a/secret")},
		"a condition takes": {have: world, change: inline(read, unlessTLS),
			lost: both("s3:GetObject on arn:aws:s3:::a/* unless Bool aws:SecureTransport [true]")},
		"with a condition": {have: workloadWorld(t, ""), change: inline(read, unlessTLS),
			gained: both("s3:GetObject on arn:aws:s3:::a/* if Bool aws:SecureTransport [true]")},
		"the association goes": {have: world,
			change: plan.Change{Verb: plan.Delete, Kind: plan.PodIdentityAssociation, Cluster: onTest, Namespace: "ops", Name: "yace-sa", From: pod},
			lost:   []string{"ops/yace-sa s3:GetObject on arn:aws:s3:::a/*"}},
		"the role goes": {have: world, change: plan.Change{Verb: plan.Delete, Kind: plan.Role, Principal: workloadRole, From: plan.IAMRole{ARN: workloadRole}},
			lost: both("s3:GetObject on arn:aws:s3:::a/*")},
		"held": {have: world, change: plan.Change{Verb: plan.Delete, Kind: plan.Role, Principal: workloadRole, From: plan.IAMRole{ARN: workloadRole}, Held: []plan.Hold{{Guard: "x"}}}},
	} {
		t.Run(name, func(t *testing.T) { c.check(t) })
	}
}

// What limits a role counts as what its policies say does, and what was not
// read is said.
//
// shows: item S136
func TestBoundariesSessionPoliciesAndManagedPoliciesCount(t *testing.T) {
	wide := access.RolePolicy{Name: "p", Document: allows(t, "s3:* on arn:aws:s3:::a/*")}
	world, limited, unreadLimit := workloadWorld(t, "", wide), workloadWorld(t, limitRead, wide), workloadWorld(t, unreadOne, wide)
	ours := access.PodIdentityAssociation{Role: workloadRole}
	session := access.PodIdentityAssociation{Role: workloadRole, DisableSessionTags: true, SessionPolicy: canonical(t, iam.SessionPolicy, `{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}`)}
	notRead := "permissions boundary " + unreadOne + " was not read"
	const put = "s3:* (not s3:Get*) on arn:aws:s3:::a/*"
	withManaged := workloadWorld(t, "")
	withManaged.Accounts[0].Details[1].Managed = []string{managedOne}
	far := access.PodIdentityAssociation{Role: workloadRole, TargetRole: "arn:aws:iam::111122223333:role/far"}
	for name, c := range map[string]changeOfRights{
		"a boundary comes":                   {have: world, change: bound(t, "", limitRead), lost: both(put)},
		"a boundary goes":                    {have: limited, change: bound(t, limitRead, ""), gained: both(put)},
		"a boundary stays":                   {have: limited, change: inline(wide.Document, allows(t, "s3:* on arn:aws:s3:::a/*", "s3:PutObject on *"))},
		"a boundary that was not read comes": {have: world, change: bound(t, "", unreadOne), maybeLost: both("what permissions boundary unread does not let through; " + notRead)},
		"a boundary that was not read goes":  {have: unreadLimit, change: bound(t, unreadOne, ""), maybeGained: both("what permissions boundary unread did not let through; " + notRead)},
		"beneath a boundary that was not read": {have: unreadLimit, change: inline(wide.Document, allows(t, "s3:* on arn:aws:s3:::a/*", "sqs:* on *")),
			maybeGained: both("sqs:* on *; " + notRead)},
		"a session policy comes": {have: world, change: associate(ours, session), lost: []string{"ops/yace-sa " + put}},
		"session tags alone":     {have: world, change: associate(ours, access.PodIdentityAssociation{Role: workloadRole, DisableSessionTags: true})},
		"a managed policy that was read": {have: workloadWorld(t, "", access.RolePolicy{Name: "p", Document: allows(t, "s3:Get* on *")}), change: attach(managedOne),
			gained: both("s3:ListBucket on arn:aws:s3:::a")},
		"a managed policy that goes":    {have: withManaged, change: detach(managedOne), lost: both("s3:GetObject on arn:aws:s3:::a/*", "s3:ListBucket on arn:aws:s3:::a")},
		"a managed policy that was not": {have: world, change: attach("arn:aws:iam::aws:policy/x/Y"), gained: both("managed policy Y, which was not read")},
		"another role that may the same and less": {have: world, change: associate(ours, access.PodIdentityAssociation{Role: otherRole}),
			lost: []string{"ops/yace-sa " + put}},
		"another account's role, not read": {have: world, change: associate(ours, far),
			gained: []string{"ops/yace-sa what role far may do"}, lost: []string{"ops/yace-sa s3:* on arn:aws:s3:::a/*"}},
	} {
		t.Run(name, func(t *testing.T) { c.check(t) })
	}
}

// The actions, resources and conditions stand apart too, for machines.
//
// shows: item S136
func TestRightsOfWorkloadsStandAsPatterns(t *testing.T) {
	from := canonical(t, iam.Identity, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*"}`)
	to := canonical(t, iam.Identity, `{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::a/*","Condition":{"Bool":{"aws:SecureTransport":"true"}}},{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*"}`)
	var got plan.Access
	Workloads(&plan.Plan{Changes: []plan.Change{inline(from, to)}}, &access.State{}, workloadWorld(t, "", access.RolePolicy{Name: "p", Document: from}), &got)
	if len(got.Gained) != 2 || len(got.Lost) > 0 {
		t.Fatalf("gained %+v, lost %+v", got.Gained, got.Lost)
	}
	g := got.Gained[0]
	want := plan.Grant{Actions: []access.PatternSet{{All: []string{"s3:Get*"}, Except: []string{"s3:GetObject"}}}, Resources: []access.PatternSet{{All: []string{"arn:aws:s3:::a/*"}}}, When: "Bool aws:SecureTransport [true]"}
	if d := cmp.Diff(want, plan.Grant{Actions: g.Actions, Resources: g.Resources, When: g.When}); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// What a role is called after by its documents is what people know: the
// cluster's document, though nothing of that cluster changes, and where no
// document wants the role any more, the only workload that has the ServiceAccount.
//
// shows: item S111
func TestClustersAndWorkloadsAreCalledAsTheirDocumentsCallThem(t *testing.T) {
	world := workloadWorld(t, "", access.RolePolicy{Name: "p", Document: allows(t, "s3:GetObject on arn:aws:s3:::a/*")})
	goes := plan.Change{Verb: plan.Delete, Kind: plan.Role, Principal: workloadRole, From: plan.IAMRole{ARN: workloadRole}}
	kept := goes
	kept.Workloads = []string{"mine"}
	place := access.Place{File: "yace.yaml", Line: 7}
	of := func(name, namespace, account string) access.WantWorkload {
		return access.WantWorkload{Name: name, Accounts: []access.WorkloadAccount{{Namespace: namespace, Name: account, Place: place}}}
	}
	for name, c := range map[string]struct {
		change    plan.Change
		cluster   access.ClusterKey
		workloads []access.WantWorkload
		want      []string // who, the cluster's document, where from
	}{
		"no document":                {goes, access.ClusterKey{Name: "far"}, nil, []string{"role/yace  ", "role/yace  "}},
		"a cluster's document":       {goes, onTest, nil, []string{"role/yace ops ", "role/yace ops "}},
		"its workload lives on":      {goes, onTest, []access.WantWorkload{of("yace", "ops", "yace-sa")}, []string{"role/yace ops ", "workload/yace ops yace.yaml"}},
		"by a pattern":               {goes, onTest, []access.WantWorkload{of("yace", "o*", "yace-*")}, []string{"role/yace ops ", "workload/yace ops yace.yaml"}},
		"twice of one workload":      {goes, onTest, []access.WantWorkload{{Name: "yace", Accounts: slices.Concat(of("", "o*", "yace-*").Accounts, of("", "ops", "*").Accounts)}}, []string{"role/yace ops ", "workload/yace ops yace.yaml"}},
		"twin: of two workloads":     {goes, onTest, []access.WantWorkload{of("yace", "ops", "yace-sa"), of("second", "o*", "yace-*")}, []string{"role/yace ops ", "role/yace ops "}},
		"twin: another's":            {goes, onTest, []access.WantWorkload{of("yace", "ops", "other")}, []string{"role/yace ops ", "role/yace ops "}},
		"twin: the plan knows whose": {kept, onTest, []access.WantWorkload{of("yace", "ops", "yace-sa")}, []string{"workload/mine ops ", "workload/mine ops "}},
	} {
		want := &access.State{Clusters: []access.WantCluster{{Key: c.cluster, Document: "ops"}}, Workloads: c.workloads}
		var got plan.Access
		Workloads(&plan.Plan{Changes: []plan.Change{c.change}}, want, world, &got)
		var said []string
		for _, g := range got.Lost {
			said = append(said, g.Member+" "+g.Document+" "+g.Source.File)
		}
		slices.Sort(said)
		if d := cmp.Diff(c.want, said); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}
