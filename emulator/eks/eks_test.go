package eks_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/call/calltest"
	"github.com/atlas-iam/atlas-iam/emulator/eks"
)

const account = "111122223333"

// lab is a lab with one account, a cluster role and some people.
type lab struct {
	*testing.T
	*sdk.Client
	iam    *calltest.IAM
	server *emulator.Server
	keys   emulator.Keys
	now    time.Time
	ctx    context.Context
}

const (
	clusterRole = "arn:aws:iam::" + account + ":role/cluster"
	ann         = "arn:aws:iam::" + account + ":user/ann"
	devs        = "arn:aws:iam::" + account + ":role/team/devs"
	nodes       = "arn:aws:iam::" + account + ":role/nodes"
	viewPolicy  = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
	editPolicy  = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
)

func newLab(t *testing.T, settle time.Duration, consistency time.Duration) *lab {
	t.Helper()
	l := &lab{T: t, iam: &calltest.IAM{}, now: time.Now(), ctx: t.Context()}
	l.iam.Add(clusterRole, ann, devs, nodes)
	server, err := emulator.Assemble(
		emulator.Options{Now: func() time.Time { return l.now }, Consistency: consistency},
		emulator.Parts{IAM: l.iam, Services: []call.Service{eks.New(settle)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	l.server = server
	if l.keys, err = server.Account(account, "us-west-2"); err != nil {
		t.Fatal(err)
	}
	l.Client = l.client("us-west-2", l.keys)
	return l
}

func (l *lab) client(region string, k emulator.Keys) *sdk.Client {
	return sdk.New(sdk.Options{
		Region: region, BaseEndpoint: aws.String("http://127.0.0.1"), HTTPClient: &http.Client{Transport: l.server.Transport()},
		Credentials:      credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, k.SessionToken),
		RetryMaxAttempts: 1,
	})
}

// cluster makes a cluster in a mode.
func (l *lab) cluster(name string, mode types.AuthenticationMode) {
	l.Helper()
	_, err := l.CreateCluster(l.ctx, &sdk.CreateClusterInput{
		Name: &name, RoleArn: aws.String(clusterRole), ResourcesVpcConfig: &types.VpcConfigRequest{SubnetIds: []string{"subnet-1", "subnet-2"}},
		AccessConfig: &types.CreateAccessConfigRequest{AuthenticationMode: mode},
	})
	l.must(err)
}

func (l *lab) entry(cluster, principal string) *types.AccessEntry {
	l.Helper()
	out, err := l.CreateAccessEntry(l.ctx, &sdk.CreateAccessEntryInput{ClusterName: &cluster, PrincipalArn: &principal})
	l.must(err)
	return out.AccessEntry
}

func (l *lab) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// refused holds an error against AWS's code and text.
func (l *lab) refused(err error, code, text string) {
	l.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) {
		l.Errorf("got %v, want %s", err, code)
		return
	}
	if e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), text) {
		l.Errorf("got %s %q, want %s %q", e.ErrorCode(), e.ErrorMessage(), code, text)
	}
}

func (l *lab) entries(cluster string) []string {
	l.Helper()
	out, err := l.ListAccessEntries(l.ctx, &sdk.ListAccessEntriesInput{ClusterName: &cluster})
	l.must(err)
	return out.AccessEntries
}

const (
	serviceRole = "arn:aws:iam::" + account + ":role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS"
	labRole     = "arn:aws:iam::" + account + ":role/" + emulator.LabRole
)

