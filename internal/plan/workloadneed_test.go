package plan

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// Which clusters' Kubernetes sides guards looked at is kept in the plan: those
// of which roles and bindings or aws-auth were asked for.
func TestAPlanKeepsWhichKubernetesSidesItsGuardsLookedAt(t *testing.T) {
	for name, c := range map[string]struct {
		k    *access.HaveKubernetes
		gap  access.GapKind
		want bool
	}{
		"nothing":                       {nil, "", false},
		"ServiceAccounts alone":         {&access.HaveKubernetes{ServiceAccountsRead: true, NamespacesRead: true}, "", false},
		"Secrets alone":                 {&access.HaveKubernetes{ArgoSecretsRead: true}, "", false},
		"both alone":                    {&access.HaveKubernetes{ServiceAccountsRead: true, ArgoSecretsRead: true}, "", false},
		"ServiceAccounts and RBAC":      {&access.HaveKubernetes{ServiceAccountsRead: true, RBACRead: true}, "", true},
		"ServiceAccounts and aws-auth":  {&access.HaveKubernetes{ServiceAccountsRead: true, AuthMapRead: true}, "", true},
		"Secrets and RBAC":              {&access.HaveKubernetes{ArgoSecretsRead: true, RBACRead: true}, "", true},
		"RBAC alone":                    {&access.HaveKubernetes{RBACRead: true}, "", true},
		"namespaces alone":              {&access.HaveKubernetes{NamespacesRead: true}, "", true},
		"ServiceAccounts, RBAC refused": {&access.HaveKubernetes{ServiceAccountsRead: true}, access.GapRBAC, true},
		"Secrets, aws-auth refused":     {&access.HaveKubernetes{ArgoSecretsRead: true}, access.GapAuthMap, false},
	} {
		h := haveCluster(test)
		h.Kubernetes = c.k
		have := sees(h, haveCluster(prod))
		if c.gap != "" {
			gap(have, access.Gap{What: c.gap, Account: home, Region: "eu-west-1", Cluster: "test", Reason: "403"})
		}
		p := Compute(wants(wantCluster(test), wantCluster(prod)), have, Options{})
		var want []access.ClusterKey
		if c.want {
			want = []access.ClusterKey{test}
		}
		if d := cmp.Diff(want, p.Kubernetes); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
		for k, need := range map[access.ClusterKey]access.KubernetesNeed{test: map[bool]access.KubernetesNeed{true: access.KubernetesIfThere}[c.want], prod: access.KubernetesUnread} {
			if got := p.KubernetesNeed()(&access.HaveCluster{Key: k}); got != need {
				t.Errorf("%s: before it is made %s is read: %v, want %v", name, k.Name, got, need)
			}
		}
	}
}

// What is read again before a saved plan of workloads is made is what its
// changes are about; what is held is not.
func TestWhatIsReadAgainBeforeASavedPlanOfWorkloadsIsMade(t *testing.T) {
	want, have := workloadWant(t, test), workloadSees(test)
	whole := Compute(want, have, Options{})
	of := func(kinds ...Kind) *access.WorkloadsNeed {
		p := *whole
		p.Changes = slices.DeleteFunc(slices.Clone(whole.Changes), func(c Change) bool { return !slices.Contains(kinds, c.Kind) })
		return p.WorkloadsNeed()
	}
	for name, c := range map[string]struct {
		kinds     []Kind
		accounts  bool
		providers int
		agent     bool
		kube      bool
	}{
		"people":          {nil, false, 0, false, false},
		"a role":          {[]Kind{Role}, true, 0, false, false},
		"a policy":        {[]Kind{RolePolicy}, true, 0, false, false},
		"an attachment":   {[]Kind{RoleAttachment}, true, 0, false, false},
		"a provider":      {[]Kind{OIDCProvider}, false, 1, false, false},
		"the agent":       {[]Kind{AgentAddon}, false, 0, true, false},
		"an association":  {[]Kind{PodIdentityAssociation}, false, 0, false, false},
		"ServiceAccounts": {[]Kind{ServiceAccount}, false, 0, false, true},
		"all":             {[]Kind{Role, RolePolicy, RoleAttachment, OIDCProvider, AgentAddon, PodIdentityAssociation, ServiceAccount}, true, 1, true, true},
	} {
		n := of(c.kinds...)
		_, kube := n.ServiceAccounts(have)[test]
		if n.Everywhere != (len(c.kinds) > 0) || n.Accounts[home] != c.accounts || len(n.Providers) != c.providers || n.Agents[test] != c.agent || kube != c.kube || len(n.ArgoSecrets(have)) != 0 {
			t.Errorf("%s: %+v, ServiceAccounts %v", name, n, n.ServiceAccounts(have))
		}
		if c.providers == 1 && n.Providers[0] != (access.ClusterKey{Account: home, Name: issuer(test)}) {
			t.Errorf("%s: %+v", name, n.Providers)
		}
	}
	for i := range whole.Changes {
		whole.Changes[i].hold(Hold{"g", "because"})
	}
	if n := whole.WorkloadsNeed(); n.Everywhere || len(n.Accounts)+len(n.Providers)+len(n.Agents)+len(n.ServiceAccounts(have)) > 0 {
		t.Errorf("all is held: %+v", n)
	}
}

