package access

import (
	"slices"
	"strings"
)

// Scope is where an access policy applies: the whole cluster, or the
// namespaces that match one of some patterns. It is normal when Namespaces is
// sorted, without doubles, and nil for the whole cluster. The zero value is no
// scope at all: it covers nothing.
type Scope struct {
	Cluster    bool     `json:"cluster,omitempty"`
	Namespaces []string `json:"namespaces,omitempty"`
}

// ClusterScope is the whole cluster: every namespace, every cluster-scoped
// resource and every non-resource URL.
func ClusterScope() Scope { return Scope{Cluster: true} }

// NamespaceScope is the normal scope of these patterns.
func NamespaceScope(patterns ...string) Scope {
	ns := slices.Clone(patterns)
	slices.Sort(ns)
	return Scope{Namespaces: slices.Compact(ns)}
}

// Type is EKS's word for the scope: "cluster" or "namespace".
func (s Scope) Type() string {
	if s.Cluster {
		return "cluster"
	}
	return "namespace"
}

// String is "cluster", or the patterns with commas.
func (s Scope) String() string {
	if s.Cluster {
		return "cluster"
	}
	return strings.Join(s.Namespaces, ", ")
}

// IsZero reports whether s covers nothing.
func (s Scope) IsZero() bool { return !s.Cluster && len(s.Namespaces) == 0 }

// Equal compares normal scopes.
func (s Scope) Equal(o Scope) bool {
	return s.Cluster == o.Cluster && slices.Equal(s.Namespaces, o.Namespaces)
}

// Union is the normal scope of both. The whole cluster swallows patterns.
func (s Scope) Union(o Scope) Scope {
	if s.Cluster || o.Cluster {
		return ClusterScope()
	}
	return NamespaceScope(slices.Concat(s.Namespaces, o.Namespaces)...)
}

// Covers reports whether everything in o is in s: each pattern of o is
// contained in one pattern of s. It errs only to false: patterns that cover
// another one together but not singly are not recognised.
func (s Scope) Covers(o Scope) bool {
	if s.Cluster {
		return true
	}
	return !o.Cluster && len(s.Minus(o)) == 0
}

// Minus gives the patterns of o that s does not cover. It is empty when s is
// the whole cluster; when only o is, the answer is ["*"] and Covers is false.
func (s Scope) Minus(o Scope) []string {
	if s.Cluster {
		return nil
	}
	if o.Cluster {
		return []string{"*"}
	}
	var left []string
	for _, p := range o.Namespaces {
		if !slices.ContainsFunc(s.Namespaces, func(q string) bool { return PatternContains(q, p) }) {
			left = append(left, p)
		}
	}
	return left
}

// MatchPattern reports whether a namespace matches a pattern, in which * is
// any run of characters, also none, and all else is itself. (Assumption
// namespace-pattern: EKS publishes no grammar; observed are leading and
// trailing stars that match the empty run.)
func MatchPattern(pattern, name string) bool { return PatternContains(pattern, name) }

// PatternContains reports whether every name that matches inner matches outer.
// A star in inner stands for any run, so only a star of outer can take it in.
func PatternContains(outer, inner string) bool {
	// Greedy matching with one point to come back to; linear in the lengths'
	// product. A '*' of inner is read as a letter that only '*' matches, which
	// is exact as long as the alphabet has a letter that outer does not use.
	o, i, star, mark := 0, 0, -1, 0
	for i < len(inner) {
		switch {
		case o < len(outer) && outer[o] == '*':
			star, mark = o, i
			o++
		case o < len(outer) && inner[i] != '*' && outer[o] == inner[i]:
			o++
			i++
		case star >= 0:
			mark++
			o, i = star+1, mark
		default:
			return false
		}
	}
	for o < len(outer) && outer[o] == '*' {
		o++
	}
	return o == len(outer)
}
