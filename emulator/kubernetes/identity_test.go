package kubernetes_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"
)

func (w *world) tellAuthMap(data map[string]string) {
	w.t.Helper()
	b, err := json.Marshal(data)
	if err != nil {
		w.t.Fatal(err)
	}
	if status, out := w.send("PUT", w.path("aws-auth"), w.token, b); status != 200 {
		w.t.Fatalf("tell of aws-auth: %d %v", status, out)
	}
}

// The API server is told name, groups and extra fields as EKS's is. (aws-facts
// 2.10)
//
// shows: item S46
func TestWhomTheAPIServerIsTold(t *testing.T) {
	w := newWorld(t, types.AuthenticationModeApi)
	role := w.role("dev", "/team/a/")
	w.entry(role, groups("devs", "all"))
	session := w.assume(role, "ann@example.com")
	status, got := w.login(w.bearer(w.draft(), session))
	out := must[*iam.GetRoleOutput](t)(w.iam().GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("dev")}))
	id := *out.Role.RoleId
	want := user{
		Username: "arn:aws:sts::" + account + ":assumed-role/dev/ann-example.com", UID: "aws-iam-authenticator:" + account + ":" + id,
		Groups: []string{"devs", "all"},
		Extra: map[string][]string{
			"arn":          {"arn:aws:sts::" + account + ":assumed-role/dev/ann@example.com"},
			"canonicalArn": {"arn:aws:iam::" + account + ":role/dev"}, "sessionName": {"ann@example.com"},
			"accessKeyId": {session.AccessKeyID}, "principalId": {id}, "sigs.k8s.io/aws-iam-authenticator/principalId": {id},
		},
	}
	if d := cmp.Diff(want, got); d != "" || status != 200 {
		t.Errorf("%d %s\n%s", status, w.why(), d)
	}

	ann := w.user("ann", "/team/")
	w.entry(w.arn("user/team/ann"))
	_, got = w.login(w.bearer(w.draft(), ann))
	if got.Username != w.arn("user/team/ann") || len(got.Groups) != 0 || !slices.Equal(got.Extra["sessionName"], []string{""}) {
		t.Errorf("a user: %+v", got)
	}
}

// An entry is its principal's for as long as that one lives; templates are
// filled at login, and reserved names are refused there again. (aws-facts 2.3,
// 2.4)
//
// shows: item S46
func TestEntriesMapTheirPrincipal(t *testing.T) {
	w := newWorld(t, types.AuthenticationModeApi)
	role := w.role("dev", "/")
	w.entry(role, username("ci:{{SessionName}}"), groups("g"))
	if _, u := w.login(w.bearer(w.draft(), w.assume(role, "job@1"))); u.Username != "ci:job-1" {
		t.Errorf("a template: %+v", u)
	}
	raw := w.role("raw", "/")
	w.entry(raw, username("ci:{{SessionNameRaw}}"))
	if _, u := w.login(w.bearer(w.draft(), w.assume(raw, "job@1"))); u.Username != "ci:job@1" {
		t.Errorf("a raw template: %+v", u)
	}
	node := w.role("node", "/")
	w.entry(node, func(in *eks.CreateAccessEntryInput) { in.Type = aws.String("EC2_LINUX") })
	if status, _ := w.login(w.bearer(w.draft(), w.assume(node, "ann"))); status != 403 || !strings.Contains(w.why(), "not named by an instance") {
		t.Errorf("a node's role in somebody's hands: %d %s", status, w.why())
	}
	fargate := w.role("fargate", "/")
	w.entry(fargate, func(in *eks.CreateAccessEntryInput) { in.Type = aws.String("FARGATE_LINUX") })
	if _, u := w.login(w.bearer(w.draft(), w.assume(fargate, "pod-1"))); u.Username != "system:node:pod-1" || !slices.Equal(u.Groups, []string{"system:nodes"}) {
		t.Errorf("a node's own name is no reserved one: %+v", u)
	}
	own := w.role("own", "/")
	w.entry(own, username("{{AccountID}}:{{SessionName}}"))
	if status, u := w.login(w.bearer(w.draft(), w.assume(own, "me"))); status != 200 || u.Username != account+":me" {
		t.Errorf("an account's name: %d %+v", status, u)
	}

	// Made again, the role is another one.
	name := aws.String("dev")
	must[*iam.DeleteRoleOutput](t)(w.iam().DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: name}))
	w.role("dev", "/")
	session := w.assume(role, "job")
	if status, _ := w.login(w.bearer(w.draft(), session)); status != 403 {
		t.Error("the entry of a role that was made again let its heir in")
	}
	must[*eks.DeleteAccessEntryOutput](t)(w.eks().DeleteAccessEntry(t.Context(), &eks.DeleteAccessEntryInput{ClusterName: aws.String(cluster), PrincipalArn: &role}))
	w.entry(role)
	if status, _ := w.login(w.bearer(w.draft(), session)); status != 200 {
		t.Errorf("an entry made anew: %d %s", status, w.why())
	}
}

