package v1alpha1

// Cluster names an EKS cluster, and says what belongs to no team: protected
// and unwanted principals, node roles, the authentication mode. Its labels are
// what teams select it by.
type Cluster struct {
	TypeMeta   `json:",inline"`
	ObjectMeta `json:"metadata"`

	Spec ClusterSpec `json:"spec"`
}

// ClusterSpec is what a Cluster says.
type ClusterSpec struct {
	// ClusterName is the cluster's name in EKS. Left out: metadata.name.
	// +kubebuilder:validation:Pattern=`^[0-9A-Za-z][A-Za-z0-9_\-]{0,99}$`
	// +kubebuilder:example="atlas-eks-test-1-28-cluster"
	ClusterName string `json:"clusterName,omitempty"`

	// Account is the cluster's account: its name in the Environment, or its twelve digits, quoted. It may be left out when there is only one.
	// +kubebuilder:example="main"
	Account string `json:"account,omitempty"`

	// Region is the cluster's region. It may be left out when its account has only one.
	// +kubebuilder:validation:Pattern=`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`
	// +kubebuilder:example="us-east-1"
	Region string `json:"region,omitempty"`

	// AuthenticationMode is managed only if it is written. It goes one step at a time, and never back: CONFIG_MAP, API_AND_CONFIG_MAP, API.
	// +kubebuilder:validation:Enum=CONFIG_MAP;API_AND_CONFIG_MAP;API
	AuthenticationMode string `json:"authenticationMode,omitempty"`

	// Protect lists principals whose entries are never removed or narrowed, ours or not.
	Protect []Principal `json:"protect,omitempty"`

	// Remove lists principals whose entries are taken away though atlas-iam did not make them, such as the cluster's creator.
	Remove []Principal `json:"remove,omitempty"`

	// NodeRoles are the roles of nodes that need an entry of their own. EKS makes those of managed node groups and Fargate profiles by itself.
	NodeRoles []NodeRole `json:"nodeRoles,omitempty"`

	// Kubernetes says how bindings of roles are written inside the cluster.
	Kubernetes *Kubernetes `json:"kubernetes,omitempty"`

	// ArgoCD registers the cluster with an Argo CD on another one.
	ArgoCD *ArgoCD `json:"argocd,omitempty"`
}

// ArgoCD says which Argo CD a cluster is registered with.
type ArgoCD struct {
	// Hub is the metadata.name of the Cluster that Argo CD runs on.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`
	// +kubebuilder:example="hub"
	Hub string `json:"hub"`

	// Namespace is Argo CD's namespace there.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`
	// +kubebuilder:example="argocd"
	Namespace string `json:"namespace"`

	// RoleARN is the role that Argo CD assumes to reach this cluster. Left out: it uses its own.
	// +kubebuilder:validation:Pattern=`^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$`
	// +kubebuilder:example="arn:aws:iam::492000000148:role/argocd-deployer"
	RoleARN string `json:"roleARN,omitempty"`
}

// Principal names an IAM principal by exactly one of user, role,
// permissionSet and arn.
// +kubebuilder:validation:ExactlyOneOf=user;role;permissionSet;arn
type Principal struct {
	// User is an IAM user's name, with its path if it has one: oleksii, or people/oleksii.
	// +kubebuilder:validation:Pattern=`^([!-.0-~]+/)*[A-Za-z0-9_+=,.@\-]{1,64}$`
	// +kubebuilder:example="oleksii"
	User string `json:"user,omitempty"`

	// Role is an IAM role's name, with its path if it has one: ci/github-actions.
	// +kubebuilder:validation:Pattern=`^([!-.0-~]+/)*[A-Za-z0-9_+=,.@\-]{1,64}$`
	// +kubebuilder:example="ci/github-actions"
	Role string `json:"role,omitempty"`

	// PermissionSet is a permission set of IAM Identity Center. Its role in the account, AWSReservedSSO_NAME_ and 16 digits, is looked up.
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_+=,.@\-]{1,32}$`
	// +kubebuilder:example="Backend"
	PermissionSet string `json:"permissionSet,omitempty"`

	// ARN is the whole ARN of an IAM user or role, path included.
	// +kubebuilder:validation:Pattern=`^arn:aws[a-z-]*:iam::[0-9]{12}:(user|role)/.+$`
	// +kubebuilder:example="arn:aws:iam::111222333444:role/partner"
	ARN string `json:"arn,omitempty"`

	// Account is the principal's account: its name in the Environment, or its twelve digits, quoted. Left out: the cluster's account.
	// +kubebuilder:example="main"
	Account string `json:"account,omitempty"`
}

// NodeRole is the IAM role of nodes.
type NodeRole struct {
	// Role is the role's name, with its path if it has one. It is in the cluster's account.
	// +kubebuilder:validation:Pattern=`^([!-.0-~]+/)*[A-Za-z0-9_+=,.@\-]{1,64}$`
	// +kubebuilder:example="self-managed-nodes"
	Role string `json:"role"`

	// Type is the type of the nodes' access entry.
	// +kubebuilder:validation:Enum=EC2_LINUX;EC2_WINDOWS;FARGATE_LINUX;HYBRID_LINUX;EC2;HYPERPOD_LINUX
	Type string `json:"type"`
}

// Kubernetes says how bindings of roles are written inside a cluster.
type Kubernetes struct {
	// Via is how: Direct writes through the cluster's own endpoint, Render writes manifests for somebody else to apply, None reads and writes nothing. Left out: Direct.
	// +kubebuilder:validation:Enum=Direct;Render;None
	Via string `json:"via"`
}
