package eksauth_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/oidc/oidctest"
	"github.com/atlas-iam/atlas-iam/internal/lab/labtest"
)

const audience = "pods.eks.amazonaws.com"

// podTrust is the trust policy that the EKS User Guide gives for Pod Identity,
// with a condition. (pod-id-role)
func podTrust(condition string) string {
	return `{"Version":"2012-10-17","Statement":[` + labtest.Statement(`{"Service":"pods.eks.amazonaws.com"}`, "sts:AssumeRole sts:TagSession", condition) + `]}`
}

// associate gives a ServiceAccount of cluster dev, in namespace ops, a role.
func (w *world) associate(serviceAccount, role string, change ...func(*eks.CreatePodIdentityAssociationInput)) *eks.CreatePodIdentityAssociationOutput {
	w.T.Helper()
	in := &eks.CreatePodIdentityAssociationInput{ClusterName: aws.String("dev"), Namespace: aws.String("ops"), ServiceAccount: &serviceAccount, RoleArn: &role}
	for _, f := range change {
		f(in)
	}
	return labtest.Must[*eks.CreatePodIdentityAssociationOutput](w.T)(eks.NewFromConfig(w.Config(w.Admin)).CreatePodIdentityAssociation(w.T.Context(), in))
}

func (w *world) token(serviceAccount string) string {
	return w.Dev.Sign(w.T, w.Dev.Header(), w.Dev.Claims("ops", serviceAccount, audience, w.Now))
}

// reply is what EKS Auth answers.
type reply struct {
	status int
	code   string
	text   string

	Subject                struct{ Namespace, ServiceAccount string }
	Audience               string
	PodIdentityAssociation struct{ AssociationArn, AssociationId string }
	AssumedRoleUser        struct{ Arn, AssumeRoleId string }
	Credentials            struct {
		SessionToken, SecretAccessKey, AccessKeyId string
		Expiration                                 int64
	}
}

func (r reply) keys() aws.Credentials {
	return aws.Credentials{AccessKeyID: r.Credentials.AccessKeyId, SecretAccessKey: r.Credentials.SecretAccessKey, SessionToken: r.Credentials.SessionToken}
}

// ask asks EKS Auth with a token, as somebody.
func (w *world) ask(k aws.Credentials, cluster, token string) reply {
	w.T.Helper()
	body, err := json.Marshal(map[string]string{"token": token})
	if err != nil {
		w.T.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, "http://127.0.0.1/clusters/"+cluster+"/assume-role-for-pod-identity", bytes.NewReader(body))
	if err != nil {
		w.T.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(context.Background(), k, r, hex.EncodeToString(sum[:]), "eks-auth", region, w.Now); err != nil {
		w.T.Fatal(err)
	}
	rec := httptest.NewRecorder()
	w.Server.ServeHTTP(rec, r)
	out := reply{status: rec.Code, code: rec.Header().Get("X-Amzn-Errortype"), text: rec.Body.String()}
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		w.T.Fatalf("%d %s: %v", rec.Code, rec.Body, err)
	}
	return out
}

