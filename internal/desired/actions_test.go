package desired

import (
	"testing"

	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/presets"
)

// No preset's action is pointed at: the table of known ones has them all.
//
// shows: item S103
func TestThePresetsActionsAreKnown(t *testing.T) {
	actions := 0
	for _, p := range presets.All() {
		for _, n := range p.Needs {
			for _, a := range n.Actions {
				actions++
				if what, _ := iam.UnknownAction(a); what != "" {
					t.Errorf("preset %s: %s: %s", p.Name, a, what)
				}
			}
		}
	}
	if actions < 150 {
		t.Errorf("only %d actions were looked at", actions)
	}
}
