package lab

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
)

// needs is what documents take to exist: accounts, and in them users, roles
// and clusters. It is a function of the State alone.
type needs struct {
	accounts   []access.Account // the State's, without roles to assume, then foreign ones; by id
	principals []principal      // by ARN
	clusters   []access.WantCluster
	existing   []access.WantRole // that workloads take to exist
}

// principal is a user or role that documents name.
type principal struct {
	access.IAMPrincipal
	// anyOf is set for a permission set: one role of it is enough.
	permissionSet string
	// admin roles get AdministratorAccess: those to assume, and the one that
	// makes a cluster.
	admin bool
	// externalID is what the role's trust policy asks of who assumes it, and
	// trusted are the accounts whose lab caller may, besides the role's own.
	externalID string
	trusted    []string
}

// needsOf reads what a State names.
func needsOf(want *access.State) needs {
	n := needs{clusters: want.Clusters}
	accounts := map[string]access.Account{}
	for _, a := range want.Accounts {
		plain := a
		plain.RoleARN, plain.ExternalID, plain.SessionName = "", "", ""
		accounts[a.ID] = plain
	}
	byARN := map[string]principal{}
	add := func(p principal) {
		if p.Kind == "role" && p.ServiceLinked() {
			return
		}
		arn := p.ARN()
		if have, ok := byARN[arn]; ok {
			p.admin = p.admin || have.admin
			p.externalID = cmp.Or(have.externalID, p.externalID)
			p.trusted = slices.Compact(slices.Sorted(slices.Values(slices.Concat(p.trusted, have.trusted))))
		}
		byARN[arn] = p
		if _, ok := accounts[p.Account]; !ok {
			accounts[p.Account] = access.Account{Name: p.Account, ID: p.Account, Partition: p.Partition, Regions: []string{homeRegion(p.Partition)}}
		}
	}
	for _, a := range want.Accounts {
		if p, err := access.ParseIAMPrincipal(a.RoleARN); err == nil && p.Kind == "role" {
			add(principal{IAMPrincipal: p, admin: true, externalID: a.ExternalID, trusted: neighbours(want.Accounts, p)})
		}
	}
	made := map[string]bool{} // by ARN: the roles that an apply makes
	for _, r := range want.Roles {
		made[r.ARN] = !r.Existing
		if r.Existing {
			n.existing = append(n.existing, r)
			addRole(r.ARN, add)
		}
	}
	for _, w := range want.Workloads {
		if w.Target != "" && !made[w.Target] {
			addRole(w.Target, add)
		}
	}
	for _, c := range want.Clusters {
		for _, e := range c.Entries {
			if arn, _ := e.Member.ARN(); !made[arn] {
				addMember(e.Member, false, add)
			}
		}
		for _, m := range c.Protect {
			addMember(m.Member, false, add)
		}
		for i, m := range c.Remove {
			addMember(m.Member, i == 0, add)
		}
	}
	for _, p := range byARN {
		n.principals = append(n.principals, p)
	}
	slices.SortFunc(n.principals, func(a, b principal) int { return cmp.Compare(a.ARN(), b.ARN()) })
	for _, a := range accounts {
		n.accounts = append(n.accounts, a)
	}
	slices.SortFunc(n.accounts, func(a, b access.Account) int { return cmp.Compare(a.ID, b.ID) })
	return n
}

// neighbours are the Environment's other accounts in a role's partition: one
// set of keys that `lab env` prints works in all of them. Credentials do not
// cross partitions. (IAM User Guide, Amazon Resource Names)
func neighbours(accounts []access.Account, role access.IAMPrincipal) []string {
	var ids []string
	for _, a := range accounts {
		if a.ID != role.Account && a.Partition == role.Partition {
			ids = append(ids, a.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func addRole(arn string, add func(principal)) {
	if p, err := access.ParseIAMPrincipal(arn); err == nil {
		add(principal{IAMPrincipal: p})
	}
}

func addMember(m access.Member, admin bool, add func(principal)) {
	if m.Kind == access.PermissionSetMember {
		add(principal{admin: admin, permissionSet: m.Name, IAMPrincipal: access.IAMPrincipal{
			Partition: m.Partition, Account: m.Account, Kind: "role",
			Path: "/aws-reserved/sso.amazonaws.com/", Name: access.SSORolePrefix + m.Name + "_" + suffix(m),
		}})
		return
	}
	arn, _ := m.ARN()
	if p, err := access.ParseIAMPrincipal(arn); err == nil {
		add(principal{IAMPrincipal: p, admin: admin})
	}
}

// suffix are the 16 hexadecimal digits that IAM Identity Center draws for a
// permission set in an account. The lab derives them, so that equal documents
// give equal labs.
func suffix(m access.Member) string {
	sum := sha256.Sum256([]byte(m.Account + "/" + m.Name))
	return hex.EncodeToString(sum[:8])
}

// homeRegion is a Region of a partition, for an account of which documents
// name only principals.
func homeRegion(partition string) string {
	for _, region := range []string{"us-east-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1"} {
		if access.PartitionOf(region) == partition {
			return region
		}
	}
	return "us-east-1"
}