// shows: item S88
func TestAPodsTokenBecomesASessionOfItsAssociationsRole(t *testing.T) {
	w := newWorld(t)
	role := w.Trusting("yace", podTrust(`{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"ops","aws:RequestTag/kubernetes-service-account":"yace","aws:RequestTag/eks-cluster-arn":"arn:aws:eks:us-east-1:111122223333:cluster/dev"}}`))
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetRole","Resource":"arn:aws:iam::111122223333:role/${aws:PrincipalTag/kubernetes-namespace}-${aws:PrincipalTag/eks-cluster-name}-${aws:PrincipalTag/kubernetes-pod-name}"}]}`
	labtest.Must[*iam.PutRolePolicyOutput](t)(w.IAM().PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("yace"), PolicyName: aws.String("p"), PolicyDocument: &document}))
	w.Role("ops-dev-web-0", `{"Service":"ec2.amazonaws.com"}`, "sts:AssumeRole", "")
	a := w.associate("yace", role).Association
	got := w.ask(w.Admin, "dev", w.token("yace"))
	if got.status != 200 || got.Subject.Namespace != "ops" || got.Subject.ServiceAccount != "yace" || got.Audience != audience ||
		got.PodIdentityAssociation.AssociationArn != *a.AssociationArn || got.PodIdentityAssociation.AssociationId != *a.AssociationId ||
		got.Credentials.Expiration != w.Now.Add(6*time.Hour).Unix() {
		t.Fatalf("%d %s", got.status, got.text)
	}
	name := regexp.MustCompile(`^arn:aws:sts::111122223333:assumed-role/yace/(eks-dev-web-0-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})$`).FindStringSubmatch(got.AssumedRoleUser.Arn)
	if name == nil || !strings.HasSuffix(got.AssumedRoleUser.AssumeRoleId, ":"+name[1]) {
		t.Errorf("the session is %s, %s", got.AssumedRoleUser.Arn, got.AssumedRoleUser.AssumeRoleId)
	}
	who := labtest.Must[*sts.GetCallerIdentityOutput](t)(sts.NewFromConfig(w.Config(got.keys())).GetCallerIdentity(t.Context(), nil))
	if *who.Arn != got.AssumedRoleUser.Arn {
		t.Errorf("I am %s", *who.Arn)
	}
	as := iam.NewFromConfig(w.Config(got.keys()))
	labtest.Must[*iam.GetRoleOutput](t)(as.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("ops-dev-web-0")}))
	if _, err := as.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("yace")}); labtest.Code(err) != "AccessDenied" {
		t.Errorf("a role that the pod's tags do not name: %v", err)
	}
}

// shows: item S88
func TestWhatIsNoPodsOfTheAssociationIsRefused(t *testing.T) {
	w := newWorld(t)
	role := w.Trusting("yace", podTrust(`{"StringEquals":{"aws:RequestTag/kubernetes-service-account":"yace"}}`))
	w.associate("yace", role)
	w.associate("loki", role)
	node := w.Role("node", `{"AWS":"111122223333"}`, "sts:AssumeRole", "")
	idle, _, err := w.Assume(w.Admin, sts.AssumeRoleInput{RoleArn: &node})
	if err != nil {
		t.Fatal(err)
	}
	w.Allow("node", "eks-auth:AssumeRoleForPodIdentity", "arn:aws:eks:us-east-1:111122223333:cluster/dev")
	w.Cluster("other")
	unbound := w.Dev.Claims("ops", "yace", audience, w.Now)
	delete(unbound["kubernetes.io"].(map[string]any), "pod")
	for _, c := range []struct {
		what, cluster, token string
		status               int
		code, text           string
	}{
		{"as it should be", "dev", w.token("yace"), 200, "", ""},
		{"a role that does not trust this ServiceAccount", "dev", w.token("loki"), 400, "AccessDeniedException", "EKS does not have permissions to assume the associated role"},
		{"no association", "dev", w.token("tempo"), 404, "ResourceNotFoundException", "ops/tempo"},
		{"no such cluster", "test", w.token("yace"), 400, "AccessDeniedException", "eks-auth:AssumeRoleForPodIdentity on resource: arn:aws:eks:us-east-1:111122223333:cluster/test"},
		{"another cluster, which the node may not ask for", "other", w.token("yace"), 400, "AccessDeniedException", "cluster/other"},
		{"a name that is none", "%2e", w.token("yace"), 400, "InvalidParameterException", ""},
		{"no token", "dev", "", 400, "InvalidParameterException", ""},
		{"bound to no pod", "dev", w.Dev.Sign(t, w.Dev.Header(), unbound), 400, "InvalidTokenException", "pod"},
	} {
		if got := w.ask(idle, c.cluster, c.token); got.status != c.status || got.code != c.code || !strings.Contains(got.text, c.text) {
			t.Errorf("%s: %d %s, want %d %s %s", c.what, got.status, got.text, c.status, c.code, c.text)
		}
	}
	for cluster, want := range map[string]string{"other": "InvalidTokenException", "test": "ResourceNotFoundException"} {
		if got := w.ask(w.Admin, cluster, w.token("yace")); got.code != want {
			t.Errorf("cluster %s: %s, want %s", cluster, got.text, want)
		}
	}
	if got := w.ask(w.Admin, "dev", w.token("yace")); got.status != 200 {
		t.Errorf("the twin: %s", got.text)
	}
}

