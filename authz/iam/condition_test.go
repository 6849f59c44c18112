package iam

import (
	"strings"
	"testing"
)

// The numbers are those of AWS's worked examples as the project collects them;
// U is a question AWS leaves open, with the rule that the project chose.
func TestConditionsHoldAsTheUserGuideSays(t *testing.T) {
	const arn = "arn:aws:sns:us-east-1:123456789012:topic"
	type key = []string // KEY=VALUE|VALUE; nil: no key is present
	for name, tt := range map[string]struct {
		condition string
		context   key
		want      truth
	}{
		"V56 StringEquals, equal":                           {`{"StringEquals":{"aws:PrincipalTag/job":"admin"}}`, key{"aws:PrincipalTag/job=admin"}, yes},
		"V56 another value":                                 {`{"StringEquals":{"aws:PrincipalTag/job":"admin"}}`, key{"aws:PrincipalTag/job=dev-ops"}, no},
		"V56 no value":                                      {`{"StringEquals":{"aws:PrincipalTag/job":"admin"}}`, nil, no},
		"StringEquals has no wildcards":                     {`{"StringEquals":{"k:a":"a*"}}`, key{"k:a=ab"}, no},
		"and takes a star as itself":                        {`{"StringEquals":{"k:a":"a*"}}`, key{"k:a=a*"}, yes},
		"V57 the empty prefix":                              {`{"StringLike":{"s3:prefix":["","home/","home/${aws:username}/"]}}`, key{"s3:prefix="}, yes},
		"V57 one's own home":                                {`{"StringLike":{"s3:prefix":["","home/","home/${aws:username}/"]}}`, key{"s3:prefix=home/martha/", "aws:username=martha"}, yes},
		"V57 another's home":                                {`{"StringLike":{"s3:prefix":["","home/","home/${aws:username}/"]}}`, key{"s3:prefix=home/martha/", "aws:username=nikki"}, no},
		"V57 a home without a user":                         {`{"StringLike":{"s3:prefix":["","home/","home/${aws:username}/"]}}`, key{"s3:prefix=home/x/"}, no},
		"a question mark is one character":                  {`{"StringLike":{"k:a":"a?c"}}`, key{"k:a=abc"}, yes},
		"and not none":                                      {`{"StringLike":{"k:a":"a?c"}}`, key{"k:a=ac"}, no},
		"and not two":                                       {`{"StringLike":{"k:a":"a?c"}}`, key{"k:a=abbc"}, no},
		"two stars":                                         {`{"StringLike":{"k:a":"a*b*"}}`, key{"k:a=aXbYb"}, yes},
		"U-18 ignoring case, in Latin-1 too":                {`{"StringEqualsIgnoreCase":{"k:a":"ÄB"}}`, key{"k:a=äb"}, yes},
		"ignoring case, another value":                      {`{"StringEqualsIgnoreCase":{"k:a":"ab"}}`, key{"k:a=AC"}, no},
		"not equal ignoring case":                           {`{"StringNotEqualsIgnoreCase":{"k:a":"ab"}}`, key{"k:a=AB"}, no},
		"V60 Bool, the other":                               {`{"Bool":{"aws:SecureTransport":false}}`, key{"aws:SecureTransport=true"}, no},
		"U-13 Bool in capitals":                             {`{"Bool":{"aws:SecureTransport":"TRUE"}}`, key{"aws:SecureTransport=True"}, yes},
		"U-12 Bool of no truth value in the request":        {`{"Bool":{"aws:SecureTransport":true}}`, key{"aws:SecureTransport=yes"}, maybe},
		"U-12 Bool of no truth value in the policy":         {`{"Bool":{"aws:SecureTransport":"yes"}}`, key{"aws:SecureTransport=true"}, maybe},
		"V65 ArnEquals, equal":                              {`{"ArnEquals":{"aws:SourceArn":"` + arn + `"}}`, key{"aws:SourceArn=" + arn}, yes},
		"V65 another account":                               {`{"ArnEquals":{"aws:SourceArn":"` + arn + `"}}`, key{"aws:SourceArn=arn:aws:sns:us-east-1:999999999999:topic"}, no},
		"V65 absent":                                        {`{"ArnEquals":{"aws:SourceArn":"` + arn + `"}}`, nil, no},
		"ArnLike with stars in two parts":                   {`{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:*:top*"}}`, key{"aws:SourceArn=" + arn}, yes},
		"ArnLike, another name":                             {`{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:*:tap*"}}`, key{"aws:SourceArn=" + arn}, no},
		"ArnLike's name keeps its colons":                   {`{"ArnLike":{"aws:SourceArn":"arn:aws:logs:*:*:log-group:a:*"}}`, key{"aws:SourceArn=arn:aws:logs:r:1:log-group:a:b"}, yes},
		"U-23 a star is every ARN":                          {`{"ArnLike":{"aws:SourceArn":"*"}}`, key{"aws:SourceArn=" + arn}, yes},
		"U-23 but not what is none":                         {`{"ArnLike":{"aws:SourceArn":"*"}}`, key{"aws:SourceArn=topic"}, no},
		"U-23 what is none, by a pattern that is none":      {`{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::${"}}`, key{"aws:SourceArn=topic"}, no},
		"U-23 six parts that are none":                      {`{"ArnLike":{"aws:SourceArn":"*"}}`, key{"aws:SourceArn=urn:a:b:c:d:e"}, no},
		"U-23 a pattern of fewer parts":                     {`{"ArnLike":{"aws:SourceArn":"arn:aws:sns*"}}`, key{"aws:SourceArn=" + arn}, maybe},
		"U-23 a pattern of five parts":                      {`{"ArnLike":{"aws:SourceArn":"arn:aws:sns:us-east-1:123456789012"}}`, key{"aws:SourceArn=" + arn}, maybe},
		"a literal of one letter is no star":                {`{"ArnLike":{"aws:SourceArn":"a"}}`, key{"aws:SourceArn=" + arn}, maybe},
		"ArnNotLike of an equal one":                        {`{"ArnNotLike":{"aws:SourceArn":"` + arn + `"}}`, key{"aws:SourceArn=" + arn}, no},
		"ArnNotEquals of an absent one":                     {`{"ArnNotEquals":{"aws:SourceArn":"` + arn + `"}}`, nil, yes},
		"an ARN with a variable that has no value":          {`{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:*:${aws:username}"}}`, key{"aws:SourceArn=" + arn}, no},
		"V69 IfExists, a listed value":                      {`{"StringLikeIfExists":{"ec2:InstanceType":["t1.*","m3.*"]}}`, key{"ec2:InstanceType=t1.micro"}, yes},
		"V70 without IfExists an absent key":                {`{"StringLike":{"ec2:InstanceType":["t1.*","m3.*"]}}`, nil, no},
		"V71 Null true of an absent key":                    {`{"Null":{"aws:TokenIssueTime":"true"}}`, nil, yes},
		"V71 Null false of an absent key":                   {`{"Null":{"aws:TokenIssueTime":"false"}}`, nil, no},
		"V71 Null true of a present key":                    {`{"Null":{"aws:TokenIssueTime":"true"}}`, key{"aws:TokenIssueTime=x"}, no},
		"V71 Null false of a present key":                   {`{"Null":{"aws:TokenIssueTime":"false"}}`, key{"aws:TokenIssueTime=x"}, yes},
		"Null true and false together":                      {`{"Null":{"aws:TokenIssueTime":["true","false"]}}`, key{"aws:TokenIssueTime=x"}, yes},
		"Null of no truth value":                            {`{"Null":{"aws:TokenIssueTime":"perhaps"}}`, nil, maybe},
		"Null of no truth value, a present key":             {`{"Null":{"aws:TokenIssueTime":"perhaps"}}`, key{"aws:TokenIssueTime=x"}, maybe},
		"Null of no truth value beside one that holds":      {`{"Null":{"aws:TokenIssueTime":["perhaps","true"]}}`, nil, yes},
		"U-16 Null of an empty value":                       {`{"Null":{"k:a":"true"}}`, key{"k:a="}, maybe},
		"Null of several values":                            {`{"Null":{"k:a":"false"}}`, key{"k:a=|x"}, yes},
		"V76 all tag keys are listed":                       {`{"ForAllValues:StringNotLike":{"aws:TagKeys":"key1*"}}`, key{"aws:TagKeys=key1:legal"}, no},
		"V76 none is listed":                                {`{"ForAllValues:StringNotLike":{"aws:TagKeys":"key1*"}}`, key{"aws:TagKeys=key2:audit"}, yes},
		"V76 no tag keys":                                   {`{"ForAllValues:StringNotLike":{"aws:TagKeys":"key1*"}}`, nil, yes},
		"V78 absent":                                        {`{"ForAnyValue:StringEquals":{"aws:TagKeys":"webserver"}}`, nil, no},
		"V79 every key listed":                              {`{"ForAllValues:StringEquals":{"aws:TagKeys":["environment","cost-center"]}}`, key{"aws:TagKeys=environment|cost-center"}, yes},
		"V79 one key not listed":                            {`{"ForAllValues:StringEquals":{"aws:TagKeys":["environment","cost-center"]}}`, key{"aws:TagKeys=environment|dept"}, no},
		"V79 the one not listed first":                      {`{"ForAllValues:StringEquals":{"aws:TagKeys":["environment","cost-center"]}}`, key{"aws:TagKeys=dept|environment"}, no},
		"V84 only empty strings are no data: for all":       {`{"ForAllValues:StringEquals":{"k:a":"x"}}`, key{"k:a=|"}, yes},
		"only empty strings are no data: for any":           {`{"ForAnyValue:StringEquals":{"k:a":""}}`, key{"k:a=|"}, no},
		"an empty string among others is a value":           {`{"ForAllValues:StringEquals":{"k:a":"x"}}`, key{"k:a=x|"}, no},
		"V86 in the unit itself":                            {`{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-a1/r-ab/ou-1/ou-2/*"}}`, key{"aws:PrincipalOrgPaths=o-a1/r-ab/ou-1/ou-2/"}, yes},
		"V86 in a unit beneath":                             {`{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-a1/r-ab/ou-1/ou-2/ou-*"}}`, key{"aws:PrincipalOrgPaths=o-a1/r-ab/ou-1/ou-2/"}, no},
		"V90 the listed network":                            {`{"StringNotEqualsIfExists":{"aws:SourceVpc":"vpc-1"}}`, key{"aws:SourceVpc=vpc-1"}, no},
		"V90 another network":                               {`{"StringNotEqualsIfExists":{"aws:SourceVpc":"vpc-1"}}`, key{"aws:SourceVpc=vpc-2"}, yes},
		"V91 the principal has no team":                     {`{"StringNotEquals":{"s3:ExistingObjectTag/Team":"${aws:PrincipalTag/Team}"}}`, key{"s3:ExistingObjectTag/Team=a"}, yes},
		"V91 the same team":                                 {`{"StringNotEquals":{"s3:ExistingObjectTag/Team":"${aws:PrincipalTag/Team}"}}`, key{"s3:ExistingObjectTag/Team=a", "aws:PrincipalTag/Team=a"}, no},
		"V94 the key in other letters":                      {`{"StringEquals":{"aws:ResourceTag/Owner":"${aws:username}"}}`, key{"aws:resourcetag/owner=richard", "aws:UserName=richard"}, yes},
		"V94 the value in other letters":                    {`{"StringEquals":{"aws:ResourceTag/Owner":"${aws:username}"}}`, key{"aws:ResourceTag/Owner=Richard", "aws:username=richard"}, no},
		"V99 Null under ForAllValues":                       {`{"ForAllValues:Null":{"k:a":"false"}}`, nil, yes},
		"V99 Null under ForAnyValue":                        {`{"ForAnyValue:Null":{"k:a":"false"}}`, key{"k:a=x"}, no},
		"V99 ForAnyValue of an empty list":                  {`{"ForAnyValue:StringEquals":{"k:a":[]}}`, key{"k:a=x"}, no},
		"V99 IfExists of an empty list, absent":             {`{"StringEqualsIfExists":{"k:a":[]}}`, nil, yes},
		"V99 IfExists of an empty list, present":            {`{"StringEqualsIfExists":{"k:a":[]}}`, key{"k:a=x"}, no},
		"U-9 a plain operator on several values":            {`{"StringEquals":{"k:a":"x"}}`, key{"k:a=x|x"}, maybe},
		"U-10 ForAnyValue with IfExists, absent":            {`{"ForAnyValue:StringEqualsIfExists":{"k:a":"x"}}`, nil, yes},
		"an escaped star":                                   {`{"StringLike":{"k:a":"a${*}c"}}`, key{"k:a=abc"}, no},
		"an escaped star is a star":                         {`{"StringLike":{"k:a":"a${*}${?}${$}c"}}`, key{"k:a=a*?$c"}, yes},
		"U-3 a star in a variable's value is a star":        {`{"StringLike":{"k:a":"${aws:username}"}}`, key{"k:a=abc", "aws:username=*"}, no},
		"U-11 a variable of several values":                 {`{"StringEquals":{"k:a":"${k:b}"}}`, key{"k:a=x", "k:b=x|x"}, no},
		"and its default is not used":                       {`{"StringEquals":{"k:a":"${k:b, 'x'}"}}`, key{"k:a=x", "k:b=y|z"}, no},
		"U-29 no quote at a default's end":                  {`{"StringEquals":{"k:a":"${k:b, 'x}"}}`, key{"k:a=x"}, maybe},
		"U-29 no space before a default":                    {`{"StringEquals":{"k:a":"${k:b,'x'}"}}`, key{"k:a=x"}, maybe},
		"U-29 a variable without a name":                    {`{"StringEquals":{"k:a":"${}"}}`, key{"k:a=x"}, maybe},
		"U-29 a space in a variable's name":                 {`{"StringEquals":{"k:a":"${k: b}"}}`, key{"k:a=x"}, maybe},
		"a variable without its brace":                      {`{"StringEquals":{"k:a":"${k:b"}}`, key{"k:a=${k:b"}, maybe},
		"an empty default":                                  {`{"StringEquals":{"k:a":"a${k:b, ''}"}}`, key{"k:a=a"}, yes},
		"text after a variable":                             {`{"StringEquals":{"k:a":"${k:b}-${k:c}-z"}}`, key{"k:a=x-y-z", "k:b=x", "k:c=y"}, yes},
		"a second value that is malformed, the first holds": {`{"StringEquals":{"k:a":["x","${"]}}`, key{"k:a=x"}, yes},
	} {
		t.Run(name, func(t *testing.T) {
			c := condition(t, tt.condition)
			ctx := context(tt.context...)
			if got := c.holds(ctx, ctx); got != tt.want {
				t.Errorf("%d, want %d", got, tt.want)
			}
		})
	}
}

