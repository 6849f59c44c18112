//go:build e2e

package e2e

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cli"
)

const (
	staging    = "210000000001"
	production = "210000000002"
	government = "310000000003"
	eu, us     = "eu-central-1", "us-east-1"
)

// largeAccounts are those of examples/large, entered as the lab's own caller.
func largeAccounts() []access.Account {
	return []access.Account{
		{Name: "staging", ID: staging, Partition: "aws", Regions: []string{eu, us}},
		{Name: "production", ID: production, Partition: "aws", Regions: []string{eu, us}},
		{Name: "government", ID: government, Partition: "aws-us-gov", Regions: []string{"us-gov-west-1"}},
	}
}

func largeDocuments() string { return filepath.Join("..", "examples", "large") }

// appliedLarge gives a maker of worlds in which examples/large was applied; it
// is applied once, and the lab's file copied.
func appliedLarge(t *testing.T) func(*testing.T) *world {
	t.Helper()
	first := newWorld(t, largeDocuments(), "", largeAccounts()...)
	first.run("apply", "--yes", ".").ends(t, cli.OK)
	first.stop()
	return func(t *testing.T) *world { return newWorld(t, largeDocuments(), first.file, largeAccounts()...) }
}

// edit is a change of the documents or of AWS, and what it leads to.
type edit struct {
	name string
	do   func(*world)
	// held is what apply says of what it holds without flags; it then writes
	// what heldWrites lists and ends with 4.
	held       []string
	heldWrites string
	flags      []string // that a user needs
	writes     string   // all of them, see sameWrites
}

// play makes an edit, applies it and holds the lab's journal against the list.
func (e edit) play(t *testing.T, w *world) {
	t.Helper()
	e.do(w)
	var heldWrites []string
	if len(e.held) > 0 {
		r := w.run("apply", "--yes", ".").ends(t, cli.Held).says(t, e.held...)
		heldWrites = w.writes(r)
		sameWrites(t, heldWrites, e.heldWrites)
	}
	r := w.run(append([]string{"apply", "--yes", "."}, e.flags...)...).ends(t, cli.OK)
	sameWrites(t, append(heldWrites, w.writes(r)...), e.writes)
	for _, c := range r.calls {
		if !strings.Contains(c.Caller, ":assumed-role/atlas-iam/atlas-iam") {
			t.Errorf("%s was called by %s, not by the role that the documents say to assume", c.Operation, c.Caller)
		}
	}
	w.nothingToDo()
}

// shows: item S35
func TestTheLargeExampleIsAppliedByAssumedRolesAndDestroyed(t *testing.T) {
	w := newWorld(t, largeDocuments(), "", largeAccounts()...)
	w.run("plan", ".").ends(t, cli.OK) // makes in the lab what the documents name
	// What others made: by hand, by Terraform, by EKS for a node group, and by
	// another environment.
	w.makeRole(staging, "/", "by-hand")
	w.makeEntry(staging, eu, "apps-staging-eu", "role/by-hand", nil, "", "AmazonEKSViewPolicy")
	w.makeEntry(staging, eu, "apps-staging-eu", "user/people/zoe", map[string]string{"created-by": "terraform"}, "", "AmazonEKSClusterAdminPolicy")
	w.makeRole(staging, "/", "node-group")
	w.makeEntry(staging, us, "apps-staging-us", "role/node-group", nil, "EC2_LINUX")
	w.makeEntry(production, us, "apps-production-us", "user/people/omar", map[string]string{access.TagEnvironment: "other", access.TagID: "z9z9z9z9"}, "", "AmazonEKSEditPolicy")
	foreign := w.entries(func(tags map[string]string) bool { return tags[access.TagID] != "p4t9w2mz" })
	// Of the hidden entries of two creators the documents say to remove them.
	maps.DeleteFunc(foreign, func(name, _ string) bool { return strings.HasSuffix(name, ":role/terraform/cluster-creator") })
	if len(foreign) != 7+4 { // each cluster has the one of EKS's own role
		t.Fatalf("%d foreign entries", len(foreign))
	}

	r := w.run("apply", "--yes", ".").ends(t, cli.OK)
	callers, operations := map[string]int{}, map[string]int{}
	for _, c := range r.calls {
		callers[c.Caller]++
		operations[c.Operation]++
	}
	wantCallers := []string{
		"arn:aws-us-gov:sts::310000000003:assumed-role/atlas-iam/atlas-iam",
		"arn:aws:sts::210000000001:assumed-role/atlas-iam/atlas-iam",
		"arn:aws:sts::210000000002:assumed-role/atlas-iam/atlas-iam-platform",
	}
	if got := slices.Sorted(maps.Keys(callers)); !slices.Equal(got, wantCallers) {
		t.Errorf("callers %q, want the assumed roles %q", got, wantCallers)
	}
	if want := map[string]int{"CreateAccessEntry": 81, "AssociateAccessPolicy": 110, "DeleteAccessEntry": 2}; !maps.Equal(operations, want) {
		t.Errorf("writes %v, want %v", operations, want)
	}
	ours := w.entries(func(tags map[string]string) bool {
		return maps.Equal(tags, map[string]string{"owner": "platform-team", "cost-center": "4711", access.TagEnvironment: "platform", access.TagID: "p4t9w2mz"})
	})
	if len(ours) != 81 {
		t.Errorf("%d entries bear the documents' tags and ours, want 81", len(ours))
	}
	w.nothingToDo()

	// destroy: too many at once, the last administrators, the nodes' roles.
	r = w.run("destroy", "--yes", ".").ends(t, cli.Held).says(t, "mass-deletion", "last-admin", "node-role")
	sameWrites(t, w.writes(r), "")
	r = w.run("destroy", "--yes", "--max-deletes", "81", "--allow", "last-admin,node-role", ".").ends(t, cli.OK)
	for _, l := range w.writes(r) {
		if !strings.HasPrefix(l, "DeleteAccessEntry ") {
			t.Errorf("destroy wrote %q", l)
		}
	}
	if len(r.calls) != 81 {
		t.Errorf("destroy made %d deletes, want 81", len(r.calls))
	}
	if left := w.entries(func(map[string]string) bool { return true }); !maps.Equal(left, foreign) {
		t.Errorf("after destroy the entries are not the foreign ones, byte for byte:\n%v\nwant\n%v", left, foreign)
	}
	w.run("destroy", "--yes", ".").ends(t, cli.OK).says(t, "No changes.")
}

