package question

import (
	"errors"
	"slices"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/effect"
)

func wordsOf(rights []iam.Right) []string {
	var out []string
	for _, r := range rights {
		out = append(out, r.String())
	}
	return out
}

// shows: item S161
func TestAWorkloadsTableOfAWSIsWhatItsRolesPoliciesSay(t *testing.T) {
	s := actionState()
	s.Workloads[0].Accounts = []access.WorkloadAccount{{Namespace: "web-*", Name: "app"}}
	who := access.Who{Kind: access.WhoWorkload, Name: "app"}
	rights, err := Documents(s, nil).Rights(who)
	if err != nil || len(rights) != 2 || rights[0].Document != "prod" || rights[1].Document != "test" || !slices.Equal(rights[0].Accounts, []string{"web-*/app"}) {
		t.Fatalf("%+v, %v", rights, err)
	}
	for i, want := range []struct{ may, denied []string }{
		{[]string{"sns:Publish on *", "sqs:SendMessage on * if StringEquals aws:PrincipalType [User]", "sqs:SendMessage on arn:aws:sqs:eu-west-1:111111111111:a"}, nil},
		{[]string{"sqs:SendMessage on *"}, []string{"sqs:DeleteQueue on *"}},
	} {
		may := wordsOf(rights[i].May)
		slices.Sort(may)
		if !slices.Equal(may, want.may) || !slices.Equal(wordsOf(rights[i].Denied), want.denied) || rights[i].Open() {
			t.Errorf("%s: %q, denied %q, open %v", rights[i].Document, may, wordsOf(rights[i].Denied), rights[i].Open())
		}
	}
	// Of one cluster alone.
	w := Documents(s, nil)
	w.Narrow([]access.ClusterKey{s.Clusters[1].Key})
	if one, err := w.Rights(who); err != nil || len(one) != 1 || one[0].Document != "test" {
		t.Errorf("narrowed: %+v, %v", one, err)
	}
	var nobody *effect.NotFoundError
	if _, err := w.Rights(access.Who{Kind: access.WhoWorkload, Name: "ap"}); !errors.As(err, &nobody) || len(nobody.Near) != 2 {
		t.Errorf("nobody: %v", err)
	}
}

// shows: item S161
func TestAWorkloadsTableOfAWSIsLimitedByWhatIsReadAndSaysWhatIsNot(t *testing.T) {
	const boundary, managed = "arn:aws:iam::111111111111:policy/b", "arn:aws:iam::aws:policy/ReadOnlyAccess"
	s := actionState()
	s.Roles[1].Boundary, s.Roles[1].Managed = boundary, []string{managed}
	who := access.Who{Kind: access.WhoWorkload, Name: "app"}
	key := s.Clusters[1].Key
	table := func(have *access.Snapshot) Rights {
		t.Helper()
		w := Documents(s, nil)
		w.roles = have
		w.Narrow([]access.ClusterKey{key})
		rights, err := w.Rights(who)
		if err != nil || len(rights) != 1 {
			t.Fatal(rights, err)
		}
		return rights[0]
	}
	// The documents know neither.
	r := table(nil)
	if !slices.Equal(r.Gives, []string{managed}) || !slices.Equal(r.Limits, []string{boundary}) || !r.Open() || r.Settle[managed] == "" || r.Settle[boundary] == "" {
		t.Errorf("not read: %+v", r)
	}
	if got := wordsOf(r.May); !slices.Equal(got, []string{"sqs:SendMessage on *"}) {
		t.Errorf("at most, of what was read: %q", got)
	}
	// Read, they count; what the role is not there for is said.
	role := access.HaveRole{Principal: access.Principal{ARN: s.Roles[1].ARN}, Name: "t", Inline: s.Roles[1].Inline, Managed: s.Roles[1].Managed, Boundary: boundary}
	have := &access.Snapshot{Accounts: []access.HaveAccount{{Account: access.Account{ID: "111111111111"}, DetailsRead: true, Details: []access.HaveRole{role}, Policies: map[string]access.Document{
		boundary: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sqs:SendMessage","s3:Get*"],"Resource":"arn:aws:sqs:*:*:a"},{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}`,
		managed:  `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","ec2:Describe*"],"Resource":"*"}]}`,
	}}}}
	r = table(have)
	if got := wordsOf(r.May); r.Open() || !slices.Equal(got, []string{"s3:GetObject on *", "sqs:SendMessage on arn:aws:sqs:*:*:a"}) {
		t.Errorf("with both read: %q, open %v", got, r.Open())
	}
	have.Accounts[0].Details = nil
	if r = table(have); r.Missing != "account 111111111111 has no role t" || len(r.May) > 0 || r.Open() {
		t.Errorf("a role that is not there: %+v", r)
	}
	have.Accounts[0].DetailsRead = false
	if r = table(have); r.Missing != "" || len(r.Gives) != 1 {
		t.Errorf("roles that nobody read: %+v", r)
	}
}

// shows: item S161
func TestATableOfAWSSaysWhatCanISays(t *testing.T) {
	s := actionState()
	who := access.Who{Kind: access.WhoWorkload, Name: "app"}
	w := Documents(s, nil)
	rights, err := w.Rights(who)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, r := range rights {
		for _, action := range []string{"sqs:SendMessage", "sqs:DeleteQueue", "sns:Publish", "s3:GetObject"} {
			for _, resource := range []string{"*", "arn:aws:sqs:eu-west-1:111111111111:a", "arn:aws:sqs:eu-west-1:111111111111:b"} {
				in := func(list []iam.Right, always bool) bool {
					return slices.ContainsFunc(list, func(x iam.Right) bool { return x.Covers(action, resource) && (!always || x.When == "") })
				}
				want := authz.Deny
				switch {
				case in(r.Denied, true):
				case in(r.May, true):
					want = authz.Allow
				}
				a, err := w.Do(who, Action{Name: action, Resource: resource}, []access.ClusterKey{r.Cluster})
				if err != nil {
					t.Fatal(err)
				}
				// aws:PrincipalType, the one condition, is of a role never User.
				if a.Verdict != want {
					t.Errorf("%s on %s on %s: can-i %v, the table %v", action, resource, r.Document, a.Verdict, want)
				}
				asked++
			}
		}
	}
	if asked != 24 {
		t.Errorf("%d questions", asked)
	}
}
