package trust

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// judgedCase is a statement of a trust policy and what is found, as row and
// severity.
type judgedCase struct {
	statement string
	want      []string
}

const (
	ours    = "arn:aws:iam::" + home + ":role/loki"
	eksHost = "oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
	another = "oidc.eks.us-east-1.amazonaws.com/id/FEDCBA9876543210FEDCBA9876543210"
	gitHost = "token.actions.githubusercontent.com"
	partner = "111122223333"
)

func runJudged(t *testing.T, about About, cases map[string]judgedCase) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			found := Judge(policyOf(c.statement), about)
			if diff := cmp.Diff(c.want, rows(found)); diff != "" {
				t.Errorf("(-want +got):\n%s\n%v", diff, found)
			}
			for _, d := range found {
				if d.What == "" || d.Leads == "" || d.Where == "" || strings.Contains(d.String(), stranger) {
					t.Errorf("it says %q", d)
				}
			}
		})
	}
}

func policyOf(statements string) access.Document {
	return access.Document(`{"Version":"2012-10-17","Statement":[` + statements + `]}`)
}

func rows(found []Danger) []string {
	var out []string
	for _, d := range found {
		out = append(out, fmt.Sprintf("%d %v", d.Row, d.Severity))
	}
	return out
}

// pod is a Pod Identity statement with a condition.
func pod(condition string) string {
	return `{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]` + conditioned(condition) + `}`
}

// web is a statement of an OIDC provider; SUB, AUD stand for the issuer's keys.
func web(host, condition string) string {
	condition = strings.NewReplacer("SUB", host+":sub", "AUD", host+":aud").Replace(condition)
	return `{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::` + home + `:oidc-provider/` + host + `"},"Action":"sts:AssumeRoleWithWebIdentity"` + conditioned(condition) + `}`
}

func conditioned(condition string) string {
	if condition == "" {
		return ""
	}
	return `,"Condition":{` + condition + `}`
}

func aws(principal, condition string) string {
	return `{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"` + conditioned(condition) + `}`
}

const (
	tags = `"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:us-east-1:` + home + `:cluster/test","aws:RequestTag/kubernetes-namespace":"loki","aws:RequestTag/kubernetes-service-account":"loki"`
	aud  = `"AUD":"sts.amazonaws.com"`
)

// shows: item S101
// refusals.md row 31.
func TestPodIdentityIsBoundToClusterNamespaceAndServiceAccount(t *testing.T) {
	cases := func(severity string) map[string]judgedCase {
		danger := []string{"31 " + severity}
		return map[string]judgedCase{
			"no condition":                           {pod(""), danger},
			"the account by the cluster":             {pod(`"StringLike":{"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:*:` + home + `:cluster/*"}`), danger},
			"the account":                            {pod(`"StringEquals":{"aws:SourceAccount":"` + home + `"}`), danger},
			"the organisation":                       {pod(`"StringEquals":{"aws:SourceOrgId":"o-1"}`), danger},
			"all but one":                            {pod(`"StringNotEquals":{"aws:RequestTag/kubernetes-namespace":"dev"}`), danger},
			"absent tags will do":                    {pod(`"StringEqualsIfExists":{` + tags + `}`), danger},
			"for all of none":                        {pod(`"ForAllValues:StringEquals":{` + tags + `}`), danger},
			"the namespace is open":                  {pod(`"StringEquals":{"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:us-east-1:` + home + `:cluster/test","aws:RequestTag/kubernetes-service-account":"loki"}`), []string{"31 warn"}},
			"only the cluster, by what EKS may send": {pod(`"ArnEquals":{"aws:SourceArn":"arn:aws:eks:us-east-1:` + home + `:cluster/test"}`), []string{"31 warn"}},

			"twin: all three":                       {pod(`"StringEquals":{` + tags + `}`), nil},
			"twin: by the cluster's name":           {pod(`"StringEquals":{"aws:RequestTag/eks-cluster-name":"test","aws:RequestTag/kubernetes-namespace":"loki","aws:RequestTag/kubernetes-service-account":"loki"}`), nil},
			"twin: letter case of keys is the same": {pod(`"StringEquals":{` + strings.ReplaceAll(tags, "aws:RequestTag", "AWS:requesttag") + `}`), nil},
			"twin: bound by a denial": {pod("") + `,{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringNotEquals":{"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:us-east-1:` + home + `:cluster/test"}}},
				{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringNotEquals":{"aws:RequestTag/kubernetes-namespace":"loki"}}},
				{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringNotEquals":{"aws:RequestTag/kubernetes-service-account":"loki"}}}`, nil},
			"twin: another service": {aws(`{"Service":"lambda.amazonaws.com"}`, ""), nil},
		}
	}
	runJudged(t, About{Role: ours}, cases("warn"))
	runJudged(t, About{Role: ours, Ours: true}, cases("hold"))
	untagged := trusts(t, "untagged test loki/loki")
	d, _ := Want(untagged, issuerOf)
	for name, c := range map[string]struct {
		about About
		want  string
	}{
		"as the documents say":        {About{Role: ours, Ours: true, Of: untagged}, "31 warn"},
		"though the documents do not": {About{Role: ours, Ours: true, Of: trusts(t, "PodIdentity test loki/loki")}, "31 hold"},
		"nobody's word":               {About{Role: ours, Ours: true}, "31 hold"},
	} {
		if got := rows(Judge(merged(t, "", d), c.about)); !cmp.Equal(got, []string{c.want}) {
			t.Errorf("ours without session tags, %s: %v", name, got)
		}
	}
}