// shows: item S90
func TestHostilePodTokensAreRefused(t *testing.T) {
	w := newWorld(t)
	w.associate("yace", w.Trusting("yace", podTrust("")))
	w.addAgent()
	codes := map[oidctest.Why]string{oidctest.Expired: "ExpiredTokenException"} // others: InvalidTokenException
	cases := oidctest.Hostile(t, w.Dev, w.Cluster("other"), "ops", "yace", audience, w.Now)
	if len(cases) < 15 {
		t.Errorf("%d hostile tokens", len(cases))
	}
	for _, c := range cases {
		want := codes[c.Why]
		if want == "" {
			want = "InvalidTokenException"
		}
		if got := w.ask(w.Admin, "dev", c.Token); got.code != want || got.status != 400 {
			t.Errorf("%s: %d %s, want %s", c.Name, got.status, got.text, want)
		}
		if got := w.ask(w.Admin, "dev", c.Twin); got.status != 200 {
			t.Errorf("the twin of %q: %d %s", c.Name, got.status, got.text)
		}
		if status, text := w.agent(c.Token); status != 400 {
			t.Errorf("%s: the agent says %d %s", c.Name, status, text)
		}
	}
}

// shows: item S90
func TestAPodTokenOfAKeyThatWasRotatedAwayIsRefused(t *testing.T) {
	w := newWorld(t)
	w.associate("yace", w.Trusting("yace", podTrust("")))
	labtest.Must[string](t)(w.Server.RotateKeys(call.ClusterKey{Account: account, Region: region, Name: "dev"}))
	w.Now = w.Now.Add(24*time.Hour - time.Second)
	if got := w.ask(w.Admin, "dev", w.token("yace")); got.status != 200 {
		t.Errorf("before its time is over: %s", got.text)
	}
	w.Now = w.Now.Add(time.Second)
	if got := w.ask(w.Admin, "dev", w.token("yace")); got.code != "InvalidTokenException" {
		t.Errorf("after it: %d %s", got.status, got.text)
	}
}

// shows: item S88
func TestATargetRoleIsReachedByTheSessionsTags(t *testing.T) {
	w := newWorld(t)
	near := w.Trusting("near", podTrust(""))
	far := w.Caller("444455556666")
	farIAM := iam.NewFromConfig(w.Config(far))
	target := func(name, condition string) string {
		return *labtest.Must[*iam.CreateRoleOutput](t)(farIAM.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name,
			AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` + labtest.Statement(`{"AWS":"arn:aws:iam::111122223333:role/near"}`, "sts:AssumeRole sts:TagSession", condition) + `]}`)})).Role.Arn
	}
	ours := target("ours", `{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"ops","aws:RequestTag/eks-cluster-arn":"arn:aws:eks:us-east-1:111122223333:cluster/dev"}}`)
	others := target("others", `{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"dev"}}`)
	external := target("external", `{"StringEquals":{"sts:ExternalId":"us-east-1/111122223333/dev/ops/external"}}`)
	w.Allow("near", "sts:AssumeRole sts:TagSession", "arn:aws:iam::444455556666:role/*")
	to := func(role string, untagged bool) func(*eks.CreatePodIdentityAssociationInput) {
		return func(in *eks.CreatePodIdentityAssociationInput) {
			in.TargetRoleArn, in.DisableSessionTags = &role, &untagged
		}
	}
	w.associate("ours", near, to(ours, false))
	w.associate("others", near, to(others, false))
	w.associate("untagged", near, to(ours, true))
	w.associate("external", near, to(external, true))
	w.associate("tagged", near, to(external, false))
	for account, want := range map[string]string{"ours": "", "others": "AccessDeniedException", "untagged": "AccessDeniedException", "external": "", "tagged": "AccessDeniedException"} {
		got := w.ask(w.Admin, "dev", w.token(account))
		if got.code != want {
			t.Errorf("%s: %d %s, want %q", account, got.status, got.text, want)
		}
		if want == "" && (!strings.HasPrefix(got.AssumedRoleUser.Arn, "arn:aws:sts::444455556666:assumed-role/"+account+"/eks-dev-") || got.Credentials.Expiration != w.Now.Add(time.Hour).Unix()) {
			t.Errorf("%s: %s", account, got.text)
		}
	}
}

// shows: item S88
func TestASessionPolicyLimitsTheRole(t *testing.T) {
	w := newWorld(t)
	role := w.Trusting("reader", podTrust(""))
	w.Allow("reader", "iam:ListUsers iam:ListRoles", "*")
	w.associate("whole", role)
	w.associate("limited", role, func(in *eks.CreatePodIdentityAssociationInput) {
		in.DisableSessionTags = aws.Bool(true)
		in.Policy = aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:ListUsers","iam:ListPolicies"],"Resource":"*"}]}`)
	})
	for account, want := range map[string]string{"whole": "<nil> <nil> AccessDenied", "limited": "<nil> AccessDenied AccessDenied"} {
		as := iam.NewFromConfig(w.Config(w.ask(w.Admin, "dev", w.token(account)).keys()))
		_, err1 := as.ListUsers(t.Context(), nil)
		_, err2 := as.ListRoles(t.Context(), nil)
		_, err3 := as.ListPolicies(t.Context(), nil)
		if got := fmt.Sprint(labtest.Code(err1), " ", labtest.Code(err2), " ", labtest.Code(err3)); got != want {
			t.Errorf("%s: users, roles, policies: %s, want %s", account, got, want)
		}
	}
}

