//go:build conformance

package conformance

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// runAsWorkloads are one of each scheme, and one whose role trusts nobody.
const runAsWorkloads = `---
apiVersion: atlas-iam.dev/v1alpha1
kind: Workload
metadata: {name: loki}
spec:
  clusters: {all: true}
  serviceAccounts: [{namespace: backend, name: loki, manage: Create}]
  credentials: IRSA
  role: {name: loki, statements: [{actions: ["cloudwatch:ListMetrics"], resources: ["*"]}]}
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Workload
metadata: {name: yace}
spec:
  clusters: {all: true}
  serviceAccounts: [{namespace: backend, name: yace, manage: Create}]
  credentials: PodIdentity
  role: {name: yace, statements: [{actions: ["cloudwatch:ListMetrics"], resources: ["*"]}]}
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Workload
metadata: {name: stranger}
spec:
  clusters: {all: true}
  serviceAccounts: [{namespace: backend, name: "*"}]
  credentials: IRSA
  role: {existing: "arn:aws:iam::%s:role/other"}
`

// A command that is run as a workload is, to AWS, that workload: with the
// credentials that the cluster's token buys, and without them where AWS or the
// cluster refuses.
//
// shows: command run-as; flag run-as {--namespace,--service-account,--pod,--cluster,--verbose,--local,--lab}; item S114; exit 1
func TestACommandRunsAsAWorkload(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "lab.db")
	o := newOffice(t, file)
	o.grants = `{policy: View, namespaces: [backend]}`
	o.ready()
	run(t, o.folder, o.env, 0, "aws", "iam", "create-role", "--role-name", "other", "--assume-role-policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	o.documents(strings.Replace(fmt.Sprintf(runAsWorkloads, o.account), `name: "*"`, `name: "str*"`, 1))
	o.do(0, "apply", "--yes") // the stranger's role is another's: its trust is pointed out
	as := func(code int, who string, command ...string) string {
		t.Helper()
		return run(t, filepath.Dir(o.folder), o.env, code, o.atlas, append([]string{"run-as", who, "access", "--"}, command...)...)
	}
	identity := []string{"aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"}

	// IRSA.
	o.says(as(0, "workload/loki", identity...), "arn:aws:sts::"+o.account+":assumed-role/loki/")
	o.says(as(0, "workload/loki", "aws", "cloudwatch", "list-metrics"), "Metrics")
	as(255, "workload/loki", "aws", "s3", "ls") // the exit code of the AWS CLI for a refusal
	// Neither the caller's own keys nor a profile of his come along.
	if out := as(0, "workload/loki", "env"); strings.Contains(out, "AWS_PROFILE") || strings.Count(out, "AWS_ACCESS_KEY_ID=") != 1 {
		t.Errorf("the command's environment: %d keys", strings.Count(out, "AWS_ACCESS_KEY_ID="))
	}

	// Pod Identity, whose tokens are a pod's.
	as(1, "workload/yace", identity...)
	o.kube("-n", "backend", "run", "exporter", "--image", "none", "--overrides", `{"spec":{"serviceAccountName":"yace"}}`)
	o.says(as(0, "workload/yace", identity...), "arn:aws:sts::"+o.account+":assumed-role/yace/eks-test-exporter-")
	out := run(t, filepath.Dir(o.folder), o.env, 0, o.atlas, append([]string{"run-as", "workload/yace", "access", "--cluster", "test", "-n", "backend", "--service-account", "yace", "--pod", "exporter", "-v", "--local", "--lab", file, "--"}, identity...)...)
	o.says(out, "assumed-role/yace/")
	run(t, filepath.Dir(o.folder), o.env, 1, o.atlas, append([]string{"run-as", "workload/yace", "access", "--pod", "other", "--"}, identity...)...)
	if strings.Contains(out, "does not get these credentials") {
		t.Errorf("a pod that has them is said not to: %s", out)
	}

	// A pod has its scheme from when it was made, and with IRSA too --pod looks at
	// the pod. The twin was made after the annotation.
	with := func(code int, who, pod string) string {
		t.Helper()
		return run(t, filepath.Dir(o.folder), o.env, code, o.atlas, append([]string{"run-as", who, "access", "--pod", pod, "--"}, identity...)...)
	}
	o.kube("-n", "backend", "run", "annotated", "--image", "none", "--overrides", `{"spec":{"serviceAccountName":"loki"}}`)
	o.kube("-n", "backend", "annotate", "serviceaccount", "loki", "eks.amazonaws.com/role-arn-")
	o.kube("-n", "backend", "run", "plain", "--image", "none", "--overrides", `{"spec":{"serviceAccountName":"loki"}}`)
	o.says(with(0, "workload/loki", "plain"), "pod backend/plain does not get these credentials: it was made without AWS_ROLE_ARN", "assumed-role/loki/")
	if out := with(0, "workload/loki", "annotated"); strings.Contains(out, "does not get") {
		t.Errorf("a pod that has them is said not to: %s", out)
	}
	o.says(with(1, "workload/loki", "nobody"), "pod nobody does not run as serviceaccount backend/loki")

	// Its association is there, and its role's trust policy lets EKS in no more.
	run(t, o.folder, o.env, 0, "aws", "iam", "update-assume-role-policy", "--role-name", "yace", "--policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	o.says(as(1, "workload/yace", identity...), "the association is there, and the role's trust policy does not let EKS give it; atlas-iam plan shows what it lacks")

	// A role that does not trust the ServiceAccount, and a command that ends
	// otherwise than well.
	o.kube("-n", "backend", "create", "serviceaccount", "strange")
	run(t, filepath.Dir(o.folder), o.env, 1, o.atlas, append([]string{"run-as", "workload/stranger", "access", "-n", "backend", "--service-account", "strange", "--"}, identity...)...)
	as(7, "workload/loki", "sh", "-c", "exit 7")
	as(128+15, "workload/loki", "sh", "-c", "kill -TERM $$")
}
