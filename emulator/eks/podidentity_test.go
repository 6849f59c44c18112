package eks_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/emulator"
)

const (
	loki = "arn:aws:iam::" + account + ":role/atlas-iam/ops/loki"
	yace = "arn:aws:iam::" + account + ":role/yace"
	far  = "arn:aws:iam::999999999999:role/far"
)

// identity is the input for an association of loki's role on cluster dev.
func identity(changes ...func(*sdk.CreatePodIdentityAssociationInput)) *sdk.CreatePodIdentityAssociationInput {
	in := &sdk.CreatePodIdentityAssociationInput{ClusterName: aws.String("dev"), Namespace: aws.String("ops-monitoring-ns"), ServiceAccount: aws.String("loki-sa"), RoleArn: aws.String(loki)}
	for _, f := range changes {
		f(in)
	}
	return in
}

// associated makes a cluster, its roles and an association.
func associated(t *testing.T, settle, consistency time.Duration) (*lab, *types.PodIdentityAssociation) {
	t.Helper()
	l := newLab(t, settle, consistency)
	l.iam.Add(loki, yace)
	l.cluster("dev", types.AuthenticationModeConfigMap) // entries have no part in it
	out, err := l.CreatePodIdentityAssociation(l.ctx, identity(func(in *sdk.CreatePodIdentityAssociationInput) { in.Tags = map[string]string{"a": "b"} }))
	l.must(err)
	return l, out.Association
}

func (l *lab) associations(in sdk.ListPodIdentityAssociationsInput) []string {
	l.Helper()
	in.ClusterName = aws.String("dev")
	out, err := l.ListPodIdentityAssociations(l.ctx, &in)
	l.must(err)
	names := []string{}
	for _, a := range out.Associations {
		names = append(names, *a.Namespace+"/"+*a.ServiceAccount)
	}
	return names
}