// makeRole makes an IAM role as somebody else.
func (w *world) makeRole(account, path, name string) {
	w.t.Helper()
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	if _, err := w.iam(account).CreateRole(w.t.Context(), &iam.CreateRoleInput{RoleName: &name, Path: &path, AssumeRolePolicyDocument: &trust}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) deleteRole(account, name string) {
	w.t.Helper()
	if _, err := w.iam(account).DeleteRole(w.t.Context(), &iam.DeleteRoleInput{RoleName: &name}); err != nil {
		w.t.Fatal(err)
	}
}

// arn is a principal of an account: user/PATH/NAME, or an ARN as it is.
func arn(account, principal string) string {
	switch {
	case strings.HasPrefix(principal, "arn:"):
		return principal
	case account == government:
		return "arn:aws-us-gov:iam::" + account + ":" + principal
	}
	return "arn:aws:iam::" + account + ":" + principal
}

// makeEntry makes an access entry as somebody else, with policies on the
// whole cluster.
func (w *world) makeEntry(account, region, cluster, principal string, tags map[string]string, kind string, policies ...string) {
	w.t.Helper()
	client, p := w.eks(account, region), arn(account, principal)
	in := &eks.CreateAccessEntryInput{ClusterName: &cluster, PrincipalArn: &p, Tags: tags}
	if kind != "" {
		in.Type = &kind
	}
	if _, err := client.CreateAccessEntry(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
	for _, policy := range policies {
		w.associate(account, region, cluster, principal, policy)
	}
}

// associate gives a policy as somebody else, on the whole cluster or in
// namespaces.
func (w *world) associate(account, region, cluster, principal, policy string, namespaces ...string) {
	w.t.Helper()
	client, p := w.eks(account, region), arn(account, principal)
	scope := &types.AccessScope{Type: types.AccessScopeTypeCluster}
	if len(namespaces) > 0 {
		scope = &types.AccessScope{Type: types.AccessScopeTypeNamespace, Namespaces: namespaces}
	}
	if _, err := client.AssociateAccessPolicy(w.t.Context(), &eks.AssociateAccessPolicyInput{ClusterName: &cluster, PrincipalArn: &p,
		PolicyArn: aws.String("arn:aws:eks::aws:cluster-access-policy/" + policy), AccessScope: scope}); err != nil {
		w.t.Fatal(err)
	}
}

// deleteEntry deletes an access entry as somebody else.
func (w *world) deleteEntry(account, region, cluster, principal string) {
	w.t.Helper()
	p := arn(account, principal)
	if _, err := w.eks(account, region).DeleteAccessEntry(w.t.Context(), &eks.DeleteAccessEntryInput{ClusterName: &cluster, PrincipalArn: &p}); err != nil {
		w.t.Fatal(err)
	}
}

// makeCluster makes a cluster as somebody else, who gets no entry.
func (w *world) makeCluster(account, region, name string, mode types.AuthenticationMode) {
	w.t.Helper()
	role := arn(account, "role/atlas-iam-lab-cluster")
	if _, err := w.eks(account, region).CreateCluster(w.t.Context(), &eks.CreateClusterInput{
		Name: &name, RoleArn: &role,
		ResourcesVpcConfig: &types.VpcConfigRequest{SubnetIds: []string{"subnet-0a1b2c3d4e5f60001", "subnet-0a1b2c3d4e5f60002"}},
		AccessConfig:       &types.CreateAccessConfigRequest{AuthenticationMode: mode, BootstrapClusterCreatorAdminPermissions: aws.Bool(mode == types.AuthenticationModeConfigMap)},
	}); err != nil {
		w.t.Fatal(err)
	}
}

// tagEntry puts tags on an access entry as somebody else.
func (w *world) tagEntry(account, region, cluster, principal string, tags map[string]string) {
	w.t.Helper()
	client, p := w.eks(account, region), arn(account, principal)
	e, err := client.DescribeAccessEntry(w.t.Context(), &eks.DescribeAccessEntryInput{ClusterName: &cluster, PrincipalArn: &p})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := client.TagResource(w.t.Context(), &eks.TagResourceInput{ResourceArn: e.AccessEntry.AccessEntryArn, Tags: tags}); err != nil {
		w.t.Fatal(err)
	}
}
