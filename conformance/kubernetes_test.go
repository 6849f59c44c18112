//go:build conformance || bench

package conformance

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// kubernetesLab starts a lab of the test's own whose clusters have API servers.
func kubernetesLab(t *testing.T, file string) (endpoint string) {
	t.Helper()
	needsAPIServers(t)
	return lab(t, "--kubernetes", "--lab", file)
}

// needsAPIServers leaves a test out where no lab with API servers can be had.
func needsAPIServers(t *testing.T) {
	t.Helper()
	path := os.Getenv("ATLAS_IAM_KUBELAB")
	if path == "" {
		path = filepath.Join(filepath.Dir(atlas(t)), "atlas-iam-kubelab")
	}
	if _, err := exec.LookPath(path); err != nil {
		missing(t, "atlas-iam-kubelab (make kubelab)")
	}
	if os.Getenv("ATLAS_ENDPOINT") != "" {
		skip(t, "it needs a lab of its own, with API servers")
	}
}

// hands are the AWS CLI and kubectl in the hands of several people, each with
// a profile of the AWS CLI and a context of kubectl's.
type hands struct {
	*cli    // the account's administrator
	kubectl string
	home    string
}

func newHands(t *testing.T, endpoint string) *hands {
	t.Helper()
	p := &hands{cli: newCLI(t, endpoint, newAccount()), kubectl: program(t, "kubectl", "version", "--client"), home: t.TempDir()}
	for _, name := range []string{"config", "credentials"} {
		write(t, filepath.Join(p.home, name), "")
	}
	return p
}