// shows: item S82
func TestTheJourneyOfAPodIdentityAssociation(t *testing.T) {
	l, a := associated(t, 0, 0)
	if !regexp.MustCompile(`^a-[a-z0-9]{17}$`).MatchString(*a.AssociationId) || *a.AssociationArn != "arn:aws:eks:us-west-2:"+account+":podidentityassociation/dev/"+*a.AssociationId {
		t.Errorf("id %s, ARN %s", *a.AssociationId, *a.AssociationArn)
	}
	if *a.RoleArn != loki || a.ExternalId != nil || a.TargetRoleArn != nil || a.OwnerArn != nil || a.Policy != nil || *a.DisableSessionTags {
		t.Errorf("association is %+v", a)
	}
	id := a.AssociationId
	described, err := l.DescribePodIdentityAssociation(l.ctx, &sdk.DescribePodIdentityAssociationInput{ClusterName: aws.String("dev"), AssociationId: id})
	l.must(err)
	if !cmp.Equal(map[string]string{"a": "b"}, described.Association.Tags) || !described.Association.CreatedAt.Equal(*a.CreatedAt) {
		t.Errorf("described as %+v", described.Association)
	}

	l.now = l.now.Add(time.Minute)
	up, err := l.UpdatePodIdentityAssociation(l.ctx, &sdk.UpdatePodIdentityAssociationInput{ClusterName: aws.String("dev"), AssociationId: id, RoleArn: aws.String(yace), TargetRoleArn: aws.String(far)})
	l.must(err)
	if b := up.Association; *b.AssociationId != *id || *b.RoleArn != yace || *b.TargetRoleArn != far || *b.ExternalId != "us-west-2/"+account+"/dev/ops-monitoring-ns/loki-sa" || !b.ModifiedAt.After(*b.CreatedAt) {
		t.Errorf("updated to %+v", b)
	}
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`
	up, err = l.UpdatePodIdentityAssociation(l.ctx, &sdk.UpdatePodIdentityAssociationInput{ClusterName: aws.String("dev"), AssociationId: id, DisableSessionTags: aws.Bool(true), Policy: &policy, TargetRoleArn: aws.String("")})
	l.must(err)
	if b := up.Association; *b.RoleArn != yace || b.TargetRoleArn != nil || b.ExternalId != nil || *b.Policy != policy || !*b.DisableSessionTags {
		t.Errorf("updated again to %+v", b)
	}

	_, err = l.TagResource(l.ctx, &sdk.TagResourceInput{ResourceArn: a.AssociationArn, Tags: map[string]string{"c": "d"}})
	l.must(err)
	_, err = l.UntagResource(l.ctx, &sdk.UntagResourceInput{ResourceArn: a.AssociationArn, TagKeys: []string{"a"}})
	l.must(err)
	gone, err := l.DeletePodIdentityAssociation(l.ctx, &sdk.DeletePodIdentityAssociationInput{ClusterName: aws.String("dev"), AssociationId: id})
	l.must(err)
	if !cmp.Equal(map[string]string{"c": "d"}, gone.Association.Tags) || *gone.Association.RoleArn != yace {
		t.Errorf("deleted %+v", gone.Association)
	}
	_, err = l.DescribePodIdentityAssociation(l.ctx, &sdk.DescribePodIdentityAssociationInput{ClusterName: aws.String("dev"), AssociationId: id})
	l.refused(err, "ResourceNotFoundException", "")
	_, err = l.CreatePodIdentityAssociation(l.ctx, identity())
	l.must(err)

	var ops []string
	for _, w := range l.server.Journal()[1:] {
		ops = append(ops, w.Operation)
	}
	want := []string{"CreatePodIdentityAssociation", "UpdatePodIdentityAssociation", "UpdatePodIdentityAssociation", "TagResource", "UntagResource", "DeletePodIdentityAssociation", "CreatePodIdentityAssociation"}
	if d := cmp.Diff(want, ops); d != "" {
		t.Error("journal:", d)
	}
}

// Each refusal beside what is legal and nearest to it.
//
// shows: item S82
func TestAnAssociationIsRefusedWhatEKSRefuses(t *testing.T) {
	l, have := associated(t, 0, 0)
	distrusting := "arn:aws:iam::" + account + ":role/irsa-only"
	l.iam.Add(distrusting)
	l.iam.Distrust(distrusting)
	type input = *sdk.CreatePodIdentityAssociationInput
	other := func(in input) { in.ServiceAccount = aws.String("yace-sa") }
	longest := func(n int) *string {
		head, tail := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::`, `"}]}`
		return aws.String(head + strings.Repeat("x", n-len(head)-len(tail)) + tail)
	}
	for name, c := range map[string]struct {
		change     func(input)
		code, text string
	}{
		"a second for one ServiceAccount": {func(in input) { in.ServiceAccount, in.RoleArn = aws.String("loki-sa"), aws.String(yace) }, "ResourceInUseException", "Association already exists: " + *have.AssociationId},
		"a role that is not there":        {func(in input) { in.RoleArn = aws.String(yace + "x") }, "InvalidParameterException", "Role provided in the request does not exist."},
		"a role without its path": {func(in input) { in.RoleArn = aws.String("arn:aws:iam::" + account + ":role/loki") },
			"InvalidParameterException", "Role provided in the request does not exist."},
		"a user":                              {func(in input) { in.RoleArn = aws.String(ann) }, "InvalidParameterException", "Role provided in the request does not exist."},
		"a role that does not trust":          {func(in input) { in.RoleArn = aws.String(distrusting) }, "InvalidParameterException", "Trust policy of the role provided is invalid."},
		"a role of another account":           {func(in input) { in.RoleArn = aws.String(far) }, "AccessDeniedException", "Cross-account pass role is not allowed."},
		"a target that is no role":            {func(in input) { in.TargetRoleArn = aws.String(ann) }, "InvalidParameterException", ""},
		"a pattern for a namespace":           {func(in input) { in.Namespace = aws.String("pr-*") }, "InvalidParameterException", ""},
		"a pattern for a ServiceAccount":      {func(in input) { in.ServiceAccount = aws.String("*") }, "InvalidParameterException", ""},
		"a session policy with session tags":  {func(in input) { in.Policy = longest(200) }, "InvalidParameterException", "disableSessionTags"},
		"a session policy that is none":       {func(in input) { in.Policy, in.DisableSessionTags = aws.String("{"), aws.Bool(true) }, "InvalidParameterException", ""},
		"a session policy of 2,049":           {func(in input) { in.Policy, in.DisableSessionTags = longest(2049), aws.Bool(true) }, "InvalidParameterException", ""},
		"a tag of AWS's":                      {func(in input) { in.Tags = map[string]string{"aws:x": "y"} }, "InvalidParameterException", ""},
		"an unknown cluster":                  {func(in input) { in.ClusterName = aws.String("prod") }, "ResourceNotFoundException", "No cluster found for name: prod."},
		"(legal) another ServiceAccount":      {func(in input) { in.ServiceAccount = aws.String("legal-sa") }, "", ""},
		"(legal) in another namespace":        {func(in input) { in.Namespace, in.ServiceAccount = aws.String("dev"), aws.String("loki-sa") }, "", ""},
		"(legal) a target of another account": {func(in input) { in.ServiceAccount, in.TargetRoleArn = aws.String("far-sa"), aws.String(far) }, "", ""},
		"(legal) a session policy of 2,048": {func(in input) {
			in.ServiceAccount, in.Policy, in.DisableSessionTags = aws.String("narrow-sa"), longest(2048), aws.Bool(true)
		}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := *l
			l.T = t
			_, err := l.CreatePodIdentityAssociation(t.Context(), identity(other, c.change))
			if c.code == "" {
				l.must(err)
				return
			}
			l.refused(err, c.code, c.text)
		})
	}
	id := have.AssociationId
	for name, c := range map[string]struct {
		in         sdk.UpdatePodIdentityAssociationInput
		code, text string
	}{
		"nothing to change":        {sdk.UpdatePodIdentityAssociationInput{AssociationId: id}, "InvalidParameterException", ""},
		"to a role that is none":   {sdk.UpdatePodIdentityAssociationInput{AssociationId: id, RoleArn: aws.String(yace + "x")}, "InvalidParameterException", "Role provided in the request does not exist."},
		"to one that trusts not":   {sdk.UpdatePodIdentityAssociationInput{AssociationId: id, RoleArn: aws.String(distrusting)}, "InvalidParameterException", "Trust policy of the role provided is invalid."},
		"to a policy with tags":    {sdk.UpdatePodIdentityAssociationInput{AssociationId: id, Policy: longest(200)}, "InvalidParameterException", ""},
		"with an id that is short": {sdk.UpdatePodIdentityAssociationInput{AssociationId: aws.String("a-1"), RoleArn: aws.String(yace)}, "InvalidParameterException", "The parameter associationId should be 19 characters long."},
		"of one that is not there": {sdk.UpdatePodIdentityAssociationInput{AssociationId: aws.String("a-12345678901234567"), RoleArn: aws.String(yace)}, "ResourceNotFoundException", ""},
	} {
		c.in.ClusterName = aws.String("dev")
		if _, err := l.UpdatePodIdentityAssociation(l.ctx, &c.in); err == nil {
			t.Errorf("update %s went through", name)
		} else {
			l.refused(err, c.code, c.text)
		}
	}
}

