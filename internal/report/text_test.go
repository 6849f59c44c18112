package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

var update = flag.Bool("update", false, "write the golden files anew")

const account = "492000000148"

func cluster(name string) access.ClusterKey {
	return access.ClusterKey{Account: account, Region: "us-east-1", Name: "atlas-eks-" + name}
}

func policy(short string) string {
	p, ok := access.PolicyNamed(short)
	if !ok {
		return "arn:aws:eks::aws:cluster-access-policy/" + short
	}
	return p.ARN("aws")
}

// grant is a grant of a policy to a user as a member of a team.
func grant(cl, team, user, pol string, scope access.Scope, at int) plan.Grant {
	g := plan.Grant{Cluster: cluster(cl), Document: cl, Principal: "arn:aws:iam::" + account + ":user/" + user,
		Member: "user/" + user, Policy: policy(pol), Scope: scope, Source: access.Place{File: "teams/" + team + ".yaml", Line: at, Column: 7}}
	if team != "" {
		g.Teams = []string{team}
	}
	if p, ok := access.PolicyNamed(pol); ok {
		g.Risks = p.Risks
	}
	if scope.Cluster {
		g.Risks = slices.Concat(g.Risks, []access.Risk{access.RiskWholeCluster})
	}
	return g
}

// associate is the change that gives, or with lost takes, a grant.
func associate(g plan.Grant, lost bool) plan.Change {
	a := plan.Association{Principal: g.Principal, Association: access.Association{Policy: g.Policy, Scope: g.Scope}}
	c := plan.Change{ID: "PolicyAssociation/" + g.Document + "/" + g.Member + "/" + access.ShortPolicy(g.Policy), Kind: plan.PolicyAssociation,
		Cluster: g.Cluster, Document: g.Document, Principal: g.Principal, Member: g.Member, Teams: g.Teams, Source: g.Source}
	if lost {
		c.Verb, c.From, c.Lost = plan.Delete, a, []plan.Grant{g}
	} else {
		c.Verb, c.To, c.Gained = plan.Create, a, []plan.Grant{g}
	}
	return c
}

func emptyPlan() *plan.Plan {
	return &plan.Plan{
		Owner:    access.Owner{Environment: "ops", ID: "k7f3c9a1"},
		Accounts: []access.HaveAccount{{Account: access.Account{Name: "main", ID: account, Partition: "aws", Regions: []string{"us-east-1"}}}},
		Read:     plan.Counts{Clusters: 3, Entries: 14, Associations: 9},
	}
}

// fullPlan has something in every section.
func fullPlan() *plan.Plan {
	p := emptyPlan()
	for _, cl := range []string{"test", "prod", "stage"} {
		for _, who := range []string{"oleksii", "anna", "yuri"} {
			p.Changes = append(p.Changes, associate(grant(cl, "backend", who, "Edit", access.NamespaceScope("*session-notes*", "*backend*"), 14), false))
		}
	}
	p.Changes = append(p.Changes,
		associate(grant("test", "qa", "vira", "Edit", access.NamespaceScope("*qa*"), 9), true),
		associate(grant("test", "ops", "petro", "ClusterAdmin", access.ClusterScope(), 3), false),
		associate(grant("test", "ops", "petro", "ACK", access.ClusterScope(), 4), false),
		plan.Change{ID: "AuthenticationMode/prod", Verb: plan.Update, Kind: plan.AuthenticationMode, Cluster: cluster("prod"), Document: "prod",
			From: plan.Mode{AuthenticationMode: access.ModeConfigMap}, To: plan.Mode{AuthenticationMode: access.ModeAPIAndConfigMap},
			Source: access.Place{File: "clusters.yaml", Line: 8, Column: 3}},
	)
	held := associate(grant("prod", "", "tf-admin", "ClusterAdmin", access.ClusterScope(), 8), true)
	held.Held = []plan.Hold{{Guard: "last-admin", Reason: "nobody else administers prod"}}
	p.Changes = append(p.Changes, held)
	for i := range 5 {
		c := associate(grant("old", "", fmt.Sprintf("gone%d", i), "View", access.NamespaceScope("*"), 1), true)
		c.Held = []plan.Hold{{Guard: "foreign", Reason: "owned by tag created-by=terraform"}}
		p.Changes = append(p.Changes, c)
	}
	p.Foreign = []plan.Foreign{
		{Kind: plan.AccessEntry, Cluster: cluster("test"), Name: "arn:aws:iam::" + account + ":role/ci", Owner: "tag created-by=terraform", Wanted: true, Adoptable: true},
		{Kind: plan.AccessEntry, Cluster: cluster("test"), Name: "arn:aws:iam::" + account + ":role/node", Owner: "Amazon EKS"},
	}
	p.Gaps = []access.Gap{{What: access.GapRoles, Account: account, Reason: "AccessDenied: iam:ListRoles"}}
	p.Warnings = []plan.Warning{{Slug: "whole-cluster", Text: "Edit on the whole cluster reads every Secret", Source: access.Place{File: "teams/ops.yaml", Line: 3}}}
	return p
}

