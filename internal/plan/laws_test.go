package plan

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// Laws of Compute, over random states. A failure prints the seed of its state.
const (
	lawSeed   = 20261122
	lawRounds = 250
)

// dice makes random states.
type dice struct{ *rand.Rand }

func (d dice) chance(percent int) bool { return d.IntN(100) < percent }

func one[T any](d dice, from ...T) T { return from[d.IntN(len(from))] }

var lawPeople = []string{"user/ann", "user/bob", "user/cid", "user/gone", "role/admin", "role/ci/deploy", "role/deploy", "role/nodes",
	"permissionSet/Backend", "permissionSet/None", "arn:aws:iam::" + partner + ":role/x", "arn:aws:iam::" + home + ":" + backendRole}

// rights are random words for readRights.
func (d dice) rights() string {
	var words []string
	for _, policy := range []string{"Edit", "View", "ClusterAdmin"} {
		if d.chance(45) {
			words = append(words, policy+":"+one(d, "cluster", "a", "b", "a,b", "a*", "*", "b,c"))
		}
	}
	for _, g := range []string{"g", "h"} {
		if d.chance(30) {
			words = append(words, "group:"+g)
		}
	}
	if d.chance(15) {
		words = append(words, "username:"+one(d, "u", "v"))
	}
	return strings.Join(words, " ")
}

func (d dice) nodeType() string { return "type:" + one(d, "EC2_LINUX", "FARGATE_LINUX") }

// world is a pair of random states with much in common.
func (d dice) world() (*access.State, *access.Snapshot) {
	keys := []access.ClusterKey{test, prod, {Account: home, Region: "eu-west-1", Name: "old"}, {Account: home, Region: "eu-west-2", Name: "far"}}
	want, have := wants(), sees()
	want.Tags = map[string]string{"stage": "x"}
	for _, k := range keys {
		w, h := wantCluster(k), haveCluster(k)
		h.Mode = one(d, access.ModeAPIAndConfigMap, access.ModeAPI, access.ModeAPIAndConfigMap, access.ModeConfigMap)
		w.Mode = one(d, "", "", access.ModeAPIAndConfigMap, access.ModeAPI, access.ModeConfigMap)
		h.EntriesRead = h.Mode.TakesEntries()
		for _, p := range lawPeople {
			d.person(&w, &h, p)
		}
		slices.SortFunc(h.Entries, func(a, b access.Entry) int { return strings.Compare(a.Principal, b.Principal) })
		if h.Mode == access.ModeConfigMap {
			h.Entries = nil
		}
		if k.Name != "old" && d.chance(85) {
			want.Clusters = append(want.Clusters, w)
		}
		if d.chance(90) {
			have.Clusters = append(have.Clusters, h)
		}
	}
	slices.SortFunc(have.Clusters, func(a, b access.HaveCluster) int { return a.Key.Compare(b.Key) })
	if d.chance(30) {
		d.gap(have)
	}
	if d.chance(15) {
		have.Part = &access.Part{Clusters: []access.ClusterKey{prod, test}}
	} else if d.chance(15) {
		have.Part = &access.Part{Only: []string{"user/ann"}, Principals: []string{arn("user/ann")}}
	}
	return want, have
}

// person wants or has an entry, or both, equal or not.
func (d dice) person(w *access.WantCluster, h *access.HaveCluster, who string) {
	what := d.rights()
	if who == "role/nodes" {
		what = d.nodeType()
	}
	if d.chance(60) {
		w.Entries = append(w.Entries, wantEntry(who, what))
	} else if d.chance(20) && !strings.HasPrefix(who, "permissionSet/") {
		w.Remove = append(w.Remove, access.ListedMember{Member: member(who)})
	}
	if strings.HasPrefix(who, "permissionSet/") || !d.chance(60) {
		return
	}
	if d.chance(60) {
		what = one(d, d.rights(), d.rights(), d.rights(), d.nodeType())
	}
	e := haveEntry(who, what)
	if d.chance(70) {
		e.Tags["stage"] = one(d, "x", "x", "y")
	}
	if d.chance(10) {
		e.CreatedAt = morning.AddDate(-1, 0, 0)
	}
	if d.chance(30) {
		maps.DeleteFunc(e.Tags, func(k, _ string) bool { return strings.HasPrefix(k, "atlas-iam.dev/") })
	}
	if _, there := h.Entry(e.Principal); !there {
		h.Entries = append(h.Entries, e)
	}
}

