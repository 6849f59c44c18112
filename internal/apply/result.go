package apply

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// Status is how a change ended.
type Status string

// The ways a change ends. Unknown is rare: a write's answer was lost and
// reading could not tell either.
const (
	Done    Status = "done"
	Already Status = "already" // was as wanted; nothing was written
	Failed  Status = "failed"  // was not made, or not whole: see Outcome.Writes
	Skipped Status = "skipped" // was not tried
	Unknown Status = "unknown"
)

// Skip says why a change was not tried.
type Skip string

// The reasons not to try a change.
const (
	SkipHeld    Skip = "held"    // a guard holds it
	SkipNeeds   Skip = "needs"   // a change it depends on was not made
	SkipStopped Skip = "stopped" // the run was stopped first
)

// Outcome is how one change ended.
type Outcome struct {
	Change *plan.Change
	Status Status
	Skip   Skip   // set when Status is Skipped
	Needs  string // the ID of the change that was not made, for SkipNeeds
	// Err is set when Status is Failed or Unknown. It may be a *MovedError.
	Err       error
	Code      string // AWS's code of Err, if AWS gave one
	RequestID string // of the refused call, else of the last write
	Hint      string // what to do, or who lacks what; may be empty
	// Settled: an answer was lost and reading has told what came of it.
	Settled bool
	Writes  []Write // the attempts, in order; empty if nothing was written
}

// Counts of outcomes.
type Counts struct {
	Done    int `json:"done"`
	Already int `json:"already"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
	Unknown int `json:"unknown"`
	Held    int `json:"held"`   // of those skipped
	Writes  int `json:"writes"` // attempts, whatever came of them
}

// TeamResult tells on which of the clusters that the plan changed for a team
// the team now has what its documents say.
type TeamResult struct {
	Team       string
	Complete   []access.ClusterKey // sorted; each change for the team is done
	Incomplete []access.ClusterKey // sorted
}

// Result is what came of a run, in the order of the plan's changes.
type Result struct {
	Outcomes []Outcome
	Counts   Counts
	Teams    []TeamResult // sorted; clusters on which nothing was to do are not in it
	Duration time.Duration
	// Stopped: by Options.Stop, the context, or a record that could not be
	// written, before all was made.
	Stopped bool
}

// OK reports whether every change is made: nothing failed, was skipped or is
// unknown.
func (r *Result) OK() bool {
	return r.Counts.Failed+r.Counts.Skipped+r.Counts.Unknown == 0
}

func newResult(outcomes []Outcome, stopped bool) *Result {
	res := &Result{Outcomes: outcomes}
	for _, o := range outcomes {
		res.Counts.Writes += len(o.Writes)
		switch o.Status {
		case Done:
			res.Counts.Done++
		case Already:
			res.Counts.Already++
		case Failed:
			res.Counts.Failed++
		case Skipped:
			res.Counts.Skipped++
			if o.Skip == SkipHeld {
				res.Counts.Held++
			}
		case Unknown:
			res.Counts.Unknown++
		}
	}
	res.Stopped = stopped && !res.OK()
	res.Teams = teams(outcomes)
	return res
}

func teams(outcomes []Outcome) []TeamResult {
	whole := map[string]map[access.ClusterKey]bool{}
	for _, o := range outcomes {
		made := o.Status == Done || o.Status == Already
		for _, t := range o.Change.Teams {
			if whole[t] == nil {
				whole[t] = map[access.ClusterKey]bool{}
			}
			was, seen := whole[t][o.Change.Cluster]
			whole[t][o.Change.Cluster] = made && (was || !seen)
		}
	}
	var out []TeamResult
	for team, clusters := range whole {
		tr := TeamResult{Team: team}
		for k, ok := range clusters {
			if ok {
				tr.Complete = append(tr.Complete, k)
			} else {
				tr.Incomplete = append(tr.Incomplete, k)
			}
		}
		slices.SortFunc(tr.Complete, access.ClusterKey.Compare)
		slices.SortFunc(tr.Incomplete, access.ClusterKey.Compare)
		out = append(out, tr)
	}
	slices.SortFunc(out, func(a, b TeamResult) int { return cmp.Compare(a.Team, b.Team) })
	return out
}

// MovedError says that an object is neither what the plan saw nor what is
// wanted, so that its change was not made.
type MovedError struct {
	Object string // what moved: "entry of ARN on CLUSTER"
	What   string // which part of it: "groups", "scope", "tag KEY", ...
	Was    string // as the plan saw it
	Is     string // as it is now
}

func (e *MovedError) Error() string {
	return fmt.Sprintf("%s moved since the plan: %s was %s, is %s", e.Object, e.What, e.Was, e.Is)
}

// LostError says that a write's answer was lost and that reading could not
// tell what came of it.
type LostError struct{ Write, Read error }

func (e *LostError) Error() string {
	return fmt.Sprintf("%v; reading could not tell whether it was made: %v", e.Write, e.Read)
}

func (e *LostError) Unwrap() []error { return []error{e.Write, e.Read} }
