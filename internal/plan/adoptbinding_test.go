package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// shows: item S21
func TestBindingsAreAdoptedByOurLabelsAndNothingElse(t *testing.T) {
	theirs := func(ns string, how ...func(*access.Binding)) access.Binding {
		b := bound(ns, "edit")
		b.Labels, b.Managers = map[string]string{"app": "x"}, []string{"kubectl"}
		for _, f := range how {
			f(&b)
		}
		return b
	}
	const at = "binding/test/a/" + editName
	for name, c := range map[string]struct {
		stands access.Binding
		keys   []string
		plan   []string
	}{
		"equal":          {theirs("a"), nil, []string{"update " + at}},
		"equal, by name": {theirs("a"), []string{"rolebinding/test/a/" + editName}, []string{"update " + at}},
		"ours already":   {bound("a", "edit"), nil, nil},
		"another role":   {theirs("a", func(b *access.Binding) { b.Role.Name = "admin" }), nil, []string{"update " + at + " !adopt-narrows"}},
		"managed by another tool": {theirs("a", func(b *access.Binding) { b.Labels[access.LabelManagedBy] = "Helm" }), nil,
			[]string{"update " + at + " !adopt-narrows"}},
		"another tool's mark": {theirs("a", func(b *access.Binding) { b.Labels["created-by"] = "terraform" }), nil, []string{"update " + at + " !adopt-narrows"}},
		"another environment's": {theirs("a", func(b *access.Binding) { b.Labels = access.Owner{Environment: "x", ID: "y"}.Tags() }), nil,
			[]string{"update " + at + " !adopt-narrows"}},
		"another environment's, by name": {theirs("a", func(b *access.Binding) { b.Labels = access.Owner{Environment: "x", ID: "y"}.Tags() }),
			[]string{"rolebinding/test/a/" + editName}, []string{"update " + at}},
		"rendered before, applied by kubectl": {theirs("a", func(b *access.Binding) { b.Labels = owner.Labels() }), nil, []string{"update " + at}},
	} {
		have := sees(withKubernetes(haveCluster(test), []string{"a"}, c.stands))
		p, err := Adoptions(wants(wantBound(test, wantRole("edit", patterns("a")))), have, c.keys)
		if err != nil {
			t.Fatal(name, err)
		}
		if d := cmp.Diff(c.plan, lines(p)); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
		for _, ch := range p.Changes {
			from, to := ch.From.(Binding), ch.To.(Binding)
			if !from.SameAccess(&to.Binding) || len(ch.Gained)+len(ch.Lost) != 0 {
				t.Errorf("%s: adopting changes access", name)
			}
			for k, v := range from.Labels {
				if _, ours := owner.Labels()[k]; !ours && to.Labels[k] != v {
					t.Errorf("%s: label %s is lost", name, k)
				}
			}
		}
	}
	// A pattern reaches the namespaces that are there, and no other.
	have := sees(withKubernetes(haveCluster(test), []string{"ab"}, theirs("ab"), theirs("ending"), theirs("b")))
	if p, err := Adoptions(wants(wantBound(test, wantRole("edit", patterns("a*", "end*")))), have, nil); err != nil || !cmp.Equal(lines(p), []string{"update binding/test/ab/" + editName}) {
		t.Errorf("by a pattern: %v %v", lines(p), err)
	}
	_, err := Adoptions(wants(wantBound(test, wantRole("edit", patterns("a")))), sees(withKubernetes(haveCluster(test), []string{"a"})), []string{"rolebinding/test/a/x"})
	if err == nil {
		t.Error("a binding that is not there was adopted")
	}
}
