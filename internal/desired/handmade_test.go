package desired

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
	"github.com/atlas-iam/atlas-iam/internal/documents"
)

// A Set need not come from files: what package documents refuses, with places
// to the letter, must not become a State when a Set is made by hand. Each case
// edits one thing of a legal Set.
func TestASetMadeByHandIsRefusedToo(t *testing.T) {
	type set = *documents.Set
	env := func(s set) *v1alpha1.EnvironmentSpec { return &s.Environment.Value.Spec }
	clusterOf := func(s set) *v1alpha1.ClusterSpec { return &s.Clusters[0].Value.Spec }
	member := func(s set) *v1alpha1.Member { return &s.Teams[0].Value.Spec.Members[0] }
	grant := func(s set) *v1alpha1.Grant { return &s.Teams[0].Value.Spec.Grants[0] }
	account := func(s set, more ...v1alpha1.Account) {
		env(s).Accounts = append(env(s).Accounts[:1:1], more...)
	}
	principal := func(s set, p v1alpha1.Principal) { member(s).Principal = p }
	const sso = "AWSReservedSSO_Backend_0123456789abcdef"
	for name, tt := range map[string]struct {
		edit, twin func(set)
		want       string
	}{
		"a reserved username": {func(s set) { member(s).Username = "iam:x" }, func(s set) { member(s).Username = "iamx" },
			`username "iam:x": EKS takes none that begins with iam:`},
		"a session's name first": {func(s set) { member(s).Username = "x{{SessionNameRaw}}:" }, func(s set) { member(s).Username = "x:{{SessionNameRaw}}" },
			`EKS wants a colon somewhere before {{SessionNameRaw}}: write for instance team:{{SessionNameRaw}}`},
		"a reserved group": {func(s set) { grant(s).Group = "system:authenticated" }, func(s set) { grant(s).Group = "authenticated" },
			`group "system:authenticated": EKS takes none that begins with system:: bind the rights to a group of your own`},
		"the masters' group": {func(s set) { grant(s).Group = "system:masters" }, func(s set) { grant(s).Group = "masters" },
			`the policy ClusterAdmin with scope: cluster gives the same rights`},
		"a policy for nodes": {func(s set) { *grant(s) = v1alpha1.Grant{Policy: "AutoNode", Scope: "cluster"} }, func(s set) { *grant(s) = v1alpha1.Grant{Policy: "View", Scope: "cluster"} },
			"policy AmazonEKSAutoNodePolicy is for the entries of nodes"},
		"a policy for service-linked roles": {func(s set) { *grant(s) = v1alpha1.Grant{Policy: "Compute", Scope: "cluster"} }, func(s set) { *grant(s) = v1alpha1.Grant{Policy: "PodIdentity", Scope: "cluster"} },
			"policy AmazonEKSComputePolicy is for service-linked roles"},
		"a policy that is not there": {func(s set) { *grant(s) = v1alpha1.Grant{Policy: "Edti", Scope: "cluster"} }, func(s set) { *grant(s) = v1alpha1.Grant{Policy: "Edit", Scope: "cluster"} },
			`there is no access policy "Edti": did you mean Edit?`},
		"the ARN of a policy of IAM": {func(s set) { *grant(s) = v1alpha1.Grant{Policy: "arn:aws:iam::aws:policy/A", Scope: "cluster"} }, func(s set) {
			*grant(s) = v1alpha1.Grant{Policy: "arn:aws:eks::aws:cluster-access-policy/A", Scope: "cluster"}
		}, `there is no access policy "arn:aws:iam::aws:policy/A"`},
		"a policy's ARN without its beginning": {func(s set) {
			*grant(s) = v1alpha1.Grant{Policy: "aws:eks::aws:cluster-access-policy/A", Scope: "cluster"}
		}, func(s set) { *grant(s) = v1alpha1.Grant{Policy: "View", Scope: "cluster"} }, "there is no access policy"},
		"a grant without reach": {func(s set) { *grant(s) = v1alpha1.Grant{Policy: "View"} }, func(s set) { *grant(s) = v1alpha1.Grant{Policy: "View", Namespaces: []string{"a"}} },
			"this grant does not say its reach once: write namespaces: [...] or scope: cluster"},
		"a grant with two reaches": {func(s set) { *grant(s) = v1alpha1.Grant{Policy: "View", Scope: "cluster", Namespaces: []string{"a"}} },
			func(s set) { *grant(s) = v1alpha1.Grant{Policy: "View", Scope: "cluster"} }, "does not say its reach once"},
		"a grant with another scope": {func(s set) { *grant(s) = v1alpha1.Grant{Policy: "View", Scope: "all"} },
			func(s set) { *grant(s) = v1alpha1.Grant{Policy: "View", Scope: "cluster"} }, "does not say its reach once"},
		"a service-linked role": {func(s set) { principal(s, v1alpha1.Principal{Role: "aws-service-role/eks.amazonaws.com/x"}) }, func(s set) { principal(s, v1alpha1.Principal{Role: "service-role/x"}) },
			"role/aws-service-role/eks.amazonaws.com/x is a service-linked role"},
		"a service-linked role to be removed": {func(s set) {
			clusterOf(s).Remove = []v1alpha1.Principal{{Role: "aws-service-role/eks.amazonaws.com/x"}}
		}, func(s set) {
			clusterOf(s).Protect = []v1alpha1.Principal{{Role: "aws-service-role/eks.amazonaws.com/x"}}
		}, "is a service-linked role"},
		"a service-linked role of nodes": {func(s set) {
			clusterOf(s).NodeRoles = []v1alpha1.NodeRole{{Role: "aws-service-role/eks.amazonaws.com/x", Type: "EC2_LINUX"}}
		}, func(s set) { clusterOf(s).NodeRoles = []v1alpha1.NodeRole{{Role: "x", Type: "EC2_LINUX"}} }, "is a service-linked role"},
		"no principal": {func(s set) { principal(s, v1alpha1.Principal{}) }, func(s set) { principal(s, v1alpha1.Principal{User: "x"}) },
			"this names no principal: want one of user, role, permissionSet and arn"},
		"the ARN of a group": {func(s set) { principal(s, v1alpha1.Principal{ARN: "arn:aws:iam::111111111111:group/x"}) }, func(s set) { principal(s, v1alpha1.Principal{ARN: "arn:aws:iam::111111111111:user/x"}) },
			`"arn:aws:iam::111111111111:group/x" is not the ARN of an IAM user or role: want arn:`},
		"an ARN of another account than is said": {func(s set) {
			principal(s, v1alpha1.Principal{ARN: "arn:aws:iam::111111111111:user/x", Account: "222222222222"})
		}, func(s set) {
			principal(s, v1alpha1.Principal{ARN: "arn:aws:iam::111111111111:user/x", Account: "main"})
		}, `account "222222222222" is not the ARN's account 111111111111: leave account out`},
		"a name that ends in a slash": {func(s set) { principal(s, v1alpha1.Principal{Role: "a/"}) }, func(s set) { principal(s, v1alpha1.Principal{Role: "/a"}) },
			"names no role after its path"},
		"a role of a permission set without its path": {func(s set) { principal(s, v1alpha1.Principal{Role: sso}) }, func(s set) { principal(s, v1alpha1.Principal{Role: "aws-reserved/sso.amazonaws.com/" + sso}) },
			"role/" + sso + " has no path, but roles of permission sets have one, and an entry wants it: write {permissionSet: Backend}"},
		"a user named like such a role is one":         {func(s set) { principal(s, v1alpha1.Principal{Role: sso}) }, func(s set) { principal(s, v1alpha1.Principal{User: sso}) }, "has no path"},
		"a role of that name with a path of one's own": {func(s set) { principal(s, v1alpha1.Principal{Role: sso}) }, func(s set) { principal(s, v1alpha1.Principal{Role: "own/" + sso}) }, "has no path"},
		"a member's account of too many digits":        {func(s set) { member(s).Account = "1111111111110" }, func(s set) { member(s).Account = "222222222222" }, `the Environment has no account "1111111111110"`},
		"a member's account of other characters":       {func(s set) { member(s).Account = "11111111111x" }, func(s set) { member(s).Account = "222222222222" }, `the Environment has no account "11111111111x"`},
		"one account's name twice": {func(s set) {
			account(s, v1alpha1.Account{Name: "main", ID: "222222222222", Regions: []string{"eu-west-1"}})
		},
			func(s set) {
				account(s, v1alpha1.Account{Name: "two", ID: "222222222222", Regions: []string{"eu-west-1"}})
			}, `account "main" stands twice, first at 1.yaml`},
		"one account's id twice": {func(s set) {
			account(s, v1alpha1.Account{Name: "two", ID: "111111111111", Regions: []string{"eu-west-1"}})
		},
			func(s set) {
				account(s, v1alpha1.Account{Name: "two", ID: "222222222222", Regions: []string{"eu-west-1"}})
			}, "account 111111111111 stands twice, first at 1.yaml"},
		"two partitions in one account": {func(s set) {
			env(s).Accounts[0].Regions = []string{"eu-west-1", "cn-north-1"}
			s.Clusters[0].Value.Spec.Region, s.Clusters[1].Value.Spec.Region = "eu-west-1", "eu-west-1"
		}, func(s set) { env(s).Accounts[0].Regions = []string{"eu-west-1"} },
			"region cn-north-1 is of partition aws-cn, the account's others are of aws"},
		"no account and none to choose": {func(s set) {
			env(s).Accounts = nil
			clusterOf(s).Account = ""
			s.Clusters = s.Clusters[:1]
			s.Teams = nil
		}, func(set) {}, `Cluster "test" names no account, and the Environment has 0`},
		"no account at all": {func(s set) { env(s).Accounts = nil; s.Clusters = s.Clusters[:1]; s.Teams = nil }, func(set) {}, `the Environment has no account "main"`},
		"a role of another account": {func(s set) {
			env(s).Accounts[0].AssumeRole = &v1alpha1.AssumeRole{ARN: "arn:aws:iam::222222222222:role/x"}
		},
			func(s set) {
				env(s).Accounts[0].AssumeRole = &v1alpha1.AssumeRole{ARN: "arn:aws:iam::111111111111:role/x"}
			}, `is not a role of account 111111111111 in partition aws: want arn:aws:iam::111111111111:role/NAME`},
		"a role of another partition": {func(s set) {
			env(s).Accounts[0].AssumeRole = &v1alpha1.AssumeRole{ARN: "arn:aws-cn:iam::111111111111:role/x"}
		},
			func(s set) {
				env(s).Accounts[0].AssumeRole = &v1alpha1.AssumeRole{ARN: "arn:aws:iam::111111111111:role/a/x"}
			}, "is not a role of account 111111111111 in partition aws"},
		"a user to assume": {func(s set) {
			env(s).Accounts[0].AssumeRole = &v1alpha1.AssumeRole{ARN: "arn:aws:iam::111111111111:user/x"}
		},
			func(s set) { env(s).Accounts[0].AssumeRole = nil }, "is not a role of account 111111111111"},
		"no ARN to assume": {func(s set) { env(s).Accounts[0].AssumeRole = &v1alpha1.AssumeRole{ARN: "x"} }, func(s set) { env(s).Accounts[0].AssumeRole = nil }, `"x" is not a role of account`},
		"tags of AWS's":    {func(s set) { env(s).Tags = map[string]string{"AWS:x": "z"} }, func(s set) { env(s).Tags = map[string]string{"xaws:": "z"} }, `tag "AWS:x": keys that begin with aws: are AWS's own`},
		"tags of ours":     {func(s set) { env(s).Tags = map[string]string{"atlas-iam.dev/x": "z"} }, func(s set) { env(s).Tags = map[string]string{"atlas-iam/x": "z"} }, `tag "atlas-iam.dev/x" is how atlas-iam marks what it made`},
		"tags of another tool": {func(s set) {
			env(s).Tags, env(s).ForeignTags = map[string]string{"by": "tf"}, map[string]string{"by": "tf"}
		}, func(s set) {
			env(s).Tags, env(s).ForeignTags = map[string]string{"by": "us"}, map[string]string{"by": "tf"}
		}, "what is made would count as another tool's (tag by=tf): spec.tags match it"},
		"one document's name twice": {func(s set) { s.Clusters[1].Value.Name = "test" }, func(s set) { s.Clusters[1].Value.Name = "test2" }, `Cluster "test" stands twice, first at 2.yaml:3:18`},
		"a region left out of two": {func(s set) {
			env(s).Accounts[0].Regions = []string{"eu-west-1", "eu-west-2"}
			s.Clusters[1].Value.Spec.Region = "eu-west-2"
		}, func(s set) { env(s).Accounts[0].Regions = []string{"eu-west-1"} }, `Cluster "test" names no region, and account main has 2: write spec.region: one of eu-west-1, eu-west-2`},
	} {
		t.Run(name, func(t *testing.T) {
			legal := func() *documents.Set {
				s := parse(t, environment, mainCluster("test", ""), mainCluster("prod", ""), team("a", "{user: ann}", "names: [test]", "{group: g}"))
				account(s) // main alone
				return s
			}
			bad, good := legal(), legal()
			tt.edit(bad)
			s, err := Compile(bad)
			var faults documents.Faults
			if !errors.As(err, &faults) || s != nil || len(faults) != 1 || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one fault: %q", err, tt.want)
			}
			tt.twin(good)
			if _, err := Compile(good); err != nil {
				t.Errorf("the legal twin: %v", err)
			}
		})
	}
}

