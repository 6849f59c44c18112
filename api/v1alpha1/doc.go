// Package v1alpha1 holds the documents' Go types: Environment, Cluster,
// Team, Workload, AccessTest.
//
// The shapes are structural: every field has one type whatever its neighbours
// say, so a custom resource can take the specs as they are; Subjects and Words
// alone are written in more than one way, and a custom resource keeps their
// fields as they come. Doc comments and the
// kubebuilder markers in them become the JSON Schema that editors use; see
// package documents, which reads documents strictly and says what else must
// hold.
//
// A field without omitempty or omitzero must be written.
package v1alpha1

// Group and Version make up every document's apiVersion.
const (
	Group      = "atlas-iam.dev"
	Version    = "v1alpha1"
	APIVersion = Group + "/" + Version
)

// The kinds of documents.
const (
	KindEnvironment = "Environment"
	KindCluster     = "Cluster"
	KindTeam        = "Team"
	KindWorkload    = "Workload"
	KindAccessTest  = "AccessTest"
)
