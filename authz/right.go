package authz

import "github.com/atlas-iam/atlas-iam/access"

// Right is what one grant gives an identity: each of Rules, everywhere in
// Scope. A scope of namespaces reaches neither cluster-scoped resources, nor
// requests over all namespaces, nor URLs that are no resources, whatever the
// rules say; a Role's or a RoleBinding's is its one namespace.
type Right struct {
	Rules []access.Rule
	Scope access.Scope
	// Known says that the grant is there and its rules are these. If not, Rules
	// are the most that it can give: any part of them may be given, or none.
	Known bool
	By    Reason
	// Unknown is what would settle a right that is not Known.
	Unknown *Unknown
}
