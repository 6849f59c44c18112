// Package effect turns what the documents want, what was seen, and what a plan
// will leave, into the facts that decisions are made from, one authz.Facts for
// each cluster; and it tells whom people's words for subjects stand for there.
//
// It reads nothing but its arguments and decides nothing.
package effect

import (
	"cmp"
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/authz/rbac"
)

// Wanted is each cluster as the documents alone have it, in the State's order:
// as if the documents were made, and nobody else had access. RBAC is upstream's
// default roles and bindings with what the documents bind. A mode that is not
// managed counts as one that takes access entries.
func Wanted(s *access.State) []authz.Facts { return WantedOf(s, nil) }

// WantedOf is Wanted with the entries of some principals alone, for questions
// about them: nobody's access rests on another's entry. keep is asked of each
// entry's principal.
func WantedOf(s *access.State, keep func(arn string) bool) []authz.Facts {
	all := make([]authz.Facts, 0, len(s.Clusters))
	for i := range s.Clusters {
		w := &s.Clusters[i]
		f := authz.Facts{Cluster: w.Key, Name: w.Document, Mode: cmp.Or(w.Mode, access.ModeAPIAndConfigMap)}
		defaultRBAC(&f)
		for j := range w.Entries {
			if keep == nil || keep(Placeholder(w.Entries[j].Member)) {
				f.Entries = append(f.Entries, wantedEntry(&w.Entries[j]))
			}
		}
		slices.SortFunc(f.Entries, func(a, b authz.Entry) int { return cmp.Compare(a.Principal, b.Principal) })
		for j := range w.Bindings {
			f.Bindings = append(f.Bindings, wantedBinding(&w.Bindings[j]))
			f.Unknown = append(f.Unknown, unknownRole(&f, &w.Bindings[j])...)
		}
		all = append(all, f)
	}
	return all
}

// defaultRBAC says that a cluster has upstream's default roles and bindings,
// which authz.Compile fills in.
func defaultRBAC(f *authz.Facts) { f.DefaultRBAC = true }

// isDefaultRole reports whether upstream makes a ClusterRole of that name.
func isDefaultRole(name string) bool {
	return slices.ContainsFunc(rbac.DefaultRoles(), func(r access.KubernetesRole) bool { return r.Namespace == "" && r.Name == name })
}

// wantedEntry is a wanted entry with the places that ask for its parts. A
// permission set, whose role only its account knows, gets a placeholder.
func wantedEntry(w *access.WantEntry) authz.Entry {
	e := authz.Entry{Member: w.Member.String(), Sources: w.Sources, Teams: teams(w.Sources)}
	e.Principal = Placeholder(w.Member)
	e.Type = cmp.Or(w.Type, access.Standard)
	e.Username, e.Groups = entryIdentity(e.Principal, e.Type, w.Username, w.Groups)
	e.Scopes = make(map[string][]access.WantScope, len(w.Associations))
	for _, a := range w.Associations {
		e.Associations = append(e.Associations, access.Association{Policy: a.Policy, Scope: a.Scope})
		e.Scopes[a.Policy] = a.Parts
	}
	return e
}

// entryIdentity is who EKS makes of an entry's principal. (EKS User Guide,
// creating access entries; the groups of a node's entry: assumption
// node-groups.)
func entryIdentity(principal string, t access.EntryType, username string, groups []string) (string, []string) {
	switch t {
	case access.Standard:
		if iam, err := access.ParseIAMPrincipal(principal); err == nil && username == "" {
			username = iam.DefaultUsername()
		}
		return username, groups
	case access.FargateLinux, access.HybridLinux:
		return "system:node:{{SessionName}}", []string{"system:nodes"}
	}
	return "system:node:{{EC2PrivateDNSName}}", []string{"system:nodes"}
}

// Placeholder is a member's ARN; for a permission set that was not looked up,
// the form its role's ARN has, with zeros for the sixteen digits that IAM
// Identity Center chose.
func Placeholder(m access.Member) string {
	if arn, ok := m.ARN(); ok {
		return arn
	}
	return "arn:" + m.Partition + ":iam::" + m.Account + ":role/aws-reserved/sso.amazonaws.com/" +
		access.SSORolePrefix + m.Name + "_0000000000000000"
}

// wantedBinding is a team's wish for a role: a ClusterRoleBinding, or a
// RoleBinding in each namespace that matches.
func wantedBinding(w *access.WantBinding) authz.Binding {
	b := authz.Binding{Binding: access.Binding{
		Name: w.Name, Role: w.Role, Subjects: []access.Subject{{Kind: access.GroupSubject, Name: w.Group}},
	}}
	if !w.Scope.Cluster {
		b.Patterns, b.Parts = w.Scope.Namespaces, w.Parts
	}
	for _, p := range w.Parts {
		b.Sources = append(b.Sources, p.Source)
	}
	return b
}

// unknownRole says that the rules of a wanted binding's role are not known,
// where only the documents are and the role is not one of upstream's.
func unknownRole(f *authz.Facts, w *access.WantBinding) []authz.Unknown {
	known := w.Role.Kind == access.ClusterRole && isDefaultRole(w.Role.Name)
	same := func(u authz.Unknown) bool { return u.Role == w.Role }
	if known || slices.ContainsFunc(f.Unknown, same) {
		return nil
	}
	return []authz.Unknown{{
		Part: authz.UnknownRole, Role: w.Role, Why: "only the documents were read, and the rules of " + w.Role.String() + " stand in the cluster",
		Settle: "read the roles of cluster " + f.Name + " with --observed",
	}}
}

func teams(sources []access.Source) []string {
	var names []string
	for _, s := range sources {
		if s.Team != "" {
			names = append(names, s.Team)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
