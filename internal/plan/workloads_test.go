package plan

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/internal/trust"
)

const (
	yaceRole = "arn:aws:iam::" + home + ":role/atlas-iam/ops/yace"
	lokiRole = "arn:aws:iam::" + home + ":role/atlas-iam/ops/loki"
)

func issuer(k access.ClusterKey) string {
	return "oidc.eks.eu-west-1.amazonaws.com/id/" + strings.ToUpper(k.Name)
}

func policy(t *testing.T, action string) access.Document {
	t.Helper()
	d, err := iam.Canonical(iam.Identity, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"`+action+`","Resource":"*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// workloadWant is a document with yace by Pod Identity on some clusters and
// loki by IRSA on them.
func workloadWant(t *testing.T, clusters ...access.ClusterKey) *access.State {
	t.Helper()
	at := func(line int) access.Place { return access.Place{File: "yace.yaml", Line: line} }
	yace := access.WantRole{Account: home, ARN: yaceRole, Inline: []access.RolePolicy{{Name: "p", Document: policy(t, "cloudwatch:ListMetrics")}},
		Managed: []string{"arn:aws:iam::aws:policy/A"}, Workloads: []string{"yace"}, Place: at(7), Tags: map[string]string{"team": "ops"}}
	loki := access.WantRole{Account: home, ARN: lokiRole, Workloads: []string{"loki"}, Place: at(27)}
	s := wants()
	s.Tags, s.RolePath = map[string]string{"component": "devops"}, "/atlas-iam/ops/"
	for _, k := range clusters {
		c := wantCluster(k)
		yace.Trust = append(yace.Trust, access.WantTrust{Credentials: access.PodIdentity, Cluster: k, Namespace: "ops", Name: "yace-sa", Place: at(8)})
		loki.Trust = append(loki.Trust, access.WantTrust{Credentials: access.IRSA, Cluster: k, Namespace: "logs-*", Name: "loki", Place: at(28)})
		c.PodIdentities = []access.WantPodIdentity{{PodIdentityAssociation: access.PodIdentityAssociation{Namespace: "ops", ServiceAccount: "yace-sa", Role: yaceRole}, Workload: "yace", Place: at(9)}}
		c.ServiceAccounts = []access.WantServiceAccount{{Namespace: "logs-a", Name: "loki", Manage: access.ManageCreate, Role: lokiRole, Workload: "loki", Place: at(29)}}
		s.Clusters = append(s.Clusters, c)
	}
	slices.SortFunc(s.Clusters, func(a, b access.WantCluster) int { return strings.Compare(a.Document, b.Document) })
	s.Roles = []access.WantRole{loki, yace}
	s.Workloads = []access.WantWorkload{{Name: "loki"}, {Name: "yace"}}
	return s
}

// workloadSees is an account where workloads were read and nothing is there.
func workloadSees(clusters ...access.ClusterKey) *access.Snapshot {
	var have []access.HaveCluster
	for _, k := range clusters {
		h := haveCluster(k)
		h.Issuer, h.PodIdentitiesRead, h.Agent = issuer(k), true, &access.HaveAgent{}
		h.Kubernetes = &access.HaveKubernetes{NamespacesRead: true, Namespaces: []string{"logs-a", "ops"}, ServiceAccountsRead: true}
		have = append(have, h)
	}
	s := sees(have...)
	s.Accounts[0].DetailsRead, s.Accounts[0].ProvidersRead = true, true
	return s
}

// made is a snapshot after a plan's changes that nothing holds.
func made(t *testing.T, have *access.Snapshot, p *Plan) *access.Snapshot {
	t.Helper()
	s := *have
	s.Accounts, s.Clusters = slices.Clone(have.Accounts), slices.Clone(have.Clusters)
	a := &s.Accounts[0]
	a.Details, a.Providers = slices.Clone(a.Details), slices.Clone(a.Providers)
	role := func(arn string) *access.HaveRole {
		for i := range a.Details {
			if a.Details[i].ARN == arn {
				return &a.Details[i]
			}
		}
		t.Fatalf("a change of role %s, which is not there", arn)
		return nil
	}
	for _, c := range p.Changes {
		if len(c.Held) > 0 {
			continue
		}
		var h *access.HaveCluster
		for i := range s.Clusters {
			if s.Clusters[i].Key == c.Cluster {
				h = &s.Clusters[i]
			}
		}
		switch to := c.To.(type) {
		case IAMRole:
			if from, ok := c.From.(IAMRole); ok && c.Verb == Replace {
				a.Details = slices.DeleteFunc(a.Details, func(r access.HaveRole) bool { return r.ARN == from.ARN })
			}
			if c.Verb != Update {
				a.Details = append(a.Details, access.HaveRole{Principal: access.Principal{ARN: to.ARN, ID: "AROA" + access.RoleName(to.ARN), CreatedAt: morning}, Name: access.RoleName(to.ARN)})
			}
			r := role(to.ARN)
			r.Description, r.MaxSession, r.Boundary, r.Tags, r.Trust = to.Description, to.MaxSession, to.Boundary, to.Tags, to.Trust
		case InlinePolicy:
			r := role(to.Role)
			r.Inline = append(slices.DeleteFunc(slices.Clone(r.Inline), func(p access.RolePolicy) bool { return p.Name == to.Name }), to.RolePolicy)
		case Attachment:
			r := role(to.Role)
			r.Managed = append(slices.Clone(r.Managed), to.Policy)
		case Provider:
			a.Providers = append(slices.DeleteFunc(a.Providers, func(p access.HaveProvider) bool { return p.ARN == to.ARN }), access.HaveProvider(to))
		case Addon:
			h.Agent = &access.HaveAgent{Addon: true, Status: "ACTIVE"}
		case PodIdentity:
			to.ID, to.ARN = "a-1", "arn:a-1"
			h.PodIdentities = append(slices.DeleteFunc(slices.Clone(h.PodIdentities), func(p access.PodIdentityAssociation) bool { return podKey(&p) == podKey(&to.PodIdentityAssociation) }), to.PodIdentityAssociation)
		case KubernetesAccount:
			k := *h.Kubernetes
			k.ServiceAccounts = slices.DeleteFunc(slices.Clone(k.ServiceAccounts), func(s access.HaveServiceAccount) bool { return s.Namespace == to.Namespace && s.Name == to.Name })
			sa := access.HaveServiceAccount{Namespace: to.Namespace, Name: to.Name, UID: "u", Managers: []string{"atlas-iam"}}
			if to.Manage == access.ManageCreate {
				sa.Labels = owner.Labels()
			}
			if to.Role != "" {
				sa.Annotations, sa.RoleManager = owner.Tags(), "atlas-iam"
				sa.Annotations[access.AnnotationRole] = to.Role
			}
			k.ServiceAccounts = append(k.ServiceAccounts, sa)
			h.Kubernetes = &k
		case nil:
			switch from := c.From.(type) {
			case IAMRole:
				a.Details = slices.DeleteFunc(a.Details, func(r access.HaveRole) bool { return r.ARN == from.ARN })
			case InlinePolicy:
				r := role(from.Role)
				r.Inline = slices.DeleteFunc(slices.Clone(r.Inline), func(p access.RolePolicy) bool { return p.Name == from.Name })
			case Attachment:
				r := role(from.Role)
				r.Managed = slices.DeleteFunc(slices.Clone(r.Managed), func(p string) bool { return p == from.Policy })
			case PodIdentity:
				h.PodIdentities = slices.DeleteFunc(slices.Clone(h.PodIdentities), func(p access.PodIdentityAssociation) bool { return p.ID == from.ID })
			case KubernetesAccount:
				k := *h.Kubernetes
				k.ServiceAccounts = slices.DeleteFunc(slices.Clone(k.ServiceAccounts), func(s access.HaveServiceAccount) bool { return s.Namespace == from.Namespace && s.Name == from.Name })
				h.Kubernetes = &k
			}
		}
	}
	slices.SortFunc(a.Details, func(x, y access.HaveRole) int { return strings.Compare(x.ARN, y.ARN) })
	for i := range a.Details {
		slices.SortFunc(a.Details[i].Inline, func(x, y access.RolePolicy) int { return strings.Compare(x.Name, y.Name) })
		slices.Sort(a.Details[i].Managed)
	}
	for i := range s.Clusters {
		slices.SortFunc(s.Clusters[i].PodIdentities, func(x, y access.PodIdentityAssociation) int { return x.Compare(&y) })
	}
	return &s
}

func expect(t *testing.T, p *Plan, want ...string) {
	t.Helper()
	short := strings.NewReplacer(home+"/", "", issuer(test), "TEST", issuer(prod), "PROD", "arn:aws:iam::aws:policy/", "")
	var got []string
	for _, l := range lines(p) {
		got = append(got, short.Replace(l))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("changes (-want +got):\n%s\nwarnings %v", d, p.Warnings)
	}
}

// shows: item S106
func TestAWorkloadsObjectsAreMadeInOrderThenNothingIsToDoThenTheyGoTheOtherWayRound(t *testing.T) {
	want, have := workloadWant(t, test), workloadSees(test)
	p := Compute(want, have, Options{})
	expect(t, p,
		"create oidcprovider/TEST",
		"create agent/test",
		"create role/loki after oidcprovider/TEST",
		"create role/yace",
		"create roleattachment/yace/A after role/yace",
		"create rolepolicy/yace/p after role/yace",
		"create podidentity/test/ops/yace-sa after role/yace,roleattachment/yace/A,rolepolicy/yace/p",
		"create serviceaccount/test/logs-a/loki after role/loki")
	have = made(t, have, p)
	if p := Compute(want, have, Options{}); len(p.Changes)+len(p.Warnings) > 0 {
		t.Fatalf("the second plan has %v %v", lines(p), p.Warnings)
	}
	for name, gone := range map[string]*access.State{"destroy": want, "no document": wants(wantCluster(test))} {
		p := Compute(gone, have, Options{Destroy: name == "destroy"})
		t.Run(name, func(t *testing.T) {
			expect(t, p,
				"delete podidentity/test/ops/yace-sa",
				"delete serviceaccount/test/logs-a/loki",
				"delete role/loki after serviceaccount/test/logs-a/loki",
				"delete role/yace after podidentity/test/ops/yace-sa")
		})
		for _, c := range p.Changes { // whose a role was is known where the documents name it
			if known := len(c.Workloads) == 1; c.Kind == Role && known != (name == "destroy") {
				t.Errorf("%s: role %s is of %q", name, c.Principal, c.Workloads)
			}
			if from, ok := c.From.(IAMRole); ok && c.Principal == yaceRole && (len(from.Inline) != 1 || len(from.Managed) != 1) {
				t.Errorf("%s: a role goes with its policies, and says %+v", name, from)
			}
		}
		left := made(t, have, p)
		if len(left.Accounts[0].Details) > 0 || len(left.Accounts[0].Providers) != 1 || !left.Clusters[0].Agent.Addon {
			t.Errorf("%s leaves %+v", name, left.Accounts[0])
		}
		if n := len(p.Warnings); n != 2 {
			t.Errorf("what is left is not listed: %v", p.Warnings)
		}
		if p := Compute(gone, left, Options{}); name != "destroy" && len(p.Changes)+len(p.Warnings) > 0 {
			t.Errorf("once they are gone: %v %v", lines(p), p.Warnings)
		}
	}
}

// shows: item S107
func TestAnotherClusterChangesTheTrustAndWhatIsThereAlone(t *testing.T) {
	have := workloadSees(test, prod)
	have = made(t, have, Compute(workloadWant(t, test), have, Options{}))
	p := Compute(workloadWant(t, prod, test), have, Options{})
	expect(t, p,
		"create oidcprovider/PROD",
		"create agent/prod",
		"update role/loki after oidcprovider/PROD",
		"update role/yace",
		"create podidentity/prod/ops/yace-sa after role/yace",
		"create serviceaccount/prod/logs-a/loki after role/loki")
	for _, c := range p.Changes {
		if len(c.Lost) > 0 {
			t.Errorf("%s takes %v", c.ID, c.Lost)
		}
	}
}

func TestEachDifferenceIsItsChange(t *testing.T) {
	have := workloadSees(test)
	have = made(t, have, Compute(workloadWant(t, test), have, Options{}))
	arn2 := strings.Replace(yaceRole, "yace", "loki", 1)
	for name, c := range map[string]struct {
		edit func(*access.State, *access.Snapshot)
		want []string
	}{
		"another policy": {func(w *access.State, _ *access.Snapshot) { w.Roles[1].Inline[0].Document = policy(t, "s3:*") }, []string{"update rolepolicy/yace/p"}},
		"a policy more, a policy less": {func(w *access.State, _ *access.Snapshot) {
			w.Roles[1].Inline = []access.RolePolicy{{Name: "q", Document: policy(t, "s3:*")}}
		},
			[]string{"create rolepolicy/yace/q", "delete rolepolicy/yace/p"}},
		"another managed policy": {func(w *access.State, _ *access.Snapshot) { w.Roles[1].Managed = []string{"arn:aws:iam::aws:policy/B"} },
			[]string{"create roleattachment/yace/B", "delete roleattachment/yace/A"}},
		"a longer session":  {func(w *access.State, _ *access.Snapshot) { w.Roles[1].MaxSession = 7200 }, []string{"update role/yace"}},
		"a boundary":        {func(w *access.State, _ *access.Snapshot) { w.Roles[1].Boundary = "arn:b" }, []string{"update role/yace"}},
		"a boundary stays":  {func(_ *access.State, h *access.Snapshot) { h.Accounts[0].Details[1].Boundary = "arn:b" }, nil},
		"a tag":             {func(w *access.State, _ *access.Snapshot) { w.Roles[1].Tags = map[string]string{"team": "dev"} }, []string{"update role/yace"}},
		"others' tags stay": {func(_ *access.State, h *access.Snapshot) { h.Accounts[0].Details[1].Tags["cost"] = "x" }, nil},
		"another role of the association": {func(w *access.State, _ *access.Snapshot) { w.Clusters[0].PodIdentities[0].Role = arn2 },
			[]string{"update podidentity/test/ops/yace-sa"}},
		"another target": {func(w *access.State, _ *access.Snapshot) { w.Clusters[0].PodIdentities[0].TargetRole = "arn:t" }, []string{"update podidentity/test/ops/yace-sa"}},
		"the annotation taken off by hand": {func(_ *access.State, h *access.Snapshot) {
			delete(h.Clusters[0].Kubernetes.ServiceAccounts[0].Annotations, access.AnnotationRole)
		}, []string{"update serviceaccount/test/logs-a/loki"}},
		"the provider's audience": {func(_ *access.State, h *access.Snapshot) { h.Accounts[0].Providers[0].ClientIDs = []string{"x"} }, []string{"update oidcprovider/TEST"}},
		"the agent built in":      {func(_ *access.State, h *access.Snapshot) { h.Clusters[0].Agent = &access.HaveAgent{BuiltIn: true} }, nil},
		"another path": {func(w *access.State, _ *access.Snapshot) {
			w.Roles[1].ARN = strings.Replace(yaceRole, "/ops/", "/dev/", 1)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w, h := workloadWant(t, test), made(t, have, &Plan{})
			h.Accounts[0].Details[1].Tags = map[string]string{}
			for k, v := range have.Accounts[0].Details[1].Tags {
				h.Accounts[0].Details[1].Tags[k] = v
			}
			for i := range h.Clusters[0].Kubernetes.ServiceAccounts {
				a := &h.Clusters[0].Kubernetes.ServiceAccounts[i]
				a.Annotations = map[string]string{access.AnnotationRole: lokiRole, access.TagEnvironment: owner.Environment, access.TagID: owner.ID}
			}
			c.edit(w, h)
			p := Compute(w, h, Options{})
			if name == "another path" {
				if len(p.Changes) == 0 || p.Changes[len(p.Changes)-1].Verb != Replace && p.Changes[0].Verb != Replace {
					t.Errorf("a role at another path is made anew: %v", lines(p))
				}
				return
			}
			expect(t, p, c.want...)
			again := Compute(w, made(t, h, p), Options{})
			if len(again.Changes) > 0 {
				t.Errorf("then still to do: %v", lines(again))
			}
			stays := slices.ContainsFunc(again.Warnings, func(x Warning) bool {
				return x.Slug == "boundary" && strings.Contains(x.Text, "aws iam delete-role-permissions-boundary --role-name yace takes it off")
			})
			if stays != (name == "a boundary stays") {
				t.Errorf("the warnings are %v", again.Warnings)
			}
		})
	}
}

// A role of others' is adopted whatever its policies are called, as long as the
// documents want all that they give.
func TestAdoptingARoleComparesItsRightsAndNotTheNamesOfItsPolicies(t *testing.T) {
	base := workloadSees(test)
	base = made(t, base, Compute(workloadWant(t, test), base, Options{}))
	for name, c := range map[string]struct {
		have, want []access.RolePolicy
		says       string // of the hold; empty: none
	}{
		"another name": {[]access.RolePolicy{{Name: "old", Document: policy(t, "cloudwatch:ListMetrics")}}, []access.RolePolicy{{Name: "p", Document: policy(t, "cloudwatch:ListMetrics")}}, ""},
		"two in one wider": {[]access.RolePolicy{{Name: "a", Document: policy(t, "cloudwatch:ListMetrics")}, {Name: "b", Document: policy(t, "s3:GetObject")}},
			[]access.RolePolicy{{Name: "p", Document: policy(t, "*")}}, ""},
		"another name and less": {[]access.RolePolicy{{Name: "old", Document: policy(t, "cloudwatch:*")}}, []access.RolePolicy{{Name: "p", Document: policy(t, "cloudwatch:ListMetrics")}}, "would take: cloudwatch:* on *"},
		"one of two": {[]access.RolePolicy{{Name: "a", Document: policy(t, "cloudwatch:ListMetrics")}, {Name: "b", Document: policy(t, "s3:GetObject")}},
			[]access.RolePolicy{{Name: "a", Document: policy(t, "cloudwatch:ListMetrics")}}, "would take: s3:GetObject on *"},
	} {
		t.Run(name, func(t *testing.T) {
			have, want := made(t, base, &Plan{}), workloadWant(t, test)
			have.Accounts[0].Details[1].Tags = map[string]string{"team": "ops"}
			have.Accounts[0].Details[1].Inline, want.Roles[1].Inline = c.have, c.want
			p, err := Adoptions(want, have, []string{"role/main/yace"})
			if err != nil {
				t.Fatal(err)
			}
			var holds []string
			for _, h := range p.Changes[0].Held {
				holds = append(holds, h.Guard+": "+h.Reason)
			}
			if got := strings.Join(holds, "; "); c.says == "" && got != "" || !strings.Contains(got, c.says) {
				t.Errorf("held by %q, want %q", got, c.says)
			}
			planned := Compute(want, have, Options{})
			if way := "`atlas-iam adopt role/" + home + "/yace`"; len(planned.Changes) == 0 || !strings.Contains(planned.Changes[0].Held[0].Reason, way) {
				t.Errorf("the plan does not say %s: %v", way, planned.Changes)
			}
		})
	}
}

// shows: item S108
func TestWhatIsAnothersIsAdoptableOrHeldAndNeverChanged(t *testing.T) {
	base := workloadSees(test)
	base = made(t, base, Compute(workloadWant(t, test), base, Options{}))
	foreign := func(edit func(*access.Snapshot)) *access.Snapshot {
		h := made(t, base, &Plan{})
		h.Accounts[0].Details[1].Tags = map[string]string{"team": "ops"}
		h.Clusters[0].PodIdentities = slices.Clone(h.Clusters[0].PodIdentities)
		h.Clusters[0].PodIdentities[0].Tags = nil
		if edit != nil {
			edit(h)
		}
		return h
	}
	want := workloadWant(t, test)
	p := Compute(want, foreign(nil), Options{})
	if s := p.Summary(); len(p.Changes) > 0 || s.Adoptable != 2 || slices.ContainsFunc(p.Foreign, func(f Foreign) bool { return !f.Wanted }) {
		t.Errorf("equal and others': %v, %+v", lines(p), p.Foreign)
	}
	adopted, err := Adoptions(want, foreign(nil), []string{"role/main/yace", "association/test/ops/yace-sa"})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, adopted, "update role/yace", "update podidentity/test/ops/yace-sa")
	if again := Compute(want, made(t, foreign(nil), adopted), Options{}); len(again.Foreign) > 0 {
		t.Errorf("adopted, and still others': %+v", again.Foreign)
	}
	p = Compute(want, foreign(func(h *access.Snapshot) {
		h.Accounts[0].Details[1].Managed = []string{"arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/B"}
		h.Clusters[0].PodIdentities[0].Role = lokiRole
	}), Options{})
	expect(t, p, "update role/yace !foreign", "update podidentity/test/ops/yace-sa after role/yace !foreign", "delete roleattachment/yace/B !foreign")
	addon := foreign(func(h *access.Snapshot) {
		h.Clusters[0].PodIdentities[0] = access.PodIdentityAssociation{Namespace: "ops", ServiceAccount: "yace-sa", ID: "a-1", OwnerARN: "arn:aws:eks:eu-west-1:1:addon/test/vpc-cni/x"}
	})
	p = Compute(want, addon, Options{})
	if c := p.Changes[0]; c.Kind != PodIdentityAssociation || len(c.Held) == 0 || !strings.Contains(c.Held[0].Reason, "add-on vpc-cni") {
		t.Errorf("%v %v", lines(p), c.Held)
	}
	if p := Compute(wants(wantCluster(test)), addon, Options{}); slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Kind == PodIdentityAssociation || c.Principal == yaceRole }) {
		t.Errorf("others' objects go: %v", lines(p))
	}
}