// Where principals are looked up depends on the mode; an entry overrides
// aws-auth whole. (aws-facts 2.7)
//
// shows: item S46
func TestModesAndAWSAuth(t *testing.T) {
	w := newWorld(t, types.AuthenticationModeConfigMap)
	admin := must[*iam.CreateAccessKeyOutput](t)(w.iam().CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("creator")})).AccessKey
	creator := aws.Credentials{AccessKeyID: *admin.AccessKeyId, SecretAccessKey: *admin.SecretAccessKey}
	ann, bob := w.user("ann", "/"), w.user("bob", "/")
	dev := w.role("dev", "/team/")
	session := w.assume(dev, "job")
	w.tellAuthMap(map[string]string{
		"mapUsers": "- {userarn: " + w.arn("user/ann") + ", username: ann, groups: [\"system:masters\", from-aws-auth]}",
		"mapRoles": "- {rolearn: " + w.arn("role/dev") + ", username: \"dev:{{SessionName}}\", groups: [\"g-{{AccountID}}\"]}",
	})
	who := func(k aws.Credentials) string {
		status, u := w.login(w.bearer(w.draft(), k))
		if status != 200 {
			return "nobody"
		}
		return strings.Join(append([]string{u.Username}, u.Groups...), " ")
	}
	check := func(when, c, a, b, s string) {
		t.Helper()
		if got, want := [4]string{who(creator), who(ann), who(bob), who(session)}, [4]string{c, a, b, s}; got != want {
			t.Errorf("%s:\n got %q\nwant %q", when, got, want)
		}
	}
	mode := func(m types.AuthenticationMode) {
		t.Helper()
		must[*eks.UpdateClusterConfigOutput](t)(w.eks().UpdateClusterConfig(t.Context(), &eks.UpdateClusterConfigInput{
			Name: aws.String(cluster), AccessConfig: &types.UpdateAccessConfigRequest{AuthenticationMode: m}}))
	}
	check("CONFIG_MAP", "kubernetes-admin system:masters", "ann system:masters from-aws-auth", "nobody", "dev:job g-"+account)
	mode(types.AuthenticationModeApiAndConfigMap)
	check("both, the creator by his entry", w.arn("user/creator"), "ann system:masters from-aws-auth", "nobody", "dev:job g-"+account)
	w.entry(w.arn("user/ann"), groups("from-entry"))
	w.entry(w.arn("user/bob"), username("bob"))
	check("both, ann by her entry alone", w.arn("user/creator"), w.arn("user/ann")+" from-entry", "bob", "dev:job g-"+account)
	w.tellAuthMap(nil)
	check("aws-auth is gone", w.arn("user/creator"), w.arn("user/ann")+" from-entry", "bob", "nobody")
	w.tellAuthMap(map[string]string{"mapAccounts": "- \"" + account + "\""})
	check("whole accounts", w.arn("user/creator"), w.arn("user/ann")+" from-entry", "bob", w.arn("role/dev"))
	mode(types.AuthenticationModeApi)
	check("API", w.arn("user/creator"), w.arn("user/ann")+" from-entry", "bob", "nobody")
	must[*eks.DeleteAccessEntryOutput](t)(w.eks().DeleteAccessEntry(t.Context(), &eks.DeleteAccessEntryInput{ClusterName: aws.String(cluster), PrincipalArn: aws.String(w.arn("user/creator"))}))
	check("the creator's entry is gone", "nobody", w.arn("user/ann")+" from-entry", "bob", "nobody")
}

