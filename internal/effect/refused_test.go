package effect

import (
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/trust"
)

// Whatever a role may do, a workload has none of it whose pods the role, or the
// end of the chain, surely refuses; what was not read refuses nobody.
//
// shows: item S200
func TestARoleThatLetsNoPodInIsOfNoUse(t *testing.T) {
	const host = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
	pods := access.WantTrust{Credentials: access.PodIdentity, Cluster: roleTest, Namespace: "ops", Name: "app"}
	web := pods
	web.Credentials = access.IRSA
	issuer := func(access.ClusterKey) (trust.Issuer, bool) {
		i, err := trust.IssuerAt("aws", "111111111111", host)
		return i, err == nil
	}
	document := func(s []trust.Statement) access.Document {
		d, err := trust.Merge("", s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	lets := func(of access.WantTrust) access.Document {
		s, _ := trust.Want([]access.WantTrust{of}, issuer)
		return document(s)
	}
	letsRole := func(role string) access.Document {
		s, _ := trust.WantTarget(role, []access.WantTrust{pods})
		return document(s)
	}
	others, err := iam.Canonical(iam.Trust, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := pods
	elsewhere.Namespace = "web"
	for name, c := range map[string]struct {
		trusts    []access.WantTrust
		own       access.Document
		target    access.Document // "" with a target: there is none such
		chain     bool
		unread    bool
		issuer    string
		accounts  []access.WorkloadAccount
		wantsWord string
	}{
		"let in by Pod Identity":            {trusts: []access.WantTrust{pods}, own: lets(pods)},
		"refused by Pod Identity":           {trusts: []access.WantTrust{pods}, own: others, wantsWord: "role app does not trust ops/app now"},
		"another namespace is let in":       {trusts: []access.WantTrust{pods}, own: lets(elsewhere), wantsWord: "role app does not trust ops/app now"},
		"one of two is let in":              {trusts: []access.WantTrust{pods, elsewhere}, own: lets(elsewhere), accounts: []access.WorkloadAccount{{Namespace: "ops", Name: "app"}, {Namespace: "web", Name: "app"}}},
		"another workload's is let in":      {trusts: []access.WantTrust{pods, elsewhere}, own: lets(elsewhere), wantsWord: "does not trust ops/app"},
		"roles that were not read":          {trusts: []access.WantTrust{pods}, own: others, unread: true},
		"a role that is not there":          {trusts: []access.WantTrust{pods}},
		"let in by IRSA":                    {trusts: []access.WantTrust{web}, own: lets(web), issuer: host},
		"refused by IRSA":                   {trusts: []access.WantTrust{web}, own: others, issuer: host, wantsWord: "role app does not trust ops/app now"},
		"IRSA where no issuer was read":     {trusts: []access.WantTrust{web}, own: others},
		"let in at the end of a chain":      {trusts: []access.WantTrust{pods}, own: lets(pods), chain: true, target: letsRole(appRole)},
		"refused at the end of a chain":     {trusts: []access.WantTrust{pods}, own: lets(pods), chain: true, target: others, wantsWord: "target role far does not let role app in now"},
		"another role is let in at the end": {trusts: []access.WantTrust{pods}, own: lets(pods), chain: true, target: letsRole(appRole + "2"), wantsWord: "target role far does not let role app in now"},
		"an end that is not there":          {trusts: []access.WantTrust{pods}, own: lets(pods), chain: true},
	} {
		s := workloadState()
		s.Workloads[0].Roles = s.Workloads[0].Roles[1:]
		s.Roles[0].Trust = c.trusts
		if c.accounts != nil {
			s.Workloads[0].Accounts = c.accounts
		}
		have := &access.Snapshot{Accounts: []access.HaveAccount{
			{Account: access.Account{ID: "111111111111"}, DetailsRead: !c.unread},
			{Account: access.Account{ID: "222222222222"}, DetailsRead: true}},
			Clusters: []access.HaveCluster{{Key: roleTest, Issuer: c.issuer}}}
		if c.own != "" {
			have.Accounts[0].Details = []access.HaveRole{{Principal: access.Principal{ARN: appRole}, Trust: c.own}}
		}
		if c.chain {
			s.Workloads[0].Target = farRole
		}
		if c.target != "" {
			have.Accounts[1].Details = []access.HaveRole{{Principal: access.Principal{ARN: farRole}, Trust: c.target}}
		}
		roles := WorkloadRoles(&s.Workloads[0], s, have)
		if len(roles) != 1 || (roles[0].Refused != "") != (c.wantsWord != "") || !strings.Contains(roles[0].Refused, c.wantsWord) {
			t.Errorf("%s: %+v, want %q", name, roles[0].Refused, c.wantsWord)
		}
		if of := WorkloadRoles(&s.Workloads[0], s, nil); of[0].Refused != "" {
			t.Errorf("%s: documents alone refuse nobody: %q", name, of[0].Refused)
		}
	}
}
