//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/atlas-iam/atlas-iam/internal/cli"
)

// heldForWorkloads are dangers of workloads; those that rest on an API server,
// and the quotas, are judged in internal/plan and internal/guard with their twins.
func heldForWorkloads() []refusal {
	const far = `apiVersion: atlas-iam.dev/v1alpha1
kind: Workload
metadata: {name: far}
spec:
  clusters: {all: true}
  serviceAccounts: [{namespace: ops, name: far}]
  credentials: PodIdentity
  role: {existing: "arn:aws:iam::492000000148:role/other"}
`
	const app = `apiVersion: atlas-iam.dev/v1alpha1
kind: Workload
metadata: {name: app}
spec:
  clusters: {all: true}
  serviceAccounts: [{namespace: "preview-*", name: app}]
  credentials: PodIdentity
  role: {name: app, statements: [{actions: ["s3:ListAllMyBuckets"], resources: ["*"]}]}
`
	bind := func(w *world) ran { return w.aws("bind", "workload/app", ".", "-n", "preview-1", "--yes") }
	return append(rowsOfWorkloads(), []refusal{
		{guards: []string{"unapplied"}, name: "a role that is given before it is made", code: cli.Held,
			danger: func(w *world) ran {
				w.write("app.yaml", app)
				return bind(w)
			}, says: []string{"role app is not made yet"}, writes: "",
			twin: func(w *world) ran {
				w.write("app.yaml", app)
				w.apply()
				return bind(w)
			}, twinWrites: "any"},
		{guards: []string{"trust"}, name: "a role of another's that trusts nobody of ours", code: cli.Held,
			danger: func(w *world) ran {
				w.makeRole(smallAccount, "/", "other")
				w.write("far.yaml", far)
				return w.apply()
			}, says: []string{"does not trust ops/far of cluster test"}, writes: "",
			twin: func(w *world) ran {
				w.write("far.yaml", far)
				w.seeded()
				return w.apply()
			}, twinWrites: "any"},
	}...)
}

// documentOf is a Workload document; more are lines of its spec.
func documentOf(name, accounts, credentials, role string, more ...string) string {
	text := fmt.Sprintf("apiVersion: atlas-iam.dev/v1alpha1\nkind: Workload\nmetadata: {name: %s}\nspec:\n  clusters: {all: true}\n  serviceAccounts: [%s]\n  credentials: %s\n  role: {%s}\n",
		name, accounts, credentials, role)
	for _, line := range more {
		text += "  " + line + "\n"
	}
	return text
}

const oneAccount = "{namespace: backend, name: loki}"

// rowsOfWorkloads are the rows 9 and 29 to 45 as a user meets them by a command.
func rowsOfWorkloads() []refusal {
	return slices.Concat(rowsOfWorkloadDocuments(), rowsOfRights(), rowsOfTrust())
}

