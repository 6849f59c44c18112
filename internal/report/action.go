package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/accesstest"
	"github.com/atlas-iam/atlas-iam/internal/question"
)

// ActionAnswer writes whether a workload may do an action of AWS: kubectl's word
// on a line of its own, then the reasons, equal ones folded over clusters.
func ActionAnswer(w io.Writer, a *question.ActionAnswer, alone bool, o Options) error {
	t := textWriter{color: o.Color}
	t.line(t.paint(verdictColour(a.Verdict), verdictWord(a.Verdict)))
	if o.Quiet {
		return t.flush(w)
	}
	for _, n := range a.Asked.Notes {
		t.line(Safe("note: " + n))
	}
	t.blocks(actionBlocks(a, o.Verbose))
	t.line(Safe(actionBasis(alone)))
	return t.flush(w)
}

// actionBasis says what an answer rests on. (Assumption resource-silent)
func actionBasis(alone bool) string {
	if alone {
		return "(from the documents alone; --observed reads the role. Policies of resources and of the organization are taken to say nothing)"
	}
	return "(policies of resources and of the organization are not read, and taken to say nothing)"
}

// actionBlocks folds results over clusters; what is not yes comes first.
func actionBlocks(a *question.ActionAnswer, verbose bool) []block {
	type fold struct {
		verdict  authz.Verdict
		body     block
		role     string
		clusters []string
	}
	var folds []*fold
	index := map[string]*fold{}
	for i := range a.Results {
		r := &a.Results[i]
		b := actionBody(r, a.Asked)
		if verbose && len(r.Assumptions) > 0 {
			b.after = append(b.after, "assumed: "+strings.Join(r.Assumptions, ", ")+" (docs/assumptions.md)")
		}
		key := fmt.Sprint(r.Verdict, r.Role, b.lines, b.after)
		f := index[key]
		if f == nil || verbose {
			f = &fold{verdict: r.Verdict, body: b, role: r.Role}
			index[key] = f
			folds = append(folds, f)
		}
		f.clusters = append(f.clusters, clusterName(r.Document, r.Cluster))
	}
	order := map[authz.Verdict]int{authz.Deny: 0, authz.Undetermined: 1, authz.Allow: 2}
	slices.SortStableFunc(folds, func(x, y *fold) int { return order[x.verdict] - order[y.verdict] })
	var out []block
	for _, f := range folds {
		f.body.head = fmt.Sprintf("%s %s %s on %s, as %s", a.Who, may(f.verdict), a.Asked, few(f.clusters, shownPeople), f.role)
		out = append(out, f.body)
	}
	return out
}

// actionBody says why, of one result.
func actionBody(r *question.ActionResult, asked question.Action) block {
	var b block
	add := func(sign string, c colour, format string, args ...any) {
		b.lines = append(b.lines, branch{sign, c, fmt.Sprintf(format, args...)})
	}
	if r.Refused != "" {
		add("x", red, "%s: its pods get no credentials, whatever the role may do", r.Refused)
		b.after = append(b.after, "to mend it: atlas-iam plan shows what the trust policy lacks")
		return b
	}
	for _, reason := range r.Reasons {
		what := actionReason(r, reason)
		switch {
		case reason.Statement < 0 && r.Verdict == authz.Undetermined && reason.Effect == iam.Allow:
			add("?", yellow, "%s was not read", reason.Source)
			if s := r.Settle[reason.Source]; s != "" {
				b.after = append(b.after, "to know: "+s)
			}
		case reason.Statement < 0:
		case reason.Effect == iam.Deny && reason.Certain:
			add("-", red, "denied by %s", what)
		case reason.Effect == iam.Deny:
			add("?", yellow, "perhaps denied by %s", what)
		case reason.Certain:
			add("+", green, "%s", what)
		default:
			add("?", yellow, "perhaps %s", what)
		}
	}
	if r.Plain != r.Verdict {
		b.after = append(b.after, "assumed: the call is made over HTTPS; with --context aws:SecureTransport=false the answer is "+verdictWord(r.Plain))
	}
	if r.Verdict == authz.Undetermined {
		for _, k := range r.Unknown {
			b.after = append(b.after, "to know: the value of "+k+", as in --context "+k+"=VALUE")
		}
	}
	if r.Verdict != authz.Deny || r.Explicit {
		return b
	}
	for _, g := range r.Missing {
		if g != iam.IdentityGate {
			add("-", red, "the %s does not allow it", g)
		}
	}
	for _, n := range r.Near {
		if !strings.HasPrefix(n.Fails[0], "the action ") { // it speaks of the action
			add("·", plain, "nearly: %s, %s%s: %s", n.Source, r.Statement(n.Source, n.Statement, n.Sid), at(r.Places[n.Source]), strings.Join(n.Fails, "; "))
		}
	}
	if len(b.lines) == 0 {
		add("-", red, "no policy of the role allows it")
	}
	if slices.Equal(r.Missing, []iam.Gate{iam.IdentityGate}) {
		// A statement without the condition would undo it.
		if calls := conditionsMissed(r.Near); len(calls) > 0 {
			b.after = append(b.after, "would allow it: a call for which "+strings.Join(calls, ", or "))
			return b
		}
		whose := "the role's statements"
		if r.Far {
			whose = "the statements of target role " + access.RoleName(r.Role) + " of account " + access.AccountOf(r.Role)
		}
		b.after = append(b.after, fmt.Sprintf("would allow it: {actions: [%q], resources: [%q]} among %s, and nothing else", asked.Name, asked.Resource, whose))
		return b
	}
	b.after = append(b.after, "would allow it: "+strings.Join(r.Needs, "; and "))
	return b
}

