package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/accesstest"
)

// Tests writes what access tests came to: what failed, what could not be told,
// and the counts last. again are the words with which a question can be asked
// by itself: flags and paths after "atlas-iam can-i VERB RESOURCE ...".
func Tests(w io.Writer, r *accesstest.Report, alone bool, again []string, o Options) error {
	t := textWriter{color: o.Color}
	for _, kind := range []accesstest.Outcome{accesstest.Passed, accesstest.Undetermined, accesstest.Failed} {
		for _, c := range foldCases(r.Cases, o.Verbose) {
			if c.Outcome != kind || kind == accesstest.Passed && !o.Verbose {
				continue
			}
			t.testCase(c, again, o)
		}
	}
	if !o.Quiet {
		for _, n := range testNotes(r) {
			t.line(Safe("note: " + n))
		}
	}
	if alone && !o.Quiet {
		t.line(Safe(basisWords()))
	}
	t.line(testCounts(r))
	return t.flush(w)
}

// testNotes are the cases' notes, each once, with the place of the first test
// that it is about and the number of the others.
func testNotes(r *accesstest.Report) []string {
	type note struct {
		text, place string
		cases       int
	}
	var notes []*note
	at := map[string]*note{}
	for i := range r.Cases {
		c := &r.Cases[i]
		for _, text := range c.Notes {
			n := at[text]
			if n == nil {
				n = &note{text: text, place: c.Place().String()}
				at[text], notes = n, append(notes, n)
			}
			n.cases++
		}
	}
	var out []string
	for _, n := range notes {
		s := n.text + "   " + n.place
		if n.cases > 1 {
			s += fmt.Sprintf(" and %d more", n.cases-1)
		}
		out = append(out, s)
	}
	return out
}

func testCounts(r *accesstest.Report) string {
	if len(r.Cases) == 0 {
		return "no access tests"
	}
	return fmt.Sprintf("%d passed, %d failed, %d undetermined", r.Passed, r.Failed, r.Undetermined)
}

// shownCase is a case as it is told of: for all subjects of one list who do not
// answer as wanted, if they were asked the same.
type shownCase struct {
	accesstest.Case
	who string // the subjects
}

func foldCases(cases []accesstest.Case, unfold bool) []*shownCase {
	type same struct {
		test    *access.WantTest
		kind    accesstest.Kind
		asked   string
		place   access.Place
		outcome accesstest.Outcome
	}
	var out []*shownCase
	at := map[same]*shownCase{}
	names := map[*shownCase][]string{}
	for _, c := range cases {
		k := same{c.Test, c.Kind, c.Asked.String(), c.Place(), c.Outcome}
		first := at[k]
		if first == nil || unfold || c.Kind == accesstest.Only || c.Outcome == accesstest.Passed || c.Why != "" {
			s := &shownCase{c, c.Who.String()}
			out = append(out, s)
			if c.Why == "" {
				at[k], names[s] = s, []string{s.who}
			}
			continue
		}
		names[first] = append(names[first], c.Who.String())
		first.who = few(names[first], shownPeople)
		first.Findings = slices.Concat(first.Findings, c.Findings)
		first.Subjects += c.Subjects
	}
	return out
}

func (t *textWriter) testCase(c *shownCase, again []string, o Options) {
	word, col := "PASS", green
	switch c.Outcome {
	case accesstest.Failed:
		word, col = "FAIL", red
	case accesstest.Undetermined:
		word, col = "UNDETERMINED", yellow
	}
	if o.Quiet && c.Outcome == accesstest.Passed {
		return
	}
	t.line(t.paint(col, word) + "  " + Safe(c.Test.Document+"   "+c.Place().String()))
	for _, l := range caseWords(c, again, o.Verbose) {
		t.line("      " + Safe(l))
	}
}

// caseTitle is what a case asks: "team/backend cannot create pods in x".
func caseTitle(c *accesstest.Case) string { return titleOf(c, c.Who.String()) }

func titleOf(c *accesstest.Case, who string) string {
	asked := c.Asked.String()
	if c.Asked.Verb == "" {
		asked = c.Ask.String()
	}
	if c.Kind != accesstest.Only {
		return who + " " + string(c.Kind) + " " + asked
	}
	names := make([]string, len(c.Only))
	for i, w := range c.Only {
		names[i] = w.String()
	}
	if len(names) == 0 {
		return "nobody can " + asked
	}
	return "only " + few(names, 4) + " can " + asked
}

// shownFindings is how many of those who break a case are explained.
const shownFindings = 3

// caseWords is all that is said of a case that did not pass, or with -v of one
// that did.
func caseWords(s *shownCase, again []string, verbose bool) []string {
	c, title := &s.Case, titleOf(&s.Case, s.who)
	if c.Outcome == accesstest.Passed {
		return []string{title}
	}
	if c.Why != "" {
		return []string{title, c.Why}
	}
	lines := []string{strings.TrimRight(title+"   "+wantGot(c), " ")}
	by, more := byWords(c, verbose)
	lines = append(lines, by...)
	if more > 0 {
		lines = append(lines, count(more, "more", "more")+" (-v names each)")
	}
	if c.Subjects > 1 && c.Kind != accesstest.Only {
		lines = append(lines, fmt.Sprintf("%d of %d answers are not as wanted", len(c.Findings), c.Subjects))
	}
	if len(c.Findings) > 0 {
		lines = append(lines, "try: "+tryWords(c, &c.Findings[0], again))
	}
	return lines
}

