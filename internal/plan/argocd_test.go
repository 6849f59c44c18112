package plan

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
)

// argoWorld is cluster prod, registered with the Argo CD on cluster test.
func argoWorld() (*access.State, *access.Snapshot) {
	spoke := wantCluster(prod)
	spoke.ArgoCD = &access.WantArgoCD{Hub: test, Namespace: "argocd", Place: access.Place{File: "prod.yaml", Line: 7}}
	hub, have := haveCluster(test), haveCluster(prod)
	have.Endpoint, have.CA = "https://prod.example", "PEM"
	hub.Kubernetes = &access.HaveKubernetes{NamespacesRead: true, Namespaces: []string{"argocd", "old"}, ArgoSecretsRead: true}
	return wants(wantCluster(test), spoke), sees(hub, have)
}

// stands is a Secret of ours on the hub.
func stands(h *access.Snapshot, namespace, name string, edit func(*access.HaveArgoSecret)) {
	s := access.HaveArgoSecret{Namespace: namespace, Name: name, UID: "u", Labels: owner.ArgoLabels(), Managers: []string{access.FieldManager},
		Registration: &access.Registration{Cluster: "prod", Server: "https://prod.example", ClusterName: "prod", CA: "UEVN"}}
	if edit != nil {
		edit(&s)
	}
	i := slices.IndexFunc(h.Clusters, func(c access.HaveCluster) bool { return c.Key == test })
	h.Clusters[i].Kubernetes.ArgoSecrets = append(h.Clusters[i].Kubernetes.ArgoSecrets, s)
}

