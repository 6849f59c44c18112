package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// wanted decides a principal that the documents want on a cluster; have is
// its entry there, nil if none was seen.
func (d *differ) wanted(s *site, w *ResolvedEntry, have *access.Entry) {
	changes := d.diff(s, w, have)
	if have != nil {
		owner := d.want.Owner.OwnerOf(have.Tags, d.want.ForeignTags)
		if !owner.Ours {
			f := d.foreignEntry(s, have)
			f.Wanted, f.Adoptable = true, len(changes) == 0
			d.plan.Foreign = append(d.plan.Foreign, f)
			d.holdForeign(s, w, have, &f, changes)
		}
	}
	if len(changes) == 0 {
		d.silent(s, w)
	}
	for _, hold := range d.wantedHolds(s, w, have) {
		for i := range changes {
			changes[i].hold(hold)
		}
	}
	d.plan.Changes = append(d.plan.Changes, changes...)
}

// wantedHolds is what keeps every change of a wanted entry from being made.
func (d *differ) wantedHolds(s *site, w *ResolvedEntry, have *access.Entry) []Hold {
	var holds []Hold
	if s.hold != nil {
		holds = append(holds, *s.hold)
	}
	if w.Principal.Problem != nil {
		holds = append(holds, *w.Principal.Problem)
	}
	if w.Conflict != "" {
		holds = append(holds, Hold{Conflict, w.Conflict})
	}
	if have == nil && w.Principal.ARN != "" && s.hold == nil {
		if gap, unread := d.have.Unread(s.key, w.Principal.ARN); unread {
			holds = append(holds, Hold{HalfRead, gapWords(gap)})
		}
	}
	return holds
}

// diff is what would make have the wanted entry.
func (d *differ) diff(s *site, w *ResolvedEntry, have *access.Entry) []Change {
	to := d.entry(w, have)
	base := d.about(s, w)
	entry := base
	entry.ID, entry.Kind = siteID("entry", s.key, w.Principal.key()), AccessEntry
	made := "" // the change that makes the entry anew
	var changes []Change
	switch {
	case have == nil:
		entry.Verb, entry.To, entry.DependsOn = Create, Entry{to}, slices.Clone(s.after)
		made = entry.ID
	case have.Type != to.Type || d.have.EntryAlive(have) == access.AliveRemade:
		entry.Verb, entry.From, entry.To = Replace, Entry{*have.Clone()}, Entry{to}
		made = entry.ID
	case !to.SameIdentity(have) || !maps.Equal(to.Tags, have.Tags):
		entry.Verb, entry.From, entry.To = Update, Entry{withoutPolicies(have)}, Entry{to}
	}
	if id := d.roles[w.Principal.ARN]; id != "" && made != "" {
		entry.DependsOn = append(entry.DependsOn, id) // EKS takes no principal that is not there
		slices.Sort(entry.DependsOn)
	}
	if entry.Verb != "" {
		d.weigh(&entry, w.Username != "")
		changes = append(changes, entry)
	}
	before := have
	if made != "" {
		before = nil
	}
	changes = append(changes, d.associations(base, w, before, made)...)
	grantsFirst(changes)
	return changes
}

// associations compares the policies of a wanted entry with those it has;
// made is the change that makes the entry, if it has to be made.
func (d *differ) associations(base Change, w *ResolvedEntry, have *access.Entry, made string) []Change {
	var changes []Change
	add := func(policy string, from, to *access.Association, parts []access.WantScope) {
		c := base
		c.ID, c.Kind = siteID("association", c.Cluster, w.Principal.key(), access.ShortPolicy(policy)), PolicyAssociation
		if from != nil {
			c.From = Association{w.Principal.ARN, *from}
		}
		if to != nil {
			c.To = Association{w.Principal.ARN, *to}
		}
		switch {
		case from == nil:
			c.Verb = Create
		case to == nil:
			c.Verb = Delete
		default:
			c.Verb = Update
		}
		if made != "" {
			c.DependsOn = []string{made}
		}
		if len(parts) > 0 {
			c.Source = parts[0].Source.Place
			c.Teams = teamsOf(parts)
		}
		d.weigh(&c, false)
		changes = append(changes, c)
	}
	for _, a := range w.Associations {
		to := access.Association{Policy: a.Policy, Scope: a.Scope}
		var from *access.Association
		if have != nil {
			if f, ok := have.Association(a.Policy); ok {
				from = &f
			}
		}
		if from == nil || !from.Scope.Equal(to.Scope) {
			add(a.Policy, from, &to, a.Parts)
		}
	}
	if have == nil {
		return changes
	}
	for _, a := range have.Associations {
		if !slices.ContainsFunc(w.Associations, func(x access.WantAssociation) bool { return x.Policy == a.Policy }) {
			add(a.Policy, &a, nil, nil)
		}
	}
	return changes
}

// unwanted decides an entry that was seen and that no document wants.
func (d *differ) unwanted(s *site, have *access.Entry) {
	owner := d.want.Owner.OwnerOf(have.Tags, d.want.ForeignTags)
	var remove *Principal
	if s.want != nil && !d.options.Destroy {
		remove = listed(s.want.Remove, have.Principal)
	}
	if !owner.Ours && remove == nil {
		d.plan.Foreign = append(d.plan.Foreign, d.foreignEntry(s, have))
		return
	}
	if !s.whole {
		return // no delete inside a gap; the gap is in the plan
	}
	c := Change{ID: siteID("entry", s.key, have.Principal), Verb: Delete, Kind: AccessEntry, Cluster: s.key, Document: s.document(),
		Principal: have.Principal, Member: memberWords(have.Principal, s.key), From: Entry{*have.Clone()}}
	if remove != nil {
		c.Member, c.Source = remove.Member.String(), remove.Place
	}
	if s.want != nil && !d.options.Destroy {
		for i := range s.want.Entries {
			if p := &s.want.Entries[i].Principal; p.MayMean(have.Principal) {
				c.hold(Hold{p.Problem.Guard, "it may be the entry of " + p.Member.String() + ": " + p.Problem.Reason})
			}
		}
	}
	d.weigh(&c, false)
	d.add(c)
}

