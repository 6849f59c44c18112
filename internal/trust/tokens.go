package trust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// tokens is the trust of an OIDC provider. (refusals rows 34 to 36, 38 to 40)
func (j *judged) tokens(provider string) {
	i := Issuer{provider}
	name := i.Name()
	if !j.issuer(i) {
		return
	}
	t := token{j: j, caller: provider, sub: name + ":sub", aud: name + ":aud", claims: facts{}}
	for _, c := range j.statement.Conditions {
		key := strings.ToLower(c.Key)
		if strings.HasPrefix(key, strings.ToLower(name)+":") && !identifying(key) && !strings.HasSuffix(key, ":oaud") && !strings.HasSuffix(key, ":amr") {
			t.claims[c.Key] = []string{stranger}
		}
	}
	switch {
	case gitHub(name):
		t.gitHub()
	default:
		t.subject(strings.HasPrefix(name, "oidc.eks."))
	}
	t.audience()
}

// issuer judges of which issuer the statement is. (refusals row 39) It is
// false where the statement lets nobody in.
func (j *judged) issuer(i Issuer) bool {
	const hold, name = Hold, "the OIDC provider "
	a, err := access.ParseARN(i.Provider)
	if err != nil || i.Name() == "" {
		j.add(39, hold, "names "+name+i.Provider, "that is no provider's ARN", "write arn:aws:iam::ACCOUNT:oidc-provider/ISSUER")
		return false
	}
	if strings.Contains(i.Name(), "://") {
		j.add(39, hold, "names "+name+"of "+i.Name(), "an issuer is written without https:// here, and http:// is none", "leave https:// out")
		return false
	}
	if role, err := access.ParseARN(j.Role); err == nil && (a.Partition != role.Partition || a.Account != role.Account) {
		j.add(39, hold, "names "+name+"of another account or partition, "+i.Provider, "AWS looks for providers in the role's own account, so it lets nobody in",
			"write arn:"+role.Partition+":iam::"+role.Account+":"+providerPrefix+i.Name())
		return false
	}
	for _, c := range j.statement.Conditions {
		if !strings.HasSuffix(strings.ToLower(c.Key), ":sub") && !strings.HasSuffix(strings.ToLower(c.Key), ":aud") {
			continue
		}
		if of := c.Key[:len(c.Key)-4]; !strings.EqualFold(of, i.Name()) {
			j.add(39, hold, "has the provider of "+i.Name()+" and a condition on "+c.Key, "a token of the one has no claim of the other",
				"write "+i.Name()+c.Key[len(c.Key)-4:])
		}
	}
	j.whoseCluster(i)
	return true
}

// whoseCluster points at an issuer that is none of the clusters for which the
// role is.
func (j *judged) whoseCluster(i Issuer) {
	if !strings.HasPrefix(i.Name(), "oidc.eks.") || len(j.Of) == 0 || len(j.Clusters) == 0 {
		return
	}
	whose := "no cluster that was read"
	for _, c := range j.Clusters {
		if !strings.EqualFold(c.Issuer, i.Name()) {
			continue
		}
		if slices.ContainsFunc(j.Of, func(t access.WantTrust) bool { return t.Cluster == c.Key }) {
			return
		}
		whose = "the cluster " + c.Key.Name + ", for which the workload is not"
	}
	severity := Warn
	if Ours(j.statement.Sid) {
		severity = Hold // a cluster made anew has a new issuer
	}
	j.add(39, severity, "names the issuer of "+whose+", "+i.Name(), "tokens of that one may have the role", "take the statement out unless that is meant")
}

// token puts tokens of one provider to a statement.
type token struct {
	j        *judged
	caller   string
	sub, aud string
	claims   facts // all others that the statement looks at, as a stranger has them
}

func (t *token) possible(f facts) bool {
	return t.j.possible(bearer(t.caller), f, assumeWithWeb)
}

// looksAt reports whether a condition of the statement is on a key.
func (t *token) looksAt(key string) bool { return len(t.valuesOf(key)) > 0 }

func (t *token) valuesOf(key string) []string {
	var out []string
	for _, c := range t.j.statement.Conditions {
		if strings.EqualFold(c.Key, key) && c.Operator.Name != "Null" {
			out = append(out, c.Values...)
		}
	}
	return out
}

// subject is whose token it must be.
func (t *token) subject(eks bool) {
	f := func(sub string) facts { return t.claims.with(facts{t.sub: {sub}}) }
	const instead = "add StringEquals on the subject, system:serviceaccount:NAMESPACE:NAME"
	anyone := f(subjectPrefix + stranger + ":" + stranger)
	switch {
	case t.possible(anyone) && !t.looksAt(t.sub):
		t.j.add(34, Hold, "has no condition on "+t.sub, "every ServiceAccount of the cluster may have the role", instead)
	case t.possible(anyone):
		t.j.add(35, Hold, "matches any subject with "+t.said(), "every ServiceAccount of the cluster may have the role", instead)
	case t.possible(t.claims.with(facts{t.sub: nil})):
		t.j.add(38, Hold, "has a condition on "+t.sub+" that holds where it is absent", "ForAllValues: and IfExists ask nothing of what is not there",
			"write StringEquals or StringLike")
	case !eks:
	default:
		for _, name := range t.names() {
			if t.possible(f(subjectPrefix + stranger + ":" + name)) {
				t.j.add(35, Hold, "matches the ServiceAccount "+strings.ReplaceAll(name, stranger, "*")+" in any namespace with "+t.said(),
					"whoever may make a namespace, or a ServiceAccount in one, may have the role", "write the namespace, or the part of its name that is fixed")
				return
			}
		}
	}
}

