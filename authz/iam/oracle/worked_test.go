package oracle

import (
	"fmt"
	"strings"
	"testing"
)

// A worked case: an outcome that AWS's documents state, with the number it has
// in the specification.
type worked struct {
	v    int
	what string
	c    Case
	want string // allow, deny-i, deny-e, undetermined
}

const (
	own   = "111122223333"
	other = "444455556666"
)

// uniqueID is one of 21 characters.
func uniqueID(prefix, name string) string {
	return (prefix + strings.ToUpper(name) + "23456723456723456723")[:21]
}

func user(name string) Caller {
	return Caller{Kind: User, ARN: "arn:aws:iam::" + own + ":user/" + name, ID: uniqueID("AIDA", name), Account: own}
}

func sessionOf(role, name string) Caller {
	return Caller{Kind: RoleSession, ARN: "arn:aws:sts::" + own + ":assumed-role/" + role + "/" + name,
		Of: "arn:aws:iam::" + own + ":role/" + role, ID: uniqueID("AROA", role), Account: own}
}

func federated(name, of string) Caller {
	return Caller{Kind: FederatedUser, ARN: "arn:aws:sts::" + own + ":federated-user/" + name,
		Of: "arn:aws:iam::" + own + ":user/" + of, ID: uniqueID("AIDA", of), Account: own}
}

func root(account string) Caller {
	return Caller{Kind: Root, ARN: "arn:aws:iam::" + account + ":root", Account: account}
}

func service(name string) Caller { return Caller{Kind: Service, ARN: name} }

// policy writes a policy of statements.
func policy(statements ...string) Text {
	s := `{"Version": "2012-10-17", "Statement": [` + strings.Join(statements, ", ") + `]}`
	return &s
}

func texts1(policies ...Text) []Text { return policies }

// st writes a statement; what is more (Principal, Condition) comes last.
func st(effect, actions, resources string, more ...string) string {
	s := fmt.Sprintf(`{"Effect": %q, "Action": %s`, effect, list(actions))
	if resources != "" {
		s += `, "Resource": ` + list(resources)
	}
	for _, m := range more {
		s += ", " + m
	}
	return s + "}"
}

func list(words string) string { return `["` + strings.Join(strings.Fields(words), `", "`) + `"]` }

func aws(names string) string { return `"Principal": {"AWS": ` + list(names) + `}` }

func when1(block string) string { return `"Condition": {` + block + `}` }

var (
	everything = st("Allow", "*", "*")
	nothing    = policy(st("Allow", "none:None", "*"))
)

// ctx is a context of single values: key, value, key, value; several values are
// parted by |, none by "-".
func ctx(pairs ...string) map[string]ContextKey {
	m := map[string]ContextKey{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "-" {
			continue
		}
		m[pairs[i]] = ContextKey{Values: strings.Split(pairs[i+1], "|")}
	}
	return m
}

// ask is a case in one account.
func ask(caller Caller, action, resource string) Case {
	return Case{Caller: caller, Action: action, Resource: resource, Owner: own}
}

func (c Case) with(change func(*Case)) Case {
	change(&c)
	return c
}

func (c Case) identity(p ...Text) Case { c.Identity = p; return c }
func (c Case) boundary(p ...Text) Case { c.Boundary = p; return c }
func (c Case) session(p ...Text) Case  { c.Session = p; return c }
func (c Case) attached(p ...Text) Case { c.Attached = p; return c }
func (c Case) context(pairs ...string) Case {
	c.Context = ctx(pairs...)
	return c
}
func (c Case) owner(account string) Case   { c.Owner = account; return c }
func (c Case) of(kind ResourceKind) Case   { c.Kind = kind; return c }
func (c Case) scps(levels ...[]Text) Case  { c.SCP = levels; return c }
func (c Case) caller(caller Caller) Case   { c.Caller = caller; return c }
func (c Case) asks(action, on string) Case { c.Action, c.Resource = action, on; return c }

func outcome(v Verdict, explicit bool) string {
	switch {
	case v == Deny && explicit:
		return "deny-e"
	case v == Deny:
		return "deny-i"
	}
	return string(v)
}

