package diff

import (
	"fmt"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// BenchmarkCompare compares the rights of people as teams give them, and some
// that are harder than anybody writes.
func BenchmarkCompare(b *testing.B) {
	infix := func(n, from int) []string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf("*%s*", []string{"backend", "frontend", "session", "payments", "checkout", "search", "qa", "ops", "data", "ml", "infra", "mail"}[(from+i)%12]))
		}
		return out
	}
	with := func(short string, patterns ...string) authz.Right {
		return policy(b, short, patterns...)
	}
	var names []string
	for i := range 200 {
		names = append(names, fmt.Sprintf("team-%03d", i))
	}
	bound := func(n int) []authz.Right {
		var out []authz.Right
		for i := range n {
			out = append(out, role("edit", access.NamespaceScope(names[i]), rule("get,list,create", "", "pods,secrets"), rule("*", "apps", "*")))
		}
		return out
	}
	for _, c := range []struct {
		name          string
		before, after []authz.Right
	}{
		{"from Edit to View", []authz.Right{with("Edit", "*backend*")}, []authz.Right{with("View", "*backend*")}},
		{"two teams", []authz.Right{with("Edit", "*backend*", "*session*"), with("View", "*ops*")}, []authz.Right{with("Edit", "*backend*"), with("View", "*ops*", "*qa*")}},
		{"two scopes of twelve", []authz.Right{with("Edit", infix(12, 0)...)}, []authz.Right{with("Edit", infix(6, 0)...), with("View", infix(12, 0)...)}},
		{"six scopes that meet", []authz.Right{with("Edit", infix(4, 0)...), with("View", infix(4, 3)...), with("Admin", infix(4, 6)...)},
			[]authz.Right{with("Edit", infix(4, 1)...), with("View", infix(4, 4)...), with("Admin", infix(4, 7)...)}},
		{"bound in 200 namespaces", nil, bound(200)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if Compare(c.before, c.after).Empty() {
					b.Fatal("nothing changes")
				}
			}
		})
	}
}
