package eksauth_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/oidc/oidctest"
)

const account, region = "111122223333", "us-east-1"

// world is a lab with a cluster, "dev", whose API server is the test.
type world struct {
	t      *testing.T
	server *emulator.Server
	now    time.Time // the lab's; it stands
	admin  aws.Credentials
	dev    oidctest.Issuer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Now().Truncate(time.Second)}
	var err error
	if w.server, err = emulator.Open(emulator.Options{Now: func() time.Time { return w.now }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.server.Close() })
	w.admin = w.caller(account)
	w.role("service", `{"Service":"eks.amazonaws.com"}`, "sts:AssumeRole", "")
	w.dev = w.cluster("dev")
	return w
}

// caller makes an account and gives the keys of the lab's caller there.
func (w *world) caller(account string) aws.Credentials {
	w.t.Helper()
	k := must[emulator.Keys](w.t)(w.server.Account(account, region))
	return aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken}
}

func (w *world) cluster(name string) oidctest.Issuer {
	w.t.Helper()
	must[*eks.CreateClusterOutput](w.t)(eks.NewFromConfig(w.config(w.admin)).CreateCluster(w.t.Context(), &eks.CreateClusterInput{
		Name: &name, RoleArn: aws.String("arn:aws:iam::" + account + ":role/service"), ResourcesVpcConfig: &ekstypes.VpcConfigRequest{SubnetIds: []string{"a", "b"}},
	}))
	return oidctest.Of(w.t, w.server, call.ClusterKey{Account: account, Region: region, Name: name})
}

func (w *world) config(k aws.Credentials) aws.Config {
	c := aws.Config{
		Region: region, BaseEndpoint: aws.String("http://127.0.0.1"), RetryMaxAttempts: 1,
		HTTPClient: &http.Client{Transport: w.server.Transport()}, Credentials: aws.AnonymousCredentials{},
	}
	if k.AccessKeyID != "" {
		c.Credentials = credentials.StaticCredentialsProvider{Value: k}
	}
	return c
}

func (w *world) iam() *iam.Client { return iam.NewFromConfig(w.config(w.admin)) }

// role makes a role that trusts a principal with some actions, and gives its
// ARN.
func (w *world) role(name, principal, actions, condition string) string {
	w.t.Helper()
	return w.trusting(name, fmt.Sprintf(`{"Version":"2012-10-17","Statement":[%s]}`, statement(principal, actions, condition)))
}

// statement allows actions, separated by spaces.
func statement(principal, actions, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return fmt.Sprintf(`{"Effect":"Allow","Principal":%s,"Action":["%s"]%s}`, principal, strings.Join(strings.Fields(actions), `","`), condition)
}

func (w *world) trusting(name, trust string) string {
	w.t.Helper()
	return *must[*iam.CreateRoleOutput](w.t)(w.iam().CreateRole(w.t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})).Role.Arn
}

// allow gives a role an inline policy.
func (w *world) allow(role, actions, resource string) {
	w.t.Helper()
	document := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["%s"],"Resource":"%s"}]}`, strings.Join(strings.Fields(actions), `","`), resource)
	must[*iam.PutRolePolicyOutput](w.t)(w.iam().PutRolePolicy(w.t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("p"), PolicyDocument: &document}))
}

func (w *world) assume(k aws.Credentials, in sts.AssumeRoleInput) (aws.Credentials, *sts.AssumeRoleOutput, error) {
	if in.RoleSessionName == nil {
		in.RoleSessionName = aws.String("me")
	}
	out, err := sts.NewFromConfig(w.config(k)).AssumeRole(w.t.Context(), &in)
	if err != nil {
		return aws.Credentials{}, nil, err
	}
	c := out.Credentials
	return aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}, out, nil
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// code is the code of AWS's error, empty for none.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)[:min(len(fmt.Sprint(err)), 60)]
}