func check(t *testing.T, cases []worked) {
	t.Helper()
	for _, w := range cases {
		if got := outcome(Decide(w.c)); got != w.want {
			t.Errorf("V%d %s: %s, want %s", w.v, w.what, got, w.want)
		}
	}
}

// s3o is an object's ARN.
func s3o(name string) string { return "arn:aws:s3:::" + name }

func inOneAccount() (out []worked) {
	carlos := ask(user("carlossalazar"), "s3:PutObject", s3o("b-carlossalazar/f")).
		identity(policy(st("Allow", "s3:*", "arn:aws:s3:::b-carlossalazar arn:aws:s3:::b-carlossalazar/*"), st("Deny", "s3:*", "arn:aws:s3:::*log*"))).
		attached(policy(st("Allow", "s3:*", "arn:aws:s3:::b-carlossalazar arn:aws:s3:::b-carlossalazar/*", aws("arn:aws:iam::"+own+":user/carlossalazar"))))
	out = append(out,
		worked{1, "logs", carlos.asks("s3:PutObject", s3o("b-carlossalazar-logs/f")), "deny-e"},
		worked{2, "own bucket", carlos, "allow"},
		worked{3, "no bucket policy", carlos.attached(), "allow"},
		worked{3, "no allow of its own", carlos.identity(policy(st("Deny", "s3:*", "arn:aws:s3:::*log*"))), "allow"})

	demo := ask(sessionOf("Demo", "s"), "s3:PutObject", s3o("prod/f")).owner(other).
		identity(policy(st("Allow", "s3:*Object*", "arn:aws:s3:::prod/*"), st("Deny", "s3:*", "arn:aws:s3:::*log* arn:aws:s3:::*log*/*"))).
		attached(policy(st("Allow", "s3:GetObject* s3:PutObject* s3:ReplicateObject s3:RestoreObject", "arn:aws:s3:::prod/*", aws("arn:aws:iam::"+own+":role/Demo"))))
	out = append(out,
		worked{4, "logs", demo.asks("s3:PutObject", s3o("prod-logs/f")), "deny-e"},
		worked{5, "PutObject", demo, "allow"},
		worked{5, "DeleteObject", demo.asks("s3:DeleteObject", s3o("prod/f")), "deny-i"},
		worked{5, "PutBucketPolicy", demo.asks("s3:PutBucketPolicy", s3o("prod")), "deny-i"})

	reports := policy(st("Allow", "iam:Get* iam:List*", "*"), st("Deny", "iam:*Report", "*"))
	inter := ask(user("u"), "iam:ListUsers", "*").identity(reports)
	out = append(out,
		worked{6, "ListUsers", inter, "allow"},
		worked{6, "CreatePolicy", inter.asks("iam:CreatePolicy", "*"), "deny-i"},
		worked{6, "a report", inter.asks("iam:GetOrganizationsAccessReport", "*"), "deny-e"},
		worked{7, "another policy", inter.asks("iam:GenerateCredentialReport", "*").identity(reports, policy(st("Allow", "iam:GenerateCredentialReport", "*"))), "deny-e"})

	bounded := ask(user("Shirley"), "iam:CreateUser", "arn:aws:iam::"+own+":user/x").
		identity(policy(st("Allow", "iam:CreateUser", "*"))).boundary(policy(st("Allow", "s3:* cloudwatch:* ec2:*", "*")))
	out = append(out,
		worked{8, "CreateUser", bounded, "deny-i"},
		worked{8, "ListBucket", bounded.asks("s3:ListBucket", s3o("b")), "deny-i"})

	role := sessionOf("R", "s1")
	attach := func(principal string) Text { return policy(st("Allow", "s3:GetObject", "*", aws(principal))) }
	get := ask(role, "s3:GetObject", s3o("b/o"))
	roleARN, sessionARN := role.Of, role.ARN
	out = append(out,
		worked{13, "user ARN", get.caller(user("u")).identity(nothing).boundary(nothing).attached(attach(user("u").ARN)), "allow"},
		worked{14, "boundary", get.identity(nothing).boundary(nothing).attached(attach(roleARN)), "deny-i"},
		worked{14, "session policy", get.identity(nothing).session(nothing).attached(attach(roleARN)), "deny-i"},
		worked{14, "neither", get.identity(nothing).attached(attach(roleARN)), "allow"},
		worked{15, "that session", get.identity(nothing).boundary(nothing).session(nothing).attached(attach(sessionARN)), "allow"},
		worked{15, "another session", get.caller(sessionOf("R", "s2")).identity(nothing).boundary(nothing).session(nothing).attached(attach(sessionARN)), "deny-i"},
		worked{16, "federated user", get.caller(federated("X", "f")).identity(nothing).boundary(nothing).session(nothing).attached(attach(federated("X", "f").ARN)), "allow"},
		worked{17, "the user who federated", get.caller(federated("X", "f")).identity(nothing).session(nothing).attached(attach(user("f").ARN)), "deny-i"},
		worked{17, "its twin", get.caller(federated("X", "f")).identity(nothing).session(policy(everything)).attached(attach(user("f").ARN)), "allow"})

	starred := get.context("aws:PrincipalArn", roleARN).identity(nothing).boundary(nothing).
		attached(policy(st("Allow", "s3:GetObject", "*", `"Principal": "*"`, when1(`"ArnEquals": {"aws:PrincipalArn": "`+roleARN+`"}`))))
	spare := func(words string) Text {
		return policy(st("Deny", "s3:*", "*", `"NotPrincipal": {"AWS": `+list(words)+`}`))
	}
	mine := get.caller(user("u")).identity(policy(everything))
	named := policy(st("Deny", "s3:*", "*", `"Principal": "*"`, when1(`"ArnNotEquals": {"aws:PrincipalArn": "`+user("name").ARN+`"}`)))
	out = append(out,
		worked{18, "silent boundary", starred, "allow"},
		worked{18, "boundary denies", starred.boundary(policy(st("Deny", "s3:*", "*"))), "deny-e"},
		worked{19, "boundary", mine.boundary(policy(everything)).attached(spare(user("u").ARN + " " + own)), "deny-e"},
		worked{19, "its twin", mine.attached(spare(user("u").ARN + " " + own)), "allow"},
		worked{19, "U-8", mine.attached(spare(user("u").ARN)), "undetermined"},
		worked{20, "named", mine.context("aws:PrincipalArn", user("name").ARN).attached(named), "allow"},
		worked{20, "others", mine.context("aws:PrincipalArn", user("u").ARN).attached(named), "deny-e"})
	return out
}

