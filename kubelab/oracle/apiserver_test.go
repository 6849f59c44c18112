package oracle

import (
	"bufio"
	"bytes"
	"context"
	crypto "crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz"
	"github.com/atlas-iam/atlas-iam/authz/eks"
	"sigs.k8s.io/yaml"
)

// apiServer is a running kube-apiserver, and its own administrator.
type apiServer struct {
	endpoint string
	http     *http.Client
}

// tokenKeys are keys for the tokens of ServiceAccounts, as PEM.
func tokenKeys(t *testing.T) (signs, verifies string) {
	t.Helper()
	key, err := rsa.GenerateKey(crypto.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
}

// startAPIServer starts the lab's kube-apiserver beside a lab that maps nobody
// and has no opinion of anything: RBAC alone decides.
func startAPIServer(t *testing.T) *apiServer {
	t.Helper()
	program := os.Getenv("ATLAS_IAM_KUBELAB")
	if program == "" {
		if os.Getenv("ATLAS_REQUIRE_CLIENTS") != "" {
			t.Fatal("ATLAS_IAM_KUBELAB names no program: make kubelab")
		}
		t.Skip("SKIPPED: no API server to ask: make kubelab, and ATLAS_IAM_KUBELAB=.build/atlas-iam-kubelab")
	}
	lab := httptest.NewServer(stubLab(tokenKeys(t)))
	t.Cleanup(lab.Close)
	cmd := exec.Command(program, "-lab", lab.URL, "-account", "111122223333", "-region", "us-east-1", "-name", "oracle", "-data", t.TempDir())
	cmd.Env = append(os.Environ(), "ATLAS_IAM_KUBELAB_TOKEN=of-this-test")
	var log bytes.Buffer
	cmd.Stderr = &log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatalf("wait for the API server: %v\n%s", err, log.String())
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	var ready struct{ AdminKubeconfig string }
	if err := json.Unmarshal(line, &ready); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return dial(t, ready.AdminKubeconfig)
}

// stubLab is a lab that has one cluster and knows nobody.
func stubLab(signs, verifies string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { answer(w, r, signs, verifies) }
}

func answer(w http.ResponseWriter, r *http.Request, signs, verifies string) {
	route := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	w.Header().Set("Content-Type", "application/json")
	switch {
	case route == "cluster":
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": "https://issuer.invalid/id/ORACLE", "signingKey": signs, "verificationKeys": []string{verifies}})
	case r.Method == http.MethodPost:
		var review struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
		}
		_ = json.NewDecoder(r.Body).Decode(&review)
		fmt.Fprintf(w, `{"apiVersion":%q,"kind":%q,"status":{"allowed":false,"authenticated":false}}`, review.APIVersion, review.Kind)
	default:
		fmt.Fprint(w, `{}`)
	}
}

func dial(t *testing.T, kubeconfig string) *apiServer {
	t.Helper()
	b, err := os.ReadFile(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	var k struct {
		Clusters []struct {
			Cluster struct {
				Server string
				CA     []byte `json:"certificate-authority-data"`
			}
		}
		Users []struct {
			User struct {
				Certificate []byte `json:"client-certificate-data"`
				Key         []byte `json:"client-key-data"`
			}
		}
	}
	if err := yaml.Unmarshal(b, &k); err != nil || len(k.Clusters) == 0 || len(k.Users) == 0 {
		t.Fatalf("read %s: %v", kubeconfig, err)
	}
	pair, err := tls.X509KeyPair(k.Users[0].User.Certificate, k.Users[0].User.Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(k.Clusters[0].Cluster.CA)
	return &apiServer{endpoint: k.Clusters[0].Cluster.Server, http: &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 32, ForceAttemptHTTP2: true,
	}}}
}

