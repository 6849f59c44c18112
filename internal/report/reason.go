package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
)

// reasonWords says what gives, or nearly gives, access. It is not yet escaped.
func reasonWords(r authz.Reason) string {
	s := giverWords(r)
	if r.Through != "" && r.By == authz.ByBinding {
		s += " to " + r.Through
	}
	if m := missWords(r); m != "" {
		s += ": " + m
	}
	return s
}

// giverWords names what gives: the policy, the binding.
func giverWords(r authz.Reason) string {
	switch r.By {
	case authz.ByPolicy:
		return policyName(r.Policy) + " on " + where(r.Scope)
	case authz.ByBinding:
		if r.Binding == nil {
			return "a binding"
		}
		return bindingWords(r)
	case authz.ByMasters:
		return "group system:masters, which is past every rule"
	case authz.ByNothing:
		if r.Miss == authz.MissDead {
			return "its access entry is dead: the user or role is gone or was made again"
		}
		return "no access entry and no line of aws-auth maps it"
	}
	return string(r.By)
}

// bindingWords names a binding, or a team's wish for one in each namespace that
// matches.
func bindingWords(r authz.Reason) string {
	b := r.Binding
	switch {
	case b.Namespace != "":
		return b.Role.String() + " in " + b.Namespace + " by RoleBinding " + b.Name
	case len(r.Scope.Namespaces) > 0:
		return b.Role.String() + " on " + where(r.Scope) + " by RoleBinding " + b.Name
	}
	return b.Role.String() + " on the whole cluster by ClusterRoleBinding " + b.Name
}

// policyName is a policy's full name without the rest of its ARN.
func policyName(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// missWords says why what nearly gives access does not.
func missWords(r authz.Reason) string {
	switch r.Miss {
	case authz.MissName:
		if r.Rule != nil && len(r.Rule.ResourceNames) > 0 {
			return "its rule is for the names " + few(r.Rule.ResourceNames, 4) + " only"
		}
		return "its rule is for other names"
	case authz.MissNamespace:
		return "it holds in other namespaces"
	case authz.MissScope:
		return "it holds in namespaces, and the question is of the whole cluster"
	case authz.MissVerb:
		if r.Rule != nil {
			return "its rule there is " + few(r.Rule.Verbs, 8)
		}
		return "its rules there have other verbs"
	case authz.MissResource:
		return "none of its rules is for the resource"
	}
	return ""
}

// few is a list cut to n with the number left out.
func few(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:n], ", ") + " and " + count(len(list)-n, "more", "more")
}

// sourceWords are the lines that a reason stands on.
func sourceWords(sources []access.Source) string {
	var places []string
	for _, s := range sources {
		if p := place(s.Place); s.Place.File != "" && !slices.Contains(places, p) {
			places = append(places, p)
		}
	}
	return few(places, 3)
}

// memberWords say by which lines a subject is in the teams that a reason stands
// on: "as a member of team/devops (teams/devops.yaml:8)". The team that was
// asked about says nothing new.
func memberWords(members []access.Source, asked access.Who) string {
	places := map[string][]string{}
	var teams []string
	for _, m := range members {
		_, ofWorkload := access.WorkloadOfTeam(m.Team)
		if asked.Kind == access.WhoTeam && asked.Name == m.Team || ofWorkload || m.Place.File == "" {
			continue
		}
		if !slices.Contains(teams, m.Team) {
			teams = append(teams, m.Team)
		}
		if p := place(m.Place); !slices.Contains(places[m.Team], p) {
			places[m.Team] = append(places[m.Team], p)
		}
	}
	if len(teams) == 0 {
		return ""
	}
	slices.Sort(teams)
	for i, t := range teams {
		teams[i] = access.TeamWord(t) + " (" + few(places[t], shownPeople) + ")"
	}
	return "as a member of " + strings.Join(teams, ", ")
}

// unknownWords says what was not read.
func unknownWords(u authz.Unknown) string {
	s := ""
	switch u.Part {
	case authz.UnknownEntries:
		s = "the access entries were not read"
	case authz.UnknownEntry:
		s = "the access entry of " + u.Principal + " was not read"
	case authz.UnknownRBAC:
		s = "roles and bindings were not read"
	case authz.UnknownRole:
		s = "the rules of " + u.Role.String() + " are not known"
	case authz.UnknownAuthMap:
		s = "aws-auth was not read"
	case authz.UnknownPolicies:
		s = "the policy's rules are not known"
	case authz.UnknownResource:
		s = "whether the resource is in namespaces is not known"
	case authz.UnknownCreator:
		s = "who made the cluster is not known"
	default:
		s = string(u.Part) + " is not known"
	}
	if u.Why != "" {
		s += ": " + u.Why
	}
	return s
}

// ownWords says which role of one's own would do.
func ownWords(r authz.Remedy) string {
	x := r.Own
	rule := "nonResourceURLs: [" + strings.Join(x.NonResourceURLs, ", ") + "]"
	if len(x.NonResourceURLs) == 0 {
		rule = fmt.Sprintf("apiGroups: [%q], resources: [%s]", strings.Join(x.APIGroups, ", "), strings.Join(x.Resources, ", "))
	}
	rule += ", verbs: [" + strings.Join(x.Verbs, ", ") + "]"
	if r.Scope.Cluster {
		return "a ClusterRole of its own on the whole cluster, with the rule {" + rule + "} and nothing else"
	}
	return "a Role of its own on " + where(r.Scope) + ", with the rule {" + rule + "} and nothing else"
}

// remedyWords says what would allow it, and what else that gives.
func remedyWords(r authz.Remedy) string {
	if r.Own != nil {
		return ownWords(r)
	}
	s := access.ShortPolicy(r.Policy)
	if r.Policy == "" {
		s = access.ClusterRole + " " + r.Role
	}
	s += " on " + where(r.Scope)
	if len(r.Also) > 0 {
		s += " (also: " + strings.Join(r.Also, ", ") + ")"
	}
	return s
}
