package kubernetes_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	labeks "github.com/atlas-iam/atlas-iam/emulator/eks"
)

const account = "111122223333"

// world is a lab with one cluster, whose API server is the test.
type world struct {
	t       *testing.T
	server  *emulator.Server
	now     time.Time // the lab's, whole seconds; it stands
	region  string
	admin   aws.Credentials
	token   string // of the API server
	refused []string
}

const cluster = "dev"

// newWorld makes a lab in which cluster is active in a mode, made by user
// creator.
func newWorld(t *testing.T, mode types.AuthenticationMode, more ...func(*emulator.Options)) *world {
	return newWorldIn(t, "us-east-1", mode, more...)
}

func newWorldIn(t *testing.T, region string, mode types.AuthenticationMode, more ...func(*emulator.Options)) *world {
	t.Helper()
	w := &world{t: t, now: time.Now().Truncate(time.Second), region: region}
	o := emulator.Options{
		Kubernetes: true, Now: func() time.Time { return w.now },
		Refused: func(_ call.ClusterKey, why error) { w.refused = append(w.refused, why.Error()) },
	}
	for _, f := range more {
		f(&o)
	}
	var err error
	if w.server, err = emulator.Open(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.server.Close() })
	keys, err := w.server.Account(account, region)
	if err != nil {
		t.Fatal(err)
	}
	w.admin = aws.Credentials{AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey, SessionToken: keys.SessionToken}
	creator := w.user("creator", "/")
	w.attachAdmin("creator")
	w.role("service", "/")
	w.makeCluster(creator, cluster, mode)
	w.token = w.serve(cluster)
	return w
}

func (w *world) partition() string {
	if strings.HasPrefix(w.region, "cn-") {
		return "aws-cn"
	}
	return "aws"
}

func (w *world) config(k aws.Credentials) aws.Config {
	return aws.Config{
		Region: w.region, BaseEndpoint: aws.String("http://127.0.0.1"), RetryMaxAttempts: 1,
		HTTPClient:  &http.Client{Transport: w.server.Transport()},
		Credentials: credentials.StaticCredentialsProvider{Value: k},
	}
}

func (w *world) eks() *eks.Client { return eks.NewFromConfig(w.config(w.admin)) }
func (w *world) iam() *iam.Client { return iam.NewFromConfig(w.config(w.admin)) }

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// user makes a user and gives its access key.
func (w *world) user(name, path string) aws.Credentials {
	w.t.Helper()
	must[*iam.CreateUserOutput](w.t)(w.iam().CreateUser(w.t.Context(), &iam.CreateUserInput{UserName: &name, Path: &path}))
	k := must[*iam.CreateAccessKeyOutput](w.t)(w.iam().CreateAccessKey(w.t.Context(), &iam.CreateAccessKeyInput{UserName: &name})).AccessKey
	return aws.Credentials{AccessKeyID: *k.AccessKeyId, SecretAccessKey: *k.SecretAccessKey}
}

func (w *world) attachAdmin(user string) {
	w.t.Helper()
	must[*iam.AttachUserPolicyOutput](w.t)(w.iam().AttachUserPolicy(w.t.Context(), &iam.AttachUserPolicyInput{
		UserName: &user, PolicyArn: aws.String("arn:" + w.partition() + ":iam::aws:policy/AdministratorAccess")}))
}

// role makes a role that the account may assume, and gives its ARN.
func (w *world) role(name, path string) string {
	w.t.Helper()
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:` + w.partition() + `:iam::` + account + `:root"},"Action":"sts:AssumeRole"}]}`
	out := must[*iam.CreateRoleOutput](w.t)(w.iam().CreateRole(w.t.Context(), &iam.CreateRoleInput{RoleName: &name, Path: &path, AssumeRolePolicyDocument: &trust}))
	return *out.Role.Arn
}

func (w *world) assume(arn, session string) aws.Credentials {
	w.t.Helper()
	c := must[*sts.AssumeRoleOutput](w.t)(sts.NewFromConfig(w.config(w.admin)).AssumeRole(w.t.Context(),
		&sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: &session})).Credentials
	return aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}
}

func (w *world) arn(resource string) string {
	return "arn:" + w.partition() + ":iam::" + account + ":" + resource
}

func (w *world) makeCluster(creator aws.Credentials, name string, mode types.AuthenticationMode) {
	w.t.Helper()
	must[*eks.CreateClusterOutput](w.t)(eks.NewFromConfig(w.config(creator)).CreateCluster(w.t.Context(), &eks.CreateClusterInput{
		Name: &name, RoleArn: aws.String(w.arn("role/service")), ResourcesVpcConfig: &types.VpcConfigRequest{SubnetIds: []string{"a", "b"}},
		AccessConfig: &types.CreateAccessConfigRequest{AuthenticationMode: mode},
	}))
}

