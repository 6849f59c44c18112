// Package authz decides who may do what in a cluster: by EKS access policies,
// by Kubernetes RBAC and by aws-auth, as the API server of an EKS cluster
// does, with one verdict more for what could not be read.
//
// Compile reads Facts once; what it gives is immutable, may be used from many
// goroutines, and answers without I/O, clock or context.
package authz

import (
	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
)

// Verdict is an answer. The zero value is Deny.
type Verdict int

// The verdicts. Allow is given only if every completion of what is unknown
// allows, and Deny only if every completion denies.
const (
	Deny Verdict = iota
	Allow
	Undetermined
)

func (v Verdict) String() string {
	switch v {
	case Allow:
		return "allow"
	case Undetermined:
		return "undetermined"
	}
	return "deny"
}

// Request is one question to an API server.
type Request = rbac.Request

// Identity is who asks, as the API server sees him.
type Identity struct {
	Username string
	// Groups, implied ones included: system:authenticated,
	// system:serviceaccounts, ...
	Groups []string
	// Principal is the IAM principal's ARN, which access policies go by; empty
	// for ServiceAccounts and for an impersonated user, whom no access policy
	// reaches. (aws-facts 2.9)
	Principal string
}

// Facts is what is known of one cluster, or wanted there.
type Facts struct {
	Cluster access.ClusterKey
	Name    string // the document's name of it, else EKS's
	Mode    access.AuthMode
	Entries []Entry
	AuthMap *access.AuthMap // nil: none, or not read: see Unknown
	Roles   []access.KubernetesRole
	// Bindings of the cluster. DefaultRBAC says that the cluster's own were not
	// read: Compile adds upstream's default roles and bindings to these.
	Bindings    []Binding
	DefaultRBAC bool
	Namespaces  []string // nil: not known
	Unknown     []Unknown
}

// Entry is an access entry with the places that ask for its parts. Dead says
// that its principal is gone or was made again: it maps nobody.
type Entry struct {
	access.Entry
	Member  string // as documents name the principal: user/oleksii; may be empty
	Teams   []string
	Sources []access.Source               // of membership
	Scopes  map[string][]access.WantScope // by policy ARN; of documents only
	Dead    bool
}

// Binding is a binding with the places that ask for it.
type Binding struct {
	access.Binding
	// Patterns is set for a wish of a document over namespaces that match, where
	// the namespaces are not known: it stands for a binding in each of them, and
	// Binding.Namespace is empty.
	Patterns []string
	Sources  []access.Source
	// Parts are the Sources with the patterns that each asks for, where there are
	// patterns; nil: each asks for all.
	Parts []access.WantScope
}

// Part is a part of a cluster's facts that may be unknown.
type Part string

// The parts.
const (
	UnknownEntries  Part = "entries"  // the list of access entries: anybody may have one
	UnknownEntry    Part = "entry"    // one principal's entry
	UnknownRBAC     Part = "rbac"     // roles and bindings: anybody may have a role
	UnknownRole     Part = "role"     // the rules of a role that a document names, of which only the documents are known
	UnknownAuthMap  Part = "aws-auth" // the ConfigMap: whoever has no entry may be mapped
	UnknownPolicies Part = "policy"   // an access policy without published rules
	UnknownSession  Part = "session"  // the session's name, which a username or a group is made from
	UnknownCreator  Part = "creator"  // who made the cluster, in mode CONFIG_MAP: an administrator whom nothing shows
	UnknownResource Part = "resource" // whether a resource that is none of Kubernetes' own is in namespaces
	UnknownNode     Part = "node"     // what runs on a node, by which the API server's Node authorizer decides
)

// Unknown is a part that was not read, and the smallest reading that would
// settle it.
type Unknown struct {
	Part      Part
	Principal string         // of UnknownEntry
	Role      access.RoleRef // of UnknownRole
	Policy    string         // of UnknownPolicies: its full name; empty: any
	Why       string         // "AccessDeniedException: ...", "only the documents were read"
	Settle    string         // "let the caller do eks:ListAccessEntries on cluster test"
}