// post makes an object and decodes what comes back.
func (a *apiServer) post(path string, object, into any) error {
	b, err := json.Marshal(object)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, a.endpoint+path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := a.http.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("POST %s: %s: %s", path, resp.Status, body)
	}
	if err == nil && into != nil {
		err = json.Unmarshal(body, into)
	}
	return err
}

type object map[string]any

// load makes namespaces, roles and bindings.
func (a *apiServer) load(t *testing.T, spaces []string, roles []access.KubernetesRole, bindings []access.Binding) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	const group = "/apis/rbac.authorization.k8s.io/v1"
	for _, ns := range spaces {
		if ns != "default" && ns != "kube-system" {
			must(a.post("/api/v1/namespaces", object{"metadata": object{"name": ns}}, nil))
		}
	}
	for _, r := range roles {
		o := object{"metadata": object{"name": r.Name, "labels": r.Labels}, "rules": r.Rules}
		if len(r.Aggregate) > 0 {
			var selectors []object
			for _, s := range r.Aggregate {
				selectors = append(selectors, object{"matchLabels": s})
			}
			o["aggregationRule"] = object{"clusterRoleSelectors": selectors}
		}
		if r.Namespace == "" {
			must(a.post(group+"/clusterroles", o, nil))
		} else {
			must(a.post(group+"/namespaces/"+r.Namespace+"/roles", o, nil))
		}
	}
	for _, b := range bindings {
		var subjects []object
		for _, s := range b.Subjects {
			o := object{"kind": s.Kind, "name": s.Name}
			if s.Kind == access.ServiceAccountSubject {
				o["namespace"] = s.Namespace
			} else {
				o["apiGroup"] = "rbac.authorization.k8s.io"
			}
			subjects = append(subjects, o)
		}
		o := object{"metadata": object{"name": b.Name}, "subjects": subjects,
			"roleRef": object{"apiGroup": "rbac.authorization.k8s.io", "kind": b.Role.Kind, "name": b.Role.Name}}
		if b.Namespace == "" {
			must(a.post(group+"/clusterrolebindings", o, nil))
		} else {
			must(a.post(group+"/namespaces/"+b.Namespace+"/rolebindings", o, nil))
		}
	}
}

// allows asks by a SubjectAccessReview.
func (a *apiServer) allows(id *authz.Identity, r *authz.Request) (bool, error) {
	spec := object{"user": id.Username, "groups": id.Groups}
	if r.Path != "" {
		spec["nonResourceAttributes"] = object{"path": r.Path, "verb": r.Verb}
	} else {
		spec["resourceAttributes"] = object{"namespace": r.Namespace, "verb": r.Verb, "group": r.Group, "resource": r.Resource, "subresource": r.Subresource, "name": r.Name}
	}
	var answer struct {
		Status struct {
			Allowed         bool
			EvaluationError string
		}
	}
	err := a.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", object{"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}, &answer)
	return answer.Status.Allowed, err
}

// Of the real cluster.
var (
	spaces   = []string{"backend", "dev-backend-api-ns", "ops-monitoring-ns", "test-ns", "default", "kube-system"}
	scopes   = [][]string{{"*backend*"}, {"*ops*"}, {"test-ns"}, {"*"}, {"dev-*", "default"}, {"d*-ns"}, {"*-system"}, nil, nil}
	askVerbs = []string{"get", "list", "create", "update", "delete", "watch", "impersonate", "bind"}
	askKinds = []authz.Request{
		{Resource: "pods"}, {Resource: "pods", Subresource: "log"}, {Resource: "pods", Subresource: "exec"}, {Resource: "secrets"}, {Resource: "configmaps"},
		{Resource: "services"}, {Resource: "serviceaccounts"}, {Resource: "namespaces"}, {Resource: "nodes"}, {Resource: "events"}, {Resource: "nodes", Subresource: "proxy"},
		{Group: "apps", Resource: "deployments"}, {Group: "apps", Resource: "deployments", Subresource: "scale"}, {Group: "batch", Resource: "jobs"},
		{Group: "networking.k8s.io", Resource: "ingresses"}, {Group: "rbac.authorization.k8s.io", Resource: "roles"}, {Group: "rbac.authorization.k8s.io", Resource: "rolebindings"},
		{Group: "atlas.example", Resource: "widgets"}, {Group: "atlas.example", Resource: "widgets", Subresource: "scale"}, {Group: "authorization.k8s.io", Resource: "localsubjectaccessreviews"},
	}
)

