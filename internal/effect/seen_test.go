package effect

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// What was not read of workloads, people or namespaces leaves it known what a
// cluster's entries and bindings give; the account, or the cluster, does not.
func TestOtherListsThatWereNotReadHideNoAccessToACluster(t *testing.T) {
	have := &access.Snapshot{Clusters: []access.HaveCluster{{Key: roleTest, EntriesRead: true, Mode: access.ModeAPI}}}
	seen := func(of ...access.Gap) []string {
		have.Gaps = of
		var out []string
		for _, u := range Seen(have, &access.State{})[0].Unknown {
			out = append(out, string(u.Part)+": "+u.Why)
		}
		slices.Sort(out)
		return out
	}
	before := seen()
	for _, what := range []access.GapKind{access.GapUsers, access.GapRoles, access.GapNamespaces, access.GapServiceAccounts, access.GapArgoSecrets,
		access.GapRoleDetails, access.GapProviders, access.GapPodIdentities, access.GapPodIdentity, access.GapPolicy, access.GapAgent} {
		if diff := cmp.Diff(before, seen(access.Gap{What: what, Account: roleTest.Account, Reason: "403"})); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	for _, what := range []access.GapKind{access.GapAccount, access.GapClusters, access.GapCluster, access.GapEntries, access.GapEntry} {
		if !slices.ContainsFunc(seen(access.Gap{What: what, Account: roleTest.Account, Principal: appRole, Reason: "403"}), func(s string) bool { return !slices.Contains(before, s) }) {
			t.Errorf("%s hides nothing", what)
		}
	}
}
