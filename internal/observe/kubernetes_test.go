package observe

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/kube"
	"github.com/atlas-iam/atlas-iam/internal/kube/kubetest"
)

var testKey = access.ClusterKey{Account: mainID, Region: "us-east-1", Name: "test"}

// withServer gives cluster test an API server.
func withServer(w *world, s http.RoundTripper) kube.Dialer {
	w.accounts["AKIAMAIN"].clusters["us-east-1"]["test"].endpoint = "https://api.example"
	return func(c kube.Cluster) (*kube.Client, error) {
		c.Transport = s
		return kube.Dial(c)
	}
}

func needed(h *access.HaveCluster) access.KubernetesNeed {
	if h.Key == testKey {
		return access.KubernetesNeeded
	}
	return access.KubernetesUnread
}

// shows: item S57
func TestKubernetesIsReadWhereItIsAskedForAndNowhereElse(t *testing.T) {
	s := kubetest.New("default", "dev")
	s.AuthMap = &access.AuthMap{MapUsers: "[]"}
	w := newWorld()
	dial := withServer(w, s)
	got, err := read(t, w, Options{Now: clock, Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	h, _ := got.Cluster(testKey)
	if h.Kubernetes != nil || len(s.Calls()) != 0 || h.Endpoint != "https://api.example" || h.CA != "PEM" {
		t.Errorf("nobody asked: %+v, %d calls", h.Kubernetes, len(s.Calls()))
	}
	saw := map[string]int{}
	got, err = read(t, w, Options{Now: clock, Dial: dial, Kubernetes: func(h *access.HaveCluster) access.KubernetesNeed {
		if h.Key == testKey {
			saw[h.Key.Name] = len(h.Entries)
		}
		return needed(h)
	}})
	if err != nil {
		t.Fatal(err)
	}
	h, _ = got.Cluster(testKey)
	if k := h.Kubernetes; k == nil || !k.RBACRead || !k.NamespacesRead || !k.AuthMapRead || !slices.Equal(k.Namespaces, []string{"default", "dev"}) || k.AuthMap == nil || len(got.Gaps) > 0 {
		t.Errorf("%+v %v", h.Kubernetes, got.Gaps)
	}
	if len(s.Calls()) != 6 || saw["test"] != 3 {
		t.Errorf("%d calls; asked with %v entries", len(s.Calls()), saw)
	}
	if e, _ := got.Cluster(access.ClusterKey{Account: mainID, Region: "eu-west-1", Name: "empty"}); e.Kubernetes != nil {
		t.Error("another cluster was read")
	}
}

// shows: item S57
func TestAnAPIServerThatDoesNotAnswerIsAGapInItsParts(t *testing.T) {
	refuse := func(part string, f kubetest.Fault) func(kubetest.Call) *kubetest.Fault {
		return func(c kubetest.Call) *kubetest.Fault {
			if strings.Contains(c.Path, part) {
				return &f
			}
			return nil
		}
	}
	forbidden := kubetest.Fault{Status: 403, Reason: "Forbidden", Message: "no"}
	for what, tc := range map[string]struct {
		fault func(kubetest.Call) *kubetest.Fault
		gaps  []access.GapKind
		says  string
	}{
		"it answers":      {nil, nil, ""},
		"roles forbidden": {refuse("/clusterroles", forbidden), []access.GapKind{access.GapRBAC}, "Forbidden: no"},
		"namespaces forbidden": {func(c kubetest.Call) *kubetest.Fault {
			if c.Path == "/api/v1/namespaces" {
				return &forbidden
			}
			return nil
		}, []access.GapKind{access.GapNamespaces}, "Forbidden: no"},
		"aws-auth forbidden":     {refuse("aws-auth", forbidden), []access.GapKind{access.GapAuthMap}, "Forbidden"},
		"the caller not known":   {refuse("/", kubetest.Fault{Status: 401}), []access.GapKind{access.GapKubernetes}, "does not know the caller"},
		"nothing answers":        {refuse("/", kubetest.Fault{}), []access.GapKind{access.GapKubernetes}, "no answer"},
		"a fault in it":          {refuse("/", kubetest.Fault{Status: 500, Reason: "InternalError", Message: "boom"}), []access.GapKind{access.GapKubernetes}, "boom"},
		"every list, and unlike": {refuse("/apis", forbidden), []access.GapKind{access.GapRBAC}, "Forbidden"},
	} {
		s := kubetest.New("default")
		s.Fault = tc.fault
		w := newWorld()
		got, err := read(t, w, Options{Now: clock, Dial: withServer(w, s), Kubernetes: needed})
		if err != nil {
			t.Fatal(what, err)
		}
		var kinds []access.GapKind
		for _, g := range got.Gaps {
			kinds = append(kinds, g.What)
			if !strings.Contains(g.Reason, tc.says) || g.Cluster != "test" {
				t.Errorf("%s: %+v", what, g)
			}
		}
		if !slices.Equal(kinds, tc.gaps) {
			t.Errorf("%s: gaps %v", what, got.Gaps)
		}
		if h, ok := got.Cluster(testKey); !ok || h.Kubernetes == nil || len(h.Entries) != 3 {
			t.Errorf("%s: the rest was not read", what)
		} else if _, hidden := got.UnreadKubernetes(testKey, access.GapRBAC); hidden == h.Kubernetes.RBACRead {
			t.Errorf("%s: RBAC hidden %v, read %v", what, hidden, h.Kubernetes.RBACRead)
		}
		if _, unread := got.Unread(testKey, oleksii); unread {
			t.Errorf("%s: hides entries", what)
		}
	}
}

func TestNoAPIServerIsAGapOnlyWhereOneIsNeeded(t *testing.T) {
	for what, tc := range map[string]struct {
		endpoint, key string
		need          access.KubernetesNeed
		gap           string
	}{
		"none, needed":             {"", "AKIAMAIN", access.KubernetesNeeded, "no endpoint"},
		"none, if there":           {"", "AKIAMAIN", access.KubernetesIfThere, ""},
		"the lab's, needed":        {"https://x.eks.amazonaws.com", "AKIALABX", access.KubernetesNeeded, "lab serve --kubernetes"},
		"the lab's, if there":      {"https://x.eks.amazonaws.com", "AKIALABX", access.KubernetesIfThere, ""},
		"unreachable, if there":    {"https://127.0.0.1:1", "AKIAMAIN", access.KubernetesIfThere, "no answer"},
		"not a server's, if there": {"https://127.0.0.1:1", "AKIAMAIN", access.KubernetesUnread, ""},
	} {
		w := newWorld()
		a := w.accounts["AKIAMAIN"]
		w.accounts[tc.key] = a
		a.clusters["us-east-1"]["test"].endpoint = tc.endpoint
		accounts := []access.Account{mainAccount()}
		c, err := cloud.Open(t.Context(), accounts, cloud.Options{Credentials: credentials.NewStaticCredentialsProvider(tc.key, "s", ""), HTTPClient: w, Endpoint: "http://127.0.0.1:4566"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read(t.Context(), c, accounts, Options{Kubernetes: func(h *access.HaveCluster) access.KubernetesNeed {
			if h.Key == testKey {
				return tc.need
			}
			return access.KubernetesUnread
		}, Dial: func(c kube.Cluster) (*kube.Client, error) {
			c.Transport = http.DefaultTransport
			return kube.Dial(c)
		}})
		if err != nil {
			t.Fatal(what, err)
		}
		switch {
		case tc.gap == "" && len(got.Gaps) > 0, tc.gap != "" && (len(got.Gaps) != 1 || !strings.Contains(got.Gaps[0].Reason, tc.gap)):
			t.Errorf("%s: gaps %v", what, got.Gaps)
		}
	}
}

func TestWritesAreTriedWithoutBeingMade(t *testing.T) {
	s := kubetest.New("dev", "qa")
	s.Fault = func(c kubetest.Call) *kubetest.Fault {
		if c.Write() {
			t.Errorf("wrote: %+v", c)
		}
		if strings.Contains(c.Path, "/qa/") {
			return &kubetest.Fault{Status: 403, Reason: "Forbidden", Message: "no"}
		}
		return nil
	}
	w := newWorld()
	dial := withServer(w, s)
	got, err := read(t, w, Options{Dial: dial, Kubernetes: needed})
	if err != nil {
		t.Fatal(err)
	}
	b := access.Binding{Name: "x", Role: access.RoleRef{Kind: access.ClusterRole, Name: "edit"}}
	trials := map[access.ClusterKey][]access.Trial{testKey: nil}
	for _, n := range []string{"qa", "dev"} {
		b.Namespace = n
		trials[testKey] = append(trials[testKey], access.Trial{Binding: b, Verb: access.TryApply})
	}
	if err := Try(t.Context(), openCloud(t, w, mainAccount()), got, trials, Options{Dial: dial}); err != nil {
		t.Fatal(err)
	}
	h, _ := got.Cluster(testKey)
	said := map[string]string{}
	for _, tr := range h.Kubernetes.Trials {
		said[tr.Binding.Namespace] = tr.Refused
	}
	if !maps.Equal(said, map[string]string{"dev": "", "qa": "Forbidden: no"}) {
		t.Errorf("%v", said)
	}
}

// What an API server serves is asked where its side was read; what cannot be
// told is left unknown, and is no gap.
func TestWhatAnAPIServerServesIsAskedWhereItWasRead(t *testing.T) {
	served := []access.KubernetesResource{{Group: "apps", Name: "deployments", Namespaced: true}, {Group: "example.org", Name: "things"}}
	for what, c := range map[string]struct {
		need  func(*access.HaveCluster) access.KubernetesNeed
		fault *kubetest.Fault
		want  []access.KubernetesResource
		asked bool
	}{
		"read":            {needed, nil, served, true},
		"not read":        {nil, nil, nil, false},
		"it is forbidden": {needed, &kubetest.Fault{Status: 403, Reason: "Forbidden"}, nil, true},
		"it is too old":   {needed, &kubetest.Fault{Status: 406, Reason: "NotAcceptable"}, nil, true},
	} {
		s := kubetest.New("dev")
		s.Resources = []access.KubernetesResource{served[1], served[0]}
		asked := false
		s.Fault = func(call kubetest.Call) *kubetest.Fault {
			if call.Path != "/apis" {
				return nil
			}
			asked = true
			return c.fault
		}
		w := newWorld()
		dial := withServer(w, s)
		got, err := read(t, w, Options{Now: clock, Dial: dial, Kubernetes: c.need})
		if err != nil {
			t.Fatal(err)
		}
		if err := Discover(t.Context(), openCloud(t, w, mainAccount()), got, Options{Dial: dial}); err != nil {
			t.Fatal(err)
		}
		h, _ := got.Cluster(testKey)
		var resources []access.KubernetesResource
		if h.Kubernetes != nil {
			resources = h.Kubernetes.Resources
		}
		if !slices.Equal(resources, c.want) || asked != c.asked || len(got.Gaps) > 0 {
			t.Errorf("%s: %+v, asked %v, gaps %v", what, resources, asked, got.Gaps)
		}
	}
}
