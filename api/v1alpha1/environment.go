package v1alpha1

// Environment says whose documents these are, where to look in AWS, and what
// marks everything that is made from them. A folder tree has exactly one.
type Environment struct {
	TypeMeta   `json:",inline"`
	ObjectMeta `json:"metadata"`

	Spec EnvironmentSpec `json:"spec"`
}

// EnvironmentSpec is what an Environment says.
type EnvironmentSpec struct {
	// ID tells this environment from another one of the same name. `atlas-iam init` draws it; it never changes. Quoted: some ids look like numbers to YAML.
	// +kubebuilder:validation:Pattern=`^[a-z][a-z0-9]{5,15}$`
	// +kubebuilder:example="k7f3c9a1"
	ID string `json:"id"`

	// Accounts are the AWS accounts to look in, and as whom. Every cluster of their regions is read.
	// +kubebuilder:validation:MinItems=1
	Accounts []Account `json:"accounts"`

	// Tags are put on everything that is made. Other keys on those objects are left alone.
	// +kubebuilder:validation:MaxProperties=48
	// +kubebuilder:example={"component": "devops"}
	Tags map[string]string `json:"tags,omitempty"`

	// ForeignTags are the marks of other tools, besides those of CloudFormation and eksctl: what bears one is never taken for ours. The value "*" means any.
	// +kubebuilder:example={"created-by": "terraform"}
	ForeignTags map[string]string `json:"foreignTags,omitempty"`

	// Roles says how the IAM roles of Workloads are made.
	Roles *Roles `json:"roles,omitempty"`
}

// Account is an AWS account to look in.
type Account struct {
	// Name is how Cluster and Team documents name the account.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`
	// +kubebuilder:example="main"
	Name string `json:"name"`

	// ID is the account's twelve digits, quoted: a number would lose its leading zeros.
	// +kubebuilder:validation:Pattern=`^[0-9]{12}$`
	// +kubebuilder:example="492000000148"
	ID string `json:"id"`

	// Regions are the regions to look in, all of one partition.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:items:Pattern=`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`
	// +kubebuilder:example={"us-east-1"}
	Regions []string `json:"regions"`

	// AssumeRole is the role to work as there. Left out: the caller's own credentials.
	AssumeRole *AssumeRole `json:"assumeRole,omitempty"`
}

// AssumeRole is a role to assume.
type AssumeRole struct {
	// ARN is the whole ARN of a role of that account.
	// +kubebuilder:validation:Pattern=`^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$`
	// +kubebuilder:example="arn:aws:iam::492000000148:role/atlas-iam"
	ARN string `json:"arn"`

	// ExternalID is given to sts:AssumeRole when the role's trust asks for one.
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_+=,.@:/\-]{2,}$`
	// +kubebuilder:validation:MaxLength=1224
	ExternalID string `json:"externalId,omitempty"`

	// SessionName is how the session shows in CloudTrail. Left out: atlas-iam.
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_+=,.@\-]{2,64}$`
	SessionName string `json:"sessionName,omitempty"`
}

// Roles says how IAM roles are made.
type Roles struct {
	// Path is the IAM path of every role that is made; it begins and ends with a slash.
	// +kubebuilder:validation:Pattern=`^/([!-.0-~]+/)*$`
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:example="/atlas-iam/ops/"
	Path string `json:"path,omitempty"`

	// PermissionsBoundary is the ARN of the policy that bounds every role that is made. Empty: none.
	// +kubebuilder:example="arn:aws:iam::492000000148:policy/boundary"
	PermissionsBoundary string `json:"permissionsBoundary,omitempty"`
}
