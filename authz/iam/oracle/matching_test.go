package oracle

import (
	"strings"
	"testing"
)

// A statement's match, M, N or U, with actions, resources and contexts.
type matching struct {
	v        int
	more     string // what stands in the statement beside its effect
	requests []request
}

type request struct {
	action, resource string
	context          map[string]ContextKey
	want             string
}

// on is a request for an object.
func on(object, want string) request { return request{"s3:GetObject", s3o(object), nil, want} }

// in is a request with a context.
func in(want string, pairs ...string) request {
	return request{"s3:GetObject", s3o("b/o"), ctx(pairs...), want}
}

// block is a statement for all, with a condition.
func block(conditions string) string {
	return `"Action": "*", "Resource": "*", "Condition": {` + conditions + `}`
}

// matchOf tells whether a statement applies, by what it does: alone if it
// allows, beside an administrator's if it denies.
func matchOf(t *testing.T, effect, more string, r request) string {
	t.Helper()
	c := ask(user("u"), r.action, r.resource).identity(policy(`{"Effect": "` + effect + `", ` + more + `}`))
	c.Context = r.context
	if effect == "Deny" {
		c.Identity = append(c.Identity, policy(everything))
	}
	switch got := outcome(Decide(c)); {
	case got == "undetermined":
		return "U"
	case got == "allow" && effect == "Allow", got == "deny-e" && effect == "Deny":
		return "M"
	case got == "deny-i" && effect == "Allow", got == "allow" && effect == "Deny":
		return "N"
	default:
		t.Errorf("%s %s: %s is no outcome of one statement", effect, more, got)
		return got
	}
}

func onResources() []matching {
	tree := `"Action": "*", "Resource": "arn:aws:s3:::b/*/test/*"`
	ec2 := func(want string, pairs ...string) request {
		return request{"ec2:StopInstances", "arn:aws:ec2:us-east-1:" + own + ":instance/i", ctx(pairs...), want}
	}
	team := `"Action": "*", "Resource": "arn:aws:s3:::bucket-${aws:PrincipalTag/team, 'company-wide'}"`
	at := func(bucket, want string, pairs ...string) request {
		return request{"s3:ListBucket", s3o(bucket), ctx(pairs...), want}
	}
	topic := func(name, environment, want string) request {
		return request{"sns:CreateTopic", "arn:aws:sns:us-east-1:" + own + ":" + name,
			ctx("aws:PrincipalTag/access-project", "p", "aws:PrincipalTag/access-application", "a", "aws:PrincipalTag/access-environment", environment), want}
	}
	pass := func(role, want string, pairs ...string) request {
		return request{"iam:PassRole", "arn:aws:iam::" + own + ":role/" + role, ctx(pairs...), want}
	}
	const instances = "arn:aws:ec2:%:" + own + ":instance/i"
	return []matching{
		{48, tree, []request{on("b/1/test/o", "M"), on("b/1/2/test/o", "M"), on("b/1/2/test/3/o", "M"), on("b/1///test///o", "M"), on("b/1/test/.jpg", "M"), on("b//test/o", "M"), on("b/1/test/", "M")}},
		{49, tree, []request{on("b/1-test/o", "N"), on("b/test/o", "N"), on("b/1/2/test.jpg", "N")}},
		{50, `"Action": "iam:ListAccessKeys", "Resource": "*"`, []request{{"IAM:listaccesskeys", "*", nil, "M"}}},
		{50, `"Action": "iam:*AccessKey*", "Resource": "*"`, []request{{"iam:UpdateAccessKey", "*", nil, "M"}}},
		{51, `"NotAction": "s3:DeleteBucket", "Resource": "arn:aws:s3:::*"`, []request{{"s3:PutObject", s3o("b/x"), nil, "M"}, {"s3:DeleteBucket", s3o("b"), nil, "N"},
			{"s3:ListAllMyBuckets", "*", nil, "U"}, {"sns:ListTopics", "*", nil, "N"}}}, // U by C-11: AWS's pages contradict each other on that action alone
		{52, `"NotAction": "iam:*", "Resource": "*", "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}`,
			[]request{ec2("M", "aws:MultiFactorAuthPresent", "false"), ec2("M"), ec2("N", "aws:MultiFactorAuthPresent", "true"), {"iam:ListUsers", "*", ctx("aws:MultiFactorAuthPresent", "false"), "N"}}},
		{53, `"Action": "s3:*", "NotResource": ["arn:aws:s3:::HRBucket/Payroll", "arn:aws:s3:::HRBucket/Payroll/*"]`,
			[]request{on("HRBucket/Payroll/a", "N"), on("HRBucket/Other/a", "M"), ec2("N")}},
		{68, `"Action": "sns:CreateTopic", "Resource": "arn:aws:sns:*:*:${aws:PrincipalTag/access-project}-${aws:PrincipalTag/access-application}-${aws:PrincipalTag/access-environment}-*"`,
			[]request{topic("p-a-e-x", "e", "M"), topic("p-a-f-x", "e", "N"), topic("p-a-e-x", "-", "N")}},
		{93, team, []request{at("bucket-yellow", "M", "aws:PrincipalTag/team", "yellow"), at("bucket-company-wide", "N", "aws:PrincipalTag/team", "yellow"), at("bucket-company-wide", "M"), at("bucket-yellow", "N")}},
		{96, `"Action": "iam:PassRole", "Resource": "arn:aws:iam::` + own + `:role/EC2-roles-for-XYZ-*"`, []request{pass("EC2-roles-for-XYZ-a", "M"), pass("other", "N")}},
		{97, `"Action": "iam:PassRole", "Resource": "*", "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}, "ArnLike": {"iam:AssociatedResourceARN": ["arn:aws:ec2:us-east-1:` + own + `:instance/*", "arn:aws:ec2:us-west-1:` + own + `:instance/*"]}}`,
			[]request{pass("r", "M", "iam:PassedToService", "ec2.amazonaws.com", "iam:AssociatedResourceArn", strings.Replace(instances, "%", "us-west-1", 1)),
				pass("r", "N", "iam:PassedToService", "ec2.amazonaws.com", "iam:AssociatedResourceArn", strings.Replace(instances, "%", "eu-west-1", 1)),
				pass("r", "N", "iam:PassedToService", "rds.amazonaws.com", "iam:AssociatedResourceArn", strings.Replace(instances, "%", "us-west-1", 1))}},
	}
}

