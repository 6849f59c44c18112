//go:build conformance

package conformance

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// container is the environment of a container that a kubelet would start: the
// variables of the pod as it stands in the API server, and its tokens in files.
type container struct {
	p   *hands
	env []string
}

func (p *hands) start(account string) container {
	p.t.Helper()
	return p.startIn("ops", account)
}

// startIn makes a pod of a ServiceAccount of a namespace and does what a
// kubelet does for it: it asks the API server for the tokens of its projected
// volumes, with their audience and their life, and writes them to files.
// There is no container here, so paths of mounts become paths of a folder.
func (p *hands) startIn(namespace, account string) container {
	p.t.Helper()
	manifest := filepath.Join(p.home, "pod-"+account+".yaml")
	write(p.t, manifest, "apiVersion: v1\nkind: Pod\nmetadata: {name: "+account+", namespace: "+namespace+"}\nspec:\n  serviceAccountName: "+account+
		"\n  containers: [{name: main, image: amazon/aws-cli, env: [{name: FROM_THE_POD, value: kept}]}]\n")
	p.kube("admin", 0, "apply", "-f", manifest)
	var pod struct {
		Spec struct {
			Containers []struct {
				Env          []struct{ Name, Value string }
				VolumeMounts []struct {
					Name, MountPath string
					ReadOnly        bool
				}
			}
			Volumes []struct {
				Name      string
				Projected struct {
					Sources []struct {
						ServiceAccountToken *struct {
							Audience, Path    string
							ExpirationSeconds int
						}
					}
				}
			}
		}
	}
	decode(p.t, p.kube("admin", 0, "-n", namespace, "get", "pod", account, "-o", "json"), &pod)
	main := pod.Spec.Containers[0]
	root := p.t.TempDir()
	var moved []string
	for _, v := range pod.Spec.Volumes {
		for _, s := range v.Projected.Sources {
			token := s.ServiceAccountToken
			if token == nil || token.Audience == "" {
				continue // the API server's own
			}
			for _, m := range main.VolumeMounts {
				if m.Name != v.Name {
					continue
				}
				folder := filepath.Join(root, m.MountPath)
				if err := os.MkdirAll(folder, 0o700); err != nil {
					p.t.Fatal(err)
				}
				write(p.t, filepath.Join(folder, token.Path), strings.TrimSpace(p.kube("admin", 0, "-n", namespace, "create", "token", account,
					"--audience", token.Audience, "--duration", fmt.Sprintf("%ds", token.ExpirationSeconds), "--bound-object-kind", "Pod", "--bound-object-name", account)))
				moved = append(moved, m.MountPath, folder)
			}
		}
	}
	// A home of its own: the AWS CLI keeps the sessions of a role there, whoever
	// they were made for. The Go SDK's chain asks STS at AWS_ENDPOINT_URL_STS
	// alone.
	c := container{p: p, env: append(p.as(), "HOME="+root, "AWS_ENDPOINT_URL_STS="+p.endpoint())}
	move := strings.NewReplacer(moved...)
	for _, e := range main.Env {
		value := e.Value
		if strings.HasSuffix(e.Name, "_FILE") {
			value = move.Replace(value)
		}
		c.env = append(c.env, e.Name+"="+value)
	}
	return c
}

// endpoint is that of the lab.
func (p *hands) endpoint() string {
	for _, kv := range p.env {
		if value, ok := strings.CutPrefix(kv, "AWS_ENDPOINT_URL="); ok {
			return value
		}
	}
	return ""
}

// has reports whether the container has a variable.
func (c container) has(name string) bool {
	for _, kv := range c.env {
		if k, _, _ := strings.Cut(kv, "="); k == name {
			return true
		}
	}
	return false
}

// does runs a program in the container's environment and gives its exit code
// and all that it prints.
func (c container) does(name string, args ...string) (int, string) {
	c.p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = c.p.home, c.env
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		c.p.t.Fatalf("%s: %v", name, err)
	}
	return cmd.ProcessState.ExitCode(), strings.TrimSpace(string(out))
}

