package report

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/apply"
)

// mixed is the result of a run in which something of each kind came about.
func mixed() *apply.Result {
	p := fullPlan()
	failed, needs, done, held := &p.Changes[0], &p.Changes[1], &p.Changes[2], &p.Changes[len(p.Changes)-1]
	return &apply.Result{
		Outcomes: []apply.Outcome{
			{Change: failed, Status: apply.Failed, Err: errors.New("not authorized to perform eks:AssociateAccessPolicy"), Code: "AccessDeniedException",
				RequestID: "r-1", Hint: "missing on the caller role/tf-admin"},
			{Change: needs, Status: apply.Skipped, Skip: apply.SkipNeeds, Needs: failed.ID},
			{Change: done, Status: apply.Done},
			{Change: held, Status: apply.Skipped, Skip: apply.SkipHeld},
		},
		Counts: apply.Counts{Done: 1, Failed: 1, Skipped: 2, Held: 1, Writes: 2},
		Teams: []apply.TeamResult{
			{Team: "backend", Complete: []access.ClusterKey{cluster("prod")}, Incomplete: []access.ClusterKey{cluster("test")}},
			{Team: "ops", Complete: []access.ClusterKey{cluster("test")}},
		},
	}
}

func TestAResultReadsAsItsGoldenFile(t *testing.T) {
	var b bytes.Buffer
	if err := Result(&b, mixed(), Options{Documents: map[access.ClusterKey]string{cluster("test"): "test"}}); err != nil {
		t.Fatal(err)
	}
	golden(t, "result.txt", b.Bytes())
}

// Where nothing was to do for a team it has what its document says as well.
func TestWhereATeamStandsCountsTheClustersWithoutAChangeToo(t *testing.T) {
	on := map[string][]access.ClusterKey{
		"backend": {cluster("dev"), cluster("prod"), cluster("qa"), cluster("test")},
		"ops":     {cluster("qa"), cluster("test")},
	}
	for what, c := range map[string]struct {
		on   map[string][]access.ClusterKey
		want []string
	}{
		"documents": {on, []string{"team/backend has what its document says on 3 of 4 clusters; not on", "team/ops has what its document says on all 2 clusters\n"}},
		"a saved plan": {nil, []string{"team/backend has what its document says on 1 of 2 clusters that the plan changed for it; not on",
			"team/ops has what its document says on test\n"}},
	} {
		var b bytes.Buffer
		if err := Result(&b, mixed(), Options{Teams: c.on}); err != nil {
			t.Fatal(err)
		}
		for _, line := range c.want {
			if !strings.Contains(b.String(), line) {
				t.Errorf("%s: no %q in\n%s", what, line, &b)
			}
		}
	}
}

func TestARunThatMadeAllSaysNothingOfRunningAgain(t *testing.T) {
	res := mixed()
	res.Outcomes, res.Counts, res.Teams = res.Outcomes[2:3], apply.Counts{Done: 1}, nil
	var b bytes.Buffer
	if err := Result(&b, res, Options{}); err != nil {
		t.Fatal(err)
	}
	if want := "done 1, failed 0, skipped 0, unknown 0\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

// Refusals 14: what AWS says in an error is text of the outside as well.
func TestHostileErrorsReachNoTerminal(t *testing.T) {
	const evil = "x\x1b[2J\r\u202e"
	res := mixed()
	res.Outcomes[0].Err, res.Outcomes[0].Hint, res.Outcomes[0].RequestID = errors.New(evil), evil, evil
	res.Teams[0].Team = evil
	var b bytes.Buffer
	if err := Result(&b, res, Options{}); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{b.String(), Outcome(res.Outcomes[0])} {
		if strings.ContainsAny(text, "\x1b\r\u202e") || !strings.Contains(text, `x\x1b[2J\x0d\u202e`) {
			t.Errorf("%q", text)
		}
	}
}
