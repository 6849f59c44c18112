package iam

import (
	"cmp"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// Canonical gives a text that tells what a document says and not how: of two
// that say the same access.Document.Same holds. Of no account are: white space
// and the order of keys; whether one value is a list; order and doubles of
// lists, statements and conditions; the case of condition keys; quotes around
// true and 10; an account's id or its root's ARN as principal; an Id, an empty
// Sid and an empty Condition. Version and Sids stay, as do the case of
// resources, principals and values. Actions keep their spelling too, for those
// who read them, and count whatever their case. It reads nothing into a
// document: statements that only come to the same stay different. Its error is
// a *ParseError.
func Canonical(kind Kind, document string) (access.Document, error) {
	p, err := Parse(kind, document)
	if err != nil {
		return "", err
	}
	return p.canonical(), nil
}

func (p *Policy) canonical() access.Document {
	byMeaning := map[string]string{}
	for _, st := range p.Statements {
		text, folded := string(st.canonical()), string(st.folded().canonical())
		if had, ok := byMeaning[folded]; !ok || text < had {
			byMeaning[folded] = text
		}
	}
	statements := make([]string, 0, len(byMeaning))
	for _, folded := range sortedKeys(byMeaning) {
		statements = append(statements, byMeaning[folded])
	}
	b := []byte{'{'}
	if p.Version != "" {
		b = append(quote(append(b, `"Version":`...), p.Version), ',')
	}
	b = append(b, `"Statement":[`...)
	b = append(b, strings.Join(statements, ",")...)
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
	}{{"Action", spelled(s.Actions)}, {"NotAction", spelled(s.NotActions)}, {"Resource", sortedSet(s.Resources)}, {"NotResource", sortedSet(s.NotResources)}} {
		if e.list != nil {
			b = appendList(append(b, `,"`+e.name+`":`...), e.list)
		}
	}
	if len(s.Conditions) > 0 {
		b = appendConditions(append(b, `,"Condition":`...), s.Conditions)
	}
	return append(b, '}')
}

// folded is the statement with its actions in small letters.
func (s Statement) folded() Statement {
	s.Actions, s.NotActions = lower(s.Actions), lower(s.NotActions)
	return s
}

func lower(list []string) []string {
	if list == nil {
		return nil
	}
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, asciiLower(s))
	}
	return out
}

// asciiLower is s in small letters; of actions nothing else has capitals.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// sortedSet is a list without order and doubles.
func sortedSet(list []string) []string {
	if list == nil {
		return nil
	}
	return append([]string{}, slices.Compact(slices.Sorted(slices.Values(list)))...)
}

// spelled is a set of actions in the order of their small letters, each as it
// was written first.
func spelled(list []string) []string {
	if list == nil {
		return nil
	}
	byMeaning := map[string]string{}
	for _, s := range list {
		if had, ok := byMeaning[asciiLower(s)]; !ok || s < had {
			byMeaning[asciiLower(s)] = s
		}
	}
	out := make([]string, 0, len(byMeaning))
	for _, k := range sortedKeys(byMeaning) {
		out = append(out, byMeaning[k])
	}
	return out
}

// appendList writes a set of strings in its order; one alone needs no list.
func appendList(b []byte, list []string) []byte {
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
		b = appendList(append(quote(b, t), ':'), sortedSet(byType[t]))
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
			b = appendList(append(quote(b, c.Key), ':'), sortedSet(c.Values))
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
