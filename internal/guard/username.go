package guard

import (
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// usernameTaken holds a change that gives a principal the Kubernetes username
// of another one on the cluster: Kubernetes binds rights to names, so the one
// would have the other's. An entry that goes in the same plan counts, for its
// bindings stay. The role of a permission set that was made again takes its
// predecessor's name rightly.
func usernameTaken() plan.Guard {
	return plan.Guard{
		Slug:    "username-taken",
		About:   "The change gives a principal the Kubernetes username of another entry of the cluster, and with it whatever is bound to that name.",
		Instead: "Choose another `username`, or leave it out.",
		Check: func(in *plan.Input) plan.Findings {
			return holdEach(in.Plan, func(c *plan.Change) string {
				from, to := entries(c)
				if to == nil || to.Type != access.Standard || from != nil && username(from) == username(to) {
					return ""
				}
				other, ok := holder(in, c, username(to))
				if !ok {
					return ""
				}
				return "username " + username(to) + " is also " + other + "'s on " + c.Cluster.Name + ": each would have what is bound to the other"
			})
		},
	}
}

// username is an entry's, or the one that EKS gives it.
func username(e *access.Entry) string {
	if e.Username == "" && e.Type == access.Standard {
		if p, err := access.ParseIAMPrincipal(e.Principal); err == nil {
			return p.DefaultUsername()
		}
	}
	return e.Username
}

// holder is another principal that has a name on a change's cluster, or gets
// it by this plan.
func holder(in *plan.Input, c *plan.Change, name string) (string, bool) {
	if h, ok := in.Have.Cluster(c.Cluster); ok {
		for i := range h.Entries {
			if e := &h.Entries[i]; collides(c, e, name) {
				return e.Principal, true
			}
		}
	}
	for i := range in.Plan.Changes {
		o := &in.Plan.Changes[i]
		if _, to := entries(o); to != nil && o.Cluster == c.Cluster && collides(c, to, name) {
			return who(o), true
		}
	}
	return "", false
}

func collides(c *plan.Change, other *access.Entry, name string) bool {
	return other.Principal != c.Principal && !samePermissionSet(other.Principal, c.Principal) &&
		sameName(name, username(other))
}

// sessionTemplates are what EKS fills with a name that whoever assumes the role
// chooses freely. (EKS User Guide, creating access entries)
var sessionTemplates = strings.NewReplacer("{{SessionName}}", "*", "{{SessionNameRaw}}", "*")

// sameName reports whether two usernames are equal, or one is a template that
// a session's name can make the other.
func sameName(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	return a == b || fills(a, b) || fills(b, a)
}

func fills(template, name string) bool {
	pattern := sessionTemplates.Replace(template)
	return pattern != template && !strings.Contains(template, "*") && access.MatchPattern(pattern, sessionTemplates.Replace(name))
}