func onStrings() []matching {
	const prefix, jobs, env = "s3:prefix", "aws:PrincipalTag/job-category", "aws:RequestTag/environment"
	tagged := block(`"StringEqualsIgnoreCase": {"aws:RequestTag/environment": ["preprod", "storage"]}, "ForAnyValue:StringEquals": {"aws:TagKeys": "environment"}`)
	const sns = "arn:aws:sns:us-east-1:123456789012:t"
	const store = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"
	const finance = `"arn:aws:someservice:*:111122223333:finance/*"`
	const dist, support = "arn:aws:cloudfront::123456789012:distribution/", "arn:aws:cloudfront::123456789012:distribution/support"
	team, owner := block(`"StringNotEquals": {"s3:ExistingObjectTag/Team": "${aws:PrincipalTag/Team}"}`), block(`"StringEquals": {"s3:ExistingObjectTag/owner": "${aws:PrincipalTag/owner}"}`)
	people := func(operator string) string {
		return block(`"StringEquals": {"aws:PrincipalTag/department": ["finance", "hr", "legal"], "aws:PrincipalTag/role": ["audit", "security"]}, "` + operator + `": {"aws:PrincipalArn": ["arn:aws:iam::` + own + `:user/Ana", "arn:aws:iam::` + own + `:user/Mary"]}`)
	}
	who := func(want, department, role, name string) request {
		return in(want, "aws:PrincipalTag/department", department, "aws:PrincipalTag/role", role, "aws:PrincipalArn", "arn:aws:iam::"+own+":user/"+name)
	}
	const cluster, c1, c2 = "ecs:cluster", "arn:aws:ecs:us-east-1:123456789012:cluster/default1", "arn:aws:ecs:us-east-1:123456789012:cluster/default2"
	return []matching{
		{55, block(`"StringEquals": {"aws:username": "john"}`), []request{in("N", "aws:username", "John")}},
		{55, block(`"StringEqualsIgnoreCase": {"aws:username": "john"}`), []request{in("M", "aws:username", "John")}},
		{56, block(`"StringEquals": {"aws:PrincipalTag/job-category": "iamuser-admin"}`), []request{in("M", jobs, "iamuser-admin"), in("N", jobs, "dev-ops"), in("N")}},
		{57, block(`"StringLike": {"s3:prefix": ["", "home/", "home/${aws:username}/"]}`), []request{in("M", prefix, ""), in("M", prefix, "home/martha_rivera/", "aws:username", "martha_rivera"),
			in("N", prefix, "home/martha_rivera/", "aws:username", "nikki_wolf"), in("N", prefix, "home/x/")}},
		{58, tagged, []request{in("M", "aws:TagKeys", "environment", env, "preprod"), in("M", "aws:TagKeys", "environment|costcenter", env, "PreProd")}},
		{59, tagged, []request{in("N", "aws:TagKeys", "Environment", env, "preprod"), in("N", "aws:TagKeys", "costcenter", env, "preprod"), in("N", env, "storage"), in("N", "aws:TagKeys", "environment"), in("N")}},
		{65, block(`"ArnEquals": {"aws:SourceArn": "` + sns + `"}`), []request{in("M", "aws:SourceArn", sns), in("N", "aws:SourceArn", strings.Replace(sns, "1234", "9999", 1)), in("N")}},
		{66, block(`"StringLike": {"a:b": ` + finance + `}`), []request{in("M", "a:b", store)}},
		{66, block(`"ArnLike": {"a:b": ` + finance + `}`), []request{in("N", "a:b", store)}},
		{67, block(`"ForAllValues:ArnLike": {"a:b": ["` + dist + `*", "` + support + `*"]}`), []request{in("M", "a:b", dist+"costcenter"), in("M", "a:b", dist+"costcenter|"+support+"2025"),
			in("N", "a:b", strings.Replace(dist, "1234", "9999", 1)+"costcenter"), in("M")}},
		{69, block(`"StringLikeIfExists": {"ec2:InstanceType": ["t1.*", "t2.*", "m3.*"]}`), []request{in("M", "ec2:InstanceType", "t1.micro"), in("N", "ec2:InstanceType", "m2.micro"), in("M")}},
		{70, block(`"StringLike": {"ec2:InstanceType": ["t1.*", "t2.*", "m3.*"]}`), []request{in("N"), in("M", "ec2:InstanceType", "t1.micro")}},
		{81, block(`"StringEquals": {"aws:RequestTag/environment": ["production", "prod-backup"]}, "ArnEquals": {"ecs:cluster": ["` + c1 + `", "` + c2 + `"]}`),
			[]request{in("M", env, "production", cluster, c1), in("M", env, "prod-backup", cluster, c2), in("N", "aws:RequestTag/webserver", "production", cluster, c1), in("N", cluster, c1)}},
		{82, people("ArnLike"), []request{who("M", "legal", "audit", "Mary"), who("N", "hr", "audit", "Nikki"), who("N", "hr", "payroll", "Mary"), who("N", "hr", "-", "Mary"), who("N", "-", "-", "Mary")}},
		{83, people("ArnNotLike"), []request{who("M", "legal", "audit", "Nikki"), who("N", "hr", "audit", "Mary"), who("N", "hr", "payroll", "Nikki"), who("N", "hr", "-", "Nikki")}},
		{90, block(`"StringNotEqualsIfExists": {"aws:SourceVpc": "vpc-1", "aws:PrincipalServiceName": "cloudtrail.amazonaws.com"}`),
			[]request{in("N", "aws:SourceVpc", "vpc-1"), in("M", "aws:SourceVpc", "vpc-2"), in("N", "aws:PrincipalServiceName", "cloudtrail.amazonaws.com"), in("M")}},
		{91, team, []request{in("N", "s3:ExistingObjectTag/Team", "a", "aws:PrincipalTag/Team", "a"), in("M", "s3:ExistingObjectTag/Team", "a", "aws:PrincipalTag/Team", "b"), in("M", "s3:ExistingObjectTag/Team", "a")}},
		{92, owner, []request{in("M", "s3:ExistingObjectTag/owner", "a", "aws:PrincipalTag/owner", "a"), in("N", "s3:ExistingObjectTag/owner", "a")}},
		{94, block(`"StringEquals": {"aws:ResourceTag/Owner": "${aws:username}"}`), []request{in("M", "aws:username", "richard-roe", "aws:ResourceTag/Owner", "richard-roe"), in("M", "aws:username", "richard-roe", "aws:ResourceTag/owner", "richard-roe"),
			in("N", "aws:username", "richard-roe", "aws:ResourceTag/Owner", "Richard-Roe"), in("N", "aws:username", "richard-roe")}},
		{95, block(`"StringEquals": {"aws:RequestTag/TagKey1": "Production"}`), []request{in("M", "aws:RequestTag/TAGKEY1", "Production"), in("N", "aws:RequestTag/TagKey1", "production")}},
		{100, block(`"StringEquals": {"aws:ResourceTag/project": "${aws:PrincipalTag/project}"}`), []request{in("M", "aws:ResourceTag/project", "p", "aws:PrincipalTag/project", "p"), in("N", "aws:ResourceTag/project", "q", "aws:PrincipalTag/project", "p"), in("N")}},
	}
}

