package desired

import (
	"cmp"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
	"github.com/atlas-iam/atlas-iam/internal/documents"
)

// memberKey is the same for members that are one principal: the ARN, or for
// permission sets what will be looked up.
func memberKey(m access.Member) string {
	if arn, ok := m.ARN(); ok {
		return arn
	}
	return m.Partition + ":" + m.Account + ":" + m.String()
}

func compareMembers(a, b access.Member) int {
	return cmp.Or(cmp.Compare(a.String(), b.String()), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Partition, b.Partition))
}

// nameKey identifies a user or role as IAM does: without path.
type nameKey struct{ partition, account, kind, name string }

// fine is a principal that is in order in its partition.
type fine struct {
	member        access.Member
	key           string // its memberKey
	serviceLinked bool
}

// found is what is known of a principal that is in order; nil if it is not yet.
func (c *compiler) found(m access.Member) *fine {
	if c.last == nil || c.last.member != m {
		f, ok := c.fine[m]
		if !ok {
			return nil
		}
		c.last = f
	}
	return c.last
}

func (c *compiler) keep(f *fine) { c.fine[f.member], c.last = f, f }

// key is memberKey.
func (c *compiler) key(m access.Member) string {
	if f := c.found(m); f != nil {
		return f.key
	}
	return memberKey(m)
}

// named is where a principal was named first, and by which ARN.
type named struct {
	arn   string
	place access.Place
}

// member settles a principal's account and partition on a cluster. An ARN
// stays one, so that people read what they wrote.
func (c *compiler) member(s *site, p v1alpha1.Principal, at access.Place) (access.Member, bool) {
	m, ok := c.meant(s, p)
	if !ok {
		c.fault(at, "want one of user, role, permissionSet and arn", "this names no principal")
		return m, false
	}
	if !c.knowsAccount(p.Account, at) {
		return m, false
	}
	if _, known := c.account(p.Account); m.Kind == access.PermissionSetMember && p.Account != "" && !known {
		c.fault(at, documents.Suggest(p.Account, c.accountNames())+", or write the role's ARN", "permission set %s cannot be looked up: account %s is not one of the Environment's", quoted(p.PermissionSet), p.Account)
		return m, false
	}
	if m.Kind == access.ARNMember {
		return c.arnMember(s, p, m, at)
	}
	return m, c.possible(s, m, at)
}

// arnMember is a member named by its whole ARN, which has its account.
func (c *compiler) arnMember(s *site, p v1alpha1.Principal, m access.Member, at access.Place) (access.Member, bool) {
	iam, err := access.ParseIAMPrincipal(p.ARN)
	if err != nil {
		c.fault(at, "want arn:PARTITION:iam::ACCOUNT:user/NAME or role/NAME, path included", "%s", documents.Escape(err.Error()))
		return m, false
	}
	if p.Account != "" && m.Account != iam.Account {
		c.fault(at, "leave account out, the ARN has it", "account %s is not the ARN's account %s", quoted(p.Account), iam.Account)
		return m, false
	}
	m = access.Member{Kind: access.ARNMember, Partition: iam.Partition, Account: iam.Account, Name: iam.ARN()}
	return m, c.possible(s, m, at)
}

// meant is the principal that a member names on a cluster, without judging it;
// ok is false where it names none.
func (c *compiler) meant(s *site, p v1alpha1.Principal) (m access.Member, ok bool) {
	m = access.Member{Partition: s.partition, Account: s.want.Key.Account}
	if account, known := c.account(p.Account); known {
		m.Partition, m.Account = account.Partition, account.ID
	} else if p.Account != "" {
		m.Account = p.Account
	}
	switch {
	case p.User != "":
		m.Kind, m.Name = access.UserMember, strings.TrimPrefix(p.User, "/")
	case p.Role != "":
		m.Kind, m.Name = access.RoleMember, strings.TrimPrefix(p.Role, "/")
	case p.PermissionSet != "":
		m.Kind, m.Name = access.PermissionSetMember, p.PermissionSet
	case p.ARN != "":
		m.Kind, m.Name = access.ARNMember, p.ARN
	}
	return m, m.Kind != ""
}

// knowsAccount refuses a word that is neither the name of one of the
// Environment's accounts nor any account's twelve digits; nothing is the
// cluster's account.
func (c *compiler) knowsAccount(nameOrID string, at access.Place) bool {
	if _, ok := c.account(nameOrID); ok || nameOrID == "" || isAccountID(nameOrID) {
		return true
	}
	c.faultOnce(at, documents.Suggest(nameOrID, c.accountNames()), "the Environment has no account %s", quoted(nameOrID))
	return false
}

func isAccountID(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

// possible refuses principals that cannot have an entry on a cluster.
func (c *compiler) possible(s *site, m access.Member, at access.Place) bool {
	if m.Partition != s.partition {
		c.faultOnce(at, "a cluster knows the principals of its own partition only", "%s is of partition %s, cluster %s of %s", m, m.Partition, s.want.Document, s.partition)
		return false
	}
	if c.found(m) != nil {
		return true
	}
	arn, ok := m.ARN()
	if !ok {
		c.keep(&fine{member: m, key: memberKey(m)})
		return true
	}
	iam, err := access.ParseIAMPrincipal(arn)
	if err != nil {
		c.fault(at, "", "%s", documents.Escape(err.Error()))
		return false
	}
	if set, ok := strippedSSO(iam); ok {
		c.fault(at, "write {permissionSet: "+set+"}, or the whole ARN: arn:"+iam.Partition+":iam::"+iam.Account+":role/aws-reserved/sso.amazonaws.com/[REGION/]"+iam.Name,
			"%s has no path, but roles of permission sets have one, and an entry wants it", m)
		return false
	}
	key := nameKey{iam.Partition, iam.Account, iam.Kind, iam.Name}
	first, ok := c.names[key]
	if ok && first.arn != arn {
		c.fault(at, "IAM knows a "+iam.Kind+" by its name alone, so one path is wrong; an entry wants the right one",
			"%s %s is %s here and %s at %s", iam.Kind, iam.Name, arn, first.arn, first.place)
		return false
	}
	if !ok {
		c.names[key] = named{arn, at}
	}
	c.keep(&fine{member: m, key: arn, serviceLinked: iam.ServiceLinked()})
	return true
}

// strippedSSO tells the role of a permission set whose path was left out, as
// aws-auth wanted it, and the set's name.
func strippedSSO(p access.IAMPrincipal) (set string, ok bool) {
	if p.Kind != "role" || p.Path != "/" {
		return "", false
	}
	p.Path = "/aws-reserved/sso.amazonaws.com/"
	return p.PermissionSet()
}

// notServiceLinked refuses roles whose entries only AWS's services may touch.
// (EKS User Guide, creating access entries)
func (c *compiler) notServiceLinked(m access.Member, at access.Place) bool {
	if f := c.found(m); f != nil && f.serviceLinked {
		c.fault(at, "", "%s is a service-linked role: EKS lets nobody but AWS's services change its entry", m)
		return false
	}
	return true
}
