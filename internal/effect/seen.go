package effect

import (
	"cmp"
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// Seen is each cluster as it was seen, sorted by key: those that were read and
// those of the State that are hidden in a gap. A cluster that a document names
// and that does not exist is left out. s gives names and places and may be nil.
//
// A cluster whose own endpoint nobody asked (HaveCluster.Kubernetes is nil) has
// upstream's default RBAC and no aws-auth, and DefaultRBAC says so; whoever
// wants the whole truth asks for the reading.
func Seen(h *access.Snapshot, s *access.State) []authz.Facts {
	return seen(h, h.Clusters, s)
}

// seen is Seen of clusters that need not be h's.
func seen(h *access.Snapshot, clusters []access.HaveCluster, s *access.State) []authz.Facts {
	resolved := &plan.Resolved{}
	if s != nil {
		resolved = plan.Resolve(s, h)
	}
	var all []authz.Facts
	read := map[access.ClusterKey]bool{}
	for i := range clusters {
		c := &clusters[i]
		read[c.Key] = true
		want, _ := resolved.Cluster(c.Key)
		all = append(all, seenCluster(h, c, want))
	}
	for i := range resolved.Clusters {
		w := resolved.Clusters[i].Want
		g, hidden := h.Unread(w.Key, "")
		if read[w.Key] || !hidden {
			continue
		}
		f := authz.Facts{Cluster: w.Key, Name: w.Document, Mode: cmp.Or(w.Mode, access.ModeAPIAndConfigMap)}
		f.Unknown = []authz.Unknown{unknownEntries(&f, g.Reason), unknownRBAC(&f, g.Reason), unknownAuthMap(&f, g.Reason)}
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b authz.Facts) int { return a.Cluster.Compare(b.Cluster) })
	return all
}

func seenCluster(h *access.Snapshot, c *access.HaveCluster, want *plan.ResolvedCluster) authz.Facts {
	f := authz.Facts{Cluster: c.Key, Name: c.Key.Name, Mode: c.Mode}
	wanted := map[string]*plan.ResolvedEntry{}
	if want != nil {
		f.Name = want.Want.Document
		for i := range want.Entries {
			if e := &want.Entries[i]; e.Principal.ARN != "" {
				wanted[e.Principal.ARN] = e
			}
		}
	}
	for i := range c.Entries {
		f.Entries = append(f.Entries, seenEntry(h, &c.Entries[i], wanted[c.Entries[i].Principal]))
	}
	seenKubernetes(&f, c.Kubernetes, want)
	gaps(&f, h, c)
	if f.Mode == access.ModeConfigMap {
		f.Unknown = append(f.Unknown, authz.Unknown{Part: authz.UnknownCreator, Why: "in mode CONFIG_MAP whoever made cluster " + f.Name + " is its administrator, and nothing shows who",
			Settle: "write authenticationMode: API_AND_CONFIG_MAP for cluster " + f.Name + ": EKS then makes an entry for who made it"})
	}
	return f
}

// seenEntry is an entry as it was seen. Places are those of documents that
// want what was seen; a scope that differs from theirs has none.
func seenEntry(h *access.Snapshot, have *access.Entry, want *plan.ResolvedEntry) authz.Entry {
	alive := h.EntryAlive(have)
	e := authz.Entry{Entry: *have, Dead: alive == access.AliveGone || alive == access.AliveRemade}
	if want == nil {
		return e
	}
	e.Member, e.Sources, e.Teams = want.Member.String(), want.Sources, teams(want.Sources)
	e.Scopes = map[string][]access.WantScope{}
	for _, a := range want.Associations {
		if seen, ok := have.Association(a.Policy); ok && seen.Scope.Equal(a.Scope) {
			e.Scopes[a.Policy] = a.Parts
		}
	}
	return e
}

