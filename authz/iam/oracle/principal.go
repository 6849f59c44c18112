package oracle

import (
	"regexp"
	"strings"
)

// A form says by which words a principal element covers the caller. The later
// ones give more (R3.4).
type form int

const (
	uncovered form = iota
	byAccount      // its account is named: delegated, no grant
	byRole         // its role is named, or the user who federated: N
	directly       // itself, or everyone: D
)

// A principal is one word of a principal element. Star is the bare "*".
type principal struct {
	kind, name string
}

// principals lists the words of a principal element; nil: it cannot be read.
func principals(v any) []principal {
	if v == "*" {
		return []principal{{"*", "*"}}
	}
	o, ok := v.(object)
	if !ok {
		return nil
	}
	out := []principal{}
	for i, m := range o {
		for _, n := range o[:i] {
			if n.name == m.name {
				return nil // R1.1
			}
		}
		names, ok := texts(m.value, false)
		if !ok {
			return nil
		}
		switch m.name {
		case "AWS", "Service", "Federated", "CanonicalUser":
		default:
			return nil
		}
		for _, name := range names {
			out = append(out, principal{m.name, name})
		}
	}
	return out
}

var (
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	rootARN   = regexp.MustCompile(`^arn:([a-z-]+):iam::([0-9]{12}):root$`)
)

// covers says how one word covers the caller (section 1's table of forms).
func (w *world) covers(p principal) form {
	c := w.c.Caller
	ofAccount := c.Kind == User || c.Kind == RoleSession || c.Kind == FederatedUser || c.Kind == Root
	switch p.kind {
	case "*":
		return directly // U-6, U-7
	case "Service":
		return when(c.Kind == Service && p.name == c.ARN, directly)
	case "Federated":
		return when(c.Kind == WebIdentity && p.name == c.ARN, directly)
	case "CanonicalUser":
		return when(ofAccount && w.maybe(), byAccount)
	}
	switch {
	case p.name == "*" && (c.Kind == Service || c.Kind == WebIdentity): // U-7; R3.10: it is no AWS identity either
		return when(w.maybe(), directly)
	case p.name == "*":
		return directly
	case !ofAccount:
		return uncovered
	case accountID.MatchString(p.name):
		return when(p.name == c.Account, byAccount)
	case rootARN.MatchString(p.name):
		m := rootARN.FindStringSubmatch(p.name)
		return when(m[1] == partition(c.ARN) && m[2] == c.Account, byAccount)
	case p.name == c.ARN:
		return directly
	case p.name == c.Of:
		return byRole
	case p.name == c.ID && c.ID != "": // unique ids match that incarnation alone
		return when(true, map[CallerKind]form{User: directly, RoleSession: byRole, FederatedUser: byRole}[c.Kind])
	}
	return uncovered
}

func when(yes bool, f form) form {
	if yes {
		return f
	}
	return uncovered
}

// partition is an ARN's second part.
func partition(arn string) string {
	parts := strings.SplitN(arn, ":", 3)
	if len(parts) < 3 {
		return ""
	}
	return parts[1]
}

// covered is the best form in which a Principal covers the caller: its words are
// OR.
func (w *world) covered(element any) form {
	best := uncovered
	for _, p := range principals(element) {
		best = max(best, w.covers(p))
	}
	return best
}

// spared says whether a NotPrincipal leaves the caller out (R1.10).
func (w *world) spared(element any) bool {
	c := w.c.Caller
	if len(w.c.Boundary) > 0 {
		return false // (a)
	}
	listed := map[form]bool{}
	for _, p := range principals(element) {
		f := w.covers(p)
		listed[f] = true
		if p.name == "*" && f == directly {
			return true // nobody is left to deny
		}
	}
	switch c.Kind {
	case User: // (b)
		if listed[directly] && listed[byAccount] {
			return true
		}
	case RoleSession, FederatedUser: // (b)
		if listed[directly] && listed[byRole] && listed[byAccount] {
			return true
		}
	case Root:
		return listed[byAccount] || listed[directly]
	default:
		return listed[directly]
	}
	if !listed[directly] && !listed[byRole] && !listed[byAccount] {
		return false
	}
	return w.maybe() // (c), U-8
}
