package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// Binding is a ClusterRoleBinding or a RoleBinding.
type Binding struct{ access.Binding }

func (b Binding) kind() Kind {
	if b.Namespace == "" {
		return ClusterRoleBinding
	}
	return RoleBinding
}

// WantedBinding is a binding that a document asks for.
type WantedBinding struct {
	access.Binding
	Want *access.WantBinding
	// Pattern is set where the namespaces that match could not be told: the
	// binding stands for one in each, and its Namespace is the pattern.
	Pattern bool
}

// Bindings are the bindings that a cluster's documents come to, sorted by
// namespace and name: one in each namespace that matches a pattern now.
// Without namespaces (nil) a pattern is kept as one; a name that is written
// out needs none. have are bindings that stand: a namespace that has one is
// there. owner signs them.
func Bindings(w *access.WantCluster, owner access.Owner, namespaces []string, have []access.Binding) []WantedBinding {
	var all []WantedBinding
	for i := range w.Bindings {
		want := &w.Bindings[i]
		add := func(namespace string, pattern bool) {
			all = append(all, WantedBinding{Want: want, Pattern: pattern, Binding: access.Binding{
				Namespace: namespace, Name: want.Name, Role: want.Role, Labels: owner.Labels(),
				Subjects: []access.Subject{{Kind: access.GroupSubject, Name: want.Group}},
			}})
		}
		if want.Scope.Cluster {
			add("", false)
			continue
		}
		for _, n := range matching(want, namespaces, have) {
			add(n, false)
		}
		if namespaces != nil {
			continue
		}
		for _, p := range want.Scope.Namespaces {
			if isPattern(p) {
				add(p, true)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b WantedBinding) int { return a.Compare(&b.Binding) })
	return all
}

func isPattern(namespace string) bool { return strings.Contains(namespace, "*") }

// matching are the namespaces in which a wish wants a binding. One that is
// written out and is not there yet wants none: a binding needs its namespace.
func matching(want *access.WantBinding, namespaces []string, have []access.Binding) []string {
	candidates := slices.Clone(namespaces)
	if namespaces == nil {
		for _, p := range want.Scope.Namespaces {
			if !isPattern(p) {
				candidates = append(candidates, p)
			}
		}
		for i := range have {
			if b := &have[i]; b.Namespace != "" && b.Name == want.Name {
				candidates = append(candidates, b.Namespace)
			}
		}
		slices.Sort(candidates)
		candidates = slices.Compact(candidates)
	}
	return slices.DeleteFunc(candidates, func(n string) bool {
		return !slices.ContainsFunc(want.Scope.Namespaces, func(p string) bool { return access.MatchPattern(p, n) })
	})
}

// bindings decides a cluster's bindings by the table that Compute has for
// entries, with these differences: what makes a binding ours is its labels and
// who wrote it; a binding's role cannot be changed, so another role is a
// replace; one in a namespace that is ending is left alone. Where manifests are
// rendered, or nothing of Kubernetes is wanted, nothing is planned.
func (d *differ) bindings(s *site) {
	if s.want != nil && !s.want.Want.Via.Direct() {
		if s.want.Want.Via == access.ViaRender && !d.options.Destroy {
			d.notRendered(s)
		}
		return
	}
	var k access.HaveKubernetes
	if s.have != nil && s.have.Kubernetes != nil {
		k = *s.have.Kubernetes
	}
	var namespaces []string
	if k.NamespacesRead {
		namespaces = append([]string{}, k.Namespaces...)
	}
	wanted := map[string]WantedBinding{}
	if s.want != nil && !d.options.Destroy {
		for _, w := range Bindings(s.want.Want, d.want.Owner, namespaces, k.Bindings) {
			if d.lookedAt(w.Want.Team) {
				wanted[w.Key()] = w
			}
		}
	}
	if s.have != nil && s.have.Kubernetes != nil && k.RBACRead {
		d.plan.Read.Bindings += len(k.Bindings)
	}
	if k.NamespacesRead {
		d.matchesNothing(s, wanted)
	}
	hold := d.bindingHold(s, &k)
	seen := map[string]*access.Binding{}
	for i := range k.Bindings {
		seen[k.Bindings[i].Key()] = &k.Bindings[i]
	}
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		w := wanted[key]
		d.wantedBinding(s, &w, seen[key], hold)
	}
	for i := range k.Bindings {
		b := &k.Bindings[i]
		if _, ok := wanted[b.Key()]; ok || !d.want.Owner.OwnerOfBinding(b, d.want.ForeignTags).Ours || !d.lookedAt(teamOf(b)) {
			continue
		}
		if ending := b.Namespace != "" && k.NamespacesRead && !slices.Contains(k.Namespaces, b.Namespace); ending {
			continue
		}
		c := d.aboutBinding(s, b, nil)
		c.Verb, c.From = Delete, Binding{*b.Clone()}
		d.addBinding(s, c)
	}
}