func onOtherTypes() []matching {
	const tls, ip, mfa, issue, now = "aws:SecureTransport", "aws:SourceIp", "aws:MultiFactorAuthPresent", "aws:TokenIssueTime", "aws:CurrentTime"
	keyed := block(`"BinaryEquals": {"a:key": "QmluYXJ5VmFsdWVJbkJhc2U2NA=="}`)
	outside := block(`"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/24"]}, "Bool": {"aws:ViaAWSService": "false"}`)
	return []matching{
		{60, block(`"Bool": {"aws:SecureTransport": false}`), []request{in("M", tls, "false"), in("N", tls, "true"), in("N")}},
		{61, keyed, []request{in("M", "a:key", "QmluYXJ5VmFsdWVJbkJhc2U2NA=="), in("N", "a:key", "QmluYXJ5"), in("N")}},
		{62, block(`"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}`), []request{in("M", ip, "203.0.113.1"), in("N", ip, "198.51.100.1"), in("N")}},
		{63, block(`"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:DB8:1234:5678::/64"]}`), []request{in("M", ip, "2001:db8:1234:5678::1"), in("N", ip, "2001:db8::1")}},
		{64, outside, []request{in("N", ip, "192.0.2.5", "aws:ViaAWSService", "false"), in("M", ip, "8.8.8.8", "aws:ViaAWSService", "false"), in("N", ip, "8.8.8.8", "aws:ViaAWSService", "true")}},
		{71, block(`"Null": {"aws:TokenIssueTime": "true"}`), []request{in("M"), in("N", issue, "2020-01-01T00:00:00Z")}},
		{71, block(`"Null": {"aws:TokenIssueTime": "false"}`), []request{in("N"), in("M", issue, "2020-01-01T00:00:00Z")}},
		{72, block(`"NumericLessThanEquals": {"s3:max-keys": "10"}`), []request{in("M", "s3:max-keys", "10"), in("N", "s3:max-keys", "11"), in("N")}},
		{73, block(`"NumericLessThanEquals": {"aws:MultiFactorAuthAge": 3600}`), []request{in("M", "aws:MultiFactorAuthAge", "2800"), in("N", "aws:MultiFactorAuthAge", "4000"), in("N")}},
		{74, block(`"DateGreaterThan": {"aws:TokenIssueTime": "2020-01-01T00:00:01Z"}`), []request{in("M", issue, "2020-06-01"), in("N", issue, "2019-12-31"), in("N")}},
		{75, block(`"DateGreaterThan": {"aws:CurrentTime": "2020-04-01T00:00:00Z"}, "DateLessThan": {"aws:CurrentTime": "2020-06-30T23:59:59Z"}`), []request{in("M", now, "2020-05-01"), in("N", now, "2020-07-01")}},
		{88, block(`"Bool": {"aws:MultiFactorAuthPresent": "false"}`), []request{in("N"), in("M", mfa, "false"), in("N", mfa, "true")}},
		{89, block(`"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}`), []request{in("M"), in("N", mfa, "false"), in("M", mfa, "true")}},
		{89, block(`"Bool": {"aws:MultiFactorAuthPresent": "true"}`), []request{in("N"), in("N", mfa, "false"), in("M", mfa, "true")}},
		{89, block(`"Null": {"aws:MultiFactorAuthPresent": "false"}`), []request{in("N"), in("M", mfa, "false"), in("M", mfa, "true")}},
		{99, block(`"ForAllValues:Null": {"a:b": "true"}`), []request{in("M"), in("M", "a:b", "x")}},
		{99, block(`"ForAnyValue:Null": {"a:b": "true"}`), []request{in("N"), in("N", "a:b", "x")}},
		{99, block(`"ForAnyValue:StringEquals": {"a:b": []}`), []request{in("N"), in("N", "a:b", "x")}},
		{99, block(`"StringEqualsIfExists": {"a:b": []}`), []request{in("M"), in("N", "a:b", "x")}},
	}
}