// decidedPlan is fullPlan with what it comes to.
func decidedPlan() *plan.Plan {
	p := fullPlan()
	said := func(g plan.Grant, what, where string, risks ...access.Risk) plan.Grant {
		g.What, g.Where, g.Risks = what, where, risks
		return g
	}
	edit := access.NamespaceScope("*backend*")
	a := &plan.Access{}
	for _, cl := range []string{"test", "prod"} {
		a.Gained = append(a.Gained, said(grant(cl, "", "oleksii", "Edit", edit, 7), "delete secrets", "*backend*"))
		for _, who := range []string{"anna", "yuri"} {
			a.Gained = append(a.Gained, said(grant(cl, "backend", who, "Edit", edit, 14), "Edit", "*backend* outside *qa* (e.g. backend)", access.RiskSecrets, access.RiskExec))
		}
		a.Lost = append(a.Lost, said(grant(cl, "qa", "vira", "Edit", edit, 9), "Edit minus View", "*qa*", access.RiskSecrets))
	}
	implied := said(grant("test", "qa", "vira", "View", edit, 9), "implied", "not shown")
	implied.Implied = true
	a.Lost = append(a.Lost, implied)
	ack := said(grant("test", "ops", "petro", "ACK", access.ClusterScope(), 4), "ACK", "whole cluster", access.RiskWholeCluster)
	ack.Unclear = []plan.Unclear{{Why: "AWS does not publish the rules of AmazonEKSACKPolicy", Settle: "ask"}}
	a.MaybeGained, a.MaybeLost, a.Unknown = []plan.Grant{ack}, []plan.Grant{ack}, []plan.Grant{ack}
	p.Access = a
	return p
}

