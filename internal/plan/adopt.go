package plan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// AdoptError says why a key given to Adoptions names nothing to adopt.
type AdoptError struct{ Key, Reason string }

func (e *AdoptError) Error() string { return "adopt " + e.Key + ": " + e.Reason }

// Adoptions says how to make foreign entries ours: by our tags alone, as a
// plan of one tag update an entry, and by our labels of bindings. keys are
// entry/CLUSTER/ARN, role/ACCOUNT/NAME, association/CLUSTER/NAMESPACE/NAME,
// rolebinding/CLUSTER/NAMESPACE/NAME and clusterrolebinding/CLUSTER/NAME, the
// cluster by its document's name or as account/region/name, the account by name
// or digits; without keys it is everything wanted, and what is of
// another environment is held.
//
// Adopting never narrows, now or by the plan that follows: an entry that gives
// more than the documents want is held by "adopt-narrows" with the difference,
// and so is one that would stay foreign, for another tool's mark is on it.
// guards judge the plan as in Compute. Errors are *AdoptError, joined.
func Adoptions(want *access.State, have *access.Snapshot, keys []string, guards ...Guard) (*Plan, error) {
	d := newDiffer(want, have, Options{})
	resolved := Resolve(want, have)
	left := map[string]bool{}
	for _, k := range keys {
		left[k] = true
	}
	for i := range resolved.Clusters {
		w := &resolved.Clusters[i]
		h, ok := have.Cluster(w.Want.Key)
		if !ok || !have.Part.HasCluster(w.Want.Key) {
			continue
		}
		s := &site{key: w.Want.Key, want: w, have: h}
		d.adoptBindings(s, left, len(keys) == 0)
		for i := range w.Entries {
			e, ok := h.Entry(w.Entries[i].Principal.ARN)
			if !ok || !have.Part.HasPrincipal(e.Principal) {
				continue
			}
			named := false
			for _, key := range entryKeys(s, e) {
				named = named || left[key]
				delete(left, key)
			}
			if named || len(keys) == 0 {
				d.adopt(s, &w.Entries[i], e, named)
			}
		}
	}
	d.adoptWorkloads(left, len(keys) == 0)
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(left)) {
		errs = append(errs, &AdoptError{key, whyNotAdopted(resolved, have, key)})
	}
	d.plan.sort(have)
	judge(&Input{Want: want, Have: have, Plan: d.plan}, guards)
	return d.plan, errors.Join(errs...)
}

// entryKeys are the names under which adopt takes an entry.
func entryKeys(s *site, e *access.Entry) []string {
	return []string{"entry/" + s.document() + "/" + e.Principal, siteID("entry", s.key, e.Principal)}
}

// whyNotAdopted explains a key that no wanted and seen entry has.
func whyNotAdopted(r *Resolved, have *access.Snapshot, key string) string {
	if kind, _, _ := strings.Cut(key, "/"); kind != "entry" {
		if kind == "rolebinding" || kind == "clusterrolebinding" {
			return "no such binding of others was seen that a document wants"
		}
		if kind == "role" || kind == "association" {
			return "no such " + kind + " of others was seen that a document wants"
		}
		return "want entry/CLUSTER/ARN, role/ACCOUNT/NAME, association/CLUSTER/NAMESPACE/SERVICEACCOUNT, rolebinding/CLUSTER/NAMESPACE/NAME or clusterrolebinding/CLUSTER/NAME"
	}
	for i := range have.Clusters {
		h := &have.Clusters[i]
		s := &site{key: h.Key, have: h}
		s.want, _ = r.Cluster(h.Key)
		for i := range h.Entries {
			if slices.Contains(entryKeys(s, &h.Entries[i]), key) {
				return "the entry is there, but no document wants it; only what is wanted can be adopted"
			}
		}
	}
	return "no such entry was seen"
}

// adopt plans the tags that make one entry ours. named says that the user
// named it, which it takes to take it over from another environment.
func (d *differ) adopt(s *site, w *ResolvedEntry, have *access.Entry, named bool) {
	owner := d.want.Owner.OwnerOf(have.Tags, d.want.ForeignTags)
	if owner.Ours {
		return
	}
	to := withoutPolicies(have)
	if to.Tags == nil {
		to.Tags = map[string]string{}
	}
	maps.Copy(to.Tags, d.tags)
	c := d.about(s, w)
	c.ID, c.Verb, c.Kind = siteID("entry", s.key, have.Principal), Update, AccessEntry
	c.From, c.To = Entry{withoutPolicies(have)}, Entry{to}
	f := d.foreignEntry(s, have)
	if by := d.want.Owner.OwnerOf(to.Tags, d.want.ForeignTags); !by.Ours {
		c.hold(Hold{AdoptNarrows, "it stays another's (" + by.By + "): " + f.Release(entryKeys(s, have)[0])})
	} else if f.Environment != "" && !named {
		c.hold(Hold{AdoptNarrows, "it belongs to " + owner.By + ": " + f.Release(entryKeys(s, have)[0])})
	}
	if w.Conflict != "" {
		c.hold(Hold{Conflict, w.Conflict})
	}
	switch lost, other := d.lostByAdopting(s, w, have); {
	case other:
		c.hold(Hold{AdoptNarrows, "it is another entry than the documents want, so the next plan would make it anew: " + lost + "; let who made it delete it"})
	case lost != "":
		c.hold(Hold{AdoptNarrows, "the documents want less than it gives, so the next plan would take access: " + lost + "; let them want that too, adopt it, then narrow them"})
	}
	d.add(c)
}

// lostByAdopting says what the plan after the adoption would take; other says
// that it is of another type, so that the plan would make it anew.
func (d *differ) lostByAdopting(s *site, w *ResolvedEntry, have *access.Entry) (words string, other bool) {
	var lost []string
	for _, c := range d.diff(s, w, have) {
		if c.Verb == Replace {
			// A dead entry gives nothing; making it anew is guarded of its own.
			if d.have.EntryAlive(have) != access.AliveRemade {
				lost, other = append(lost, d.words(s, &c)), true
			}
			continue
		}
		for _, g := range c.Lost {
			lost = append(lost, grantWords(g))
		}
	}
	return strings.Join(lost, "; "), other
}

func grantWords(g Grant) string {
	switch {
	case g.Policy != "":
		scope := g.Scope.String()
		if g.Scope.Cluster {
			scope = "the whole cluster"
		}
		return fmt.Sprintf("policy %s on %s", access.ShortPolicy(g.Policy), scope)
	case g.Group != "":
		return "group " + g.Group
	}
	return "username " + g.Username
}
