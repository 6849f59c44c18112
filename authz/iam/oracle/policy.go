package oracle

import (
	"fmt"
	"slices"
	"strings"
)

// A gate is a place where policies act, which decides what their statements may
// hold (section 1's table).
type gate string

const (
	identity gate = "identity"
	boundary gate = "boundary"
	session  gate = "session"
	attached gate = "attached" // to a resource
	trust    gate = "trust"    // attached to a role
	scp      gate = "scp"
	rcp      gate = "rcp"
)

// A statement is one statement as it was read. One that was not read as IAM
// would read it may match or not; one of unknown effect may be either (U-1).
type statement struct {
	id        string // tells its unknowns from those of others
	effect    string // "Allow", "Deny" or, where it cannot be told, ""
	broken    bool
	variables bool // Version is 2012-10-17 (R1.6)

	principal, notPrincipal any
	hasPrincipal, hasNot    bool
	action, notAction       []string
	resource, notResource   []string // nil: the element is not there
	conditions              []condition
}

type condition struct {
	operator, key string
	values        []string
}

// statements reads a policy. A document that is no policy is taken for one that
// was not read: a single statement of unknown effect.
func statements(text Text, in gate, id string) []statement {
	unread := []statement{{id: id, broken: true}}
	if text == nil {
		return unread
	}
	v, err := decode(*text)
	doc, ok := v.(object)
	if err != nil || !ok {
		return unread
	}
	for _, m := range doc {
		if !slices.Contains([]string{"Version", "Id", "Statement"}, m.name) {
			return unread // R1.1
		}
	}
	version, hasVersion, err1 := doc.get("Version")
	body, hasBody, err2 := doc.get("Statement")
	_, _, err3 := doc.get("Id")
	if err1 != nil || err2 != nil || err3 != nil || !hasBody {
		return unread
	}
	if hasVersion && version != "2012-10-17" && version != "2008-10-17" {
		return unread // R1.6
	}
	list, ok := body.([]any)
	if !ok {
		list = []any{body} // R1.2
	}
	var out []statement
	for i, item := range list {
		out = append(out, readStatement(item, in, version == "2012-10-17", fmt.Sprintf("%s, statement %d", id, i)))
	}
	return out
}

var elements = []string{"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}

func readStatement(v any, in gate, variables bool, id string) statement {
	broken := statement{id: id, broken: true}
	o, ok := v.(object)
	if !ok {
		return broken
	}
	if effect, _, err := o.get("Effect"); err == nil && (effect == "Allow" || effect == "Deny") {
		broken.effect = effect.(string)
	}
	if broken.effect == "" {
		return broken
	}
	s := broken
	s.broken, s.variables = false, variables
	for _, m := range o {
		if !slices.Contains(elements, m.name) {
			return broken // R1.1, U-1
		}
		if _, _, err := o.get(m.name); err != nil {
			return broken
		}
		ok := true
		switch m.name {
		case "Action":
			s.action, ok = texts(m.value, false)
		case "NotAction":
			s.notAction, ok = texts(m.value, false)
		case "Resource":
			s.resource, ok = texts(m.value, false)
		case "NotResource":
			s.notResource, ok = texts(m.value, false)
		case "Principal":
			s.principal, s.hasPrincipal = m.value, true
		case "NotPrincipal":
			s.notPrincipal, s.hasNot = m.value, true
		case "Condition":
			s.conditions, ok = readConditions(m.value)
		}
		if !ok {
			return broken
		}
	}
	if !wellFormed(&s, in) {
		return broken
	}
	return s
}

// wellFormed holds section 1's table and R1.1's pairs.
func wellFormed(s *statement, in gate) bool {
	if (s.action == nil) == (s.notAction == nil) {
		return false // R1.1: one of them
	}
	if s.resource != nil && s.notResource != nil || s.hasPrincipal && s.hasNot {
		return false // R1.1: not both
	}
	hasResource := s.resource != nil || s.notResource != nil
	switch in {
	case identity, boundary, session, scp:
		return hasResource && !s.hasPrincipal && !s.hasNot
	case rcp:
		return hasResource && s.principal == "*" && s.notAction == nil
	case trust:
		return !hasResource && s.hasPrincipal && principals(s.principal) != nil
	}
	if s.hasNot { // R1.10: only with Deny
		return s.effect == "Deny" && principals(s.notPrincipal) != nil
	}
	return s.hasPrincipal && principals(s.principal) != nil
}

func readConditions(v any) ([]condition, bool) {
	operators, ok := v.(object)
	if !ok {
		return nil, false
	}
	var out []condition
	for i, m := range operators {
		if slices.ContainsFunc(operators[:i], func(n member) bool { return n.name == m.name }) {
			return nil, false // R1.1
		}
		keys, ok := m.value.(object)
		if !ok {
			return nil, false
		}
		for j, k := range keys {
			if slices.ContainsFunc(keys[:j], func(n member) bool { return strings.EqualFold(n.name, k.name) }) {
				return nil, false // R1.4
			}
			values, ok := texts(k.value, true)
			if !ok {
				return nil, false
			}
			out = append(out, condition{m.name, k.name, values})
		}
	}
	return out, true
}
