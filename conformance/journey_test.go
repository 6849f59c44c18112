//go:build conformance || bench

package conformance

import (
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	testCluster = "atlas-eks-test-1-28-cluster"
	policyARN   = "arn:aws:eks::aws:cluster-access-policy/"
)

// cli is the AWS CLI, pointed at an account of an endpoint.
type cli struct {
	t       *testing.T
	path    string
	env     []string
	account string
	refusal int // exit code when AWS refuses
}

func newCLI(t *testing.T, endpoint, account string) *cli {
	t.Helper()
	c := &cli{t: t, path: program(t, "aws", "--version"), account: account, refusal: 254}
	if version, err := exec.Command(c.path, "--version").CombinedOutput(); err == nil && strings.HasPrefix(string(version), "aws-cli/1.") {
		c.refusal = 255
	}
	c.env = clean(t, list(credentials(t, endpoint, account))...)
	return c
}

func (c *cli) ok(into any, args ...string) {
	c.t.Helper()
	out := run(c.t, c.t.TempDir(), c.env, 0, c.path, append(args, "--output", "json")...)
	if into != nil {
		reflect.ValueOf(into).Elem().SetZero() // JSON adds to a map that is there
		decode(c.t, out, into)
	}
}

// refused runs a command that AWS refuses and checks the code and the text as
// AWS CLI prints them, and its exit code: 254, in version 1 of the CLI
// 255.
func (c *cli) refused(code, text string, args ...string) {
	c.t.Helper()
	out := run(c.t, c.t.TempDir(), c.env, c.refusal, c.path, args...)
	if !strings.Contains(out, "("+code+")") || !strings.Contains(out, text) {
		c.t.Errorf("aws %s\n\tgot  %s\n\twant (%s) ... %s", strings.Join(args, " "), strings.TrimSpace(out), code, text)
	}
}

func (c *cli) user(name string) string { return "arn:aws:iam::" + c.account + ":user/" + name }
func (c *cli) role(name string) string { return "arn:aws:iam::" + c.account + ":role/" + name }

func (c *cli) createCluster(mode string) {
	c.t.Helper()
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"eks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	c.ok(nil, "iam", "create-role", "--role-name", "cluster-service", "--assume-role-policy-document", trust)
	c.ok(nil, "eks", "create-cluster", "--name", testCluster, "--role-arn", c.role("cluster-service"),
		"--resources-vpc-config", "subnetIds=subnet-1,subnet-2", "--access-config", "authenticationMode="+mode)
	c.ok(nil, "eks", "wait", "cluster-active", "--name", testCluster)
}

func (c *cli) entries() []string {
	c.t.Helper()
	var out struct{ AccessEntries []string }
	c.ok(&out, "eks", "list-access-entries", "--cluster-name", testCluster)
	return out.AccessEntries
}

type accessEntry struct {
	ClusterName, PrincipalArn, AccessEntryArn, Username, Type string
	KubernetesGroups                                          []string
	Tags                                                      map[string]string
}

type associated struct {
	PolicyArn   string
	AccessScope struct {
		Type       string
		Namespaces []string
	}
}

// shows: item S30
func TestTheArticlesAccessEntryJourney(t *testing.T) {
	t.Parallel()
	c := newCLI(t, lab(t), newAccount())
	c.createCluster("CONFIG_MAP")
	for _, u := range []string{"test-eks-acess-TO-DEL", "arseny"} {
		c.ok(nil, "iam", "create-user", "--user-name", u)
	}

	// The cluster's creator is hidden until the mode is changed.
	const noAPI = "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation."
	c.refused("InvalidRequestException", noAPI, "eks", "list-access-entries", "--cluster-name", testCluster)
	c.refused("InvalidRequestException", noAPI, "eks", "create-access-entry", "--cluster-name", testCluster, "--principal-arn", c.user("arseny"))
	c.refused("InvalidParameterException", "Unsupported authentication mode update from CONFIG_MAP to API",
		"eks", "update-cluster-config", "--name", testCluster, "--access-config", "authenticationMode=API")
	var update struct {
		Update struct{ ID, Status, Type string }
	}
	c.ok(&update, "eks", "update-cluster-config", "--name", testCluster, "--access-config", "authenticationMode=API_AND_CONFIG_MAP")
	if update.Update.Type != "AccessConfigUpdate" || update.Update.ID == "" {
		t.Errorf("update is %+v, want an AccessConfigUpdate with an id", update.Update)
	}
	c.ok(nil, "eks", "wait", "cluster-active", "--name", testCluster)
	c.ok(&update, "eks", "describe-update", "--name", testCluster, "--update-id", update.Update.ID)
	if update.Update.Status != "Successful" {
		t.Errorf("the update is %s once the cluster is active, want Successful", update.Update.Status)
	}
	c.refused("InvalidParameterException", "Unsupported authentication mode update from API_AND_CONFIG_MAP to API_AND_CONFIG_MAP",
		"eks", "update-cluster-config", "--name", testCluster, "--access-config", "authenticationMode=API_AND_CONFIG_MAP")
	hidden := c.entries()
	if len(hidden) == 0 {
		t.Fatal("no entry of the creator appeared with the API")
	}

	t.Run("create, describe and what is refused", func(t *testing.T) { c.t = t; c.createAndDescribe() })
	t.Run("policies with cluster and namespace scope", func(t *testing.T) { c.t = t; c.associate() })
	t.Run("groups", func(t *testing.T) { c.t = t; c.groups() })
	t.Run("delete, and the creator's entry too", func(t *testing.T) { c.t = t; c.remove(hidden) })
	t.Run("the mode goes forward only", func(t *testing.T) {
		c.t = t
		c.ok(nil, "eks", "update-cluster-config", "--name", testCluster, "--access-config", "authenticationMode=API")
		c.ok(nil, "eks", "wait", "cluster-active", "--name", testCluster)
		c.refused("InvalidParameterException", "Unsupported authentication mode update from API to API_AND_CONFIG_MAP",
			"eks", "update-cluster-config", "--name", testCluster, "--access-config", "authenticationMode=API_AND_CONFIG_MAP")
	})
}