// is checks with the AWS CLI, boto3 and the Go SDK that the container has the
// credentials of a session whose ARN begins so, and that they do what its role
// may and nothing else.
func (c container) is(arn string) {
	c.p.t.Helper()
	if code, out := c.does(c.p.path, "sts", "get-caller-identity", "--query", "Arn", "--output", "text"); code != 0 || !strings.HasPrefix(out, arn) {
		c.p.t.Errorf("aws sts get-caller-identity: exit %d %s, want %s...", code, out, arn)
	}
	var metrics struct{ Metrics []any }
	if code, out := c.does(c.p.path, "cloudwatch", "list-metrics", "--output", "json"); code != 0 || json.Unmarshal([]byte(out), &metrics) != nil || metrics.Metrics == nil {
		c.p.t.Errorf("aws cloudwatch list-metrics: exit %d %s", code, out)
	}
	if code, out := c.does(c.p.path, "s3", "ls"); code == 0 || !strings.Contains(out, "(AccessDenied)") || !strings.Contains(out, "s3:ListAllMyBuckets") {
		c.p.t.Errorf("aws s3 ls: exit %d %s", code, out)
	}
	if code, out := c.does(python(c.p.t, "boto3"), "-c", throughBoto3); code != 0 || !strings.HasPrefix(out, arn) || !strings.HasSuffix(out, " metrics, AccessDenied") {
		c.p.t.Errorf("boto3: exit %d %s, want %s...", code, out, arn)
	}
	if code, out := c.does(os.Args[0]); code != 0 || !strings.Contains(out, "who: "+arn) || !strings.Contains(out, "users: AccessDenied") {
		c.p.t.Errorf("the Go SDK: exit %d %s, want %s...", code, out, arn)
	}
}

const throughBoto3 = `
import boto3
from botocore.exceptions import ClientError
print(boto3.client("sts").get_caller_identity()["Arn"], end=" ")
assert boto3.client("cloudwatch").list_metrics()["Metrics"] == []
print("metrics", end=", ")
try:
    print(boto3.client("s3").list_buckets())
except ClientError as e:
    print(e.response["Error"]["Code"])
`

// TestMain is, in the environment of a container, a program of its own.
func TestMain(m *testing.M) {
	if os.Getenv("FROM_THE_POD") != "" {
		defaultChainOfTheGoSDK()
		return
	}
	os.Exit(m.Run())
}

// defaultChainOfTheGoSDK says who the Go SDK's default chain of credentials
// makes of its environment.
func defaultChainOfTheGoSDK() {
	ctx := context.Background()
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		fmt.Println("no configuration:", err)
		return
	}
	who, err := sts.NewFromConfig(c).GetCallerIdentity(ctx, nil)
	if err != nil {
		fmt.Println("nobody:", err)
		return
	}
	fmt.Println("who:", *who.Arn)
	if _, err = iam.NewFromConfig(c).ListUsers(ctx, nil); err != nil && strings.Contains(err.Error(), "api error AccessDenied") {
		fmt.Println("users: AccessDenied")
	}
}

// nobody checks that no client finds credentials.
func (c container) nobody() {
	c.p.t.Helper()
	c.env = append(c.env, "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1") // without one no client comes to look for credentials
	if code, out := c.does(c.p.path, "sts", "get-caller-identity"); code == 0 || !strings.Contains(out, "Unable to locate credentials") {
		c.p.t.Errorf("aws sts get-caller-identity: exit %d %s", code, out)
	}
	if code, out := c.does(python(c.p.t, "boto3"), "-c", throughBoto3); code == 0 || !strings.Contains(out, "NoCredentialsError") {
		c.p.t.Errorf("boto3: exit %d %s", code, out)
	}
	if code, out := c.does(os.Args[0]); code != 0 || !strings.Contains(out, "nobody:") {
		c.p.t.Errorf("the Go SDK: exit %d %s", code, out)
	}
}