func TestANewClusterHasWhatEKSFillsIn(t *testing.T) {
	l := newLab(t, 0, 0)
	l.cluster("dev", types.AuthenticationModeApiAndConfigMap)
	out, err := l.DescribeCluster(l.ctx, &sdk.DescribeClusterInput{Name: aws.String("dev")})
	l.must(err)
	c := out.Cluster
	if c.Status != types.ClusterStatusActive || *c.Arn != "arn:aws:eks:us-west-2:"+account+":cluster/dev" || *c.Endpoint == "" ||
		*c.CertificateAuthority.Data == "" || !strings.HasPrefix(*c.Identity.Oidc.Issuer, "https://oidc.eks.us-west-2.amazonaws.com/id/") ||
		c.AccessConfig.AuthenticationMode != types.AuthenticationModeApiAndConfigMap || c.CreatedAt == nil || c.Tags == nil {
		t.Errorf("cluster is %+v", c)
	}
	if d := cmp.Diff([]string{labRole, serviceRole}, l.entries("dev")); d != "" {
		t.Error("EKS's own entries:", d)
	}
	p, err := l.ListAssociatedAccessPolicies(l.ctx, &sdk.ListAssociatedAccessPoliciesInput{ClusterName: aws.String("dev"), PrincipalArn: aws.String(labRole)})
	l.must(err)
	if len(p.AssociatedAccessPolicies) != 1 || !strings.HasSuffix(*p.AssociatedAccessPolicies[0].PolicyArn, "/AmazonEKSClusterAdminPolicy") {
		t.Errorf("the creator has %+v", p.AssociatedAccessPolicies)
	}
}

func TestTheJourneyOfAnEntry(t *testing.T) {
	l := newLab(t, 0, 0)
	l.cluster("dev", types.AuthenticationModeApi)
	dev, policy := aws.String("dev"), aws.String(editPolicy)

	e := l.entry("dev", devs)
	if *e.Username != "arn:aws:sts::"+account+":assumed-role/devs/{{SessionName}}" || *e.Type != "STANDARD" || e.KubernetesGroups == nil || len(e.KubernetesGroups) != 0 {
		t.Errorf("entry is %+v", e)
	}
	if !strings.HasPrefix(*e.AccessEntryArn, "arn:aws:eks:us-west-2:"+account+":access-entry/dev/role/"+account+"/devs/") {
		t.Errorf("entry's ARN is %s", *e.AccessEntryArn)
	}
	if u := l.entry("dev", ann); *u.Username != ann {
		t.Errorf("a user's username is %s", *u.Username)
	}
	first, err := l.AssociateAccessPolicy(l.ctx, &sdk.AssociateAccessPolicyInput{ClusterName: dev, PrincipalArn: aws.String(devs), PolicyArn: policy,
		AccessScope: &types.AccessScope{Type: types.AccessScopeTypeNamespace, Namespaces: []string{"*backend*"}}})
	l.must(err)
	l.now = l.now.Add(time.Minute)
	second, err := l.AssociateAccessPolicy(l.ctx, &sdk.AssociateAccessPolicyInput{ClusterName: dev, PrincipalArn: aws.String(devs), PolicyArn: policy,
		AccessScope: &types.AccessScope{Type: types.AccessScopeTypeCluster}})
	l.must(err)
	a, b := first.AssociatedAccessPolicy, second.AssociatedAccessPolicy
	if !a.AssociatedAt.Equal(*b.AssociatedAt) || !b.ModifiedAt.After(*a.ModifiedAt) || b.AccessScope.Namespaces == nil {
		t.Errorf("associated again: %+v, then %+v", a, b)
	}
	with, err := l.ListAccessEntries(l.ctx, &sdk.ListAccessEntriesInput{ClusterName: dev, AssociatedPolicyArn: policy})
	l.must(err)
	if d := cmp.Diff([]string{devs}, with.AccessEntries); d != "" {
		t.Error("entries with the policy:", d)
	}
	up, err := l.UpdateAccessEntry(l.ctx, &sdk.UpdateAccessEntryInput{ClusterName: dev, PrincipalArn: aws.String(devs), KubernetesGroups: []string{"b", "a"}})
	l.must(err)
	if d := cmp.Diff([]string{"b", "a"}, up.AccessEntry.KubernetesGroups); d != "" {
		t.Error(d)
	}
	_, err = l.DisassociateAccessPolicy(l.ctx, &sdk.DisassociateAccessPolicyInput{ClusterName: dev, PrincipalArn: aws.String(devs), PolicyArn: policy})
	l.must(err)
	_, err = l.DisassociateAccessPolicy(l.ctx, &sdk.DisassociateAccessPolicyInput{ClusterName: dev, PrincipalArn: aws.String(devs), PolicyArn: policy})
	l.refused(err, "ResourceNotFoundException", "")
	_, err = l.DeleteAccessEntry(l.ctx, &sdk.DeleteAccessEntryInput{ClusterName: dev, PrincipalArn: aws.String(devs)})
	l.must(err)
	_, err = l.DescribeAccessEntry(l.ctx, &sdk.DescribeAccessEntryInput{ClusterName: dev, PrincipalArn: aws.String(devs)})
	l.refused(err, "ResourceNotFoundException", "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'.")

	var ops []string
	for _, w := range l.server.Journal() {
		ops = append(ops, w.Operation)
	}
	want := []string{"CreateCluster", "CreateAccessEntry", "CreateAccessEntry", "AssociateAccessPolicy", "AssociateAccessPolicy", "UpdateAccessEntry", "DisassociateAccessPolicy", "DeleteAccessEntry"}
	if d := cmp.Diff(want, ops); d != "" {
		t.Error("journal:", d)
	}
}

