// Package kubetest is as much of an API server as tests of bindings need: it
// keeps namespaces, roles, bindings and aws-auth, pages lists, and knows
// server-side apply, preconditions and dry runs. What it answers is held
// against a real API server by the conformance checks.
package kubetest

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/atlas-iam/atlas-iam/access"
)

// Server is a fake API server. Its fields may be set before it is asked.
type Server struct {
	Page  int // items on a page; 0: what is asked for
	Roles []access.KubernetesRole
	// Resources are what its discovery lists.
	Resources []access.KubernetesResource
	// AuthMap is aws-auth; nil is none.
	AuthMap *access.AuthMap
	// Fault may answer a request in the server's place, before it is done; or
	// after, when the answer is to be lost: see Fault.
	Fault func(Call) *Fault

	mu         sync.Mutex
	namespaces map[string]bool // true: Terminating
	bindings   map[string]*Stored
	accounts   map[string]*Account // by resource, namespace and name
	version    int
	calls      []Call
}

// Call is a request as the server saw it.
type Call struct {
	Method, Path string
	Try          bool // a dry run
	Nth          int  // of all, from 1
}

// Write reports whether a call changes something.
func (c Call) Write() bool { return c.Method != http.MethodGet && !c.Try }

// Fault is a made answer: a refusal with a status, or, with Status 0, a
// connection that breaks; After lets the server do what was asked first.
type Fault struct {
	Status     int
	Reason     string
	Message    string
	RetryAfter int
	After      bool
}

// Stored is a binding as the server keeps it.
type Stored struct {
	access.Binding
	Version int
}

// New is a server with these namespaces.
func New(namespaces ...string) *Server {
	s := &Server{namespaces: map[string]bool{}, bindings: map[string]*Stored{}, version: 1} // as a store of etcd's
	for _, n := range namespaces {
		s.namespaces[n] = false
	}
	return s
}

// Start serves it by TLS on loopback until the test ends.
func (s *Server) Start(cleanup func(func())) (endpoint, ca string) {
	ts := httptest.NewTLSServer(s)
	cleanup(ts.Close)
	return ts.URL, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ts.Certificate().Raw}))
}

// SetNamespace adds a namespace, or says that it is ending.
func (s *Server) SetNamespace(name string, ending bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.namespaces[name] = ending
}

// Put keeps a binding as some field managers wrote it.
func (s *Server) Put(b access.Binding, managers ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.Normalize()
	b.Managers = managers
	s.keep(&Stored{Binding: b})
}

// Bindings are what it keeps, by Key.
func (s *Server) Bindings() map[string]access.Binding {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]access.Binding{}
	for k, b := range s.bindings {
		out[k] = *b.Clone()
	}
	return out
}

// Calls are those that it saw.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// keep stores b as a new version. The lock is held.
func (s *Server) keep(b *Stored) {
	s.version++
	b.Version = s.version
	if b.UID == "" {
		b.UID = "uid-" + strconv.Itoa(s.version)
	}
	s.bindings[b.Key()] = b
}

// RoundTrip makes it a transport: a server in this process, without a network.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	if broken := s.answer(w, r); broken {
		return nil, io.ErrUnexpectedEOF
	}
	return w.Result(), nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.answer(w, r) {
		panic(http.ErrAbortHandler)
	}
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) (broken bool) {
	s.mu.Lock()
	c := Call{Method: r.Method, Path: r.URL.EscapedPath(), Nth: len(s.calls) + 1}
	body, _ := io.ReadAll(r.Body)
	c.Try = r.URL.Query().Get("dryRun") == "All" || bytes.Contains(body, []byte(`"dryRun":["All"]`))
	s.calls = append(s.calls, c)
	s.mu.Unlock()
	w.Header().Set("Audit-Id", "audit-"+strconv.Itoa(c.Nth))
	w.Header().Set("Content-Type", "application/json")
	var f *Fault
	if s.Fault != nil {
		f = s.Fault(c)
	}
	if f != nil && f.After {
		s.serve(httptest.NewRecorder(), r, c, body)
	}
	switch {
	case f == nil:
		s.serve(w, r, c, body)
	case f.Status == 0:
		return true
	default:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		refuse(w, f.Status, f.Reason, f.Message)
	}
	return false
}

func refuse(w http.ResponseWriter, status int, reason, message string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": status})
}

const rbac = "/apis/rbac.authorization.k8s.io/v1/"