// conditionsMissed are the conditions of each statement that allows but for them.
func conditionsMissed(near []iam.NearMiss) []string {
	var out []string
	for _, n := range near {
		switch len(n.Conditions) {
		case 0:
		case 1:
			out = append(out, n.Conditions[0]+" holds")
		default:
			out = append(out, strings.Join(n.Conditions, " and ")+" hold")
		}
	}
	return out
}

func actionReason(r *question.ActionResult, reason iam.Reason) string {
	return reason.Source + ", " + r.Statement(reason.Source, reason.Statement, reason.Sid) + at(r.Places[reason.Source])
}

func at(p access.Place) string {
	if p == (access.Place{}) {
		return ""
	}
	return "  (" + p.String() + ")"
}

type actionReasonJSON struct {
	Effect    string        `json:"effect"`
	Gate      string        `json:"gate"`
	Policy    string        `json:"policy"`
	Statement int           `json:"statement"` // from 0; -1: the policy was not read
	Sid       string        `json:"sid,omitempty"`
	Certain   bool          `json:"certain"`
	Source    *access.Place `json:"source,omitempty"`
	Text      string        `json:"text"`
}

type actionResultJSON struct {
	Document string `json:"document,omitempty"`
	access.ClusterKey
	Role     string             `json:"role"`
	Decision string             `json:"decision"`
	Explicit bool               `json:"explicit,omitempty"`
	Refused  string             `json:"refused,omitempty"` // why pods get no credentials of the role
	Reasons  []actionReasonJSON `json:"reasons"`
	Unknown  []string           `json:"unknown,omitempty"` // condition keys
	Assumed  []string           `json:"assumptions,omitempty"`
}

// ActionAnswerJSON writes the answer for programs.
func ActionAnswerJSON(w io.Writer, a *question.ActionAnswer, alone bool) error {
	out := struct {
		Version  int                `json:"version"`
		Decision string             `json:"decision"`
		Who      string             `json:"who"`
		Action   string             `json:"action"`
		Resource string             `json:"resource"`
		Basis    string             `json:"basis"`
		Notes    []string           `json:"notes,omitempty"`
		Reasons  []actionReasonJSON `json:"reasons"`
		Results  []actionResultJSON `json:"results"`
	}{1, a.Verdict.String(), a.Who.String(), a.Asked.Name, a.Asked.Resource, basis(alone), a.Asked.Notes, []actionReasonJSON{}, []actionResultJSON{}}
	seen := map[string]bool{}
	for i := range a.Results {
		j := actionResult(&a.Results[i])
		for _, one := range j.Reasons {
			if key := fmt.Sprint(one.Text, one.Effect); !seen[key] {
				seen[key] = true
				out.Reasons = append(out.Reasons, one)
			}
		}
		out.Results = append(out.Results, j)
	}
	return writeJSON(w, out)
}

func actionResult(r *question.ActionResult) actionResultJSON {
	j := actionResultJSON{Document: r.Document, ClusterKey: r.Cluster, Role: r.Role, Decision: r.Verdict.String(), Explicit: r.Explicit, Refused: r.Refused, Reasons: []actionReasonJSON{}, Unknown: r.Unknown, Assumed: r.Assumptions}
	for _, x := range r.Reasons {
		one := actionReasonJSON{Effect: strings.ToLower(string(x.Effect)), Gate: string(x.Gate), Policy: x.Source, Statement: x.Statement, Sid: x.Sid, Certain: x.Certain, Text: actionReason(r, x)}
		if p, ok := r.Places[x.Source]; ok {
			one.Source = &p
		}
		j.Reasons = append(j.Reasons, one)
	}
	return j
}

// actionFindingWords says how a workload breaks a case about an action of AWS,
// and by what.
func actionFindingWords(f *accesstest.Finding, ask access.Ask) []string {
	asked := question.Action{Name: ask.Verb, Resource: cmp.Or(ask.Resource, "*")}
	b := actionBody(f.Action, asked)
	head := map[authz.Verdict]string{authz.Allow: "is allowed", authz.Deny: "is denied", authz.Undetermined: "may or may not"}[f.Verdict]
	lines := []string{head + ", as " + f.Action.Role}
	for _, l := range b.lines {
		lines = append(lines, "  "+l.sign+" "+l.text)
	}
	for _, l := range b.after {
		lines = append(lines, "  "+l)
	}
	return lines
}