func TestCreateAccessEntryRefusesWhatEKSRefuses(t *testing.T) {
	l := newLab(t, 0, 0)
	l.cluster("dev", types.AuthenticationModeApi)
	in := func(f func(*sdk.CreateAccessEntryInput)) *sdk.CreateAccessEntryInput {
		i := &sdk.CreateAccessEntryInput{ClusterName: aws.String("dev"), PrincipalArn: aws.String(devs)}
		f(i)
		return i
	}
	many := map[string]string{}
	for i := range 51 {
		many[strings.Repeat("k", i+1)] = "v"
	}
	for name, c := range map[string]struct {
		in         *sdk.CreateAccessEntryInput
		code, text string
	}{
		"a principal that does not exist": {in(func(i *sdk.CreateAccessEntryInput) { i.PrincipalArn = aws.String(ann + "x") }),
			"InvalidParameterException", "The specified principalArn is invalid: invalid principal."},
		"a role without its path": {in(func(i *sdk.CreateAccessEntryInput) {
			i.PrincipalArn = aws.String("arn:aws:iam::" + account + ":role/devs")
		}),
			"InvalidParameterException", "The specified principalArn is invalid: invalid principal."},
		"a session": {in(func(i *sdk.CreateAccessEntryInput) {
			i.PrincipalArn = aws.String("arn:aws:sts::" + account + ":assumed-role/devs/x")
		}),
			"InvalidParameterException", ""},
		"a service-linked role": {in(func(i *sdk.CreateAccessEntryInput) { i.PrincipalArn = aws.String(serviceRole) }),
			"InvalidParameterException", "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role"},
		"a system group": {in(func(i *sdk.CreateAccessEntryInput) { i.KubernetesGroups = []string{"system:masters"} }),
			"InvalidParameterException", "The kubernetes group name system:masters is invalid, it cannot start with system:"},
		"a system username": {in(func(i *sdk.CreateAccessEntryInput) { i.Username = aws.String("system:admin") }),
			"InvalidParameterException", "The username must not begin with system:"},
		"a session name without a colon before it": {in(func(i *sdk.CreateAccessEntryInput) { i.Username = aws.String("john{{SessionName}}") }),
			"InvalidParameterException", ""},
		"groups of a node role": {in(func(i *sdk.CreateAccessEntryInput) {
			i.Type = aws.String("EC2_LINUX")
			i.KubernetesGroups = []string{"x"}
		}),
			"InvalidParameterException", ""},
		"a user as a node": {in(func(i *sdk.CreateAccessEntryInput) {
			i.Type = aws.String("EC2_LINUX")
			i.PrincipalArn = aws.String(ann)
		}),
			"InvalidParameterException", ""},
		"a node role of another account": {in(func(i *sdk.CreateAccessEntryInput) {
			i.Type = aws.String("EC2_LINUX")
			i.PrincipalArn = aws.String("arn:aws:iam::999999999999:role/nodes")
		}),
			"InvalidParameterException", ""},
		"an unknown type": {in(func(i *sdk.CreateAccessEntryInput) { i.Type = aws.String("WINDOWS") }), "InvalidParameterException", ""},
		"51 tags":         {in(func(i *sdk.CreateAccessEntryInput) { i.Tags = many }), "InvalidParameterException", ""},
		"an unknown cluster": {in(func(i *sdk.CreateAccessEntryInput) { i.ClusterName = aws.String("prod") }),
			"ResourceNotFoundException", "No cluster found for name: prod."},
	} {
		t.Run(name, func(t *testing.T) {
			l := *l
			l.T = t
			_, err := l.CreateAccessEntry(t.Context(), c.in)
			l.refused(err, c.code, c.text)
		})
	}
	for name, in := range map[string]*sdk.CreateAccessEntryInput{
		"an ordinary role":             in(func(i *sdk.CreateAccessEntryInput) { i.KubernetesGroups = []string{"backend"} }),
		"a role of an unknown account": in(func(i *sdk.CreateAccessEntryInput) { i.PrincipalArn = aws.String("arn:aws:iam::999999999999:role/x") }),
		"a colon before a session name": in(func(i *sdk.CreateAccessEntryInput) {
			i.PrincipalArn = aws.String(ann)
			i.Username = aws.String("jo:hn{{SessionName}}")
		}),
		"a node role": in(func(i *sdk.CreateAccessEntryInput) {
			i.PrincipalArn = aws.String(nodes)
			i.Type = aws.String("EC2_LINUX")
		}),
	} {
		if _, err := l.CreateAccessEntry(l.ctx, in); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := l.CreateAccessEntry(l.ctx, in(func(*sdk.CreateAccessEntryInput) {}))
	l.refused(err, "ResourceInUseException", "The specified access entry resource is already in use on this cluster.")
}

func TestPoliciesGoWhereEKSLetsThem(t *testing.T) {
	l := newLab(t, 0, 0)
	l.cluster("dev", types.AuthenticationModeApi)
	l.entry("dev", devs)
	_, err := l.CreateAccessEntry(l.ctx, &sdk.CreateAccessEntryInput{ClusterName: aws.String("dev"), PrincipalArn: aws.String(nodes), Type: aws.String("EC2_LINUX")})
	l.must(err)
	cluster := &types.AccessScope{Type: types.AccessScopeTypeCluster}
	namespaces := func(ns ...string) *types.AccessScope {
		return &types.AccessScope{Type: types.AccessScopeTypeNamespace, Namespaces: ns}
	}
	arn := func(name string) string { return "arn:aws:eks::aws:cluster-access-policy/" + name }
	for name, c := range map[string]struct {
		principal, policy string
		scope             *types.AccessScope
		code, text        string
	}{
		"an ordinary policy":               {devs, viewPolicy, namespaces("dev-*"), "", ""},
		"on a node role":                   {nodes, viewPolicy, cluster, "InvalidParameterException", ""},
		"for service-linked roles":         {devs, arn("AmazonEKSHybridPolicy"), cluster, "InvalidParameterException", "policyArn can only be associated with service-linked roles"},
		"for node classes on a person":     {devs, arn("AmazonEKSAutoNodePolicy"), cluster, "InvalidParameterException", ""},
		"an IAM policy":                    {devs, "arn:aws:iam::aws:policy/AdministratorAccess", cluster, "InvalidParameterException", ""},
		"another partition's policy":       {devs, "arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", cluster, "InvalidParameterException", ""},
		"namespace scope without any":      {devs, viewPolicy, namespaces(), "InvalidParameterException", ""},
		"cluster scope with namespaces":    {devs, viewPolicy, &types.AccessScope{Type: "cluster", Namespaces: []string{"a"}}, "InvalidParameterException", ""},
		"on an entry that is not there":    {ann, viewPolicy, cluster, "ResourceNotFoundException", "could not be found"},
		"on the entry of AWS's role":       {serviceRole, viewPolicy, cluster, "InvalidParameterException", "Service Linked Role"},
		"the widest policy, cluster scope": {devs, arn("AmazonEKSClusterAdminPolicy"), cluster, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := *l
			l.T = t
			_, err := l.AssociateAccessPolicy(t.Context(), &sdk.AssociateAccessPolicyInput{ClusterName: aws.String("dev"), PrincipalArn: &c.principal, PolicyArn: &c.policy, AccessScope: c.scope})
			if c.code == "" {
				l.must(err)
				return
			}
			l.refused(err, c.code, c.text)
		})
	}
}

