package report

import "testing"

func TestLongListsOfActionsAreShortened(t *testing.T) {
	for what, want := range map[string]string{
		"a:B on *":                          "a:B on *",
		"a:B, a:C, a:D, a:E, a:F on *":      "a:B, a:C, a:D, a:E, a:F on *",
		"a:B, a:C, a:D, a:E, a:F, a:G on *": "a:B, a:C, a:D, a:E and 2 more on *",
		"a:* (not a:B, a:C, a:D, a:E, a:F), a:G on r if StringEquals k [1, 2, 3, 4, 5, 6]": "a:* (not a:B, a:C, a:D, a:E, a:F), a:G on r if StringEquals k [1, 2, 3, 4, 5, 6]",
		"a:B on r1, r2, r3, r4, r5, r6 unless Bool k [true]":                               "a:B on r1, r2, r3, r4 and 2 more unless Bool k [true]",
		"managed policy X": "managed policy X",
	} {
		if got := fewActions(what); got != want {
			t.Errorf("%s: %s", what, got)
		}
	}
}