// shows: item S72
// A comment that is too long is refused, so what is least needed goes, and the
// comment says what.
func TestMarkdownFitsAComment(t *testing.T) {
	for name, c := range map[string]struct {
		lost, gained, held, foreign int
		want, not                   string
	}{
		"all fits":                 {3, 3, 3, 3, "### Access lost", "Left out"},
		"the details go first":     {3, 30, 3, 1500, "rows of Not ours.**", "rows of Held"},
		"then what is held":        {300, 30, 1500, 50, "50 of 50 rows of Not ours", "rows of Access"},
		"then what is gained":      {100, 2000, 40, 40, "rows of Access gained", "rows of Access lost"},
		"what is lost comes last":  {2000, 40, 40, 40, "40 of 40 rows of Access gained", "### Access gained"},
		"what is lost alone stays": {350, 2000, 2000, 2000, "| user/lost349 |", "rows of Access lost"},
	} {
		t.Run(name, func(t *testing.T) {
			p := emptyPlan()
			p.Access = &plan.Access{}
			add := func(list *[]plan.Grant, word string, n int) {
				for i := range n {
					g := grant("test", "", fmt.Sprint(word, i), "Edit", access.NamespaceScope("*qa*"), i)
					g.What, g.Where = fmt.Sprint("Edit ", i), "*qa*"
					*list = append(*list, g)
				}
			}
			add(&p.Access.Lost, "lost", c.lost)
			add(&p.Access.Gained, "gained", c.gained)
			for i := range c.held {
				h := associate(grant("test", "", fmt.Sprint("held", i), "Edit", access.NamespaceScope("*qa*"), i), true)
				h.Held = []plan.Hold{{Guard: "x", Reason: fmt.Sprint("because ", i)}}
				p.Changes = append(p.Changes, h)
			}
			for i := range c.foreign {
				p.Foreign = append(p.Foreign, plan.Foreign{Kind: plan.AccessEntry, Cluster: cluster("test"), Name: "arn:aws:iam::" + account + ":role/" + fmt.Sprint("node", i), Owner: "Amazon EKS", Wanted: true})
			}
			var b bytes.Buffer
			if err := Markdown(&b, p, Options{}); err != nil {
				t.Fatal(err)
			}
			got := b.String()
			if n := utf8.RuneCountInString(got); n > MarkdownLimit || c.want != "### Access lost" && n < MarkdownLimit*9/10 {
				t.Errorf("%d characters", n)
			}
			if !strings.HasPrefix(got, "<!-- atlas-iam:ops -->\n**environment ops:** ") || !strings.HasSuffix(got, "no gaps\n") {
				t.Errorf("begins %.60q, ends %q", got, got[len(got)-40:])
			}
			if !strings.Contains(got, c.want) || strings.Contains(got, c.not) {
				i := strings.Index(got, "Left out")
				t.Errorf("want %q and not %q: %s", c.want, c.not, got[max(i, 0):min(max(i, 0)+300, len(got))])
			}
			if strings.Count(got, "<details>") != strings.Count(got, "</details>") {
				t.Error("a fold is open")
			}
		})
	}
}

func guards() []plan.Guard {
	return []plan.Guard{{Slug: "last-admin"}, {Slug: "foreign", Fixed: true, Instead: "atlas-iam adopt takes it over"}}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-update writes it anew):\n%s", file, diff)
	}
}

// shows: item S24
func TestPlansReadAsTheirGoldenFiles(t *testing.T) {
	type form func(*bytes.Buffer, *plan.Plan, Options) error
	text := func(b *bytes.Buffer, p *plan.Plan, o Options) error { return Text(b, p, o) }
	md := func(b *bytes.Buffer, p *plan.Plan, o Options) error { return Markdown(b, p, o) }
	for file, c := range map[string]struct {
		form form
		plan *plan.Plan
		o    Options
	}{
		"full.txt":    {text, fullPlan(), Options{Guards: guards(), Next: "atlas-iam apply"}},
		"verbose.txt": {text, fullPlan(), Options{Guards: guards(), Verbose: true}},
		"quiet.txt":   {text, fullPlan(), Options{Guards: guards(), Quiet: true}},
		"colour.txt":  {text, fullPlan(), Options{Guards: guards(), Color: true}},
		"decided.txt": {text, decidedPlan(), Options{Guards: guards(), Next: "atlas-iam apply"}},
		"decided.md":  {md, decidedPlan(), Options{Guards: guards()}},
		"nothing.txt": {text, emptyPlan(), Options{}},
		"full.md":     {md, fullPlan(), Options{Guards: guards()}},
		"nothing.md":  {md, emptyPlan(), Options{}},
	} {
		t.Run(file, func(t *testing.T) {
			var b bytes.Buffer
			if err := c.form(&b, c.plan, c.o); err != nil {
				t.Fatal(err)
			}
			golden(t, file, b.Bytes())
		})
	}
}