// yace is what a program may that reads metrics.
const yace = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cloudwatch:ListMetrics","cloudwatch:GetMetricData"],"Resource":"*"}]}`

// roleFor makes a role with a trust policy of one statement, and a right.
func roleFor(c *cli, name, principal, actions, condition string) string {
	c.t.Helper()
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":` + actions + `,"Condition":` + condition + `}]}`
	c.ok(nil, "iam", "create-role", "--role-name", name, "--assume-role-policy-document", trust)
	c.ok(nil, "iam", "put-role-policy", "--role-name", name, "--policy-name", "metrics", "--policy-document", yace)
	return c.role(name)
}

// workloadLab is a lab with a cluster, a namespace, and an administrator.
func workloadLab(t *testing.T) (p *hands, endpoint, issuer string) {
	t.Helper()
	endpoint = kubernetesLab(t, filepath.Join(t.TempDir(), "lab.db"))
	p = newHands(t, endpoint)
	p.serviceRole()
	p.newRole("admin", "me", "AdministratorAccess")
	p.makeCluster("admin", testCluster, "API")
	p.context("admin", testCluster, "admin")
	p.kube("admin", 0, "create", "namespace", "ops")
	p.ok(&issuer, "eks", "describe-cluster", "--name", testCluster, "--query", "cluster.identity.oidc.issuer")
	return p, endpoint, issuer
}

// serviceAccount makes a ServiceAccount of namespace ops, with the role that its
// annotation names, if any.
func (p *hands) serviceAccount(name, role string) {
	p.t.Helper()
	p.kube("admin", 0, "-n", "ops", "create", "serviceaccount", name)
	if role != "" {
		p.kube("admin", 0, "-n", "ops", "annotate", "serviceaccount", name, "eks.amazonaws.com/role-arn="+role)
	}
}

const podActions = `["sts:AssumeRole","sts:TagSession"]`

