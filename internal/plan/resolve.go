package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// Resolved is a State whose members were looked up in a Snapshot.
type Resolved struct {
	Clusters []ResolvedCluster // as in the State
}

// Cluster finds what is wanted of a cluster.
func (r *Resolved) Cluster(k access.ClusterKey) (*ResolvedCluster, bool) {
	for i := range r.Clusters {
		if r.Clusters[i].Want.Key == k {
			return &r.Clusters[i], true
		}
	}
	return nil, false
}

// ResolvedCluster is a wanted cluster with its principals.
type ResolvedCluster struct {
	Want    *access.WantCluster
	Entries []ResolvedEntry // sorted by principal, then member; one for each principal
	Protect []Principal     // in the State's order
	Remove  []Principal     // in the State's order
}

// Principal is a member looked up. ARN is empty for a permission set whose
// role was not found; every other member has one. Problem is why it does not
// resolve; it is nil if it does, or if that cannot be checked.
type Principal struct {
	Member  access.Member
	ARN     string
	Place   access.Place
	Problem *Hold

	// mayBe are principals that exist and that the document may have meant.
	mayBe []string
}

// MayMean reports whether an unresolved member could stand for a principal: by
// its name, or because what would have told could not be read.
func (p *Principal) MayMean(arn string) bool {
	if p.Problem == nil {
		return false
	}
	if slices.Contains(p.mayBe, arn) {
		return true
	}
	if p.Problem.Guard != HalfRead || p.Member.Kind != access.PermissionSetMember {
		return false
	}
	iam, err := access.ParseIAMPrincipal(arn)
	if err != nil || iam.Account != p.Member.Account {
		return false
	}
	name, ok := iam.PermissionSet()
	return ok && name == p.Member.Name
}

// key is what a change about p is named by.
func (p *Principal) key() string { return cmp.Or(p.ARN, p.Member.String()) }

// ResolvedEntry is a wanted entry with its principal.
type ResolvedEntry struct {
	access.WantEntry
	Principal Principal
	// Conflict is set where two members turned out to be one principal and
	// cannot both hold.
	Conflict string
}

// Resolve looks the State's members up. A role that the documents want made is
// as good as one that is there. Members of one cluster that turn out
// to be one principal (a permission set and its role's ARN) become one entry.
func Resolve(want *access.State, have *access.Snapshot) *Resolved {
	made := map[string]bool{}
	for i := range want.Roles {
		made[want.Roles[i].ARN] = !want.Roles[i].Existing
	}
	r := &Resolved{Clusters: make([]ResolvedCluster, 0, len(want.Clusters))}
	for i := range want.Clusters {
		w := &want.Clusters[i]
		c := ResolvedCluster{Want: w}
		for _, e := range w.Entries {
			p := resolveMember(e.Member, have)
			if p.Problem != nil && p.Problem.Guard == NoPrincipal && made[p.ARN] {
				p.Problem, p.mayBe = nil, nil
			}
			if len(e.Sources) > 0 {
				p.Place = e.Sources[0].Place
			}
			c.Entries = append(c.Entries, ResolvedEntry{WantEntry: e, Principal: p})
		}
		slices.SortStableFunc(c.Entries, func(a, b ResolvedEntry) int {
			return cmp.Or(cmp.Compare(a.Principal.key(), b.Principal.key()), cmp.Compare(a.Member.String(), b.Member.String()))
		})
		c.Entries = unite(c.Entries)
		c.Protect = resolveList(w.Protect, have)
		c.Remove = resolveList(w.Remove, have)
		for i := range c.Entries {
			e := &c.Entries[i]
			if p := listed(c.Remove, e.Principal.ARN); p != nil && e.Conflict == "" {
				e.Conflict = fmt.Sprintf("%s is a member at %s and is to be removed at %s", e.Member, e.Principal.Place, p.Place)
			}
		}
		r.Clusters = append(r.Clusters, c)
	}
	return r
}

// listed finds a principal in a list of protect or remove.
func listed(list []Principal, arn string) *Principal {
	if arn == "" {
		return nil
	}
	for i := range list {
		if list[i].ARN == arn {
			return &list[i]
		}
	}
	return nil
}

func resolveList(list []access.ListedMember, have *access.Snapshot) []Principal {
	var ps []Principal
	for _, l := range list {
		p := resolveMember(l.Member, have)
		p.Place = l.Place
		ps = append(ps, p)
	}
	return ps
}

