package documents

import (
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// unknownKey says what is wrong with a key that t does not have, and gives
// the key of t that was meant, if one was.
func (d *decoder) unknownKey(key *yaml.Node, t reflect.Type, path []any) (meant string) {
	names := namesOf(fieldsOf(t))
	if c, ok := nearest(key.Value, names); ok {
		d.fault(key, "did you mean "+c+"?", "unknown key %s in %s", quoted(key.Value), d.name(path))
		return c
	}
	if elsewhere := levels(d.root, key.Value, nil); len(elsewhere) > 0 {
		d.fault(key, "", "%s is a key of %s, not of %s", Escape(key.Value), list(elsewhere, "and"), d.name(path))
		return ""
	}
	d.fault(key, "keys here are "+list(names, "and"), "unknown key %s in %s", quoted(key.Value), d.name(path))
	return ""
}

// levels lists where in a kind a key belongs: spec.grants[].
func levels(t reflect.Type, key string, path []any) []string {
	var out []string
	for _, f := range fieldsOf(t) {
		if f.name == key {
			out = append(out, levelName(path))
		}
		at, elem := append(slices.Clone(path), f.name), f.typ
		switch elem.Kind() {
		case reflect.Slice:
			at[len(at)-1] = f.name + "[]"
			elem = elem.Elem()
		case reflect.Pointer:
			elem = elem.Elem()
		}
		if elem.Kind() == reflect.Struct {
			out = append(out, levels(elem, key, at)...)
		}
	}
	return out
}

func levelName(path []any) string {
	if len(path) == 0 {
		return "the document"
	}
	return pathString(path)
}
