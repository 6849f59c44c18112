package documents

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// decoder turns the nodes of one document into a Go value, driven by the
// value's type and json tags. It goes on after a fault.
type decoder struct {
	file   string
	kind   string       // of the document
	root   reflect.Type // its Go type
	node   *yaml.Node   // its mapping
	faults *Faults
	// spoiled holds the nodes that could not be decoded whole; what else could
	// be said of those would be guessed.
	spoiled map[*yaml.Node]bool
	fields  map[reflect.Type][]field // found so far
}

func (d *decoder) fault(n *yaml.Node, hint, format string, args ...any) {
	*d.faults = append(*d.faults, Fault{Place: placeOf(d.file, n), Message: fmt.Sprintf(format, args...), Hint: hint})
}

// field is a key that a type has.
type field struct {
	name     string
	index    []int
	required bool
	typ      reflect.Type
}

// fieldsOf lists the keys of a struct type in order.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("json") == "-" {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if options == "inline" || strings.HasPrefix(options, "inline,") {
			for _, in := range fieldsOf(f.Type) {
				in.index = append([]int{i}, in.index...)
				out = append(out, in)
			}
			continue
		}
		out = append(out, field{name: name, index: []int{i}, typ: f.Type, required: !strings.Contains(options, "omit")})
	}
	return out
}

// fieldsOf is fieldsOf, remembered.
func (d *decoder) fieldsOf(t reflect.Type) []field {
	fields, ok := d.fields[t]
	if !ok {
		fields = fieldsOf(t)
		d.fields[t] = fields
	}
	return fields
}

// value decodes n into v and reports whether it could.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path []any) bool {
	good := d.plain(n, path) && d.valueOf(n, v, path)
	if !good {
		d.spoiled[n] = true
	}
	return good
}

func (d *decoder) valueOf(n *yaml.Node, v reflect.Value, path []any) bool {
	switch typ := v.Type(); {
	case asText(typ) && n.Kind == yaml.ScalarNode:
		return d.valueOf(n, v.FieldByName("Name"), path)
	case typ == reflect.TypeFor[v1alpha1.Values]() && n.Kind == yaml.ScalarNode && n.Tag == "!!bool" && n.Style&quotedStyles == 0:
		v.Set(reflect.ValueOf(v1alpha1.Values{strings.ToLower(n.Value)}))
		return true
	case oneOrList(typ) && n.Kind != yaml.SequenceNode:
		v.Set(reflect.MakeSlice(typ, 1, 1))
		return d.valueOf(n, v.Index(0), path)
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return d.valueOf(n, v.Elem(), path)
	case reflect.Struct:
		return d.object(n, v, path)
	case reflect.Slice:
		return d.sequence(n, v, path)
	case reflect.Map:
		if v.Type().Elem().Kind() == reflect.String {
			return d.stringMap(n, v, path)
		}
		return d.mapping(n, v, path)
	case reflect.String:
		s, ok := d.text(n, path)
		if ok && s == "" && !mayBeEmpty(path) {
			d.fault(n, "write it, or leave the key out", "%s is empty", d.name(path))
			return false
		}
		v.SetString(s)
		return ok
	case reflect.Bool:
		b, ok := d.boolean(n, path)
		v.SetBool(b)
		return ok
	}
	panic("documents: a document's type has a field of kind " + v.Kind().String())
}

// mayBeEmpty reports whether the empty text means something: no boundary, or a
// value that a condition compares with.
func mayBeEmpty(path []any) bool {
	return lastKey(path) == "permissionsBoundary" || slices.Contains(path, any("conditions"))
}

// asText reports whether what has keys may be written as its name.
func asText(t reflect.Type) bool {
	return t == reflect.TypeFor[v1alpha1.Subject]() || t == reflect.TypeFor[v1alpha1.Preset]()
}

// oneOrList reports whether a list may be written as its one item.
func oneOrList(t reflect.Type) bool {
	return t == reflect.TypeFor[v1alpha1.Subjects]() || t == reflect.TypeFor[v1alpha1.Words]() || t == reflect.TypeFor[v1alpha1.Values]()
}

