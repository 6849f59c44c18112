package sts

import (
	"maps"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/emulator/call"
)

// sessionTags are the tags of a session that is asked for.
type sessionTags struct {
	inherited  map[string]string // of the session that asks, which it passes on
	passed     map[string]string
	transitive []string // keys that the session will pass on, sorted
}

// all are the session's tags. Assumption inherited-request-tags: the trust
// policy sees them all as tags of the request, the inherited ones too; EKS's
// documented trust of a target role holds only so. (EKS User Guide,
// pod-id-assign-target-role)
func (t sessionTags) all() map[string]string {
	all := maps.Clone(t.inherited)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, t.passed)
	return all
}

// tags checks the tags that are asked for, and adds those that the caller's
// session passes on. Keys are told apart regardless of letter case. (IAM User
// Guide, id_session-tags)
func (w Wanted) tags(caller call.Caller) (t sessionTags, err error) {
	t.transitive = slices.Clone(caller.TransitiveTags)
	seen := map[string]string{} // what stands for a key already, by the key in lower case
	for _, key := range caller.TransitiveTags {
		if t.inherited == nil {
			t.inherited = map[string]string{}
		}
		t.inherited[key] = caller.Tags[key]
		seen[strings.ToLower(key)] = "inherited"
	}
	for _, tag := range w.Tags {
		folded := strings.ToLower(tag.Key)
		switch {
		case strings.HasPrefix(folded, "aws:"):
			return t, invalidValue("Tag keys must not begin with aws:, which is reserved.")
		case seen[folded] == "passed":
			return t, invalidValue("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		case seen[folded] == "inherited":
			return t, invalidValue("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
		if t.passed == nil {
			t.passed = map[string]string{}
		}
		t.passed[tag.Key], seen[folded] = tag.Value, "passed"
	}
	for _, key := range w.Transitive {
		i := slices.IndexFunc(w.Tags, func(tag Tag) bool { return strings.EqualFold(tag.Key, key) })
		if i < 0 {
			return t, invalidValue("The specified transitive tag key must be included in the requested tags.")
		}
		if key := w.Tags[i].Key; !slices.Contains(t.transitive, key) {
			t.transitive = append(t.transitive, key)
		}
	}
	if len(seen) > mostTags {
		return t, invalidValue("A session can have at most 50 tags.")
	}
	slices.Sort(t.transitive)
	return t, nil
}

// mostTags is how many tags a session may have. (STS API, AssumeRole: Tags)
const mostTags = 50

// invalidValue is how STS answers tags that cannot be.
func invalidValue(message string) error {
	return &call.Error{Code: "InvalidParameterValue", Message: message}
}
