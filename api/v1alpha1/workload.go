package v1alpha1

import "encoding/json"

// Workload gives ServiceAccounts an IAM role on the clusters it selects.
type Workload struct {
	TypeMeta   `json:",inline"`
	ObjectMeta `json:"metadata"`

	Spec WorkloadSpec `json:"spec"`
}

// WorkloadSpec is what a Workload says.
type WorkloadSpec struct {
	// Clusters selects the clusters that the workload lives on. It is always written.
	Clusters ClusterSelector `json:"clusters"`

	// ServiceAccounts are those that get the role, on each of the clusters.
	// +kubebuilder:validation:MinItems=1
	ServiceAccounts []ServiceAccount `json:"serviceAccounts"`

	// Credentials is how the role's credentials come to the pods: PodIdentity by an association of the cluster's, IRSA by a token of the cluster's issuer. It is always written.
	// +kubebuilder:validation:Enum=PodIdentity;IRSA
	Credentials string `json:"credentials"`

	// Role is the IAM role, in the account of each cluster.
	Role WorkloadRole `json:"role"`

	// TargetRole is a role to end up in, of any account: EKS assumes role, and then this one. With PodIdentity only.
	TargetRole *TargetRole `json:"targetRole,omitempty"`

	// DisableSessionTags takes the cluster's, namespace's and ServiceAccount's tags off the sessions. With PodIdentity only.
	DisableSessionTags bool `json:"disableSessionTags,omitempty"`

	// SessionPolicy narrows the role's sessions, or those of targetRole if there is one. With PodIdentity and disableSessionTags only.
	SessionPolicy *SessionPolicy `json:"sessionPolicy,omitempty"`

	// Grants are what the workload's roles get inside clusters, as Argo CD's on those it manages. Each names its clusters.
	Grants []Grant `json:"grants,omitempty"`
}

// ServiceAccount is a ServiceAccount, exact or as patterns.
type ServiceAccount struct {
	// Namespace is the namespace's name, or a pattern. A star is any run of characters, also none.
	// +kubebuilder:validation:Pattern=`^[a-z0-9*]([-a-z0-9*]*[a-z0-9*])?$`
	// +kubebuilder:example="ops-monitoring-ns"
	Namespace string `json:"namespace"`

	// Name is the ServiceAccount's name, or a pattern.
	// +kubebuilder:validation:Pattern=`^[a-z0-9*]([-.a-z0-9*]*[a-z0-9*])?$`
	// +kubebuilder:example="yace-sa"
	Name string `json:"name"`

	// Manage says what is written of the ServiceAccount: None nothing, as a chart makes it; Annotate the role's annotation, which IRSA needs; Create the ServiceAccount itself. Left out: None.
	// +kubebuilder:validation:Enum=None;Annotate;Create
	Manage string `json:"manage,omitempty"`
}

