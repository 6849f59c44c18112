package guard

import (
	"slices"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

// office is an environment on an ordinary day: two clusters in step with their
// documents, each with a break-glass role that nobody manages.
func office() *world {
	w := newWorld().principals(monday, people(12)...).principals(monday, "role/ci/deploy", "role/argo")
	for _, k := range []access.ClusterKey{test, prod} {
		w.theirs(k, "role/ops/break-glass", "ClusterAdmin:cluster").protects(k, "role/ops/break-glass")
		w.theirs(k, "role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS", "")
		w.theirs(k, "role/nodes", "type:EC2_LINUX")
		w.both(k, "devops", "ClusterAdmin:cluster", "role/runner", "user/ann", "user/bob")
		w.both(k, "backend", "Edit:*backend*,*session-notes* View:*ops* group:backend", "user/p00", "user/p01", "user/p02", "user/p03")
		w.both(k, "qa", "View:*qa*", "user/p04", "user/p05", "user/p06", ssoMember)
	}
	return w
}

const ssoMember = "permissionSet/Backend"

// both puts people's rights into the documents and on the cluster.
func (w *world) both(k access.ClusterKey, team, what string, whos ...string) *world {
	for _, who := range whos {
		w.wants(k, team, who, what)
		if who == ssoMember {
			who = ssoA
		}
		w.ours(k, who, what)
	}
	return w
}

// leaves takes people out of a cluster's documents.
func (w *world) leaves(k access.ClusterKey, whos ...string) *world {
	d := w.document(k)
	for _, who := range whos {
		d.Entries = slices.DeleteFunc(d.Entries, func(e access.WantEntry) bool { return e.Member == member(who) })
	}
	return w
}

// now exchanges what people want.
func (w *world) now(k access.ClusterKey, team, what string, whos ...string) *world {
	w.leaves(k, whos...)
	for _, who := range whos {
		w.wants(k, team, who, what)
	}
	return w
}

const backend = "Edit:*backend*,*session-notes* View:*ops* group:backend"

// Ordinary changes are neither held nor warned of: a guard that cries on them
// is soon allowed by habit. writes is how many changes the day makes.
//
// shows: item S15
func TestOrdinaryChangesAreNeitherHeldNorWarnedOf(t *testing.T) {
	newKey := access.ClusterKey{Account: home, Region: "eu-west-1", Name: "new"}
	days := []struct {
		name   string
		world  *world
		writes int
	}{
		{"nothing is new", office(), 0},
		{"one joins", office().wants(test, "backend", "user/p07", backend), 3},
		{"one joins on both clusters", office().wants(test, "backend", "user/p07", backend).wants(prod, "backend", "user/p07", backend), 6},
		{"five join", office().now(test, "qa", "View:*qa*", "user/p07", "user/p08", "user/p09", "user/p10", "user/p11"), 10},
		{"one leaves", office().leaves(test, "user/p00"), 1},
		{"one leaves both clusters", office().leaves(test, "user/p00").leaves(prod, "user/p00"), 2},
		{"three leave", office().leaves(test, "user/p00", "user/p01", "user/p02"), 3},
		{"one leaves whose user is gone already", office().leaves(test, "user/p00").leaves(prod, "user/p00").gone("user/p00"), 2},
		{"one moves from backend to qa", office().now(test, "qa", "View:*qa*", "user/p00"), 3},
		{"one moves from qa to backend", office().now(test, "backend", backend, "user/p04"), 3},
		{"one is in two teams", office().wants(test, "qa", "user/p00", "View:*qa*"), 1},
		{"one is in two teams with the same policy", office().wants(test, "backend", "user/p04", "View:*ops*"), 1},
		{"one leaves the second team", office().ours(prod, "user/p07", "View:*ops*,*qa*").wants(prod, "qa", "user/p07", "View:*qa*"), 1},
		{"a new team", office().wants(test, "data", "user/p08", "Edit:*data*").wants(test, "data", "user/p09", "Edit:*data*"), 4},
		{"a new team of a role", office().wants(test, "ci", "role/ci/deploy", "Edit:*backend*"), 2},
		{"a team for the whole cluster", office().wants(test, "audit", "user/p08", "AdminView:cluster"), 2},
		{"a new administrator", office().wants(test, "devops", "user/cid", "ClusterAdmin:cluster"), 2},
		{"an administrator leaves", office().leaves(test, "user/bob"), 1},
		{"administrators are exchanged", office().leaves(test, "user/bob").wants(test, "devops", "user/cid", "ClusterAdmin:cluster"), 3},
		{"an administrator becomes a reader", office().now(test, "qa", "View:*qa*", "user/bob"), 2},
		{"a team becomes administrators", office().now(test, "devops", "ClusterAdmin:cluster", "user/p04", "user/p05"), 4},
		{"a new cluster", office().wants(newKey, "devops", "user/ann", "ClusterAdmin:cluster").theirs(newKey, "role/ops/break-glass", "ClusterAdmin:cluster"), 2},
		{"a new cluster that only its creator has", office().wants(newKey, "devops", "user/ann", "ClusterAdmin:cluster").theirs(newKey, "user/cid", "ClusterAdmin:cluster").removes(newKey, "user/cid"), 3},
		{"a cluster is deleted with its document", office().change(func(w *world) {
			w.have.Clusters = slices.DeleteFunc(w.have.Clusters, func(c access.HaveCluster) bool { return c.Key == prod })
			w.want.Clusters = slices.DeleteFunc(w.want.Clusters, func(c access.WantCluster) bool { return c.Key == prod })
		}), 0},
		{"a narrower scope", office().now(test, "backend", "Edit:*backend* View:*ops* group:backend", "user/p00", "user/p01"), 2},
		{"a wider scope by another namespace", office().now(test, "backend", "Edit:*backend*,*session-notes*,*jobs* View:*ops* group:backend", "user/p00", "user/p01"), 2},
		{"a wider scope by edit to the whole cluster", office().now(test, "qa", "View:cluster", "user/p04", "user/p05", "user/p06"), 3},
		{"a scope is swapped", office().now(test, "qa", "View:*quality*", "user/p04", "user/p05"), 2},
		{"from the whole cluster to namespaces", office().both(test, "audit", "View:cluster", "user/p08").now(test, "audit", "View:*audit*", "user/p08"), 1},
		{"a stronger policy", office().now(test, "qa", "Edit:*qa*", "user/p04", "user/p05"), 4},
		{"a weaker policy", office().now(test, "backend", "View:*ops*,*backend* group:backend", "user/p00", "user/p01"), 4},
		{"a policy more", office().now(test, "qa", "View:*qa* SecretReader:*qa*", "user/p04"), 1},
		{"a group more", office().now(test, "qa", "View:*qa* group:qa", "user/p04", "user/p05"), 2},
		{"a group less", office().now(test, "backend", "Edit:*backend*,*session-notes* View:*ops*", "user/p00"), 1},
		{"a group is renamed", office().now(test, "backend", "Edit:*backend*,*session-notes* View:*ops* group:back-end", "user/p00"), 1},
		{"a username of its own", office().now(test, "qa", "View:*qa* username:pete", "user/p04"), 1},
		{"a role's sessions get names", office().wants(test, "ci", "role/ci/deploy", "Edit:*backend* username:ci:{{SessionName}}"), 2},
		{"tags change", office().change(func(w *world) { w.want.Tags = map[string]string{"cost": "42"} }),
			22},
		{"a permission set is made again", office().gone(ssoA).principals(friday, ssoB), 6},
		{"EKS's own entries appear", office().theirs(test, "role/fargate", "type:FARGATE_LINUX").theirs(test, "role/karpenter", "type:EC2_LINUX").theirs(prod, "role/windows", "type:EC2_WINDOWS"), 0},
		{"somebody makes an entry by hand", office().theirs(test, "user/p09", "Admin:cluster"), 0},
		{"self-managed nodes join", office().wants(test, "", "role/argo", "type:EC2_LINUX"), 1},
		{"an Auto Mode node role", office().wants(test, "", "role/argo", "type:EC2 AmazonEKSAutoNodePolicy:cluster"), 2},
		{"a partner's role", office().wants(test, "partner", "arn:aws:iam::"+partner+":role/partner", "View:*shared*"), 2},
		{"the cluster takes entries besides aws-auth", office().change(func(w *world) {
			h := w.cluster(prod)
			h.Mode, h.EntriesRead, h.Entries = access.ModeConfigMap, false, nil
			w.document(prod).Mode = access.ModeAPIAndConfigMap
		}), 27},
		{"the caller gains", office().wants(test, "qa", "role/runner", "View:*qa*"), 1},
		{"break-glass is given a group", office().ours(newKey, "role/ops/break-glass", "ClusterAdmin:cluster").protects(newKey, "role/ops/break-glass").
			wants(newKey, "devops", "role/ops/break-glass", "ClusterAdmin:cluster group:ops"), 1},
	}
	if len(days) < 40 {
		t.Errorf("%d ordinary changes: want at least 40", len(days))
	}
	for _, d := range days {
		t.Run(d.name, func(t *testing.T) {
			p := d.world.plan()
			if len(p.Changes) != d.writes {
				t.Errorf("%d changes, want %d:\n%q", len(p.Changes), d.writes, judged(p))
			}
			for _, c := range p.Changes {
				if len(c.Held) > 0 {
					t.Errorf("%s %s is held: %v", c.Verb, short(c.ID), c.Held)
				}
			}
			for _, w := range p.Warnings {
				t.Errorf("warned: %+v", w)
			}
		})
	}
}
