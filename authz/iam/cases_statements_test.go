package iam

import (
	"strings"
	"testing"
)

// matched tells whether a statement matches a request: "M", "N", or "?" if it
// is unknown. A Deny stands beside an Allow of everything.
func matched(t testing.TB, version, st, action, resource string, ctx []string) string {
	t.Helper()
	text := `{"Version":"` + version + `","Statement":[` + st
	deny := strings.Contains(st, `"Effect":"Deny"`)
	if deny {
		text += "," + full
	}
	p, err := Parse(Identity, text+"]}")
	if err != nil {
		t.Fatal(err)
	}
	q := Question{Caller: who("user/u"), Action: action, Resource: resource, ResourceAccount: account, Context: context(ctx...),
		Policies: Policies{Identity: []Source{{"p", p}}}}
	switch d := Decide(q); {
	case d.Verdict == Undetermined:
		return "?"
	case d.Verdict == Allowed != deny:
		return "M"
	}
	return "N"
}

func TestAWSsWorkedCasesOfActionsAndResources(t *testing.T) {
	slashes := allows("s3:GetObject", s3full+"b/*/test/*")
	topics := allows("sns:CreateTopic", "arn:aws:sns:*:*:${aws:PrincipalTag/access-project}-${aws:PrincipalTag/access-application}-${aws:PrincipalTag/access-environment}-*")
	tagged := []string{"aws:PrincipalTag/access-project=p", "aws:PrincipalTag/access-application=a", "aws:PrincipalTag/access-environment=e"}
	noMFA := denies("!iam:*", "*", `{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}`)
	hr := denies("s3:*", "!"+s3full+"HRBucket/Payroll "+s3full+"HRBucket/Payroll/*")
	team := strings.Replace(allows("s3:Get", s3full+"bucket-TEAM"), "TEAM", "${aws:PrincipalTag/team, 'company-wide'}", 1)
	pass := allows("iam:PassRole", "arn:aws:iam::"+account+":role/EC2-roles-for-XYZ-*")
	instances := allows("iam:PassRole", "*", `{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"},"ArnLike":{"iam:AssociatedResourceARN":["arn:aws:ec2:us-east-1:`+account+`:instance/*","arn:aws:ec2:us-west-1:`+account+`:instance/*"]}}`)
	homes := allows("iam:GetUser", "arn:aws:iam::"+account+":user/${aws:username}")
	type try struct {
		action, resource string
		context          []string
		want             string
	}
	instance := func(region string) []string {
		return []string{"iam:PassedToService=ec2.amazonaws.com", "iam:AssociatedResourceArn=arn:aws:ec2:" + region + ":" + account + ":instance/i"}
	}
	var all48 []try
	for _, o := range []string{"b/1/test/o", "b/1/2/test/o", "b/1/2/test/3/o", "b/1///test///o", "b/1/test/.jpg", "b//test/o", "b/1/test/"} {
		all48 = append(all48, try{"s3:GetObject", s3full + o, nil, "M"})
	}
	for name, tt := range map[string]struct {
		version, statement string
		tries              []try
	}{
		"V48":            {"2012-10-17", slashes, all48},
		"V49":            {"2012-10-17", slashes, []try{{"s3:GetObject", s3full + "b/1-test/o", nil, "N"}, {"s3:GetObject", s3full + "b/test/o", nil, "N"}, {"s3:GetObject", s3full + "b/1/2/test.jpg", nil, "N"}}},
		"V50":            {"2012-10-17", allows("iam:ListAccessKeys", "*"), []try{{"IAM:listaccesskeys", "*", nil, "M"}}},
		"V50 with stars": {"2012-10-17", allows("iam:*AccessKey*", "*"), []try{{"iam:UpdateAccessKey", "*", nil, "M"}}},
		// C-11: of ListAllMyBuckets AWS's pages say both; the rule stands elsewhere.
		"V51": {"2012-10-17", allows("!s3:DeleteBucket", s3full+"*"), []try{{"s3:PutObject", s3full + "b/x", nil, "M"}, {"s3:DeleteBucket", s3full + "b", nil, "N"},
			{"s3:ListAllMyBuckets", "*", nil, "?"}, {"s3:ListJobs", "*", nil, "N"}}},
		"V52": {"2012-10-17", noMFA, []try{{"ec2:StopInstances", "*", []string{"aws:MultiFactorAuthPresent=false"}, "M"}, {"ec2:StopInstances", "*", nil, "M"},
			{"ec2:StopInstances", "*", []string{"aws:MultiFactorAuthPresent=true"}, "N"}, {"iam:ListUsers", "*", []string{"aws:MultiFactorAuthPresent=false"}, "N"}}},
		"V53": {"2012-10-17", hr, []try{{"s3:GetObject", s3full + "HRBucket/Payroll/a", nil, "N"}, {"s3:GetObject", s3full + "HRBucket/Other/a", nil, "M"}, {"ec2:StopInstances", "*", nil, "N"}}},
		"V54": {"2008-10-17", homes, []try{{"iam:GetUser", "arn:aws:iam::" + account + ":user/bob", []string{"aws:username=bob"}, "N"},
			{"iam:GetUser", "arn:aws:iam::" + account + ":user/${aws:username}", []string{"aws:username=bob"}, "M"}}},
		"V54 its twin": {"2012-10-17", homes, []try{{"iam:GetUser", "arn:aws:iam::" + account + ":user/bob", []string{"aws:username=bob"}, "M"}}},
		"V68": {"2012-10-17", topics, []try{{"sns:CreateTopic", "arn:aws:sns:us-east-1:" + account + ":p-a-e-x", tagged, "M"}, {"sns:CreateTopic", "arn:aws:sns:us-east-1:" + account + ":p-a-f-x", tagged, "N"},
			{"sns:CreateTopic", "arn:aws:sns:us-east-1:" + account + ":p-a-e-x", tagged[:2], "N"}}},
		"V93": {"2012-10-17", team, []try{{"s3:Get", s3full + "bucket-yellow", []string{"aws:PrincipalTag/team=yellow"}, "M"}, {"s3:Get", s3full + "bucket-company-wide", []string{"aws:PrincipalTag/team=yellow"}, "N"},
			{"s3:Get", s3full + "bucket-company-wide", nil, "M"}, {"s3:Get", s3full + "bucket-yellow", nil, "N"}}},
		"V96": {"2012-10-17", pass, []try{{"iam:PassRole", "arn:aws:iam::" + account + ":role/EC2-roles-for-XYZ-a", nil, "M"}, {"iam:PassRole", "arn:aws:iam::" + account + ":role/other", nil, "N"}}},
		"V97": {"2012-10-17", instances, []try{{"iam:PassRole", "arn:aws:iam::" + account + ":role/r", instance("us-west-1"), "M"}, {"iam:PassRole", "arn:aws:iam::" + account + ":role/r", instance("eu-west-1"), "N"},
			{"iam:PassRole", "arn:aws:iam::" + account + ":role/r", []string{"iam:PassedToService=rds.amazonaws.com"}, "N"}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, try := range tt.tries {
				if got := matched(t, tt.version, tt.statement, try.action, try.resource, try.context); got != try.want {
					t.Errorf("%s on %s with %q: %s, want %s", try.action, try.resource, try.context, got, try.want)
				}
			}
		})
	}
}

