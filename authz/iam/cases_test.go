package iam

import (
	"fmt"
	"strings"
	"testing"
)

// The worked cases of AWS's documents, by the numbers under which the project
// collects them. "deny-i" is an implicit denial, "deny-e" an explicit one.

const other = "111122223333"

// who reads a caller: user/NAME, role/NAME/SESSION, root, federated/NAME/USER,
// service/NAME, bearer/ARN, anonymous; an account may stand before it.
func who(s string) Caller {
	acct := account
	if a, rest, ok := strings.Cut(s, " "); ok {
		acct, s = a, rest
	}
	kind, name, _ := strings.Cut(s, "/")
	iam := "arn:aws:iam::" + acct + ":"
	sts := "arn:aws:sts::" + acct + ":"
	first, second, _ := strings.Cut(name, "/")
	switch kind {
	case "user":
		return Caller{Kind: User, ARN: iam + "user/" + name, Account: acct, ID: "AIDA" + strings.ToUpper(name) + "0123456789AB"}
	case "role":
		return Caller{Kind: Session, ARN: sts + "assumed-role/" + name, Account: acct, Role: iam + "role/" + first, ID: "AROA" + strings.ToUpper(first) + "0123456789AB"}
	case "linked":
		return Caller{Kind: Session, ARN: sts + "assumed-role/" + name, Account: acct, Role: iam + "role/aws-service-role/x.amazonaws.com/" + first}
	case "root":
		return Caller{Kind: Root, ARN: iam + "root", Account: acct}
	case "federated":
		return Caller{Kind: FederatedUser, ARN: sts + "federated-user/" + first, Account: acct, User: iam + "user/" + second}
	case "service":
		return Caller{Kind: Service, ARN: name}
	case "bearer":
		return Caller{Kind: Federated, ARN: name}
	}
	return Caller{Kind: Anonymous}
}

// setup is the policies of a worked case, each as its statements.
type setup struct {
	identity, boundary, session, resource, trust, rcp []string
	scp                                               [][]string // a level of one policy each; nil: no organization
}

// list is the statements of a policy; with none it grants and denies nothing.
func list(statements ...string) []string {
	return append([]string{}, statements...)
}

var silent = list(`{"Effect":"Allow","Action":"none:Nothing","Resource":"*"}`)

func (s setup) policies(t testing.TB) Policies {
	var p Policies
	sources := func(kind Kind, statements []string) []Source {
		if statements == nil {
			return nil
		}
		src := policy(t, kind, statements...)
		src.Name = kind.String()
		return []Source{src}
	}
	p.Identity = sources(Identity, s.identity)
	p.Session = sources(SessionPolicy, s.session)
	if s.boundary != nil {
		p.Boundary = &sources(Boundary, s.boundary)[0]
	}
	for i, l := range s.scp {
		level := Level{Name: fmt.Sprint("level ", i)}
		if len(l) > 0 {
			level.Policies = sources(ServiceControlPolicy, l)
		}
		p.Organization = append(p.Organization, level)
	}
	p.ResourceControls = sources(ResourceControlPolicy, s.rcp)
	switch {
	case s.trust != nil:
		p.Resource = &sources(Trust, s.trust)[0]
	case s.resource != nil:
		p.Resource = &sources(ResourcePolicy, s.resource)[0]
	}
	return p
}

// allow and deny write statements: actions, resources, and a condition.
func statement(effect, actions, resources string, condition ...string) string {
	join := func(s string) string { return `["` + strings.Join(strings.Fields(s), `","`) + `"]` }
	out := `{"Effect":"` + effect + `","` + negated("Action", actions) + `":` + join(strings.TrimPrefix(actions, "!"))
	if resources != "" {
		out += `,"` + negated("Resource", resources) + `":` + join(strings.TrimPrefix(resources, "!"))
	}
	for _, c := range condition {
		if strings.HasPrefix(c, "to ") {
			out += `,"Principal":` + c[3:]
		} else if strings.HasPrefix(c, "not to ") {
			out += `,"NotPrincipal":` + c[7:]
		} else {
			out += `,"Condition":` + c
		}
	}
	return out + "}"
}