// shows: item S82
func TestAssociationsAreListedByNamespaceAndServiceAccountAndInPages(t *testing.T) {
	l, _ := associated(t, 0, 0)
	for _, name := range []string{"dev/api", "dev/worker", "prod/api", "prod/worker", "qa/api"} {
		ns, sa, _ := strings.Cut(name, "/")
		_, err := l.CreatePodIdentityAssociation(l.ctx, identity(func(in *sdk.CreatePodIdentityAssociationInput) { in.Namespace, in.ServiceAccount = &ns, &sa }))
		l.must(err)
	}
	all := l.associations(sdk.ListPodIdentityAssociationsInput{})
	if len(all) != 6 {
		t.Errorf("listed %v", all)
	}
	for size := int32(1); size <= 7; size++ {
		var got []string
		pages := sdk.NewListPodIdentityAssociationsPaginator(l.Client, &sdk.ListPodIdentityAssociationsInput{ClusterName: aws.String("dev"), MaxResults: &size})
		for pages.HasMorePages() {
			out, err := pages.NextPage(l.ctx)
			l.must(err)
			for _, a := range out.Associations {
				got = append(got, *a.Namespace+"/"+*a.ServiceAccount)
			}
		}
		if d := cmp.Diff(all, got); d != "" {
			t.Errorf("pages of %d: %s", size, d)
		}
	}
	for want, in := range map[string]sdk.ListPodIdentityAssociationsInput{
		"2 dev/api":  {Namespace: aws.String("dev")},
		"3 prod/api": {ServiceAccount: aws.String("api")},
		"1 qa/api":   {Namespace: aws.String("qa"), ServiceAccount: aws.String("api")},
		"0 ":         {Namespace: aws.String("none")},
	} {
		got := l.associations(in)
		if n, one, _ := strings.Cut(want, " "); fmt.Sprint(len(got)) != n || one != "" && !strings.Contains(strings.Join(got, " "), one) {
			t.Errorf("want %s, got %v", want, got)
		}
	}
	one, err := l.ListPodIdentityAssociations(l.ctx, &sdk.ListPodIdentityAssociationsInput{ClusterName: aws.String("dev"), MaxResults: aws.Int32(1)})
	l.must(err)
	_, err = l.ListPodIdentityAssociations(l.ctx, &sdk.ListPodIdentityAssociationsInput{ClusterName: aws.String("dev"), Namespace: aws.String("dev"), NextToken: one.NextToken})
	l.refused(err, "InvalidParameterException", "")
}

