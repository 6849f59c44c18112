package guard

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/awsauth"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// modeAPI holds the last step of the authentication mode where aws-auth still
// maps somebody who has no entry, or was not read. From then on aws-auth has no
// effect, and there is no way back. (EKS User Guide, grant Kubernetes access:
// mode table)
func modeAPI() plan.Guard {
	return plan.Guard{
		Slug:    "mode-api",
		About:   "The step to mode API ends aws-auth for good, and somebody whom only it maps would be cut off, or it was not read.",
		Told:    true,
		Instead: "Give each role, user and account that it lists an entry, nodes one of a node's type, or take it out of aws-auth; it is read through the cluster's own endpoint, or by hand: `kubectl -n kube-system get configmap aws-auth -o yaml`.",
		Check: func(in *plan.Input) plan.Findings {
			var f plan.Findings
			for i := range in.Plan.Changes {
				c := &in.Plan.Changes[i]
				from, _ := c.From.(plan.Mode)
				to, ok := c.To.(plan.Mode)
				if !ok || to.AuthenticationMode != access.ModeAPI || from.AuthenticationMode == access.ModeAPI || from.AuthenticationMode == "" {
					continue // not read: Compute holds the step, and no --allow may seem to help
				}
				h, ok := in.Have.Cluster(c.Cluster)
				if !ok || h.Kubernetes == nil || !h.Kubernetes.AuthMapRead {
					f.Holds = append(f.Holds, plan.Finding{Change: c.ID, Reason: unreadAuthMap(in, c)})
					continue
				}
				left := uncovered(in, h)
				f.Facts = append(f.Facts, plan.Fact{Guard: "mode-api", Subject: c.Cluster.String(), Value: strings.Join(left, " ")})
				if len(left) > 0 {
					f.Holds = append(f.Holds, plan.Finding{Change: c.ID, Reason: "aws-auth of " + c.Cluster.Name + " maps " + someOf(left) +
						", and with mode API it has no effect any more: they would be cut off for good; give each an entry, nodes one of a node's type, or take it out of aws-auth"})
				}
			}
			return f
		},
	}
}

func unreadAuthMap(in *plan.Input, c *plan.Change) string {
	why := ""
	if g, ok := in.Have.UnreadKubernetes(c.Cluster, access.GapAuthMap); ok {
		why = " (" + g.Reason + ")"
	}
	return "aws-auth of " + c.Cluster.Name + " was not read" + why + ", and every role, user and account that only it maps would be cut off for good, " +
		"among them the nodes of self-managed groups: read it by hand first (kubectl -n kube-system get configmap aws-auth -o yaml)"
}

// someOf names a few.
func someOf(words []string) string {
	const most = 5
	if n := len(words) - most; n > 0 {
		return strings.Join(words[:most], ", ") + fmt.Sprintf(" and %d more", n)
	}
	return list(words)
}

// uncovered are those whom aws-auth maps and who have no living entry, be it
// one that this plan makes; sorted. A line whose ARN is nobody's maps nobody.
func uncovered(in *plan.Input, h *access.HaveCluster) []string {
	if h.Kubernetes.AuthMap == nil {
		return nil
	}
	m := awsauth.Parse(*h.Kubernetes.AuthMap)
	covered := entriesAfter(in, h)
	var left []string
	for _, line := range m.Mappings() {
		arn, err := awsauth.Canonical(line.ARN)
		if err != nil || !strings.EqualFold(arn, line.ARN) {
			continue // a role's ARN with a path never matches
		}
		kind, ok := covered[strings.ToLower(arn)]
		switch {
		case !ok:
			left = append(left, line.ARN+", who has no entry")
		case slices.Contains(line.Groups, "system:nodes") && !isNode(kind):
			left = append(left, line.ARN+", as a node, whose entry is of type "+string(kind))
		}
	}
	for _, id := range m.AccountIDs() {
		left = append(left, "every user and role of account "+id)
	}
	slices.Sort(left)
	return slices.Compact(left)
}

// entriesAfter are the types of a cluster's living entries once the plan's
// changes that nothing holds are made, by aws-auth's form of their principals.
func entriesAfter(in *plan.Input, h *access.HaveCluster) map[string]access.EntryType {
	types := map[string]access.EntryType{}
	set := func(principal string, t access.EntryType) {
		if arn, err := awsauth.Canonical(principal); err == nil {
			types[strings.ToLower(arn)] = t
		}
	}
	for i := range h.Entries {
		e := &h.Entries[i]
		if alive := in.Have.EntryAlive(e); alive == access.AliveYes || alive == access.AliveUnknown {
			set(e.Principal, e.Type)
		}
	}
	goes := made(in.Plan, "mode-api")
	for i := range in.Plan.Changes {
		c := &in.Plan.Changes[i]
		_, to := entries(c)
		switch {
		case c.Kind != plan.AccessEntry || c.Cluster != h.Key || !goes[c.ID]:
		case to != nil:
			set(c.Principal, to.Type)
		default:
			if arn, err := awsauth.Canonical(c.Principal); err == nil {
				delete(types, strings.ToLower(arn))
			}
		}
	}
	return types
}
