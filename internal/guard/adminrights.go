package guard

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/awsauth"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// adminRights are the ways in which somebody may be an administrator of a
// cluster as it was read: by ClusterAdmin on the whole cluster, by a
// ClusterRoleBinding to cluster-admin, by aws-auth.
type adminRights struct {
	have  *access.Snapshot
	h     *access.HaveCluster
	bound []access.Subject // by every ClusterRoleBinding to cluster-admin
	// mapped are those whom aws-auth makes administrators and no entry
	// overrides, by the ARN of who exists; nil where aws-auth has no effect.
	mapped []string
}

const (
	clusterAdmin = "cluster-admin"
	masters      = "system:masters" // passes all authorizers
)

func rightsOf(have *access.Snapshot, h *access.HaveCluster) *adminRights {
	a := &adminRights{have: have, h: h}
	k := h.Kubernetes
	if k == nil {
		return a
	}
	a.bound = adminSubjects(k.Bindings, nil)
	if k.AuthMapRead && k.AuthMap != nil && h.Mode != access.ModeAPI {
		a.mapped = a.admitted(awsauth.Parse(*k.AuthMap))
	}
	return a
}

// adminSubjects are bound to cluster-admin on the whole cluster, but one
// binding.
func adminSubjects(bindings []access.Binding, but *access.Binding) []access.Subject {
	subjects := []access.Subject{{Kind: access.GroupSubject, Name: masters}}
	for i := range bindings {
		b := &bindings[i]
		if grantsAdmin(b) && (but == nil || b.Name != but.Name) {
			subjects = append(subjects, b.Subjects...)
		}
	}
	return subjects
}

func grantsAdmin(b *access.Binding) bool {
	return b.Namespace == "" && b.Role.Kind == access.ClusterRole && b.Role.Name == clusterAdmin
}

// admitted are the principals that exist and that aws-auth makes
// administrators.
func (a *adminRights) admitted(m awsauth.Map) []string {
	var arns []string
	for i := range a.have.Accounts {
		for _, p := range slices.Concat(a.have.Accounts[i].Users, a.have.Accounts[i].Roles) {
			if _, overridden := a.h.Entry(p.ARN); overridden {
				continue
			}
			line, ok := m.Lookup(p.ARN)
			if ok && bound(&access.Entry{Username: line.Username, Groups: line.Groups}, a.bound) {
				arns = append(arns, p.ARN)
			}
		}
	}
	return arns
}

// administrators are the principals that are, or for all that was read may be,
// administrators.
func (a *adminRights) administrators() map[string]access.Alive {
	admins := make(map[string]access.Alive)
	for i := range a.h.Entries {
		e := &a.h.Entries[i]
		if !a.admin(e) {
			continue
		}
		if alive := a.have.EntryAlive(e); alive == access.AliveYes || alive == access.AliveUnknown {
			admins[e.Principal] = alive
		}
	}
	for _, arn := range a.mapped {
		admins[arn] = access.AliveYes
	}
	return admins
}

// admin reports whether an entry makes an administrator. A username that is a
// template may be bound, and may not: it makes none.
func (a *adminRights) admin(e *access.Entry) bool {
	return slices.ContainsFunc(e.Associations, administers) || adminBySubject(e, a.bound)
}

func adminBySubject(e *access.Entry, subjects []access.Subject) bool {
	return slices.ContainsFunc(subjects, func(s access.Subject) bool {
		return s.Kind == access.GroupSubject && slices.Contains(e.Groups, s.Name) || s.Kind == access.UserSubject && username(e) == s.Name
	})
}

// loses are the administrators that a change by itself leaves without their
// rights.
func (a *adminRights) loses(c *plan.Change, before map[string]access.Alive) []string {
	_, isAdmin := before[c.Principal]
	switch c.Kind {
	case plan.AccessEntry:
		_, to := entries(c)
		if isAdmin && (removes(c) || to != nil && !a.adminAs(c.Principal, to)) {
			return []string{c.Principal}
		}
	case plan.PolicyAssociation:
		from, to := associations(c)
		was, is := from != nil && administers(*from), to != nil && administers(*to)
		if e, ok := a.h.Entry(c.Principal); was && !is && isAdmin && !(ok && adminBySubject(e, a.bound)) {
			return []string{c.Principal}
		}
	case plan.ClusterRoleBinding:
		return a.losesBinding(c, before)
	case plan.AuthenticationMode:
		if to, ok := c.To.(plan.Mode); ok && to.AuthenticationMode == access.ModeAPI {
			return slices.Clone(a.mapped)
		}
	}
	return nil
}

// adminAs reports whether a principal whose entry becomes another one stays an
// administrator; its policies are changes of their own.
func (a *adminRights) adminAs(principal string, to *access.Entry) bool {
	e, ok := a.h.Entry(principal)
	return ok && slices.ContainsFunc(e.Associations, administers) || adminBySubject(to, a.bound)
}

func (a *adminRights) losesBinding(c *plan.Change, before map[string]access.Alive) []string {
	from, to := bindings(c)
	if from == nil || a.h.Kubernetes == nil || !grantsAdmin(from) || len(lostSubjects(c)) == 0 {
		return nil
	}
	left := adminRights{have: a.have, h: a.h, bound: adminSubjects(a.h.Kubernetes.Bindings, from)}
	if to != nil && grantsAdmin(to) {
		left.bound = append(left.bound, to.Subjects...)
	}
	if k := a.h.Kubernetes; a.mapped != nil {
		left.mapped = left.admitted(awsauth.Parse(*k.AuthMap))
	}
	after := left.administrators()
	var lost []string
	for arn := range before {
		if _, ok := after[arn]; !ok {
			lost = append(lost, arn)
		}
	}
	slices.SortFunc(lost, strings.Compare)
	return lost
}
