package desired

import (
	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/documents"
)

// knownActions points at actions that are not known: misspelt they give nothing,
// or as NotAction all too much, and nobody can do them in a test.
func (c *compiler) knownActions(at access.Place, actions ...string) {
	for _, action := range actions {
		what, candidates := iam.UnknownAction(action)
		if what == "" {
			continue
		}
		if near, ok := documents.Nearest(action, candidates); ok {
			what += ": did you mean " + near + "?"
		}
		c.noteOnce(at, "unknown-action", "%s", documents.Escape(what))
	}
}
