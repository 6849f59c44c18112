//go:build conformance

package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// operations are those the lab has built and the AWS CLI's package documents.
var operations = []string{
	"eks/associate-access-policy", "eks/create-access-entry", "eks/create-addon", "eks/create-cluster", "eks/create-pod-identity-association",
	"eks/delete-access-entry", "eks/delete-addon", "eks/delete-cluster", "eks/delete-pod-identity-association", "eks/describe-pod-identity-association",
	"eks/describe-access-entry", "eks/describe-addon", "eks/describe-cluster", "eks/describe-update", "eks/disassociate-access-policy", "eks/list-access-entries",
	"eks/list-access-policies", "eks/list-addons", "eks/list-associated-access-policies", "eks/list-clusters", "eks/list-pod-identity-associations", "eks/list-tags-for-resource", "eks/list-update",
	"eks/list-updates", "eks/tag-resource", "eks/untag-resource", "eks/update-access-entry", "eks/update-cluster-config",
	"eks/update-addon", "eks/update-pod-identity-association",
	"iam/create-access-key", "iam/create-open-id-connect-provider", "iam/create-policy", "iam/create-policy-version", "iam/create-role", "iam/create-user",
	"iam/get-account-authorization-details", "iam/get-login-profile", "iam/get-open-id-connect-provider", "iam/get-policy",
	"iam/get-policy-version", "iam/get-role", "iam/get-role-policy", "iam/get-user", "iam/get-user-policy", "iam/list-access-keys",
	"iam/list-attached-role-policies", "iam/list-attached-user-policies", "iam/list-entities-for-policy", "iam/list-groups-for-user", "iam/list-instance-profiles-for-role",
	"iam/list-mfa-devices", "iam/list-open-id-connect-provider-tags", "iam/list-open-id-connect-providers", "iam/list-policies", "iam/list-policy-tags", "iam/list-policy-versions", "iam/list-role-policies", "iam/list-role-tags",
	"iam/list-roles", "iam/list-service-specific-credential", "iam/list-service-specific-credentials", "iam/list-signing-certificates",
	"iam/list-ssh-public-keys", "iam/list-user-policies", "iam/list-user-tags", "iam/list-users", "iam/list-virtual-mfa-devices",
	"iam/update-role-description",
	"sts/assume-role", "sts/assume-role-with-web-identity", "sts/get-caller-identity",
}

// exceptions are documented shapes that the lab does not give, with the reason.
// At most one example in twenty may stand here.
var exceptions = map[string]string{
	"eks/create-addon#1": "it names no version, and of the versions that EKS picks the lab knows the Pod Identity agent's alone",
	"eks/update-addon#1": "it shows updatedAt, which is no member of AWS's own model",
}

// broken are examples whose documented output is no JSON.
var broken = map[string]string{
	"iam/create-policy#3":   "a brace and its key are swapped",
	"iam/get-role-policy#1": "a comma is missing",

	"iam/get-open-id-connect-provider#1": "a comma is missing",
}

// notOurs are examples of built operations that are about objects which are
// not: they presuppose a node group, a Fargate profile, an add-on and the like.
var notOurs = map[string]string{
	"eks/describe-update#2":                   "an encryption of secrets",
	"eks/describe-update#3":                   "an update of the Kubernetes version",
	"eks/list-tags-for-resource#2":            "a node group",
	"eks/list-tags-for-resource#3":            "a Fargate profile",
	"eks/list-tags-for-resource#5":            "an identity provider configuration",
	"eks/list-update#2":                       "a node group",
	"iam/get-account-authorization-details#1": "groups and instance profiles",
	"iam/list-entities-for-policy#1":          "a group",
	"iam/list-groups-for-user#1":              "groups of users",
	"iam/list-mfa-devices#1":                  "MFA devices",
	"iam/get-login-profile#1":                 "passwords of users",
	"iam/list-instance-profiles-for-role#1":   "an instance profile",
	"iam/list-service-specific-credential#1":  "service-specific credentials",
	"iam/list-service-specific-credential#2":  "service-specific credentials",
	"iam/list-service-specific-credentials#1": "service-specific credentials",
	"iam/list-signing-certificates#1":         "signing certificates",
	"iam/list-ssh-public-keys#1":              "SSH keys",
	"iam/list-virtual-mfa-devices#1":          "MFA devices",
	"sts/assume-role-with-web-identity#1":     "a token of Login with Amazon",
}