func TestAssociationsGoWithTheirCluster(t *testing.T) {
	l, have := associated(t, 0, 0)
	_, err := l.DeleteCluster(l.ctx, &sdk.DeleteClusterInput{Name: aws.String("dev")})
	l.must(err)
	_, err = l.ListPodIdentityAssociations(l.ctx, &sdk.ListPodIdentityAssociationsInput{ClusterName: aws.String("dev")})
	l.refused(err, "ResourceNotFoundException", "")
	l.cluster("dev", types.AuthenticationModeApi)
	if got := l.associations(sdk.ListPodIdentityAssociationsInput{}); len(got) != 0 {
		t.Errorf("a new cluster of the same name has %v", got)
	}
	_, err = l.TagResource(l.ctx, &sdk.TagResourceInput{ResourceArn: have.AssociationArn, Tags: map[string]string{"a": "b"}})
	l.refused(err, "NotFoundException", "")
	_, err = l.CreatePodIdentityAssociation(l.ctx, identity())
	l.must(err)
}

func TestAThousandAssociationsAreTheMost(t *testing.T) {
	l, have := associated(t, 0, 0)
	in := func(i int) *sdk.CreatePodIdentityAssociationInput {
		return identity(func(in *sdk.CreatePodIdentityAssociationInput) { in.ServiceAccount = aws.String(fmt.Sprint("sa-", i)) })
	}
	for i := range 999 {
		_, err := l.CreatePodIdentityAssociation(l.ctx, in(i))
		l.must(err)
	}
	_, err := l.CreatePodIdentityAssociation(l.ctx, in(1000))
	l.refused(err, "ResourceLimitExceededException", "")
	_, err = l.DeletePodIdentityAssociation(l.ctx, &sdk.DeletePodIdentityAssociationInput{ClusterName: aws.String("dev"), AssociationId: have.AssociationId})
	l.must(err)
	_, err = l.CreatePodIdentityAssociation(l.ctx, in(1000))
	l.must(err)
}

// shows: item S82
func TestAssociationsAreSeenLateAndARoleJustMadeIsNotThere(t *testing.T) {
	l := newLab(t, 0, 10*time.Second)
	l.iam.Add(loki)
	l.cluster("dev", types.AuthenticationModeApi)
	l.now = l.now.Add(time.Minute)
	_, err := l.CreatePodIdentityAssociation(l.ctx, identity())
	l.must(err)
	if got := l.associations(sdk.ListPodIdentityAssociationsInput{}); len(got) != 0 {
		t.Errorf("at once: %v", got)
	}
	_, err = l.CreatePodIdentityAssociation(l.ctx, identity())
	l.refused(err, "ResourceInUseException", "") // writes see what is
	l.now = l.now.Add(11 * time.Second)
	if got := l.associations(sdk.ListPodIdentityAssociationsInput{}); len(got) != 1 {
		t.Errorf("later: %v", got)
	}
}

