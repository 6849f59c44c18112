package guard

import (
	"maps"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
	"github.com/atlas-iam/atlas-iam/internal/trust"
)

// workloads judges what a plan gives workloads: the trust of their roles, what
// those may do, and who comes to them.
type workloads struct {
	in    *plan.Input
	want  map[string]*access.WantRole // by ARN
	have  map[string]*access.HaveRole
	found plan.Findings
	// before and after are what was found in roles' rights, by ARN: many
	// ServiceAccounts may be given one.
	before, after map[string][]trust.Danger
	judged        map[string]bool               // roles, by ARN, that a change gives and that were judged with it
	makers        map[access.ClusterKey][]maker // as makersOn gives them
	roles         map[access.ClusterKey][]access.KubernetesRole
	chains        map[string]bool // by podOf, that a change makes and that were judged with it
	takers        []*plan.Change  // as takersOf gives them
}

// judgedBefore and judgedAfter are the dangers of what a role may do.
func (w *workloads) judgedBefore(arn string) []trust.Danger {
	return remember(w.before, arn, func() trust.Rights { return w.rightsBefore(arn) })
}

func (w *workloads) judgedAfter(arn string) []trust.Danger {
	return remember(w.after, arn, func() trust.Rights { return w.rightsAfter(arn) })
}

func remember(known map[string][]trust.Danger, arn string, of func() trust.Rights) []trust.Danger {
	d, ok := known[arn]
	if !ok {
		d = trust.JudgeRights(of())
		known[arn] = d
	}
	return d
}

// workloadPrivilege is the part of guard privilege that is about workloads.
func workloadPrivilege(in *plan.Input) plan.Findings {
	w := &workloads{in: in, want: map[string]*access.WantRole{}, have: map[string]*access.HaveRole{},
		before: map[string][]trust.Danger{}, after: map[string][]trust.Danger{}, judged: map[string]bool{}, makers: map[access.ClusterKey][]maker{}, roles: map[access.ClusterKey][]access.KubernetesRole{}, chains: map[string]bool{}, takers: takersOf(in.Plan)}
	if !slices.ContainsFunc(in.Plan.Changes, func(c plan.Change) bool { return c.Kind.Workload() || len(c.Gained) > 0 }) &&
		!slices.ContainsFunc(in.Want.Roles, func(r access.WantRole) bool { return r.Existing }) &&
		!slices.ContainsFunc(in.Want.Workloads, func(x access.WantWorkload) bool { return x.Target != "" }) {
		return w.found
	}
	for i := range in.Want.Roles {
		w.want[in.Want.Roles[i].ARN] = &in.Want.Roles[i]
	}
	for i := range in.Have.Accounts {
		for j := range in.Have.Accounts[i].Details {
			r := &in.Have.Accounts[i].Details[j]
			w.have[r.ARN] = r
		}
	}
	for _, arn := range slices.Sorted(maps.Keys(w.want)) {
		w.trusted(arn)
		w.opened(arn)
		w.rights(arn)
	}
	for i := range in.Plan.Changes {
		c := &in.Plan.Changes[i]
		w.given(c)
		w.chained(c)
	}
	for i := range in.Want.Roles {
		w.standing(&in.Want.Roles[i])
		w.running(&in.Want.Roles[i])
	}
	w.standingChains()
	w.namespaceMakers()
	w.neighbours()
	return w.found
}

func (w *workloads) hold(c *plan.Change, reason string) {
	w.found.Holds = append(w.found.Holds, plan.Finding{Change: c.ID, Reason: reason})
}

func (w *workloads) warn(slug string, c *plan.Change, text string) {
	w.found.Warnings = append(w.found.Warnings, plan.Warning{Slug: slug, Change: c.ID, Text: text, Source: c.Source})
}

// changesOf are the plan's changes of a role itself and of its policies.
func (w *workloads) changesOf(arn string) []*plan.Change {
	var out []*plan.Change
	for i := range w.in.Plan.Changes {
		switch c := &w.in.Plan.Changes[i]; c.Kind {
		case plan.Role, plan.RolePolicy, plan.RoleAttachment:
			if c.Principal == arn {
				out = append(out, c)
			}
		}
	}
	return out
}

