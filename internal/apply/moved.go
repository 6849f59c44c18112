package apply

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
)

func (j *job) moved(what, was, is string) error {
	return &MovedError{Object: "access entry of " + j.object(), What: what, Was: was, Is: is}
}

// unmoved compares an entry with what the plan saw (from). Each part may also
// be as wanted already (to; nil when the entry is to go): an earlier run that
// was cut off may have done it.
func (j *job) unmoved(have, from, to *access.Entry) error {
	if have == nil {
		return j.moved("the entry", "there", "gone")
	}
	if to == nil && !sameEntry(have, from) {
		return j.moved("the entry", "made at "+from.CreatedAt.UTC().Format(time.RFC3339), "another, made at "+have.CreatedAt.UTC().Format(time.RFC3339))
	}
	if have.Type != from.Type {
		return j.moved("type", string(from.Type), string(have.Type))
	}
	if !sameIdentity(have, from) && (to == nil || !sameIdentity(have, to)) {
		if have.Username != from.Username {
			return j.moved("username", orNone(from.Username), orNone(have.Username))
		}
		return j.moved("groups", orNone(strings.Join(from.Groups, ", ")), orNone(strings.Join(have.Groups, ", ")))
	}
	keys := map[string]bool{}
	for _, tags := range []map[string]string{have.Tags, from.Tags} {
		for k := range tags {
			keys[k] = true
		}
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		is, there := have.Tags[k]
		was, wasThere := from.Tags[k]
		if is == was && there == wasThere {
			continue
		}
		if to != nil && there {
			if want, ok := to.Tags[k]; ok && want == is {
				continue
			}
		}
		return j.moved("tag "+k, tagWords(was, wasThere), tagWords(is, there))
	}
	return nil
}

func tagWords(v string, there bool) string {
	if !there {
		return "not there"
	}
	return fmt.Sprintf("%q", v)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// words is an entry in short, for a message.
func words(e *access.Entry) string {
	return fmt.Sprintf("type %s, username %s, groups %s", e.Type, orNone(e.Username), orNone(strings.Join(e.Groups, ", ")))
}

// recordedEntry is an entry in the record.
type recordedEntry struct {
	Type     access.EntryType     `json:"type"`
	Username string               `json:"username,omitempty"`
	Groups   []string             `json:"groups,omitempty"`
	Tags     map[string]string    `json:"tags,omitempty"`
	Policies []access.Association `json:"policies,omitempty"`
}

type tagged struct {
	Tags map[string]string `json:"tags"`
}

func recorded(e *access.Entry) recordedEntry {
	return recordedEntry{e.Type, e.Username, e.Groups, e.Tags, e.Associations}
}