// profile adds a profile of the AWS CLI.
func (p *hands) profile(name, key, secret, token string) {
	p.t.Helper()
	add := func(file, text string) {
		f, err := os.OpenFile(filepath.Join(p.home, file), os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = io.WriteString(f, text)
			f.Close()
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
	add("config", fmt.Sprintf("[profile %s]\nregion = us-east-1\noutput = json\n", name))
	add("credentials", fmt.Sprintf("[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", name, key, secret))
	if token != "" {
		add("credentials", "aws_session_token = "+token+"\n")
	}
}

// as is the environment in which the profiles are used, and none of the
// administrator's credentials.
func (p *hands) as() []string {
	var env []string
	for _, kv := range p.env {
		if k, _, _ := strings.Cut(kv, "="); k == "AWS_ENDPOINT_URL" || !strings.HasPrefix(k, "AWS_") {
			env = append(env, kv)
		}
	}
	return append(env, "AWS_CONFIG_FILE="+filepath.Join(p.home, "config"), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(p.home, "credentials"),
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "KUBECONFIG="+filepath.Join(p.home, "kubeconfig"), "HOME="+p.home)
}

// newUser makes an IAM user who may describe clusters, and a profile of his.
func (p *hands) newUser(name string) {
	p.t.Helper()
	p.ok(nil, "iam", "create-user", "--user-name", name)
	p.ok(nil, "iam", "put-user-policy", "--user-name", name, "--policy-name", "describe", "--policy-document",
		`{"Version":"2012-10-17","Statement":[{"Sid":"Statement1","Effect":"Allow","Action":["eks:DescribeCluster"],"Resource":["*"]}]}`)
	var out struct {
		AccessKey struct{ AccessKeyID, SecretAccessKey string }
	}
	p.ok(&out, "iam", "create-access-key", "--user-name", name)
	p.profile(name, out.AccessKey.AccessKeyID, out.AccessKey.SecretAccessKey, "")
}

// newRole makes a role, its rights, and a profile of a session of it.
func (p *hands) newRole(name, session, policy string) {
	p.t.Helper()
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + p.account + `:root"},"Action":"sts:AssumeRole"}]}`
	p.ok(nil, "iam", "create-role", "--role-name", name, "--assume-role-policy-document", trust)
	p.ok(nil, "iam", "attach-role-policy", "--role-name", name, "--policy-arn", "arn:aws:iam::aws:policy/"+policy)
	var out struct {
		Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken string }
	}
	p.ok(&out, "sts", "assume-role", "--role-arn", p.role(name), "--role-session-name", session)
	p.profile(name, out.Credentials.AccessKeyID, out.Credentials.SecretAccessKey, out.Credentials.SessionToken)
}

// context gives somebody a context of kubectl's for a cluster. Without a name
// of its own its user would be named by the cluster, and be the last one's.
func (p *hands) context(profile, cluster, alias string) {
	p.t.Helper()
	out := run(p.t, p.home, p.as(), 0, p.path, "--profile", profile, "eks", "update-kubeconfig", "--name", cluster, "--alias", alias, "--user-alias", alias)
	if !strings.Contains(out, "context "+alias) {
		p.t.Errorf("update-kubeconfig printed %s", out)
	}
}

// kube runs kubectl in a context and gives what it prints.
func (p *hands) kube(context string, code int, args ...string) string {
	p.t.Helper()
	return run(p.t, p.home, p.as(), code, p.kubectl, append([]string{"--context", context}, args...)...)
}

// can asks `kubectl auth can-i`, which prints yes or no and exits 0 or 1.
func (p *hands) can(context, want, question string) {
	p.t.Helper()
	code := 1
	if want == "yes" {
		code = 0
	}
	out := strings.TrimSpace(p.kube(context, code, append([]string{"auth", "can-i"}, strings.Fields(question)...)...))
	if last := out[strings.LastIndexByte(out, '\n')+1:]; last != want && !strings.HasPrefix(last, want+" - ") {
		p.t.Errorf("%s: can-i %s: %s, want %s", context, question, out, want)
	}
}

// nobody checks that the API server does not know who is asking.
func (p *hands) nobody(context string) {
	p.t.Helper()
	if out := p.kube(context, 1, "auth", "whoami"); !strings.Contains(out, "Unauthorized") {
		p.t.Errorf("%s: %s, want Unauthorized", context, out)
	}
}

// makeCluster makes a cluster as somebody and waits until it is active. The
// CLI's own waiter would look each half minute.
func (p *hands) makeCluster(profile, name, mode string) {
	p.t.Helper()
	run(p.t, p.home, p.as(), 0, p.path, "--profile", profile, "eks", "create-cluster", "--name", name, "--role-arn", p.role("cluster-service"),
		"--resources-vpc-config", "subnetIds=subnet-1,subnet-2", "--access-config", "authenticationMode="+mode)
	p.active(name)
}

func (p *hands) active(name string) {
	p.t.Helper()
	var status string
	for deadline := time.Now().Add(4 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if p.ok(&status, "eks", "describe-cluster", "--name", name, "--query", "cluster.status"); status != "CREATING" && status != "UPDATING" {
			break
		}
	}
	if status != "ACTIVE" {
		p.t.Fatalf("cluster %s is %s", name, status)
	}
}

func (p *hands) serviceRole() {
	p.t.Helper()
	p.ok(nil, "iam", "create-role", "--role-name", "cluster-service", "--assume-role-policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"eks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
}

func (p *hands) associate(principal, policy, scope string) {
	p.t.Helper()
	p.ok(nil, "eks", "associate-access-policy", "--cluster-name", testCluster, "--principal-arn", principal, "--policy-arn", policyARN+policy, "--access-scope", scope)
}

// The fifth article, from its first command to its last, with a real API
// server at the end of each.
//
// shows: item S43
func TestTheArticlesJourneyWithKubectl(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "lab.db")
	p := newHands(t, kubernetesLab(t, file))
	p.serviceRole()
	p.newRole("tf-admin", "terraform", "AdministratorAccess")
	p.makeCluster("tf-admin", testCluster, "CONFIG_MAP")

	// The hidden root user: administrator without a line anywhere.
	p.context("tf-admin", testCluster, "tf-admin")
	p.can("tf-admin", "yes", "create pod")

	// The mode is switched, and he becomes visible.
	p.ok(nil, "eks", "update-cluster-config", "--name", testCluster, "--access-config", "authenticationMode=API_AND_CONFIG_MAP")
	p.active(testCluster)
	if !slices.Contains(p.entries(), p.role("tf-admin")) {
		t.Errorf("entries are %v", p.entries())
	}
	p.can("tf-admin", "yes", "create pod")

	// A new user: no entry, an entry without a policy, View, ClusterAdmin.
	const newcomer, colleague = "test-cluster-test-user", "test-cluster-arseny-user"
	p.newUser("test-eks-acess-TO-DEL")
	p.context("test-eks-acess-TO-DEL", testCluster, newcomer)
	p.nobody(newcomer)
	user := p.user("test-eks-acess-TO-DEL")
	p.ok(nil, "eks", "create-access-entry", "--cluster-name", testCluster, "--principal-arn", user)
	p.can(newcomer, "no", "get pod")
	p.associate(user, "AmazonEKSViewPolicy", "type=cluster")
	p.can(newcomer, "yes", "get pod")
	p.can(newcomer, "no", "create pod")
	p.associate(user, "AmazonEKSClusterAdminPolicy", "type=cluster")
	p.can(newcomer, "yes", "create pod")

	// The old root user goes.
	p.ok(nil, "eks", "delete-access-entry", "--cluster-name", testCluster, "--principal-arn", p.role("tf-admin"))
	p.nobody("tf-admin")
	p.can(newcomer, "yes", "create pod")

	// Edit in one namespace, asked and done.
	p.newUser("arseny")
	p.kube(newcomer, 0, "create", "ns", "test-ns")
	p.ok(nil, "eks", "create-access-entry", "--cluster-name", testCluster, "--principal-arn", p.user("arseny"))
	p.associate(p.user("arseny"), "AmazonEKSEditPolicy", "type=namespace,namespaces=test-ns")
	p.context("arseny", testCluster, colleague)
	p.can(colleague, "no", "create pod --namespace default")
	p.can(colleague, "yes", "create pod --namespace test-ns")
	p.kube(colleague, 0, "--namespace", "test-ns", "run", "web", "--image=nginx")
	out := p.kube(colleague, 1, "--namespace", "default", "run", "web", "--image=nginx")
	if want := `pods is forbidden: User "` + p.user("arseny") + `" cannot create resource "pods" in API group "" in the namespace "default"`; !strings.Contains(out, want) {
		t.Errorf("the API server says %s, want %s", out, want)
	}
	p.impersonation(newcomer)
	p.rbac(newcomer, colleague)
}

// rbac is the article's last part: a group, and a RoleBinding of it.
func (p *hands) rbac(admin, colleague string) {
	p.t.Helper()
	arseny := []string{"--cluster-name", testCluster, "--principal-arn", p.user("arseny")}
	p.ok(nil, append([]string{"eks", "delete-access-entry"}, arseny...)...)
	p.ok(nil, append([]string{"eks", "create-access-entry", "--kubernetes-groups", "test-eks-rbac-group"}, arseny...)...)
	p.can(colleague, "no", "create pod --namespace test-ns")
	manifest := filepath.Join(p.home, "test-rbac.yml")
	write(p.t, manifest, `apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: test-eks-rbac-binding}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: test-eks-rbac-group}]
`)
	p.kube(admin, 0, "--namespace", "test-ns", "apply", "-f", manifest)
	p.can(colleague, "no", "create pod --namespace default")
	p.can(colleague, "yes", "create pod --namespace test-ns")
	p.can(admin, "no", "create pod --namespace test-ns --as "+p.user("arseny"))
	p.can(admin, "yes", "create pod --namespace test-ns --as "+p.user("arseny")+" --as-group test-eks-rbac-group")
}

// impersonation reaches RBAC and no access policy, also that of oneself: they
// go by the principal, who is somebody else. (aws-facts 2.9)
func (p *hands) impersonation(admin string) {
	p.t.Helper()
	p.can(admin, "yes", "impersonate users")
	p.can(admin, "no", "create pod --namespace test-ns --as "+p.user("arseny"))
	p.can(admin, "no", "create pod --as "+p.user("test-eks-acess-TO-DEL"))
}

// The first article's people: patterns of namespaces, which need not exist.
//
// shows: item S43
func TestTheFirstArticlesNamespacesWithKubectl(t *testing.T) {
	t.Parallel()
	p := newHands(t, kubernetesLab(t, filepath.Join(t.TempDir(), "lab.db")))
	p.serviceRole()
	p.newRole("tf-admin", "terraform", "AdministratorAccess")
	p.makeCluster("tf-admin", testCluster, "API")
	p.newUser("backend-dev")
	user := p.user("backend-dev")
	p.ok(nil, "eks", "create-access-entry", "--cluster-name", testCluster, "--principal-arn", user)
	p.associate(user, "AmazonEKSEditPolicy", "type=namespace,namespaces=*backend*,*session-notes*")
	p.associate(user, "AmazonEKSViewPolicy", "type=namespace,namespaces=*ops*")
	p.context("backend-dev", testCluster, "dev")
	for question, want := range map[string]string{
		"create pods -n dev-backend-api-ns": "yes", "delete deployments.apps -n backend": "yes", "get secrets -n session-notes": "yes",
		"list pods -n ops-monitoring-ns": "yes", "create pods -n ops-monitoring-ns": "no", "get secrets -n ops-monitoring-ns": "no",
		"list pods -n default": "no", "create pods -n default": "no", "list pods -A": "no", "get nodes": "no", "get /metrics": "no",
		"get namespaces/dev-backend-api-ns -n dev-backend-api-ns": "yes",
	} {
		p.can("dev", want, question)
	}
}

// token is what `aws eks get-token` gives somebody for a cluster.
func (p *hands) token(env []string, args ...string) string {
	p.t.Helper()
	var out struct{ Status struct{ Token string } }
	decode(p.t, run(p.t, p.home, env, 0, p.path, append(args, "--output", "json")...), &out)
	return out.Status.Token
}

// reach asks the API server of a cluster with a bearer token and gives the
// status.
func (p *hands) reach(name, token string) string {
	p.t.Helper()
	var c struct {
		Cluster struct {
			Endpoint             string
			CertificateAuthority struct{ Data string }
		}
	}
	p.ok(&c, "eks", "describe-cluster", "--name", name)
	ca, err := base64.StdEncoding.DecodeString(c.Cluster.CertificateAuthority.Data)
	if err != nil {
		p.t.Fatal(err)
	}
	file := filepath.Join(p.t.TempDir(), "ca.crt")
	write(p.t, file, string(ca))
	cmd := exec.Command(p.kubectl, "--kubeconfig", os.DevNull, "--server", c.Cluster.Endpoint, "--certificate-authority", file,
		"--token", token, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
	cmd.Env = p.as()
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return string(out)
	case strings.Contains(string(out), "Unauthorized"):
		return "Unauthorized"
	}
	return string(out)
}

// Tokens as the AWS CLI makes them, and as somebody else might; two clusters
// stand side by side.
//
// shows: item S44
func TestTokensOfTheAWSCLI(t *testing.T) {
	t.Parallel()
	endpoint := kubernetesLab(t, filepath.Join(t.TempDir(), "lab.db"))
	p := newHands(t, endpoint)
	p.serviceRole()
	p.newRole("admin", "me@example.com", "AdministratorAccess")
	p.makeCluster("admin", testCluster, "API")
	p.makeCluster("admin", "other", "API")
	const role = ":assumed-role/admin/me-example.com"
	me := "arn:aws:sts::" + p.account + role
	get := func(cluster string) []string {
		return []string{"--profile", "admin", "eks", "get-token", "--cluster-name", cluster}
	}
	mine := p.token(p.as(), get(testCluster)...)
	for _, c := range []struct{ what, cluster, token, want string }{
		{"made for the cluster", testCluster, mine, me},
		{"made for the other", "other", p.token(p.as(), get("other")...), me},
		{"made for one, shown to the other", "other", mine, "Unauthorized"},
		{"made for none", testCluster, p.token(p.as(), get("nowhere")...), "Unauthorized"},
		{"with STS's own host", testCluster, p.token(without(p.as(), "AWS_ENDPOINT_URL"), append(get(testCluster), "--endpoint-url", endpoint)...), me},
		{"for another host", testCluster, rewritten(t, mine, "http://127.0.0.1", "http://192.0.2.1"), "Unauthorized"},
		{"with one parameter more", testCluster, rewritten(t, mine, "?", "?x=1&"), "Unauthorized"},
		{"with the action twice", testCluster, rewritten(t, mine, "?", "?ACTION=GetCallerIdentity&"), "Unauthorized"},
		{"written anew, unchanged", testCluster, rewritten(t, mine, "", ""), me},
	} {
		if got := p.reach(c.cluster, c.token); got != c.want {
			t.Errorf("a token %s: %s, want %s", c.what, got, c.want)
		}
	}
}

func without(env []string, name string) []string {
	return slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
}

// rewritten is a token with a change in its URL.
func rewritten(t *testing.T, token, from, to string) string {
	t.Helper()
	const prefix = "k8s-aws-v1."
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, prefix))
	if err != nil || !strings.Contains(string(b), from) {
		t.Fatalf("the token is of %q, %v", b, err)
	}
	return prefix + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(b), from, to, 1)))
}