func cluster(name string) string {
	return "aws eks create-cluster --name " + name + " --role-arn arn:aws:iam::111122223333:role/service --resources-vpc-config subnetIds=subnet-1,subnet-2,securityGroupIds=sg-1" +
		" --access-config authenticationMode=API_AND_CONFIG_MAP --tags team=blue"
}

const (
	serviceRole = `aws iam create-role --role-name service --assume-role-policy-document '{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Allow","Principal":{"Service":"eks.amazonaws.com"},"Action":"sts:AssumeRole"}]}'`
	rootTrust   = `--assume-role-policy-document '{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}'`
	allowGet    = `'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}'`
)

func role(name string, more ...string) string {
	return "aws iam create-role --role-name " + name + " " + rootTrust + strings.Join(append([]string{""}, more...), " ")
}

func podRole(name string) string {
	return "aws iam create-role --role-name " + name + ` --assume-role-policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]}]}'`
}

// before lists what each example presupposes.
func before() map[string][]string {
	admin := []string{serviceRole, cluster("eks-customer"), role("Admin"), "aws eks create-access-entry --cluster-name eks-customer --principal-arn arn:aws:iam::111122223333:role/Admin"}
	associated := append(admin[:len(admin):len(admin)],
		"aws eks associate-access-policy --cluster-name eks-customer --principal-arn arn:aws:iam::111122223333:role/Admin --policy-arn arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminPolicy --access-scope type=cluster",
		"aws eks associate-access-policy --cluster-name eks-customer --principal-arn arn:aws:iam::111122223333:role/Admin --policy-arn arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy --access-scope type=namespace,namespaces=default")
	mine := []string{serviceRole, cluster("my-eks-cluster")}
	update := "aws eks update-cluster-config --name my-eks-cluster --access-config authenticationMode=API #save update=update.id"
	endpoint := "aws eks update-cluster-config --name my-eks-cluster --resources-vpc-config endpointPublicAccess=false,endpointPrivateAccess=true #save update=update.id"
	example := []string{serviceRole, cluster("example")}
	bob := []string{"aws iam create-user --user-name Bob"}
	policy := func(name string) string {
		return "aws iam create-policy --policy-name " + name + " --description words --policy-document " + allowGet + " --tags Key=Department,Value=Accounting"
	}
	identity := func(namespace, serviceAccount string) string {
		return "aws eks create-pod-identity-association --cluster-name eks-customer --namespace " + namespace + " --service-account " + serviceAccount +
			" --role-arn arn:aws:iam::111122223333:role/my-role --tags Key2=value2 #save association=association.associationId"
	}
	pods := []string{serviceRole, cluster("eks-customer"), podRole("my-role"), podRole("s3-role")}
	identified := append(pods[:4:4], identity("default", "default"))
	addon := "aws eks create-addon --cluster-name my-eks-cluster --addon-name vpc-cni --addon-version v1.16.4-eksbuild.2 --service-account-role-arn arn:aws:iam::111122223333:role/service" +
		" --configuration-values '{}' --tags a=b #save addon=addon.addonArn"
	withAddon := append(mine[:2:2], addon)
	provider := []string{"aws iam create-open-id-connect-provider --url https://server.example.com --client-id-list one --tags Key=DeptID,Value=1"}
	return map[string][]string{
		"eks/create-addon":                       mine,
		"eks/delete-addon":                       withAddon,
		"eks/describe-addon":                     withAddon,
		"eks/list-addons":                        append(withAddon[:3:3], "aws eks create-addon --cluster-name my-eks-cluster --addon-name eks-pod-identity-agent"),
		"eks/list-tags-for-resource#4":           withAddon,
		"eks/list-update#3":                      append(withAddon[:3:3], "aws eks update-addon --cluster-name my-eks-cluster --addon-name vpc-cni --addon-version v1.17.1-eksbuild.1"),
		"eks/update-addon":                       withAddon,
		"eks/create-pod-identity-association":    pods,
		"eks/delete-pod-identity-association":    identified,
		"eks/describe-pod-identity-association":  identified,
		"eks/list-pod-identity-associations":     append(identified[:5:5], identity("kube-system", "eks-customer")),
		"eks/update-pod-identity-association":    identified,
		"iam/list-entities-for-policy":           append(bob[:1:1], policy("TestPolicy"), "aws iam attach-user-policy --user-name Bob --policy-arn arn:aws:iam::123456789012:policy/TestPolicy"),
		"iam/list-open-id-connect-provider-tags": provider,
		"iam/list-open-id-connect-providers":     provider,
		"eks/associate-access-policy":            admin,
		"eks/create-access-entry":                {serviceRole, cluster("eks-customer"), "aws iam create-user --user-name eks-user", role("admin-test-ip")},
		"eks/create-cluster":                     {role("eks-service-role-AWSServiceRoleForAmazonEKS-J7ONKE3BQ4PI"), role("example-cluster-ServiceRole-1XWBQWYSFRE2Q")},
		"eks/delete-cluster":                     mine,
		"eks/describe-access-entry":              {serviceRole, cluster("eks-customer"), "aws iam create-user --user-name eks-admin-user", "aws eks create-access-entry --cluster-name eks-customer --principal-arn arn:aws:iam::111122223333:user/eks-admin-user"},
		"eks/describe-cluster":                   mine,
		"eks/describe-update#1":                  append(mine[:2:2], endpoint),
		"eks/list-access-entries":                admin,
		"eks/list-associated-access-policies":    associated,
		"eks/list-clusters":                      mine,
		"eks/list-tags-for-resource#1":           mine,
		"eks/list-update#1":                      append(mine[:2:2], update),
		"eks/list-updates":                       append(example[:2:2], "aws eks update-cluster-config --name example --access-config authenticationMode=API"),
		"eks/update-access-entry":                admin,
		"eks/update-cluster-config":              example,
		"iam/create-access-key":                  bob,
		"iam/create-policy-version":              {policy("MyPolicy")},
		"iam/get-policy":                         {policy("MySamplePolicy")},
		"iam/get-policy-version":                 {policy("MyPolicy"), "aws iam create-policy-version --policy-arn arn:aws:iam::123456789012:policy/MyPolicy --set-as-default --policy-document " + allowGet},
		"iam/get-role":                           {role("Test-Role", "--tags Key=a,Value=b", "--description words"), "aws sts assume-role --role-arn arn:aws:iam::111122223333:role/Test-Role --role-session-name used"},
		"iam/get-role-policy":                    {role("Test-Role"), "aws iam put-role-policy --role-name Test-Role --policy-name ExamplePolicy --policy-document " + allowGet},
		"iam/get-user":                           {"aws iam create-user --user-name Paulo"},
		"iam/get-user-policy":                    append(bob[:1:1], "aws iam put-user-policy --user-name Bob --policy-name ExamplePolicy --policy-document "+allowGet),
		"iam/list-access-keys":                   append(bob[:1:1], "aws iam create-access-key --user-name Bob"),
		"iam/list-attached-role-policies":        {role("SecurityAuditRole"), policy("SecurityAudit"), "aws iam attach-role-policy --role-name SecurityAuditRole --policy-arn arn:aws:iam::123456789012:policy/SecurityAudit"},
		"iam/list-attached-user-policies":        append(bob[:1:1], "aws iam attach-user-policy --user-name Bob --policy-arn arn:aws:iam::aws:policy/AdministratorAccess"),
		"iam/list-instance-profiles-for-role":    {role("Test-Role")},
		"iam/list-policies":                      {policy("MySamplePolicy"), policy("Other"), policy("Third")},
		"iam/list-policy-versions":               {policy("MySamplePolicy")},
		"iam/list-role-policies":                 {role("Test-Role"), "aws iam put-role-policy --role-name Test-Role --policy-name ExamplePolicy --policy-document " + allowGet},
		"iam/list-role-tags":                     {role("production-role", "--tags Key=a,Value=b")},
		"iam/list-roles":                         {serviceRole, role("ExampleRole")},
		"iam/update-role-description":            {"aws iam create-role --role-name production-role " + strings.Replace(rootTrust, `"sts:AssumeRole"`, `"sts:AssumeRole","Condition":{}`, 1)},
		"iam/list-policy-tags":                   {policy("billing-access")},
		"iam/list-user-policies":                 append(bob[:1:1], "aws iam put-user-policy --user-name Bob --policy-name ExamplePolicy --policy-document "+allowGet),
		"iam/list-user-tags":                     {"aws iam create-user --user-name alice --tags Key=a,Value=b"},
		"iam/list-users":                         bob,
		"sts/assume-role":                        {role("xaccounts3access")},
	}
}