// about is a change about a wanted entry, before its kind and verb.
func (d *differ) about(s *site, w *ResolvedEntry) Change {
	c := Change{Cluster: s.key, Document: s.document(), Principal: w.Principal.ARN, Member: w.Member.String(), Source: w.Principal.Place}
	for _, src := range w.Sources {
		if src.Team != "" {
			c.Teams = append(c.Teams, src.Team)
		}
	}
	slices.Sort(c.Teams)
	c.Teams = slices.Compact(c.Teams)
	return c
}

func teamsOf(parts []access.WantScope) []string {
	var teams []string
	for _, p := range parts {
		if p.Source.Team != "" {
			teams = append(teams, p.Source.Team)
		}
	}
	slices.Sort(teams)
	return slices.Compact(teams)
}

// entry is the wanted entry itself. EKS sets the groups and the username of
// types other than STANDARD, so there they are as they are. Tags of an entry
// that is ours are added to, never taken; those of others are left alone.
func (d *differ) entry(w *ResolvedEntry, have *access.Entry) access.Entry {
	e := access.Entry{Principal: w.Principal.ARN, Type: cmp.Or(w.Type, access.Standard), Tags: maps.Clone(d.tags)}
	if e.Type == access.Standard {
		e.Groups = slices.Clone(w.Groups)
		e.Username = cmp.Or(w.Username, defaultUsername(w.Principal.ARN))
	}
	if have == nil {
		return e
	}
	if have.Type == e.Type && e.Type != access.Standard {
		e.Groups, e.Username = slices.Clone(have.Groups), have.Username
	}
	if e.Username == "" && have.Type == e.Type {
		e.Username = have.Username
	}
	stays := have.Type == e.Type && d.have.EntryAlive(have) != access.AliveRemade
	if stays {
		e.ARN, e.CreatedAt = have.ARN, have.CreatedAt
	}
	if !d.want.Owner.OwnerOf(have.Tags, d.want.ForeignTags).Ours {
		e.Tags = maps.Clone(have.Tags)
		return e
	}
	for k, v := range have.Tags {
		// AWS's own tags cannot be written to an entry that is made anew.
		if _, ours := d.tags[k]; !ours && (stays || !strings.HasPrefix(k, "aws:")) {
			e.Tags[k] = v
		}
	}
	return e
}

func defaultUsername(arn string) string {
	p, err := access.ParseIAMPrincipal(arn)
	if err != nil {
		return ""
	}
	return p.DefaultUsername()
}

func withoutPolicies(e *access.Entry) access.Entry {
	c := e.Clone()
	c.Associations = nil
	return *c
}

// memberWords is a principal as a document on that cluster could name it.
func memberWords(arn string, k access.ClusterKey) string {
	p, err := access.ParseIAMPrincipal(arn)
	if err != nil || p.Account != k.Account {
		return arn
	}
	if name, ok := p.PermissionSet(); ok {
		return access.Member{Kind: access.PermissionSetMember, Name: name}.String()
	}
	return p.Kind + p.Path + p.Name
}

// foreignOwner names the owner of an entry that is not ours. Entries that EKS
// makes bear no mark; their types and principals tell.
func foreignOwner(e *access.Entry, o access.Ownership) string {
	if p, err := access.ParseIAMPrincipal(e.Principal); err == nil && p.ServiceLinked() {
		return "AWS (service-linked role)"
	}
	if e.Type != access.Standard && len(e.Tags) == 0 {
		return "Amazon EKS (node role)"
	}
	return o.By
}

// words says how a change's object differs from what is wanted.
func (d *differ) words(s *site, c *Change) string {
	switch to := c.To.(type) {
	case Entry:
		from, _ := c.From.(Entry)
		return entryDifference(&from.Entry, &to.Entry, d.have.EntryAlive(&from.Entry) == access.AliveRemade)
	case Association:
		name := access.ShortPolicy(to.Policy)
		if from, ok := c.From.(Association); ok {
			return "policy " + name + " has " + from.Scope.String() + ", wanted is " + to.Scope.String()
		}
		return "policy " + name + " on " + to.Scope.String() + " is missing"
	}
	if from, ok := c.From.(Association); ok {
		return "policy " + access.ShortPolicy(from.Policy) + " on " + from.Scope.String() + " is not wanted"
	}
	return "it is not wanted"
}

// entryDifference says in what two entries differ, tags and policies aside.
func entryDifference(from, to *access.Entry, dead bool) string {
	var diffs []string
	if dead {
		diffs = append(diffs, "it is dead, its principal was made again later")
	}
	if from.Type != to.Type {
		diffs = append(diffs, "type is "+string(from.Type)+", wanted is "+string(to.Type))
	}
	if from.Username != to.Username {
		diffs = append(diffs, "username is "+orNone(from.Username)+", wanted is "+orNone(to.Username))
	}
	if !slices.Equal(from.Groups, to.Groups) {
		diffs = append(diffs, "groups are "+orNone(strings.Join(from.Groups, ", "))+", wanted are "+orNone(strings.Join(to.Groups, ", ")))
	}
	return strings.Join(diffs, "; ")
}

func orNone(s string) string { return cmp.Or(s, "none") }

// hold adds a hold that c does not have yet and says whether it is new.
func (c *Change) hold(h Hold) bool {
	if slices.Contains(c.Held, h) {
		return false
	}
	c.Held = append(c.Held, h)
	return true
}