// seenKubernetes takes in what was read through the cluster's own endpoint.
func seenKubernetes(f *authz.Facts, k *access.HaveKubernetes, want *plan.ResolvedCluster) {
	if k == nil {
		defaultRBAC(f)
		return
	}
	if k.RBACRead {
		f.Roles = k.Roles
		for i := range k.Bindings {
			f.Bindings = append(f.Bindings, seenBinding(&k.Bindings[i], want))
		}
	}
	if k.NamespacesRead {
		f.Namespaces = k.Namespaces
		if f.Namespaces == nil {
			f.Namespaces = []string{}
		}
	}
	if k.AuthMapRead {
		f.AuthMap = k.AuthMap
	}
}

// seenBinding is a binding as it was seen, with the places of the documents
// that want one of that name for that role there.
func seenBinding(b *access.Binding, want *plan.ResolvedCluster) authz.Binding {
	out := authz.Binding{Binding: *b}
	if want == nil {
		return out
	}
	for i := range want.Want.Bindings {
		w := &want.Want.Bindings[i]
		if w.Name != b.Name || w.Role != b.Role || w.Scope.Cluster != (b.Namespace == "") {
			continue
		}
		for _, p := range w.Parts {
			if w.Scope.Cluster || slices.ContainsFunc(p.Scope.Namespaces, func(n string) bool { return access.MatchPattern(n, b.Namespace) }) {
				out.Sources = append(out.Sources, p.Source)
			}
		}
	}
	return out
}

// gaps says what of a cluster's own access was not read, and what would settle
// it. Other lists, as those of workloads, hide none of that.
func gaps(f *authz.Facts, h *access.Snapshot, c *access.HaveCluster) {
	add := func(u authz.Unknown) {
		if !slices.Contains(f.Unknown, u) {
			f.Unknown = append(f.Unknown, u)
		}
	}
	for _, g := range h.Gaps {
		if g.Account != c.Key.Account || g.Region != "" && g.Region != c.Key.Region || g.Cluster != "" && g.Cluster != c.Key.Name {
			continue
		}
		switch g.What {
		case access.GapEntry:
			add(unknownEntry(f, g))
		case access.GapEntries:
			add(unknownEntries(f, g.Reason))
		case access.GapRBAC:
			add(unknownRBAC(f, g.Reason))
		case access.GapAuthMap:
			add(unknownAuthMap(f, g.Reason))
		case access.GapKubernetes:
			add(unknownRBAC(f, g.Reason))
			add(unknownAuthMap(f, g.Reason))
		case access.GapAccount, access.GapClusters, access.GapCluster:
			add(unknownEntries(f, g.Reason))
			add(unknownRBAC(f, g.Reason))
			add(unknownAuthMap(f, g.Reason))
		}
	}
	if h.Part != nil && len(h.Part.Only) > 0 {
		add(unknownEntries(f, "only some principals were read, see --only"))
	}
}

func unknownEntries(f *authz.Facts, why string) authz.Unknown {
	return authz.Unknown{Part: authz.UnknownEntries, Why: why,
		Settle: "read the access entries of cluster " + f.Name + ": the caller needs eks:DescribeCluster, eks:ListAccessEntries, eks:DescribeAccessEntry and eks:ListAssociatedAccessPolicies on it"}
}

func unknownEntry(f *authz.Facts, g access.Gap) authz.Unknown {
	return authz.Unknown{Part: authz.UnknownEntry, Principal: g.Principal, Why: g.Reason,
		Settle: "read the access entry of " + g.Principal + " on cluster " + f.Name + ": the caller needs eks:DescribeAccessEntry and eks:ListAssociatedAccessPolicies on it"}
}

func unknownRBAC(f *authz.Facts, why string) authz.Unknown {
	return authz.Unknown{Part: authz.UnknownRBAC, Why: why,
		Settle: "read the roles and bindings of cluster " + f.Name + ": the caller needs to reach its API server and to list them there"}
}

func unknownAuthMap(f *authz.Facts, why string) authz.Unknown {
	return authz.Unknown{Part: authz.UnknownAuthMap, Why: why,
		Settle: "read ConfigMap kube-system/aws-auth of cluster " + f.Name + ": the caller needs to get it there"}
}
