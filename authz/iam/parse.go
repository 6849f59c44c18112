package iam

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Fault is the class of a fault in a policy document; AWS answers each with a
// text of its own.
type Fault int

const (
	BadJSON        Fault = iota // not JSON, or not an object
	BadSyntax                   // an element that is unknown, missing or of the wrong type
	BadVersion                  // Version is neither 2012-10-17 nor 2008-10-17
	NoAction                    // neither Action nor NotAction
	NoResource                  // neither Resource nor NotResource
	NoPrincipal                 // a policy of a resource or a role without Principal
	Prohibited                  // an element that this kind of policy must not have
	BadVendor                   // an action or condition key without a service prefix
	BadResource                 // a resource that is neither an ARN nor *
	BadPrincipal                // a principal of an impossible form
	DuplicateSid                // a Sid twice in one policy
	BadTrustAction              // a trust policy with an action of a service other than sts
)

// ParseError says what is wrong with a document, and where.
type ParseError struct {
	Fault   Fault
	Path    string // such as Statement[1].Action
	Problem string
	Value   string // the offending value, where there is one

	Offset       int // of the offending element's first byte; of a missing one, of what lacks it
	Line, Column int // the same place, from 1; a column is a character
}

func (e *ParseError) Error() string {
	if e.Path == "" {
		return "policy: " + e.Problem
	}
	return "policy: " + e.Path + ": " + e.Problem
}

// fault makes a fault at a byte offset.
func fault(f Fault, at int, path, format string, args ...any) *ParseError {
	return &ParseError{Fault: f, Offset: at, Path: path, Problem: fmt.Sprintf(format, args...)}
}

// of names the offending value.
func (e *ParseError) of(value string) *ParseError {
	e.Value = value
	return e
}

// Parse reads a policy document by the grammar of its kind. Its error is a
// *ParseError that names the first fault. Names of elements are compared
// exactly (assumption U-1).
func Parse(kind Kind, document string) (*Policy, error) {
	p, err := parse(kind, document)
	if err == nil {
		return p, nil // not a typed nil
	}
	before := document[:err.Offset]
	line := strings.LastIndexByte(before, '\n') + 1
	err.Line, err.Column = strings.Count(before, "\n")+1, utf8.RuneCountInString(before[line:])+1
	return nil, err
}

func parse(kind Kind, document string) (*Policy, *ParseError) {
	for i, r := range document {
		// The character set of IAM's policyDocumentType.
		if r > 0xff || r < 0x20 && r != '\t' && r != '\n' && r != '\r' {
			return nil, fault(BadJSON, i, "", "the character %q is outside U+0020 to U+00FF", r)
		}
	}
	root, at, err := readJSON(document)
	if err != nil {
		return nil, fault(BadJSON, at, "", "%v", err)
	}
	if root.kind != '{' {
		return nil, fault(BadJSON, root.at, "", "want an object")
	}
	p := &Policy{Kind: kind}
	for i, key := range root.keys {
		v := root.items[i]
		switch key {
		case "Version":
			if v.kind != '"' || v.text != "2012-10-17" && v.text != "2008-10-17" {
				return nil, fault(BadVersion, v.at, key, "want 2012-10-17 or 2008-10-17")
			}
			p.Version = v.text
		case "Id":
			if kind != Trust && !kind.resourceBased() { // in a trust policy: assumption U-25
				return nil, fault(Prohibited, root.keyAt[i], key, "%s has no Id", an(kind))
			}
			if v.kind != '"' {
				return nil, fault(BadSyntax, v.at, key, "want a string")
			}
			p.ID = v.text
		case "Statement":
		default:
			return nil, fault(BadSyntax, root.keyAt[i], key, "no such element")
		}
	}
	if (kind == ServiceControlPolicy || kind == ResourceControlPolicy) && p.Version != "2012-10-17" {
		return nil, fault(BadVersion, root.at, "Version", "%s has version 2012-10-17", an(kind))
	}
	statement, ok := root.field("Statement")
	if !ok {
		return nil, fault(BadSyntax, root.at, "", "no Statement")
	}
	statements, fault := parseStatements(kind, statement)
	p.Statements = statements
	return p, fault
}

// an is the kind with its article.
func an(k Kind) string {
	if k == Identity {
		return "an " + k.String()
	}
	return "a " + k.String()
}

