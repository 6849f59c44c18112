package documents

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/atlas-iam/atlas-iam/access"
)

// The forms of names. Sources: Kubernetes' label and name rules; IAM API
// reference for names, paths, external ids and session names; EKS API
// reference, CreateCluster and Tagging.
var (
	dnsLabel     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	labelPrefix  = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/`)
	labelWord    = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`)
	environment  = regexp.MustCompile(`^[a-z][a-z0-9]{5,15}$`)
	twelveDigits = regexp.MustCompile(`^[0-9]{12}$`)
	onlyDigits   = regexp.MustCompile(`^[0-9]+$`)
	regionName   = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)
	clusterName  = regexp.MustCompile(`^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$`)
	externalID   = regexp.MustCompile(`^[A-Za-z0-9_+=,.@:/-]{2,}$`)
	sessionName  = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{2,64}$`)
	iamName      = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,64}$`)
	iamPath      = regexp.MustCompile(`^/([!-.0-~]+/)*$`)
	setName      = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,32}$`)
	tagText      = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+@-]*$`)
	boundaryARN  = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[!-~]+$`)
)

const labelForm = "want lower-case letters, digits and dashes, at most 63, beginning and ending with a letter or digit"

// at extends a path without touching it.
func at(path []any, steps ...any) []any {
	return append(append(make([]any, 0, len(path)+len(steps)), path...), steps...)
}

// bad is a fault of the value at a path.
func (d *decoder) bad(path []any, hint, format string, args ...any) {
	n, _ := follow(d.node, path)
	d.fault(n, hint, format, args...)
}

// badKey is a fault of the last key of a path.
func (d *decoder) badKey(path []any, hint, format string, args ...any) {
	parent, _ := follow(d.node, path[:len(path)-1])
	if parent != nil && parent.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(parent.Content); i += 2 {
			if parent.Content[i].Value == path[len(path)-1] {
				d.fault(parent.Content[i], hint, format, args...)
				return
			}
		}
	}
	d.fault(parent, hint, format, args...)
}

// has reports whether a value is written at a path.
func (d *decoder) has(path []any) bool {
	_, ok := follow(d.node, path)
	return ok
}

// sound reports whether the mapping at a path had no fault of its own.
func (d *decoder) sound(path []any) bool {
	n, ok := follow(d.node, path)
	return ok && !d.spoiled[n]
}

// ascii refuses letters that are not plain, as they can look like plain ones:
// a review would say one thing and AWS get another.
func (d *decoder) ascii(path []any, s string) bool {
	for _, r := range s {
		if r > '~' {
			d.bad(path, "write it with plain letters", "%s has the letter %s: %s", pathString(path), Escape(string(r)), quoted(s))
			return false
		}
	}
	return true
}

// form checks a value against a pattern; the empty string was never written.
func (d *decoder) form(path []any, s string, pattern *regexp.Regexp, hint string) bool {
	if s == "" {
		return true
	}
	if !d.ascii(path, s) {
		return false
	}
	if !pattern.MatchString(s) {
		d.bad(path, hint, "%s cannot be %s", pathString(path), quoted(s))
		return false
	}
	return true
}

// exactlyOne checks that one of some keys of a mapping is written, and gives
// it.
func (d *decoder) exactlyOne(path []any, keys ...string) (string, bool) {
	if !d.sound(path) {
		return "", false
	}
	var written []string // in the document's order
	n, _ := follow(d.node, path)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i].Value; slices.Contains(keys, k) {
			written = append(written, k)
		}
	}
	switch len(written) {
	case 0:
		d.bad(path, "write one of "+list(keys, "or"), "%s says none of %s", d.name(path), list(keys, "and"))
		return "", false
	case 1:
		return written[0], true
	}
	d.badKey(at(path, written[1]), "write one of them", "%s has %s together", d.name(path), list(written, "and"))
	return "", false
}

// metadata checks a document's name and labels.
func (d *decoder) metadata(name string, labels map[string]string) {
	d.form([]any{"metadata", "name"}, name, dnsLabel, labelForm)
	d.labels([]any{"metadata", "labels"}, labels)
}

// maxLabels bounds labels and marks; nobody writes so many.
const maxLabels = 64

func (d *decoder) labels(path []any, labels map[string]string) {
	if len(labels) > maxLabels {
		d.bad(path, "", "%s has %d labels, over %d", pathString(path), len(labels), maxLabels)
		return
	}
	for k, v := range labels {
		word := k
		if m := labelPrefix.FindString(k); m != "" {
			word = k[len(m):]
		}
		switch {
		case k == "":
		case !labelWord.MatchString(word):
			d.badKey(at(path, k), "want letters, digits, dashes, dots and underscores, at most 63", "%s cannot be a label's key", quoted(k))
		case v != "" && !labelWord.MatchString(v):
			d.bad(at(path, k), "want letters, digits, dashes, dots and underscores, at most 63", "%s cannot be a label's value", quoted(v))
		}
	}
}

// account checks the account a document names: by name or by digits.
func (d *decoder) account(path []any, s string) {
	if onlyDigits.MatchString(s) {
		d.accountID(path, s)
		return
	}
	d.form(path, s, dnsLabel, "want an account's name as the Environment has it, or its twelve digits")
}

func (d *decoder) accountID(path []any, s string) bool {
	hint := "an account's id has twelve digits"
	if onlyDigits.MatchString(s) && len(s) < 12 {
		hint += ", leading zeros included; this has " + count(len(s), "digit")
	}
	return d.form(path, s, twelveDigits, hint)
}

func (d *decoder) region(path []any, s string) bool {
	return d.form(path, s, regionName, "want a region's name, such as us-east-1")
}

// selector checks which clusters are meant.
func (d *decoder) selector(path []any) {
	key, ok := d.exactlyOne(path, "all", "names", "matchLabels")
	if !ok {
		return
	}
	n, _ := follow(d.node, at(path, key))
	switch {
	case key == "all" && n.Tag == "!!bool" && !strings.EqualFold(n.Value, "true"):
		d.fault(n, "write {all: true}, or the names that are meant", "%s.all can only be true", pathString(path))
	case key != "all" && len(n.Content) == 0:
		d.fault(n, "write {all: true} if every cluster is meant", "%s.%s is empty and selects nothing", pathString(path), key)
	}
}

// selectorValues checks the forms of what a selector names.
func (d *decoder) selectorValues(path []any, names []string, labels map[string]string) {
	seen := map[string]bool{}
	for i, name := range names {
		p := at(path, "names", i)
		if strings.ContainsAny(name, "*?") {
			d.bad(p, "select by labels, or write {all: true}", "clusters are not selected by patterns: %s", quoted(name))
			continue
		}
		if d.form(p, name, dnsLabel, "want the metadata.name of a Cluster document") && seen[name] && name != "" {
			d.bad(p, "", "%s stands twice", quoted(name))
		}
		seen[name] = true
	}
	d.labels(at(path, "matchLabels"), labels)
}

// tags checks what AWS takes as tags. (EKS API, TagResource: 50 in all, key
// 1 to 128, value to 256, aws: reserved. Two of the 50 are our own.)
func (d *decoder) tags(path []any, tags, foreign map[string]string) {
	if len(tags) > 48 {
		d.bad(path, "AWS allows 50 on an object, and two are atlas-iam's own", "%s has %d tags, over 48", pathString(path), len(tags))
		return
	}
	for k, v := range tags {
		p := at(path, k)
		d.tag(p, k, v, false)
		if want, ok := foreign[k]; ok && (want == v || want == "*") {
			d.badKey(p, "what is made would at once be taken for another tool's", "%s=%s is a mark of another tool in foreignTags", Escape(k), Escape(v))
		}
	}
}

// tag checks one tag; a mark of another tool may have the value "*".
func (d *decoder) tag(p []any, k, v string, star bool) {
	lower := strings.ToLower(k)
	switch {
	case strings.HasPrefix(lower, "aws:"):
		d.badKey(p, "AWS keeps keys that begin with aws: for itself", "%s cannot be a tag's key", quoted(k))
	case strings.HasPrefix(lower, "atlas-iam.dev/"):
		d.badKey(p, "atlas-iam writes its own marks", "%s cannot be a tag's key", quoted(k))
	case len([]rune(k)) > 128 || k == "" || !tagText.MatchString(k):
		d.badKey(p, "want 1 to 128 letters, digits, blanks and _ . : / = + - @", "%s cannot be a tag's key", quoted(k))
	}
	if len([]rune(v)) > 256 || !tagText.MatchString(v) && (!star || v != "*") {
		d.bad(p, "want at most 256 letters, digits, blanks and _ . : / = + - @", "%s cannot be a tag's value", quoted(v))
	}
}

// knownPartition knows the partitions there are.
func knownPartition(p string) bool {
	switch p {
	case "aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f":
		return true
	}
	return false
}

// roleARN reads the ARN of a role.
func roleARN(s string) (access.IAMPrincipal, bool) {
	p, err := access.ParseIAMPrincipal(s)
	return p, err == nil && p.Kind == "role"
}
