package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/question"
)

// holderRow is a holder as it is written, folded over clusters.
type holderRow struct {
	who, teams, via, source string
	clusters                []string
	own                     bool // Kubernetes' own
}

// holderRows leaves out groups whose people are rows themselves, unless all is
// to be told.
func holderRows(on []question.HoldersOn, o Options, of func(*question.HoldersOn) []question.Holder) []*holderRow {
	var rows []*holderRow
	index := map[string]*holderRow{}
	for n := range on {
		c := &on[n]
		list := of(c)
		for i := range list {
			h := &list[i]
			if h.Peopled && !o.Verbose {
				continue
			}
			r := &holderRow{who: question.HolderName(&h.Holder, c.Cluster.Facts.Cluster), own: h.KubernetesOwn()}
			r.teams = access.TeamWords(slices.Concat(h.Teams, h.OtherWorkloads()))
			r.via, r.source = viaShort(h)
			key := fmt.Sprint(r.who, "|", r.teams, "|", r.via, "|", r.source)
			if index[key] == nil {
				index[key] = r
				rows = append(rows, r)
			}
			index[key].clusters = append(index[key].clusters, c.Cluster.Facts.Name)
		}
	}
	slices.SortStableFunc(rows, func(a, b *holderRow) int {
		if a.own != b.own { // people first
			if a.own {
				return 1
			}
			return -1
		}
		return strings.Compare(a.who, b.who)
	})
	return rows
}

// viaShort is the first reason of a holder, and how many more there are.
func viaShort(h *question.Holder) (via, source string) {
	more := len(h.Why.Reasons) + len(h.Why.Unknown) - 1
	switch {
	case h.Route != "":
		return routeWords(h.Route), ""
	case len(h.Why.Reasons) > 0:
		first := &h.Why.Reasons[0]
		via, source = reasonWords(*first), sourceWords(first.Sources)
		if m := sourceWords(first.Members); m != "" && source != "" {
			source += ", member by " + m
		}
	case len(h.Why.Unknown) > 0:
		via = unknownWords(h.Why.Unknown[0])
	}
	if more > 0 {
		via += fmt.Sprintf(" (and %d more)", more)
	}
	return via, source
}

// Holders writes who may do something: those who certainly may, and apart from
// them those who may if what is not known is so.
func Holders(w io.Writer, asked question.Asked, on []question.HoldersOn, alone bool, o Options) error {
	t := textWriter{color: o.Color}
	for _, n := range asked.Notes {
		t.line(Safe("note: " + n))
	}
	certain := holderRows(on, o, func(c *question.HoldersOn) []question.Holder { return c.Certain })
	possible := holderRows(on, o, func(c *question.HoldersOn) []question.Holder { return c.Possible })
	indirect := holderRows(on, o, func(c *question.HoldersOn) []question.Holder { return c.Indirect })
	certain, own := withoutOwn(certain, o)
	indirect, ownIndirect := withoutOwn(indirect, o)
	if len(certain) == 0 {
		t.line(Safe("nobody certainly can " + asked.String()))
	} else {
		t.line(t.paint(bold, Safe("can "+asked.String())))
		t.holders(certain, green, "+", len(on))
	}
	if own += ownIndirect; own > 0 && !o.Quiet {
		t.line(fmt.Sprintf("  and %s of Kubernetes' own, as on every cluster (-v names them)", count(own, "user, group or ServiceAccount", "users, groups and ServiceAccounts")))
	}
	if len(possible) > 0 {
		t.title("perhaps")
		t.holders(possible, yellow, "?", len(on))
	}
	if len(indirect) > 0 && !o.Quiet {
		t.title("cannot, and can come to it")
		t.holders(indirect, yellow, "!", len(on))
	}
	if some := elsewhereRows(on); len(some) > 0 && !o.Quiet {
		t.title("only in some namespaces (-n NAMESPACE asks of one)")
		t.holders(some, plain, "~", len(on))
	}
	t.open(on)
	if alone && !o.Quiet {
		t.line("")
		t.line(Safe(basisWords()))
	}
	return t.flush(w)
}

// withoutOwn leaves out and counts Kubernetes' own holders, unless all are to be
// named.
func withoutOwn(rows []*holderRow, o Options) (left []*holderRow, own int) {
	for _, r := range rows {
		if r.own && !o.Verbose {
			own++
		} else {
			left = append(left, r)
		}
	}
	return left, own
}

func (t *textWriter) holders(rows []*holderRow, c colour, sign string, clusters int) {
	var widths [4]int
	cells := make([][4]string, len(rows))
	for i, r := range rows {
		on := few(r.clusters, shownPeople)
		if len(r.clusters) == clusters && clusters > 1 {
			on = fmt.Sprintf("all %d clusters", clusters)
		}
		cells[i] = [4]string{Safe(r.who), Safe(r.teams), Safe(r.via), Safe(on)}
		for j, cell := range cells[i] {
			if n := utf8.RuneCountInString(cell); n <= maxColumn {
				widths[j] = max(widths[j], n)
			}
		}
	}
	for i, r := range rows {
		s := ""
		for j, cell := range cells[i] {
			if widths[j] > 0 || cell != "" {
				s += pad(cell, widths[j]) + "   "
			}
		}
		t.line("  " + t.paint(c, sign) + " " + strings.TrimRight(s+Safe(r.source), " "))
	}
}

