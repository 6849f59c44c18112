//go:build e2e || soak

package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/emulator"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/guard"
	"github.com/atlas-iam/atlas-iam/internal/observe"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// The account of the fault tests, and whom their runs act as.
const (
	faultAccount = "492000000148"
	faultCaller  = "arn:aws:iam::" + faultAccount + ":role/" + emulator.LabRole
)

// everyChange are documents before and after an edit that brings each kind of
// change there is. Cluster test has the ordinary ones, old the step of the
// mode, ops one administrator who hands over to the next, and less for the
// caller itself.
const everyChangeBefore = `
-- environment.yaml --
apiVersion: atlas-iam.dev/v1alpha1
kind: Environment
metadata: {name: ops}
spec:
  id: "k7f3c9a1"
  accounts: [{name: main, id: "492000000148", regions: [us-east-1]}]
  tags: {component: devops}
  foreignTags: {created-by: terraform}
-- clusters.yaml --
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: test}
spec:
  protect: [{role: break-glass}]
  remove: [{role: tf-admin}]
  nodeRoles: [{role: win-nodes, type: EC2_WINDOWS}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: old}
spec: {authenticationMode: CONFIG_MAP}
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: ops}
spec:
  remove: [{role: tf-admin}]
-- teams.yaml --
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: admins}
spec:
  members: [{user: lena}]
  clusters: {names: [test]}
  grants: [{policy: ClusterAdmin, scope: cluster}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: groups}
spec:
  members: [{user: anna}]
  clusters: {names: [test]}
  grants: [{policy: View, namespaces: ["dev-*"]}, {group: debug}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: renamed}
spec:
  members: [{user: boris, username: boris}]
  clusters: {names: [test]}
  grants: [{group: debug}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: wider}
spec:
  members: [{role: ci/deploy}, {role: atlas-iam-lab}]
  clusters: {names: [test]}
  grants: [{policy: Edit, namespaces: ["dev-*"]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: narrower}
spec:
  members: [{user: carla}]
  clusters: {names: [test]}
  grants: [{policy: Edit, namespaces: ["dev-*", "qa-*"]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: swapped}
spec:
  members: [{user: dmitri}]
  clusters: {names: [test]}
  grants: [{policy: Edit, namespaces: ["dev-*"]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: dropped}
spec:
  members: [{user: elena}]
  clusters: {names: [test]}
  grants: [{policy: View, namespaces: ["dev-*"]}, {policy: Edit, namespaces: ["dev-*"]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: steady}
spec:
  members: [{user: galina}]
  clusters: {names: [test]}
  grants: [{policy: View, namespaces: ["dev-*"]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: leaving}
spec:
  members: [{user: fedor}]
  clusters: {names: [test]}
  grants: [{policy: View, namespaces: ["dev-*"]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: ops-admins}
spec:
  members: [{user: ivan}]
  clusters: {names: [ops]}
  grants: [{policy: ClusterAdmin, scope: cluster}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: runner}
spec:
  members: [{role: atlas-iam-lab}]
  clusters: {names: [ops]}
  grants: [{policy: Edit, namespaces: ["dev-*", "qa-*"]}, {group: runners}]
`

const everyChangeAfter = `
-- environment.yaml --
apiVersion: atlas-iam.dev/v1alpha1
kind: Environment
metadata: {name: ops}
spec:
  id: "k7f3c9a1"
  accounts: [{name: main, id: "492000000148", regions: [us-east-1]}]
  tags: {component: devops}
  foreignTags: {created-by: terraform}
-- clusters.yaml --
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: test}
spec:
  protect: [{role: break-glass}]
  remove: [{role: tf-admin}, {role: legacy}]
  nodeRoles: [{role: win-nodes, type: EC2_LINUX}, {role: more-nodes, type: EC2_LINUX}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: old}
spec: {authenticationMode: API_AND_CONFIG_MAP}
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: ops}
spec:
  remove: [{role: tf-admin}]
-- teams.yaml --
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: admins}
spec:
  members: [{user: lena}]
  clusters: {names: [test]}
  grants: [{policy: ClusterAdmin, scope: cluster}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: groups}
spec:
  members: [{user: anna}]
  clusters: {names: [test]}
  grants: [{policy: View, namespaces: ["dev-*"]}, {group: oncall}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: on-old}
spec:
  members: [{user: anna}]
  clusters: {names: [old]}
  grants: [{policy: View, namespaces: ["dev-*"]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: renamed}
spec:
  members: [{user: boris, username: boris-the-second}]
  clusters: {names: [test]}
  grants: [{group: debug}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: wider}
spec:
  members: [{role: ci/deploy}, {role: atlas-iam-lab}]
  clusters: {names: [test]}
  grants: [{policy: Edit, namespaces: ["dev-*", "qa-*"]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: narrower}
spec:
  members: [{user: carla}]
  clusters: {names: [test]}
  grants: [{policy: Edit, namespaces: ["dev-*"]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: swapped}
spec:
  members: [{user: dmitri}]
  clusters: {names: [test]}
  grants: [{policy: Edit, namespaces: ["qa-*"]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: dropped}
spec:
  members: [{user: elena}]
  clusters: {names: [test]}
  grants: [{policy: View, namespaces: ["dev-*"]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: steady}
spec:
  members: [{user: galina}]
  clusters: {names: [test]}
  grants: [{policy: View, namespaces: ["dev-*"]}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: joining}
spec:
  members: [{user: hanna}, {permissionSet: Backend}]
  clusters: {names: [test]}
  grants: [{policy: View, namespaces: ["dev-*"]}, {group: debug}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: ops-admins}
spec:
  members: [{user: jana}]
  clusters: {names: [ops]}
  grants: [{policy: ClusterAdmin, scope: cluster}]
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Team
metadata: {name: runner}
spec:
  members: [{role: atlas-iam-lab}]
  clusters: {names: [ops]}
  grants: [{policy: Edit, namespaces: ["dev-*"]}]
`