func TestModesStepForwardOnly(t *testing.T) {
	l := newLab(t, time.Minute, 0)
	l.cluster("old", types.AuthenticationModeConfigMap)
	step := func(to types.AuthenticationMode) (*sdk.UpdateClusterConfigOutput, error) {
		return l.UpdateClusterConfig(l.ctx, &sdk.UpdateClusterConfigInput{Name: aws.String("old"), AccessConfig: &types.UpdateAccessConfigRequest{AuthenticationMode: to}})
	}
	_, err := step(types.AuthenticationModeApiAndConfigMap)
	l.refused(err, "ResourceInUseException", "CREATING")
	l.now = l.now.Add(time.Minute)
	_, err = l.ListAccessEntries(l.ctx, &sdk.ListAccessEntriesInput{ClusterName: aws.String("old")})
	l.refused(err, "InvalidRequestException", "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.")
	_, err = step(types.AuthenticationModeApi)
	l.refused(err, "InvalidParameterException", "Unsupported authentication mode update from CONFIG_MAP to API")
	_, err = step(types.AuthenticationModeConfigMap)
	l.refused(err, "InvalidParameterException", "Unsupported authentication mode update from CONFIG_MAP to CONFIG_MAP")

	up, err := step(types.AuthenticationModeApiAndConfigMap)
	l.must(err)
	if up.Update.Status != types.UpdateStatusInProgress || up.Update.Type != types.UpdateTypeAccessConfigUpdate {
		t.Errorf("update is %+v", up.Update)
	}
	describe := func() *types.Cluster {
		out, err := l.DescribeCluster(l.ctx, &sdk.DescribeClusterInput{Name: aws.String("old")})
		l.must(err)
		return out.Cluster
	}
	if c := describe(); c.Status != types.ClusterStatusUpdating || c.AccessConfig.AuthenticationMode != types.AuthenticationModeConfigMap {
		t.Errorf("while updating: %s, %s", c.Status, c.AccessConfig.AuthenticationMode)
	}
	_, err = l.ListAccessEntries(l.ctx, &sdk.ListAccessEntriesInput{ClusterName: aws.String("old")})
	l.refused(err, "InvalidRequestException", "")
	_, err = step(types.AuthenticationModeApi)
	l.refused(err, "ResourceInUseException", "in progress")

	l.now = l.now.Add(time.Minute)
	if c := describe(); c.Status != types.ClusterStatusActive || c.AccessConfig.AuthenticationMode != types.AuthenticationModeApiAndConfigMap {
		t.Errorf("after the update: %s, %s", c.Status, c.AccessConfig.AuthenticationMode)
	}
	if d := cmp.Diff([]string{labRole, serviceRole}, l.entries("old")); d != "" {
		t.Error("EKS's own entries appear with the mode:", d)
	}
	done, err := l.DescribeUpdate(l.ctx, &sdk.DescribeUpdateInput{Name: aws.String("old"), UpdateId: up.Update.Id})
	l.must(err)
	if done.Update.Status != types.UpdateStatusSuccessful {
		t.Errorf("update is %s", done.Update.Status)
	}
	_, err = step(types.AuthenticationModeApi)
	l.must(err)
	l.now = l.now.Add(time.Minute)
	_, err = step(types.AuthenticationModeApiAndConfigMap)
	l.refused(err, "InvalidParameterException", "Unsupported authentication mode update from API to API_AND_CONFIG_MAP")
	ids, err := l.ListUpdates(l.ctx, &sdk.ListUpdatesInput{Name: aws.String("old")})
	l.must(err)
	if len(ids.UpdateIds) != 2 {
		t.Errorf("updates: %v", ids.UpdateIds)
	}
}

