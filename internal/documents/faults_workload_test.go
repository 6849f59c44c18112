package documents

import (
	"slices"
	"strings"
)

func workloadWith(spec string) string {
	return "apiVersion: atlas-iam.dev/v1alpha1\nkind: Workload\nmetadata: {name: yace}\nspec:\n" + spec + "\n"
}

const (
	soundAccounts = "  serviceAccounts: [{namespace: monitoring, name: yace-sa}]\n"
	soundRole     = "  role: {name: yace}\n"
)

// workloadIn has one key of a Workload's spec written otherwise.
func workloadIn(credentials, accounts, role, more string) string {
	return workloadWith("  clusters: {all: true}\n  credentials: " + credentials + "\n" + accounts + role + more)
}

func accountWithin(credentials, s string) string {
	return workloadIn(credentials, "  serviceAccounts:\n    - "+s+"\n", soundRole, "")
}

func roleWith(s string) string {
	return workloadIn("PodIdentity", soundAccounts, "  role: "+s+"\n", "")
}

func statementWith(s string) string {
	return roleWith("\n    name: yace\n    statements:\n      - " + s)
}

func conditionWith(s string) string {
	return statementWith("{actions: [\"s3:GetObject\"], resources: [\"*\"], conditions: " + s + "}")
}

func sessionsWith(s string) string { return workloadIn("PodIdentity", soundAccounts, soundRole, s) }

func workloadCases() []faultCase {
	return slices.Concat(accountCases(), madeRoleCases(), statementCases(), sessionCases(), workloadGrantCases(), argoCases())
}

func accountCases() []faultCase {
	return []faultCase{
		{"a workload's clusters are written", workloadWith("  ¦credentials: IRSA\n" + soundAccounts + soundRole + "«»"), "  clusters: {all: true}",
			`spec has no clusters: it is always written`},
		{"a workload's credentials are written", workloadWith("  ¦clusters: {all: true}\n" + soundAccounts + soundRole + "«»"), "  credentials: IRSA",
			`spec has no credentials: it is always written`},
		{"credentials of another name", workloadIn("«pod-identity»", soundAccounts, soundRole, ""), "PodIdentity",
			`spec.credentials cannot be "pod-identity": did you mean PodIdentity?`},
		{"a workload without ServiceAccounts", workloadIn("IRSA", "  serviceAccounts: «[]»\n", soundRole, ""), "[{namespace: a, name: b}]",
			`spec.serviceAccounts is empty: name one ServiceAccount at least`},
		{"a ServiceAccount as NAMESPACE/NAME", accountWithin("IRSA", "«monitoring/yace-sa»"), "{namespace: monitoring, name: yace-sa}",
			`spec.serviceAccounts[0] is the single value "monitoring/yace-sa", not a mapping with namespace, name and manage: write {namespace: monitoring, name: yace-sa}`},
		{"a ServiceAccount as its username", accountWithin("IRSA", "«system:serviceaccount:monitoring:yace-sa»"), "{namespace: monitoring, name: yace-sa}",
			`spec.serviceAccounts[0] is the single value "system:serviceaccount:monitoring:yace-sa", not a mapping with namespace, name and manage: write {namespace: monitoring, name: yace-sa}`},
		{"a ServiceAccount's name with its namespace", accountWithin("IRSA", "{namespace: monitoring, name: «monitoring/yace-sa»}"), "yace-sa",
			`no ServiceAccount can be named "monitoring/yace-sa": write {namespace: monitoring, name: yace-sa}`},
		{"a ServiceAccount's username as its name", accountWithin("IRSA", `{namespace: monitoring, name: «"system:serviceaccount:monitoring:yace-sa"»}`), "yace-sa",
			`spec.serviceAccounts[0].name is the username of a ServiceAccount: "system:serviceaccount:monitoring:yace-sa": write {namespace: monitoring, name: yace-sa}`},
		{"ServiceAccounts are a list", workloadIn("IRSA", "  serviceAccounts: «{namespace: a, name: b}»\n", soundRole, ""), "[{namespace: a, name: b}]",
			`spec.serviceAccounts is a mapping, not a list: begin each item with a dash`},
		{"a workload's ServiceAccount has a namespace", accountWithin("IRSA", "¦{«name: yace-sa»}"), "name: yace-sa, namespace: monitoring",
			`spec.serviceAccounts[0] has no namespace: it is always written`},
		{"a ServiceAccount's name in capitals", accountWithin("IRSA", "{namespace: monitoring, name: «Yace»}"), "yace",
			`no ServiceAccount can be named "Yace": names of ServiceAccounts are lower-case: did you mean "yace"?`},
		{"a ServiceAccount's name with a question mark", accountWithin("IRSA", "{namespace: monitoring, name: «\"yace?\"»}"), `"yace*"`,
			`no ServiceAccount can be named "yace?": the star is the only wildcard; it stands for any run of letters`},
		{"a ServiceAccount's name that ends in a dash", accountWithin("IRSA", "{namespace: monitoring, name: «yace-»}"), "yace",
			`no ServiceAccount can be named "yace-": want lower-case letters, digits, dashes and dots, beginning and ending with a letter or digit`},
		{"a ServiceAccount's name with a dash before a dot", accountWithin("IRSA", "{namespace: monitoring, name: «a-.b»}"), "a.b",
			`no ServiceAccount can be named "a-.b": want a name such as yace-sa, each part between dots beginning and ending with a letter or digit`},
		{"a ServiceAccount's name that is too long", accountWithin("IRSA", "{namespace: monitoring, name: «"+strings.Repeat("a", 254)+"»}"), strings.Repeat("a", 253),
			`no ServiceAccount can be named "` + strings.Repeat("a", 120) + `...": names of ServiceAccounts have at most 253 letters`},
		{"row 13: a look-alike letter in a ServiceAccount's name", accountWithin("IRSA", "{namespace: monitoring, name: «yаce»}"), "yace",
			`spec.serviceAccounts[0].name has the letter \u0430: "y\u0430ce": write it with plain letters`},
		{"a namespace in capitals", accountWithin("IRSA", "{namespace: «Monitoring», name: a}"), "monitoring",
			`no namespace can match "Monitoring": names of namespaces are lower-case: did you mean "monitoring"?`},
		{"a ServiceAccount stands once", accountWithin("IRSA", "{namespace: a, name: b}\n    - ¦{namespace: a, name: «b»}"), "c",
			`ServiceAccount a/b stands twice`},
		{"an unknown way to manage", accountWithin("IRSA", "{namespace: a, name: b, manage: «annotated»}"), "Annotate",
			`spec.serviceAccounts[0].manage cannot be "annotated": did you mean Annotate?`},
		{"nothing is written of a pattern of Pod Identity", accountWithin("PodIdentity", "{namespace: a, name: \"*\", manage: «Create»}"), "None",
			`what matches "*" is not known, so nothing of it can be written: leave manage out: who makes the ServiceAccounts annotates them`},
		{"nothing is written of a pattern", accountWithin("IRSA", "{namespace: \"pr-*\", name: b, manage: «Annotate»}"), "None",
			`what matches "pr-*" is not known, so nothing of it can be written: leave manage out: who makes the ServiceAccounts annotates them`},
		{"Pod Identity has no annotation", accountWithin("PodIdentity", "{namespace: a, name: b, manage: «Annotate»}"), "Create",
			`Pod Identity needs no annotation: leave manage out, or write Create for the ServiceAccount itself`},
		{"serviceAccount is serviceAccounts", workloadIn("IRSA", "  «serviceAccount»: [{namespace: a, name: b}]\n", soundRole, ""), "serviceAccounts",
			`unknown key "serviceAccount" in spec: did you mean serviceAccounts?`},
	}
}

