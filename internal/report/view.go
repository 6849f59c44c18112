package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// Options are how a reader wants a plan shown. They never change what it says.
type Options struct {
	Verbose bool // nothing folded, every change listed
	Quiet   bool // only the counts and what is held
	Color   bool
	// Guards are the rule book, to say how a hold is overridden or what to do
	// instead.
	Guards []plan.Guard
	// Documents are the names that documents give to clusters, so that what is
	// not ours is named as adopt takes it.
	Documents map[access.ClusterKey]string
	// Teams are the clusters on which the documents have a team, of those that the
	// run looked at: where it changes nothing they have what they say. nil: not
	// known, as of a saved plan.
	Teams map[string][]access.ClusterKey
	// Next is the command to run next, if there is one.
	Next string
	// Saved tells that the plan was saved: where something moved it fails again.
	Saved bool
}

// view is a plan sorted into what a reader asks first. Its texts are not yet
// escaped; text and markdown do that when they write them.
type view struct {
	header              string
	lost, gained        []accessRow
	untold              []accessRow
	adoptable, held     []noteRow
	claimed             []noteRow // as wanted, and somebody else's
	with                []noteRow // what goes with access that is lost
	other, warnings     []noteRow
	foreign, gaps       []noteRow
	undocumented        []noteRow
	changes             []noteRow // all of them, in order; only when verbose
	counts, nothingToDo string
	heldBy              string // what is lost and gained would be, but for this guard
}

// heldWords say why nothing of a plan is made that has something to make.
const heldWords = "an access test fails, so nothing is made"

// titleOf is the title of what is lost or gained.
func (v *view) titleOf(what string) string {
	if v.heldBy != "" {
		return "Access that would be " + what + " (" + heldWords + ")"
	}
	return "Access " + what
}

// noteRow is one line about an object: what, why, where from. more are lines to
// be written beneath it, parted by line breaks.
type noteRow struct{ what, on, why, source, more string }

// look sorts a plan for its reader.
func look(p *plan.Plan, o Options) view {
	v := view{header: header(p)}
	v.access(p, o)
	v.held = heldRows(p, o)
	v.with, v.other = otherRows(p)
	for _, f := range p.Foreign {
		row := noteRow{what: foreignName(f, o.Documents), why: f.Owner}
		switch {
		case f.Adoptable && !f.Free():
			row.why += ": " + f.Release(row.what)
			v.claimed = append(v.claimed, row)
		case f.Adoptable:
			v.adoptable = append(v.adoptable, row)
		case o.Verbose || f.Wanted:
			v.foreign = append(v.foreign, row)
		}
	}
	for _, w := range p.Warnings {
		if saidByHold(p, w) {
			continue
		}
		row := noteRow{what: w.Slug, source: placeOf(w.Source)}
		row.why, row.more = reasonLines(w.Slug, w.Text)
		if o.Verbose || !slices.Contains(v.warnings, row) { // said once, though of several people
			v.warnings = append(v.warnings, row)
		}
	}
	v.gaps = append(notCounted(p), gapRows(p.Gaps, o.Verbose)...)
	if o.Verbose {
		for _, c := range p.Changes {
			why := string(c.Verb)
			if len(c.Held) > 0 {
				why = "held"
			}
			v.changes = append(v.changes, noteRow{what: Describe(c), on: clusterName(c.Document, c.Cluster), why: why + " " + c.ID, source: placeOf(c.Source)})
		}
	}
	v.counts = counts(p)
	for _, k := range p.Undocumented {
		if o.Verbose {
			v.undocumented = append(v.undocumented, noteRow{what: k.Name, why: "account " + k.Account + ", " + k.Region})
		}
	}
	if len(p.Changes) == 0 {
		v.nothingToDo = nothingToDo(p, len(v.adoptable)+len(v.claimed)+len(v.foreign), o.Verbose)
	}
	return v
}

// notCounted are the lines of aws-auth that nobody read and that the plan
// overrides: what is lost and gained by it is in no other row.
func notCounted(p *plan.Plan) []noteRow {
	if p.Access == nil {
		return nil
	}
	names := map[access.ClusterKey]string{}
	for _, c := range p.Changes {
		names[c.Cluster] = clusterName(c.Document, c.Cluster)
	}
	var rows []noteRow
	for _, n := range p.Access.NotCounted {
		gap := slices.ContainsFunc(p.Gaps, func(g access.Gap) bool { return g.Reason == n.Why }) // it says so itself
		if n.Part == "aws-auth" && !gap {
			rows = append(rows, noteRow{what: "aws-auth", on: cmp.Or(names[n.Cluster], n.Cluster.Name), why: n.Why})
		}
	}
	return foldNotes(rows)
}

