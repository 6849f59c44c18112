package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// judge asks the guards, and asks them all again until nothing new appears:
// holding one change can make another unsafe, and holds what depends on it.
// Holds and dependencies are only ever added, so it ends. Warnings and facts
// are those of the last round.
func judge(in *Input, guards []Guard) {
	j := &judgement{in: in, plan: in.Plan, own: slices.Clone(in.Plan.Warnings)}
	j.index()
	j.holdDependents()
	for again := true; again; {
		again = j.round(guards)
	}
	j.plan.sortNotes()
}

// judgement is the state of asking guards over one plan.
type judgement struct {
	in   *Input
	plan *Plan
	own  []Warning      // Compute's own warnings
	at   map[string]int // place of a change by ID
}

func (j *judgement) index() {
	j.at = make(map[string]int, len(j.plan.Changes))
	for i := range j.plan.Changes {
		j.at[j.plan.Changes[i].ID] = i
	}
}

// round asks every guard once and reports whether anything new appeared.
func (j *judgement) round(guards []Guard) (news bool) {
	warnings, facts := slices.Clone(j.own), []Fact(nil)
	for _, g := range guards {
		if g.Check == nil {
			continue
		}
		f := g.Check(j.in)
		allowed := !g.Fixed && slices.Contains(j.in.Options.Allow, g.Slug)
		for _, h := range f.Holds {
			c := j.change(g.Slug, h.Change)
			if allowed {
				warnings = append(warnings, Warning{Slug: g.Slug, Change: c.ID, Text: "allowed: " + h.Reason, Source: c.Source})
				continue
			}
			news = c.hold(Hold{g.Slug, h.Reason}) || news
		}
		warnings = append(warnings, f.Warnings...)
		facts = append(facts, f.Facts...)
		for _, a := range f.After {
			news = j.after(g.Slug, a) || news
		}
	}
	news = j.holdDependents() || news
	j.plan.Warnings, j.plan.Facts = warnings, facts
	return news
}

// change finds a change that a guard named. A name that is not in the plan is
// a fault of the guard's code: going on would make what it wants held.
func (j *judgement) change(guard, id string) *Change {
	i, ok := j.at[id]
	if !ok {
		panic(fmt.Sprintf("plan: guard %s names change %q, which is not in the plan", guard, id))
	}
	return &j.plan.Changes[i]
}

// after makes a change wait for another one. Where that one already waits for
// the first, neither could be made: the first is held.
func (j *judgement) after(guard string, d Dependency) (news bool) {
	c, on := j.change(guard, d.Change), j.change(guard, d.On)
	if slices.Contains(c.DependsOn, on.ID) {
		return false
	}
	if j.waitsFor(on, c.ID, map[string]bool{}) {
		return c.hold(Hold{guard, "it may only be made after " + on.ID + ", which waits for it"})
	}
	c.DependsOn = append(c.DependsOn, on.ID)
	slices.Sort(c.DependsOn)
	j.plan.Changes = dependenciesFirst(j.plan.Changes)
	j.index()
	return true
}

// waitsFor reports whether c is, or depends on, the change with an ID.
func (j *judgement) waitsFor(c *Change, id string, seen map[string]bool) bool {
	if c.ID == id {
		return true
	}
	if seen[c.ID] {
		return false
	}
	seen[c.ID] = true
	for _, on := range c.DependsOn {
		if i, ok := j.at[on]; ok && j.waitsFor(&j.plan.Changes[i], id, seen) {
			return true
		}
	}
	return false
}

// holdDependents holds what depends on a held change, however far. Changes are
// in order, so one pass is enough. A change that is held by the same guard
// already says why.
func (j *judgement) holdDependents() (news bool) {
	for i := range j.plan.Changes {
		c := &j.plan.Changes[i]
		for _, id := range c.DependsOn {
			k, ok := j.at[id]
			if !ok || len(j.plan.Changes[k].Held) == 0 || sameGuard(c, &j.plan.Changes[k]) {
				continue
			}
			news = c.hold(Hold{Depends, "it depends on " + id + ", which is held"}) || news
		}
	}
	return news
}

// sameGuard reports whether a guard that holds on holds c as well.
func sameGuard(c, on *Change) bool {
	return slices.ContainsFunc(on.Held, func(h Hold) bool {
		return h.Guard != Depends && slices.ContainsFunc(c.Held, func(o Hold) bool { return o.Guard == h.Guard })
	})
}

// sortNotes puts warnings and facts in order and drops doubles, and settles
// the order of holds: Compute's own stay first, as they came.
func (p *Plan) sortNotes() {
	slices.SortStableFunc(p.Warnings, func(a, b Warning) int {
		return cmp.Or(strings.Compare(a.Slug, b.Slug), strings.Compare(a.Change, b.Change), strings.Compare(a.Text, b.Text))
	})
	p.Warnings = slices.Compact(p.Warnings)
	slices.SortFunc(p.Facts, func(a, b Fact) int {
		return cmp.Or(strings.Compare(a.Guard, b.Guard), strings.Compare(a.Subject, b.Subject), strings.Compare(a.Value, b.Value))
	})
	p.Facts = slices.Compact(p.Facts)
}
