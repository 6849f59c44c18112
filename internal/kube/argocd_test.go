package kube

import (
	"slices"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/kube/kubetest"
)

var opsOwner = access.Owner{Environment: "ops", ID: "k7f3c9a1"}

// Of others' Secrets nothing is read but that they stand there, and no more of
// those than stand at our names.
//
// shows: item S129
func TestWhatOthersSecretsSayIsNeverRead(t *testing.T) {
	s := kubetest.New("argocd", "other")
	r := access.Registration{Cluster: "prod", Server: "https://prod", ClusterName: "prod", CA: "Q0E="}
	other := access.Owner{Environment: "ops", ID: "zzzzzzzz"}
	s.PutSecret("argocd", "ours", access.FieldManager, opsOwner.ArgoLabels(), r.Data())
	s.PutSecret("other", "ours-too", access.FieldManager, opsOwner.ArgoLabels(), r.Data())
	s.PutSecret("argocd", "wanted", "helm", nil, map[string]string{"config": "hidden"})
	s.PutSecret("argocd", "theirs", "argocd-server", map[string]string{access.LabelArgoSecret: access.ArgoSecretCluster}, map[string]string{"config": "hidden"})
	s.PutSecret("argocd", "another-run", access.FieldManager, other.ArgoLabels(), map[string]string{"config": "hidden"})
	c := dial(t, s)
	need := &access.ArgoNeed{Need: access.KubernetesNeeded, Owner: opsOwner,
		Names: []access.ArgoSecretKey{{Namespace: "argocd", Name: "ours"}, {Namespace: "argocd", Name: "wanted"}, {Namespace: "argocd", Name: "not-there"}}}
	got, err := c.ArgoSecrets(t.Context(), need)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, g := range got {
		names = append(names, g.Name)
		ours := g.Name != "wanted"
		if (g.Registration != nil) != ours || ours && *g.Registration != r || opsOwner.OwnerOfArgoSecret(&g, nil).Ours != ours {
			t.Errorf("%+v", g)
		}
	}
	if !slices.Equal(names, []string{"ours", "wanted", "ours-too"}) {
		t.Errorf("read %v", names)
	}
	one, err := c.GetArgoSecret(t.Context(), access.ArgoSecretKey{Namespace: "argocd", Name: "wanted"}, opsOwner, nil)
	if err != nil || one.Registration != nil || one.At.UID == "" {
		t.Errorf("%+v, %v", one, err)
	}
	if one, err = c.GetArgoSecret(t.Context(), access.ArgoSecretKey{Namespace: "argocd", Name: "ours"}, opsOwner, nil); err != nil || one.Registration == nil {
		t.Errorf("%+v, %v", one, err)
	}
	for name, a := range s.Secrets() {
		if ours := name == "argocd/ours" || name == "other/ours-too"; a.Served != ours {
			t.Errorf("%s was read: %v", name, a.Served)
		}
	}
}

// Writes of ServiceAccounts and Secrets are tried as they would be made, and
// not made.
//
// shows: item S134
func TestWritesOfObjectsAreTriedAsTheyWouldBeMade(t *testing.T) {
	s := kubetest.New("dev")
	s.PutAccount("dev", "chart", "helm", nil, map[string]string{access.AnnotationRole: "theirs"})
	s.PutAccount("dev", "plain", "helm", nil, nil)
	s.PutSecret("dev", "gone", access.FieldManager, opsOwner.ArgoLabels(), map[string]string{"name": "x"})
	uid := s.Secrets()["dev/gone"].UID
	annotated := func(name string) *access.WrittenObject {
		return &access.WrittenObject{Kind: access.ServiceAccountObject, Namespace: "dev", Name: name, Annotations: map[string]string{access.AnnotationRole: "ours"}}
	}
	nowhere := annotated("x")
	nowhere.Namespace = "nowhere"
	at := func(name string) *access.WrittenObject {
		return &access.WrittenObject{Kind: access.SecretObject, Namespace: "dev", Name: name}
	}
	got := dial(t, s).Try(t.Context(), []access.Trial{
		{Written: annotated("chart"), Verb: access.TryApply}, {Written: annotated("plain"), Verb: access.TryApply}, {Written: annotated("new"), Verb: access.TryApply},
		{Written: nowhere, Verb: access.TryApply}, {Written: at("gone"), UID: uid, Verb: access.TryDelete}, {Written: at("gone-already"), UID: uid, Verb: access.TryDelete},
		{Written: at("gone"), UID: "another", Verb: access.TryDelete},
	})
	refused := map[string]int{}
	for _, tr := range got {
		if tr.Refused != "" {
			refused[tr.String()]++
		}
		if tr.Conflict != (tr.String() == "ServiceAccount dev/chart" || tr.UID == "another") {
			t.Errorf("%s: %+v", tr.String(), tr)
		}
	}
	if len(refused) != 3 || refused["ServiceAccount dev/chart"] != 1 || refused["ServiceAccount nowhere/x"] != 1 || refused["Secret dev/gone"] != 1 {
		t.Errorf("%v", refused)
	}
	for _, c := range s.Calls() {
		if c.Write() {
			t.Errorf("wrote %+v", c)
		}
	}
}
