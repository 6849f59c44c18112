package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// workloads decides what workloads have, by the table that Compute has for
// entries, with these differences:
//
//   - a role, each of its inline policies and each of its attachments is a
//     change of its own; the policies of a role that goes, go with it;
//   - a role of another's (access.WantRole.Existing) is only looked at;
//   - an OIDC provider and the agent are used as found and never deleted;
//   - a provider comes before its roles, a role and its policies before what
//     gives it to ServiceAccounts; what goes, goes the other way round;
//   - what an add-on made is foreign.
type workloads struct {
	*differ
	made    map[string]string   // role by ARN: the change that makes it
	ready   map[string][]string // role by ARN: the changes that must be done before somebody is given it
	refused map[string]*Hold    // role by ARN: why nobody can be given it
	planned map[string]bool     // changes of providers, by ID
	lacks   map[lack]*Hold      // why nobody of a cluster can be given it
}

// lack is a role of another's that does not trust a cluster's ServiceAccounts.
type lack struct {
	role    string
	cluster access.ClusterKey
}

func newWorkloads(d *differ) *workloads {
	return &workloads{differ: d, made: map[string]string{}, ready: map[string][]string{}, refused: map[string]*Hold{}, lacks: map[lack]*Hold{}, planned: map[string]bool{}}
}

func (d *differ) workloads() *workloads {
	w := newWorkloads(d)
	if !w.looked() {
		return w
	}
	wanted := map[string]bool{}
	if !d.options.Destroy {
		for i := range d.want.Roles {
			r := &d.want.Roles[i]
			if !w.inPart(r) {
				wanted[nameKey(r.ARN)] = true
				continue
			}
			wanted[nameKey(r.ARN)] = true
			w.role(r)
		}
	}
	for _, k := range clusterKeys(d.want, d.have) {
		want := d.wantedCluster(k)
		have, _ := d.have.Cluster(k)
		s := &workloadSite{key: k, want: want, have: have}
		w.agent(s)
		w.podIdentities(s)
		w.serviceAccounts(s)
		w.argoSecrets(s)
	}
	w.unwantedRoles(wanted)
	w.left()
	return w
}

// looked reports whether the run looks at workloads: one that is narrowed to
// some people does not.
func (d *differ) looked() bool { return d.have.Part == nil || len(d.have.Part.Only) == 0 }

// inPart reports whether a run that looks at some clusters looks at a role:
// one of them must have it.
func (w *workloads) inPart(r *access.WantRole) bool {
	p := w.have.Part
	return p == nil || len(p.Clusters) == 0 || len(r.Trust) == 0 ||
		slices.ContainsFunc(r.Trust, func(t access.WantTrust) bool { return p.HasCluster(t.Cluster) })
}

func (d *differ) wantedCluster(k access.ClusterKey) *access.WantCluster {
	if d.options.Destroy {
		return nil
	}
	c, _ := d.want.Cluster(k)
	return c
}

// workloadSite is one cluster as workloads see it.
type workloadSite struct {
	key  access.ClusterKey
	want *access.WantCluster
	have *access.HaveCluster
}

func (s *workloadSite) document() string {
	if s.want == nil {
		return ""
	}
	return s.want.Document
}

func (s *workloadSite) name() string {
	if s.want == nil {
		return s.key.Name
	}
	return s.want.Document
}

// hold says why nothing of a list of a cluster's can be changed, if that is so;
// read says that the list is whole.
func (w *workloads) hold(s *workloadSite, what access.GapKind, read bool) *Hold {
	_, asked := w.have.Account(s.key.Account)
	gap, unread := w.have.UnreadOf(s.key, what)
	switch {
	case unread:
		return &Hold{HalfRead, gapWords(gap)}
	case s.have == nil && !asked:
		return &Hold{HalfRead, "account " + s.key.Account + " was not read"}
	case s.have == nil:
		return &Hold{NoCluster, "account " + s.key.Account + " has no cluster " + s.key.Name + " in " + s.key.Region}
	case !read:
		return &Hold{HalfRead, "the " + string(what) + " of cluster " + s.name() + " were not read"}
	}
	return nil
}

// give makes a change wait for the role that it gives, and holds it where
// nobody can be given that.
func (w *workloads) give(c *Change, role string) {
	c.DependsOn = append(c.DependsOn, w.ready[role]...)
	slices.Sort(c.DependsOn)
	if h := w.refused[role]; h != nil {
		c.hold(*h)
	}
	if h := w.lacks[lack{role, c.Cluster}]; h != nil {
		c.hold(*h)
	}
}

// agent wants the Pod Identity agent on a cluster where an association is
// wanted, or may be bound.
func (w *workloads) agent(s *workloadSite) {
	if s.want == nil || s.have == nil {
		return
	}
	wanted := slices.Concat(s.want.PodIdentities, s.want.PodIdentityPatterns)
	if len(wanted) == 0 {
		return
	}
	a := s.have.Agent
	if a != nil && a.BuiltIn {
		return
	}
	c := Change{ID: siteID("agent", s.key), Verb: Create, Kind: AgentAddon, Cluster: s.key, Document: s.document(), Name: access.AgentAddon,
		To: Addon{Name: access.AgentAddon, Tags: maps.Clone(w.tags)}, Source: wanted[0].Place}
	switch {
	case a == nil: // not read; the gap is in the plan
	case !a.Addon:
		w.add(c)
	case strings.HasSuffix(a.Status, "FAILED") || a.Status == "DEGRADED":
		w.warn("agent", c.Source, "the Pod Identity agent on cluster "+s.name()+" is "+a.Status+": pods get no credentials where it does not run")
	}
}

// left lists what stays where the last workload goes, for others use it too.
func (w *workloads) left() {
	goes := func(c Change) bool { return c.Kind == Role && c.Verb == Delete }
	if !w.options.Destroy && (len(w.want.Workloads) > 0 || !slices.ContainsFunc(w.plan.Changes, goes)) {
		return
	}
	ours := func(tags map[string]string) bool { return w.want.Owner.OwnerOf(tags, w.want.ForeignTags).Ours }
	for i := range w.have.Accounts {
		for _, p := range w.have.Accounts[i].Providers {
			if ours(p.Tags) {
				w.warn("left", access.Place{}, "the OIDC provider "+p.ARN+" stays: other roles may trust it")
			}
		}
	}
	for i := range w.have.Clusters {
		if h := &w.have.Clusters[i]; h.Agent != nil && h.Agent.Addon {
			w.warn("left", access.Place{}, "the add-on "+access.AgentAddon+" of cluster "+h.Key.Name+" stays: other workloads may need it")
		}
	}
}