func zhang() []worked {
	const a = "arn:aws:iam::" + own
	company := a + ":policy/XCompanyBoundaries"
	allowed := policy(st("Allow", "iam:*", "*"), st("Allow", "cloudwatch:GetDashboard cloudwatch:GetMetricData cloudwatch:ListDashboards cloudwatch:GetMetricStatistics cloudwatch:ListMetrics", "*"),
		st("Allow", "s3:ListBucket", "arn:aws:s3:::ZhangBucket"))
	bound := policy(
		st("Allow", "iam:CreateUser iam:AttachUserPolicy", "*", when1(`"StringEquals": {"iam:PermissionsBoundary": "`+company+`"}`)),
		`{"Effect": "Allow", "Action": ["cloudwatch:*", "iam:GetUser", "iam:DeletePolicy", "iam:DeleteUserPermissionsBoundary"], "NotResource": "`+a+`:user/Maria"}`,
		st("Deny", "iam:DeletePolicy", company+" "+a+":policy/DelegatedUserBoundary"),
		st("Deny", "iam:DeleteUserPermissionsBoundary", "*"))
	c := ask(user("Zhang"), "iam:CreateUser", a+":user/new").identity(allowed).boundary(bound)
	nikhil := ask(user("Nikhil"), "iam:CreateUser", a+":user/new").
		identity(policy(st("Allow", "iam:*", "*")), policy(st("Allow", "s3:Get* s3:List*", "*"))).
		boundary(policy(st("Allow", "s3:* cloudwatch:* ec2:*", "*"), st("Deny", "s3:*", "arn:aws:s3:::logs arn:aws:s3:::logs/*")))
	return []worked{
		{9, "no boundary", c, "deny-i"},
		{9, "boundary", c.context("iam:PermissionsBoundary", company), "allow"},
		{10, "ListBucket", c.asks("s3:ListBucket", s3o("ZhangBucket")), "deny-i"},
		{10, "PutMetricAlarm", c.asks("cloudwatch:PutMetricAlarm", "*"), "deny-i"},
		{10, "GetMetricData", c.asks("cloudwatch:GetMetricData", "*"), "allow"},
		{11, "DeleteUserPermissionsBoundary", c.asks("iam:DeleteUserPermissionsBoundary", a+":user/Zhang"), "deny-e"},
		{11, "DeletePolicy", c.asks("iam:DeletePolicy", company), "deny-e"},
		{11, "GetUser Maria", c.asks("iam:GetUser", a+":user/Maria"), "deny-i"},
		{11, "its twin", c.asks("iam:GetUser", a+":user/Other"), "allow"},
		{12, "CreateUser", nikhil, "deny-i"},
		{12, "logs", nikhil.asks("s3:GetObject", s3o("logs/x")), "deny-e"},
		{12, "others", nikhil.asks("s3:GetObject", s3o("other/x")), "allow"},
	}
}

