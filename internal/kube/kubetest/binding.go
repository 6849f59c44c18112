package kubetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/atlas-iam/atlas-iam/access"
)

// wire is a binding in Kubernetes' JSON.
type wire struct {
	Metadata struct {
		Name            string              `json:"name"`
		Namespace       string              `json:"namespace,omitempty"`
		UID             string              `json:"uid,omitempty"`
		ResourceVersion string              `json:"resourceVersion,omitempty"`
		Labels          map[string]string   `json:"labels,omitempty"`
		Annotations     map[string]string   `json:"annotations,omitempty"`
		ManagedFields   []map[string]string `json:"managedFields,omitempty"`
	} `json:"metadata"`
	RoleRef struct {
		APIGroup string `json:"apiGroup"`
		Kind     string `json:"kind"`
		Name     string `json:"name"`
	} `json:"roleRef"`
	Subjects []struct {
		Kind      string `json:"kind"`
		APIGroup  string `json:"apiGroup,omitempty"`
		Name      string `json:"name"`
		Namespace string `json:"namespace,omitempty"`
	} `json:"subjects"`
}

func (b *Stored) json() any {
	var out wire
	m := &out.Metadata
	m.Name, m.Namespace, m.UID, m.ResourceVersion = b.Name, b.Namespace, b.UID, strconv.Itoa(b.Version)
	m.Labels, m.Annotations = b.Labels, b.Annotations
	for _, name := range b.Managers {
		m.ManagedFields = append(m.ManagedFields, map[string]string{"manager": name, "operation": "Apply"})
	}
	out.RoleRef.APIGroup, out.RoleRef.Kind, out.RoleRef.Name = "rbac.authorization.k8s.io", b.Role.Kind, b.Role.Name
	for _, s := range b.Subjects {
		out.Subjects = append(out.Subjects, struct {
			Kind      string `json:"kind"`
			APIGroup  string `json:"apiGroup,omitempty"`
			Name      string `json:"name"`
			Namespace string `json:"namespace,omitempty"`
		}{string(s.Kind), "rbac.authorization.k8s.io", s.Name, s.Namespace})
	}
	return out
}

// apply is server-side apply by our field manager, without force. The lock is
// held.
func (s *Server) apply(w http.ResponseWriter, namespace, name string, try bool, body []byte) {
	var in wire
	if err := json.Unmarshal(body, &in); err != nil || in.Metadata.Name != name || in.Metadata.Namespace != namespace {
		refuse(w, 400, "BadRequest", "the object is not the one of the path")
		return
	}
	want := &Stored{Binding: access.Binding{Namespace: namespace, Name: name, Labels: in.Metadata.Labels, Annotations: in.Metadata.Annotations,
		Role: access.RoleRef{Kind: in.RoleRef.Kind, Name: in.RoleRef.Name}, Managers: []string{access.FieldManager}}}
	for _, x := range in.Subjects {
		want.Subjects = append(want.Subjects, access.Subject{Kind: access.SubjectKind(x.Kind), Namespace: x.Namespace, Name: x.Name})
	}
	want.Normalize()
	if ending, there := s.namespaces[namespace]; namespace != "" && (!there || ending) {
		refuse(w, 404, "NotFound", fmt.Sprintf("namespaces %q not found", namespace))
		return
	}
	have := s.bindings[want.Key()]
	switch uid, version := in.Metadata.UID, in.Metadata.ResourceVersion; {
	case have == nil && uid != "":
		refuse(w, 409, "Conflict", fmt.Sprintf("Operation cannot be fulfilled on %q: uid mismatch: the provided object specified uid %s, and no existing object was found", name, uid))
		return
	case have != nil && version != "" && version != strconv.Itoa(have.Version):
		refuse(w, 409, "Conflict", fmt.Sprintf("Operation cannot be fulfilled on %q: the object has been modified; please apply your changes to the latest version and try again", name))
		return
	case have != nil && uid != "" && uid != have.UID:
		refuse(w, 422, "Invalid", "metadata.uid: Invalid value: field is immutable")
		return
	}
	if have != nil {
		switch {
		case have.Role != want.Role:
			refuse(w, 422, "Invalid", "roleRef: Invalid value: cannot change roleRef")
			return
		case !slices.Equal(have.Subjects, want.Subjects) && !slices.Equal(have.Managers, want.Managers):
			refuse(w, 409, "Conflict", fmt.Sprintf("Apply failed with 1 conflict: conflict with %q: .subjects", have.Managers[0]))
			return
		}
		want.UID = have.UID
		for _, m := range have.Managers {
			if m != access.FieldManager {
				want.Managers = append(want.Managers, m)
			}
		}
		slices.Sort(want.Managers)
		for k, v := range have.Labels {
			if _, ok := want.Labels[k]; !ok {
				want.Labels[k] = v
			}
		}
	}
	switch {
	case try:
	case have != nil && have.SameAccess(&want.Binding) && mapsEqual(have.Labels, want.Labels) && slices.Equal(have.Managers, want.Managers):
		want = have
	default:
		s.keep(want)
	}
	write(w, want.json())
}

func mapsEqual(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}

// delete obeys preconditions. The lock is held.
func (s *Server) delete(w http.ResponseWriter, resource string, b *access.Binding, try bool, body []byte) {
	var in struct {
		Preconditions struct {
			UID, ResourceVersion string
		}
	}
	_ = json.Unmarshal(body, &in)
	have := s.bindings[b.Key()]
	switch p := in.Preconditions; {
	case have == nil:
		notFound(w, resource, b.Name)
	case p.UID != "" && p.UID != have.UID || p.ResourceVersion != "" && p.ResourceVersion != strconv.Itoa(have.Version):
		refuse(w, 409, "Conflict", "the object has been modified; Precondition failed")
	default:
		if !try {
			delete(s.bindings, b.Key())
		}
		write(w, map[string]any{"kind": "Status", "status": "Success"})
	}
}
