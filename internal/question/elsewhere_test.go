package question

import (
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/authz"
)

// Whoever may in a namespace that a grant names, and not in all, is elsewhere,
// with just those namespaces; nobody else is. Asked namespace by namespace.
//
// shows: item S65
func TestWhoMayInSomeNamespacesOnlyIsToldApart(t *testing.T) {
	found, none := 0, 0
	for _, dir := range []string{"../../examples/first-article", "../../examples/kubernetes-roles"} {
		w := Documents(state(t, dir), nil)
		for _, words := range []string{"get secrets", "create pods/exec", "list pods", "update deployments", "delete nodes", "create namespaces", "get /healthz"} {
			verb, resource, _ := strings.Cut(words, " ")
			asked, err := Parse(Ask{Verb: verb, Resource: resource})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range w.Clusters {
				on, err := c.WhoCan(asked)
				if err != nil {
					t.Fatal(err)
				}
				engine, _ := c.Engine()
				have := map[string][]string{}
				for _, e := range on.Elsewhere {
					have[e.Name] = e.In
				}
				for _, place := range c.places() {
					r := asked.Request
					if asked.Namespaced {
						r.Namespace = strings.ReplaceAll(place, "*", "x")
					}
					for _, h := range engine.WhoCan(r).Allowed {
						certain := slices.ContainsFunc(on.Certain, func(x Holder) bool { return x.Kind == h.Kind && x.Name == h.Name })
						if h.Kind != authz.PrincipalHolder || certain {
							continue
						}
						if found++; len(have[h.Name]) == 0 {
							t.Errorf("%s on %s: %s may in %s and is not told of", words, c.Facts.Name, h.Name, place)
						}
					}
				}
				for name, in := range have {
					for _, place := range in {
						r := asked.Request
						r.Namespace = strings.ReplaceAll(place, "*", "x")
						if !slices.ContainsFunc(engine.WhoCan(r).Allowed, func(h authz.Holder) bool { return h.Name == name }) {
							t.Errorf("%s on %s: %s may not in %s", words, c.Facts.Name, name, place)
						}
					}
				}
				if len(have) == 0 {
					none++
				}
			}
		}
	}
	if found < 20 || none < 5 {
		t.Errorf("%d found, %d questions without any: too few to tell", found, none)
	}
}

// places are the namespaces and patterns that the cluster's grants name.
func (c *Cluster) places() []string {
	var out []string
	for _, places := range c.bound() {
		out = append(out, places...)
	}
	for i := range c.Facts.Entries {
		for _, a := range c.Facts.Entries[i].Associations {
			out = append(out, a.Scope.Namespaces...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
