package iam

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestADocumentIsReadAsItWasWritten(t *testing.T) {
	p, err := Parse(Trust, `{"Version":"2008-10-17","Id":"Example1","Statement":[
		{"Sid":"A","Effect":"Allow","Principal":{"AWS":["123456789012","*"],"Service":"ec2.amazonaws.com"},"Action":["sts:AssumeRole","sts:Tag*"]},
		{"Sid":"","Effect":"Deny","Principal":"*","NotAction":"sts:Tag*","Condition":{
			"StringLike":{"b:k":["x",1.50,true]},"Bool":{"z:k":"true","a:k":false}}},
		{"Effect":"Deny","Principal":"*","Action":"sts:*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	want := &Policy{Kind: Trust, Version: "2008-10-17", ID: "Example1", Statements: []Statement{
		{Sid: "A", Effect: Allow, Actions: []string{"sts:AssumeRole", "sts:Tag*"}, Principals: []Principal{{"AWS", "123456789012"}, {"AWS", "*"}, {"Service", "ec2.amazonaws.com"}}},
		{Effect: Deny, NotActions: []string{"sts:Tag*"}, Principals: []Principal{{"*", "*"}}, Conditions: []Condition{
			{Operator{Name: "Bool"}, "a:k", []string{"false"}}, {Operator{Name: "Bool"}, "z:k", []string{"true"}}, {Operator{Name: "StringLike"}, "b:k", []string{"x", "1.50", "true"}}}},
		{Effect: Deny, Actions: []string{"sts:*"}, Principals: []Principal{{"*", "*"}}},
	}}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("%+v", p)
	}
	p, err = Parse(Identity, "{\t\"Statement\":\r\n{\"Effect\":\"Deny\",\"NotAction\":\"ÿ:*\",\"NotResource\":\"*\"}}")
	if err != nil || p.Version != "" || !reflect.DeepEqual(p.Statements, []Statement{{Effect: Deny, NotActions: []string{"ÿ:*"}, NotResources: []string{"*"}}}) {
		t.Errorf("%+v %v", p, err)
	}
}

// AWS's own texts quote the offending value, so the error keeps it.
func TestAFaultSaysWhereAndWhat(t *testing.T) {
	statement := func(more string) string { return `{"Statement":[{"Effect":"Allow",` + more + `}]}` }
	long := func(depth int) string {
		return `{"Statement":{"Effect":"Allow","Resource":"*","Action":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}}`
	}
	for name, tt := range map[string]struct {
		kind     Kind
		document string
		want     ParseError // without Problem
	}{
		"a control character":                 {Identity, "{\"Statement\":\"\x1f\"}", ParseError{Fault: BadJSON}},
		"a character after ÿ":                 {Identity, `{"Statement":"Ā"}`, ParseError{Fault: BadJSON}},
		"too deep a nest":                     {Identity, long(12), ParseError{Fault: BadJSON}},
		"the deepest that is read":            {Identity, long(11), ParseError{Fault: BadSyntax, Path: "Statement.Action[0]"}},
		"a text for a document":               {Identity, `"Statement"`, ParseError{Fault: BadJSON}},
		"a key that is no string":             {Identity, `{1:2}`, ParseError{Fault: BadJSON}},
		"an open list":                        {Identity, `{"Statement":[`, ParseError{Fault: BadJSON}},
		"a version that is no text":           {Identity, `{"Version":20121017,"Statement":[]}`, ParseError{Fault: BadVersion, Path: "Version"}},
		"an Id in an identity policy":         {Identity, `{"Id":"a","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, ParseError{Fault: Prohibited, Path: "Id"}},
		"an Id that is no text":               {Trust, `{"Id":1,"Statement":{"Effect":"Allow","Action":"sts:*","Principal":"*"}}`, ParseError{Fault: BadSyntax, Path: "Id"}},
		"an empty list of statements":         {Identity, `{"Statement":[]}`, ParseError{Fault: BadSyntax, Path: "Statement"}},
		"a statement that is no object":       {Identity, `{"Statement":["a"]}`, ParseError{Fault: BadSyntax, Path: "Statement[0]"}},
		"an unknown element of a statement":   {Identity, statement(`"Actions":"*"`), ParseError{Fault: BadSyntax, Path: "Statement[0].Actions"}},
		"a statement without effect":          {Identity, `{"Statement":{"Action":"*","Resource":"*"}}`, ParseError{Fault: BadSyntax, Path: "Statement"}},
		"an effect that is no text":           {Identity, `{"Statement":{"Effect":true,"Action":"*","Resource":"*"}}`, ParseError{Fault: BadSyntax, Path: "Statement.Effect"}},
		"a Sid that is no text":               {Identity, statement(`"Sid":1,"Action":"*","Resource":"*"`), ParseError{Fault: BadSyntax, Path: "Statement[0].Sid"}},
		"an action that is no text":           {Identity, statement(`"Action":["a:b",1],"Resource":"*"`), ParseError{Fault: BadSyntax, Path: "Statement[0].Action[1]"}},
		"an action that is an object":         {Identity, statement(`"Action":{},"Resource":"*"`), ParseError{Fault: BadSyntax, Path: "Statement[0].Action"}},
		"an action that is null":              {Identity, statement(`"Action":null,"Resource":"*"`), ParseError{Fault: BadSyntax, Path: "Statement[0].Action"}},
		"an action without a name":            {Identity, statement(`"Action":"iam:","Resource":"*"`), ParseError{Fault: BadVendor, Path: "Statement[0].Action", Value: "iam:"}},
		"an action without a service's name":  {Identity, statement(`"NotAction":":GetUser","Resource":"*"`), ParseError{Fault: BadVendor, Path: "Statement[0].NotAction", Value: ":GetUser"}},
		"two kinds of resource":               {Identity, statement(`"Action":"*","Resource":"*","NotResource":"*"`), ParseError{Fault: BadSyntax, Path: "Statement[0]"}},
		"a resource of another scheme":        {Identity, statement(`"Action":"*","Resource":"urn:a:b:c:d:e"`), ParseError{Fault: BadResource, Path: "Statement[0].Resource", Value: "urn:a:b:c:d:e"}},
		"a short resource":                    {Identity, statement(`"Action":"*","NotResource":"arn:aws:s3"`), ParseError{Fault: BadResource, Path: "Statement[0].NotResource", Value: "arn:aws:s3"}},
		"a resource that is arn and a star":   {Identity, statement(`"Action":"*","Resource":"arn*"`), ParseError{Fault: BadResource, Path: "Statement[0].Resource", Value: "arn*"}},
		"a resource in a trust policy":        {Trust, statement(`"Action":"sts:*","Principal":"*","NotResource":"*"`), ParseError{Fault: Prohibited, Path: "Statement[0].NotResource", Value: "NotResource"}},
		"NotPrincipal":                        {Trust, statement(`"Action":"sts:*","NotPrincipal":"*"`), ParseError{Fault: Prohibited, Path: "Statement[0].NotPrincipal"}},
		"a trust policy for two services":     {Trust, statement(`"Action":["sts:*","iam:*"],"Principal":"*"`), ParseError{Fault: BadTrustAction, Path: "Statement[0].Action", Value: "iam:*"}},
		"a principal that is a name":          {Trust, statement(`"Action":"sts:*","Principal":"ann"`), ParseError{Fault: BadSyntax, Path: "Statement[0].Principal"}},
		"a principal that is a number":        {Trust, statement(`"Action":"sts:*","Principal":{"AWS":1}`), ParseError{Fault: BadSyntax, Path: "Statement[0].Principal.AWS"}},
		"a condition that is a list":          {Identity, statement(`"Action":"*","Resource":"*","Condition":[]`), ParseError{Fault: BadSyntax, Path: "Statement[0].Condition"}},
		"an operator without keys":            {Identity, statement(`"Action":"*","Resource":"*","Condition":{"Bool":"a:b"}`), ParseError{Fault: BadSyntax, Path: "Statement[0].Condition.Bool"}},
		"a condition key without its service": {Identity, statement(`"Action":"*","Resource":"*","Condition":{"Bool":{"b":true}}`), ParseError{Fault: BadVendor, Path: "Statement[0].Condition.Bool", Value: "b"}},
		"a condition value that is null":      {Identity, statement(`"Action":"*","Resource":"*","Condition":{"Bool":{"a:b":null}}`), ParseError{Fault: BadSyntax, Path: "Statement[0].Condition.Bool.a:b"}},
		"a condition value that is an object": {Identity, statement(`"Action":"*","Resource":"*","Condition":{"Bool":{"a:b":[{}]}}`), ParseError{Fault: BadSyntax, Path: "Statement[0].Condition.Bool.a:b"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Parse(tt.kind, tt.document)
			var got *ParseError
			if !errors.As(err, &got) || p != nil {
				t.Fatalf("%+v, %v", p, err)
			}
			text := "policy: " + got.Problem
			if got.Path != "" {
				text = "policy: " + got.Path + ": " + got.Problem
			}
			if got.Problem == "" || err.Error() != text {
				t.Errorf("%q", err)
			}
			got.Problem, got.Offset, got.Line, got.Column = "", 0, 0, 0
			if *got != tt.want {
				t.Errorf("%+v", *got)
			}
		})
	}
}

// shows: item S74
func TestAFaultHasItsPlaceInTheDocument(t *testing.T) {
	for document, want := range map[string]ParseError{
		"{\n \"Statement\": {\"Effect\": \"allow\"}}":                                                  {Offset: 27, Line: 2, Column: 26, Path: "Statement.Effect"},
		"{\n \"Stätement\":\"ÿ\", \"x\":1}":                                                            {Offset: 3, Line: 2, Column: 2, Path: "Stätement"},
		"{\"Statement\":[\r\n{\"Effect\":\"Allow\",\"Action\":[\"a:b\",\n\"c\"],\"Resource\":\"*\"}]}": {Offset: 51, Line: 3, Column: 1, Path: "Statement[0].Action"},
		"{\"Statement\":[ {\"Effect\":\"Allow\",\"Action\":\"*\"}]}":                                   {Offset: 15, Line: 1, Column: 16, Path: "Statement[0]"},
		"{\"Statement\":\n[":            {Offset: 15, Line: 2, Column: 2},
		"{\"Statement\":\n x}":          {Offset: 15, Line: 2, Column: 2},
		"{\"Statement\":[]}\n {}":       {Offset: 18, Line: 2, Column: 2},
		"{\"a\":1,\n\"a\":2}":           {Offset: 8, Line: 2, Column: 1},
		"{\"Version\":\n\t\"2012\"}":    {Offset: 13, Line: 2, Column: 2, Path: "Version"},
		"{\"Id\":\"ä\",\"Statement\":€": {Offset: 23, Line: 1, Column: 23},
	} {
		_, err := Parse(Identity, document)
		var got *ParseError
		if !errors.As(err, &got) || got.Offset != want.Offset || got.Line != want.Line || got.Column != want.Column || got.Path != want.Path {
			t.Errorf("%q: %+v", document, got)
		}
	}
}

func TestLegalTwinsOfTheGrammarsFaults(t *testing.T) {
	for name, resource := range map[string]string{
		"an ARN": "arn:aws:s3:::b", "the shortest with a star": "arn:*", "an ARN cut by a star": "arn:aws:s3*", "everything": "*", "an ARN with colons": "arn:aws:logs:r:1:a:b:c",
	} {
		if _, err := Parse(Identity, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"`+resource+`"}}`); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The same Sid twice is a fault; none, or an empty one, is no Sid.
	if _, err := Parse(Identity, `{"Statement":[{"Sid":"","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"","Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*"}]}`); err != nil {
		t.Error(err)
	}
	if _, err := Parse(Trust, `{"Statement":{"Effect":"Allow","Principal":"*","Action":["STS:AssumeRole"]}}`); err != nil {
		t.Error(err)
	}
}

// R1.9 and the table of principals: whole names only, no groups.
func TestPrincipalsHaveTheFormsThatTheUserGuideLists(t *testing.T) {
	for kind, texts := range map[string]map[string]bool{
		"AWS": {
			"*": true, "123456789012": true, "arn:aws:iam::123456789012:root": true, "arn:aws:iam::123456789012:user/a/ann": true,
			"arn:aws-cn:iam::123456789012:role/r": true, "arn:aws:sts::123456789012:assumed-role/r/s": true, "arn:aws:sts::123456789012:federated-user/u": true,
			"AROAEXAMPLE0123456": true, "AIDAEXAMPLE0123456": true, "AIDA567890123456": true,
			"": false, "ann": false, "12345678901": false, "1234567890123": false, "12345678901a": false, "AROA*": false, "AIDA56789012345": false,
			"AKIAEXAMPLE0123456": false, "AROAEXAMPLE-012345": false, "XAIDAEXAMPLE01234567": false,
			"arn:aws:iam::123456789012:group/g": false, "arn:aws:iam::123456789012:user/*": false, "arn:aws:iam::123456789012:user/a?n": false,
			"arn:aws:iam::123456789012:user/": false, "arn:aws:iam::12345678901:user/a": false, "arn:aws:iam::12345678901x:user/a": false,
			"urn:aws:iam::123456789012:user/a": false, "arn:aws:iam::123456789012": false, "arn:aws:sts::123456789012:user/a": false,
			"arn:aws:s3:::bucket": false, "arn:aws:sts::123456789012:root": false, "arn:aws:iam::1234567890123:root": false, "arn:aws:iam::12345678901a:root": false,
		},
		"Service":       {"ec2.amazonaws.com": true, "*": false, "": false, "*.amazonaws.com": false},
		"Federated":     {"arn:aws:iam::123456789012:oidc-provider/x": true, "accounts.google.com": true, "*": false},
		"CanonicalUser": {"79a59df900b949e55d96a1e698fbaced": true, "*": false},
	} {
		for text, want := range texts {
			_, err := Parse(Trust, `{"Statement":{"Effect":"Allow","Action":"sts:*","Principal":{"`+kind+`":"`+text+`"}}}`)
			var pe *ParseError
			if (err == nil) != want || err != nil && (!errors.As(err, &pe) || pe.Fault != BadPrincipal || pe.Value != text) {
				t.Errorf("%s %q: %v", kind, text, err)
			}
		}
	}
}

// IAM's quotas: white space is not counted, characters are and not bytes.
func TestTheSizeOfADocumentIsItsCharactersWithoutWhiteSpace(t *testing.T) {
	for document, want := range map[string]int{"": 0, " \t\r\n": 0, `{"a": "b c"}`: 10, "ÿ": 1} {
		if got := Size(document); got != want {
			t.Errorf("%q: %d, want %d", document, got, want)
		}
	}
}
