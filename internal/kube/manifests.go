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

// AccountManifests are ServiceAccounts of ours as documents to follow Manifests,
// in the order given.
func AccountManifests(o access.Owner, accounts []access.WantServiceAccount) []byte {
	var b strings.Builder
	for i := range accounts {
		a := &accounts[i]
		fmt.Fprintf(&b, "---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: %s\n  namespace: %s\n", quoted(a.Name), quoted(a.Namespace))
		if a.Role != "" {
			fmt.Fprintf(&b, "  annotations:\n    %s: %s\n", access.AnnotationRole, quoted(a.Role))
		}
		b.WriteString("  labels:\n")
		labels := o.Labels()
		for _, k := range slices.Sorted(maps.Keys(labels)) {
			fmt.Fprintf(&b, "    %s: %s\n", k, quoted(labels[k]))
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
