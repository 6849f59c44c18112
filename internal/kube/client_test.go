package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/kube/kubetest"
)

func token(context.Context) (string, time.Time, error) {
	return "k8s-aws-v1.t", time.Now().Add(15 * time.Minute), nil
}

func dial(t testing.TB, s *kubetest.Server) *Client {
	t.Helper()
	c, err := Dial(Cluster{Name: "test", Endpoint: "https://api.example", Token: token, Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func team(namespace, name, role string) access.Binding {
	return access.Binding{Namespace: namespace, Name: name, Role: access.RoleRef{Kind: access.ClusterRole, Name: role},
		Subjects: []access.Subject{{Kind: access.GroupSubject, Name: "atlas-iam:ops:backend"}},
		Labels:   access.Owner{Environment: "ops", ID: "k7f3c9a1"}.Labels()}
}

func TestWhatIsReadIsWholeAndSortedWhateverThePages(t *testing.T) {
	var last string
	for _, page := range []int{0, 1, 2, 3} {
		s := kubetest.New("default", "dev-a", "kube-system")
		s.Page = page
		s.SetNamespace("dev-gone", true)
		s.Roles = []access.KubernetesRole{{Name: "view"}, {Name: "edit", Rules: []access.Rule{{Verbs: []string{"*"}}}}, {Namespace: "dev-a", Name: "r"}}
		s.AuthMap = &access.AuthMap{MapRoles: "- rolearn: x\n"}
		for i := range 7 {
			s.Put(team("dev-a", fmt.Sprintf("b%d", i), "edit"), "atlas-iam", "kubectl")
		}
		s.Put(team("", "c", "view"), "kubectl")
		r := dial(t, s).Read(t.Context())
		if r.RBAC != nil || r.NamespaceList != nil || r.AuthConfig != nil || !r.RBACRead || !r.NamespacesRead || !r.AuthMapRead {
			t.Fatal(r.RBAC, r.NamespaceList, r.AuthConfig)
		}
		if !slices.Equal(r.Namespaces, []string{"default", "dev-a", "kube-system"}) {
			t.Errorf("namespaces %q: the ending one is left out", r.Namespaces)
		}
		if len(r.Roles) != 3 || r.Roles[0].Name != "edit" || len(r.Bindings) != 8 || r.Bindings[0].Kind() != "ClusterRoleBinding" ||
			!slices.Equal(r.Bindings[1].Managers, []string{"atlas-iam", "kubectl"}) || r.AuthMap.MapRoles == "" {
			t.Errorf("%+v", r.HaveKubernetes)
		}
		b, err := json.Marshal(r.HaveKubernetes)
		if err != nil {
			t.Fatal(err)
		}
		if last != "" && string(b) != last {
			t.Errorf("pages of %d read otherwise", page)
		}
		last = string(b)
	}
}

// Absent is not unread.
func TestNoAwsAuthIsAFactAndARefusalIsNot(t *testing.T) {
	r := dial(t, kubetest.New()).Read(t.Context())
	if !r.AuthMapRead || r.AuthMap != nil || r.AuthConfig != nil {
		t.Errorf("none: %+v %v", r.AuthMap, r.AuthConfig)
	}
	s := kubetest.New("default")
	s.Fault = func(c kubetest.Call) *kubetest.Fault {
		if strings.HasSuffix(c.Path, "aws-auth") || strings.HasSuffix(c.Path, "/clusterroles") {
			return &kubetest.Fault{Status: 403, Reason: "Forbidden", Message: "no"}
		}
		return nil
	}
	r = dial(t, s).Read(t.Context())
	if r.AuthMapRead || r.RBACRead || !r.NamespacesRead || !IsForbidden(r.AuthConfig) || !IsForbidden(r.RBAC) {
		t.Errorf("forbidden: %+v", r)
	}
	if got := r.RBAC.Error(); got != "list clusterroles of cluster test: Forbidden: no" {
		t.Errorf("says %q", got)
	}
}

func TestAnAnswerThatIsCutIsNoEmptyList(t *testing.T) {
	for what, body := range map[string]string{
		"empty": "", "half": `{"kind":"List","items":[{"meta`, "no items": `{"kind":"List","metadata":{}}`,
		"an item without a name": `{"items":[{"metadata":{}}]}`, "another's page": "<html>login</html>",
	} {
		c := served(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, body) })
		if r := c.Read(t.Context()); r.RBACRead || r.NamespacesRead || r.AuthMapRead || r.RBAC == nil || r.NamespaceList == nil || r.AuthConfig == nil {
			t.Errorf("%s is taken for a list: %+v", what, r)
		}
	}
	c := served(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"items":[]}`) })
	if names, err := c.namespaces(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("the legal twin: %q %v", names, err)
	}
	c = served(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"items":[],"metadata":{"continue":"x"}}`)
	})
	if _, err := c.namespaces(t.Context()); err == nil {
		t.Error("a list that repeats ended")
	}
}

