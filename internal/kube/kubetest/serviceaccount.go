package kubetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// Account is a ServiceAccount, or a Secret, as the server keeps it. Owners are
// the field managers of its labels, annotations and data, by "label KEY" and so
// on.
type Account struct {
	Namespace, Name, UID string
	Version              int
	Labels, Annotations  map[string]string
	Data                 map[string]string // a Secret's, as text
	Owners               map[string]string
	// Served says that a Secret's data were given to somebody.
	Served bool

	Resource string
}

// parts are its maps, by how Owners call them.
func (a *Account) parts() map[string]map[string]string {
	return map[string]map[string]string{"label": a.Labels, "annotation": a.Annotations, "data": a.Data}
}

// PutAccount keeps a ServiceAccount as a field manager wrote it.
func (s *Server) PutAccount(namespace, name, manager string, labels, annotations map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keepAccount(newAccount("serviceaccounts", namespace, name, manager, labels, annotations, nil))
}

// PutSecret keeps a Secret as a field manager wrote it.
func (s *Server) PutSecret(namespace, name, manager string, labels, data map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keepAccount(newAccount("secrets", namespace, name, manager, labels, nil, data))
}

func newAccount(resource, namespace, name, manager string, labels, annotations, data map[string]string) *Account {
	a := &Account{Resource: resource, Namespace: namespace, Name: name, Labels: labels, Annotations: annotations, Data: data, Owners: map[string]string{}}
	for kind, part := range a.parts() {
		for k := range part {
			a.Owners[kind+" "+k] = manager
		}
	}
	return a
}

// Accounts are the ServiceAccounts that it keeps, by namespace/name.
func (s *Server) Accounts() map[string]Account { return s.kept("serviceaccounts") }

// Secrets are those that it keeps, by namespace/name.
func (s *Server) Secrets() map[string]Account { return s.kept("secrets") }

func (s *Server) kept(resource string) map[string]Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]Account{}
	for k, a := range s.accounts {
		if name, ok := strings.CutPrefix(k, resource+" "); ok {
			out[name] = *a
		}
	}
	return out
}

// keepAccount stores a as a new version. The lock is held.
func (s *Server) keepAccount(a *Account) {
	s.version++
	a.Version = s.version
	if a.UID == "" {
		a.UID = "uid-" + strconv.Itoa(s.version)
	}
	if s.accounts == nil {
		s.accounts = map[string]*Account{}
	}
	s.accounts[a.Resource+" "+a.Namespace+"/"+a.Name] = a
}

// json is it in Kubernetes' JSON; with bare, its metadata alone.
func (a *Account) json(bare bool) any {
	fields := map[string]map[string]any{} // by manager
	for owned, manager := range a.Owners {
		kind, key, _ := strings.Cut(owned, " ")
		if fields[manager] == nil {
			fields[manager] = map[string]any{"f:metadata": map[string]map[string]any{"f:labels": {}, "f:annotations": {}}, "f:data": map[string]any{}}
		}
		if kind == "data" {
			fields[manager]["f:data"].(map[string]any)["f:"+key] = map[string]any{}
			continue
		}
		fields[manager]["f:metadata"].(map[string]map[string]any)["f:"+kind+"s"]["f:"+key] = map[string]any{}
	}
	var managed []any
	for _, m := range sorted(fields) {
		managed = append(managed, map[string]any{"manager": m, "operation": "Apply", "fieldsV1": fields[m]})
	}
	kind := map[string]string{"serviceaccounts": "ServiceAccount", "secrets": "Secret"}[a.Resource]
	out := map[string]any{"kind": kind, "apiVersion": "v1", "metadata": map[string]any{"name": a.Name, "namespace": a.Namespace, "uid": a.UID,
		"resourceVersion": strconv.Itoa(a.Version), "labels": a.Labels, "annotations": a.Annotations, "managedFields": managed}}
	if bare {
		out["kind"], out["apiVersion"] = "PartialObjectMetadata", "meta.k8s.io/v1"
	} else if a.Resource == "secrets" {
		a.Served = true
		data := map[string][]byte{}
		for k, v := range a.Data {
			data[k] = []byte(v)
		}
		out["data"] = data
	}
	return out
}