// scene is one cluster twice: for our engine with entries and policies, and for
// the API server with the policies' tables as ClusterRoles and their patterns
// written out.
type scene struct {
	facts    authz.Facts
	roles    []access.KubernetesRole
	bindings []access.Binding
	people   []string // principals' ARNs
}

func randomScene(r *rand.Rand) scene {
	s := scene{facts: authz.Facts{Name: "oracle", Mode: access.ModeAPI, DefaultRBAC: true}}
	const label = "rbac.example/to-keeper"
	s.facts.Roles = []access.KubernetesRole{
		{Name: "widget-view", Labels: map[string]string{"rbac.authorization.k8s.io/aggregate-to-view": "true", label: "true"}, Rules: []access.Rule{{Verbs: []string{"get", "list", "watch"}, APIGroups: []string{"atlas.example"}, Resources: []string{"widgets"}}}},
		{Name: "scaler", Labels: map[string]string{label: "true"}, Rules: []access.Rule{{Verbs: []string{"get", "update"}, APIGroups: []string{"*"}, Resources: []string{"*/scale"}}, {Verbs: []string{"get"}, NonResourceURLs: []string{"/logs/*", "/healthz"}}}},
		{Name: "keeper", Aggregate: []map[string]string{{label: "true"}}},
		{Name: "one-name", Rules: []access.Rule{{Verbs: []string{"get", "delete"}, APIGroups: []string{""}, Resources: []string{"configmaps", "secrets"}, ResourceNames: []string{"web", "db"}}}},
		{Namespace: "test-ns", Name: "local", Rules: []access.Rule{{Verbs: []string{"*"}, APIGroups: []string{""}, Resources: []string{"pods", "pods/log"}}}},
		{Namespace: "backend", Name: "local", Rules: []access.Rule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"secrets"}}}},
	}
	s.roles = slices.Clone(s.facts.Roles)
	var names []string
	for _, p := range eks.Policies() {
		if p.RulesComplete {
			names = append(names, p.Name)
			s.roles = append(s.roles, access.KubernetesRole{Name: "policy:" + p.Name, Rules: p.Rules})
		}
	}
	clusterRoles := []string{"view", "edit", "admin", "keeper", "one-name", "scaler", "cluster-admin", "gone"}
	for i := range 60 {
		arn := fmt.Sprint("arn:aws:iam::111122223333:user/person-", i)
		s.people = append(s.people, arn)
		e := authz.Entry{Entry: access.Entry{Principal: arn, Type: access.Standard}}
		for range r.IntN(3) {
			e.Groups = append(e.Groups, fmt.Sprint("team-", r.IntN(12)))
		}
		slices.Sort(e.Groups)
		e.Groups = slices.Compact(e.Groups)
		for _, n := range names {
			if r.IntN(len(names)) > 1 {
				continue
			}
			scope := access.ClusterScope()
			if p := pick(r, scopes); p != nil {
				scope = access.NamespaceScope(p...)
			}
			if n == access.ClusterAdmin && r.IntN(3) > 0 {
				continue
			}
			e.Associations = append(e.Associations, access.Association{Policy: "arn:aws:eks::aws:cluster-access-policy/" + n, Scope: scope})
			s.bind("policy:"+n, arn, access.Subject{Kind: access.UserSubject, Name: arn}, access.RoleRef{Kind: access.ClusterRole, Name: "policy:" + n}, scope)
		}
		s.facts.Entries = append(s.facts.Entries, e)
	}
	subjects := []access.Subject{{Kind: access.ServiceAccountSubject, Namespace: "backend", Name: "robot"}, {Kind: access.UserSubject, Name: s.people[0]}, {Kind: access.GroupSubject, Name: "system:serviceaccounts:test-ns"}}
	for i := range 12 {
		subjects = append(subjects, access.Subject{Kind: access.GroupSubject, Name: fmt.Sprint("team-", i)})
	}
	for i, subject := range subjects {
		ref := access.RoleRef{Kind: access.ClusterRole, Name: pick(r, clusterRoles)}
		scope := access.ClusterScope()
		if p := pick(r, scopes); p != nil {
			scope = access.NamespaceScope(p...)
		}
		b := authz.Binding{Binding: access.Binding{Name: fmt.Sprint("bound-", i), Role: ref, Subjects: []access.Subject{subject}}, Patterns: scope.Namespaces}
		if r.IntN(4) == 0 {
			b = authz.Binding{Binding: access.Binding{Namespace: pick(r, []string{"test-ns", "backend"}), Name: fmt.Sprint("bound-", i), Role: access.RoleRef{Kind: access.Role, Name: "local"}, Subjects: []access.Subject{subject}}}
			scope = access.NamespaceScope(b.Namespace)
		} else if ref.Name == "gone" {
			continue // of default roles alone one cannot know that it is not there
		}
		s.facts.Bindings = append(s.facts.Bindings, b)
		s.bind(fmt.Sprint("bound-", i), "", subject, b.Role, scope)
	}
	return s
}

