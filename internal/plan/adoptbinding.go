package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// adoptBindings plans the labels that make others' bindings ours, of those that
// the documents want in the same place. left are the keys still to be found;
// all says that none were given.
func (d *differ) adoptBindings(s *site, left map[string]bool, all bool) {
	k := s.have.Kubernetes
	if k == nil || !k.RBACRead || s.want.Want.Via != access.ViaDirect {
		return
	}
	var namespaces []string
	if k.NamespacesRead {
		namespaces = append([]string{}, k.Namespaces...)
	}
	for _, w := range Bindings(s.want.Want, d.want.Owner, namespaces, k.Bindings) {
		have, there := k.Binding(w.Namespace, w.Name)
		owner := access.Ownership{}
		if there {
			owner = d.want.Owner.OwnerOfBinding(have, d.want.ForeignTags)
		}
		if !there || owner.Ours || !d.lookedAt(w.Want.Team) {
			continue
		}
		named := false
		for _, key := range bindingKeys(s, have) {
			named = named || left[key]
			delete(left, key)
		}
		if named || all {
			d.adoptBinding(s, &w, have, owner, named)
		}
	}
}

// bindingKeys are the names under which adopt takes a binding.
func bindingKeys(s *site, b *access.Binding) []string {
	kind := strings.ToLower(b.Kind())
	return []string{kind + "/" + s.document() + "/" + b.Key(), siteID(kind, s.key, b.Key())}
}

func (d *differ) adoptBinding(s *site, w *WantedBinding, have *access.Binding, owner access.Ownership, named bool) {
	to := have.Clone()
	if to.Labels == nil {
		to.Labels = map[string]string{}
	}
	by := to.Labels[access.LabelManagedBy]
	maps.Copy(to.Labels, w.Labels)
	c := d.aboutBinding(s, have, w.Want)
	c.Verb, c.From, c.To = Update, Binding{*have.Clone()}, Binding{*to}
	after := to.Clone()
	after.Managers = append(slices.Clone(after.Managers), access.FieldManager)
	_, environment := have.Labels[access.TagEnvironment]
	switch stays := d.want.Owner.OwnerOfBinding(after, d.want.ForeignTags); {
	case by != "" && by != access.FieldManager:
		c.hold(Hold{AdoptNarrows, "it stays another's: label " + access.LabelManagedBy + "=" + by + "; release it there and take the label off first"})
	case !stays.Ours:
		c.hold(Hold{AdoptNarrows, "it stays another's: " + stays.By + "; release it there and take the mark off first"})
	case environment && have.Labels[access.TagID] != d.want.Owner.ID && !named:
		c.hold(Hold{AdoptNarrows, "it belongs to " + owner.By + "; name its key to take it over"})
	}
	if !have.SameAccess(&w.Binding) {
		c.hold(Hold{AdoptNarrows, "the documents want it otherwise, so the next plan would take access: " + bindingDifference(have, &w.Binding)})
	}
	d.add(c)
}
