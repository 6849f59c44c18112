package effect

import (
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/trust"
)

// refused says why a workload's pods on a cluster surely come to no credentials
// of its role, or of its target, whatever those may do: a trust policy that lets
// none of its ServiceAccounts, or not the first role, in. It is empty where one is
// let in, and where roles were not read or are not there.
func refused(w *access.WantWorkload, own access.WorkloadRole, want *access.State, have *access.Snapshot) string {
	trusts := trustsOf(w, own, want)
	if len(trusts) == 0 {
		return ""
	}
	issuers := trust.IssuersOf(have, access.AccountOf(own.ARN))
	if d, ok := trustOf(have, own.ARN); ok && none(trusts, func(t access.WantTrust) bool {
		statements, missing := trust.Want([]access.WantTrust{t}, issuers)
		return len(missing) > 0 || len(trust.Lacks(d, statements)) == 0
	}) {
		return "role " + access.RoleName(own.ARN) + " does not trust " + trusts[0].Namespace + "/" + trusts[0].Name + " now"
	}
	if d, ok := trustOf(have, w.Target); ok && none(trusts, func(t access.WantTrust) bool {
		return len(trust.TargetLacks(d, own.ARN, t)) == 0
	}) {
		return "target role " + access.RoleName(w.Target) + " does not let role " + access.RoleName(own.ARN) + " in now"
	}
	return ""
}

func none(trusts []access.WantTrust, letsIn func(access.WantTrust) bool) bool {
	return !slices.ContainsFunc(trusts, letsIn)
}

// trustsOf are how a workload's own role is to trust its ServiceAccounts on one
// cluster.
func trustsOf(w *access.WantWorkload, own access.WorkloadRole, want *access.State) []access.WantTrust {
	i := slices.IndexFunc(want.Roles, func(r access.WantRole) bool { return r.ARN == own.ARN })
	if i < 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(want.Roles[i].Trust), func(t access.WantTrust) bool {
		return t.Cluster != own.Cluster || !slices.ContainsFunc(w.Accounts, func(a access.WorkloadAccount) bool {
			return a.Namespace == t.Namespace && a.Name == t.Name
		})
	})
}

// trustOf is the trust policy of a role that was read; none is of a policy that
// could not be.
func trustOf(have *access.Snapshot, role string) (access.Document, bool) {
	a, ok := have.Account(access.AccountOf(role))
	if !ok || !a.DetailsRead {
		return "", false
	}
	r, ok := a.Role(role)
	if !ok || r.Trust == "" {
		return "", false
	}
	return r.Trust, true
}
