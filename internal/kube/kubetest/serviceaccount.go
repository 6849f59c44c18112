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

// Account is a ServiceAccount as the server keeps it. Owners are the field
// managers of its labels and annotations, by "label KEY" and "annotation KEY".
type Account struct {
	Namespace, Name, UID string
	Version              int
	Labels, Annotations  map[string]string
	Owners               map[string]string
}

// PutAccount keeps a ServiceAccount as a field manager wrote it.
func (s *Server) PutAccount(namespace, name, manager string, labels, annotations map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &Account{Namespace: namespace, Name: name, Labels: labels, Annotations: annotations, Owners: map[string]string{}}
	for k := range labels {
		a.Owners["label "+k] = manager
	}
	for k := range annotations {
		a.Owners["annotation "+k] = manager
	}
	s.keepAccount(a)
}

// Accounts are the ServiceAccounts that it keeps, by namespace/name.
func (s *Server) Accounts() map[string]Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]Account{}
	for k, a := range s.accounts {
		out[k] = *a
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
	s.accounts[a.Namespace+"/"+a.Name] = a
}

func (a *Account) json() any {
	fields := map[string]map[string]map[string]any{} // by manager, then f:labels or f:annotations
	for owned, manager := range a.Owners {
		kind, key, _ := strings.Cut(owned, " ")
		if fields[manager] == nil {
			fields[manager] = map[string]map[string]any{"f:labels": {}, "f:annotations": {}}
		}
		fields[manager]["f:"+kind+"s"]["f:"+key] = map[string]any{}
	}
	var managed []any
	for _, m := range sorted(fields) {
		managed = append(managed, map[string]any{"manager": m, "operation": "Apply", "fieldsV1": map[string]any{"f:metadata": fields[m]}})
	}
	return map[string]any{"kind": "ServiceAccount", "apiVersion": "v1", "metadata": map[string]any{"name": a.Name, "namespace": a.Namespace, "uid": a.UID,
		"resourceVersion": strconv.Itoa(a.Version), "labels": a.Labels, "annotations": a.Annotations, "managedFields": managed}}
}

// serveAccounts answers a request about ServiceAccounts; the lock is held.
func (s *Server) serveAccounts(w http.ResponseWriter, r *http.Request, namespace, name string, body []byte) {
	key := namespace + "/" + name
	have := s.accounts[key]
	switch {
	case name == "":
		var items []any
		for _, k := range sorted(s.accounts) {
			items = append(items, s.accounts[k].json())
		}
		s.list(w, r, items)
	case r.Method == http.MethodPatch:
		s.applyAccount(w, namespace, name, have, body)
	case have == nil:
		refuse(w, 404, "NotFound", fmt.Sprintf("serviceaccounts %q not found", name))
	case r.Method == http.MethodDelete:
		var in struct {
			Preconditions struct {
				UID, ResourceVersion string
			}
		}
		_ = json.Unmarshal(body, &in)
		if p := in.Preconditions; p.UID != have.UID || p.ResourceVersion != strconv.Itoa(have.Version) {
			refuse(w, 409, "Conflict", "the object has been modified; Precondition failed")
			return
		}
		delete(s.accounts, key)
		write(w, map[string]any{"kind": "Status", "status": "Success"})
	default:
		write(w, have.json())
	}
}

// applyAccount is server-side apply by our field manager, without force.
func (s *Server) applyAccount(w http.ResponseWriter, namespace, name string, have *Account, body []byte) {
	var in struct {
		Metadata struct {
			Name, Namespace, UID, ResourceVersion string
			Labels, Annotations                   map[string]string
		}
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
	next := &Account{Namespace: namespace, Name: name, Labels: map[string]string{}, Annotations: map[string]string{}, Owners: map[string]string{}}
	if have != nil {
		next.UID = have.UID
	}
	for kind, wanted := range map[string]map[string]string{"label": in.Metadata.Labels, "annotation": in.Metadata.Annotations} {
		is, into := map[string]string(nil), next.Labels
		if kind == "annotation" {
			into = next.Annotations
		}
		if have != nil {
			if is = have.Labels; kind == "annotation" {
				is = have.Annotations
			}
		}
		for k, v := range is {
			if manager := have.Owners[kind+" "+k]; manager != access.FieldManager {
				into[k], next.Owners[kind+" "+k] = v, manager
			}
		}
		for k, v := range wanted {
			if was, there := into[k]; there && was != v {
				refuse(w, 409, "Conflict", fmt.Sprintf("Apply failed with 1 conflict: conflict with %q: .metadata.%ss.%s", next.Owners[kind+" "+k], kind, k))
				return
			}
			into[k], next.Owners[kind+" "+k] = v, access.FieldManager
		}
	}
	s.keepAccount(next)
	write(w, next.json())
}

// accountPath takes a path of ServiceAccounts apart.
func accountPath(path string) (namespace, name string, ok bool) {
	if path == "/api/v1/serviceaccounts" {
		return "", "", true
	}
	parts := strings.Split(strings.TrimPrefix(path, "/api/v1/namespaces/"), "/")
	if !strings.HasPrefix(path, "/api/v1/namespaces/") || len(parts) != 3 || parts[1] != "serviceaccounts" || slices.Contains(parts, "") {
		return "", "", false
	}
	return parts[0], parts[2], true
}