// condition reads a Condition element of one operator and one key.
func condition(t testing.TB, text string) *Condition {
	t.Helper()
	p := policy(t, Identity, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":`+text+`}`)
	return &p.Policy.Statements[0].Conditions[0]
}

func TestOfAnUnknownKeyNothingIsCertain(t *testing.T) {
	known, unknown := context("k:a=x"), &Context{}
	unknown.SetUnknown("K:A")
	unknown.SetUnknown("k:b")
	for text, want := range map[string]struct{ known, unknown truth }{
		`{"StringEquals":{"k:a":"x"}}`:              {yes, maybe},
		`{"StringNotEqualsIfExists":{"k:a":"x"}}`:   {no, maybe},
		`{"Null":{"k:a":"true"}}`:                   {no, maybe},
		`{"StringEquals":{"k:c":"x"}}`:              {no, no},
		`{"ForAllValues:StringEquals":{"k:a":"x"}}`: {yes, maybe},
	} {
		c := condition(t, text)
		if got := c.holds(known, known); got != want.known {
			t.Errorf("%s known: %d, want %d", text, got, want.known)
		}
		if got := c.holds(unknown, unknown); got != want.unknown {
			t.Errorf("%s unknown: %d, want %d", text, got, want.unknown)
		}
	}
	known.SetUnknown("k:b")
	if got := condition(t, `{"StringEquals":{"k:a":"${k:b}"}}`).holds(known, known); got != maybe {
		t.Errorf("a variable of unknown value: %d", got)
	}
}

// The IAM User Guide's condition operators; a name not on it is a slip.
func TestExactlyIAMsOperatorsAreRead(t *testing.T) {
	const names = `StringEquals StringNotEquals StringEqualsIgnoreCase StringNotEqualsIgnoreCase StringLike StringNotLike
		NumericEquals NumericNotEquals NumericLessThan NumericLessThanEquals NumericGreaterThan NumericGreaterThanEquals
		DateEquals DateNotEquals DateLessThan DateLessThanEquals DateGreaterThan DateGreaterThanEquals
		Bool BinaryEquals IpAddress NotIpAddress ArnEquals ArnLike ArnNotEquals ArnNotLike`
	for _, name := range strings.Fields(names) {
		for _, set := range []string{"", "ForAllValues:", "ForAnyValue:"} {
			for _, suffix := range []string{"", "IfExists"} {
				whole := set + name + suffix
				o, ok := parseOperator(whole)
				if !ok || o.Name != name || o.Set != strings.TrimSuffix(set, ":") || o.IfExists != (suffix != "") || o.String() != whole {
					t.Errorf("%s: %+v %v, again %s", whole, o, ok, o)
				}
			}
		}
	}
	if _, ok := parseOperator("Null"); !ok {
		t.Error("Null is refused")
	}
	for _, name := range []string{"", "stringEquals", "NullIfExists", "ForAllValues:NullIfExists", "ForSomeValues:StringEquals", "ForAllValues:", "StringEqualsIfexists", "NumericLike"} {
		if o, ok := parseOperator(name); ok {
			t.Errorf("%q is %+v", name, o)
		}
	}
}

// U-2: in the first five parts a star stays in its part unless it is last in
// it, and a question mark is never a colon.
func TestAResourcesWildcardsKeepToTheirParts(t *testing.T) {
	const topic = "arn:aws:sns:us-east-1:123456789012:a:b"
	for pattern, want := range map[string]truth{
		"*":                                            yes,
		topic:                                          yes,
		"arn:aws:sns:us-east-1:123456789012:*":         yes,
		"arn:aws:sns:us-east-1:123456789012:a?b":       yes,
		"arn:aws:sns:*:123456789012:a:b":               yes,
		"arn:aws:sns:*":                                yes,
		"arn:aws:*:b":                                  yes,
		"arn:aws:sns:us-*-1:123456789012:a:b":          yes,
		"arn:aws:sns:us*12:a:b":                        no,
		"arn:aws:sns:u?-east-1:123456789012:a:b":       yes,
		"arn:aws:sns:us-east-1?123456789012:a:b":       no,
		"arn:aws?sns:us-east-1:123456789012:a:b":       no,
		"arn:aws:sns:us-east-1:123456789012:a":         no,
		"arn:aws:sns:us-east-1:123456789012:A:b":       no,
		"arn:aws:sns:us-east-1:12345678901*2:a:b":      yes,
		"arn:aws:sns:us-east-1:123456789012:${k:none}": no,
		"arn:aws:sns:us-east-1:123456789012:${k:a}":    yes,
		"arn:aws:sns:us-east-1:123456789012:${":        maybe,
		"arn:aws:sns:us-east-1:${k:account}:a:b":       no,
	} {
		if got := matchResource(pattern, topic, context("k:a=a:b", "k:account=123456789012")); got != want {
			t.Errorf("%s: %d, want %d", pattern, got, want)
		}
	}
}

func TestAnActionIsMatchedAsAWhole(t *testing.T) {
	for pattern, want := range map[string]bool{
		"*": true, "iam:*": true, "iam:Get*": true, "IAM:getuser": true, "iam:GetUse?": true, "iam:GetUser?": false, "iam:Get": false,
		"i*:GetUser": true, "i*User": true, "sts:*": false, "iam:*Users": false, "*:*": true, "iam:Ge?User": true, "?*": true,
	} {
		if got := matchAction(pattern, "iam:GetUser"); got != want {
			t.Errorf("%s: %v, want %v", pattern, got, want)
		}
	}
}
