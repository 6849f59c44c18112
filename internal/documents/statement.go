package documents

import (
	"regexp"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// operators are the condition operators there are, without set prefix and
// IfExists. (IAM User Guide, condition operators)
var operators = []string{
	"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike",
	"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals",
	"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals",
	"Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "Null",
}

// setPrefixes ask each value of a key that has several.
var setPrefixes = []string{"ForAllValues:", "ForAnyValue:"}

const ifExists = "IfExists"

// statements judges the statements of a policy that a document writes.
func (d *decoder) statements(path []any, list []v1alpha1.Statement) {
	sids := map[string]bool{}
	for i, s := range list {
		p := at(path, i)
		d.statement(p, s)
		if s.Sid != "" && sids[s.Sid] {
			d.bad(at(p, "sid"), "a sid stands once in a policy", "the sid %s stands twice", quoted(s.Sid))
		}
		sids[s.Sid] = true
	}
}

var sidText = regexp.MustCompile(`^[A-Za-z0-9]+$`)

func (d *decoder) statement(p []any, s v1alpha1.Statement) {
	d.form(at(p, "sid"), s.Sid, sidText, "want letters and digits only")
	d.oneOf(at(p, "effect"), s.Effect, []string{"Allow", "Deny"})
	for _, part := range []struct {
		key   string
		texts []string
		judge func([]any, string) bool
	}{
		{"actions", s.Actions, d.action}, {"notActions", s.NotActions, d.action},
		{"resources", s.Resources, d.resource}, {"notResources", s.NotResources, d.resource},
	} {
		path := at(p, part.key)
		d.notEmpty(path, "an empty list matches nothing")
		seen := map[string]bool{}
		for i, text := range part.texts {
			if q := at(path, i); part.judge(q, text) && seen[text] {
				d.bad(q, "", "%s stands twice", quoted(text))
			}
			seen[text] = true
		}
	}
	d.conditions(at(p, "conditions"), s.Conditions)
	if !d.sound(p) {
		return
	}
	d.exactlyOne(p, "actions", "notActions")
	if d.has(at(p, "resources")) || d.has(at(p, "notResources")) {
		d.exactlyOne(p, "resources", "notResources")
	} else {
		d.bad(p, `write resources: [...], and ["*"] only if every one is meant`, "%s does not say on what", pathString(p))
	}
}

var (
	actionText = regexp.MustCompile(`^(\*|[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+)$`)
	actionDot  = regexp.MustCompile(`^([a-z0-9-]+)[./]([A-Z][A-Za-z0-9]*)$`)
)

// IsAction reports whether a text has the form of an action of AWS's, or of a
// pattern of those.
func IsAction(s string) bool { return actionText.MatchString(s) }

// action judges an action or a pattern of actions, and reports whether it can
// be one.
func (d *decoder) action(path []any, s string) bool {
	if s == "" || !d.ascii(path, s) {
		return false
	}
	if actionText.MatchString(s) {
		return true
	}
	hint := "want SERVICE:ACTION, as in s3:GetObject"
	switch words := strings.Fields(s); {
	case strings.HasPrefix(s, "arn:"):
		hint = "this is a resource: write it under resources"
	case len(words) == 2 && OwnVerb(words[0]):
		hint = "rights in Kubernetes are written under spec.grants"
	case actionDot.MatchString(s):
		hint = "did you mean " + actionDot.ReplaceAllString(s, "$1:$2") + "?"
	case strings.Contains(s, "${"):
		hint = "actions hold no variables"
	case strings.Contains(s, ",") || len(words) > 1:
		hint = "write each action as an item of the list"
	}
	d.bad(path, hint, "%s is no action: %s", pathString(path), quoted(s))
	return false
}

var (
	bucketURL  = regexp.MustCompile(`^s3://([a-z0-9.-]+)(/.*)?$`)
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?$`)
)

// resource judges an ARN or a pattern of ARNs, and reports whether it can be
// one.
func (d *decoder) resource(path []any, s string) bool {
	if s == "" || !d.ascii(path, s) {
		return false
	}
	if s == "*" {
		return true
	}
	hint := "want an ARN, with * and ? for any letters, or * for every one"
	parts := strings.SplitN(s, ":", 6)
	switch {
	case parts[0] == "arn" && (len(parts) == 6 || strings.HasSuffix(s, "*") && len(parts) > 1):
		return d.variables(path, s)
	case parts[0] == "arn":
		hint = "an ARN has six parts: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE; region and account may be empty"
	case bucketURL.MatchString(s):
		hint = "did you mean " + quoted(bucketURL.ReplaceAllString(s, "arn:aws:s3:::$1$2")) + "?"
	case actionText.MatchString(s):
		hint = "this is an action: write it under actions"
	case bucketName.MatchString(s):
		hint = "if it is a bucket: arn:aws:s3:::" + Escape(s) + ", and what is in it: arn:aws:s3:::" + Escape(strings.TrimSuffix(s, "/*")) + "/*"
	}
	d.bad(path, hint, "%s is no resource: %s", pathString(path), quoted(s))
	return false
}

var variable = regexp.MustCompile(`^\$\{([^{}$ ,]+|[*?$]|[^{}$ ,]+, '[^']*')\}`)

// variables judges the variables in a text. (IAM User Guide, policy
// variables)
func (d *decoder) variables(path []any, s string) bool {
	for rest := s; ; rest = rest[2:] {
		i := strings.Index(rest, "${")
		if i < 0 {
			return true
		}
		rest = rest[i:]
		if !variable.MatchString(rest) {
			d.bad(path, "want ${KEY}, ${KEY, 'DEFAULT'}, ${*}, ${?} or ${$}", "%s has a variable that does not end or names nothing: %s", pathString(path), quoted(s))
			return false
		}
	}
}

// operator takes a condition operator apart, and reports whether it is one.
func operator(s string) (name string, ok bool) {
	for _, prefix := range setPrefixes {
		s = strings.TrimPrefix(s, prefix)
	}
	name, optional := strings.CutSuffix(s, ifExists)
	return name, slices.Contains(operators, name) && (!optional || name != "Null")
}

// conditions judges the conditions of a statement.
func (d *decoder) conditions(path []any, conditions map[string]map[string][]string) {
	for op, keys := range conditions {
		p := at(path, op)
		name, ok := operator(op)
		if !ok {
			d.badKey(p, operatorHint(op, keys), "%s is no condition operator", quoted(op))
			continue
		}
		if len(keys) == 0 && d.sound(p) {
			d.badKey(p, "write {"+op+": {KEY: [VALUES]}}", "%s names no key", pathString(p))
		}
		for key, values := range keys {
			q := at(p, key)
			if !d.conditionKey(q, key) {
				continue
			}
			d.notEmpty(q, "write the values that match")
			for i, value := range values {
				if d.sound(at(q, i)) {
					d.conditionValue(at(q, i), name, value)
				}
			}
		}
	}
}

// operatorHint says what to write instead of an operator that is none.
func operatorHint(s string, keys map[string][]string) string {
	for key := range keys {
		if _, ok := operator(key); ok {
			return "the operator comes first: {" + key + ": {" + Escape(s) + ": [...]}}"
		}
	}
	prefix, rest := "", s
	if before, after, ok := strings.Cut(s, ":"); ok {
		c, ok := access.Nearest(before, []string{"ForAllValues", "ForAnyValue"})
		if !ok {
			return "the operator comes first: {StringEquals: {" + Escape(s) + ": [...]}}"
		}
		prefix, rest = c+":", after
	}
	if c, ok := access.Nearest(rest, operators); ok {
		return "did you mean " + prefix + c + "?"
	}
	var optional []string
	for _, name := range operators {
		optional = append(optional, name+ifExists)
	}
	if c, ok := access.Nearest(rest, optional); ok {
		return "did you mean " + prefix + strings.Replace(c, "Null"+ifExists, "Null", 1) + "?"
	}
	return "the usual ones are StringEquals, StringLike, ArnLike, Bool, IpAddress and Null"
}

// conditionKey judges the form of a condition key: SERVICE:KEY, or a
// provider's URL and its claim.
func (d *decoder) conditionKey(path []any, key string) bool {
	for _, r := range key {
		if r > '~' {
			d.badKey(path, "write it with plain letters", "a condition key has the letter %s: %s", Escape(string(r)), quoted(key))
			return false
		}
	}
	if before, after, ok := strings.Cut(key, ":"); !ok || before == "" || after == "" {
		d.badKey(path, "want SERVICE:KEY, as in aws:SourceIp or s3:prefix", "%s is no condition key", quoted(key))
		return false
	}
	return true
}

// stringOperators compare letter by letter: a star is a star to them.
var stringOperators = map[string]string{
	"StringEquals": "StringLike", "StringNotEquals": "StringNotLike", "StringEqualsIgnoreCase": "StringLike", "StringNotEqualsIgnoreCase": "StringNotLike",
}

// conditionValue judges a value of a condition.
func (d *decoder) conditionValue(path []any, name, s string) {
	if !d.ascii(path, s) {
		return
	}
	switch like, isString := stringOperators[name]; {
	case isString && strings.Contains(strings.ReplaceAll(s, "${*}", ""), "*"):
		d.bad(path, "write "+like+", in which ${*} is a star", "a star in %s is a star, and %s matches nothing else", name, quoted(s))
	case (name == "Bool" || name == "Null") && s != "true" && s != "false":
		d.bad(path, `want "true" or "false"`, "%s compares with true or false, not with %s", name, quoted(s))
	case strings.HasPrefix(name, "String"), strings.HasPrefix(name, "Arn"):
		d.variables(path, s)
	}
	if _, err := access.ParseARN(s); strings.HasPrefix(name, "Arn") && err != nil && s != "*" && !strings.HasPrefix(s, "arn:") && !strings.Contains(s, "${") {
		d.bad(path, "want an ARN, or StringLike", "%s compares ARNs, and %s is none", name, quoted(s))
	}
}
