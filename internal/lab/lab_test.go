package lab

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
)

const (
	mainID    = "492000000148"
	prodID    = "210000000148"
	chinaID   = "310000000148"
	partnerID = "111222333444"
)

func member(kind access.MemberKind, partition, account, name string) access.Member {
	return access.Member{Kind: kind, Partition: partition, Account: account, Name: name}
}

// state names every kind of principal, three accounts, two partitions.
func state() *access.State {
	entry := func(m access.Member) access.WantEntry { return access.WantEntry{Member: m, Type: access.Standard} }
	return &access.State{
		Accounts: []access.Account{
			{Name: "china", ID: chinaID, Partition: "aws-cn", Regions: []string{"cn-north-1"}},
			{Name: "main", ID: mainID, Partition: "aws", Regions: []string{"us-east-1"}},
			{Name: "prod", ID: prodID, Partition: "aws", Regions: []string{"eu-west-1"},
				RoleARN: "arn:aws:iam::" + prodID + ":role/ops/atlas", ExternalID: "x-1"},
		},
		Clusters: []access.WantCluster{
			{Document: "a", Key: access.ClusterKey{Account: mainID, Region: "us-east-1", Name: "a"},
				Remove:  []access.ListedMember{{Member: member(access.RoleMember, "aws", mainID, "tf/admin")}},
				Protect: []access.ListedMember{{Member: member(access.RoleMember, "aws", mainID, "break-glass")}},
				Entries: []access.WantEntry{
					entry(member(access.UserMember, "aws", mainID, "oleksii")),
					entry(member(access.ARNMember, "", "", "arn:aws:iam::"+partnerID+":role/partner")),
				}},
			{Document: "b", Key: access.ClusterKey{Account: prodID, Region: "eu-west-1", Name: "b"}, Mode: access.ModeAPI,
				Remove: []access.ListedMember{{Member: member(access.UserMember, "aws", prodID, "creator")}}},
			{Document: "c", Key: access.ClusterKey{Account: chinaID, Region: "cn-north-1", Name: "c"}, Mode: access.ModeConfigMap,
				Entries: []access.WantEntry{entry(member(access.PermissionSetMember, "aws-cn", chinaID, "Admins"))}},
		},
	}
}

func open(t *testing.T, file string) *Lab {
	t.Helper()
	l, err := Open(t.Context(), file, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func TestSeedingMakesWhatDocumentsNameOnce(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "lab.db"))
	want := []string{
		"4 accounts: 111222333444, 210000000148, 310000000148, 492000000148",
		"2 users: creator (" + prodID + "), oleksii (" + mainID + ")",
		"5 roles: aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admins_" + suffix(member(access.PermissionSetMember, "aws-cn", chinaID, "Admins")) + " (" + chinaID + "), " +
			"partner (" + partnerID + "), ops/atlas (" + prodID + "), " +
			"break-glass (" + mainID + "), tf/admin (" + mainID + ")",
		"3 clusters: a (us-east-1, API_AND_CONFIG_MAP, created by role/admin), b (eu-west-1, API, created by user/creator), c (cn-north-1, CONFIG_MAP)",
	}
	got, err := l.Seed(t.Context(), state())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	again, err := l.Seed(t.Context(), state())
	if err != nil || len(again) > 0 {
		t.Errorf("the second time made %q, %v; want nothing", again, err)
	}
}

