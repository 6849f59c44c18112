//go:build e2e

package e2e

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cli"
)

const workHome = "492000000148"

func workAccounts() []access.Account {
	return []access.Account{{Name: "main", ID: workHome, Partition: "aws", Regions: []string{"us-east-1"}}}
}

const workEnvironment = `apiVersion: atlas-iam.dev/v1alpha1
kind: Environment
metadata: {name: ops}
spec:
  id: "k7f3c9a1"
  accounts:
    - {name: main, id: "492000000148", regions: [us-east-1]}
  tags: {component: devops}
  roles: {path: /atlas-iam/ops/}
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: test, labels: {stage: test}}
spec: {clusterName: test}
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: prod, labels: {stage: prod}}
spec: {clusterName: prod}
`

const workYace = `apiVersion: atlas-iam.dev/v1alpha1
kind: Workload
metadata: {name: yace}
spec:
  clusters: {all: true}
  serviceAccounts: [{namespace: ops-monitoring-ns, name: yace-sa}]
  credentials: PodIdentity
  role:
    name: yace
    policyName: metrics
    managedPolicies: ["arn:aws:iam::492000000148:policy/logs"]
    statements:
      - {actions: ["cloudwatch:ListMetrics", "cloudwatch:GetMetricData", "tag:GetResources"], resources: ["*"]}
`

const workLoki = `apiVersion: atlas-iam.dev/v1alpha1
kind: Workload
metadata: {name: loki}
spec:
  clusters: {matchLabels: {stage: test}}
  serviceAccounts: [{namespace: "logs-*", name: loki}]
  credentials: IRSA
  role:
    name: loki
    policyName: buckets
    statements:
      - {actions: ["s3:GetObject", "s3:PutObject"], resources: ["arn:aws:s3:::logs/*"]}
      - {actions: ["s3:ListBucket"], resources: ["arn:aws:s3:::logs"]}
`

// logsPolicy is what the managed policy logs says.
const logsPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:DescribeLogGroups","Resource":"*"}]}`

// workWorld is a world with two clusters and two workloads.
func workWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, "", "", workAccounts()...)
	w.write("environment.yaml", workEnvironment)
	w.write("yace.yaml", workYace)
	w.write("loki.yaml", workLoki)
	w.run("plan", ".").ends(t, cli.OK) // makes the account
	_, err := w.iam(workHome).CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("logs"),
		PolicyDocument: aws.String(logsPolicy)})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// written are the writes of workloads that a command made, in short.
func (w *world) workWrites(do func()) []string {
	before := len(w.journal.all())
	do()
	var out []string
	for _, c := range w.journal.all()[before:] {
		if strings.HasPrefix(c.Caller, "arn:aws:iam::") && c.Service == "sts" {
			continue
		}
		out = append(out, c.Operation)
	}
	return out
}

// shows: item S110
func TestWorkloadsAreAppliedThenNothingIsToDoThenTheyGo(t *testing.T) {
	w := workWorld(t)
	planned := w.run("plan", ".").ends(t, cli.OK).says(t, "Access gained", "workload/yace", "cloudwatch:GetMetricData, cloudwatch:ListMetrics, tag:GetResources, logs:DescribeLogGroups on *",
		"ops-monitoring-ns/yace-sa as role yace", "logs-*/loki as role loki", "s3:ListBucket on arn:aws:s3:::logs")
	if strings.Contains(planned.out, "create role") {
		t.Errorf("what access gained says is said twice:\n%s", planned.out)
	}
	w.run("apply", "--yes", ".").ends(t, cli.OK)
	w.nothingToDo()

	role, err := w.iam(workHome).GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("yace")})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(role.Role.Arn); got != "arn:aws:iam::492000000148:role/atlas-iam/ops/yace" {
		t.Errorf("role %s", got)
	}
	text, _ := url.PathUnescape(*role.Role.AssumeRolePolicyDocument)
	for _, s := range []string{"pods.eks.amazonaws.com", "cluster/test", "cluster/prod", "ops-monitoring-ns", "yace-sa"} {
		if !strings.Contains(text, s) {
			t.Errorf("the trust policy lacks %s: %s", s, text)
		}
	}
	for _, cluster := range []string{"test", "prod"} {
		out, err := w.eks(workHome, "us-east-1").ListPodIdentityAssociations(t.Context(), &eks.ListPodIdentityAssociationsInput{ClusterName: &cluster})
		if err != nil || len(out.Associations) != 1 {
			t.Fatalf("%s: %v %v", cluster, err, out)
		}
	}

	w.differently(t)
	w.nothingToDo()

	w.run("destroy", "--yes", ".").ends(t, cli.OK).says(t, "stays")
	if _, err := w.iam(workHome).GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("yace")}); err == nil {
		t.Error("destroy left the role")
	}
	providers, err := w.iam(workHome).ListOpenIDConnectProviders(t.Context(), &iam.ListOpenIDConnectProvidersInput{})
	if err != nil || len(providers.OpenIDConnectProviderList) != 1 {
		t.Errorf("destroy leaves the provider: %v %v", err, providers)
	}
	r := w.run("destroy", "--yes", ".").ends(t, cli.OK)
	if !strings.Contains(r.out, "No changes") {
		t.Errorf("a second destroy has something to do: %s", r.out)
	}
}

// differently writes the policies of yace and loki in another form.
func (w *world) differently(t *testing.T) {
	t.Helper()
	client := w.iam(workHome)
	for role, policy := range map[string][2]string{
		"yace": {"metrics", `{"Statement":{"Resource":["*"],"Effect":"Allow","Action":["TAG:getresources","cloudwatch:GetMetricData","cloudwatch:GetMetricData","cloudwatch:ListMetrics"]},"Version":"2012-10-17"}`},
		"loki": {"buckets", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::logs"},{"Resource":["arn:aws:s3:::logs/*"],"Action":["s3:PutObject","S3:GetObject"],"Effect":"Allow"}]}`},
	} {
		if _, err := client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: &policy[0], PolicyDocument: &policy[1]}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARolesPolicyChangedByHandIsPutBack(t *testing.T) {
	w := workWorld(t)
	w.run("apply", "--yes", ".").ends(t, cli.OK)
	_, err := w.iam(workHome).PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("yace"), PolicyName: aws.String("metrics"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	got := w.workWrites(func() { w.run("apply", "--yes", ".").ends(t, cli.OK) })
	if !slices.Contains(got, "PutRolePolicy") || len(got) != 1 {
		t.Errorf("writes %v", got)
	}
	w.nothingToDo()
	w.remove("loki.yaml")
	w.run("apply", "--yes", ".").ends(t, cli.OK)
	if _, err := w.iam(workHome).GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("loki")}); err == nil {
		t.Error("the role of a workload without a document stays")
	}
	w.remove("yace.yaml")
	w.run("apply", "--yes", "--allow", "delete-all", ".").ends(t, cli.OK)
	if _, err := w.iam(workHome).GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("yace")}); err == nil {
		t.Error("the role of the last workload stays")
	}
}
