package iam

import (
	"fmt"
	"slices"
	"strings"
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
	NoPrincipal                 // a trust policy without Principal
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
}

func (e *ParseError) Error() string {
	if e.Path == "" {
		return "policy: " + e.Problem
	}
	return "policy: " + e.Path + ": " + e.Problem
}

func fault(f Fault, path, format string, args ...any) *ParseError {
	return &ParseError{Fault: f, Path: path, Problem: fmt.Sprintf(format, args...)}
}

// Parse reads a policy document by the grammar of its kind. Its error is a
// *ParseError that names the first fault. Names of elements are compared
// exactly (assumption U-1).
func Parse(kind Kind, document string) (*Policy, error) {
	p, err := parse(kind, document)
	if err != nil {
		return nil, err // not a typed nil
	}
	return p, nil
}

func parse(kind Kind, document string) (*Policy, *ParseError) {
	for _, r := range document {
		// The character set of IAM's policyDocumentType.
		if r > 0xff || r < 0x20 && r != '\t' && r != '\n' && r != '\r' {
			return nil, fault(BadJSON, "", "the character %q is outside U+0020 to U+00FF", r)
		}
	}
	root, err := readJSON(document)
	if err != nil {
		return nil, fault(BadJSON, "", "%v", err)
	}
	if root.kind != '{' {
		return nil, fault(BadJSON, "", "want an object")
	}
	p := &Policy{}
	for i, key := range root.keys {
		v := root.items[i]
		switch key {
		case "Version":
			if v.kind != '"' || v.text != "2012-10-17" && v.text != "2008-10-17" {
				return nil, fault(BadVersion, key, "want 2012-10-17 or 2008-10-17")
			}
			p.Version = v.text
		case "Id":
			if kind == Identity {
				return nil, fault(Prohibited, key, "an identity policy has no Id")
			}
			if v.kind != '"' {
				return nil, fault(BadSyntax, key, "want a string")
			}
			p.ID = v.text
		case "Statement":
		default:
			return nil, fault(BadSyntax, key, "no such element")
		}
	}
	statement, ok := root.field("Statement")
	if !ok {
		return nil, fault(BadSyntax, "", "no Statement")
	}
	statements, fault := parseStatements(kind, statement)
	p.Statements = statements
	return p, fault
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
		if s.Sid != "" && sids[s.Sid] {
			return nil, fault(DuplicateSid, path(i)+".Sid", "%q is used twice", s.Sid)
		}
		sids[s.Sid] = true
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, fault(BadSyntax, "Statement", "no statement in it")
	}
	return out, nil
}

func parseStatement(kind Kind, v value, path string) (Statement, *ParseError) {
	var s Statement
	if v.kind != '{' {
		return s, fault(BadSyntax, path, "want an object")
	}
	for i, key := range v.keys {
		if err := s.set(kind, key, v.items[i], path+"."+key); err != nil {
			return s, err
		}
	}
	switch {
	case s.Effect == "":
		return s, fault(BadSyntax, path, "no Effect")
	case s.Actions == nil && s.NotActions == nil:
		return s, fault(NoAction, path, "neither Action nor NotAction")
	case s.Actions != nil && s.NotActions != nil:
		return s, fault(BadSyntax, path, "Action and NotAction together")
	case s.Resources != nil && s.NotResources != nil:
		return s, fault(BadSyntax, path, "Resource and NotResource together")
	case kind == Identity && s.Resources == nil && s.NotResources == nil:
		return s, fault(NoResource, path, "neither Resource nor NotResource")
	case kind == Trust && s.Principals == nil:
		return s, fault(NoPrincipal, path, "no Principal")
	}
	return s, nil
}

