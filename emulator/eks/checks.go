package eks

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/emulator/call"
)

// The types of entries. (EKS API, CreateAccessEntry)
const (
	standard = "STANDARD"
	ec2      = "EC2"
)

var entryTypes = []string{standard, "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", ec2, "HYBRID_LINUX", "HYPERPOD_LINUX"}

// check holds a new entry against EKS's rules and gives its principal with
// the unique id.
func (in *createEntryInput) check(c *call.Call) (principal, string, error) {
	cluster := in.ClusterName
	p, id, err := in.findPrincipal(c)
	if err != nil {
		return p, "", err
	}
	entryType := in.Type
	if entryType == "" {
		entryType = standard
	}
	switch {
	case !slices.Contains(entryTypes, entryType):
		err = invalid(cluster, "The access entry type %q is not one of %s.", in.Type, strings.Join(entryTypes, ", "))
	case entryType != standard && (p.kind != "role" || p.account != c.Account):
		err = invalid(cluster, "The principalArn of an access entry of type %s must be a role in the cluster's account.", entryType)
	case entryType != standard && (in.Username != "" || len(in.KubernetesGroups) > 0):
		err = notSettable(cluster, entryType)
	case entryType == "EC2_LINUX" || entryType == "EC2_WINDOWS":
		err = c.Authorize("iam:PassRole", in.PrincipalArn, map[string][]string{"iam:PassedToService": {"ec2.amazonaws.com"}})
	}
	if err == nil {
		err = checkUsername(cluster, in.Username)
	}
	if err == nil {
		err = checkGroups(cluster, in.KubernetesGroups)
	}
	if err == nil {
		err = checkTags(in.Tags, cluster, "InvalidParameterException")
	}
	return p, id, err
}

// findPrincipal finds the user or role in its own account. One of an account
// that the lab does not have is taken on trust (Assumption unknown-account) and
// gets an id of its own.
func (in *createEntryInput) findPrincipal(c *call.Call) (principal, string, error) {
	p, ok := parsePrincipal(in.PrincipalArn)
	switch {
	case !ok || p.partition != c.Partition:
		// Assumption invalid-arn: a malformed ARN, or a session's, is
		// answered as a principal that does not exist.
		return p, "", invalid(in.ClusterName, invalidPrincipal)
	case p.serviceLinked():
		return p, "", invalid(in.ClusterName, serviceLinked)
	}
	if _, ours := call.AccountOf(c.Tx, p.account); !ours {
		return p, "UNKNOWN" + strings.ToUpper(randomHex(8)), nil
	}
	id, ok := c.IAM.Principal(c.Tx, in.PrincipalArn)
	if !ok {
		return p, "", invalid(in.ClusterName, invalidPrincipal)
	}
	return p, id, nil
}

// reserved begin no username. (aws-facts 2.4)
var reserved = []string{"system:", "eks:", "aws:", "amazon:", "iam:"}

func checkUsername(cluster, name string) error {
	for _, prefix := range reserved {
		if strings.HasPrefix(name, prefix) {
			return invalid(cluster, "The username must not begin with %s", prefix)
		}
	}
	for _, template := range []string{"{{SessionName}}", "{{SessionNameRaw}}"} {
		if before, _, ok := strings.Cut(name, template); ok && !strings.Contains(before, ":") {
			return invalid(cluster, "The username must have a colon before %s.", template)
		}
	}
	return nil
}

// checkGroups refuses only what EKS is known to refuse.
// Assumption group-prefixes: other prefixes are legal in groups.
func checkGroups(cluster string, groups []string) error {
	for _, g := range groups {
		if strings.HasPrefix(g, "system:") {
			return invalid(cluster, "The kubernetes group name %s is invalid, it cannot start with system:", g)
		}
		if g == "" {
			return invalid(cluster, "The kubernetes group name must not be empty.")
		}
	}
	return nil
}

func notSettable(cluster, entryType string) error {
	return invalid(cluster, "The username and kubernetesGroups of an access entry of type %s cannot be set.", entryType)
}
