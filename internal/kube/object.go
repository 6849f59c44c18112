package kube

import (
	"encoding/json"

	"github.com/atlas-iam/atlas-iam/access"
)

// The kinds in Kubernetes' JSON, as far as they are looked at.

const rbacGroup = "rbac.authorization.k8s.io"

type metadata struct {
	Name              string            `json:"name"`
	Namespace         string            `json:"namespace,omitempty"`
	UID               string            `json:"uid,omitempty"`
	ResourceVersion   string            `json:"resourceVersion,omitempty"`
	DeletionTimestamp string            `json:"deletionTimestamp,omitempty"`
	Labels            map[string]string `json:"labels,omitempty"`
	Annotations       map[string]string `json:"annotations,omitempty"`
	ManagedFields     []managedFields   `json:"managedFields,omitempty"`
}

type managedFields struct {
	Manager string          `json:"manager"`
	Fields  json.RawMessage `json:"fieldsV1,omitempty"`
}

type roleRef struct {
	APIGroup string `json:"apiGroup"`
	Kind     string `json:"kind"`
	Name     string `json:"name"`
}

type subject struct {
	Kind      string `json:"kind"`
	APIGroup  string `json:"apiGroup,omitempty"`
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
}

type binding struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Metadata   metadata  `json:"metadata"`
	RoleRef    roleRef   `json:"roleRef"`
	Subjects   []subject `json:"subjects,omitempty"`
}

type role struct {
	Metadata        metadata      `json:"metadata"`
	Rules           []access.Rule `json:"rules"`
	AggregationRule *struct {
		ClusterRoleSelectors []struct {
			MatchLabels      map[string]string `json:"matchLabels"`
			MatchExpressions []json.RawMessage `json:"matchExpressions"`
		} `json:"clusterRoleSelectors"`
	} `json:"aggregationRule"`
}

// Manifest is a binding as it is sent to an API server or written to a file:
// what we want of it and nothing else.
func Manifest(b *access.Binding) []byte { return wire(b).text() }

// wire is a binding in Kubernetes' JSON.
func wire(b *access.Binding) binding {
	out := binding{APIVersion: rbacGroup + "/v1", Kind: b.Kind(),
		Metadata: metadata{Name: b.Name, Namespace: b.Namespace, Labels: b.Labels, Annotations: b.Annotations},
		RoleRef:  roleRef{APIGroup: rbacGroup, Kind: b.Role.Kind, Name: b.Role.Name}}
	for _, s := range b.Subjects {
		to := subject{Kind: string(s.Kind), Name: s.Name, Namespace: s.Namespace}
		if s.Kind != access.ServiceAccountSubject {
			to.APIGroup = rbacGroup
		}
		out.Subjects = append(out.Subjects, to)
	}
	return out
}

func (b binding) text() []byte {
	text, err := json.Marshal(b)
	if err != nil {
		panic("kube: a binding of strings cannot be written as JSON: " + err.Error())
	}
	return text
}

// Object is a binding as it stands, with the version that a delete is bound to.
type Object struct {
	access.Binding
	ResourceVersion string
	Ending          bool // it is being deleted
}

// object reads a binding; namespaced says which of the two kinds it was
// listed as. A binding without name or role is none.
func (b *binding) object(namespaced bool) (Object, bool) {
	o := Object{ResourceVersion: b.Metadata.ResourceVersion, Ending: b.Metadata.DeletionTimestamp != "",
		Binding: access.Binding{Namespace: b.Metadata.Namespace, Name: b.Metadata.Name, UID: b.Metadata.UID,
			Labels: b.Metadata.Labels, Annotations: b.Metadata.Annotations,
			Role: access.RoleRef{Kind: b.RoleRef.Kind, Name: b.RoleRef.Name}}}
	for _, s := range b.Subjects {
		o.Subjects = append(o.Subjects, access.Subject{Kind: access.SubjectKind(s.Kind), Namespace: s.Namespace, Name: s.Name})
	}
	o.Managers = b.Metadata.managers()
	o.Normalize()
	whole := o.Name != "" && (o.Namespace != "") == namespaced && o.UID != "" && o.ResourceVersion != "" &&
		o.Role.Name != "" && (o.Role.Kind == access.ClusterRole || o.Role.Kind == access.Role)
	return o, whole
}

func (r *role) role(namespaced bool) (access.KubernetesRole, bool) {
	out := access.KubernetesRole{Namespace: r.Metadata.Namespace, Name: r.Metadata.Name, Rules: r.Rules, Labels: r.Metadata.Labels}
	if r.AggregationRule != nil {
		for _, s := range r.AggregationRule.ClusterRoleSelectors {
			if len(s.MatchExpressions) > 0 {
				continue // by its labels alone it would select more; what it selects stands in the rules
			}
			out.Aggregate = append(out.Aggregate, s.MatchLabels)
		}
	}
	return out, out.Name != "" && (out.Namespace != "") == namespaced
}
