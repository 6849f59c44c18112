package gain

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// Workloads adds to what a plan comes to what it gives and takes ServiceAccounts:
// which may do what on AWS by which role, before and after the changes that may
// be made. It compares statements: what one says in other words, or what a
// wider one of the same conditions says too, is neither gained nor lost. Of
// managed policies it knows the names.
func Workloads(p *plan.Plan, have *access.Snapshot, into *plan.Access) {
	before, after := rolesOf(have), rolesOf(have)
	touched := after.apply(p)
	if len(touched) == 0 {
		return
	}
	documents := map[access.ClusterKey]string{}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Document != "" {
			documents[c.Cluster] = c.Document
		}
	}
	was, is := before.units(touched), after.units(touched)
	all := maps.Clone(was)
	maps.Copy(all, is)
	for _, u := range slices.SortedFunc(maps.Keys(all), unit.compare) {
		g := plan.Grant{Cluster: u.cluster, Document: documents[u.cluster], ServiceAccount: u.account}
		into.Gained = append(into.Gained, touched.grants(g, is[u], was[u], false)...)
		into.Gained = append(into.Gained, touched.grants(g, was[u], is[u], true)...)
		into.Lost = append(into.Lost, touched.grants(g, was[u], is[u], false)...)
		into.Lost = append(into.Lost, touched.grants(g, is[u], was[u], true)...)
	}
}

// unit is a ServiceAccount, or those of a pattern, of a cluster.
type unit struct {
	cluster access.ClusterKey
	account string // namespace/name
}

func (u unit) compare(o unit) int {
	if c := u.cluster.Compare(o.cluster); c != 0 {
		return c
	}
	return strings.Compare(u.account, o.account)
}

// say is a thing that a role lets its bearer do.
type say struct {
	role  string // ARN
	deny  bool   // not to do
	what  string // an action, or words
	where string // on what, if what
}

// touch is what is known of a role that a plan is about.
type touch struct {
	workloads []string
	source    access.Place
}

type touches map[string]touch // by role

// grants are what a unit has in list and not in but, one for each role and
// place; with denied what is forbidden.
func (t touches) grants(g plan.Grant, list, but []say, denied bool) []plan.Grant {
	type group struct{ role, where string }
	actions := map[group][]string{}
	var order []group
	for _, s := range list {
		if s.deny != denied || slices.ContainsFunc(but, func(o say) bool { return covers(o, s) }) {
			continue
		}
		k := group{s.role, s.where}
		if actions[k] == nil {
			order = append(order, k)
		}
		actions[k] = append(actions[k], s.what)
	}
	var out []plan.Grant
	for _, k := range order {
		g.Principal, g.Source = k.role, t[k.role].source
		g.Member = "role/" + access.RoleName(k.role)
		if w := t[k.role].workloads; len(w) > 0 {
			g.Member = "workload/" + strings.Join(w, ", workload/")
		}
		slices.Sort(actions[k])
		g.What = strings.Join(slices.Compact(actions[k]), ", ") + k.where
		if denied {
			g.What += " (by a deny)"
		}
		g.Where = g.ServiceAccount + " as role " + access.RoleName(k.role)
		out = append(out, g)
	}
	return out
}

// covers reports whether o says all that s says, whatever the role.
func covers(o, s say) bool {
	return o.deny == s.deny && action(o.what, s.what) && pattern(o.where, s.where)
}

// pattern reports whether all that matches b matches a: a star of b is matched
// by a star of a alone.
func pattern(a, b string) bool { return a == b || access.MatchPattern(a, b) }

// action is pattern for actions, of which capitals do not count.
func action(a, b string) bool { return pattern(strings.ToLower(a), strings.ToLower(b)) }

// having is roles and who has them.
type having struct {
	roles   map[string]access.HaveRole
	issuers map[string]access.ClusterKey
	pods    map[unit]string // role by ServiceAccount
	gone    map[string]bool // roles that a change takes away
}

func rolesOf(have *access.Snapshot) *having {
	w := &having{roles: map[string]access.HaveRole{}, issuers: map[string]access.ClusterKey{}, pods: map[unit]string{}, gone: map[string]bool{}}
	for i := range have.Accounts {
		for _, r := range have.Accounts[i].Details {
			w.roles[r.ARN] = r
		}
	}
	for i := range have.Clusters {
		h := &have.Clusters[i]
		if h.Issuer != "" {
			w.issuers[h.Issuer] = h.Key
		}
		for _, a := range h.PodIdentities {
			if a.Role != "" {
				w.pods[unit{h.Key, a.Namespace + "/" + a.ServiceAccount}] = a.Role
			}
		}
	}
	return w
}

// apply makes the changes that may be made and gives the roles they are about.
func (w *having) apply(p *plan.Plan) touches {
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
			w.applyRole(c)
		case plan.PodIdentityAssociation:
			u := unit{c.Cluster, c.Namespace + "/" + c.Name}
			if from, ok := c.From.(plan.PodIdentity); ok {
				about(from.Role, c)
				delete(w.pods, u)
			}
			if to, ok := c.To.(plan.PodIdentity); ok {
				about(to.Role, c)
				w.pods[u] = to.Role
			}
		}
	}
	return t
}

