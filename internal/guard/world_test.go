package guard

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

const (
	home    = "111111111111"
	partner = "222222222222" // no account of the Environment
)

var (
	us      = access.Owner{Environment: "ops", ID: "k7f3c9a1"}
	test    = access.ClusterKey{Account: home, Region: "eu-west-1", Name: "test"}
	prod    = access.ClusterKey{Account: home, Region: "eu-west-1", Name: "prod"}
	monday  = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC) // principals were made
	tuesday = monday.AddDate(0, 0, 1)                     // entries were made
	friday  = monday.AddDate(0, 0, 4)                     // some principals were made again
)

// world is both states of a test, written as a story: what exists, what AWS
// has, what the documents want.
type world struct {
	want    *access.State
	have    *access.Snapshot
	options plan.Options
}

// newWorld has an account with the people of most tests, made on Monday, whose
// caller is role/runner, and no cluster.
func newWorld() *world {
	account := access.Account{Name: "main", ID: home, Partition: "aws", Regions: []string{"eu-west-1"}}
	w := &world{
		want: &access.State{Owner: us, Accounts: []access.Account{account}},
		have: &access.Snapshot{At: friday, Accounts: []access.HaveAccount{{Account: account, UsersRead: true, RolesRead: true,
			Caller: "arn:aws:sts::" + home + ":assumed-role/runner/session"}}},
	}
	return w.principals(monday, "user/ann", "user/bob", "user/cid", "user/dan", "role/runner", "role/ops/break-glass", "role/nodes", ssoA)
}

// The role of permission set Backend, and the one it got when made again.
const (
	ssoA = "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Backend_0123456789abcdef"
	ssoB = "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Backend_fedcba9876543210"
)

func arn(who string) string {
	if strings.HasPrefix(who, "arn:") {
		return who
	}
	return "arn:aws:iam::" + home + ":" + who
}

func (w *world) principals(at time.Time, whos ...string) *world {
	a := &w.have.Accounts[0]
	for _, who := range whos {
		w.gone(who)
		p := access.Principal{ARN: arn(who), CreatedAt: at}
		if strings.HasPrefix(who, "user/") {
			a.Users = append(a.Users, p)
		} else {
			a.Roles = append(a.Roles, p)
		}
	}
	byARN := func(a, b access.Principal) int { return strings.Compare(a.ARN, b.ARN) }
	slices.SortFunc(a.Users, byARN)
	slices.SortFunc(a.Roles, byARN)
	return w
}

func (w *world) gone(who string) *world {
	a := &w.have.Accounts[0]
	is := func(p access.Principal) bool { return p.ARN == arn(who) }
	a.Users, a.Roles = slices.DeleteFunc(a.Users, is), slices.DeleteFunc(a.Roles, is)
	return w
}

// read reads "Edit:a*,b View:cluster group:g username:u type:T" into an entry.
func read(who, what string) access.Entry {
	e := access.Entry{Principal: arn(who), Type: access.Standard}
	for _, word := range strings.Fields(what) {
		key, value, _ := strings.Cut(word, ":")
		switch key {
		case "group":
			e.Groups = append(e.Groups, value)
		case "username":
			e.Username = value
		case "type":
			e.Type = access.EntryType(value)
		default:
			scope := access.NamespaceScope(strings.Split(value, ",")...)
			if value == "cluster" {
				scope = access.ClusterScope()
			}
			p, ok := access.PolicyNamed(key)
			if !ok {
				panic("no policy " + key)
			}
			e.Associations = append(e.Associations, access.Association{Policy: p.ARN("aws"), Scope: scope})
		}
	}
	e.Normalize()
	return e
}

func (w *world) cluster(k access.ClusterKey) *access.HaveCluster {
	i, ok := slices.BinarySearchFunc(w.have.Clusters, k, func(c access.HaveCluster, k access.ClusterKey) int { return c.Key.Compare(k) })
	if !ok {
		w.have.Clusters = slices.Insert(w.have.Clusters, i, access.HaveCluster{Key: k, Status: "ACTIVE", Mode: access.ModeAPIAndConfigMap, EntriesRead: true})
	}
	return &w.have.Clusters[i]
}

// theirs puts an entry on a cluster that bears nobody's mark.
func (w *world) theirs(k access.ClusterKey, who, what string) *world {
	h, e := w.cluster(k), read(who, what)
	e.CreatedAt = tuesday
	e.Username = username(&e)
	i, _ := slices.BinarySearchFunc(h.Entries, e.Principal, func(e access.Entry, p string) int { return strings.Compare(e.Principal, p) })
	h.Entries = slices.Insert(h.Entries, i, e)
	return w
}

// ours puts an entry of the environment on a cluster.
func (w *world) ours(k access.ClusterKey, who, what string) *world {
	w.theirs(k, who, what)
	e, _ := w.cluster(k).Entry(arn(who))
	e.Tags = us.Tags()
	return w
}

