package apply

import (
	"slices"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// haveRole is a role as it was read.
func haveRole(r plan.IAMRole) access.HaveRole {
	return access.HaveRole{Principal: access.Principal{ARN: r.ARN, ID: r.ID}, Name: access.RoleName(r.ARN), Description: r.Description, MaxSession: r.MaxSession,
		Boundary: r.Boundary, Tags: r.Tags, Trust: r.Trust, Inline: r.Inline, Managed: r.Managed}
}

// read is a snapshot of an account and a cluster, read whole and empty.
func read() *access.Snapshot {
	return &access.Snapshot{
		Accounts: []access.HaveAccount{{Account: account(), Caller: callerARN, RolesRead: true, DetailsRead: true}},
		Clusters: []access.HaveCluster{{Key: key("test"), PodIdentitiesRead: true, Kubernetes: &access.HaveKubernetes{ServiceAccountsRead: true, ArgoSecretsRead: true}}},
	}
}

func TestAWorkloadsChangeIsDoneOnlyAsFarAsWasRead(t *testing.T) {
	with := func(r plan.IAMRole) func(*access.Snapshot) {
		return func(s *access.Snapshot) { s.Accounts[0].Details = []access.HaveRole{haveRole(r)} }
	}
	get, put := allows(t, "s3:GetObject"), allows(t, "s3:PutObject")
	policy := func(name string, d access.Document) func(*access.Snapshot) {
		return with(role(t, func(r *plan.IAMRole) { r.Inline = []access.RolePolicy{{Name: name, Document: d}} }))
	}
	managed := with(role(t, func(r *plan.IAMRole) { r.Managed = []string{readOnly} }))
	bare := with(role(t, nil))
	unread := func(s *access.Snapshot) { s.Accounts[0].DetailsRead = false }
	noAccount := func(s *access.Snapshot) { s.Accounts = nil }
	noCluster := func(s *access.Snapshot) { s.Clusters = nil }
	noKubernetes := func(s *access.Snapshot) { s.Clusters[0].Kubernetes = nil }
	served := func(ids ...string) func(*access.Snapshot) {
		return func(s *access.Snapshot) {
			s.Accounts[0].Providers = []access.HaveProvider{{Issuer: issuer, ClientIDs: ids}}
		}
	}
	agent := func(a *access.HaveAgent) func(*access.Snapshot) {
		return func(s *access.Snapshot) { s.Clusters[0].Agent = a }
	}
	pod := func(change func(*access.PodIdentityAssociation)) func(*access.Snapshot) {
		return func(s *access.Snapshot) {
			s.Clusters[0].PodIdentities = []access.PodIdentityAssociation{association(change)}
		}
	}
	account := func(a access.HaveServiceAccount) func(*access.Snapshot) {
		return func(s *access.Snapshot) { s.Clusters[0].Kubernetes.ServiceAccounts = []access.HaveServiceAccount{a} }
	}
	secret := func(a access.HaveArgoSecret) func(*access.Snapshot) {
		return func(s *access.Snapshot) { s.Clusters[0].Kubernetes.ArgoSecrets = []access.HaveArgoSecret{a} }
	}
	all := func(fs ...func(*access.Snapshot)) func(*access.Snapshot) {
		return func(s *access.Snapshot) {
			for _, f := range fs {
				f(s)
			}
		}
	}
	marks := owner.Tags()
	marks[access.AnnotationRole] = lokiRole
	ours := access.HaveServiceAccount{Namespace: "dev", Name: "loki", Labels: owner.Labels(), Annotations: marks, Managers: []string{access.FieldManager}, RoleManager: access.FieldManager}
	elsewhere, charts := ours, ours
	elsewhere.Annotations = map[string]string{access.AnnotationRole: otherRole}
	charts.Labels, charts.Annotations, charts.Managers, charts.RoleManager = nil, map[string]string{access.AnnotationRole: lokiRole}, []string{"helm"}, "helm"
	about := func(kind plan.Kind, verb plan.Verb, namespace, name string, from, to plan.Object) plan.Change {
		return plan.Change{ID: "x", Verb: verb, Kind: kind, Cluster: key("test"), Namespace: namespace, Name: name, From: from, To: to}
	}
	wanted := plan.KubernetesAccount{Namespace: "dev", Name: "loki", Manage: access.ManageCreate, Role: lokiRole}
	annotate := wanted
	annotate.Manage = access.ManageAnnotate
	makes := about(plan.ServiceAccount, plan.Create, "dev", "loki", nil, wanted)
	takes := about(plan.ServiceAccount, plan.Delete, "dev", "loki", wanted, nil)
	at := registration("https://one")
	registered := plan.ArgoSecret{Namespace: "argocd", Name: "prod", Labels: owner.ArgoLabels(), Registration: at}
	standing := access.HaveArgoSecret{Namespace: "argocd", Name: "prod", Labels: owner.ArgoLabels(), Managers: []string{access.FieldManager}, Registration: &at}
	notOurs := standing
	notOurs.Labels, notOurs.Managers = nil, []string{"helm"}
	other := registration("https://other")
	moved := standing
	moved.Registration = &other
	registers := about(plan.ArgoCDSecret, plan.Create, "argocd", "prod", nil, registered)
	unregisters := about(plan.ArgoCDSecret, plan.Delete, "argocd", "prod", registered, nil)
	from, fresh := association(nil), association(func(a *access.PodIdentityAssociation) { a.ID = "" })
	create, remove := aboutRole(plan.Create, nil, role(t, nil)), aboutRole(plan.Delete, role(t, nil), nil)
	newPolicy, oldPolicy := aboutPolicy(plan.Create, "a", "", get), aboutPolicy(plan.Delete, "a", get, "")
	attach, detach := aboutAttachment(plan.Create, readOnly), aboutAttachment(plan.Delete, readOnly)
	serve := aboutProvider(plan.Create, nil, provider(nil))
	pods, noPods, replace := aboutPod(plan.Create, nil, &fresh), aboutPod(plan.Delete, &from, nil), aboutPod(plan.Replace, &from, &fresh)
	type row struct {
		have   func(*access.Snapshot)
		change plan.Change
		want   bool
	}
	rows := map[string]row{
		"a role that is there":                            {bare, create, true},
		"a role that is not there":                        {nil, create, false},
		"a role of an account not read":                   {all(bare, unread), create, false},
		"a role of an account not known":                  {noAccount, create, false},
		"a role not ours":                                 {with(role(t, func(r *plan.IAMRole) { r.Tags = theirs })), create, false},
		"a role with more tags":                           {with(otherRoles(t)["tag component"]), create, true},
		"a role that lacks a tag":                         {bare, aboutRole(plan.Create, nil, otherRoles(t)["tag component"]), false},
		"a role that went":                                {nil, remove, true},
		"a role that stays":                               {bare, remove, false},
		"a role that went, not read":                      {unread, remove, false},
		"a policy that is there":                          {policy("a", get), newPolicy, true},
		"a policy in capitals":                            {policy("a", allows(t, "S3:getobject")), newPolicy, true},
		"a policy of another name":                        {policy("b", get), newPolicy, false},
		"another policy":                                  {policy("a", put), newPolicy, false},
		"a policy without its role":                       {nil, newPolicy, false},
		"a policy that went":                              {policy("b", get), oldPolicy, true},
		"a policy that went with its role":                {nil, oldPolicy, true},
		"a policy that stays":                             {policy("a", put), oldPolicy, false},
		"an attachment that is there":                     {managed, attach, true},
		"an attachment that is not there":                 {bare, attach, false},
		"an attachment without its role":                  {nil, attach, false},
		"an attachment that went":                         {bare, detach, true},
		"an attachment gone with its role":                {nil, detach, true},
		"an attachment that stays":                        {managed, detach, false},
		"a provider that is there":                        {served(access.AudienceSTS, "x"), serve, true},
		"a provider without the audience":                 {served("x"), serve, false},
		"a provider that is not there":                    {nil, serve, false},
		"a provider of an account not known":              {noAccount, serve, false},
		"a provider that is not said":                     {served(access.AudienceSTS), aboutProvider(plan.Delete, provider(nil), nil), false},
		"the agent":                                       {agent(&access.HaveAgent{Addon: true}), aboutAgent(), true},
		"the agent of Auto Mode":                          {agent(&access.HaveAgent{BuiltIn: true}), aboutAgent(), false},
		"no agent":                                        {nil, aboutAgent(), false},
		"the agent of a cluster not known":                {noCluster, aboutAgent(), false},
		"an association":                                  {pod(nil), pods, true},
		"no association":                                  {nil, pods, false},
		"an association not ours":                         {pod(func(a *access.PodIdentityAssociation) { a.Tags = theirs }), pods, false},
		"an association of an add-on":                     {pod(func(a *access.PodIdentityAssociation) { a.OwnerARN = "arn:addon" }), pods, false},
		"an association that lacks a tag":                 {pod(func(a *access.PodIdentityAssociation) { delete(a.Tags, access.TagID) }), pods, false},
		"an association replaced":                         {pod(func(a *access.PodIdentityAssociation) { a.ID = "a-new" }), replace, true},
		"an association to be replaced":                   {pod(nil), replace, false},
		"an association that went":                        {nil, noPods, true},
		"an association that stays":                       {pod(nil), noPods, false},
		"associations not read":                           {func(s *access.Snapshot) { s.Clusters[0].PodIdentitiesRead = false }, noPods, false},
		"a ServiceAccount":                                {account(ours), makes, true},
		"a ServiceAccount with another role":              {account(elsewhere), makes, false},
		"a ServiceAccount of others":                      {account(charts), makes, false},
		"a ServiceAccount of others, annotated as wanted": {account(charts), about(plan.ServiceAccount, plan.Update, "dev", "loki", nil, annotate), true},
		"no ServiceAccount":                               {nil, makes, false},
		"a ServiceAccount of an unread cluster":           {noKubernetes, makes, false},
		"a ServiceAccount that went":                      {nil, takes, true},
		"a ServiceAccount that stays":                     {account(ours), takes, false},
		"a ServiceAccount that went, cluster unread":      {noKubernetes, takes, false},
		"a ServiceAccount that went, accounts unread":     {func(s *access.Snapshot) { s.Clusters[0].Kubernetes.ServiceAccountsRead = false }, takes, false},
		"a Secret":                                     {secret(standing), registers, true},
		"a Secret of others":                           {secret(notOurs), registers, false},
		"a Secret that says something else":            {secret(moved), registers, false},
		"no Secret":                                    {nil, registers, false},
		"a Secret of an unread cluster":                {noKubernetes, registers, false},
		"a Secret that went":                           {nil, unregisters, true},
		"a Secret that stays":                          {secret(standing), unregisters, false},
		"a Secret that went, cluster unread":           {noKubernetes, unregisters, false},
		"a Secret that went, Secrets unread":           {func(s *access.Snapshot) { s.Clusters[0].Kubernetes.ArgoSecretsRead = false }, unregisters, false},
		"a change of an object that is not known here": {nil, about(plan.AgentAddon, plan.Delete, "", "x", plan.Addon{}, nil), false},
	}
	for part, r := range otherRoles(t) {
		if part != "tag component" {
			rows["a role with another "+part] = row{with(r), create, false}
		}
	}
	for part := range otherPods(t) {
		rows["an association with another "+part] = row{func(s *access.Snapshot) {
			s.Clusters[0].PodIdentities = []access.PodIdentityAssociation{otherPods(t)[part]}
		}, pods, false}
	}
	p := newPlan()
	for name, r := range rows {
		have := read()
		if r.have != nil {
			r.have(have)
		}
		if got := workloadDone(&p.Plan, &r.change, have); got != r.want {
			t.Errorf("%s: %v, want %v", name, got, r.want)
		}
	}
}

// What a guard looks at of roles is as before the plan, in order.
func TestARolesChangeIsUndoneInThought(t *testing.T) {
	principal := func(name string) access.Principal { return access.Principal{ARN: rolePath + name, ID: "AROA" + name} }
	about := func(verb plan.Verb, from, to string) plan.Change {
		c := plan.Change{Verb: verb, Kind: plan.Role, Cluster: access.ClusterKey{Account: accountID}}
		if from != "" {
			c.From = plan.IAMRole{ARN: rolePath + from, ID: "AROA" + from}
		}
		if to != "" {
			c.To = plan.IAMRole{ARN: rolePath + to, ID: "AROA" + to}
		}
		return c
	}
	for name, tt := range map[string]struct {
		change    plan.Change
		has, want []string
	}{
		"one came":                {about(plan.Create, "", "b"), []string{"a", "b", "c"}, []string{"a", "c"}},
		"one went":                {about(plan.Delete, "a", ""), []string{"b", "c"}, []string{"a", "b", "c"}},
		"one moved":               {about(plan.Replace, "a", "c"), []string{"b", "c"}, []string{"a", "b"}},
		"one was changed":         {about(plan.Update, "b", "b"), []string{"a", "b"}, []string{"a", "b"}},
		"twin: one that had come": {about(plan.Create, "", "x"), []string{"a", "b"}, []string{"a", "b"}},
	} {
		have := &access.Snapshot{Accounts: []access.HaveAccount{{Account: access.Account{ID: "111222333444"}, Roles: []access.Principal{principal("b")}}, {Account: account()}}}
		for _, n := range tt.has {
			have.Accounts[1].Roles = append(have.Accounts[1].Roles, principal(n))
		}
		undoRole(&tt.change, have)
		var got []string
		for _, r := range have.Accounts[1].Roles {
			if r != principal(access.RoleName(r.ARN)) {
				t.Errorf("%s: %v", name, r)
			}
			got = append(got, access.RoleName(r.ARN))
		}
		if !slices.Equal(got, tt.want) || len(have.Accounts[0].Roles) != 1 {
			t.Errorf("%s: %v, want %v; %v", name, got, tt.want, have.Accounts[0].Roles)
		}
		tt.change.Cluster.Account = "999999999999"
		before := slices.Clone(have.Accounts[1].Roles)
		if undoRole(&tt.change, have); !slices.Equal(before, have.Accounts[1].Roles) {
			t.Errorf("%s: undone in another account", name)
		}
	}
}
