package iam

import (
	"errors"
	"testing"
)

func TestParseRefusesWhatIsNoPolicy(t *testing.T) {
	const good = `{"Version":"2012-10-17","Statement":[{"Sid":"A1","Effect":"Allow","Action":"s3:Get*","Resource":["*"],"Condition":{"Bool":{"aws:SecureTransport":true}}}]}`
	const goodTrust = `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":["sts:AssumeRole"]}}`
	for kind, doc := range map[Kind]string{Identity: good, Trust: goodTrust} {
		if _, err := Parse(kind, doc); err != nil {
			t.Errorf("the legal twin: %v", err)
		}
	}
	tests := map[string]struct {
		kind     Kind
		document string
		want     Fault
	}{
		"not JSON":                           {Identity, `{`, BadJSON},
		"more than one value":                {Identity, good + `{}`, BadJSON},
		"a list":                             {Identity, `[]`, BadJSON},
		"a key twice":                        {Identity, `{"Statement":[],"Statement":[]}`, BadJSON},
		"a character beyond Latin-1":         {Identity, `{"Id":"€"}`, BadJSON},
		"no statement":                       {Identity, `{"Version":"2012-10-17"}`, BadSyntax},
		"an unknown element":                 {Identity, `{"Statements":[]}`, BadSyntax},
		"an unknown version":                 {Identity, `{"Version":"2012-10-18","Statement":[]}`, BadVersion},
		"a small effect":                     {Identity, `{"Statement":{"Effect":"allow","Action":"*","Resource":"*"}}`, BadSyntax},
		"no action":                          {Identity, `{"Statement":{"Effect":"Allow","Resource":"*"}}`, NoAction},
		"two kinds of action":                {Identity, `{"Statement":{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}}`, BadSyntax},
		"no resource":                        {Identity, `{"Statement":{"Effect":"Allow","Action":"*"}}`, NoResource},
		"a principal in an identity policy":  {Identity, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}}`, Prohibited},
		"an action without a service":        {Identity, `{"Statement":{"Effect":"Allow","Action":"GetUser","Resource":"*"}}`, BadVendor},
		"a resource that is no ARN":          {Identity, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"bucket"}}`, BadResource},
		"a Sid twice":                        {Identity, `{"Statement":[{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"a","Effect":"Deny","Action":"*","Resource":"*"}]}`, DuplicateSid},
		"a Sid with a dash":                  {Identity, `{"Statement":{"Sid":"a-b","Effect":"Allow","Action":"*","Resource":"*"}}`, BadSyntax},
		"an unknown operator":                {Identity, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringIs":{"a:b":"c"}}}}`, BadSyntax},
		"a condition key twice":              {Identity, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"a:b":"c","A:B":"d"}}}}`, BadSyntax},
		"a trust policy without a principal": {Trust, `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}`, NoPrincipal},
		"a trust policy with a resource":     {Trust, `{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}}`, Prohibited},
		"a trust policy for another service": {Trust, `{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}}`, BadTrustAction},
		"a group as principal":               {Trust, `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:group/g"},"Action":"sts:AssumeRole"}}`, BadPrincipal},
		"a wildcard in a principal":          {Trust, `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/*"},"Action":"sts:AssumeRole"}}`, BadPrincipal},
		"a principal of another type":        {Trust, `{"Statement":{"Effect":"Allow","Principal":{"Role":"r"},"Action":"sts:AssumeRole"}}`, BadSyntax},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(tt.kind, tt.document)
			var pe *ParseError
			if !errors.As(err, &pe) || pe.Fault != tt.want {
				t.Errorf("%v, want fault %d", err, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:username, 'x'}/*"}]}`,
		`{"Statement":{"Effect":"Deny","Principal":{"AWS":["*","123456789012"]},"NotAction":"sts:Tag?ession","Condition":{"ForAnyValue:StringLikeIfExists":{"aws:TagKeys":["a*",1,true]}}}}`,
		`{"Statement":{"Effect":"Deny","NotResource":[],"Action":[],"Condition":{"Null":{"a:b":"true"}}}}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, document string) {
		for kind := Identity; kind <= ResourceControlPolicy; kind++ {
			p, err := Parse(kind, document)
			if err != nil {
				var pe *ParseError
				if !errors.As(err, &pe) || pe.Offset > len(document) || pe.Line < 1 || pe.Column < 1 {
					t.Errorf("%+v", err)
				}
				continue
			}
			text, err := Canonical(kind, document)
			if again, err2 := Canonical(kind, string(text)); err != nil || err2 != nil || again != text {
				t.Errorf("%v, %v: %s, again %s", err, err2, text, again)
			}
			if kind.resourceBased() || kind == ServiceControlPolicy || kind == ResourceControlPolicy {
				continue
			}
			s := Source{"p", p}
			r := request{Caller: user("ann"), Action: "s3:GetObject", Resource: "arn:aws:s3:::b/ann", Context: context("aws:username=ann")}
			// A policy beside full rights can only take away by a Deny.
			full := policy(t, Identity, `{"Effect":"Allow","Action":"*","Resource":"*"}`)
			d := ask(r, Policies{Identity: []Source{full, s}})
			if d.Verdict == Denied && !d.Explicit {
				t.Errorf("denied beside full rights without a Deny: %s", document)
			}
			if kind == Trust {
				askTrust(r, account, s, Policies{})
			}
		}
	})
}
