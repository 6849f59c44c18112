package guard

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

func TestAListIsReadAsASentence(t *testing.T) {
	for want, words := range map[string][]string{"": nil, "a": {"a"}, "a and b": {"a", "b"}, "a, b and c": {"a", "b", "c"}} {
		if got := list(words); got != want {
			t.Errorf("%v: %q", words, got)
		}
	}
}

func TestNoAdministratorLeftSaysWhereAndHowMuchWasRead(t *testing.T) {
	c := &plan.Change{Cluster: test, Principal: arn("user/ann")}
	in := &plan.Input{Have: &access.Snapshot{}}
	want := "takes an administrator, " + arn("user/ann") + ", from test and no other is known to remain"
	if got := noAdminLeft(in, taker{Change: c}); got != want {
		t.Error(got)
	}
	c.Document, c.Member = "staging", "user/ann"
	in.Have.Part = &access.Part{Clusters: []access.ClusterKey{test}}
	if got := noAdminLeft(in, taker{Change: c}); got != "takes an administrator, user/ann, from staging and no other is known to remain" {
		t.Error(got)
	}
	// One sentence for all of them, so that a plan says it once a cluster.
	bob := &plan.Change{Cluster: test, Document: "staging", Member: "user/bob"}
	if got := noAdminLeft(in, taker{Change: bob}, taker{Change: c}, taker{Change: c}); got != "takes administrators, user/ann and user/bob, from staging and no other is known to remain" {
		t.Error(got)
	}
	in.Have.Part.Only = []string{"user/ann"}
	if got := noAdminLeft(in, taker{Change: c}); got != "takes an administrator, user/ann, from staging and no other is known to remain among what this narrowed run read" {
		t.Error(got)
	}
}

func TestTheFactOfAdministratorsTellsWhoWasNotRead(t *testing.T) {
	got := adminFact(test, map[string]access.Alive{"b": access.AliveYes, "a": access.AliveUnknown, "c": access.AliveYes})
	if d := cmp.Diff(plan.Fact{Guard: "last-admin", Subject: home + "/eu-west-1/test", Value: "a (not read) b c"}, got); d != "" {
		t.Error(d)
	}
}

// IAM tells names apart without regard to case or path. (IAM User Guide, IAM
// identifiers)
func TestAMemberNamesItsPrincipalHoweverItIsWritten(t *testing.T) {
	set := access.Member{Kind: access.PermissionSetMember, Account: home, Name: "backend"}
	role := access.Member{Kind: access.RoleMember, Partition: "aws", Account: home, Name: "Break-Glass"}
	whole := access.Member{Kind: access.ARNMember, Name: arn("user/ann")}
	elsewhere := set
	elsewhere.Account = partner
	for _, tt := range []struct {
		member access.Member
		arn    string
		want   bool
	}{
		{set, arn(ssoA), true}, {set, arn(ssoB), true}, {elsewhere, arn(ssoA), false}, {set, arn("role/Backend"), false}, {set, "x", false},
		{role, arn("role/ops/break-glass"), true}, {role, arn("user/break-glass"), false}, {role, arn("role/break"), false}, {role, "x", false},
		{whole, arn("user/a/ann"), true}, {whole, arn("role/ann"), false}, {access.Member{Kind: access.ARNMember, Name: "x"}, "x", false},
	} {
		if got := names(tt.member, tt.arn); got != tt.want {
			t.Errorf("%s names %s: %v", tt.member, tt.arn, got)
		}
	}
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{arn(ssoA), arn(ssoB), true}, {arn(ssoA), arn("role/nodes"), false}, {arn("role/nodes"), arn("role/nodes"), false}, {arn("role/nodes"), arn(ssoB), false},
		{arn(ssoA), "x", false}, {"x", arn(ssoA), false}, {arn(ssoA), "arn:aws:iam::" + partner + ":" + ssoB, false},
	} {
		if got := samePermissionSet(tt.a, tt.b); got != tt.want {
			t.Errorf("%s and %s are of one set: %v", tt.a, tt.b, got)
		}
	}
}

