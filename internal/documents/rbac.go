package documents

import (
	"regexp"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// roleName is a path segment: no slash, no percent sign. (Kubernetes, "Role
// and ClusterRole": names of RBAC objects.) The length is ours; Kubernetes
// bounds none.
var roleName = regexp.MustCompile(`^[!-$&-.0-~]{1,253}$`)

// roleName judges the name of a ClusterRole or Role.
func (d *decoder) roleName(path []any, s string) {
	if s == "" || !d.ascii(path, s) {
		return
	}
	policy, isPolicy := access.PolicyNamed(s)
	switch {
	case isPolicy && s != policy.Short(), strings.HasPrefix(s, "arn:"):
		d.bad(path, "write {policy: "+access.ShortPolicy(s)+"}", "%s is an EKS access policy, not a Kubernetes role", quoted(s))
	case strings.ContainsAny(s, "*?"):
		d.bad(path, "write each role", "roles are not named by patterns: %s", quoted(s))
	case !roleName.MatchString(s) || s == "." || s == "..":
		d.bad(path, "want a role's name, without slash and percent sign, at most 253 letters", "%s cannot be %s", pathString(path), quoted(s))
	}
}
