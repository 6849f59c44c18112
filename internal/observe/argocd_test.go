package observe

import (
	"slices"
	"strings"
	"testing"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/kube/kubetest"
)

// shows: item S130
func TestSecretsOfArgoCDAreReadWhereTheyAreAskedForAndAreAGapOfTheirOwn(t *testing.T) {
	owner := access.Owner{Environment: "ops", ID: "k7f3c9a1"}
	secrets := func(need access.KubernetesNeed) *access.WorkloadsNeed {
		return &access.WorkloadsNeed{ArgoSecrets: func(*access.Snapshot) map[access.ClusterKey]access.ArgoNeed {
			return map[access.ClusterKey]access.ArgoNeed{testKey: {Need: need, Owner: owner, Names: []access.ArgoSecretKey{{Namespace: "argocd", Name: "wanted"}}}}
		}}
	}
	for name, c := range map[string]struct {
		need   access.KubernetesNeed
		server bool
		fault  string // part of a path that is forbidden
		gap    access.GapKind
		read   bool
	}{
		"read":                        {need: access.KubernetesNeeded, server: true, read: true},
		"nobody asked":                {need: access.KubernetesUnread, server: true},
		"Secrets are forbidden":       {need: access.KubernetesNeeded, server: true, fault: "/secrets", gap: access.GapArgoSecrets},
		"one Secret is forbidden":     {need: access.KubernetesNeeded, server: true, fault: "/secrets/wanted", gap: access.GapArgoSecrets},
		"namespaces are forbidden":    {need: access.KubernetesNeeded, server: true, fault: "v1/namespaces?", gap: access.GapNamespaces, read: true},
		"no API server":               {need: access.KubernetesNeeded, gap: access.GapArgoSecrets},
		"no API server, nothing lost": {need: access.KubernetesIfThere},
	} {
		t.Run(name, func(t *testing.T) {
			s := kubetest.New("argocd")
			s.PutSecret("argocd", "ours", access.FieldManager, owner.ArgoLabels(), access.Registration{Cluster: "prod"}.Data())
			s.PutSecret("argocd", "wanted", "helm", nil, nil)
			s.PutSecret("argocd", "another", "helm", map[string]string{access.LabelArgoSecret: access.ArgoSecretCluster}, nil)
			s.Fault = func(k kubetest.Call) *kubetest.Fault {
				if c.fault != "" && strings.Contains(k.Path+"?", c.fault) {
					return &kubetest.Fault{Status: 403, Reason: "Forbidden", Message: "no"}
				}
				return nil
			}
			w := newWorld()
			dial := withServer(w, s)
			if !c.server {
				w.accounts["AKIAMAIN"].clusters["us-east-1"]["test"].endpoint = ""
			}
			got, err := read(t, w, Options{Now: clock, Dial: dial, Workloads: secrets(c.need)})
			if err != nil {
				t.Fatal(err)
			}
			if c.gap == "" && len(got.Gaps) > 0 || c.gap != "" && (len(got.Gaps) != 1 || got.Gaps[0].What != c.gap) {
				t.Errorf("gaps %v", got.Gaps)
			}
			h, _ := got.Cluster(testKey)
			k := h.Kubernetes
			if (k != nil && k.ArgoSecretsRead) != c.read {
				t.Fatalf("read: %+v", k)
			}
			if !c.read {
				return
			}
			var names []string
			for _, s := range k.ArgoSecrets {
				names = append(names, s.Name)
			}
			if !slices.Equal(names, []string{"ours", "wanted"}) || k.ArgoSecrets[0].Registration == nil || k.ArgoSecrets[1].Registration != nil {
				t.Errorf("%+v", k.ArgoSecrets)
			}
			if n := len(s.Calls()); n != 3 { // our list, the name that is wanted, namespaces
				t.Errorf("%d calls", n)
			}
		})
	}
}
