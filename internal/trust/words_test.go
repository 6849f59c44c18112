package trust

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// A danger says which statement it is in, by its name or its place among all,
// and what of a pod it leaves open.
//
// shows: item S101
func TestADangerNamesItsStatementAndWhatIsOpen(t *testing.T) {
	const denial = `{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"dev"}}}`
	open := func(without string) string {
		var kept []string
		for _, c := range strings.Split(tags, ",") {
			if !strings.Contains(c, without) {
				kept = append(kept, c)
			}
		}
		return pod(`"StringEquals":{` + strings.Join(kept, ",") + `}`)
	}
	for statements, want := range map[string][]string{
		pod(""):                      {"statement 1 lets EKS Pod Identity have the role with no condition that tells pods apart: "},
		denial + "," + pod(""):       {"statement 2 lets EKS Pod Identity have the role with no condition"},
		open("none") + "," + pod(""): {"statement 2 lets EKS Pod Identity"},
		strings.Replace(pod(""), `{`, `{"Sid":"Pods",`, 1) + "," + aws(`"*"`, ""): {"statement Pods lets EKS", "statement 2 has the principal *"},
		open("eks-cluster-arn"):      {"statement 1 does not say the cluster to which EKS Pod Identity gives the role: any cluster of the account with an association may have it"},
		open("kubernetes-namespace"): {"statement 1 does not say the namespace to which EKS Pod Identity gives the role: any namespace with an association may have it"},
		open("service-account"):      {"statement 1 does not say the ServiceAccount to which EKS Pod Identity gives the role: any ServiceAccount with an association may have it"},
		open("kubernetes"):           {"statement 1 does not say the namespace nor the ServiceAccount to which EKS Pod Identity gives the role: any namespace, any ServiceAccount with an association"},
		pod(`"StringLike":{"aws:RequestTag/kubernetes-namespace":"lo*"}`): {"statement 1 does not say the cluster nor the ServiceAccount to which"},
		open("none"): nil,
	} {
		var got []string
		for _, d := range Judge(policyOf(statements), About{Role: ours}) {
			got = append(got, d.String())
		}
		if !slices.EqualFunc(got, want, strings.HasPrefix) {
			t.Errorf("%s\nsays %q\nwant %q", statements, got, want)
		}
	}
}

// shows: item S146
func TestOthersStatementsAreSaidByWhomTheyLetIn(t *testing.T) {
	wanted := want(t, "PodIdentity test loki/loki")
	for statements, want := range map[string][]string{
		wanted[0].JSON: nil,
		wanted[0].JSON + "," + aws(`{"AWS":"arn:aws:iam::`+home+`:role/ci"}`, ""):                                          {"a statement lets arn:aws:iam::" + home + ":role/ci in"},
		strings.Replace(aws(`{"Service":["ec2.amazonaws.com","lambda.amazonaws.com"]}`, ""), `{`, `{"Sid":"Machines",`, 1): {"statement Machines lets ec2.amazonaws.com, lambda.amazonaws.com in"},
		aws(`"*"`, `"StringEquals":{"aws:PrincipalOrgID":"o-1"}`):                                                          {"a statement lets everybody in under conditions"},
		aws(`{"AWS":["*","arn:aws:iam::`+home+`:user/ann"]}`, ""):                                                          {"a statement lets everybody, arn:aws:iam::" + home + ":user/ann in"},
		aws(`{"AWS":["*","`+home+`"],"Service":"ec2.amazonaws.com"}`, "") + "," + aws(`{"AWS":"`+home+`"}`, ""):            {"a statement lets everybody, " + home + ", ec2.amazonaws.com in", "a statement lets " + home + " in"},
		strings.Replace(aws(`"*"`, ""), "Allow", "Deny", 1) + "," + wanted[0].JSON:                                         nil,
	} {
		var got []string
		for _, o := range Others(policyOf(statements), About{Role: ours, Ours: true, Accounts: []string{home}}) {
			got = append(got, o.Lets)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", statements, diff)
		}
	}
}

