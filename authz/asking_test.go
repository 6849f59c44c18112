package authz

import (
	"slices"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

// EKS unites what several lines ask for into one association: a reason names
// the lines whose own patterns reach the request, and by which of them the
// principal is in their teams; so does one of a role's pattern.
func TestAReasonNamesTheLinesThatReachTheRequest(t *testing.T) {
	part := func(team string, line int, patterns ...string) access.WantScope {
		s := access.NamespaceScope(patterns...)
		if len(patterns) == 0 {
			s = access.ClusterScope()
		}
		return access.WantScope{Scope: s, Source: access.Source{Team: team, Place: access.Place{File: "t.yaml", Line: line}}}
	}
	in := func(verb, namespace string) Request {
		return Request{Verb: verb, Resource: "pods", Namespace: namespace}
	}
	two := []access.WantScope{part("dev", 1, "dev-*"), part("dev", 2, "kube-*"), part("pay", 3, "pay-*", "dev-pay")}
	wide := append(slices.Clone(two), part("ops", 4))
	for _, tt := range []struct {
		name           string
		parts          []access.WantScope
		r              Request
		want           Verdict
		lines, members []int
	}{
		{"one line", two, in("delete", "kube-system"), Allow, []int{2}, []int{11}},
		{"lines of two teams", two, in("delete", "dev-pay"), Allow, []int{1, 3}, []int{11, 13}},
		{"the other team's", two, in("delete", "pay-eu"), Allow, []int{3}, []int{13}},
		{"a miss that reaches there", two, in("attest", "kube-system"), Deny, []int{2}, []int{11}},
		{"a miss that does not", two, in("delete", "default"), Deny, []int{1, 2, 3}, []int{11, 13}},
		{"over all namespaces, of which none gives all", two, in("delete", ""), Deny, []int{1, 2, 3}, []int{11, 13}},
		{"over all namespaces, by one", wide, in("delete", ""), Allow, []int{4}, []int{14}},
		{"in one, also by the one of all", wide, in("delete", "pay-eu"), Allow, []int{3, 4}, []int{13, 14}},
	} {
		scope := access.Scope{}
		for _, p := range tt.parts {
			scope = scope.Union(p.Scope)
		}
		e := entry(ann, "AmazonEKSEditPolicy", scope)
		for i, team := range []string{"dev", "other", "pay", "ops"} {
			e.Sources = append(e.Sources, part(team, 11+i).Source)
		}
		policy := e
		policy.Scopes = map[string][]access.WantScope{policyPrefix + "AmazonEKSEditPolicy": tt.parts}
		facts := map[string]Facts{"policy": {Entries: []Entry{policy}}}
		if !scope.Cluster {
			b := clusterBinding("b", "edit", group("devs"))
			b.Patterns, b.Parts = scope.Namespaces, tt.parts
			for _, p := range tt.parts {
				b.Sources = append(b.Sources, p.Source)
			}
			e.Associations, e.Groups = nil, []string{"devs"}
			facts["binding"] = Facts{Entries: []Entry{e}, Bindings: []Binding{b}, DefaultRBAC: true}
		}
		for by, f := range facts {
			c := compiled(t, f)
			id, _, _ := c.Identify(ann, "")
			x := c.Explain(id, tt.r)
			reasons := slices.Concat(x.Reasons, x.Misses)
			if x.Verdict != tt.want || len(reasons) != 1 {
				t.Errorf("%s, %s: %v by %+v", tt.name, by, x.Verdict, reasons)
				continue
			}
			if got := linesOf(reasons[0].Sources); !slices.Equal(got, tt.lines) {
				t.Errorf("%s, %s: asked for at %v, want %v", tt.name, by, got, tt.lines)
			}
			if got := linesOf(reasons[0].Members); !slices.Equal(got, tt.members) {
				t.Errorf("%s, %s: a member by %v, want %v", tt.name, by, got, tt.members)
			}
		}
	}
}

func linesOf(sources []access.Source) []int {
	var lines []int
	for _, s := range sources {
		lines = append(lines, s.Place.Line)
	}
	return lines
}