func rowsOfWorkloadDocuments() []refusal {
	const own = `existing: "arn:aws:iam::492000000148:role/`
	workload := func(role string) string { return documentOf("loki", oneAccount, "IRSA", role) }
	const session = `sessionPolicy: {statements: [{actions: ["s3:GetObject"], resources: ["*"]}]}`
	chosen := func(more ...string) string {
		return documentOf("loki", oneAccount, "PodIdentity", "name: loki", more...)
	}
	tagged := func(more ...string) string {
		return documentOf("loki", oneAccount, "PodIdentity",
			`name: loki, statements: [{actions: ["s3:GetObject"], resources: ["arn:aws:s3:::b/*"], conditions: {StringEquals: {"aws:PrincipalTag/kubernetes-namespace": [backend]}}}]`, more...)
	}
	nodes := strings.Replace(smallCluster, "spec: {}", "spec: {nodeRoles: [{role: nodes, type: EC2_LINUX}], protect: [{role: break-glass}]}", 1)
	with := func(text string) string { return nodes + "---\n" + text }
	both := func(namespace string) string {
		return workload("name: loki") + "---\n" + documentOf("other", `{namespace: "`+namespace+`", name: "lo*"}`, "IRSA", "name: other")
	}
	starred := func(operator string) string {
		return workload(`name: loki, statements: [{actions: ["s3:ListBucket"], resources: ["arn:aws:s3:::b"], conditions: {` + operator + `: {"s3:prefix": ["home/*"]}}}]`)
	}
	attached := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(`"arn:aws:iam::492000000148:policy/p%d"`, i))
		}
		return workload("name: loki, managedPolicies: [" + strings.Join(list, ", ") + "]")
	}
	many := func(n int, credentials string) string {
		var text []string
		for i := range n {
			text = append(text, strings.Replace(strings.Replace(smallCluster, "name: test", fmt.Sprintf("name: c%02d", i), 1), "stage: test", "stage: many", 1))
		}
		return strings.Join(text, "---\n") + "---\n" + strings.Replace(documentOf("loki", oneAccount, credentials, "name: loki"), "{all: true}", "{matchLabels: {stage: many}}", 1)
	}
	validated := func(cases []refusal) []refusal { // what the twin makes is not the point, nor is it there to be made
		for i := range cases {
			twin := cases[i].twin
			cases[i].twin = func(w *world) ran { twin(w); return w.aws("validate", ".") }
		}
		return cases
	}
	return slices.Concat(
		badDocuments([]int{9}, "a node's role for a workload", "clusters.yaml", []string{"role/nodes"}, with(workload(own+`other"`)), with(workload(own+`nodes"`))),
		badDocuments([]int{43}, "a role that no program has", "clusters.yaml", nil, with(workload(own+`other"`)),
			with(workload(own+`break-glass"`)), with(workload(own+`aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS"`))),
		badDocuments([]int{33}, "a session policy with session tags", "loki.yaml", []string{"disableSessionTags: true"}, chosen(session, "disableSessionTags: true"), chosen(session)),
		badDocuments([]int{32}, "a condition on tags that no session has", "loki.yaml", []string{"kubernetes-namespace"}, tagged(), tagged("disableSessionTags: true")),
		badDocuments([]int{32}, "a condition on tags where a session policy needs that there be none", "loki.yaml", []string{"kubernetes-namespace"}, chosen("disableSessionTags: true"), tagged("disableSessionTags: true", session)),
		badDocuments([]int{37}, "a star in StringEquals", "loki.yaml", []string{"StringLike"}, starred("StringLike"), starred("StringEquals")),
		badDocuments([]int{44}, "two roles for one ServiceAccount", "loki.yaml", []string{"backend/lo", "workload other", "loki.yaml:6:21"}, both("frontend-*"), both("backend"), both("back*")),
		validated(badDocuments([]int{45}, "an eleventh managed policy", "loki.yaml", nil, attached(10), attached(11))),
		validated(badDocuments([]int{45}, "60 clusters by IRSA", "more.yaml", []string{"of 60 clusters 4 fit", "{cluster}"}, many(4, "IRSA"), many(60, "IRSA"))),
	)
}

