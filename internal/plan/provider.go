package plan

import (
	"maps"
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
)

// provider wants the OIDC provider of a cluster's issuer in a role's account
// and gives the ID of the change that makes it, if it has to be made. It is
// decided once; needed says that a role waits for it.
func (w *workloads) provider(account string, t access.WantTrust, needed bool) string {
	h, ok := w.have.Cluster(t.Cluster)
	a, asked := w.have.Account(account)
	if !ok || h.Issuer == "" || !asked {
		return ""
	}
	id := accountID("oidcprovider", account, h.Issuer)
	if w.planned[id] {
		return id
	}
	want := Provider{ARN: access.ProviderARN(a.Account.Partition, account, h.Issuer), Issuer: h.Issuer,
		ClientIDs: []string{access.AudienceSTS}, Tags: maps.Clone(w.tags)}
	c := Change{ID: id, Verb: Create, Kind: OIDCProvider, Cluster: access.ClusterKey{Account: account}, Name: h.Issuer, To: want, Source: t.Place}
	if !a.ProvidersRead {
		if !needed {
			return ""
		}
		why := "the OIDC providers of account " + account + " were not read"
		if gap, unread := w.have.UnreadOf(access.ClusterKey{Account: account}, access.GapProviders); unread {
			why = gapWords(gap)
		}
		c.hold(Hold{HalfRead, why})
		w.planned[id] = true
		w.add(c)
		return id
	}
	have, there := a.Provider(h.Issuer)
	switch {
	case !there:
		w.planned[id] = true
		w.add(c)
		return id
	case slices.Contains(have.ClientIDs, access.AudienceSTS):
		return ""
	}
	want.ClientIDs = append(slices.Clone(have.ClientIDs), access.AudienceSTS)
	slices.Sort(want.ClientIDs)
	want.Tags = maps.Clone(have.Tags)
	c.Verb, c.From, c.To = Update, Provider{have.ARN, have.Issuer, slices.Clone(have.ClientIDs), maps.Clone(have.Tags)}, want
	if o := w.want.Owner.OwnerOf(have.Tags, w.want.ForeignTags); !o.Ours {
		c.hold(Hold{ForeignEntry, "the provider is not ours (" + o.By + ") and takes no tokens for " + access.AudienceSTS +
			": aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn " + shellWord(have.ARN) + " --client-id " + access.AudienceSTS})
	}
	w.planned[id] = true
	w.add(c)
	return id
}
