package authz

import "github.com/atlas-iam/atlas-iam/access"

// Explanation is a verdict with its reasons. It agrees with Decide.
type Explanation struct {
	Verdict Verdict
	// Identity is whom the principal is to the API server; nil when no entry and
	// no line of aws-auth maps him.
	Identity *Identity
	MappedBy string // "access entry", "aws-auth mapRoles", "" when asked by identity
	// Reasons are all that allow, the shortest first; on Undetermined and Deny
	// there are none that allow.
	Reasons []Reason
	// Misses are what nearly allows, nearest first; of a Deny and of an
	// Undetermined.
	Misses []Reason
	// Unknown are what could allow and was not read, of an Undetermined.
	Unknown []Unknown
	// Remedies are what would allow a denied request, narrowest first.
	Remedies []Remedy
	// Assumptions are the ids that the verdict rests on (docs/assumptions.md).
	Assumptions []string
}

// Reason is one thing that gives access, or nearly does.
type Reason struct {
	By      ReasonKind
	Policy  string          // ARN, of ByPolicy
	Scope   access.Scope    // of ByPolicy
	Binding *access.Binding // of ByBinding; a pattern's has its scope in Scope
	Rule    *access.Rule    // the rule that matched, or came nearest
	Miss    MissKind        // why it does not allow; empty for a reason that does
	// Through is how the subject comes to it: "group backend-debug",
	// "username ci:deploy", "impersonating ...".
	Through string
	// Sources are the document lines that ask for it where the request is; for a
	// miss that does not reach there, all that ask for it. None for what was only
	// observed.
	Sources []access.Source
	// Members are the lines that make the principal a member of Sources' teams.
	Members []access.Source
}

// ReasonKind is what gives.
type ReasonKind string

// The kinds of reasons.
const (
	ByPolicy  ReasonKind = "policy"         // an access policy on the entry
	ByBinding ReasonKind = "binding"        // a RoleBinding or ClusterRoleBinding
	ByMasters ReasonKind = "system:masters" // past all authorizers
	ByNothing ReasonKind = "unmapped"       // on a deny: the principal is nobody to this cluster
)

// MissKind is why a reason does not allow.
type MissKind string

// The ways to miss, nearest first.
const (
	MissDead      MissKind = "dead"      // the entry is there and maps nobody: its principal is gone or was made again
	MissName      MissKind = "name"      // the rule is for other names
	MissNamespace MissKind = "namespace" // the rule fits; it holds in other namespaces
	MissScope     MissKind = "scope"     // the rule fits; the request is cluster-wide and the grant is not
	MissVerb      MissKind = "verb"      // the place fits; the rules for the resource have other verbs
	MissResource  MissKind = "resource"  // the place fits; no rule for the resource
)

// Remedy is a grant that would allow a denied request.
type Remedy struct {
	Policy string // an access policy's full name
	Role   string // or a ClusterRole to bind
	// Own is the one rule of a role that is not there yet and would do: where the
	// narrowest that is there gives it among all resources. In Scope's namespaces
	// a Role's, else a ClusterRole's.
	Own   *access.Rule
	Scope access.Scope // where
	Also  []string     // what else it gives that matters: "read and write secrets", "exec"
}
