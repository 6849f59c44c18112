package question

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/effect"
)

// Action is an action of AWS's that is asked about, on a resource.
type Action struct {
	Name     string // service:Action
	Resource string // ARN, or "*"
	// Keys are the values of condition keys that the asker gives.
	Keys map[string][]string
	// Notes are what the asker should know: that no such action is known.
	Notes []string
}

func (a Action) String() string {
	if a.Resource == "*" {
		return a.Name
	}
	return a.Name + " on " + a.Resource
}

// ParseAction settles a question about AWS. keys are KEY=VALUE or
// KEY=VALUE,VALUE; a key without a value is absent. The error is a *WordError.
func ParseAction(name, resource string, keys []string) (Action, error) {
	a := Action{Name: name, Resource: resource, Keys: map[string][]string{}}
	if !IsAWSAction(name) || strings.ContainsAny(name, "*?") {
		return a, &WordError{What: "action of AWS", Word: name, Hint: "one action, as s3:GetObject; atlas-iam access workload/NAME shows all"}
	}
	if what, candidates := iam.UnknownAction(name); what != "" {
		a.Notes = append(a.Notes, what+meant(name, candidates))
	}
	if a.Resource == "" {
		a.Resource = "*"
	}
	if a.Resource != "*" && strings.Count(a.Resource, ":") < 5 {
		return a, &WordError{What: "resource of AWS", Word: resource, Hint: "its whole ARN, as arn:aws:s3:::bucket/key"}
	}
	for _, k := range keys {
		key, value, given := strings.Cut(k, "=")
		if key == "" || !strings.Contains(key, ":") {
			return a, &WordError{What: "condition key", Word: k, Hint: "as aws:RequestedRegion=eu-west-1"}
		}
		a.Keys[key] = nil
		if given {
			a.Keys[key] = strings.Split(value, ",")
		}
	}
	return a, nil
}

// ActionResult is whether a workload may on one cluster.
type ActionResult struct {
	effect.WorkloadRole
	iam.Explanation
	Verdict authz.Verdict
	// Plain is the verdict on the same call over plain http. Where it is another
	// the answer rests on assumption secure-transport, which is then among
	// Assumptions.
	Plain authz.Verdict
}

// ActionAnswer is the answer over a workload's clusters.
type ActionAnswer struct {
	Who     access.Who
	Asked   Action
	Verdict authz.Verdict // Allow if each result is, Deny if one is, else Undetermined
	Results []ActionResult
}

// Do answers whether a workload may do an action of AWS, on each of its
// clusters in keys (none: all). have is nil where only the documents were
// read. Policies of the resource itself and of the organization are taken to
// say nothing (assumption resource-silent), but in another account, where the
// resource's must allow, it is not known. The error is a *WordError or a
// *effect.NotFoundError.
func Do(who access.Who, asked Action, want *access.State, have *access.Snapshot, keys []access.ClusterKey) (*ActionAnswer, error) {
	i := slices.IndexFunc(want.Workloads, func(w access.WantWorkload) bool { return w.Name == who.Name })
	switch {
	case who.Kind != access.WhoWorkload:
		return nil, &WordError{What: "workload", Word: who.String(), Hint: "actions of AWS are asked of workloads in this version"}
	case i < 0:
		return nil, effect.NoWorkload(who, want)
	}
	a := &ActionAnswer{Who: who, Asked: asked}
	var verdicts []authz.Verdict
	for _, role := range effect.WorkloadRoles(&want.Workloads[i], want, have) {
		if len(keys) > 0 && !slices.Contains(keys, role.Cluster) {
			continue
		}
		for k, v := range asked.Keys {
			role.Context.Set(k, v...)
		}
		account := role.Caller.Account
		if arn, err := access.ParseARN(asked.Resource); err == nil && arn.Account != "" && arn.Account != "aws" {
			account = arn.Account
		}
		if account != role.Caller.Account { // there its own policy must allow too, and is not read
			s := iam.Source{Name: "policy of " + asked.Resource}
			role.Policies.Resource, role.Settle[s.Name] = &s, "look at that policy: atlas-iam does not read those of resources, and in another account it must allow as well"
		}
		q := iam.Question{Caller: role.Caller, Action: asked.Name, Resource: asked.Resource, ResourceAccount: account, Context: role.Context, Policies: role.Policies}
		r := ActionResult{WorkloadRole: role, Explanation: iam.Explain(q)}
		r.Verdict = verdictOf(r.Explanation.Verdict)
		if r.Plain = r.Verdict; !asked.names(secureTransport) {
			r.Plain = plain(q)
		}
		if r.Plain != r.Verdict {
			r.Assumptions = slices.Sorted(slices.Values(append(slices.Clone(r.Assumptions), "secure-transport")))
		}
		if r.Refused != "" {
			r.Verdict, r.Plain = authz.Deny, authz.Deny
		}
		a.Results = append(a.Results, r)
		verdicts = append(verdicts, r.Verdict)
	}
	if len(a.Results) == 0 {
		return nil, &WordError{What: "cluster", Word: who.String(), Hint: fmt.Sprintf("workload %s lives on none of the clusters asked about", who.Name)}
	}
	a.Verdict = Each(verdicts...)
	return a, nil
}

const secureTransport = "aws:SecureTransport"

// names reports whether the asker gives a key's value; IAM takes keys whatever
// their capitals.
func (a Action) names(key string) bool {
	for k := range a.Keys {
		if strings.EqualFold(k, key) {
			return true
		}
	}
	return false
}

// plain is the verdict on a call that is not made over TLS. The question's
// context is as before.
func plain(q iam.Question) authz.Verdict {
	q.Context.Set(secureTransport, "false")
	defer q.Context.Set(secureTransport, "true")
	return verdictOf(iam.Decide(q).Verdict)
}

// Do is Do of what is known to the world.
func (w *World) Do(who access.Who, asked Action, keys []access.ClusterKey) (*ActionAnswer, error) {
	return Do(who, asked, w.want, w.roles, keys)
}

func verdictOf(v iam.Verdict) authz.Verdict {
	switch v {
	case iam.Allowed:
		return authz.Allow
	case iam.Denied:
		return authz.Deny
	}
	return authz.Undetermined
}
