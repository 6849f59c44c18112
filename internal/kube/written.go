package kube

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
)

// Standing is which object stands there, and in which version.
type Standing struct {
	UID, ResourceVersion string
	Ending               bool // it is being deleted
}

func (m *metadata) standing() Standing {
	return Standing{UID: m.UID, ResourceVersion: m.ResourceVersion, Ending: m.DeletionTimestamp != ""}
}

// managers are the field managers, sorted.
func (m *metadata) managers() []string {
	var names []string
	for _, f := range m.ManagedFields {
		names = append(names, f.Manager)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// whole reports whether metadata has what every namespaced object's has.
func (m *metadata) whole() bool {
	return m.Name != "" && m.Namespace != "" && m.UID != "" && m.ResourceVersion != ""
}

// writtenObject is an access.WrittenObject in Kubernetes' JSON.
type writtenObject struct {
	APIVersion string            `json:"apiVersion"`
	Kind       access.ObjectKind `json:"kind"`
	Metadata   metadata          `json:"metadata"`
	Type       string            `json:"type,omitempty"`
	Data       map[string][]byte `json:"data,omitempty"`
}

func objectPath(o *access.WrittenObject) string {
	return "/api/v1/namespaces/" + url.PathEscape(o.Namespace) + "/" + strings.ToLower(string(o.Kind)) + "s/" + url.PathEscape(o.Name)
}

func objectWords(o *access.WrittenObject) string {
	return strings.ToLower(string(o.Kind)) + " " + o.Namespace + "/" + o.Name
}

// ApplyObject sets what o says by server-side apply, without force, and takes
// away what we set before and o does not say. over is what was read there; the
// write is refused (IsConflict) if it is not that one in that version any more,
// and with nil, which makes the object, if anything stands there.
func (c *Client) ApplyObject(ctx context.Context, o *access.WrittenObject, over *Standing) (Answer, error) {
	at := Standing{ResourceVersion: versionOfNone}
	if over != nil {
		at = *over
	}
	return c.applyObject(ctx, "apply", o, at, url.Values{})
}

// TryApplyObject has the server judge ApplyObject over whatever stands there,
// and stores nothing.
func (c *Client) TryApplyObject(ctx context.Context, o *access.WrittenObject) (Answer, error) {
	return c.applyObject(ctx, "try to apply", o, Standing{}, url.Values{"dryRun": {"All"}})
}

func (c *Client) applyObject(ctx context.Context, verb string, o *access.WrittenObject, over Standing, q url.Values) (Answer, error) {
	sent := writtenObject{APIVersion: "v1", Kind: o.Kind,
		Metadata: metadata{Name: o.Name, Namespace: o.Namespace, Labels: o.Labels, Annotations: o.Annotations, UID: over.UID, ResourceVersion: over.ResourceVersion}}
	if o.Kind == access.SecretObject {
		sent.Type, sent.Data = "Opaque", make(map[string][]byte, len(o.Data))
		for k, v := range o.Data {
			sent.Data[k] = []byte(v)
		}
	}
	text, err := json.Marshal(sent)
	if err != nil {
		return Answer{}, err
	}
	q.Set("fieldManager", access.FieldManager)
	q.Set("force", "false")
	_, a, err := c.do(ctx, call{verb: verb, object: objectWords(o), method: http.MethodPatch, path: objectPath(o), query: q,
		body: text, contentType: "application/apply-patch+yaml", accept: onlyMetadata})
	return a, err
}

// onlyMetadata asks for an object without what it says. (Kubernetes, "The
// Kubernetes API": PartialObjectMetadata)
const onlyMetadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

// DeleteObject takes one away if it is still that one in that version
// (IsConflict if not).
func (c *Client) DeleteObject(ctx context.Context, o *access.WrittenObject, at Standing) (Answer, error) {
	return c.deleteObject(ctx, "delete", o, at, false)
}

// TryDeleteObject has the server judge a delete of the object with a UID, and
// stores nothing.
func (c *Client) TryDeleteObject(ctx context.Context, o *access.WrittenObject, uid string) (Answer, error) {
	return c.deleteObject(ctx, "try to delete", o, Standing{UID: uid}, true)
}

func (c *Client) deleteObject(ctx context.Context, verb string, o *access.WrittenObject, at Standing, try bool) (Answer, error) {
	body, err := deleteOptions(at.UID, at.ResourceVersion, try)
	if err != nil {
		return Answer{}, err
	}
	_, a, err := c.do(ctx, call{verb: verb, object: objectWords(o), method: http.MethodDelete, path: objectPath(o), body: body, contentType: "application/json"})
	return a, err
}