func TestEveryFaultIsSaidOnceAndInTheOrderOfTheDocuments(t *testing.T) {
	set := parse(t, environment, mainCluster("test", ""), team("a", "{user: ann}", "names: [test]", "{group: g}"))
	set.Teams[0].Value.Spec.Grants[0].Group = "system:x"
	set.Teams[0].Value.Spec.Members[0].Username = "aws:x"
	set.Environment.Value.Spec.Tags = map[string]string{"aws:b": "", "aws:a": ""}
	set.Clusters[0].Value.Spec.Region = "eu-west-9"
	_, err := Compile(set)
	var faults documents.Faults
	if !errors.As(err, &faults) {
		t.Fatal(err)
	}
	var got []string
	for _, f := range faults {
		got = append(got, f.Message)
	}
	want := []string{
		`tag "aws:a": keys that begin with aws: are AWS's own`, `tag "aws:b": keys that begin with aws: are AWS's own`,
		`account main has no region "eu-west-9"`, `username "aws:x": EKS takes none that begins with aws:`, `group "system:x": EKS takes none that begins with system:`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWithOneAccountAndOneRegionNeitherNeedBeWritten(t *testing.T) {
	const one = "kind: Environment\nmetadata: {name: ops}\nspec:\n  id: \"k7f3c9a1\"\n  accounts: [{name: main, id: \"111111111111\", regions: [eu-west-1], assumeRole: {arn: \"arn:aws:iam::111111111111:role/x\", externalId: abc, sessionName: atlas}}]\n"
	s, err := Compile(parse(t, one, cluster("test", "clusterName: eks-test, authenticationMode: API"), cluster("prod", "")))
	if err != nil {
		t.Fatal(err)
	}
	wantAccount := []access.Account{{Name: "main", ID: "111111111111", Partition: "aws", Regions: []string{"eu-west-1"}, RoleARN: "arn:aws:iam::111111111111:role/x", ExternalID: "abc", SessionName: "atlas"}}
	if diff := cmp.Diff(wantAccount, s.Accounts); diff != "" {
		t.Error(diff)
	}
	for i, want := range []access.WantCluster{
		{Document: "prod", Key: access.ClusterKey{Account: "111111111111", Region: "eu-west-1", Name: "prod"}, Via: access.ViaDirect},
		{Document: "test", Key: access.ClusterKey{Account: "111111111111", Region: "eu-west-1", Name: "eks-test"}, Mode: access.ModeAPI, Via: access.ViaDirect},
	} {
		got := s.Clusters[i]
		got.Place = access.Place{}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestRegionsAreSortedWithoutDoubles(t *testing.T) {
	set := parse(t, environment)
	set.Environment.Value.Spec.Accounts[0].Regions = []string{"us-east-1", "eu-west-1", "us-east-1"}
	s, err := Compile(set)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"eu-west-1", "us-east-1"}, s.Accounts[1].Regions); diff != "" {
		t.Error(diff)
	}
}

func TestAWishIsListedOnceHoweverOftenItsMemberIs(t *testing.T) {
	s, err := Compile(parse(t, environment, mainCluster("test", "nodeRoles: [{role: node, type: EC2}]"),
		team("a", `{user: ann}, {arn: "arn:aws:iam::111111111111:user/ann"}`, "all: true", "{policy: Edit, namespaces: [x]}, {policy: Edit, namespaces: [x]}, {group: g}, {group: g}")))
	if err != nil {
		t.Fatal(err)
	}
	place := func(n, line, column int) access.Place {
		return access.Place{File: fmt.Sprint(n, ".yaml"), Line: line, Column: column}
	}
	ann := s.Clusters[0].Entries[1]
	if ann.Member.String() != "user/ann" {
		t.Fatal(ann.Member)
	}
	if diff := cmp.Diff([]access.Source{{Team: "a", Place: place(3, 5, 13)}, {Team: "a", Place: place(3, 5, 26)}}, ann.Sources); diff != "" {
		t.Error(diff)
	}
	x := access.NamespaceScope("x")
	if diff := cmp.Diff([]access.WantScope{{Scope: x, Source: access.Source{Team: "a", Place: place(3, 7, 12)}}, {Scope: x, Source: access.Source{Team: "a", Place: place(3, 7, 45)}}}, ann.Associations[0].Parts); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"g"}, ann.Groups); diff != "" {
		t.Error(diff)
	}
	node := s.Clusters[0].Entries[0]
	if diff := cmp.Diff([]access.Source{{Place: place(2, 4, 35)}}, node.Sources); diff != "" {
		t.Error(diff)
	}
}