func TestPagesJoinToTheWholeAndTokensAreBound(t *testing.T) {
	l := newLab(t, 0, 0)
	l.cluster("dev", types.AuthenticationModeApi)
	var want []string
	for i := range 7 {
		arn := "arn:aws:iam::999999999999:role/r" + string(rune('a'+i))
		l.entry("dev", arn)
	}
	want = l.entries("dev")
	for size := int32(1); size <= 10; size++ {
		var got []string
		pages := sdk.NewListAccessEntriesPaginator(l.Client, &sdk.ListAccessEntriesInput{ClusterName: aws.String("dev"), MaxResults: &size})
		for pages.HasMorePages() {
			out, err := pages.NextPage(l.ctx)
			l.must(err)
			got = append(got, out.AccessEntries...)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("pages of %d: %s", size, d)
		}
	}
	one, err := l.ListAccessEntries(l.ctx, &sdk.ListAccessEntriesInput{ClusterName: aws.String("dev"), MaxResults: aws.Int32(1)})
	l.must(err)
	for name, in := range map[string]*sdk.ListAccessEntriesInput{
		"page of 0":              {ClusterName: aws.String("dev"), MaxResults: aws.Int32(0)},
		"page of 101":            {ClusterName: aws.String("dev"), MaxResults: aws.Int32(101)},
		"a made-up token":        {ClusterName: aws.String("dev"), NextToken: aws.String("abc")},
		"a token for other list": {ClusterName: aws.String("dev"), NextToken: one.NextToken, AssociatedPolicyArn: aws.String(viewPolicy)},
	} {
		if _, err := l.ListAccessEntries(l.ctx, in); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestTagsOfClustersAndEntries(t *testing.T) {
	l := newLab(t, 0, 0)
	l.cluster("dev", types.AuthenticationModeApi)
	e := l.entry("dev", devs)
	for _, arn := range []string{*e.AccessEntryArn, "arn:aws:eks:us-west-2:" + account + ":cluster/dev"} {
		_, err := l.TagResource(l.ctx, &sdk.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{"a": "1", "b": "", "c": "3"}})
		l.must(err)
		_, err = l.UntagResource(l.ctx, &sdk.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"a", "c"}})
		l.must(err)
		out, err := l.ListTagsForResource(l.ctx, &sdk.ListTagsForResourceInput{ResourceArn: &arn})
		l.must(err)
		if d := cmp.Diff(map[string]string{"b": ""}, out.Tags); d != "" {
			t.Error(d)
		}
		_, err = l.TagResource(l.ctx, &sdk.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{"aws:x": "1"}})
		l.refused(err, "BadRequestException", "")
	}
	_, err := l.ListTagsForResource(l.ctx, &sdk.ListTagsForResourceInput{ResourceArn: aws.String("arn:aws:eks:us-west-2:" + account + ":cluster/none")})
	l.refused(err, "NotFoundException", "")
}

