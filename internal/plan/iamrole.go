package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/trust"
)

// mostManaged is how many managed policies a role may have. (IAM User Guide,
// IAM and STS quotas)
const mostManaged = 10

// role decides a role that a document wants.
func (w *workloads) role(r *access.WantRole) {
	account, asked := w.have.Account(r.Account)
	hold := w.rolesHold(r.Account)
	have := (*access.HaveRole)(nil)
	if asked {
		have = roleNamed(account, r.ARN)
	}
	if r.Existing {
		w.existing(r, have, asked && hold == nil)
		return
	}
	statements, missing := trust.Want(r.Trust, trust.IssuersOf(w.have, r.Account))
	missing = w.parts(r, missing)
	wanted, problem := w.wantedRole(r, have, statements, missing)
	base := Change{Cluster: access.ClusterKey{Account: r.Account}, Principal: r.ARN, Workloads: r.Workloads, Source: r.Place}
	var changes []Change
	switch {
	case have == nil:
		changes = w.makeRole(base, Create, nil, wanted, r)
	case have.ARN != r.ARN:
		changes = w.makeRole(base, Replace, have, wanted, r)
	default:
		changes = w.updateRole(base, have, wanted, r)
	}
	ours := have == nil || w.want.Owner.OwnerOf(have.Tags, w.want.ForeignTags).Ours
	if !ours {
		w.foreignRole(have, wanted, r, changes)
		changes = slices.DeleteFunc(changes, func(c Change) bool { return len(c.Held) == 0 })
	} else if have != nil {
		mended := wanted.Trust
		if hold != nil || problem != nil {
			mended = have.Trust
		}
		w.tellTrust(r, have, mended, statements)
	}
	for i := range changes {
		c := &changes[i]
		if hold != nil {
			c.hold(*hold)
		}
		if problem != nil && c.Kind == Role {
			c.hold(*problem)
		}
		if c.Kind == Role && c.To != nil {
			w.waitForProviders(c, r)
		}
		if c.Verb != Delete {
			w.ready[r.ARN] = append(w.ready[r.ARN], c.ID)
		}
		if c.Kind == Role && c.Verb != Update {
			w.made[r.ARN] = c.ID
		}
		w.add(*c)
	}
	for _, t := range r.Trust { // also where nothing of the role changes
		if t.Credentials == access.IRSA {
			w.provider(r.Account, t, false)
		}
	}
}

// tellTrust points out what the trust policy of a role of ours says that nobody
// wrote here: statements of others, who may have the role too, and want of one
// of ours that the plan does not put back, for which pods that are to have it are
// refused. What it puts back is access gained.
func (w *workloads) tellTrust(r *access.WantRole, have *access.HaveRole, mended access.Document, ours []trust.Statement) {
	name := "role " + access.RoleName(r.ARN)
	for _, other := range trust.Others(have.Trust, trust.AboutRole(w.have, r.ARN, r)) {
		if len(other.Holds) == 0 {
			w.warn(Trust, r.Place, name+" may be had by others than its ServiceAccounts: "+other.Lets+"; that is not ours and stays: take it out of the trust policy if it is not meant")
			continue
		}
		w.warn(Trust, r.Place, "DANGER: "+name+" is open: "+other.Lets+", so that "+other.Holds[0].Leads+"; it is not ours, so no plan takes it away. Take it out now: "+trustCommands(r.ARN))
	}
	for _, s := range trust.Lacks(mended, ours) {
		if slices.ContainsFunc(s.Trusts, func(t access.WantTrust) bool { return w.hasRole(t, r.ARN) }) {
			w.warn(Trust, r.Place, name+" does not trust "+subjects(s)+" now: their pods are refused until its trust policy is mended")
		}
	}
}

// trustCommands are those by which a role's trust policy is seen and written.
func trustCommands(role string) string {
	name := shellWord(access.RoleName(role))
	return "in account " + access.AccountOf(role) + " aws iam get-role --role-name " + name + " --query Role.AssumeRolePolicyDocument > trust.json, delete the statement there, and aws iam update-assume-role-policy --role-name " +
		name + " --policy-document file://trust.json"
}

// hasRole reports whether ServiceAccounts that are to have a role are given it
// by what was read: by an association, or an annotation.
func (w *workloads) hasRole(t access.WantTrust, role string) bool {
	c, ok := w.have.Cluster(t.Cluster)
	if !ok {
		return false
	}
	meant := func(namespace, name, given string) bool {
		return given == role && access.MatchPattern(t.Namespace, namespace) && access.MatchPattern(t.Name, name)
	}
	if t.Credentials == access.PodIdentity {
		return slices.ContainsFunc(c.PodIdentities, func(a access.PodIdentityAssociation) bool {
			return meant(a.Namespace, a.ServiceAccount, a.Role)
		})
	}
	return c.Kubernetes != nil && slices.ContainsFunc(c.Kubernetes.ServiceAccounts, func(a access.HaveServiceAccount) bool {
		return meant(a.Namespace, a.Name, a.Annotations[access.AnnotationRole])
	})
}