// shows: item S101
// refusals.md row 31, of the role at the end of a chain.
func TestATargetRoleTellsPodsApart(t *testing.T) {
	far := About{Role: "arn:aws:iam::" + partner + ":role/data", Source: ours, Accounts: []string{home, partner}}
	source := `{"AWS":"` + ours + `"}`
	runJudged(t, far, map[string]judgedCase{
		"no condition":                       {aws(source, ""), []string{"31 hold"}},
		"the source's account":               {aws(`{"AWS":"`+home+`"}`, ""), []string{"31 hold"}},
		"a user of the source's account too": {aws(`{"AWS":["arn:aws:iam::`+home+`:user/ann","`+ours+`"]}`, ""), []string{"31 hold"}},
		"that it is the source":              {aws(source, `"ArnEquals":{"aws:PrincipalArn":"`+ours+`"}`), []string{"31 hold"}},
		"absent tags will do":                {aws(source, `"StringEqualsIfExists":{`+tags+`}`), []string{"31 hold"}},
		"everybody":                          {aws(`"*"`, ""), []string{"41 hold", "31 hold"}},
		"every account":                      {aws(`{"AWS":"*"}`, ""), []string{"41 hold", "31 hold"}},
		"everybody with the tags":            {aws(`"*"`, `"StringEquals":{`+tags+`}`), []string{"41 hold"}},
		"twin: a service":                    {aws(`{"Service":"ec2.amazonaws.com"}`, ""), nil},
		"twin: tags":                         {aws(source, `"StringEquals":{`+tags+`}`), nil},
		"twin: the external id EKS sends":    {aws(source, `"StringEquals":{"sts:ExternalId":"us-east-1/`+home+`/test/loki/loki"}`), nil},
		"twin: somebody else's statement":    {aws(`{"AWS":"arn:aws:iam::`+partner+`:role/ci"}`, ""), nil},
	})
	runJudged(t, About{Role: "arn:aws:iam::" + home + ":role/data", Source: ours}, map[string]judgedCase{
		"in the same account it is pointed out": {aws(source, ""), []string{"31 warn"}},
	})
}

