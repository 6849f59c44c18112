package trust

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
)

const home = "492000000148"

func key(name string) access.ClusterKey {
	return access.ClusterKey{Account: home, Region: "us-east-1", Name: name}
}

// hexOf gives each cluster an issuer of its own.
func issuerOf(k access.ClusterKey) (Issuer, bool) {
	if strings.HasPrefix(k.Name, "unread") {
		return Issuer{}, false
	}
	id := strings.ToUpper(sidOf(k, "")[len("Atlas"):])
	i, err := IssuerAt("aws", home, "oidc.eks."+k.Region+".amazonaws.com/id/"+strings.Repeat("0", 32-len(id))+id)
	return i, err == nil
}

// trusts reads "PodIdentity test ns/name"; "untagged" stands for Pod Identity
// without session tags.
func trusts(t testing.TB, lines ...string) []access.WantTrust {
	t.Helper()
	var out []access.WantTrust
	for _, l := range lines {
		f := strings.Fields(l)
		ns, name, ok := strings.Cut(f[2], "/")
		if !ok {
			t.Fatalf("%q is not SCHEME CLUSTER NAMESPACE/NAME", l)
		}
		w := access.WantTrust{Credentials: access.Credentials(f[0]), Cluster: key(f[1]), Namespace: ns, Name: name}
		if f[0] == "untagged" {
			w.Credentials, w.Untagged = access.PodIdentity, true
		}
		out = append(out, w)
	}
	return out
}