func onSets() []matching {
	const keys, attributes, via = "aws:TagKeys", "dynamodb:Attributes", "aws:CalledVia"
	const two, three = "o-a1/r-ab/ou-1/ou-2/", "o-a1/r-ab/ou-1/ou-2/ou-3/"
	paths := func(operator, value string, of2, of3 string) matching {
		return matching{86, block(`"ForAnyValue:` + operator + `": {"aws:PrincipalOrgPaths": "` + value + `"}`), []request{in(of2, "aws:PrincipalOrgPaths", two), in(of3, "aws:PrincipalOrgPaths", three)}}
	}
	return []matching{
		{76, block(`"ForAllValues:StringNotLike": {"aws:TagKeys": "key1*"}`), []request{in("N", keys, "key1:legal"), in("N", keys, "key1:hr|key1:personnel"), in("M", keys, "key2:audit"), in("M")}},
		{77, block(`"ForAllValues:StringNotLike": {"aws:TagKeys": ["key1*", "key2*"]}`), []request{in("N", keys, "key1:legal"), in("N", keys, "key1:hr|key2:audit"), in("M", keys, "key3:legal"), in("M")}},
		{78, block(`"ForAnyValue:StringEquals": {"aws:TagKeys": "webserver"}`), []request{in("M", keys, "webserver"), in("M", keys, "environment|webserver|test"), in("N", keys, "environment|test"), in("N")}},
		{79, block(`"ForAllValues:StringEquals": {"aws:TagKeys": ["environment", "cost-center"]}, "Null": {"aws:TagKeys": "false"}`),
			[]request{in("M", keys, "environment"), in("M", keys, "cost-center"), in("M", keys, "environment|cost-center"), in("N", keys, "environment|dept"), in("N")}},
		{80, block(`"ForAnyValue:StringEquals": {"aws:TagKeys": ["environment", "cost-center"]}`),
			[]request{in("M", keys, "environment"), in("M", keys, "environment|cost-center"), in("M", keys, "environment|dept"), in("N", keys, "dept"), in("N")}},
		{84, block(`"ForAllValues:StringEquals": {"dynamodb:Attributes": ["ID", "Message", "Tags"]}`), []request{in("M", attributes, "Message|Tags|ID"), in("N", attributes, "UserName|Message")}},
		{85, block(`"ForAnyValue:StringEquals": {"dynamodb:Attributes": ["ID", "PostDateTime"]}`), []request{in("M", attributes, "UserName|Message|PostDateTime"), in("N", attributes, "UserName")}},
		paths("StringEquals", two, "M", "N"), paths("StringLike", two+"*", "M", "M"), paths("StringLike", two+"ou-*", "N", "M"),
		{87, block(`"ForAnyValue:StringEquals": {"aws:CalledVia": "dynamodb.amazonaws.com"}`), []request{in("M", via, "cloudformation.amazonaws.com|dynamodb.amazonaws.com"), in("N")}},
	}
}

// Each statement as one that allows and as one that denies.
//
// shows: item S80
func TestTheWorkedCasesOfOneStatement(t *testing.T) {
	for _, all := range [][]matching{onResources(), onStrings(), onOtherTypes(), onSets()} {
		for _, m := range all {
			for _, r := range m.requests {
				for _, effect := range []string{"Allow", "Deny"} {
					if got := matchOf(t, effect, m.more, r); got != r.want {
						t.Errorf("V%d %s %s, %s on %s with %v: %s, want %s", m.v, effect, m.more, r.action, r.resource, r.context, got, r.want)
					}
				}
			}
		}
	}
}

// V54: variables are text before 2012-10-17.
func TestVariablesNeedTheVersion(t *testing.T) {
	for version, want := range map[string]string{`"Version": "2008-10-17", `: "deny-i", "": "deny-i", `"Version": "2012-10-17", `: "allow"} {
		text := `{` + version + `"Statement": {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::b/${aws:username}"}}`
		if got := outcome(Decide(ask(user("bob"), "s3:GetObject", s3o("b/bob")).context("aws:username", "bob").identity(&text))); got != want {
			t.Errorf("V54 %s: %s, want %s", version, got, want)
		}
	}
}
