package gain

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/effect"
	"github.com/atlas-iam/atlas-iam/internal/plan"
	"github.com/atlas-iam/atlas-iam/internal/trust"
)

// Workloads adds to what a plan comes to what it gives and takes ServiceAccounts:
// which may do what on AWS by which role, before and after the changes that may
// be made, as iam.Compare has it. Of managed policies that were not read the
// names are said. Clusters and workloads are called as want, the documents, calls
// them.
func Workloads(p *plan.Plan, want *access.State, have *access.Snapshot, into *plan.Access) {
	touched := rolesTouched(p, have)
	if len(touched) == 0 {
		return
	}
	trusts := trustsChanged(p)
	before, after := rolesOf(have, trusts), rolesOf(effect.WorkloadsAfter(have, p), trusts)
	documents := map[access.ClusterKey]string{}
	for i := range want.Clusters {
		documents[want.Clusters[i].Key] = want.Clusters[i].Document
	}
	was, is := before.units(touched), after.units(touched)
	all := maps.Clone(was)
	maps.Copy(all, is)
	w := rightsOfRoles{before: before, after: after, known: map[[2]holding][]said{}}
	for _, u := range slices.SortedFunc(maps.Keys(all), unit.compare) {
		for _, pair := range refusedApart(paired(was[u], is[u])) {
			for _, s := range w.compare(pair) {
				g := plan.Grant{Cluster: u.cluster, Document: documents[u.cluster], ServiceAccount: u.account}
				touched.grant(g, s, want, into)
			}
		}
	}
}

// unit is a ServiceAccount, or those of a pattern, of a cluster.
type unit struct {
	cluster access.ClusterKey
	account string // namespace/name
}

func (u unit) compare(o unit) int {
	return cmp.Or(u.cluster.Compare(o.cluster), strings.Compare(u.account, o.account))
}

// holding is a role that a ServiceAccount has, with its session's policy, and
// whether the session has no tags. The zero value is none.
type holding struct {
	role     string // ARN
	session  access.Document
	untagged bool
	// refused is why nobody comes to the role as long as it is so; empty if its
	// trust policy lets in, or was not read.
	refused string
}

// refusedApart sets apart what is refused: whoever is refused has nothing, so
// what he would have is weighed by itself where it is new.
func refusedApart(pairs [][2]holding) [][2]holding {
	var out [][2]holding
	for _, p := range pairs {
		was, is := p[0], p[1]
		if was.refused != "" {
			was = holding{}
		}
		if is.refused == "" {
			out = append(out, [2]holding{was, is})
			continue
		}
		if was.role != "" {
			out = append(out, [2]holding{was, {}})
		}
		if p[0].refused == "" || p[0].role != is.role {
			out = append(out, [2]holding{{}, is})
		}
	}
	return slices.DeleteFunc(out, func(p [2]holding) bool { return p[0].role == "" && p[1].role == "" })
}

// paired puts what a ServiceAccount has before beside what it has after: the
// same, or the same role, or of what is left the only ones of one account.
func paired(was, is []holding) [][2]holding {
	var out [][2]holding
	was, is = slices.Clone(was), slices.Clone(is)
	take := func(alike func(a, b holding) bool) {
		for i := 0; i < len(was); i++ {
			j := slices.IndexFunc(is, func(b holding) bool { return alike(was[i], b) })
			if j < 0 {
				continue
			}
			out = append(out, [2]holding{was[i], is[j]})
			was, is = slices.Delete(was, i, i+1), slices.Delete(is, j, j+1)
			i--
		}
	}
	take(func(a, b holding) bool { return a == b })
	take(func(a, b holding) bool { return a.role == b.role })
	if len(was) == 1 && len(is) == 1 {
		take(func(a, b holding) bool { return access.AccountOf(a.role) == access.AccountOf(b.role) })
	}
	for _, h := range was {
		out = append(out, [2]holding{h, {}})
	}
	for _, h := range is {
		out = append(out, [2]holding{{}, h})
	}
	return out
}

// touch is what is known of a role that a plan is about.
type touch struct {
	workloads []string
	source    access.Place
}

type touches map[string]touch // by role

