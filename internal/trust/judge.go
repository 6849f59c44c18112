package trust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
)

// Severity is what becomes of a danger.
type Severity int

// A danger is pointed out, or holds what would give it to somebody.
const (
	Warn Severity = iota
	Hold
)

// Danger is something that a policy gives and that is rarely meant.
type Danger struct {
	Row      int // of the table of refusals
	Severity Severity
	Where    string // which statement
	What     string // what it says
	Leads    string // what that leads to
	Instead  string // the way out
}

func (d Danger) String() string {
	s := d.What + ": " + d.Leads
	if d.Where != "" {
		s = d.Where + " " + s
	}
	if d.Instead != "" {
		s += "; " + d.Instead
	}
	return s
}

// About is what is known around a role.
type About struct {
	Role string // ARN of the role whose trust policy it is
	// Ours: the role is this environment's, so what is wrong with it is ours to
	// mend.
	Ours bool
	// Source is the workload's own role where Role is at the end of a chain;
	// then only what lets Source in is judged of what names roles.
	Source string
	// Accounts are those of the environment, which are nobody foreign.
	Accounts []string
	// Providers are those of the role's account, if they were read.
	ProvidersRead bool
	Providers     []access.HaveProvider
	// Clusters are those that were read; Of is whom the role is for. Both may
	// be empty.
	Clusters []access.HaveCluster
	Of       []access.WantTrust
}

// Judge finds the dangers of a trust policy, in the order of its statements.
// Of each statement only what it adds beside the policy's denials counts.
func Judge(d access.Document, about About) []Danger {
	p, err := iam.Parse(iam.Trust, string(d))
	if err != nil {
		return []Danger{{Severity: Hold, What: "the trust policy cannot be read", Leads: err.Error(), Instead: "repair it first"}}
	}
	var out []Danger
	for i, s := range p.Statements {
		if s.Effect == iam.Allow {
			out = append(out, judgeStatement(p, i, about)...)
		}
	}
	return out
}

// judgeStatement finds the dangers of one statement that allows.
func judgeStatement(p *iam.Policy, i int, about About) []Danger {
	j := judged{About: about, asker: asker{alone(p, i), access.AccountOf(about.Role)}, statement: p.Statements[i]}
	j.principals()
	for k := range j.found {
		j.found[k].Where = label(i, p.Statements[i].Sid)
	}
	return j.found
}

// AboutRole is what a snapshot and the documents know around a role; want is nil
// where no document speaks of it.
func AboutRole(have *access.Snapshot, arn string, want *access.WantRole) About {
	a := About{Role: arn, Clusters: have.Clusters}
	if want != nil {
		a.Ours, a.Of = !want.Existing, want.Trust
	}
	for i := range have.Accounts {
		h := &have.Accounts[i]
		a.Accounts = append(a.Accounts, h.Account.ID)
		if h.Account.ID == access.AccountOf(arn) {
			a.ProvidersRead, a.Providers = h.ProvidersRead, h.Providers
		}
	}
	return a
}

func label(i int, sid string) string {
	if sid != "" {
		return "statement " + sid
	}
	return fmt.Sprintf("statement %d", i+1)
}

// judged is one statement under judgement.
type judged struct {
	About
	asker
	statement iam.Statement
	found     []Danger
}

func (j *judged) add(row int, severity Severity, what, leads, instead string) {
	j.found = append(j.found, Danger{Row: row, Severity: severity, What: what, Leads: leads, Instead: instead})
}

// principals judges the statement for each kind of caller that it names.
func (j *judged) principals() {
	for _, p := range j.statement.Principals {
		switch {
		case p.Type == "*", p.Type == "AWS" && p.Value == "*":
			j.everybody()
		case p.Type == "AWS":
			j.outsider(p.Value)
		case p.Type == "Service" && p.Value == podsPrincipal:
			j.pods()
		case p.Type == "Federated" && strings.Contains(p.Value, ":"+providerPrefix):
			j.tokens(p.Value)
		}
	}
	if j.Source != "" {
		j.chain()
	}
	j.literalStars()
}