func parseStatements(kind Kind, v value) ([]Statement, *ParseError) {
	list, path := []value{v}, func(int) string { return "Statement" }
	if v.kind == '[' {
		list, path = v.items, func(i int) string { return fmt.Sprintf("Statement[%d]", i) }
	}
	var out []Statement
	sids := map[string]bool{}
	for i, item := range list {
		s, err := parseStatement(kind, item, path(i))
		if err != nil {
			return nil, err
		}
		if s.Sid != "" && sids[s.Sid] && kind.ofIAM() {
			sid, _ := item.field("Sid")
			return nil, fault(DuplicateSid, sid.at, path(i)+".Sid", "%q is used twice", s.Sid)
		}
		sids[s.Sid] = true
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, fault(BadSyntax, v.at, "Statement", "no statement in it")
	}
	return out, nil
}

func parseStatement(kind Kind, v value, path string) (Statement, *ParseError) {
	var s Statement
	if v.kind != '{' {
		return s, fault(BadSyntax, v.at, path, "want an object")
	}
	for i, key := range v.keys {
		if err := s.set(kind, element{key, v.keyAt[i], v.items[i], path + "." + key}); err != nil {
			return s, err
		}
	}
	return s, s.whole(kind, v.at, path)
}

// whole checks what a statement must have, and what not together.
func (s *Statement) whole(kind Kind, at int, path string) *ParseError {
	noResource := s.Resources == nil && s.NotResources == nil
	noPrincipal := s.Principals == nil && s.NotPrincipals == nil
	switch {
	case s.Effect == "":
		return fault(BadSyntax, at, path, "no Effect")
	case s.Actions == nil && s.NotActions == nil:
		return fault(NoAction, at, path, "neither Action nor NotAction")
	case s.Actions != nil && s.NotActions != nil:
		return fault(BadSyntax, at, path, "Action and NotAction together")
	case s.Resources != nil && s.NotResources != nil:
		return fault(BadSyntax, at, path, "Resource and NotResource together")
	case s.Principals != nil && s.NotPrincipals != nil:
		return fault(BadSyntax, at, path, "Principal and NotPrincipal together")
	case s.NotPrincipals != nil && s.Effect == Allow: // R1.10
		return fault(BadSyntax, at, path, "NotPrincipal goes with Deny only")
	case noResource && kind != Trust && !kind.resourceBased():
		return fault(NoResource, at, path, "neither Resource nor NotResource")
	case noPrincipal && (kind == Trust || kind == ResourceControlPolicy || kind.resourceBased()):
		return fault(NoPrincipal, at, path, "no Principal")
	case kind == ResourceControlPolicy && s.Effect == Allow:
		return fault(BadSyntax, at, path, "a resource control policy only denies")
	}
	return nil
}

// element is one element of a statement.
type element struct {
	key   string
	keyAt int
	v     value
	path  string
}

func (e element) prohibited(format string, args ...any) *ParseError {
	return fault(Prohibited, e.keyAt, e.path, format, args...).of(e.key)
}

