package rbac

import (
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

func TestCovers(t *testing.T) {
	rule := func(verbs, groups, resources, names []string) access.Rule {
		return access.Rule{Verbs: verbs, APIGroups: groups, Resources: resources, ResourceNames: names}
	}
	l := func(s ...string) []string { return s }
	tests := []struct {
		name string
		rule access.Rule
		r    Request
		want bool
	}{
		{"all words", rule(l("get"), l(""), l("pods"), nil), Request{Verb: "get", Resource: "pods"}, true},
		{"another verb", rule(l("get"), l(""), l("pods"), nil), Request{Verb: "list", Resource: "pods"}, false},
		{"another group", rule(l("get"), l("apps"), l("pods"), nil), Request{Verb: "get", Resource: "pods"}, false},
		{"every verb", rule(l("*"), l(""), l("pods"), nil), Request{Verb: "list", Resource: "pods"}, true},
		{"every group", rule(l("get"), l("*"), l("pods"), nil), Request{Verb: "get", Group: "apps", Resource: "pods"}, true},
		{"the star of a question is no wildcard", rule(l("get"), l(""), l("pods"), nil), Request{Verb: "*", Resource: "pods"}, false},
		{"a resource is not its subresource", rule(l("get"), l(""), l("pods"), nil), Request{Verb: "get", Resource: "pods", Subresource: "log"}, false},
		{"a subresource", rule(l("get"), l(""), l("pods/log"), nil), Request{Verb: "get", Resource: "pods", Subresource: "log"}, true},
		{"a subresource is not its resource", rule(l("get"), l(""), l("pods/log"), nil), Request{Verb: "get", Resource: "pods"}, false},
		{"that subresource of all", rule(l("get"), l(""), l("*/scale"), nil), Request{Verb: "get", Resource: "things", Subresource: "scale"}, true},
		{"not the end of another", rule(l("get"), l(""), l("*/le"), nil), Request{Verb: "get", Resource: "things", Subresource: "scale"}, false},
		{"every resource is every subresource", rule(l("get"), l(""), l("*"), nil), Request{Verb: "get", Resource: "pods", Subresource: "log"}, true},
		{"all subresources of one is no form", rule(l("get"), l(""), l("pods/*"), nil), Request{Verb: "get", Resource: "pods", Subresource: "log"}, false},
		{"a name", rule(l("get"), l(""), l("pods"), l("a", "b")), Request{Verb: "get", Resource: "pods", Name: "b"}, true},
		{"another name", rule(l("get"), l(""), l("pods"), l("a", "b")), Request{Verb: "get", Resource: "pods", Name: "c"}, false},
		{"a list has no name", rule(l("list"), l(""), l("pods"), l("a")), Request{Verb: "list", Resource: "pods"}, false},
		{"a list by name", rule(l("list"), l(""), l("pods"), l("a")), Request{Verb: "list", Resource: "pods", Name: "a"}, true},
		{"a rule of resources gives no URL", rule(l("*"), l("*"), l("*"), nil), Request{Verb: "get", Path: "/healthz"}, false},
		{"a URL", access.Rule{Verbs: l("get"), NonResourceURLs: l("/healthz")}, Request{Verb: "get", Path: "/healthz"}, true},
		{"a longer URL", access.Rule{Verbs: l("get"), NonResourceURLs: l("/healthz")}, Request{Verb: "get", Path: "/healthz/x"}, false},
		{"a star at the end", access.Rule{Verbs: l("get"), NonResourceURLs: l("/healthz/*")}, Request{Verb: "get", Path: "/healthz/x"}, true},
		{"a star at the end wants its beginning", access.Rule{Verbs: l("get"), NonResourceURLs: l("/healthz/*")}, Request{Verb: "get", Path: "/healthz"}, false},
		{"a star in the middle is itself", access.Rule{Verbs: l("get"), NonResourceURLs: l("/*/x")}, Request{Verb: "get", Path: "/healthz/x"}, false},
		{"every URL", access.Rule{Verbs: l("*"), NonResourceURLs: l("*")}, Request{Verb: "post", Path: "/x"}, true},
		{"a rule of URLs gives no resource", access.Rule{Verbs: l("*"), NonResourceURLs: l("*")}, Request{Verb: "get", Resource: "pods"}, false},
	}
	for _, tt := range tests {
		if got := Covers(&tt.rule, tt.r); got != tt.want {
			t.Errorf("%s: Covers(%+v, %+v) = %t", tt.name, tt.rule, tt.r, got)
		}
	}
}
