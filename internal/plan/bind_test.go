package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

// previewWant is a document with app by Pod Identity in each namespace
// preview-*, on some clusters.
func previewWant(clusters ...access.ClusterKey) *access.State {
	at := access.Place{File: "app.yaml", Line: 6, Column: 21}
	s := wants()
	s.RolePath = "/"
	r := access.WantRole{Account: home, ARN: appRole, Workloads: []string{"app"}, Place: at}
	for _, k := range clusters {
		c := wantCluster(k)
		c.PodIdentityPatterns = []access.WantPodIdentity{{PodIdentityAssociation: access.PodIdentityAssociation{Namespace: "preview-*", ServiceAccount: "app", Role: appRole}, Workload: "app", Place: at}}
		r.Trust = append(r.Trust, access.WantTrust{Credentials: access.PodIdentity, Cluster: k, Namespace: "preview-*", Name: "app", Place: at})
		s.Clusters = append(s.Clusters, c)
	}
	slices.SortFunc(s.Clusters, func(a, b access.WantCluster) int { return strings.Compare(a.Document, b.Document) })
	s.Roles = []access.WantRole{r}
	s.Workloads = []access.WantWorkload{{Name: "app"}}
	return s
}

const appRole = "arn:aws:iam::" + home + ":role/app"

func bindTo(namespace string) Options {
	return Options{Bind: &Bind{Cluster: test, Namespace: namespace, ServiceAccount: "app", Workload: "app"}}
}

func unbindFrom(namespace string) Options {
	o := bindTo(namespace)
	o.Bind.Take = true
	return o
}

// shows: item S120
func TestWhatIsBoundToAPatternStaysAsLongAsItMatches(t *testing.T) {
	want, have := previewWant(test), workloadSees(test)
	p := Compute(want, have, Options{})
	expect(t, p, "create agent/test", "create role/app")
	have = made(t, have, p)
	p = Compute(want, have, bindTo("preview-1"))
	expect(t, p, "create podidentity/test/preview-1/app")
	if c := p.Changes[0]; len(c.Held) > 0 || len(c.Gained) != 1 || c.Source != want.Roles[0].Place || c.Workloads[0] != "app" {
		t.Errorf("%+v", c)
	}
	have = made(t, have, p)
	expect(t, Compute(want, have, Options{}))
	expect(t, Compute(want, have, bindTo("preview-1")))

	other := func(change func(*access.State)) *access.State {
		w := previewWant(test)
		change(w)
		return w
	}
	t.Run("another target is set in place", func(t *testing.T) {
		expect(t, Compute(other(func(w *access.State) { w.Clusters[0].PodIdentityPatterns[0].TargetRole = "arn:t" }), have, Options{}),
			"update podidentity/test/preview-1/app")
	})
	t.Run("a wider pattern keeps it", func(t *testing.T) {
		expect(t, Compute(other(func(w *access.State) { w.Clusters[0].PodIdentityPatterns[0].Namespace = "*" }), have, Options{}))
	})
	t.Run("a narrower one takes it", func(t *testing.T) {
		expect(t, Compute(other(func(w *access.State) { w.Clusters[0].PodIdentityPatterns[0].Namespace = "preview-2*" }), have, Options{}),
			"delete podidentity/test/preview-1/app")
	})
	t.Run("another's that matches is left alone", func(t *testing.T) {
		theirs := *have
		theirs.Clusters = slices.Clone(have.Clusters)
		theirs.Clusters[0].PodIdentities = slices.Clone(have.Clusters[0].PodIdentities)
		theirs.Clusters[0].PodIdentities[0].Tags = nil
		p := Compute(want, &theirs, Options{})
		if expect(t, p); len(p.Foreign) != 1 || p.Foreign[0].Wanted {
			t.Errorf("foreign: %+v", p.Foreign)
		}
	})
	t.Run("destroy takes it", func(t *testing.T) {
		expect(t, Compute(want, have, Options{Destroy: true}), "delete podidentity/test/preview-1/app", "delete role/app after podidentity/test/preview-1/app")
	})
}

