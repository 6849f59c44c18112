package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
)

type serviceAccount struct {
	Metadata metadata `json:"metadata"`
}

// AccountObject is a ServiceAccount as it stands, with the version that a
// delete is bound to.
type AccountObject struct {
	access.HaveServiceAccount
	At Standing
}

// object reads a ServiceAccount; one without a name is none.
func (s *serviceAccount) object() (AccountObject, bool) {
	m := &s.Metadata
	o := AccountObject{At: m.standing(), HaveServiceAccount: access.HaveServiceAccount{
		Namespace: m.Namespace, Name: m.Name, UID: m.UID, Labels: m.Labels, Annotations: m.Annotations, Managers: m.managers()}}
	for _, f := range m.ManagedFields {
		if f.annotates(access.AnnotationRole) {
			o.RoleManager = f.Manager
		}
	}
	return o, m.whole()
}

// annotates reports whether a field manager owns an annotation. (Kubernetes,
// server-side apply: fieldsV1)
func (f *managedFields) annotates(key string) bool {
	var owned struct {
		Metadata struct {
			Annotations map[string]json.RawMessage `json:"f:annotations"`
		} `json:"f:metadata"`
	}
	if json.Unmarshal(f.Fields, &owned) != nil {
		return false
	}
	_, ok := owned.Metadata.Annotations["f:"+key]
	return ok
}

// ServiceAccounts reads all of the cluster's, sorted by namespace and name;
// those that are being deleted are left out.
func (c *Client) ServiceAccounts(ctx context.Context) ([]access.HaveServiceAccount, error) {
	all, err := list(ctx, c, listed{name: "serviceaccounts", path: "/api/v1/serviceaccounts"}, func(raw json.RawMessage) (access.HaveServiceAccount, bool, error) {
		var s serviceAccount
		if err := json.Unmarshal(raw, &s); err != nil {
			return access.HaveServiceAccount{}, false, err
		}
		o, ok := s.object()
		return o.HaveServiceAccount, !o.At.Ending, whole(ok)
	})
	slices.SortFunc(all, func(a, b access.HaveServiceAccount) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return all, err
}

// Namespaces are the names of those that are not ending, sorted.
func (c *Client) Namespaces(ctx context.Context) ([]string, error) { return c.namespaces(ctx) }

func accountAt(namespace, name string) *access.WrittenObject {
	return &access.WrittenObject{Kind: access.ServiceAccountObject, Namespace: namespace, Name: name}
}

// GetServiceAccount reads one; an error for which IsNotFound holds says that
// there is none.
func (c *Client) GetServiceAccount(ctx context.Context, namespace, name string) (*AccountObject, error) {
	at := accountAt(namespace, name)
	body, _, err := c.do(ctx, call{verb: "read", object: objectWords(at), method: http.MethodGet, path: objectPath(at)})
	if err != nil {
		return nil, err
	}
	var have serviceAccount
	if err := json.Unmarshal(body, &have); err != nil {
		return nil, c.unreadable("read", objectWords(at), err)
	}
	o, ok := have.object()
	if !ok || o.Name != name || o.Namespace != namespace {
		return nil, c.unreadable("read", objectWords(at), errors.New("the answer is not the ServiceAccount that was asked for"))
	}
	return &o, nil
}