func TestARepeatedTokenGivesTheFirstResult(t *testing.T) {
	l := newLab(t, 0, 0)
	l.cluster("dev", types.AuthenticationModeApi)
	in := &sdk.CreateAccessEntryInput{ClusterName: aws.String("dev"), PrincipalArn: aws.String(devs), ClientRequestToken: aws.String("t1")}
	first, err := l.CreateAccessEntry(l.ctx, in)
	l.must(err)
	again, err := l.CreateAccessEntry(l.ctx, in)
	l.must(err)
	if *first.AccessEntry.AccessEntryArn != *again.AccessEntry.AccessEntryArn {
		t.Error("another entry was made")
	}
	in.KubernetesGroups = []string{"x"}
	_, err = l.CreateAccessEntry(l.ctx, in)
	l.refused(err, "ResourceInUseException", "")
}

// shows: item S26
func TestWithoutTheRightNothingHappens(t *testing.T) {
	l := newLab(t, 0, 0)
	l.cluster("dev", types.AuthenticationModeApi)
	l.iam.Deny("eks:CreateAccessEntry")
	_, err := l.CreateAccessEntry(l.ctx, &sdk.CreateAccessEntryInput{ClusterName: aws.String("dev"), PrincipalArn: aws.String(devs)})
	l.refused(err, "AccessDeniedException", "User: arn:aws:sts::"+account+":assumed-role/atlas-iam-lab/lab is not authorized to perform: eks:CreateAccessEntry on resource: arn:aws:eks:us-west-2:"+account+":cluster/dev because no identity-based policy allows the eks:CreateAccessEntry action")
	if d := cmp.Diff([]string{labRole, serviceRole}, l.entries("dev")); d != "" {
		t.Error(d)
	}
}