// object decodes a mapping into a struct.
func (d *decoder) object(n *yaml.Node, v reflect.Value, path []any) bool {
	fields := d.fieldsOf(v.Type())
	if n.Kind != yaml.MappingNode {
		return d.is(n, yaml.MappingNode, path, "a mapping with "+list(namesOf(fields), "and"))
	}
	meant := map[string]bool{} // keys that stand there misspelt
	pairs, good := d.pairs(n, path)
	for _, pair := range pairs {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == pair.key.Value })
		if i < 0 {
			good = false
			meant[d.unknownKey(pair.key, v.Type(), path)] = true
			continue
		}
		good = d.value(pair.value, v.FieldByIndex(fields[i].index), at(path, pair.key.Value)) && good
	}
	for _, f := range fields {
		if f.required && child(n, f.name) == nil && !meant[f.name] {
			d.fault(n, "it is always written", "%s has no %s", d.name(path), f.name)
			good = false
		}
	}
	return good
}

func namesOf(fields []field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}

// sequence decodes a list into a slice.
func (d *decoder) sequence(n *yaml.Node, v reflect.Value, path []any) bool {
	if !d.is(n, yaml.SequenceNode, path, "a list") {
		return false
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	good := true
	for i, item := range n.Content {
		good = d.value(item, v.Index(i), at(path, i)) && good
	}
	return good
}

// stringMap decodes a mapping of free keys.
func (d *decoder) stringMap(n *yaml.Node, v reflect.Value, path []any) bool {
	if !d.is(n, yaml.MappingNode, path, "a mapping of keys to values") {
		return false
	}
	m := make(map[string]string, len(n.Content)/2)
	pairs, good := d.pairs(n, path)
	for _, pair := range pairs {
		inner := at(path, pair.key.Value)
		key, keyOK := d.text(pair.key, inner)
		value, valueOK := "", d.plain(pair.value, inner)
		if valueOK {
			value, valueOK = d.text(pair.value, inner)
		}
		if keyOK && valueOK {
			m[key] = value
		} else {
			good = false
		}
	}
	v.Set(reflect.ValueOf(m))
	return good
}

// mapping decodes a mapping of free keys whose values have a form.
func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path []any) bool {
	if !d.is(n, yaml.MappingNode, path, "a mapping of keys to values") {
		return false
	}
	v.Set(reflect.MakeMap(v.Type()))
	pairs, good := d.pairs(n, path)
	for _, pair := range pairs {
		inner := at(path, pair.key.Value)
		key, keyOK := d.text(pair.key, inner)
		value := reflect.New(v.Type().Elem()).Elem()
		good = d.value(pair.value, value, inner) && keyOK && good
		if keyOK { // also what was decoded in part: the rest of it is judged too
			v.SetMapIndex(reflect.ValueOf(key), value)
		}
	}
	return good
}

// pair is a key of a mapping with its value.
type pair struct{ key, value *yaml.Node }

// pairs gives the keys of a mapping that are usable, in order, and whether
// all are; the others are faults.
func (d *decoder) pairs(n *yaml.Node, path []any) (out []pair, good bool) {
	good = true
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Tag == "!!merge":
			d.fault(key, "write the keys out", "merge keys (<<) are not read")
		case key.Kind == yaml.AliasNode || key.Anchor != "":
			d.plain(key, path)
		case key.Kind != yaml.ScalarNode:
			d.fault(key, "", "a key of %s is not a word", d.name(path))
		case first[key.Value] != nil:
			d.fault(key, fmt.Sprintf("it stands on line %d already", first[key.Value].Line), "key %s of %s stands twice", quoted(key.Value), d.name(path))
		default:
			first[key.Value] = key
			out = append(out, pair{key, value})
			continue
		}
		good = false
	}
	return out, good
}

// name is a path in words: spec.grants[2].policy, or the kind itself.
func (d *decoder) name(path []any) string {
	if len(path) == 0 {
		return "this " + d.kind
	}
	return pathString(path)
}

func pathString(path []any) string {
	var b strings.Builder
	for _, step := range path {
		switch s := step.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", s)
		case string:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(Escape(s))
		}
	}
	return b.String()
}
