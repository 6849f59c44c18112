package oracle

import (
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// wrong is a matcher with a fault, made by changing what ours is given.
type wrong struct {
	name    string
	facts   func(*authz.Facts)
	request func(*authz.Request)
}

// eachRule changes every rule, in a copy.
func eachRule(change func(*access.Rule)) func(*authz.Facts) {
	return func(f *authz.Facts) {
		f.Roles = slices.Clone(f.Roles)
		for i := range f.Roles {
			f.Roles[i].Rules = slices.Clone(f.Roles[i].Rules)
			for j := range f.Roles[i].Rules {
				change(&f.Roles[i].Rules[j])
			}
		}
	}
}

// eachBinding changes every binding, in a copy.
func eachBinding(change func(*authz.Binding)) func(*authz.Facts) {
	return func(f *authz.Facts) {
		f.Bindings = slices.Clone(f.Bindings)
		for i := range f.Bindings {
			f.Bindings[i].Subjects = slices.Clone(f.Bindings[i].Subjects)
			change(&f.Bindings[i])
		}
	}
}

func without(list []string, drop func(string) bool) []string {
	return slices.DeleteFunc(slices.Clone(list), drop)
}

func is(word string) func(string) bool { return func(s string) bool { return s == word } }

var wrongs = []wrong{
	{name: "a star is no verb", facts: eachRule(func(r *access.Rule) { r.Verbs = without(r.Verbs, is("*")) })},
	{name: "a star is no group", facts: eachRule(func(r *access.Rule) { r.APIGroups = without(r.APIGroups, is("*")) })},
	{name: "the core group is every group", facts: eachRule(func(r *access.Rule) {
		if slices.Contains(r.APIGroups, "") {
			r.APIGroups = []string{"*"}
		}
	})},
	{name: "a star is no resource", facts: eachRule(func(r *access.Rule) { r.Resources = without(r.Resources, is("*")) })},
	{name: "*/scale is nothing", facts: eachRule(func(r *access.Rule) { r.Resources = without(r.Resources, is("*/scale")) })},
	{name: "pods/* is every subresource of pods", facts: eachRule(func(r *access.Rule) {
		if slices.Contains(r.Resources, "pods/*") {
			r.Resources = append(slices.Clone(r.Resources), "pods/log", "pods/scale", "pods/x")
		}
	})},
	{name: "*/* is everything", facts: eachRule(func(r *access.Rule) {
		if slices.Contains(r.Resources, "*/*") {
			r.Resources = []string{"*"}
		}
	})},
	{name: "a resource is its subresources", facts: eachRule(func(r *access.Rule) {
		if slices.Contains(r.Resources, "pods") {
			r.Resources = append(slices.Clone(r.Resources), "pods/log")
		}
	})},
	{name: "names count for nothing", facts: eachRule(func(r *access.Rule) { r.ResourceNames = nil })},
	{name: "no name is any name", facts: eachRule(func(r *access.Rule) {
		if len(r.ResourceNames) > 0 {
			r.ResourceNames = append(slices.Clone(r.ResourceNames), "")
		}
	})},
	{name: "a star is any name", facts: eachRule(func(r *access.Rule) {
		if slices.Contains(r.ResourceNames, "*") {
			r.ResourceNames = nil
		}
	})},
	{name: "the star of a URL is itself", facts: eachRule(func(r *access.Rule) {
		r.NonResourceURLs = without(r.NonResourceURLs, func(s string) bool { return strings.HasSuffix(s, "*") })
	})},
	{name: "two stars of a URL are one", facts: eachRule(func(r *access.Rule) {
		r.NonResourceURLs = without(r.NonResourceURLs, func(s string) bool { return strings.HasSuffix(s, "**") })
	})},
	{name: "a URL is all beneath it", facts: eachRule(func(r *access.Rule) {
		if slices.Contains(r.NonResourceURLs, "/healthz") {
			r.NonResourceURLs = append(slices.Clone(r.NonResourceURLs), "/healthz*")
		}
	})},
	{name: "the second rule is not read", facts: func(f *authz.Facts) {
		f.Roles = slices.Clone(f.Roles)
		for i := range f.Roles {
			f.Roles[i].Rules = f.Roles[i].Rules[:min(1, len(f.Roles[i].Rules))]
		}
	}},
	{name: "a RoleBinding holds everywhere", facts: eachBinding(func(b *authz.Binding) {
		if b.Namespace != "" && b.Role.Kind == access.ClusterRole {
			b.Namespace = ""
		}
	})},
	{name: "a ClusterRoleBinding holds in namespaces alone", facts: eachBinding(func(b *authz.Binding) {
		if b.Namespace == "" && len(b.Patterns) == 0 {
			b.Patterns = []string{"*"}
		}
	})},
	{name: "a pattern is a literal", facts: eachBinding(func(b *authz.Binding) {
		if len(b.Patterns) > 0 {
			b.Patterns = append(without(b.Patterns, func(s string) bool { return strings.Contains(s, "*") }), "none")
		}
	})},
	{name: "a pattern's second word is not read", facts: eachBinding(func(b *authz.Binding) { b.Patterns = b.Patterns[:min(1, len(b.Patterns))] })},
	{name: "a Role is a ClusterRole", facts: eachBinding(func(b *authz.Binding) { b.Role.Kind = access.ClusterRole })},
	{name: "the second subject is not read", facts: eachBinding(func(b *authz.Binding) { b.Subjects = b.Subjects[:1] })},
	{name: "a group is a user", facts: eachSubject(func(s *access.Subject) {
		if s.Kind == access.GroupSubject {
			s.Kind = access.UserSubject
		}
	})},
	{name: "the kind of a subject is read in any case", facts: eachSubject(func(s *access.Subject) {
		if s.Kind == "user" {
			s.Kind = access.UserSubject
		}
	})},
	{name: "a ServiceAccount without a namespace is nobody", facts: eachSubject(func(s *access.Subject) {
		if s.Kind == access.ServiceAccountSubject && s.Namespace == "" {
			s.Kind = "Nobody"
		}
	})},
	{name: "a ServiceAccount is of the binding's namespace", facts: eachBinding(func(b *authz.Binding) {
		for i := range b.Subjects {
			if s := &b.Subjects[i]; s.Kind == access.ServiceAccountSubject && b.Namespace != "" {
				s.Namespace = b.Namespace
			}
		}
	})},
	{name: "the subresource is not read", request: func(r *authz.Request) { r.Subresource = "" }},
	{name: "over all namespaces is in one of them", request: func(r *authz.Request) {
		if r.Path == "" && r.Namespace == "" {
			r.Namespace = "ops"
		}
	}},
	{name: "the verbs are not told apart beyond 64", request: func(r *authz.Request) {
		if strings.HasPrefix(r.Verb, "verb8") {
			r.Verb = "verb7"
		}
	}},
}

func eachSubject(change func(*access.Subject)) func(*authz.Facts) {
	return eachBinding(func(b *authz.Binding) {
		for i := range b.Subjects {
			change(&b.Subjects[i])
		}
	})
}

// Each fault shows within the first hundredth of the run.
//
// shows: item S48
func TestWrongMatchersAreFound(t *testing.T) {
	first := *decisions / 100
	for _, w := range wrongs {
		m, err := run(*seed, 0, first, &w)
		if err == nil {
			t.Errorf("seed %d: %s: not found in %d decisions", *seed, w.name, first)
			continue
		}
		t.Logf("%s: found after %d decisions", w.name, m.asked)
	}
	if _, err := run(*seed, 0, first, &wrong{name: "none"}); err != nil {
		t.Errorf("seed %d: without a fault: %v", *seed, err)
	}
}