// What a statement of others would be held for is said with it, and with no other
// one.
//
// shows: item S146
func TestOthersStatementsAreJudgedOneByOne(t *testing.T) {
	wanted := want(t, "PodIdentity test loki/loki")
	const theirs = "999988887777"
	for statement, holds := range map[string]int{
		aws(`"*"`, ""): 41,
		aws(`"*"`, `"StringEquals":{"aws:PrincipalOrgID":"o-1"}`):                                 0,
		aws(`{"AWS":"arn:aws:iam::`+theirs+`:root"}`, ""):                                         41,
		aws(`{"AWS":"arn:aws:iam::`+theirs+`:root"}`, `"StringEquals":{"sts:ExternalId":"k9f3"}`): 0,
		aws(`{"AWS":"arn:aws:iam::`+home+`:root"}`, ""):                                           0,
		aws(`{"AWS":"arn:aws:iam::`+theirs+`:role/partner"}`, ""):                                 0,
	} {
		others := Others(policyOf(wanted[0].JSON+","+aws(`{"AWS":"arn:aws:iam::`+home+`:role/ci"}`, "")+","+statement), About{Role: ours, Ours: true, Accounts: []string{home}})
		if len(others) != 2 {
			t.Fatalf("%s: %v", statement, others)
		}
		for _, o := range others {
			row := 0
			if len(o.Holds) > 0 {
				row = o.Holds[0].Row
			}
			if want := holds; strings.Contains(o.Lets, "role/ci") && row != 0 || !strings.Contains(o.Lets, "role/ci") && row != want {
				t.Errorf("%s: held by row %d, want %d", o.Lets, row, want)
			}
		}
	}
}

// A role's inline policies are compared as one, in whatever parts and words.
//
// shows: item S108
func TestInlinePoliciesNarrowOnlyTogether(t *testing.T) {
	const b = "arn:aws:s3:::b/*"
	named := func(name string, p []access.RolePolicy) []access.RolePolicy {
		out := slices.Clone(p)
		out[0].Name = name
		return out
	}
	faulty := []access.RolePolicy{{Name: "p", Document: "{"}}
	const mine, deny = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:PrincipalTag/team}"}`, `{"Effect":"Deny","Action":"s3:PutObject","Resource":"*"}`
	for name, c := range map[string]struct {
		before, after []access.RolePolicy
		narrows       bool
	}{
		"the same":                           {may("s3:Get* on " + b), may("s3:Get* on " + b), false},
		"by another name":                    {may("s3:Get* on " + b), named("q", may("s3:Get* on "+b)), false},
		"in two parts":                       {may("s3:Get* s3:Put* on " + b), append(may("s3:Get* on "+b), named("q", may("s3:Put* on "+b))...), false},
		"in one part":                        {append(may("s3:Get* on "+b), named("q", may("s3:Put* on "+b))...), may("s3:Get* s3:Put* on " + b), false},
		"more":                               {may("s3:Get* on " + b), may("s3:* on *"), false},
		"from nothing":                       {nil, may("s3:Get* on " + b), false},
		"nothing to nothing":                 {nil, nil, false},
		"to nothing":                         {may("s3:Get* on " + b), nil, true},
		"one action less":                    {may("s3:Get* s3:PutObject on " + b), may("s3:Get* on " + b), true},
		"another resource":                   {may("s3:Get* on " + b), may("s3:Get* on arn:aws:s3:::c/*"), true},
		"a denial":                           {may("s3:* on " + b), may("s3:* on "+b, deny), true},
		"a denial of what it never had":      {may("s3:Get* on " + b), may("s3:Get* on "+b, deny), false},
		"a condition":                        {may("s3:Get* on " + b), may("s3:Get* on " + b + ` if "Bool":{"aws:SecureTransport":"true"}`), true},
		"a condition goes":                   {may("s3:Get* on " + b + ` if "Bool":{"aws:SecureTransport":"true"}`), may("s3:Get* on " + b), false},
		"a condition on the role's account":  {may("s3:Get* on " + b), may("s3:Get* on " + b + ` if "StringEquals":{"aws:PrincipalAccount":"` + home + `"}`), false},
		"a condition on another account":     {may("s3:Get* on " + b), may("s3:Get* on " + b + ` if "StringEquals":{"aws:PrincipalAccount":"` + partner + `"}`), true},
		"a condition on the role itself":     {may("s3:Get* on " + b), may("s3:Get* on " + b + ` if "ArnEquals":{"aws:PrincipalArn":"` + ours + `"}`), false},
		"one that cannot be read before":     {faulty, may("* on *"), true},
		"one that cannot be read afterwards": {may("s3:Get* on " + b), append(may("s3:Get* on "+b), named("q", faulty)...), true},
		"one that cannot be read at all":     {faulty, faulty, true},
		"some lost and some not settled":     {may("sqs:* on *", "s3:Get* on "+b+` if "StringNotLike":{"aws:PrincipalTag/team":"a*"}`), may(mine, "s3:Get* on "+b+` if "StringNotLike":{"aws:PrincipalTag/team":"a*"}`), true},
		"what cannot be settled":             {may("s3:Get* on " + b + ` if "StringNotLike":{"aws:PrincipalTag/team":"a*"}`), may(mine, "s3:Get* on "+b+` if "StringNotLike":{"aws:PrincipalTag/team":"a*"}`), true},
	} {
		if got := Narrows(ours, c.before, c.after); got != c.narrows {
			t.Errorf("%s: %v, want %v", name, got, c.narrows)
		}
	}
}

