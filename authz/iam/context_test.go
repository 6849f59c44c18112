package iam

import "testing"

// Of tags that were told the others are absent, even where nothing else is
// known; of tags that were not, nothing is.
//
// shows: item S75
func TestTagsThatWereToldAreAll(t *testing.T) {
	const tag = "aws:PrincipalTag/"
	told := &Context{OthersUnknown: true}
	told.SetTags(tag, map[string]string{"Team": "red"})
	none := &Context{OthersUnknown: true}
	none.SetTags(tag, nil)
	unread := &Context{OthersUnknown: true}
	unread.SetTags(tag, map[string]string{"team": "red"})
	unread.SetUnknown(tag)
	one := &Context{OthersUnknown: true}
	one.SetTags(tag, nil)
	one.SetUnknown(tag + "pod")
	for name, c := range map[string]struct {
		ctx   *Context
		key   string
		value string
		known bool
	}{
		"its value":                {told, "AWS:principaltag/team", "red", true},
		"another tag":              {told, tag + "other", "", true},
		"another key":              {told, "aws:SourceIp", "", false},
		"no tags":                  {none, tag + "team", "", true},
		"tags that were not read":  {unread, tag + "other", "", false},
		"one that is not known":    {one, tag + "pod", "", false},
		"beside one not known":     {one, tag + "other", "", true},
		"a key that begins so too": {told, "aws:PrincipalTagX", "", false},
	} {
		values, known := c.ctx.get(c.key)
		if known != c.known || (len(values) == 1) != (c.value != "") || len(values) == 1 && values[0] != c.value {
			t.Errorf("%s: %v, known %v", name, values, known)
		}
	}
}
