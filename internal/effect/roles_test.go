package effect

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
)

var (
	roleTest = access.ClusterKey{Account: "111111111111", Region: "eu-west-1", Name: "test"}
	roleProd = access.ClusterKey{Account: "111111111111", Region: "eu-west-1", Name: "prod"}
)

const (
	appRole  = "arn:aws:iam::111111111111:role/app"
	farRole  = "arn:aws:iam::222222222222:role/far"
	managed  = "arn:aws:iam::aws:policy/M"
	edge     = "arn:aws:iam::111111111111:policy/edge"
	readDoc  = access.Document(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:PrincipalTag/team}/*"}]}`)
	writeDoc = access.Document(`{"Version":"2012-10-17","Statement":[{"Sid":"W","Effect":"Allow","Action":"s3:PutObject","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/kubernetes-namespace":"ops"}}}]}`)
)

// workloadState is a workload on two clusters, with an association on one.
func workloadState() *access.State {
	return &access.State{
		Owner: access.Owner{Environment: "ops", ID: "k1"}, Tags: map[string]string{"component": "devops"},
		Workloads: []access.WantWorkload{{Name: "app", Credentials: access.PodIdentity, Clusters: []access.ClusterKey{roleProd, roleTest},
			Accounts: []access.WorkloadAccount{{Namespace: "ops", Name: "app"}},
			Roles:    []access.WorkloadRole{{Cluster: roleProd, ARN: appRole}, {Cluster: roleTest, ARN: appRole}}}},
		Roles: []access.WantRole{{Account: "111111111111", ARN: appRole, Boundary: edge, Tags: map[string]string{"team": "red"}, Managed: []string{managed},
			Inline: []access.RolePolicy{{Name: "r", Document: readDoc}, {Name: "w", Document: writeDoc}}, Place: access.Place{File: "a.yaml", Line: 3}}},
		Clusters: []access.WantCluster{
			{Document: "prod", Key: roleProd},
			{Document: "test", Key: roleTest, PodIdentities: []access.WantPodIdentity{
				{Workload: "other", PodIdentityAssociation: access.PodIdentityAssociation{Namespace: "x", ServiceAccount: "x", SessionPolicy: writeDoc, DisableSessionTags: true}},
				{Workload: "app", PodIdentityAssociation: access.PodIdentityAssociation{Namespace: "ops", ServiceAccount: "app", Role: appRole, SessionPolicy: readDoc}}}}},
	}
}

func names(list []iam.Source) []string {
	var out []string
	for _, s := range list {
		n := s.Name
		if s.Policy == nil {
			n += " unread"
		}
		out = append(out, n)
	}
	return out
}

// asks decides one action of a workload's role without its managed policies and
// boundary, which were not read.
func asks(r WorkloadRole, action, resource string) iam.Verdict {
	r.Policies.Identity = slices.DeleteFunc(slices.Clone(r.Policies.Identity), func(s iam.Source) bool { return s.Policy == nil })
	r.Policies.Boundary, r.Policies.Session = nil, nil
	return iam.Decide(iam.Question{Caller: r.Caller, Action: action, Resource: resource, ResourceAccount: r.Caller.Account, Context: r.Context, Policies: r.Policies}).Verdict
}

// shows: item S115
func TestAWorkloadsRoleFromDocuments(t *testing.T) {
	s := workloadState()
	roles := WorkloadRoles(&s.Workloads[0], s, nil)
	if len(roles) != 2 || roles[0].Document != "prod" || roles[1].Document != "test" {
		t.Fatalf("%+v", roles)
	}
	r := roles[1]
	if d := cmp.Diff([]string{"inline policy r", "inline policy w", managed + " unread"}, names(r.Policies.Identity)); d != "" {
		t.Error(d)
	}
	if b := r.Policies.Boundary; b == nil || b.Name != edge || b.Policy != nil || r.Settle[edge] != "--observed reads it" || r.Settle[managed] == "" {
		t.Errorf("boundary %+v, settle %v", b, r.Settle)
	}
	if len(r.Policies.Session) != 1 || r.Policies.Session[0].Policy == nil || len(roles[0].Policies.Session) != 0 {
		t.Errorf("session policies %v and %v", names(roles[0].Policies.Session), names(r.Policies.Session))
	}
	if r.Places["inline policy r"].Line != 3 || r.Caller.Role != appRole || r.Caller.Account != "111111111111" || r.Caller.ARN != "arn:aws:sts::111111111111:assumed-role/app/session" {
		t.Errorf("places %v, caller %+v", r.Places, r.Caller)
	}
	// The role's own tag settles a variable, EKS's session tag a condition; where
	// no association passes tags there is none.
	for _, q := range []struct {
		of               int
		action, resource string
		want             iam.Verdict
	}{
		{1, "s3:GetObject", "arn:aws:s3:::b/red/x", iam.Allowed},
		{1, "s3:GetObject", "arn:aws:s3:::b/blue/x", iam.Denied},
		{1, "s3:PutObject", "arn:aws:s3:::b/x", iam.Allowed},
		{0, "s3:PutObject", "arn:aws:s3:::b/x", iam.Denied},
	} {
		if got := asks(roles[q.of], q.action, q.resource); got != q.want {
			t.Errorf("%s on %s of %s: %v, want %v", q.action, q.resource, roles[q.of].Document, got, q.want)
		}
	}
	if got := r.Statement("inline policy r", 0, ""); got != "the statement about s3:GetObject" {
		t.Error(got)
	}
	if got := r.Statement("inline policy w", 0, "W"); got != "statement W" {
		t.Error(got)
	}
	if got := r.Statement("inline policy r", 1, ""); got != "statement 2" {
		t.Error(got)
	}
	// Two ServiceAccounts: the session may be of either.
	s.Workloads[0].Accounts = append(s.Workloads[0].Accounts, access.WorkloadAccount{Namespace: "dev", Name: "app"})
	if got := asks(WorkloadRoles(&s.Workloads[0], s, nil)[1], "s3:PutObject", "arn:aws:s3:::b/x"); got != iam.Undetermined {
		t.Errorf("of two ServiceAccounts: %v", got)
	}
	s.Workloads[0].Accounts = []access.WorkloadAccount{{Namespace: "o*", Name: "app"}}
	if got := asks(WorkloadRoles(&s.Workloads[0], s, nil)[1], "s3:PutObject", "arn:aws:s3:::b/x"); got != iam.Undetermined {
		t.Errorf("of a pattern: %v", got)
	}
}

func TestAWorkloadsRoleThatIsAnothersOrTheEndOfAChain(t *testing.T) {
	s := workloadState()
	s.Roles[0].Existing = true
	if got := names(WorkloadRoles(&s.Workloads[0], s, nil)[0].Policies.Identity); len(got) != 1 || !strings.HasSuffix(got[0], " unread") {
		t.Errorf("another's role: %v", got)
	}
	// Its tags are not known, EKS's session tags are.
	r := WorkloadRoles(&s.Workloads[0], s, nil)[1]
	read, _ := iam.Parse(iam.Identity, string(readDoc))
	write, _ := iam.Parse(iam.Identity, string(writeDoc))
	r.Policies.Identity = []iam.Source{{Name: "r", Policy: read}, {Name: "w", Policy: write}}
	if got := asks(r, "s3:GetObject", "arn:aws:s3:::b/red/x"); got != iam.Undetermined {
		t.Errorf("by a tag of another's role: %v", got)
	}
	if got := asks(r, "s3:PutObject", "arn:aws:s3:::b/x"); got != iam.Allowed {
		t.Errorf("by a session tag: %v", got)
	}
	s = workloadState()
	s.Workloads[0].Target = farRole
	s.Clusters[1].PodIdentities[1].TargetRole = farRole
	for i, r := range WorkloadRoles(&s.Workloads[0], s, nil) {
		if r.Role != farRole || r.Caller.Account != "222222222222" || len(r.Policies.Session) != i || len(r.Policies.Identity) != 1 {
			t.Errorf("chain: %+v", r)
		}
	}
}

func TestAWorkloadsRoleAsItIsThere(t *testing.T) {
	s := workloadState()
	have := &access.Snapshot{Accounts: []access.HaveAccount{{Account: access.Account{ID: "111111111111"}, DetailsRead: true,
		Details: []access.HaveRole{{Principal: access.Principal{ARN: appRole}, Managed: []string{managed}, Boundary: edge, Tags: map[string]string{"team": "blue"},
			Inline: []access.RolePolicy{{Name: "r", Document: readDoc}, {Name: "odd", Document: "{"}}}},
		Policies: map[string]access.Document{managed: writeDoc}}}}
	r := WorkloadRoles(&s.Workloads[0], s, have)[1]
	if d := cmp.Diff([]string{"inline policy r", "inline policy odd unread", managed}, names(r.Policies.Identity)); d != "" {
		t.Error(d)
	}
	if !strings.Contains(r.Settle[edge], "iam:GetPolicyVersion") || !strings.HasPrefix(r.Settle["inline policy odd"], "mend it") {
		t.Errorf("settle %v", r.Settle)
	}
	if got := asks(r, "s3:GetObject", "arn:aws:s3:::b/blue/x"); got != iam.Allowed {
		t.Errorf("its own tag: %v", got)
	}
	if got := asks(r, "s3:GetObject", "arn:aws:s3:::b/red/x"); got != iam.Denied {
		t.Errorf("the document's tag: %v", got)
	}
	have.Accounts[0].Details = nil
	if got := WorkloadRoles(&s.Workloads[0], s, have)[0].Policies.Identity; len(got) != 0 {
		t.Errorf("a role that is not there has %v", names(got))
	}
	have.Accounts[0].DetailsRead = false
	if got := names(WorkloadRoles(&s.Workloads[0], s, have)[0].Policies.Identity); len(got) != 1 || !strings.HasSuffix(got[0], " unread") {
		t.Errorf("not read: %v", got)
	}
	have.Part = &access.Part{Clusters: []access.ClusterKey{roleProd}}
	if got := WorkloadRoles(&s.Workloads[0], s, have); len(got) != 1 || got[0].Cluster != roleProd {
		t.Errorf("of a part: %+v", got)
	}
}

// Where the end of a chain is in an account that was not asked, its policies
// are not known, and it is said what reads them.
func TestARoleOfAnAccountThatWasNotAskedIsNotKnown(t *testing.T) {
	s := workloadState()
	s.Workloads[0].Target = farRole
	have := &access.Snapshot{Accounts: []access.HaveAccount{{Account: access.Account{ID: "111111111111"}, DetailsRead: true}}}
	for name, h := range map[string]*access.Snapshot{"documents": nil, "seen": have} {
		r := WorkloadRoles(&s.Workloads[0], s, h)[0]
		want := map[string]string{"documents": "--observed reads them", "seen": "let the caller read the roles of account 222222222222 (iam:GetAccountAuthorizationDetails)"}[name]
		if got := names(r.Policies.Identity); len(got) != 1 || got[0] != "policies of role "+farRole+" unread" || r.Settle["policies of role "+farRole] != want {
			t.Errorf("%s: %v, settle %v", name, got, r.Settle)
		}
	}
}

// A session policy bounds the role that the association passes it to, and none
// is no bound.
func TestAnAssociationsSessionPolicyIsOfItsRole(t *testing.T) {
	for name, c := range map[string]struct {
		policy access.Document
		target string
		want   int
	}{"of the role": {readDoc, "", 1}, "of another role in the chain": {readDoc, farRole, 0}, "none": {"", "", 0}} {
		s := workloadState()
		a := &s.Clusters[1].PodIdentities[1]
		a.SessionPolicy, a.TargetRole = c.policy, c.target
		if got := WorkloadRoles(&s.Workloads[0], s, nil)[1].Policies.Session; len(got) != c.want {
			t.Errorf("%s: %v", name, names(got))
		}
	}
}

// The session of a role has no username and comes by TLS; of other keys nothing
// is known.
func TestWhatIsKnownOfEverySession(t *testing.T) {
	s := workloadState()
	r := WorkloadRoles(&s.Workloads[0], s, nil)[1]
	for condition, want := range map[string]iam.Verdict{
		`{"Bool":{"aws:SecureTransport":"true"}}`:              iam.Allowed,
		`{"Bool":{"aws:SecureTransport":"false"}}`:             iam.Denied,
		`{"StringEquals":{"aws:username":"ann"}}`:              iam.Denied,
		`{"Null":{"aws:username":"true"}}`:                     iam.Allowed,
		`{"StringEquals":{"aws:RequestedRegion":"x"}}`:         iam.Undetermined,
		`{"ArnEquals":{"aws:PrincipalArn":"` + appRole + `"}}`: iam.Allowed,
	} {
		p, err := iam.Parse(iam.Identity, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":`+condition+`}]}`)
		if err != nil {
			t.Fatal(err)
		}
		r.Policies.Identity = []iam.Source{{Name: "p", Policy: p}}
		if got := asks(r, "s3:GetObject", "*"); got != want {
			t.Errorf("%s: %v, want %v", condition, got, want)
		}
	}
}

func TestAStatementIsCalledByItsSidOrByWhatItIsAbout(t *testing.T) {
	parsed := func(statement string) *iam.Policy {
		p, err := iam.Parse(iam.Identity, `{"Version":"2012-10-17","Statement":[`+statement+`]}`)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	gets := parsed(`{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"*"}`)
	but := parsed(`{"Effect":"Deny","NotAction":["s3:*","sqs:*"],"Resource":"*"}`)
	r := WorkloadRole{Policies: iam.Policies{Identity: []iam.Source{{Name: "unread"}, {Name: "gets", Policy: gets}}, Session: []iam.Source{{Name: "session", Policy: but}},
		Boundary: &iam.Source{Name: "edge", Policy: parsed(`{"Effect":"Allow","Action":"ec2:*","Resource":"*"}`)}}}
	for _, c := range []struct {
		source    string
		at        int
		sid, want string
	}{
		{"gets", 0, "", "the statement about s3:Get*, s3:List*"}, {"gets", 0, "Gets", "statement Gets"}, {"gets", 1, "", "statement 2"},
		{"session", 0, "", "the statement about all but s3:*, sqs:*"}, {"edge", 0, "", "the statement about ec2:*"},
		{"unread", 0, "", "statement 1"}, {"none", 0, "", "statement 1"},
	} {
		if got := r.Statement(c.source, c.at, c.sid); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
	r.Policies.Boundary = nil
	if got := r.Statement("edge", 0, ""); got != "statement 1" {
		t.Errorf("without a boundary: %q", got)
	}
}

// A policy that a role has as its document says it is told with the document's
// line; one that differs, was not read or is another's role's has none.
func TestWhatARoleHasAsItsDocumentSaysHasTheDocumentsLine(t *testing.T) {
	other, fromDocument := "inline policy other", map[string]bool{"inline policy r": true, edge: true, managed: true}
	for what, c := range map[string]struct {
		change func(s *access.State, d *access.HaveRole, policies map[string]access.Document)
		not    string
	}{
		"as said": {func(*access.State, *access.HaveRole, map[string]access.Document) {}, ""},
		"another text": {func(_ *access.State, d *access.HaveRole, _ map[string]access.Document) {
			d.Inline[0].Document = writeDoc
		}, "inline policy r"},
		"another boundary":  {func(s *access.State, _ *access.HaveRole, _ map[string]access.Document) { s.Roles[0].Boundary = "" }, edge},
		"not read":          {func(_ *access.State, _ *access.HaveRole, p map[string]access.Document) { delete(p, managed) }, managed},
		"attached by hand":  {func(s *access.State, _ *access.HaveRole, _ map[string]access.Document) { s.Roles[0].Managed = nil }, managed},
		"boundary not read": {func(_ *access.State, _ *access.HaveRole, p map[string]access.Document) { delete(p, edge) }, edge},
		"another's role":    {func(s *access.State, _ *access.HaveRole, _ map[string]access.Document) { s.Roles[0].Existing = true }, "*"},
	} {
		s := workloadState()
		d := access.HaveRole{Principal: access.Principal{ARN: appRole}, Inline: []access.RolePolicy{{Name: "r", Document: readDoc}, {Name: "other", Document: writeDoc}}, Managed: []string{managed}, Boundary: edge}
		policies := map[string]access.Document{managed: readDoc, edge: writeDoc}
		c.change(s, &d, policies)
		have := &access.Snapshot{Accounts: []access.HaveAccount{{Account: access.Account{ID: "111111111111"}, DetailsRead: true, Details: []access.HaveRole{d}, Policies: policies}}}
		places := WorkloadRoles(&s.Workloads[0], s, have)[1].Places
		for name := range fromDocument {
			if _, told := places[name]; told == (name == c.not || c.not == "*") {
				t.Errorf("%s: %s told %t: %v", what, name, told, places)
			}
		}
		if _, told := places[other]; told {
			t.Errorf("%s: a policy of others has a line", what)
		}
	}
}
