package plan

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

// Row 14: what AWS says is shown escaped, in JSON as well, and read back as it
// was.
func TestHostileTextIsEscapedInJSON(t *testing.T) {
	hostile := "esc \x1b[2J csi \u009b2J del \x7f bidi \u202e zero \u200b tag \U000e0041 fine äöü 日本 🙂"
	e := haveEntry("user/ann", "")
	e.Groups, e.Tags["x"] = []string{hostile}, hostile
	p := Compute(wants(wantCluster(test, wantEntry("user/ann", "group:g"))), sees(haveCluster(test, e)), Options{})
	b := encode(t, p)
	for _, r := range string(b) {
		if !unicode.IsPrint(r) && r != '\n' {
			t.Errorf("the plan has %U", r)
		}
	}
	if !strings.Contains(string(b), "fine äöü 日本 🙂") {
		t.Error("what can be read was escaped too")
	}
	got, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, got); diff != "" {
		t.Errorf("-encoded +decoded\n%s", diff)
	}
	raw, err := json.Marshal(hostile)
	if err != nil {
		t.Fatal(err)
	}
	var back string
	if err := json.Unmarshal(Printable(raw), &back); err != nil || back != hostile {
		t.Errorf("read back %q, %v", back, err)
	}
}
