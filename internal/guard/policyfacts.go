package guard

import (
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// policyFacts are the documents of the managed policies and boundaries that
// were read of roles which the plan is about: what it gives and takes, and
// whether that is dangerous, was judged by them. One that was not read was not
// relied on.
func policyFacts(in *plan.Input) []plan.Fact {
	roles, policies := map[string]bool{}, map[string]bool{}
	for i := range in.Plan.Changes {
		c := &in.Plan.Changes[i]
		if len(c.Held) > 0 {
			continue
		}
		for _, o := range []plan.Object{c.From, c.To} {
			switch o := o.(type) {
			case plan.IAMRole:
				policies[o.Boundary] = true
				for _, arn := range o.Managed {
					policies[arn] = true
				}
			case plan.Attachment:
				policies[o.Policy] = true
			case plan.PodIdentity:
				roles[o.Role], roles[o.TargetRole] = true, true
			case plan.KubernetesAccount:
				roles[o.Role] = true
			}
		}
		switch c.Kind {
		case plan.Role, plan.RolePolicy, plan.RoleAttachment:
			roles[c.Principal] = true
		}
	}
	var out []plan.Fact
	for i := range in.Have.Accounts {
		a := &in.Have.Accounts[i]
		of := func(arn string) bool {
			return policies[arn] || slices.ContainsFunc(a.Details, func(r access.HaveRole) bool {
				return roles[r.ARN] && (r.Boundary == arn || slices.Contains(r.Managed, arn))
			})
		}
		for arn, d := range a.Policies {
			if of(arn) {
				out = append(out, plan.PolicyFact("privilege", a.Account.ID, arn, d))
			}
		}
	}
	return out
}
