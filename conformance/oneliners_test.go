//go:build conformance

package conformance

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// previews are workloads of namespaces that come and go, one of each scheme.
const previews = `---
apiVersion: atlas-iam.dev/v1alpha1
kind: Workload
metadata: {name: app}
spec:
  clusters: {all: true}
  serviceAccounts: [{namespace: "preview-*", name: app}]
  credentials: PodIdentity
  role: {name: app, statements: [{actions: ["cloudwatch:ListMetrics"], resources: ["*"]}]}
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Workload
metadata: {name: web}
spec:
  clusters: {all: true}
  serviceAccounts: [{namespace: "preview-*", name: web}]
  credentials: IRSA
  role: {name: web, statements: [{actions: ["cloudwatch:ListMetrics"], resources: ["*"]}]}
`

// hands are those of the lab's caller, with a profile and a context of his.
func (o *office) hands() *hands {
	o.t.Helper()
	p := &hands{cli: newCLI(o.t, o.endpoint, o.account), kubectl: o.kubectl, home: o.t.TempDir()}
	for _, name := range []string{"config", "credentials"} {
		write(o.t, filepath.Join(p.home, name), "")
	}
	keys := map[string]string{}
	for _, kv := range o.env {
		name, value, _ := strings.Cut(kv, "=")
		keys[name] = value
	}
	p.profile("caller", keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"])
	p.context("caller", "test", "admin")
	return p
}

// The pipeline that makes a namespace binds it, and what it makes there next has
// the role at once, though EKS shows an association late; IRSA's pattern needs
// nothing for it.
//
// shows: item S123; flag lab serve --consistency
func TestAPipelineBindsItsNamespaceAndPodsHaveTheRoleAtOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "lab.db")
	o := newOffice(t, file)
	o.grants = `{policy: View, namespaces: [backend]}`
	o.ready()
	o.documents(previews)
	o.do(0, "apply", "--yes")
	stop(t, o.endpoint) // from here on changes are seen late
	o.serve("--kubernetes", "--lab", file, "--consistency", "2s")
	run(t, o.folder, o.env, 0, "aws", "eks", "update-kubeconfig", "--name", "test")
	p := o.hands()
	session := func(role string) string { return "arn:aws:sts::" + o.account + ":assumed-role/" + role + "/" }
	bind := func(verb, namespace string, more ...string) string {
		t.Helper()
		args := append([]string{verb, "workload/app", "-n", namespace, "--yes"}, more...)
		return run(t, o.folder, o.env, 0, o.atlas, args...)
	}
	namespace := func(name string) {
		t.Helper()
		file := filepath.Join(p.home, name+".yaml")
		write(t, file, fmt.Sprintf("apiVersion: v1\nkind: Namespace\nmetadata: {name: %[1]s}\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: app, namespace: %[1]s}\n"+
			"---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web, namespace: %[1]s, annotations: {eks.amazonaws.com/role-arn: \"arn:aws:iam::%[2]s:role/web\"}}\n", name, o.account))
		o.kube("apply", "-f", file)
	}
	// without checks that a container is given no way to credentials.
	without := func(c container) {
		t.Helper()
		if c.has("AWS_CONTAINER_CREDENTIALS_FULL_URI") || c.has("AWS_ROLE_ARN") {
			t.Errorf("it was given a way to credentials: %v", c.env)
		}
	}

	// A namespace that is not there, and one without the ServiceAccount, pass no pipeline.
	never := func(namespace, why string) {
		t.Helper()
		o.says(run(t, o.folder, o.env, 1, o.atlas, "bind", "workload/app", "-n", namespace, "--yes", "--wait", "--timeout", "3s"), "cannot have role app; ", why)
		bind("unbind", namespace)
	}
	never("preview-8", `NotFound: namespaces "preview-8" not found`)
	o.kube("create", "namespace", "preview-9")
	never("preview-9", `error looking up service account preview-9/app`)

	namespace("preview-1")
	o.says(bind("bind", "preview-1", "--wait"), "done 1, failed 0", "Role app of preview-1/app on test:",
		"EKS shows the association\n", "a pod that is made now finds credentials\n", "not asked whether EKS Auth gives the role to a pod: no pod runs")
	bound := p.startIn("preview-1", "app")
	bound.is(session("app") + "eks-test-app-")
	o.says(bind("bind", "preview-1", "--wait"), "No changes.", "EKS Auth gives the role to pod app")
	if code, out := p.startIn("preview-1", "web").does(p.path, "sts", "get-caller-identity", "--query", "Arn", "--output", "text"); code != 0 || !strings.HasPrefix(out, session("web")) {
		t.Errorf("by IRSA: exit %d %s", code, out)
	}
	o.says(o.do(0, "plan"), "No changes.")

	// Where nothing is bound, and where nothing matches, there is nothing.
	namespace("preview-2")
	p.startIn("preview-2", "app").nobody()
	o.says(run(t, o.folder, o.env, 1, o.atlas, "run-as", "workload/app", "-n", "preview-2", "--", "true"), "atlas-iam bind workload/app -n preview-2 gives it the role")
	namespace("other")
	without(p.startIn("other", "app"))
	if code, out := p.startIn("other", "web").does(p.path, "sts", "get-caller-identity"); code == 0 || !strings.Contains(out, "Not authorized to perform sts:AssumeRoleWithWebIdentity") {
		t.Errorf("by IRSA in a namespace that no pattern matches: exit %d %s", code, out)
	}

	// Taken back, it is gone: from the pod that runs, and from those to come.
	o.says(bind("unbind", "preview-1"), "done 1, failed 0")
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		code, out := bound.does(p.path, "sts", "get-caller-identity")
		if code != 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("two minutes after unbind the pod is still %s", out)
		}
	}
	o.kube("-n", "preview-1", "delete", "pod", "app", "--force", "--grace-period=0")
	without(p.startIn("preview-1", "app"))
	o.says(bind("unbind", "preview-1"), "No changes.")
	o.says(o.do(0, "plan"), "No changes.")
}
