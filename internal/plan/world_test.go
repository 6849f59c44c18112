package plan

import (
	"slices"
	"strings"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
)

// The accounts, clusters and times of this package's tests.
const (
	home    = "111111111111"
	partner = "222222222222" // not the Environment's
)

var (
	owner   = access.Owner{Environment: "ops", ID: "k7f3c9a1"}
	test    = access.ClusterKey{Account: home, Region: "eu-west-1", Name: "test"}
	prod    = access.ClusterKey{Account: home, Region: "eu-west-1", Name: "prod"}
	morning = time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC)
	evening = morning.Add(10 * time.Hour)
)

func arn(kindAndName string) string { return "arn:aws:iam::" + home + ":" + kindAndName }

func policyARN(short string) string {
	p, ok := access.PolicyNamed(short)
	if !ok {
		panic("no policy " + short)
	}
	return p.ARN("aws")
}

// member reads "user/x", "role/a/x", "permissionSet/X" or an ARN.
func member(s string) access.Member {
	if strings.HasPrefix(s, "arn:") {
		return access.Member{Kind: access.ARNMember, Partition: "aws", Account: home, Name: s}
	}
	kind, name, _ := strings.Cut(s, "/")
	return access.Member{Kind: access.MemberKind(kind), Partition: "aws", Account: home, Name: name}
}

// rights reads "Edit:a*,b View:cluster group:g username:u tag:k=v", in any
// number and order; type:T gives the entry's type.
type rights struct {
	groups       []string
	username     string
	kind         access.EntryType
	tags         map[string]string
	associations []access.Association
}

func readRights(s string) rights {
	r := rights{kind: access.Standard, tags: map[string]string{}}
	for _, word := range strings.Fields(s) {
		key, value, _ := strings.Cut(word, ":")
		switch key {
		case "group":
			r.groups = append(r.groups, value)
		case "username":
			r.username = value
		case "type":
			r.kind = access.EntryType(value)
		case "tag":
			k, v, _ := strings.Cut(value, "=")
			r.tags[k] = v
		default:
			scope := access.NamespaceScope(strings.Split(value, ",")...)
			if value == "cluster" {
				scope = access.ClusterScope()
			}
			r.associations = append(r.associations, access.Association{Policy: policyARN(key), Scope: scope})
		}
	}
	return r
}

// wantEntry is a wanted entry of team "team".
func wantEntry(who, what string) access.WantEntry {
	r := readRights(what)
	src := access.Source{Team: "team", Place: access.Place{File: "team.yaml", Line: 3}}
	w := access.WantEntry{Member: member(who), Type: r.kind, Username: r.username, Groups: r.groups, Sources: []access.Source{src}}
	slices.Sort(w.Groups)
	for _, a := range r.associations {
		w.Associations = append(w.Associations, access.WantAssociation{Policy: a.Policy, Scope: a.Scope,
			Parts: []access.WantScope{{Scope: a.Scope, Source: src}}})
	}
	slices.SortFunc(w.Associations, func(a, b access.WantAssociation) int { return strings.Compare(a.Policy, b.Policy) })
	return w
}

// haveEntry is an entry of ours, made in the evening.
func haveEntry(who, what string) access.Entry {
	e := foreignEntry(who, what)
	for k, v := range owner.Tags() {
		e.Tags[k] = v
	}
	return e
}

// foreignEntry is an entry without our tags.
func foreignEntry(who, what string) access.Entry {
	r := readRights(what)
	principal := who
	if !strings.HasPrefix(who, "arn:") {
		principal = arn(who)
	}
	e := access.Entry{Principal: principal, Type: r.kind, Username: r.username, Groups: r.groups, Tags: r.tags,
		Associations: r.associations, ARN: "arn:aws:eks:eu-west-1:" + home + ":access-entry/x/" + who, CreatedAt: evening}
	if e.Username == "" && e.Type == access.Standard {
		e.Username = defaultUsername(principal)
	}
	e.Normalize()
	return e
}

// wants is a State of clusters; entries are given by cluster.
func wants(clusters ...access.WantCluster) *access.State {
	s := &access.State{Owner: owner, Clusters: clusters, Teams: []string{"team"},
		Accounts:    []access.Account{{Name: "main", ID: home, Partition: "aws", Regions: []string{"eu-west-1"}}},
		ForeignTags: map[string]string{"created-by": "terraform"}}
	slices.SortFunc(s.Clusters, func(a, b access.WantCluster) int { return strings.Compare(a.Document, b.Document) })
	return s
}

func wantCluster(k access.ClusterKey, entries ...access.WantEntry) access.WantCluster {
	return access.WantCluster{Document: k.Name, Key: k, Entries: entries, Place: access.Place{File: k.Name + ".yaml", Line: 1}}
}

// people exist in every test's account, since the morning.
var people = []string{"role/admin", "role/ci/deploy", "role/nodes", "user/ann", "user/bob", "user/cid",
	"role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Backend_0123456789abcdef"}

const backendRole = "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Backend_0123456789abcdef"

// sees is a Snapshot of clusters in which everything was read.
func sees(clusters ...access.HaveCluster) *access.Snapshot {
	a := access.HaveAccount{Account: access.Account{Name: "main", ID: home, Partition: "aws", Regions: []string{"eu-west-1"}},
		Caller: "arn:aws:sts::" + home + ":assumed-role/admin/me", UsersRead: true, RolesRead: true}
	for _, p := range people {
		if strings.HasPrefix(p, "user/") {
			a.Users = append(a.Users, access.Principal{ARN: arn(p), CreatedAt: morning})
		} else {
			a.Roles = append(a.Roles, access.Principal{ARN: arn(p), CreatedAt: morning})
		}
	}
	byARN := func(a, b access.Principal) int { return strings.Compare(a.ARN, b.ARN) }
	slices.SortFunc(a.Users, byARN)
	slices.SortFunc(a.Roles, byARN)
	s := &access.Snapshot{At: evening, Accounts: []access.HaveAccount{a}, Clusters: clusters}
	slices.SortFunc(s.Clusters, func(a, b access.HaveCluster) int { return a.Key.Compare(b.Key) })
	return s
}

func haveCluster(k access.ClusterKey, entries ...access.Entry) access.HaveCluster {
	slices.SortFunc(entries, func(a, b access.Entry) int { return strings.Compare(a.Principal, b.Principal) })
	return access.HaveCluster{Key: k, Status: "ACTIVE", Mode: access.ModeAPIAndConfigMap, EntriesRead: true, Entries: entries}
}

// lines is a plan's changes in short: verb, ID without the cluster's account
// and region, "after" its dependencies, and the guards that hold it.
func lines(p *Plan) []string {
	short := strings.NewReplacer(home+"/eu-west-1/", "", "arn:aws:iam::"+home+":", "", "role/aws-reserved/sso.amazonaws.com/", "sso:")
	var out []string
	for _, c := range p.Changes {
		l := string(c.Verb) + " " + short.Replace(c.ID)
		if len(c.DependsOn) > 0 {
			l += " after " + short.Replace(strings.Join(c.DependsOn, ","))
		}
		for _, h := range c.Held {
			l += " !" + h.Guard
		}
		out = append(out, l)
	}
	return out
}
