package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// Compute says how to turn have into want for want's owner. It walks the
// sorted union of keys, clusters first and principals within, and decides each
// by this table:
//
//	wanted   there            then
//	yes      no               create the entry, then its associations
//	yes      ours, equal      nothing
//	yes      ours, different  update the entry; create, update, delete associations
//	yes      ours, other type replace the entry (type is immutable), then create its associations
//	yes      ours, dead       the same: only a new entry binds the principal that was made again
//	yes      foreign, equal   listed as adoptable
//	yes      foreign, differs the changes, each held by "foreign" with the difference
//	no       ours             delete
//	no       foreign          listed; deleted only if the Cluster document has it in remove
//
// What is outside have.Part is not looked at. Nothing is deleted where a list
// was not read. A change that could not be made is in the plan and held.
func Compute(want *access.State, have *access.Snapshot, o Options, guards ...Guard) *Plan {
	d := newDiffer(want, have, o)
	if o.Bind != nil {
		d.bind(o.Bind)
	} else {
		d.all()
	}
	p := d.plan
	p.sort(have)
	judge(&Input{Want: want, Have: have, Plan: p, Options: o}, guards)
	return p
}

// all decides everything that the run looks at.
func (d *differ) all() {
	d.roles = d.workloads().made
	resolved := Resolve(d.want, d.have)
	for _, k := range clusterKeys(d.want, d.have) {
		w, _ := resolved.Cluster(k)
		h, _ := d.have.Cluster(k)
		d.cluster(k, w, h)
	}
}

// clusterKeys is the sorted union of the clusters wanted and seen, as far as
// the run looks at them.
func clusterKeys(want *access.State, have *access.Snapshot) []access.ClusterKey {
	var keys []access.ClusterKey
	for i := range want.Clusters {
		keys = append(keys, want.Clusters[i].Key)
	}
	for i := range have.Clusters {
		keys = append(keys, have.Clusters[i].Key)
	}
	slices.SortFunc(keys, access.ClusterKey.Compare)
	keys = slices.Compact(keys)
	return slices.DeleteFunc(keys, func(k access.ClusterKey) bool { return !have.Part.HasCluster(k) })
}

// differ compares the two states and gathers the plan.
type differ struct {
	want    *access.State
	have    *access.Snapshot
	options Options
	tags    map[string]string // for what we make, our own two included
	plan    *Plan
	roles   map[string]string // by ARN, the change that makes it
}

func newDiffer(want *access.State, have *access.Snapshot, o Options) *differ {
	d := &differ{want: want, have: have, options: o, tags: make(map[string]string, len(want.Tags)+2)}
	maps.Copy(d.tags, want.Tags)
	maps.Copy(d.tags, want.Owner.Tags())
	d.plan = &Plan{Owner: want.Owner, ForeignTags: want.ForeignTags, Gaps: slices.Clone(have.Gaps), Part: have.Part,
		Allow: slices.Compact(slices.Sorted(slices.Values(o.Allow))), MaxDeletes: o.MaxDeletes}
	for _, a := range have.Accounts {
		d.plan.Read.Roles += len(a.Details)
		a.Users, a.Roles, a.Details, a.Providers = nil, nil, nil, nil
		d.plan.Accounts = append(d.plan.Accounts, a)
	}
	for _, n := range want.Notes {
		d.plan.Warnings = append(d.plan.Warnings, Warning{Slug: cmp.Or(n.Slug, "note"), Text: n.Text, Source: n.Place})
	}
	d.plan.Read.Clusters = len(have.Clusters)
	for i := range have.Clusters {
		if k := have.Clusters[i].Key; !slices.ContainsFunc(want.Clusters, func(c access.WantCluster) bool { return c.Key == k }) {
			d.plan.Undocumented = append(d.plan.Undocumented, k)
		}
		if k := have.Clusters[i].Kubernetes; k != nil && !onlyAccounts(have, &have.Clusters[i]) {
			d.plan.Kubernetes = append(d.plan.Kubernetes, have.Clusters[i].Key)
		}
		d.plan.Read.Entries += len(have.Clusters[i].Entries)
		for _, e := range have.Clusters[i].Entries {
			d.plan.Read.Associations += len(e.Associations)
		}
	}
	return d
}

