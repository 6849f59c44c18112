package documents

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// described is what the doc comments of api/v1alpha1 say: of "Type" and of
// "Type.key". The test TestTheDescriptionsAreThoseOfTheTypes holds it against
// the source and writes it anew with -update.
//
//go:generate go test -run TestTheDescriptionsAreThoseOfTheTypes -update .
//go:embed described.json
var described []byte

// description is one doc comment: its text and its kubebuilder markers.
type description struct {
	Text    string            `json:"text"`
	Markers map[string]string `json:"markers,omitempty"`
}

// object is a JSON object under construction; encoding sorts its keys.
type object map[string]any

// Schema is the JSON Schema (draft-07, which editors read) of a document of
// any kind, made from the Go types and their doc comments. It is never
// stricter than Load, and cannot say all that Load checks.
func Schema() ([]byte, error) {
	s := schema{definitions: object{}}
	if err := json.Unmarshal(described, &s.described); err != nil {
		return nil, fmt.Errorf("read the types' descriptions: %w", err)
	}
	var branches []any
	for _, k := range []struct {
		name string
		typ  reflect.Type
	}{
		{v1alpha1.KindEnvironment, reflect.TypeFor[v1alpha1.Environment]()},
		{v1alpha1.KindCluster, reflect.TypeFor[v1alpha1.Cluster]()},
		{v1alpha1.KindTeam, reflect.TypeFor[v1alpha1.Team]()},
		{v1alpha1.KindWorkload, reflect.TypeFor[v1alpha1.Workload]()},
		{v1alpha1.KindAccessTest, reflect.TypeFor[v1alpha1.AccessTest]()},
	} {
		ref, err := s.typ(k.typ)
		if err != nil {
			return nil, err
		}
		branches = append(branches, object{
			"if":   object{"properties": object{"kind": object{"const": k.name}}, "required": []string{"kind"}},
			"then": ref,
		})
	}
	root := object{
		"$schema":     "http://json-schema.org/draft-07/schema#",
		"title":       "atlas-iam document",
		"type":        "object",
		"required":    []string{"apiVersion", "kind", "metadata", "spec"},
		"properties":  object{"apiVersion": apiVersion(), "kind": object{"enum": kinds, "description": "What the document is about."}},
		"allOf":       branches,
		"definitions": s.definitions,
	}
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	return append(out, '\n'), nil
}

func apiVersion() object {
	return object{"const": v1alpha1.APIVersion, "description": "The version of the document's form."}
}

// schema makes definitions of Go types.
type schema struct {
	described   map[string]description
	definitions object
}

// typ is the schema of a type; structs become definitions.
func (s *schema) typ(t reflect.Type) (object, error) {
	switch t.Kind() {
	case reflect.Pointer:
		return s.typ(t.Elem())
	case reflect.String:
		return object{"type": "string"}, nil
	case reflect.Bool:
		return object{"type": "boolean"}, nil
	case reflect.Map:
		values, err := s.typ(t.Elem())
		return object{"type": "object", "additionalProperties": values}, err
	case reflect.Slice:
		if t == reflect.TypeFor[v1alpha1.Values]() {
			text := object{"type": "string"}
			return object{"anyOf": []any{object{"type": []string{"string", "boolean"}}, object{"type": "array", "items": text}}}, nil
		}
		items, err := s.typ(t.Elem())
		array := object{"type": "array", "items": items}
		if oneOrList(t) && err == nil {
			one, _ := s.typ(t.Elem()) // made above
			return object{"anyOf": []any{one, array}}, nil
		}
		return array, err
	case reflect.Struct:
		if t == reflect.TypeFor[v1alpha1.Subject]() {
			ref, err := s.definition(t)
			return object{"anyOf": []any{object{"type": "string", "pattern": subjectPattern}, ref}}, err
		}
		if t == reflect.TypeFor[v1alpha1.Preset]() {
			ref, err := s.definition(t)
			return object{"anyOf": []any{object{"type": "string", "pattern": presetPattern}, ref}}, err
		}
		return s.definition(t)
	}
	return nil, fmt.Errorf("make a schema of %s: no form for kind %s", t, t.Kind())
}

// subjectPattern is what a subject written as text looks like.
const subjectPattern = `^(arn:aws[a-z-]*:iam::[0-9]{12}:(user|role)/.+|(team|user|role|permissionSet|workload)/.+|serviceaccount/[^/]+/[^/]+)$`