// byWords says who breaks a case by what, and how many more do.
func byWords(c *accesstest.Case, verbose bool) (lines []string, more int) {
	folds := foldFindings(c, verbose)
	shown := folds
	if !verbose && len(folds) > shownFindings {
		shown = folds[:shownFindings]
	}
	for _, f := range shown {
		lines = append(lines, f.lines...)
	}
	return lines, len(folds) - len(shown)
}

// CaseBy says who breaks a case by what, in lines.
func CaseBy(c *accesstest.Case) []string {
	lines, more := byWords(c, false)
	if more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return lines
}

// findingFold is what is said of subjects who break a case in the same way.
type findingFold struct {
	subjects, clusters []string
	body, lines        []string
	members            []access.Source
}

// foldFindings folds findings over subjects and clusters. What is certain
// explains a failure; with -v what cannot be told is told as well.
func foldFindings(c *accesstest.Case, verbose bool) []*findingFold {
	var folds []*findingFold
	index := map[string]*findingFold{}
	for i := range c.Findings {
		f := &c.Findings[i]
		if c.Outcome == accesstest.Failed && f.Verdict == authz.Undetermined && !verbose {
			continue
		}
		body := findingWords(f, c.Ask)
		key := strings.Join(body, "\n")
		fold := index[key]
		if fold == nil || verbose {
			fold = &findingFold{body: body}
			index[key] = fold
			folds = append(folds, fold)
		}
		if !slices.Contains(fold.subjects, f.Subject) {
			fold.subjects = append(fold.subjects, f.Subject)
		}
		if f.Explanation != nil {
			for _, r := range f.Explanation.Reasons {
				fold.members = append(fold.members, r.Members...)
			}
		}
		if !slices.Contains(fold.clusters, f.Cluster) {
			fold.clusters = append(fold.clusters, f.Cluster)
		}
	}
	for _, f := range folds {
		who := few(f.subjects, shownPeople) + " on " + few(f.clusters, shownPeople)
		f.lines = append([]string{who + " " + f.body[0]}, f.body[1:]...)
		if m := memberWords(f.members, c.Who); m != "" {
			f.lines = append(f.lines, "  "+m)
		}
	}
	return folds
}

// wantGot is "want deny, got allow".
func wantGot(c *accesstest.Case) string {
	if c.Kind == accesstest.Only {
		return ""
	}
	want, got := "allow", "deny"
	if c.Kind == accesstest.Cannot {
		want, got = "deny", "allow"
	}
	if c.Outcome == accesstest.Undetermined {
		got = "undetermined"
	}
	if c.Test.Because != nil && !slices.ContainsFunc(c.Findings, func(f accesstest.Finding) bool { return !f.NotBecause }) {
		want, got = "allow by "+becauseWords(c.Test.Because), "allow by something else"
	}
	return "want " + want + ", got " + got
}

func becauseWords(b *access.Because) string {
	if b.Policy != "" {
		return policyName(b.Policy)
	}
	return b.Role.String()
}

// findingWords says how a subject breaks a case, and by what; the subject
// stands before it.
func findingWords(f *accesstest.Finding, asked access.Ask) []string {
	e := f.Explanation
	switch {
	case f.Action != nil:
		return actionFindingWords(f, asked)
	case f.TooMany && e.Verdict == authz.Allow:
		return indented("can too, by", e.Reasons)
	case e.Verdict == authz.Allow:
		return indented("is allowed by", e.Reasons)
	case e.Verdict == authz.Undetermined:
		lines := []string{"may or may not"}
		for _, u := range e.Unknown {
			lines = append(lines, "  "+unknownWords(u), "  to settle it: "+u.Settle)
		}
		return lines
	}
	lines := []string{"is denied"}
	for i, m := range e.Misses {
		if i == shownFindings {
			break
		}
		lines = append(lines, "  x "+withSource(reasonWords(m), m.Sources))
	}
	if len(e.Remedies) > 0 {
		lines = append(lines, "  would allow it: "+remedyWords(e.Remedies[0]))
	}
	return lines
}

func indented(head string, reasons []authz.Reason) []string {
	if len(reasons) == 1 {
		return []string{head + " " + withSource(reasonWords(reasons[0]), reasons[0].Sources)}
	}
	lines := []string{head}
	for _, r := range reasons {
		lines = append(lines, "  "+withSource(reasonWords(r), r.Sources))
	}
	return lines
}

func withSource(text string, sources []access.Source) string {
	if s := sourceWords(sources); s != "" {
		return text + "   " + s
	}
	return text
}

// tryWords is the command that asks a case's question of the first that broke
// it.
func tryWords(c *accesstest.Case, f *accesstest.Finding, again []string) string {
	words := []string{"atlas-iam", "can-i", c.Ask.Verb}
	if c.Ask.Resource != "" {
		words = append(words, c.Ask.Resource)
	}
	if c.Kind == accesstest.Only && f.TooMany {
		words[1] = "who-can"
	} else {
		as := f.Subject
		if c.Who.Kind == access.WhoWorkload { // its ServiceAccounts with its roles
			as = c.Who.String()
		}
		words = append(words, "--as", as)
	}
	if ns := c.Asked.Namespace; ns != "" {
		words = append(words, "-n", ns)
	}
	return ShellLine(append(append(words, "--cluster", f.Cluster), again...))
}

// CaseLine is what a case asks, on one line.
func CaseLine(c *accesstest.Case) string {
	if c.Why != "" {
		return caseTitle(c) + ": " + c.Why
	}
	return caseTitle(c)
}
