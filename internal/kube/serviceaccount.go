package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/atlas-iam/atlas-iam/access"
)

type serviceAccount struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   metadata `json:"metadata"`
}

// AccountObject is a ServiceAccount as it stands, with the version that a
// delete is bound to.
type AccountObject struct {
	access.HaveServiceAccount
	ResourceVersion string
	Ending          bool // it is being deleted
}

// object reads a ServiceAccount; one without a name is none.
func (s *serviceAccount) object() (AccountObject, bool) {
	m := &s.Metadata
	o := AccountObject{ResourceVersion: m.ResourceVersion, Ending: m.DeletionTimestamp != "", HaveServiceAccount: access.HaveServiceAccount{
		Namespace: m.Namespace, Name: m.Name, UID: m.UID, Labels: m.Labels, Annotations: m.Annotations}}
	for _, f := range m.ManagedFields {
		o.Managers = append(o.Managers, f.Manager)
		if f.annotates(access.AnnotationRole) {
			o.RoleManager = f.Manager
		}
	}
	slices.Sort(o.Managers)
	o.Managers = slices.Compact(o.Managers)
	return o, o.Name != "" && o.Namespace != "" && o.UID != "" && o.ResourceVersion != ""
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
	all, err := list(ctx, c, listed{"serviceaccounts", "/api/v1/serviceaccounts"}, func(raw json.RawMessage) (access.HaveServiceAccount, bool, error) {
		var s serviceAccount
		if err := json.Unmarshal(raw, &s); err != nil {
			return access.HaveServiceAccount{}, false, err
		}
		o, ok := s.object()
		return o.HaveServiceAccount, !o.Ending, whole(ok)
	})
	slices.SortFunc(all, func(a, b access.HaveServiceAccount) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return all, err
}

// Namespaces are the names of those that are not ending, sorted.
func (c *Client) Namespaces(ctx context.Context) ([]string, error) { return c.namespaces(ctx) }

func accountPath(namespace, name string) string {
	return "/api/v1/namespaces/" + url.PathEscape(namespace) + "/serviceaccounts/" + url.PathEscape(name)
}

func accountObject(namespace, name string) string { return "serviceaccount " + namespace + "/" + name }

// GetServiceAccount reads one; an error for which IsNotFound holds says that
// there is none.
func (c *Client) GetServiceAccount(ctx context.Context, namespace, name string) (*AccountObject, error) {
	body, _, err := c.do(ctx, call{verb: "read", object: accountObject(namespace, name), method: http.MethodGet, path: accountPath(namespace, name)})
	if err != nil {
		return nil, err
	}
	return c.readAccount("read", namespace, name, body)
}

func (c *Client) readAccount(verb, namespace, name string, body []byte) (*AccountObject, error) {
	var have serviceAccount
	if err := json.Unmarshal(body, &have); err != nil {
		return nil, c.unreadable(verb, accountObject(namespace, name), err)
	}
	o, ok := have.object()
	if !ok || o.Name != name || o.Namespace != namespace {
		return nil, c.unreadable(verb, accountObject(namespace, name), errors.New("the answer is not the ServiceAccount that was asked for"))
	}
	return &o, nil
}

// ApplyServiceAccount sets labels and annotations by server-side apply, without
// force, and takes away those that we set before and that are not among them.
// over is what was read there; the write is refused (IsConflict) if it is not
// that one in that version any more, and with nil, which makes the
// ServiceAccount, if anything stands there.
func (c *Client) ApplyServiceAccount(ctx context.Context, namespace, name string, labels, annotations map[string]string, over *AccountObject) (*AccountObject, Answer, error) {
	sent := serviceAccount{APIVersion: "v1", Kind: "ServiceAccount",
		Metadata: metadata{Name: name, Namespace: namespace, Labels: labels, Annotations: annotations, ResourceVersion: versionOfNone}}
	if over != nil {
		sent.Metadata.UID, sent.Metadata.ResourceVersion = over.UID, over.ResourceVersion
	}
	text, err := json.Marshal(sent)
	if err != nil {
		return nil, Answer{}, err
	}
	q := url.Values{"fieldManager": {access.FieldManager}, "force": {"false"}}
	body, a, err := c.do(ctx, call{verb: "apply", object: accountObject(namespace, name), method: http.MethodPatch, path: accountPath(namespace, name), query: q,
		body: text, contentType: "application/apply-patch+yaml"})
	if err != nil {
		return nil, a, err
	}
	o, err := c.readAccount("apply", namespace, name, body)
	return o, a, err
}

// DeleteServiceAccount takes one away if it is still that one in that version
// (IsConflict if not).
func (c *Client) DeleteServiceAccount(ctx context.Context, o *AccountObject) (Answer, error) {
	body, err := deleteOptions(o.UID, o.ResourceVersion, false)
	if err != nil {
		return Answer{}, err
	}
	_, a, err := c.do(ctx, call{verb: "delete", object: accountObject(o.Namespace, o.Name), method: http.MethodDelete, path: accountPath(o.Namespace, o.Name),
		body: body, contentType: "application/json"})
	return a, err
}