// presetPattern is what a preset written as text looks like.
const presetPattern = `^[a-z0-9][a-z0-9.-]*$`

// definition is a reference to a struct's definition, which it makes.
func (s *schema) definition(t reflect.Type) (object, error) {
	if _, ok := s.definitions[t.Name()]; !ok {
		s.definitions[t.Name()] = nil // begun: a type may hold itself
		def, err := s.structure(t)
		if err != nil {
			return nil, err
		}
		s.definitions[t.Name()] = def
	}
	return object{"$ref": "#/definitions/" + t.Name()}, nil
}

func (s *schema) structure(t reflect.Type) (object, error) {
	properties, required := object{}, []string{}
	for _, f := range fieldsOf(t) {
		owner, key := ownerOf(t, f), f.name
		p, err := s.typ(f.typ)
		if err != nil {
			return nil, err
		}
		d, ok := s.described[owner+"."+key]
		switch {
		case key == "apiVersion":
			p = apiVersion()
		case key == "kind":
			p = object{"const": t.Name()}
		case key == "metadata" || key == "spec":
		case !ok:
			return nil, fmt.Errorf("make a schema of %s.%s: it is not described", owner, key)
		default:
			if p, err = s.constrain(p, d); err != nil {
				return nil, fmt.Errorf("make a schema of %s.%s: %w", owner, key, err)
			}
		}
		properties[key] = p
		if f.required {
			required = append(required, key)
		}
	}
	def := object{"type": "object", "additionalProperties": false, "properties": properties, "description": s.described[t.Name()].Text}
	if len(required) > 0 {
		def["required"] = required
	}
	for _, name := range append([]string{t.Name()}, embedded(t)...) {
		if keys, ok := s.described[name].Markers["ExactlyOneOf"]; ok {
			def["oneOf"] = oneRequired(strings.Split(keys, ";"))
			break // the outer one's counts
		}
	}
	switch t {
	case reflect.TypeFor[v1alpha1.Grant]():
		properties["policy"].(object)["anyOf"] = policyNames()
		def["oneOf"] = grantForms()
	case reflect.TypeFor[v1alpha1.Because]():
		properties["policy"].(object)["anyOf"] = policyNames()
	case reflect.TypeFor[v1alpha1.Statement]():
		def["allOf"] = []any{
			object{"oneOf": oneRequired([]string{"actions", "notActions"})},
			object{"oneOf": oneRequired([]string{"resources", "notResources"})},
		}
		properties["conditions"].(object)["propertyNames"] = object{"pattern": operatorPattern()}
	case reflect.TypeFor[v1alpha1.WorkloadSpec]():
		def["if"] = object{"properties": object{"credentials": object{"const": string(access.IRSA)}}}
		def["then"] = object{"not": anyRequired("targetRole", "disableSessionTags", "sessionPolicy")}
		grants := properties["grants"].(object)
		grants["items"] = object{"allOf": []any{grants["items"]}, "required": []string{"clusters"}}
	case reflect.TypeFor[v1alpha1.Test]():
		def["oneOf"] = testForms()
		def["not"] = object{"required": []string{"namespace", "namespaces"}}
		def["dependencies"] = object{"because": []string{"can"}}
	}
	return def, nil
}

// operatorPattern is what a condition operator looks like.
func operatorPattern() string {
	var names []string
	for _, name := range operators {
		if name != "Null" {
			names = append(names, name)
		}
	}
	return "^(" + strings.Join(setPrefixes, "|") + ")?((" + strings.Join(names, "|") + ")(" + ifExists + ")?|Null)$"
}

// grantForms are the keys that go together in a grant.
func grantForms() []any {
	return []any{
		object{"required": []string{"policy", "namespaces"}, "not": anyRequired("scope", "clusterRole", "role", "group")},
		object{"required": []string{"policy", "scope"}, "not": anyRequired("namespaces", "clusterRole", "role", "group")},
		object{"required": []string{"clusterRole", "namespaces"}, "not": anyRequired("scope", "policy", "role", "group")},
		object{"required": []string{"clusterRole", "scope"}, "not": anyRequired("namespaces", "policy", "role", "group")},
		object{"required": []string{"role", "namespaces"}, "not": anyRequired("scope", "policy", "clusterRole", "group")},
		object{"required": []string{"group"}, "not": anyRequired("policy", "clusterRole", "role", "namespaces", "scope")},
	}
}