// gap hides a list and what was in it.
func (d dice) gap(s *access.Snapshot) {
	hidden := one(d, test, prod)
	drop := func(lost func(*access.HaveCluster) bool) {
		s.Clusters = slices.DeleteFunc(s.Clusters, func(c access.HaveCluster) bool { return lost(&c) })
	}
	switch what := one(d, access.GapEntries, access.GapEntry, access.GapCluster, access.GapClusters, access.GapRoles); what {
	case access.GapEntries:
		if c, ok := s.Cluster(hidden); ok {
			c.EntriesRead, c.Entries = false, c.Entries[:len(c.Entries)/2]
			gap(s, access.Gap{What: what, Account: home, Region: hidden.Region, Cluster: hidden.Name, Reason: "cut"})
		}
	case access.GapEntry:
		if c, ok := s.Cluster(hidden); ok && len(c.Entries) > 0 {
			i := d.IntN(len(c.Entries))
			gap(s, access.Gap{What: what, Account: home, Region: hidden.Region, Cluster: hidden.Name, Principal: c.Entries[i].Principal, Reason: "500"})
			c.Entries = slices.Delete(c.Entries, i, i+1)
		}
	case access.GapCluster:
		drop(func(c *access.HaveCluster) bool { return c.Key == hidden })
		gap(s, access.Gap{What: what, Account: home, Region: hidden.Region, Cluster: hidden.Name, Reason: "403"})
	case access.GapClusters:
		drop(func(c *access.HaveCluster) bool { return c.Key.Region == hidden.Region })
		gap(s, access.Gap{What: what, Account: home, Region: hidden.Region, Reason: "403"})
	case access.GapRoles:
		s.Accounts[0].RolesRead, s.Accounts[0].Roles = false, nil
		gap(s, access.Gap{What: what, Account: home, Reason: "403"})
	}
}

// simulate makes p's changes that are not held, in order, as EKS would; it
// refuses what EKS would refuse.
func simulate(have *access.Snapshot, p *Plan) (*access.Snapshot, error) {
	next := *have
	next.Clusters = slices.Clone(have.Clusters)
	for i := range next.Clusters {
		next.Clusters[i].Entries = slices.Clone(next.Clusters[i].Entries)
		for j := range next.Clusters[i].Entries {
			next.Clusters[i].Entries[j] = *next.Clusters[i].Entries[j].Clone()
		}
	}
	done := map[string]bool{}
	for i := range p.Changes {
		c := &p.Changes[i]
		if len(c.Held) > 0 {
			continue
		}
		for _, on := range c.DependsOn {
			if !done[on] {
				return nil, fmt.Errorf("%s is made before %s", c.ID, on)
			}
		}
		cluster, ok := next.Cluster(c.Cluster)
		if !ok {
			return nil, fmt.Errorf("%s: no cluster", c.ID)
		}
		if err := simulateOne(cluster, c); err != nil {
			return nil, fmt.Errorf("%s %s: %w", c.Verb, c.ID, err)
		}
		done[c.ID] = true
	}
	return &next, nil
}

func simulateOne(cluster *access.HaveCluster, c *Change) error {
	if to, ok := c.To.(Mode); ok {
		if to.AuthenticationMode.Step() != cluster.Mode.Step()+1 {
			return fmt.Errorf("from %s to %s", cluster.Mode, to.AuthenticationMode)
		}
		cluster.Mode, cluster.EntriesRead = to.AuthenticationMode, true
		return nil
	}
	if !cluster.Mode.TakesEntries() {
		return fmt.Errorf("mode %s", cluster.Mode)
	}
	at, there := slices.BinarySearchFunc(cluster.Entries, c.Principal, func(e access.Entry, p string) int { return strings.Compare(e.Principal, p) })
	if there != (c.Kind != AccessEntry || c.Verb != Create) {
		return fmt.Errorf("the entry is there: %v", there)
	}
	to, _ := c.To.(Entry)
	switch {
	case c.Kind == PolicyAssociation:
		return simulateAssociation(&cluster.Entries[at], c)
	case c.Verb == Create:
		e := *to.Clone()
		e.CreatedAt = evening
		cluster.Entries = slices.Insert(cluster.Entries, at, e)
	case c.Verb == Replace:
		e := *to.Clone()
		e.CreatedAt = evening
		cluster.Entries[at] = e
	case c.Verb == Delete:
		cluster.Entries = slices.Delete(cluster.Entries, at, at+1)
	case to.Type != cluster.Entries[at].Type:
		return fmt.Errorf("a type is immutable")
	default:
		e := *to.Clone()
		e.Associations = cluster.Entries[at].Associations
		cluster.Entries[at] = e
	}
	return nil
}

