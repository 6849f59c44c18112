package access

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// EntryType is an access entry's type.
type EntryType string

// The types EKS knows. (EKS API, CreateAccessEntry)
const (
	Standard      EntryType = "STANDARD"
	EC2Linux      EntryType = "EC2_LINUX"
	EC2Windows    EntryType = "EC2_WINDOWS"
	FargateLinux  EntryType = "FARGATE_LINUX"
	HybridLinux   EntryType = "HYBRID_LINUX"
	EC2           EntryType = "EC2"
	HyperpodLinux EntryType = "HYPERPOD_LINUX"
)

// EntryTypes lists them all, STANDARD first.
func EntryTypes() []EntryType {
	return []EntryType{Standard, EC2Linux, EC2Windows, FargateLinux, HybridLinux, EC2, HyperpodLinux}
}

// Association is an access policy on an entry. An entry has at most one of a
// policy; associating it again replaces the scope.
type Association struct {
	Policy string `json:"policy"` // ARN
	Scope  Scope  `json:"scope"`
}

// Entry is an access entry with its policies. It is normal when Groups is
// sorted and without doubles, and Associations are sorted by policy.
type Entry struct {
	Principal    string            `json:"principal"` // ARN, path included
	Type         EntryType         `json:"type"`
	Username     string            `json:"username,omitempty"`
	Groups       []string          `json:"groups,omitempty"`
	Tags         map[string]string `json:"tags,omitempty"`
	Associations []Association     `json:"policies,omitempty"`

	// Observed only.
	ARN       string    `json:"arn,omitempty"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
}

// Association finds the entry's association with a policy.
func (e *Entry) Association(policy string) (Association, bool) {
	i, ok := slices.BinarySearchFunc(e.Associations, policy, func(a Association, p string) int {
		return strings.Compare(a.Policy, p)
	})
	if !ok {
		return Association{}, false
	}
	return e.Associations[i], true
}

// SameAccess reports whether two normal entries give the same access: type,
// username, groups and policies; tags and times do not count.
func (e *Entry) SameAccess(o *Entry) bool {
	return e.SameIdentity(o) && slices.EqualFunc(e.Associations, o.Associations, func(a, b Association) bool {
		return a.Policy == b.Policy && a.Scope.Equal(b.Scope)
	})
}

// SameIdentity is SameAccess without the policies: what the entry itself says.
func (e *Entry) SameIdentity(o *Entry) bool {
	return e.Principal == o.Principal && e.Type == o.Type && e.Username == o.Username && slices.Equal(e.Groups, o.Groups)
}

// Normalize sorts the lists of e in place and drops doubles.
func (e *Entry) Normalize() {
	slices.Sort(e.Groups)
	e.Groups = slices.Compact(e.Groups)
	if len(e.Groups) == 0 {
		e.Groups = nil
	}
	slices.SortFunc(e.Associations, func(a, b Association) int { return strings.Compare(a.Policy, b.Policy) })
	for i := range e.Associations {
		if s := &e.Associations[i].Scope; !s.Cluster {
			*s = NamespaceScope(s.Namespaces...)
		}
	}
}

// Clone is a copy that shares nothing with e.
func (e *Entry) Clone() *Entry {
	c := *e
	c.Groups = slices.Clone(e.Groups)
	c.Tags = maps.Clone(e.Tags)
	c.Associations = slices.Clone(e.Associations)
	for i, a := range c.Associations {
		c.Associations[i].Scope.Namespaces = slices.Clone(a.Scope.Namespaces)
	}
	return &c
}
