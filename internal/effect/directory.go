package effect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// Directory tells whom people's words for subjects stand for. It never asks
// AWS: what it knows is in a State and, if there is one, a Snapshot.
type Directory struct {
	want *access.State
	have *access.Snapshot // nil: the documents alone
	// callers tells who "me" is; have, or a reading of the callers alone.
	callers *access.Snapshot
	teams   map[string]*roster
	// named are the members that some document names, by what people write.
	named map[string]bool
	// planned says that what a plan makes counts as there.
	planned bool
}

// roster is a team's members.
type roster struct {
	on  map[access.ClusterKey][]access.Member // where a grant reaches them
	all []access.Member                       // anywhere, in the documents' order
}

// Subject is one whom a word stands for on a cluster.
type Subject struct {
	Name string // as people write it: user/oleksii, serviceaccount/NS/NAME, an ARN
	// Principal is an IAM principal's ARN, and Session the name of its session
	// if that is known. Of a permission set that could not be looked up it is
	// the Placeholder.
	Principal, Session string
	// Identity is a ServiceAccount's; nil for IAM principals, whom the cluster's
	// entries and aws-auth map.
	Identity *authz.Identity
	// Also are those as whom the subject may act besides, as a workload's pods do
	// as its role: what one of them may the subject may.
	Also []Subject
	// Missing says why the subject does not seem to exist; empty if it does.
	// Answers about it hold nevertheless: they are those about a stranger.
	Missing string
}

// Namespace is a ServiceAccount's namespace, and empty for others.
func (s *Subject) Namespace() string {
	if s.Identity == nil {
		return ""
	}
	rest, ok := strings.CutPrefix(s.Identity.Username, "system:serviceaccount:")
	if !ok {
		return ""
	}
	ns, _, _ := strings.Cut(rest, ":")
	return ns
}

// NotFoundError is a word for subjects that stands for nobody.
type NotFoundError struct {
	Who  access.Who
	Why  string
	Near []string // words that may have been meant
}

func (e *NotFoundError) Error() string { return e.Who.String() + ": " + e.Why }

// NewDirectory makes one. have is nil where only the documents were read.
func NewDirectory(want *access.State, have *access.Snapshot) *Directory {
	d := &Directory{want: want, have: have, callers: have, teams: map[string]*roster{}, named: map[string]bool{}}
	for _, t := range want.Teams {
		d.teams[t] = &roster{on: map[access.ClusterKey][]access.Member{}}
	}
	for i := range want.Clusters {
		c := &want.Clusters[i]
		for j := range c.Entries {
			e := &c.Entries[j]
			d.named[e.Member.String()] = true
			for _, s := range e.Sources {
				if r := d.teams[s.Team]; r != nil && !slices.Contains(r.on[c.Key], e.Member) {
					r.on[c.Key] = append(r.on[c.Key], e.Member)
					r.add(e.Member)
				}
			}
		}
		for _, m := range c.Idle {
			d.named[m.Member.String()] = true
			if r := d.teams[m.Team]; r != nil {
				r.add(m.Member)
			}
		}
		for _, list := range [][]access.ListedMember{c.Protect, c.Remove} {
			for _, l := range list {
				d.named[l.Member.String()] = true
			}
		}
	}
	return d
}

// WithCallers gives d who calls, where nothing else of the reading is to count:
// the documents alone are asked about.
func (d *Directory) WithCallers(h *access.Snapshot) *Directory {
	d.callers = h
	return d
}

// Awaits reports whether something that a document wants on a cluster takes in
// a namespace: a scope, or a workload's ServiceAccount.
func (d *Directory) Awaits(k access.ClusterKey, namespace string) bool {
	return slices.ContainsFunc(d.Patterns(k), func(p string) bool { return access.MatchPattern(p, namespace) })
}

// Patterns are the namespaces and patterns of namespaces that the documents use
// on a cluster, sorted.
func (d *Directory) Patterns(k access.ClusterKey) []string {
	var patterns []string
	for i := range d.want.Clusters {
		c := &d.want.Clusters[i]
		if c.Key != k {
			continue
		}
		for j := range c.Entries {
			for _, a := range c.Entries[j].Associations {
				patterns = append(patterns, a.Scope.Namespaces...)
			}
		}
		for j := range c.Bindings {
			patterns = append(patterns, c.Bindings[j].Scope.Namespaces...)
		}
	}
	for i := range d.want.Workloads {
		if w := &d.want.Workloads[i]; slices.Contains(w.Clusters, k) {
			for _, a := range w.Accounts {
				patterns = append(patterns, a.Namespace)
			}
		}
	}
	slices.Sort(patterns)
	return slices.Compact(patterns)
}