func simulateAssociation(e *access.Entry, c *Change) error {
	from, hasFrom := c.From.(Association)
	to, hasTo := c.To.(Association)
	policy := from.Policy
	if hasTo {
		policy = to.Policy
	}
	if _, there := e.Association(policy); there != hasFrom {
		return fmt.Errorf("the association is there: %v", there)
	}
	e.Associations = slices.DeleteFunc(e.Associations, func(a access.Association) bool { return a.Policy == policy })
	if hasTo {
		e.Associations = append(e.Associations, to.Association)
	}
	e.Normalize()
	return nil
}

// mix counts what the random plans held, so that poor dice are seen.
type mix map[string]int

func (m mix) count(p *Plan) {
	for _, c := range p.Changes {
		m[string(c.Verb)+" "+string(c.Kind)]++
		for _, h := range c.Held {
			m["held "+h.Guard]++
		}
		if len(c.Gained) > 0 && len(c.Lost) > 0 {
			m["gains and loses"]++
		}
	}
	for _, f := range p.Foreign {
		m["foreign"]++
		if f.Adoptable {
			m["adoptable"]++
		}
	}
	if len(p.Gaps) > 0 {
		m["gaps"]++
	}
	if p.Part != nil {
		m["parts"]++
	}
}

func (m mix) String() string {
	var words []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		words = append(words, fmt.Sprintf("%s %d", k, m[k]))
	}
	return strings.Join(words, ", ")
}

// shows: item S13
func TestLawsOfCompute(t *testing.T) {
	m := mix{}
	for round := range lawRounds {
		d := dice{rand.New(rand.NewPCG(lawSeed, uint64(round)))}
		want, have := d.world()
		o := Options{Destroy: d.chance(5)}
		before := encode(t, Compute(want, have, o))
		p := Compute(want, have, o)
		m.count(p)
		for law, check := range map[string]func() error{
			"dependencies stand before their dependents, IDs once": func() error { return lawOrder(p) },
			"nothing foreign is touched, but what is in remove":    func() error { return lawForeign(want, have, p) },
			"nothing is deleted inside a gap":                      func() error { return lawGaps(have, p) },
			"nothing is planned outside of the part":               func() error { return lawPart(have, p) },
			"what was made leaves nothing to make":                 func() error { return lawConverges(want, have, p, o) },
			"adopting takes nothing, now or by the plan after it":  func() error { return lawAdopt(want, have, m) },
			"order of the documents does not count":                func() error { return lawOrderless(d, want, have, o, before) },
		} {
			if err := check(); err != nil {
				t.Fatalf("seed %d, round %d: %s: %v\n%s", lawSeed, round, law, err, strings.Join(lines(p), "\n"))
			}
		}
	}
	t.Logf("seed %d, %d rounds: %s", lawSeed, lawRounds, m)
	for _, k := range []string{"create AccessEntry", "update AccessEntry", "replace AccessEntry", "delete AccessEntry", "update AuthenticationMode",
		"create PolicyAssociation", "update PolicyAssociation", "delete PolicyAssociation", "gains and loses", "foreign", "adoptable", "gaps", "parts", "adopted",
		"held " + NoPrincipal, "held " + NoCluster, "held " + HalfRead, "held " + ForeignEntry, "held " + ModeConfigMap, "held " + ModeStep, "held " + Conflict, "held " + Depends} {
		if m[k] < 20 {
			t.Errorf("poor dice: %s only %d times", k, m[k])
		}
	}
}

func lawOrder(p *Plan) error {
	at := map[string]int{}
	for i, c := range p.Changes {
		if _, twice := at[c.ID]; twice {
			return fmt.Errorf("%s twice", c.ID)
		}
		at[c.ID] = i
		for _, on := range c.DependsOn {
			if _, before := at[on]; !before {
				return fmt.Errorf("%s depends on %s, which is not before it", c.ID, on)
			}
		}
		for j, h := range c.Held {
			if slices.Contains(c.Held[:j], h) {
				return fmt.Errorf("%s is held twice by %v", c.ID, h)
			}
		}
	}
	for i := 1; i < len(p.Changes); i++ {
		a, b := &p.Changes[i-1], &p.Changes[i]
		if rank(a) > rank(b) && len(b.DependsOn) == 0 {
			return fmt.Errorf("%s stands before %s", a.ID, b.ID)
		}
	}
	return nil
}