// set reads one element of a statement.
func (s *Statement) set(kind Kind, e element) (err *ParseError) {
	switch v := e.v; e.key {
	case "Sid":
		if v.kind != '"' || kind.ofIAM() && strings.Trim(v.text, letters) != "" {
			return fault(BadSyntax, v.at, e.path, "want letters and digits only")
		}
		s.Sid = v.text
	case "Effect":
		if v.kind != '"' || v.text != string(Allow) && v.text != string(Deny) {
			return fault(BadSyntax, v.at, e.path, "want Allow or Deny")
		}
		s.Effect = Effect(v.text)
	case "Action":
		s.Actions, err = parseActions(kind, v, e.path)
	case "NotAction":
		if kind == ResourceControlPolicy {
			return e.prohibited("a resource control policy has no NotAction")
		}
		s.NotActions, err = parseActions(kind, v, e.path)
	case "Resource", "NotResource":
		if kind == Trust {
			return e.prohibited("a trust policy has no %s", e.key)
		}
		var list []string
		if list, err = parseResources(v, e.path); e.key == "Resource" {
			s.Resources = list
		} else {
			s.NotResources = list
		}
	case "Principal":
		if kind != Trust && kind != ResourceControlPolicy && !kind.resourceBased() {
			// Not with its name as Value: the text of IAM has none.
			return fault(Prohibited, e.keyAt, e.path, "%s has no Principal", an(kind))
		}
		s.Principals, err = parsePrincipals(kind, v, e.path)
	case "NotPrincipal":
		if !kind.resourceBased() {
			return fault(Prohibited, e.keyAt, e.path, "only a policy on a resource has NotPrincipal")
		}
		s.NotPrincipals, err = parsePrincipals(kind, v, e.path)
	case "Condition":
		s.Conditions, err = parseConditions(v, e.path)
	default:
		return fault(BadSyntax, e.keyAt, e.path, "no such element")
	}
	return err
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// parseStrings reads a string or a list of strings; the result has an element
// for each, with its place.
func parseStrings(v value, path string) ([]value, *ParseError) {
	if v.kind == '"' {
		return []value{v}, nil
	}
	if v.kind != '[' {
		return nil, fault(BadSyntax, v.at, path, "want a string or a list of strings")
	}
	for i, item := range v.items {
		if item.kind != '"' {
			return nil, fault(BadSyntax, item.at, fmt.Sprintf("%s[%d]", path, i), "want a string")
		}
	}
	return v.items, nil
}

// texts are the values' texts; never nil.
func texts(list []value) []string {
	out := make([]string, 0, len(list))
	for _, v := range list {
		out = append(out, v.text)
	}
	return out
}

func parseActions(kind Kind, v value, path string) ([]string, *ParseError) {
	list, err := parseStrings(v, path)
	if err != nil {
		return nil, err
	}
	for _, item := range list {
		a := item.text
		vendor, name, ok := strings.Cut(a, ":")
		if a != "*" && (!ok || vendor == "" || name == "") {
			return nil, fault(BadVendor, item.at, path, "%q is not SERVICE:ACTION", a).of(a)
		}
		if kind == Trust && !strings.EqualFold(vendor, "sts") {
			return nil, fault(BadTrustAction, item.at, path, "%q is not an action of sts", a).of(a)
		}
		if kind == ResourceControlPolicy && a == "*" {
			return nil, fault(BadSyntax, item.at, path, "a resource control policy names the service").of(a)
		}
	}
	return texts(list), nil
}

func parseResources(v value, path string) ([]string, *ParseError) {
	list, err := parseStrings(v, path)
	if err != nil {
		return nil, err
	}
	for _, item := range list {
		r := item.text
		parts := strings.SplitN(r, ":", 6)
		whole := len(parts) == 6 || strings.HasSuffix(r, "*") && len(parts) > 1
		if r != "*" && (parts[0] != "arn" || !whole) {
			return nil, fault(BadResource, item.at, path, "%q is neither an ARN nor *", r).of(r)
		}
	}
	return texts(list), nil
}

func parseConditions(v value, path string) ([]Condition, *ParseError) {
	if v.kind != '{' {
		return nil, fault(BadSyntax, v.at, path, "want an object")
	}
	var out []Condition
	for i, name := range v.keys {
		at := path + "." + name
		op, ok := parseOperator(name)
		if !ok {
			return nil, fault(BadSyntax, v.keyAt[i], at, "no such condition operator")
		}
		keys := v.items[i]
		if keys.kind != '{' {
			return nil, fault(BadSyntax, keys.at, at, "want an object")
		}
		seen := map[string]bool{}
		for j, key := range keys.keys {
			folded := strings.ToLower(key)
			if seen[folded] {
				return nil, fault(BadSyntax, keys.keyAt[j], at, "the key %q twice, in different capitals", key)
			}
			seen[folded] = true
			if !strings.Contains(key, ":") {
				return nil, fault(BadVendor, keys.keyAt[j], at, "%q is not SERVICE:KEY", key).of(key)
			}
			values, err := parseConditionValues(keys.items[j], at+"."+key)
			if err != nil {
				return nil, err
			}
			out = append(out, Condition{op, key, values})
		}
	}
	slices.SortStableFunc(out, func(a, b Condition) int {
		return strings.Compare(a.Operator.String()+" "+a.Key, b.Operator.String()+" "+b.Key)
	})
	return out, nil
}

// parseConditionValues reads strings, numbers and booleans; quotes are
// optional for the latter two.
func parseConditionValues(v value, path string) ([]string, *ParseError) {
	items := []value{v}
	if v.kind == '[' {
		items = v.items
	}
	for _, item := range items {
		if item.kind != '"' && item.kind != 's' {
			return nil, fault(BadSyntax, item.at, path, "want strings, numbers or booleans")
		}
	}
	return texts(items), nil
}