// everybody is Principal "*". (refusals row 41) What binds it is a condition
// on who calls; an external id is no secret.
func (j *judged) everybody() {
	const account = "000000000000"
	c := iam.Caller{Kind: iam.User, ARN: "arn:aws:iam::" + account + ":user/" + stranger, Account: account, ID: stranger}
	f := facts{"aws:PrincipalArn": {c.ARN}, "aws:PrincipalAccount": {account}, "aws:PrincipalOrgID": {"o-" + stranger},
		"aws:PrincipalOrgPaths": {"o-" + stranger + "/"}, "aws:userid": {stranger}, "aws:username": {stranger}}
	if j.possible(c, f, assumeRole) {
		j.add(41, Hold, "has the principal *", "anybody with an AWS account may have the role",
			"name the roles that may, or add a condition on aws:PrincipalOrgID or aws:PrincipalArn")
	}
}

// outsider is another account as a whole. (refusals row 41)
func (j *judged) outsider(principal string) {
	account := principal
	if a, err := access.ParseARN(principal); err == nil {
		if a.Service != "iam" || a.Resource != "root" {
			return
		}
		account = a.Account
	}
	if len(account) != 12 || account == j.account || slices.Contains(j.Accounts, account) {
		return
	}
	c := iam.Caller{Kind: iam.User, ARN: "arn:aws:iam::" + account + ":user/" + stranger, Account: account, ID: stranger}
	who := facts{"aws:PrincipalArn": {c.ARN}, "aws:PrincipalAccount": {account}, "aws:userid": {stranger}, "aws:username": {stranger}}
	for _, id := range [][]string{nil, {stranger}} {
		if j.possible(c, who.with(facts{keyExternalID: id}), assumeRole) {
			j.add(41, Hold, "names the account "+account+", which is none of this environment's, without sts:ExternalId",
				"whoever that account lets may have the role, also on behalf of a third party that guessed its ARN",
				"name the one role there that may, and add a condition on sts:ExternalId")
			return
		}
	}
}

// dimension is one of the three things that tell a pod's ServiceAccount.
type dimension struct {
	name  string
	whole string // what an unbound one lets in
	facts facts
}

func (j *judged) dimensions() []dimension {
	cluster := "arn:aws:eks:" + stranger + ":" + j.account + ":cluster/" + stranger
	return []dimension{
		{"the cluster", "any cluster of the account", facts{tagCluster: {cluster}, "aws:RequestTag/eks-cluster-name": {stranger},
			"aws:SourceArn": {cluster}, "aws:SourceAccount": {j.account}}},
		{"the namespace", "any namespace", facts{tagNamespace: {stranger}}},
		{"the ServiceAccount", "any ServiceAccount", facts{tagAccount: {stranger}}},
	}
}

// pods is the trust of EKS Pod Identity. (refusals row 31) EKS may send
// aws:SourceArn; a condition on it counts for the cluster.
func (j *judged) pods() {
	severity := Warn
	if j.Ours {
		severity = Hold
	}
	all, open := facts{}, []string(nil)
	for _, d := range j.dimensions() {
		all = all.with(d.facts)
		if j.possible(pods(), d.facts, assumeRole) {
			open = append(open, d.name)
		}
	}
	const instead = "add StringEquals on aws:RequestTag/eks-cluster-arn, aws:RequestTag/kubernetes-namespace and aws:RequestTag/kubernetes-service-account"
	cluster := j.dimensions()[0].facts
	switch {
	case j.possible(pods(), all, assumeRole) && j.Ours && slices.ContainsFunc(j.Of, func(t access.WantTrust) bool { return t.Untagged }):
		// As the documents say: nothing that is sent then tells pods apart.
		j.add(31, Warn, "lets EKS Pod Identity have the role with no condition that tells pods apart, for with disableSessionTags EKS sends nothing that does",
			"every ServiceAccount of every cluster of "+j.account+" may have it, as soon as somebody who may pass the role makes an association",
			"leave disableSessionTags out, and sessionPolicy with it, or give iam:PassRole on the role to few")
	case j.possible(pods(), all, assumeRole):
		j.add(31, severity, "lets EKS Pod Identity have the role with no condition that tells pods apart",
			"every ServiceAccount of every cluster of "+j.account+" may have it, as soon as somebody makes an association", instead)
	case j.possible(pods(), untaggedFacts().with(facts{"aws:SourceArn": cluster["aws:SourceArn"]}), assumeRole):
		j.add(31, severity, "has conditions that hold where no session tags are passed",
			"an association with disableSessionTags gives the role to any ServiceAccount of "+j.account+"'s clusters", instead)
	case len(open) > 0:
		j.add(31, Warn, "does not say "+strings.Join(open, " nor ")+" to which EKS Pod Identity gives the role",
			j.opened(open)+" with an association may have it", instead)
	}
}

