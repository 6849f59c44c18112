package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/trust"
)

// adoptWorkloads plans the tags that make others' roles and associations ours,
// of those that the documents want. left are the keys still to be found; all
// says that none were given.
func (d *differ) adoptWorkloads(left map[string]bool, all bool) {
	if !d.looked() {
		return
	}
	w := &workloads{differ: d, made: map[string]string{}, ready: map[string][]string{}, refused: map[string]*Hold{}, lacks: map[lack]*Hold{}, planned: map[string]bool{}}
	asked := func(keys ...string) (named, take bool) {
		for _, key := range keys {
			named = named || left[key]
			delete(left, key)
		}
		return named, named || all
	}
	for i := range d.want.Roles {
		r := &d.want.Roles[i]
		a, ok := d.have.Account(r.Account)
		if r.Existing || !ok || !a.DetailsRead || !w.inPart(r) {
			continue
		}
		have, ok := a.Role(r.ARN)
		if !ok || d.want.Owner.OwnerOf(have.Tags, d.want.ForeignTags).Ours {
			continue
		}
		if named, take := asked("role/"+a.Account.Name+"/"+have.Name, "role/"+r.Account+"/"+have.Name); take {
			w.adoptRole(r, have, named)
		}
	}
	for i := range d.want.Clusters {
		c := &d.want.Clusters[i]
		h, ok := d.have.Cluster(c.Key)
		if !ok || !h.PodIdentitiesRead || !d.have.Part.HasCluster(c.Key) {
			continue
		}
		s := &workloadSite{key: c.Key, want: c, have: h}
		for j := range c.PodIdentities {
			want := &c.PodIdentities[j]
			have, ok := h.PodIdentity(want.Namespace, want.ServiceAccount)
			if !ok || w.oursPodIdentity(have) {
				continue
			}
			if named, take := asked("association/"+c.Document+"/"+podKey(have), "association/"+c.Key.String()+"/"+podKey(have)); take {
				w.adoptPodIdentity(s, want, have, named)
			}
		}
	}
}

// adopting are tags with ours beside them, and why that does not make the
// object ours.
func (d *differ) adopting(tags map[string]string, f Foreign, key string, named bool) (map[string]string, *Hold) {
	to := maps.Clone(tags)
	if to == nil {
		to = map[string]string{}
	}
	maps.Copy(to, d.tags)
	if by := d.want.Owner.OwnerOf(to, d.want.ForeignTags); !by.Ours {
		return to, &Hold{AdoptNarrows, "it stays another's (" + by.By + "): " + f.Release(key)}
	}
	if f.Environment != "" && !named {
		return to, &Hold{AdoptNarrows, "it belongs to " + f.Owner + ": " + f.Release(key)}
	}
	return to, nil
}

func (w *workloads) adoptRole(r *access.WantRole, have *access.HaveRole, named bool) {
	from := seenRole(have, false)
	to := seenRole(have, false)
	c := Change{ID: roleID(r), Verb: Update, Kind: Role, Cluster: access.ClusterKey{Account: r.Account}, Principal: r.ARN, Workloads: r.Workloads, Source: r.Place, From: from}
	var hold *Hold
	to.Tags, hold = w.adopting(have.Tags, w.foreignRoleOf(have), "role/"+r.Account+"/"+have.Name, named)
	c.To = to
	if hold != nil {
		c.hold(*hold)
	}
	statements, missing := trust.Want(r.Trust, trust.IssuersOf(w.have, r.Account))
	wanted, problem := w.wantedRole(r, have, statements, missing)
	if problem != nil {
		c.hold(*problem)
	}
	if lost := w.lostByAdoptingRole(c, have, wanted, r); len(lost) > 0 {
		c.hold(Hold{AdoptNarrows, "the documents want less than it gives, so the next plan would take: " + strings.Join(lost, "; ") + "; let them want that too, adopt it, then narrow them"})
	}
	w.add(c)
}

// lostByAdoptingRole says what the plan after the adoption of a role would take.
// Its inline policies count together: what another one gives as well is kept.
func (w *workloads) lostByAdoptingRole(about Change, have *access.HaveRole, wanted IAMRole, r *access.WantRole) []string {
	narrows := trust.Narrows(r.ARN, have.Inline, r.Inline)
	var lost, taken []string
	for _, after := range w.updateRole(about, have, wanted, r) {
		for _, g := range after.Lost {
			if after.Kind == RolePolicy {
				taken = append(taken, g.What)
			} else {
				lost = append(lost, g.What)
			}
		}
	}
	switch {
	case narrows && len(taken) == 0:
		return append(lost, "what the documents deny")
	case narrows:
		return append(lost, taken...)
	}
	return lost
}

func (w *workloads) adoptPodIdentity(s *workloadSite, want *access.WantPodIdentity, have *access.PodIdentityAssociation, named bool) {
	c := w.aboutPodIdentity(s, have)
	c.Verb, c.Source, c.Workloads = Update, want.Place, []string{want.Workload}
	to := *have
	f := w.foreignPodIdentity(s, have)
	var hold *Hold
	to.Tags, hold = w.adopting(have.Tags, f, "association/"+s.document()+"/"+podKey(have), named)
	c.From, c.To = PodIdentity{*have}, PodIdentity{to}
	if hold != nil {
		c.hold(*hold)
	}
	switch {
	case have.OwnerARN != "":
		c.hold(Hold{AdoptNarrows, "it is the " + f.Owner + "'s: change it through that"})
	case !samePodIdentity(have, &want.PodIdentityAssociation):
		c.hold(Hold{AdoptNarrows, "the documents want it otherwise, so the next plan would take a role from somebody: " + podDifference(have, &want.PodIdentityAssociation)})
	}
	c.Workloads = slices.DeleteFunc(c.Workloads, func(n string) bool { return n == "" })
	w.add(c)
}