// The second and the third article's end: a pod whose programs have the
// credentials of its role, by IRSA and by Pod Identity, and no others.
//
// shows: item S86
// shows: item S87
// shows: item S88
// shows: item S89
// shows: item S91
func TestAPodHasTheCredentialsOfItsRole(t *testing.T) {
	t.Parallel()
	p, endpoint, issuer := workloadLab(t)
	host := strings.TrimPrefix(issuer, "https://")
	p.ok(nil, "iam", "create-open-id-connect-provider", "--url", issuer, "--client-id-list", "sts.amazonaws.com")
	irsa := roleFor(p.cli, "irsa", `{"Federated":"arn:aws:iam::`+p.account+`:oidc-provider/`+host+`"}`, `"sts:AssumeRoleWithWebIdentity"`,
		`{"StringEquals":{"`+host+`:sub":"system:serviceaccount:ops:irsa","`+host+`:aud":"sts.amazonaws.com"}}`)
	p.serviceAccount("irsa", irsa)
	p.start("irsa").is("arn:aws:sts::" + p.account + ":assumed-role/irsa/")

	// Another ServiceAccount that says it has the role does not have it.
	p.serviceAccount("thief", irsa)
	if code, out := p.start("thief").does(p.path, "sts", "get-caller-identity"); code == 0 || !strings.Contains(out, "(AccessDenied)") || !strings.Contains(out, "Not authorized to perform sts:AssumeRoleWithWebIdentity") {
		t.Errorf("another ServiceAccount with the annotation: exit %d %s", code, out)
	}

	condition := `{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"ops","aws:RequestTag/kubernetes-service-account":"pods","aws:RequestTag/eks-cluster-arn":"arn:aws:eks:us-east-1:` + p.account + `:cluster/` + testCluster + `"}}`
	pods := roleFor(p.cli, "pods", `{"Service":"pods.eks.amazonaws.com"}`, podActions, condition)
	p.agent()
	p.ok(nil, "eks", "create-pod-identity-association", "--cluster-name", testCluster, "--namespace", "ops", "--service-account", "pods", "--role-arn", pods)
	p.serviceAccount("pods", irsa) // the association comes first
	c := p.start("pods")
	if c.has("AWS_ROLE_ARN") || !c.has("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
		t.Errorf("with an association and an annotation: %v", c.env)
	}
	c.is("arn:aws:sts::" + p.account + ":assumed-role/pods/eks-" + testCluster[:10] + "-pods-")

	// A role of another account, reached by the session's tags.
	far := newCLI(t, endpoint, newAccount())
	near := roleFor(p.cli, "near", `{"Service":"pods.eks.amazonaws.com"}`, podActions, `{}`)
	p.ok(nil, "iam", "put-role-policy", "--role-name", "near", "--policy-name", "assume", "--policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":`+podActions+`,"Resource":"`+far.role("far")+`"}]}`)
	roleFor(far, "far", `{"AWS":"`+near+`"}`, podActions, `{"StringEquals":{"aws:RequestTag/kubernetes-service-account":"far"}}`)
	for _, account := range []string{"far", "other"} {
		p.ok(nil, "eks", "create-pod-identity-association", "--cluster-name", testCluster, "--namespace", "ops", "--service-account", account,
			"--role-arn", near, "--target-role-arn", far.role("far"))
		p.serviceAccount(account, "")
	}
	p.start("far").is("arn:aws:sts::" + far.account + ":assumed-role/far/")
	if code, out := p.start("other").does(p.path, "sts", "get-caller-identity"); code == 0 || !strings.Contains(out, "AccessDeniedException") {
		t.Errorf("a target role that does not trust the ServiceAccount: exit %d %s", code, out)
	}

	// Without either: none.
	p.serviceAccount("plain", "")
	plain := p.start("plain")
	if plain.has("AWS_ROLE_ARN") || plain.has("AWS_CONTAINER_CREDENTIALS_FULL_URI") || plain.has("AWS_REGION") {
		t.Errorf("the pod of a ServiceAccount without a role was changed: %v", plain.env)
	}
	plain.nobody()
	p.rotated(endpoint, p.start("irsa"))
}

// rotated gives the cluster's ServiceAccount tokens a new key: STS takes those
// of both.
func (p *hands) rotated(endpoint string, before container) {
	p.t.Helper()
	resp, err := http.Post(endpoint+"/_lab/keys?account="+p.account+"&region=us-east-1&cluster="+testCluster, "", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var next struct{ Kid string }
	if err := json.NewDecoder(resp.Body).Decode(&next); err != nil || next.Kid == "" {
		p.t.Fatalf("the key was not rotated: %s %v", resp.Status, err)
	}
	signs := func() bool {
		cmd := exec.Command(p.kubectl, "--context", "admin", "create", "token", "default")
		cmd.Env = p.as()
		out, err := cmd.Output()
		header, decoding := base64.RawURLEncoding.DecodeString(strings.Split(string(out), ".")[0])
		return err == nil && decoding == nil && strings.Contains(string(header), next.Kid)
	}
	for deadline := time.Now().Add(3 * time.Minute); !signs(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatal("the API server does not sign with its new key")
		}
	}
	for what, c := range map[string]container{"before the rotation": before, "after it": p.start("irsa")} {
		if code, out := c.does(p.path, "sts", "get-caller-identity"); code != 0 {
			p.t.Errorf("a token of %s: exit %d %s", what, code, out)
		}
	}
}

// agent puts the Pod Identity agent onto the cluster.
func (p *hands) agent() {
	p.t.Helper()
	p.ok(nil, "eks", "create-addon", "--cluster-name", testCluster, "--addon-name", "eks-pod-identity-agent")
}
