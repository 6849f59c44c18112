package desired

import (
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/documents"
)

// What EKS would refuse is refused here, before any call.

// usernamePrefixes may not begin a username. (EKS User Guide, creating access
// entries; the API's own words are "The username must not begin with system:")
var usernamePrefixes = [...]string{"system:", "eks:", "aws:", "amazon:", "iam:"}

// checkUsername holds a username against EKS's rules.
func (c *compiler) checkUsername(name string, at access.Place) {
	for _, p := range usernamePrefixes {
		if strings.HasPrefix(name, p) {
			c.fault(at, "", "username %s: EKS takes none that begins with %s", quoted(name), p)
		}
	}
	for _, template := range [...]string{"{{SessionName}}", "{{SessionNameRaw}}"} {
		if before, _, ok := strings.Cut(name, template); ok && !strings.Contains(before, ":") {
			c.fault(at, "write for instance team:"+template, "username %s: EKS wants a colon somewhere before %s", quoted(name), template)
		}
	}
}

// checkGroup holds a group against EKS's rules. (The API's own words: "The
// kubernetes group name system:masters is invalid, it cannot start with
// system:")
func (c *compiler) checkGroup(group string, at access.Place) {
	if strings.HasPrefix(strings.ToLower(group), documents.OwnGroups) {
		c.fault(at, "name another; a grant of a clusterRole or role makes such a group by itself", "group %s: those that begin with %s are atlas-iam's own", quoted(group), documents.OwnGroups)
		return
	}
	if !strings.HasPrefix(group, "system:") {
		return
	}
	hint := "bind the rights to a group of your own"
	if group == "system:masters" {
		hint = "the policy ClusterAdmin with scope: cluster gives the same rights"
	}
	c.fault(at, hint, "group %s: EKS takes none that begins with system:", quoted(group))
}

// policy finds a grant's access policy. One that is not known but has an
// access policy's ARN may be newer than we are, and EKS decides.
func (c *compiler) policy(name string, at access.Place) (p access.Policy, arn string, ok bool) {
	p, ok = access.PolicyNamed(name)
	switch {
	case ok && p.For == access.NodeEntries:
		c.fault(at, "list the role in the Cluster's nodeRoles with type EC2", "policy %s is for the entries of nodes, not of people", p.Name)
	case ok && p.For == access.ServiceLinkedOnly:
		c.fault(at, "", "policy %s is for service-linked roles of AWS, EKS refuses it for others", p.Name)
	case ok:
		return p, "", true
	case strings.HasPrefix(name, "arn:") && strings.Contains(name, ":eks::aws:cluster-access-policy/"):
		return p, name, true
	default:
		var names []string
		for _, k := range access.Policies() {
			if k.For == access.AnyPrincipal {
				names = append(names, k.Short())
			}
		}
		c.fault(at, documents.Suggest(name, names), "there is no access policy %s", quoted(name))
	}
	return p, "", false
}

// policyARN is the ARN of a grant's policy in a cluster's partition.
func (c *compiler) policyARN(s *site, g grant) (string, bool) {
	if g.arn == "" {
		return g.policy.ARN(s.partition), true
	}
	a, err := access.ParseARN(g.arn)
	if err != nil || a.Partition != s.partition {
		c.faultOnce(g.at, "want arn:"+s.partition+":eks::aws:cluster-access-policy/NAME", "%s is not a policy of partition %s, which cluster %s is of", quoted(g.arn), s.partition, s.want.Document)
		return "", false
	}
	return g.arn, true
}
