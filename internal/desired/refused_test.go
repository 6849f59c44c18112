package desired

import (
	"strings"
	"testing"
)

// shows: item S6
func TestWhatEKSRefusesIsRefusedBeforeAnyCall(t *testing.T) {
	test := mainCluster("test", "")
	member := func(m string) string { return team("a", m, "all: true", "{group: g}") }
	grant := func(g string) string { return team("a", "{user: ann}", "all: true", g) }
	for name, c := range map[string]struct {
		docs       []string
		want, twin string // twin is the second document of the legal twin
	}{
		"a reserved username": {[]string{test, member("{user: ann, username: \"system:admin\"}")},
			"EKS takes none that begins with system:", member("{user: ann, username: \"my-system:admin\"}")},
		"a session's name without a colon before it": {[]string{test, member("{role: ci, username: \"john{{SessionName}}\"}")},
			"EKS wants a colon somewhere before {{SessionName}}", member("{role: ci, username: \"jo:hn{{SessionNameRaw}}\"}")},
		"a reserved group": {[]string{test, grant("{group: \"system:masters\"}")},
			"the policy ClusterAdmin with scope: cluster gives the same rights", grant("{group: \"mysystem:masters\"}")},
		"a service-linked role": {[]string{test, member("{role: aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS}")},
			"is a service-linked role", member("{role: service-role/x}")},
		"a policy for nodes": {[]string{test, grant("{policy: AutoNode, scope: cluster}")},
			"is for the entries of nodes", grant("{policy: Admin, scope: cluster}")},
		"a policy for service-linked roles": {[]string{test, grant("{policy: AmazonEKSComputePolicy, scope: cluster}")},
			"is for service-linked roles", grant("{policy: AmazonEKSPodIdentityPolicy, scope: cluster}")},
		"a policy that is not there": {[]string{test, grant("{policy: Edti, scope: cluster}")},
			"did you mean Edit?", grant("{policy: Edit, scope: cluster}")},
		"an unknown policy of another partition": {[]string{test, grant(`{policy: "arn:aws-cn:eks::aws:cluster-access-policy/AmazonQuantumPolicy", scope: cluster}`)},
			"is not a policy of partition aws", grant(`{policy: "arn:aws:eks::aws:cluster-access-policy/AmazonQuantumPolicy", scope: cluster}`)},
	} {
		t.Run(name, func(t *testing.T) {
			docs := append([]string{environment}, c.docs...)
			set, err := tryParse(docs...)
			if err == nil {
				_, err = Compile(set)
			}
			if err == nil || (set != nil && !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if _, err := Compile(parse(t, environment, test, c.twin)); err != nil {
				t.Errorf("the legal twin: %v", err)
			}
		})
	}
}

func TestAnEnvironmentThatCannotHold(t *testing.T) {
	env := func(accounts, more string) string {
		return "kind: Environment\nmetadata: {name: ops}\nspec:\n  id: \"k7f3c9a1\"\n  accounts: [" + accounts + "]\n" + more
	}
	const main = `{name: main, id: "111111111111", regions: [eu-west-1]}`
	for name, c := range map[string]struct{ env, want, twin string }{
		"one account twice": {env(main+`, {name: other, id: "111111111111", regions: [us-east-1]}`, ""),
			"account 111111111111 stands twice", env(main+`, {name: other, id: "222222222222", regions: [us-east-1]}`, "")},
		"one name twice": {env(main+`, {name: main, id: "222222222222", regions: [us-east-1]}`, ""),
			`account "main" stands twice`, env(main+`, {name: other, id: "222222222222", regions: [us-east-1]}`, "")},
		"two partitions in one account": {env(`{name: main, id: "111111111111", regions: [eu-west-1, cn-north-1]}`, ""),
			"region cn-north-1 is of partition aws-cn", env(`{name: main, id: "111111111111", regions: [eu-west-1, us-east-1]}`, "")},
		"a role of another account": {env(`{name: main, id: "111111111111", regions: [eu-west-1], assumeRole: {arn: "arn:aws:iam::222222222222:role/x"}}`, ""),
			"is not a role of account 111111111111", env(`{name: main, id: "111111111111", regions: [eu-west-1], assumeRole: {arn: "arn:aws:iam::111111111111:role/x"}}`, "")},
		"tags that are a foreign mark": {env(main, "  tags: {created-by: terraform}\n  foreignTags: {created-by: terraform}\n"),
			"what is made would count as another tool's", env(main, "  tags: {created-by: us}\n  foreignTags: {created-by: terraform}\n")},
		"AWS's own tags": {env(main, "  tags: {\"aws:x\": z}\n"), "aws:", env(main, "  tags: {\"xaws:x\": z}\n")},
		"our own tags":   {env(main, "  tags: {atlas-iam.dev/id: z}\n"), "atlas-iam.dev/", env(main, "  tags: {atlas-iam/id: z}\n")},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := tryParse(c.env)
			if err == nil {
				_, err = Compile(set)
			}
			if err == nil || (set != nil && !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if _, err := Compile(parse(t, c.twin)); err != nil {
				t.Errorf("the legal twin: %v", err)
			}
		})
	}
}
