// Package desired joins documents into the state they want: teams with
// clusters, principals with the union of their grants. It refuses what cannot
// hold together, and what EKS would refuse, before any call is made.
//
// Compile is the way in.
package desired

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/documents"
)

// Compile makes a normal State of documents, the same in whatever order they
// were read. If documents are at fault the error is documents.Faults with
// every fault, each naming all places that have a part in it, and there is no
// State. What is legal and perhaps not meant is in State.Notes.
func Compile(set *documents.Set) (*access.State, error) {
	c := &compiler{
		set: set, names: map[nameKey]named{}, fine: map[access.Member]*fine{}, labelled: map[string]map[string]bool{},
		said: map[said]bool{}, roles: map[roleKey]*role{},
	}
	env := set.Environment.Value
	c.state = &access.State{
		Owner:       access.Owner{Environment: env.Name, ID: env.Spec.ID},
		Tags:        maps.Clone(env.Spec.Tags),
		ForeignTags: maps.Clone(env.Spec.ForeignTags),
		Partial:     slices.Clone(set.Partial),
	}
	c.environment()
	c.clusters()
	c.workloads()
	c.workloadGrants()
	c.teams()
	c.argoCDs()
	c.tests()
	c.finish()
	if len(c.faults) > 0 {
		c.faults.Sort()
		return nil, c.faults
	}
	return c.state, nil
}

// compiler gathers the state and the faults.
type compiler struct {
	set    *documents.Set
	state  *access.State
	faults documents.Faults
	sites  []*site                 // the clusters, by document name
	names  map[nameKey]named       // every principal named anywhere, without its path
	fine   map[access.Member]*fine // those that were found in order, for there are many clusters to a member
	last   *fine                   // the one found last
	said   map[said]bool

	documents map[string]bool            // the names of Cluster documents
	labelled  map[string]map[string]bool // those that labels select, by the labels
	roles     map[roleKey]*role          // of workloads
}

// said is a fault that shows on every cluster alike.
type said struct {
	place  access.Place
	format string
}

// faultOnce is fault for what would be said again for each cluster.
func (c *compiler) faultOnce(p access.Place, hint, format string, args ...any) {
	if key := (said{p, format}); !c.said[key] {
		c.said[key] = true
		c.fault(p, hint, format, args...)
	}
}

func (c *compiler) fault(p access.Place, hint, format string, args ...any) {
	c.faults = append(c.faults, documents.Fault{Place: p, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// note points out what is legal and perhaps not meant, under the slug of the
// plan's warning.
func (c *compiler) note(p access.Place, slug, format string, args ...any) {
	c.state.Notes = append(c.state.Notes, access.Note{Place: p, Slug: slug, Text: fmt.Sprintf(format, args...)})
}

// quoted is text of a document between quotes, safe to print.
func quoted(s string) string { return `"` + documents.Escape(s) + `"` }

// comparePlaces orders places as documents are read.
func comparePlaces(a, b access.Place) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

// environment reads the accounts and checks the tags.
func (c *compiler) environment() {
	doc := c.set.Environment
	byName, byID := map[string]access.Place{}, map[string]access.Place{}
	for i, a := range doc.Value.Spec.Accounts {
		at := doc.At("spec", "accounts", i)
		if first, ok := byName[a.Name]; ok {
			c.fault(doc.At("spec", "accounts", i, "name"), "", "account %s stands twice, first at %s", quoted(a.Name), first)
			continue
		}
		if first, ok := byID[a.ID]; ok {
			c.fault(doc.At("spec", "accounts", i, "id"), "one account has one name; list all its regions there", "account %s stands twice, first at %s", a.ID, first)
			continue
		}
		byName[a.Name], byID[a.ID] = at, at
		out := access.Account{Name: a.Name, ID: a.ID, Regions: slices.Clone(a.Regions)}
		slices.Sort(out.Regions)
		out.Regions = slices.Compact(out.Regions)
		for j, r := range a.Regions {
			c.region(doc.At("spec", "accounts", i, "regions", j), r)
			p := access.PartitionOf(r)
			if out.Partition != "" && p != out.Partition {
				c.fault(doc.At("spec", "accounts", i, "regions", j), "an account is of one partition", "region %s is of partition %s, the account's others are of %s", r, p, out.Partition)
				continue
			}
			out.Partition = p
		}
		if r := a.AssumeRole; r != nil {
			out.RoleARN, out.ExternalID, out.SessionName = r.ARN, r.ExternalID, r.SessionName
			role, err := access.ParseIAMPrincipal(r.ARN)
			if err != nil || role.Kind != "role" || role.Account != a.ID || role.Partition != out.Partition {
				c.fault(doc.At("spec", "accounts", i, "assumeRole", "arn"), "want arn:"+out.Partition+":iam::"+a.ID+":role/NAME",
					"%s is not a role of account %s in partition %s", quoted(r.ARN), a.ID, out.Partition)
			}
		}
		c.state.Accounts = append(c.state.Accounts, out)
	}
	slices.SortFunc(c.state.Accounts, func(a, b access.Account) int { return cmp.Compare(a.Name, b.Name) })
	c.tags()
}

// tags refuses tags that would make our own objects somebody else's, and
// those that AWS or we keep to ourselves.
func (c *compiler) tags() {
	doc := c.set.Environment
	for _, k := range slices.Sorted(maps.Keys(doc.Value.Spec.Tags)) {
		at := doc.At("spec", "tags", k)
		switch {
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			c.fault(at, "", "tag %s: keys that begin with aws: are AWS's own", quoted(k))
		case strings.HasPrefix(k, "atlas-iam.dev/"):
			c.fault(at, "leave it out, it is set by itself", "tag %s is how atlas-iam marks what it made", quoted(k))
		}
	}
	mark := c.state.Owner.OwnerOf(withOwn(c.state), c.state.ForeignTags)
	if !mark.Ours {
		c.fault(doc.At("spec", "foreignTags"), "take it out of tags or out of foreignTags", "what is made would count as another tool's (%s): spec.tags match it", documents.Escape(mark.By))
	}
}

func withOwn(s *access.State) map[string]string {
	tags := maps.Clone(s.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, s.Owner.Tags())
	return tags
}

// account finds one of the Environment's accounts by name or twelve digits.
func (c *compiler) account(nameOrID string) (access.Account, bool) {
	for _, a := range c.state.Accounts {
		if a.Name == nameOrID || a.ID == nameOrID {
			return a, true
		}
	}
	return access.Account{}, false
}

func (c *compiler) accountNames() []string {
	var names []string
	for _, a := range c.state.Accounts {
		names = append(names, a.Name)
	}
	return names
}

// finish puts everything in its order.
func (c *compiler) finish() {
	for _, t := range c.set.Teams {
		c.state.Teams = append(c.state.Teams, t.Value.Name)
	}
	slices.Sort(c.state.Teams)
	c.state.Notes = append(c.state.Notes, UnknownActions(c.set)...)
	c.state.Clusters = make([]access.WantCluster, len(c.sites))
	var each sync.WaitGroup
	for i, s := range c.sites {
		each.Go(func() { c.state.Clusters[i] = s.finish() })
	}
	each.Wait()
	slices.SortFunc(c.state.Notes, func(a, b access.Note) int {
		return cmp.Or(comparePlaces(a.Place, b.Place), cmp.Compare(a.Text, b.Text))
	})
}