func TestWhatTheLabLacksIsMarked(t *testing.T) {
	l := newLab(t, 0, 0)
	_, err := l.CreateNodegroup(l.ctx, &sdk.CreateNodegroupInput{ClusterName: aws.String("dev"), NodegroupName: aws.String("n"), NodeRole: aws.String(nodes), Subnets: []string{"s"}})
	l.refused(err, call.NotImplementedCode, "eks:CreateNodegroup")
	l.iam.Deny("eks:CreateNodegroup")
	_, err = l.CreateNodegroup(l.ctx, &sdk.CreateNodegroupInput{ClusterName: aws.String("dev"), NodegroupName: aws.String("n"), NodeRole: aws.String(nodes), Subnets: []string{"s"}})
	l.refused(err, "AccessDeniedException", "eks:CreateNodegroup")
}

func TestListsSeeChangesLate(t *testing.T) {
	l := newLab(t, 0, 10*time.Second)
	l.cluster("dev", types.AuthenticationModeApi)
	l.now = l.now.Add(time.Minute)
	l.entry("dev", devs)
	if d := cmp.Diff([]string{labRole, serviceRole}, l.entries("dev")); d != "" {
		t.Error("at once:", d)
	}
	_, err := l.AssociateAccessPolicy(l.ctx, &sdk.AssociateAccessPolicyInput{ClusterName: aws.String("dev"), PrincipalArn: aws.String(devs), PolicyArn: aws.String(viewPolicy), AccessScope: &types.AccessScope{Type: types.AccessScopeTypeCluster}})
	l.must(err)
	l.now = l.now.Add(11 * time.Second)
	if d := cmp.Diff([]string{labRole, serviceRole, devs}, l.entries("dev")); d != "" {
		t.Error("later:", d)
	}
}

func TestRegionsAndPartitionsAreApart(t *testing.T) {
	l := newLab(t, 0, 0)
	l.cluster("dev", types.AuthenticationModeApi)
	out, err := l.client("eu-west-1", l.keys).ListClusters(l.ctx, &sdk.ListClustersInput{})
	l.must(err)
	if len(out.Clusters) != 0 {
		t.Errorf("eu-west-1 has %v", out.Clusters)
	}
	_, err = l.client("cn-north-1", l.keys).ListClusters(l.ctx, &sdk.ListClustersInput{})
	l.refused(err, "UnrecognizedClientException", "")
	china, err := l.server.Account("222233334444", "cn-north-1")
	l.must(err)
	policies, err := l.client("cn-north-1", china).ListAccessPolicies(l.ctx, &sdk.ListAccessPoliciesInput{})
	l.must(err)
	if arn := *policies.AccessPolicies[0].Arn; !strings.HasPrefix(arn, "arn:aws-cn:eks::aws:cluster-access-policy/") {
		t.Errorf("a policy of China is %s", arn)
	}
}
