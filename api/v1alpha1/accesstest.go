package v1alpha1

import (
	"encoding/json"
	"fmt"
)

// AccessTest says who can do what in Kubernetes and who cannot, and is held
// against the documents before anything is changed.
type AccessTest struct {
	TypeMeta   `json:",inline"`
	ObjectMeta `json:"metadata"`

	Spec AccessTestSpec `json:"spec"`
}

// AccessTestSpec is what an AccessTest says.
type AccessTestSpec struct {
	// Tests are the single tests. Each is asked on each of its clusters, in each of its namespaces.
	// +kubebuilder:validation:MinItems=1
	Tests []Test `json:"tests"`
}

// Test is a few questions with the answers that must come: who can and
// cannot do something, or who are the only ones that can.
type Test struct {
	// Who is whom the test is about, one or a list: team/NAME, user/NAME, role/NAME, permissionSet/NAME, an ARN, serviceaccount/NAMESPACE/NAME, workload/NAME, or as members are written. Every one of them must get the answer, and a team is all of its members; a workload is each of its ServiceAccounts, with its roles.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:example={"team/backend"}
	Who Subjects `json:"who,omitempty"`

	// Clusters are where it is asked. Left out: on every cluster of the environment.
	Clusters *ClusterSelector `json:"clusters,omitempty"`

	// Namespace is where it is asked. Left out, as is namespaces: over all namespaces, and of what is in none.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`
	// +kubebuilder:example="dev-backend-api-ns"
	Namespace string `json:"namespace,omitempty"`

	// Namespaces are several, instead of namespace. They are names, not patterns.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`
	// +kubebuilder:example={"dev-backend-api-ns", "qa-backend-ns"}
	Namespaces []string `json:"namespaces,omitempty"`

	// Can is what they must be able to do, one or a list of VERB RESOURCE: create pods, get pods/log, list deployments.apps, get /healthz. Of workloads also an action of AWS, on an ARN or on what has none: s3:GetObject arn:aws:s3:::bucket/key.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:items:Pattern=`^\s*((\*|[a-z][a-z-]*)\s+[a-z*/]\S*|[a-z0-9-]+:[A-Za-z0-9]+(\s+arn(:[^\s*?:]*){4}:[^\s*?]+)?)\s*$`
	// +kubebuilder:example={"create pods"}
	Can Words `json:"can,omitempty"`

	// Cannot is what nobody of them may be able to do, by any route. What cannot be told does not pass.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:items:Pattern=`^\s*((\*|[a-z][a-z-]*)\s+[a-z*/]\S*|[a-z0-9-]+:[A-Za-z0-9]+(\s+arn(:[^\s*?:]*){4}:[^\s*?]+)?)\s*$`
	// +kubebuilder:example={"create pods"}
	Cannot Words `json:"cannot,omitempty"`

	// Only are all who can, by any route, instead of who. The empty list is nobody.
	// +kubebuilder:example={"team/devops"}
	Only Subjects `json:"only,omitzero"`

	// Because is what must allow it.
	Because *Because `json:"because,omitempty"`
}

// Because names what must have allowed, by exactly one of policy, clusterRole
// and role.
// +kubebuilder:validation:ExactlyOneOf=policy;clusterRole;role
type Because struct {
	// Policy is an EKS access policy, written as in a grant.
	// +kubebuilder:example="Edit"
	Policy string `json:"policy,omitempty"`

	// ClusterRole is a ClusterRole's name, however it is bound.
	// +kubebuilder:example="edit"
	ClusterRole string `json:"clusterRole,omitempty"`

	// Role is the name of a Role in the namespace of the question.
	// +kubebuilder:example="log-reader"
	Role string `json:"role,omitempty"`
}

// Subjects is one subject or a list of them.
type Subjects []Subject

// Words is one text or a list of them.
type Words []string

// Subject is whom a question is about: text such as team/backend, or a
// principal as members are written.
// +kubebuilder:validation:ExactlyOneOf=user;role;permissionSet;arn
type Subject struct {
	Principal `json:",inline"`

	// Name is the subject where it is written as text.
	Name string `json:"-"`
}

// UnmarshalJSON takes one or a list.
func (s *Subjects) UnmarshalJSON(b []byte) error { return oneOrList(b, (*[]Subject)(s)) }

// UnmarshalJSON takes one or a list.
func (w *Words) UnmarshalJSON(b []byte) error { return oneOrList(b, (*[]string)(w)) }

func oneOrList[T any](b []byte, list *[]T) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, list)
	}
	var one T
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*list = []T{one}
	return nil
}

// UnmarshalJSON takes text or a principal.
func (s *Subject) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &s.Name)
	}
	return json.Unmarshal(b, &s.Principal)
}

// MarshalJSON writes a subject as it was read.
func (s Subject) MarshalJSON() ([]byte, error) {
	if s.Name != "" && s.Principal != (Principal{}) {
		return nil, fmt.Errorf("write the subject %q: it is a principal too", s.Name)
	}
	if s.Name != "" {
		return json.Marshal(s.Name)
	}
	return json.Marshal(s.Principal)
}
