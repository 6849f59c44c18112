package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/accesstest"
)

type caseJSON struct {
	Test     string             `json:"test"`
	Source   access.Place       `json:"source"`
	Outcome  string             `json:"outcome"` // passed, failed, undetermined
	Kind     string             `json:"kind"`    // can, cannot, only
	Who      string             `json:"who,omitempty"`
	Only     []string           `json:"only,omitempty"`
	Asked    askedJSON          `json:"asked"`
	Text     string             `json:"text"`
	Why      string             `json:"why,omitempty"`
	Notes    []string           `json:"notes,omitempty"`
	Findings []resultJSON       `json:"findings,omitempty"`
	Actions  []actionResultJSON `json:"actions,omitempty"` // findings of an action of AWS
}

// TestsJSON writes what access tests came to for programs.
func TestsJSON(w io.Writer, r *accesstest.Report, alone bool) error {
	out := struct {
		Version int    `json:"version"`
		Basis   string `json:"basis"`
		Summary struct {
			Passed       int `json:"passed"`
			Failed       int `json:"failed"`
			Undetermined int `json:"undetermined"`
		} `json:"summary"`
		Tests []caseJSON `json:"tests"`
	}{Version: 1, Basis: basis(alone), Tests: []caseJSON{}}
	out.Summary.Passed, out.Summary.Failed, out.Summary.Undetermined = r.Passed, r.Failed, r.Undetermined
	for i := range r.Cases {
		c := &r.Cases[i]
		j := caseJSON{Test: c.Test.Document, Source: c.Place(), Outcome: string(c.Outcome), Kind: string(c.Kind), Asked: askedOf(c), Text: caseTitle(c), Why: c.Why, Notes: c.Notes}
		if c.Kind != accesstest.Only {
			j.Who = c.Who.String()
		}
		for _, w := range c.Only {
			j.Only = append(j.Only, w.String())
		}
		for k := range c.Findings {
			f := &c.Findings[k]
			if f.Action != nil {
				j.Actions = append(j.Actions, actionResult(f.Action))
				continue
			}
			j.Findings = append(j.Findings, explanationJSON(clusterJSON{f.Cluster, f.Key}, f.Subject, f.Explanation))
		}
		out.Tests = append(out.Tests, j)
	}
	return writeJSON(w, out)
}

// askedOf is a case's question; of an action of AWS the verb is the action, and
// the resource its ARN.
func askedOf(c *accesstest.Case) askedJSON {
	if c.Ask.OfAWS() {
		return askedJSON{Verb: c.Ask.Verb, Resource: c.Ask.Resource}
	}
	return asked(c.Asked)
}

// The form of JUnit's reports that CI systems read. What could not be told is
// an error there, which is neither a pass nor a failure.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string     `xml:"name,attr"`
	Class   string     `xml:"classname,attr"`
	File    string     `xml:"file,attr"`
	Line    int        `xml:"line,attr"`
	Failure *junitText `xml:"failure"`
	Error   *junitText `xml:"error"`
}

type junitText struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// TestsJUnit writes what access tests came to as JUnit's XML, a suite for each
// AccessTest document.
func TestsJUnit(w io.Writer, r *accesstest.Report, again []string) error {
	out := junitSuites{Name: "atlas-iam", Tests: len(r.Cases), Failures: r.Failed, Errors: r.Undetermined}
	at := map[string]int{}
	for i := range r.Cases {
		c := &r.Cases[i]
		n, ok := at[c.Test.Document]
		if !ok {
			n = len(out.Suites)
			at[c.Test.Document] = n
			out.Suites = append(out.Suites, junitSuite{Name: Safe(c.Test.Document)})
		}
		s := &out.Suites[n]
		s.Tests++
		j := junitCase{Name: Safe(caseTitle(c)), Class: Safe(c.Test.Document), File: Safe(c.Place().File), Line: c.Place().Line}
		text := &junitText{Message: Safe(caseTitle(c)), Text: safeLines(caseWords(&shownCase{*c, c.Who.String()}, again, true), "\n")}
		switch c.Outcome {
		case accesstest.Failed:
			j.Failure = text
			s.Failures++
		case accesstest.Undetermined:
			j.Error = text
			s.Errors++
		}
		s.Cases = append(s.Cases, j)
	}
	b, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("write the tests' outcome: %w", err)
	}
	_, err = io.WriteString(w, xml.Header+string(b)+"\n")
	return err
}

func safeLines(lines []string, end string) string {
	var b strings.Builder
	for i, l := range lines {
		if i > 0 {
			b.WriteString(end)
		}
		b.WriteString(Safe(l))
	}
	return b.String()
}

// TestsGitHub writes what failed and what could not be told as GitHub Actions'
// annotations at the test's line, then the counts. (GitHub, "Workflow
// commands": % and line ends are escaped; in properties : and , too.)
func TestsGitHub(w io.Writer, r *accesstest.Report, again []string) error {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	var b strings.Builder
	for _, c := range foldCases(r.Cases, false) {
		p := c.Place()
		at := fmt.Sprintf("file=%s,line=%d,col=%d,title=%s", property.Replace(Safe(p.File)), p.Line, max(1, p.Column), property.Replace(Safe(c.Test.Document)))
		for _, n := range c.Notes {
			fmt.Fprintf(&b, "::notice %s::%s\n", at, data.Replace(Safe(titleOf(&c.Case, c.who)+": "+n)))
		}
		level := "error"
		switch c.Outcome {
		case accesstest.Passed:
			continue
		case accesstest.Undetermined:
			level = "warning"
		}
		fmt.Fprintf(&b, "::%s %s::%s\n", level, at, data.Replace(safeLines(caseWords(c, again, false), "\n")))
	}
	b.WriteString(testCounts(r) + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}
