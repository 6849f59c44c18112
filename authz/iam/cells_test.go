package iam

import (
	"fmt"
	"strings"
	"testing"
)

// old is a policy of the version that has no variables.
func old(t testing.TB, statements ...string) Source {
	t.Helper()
	p, err := Parse(Identity, `{"Version":"2008-10-17","Statement":[`+strings.Join(statements, ",")+`]}`)
	if err != nil {
		t.Fatal(err)
	}
	return Source{"old", p}
}

// Two unknown keys, of which one stands in a variable that the other is
// compared to, may both be what the other is compared to besides: the answer
// then hangs on this one pair of values. Each case has a twin that no pair
// makes true.
//
// shows: item S77
func TestAVariableMayBeWhatItsKeyIsComparedToElsewhere(t *testing.T) {
	differs := allows("*", "*", `{"StringNotEquals":{"k:a":"${k:b}"}}`)
	both := func(rest string) []Source {
		return []Source{policy(t, Identity, allows("*", "*"), denies("*", "*", `{"StringEquals":{"k:a":"${k:b}"},`+rest+`}`))}
	}
	for name, tt := range map[string]struct {
		policies []Source
		want     Verdict
	}{
		"in the same statement":                  {both(`"StringLike":{"k:a":"foo"}`), Undetermined},
		"its twin, which nothing is":             {both(`"StringLike":{"k:a":"foo"},"StringNotLike":{"k:a":"f*"}`), Allowed},
		"by a variable that is known":            {both(`"StringLike":{"k:a":"${k:d}"}`), Undetermined},
		"its twin, by one that has no value":     {both(`"StringLike":{"k:a":"${k:e}"}`), Allowed},
		"an end and a beginning":                 {both(`"StringLike":{"k:a":"f*"},"ForAnyValue:StringLike":{"k:a":"*o"}`), Undetermined},
		"ARNs":                                   {both(`"ArnLike":{"k:a":"arn:aws:s3:::b*"}`), Undetermined},
		"another statement":                      {[]Source{policy(t, Identity, differs, allows("*", "*", `{"StringNotEquals":{"k:a":"foo"}}`))}, Undetermined},
		"another policy":                         {[]Source{policy(t, Identity, differs), policy(t, Identity, allows("*", "*", `{"StringNotEquals":{"k:a":"foo"}}`))}, Undetermined},
		"a policy without variables":             {[]Source{policy(t, Identity, differs), old(t, allows("*", "*", `{"StringNotEquals":{"k:a":"foo"}}`))}, Undetermined},
		"the text of a variable without one":     {[]Source{policy(t, Identity, differs), old(t, allows("*", "*", `{"StringNotEquals":{"k:a":"${k:b}"}}`))}, Undetermined},
		"its twin, of which one always differs":  {[]Source{policy(t, Identity, differs), old(t, allows("*", "*", `{"StringNotEquals":{"k:a":"foo"}}`), allows("*", "*", `{"StringEquals":{"k:a":"foo"}}`))}, Allowed},
		"such a key in a variable":               {[]Source{policy(t, Identity, allows("*", "*"), denies("*", "*", `{"StringEquals":{"aws:SecureTransport":"${k:b}"}}`))}, Undetermined},
		"compared to another key, which matters": {[]Source{policy(t, Identity, differs, allows("*", "*", `{"StringEquals":{"k:c":"foo"}}`))}, Undetermined},
	} {
		ctx := context("k:d=foo")
		ctx.SetUnknown("k:a")
		ctx.SetUnknown("k:b")
		ctx.SetUnknown("aws:SecureTransport")
		q := Question{Caller: who("role/r/one"), Action: "s3:GetObject", Resource: "arn:aws:s3:::b/o", ResourceAccount: account, Context: ctx}
		q.Policies.Identity = tt.policies
		if got := Decide(q).Verdict; got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// Of two unknown keys, each the other's variable, an answer is what every pair
// of values gives. The pairs are tried one by one.
//
// shows: item S77
func TestAnAnswerOnKeysThatAreEachOthersVariablesIsThatOfEachPair(t *testing.T) {
	const seed = 77
	n := *cases / 150
	r := newGenerator(seed)
	keys := []string{"k:a", "k:b", "aws:SecureTransport"}
	operators := []string{"StringEquals", "StringEquals", "StringNotEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase"}
	texts := []string{"${k:a}", "${k:b}", "${k:a}", "${k:b}", "foo", "foo", "f*", "*o", "true", "x${k:b}", "${k:b, 'foo'}", "${*}"}
	values := [][]string{nil, {""}, {"foo"}, {"FOO"}, {"f"}, {"o"}, {"xfoo"}, {"true"}, {"*"}, {"${k:b}"}, {"${k:a}"}, {"zz"}}
	source := func() Source {
		var statements []string
		for range 1 + r.IntN(2) {
			var conditions []string
			for _, o := range r.Perm(len(operators))[:1+r.IntN(2)] {
				set := r.pick([]string{"", "", "ForAnyValue:"})
				conditions = append(conditions, fmt.Sprintf("%q:{%q:%q}", set+operators[o], r.pick(keys), r.pick(texts)))
			}
			if len(conditions) == 2 && strings.SplitN(conditions[0], ":{", 2)[0] == strings.SplitN(conditions[1], ":{", 2)[0] {
				conditions = conditions[:1] // one operator twice is no policy
			}
			statements = append(statements, statement(r.pick([]string{"Allow", "Allow", "Deny"}), "*", "*", "{"+strings.Join(conditions, ",")+"}"))
		}
		if r.chance(30) {
			r.mix["a policy without variables"]++
			return old(t, statements...)
		}
		return policy(t, Identity, statements...)
	}
	for range n {
		q := Question{Caller: who("role/r/one"), Action: "s3:GetObject", Resource: "arn:aws:s3:::b/o", ResourceAccount: account}
		for range 1 + r.IntN(2) {
			q.Policies.Identity = append(q.Policies.Identity, source())
		}
		if r.chance(50) {
			q.Policies.Identity = append(q.Policies.Identity, policy(t, Identity, full))
		}
		q.Context = &Context{}
		for _, k := range keys {
			q.Context.SetUnknown(k)
		}
		d := Decide(q)
		found := map[Verdict]bool{}
		for _, a := range values {
			for _, b := range values {
				for _, tls := range [][]string{nil, {"true"}, {"false"}} {
					known := q
					known.Context = q.Context.with(keys[0], a).with(keys[1], b).with(keys[2], tls)
					v := Decide(known).Verdict
					found[v] = true
					if d.Verdict != Undetermined && v != d.Verdict {
						t.Fatalf("seed %d: %s, but %s with %v\n%s", seed, d.Verdict, v, known.Context.values, shown(q))
					}
				}
			}
		}
		switch {
		case d.Verdict != Undetermined:
			r.mix["settled"]++
		case len(found) > 1:
			r.mix["open"]++
		default:
			r.mix["not settled"]++
		}
	}
	r.poor(t, seed, n, map[string]int{"settled": 20, "open": 20, "a policy without variables": 20})
}

// What a variable of unknown value may be, for a resource or a known value to
// fit a text that it stands in, is tried by every part of that value. Letters
// whose small form is shorter are among them.
//
// shows: item S77
func TestAVariableMayBeAnyPartThatMakesATextFit(t *testing.T) {
	const seed = 138
	n := *cases / 20
	r := newGenerator(seed)
	word := func(letters []string, most int) (s string) {
		for range r.IntN(most + 1) {
			s += r.pick(letters)
		}
		return s
	}
	plain, wild := []string{"a", "A", "b", "k", "\u212a", "/"}, []string{"a", "b", "k", "/", "*", "?", "${k:c}"} // U+212A is a K, and three bytes long
	for range n {
		value := "a" + word(plain, 4)
		text := word(wild, 2) + r.pick([]string{"${k:b}", "${K:B}", "${k:b, 'a'}"}) + word(wild, 2)
		q := Question{Caller: who("role/r/one"), Action: "s3:GetObject", Resource: "arn:aws:s3:::b/o", ResourceAccount: account, Context: context("k:a="+value, "k:c=b")}
		where := r.pick([]string{"resource", "StringEquals", "StringLike", "StringEqualsIgnoreCase"})
		r.mix[where]++
		if where == "resource" {
			q.Resource = "arn:aws:s3:::" + value
			q.Policies = identity(t, full, fmt.Sprintf(`{"Effect":"Deny","Action":"*","Resource":%q}`, "arn:aws:s3:::"+text))
		} else {
			q.Policies = identity(t, full, denies("*", "*", fmt.Sprintf(`{%q:{"k:a":%q}}`, where, text)))
		}
		found := map[Verdict]bool{}
		try := func(values ...string) {
			known := q
			known.Context = q.Context.with("k:b", values)
			found[Decide(known).Verdict] = true
		}
		try()
		try("zz")
		letters := []rune(value)
		for i := range letters {
			for j := i; j <= len(letters); j++ {
				try(string(letters[i:j]))
			}
		}
		q.Context.SetUnknown("k:b")
		got := Decide(q).Verdict
		switch {
		case len(found) > 1 && got != Undetermined, len(found) == 1 && !found[got]:
			t.Fatalf("seed %d: %q and %q as %s: %s, one by one %v", seed, text, value, where, got, found)
		case len(found) > 1:
			r.mix["fits some"]++
		case found[Denied]:
			r.mix["fits all"]++
		default:
			r.mix["fits none"]++
		}
	}
	r.poor(t, seed, n, map[string]int{"fits some": 8, "fits none": 30, "resource": 15, "StringEquals": 15, "StringLike": 15, "StringEqualsIgnoreCase": 15})
}
