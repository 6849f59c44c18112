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

func TestAnActionIsOneWithAWholeResource(t *testing.T) {
	for _, c := range []struct {
		name, resource string
		keys           []string
		what           string // of the word at fault
	}{
		{"s3:GetObject", "arn:aws:s3:::b/x", []string{"aws:RequestedRegion=eu-west-1", "aws:TagKeys=a,b", "aws:SourceIp"}, ""},
		{"s3:GetObject", "", nil, ""},
		{"s3:GetObject", "*", nil, ""},
		{"s3:Get*", "*", nil, "action of AWS"},
		{"s3:Ge?Object", "*", nil, "action of AWS"},
		{"get", "*", nil, "action of AWS"},
		{"s3:GetObject", "arn:aws:s3::", nil, "resource of AWS"},
		{"s3:GetObject", "*", []string{"region=x"}, "condition key"},
		{"s3:GetObject", "*", []string{"=x"}, "condition key"},
	} {
		a, err := ParseAction(c.name, c.resource, c.keys)
		var word *WordError
		if errors.As(err, &word) != (c.what != "") || word != nil && word.What != c.what {
			t.Errorf("%+v: %v", c, err)
		}
		if err == nil && c.keys != nil {
			if tags := a.Keys["aws:TagKeys"]; !slices.Equal(tags, []string{"a", "b"}) || !slices.Equal(a.Keys["aws:RequestedRegion"], []string{"eu-west-1"}) {
				t.Errorf("keys %v", a.Keys)
			}
			if v, ok := a.Keys["aws:SourceIp"]; !ok || v != nil {
				t.Errorf("a key without a value is absent: %v %v", v, ok)
			}
		}
	}
	if a := (Action{Name: "s3:GetObject", Resource: "*"}); a.String() != "s3:GetObject" {
		t.Error(a)
	}
	if a := (Action{Name: "s3:GetObject", Resource: "arn:aws:s3:::b"}); a.String() != "s3:GetObject on arn:aws:s3:::b" {
		t.Error(a)
	}
}

// actionState is a workload whose role differs on two clusters.
func actionState() *access.State {
	key := func(name string) access.ClusterKey {
		return access.ClusterKey{Account: "111111111111", Region: "eu-west-1", Name: name}
	}
	role := func(name, policy string) access.WantRole {
		return access.WantRole{Account: "111111111111", ARN: "arn:aws:iam::111111111111:role/" + name, Inline: []access.RolePolicy{{Name: "p", Document: access.Document(policy)}}}
	}
	return &access.State{
		Workloads: []access.WantWorkload{
			{Name: "app", Credentials: access.IRSA, Clusters: []access.ClusterKey{key("prod"), key("test")}, Roles: []access.WorkloadRole{
				{Cluster: key("prod"), ARN: "arn:aws:iam::111111111111:role/p"}, {Cluster: key("test"), ARN: "arn:aws:iam::111111111111:role/t"}}},
			{Name: "zapp", Credentials: access.IRSA}},
		Roles: []access.WantRole{
			role("p", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"arn:aws:sqs:eu-west-1:111111111111:a"},{"Sid":"If","Effect":"Allow","Action":"sqs:SendMessage","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalType":"User"}}},{"Effect":"Allow","Action":"sns:Publish","Resource":"*"}]}`),
			role("t", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"*"},{"Sid":"No","Effect":"Deny","Action":"sqs:DeleteQueue","Resource":"*"}]}`)},
		Clusters: []access.WantCluster{{Document: "prod", Key: key("prod")}, {Document: "test", Key: key("test")}},
	}
}