// serveAccounts answers a request about ServiceAccounts or Secrets; the lock is
// held.
func (s *Server) serveAccounts(w http.ResponseWriter, r *http.Request, c Call, resource, namespace, name string, body []byte) {
	key := resource + " " + namespace + "/" + name
	have := s.accounts[key]
	bare := strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadata")
	switch {
	case name == "":
		var items []any
		for _, k := range sorted(s.accounts) {
			if a := s.accounts[k]; a.Resource == resource && selected(a.Labels, r.URL.Query().Get("labelSelector")) {
				items = append(items, a.json(bare))
			}
		}
		s.list(w, r, items)
	case r.Method == http.MethodPatch:
		s.applyAccount(w, resource, namespace, name, have, c.Try, bare, body)
	case have == nil:
		refuse(w, 404, "NotFound", fmt.Sprintf("%s %q not found", resource, name))
	case r.Method == http.MethodDelete:
		var in struct {
			Preconditions struct {
				UID, ResourceVersion string
			}
		}
		_ = json.Unmarshal(body, &in)
		if p := in.Preconditions; p.UID != have.UID || p.ResourceVersion != strconv.Itoa(have.Version) && !c.Try {
			refuse(w, 409, "Conflict", "the object has been modified; Precondition failed")
			return
		}
		if !c.Try {
			delete(s.accounts, key)
		}
		write(w, map[string]any{"kind": "Status", "status": "Success"})
	default:
		write(w, have.json(bare))
	}
}

// selected reports whether labels have all of a selector's.
func selected(labels map[string]string, selector string) bool {
	for _, want := range strings.Split(selector, ",") {
		if k, v, ok := strings.Cut(want, "="); ok && labels[k] != v {
			return false
		}
	}
	return true
}

// applyAccount is server-side apply by our field manager, without force.
func (s *Server) applyAccount(w http.ResponseWriter, resource, namespace, name string, have *Account, try, bare bool, body []byte) {
	var in struct {
		Metadata struct {
			Name, Namespace, UID, ResourceVersion string
			Labels, Annotations                   map[string]string
		}
		Data map[string][]byte
	}
	if err := json.Unmarshal(body, &in); err != nil || in.Metadata.Name != name || in.Metadata.Namespace != namespace {
		refuse(w, 400, "BadRequest", "the object is not the one of the path")
		return
	}
	if ending, there := s.namespaces[namespace]; !there || ending {
		refuse(w, 404, "NotFound", fmt.Sprintf("namespaces %q not found", namespace))
		return
	}
	switch m := in.Metadata; {
	case have == nil && m.UID != "":
		refuse(w, 409, "Conflict", "Precondition failed: the object is gone")
		return
	case have != nil && (m.ResourceVersion != "" && m.ResourceVersion != strconv.Itoa(have.Version) || m.UID != "" && m.UID != have.UID):
		refuse(w, 409, "Conflict", "the object has been modified; please apply your changes to the latest version and try again")
		return
	}
	wanted := &Account{Labels: in.Metadata.Labels, Annotations: in.Metadata.Annotations, Data: map[string]string{}}
	for k, v := range in.Data {
		wanted.Data[k] = string(v)
	}
	next := &Account{Resource: resource, Namespace: namespace, Name: name, Labels: map[string]string{}, Annotations: map[string]string{}, Data: map[string]string{}, Owners: map[string]string{}}
	if have != nil {
		next.UID, next.Served = have.UID, have.Served
		for kind, part := range have.parts() {
			for k, v := range part {
				if manager := have.Owners[kind+" "+k]; manager != access.FieldManager {
					next.parts()[kind][k], next.Owners[kind+" "+k] = v, manager
				}
			}
		}
	}
	for kind, part := range wanted.parts() {
		for k, v := range part {
			if was, there := next.parts()[kind][k]; there && was != v {
				refuse(w, 409, "Conflict", fmt.Sprintf("Apply failed with 1 conflict: conflict with %q: .%s.%s", next.Owners[kind+" "+k], kind, k))
				return
			}
			next.parts()[kind][k], next.Owners[kind+" "+k] = v, access.FieldManager
		}
	}
	if !try {
		s.keepAccount(next)
	}
	write(w, next.json(bare))
}

// accountPath takes a path of ServiceAccounts or Secrets apart.
func accountPath(path string) (resource, namespace, name string, ok bool) {
	rest := strings.TrimPrefix(path, "/api/v1/")
	if rest == "serviceaccounts" || rest == "secrets" {
		return rest, "", "", true
	}
	parts := strings.Split(rest, "/")
	if len(parts) != 4 || parts[0] != "namespaces" || parts[2] != "serviceaccounts" && parts[2] != "secrets" || slices.Contains(parts, "") {
		return "", "", "", false
	}
	return parts[2], parts[1], parts[3], true
}
