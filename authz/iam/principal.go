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

// CallerKind is what kind of principal makes a request.
type CallerKind int

const (
	User      CallerKind = iota // an IAM user
	Session                     // a session of an IAM role
	Root                        // the root user of an account
	Service                     // a service principal, such as pods.eks.amazonaws.com
	Federated                   // the bearer of a token of an identity provider
)

// Caller is who makes a request.
type Caller struct {
	Kind    CallerKind
	ARN     string // of the user, the session (arn:P:sts::A:assumed-role/NAME/SESSION), the root or the provider; a service's name
	Account string // "" for services and federated callers
	Role    string // of a session: the ARN of its role, path included
	ID      string // unique id of the user or of the session's role
}

// grant is in which way a principal covers a caller; the ways differ in what
// else must allow.
type grant int

const (
	notCovered grant = iota
	byAccount        // the account: delegates, the identity policies must allow too
	byRole           // the role, to a session: limited by the boundary
	directly         // the user, the session, the service, or everyone
)

// covers is the strongest way in which the principals cover the caller.
func covers(principals []Principal, c Caller) grant {
	best := notCovered
	for _, p := range principals {
		best = max(best, p.covers(c))
	}
	return best
}

func (p Principal) covers(c Caller) grant {
	switch {
	case p.Type == "*": // assumption U-6: "*" is a direct grant
		return directly
	case p.Type == "Service" && c.Kind == Service, p.Type == "Federated" && c.Kind == Federated:
		if p.Value == c.ARN {
			return directly
		}
	case p.Type != "AWS" || c.Kind == Service || c.Kind == Federated:
		return notCovered
	case p.Value == "*", p.Value == c.ARN && c.Kind != Root:
		return directly
	case accountID(p.Value) != "" && accountID(p.Value) == c.Account:
		return byAccount
	case c.Kind == User && p.Value == c.ID:
		return directly
	case c.Kind == Session && (p.Value == c.Role || p.Value == c.ID):
		return byRole
	}
	return notCovered
}