func TestAWSsWorkedCasesOfConditions(t *testing.T) {
	const (
		topic = "arn:aws:sns:us-east-1:" + account + ":topic"
		dist  = "arn:aws:cloudfront::" + account + ":distribution/"
		mary  = "arn:aws:iam::" + account + ":user/Mary"
		nikki = "arn:aws:iam::" + account + ":user/Nikki"
		ana   = "arn:aws:iam::" + account + ":user/Ana"
		roots = "arn:aws:iam::*:root"
	)
	env := `{"StringEqualsIgnoreCase":{"aws:RequestTag/environment":["preprod","storage"]},"ForAnyValue:StringEquals":{"aws:TagKeys":"environment"}}`
	people := `{"StringEquals":{"aws:PrincipalTag/department":["finance","hr","legal"],"aws:PrincipalTag/role":["audit","security"]},"OP":{"aws:PrincipalArn":["` + ana + `","` + mary + `"]}}`
	person := func(department, role, arn string) string {
		return "aws:PrincipalTag/department=" + department + " aws:PrincipalTag/role=" + role + " aws:PrincipalArn=" + arn
	}
	vpc := `{"StringNotEqualsIfExists":{"aws:SourceVpc":"vpc-1","aws:PrincipalServiceName":"cloudtrail.amazonaws.com"}}`
	const noKey = ""
	for name, tt := range map[string]struct {
		effect, condition string
		want              map[string]string // context, as KEY=VALUE KEY=VALUE, to M, N or ?
	}{
		"V55 StringEquals": {"Allow", `{"StringEquals":{"aws:username":"john"}}`, map[string]string{"aws:username=John": "N", "aws:username=john": "M"}},
		"V55 IgnoreCase":   {"Allow", `{"StringEqualsIgnoreCase":{"aws:username":"john"}}`, map[string]string{"aws:username=John": "M"}},
		"V56":              {"Allow", `{"StringEquals":{"aws:PrincipalTag/job-category":"iamuser-admin"}}`, map[string]string{"aws:PrincipalTag/job-category=iamuser-admin": "M", "aws:PrincipalTag/job-category=dev-ops": "N", noKey: "N"}},
		"V57": {"Allow", `{"StringLike":{"s3:prefix":["","home/","home/${aws:username}/"]}}`, map[string]string{"s3:prefix=": "M", "s3:prefix=home/martha_rivera/ aws:username=martha_rivera": "M",
			"s3:prefix=home/martha_rivera/ aws:username=nikki_wolf": "N", "s3:prefix=home/x/": "N"}},
		"V58": {"Allow", env, map[string]string{"aws:TagKeys=environment aws:RequestTag/environment=preprod": "M", "aws:TagKeys=environment|costcenter aws:RequestTag/environment=PreProd": "M"}},
		"V59": {"Allow", env, map[string]string{"aws:TagKeys=Environment aws:RequestTag/environment=preprod": "N", "aws:TagKeys=costcenter aws:RequestTag/environment=preprod": "N",
			"aws:RequestTag/environment=storage": "N", "aws:TagKeys=environment": "N", noKey: "N"}},
		"V60": {"Allow", `{"Bool":{"aws:SecureTransport":"false"}}`, map[string]string{"aws:SecureTransport=false": "M", "aws:SecureTransport=true": "N", noKey: "N"}},
		"V61": {"Allow", `{"BinaryEquals":{"k:key":"QmluYXJ5VmFsdWVJbkJhc2U2NA=="}}`, map[string]string{"k:key=QmluYXJ5VmFsdWVJbkJhc2U2NA==": "M", "k:key=QmluYXJ5VmFsdWVJbkJhc2U2NQ==": "N", noKey: "N"}},
		"V62": {"Allow", `{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, map[string]string{"aws:SourceIp=203.0.113.1": "M", "aws:SourceIp=198.51.100.1": "N", noKey: "N"}},
		"V63": {"Allow", `{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:DB8:1234:5678::/64"]}}`, map[string]string{"aws:SourceIp=2001:db8:1234:5678::1": "M", "aws:SourceIp=2001:db8::1": "N"}},
		"V64": {"Deny", `{"NotIpAddress":{"aws:SourceIp":["192.0.2.0/24","203.0.113.0/24"]},"Bool":{"aws:ViaAWSService":"false"}}`, map[string]string{"aws:SourceIp=192.0.2.5 aws:ViaAWSService=false": "N", "aws:SourceIp=8.8.8.8 aws:ViaAWSService=false": "M", "aws:SourceIp=8.8.8.8 aws:ViaAWSService=true": "N"}},
		"V65": {"Allow", `{"ArnEquals":{"aws:SourceArn":"` + topic + `"}}`, map[string]string{"aws:SourceArn=" + topic: "M", "aws:SourceArn=arn:aws:sns:us-east-1:999999999999:topic": "N", noKey: "N"}},
		"V66": {"Allow", `{"StringLike":{"k:a":"arn:aws:someservice:*:111122223333:finance/*"}}`, map[string]string{"k:a=arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt": "M"}},
		"V66 as an ARN": {"Allow", `{"ArnLike":{"k:a":"arn:aws:someservice:*:111122223333:finance/*"}}`, map[string]string{"k:a=arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt": "N",
			"k:a=arn:aws:someservice:us-east-2:111122223333:finance/document.txt": "M"}},
		"V67": {"Allow", `{"ForAllValues:ArnLike":{"k:a":["` + dist + `*","` + dist + `support*"]}}`, map[string]string{"k:a=" + dist + "costcenter": "M", "k:a=" + dist + "costcenter|" + dist + "support2025": "M",
			"k:a=arn:aws:cloudfront::999999999999:distribution/x": "N", noKey: "M"}},
		"V69":       {"Allow", `{"StringLikeIfExists":{"ec2:InstanceType":["t1.*","t2.*","m3.*"]}}`, map[string]string{"ec2:InstanceType=t1.micro": "M", "ec2:InstanceType=m2.micro": "N", noKey: "M"}},
		"V70":       {"Allow", `{"StringLike":{"ec2:InstanceType":["t1.*","t2.*","m3.*"]}}`, map[string]string{noKey: "N"}},
		"V71 true":  {"Allow", `{"Null":{"aws:TokenIssueTime":"true"}}`, map[string]string{noKey: "M", "aws:TokenIssueTime=2026-01-01T00:00:00Z": "N"}},
		"V71 false": {"Allow", `{"Null":{"aws:TokenIssueTime":"false"}}`, map[string]string{noKey: "N", "aws:TokenIssueTime=2026-01-01T00:00:00Z": "M"}},
		"V72":       {"Allow", `{"NumericLessThanEquals":{"s3:max-keys":"10"}}`, map[string]string{"s3:max-keys=10": "M", "s3:max-keys=11": "N", noKey: "N"}},
		"V73":       {"Allow", `{"NumericLessThanEquals":{"aws:MultiFactorAuthAge":"3600"}}`, map[string]string{"aws:MultiFactorAuthAge=2800": "M", "aws:MultiFactorAuthAge=4000": "N", noKey: "N"}},
		"V74":       {"Allow", `{"DateGreaterThan":{"aws:TokenIssueTime":"2020-01-01T00:00:01Z"}}`, map[string]string{"aws:TokenIssueTime=2020-06-01T00:00:00Z": "M", "aws:TokenIssueTime=2019-12-31T00:00:00Z": "N", noKey: "N"}},
		"V75":       {"Allow", `{"DateGreaterThan":{"aws:CurrentTime":"2020-04-01T00:00:00Z"},"DateLessThan":{"aws:CurrentTime":"2020-06-30T23:59:59Z"}}`, map[string]string{"aws:CurrentTime=2020-05-01T00:00:00Z": "M", "aws:CurrentTime=2020-07-01T00:00:00Z": "N"}},
		"V76":       {"Deny", `{"ForAllValues:StringNotLike":{"aws:TagKeys":"key1*"}}`, map[string]string{"aws:TagKeys=key1:legal": "N", "aws:TagKeys=key1:hr|key1:personnel": "N", "aws:TagKeys=key2:audit": "M", noKey: "M"}},
		"V77":       {"Deny", `{"ForAllValues:StringNotLike":{"aws:TagKeys":["key1*","key2*"]}}`, map[string]string{"aws:TagKeys=key1:legal": "N", "aws:TagKeys=key1:hr|key2:audit": "N", "aws:TagKeys=key3:legal": "M", noKey: "M"}},
		"V78":       {"Allow", `{"ForAnyValue:StringEquals":{"aws:TagKeys":"webserver"}}`, map[string]string{"aws:TagKeys=webserver": "M", "aws:TagKeys=environment|webserver|test": "M", "aws:TagKeys=environment|test": "N", noKey: "N"}},
		"V79": {"Allow", `{"ForAllValues:StringEquals":{"aws:TagKeys":["environment","cost-center"]},"Null":{"aws:TagKeys":"false"}}`, map[string]string{"aws:TagKeys=environment": "M", "aws:TagKeys=cost-center": "M",
			"aws:TagKeys=environment|cost-center": "M", "aws:TagKeys=environment|dept": "N", noKey: "N"}},
		"V80": {"Allow", `{"ForAnyValue:StringEquals":{"aws:TagKeys":["environment","cost-center"]}}`, map[string]string{"aws:TagKeys=environment": "M", "aws:TagKeys=environment|cost-center": "M",
			"aws:TagKeys=environment|dept": "M", "aws:TagKeys=dept": "N", noKey: "N"}},
		"V81": {"Allow", `{"StringEquals":{"aws:RequestTag/environment":["production","prod-backup"]},"ArnEquals":{"ecs:cluster":["arn:aws:ecs:us-east-1:111122223333:cluster/default1","arn:aws:ecs:us-east-1:111122223333:cluster/default2"]}}`, map[string]string{
			"aws:RequestTag/environment=production ecs:cluster=arn:aws:ecs:us-east-1:111122223333:cluster/default1": "M", "aws:RequestTag/environment=prod-backup ecs:cluster=arn:aws:ecs:us-east-1:111122223333:cluster/default2": "M",
			"aws:RequestTag/webserver=production ecs:cluster=arn:aws:ecs:us-east-1:111122223333:cluster/default2": "N", "ecs:cluster=arn:aws:ecs:us-east-1:111122223333:cluster/default2": "N"}},
		"V82": {"Allow", strings.Replace(people, "OP", "ArnLike", 1), map[string]string{person("legal", "audit", mary): "M", person("hr", "audit", nikki): "N", person("hr", "payroll", mary): "N",
			"aws:PrincipalTag/department=hr aws:PrincipalArn=" + mary: "N", "aws:PrincipalArn=" + mary: "N"}},
		"V83": {"Allow", strings.Replace(people, "OP", "ArnNotLike", 1), map[string]string{person("legal", "audit", nikki): "M", person("hr", "audit", mary): "N", person("hr", "payroll", nikki): "N",
			"aws:PrincipalTag/department=hr aws:PrincipalArn=" + nikki: "N"}},
		"V84":            {"Allow", `{"ForAllValues:StringEquals":{"dynamodb:Attributes":["ID","Message","Tags"]}}`, map[string]string{"dynamodb:Attributes=Message|Tags|ID": "M", "dynamodb:Attributes=UserName|Message": "N"}},
		"V85":            {"Deny", `{"ForAnyValue:StringEquals":{"dynamodb:Attributes":["ID","PostDateTime"]}}`, map[string]string{"dynamodb:Attributes=UserName|Message|PostDateTime": "M", "dynamodb:Attributes=UserName": "N"}},
		"V86":            {"Allow", `{"ForAnyValue:StringEquals":{"aws:PrincipalOrgPaths":"o-a1/r-ab/ou-1/ou-2/"}}`, map[string]string{"aws:PrincipalOrgPaths=o-a1/r-ab/ou-1/ou-2/": "M", "aws:PrincipalOrgPaths=o-a1/r-ab/ou-1/ou-2/ou-3/": "N"}},
		"V86 *":          {"Allow", `{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-a1/r-ab/ou-1/ou-2/*"}}`, map[string]string{"aws:PrincipalOrgPaths=o-a1/r-ab/ou-1/ou-2/": "M", "aws:PrincipalOrgPaths=o-a1/r-ab/ou-1/ou-2/ou-3/": "M"}},
		"V86 ou-*":       {"Allow", `{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-a1/r-ab/ou-1/ou-2/ou-*"}}`, map[string]string{"aws:PrincipalOrgPaths=o-a1/r-ab/ou-1/ou-2/": "N", "aws:PrincipalOrgPaths=o-a1/r-ab/ou-1/ou-2/ou-3/": "M"}},
		"V87":            {"Allow", `{"ForAnyValue:StringEquals":{"aws:CalledVia":"dynamodb.amazonaws.com"}}`, map[string]string{"aws:CalledVia=cloudformation.amazonaws.com|dynamodb.amazonaws.com": "M", noKey: "N"}},
		"V88":            {"Deny", `{"Bool":{"aws:MultiFactorAuthPresent":"false"}}`, map[string]string{noKey: "N", "aws:MultiFactorAuthPresent=false": "M", "aws:MultiFactorAuthPresent=true": "N"}},
		"V89 a":          {"Allow", `{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}`, map[string]string{noKey: "M", "aws:MultiFactorAuthPresent=false": "N", "aws:MultiFactorAuthPresent=true": "M"}},
		"V89 b":          {"Allow", `{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`, map[string]string{noKey: "N", "aws:MultiFactorAuthPresent=false": "N", "aws:MultiFactorAuthPresent=true": "M"}},
		"V89 c":          {"Allow", `{"Null":{"aws:MultiFactorAuthPresent":"false"}}`, map[string]string{noKey: "N", "aws:MultiFactorAuthPresent=false": "M", "aws:MultiFactorAuthPresent=true": "M"}},
		"V90":            {"Deny", vpc, map[string]string{"aws:SourceVpc=vpc-1": "N", "aws:SourceVpc=vpc-2": "M", "aws:PrincipalServiceName=cloudtrail.amazonaws.com": "N", noKey: "M"}},
		"V91":            {"Deny", `{"StringNotEquals":{"s3:ExistingObjectTag/Team":"${aws:PrincipalTag/Team}"}}`, map[string]string{"s3:ExistingObjectTag/Team=a aws:PrincipalTag/Team=a": "N", "s3:ExistingObjectTag/Team=a aws:PrincipalTag/Team=b": "M", "s3:ExistingObjectTag/Team=a": "M"}},
		"V92":            {"Allow", `{"StringEquals":{"s3:ExistingObjectTag/owner":"${aws:PrincipalTag/owner}"}}`, map[string]string{"s3:ExistingObjectTag/owner=a aws:PrincipalTag/owner=a": "M", "s3:ExistingObjectTag/owner=a": "N"}},
		"V94":            {"Allow", `{"StringEquals":{"aws:ResourceTag/Owner":"${aws:username}"}}`, map[string]string{"aws:ResourceTag/Owner=richard-roe aws:username=richard-roe": "M", "aws:ResourceTag/owner=richard-roe aws:username=richard-roe": "M", "aws:ResourceTag/Owner=Richard-Roe aws:username=richard-roe": "N", "aws:username=richard-roe": "N"}},
		"V95":            {"Allow", `{"StringEquals":{"aws:RequestTag/TagKey1":"Production"}}`, map[string]string{"aws:RequestTag/TAGKEY1=Production": "M", "aws:RequestTag/TagKey1=production": "N"}},
		"V98":            {"Deny", `{"ArnLike":{"aws:PrincipalArn":"` + roots + `"},"Null":{"aws:AssumedRoot":"true"}}`, map[string]string{"aws:PrincipalArn=arn:aws:iam::" + account + ":root": "M", "aws:PrincipalArn=arn:aws:iam::" + account + ":root aws:AssumedRoot=true": "N", "aws:PrincipalArn=arn:aws:iam::" + account + ":role/r": "N"}},
		"V99 all":        {"Allow", `{"ForAllValues:Null":{"k:a":"false"}}`, map[string]string{noKey: "M", "k:a=x": "M"}},
		"V99 any":        {"Allow", `{"ForAnyValue:Null":{"k:a":"true"}}`, map[string]string{noKey: "N", "k:a=x": "N"}},
		"V99 any []":     {"Allow", `{"ForAnyValue:StringEquals":{"k:a":[]}}`, map[string]string{noKey: "N", "k:a=x": "N"}},
		"V99 any not []": {"Allow", `{"ForAnyValue:StringNotEquals":{"k:a":[]}}`, map[string]string{noKey: "N", "k:a=x": "N"}},
		"V99 if []":      {"Allow", `{"StringEqualsIfExists":{"k:a":[]}}`, map[string]string{noKey: "M", "k:a=x": "N"}},
		"V99 if not []":  {"Allow", `{"StringNotEqualsIfExists":{"k:a":[]}}`, map[string]string{noKey: "M", "k:a=x": "N"}},
		"U-17 []":        {"Allow", `{"StringEquals":{"k:a":[]}}`, map[string]string{noKey: "N", "k:a=x": "N"}},
		"U-17 not []":    {"Allow", `{"StringNotEquals":{"k:a":[]}}`, map[string]string{noKey: "M", "k:a=x": "M"}},
		"V100":           {"Allow", `{"StringEquals":{"aws:ResourceTag/project":"${aws:PrincipalTag/project}"}}`, map[string]string{"aws:ResourceTag/project=p aws:PrincipalTag/project=p": "M", "aws:ResourceTag/project=q aws:PrincipalTag/project=p": "N", noKey: "N"}},
	} {
		t.Run(name, func(t *testing.T) {
			for ctx, want := range tt.want {
				st := statement(tt.effect, "a:b", "*", tt.condition)
				if got := matched(t, "2012-10-17", st, "a:b", "*", strings.Fields(ctx)); got != want {
					t.Errorf("with %q: %s, want %s", ctx, got, want)
				}
			}
		})
	}
}

// Values that are numbers, dates, addresses and bytes, by R4.2, R4.4 and the
// assumptions U-12, U-14 and U-15.
func TestTypedValuesAreComparedAsWhatTheyAre(t *testing.T) {
	for name, want := range map[string]truth{
		"NumericEquals 10 10.0": yes, "NumericEquals 010 10": yes, "NumericEquals -0 0": yes, "NumericEquals +1 1": yes, "NumericEquals 1e1 10": maybe, "NumericEquals 0.1 0.10": yes,
		"NumericLessThan 9 10": yes, "NumericLessThan 10 10": no, "NumericLessThan -11 -10": yes, "NumericGreaterThanEquals 10 10": yes, "NumericGreaterThan 10.01 10": yes,
		"NumericEquals ten 10": maybe, "NumericEquals 10 ten": maybe, "NumericEquals . 0": maybe, "NumericNotEquals 10 ten": maybe, "NumericNotEquals 11 10": yes,
		"NumericLessThanEquals 12345678901234567890.5 12345678901234567890.6": yes, "NumericEquals 9007199254740993 9007199254740992": no,
		"DateEquals 2026-11-21T10:00:00Z 2026-11-21T11:00:00+01:00": yes, "DateEquals 1795255200 2026-11-21T10:00:00Z": yes, "DateEquals 2026-11-21 2026-11-21T00:00:00Z": yes,
		"DateEquals 2026 2026-01-01T00:00Z": yes, "DateEquals 2026-11 2026-11-01": yes, "DateEquals 2026-11-21T10:00 2026-11-21T10:00:00.000Z": yes,
		"DateLessThan 2026-11-21T10:00:00.4Z 2026-11-21T10:00:00.5Z": yes, "DateGreaterThan 2026-11-21T10:00:00Z 2026-11-21T10:00:00Z": no,
		"DateEquals 2026-02-30 2026-03-02": maybe, "DateEquals 2026-13-01 2027-01-01": maybe, "DateEquals 2026-11-21T25:00Z 2026-11-22T01:00Z": maybe, "DateNotEquals soon 2026": maybe, "DateEquals 2026-11-21T10Z 2026-11-21T10:00Z": maybe,
		"DateEquals 2026-11-21T23:59:59Z 2026-11-21T23:59:59Z": yes, "DateEquals 2026-11-21T24:00:00Z 2026-11-22T00:00:00Z": maybe, "DateEquals 2026-11-21T10:60:00Z 2026-11-21T11:00:00Z": maybe,
		"DateEquals 2026-11-21T10:00:60Z 2026-11-21T10:01:00Z": maybe, "DateEquals 2026-00-01 2025-12-01": maybe, "DateEquals 2026-04-31 2026-05-01": maybe, "DateEquals 2028-02-29 2028-02-29": yes,
		"DateEquals 2026-11-21T10:00:00-01:30 2026-11-21T11:30:00Z": yes, "DateEquals 2026-11-21T23:59:00+23:59 2026-11-21T00:00:00Z": yes, "DateEquals 2026-11-22T00:00:00+24:00 2026-11-21T00:00:00Z": maybe,
		"DateEquals 2026-11-21T10:00:00+00:60 2026-11-21T09:00:00Z": maybe, "DateLessThan 2026-11-21T10:00:00.000000001Z 2026-11-21T10:00:00.01Z": yes, "DateEquals 2026 2026": yes,
		"DateEquals 0 1970-01-01": yes, "DateEquals -1 1969-12-31T23:59:59Z": yes, "DateEquals 999999999999 999999999999": yes, "DateEquals 1000000000000 1000000000000": maybe, "DateEquals 1.5 1.5": maybe,
		"IpAddress 203.0.113.7 203.0.113.7": yes, "IpAddress 203.0.113.7 203.0.113.8": no, "IpAddress 203.0.113.7 203.0.113.1/24": yes, "IpAddress 203.0.113.7 0.0.0.0/0": yes,
		"IpAddress 203.0.113.7 ::/0": no, "IpAddress ::ffff:203.0.113.7 203.0.113.0/24": no, "IpAddress ::ffff:203.0.113.7 ::/0": yes, "IpAddress 2001:db8::1 2001:DB8:0::1": yes,
		"IpAddress 203.0.113.7 203.0.113.0/33": maybe, "IpAddress 203.0.113.0/24 203.0.113.0/24": maybe, "IpAddress fe80::1%eth0 ::/0": maybe, "NotIpAddress 203.0.113.7 here": maybe, "NotIpAddress 203.0.113.7 8.8.8.8": yes,
		"BinaryEquals YQ== YQ==": yes, "BinaryEquals YQ== Yg==": no, "BinaryEquals YQ YQ==": maybe, "BinaryEquals YQ== %": maybe,
		"Bool true TRUE": yes, "Bool false true": no, "Bool 1 true": maybe,
	} {
		f := strings.Fields(name)
		c := Condition{Operator{Name: f[0]}, "k:a", f[2:]}
		ctx := context("k:a=" + f[1])
		if got := c.holds(ctx, ctx); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}