// rolesHold says why no role of an account can be changed, if that is so.
func (w *workloads) rolesHold(account string) *Hold {
	a, asked := w.have.Account(account)
	gap, unread := w.have.UnreadOf(access.ClusterKey{Account: account}, access.GapRoleDetails)
	switch {
	case unread:
		return &Hold{HalfRead, gapWords(gap)}
	case !asked:
		return &Hold{HalfRead, "account " + account + " was not read"}
	case !a.DetailsRead:
		return &Hold{HalfRead, "the policies of the roles of account " + account + " were not read"}
	}
	return nil
}

// roleNamed finds a role by what IAM knows it by: its name, whatever the path.
func roleNamed(a *access.HaveAccount, arn string) *access.HaveRole {
	if r, ok := a.Role(arn); ok {
		return r
	}
	for i := range a.Details {
		if sameName(a.Details[i].ARN, arn) {
			return &a.Details[i]
		}
	}
	return nil
}

// parts makes a held change of each part of a role's trust that cannot be
// written, and gives back what is missing: its statements stay as they are. A
// cluster at which the run does not look stays so in silence.
func (w *workloads) parts(r *access.WantRole, missing []trust.Missing) []trust.Missing {
	for _, m := range missing {
		if !w.have.Part.HasCluster(m.Cluster) {
			continue
		}
		s := &workloadSite{key: m.Cluster, want: w.wantedCluster(m.Cluster)}
		s.have, _ = w.have.Cluster(m.Cluster)
		hold := w.hold(s, access.GapCluster, true)
		if hold == nil {
			hold = &Hold{Trust, m.Reason}
		}
		part := IAMRole{ARN: r.ARN}
		w.add(Change{ID: accountID("role", r.Account, access.RoleName(r.ARN), "trust", m.Cluster.String(), string(m.Credentials)), Verb: Update, Kind: Role,
			Cluster: m.Cluster, Document: s.document(), Principal: r.ARN, Workloads: r.Workloads, From: part, To: part,
			Held: []Hold{*hold}, Source: m.Trusts[0].Place})
	}
	return missing
}

// wantedRole is the role as it is to be; problem is why it cannot be so. Of a
// role that is there, what no document speaks of stays: a description, a
// boundary (to take one off widens), tags of others.
func (w *workloads) wantedRole(r *access.WantRole, have *access.HaveRole, statements []trust.Statement, missing []trust.Missing) (_ IAMRole, problem *Hold) {
	to := IAMRole{ARN: r.ARN, Description: r.Description, MaxSession: cmp.Or(r.MaxSession, access.DefaultSession), Boundary: r.Boundary, Tags: maps.Clone(w.tags)}
	maps.Copy(to.Tags, r.Tags)
	maps.Copy(to.Tags, w.want.Owner.Tags())
	var before access.Document
	if have != nil {
		before = have.Trust
		if have.ARN == r.ARN {
			to.ID = have.ID
			to.Description = cmp.Or(to.Description, have.Description)
			to.Boundary = cmp.Or(to.Boundary, have.Boundary)
		}
		for k, v := range have.Tags {
			if _, set := to.Tags[k]; !set && !strings.HasPrefix(k, "aws:") {
				to.Tags[k] = v
			}
		}
		if have.TrustText != "" {
			return to, &Hold{Trust, "the trust policy of role " + access.RoleName(have.ARN) + " cannot be read, so none can be merged into it"}
		}
	}
	document, err := trust.Merge(before, statements, missing...)
	if err != nil {
		to.Trust = before
		if len(missing) == 0 {
			return to, &Hold{Trust, err.Error()}
		}
		m := missing[0]
		s := &workloadSite{key: m.Cluster, want: w.wantedCluster(m.Cluster)}
		s.have, _ = w.have.Cluster(m.Cluster)
		if h := w.hold(s, access.GapCluster, true); h != nil {
			return to, h
		}
		return to, &Hold{Trust, m.Reason}
	}
	to.Trust = document
	fit, err := trust.Measure(document)
	if err == nil && fit.Over() && document != before {
		return to, &Hold{Quota, fit.String()}
	}
	return to, nil
}

func (w *workloads) waitForProviders(c *Change, r *access.WantRole) {
	for _, t := range r.Trust {
		if t.Credentials != access.IRSA {
			continue
		}
		if id := w.provider(r.Account, t, true); id != "" && !slices.Contains(c.DependsOn, id) {
			c.DependsOn = append(c.DependsOn, id)
		}
	}
	slices.Sort(c.DependsOn)
}

