package gain

import (
	"cmp"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// said is something that a role newly lets its bearer do, or no more.
type said struct {
	list               func(*plan.Access) *[]plan.Grant
	role               string // ARN
	what               string
	actions, resources []access.PatternSet
	when               string
	unclear            []plan.Unclear
}

// The lists of a plan's access.
func gained(a *plan.Access) *[]plan.Grant      { return &a.Gained }
func lost(a *plan.Access) *[]plan.Grant        { return &a.Lost }
func maybeGained(a *plan.Access) *[]plan.Grant { return &a.MaybeGained }
func maybeLost(a *plan.Access) *[]plan.Grant   { return &a.MaybeLost }
func unknown(a *plan.Access) *[]plan.Grant     { return &a.Unknown }

// rightsOfRoles compares what roles let do before and after; known are the
// answers, for many ServiceAccounts may have one role.
type rightsOfRoles struct {
	before, after *having
	known         map[[2]holding][]said
}

// side is what is known of one half of a comparison.
type side struct {
	holding
	read     bool // the role was, or there is none
	empty    bool // of a role that has no policy
	policies iam.Policies
	// tags are the session tags that its policies speak of.
	tags []string
}

func (w *having) side(x holding) side {
	s := side{holding: x, read: true}
	if x.role == "" {
		return s
	}
	r, ok := w.roles[x.role]
	if s.read = ok; !ok {
		return s
	}
	s.empty = len(r.Inline)+len(r.Managed) == 0
	s.tags = w.tagsIn(&r, x.session)
	s.policies, _ = iam.RolePolicies(r.Inline, r.Managed, r.Boundary, w.policies)
	if x.session != "" {
		p, err := iam.Parse(iam.SessionPolicy, string(x.session))
		if err != nil {
			p = nil
		}
		s.policies.Session = []iam.Source{{Name: "session policy", Policy: p}}
	}
	return s
}

func (w rightsOfRoles) compare(pair [2]holding) []said {
	out, ok := w.known[pair]
	if !ok {
		out = difference(w.before.side(pair[0]), w.after.side(pair[1]))
		if why := pair[1].refused; why != "" {
			for i := range out {
				out[i].list = maybeGained
				out[i].unclear = append([]plan.Unclear{{Why: why, Settle: "add to its trust policy what warning target says"}}, out[i].unclear...)
			}
		}
		w.known[pair] = out
	}
	return out
}

// difference is what one side may and the other may not.
func difference(was, is side) []said {
	var out []said
	whole := func(x, o side, list func(*plan.Access) *[]plan.Grant) {
		switch name := access.RoleName(x.role); {
		case x.role == "" || x.role == o.role:
		case !x.read:
			out = append(out, said{list: list, role: x.role, what: "what role " + name + " may do"})
		case x.empty:
			out = append(out, said{list: list, role: x.role, what: "role " + name + ", which has no policy"})
		}
	}
	whole(is, was, gained)
	whole(was, is, lost)
	return append(append(append(out, unread(was, is)...), compared(was, is)...), tagged(was, is)...)
}

// sessionTags are those that EKS gives a session of Pod Identity. (EKS User
// Guide, pod-id-abac)
var sessionTags = []string{"eks-cluster-arn", "eks-cluster-name", "kubernetes-namespace", "kubernetes-pod-name", "kubernetes-pod-uid", "kubernetes-service-account"}

// tagsIn are the session tags of which a role's policies speak, as far as they
// were read.
func (w *having) tagsIn(r *access.HaveRole, session access.Document) []string {
	texts := []string{string(session), string(w.policies[r.Boundary])}
	for _, p := range r.Inline {
		texts = append(texts, string(p.Document))
	}
	for _, arn := range r.Managed {
		texts = append(texts, string(w.policies[arn]))
	}
	text := strings.ToLower(strings.Join(texts, "\n"))
	return slices.DeleteFunc(slices.Clone(sessionTags), func(tag string) bool {
		return !strings.Contains(text, "aws:principaltag/"+tag)
	})
}

// tagged says what rests on session tags where they come or go: policies are
// compared as one session has them, so what that gives and takes is not told.
func tagged(was, is side) []said {
	if was.role == "" || was.role != is.role || was.untagged == is.untagged {
		return nil
	}
	tags := slices.Concat(was.tags, is.tags)
	slices.Sort(tags)
	if tags = slices.Compact(tags); len(tags) == 0 {
		return nil
	}
	why := "its sessions have session tags now and had none"
	if is.untagged {
		why = "its sessions have no session tags any more"
	}
	return []said{{list: unknown, role: is.role, what: "what role " + access.RoleName(is.role) + " may do by " + strings.Join(tags, ", "),
		unclear: []plan.Unclear{{Why: why, Settle: "look at the statements that ask for aws:PrincipalTag"}}}}
}

// compared are the differences of what was read.
func compared(was, is side) []said {
	role := cmp.Or(is.role, was.role)
	d := iam.Compare(sessionOf(role), was.policies, is.policies, contextOf(was, is))
	var out []said
	add := func(rights []iam.Right, list func(*plan.Access) *[]plan.Grant, role string, unclear ...plan.Unclear) {
		for _, r := range iam.Spelt(rights, was.policies, is.policies) {
			out = append(out, said{list: list, role: role, what: r.String(), actions: r.Actions, resources: r.Resources, when: r.When, unclear: unclear})
		}
	}
	to, from := gained, lost
	given, taken := append(unreadLimit(is), unreadRole(was)...), append(unreadLimit(was), unreadRole(is)...)
	if given != nil {
		to = maybeGained
	}
	if taken != nil {
		from = maybeLost
	}
	add(d.Gained, to, role, given...)
	add(d.Lost, from, cmp.Or(was.role, is.role), taken...)
	add(d.Unclear, unknown, role, plan.Unclear{Why: "its conditions have too many combinations to try them all", Settle: "ask can-i for the action and the resource"})
	if d.Partial {
		out = append(out, said{list: unknown, role: role, what: "more that role " + access.RoleName(role) + " may do",
			unclear: []plan.Unclear{{Why: "its policies have too many patterns to compare them all", Settle: "look at the policies"}}})
	}
	return out
}

func sessionOf(role string) iam.Caller {
	arn, _ := access.ParseARN(role)
	return iam.Caller{Kind: iam.Session, Account: arn.Account, Role: role,
		ARN: "arn:" + arn.Partition + ":sts::" + arn.Account + ":assumed-role/" + access.RoleName(role) + "/session"}
}

// contextOf is what is known of the keys of a session of the role: where it is
// another than it was, nothing that rests on which it is.
func contextOf(was, is side) *iam.Context {
	if was.role != "" && is.role != "" && was.role != is.role {
		return &iam.Context{OthersUnknown: true}
	}
	return nil
}

// unreadLimit says that a side's boundary, or session policy, was not read; nil
// if there is none such.
func unreadLimit(s side) []plan.Unclear {
	switch b := s.policies.Boundary; {
	case b != nil && b.Policy == nil:
		return []plan.Unclear{{Why: "permissions boundary " + b.Name + " was not read", Settle: "let the caller read it (iam:GetPolicy, iam:GetPolicyVersion)"}}
	case slices.ContainsFunc(s.policies.Session, func(s iam.Source) bool { return s.Policy == nil }):
		return []plan.Unclear{{Why: "the session policy cannot be read", Settle: "mend it"}}
	}
	return nil
}

// unreadRole says that what a side's role may do was not read.
func unreadRole(s side) []plan.Unclear {
	if s.read {
		return nil
	}
	return []plan.Unclear{{Why: "what role " + access.RoleName(s.role) + " may do was not read", Settle: "let the caller read the roles of account " + access.AccountOf(s.role) + " (iam:GetAccountAuthorizationDetails)"}}
}

// unread are policies that only one side has and that were not read: by name.
func unread(was, is side) []said {
	var out []said
	add := func(x, o side, list func(*plan.Access) *[]plan.Grant) {
		for _, s := range x.policies.Identity {
			if s.Policy == nil && !slices.ContainsFunc(o.policies.Identity, func(p iam.Source) bool { return p.Name == s.Name }) {
				out = append(out, said{list: list, role: x.role, what: policyWords(s.Name)})
			}
		}
	}
	add(is, was, gained)
	add(was, is, lost)
	limit := func(x, o side, list func(*plan.Access) *[]plan.Grant, does string) {
		b := x.policies.Boundary
		if b == nil || b.Policy != nil || len(o.policies.Identity) == 0 || len(x.policies.Identity) == 0 || o.policies.Boundary != nil && o.policies.Boundary.Name == b.Name {
			return
		}
		out = append(out, said{list: list, role: x.role, what: "what permissions boundary " + lastName(b.Name) + " " + does, unclear: unreadLimit(x)})
	}
	limit(is, was, maybeLost, "does not let through")
	limit(was, is, maybeGained, "did not let through")
	return out
}

func policyWords(name string) string {
	if strings.HasPrefix(name, "arn:") {
		return "managed policy " + lastName(name) + ", which was not read"
	}
	return "what " + name + " says, which cannot be read"
}

// lastName is the name in a policy's ARN, without path.
func lastName(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
