// Package rbac knows Kubernetes' role-based access control: what a rule
// covers, what an aggregated role holds, and the roles and bindings that every
// cluster starts with. (k8s.io/kubernetes,
// plugin/pkg/auth/authorizer/rbac)
package rbac

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// Request is one question to an API server, in the attributes that its
// authorizers see. (k8s.io/apiserver, authorizer.Attributes)
type Request struct {
	Verb string
	// Group ("" is core), Resource and Subresource of a resource request.
	Group, Resource, Subresource string
	// Namespace is empty for a cluster-scoped resource, and for a namespaced
	// one over all namespaces, as kubectl's -A. For a request on one Namespace
	// object it is that namespace, as the API server has it.
	Namespace string
	Name      string
	// Path of a request that is about no resource; then the others but Verb are
	// empty.
	Path string
}

// Covers reports whether a rule gives what r asks, wherever the rule holds.
func Covers(rule *access.Rule, r Request) bool {
	if !has(rule.Verbs, r.Verb) {
		return false
	}
	if r.Path != "" {
		return CoversPath(rule, r.Path)
	}
	return CoversResource(rule, r.Group, r.Resource, r.Subresource) && CoversName(rule, r.Name)
}

// CoversResource reports whether a rule is about a resource of a group, for
// some verb and name.
func CoversResource(rule *access.Rule, group, resource, subresource string) bool {
	return has(rule.APIGroups, group) && slices.ContainsFunc(rule.Resources, func(s string) bool {
		return coversResource(s, resource, subresource)
	})
}

// CoversName reports whether a rule is for objects of that name. A rule
// without names is for all; one with names is never for requests that have
// none, such as list and create.
func CoversName(rule *access.Rule, name string) bool {
	return len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, name)
}

func coversResource(rule, resource, subresource string) bool {
	if rule == "*" {
		return true // subresources too
	}
	if subresource == "" {
		return rule == resource
	}
	base, ok := strings.CutSuffix(rule, subresource)
	if !ok {
		return false
	}
	base, ok = strings.CutSuffix(base, "/")
	return ok && (base == "*" || base == resource)
}

// CoversPath reports whether a rule is about a URL that is no resource, for some
// verb. Stars at the end are any run of characters; elsewhere they are
// themselves.
func CoversPath(rule *access.Rule, path string) bool {
	return slices.ContainsFunc(rule.NonResourceURLs, func(u string) bool {
		return u == path || strings.HasSuffix(u, "*") && strings.HasPrefix(path, strings.TrimRight(u, "*"))
	})
}

// CoversVerb reports whether a rule has a verb, or all.
func CoversVerb(rule *access.Rule, verb string) bool { return has(rule.Verbs, verb) }

func has(list []string, s string) bool {
	return slices.ContainsFunc(list, func(x string) bool { return x == "*" || x == s })
}
