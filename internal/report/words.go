package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// Describe says what a change does, in a few words without its cluster:
// "associate Edit with user/oleksii in *backend*". It is not yet escaped.
func Describe(c plan.Change) string {
	who := Who(c.Member, c.Principal, c.Cluster.Account)
	switch c.Kind {
	case plan.AuthenticationMode:
		return "authentication mode " + modeOf(c.From) + " to " + modeOf(c.To)
	case plan.AccessEntry:
		return describeEntry(c, who)
	case plan.PolicyAssociation:
		return describeAssociation(c, who)
	case plan.RoleBinding, plan.ClusterRoleBinding:
		return describeBinding(c)
	}
	return describeWorkload(c)
}

func describeEntry(c plan.Change, who string) string {
	switch c.Verb {
	case plan.Replace:
		return "make the access entry of " + who + " again"
	case plan.Update:
		if onlyTags(c) {
			return "tags of the access entry of " + who
		}
	}
	return string(c.Verb) + " the access entry of " + who
}

// onlyTags reports whether a change of an entry leaves what it says as it is.
func onlyTags(c plan.Change) bool {
	from, okFrom := c.From.(plan.Entry)
	to, okTo := c.To.(plan.Entry)
	return c.Verb == plan.Update && okFrom && okTo && from.SameIdentity(&to.Entry)
}

func describeAssociation(c plan.Change, who string) string {
	from, _ := c.From.(plan.Association)
	to, _ := c.To.(plan.Association)
	switch c.Verb {
	case plan.Create:
		return "associate " + access.ShortPolicy(to.Policy) + " with " + who + " in " + where(to.Scope)
	case plan.Update:
		return "scope of " + access.ShortPolicy(to.Policy) + " of " + who + " from " + where(from.Scope) + " to " + where(to.Scope)
	}
	return "take " + access.ShortPolicy(from.Policy) + " in " + where(from.Scope) + " from " + who
}

// describeBinding names the role and for whom, and the binding's own name only
// where neither is told.
func describeBinding(c plan.Change) string {
	to, ok := c.To.(plan.Binding)
	if !ok {
		to, _ = c.From.(plan.Binding)
	}
	in := "the whole cluster"
	if c.Namespace != "" {
		in = c.Namespace
	}
	who := c.Name
	if len(c.Teams) > 0 {
		who = access.TeamWords(c.Teams)
	}
	switch c.Verb {
	case plan.Create:
		return "bind " + to.Role.String() + " to " + who + " in " + in
	case plan.Delete:
		return "unbind " + to.Role.String() + " from " + who + " in " + in
	case plan.Replace:
		return "bind another role, " + to.Role.String() + ", to " + who + " in " + in
	}
	return "update the binding of " + to.Role.String() + " to " + who + " in " + in
}

func modeOf(o plan.Object) string {
	if m, ok := o.(plan.Mode); ok {
		return cmp.Or(string(m.AuthenticationMode), "(not read)")
	}
	return "none"
}

// Who names a principal: as a document does, else by kind, path and name, with
// the whole ARN only where it belongs to another account than the cluster.
func Who(member, principal, account string) string {
	if member != "" {
		return member
	}
	p, err := access.ParseIAMPrincipal(principal)
	if err != nil || p.Account != account {
		return principal
	}
	return p.Kind + "/" + strings.TrimPrefix(p.Path, "/") + p.Name
}

// clusterName is a cluster's document, or EKS's name where none names it.
func clusterName(document string, k access.ClusterKey) string {
	if document != "" {
		return document
	}
	if k.Name == "" && k.Account != "" {
		return "account " + k.Account
	}
	return k.Name
}

func where(s access.Scope) string {
	switch {
	case s.Cluster:
		return "the whole cluster"
	case s.IsZero():
		return "nothing"
	}
	return s.String()
}

// count is n with its word: "1 gap", "no gaps", "3 clusters".
func count(n int, one, many string) string {
	switch n {
	case 0:
		return "no " + many
	case 1:
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Quote is s as one word of a shell.
func Quote(s string) string { return "'" + strings.ReplaceAll(Safe(s), "'", `'\''`) + "'" }

// ShellLine is words as a line to be typed, each quoted where a shell would take
// them for more than they say, as a star.
func ShellLine(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		if out[i] = w; w == "" || strings.ContainsFunc(w, func(r rune) bool { return !plainInShells(r) }) {
			out[i] = Quote(w)
		}
	}
	return strings.Join(out, " ")
}

// plainInShells reports whether a letter stands for itself in every shell,
// wherever in a word it stands.
func plainInShells(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+=,", r)
}

// place is file:line, enough to find it and short enough for a table.
func place(p access.Place) string {
	p.Column = 0
	return p.String()
}

// gapWords says which list was not read.
func gapWords(g access.Gap) string {
	at := g.Account
	if g.Region != "" {
		at += " " + g.Region
	}
	switch g.What {
	case access.GapAccount:
		return "account " + at
	case access.GapClusters:
		return "clusters of " + at
	case access.GapCluster:
		return "cluster " + g.Cluster + " of " + at
	case access.GapEntries:
		return "access entries of " + g.Cluster + " in " + at
	case access.GapEntry:
		return "access entry " + g.Principal + " of " + g.Cluster + " in " + at
	case access.GapUsers:
		return "users of " + at
	case access.GapRoles:
		return "roles of " + at
	case access.GapKubernetes:
		return "API server of " + g.Cluster + " in " + at
	case access.GapRBAC:
		return "roles and bindings of " + g.Cluster + " in " + at
	case access.GapNamespaces:
		return "namespaces of " + g.Cluster + " in " + at
	case access.GapAuthMap:
		return "aws-auth of " + g.Cluster + " in " + at
	case access.GapServiceAccounts:
		return "ServiceAccounts of " + g.Cluster + " in " + at
	case access.GapArgoSecrets:
		return "Argo CD's Secrets of " + g.Cluster + " in " + at
	case access.GapRoleDetails:
		return "policies of the roles of " + at
	case access.GapPolicy:
		return "managed policy " + g.Principal
	case access.GapProviders:
		return "OIDC providers of " + at
	case access.GapPodIdentities:
		return "Pod Identity associations of " + g.Cluster + " in " + at
	case access.GapPodIdentity:
		return "Pod Identity association " + g.Principal + " of " + g.Cluster + " in " + at
	case access.GapAgent:
		return "Pod Identity agent of " + g.Cluster + " in " + at
	}
	return string(g.What) + " of " + at
}

// kindWord is a kind as people call it.
func kindWord(k plan.Kind) string {
	switch k {
	case plan.AuthenticationMode:
		return "authentication mode"
	case plan.AccessEntry:
		return "access entry"
	case plan.PolicyAssociation:
		return "policy association"
	case plan.PodIdentityAssociation:
		return "Pod Identity association"
	case plan.OIDCProvider:
		return "OIDC provider"
	}
	return string(k)
}
