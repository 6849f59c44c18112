// Package eks knows the EKS access policies: their names, who may be given
// them, and the Kubernetes rules they stand for, as far as AWS publishes
// those.
package eks

import (
	_ "embed"
	"fmt"
	"slices"
	"sync"

	"github.com/atlas-iam/atlas-iam/access"
	"sigs.k8s.io/yaml"
)

// Association says whose entries a policy may be associated with.
type Association string

// The associations. (EKS User Guide, access policy permissions)
const (
	Any               Association = "any"
	Node              Association = "node"                // entries of type EC2 only
	ServiceLinkedOnly Association = "service-linked-only" // EKS refuses a customer
	Unverified        Association = "unverified"          // AWS does not say
)

// Policy is an EKS access policy.
type Policy struct {
	Name        string      `json:"name"`
	Association Association `json:"association"`
	// RulesComplete reports that Rules is all that the policy gives. If not,
	// AWS does not publish the rules: Rules is empty, and what the policy
	// gives is unknown, which is not nothing.
	RulesComplete bool          `json:"rulesComplete"`
	Rules         []access.Rule `json:"rules"`
	Source        string        `json:"source"` // where the facts are from
	Notes         string        `json:"notes"`
}

// ARN is the policy's ARN in a partition.
func (p Policy) ARN(partition string) string {
	return "arn:" + partition + ":eks::aws:cluster-access-policy/" + p.Name
}

// Policies lists the policies known, sorted by name. AWS adds to them: one
// that is not here may exist.
func Policies() []Policy { return slices.Clone(parsed()) }

// Named finds a policy by its name.
func Named(name string) (Policy, bool) {
	for _, p := range parsed() {
		if p.Name == name {
			return p, true
		}
	}
	return Policy{}, false
}

//go:embed policies.yaml
var document []byte

// parsed reads the embedded document once. Its form is held by this package's
// tests, so that a fault in it cannot reach a release.
var parsed = sync.OnceValue(func() []Policy {
	var d struct {
		Policies []Policy `json:"policies"`
	}
	if err := yaml.UnmarshalStrict(document, &d); err != nil {
		panic(fmt.Sprintf("read the embedded access policies: %v", err))
	}
	return d.Policies
})