// grant adds a finding of a ServiceAccount's to the list where it belongs.
func (t touches) grant(g plan.Grant, s said, want *access.State, into *plan.Access) {
	g.Principal, g.Source = s.role, t[s.role].source
	g.Member = "role/" + access.RoleName(s.role)
	if w := t[s.role].workloads; len(w) > 0 {
		g.Member = "workload/" + strings.Join(w, ", workload/")
	} else if w, place := workloadOf(want, g.ServiceAccount); w != "" {
		g.Member, g.Source = "workload/"+w, place
	}
	g.What, g.Where = s.what, g.ServiceAccount+" as role "+access.RoleName(s.role)
	g.Actions, g.Resources, g.When = s.actions, s.resources, s.when
	g.Unclear = s.unclear
	list := s.list(into)
	*list = append(*list, g)
}

// workloadOf is the only workload that has a ServiceAccount, or a pattern, by the
// documents, on whatever cluster: whose a role was that no document wants any
// more. Empty if there is none such.
func workloadOf(want *access.State, account string) (name string, place access.Place) {
	namespace, of, _ := strings.Cut(account, "/")
	for i := range want.Workloads {
		for _, a := range want.Workloads[i].Accounts {
			switch w := want.Workloads[i].Name; {
			case !a.Matches(namespace, of) || name == w:
			case name != "":
				return "", access.Place{}
			default:
				name, place = w, a.Place
			}
		}
	}
	return name, place
}

// having is roles and who has them.
type having struct {
	roles    map[string]access.HaveRole
	policies map[string]access.Document // managed ones that were read, by ARN
	issuers  map[string]access.ClusterKey
	pods     map[unit]holding
	read     map[string]bool // accounts whose roles were read whole
	trusts   map[string]bool // roles whose trust policy the plan changes
}

func rolesOf(have *access.Snapshot, trusts map[string]bool) *having {
	w := &having{trusts: trusts, roles: map[string]access.HaveRole{}, policies: map[string]access.Document{}, issuers: map[string]access.ClusterKey{}, pods: map[unit]holding{}, read: map[string]bool{}}
	for i := range have.Accounts {
		for _, r := range have.Accounts[i].Details {
			w.roles[r.ARN] = r
		}
		maps.Copy(w.policies, have.Accounts[i].Policies)
		w.read[have.Accounts[i].Account.ID] = have.Accounts[i].DetailsRead
	}
	for i := range have.Clusters {
		h := &have.Clusters[i]
		if h.Issuer != "" {
			w.issuers[h.Issuer] = h.Key
		}
		for _, a := range h.PodIdentities {
			if a.Role != "" && !w.refuses(a.Role, a.Trust(h.Key), "") {
				x := held(a)
				x.refused = w.refusesChain(h.Key, &a)
				w.pods[unit{h.Key, a.Namespace + "/" + a.ServiceAccount}] = x
			}
		}
	}
	return w
}

// held is what an association gives: at the end of a chain the target alone.
func held(a access.PodIdentityAssociation) holding {
	return holding{role: cmp.Or(a.TargetRole, a.Role), session: a.SessionPolicy, untagged: a.DisableSessionTags}
}

// refusesChain says that the role at the end of a chain surely does not let the
// association's role in; "" where it does, is none, or was not read.
func (w *having) refusesChain(k access.ClusterKey, a *access.PodIdentityAssociation) string {
	target, read := w.roles[a.TargetRole]
	if !read || len(trust.TargetLacks(target.Trust, a.Role, a.Trust(k))) == 0 {
		return ""
	}
	return "target role " + access.RoleName(a.TargetRole) + " does not let role " + access.RoleName(a.Role) + " in"
}

// trustsChanged are the roles whose trust policy the changes to be made change.
func trustsChanged(p *plan.Plan) map[string]bool {
	out := map[string]bool{}
	for i := range p.Changes {
		c := &p.Changes[i]
		from, hadFrom := c.From.(plan.IAMRole)
		to, hasTo := c.To.(plan.IAMRole)
		if c.Verb == plan.Update && len(c.Held) == 0 && hadFrom && hasTo && !from.Trust.Same(to.Trust) {
			out[to.ARN] = true
		}
	}
	return out
}