// Rendered are the bindings of a cluster whose manifests somebody else applies,
// as Bindings has them, in the namespaces that were seen.
func Rendered(w *access.WantCluster, owner access.Owner, have *access.Snapshot) []WantedBinding {
	var namespaces []string
	if h, ok := have.Cluster(w.Key); ok && h.Kubernetes != nil && h.Kubernetes.NamespacesRead {
		namespaces = append([]string{}, h.Kubernetes.Namespaces...)
		for i := range w.Bindings { // who applies the file may make these with it
			namespaces = append(namespaces, slices.DeleteFunc(slices.Clone(w.Bindings[i].Scope.Namespaces), isPattern)...)
		}
		slices.Sort(namespaces)
		namespaces = slices.Compact(namespaces)
	}
	return Bindings(w, owner, namespaces, nil)
}

// notRendered points out the patterns that a cluster's manifests cannot hold.
func (d *differ) notRendered(s *site) {
	for _, b := range Rendered(s.want.Want, d.want.Owner, d.have) {
		if b.Pattern {
			d.warn("render", b.Want.Parts[0].Source.Place, b.Role.String()+` on "`+b.Namespace+`" is not in the manifests of `+s.name()+": its namespaces were not read")
		}
	}
}

// matchesNothing points out patterns and namespaces of a wish in which nothing
// is bound, for no such namespace is there: a run after it is binds it.
func (d *differ) matchesNothing(s *site, wanted map[string]WantedBinding) {
	if s.want == nil || d.options.Destroy {
		return
	}
	for i := range s.want.Want.Bindings {
		w := &s.want.Want.Bindings[i]
		if !d.lookedAt(w.Team) {
			continue
		}
		for _, p := range w.Parts {
			for _, pattern := range p.Scope.Namespaces {
				matches := false
				for _, b := range wanted {
					matches = matches || b.Want == w && access.MatchPattern(pattern, b.Namespace)
				}
				if !matches {
					d.warn("reach", p.Source.Place, w.Role.String()+` on "`+pattern+`" binds nothing on `+s.name()+" now: no namespace matches; run again when one is made")
				}
			}
		}
	}
}

// lookedAt reports whether a run looks at a team's bindings: one that is
// narrowed to people does not, unless the team itself was named.
func (d *differ) lookedAt(team string) bool {
	p := d.have.Part
	return p == nil || len(p.Only) == 0 || slices.Contains(p.Only, "team/"+team)
}

// teamOf is the team whose group a binding of ours binds; empty if that cannot
// be told.
func teamOf(b *access.Binding) string {
	for _, s := range b.Subjects {
		if _, team, ok := access.TeamOfGroup(s.Name); ok && s.Kind == access.GroupSubject {
			return team
		}
	}
	return ""
}

// bindingHold says why no binding can be made on a cluster, if that is so.
func (d *differ) bindingHold(s *site, k *access.HaveKubernetes) *Hold {
	gap, unread := d.have.UnreadKubernetes(s.key, access.GapRBAC)
	hidden, cluster := d.have.Unread(s.key, "")
	_, asked := d.have.Account(s.key.Account)
	switch {
	case s.have == nil && cluster:
		return &Hold{HalfRead, gapWords(hidden)}
	case s.have == nil && !asked:
		return &Hold{HalfRead, "account " + s.key.Account + " was not read"}
	case s.have == nil:
		return &Hold{NoCluster, "account " + s.key.Account + " has no cluster " + s.key.Name + " in " + s.key.Region}
	case unread:
		return &Hold{HalfRead, gapWords(gap)}
	case !k.RBACRead:
		return &Hold{HalfRead, "the roles and bindings of cluster " + s.name() + " were not read"}
	}
	return nil
}

func (d *differ) wantedBinding(s *site, w *WantedBinding, have *access.Binding, hold *Hold) {
	c := d.aboutBinding(s, &w.Binding, w.Want)
	to := w.Clone()
	ours := access.Ownership{Ours: true}
	if have != nil {
		ours = d.want.Owner.OwnerOfBinding(have, d.want.ForeignTags)
		for k, v := range have.Labels { // labels that we do not set are left alone
			if _, set := to.Labels[k]; !set {
				to.Labels[k] = v
			}
		}
		c.From = Binding{*have.Clone()}
	}
	c.To = Binding{*to}
	switch {
	case have == nil:
		c.Verb = Create
	case !ours.Ours && have.SameAccess(to):
		d.foreignBinding(s, have, true)
		return
	case have.Role != to.Role:
		c.Verb = Replace
	case have.SameAccess(to) && maps.Equal(have.Labels, to.Labels):
		return
	default:
		c.Verb = Update
	}
	if !ours.Ours {
		d.foreignBinding(s, have, false)
		c.hold(Hold{ForeignEntry, "the binding is not ours (" + ours.By + "): " + bindingDifference(have, to) + "; let who made it delete it, or take the grant out of the documents"})
	}
	if hold != nil {
		c.hold(*hold)
	}
	if w.Pattern && (hold == nil || hold.Guard != HalfRead) {
		why := "the namespaces of cluster " + s.name() + " were not read"
		if gap, unread := d.have.UnreadKubernetes(s.key, access.GapNamespaces); unread {
			why = gapWords(gap)
		}
		c.hold(Hold{HalfRead, "which namespaces match " + w.Namespace + " is not known: " + why})
	}
	d.addBinding(s, c)
}

