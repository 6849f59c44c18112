//go:build conformance

package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The fifth article's people, as documents.
const articleDocuments = `apiVersion: atlas-iam.dev/v1alpha1
kind: Environment
metadata: {name: ops}
spec:
  id: "k7f3c9a1"
  accounts: [{name: main, id: "%[1]s", regions: [us-east-1]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: test}
spec:
  clusterName: %[2]s
  authenticationMode: API_AND_CONFIG_MAP
  remove: [{role: tf-admin}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: platform}
spec:
  members: [{role: platform}, {user: newcomer}]
  clusters: {all: true}
  grants: [{policy: ClusterAdmin, scope: cluster}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: viewers}
spec:
  members: [{user: viewer}]
  clusters: {all: true}
  grants: [{policy: View, scope: cluster}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: developers}
spec:
  members: [{user: arseny}]
  clusters: {all: true}
  grants: [{policy: Edit, namespaces: [test-ns]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: rbac}
spec:
  members: [{user: oleksii}]
  clusters: {all: true}
  grants: [{clusterRole: edit, namespaces: [test-ns]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: nobodys}
spec:
  members: [{user: guest}]
  clusters: {all: true}
  grants: [{group: whatever}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: AccessTest
metadata: {name: article}
spec:
  tests:
    - {who: user/newcomer, can: create pods, namespace: default, because: {policy: ClusterAdmin}}
    - {who: team/viewers, can: get pods, cannot: [create pods, get secrets], namespace: default}
    - {who: team/developers, can: create pods, namespace: test-ns, because: {policy: Edit}}
    - {who: team/developers, cannot: create pods, namespace: default}
    - {who: team/rbac, can: create pods, namespace: test-ns, because: {clusterRole: edit}}
    - {who: team/rbac, cannot: create pods, namespace: default}
    - {who: team/nobodys, cannot: get pods, namespace: default}
    - {who: role/tf-admin, cannot: get pods, namespace: default}
    - {can: delete nodes, only: [team/platform]}
`

// What the fifth article does by hand is reached from a cluster as it was, by
// one apply: the tests of the documents pass before it, and after it kubectl
// says the same.
//
// shows: item S73
func TestTheArticleIsReachedByDocumentsWithOneApply(t *testing.T) {
	t.Parallel()
	p := newHands(t, kubernetesLab(t, filepath.Join(t.TempDir(), "lab.db")))
	p.serviceRole()
	p.newRole("tf-admin", "terraform", "AdministratorAccess")
	p.newRole("platform", "ci", "AdministratorAccess")
	people := []string{"newcomer", "viewer", "arseny", "oleksii", "guest"}
	for _, name := range people {
		p.newUser(name)
	}
	p.makeCluster("tf-admin", testCluster, "API_AND_CONFIG_MAP")
	p.context("tf-admin", testCluster, "tf-admin")
	p.kube("tf-admin", 0, "create", "namespace", "test-ns")
	// The pipeline's role is known to the cluster by aws-auth, as of old.
	authMap := filepath.Join(p.home, "aws-auth.yaml")
	write(t, authMap, fmt.Sprintf(`apiVersion: v1
kind: ConfigMap
metadata: {name: aws-auth, namespace: kube-system}
data:
  mapRoles: |
    - {rolearn: "%s", username: platform, groups: ["system:masters"]}
`, p.role("platform")))
	p.kube("tf-admin", 0, "apply", "-f", authMap)
	p.context("platform", testCluster, "platform")
	p.can("platform", "yes", "create pod")

	folder := filepath.Join(t.TempDir(), "access")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "all.yaml"), fmt.Sprintf(articleDocuments, p.account, testCluster))
	do := func(code int, args ...string) string {
		t.Helper()
		return run(t, filepath.Dir(folder), append(p.as(), "AWS_PROFILE=platform"), code, atlas(t), append(args, "access")...)
	}
	if out := do(0, "test"); !strings.Contains(out, " 0 failed, 0 undetermined") {
		t.Errorf("before the apply, from the documents: %s", out)
	}
	if out := do(0, "apply", "--yes"); !strings.Contains(out, "failed 0, skipped 0, unknown 0") {
		t.Errorf("apply: %s", out)
	}
	if out := do(0, "plan"); !strings.Contains(out, "No changes.") {
		t.Errorf("a second plan: %s", out)
	}
	if out := do(0, "test", "--observed"); !strings.Contains(out, " 0 failed, 0 undetermined") {
		t.Errorf("after the apply, from what is there: %s", out)
	}

	for _, name := range people {
		p.context(name, testCluster, name)
	}
	for _, ask := range [][3]string{
		{"newcomer", "yes", "create pod"}, {"platform", "yes", "delete nodes"},
		{"viewer", "yes", "get pod"}, {"viewer", "no", "create pod"}, {"viewer", "no", "get secrets"},
		{"arseny", "no", "create pod --namespace default"}, {"arseny", "yes", "create pod --namespace test-ns"},
		{"oleksii", "no", "create pod --namespace default"}, {"oleksii", "yes", "create pod --namespace test-ns"},
		{"guest", "no", "get pod"}, {"arseny", "no", "delete nodes"},
	} {
		p.can(ask[0], ask[1], ask[2])
	}
	p.nobody("tf-admin")
}