// The webhooks answer to the cluster's own API server alone.
func TestWebhooksAnswerOneAPIServer(t *testing.T) {
	w := newWorld(t, types.AuthenticationModeApi)
	w.makeCluster(w.admin, "other", types.AuthenticationModeApi)
	other := w.serve("other")
	body := map[string]any{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": map[string]any{"token": w.bearer(w.draft(), w.user("ann", "/"))}}
	w.entry(w.arn("user/ann"))
	for name, c := range map[string]struct {
		path, token string
		want        int
	}{
		"its own token":          {w.path("token-review"), w.token, 200},
		"no token":               {w.path("token-review"), "", 401},
		"another cluster's":      {w.path("token-review"), other, 401},
		"another's cluster":      {account + "/us-east-1/other/token-review", w.token, 401},
		"a cluster of nobody's":  {account + "/us-east-1/none/token-review", w.token, 401},
		"another route":          {w.path("tokens"), w.token, 404},
		"a route that is longer": {w.path("token-review/x"), w.token, 404},
	} {
		if got, _ := w.post(c.path, c.token, body); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	r := httptest.NewRequest("POST", "http://127.0.0.1/_lab/kubernetes/"+w.path("token-review"), http.NoBody)
	r.Header.Set("Authorization", "Bearer "+w.token)
	r.Header.Set("Origin", "http://evil.example")
	rec := httptest.NewRecorder()
	if w.server.ServeHTTP(rec, r); rec.Code != 403 {
		t.Errorf("a page in a browser: %d", rec.Code)
	}
	first := w.token
	w.token = w.serve(cluster) // it was started again
	if got, _ := w.post(w.path("token-review"), first, body); got != 401 {
		t.Errorf("the token of the one before: %d", got)
	}
	if got, _ := w.post(w.path("token-review"), w.token, body); got != 200 {
		t.Errorf("the new one's: %d", got)
	}
	if got, _ := w.post(w.path("token-review"), w.token, map[string]any{"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1beta1"}); got != 400 {
		t.Errorf("an old version: %d", got)
	}
}

// While a cluster's API server serves, DescribeCluster shows it; a cluster is
// being made until then, and has failed if it never came.
func TestAClusterIsActiveWhenItsAPIServerIs(t *testing.T) {
	w := newWorld(t, types.AuthenticationModeApi)
	describe := func(name string) *types.Cluster {
		t.Helper()
		return must[*eks.DescribeClusterOutput](t)(w.eks().DescribeCluster(t.Context(), &eks.DescribeClusterInput{Name: &name})).Cluster
	}
	if c := describe(cluster); c.Status != "ACTIVE" || *c.Endpoint != "https://127.0.0.1:6443" || *c.CertificateAuthority.Data != "Q0E=" {
		t.Errorf("served: %s %v %v", c.Status, c.Endpoint, c.CertificateAuthority)
	}
}

// shows: item S44
func TestARefusedLoginIsToldWithTheCallersName(t *testing.T) {
	w := newWorld(t, types.AuthenticationModeApiAndConfigMap)
	stranger := w.user("stranger", "/people/")
	if status, _ := w.login(w.bearer(w.draft(), stranger)); status != 403 || !strings.HasPrefix(w.why(), "arn:aws:iam::"+account+":user/people/stranger is not mapped: no access entry") {
		t.Errorf("a stranger: %d %s", status, w.why())
	}
	arn := "arn:aws:iam::" + account + ":user/people/stranger"
	must[*eks.CreateAccessEntryOutput](t)(w.eks().CreateAccessEntry(t.Context(), &eks.CreateAccessEntryInput{ClusterName: aws.String(cluster), PrincipalArn: &arn}))
	if status, _ := w.login(w.bearer(w.draft(), stranger)); status != 200 {
		t.Errorf("with an entry: %d %s", status, w.why())
	}
}
