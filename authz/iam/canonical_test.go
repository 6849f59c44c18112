package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
)

// canonical is the text of all documents that are the same.
func canonical(t testing.TB, kind Kind, document string) access.Document {
	t.Helper()
	d, err := Canonical(kind, document)
	if err != nil {
		t.Fatalf("%v: %s", err, document)
	}
	return access.Document(d.Folded())
}

// Actions are spelled as they were written, and count whatever their capitals;
// nothing else does.
//
// shows: item S74
func TestActionsKeepTheirCapitals(t *testing.T) {
	form := func(action, resource string) access.Document {
		d, err := Canonical(Identity, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["`+action+`","ec2:RunInstances"],"Resource":"`+resource+`","Condition":{"StringEquals":{"aws:PrincipalTag/Action":"`+action+`"}}},{"Effect":"Deny","NotAction":"`+action+`","Resource":"*"}]}`)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	const bucket = "arn:aws:s3:::Action"
	written := form("s3:GetObject", bucket)
	if !strings.Contains(string(written), `"Action":["ec2:RunInstances","s3:GetObject"]`) || !strings.Contains(string(written), `"NotAction":"s3:GetObject"`) {
		t.Errorf("%s", written)
	}
	other := access.Document(strings.Replace(strings.Replace(string(written), `"s3:GetObject"]`, `"S3:getobject"]`, 1), `"NotAction":"s3:GetObject"`, `"NotAction":"S3:GETOBJECT"`, 1))
	if other == written || !other.Same(written) || !written.Same(other) {
		t.Errorf("%s is not %s", other, written)
	}
	for _, d := range []access.Document{form("s3:GetObject", "arn:aws:s3:::action"), form("s3:PutObject", bucket), form("S3:GetObject", bucket)} {
		if d.Same(written) { // the last for the condition's value
			t.Errorf("%s is %s", d, written)
		}
	}
}

// Each form of the left says what the one on the right says; each of the
// others does not.
//
// shows: item S74
func TestPoliciesThatSayTheSameByTheirFormAreOneText(t *testing.T) {
	const rest = `"Action":"s3:GetObject","Resource":"*"`
	one := func(s string) string { return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + s + `}]}` }
	when := func(c string) string { return one(rest + `,"Condition":` + c) }
	who := func(p string) string {
		return `{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":` + p + `}]}`
	}
	for name, tt := range map[string]struct {
		kind        Kind
		of          string
		same, other []string
	}{
		"a statement": {Identity, one(`"Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws:s3:::b/K","arn:aws:s3:::b"]`), []string{
			" {\n\t\"Statement\" : {\"Resource\":[\"arn:aws:s3:::b\",\"arn:aws:s3:::b/K\"],\"Action\":[\"s3:PutObject\",\"S3:getobject\",\"s3:GetObject\"],\"Effect\":\"Allow\"},\"Version\":\"2012-10-17\"}",
			one(`"Sid":"","Condition":{},"Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws:s3:::b","arn:aws:s3:::b/K","arn:aws:s3:::b"]`),
			one(`"Condition":{"StringEquals":{}},"Action":["s3:GetObject","s3:P\u0075tObject"],"Resource":["arn:aws:s3:::b","arn:aws:s3:::b/K"]`),
		}, []string{
			one(`"Sid":"A","Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws:s3:::b/K","arn:aws:s3:::b"]`),
			one(`"Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws:s3:::b/k","arn:aws:s3:::b"]`),
			one(`"NotAction":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws:s3:::b/K","arn:aws:s3:::b"]`),
			one(`"Action":["s3:GetObject","s3:PutObject"],"NotResource":["arn:aws:s3:::b/K","arn:aws:s3:::b"]`),
			one(`"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::b/K","arn:aws:s3:::b"]`),
			one(`"Action":[],"Resource":["arn:aws:s3:::b/K","arn:aws:s3:::b"]`),
			`{"Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws:s3:::b/K","arn:aws:s3:::b"]}]}`,
			`{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws:s3:::b/K","arn:aws:s3:::b"]}]}`,
			`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws:s3:::b/K","arn:aws:s3:::b"]}]}`,
		}},
		"statements": {Identity, `{"Statement":[{"Effect":"Deny",` + rest + `},{"Sid":"B","Effect":"Allow",` + rest + `}]}`, []string{
			`{"Statement":[{"Sid":"B","Effect":"Allow",` + rest + `},{"Effect":"Deny",` + rest + `},{"Effect":"Deny","Resource":"*","Action":["S3:GETOBJECT"]}]}`,
		}, []string{
			`{"Statement":[{"Effect":"Deny",` + rest + `},{"Effect":"Allow",` + rest + `}]}`,
			`{"Statement":[{"Effect":"Deny",` + rest + `}]}`,
		}},
		"conditions": {Identity, when(`{"Bool":{"aws:SecureTransport":"true"},"NumericEquals":{"s3:max-keys":"10"},"StringLike":{"aws:RequestTag/Team":["a","B"],"s3:prefix":"x"}}`), []string{
			when(`{"StringLike":{"s3:Prefix":["x"],"aws:requesttag/team":["B","a","a"]},"NumericEquals":{"s3:max-keys":10},"Bool":{"AWS:SecureTransport":[true]}}`),
		}, []string{
			when(`{"Bool":{"aws:SecureTransport":"true"},"NumericEquals":{"s3:max-keys":"10"},"StringLike":{"aws:RequestTag/Team":["a","b"],"s3:prefix":"x"}}`),
			when(`{"Bool":{"aws:SecureTransport":"true"},"NumericEquals":{"s3:max-keys":"10"},"StringLike":{"aws:RequestTag/Team":["a","B","c"],"s3:prefix":"x"}}`),
			when(`{"Bool":{"aws:SecureTransport":"true"},"NumericEquals":{"s3:max-keys":"10"},"StringLikeIfExists":{"aws:RequestTag/Team":["a","B"],"s3:prefix":"x"}}`),
			when(`{"Bool":{"aws:SecureTransport":"true"},"NumericEquals":{"s3:max-keys":"10"},"ForAllValues:StringLike":{"aws:RequestTag/Team":["a","B"],"s3:prefix":"x"}}`),
			when(`{"Bool":{"aws:SecureTransport":"true"},"NumericEquals":{"s3:max-keys":"10"},"StringLike":{"aws:RequestTag/Tea":["a","B"],"s3:prefix":"x"}}`),
			when(`{"Bool":{"aws:SecureTransport":"false"},"NumericEquals":{"s3:max-keys":"10"},"StringLike":{"aws:RequestTag/Team":["a","B"],"s3:prefix":"x"}}`),
			when(`{"Bool":{"aws:SecureTransport":"true"},"NumericEquals":{"s3:max-keys":"10"}}`),
		}},
		"principals": {Trust, who(`{"AWS":["arn:aws:iam::123456789012:root","arn:aws:iam::123456789012:user/Ann"],"Service":"ec2.amazonaws.com"}`), []string{
			who(`{"Service":["ec2.amazonaws.com"],"AWS":["arn:aws:iam::123456789012:user/Ann","123456789012"]}`),
			`{"Id":"x",` + who(`{"Service":["ec2.amazonaws.com"],"AWS":["123456789012","arn:aws:iam::123456789012:root","arn:aws:iam::123456789012:user/Ann"]}`)[1:],
		}, []string{
			who(`{"AWS":["arn:aws:iam::123456789012:root","arn:aws:iam::123456789012:user/ann"],"Service":"ec2.amazonaws.com"}`),
			who(`{"AWS":["arn:aws:iam::123456789013:root","arn:aws:iam::123456789012:user/Ann"],"Service":"ec2.amazonaws.com"}`),
			who(`{"AWS":["arn:aws:iam::123456789012:role/root","arn:aws:iam::123456789012:user/Ann"],"Service":"ec2.amazonaws.com"}`),
			who(`{"AWS":["arn:aws:iam::123456789012:root","arn:aws:iam::123456789012:user/Ann"]}`),
			who(`"*"`), who(`{"AWS":"*"}`), who(`{}`),
		}},
		"an EKS issuer's keys": {Identity, when(`{"StringEquals":{"oidc.eks.us-east-1.amazonaws.com/id/AB12:sub":"x"}}`), []string{
			when(`{"StringEquals":{"OIDC.eks.us-east-1.amazonaws.com/id/ab12:SUB":"x"}}`),
		}, []string{
			when(`{"StringEquals":{"oidc.eks.us-east-1.amazonaws.com/id/AB12:aud":"x"}}`),
			when(`{"StringEquals":{"oidc.eks.us-east-1.amazonaws.com/id/AB13:sub":"x"}}`),
		}},
		"a resource's policy": {ResourcePolicy, `{"Statement":[{"Sid":"a b","Effect":"Deny","NotPrincipal":{"AWS":["123456789012","*"]},"Action":"s3:*"}]}`, []string{
			`{"Id":"i","Statement":{"Sid":"a b","Effect":"Deny","NotPrincipal":{"AWS":["*","arn:aws:iam::123456789012:root"]},"Action":["s3:*"]}}`,
		}, []string{
			`{"Statement":[{"Sid":"a b","Effect":"Deny","Principal":{"AWS":["123456789012","*"]},"Action":"s3:*"}]}`,
			`{"Statement":[{"Sid":"a b","Effect":"Deny","NotPrincipal":{"AWS":["123456789012","*"]},"Action":"s3:*","Resource":"*"}]}`,
			`{"Statement":[{"Sid":"a b","Effect":"Deny","NotPrincipal":"*","Action":"s3:*"}]}`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			want := canonical(t, tt.kind, tt.of)
			if again := canonical(t, tt.kind, string(want)); again != want {
				t.Errorf("not canonical itself: %s, again %s", want, again)
			}
			for _, s := range tt.same {
				if got := canonical(t, tt.kind, s); got != want {
					t.Errorf("%s\ngot  %s\nwant %s", s, got, want)
				}
			}
			for _, s := range tt.other {
				if got := canonical(t, tt.kind, s); got == want {
					t.Errorf("%s\nsays the same as\n%s", s, tt.of)
				}
			}
		})
	}
}

