package trust

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
)

// stranger is in every name that nobody means: no name of AWS's or
// Kubernetes' holds the letter, so that no pattern meets it by chance.
const stranger = "\u00ff"

// asker puts requests to a part of a trust policy.
type asker struct {
	policy  *iam.Policy
	account string // of the role, twelve digits
}

// alone is one of a policy's statements with all that deny.
func alone(p *iam.Policy, i int) *iam.Policy {
	out := &iam.Policy{Kind: p.Kind, Version: p.Version, Statements: []iam.Statement{p.Statements[i]}}
	for _, s := range p.Statements {
		if s.Effect == iam.Deny {
			out.Statements = append(out.Statements, s)
		}
	}
	return out
}

// facts are what is known of a request: condition keys to values; none says
// that the key is absent. All others are unknown.
type facts map[string][]string

func (f facts) with(more facts) facts {
	out := facts{}
	for _, m := range []facts{f, more} {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

func (f facts) context(unknown bool) *iam.Context {
	ctx := &iam.Context{OthersUnknown: unknown}
	for k, v := range f {
		ctx.Set(k, v...)
	}
	return ctx
}

// decide asks for one action. The caller's own policies allow everything:
// whoever comes from outside writes them himself.
func (a asker) decide(c iam.Caller, action string, f facts, unknown bool) iam.Verdict {
	everything := &iam.Policy{Version: "2012-10-17", Statements: []iam.Statement{{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"}}}}
	partition := "aws"
	if arn, err := access.ParseARN(c.ARN); err == nil {
		partition = arn.Partition
	}
	return iam.Decide(iam.Question{
		Caller: c, Action: action, Resource: "arn:" + partition + ":iam::" + a.account + ":role/" + stranger, ResourceAccount: a.account, Context: f.context(unknown),
		Policies: iam.Policies{
			Identity: []iam.Source{{Name: "the caller's", Policy: everything}},
			Resource: &iam.Source{Name: "trust policy", Policy: a.policy},
		},
	}).Verdict
}

// possible reports whether one of the actions is allowed under some value of
// what the facts leave open.
func (a asker) possible(c iam.Caller, f facts, actions ...string) bool {
	return slices.ContainsFunc(actions, func(action string) bool { return a.decide(c, action, f, true) != iam.Denied })
}

func pods() iam.Caller { return iam.Caller{Kind: iam.Service, ARN: podsPrincipal} }

func bearer(provider string) iam.Caller { return iam.Caller{Kind: iam.Federated, ARN: provider} }

// session is a session of a role, as EKS names those of workloads.
func session(role string) iam.Caller {
	p, err := access.ParseIAMPrincipal(role)
	if err != nil {
		return iam.Caller{Kind: iam.Session, Role: role}
	}
	return iam.Caller{Kind: iam.Session, ARN: "arn:" + p.Partition + ":sts::" + p.Account + ":assumed-role/" + p.Name + "/eks-" + stranger,
		Account: p.Account, Role: role}
}

// podFacts are what EKS sends for a pod: six session tags. (EKS User Guide,
// pod-id-abac)
func podFacts(cluster, name, namespace, account string) facts {
	return facts{tagCluster: {cluster}, "aws:RequestTag/eks-cluster-name": {name}, tagNamespace: {namespace}, tagAccount: {account},
		"aws:RequestTag/kubernetes-pod-name": {account + "-" + stranger}, "aws:RequestTag/kubernetes-pod-uid": {stranger},
		"aws:TagKeys": {"eks-cluster-arn", "eks-cluster-name", "kubernetes-namespace", "kubernetes-service-account", "kubernetes-pod-name", "kubernetes-pod-uid"}}
}

// untaggedFacts are what EKS sends where session tags are disabled.
func untaggedFacts() facts {
	f := facts{"aws:TagKeys": nil}
	for k := range podFacts("", "", "", "") {
		f[k] = nil
	}
	return f
}

// Lacks gives those of the wanted statements that a trust policy of another's
// lacks: somebody that they let in is refused for certain. A policy that
// cannot be read lacks all of them.
func Lacks(have access.Document, ours []Statement) []Statement { return filter(have, ours, iam.Denied) }

// TargetLacks gives what a role at the end of a chain lacks, as Lacks does, to let
// a first role in that itself trusts of.
func TargetLacks(target access.Document, first string, of access.WantTrust) []Statement {
	statements, _ := WantTarget(first, []access.WantTrust{of}) // it rests on no issuer
	return Lacks(target, statements)
}

// Unclear gives those of which it cannot be told, for a condition rests on
// something that AWS does not say EKS sends.
func Unclear(have access.Document, ours []Statement) []Statement {
	lacks := Lacks(have, ours)
	return slices.DeleteFunc(filter(have, ours, iam.Denied, iam.Undetermined), func(s Statement) bool {
		return slices.ContainsFunc(lacks, func(l Statement) bool { return l.Sid == s.Sid })
	})
}

// filter gives the statements of which one request has one of the verdicts.
func filter(have access.Document, ours []Statement, verdicts ...iam.Verdict) []Statement {
	p, err := iam.Parse(iam.Trust, string(have))
	if err != nil {
		return ours
	}
	var out []Statement
	for _, s := range ours {
		if slices.ContainsFunc(s.requests(), func(r request) bool {
			a := asker{p, r.account}
			return slices.ContainsFunc(r.actions, func(action string) bool {
				return slices.Contains(verdicts, a.decide(r.caller, action, r.facts, true))
			})
		}) {
			out = append(out, s)
		}
	}
	return out
}

// request is a call that a statement lets through.
type request struct {
	caller  iam.Caller
	account string // of the role
	facts   facts
	actions []string
}

// requests are what the statement is written for. Of a pattern they are
// several: a policy that lets all of them in has a pattern as wide.
func (s Statement) requests() []request {
	st, err := parseStatement(s.JSON)
	if err != nil {
		return nil
	}
	var out []request
	for _, t := range s.Trusts {
		switch p := st.Principals[0]; {
		case p.Type == "Federated":
			issuer := Issuer{p.Value}
			for _, subject := range instances(subjectPrefix + t.Namespace + ":" + t.Name) {
				out = append(out, request{bearer(p.Value), access.AccountOf(p.Value), facts{issuer.Name() + ":sub": {subject}, issuer.Name() + ":aud": {stsAudience},
					"aws:FederatedProvider": {p.Value}}, []string{assumeWithWeb}})
			}
		default:
			for _, t := range covered(t) {
				f := podFacts(clusterARN(t.Cluster), t.Cluster.Name, t.Namespace, t.Name)
				caller, account, actions := pods(), t.Cluster.Account, []string{assumeRole, tagSession}
				if t.Untagged {
					f = untaggedFacts()
				}
				if p.Type == "AWS" {
					caller, account = session(p.Value), ""
					if f[keyExternalID] = nil; t.Untagged {
						f[keyExternalID], actions = []string{externalID(t)}, actions[:1] // no tags, no sts:TagSession
					}
				}
				out = append(out, request{caller, account, f, actions})
			}
		}
	}
	return out
}

// covered are ServiceAccounts that patterns cover.
func covered(t access.WantTrust) []access.WantTrust {
	var out []access.WantTrust
	for _, namespace := range instances(t.Namespace) {
		for _, name := range instances(t.Name) {
			t.Namespace, t.Name = namespace, name
			out = append(out, t)
		}
	}
	return out
}

// instances are strings that a pattern covers, the star's run of several
// lengths.
func instances(pattern string) []string {
	if !strings.Contains(pattern, "*") {
		return []string{pattern}
	}
	var out []string
	for _, n := range []int{0, 1, 2, 3, 5, 8} {
		out = append(out, strings.ReplaceAll(pattern, "*", strings.Repeat(stranger, n)))
	}
	return out
}

func parseStatement(text string) (iam.Statement, error) {
	p, err := iam.Parse(iam.Trust, `{"Version":"2012-10-17","Statement":[`+text+`]}`)
	if err != nil {
		return iam.Statement{}, err
	}
	return p.Statements[0], nil
}