// shows: item S121
func TestBindPlansOneAssociationAndNothingElse(t *testing.T) {
	want, have := previewWant(test, prod), workloadSees(test, prod)
	held := func(t *testing.T, p *Plan, guard, words string) {
		t.Helper()
		if len(p.Changes) != 1 || len(p.Changes[0].Held) != 1 || p.Changes[0].Held[0].Guard != guard || !strings.Contains(p.Changes[0].Held[0].Reason, words) {
			t.Errorf("%v: %+v", lines(p), p.Changes)
		}
	}
	held(t, Compute(want, have, bindTo("preview-1")), Unapplied, "role app is not made yet")
	have = made(t, have, Compute(want, have, Options{}))
	p := Compute(want, have, bindTo("preview-1"))
	if expect(t, p, "create podidentity/test/preview-1/app"); len(p.Changes[0].Held) > 0 || len(p.Warnings) > 0 {
		t.Errorf("%+v, %v", p.Changes, p.Warnings)
	}
	bound := made(t, have, p)

	changed := func(change func(*access.Snapshot)) *access.Snapshot {
		h := *bound
		h.Accounts, h.Clusters = slices.Clone(bound.Accounts), slices.Clone(bound.Clusters)
		h.Accounts[0].Details = slices.Clone(h.Accounts[0].Details)
		for i := range h.Clusters {
			h.Clusters[i].PodIdentities = slices.Clone(h.Clusters[i].PodIdentities)
		}
		change(&h)
		return &h
	}
	at := slices.IndexFunc(bound.Clusters, func(c access.HaveCluster) bool { return c.Key == test })
	differs := changed(func(h *access.Snapshot) { h.Accounts[0].Details[0].Description = "changed by hand" })
	want.Roles[0].Description = "of the documents"
	held(t, Compute(want, differs, bindTo("preview-2")), Unapplied, "role app differs from the documents")
	if p := Compute(want, differs, bindTo("preview-2")); len(p.Changes[0].DependsOn) > 0 {
		t.Errorf("it waits for what is none of its plan's: %v", p.Changes[0].DependsOn)
	}
	want.Roles[0].Description = ""
	noAgent := changed(func(h *access.Snapshot) { h.Clusters[at].Agent = &access.HaveAgent{} })
	p = Compute(want, noAgent, bindTo("preview-2"))
	if expect(t, p, "create podidentity/test/preview-2/app"); len(p.Warnings) != 1 || p.Warnings[0].Slug != "agent" {
		t.Errorf("without an agent: %v", p.Warnings)
	}
	theirs := changed(func(h *access.Snapshot) {
		h.Clusters[at].PodIdentities[0].Tags, h.Clusters[at].PodIdentities[0].Role = nil, "arn:aws:iam::"+home+":role/other"
	})
	held(t, Compute(want, theirs, bindTo("preview-1")), ForeignEntry, "not ours")
	unread := changed(func(h *access.Snapshot) {
		h.Clusters[at].PodIdentities, h.Clusters[at].PodIdentitiesRead = nil, false
		h.Gaps = []access.Gap{{What: access.GapPodIdentities, Account: home, Region: test.Region, Cluster: test.Name, Reason: "AccessDenied"}}
	})
	held(t, Compute(want, unread, bindTo("preview-2")), HalfRead, "AccessDenied")

	hidden := changed(func(h *access.Snapshot) {
		h.Gaps = []access.Gap{{What: access.GapPodIdentity, Account: home, Region: test.Region, Cluster: test.Name, Reason: "AccessDenied"}}
	})
	held(t, Compute(want, hidden, bindTo("preview-2")), HalfRead, "AccessDenied")
	held(t, Compute(want, hidden, unbindFrom("preview-2")), HalfRead, "AccessDenied")

	gone := changed(func(h *access.Snapshot) { h.Clusters = slices.Delete(h.Clusters, at, at+1) })
	held(t, Compute(want, gone, bindTo("preview-2")), NoCluster, "no cluster test")
	held(t, Compute(want, gone, unbindFrom("preview-1")), NoCluster, "no cluster test")
	full := changed(func(h *access.Snapshot) {
		for i := range mostPodIdentities - 1 {
			h.Clusters[at].PodIdentities = append(h.Clusters[at].PodIdentities, access.PodIdentityAssociation{Namespace: "x", ServiceAccount: fmt.Sprintf("s%03d", i)})
		}
	})
	held(t, Compute(want, full, bindTo("preview-2")), Quota, "1001 associations")
	expect(t, Compute(want, full, bindTo("preview-1")))

	t.Run("unbind", func(t *testing.T) {
		p := Compute(want, bound, unbindFrom("preview-1"))
		if expect(t, p, "delete podidentity/test/preview-1/app"); len(p.Changes[0].Held) > 0 || len(p.Changes[0].Lost) != 1 {
			t.Errorf("%+v", p.Changes)
		}
		expect(t, Compute(want, made(t, bound, p), unbindFrom("preview-1")))
		expect(t, Compute(want, differs, unbindFrom("preview-1")), "delete podidentity/test/preview-1/app") // whatever the role is
		held(t, Compute(want, theirs, unbindFrom("preview-1")), ForeignEntry, "not ours")
		held(t, Compute(want, unread, unbindFrom("preview-1")), HalfRead, "AccessDenied")
	})
}