// WorkloadRole is the role that is made, named by name, or with existing a
// role that is another's.
// +kubebuilder:validation:ExactlyOneOf=name;existing
type WorkloadRole struct {
	// Name is the role's name. {cluster} in it is the name of the Cluster document and makes one role a cluster.
	// +kubebuilder:validation:Pattern=`^([A-Za-z0-9_+=,.@\-]|\{cluster\})+$`
	// +kubebuilder:example="monitoring-yace-exporter-role"
	Name string `json:"name,omitempty"`

	// Existing is the whole ARN of a role that is another's, path included. Its trust policy is checked, and it is never changed.
	// +kubebuilder:validation:Pattern=`^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$`
	// +kubebuilder:example="arn:aws:iam::492000000148:role/loki"
	Existing string `json:"existing,omitempty"`

	// Path is the role's IAM path; it begins and ends with a slash. Left out: the Environment's.
	// +kubebuilder:validation:Pattern=`^/([!-.0-~]+/)*$`
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:example="/monitoring/"
	Path string `json:"path,omitempty"`

	// PolicyName is the name of the inline policy that the statements make. Left out: the Workload's name.
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_+=,.@\-]{1,128}$`
	// +kubebuilder:example="monitoring-yace-exporter-policy"
	PolicyName string `json:"policyName,omitempty"`

	// Statements are what the role may do, as an inline policy. A role without any is legal.
	Statements []Statement `json:"statements,omitempty"`

	// Presets are add-ons whose needs go into the inline policy, as text or with parameters: see docs/presets.md.
	// +kubebuilder:example={"yace"}
	Presets []Preset `json:"presets,omitempty"`

	// ManagedPolicies are the ARNs of managed policies to attach, ten at most.
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:items:Pattern=`^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[!-~]+$`
	// +kubebuilder:example={"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}
	ManagedPolicies []string `json:"managedPolicies,omitempty"`

	// Tags are put on the role, besides the Environment's.
	// +kubebuilder:validation:MaxProperties=48
	// +kubebuilder:example={"team": "monitoring"}
	Tags map[string]string `json:"tags,omitempty"`

	// PermissionsBoundary is the ARN of the policy that bounds the role. Left out: the Environment's. Empty: none.
	// +kubebuilder:validation:Pattern=`^(arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[!-~]+)?$`
	// +kubebuilder:example="arn:aws:iam::492000000148:policy/boundary"
	PermissionsBoundary *string `json:"permissionsBoundary,omitempty"`

	// MaxSessionDuration is how long a session may last, from 1h to 12h. Left out: IAM's 1h.
	// +kubebuilder:validation:Pattern=`^([0-9]+h)?([0-9]+m)?([0-9]+s)?$`
	// +kubebuilder:example="2h"
	MaxSessionDuration string `json:"maxSessionDuration,omitempty"`

	// Description is the role's description.
	// +kubebuilder:validation:MaxLength=1000
	// +kubebuilder:example="CloudWatch metrics for Prometheus"
	Description string `json:"description,omitempty"`
}

// Preset is an add-on of which it is known what it needs.
type Preset struct {
	// Name is the preset's name, or another that it goes by.
	// +kubebuilder:validation:Pattern=`^[a-z0-9][a-z0-9.-]*$`
	// +kubebuilder:example="external-dns"
	Name string `json:"name"`

	// Parameters narrow what the add-on may do: text, true or false, or lists of text.
	Parameters map[string]Values `json:"parameters,omitempty"`
}

// Values are what a preset's parameter is given: one or a list.
type Values []string

// UnmarshalJSON takes the name alone, or all keys.
func (p *Preset) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &p.Name)
	}
	type plain Preset
	return json.Unmarshal(b, (*plain)(p))
}

// UnmarshalJSON takes one or a list; true and false are texts too.
func (v *Values) UnmarshalJSON(b []byte) error {
	if s := string(b); s == "true" || s == "false" {
		*v = Values{s}
		return nil
	}
	return oneOrList(b, (*[]string)(v))
}

// Statement is a statement of an IAM policy. Of actions and notActions one is
// written, and of resources and notResources.
type Statement struct {
	// Sid names the statement: letters and digits, once in a policy.
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]+$`
	// +kubebuilder:example="ReadMetrics"
	Sid string `json:"sid,omitempty"`

	// Effect is what the statement does to the requests that it matches. Left out: Allow.
	// +kubebuilder:validation:Enum=Allow;Deny
	Effect string `json:"effect,omitempty"`

	// Actions are the actions that it is about: SERVICE:ACTION, with * and ? for any letters.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:items:Pattern=`^(\*|[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+)$`
	// +kubebuilder:example={"s3:GetObject"}
	Actions []string `json:"actions,omitempty"`

	// NotActions are what it is not about; it is about every other action.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:items:Pattern=`^(\*|[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+)$`
	// +kubebuilder:example={"iam:*"}
	NotActions []string `json:"notActions,omitempty"`

	// Resources are the ARNs that it is about, with * and ? for any letters, or * for every one.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:items:Pattern=`^(\*|arn:.+)$`
	// +kubebuilder:example={"arn:aws:s3:::my-bucket/*"}
	Resources []string `json:"resources,omitempty"`

	// NotResources are the ARNs that it is not about; it is about all others.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:items:Pattern=`^(\*|arn:.+)$`
	// +kubebuilder:example={"arn:aws:s3:::my-bucket/private/*"}
	NotResources []string `json:"notResources,omitempty"`

	// Conditions must all hold: condition operator, then key, then values, of which one must match.
	Conditions map[string]map[string][]string `json:"conditions,omitempty"`
}

// TargetRole is the role at the end of a chain.
type TargetRole struct {
	// ARN is the whole ARN of the role. It must trust the Workload's own role, which is given the right to assume it.
	// +kubebuilder:validation:Pattern=`^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$`
	// +kubebuilder:example="arn:aws:iam::111222333444:role/partner"
	ARN string `json:"arn"`
}

// SessionPolicy narrows sessions: they may do what both it and their role
// allow.
type SessionPolicy struct {
	// Statements are those of the policy.
	// +kubebuilder:validation:MinItems=1
	Statements []Statement `json:"statements"`
}