// nothingToDo is the one line of a plan without changes. Of what is foreign and
// of clusters without a document it gives the counts, for they are why a plan
// may say nothing of what one looks for; shown is how many are named above it.
func nothingToDo(p *plan.Plan, shown int, verbose bool) string {
	read := []string{count(p.Read.Entries, "entry", "entries"), count(p.Read.Associations, "association", "associations")}
	if n := p.Read.Bindings; n > 0 {
		read = append(read, count(n, "binding", "bindings"))
	}
	if n := p.Read.PodIdentities; n > 0 {
		read = append(read, count(n, "Pod Identity association", "Pod Identity associations"))
	}
	if n := p.Read.Roles; n > 0 {
		read = append(read, count(n, "role", "roles"))
	}
	words := strings.Join(read, ", ")
	line := fmt.Sprintf("No changes. %s, %s read, %s", strings.ToUpper(words[:1])+words[1:],
		count(p.Read.Clusters, "cluster", "clusters"), count(len(p.Gaps), "gap", "gaps"))
	var more []string
	if n := len(p.Foreign) - shown; n > 0 {
		more = append(more, fmt.Sprintf("%d foreign", n))
	}
	if n := len(p.Undocumented); n > 0 {
		more = append(more, count(n, "cluster", "clusters")+" without a document")
	}
	if len(more) > 0 {
		line += ", " + strings.Join(more, ", ")
		if !verbose {
			line += " (-v names them)"
		}
	}
	line += "."
	if p.Part != nil {
		line += " Only " + partWords(p.Part) + " was looked at."
	}
	return line
}

// access sorts what is lost, gained and not known into rows: as it was decided,
// or where nobody has, as the changes ask for it.
func (v *view) access(p *plan.Plan, o Options) {
	a := p.Access
	if a == nil {
		a = &plan.Access{}
		for _, c := range p.Changes {
			if len(c.Held) == 0 {
				split(c.Lost, &a.Lost, &a.MaybeLost)
				split(c.Gained, &a.Gained, &a.MaybeGained)
			}
		}
	}
	v.heldBy = a.HeldBy
	v.lost = accessRows(a.Lost, o.Verbose, "", a.Sets...)
	v.gained = accessRows(a.Gained, o.Verbose, "", a.Sets...)
	v.untold = slices.Concat(accessRows(a.MaybeLost, o.Verbose, "would be taken", a.Sets...),
		accessRows(a.MaybeGained, o.Verbose, "would be given", a.Sets...), accessRows(a.Unknown, o.Verbose, "may be given or taken", a.Sets...))
}

// split puts grants of policies whose rules nobody can read apart.
func split(from []plan.Grant, told, untold *[]plan.Grant) {
	for _, g := range from {
		p, known := access.PolicyNamed(g.Policy)
		if g.Policy != "" && (!known || !p.Published) {
			*untold = append(*untold, g)
			continue
		}
		*told = append(*told, g)
	}
}

func header(p *plan.Plan) string {
	parts := []string{"environment " + p.Owner.Environment}
	for _, a := range p.Accounts {
		parts = append(parts, fmt.Sprintf("account %s (%s) %s", a.Account.ID, a.Account.Name, strings.Join(a.Account.Regions, ", ")))
	}
	if len(p.Accounts) > 3 {
		parts = []string{parts[0], fmt.Sprintf("%d accounts", len(p.Accounts))}
	}
	read := count(p.Read.Clusters, "cluster", "clusters") + " read, " + count(len(p.Gaps), "gap", "gaps")
	if p.Part != nil {
		read += ", only " + partWords(p.Part)
	}
	parts = append(parts, read)
	if let := p.Allowance(); len(let) > 0 {
		parts = append(parts, strings.Join(let, " "))
	}
	return strings.Join(parts, "   ")
}

func partWords(p *access.Part) string {
	var words []string
	for _, k := range p.Clusters {
		words = append(words, "cluster "+k.Name)
	}
	return strings.Join(append(words, p.Only...), ", ")
}