func (c *cli) createAndDescribe() {
	t, principal := c.t, c.user("test-eks-acess-TO-DEL")
	var out struct{ AccessEntry accessEntry }
	c.ok(&out, "eks", "create-access-entry", "--cluster-name", testCluster, "--principal-arn", principal)
	e := out.AccessEntry
	arn := regexp.MustCompile(`^arn:aws:eks:[a-z0-9-]+:` + c.account + `:access-entry/` + testCluster + `/user/` + c.account + `/test-eks-acess-TO-DEL/[0-9a-f-]{36}$`)
	if e.ClusterName != testCluster || e.PrincipalArn != principal || e.Username != principal || e.Type != "STANDARD" || len(e.KubernetesGroups) != 0 || !arn.MatchString(e.AccessEntryArn) {
		t.Errorf("created %+v", e)
	}
	c.ok(&out, "eks", "describe-access-entry", "--cluster-name", testCluster, "--principal-arn", principal)
	if out.AccessEntry.AccessEntryArn != e.AccessEntryArn {
		t.Errorf("described %+v, created %+v", out.AccessEntry, e)
	}
	if !slices.Contains(c.entries(), principal) {
		t.Error("the new entry is not in the list")
	}
	create := func(args ...string) []string {
		return append([]string{"eks", "create-access-entry", "--cluster-name", testCluster}, args...)
	}
	c.refused("ResourceInUseException", "The specified access entry resource is already in use on this cluster.", create("--principal-arn", principal)...)
	c.refused("InvalidParameterException", "The specified principalArn is invalid: invalid principal.", create("--principal-arn", c.user("nobody"))...)
	c.refused("InvalidParameterException", "The kubernetes group name system:masters is invalid, it cannot start with system:", create("--principal-arn", c.user("arseny"), "--kubernetes-groups", "system:masters")...)
	c.refused("InvalidParameterException", "The username must not begin with system:", create("--principal-arn", c.user("arseny"), "--username", "system:admin")...)
	c.refused("InvalidParameterException", "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role",
		create("--principal-arn", c.role("aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS"))...)
	c.refused("ResourceNotFoundException", "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'.",
		"eks", "describe-access-entry", "--cluster-name", testCluster, "--principal-arn", c.user("arseny"))
	c.refused("ResourceNotFoundException", "No cluster found for name: nowhere.", "eks", "list-access-entries", "--cluster-name", "nowhere")
}