// -q hid that there are warnings.
func TestQuietlyWarningsAreCounted(t *testing.T) {
	warning := func(texts ...string) []plan.Warning {
		var out []plan.Warning
		for _, s := range texts {
			out = append(out, plan.Warning{Slug: "trust", Text: s})
		}
		return out
	}
	const nothing = "No changes. 14 entries, 9 associations, 3 clusters read, no gaps."
	for _, c := range []struct {
		plan     *plan.Plan
		warnings []plan.Warning
		quiet    bool
		ends     string
	}{
		{emptyPlan(), warning("open"), true, nothing + " 1 warning, told without -q.\n"},
		{emptyPlan(), warning("open", "wide", "open"), true, nothing + " 2 warnings, told without -q.\n"},
		{emptyPlan(), nil, true, nothing + "\n"},
		{emptyPlan(), warning("open"), false, "! trust   open\n\n" + nothing + "\n"},
		{decidedPlan(), warning("open"), true, " 1 warning, told without -q.\n"},
		{decidedPlan(), warning("open"), false, " 1 foreign.\n"},
	} {
		c.plan.Warnings = c.warnings
		var b bytes.Buffer
		if err := Text(&b, c.plan, Options{Quiet: c.quiet}); err != nil || !strings.HasSuffix(b.String(), c.ends) || c.quiet && strings.Contains(b.String(), "trust") {
			t.Errorf("%v\n%s\nwant %q", err, b.String(), c.ends)
		}
	}
}

func TestAPlanWithNothingToDoIsOneLine(t *testing.T) {
	var b bytes.Buffer
	if err := Text(&b, emptyPlan(), Options{}); err != nil {
		t.Fatal(err)
	}
	if want := "No changes. 14 entries, 9 associations, 3 clusters read, no gaps.\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

// Refusals 14: text that AWS or a document carries is shown escaped.
//
// shows: item S25
func TestHostileTextReachesNoTerminalAndNoComment(t *testing.T) {
	const evil = "x\x1b[31m\r\u202e<script>`|"
	p := emptyPlan()
	g := grant("test", "qa", "vira", "Edit", access.NamespaceScope(evil), 9)
	g.Member, g.Teams, g.Document, g.Source.File = evil, []string{evil}, evil, evil
	c := associate(g, false)
	held := associate(g, true)
	held.Held = []plan.Hold{{Guard: evil, Reason: evil}}
	group := g
	group.Policy, group.Group = "", evil
	p.Changes = append(p.Changes, c, held, plan.Change{Verb: plan.Create, Kind: plan.AccessEntry, Member: evil, Gained: []plan.Grant{group}})
	p.Foreign = []plan.Foreign{{Name: evil, Owner: evil, Wanted: true}, {Kind: plan.AccessEntry, Name: evil, Owner: evil, Adoptable: true}}
	p.Gaps = []access.Gap{{What: access.GapEntries, Cluster: evil, Reason: evil}}
	p.Warnings = []plan.Warning{{Slug: evil, Text: evil}}
	p.Owner.Environment, p.Accounts[0].Account.Name = evil, evil
	for _, verbose := range []bool{false, true} {
		var text, md bytes.Buffer
		if err := Text(&text, p, Options{Verbose: verbose, Next: evil}); err != nil {
			t.Fatal(err)
		}
		if err := Markdown(&md, p, Options{Verbose: verbose}); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"\x1b", "\r", "\u202e"} {
			if strings.Contains(text.String(), bad) || strings.Contains(md.String(), bad) {
				t.Errorf("%q came through (verbose %v)", bad, verbose)
			}
		}
		if !strings.Contains(text.String(), `x\x1b[31m\x0d\u202e<script>`) {
			t.Error("the text does not show what was there")
		}
		if strings.Contains(md.String(), "<script>") || strings.Contains(md.String(), "`") {
			t.Error("markup came through to the comment")
		}
	}
}