// shows: item S101
// refusals.md rows 34 to 36, 38.
func TestATokenIsBoundToSubjectAndAudience(t *testing.T) {
	runJudged(t, About{Role: ours, ProvidersRead: true, Providers: []access.HaveProvider{{ARN: "arn:aws:iam::" + home + ":oidc-provider/" + eksHost, ClientIDs: []string{"sts.amazonaws.com"}}}}, map[string]judgedCase{
		"34 no sub":               {web(eksHost, `"StringEquals":{`+aud+`}`), []string{"34 hold"}},
		"34 sub is only asked of": {web(eksHost, `"StringEquals":{`+aud+`},"Null":{"SUB":"false"}`), []string{"34 hold"}},
		"34, 36 nothing":          {web(eksHost, ""), []string{"34 hold", "36 hold"}},

		"35 any":                        {web(eksHost, `"StringEquals":{`+aud+`},"StringLike":{"SUB":"*"}`), []string{"35 hold"}},
		"35 any of any":                 {web(eksHost, `"StringEquals":{`+aud+`},"StringLike":{"SUB":"system:serviceaccount:*:*"}`), []string{"35 hold"}},
		"35 one of any":                 {web(eksHost, `"StringEquals":{`+aud+`},"StringLike":{"SUB":"system:serviceaccount:*:loki"}`), []string{"35 hold"}},
		"35 some of any":                {web(eksHost, `"StringEquals":{`+aud+`},"StringLike":{"SUB":"*:lo*"}`), []string{"35 hold"}},
		"35 one good and one of any":    {web(eksHost, `"StringEquals":{`+aud+`},"StringLike":{"SUB":["system:serviceaccount:a:b","system:*:loki"]}`), []string{"35 hold"}},
		"35 all but one":                {web(eksHost, `"StringEquals":{`+aud+`},"StringNotEquals":{"SUB":"system:serviceaccount:a:b"}`), []string{"35 hold"}},
		"twin: of one namespace":        {web(eksHost, `"StringEquals":{`+aud+`},"StringLike":{"SUB":"system:serviceaccount:loki:*"}`), nil},
		"twin: a pattern":               {web(eksHost, `"StringEquals":{`+aud+`},"StringLike":{"SUB":"system:serviceaccount:pr-*:loki"}`), nil},
		"twin: exact":                   {web(eksHost, `"StringEquals":{`+aud+`,"SUB":"system:serviceaccount:loki:loki"}`), nil},
		"twin: a denial closes it":      {web(eksHost, `"StringEquals":{`+aud+`}`) + `,{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringNotEquals":{"` + eksHost + `:sub":"system:serviceaccount:loki:loki"}}}`, nil},
		"36 no aud":                     {web(eksHost, `"StringEquals":{"SUB":"system:serviceaccount:loki:loki"}`), []string{"36 hold"}},
		"36 any aud":                    {web(eksHost, `"StringEquals":{"SUB":"system:serviceaccount:loki:loki"},"StringLike":{"AUD":"*"}`), []string{"36 hold"}},
		"36 not the provider's":         {web(eksHost, `"StringEquals":{"SUB":"system:serviceaccount:loki:loki","AUD":"vault"}`), []string{"36 hold"}},
		"twin: one of two is":           {web(eksHost, `"StringEquals":{"SUB":"system:serviceaccount:loki:loki","AUD":["vault","sts.amazonaws.com"]}`), nil},
		"twin: of an unread provider":   {web(another, `"StringEquals":{"SUB":"system:serviceaccount:loki:loki","AUD":"vault"}`), nil},
		"38 sub for all":                {web(eksHost, `"StringEquals":{`+aud+`},"ForAllValues:StringEquals":{"SUB":"system:serviceaccount:loki:loki"}`), []string{"38 hold"}},
		"38 sub if it exists":           {web(eksHost, `"StringEquals":{`+aud+`},"StringLikeIfExists":{"SUB":"system:serviceaccount:loki:*"}`), []string{"38 hold"}},
		"38 aud for all":                {web(eksHost, `"StringEquals":{"SUB":"system:serviceaccount:loki:loki"},"ForAllValues:StringEquals":{`+aud+`}`), []string{"38 hold"}},
		"twin: and it must exist":       {web(eksHost, `"StringEquals":{`+aud+`},"Null":{"SUB":"false"},"ForAllValues:StringEquals":{"SUB":"system:serviceaccount:loki:loki"}`), nil},
		"twin: for any":                 {web(eksHost, `"StringEquals":{`+aud+`},"ForAnyValue:StringEquals":{"SUB":"system:serviceaccount:loki:loki"}`), nil},
		"twin: IfExists on another key": {web(eksHost, `"StringEquals":{`+aud+`,"SUB":"system:serviceaccount:loki:loki"},"StringEqualsIfExists":{"aws:SourceVpc":"vpc-1"}`), nil},
	})
}