func TestNotesComeInTheOrderOfTheDocumentsAndSayEachThingOnce(t *testing.T) {
	s, err := Compile(parse(t, environment, mainCluster("test", ""), mainCluster("prod", ""),
		"kind: Team\nmetadata: {name: a}\nspec:\n  grants: [{group: g, clusters: {names: [prod]}}]\n  members: []\n  clusters: {matchLabels: {stage: none}}",
		team("b", "{user: ann}", "matchLabels: {stage: test}", "{group: g}")))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range s.Notes {
		got = append(got, n.Place.String()+": "+n.Text)
	}
	want := []string{"4.yaml:5:33: cluster prod is not one of team a's, and a grant's clusters only narrow those", "4.yaml:7:13: team a selects no cluster"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"test: user/ann in g"}, summary(s)); diff != "" {
		t.Error(diff)
	}
}

func TestAMembersAccountIsMeantByNameOrDigits(t *testing.T) {
	const two = "kind: Environment\nmetadata: {name: ops}\nspec:\n  id: \"k7f3c9a1\"\n  accounts:\n    - {name: main, id: \"111111111111\", regions: [eu-west-1]}\n    - {name: other, id: \"222222222222\", regions: [eu-west-1]}\n"
	s, err := Compile(parse(t, two, mainCluster("test", ""),
		team("a", `{role: x, account: other}, {role: x, account: "222222222222"}, {role: x, account: "444444444444"}, {role: x}`, "all: true", "{group: g}")))
	if err != nil {
		t.Fatal(err)
	}
	var accounts []string
	for _, e := range s.Clusters[0].Entries {
		accounts = append(accounts, e.Member.Account)
	}
	if diff := cmp.Diff([]string{"111111111111", "222222222222", "444444444444"}, accounts); diff != "" {
		t.Error(diff)
	}
}
