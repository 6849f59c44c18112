package documents

import (
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// accessTest judges what an AccessTest says by itself.
func (d *decoder) accessTest(t *v1alpha1.AccessTest) {
	d.metadata(t.Name, t.Labels)
	tests := []any{"spec", "tests"}
	d.notEmpty(tests, "write a test, or leave the document out")
	for i, test := range t.Spec.Tests {
		d.test(at(tests, i), test)
	}
}

// test judges one test of an AccessTest.
func (d *decoder) test(p []any, t v1alpha1.Test) {
	if c := t.Clusters; c != nil {
		d.selector(at(p, "clusters"))
		d.selectorValues(at(p, "clusters"), c.Names, c.MatchLabels)
	}
	d.subjects(at(p, "who"), t.Who)
	d.subjects(at(p, "only"), t.Only)
	d.notEmpty(at(p, "who"), "name somebody; that nobody can is only: []")
	namespaced := d.testNamespaces(p, t)
	for _, list := range []struct {
		key   string
		words v1alpha1.Words
	}{{"can", t.Can}, {"cannot", t.Cannot}} {
		path := at(p, list.key)
		d.notEmpty(path, "write VERB RESOURCE, as in create pods, or an action of AWS, as in s3:GetObject ARN")
		for i, text := range list.words {
			d.ask(d.item(path, i), text, t, namespaced)
		}
	}
	d.because(at(p, "because"), t.Because)

	key, ok := d.exactlyOne(p, "who", "only")
	if !ok {
		return
	}
	can, cannot := d.has(at(p, "can")), d.has(at(p, "cannot"))
	switch {
	case key == "only" && cannot:
		d.badKey(at(p, "cannot"), "only says that nobody else can; write a test of its own", "%s has only and cannot together", pathString(p))
	case key == "only" && !can:
		d.bad(p, "write can: [...]", "%s does not say what only these can", pathString(p))
	case !can && !cannot:
		d.bad(p, "write can: [...] or cannot: [...]", "%s asks nothing", pathString(p))
	case t.Because != nil && !can:
		d.badKey(at(p, "because"), "write can: [...]", "%s says why, and not what they can", pathString(p))
	case t.Because != nil && t.Because.Role != "" && !namespaced:
		d.bad(at(p, "because", "role"), "write the namespace, or clusterRole", "a Role is in a namespace, and %s names none", pathString(p))
	}
}

// notEmpty refuses a list that is written and empty.
func (d *decoder) notEmpty(path []any, hint string) {
	if n, ok := follow(d.node, path); ok && n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		d.bad(path, hint, "%s is empty", pathString(path))
	}
}

// item is the path of an item of a list that may be written as its one item.
func (d *decoder) item(path []any, i int) []any {
	if n, ok := follow(d.node, path); ok && n.Kind != yaml.SequenceNode {
		return path
	}
	return at(path, i)
}

// testNamespaces judges where a test asks, and reports whether in namespaces.
func (d *decoder) testNamespaces(p []any, t v1alpha1.Test) bool {
	one, many := at(p, "namespace"), at(p, "namespaces")
	d.testNamespace(one, t.Namespace)
	d.notEmpty(many, "name one, or leave the key out to ask over all")
	seen := map[string]bool{}
	for i, name := range t.Namespaces {
		q := at(many, i)
		if d.testNamespace(q, name) && seen[name] {
			d.bad(q, "", "%s stands twice", quoted(name))
		}
		seen[name] = true
	}
	if d.has(one) && d.has(many) {
		d.badKey(many, "write one of them", "%s has namespace and namespaces together", pathString(p))
	}
	return d.has(one) || d.has(many)
}

func (d *decoder) testNamespace(path []any, s string) bool {
	if strings.Contains(s, "*") {
		d.bad(path, "name a namespace that the pattern matches: a question is about one", "%s is a pattern: %s", pathString(path), quoted(s))
		return false
	}
	return s != "" && d.form(path, s, dnsLabel, labelForm)
}

// subjects judges the subjects of who or only.
func (d *decoder) subjects(path []any, list v1alpha1.Subjects) {
	seen := map[v1alpha1.Subject]bool{}
	for i, s := range list {
		p := d.item(path, i)
		if n, ok := follow(d.node, p); !ok || d.spoiled[n] {
			continue
		}
		if seen[s] {
			d.bad(p, "", "one subject stands twice in %s", pathString(path))
		}
		seen[s] = true
		if s.Name == "" {
			d.principal(p, s.Principal)
			continue
		}
		switch who := d.who(p, s.Name); who.Kind {
		case access.WhoMe:
			d.bad(p, "name somebody: a test says the same whoever runs it", "%s cannot be me", pathString(p))
		}
	}
}

// ask judges one question.
func (d *decoder) ask(path []any, text string, t v1alpha1.Test, namespaced bool) {
	if text == "" {
		return
	}
	ask, err := ParseAsk(text)
	if wrong := (*Wrong)(nil); errors.As(err, &wrong) {
		d.bad(path, wrong.Hint, "%s", wrong.Message)
		return
	}
	if ask.OfAWS() {
		d.actionAsk(path, ask, t, namespaced)
		return
	}
	if namespaced && strings.HasPrefix(ask.Resource, "/") {
		d.bad(path, "give it a test without namespaces", "%s is in no namespace", Escape(ask.Resource))
	}
}

// actionAsk judges a question about an action of AWS, which workloads alone are
// asked.
func (d *decoder) actionAsk(path []any, ask access.Ask, t v1alpha1.Test, namespaced bool) {
	if namespaced {
		d.bad(path, "give it a test without namespaces", "%s is in no namespace", Escape(ask.Verb))
	}
	if t.Only != nil {
		d.bad(path, "write who: workload/NAME with can or cannot", "only is about Kubernetes in this version, and %s is an action of AWS", Escape(ask.Verb))
	}
	if t.Because != nil {
		d.bad(path, "give it a test without because", "because is about Kubernetes, and %s is an action of AWS", Escape(ask.Verb))
	}
	for _, s := range t.Who {
		if who, err := ParseWho(s.Name); s.Name == "" || err == nil && who.Kind != access.WhoWorkload {
			d.bad(path, "give it a test with who: workload/NAME", "actions of AWS are asked of workloads in this version, and this test is about others")
			return
		}
	}
}

// because judges what must have allowed.
func (d *decoder) because(path []any, b *v1alpha1.Because) {
	if b == nil {
		return
	}
	d.exactlyOne(path, "policy", "clusterRole", "role")
	d.policy(at(path, "policy"), b.Policy)
	d.roleName(at(path, "clusterRole"), b.ClusterRole)
	d.roleName(at(path, "role"), b.Role)
}
