package documents

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// LoadWith reads the whole Environment that a folder is in as if the folder had
// one more file; file is that file's name as users would write it. The folder
// "" is the Environment's own. Errors are as Load's.
func LoadWith(folder, name string, content []byte) (set *Set, file string, err error) {
	var paths []string
	if folder != "" {
		paths = []string{folder}
	}
	t, err := locate(paths)
	if err != nil {
		return nil, "", err
	}
	if !isFolder(t.paths[0]) {
		return nil, "", fmt.Errorf("%s is no folder", Escape(folder))
	}
	t.extra, t.content, t.paths = filepath.Join(t.paths[0], name), content, []string{t.root}
	file = t.show(t.extra)
	if _, err := os.Lstat(t.extra); err == nil {
		return nil, file, fmt.Errorf("write %s: the file is there already", Escape(file))
	}
	set, err = t.load()
	return set, file, err
}

// WorkloadFile is the name of the file of a new Workload.
func WorkloadFile(name string) (string, error) {
	if !dnsLabel.MatchString(name) {
		return "", fmt.Errorf("%s cannot be the name of a Workload: want lower-case letters, digits and dashes, as in yace", quoted(name))
	}
	return "workload-" + name + ".yaml", nil
}

// WorkloadText is a Workload as a person would write it: what it does not say
// is left out. Of a role's statements, of sessions and of grants it writes
// nothing.
func WorkloadText(w *v1alpha1.Workload) []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("apiVersion: %s", v1alpha1.APIVersion)
	line("kind: Workload")
	line("metadata: {name: %s}", scalar(w.Name))
	line("spec:")
	if w.Spec.Clusters.All {
		line("  clusters: {all: true}")
	} else {
		line("  clusters: {names: %s}", sequence(w.Spec.Clusters.Names))
	}
	line("  serviceAccounts:")
	for _, s := range w.Spec.ServiceAccounts {
		manage := ""
		if s.Manage != "" {
			manage = ", manage: " + scalar(s.Manage)
		}
		line("    - {namespace: %s, name: %s%s}", scalar(s.Namespace), scalar(s.Name), manage)
	}
	line("  credentials: %s", scalar(w.Spec.Credentials))
	line("  role:")
	r := &w.Spec.Role
	for _, e := range [...]struct{ key, value string }{{"existing", r.Existing}, {"name", r.Name}} {
		if e.value != "" {
			line("    %s: %s", e.key, scalar(e.value))
		}
	}
	if len(r.Presets) > 0 {
		line("    presets:")
	}
	for _, p := range r.Presets {
		if len(p.Parameters) == 0 {
			line("      - %s", scalar(p.Name))
			continue
		}
		line("      - name: %s", scalar(p.Name))
		line("        parameters:")
		for _, k := range slices.Sorted(maps.Keys(p.Parameters)) {
			line("          %s: %s", scalar(k), oneOrMore(p.Parameters[k]))
		}
	}
	if len(r.ManagedPolicies) > 0 {
		line("    managedPolicies:")
	}
	for _, p := range r.ManagedPolicies {
		line("      - %s", scalar(p))
	}
	if len(r.Tags) > 0 {
		line("    tags:")
	}
	for _, k := range slices.Sorted(maps.Keys(r.Tags)) {
		line("      %s: %s", scalar(k), scalar(r.Tags[k]))
	}
	if r.PermissionsBoundary != nil {
		line("    permissionsBoundary: %s", scalar(*r.PermissionsBoundary))
	}
	return b.Bytes()
}

// scalar is text in YAML, quoted where some reader might take it for something
// else.
func scalar(s string) string {
	if safeWord.MatchString(s) && !looksTyped(&yaml.Node{Kind: yaml.ScalarNode, Value: s, Tag: "!!str"}) {
		return s
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(fmt.Sprintf("write text as YAML: %v", err)) // of a string it has none
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// oneOrMore is a preset's value or values: switches are true and false.
func oneOrMore(v v1alpha1.Values) string {
	switch {
	case len(v) != 1:
		return sequence(v)
	case v[0] == "true" || v[0] == "false":
		return v[0]
	}
	return scalar(v[0])
}

func sequence(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = scalar(w)
	}
	return "[" + strings.Join(out, ", ") + "]"
}
