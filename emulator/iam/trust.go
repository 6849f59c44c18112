package iam

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	authz "github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// A saved trust policy does not name users and roles by ARN but by unique id:
// one that is made again under the same ARN is not trusted. While the entity
// lives the id is shown as its ARN. (IAM User Guide, elements: Principal)

// bind gives the unique ids of the users and roles that a trust policy names.
// One that does not exist is refused, as AWS does, and so is a unique id that
// nobody has.
//
// Assumption account-exists: of a whole account (its id or root) and of a
// session nobody asks whether it exists.
//
// Assumption unknown-account: a user or role of an account that the lab does
// not have is taken to exist; its ARN stays.
func (s *Service) bind(tx *store.Tx, document string) (map[string]string, error) {
	p, err := authz.Parse(authz.Trust, document)
	if err != nil {
		return nil, err
	}
	trusted := map[string]string{}
	for _, st := range p.Statements {
		for _, principal := range st.Principals {
			if principal.Type != "AWS" {
				continue
			}
			id, named := principal.Value, authz.UniqueID(principal.Value)
			if _, ours := call.AccountOf(tx, access.AccountOf(principal.Value)); !named && ours && isEntityARN(principal.Value) {
				e, _, _ := byARN(tx, principal.Value)
				id, named = e.ID, true
			}
			if !named {
				continue
			}
			if _, lives := byID(tx, id); !lives {
				return nil, s.model.Fault("MalformedPolicyDocument", "Invalid principal in policy: %q:%q", principal.Type, principal.Value)
			}
			trusted[principal.Value] = id
		}
	}
	return trusted, nil
}

// Trusts finds a role by its ARN and says whether its trust policy lets a
// service do all of these actions; conditions are not weighed.
func (s *Service) Trusts(r store.Reader, roleARN, service string, actions ...string) (there, trusted bool) {
	e, k, ok := byARN(r, roleARN)
	if !ok || k.word != role.word {
		return false, false
	}
	p, err := authz.Parse(authz.Trust, e.Trust)
	if err != nil {
		return true, false
	}
	for _, action := range actions {
		if !slices.ContainsFunc(p.Statements, func(st authz.Statement) bool { return lets(st, service, action) }) {
			return true, false
		}
	}
	return true, true
}

// lets reports whether a statement, without its conditions, allows a service
// an action.
func lets(st authz.Statement, service, action string) bool {
	names := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return like(strings.ToLower(p), strings.ToLower(action)) })
	}
	return st.Effect == authz.Allow && (names(st.Actions) || st.NotActions != nil && !names(st.NotActions)) &&
		slices.Contains(st.Principals, authz.Principal{Type: "Service", Value: service})
}

// like matches a name with a pattern whose stars are runs of characters and
// whose question marks are single ones.
func like(pattern, name string) bool {
	if pattern == "" {
		return name == ""
	}
	if pattern[0] == '*' {
		return like(pattern[1:], name) || name != "" && like(pattern, name[1:])
	}
	return name != "" && (pattern[0] == '?' || pattern[0] == name[0]) && like(pattern[1:], name[1:])
}

func isEntityARN(s string) bool {
	parts := strings.SplitN(s, ":", 6)
	return len(parts) == 6 && parts[2] == "iam" && (strings.HasPrefix(parts[5], "user/") || strings.HasPrefix(parts[5], "role/"))
}

// boundTrust is a role's trust policy as it is evaluated: users and roles by
// unique id.
func boundTrust(e Entity) (*authz.Policy, error) {
	return authz.Parse(authz.Trust, replacePrincipals(e.Trust, func(value string) string {
		if id := e.Trusted[value]; id != "" {
			return id
		}
		return value
	}))
}

// shownTrust is a role's trust policy as IAM shows it: the ARN that each
// entity has now, the unique id of one that is gone.
func shownTrust(r store.Reader, e Entity) string {
	return replacePrincipals(e.Trust, func(value string) string {
		id := e.Trusted[value]
		if id == "" {
			return value
		}
		if living, ok := byID(r, id); ok {
			return living.ARN
		}
		return id
	})
}

// replacePrincipals puts other values in the place of the AWS principals of a
// document that is known to be a policy; all other text stays.
func replacePrincipals(document string, f func(string) string) string {
	w := principalWalk{d: json.NewDecoder(strings.NewReader(document)), text: document, replace: f}
	w.value(nil)
	return w.out.String() + document[w.copied:]
}

type principalWalk struct {
	d       *json.Decoder
	text    string
	replace func(string) string
	out     strings.Builder
	copied  int // of text
}

// value walks one value; path are the keys of the objects around it.
func (w *principalWalk) value(path []string) {
	before := int(w.d.InputOffset())
	t, err := w.d.Token()
	if err != nil {
		return
	}
	switch t := t.(type) {
	case json.Delim:
		for w.d.More() {
			if t == '[' {
				w.value(path)
				continue
			}
			key, _ := w.d.Token()
			name, _ := key.(string)
			w.value(append(path[:len(path):len(path)], name))
		}
		w.d.Token() // the closing bracket
	case string:
		if strings.Join(path, ".") != "Statement.Principal.AWS" {
			return
		}
		other, after := w.replace(t), int(w.d.InputOffset())
		if other == t {
			return
		}
		start := before + strings.IndexByte(w.text[before:after], '"')
		w.out.WriteString(w.text[w.copied:start] + strconv.Quote(other))
		w.copied = after
	}
}
