package documents

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// plain refuses what a document may not use anywhere: aliases, anchors, tags,
// and no value where one is needed. (CVE-2019-11253 is why aliases are not
// just bounded: a document says what it says where it says it.)
func (d *decoder) plain(n *yaml.Node, path []any) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		d.fault(n, `write the value out, or quote it if the star is meant: "*`+Escape(n.Value)+`"`, "aliases are not read")
	case n.Anchor != "":
		d.fault(n, "write the value out where it is needed", "anchors (&%s) are not read", Escape(n.Anchor))
	case n.Style&yaml.TaggedStyle != 0 && n.Tag != "!!str":
		d.fault(n, "leave it out", "the tag %s is not read", Escape(n.Tag))
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0:
		d.fault(n, "write it, or leave the key out; an empty list is []", "%s has no value", d.name(path))
	default:
		return true
	}
	return false
}

// is checks that n is a mapping or a list.
func (d *decoder) is(n *yaml.Node, kind yaml.Kind, path []any, want string) bool {
	if n.Kind == kind {
		return true
	}
	hint := ""
	switch {
	case pastedPolicy(n, path):
		hint = "write a policy's statements in YAML: [{actions: [...], resources: [...]}]"
	case kind == yaml.MappingNode && n.Kind == yaml.ScalarNode && lastKey(path) == "serviceAccounts":
		hint = "write " + accountForm(n.Value)
	case kind == yaml.MappingNode && n.Kind == yaml.ScalarNode && lastKey(path) == "role" && len(path) == 2:
		hint = "write {name: " + yamlText(n.Value) + "} for a role to make, {existing: ARN} for another's"
	case kind == yaml.MappingNode && n.Kind == yaml.ScalarNode && lastKey(path) == "targetRole":
		hint = "write {arn: " + yamlText(n.Value) + "}"
	case kind == yaml.MappingNode && n.Kind == yaml.SequenceNode && lastKey(path) == "sessionPolicy":
		hint = "write {statements: [...]}"
	case kind == yaml.SequenceNode && n.Kind == yaml.ScalarNode:
		hint = `write [` + yamlText(n.Value) + `]`
	case kind == yaml.SequenceNode && n.Kind == yaml.MappingNode:
		hint = "begin each item with a dash"
	case n.Kind == yaml.ScalarNode && lastKey(path) == "members":
		hint = "write {user: " + yamlText(n.Value) + "}"
	case n.Kind == yaml.ScalarNode && lastKey(path) == "clusters" && n.Value == "all":
		hint = "write {all: true}"
	case n.Kind == yaml.ScalarNode && lastKey(path) == "clusters":
		hint = "write {names: [" + yamlText(n.Value) + "]}"
	case n.Kind == yaml.SequenceNode && lastKey(path) == "clusters":
		hint = "write {names: [...]}"
	}
	d.fault(n, hint, "%s is %s, not %s", d.name(path), kindName(n), want)
	return false
}

// pastedPolicy reports whether a policy stands where statements belong, as
// JSON in a text or as its root.
func pastedPolicy(n *yaml.Node, path []any) bool {
	switch lastKey(path) {
	case "statements", "sessionPolicy":
		text := strings.TrimSpace(n.Value)
		return n.Kind == yaml.ScalarNode && (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) ||
			n.Kind == yaml.MappingNode && (child(n, "Statement") != nil || child(n, "Version") != nil)
	}
	return false
}

func lastKey(path []any) string {
	for _, step := range slices.Backward(path) {
		if s, ok := step.(string); ok {
			return s
		}
	}
	return ""
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return "the single value " + quoted(n.Value)
}

// yamlText is a value as it should stand in a document.
func yamlText(s string) string {
	if safeWord.MatchString(s) && !looksTypedName(s) {
		return s
	}
	return `"` + Escape(s) + `"`
}

var (
	safeWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]*$`)
	// YAML 1.1, which other readers of the same file speak, counts in base 60.
	sexagesimal = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$`)
)

// looksTyped reports whether an unquoted scalar is not, or not for every
// reader of YAML, text. kubectl reads YAML 1.1, where yes, no, on and off are
// true and false.
func looksTyped(n *yaml.Node) bool {
	if n.Tag != "!!str" {
		return true
	}
	switch strings.ToLower(n.Value) {
	case "y", "n", "yes", "no", "on", "off":
		return true
	}
	return sexagesimal.MatchString(n.Value)
}

const quotedStyles = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

// text reads a scalar that must be text.
func (d *decoder) text(n *yaml.Node, path []any) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		hint := ""
		if lastKey(path) == "name" && n.Kind == yaml.MappingNode && child(n, "cluster") != nil {
			hint = `quote it: "{cluster}"`
		}
		d.fault(n, hint, "%s is %s, not text", d.name(path), kindName(n))
		return "", false
	}
	if n.Tag == "!!int" && lastKey(path) == "maxSessionDuration" {
		d.fault(n, "want hours or minutes, such as 2h or 90m", "%s has no unit: %s", d.name(path), quoted(n.Value))
		return "", false
	}
	if n.Style&(quotedStyles|yaml.TaggedStyle) == 0 && looksTyped(n) {
		d.fault(n, "quote it: "+quoted(n.Value), "%s is %s to YAML, not text", d.name(path), typeName(n))
		return "", false
	}
	if r, ok := invisible(n.Value); ok {
		d.fault(n, "take it out", "%s has a letter that is not seen, %s: %s", d.name(path), Escape(string(r)), quoted(n.Value))
		return "", false
	}
	return n.Value, true
}

func typeName(n *yaml.Node) string {
	switch {
	case n.Tag == "!!int" || n.Tag == "!!float" || sexagesimal.MatchString(n.Value):
		return "a number"
	case n.Tag == "!!timestamp":
		return "a time"
	case n.Tag == "!!null":
		return "nothing"
	}
	return "true or false"
}

// boolean reads true or false.
func (d *decoder) boolean(n *yaml.Node, path []any) (value, ok bool) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" && n.Style&quotedStyles == 0 {
		return strings.EqualFold(n.Value, "true"), true
	}
	hint := "write true without quotes"
	if n.Kind != yaml.ScalarNode {
		hint = "write true"
	}
	d.fault(n, hint, "%s is %s, not true", d.name(path), kindName(n))
	return false, false
}

// looksTypedName reports whether a name would need quotes to be text.
func looksTypedName(s string) bool {
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(s), &n); err != nil || len(n.Content) != 1 {
		return true
	}
	return looksTyped(n.Content[0])
}