// shows: item S31
func TestAnswersHaveTheShapeThatTheAWSCLIDocuments(t *testing.T) {
	t.Parallel()
	py := python(t, "awscli.clidriver")
	endpoint := lab(t)
	creds := map[string]map[string]string{}
	var accounts []string
	for range 150 {
		accounts = append(accounts, newAccount())
	}
	makeAccounts(t, endpoint, accounts...)
	for _, account := range accounts {
		creds[account] = keys(t, endpoint, account)
	}
	in, err := json.Marshal(map[string]any{"credentials": creds, "operations": operations, "examples": before()})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(py, "testdata/examples.py")
	cmd.Stdin, cmd.Env = bytes.NewReader(in), clean(t)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("examples.py: %v\n%s", err, errs.String())
	}
	judge(t, out)
}

func judge(t *testing.T, out []byte) {
	ran, excepted := 0, 0
	met := map[string]bool{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var r struct {
			Example, Command, Unreadable string
			Faults                       []string
		}
		decode(t, lines.Text(), &r)
		met[r.Example] = true
		if r.Unreadable != "" {
			if broken[r.Example] == "" {
				t.Errorf("%s: the documented output is no JSON: %s", r.Example, r.Unreadable)
			}
			continue
		}
		if reason := notOurs[r.Example]; reason != "" {
			if len(r.Faults) == 0 {
				t.Errorf("%s has the documented shape, though it is about %s: judge it", r.Example, reason)
			}
			continue
		}
		ran++
		switch reason := exceptions[r.Example]; {
		case len(r.Faults) > 0 && reason == "":
			t.Errorf("%s: %s\n\t%s", r.Example, r.Command, strings.Join(r.Faults, "\n\t"))
		case len(r.Faults) > 0:
			excepted++
			t.Logf("exception %s: %s", r.Example, reason)
		case reason != "":
			t.Errorf("%s has the documented shape: take it out of the exceptions", r.Example)
		}
	}
	t.Logf("%d examples ran, %d exceptions, %d are about other objects, %d are no JSON", ran, excepted, len(notOurs), len(broken))
	for _, listed := range []map[string]string{exceptions, notOurs, broken} {
		for example := range listed {
			if !met[example] {
				t.Errorf("%s is listed, and the AWS CLI's package has no such example", example)
			}
		}
	}
	if ran < 50 {
		t.Errorf("only %d examples ran, want at least 50: does the package still hold them?", ran)
	}
	if excepted*20 > ran {
		t.Errorf("%d exceptions in %d examples, over one in twenty", excepted, ran)
	}
}
