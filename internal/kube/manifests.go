package kube

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// Manifests are bindings as a YAML file for somebody else to apply: comments,
// then a document each, in the order given. Equal bindings give equal bytes.
func Manifests(comments []string, bindings []access.Binding) []byte {
	var b strings.Builder
	for _, c := range comments {
		b.WriteString("# " + oneLine(c) + "\n")
	}
	for i := range bindings {
		writeManifest(&b, &bindings[i])
	}
	return []byte(b.String())
}

// ObjectManifests are ServiceAccounts and Secrets as documents to follow Manifests, in the
// order given.
func ObjectManifests(objects []access.WrittenObject) []byte {
	var b strings.Builder
	for i := range objects {
		o := &objects[i]
		fmt.Fprintf(&b, "---\napiVersion: v1\nkind: %s\nmetadata:\n  name: %s\n  namespace: %s\n", o.Kind, quoted(o.Name), quoted(o.Namespace))
		for _, part := range []struct {
			name, indent string
			of           map[string]string
		}{{"annotations", "  ", o.Annotations}, {"labels", "  ", o.Labels}, {"stringData", "", o.Data}} {
			if len(part.of) > 0 {
				b.WriteString(part.indent + part.name + ":\n")
			}
			for _, k := range slices.Sorted(maps.Keys(part.of)) {
				fmt.Fprintf(&b, "%s  %s: %s\n", part.indent, k, quoted(part.of[k]))
			}
		}
	}
	return []byte(b.String())
}

func writeManifest(b *strings.Builder, o *access.Binding) {
	fmt.Fprintf(b, "---\napiVersion: %s/v1\nkind: %s\nmetadata:\n  name: %s\n", rbacGroup, o.Kind(), quoted(o.Name))
	if o.Namespace != "" {
		fmt.Fprintf(b, "  namespace: %s\n", quoted(o.Namespace))
	}
	if len(o.Labels) > 0 {
		b.WriteString("  labels:\n")
		for _, k := range slices.Sorted(maps.Keys(o.Labels)) {
			fmt.Fprintf(b, "    %s: %s\n", k, quoted(o.Labels[k]))
		}
	}
	fmt.Fprintf(b, "roleRef:\n  apiGroup: %s\n  kind: %s\n  name: %s\nsubjects:\n", rbacGroup, o.Role.Kind, quoted(o.Role.Name))
	for _, s := range o.Subjects {
		fmt.Fprintf(b, "  - kind: %s\n    name: %s\n", s.Kind, quoted(s.Name))
		if s.Kind == access.ServiceAccountSubject {
			fmt.Fprintf(b, "    namespace: %s\n", quoted(s.Namespace))
		} else {
			fmt.Fprintf(b, "    apiGroup: %s\n", rbacGroup)
		}
	}
}

// quoted is a string in JSON's form, which YAML reads alike.
func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic("kube: a string cannot be written as JSON: " + err.Error())
	}
	return string(text)
}
