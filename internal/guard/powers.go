package guard

import (
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
)

// power is something in a role that leads further than the role says.
type power struct {
	name string // what is in the role
	path string // what it leads to
	// cluster powers are about objects of no namespace: a RoleBinding does not
	// give them.
	cluster bool
	has     func(*access.Rule) bool
}

// may reports whether a rule gives one of some verbs on a resource. A rule for
// names only gives no list, watch or create.
func may(r *access.Rule, group, resource, subresource string, verbs ...string) bool {
	return slices.ContainsFunc(verbs, func(v string) bool {
		if len(r.ResourceNames) > 0 && (v == "list" || v == "watch" || v == "create" && subresource == "") {
			return false
		}
		return rbac.Covers(&access.Rule{Verbs: r.Verbs, APIGroups: r.APIGroups, Resources: r.Resources},
			rbac.Request{Verb: v, Group: group, Resource: resource, Subresource: subresource})
	})
}

const (
	rbacGroup      = "rbac.authorization.k8s.io"
	certificates   = "certificates.k8s.io"
	admission      = "admissionregistration.k8s.io"
	authentication = "authentication.k8s.io"
)

// powers are the known ways from a role to more than it says. (Kubernetes,
// RBAC good practices: privilege escalation risks; of nodes/proxy with get:
// kubernetes/kubernetes#83465)
func powers() []power {
	return []power{
		{"everything", "it may do all there is", false, func(r *access.Rule) bool {
			return slices.Contains(r.Verbs, "*") && slices.Contains(r.APIGroups, "*") && slices.Contains(r.Resources, "*")
		}},
		{"escalate", "who may escalate writes any right into a role that he has", false, func(r *access.Rule) bool {
			return may(r, rbacGroup, "roles", "", "escalate") || may(r, rbacGroup, "clusterroles", "", "escalate")
		}},
		{"bind", "who may bind gives himself any role, cluster-admin too", false, func(r *access.Rule) bool {
			return may(r, rbacGroup, "roles", "", "bind") || may(r, rbacGroup, "clusterroles", "", "bind")
		}},
		{"impersonate users or groups", "acting as group system:masters is allowed everything", true, func(r *access.Rule) bool {
			return may(r, "", "users", "", "impersonate") || may(r, "", "groups", "", "impersonate") ||
				may(r, authentication, "userextras", "", "impersonate") || may(r, authentication, "uids", "", "impersonate")
		}},
		{"impersonate serviceaccounts", "it acts as any ServiceAccount there, with all that one may", false, func(r *access.Rule) bool {
			return may(r, "", "serviceaccounts", "", "impersonate")
		}},
		{"nodes/proxy", "through the kubelet, get is enough to run commands in every container of a node", true, func(r *access.Rule) bool {
			return may(r, "", "nodes", "proxy", "get", "create")
		}},
		{"serviceaccounts/token", "it makes tokens of any ServiceAccount there, with all that one may", false, func(r *access.Rule) bool {
			return may(r, "", "serviceaccounts", "token", "create")
		}},
		{"approving certificate requests", "it has a certificate signed for any user and group", true, func(r *access.Rule) bool {
			return may(r, certificates, "certificatesigningrequests", "approval", "update", "patch") || may(r, certificates, "signers", "", "approve", "sign")
		}},
		{"writing admission webhooks", "a webhook reads and changes every object that is written", true, func(r *access.Rule) bool {
			return may(r, admission, "mutatingwebhookconfigurations", "", "create", "update", "patch") ||
				may(r, admission, "validatingwebhookconfigurations", "", "create", "update", "patch")
		}},
		{"creating persistentvolumes", "a volume of a node's folder opens the node's files, credentials among them", true, func(r *access.Rule) bool {
			return may(r, "", "persistentvolumes", "", "create")
		}},
		{"listing secrets", "a list of Secrets has their contents, tokens of ServiceAccounts among them", false, func(r *access.Rule) bool {
			return may(r, "", "secrets", "", "list", "watch")
		}},
	}
}

// powersOf are those of a role's rules, on the whole cluster or in a namespace.
// What holds everything needs no more said.
func powersOf(rules []access.Rule, cluster bool) []power {
	var found []power
	for _, p := range powers() {
		if (cluster || !p.cluster) && slices.ContainsFunc(rules, func(r access.Rule) bool { return p.has(&r) }) {
			if p.name == "everything" {
				return []power{p}
			}
			found = append(found, p)
		}
	}
	return found
}

// wellKnown are the roles of Kubernetes' own for people: who writes one of
// these names knows what it gives. (Kubernetes, RBAC: user-facing roles)
func wellKnown(name string) bool {
	return slices.Contains([]string{"cluster-admin", "admin", "edit", "view"}, name)
}

// expectedPowers are those that a well-known role has everywhere; of another
// role none.
func expectedPowers(ref access.RoleRef) []power {
	if ref.Kind != access.ClusterRole || !wellKnown(ref.Name) {
		return nil
	}
	for _, r := range rbac.Aggregate(rbac.DefaultRoles()) {
		if r.Namespace == "" && r.Name == ref.Name {
			return powersOf(r.Rules, true)
		}
	}
	return nil
}
