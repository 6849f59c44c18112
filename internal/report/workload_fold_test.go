package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// A role for each cluster, as `{cluster}` in its name makes them, once gave a
// line for each.
func TestRolesThatDifferByTheirClustersNameAreOneRow(t *testing.T) {
	of := func(cluster, role, what string) plan.Grant {
		return plan.Grant{Cluster: access.ClusterKey{Account: account, Region: "us-east-1", Name: "eks-" + cluster}, Document: cluster,
			Principal: "arn:aws:iam::" + account + ":role/path/" + role, Member: "workload/dns", ServiceAccount: "dns/dns",
			What: what, Where: "dns/dns as role " + role}
	}
	const zones = "route53:ListHostedZones on *"
	for name, c := range map[string]struct {
		grants []plan.Grant
		want   []string
	}{
		"one for each":                     {[]plan.Grant{of("ops", "dns-ops", zones), of("test", "dns-test", zones)}, []string{zones + " | dns/dns as role dns-{cluster} | ops, test"}},
		"without a policy":                 {[]plan.Grant{of("ops", "dns-ops", "role dns-ops, which has no policy"), of("test", "dns-test", "role dns-test, which has no policy")}, []string{"role dns-{cluster}, which has no policy | dns/dns as role dns-{cluster} | ops, test"}},
		"one alone keeps its name":         {[]plan.Grant{of("ops", "dns-ops", zones)}, []string{zones + " | dns/dns as role dns-ops | ops"}},
		"another's name is no cluster's":   {[]plan.Grant{of("ops", "dns-ops", zones), of("test", "dns-prod", zones)}, []string{zones + " | dns/dns as role dns-ops | ops", zones + " | dns/dns as role dns-prod | test"}},
		"other rights stay apart":          {[]plan.Grant{of("ops", "dns-ops", zones), of("test", "dns-test", "s3:GetObject on *")}, []string{zones + " | dns/dns as role dns-ops | ops", "s3:GetObject on * | dns/dns as role dns-test | test"}},
		"a cluster's letter in the word":   {[]plan.Grant{of("a", "metrics-a", zones), of("b", "metrics-b", zones), of("c", "metrics-c", zones)}, []string{zones + " | dns/dns as role metrics-{cluster} | 3 clusters"}},
		"a cluster's name before it":       {[]plan.Grant{of("prod", "prod-dns-prod", zones), of("test", "prod-dns-test", zones)}, []string{zones + " | dns/dns as role prod-dns-{cluster} | prod, test"}},
		"twice in the name":                {[]plan.Grant{of("ops", "ops-dns-ops", zones), of("test", "test-dns-test", zones)}, []string{zones + " | dns/dns as role {cluster}-dns-{cluster} | ops, test"}},
		"a role of several keeps its name": {[]plan.Grant{of("ops", "dns-ops", zones), of("test", "dns-ops", zones)}, []string{zones + " | dns/dns as role dns-ops | ops, test"}},
	} {
		var got []string
		for _, r := range accessRows(c.grants, false, "") {
			got = append(got, r.what+" | "+r.where+" | "+r.on)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
	if rows := accessRows([]plan.Grant{of("ops", "dns-ops", zones), of("test", "dns-test", zones)}, true, ""); len(rows) != 2 || rows[1].where != "dns/dns as role dns-test" {
		t.Errorf("-v folds them: %+v", rows)
	}
}
