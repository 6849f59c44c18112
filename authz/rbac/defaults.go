package rbac

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/atlas-iam/atlas-iam/access"
)

//go:embed defaults.json
var document []byte

type defaults struct {
	Kubernetes string                  `json:"kubernetes"`
	Roles      []access.KubernetesRole `json:"roles"`
	Bindings   []access.Binding        `json:"bindings"`
}

// parsed reads the embedded document once. kubelab's tests hold it against
// Kubernetes' own bootstrap policy, so that a fault in it cannot reach a
// release.
var parsed = sync.OnceValue(func() defaults {
	var d defaults
	if err := json.Unmarshal(document, &d); err != nil {
		panic(fmt.Sprintf("read the embedded default roles: %v", err))
	}
	return d
})

// DefaultVersion is the version of Kubernetes that the defaults are of.
func DefaultVersion() string { return parsed().Kubernetes }

// DefaultRoles are the roles that Kubernetes makes in each cluster. Aggregated
// ones have no rules of their own, see Aggregate. EKS adds roles of its own,
// none of them for people.
func DefaultRoles() []access.KubernetesRole { return slices.Clone(parsed().Roles) }

// FilledDefaultRoles are DefaultRoles after Aggregate. They must not be changed.
func FilledDefaultRoles() []access.KubernetesRole { return filled() }

var filled = sync.OnceValue(func() []access.KubernetesRole { return Aggregate(parsed().Roles) })

// DefaultBindings are the bindings that Kubernetes makes in each cluster.
func DefaultBindings() []access.Binding { return slices.Clone(parsed().Bindings) }

// Aggregate gives every aggregated ClusterRole that has no rules yet those of
// the ClusterRoles that it selects, as the cluster's controller does; of an
// observed role the controller's rules stand. roles is left as it is.
// (k8s.io/kubernetes, pkg/controller/clusterroleaggregation)
func Aggregate(roles []access.KubernetesRole) []access.KubernetesRole {
	out := slices.Clone(roles)
	var open []int
	for i := range out {
		if len(out[i].Aggregate) > 0 && len(out[i].Rules) == 0 {
			open = append(open, i)
		}
	}
	// An aggregated role may be selected by another one: until nothing is added.
	for changed := true; changed; {
		changed = false
		for _, i := range open {
			var rules []access.Rule
			for j := range out {
				if j != i && out[j].Namespace == "" && selected(out[i].Aggregate, out[j].Labels) {
					rules = append(rules, out[j].Rules...)
				}
			}
			rules = distinct(rules)
			if len(rules) != len(out[i].Rules) {
				out[i].Rules, changed = rules, true
			}
		}
	}
	return out
}

// selected reports whether some selector's labels are all there. A selector
// without labels selects everything.
func selected(selectors []map[string]string, labels map[string]string) bool {
	return slices.ContainsFunc(selectors, func(s map[string]string) bool {
		for k, v := range s {
			if have, ok := labels[k]; !ok || have != v {
				return false
			}
		}
		return true
	})
}

func distinct(rules []access.Rule) []access.Rule {
	var out []access.Rule
	seen := map[string]bool{}
	for _, r := range rules {
		key := fmt.Sprintf("%q", [][]string{r.Verbs, r.APIGroups, r.Resources, r.ResourceNames, r.NonResourceURLs})
		if !seen[key] {
			seen[key] = true
			out = append(out, r)
		}
	}
	return out
}