// AfterPlan makes d that of what a plan leaves: roles that the documents make
// exist.
func (d *Directory) AfterPlan() *Directory {
	d.planned = true
	return d
}

func (r *roster) add(m access.Member) {
	if !slices.Contains(r.all, m) {
		r.all = append(r.all, m)
	}
}

// Named lists the members that documents name, as people write them, sorted.
func (d *Directory) Named() []string {
	var names []string
	for n := range d.named {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Subjects are those whom who stands for on a cluster; at least one, unless
// there is an error, which is a *NotFoundError.
func (d *Directory) Subjects(who access.Who, k access.ClusterKey) ([]Subject, error) {
	switch who.Kind {
	case access.WhoTeam:
		return d.team(who, k)
	case access.WhoServiceAccount:
		return serviceAccount(who)
	case access.WhoMe:
		return d.me(who, k)
	case access.WhoWorkload:
		return d.workload(who, k)
	case access.WhoUser, access.WhoRole, access.WhoPermissionSet, access.WhoARN:
		m := d.member(who, k)
		return []Subject{d.subject(m, k)}, nil
	}
	return nil, &NotFoundError{Who: who, Why: "subjects of this kind are not supported by this version"}
}

func (d *Directory) team(who access.Who, k access.ClusterKey) ([]Subject, error) {
	r, ok := d.teams[who.Name]
	if !ok {
		return nil, &NotFoundError{Who: who, Why: "no document makes that team", Near: prefixed("team/", d.want.Teams)}
	}
	members := r.on[k]
	if len(members) == 0 { // no grant reaches them there
		members = r.all
	}
	if len(members) == 0 {
		return nil, &NotFoundError{Who: who, Why: "the team has no members"}
	}
	subjects := make([]Subject, 0, len(members))
	for _, m := range members {
		subjects = append(subjects, d.subject(m, k))
	}
	return subjects, nil
}

func prefixed(prefix string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = prefix + n
	}
	return out
}

// serviceAccount is a ServiceAccount's identity. Whether it exists is not
// known: no reading lists them.
func serviceAccount(who access.Who) ([]Subject, error) {
	ns, name, ok := strings.Cut(who.Name, "/")
	if !ok || ns == "" || name == "" || strings.Contains(name, "/") {
		return nil, &NotFoundError{Who: who, Why: "want serviceaccount/NAMESPACE/NAME"}
	}
	id := authz.ServiceAccount(ns, name)
	return []Subject{{Name: who.String(), Identity: &id}}, nil
}

// me is the caller, as the cluster's account saw him.
func (d *Directory) me(who access.Who, k access.ClusterKey) ([]Subject, error) {
	if d.callers == nil {
		return nil, &NotFoundError{Who: who, Why: "who calls is known only to AWS, and it was not asked"}
	}
	a, ok := d.callers.Account(k.Account)
	if !ok || a.Caller == "" {
		return nil, &NotFoundError{Who: who, Why: "account " + k.Account + " could not be asked who calls"}
	}
	arn, ok := a.CallerPrincipal()
	if !ok {
		return nil, &NotFoundError{Who: who, Why: "no user or role of account " + k.Account + " was found behind the caller " + a.Caller}
	}
	s := Subject{Name: d.words(arn, k), Principal: arn}
	if iam, err := access.ParseIAMPrincipal(arn); err == nil && d.have == nil {
		if set, ok := iam.PermissionSet(); ok { // the documents' facts have no more than that
			s.Principal = Placeholder(access.Member{Kind: access.PermissionSetMember, Partition: iam.Partition, Account: iam.Account, Name: set})
		}
	}
	if _, _, ok := access.SessionRole(a.Caller); ok {
		s.Session = a.Caller[strings.LastIndexByte(a.Caller, '/')+1:]
	}
	return []Subject{s}, nil
}

// member settles a subject's account and path on a cluster: a role may be
// called by its name alone, as AWS identifies it, where a document or the
// account has just one of that name.
func (d *Directory) member(who access.Who, k access.ClusterKey) access.Member {
	m := access.Member{Kind: access.MemberKind(who.Kind), Name: strings.TrimPrefix(who.Name, "/")}
	if who.Member != nil {
		m = *who.Member
	}
	if who.Kind == access.WhoARN {
		m = access.Member{Kind: access.ARNMember, Name: cmp.Or(who.ARN, m.Name)}
		if a, err := access.ParseARN(m.Name); err == nil {
			m.Partition, m.Account = a.Partition, a.Account
		}
		return m
	}
	m.Account = cmp.Or(m.Account, k.Account)
	if m.Partition == "" {
		m.Partition = access.PartitionOf(k.Region)
		if a, ok := d.want.Account(m.Account); ok {
			m.Partition = cmp.Or(a.Partition, m.Partition)
		}
	}
	if d.named[m.String()] || strings.Contains(m.Name, "/") || m.Kind == access.PermissionSetMember {
		return m
	}
	var found []string
	for n := range d.named {
		if kind, name, _ := strings.Cut(n, "/"); kind == string(m.Kind) && name[strings.LastIndexByte(name, '/')+1:] == m.Name {
			found = append(found, name)
		}
	}
	if len(found) == 1 {
		m.Name = found[0]
	}
	return m
}

// subject looks a member up where there is something to look in.
func (d *Directory) subject(m access.Member, k access.ClusterKey) Subject {
	s := Subject{Name: m.String(), Principal: Placeholder(m)}
	if m.Account != k.Account && m.Kind != access.PermissionSetMember {
		s.Name = s.Principal // the short name would be the cluster's account's
	}
	if m.Kind == access.ARNMember {
		if _, err := access.ParseIAMPrincipal(m.Name); err != nil {
			s.Missing = err.Error()
			return s
		}
	}
	if d.have == nil {
		if _, ours := d.want.Account(m.Account); ours && !d.isNamed(m, s.Principal) {
			s.Missing = "no document names " + m.String()
		}
		return s
	}
	a, ok := d.have.Account(m.Account)
	switch {
	case m.Kind == access.PermissionSetMember:
		d.permissionSet(&s, m, a)
	case !ok:
	default:
		iam, _ := access.ParseIAMPrincipal(s.Principal)
		read := a.UsersRead
		if iam.Kind == "role" {
			read = a.RolesRead
		}
		if _, found := a.Principal(s.Principal); read && !found && !d.toCome(s.Principal) {
			s.Missing = fmt.Sprintf("account %s has no %s", m.Account, strings.TrimPrefix(iam.Kind+iam.Path, "/")+iam.Name)
		}
	}
	return s
}

// isNamed reports whether some document names a principal, by any word.
func (d *Directory) isNamed(m access.Member, arn string) bool {
	if d.named[m.String()] || d.named[arn] {
		return true
	}
	iam, err := access.ParseIAMPrincipal(arn)
	return err == nil && d.named[iam.Kind+iam.Path+iam.Name]
}

// permissionSet finds the role that was made for a permission set.
func (d *Directory) permissionSet(s *Subject, m access.Member, a *access.HaveAccount) {
	if a == nil || !a.RolesRead {
		s.Missing = fmt.Sprintf("the roles of account %s were not read, so the role of permission set %s is not known", m.Account, m.Name)
		return
	}
	var found []string
	for _, r := range a.Roles {
		if iam, err := access.ParseIAMPrincipal(r.ARN); err == nil {
			if name, ok := iam.PermissionSet(); ok && name == m.Name {
				found = append(found, r.ARN)
			}
		}
	}
	if len(found) == 1 {
		s.Principal = found[0]
		return
	}
	s.Missing = fmt.Sprintf("account %s has %d roles of permission set %s", m.Account, len(found), m.Name)
}

// words is a principal as people write it on a cluster.
func (d *Directory) words(arn string, k access.ClusterKey) string {
	iam, err := access.ParseIAMPrincipal(arn)
	if err != nil || iam.Account != k.Account {
		return arn
	}
	if name, ok := iam.PermissionSet(); ok {
		return string(access.PermissionSetMember) + "/" + name
	}
	return iam.Kind + iam.Path + iam.Name
}