func madeRoleCases() []faultCase {
	return []faultCase{
		{"a role is made or existing", roleWith("¦{path: /a/«»}"), ", name: yace",
			`spec.role says none of name and existing: write one of name or existing`},
		{"a role is not made and existing", roleWith("{name: a«, ¦existing: \"arn:aws:iam::492000000148:role/a\"»}"), "",
			`spec.role has name and existing together: write one of them`},
		{"a role as text", roleWith("«yace»"), "{name: yace}",
			`spec.role is the single value "yace", not a mapping with name, existing, path, policyName, statements, presets, managedPolicies, tags, permissionsBoundary, maxSessionDuration and description: write {name: yace} for a role to make, {existing: ARN} for another's`},
		{"an existing role is not changed", roleWith(`{existing: "arn:aws:iam::492000000148:role/a"«, ¦managedPolicies: []»}`), "",
			`an existing role is never changed, so it has no managedPolicies here: write name for a role that is made`},
		{"an existing role is an ARN", roleWith(`{existing: «loki»}`), `"arn:aws:iam::492000000148:role/loki"`,
			`spec.role.existing is not a role's ARN: "loki": want arn:aws:iam::ACCOUNT:role/NAME, path included`},
		{"an existing role is no user", roleWith(`{existing: «"arn:aws:iam::492000000148:user/loki"»}`), `"arn:aws:iam::492000000148:role/loki"`,
			`spec.role.existing is not a role's ARN: "arn:aws:iam::492000000148:user/loki": want arn:aws:iam::ACCOUNT:role/NAME, path included`},
		{"row 6: an existing role is no session", roleWith(`{existing: «"arn:aws:sts::492000000148:assumed-role/loki/x"»}`), `"arn:aws:iam::492000000148:role/loki"`,
			`this is a role's session, not a role: "arn:aws:sts::492000000148:assumed-role/loki/x": write arn:aws:iam::492000000148:role/loki, with the role's path if it has one`},
		{"an existing role is one", roleWith(`{existing: «"arn:aws:iam::492000000148:role/loki-*"»}`), `"arn:aws:iam::492000000148:role/loki-a"`,
			`spec.role.existing is not one role: "arn:aws:iam::492000000148:role/loki-*": want arn:aws:iam::ACCOUNT:role/NAME, path included`},
		{"a cluster's name in a role's is quoted", roleWith(`{name: «loki-{cluster}», path: /a/}`), `"loki-{cluster}"`,
			`unquoted, {cluster} is a mapping of its own here: quote it: "loki-{cluster}"`},
		{"row 43: a service-linked role", roleWith(`{existing: «"arn:aws:iam::492000000148:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS"»}`), `"arn:aws:iam::492000000148:role/a"`,
			`only AWS's services have service-linked roles: "arn:aws:iam::492000000148:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS": name a role of your own`},
		{"a role's name is no ARN", roleWith(`{name: «"arn:aws:iam::492000000148:role/a"»}`), `a`,
			`spec.role.name is a name, not an ARN: write existing: "arn:aws:iam::492000000148:role/a" for a role that is another's`},
		{"a role's path is its own key", roleWith(`{name: «monitoring/yace»}`), `yace, path: /monitoring/`,
			`a role's name has no slash: "monitoring/yace": write path: /monitoring/ and name: yace`},
		{"a role's name has one word in braces", roleWith(`{name: «"yace-{region}"»}`), `"yace-{cluster}"`,
			`spec.role.name cannot be "yace-{region}": {cluster} is the only word in braces there is`},
		{"a role's name in braces is quoted", roleWith("\n    name: «{cluster}»"), `"{cluster}"`,
			`spec.role.name is a mapping, not text: quote it: "{cluster}"`},
		{"a made role's name has its letters", roleWith(`{name: «"yace role"»}`), `yace-role`,
			`spec.role.name cannot be "yace role": want letters, digits and _ + = , . @ -, at most 64`},
		{"a role is not named as a permission set's", roleWith(`{name: «AWSReservedSSO_Backend_0123456789abcdef»}`), `backend`,
			`IAM Identity Center makes the roles that begin with AWSReservedSSO_: name it otherwise`},
		{"a role's path begins and ends with a slash", roleWith(`{name: a, path: «monitoring»}`), `/monitoring/`,
			`spec.role.path cannot be "monitoring": want a path such as /atlas-iam/ops/, with a slash at both ends`},
		{"a role's path is not AWS's", roleWith(`{name: a, path: «/aws-service-role/x/»}`), `/x/`,
			`spec.role.path cannot be "/aws-service-role/x/": AWS keeps this path for itself`},
		{"a policy's name has its letters", roleWith("\n    name: a\n    policyName: «a/b»\n    statements: [{actions: [\"*\"], resources: [\"*\"]}]"), `a-b`,
			`spec.role.policyName cannot be "a/b": want letters, digits and _ + = , . @ -, at most 128`},
		{"a policy's name needs a policy", roleWith(`{name: a«, ¦policyName: b»}`), "",
			`there is no inline policy to name: write statements or presets, or leave it out`},
		{"a role's boundary is a policy", roleWith(`{name: a, permissionsBoundary: «boundary»}`), `"arn:aws:iam::492000000148:policy/boundary"`,
			`spec.role.permissionsBoundary cannot be "boundary": want arn:aws:iam::ACCOUNT:policy/NAME`},
		{"a role's tags are not AWS's", roleWith(`{name: a, tags: {«"aws:x"»: b}}`), `x`,
			`"aws:x" cannot be a tag's key: AWS keeps keys that begin with aws: for itself`},
		{"an access policy is no managed policy", roleWith(`{name: a, managedPolicies: [«AmazonEKSEditPolicy»]}`), `"arn:aws:iam::aws:policy/ReadOnlyAccess"`,
			`"AmazonEKSEditPolicy" is an EKS access policy, not an IAM policy: it gives rights in Kubernetes: write it under spec.grants`},
		{"an access policy's ARN is no managed policy", roleWith(`{name: a, managedPolicies: [«"arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"»]}`), `"arn:aws:iam::aws:policy/ReadOnlyAccess"`,
			`"arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy" is an EKS access policy, not an IAM policy: it gives rights in Kubernetes: write it under spec.grants`},
		{"a managed policy by its name", roleWith(`{name: a, managedPolicies: [«AmazonS3ReadOnlyAccess»]}`), `"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"`,
			`"AmazonS3ReadOnlyAccess" is not a policy's ARN: write its ARN: arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess if it is AWS's own, else arn:aws:iam::ACCOUNT:policy/AmazonS3ReadOnlyAccess`},
		{"a role is no managed policy", roleWith(`{name: a, managedPolicies: [«"arn:aws:iam::492000000148:role/b"»]}`), `"arn:aws:iam::492000000148:policy/b"`,
			`"arn:aws:iam::492000000148:role/b" is a role, not a policy: want arn:aws:iam::ACCOUNT:policy/NAME, or arn:aws:iam::aws:policy/NAME of AWS's own`},
		{"a managed policy's account has twelve digits", roleWith(`{name: a, managedPolicies: [«"arn:aws:iam::12:policy/b"»]}`), `"arn:aws:iam::492000000148:policy/b"`,
			`"arn:aws:iam::12:policy/b" is not a policy's ARN: want arn:aws:iam::ACCOUNT:policy/NAME, or arn:aws:iam::aws:policy/NAME of AWS's own`},
		{"a managed policy stands once", roleWith(`{name: a, managedPolicies: ["arn:aws:iam::aws:policy/b", «"arn:aws:iam::aws:policy/b"»]}`), `"arn:aws:iam::aws:policy/c"`,
			`"arn:aws:iam::aws:policy/b" stands twice`},
		{"row 45: an eleventh managed policy", roleWith(`{name: a, managedPolicies: [` + managed(10) + `«, ¦"arn:aws:iam::aws:policy/p11"»]}`), "",
			`a role has at most 10 managed policies, and spec.role.managedPolicies has 11: write statements, or join policies`},
		{"a duration has a unit", roleWith(`{name: a, maxSessionDuration: «7200»}`), `2h`,
			`spec.role.maxSessionDuration has no unit: "7200": want hours or minutes, such as 2h or 90m`},
		{"a duration is one", roleWith(`{name: a, maxSessionDuration: «two hours»}`), `2h`,
			`spec.role.maxSessionDuration is not a duration: "two hours": want hours or minutes, such as 2h or 90m`},
		{"a duration in quotes has a unit", roleWith(`{name: a, maxSessionDuration: «"7200"»}`), `7200s`,
			`spec.role.maxSessionDuration has no unit: "7200": want hours or minutes, such as 2h or 90m`},
		{"a session lasts an hour at least", roleWith(`{name: a, maxSessionDuration: «59m»}`), `60m`,
			`spec.role.maxSessionDuration cannot be "59m": IAM takes whole seconds from 1h to 12h`},
		{"a session lasts twelve hours at most", roleWith(`{name: a, maxSessionDuration: «13h»}`), `12h`,
			`spec.role.maxSessionDuration cannot be "13h": IAM takes whole seconds from 1h to 12h`},
		{"a description has IAM's letters", roleWith("{name: a, description: «\"\u0430\"»}"), `"ä"`,
			`spec.role.description cannot be "\u0430": IAM takes letters up to U+00FF`},
		{"a description that is too long", roleWith(`{name: a, description: «` + strings.Repeat("a", 1001) + `»}`), strings.Repeat("a", 1000),
			`spec.role.description has 1001 letters: IAM allows 1000`},
		{"a preset is a name", roleWith(`{name: a, presets: [«External_DNS»]}`), `external-dns`,
			`spec.role.presets[0] cannot be "External_DNS": want a preset's name, such as external-dns`},
		{"a preset with parameters has a name", roleWith(`{name: a, presets: [¦{«parameters: {b: c}»}]}`), `name: external-dns`,
			`spec.role.presets[0] has no name: it is always written`},
		{"a preset's parameters are named", roleWith(`{name: a, presets: [{name: external-dns, «hostedZoneIds: [Z1]»}]}`), `parameters: {hostedZoneIds: [Z1], weighted: true}`,
			`unknown key "hostedZoneIds" in spec.role.presets[0]: write it beneath parameters`},
		{"a preset stands once", roleWith(`{name: a, presets: [yace, {name: «yace»}]}`), `external-dns`,
			`the preset "yace" stands twice: give it its parameters once`},
		{"a preset's number is quoted", roleWith(`{name: a, presets: [{name: yace, parameters: {size: «12»}}]}`), `"12"`,
			`spec.role.presets[0].parameters.size is a number to YAML, not text: quote it: "12"`},
		{"a trust policy is not written", roleWith(`{name: a, «assumeRolePolicy: {}»}`), `description: b`,
			`unknown key "assumeRolePolicy" in spec.role: the trust policy is made of credentials, clusters and serviceAccounts`},
		{"roleArn is existing", roleWith(`{«roleArn»: "arn:aws:iam::492000000148:role/a"}`), `existing`,
			`unknown key "roleArn" in spec.role: did you mean existing?`},
		{"policies are statements", roleWith(`{name: a, «policy»: [{actions: ["s3:*"], resources: ["*"]}]}`), `statements`,
			`unknown key "policy" in spec.role: did you mean statements?`},
	}
}

