package kube

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/atlas-iam/atlas-iam/access"
)

// path is where a binding stands.
func path(b *access.Binding) string {
	if b.Namespace == "" {
		return "/apis/" + rbacGroup + "/v1/clusterrolebindings/" + url.PathEscape(b.Name)
	}
	return "/apis/" + rbacGroup + "/v1/namespaces/" + url.PathEscape(b.Namespace) + "/rolebindings/" + url.PathEscape(b.Name)
}

func object(b *access.Binding) string {
	if b.Namespace == "" {
		return "clusterrolebinding " + b.Name
	}
	return "rolebinding " + b.Key()
}

// Get reads the binding of b's name; an error for which IsNotFound holds says
// that there is none.
func (c *Client) Get(ctx context.Context, b *access.Binding) (*Object, error) {
	body, _, err := c.do(ctx, call{verb: "read", object: object(b), method: http.MethodGet, path: path(b)})
	if err != nil {
		return nil, err
	}
	return c.read("read", b, body)
}

func (c *Client) read(verb string, b *access.Binding, body []byte) (*Object, error) {
	var have binding
	if err := json.Unmarshal(body, &have); err != nil {
		return nil, c.unreadable(verb, object(b), err)
	}
	o, ok := have.object(b.Namespace != "")
	if !ok || o.Name != b.Name || o.Namespace != b.Namespace {
		return nil, c.unreadable(verb, object(b), errors.New("the answer is not the binding that was asked for"))
	}
	return &o, nil
}

// Apply makes b what it should be by server-side apply, without force: fields
// that another field manager owns are not taken from it (IsConflict). over is
// what was read there: the write is refused (IsConflict) if it is not that one
// in that version any more, and with nil if anything stands there. Without that
// an object of equal content that came in between would become one of two
// owners'. A binding's role cannot be changed so: it is immutable.
func (c *Client) Apply(ctx context.Context, b *access.Binding, over *Object) (*Object, Answer, error) {
	sent := wire(b)
	sent.Metadata.ResourceVersion = versionOfNone
	if over != nil {
		sent.Metadata.UID, sent.Metadata.ResourceVersion = over.UID, over.ResourceVersion
	}
	const verb = "apply"
	body, a, err := c.patch(ctx, verb, b, sent, url.Values{})
	if err != nil {
		return nil, a, err
	}
	o, err := c.read(verb, b, body)
	return o, a, err
}

// versionOfNone is a version that no object has, for the first write to a
// cluster's store makes its second: a server that compares it with what is there
// refuses, and one that finds nothing makes the object. (etcd, data model:
// revisions; k8s.io/apiserver, registry.Store.Update; the conformance checks hold
// an API server to it)
const versionOfNone = "1"

// TryApply has the server judge Apply over whatever stands there, and stores
// nothing.
func (c *Client) TryApply(ctx context.Context, b *access.Binding) (Answer, error) {
	_, a, err := c.patch(ctx, "try to apply", b, wire(b), url.Values{"dryRun": {"All"}})
	return a, err
}

func (c *Client) patch(ctx context.Context, verb string, b *access.Binding, sent binding, q url.Values) ([]byte, Answer, error) {
	q.Set("fieldManager", access.FieldManager)
	q.Set("force", "false")
	return c.do(ctx, call{verb: verb, object: object(b), method: http.MethodPatch, path: path(b), query: q,
		body: sent.text(), contentType: "application/apply-patch+yaml"})
}

// Delete takes a binding away if it is still that one in that version
// (IsConflict if not). With try the server stores nothing.
func (c *Client) Delete(ctx context.Context, o *Object, try bool) (Answer, error) {
	verb := "delete"
	if try {
		verb = "try to delete"
	}
	body, err := deleteOptions(o.UID, o.ResourceVersion, try)
	if err != nil {
		return Answer{}, err
	}
	_, a, err := c.do(ctx, call{verb: verb, object: object(&o.Binding), method: http.MethodDelete, path: path(&o.Binding),
		body: body, contentType: "application/json"})
	return a, err
}

// deleteOptions bind a delete to one object, and to its version if that is
// given. With try the server stores nothing.
func deleteOptions(uid, version string, try bool) ([]byte, error) {
	type preconditions struct {
		UID             string `json:"uid"`
		ResourceVersion string `json:"resourceVersion,omitempty"`
	}
	options := struct {
		APIVersion    string        `json:"apiVersion"`
		Kind          string        `json:"kind"`
		Preconditions preconditions `json:"preconditions"`
		DryRun        []string      `json:"dryRun,omitempty"`
	}{APIVersion: "v1", Kind: "DeleteOptions", Preconditions: preconditions{uid, version}}
	if try {
		options.DryRun = []string{"All"}
	}
	return json.Marshal(options)
}
