package eks

import (
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
)

// Grant is an access policy on an entry, made ready to be asked.
type Grant struct {
	Policy Policy // of an ARN that is not known: its name alone
	Scope  access.Scope
}

// NewGrant reads an association. That nobody knows the policy is no error:
// what it gives is unknown, see Policy.RulesComplete.
func NewGrant(a access.Association) Grant {
	name := a.Policy
	if arn, err := access.ParseARN(a.Policy); err == nil {
		name = strings.TrimPrefix(arn.Resource, "cluster-access-policy/")
	}
	p, ok := Named(name)
	if !ok {
		p = Policy{Name: name}
	}
	return Grant{Policy: p, Scope: a.Scope}
}

// Reaches reports whether a request is inside of a scope. A scope of
// namespaces reaches requests in a namespace that matches, and what is asked
// about the Namespace itself, as a RoleBinding there would: nothing that is
// the cluster's, no request over all namespaces, no URL that is no resource.
// Assumption namespace-scope.
func Reaches(s access.Scope, r rbac.Request) bool {
	if s.Cluster {
		return true
	}
	if r.Namespace == "" || r.Path != "" {
		return false
	}
	for _, p := range s.Namespaces {
		if access.MatchPattern(p, r.Namespace) {
			return true
		}
	}
	return false
}

// Allows gives the rule by which a grant allows a request, or nil. Nil from a
// policy whose rules are not published (Policy.RulesComplete) means that it
// cannot be told.
func (g Grant) Allows(r rbac.Request) *access.Rule {
	if !Reaches(g.Scope, r) {
		return nil
	}
	for i := range g.Policy.Rules {
		if rbac.Covers(&g.Policy.Rules[i], r) {
			return &g.Policy.Rules[i]
		}
	}
	return nil
}