func (j *judged) opened(open []string) string {
	var out []string
	for _, d := range j.dimensions() {
		if slices.Contains(open, d.name) {
			out = append(out, d.whole)
		}
	}
	return strings.Join(out, ", ")
}

// chain is what lets the workload's own role into the role at the end of its
// chain. (refusals row 31, of targets)
func (j *judged) chain() {
	c := session(j.Source)
	all := facts{keyExternalID: {stranger}, "aws:PrincipalArn": {j.Source}, "aws:PrincipalAccount": {c.Account}}
	for _, d := range j.dimensions() {
		all = all.with(d.facts)
	}
	bare := untaggedFacts().with(facts{keyExternalID: nil, "aws:PrincipalArn": {j.Source}, "aws:PrincipalAccount": {c.Account}})
	if !j.possible(c, all, assumeRole) && !j.possible(c, bare, assumeRole) {
		return
	}
	severity := Hold
	if c.Account == j.account {
		severity = Warn
	}
	j.add(31, severity, "lets "+j.Source+" have the role whatever pod it acts for",
		"every pod that comes to that role comes to this one as well",
		"add StringEquals on the session tags aws:RequestTag/eks-cluster-arn, kubernetes-namespace and kubernetes-service-account, or on sts:ExternalId where they are disabled")
}

// identifying are the endings of keys that say whose token or pod it is.
func identifying(key string) bool {
	key = strings.ToLower(key)
	for _, end := range []string{":sub", ":aud"} {
		if strings.HasSuffix(key, end) {
			return true
		}
	}
	return slices.ContainsFunc([]string{tagCluster, tagNamespace, tagAccount, "aws:RequestTag/eks-cluster-name"},
		func(k string) bool { return strings.EqualFold(k, key) })
}

// literalStars are wildcards in operators that know none. (refusals row 37)
func (j *judged) literalStars() {
	for _, c := range j.statement.Conditions {
		if c.Operator.Name != "StringEquals" && c.Operator.Name != "StringEqualsIgnoreCase" || !identifying(c.Key) {
			continue
		}
		for _, v := range c.Values {
			if strings.ContainsAny(v, "*?") {
				j.add(37, Hold, fmt.Sprintf("compares %s with %q by %s", c.Key, v, c.Operator), "a star is a letter there, so it matches nobody", "write StringLike")
			}
		}
	}
}

// Other is a statement of a role's trust policy that is none of ours.
type Other struct {
	Lets  string   // whom it lets in: "statement Door lets user/ann in"
	Holds []Danger // why it would be held if a change brought it now
}

// Others are the statements of a trust policy of ours that are none of ours: who
// adopted a role keeps it so, and who did not may want to know. A policy that
// cannot be read says nothing.
func Others(d access.Document, about About) []Other {
	p, err := iam.Parse(iam.Trust, string(d))
	if err != nil {
		return nil
	}
	var out []Other
	for i, s := range p.Statements {
		if s.Effect != iam.Allow || Ours(s.Sid) {
			continue
		}
		var who []string
		for _, p := range s.Principals {
			word := p.Value
			if p.Type == "*" || p.Value == "*" {
				word = "everybody"
			}
			if !slices.Contains(who, word) {
				who = append(who, word)
			}
		}
		words := "a statement" // in canonical form they have another order than on AWS
		if s.Sid != "" {
			words = "statement " + s.Sid
		}
		words += " lets " + strings.Join(who, ", ") + " in"
		if len(s.Conditions) > 0 {
			words += " under conditions"
		}
		holds := slices.DeleteFunc(judgeStatement(p, i, about), func(d Danger) bool { return d.Severity != Hold })
		out = append(out, Other{words, holds})
	}
	return out
}