func sessions() []worked {
	r := ask(sessionOf("R", "s"), "s3:DeleteObject", s3o("b/o")).
		identity(policy(st("Allow", "s3:ListBucket s3:GetObject s3:PutObject s3:DeleteObject", "*")))
	lessened := r.session(policy(st("Allow", "s3:ListBucket s3:GetObject s3:PutObject", "*")))
	f := ask(federated("Carol", "token-app"), "s3:ListBucket", s3o("productionapp")).
		identity(policy(st("Allow", "s3:ListBucket sns:ListSubscriptions", "*")))
	passed := f.session(policy(st("Allow", "s3:ListBucket", "arn:aws:s3:::productionapp"), st("Allow", "s3:GetObject s3:PutObject s3:DeleteObject", "arn:aws:s3:::productionapp/*")))
	inB := ask(root(other), "s3:PutObject", s3o("b/o")).attached(policy(st("Allow", "*", "*", aws(other))))
	user1 := Caller{Kind: User, ARN: "arn:aws:iam::" + other + ":user/U", Account: other}
	reads := policy(st("Allow", "s3:Get*", "arn:aws:s3:::b/*"))
	return []worked{
		{21, "DeleteObject", lessened, "deny-i"},
		{21, "PutObject", lessened.asks("s3:PutObject", s3o("b/o")), "allow"},
		{22, "denied to everyone", r.attached(policy(st("Deny", "s3:DeleteObject", "*", `"Principal": "*"`))), "deny-e"},
		{22, "its twin", r, "allow"},
		{23, "no session policy", f, "deny-i"},
		{24, "ListBucket", passed, "allow"},
		{24, "GetObject", passed.asks("s3:GetObject", s3o("productionapp/o")), "deny-i"},
		{24, "ListSubscriptions", passed.asks("sns:ListSubscriptions", "*"), "deny-i"},
		{25, "bucket policy", f.asks("s3:GetObject", s3o("productionapp/o")).attached(policy(st("Allow", "s3:GetObject", "*", aws(federated("Carol", "x").ARN)))), "allow"},
		{26, "root", inB, "allow"},
		{26, "User1", inB.caller(user1).asks("s3:GetObject", s3o("b/o")), "deny-i"},
		{26, "User2 reads", inB.caller(user1).asks("s3:GetObject", s3o("b/o")).identity(reads), "allow"},
		{26, "User2 writes", inB.caller(user1).identity(reads), "deny-i"},
	}
}