func (w *world) addAgent() {
	w.T.Helper()
	labtest.Must[*eks.CreateAddonOutput](w.T)(eks.NewFromConfig(w.Config(w.Admin)).CreateAddon(w.T.Context(), &eks.CreateAddonInput{
		ClusterName: aws.String("dev"), AddonName: aws.String("eks-pod-identity-agent")}))
}

// agent asks the agent's endpoint with a token.
func (w *world) agent(token string, change ...func(*http.Request)) (int, string) {
	w.T.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:4566/v1/credentials", nil)
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	for _, f := range change {
		f(r)
	}
	rec := httptest.NewRecorder()
	w.Server.ServeHTTP(rec, r)
	return rec.Code, rec.Body.String()
}

// shows: item S88
func TestTheAgentsEndpointGivesAPodItsCredentials(t *testing.T) {
	w := newWorld(t)
	w.associate("yace", w.Trusting("yace", podTrust("")))
	if status, text := w.agent(w.token("yace")); status != 404 || !strings.Contains(text, "eks-pod-identity-agent") {
		t.Errorf("without the add-on: %d %s", status, text)
	}
	w.addAgent()
	status, text := w.agent(w.token("yace"))
	var got struct{ AccessKeyId, SecretAccessKey, Token, AccountId, Expiration string }
	if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 || got.AccountId != account {
		t.Fatalf("%d %s", status, text)
	}
	if until, err := time.Parse(time.RFC3339Nano, got.Expiration); err != nil || !until.Equal(w.Now.Add(6*time.Hour)) {
		t.Errorf("until %s", got.Expiration)
	}
	k := aws.Credentials{AccessKeyID: got.AccessKeyId, SecretAccessKey: got.SecretAccessKey, SessionToken: got.Token}
	if who := labtest.Must[*sts.GetCallerIdentityOutput](t)(sts.NewFromConfig(w.Config(k)).GetCallerIdentity(t.Context(), nil)); !strings.Contains(*who.Arn, "assumed-role/yace/eks-dev-web-0-") {
		t.Errorf("I am %s", *who.Arn)
	}
	for _, c := range []struct {
		what, token string
		change      func(*http.Request)
		status      int
		text        string
	}{
		{"no token", "", nil, 400, "cannot be empty"},
		{"a bearer's", "Bearer " + w.token("yace"), nil, 400, "cannot be parsed"},
		{"no association", w.token("tempo"), nil, 404, "(ResourceNotFoundException): "},
		{"another host", w.token("yace"), func(r *http.Request) { r.Host = "rebound.example" }, 403, ""},
		{"another method", w.token("yace"), func(r *http.Request) { r.Method = http.MethodPost }, 405, ""},
	} {
		if c.change == nil {
			c.change = func(*http.Request) {}
		}
		if status, text := w.agent(c.token, c.change); status != c.status || !strings.Contains(text, c.text) {
			t.Errorf("%s: %d %s", c.what, status, text)
		}
	}
}
