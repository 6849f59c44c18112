package iam

import (
	"slices"
	"strings"
)

// principalTypes are the keys of a Principal element. (IAM User Guide,
// elements: Principal)
var principalTypes = []string{"AWS", "Service", "Federated", "CanonicalUser"}

func parsePrincipals(kind Kind, v value, path string) ([]Principal, *ParseError) {
	if v.kind == '"' && v.text == "*" {
		return []Principal{{"*", "*"}}, nil
	}
	if kind == ResourceControlPolicy {
		return nil, fault(BadPrincipal, v.at, path, `a resource control policy has the principal "*"`)
	}
	if v.kind != '{' {
		return nil, fault(BadSyntax, v.at, path, `want an object or "*"`)
	}
	out := []Principal{}
	for i, key := range v.keys {
		at := path + "." + key
		if !slices.Contains(principalTypes, key) {
			return nil, fault(BadSyntax, v.keyAt[i], at, "no such type of principal")
		}
		if key == "Federated" && kind != Trust {
			return nil, fault(BadPrincipal, v.keyAt[i], at, "only a trust policy names an identity provider")
		}
		values, err := parseStrings(v.items[i], at)
		if err != nil {
			return nil, err
		}
		for _, item := range values {
			if !principalForm(key, item.text) {
				return nil, fault(BadPrincipal, item.at, at, "impossible principal %s", item.text).of(item.text)
			}
			out = append(out, Principal{key, item.text})
		}
	}
	return out, nil
}

// principalForm checks the form of a principal: no partial wildcard, no group.
func principalForm(kind, text string) bool {
	switch {
	case text == "":
		return false
	case kind == "AWS" && text == "*":
		return true
	case strings.ContainsAny(text, "*?"):
		return false
	case kind != "AWS":
		return true
	case accountID(text) != "", UniqueID(text):
		return true
	}
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || len(parts[4]) != 12 || strings.Trim(parts[4], "0123456789") != "" {
		return false
	}
	prefixes := map[string][]string{"iam": {"user/", "role/"}, "sts": {"assumed-role/", "federated-user/"}}[parts[2]]
	return slices.ContainsFunc(prefixes, func(p string) bool { return len(parts[5]) > len(p) && strings.HasPrefix(parts[5], p) })
}

// UniqueID reports whether s has the form of the unique id of a user or a
// role: what its ARN becomes in a saved trust policy.
func UniqueID(s string) bool {
	return (strings.HasPrefix(s, "AIDA") || strings.HasPrefix(s, "AROA")) && len(s) >= 16 && strings.Trim(s, letters) == ""
}

// accountID is the account that a principal of the account's form names: the
// twelve digits or the ARN of its root; else "".
func accountID(text string) string {
	if parts := strings.SplitN(text, ":", 6); len(parts) == 6 && parts[2] == "iam" && parts[5] == "root" {
		text = parts[4]
	}
	if len(text) == 12 && strings.Trim(text, "0123456789") == "" {
		return text
	}
	return ""
}

// signs reports whether the caller has policies of its own: it is a user, a
// role's session, a root user or a federated user. (R3.7, R3.10)
func (c Caller) signs() bool {
	return c.Kind != Service && c.Kind != Federated && c.Kind != Anonymous
}

// isNoAWSIdentity reports whether AWS does not say if {"AWS": "*"}, everyone of
// AWS, takes the caller in: a service, or the bearer of a provider's token,
// who "is not an AWS identity". (R3.10, assumption U-7)
func (c Caller) isNoAWSIdentity() bool { return c.Kind == Service || c.Kind == Federated }

// serviceLinked reports whether the caller is a session of a service-linked
// role, which no organization's policy reaches. (R3.13)
func (c Caller) serviceLinked() bool { return strings.Contains(c.Role, ":role/aws-service-role/") }

// grant is in which way a principal covers a caller; the ways differ in what
// else must allow.
type grant int

const (
	notCovered grant = iota
	byAccount        // the account: delegates, the identity policies must allow too
	byRole           // the role, to a session: limited by the boundary
	directly         // the user, the session, the service, or everyone
)

// covers is the strongest way in which the principals cover the caller; maybe
// where AWS does not say.
func covers(principals []Principal, c Caller) (grant, truth) {
	best := notCovered
	for _, p := range principals {
		best = max(best, p.covers(c))
	}
	if best == notCovered && c.isNoAWSIdentity() && slices.Contains(principals, Principal{"AWS", "*"}) {
		return directly, maybe // assumption U-7
	}
	if best == notCovered && c.signs() && slices.ContainsFunc(principals, isCanonical) {
		return byAccount, maybe // an account by another name, which does not tell whose
	}
	return best, truthOf(best != notCovered)
}

func isCanonical(p Principal) bool { return p.Type == "CanonicalUser" }

func (p Principal) covers(c Caller) grant {
	switch {
	case p.Type == "*": // assumption U-6: "*" is a direct grant
		return directly
	case p.Type == "Service" && c.Kind == Service, p.Type == "Federated" && c.Kind == Federated:
		if p.Value == c.ARN {
			return directly
		}
		return notCovered
	case p.Type != "AWS" || c.Kind == Service || c.Kind == Federated:
		return notCovered
	case p.Value == "*", p.Value == c.ARN && (c.Kind == User || c.Kind == Session || c.Kind == FederatedUser):
		return directly
	case c.Kind == Anonymous:
		return notCovered
	case accountID(p.Value) != "" && accountID(p.Value) == c.Account:
		return byAccount
	case c.Kind == User && p.Value == c.ID:
		return directly
	case c.Kind == Session && (p.Value == c.Role || p.Value == c.ID), c.Kind == FederatedUser && (p.Value == c.User || p.Value == c.ID):
		return byRole
	}
	return notCovered
}

// spares tells whether a NotPrincipal leaves the caller alone. A caller with a
// boundary never is. A user is spared if the user and the account are listed, a
// session if it, its role (a federated user's: its user) and its account are; what less than that does AWS
// does not say (R1.10, assumption U-8).
func spares(list []Principal, c Caller, bounded bool) truth {
	if bounded && c.signs() {
		return no
	}
	listed := map[grant]bool{}
	for _, p := range list {
		if p.Type == "*" || p == (Principal{"AWS", "*"}) && !c.isNoAWSIdentity() {
			return yes
		}
		listed[p.covers(c)] = true
	}
	need := []grant{directly}
	switch c.Kind {
	case User:
		need = []grant{directly, byAccount}
	case Session, FederatedUser:
		need = []grant{directly, byRole, byAccount}
	case Root:
		need = []grant{byAccount}
	case Service, Federated:
		if !listed[directly] && slices.Contains(list, Principal{"AWS", "*"}) {
			return maybe // assumption U-7
		}
	}
	n := 0
	for _, g := range need {
		if listed[g] {
			n++
		}
	}
	switch {
	case n == len(need):
		return yes
	case listed[directly] || listed[byRole] || listed[byAccount], c.signs() && slices.ContainsFunc(list, isCanonical):
		return maybe
	}
	return no
}