// aws-auth counts as long as the mode says so; and what a cluster holds, its
// endpoint and its tokens outlive a restart of the lab.
//
// shows: item S46; item S47
func TestAWSAuthAndARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "lab.db")
	endpoint := kubernetesLab(t, file)
	p := newHands(t, endpoint)
	p.serviceRole()
	p.newRole("admin", "me", "AdministratorAccess")
	p.makeCluster("admin", testCluster, "API_AND_CONFIG_MAP")
	p.context("admin", testCluster, "admin")
	p.newUser("ann")
	p.context("ann", testCluster, "ann")
	p.nobody("ann")
	p.kube("admin", 0, "--namespace", "kube-system", "create", "configmap", "aws-auth",
		"--from-literal=mapUsers=[{userarn: \""+p.user("ann")+"\", username: ann, groups: [\"system:masters\"]}]")
	p.can("ann", "yes", "delete nodes")
	p.ok(nil, "eks", "create-access-entry", "--cluster-name", testCluster, "--principal-arn", p.user("ann"))
	p.can("ann", "no", "delete nodes") // her entry counts, whole
	p.ok(nil, "eks", "delete-access-entry", "--cluster-name", testCluster, "--principal-arn", p.user("ann"))
	p.can("ann", "yes", "delete nodes")
	p.issuer(endpoint)

	p.kube("admin", 0, "create", "ns", "stays")
	stop(t, endpoint)
	again := kubernetesLab(t, file)
	for i, kv := range p.env {
		if strings.HasPrefix(kv, "AWS_ENDPOINT_URL=") {
			p.env[i] = "AWS_ENDPOINT_URL=" + again
		}
	}
	p.kube("admin", 0, "get", "ns", "stays") // by the kubeconfig of before
	p.can("ann", "yes", "delete nodes")
	p.ok(nil, "eks", "update-cluster-config", "--name", testCluster, "--access-config", "authenticationMode=API")
	p.active(testCluster)
	p.nobody("ann")

	// The cluster is deleted, and its API server with it.
	var server string
	p.ok(&server, "eks", "describe-cluster", "--name", testCluster, "--query", "cluster.endpoint")
	p.ok(nil, "eks", "delete-cluster", "--name", testCluster)
	gone(t, server)
}