// Workloads are looked for where a document speaks of one or all goes; the
// managed policies of a role where an access test asks what its workload may do.
func TestWhatDocumentsMakeARunReadOfWorkloads(t *testing.T) {
	const limit, read = "arn:aws:iam::" + home + ":policy/limit", "arn:aws:iam::aws:policy/A"
	far := "arn:aws:iam::" + home + ":role/far"
	ask := func(ask access.Ask, kind access.WhoKind, name string) func(*access.State) {
		return func(s *access.State) {
			s.Roles[1].Boundary = limit
			for i := range s.Workloads {
				if s.Workloads[i].Name == "yace" {
					s.Workloads[i].Roles, s.Workloads[i].Target = []access.WorkloadRole{{Cluster: test, ARN: yaceRole}}, far
				}
			}
			s.Tests = []access.WantTest{{Who: []access.Who{{Kind: kind, Name: name}}, Cannot: []access.Ask{ask}}}
		}
	}
	aws, pods := access.Ask{Verb: "s3:GetObject"}, access.Ask{Verb: "get", Resource: "pods"}
	for name, c := range map[string]struct {
		want       *access.State
		edit       func(*access.State)
		o          Options
		everywhere bool
		policies   []string
		roles      map[string]bool
	}{
		"people alone":            {wants(wantCluster(test)), nil, Options{}, false, nil, nil},
		"destroyed":               {wants(wantCluster(test)), nil, Options{Destroy: true}, true, nil, nil},
		"a workload without role": {wants(wantCluster(test)), func(s *access.State) { s.Workloads = []access.WantWorkload{{Name: "x"}} }, Options{}, true, nil, nil},
		"a role":                  {workloadWant(t, test), func(s *access.State) { s.Workloads, s.Roles = nil, s.Roles[:1] }, Options{}, true, nil, map[string]bool{lokiRole: false}},
		"a boundary":              {workloadWant(t, test), func(s *access.State) { s.Roles[1].Boundary = limit }, Options{}, true, []string{limit}, map[string]bool{yaceRole: false, lokiRole: false}},
		"a test of its actions":   {workloadWant(t, test), ask(aws, access.WhoWorkload, "yace"), Options{}, true, []string{read, limit}, map[string]bool{yaceRole: true, lokiRole: false, far: true}},
		"a test of pods":          {workloadWant(t, test), ask(pods, access.WhoWorkload, "yace"), Options{}, true, []string{limit}, map[string]bool{yaceRole: false, lokiRole: false}},
		"a test of another's":     {workloadWant(t, test), ask(aws, access.WhoWorkload, "x"), Options{}, true, []string{limit}, map[string]bool{yaceRole: false, lokiRole: false}},
		"a test of a team":        {workloadWant(t, test), ask(aws, access.WhoTeam, "yace"), Options{}, true, []string{limit}, map[string]bool{yaceRole: false, lokiRole: false}},
	} {
		if c.edit != nil {
			c.edit(c.want)
		}
		n := WorkloadsNeed(c.want, c.o)
		if c.roles == nil {
			c.roles = map[string]bool{}
		}
		if d := cmp.Diff(c.roles, n.Roles); d != "" || n.Everywhere != c.everywhere || !slices.Equal(n.Policies[home], c.policies) {
			t.Errorf("%s: everywhere %v, policies %v, roles -want +got %s", name, n.Everywhere, n.Policies, d)
		}
	}
}
