package plan

import (
	"fmt"
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
)

// Bind is the one Pod Identity association that a run is about: of a
// ServiceAccount that documents name, most often by a pattern.
type Bind struct {
	Cluster                   access.ClusterKey
	Namespace, ServiceAccount string
	Workload                  string // whose it is
	Take                      bool   // it is to go, whatever the documents say of it
}

// bind plans one association and nothing else. Of its role it looks only
// whether it is as the documents want it: to make it so is apply's.
func (d *differ) bind(b *Bind) {
	d.plan.Warnings = nil // of the documents, and of other things in them
	w := newWorkloads(d)
	s := &workloadSite{key: b.Cluster, want: w.wantedCluster(b.Cluster)}
	s.have, _ = d.have.Cluster(b.Cluster)
	hold := w.hold(s, access.GapPodIdentities, s.have != nil && s.have.PodIdentitiesRead)
	if hold == nil {
		hold = w.hiddenPodIdentity(s)
	}
	if b.Take {
		w.unbind(s, b, hold)
		return
	}
	if s.want == nil {
		return
	}
	want, _, ok := s.want.PodIdentity(b.Namespace, b.ServiceAccount)
	if !ok {
		return
	}
	unapplied := w.unapplied(want.Role)
	created := w.wantedPodIdentity(s, &want, hold)
	for i := range d.plan.Changes {
		c := &d.plan.Changes[i]
		c.DependsOn = nil // what it would wait for is none of this plan's
		if unapplied != nil {
			c.hold(*unapplied)
		}
	}
	if created != "" && s.have != nil {
		w.quota(s, len(s.have.PodIdentities), []string{created}, nil)
	}
	if s.have != nil && s.have.Agent != nil && !s.have.Agent.Addon && !s.have.Agent.BuiltIn {
		w.warn("agent", want.Place, "cluster "+s.name()+" has no Pod Identity agent: pods get no credentials before `atlas-iam apply` adds it")
	}
}

// unapplied holds what gives a role that is not as the documents want it.
func (w *workloads) unapplied(role string) *Hold {
	i := slices.IndexFunc(w.want.Roles, func(r access.WantRole) bool { return r.ARN == role })
	if i < 0 {
		return nil
	}
	w.role(&w.want.Roles[i])
	pending := slices.DeleteFunc(w.plan.Changes, func(c Change) bool { return c.Kind == OIDCProvider })
	w.plan.Changes, w.plan.Foreign, w.plan.Warnings = nil, nil, nil
	if len(pending) == 0 {
		return nil
	}
	what := "differs from the documents"
	if slices.ContainsFunc(pending, func(c Change) bool { return c.Kind == Role && c.Verb == Create }) {
		what = "is not made yet"
	}
	return &Hold{Unapplied, fmt.Sprintf("role %s %s: `atlas-iam apply` first", access.RoleName(role), what)}
}

// unbind plans that an association goes. One that is not there is gone.
func (w *workloads) unbind(s *workloadSite, b *Bind, hold *Hold) {
	a := &access.PodIdentityAssociation{Namespace: b.Namespace, ServiceAccount: b.ServiceAccount}
	c := w.aboutPodIdentity(s, a)
	c.Verb, c.Workloads = Delete, []string{b.Workload}
	have, there := (*access.PodIdentityAssociation)(nil), false
	if s.have != nil {
		have, there = s.have.PodIdentity(a.Namespace, a.ServiceAccount)
	}
	switch {
	case there && w.oursPodIdentity(have):
		c.Lost = []Grant{podGrant(&c, have)}
	case there:
		f := w.foreignPodIdentity(s, have)
		w.plan.Foreign = append(w.plan.Foreign, f)
		c.hold(Hold{ForeignEntry, "the association is not ours (" + f.Owner + "); who made it takes it back"})
	case hold == nil:
		return
	}
	if have == nil {
		have = a
	}
	c.From = PodIdentity{*have}
	if hold != nil {
		c.hold(*hold)
	}
	w.add(c)
}
