//go:build conformance

package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// accountDocument is a workload whose ServiceAccounts the cluster's API server
// knows.
const accountDocument = `---
apiVersion: atlas-iam.dev/v1alpha1
kind: Workload
metadata: {name: %[1]s}
spec:
  clusters: {all: true}
  serviceAccounts: [{namespace: backend, name: %[1]s, manage: %[2]s}]
  credentials: IRSA
  role: {name: %[1]s}
`

// annotations are a ServiceAccount's, sorted; nil if there is none.
func (o *office) annotations(name string) []string {
	o.t.Helper()
	var list struct {
		Items []struct {
			Metadata struct {
				Name        string
				Annotations map[string]string
			}
		}
	}
	decode(o.t, o.kube("-n", "backend", "get", "serviceaccounts", "-o", "json"), &list)
	for _, a := range list.Items {
		if a.Metadata.Name != name {
			continue
		}
		out := []string{}
		for k, v := range a.Metadata.Annotations {
			out = append(out, k+"="+v)
		}
		slices.Sort(out)
		return out
	}
	return nil
}

// ServiceAccounts as eksctl makes, overrides and forgets them, on a real API
// server: made, annotated beside what others wrote, given back and taken away.
//
// shows: item S133; item S134
func TestServiceAccountsOnARealAPIServer(t *testing.T) {
	t.Parallel()
	o := newOffice(t, filepath.Join(t.TempDir(), "lab.db"))
	o.grants = `{policy: View, namespaces: [backend]}`
	o.ready()
	role := func(name string) string {
		return "eks.amazonaws.com/role-arn=arn:aws:iam::" + o.account + ":role/" + name
	}
	is := func(name string, want ...string) {
		t.Helper()
		slices.Sort(want)
		if got := o.annotations(name); !slices.Equal(got, want) {
			t.Errorf("the annotations of %s are %q, want %q", name, got, want)
		}
	}
	marks := []string{"atlas-iam.dev/environment=ops", "atlas-iam.dev/id=k7f3c9a1"}
	both := func(more ...string) []string { return append(slices.Clone(marks), more...) }
	// chart's is there without a role; of eksctl's the role is another; kept's
	// is as wanted already.
	for _, name := range []string{"chart", "eksctl", "kept"} {
		o.kube("-n", "backend", "create", "serviceaccount", name)
		o.kube("-n", "backend", "label", "serviceaccount", name, "app.kubernetes.io/managed-by="+name)
		o.kube("-n", "backend", "annotate", "serviceaccount", name, "note="+name)
	}
	o.kube("-n", "backend", "annotate", "serviceaccount", "eksctl", role("old"))
	o.kube("-n", "backend", "annotate", "serviceaccount", "kept", role("kept"))
	all := func(names ...string) (docs []string) {
		for _, n := range names {
			manage := "Annotate"
			if n == "made" || n == "new" {
				manage = "Create"
			}
			docs = append(docs, fmt.Sprintf(accountDocument, n, manage))
		}
		return docs
	}
	o.documents(all("made", "chart", "eksctl", "kept")...)
	o.says(o.do(4, "apply", "--yes"), "ServiceAccount backend/eksctl has role arn:aws:iam::"+o.account+":role/old by somebody else", "take it off: kubectl annotate serviceaccount -n backend eksctl eks.amazonaws.com/role-arn-")
	is("made", both(role("made"))...)
	is("chart", both("note=chart", role("chart"))...)
	is("eksctl", "note=eksctl", role("old"))
	is("kept", "note=kept", role("kept"))

	// Taken over, as eksctl's --override-existing-serviceaccounts does, once its
	// own annotation is off.
	o.kube("-n", "backend", "annotate", "serviceaccount", "eksctl", "eks.amazonaws.com/role-arn-")
	o.says(o.do(0, "apply", "--yes"), "annotate ServiceAccount backend/eksctl with role eksctl")
	is("eksctl", both("note=eksctl", role("eksctl"))...)
	o.says(o.do(0, "plan"), "No changes.")

	// What somebody else writes afterwards stays; what he takes is put back.
	o.kube("-n", "backend", "annotate", "serviceaccount", "made", "later=1")
	o.says(o.do(0, "plan"), "No changes.")
	o.kube("-n", "backend", "annotate", "serviceaccount", "made", "eks.amazonaws.com/role-arn-")
	o.do(0, "apply", "--yes")
	is("made", both("later=1", role("made"))...)

	o.refusedToAViewer(all("made", "chart", "eksctl", "kept", "new"))
	if o.annotations("new") != nil {
		t.Error("who may not write made a ServiceAccount")
	}

	// The documents go: ours is deleted, others' are given back.
	o.documents(all("kept")...)
	o.do(0, "apply", "--yes", "--max-deletes", "20")
	if o.annotations("made") != nil {
		t.Error("the ServiceAccount that we made is there")
	}
	is("chart", "note=chart")
	is("eksctl", "note=eksctl")
	is("kept", "note=kept", role("kept"))
	o.says(o.do(0, "plan"), "No changes.")
}

// refusedToAViewer has somebody apply who may do all in AWS and only look in the
// cluster: what the API server would refuse is held, and known before the first
// write.
func (o *office) refusedToAViewer(documents []string) {
	o.t.Helper()
	aws := func(args ...string) string { return run(o.t, o.folder, o.env, 0, "aws", args...) }
	viewer := "arn:aws:iam::" + o.account + ":role/viewer"
	aws("iam", "create-role", "--role-name", "viewer", "--assume-role-policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::`+o.account+`:root"},"Action":"sts:AssumeRole"}]}`)
	aws("iam", "attach-role-policy", "--role-name", "viewer", "--policy-arn", "arn:aws:iam::aws:policy/AdministratorAccess")
	aws("eks", "create-access-entry", "--cluster-name", "test", "--principal-arn", viewer)
	aws("eks", "associate-access-policy", "--cluster-name", "test", "--principal-arn", viewer,
		"--policy-arn", "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", "--access-scope", "type=cluster")
	var session struct {
		Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken string }
	}
	decode(o.t, aws("sts", "assume-role", "--role-arn", viewer, "--role-session-name", "viewer", "--output", "json"), &session)
	env := slices.DeleteFunc(slices.Clone(o.env), func(kv string) bool {
		return strings.HasPrefix(kv, "AWS_ACCESS_KEY_ID=") || strings.HasPrefix(kv, "AWS_SECRET_ACCESS_KEY=") || strings.HasPrefix(kv, "AWS_SESSION_TOKEN=")
	})
	c := session.Credentials
	env = append(env, "AWS_ACCESS_KEY_ID="+c.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+c.SecretAccessKey, "AWS_SESSION_TOKEN="+c.SessionToken)
	o.documents(documents...)
	record := filepath.Join(o.t.TempDir(), "record")
	out := run(o.t, filepath.Dir(o.folder), env, 4, o.atlas, "apply", "--yes", "--record", record, "access")
	o.says(out, "refused: the API server of cluster test would refuse it", `cannot patch resource "serviceaccounts"`, "failed 0")
	if text, err := os.ReadFile(record); err != nil || strings.Contains(string(text), "ServiceAccount") {
		o.t.Errorf("a write to the API server was sent: %v\n%s", err, text)
	}
}
