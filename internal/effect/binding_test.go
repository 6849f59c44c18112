package effect

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

func TestBindingsWillBeThereAsThePlanMakesThem(t *testing.T) {
	bind := func(namespace, role string) access.Binding {
		return access.Binding{Namespace: namespace, Name: "b", Role: access.RoleRef{Kind: access.ClusterRole, Name: role}}
	}
	world := func() *access.Snapshot {
		h := snapshot()
		h.Clusters[0].Kubernetes = &access.HaveKubernetes{RBACRead: true, Bindings: []access.Binding{bind("gone", "view"), bind("other", "view"), bind("stays", "view")}}
		return h
	}
	change := func(verb plan.Verb, from, to plan.Object, namespace string) plan.Change {
		return plan.Change{Verb: verb, Kind: plan.RoleBinding, Cluster: keyA, Namespace: namespace, Name: "b", From: from, To: to}
	}
	p := &plan.Plan{Changes: []plan.Change{
		change(plan.Create, nil, plan.Binding{Binding: bind("new", "edit")}, "new"),
		change(plan.Replace, plan.Binding{Binding: bind("other", "view")}, plan.Binding{Binding: bind("other", "edit")}, "other"),
		change(plan.Delete, plan.Binding{Binding: bind("gone", "view")}, nil, "gone"),
		change(plan.Delete, plan.Binding{Binding: bind("stays", "view")}, nil, "stays"),
	}}
	p.Changes[3].Held = []plan.Hold{{Guard: "x"}}
	h := world()
	got := map[string]string{}
	for _, b := range After(state(), h, p)[0].Bindings {
		got[b.Namespace] = b.Role.Name
	}
	if d := cmp.Diff(map[string]string{"new": "edit", "other": "edit", "stays": "view"}, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(world(), h); d != "" {
		t.Error("the snapshot was changed: ", d)
	}
}
