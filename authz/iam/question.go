package iam

import "github.com/atlas-iam/atlas-iam/access"

// Question asks whether a caller may do one action on one resource. A call of
// AWS may need several such pairs, each with its own resource and keys; it is
// allowed if each is. (R2.7)
type Question struct {
	Caller Caller
	Action string // service:Action
	// Resource is the resource's ARN, or "*" for an action without resource
	// types.
	Resource string
	// ResourceAccount is the account that owns the resource. Where it is left
	// out the ARN tells it; where that does not either, as a bucket's, it is not
	// known, and both possibilities are weighed. "*" is the caller's own.
	ResourceAccount string
	Context         *Context // nil: no condition key is present
	Policies        Policies
}

// Policies are all that bear on a question. What is left out is not there;
// what is there and was not read is a Source without Policy.
type Policies struct {
	// Identity are those of the caller's user and the user's groups, or of the
	// caller's role; of a federated user those of the user who made it.
	Identity []Source
	Boundary *Source
	// Session are the session policies of a role's session or a federated user.
	Session []Source
	// Organization are the service control policies above the caller's
	// account: the organization's root, each unit on the path, the account.
	Organization []Level
	// ResourceControls are the resource control policies above the account that
	// owns the resource.
	ResourceControls []Source
	// Resource is the resource's own policy: of a bucket, the trust policy of a
	// role (for an action of STS), the policy of a key (for an action of KMS).
	// For the latter two it is taken as unread if it is left out.
	Resource *Source
}

// Source is a policy as it is attached somewhere.
type Source struct {
	Name   string  // how reasons cite it: an ARN, or "inline policy NAME"
	Policy *Policy // nil: not read, hence it may hold anything
}

// RolePolicies are a role's own policies: its inline ones, and as far as their
// documents are known the managed ones and the boundary (empty: none), by ARN. A
// document that IAM's grammar does not know counts as unread; faults says why,
// by the source's name.
func RolePolicies(inline []access.RolePolicy, managed []string, boundary string, documents map[string]access.Document) (p Policies, faults map[string]error) {
	faults = map[string]error{}
	one := func(kind Kind, name string, d access.Document) Source {
		s := Source{Name: name}
		var err error
		if s.Policy, err = Parse(kind, string(d)); err != nil {
			s.Policy, faults[name] = nil, err
		}
		return s
	}
	byARN := func(kind Kind, arn string) Source {
		if d, ok := documents[arn]; ok {
			return one(kind, arn, d)
		}
		return Source{Name: arn}
	}
	for _, i := range inline {
		p.Identity = append(p.Identity, one(Identity, InlineName(i.Name), i.Document))
	}
	for _, arn := range managed {
		p.Identity = append(p.Identity, byARN(Identity, arn))
	}
	if boundary != "" {
		s := byARN(Boundary, boundary)
		p.Boundary = &s
	}
	return p, faults
}

// InlineName is how reasons cite a role's inline policy.
func InlineName(policy string) string { return "inline policy " + policy }

// Level is one level of an organization. At each an Allow is needed. (R3.2)
type Level struct {
	Name     string // as reasons cite it
	Policies []Source
}

// Verdict is the answer to a question.
type Verdict string

const (
	Allowed      Verdict = "allow"
	Denied       Verdict = "deny"
	Undetermined Verdict = "undetermined" // it depends on what is not known
)

// Gate is a place where a request must be allowed, or may be denied.
type Gate string

const (
	IdentityGate        Gate = "identity-based policy"
	BoundaryGate        Gate = "permissions boundary"
	SessionGate         Gate = "session policy"
	ServiceControlGate  Gate = "service control policy"
	ResourceControlGate Gate = "resource control policy"
	ResourceGate        Gate = "resource-based policy"
	TrustGate           Gate = "trust policy"
	KeyGate             Gate = "key policy"
	// RuleGate is what no policy can give: a root user that would assume a
	// role, a session that would ask for a session token.
	RuleGate Gate = "rule of AWS"
)

// Reason is a statement that bears on a Decision.
type Reason struct {
	Gate      Gate
	Source    string
	Statement int // its index; -1: the policy was not read
	Sid       string
	Effect    Effect
	Certain   bool // it matches whatever the unknowns are
}

// Decision is a verdict and its reasons.
type Decision struct {
	Verdict Verdict
	// Explicit says of a denial that a Deny statement matches; otherwise
	// nothing allows.
	Explicit bool
	// Reasons are all statements that match or may match, in the order of the
	// policies; in an explicit denial the Deny statements alone.
	Reasons []Reason
	// Missing are the gates that do not allow for certain; empty if allowed or
	// explicitly denied.
	Missing []Gate
	// Unknown are the condition keys on whose value it may depend, sorted.
	Unknown []string
	// Unfinished says of an undetermined one that the unknown keys have too
	// many combinations to try them all.
	Unfinished bool
}

// CallerKind is what kind of principal makes a request.
type CallerKind int

const (
	User          CallerKind = iota // an IAM user
	Session                         // a session of an IAM role
	Root                            // the root user of an account
	Service                         // a service principal, such as pods.eks.amazonaws.com
	Federated                       // the bearer of a token of an identity provider
	FederatedUser                   // a session of GetFederationToken
	Anonymous                       // a call without signature
)

// Caller is who makes a request.
type Caller struct {
	Kind CallerKind
	// ARN is that of the user, the session
	// (arn:P:sts::A:assumed-role/NAME/SESSION), the root, the provider or the
	// federated user; of a service its name.
	ARN     string
	Account string // "" for services, bearers and anonymous callers
	Role    string // of a session: the ARN of its role, path included
	User    string // of a federated user: the ARN of the user who made it
	ID      string // unique id of the user, of the session's role, of the user who made the federated user
	// Temporary says that a user or root signs with credentials of
	// GetSessionToken.
	Temporary bool
	// Management says that the account is its organization's management
	// account, which service control policies do not reach.
	Management bool
}