func assuming() []worked {
	const role = "arn:aws:iam::" + own + ":role/R"
	a := ask(user("u"), "sts:AssumeRole", role).of(Role)
	names := func(words string) Text { return policy(st("Allow", "sts:AssumeRole", "", aws(words))) }
	may := policy(st("Allow", "sts:AssumeRole", role))
	far := Caller{Kind: User, ARN: "arn:aws:iam::" + other + ":user/u", Account: other}
	named := policy(st("Allow", "sts:AssumeRole", "", aws(own), when1(`"StringLike": {"sts:RoleSessionName": "${aws:username}"}`)))
	n := a.identity(may).attached(named)
	pods := ask(service("pods.eks.amazonaws.com"), "sts:TagSession", role).of(Role).attached(policy(st("Allow", "sts:AssumeRole sts:TagSession", "", `"Principal": {"Service": "pods.eks.amazonaws.com"}`,
		when1(`"StringEquals": {"aws:RequestTag/kubernetes-namespace": "Namespace", "aws:RequestTag/kubernetes-service-account": "ServiceAccount"}`))))
	const issuer = "oidc.eks.us-east-1.amazonaws.com/id/X"
	web := ask(Caller{Kind: WebIdentity, ARN: "arn:aws:iam::" + own + ":oidc-provider/" + issuer}, "sts:AssumeRoleWithWebIdentity", role).of(Role).
		attached(policy(st("Allow", "sts:AssumeRoleWithWebIdentity", "", `"Principal": {"Federated": "arn:aws:iam::`+own+`:oidc-provider/`+issuer+`"}`,
			when1(`"StringEquals": {"`+issuer+`:aud": "sts.amazonaws.com", "`+issuer+`:sub": "system:serviceaccount:default:assumer"}`))))
	return []worked{
		{27, "without sts:AssumeRole", a.attached(names(own)), "deny-i"},
		{27, "with", a.attached(names(own)).identity(may), "allow"},
		{28, "names the user", a.attached(names(user("u").ARN)), "allow"},
		{28, "of another account", a.caller(far).attached(names(far.ARN)), "deny-i"},
		{28, "its twin", a.caller(far).attached(names(far.ARN)).identity(may), "allow"},
		{29, "an administrator", a.identity(policy(everything)).attached(policy(st("Allow", "sts:AssumeRole", "", `"Principal": {"Service": "lambda.amazonaws.com"}`))), "deny-i"},
		{30, "itself", a.caller(sessionOf("R", "s")).identity(may).attached(names(user("u").ARN)), "deny-i"},
		{30, "its twin", a.caller(sessionOf("R", "s")).identity(may).attached(names(role)), "allow"},
		{31, "GetCallerIdentity", ask(user("u"), "sts:GetCallerIdentity", "*").identity(policy(st("Deny", "sts:GetCallerIdentity", "*"))), "allow"},
		{35, "its own name", n.context("aws:username", "matjac", "sts:RoleSessionName", "matjac"), "allow"},
		{35, "another name", n.context("aws:username", "matjac", "sts:RoleSessionName", "x"), "deny-i"},
		{35, "a role", n.caller(sessionOf("Q", "s")).context("sts:RoleSessionName", "s"), "deny-i"},
		{36, "both equal", pods.context("aws:RequestTag/kubernetes-namespace", "Namespace", "aws:RequestTag/kubernetes-service-account", "ServiceAccount"), "allow"},
		{36, "other namespace", pods.context("aws:RequestTag/kubernetes-namespace", "x", "aws:RequestTag/kubernetes-service-account", "ServiceAccount"), "deny-i"},
		{36, "no tags", pods.asks("sts:AssumeRole", role), "deny-i"},
		{37, "that token", web.context(issuer+":aud", "sts.amazonaws.com", issuer+":sub", "system:serviceaccount:default:assumer"), "allow"},
		{37, "other namespace", web.context(issuer+":aud", "sts.amazonaws.com", issuer+":sub", "system:serviceaccount:x:assumer"), "deny-i"},
		{37, "other audience", web.context(issuer+":aud", "x", issuer+":sub", "system:serviceaccount:default:assumer"), "deny-i"},
	}
}

