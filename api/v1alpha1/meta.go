package v1alpha1

// TypeMeta says what a document is. Its form is Kubernetes' own.
type TypeMeta struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

// ObjectMeta is what the document is called. It is the part of Kubernetes'
// ObjectMeta that documents have.
type ObjectMeta struct {
	// Name is the document's name: lower-case letters, digits and dashes. It is unique among documents of its kind.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`
	// +kubebuilder:example="backend"
	Name string `json:"name"`

	// Labels are what teams select clusters by.
	Labels map[string]string `json:"labels,omitempty"`

	// Annotations mean nothing to atlas-iam.
	Annotations map[string]string `json:"annotations,omitempty"`
}
