package documents

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// Parse reads documents from memory as Load does from files; keys are file
// names. The error is Faults, and the Set holds what could be read.
func Parse(files map[string][]byte) (*Set, error) {
	r := &reader{set: &Set{Root: "."}, names: map[string]access.Place{}, fields: map[reflect.Type][]field{}}
	for _, name := range slices.Sorted(mapKeys(files)) {
		r.file(name, parse(name, files[name]))
	}
	return r.finish()
}

func mapKeys[V any](m map[string]V) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// reader collects a Set, file by file in order.
type reader struct {
	set          *Set
	faults       Faults
	environments []access.Place
	names        map[string]access.Place  // first place of each KIND/NAME
	bytes, marks int                      // read so far, see the limits
	fields       map[reflect.Type][]field // of the types read so far
}

func (r *reader) fault(p access.Place, hint, format string, args ...any) {
	r.faults = append(r.faults, Fault{Place: p, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// source is one file, read and parsed, with nothing judged yet.
type source struct {
	size, marks int
	bad         *Fault       // what a letter of it is at fault for
	docs        []*yaml.Node // those before the error
	faults      []Fault      // of its syntax, which end it
}

// parse parses one file. It depends on nothing else, so that files can be
// parsed side by side. What is over a file's limits is not parsed.
func parse(name string, data []byte) source {
	f := source{size: len(data)}
	if f.size > maxFileBytes {
		return f
	}
	if data, f.bad = letters(name, data); f.bad != nil {
		return f
	}
	if f.marks = marks(data); f.marks > maxMarks {
		return f
	}
	for decode := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var doc yaml.Node
		switch err := decode.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return f
		case err != nil:
			f.faults = syntax(name, data, err)
			return f
		case len(doc.Content) == 1:
			f.docs = append(f.docs, doc.Content[0])
		}
	}
}

// file takes in one file's documents. What is not YAML ends its own file.
func (r *reader) file(name string, f source) {
	start := access.Place{File: name, Line: 1, Column: 1}
	r.set.Files++
	r.bytes += f.size
	r.marks += f.marks
	switch {
	case f.size > maxFileBytes:
		r.fault(start, "split it", "this file has over %d bytes, the limit", maxFileBytes)
		return
	case f.bad != nil:
		r.faults = append(r.faults, *f.bad)
		return
	case f.marks > maxMarks:
		r.fault(start, "split it", "this file may hold %d values, over the limit of %d", f.marks, maxMarks)
		return
	case r.full():
		r.fault(start, "give each Environment a folder of its own", "this is more than one run reads: the limits are %d files, %d bytes, %d values", maxFiles, maxSetBytes, maxSetMarks)
		return
	}
	for _, doc := range f.docs {
		if deep := deeper(doc, maxDepth); deep != nil {
			r.fault(placeOf(name, deep), "", "this nests over %d deep, the limit", maxDepth)
			continue
		}
		r.document(name, doc)
	}
	r.faults = append(r.faults, f.faults...)
}

// full reports whether what was read is more than one run reads.
func (r *reader) full() bool {
	return r.bytes > maxSetBytes || r.marks > maxSetMarks || r.set.Files > maxFiles
}

// deeper finds a node more than depth beneath n.
func deeper(n *yaml.Node, depth int) *yaml.Node {
	if depth == 0 {
		return n
	}
	for _, c := range n.Content {
		if found := deeper(c, depth-1); found != nil {
			return found
		}
	}
	return nil
}

// document reads one document of a file.
func (r *reader) document(file string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Value == "" {
		return // nothing between two lines of dashes
	}
	d := &decoder{file: file, kind: "document", faults: &r.faults, spoiled: map[*yaml.Node]bool{}, fields: r.fields}
	if !d.plain(n, nil) || !d.is(n, yaml.MappingNode, nil, "a document with apiVersion, kind, metadata and spec") {
		return
	}
	kind, ok := d.header(n)
	if !ok {
		return
	}
	d.kind = kind
	switch kind {
	case v1alpha1.KindEnvironment:
		r.environments = append(r.environments, placeOf(file, n))
		if doc := read[v1alpha1.Environment](d, n); len(r.environments) == 1 {
			r.set.Environment = doc
		}
	case v1alpha1.KindCluster:
		doc := read[v1alpha1.Cluster](d, n)
		r.named(kind, doc.Value.Name, doc.At("metadata", "name"))
		r.set.Clusters = append(r.set.Clusters, doc)
	case v1alpha1.KindTeam:
		doc := read[v1alpha1.Team](d, n)
		r.named(kind, doc.Value.Name, doc.At("metadata", "name"))
		r.set.Teams = append(r.set.Teams, doc)
	case v1alpha1.KindWorkload:
		doc := read[v1alpha1.Workload](d, n)
		r.named(kind, doc.Value.Name, doc.At("metadata", "name"))
		r.set.Workloads = append(r.set.Workloads, doc)
	case v1alpha1.KindAccessTest:
		doc := read[v1alpha1.AccessTest](d, n)
		r.named(kind, doc.Value.Name, doc.At("metadata", "name"))
		r.set.AccessTests = append(r.set.AccessTests, doc)
	}
}

// read decodes and judges a document whose header is sound.
func read[T any](d *decoder, n *yaml.Node) Doc[T] {
	doc := Doc[T]{file: d.file, node: n}
	d.root = reflect.TypeFor[T]()
	d.node = n
	d.value(n, reflect.ValueOf(&doc.Value).Elem(), nil)
	switch v := any(&doc.Value).(type) {
	case *v1alpha1.Environment:
		d.environment(v)
	case *v1alpha1.Cluster:
		d.cluster(v)
	case *v1alpha1.Team:
		d.team(v)
	case *v1alpha1.Workload:
		d.workload(v)
	case *v1alpha1.AccessTest:
		d.accessTest(v)
	}
	return doc
}

// named refuses a second document of the same kind and name.
func (r *reader) named(kind, name string, at access.Place) {
	if name == "" {
		return
	}
	key := kind + "/" + name
	if first, ok := r.names[key]; ok {
		r.fault(at, "", "%s %s stands twice, first at %s", kind, quoted(name), Escape(first.String()))
		return
	}
	r.names[key] = at
}

// kinds that are read, and those that a later version will read.
var (
	kinds     = []string{v1alpha1.KindAccessTest, v1alpha1.KindCluster, v1alpha1.KindEnvironment, v1alpha1.KindTeam, v1alpha1.KindWorkload}
	laterKind = []string{"Database"}
)

// header reads apiVersion and kind.
func (d *decoder) header(n *yaml.Node) (kind string, ok bool) {
	version, at := child(n, "apiVersion"), child(n, "kind")
	switch {
	case version == nil && at == nil:
		d.fault(n, "every YAML file beneath the Environment's folder is read; hidden ones are not", "not an atlas-iam document: it has no apiVersion and no kind")
		return "", false
	case version == nil && similarKey(n, "apiVersion") != nil:
		d.fault(similarKey(n, "apiVersion"), "did you mean apiVersion?", "unknown key %s", quoted(similarKey(n, "apiVersion").Value))
	case version == nil:
		d.fault(n, "write apiVersion: "+v1alpha1.APIVersion, "this document has no apiVersion")
	case version.Kind != yaml.ScalarNode || version.Value != v1alpha1.APIVersion:
		hint := "want " + v1alpha1.APIVersion
		if !strings.HasPrefix(version.Value, "atlas") {
			hint += "; every YAML file beneath the Environment's folder is read, hidden ones are not"
		}
		d.fault(version, hint, "unknown apiVersion %s", quoted(version.Value))
		return "", false
	}
	switch {
	case at == nil && similarKey(n, "kind") != nil:
		d.fault(similarKey(n, "kind"), "did you mean kind?", "unknown key %s", quoted(similarKey(n, "kind").Value))
	case at == nil:
		d.fault(n, "want "+list(kinds, "or"), "this document has no kind")
	case at.Kind == yaml.ScalarNode && slices.Contains(laterKind, at.Value):
		d.fault(at, "want "+list(kinds, "or"), "kind %s is not supported by this version", at.Value)
	case at.Kind != yaml.ScalarNode || !slices.Contains(kinds, at.Value):
		d.fault(at, didYouMean(at.Value, kinds), "unknown kind %s", quoted(at.Value))
	default:
		return at.Value, version != nil
	}
	return "", false
}

// similarKey finds a key of a mapping that was meant to be key.
func similarKey(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if _, ok := access.Nearest(n.Content[i].Value, []string{key}); ok {
			return n.Content[i]
		}
	}
	return nil
}

// finish checks what only the whole set shows, and sorts.
func (r *reader) finish() (*Set, error) {
	switch n := len(r.environments); {
	case n == 0 && len(r.faults) == 0:
		r.fault(access.Place{File: r.set.Root}, "atlas-iam init writes one", "no Environment document")
	case n > 1:
		for _, at := range r.environments[1:] {
			r.fault(at, "a folder tree has one Environment; give the other a folder of its own", "a second Environment, the first is at %s", Escape(r.environments[0].String()))
		}
	}
	r.faults.Sort()
	if len(r.faults) > 0 {
		return r.set, r.faults
	}
	return r.set, nil
}
