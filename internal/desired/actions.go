package desired

import (
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/documents"
)

// UnknownActions points at actions that are not known: misspelt they give
// nothing, or as notActions all too much, and nobody can do them in a test. It
// wants no sound documents, so that they are told beside every fault.
func UnknownActions(set *documents.Set) []access.Note {
	var notes []access.Note
	look := func(at access.Place, actions ...string) {
		for _, action := range actions {
			if text := unknownAction(action); text != "" {
				notes = append(notes, access.Note{Place: at, Slug: "unknown-action", Text: documents.Escape(text)})
			}
		}
	}
	for _, doc := range set.Workloads {
		statements := placedStatements(doc.Value.Spec.Role.Statements, beneath(doc, "spec", "role", "statements"))
		if p := doc.Value.Spec.SessionPolicy; p != nil {
			statements = append(statements, placedStatements(p.Statements, beneath(doc, "spec", "sessionPolicy", "statements"))...)
		}
		for _, s := range statements {
			look(s.place, slices.Concat(s.Actions, s.NotActions)...)
		}
	}
	for _, doc := range set.AccessTests {
		for i, test := range doc.Value.Spec.Tests {
			for _, words := range []struct {
				key  string
				asks v1alpha1.Words
			}{{"can", test.Can}, {"cannot", test.Cannot}} {
				for j, text := range words.asks {
					if ask, err := documents.ParseAsk(text); err == nil && ask.OfAWS() {
						look(doc.At("spec", "tests", i, words.key, j), ask.Verb)
					}
				}
			}
		}
	}
	slices.SortStableFunc(notes, func(a, b access.Note) int { return comparePlaces(a.Place, b.Place) })
	return slices.Compact(notes)
}

// unknownAction says that an action is not known, and what was perhaps meant;
// what has no action's form is a fault of its own.
func unknownAction(action string) string {
	if !documents.IsAction(action) {
		return ""
	}
	what, candidates := iam.UnknownAction(action)
	if what == "" {
		return ""
	}
	if near, ok := access.Nearest(action, candidates); ok {
		what += ": did you mean " + near + "?"
	}
	return what
}