// stage is a world made ready once, from which each case starts: a lab's
// file, the virtual time at which it was left, and what is wanted next.
type stage struct {
	file  string
	epoch time.Time
	want  *access.State
	have  *access.Snapshot
	plan  *plan.Plan
	opts  plan.Options
}

// everyOptions let through what the edit means: more deletes than one of its
// clusters would bear unasked, less for the caller itself, another type of node.
func everyOptions() plan.Options {
	most := 20
	return plan.Options{Allow: []string{"caller", "node-role"}, MaxDeletes: &most}
}

// settle is how long the lab's clusters take for a change of their mode.
const settle = 8 * time.Second

// newStage brings a world to before, puts foreign entries and drift in it, and
// plans after.
func newStage(t *testing.T, before, after string, o plan.Options) *stage {
	t.Helper()
	s := &stage{file: filepath.Join(t.TempDir(), "stage.db"), opts: o}
	synctest.Test(t, func(t *testing.T) {
		v := newVirtual(t, emulator.Options{File: s.file})
		was, want := desire(t, before), desire(t, after)
		v.seed(was)
		v.seed(want)
		time.Sleep(time.Hour)
		v.converge(was, o)
		v.drift(want)
		time.Sleep(time.Hour)
		var err error
		if s.have, err = observe.Read(t.Context(), v.open(want.Accounts), want.Accounts, observe.Options{}); err != nil {
			t.Fatal(err)
		}
		s.want, s.plan, s.epoch = want, plan.Compute(want, s.have, o, guard.All()...), time.Now()
		if err := v.server.Close(); err != nil {
			t.Fatal(err)
		}
	})
	for _, c := range s.plan.Changes {
		if len(c.Held) > 0 {
			t.Fatalf("the plan of the stage holds %s: %v", c.ID, c.Held)
		}
	}
	return s
}

// enter opens a copy of the stage, at its time; only in a bubble.
func (s *stage) enter(t *testing.T) *virtual {
	t.Helper()
	b, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "lab.db")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(s.epoch))
	return newVirtual(t, emulator.Options{File: file, Settle: settle})
}

// drift is what others did: entries of theirs, and a tag taken off one of ours.
func (v *virtual) drift(want *access.State) {
	v.t.Helper()
	c := v.open(want.Accounts).EKS(faultAccount, "us-east-1")
	must := func(err error) {
		v.t.Helper()
		if err != nil {
			v.t.Fatal(err)
		}
	}
	v.principals("user/auditor", "user/kept", "role/other", "role/legacy")
	entry := func(cluster, principal string, tags map[string]string, groups []string, policy string, scope *types.AccessScope) {
		v.t.Helper()
		arn := "arn:aws:iam::" + faultAccount + ":" + principal
		_, err := c.CreateAccessEntry(v.t.Context(), &eks.CreateAccessEntryInput{ClusterName: &cluster, PrincipalArn: &arn, Tags: tags, KubernetesGroups: groups})
		must(err)
		policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKS" + policy + "Policy"
		_, err = c.AssociateAccessPolicy(v.t.Context(), &eks.AssociateAccessPolicyInput{ClusterName: &cluster, PrincipalArn: &arn, PolicyArn: &policy, AccessScope: scope})
		must(err)
	}
	whole := &types.AccessScope{Type: types.AccessScopeTypeCluster}
	entry("test", "role/break-glass", nil, nil, "ClusterAdmin", whole)
	entry("test", "user/auditor", map[string]string{"created-by": "terraform"}, []string{"auditors"}, "View", whole)
	entry("test", "role/other", map[string]string{access.TagEnvironment: "ops", access.TagID: "zzzzzzz1"}, nil, "Edit",
		&types.AccessScope{Type: types.AccessScopeTypeNamespace, Namespaces: []string{"theirs"}})
	entry("test", "role/legacy", nil, nil, "Edit", whole)
	entry("ops", "user/kept", nil, nil, "View", whole)

	galina := "arn:aws:iam::" + faultAccount + ":user/galina"
	out, err := c.DescribeAccessEntry(v.t.Context(), &eks.DescribeAccessEntryInput{ClusterName: aws.String("test"), PrincipalArn: &galina})
	if cloud.IsNotFound(err) {
		return // these documents have no such person
	}
	must(err)
	_, err = c.UntagResource(v.t.Context(), &eks.UntagResourceInput{ResourceArn: out.AccessEntry.AccessEntryArn, TagKeys: []string{"component"}})
	must(err)
}