func (w *having) applyRole(c *plan.Change) {
	r := w.roles[c.Principal]
	r.Inline, r.Managed = slices.Clone(r.Inline), slices.Clone(r.Managed)
	switch from := c.From.(type) {
	case plan.IAMRole:
		if c.Verb != plan.Update {
			delete(w.roles, from.ARN)
			w.gone[from.ARN] = true
			r = access.HaveRole{}
		}
	case plan.InlinePolicy:
		r.Inline = slices.DeleteFunc(r.Inline, func(q access.RolePolicy) bool { return q.Name == from.Name })
	case plan.Attachment:
		r.Managed = slices.DeleteFunc(r.Managed, func(q string) bool { return q == from.Policy })
	}
	switch to := c.To.(type) {
	case nil:
		if c.Kind == plan.Role {
			return
		}
	case plan.IAMRole:
		r.Trust = to.Trust
	case plan.InlinePolicy:
		r.Inline = append(r.Inline, to.RolePolicy)
	case plan.Attachment:
		r.Managed = append(r.Managed, to.Policy)
	}
	r.ARN = c.Principal
	delete(w.gone, c.Principal)
	w.roles[c.Principal] = r
}

// units are the ServiceAccounts that have one of the roles, with all that these
// let them do.
func (w *having) units(of touches) map[unit][]say {
	out := map[unit][]say{}
	for u, role := range w.pods {
		if _, ok := of[role]; ok {
			out[u] = append(out[u], w.says(role)...)
		}
	}
	for _, role := range slices.Sorted(maps.Keys(of)) {
		for _, u := range w.trusted(w.roles[role].Trust) {
			out[u] = append(out[u], w.says(role)...)
		}
	}
	return out
}

// statement is one of a policy in canonical form.
type statement struct {
	Effect                                   string
	Action, NotAction, Resource, NotResource any
	Principal                                map[string]any
	Condition                                map[string]map[string]any
}

func statementsOf(d access.Document) []statement {
	var doc struct{ Statement []statement }
	if json.Unmarshal([]byte(d), &doc) != nil {
		return nil
	}
	return doc.Statement
}

// values are those of a scalar or a list.
func values(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, x := range v {
			out = append(out, values(x)...)
		}
		return out
	}
	return nil
}

// trusted are the ServiceAccounts that a trust policy lets in by their tokens.
func (w *having) trusted(d access.Document) []unit {
	var out []unit
	for _, s := range statementsOf(d) {
		if s.Effect != "Allow" {
			continue
		}
		for _, provider := range values(s.Principal["Federated"]) {
			_, issuer, _ := strings.Cut(provider, ":oidc-provider/")
			k, ok := w.issuers[issuer]
			if !ok {
				continue
			}
			var subjects []string
			for _, operator := range []string{"StringEquals", "StringLike"} {
				for key, v := range s.Condition[operator] {
					if strings.EqualFold(key, issuer+":sub") {
						subjects = append(subjects, values(v)...)
					}
				}
			}
			if len(subjects) == 0 {
				subjects = []string{"*:*"}
			}
			for _, subject := range subjects {
				out = append(out, unit{k, strings.Replace(strings.TrimPrefix(subject, "system:serviceaccount:"), ":", "/", 1)})
			}
		}
	}
	return out
}

// says is what a role lets its bearer do: an action on a resource at a time.
func (w *having) says(role string) []say {
	r, ok := w.roles[role]
	if w.gone[role] {
		return nil
	}
	if !ok { // not read
		return []say{{role: role, what: "what role " + access.RoleName(role) + " may do"}}
	}
	var out []say
	for _, p := range r.Inline {
		for _, s := range statementsOf(p.Document) {
			out = append(out, s.says(role)...)
		}
	}
	for _, p := range r.Managed {
		out = append(out, say{role: role, what: "managed policy " + p[strings.LastIndexByte(p, '/')+1:]})
	}
	if len(out) == 0 {
		out = append(out, say{role: role, what: "role " + access.RoleName(role) + ", which has no policy"})
	}
	return out
}

func (s *statement) says(role string) []say {
	actions, but := values(s.Action), ""
	if actions == nil {
		actions, but = []string{strings.Join(values(s.NotAction), ", ")}, "all but "
	}
	resources, on := values(s.Resource), " on "
	if resources == nil {
		resources, on = []string{strings.Join(values(s.NotResource), ", ")}, " on all but "
	}
	conditions := ""
	if len(s.Condition) > 0 {
		if b, err := json.Marshal(s.Condition); err == nil { // keys are sorted
			conditions = " if " + string(b)
		}
	}
	var out []say
	for _, a := range actions {
		for _, r := range resources {
			out = append(out, say{role, s.Effect == "Deny", but + a, on + r + conditions})
		}
	}
	return out
}