// shows: item S165
func TestATrustPolicyOfOursIsKnownByItsStatements(t *testing.T) {
	others := `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`
	for name, c := range map[string]struct {
		document access.Document
		want     bool
	}{
		"by Pod Identity":         {merged(t, "", want(t, "PodIdentity test ops/yace")), true},
		"by IRSA":                 {merged(t, "", want(t, "IRSA test ops/yace")), true},
		"beside another's":        {merged(t, policyOf(others), want(t, "IRSA test ops/yace")), true},
		"another's":               {policyOf(others), false},
		"another's of that name":  {policyOf(strings.Replace(others, "{", `{"Sid":"AtlasPIlot",`, 1)), false},
		"none":                    {"", false},
		"one that cannot be read": {`{"Statement":[{"Sid":"AtlasPI0123456789ab"`, false},
	} {
		if got := Written(c.document); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func want(t testing.TB, lines ...string) []Statement {
	t.Helper()
	s, missing := Want(trusts(t, lines...), issuerOf)
	if len(missing) > 0 {
		t.Fatalf("missing: %v", missing)
	}
	return s
}

func merged(t testing.TB, have access.Document, s []Statement, unread ...Missing) access.Document {
	t.Helper()
	d, err := Merge(have, s, unread...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func equalJSON(t *testing.T, want, got string) {
	t.Helper()
	var w, g any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("want: %v\n%s", err, want)
	}
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("got: %v\n%s", err, got)
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// shows: item S98
// The forms are those of the EKS User Guide: pod-id-role and
// associate-service-account-role.
func TestAStatementIsWrittenAsAWSDocumentsIt(t *testing.T) {
	i, _ := issuerOf(key("test"))
	name, sid := i.Name(), func(kind string) string { return sidOf(key("test"), kind) }
	for what, c := range map[string]struct {
		of   []string
		want []string
	}{
		"Pod Identity": {[]string{"PodIdentity test ops-monitoring-ns/yace-sa"}, []string{`{"Sid":"` + sid("PI") + `","Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},
			"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{
			"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:us-east-1:492000000148:cluster/test","aws:RequestTag/kubernetes-namespace":"ops-monitoring-ns","aws:RequestTag/kubernetes-service-account":"yace-sa"}}}`}},
		"IRSA": {[]string{"IRSA test loki/loki"}, []string{`{"Sid":"` + sid("IRSA") + `","Effect":"Allow","Principal":{"Federated":"arn:aws:iam::492000000148:oidc-provider/` + name + `"},
			"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` + name + `:aud":"sts.amazonaws.com","` + name + `:sub":"system:serviceaccount:loki:loki"}}}`}},
		"IRSA by pattern": {[]string{"IRSA test pr-*/app"}, []string{`{"Sid":"` + sid("IRSA") + `","Effect":"Allow","Principal":{"Federated":"arn:aws:iam::492000000148:oidc-provider/` + name + `"},
			"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` + name + `:aud":"sts.amazonaws.com"},"StringLike":{"` + name + `:sub":"system:serviceaccount:pr-*:app"}}}`}},
		"two of one namespace share a statement": {[]string{"PodIdentity test ns/b", "PodIdentity test ns/a"}, []string{`{"Sid":"` + sid("PI") + `","Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},
			"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{
			"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:us-east-1:492000000148:cluster/test","aws:RequestTag/kubernetes-namespace":"ns","aws:RequestTag/kubernetes-service-account":["a","b"]}}}`}},
		"two that are no product do not": {[]string{"PodIdentity test x/a", "PodIdentity test y/b"}, []string{`{"Sid":"` + sid("PI") + `","Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},
			"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{
			"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:us-east-1:492000000148:cluster/test","aws:RequestTag/kubernetes-namespace":"x","aws:RequestTag/kubernetes-service-account":"a"}}}`,
			`{"Sid":"` + sid("PI") + `n2","Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},
			"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{
			"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:us-east-1:492000000148:cluster/test","aws:RequestTag/kubernetes-namespace":"y","aws:RequestTag/kubernetes-service-account":"b"}}}`}},
		"Pod Identity by pattern": {[]string{"PodIdentity test pr-*/app"}, []string{`{"Sid":"` + sid("PI") + `","Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},
			"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{
			"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:us-east-1:492000000148:cluster/test","aws:RequestTag/kubernetes-service-account":"app"},
			"StringLike":{"aws:RequestTag/kubernetes-namespace":"pr-*"}}}`}},
		"without session tags": {[]string{"untagged test ns/a"}, []string{`{"Sid":"` + sid("PI") + `","Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]}`}},
	} {
		t.Run(what, func(t *testing.T) {
			got := want(t, c.of...)
			if len(got) != len(c.want) {
				t.Fatalf("%d statements: %v", len(got), got)
			}
			for i := range got {
				equalJSON(t, c.want[i], got[i].JSON)
				if _, err := iam.Parse(iam.Trust, `{"Version":"2012-10-17","Statement":`+got[i].JSON+`}`); err != nil {
					t.Error(err)
				}
				if !Ours(got[i].Sid) {
					t.Errorf("%s is not known as ours", got[i].Sid)
				}
			}
		})
	}
}

func TestATargetsStatementNamesTheRoleAndItsPods(t *testing.T) {
	const role = "arn:aws:iam::492000000148:role/loki"
	got, missing := WantTarget(role, trusts(t, "PodIdentity test loki/loki", "untagged prod loki/loki", "untagged wide pr-*/loki"))
	if len(got) != 3 || len(missing) != 0 {
		t.Fatalf("%v, %v", got, missing)
	}
	equalJSON(t, `{"Sid":"`+sidOf(key("test"), "Target")+`","Effect":"Allow","Principal":{"AWS":"`+role+`"},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{
		"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:us-east-1:492000000148:cluster/test","aws:RequestTag/kubernetes-namespace":"loki","aws:RequestTag/kubernetes-service-account":"loki"}}}`, got[1].JSON)
	equalJSON(t, `{"Sid":"`+sidOf(key("prod"), "Target")+`","Effect":"Allow","Principal":{"AWS":"`+role+`"},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{
		"sts:ExternalId":"us-east-1/492000000148/prod/loki/loki"}}}`, got[0].JSON)
	equalJSON(t, `{"Sid":"`+sidOf(key("wide"), "Target")+`","Effect":"Allow","Principal":{"AWS":"`+role+`"},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringLike":{
		"sts:ExternalId":"us-east-1/492000000148/wide/pr-*/loki"}}}`, got[2].JSON)
}

func TestWhatCannotBeWrittenIsMissingWithItsReason(t *testing.T) {
	s, missing := Want(trusts(t, "PodIdentity test a/x", "IRSA unread a/x", "IRSA prod ${aws:x}/y", "IRSA prod a/y"), issuerOf)
	var got []string
	for _, m := range missing {
		got = append(got, m.Cluster.Name+" "+m.Trusts[0].Namespace+": "+m.Reason)
	}
	if diff := cmp.Diff([]string{"prod ${aws:x}: Kubernetes has no such names", "unread a: the issuer of unread's tokens is not known"}, got); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	if len(s) != 2 {
		t.Errorf("the other two get a statement each, not %v", s)
	}
}

// shows: item S99
func TestAClusterThatComesOrGoesChangesNoOtherStatement(t *testing.T) {
	three := want(t, "PodIdentity a ns/x", "IRSA a ns/x", "PodIdentity b ns/x", "IRSA c pr-*/x")
	for _, gone := range []string{"a", "b", "c"} {
		var kept []Statement
		for _, s := range three {
			if s.Cluster.Name != gone {
				kept = append(kept, s)
			}
		}
		var lines []string
		for _, l := range []string{"PodIdentity a ns/x", "IRSA a ns/x", "PodIdentity b ns/x", "IRSA c pr-*/x"} {
			if strings.Fields(l)[1] != gone {
				lines = append(lines, l)
			}
		}
		if diff := cmp.Diff(kept, want(t, lines...)); diff != "" {
			t.Errorf("without %s (-with it +without):\n%s", gone, diff)
		}
	}
}

const others = `{"Version":"2012-10-17","Statement":[
	{"Sid":"Lambda","Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"},
	{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::492000000148:role/ci"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"7"}}}]}`

// sids of a document's statements.
func sids(t *testing.T, d access.Document) []string {
	t.Helper()
	p, err := iam.Parse(iam.Trust, string(d))
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, s := range p.Statements {
		out = append(out, s.Sid)
	}
	return out
}

func has(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// shows: item S99
func TestMergingLeavesOthersStatementsAndReplacesOurs(t *testing.T) {
	ab := want(t, "PodIdentity a ns/x", "PodIdentity b ns/x")
	both := merged(t, access.Document(others), ab)
	if got := sids(t, both); len(got) != 4 || !has(got, "Lambda") || !has(got, "") || !has(got, ab[0].Sid) || !has(got, ab[1].Sid) {
		t.Fatalf("Sids %q", got)
	}
	if again := merged(t, both, ab); again != both {
		t.Errorf("merging again changes the policy:\n%s\n%s", both, again)
	}
	if one := merged(t, both, ab[:1]); len(sids(t, one)) != 3 || has(sids(t, one), ab[1].Sid) {
		t.Errorf("a cluster that goes takes its statement along, not %q", sids(t, one))
	}
	if back := merged(t, both, nil); back != merged(t, access.Document(others), nil) {
		t.Errorf("without ours it is not what it was: %s", back)
	}
	if single := merged(t, `{"Version":"2008-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`, ab[:1]); len(sids(t, single)) != 2 ||
		!strings.Contains(string(single), "2008-10-17") {
		t.Errorf("a single statement and its Version stay, not %s", single)
	}
}

// shows: item S99
func TestWhatWasNotReadKeepsItsStatement(t *testing.T) {
	old := merged(t, "", want(t, "IRSA a ns/x", "IRSA b ns/x"))
	lines := trusts(t, "IRSA a ns/x", "IRSA b ns/x")
	nowB := func(k access.ClusterKey) (Issuer, bool) {
		if k.Name == "a" {
			return Issuer{}, false
		}
		return issuerOf(k)
	}
	s, missing := Want(lines, nowB)
	if len(s) != 1 || len(missing) != 1 {
		t.Fatalf("%v, %v", s, missing)
	}
	if got := merged(t, old, s, missing...); got != old {
		t.Errorf("a's statement does not stay: %s", got)
	}
	if got := merged(t, old, s); len(sids(t, got)) != 1 {
		t.Errorf("twin: a that is not wanted goes, not %q", sids(t, got))
	}
}

func TestAPolicyOfNobodyIsAnError(t *testing.T) {
	if d, err := Merge("", nil); err == nil {
		t.Errorf("an empty policy: %s", d)
	}
	if d, err := Merge(merged(t, "", want(t, "IRSA a ns/x")), nil); err == nil {
		t.Errorf("the last statement of ours is gone: %s", d)
	}
	if d, err := Merge("{", want(t, "IRSA a ns/x")); err == nil {
		t.Errorf("not a policy: %s", d)
	}
}

// shows: item S100
// refusals.md row 45. AWS says of IRSA: about 4 clusters a role, 8 at the most.
// (EKS User Guide, service-accounts)
func TestATrustPolicyIsMeteredBeforeItIsWritten(t *testing.T) {
	name := func(i int) string { return "c" + string(rune('a'+i/26)) + string(rune('a'+i%26)) }
	many := func(scheme string, n int) access.Document {
		var lines []string
		for i := range n {
			lines = append(lines, scheme+" "+name(i)+" monitoring/yace")
		}
		return merged(t, "", want(t, lines...))
	}
	for n, over := range map[int]bool{1: false, 4: false, 5: true, 60: true} {
		f, err := Measure(many("IRSA", n))
		if err != nil {
			t.Fatal(err)
		}
		if f.Over() != over || f.Clusters != n || f.Size != Size(many("IRSA", n)) {
			t.Errorf("%d clusters: %+v", n, f)
		}
		if n > 8 && (f.Fit != 4 || f.FitRaised < 8 || f.FitRaised > 9) {
			t.Errorf("%d clusters: 4 fit and 8 to 9 with the raised quota, not %d and %d", n, f.Fit, f.FitRaised)
		}
		if n == 60 {
			for _, word := range []string{"2,048", "4,096", "of 60 clusters 4 fit", "{cluster}"} {
				if !strings.Contains(f.String(), word) {
					t.Errorf("%q lacks %q", f, word)
				}
			}
		}
	}
	// What is said to fit fits, and one more does not; of Pod Identity clusters
	// share a statement.
	for scheme, most := range map[string][2]int{"IRSA": {4, 8}, "PodIdentity": {34, 76}} {
		f, err := Measure(many(scheme, 100))
		if err != nil {
			t.Fatal(err)
		}
		if f.Fit != most[0] || f.FitRaised != most[1] || f.Clusters != 100 {
			t.Errorf("%s: %+v, want %v", scheme, f, most)
		}
		if Size(many(scheme, f.Fit)) > Quota || Size(many(scheme, f.Fit+1)) <= Quota || Size(many(scheme, f.FitRaised)) > RaisedQuota || Size(many(scheme, f.FitRaised+1)) <= RaisedQuota {
			t.Errorf("%s: %+v", scheme, f)
		}
	}
	// Others' statements take their part.
	alone, _ := Measure(many("IRSA", 4))
	beside, err := Measure(merged(t, access.Document(others), want(t, "IRSA caa monitoring/yace", "IRSA cab monitoring/yace", "IRSA cac monitoring/yace", "IRSA cad monitoring/yace")))
	if err != nil || beside.Fit >= alone.Fit || beside.Others <= alone.Others {
		t.Errorf("beside others' %+v, alone %+v, %v", beside, alone, err)
	}
}

func TestClustersShareAStatementOnlyWhereThereIsNoRoom(t *testing.T) {
	lines := func(n int) []string {
		out := []string{"IRSA c00 ns/x", "PodIdentity c01 other/y"}
		for i := range n {
			out = append(out, fmt.Sprintf("PodIdentity c%02d ns/x", i))
		}
		return out
	}
	for n, statements := range map[int]int{2: 4, 3: 5, 6: 3, 12: 3} { // c01 has two things, so what it shares is one of them
		got := sids(t, merged(t, "", want(t, lines(n)...)))
		if len(got) != statements {
			t.Errorf("%d clusters: %d statements, want %d: %q", n, len(got), statements, got)
		}
	}
	d := merged(t, "", want(t, lines(12)...))
	if again := merged(t, d, want(t, lines(12)...)); again != d {
		t.Errorf("merging again changes it:\n%s\n%s", d, again)
	}
	if back := merged(t, d, want(t, lines(2)...)); back != merged(t, "", want(t, lines(2)...)) {
		t.Errorf("with room again each cluster has its own: %s", back)
	}
	if l := Lacks(d, want(t, lines(12)...)); len(l) > 0 {
		t.Errorf("shared, it lacks %v", l)
	}
	if l := Lacks(d, want(t, lines(13)...)); len(l) != 1 || l[0].Cluster.Name != "c12" {
		t.Errorf("it lacks a thirteenth cluster alone, not %v", l)
	}
}

func TestAnExpectedIssuerIsAsLongAsTheClustersOwn(t *testing.T) {
	lines := trusts(t, "IRSA a ns/x", "IRSA b pr-*/x")
	real, _ := Want(lines, issuerOf)
	guessed, missing := Want(lines, ExpectedIssuer(home))
	if len(missing) > 0 {
		t.Fatal(missing)
	}
	if r, g := Size(merged(t, "", real)), Size(merged(t, "", guessed)); r != g {
		t.Errorf("%d characters, expected %d", r, g)
	}
}

func TestAnIssuerIsAURLWithoutItsScheme(t *testing.T) {
	for issuer, ok := range map[string]bool{
		"oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF": true, "127.0.0.1:4566/oidc/x": true,
		"https://oidc.eks.us-east-1.amazonaws.com/id/X": false, "http://x": false, "": false, "x/*": false, "x?y": false,
	} {
		i, err := IssuerAt("aws", home, issuer)
		if (err == nil) != ok || ok && i.Name() != issuer {
			t.Errorf("%q: %v, %v", issuer, i, err)
		}
	}
}

// What is wanted twice is written once, and in whatever order alike.
func TestWhatIsWantedTwiceIsWrittenOnce(t *testing.T) {
	lines := trusts(t, "PodIdentity a ops/app", "PodIdentity a ops/api", "PodIdentity b ops/app")
	issuer := func(k access.ClusterKey) (Issuer, bool) { return issuerOf(k) }
	once, missing := Want(lines, issuer)
	if len(missing) > 0 || len(once) == 0 {
		t.Fatal(once, missing)
	}
	twice := append(append(lines[:0:0], lines[2], lines[0], lines[1]), lines...)
	again, missing := Want(twice, issuer)
	if len(missing) > 0 || len(again) != len(once) {
		t.Fatalf("%d statements, want %d; %v", len(again), len(once), missing)
	}
	for i := range once {
		if once[i].Sid != again[i].Sid || once[i].JSON != again[i].JSON {
			t.Errorf("%+v, want %+v", again[i], once[i])
		}
	}
}
