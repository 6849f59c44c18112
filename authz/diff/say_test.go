package diff

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// in are words written out; but with a first "*" are all words less the rest.
func in(words ...string) access.Words {
	if len(words) > 0 && words[0] == "*" {
		return access.Words{Any: true, But: words[1:]}
	}
	return access.Words{In: words}
}

func TestRequestsAreSpeltAsKubectlWritesThem(t *testing.T) {
	core, apps, all := in(""), in("apps"), in("*")
	for want, q := range map[string]access.Requests{
		"get, list pods":                          {Verbs: in("get", "list"), Groups: core, Resources: in("pods"), Names: all},
		"get deployments.apps/scale":              {Verbs: in("get"), Groups: apps, Resources: in("deployments/scale"), Names: all},
		"get deployments.apps, daemonsets.apps":   {Verbs: in("get"), Groups: apps, Resources: in("deployments", "daemonsets"), Names: all},
		"get events, events.events.k8s.io":        {Verbs: in("get"), Groups: in("", "events.k8s.io"), Resources: in("events"), Names: all},
		"do anything with pods":                   {Verbs: all, Groups: core, Resources: in("pods"), Names: all},
		"anything but get, list pods":             {Verbs: in("*", "get", "list"), Groups: core, Resources: in("pods"), Names: all},
		"get secrets x, y":                        {Verbs: in("get"), Groups: core, Resources: in("secrets"), Names: in("x", "y")},
		"get secrets all but x":                   {Verbs: in("get"), Groups: core, Resources: in("secrets"), Names: in("*", "x")},
		"get secrets":                             {Verbs: in("get"), Groups: core, Resources: in("secrets")},
		"get */scale but pods/scale":              {Verbs: in("get"), Groups: core, Resources: access.Words{In: []string{"*/scale"}, But: []string{"pods/scale"}}, Names: all},
		"get everything":                          {Verbs: in("get"), Groups: all, Resources: all, Names: all},
		"get everything but pods":                 {Verbs: in("get"), Groups: all, Resources: in("*", "pods"), Names: all},
		"get everything of API groups core, apps": {Verbs: in("get"), Groups: in("", "apps"), Resources: all, Names: all},
		"get pods of API groups all but core":     {Verbs: in("get"), Groups: in("*", ""), Resources: in("pods"), Names: all},
		"get pods":                                {Verbs: in("get"), Groups: all, Resources: in("pods"), Names: all},
		"get /healthz, /api/*":                    {Verbs: in("get"), Paths: in("/healthz", "/api/*")},
		"do anything on /healthz":                 {Verbs: all, Paths: in("/healthz")},
		"anything but get /healthz":               {Verbs: in("*", "get"), Paths: in("/healthz")},
		"get /api/* but /api/v1":                  {Verbs: in("get"), Paths: access.Words{In: []string{"/api/*"}, But: []string{"/api/v1"}}},
		"get all URLs":                            {Verbs: in("get"), Paths: all},
		"get all URLs but /metrics":               {Verbs: in("get"), Paths: in("*", "/metrics")},
	} {
		if got := spelt(q); got != want {
			t.Errorf("%+v: %q, want %q", q, got, want)
		}
	}
	a := Access{Requests: []access.Requests{{Verbs: in("get"), Groups: core, Resources: in("pods"), Names: all}, {Verbs: in("create"), Groups: apps, Resources: in("deployments"), Names: all}}}
	if got := a.Spelt(); got != "get pods; create deployments.apps" {
		t.Errorf("two products: %q", got)
	}
}

