//go:build conformance

package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// office is an environment of one cluster with a real API server, its
// documents, and kubectl in the hands of the lab's caller.
type office struct {
	t                *testing.T
	endpoint, folder string
	env              []string // of the lab's caller
	atlas, kubectl   string
	account          string
	grants           string // of team backend
	via              string
}

func newOffice(t *testing.T, file string) *office {
	t.Helper()
	needsAPIServers(t)
	o := &office{t: t, atlas: atlas(t), kubectl: program(t, "kubectl", "version", "--client"), folder: filepath.Join(t.TempDir(), "access"),
		account: newAccount(), via: "Direct"}
	program(t, "aws", "--version")
	if err := os.Mkdir(o.folder, 0o755); err != nil {
		t.Fatal(err)
	}
	o.serve("--kubernetes", "--lab", file)
	return o
}

// serve starts the lab and takes its caller's keys.
func (o *office) serve(flags ...string) {
	o.t.Helper()
	o.endpoint = lab(o.t, flags...)
	o.env = clean(o.t, append(list(credentials(o.t, o.endpoint, o.account)), "KUBECONFIG="+filepath.Join(o.t.TempDir(), "kubeconfig"))...)
}

// documents writes the folder anew: the platform's people, the caller among
// them, and team backend with its grants.
func (o *office) documents(more ...string) {
	o.t.Helper()
	write(o.t, filepath.Join(o.folder, "all.yaml"), fmt.Sprintf(`apiVersion: atlas-iam.dev/v1alpha1
kind: Environment
metadata: {name: ops}
spec:
  id: "k7f3c9a1"
  accounts: [{name: main, id: "%s", regions: [us-east-1]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: test}
spec:
  kubernetes: {via: %s}
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: platform}
spec:
  members: [{role: atlas-iam-lab}]
  clusters: {all: true}
  grants: [{policy: ClusterAdmin, scope: cluster}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: backend}
spec:
  members: [{user: oleksii}]
  clusters: {all: true}
  grants: [%s]
%s`, o.account, o.via, o.grants, strings.Join(more, "")))
}

// do runs atlas-iam on the folder and checks its exit code.
func (o *office) do(code int, args ...string) string {
	o.t.Helper()
	return run(o.t, filepath.Dir(o.folder), o.env, code, o.atlas, append(args, "access")...)
}

func (o *office) kube(args ...string) string {
	o.t.Helper()
	return run(o.t, o.folder, o.env, 0, o.kubectl, args...)
}