// shows: item S128; item S129; item S130
func TestAClustersRegistrationIsMadeKeptAndTakenAway(t *testing.T) {
	const id = "argocd/test/argocd/atlas-iam.ops.prod"
	gap := func(what access.GapKind, cluster string) access.Gap {
		return access.Gap{What: what, Account: home, Region: "eu-west-1", Cluster: cluster, Reason: "denied"}
	}
	ours := func(edit func(*access.HaveArgoSecret)) func(*access.State, *access.Snapshot) {
		return func(_ *access.State, h *access.Snapshot) { stands(h, "argocd", "atlas-iam.ops.prod", edit) }
	}
	for name, c := range map[string]struct {
		edit func(*access.State, *access.Snapshot)
		o    Options
		want []string
	}{
		"not there":              {nil, Options{}, []string{"create " + id}},
		"there":                  {ours(nil), Options{}, nil},
		"others' labels beside":  {ours(func(s *access.HaveArgoSecret) { s.Labels["team"] = "x" }), Options{}, nil},
		"another server":         {ours(func(s *access.HaveArgoSecret) { s.Registration.Server = "https://old" }), Options{}, []string{"update " + id}},
		"another role":           {ours(func(s *access.HaveArgoSecret) { s.Registration.Role = "arn:x" }), Options{}, []string{"update " + id}},
		"more than we say":       {ours(func(s *access.HaveArgoSecret) { s.Registration.Other = true }), Options{}, []string{"update " + id}},
		"not Argo CD's any more": {ours(func(s *access.HaveArgoSecret) { delete(s.Labels, access.LabelArgoSecret) }), Options{}, []string{"update " + id}},
		"another's":              {ours(func(s *access.HaveArgoSecret) { s.Labels, s.Managers, s.Registration = nil, []string{"helm"}, nil }), Options{}, []string{"update " + id + " !foreign"}},
		"a copy with our labels": {ours(func(s *access.HaveArgoSecret) { s.Managers, s.Registration = []string{"kubectl"}, nil }), Options{}, []string{"update " + id + " !foreign"}},
		"another environment's": {ours(func(s *access.HaveArgoSecret) {
			s.Labels, s.Registration = access.Owner{Environment: "ops", ID: "x"}.ArgoLabels(), nil
		}), Options{}, []string{"update " + id + " !foreign"}},
		"registered no more": {func(w *access.State, h *access.Snapshot) {
			stands(h, "argocd", "atlas-iam.ops.prod", nil)
			w.Clusters[0].ArgoCD = nil
		}, Options{}, []string{"delete " + id}},
		"in another namespace": {func(_ *access.State, h *access.Snapshot) { stands(h, "old", "atlas-iam.ops.prod", nil) }, Options{},
			[]string{"create " + id, "delete argocd/test/old/atlas-iam.ops.prod"}},
		"in a namespace that ends": {func(_ *access.State, h *access.Snapshot) { stands(h, "ending", "atlas-iam.ops.prod", nil) }, Options{}, []string{"create " + id}},
		"another's that nobody wants": {func(w *access.State, h *access.Snapshot) {
			stands(h, "argocd", "x", func(s *access.HaveArgoSecret) { s.Managers = nil })
			w.Clusters[0].ArgoCD = nil
		}, Options{}, nil},
		"destroyed":    {ours(nil), Options{Destroy: true}, []string{"delete " + id}},
		"rendered":     {func(w *access.State, _ *access.Snapshot) { w.Clusters[1].Via = access.ViaRender }, Options{}, nil},
		"no namespace": {func(_ *access.State, h *access.Snapshot) { h.Clusters[1].Kubernetes.Namespaces = nil }, Options{}, []string{"create " + id + " !no-namespace"}},
		"no namespace was read": {func(_ *access.State, h *access.Snapshot) {
			h.Clusters[1].Kubernetes.NamespacesRead, h.Clusters[1].Kubernetes.Namespaces = false, nil
		}, Options{}, []string{"create " + id}},
		"no endpoint":  {func(_ *access.State, h *access.Snapshot) { h.Clusters[0].Endpoint = "" }, Options{}, []string{"create " + id + " !no-cluster"}},
		"no authority": {func(_ *access.State, h *access.Snapshot) { h.Clusters[0].CA = "" }, Options{}, []string{"create " + id + " !no-cluster"}},
		"no cluster":   {func(_ *access.State, h *access.Snapshot) { h.Clusters = h.Clusters[1:] }, Options{}, []string{"create " + id + " !no-cluster"}},
		"no cluster, registered": {func(_ *access.State, h *access.Snapshot) {
			h.Clusters = h.Clusters[1:]
			stands(h, "argocd", "atlas-iam.ops.prod", nil)
		}, Options{}, []string{"update " + id + " !no-cluster"}},
		"cluster unread, registered": {func(_ *access.State, h *access.Snapshot) {
			h.Clusters, h.Gaps = h.Clusters[1:], []access.Gap{gap(access.GapCluster, "prod")}
			stands(h, "argocd", "atlas-iam.ops.prod", nil)
		}, Options{}, []string{"update " + id + " !half-read"}},
		"no hub": {func(_ *access.State, h *access.Snapshot) { h.Clusters = h.Clusters[:1] }, Options{}, []string{"create " + id + " !no-cluster"}},
		"Secrets unread": {func(_ *access.State, h *access.Snapshot) {
			h.Clusters[1].Kubernetes, h.Gaps = nil, []access.Gap{gap(access.GapArgoSecrets, "test")}
		}, Options{}, []string{"create " + id + " !half-read"}},
		"registered no more, Secrets unread": {func(w *access.State, h *access.Snapshot) {
			w.Clusters[0].ArgoCD = nil
			h.Clusters[1].Kubernetes, h.Gaps = nil, []access.Gap{gap(access.GapArgoSecrets, "test")}
		}, Options{}, nil},
		"only the spoke is looked at": {func(_ *access.State, h *access.Snapshot) {
			h.Part = &access.Part{Clusters: []access.ClusterKey{prod}}
			h.Clusters = h.Clusters[:1]
		}, Options{}, nil},
		"only the hub is looked at": {func(_ *access.State, h *access.Snapshot) {
			stands(h, "argocd", "atlas-iam.ops.prod", nil)
			h.Part = &access.Part{Clusters: []access.ClusterKey{test}}
			h.Clusters = h.Clusters[1:]
		}, Options{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			want, have := argoWorld()
			if c.edit != nil {
				c.edit(want, have)
			}
			p := Compute(want, have, c.o)
			if d := cmp.Diff(c.want, lines(p)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			saved, err := Encode(p)
			if err != nil {
				t.Fatal(err)
			}
			back, err := Decode(saved)
			if err != nil || !reflect.DeepEqual(back.Changes, p.Changes) {
				t.Errorf("saved and read again: %v\n%s", err, cmp.Diff(p.Changes, back.Changes))
			}
			for k, n := range p.WorkloadsNeed().ArgoSecrets(have) {
				if k != test || n.Need != access.KubernetesNeeded || n.Owner != owner || len(n.Names) == 0 {
					t.Errorf("read again before the saved plan is made: %v %+v", k, n)
				}
			}
		})
	}
}

// What an API server says no to is known before the first write.
//
// shows: item S134
func TestWhatAnAPIServerWouldRefuseOfAnObjectHoldsItsChange(t *testing.T) {
	for name, c := range map[string]struct {
		trial   access.Trial
		looking bool
		guard   string
	}{
		"refused":             {trial: access.Trial{Refused: "Forbidden"}, guard: Refused},
		"another set it":      {trial: access.Trial{Refused: "Conflict", Conflict: true}, guard: ForeignEntry},
		"not asked":           {trial: access.Trial{Refused: "no answer", Unread: true}, guard: HalfRead},
		"who only plans":      {trial: access.Trial{Refused: "Forbidden", Bare: true}, looking: true},
		"who applies and not": {trial: access.Trial{Refused: "Forbidden", Bare: true}, guard: Refused},
		"twin: taken":         {},
	} {
		want, have := argoWorld()
		hub := &want.Clusters[1]
		hub.ServiceAccounts = []access.WantServiceAccount{{Namespace: "argocd", Name: "server", Manage: access.ManageCreate, Role: arn("role/nodes")}}
		have.Clusters[1].Kubernetes.ServiceAccountsRead = true
		trials := Compute(want, have, Options{}).Trials()[test]
		if len(trials) != 2 {
			t.Fatalf("tried are %v", trials)
		}
		for _, tr := range trials {
			if tr.Written == nil || tr.Written.Labels[access.TagID] != owner.ID || tr.Written.Kind == access.SecretObject && tr.Written.Data["server"] != "https://prod.example" ||
				tr.Written.Kind == access.ServiceAccountObject && tr.Written.Annotations[access.AnnotationRole] != arn("role/nodes") {
				t.Errorf("tried is %+v", tr.Written)
			}
			said := c.trial
			said.Written, said.Verb = tr.Written, tr.Verb
			have.Clusters[1].Kubernetes.Trials = append(have.Clusters[1].Kubernetes.Trials, said)
		}
		p := Compute(want, have, Options{Looking: c.looking})
		if len(p.Changes) != 2 {
			t.Fatal(lines(p))
		}
		for _, ch := range p.Changes {
			if held := len(ch.Held) == 1 && ch.Held[0].Guard == c.guard; held != (c.guard != "") || c.guard == "" && len(ch.Held) > 0 {
				t.Errorf("%s: %s is held by %v", name, ch.ID, ch.Held)
			}
		}
		if warned := slices.ContainsFunc(p.Warnings, func(w Warning) bool { return w.Slug == Refused && strings.Contains(w.Text, "Forbidden") }); warned != c.looking {
			t.Errorf("%s: %v", name, p.Warnings)
		}
	}
}

// The Secrets are looked for where documents name a hub, and where a role of a
// cluster's workloads has an entry of ours elsewhere; nowhere else are Secrets
// asked for.
func TestSecretsOfArgoCDAreLookedForWhereOneCanBe(t *testing.T) {
	role := arn("role/argocd")
	entry := func(tags map[string]string) access.Entry {
		return access.Entry{Principal: role, Type: access.Standard, Tags: tags}
	}
	for name, c := range map[string]struct {
		edit func(*access.State, *access.Snapshot)
		o    Options
		want map[access.ClusterKey]access.KubernetesNeed
	}{
		"a hub":            {nil, Options{}, map[access.ClusterKey]access.KubernetesNeed{test: access.KubernetesNeeded}},
		"a hub, destroyed": {nil, Options{Destroy: true}, map[access.ClusterKey]access.KubernetesNeed{test: access.KubernetesIfThere}},
		"a hub of a file":  {func(w *access.State, _ *access.Snapshot) { w.Clusters[1].Via = access.ViaRender }, Options{}, nil},
		"nothing":          {func(w *access.State, _ *access.Snapshot) { w.Clusters[0].ArgoCD = nil }, Options{}, nil},
		"a role that reaches out, by Pod Identity": {func(w *access.State, h *access.Snapshot) {
			w.Clusters[0].ArgoCD = nil
			h.Clusters[1].PodIdentities = []access.PodIdentityAssociation{{Namespace: "argocd", ServiceAccount: "server", Role: role}}
			h.Clusters[0].Entries = []access.Entry{entry(owner.Tags())}
		}, Options{}, map[access.ClusterKey]access.KubernetesNeed{test: access.KubernetesIfThere}},
		"a role that reaches out, by IRSA": {func(w *access.State, h *access.Snapshot) {
			w.Clusters = w.Clusters[1:]
			h.Clusters[1].Issuer = issuer(test)
			h.Accounts[0].Details = []access.HaveRole{{Principal: access.Principal{ARN: role}, Trust: access.Document(issuer(test))}}
			h.Clusters[0].Entries = []access.Entry{entry(owner.Tags())}
		}, Options{}, map[access.ClusterKey]access.KubernetesNeed{test: access.KubernetesIfThere}},
		"a role that somebody else let in": {func(w *access.State, h *access.Snapshot) {
			w.Clusters[0].ArgoCD = nil
			h.Clusters[1].PodIdentities = []access.PodIdentityAssociation{{Namespace: "argocd", ServiceAccount: "server", Role: role}}
			h.Clusters[0].Entries = []access.Entry{entry(nil)}
		}, Options{}, nil},
		"a role with an entry at home alone": {func(w *access.State, h *access.Snapshot) {
			w.Clusters[0].ArgoCD = nil
			h.Clusters[1].PodIdentities = []access.PodIdentityAssociation{{Namespace: "argocd", ServiceAccount: "server", Role: role}}
			h.Clusters[1].Entries = []access.Entry{entry(owner.Tags())}
		}, Options{}, nil},
	} {
		want, have := argoWorld()
		if c.edit != nil {
			c.edit(want, have)
		}
		got := map[access.ClusterKey]access.KubernetesNeed{}
		for k, n := range WorkloadsNeed(want, c.o).ArgoSecrets(have) {
			got[k] = n.Need
			wanted := []access.ArgoSecretKey{{Namespace: "argocd", Name: "atlas-iam.ops.prod"}}
			if n.Need != access.KubernetesNeeded { // nothing is wanted there
				wanted = nil
			}
			if d := cmp.Diff(wanted, n.Names); d != "" {
				t.Errorf("%s: names (-want +got)\n%s", name, d)
			}
			if n.Owner != owner || n.ForeignTags["created-by"] != "terraform" {
				t.Errorf("%s: %+v", name, n)
			}
		}
		if c.want == nil {
			c.want = map[access.ClusterKey]access.KubernetesNeed{}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got)\n%s", name, d)
		}
	}
}