func organizations() []worked {
	full := policy(everything)
	deny := func(actions string) Text { return policy(st("Deny", actions, "*")) }
	admin := ask(user("admin"), "s3:ListBucket", s3o("b")).identity(full)
	s3, ec2 := admin, admin.asks("ec2:RunInstances", "arn:aws:ec2:us-east-1:"+own+":instance/i")
	one := func(c Case, b bool) Case { // SCPE 1
		levels := [][]Text{{full}, {full, deny("s3:*")}, {full}}
		if b {
			levels[2] = append(levels[2], deny("ec2:*"))
		}
		return c.scps(levels...)
	}
	six := func(c Case, test bool) Case {
		if test {
			return c.scps(texts1(full, deny("s3:*")), texts1(policy(st("Allow", "s3:*", "*"))), texts1(full))
		}
		return c.scps(texts1(full, deny("s3:*")), texts1(full))
	}
	seven := [][]Text{{policy(st("Allow", "iam:* ec2:*", "*")), policy(st("Allow", "s3:* cloudwatch:*", "*"))}, {full}}
	outside := ask(Caller{Kind: User, ARN: "arn:aws:iam::" + other + ":user/u", Account: other}, "s3:GetObject", s3o("b/o")).
		identity(full).attached(policy(st("Allow", "s3:*", "*", aws(other))))
	denied := admin.scps(texts1(full), texts1(full, deny("s3:*")))
	managed, linked := user("admin"), sessionOf("AWSServiceRoleForX", "s")
	managed.Management, linked.ServiceLinked = true, true
	region := policy(everything, `{"Effect": "Deny", "NotAction": "iam:*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:RequestedRegion": "us-west-1"}}}`)
	http := policy(`{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": {"BoolIfExists": {"aws:SecureTransport": "false"}}}`)
	confused := policy(`{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": {
		"StringNotEqualsIfExists": {"aws:SourceAccount": "111122223333"}, "Null": {"aws:SourceAccount": "false"}, "Bool": {"aws:PrincipalIsAWSService": "true"}}}`)
	rcp := func(c Case, p Text, pairs ...string) Case {
		return c.context(pairs...).with(func(c *Case) { c.RCP = texts1(p) })
	}
	svc := ask(service("cloudtrail.amazonaws.com"), "s3:PutObject", s3o("b/o")).attached(policy(st("Allow", "s3:*", "*", `"Principal": {"Service": "cloudtrail.amazonaws.com"}`)))
	rooted := policy(everything, st("Deny", "*", "*", when1(`"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}, "Null": {"aws:AssumedRoot": "true"}`)))
	return []worked{
		{38, "B s3", one(s3, true), "deny-e"}, {38, "B ec2", one(ec2, true), "deny-e"}, {38, "A ec2", one(ec2, false), "allow"}, {38, "A s3", one(s3, false), "deny-e"},
		{39, "ec2", ec2.scps(texts1(full), texts1(policy(st("Allow", "ec2:*", "*"))), texts1(full)), "allow"},
		{39, "s3", s3.scps(texts1(full), texts1(policy(st("Allow", "ec2:*", "*"))), texts1(full)), "deny-i"},
		{40, "no allow at the root", s3.scps(texts1(deny("x:y")), texts1(full)), "deny-i"},
		{41, "D s3", six(s3, true), "deny-e"}, {41, "D ec2", six(ec2, true), "deny-i"}, {41, "E ec2", six(ec2, false), "allow"}, {41, "E s3", six(s3, false), "deny-e"},
		{42, "s3", s3.scps(seven...), "allow"}, {42, "rds", admin.asks("rds:DescribeDBInstances", "*").scps(seven...), "deny-i"},
		{43, "from outside", outside, "allow"},
		{44, "management account", denied.caller(managed), "allow"},
		{44, "service-linked role", denied.caller(linked), "allow"},
		{44, "root user of a member", denied.caller(root(own)), "deny-e"},
		{45, "ec2 in eu-west-1", ec2.scps(texts1(region)).context("aws:RequestedRegion", "eu-west-1"), "deny-e"},
		{45, "iam in us-east-1", admin.asks("iam:ListUsers", "*").scps(texts1(region)).context("aws:RequestedRegion", "us-east-1"), "allow"},
		{45, "ec2 in us-west-1", ec2.scps(texts1(region)).context("aws:RequestedRegion", "us-west-1"), "allow"},
		{46, "http", rcp(admin, http, "aws:SecureTransport", "false"), "deny-e"},
		{46, "https", rcp(admin, http, "aws:SecureTransport", "true"), "allow"},
		{47, "service, 9", rcp(svc, confused, "aws:SourceAccount", "999999999999", "aws:PrincipalIsAWSService", "true"), "deny-e"},
		{47, "service, 1", rcp(svc, confused, "aws:SourceAccount", "111122223333", "aws:PrincipalIsAWSService", "true"), "allow"},
		{47, "service, absent", rcp(svc, confused, "aws:PrincipalIsAWSService", "true"), "allow"},
		{47, "IAM user", rcp(admin, confused, "aws:PrincipalIsAWSService", "false"), "allow"},
		{98, "root with own keys", admin.caller(root(own)).scps(texts1(rooted)).context("aws:PrincipalArn", root(own).ARN), "deny-e"},
		{98, "AssumeRoot", admin.caller(root(own)).scps(texts1(rooted)).context("aws:PrincipalArn", root(own).ARN, "aws:AssumedRoot", "true"), "allow"},
		{98, "a role", admin.caller(sessionOf("R", "s")).scps(texts1(rooted)).context("aws:PrincipalArn", sessionOf("R", "s").Of), "allow"},
	}
}