// set reads one element of a statement.
func (s *Statement) set(kind Kind, key string, v value, path string) (err *ParseError) {
	switch key {
	case "Sid":
		if v.kind != '"' || strings.Trim(v.text, letters) != "" {
			return fault(BadSyntax, path, "want letters and digits only")
		}
		s.Sid = v.text
	case "Effect":
		if v.kind != '"' || v.text != string(Allow) && v.text != string(Deny) {
			return fault(BadSyntax, path, "want Allow or Deny")
		}
		s.Effect = Effect(v.text)
	case "Action":
		s.Actions, err = parseActions(kind, v, path)
	case "NotAction":
		s.NotActions, err = parseActions(kind, v, path)
	case "Resource", "NotResource":
		if kind == Trust {
			e := fault(Prohibited, path, "a trust policy has no %s", key)
			e.Value = key
			return e
		}
		var list []string
		if list, err = parseResources(v, path); key == "Resource" {
			s.Resources = list
		} else {
			s.NotResources = list
		}
	case "Principal":
		if kind == Identity {
			return fault(Prohibited, path, "an identity policy has no Principal")
		}
		s.Principals, err = parsePrincipals(v, path)
	case "NotPrincipal":
		return fault(Prohibited, path, "only a policy on a resource has NotPrincipal")
	case "Condition":
		s.Conditions, err = parseConditions(v, path)
	default:
		return fault(BadSyntax, path, "no such element")
	}
	return err
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// parseStrings reads a string or a list of strings; never nil without error.
func parseStrings(v value, path string) ([]string, *ParseError) {
	if v.kind == '"' {
		return []string{v.text}, nil
	}
	if v.kind != '[' {
		return nil, fault(BadSyntax, path, "want a string or a list of strings")
	}
	out := make([]string, 0, len(v.items))
	for i, item := range v.items {
		if item.kind != '"' {
			return nil, fault(BadSyntax, fmt.Sprintf("%s[%d]", path, i), "want a string")
		}
		out = append(out, item.text)
	}
	return out, nil
}

func parseActions(kind Kind, v value, path string) ([]string, *ParseError) {
	list, err := parseStrings(v, path)
	for _, a := range list {
		vendor, name, ok := strings.Cut(a, ":")
		if a != "*" && (!ok || vendor == "" || name == "") {
			return nil, &ParseError{BadVendor, path, fmt.Sprintf("%q is not SERVICE:ACTION", a), a}
		}
		if kind == Trust && !strings.EqualFold(vendor, "sts") {
			return nil, &ParseError{BadTrustAction, path, fmt.Sprintf("%q is not an action of sts", a), a}
		}
	}
	return list, err
}

func parseResources(v value, path string) ([]string, *ParseError) {
	list, err := parseStrings(v, path)
	for _, r := range list {
		parts := strings.SplitN(r, ":", 6)
		whole := len(parts) == 6 || strings.HasSuffix(r, "*") && len(parts) > 1
		if r != "*" && (parts[0] != "arn" || !whole) {
			return nil, &ParseError{BadResource, path, fmt.Sprintf("%q is neither an ARN nor *", r), r}
		}
	}
	return list, err
}

func parseConditions(v value, path string) ([]Condition, *ParseError) {
	if v.kind != '{' {
		return nil, fault(BadSyntax, path, "want an object")
	}
	var out []Condition
	for i, name := range v.keys {
		at := path + "." + name
		op, ok := parseOperator(name)
		if !ok {
			return nil, fault(BadSyntax, at, "no such condition operator")
		}
		keys := v.items[i]
		if keys.kind != '{' {
			return nil, fault(BadSyntax, at, "want an object")
		}
		seen := map[string]bool{}
		for j, key := range keys.keys {
			folded := strings.ToLower(key)
			if seen[folded] {
				return nil, fault(BadSyntax, at, "the key %q twice, in different capitals", key)
			}
			seen[folded] = true
			if !strings.Contains(key, ":") {
				return nil, &ParseError{BadVendor, at, fmt.Sprintf("%q is not SERVICE:KEY", key), key}
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
	out := make([]string, 0, len(items))
	for _, item := range items {
		if item.kind != '"' && item.kind != 's' {
			return nil, fault(BadSyntax, path, "want strings, numbers or booleans")
		}
		out = append(out, item.text)
	}
	return out, nil
}
