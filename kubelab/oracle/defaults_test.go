package oracle

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy"
)

var update = flag.Bool("update", false, "write authz/rbac/defaults.json anew")

const defaultsFile = "../../authz/rbac/defaults.json"

// What authz/rbac embeds is what Kubernetes' own bootstrap policy makes.
func TestDefaultRolesAreUpstreams(t *testing.T) {
	var d struct {
		Kubernetes string                  `json:"kubernetes"`
		Roles      []access.KubernetesRole `json:"roles"`
		Bindings   []access.Binding        `json:"bindings"`
	}
	d.Kubernetes = kubernetesVersion(t)
	for _, r := range slices.Concat(bootstrappolicy.ClusterRoles(), bootstrappolicy.ControllerRoles()) {
		d.Roles = append(d.Roles, clusterRole(&r))
	}
	for ns, list := range bootstrappolicy.NamespaceRoles() {
		for _, r := range list {
			d.Roles = append(d.Roles, access.KubernetesRole{Namespace: ns, Name: r.Name, Rules: rules(r.Rules)})
		}
	}
	for _, b := range slices.Concat(bootstrappolicy.ClusterRoleBindings(), bootstrappolicy.ControllerRoleBindings()) {
		d.Bindings = append(d.Bindings, binding("", b.Name, b.RoleRef, b.Subjects))
	}
	for ns, list := range bootstrappolicy.NamespaceRoleBindings() {
		for _, b := range list {
			d.Bindings = append(d.Bindings, binding(ns, b.Name, b.RoleRef, b.Subjects))
		}
	}
	slices.SortFunc(d.Roles, func(a, b access.KubernetesRole) int {
		return strings.Compare(a.Namespace+"\x00"+a.Name, b.Namespace+"\x00"+b.Name)
	})
	slices.SortFunc(d.Bindings, func(a, b access.Binding) int { return a.Compare(&b) })
	want, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile(defaultsFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(defaultsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("%s is not what Kubernetes %s makes: go test -run DefaultRoles -update", defaultsFile, d.Kubernetes)
	}
}

// kubernetesVersion is that of the module, as go.mod has it.
func kubernetesVersion(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(b)) {
		if f := strings.Fields(l); len(f) == 2 && f[0] == "k8s.io/kubernetes" {
			return f[1]
		}
	}
	t.Fatal("go.mod requires no k8s.io/kubernetes")
	return ""
}

func clusterRole(r *rbacv1.ClusterRole) access.KubernetesRole {
	out := access.KubernetesRole{Name: r.Name, Rules: rules(r.Rules), Labels: aggregated(r.ObjectMeta)}
	if r.AggregationRule != nil {
		for _, s := range r.AggregationRule.ClusterRoleSelectors {
			out.Aggregate = append(out.Aggregate, s.MatchLabels)
		}
	}
	return out
}

// aggregated are the labels that aggregated roles select by; others of
// upstream's say nothing about access.
func aggregated(m metav1.ObjectMeta) map[string]string {
	var labels map[string]string
	for k, v := range m.Labels {
		if strings.Contains(k, "/aggregate-to-") {
			if labels == nil {
				labels = map[string]string{}
			}
			labels[k] = v
		}
	}
	return labels
}

func rules(in []rbacv1.PolicyRule) []access.Rule {
	var out []access.Rule
	for _, r := range in {
		out = append(out, access.Rule{Verbs: r.Verbs, APIGroups: r.APIGroups, Resources: r.Resources, ResourceNames: r.ResourceNames, NonResourceURLs: r.NonResourceURLs})
	}
	return out
}

func binding(ns, name string, ref rbacv1.RoleRef, subjects []rbacv1.Subject) access.Binding {
	b := access.Binding{Namespace: ns, Name: name, Role: access.RoleRef{Kind: ref.Kind, Name: ref.Name}}
	for _, s := range subjects {
		b.Subjects = append(b.Subjects, access.Subject{Kind: access.SubjectKind(s.Kind), Namespace: s.Namespace, Name: s.Name})
	}
	b.Normalize()
	return b
}
