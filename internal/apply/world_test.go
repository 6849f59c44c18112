package apply

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

var (
	owner   = access.Owner{Environment: "ops", ID: "k7f3c9a1"}
	theirs  = map[string]string{"created-by": "terraform"}
	editARN = policyARN("Edit")
	viewARN = policyARN("View")
)

func policyARN(short string) string {
	p, _ := access.PolicyNamed(short)
	return p.ARN("aws")
}

func arn(user string) string { return "arn:aws:iam::" + accountID + ":user/" + user }

// adminARN is the role that the runs act as.
const adminARN = "arn:aws:iam::" + accountID + ":role/ci/tf-admin"

func key(cluster string) access.ClusterKey {
	return access.ClusterKey{Account: accountID, Region: "us-east-1", Name: cluster}
}

// entry is an entry of ours with some groups.
func entry(user string, groups ...string) access.Entry {
	e := access.Entry{Principal: arn(user), Type: access.Standard, Username: arn(user), Groups: groups, Tags: owner.Tags()}
	e.Normalize()
	return e
}

func with(e access.Entry, as ...access.Association) access.Entry {
	e.Associations = as
	e.Normalize()
	return e
}

func on(policy string, namespaces ...string) access.Association {
	if len(namespaces) == 0 {
		return access.Association{Policy: policy, Scope: access.ClusterScope()}
	}
	return access.Association{Policy: policy, Scope: access.NamespaceScope(namespaces...)}
}

func tags(e access.Entry, t map[string]string) access.Entry {
	e.Tags = maps.Clone(t)
	return e
}

// planner writes plans by hand, in the order given.
type planner struct{ plan.Plan }

func newPlan() *planner {
	return &planner{plan.Plan{Owner: owner, Accounts: []access.HaveAccount{{Account: account(), Caller: callerARN}}}}
}

func (p *planner) add(verb plan.Verb, kind plan.Kind, cluster, principal, extra string, from, to plan.Object, needs ...string) string {
	id := strings.Trim(strings.Join([]string{string(kind), cluster, short(principal), extra}, "/"), "/")
	p.Changes = append(p.Changes, plan.Change{ID: id, Verb: verb, Kind: kind, Cluster: key(cluster), Principal: principal,
		Teams: []string{"backend"}, From: from, To: to, DependsOn: slices.DeleteFunc(needs, func(s string) bool { return s == "" })})
	return id
}

// entry adds the change of an entry from one (nil: none) to another.
func (p *planner) entry(cluster string, from, to *access.Entry, needs ...string) string {
	if from != nil {
		from = from.Clone() // what the plan saw, whatever the fake does later
	}
	switch {
	case from == nil:
		return p.add(plan.Create, plan.AccessEntry, cluster, to.Principal, "", nil, plan.Entry{Entry: *to}, needs...)
	case to == nil:
		return p.add(plan.Delete, plan.AccessEntry, cluster, from.Principal, "", plan.Entry{Entry: *from}, nil, needs...)
	case from.Type != to.Type || to.ARN != from.ARN:
		return p.add(plan.Replace, plan.AccessEntry, cluster, from.Principal, "", plan.Entry{Entry: *from}, plan.Entry{Entry: *to}, needs...)
	}
	f := from.Clone()
	f.Associations = nil
	return p.add(plan.Update, plan.AccessEntry, cluster, from.Principal, "", plan.Entry{Entry: *f}, plan.Entry{Entry: *to}, needs...)
}

func (p *planner) policy(cluster, user string, from, to *access.Association, needs ...string) string {
	principal := arn(user)
	if user == "tf-admin" {
		principal = adminARN
	}
	object := func(a *access.Association) plan.Object {
		if a == nil {
			return nil
		}
		return plan.Association{Principal: principal, Association: *a}
	}
	verb, policy := plan.Update, ""
	switch {
	case from == nil:
		verb, policy = plan.Create, to.Policy
	case to == nil:
		verb, policy = plan.Delete, from.Policy
	default:
		policy = to.Policy
	}
	return p.add(verb, plan.PolicyAssociation, cluster, principal, access.ShortPolicy(policy), object(from), object(to), needs...)
}

