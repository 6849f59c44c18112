package guard

import (
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// usernameTaken holds a change that gives a principal the Kubernetes username
// of another one on the cluster: Kubernetes binds rights to names, so the one
// would have the other's. An entry that goes in the same plan counts, for its
// bindings stay, and so does one that was not read. The role of a permission set that was made again takes its
// predecessor's name rightly.
func usernameTaken() plan.Guard {
	return plan.Guard{
		Slug:    "username-taken",
		About:   "The change gives a principal the Kubernetes username of another entry of the cluster, or one that somebody else's binding binds, and with it whatever is bound to that name.",
		Instead: "Choose another `username`, or leave it out.",
		Check: func(in *plan.Input) plan.Findings {
			bearers := make(map[access.ClusterKey][]bearer)
			for k, changes := range byCluster(in.Plan) {
				bearers[k] = bearersOn(in, k, changes)
			}
			return holdEach(in.Plan, func(c *plan.Change) string {
				from, to := entries(c)
				if to == nil || to.Type != access.Standard || from != nil && username(from) == username(to) {
					return ""
				}
				name := nameOf(to)
				for _, b := range bearers[c.Cluster] {
					if b.principal != c.Principal && name.meets(b.name) && !samePermissionSet(b.principal, c.Principal) {
						return "username " + username(to) + " is also " + b.who + "'s on " + c.Cluster.Name + ": each would have what is bound to the other"
					}
				}
				if b := boundName(in, c, name, from); b != nil && !standard(to) {
					return "username " + username(to) + " is bound to " + b.Role.String() + " by " + b.Kind() + " " + b.Key() + " on " + c.Cluster.Name + ": who bears it has that role"
				}
				if !standard(to) {
					return unreadBearer(in, c, to)
				}
				return ""
			})
		},
	}
}

// boundName finds a binding that somebody else made, and that binds a name
// which the principal did not have before.
func boundName(in *plan.Input, c *plan.Change, to name, from *access.Entry) *access.Binding {
	h, ok := in.Have.Cluster(c.Cluster)
	if !ok || h.Kubernetes == nil {
		return nil
	}
	for i := range h.Kubernetes.Bindings {
		b := &h.Kubernetes.Bindings[i]
		if in.Want.Owner.OwnerOfBinding(b, in.Want.ForeignTags).Ours {
			continue
		}
		for _, s := range b.Subjects {
			had := from != nil && username(from) == s.Name
			if s.Kind == access.UserSubject && !had && to.meets(name{text: s.Name}) {
				return b
			}
		}
	}
	return nil
}

// standard reports whether an entry has the username that EKS gives by itself,
// which is its principal's alone.
func standard(e *access.Entry) bool {
	p, err := access.ParseIAMPrincipal(e.Principal)
	return err == nil && username(e) == p.DefaultUsername()
}

// unreadBearer is the reason why nobody can tell whether a chosen username is
// free: an entry of the cluster was not read, or this run reads some only.
func unreadBearer(in *plan.Input, c *plan.Change, to *access.Entry) string {
	if p := in.Have.Part; p != nil && len(p.Only) > 0 {
		return "whether username " + username(to) + " is another's on " + c.Cluster.Name + " was not read: this run looks at some principals only"
	}
	for _, g := range in.Have.Gaps {
		if k := (access.ClusterKey{Account: g.Account, Region: g.Region, Name: g.Cluster}); g.What == access.GapEntry && k == c.Cluster && g.Principal != c.Principal {
			return "whether username " + username(to) + " is " + g.Principal + "'s on " + c.Cluster.Name + " could not be read: " + g.Reason
		}
	}
	return ""
}

// bearer is a principal with the name that it has on a cluster, or gets there
// by the plan.
type bearer struct {
	principal, who string
	name           name
}

func bearersOn(in *plan.Input, k access.ClusterKey, changes []*plan.Change) []bearer {
	var all []bearer
	if h, ok := in.Have.Cluster(k); ok {
		for i := range h.Entries {
			e := &h.Entries[i]
			all = append(all, bearer{e.Principal, e.Principal, nameOf(e)})
		}
	}
	for _, c := range changes {
		if _, to := entries(c); to != nil {
			all = append(all, bearer{c.Principal, who(c), nameOf(to)})
		}
	}
	return all
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

// name is a username, or a template of usernames: {{SessionName}} stands for a
// name that whoever assumes the role chooses freely. (EKS User Guide, creating
// access entries) A name has no before and after but its text.
type name struct {
	text, before, after string
	template            bool
}

func nameOf(e *access.Entry) name {
	n := name{text: username(e)}
	for _, t := range [...]string{"{{SessionName}}", "{{SessionNameRaw}}"} {
		if before, after, ok := strings.Cut(n.text, t); ok {
			n.before, n.after, n.template = before, after, true
		}
	}
	return n
}

// meets reports whether two names are equal, or a session's name can make the
// one the other, or of two templates sessions' names can make one name.
func (n name) meets(o name) bool {
	return n.text != "" && (n.text == o.text || n.makes(o) || o.makes(n) || n.overlaps(o))
}

// sessionName are the characters of a session's name. (STS API, AssumeRole,
// RoleSessionName)
const sessionName = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-"

// overlaps compares two templates: what the one has beyond the other, before
// and after, must be what a session may be called.
func (n name) overlaps(o name) bool {
	if !n.template || !o.template {
		return false
	}
	before, ok := beyond(n.before, o.before, strings.CutPrefix)
	after, also := beyond(n.after, o.after, strings.CutSuffix)
	return ok && also && strings.Trim(before+after, sessionName) == ""
}

// beyond is what the longer of two texts has more than the shorter, which must
// be its beginning, or its end.
func beyond(a, b string, cut func(s, part string) (string, bool)) (string, bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	return cut(a, b)
}

func (n name) makes(o name) bool {
	return n.template && !o.template && len(o.text) > len(n.before)+len(n.after) &&
		strings.HasPrefix(o.text, n.before) && strings.HasSuffix(o.text, n.after)
}