// about is what is known around a role.
func (w *workloads) about(arn string) trust.About {
	return trust.AboutRole(w.in.Have, arn, w.want[arn])
}

// trusted judges the trust policy that a role of ours gets. What its policy
// says already, as of others' statements in a role that was adopted, is pointed
// out.
func (w *workloads) trusted(arn string) {
	for _, c := range w.changesOf(arn) {
		to, ok := c.To.(plan.IAMRole)
		if !ok || to.Trust == "" {
			continue
		}
		var before []trust.Danger
		if from, ok := c.From.(plan.IAMRole); ok && from.Trust != "" && c.Verb != plan.Replace {
			before = trust.Judge(from.Trust, w.about(arn))
		}
		for _, d := range trust.Judge(to.Trust, w.about(arn)) {
			text := "the trust policy of role " + roleWords(arn) + ": " + d.String()
			if d.Severity == trust.Hold && !slices.Contains(before, d) {
				w.hold(c, text)
			} else {
				w.warn("trust", c, text)
			}
		}
	}
}

// opened holds what gives more to a role of ours that somebody opened to others
// than its ServiceAccounts: they would have it too.
func (w *workloads) opened(arn string) {
	h := w.have[arn]
	if h == nil || w.want[arn] == nil || w.want[arn].Existing {
		return
	}
	others := slices.DeleteFunc(trust.Others(h.Trust, w.about(arn)), func(o trust.Other) bool { return len(o.Holds) == 0 })
	if len(others) == 0 {
		return
	}
	more := trust.Narrows(arn, w.rightsAfter(arn).Inline, w.rightsBefore(arn).Inline)
	for _, c := range w.changesOf(arn) {
		if c.To != nil && (c.Kind == plan.RoleAttachment || c.Kind == plan.RolePolicy && more) {
			w.hold(c, "role "+roleWords(arn)+" is open: "+others[0].Lets+", so that "+others[0].Holds[0].Leads+", and would have this too; take that statement out of its trust policy first")
		}
	}
}

// roleWords is a role's name with its account.
func roleWords(arn string) string {
	p, err := access.ParseIAMPrincipal(arn)
	if err != nil {
		return arn
	}
	return p.Name + " of " + p.Account
}

// rightsBefore and rightsAfter are what a role may do. Of policies that others
// manage the names count.
func (w *workloads) rightsBefore(arn string) trust.Rights {
	r := trust.Rights{Role: arn}
	if h := w.have[arn]; h != nil {
		r.Inline, r.Managed, r.Boundary = h.Inline, h.Managed, w.boundary(h.Boundary)
	}
	return r
}

// boundary is a permissions boundary as far as it was read.
func (w *workloads) boundary(arn string) *access.RolePolicy {
	for i := range w.in.Have.Accounts {
		if d, ok := w.in.Have.Accounts[i].Policies[arn]; ok {
			return &access.RolePolicy{Name: arn, Document: d}
		}
	}
	return nil
}

func (w *workloads) rightsAfter(arn string) trust.Rights {
	want := w.want[arn]
	if want == nil || want.Existing {
		return w.rightsBefore(arn)
	}
	return trust.Rights{Role: arn, Inline: want.Inline, Managed: want.Managed, Boundary: w.boundary(want.Boundary)}
}

// rights holds what newly gives a role a way to more than it says: the change
// without which there is none, or all that give something.
func (w *workloads) rights(arn string) {
	changes := w.changesOf(arn)
	if len(changes) == 0 {
		return
	}
	before, after := w.judgedBefore(arn), w.rightsAfter(arn)
	for _, d := range w.judgedAfter(arn) {
		if slices.Contains(before, d) {
			continue
		}
		text := "role " + roleWords(arn) + ": " + d.String()
		if r := w.want[arn]; r.Boundary != "" && after.Boundary == nil {
			text += "; whether its permissions boundary stops that is not known: it was not read"
		}
		var culprits []*plan.Change
		for _, c := range changes {
			if c.Kind != plan.Role && !slices.Contains(trust.JudgeRights(without(after, c)), d) {
				culprits = append(culprits, c)
			}
		}
		if len(culprits) == 0 {
			culprits = slices.DeleteFunc(slices.Clone(changes), func(c *plan.Change) bool { return c.Kind == plan.Role || c.To == nil })
		}
		for _, c := range culprits {
			w.hold(c, text)
		}
	}
}