func lawForeign(want *access.State, have *access.Snapshot, p *Plan) error {
	resolved := Resolve(want, have)
	for _, c := range p.Changes {
		cluster, ok := have.Cluster(c.Cluster)
		if !ok || len(c.Held) > 0 || c.Kind == AuthenticationMode {
			continue
		}
		e, there := cluster.Entry(c.Principal)
		if !there || want.Owner.OwnerOf(e.Tags, want.ForeignTags).Ours {
			continue
		}
		w, _ := resolved.Cluster(c.Cluster)
		if w == nil || c.Verb != Delete || c.Kind != AccessEntry || listed(w.Remove, c.Principal) == nil {
			return fmt.Errorf("%s %s", c.Verb, c.ID)
		}
	}
	return nil
}

func lawGaps(have *access.Snapshot, p *Plan) error {
	for _, c := range p.Changes {
		if _, unread := have.Unread(c.Cluster, c.Principal); unread && len(c.Held) == 0 {
			return fmt.Errorf("%s %s", c.Verb, c.ID)
		}
	}
	return nil
}

func lawPart(have *access.Snapshot, p *Plan) error {
	for _, c := range p.Changes {
		if !have.Part.HasCluster(c.Cluster) || !have.Part.HasPrincipal(c.Principal) {
			return fmt.Errorf("%s", c.ID)
		}
	}
	return nil
}

func lawConverges(want *access.State, have *access.Snapshot, p *Plan, o Options) error {
	next, err := simulate(have, p)
	if err != nil {
		return err
	}
	held := map[string]bool{}
	for _, c := range p.Changes {
		held[c.ID] = len(c.Held) > 0
	}
	for _, c := range Compute(want, next, o).Changes {
		if len(c.Held) == 0 || !held[c.ID] {
			return fmt.Errorf("then there is %s %s (held %v)", c.Verb, c.ID, c.Held)
		}
	}
	return nil
}

func lawAdopt(want *access.State, have *access.Snapshot, m mix) error {
	p, err := Adoptions(want, have, nil)
	if err != nil {
		return err
	}
	next, err := simulate(have, p)
	if err != nil {
		return err
	}
	adopted := map[string]bool{}
	for _, c := range p.Changes {
		if len(c.Held) == 0 {
			adopted[c.Cluster.String()+c.Principal] = true
			m["adopted"]++
		}
	}
	for _, c := range Compute(want, next, Options{}).Changes {
		if adopted[c.Cluster.String()+c.Principal] && len(c.Lost) > 0 {
			return fmt.Errorf("after it %s %s takes %v", c.Verb, c.ID, c.Lost)
		}
	}
	for i := range next.Clusters {
		for _, e := range next.Clusters[i].Entries {
			h, _ := have.Cluster(next.Clusters[i].Key)
			if before, ok := h.Entry(e.Principal); !ok || !before.SameAccess(&e) {
				return fmt.Errorf("it changes the access of %s", e.Principal)
			}
		}
	}
	return nil
}

func lawOrderless(d dice, want *access.State, have *access.Snapshot, o Options, before []byte) error {
	shuffled := *want
	shuffled.Clusters = slices.Clone(want.Clusters)
	for i := range shuffled.Clusters {
		c := &shuffled.Clusters[i]
		c.Entries, c.Remove = slices.Clone(c.Entries), slices.Clone(c.Remove)
		d.Shuffle(len(c.Entries), func(i, j int) { c.Entries[i], c.Entries[j] = c.Entries[j], c.Entries[i] })
		d.Shuffle(len(c.Remove), func(i, j int) { c.Remove[i], c.Remove[j] = c.Remove[j], c.Remove[i] })
	}
	d.Shuffle(len(shuffled.Clusters), func(i, j int) {
		shuffled.Clusters[i], shuffled.Clusters[j] = shuffled.Clusters[j], shuffled.Clusters[i]
	})
	after, err := Encode(Compute(&shuffled, have, o))
	if err != nil {
		return err
	}
	if !bytes.Equal(before, after) {
		return fmt.Errorf("the plans differ:\n%s", cmp.Diff(string(before), string(after)))
	}
	return nil
}