// testForms are the keys that go together in a test.
func testForms() []any {
	return []any{
		object{"required": []string{"who"}, "anyOf": oneRequired([]string{"can", "cannot"}), "not": anyRequired("only")},
		object{"required": []string{"only", "can"}, "not": anyRequired("who", "cannot")},
	}
}

// ownerOf is the name of the struct that declares a field: t or one inside it.
func ownerOf(t reflect.Type, f field) string {
	for _, i := range f.index[:len(f.index)-1] {
		t = t.Field(i).Type
	}
	return t.Name()
}

func embedded(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if f := t.Field(i); f.Anonymous {
			names = append(names, f.Type.Name())
		}
	}
	return names
}

func oneRequired(keys []string) []any {
	var out []any
	for _, k := range keys {
		out = append(out, object{"required": []string{k}})
	}
	return out
}

func anyRequired(keys ...string) object { return object{"anyOf": oneRequired(keys)} }

// constrain puts a doc comment and its markers on a property. Beside a $ref
// draft-07 ignores everything, so the reference moves into allOf.
func (s *schema) constrain(p object, d description) (object, error) {
	if _, ok := p["$ref"]; ok {
		p = object{"allOf": []any{p}}
	}
	p["description"] = d.Text
	for marker, value := range d.Markers {
		switch marker {
		case "Pattern":
			p["pattern"] = strings.Trim(value, "`")
		case "items:Pattern":
			for _, item := range itemsOf(p) {
				item["pattern"] = strings.Trim(value, "`")
			}
		case "MinItems", "MaxItems", "MaxLength", "MinProperties", "MaxProperties":
			n, err := strconv.Atoi(value)
			if err != nil {
				return nil, fmt.Errorf("marker %s: %w", marker, err)
			}
			listOf(p)[strings.ToLower(marker[:1])+marker[1:]] = n
		case "Enum":
			p["enum"] = enum(p["type"], value)
		case "example":
			example, err := exampleOf(listOf(p)["type"], value)
			if err != nil {
				return nil, fmt.Errorf("marker %s: %w", marker, err)
			}
			p["examples"] = []any{example}
		default:
			return nil, fmt.Errorf("marker %s is not known", marker)
		}
	}
	if _, bounded := p["pattern"]; p["type"] == "string" && !bounded && d.Markers["example"] != "" && !strings.Contains(d.Text, "Empty:") {
		p["minLength"] = 1
	}
	return p, nil
}

// listOf is the list of a property that may be written as its one item, else
// the property itself.
func listOf(p object) object {
	if ways, ok := p["anyOf"].([]any); ok {
		return ways[1].(object)
	}
	return p
}

// itemsOf are the schemas of a list's items.
func itemsOf(p object) []object {
	items := []object{listOf(p)["items"].(object)}
	if ways, ok := p["anyOf"].([]any); ok {
		items = append(items, ways[0].(object))
	}
	return items
}

func enum(typ any, value string) []any {
	var out []any
	for _, v := range strings.Split(value, ";") {
		if typ == "boolean" {
			out = append(out, v == "true")
		} else {
			out = append(out, v)
		}
	}
	return out
}

// exampleOf reads a marker's example, in which a list is written {"a", "b"}.
func exampleOf(typ any, value string) (any, error) {
	if typ == "array" {
		value = "[" + strings.TrimSuffix(strings.TrimPrefix(value, "{"), "}") + "]"
	}
	var out any
	if err := json.Unmarshal([]byte(value), &out); err != nil {
		return nil, fmt.Errorf("read %q: %w", value, err)
	}
	return out, nil
}

// policyNames are the ways to write an access policy: names for an editor to
// offer, and ARNs.
func policyNames() []any {
	var names []string
	for _, p := range access.Policies() {
		if p.For == access.AnyPrincipal {
			names = append(names, p.Short())
			if p.Short() != p.Name {
				names = append(names, p.Name)
			}
		}
	}
	return []any{object{"enum": names}, object{"pattern": "^arn:aws[a-z-]*:eks::aws:cluster-access-policy/.+$"}}
}
