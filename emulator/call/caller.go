package call

import (
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// CallerKind tells the callers apart.
type CallerKind string

// The kinds of callers the lab has.
const (
	User      CallerKind = "user"
	Session   CallerKind = "session" // of an assumed role
	Anonymous CallerKind = "anonymous"

	// Those that only assume roles, and sign nothing: an AWS service, whose ARN
	// is its name (pods.eks.amazonaws.com), and the bearer of an identity
	// provider's token, whose ARN is the provider's.
	ServicePrincipal CallerKind = "service"
	Federated        CallerKind = "federated"
)

// Caller is who signed a call.
type Caller struct {
	Kind             CallerKind        `json:"kind"`
	ARN              string            `json:"arn"` // as GetCallerIdentity prints it: arn:..:iam::..:user/.. or arn:..:sts::..:assumed-role/R/S
	Account          string            `json:"account"`
	Partition        string            `json:"partition"`
	UserID           string            `json:"userId"`       // AIDA.. or AROA..:SESSION
	PrincipalARN     string            `json:"principalArn"` // the IAM user's or role's, path included
	PrincipalID      string            `json:"principalId"`  // AIDA.. or AROA..
	SessionName      string            `json:"sessionName"`
	AccessKeyID      string            `json:"accessKeyId"`
	SessionPolicies  []string          `json:"sessionPolicies"`   // JSON documents
	SessionPolicyARN []string          `json:"sessionPolicyArns"` // managed policies given to AssumeRole
	Tags             map[string]string `json:"tags"`              // session tags
	TransitiveTags   []string          `json:"transitiveTags"`
	SourceIdentity   string            `json:"sourceIdentity"`
	Chained          bool              `json:"chained"` // the session was assumed by a session
	IssuedAt         time.Time         `json:"issuedAt"`
	FederatedBy      string            `json:"federatedBy"` // the OIDC provider's ARN, of web identity sessions
	// Keys are condition keys that the session has for its life, from the token
	// that it was made for: ISSUER:sub, ISSUER:aud.
	Keys map[string][]string `json:"keys,omitempty"`
}

// Credential is what an access key id stands for.
type Credential struct {
	Secret       string
	SessionToken string // required in the request if not empty
	Caller       Caller
	Expires      time.Time // zero: never
	Inactive     bool      // a user's key that was switched off
}

// Credentials finds access keys. IAM has those of users, STS those of
// sessions.
type Credentials interface {
	Credential(tx *store.Tx, accessKeyID string) (Credential, bool)
}

// Decision is IAM's answer on one action and resource.
type Decision struct {
	Allow bool
	// Because ends the sentence of a denial, from "because" or "with" on;
	// empty means that no identity-based policy allows the action.
	Because string
}

// IAM is what the front and the other services ask of IAM.
type IAM interface {
	// Authorize decides by the caller's policies, boundary, session policies
	// and the global condition keys of the call.
	Authorize(c *Call, action, resource string, context map[string][]string) Decision
	// Principal finds the IAM user or role that has exactly this ARN, path
	// included, in the lab's account, and gives its unique id (AIDA.., AROA..).
	Principal(tx *store.Tx, arn string) (uniqueID string, ok bool)
	// Trusts finds the role that has exactly this ARN and says whether its trust
	// policy lets an AWS service do all of these actions of STS; conditions are
	// not weighed. r decides how old the picture is.
	Trusts(r store.Reader, role, service string, actions ...string) (there, trusted bool)
	// EnsureRole makes the role if the account has none of that name, with
	// AdministratorAccess attached when admin is set, else no policy. trust is
	// its trust policy as JSON. serviceLinked roles have a path of their own.
	EnsureRole(tx *store.Tx, account Account, r Role, now time.Time) (uniqueID string, err error)
}

// Role is a role that the lab itself makes.
type Role struct {
	Path, Name, Description string // path "/" if empty
	Trust                   string
	Admin                   bool
}

// Account is an AWS account of the lab.
type Account struct {
	ID        string    `json:"id"`
	Partition string    `json:"partition"`
	CreatedAt time.Time `json:"createdAt"`
}

// ARN is the ARN of the account's root.
func (a Account) ARN() string { return "arn:" + a.Partition + ":iam::" + a.ID + ":root" }

// ClusterKey names an EKS cluster of the lab.
type ClusterKey struct {
	Account, Region, Name string
}

func (k ClusterKey) String() string { return k.Account + "/" + k.Region + "/" + k.Name }

const accountsBucket = "lab.accounts"

// AccountOf finds an account of the lab.
func AccountOf(r store.Reader, id string) (Account, bool) {
	return store.Get[Account](r, accountsBucket, id)
}

// Accounts lists the accounts of the lab, by id.
func Accounts(r store.Reader) []Account {
	var all []Account
	for _, a := range store.List[Account](r, accountsBucket, "", "") {
		all = append(all, a)
	}
	return all
}

// PutAccount adds an account to the lab; only the front does.
func PutAccount(tx *store.Tx, a Account) { tx.Put(accountsBucket, a.ID, a) }