// shows: item S24
func TestFoldingNeverMixesAndNeverDrops(t *testing.T) {
	p := fullPlan()
	v := look(p, Options{})
	all := look(p, Options{Verbose: true})
	if len(v.gained) >= len(all.gained) {
		t.Errorf("%d rows folded, %d unfolded: nothing was folded", len(v.gained), len(all.gained))
	}
	if got, want := len(all.gained)+len(all.lost)+len(all.untold), 9+1+1+1; got != want {
		t.Errorf("unfolded there are %d rows, want a row for each of %d grants", got, want)
	}
	if want := "team/backend: 3 people"; !slices.ContainsFunc(v.gained, func(r accessRow) bool { return r.who == want && r.on == "3 clusters" }) {
		t.Errorf("no row %q on 3 clusters in %v", want, v.gained)
	}
	slices.Reverse(p.Changes)
	if diff := cmp.Diff(v.gained, look(p, Options{}).gained, cmp.AllowUnexported(accessRow{})); diff != "" {
		t.Errorf("the order of changes changes the rows:\n%s", diff)
	}
}

// A mode that was not read left two blanks behind it.
func TestAModeThatWasNotReadIsSaidSo(t *testing.T) {
	for from, want := range map[access.AuthMode]string{
		"":                         "authentication mode (not read) to API",
		access.ModeAPIAndConfigMap: "authentication mode API_AND_CONFIG_MAP to API",
	} {
		c := plan.Change{Kind: plan.AuthenticationMode, From: plan.Mode{AuthenticationMode: from}, To: plan.Mode{AuthenticationMode: access.ModeAPI}}
		if got := Describe(c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// One line hid what was foreign, and clusters that no document names; and it
// began "No changes. no entries".
func TestTheOneLineCountsWhatItDoesNotName(t *testing.T) {
	foreign := func(n int) *plan.Plan {
		p := emptyPlan()
		for i := range n {
			p.Foreign = append(p.Foreign, plan.Foreign{Kind: plan.AccessEntry, Cluster: cluster("test"), Name: fmt.Sprintf("arn:aws:iam::%s:role/r%d", account, i), Owner: "x", Adoptable: i == 0 && n == 3})
		}
		return p
	}
	strange := foreign(2)
	strange.Undocumented = []access.ClusterKey{cluster("other")}
	none := foreign(0)
	none.Read = plan.Counts{Clusters: 1}
	for name, c := range map[string]struct {
		plan *plan.Plan
		o    Options
		want string
	}{
		"nothing foreign":      {foreign(0), Options{}, "No changes. 14 entries, 9 associations, 3 clusters read, no gaps.\n"},
		"foreign":              {foreign(2), Options{}, "No changes. 14 entries, 9 associations, 3 clusters read, no gaps, 2 foreign (-v names them).\n"},
		"one is named above":   {foreign(3), Options{}, "no gaps, 2 foreign (-v names them).\n"},
		"a strange cluster":    {strange, Options{}, "no gaps, 2 foreign, 1 cluster without a document (-v names them).\n"},
		"the cluster, with -v": {strange, Options{Verbose: true}, "  = atlas-eks-other   account " + account + ", us-east-1\n"},
		"named, with -v":       {strange, Options{Verbose: true}, "no gaps, 1 cluster without a document.\n"},
		"no entries":           {none, Options{}, "No changes. No entries, no associations, 1 cluster read, no gaps.\n"},
	} {
		var b bytes.Buffer
		if err := Text(&b, c.plan, c.o); err != nil || !strings.Contains(b.String(), c.want) {
			t.Errorf("%s: %v\n%s\nwant %s", name, err, b.String(), c.want)
		}
	}
}

// shows: item S70
func TestALongCellIsWrittenThoughAllAreLong(t *testing.T) {
	long := []string{"a-namespace-of-a-very-long-name-by-which-nobody-would-call-it", "another-one"}
	g := grant("test", "qa", "ann", "Edit", access.NamespaceScope(long...), 3)
	for _, at := range []access.Scope{g.Scope, access.NamespaceScope("short")} {
		g.Scope = at
		var b bytes.Buffer
		if err := Text(&b, &plan.Plan{Changes: []plan.Change{associate(g, false)}}, Options{}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), at.Namespaces[0]) {
			t.Errorf("not written where: %s\n%s", at, b.String())
		}
	}
}