// onlyAccounts reports whether of a cluster's Kubernetes side nothing was asked
// but ServiceAccounts, Argo CD's Secrets and namespaces.
func onlyAccounts(have *access.Snapshot, h *access.HaveCluster) bool {
	k := h.Kubernetes
	if !k.ServiceAccountsRead && !k.ArgoSecretsRead || k.RBACRead || k.AuthMapRead {
		return false
	}
	_, asked := have.UnreadKubernetes(h.Key, access.GapRBAC)
	return !asked
}

// site is one cluster in both states, with what is true of every change there.
type site struct {
	key   access.ClusterKey
	want  *ResolvedCluster    // nil: no document names it
	have  *access.HaveCluster // nil: not there, or not read
	hold  *Hold               // holds every change of an entry there
	after []string            // what the entries' creates wait for
	whole bool                // the entries' list was read to its end
}

func (s *site) document() string {
	if s.want == nil {
		return ""
	}
	return s.want.Want.Document
}

// name is the cluster as people know it.
func (s *site) name() string { return cmp.Or(s.document(), s.key.Name) }

// cluster decides one cluster.
func (d *differ) cluster(k access.ClusterKey, w *ResolvedCluster, h *access.HaveCluster) {
	s := &site{key: k, want: w, have: h, whole: h != nil && h.EntriesRead}
	if w != nil && !d.options.Destroy {
		d.mode(s)
	} else if w != nil && h != nil && w.Want.Mode != "" {
		d.plan.Warnings = append(d.plan.Warnings, Warning{Slug: "left", Source: w.Want.Place,
			Text: "the authentication mode of cluster " + s.name() + " stays " + string(h.Mode)})
	}
	s.hold = d.siteHold(s)
	before := len(d.plan.Changes)
	wanted, seen := d.keysOf(s)
	for _, key := range slices.Sorted(maps.Keys(mergeKeys(wanted, seen))) {
		switch e := seen[key]; {
		case wanted[key] != nil:
			d.wanted(s, wanted[key], e)
		case e != nil:
			d.unwanted(s, e)
		}
	}
	newNameFirst(d.plan.Changes[before:])
	d.bindings(s)
	d.listsThatMeanNobody(s)
	d.endOfConfigMap(s, d.plan.Changes[before:])
}

// endOfConfigMap lets the step to mode API wait for everything new on its
// cluster: with it aws-auth ceases to count, for good, so if a grant fails the
// step must not be made. What Compute holds already does not stop it; what a
// guard holds later does.
func (d *differ) endOfConfigMap(s *site, entries []Change) {
	i := slices.IndexFunc(d.plan.Changes, func(c Change) bool {
		return c.Kind == AuthenticationMode && c.Cluster == s.key && rank(&c) == rankNarrow
	})
	if i < 0 || len(s.after) > 0 {
		return // there is none, or the entries themselves wait for it
	}
	mode := &d.plan.Changes[i]
	for _, c := range entries {
		if c.Verb == Create && len(c.Held) == 0 {
			mode.DependsOn = append(mode.DependsOn, c.ID)
		}
	}
	slices.Sort(mode.DependsOn)
}

