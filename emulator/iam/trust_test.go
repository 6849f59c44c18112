package iam

import (
	"testing"

	authz "github.com/atlas-iam/atlas-iam/authz/iam"
)

func TestOnlyPrincipalsAreReplacedInATrustPolicy(t *testing.T) {
	const ann = "arn:aws:iam::123456789012:user/ann"
	replace := func(s string) string {
		if s == ann {
			return "AIDAEXAMPLE0123456789"
		}
		return s
	}
	tests := map[string]struct{ document, want string }{
		"a single principal":       {`{"Statement":{"Effect":"Allow","Principal":{"AWS":"` + ann + `"}}}`, `{"Statement":{"Effect":"Allow","Principal":{"AWS":"AIDAEXAMPLE0123456789"}}}`},
		"one of a list, spaced":    {`{ "Statement" : [ { "Principal" : { "AWS" : [ "*", "` + ann + `" ] } } ] }`, `{ "Statement" : [ { "Principal" : { "AWS" : [ "*", "AIDAEXAMPLE0123456789" ] } } ] }`},
		"with an escaped slash":    {`{"Statement":[{"Principal":{"AWS":"arn:aws:iam::123456789012:user\/ann"}}]}`, `{"Statement":[{"Principal":{"AWS":"AIDAEXAMPLE0123456789"}}]}`},
		"not in a condition":       {`{"Statement":[{"Condition":{"ArnEquals":{"aws:PrincipalArn":"` + ann + `"}}}]}`, `{"Statement":[{"Condition":{"ArnEquals":{"aws:PrincipalArn":"` + ann + `"}}}]}`},
		"not of another type":      {`{"Statement":[{"Principal":{"Service":"` + ann + `"}}]}`, `{"Statement":[{"Principal":{"Service":"` + ann + `"}}]}`},
		"everyone in short":        {`{"Statement":[{"Principal":"*"}]}`, `{"Statement":[{"Principal":"*"}]}`},
		"twice, in two statements": {`{"Statement":[{"Principal":{"AWS":"` + ann + `"}},{"Principal":{"AWS":["` + ann + `"]}}]}`, `{"Statement":[{"Principal":{"AWS":"AIDAEXAMPLE0123456789"}},{"Principal":{"AWS":["AIDAEXAMPLE0123456789"]}}]}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := replacePrincipals(tt.document, replace); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func FuzzReplacePrincipals(f *testing.F) {
	f.Add(`{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":["*","123456789012"],"Service":"a.b"}}]}`)
	f.Add(`{"Statement":{"Principal":"*","Effect":"Deny","NotAction":["sts:*"],"Condition":{}}}`)
	f.Fuzz(func(t *testing.T, document string) {
		if _, err := authz.Parse(authz.Trust, document); err != nil {
			return
		}
		if got := replacePrincipals(document, func(s string) string { return s }); got != document {
			t.Errorf("nothing to replace, yet %q became %q", document, got)
		}
		p, err := authz.Parse(authz.Trust, replacePrincipals(document, func(string) string { return "*" }))
		if err != nil {
			t.Fatalf("%q does not parse any more: %v", document, err)
		}
		for _, st := range p.Statements {
			for _, principal := range st.Principals {
				if principal.Type == "AWS" && principal.Value != "*" {
					t.Errorf("%s stayed in %q", principal.Value, document)
				}
			}
		}
	})
}