// The whole lab, for IAM's own part: the trust policy, the right to pass the
// role, and that a role is seen late.
//
// shows: item S82
func TestTheRoleOfAnAssociationIsLookedAtInIAM(t *testing.T) {
	now := time.Now()
	server, err := emulator.Open(emulator.Options{Now: func() time.Time { return now }, Consistency: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	keys, err := server.Account(account, "us-west-2")
	if err != nil {
		t.Fatal(err)
	}
	options := func(id, secret, token string) (aws.Credentials, *http.Client) {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}, &http.Client{Transport: server.Transport()}
	}
	adminKey, client := options(keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken)
	clusters := func(k aws.Credentials) *sdk.Client {
		return sdk.New(sdk.Options{Region: "us-west-2", BaseEndpoint: aws.String("http://127.0.0.1"), HTTPClient: client, RetryMaxAttempts: 1, Credentials: credentials.StaticCredentialsProvider{Value: k}})
	}
	l := &lab{T: t, Client: clusters(adminKey), ctx: t.Context()}
	people := iam.New(iam.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://127.0.0.1"), HTTPClient: client, RetryMaxAttempts: 1, Credentials: credentials.StaticCredentialsProvider{Value: adminKey}})
	role := func(name, principal, actions, more string) {
		t.Helper()
		_, err := people.CreateRole(l.ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":` + actions + more + `}]}`)})
		l.must(err)
	}
	service := `{"Service":"pods.eks.amazonaws.com"}`
	both := `["sts:AssumeRole","sts:TagSession"]`
	role("cluster", `{"Service":"eks.amazonaws.com"}`, `"sts:AssumeRole"`, "")
	role("loki", service, both, `,"Condition":{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"dev"}}`)
	now = now.Add(time.Minute)
	l.cluster("dev", types.AuthenticationModeApi)

	arn := func(name string) *string { return aws.String("arn:aws:iam::" + account + ":role/" + name) }
	try := func(k aws.Credentials, role string) error {
		_, err := clusters(k).CreatePodIdentityAssociation(l.ctx, identity(func(in *sdk.CreatePodIdentityAssociationInput) {
			in.ServiceAccount, in.RoleArn = aws.String(role), arn(role)
		}))
		return err
	}
	l.must(try(adminKey, "loki"))
	role("wide", `{"Service":["ec2.amazonaws.com","pods.eks.amazonaws.com"]}`, `"sts:*"`, "")
	l.refused(try(adminKey, "wide"), "InvalidParameterException", "Role provided in the request does not exist.")
	now = now.Add(11 * time.Second)
	l.must(try(adminKey, "wide"))

	role("untagged", service, `"sts:AssumeRole"`, "")
	role("of-ec2", `{"Service":"ec2.amazonaws.com"}`, both, "")
	role("of-irsa", `{"Federated":"arn:aws:iam::`+account+`:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/0"}`, `"sts:AssumeRoleWithWebIdentity"`, "")
	role("of-all", `{"AWS":"*"}`, both, "")
	now = now.Add(11 * time.Second)
	for _, name := range []string{"untagged", "of-ec2", "of-irsa", "of-all", "cluster"} {
		l.refused(try(adminKey, name), "InvalidParameterException", "Trust policy of the role provided is invalid.")
	}

	// Who may make associations and not pass the role makes none.
	user := func(name, policy string) aws.Credentials {
		t.Helper()
		_, err := people.CreateUser(l.ctx, &iam.CreateUserInput{UserName: &name})
		l.must(err)
		_, err = people.PutUserPolicy(l.ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("p"), PolicyDocument: &policy})
		l.must(err)
		k, err := people.CreateAccessKey(l.ctx, &iam.CreateAccessKeyInput{UserName: &name})
		l.must(err)
		return aws.Credentials{AccessKeyID: *k.AccessKey.AccessKeyId, SecretAccessKey: *k.AccessKey.SecretAccessKey}
	}
	role("passed", service, both, "")
	now = now.Add(11 * time.Second)
	pass := func(to string) string {
		return `,{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"` + to + `"}}}`
	}
	associate := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"eks:*","Resource":"*"}`
	l.refused(try(user("bob", associate+"]}"), "passed"), "AccessDeniedException", "iam:PassRole")
	l.refused(try(user("eve", associate+pass("ec2.amazonaws.com")+"]}"), "passed"), "AccessDeniedException", "iam:PassRole")
	l.must(try(user("ann", associate+pass("pods.eks.amazonaws.com")+"]}"), "passed"))
}
