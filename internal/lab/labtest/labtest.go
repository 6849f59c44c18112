// Package labtest is a lab in the process with one cluster whose API server is
// the test, for tests of what the lab does with tokens.
package labtest

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

// The account and the region of the cluster.
const Account, Region = "111122223333", "us-east-1"

// World is a lab with a cluster, "dev", whose API server is the test.
type World struct {
	T      *testing.T
	Server *emulator.Server
	Now    time.Time       // the lab's; it stands
	Admin  aws.Credentials // of the lab's caller
	Dev    oidctest.Issuer
}

// New makes one.
func New(t *testing.T) *World {
	t.Helper()
	w := &World{T: t, Now: time.Now().Truncate(time.Second)}
	var err error
	if w.Server, err = emulator.Open(emulator.Options{Now: func() time.Time { return w.Now }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Server.Close() })
	w.Admin = w.Caller(Account)
	w.Role("service", `{"Service":"eks.amazonaws.com"}`, "sts:AssumeRole", "")
	w.Dev = w.Cluster("dev")
	return w
}

// Caller makes an account and gives the keys of the lab's caller there.
func (w *World) Caller(account string) aws.Credentials {
	w.T.Helper()
	k := Must[emulator.Keys](w.T)(w.Server.Account(account, Region))
	return aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken}
}

// Cluster makes a cluster of the account and gives its issuer.
func (w *World) Cluster(name string) oidctest.Issuer {
	w.T.Helper()
	Must[*eks.CreateClusterOutput](w.T)(eks.NewFromConfig(w.Config(w.Admin)).CreateCluster(w.T.Context(), &eks.CreateClusterInput{
		Name: &name, RoleArn: aws.String("arn:aws:iam::" + Account + ":role/service"), ResourcesVpcConfig: &ekstypes.VpcConfigRequest{SubnetIds: []string{"a", "b"}},
	}))
	return oidctest.Of(w.T, w.Server, call.ClusterKey{Account: Account, Region: Region, Name: name})
}

// Config is how an SDK client reaches the lab with keys, or without if they are
// the zero value.
func (w *World) Config(k aws.Credentials) aws.Config {
	c := aws.Config{
		Region: Region, BaseEndpoint: aws.String("http://127.0.0.1"), RetryMaxAttempts: 1,
		HTTPClient: &http.Client{Transport: w.Server.Transport()}, Credentials: aws.AnonymousCredentials{},
	}
	if k.AccessKeyID != "" {
		c.Credentials = credentials.StaticCredentialsProvider{Value: k}
	}
	return c
}

// IAM is a client of the lab's caller.
func (w *World) IAM() *iam.Client { return iam.NewFromConfig(w.Config(w.Admin)) }

// Role makes a role that trusts a principal with some actions, and gives its
// ARN.
func (w *World) Role(name, principal, actions, condition string) string {
	w.T.Helper()
	return w.Trusting(name, fmt.Sprintf(`{"Version":"2012-10-17","Statement":[%s]}`, Statement(principal, actions, condition)))
}

// Statement allows actions, separated by spaces.
func Statement(principal, actions, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return fmt.Sprintf(`{"Effect":"Allow","Principal":%s,"Action":["%s"]%s}`, principal, strings.Join(strings.Fields(actions), `","`), condition)
}

// Trusting makes a role of a trust policy, and gives its ARN.
func (w *World) Trusting(name, trust string) string {
	w.T.Helper()
	return *Must[*iam.CreateRoleOutput](w.T)(w.IAM().CreateRole(w.T.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})).Role.Arn
}

// Allow gives a role an inline policy.
func (w *World) Allow(role, actions, resource string) {
	w.T.Helper()
	document := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["%s"],"Resource":"%s"}]}`, strings.Join(strings.Fields(actions), `","`), resource)
	Must[*iam.PutRolePolicyOutput](w.T)(w.IAM().PutRolePolicy(w.T.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("p"), PolicyDocument: &document}))
}

// Assume assumes a role; the session is called me if it has no name.
func (w *World) Assume(k aws.Credentials, in sts.AssumeRoleInput) (aws.Credentials, *sts.AssumeRoleOutput, error) {
	if in.RoleSessionName == nil {
		in.RoleSessionName = aws.String("me")
	}
	out, err := sts.NewFromConfig(w.Config(k)).AssumeRole(w.T.Context(), &in)
	if err != nil {
		return aws.Credentials{}, nil, err
	}
	c := out.Credentials
	return aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}, out, nil
}

// Must gives a call's answer, and ends the test with its error.
func Must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// Code is the code of AWS's error, empty for none.
func Code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)[:min(len(fmt.Sprint(err)), 60)]
}
