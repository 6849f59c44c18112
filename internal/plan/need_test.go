package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/atlas-iam/atlas-iam/access"
)

// What is asked of AWS and of API servers for workloads is what documents speak
// of, and nothing else.
func TestWhatIsReadForWorkloads(t *testing.T) {
	prod2 := access.ClusterKey{Account: home, Region: prod.Region, Name: "prod2"}
	want := workloadWant(t, test, prod)
	bare := wantCluster(prod2)
	want.Clusters = append(want.Clusters, bare)
	patterned := access.WantPodIdentity{PodIdentityAssociation: access.PodIdentityAssociation{Namespace: "preview-*", ServiceAccount: "a",
		TargetRole: "arn:aws:iam::999988887777:role/far"}}
	for i := range want.Clusters {
		if want.Clusters[i].Key == prod { // by a pattern alone
			want.Clusters[i].PodIdentities, want.Clusters[i].PodIdentityPatterns = nil, []access.WantPodIdentity{patterned}
			want.Clusters[i].Via = access.ViaRender
		}
	}
	const limit = "arn:aws:iam::" + home + ":policy/limit"
	want.Roles[0].Boundary = limit
	got := WorkloadsNeed(want, Options{})
	if diff := cmp.Diff(&access.WorkloadsNeed{
		Everywhere: true, RolePath: "/atlas-iam/ops/",
		Accounts: map[string]bool{home: true, "999988887777": true},
		Policies: map[string][]string{home: {limit}}, Roles: map[string]bool{yaceRole: false, lokiRole: false},
		Attach:  map[string][]string{yaceRole: {"arn:aws:iam::aws:policy/A"}},
		Issuers: map[string][]access.ClusterKey{home: {prod, test}},
		Agents:  map[access.ClusterKey]bool{test: true, prod: true, prod2: false},
	}, got, cmpopts.IgnoreFields(access.WorkloadsNeed{}, "ServiceAccounts", "ArgoSecrets", "OurTrust", "Detach")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}

	// Manifests are written without looking, and a cluster with nothing is left alone.
	have := workloadSees(test, prod, prod2)
	if diff := cmp.Diff(map[access.ClusterKey]access.KubernetesNeed{test: access.KubernetesNeeded}, got.ServiceAccounts(have)); diff != "" {
		t.Errorf("ServiceAccounts: -want +got\n%s", diff)
	}

	// An association of ours that no document wants any more may have a
	// ServiceAccount of ours; one of others', or of an add-on's, has none.
	for name, c := range map[string]struct {
		tags  map[string]string
		owner string
		looks bool
	}{
		"ours":      {want.Owner.Tags(), "", true},
		"others'":   {map[string]string{"a": "b"}, "", false},
		"an add-on": {want.Owner.Tags(), "arn:aws:eks:eu-west-1:" + home + ":addon/prod2/x/y", false},
	} {
		have := workloadSees(test, prod, prod2)
		for i := range have.Clusters {
			if h := &have.Clusters[i]; h.Key == prod2 {
				h.PodIdentities = []access.PodIdentityAssociation{{Namespace: "old", ServiceAccount: "old", Role: yaceRole, Tags: c.tags, OwnerARN: c.owner}}
			}
		}
		if _, looks := got.ServiceAccounts(have)[prod2]; looks != c.looks {
			t.Errorf("%s: looked for %v", name, looks)
		}
	}
}

// What was ours may stand in an account of which no document speaks any more:
// its roles are read where workloads are looked for at all.
//
// shows: item S165
func TestRolesOfEveryAccountAreReadWhereWorkloadsAreLookedFor(t *testing.T) {
	const other = "444455556666"
	want := workloadWant(t, test)
	want.Accounts = append(want.Accounts, access.Account{Name: "other", ID: other, Partition: "aws"})
	if got := WorkloadsNeed(want, Options{}).Accounts; !got[home] || !got[other] {
		t.Errorf("beside a workload of another account: %v", got)
	}
	people := *want
	people.Workloads, people.Roles = nil, nil
	if got := WorkloadsNeed(&people, Options{Destroy: true}).Accounts; !got[home] || !got[other] {
		t.Errorf("destroy: %v", got)
	}
	if got := WorkloadsNeed(&people, Options{}).Accounts; len(got) != 0 {
		t.Errorf("the twin, documents without workloads: %v", got)
	}
}

// What a role of ours is to lose is read, so that what goes with it can be said:
// what its document names no more, and with the role all. Of another's role, and
// of what stays, nothing is.
//
// shows: item S139
func TestTheManagedPoliciesThatARoleOfOursLosesAreRead(t *testing.T) {
	const a, b = "arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/AdministratorAccess"
	want := workloadWant(t, test)
	ours, theirs := want.Owner.Tags(), map[string]string{"created-by": "terraform"}
	for name, c := range map[string]struct {
		role    string
		tags    map[string]string
		managed []string
		destroy bool
		want    []string
	}{
		"one beside its document's":     {yaceRole, ours, []string{a, b}, false, []string{b}},
		"the documents' alone":          {yaceRole, ours, []string{a}, false, nil},
		"a role of no document":         {yaceRole + "-old", ours, []string{a, b}, false, []string{a, b}},
		"destroy":                       {yaceRole, ours, []string{a, b}, true, []string{a, b}},
		"another's":                     {yaceRole, theirs, []string{a, b}, false, nil},
		"another's, and destroy":        {yaceRole, theirs, []string{a, b}, true, nil},
		"another's that nobody asks of": {yaceRole + "-old", nil, []string{a, b}, false, nil},
	} {
		have := &access.HaveRole{Principal: access.Principal{ARN: c.role}, Tags: c.tags, Managed: c.managed}
		got := WorkloadsNeed(want, Options{Destroy: c.destroy}).Detach(have)
		if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}