func TestARoleOfAnothersIsLookedAtAlone(t *testing.T) {
	want := workloadWant(t, test)
	for i := range want.Roles {
		want.Roles[i].Existing = true
	}
	have := workloadSees(test)
	p := Compute(want, have, Options{})
	expect(t, p, "create oidcprovider/TEST", "create agent/test", "create podidentity/test/ops/yace-sa !no-principal", "create serviceaccount/test/logs-a/loki !no-principal")
	for _, role := range []string{"loki", "yace"} {
		if want := "no-principal: account " + home + " has no role role/atlas-iam/ops/" + role + ": nobody can be given it"; !slices.Contains(warned(p), want) {
			t.Errorf("%q is not among %q", want, warned(p))
		}
	}
	plain, _ := iam.Canonical(iam.Trust, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	put := func(trust access.Document) {
		have.Accounts[0].Details = []access.HaveRole{
			{Principal: access.Principal{ARN: lokiRole, ID: "AROAL", CreatedAt: morning}, Name: "loki", Trust: trust, MaxSession: 60, Managed: []string{"x"}},
			{Principal: access.Principal{ARN: yaceRole, ID: "AROAY", CreatedAt: morning}, Name: "yace", Trust: trust}}
	}
	put(plain)
	p = Compute(want, have, Options{})
	expect(t, p, "create oidcprovider/TEST", "create agent/test", "create podidentity/test/ops/yace-sa !trust", "create serviceaccount/test/logs-a/loki !trust")
	for i, says := range []string{`"Service":"pods.eks.amazonaws.com"`, `"Federated":`} {
		reason := p.Changes[2+i].Held[0].Reason
		if !strings.Contains(reason, says) || !slices.ContainsFunc(p.Warnings, func(w Warning) bool { return w.Slug == Trust && w.Text == reason }) {
			t.Errorf("the missing statement %s is not printed: %v, warnings %v", says, p.Changes[2+i].Held, p.Warnings)
		}
	}
	statements, _ := trust.Want(slices.Concat(want.Roles[0].Trust, want.Roles[1].Trust), func(k access.ClusterKey) (trust.Issuer, bool) {
		return trust.Issuer{Provider: access.ProviderARN("aws", home, issuer(k))}, true
	})
	good, err := trust.Merge("", statements)
	if err != nil {
		t.Fatal(err)
	}
	put(good)
	p = Compute(want, have, Options{})
	expect(t, p, "create oidcprovider/TEST", "create agent/test", "create podidentity/test/ops/yace-sa", "create serviceaccount/test/logs-a/loki")
}

func TestAClusterThatIsNotThereHoldsItsOwnPartAlone(t *testing.T) {
	p := Compute(workloadWant(t, prod, test), workloadSees(test), Options{})
	expect(t, p,
		"create oidcprovider/TEST",
		"create agent/test",
		"create role/loki after oidcprovider/TEST",
		"create role/yace",
		"create roleattachment/yace/A after role/yace",
		"create rolepolicy/yace/p after role/yace",
		"create podidentity/prod/ops/yace-sa after role/yace,roleattachment/yace/A,rolepolicy/yace/p !no-cluster",
		"create serviceaccount/prod/logs-a/loki after role/loki !no-cluster",
		"create podidentity/test/ops/yace-sa after role/yace,roleattachment/yace/A,rolepolicy/yace/p",
		"create serviceaccount/test/logs-a/loki after role/loki",
		"update role/loki/trust/prod/IRSA !no-cluster")
	// All of it unread later: the statement stays as it is.
	have := workloadSees(prod, test)
	want := workloadWant(t, prod, test)
	have = made(t, have, Compute(want, have, Options{}))
	have.Clusters = slices.DeleteFunc(have.Clusters, func(h access.HaveCluster) bool { return h.Key == prod })
	have.Gaps = []access.Gap{{What: access.GapCluster, Account: home, Region: "eu-west-1", Cluster: "prod", Reason: "no"}}
	p = Compute(want, have, Options{})
	for _, c := range p.Changes {
		if len(c.Held) == 0 || c.Held[0].Guard != HalfRead {
			t.Errorf("%s is not held: %v", c.ID, c.Held)
		}
	}
	if len(p.Changes) != 3 {
		t.Errorf("changes %v", lines(p))
	}
}

// shows: item S109
func TestNothingOfAGapIsDeleted(t *testing.T) {
	base := workloadSees(test)
	base = made(t, base, Compute(workloadWant(t, test), base, Options{}))
	for what, edit := range map[access.GapKind]func(*access.Snapshot){
		access.GapRoleDetails:     func(h *access.Snapshot) { h.Accounts[0].Details, h.Accounts[0].DetailsRead = nil, false },
		access.GapPodIdentities:   func(h *access.Snapshot) { h.Clusters[0].PodIdentities, h.Clusters[0].PodIdentitiesRead = nil, false },
		access.GapServiceAccounts: func(h *access.Snapshot) { h.Clusters[0].Kubernetes = nil },
		access.GapProviders:       func(h *access.Snapshot) { h.Accounts[0].Providers, h.Accounts[0].ProvidersRead = nil, false },
	} {
		t.Run(string(what), func(t *testing.T) {
			h := made(t, base, &Plan{})
			edit(h)
			g := access.Gap{What: what, Account: home, Reason: "denied"}
			if what == access.GapPodIdentities || what == access.GapServiceAccounts {
				g.Region, g.Cluster = "eu-west-1", "test"
			}
			h.Gaps = []access.Gap{g}
			hidden := map[access.GapKind]Kind{access.GapRoleDetails: Role, access.GapPodIdentities: PodIdentityAssociation, access.GapServiceAccounts: ServiceAccount}[what]
			for _, c := range Compute(wants(wantCluster(test)), h, Options{Destroy: true}).Changes {
				if c.Kind == hidden || what == access.GapPodIdentities && c.Kind == Role && len(c.Held) == 0 {
					t.Errorf("%s is planned inside of a gap", c.ID)
				}
			}
			for _, c := range Compute(workloadWant(t, test), h, Options{}).Changes {
				if len(c.Held) == 0 {
					t.Errorf("%s rests on a gap and is not held", c.ID)
				}
			}
		})
	}
}

func TestAWSsQuotasAreMeteredBeforeAnyWrite(t *testing.T) {
	var keys []access.ClusterKey
	for i := range 60 {
		keys = append(keys, access.ClusterKey{Account: home, Region: "eu-west-1", Name: fmt.Sprintf("c%02d", i)})
	}
	for _, n := range []int{60, 3} {
		p := Compute(workloadWant(t, keys[:n]...), workloadSees(keys[:n]...), Options{})
		held := 0
		for _, c := range p.Changes {
			if c.Kind == Role && len(c.Held) > 0 {
				held++
				if c.Held[0].Guard != Quota || !strings.Contains(c.Held[0].Reason, "2,048") {
					t.Errorf("held by %v", c.Held)
				}
			}
		}
		if want := map[int]int{60: 2, 3: 0}[n]; held != want {
			t.Errorf("%d clusters: %d roles held, want %d", n, held, want)
		}
	}
	have := workloadSees(test)
	for i := range 999 {
		have.Clusters[0].PodIdentities = append(have.Clusters[0].PodIdentities, access.PodIdentityAssociation{Namespace: "x", ServiceAccount: fmt.Sprintf("s%03d", i), Role: "r"})
	}
	want := workloadWant(t, test)
	more := want.Clusters[0].PodIdentities[0]
	more.ServiceAccount = "zzz"
	for _, room := range []bool{true, false} {
		if !room {
			want.Clusters[0].PodIdentities = append(want.Clusters[0].PodIdentities, more)
		}
		held := 0
		for _, c := range Compute(want, have, Options{}).Changes {
			if slices.ContainsFunc(c.Held, func(h Hold) bool { return h.Guard == Quota }) {
				held++
			}
		}
		if held > 0 == room || held > 1 {
			t.Errorf("room %v: %d held", room, held)
		}
	}
}

func TestAnAccessEntryWaitsForTheRoleThatIsItsPrincipal(t *testing.T) {
	want := workloadWant(t, test)
	want.Clusters[0].Entries = []access.WantEntry{wantEntry(yaceRole, "View:*")}
	p := Compute(want, workloadSees(test), Options{})
	i := slices.IndexFunc(p.Changes, func(c Change) bool { return c.Kind == AccessEntry })
	if i < 0 || len(p.Changes[i].Held) > 0 || !slices.Contains(p.Changes[i].DependsOn, "role/"+home+"/yace") {
		t.Errorf("%v", lines(p))
	}
	want.Roles = want.Roles[:1] // nobody makes it
	p = Compute(want, workloadSees(test), Options{})
	if i := slices.IndexFunc(p.Changes, func(c Change) bool { return c.Kind == AccessEntry }); len(p.Changes[i].Held) == 0 {
		t.Errorf("%v", lines(p))
	}
}

func TestPlansOfWorkloadsAreSavedWhole(t *testing.T) {
	have := workloadSees(test)
	first := Compute(workloadWant(t, test), have, Options{})
	for _, p := range []*Plan{first, Compute(wants(wantCluster(test)), made(t, have, first), Options{})} {
		b, err := Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.Changes {
			if !reflect.DeepEqual(p.Changes[i], got.Changes[i]) {
				t.Errorf("change %s:\n%s", p.Changes[i].ID, cmp.Diff(p.Changes[i], got.Changes[i]))
			}
		}
	}
}

// A ServiceAccount of which only the annotation is ours to write must be there.
func TestAServiceAccountToAnnotateMustBeThere(t *testing.T) {
	for _, there := range []bool{false, true} {
		want, have := workloadWant(t, test), workloadSees(test)
		want.Clusters[0].ServiceAccounts = []access.WantServiceAccount{{Namespace: "logs", Name: "loki", Manage: access.ManageAnnotate, Role: lokiRole, Workload: "loki"}}
		have.Clusters[0].Endpoint = "https://k"
		k := &access.HaveKubernetes{NamespacesRead: true, Namespaces: []string{"logs"}, ServiceAccountsRead: true}
		if there {
			k.ServiceAccounts = []access.HaveServiceAccount{{Namespace: "logs", Name: "loki", UID: "u"}}
		}
		have.Clusters[0].Kubernetes = k
		found := false
		for _, c := range Compute(want, have, Options{}).Changes {
			if c.Kind != ServiceAccount {
				continue
			}
			found = true
			if held := slices.ContainsFunc(c.Held, func(h Hold) bool { return h.Guard == NoServiceAccount }); held == there {
				t.Errorf("there %v: held by %v", there, c.Held)
			}
		}
		if !found {
			t.Errorf("there %v: no change of the ServiceAccount", there)
		}
	}
}

// A run over some clusters looks at the roles that one of them gives, whole; the
// others it neither makes nor takes.
func TestARunOverSomeClustersLooksAtTheirRolesAlone(t *testing.T) {
	want := workloadWant(t, prod, test)
	want.Roles[1].Trust = want.Roles[1].Trust[:1] // yace on prod alone
	if want.Roles[1].Trust[0].Cluster != prod {
		t.Fatal(want.Roles[1].Trust)
	}
	for i := range want.Clusters {
		if want.Clusters[i].Key == test {
			want.Clusters[i].PodIdentities = nil
		}
	}
	all := made(t, workloadSees(prod, test), Compute(want, workloadSees(prod, test), Options{}))
	all.Accounts[0].Details = append(all.Accounts[0].Details, access.HaveRole{Principal: access.Principal{ARN: appRole}, Name: "app", Tags: owner.Tags()})
	for _, c := range []struct {
		part      []access.ClusterKey
		makes     []string // of roles, where nothing is there
		takesMore bool     // a role that no document wants
	}{
		{[]access.ClusterKey{test}, []string{"role/loki"}, false},
		{[]access.ClusterKey{prod}, []string{"role/loki", "role/yace"}, false},
		{[]access.ClusterKey{prod, test}, []string{"role/loki", "role/yace"}, false},
		{nil, []string{"role/loki", "role/yace"}, true},
	} {
		have := workloadSees(prod, test)
		have.Part = &access.Part{Clusters: c.part}
		var makes []string
		for _, l := range lines(Compute(want, have, Options{})) {
			if id, ok := strings.CutPrefix(l, "create role/"+home); ok {
				makes = append(makes, "role"+strings.Fields(id)[0])
			}
		}
		if d := cmp.Diff(c.makes, makes); d != "" {
			t.Errorf("%v: -want +got\n%s", c.part, d)
		}
		have = made(t, all, &Plan{})
		have.Part = &access.Part{Clusters: c.part}
		if got := lines(Compute(want, have, Options{})); slices.Equal(got, []string{"delete role/" + home + "/app"}) != c.takesMore || !c.takesMore && len(got) > 0 {
			t.Errorf("%v: where all is there: %v", c.part, got)
		}
	}
}

// A role of which no statement can be written is held for what hides its
// clusters, and one whose cluster is there for what that lacks.
func TestARoleWithoutAnyTrustYetSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		edit  func(*access.Snapshot)
		guard string
		says  string
	}{
		"no issuer":  {func(h *access.Snapshot) { h.Clusters[0].Issuer = "" }, Trust, "test"},
		"no cluster": {func(h *access.Snapshot) { h.Clusters = nil }, NoCluster, "has no cluster test"},
		"unread": {func(h *access.Snapshot) {
			h.Clusters = nil
			gap(h, access.Gap{What: access.GapCluster, Account: home, Region: "eu-west-1", Cluster: "test", Reason: "cut"})
		}, HalfRead, "cut"},
		"twin: there": {func(*access.Snapshot) {}, "", ""},
	} {
		want, have := workloadWant(t, test), workloadSees(test)
		want.Roles, want.Clusters[0].PodIdentities = want.Roles[:1], nil
		c.edit(have)
		p := Compute(want, have, Options{})
		i := slices.IndexFunc(p.Changes, func(c Change) bool { return c.ID == "role/"+home+"/loki" })
		if i < 0 {
			t.Errorf("%s: %v", name, lines(p))
			continue
		}
		if held := p.Changes[i].Held; c.guard == "" && len(held) > 0 ||
			c.guard != "" && (len(held) != 1 || held[0].Guard != c.guard || !strings.Contains(held[0].Reason, c.says)) {
			t.Errorf("%s: held by %v, want %s", name, held, c.guard)
		}
	}
}
