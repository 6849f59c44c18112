package report

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/question"
)

// The JSON of answers: version 1; keys are only ever added. basis is
// "documents" or "observed".

type askedJSON struct {
	Verb        string `json:"verb"`
	Group       string `json:"group,omitempty"`
	Resource    string `json:"resource,omitempty"`
	Subresource string `json:"subresource,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
	Name        string `json:"name,omitempty"`
	Path        string `json:"path,omitempty"`
}

type clusterJSON struct {
	Cluster string            `json:"cluster"` // as the documents name it
	Key     access.ClusterKey `json:"key"`
}

type reasonJSON struct {
	By      authz.ReasonKind `json:"by"`
	Policy  string           `json:"policy,omitempty"`
	Scope   access.Scope     `json:"scope,omitzero"`
	Binding *access.Binding  `json:"binding,omitempty"`
	Rule    *access.Rule     `json:"rule,omitempty"`
	Miss    authz.MissKind   `json:"miss,omitempty"`
	Through string           `json:"through,omitempty"`
	Sources []access.Source  `json:"sources,omitempty"`
	Members []access.Source  `json:"members,omitempty"` // by which lines the subject is in the sources' teams
	Text    string           `json:"text"`
}

type unknownJSON struct {
	Part      authz.Part `json:"part"`
	Principal string     `json:"principal,omitempty"`
	Role      string     `json:"role,omitempty"`
	Why       string     `json:"why,omitempty"`
	Settle    string     `json:"settle,omitempty"`
}

type remedyJSON struct {
	Policy string       `json:"policy,omitempty"`
	Role   string       `json:"role,omitempty"`
	Own    *access.Rule `json:"own,omitempty"` // the rule of a role that is not there yet
	Scope  access.Scope `json:"scope"`
	Also   []string     `json:"also,omitempty"`
}

type resultJSON struct {
	clusterJSON
	Subject     string        `json:"subject"`
	Principal   string        `json:"principal,omitempty"`
	Missing     string        `json:"missing,omitempty"`
	Decision    string        `json:"decision"`
	Username    string        `json:"username,omitempty"`
	Groups      []string      `json:"groups,omitempty"`
	MappedBy    string        `json:"mappedBy,omitempty"`
	Reasons     []reasonJSON  `json:"reasons"`
	Misses      []reasonJSON  `json:"misses,omitempty"`
	Unknown     []unknownJSON `json:"unknown,omitempty"`
	Remedies    []remedyJSON  `json:"remedies,omitempty"`
	Assumptions []string      `json:"assumptions,omitempty"`
}

type answerJSON struct {
	Version  int          `json:"version"`
	Decision string       `json:"decision"`
	Who      string       `json:"who"`
	Asked    askedJSON    `json:"asked"`
	Basis    string       `json:"basis"`
	Notes    []string     `json:"notes,omitempty"`
	Reasons  []reasonJSON `json:"reasons"` // all that allow, of any result
	Results  []resultJSON `json:"results"`
}

func asked(a question.Asked) askedJSON {
	return askedJSON{a.Verb, a.Group, a.Resource, a.Subresource, a.Namespace, a.Name, a.Path}
}

func basis(alone bool) string {
	if alone {
		return "documents"
	}
	return "observed"
}

func clusterOf(c *question.Cluster) clusterJSON { return clusterJSON{c.Facts.Name, c.Facts.Cluster} }

func reasonsJSON(rs []authz.Reason) []reasonJSON {
	out := make([]reasonJSON, 0, len(rs))
	for _, r := range rs {
		out = append(out, reasonJSON{r.By, r.Policy, r.Scope, r.Binding, r.Rule, r.Miss, r.Through, r.Sources, r.Members, reasonWords(r)})
	}
	return out
}

func unknownsJSON(us []authz.Unknown) []unknownJSON {
	out := make([]unknownJSON, 0, len(us))
	for _, u := range us {
		j := unknownJSON{Part: u.Part, Principal: u.Principal, Why: u.Why, Settle: u.Settle}
		if u.Role.Name != "" {
			j.Role = u.Role.String()
		}
		out = append(out, j)
	}
	return out
}

func explanationJSON(c clusterJSON, subject string, e *authz.Explanation) resultJSON {
	j := resultJSON{clusterJSON: c, Subject: subject, Decision: e.Verdict.String(), MappedBy: e.MappedBy,
		Reasons: reasonsJSON(e.Reasons), Misses: reasonsJSON(e.Misses), Unknown: unknownsJSON(e.Unknown), Assumptions: e.Assumptions}
	if e.Identity != nil {
		j.Username, j.Groups, j.Principal = e.Identity.Username, e.Identity.Groups, e.Identity.Principal
	}
	for _, r := range e.Remedies {
		j.Remedies = append(j.Remedies, remedyJSON{r.Policy, r.Role, r.Own, r.Scope, r.Also})
	}
	return j
}

// AnswerJSON writes an answer for programs.
func AnswerJSON(w io.Writer, a *question.Answer, alone bool) error {
	out := answerJSON{Version: 1, Decision: a.Verdict.String(), Who: a.Who.String(), Asked: asked(a.Asked), Basis: basis(alone),
		Notes: a.Asked.Notes, Reasons: []reasonJSON{}}
	seen := map[string]bool{}
	for i := range a.Results {
		r := &a.Results[i]
		j := explanationJSON(clusterOf(r.Cluster), r.Subject.Name, &r.Explanation)
		j.Principal, j.Missing = r.Subject.Principal, r.Subject.Missing
		for _, x := range j.Reasons {
			if key := fmt.Sprint(x.Text, x.Sources); !seen[key] {
				seen[key] = true
				out.Reasons = append(out.Reasons, x)
			}
		}
		out.Results = append(out.Results, j)
	}
	return writeJSON(w, out)
}

type cellJSON struct {
	Column string `json:"column"` // a pattern of namespaces, "other", "cluster"
	Read   string `json:"read"`   // all, some, none, unknown
	Write  string `json:"write"`
	Act    string `json:"act"` // exec, impersonate, bind
}

type rowJSON struct {
	Resource string     `json:"resource"`
	Cells    []cellJSON `json:"cells"`
}

type matrixJSON struct {
	clusterJSON
	Who     string        `json:"who"`
	Missing []string      `json:"missing,omitempty"` // why subjects do not seem to exist
	Rows    []rowJSON     `json:"rows"`
	Unknown []unknownJSON `json:"unknown,omitempty"`
}

var shareWords = map[question.Share]string{question.None: "none", question.Some: "some", question.All: "all", question.Maybe: "unknown"}

func rowsJSON(m *question.Matrix) []rowJSON {
	var rows []rowJSON
	for _, r := range m.Rows {
		row := rowJSON{Resource: r.Resource}
		for i, c := range r.Cells {
			if r.Namespaced || m.Columns[i].Cluster {
				row.Cells = append(row.Cells, newCellJSON(m.Columns[i], c))
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func newCellJSON(at question.Column, c question.Cell) cellJSON {
	return cellJSON{at.String(), shareWords[c[question.Read]], shareWords[c[question.Write]], shareWords[c[question.Act]]}
}

// MatricesJSON writes matrices for programs, and what workloads may on AWS.
func MatricesJSON(w io.Writer, ms []*question.Matrix, rights []question.Rights, alone bool) error {
	out := struct {
		Version   int                  `json:"version"`
		Basis     string               `json:"basis"`
		Matrices  []matrixJSON         `json:"matrices"`
		Workloads []workloadRightsJSON `json:"workloads,omitempty"`
	}{1, basis(alone), []matrixJSON{}, workloadRights(rights)}
	for _, m := range ms {
		out.Matrices = append(out.Matrices, matrixJSON{clusterJSON: clusterOf(m.Cluster), Who: m.Who.String(), Missing: m.Missing, Unknown: unknownsJSON(m.Unknown), Rows: rowsJSON(m)})
	}
	return writeJSON(w, out)
}

// sideJSON is one side of a comparison: whose matrix, and of what.
type sideJSON struct {
	Who     string        `json:"who"`
	Basis   string        `json:"basis"`
	Missing []string      `json:"missing,omitempty"`
	Unknown []unknownJSON `json:"unknown,omitempty"`
}

// differenceJSON is one cluster's: the cells that differ, and none that is equal.
type differenceJSON struct {
	clusterJSON
	From sideJSON             `json:"from"`
	To   sideJSON             `json:"to"`
	Rows []rowsDifferenceJSON `json:"rows"`
}

type rowsDifferenceJSON struct {
	Resource string               `json:"resource"`
	Cells    []cellDifferenceJSON `json:"cells"`
}

type cellDifferenceJSON struct {
	Column string    `json:"column"`
	From   levelJSON `json:"from"`
	To     levelJSON `json:"to"`
}

// levelJSON is a cell without its column.
type levelJSON struct {
	Read  string `json:"read"`
	Write string `json:"write"`
	Act   string `json:"act"`
}

func (c cellJSON) level() levelJSON { return levelJSON{c.Read, c.Write, c.Act} }

// MatrixDiffJSON writes for programs where matrices differ, as MatrixDiff does
// for people. alone says of either side that it is of the documents alone.
func MatrixDiffJSON(w io.Writer, pairs []Pair, leftAlone, rightAlone bool) error {
	out := struct {
		Version     int              `json:"version"`
		Differences []differenceJSON `json:"differences"`
	}{1, []differenceJSON{}}
	for _, p := range pairs {
		d := differenceJSON{clusterJSON: clusterOf(p.Left.Cluster), Rows: []rowsDifferenceJSON{},
			From: sideJSON{p.Left.Who.String(), basis(leftAlone), p.Left.Missing, unknownsJSON(p.Left.Unknown)},
			To:   sideJSON{p.Right.Who.String(), basis(rightAlone), p.Right.Missing, unknownsJSON(p.Right.Unknown)}}
		left, right := rowsJSON(p.Left), rowsJSON(p.Right)
		for i := range left {
			row := rowsDifferenceJSON{Resource: left[i].Resource}
			for j, c := range left[i].Cells {
				if other := right[i].Cells[j]; c != other {
					row.Cells = append(row.Cells, cellDifferenceJSON{c.Column, c.level(), other.level()})
				}
			}
			if len(row.Cells) > 0 {
				d.Rows = append(d.Rows, row)
			}
		}
		out.Differences = append(out.Differences, d)
	}
	return writeJSON(w, out)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}