// otherRows are the changes without an effect on access: modes, tags, entries
// that give nothing by themselves, policies that give nothing beyond what
// others do. The entry of a principal whose access is shown as gained or lost
// goes without saying, and so does each policy that a row names. with are those
// that go with access that is lost: ServiceAccounts and managed policies of
// workloads.
func otherRows(p *plan.Plan) (with, other []noteRow) {
	type subject struct {
		cluster   access.ClusterKey
		principal string // empty: any
		what      string // a policy or role; empty: any
	}
	said := map[subject]bool{}
	say := func(lists ...[]plan.Grant) {
		for _, list := range lists {
			for _, g := range list {
				said[subject{g.Cluster, g.Principal, ""}] = true
				said[subject{g.Cluster, g.Principal, g.Policy}] = true
				said[subject{g.Cluster, "", g.Role.String()}] = true
			}
		}
	}
	if a := p.Access; a != nil {
		say(a.Gained, a.Lost, a.MaybeGained, a.MaybeLost, a.Unknown)
	} else {
		for _, c := range p.Changes {
			if len(c.Held) == 0 {
				say(c.Gained, c.Lost)
			}
		}
	}
	workloads, losses := saidOfWorkloads{}, saidOfWorkloads{}
	if a := p.Access; a != nil {
		workloads.say(a.Gained, a.Lost, a.MaybeGained, a.MaybeLost, a.Unknown)
		losses.say(a.Lost, a.MaybeLost)
	}
	for _, c := range p.Changes {
		if workloads.has(&c) {
			continue
		}
		of := subject{c.Cluster, c.Principal, ""}
		if len(c.Held) > 0 || c.Kind == plan.AccessEntry && said[of] && !onlyTags(c) {
			continue
		}
		row := noteRow{what: Describe(c), on: clusterName(c.Document, c.Cluster), source: placeOf(c.Source)}
		switch c.Kind {
		case plan.PolicyAssociation, plan.RoleBinding, plan.ClusterRoleBinding:
			if of.what = given(c); said[of] {
				continue
			}
			row.why = "adds nothing to other rights"
			if c.Verb == plan.Delete {
				row.why = "other rights give the same"
			}
		}
		if detaches(&c) {
			row.why = "which no document names"
		}
		if losses.with(&c) {
			with = append(with, row)
		} else {
			other = append(other, row)
		}
	}
	return foldNotes(with), foldNotes(other)
}

// given is the policy or the role that a change gives or takes.
func given(c plan.Change) string {
	for _, o := range []plan.Object{c.To, c.From} {
		switch o := o.(type) {
		case plan.Association:
			return o.Policy
		case plan.Binding:
			return o.Role.String()
		}
	}
	return ""
}

// foldNotes makes one row of those that say the same of several clusters.
func foldNotes(rows []noteRow) []noteRow {
	type same struct{ what, why string }
	at := map[same]int{}
	on := map[same][]string{}
	var out []noteRow
	for _, r := range rows {
		k := same{r.what, r.why}
		if _, ok := at[k]; !ok {
			at[k] = len(out)
			out = append(out, r)
		}
		on[k] = append(on[k], r.on)
	}
	for i, r := range out {
		out[i].on = severalClusters(on[same{r.what, r.why}])
	}
	return out
}

// foreignName is the name under which adopt takes an object.
func foreignName(f plan.Foreign, documents map[access.ClusterKey]string) string {
	if f.Kind == plan.AccessEntry {
		return "entry/" + cmp.Or(documents[f.Cluster], f.Cluster.String()) + "/" + f.Name
	}
	if f.Kind == plan.RoleBinding || f.Kind == plan.ClusterRoleBinding {
		return strings.ToLower(string(f.Kind)) + "/" + cmp.Or(documents[f.Cluster], f.Cluster.String()) + "/" + f.Name
	}
	switch f.Kind {
	case plan.Role:
		return "role/" + f.Cluster.Account + "/" + access.RoleName(f.Name)
	case plan.PodIdentityAssociation:
		return "association/" + cmp.Or(documents[f.Cluster], f.Cluster.String()) + "/" + f.Name
	}
	return kindWord(f.Kind) + " " + f.Name
}

func placeOf(p access.Place) string {
	if p.File == "" {
		return ""
	}
	return place(p)
}

func counts(p *plan.Plan) string {
	n := p.Summary()
	for i := range p.Foreign {
		if f := &p.Foreign[i]; f.Adoptable && !f.Free() {
			n.Adoptable-- // others would have to let go of it first
		}
	}
	parts := []string{fmt.Sprintf("%d to create, %d to update", n.Create, n.Update)}
	for _, more := range []struct {
		n    int
		word string
		say  bool
	}{{n.Replace, "to replace", n.Replace > 0}, {n.Delete, "to delete", true}, {n.Held, "held", n.Held > 0},
		{n.Adoptable, "adoptable", n.Adoptable > 0}, {n.Foreign - n.Adoptable, "foreign", n.Foreign > n.Adoptable}} {
		if more.say {
			parts = append(parts, fmt.Sprintf("%d %s", more.n, more.word))
		}
	}
	return strings.Join(parts, ", ") + "."
}
