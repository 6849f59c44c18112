package report

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/apply"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// Outcome is one line on how a change ended, without a line break.
func Outcome(o apply.Outcome) string {
	line := fmt.Sprintf("%-8s%s on %s", o.Status, Describe(*o.Change), clusterName(o.Change.Document, o.Change.Cluster))
	if why := outcomeWhy(o); why != "" {
		line += "   " + why
	}
	return Safe(line)
}

func outcomeWhy(o apply.Outcome) string {
	switch {
	case o.Err != nil && o.RequestID != "":
		return reason(o) + " (request " + o.RequestID + ")"
	case o.Err != nil:
		return reason(o)
	case o.Skip == apply.SkipNeeds:
		return "needs " + o.Needs
	case o.Skip == apply.SkipHeld:
		return "held: " + holds(o.Change.Held)
	case o.Skip == apply.SkipStopped:
		return "the run was stopped first"
	case o.Settled:
		return "the answer was lost; reading settled it"
	}
	return ""
}

func reason(o apply.Outcome) string {
	text := o.Err.Error()
	if o.Code != "" && !strings.Contains(text, o.Code) {
		text = o.Code + ": " + text
	}
	return text
}

func holds(held []plan.Hold) string {
	var words []string
	for _, h := range held {
		first, _ := reasonLines(h.Guard, h.Reason)
		words = append(words, h.Guard+": "+first)
	}
	return strings.Join(words, "; ")
}

// Result says what an apply did: the counts, each change that is not made and
// why, and for which teams the documents now hold.
func Result(w io.Writer, res *apply.Result, o Options) error {
	t := textWriter{color: o.Color}
	n := res.Counts
	line := fmt.Sprintf("done %d, failed %d, skipped %d, unknown %d", n.Done+n.Already, n.Failed, n.Skipped, n.Unknown)
	var more []string
	if n.Already > 0 {
		more = append(more, fmt.Sprintf("%d %s done already", n.Already, wasWere(n.Already)))
	}
	if n.Held > 0 {
		more = append(more, fmt.Sprintf("%d of the skipped %s held", n.Held, isAre(n.Held)))
	}
	if res.Stopped {
		more = append(more, "stopped before the end")
	}
	if len(more) > 0 {
		line += " (" + strings.Join(more, ", ") + ")"
	}
	t.line(t.paint(bold, Safe(line)))
	again, moved, stopped := false, false, 0
	for _, out := range res.Outcomes {
		if out.Status == apply.Done || out.Status == apply.Already || out.Skip == apply.SkipHeld {
			continue
		}
		again = true
		var m *apply.MovedError
		moved = moved || errors.As(out.Err, &m)
		if out.Skip == apply.SkipStopped && !o.Verbose {
			if stopped++; stopped > mostStopped {
				continue
			}
		}
		t.line(t.paint(red, Outcome(out)))
		if out.Hint != "" {
			t.line("        " + Safe(out.Hint))
		}
	}
	if n := stopped - mostStopped; n > 0 {
		t.line(t.paint(red, fmt.Sprintf("skipped and %d more   the run was stopped first (-v lists them)", n)))
	}
	documents := names(res, o.Documents)
	if !o.Quiet {
		for _, team := range res.Teams {
			t.line(Safe(teamLine(res, team, documents, o.Teams)))
		}
	}
	switch {
	case again && moved && o.Saved:
		t.line("plan again: what moved since is not made by this plan")
	case again:
		t.line("run again to finish; nothing is repeated")
	}
	return t.flush(w)
}

// mostStopped bounds the changes that are named of those that a stop left.
const mostStopped = 3

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func wasWere(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// names are the documents' names of a result's clusters. A saved plan has no
// documents beside it, but its changes name them.
func names(res *apply.Result, documents map[access.ClusterKey]string) map[access.ClusterKey]string {
	all := map[access.ClusterKey]string{}
	for _, out := range res.Outcomes {
		all[out.Change.Cluster] = out.Change.Document
	}
	maps.Copy(all, documents)
	return all
}

// onlyHeld tells of which clusters all that was not made for a team is held.
func onlyHeld(res *apply.Result, team string, k access.ClusterKey) bool {
	held := false
	for _, out := range res.Outcomes {
		if out.Change.Cluster != k || !slices.Contains(out.Change.Teams, team) || out.Status == apply.Done || out.Status == apply.Already {
			continue
		}
		if out.Skip != apply.SkipHeld {
			return false
		}
		held = true
	}
	return held
}

// teamLine says where a team now has what its document says. on are the clusters
// that the documents have teams on; without them only those that the plan
// changed are known.
func teamLine(res *apply.Result, t apply.TeamResult, documents map[access.ClusterKey]string, on map[string][]access.ClusterKey) string {
	done := slices.Clone(t.Complete)
	for _, k := range on[t.Team] {
		if !slices.Contains(done, k) && !slices.Contains(t.Incomplete, k) {
			done = append(done, k)
		}
	}
	all := len(done) + len(t.Incomplete)
	of := "clusters"
	if on == nil {
		of = "clusters that the plan changed for it"
	}
	line := fmt.Sprintf("now     %s has what its document says on ", access.TeamWord(t.Team))
	if len(t.Incomplete) == 0 {
		if all == 1 {
			return line + clusterName(documents[done[0]], done[0])
		}
		return line + fmt.Sprintf("all %d %s", all, of)
	}
	var not []string
	for _, k := range t.Incomplete {
		name := clusterName(documents[k], k)
		if onlyHeld(res, t.Team, k) {
			name += " (held)"
		}
		not = append(not, name)
	}
	return line + fmt.Sprintf("%d of %d %s; not on %s", len(done), all, of, strings.Join(not, ", "))
}