func TestOnlyOneFileLeftOutIsNamedAlone(t *testing.T) {
	c := plan.Change{ID: "x", Verb: plan.Delete, Kind: plan.PolicyAssociation, From: plan.Association{Association: read("user/ann", "Edit:a").Associations[0]}}
	for want, partial := range map[string][]string{
		"takes Edit on a: b.yaml was not read and may want it":                   {"b.yaml"},
		"takes Edit on a: b.yaml and 2 more files were not read and may want it": {"b.yaml", "c.yaml", "d.yaml"},
	} {
		f := partialInput().Check(&plan.Input{Want: &access.State{Partial: partial}, Plan: &plan.Plan{Changes: []plan.Change{c}}})
		if len(f.Holds) != 1 || f.Holds[0].Reason != want {
			t.Errorf("%+v, want %q", f.Holds, want)
		}
	}
}

func TestAnEntryOfNodesIsJudgedByWhatItsNodesNeed(t *testing.T) {
	node := read("role/nodes", "type:EC2 group:a group:b username:u")
	e := func(what string) plan.Object { return plan.Entry{Entry: read("role/nodes", what)} }
	a := func(what string) plan.Object {
		return plan.Association{Principal: arn("role/nodes"), Association: read("role/nodes", what).Associations[0]}
	}
	for name, tt := range map[string]struct {
		change plan.Change
		want   string
	}{
		"it goes":                  {plan.Change{Verb: plan.Delete, Kind: plan.AccessEntry, From: e("type:EC2")}, "removes the EC2 entry of role/nodes: its nodes would drop out of the cluster"},
		"another type of nodes":    {plan.Change{Verb: plan.Replace, Kind: plan.AccessEntry, From: e("type:EC2"), To: e("type:EC2_LINUX")}, "removes the EC2 entry of role/nodes: its nodes would drop out of the cluster"},
		"a person's":               {plan.Change{Verb: plan.Replace, Kind: plan.AccessEntry, From: e("type:EC2"), To: e("")}, "makes the EC2 entry of role/nodes a STANDARD one: its nodes would drop out, and every pod on them could have the access given"},
		"the same, tags aside":     {plan.Change{Verb: plan.Update, Kind: plan.AccessEntry, From: e("type:EC2 group:a group:b username:u"), To: e("type:EC2 group:b group:a username:u")}, ""},
		"another username":         {plan.Change{Verb: plan.Update, Kind: plan.AccessEntry, From: e("type:EC2 username:u"), To: e("type:EC2 username:v")}, "changes username or groups of the EC2 entry of role/nodes, which EKS sets"},
		"other groups":             {plan.Change{Verb: plan.Update, Kind: plan.AccessEntry, From: e("type:EC2 group:a"), To: e("type:EC2 group:b")}, "changes username or groups of the EC2 entry of role/nodes, which EKS sets"},
		"it is made":               {plan.Change{Verb: plan.Create, Kind: plan.AccessEntry, To: e("type:EC2")}, ""},
		"the nodes' policy goes":   {plan.Change{Verb: plan.Delete, Kind: plan.PolicyAssociation, From: a("AutoNode:cluster")}, "takes AutoNode from the EC2 entry of role/nodes: its nodes would drop out of the cluster"},
		"the nodes' policy comes":  {plan.Change{Verb: plan.Create, Kind: plan.PolicyAssociation, To: a("AutoNode:cluster")}, ""},
		"a person's policy goes":   {plan.Change{Verb: plan.Delete, Kind: plan.PolicyAssociation, From: a("View:cluster")}, ""},
		"a person's policy comes":  {plan.Change{Verb: plan.Create, Kind: plan.PolicyAssociation, To: a("View:cluster")}, "gives View to the EC2 entry of role/nodes: every pod on its nodes could have it"},
		"a person's scope changes": {plan.Change{Verb: plan.Update, Kind: plan.PolicyAssociation, From: a("View:a"), To: a("View:b")}, "gives View to the EC2 entry of role/nodes: every pod on its nodes could have it"},
	} {
		tt.change.Member = "role/nodes"
		if got := nodeReason(&tt.change, &node); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
