package eks

import (
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/google/go-cmp/cmp"
)

func TestPoliciesAreSortedAndNamedOnce(t *testing.T) {
	all := Policies()
	if len(all) != 34 {
		t.Errorf("%d policies, want the 34 collected", len(all))
	}
	if !slices.IsSortedFunc(all, func(a, b Policy) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("not sorted by name")
	}
	for i, p := range all {
		if i > 0 && all[i-1].Name == p.Name {
			t.Errorf("%s stands twice", p.Name)
		}
		if p.RulesComplete != (len(p.Rules) > 0) {
			t.Errorf("%s: rulesComplete is %t with %d rules", p.Name, p.RulesComplete, len(p.Rules))
		}
		for _, r := range p.Rules {
			if len(r.Verbs) == 0 || (len(r.Resources) == 0) == (len(r.NonResourceURLs) == 0) || (len(r.Resources) == 0) != (len(r.APIGroups) == 0) {
				t.Errorf("%s: malformed rule %+v", p.Name, r)
			}
		}
	}
}

// The vocabulary's table is written by hand; the rules are what it must say.
func TestTheVocabularyAgreesWithTheRules(t *testing.T) {
	type facts struct {
		Name      string
		For       access.PolicyFor
		Published bool
		Writes    bool
		Risks     []access.Risk
	}
	var want, got []facts
	for _, p := range Policies() {
		want = append(want, facts{p.Name, map[Association]access.PolicyFor{
			Any: access.AnyPrincipal, Unverified: access.AnyPrincipal, Node: access.NodeEntries, ServiceLinkedOnly: access.ServiceLinkedOnly,
		}[p.Association], p.RulesComplete, writes(p), risks(p)})
	}
	for _, p := range access.Policies() {
		got = append(got, facts{p.Name, p.For, p.Published, p.Writes, p.Risks})
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("access.Policies() (+) against the rules (-):\n%s", d)
	}
}

func writes(p Policy) bool {
	return slices.ContainsFunc(p.Rules, func(r access.Rule) bool {
		return slices.ContainsFunc(r.Verbs, func(v string) bool { return v != "get" && v != "list" && v != "watch" })
	})
}

// gives reports whether some rule gives one of the verbs on the resource.
func gives(p Policy, group, resource string, verbs ...string) bool {
	has := func(list []string, want string) bool {
		return slices.Contains(list, "*") || slices.Contains(list, want)
	}
	return slices.ContainsFunc(p.Rules, func(r access.Rule) bool {
		return has(r.APIGroups, group) && has(r.Resources, resource) &&
			slices.ContainsFunc(verbs, func(v string) bool { return has(r.Verbs, v) })
	})
}

// risks counts a get of nodes/proxy as running commands: it reaches the
// kubelet, which runs them in every container of the node over a WebSocket.
// (kubernetes/kubernetes#83465) AmazonEKSAdminViewPolicy gives it.
func risks(p Policy) []access.Risk {
	const rbac = "rbac.authorization.k8s.io"
	var found []access.Risk
	if gives(p, "", "secrets", "get", "list", "watch") {
		found = append(found, access.RiskSecrets)
	}
	if gives(p, "", "pods/exec", "create") || gives(p, "", "nodes/proxy", "get") {
		found = append(found, access.RiskExec)
	}
	if gives(p, "", "serviceaccounts", "impersonate") {
		found = append(found, access.RiskImpersonate)
	}
	if gives(p, rbac, "roles", "create", "update", "patch") || gives(p, rbac, "rolebindings", "create", "update", "patch") {
		found = append(found, access.RiskEscalate)
	}
	return found
}
