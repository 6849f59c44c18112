package guard

import (
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// names reports whether a document's member is the principal with this ARN. A
// permission set names every role that was ever made for it in its account.
func names(m access.Member, arn string) bool {
	p, err := access.ParseIAMPrincipal(arn)
	if err != nil {
		return false
	}
	if m.Kind == access.PermissionSetMember {
		set, ok := p.PermissionSet()
		return ok && strings.EqualFold(set, m.Name) && p.Account == m.Account
	}
	wanted, _ := m.ARN()
	a, ok := access.PrincipalKeyOf(wanted)
	b, _ := access.PrincipalKeyOf(arn)
	return ok && a == b
}

// samePermissionSet reports whether both are roles of one permission set in
// one account: the old one and the one that was made again.
func samePermissionSet(a, b string) bool {
	p, errP := access.ParseIAMPrincipal(a)
	q, errQ := access.ParseIAMPrincipal(b)
	if errP != nil || errQ != nil || p.Account != q.Account {
		return false
	}
	s, okS := p.PermissionSet()
	t, okT := q.PermissionSet()
	return okS && okT && s == t
}

// lives tells whether a principal exists now, whatever entry there is for it.
func lives(have *access.Snapshot, arn string) access.Alive {
	return have.EntryAlive(&access.Entry{Principal: arn})
}

// who is a change's principal as people know it.
func who(c *plan.Change) string {
	if c.Member != "" {
		return c.Member
	}
	return c.Principal
}