func managed(n int) string {
	var list []string
	for i := range n {
		list = append(list, `"arn:aws:iam::aws:policy/p`+string(rune('a'+i))+`"`)
	}
	return strings.Join(list, ", ")
}

func statementCases() []faultCase {
	const sound = `{actions: ["s3:GetObject"], resources: ["*"]}`
	return []faultCase{
		{"a policy's JSON in a text", roleWith("{name: a, statements: «'{\"Version\": \"2012-10-17\", \"Statement\": []}'»}"), "[" + sound + "]",
			`spec.role.statements is the single value "{"Version": "2012-10-17", "Statement": []}", not a list: write a policy's statements in YAML: [{actions: [...], resources: [...]}]`},
		{"a policy where its statements belong", roleWith("{name: a, statements: «{Version: \"2012-10-17\", Statement: []}»}"), "[" + sound + "]",
			`spec.role.statements is a mapping, not a list: write a policy's statements in YAML: [{actions: [...], resources: [...]}]`},
		{"keys as in JSON", statementWith(`{«Action»: ["s3:GetObject"], resources: ["*"]}`), "actions",
			`unknown key "Action" in spec.role.statements[0]: did you mean actions?`},
		{"a principal in a role's policy", statementWith(`{actions: ["s3:GetObject"], resources: ["*"]«, ¦Principal: x»}`), "",
			`unknown key "Principal" in spec.role.statements[0]: a role's policy names no principal: who may have the role is in serviceAccounts`},
		{"an effect in small letters", statementWith(`{effect: «allow», actions: ["s3:GetObject"], resources: ["*"]}`), "Allow",
			`spec.role.statements[0].effect cannot be "allow": did you mean Allow?`},
		{"a statement without resources", statementWith(`¦{actions: ["s3:GetObject"]«»}`), `, resources: ["*"]`,
			`spec.role.statements[0] does not say on what: write resources: [...], and ["*"] only if every one is meant`},
		{"a statement without actions", statementWith(`¦{resources: ["*"]«»}`), `, actions: ["s3:*"]`,
			`spec.role.statements[0] says none of actions and notActions: write one of actions or notActions`},
		{"actions and notActions", statementWith(`{actions: ["s3:*"], resources: ["*"]«, ¦notActions: ["iam:*"]»}`), ``,
			`spec.role.statements[0] has actions and notActions together: write one of them`},
		{"resources and notResources", statementWith(`{actions: ["s3:*"], resources: ["*"]«, ¦notResources: ["*"]»}`), ``,
			`spec.role.statements[0] has resources and notResources together: write one of them`},
		{"an empty list of actions", statementWith(`{actions: «[]», resources: ["*"]}`), `["*"]`,
			`spec.role.statements[0].actions is empty: an empty list matches nothing`},
		{"an action stands once", statementWith(`{actions: ["s3:*", «"s3:*"»], resources: ["*"]}`), `"ec2:*"`,
			`"s3:*" stands twice`},
		{"an action is a list's item", statementWith(`{actions: «"s3:GetObject"», resources: ["*"]}`), `["s3:GetObject"]`,
			`spec.role.statements[0].actions is the single value "s3:GetObject", not a list: write ["s3:GetObject"]`},
		{"an action without a service", statementWith(`{actions: [«GetObject»], resources: ["*"]}`), `"s3:GetObject"`,
			`spec.role.statements[0].actions[0] is no action: "GetObject": want SERVICE:ACTION, as in s3:GetObject`},
		{"an action with a dot", statementWith(`{actions: [«s3.GetObject»], resources: ["*"]}`), `"s3:GetObject"`,
			`spec.role.statements[0].actions[0] is no action: "s3.GetObject": did you mean s3:GetObject?`},
		{"a right in Kubernetes is no action", statementWith(`{actions: [«get pods»], resources: ["*"]}`), `"eks:DescribeCluster"`,
			`spec.role.statements[0].actions[0] is no action: "get pods": rights in Kubernetes are written under spec.grants`},
		{"an action is no ARN", statementWith(`{actions: [«"arn:aws:s3:::a/*"»], resources: ["*"]}`), `"s3:*"`,
			`spec.role.statements[0].actions[0] is no action: "arn:aws:s3:::a/*": this is a resource: write it under resources`},
		{"an action holds no variable", statementWith(`{actions: [«"s3:${aws:username}"»], resources: ["*"]}`), `"s3:*"`,
			`spec.role.statements[0].actions[0] is no action: "s3:${aws:username}": actions hold no variables`},
		{"actions in one text", statementWith(`{actions: [«"s3:Get*, s3:List*"»], resources: ["*"]}`), `"s3:Get*"`,
			`spec.role.statements[0].actions[0] is no action: "s3:Get*, s3:List*": write each action as an item of the list`},
		{"row 13: a look-alike letter in an action", statementWith(`{actions: [«"s3:GеtObject"»], resources: ["*"]}`), `"s3:GetObject"`,
			`spec.role.statements[0].actions[0] has the letter \u0435: "s3:G\u0435tObject": write it with plain letters`},
		{"a resource is an ARN", statementWith(`{actions: ["s3:*"], resources: [«my-bucket»]}`), `"arn:aws:s3:::my-bucket"`,
			`spec.role.statements[0].resources[0] is no resource: "my-bucket": if it is a bucket: arn:aws:s3:::my-bucket, and what is in it: arn:aws:s3:::my-bucket/*`},
		{"a resource is no URL of S3", statementWith(`{actions: ["s3:*"], resources: [«"s3://my-bucket/a"»]}`), `"arn:aws:s3:::my-bucket/a"`,
			`spec.role.statements[0].resources[0] is no resource: "s3://my-bucket/a": did you mean "arn:aws:s3:::my-bucket/a"?`},
		{"a resource has six parts", statementWith(`{actions: ["s3:*"], resources: [«"arn:aws:s3:my-bucket"»]}`), `"arn:aws:s3:::my-bucket"`,
			`spec.role.statements[0].resources[0] is no resource: "arn:aws:s3:my-bucket": an ARN has six parts: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE; region and account may be empty`},
		{"a resource is no action", statementWith(`{actions: ["s3:*"], resources: [«"s3:GetObject"»]}`), `"*"`,
			`spec.role.statements[0].resources[0] is no resource: "s3:GetObject": this is an action: write it under actions`},
		{"a resource is something else", statementWith(`{actions: ["s3:*"], resources: [«"All of them"»]}`), `"*"`,
			`spec.role.statements[0].resources[0] is no resource: "All of them": want an ARN, with * and ? for any letters, or * for every one`},
		{"a variable that does not end", statementWith(`{actions: ["s3:*"], resources: [«"arn:aws:s3:::a/${aws:username"»]}`), `"arn:aws:s3:::a/${aws:username}"`,
			`spec.role.statements[0].resources[0] has a variable that does not end or names nothing: "arn:aws:s3:::a/${aws:username": want ${KEY}, ${KEY, 'DEFAULT'}, ${*}, ${?} or ${$}`},
		{"a sid has its letters", statementWith(`{sid: «read-it», actions: ["s3:*"], resources: ["*"]}`), `ReadIt`,
			`spec.role.statements[0].sid cannot be "read-it": want letters and digits only`},
		{"a sid stands once", statementWith(`{sid: A, actions: ["s3:*"], resources: ["*"]}` + "\n      - " + `{sid: «A», actions: ["ec2:*"], resources: ["*"]}`), `B`,
			`the sid "A" stands twice: a sid stands once in a policy`},
		{"a misspelt operator", conditionWith(`{«StringEqual»: {"aws:PrincipalOrgID": [a]}}`), "StringEquals",
			`"StringEqual" is no condition operator: did you mean StringEquals?`},
		{"a misspelt operator with its prefix", conditionWith(`{«"ForAnyValues:StringLikes"»: {"aws:TagKeys": [a]}}`), `"ForAnyValue:StringLike"`,
			`"ForAnyValues:StringLikes" is no condition operator: did you mean ForAnyValue:StringLike?`},
		{"a misspelt operator with its suffix", conditionWith(`{«StringLikesIfExist»: {"aws:PrincipalOrgID": [a]}}`), "StringLikeIfExists",
			`"StringLikesIfExist" is no condition operator: did you mean StringLikeIfExists?`},
		{"an operator in small letters", conditionWith(`{«stringlikeifexists»: {"aws:PrincipalOrgID": [a]}}`), "StringLikeIfExists",
			`"stringlikeifexists" is no condition operator: did you mean StringLikeIfExists?`},
		{"an unknown operator", conditionWith(`{«Matches»: {"aws:PrincipalOrgID": [a]}}`), "StringLike",
			`"Matches" is no condition operator: the usual ones are StringEquals, StringLike, ArnLike, Bool, IpAddress and Null`},
		{"Null takes no IfExists", conditionWith(`{«NullIfExists»: {"aws:PrincipalOrgID": ["true"]}}`), `"Null"`,
			`"NullIfExists" is no condition operator: did you mean Null?`},
		{"the operator comes first", conditionWith(`{«"aws:SourceIp": {IpAddress: ["10.0.0.0/8"]}»}`), `IpAddress: {"aws:SourceIp": ["10.0.0.0/8"]}`,
			`"aws:SourceIp" is no condition operator: the operator comes first: {IpAddress: {aws:SourceIp: [...]}}`},
		{"Null is quoted, for YAML has a null", conditionWith(`{«Null»: {"aws:PrincipalOrgID": ["true"]}}`), `"Null"`,
			`spec.role.statements[0].conditions.Null is nothing to YAML, not text: quote it: "Null"`},
		{"a condition's key has a service", conditionWith(`{StringEquals: {«prefix»: [a]}}`), `"s3:prefix"`,
			`"prefix" is no condition key: want SERVICE:KEY, as in aws:SourceIp or s3:prefix`},
		{"a condition has a key", conditionWith(`{«StringEquals: {}»}`), `StringEquals: {"s3:prefix": [a]}`,
			`spec.role.statements[0].conditions.StringEquals names no key: write {StringEquals: {KEY: [VALUES]}}`},
		{"a condition has values", conditionWith(`{StringEquals: {"s3:prefix": «[]»}}`), `[""]`,
			`spec.role.statements[0].conditions.StringEquals.s3:prefix is empty: write the values that match`},
		{"a condition's values are a list", conditionWith(`{StringEquals: {"s3:prefix": «home»}}`), `[home]`,
			`spec.role.statements[0].conditions.StringEquals.s3:prefix is the single value "home", not a list: write [home]`},
		{"a condition's quoted true is a list's item", conditionWith(`{Bool: {"aws:SecureTransport": «"true"»}}`), `["true"]`,
			`spec.role.statements[0].conditions.Bool.aws:SecureTransport is the single value "true", not a list: write ["true"]`},
		{"a condition's true is quoted and a list's item", conditionWith(`{Bool: {"aws:SecureTransport": «true»}}`), `["true"]`,
			`spec.role.statements[0].conditions.Bool.aws:SecureTransport is the single value "true", not a list: write ["true"]`},
		{"a condition's number is quoted and a list's item", conditionWith(`{NumericLessThan: {"s3:max-keys": «10»}}`), `["10"]`,
			`spec.role.statements[0].conditions.NumericLessThan.s3:max-keys is the single value "10", not a list: write ["10"]`},
		{"a condition's date is quoted and a list's item", conditionWith(`{DateLessThan: {"aws:CurrentTime": «2026-11-22»}}`), `["2026-11-22"]`,
			`spec.role.statements[0].conditions.DateLessThan.aws:CurrentTime is the single value "2026-11-22", not a list: write ["2026-11-22"]`},
		{"a condition's null is quoted and a list's item", conditionWith(`{StringEquals: {"s3:prefix": «"null"»}}`), `["null"]`,
			`spec.role.statements[0].conditions.StringEquals.s3:prefix is the single value "null", not a list: write ["null"]`},
		{"a condition's yes is quoted and a list's item", conditionWith(`{StringEquals: {"s3:prefix": «"Yes"»}}`), `["Yes"]`,
			`spec.role.statements[0].conditions.StringEquals.s3:prefix is the single value "Yes", not a list: write ["Yes"]`},
		{"a condition's true is quoted", conditionWith(`{Bool: {"aws:SecureTransport": [«true»]}}`), `"true"`,
			`spec.role.statements[0].conditions.Bool.aws:SecureTransport[0] is true or false to YAML, not text: quote it: "true"`},
		{"Bool is true or false", conditionWith(`{Bool: {"aws:SecureTransport": [«"yes"»]}}`), `"true"`,
			`Bool compares with true or false, not with "yes": want "true" or "false"`},
		{"row 37: a star in StringEquals", conditionWith(`{StringEquals: {"s3:prefix": [«"home/*"»]}}`), `"home/"`,
			`a star in StringEquals is a star, and "home/*" matches nothing else: write StringLike, in which ${*} is a star`},
		{"row 37: a star in StringNotEqualsIfExists", conditionWith(`{StringNotEqualsIfExists: {"s3:prefix": [«"home/*"»]}}`), `"home/"`,
			`a star in StringNotEquals is a star, and "home/*" matches nothing else: write StringNotLike, in which ${*} is a star`},
		{"an ARN operator wants ARNs", conditionWith(`{ArnLike: {"aws:PrincipalArn": [«"deploy-*"»]}}`), `"arn:aws:iam::*:role/deploy-*"`,
			`ArnLike compares ARNs, and "deploy-*" is none: want an ARN, or StringLike`},
		{"a variable in a condition that does not end", conditionWith(`{StringLike: {"s3:prefix": [«"${aws:username/*"»]}}`), `"${aws:username}/*"`,
			`spec.role.statements[0].conditions.StringLike.s3:prefix[0] has a variable that does not end or names nothing: "${aws:username/*": want ${KEY}, ${KEY, 'DEFAULT'}, ${*}, ${?} or ${$}`},
	}
}