// What is said to fit fits to the last character, beside others' statements of
// every length.
//
// shows: item S100
func TestWhatFitsIsCountedToTheCharacter(t *testing.T) {
	const n = 6
	names := []string{"ca", "cb", "cc", "cd", "ce", "cf"}
	of := func(n int, others string) access.Document {
		var lines []string
		for _, name := range names[:n] {
			lines = append(lines, "IRSA "+name+" monitoring/yace")
		}
		return merged(t, policyOf(others), want(t, lines...))
	}
	other := func(pad int) string {
		return `{"Sid":"` + strings.Repeat("x", pad) + `","Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`
	}
	for _, fit := range []int{1, 3, 4} {
		full := 1 + Quota - Size(of(fit, other(1))) // so many characters fill the policy
		for pad := full - 2; pad <= full+2; pad++ {
			most := fit
			if pad > full {
				most--
			}
			d := of(n, other(pad))
			f, err := Measure(d)
			if err != nil || f.Fit != most || f.Clusters != n || f.Size != Size(d) || Size(of(fit, other(pad))) > Quota != (pad > full) {
				t.Errorf("beside %d characters: %+v, %v, and %d fit", pad, f, err, most)
			}
		}
	}
	// The smallest are counted first, whatever the order: here the first has a
	// statement of its own that is as long as two.
	for scheme, first := range map[string]string{"IRSA": "ca", "PodIdentity": "pa"} {
		var lines []string
		for _, name := range append(names, names[0]) {
			lines = append(lines, "IRSA "+name+" monitoring/yace")
		}
		for i := range 30 {
			lines = append(lines, fmt.Sprintf("%s %s monitoring/another-%d", scheme, first, i))
		}
		if f, err := Measure(merged(t, "", want(t, lines...))); err != nil || f.Fit != 4 || f.FitRaised < 5 {
			t.Errorf("beside a large one of %s: %+v, %v", scheme, f, err)
		}
	}
	// Two clusters that share a statement are two.
	var lines []string
	for _, name := range names {
		lines = append(lines, "IRSA "+name+" monitoring/yace")
	}
	d := merged(t, "", want(t, append(lines, "PodIdentity pa monitoring/yace", "PodIdentity pb monitoring/yace")...))
	if f, err := Measure(d); err != nil || f.Clusters != len(names)+2 {
		t.Errorf("%+v, %v of %s", f, err, d)
	}
}

// What Kubernetes cannot have is written at neither end of a chain, and said.
//
// shows: item S98
func TestNamesThatKubernetesCannotHaveAreTrustedNowhere(t *testing.T) {
	for _, line := range []string{"PodIdentity test Loki/loki", "PodIdentity test loki/lo_ki", `PodIdentity test lo?i/loki`, "PodIdentity test ${a}/loki"} {
		bad, good := trusts(t, line), trusts(t, line, "PodIdentity test loki/loki")
		for end, write := range map[string]func([]access.WantTrust) ([]Statement, []Missing){
			"the role's":   func(of []access.WantTrust) ([]Statement, []Missing) { return Want(of, issuerOf) },
			"the target's": func(of []access.WantTrust) ([]Statement, []Missing) { return WantTarget(ours, of) },
		} {
			if s, m := write(bad); len(s) != 0 || len(m) != 1 || !cmp.Equal(m[0].Trusts, bad) || m[0].Reason != "Kubernetes has no such names" {
				t.Errorf("%s, %s alone: %v, missing %v", end, line, s, m)
			}
			if s, m := write(good); len(s) != 1 || len(m) != 1 || !cmp.Equal(m[0].Trusts, bad) || strings.Contains(s[0].JSON, bad[0].Namespace+`"`) && bad[0].Namespace != "loki" {
				t.Errorf("%s, %s beside another: %v, missing %v", end, line, s, m)
			}
		}
	}
}