// shows: item S80
func TestTheWorkedCasesOfWholeRequests(t *testing.T) {
	check(t, inOneAccount())
	check(t, zhang())
	check(t, sessions())
	check(t, assuming())
	check(t, organizations())
}

// V32 to V34: session tags need a second permission (R3.9).
func TestTheWorkedCasesOfSessionTags(t *testing.T) {
	assume := st("Allow", "sts:AssumeRole", "", aws(own), when1(`"StringLike": {"aws:RequestTag/Project": "*", "aws:RequestTag/CostCenter": "*", "aws:RequestTag/Department": "*"}, "StringEquals": {"sts:ExternalId": "Example987"}`))
	tag := st("Allow", "sts:TagSession", "", aws(own), when1(`"StringLike": {"aws:RequestTag/Project": "*", "aws:RequestTag/CostCenter": "*"},
		"StringEquals": {"aws:RequestTag/Department": ["Engineering", "Marketing"]}, "ForAllValues:StringEquals": {"sts:TransitiveTagKeys": ["Project", "Department"]}`))
	for _, c := range []struct {
		v                                        int
		what                                     string
		department, external, center, transitive string
		without                                  bool
		want                                     Verdict
	}{
		{32, "all right", "Engineering", "Example987", "1", "Project|Department", false, Allow},
		{32, "none transitive", "Engineering", "Example987", "1", "-", false, Allow},
		{33, "no external id", "Engineering", "-", "1", "-", false, Deny},
		{33, "no cost center", "Engineering", "Example987", "-", "-", false, Deny},
		{33, "Sales", "Sales", "Example987", "1", "-", false, Deny},
		{33, "cost center transitive", "Engineering", "Example987", "1", "CostCenter", false, Deny},
		{34, "no statement for the tags", "Engineering", "Example987", "1", "-", true, Deny},
	} {
		trusts := []string{assume, tag}
		if c.without {
			trusts = trusts[:1]
		}
		q := ask(user("u"), "sts:AssumeRole", "arn:aws:iam::"+own+":role/R").of(Role).identity(policy(everything)).attached(policy(trusts...)).
			context("aws:RequestTag/Project", "p", "aws:RequestTag/CostCenter", c.center, "aws:RequestTag/Department", c.department, "sts:ExternalId", c.external, "sts:TransitiveTagKeys", c.transitive)
		one, _ := Decide(q)
		two, _ := Decide(q.asks("sts:TagSession", q.Resource))
		if got := All(one, two); got != c.want {
			t.Errorf("V%d %s: %s, want %s", c.v, c.what, got, c.want)
		}
	}
}