func (w *world) document(k access.ClusterKey) *access.WantCluster {
	for i := range w.want.Clusters {
		if w.want.Clusters[i].Key == k {
			return &w.want.Clusters[i]
		}
	}
	w.want.Clusters = append(w.want.Clusters, access.WantCluster{Document: k.Name, Key: k, Place: access.Place{File: k.Name + ".yaml", Line: 1}})
	slices.SortFunc(w.want.Clusters, func(a, b access.WantCluster) int { return cmp.Compare(a.Document, b.Document) })
	return w.document(k)
}

func member(who string) access.Member {
	if strings.HasPrefix(who, "arn:") {
		return access.Member{Kind: access.ARNMember, Partition: "aws", Account: home, Name: who}
	}
	kind, name, _ := strings.Cut(who, "/")
	return access.Member{Kind: access.MemberKind(kind), Partition: "aws", Account: home, Name: name}
}

// wants adds a team's wish, uniting it with what other teams want.
func (w *world) wants(k access.ClusterKey, team, who, what string) *world {
	d, e := w.document(k), read(who, what)
	src := access.Source{Team: team, Place: access.Place{File: team + ".yaml", Line: 5}}
	i := slices.IndexFunc(d.Entries, func(o access.WantEntry) bool { return o.Member == member(who) })
	if i < 0 {
		i = len(d.Entries)
		d.Entries = append(d.Entries, access.WantEntry{Member: member(who), Type: e.Type})
	}
	o := &d.Entries[i]
	o.Sources = append(o.Sources, src)
	o.Username = cmp.Or(o.Username, e.Username)
	o.Groups = append(o.Groups, e.Groups...)
	slices.Sort(o.Groups)
	for _, a := range e.Associations {
		j := slices.IndexFunc(o.Associations, func(x access.WantAssociation) bool { return x.Policy == a.Policy })
		if j < 0 {
			j = len(o.Associations)
			o.Associations = append(o.Associations, access.WantAssociation{Policy: a.Policy})
		}
		x := &o.Associations[j]
		x.Scope = x.Scope.Union(a.Scope)
		x.Parts = append(x.Parts, access.WantScope{Scope: a.Scope, Source: src})
	}
	slices.SortFunc(o.Associations, func(a, b access.WantAssociation) int { return strings.Compare(a.Policy, b.Policy) })
	slices.SortFunc(d.Entries, func(a, b access.WantEntry) int { return strings.Compare(a.Member.String(), b.Member.String()) })
	return w
}

func (w *world) protects(k access.ClusterKey, who string) *world {
	d := w.document(k)
	d.Protect = append(d.Protect, access.ListedMember{Member: member(who), Place: access.Place{File: k.Name + ".yaml", Line: 9}})
	return w
}

func (w *world) removes(k access.ClusterKey, who string) *world {
	d := w.document(k)
	d.Remove = append(d.Remove, access.ListedMember{Member: member(who), Place: access.Place{File: k.Name + ".yaml", Line: 8}})
	return w
}

func (w *world) gap(g access.Gap) *world {
	g.Reason = "AccessDenied"
	w.have.Gaps = append(w.have.Gaps, g)
	return w
}

func (w *world) allow(slugs ...string) *world {
	w.options.Allow = append(w.options.Allow, slugs...)
	return w
}

func (w *world) change(f func(*world)) *world {
	f(w)
	return w
}

func (w *world) plan() *plan.Plan { return plan.Compute(w.want, w.have, w.options, All()...) }

func inputOf(w *world, p *plan.Plan) *plan.Input {
	return &plan.Input{Want: w.want, Have: w.have, Plan: p, Options: w.options}
}

// short is a change's ID without what is the same in all tests.
func short(id string) string {
	return strings.NewReplacer(home+"/eu-west-1/", "", "arn:aws:iam::"+home+":", "", "role/aws-reserved/sso.amazonaws.com/", "sso/",
		"arn:aws:iam::"+partner+":", "partner/").Replace(id)
}

// judged are the changes of a plan with the guards that hold or warn of each.
func judged(p *plan.Plan) []string {
	var lines []string
	for _, c := range p.Changes {
		line := string(c.Verb) + " " + short(c.ID)
		for _, h := range c.Held {
			line += " !" + h.Guard
		}
		for _, w := range p.Warnings {
			if w.Change == c.ID {
				line += " ?" + w.Slug
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// reasons are all words of a plan's holds by one guard, and of its warnings.
func reasons(p *plan.Plan, slug string) string {
	var out []string
	for _, c := range p.Changes {
		for _, h := range c.Held {
			if h.Guard == slug {
				out = append(out, h.Reason)
			}
		}
	}
	for _, w := range p.Warnings {
		if w.Slug == slug {
			out = append(out, w.Text)
		}
	}
	return strings.Join(out, "\n")
}

func mustContain(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q lacks %q", text, w)
		}
	}
}

func people(n int) []string {
	var whos []string
	for i := range n {
		whos = append(whos, fmt.Sprintf("user/p%02d", i))
	}
	return whos
}