// Who makes a cluster is its administrator on EKS. The lab's caller is where
// there is something to write in it, and nowhere else.
func TestTheLabsCallerIsTheAdministratorOfClustersThatDocumentsWriteIn(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "lab.db"))
	want := state()
	want.Clusters = nil
	key := func(name string) access.ClusterKey {
		return access.ClusterKey{Account: mainID, Region: "us-east-1", Name: name}
	}
	for _, c := range []access.WantCluster{
		{Document: "accounts", ServiceAccounts: []access.WantServiceAccount{{Namespace: "n", Name: "s", Manage: access.ManageCreate}}},
		{Document: "hub"},
		{Document: "people"},
		{Document: "roles", Bindings: []access.WantBinding{{}}},
		{Document: "spoke", ArgoCD: &access.WantArgoCD{Hub: key("hub")}},
	} {
		c.Key = key(c.Document)
		want.Clusters = append(want.Clusters, c)
	}
	made, err := l.Seed(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	const by = " (us-east-1, API_AND_CONFIG_MAP, created by the lab's caller), "
	const plain = " (us-east-1, API_AND_CONFIG_MAP)"
	if got := made[len(made)-1]; got != "5 clusters: accounts"+by+"hub"+by+"people"+plain+", roles"+by+"spoke"+plain {
		t.Error(got)
	}
}

