package apply

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// shows: item S20
func TestTheRecordIsJSONLinesFromStartToEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("test", with(entry("a"), on(editARN, "x")))
		f.fault = once("AssociateAccessPolicy", error500)
		p := newPlan()
		p.policy("test", "a", ptr(on(editARN, "x")), ptr(on(editARN, "x", "y")))
		var record bytes.Buffer
		if _, err := Run(t.Context(), f.open(t), &p.Plan, Options{Record: &record, Version: "test"}); err != nil {
			t.Fatal(err)
		}
		want := []string{
			`{"line":"start","version":1,"program":"test","environment":{"name":"ops","id":"k7f3c9a1"},"plan":"` + digest(&p.Plan) + `","changes":1,"accounts":[{"name":"main","id":"492000000148","caller":"` + callerARN + `"}],"started":"2000-01-01T00:00:00Z"}`,
			`{"line":"write","time":"2000-01-01T00:00:00Z","change":"PolicyAssociation/test/a/Edit","operation":"AssociateAccessPolicy","account":"492000000148","region":"us-east-1","cluster":"test","principal":"` + arn("a") + `","policy":"` + editARN + `","outcome":"unknown","requestId":"req-3","code":"ServerException","message":"ServerException: internal","from":{"namespaces":["x"]},"to":{"namespaces":["x","y"]}}`,
			`{"line":"settled","time":"2000-01-01T00:00:00Z","change":"PolicyAssociation/test/a/Edit","operation":"AssociateAccessPolicy","account":"492000000148","region":"us-east-1","cluster":"test","principal":"` + arn("a") + `","policy":"` + editARN + `","outcome":"notDone","from":{"namespaces":["x"]},"to":{"namespaces":["x","y"]}}`,
			`{"line":"write","time":"2000-01-01T00:00:00.25Z","change":"PolicyAssociation/test/a/Edit","operation":"AssociateAccessPolicy","account":"492000000148","region":"us-east-1","cluster":"test","principal":"` + arn("a") + `","policy":"` + editARN + `","outcome":"done","requestId":"req-5","from":{"namespaces":["x"]},"to":{"namespaces":["x","y"]}}`,
			`{"line":"end","ended":"2000-01-01T00:00:00.25Z","done":1,"already":0,"failed":0,"skipped":0,"unknown":0,"held":0,"writes":2}`,
		}
		got := strings.Split(strings.TrimSpace(record.String()), "\n")
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		for _, line := range got {
			if !json.Valid([]byte(line)) {
				t.Errorf("not JSON: %s", line)
			}
		}
	})
}

// shortDisk takes so many writes and then no more.
type shortDisk struct{ left int }

var errFull = errors.New("no space left on device")

func (d *shortDisk) Write(p []byte) (int, error) {
	if d.left == 0 {
		return 0, errFull
	}
	d.left--
	return len(p), nil
}

func TestNothingIsBegunThatCannotBeRecorded(t *testing.T) {
	for left, want := range map[int]int{0: 0, 1: 1, 2: 2, 9: 4} { // the header, then writes
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			p := newPlan()
			for _, u := range []string{"a", "b", "c", "d"} {
				p.entry("test", nil, ptr(entry(u)))
			}
			res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Record: &shortDisk{left}, Parallel: 1})
			if len(f.journal) != want || (left < 6) != errors.Is(err, errFull) || res.Stopped != (left > 0 && left < 5) {
				t.Errorf("room for %d lines: %d writes, want %d; stopped %v, %v", left, len(f.journal), want, res.Stopped, err)
			}
		})
	}
}

func TestTheRecordTellsAnAnswerThatCouldNotBeReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		wrote := false
		f.fault = func(_ int, op, _, _ string) fault {
			switch {
			case op == "CreateAccessEntry":
				wrote = true
				return error500Late
			case wrote:
				return denied
			}
			return noFault
		}
		p := newPlan()
		p.entry("test", nil, ptr(entry("a")))
		var record bytes.Buffer
		res, err := Run(t.Context(), f.open(t), &p.Plan, Options{Record: &record})
		if err != nil || res.Outcomes[0].Status != Unknown {
			t.Fatal(err, statuses(res))
		}
		var lines []Write
		for line := range strings.Lines(record.String()) {
			var w Write
			if err := json.Unmarshal([]byte(line), &w); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, w)
		}
		last := lines[len(lines)-2] // before the end
		if last.Line != "settled" || last.Outcome != WriteUnknown || last.Code != "AccessDeniedException" || !strings.Contains(last.Message, "not authorized") {
			t.Errorf("%+v", last)
		}
	})
}