// resolveMember looks one member up. What cannot be checked (another account's
// principal, a list that was not read) is taken as it is written.
func resolveMember(m access.Member, have *access.Snapshot) Principal {
	arn, ok := m.ARN()
	if !ok {
		return resolvePermissionSet(m, have)
	}
	p := Principal{Member: m, ARN: arn}
	iam, err := access.ParseIAMPrincipal(arn)
	if err != nil {
		return p
	}
	account, ok := have.Account(iam.Account)
	if !ok {
		return p
	}
	read, list := account.UsersRead, account.Users
	if iam.Kind == "role" {
		read, list = account.RolesRead, account.Roles
	}
	if _, found := account.Principal(arn); found || !read {
		return p
	}
	reason := fmt.Sprintf("account %s has no %s %s", accountWords(account), iam.Kind, strings.TrimPrefix(iam.Path, "/")+iam.Name)
	var hints []string // IAM's names do not differ by case alone
	for _, other := range list {
		if o, err := access.ParseIAMPrincipal(other.ARN); err == nil && strings.EqualFold(o.Name, iam.Name) {
			p.mayBe = append(p.mayBe, other.ARN)
			hints = append(hints, o.Kind+o.Path+o.Name)
		}
	}
	if len(hints) > 0 {
		reason += fmt.Sprintf("; %s %s is %s there", iam.Kind, iam.Name, strings.Join(hints, " and "))
	}
	p.Problem = &Hold{NoPrincipal, reason}
	return p
}

// resolvePermissionSet finds the role that IAM Identity Center made for a
// permission set in the member's account. Exactly one must match.
func resolvePermissionSet(m access.Member, have *access.Snapshot) Principal {
	p := Principal{Member: m}
	account, ok := have.Account(m.Account)
	if !ok {
		p.Problem = &Hold{NoPrincipal, fmt.Sprintf("permission set %s cannot be looked up: account %s is not one of the Environment's", m.Name, m.Account)}
		return p
	}
	if !account.RolesRead {
		why := "they were not read"
		for _, g := range have.Gaps {
			if g.Account == m.Account && (g.What == access.GapRoles || g.What == access.GapAccount) {
				why = g.Reason
				break
			}
		}
		p.Problem = &Hold{HalfRead, fmt.Sprintf("permission set %s cannot be looked up: the roles of account %s could not be read: %s", m.Name, accountWords(account), why)}
		return p
	}
	var found []string
	for _, r := range account.Roles {
		iam, err := access.ParseIAMPrincipal(r.ARN)
		if err != nil {
			continue
		}
		if name, ok := iam.PermissionSet(); ok && name == m.Name {
			found = append(found, r.ARN)
		}
	}
	switch len(found) {
	case 1:
		p.ARN = found[0]
	case 0:
		p.Problem = &Hold{NoPrincipal, fmt.Sprintf("account %s has no role of permission set %s (%s%s_...): is the set assigned to the account?",
			accountWords(account), m.Name, access.SSORolePrefix, m.Name)}
	default:
		p.mayBe = found
		p.Problem = &Hold{NoPrincipal, fmt.Sprintf("account %s has %d roles of permission set %s: %s", accountWords(account), len(found), m.Name, strings.Join(found, ", "))}
	}
	return p
}

func accountWords(a *access.HaveAccount) string {
	if a.Account.Name == "" {
		return a.Account.ID
	}
	return a.Account.Name + " (" + a.Account.ID + ")"
}

// unite makes one entry of neighbours with the same principal.
func unite(sorted []ResolvedEntry) []ResolvedEntry {
	var out []ResolvedEntry
	for _, e := range sorted {
		if len(out) == 0 || e.Principal.ARN == "" || out[len(out)-1].Principal.ARN != e.Principal.ARN {
			out = append(out, e)
			continue
		}
		last := &out[len(out)-1]
		last.WantEntry, last.Conflict = uniteEntries(last.WantEntry, e.WantEntry)
	}
	return out
}

// uniteEntries is the union of two wishes for one principal, or why there is
// none.
func uniteEntries(a, b access.WantEntry) (_ access.WantEntry, conflict string) {
	at := func(e access.WantEntry) string {
		if len(e.Sources) == 0 {
			return e.Member.String()
		}
		return e.Member.String() + " at " + e.Sources[0].Place.String()
	}
	switch {
	case a.Type != b.Type:
		conflict = fmt.Sprintf("%s and %s are one principal with two types, %s and %s", at(a), at(b), a.Type, b.Type)
	case a.Username != b.Username && a.Username != "" && b.Username != "":
		conflict = fmt.Sprintf("%s and %s are one principal with two usernames, %s and %s", at(a), at(b), a.Username, b.Username)
	}
	a.Username = cmp.Or(a.Username, b.Username)
	a.Groups = slices.Concat(a.Groups, b.Groups)
	slices.Sort(a.Groups)
	a.Groups = slices.Compact(a.Groups)
	a.Sources = slices.Concat(a.Sources, b.Sources)
	united := slices.Clone(a.Associations)
	for _, w := range b.Associations {
		i, ok := slices.BinarySearchFunc(united, w.Policy, func(x access.WantAssociation, p string) int { return strings.Compare(x.Policy, p) })
		if !ok {
			united = slices.Insert(united, i, w)
			continue
		}
		united[i].Scope = united[i].Scope.Union(w.Scope)
		united[i].Parts = slices.Concat(united[i].Parts, w.Parts)
	}
	a.Associations = united
	return a, conflict
}
