package oracle

// A Verdict is the answer to a Case.
type Verdict string

const (
	Allow        Verdict = "allow"
	Deny         Verdict = "deny"
	Undetermined Verdict = "undetermined"
)

// A Text is a policy as JSON. Nil: there is a policy that was not read.
type Text = *string

// A CallerKind says whose credentials sign the request.
type CallerKind string

const (
	User          CallerKind = "user"
	RoleSession   CallerKind = "role session"
	FederatedUser CallerKind = "federated user" // of GetFederationToken
	Root          CallerKind = "root"
	Service       CallerKind = "service"      // a service principal
	Anonymous     CallerKind = "anonymous"    // nobody signs
	WebIdentity   CallerKind = "web identity" // unsigned, with a provider's token (R3.10)
)

// A Caller is who asks.
type Caller struct {
	Kind CallerKind
	// ARN is the user's, the role session's (arn:P:sts::A:assumed-role/NAME/SESSION),
	// the federated user's or the root user's; the name of a service; the ARN or
	// host name of a web identity's provider.
	ARN string
	// Of is the role's ARN of a role session, the user's who federated.
	Of string
	// ID is the unique id, without the session's name, of the user or the role.
	ID string
	// Account is the id of the caller's account; none for a service, nobody and
	// a web identity.
	Account string
	// ServiceLinked: the role is a service-linked one.
	ServiceLinked bool
	// Management: the account is the organization's management account.
	Management bool
	// SessionToken: the credentials are GetSessionToken's.
	SessionToken bool
}

// A ResourceKind says what the resource's own policy means.
type ResourceKind string

const (
	Ordinary ResourceKind = ""
	Role     ResourceKind = "role" // its policy is its trust policy
	Key      ResourceKind = "key"  // of KMS
)

// A KeyType is what values a context key has.
type KeyType string

const (
	StringType  KeyType = "" // ARNs too
	NumericType KeyType = "numeric"
	DateType    KeyType = "date"
	BoolType    KeyType = "bool"
	BinaryType  KeyType = "binary"
	AddressType KeyType = "address"
)

// A ContextKey is what is known of one key of the request. A key that is not in
// the context, or has no values, is absent, and that is a fact (R3.23).
type ContextKey struct {
	Values []string
	// Unknown: the values are not known, nor, without Always, whether there are
	// any.
	Unknown bool
	Always  bool
	// Type says which values an unknown key may have.
	Type KeyType
	// NotEmpty: an unknown value is not "", where only Null asks for it (U-16).
	NotEmpty bool
	// Multi: the key may have several values (R4.7), so it is no variable (U-11).
	Multi bool
}

// A Case is one question: may the caller do the action on the resource?
type Case struct {
	Caller   Caller
	Action   string // service:Action
	Resource string // an ARN, or "*" for an action without resource types
	Owner    string // the account of the resource; "": not known
	Kind     ResourceKind
	Context  map[string]ContextKey

	Identity []Text   // of the user and its groups, of the role, of the user who federated
	Boundary []Text   // none or one
	Session  []Text   // as passed with the session
	Attached []Text   // the resource's own, none or one
	SCP      [][]Text // each level's from the root to the caller's account; none: the account is under none
	RCP      []Text   // all that reach the resource's account
}

// TooLarge is what Decide panics with if a case has too many completions to try.
type TooLarge string

// Decide answers a Case. The second result is true for a deny that a Deny
// statement makes in every completion.
func Decide(c Case) (Verdict, bool) {
	v, explicit, _ := decide(c)
	return v, explicit
}

// decide also says in how many completions.
func decide(c Case) (verdict Verdict, explicit bool, worlds int) {
	q := newQuestion(&c)
	explicit = true
	for w := range q.worlds() {
		worlds++
		v, by := w.verdict()
		if verdict != "" && v != verdict {
			return Undetermined, false, worlds
		}
		verdict, explicit = v, explicit && by
	}
	return verdict, explicit, worlds
}

// MatchCondition says whether a Condition, {"Operator": {"key": values}}, is met
// in a context: Allow for yes, Deny for no. Variables are on.
func MatchCondition(condition string, context map[string]ContextKey) Verdict {
	text := `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": ` + condition + `}}`
	v, _ := Decide(Case{
		Caller: Caller{Kind: User, ARN: "arn:aws:iam::123456789012:user/u", Account: "123456789012"},
		Action: "s3:GetObject", Resource: "arn:aws:s3:::b/o", Owner: "123456789012",
		Context: context, Identity: []Text{&text},
	})
	return v
}

// All is the verdict of a call that needs several decisions (R2.7, R3.9).
func All(verdicts ...Verdict) Verdict {
	all := Allow
	for _, v := range verdicts {
		switch {
		case v == Deny || all == Deny:
			all = Deny
		case v == Undetermined:
			all = Undetermined
		}
	}
	return all
}
