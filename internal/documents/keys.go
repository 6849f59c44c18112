package documents

import (
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// otherWords are what AWS, Terraform and others call a key of ours, folded.
var otherWords = map[string]string{
	"principalarn": "arn", "userarn": "arn", "rolearn": "arn", "username": "username", "rolename": "role", "iamuser": "user", "iamrole": "role",
	"policyarn": "policy", "policyname": "policy", "accesspolicy": "policy", "policies": "policy",
	"kubernetesgroup": "group", "kubernetesgroups": "group", "groups": "group",
	"policyassociations": "grants", "accesspolicies": "grants", "access": "grants", "permissions": "grants",
	"users": "members", "principals": "members", "people": "members", "clusterselector": "clusters", "selector": "clusters",
	"clusterrolename": "clusterRole", "subject": "who", "subjects": "who", "what": "can", "allowed": "can", "denied": "cannot", "reason": "because",
	"accessscope": "scope", "accountid": "id", "rolesession": "sessionName", "authmode": "authenticationMode",
}

// subjectText are keys, folded, of subjects that are written as text.
var subjectText = map[string]string{"team": "team/NAME", "serviceaccount": "serviceaccount/NAMESPACE/NAME", "workload": "workload/NAME"}

// manyFaults is how many faults there are before a word's nearest is no longer
// looked for: a file that has so many is not one of ours.
const manyFaults = 1000

// unknownKey says what is wrong with a key that t does not have, and gives
// the key of t that was meant, if one was.
func (d *decoder) unknownKey(key *yaml.Node, t reflect.Type, path []any) (meant string) {
	if form, ok := subjectText[access.Fold(key.Value)]; ok && t == reflect.TypeFor[v1alpha1.Subject]() {
		d.fault(key, "write "+form, "unknown key %s in %s", quoted(key.Value), d.name(path))
		return ""
	}
	names := namesOf(fieldsOf(t))
	if t == reflect.TypeFor[v1alpha1.Preset]() && access.Fold(key.Value) != "parameter" && access.Fold(key.Value) != "params" {
		d.fault(key, "write it beneath parameters", "unknown key %s in %s", quoted(key.Value), d.name(path))
		return ""
	}
	if hint, ok := notHere[t][access.Fold(key.Value)]; ok {
		d.fault(key, hint, "unknown key %s in %s", quoted(key.Value), d.name(path))
		return ""
	}
	if word, ok := wordsHere[t][access.Fold(key.Value)]; ok {
		d.fault(key, "did you mean "+word+"?", "unknown key %s in %s", quoted(key.Value), d.name(path))
		return word
	}
	if len(*d.faults) > manyFaults {
		d.fault(key, "keys here are "+list(names, "and"), "unknown key %s in %s", quoted(key.Value), d.name(path))
		return ""
	}
	other := otherWord(key.Value)
	if c, ok := access.Nearest(key.Value, names); ok || slices.Contains(names, other) {
		if !ok {
			c = other
		}
		d.fault(key, "did you mean "+c+"?", "unknown key %s in %s", quoted(key.Value), d.name(path))
		return c
	}
	if elsewhere := levels(d.root, key.Value, nil); len(elsewhere) > 0 {
		d.fault(key, "", "%s is a key of %s, not of %s", Escape(key.Value), list(elsewhere, "and"), d.name(path))
		return ""
	}
	if elsewhere := levels(d.root, other, nil); len(elsewhere) > 0 && other != "" {
		d.fault(key, "it is "+other+" here, a key of "+list(elsewhere, "and"), "unknown key %s in %s", quoted(key.Value), d.name(path))
		return ""
	}
	d.fault(key, "keys here are "+list(names, "and"), "unknown key %s in %s", quoted(key.Value), d.name(path))
	return ""
}

// otherWord finds the key of ours for somebody else's word, misspelt or not.
func otherWord(s string) string {
	words := slices.Sorted(mapKeys(otherWords))
	if w, ok := access.Nearest(s, words); ok {
		return otherWords[w]
	}
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
