package v1alpha1

// Team gives its members access to the clusters it selects.
type Team struct {
	TypeMeta   `json:",inline"`
	ObjectMeta `json:"metadata"`

	Spec TeamSpec `json:"spec"`
}

// TeamSpec is what a Team says.
type TeamSpec struct {
	// Members are the people and programs that get the grants. The empty list is nobody.
	Members []Member `json:"members"`

	// Clusters selects the clusters that the grants are for. It is always written.
	Clusters ClusterSelector `json:"clusters"`

	// Grants are what every member gets on every selected cluster.
	Grants []Grant `json:"grants"`
}

// Member is a principal in a team, named by exactly one of user, role,
// permissionSet, arn and workload.
// +kubebuilder:validation:ExactlyOneOf=user;role;permissionSet;arn;workload
type Member struct {
	Principal `json:",inline"`

	// Workload is the name of a Workload document: its role is the member, or its roles on all of its clusters.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`
	// +kubebuilder:example="argocd"
	Workload string `json:"workload,omitempty"`

	// Username is the name Kubernetes sees, once per principal. Left out: EKS's default, the ARN or the session. A role's may hold {{SessionName}} after a colon.
	// +kubebuilder:example="ci:{{SessionName}}"
	Username string `json:"username,omitempty"`
}

// ClusterSelector selects Cluster documents in exactly one way.
// +kubebuilder:validation:ExactlyOneOf=all;names;matchLabels
type ClusterSelector struct {
	// All is true for every cluster of the environment, also those that come later.
	// +kubebuilder:validation:Enum=true
	All bool `json:"all,omitempty"`

	// Names are the metadata.names of Cluster documents.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:example={"test"}
	Names []string `json:"names,omitempty"`

	// MatchLabels selects the clusters that have all of these labels.
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:example={"stage": "test"}
	MatchLabels map[string]string `json:"matchLabels,omitempty"`
}

// Grant is an access policy or a Kubernetes role with its reach, or membership
// in a Kubernetes group.
// +kubebuilder:validation:ExactlyOneOf=policy;clusterRole;role;group
type Grant struct {
	// Policy is an EKS access policy: Edit, AmazonEKSEditPolicy, or its ARN. It needs namespaces, or scope: cluster.
	// +kubebuilder:example="Edit"
	Policy string `json:"policy,omitempty"`

	// ClusterRole is the name of a ClusterRole: one of Kubernetes' own (view, edit, admin, cluster-admin) or yours. It is bound to a group of the team's, by a RoleBinding in each of the namespaces, or by a ClusterRoleBinding with scope: cluster.
	// +kubebuilder:validation:Pattern=`^[!-$&-)+-.0->@-~]{1,253}$`
	// +kubebuilder:example="edit"
	ClusterRole string `json:"clusterRole,omitempty"`

	// Role is the name of a Role, the one of that name in each of the namespaces. It is bound to a group of the team's.
	// +kubebuilder:validation:Pattern=`^[!-$&-)+-.0->@-~]{1,253}$`
	// +kubebuilder:example="log-reader"
	Role string `json:"role,omitempty"`

	// Namespaces are the names or patterns of the namespaces that the policy or role reaches. A star is any run of characters, also none. Quote patterns that begin with a star.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9*]([-a-z0-9*]*[a-z0-9*])?$`
	// +kubebuilder:example={"*backend*", "ops-monitoring-ns"}
	Namespaces []string `json:"namespaces,omitempty"`

	// Scope is "cluster" for the whole cluster, which is more than all of its namespaces. A role has none.
	// +kubebuilder:validation:Enum=cluster
	Scope string `json:"scope,omitempty"`

	// Group is a Kubernetes group to be a member of. What the group may do is bound elsewhere.
	// +kubebuilder:example="backend-debug"
	Group string `json:"group,omitempty"`

	// Clusters narrows this grant to some of the team's clusters.
	Clusters *ClusterSelector `json:"clusters,omitempty"`
}