// seenRole is a role as it was read; whole with its policies.
func seenRole(h *access.HaveRole, whole bool) IAMRole {
	from := IAMRole{ARN: h.ARN, Description: h.Description, MaxSession: h.MaxSession, Boundary: h.Boundary, Tags: maps.Clone(h.Tags), Trust: h.Trust, ID: h.ID}
	if h.TrustText != "" {
		from.Trust = access.Document(h.TrustText)
	}
	if whole {
		from.Inline, from.Managed = slices.Clone(h.Inline), slices.Clone(h.Managed)
	}
	return from
}

// makeRole makes a role, and its policies after it. A replace is of one that
// stands at another path: a role cannot be moved.
func (w *workloads) makeRole(base Change, verb Verb, have *access.HaveRole, to IAMRole, r *access.WantRole) []Change {
	c := base
	c.ID, c.Verb, c.Kind, c.To = roleID(r), verb, Role, to
	if have != nil {
		c.From = seenRole(have, true)
	}
	return append([]Change{c}, policies(base, nil, r, c.ID)...)
}

func roleID(r *access.WantRole) string { return accountID("role", r.Account, access.RoleName(r.ARN)) }

func (w *workloads) updateRole(base Change, have *access.HaveRole, to IAMRole, r *access.WantRole) []Change {
	var changes []Change
	if !sameRole(have, &to) || !maps.Equal(have.Tags, to.Tags) {
		c := base
		c.ID, c.Verb, c.Kind, c.From, c.To = roleID(r), Update, Role, seenRole(have, false), to
		weighTrust(&c, have.Trust, to.Trust)
		changes = append(changes, c)
	}
	if r.Boundary == "" && have.Boundary != "" {
		name := access.RoleName(r.ARN)
		w.warn("boundary", r.Place, "role "+name+" has the permissions boundary "+have.Boundary+", which no document names; it stays, for without it the role may more: "+
			"aws iam delete-role-permissions-boundary --role-name "+name+" takes it off")
	}
	return append(changes, policies(base, have, r, "")...)
}

// sameRole compares what a role says of itself, tags and policies aside.
func sameRole(have *access.HaveRole, to *IAMRole) bool {
	return have.Trust.Same(to.Trust) && have.TrustText == "" && have.MaxSession == to.MaxSession && have.Boundary == to.Boundary && have.Description == to.Description
}

// policies compares the policies of a wanted role with those it has; made is
// the change that makes the role, if it has to be made.
func policies(base Change, have *access.HaveRole, r *access.WantRole, made string) []Change {
	var (
		changes []Change
		inline  []access.RolePolicy
		managed []string
	)
	if have != nil {
		inline, managed = have.Inline, have.Managed
	}
	add := func(kind Kind, verb Verb, id string, from, to Object) *Change {
		c := base
		c.ID, c.Kind, c.Verb, c.From, c.To = accountID(strings.ToLower(string(kind)), r.Account, access.RoleName(r.ARN), id), kind, verb, from, to
		c.Name = id
		if made != "" {
			c.DependsOn = []string{made}
		}
		weighPolicy(&c)
		changes = append(changes, c)
		return &changes[len(changes)-1]
	}
	at := func(list []access.RolePolicy, name string) int {
		return slices.IndexFunc(list, func(p access.RolePolicy) bool { return p.Name == name })
	}
	for _, p := range r.Inline {
		to := InlinePolicy{r.ARN, p}
		switch i := at(inline, p.Name); {
		case i < 0:
			add(RolePolicy, Create, p.Name, nil, to)
		case !inline[i].Document.Same(p.Document):
			add(RolePolicy, Update, p.Name, InlinePolicy{r.ARN, inline[i]}, to)
		}
	}
	for _, p := range inline {
		if at(r.Inline, p.Name) < 0 {
			add(RolePolicy, Delete, p.Name, InlinePolicy{r.ARN, p}, nil)
		}
	}
	var attach, detach []string
	for _, p := range r.Managed {
		if !slices.Contains(managed, p) {
			attach = append(attach, add(RoleAttachment, Create, p, nil, Attachment{r.ARN, p}).ID)
		}
	}
	for _, p := range managed {
		if !slices.Contains(r.Managed, p) {
			detach = append(detach, add(RoleAttachment, Delete, p, Attachment{r.ARN, p}, nil).ID)
		}
	}
	if len(managed)+len(attach) > mostManaged && len(r.Managed) <= mostManaged {
		for i := range changes { // there is no room for both, so what goes goes first
			if slices.Contains(attach, changes[i].ID) {
				changes[i].DependsOn = append(changes[i].DependsOn, detach...)
			}
		}
	}
	return changes
}