func (d *differ) foreignBinding(s *site, b *access.Binding, adoptable bool) {
	f := d.foreignBindingOf(s, b)
	f.Wanted, f.Adoptable = true, adoptable
	d.plan.Foreign = append(d.plan.Foreign, f)
}

// addBinding weighs a change and holds it by what came of trying it.
func (d *differ) addBinding(s *site, c Change) {
	weighBinding(&c)
	d.holdTried(&c, s.have, s.name())
	d.add(c)
}

// holdTried holds a change of an object of a cluster's by what came of trying
// it.
func (d *differ) holdTried(c *Change, have *access.HaveCluster, cluster string) {
	if have == nil || have.Kubernetes == nil || len(c.Held) > 0 {
		return
	}
	kind := writtenKind(c.Kind)
	t, ok := have.Kubernetes.Trial(kind, c.Namespace, c.Name)
	if !ok || t.Refused == "" || t.Verb != trialOf(c.Verb) {
		return
	}
	leave, unasked := "; let it go there, or take the grant out of the documents", ", and whether who applies it may bind that role was not asked"
	if kind != "" {
		leave, unasked = "; let it go there", ""
	}
	switch {
	case t.Unread:
		c.hold(Hold{HalfRead, "the API server of cluster " + cluster + " could not be asked whether it would take it: " + t.Refused})
	case t.Conflict:
		c.hold(Hold{ForeignEntry, "somebody else set what it would change: " + t.Refused + leave})
	case t.Bare && d.options.Looking:
		d.plan.Warnings = append(d.plan.Warnings, Warning{Slug: Refused, Change: c.ID, Source: c.Source,
			Text: "who runs this may not write it on " + cluster + unasked + ": " + t.Refused})
	default:
		c.hold(Hold{Refused, "the API server of cluster " + cluster + " would refuse it: " + t.Refused})
	}
}

// aboutBinding is a change about a binding, before its verb; w is nil where no
// document wants it.
func (d *differ) aboutBinding(s *site, b *access.Binding, w *access.WantBinding) Change {
	c := Change{Kind: Binding{*b}.kind(), Cluster: s.key, Document: s.document(), Namespace: b.Namespace, Name: b.Name}
	c.ID = siteID("binding", s.key, b.Key())
	if b.Namespace == "" {
		c.ID = siteID("clusterbinding", s.key, b.Name)
	}
	team := teamOf(b)
	if w != nil {
		team = w.Team
		if len(w.Parts) > 0 {
			c.Source = w.Parts[0].Source.Place
		}
		for _, p := range w.Parts { // the part that asks for this namespace
			if p.Scope.Covers(access.NamespaceScope(b.Namespace)) && b.Namespace != "" {
				c.Source = p.Source.Place
				break
			}
		}
	}
	if team != "" {
		c.Teams = []string{team}
	}
	return c
}

// weighBinding says what a change of a binding gives and takes.
func weighBinding(c *Change) {
	from, hasFrom := c.From.(Binding)
	to, hasTo := c.To.(Binding)
	for _, side := range []struct {
		has, other  bool
		mine, their *access.Binding
		list        *[]Grant
	}{{hasTo, hasFrom, &to.Binding, &from.Binding, &c.Gained}, {hasFrom, hasTo, &from.Binding, &to.Binding, &c.Lost}} {
		if !side.has {
			continue
		}
		for _, s := range side.mine.Subjects {
			if side.other && side.their.Role == side.mine.Role && slices.Contains(side.their.Subjects, s) {
				continue
			}
			g := c.grant(Grant{Role: side.mine.Role, Scope: access.NamespaceScope(side.mine.Namespace)})
			switch s.Kind {
			case access.GroupSubject:
				g.Group = s.Name
			case access.UserSubject:
				g.Username = s.Name
			default:
				g.Username = "system:serviceaccount:" + s.Namespace + ":" + s.Name
			}
			if side.mine.Namespace == "" {
				g.Scope = access.ClusterScope()
				g.Risks = append(g.Risks, access.RiskWholeCluster)
			}
			*side.list = append(*side.list, g)
		}
	}
}

// bindingDifference says in what two bindings differ, labels aside.
func bindingDifference(from, to *access.Binding) string {
	var diffs []string
	if from.Role != to.Role {
		diffs = append(diffs, "it binds "+from.Role.String()+", wanted is "+to.Role.String())
	}
	if !slices.Equal(from.Subjects, to.Subjects) {
		diffs = append(diffs, "its subjects are "+subjectWords(from.Subjects)+", wanted are "+subjectWords(to.Subjects))
	}
	return cmp.Or(strings.Join(diffs, "; "), "its labels differ")
}

func subjectWords(subjects []access.Subject) string {
	var words []string
	for _, s := range subjects {
		words = append(words, string(s.Kind)+" "+strings.TrimPrefix(s.Namespace+"/"+s.Name, "/"))
	}
	return orNone(strings.Join(words, ", "))
}
