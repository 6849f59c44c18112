package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/question"
)

// rights writes what workloads may do on AWS; shortened says that only some of
// the actions or resources are named.
func (t *textWriter) rights(rights []question.Rights, o Options) (shortened bool) {
	blocks, shortened := rightsBlocks(rights, o.Verbose)
	for _, b := range blocks {
		if t.b.Len() > 0 {
			t.line("")
		}
		t.blocks([]block{b})
	}
	return shortened
}

// rightsBasis writes what rights rest on.
func (t *textWriter) rightsBasis(shortened bool, rights []question.Rights, alone bool, o Options) {
	if len(rights) == 0 || o.Quiet {
		return
	}
	t.line("")
	if shortened {
		t.line("(-v names all actions and resources)")
	}
	t.line(Safe(actionBasis(alone)))
}

// rightsBlocks are a block for each workload and what it may, folded over
// clusters; shortened says that one names only some of the actions or resources.
func rightsBlocks(rights []question.Rights, verbose bool) (out []block, shortened bool) {
	type fold struct {
		block
		who             access.Who
		clusters, roles []string
		accounts        []string
	}
	var folds []*fold
	index := map[string]*fold{}
	for i := range rights {
		r := &rights[i]
		b, short := rightsBody(r, verbose)
		shortened = shortened || short
		key := fmt.Sprint(r.Who, b.lines, b.after)
		if verbose {
			key += r.Role
		}
		f := index[key]
		if f == nil {
			f = &fold{block: b, who: r.Who, accounts: r.Accounts}
			index[key], folds = f, append(folds, f)
		}
		f.clusters = append(f.clusters, clusterName(r.Document, r.Cluster))
		if role := "role/" + access.RoleName(r.Role) + " of " + access.AccountOf(r.Role); !slices.Contains(f.roles, role) {
			f.roles = append(f.roles, role)
		}
	}
	for _, f := range folds {
		f.head = fmt.Sprintf("%s on AWS, from %s, as %s: ServiceAccount %s", f.who, few(f.clusters, 4), few(f.roles, 2), few(f.accounts, shownPeople))
		out = append(out, f.block)
	}
	return out, shortened
}

// rightsBody is a workload's rights on one cluster.
func rightsBody(r *question.Rights, verbose bool) (b block, shortened bool) {
	add := func(sign string, c colour, text string) { b.lines = append(b.lines, branch{sign, c, text}) }
	words := func(of iam.Right) string {
		all := of.String()
		if verbose {
			return all
		}
		few := fewActions(all)
		shortened = shortened || few != all
		return few
	}
	settle := func(policy string) {
		if s := "to know: " + r.Settle[policy]; r.Settle[policy] != "" && !slices.Contains(b.after, s) {
			b.after = append(b.after, s)
		}
	}
	for _, of := range r.May {
		add("+", green, words(of))
	}
	for _, of := range r.Denied {
		add("-", red, "denied, whatever allows it: "+words(of))
	}
	for _, of := range r.Unclear {
		add("?", yellow, words(of)+": its conditions have too many combinations to try them all")
	}
	if r.Partial {
		add("?", yellow, "and more: the policies have too many patterns to compare them all")
	}
	for _, policy := range r.Gives {
		add("?", yellow, policy+" was not read, and may give more")
		settle(policy)
	}
	for _, policy := range r.Limits {
		add("?", yellow, limitName(r, policy)+" was not read, and may leave less")
		settle(policy)
	}
	if bound := r.Policies.Boundary; bound != nil && bound.Policy != nil {
		add("·", plain, "no more than "+limitName(r, bound.Name)+" lets through")
	}
	for _, s := range r.Policies.Session {
		if s.Policy != nil {
			add("·", plain, "no more than the "+s.Name+" lets through"+at(r.Places[s.Name]))
		}
	}
	switch {
	case r.Refused != "":
		b.after = append(b.after, "note: "+r.Refused+": its pods get none of this; atlas-iam plan shows what the trust policy lacks")
	case r.Missing != "":
		b.after = append(b.after, "note: "+r.Missing)
	case len(r.May) == 0 && !r.Open():
		b.lines = slices.Insert(b.lines, 0, branch{"-", red, "no policy of the role allows anything"})
	}
	return b, shortened
}

// limitName names a boundary as one.
func limitName(r *question.Rights, policy string) string {
	if b := r.Policies.Boundary; b != nil && b.Name == policy {
		return "permissions boundary " + policy
	}
	return policy
}

type rightJSON struct {
	Actions   []access.PatternSet `json:"actions"`
	Resources []access.PatternSet `json:"resources"`
	When      string              `json:"when,omitempty"`
	Text      string              `json:"text"`
}

type unreadPolicyJSON struct {
	Policy string `json:"policy"`
	Does   string `json:"does"` // gives, limits
	Settle string `json:"settle,omitempty"`
}

type workloadRightsJSON struct {
	clusterJSON
	Who             string             `json:"who"`
	Role            string             `json:"role"`
	ServiceAccounts []string           `json:"serviceAccounts"`
	Missing         string             `json:"missing,omitempty"`
	May             []rightJSON        `json:"may"`
	Denied          []rightJSON        `json:"denied"`
	Unclear         []rightJSON        `json:"unclear,omitempty"`
	Partial         bool               `json:"partial,omitempty"`
	Boundary        string             `json:"boundary,omitempty"` // ARN
	Session         bool               `json:"sessionPolicy,omitempty"`
	Unread          []unreadPolicyJSON `json:"unread,omitempty"`
}

func rightsJSON(rights []iam.Right) []rightJSON {
	out := []rightJSON{}
	for _, r := range rights {
		out = append(out, rightJSON{r.Actions, r.Resources, r.When, r.String()})
	}
	return out
}

func workloadRights(rights []question.Rights) []workloadRightsJSON {
	var out []workloadRightsJSON
	for i := range rights {
		r := &rights[i]
		j := workloadRightsJSON{clusterJSON: clusterJSON{r.Document, r.Cluster}, Who: r.Who.String(), Role: r.Role, ServiceAccounts: r.Accounts,
			Missing: r.Missing, May: rightsJSON(r.May), Denied: rightsJSON(r.Denied), Partial: r.Partial, Session: len(r.Policies.Session) > 0}
		if len(r.Unclear) > 0 {
			j.Unclear = rightsJSON(r.Unclear)
		}
		if b := r.Policies.Boundary; b != nil {
			j.Boundary = b.Name
		}
		for does, policies := range map[string][]string{"gives": r.Gives, "limits": r.Limits} {
			for _, p := range policies {
				j.Unread = append(j.Unread, unreadPolicyJSON{p, does, r.Settle[p]})
			}
		}
		slices.SortFunc(j.Unread, func(a, b unreadPolicyJSON) int { return strings.Compare(a.Does+a.Policy, b.Does+b.Policy) })
		out = append(out, j)
	}
	return out
}