// served is a server of TLS that a handler answers for.
func served(t testing.TB, h http.HandlerFunc) *Client {
	t.Helper()
	c, err := Dial(Cluster{Name: "test", Endpoint: "https://api.example", Token: token, Transport: handler(h)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type handler http.HandlerFunc

func (h handler) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h(w, r)
	return w.Result(), nil
}

func TestOverTheNetworkOnlyTheClustersOwnAuthorityIsTrusted(t *testing.T) {
	s := kubetest.New("default")
	endpoint, ca := s.Start(t.Cleanup)
	c, err := Dial(Cluster{Name: "test", Endpoint: endpoint, CA: ca, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if names, err := c.namespaces(t.Context()); err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	_, others := otherAuthority(t)
	c, err = Dial(Cluster{Name: "test", Endpoint: endpoint, CA: others, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.namespaces(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("another authority: %v", err)
	}
	for _, bad := range []Cluster{{Endpoint: "http://127.0.0.1", CA: ca}, {Endpoint: "https://u:p@a", CA: ca}, {Endpoint: "", CA: ca}, {Endpoint: endpoint, CA: "x"}} {
		if _, err := Dial(bad); err == nil {
			t.Errorf("dialled %+v", bad)
		}
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	asked := 0
	c := served(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Location", "https://elsewhere.example/")
		w.WriteHeader(302)
	})
	if _, err := c.namespaces(t.Context()); err == nil || asked != 1 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

func TestReadsAreTriedAgainAndWritesAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tc := range []struct {
			what        string
			fault       kubetest.Fault
			reads       bool // in the end
			calls, puts int  // of a read and of a write
		}{
			{"a lost connection", kubetest.Fault{}, true, 3, 1},
			{"a server's fault", kubetest.Fault{Status: 503, Reason: "ServiceUnavailable"}, true, 3, 1},
			{"a refusal", kubetest.Fault{Status: 403, Reason: "Forbidden"}, false, 1, 1},
			{"too many calls", kubetest.Fault{Status: 429, Reason: "TooManyRequests", RetryAfter: 2}, true, 3, 3},
		} {
			s := kubetest.New("dev-a")
			n := 0
			s.Fault = func(kubetest.Call) *kubetest.Fault {
				if n++; n < 3 {
					return &tc.fault
				}
				return nil
			}
			c := dial(t, s)
			began := time.Now()
			if _, err := c.namespaces(t.Context()); (err == nil) != tc.reads || len(s.Calls()) != tc.calls {
				t.Errorf("%s: a read ended after %d calls: %v", tc.what, len(s.Calls()), err)
			}
			if took := time.Since(began); tc.fault.RetryAfter > 0 && took < 4*time.Second {
				t.Errorf("%s: waited %v", tc.what, took)
			}
			n = 0
			before := len(s.Calls())
			b := team("dev-a", "x", "edit")
			_, _, err := c.Apply(t.Context(), &b, nil)
			if got := len(s.Calls()) - before; got != tc.puts || (err == nil) != (tc.puts == 3) {
				t.Errorf("%s: a write was sent %d times: %v", tc.what, got, err)
			}
		}
	})
}

func TestATokenIsRenewedInTimeAndWhenRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := 0
		var refuse atomic.Bool
		c, err := Dial(Cluster{Name: "test", Endpoint: "https://api.example", Transport: handler(func(w http.ResponseWriter, r *http.Request) {
			if refuse.Load() || r.Header.Get("Authorization") != fmt.Sprintf("Bearer t%d", made) {
				w.WriteHeader(401)
				return
			}
			fmt.Fprint(w, `{"items":[]}`)
		}), Token: func(context.Context) (string, time.Time, error) {
			made++
			return fmt.Sprintf("t%d", made), time.Now().Add(15 * time.Minute), nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		read := func(want int, ok bool) {
			t.Helper()
			if _, err := c.namespaces(t.Context()); (err == nil) != ok || made != want {
				t.Errorf("%d tokens made, want %d: %v", made, want, err)
			}
		}
		read(1, true)
		read(1, true)
		time.Sleep(14*time.Minute + 30*time.Second)
		read(2, true)
		refuse.Store(true)
		read(3, false) // refused, made anew once, refused again
	})
}

func TestCallsInFlightAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Second)
			now.Add(-1)
			_, _ = io.WriteString(w, `{"items":[]}`)
		})
		for range 50 {
			go func() { _, _ = c.namespaces(t.Context()) }()
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		if most.Load() != inFlight {
			t.Errorf("%d calls in flight, want %d", most.Load(), inFlight)
		}
	})
}