func negated(name, values string) string {
	if strings.HasPrefix(values, "!") {
		return "Not" + name
	}
	return name
}

func allows(actions, resources string, condition ...string) string {
	return statement("Allow", actions, resources, condition...)
}

func denies(actions, resources string, condition ...string) string {
	return statement("Deny", actions, resources, condition...)
}

func aws(arns ...string) string { return `to {"AWS":["` + strings.Join(arns, `","`) + `"]}` }

const (
	s3full = "arn:aws:s3:::"
	full   = `{"Effect":"Allow","Action":"*","Resource":"*"}`
)

// try is one request of a case.
type try struct {
	who, action, resource string
	context               []string
	want                  string
}

// shows: item S75
func TestAWSsWorkedCasesOfWholeDecisions(t *testing.T) {
	carlos := setup{identity: list(allows("s3:*", s3full+"b-carlossalazar "+s3full+"b-carlossalazar/*"), denies("s3:*", s3full+"*log*"))}
	carlosBucket := carlos
	carlosBucket.resource = list(allows("s3:*", "", aws("arn:aws:iam::"+account+":user/carlossalazar")))
	alone := carlosBucket
	alone.identity = list(denies("s3:*", s3full+"*log*"))
	const logs, own = s3full + "b-carlossalazar-logs/f", s3full + "b-carlossalazar/f"

	demo := setup{
		identity: list(allows("s3:*Object*", s3full+"prod/*"), denies("s3:*", s3full+"*log* "+s3full+"*log*/*")),
		resource: list(allows("s3:GetObject* s3:PutObject* s3:ReplicateObject s3:RestoreObject", s3full+"prod/*", aws("arn:aws:iam::"+account+":role/Demo"))),
	}
	inter := list(allows("iam:Get* iam:List*", "*"), denies("iam:*Report", "*"))
	const xcompany = "arn:aws:iam::" + account + ":policy/XCompanyBoundaries"
	zhang := setup{
		identity: list(allows("iam:*", "*"), allows("cloudwatch:GetDashboard cloudwatch:GetMetricData cloudwatch:ListDashboards cloudwatch:GetMetricStatistics cloudwatch:ListMetrics", "*"),
			allows("s3:ListBucket", s3full+"ZhangBucket")),
		boundary: list(
			allows("iam:AttachUserPolicy iam:CreateUser iam:DeleteUserPolicy iam:DetachUserPolicy iam:PutUserPermissionsBoundary iam:PutUserPolicy", "*", `{"StringEquals":{"iam:PermissionsBoundary":"`+xcompany+`"}}`),
			allows("cloudwatch:* iam:CreateAccessKey iam:CreateGroup iam:CreatePolicy iam:DeletePolicy iam:GetUser iam:ListUsers", "!arn:aws:iam::"+account+":user/Maria"),
			denies("iam:CreatePolicyVersion iam:DeletePolicy iam:DeletePolicyVersion iam:SetDefaultPolicyVersion", xcompany+" arn:aws:iam::"+account+":policy/DelegatedUserBoundary"),
			denies("iam:DeleteUserPermissionsBoundary", "*")),
	}
	nikhil := setup{
		identity: list(allows("iam:*", "*"), allows("s3:Get* s3:List*", "*")),
		boundary: list(allows("s3:* cloudwatch:* ec2:* dynamodb:*", "*"), denies("s3:*", s3full+"logs "+s3full+"logs/*")),
	}
	const object = s3full + "b/o"
	named := func(arn string) []string { return list(allows("s3:*", "", aws(arn))) }
	const roleARN, sessionARN = "arn:aws:iam::" + account + ":role/r", "arn:aws:sts::" + account + ":assumed-role/r/one"
	const fedARN = "arn:aws:sts::" + account + ":federated-user/X"
	byRole := list(allows("s3:*", "", `to "*"`, `{"ArnEquals":{"aws:PrincipalArn":"`+roleARN+`"}}`))
	annARN := "arn:aws:iam::" + account + ":user/ann"
	productionapp := list(allows("s3:ListBucket", s3full+"productionapp"), allows("s3:GetObject s3:PutObject s3:DeleteObject", s3full+"productionapp/*"))
	tokenApp := list(allows("s3:ListBucket", "*"), allows("sns:ListSubscriptions", "*"))
	trusting := func(principal string) []string { return list(allows("sts:AssumeRole", "", "to "+principal)) }
	const target = "arn:aws:iam::" + account + ":role/target"
	const admins = "123456789012"
	fullSCP := list(full)
	denyS3 := list(full, denies("s3:*", "*"))
	denyEC2 := list(full, denies("ec2:*", "*"))

	for v, tt := range map[string]struct {
		setup
		tries []try
	}{
		"V1":            {carlosBucket, []try{{"user/carlossalazar", "s3:PutObject", logs, nil, "deny-e"}}},
		"V2":            {carlosBucket, []try{{"user/carlossalazar", "s3:PutObject", own, nil, "allow"}}},
		"V3":            {carlos, []try{{"user/carlossalazar", "s3:PutObject", own, nil, "allow"}}},
		"V3 the bucket": {alone, []try{{"user/carlossalazar", "s3:PutObject", own, nil, "allow"}}},
		"V4":            {demo, []try{{"role/Demo/s", "s3:PutObject", s3full + "prod-logs/f " + other, nil, "deny-e"}}},
		"V5": {demo, []try{
			{"role/Demo/s", "s3:PutObject", s3full + "prod/f " + other, nil, "allow"},
			{"role/Demo/s", "s3:DeleteObject", s3full + "prod/f " + other, nil, "deny-i"},
			{"role/Demo/s", "s3:PutBucketPolicy", s3full + "prod " + other, nil, "deny-i"}}},
		"V6": {setup{identity: inter}, []try{{"user/u", "iam:ListUsers", "*", nil, "allow"}, {"user/u", "iam:CreatePolicy", "*", nil, "deny-i"}, {"user/u", "iam:GetOrganizationsAccessReport", "*", nil, "deny-e"}}},
		"V7": {setup{identity: append(inter, allows("iam:GenerateCredentialReport", "*"))}, []try{{"user/u", "iam:GenerateCredentialReport", "*", nil, "deny-e"}}},
		"V8": {setup{identity: list(allows("iam:CreateUser", "*")), boundary: list(allows("s3:* cloudwatch:* ec2:*", "*"))}, []try{
			{"user/ShirleyRodriguez", "iam:CreateUser", "*", nil, "deny-i"}, {"user/ShirleyRodriguez", "s3:ListBucket", s3full + "b", nil, "deny-i"}}},
		"V9": {zhang, []try{
			{"user/Zhang", "iam:CreateUser", "arn:aws:iam::" + account + ":user/new", nil, "deny-i"},
			{"user/Zhang", "iam:CreateUser", "arn:aws:iam::" + account + ":user/new", []string{"iam:PermissionsBoundary=" + xcompany}, "allow"}}},
		"V10": {zhang, []try{
			{"user/Zhang", "s3:ListBucket", s3full + "ZhangBucket", nil, "deny-i"},
			{"user/Zhang", "cloudwatch:PutMetricAlarm", "arn:aws:cloudwatch:us-east-1:" + account + ":alarm:a", nil, "deny-i"},
			{"user/Zhang", "cloudwatch:GetMetricData", "*", nil, "allow"}}},
		"V11": {zhang, []try{
			{"user/Zhang", "iam:DeleteUserPermissionsBoundary", "arn:aws:iam::" + account + ":user/Zhang", nil, "deny-e"},
			{"user/Zhang", "iam:DeletePolicy", xcompany, nil, "deny-e"},
			{"user/Zhang", "iam:GetUser", "arn:aws:iam::" + account + ":user/Maria", nil, "deny-i"}}},
		"V12": {nikhil, []try{
			{"user/Nikhil", "iam:CreateUser", "arn:aws:iam::" + account + ":user/new", nil, "deny-i"},
			{"user/Nikhil", "s3:GetObject", s3full + "logs/x", nil, "deny-e"},
			{"user/Nikhil", "s3:GetObject", s3full + "other/x", nil, "allow"}}},
		"V13":          {setup{identity: silent, boundary: silent, resource: named(annARN)}, []try{{"user/ann", "s3:GetObject", object, nil, "allow"}}},
		"V14 B silent": {setup{identity: silent, boundary: silent, resource: named(roleARN)}, []try{{"role/r/one", "s3:GetObject", object, nil, "deny-i"}}},
		"V14 S silent": {setup{identity: silent, session: silent, resource: named(roleARN)}, []try{{"role/r/one", "s3:GetObject", object, nil, "deny-i"}}},
		"V14 neither":  {setup{identity: silent, resource: named(roleARN)}, []try{{"role/r/one", "s3:GetObject", object, nil, "allow"}}},
		"V15": {setup{identity: silent, boundary: silent, session: silent, resource: named(sessionARN)}, []try{
			{"role/r/one", "s3:GetObject", object, nil, "allow"}, {"role/r/two", "s3:GetObject", object, nil, "deny-i"}}},
		"V16":          {setup{identity: silent, boundary: silent, session: silent, resource: named(fedARN)}, []try{{"federated/X/ann", "s3:GetObject", object, nil, "allow"}}},
		"V17":          {setup{identity: silent, session: silent, resource: named(annARN)}, []try{{"federated/X/ann", "s3:GetObject", object, nil, "deny-i"}}},
		"V18 silent":   {setup{identity: silent, boundary: silent, resource: byRole}, []try{{"role/r/one", "s3:GetObject", object, []string{"aws:PrincipalArn=" + roleARN}, "allow"}}},
		"V18 denies":   {setup{identity: silent, boundary: list(denies("s3:*", "*")), resource: byRole}, []try{{"role/r/one", "s3:GetObject", object, []string{"aws:PrincipalArn=" + roleARN}, "deny-e"}}},
		"V19":          {setup{identity: list(full), boundary: list(full), resource: list(denies("s3:*", "", `not to {"AWS":["`+annARN+`","`+account+`"]}`))}, []try{{"user/ann", "s3:GetObject", object, nil, "deny-e"}}},
		"V19 its twin": {setup{identity: list(full), resource: list(denies("s3:*", "", `not to {"AWS":["`+annARN+`","`+account+`"]}`))}, []try{{"user/ann", "s3:GetObject", object, nil, "allow"}}},
		"V20": {setup{identity: list(full), resource: list(denies("s3:*", "", `to "*"`, `{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::`+account+`:user/user-name"}}`))}, []try{
			{"user/user-name", "s3:GetObject", object, []string{"aws:PrincipalArn=arn:aws:iam::" + account + ":user/user-name"}, "allow"},
			{"user/ann", "s3:GetObject", object, []string{"aws:PrincipalArn=" + annARN}, "deny-e"}}},
		"V21": {setup{identity: list(allows("s3:ListBucket s3:GetObject s3:PutObject s3:DeleteObject", "*")), session: list(allows("s3:ListBucket s3:GetObject s3:PutObject", "*"))}, []try{
			{"role/r/one", "s3:DeleteObject", object, nil, "deny-i"}, {"role/r/one", "s3:PutObject", object, nil, "allow"}}},
		"V22": {setup{identity: list(allows("s3:DeleteObject", "*")), resource: list(denies("s3:DeleteObject", "", `to "*"`))}, []try{{"role/r/one", "s3:DeleteObject", object, nil, "deny-e"}}},
		"V23": {setup{identity: tokenApp}, []try{{"federated/Bob/token-app", "s3:ListBucket", s3full + "productionapp", nil, "deny-i"}}},
		"V24": {setup{identity: tokenApp, session: productionapp}, []try{
			{"federated/Bob/token-app", "s3:ListBucket", s3full + "productionapp", nil, "allow"},
			{"federated/Bob/token-app", "s3:GetObject", s3full + "productionapp/x", nil, "deny-i"},
			{"federated/Bob/token-app", "sns:ListSubscriptions", "*", nil, "deny-i"}}},
		"V25":       {setup{identity: tokenApp, resource: list(allows("s3:GetObject", s3full+"productionapp/*", aws("arn:aws:sts::"+account+":federated-user/Carol")))}, []try{{"federated/Carol/token-app", "s3:GetObject", s3full + "productionapp/x", nil, "allow"}}},
		"V26":       {setup{resource: list(allows("s3:*", "", aws(account)))}, []try{{"root", "s3:PutObject", object + " " + other, nil, "allow"}, {"user/User1", "s3:GetObject", object + " " + other, nil, "deny-i"}}},
		"V26 User2": {setup{identity: list(allows("s3:Get* s3:List*", "*")), resource: list(allows("s3:*", "", aws(account)))}, []try{{"user/User2", "s3:GetObject", object + " " + other, nil, "allow"}, {"user/User2", "s3:PutObject", object + " " + other, nil, "deny-i"}}},
		"V27":       {setup{trust: trusting(`{"AWS":"` + admins + `"}`)}, []try{{"user/u", "sts:AssumeRole", target, nil, "deny-i"}}},
		"V27 with":  {setup{trust: trusting(`{"AWS":"` + admins + `"}`), identity: list(allows("sts:AssumeRole", "*"))}, []try{{"user/u", "sts:AssumeRole", target, nil, "allow"}}},
		"V28":       {setup{trust: trusting(`{"AWS":["` + annARN + `","arn:aws:iam::` + other + `:user/ann"]}`)}, []try{{"user/ann", "sts:AssumeRole", target, nil, "allow"}, {other + " user/ann", "sts:AssumeRole", target, nil, "deny-i"}}},
		"V29":       {setup{trust: trusting(`{"Service":"lambda.amazonaws.com"}`), identity: list(full)}, []try{{"user/u", "sts:AssumeRole", target, nil, "deny-i"}}},
		"V30":       {setup{trust: trusting(`{"Service":"lambda.amazonaws.com"}`), identity: list(allows("sts:AssumeRole", target))}, []try{{"role/target/s", "sts:AssumeRole", target, nil, "deny-i"}}},
		"V31":       {setup{identity: list(denies("sts:GetCallerIdentity", "*"))}, []try{{"user/u", "sts:GetCallerIdentity", "*", nil, "allow"}}},
		"V38 B":     {setup{identity: list(full), scp: [][]string{fullSCP, denyS3, denyEC2}}, []try{{"user/u", "s3:ListBucket", s3full + "b", nil, "deny-e"}, {"user/u", "ec2:StopInstances", "*", nil, "deny-e"}}},
		"V38 A":     {setup{identity: list(full), scp: [][]string{fullSCP, denyS3, fullSCP}}, []try{{"user/u", "ec2:StopInstances", "*", nil, "allow"}, {"user/u", "s3:ListBucket", s3full + "b", nil, "deny-e"}}},
		"V39":       {setup{identity: list(full), scp: [][]string{fullSCP, list(allows("ec2:*", "*")), fullSCP}}, []try{{"user/u", "ec2:StopInstances", "*", nil, "allow"}, {"user/u", "s3:ListBucket", s3full + "b", nil, "deny-i"}}},
		"V40":       {setup{identity: list(full), scp: [][]string{{}, fullSCP, fullSCP}}, []try{{"user/u", "ec2:StopInstances", "*", nil, "deny-i"}}},
		"V41 D":     {setup{identity: list(full), scp: [][]string{denyS3, list(allows("s3:*", "*")), fullSCP}}, []try{{"user/u", "s3:ListBucket", s3full + "b", nil, "deny-e"}, {"user/u", "ec2:StopInstances", "*", nil, "deny-i"}}},
		"V41 E":     {setup{identity: list(full), scp: [][]string{denyS3, fullSCP, fullSCP}}, []try{{"user/u", "ec2:StopInstances", "*", nil, "allow"}, {"user/u", "s3:ListBucket", s3full + "b", nil, "deny-e"}}},
		"V42":       {setup{identity: list(full), scp: [][]string{list(allows("iam:* ec2:*", "*"), allows("s3:* cloudwatch:*", "*")), fullSCP}}, []try{{"user/u", "s3:ListBucket", s3full + "b", nil, "allow"}, {"user/u", "rds:StartDBInstance", "*", nil, "deny-i"}}},
		// The SCPs of the bucket's account are none of the caller's.
		"V43":      {setup{identity: list(full), resource: list(allows("s3:*", "", aws(account)))}, []try{{"user/u", "s3:GetObject", object + " " + other, nil, "allow"}}},
		"V44":      {setup{identity: list(full), scp: [][]string{denyS3}}, []try{{"management user/u", "s3:ListBucket", s3full + "b", nil, "allow"}, {"linked/r/s", "s3:ListBucket", s3full + "b", nil, "allow"}, {"user/u", "s3:ListBucket", s3full + "b", nil, "deny-e"}}},
		"V44 root": {setup{scp: [][]string{denyS3}}, []try{{"root", "s3:ListBucket", s3full + "b", nil, "deny-e"}}},
		"V45": {setup{identity: list(full), scp: [][]string{list(full, denies("!iam:*", "*", `{"StringNotEquals":{"aws:RequestedRegion":"us-west-1"}}`))}}, []try{
			{"user/u", "ec2:StopInstances", "*", []string{"aws:RequestedRegion=eu-west-1"}, "deny-e"},
			{"user/u", "iam:ListUsers", "*", []string{"aws:RequestedRegion=us-east-1"}, "allow"},
			{"user/u", "ec2:StopInstances", "*", []string{"aws:RequestedRegion=us-west-1"}, "allow"}}},
		"V46": {setup{identity: list(full), rcp: list(denies("s3:*", "*", `to "*"`, `{"BoolIfExists":{"aws:SecureTransport":"false"}}`))}, []try{
			{"user/u", "s3:GetObject", object, []string{"aws:SecureTransport=false"}, "deny-e"}, {"user/u", "s3:GetObject", object, []string{"aws:SecureTransport=true"}, "allow"}}},
		"V47": {setup{identity: list(full), resource: list(allows("s3:*", "", `to {"Service":"cloudtrail.amazonaws.com"}`)),
			rcp: list(denies("s3:*", "*", `to "*"`, `{"StringNotEqualsIfExists":{"aws:SourceAccount":"111122223333"},"Null":{"aws:SourceAccount":"false"},"Bool":{"aws:PrincipalIsAWSService":"true"}}`))}, []try{
			{"service/cloudtrail.amazonaws.com", "s3:PutObject", object, []string{"aws:SourceAccount=999999999999", "aws:PrincipalIsAWSService=true"}, "deny-e"},
			{"service/cloudtrail.amazonaws.com", "s3:PutObject", object, []string{"aws:SourceAccount=111122223333", "aws:PrincipalIsAWSService=true"}, "allow"},
			{"service/cloudtrail.amazonaws.com", "s3:PutObject", object, []string{"aws:PrincipalIsAWSService=true"}, "allow"},
			{"user/u", "s3:PutObject", object, []string{"aws:PrincipalIsAWSService=false"}, "allow"}}},
	} {
		t.Run(v, func(t *testing.T) {
			for _, try := range tt.tries {
				tt.decided(t, try)
			}
		})
	}
}