// rowsOfRights are held for what a role may do, and pointed out for who comes
// to it.
func rowsOfRights() []refusal {
	var all []refusal
	may := func(statement string) string {
		return documentOf("loki", oneAccount, "PodIdentity", "name: loki, statements: [{"+statement+"}]")
	}
	for what, statement := range map[string]string{
		"everything of IAM":      `actions: ["iam:*"], resources: ["*"]`,
		"any role passed on":     `actions: ["iam:PassRole", "ec2:RunInstances"], resources: ["*"]`,
		"policies put":           `actions: ["iam:PutRolePolicy", "iam:AttachRolePolicy"], resources: ["*"]`,
		"trust rewritten":        `actions: ["iam:UpdateAssumeRolePolicy"], resources: ["*"]`,
		"entries made":           `actions: ["eks:CreateAccessEntry", "eks:AssociateAccessPolicy"], resources: ["*"]`,
		"any role assumed":       `actions: ["sts:AssumeRole"], resources: ["*"]`,
		"all but what is named":  `notActions: ["s3:DeleteBucket"], resources: ["*"]`,
		"on all but what is not": `actions: ["s3:*"], notResources: ["arn:aws:s3:::secret/*"]`,
	} {
		all = append(all, refusal{rows: []int{42}, guards: []string{"privilege"}, name: what, code: cli.Held,
			danger: func(w *world) ran {
				w.write("loki.yaml", may(statement))
				return w.apply()
			}, says: []string{"create policy loki of role loki", "(or --allow privilege)"},
			twin: func(w *world) ran {
				w.write("loki.yaml", may(`actions: ["s3:GetObject"], resources: ["arn:aws:s3:::chunks/*"]`))
				return w.apply()
			}, twinWrites: "any"})
	}
	asked := func(statements string) func(*world) ran {
		return func(w *world) ran {
			w.write("loki.yaml", documentOf("loki", oneAccount, "PodIdentity", "name: loki, statements: ["+statements+"]"))
			return w.aws("can-i", "s3:GetObject", "arn:aws:s3:::b/k", "--as", "workload/loki", ".")
		}
	}
	const allowed, condition = `{actions: ["s3:GetObject"], resources: ["arn:aws:s3:::b/*"]}`, `, conditions: {StringEquals: {"s3:nonsense": [x]}}}`
	for what, statements := range map[string]string{
		"an unknown key in an Allow":      strings.TrimSuffix(allowed, "}") + condition,
		"an unknown key in a Deny":        allowed + `, {effect: Deny, ` + strings.TrimSuffix(allowed[1:], "}") + condition,
		"an unknown variable in an Allow": `{actions: ["s3:GetObject"], resources: ["arn:aws:s3:::b/${aws:nonsense}"]}`,
		"an unknown variable in a Deny":   allowed + `, {effect: Deny, actions: ["s3:GetObject"], resources: ["arn:aws:s3:::b/${aws:nonsense}"]}`,
	} {
		all = append(all, refusal{rows: []int{53}, name: what, code: cli.Undetermined, danger: asked(statements), says: []string{"may or may not s3:GetObject", "to know: the value of "},
			twin: asked(allowed), twinSays: []string{"yes\n"}, twinWrites: "any"})
	}
	const objects = `actions: ["s3:GetObject"], resources: ["arn:aws:s3:::chunks/*"]`
	neighbour := func(namespace string) func(*world) ran {
		return func(w *world) ran {
			w.write("loki.yaml", may(objects))
			w.write("more.yaml", team("more", "{user: mira}", "{policy: Edit, namespaces: ["+namespace+"]}"))
			w.seeded()
			return w.aws("plan", ".")
		}
	}
	return append(all, refusal{rows: []int{29}, name: "Edit where a workload has a role", code: cli.OK,
		danger: neighbour("backend"), says: []string{"! workload-role", "user/mira", "loki", "s3:GetObject on arn:aws:s3:::chunks/*"},
		twin: func(w *world) ran {
			r := neighbour("more")(w)
			if strings.Contains(r.out, "user/mira (team/more) may act") || strings.Contains(r.out, "Edit in more") {
				w.t.Errorf("the twin is warned of:\n%s", r.out)
			}
			return r
		}, twinWrites: "any"})
}