// elsewhereRows are those who may only in some namespaces, folded over clusters.
func elsewhereRows(on []question.HoldersOn) []*holderRow {
	var rows []*holderRow
	index := map[string]*holderRow{}
	for n := range on {
		c := &on[n]
		for i := range c.Elsewhere {
			e := &c.Elsewhere[i]
			r := &holderRow{who: question.HolderName(&e.Holder, c.Cluster.Facts.Cluster), via: "in " + few(e.In, shownPeople)}
			if len(e.Teams) > 0 {
				r.teams = access.TeamWords(e.Teams)
			}
			key := fmt.Sprint(r.who, "|", r.teams, "|", r.via)
			if index[key] == nil {
				index[key] = r
				rows = append(rows, r)
			}
			index[key].clusters = append(index[key].clusters, c.Cluster.Facts.Name)
		}
	}
	slices.SortStableFunc(rows, func(a, b *holderRow) int { return strings.Compare(a.who, b.who) })
	return rows
}

// routeWords says how one comes to what one may not.
func routeWords(r authz.Route) string {
	switch r {
	case authz.ByImpersonation:
		return "by impersonating somebody who can"
	case authz.ByBind:
		return "by binding a role that can"
	case authz.ByEscalate:
		return "by writing a role that can"
	}
	return "by " + string(r)
}

// open says what was not read, who may be among it, and what would settle it.
func (t *textWriter) open(on []question.HoldersOn) {
	var lines []string
	add := func(l string) {
		if !slices.Contains(lines, l) {
			lines = append(lines, l)
		}
	}
	for i := range on {
		c := &on[i]
		for _, u := range c.Unknown {
			add("there may be others on " + c.Cluster.Facts.Name + ": " + unknownWords(u))
			add("to settle it: " + u.Settle)
		}
		for k := range c.Possible {
			for _, u := range c.Possible[k].Why.Unknown {
				add("to settle it: " + u.Settle)
			}
		}
	}
	if len(lines) > 0 {
		t.line("")
	}
	for _, l := range lines {
		t.line(Safe(l))
	}
}

type holderJSON struct {
	Who       string           `json:"who"`
	Kind      authz.HolderKind `json:"kind"`
	Principal string           `json:"principal,omitempty"`
	Username  string           `json:"username,omitempty"`
	Teams     []string         `json:"teams,omitempty"`
	Workloads []string         `json:"workloads,omitempty"` // whose role or ServiceAccount it is
	Route     authz.Route      `json:"route,omitempty"`
	Reasons   []reasonJSON     `json:"reasons"`
	Unknown   []unknownJSON    `json:"unknown,omitempty"`
}

type holdersJSON struct {
	clusterJSON
	Certain   []holderJSON    `json:"certain"`
	Possible  []holderJSON    `json:"possible"`
	Indirect  []holderJSON    `json:"indirect"`
	Unknown   []unknownJSON   `json:"unknown,omitempty"`   // what was not read and could name others
	Elsewhere []elsewhereJSON `json:"elsewhere,omitempty"` // who may only in some namespaces
}

type elsewhereJSON struct {
	Who   string           `json:"who"`
	Kind  authz.HolderKind `json:"kind"`
	Teams []string         `json:"teams,omitempty"`
	In    []string         `json:"in"`
}

// HoldersJSON writes who may do something for programs.
func HoldersJSON(w io.Writer, a question.Asked, on []question.HoldersOn, alone bool) error {
	out := struct {
		Version  int           `json:"version"`
		Asked    askedJSON     `json:"asked"`
		Basis    string        `json:"basis"`
		Notes    []string      `json:"notes,omitempty"`
		Clusters []holdersJSON `json:"clusters"`
	}{1, asked(a), basis(alone), a.Notes, []holdersJSON{}}
	list := func(hs []question.Holder, k access.ClusterKey) []holderJSON {
		js := []holderJSON{}
		for i := range hs {
			h := &hs[i]
			js = append(js, holderJSON{Who: question.HolderName(&h.Holder, k), Kind: h.Kind, Principal: h.Identity.Principal, Username: h.Identity.Username,
				Teams: h.Teams, Workloads: h.Workloads, Route: h.Route, Reasons: reasonsJSON(h.Why.Reasons), Unknown: unknownsJSON(h.Why.Unknown)})
		}
		return js
	}
	for i := range on {
		c := &on[i]
		k := c.Cluster.Facts.Cluster
		j := holdersJSON{clusterJSON: clusterOf(c.Cluster), Certain: list(c.Certain, k), Possible: list(c.Possible, k), Indirect: list(c.Indirect, k), Unknown: unknownsJSON(c.Unknown)}
		for n := range c.Elsewhere {
			e := &c.Elsewhere[n]
			j.Elsewhere = append(j.Elsewhere, elsewhereJSON{question.HolderName(&e.Holder, k), e.Kind, e.Teams, e.In})
		}
		out.Clusters = append(out.Clusters, j)
	}
	return writeJSON(w, out)
}
