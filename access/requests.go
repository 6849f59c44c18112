package access

import (
	"fmt"
	"slices"
	"strings"
)

// Words are a set of words: those of In, or with Any all, less those of But.
type Words struct {
	Any bool     `json:"any,omitempty"`
	In  []string `json:"in,omitempty"`
	But []string `json:"but,omitempty"`
}

// IsZero reports whether w has nothing.
func (w Words) IsZero() bool { return !w.Any && len(w.In) == 0 }

// Key tells words apart.
func (w Words) Key() string { return fmt.Sprintf("%t %q %q", w.Any, w.In, w.But) }

// Has reports whether w has a word.
func (w Words) Has(word string) bool {
	return (w.Any || slices.Contains(w.In, word)) && !slices.Contains(w.But, word)
}

// HasResource is Has for resources, where */SUB is that subresource of all.
func (w Words) HasResource(resource string) bool {
	_, sub, ok := strings.Cut(resource, "/")
	in := func(list []string) bool {
		return slices.Contains(list, resource) || ok && sub != "" && slices.Contains(list, "*/"+sub)
	}
	return (w.Any || in(w.In)) && !in(w.But)
}

// Requests are all requests to an API server with one word of each: of
// resources, or with Paths of URLs that are no resources, where only verbs
// count besides.
type Requests struct {
	Verbs     Words `json:"verbs"`
	Groups    Words `json:"groups,omitzero"`
	Resources Words `json:"resources,omitzero"` // "pods/log"; "*/scale": that subresource of all
	Names     Words `json:"names,omitzero"`     // of objects; a request without one has the empty name
	Paths     Words `json:"paths,omitzero"`     // a star at the end of one takes in what follows
}

// Where is a set of namespaces, or what is in none.
type Where struct {
	// Cluster is what is in no namespace: cluster-scoped resources, requests
	// over all namespaces, and URLs that are no resources.
	Cluster bool `json:"cluster,omitempty"`
	// Else it is the namespaces that match a pattern of each list of In and none
	// of Outside; every namespace, if neither has any.
	In      [][]string `json:"in,omitempty"`
	Outside []string   `json:"outside,omitempty"`
	Example string     `json:"example,omitempty"` // the shortest such namespace
}

// Everywhere reports whether w is every namespace.
func (w Where) Everywhere() bool { return !w.Cluster && len(w.In) == 0 && len(w.Outside) == 0 }

// PatternSet is what all of some patterns of IAM's cover and none of others.
type PatternSet struct {
	All    []string `json:"all"`
	Except []string `json:"except,omitempty"`
}

func (s PatternSet) String() string {
	out := strings.Join(s.All, " and ")
	if len(s.Except) > 0 {
		out += " except " + strings.Join(s.Except, ", ")
	}
	return out
}
