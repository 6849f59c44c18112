package iam

import (
	"cmp"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// Canonical gives the one text of all documents that say the same by their
// form. Of no account are: white space and the order of keys; whether one
// value is a list; order and doubles of lists, statements and conditions; the
// case of actions and of condition keys; quotes around true and 10; an
// account's id or its root's ARN as principal; an Id, an empty Sid and an empty
// Condition. Version and Sids stay, as do the case of resources, principals and
// values. It reads nothing into a document: statements that only come to the
// same stay different. Its error is a *ParseError.
func Canonical(kind Kind, document string) (access.Document, error) {
	p, err := Parse(kind, document)
	if err != nil {
		return "", err
	}
	return p.canonical(), nil
}

func (p *Policy) canonical() access.Document {
	statements := make([]string, 0, len(p.Statements))
	for _, st := range p.Statements {
		statements = append(statements, string(st.canonical()))
	}
	slices.Sort(statements)
	b := []byte{'{'}
	if p.Version != "" {
		b = append(quote(append(b, `"Version":`...), p.Version), ',')
	}
	b = append(b, `"Statement":[`...)
	b = append(b, strings.Join(slices.Compact(statements), ",")...)
	return access.Document(append(b, "]}"...))
}

// canonical writes the elements in the order in which AWS's own examples have
// them.
func (s Statement) canonical() []byte {
	b := []byte{'{'}
	if s.Sid != "" {
		b = append(quote(append(b, `"Sid":`...), s.Sid), ',')
	}
	b = quote(append(b, `"Effect":`...), string(s.Effect))
	for _, e := range []struct {
		name string
		list []Principal
	}{{"Principal", s.Principals}, {"NotPrincipal", s.NotPrincipals}} {
		if e.list != nil {
			b = appendPrincipals(append(b, `,"`+e.name+`":`...), e.list)
		}
	}
	for _, e := range []struct {
		name string
		list []string
	}{{"Action", lower(s.Actions)}, {"NotAction", lower(s.NotActions)}, {"Resource", s.Resources}, {"NotResource", s.NotResources}} {
		if e.list != nil {
			b = appendList(append(b, `,"`+e.name+`":`...), e.list)
		}
	}
	if len(s.Conditions) > 0 {
		b = appendConditions(append(b, `,"Condition":`...), s.Conditions)
	}
	return append(b, '}')
}

func lower(list []string) []string {
	if list == nil {
		return nil
	}
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, fold(s))
	}
	return out
}

// appendList writes a set of strings; one alone needs no list.
func appendList(b []byte, list []string) []byte {
	list = slices.Compact(slices.Sorted(slices.Values(list)))
	if len(list) == 1 {
		return quote(b, list[0])
	}
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = quote(b, s)
	}
	return append(b, ']')
}

func appendPrincipals(b []byte, list []Principal) []byte {
	byType := map[string][]string{}
	for _, p := range list {
		if p.Type == "*" {
			return quote(b, "*")
		}
		if id := accountID(p.Value); p.Type == "AWS" && id != "" {
			p.Value = id
		}
		byType[p.Type] = append(byType[p.Type], p.Value)
	}
	b = append(b, '{')
	for i, t := range sortedKeys(byType) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendList(append(quote(b, t), ':'), byType[t])
	}
	return append(b, '}')
}

func appendConditions(b []byte, list []Condition) []byte {
	byOperator := map[string][]Condition{}
	for _, c := range list {
		c.Key = spelling(c.Key)
		byOperator[c.Operator.String()] = append(byOperator[c.Operator.String()], c)
	}
	b = append(b, '{')
	for i, op := range sortedKeys(byOperator) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(quote(b, op), ':'), '{')
		keys := byOperator[op]
		slices.SortFunc(keys, func(x, y Condition) int { return cmp.Compare(x.Key, y.Key) })
		for j, c := range keys {
			if j > 0 {
				b = append(b, ',')
			}
			b = appendList(append(quote(b, c.Key), ':'), c.Values)
		}
		b = append(b, '}')
	}
	return append(b, '}')
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