func (c *cli) associate() {
	t, principal := c.t, c.user("test-eks-acess-TO-DEL")
	on := []string{"--cluster-name", testCluster, "--principal-arn", principal}
	var one struct {
		ClusterName, PrincipalArn string
		AssociatedAccessPolicy    associated
	}
	c.ok(&one, append([]string{"eks", "associate-access-policy", "--policy-arn", policyARN + "AmazonEKSViewPolicy", "--access-scope", "type=cluster"}, on...)...)
	if one.AssociatedAccessPolicy.AccessScope.Type != "cluster" || len(one.AssociatedAccessPolicy.AccessScope.Namespaces) != 0 {
		t.Errorf("associated %+v", one)
	}
	c.ok(&one, append([]string{"eks", "associate-access-policy", "--policy-arn", policyARN + "AmazonEKSEditPolicy", "--access-scope", "type=namespace,namespaces=test-ns,*backend*"}, on...)...)
	var all struct{ AssociatedAccessPolicies []associated }
	c.ok(&all, append([]string{"eks", "list-associated-access-policies"}, on...)...)
	if len(all.AssociatedAccessPolicies) != 2 {
		t.Errorf("associated %+v, want View and Edit", all)
	}
	// The same policy again replaces its scope.
	c.ok(&one, append([]string{"eks", "associate-access-policy", "--policy-arn", policyARN + "AmazonEKSEditPolicy", "--access-scope", "type=namespace,namespaces=test-ns"}, on...)...)
	c.ok(&all, append([]string{"eks", "list-associated-access-policies"}, on...)...)
	for _, a := range all.AssociatedAccessPolicies {
		if strings.HasSuffix(a.PolicyArn, "EditPolicy") && !slices.Equal(a.AccessScope.Namespaces, []string{"test-ns"}) {
			t.Errorf("Edit has %v after it was associated again with test-ns alone", a.AccessScope)
		}
	}
	var by struct{ AccessEntries []string }
	c.ok(&by, "eks", "list-access-entries", "--cluster-name", testCluster, "--associated-policy-arn", policyARN+"AmazonEKSEditPolicy")
	if !slices.Equal(by.AccessEntries, []string{principal}) {
		t.Errorf("entries with Edit: %v, want only %s", by.AccessEntries, principal)
	}
	c.ok(nil, append([]string{"eks", "disassociate-access-policy", "--policy-arn", policyARN + "AmazonEKSEditPolicy"}, on...)...)
	c.ok(&all, append([]string{"eks", "list-associated-access-policies"}, on...)...)
	if len(all.AssociatedAccessPolicies) != 1 {
		t.Errorf("after disassociating Edit: %+v", all)
	}
	var known struct{ AccessPolicies []struct{ Name, Arn string } }
	c.ok(&known, "eks", "list-access-policies")
	if len(known.AccessPolicies) < 19 {
		t.Errorf("%d access policies are listed", len(known.AccessPolicies))
	}
}

func (c *cli) groups() {
	t, principal := c.t, c.user("arseny")
	var out struct{ AccessEntry accessEntry }
	c.ok(&out, "eks", "create-access-entry", "--cluster-name", testCluster, "--principal-arn", principal, "--kubernetes-groups", "test-eks-rbac-group", "--tags", "team=backend")
	if !slices.Equal(out.AccessEntry.KubernetesGroups, []string{"test-eks-rbac-group"}) || out.AccessEntry.Tags["team"] != "backend" {
		t.Errorf("created %+v", out.AccessEntry)
	}
	c.ok(&out, "eks", "update-access-entry", "--cluster-name", testCluster, "--principal-arn", principal, "--kubernetes-groups", "a", "b")
	if len(out.AccessEntry.KubernetesGroups) != 2 {
		t.Errorf("updated %+v", out.AccessEntry)
	}
	c.ok(nil, "eks", "tag-resource", "--resource-arn", out.AccessEntry.AccessEntryArn, "--tags", "more=yes")
	c.ok(nil, "eks", "untag-resource", "--resource-arn", out.AccessEntry.AccessEntryArn, "--tag-keys", "team")
	c.ok(&out, "eks", "describe-access-entry", "--cluster-name", testCluster, "--principal-arn", principal)
	if len(out.AccessEntry.Tags) != 1 || out.AccessEntry.Tags["more"] != "yes" {
		t.Errorf("tags are %v", out.AccessEntry.Tags)
	}
	c.refused("InvalidParameterException", "The kubernetes group name system:x is invalid, it cannot start with system:",
		"eks", "update-access-entry", "--cluster-name", testCluster, "--principal-arn", principal, "--kubernetes-groups", "system:x")
}

func (c *cli) remove(hidden []string) {
	all := append([]string{c.user("test-eks-acess-TO-DEL"), c.user("arseny")}, hidden...)
	for _, p := range all {
		if strings.Contains(p, "/aws-service-role/") {
			continue
		}
		c.ok(nil, "eks", "delete-access-entry", "--cluster-name", testCluster, "--principal-arn", p)
		c.refused("ResourceNotFoundException", "The specified principalArn could not be found.",
			"eks", "delete-access-entry", "--cluster-name", testCluster, "--principal-arn", p)
	}
	for _, p := range c.entries() {
		if !strings.Contains(p, "/aws-service-role/") {
			c.t.Errorf("%s is still listed", p)
		}
	}
}