// said is what the statement has on the subject.
func (t *token) said() string {
	var out []string
	for _, v := range t.valuesOf(t.sub) {
		out = append(out, fmt.Sprintf("%q", v))
	}
	return strings.Join(out, ", ")
}

// names are ServiceAccounts' names that a value on the subject ends in.
func (t *token) names() []string {
	var out []string
	for _, v := range t.valuesOf(t.sub) {
		last := v[strings.LastIndexByte(v, ':')+1:]
		for _, n := range []string{"", stranger} {
			if s := strings.NewReplacer("*", n, "?", stranger).Replace(last); s != "" && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// audience is for whom it must have been made.
func (t *token) audience() {
	fresh := t.possible(facts{t.aud: {stranger}})
	const instead = "add StringEquals on the audience, " + stsAudience
	switch {
	case fresh && !t.looksAt(t.aud):
		t.j.add(36, Hold, "has no condition on "+t.aud, "a token that was made for another service may have the role", instead)
		return
	case fresh:
		t.j.add(36, Hold, "matches any audience", "a token that was made for another service may have the role", instead)
		return
	case t.possible(facts{t.aud: nil}):
		t.j.add(38, Hold, "has a condition on "+t.aud+" that holds where it is absent", "ForAllValues: and IfExists ask nothing of what is not there", "write StringEquals")
		return
	case !t.j.ProvidersRead:
		return
	}
	at := slices.IndexFunc(t.j.Providers, func(p access.HaveProvider) bool { return p.ARN == t.caller })
	if at < 0 {
		return // a provider that is not there yet, or no more
	}
	ids := t.j.Providers[at].ClientIDs
	if !slices.ContainsFunc(ids, func(id string) bool { return t.possible(facts{t.aud: {id}}) }) {
		t.j.add(36, Hold, "asks for an audience that the provider does not know", "STS refuses every such token; the provider has "+strings.Join(ids, ", "), instead)
	}
}

// gitHub reports whether an issuer is that of GitHub Actions.
func gitHub(name string) bool {
	return name == "token.actions.githubusercontent.com" || strings.HasPrefix(name, "token.actions.githubusercontent.com/") ||
		strings.HasPrefix(name, "token.actions.") && strings.HasSuffix(name, ".ghe.com")
}

// gitHub is the trust of GitHub Actions. (refusals row 40) A subject is
// repo:ORG/REPO:WHAT.
func (t *token) gitHub() {
	possible := func(sub string) bool { return t.possible(t.claims.with(facts{t.sub: {sub}})) }
	const branch = ":ref:refs/heads/" + stranger
	const instead = "write repo:ORG/REPO:ref:refs/heads/BRANCH, or environment:NAME, whole"
	switch {
	case possible("repo:" + stranger + "/" + stranger + branch):
		what := "has no condition on " + t.sub
		if t.looksAt(t.sub) {
			what = "matches any repository with " + t.said()
		}
		t.j.add(40, Hold, what, "a workflow of any repository on GitHub may have the role", instead)
		return
	case t.possible(t.claims.with(facts{t.sub: nil})):
		t.j.add(38, Hold, "has a condition on "+t.sub+" that holds where it is absent", "ForAllValues: and IfExists ask nothing of what is not there", "write StringEquals or StringLike")
		return
	}
	for _, v := range t.valuesOf(t.sub) {
		org, rest, _ := strings.Cut(strings.TrimPrefix(v, "repo:"), "/")
		repo, _, _ := strings.Cut(rest, ":")
		some := possible(strings.NewReplacer("*", stranger, "?", stranger).Replace(v))
		matches := fmt.Sprintf("matches %q", v)
		switch {
		case some && strings.ContainsAny(org, "*?"):
			t.j.add(40, Hold, matches, "anybody may make an organisation whose name begins with "+fixed(org), instead)
		case some && fixed(repo) == "" && strings.ContainsAny(v, "*?"):
			t.j.add(40, Hold, matches, "every repository of "+org+" may have the role, also one that is made tomorrow", instead)
		case some && strings.ContainsAny(repo, "*?"):
			t.j.add(40, Warn, matches, "every repository of "+org+" that begins with "+fixed(repo)+" may have the role", instead)
		case possible("repo:" + org + "/" + repo + ":pull_request"):
			t.j.add(40, Warn, matches, "a workflow of a pull request may have the role", instead)
		}
	}
}

// fixed is what stands before the first wildcard.
func fixed(pattern string) string {
	if i := strings.IndexAny(pattern, "*?"); i >= 0 {
		return pattern[:i]
	}
	return pattern
}