// shows: item S115
func TestAWorkloadsActionIsDecidedOnEachCluster(t *testing.T) {
	s := actionState()
	who := access.Who{Kind: access.WhoWorkload, Name: "app"}
	ask := func(action, resource string, keys ...access.ClusterKey) *ActionAnswer {
		t.Helper()
		asked, err := ParseAction(action, resource, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := Do(who, asked, s, nil, keys)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	const a, b, far = "arn:aws:sqs:eu-west-1:111111111111:a", "arn:aws:sqs:eu-west-1:111111111111:b", "arn:aws:sqs:eu-west-1:333333333333:a"
	if got := ask("sqs:SendMessage", a); got.Verdict != authz.Allow || len(got.Results) != 2 {
		t.Errorf("on both: %+v", got)
	}
	got := ask("sqs:SendMessage", b)
	if got.Verdict != authz.Deny || got.Results[0].Verdict != authz.Deny || got.Results[1].Verdict != authz.Allow {
		t.Errorf("on one: %+v", got)
	}
	if near := got.Results[0].Near; len(near) < 2 || len(near[0].Fails) != 1 || len(near[1].Fails) != 1 {
		t.Errorf("nearly: %+v", near)
	}
	if got := ask("sqs:SendMessage", b, s.Clusters[1].Key); got.Verdict != authz.Allow || len(got.Results) != 1 {
		t.Errorf("on one of them alone: %+v", got)
	}
	// Of another account the resource has a word too, which is not known.
	if got := ask("sqs:SendMessage", far, s.Clusters[1].Key); got.Verdict != authz.Undetermined || got.Results[0].Settle["policy of "+far] == "" {
		t.Errorf("of another account: %+v", got)
	}
	if got := ask("sqs:DeleteMessage", far, s.Clusters[1].Key); got.Verdict != authz.Deny {
		t.Errorf("of another account, and not allowed here: %v", got.Verdict)
	}
	if got := ask("sqs:DeleteQueue", a, s.Clusters[1].Key).Results[0]; got.Verdict != authz.Deny || !got.Explicit || got.Reasons[0].Effect != iam.Deny {
		t.Errorf("an explicit deny: %+v", got)
	}
	// A bucket's ARN names no account, and AWS's own are of none.
	for _, resource := range []string{"arn:aws:s3:::bucket/key", "arn:aws:iam::aws:policy/ReadOnlyAccess"} {
		if got := ask("sns:Publish", resource, s.Clusters[0].Key); got.Verdict != authz.Allow {
			t.Errorf("%s: %+v", resource, got)
		}
	}
	// What the asker says of a condition's key settles it.
	asked, err := ParseAction("sqs:SendMessage", b, []string{"aws:PrincipalType=User"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Do(who, asked, s, nil, []access.ClusterKey{s.Clusters[0].Key}); err != nil || got.Verdict != authz.Allow {
		t.Errorf("with the key: %+v, %v", got, err)
	}
	var nobody *effect.NotFoundError
	if _, err := Do(access.Who{Kind: access.WhoWorkload, Name: "ap"}, got.Asked, s, nil, nil); !errors.As(err, &nobody) || len(nobody.Near) != 2 {
		t.Errorf("%v", err)
	}
	var word *WordError
	if _, err := Do(who, got.Asked, s, nil, []access.ClusterKey{{Name: "none"}}); !errors.As(err, &word) {
		t.Errorf("%v", err)
	}
}

// Calls are taken to be made over TLS. An answer that is another without says so,
// whichever way it goes; one that the asker gave the key for assumes nothing.
//
// shows: item S115
func TestAnAnswerSaysThatItRestsOnTLS(t *testing.T) {
	policy := `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": ["sns:Publish"], "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
		{"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:ReceiveMessage"], "Resource": "*"},
		{"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
		{"Effect": "Allow", "Action": "sqs:PurgeQueue", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}`
	k := access.ClusterKey{Account: "492000000148", Region: "us-east-1", Name: "test"}
	const role = "arn:aws:iam::492000000148:role/app"
	want := &access.State{
		Roles:     []access.WantRole{{ARN: role, Inline: []access.RolePolicy{{Name: "app", Document: access.Document(policy)}}}},
		Workloads: []access.WantWorkload{{Name: "app", Roles: []access.WorkloadRole{{Cluster: k, ARN: role}}}},
	}
	for _, c := range []struct {
		action         string
		keys           []string
		verdict, plain authz.Verdict
	}{
		{"sns:Publish", nil, authz.Allow, authz.Deny},
		{"sqs:SendMessage", nil, authz.Allow, authz.Deny},
		{"sqs:ReceiveMessage", nil, authz.Allow, authz.Allow},
		{"sqs:PurgeQueue", nil, authz.Deny, authz.Allow},
		{"sqs:DeleteQueue", nil, authz.Deny, authz.Deny},
		{"sns:Publish", []string{"aws:SecureTransport=true"}, authz.Allow, authz.Allow},
		{"sns:Publish", []string{"AWS:securetransport=false"}, authz.Deny, authz.Deny},
	} {
		asked, err := ParseAction(c.action, "", c.keys)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Do(access.Who{Kind: access.WhoWorkload, Name: "app"}, asked, want, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := got.Results[0]
		if r.Verdict != c.verdict || r.Plain != c.plain {
			t.Errorf("%s %v: %v, over plain http %v; want %v, %v", c.action, c.keys, r.Verdict, r.Plain, c.verdict, c.plain)
		}
		if rests := slices.Contains(r.Assumptions, "secure-transport"); rests != (c.verdict != c.plain) {
			t.Errorf("%s %v: assumptions %v", c.action, c.keys, r.Assumptions)
		}
	}
}