// Each way says what it leads to, and passing a role on says to which service.
//
// shows: item S102
func TestEachWaySaysWhereItLeads(t *testing.T) {
	passing := func(service string) string { return "iam:PassRole " + service }
	for actions, want := range map[string]string{
		"*":                                         "it is an administrator of the account already",
		"iam:*":                                     "iam:PutRolePolicy on its own role makes it an administrator",
		"iam:PutRolePolicy":                         "it writes itself, or whoever it can act as, a policy that allows everything",
		"iam:PutUserPolicy":                         "it writes itself, or whoever it can act as, a policy that allows everything",
		"iam:PutGroupPolicy":                        "it writes itself, or whoever it can act as, a policy that allows everything",
		"iam:AttachRolePolicy":                      "it attaches AdministratorAccess to its own role, or to one that it can act as",
		"iam:AttachUserPolicy":                      "it attaches AdministratorAccess to its own role, or to one that it can act as",
		"iam:AttachGroupPolicy":                     "it attaches AdministratorAccess to its own role, or to one that it can act as",
		"iam:CreatePolicyVersion":                   "it rewrites a policy that it, or an administrator, has",
		"iam:SetDefaultPolicyVersion":               "it rewrites a policy that it, or an administrator, has",
		"iam:AddUserToGroup":                        "it puts a user that it can act as into the administrators' group",
		"iam:CreateAccessKey":                       "it makes itself credentials of another user, an administrator too",
		"iam:CreateLoginProfile":                    "it makes itself credentials of another user, an administrator too",
		"iam:UpdateLoginProfile":                    "it makes itself credentials of another user, an administrator too",
		"iam:DeleteRolePermissionsBoundary":         "it takes off the boundary that limits it",
		"iam:PutRolePermissionsBoundary":            "it takes off the boundary that limits it",
		"iam:UpdateAssumeRolePolicy":                "it lets itself into an administrator's role, then assumes it",
		"sts:AssumeRole":                            "it assumes an administrator's role, where one trusts the account",
		"eks:AssociateAccessPolicy":                 "it gives an entry AmazonEKSClusterAdminPolicy and is an administrator of the cluster",
		"eks:CreateAccessEntry":                     "it puts itself into a Kubernetes group that is bound to what it likes",
		"eks:UpdateAccessEntry":                     "it puts itself into a Kubernetes group that is bound to what it likes",
		"iam:PassRole":                              "any service that it may give work to runs that with an administrator's role",
		passing("eks:CreatePodIdentityAssociation"): "eks:CreatePodIdentityAssociation gives an administrator's role to a pod of its choice",
		passing("lambda:CreateFunction"):            "lambda:CreateFunction runs code with an administrator's role",
		passing("ec2:RunInstances"):                 "ec2:RunInstances starts a machine with an administrator's role",
		passing("cloudformation:CreateStack"):       "cloudformation:CreateStack makes anything with an administrator's role",
		passing("ecs:RunTask"):                      "ecs:RunTask runs a container with an administrator's role",
		passing("glue:CreateJob"):                   "glue:CreateJob runs code with an administrator's role",
		passing("ssm:StartAutomationExecution"):     "ssm:StartAutomationExecution acts with an administrator's role",
		passing("ec2:RunInstances lambda:Create*"):  "lambda:CreateFunction runs code with an administrator's role",
		passing("s3:*"):                             "any service that it may give work to runs that with an administrator's role",
		"iam:CreatePolicy":                          "",
		"iam:CreateRole":                            "",
		"iam:GetRolePolicy":                         "",
		"sts:TagSession":                            "",
		"eks:CreatePodIdentityAssociation":          "",
	} {
		var got []string
		for _, d := range JudgeRights(Rights{Role: ours, Inline: may(actions + " on *")}) {
			got = append(got, d.Leads)
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("%s: %q, want %q", actions, got, want)
		}
	}
	for name, leads := range map[string]string{"AdministratorAccess": "it is an administrator of the account", "IAMFullAccess": "iam:PutRolePolicy on its own role", "PowerUserAccess": "it lacks iam: alone", "ReadOnlyAccess": ""} {
		found := JudgeRights(Rights{Role: ours, Managed: []string{"arn:aws:iam::aws:policy/" + name}})
		if (len(found) == 1) != (leads != "") || len(found) == 1 && (!strings.HasPrefix(found[0].Leads, leads) || found[0].Where != fmt.Sprint("the managed policy arn:aws:iam::aws:policy/", name)) {
			t.Errorf("%s: %v", name, found)
		}
	}
}