func (s *Server) serve(w http.ResponseWriter, r *http.Request, c Call, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		refuse(w, 401, "Unauthorized", "Unauthorized")
		return
	}
	if resource, namespace, name, ok := accountPath(r.URL.Path); ok {
		s.serveAccounts(w, r, c, resource, namespace, name, body)
		return
	}
	path := strings.TrimPrefix(r.URL.Path, rbac)
	namespace := ""
	if rest, ok := strings.CutPrefix(path, "namespaces/"); ok && path != r.URL.Path {
		namespace, path, _ = strings.Cut(rest, "/")
	}
	resource, name, one := strings.Cut(path, "/")
	switch {
	case r.URL.Path == "/api/v1/namespaces/kube-system/configmaps/aws-auth":
		s.authMap(w)
	case r.URL.Path == "/apis" && strings.Contains(r.Header.Get("Accept"), "as=APIGroupDiscoveryList"):
		s.discovery(w)
	case r.URL.Path == "/api/v1/namespaces":
		s.list(w, r, s.listNamespaces())
	case resource == "clusterroles" || resource == "roles":
		s.list(w, r, s.listRoles(resource == "roles"))
	case resource != "clusterrolebindings" && resource != "rolebindings":
		refuse(w, 404, "NotFound", "the server could not find the requested resource")
	case !one:
		s.list(w, r, s.listBindings(resource == "rolebindings"))
	case r.Method == http.MethodPatch:
		s.apply(w, namespace, name, c.Try, body)
	case r.Method == http.MethodDelete:
		s.delete(w, resource, &access.Binding{Namespace: namespace, Name: name}, c.Try, body)
	default:
		if b := s.bindings[(&access.Binding{Namespace: namespace, Name: name}).Key()]; b != nil {
			write(w, b.json())
			return
		}
		notFound(w, resource, name)
	}
}

func notFound(w http.ResponseWriter, resource, name string) {
	refuse(w, 404, "NotFound", fmt.Sprintf("%s.rbac.authorization.k8s.io %q not found", resource, name))
}

func write(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }

func (s *Server) authMap(w http.ResponseWriter) {
	if s.AuthMap == nil {
		refuse(w, 404, "NotFound", `configmaps "aws-auth" not found`)
		return
	}
	write(w, map[string]any{"kind": "ConfigMap", "metadata": map[string]any{"name": "aws-auth", "namespace": "kube-system"}, "data": s.AuthMap})
}

func (s *Server) discovery(w http.ResponseWriter) {
	var items []any
	for _, r := range s.Resources {
		scope := "Cluster"
		if r.Namespaced {
			scope = "Namespaced"
		}
		items = append(items, map[string]any{"metadata": map[string]any{"name": r.Group},
			"versions": []any{map[string]any{"version": "v1", "resources": []any{map[string]any{"resource": r.Name, "scope": scope}}}}})
	}
	write(w, map[string]any{"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": map[string]any{}, "items": items})
}

// list writes one page.
func (s *Server) list(w http.ResponseWriter, r *http.Request, items []any) {
	size, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	if s.Page > 0 {
		size = s.Page
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	meta := map[string]any{"resourceVersion": strconv.Itoa(s.version)}
	to := len(items)
	if size > 0 && from+size < to {
		to = from + size
		meta["continue"] = strconv.Itoa(to)
	}
	write(w, map[string]any{"kind": "List", "metadata": meta, "items": append([]any{}, items[from:to]...)})
}

func (s *Server) listNamespaces() []any {
	var items []any
	for _, n := range sorted(s.namespaces) {
		phase := "Active"
		if s.namespaces[n] {
			phase = "Terminating"
		}
		items = append(items, map[string]any{"metadata": map[string]any{"name": n}, "status": map[string]any{"phase": phase}})
	}
	return items
}

func (s *Server) listRoles(namespaced bool) []any {
	var items []any
	for _, r := range s.Roles {
		if (r.Namespace != "") != namespaced {
			continue
		}
		items = append(items, map[string]any{"metadata": map[string]any{"name": r.Name, "namespace": r.Namespace, "labels": r.Labels}, "rules": r.Rules})
	}
	return items
}

func (s *Server) listBindings(namespaced bool) []any {
	var items []any
	for _, k := range sorted(s.bindings) {
		if b := s.bindings[k]; (b.Namespace != "") == namespaced {
			items = append(items, b.json())
		}
	}
	return items
}

func sorted[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
