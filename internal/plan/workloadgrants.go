package plan

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// weighTrust says what a change of a role's trust gives and takes: each
// statement that comes or goes.
func weighTrust(c *Change, before, after access.Document) {
	c.Gained = statementGrants(c, statements(after), statements(before), "trusts: ")
	c.Lost = statementGrants(c, statements(before), statements(after), "trusts: ")
}

// weighPolicy says what a change of a role's policy gives and takes.
func weighPolicy(c *Change) {
	switch c.Kind {
	case RolePolicy:
		from, _ := c.From.(InlinePolicy)
		to, _ := c.To.(InlinePolicy)
		c.Gained = statementGrants(c, statements(to.Document), statements(from.Document), "")
		c.Lost = statementGrants(c, statements(from.Document), statements(to.Document), "")
	case RoleAttachment:
		if a, ok := c.To.(Attachment); ok {
			c.Gained = []Grant{roleGrant(c, "managed policy "+a.Policy)}
		}
		if a, ok := c.From.(Attachment); ok {
			c.Lost = []Grant{roleGrant(c, "managed policy "+a.Policy)}
		}
	}
}

func statementGrants(c *Change, list, but []string, words string) []Grant {
	var out []Grant
	for _, s := range list {
		if !slices.ContainsFunc(but, func(o string) bool { return strings.EqualFold(o, s) }) {
			out = append(out, roleGrant(c, words+StatementWords(s)))
		}
	}
	return out
}

func roleGrant(c *Change, what string) Grant {
	return Grant{Cluster: c.Cluster, Principal: c.Principal, What: what, Source: c.Source}
}

// statements are a policy's, each as its own JSON. Of a text that is none it is
// the text.
func statements(d access.Document) []string {
	if d == "" {
		return nil
	}
	var doc struct{ Statement json.RawMessage }
	if json.Unmarshal([]byte(d), &doc) != nil {
		return []string{string(d)}
	}
	var list []json.RawMessage
	if json.Unmarshal(doc.Statement, &list) != nil {
		list = []json.RawMessage{doc.Statement}
	}
	var out []string
	for _, s := range list {
		out = append(out, string(s))
	}
	return out
}

// StatementWords says a statement of an IAM policy in short: "s3:GetObject on
// arn:aws:s3:::a/*", "not s3:* on *", "deny ...".
func StatementWords(statement string) string {
	var s struct {
		Effect                                   string
		Action, NotAction, Resource, NotResource any
		Principal, NotPrincipal                  any
		Condition                                map[string]map[string]any
	}
	if json.Unmarshal([]byte(statement), &s) != nil {
		return statement
	}
	words := ""
	if s.Effect == "Deny" {
		words = "deny "
	}
	if s.NotAction != nil {
		words += "all but "
	}
	words += cmp.Or(listWords(s.Action), listWords(s.NotAction))
	switch {
	case s.Resource != nil:
		words += " on " + listWords(s.Resource)
	case s.NotResource != nil:
		words += " on all but " + listWords(s.NotResource)
	case s.Principal != nil:
		words += " by " + listWords(s.Principal)
	case s.NotPrincipal != nil:
		words += " by all but " + listWords(s.NotPrincipal)
	}
	if len(s.Condition) > 0 {
		b, err := json.Marshal(s.Condition) // keys are sorted
		if err == nil {
			words += " if " + string(b)
		}
	}
	return words
}

// listWords says a value of a policy: a scalar, a list, or a map of them.
func listWords(v any) string {
	var words []string
	switch v := v.(type) {
	case string:
		return v
	case []any:
		for _, x := range v {
			words = append(words, listWords(x))
		}
	case map[string]any:
		for _, x := range v {
			words = append(words, listWords(x))
		}
		slices.Sort(words)
	}
	return strings.Join(words, ", ")
}
