package documents

import (
	"go.yaml.in/yaml/v3"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// Set is what was read: one Environment and the documents beneath its folder.
type Set struct {
	// Root is the Environment's folder, as the user would name it.
	Root        string
	Environment Doc[v1alpha1.Environment]
	Clusters    []Doc[v1alpha1.Cluster]    // by file, then place
	Teams       []Doc[v1alpha1.Team]       // by file, then place
	Workloads   []Doc[v1alpha1.Workload]   // by file, then place
	AccessTests []Doc[v1alpha1.AccessTest] // by file, then place
	// Partial lists the files beneath Root that were not read because the
	// user named only some. Not empty: nothing may be deleted.
	Partial []string
	// Files is how many files were read.
	Files int
}

// Doc is one document with the places of its values.
type Doc[T any] struct {
	Value T

	file string
	node *yaml.Node // the document's mapping
}

// At is the place of the value at a path of keys and indexes, as in
// At("spec", "members", 2, "user"). For a value that is not written it is the
// place of the nearest parent that is.
func (d Doc[T]) At(path ...any) access.Place {
	n, _ := follow(d.node, path)
	return placeOf(d.file, n)
}

// Has reports whether the document writes a value at a path.
func (d Doc[T]) Has(path ...any) bool {
	_, ok := follow(d.node, path)
	return ok
}

// follow walks a path as far as it goes; ok is false if it ends early.
func follow(n *yaml.Node, path []any) (last *yaml.Node, ok bool) {
	for _, step := range path {
		if n == nil {
			return n, false
		}
		next := child(n, step)
		if next == nil {
			return n, false
		}
		n = next
	}
	return n, n != nil
}

func child(n *yaml.Node, step any) *yaml.Node {
	switch s := step.(type) {
	case string:
		if n.Kind != yaml.MappingNode {
			return nil
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == s {
				return n.Content[i+1]
			}
		}
	case int:
		if n.Kind == yaml.SequenceNode && s >= 0 && s < len(n.Content) {
			return n.Content[s]
		}
	}
	return nil
}

// placeOf is a node's place in a file, or the file's first letter.
func placeOf(file string, n *yaml.Node) access.Place {
	if n == nil {
		return access.Place{File: file, Line: 1, Column: 1}
	}
	return access.Place{File: file, Line: max(n.Line, 1), Column: max(n.Column, 1)}
}