func (s setup) decided(t *testing.T, tr try) {
	t.Helper()
	name, managed := strings.CutPrefix(tr.who, "management ")
	q := Question{Caller: who(name), Action: tr.action, Context: context(tr.context...), Policies: s.policies(t)}
	q.Caller.Management = managed
	resource, owner, _ := strings.Cut(tr.resource, " ")
	if q.Resource, q.ResourceAccount = resource, owner; owner == "" {
		q.ResourceAccount = account
	}
	d := Decide(q)
	if verdict(d) != tr.want {
		t.Errorf("%s %s %s %q: %s, want %s; reasons %q, missing %q", tr.who, tr.action, tr.resource, tr.context, verdict(d), tr.want, told(d), d.Missing)
	}
	if x := Explain(q); x.Verdict != d.Verdict || x.Explicit != d.Explicit {
		t.Errorf("explained as %s", x.Verdict)
	}
}

// V32 to V37: trust policies, with all the actions that a call asks for.
func TestAWSsWorkedCasesOfTrust(t *testing.T) {
	const target, issuer = "arn:aws:iam::" + account + ":role/target", "oidc.eks.us-east-1.amazonaws.com/id/AB12"
	const tags = `"aws:RequestTag/Project":"*","aws:RequestTag/CostCenter":"*"`
	first := allows("sts:AssumeRole", "", aws(account), `{"StringLike":{`+tags+`,"aws:RequestTag/Department":"*"},"StringEquals":{"sts:ExternalId":"Example987"}}`)
	second := allows("sts:TagSession", "", aws(account), `{"StringLike":{`+tags+`},"StringEquals":{"aws:RequestTag/Department":["Engineering","Marketing"]},"ForAllValues:StringEquals":{"sts:TransitiveTagKeys":["Project","Department"]}}`)
	session := []string{"aws:TagKeys=Project|CostCenter|Department", "aws:RequestTag/Project=p", "aws:RequestTag/CostCenter=c", "aws:RequestTag/Department=Engineering", "sts:ExternalId=Example987"}
	with := func(more ...string) []string { return append(append([]string{}, session...), more...) }
	pods := allows("sts:AssumeRole sts:TagSession", "", `to {"Service":"pods.eks.amazonaws.com"}`,
		`{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"Namespace","aws:RequestTag/kubernetes-service-account":"ServiceAccount"}}`)
	pod := func(ns string) []string {
		return []string{"aws:TagKeys=kubernetes-namespace|kubernetes-service-account", "aws:RequestTag/kubernetes-namespace=" + ns, "aws:RequestTag/kubernetes-service-account=ServiceAccount"}
	}
	provider := "arn:aws:iam::" + account + ":oidc-provider/" + issuer
	web := allows("sts:AssumeRoleWithWebIdentity", "", `to {"Federated":"`+provider+`"}`,
		`{"StringEquals":{"`+issuer+`:aud":"sts.amazonaws.com","`+issuer+`:sub":"system:serviceaccount:default:assumer"}}`)
	token := func(sub, aud string) []string { return []string{issuer + ":sub=" + sub, issuer + ":aud=" + aud} }
	named := allows("sts:AssumeRole", "", aws("arn:aws:iam::"+account+":root"), `{"StringLike":{"sts:RoleSessionName":"${aws:username}"}}`)
	const web1, assume, default1 = "sts:AssumeRoleWithWebIdentity", "sts:AssumeRole", "system:serviceaccount:default:assumer"
	for name, tt := range map[string]struct {
		trust   []string
		who     string
		action  string
		context []string
		want    string
	}{
		"V32 two transitive":                     {list(first, second), "user/u", assume, with("sts:TransitiveTagKeys=Project|Department"), "allow"},
		"V32 none transitive":                    {list(first, second), "user/u", assume, session, "allow"},
		"V33 ExternalId missing":                 {list(first, second), "user/u", assume, session[:4], "deny-i"},
		"V33 CostCenter missing":                 {list(first, second), "user/u", assume, []string{session[0], session[1], session[3], session[4]}, "deny-i"},
		"V33 Department=Sales":                   {list(first, second), "user/u", assume, with("aws:RequestTag/Department=Sales"), "deny-i"},
		"V33 transitive CostCenter":              {list(first, second), "user/u", assume, with("sts:TransitiveTagKeys=CostCenter"), "deny-i"},
		"V34 no TagSession":                      {list(first), "user/u", assume, session, "deny-i"},
		"V34 its twin, no tags":                  {trustingAnn(), "user/ann", assume, nil, "allow"},
		"V35 his own name":                       {list(named), "user/matjac", assume, []string{"aws:username=matjac", "sts:RoleSessionName=matjac"}, "allow"},
		"V35 another name":                       {list(named), "user/matjac", assume, []string{"aws:username=matjac", "sts:RoleSessionName=x"}, "deny-i"},
		"V35 a role":                             {list(named), "role/r/s", assume, []string{"sts:RoleSessionName=matjac"}, "deny-i"},
		"V36 both equal":                         {list(pods), "service/pods.eks.amazonaws.com", assume, pod("Namespace"), "allow"},
		"V36 other namespace":                    {list(pods), "service/pods.eks.amazonaws.com", assume, pod("other"), "deny-i"},
		"V36 tags disabled":                      {list(pods), "service/pods.eks.amazonaws.com", assume, nil, "deny-i"},
		"V37 that token":                         {list(web), "bearer/" + provider, web1, token(default1, "sts.amazonaws.com"), "allow"},
		"V37 sub of another namespace":           {list(web), "bearer/" + provider, web1, token("system:serviceaccount:other:assumer", "sts.amazonaws.com"), "deny-i"},
		"V37 another aud":                        {list(web), "bearer/" + provider, web1, token(default1, "other"), "deny-i"},
		"V37 another provider":                   {list(web), "bearer/" + provider + "x", web1, token(default1, "sts.amazonaws.com"), "deny-i"},
		"a source identity needs its action":     {trustingAnn(), "user/ann", assume, []string{"sts:SourceIdentity=x"}, "deny-i"},
		"a context needs its action":             {trustingAnn(), "user/ann", assume, []string{"sts:RequestContextProviders=arn:aws:iam::aws:contextProvider/x"}, "deny-i"},
		"a source identity with its action":      {append(trustingAnn(), allows("sts:SetSourceIdentity", "", aws(account))), "user/ann", assume, []string{"sts:SourceIdentity=x"}, "allow"},
		"U-20 the caller's side is asked for it": {append(trustingAnn(), allows("sts:TagSession", "", aws(other))), "user/ann", assume, []string{"aws:RequestTag/a=b"}, "deny-i"},
	} {
		t.Run(name, func(t *testing.T) {
			s := setup{trust: tt.trust, identity: list(allows("sts:*", "*"))}
			ctx := context(tt.context...)
			worst := "allow"
			for _, action := range append([]string{tt.action}, AlsoAsked(tt.action, ctx)...) {
				q := Question{Caller: who(tt.who), Action: action, Resource: target, Context: ctx, Policies: s.policies(t)}
				if d := Decide(q); d.Verdict != Allowed {
					worst = verdict(d)
				}
			}
			if worst != tt.want {
				t.Errorf("%s, want %s", worst, tt.want)
			}
		})
	}
}

func trustingAnn() []string {
	return list(allows("sts:AssumeRole", "", aws("arn:aws:iam::"+account+":user/ann")))
}