// without is what a role may do if one change is not made.
func without(r trust.Rights, c *plan.Change) trust.Rights {
	r.Inline, r.Managed = slices.Clone(r.Inline), slices.Clone(r.Managed)
	if to, ok := c.To.(plan.InlinePolicy); ok {
		r.Inline = slices.DeleteFunc(r.Inline, func(p access.RolePolicy) bool { return p.Name == to.Name })
	}
	if from, ok := c.From.(plan.InlinePolicy); ok {
		r.Inline = append(r.Inline, from.RolePolicy)
	}
	if to, ok := c.To.(plan.Attachment); ok {
		r.Managed = slices.DeleteFunc(r.Managed, func(p string) bool { return p == to.Policy })
	}
	if from, ok := c.From.(plan.Attachment); ok {
		r.Managed = append(r.Managed, from.Policy)
	}
	return r
}

// gives is the role that a change newly gives to a ServiceAccount.
func gives(c *plan.Change) (role string) {
	switch to := c.To.(type) {
	case plan.PodIdentity:
		if from, ok := c.From.(plan.PodIdentity); !ok || from.Role != to.Role {
			return to.Role
		}
	case plan.KubernetesAccount:
		if from, ok := c.From.(plan.KubernetesAccount); !ok || from.Role != to.Role {
			return to.Role
		}
	}
	return ""
}

// given judges a role as it is newly given to a ServiceAccount, or made to be.
func (w *workloads) given(c *plan.Change) {
	role := gives(c)
	if c.Kind == plan.Role && c.To != nil {
		role = c.Principal
	}
	if role == "" {
		return
	}
	if why := w.nobodys(role); why != "" {
		w.hold(c, "role "+roleWords(role)+" is "+why)
		return
	}
	if c.Kind == plan.Role {
		return
	}
	w.judged[role] = true
	// What stands already; what is new holds the changes that bring it.
	before := w.judgedBefore(role)
	for _, d := range w.judgedAfter(role) {
		if slices.Contains(before, d) {
			w.hold(c, "role "+roleWords(role)+": "+d.String())
		}
	}
	h := w.have[role]
	if r := w.want[role]; h == nil || r != nil && !r.Existing {
		return
	}
	for _, d := range trust.Judge(h.Trust, w.about(role)) {
		text := "the trust policy of role " + roleWords(role) + ": " + d.String()
		if d.Severity == trust.Hold {
			w.hold(c, text)
		} else {
			w.warn("trust", c, text)
		}
	}
}

// standing points out of another's role what would hold it if a change gave it
// now. By IRSA no change may ever: the role is there, and a chart annotates the
// ServiceAccount.
func (w *workloads) standing(r *access.WantRole) {
	h := w.have[r.ARN]
	if !r.Existing || h == nil || w.judged[r.ARN] {
		return
	}
	warn := func(slug, text string) {
		w.found.Warnings = append(w.found.Warnings, plan.Warning{Slug: slug, Text: text, Source: r.Place})
	}
	if why := w.nobodys(r.ARN); why != "" {
		warn("privilege", "role "+roleWords(r.ARN)+", which "+w.workloadOf(r.ARN)+" has, is "+why)
	}
	for _, d := range w.judgedBefore(r.ARN) {
		warn("privilege", "role "+roleWords(r.ARN)+": "+d.String())
	}
	for _, d := range trust.Judge(h.Trust, w.about(r.ARN)) {
		if d.Severity == trust.Hold {
			warn("trust", "the trust policy of role "+roleWords(r.ARN)+": "+d.String())
		}
	}
}

