package trust

import (
	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
)

// Narrows reports whether a role's inline policies let it do less after a change
// than before, all of them together, whatever each is called. What cannot be
// settled or read counts as less.
func Narrows(role string, before, after []access.RolePolicy) bool {
	was, _ := iam.RolePolicies(before, nil, "", nil) // what cannot be read is unread
	is, _ := iam.RolePolicies(after, nil, "", nil)
	at, _ := access.ParseARN(role)
	caller := iam.Caller{Kind: iam.Session, Account: at.Account, Role: role,
		ARN: "arn:" + at.Partition + ":sts::" + at.Account + ":assumed-role/" + access.RoleName(role) + "/session"}
	d := iam.Compare(caller, was, is, nil)
	return len(d.Lost)+len(d.Unclear)+len(d.Unread) > 0 || d.Partial
}