func sessionCases() []faultCase {
	const target = `{arn: "arn:aws:iam::111222333444:role/partner"}`
	const policy = `{statements: [{actions: ["s3:*"], resources: ["*"]}]}`
	return []faultCase{
		{"a target role as text", sessionsWith(`  targetRole: «"arn:aws:iam::111222333444:role/partner"»`), target,
			`spec.targetRole is the single value "arn:aws:iam::111222333444:role/partner", not a mapping with arn: write {arn: "arn:aws:iam::111222333444:role/partner"}`},
		{"a target role is a role", sessionsWith(`  targetRole: {arn: «partner»}`), `"arn:aws:iam::111222333444:role/partner"`,
			`spec.targetRole.arn is not a role's ARN: "partner": want arn:aws:iam::ACCOUNT:role/NAME, path included`},
		{"an external id is EKS's", sessionsWith(`  targetRole: {arn: "arn:aws:iam::111222333444:role/partner"«, ¦externalId: abc»}`), ``,
			`unknown key "externalId" in spec.targetRole: EKS sets it itself where session tags are disabled: REGION/ACCOUNT/CLUSTER/NAMESPACE/SERVICEACCOUNT`},
		{"a target role is another", workloadIn("PodIdentity", soundAccounts, "  role: {existing: \"arn:aws:iam::492000000148:role/a\"}\n", `  targetRole: {arn: «"arn:aws:iam::492000000148:role/a"»}`), `"arn:aws:iam::492000000148:role/b"`,
			`the target role is the role itself: leave targetRole out`},
		{"IRSA has no target role", workloadIn("IRSA", soundAccounts, soundRole, "«  ¦targetRole: "+target+"»"), ``,
			`spec.targetRole is Pod Identity's: with IRSA the program chooses its session itself; write credentials: PodIdentity`},
		{"IRSA has no session tags", workloadIn("IRSA", soundAccounts, soundRole, "«  ¦disableSessionTags: true»"), ``,
			`spec.disableSessionTags is Pod Identity's: with IRSA the program chooses its session itself; write credentials: PodIdentity`},
		{"row 33: a session policy with session tags", sessionsWith("«»  ¦sessionPolicy: " + policy), "  disableSessionTags: true\n",
			`EKS takes a session policy only of sessions without tags: write disableSessionTags: true, and mind that nothing may rest on those tags then`},
		{"a session policy's statements as a list", sessionsWith("  disableSessionTags: true\n  sessionPolicy: «[]»"), policy,
			`spec.sessionPolicy is a list, not a mapping with statements: write {statements: [...]}`},
		{"a session policy is not empty", sessionsWith("  disableSessionTags: true\n  sessionPolicy: {statements: «[]»}"), `[{actions: ["s3:*"], resources: ["*"]}]`,
			`spec.sessionPolicy.statements is empty: write a statement, or leave sessionPolicy out`},
		{"row 32: a condition on tags that are disabled", workloadIn("PodIdentity", soundAccounts,
			"  role: {name: a, statements: [{actions: [\"s3:*\"], resources: [\"*\"], conditions: {StringEquals: {«\"aws:PrincipalTag/kubernetes-namespace\"»: [a]}}}]}\n", "  disableSessionTags: true"), `"aws:PrincipalTag/team"`,
			`with disableSessionTags no session has the tag kubernetes-namespace, so this never holds: leave disableSessionTags out, or the condition`},
		{"row 32: a resource with a tag that is disabled", workloadIn("PodIdentity", soundAccounts,
			"  role: {name: a, statements: [{actions: [\"s3:*\"], resources: [«\"arn:aws:s3:::b/${aws:PrincipalTag/kubernetes-namespace}/*\"»]}]}\n", "  disableSessionTags: true"), `"arn:aws:s3:::b/${aws:PrincipalTag/team}/*"`,
			`with disableSessionTags no session has the tag kubernetes-namespace, so this never holds: leave disableSessionTags out, or the condition`},
		{"row 32: a condition's value with a tag that is disabled", workloadIn("PodIdentity", soundAccounts,
			"  role: {name: a, statements: [{actions: [\"s3:*\"], resources: [\"*\"], conditions: {StringLike: {\"s3:prefix\": [«\"${aws:PrincipalTag/eks-cluster-name}/*\"»]}}}]}\n", "  disableSessionTags: true"), `"${aws:PrincipalTag/team}/*"`,
			`with disableSessionTags no session has the tag eks-cluster-name, so this never holds: leave disableSessionTags out, or the condition`},
	}
}