// foreignRole lists a wanted role that is not ours and holds its changes.
func (w *workloads) foreignRole(have *access.HaveRole, to IAMRole, r *access.WantRole, changes []Change) {
	f := w.foreignRoleOf(have)
	f.Wanted = true
	var words []string
	for i := range changes {
		if c := &changes[i]; c.Kind != Role || c.Verb != Update || !sameRole(have, &to) {
			words = append(words, roleDifference(c, have, &to))
		}
	}
	f.Adoptable = len(words) == 0
	w.plan.Foreign = append(w.plan.Foreign, f)
	if f.Adoptable {
		return
	}
	key := "role/" + r.Account + "/" + access.RoleName(r.ARN)
	reason := "the role is not ours (" + f.Owner + "): " + strings.Join(words, "; ")
	switch way := f.Release(key); {
	case way != "":
		reason += "; " + way
	case have.ARN == to.ARN:
		reason += "; take it over by `atlas-iam adopt " + key + "`"
	}
	for i := range changes {
		changes[i].hold(Hold{ForeignEntry, reason + "; or write `existing: " + have.ARN + "` to use it as it is, or take another name"})
	}
}

func (w *workloads) foreignRoleOf(have *access.HaveRole) Foreign {
	owner := w.want.Owner.OwnerOf(have.Tags, w.want.ForeignTags)
	f := Foreign{Kind: Role, Cluster: access.ClusterKey{Account: access.AccountOf(have.ARN)}, Name: have.ARN, Owner: owner.By,
		Marks: access.ToolMarks(have.Tags, w.want.ForeignTags), Environment: have.Tags[access.TagEnvironment]}
	if len(f.Marks) > 0 {
		f.Object = have.Name
	}
	return f
}

// roleDifference says how a change's object differs from what is wanted.
func roleDifference(c *Change, have *access.HaveRole, to *IAMRole) string {
	switch c.Kind {
	case RolePolicy:
		return map[Verb]string{Create: "policy " + c.Name + " is missing", Update: "policy " + c.Name + " says something else", Delete: "policy " + c.Name + " is not wanted"}[c.Verb]
	case RoleAttachment:
		return map[Verb]string{Create: "managed policy " + c.Name + " is missing", Delete: "managed policy " + c.Name + " is not wanted"}[c.Verb]
	}
	var diffs []string
	if have.ARN != to.ARN {
		return "it stands at " + have.ARN + ", wanted is " + to.ARN + ", and a role cannot be moved"
	}
	if !have.Trust.Same(to.Trust) {
		diffs = append(diffs, "its trust policy is another")
	}
	if have.MaxSession != to.MaxSession {
		diffs = append(diffs, fmt.Sprintf("a session of it is at most %d s, wanted are %d s", have.MaxSession, to.MaxSession))
	}
	if have.Boundary != to.Boundary {
		diffs = append(diffs, "its permissions boundary is "+orNone(have.Boundary)+", wanted is "+orNone(to.Boundary))
	}
	if have.Description != to.Description {
		diffs = append(diffs, "its description is another")
	}
	return strings.Join(diffs, "; ")
}

// existing looks at a role of another's: that it is there and whom it trusts.
// Nothing of it is changed.
func (w *workloads) existing(r *access.WantRole, have *access.HaveRole, read bool) {
	for _, t := range r.Trust {
		if t.Credentials == access.IRSA {
			w.provider(r.Account, t, false)
		}
	}
	if !read {
		return // the gap is in the plan; EKS itself checks what it can
	}
	if have == nil || have.ARN != r.ARN {
		reason := "account " + r.Account + " has no role " + r.ARN
		if have != nil {
			reason += "; it is " + have.ARN + " there"
		}
		w.refused[r.ARN] = &Hold{NoPrincipal, reason}
		w.warn(NoPrincipal, r.Place, reason+": nobody can be given it")
		return
	}
	statements, missing := trust.Want(r.Trust, trust.IssuersOf(w.have, r.Account))
	w.parts(r, missing)
	for _, s := range trust.Lacks(have.Trust, statements) {
		words := "role " + r.ARN + " is not ours and does not trust " + subjects(s) + "; add to its trust policy: " + s.JSON
		w.lacks[lack{r.ARN, s.Cluster}] = &Hold{Trust, words}
		w.warn(Trust, r.Place, words)
	}
}

// subjects names whom a statement lets in.
func subjects(s trust.Statement) string {
	var words []string
	for _, t := range s.Trusts {
		words = append(words, t.Namespace+"/"+t.Name)
	}
	return strings.Join(words, ", ") + " of cluster " + s.Cluster.Name
}