// bind writes a binding out, in each namespace that its scope has.
func (s *scene) bind(name, suffix string, subject access.Subject, role access.RoleRef, scope access.Scope) {
	if suffix != "" {
		name += ":" + suffix[strings.LastIndexByte(suffix, '/')+1:]
	}
	b := access.Binding{Name: name, Role: role, Subjects: []access.Subject{subject}}
	if scope.Cluster {
		s.bindings = append(s.bindings, b)
		return
	}
	for _, ns := range matching(scope.Namespaces, spaces) {
		b.Namespace = ns
		s.bindings = append(s.bindings, b)
	}
}

func (s *scene) question(r *rand.Rand, c *authz.Cluster) question {
	var q question
	switch r.IntN(10) {
	case 0:
		q.id = authz.ServiceAccount(pick(r, []string{"backend", "test-ns"}), "robot")
	case 1:
		q.id = authz.User("stranger", "team-3")
	default:
		q.id, _, _ = c.Identify(pick(r, s.people), "")
	}
	if r.IntN(20) == 0 {
		q.r = authz.Request{Verb: "get", Path: pick(r, []string{"/healthz", "/logs/x", "/metrics", "/version", "/apis"})}
		return q
	}
	q.r = pick(r, askKinds)
	q.r.Verb = pick(r, askVerbs)
	if r.IntN(2) == 0 {
		q.r.Verb = pick(r, askVerbs[:2])
	}
	if r.IntN(6) > 0 {
		q.r.Namespace = pick(r, spaces) // patterns are written out over these alone
	}
	if r.IntN(3) == 0 {
		q.r.Name = pick(r, []string{"web", "other", "local"})
	}
	if q.r.Resource == "namespaces" && q.r.Namespace != "" {
		q.r.Name = q.r.Namespace
	}
	return q
}