// rowsOfTrust are roles that somebody else made, given to a ServiceAccount by
// an association, or by a chart by IRSA.
func rowsOfTrust() []refusal {
	const existing = `existing: "arn:aws:iam::492000000148:role/other"`
	pods := func(condition string) string {
		return `{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]` + condition + `}`
	}
	const tags = `,"Condition":{"StringEquals":{"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:us-east-1:492000000148:cluster/test","aws:RequestTag/kubernetes-namespace":"backend","aws:RequestTag/kubernetes-service-account":"loki"}}`
	token := func(condition string) string {
		return `{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::492000000148:oidc-provider/HOST"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` + condition + `}}`
	}
	const aud, sub = `"HOST:aud":"sts.amazonaws.com"`, `"HOST:sub":"system:serviceaccount:backend:loki"`
	given := func(credentials, statements string) func(*world) ran {
		return func(w *world) ran {
			w.makeRole(smallAccount, "/", "other")
			w.write("loki.yaml", documentOf("loki", oneAccount, credentials, existing))
			name, role := "test", "other"
			c, err := w.eks(smallAccount, "us-east-1").DescribeCluster(w.t.Context(), &eks.DescribeClusterInput{Name: &name})
			if err != nil {
				w.t.Fatal(err)
			}
			issuer := *c.Cluster.Identity.Oidc.Issuer
			w.iam(smallAccount).CreateOpenIDConnectProvider(w.t.Context(), &iam.CreateOpenIDConnectProviderInput{Url: &issuer, ClientIDList: []string{"sts.amazonaws.com"}})
			document := strings.ReplaceAll(`{"Version":"2012-10-17","Statement":[`+statements+`]}`, "HOST", strings.TrimPrefix(issuer, "https://"))
			if _, err := w.iam(smallAccount).UpdateAssumeRolePolicy(w.t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: &role, PolicyDocument: &document}); err != nil {
				w.t.Fatal(err)
			}
			return w.apply()
		}
	}
	sound := token(`"StringEquals":{` + aud + `,` + sub + `}`)
	var all []refusal
	for _, c := range []struct {
		row               int
		name, credentials string
		statements, says  string
	}{
		{31, "pods that nothing tells apart", "PodIdentity", pods(""), "no condition that tells pods apart"},
		{31, "pods of an account", "PodIdentity", pods(`,"Condition":{"StringEquals":{"aws:SourceAccount":"492000000148"}}`), "no condition that tells pods apart"},
		{34, "no subject", "IRSA", token(`"StringEquals":{` + aud + `}`), "every ServiceAccount of the cluster may have the role"},
		{35, "any subject", "IRSA", token(`"StringEquals":{` + aud + `},"StringLike":{"HOST:sub":"system:serviceaccount:*:*"}`), "matches any subject"},
		{36, "no audience", "IRSA", token(`"StringEquals":{` + sub + `}`), ":aud: a token that was made for another service"},
		{36, "another audience", "IRSA", token(`"StringEquals":{"HOST:aud":"other",` + sub + `}`), "an audience that the provider does not know"},
		{37, "a star that is a letter", "IRSA", token(`"StringEquals":{` + aud + `,"HOST:sub":"system:serviceaccount:backend:*"}`), "a star is a letter there"},
		{38, "a subject if it is there", "IRSA", token(`"StringEquals":{` + aud + `},"StringEqualsIfExists":{` + sub + `}`), "holds where it is absent"},
		{38, "all values of a subject", "IRSA", token(`"StringEquals":{` + aud + `},"ForAllValues:StringEquals":{` + sub + `}`), "holds where it is absent"},
		{40, "any repository of GitHub", "IRSA", sound + `,{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::492000000148:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}}`, "GitHub"},
		{41, "everybody", "IRSA", sound + `,{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`, "anybody with an AWS account"},
		{41, "another account", "IRSA", sound + `,{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999988887777:root"},"Action":"sts:AssumeRole"}`, "999988887777"},
	} {
		twin := map[string]string{"PodIdentity": pods(tags), "IRSA": sound}[c.credentials]
		all = append(all, refusal{rows: []int{c.row}, name: "another's role: " + c.name, code: cli.OK,
			danger: given(c.credentials, c.statements), says: []string{"! trust", c.says},
			twin: func(w *world) ran {
				r := given(c.credentials, twin)(w)
				if strings.Contains(r.out, "! trust") {
					w.t.Errorf("the twin is warned of:\n%s", r.out)
				}
				return r
			}, twinWrites: "any"})
	}
	return append(all, refusal{rows: []int{41}, guards: []string{"privilege"}, name: "another's role that everybody may have, given", code: cli.Held,
		danger: given("PodIdentity", pods(tags)+`,{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`), says: []string{"give backend/loki role other", "anybody with an AWS account"},
		twin: given("PodIdentity", pods(tags)), twinWrites: "any"})
}
