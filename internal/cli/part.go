package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/observe"
)

// part turns --cluster and --only into what a run is narrowed to; nil when
// neither is given.
func (f *flow) part(ctx context.Context) (*access.Part, error) {
	if f.narrow != nil || len(f.c.cluster) == 0 && len(f.c.only) == 0 {
		return f.narrow, nil
	}
	part := &access.Part{Only: slices.Sorted(slices.Values(f.c.only))}
	for _, name := range f.c.cluster {
		keys, err := clustersNamed(f.want, name)
		if err != nil {
			return nil, err
		}
		part.Clusters = append(part.Clusters, keys...)
	}
	slices.SortFunc(part.Clusters, access.ClusterKey.Compare)
	part.Clusters = slices.Compact(part.Clusters)
	for _, who := range part.Only {
		members, err := membersNamed(f.want, who)
		if err != nil {
			return nil, err
		}
		arns, err := f.arns(ctx, members)
		if err != nil {
			return nil, err
		}
		part.Principals = append(part.Principals, arns...)
	}
	slices.Sort(part.Principals)
	part.Principals = slices.Compact(part.Principals)
	return part, nil
}

// clustersNamed finds clusters by document or EKS's name.
func clustersNamed(want *access.State, name string) ([]access.ClusterKey, error) {
	var keys []access.ClusterKey
	var names []string
	for _, c := range want.Clusters {
		if c.Document == name || c.Key.Name == name {
			keys = append(keys, c.Key)
		}
		names = append(names, c.Document)
	}
	if len(keys) > 0 {
		return keys, nil
	}
	return nil, usage(meant("--cluster", name, names), "--cluster %s: no document names that cluster", name)
}

// membersNamed finds the members that a word of --only means. A user or role
// that no document names any more is looked for in every account, so that what
// is left of it can be planned away.
func membersNamed(want *access.State, who string) ([]access.Member, error) {
	kind, name, _ := strings.Cut(who, "/")
	var found []access.Member
	match := func(e access.WantEntry) bool { return e.Member.String() == who }
	if kind == "team" {
		if !slices.Contains(want.Teams, name) {
			return nil, usage(meant("--only team/", name, want.Teams), "--only %s: no document makes that team", who)
		}
		match = func(e access.WantEntry) bool {
			return slices.ContainsFunc(e.Sources, func(s access.Source) bool { return s.Team == name })
		}
	}
	for _, c := range want.Clusters {
		for _, e := range c.Entries {
			if match(e) && !slices.Contains(found, e.Member) {
				found = append(found, e.Member)
			}
		}
	}
	if len(found) > 0 || kind == "team" {
		return found, nil
	}
	if strings.HasPrefix(who, "arn:") {
		if _, err := access.ParseIAMPrincipal(who); err != nil {
			return nil, usage("", "--only %s: %w", who, err)
		}
		return []access.Member{{Kind: access.ARNMember, Name: who}}, nil
	}
	if kind == string(access.WhoWorkload) {
		return nil, usage("leave it out, or name clusters by --cluster", "--only %s: workloads are not supported by --only in this version", who)
	}
	if (kind != "user" && kind != "role") || name == "" {
		return nil, usage("team/NAME, user/NAME, role/NAME, permissionSet/NAME or an ARN", "--only %s: no document names that", who)
	}
	for _, a := range want.Accounts {
		found = append(found, access.Member{Kind: access.MemberKind(kind), Partition: a.Partition, Account: a.ID, Name: name})
	}
	return found, nil
}

// arns looks members up. Only a permission set needs to be asked for: its are
// all the roles that were made for it.
func (f *flow) arns(ctx context.Context, members []access.Member) ([]string, error) {
	var arns []string
	for _, m := range members {
		if arn, ok := m.ARN(); ok {
			arns = append(arns, arn)
			continue
		}
		account, ours := f.want.Account(m.Account)
		if !ours {
			continue
		}
		have, err := observe.ReadPrincipals(ctx, f.cloud, []access.Account{account}, observe.Options{Now: f.p.Now})
		if err != nil {
			return nil, f.p.cloudError(fmt.Errorf("look up %s in account %s: %w", m, m.Account, err))
		}
		for _, g := range have.Gaps {
			if g.What == access.GapRoles {
				return nil, unasked(fmt.Errorf("look up %s in account %s: %s", m, m.Account, g.Reason), "")
			}
		}
		for _, r := range have.Accounts[0].Roles {
			p, err := access.ParseIAMPrincipal(r.ARN)
			if set, ok := p.PermissionSet(); err == nil && ok && set == m.Name {
				arns = append(arns, p.ARN())
			}
		}
	}
	return arns, nil
}

// meant is a hint at the nearest right word.
func meant(before, word string, words []string) string {
	if n := nearest(word, words); n != "" {
		if strings.HasSuffix(before, "/") {
			return "did you mean " + before + n + "?"
		}
		return "did you mean " + before + " " + n + "?"
	}
	if len(words) > 0 && len(words) <= 8 {
		return "there are " + strings.Join(words, ", ")
	}
	return ""
}
