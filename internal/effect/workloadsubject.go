package effect

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// workload gives a workload's ServiceAccounts on a cluster, each of which acts
// as the workload's roles too; where it has none, the roles. Of a pattern it is
// the ServiceAccounts of which no document says more.
func (d *Directory) workload(who access.Who, k access.ClusterKey) ([]Subject, error) {
	i := slices.IndexFunc(d.want.Workloads, func(w access.WantWorkload) bool { return w.Name == who.Name })
	if i < 0 {
		return nil, NoWorkload(who, d.want)
	}
	w := &d.want.Workloads[i]
	var roles []Subject
	var arns []string
	for _, r := range w.Roles {
		arns = append(arns, r.ARN)
	}
	for _, arn := range append(arns, w.Target) {
		p, err := access.ParseIAMPrincipal(arn)
		if err != nil || p.Partition != access.PartitionOf(k.Region) || slices.ContainsFunc(roles, func(s Subject) bool { return s.Principal == arn }) {
			continue
		}
		role := Subject{Name: d.words(arn, k), Principal: arn}
		if d.isMissing(p.Account, arn) {
			return []Subject{{Name: who.String(), Principal: arn, Missing: "account " + p.Account + " has no role " + p.Name + ", workload " + w.Name + "'s"}}, nil
		}
		roles = append(roles, role)
	}
	if !slices.Contains(w.Clusters, k) {
		if len(roles) == 0 {
			return nil, &NotFoundError{Who: who, Why: "it does not live on cluster " + k.Name + ", and no role of it is of that partition"}
		}
		first := roles[0]
		first.Also = roles[1:]
		return []Subject{first}, nil
	}
	var out []Subject
	for _, a := range w.Accounts {
		id := authz.ServiceAccount(strings.ReplaceAll(a.Namespace, "*", unheardOf), strings.ReplaceAll(a.Name, "*", unheardOf))
		out = append(out, Subject{Name: string(access.WhoServiceAccount) + "/" + a.Namespace + "/" + a.Name, Identity: &id, Also: roles})
	}
	return out, nil
}

// isMissing reports whether a role is known not to be there.
func (d *Directory) isMissing(account, arn string) bool {
	if d.have == nil || d.toCome(arn) {
		return false
	}
	a, ok := d.have.Account(account)
	if !ok || !a.RolesRead {
		return false
	}
	_, there := a.Principal(arn)
	return !there
}

// toCome reports whether a role that is not there yet is one that a plan was
// made for: the directory is then of what the plan leaves.
func (d *Directory) toCome(arn string) bool {
	return d.planned && slices.ContainsFunc(d.want.Roles, func(r access.WantRole) bool { return r.ARN == arn && !r.Existing })
}

// unheardOf is a letter that no namespace, no ServiceAccount and no pattern has.
const unheardOf = "~"

// WorkloadsOfRole are the workloads that have a role, by name.
func (d *Directory) WorkloadsOfRole(arn string) []string {
	var out []string
	for _, w := range d.want.Workloads {
		if w.Target == arn || slices.ContainsFunc(w.Roles, func(r access.WorkloadRole) bool { return r.ARN == arn }) {
			out = append(out, w.Name)
		}
	}
	return out
}

// WorkloadsOfAccount are the workloads that live as a ServiceAccount of a
// cluster, written NAMESPACE/NAME.
func (d *Directory) WorkloadsOfAccount(k access.ClusterKey, account string) []string {
	namespace, name, _ := strings.Cut(account, "/")
	var out []string
	for _, w := range d.want.Workloads {
		if slices.Contains(w.Clusters, k) && slices.ContainsFunc(w.Accounts, func(a access.WorkloadAccount) bool { return a.Matches(namespace, name) }) {
			out = append(out, w.Name)
		}
	}
	return out
}

// NoWorkload is that no document makes the workload of a word.
func NoWorkload(who access.Who, want *access.State) *NotFoundError {
	var names []string
	for _, w := range want.Workloads {
		names = append(names, w.Name)
	}
	return &NotFoundError{Who: who, Why: "no document makes that workload", Near: prefixed(string(access.WhoWorkload)+"/", names)}
}
