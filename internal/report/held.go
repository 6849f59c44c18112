package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// heldRows lists what is held. Changes that one guard holds for one reason
// become one row, for a guard that holds all deletes would bury the rest.
func heldRows(p *plan.Plan, o Options) []noteRow {
	type group struct {
		row        noteRow
		whats, ons []string
	}
	var order []string
	groups := map[string]*group{}
	for _, c := range p.Changes {
		for _, h := range onceDependent(c.Held, o.Verbose) {
			row := noteRow{what: Describe(c) + policyWords(&c, o.Verbose), on: clusterName(c.Document, c.Cluster), source: placeOf(c.Source)}
			row.why, row.more = reasonLines(h.Guard, h.Reason)
			row.why = h.Guard + ": " + row.why + override(h.Guard, o.Guards)
			key := fmt.Sprintf("%q", []string{h.Guard, h.Reason})
			if o.Verbose {
				key += c.ID
			}
			g, ok := groups[key]
			if !ok {
				g = &group{row: row}
				groups[key], order = g, append(order, key)
			}
			g.whats = append(g.whats, row.what)
			if !slices.Contains(g.ons, row.on) {
				g.ons = append(g.ons, row.on)
			}
		}
	}
	var rows []noteRow
	for _, key := range order {
		g := groups[key]
		g.row.on = severalClusters(g.ons)
		if n := len(g.whats); n > 1 {
			g.row.what = fmt.Sprintf("%d changes: %s", n, firstOf(g.whats))
		}
		rows = append(rows, g.row)
	}
	return rows
}

// testGuard is the slug of guard.Tests, whose reasons alone have lines: all else
// may hold line breaks of others' making.
const testGuard = "test"

// reasonLines parts what a guard says into its first line and the lines beneath.
func reasonLines(slug, text string) (first, more string) {
	if slug != testGuard {
		return text, ""
	}
	first, more, _ = strings.Cut(text, "\n")
	return first, more
}

// onceDependent are holds of which one at most says that another change is held;
// all of them with each.
func onceDependent(held []plan.Hold, each bool) []plan.Hold {
	first, more := -1, 0
	var out []plan.Hold
	for _, h := range held {
		switch {
		case h.Guard != plan.Depends || each:
		case first >= 0:
			more++
			continue
		default:
			first = len(out)
		}
		out = append(out, h)
	}
	if more > 0 {
		out[first].Reason += fmt.Sprintf(", and on %d more that are", more)
	}
	return out
}

// firstOf names a few, each once.
func firstOf(whats []string) string {
	var each []string
	for _, w := range whats {
		if !slices.Contains(each, w) {
			each = append(each, w)
		}
	}
	shown := each[:min(len(each), 3)]
	words := strings.Join(shown, "; ")
	if n := len(each) - len(shown); n > 0 {
		words += fmt.Sprintf(" and %d more (-v lists them)", n)
	}
	return words
}

// severalClusters names one or two, and counts more.
func severalClusters(names []string) string {
	if len(names) > 2 {
		return fmt.Sprintf("%d clusters", len(names))
	}
	return strings.Join(names, ", ")
}

// override says how a hold is released, or what to do instead.
func override(slug string, guards []plan.Guard) string {
	i := slices.IndexFunc(guards, func(g plan.Guard) bool { return g.Slug == slug })
	if i < 0 {
		return ""
	}
	g := guards[i]
	s := "; " + strings.TrimSuffix(lowerFirst(g.Instead), ".")
	switch {
	case g.Fixed && g.Told:
		return ""
	case g.Told:
		return " (or --allow " + slug + ")"
	case g.Fixed:
		return strings.TrimSuffix(s, "; ")
	case g.Instead == "":
		return " (--allow " + slug + ")"
	}
	return s + " (or --allow " + slug + ")"
}

// lowerFirst makes a sentence a clause; a name in capitals stays one.
func lowerFirst(s string) string {
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'a' && s[1] <= 'z' {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

// saidByHold reports whether a held change gives a warning as its reason.
func saidByHold(p *plan.Plan, w plan.Warning) bool {
	return slices.ContainsFunc(p.Changes, func(c plan.Change) bool {
		return slices.ContainsFunc(c.Held, func(h plan.Hold) bool { return h.Guard == w.Slug && h.Reason == w.Text })
	})
}