// nobodys says why a role is none that a workload may have; "" if it may.
func (w *workloads) nobodys(role string) string {
	id, ok := access.PrincipalKeyOf(role)
	if !ok {
		return ""
	}
	if p, _ := access.ParseIAMPrincipal(role); p.ServiceLinked() {
		return "a service-linked role, which AWS alone may use"
	}
	if self, _ := callers(w.in.Have); self[id] {
		return "the one that runs this: whoever has the pod would run it"
	}
	for i := range w.in.Want.Clusters {
		for _, m := range w.in.Want.Clusters[i].Protect {
			if names(m.Member, role) {
				return "protected by " + m.Place.String() + ": a role for emergencies is no program's"
			}
		}
	}
	if r := w.want[role]; r != nil && !r.Existing {
		return "" // what the documents make it is in the plan
	}
	for i := range w.in.Have.Clusters {
		h := &w.in.Have.Clusters[i]
		if e, ok := h.Entry(role); ok && slices.ContainsFunc(e.Associations, administers) {
			return "an administrator of cluster " + h.Key.Name
		}
	}
	return ""
}

// chained judges the role at the end of a chain, at both ends.
func (w *workloads) chained(c *plan.Change) {
	to, ok := c.To.(plan.PodIdentity)
	if !ok || to.TargetRole == "" {
		return
	}
	if from, ok := c.From.(plan.PodIdentity); ok && from.TargetRole == to.TargetRole && from.Role == to.Role && from.DisableSessionTags == to.DisableSessionTags {
		return
	}
	if why := w.nobodys(to.TargetRole); why != "" {
		w.hold(c, "target role "+roleWords(to.TargetRole)+" is "+why)
		return
	}
	w.chains[podOf(c.Cluster, &to.PodIdentityAssociation)] = true
	for _, lacks := range w.endsLack(c.Cluster, &to.PodIdentityAssociation) {
		w.warn("target", c, lacks)
	}
	h := w.have[to.TargetRole]
	if h == nil {
		return // of an account that was not read, or not there: EKS and STS refuse it
	}
	about := w.about(to.TargetRole)
	about.Source = to.Role
	for _, d := range trust.Judge(h.Trust, about) {
		text := "the trust policy of target role " + roleWords(to.TargetRole) + ": " + d.String()
		if d.Severity == trust.Hold {
			w.hold(c, text)
		} else {
			w.warn("trust", c, text)
		}
	}
}

// podOf names an association: the ServiceAccount on its cluster.
func podOf(k access.ClusterKey, a *access.PodIdentityAssociation) string {
	return k.String() + " " + a.Namespace + "/" + a.ServiceAccount
}

// endsLack says what the two ends of a chain lack so that pods come to the
// target role's credentials; of a target that was not read nothing.
func (w *workloads) endsLack(k access.ClusterKey, a *access.PodIdentityAssociation) []string {
	var out []string
	if lacks := trust.LacksChain(w.rightsAfter(a.Role), a.TargetRole, a.DisableSessionTags); len(lacks) > 0 {
		out = append(out, "role "+roleWords(a.Role)+" may not do "+list(lacks)+" on "+a.TargetRole+": its pods get no credentials of it; add that to its statements")
	}
	h := w.have[a.TargetRole]
	if h == nil {
		return out
	}
	for _, s := range trust.TargetLacks(h.Trust, a.Role, a.Trust(k)) {
		out = append(out, "target role "+roleWords(a.TargetRole)+" does not let "+a.Role+" in; add to its trust policy: "+s.JSON)
	}
	return out
}

// standingChains points out of a chain that no change makes what its ends lack,
// in every plan until they have it: its pods are refused as long.
func (w *workloads) standingChains() {
	for i := range w.in.Want.Clusters {
		k := w.in.Want.Clusters[i].Key
		h, ok := w.in.Have.Cluster(k)
		if !ok || !w.in.Have.Part.HasCluster(k) {
			continue
		}
		for j := range h.PodIdentities {
			a := &h.PodIdentities[j]
			want, _, ok := w.in.Want.Clusters[i].PodIdentity(a.Namespace, a.ServiceAccount)
			if !ok || a.TargetRole == "" || a.TargetRole != want.TargetRole || a.Role != want.Role || w.chains[podOf(k, a)] {
				continue
			}
			for _, lacks := range w.endsLack(k, a) {
				w.found.Warnings = append(w.found.Warnings, plan.Warning{Slug: "target", Text: lacks, Source: want.Place})
			}
		}
	}
}

// workloadOf names whose a role is.
func (w *workloads) workloadOf(role string) string {
	if r := w.want[role]; r != nil && len(r.Workloads) > 0 {
		return "workload " + strings.Join(r.Workloads, ", ")
	}
	return "role " + roleWords(role)
}