// A 404 of whoever stands in the way says nothing of the object: the API
// server's own is a Status.
func TestSomebodyElsesNotFoundIsNoFact(t *testing.T) {
	for body, want := range map[string]bool{
		"<html>not found</html>": false, `{"message":"no route"}`: false,
		`{"kind":"Status","reason":"NotFound","message":"configmaps \"aws-auth\" not found"}`: true,
	} {
		c, err := Dial(Cluster{Name: "test", Endpoint: "https://api.example", Token: token, Transport: answers(404, body)})
		if err != nil {
			t.Fatal(err)
		}
		if r := c.Read(t.Context()); r.AuthMapRead != want || r.RBACRead {
			t.Errorf("%s: aws-auth read %t, want %t", body, r.AuthMapRead, want)
		}
		b := team("dev", "b", "edit")
		if _, err := c.Get(t.Context(), &b); IsNotFound(err) != want {
			t.Errorf("%s: %v", body, err)
		}
	}
}

type answering func(*http.Request) (*http.Response, error)

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answers(status int, body string) http.RoundTripper {
	return answering(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
	})
}

// A selector by expressions is not one that selects everything.
func TestARoleThatSelectsByExpressionsSelectsNothingMore(t *testing.T) {
	for rule, want := range map[string]int{
		`{"clusterRoleSelectors":[{"matchExpressions":[{"key":"team","operator":"Exists"}]}]}`:                           0,
		`{"clusterRoleSelectors":[{"matchLabels":{"a":"b"},"matchExpressions":[{"key":"team","operator":"Exists"}]}]}`:   0,
		`{"clusterRoleSelectors":[{"matchLabels":{"a":"b"}},{"matchExpressions":[{"key":"team","operator":"Exists"}]}]}`: 1,
		`{"clusterRoleSelectors":[{}]}`: 1,
	} {
		var r role
		if err := json.Unmarshal([]byte(`{"metadata":{"name":"x"},"rules":[],"aggregationRule":`+rule+`}`), &r); err != nil {
			t.Fatal(err)
		}
		if got, ok := r.role(false); !ok || len(got.Aggregate) != want {
			t.Errorf("%s: %v, want %d selectors", rule, got.Aggregate, want)
		}
	}
}

// An API server before aggregated discovery answers with less; nothing is taken
// from that, nor from an answer that lacks a scope.
func TestDiscoveryThatIsNotWholeIsAnError(t *testing.T) {
	for what, c := range map[string]struct {
		body string
		ok   bool
	}{
		"whole":             {`{"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"a.io"},"versions":[{"resources":[{"resource":"x","scope":"Cluster"}]},{"resources":[{"resource":"x","scope":"Cluster"}]}]}]}`, true},
		"of old":            {`{"kind":"APIGroupList","groups":[]}`, false},
		"without a scope":   {`{"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"a.io"},"versions":[{"resources":[{"resource":"x"}]}]}]}`, false},
		"not of Kubernetes": {`hello`, false},
	} {
		ts := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, c.body) }))
		client, err := Dial(Cluster{Name: "test", Endpoint: ts.URL, Token: token, Transport: ts.Client().Transport})
		if err != nil {
			t.Fatal(err)
		}
		got, err := client.Discover(t.Context())
		if (err == nil) != c.ok || c.ok && len(got) != 1 {
			t.Errorf("%s: %+v %v", what, got, err)
		}
		ts.Close()
	}
}