func TestPlacesAreSaidInFewWords(t *testing.T) {
	lists := func(in ...string) (out [][]string) {
		for _, s := range in {
			out = append(out, strings.Split(s, ","))
		}
		return out
	}
	outside := access.Where{Cluster: true}
	everywhere := access.Where{Example: "a"}
	numbered := func(n int) string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprint("n", i))
		}
		return strings.Join(out, ",")
	}
	beyond := access.Where{Outside: []string{"a"}, Example: "b"}
	for want, c := range map[string]struct{ places, loose []access.Where }{
		"*a*, b":        {loose: []access.Where{{In: lists("*a*")}, {In: lists("b")}}},
		"a, b":          {loose: []access.Where{{In: lists("a,b")}}},
		"whole cluster": {places: []access.Where{outside, everywhere}, loose: []access.Where{outside, everywhere}},
		// Loosely it is every namespace: the rest is kept in other words.
		"whole cluster ":                           {places: []access.Where{outside, beyond}, loose: []access.Where{outside, everywhere}},
		"every namespace":                          {loose: []access.Where{everywhere}},
		"what is in no namespace":                  {places: []access.Where{outside}, loose: []access.Where{outside}},
		"a; what is in no namespace":               {places: []access.Where{outside, {In: lists("a")}}, loose: []access.Where{outside, {In: lists("a")}}},
		"*a* outside b (e.g. a)":                   {loose: []access.Where{{In: lists("*a*"), Outside: []string{"b"}, Example: "a"}}},
		"*a* and *b* (e.g. ab)":                    {loose: []access.Where{{In: lists("*a*", "*b*"), Example: "ab"}}},
		"(*a*, c) and *b* (e.g. ab)":               {loose: []access.Where{{In: lists("*a*,c", "*b*"), Example: "ab"}}},
		"a; *b* outside c (e.g. b)":                {loose: []access.Where{{In: lists("*b*"), Outside: []string{"c"}, Example: "b"}, {In: lists("a")}}},
		"every namespace outside a (e.g. b)":       {loose: []access.Where{beyond}},
		"whole cluster outside a (e.g. b)":         {places: []access.Where{outside, beyond}, loose: []access.Where{outside, beyond}},
		"a; whole cluster outside a (e.g. b)":      {places: []access.Where{outside, beyond}, loose: []access.Where{outside, beyond, {In: lists("a")}}},
		strings.ReplaceAll(numbered(8), ",", ", "): {loose: []access.Where{{In: lists(numbered(8))}}},
		"n0, n1, n2, n3, n4, n5 and 3 more":        {loose: []access.Where{{In: lists(numbered(9))}}},
		"n0, n1, n2, n3, n4, n5 and 4 more":        {loose: []access.Where{{In: lists(numbered(10))}}},
	} {
		if got := (Access{Places: c.places, Loose: c.loose}).Where(); got != strings.TrimSpace(want) {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}
}

func TestAnAccessIsCalledByItsGrant(t *testing.T) {
	policy := func(s string) authz.Reason {
		return authz.Reason{By: authz.ByPolicy, Policy: "arn:aws:eks::aws:cluster-access-policy/AmazonEKS" + s + "Policy"}
	}
	bound := func(kind, namespace, name string) authz.Reason {
		return authz.Reason{By: authz.ByBinding, Binding: &access.Binding{Namespace: namespace, Role: access.RoleRef{Kind: kind, Name: name}}}
	}
	short := []access.Requests{{Verbs: in("get"), Groups: in(""), Resources: in("pods")}}
	just, over := slices.Clone(short), slices.Clone(short)
	just[0].Resources.In = []string{strings.Repeat("p", 48-len("get "))}
	over[0].Resources.In = []string{just[0].Resources.In[0] + "p"}
	for want, a := range map[string]Access{
		"Edit":                      {By: []authz.Reason{policy("Edit")}, Requests: over},
		"ClusterRole view":          {By: []authz.Reason{bound(access.ClusterRole, "ns", "view")}, Requests: short},
		"Role ns/debug":             {By: []authz.Reason{bound(access.Role, "ns", "debug")}, Requests: short},
		"system:masters":            {By: []authz.Reason{{By: authz.ByMasters}}, Requests: short},
		"get pods":                  {By: []authz.Reason{policy("Edit")}, Minus: []authz.Reason{policy("View")}, Requests: short},
		spelt(just[0]):              {By: []authz.Reason{policy("Edit")}, Minus: []authz.Reason{policy("View")}, Requests: just},
		"Edit minus View":           {By: []authz.Reason{policy("Edit")}, Minus: []authz.Reason{policy("View")}, Requests: over},
		"Edit minus View and Admin": {By: []authz.Reason{policy("Edit")}, Minus: []authz.Reason{policy("View"), policy("Admin")}, Requests: over},
		spelt(over[0]):              {Requests: over},
	} {
		if got := a.What(); got != want {
			t.Errorf("%+v: %q, want %q", a, got, want)
		}
	}
}

