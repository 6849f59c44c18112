package question

import (
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/effect"
)

// Rights is what a workload may do on AWS on one cluster, as far as its own
// policies were read: the other half of its matrix. Policies of resources and of
// the organization are taken to say nothing (assumption resource-silent).
type Rights struct {
	Who access.Who
	effect.WorkloadRole
	Accounts []string // its ServiceAccounts, NAMESPACE/NAME; patterns perhaps
	// May are what the policies that were read let it do, denials, boundary and
	// session policy taken off. Denied are what statements deny whatever else
	// allows it.
	May, Denied []iam.Right
	// Unclear are requests of which it was not settled; Partial says that there may
	// be more of each, for there are too many patterns.
	Unclear []iam.Right
	Partial bool
	// Gives and Limits are policies that were not read: some that may give more
	// than May, and a boundary or session policy that may leave less of it. Settle
	// says of each how to know it.
	Gives, Limits []string
	// Missing says that the role is not there; empty: it is, or nobody looked.
	Missing string
}

// Open reports whether something was not read, or not settled.
func (r *Rights) Open() bool {
	return len(r.Gives)+len(r.Limits)+len(r.Unclear) > 0 || r.Partial
}

// Rights are what a workload may do on AWS on each of its clusters that the
// world looks at. The error is a *effect.NotFoundError.
func (w *World) Rights(who access.Who) ([]Rights, error) {
	i := slices.IndexFunc(w.want.Workloads, func(o access.WantWorkload) bool { return o.Name == who.Name })
	if i < 0 {
		return nil, effect.NoWorkload(who, w.want)
	}
	workload := &w.want.Workloads[i]
	var accounts []string
	for _, a := range workload.Accounts {
		accounts = append(accounts, a.Namespace+"/"+a.Name)
	}
	var out []Rights
	for _, role := range effect.WorkloadRoles(workload, w.want, w.roles) {
		if w.Outside(role.Cluster) {
			continue
		}
		r := Rights{Who: who, WorkloadRole: role, Accounts: accounts, Missing: w.noRole(role.Role)}
		r.weigh()
		out = append(out, r)
	}
	return out, nil
}

func (r *Rights) weigh() {
	d := iam.Compare(r.Caller, iam.Policies{}, r.Policies, r.Context)
	r.May, r.Unclear, r.Partial = iam.Spelt(d.Gained, r.Policies), iam.Spelt(d.Unclear, r.Policies), d.Partial
	r.Denied = iam.Spelt(iam.Denials(r.Policies), r.Policies)
	r.Gives = unreadOf(r.Policies.Identity)
	r.Limits = unreadOf(r.Policies.Session)
	if b := r.Policies.Boundary; b != nil {
		r.Limits = append(r.Limits, unreadOf([]iam.Source{*b})...)
	}
}

func unreadOf(sources []iam.Source) []string {
	var out []string
	for _, s := range sources {
		if s.Policy == nil {
			out = append(out, s.Name)
		}
	}
	return out
}

// noRole says that a role was looked for and is not there.
func (w *World) noRole(arn string) string {
	account := access.AccountOf(arn)
	if w.roles == nil {
		return ""
	}
	a, ok := w.roles.Account(account)
	if !ok || !a.DetailsRead {
		return ""
	}
	if _, there := a.Role(arn); there {
		return ""
	}
	return "account " + account + " has no role " + access.RoleName(arn)
}