func workloadGrantCases() []faultCase {
	grant := func(s string) string { return sessionsWith("  grants:\n    - " + s) }
	return []faultCase{
		{"a workload's grant names its clusters", grant(`¦{clusterRole: edit, scope: cluster«»}`), `, clusters: {all: true}`,
			`spec.grants[0] names no clusters: write clusters: {names: [...]}: a workload may live on others than its grants are for`},
		{"a workload's grant has a reach", grant(`¦{clusterRole: edit, clusters: {all: true}«»}`), `, namespaces: [a]`,
			`spec.grants[0] does not say where edit reaches: write namespaces: ["..."], or scope: cluster`},
		{"a workload's grant of an unknown policy", grant(`{policy: «Edti», scope: cluster, clusters: {all: true}}`), `Edit`,
			`unknown access policy "Edti": did you mean Edit? (AmazonEKSEditPolicy)`},
	}
}

func argoCases() []faultCase {
	return []faultCase{
		{"Argo CD has a namespace", clusterWith(`argocd: ¦{hub: hub«»}`), `, namespace: argocd`,
			`spec.argocd has no namespace: it is always written`},
		{"Argo CD's hub is a document's name", clusterWith(`argocd: {hub: «"arn:aws:eks:us-east-1:492000000148:cluster/hub"», namespace: argocd}`), `hub`,
			`spec.argocd.hub cannot be "arn:aws:eks:us-east-1:492000000148:cluster/hub": want the metadata.name of the Cluster that Argo CD runs on`},
		{"Argo CD's hub is another cluster", clusterWith(`argocd: {hub: «test», namespace: argocd}`), `hub`,
			`an Argo CD knows the cluster that it runs on: leave argocd out`},
		{"Argo CD's namespace is one", clusterWith(`argocd: {hub: hub, namespace: «"argo*"»}`), `argocd`,
			`spec.argocd.namespace cannot be "argo*": want lower-case letters, digits and dashes, at most 63, beginning and ending with a letter or digit`},
		{"Argo CD's role is one", clusterWith(`argocd: {hub: hub, namespace: argocd, roleARN: «deployer»}`), `"arn:aws:iam::492000000148:role/deployer"`,
			`spec.argocd.roleARN is not a role's ARN: "deployer": want arn:aws:iam::ACCOUNT:role/NAME, path included`},
		{"Argo CD's role as AWS writes it", clusterWith(`argocd: {hub: hub, namespace: argocd, «roleArn»: "arn:aws:iam::492000000148:role/deployer"}`), `roleARN`,
			`unknown key "roleArn" in spec.argocd: did you mean roleARN?`},
	}
}