// issuer checks that a ServiceAccount's token is the cluster's issuer's, whose
// keys the lab publishes.
func (p *hands) issuer(endpoint string) {
	p.t.Helper()
	var issuer string
	p.ok(&issuer, "eks", "describe-cluster", "--name", testCluster, "--query", "cluster.identity.oidc.issuer")
	part := strings.Split(strings.TrimSpace(p.kube("admin", 0, "create", "token", "default")), ".")
	if len(part) != 3 {
		p.t.Fatalf("the token has %d parts", len(part))
	}
	var header struct{ Kid string }
	var claims struct{ Iss, Sub string }
	for i, into := range []any{&header, &claims} {
		b, err := base64.RawURLEncoding.DecodeString(part[i])
		if err == nil {
			err = json.Unmarshal(b, into)
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
	if claims.Iss != issuer || claims.Sub != "system:serviceaccount:default:default" {
		p.t.Errorf("the token's claims are %+v, the issuer is %s", claims, issuer)
	}
	resp, err := http.Get(endpoint + issuer[strings.Index(issuer, "/id/"):] + "/keys")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || header.Kid == "" || !strings.Contains(string(b), header.Kid) {
		p.t.Errorf("the issuer's keys lack %q: %s %v", header.Kid, b, err)
	}
}

// gone waits until nothing listens at an API server's endpoint.
func gone(t *testing.T, endpoint string) {
	t.Helper()
	client := http.Client{Timeout: 2 * time.Second}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		_, err := client.Get(endpoint)
		if err != nil && strings.Contains(err.Error(), "connection refused") {
			return
		}
	}
	t.Errorf("the API server at %s is still there", endpoint)
}

// However the lab dies, its API servers go too.
//
// shows: item S47
func TestAPIServersEndWithAKilledLab(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "lab.db")
	p := newHands(t, kubernetesLab(t, file))
	p.serviceRole()
	p.newRole("admin", "me", "AdministratorAccess")
	p.makeCluster("admin", testCluster, "API")
	var server string
	p.ok(&server, "eks", "describe-cluster", "--name", testCluster, "--query", "cluster.endpoint")
	b, err := os.ReadFile(file + ".endpoint")
	if err != nil {
		t.Fatal(err)
	}
	var note struct{ PID int }
	decode(t, string(b), &note)
	if err := syscall.Kill(note.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone(t, server)
}
