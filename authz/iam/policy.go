package iam

import "strings"

// Kind is the type of a policy; it decides the grammar.
type Kind int

const (
	// Identity is a policy of a user, a group or a role: Resource is required,
	// Principal is prohibited.
	Identity Kind = iota
	// Trust is the trust policy of a role: Principal is required, Resource is
	// prohibited.
	Trust
	// Boundary is a permissions boundary; its grammar is Identity's.
	Boundary
	// SessionPolicy is a session policy; its grammar is Identity's.
	SessionPolicy
	// ResourcePolicy is the policy of a bucket, a queue and their like: Principal or,
	// with Deny, NotPrincipal is required, Resource may be left out.
	ResourcePolicy
	// KeyPolicy is the policy of a KMS key; its grammar is ResourcePolicy's. Without an
	// Allow in it nobody may use the key. (IAM User Guide, policy evaluation)
	KeyPolicy
	// ServiceControlPolicy is a service control policy (SCP) of an organization.
	ServiceControlPolicy
	// ResourceControlPolicy is a resource control policy (RCP) that a customer wrote.
	ResourceControlPolicy
)

func (k Kind) String() string {
	return [...]string{"identity policy", "trust policy", "permissions boundary", "session policy", "resource policy",
		"key policy", "service control policy", "resource control policy"}[k]
}

// resourceBased reports whether policies of the kind hang on a resource and
// name principals freely.
func (k Kind) resourceBased() bool { return k == ResourcePolicy || k == KeyPolicy }

// ofIAM reports whether IAM itself keeps policies of the kind.
func (k Kind) ofIAM() bool { return !k.resourceBased() }

// Effect is what a statement does to the requests that it matches.
type Effect string

const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// Policy is a parsed policy document.
type Policy struct {
	Kind       Kind
	Version    string // "2012-10-17", "2008-10-17" or "" if not written
	ID         string
	Statements []Statement
}

// variables reports whether ${...} is a variable; under the older version, or
// none, it is literal text. (R1.6; IAM User Guide, elements: Version)
func (p *Policy) variables() bool { return p.Version == "2012-10-17" }

// Statement is one statement. Of each pair (Action and NotAction, Resource
// and NotResource, Principal and NotPrincipal) at most one is written; a list
// that is nil was not written, an empty one was.
type Statement struct {
	Sid           string
	Effect        Effect
	Actions       []string
	NotActions    []string
	Resources     []string
	NotResources  []string
	Principals    []Principal
	NotPrincipals []Principal // ResourcePolicy and KeyPolicy only, with Deny
	Conditions    []Condition // sorted by operator, then key; all must hold
}

// Principal is one value of a Principal element. "Principal": "*" is
// {Type: "*", Value: "*"}.
type Principal struct {
	Type  string // AWS, Service, Federated, CanonicalUser, *
	Value string
}

// Condition is one key of one operator of a Condition element.
type Condition struct {
	Operator Operator
	Key      string // as written; compared regardless of case
	Values   []string
}

// Operator is a condition operator with its prefix and suffix taken apart.
type Operator struct {
	Set      string // "", "ForAllValues" or "ForAnyValue"
	Name     string // such as StringEquals
	IfExists bool
}

func (o Operator) String() string {
	s := o.Name
	if o.Set != "" {
		s = o.Set + ":" + s
	}
	if o.IfExists {
		s += "IfExists"
	}
	return s
}

func (c *Condition) String() string {
	return c.Operator.String() + " " + c.Key + " [" + strings.Join(c.Values, ", ") + "]"
}

// operators are all condition operators of IAM. (IAM User Guide, condition
// operators)
var operators = map[string]bool{
	"StringEquals": true, "StringNotEquals": true, "StringEqualsIgnoreCase": true, "StringNotEqualsIgnoreCase": true,
	"StringLike": true, "StringNotLike": true,
	"NumericEquals": true, "NumericNotEquals": true, "NumericLessThan": true, "NumericLessThanEquals": true,
	"NumericGreaterThan": true, "NumericGreaterThanEquals": true,
	"DateEquals": true, "DateNotEquals": true, "DateLessThan": true, "DateLessThanEquals": true,
	"DateGreaterThan": true, "DateGreaterThanEquals": true,
	"Bool": true, "BinaryEquals": true, "IpAddress": true, "NotIpAddress": true,
	"ArnEquals": true, "ArnLike": true, "ArnNotEquals": true, "ArnNotLike": true,
	"Null": true,
}

// parseOperator takes an operator's name apart.
func parseOperator(s string) (Operator, bool) {
	var o Operator
	if set, rest, ok := strings.Cut(s, ":"); ok {
		if set != "ForAllValues" && set != "ForAnyValue" {
			return o, false
		}
		o.Set, s = set, rest
	}
	o.Name = s
	if name, ok := strings.CutSuffix(s, "IfExists"); ok {
		o.Name, o.IfExists = name, true
	}
	return o, operators[o.Name] && !(o.IfExists && o.Name == "Null")
}

// Size counts the characters of a document as IAM's quotas do: white space is
// not counted. (IAM User Guide, IAM and STS quotas)
func Size(document string) int {
	n := 0
	for _, r := range document {
		if !strings.ContainsRune(" \t\r\n", r) {
			n++
		}
	}
	return n
}