// AWS's own spelling is what IAM is sent.
func TestTheCanonicalTextIsShortAndItsKeysAreAWSs(t *testing.T) {
	got := canonical(t, Trust, `{"Version":"2012-10-17","Statement":{"Principal":{"Service":["pods.eks.amazonaws.com"]},"Effect":"Allow",
		"Action":["sts:TagSession","sts:AssumeRole"],"Condition":{"StringEquals":{"AWS:REQUESTTAG/kubernetes-namespace":"<a&b>","aws:sourcearn":["x"]}}}}`)
	const want = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:assumerole","sts:tagsession"],` +
		`"Condition":{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"<a&b>","aws:SourceArn":"x"}}}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWhatIsNoPolicyHasNoCanonicalText(t *testing.T) {
	d, err := Canonical(Identity, `{"Statement":[{"Effect":"Allow","Action":"*"}]}`)
	var pe *ParseError
	if !errors.As(err, &pe) || pe.Fault != NoResource || d != "" {
		t.Errorf("%q, %v", d, err)
	}
	canonical(t, Identity, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
}

// A random policy, written anew in another form, has the same text; with one
// thing changed in its meaning it has another.
func TestCanonicalTextOfRandomPolicies(t *testing.T) {
	const seed, n = 74, 1000
	r := rand.New(rand.NewPCG(seed, seed))
	changes := map[string]int{}
	for range n {
		p := randomPolicy(r)
		want := canonical(t, Identity, render(nil, p))
		if got := canonical(t, Identity, render(r, p)); got != want {
			t.Fatalf("seed %d: %s\ngot  %s\nwant %s", seed, render(nil, p), got, want)
		}
		if Size(string(want)) > Size(render(nil, p)) {
			t.Fatalf("seed %d: longer than it was: %s of %s", seed, want, render(nil, p))
		}
		what := change(r, p)
		changes[what]++
		if got := canonical(t, Identity, render(r, p)); what != "" && got == want {
			t.Fatalf("seed %d: %s changed, and still %s", seed, what, got)
		}
	}
	t.Logf("seed %d: %d policies, changed %v", seed, n, changes)
	for _, what := range []string{"Version", "Effect", "Action", "Resource", "Value", "Sid"} {
		if changes[what] < 20 {
			t.Errorf("%s was changed %d times", what, changes[what])
		}
	}
}

// written is a policy before it is put into text.
type written struct {
	version    string
	statements []*writtenStatement
}

type writtenStatement struct {
	sid, effect string
	lists       map[string][]string            // Action, Resource and their negations
	conditions  map[string]map[string][]string // by operator, by key
}

func randomPolicy(r *rand.Rand) *written {
	p := &written{version: pick(r, "2012-10-17", "2008-10-17")}
	for i := range 1 + r.IntN(4) {
		st := &writtenStatement{effect: pick(r, "Allow", "Deny"), lists: map[string][]string{}, conditions: map[string]map[string][]string{}}
		if r.IntN(2) == 0 {
			st.sid = "S" + strconv.Itoa(i)
		}
		st.lists[pick(r, "Action", "NotAction")] = some(r, "s3:GetObject", "s3:Put*", "iam:ListUsers", "ec2:*")
		st.lists[pick(r, "Resource", "NotResource")] = some(r, "arn:aws:s3:::b/*", "arn:aws:s3:::B", "arn:aws:iam::123456789012:user/a")
		for range r.IntN(3) {
			st.conditions[pick(r, "StringLike", "ForAnyValue:StringEquals", "ArnLikeIfExists")] = map[string][]string{
				pick(r, "aws:PrincipalTag/a", "s3:prefix", "aws:TagKeys"): some(r, "x", "Y*", "z\"\\\u00e4"),
			}
		}
		p.statements = append(p.statements, st)
	}
	return p
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// some picks one or more.
func some(r *rand.Rand, of ...string) []string {
	r.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
	return of[:1+r.IntN(len(of))]
}

// change changes one thing in what a policy says.
func change(r *rand.Rand, p *written) string {
	st := pick(r, p.statements...)
	switch r.IntN(6) {
	case 0:
		p.version = map[string]string{"2012-10-17": "2008-10-17", "2008-10-17": "2012-10-17"}[p.version]
		return "Version"
	case 1:
		if len(p.statements) > 1 {
			return "" // two statements may come to be equal to what two others were
		}
		st.effect = map[string]string{"Allow": "Deny", "Deny": "Allow"}[st.effect]
		return "Effect"
	case 2, 3:
		for _, name := range sortedKeys(st.lists) {
			list := st.lists[name]
			if strings.HasSuffix(name, "Action") {
				list[0] += "x"
				return "Action"
			}
		}
	case 4:
		for _, name := range sortedKeys(st.lists) {
			list := st.lists[name]
			if strings.HasSuffix(name, "Resource") {
				list[0] += "Q"
				return "Resource"
			}
		}
	}
	for _, op := range sortedKeys(st.conditions) {
		for _, values := range st.conditions[op] { // there is one key
			values[0] += "v"
			return "Value"
		}
	}
	st.sid += "q"
	return "Sid"
}

// render writes a policy; with r in some other form.
func render(r *rand.Rand, p *written) string {
	flip := func() bool { return r != nil && r.IntN(2) == 0 }
	list := func(l []string, caseless bool) string {
		l = append([]string(nil), l...)
		if r != nil {
			if flip() {
				l = append(l, pick(r, l...))
			}
			r.Shuffle(len(l), func(i, j int) { l[i], l[j] = l[j], l[i] })
		}
		for i := range l {
			if caseless && flip() {
				l[i] = strings.ToUpper(l[i])
			}
		}
		if len(l) == 1 && !flip() {
			b, _ := json.Marshal(l[0])
			return string(b)
		}
		b, _ := json.Marshal(l)
		return string(b)
	}
	join := func(members []string) string {
		if r != nil {
			r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		}
		if flip() {
			return "{ " + strings.Join(members, " ,\n") + " }"
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	var statements []string
	for _, st := range p.statements {
		m := []string{fmt.Sprintf(`"Effect":%q`, st.effect)}
		if st.sid != "" {
			m = append(m, fmt.Sprintf(`"Sid":%q`, st.sid))
		}
		for _, name := range sortedKeys(st.lists) {
			m = append(m, fmt.Sprintf("%q:%s", name, list(st.lists[name], strings.HasSuffix(name, "Action"))))
		}
		var operators []string
		for _, op := range sortedKeys(st.conditions) {
			var keys []string
			for _, k := range sortedKeys(st.conditions[op]) {
				name := k
				if flip() {
					name = strings.ToLower(k)
				}
				keys = append(keys, fmt.Sprintf("%q:%s", name, list(st.conditions[op][k], false)))
			}
			operators = append(operators, fmt.Sprintf("%q:%s", op, join(keys)))
		}
		if len(operators) > 0 || flip() {
			m = append(m, `"Condition":`+join(operators))
		}
		statements = append(statements, join(m))
	}
	if r != nil {
		for i := range statements { // one without a Sid may stand there twice
			if p.statements[i].sid == "" && flip() {
				statements = append(statements, statements[i])
			}
		}
		r.Shuffle(len(statements), func(i, j int) { statements[i], statements[j] = statements[j], statements[i] })
	}
	whole := "[" + strings.Join(statements, ",") + "]"
	if len(statements) == 1 && flip() {
		whole = statements[0]
	}
	return join([]string{`"Version":"` + p.version + `"`, `"Statement":` + whole})
}