// serve makes the test the API server of a cluster.
func (w *world) serve(name string) (token string) {
	w.t.Helper()
	for _, c := range must[[]labeks.Cluster](w.t)(w.server.Clusters()) {
		if c.Name != name {
			continue
		}
		token = w.server.APIServerToken(c.ClusterKey)
		err := w.server.APIServerReady(c, emulator.APIServer{Endpoint: "https://127.0.0.1:6443", CertificateAuthority: "Q0E="})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return token
}

func (w *world) entry(arn string, change ...func(*eks.CreateAccessEntryInput)) {
	w.t.Helper()
	in := &eks.CreateAccessEntryInput{ClusterName: aws.String(cluster), PrincipalArn: &arn}
	for _, f := range change {
		f(in)
	}
	must[*eks.CreateAccessEntryOutput](w.t)(w.eks().CreateAccessEntry(w.t.Context(), in))
}

func username(name string) func(*eks.CreateAccessEntryInput) {
	return func(in *eks.CreateAccessEntryInput) { in.Username = &name }
}

func groups(names ...string) func(*eks.CreateAccessEntryInput) {
	return func(in *eks.CreateAccessEntryInput) { in.KubernetesGroups = names }
}

func (w *world) associate(arn, policy string, namespaces ...string) {
	w.t.Helper()
	scope := &types.AccessScope{Type: types.AccessScopeTypeCluster}
	if len(namespaces) > 0 {
		scope = &types.AccessScope{Type: types.AccessScopeTypeNamespace, Namespaces: namespaces}
	}
	must[*eks.AssociateAccessPolicyOutput](w.t)(w.eks().AssociateAccessPolicy(w.t.Context(), &eks.AssociateAccessPolicyInput{
		ClusterName: aws.String(cluster), PrincipalArn: &arn, AccessScope: scope,
		PolicyArn: aws.String("arn:" + w.partition() + ":eks::aws:cluster-access-policy/" + policy),
	}))
}

// draft is a token before it is signed and before it is encoded.
type draft struct {
	url     string // without the signature's parameters
	header  string // the cluster's name in the signed header; empty: no such header
	service string
	region  string
	at      time.Time
	expires string
	signed  func(*url.URL) // changes what was signed
	encode  func(string) string
}

func (w *world) draft() *draft {
	return &draft{
		url: "https://sts." + w.region + ".amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15", header: cluster,
		service: "sts", region: w.region, at: w.now, expires: "60", signed: func(*url.URL) {},
		encode: func(s string) string { return "k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(s)) },
	}
}

// token signs a draft with the AWS SDK.
func (w *world) bearer(d *draft, k aws.Credentials) string {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodGet, d.url, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if d.expires != "" {
		r.URL.RawQuery += "&X-Amz-Expires=" + d.expires
	}
	if d.header != "" {
		r.Header.Set("x-k8s-aws-id", d.header)
	}
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	signed, _, err := v4.NewSigner().PresignHTTP(context.Background(), k, r, empty, d.service, d.region, d.at)
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := url.Parse(signed)
	if err != nil {
		w.t.Fatal(err)
	}
	d.signed(u)
	return d.encode(u.String())
}

// post sends a review to a webhook as the cluster's API server does.
func (w *world) post(path, token string, body any) (int, map[string]any) {
	w.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.send(http.MethodPost, path, token, b)
}

func (w *world) send(method, path, token string, body []byte) (int, map[string]any) {
	w.t.Helper()
	r := httptest.NewRequest(method, "http://127.0.0.1/_lab/kubernetes/"+path, bytes.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	rec := httptest.NewRecorder()
	w.server.ServeHTTP(rec, r)
	var out map[string]any
	_ = json.Unmarshal(rec.Body.Bytes(), &out)
	return rec.Code, out
}

func (w *world) path(route string) string {
	return account + "/" + w.region + "/" + cluster + "/" + route
}

type user struct {
	Username, UID string
	Groups        []string
	Extra         map[string][]string
}

// login gives whom the API server is told that a token's bearer is; status is
// that of the answer.
func (w *world) login(token string) (status int, u user) {
	w.t.Helper()
	status, out := w.post(w.path("token-review"), w.token, map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": map[string]any{"token": token},
	})
	var review struct {
		Kind   string
		Status struct {
			Authenticated bool
			User          user
		}
	}
	b, _ := json.Marshal(out)
	if err := json.Unmarshal(b, &review); err != nil || review.Kind != "TokenReview" || review.Status.Authenticated != (status == 200) {
		w.t.Fatalf("status %d with %s", status, b)
	}
	return status, review.Status.User
}

// why is the last refusal's reason.
func (w *world) why() string {
	if len(w.refused) == 0 {
		return ""
	}
	return w.refused[len(w.refused)-1]
}