// refusals.md row 37.
func TestAStarInStringEqualsMatchesNobody(t *testing.T) {
	runJudged(t, About{Role: ours}, map[string]judgedCase{
		"sub":                {web(eksHost, `"StringEquals":{`+aud+`,"SUB":"system:serviceaccount:pr-*:loki"}`), []string{"37 hold"}},
		"a session tag":      {pod(`"StringEquals":{` + strings.Replace(tags, `"loki"`, `"lo*"`, 1) + `}`), []string{"37 hold"}},
		"twin: StringLike":   {web(eksHost, `"StringEquals":{`+aud+`},"StringLike":{"SUB":"system:serviceaccount:pr-*:loki"}`), nil},
		"a key in capitals":  {web(eksHost, `"StringEquals":{`+aud+`,"`+strings.ToUpper(eksHost)+`:Sub":"system:serviceaccount:pr-*:loki"}`), []string{"37 hold"}},
		"an audience":        {web(eksHost, `"StringEquals":{"AUD":"sts.*","SUB":"system:serviceaccount:loki:loki"}`), []string{"37 hold"}},
		"regardless of case": {web(eksHost, `"StringEquals":{`+aud+`},"StringEqualsIgnoreCase":{"SUB":"system:serviceaccount:pr-*:loki"}`), []string{"37 hold"}},
		"one of several":     {web(eksHost, `"StringEquals":{`+aud+`,"SUB":["system:serviceaccount:loki:loki","system:serviceaccount:pr-?:loki"]}`), []string{"37 hold"}},
		"twin: elsewhere":    {web(eksHost, `"StringEquals":{`+aud+`,"SUB":"system:serviceaccount:loki:loki","aws:UserAgent":"*"}`), nil},
	})
}

// refusals.md row 39.
func TestTheIssuerIsTheClustersOwn(t *testing.T) {
	good := `"StringEquals":{` + aud + `,"SUB":"system:serviceaccount:loki:loki"}`
	about := About{Role: ours, Of: trusts(t, "IRSA test loki/loki"),
		Clusters: []access.HaveCluster{{Key: key("test"), Issuer: eksHost}, {Key: key("prod"), Issuer: another}}}
	runJudged(t, about, map[string]judgedCase{
		"another account's provider":  {strings.Replace(web(eksHost, good), home, partner, 1), []string{"39 hold"}},
		"another partition":           {strings.Replace(web(eksHost, good), "arn:aws:", "arn:aws-cn:", 1), []string{"39 hold"}},
		"what is no provider":         {strings.Replace(web(eksHost, good), "oidc-provider/"+eksHost, "oidc-provider/", 1), []string{"39 hold"}},
		"http":                        {web("http://"+eksHost, good), []string{"39 hold"}},
		"https, which is not written": {web("https://"+eksHost, good), []string{"39 hold"}},
		"a condition on another issuer's claims": {strings.ReplaceAll(web(eksHost, good), eksHost+":", another+":"),
			[]string{"39 hold", "39 hold", "34 hold", "36 hold"}},
		"of a cluster on which the workload is not": {web(another, good), []string{"39 warn"}},
		"of no cluster":                {web(strings.Replace(another, "FE", "00", 1), good), []string{"39 warn"}},
		"ours, of a cluster made anew": {strings.Replace(web(another, good), `{`, `{"Sid":"`+sidOf(key("test"), "IRSA")+`",`, 1), []string{"39 hold"}},
		"twin: its own":                {web(eksHost, good), nil},
		"twin: no cluster's issuer":    {web("idp.example.com", good), nil},
	})
}

