package rbac

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// verbsOf are the verbs of a role's rules, one a rule, in their order.
func verbsOf(roles []access.KubernetesRole, name string) []string {
	i := slices.IndexFunc(roles, func(r access.KubernetesRole) bool { return r.Name == name })
	if i < 0 {
		return []string{"no such role"}
	}
	var out []string
	for _, r := range roles[i].Rules {
		out = append(out, r.Verbs...)
	}
	return out
}

func TestRolesAreAggregatedByTheirSelectors(t *testing.T) {
	does := func(verb string) []access.Rule {
		return []access.Rule{{Verbs: []string{verb}, APIGroups: []string{""}, Resources: []string{"pods"}}}
	}
	labels := func(kv ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		return m
	}
	to := labels
	roles := []access.KubernetesRole{
		{Name: "second", Aggregate: []map[string]string{to("to", "second")}},
		{Name: "first", Labels: labels("to", "second"), Aggregate: []map[string]string{to("to", "first"), to("other", "x", "also", "y")}},
		{Name: "a", Labels: labels("to", "first"), Rules: does("a")},
		{Name: "b", Labels: labels("to", "first", "more", "z"), Rules: append(does("b"), does("a")...)},
		{Name: "c", Labels: labels("other", "x"), Rules: does("c")}, // half of a selector
		{Name: "d", Labels: labels("other", "x", "also", "y"), Rules: does("d")},
		{Name: "e", Labels: labels("to", "else"), Rules: does("e")},
		{Name: "f", Namespace: "ns", Labels: labels("to", "first"), Rules: does("f")}, // a Role is no ClusterRole
		{Name: "observed", Aggregate: []map[string]string{to("to", "first")}, Rules: does("kept")},
		{Name: "empty", Aggregate: []map[string]string{to("unset", "")}},
		{Name: "one", Labels: labels("to", "two"), Aggregate: []map[string]string{to("to", "one")}},
		{Name: "two", Labels: labels("to", "one"), Aggregate: []map[string]string{to("to", "two")}}, // the two select each other
		{Name: "g", Labels: labels("to", "one"), Rules: does("g")},
		{Name: "h", Labels: labels("to", "two"), Rules: does("h")},
		{Name: "plain", Rules: does("plain")},
		{Name: "none"},
	}
	before := slices.Clone(roles)
	got := Aggregate(roles)
	for name, want := range map[string][]string{
		"first": {"a", "b", "d"}, "second": {"a", "b", "d"}, "observed": {"kept"}, "empty": nil, "plain": {"plain"}, "none": nil,
		"one": {"h", "g"}, "two": {"g", "h"}, "a": {"a"}, "f": {"f"},
	} {
		have := verbsOf(got, name)
		if name == "one" || name == "two" { // of these the order is by chance of the list
			slices.Sort(have)
			want = []string{"g", "h"}
		}
		if d := cmp.Diff(want, have); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if d := cmp.Diff(before, roles); d != "" {
		t.Error("the roles that were given are changed: ", d)
	}
}

// A selector without labels selects everything, itself left out.
func TestASelectorWithoutLabelsSelectsAll(t *testing.T) {
	roles := Aggregate([]access.KubernetesRole{{Name: "all", Aggregate: []map[string]string{{}}},
		{Name: "a", Rules: []access.Rule{{Verbs: []string{"a"}}}}, {Name: "b", Labels: map[string]string{"x": "y"}, Rules: []access.Rule{{Verbs: []string{"b"}}}}})
	if got := verbsOf(roles, "all"); !slices.Equal(got, []string{"a", "b"}) {
		t.Error(got)
	}
}

// Rules are one only if all of their parts are equal.
func TestRulesAreToldApartByAllTheirParts(t *testing.T) {
	one := access.Rule{Verbs: []string{"get"}, APIGroups: []string{"g"}, Resources: []string{"r"}}
	rules := []access.Rule{one, one}
	for _, change := range []func(*access.Rule){
		func(r *access.Rule) { r.Verbs = []string{"list"} }, func(r *access.Rule) { r.APIGroups = []string{"h"} }, func(r *access.Rule) { r.Resources = []string{"s"} },
		func(r *access.Rule) { r.ResourceNames = []string{"n"} }, func(r *access.Rule) { r.NonResourceURLs = []string{"/u"} },
		func(r *access.Rule) { r.Resources = []string{"r", "r"} },
	} {
		r := one
		change(&r)
		rules = append(rules, r)
	}
	if got := distinct(rules); len(got) != 7 {
		t.Errorf("%d of %d: %+v", len(got), len(rules), got)
	}
}

func TestUpstreamsDefaultsAreThere(t *testing.T) {
	filled := FilledDefaultRoles()
	for _, name := range []string{"cluster-admin", "admin", "edit", "view", "system:node"} {
		if len(verbsOf(filled, name)) == 0 || verbsOf(filled, name)[0] == "no such role" {
			t.Errorf("%s has no rules", name)
		}
	}
	if len(DefaultBindings()) == 0 {
		t.Error("no bindings")
	}
}