// The engine against a running API server, default roles and the aggregation
// controller included: access policies by their tables, roles, bindings,
// patterns written out.
//
// shows: item S48
func TestDecideIsTheAPIServers(t *testing.T) {
	const wanted = 5000
	a := startAPIServer(t)
	r := rand.New(rand.NewPCG(*seed, 99))
	s := randomScene(r)
	c, err := authz.Compile(s.facts)
	if err != nil {
		t.Fatal(err)
	}
	a.load(t, spaces, s.roles, s.bindings)
	a.settle(t)

	var questions []question
	allowed, namespaced := 0, 0
	for len(questions) < wanted {
		q := s.question(r, c)
		// Three in ten at least are to be allowed, half of those by grants over
		// namespaces: of those that are denied some are left out.
		e := c.Explain(q.id, q.r)
		if e.Verdict == authz.Deny && 10*allowed < 4*len(questions) && r.IntN(3) > 0 {
			continue
		}
		if e.Verdict == authz.Allow {
			narrow := !slices.ContainsFunc(e.Reasons, func(r authz.Reason) bool { return r.Scope.Cluster })
			if !narrow && 2*namespaced < allowed+1 {
				continue
			}
			allowed++
			if narrow {
				namespaced++
			}
		}
		questions = append(questions, q)
	}
	t.Logf("seed %d: %d questions, %d allowed by ours, %d of those by grants over namespaces alone", *seed, wanted, allowed, namespaced)
	if 10*allowed < 3*wanted || 2*namespaced < allowed {
		t.Errorf("seed %d: a poor mix", *seed)
	}
	start := time.Now()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := i; j < len(questions); j += 16 {
				q := &questions[j]
				want, err := a.allows(&q.id, &q.r)
				if err != nil {
					t.Error(err)
					return
				}
				if got := c.Decide(q.id, q.r); (got == authz.Allow) != want || got == authz.Undetermined {
					t.Errorf("seed %d, question %d: %+v asks %+v: the API server allows: %t, Decide: %v", *seed, j, q.id, q.r, want, got)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d SubjectAccessReviews in %v", wanted, time.Since(start).Round(time.Millisecond))
}

// settle waits until the API server's own copies of roles and bindings have
// caught up: each kind's newest object is in force, and aggregation is done.
func (a *apiServer) settle(t *testing.T) {
	t.Helper()
	last := access.RoleRef{Kind: access.Role, Name: "last"}
	rule := []access.Rule{{Verbs: []string{"get"}, APIGroups: []string{"last.example"}, Resources: []string{"*"}}}
	a.load(t, nil, []access.KubernetesRole{{Namespace: "test-ns", Name: "last", Rules: rule}, {Name: "last", Rules: rule}}, []access.Binding{
		{Namespace: "test-ns", Name: "last", Role: last, Subjects: []access.Subject{{Kind: access.UserSubject, Name: "last"}}},
		{Name: "last", Role: access.RoleRef{Kind: access.ClusterRole, Name: "last"}, Subjects: []access.Subject{{Kind: access.UserSubject, Name: "last-wide"}}},
		{Name: "last-aggregated", Role: access.RoleRef{Kind: access.ClusterRole, Name: "keeper"}, Subjects: []access.Subject{{Kind: access.UserSubject, Name: "last-kept"}}},
		{Name: "last-viewer", Role: access.RoleRef{Kind: access.ClusterRole, Name: "admin"}, Subjects: []access.Subject{{Kind: access.UserSubject, Name: "last-admin"}}},
	})
	for _, q := range []question{
		{authz.User("last"), authz.Request{Verb: "get", Group: "last.example", Resource: "x", Namespace: "test-ns"}},
		{authz.User("last-wide"), authz.Request{Verb: "get", Group: "last.example", Resource: "x"}},
		{authz.User("last-kept"), authz.Request{Verb: "get", Group: "atlas.example", Resource: "widgets"}},
		{authz.User("last-kept"), authz.Request{Verb: "get", Group: "x", Resource: "y", Subresource: "scale"}},
		{authz.User("last-admin"), authz.Request{Verb: "get", Group: "atlas.example", Resource: "widgets"}},
	} {
		for until := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			ok, err := a.allows(&q.id, &q.r)
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				break
			}
			if time.Now().After(until) {
				t.Fatalf("the API server has not taken in %+v", q)
			}
		}
	}
}