// refusals.md row 40.
func TestGitHubsSubjectNamesOneRepository(t *testing.T) {
	sub := func(operator, value string) string {
		if operator == "StringEquals" {
			return web(gitHost, `"StringEquals":{`+aud+`,"SUB":`+value+`}`)
		}
		return web(gitHost, `"StringEquals":{`+aud+`},"`+operator+`":{"SUB":`+value+`}`)
	}
	runJudged(t, About{Role: ours}, map[string]judgedCase{
		"no sub":                       {web(gitHost, `"StringEquals":{`+aud+`}`), []string{"40 hold"}},
		"any":                          {sub("StringLike", `"*"`), []string{"40 hold"}},
		"any repository":               {sub("StringLike", `"repo:*"`), []string{"40 hold"}},
		"org and whoever begins so":    {sub("StringLike", `"repo:org*"`), []string{"40 hold"}},
		"org-evil":                     {sub("StringLike", `"repo:org*/app:*"`), []string{"40 hold"}},
		"org-evil, one branch":         {sub("StringLike", `"repo:org*/app:ref:refs/heads/main"`), []string{"40 hold"}},
		"every repository of org":      {sub("StringLike", `"repo:org/*"`), []string{"40 hold"}},
		"some repositories of org":     {sub("StringLike", `"repo:org/app-*:ref:refs/heads/main"`), []string{"40 warn"}},
		"every workflow of one":        {sub("StringLike", `"repo:org/app:*"`), []string{"40 warn"}},
		"pull requests":                {sub("StringEquals", `"repo:org/app:pull_request"`), []string{"40 warn"}},
		"where it is absent":           {sub("ForAllValues:StringLike", `"repo:org/app:ref:refs/heads/main"`), []string{"38 hold"}},
		"no aud":                       {web(gitHost, `"StringEquals":{"SUB":"repo:org/app:ref:refs/heads/main"}`), []string{"36 hold"}},
		"twin: a branch":               {sub("StringEquals", `"repo:org/app:ref:refs/heads/main"`), nil},
		"twin: branches of one":        {sub("StringLike", `"repo:org/app:ref:refs/heads/*"`), nil},
		"twin: an environment":         {sub("StringEquals", `["repo:org/app:environment:prod","repo:org/web:environment:prod"]`), nil},
		"twin: bound by another claim": {web(gitHost, `"StringEquals":{`+aud+`,"`+gitHost+`:repository_id":"42"}`), nil},
	})
}

// shows: item S101
// refusals.md row 41.
func TestNobodyForeignMayHaveARoleForTheAsking(t *testing.T) {
	root := `{"AWS":"arn:aws:iam::` + partner + `:root"}`
	runJudged(t, About{Role: ours, Accounts: []string{home, "222233334444"}}, map[string]judgedCase{
		"everybody":                          {aws(`"*"`, ""), []string{"41 hold"}},
		"every account":                      {aws(`{"AWS":"*"}`, ""), []string{"41 hold"}},
		"everybody, wherever from":           {aws(`"*"`, `"Bool":{"aws:SecureTransport":"true"}`), []string{"41 hold"}},
		"a foreign account":                  {aws(root, ""), []string{"41 hold"}},
		"a foreign account by number":        {aws(`{"AWS":"`+partner+`"}`, ""), []string{"41 hold"}},
		"an external id, if there is one":    {aws(root, `"StringEqualsIfExists":{"sts:ExternalId":"7"}`), []string{"41 hold"}},
		"any external id":                    {aws(root, `"StringLike":{"sts:ExternalId":"*"}`), []string{"41 hold"}},
		"twin: everybody of an organisation": {aws(`"*"`, `"StringEquals":{"aws:PrincipalOrgID":"o-1"}`), nil},
		"twin: everybody, if it is one role": {aws(`"*"`, `"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::`+partner+`:role/x"}`), nil},
		"twin: with an external id":          {aws(root, `"StringEquals":{"sts:ExternalId":"7"}`), nil},
		"twin: one role of theirs":           {aws(`{"AWS":"arn:aws:iam::`+partner+`:role/x"}`, ""), nil},
		"twin: its own account":              {aws(`{"AWS":"`+home+`"}`, ""), nil},
		"twin: an account of ours":           {aws(`{"AWS":"222233334444"}`, ""), nil},
		"twin: one role there, by condition": {aws(root, `"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::`+partner+`:role/x"}`), nil},
	})
}

func TestWhatCannotBeReadIsHeld(t *testing.T) {
	if got := Judge("{", About{Role: ours}); len(got) != 1 || got[0].Severity != Hold {
		t.Errorf("%v", got)
	}
}