// refuses reports whether a role whose trust policy the plan changes surely lets
// a ServiceAccount not in. provider is the ARN of a token's.
func (w *having) refuses(role string, t access.WantTrust, provider string) bool {
	if !w.trusts[role] || strings.Contains(t.Namespace+t.Name, "*") {
		return false
	}
	statements, _ := trust.Want([]access.WantTrust{t}, func(access.ClusterKey) (trust.Issuer, bool) { return trust.Issuer{Provider: provider}, true })
	return len(trust.Lacks(w.roles[role].Trust, statements)) > 0
}

// rolesTouched are the roles that the changes to be made are about, those at the
// end of a chain too.
func rolesTouched(p *plan.Plan, have *access.Snapshot) touches {
	t := touches{}
	about := func(role string, c *plan.Change) {
		if role == "" {
			return
		}
		x := t[role]
		x.workloads = append(x.workloads, c.Workloads...)
		slices.Sort(x.workloads)
		x.workloads = slices.Compact(x.workloads)
		if x.source == (access.Place{}) {
			x.source = c.Source
		}
		t[role] = x
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		if len(c.Held) > 0 {
			continue
		}
		switch c.Kind {
		case plan.Role, plan.RolePolicy, plan.RoleAttachment:
			about(c.Principal, c)
			for _, target := range targetsOf(have, c) {
				about(target, c)
			}
		case plan.PodIdentityAssociation:
			for _, value := range []plan.Object{c.From, c.To} {
				if a, ok := value.(plan.PodIdentity); ok {
					about(held(a.PodIdentityAssociation).role, c)
				}
			}
		}
	}
	return t
}

// units are the ServiceAccounts that have one of the roles.
func (w *having) units(of touches) map[unit][]holding {
	out := map[unit][]holding{}
	add := func(u unit, h holding) {
		_, there := w.roles[h.role]
		if (there || !w.read[access.AccountOf(h.role)]) && !slices.Contains(out[u], h) {
			out[u] = append(out[u], h)
		}
	}
	for u, h := range w.pods {
		if _, ok := of[h.role]; ok {
			add(u, h)
		}
	}
	for _, role := range slices.Sorted(maps.Keys(of)) {
		for _, u := range w.trusted(role) {
			add(u, holding{role: role})
		}
	}
	return out
}

// targetsOf are the roles at the end of chains from a role whose own change it
// is.
func targetsOf(have *access.Snapshot, c *plan.Change) []string {
	var out []string
	for i := range have.Clusters {
		for _, a := range have.Clusters[i].PodIdentities {
			if c.Kind == plan.Role && a.Role == c.Principal && a.TargetRole != "" {
				out = append(out, a.TargetRole)
			}
		}
	}
	return out
}

// trusted are the ServiceAccounts that a role's trust policy lets in by their
// tokens.
func (w *having) trusted(role string) []unit {
	policy, err := iam.Parse(iam.Trust, string(w.roles[role].Trust))
	if err != nil {
		return nil
	}
	var out []unit
	for _, s := range policy.Statements {
		if s.Effect != iam.Allow {
			continue
		}
		for _, p := range s.Principals {
			_, issuer, _ := strings.Cut(p.Value, ":oidc-provider/")
			k, ok := w.issuers[issuer]
			if p.Type != "Federated" || !ok {
				continue
			}
			var subjects []string
			for _, c := range s.Conditions {
				if o := c.Operator.String(); (o == "StringEquals" || o == "StringLike") && strings.EqualFold(c.Key, issuer+":sub") {
					subjects = append(subjects, c.Values...)
				}
			}
			if len(subjects) == 0 {
				subjects = []string{"*:*"}
			}
			for _, subject := range subjects {
				namespace, name, _ := strings.Cut(strings.TrimPrefix(subject, "system:serviceaccount:"), ":")
				if !w.refuses(role, access.WantTrust{Credentials: access.IRSA, Cluster: k, Namespace: namespace, Name: name}, p.Value) {
					out = append(out, unit{k, namespace + "/" + name})
				}
			}
		}
	}
	return out
}