func TestEveryAccountIsReachedAsDocumentsSay(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "lab.db"))
	want := state()
	if _, err := l.Seed(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	c, err := cloud.Open(t.Context(), want.Accounts, l.CloudOptions(cloud.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	for id, arn := range map[string]string{
		mainID:  "arn:aws:sts::" + mainID + ":assumed-role/atlas-iam-lab/lab",
		prodID:  "arn:aws:sts::" + prodID + ":assumed-role/atlas/atlas-iam", // really assumed, with the external id
		chinaID: "arn:aws-cn:sts::" + chinaID + ":assumed-role/atlas-iam-lab/lab",
	} {
		if got, err := c.Caller(t.Context(), id); err != nil || got != arn {
			t.Errorf("caller of %s = %s, %v; want %s", id, got, err, arn)
		}
	}
	wrong := want.Accounts[2]
	wrong.ExternalID = "other"
	c, err = cloud.Open(t.Context(), []access.Account{wrong}, l.CloudOptions(cloud.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Caller(t.Context(), prodID); err == nil {
		t.Error("the role was assumed with a wrong external id")
	}
}

// The creator's entry is the one that documents remove.
func TestAClusterHasTheHiddenEntryOfItsCreator(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "lab.db"))
	want := state()
	if _, err := l.Seed(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	c, err := cloud.Open(t.Context(), want.Accounts, l.CloudOptions(cloud.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	for name, creator := range map[[3]string]string{
		{mainID, "us-east-1", "a"}: "arn:aws:iam::" + mainID + ":role/tf/admin",
		{prodID, "eu-west-1", "b"}: "arn:aws:iam::" + prodID + ":user/creator",
	} {
		out, err := c.EKS(name[0], name[1]).DescribeAccessEntry(t.Context(), &eks.DescribeAccessEntryInput{ClusterName: &name[2], PrincipalArn: &creator})
		if err != nil {
			t.Errorf("the entry of %s: %v", creator, err)
			continue
		}
		if out.AccessEntry.CreatedAt == nil {
			t.Errorf("the entry of %s has no time", creator)
		}
	}
}

func TestAServedLabIsFoundByItsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lab.db")
	ctx, stop := context.WithCancel(t.Context())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- Serve(ctx, "127.0.0.1:0", emulator.Options{File: file}, nil, func(e string) { ready <- e })
	}()
	endpoint := <-ready

	l := open(t, file)
	if l.Endpoint() != "http://"+Host {
		t.Errorf("endpoint %s; a plan would not be of the same place as in-process", l.Endpoint())
	}
	if _, err := l.Seed(t.Context(), state()); err != nil {
		t.Fatal(err)
	}
	d, err := Dial(t.Context(), endpoint)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Env(t.Context(), ""); err == nil {
		t.Error("several accounts: env must ask which")
	}
	if k, err := d.Env(t.Context(), prodID); err != nil || k.Account != prodID {
		t.Errorf("env of %s = %+v, %v", prodID, k, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(noteFile(file)); !os.IsNotExist(err) {
		t.Errorf("the note is left behind: %v", err)
	}
	own := open(t, file)
	if again, err := own.Seed(t.Context(), state()); err != nil || len(again) > 0 {
		t.Errorf("after the server ended the file lacked %q, %v", again, err)
	}
}

// A client that opened a connection and asked nothing kept the served lab from
// ending, and made it end with an error.
func TestAServedLabEndsWhileAConnectionIsOpenAndUnused(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- Serve(ctx, "127.0.0.1:0", emulator.Options{File: filepath.Join(t.TempDir(), "lab.db")}, nil, func(e string) { ready <- e })
	}()
	endpoint := <-ready
	c, err := net.Dial("tcp", strings.TrimPrefix(endpoint, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d, err := Dial(t.Context(), endpoint) // the server has taken the connection before
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the lab did not end: %v", err)
	}
}

func TestOnlyThisMachinesLabsAreReached(t *testing.T) {
	for _, endpoint := range []string{"http://192.0.2.1:4566", "https://eks.us-east-1.amazonaws.com", "http://evil.example", "", "127.0.0.1:4566"} {
		if _, err := Dial(t.Context(), endpoint); err == nil {
			t.Errorf("%q was reached", endpoint)
		}
	}
}

// What an apply would make must not be there before it, or it would be
// another's; what it takes to be there must.
func TestSeedingMakesTheRolesThatWorkloadsTakeToExist(t *testing.T) {
	role := func(name string) string { return "arn:aws:iam::" + mainID + ":role/" + name }
	key := access.ClusterKey{Account: mainID, Region: "us-east-1", Name: "a"}
	want := &access.State{
		Accounts: []access.Account{{Name: "main", ID: mainID, Partition: "aws", Regions: []string{"us-east-1"}}},
		Roles: []access.WantRole{
			{Account: mainID, ARN: role("x/made")},
			{Account: mainID, ARN: role("old/there"), Existing: true, Trust: []access.WantTrust{
				{Credentials: access.PodIdentity, Cluster: key, Namespace: "k", Name: "pods"}, {Credentials: access.IRSA, Cluster: key, Namespace: "k", Name: "tokens"},
			}},
		},
		Workloads: []access.WantWorkload{{Name: "w", Target: role("target")}, {Name: "v", Target: role("x/made")}},
		Clusters: []access.WantCluster{{Document: "a", Key: key, Entries: []access.WantEntry{
			{Member: member(access.RoleMember, "aws", mainID, "x/made"), Type: access.Standard},
			{Member: member(access.RoleMember, "aws", mainID, "old/there"), Type: access.Standard},
		}}},
	}
	l := open(t, filepath.Join(t.TempDir(), "lab.db"))
	got, err := l.Seed(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("2 roles: old/there ("+mainID+"), target ("+mainID+")", strings.Join(got, "\n"), cmp.Transformer("roles", func(s string) string {
		for line := range strings.SplitSeq(s, "\n") {
			if strings.Contains(line, " roles: ") {
				return line
			}
		}
		return s
	})); diff != "" {
		t.Error(diff)
	}
	// It trusts the workloads, once: what others make of it later stays.
	trusts := func() string {
		t.Helper()
		c, err := cloud.Open(t.Context(), want.Accounts, l.CloudOptions(cloud.Options{}))
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.IAM(mainID).GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("there")})
		if err != nil {
			t.Fatal(err)
		}
		text, err := url.QueryUnescape(aws.ToString(out.Role.AssumeRolePolicyDocument))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	text := trusts()
	for _, part := range []string{`"arn:aws:eks:us-east-1:` + mainID + `:cluster/a"`, `"pods"`, `"system:serviceaccount:k:tokens"`, ":oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/"} {
		if !strings.Contains(text, part) {
			t.Errorf("the existing role's trust lacks %s: %s", part, text)
		}
	}
	want.Roles[1].Trust[0].Name = "others"
	if again, err := l.Seed(t.Context(), want); err != nil || len(again) > 0 || trusts() != text {
		t.Errorf("the second time made %q, %v; the trust is %s", again, err, trusts())
	}
}
