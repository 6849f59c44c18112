package plan

import (
	"maps"
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
	f, key := d.foreignBindingOf(s, have), bindingKeys(s, have)[0]
	maps.Copy(to.Labels, w.Labels)
	c := d.aboutBinding(s, have, w.Want)
	c.Verb, c.From, c.To = Update, Binding{*have.Clone()}, Binding{*to}
	switch {
	case len(f.Marks) > 0:
		c.hold(Hold{AdoptNarrows, "it stays another's (" + owner.By + "): " + f.Release(key)})
	case f.Environment != "" && !named:
		c.hold(Hold{AdoptNarrows, "it belongs to " + owner.By + ": " + f.Release(key)})
	}
	if !have.SameAccess(&w.Binding) {
		c.hold(Hold{AdoptNarrows, "the documents want it otherwise, so the next plan would take access: " + bindingDifference(have, &w.Binding) + "; let who made it delete it"})
	}
	d.add(c)
}