func TestRisksAreWhatAReviewerShouldSee(t *testing.T) {
	type risks = []access.Risk
	const rbac = "rbac.authorization.k8s.io"
	one := func(verb, group, resource string) access.Requests {
		return access.Requests{Verbs: in(verb), Groups: in(group), Resources: in(resource), Names: in("*")}
	}
	secrets, exec, impersonate, escalate := risks{access.RiskSecrets}, risks{access.RiskExec}, risks{access.RiskImpersonate}, risks{access.RiskEscalate}
	for _, c := range []struct {
		request            access.Requests
		namespace, nowhere risks // in a namespace; in what is in none
	}{
		{one("get", "", "secrets"), secrets, secrets},
		{one("list", "", "secrets"), secrets, secrets},
		{one("watch", "", "secrets"), secrets, secrets},
		{one("create", "", "secrets"), nil, nil},
		{one("get", "other.io", "secrets"), nil, nil},
		{one("create", "", "pods/exec"), exec, exec},
		{one("get", "", "pods/exec"), exec, exec},
		{one("delete", "", "pods/exec"), nil, nil},
		{one("create", "", "pods/attach"), exec, exec},
		{one("get", "", "pods/attach"), exec, exec},
		{one("create", "", "pods"), nil, nil},
		{one("get", "", "nodes/proxy"), nil, exec},
		{one("create", "", "nodes/proxy"), nil, exec},
		{one("get", "", "nodes"), nil, nil},
		{one("impersonate", "", "serviceaccounts"), impersonate, impersonate},
		{one("impersonate", "", "users"), nil, impersonate},
		{one("impersonate", "", "groups"), nil, impersonate},
		{one("get", "", "users"), nil, nil},
		{one("create", rbac, "roles"), escalate, escalate},
		{one("update", rbac, "rolebindings"), escalate, escalate},
		{one("patch", rbac, "rolebindings"), escalate, escalate},
		{one("escalate", rbac, "roles"), escalate, escalate},
		{one("bind", rbac, "roles"), escalate, escalate},
		{one("get", rbac, "roles"), nil, nil},
		{one("create", rbac, "clusterroles"), nil, escalate},
		{one("create", rbac, "clusterrolebindings"), nil, escalate},
		{one("create", "", "roles"), nil, nil},
		{access.Requests{Verbs: in("get"), Paths: in("/secrets")}, nil, nil},
	} {
		a := Access{Requests: []access.Requests{c.request}, Places: []access.Where{{In: [][]string{{"a"}}}}}
		if d := cmp.Diff(c.namespace, a.Risks()); d != "" {
			t.Errorf("%s in a namespace: %s", a.Spelt(), d)
		}
		a.Places = append(a.Places, access.Where{Cluster: true})
		if d := cmp.Diff(c.nowhere, a.Risks()); d != "" {
			t.Errorf("%s in no namespace: %s", a.Spelt(), d)
		}
		a.Places = append(a.Places, access.Where{})
		if d := cmp.Diff(append(slices.Clone(c.nowhere), access.RiskWholeCluster), a.Risks()); d != "" {
			t.Errorf("%s in the whole cluster: %s", a.Spelt(), d)
		}
	}
}

func TestADifferenceIsEmptyOnlyWithoutAnyPart(t *testing.T) {
	if !(Difference{}).Empty() {
		t.Error("nothing is empty")
	}
	for parts := 1; parts < 32; parts++ { // all subsets of the five
		var d Difference
		for i, list := range []*[]Access{&d.Gained, &d.Lost, &d.MaybeGained, &d.MaybeLost, &d.Unknown} {
			if parts>>i&1 == 1 {
				*list = []Access{{}}
			}
		}
		if d.Empty() {
			t.Errorf("%+v is empty", d)
		}
	}
}