// siteHold says why no entry of a cluster can be changed, if that is so.
func (d *differ) siteHold(s *site) *Hold {
	gap, unread := d.have.Unread(s.key, "")
	_, asked := d.have.Account(s.key.Account)
	switch {
	case unread:
		s.whole = false
		return &Hold{HalfRead, gapWords(gap)}
	case s.have == nil && !asked:
		return &Hold{HalfRead, "account " + s.key.Account + " was not read"}
	case s.have == nil:
		return &Hold{NoCluster, "account " + s.key.Account + " has no cluster " + s.key.Name + " in " + s.key.Region}
	case s.have.EntriesRead:
		return nil
	case s.have.Mode == access.ModeConfigMap && len(s.after) > 0:
		return nil
	case s.have.Mode == access.ModeConfigMap:
		why := ", and its document does not want another mode"
		if s.want != nil && s.want.Want.Mode.TakesEntries() {
			why = ", and this run looks at a part that leaves the mode out"
		}
		return &Hold{ModeConfigMap, "cluster " + s.name() + " is in mode CONFIG_MAP, which keeps no access entries" + why}
	}
	return &Hold{HalfRead, "the access entries of cluster " + s.name() + " were not read"}
}

// keysOf gives the cluster's wanted and seen entries by key, as far as the run
// looks at them.
func (d *differ) keysOf(s *site) (wanted map[string]*ResolvedEntry, seen map[string]*access.Entry) {
	wanted, seen = map[string]*ResolvedEntry{}, map[string]*access.Entry{}
	if s.want != nil && !d.options.Destroy {
		for i := range s.want.Entries {
			if e := &s.want.Entries[i]; inPart(d.have.Part, e) {
				wanted[e.Principal.key()] = e
			}
		}
	}
	if s.have != nil {
		for i := range s.have.Entries {
			if e := &s.have.Entries[i]; d.have.Part.HasPrincipal(e.Principal) {
				seen[e.Principal] = e
			}
		}
	}
	return wanted, seen
}

// inPart reports whether a run looks at a wanted entry. One whose principal
// is not known belongs to what the user named: its member, or its team.
func inPart(p *access.Part, e *ResolvedEntry) bool {
	if e.Principal.ARN != "" || p == nil || len(p.Only) == 0 {
		return p.HasPrincipal(e.Principal.ARN)
	}
	return slices.Contains(p.Only, e.Member.String()) ||
		slices.ContainsFunc(e.Sources, func(s access.Source) bool { return slices.Contains(p.Only, "team/"+s.Team) })
}

func mergeKeys(a map[string]*ResolvedEntry, b map[string]*access.Entry) map[string]bool {
	keys := make(map[string]bool, len(a)+len(b))
	for k := range a {
		keys[k] = true
	}
	for k := range b {
		keys[k] = true
	}
	return keys
}

// mode plans a cluster's authentication mode: one step, forward.
func (d *differ) mode(s *site) {
	to := s.want.Want.Mode
	if to == "" || (d.have.Part != nil && len(d.have.Part.Only) > 0) {
		return
	}
	c := Change{ID: siteID("mode", s.key), Verb: Update, Kind: AuthenticationMode, Cluster: s.key, Document: s.document(),
		To: Mode{to}, Source: s.want.Want.Place}
	if s.have == nil || s.have.Mode == "" {
		if hold := d.siteHold(s); hold != nil {
			c.From, c.Held = Mode{}, []Hold{*hold}
			d.add(c)
		}
		return
	}
	from := s.have.Mode
	c.From = Mode{from}
	switch step := to.Step() - from.Step(); {
	case step == 0:
		return
	case step < 0:
		c.Held = []Hold{{ModeStep, "EKS never goes back from " + string(from) + " to " + string(to)}}
	case step > 1:
		c.Held = []Hold{{ModeStep, "EKS goes from " + string(from) + " to " + string(to) + " in two steps: write " +
			string(access.ModeAPIAndConfigMap) + ", apply, then write " + string(to)}}
	}
	if gap, unread := d.have.Unread(s.key, ""); unread {
		c.hold(Hold{HalfRead, gapWords(gap)})
	}
	if from == access.ModeConfigMap {
		s.after = []string{c.ID}
	}
	d.add(c)
}

func (d *differ) add(c Change) { d.plan.Changes = append(d.plan.Changes, c) }

// siteID is the readable, stable name of something on a cluster.
func siteID(kind string, k access.ClusterKey, parts ...string) string {
	return strings.Join(append([]string{kind, k.String()}, parts...), "/")
}