// shows: item S100
func TestARoleOfAnothersSaysWhatItLacks(t *testing.T) {
	wanted := want(t, "PodIdentity test loki/loki", "IRSA test pr-*/app")
	for name, c := range map[string]struct {
		have           string
		lacks, unclear int
	}{
		"both":                          {wanted[0].JSON + "," + wanted[1].JSON, 0, 0},
		"one":                           {wanted[0].JSON, 1, 0},
		"neither":                       {aws(`{"Service":"lambda.amazonaws.com"}`, ""), 2, 0},
		"wider ones are enough":         {pod(`"StringEquals":{"aws:RequestTag/eks-cluster-name":"test"}`) + "," + strings.ReplaceAll(wanted[indexOf(wanted, "IRSA")].JSON, "pr-*", "p*"), 0, 0},
		"a narrower pattern is not":     {wanted[indexOf(wanted, "PI")].JSON + "," + strings.ReplaceAll(wanted[indexOf(wanted, "IRSA")].JSON, "pr-*", "pr-1*"), 1, 0},
		"no sts:TagSession":             {strings.Replace(wanted[indexOf(wanted, "PI")].JSON, `["sts:AssumeRole","sts:TagSession"]`, `"sts:AssumeRole"`, 1) + "," + wanted[indexOf(wanted, "IRSA")].JSON, 1, 0},
		"a denial":                      {wanted[0].JSON + "," + wanted[1].JSON + `,{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"loki"}}}`, 1, 0},
		"what EKS is not known to send": {pod(`"StringEquals":{"aws:SourceAccount":"`+home+`"}`) + "," + wanted[indexOf(wanted, "IRSA")].JSON, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := policyOf(c.have)
			if l, u := Lacks(d, wanted), Unclear(d, wanted); len(l) != c.lacks || len(u) != c.unclear {
				t.Errorf("lacks %v, unclear %v", l, u)
			}
		})
	}
	pattern := want(t, "PodIdentity test pr-*/app")
	for have, lacks := range map[string]int{"pr-*": 0, "p*": 0, "pr-1*": 1, "pr-*1": 1} {
		if l := Lacks(policyOf(strings.ReplaceAll(pattern[0].JSON, "pr-*", have)), pattern); len(l) != lacks {
			t.Errorf("of Pod Identity by pr-*, %s lacks %v", have, l)
		}
	}
	if l := Lacks("{", wanted); len(l) != 2 {
		t.Errorf("an unreadable policy lacks %v", l)
	}
	paste := wanted[0].Indented()
	if !strings.HasPrefix(paste, "{\n  \"Action\"") || !strings.HasSuffix(paste, "\n}") {
		t.Errorf("to paste: %s", paste)
	}
}

func TestATargetOfAnothersSaysWhatItLacks(t *testing.T) {
	s, _ := WantTarget(ours, trusts(t, "PodIdentity test loki/loki"))
	bare, _ := WantTarget(ours, trusts(t, "untagged test loki/loki"))
	for have, lacks := range map[string][2]int{
		s[0].JSON:                           {0, 1},
		bare[0].JSON:                        {1, 0},
		aws(`{"AWS":"`+ours+`"}`, ""):       {1, 0}, // no sts:TagSession; without tags none is needed
		aws(`{"AWS":"`+ours+`-other"}`, ""): {1, 1},
		s[0].JSON + "," + strings.Replace(bare[0].JSON, `"Sid":"Atlas`, `"Sid":"Its`, 1): {0, 0},
		`{"Effect":"Allow","Principal":{"AWS":"` + home + `"},"Action":"sts:*"}`:         {0, 0},
	} {
		d := policyOf(have)
		if got := [2]int{len(Lacks(d, s)), len(Lacks(d, bare))}; got != lacks {
			t.Errorf("%s\nlacks %v of tagged and untagged, want %v", have, got, lacks)
		}
	}
}

func indexOf(of []Statement, kind string) int {
	for i, s := range of {
		if strings.HasPrefix(s.Sid, "Atlas"+kind) {
			return i
		}
	}
	return -1
}
