package diff

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/authz/eks"
)

// policy is the right that an access policy gives in some namespaces, or with
// "cluster" on the whole cluster.
func policy(t testing.TB, short string, namespaces ...string) authz.Right {
	t.Helper()
	known, ok := access.PolicyNamed(short)
	if !ok {
		t.Fatalf("no policy %s", short)
	}
	p, ok := eks.Named(known.Name)
	if !ok {
		t.Fatalf("no rules of %s", short)
	}
	r := authz.Right{Known: p.RulesComplete, By: authz.Reason{By: authz.ByPolicy, Policy: known.ARN("aws")}, Scope: access.NamespaceScope(namespaces...)}
	if len(namespaces) == 1 && namespaces[0] == "cluster" {
		r.Scope = access.ClusterScope()
	}
	for _, rule := range p.Rules {
		r.Rules = append(r.Rules, access.Rule{Verbs: rule.Verbs, APIGroups: rule.APIGroups, Resources: rule.Resources, NonResourceURLs: rule.NonResourceURLs})
	}
	if !r.Known {
		r.Rules = []access.Rule{{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}}, {Verbs: []string{"*"}, NonResourceURLs: []string{"*"}}}
		r.Unknown = &authz.Unknown{Part: authz.UnknownPolicies, Settle: "ask AWS for the rules of " + short}
	}
	return r
}

func role(name string, scope access.Scope, rules ...access.Rule) authz.Right {
	return authz.Right{Rules: rules, Scope: scope, Known: true, By: authz.Reason{By: authz.ByBinding,
		Binding: &access.Binding{Role: access.RoleRef{Kind: access.ClusterRole, Name: name}}}}
}

func rule(verbs, groups, resources string, names ...string) access.Rule {
	list := func(s string) []string { return strings.Split(s, ",") }
	return access.Rule{Verbs: list(verbs), APIGroups: list(groups), Resources: list(resources), ResourceNames: names}
}

// What people ask of a plan, in the words that they get.
func TestDifferencesAreSaidInFewWords(t *testing.T) {
	p := func(short string, ns ...string) authz.Right { return policy(t, short, ns...) }
	type rights = []authz.Right
	ns := access.NamespaceScope
	for name, c := range map[string]struct {
		before, after rights
		want          string
	}{
		"nothing changes":        {rights{p("Edit", "*a*")}, rights{p("Edit", "*a*")}, ""},
		"a policy comes":         {nil, rights{p("Edit", "*backend*", "qa-*")}, "+ Edit in *backend*, qa-*\n"},
		"a policy goes":          {rights{p("View", "cluster")}, nil, "- View in whole cluster\n"},
		"from Edit to View":      {rights{p("Edit", "*backend*")}, rights{p("View", "*backend*")}, "- Edit minus View in *backend*\n"},
		"from View to Edit":      {rights{p("View", "*backend*")}, rights{p("Edit", "*backend*")}, "+ Edit minus View in *backend*\n"},
		"what is held elsewhere": {rights{p("Edit", "*qa*"), p("Edit", "*backend*")}, rights{p("Edit", "*backend*")}, "- Edit in *qa* outside *backend* (e.g. qa)\n"},
		"a pattern more, with what overlaps said loosely": {rights{p("Edit", "*backend*")}, rights{p("Edit", "*backend*", "*session*")}, "+ Edit in *session*\n"},
		"two scopes meet": {rights{p("Edit", "*qa*"), p("View", "*backend*")}, rights{p("View", "*backend*")},
			"- Edit in *qa* outside *backend* (e.g. qa)\n- Edit minus View in *qa*\n"},
		"the cluster is more than all its namespaces": {rights{p("View", "cluster")}, rights{p("View", "*")}, "- View in what is in no namespace\n"},
		"from the cluster to a pattern": {rights{p("View", "cluster")}, rights{p("View", "qa-*")},
			"- View in whole cluster outside qa-* (e.g. a)\n"},
		"what a wider policy says too is said loosely": {nil, rights{p("Edit", "*qa*"), p("View", "*backend*")}, "+ Edit in *qa*\n+ View in *backend*\n"},
		"a reader of all who writes somewhere":         {rights{p("Edit", "qa-*"), p("View", "cluster")}, nil, "- Edit in qa-*\n- View in whole cluster\n"},
		"the wider policy says it all":                 {nil, rights{p("Edit", "a"), p("View", "a")}, "+ Edit in a\n"},
		"in whatever order":                            {nil, rights{p("View", "a"), p("Edit", "a")}, "+ Edit in a\n"},
		"what nobody publishes":                        {nil, rights{p("AmazonEKSACKPolicy", "cluster")}, "+? ACK in whole cluster\n"},
		"what nobody publishes stays":                  {rights{p("AmazonEKSACKPolicy", "a*")}, rights{p("AmazonEKSACKPolicy", "a*", "ab*")}, ""},
		"what nobody publishes widens": {rights{p("AmazonEKSACKPolicy", "ab*")}, rights{p("AmazonEKSACKPolicy", "a*")},
			"+? ACK in a* outside ab* (e.g. a)\n"},
		"one unknown for another": {rights{p("AmazonEKSACKPolicy", "a")}, rights{p("AmazonEKSKROPolicy", "a")}, "? KRO in a\n"},
		"perhaps held already":    {rights{p("AmazonEKSACKPolicy", "a")}, rights{p("AmazonEKSACKPolicy", "a"), p("SecretReader", "a")}, "+? SecretReader in a\n"},
		"a few verbs are spelt": {
			rights{role("r", ns("a"), rule("get,list", "", "pods"))}, rights{role("r2", ns("a"), rule("get,list,delete", "", "pods"))},
			"+ delete pods in a\n"},
		"names": {rights{role("r", ns("a"), rule("get", "", "secrets", "x"))}, rights{role("r", ns("a"), rule("get", "", "secrets"))},
			"+ get secrets all but x in a\n"},
		"a star that means nothing": {rights{role("r", ns("a"), rule("get", "", "pods/*"))}, rights{role("r", ns("a"), rule("get", "", "pods/*,pods/log"))},
			"+ get pods/log in a\n"},
		"the subresource of all": {rights{role("r", ns("a"), rule("get", "*", "*/scale"))}, rights{role("s", ns("a"), rule("get", "*", "*"))},
			"+ get everything but */scale in a\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, Compare(c.before, c.after).String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
