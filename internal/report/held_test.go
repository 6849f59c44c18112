package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// What an access test holds is told with who breaks it, a line each, as text and
// as Markdown, also where it is allowed; what another guard says is one line
// whatever names it holds.
func TestWhatATestHoldsHasWhoBreaksItBeneath(t *testing.T) {
	const reason = "an access test fails on what the plan would leave\nteam/qa cannot get secrets   tests.yaml:7\n  user/vira on test is allowed by Edit   teams.yaml:3"
	guards := []plan.Guard{{Slug: testGuard, Instead: "Change it."}}
	for name, c := range map[string]struct {
		guard        string
		warns        bool
		text, marked string
	}{
		"held by a test":       {testGuard, false, "   test: an access test fails on what the plan would leave; change it (or --allow test)   teams/backend.yaml:14\n      team/qa cannot get secrets   tests.yaml:7\n        user/vira on test is allowed by Edit   teams.yaml:3\n", "<br>team/qa cannot get secrets"},
		"pointed out":          {testGuard, true, "! test   an access test fails on what the plan would leave\n      team/qa cannot get secrets   tests.yaml:7\n        user/vira", "<br>user/vira on test is allowed by Edit"},
		"held by another":      {"reach", false, `leave\x0ateam/qa`, `leave&#92;x0ateam/qa`},
		"another's pointed at": {"reach", true, `leave\x0ateam/qa`, `leave&#92;x0ateam/qa`},
	} {
		t.Run(name, func(t *testing.T) {
			p := emptyPlan()
			p.Changes = []plan.Change{associate(grant("test", "backend", "anna", "Edit", access.NamespaceScope("a"), 14), false)}
			if c.warns {
				p.Warnings = []plan.Warning{{Slug: c.guard, Text: reason}}
			} else {
				p.Changes[0].Held = []plan.Hold{{Guard: c.guard, Reason: reason}}
			}
			var text, marked bytes.Buffer
			if err := Text(&text, p, Options{Guards: guards}); err != nil {
				t.Fatal(err)
			}
			if err := Markdown(&marked, p, Options{Guards: guards}); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(text.String(), c.text) {
				t.Errorf("%s has not %q", text.String(), c.text)
			}
			if !strings.Contains(marked.String(), c.marked) {
				t.Errorf("%s has not %q", marked.String(), c.marked)
			}
		})
	}
}
