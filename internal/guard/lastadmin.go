package guard

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// lastAdmin keeps an administrator on every cluster that has one: a principal
// that was read, exists, and has ClusterAdmin on the whole cluster by an entry
// that is not dead; or, where Kubernetes was read, ClusterRole cluster-admin by
// a group or username of that entry, or system:masters or that role by
// aws-auth.
//
// A principal whose account was not read, or is none of the Environment's,
// may be an administrator but is not proven one. The doubt counts against the
// plan both ways: it does not count among those who remain, and taking access
// from it counts as taking an administrator away.
//
// A cluster in mode CONFIG_MAP has no entries, so nobody is taken from it.
func lastAdmin() plan.Guard {
	return plan.Guard{
		Slug:    "last-admin",
		About:   "The plan takes an administrator from a cluster and leaves none that was read and is known to exist: nobody with ClusterAdmin on the whole cluster, or with cluster-admin by RBAC or aws-auth where they were read.",
		Instead: "Give another living user or role `{policy: ClusterAdmin, scope: cluster}` there; it may be in the same plan.",
		Check: func(in *plan.Input) plan.Findings {
			var f plan.Findings
			goes := made(in.Plan, "last-admin")
			changes := byCluster(in.Plan)
			for i := range in.Have.Clusters {
				if h := &in.Have.Clusters[i]; len(changes[h.Key]) > 0 {
					keepAdmin(in, h, slices.DeleteFunc(changes[h.Key], func(c *plan.Change) bool { return !goes[c.ID] }), &f)
				}
			}
			return f
		},
	}
}

// keepAdmin judges one cluster by the changes that would be made there.
//
//	administrators untouched   brought by the plan   takers
//	some                       any                   free
//	none                       some                  wait for all that are brought
//	none                       none                  held
func keepAdmin(in *plan.Input, h *access.HaveCluster, changes []*plan.Change, f *plan.Findings) {
	now := rightsOf(in.Have, h)
	before := now.administrators()
	takers, bringers := adminChanges(in, now, before, changes)
	if len(takers) == 0 {
		return
	}
	f.Facts = append(f.Facts, adminFact(h.Key, before))
	for _, t := range takers {
		for _, arn := range t.from {
			delete(before, arn)
		}
	}
	for _, alive := range before {
		if alive == access.AliveYes {
			return
		}
	}
	var taking []*plan.Change
	for _, t := range takers {
		taking = append(taking, t.Change)
	}
	bringers = independent(in.Plan, bringers, taking)
	for _, t := range takers {
		if len(bringers) == 0 {
			f.Holds = append(f.Holds, plan.Finding{Change: t.ID, Reason: noAdminLeft(in, takers...)})
		}
		for _, b := range bringers {
			f.After = append(f.After, plan.Dependency{Change: t.ID, On: b.ID})
		}
	}
}

// noAdminLeft is one reason for all that take an administrator from a cluster.
func noAdminLeft(in *plan.Input, takers ...taker) string {
	c := takers[0].Change
	name := c.Document
	if name == "" {
		name = c.Cluster.Name
	}
	var admins []string
	for _, t := range takers {
		admin := who(t.Change)
		if admin == "" {
			admin = someOf(t.from)
		}
		if !slices.Contains(admins, admin) {
			admins = append(admins, admin)
		}
	}
	slices.Sort(admins)
	what := "an administrator"
	if len(admins) > 1 {
		what = "administrators"
	}
	r := "takes " + what + ", " + someOf(admins) + ", from " + name + " and no other is known to remain"
	if p := in.Have.Part; p != nil && len(p.Only) > 0 {
		r += " among what this narrowed run read"
	}
	return r
}

func administers(a access.Association) bool {
	return a.Scope.Cluster && access.ShortPolicy(a.Policy) == "ClusterAdmin"
}

// taker is a change that takes administrators away: these principals.
type taker struct {
	*plan.Change
	from []string
}

// adminChanges are the changes on a cluster that take an administrator away,
// and those that bring one who is known to exist.
func adminChanges(in *plan.Input, now *adminRights, before map[string]access.Alive, changes []*plan.Change) (takers []taker, bringers []*plan.Change) {
	renewed := make(map[string]bool) // principals whose entry is made in this plan
	for _, c := range changes {
		if lost := now.loses(c, before); len(lost) > 0 {
			takers = append(takers, taker{c, lost})
		}
		switch c.Kind {
		case plan.AccessEntry:
			if c.Verb == plan.Create || c.Verb == plan.Replace {
				renewed[c.Principal] = true
			}
		case plan.PolicyAssociation:
			from, to := associations(c)
			was, is := from != nil && administers(*from), to != nil && administers(*to)
			if is && !was && lives(in.Have, c.Principal) == access.AliveYes {
				bringers = append(bringers, c)
			}
		}
	}
	// A grant on an entry that is dead and stays so brings nobody.
	bringers = slices.DeleteFunc(bringers, func(c *plan.Change) bool {
		e, ok := now.h.Entry(c.Principal)
		return ok && !renewed[c.Principal] && in.Have.EntryAlive(e) != access.AliveYes
	})
	return takers, bringers
}

// independent leaves of some changes those that wait for none of the others,
// so that the others can wait for them.
func independent(p *plan.Plan, of, others []*plan.Change) []*plan.Change {
	needs := make(map[string][]string, len(p.Changes))
	for _, c := range p.Changes {
		needs[c.ID] = c.DependsOn
	}
	bad := make(map[string]bool)
	for _, c := range others {
		bad[c.ID] = true
	}
	seen := make(map[string]bool)
	var waits func(id string) bool
	waits = func(id string) bool {
		if bad[id] {
			return true
		}
		if seen[id] {
			return false
		}
		seen[id] = true
		bad[id] = slices.ContainsFunc(needs[id], waits)
		return bad[id]
	}
	return slices.DeleteFunc(of, func(c *plan.Change) bool { return waits(c.ID) })
}

func adminFact(k access.ClusterKey, admins map[string]access.Alive) plan.Fact {
	var words []string
	for arn, alive := range admins {
		if alive != access.AliveYes {
			arn += " (not read)"
		}
		words = append(words, arn)
	}
	slices.Sort(words)
	return plan.Fact{Guard: "last-admin", Subject: k.String(), Value: strings.Join(words, " ")}
}
