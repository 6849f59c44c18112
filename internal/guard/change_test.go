package guard

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

func TestMadeIsWhatNothingButTheGuardItselfKeepsBack(t *testing.T) {
	held := func(guards ...string) (h []plan.Hold) {
		for _, g := range guards {
			h = append(h, plan.Hold{Guard: g})
		}
		return h
	}
	p := &plan.Plan{Changes: []plan.Change{
		{ID: "free"},
		{ID: "held by itself", Held: held("self")},
		{ID: "held by another", Held: held("self", "other")},
		{ID: "waits for one held by itself", DependsOn: []string{"held by itself"}, Held: held(plan.Depends)},
		{ID: "waits for one held by another", DependsOn: []string{"free", "held by another"}, Held: held(plan.Depends)},
		{ID: "waits far", DependsOn: []string{"waits for one held by another"}},
		{ID: "waits for what is not in the plan", DependsOn: []string{"elsewhere"}},
	}}
	got := made(p, "self")
	maps.DeleteFunc(got, func(_ string, ok bool) bool { return !ok })
	want := []string{"free", "held by itself", "waits for one held by itself", "waits for what is not in the plan"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
}

func TestLossesSayWhatAChangeTakes(t *testing.T) {
	entry := func(what string) plan.Entry { return plan.Entry{Entry: read("user/ann", what)} }
	policy := func(what string) plan.Association {
		return plan.Association{Principal: arn("user/ann"), Association: read("user/ann", what).Associations[0]}
	}
	for name, c := range map[string]struct {
		change plan.Change
		lost   []string
	}{
		"an entry with its policies": {plan.Change{Verb: plan.Delete, Kind: plan.AccessEntry, From: entry("Edit:a View:cluster")},
			[]string{"the access entry", "Edit on a", "View on the whole cluster"}},
		"an entry made again": {plan.Change{Verb: plan.Replace, Kind: plan.AccessEntry, From: entry(""), To: entry("group:g")},
			[]string{"the access entry"}},
		"a name and a group": {plan.Change{Verb: plan.Update, Kind: plan.AccessEntry, From: entry("username:a group:g group:h"), To: entry("username:b group:h group:i")},
			[]string{"username a", "group g"}},
		"a group more":     {plan.Change{Verb: plan.Update, Kind: plan.AccessEntry, From: entry("group:g"), To: entry("group:g group:h")}, nil},
		"a new entry":      {plan.Change{Verb: plan.Create, Kind: plan.AccessEntry, To: entry("group:g")}, nil},
		"a policy":         {plan.Change{Verb: plan.Delete, Kind: plan.PolicyAssociation, From: policy("Edit:a,b")}, []string{"Edit on a, b"}},
		"a namespace less": {plan.Change{Verb: plan.Update, Kind: plan.PolicyAssociation, From: policy("Edit:a,b"), To: policy("Edit:b,c")}, []string{"Edit on a"}},
		"the whole cluster for every namespace": {plan.Change{Verb: plan.Update, Kind: plan.PolicyAssociation, From: policy("Edit:cluster"), To: policy("Edit:*")},
			[]string{"Edit on the whole cluster"}},
		"a wider pattern":   {plan.Change{Verb: plan.Update, Kind: plan.PolicyAssociation, From: policy("Edit:dev-a"), To: policy("Edit:dev-*")}, nil},
		"the whole cluster": {plan.Change{Verb: plan.Update, Kind: plan.PolicyAssociation, From: policy("Edit:a"), To: policy("Edit:cluster")}, nil},
		"an authentication mode": {plan.Change{Verb: plan.Update, Kind: plan.AuthenticationMode,
			From: plan.Mode{AuthenticationMode: access.ModeAPIAndConfigMap}, To: plan.Mode{AuthenticationMode: access.ModeAPI}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.lost, losses(&c.change)); diff != "" {
				t.Errorf("losses (-want +got):\n%s", diff)
			}
		})
	}
}