func (p *planner) mode(cluster string, from, to access.AuthMode) string {
	return p.add(plan.Update, plan.AuthenticationMode, cluster, "", string(to), plan.Mode{AuthenticationMode: from}, plan.Mode{AuthenticationMode: to})
}

func ptr[T any](v T) *T { return &v }

// everyKind fills a fake and gives a plan that holds every kind of change,
// with the state it leads to.
func everyKind(f *fakeEKS) (*plan.Plan, map[string]map[string]access.Entry) {

	f.put("test", tags(with(entry("foreign", "a"), on(viewARN)), theirs))
	f.cluster("old").mode = access.ModeConfigMap
	groups := f.put("test", entry("groups", "a", "b"))
	marks := f.put("test", entry("marks"))
	both := f.put("test", entry("both", "a"))
	f.put("test", with(entry("scopes"), on(editARN, "a"), on(viewARN)))
	gone := f.put("test", with(entry("gone", "x"), on(viewARN, "*")))
	removed := f.put("test", tags(with(entry("removed"), on(editARN)), theirs))
	dead := f.put("test", with(entry("dead"), on(viewARN)))

	p := newPlan()
	mode := p.mode("old", access.ModeConfigMap, access.ModeAPIAndConfigMap)
	first := entry("first")
	late := p.entry("old", nil, &first, mode)
	p.policy("old", "first", nil, ptr(on(editARN, "*backend*")), late)
	n := entry("new", "g1", "g2")
	made := p.entry("test", nil, &n)
	p.policy("test", "new", nil, ptr(on(editARN, "*backend*", "*qa*")), made)
	p.policy("test", "new", nil, ptr(on(viewARN)), made)
	p.entry("test", marks, ptr(tags(*marks, merged(marks.Tags, map[string]string{"component": "devops"}))))
	to := groups.Clone()
	to.Groups = nil
	p.entry("test", groups, to)
	to = both.Clone()
	to.Groups, to.Tags["component"] = []string{"b"}, "devops"
	p.entry("test", both, to)
	p.policy("test", "scopes", ptr(on(editARN, "a")), ptr(on(editARN, "b")))
	anew := p.entry("test", dead, ptr(entry("dead")))
	p.policy("test", "dead", nil, ptr(on(viewARN)), anew)
	p.policy("test", "scopes", ptr(on(viewARN)), nil)
	p.entry("test", gone, nil)
	p.entry("test", removed, nil)

	component := map[string]string{"component": "devops"}
	return &p.Plan, map[string]map[string]access.Entry{
		"old": {"first": with(entry("first"), on(editARN, "*backend*"))},
		"test": {
			"foreign": tags(with(entry("foreign", "a"), on(viewARN)), theirs),
			"new":     with(entry("new", "g1", "g2"), on(editARN, "*backend*", "*qa*"), on(viewARN)),
			"marks":   tags(entry("marks"), merged(owner.Tags(), component)),
			"groups":  entry("groups"),
			"both":    tags(entry("both", "b"), merged(owner.Tags(), component)),
			"scopes":  with(entry("scopes"), on(editARN, "b")),
			"dead":    with(entry("dead"), on(viewARN)),
		},
	}
}

// statuses are the outcomes in short: "ID status reason".
func statuses(res *Result) []string {
	var out []string
	for _, o := range res.Outcomes {
		s := o.Change.ID + " " + string(o.Status)
		if o.Skip != "" {
			s += " " + string(o.Skip)
		}
		out = append(out, s)
	}
	return out
}

func status(t *testing.T, res *Result, id string) *Outcome {
	t.Helper()
	for i := range res.Outcomes {
		if res.Outcomes[i].Change.ID == id {
			return &res.Outcomes[i]
		}
	}
	t.Fatalf("no outcome of %s in %v", id, statuses(res))
	return nil
}
