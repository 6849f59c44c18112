package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
	"github.com/atlas-iam/atlas-iam/internal/question"
)

// verdictWord is the first line of an answer: kubectl's words, and one more.
func verdictWord(v authz.Verdict) string {
	switch v {
	case authz.Allow:
		return "yes"
	case authz.Undetermined:
		return "undetermined"
	}
	return "no"
}

// may says a verdict of somebody.
func may(v authz.Verdict) string {
	switch v {
	case authz.Allow:
		return "may"
	case authz.Undetermined:
		return "may or may not"
	}
	return "may not"
}

// Answer writes whether somebody may do something: kubectl's word on a line of
// its own, then the reasons, equal ones folded over members and clusters.
func Answer(w io.Writer, a *question.Answer, alone bool, o Options) error {
	t := textWriter{color: o.Color}
	t.line(t.paint(verdictColour(a.Verdict), verdictWord(a.Verdict)))
	if o.Quiet {
		return t.flush(w)
	}
	for _, n := range a.Asked.Notes {
		t.line(Safe("note: " + n))
	}
	t.blocks(blocks(a, o.Verbose))
	if alone {
		t.line(Safe(basisWords()))
	}
	return t.flush(w)
}

// basisWords says what an answer from documents alone rests on.
func basisWords() string {
	return "(from the documents alone, with Kubernetes " + rbac.DefaultVersion() + "'s default roles; --observed asks the clusters)"
}

func verdictColour(v authz.Verdict) colour {
	switch v {
	case authz.Allow:
		return green
	case authz.Undetermined:
		return yellow
	}
	return red
}

// block is the answer for those to whom the same happens for the same reasons.
type block struct {
	head  string
	lines []branch
	after []string
}

// blocks writes each block as a tree.
func (t *textWriter) blocks(bs []block) {
	for _, b := range bs {
		t.line(Safe(b.head))
		for i, l := range b.lines {
			branch := "├─ "
			if i == len(b.lines)-1 {
				branch = "└─ "
			}
			t.line(branch + t.paint(l.colour, l.sign) + " " + Safe(l.text))
		}
		for _, l := range b.after {
			t.line(Safe(l))
		}
	}
}

type branch struct {
	sign   string
	colour colour
	text   string
}

// blocks folds results. Of an answer that is not yes those that are yes come
// last.
func blocks(a *question.Answer, verbose bool) []block {
	type fold struct {
		verdict   authz.Verdict
		body      block
		results   []*question.Result
		firstSeen int
	}
	var folds []*fold
	index := map[string]*fold{}
	for i := range a.Results {
		r := &a.Results[i]
		b := body(r, verbose)
		key := fmt.Sprint(r.Verdict, b.lines, b.after)
		f := index[key]
		if f == nil || verbose {
			f = &fold{verdict: r.Verdict, body: b, firstSeen: i}
			index[key] = f
			folds = append(folds, f)
		}
		f.results = append(f.results, r)
	}
	order := map[authz.Verdict]int{authz.Deny: 0, authz.Undetermined: 1, authz.Allow: 2}
	slices.SortStableFunc(folds, func(x, y *fold) int { return order[x.verdict] - order[y.verdict] })
	var out []block
	for _, f := range folds {
		if m := membersOf(f.results, a.Who, f.verdict, verbose); m != "" {
			f.body.after = slices.Insert(f.body.after, 0, m)
		}
		f.body.head = subjectsOf(f.results) + " " + may(f.verdict) + " " + a.Asked.String() + " on " + clustersOf(f.results)
		out = append(out, f.body)
	}
	return out
}

// membersOf says by which lines the subjects are in the teams that give them
// what decided; of a no only where all is to be told.
func membersOf(results []*question.Result, asked access.Who, v authz.Verdict, verbose bool) string {
	var members []access.Source
	for _, r := range results {
		for _, x := range r.Reasons {
			members = append(members, x.Members...)
		}
		if v != authz.Allow && verbose {
			for _, x := range r.Misses {
				members = append(members, x.Members...)
			}
		}
	}
	return memberWords(members, asked)
}

// shownPeople is how many are named in one line.
const shownPeople = 3

func subjectsOf(results []*question.Result) string {
	var names []string
	for _, r := range results {
		if !slices.Contains(names, r.Subject.Name) {
			names = append(names, r.Subject.Name)
		}
	}
	return few(names, shownPeople)
}

func clustersOf(results []*question.Result) string {
	var names []string
	for _, r := range results {
		if !slices.Contains(names, r.Cluster.Facts.Name) {
			names = append(names, r.Cluster.Facts.Name)
		}
	}
	return few(names, shownPeople)
}

// shownMisses is how many near misses are told of one subject.
const shownMisses = 5

// body is what is told of one result beneath its head.
func body(r *question.Result, verbose bool) block {
	var b block
	add := func(sign string, c colour, text, source string) {
		if source != "" {
			text += "   " + source
		}
		b.lines = append(b.lines, branch{sign, c, text})
	}
	for i := range r.Reasons {
		add("+", green, reasonWords(r.Reasons[i]), sourceWords(r.Reasons[i].Sources))
	}
	for _, u := range r.Unknown {
		add("?", yellow, unknownWords(u), "")
	}
	for i, m := range r.Misses {
		if i == shownMisses && !verbose {
			add("x", plain, count(len(r.Misses)-i, "more that misses", "more that miss")+" (-v)", "")
			break
		}
		add("x", red, reasonWords(m), sourceWords(m.Sources))
	}
	if r.Verdict != authz.Allow && len(r.Reasons)+len(r.Unknown)+len(r.Misses) == 0 {
		add("x", red, "nothing there gives it anything", "")
	}
	for _, u := range r.Unknown {
		if s := "to settle it: " + u.Settle; u.Settle != "" && !slices.Contains(b.after, s) {
			b.after = append(b.after, s)
		}
	}
	b.after = append(b.after, aside(r, verbose)...)
	return b
}

// aside is what stands after the reasons: who the subject is there, what would
// allow it, what is assumed.
func aside(r *question.Result, verbose bool) []string {
	var after []string
	if r.Subject.Missing != "" {
		after = append(after, "note: "+r.Subject.Missing)
	}
	if strings.HasPrefix(r.MappedBy, "as ") && r.Verdict == authz.Allow { // not as itself, but as one as whom it may act
		after = append(after, r.MappedBy)
	}
	if id := r.Identity; id != nil && (verbose || r.Verdict != authz.Allow && len(ownGroups(id.Groups)) > 0) {
		s := "known there as " + id.Username
		if g := ownGroups(id.Groups); len(g) > 0 {
			s += ", groups " + few(g, 8)
		}
		if r.MappedBy != "" {
			s += " (" + r.MappedBy + ")"
		}
		after = append(after, s)
	}
	if r.Verdict == authz.Deny {
		for i, m := range r.Remedies {
			if i == shownPeople && !verbose {
				break
			}
			word := "would allow it: "
			if i > 0 {
				word = "            or: "
			}
			after = append(after, word+remedyWords(m))
		}
	}
	if verbose && len(r.Assumptions) > 0 {
		after = append(after, "assumed: "+strings.Join(r.Assumptions, ", ")+" (docs/assumptions.md)")
	}
	return after
}

// ownGroups are groups without those that everybody has.
func ownGroups(groups []string) []string {
	return slices.DeleteFunc(slices.Clone(groups), func(g string) bool { return strings.HasPrefix(g, "system:") && g != "system:masters" })
}