// bindings are the cluster's, as "namespace/name role groups version", those
// that Kubernetes makes itself left out.
func (o *office) bindings(versions bool) []string {
	o.t.Helper()
	var lists [2]struct {
		Items []struct {
			Metadata struct {
				Namespace, Name, ResourceVersion string
				Labels                           map[string]string
			}
			RoleRef  struct{ Kind, Name string }
			Subjects []struct{ Kind, Name string }
		}
	}
	decode(o.t, o.kube("get", "rolebindings", "-A", "-o", "json"), &lists[0])
	decode(o.t, o.kube("get", "clusterrolebindings", "-o", "json"), &lists[1])
	var out []string
	for _, l := range lists {
		for _, b := range l.Items {
			if strings.HasPrefix(b.Metadata.Name, "system:") || b.Metadata.Labels["kubernetes.io/bootstrapping"] != "" {
				continue
			}
			line := fmt.Sprintf("%s/%s %s/%s", b.Metadata.Namespace, b.Metadata.Name, b.RoleRef.Kind, b.RoleRef.Name)
			for _, s := range b.Subjects {
				line += " " + s.Kind + ":" + s.Name
			}
			if env := b.Metadata.Labels["atlas-iam.dev/environment"]; env != "" {
				line += " ours"
			}
			if versions {
				line += " " + b.Metadata.ResourceVersion
			}
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out
}

func (o *office) has(want ...string) {
	o.t.Helper()
	got := slices.DeleteFunc(o.bindings(false), func(b string) bool { return !strings.HasSuffix(b, " ours") })
	slices.Sort(want)
	if !slices.Equal(got, want) {
		o.t.Errorf("bindings of ours\n\tgot  %q\n\twant %q", got, want)
	}
}

// says checks what a command printed.
func (o *office) says(out string, parts ...string) {
	o.t.Helper()
	for _, p := range parts {
		if !strings.Contains(out, p) {
			o.t.Errorf("it does not say %q:\n%s", p, out)
		}
	}
}

const editBinding = "/atlas-iam:ops:backend:clusterrole:edit ClusterRole/edit Group:atlas-iam:ops:backend ours"

// ready makes the cluster, the caller's access and some namespaces, in one of
// which others have bound things.
func (o *office) ready() {
	o.t.Helper()
	o.documents()
	run(o.t, o.folder, o.env, 0, o.atlas, "lab", "seed", "--endpoint", o.endpoint, o.folder)
	o.do(0, "apply", "--yes") // the caller made the cluster, so it knows him; no namespace matches yet
	run(o.t, o.folder, o.env, 0, "aws", "eks", "update-kubeconfig", "--name", "test")
	for _, n := range []string{"dev-backend-api-ns", "qa-backend", "ops-monitoring-ns", "backend"} {
		o.kube("create", "namespace", n)
	}
	o.kube("create", "rolebinding", "others", "-n", "qa-backend", "--clusterrole", "admin", "--user", "eve")
	o.kube("create", "rolebinding", "atlas-iam:ops:backend:clusterrole:edit", "-n", "backend", "--clusterrole", "view", "--group", "somebody")
}

// The grant of a role with a pattern, on a real API server.
//
// shows: item S58; item S61
func TestARoleIsBoundInTheNamespacesThatMatchAndNowhereElse(t *testing.T) {
	o := newOffice(t, filepath.Join(t.TempDir(), "lab.db"))
	o.grants = `{clusterRole: edit, namespaces: ["*backend*"]}`
	o.ready()
	foreign := func() []string {
		return slices.DeleteFunc(o.bindings(true), func(b string) bool { return strings.Contains(b, " ours ") })
	}
	before := foreign()
	if len(before) < 2 {
		t.Fatalf("the foreign bindings are not there: %q", before)
	}

	// Bound where it matches; somebody else's binding at our name is held, the
	// rest goes on.
	o.says(o.do(4, "apply", "--yes"), "done 2, failed 0", "foreign: the binding is not ours", "it binds ClusterRole view, wanted is ClusterRole edit")
	o.has("dev-backend-api-ns"+editBinding, "qa-backend"+editBinding)

	// A namespace that comes is bound by the next run.
	o.kube("delete", "rolebinding", "-n", "backend", "atlas-iam:ops:backend:clusterrole:edit")
	o.kube("create", "namespace", "new-backend")
	before = foreign()
	o.says(o.do(0, "apply", "--yes"), "done 2, failed 0")
	o.has("backend"+editBinding, "dev-backend-api-ns"+editBinding, "new-backend"+editBinding, "qa-backend"+editBinding)
	o.says(o.do(0, "plan"), "No changes.")
	direct := o.bindings(false)

	// Narrowed: pruned.
	o.grants = `{clusterRole: edit, namespaces: ["dev-*"]}`
	o.documents()
	o.says(o.do(0, "apply", "--yes"), "done 3, failed 0")
	o.has("dev-backend-api-ns" + editBinding)

	// Another role: one goes and one comes. Not granted any more: all of it goes,
	// found by the group that the entry still bears.
	o.grants = `{clusterRole: view, scope: cluster}`
	o.documents()
	o.says(o.do(0, "apply", "--yes"), "done 2, failed 0")
	o.has("/atlas-iam:ops:backend:clusterrole:view ClusterRole/view Group:atlas-iam:ops:backend ours")
	o.grants = `{policy: View, namespaces: [default]}`
	o.documents()
	o.do(0, "apply", "--yes")
	o.has()
	if after := foreign(); !slices.Equal(before, after) {
		t.Errorf("foreign bindings were touched:\n\t%q\n\t%q", before, after)
	}

	// The same by manifests that kubectl applies.
	o.grants, o.via = `{clusterRole: edit, namespaces: ["*backend*"]}`, "Render"
	o.documents()
	o.says(o.do(0, "apply", "--yes", "--manifests", "out"), "wrote 4 bindings to out/test.yaml")
	o.has()
	o.kube("apply", "-f", filepath.Join(filepath.Dir(o.folder), "out", "test.yaml"))
	if rendered := o.bindings(false); !slices.Equal(direct, rendered) {
		t.Errorf("by manifests\n\t%q\ndirectly\n\t%q", rendered, direct)
	}
}

// shows: item S60
func TestABindThatTheAPIServerRefusesIsKnownBeforeTheFirstWrite(t *testing.T) {
	o := newOffice(t, filepath.Join(t.TempDir(), "lab.db"))
	limited := `---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: limited}
spec:
  members: [{user: limited}]
  clusters: {all: true}
  grants: [{group: binders}]
`
	o.grants = `{clusterRole: view, namespaces: ["dev-*"]}`
	o.ready()
	o.documents(limited)
	run(t, o.folder, o.env, 0, o.atlas, "lab", "seed", "--endpoint", o.endpoint, o.folder)
	o.do(0, "apply", "--yes")
	o.has("dev-backend-api-ns" + strings.ReplaceAll(editBinding, "edit", "view"))
	// Who may write bindings, but neither bind nor what edit holds.
	o.kube("create", "clusterrole", "binders", "--verb=get,list,watch,create,patch,update,delete", "--resource=rolebindings,clusterrolebindings")
	o.kube("create", "clusterrole", "readers", "--verb=get,list,watch", "--resource=roles,clusterroles,namespaces,configmaps")
	o.kube("create", "clusterrolebinding", "binders", "--clusterrole", "binders", "--group", "binders")
	o.kube("create", "clusterrolebinding", "readers", "--clusterrole", "readers", "--group", "binders")
	var out struct {
		AccessKey struct{ AccessKeyID, SecretAccessKey string }
	}
	run(t, o.folder, o.env, 0, "aws", "iam", "put-user-policy", "--user-name", "limited", "--policy-name", "all",
		"--policy-document", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	decode(t, run(t, o.folder, o.env, 0, "aws", "iam", "create-access-key", "--user-name", "limited", "--output", "json"), &out)
	admin := o.env
	o.env = clean(t, "AWS_ENDPOINT_URL="+o.endpoint, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID="+out.AccessKey.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+out.AccessKey.SecretAccessKey)
	o.grants = `{clusterRole: edit, namespaces: ["dev-*"]}`
	o.documents(limited)
	deadline := time.Now().Add(time.Minute)
	said := o.do(4, "plan")
	for strings.Contains(said, "does not know the caller") && time.Now().Before(deadline) { // its entry is new
		time.Sleep(time.Second)
		said = o.do(4, "plan")
	}
	o.says(said, "refused: the API server of cluster test would refuse it: Forbidden", "attempting to grant RBAC permissions not currently held")
	o.do(4, "apply", "--yes")

	// Its twin: who may bind the role, binds it.
	o.env = admin
	o.kube("create", "clusterrole", "bind-edit", "--verb=bind", "--resource=clusterroles", "--resource-name=edit")
	o.kube("create", "clusterrolebinding", "bind-edit", "--clusterrole", "bind-edit", "--group", "binders")
	for _, b := range o.bindings(false) {
		if strings.Contains(b, "clusterrole:edit") && strings.HasSuffix(b, " ours") {
			t.Errorf("bound all the same: %s", b)
		}
	}
	o.env = clean(t, "AWS_ENDPOINT_URL="+o.endpoint, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID="+out.AccessKey.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+out.AccessKey.SecretAccessKey)
	o.do(0, "apply", "--yes")
	o.env = admin
	o.has("dev-backend-api-ns" + editBinding)
}

// shows: item S57
func TestAnAPIServerThatIsNotThereIsAGapAndNothingIsDeletedThere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lab.db")
	o := newOffice(t, file)
	o.grants = `{clusterRole: edit, namespaces: ["*backend*"]}`
	o.ready()
	o.kube("delete", "rolebinding", "-n", "backend", "atlas-iam:ops:backend:clusterrole:edit")
	o.do(0, "apply", "--yes")
	bound := o.bindings(true)
	stop(t, o.endpoint)
	o.serve("--lab", file) // without API servers
	o.grants = `{policy: View, namespaces: [default]}`
	o.documents()
	o.says(o.do(0, "plan"), "API server of test", "lab serve --kubernetes")
	o.grants = `{clusterRole: edit, namespaces: ["dev-*"]}`
	o.documents()
	o.says(o.do(4, "plan"), "half-read: the API server of cluster test could not be read")
	stop(t, o.endpoint)
	o.serve("--kubernetes", "--lab", file)
	run(o.t, o.folder, o.env, 0, "aws", "eks", "update-kubeconfig", "--name", "test")
	if now := o.bindings(true); !slices.Equal(bound, now) {
		t.Errorf("something was written:\n\t%q\n\t%q", bound, now)
	}
	o.do(0, "apply", "--yes")
	o.has("dev-backend-api-ns" + editBinding)
}
