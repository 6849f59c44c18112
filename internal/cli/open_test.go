package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/accesstest"
	"github.com/atlas-iam/atlas-iam/internal/desired"
	"github.com/atlas-iam/atlas-iam/internal/documents"
	"github.com/atlas-iam/atlas-iam/internal/question"
)

// openQuestions counts questions and those that cannot be told.
type openQuestions struct {
	t     *testing.T
	asked int
	open  []string
}

func (o *openQuestions) note(what string, got, want authz.Verdict) {
	o.asked++
	switch got {
	case want:
	case authz.Undetermined:
		o.open = append(o.open, what)
	default:
		o.t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// ask puts an action to a workload, as can-i does from the documents.
func (o *openQuestions) ask(want *access.State, workload string, action question.Action, verdict authz.Verdict) {
	a, err := question.Do(access.Who{Kind: access.WhoWorkload, Name: workload}, action, want, nil, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	o.note(workload+": "+action.String(), a.Verdict, verdict)
}

// Of the questions that the examples and the articles lead to few are open: what
// each statement is for and what it is not for, the articles' calls of AWS, and
// the examples' access tests.
//
// shows: item S140
func TestFewQuestionsAboutTheExamplesAreOpen(t *testing.T) {
	o := &openQuestions{t: t}
	folders, err := filepath.Glob("../../examples/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		set, err := documents.Load([]string{folder})
		if err != nil {
			t.Fatal(err)
		}
		want, err := desired.Compile(set)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range accesstest.Run(want.Tests, question.Documents(want, nil)).Cases {
			verdict := map[accesstest.Outcome]authz.Verdict{accesstest.Passed: authz.Allow, accesstest.Failed: authz.Deny}[c.Outcome]
			if c.Outcome == accesstest.Undetermined {
				verdict = authz.Undetermined
			}
			o.note(filepath.Base(folder)+": "+c.Ask.String(), verdict, authz.Allow)
		}
		for _, r := range want.Roles {
			if len(r.Inline) > 0 {
				o.role(want, &r)
			}
		}
	}
	const most = 0.02
	t.Logf("%d of %d questions about the examples are open: %q", len(o.open), o.asked, o.open)
	if o.asked < 80 || float64(len(o.open)) > most*float64(o.asked) {
		t.Errorf("%d of %d questions are open", len(o.open), o.asked)
	}
}

// role asks what each of a role's statements is for, and of its neighbours.
func (o *openQuestions) role(want *access.State, r *access.WantRole) {
	if len(r.Workloads) != 1 || strings.Contains(r.ARN, "-test") { // one of a role for each cluster is enough
		return
	}
	actions := map[string]bool{}
	for _, in := range r.Inline {
		p, err := iam.Parse(iam.Identity, string(in.Document))
		if err != nil {
			o.t.Fatal(err)
		}
		for _, s := range p.Statements {
			keys := map[string][]string{}
			for _, c := range s.Conditions {
				keys[c.Key] = []string{strings.ReplaceAll(c.Values[0], "*", "x")}
			}
			for _, a := range s.Actions {
				actions[strings.ToLower(a)] = true
				on := question.Action{Name: strings.ReplaceAll(a, "*", "X"), Resource: "*", Keys: keys}
				if s.Resources[0] != "*" {
					on.Resource = clusterOf(strings.ReplaceAll(s.Resources[0], "*", "x"))
				}
				o.ask(want, r.Workloads[0], on, authz.Allow)
				service, _, _ := strings.Cut(a, ":")
				o.ask(want, r.Workloads[0], question.Action{Name: service + ":DeleteWhatIsNotIts", Resource: on.Resource}, authz.Deny)
				if on.Resource != "*" {
					o.ask(want, r.Workloads[0], question.Action{Name: on.Name, Resource: "arn:aws:" + service + ":::none-of-its/x", Keys: keys}, authz.Deny)
				}
			}
		}
	}
	// The articles' calls: aws s3 ls, aws cloudwatch list-metrics, aws eks
	// list-access-entries, aws iam create-role.
	for _, call := range []string{"s3:ListAllMyBuckets", "cloudwatch:ListMetrics", "eks:ListAccessEntries", "iam:CreateRole"} {
		verdict := authz.Deny
		if actions[strings.ToLower(call)] {
			verdict = authz.Allow
		}
		o.ask(want, r.Workloads[0], question.Action{Name: call, Resource: "*"}, verdict)
	}
}

// clusterOf puts a cluster's name for a variable of a session's tags.
func clusterOf(resource string) string {
	return strings.ReplaceAll(resource, "${aws:PrincipalTag/eks-cluster-name}", "test")
}
