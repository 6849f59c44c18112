package oracle

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/kube"
)

// What kube.Client relies on of server-side apply is not written down by
// Kubernetes, so it is asked of a running API server: a version that no object
// has makes an apply a create, and a uid and version hold it to one object.
func TestAnAPIServerHoldsAnApplyToWhatWasRead(t *testing.T) {
	server := startAPIServer(t)
	c, ctx := server.client(t), t.Context()
	for _, namespace := range []string{"", "default"} {
		b := &access.Binding{Namespace: namespace, Name: "made", Role: access.RoleRef{Kind: access.ClusterRole, Name: "view"},
			Subjects: []access.Subject{{Kind: access.GroupSubject, Name: "people"}}, Labels: map[string]string{"app": "x"}}
		made, _, err := c.Apply(ctx, b, nil)
		if err != nil || !slices.Contains(made.Managers, access.FieldManager) {
			t.Fatalf("nothing was there, and it is not made: %+v %v", made, err)
		}
		if _, _, err := c.Apply(ctx, b, nil); !kube.IsConflict(err) {
			t.Errorf("made over one that stands: %v", err)
		}
		if _, err := c.TryApply(ctx, b); err != nil {
			t.Errorf("a trial over one that stands: %v", err)
		}
		if _, _, err := c.Apply(ctx, b, made); err != nil {
			t.Errorf("over what was read: %v", err)
		}

		// Somebody else's, of equal content, is not taken a share of.
		theirs := *b
		theirs.Name = "theirs"
		if err := server.put(&theirs); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Apply(ctx, &theirs, nil); !kube.IsConflict(err) {
			t.Errorf("an equal one of somebody else's: %v", err)
		}
		read, err := c.Get(ctx, &theirs)
		if err != nil || slices.Contains(read.Managers, access.FieldManager) {
			t.Fatalf("its managers are %+v, %v", read, err)
		}
		if err := server.label(&theirs, "y"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Apply(ctx, &theirs, read); !kube.IsConflict(err) {
			t.Errorf("over a version that is gone: %v", err)
		}
		if read, err = c.Get(ctx, &theirs); err != nil {
			t.Fatal(err)
		}
		theirs.Labels = map[string]string{"ours": "1"}
		if o, _, err := c.Apply(ctx, &theirs, read); err != nil || !slices.Contains(o.Managers, access.FieldManager) || o.Labels["app"] != "y" {
			t.Errorf("over the version that was read: %+v %v", o, err)
		}

		// What is gone is not made again by an update of it.
		if made, err = c.Get(ctx, b); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Delete(ctx, made, false); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Apply(ctx, b, made); !kube.IsConflict(err) {
			t.Errorf("made again: %v", err)
		}
		if _, err := c.Get(ctx, b); !kube.IsNotFound(err) {
			t.Errorf("it is there again: %v", err)
		}
	}
}

// What of others' is in namespaces is the API server's to say, in one answer.
func TestAnAPIServerSaysWhatItServes(t *testing.T) {
	server := startAPIServer(t)
	c := server.client(t)
	crd := func(plural, kind, scope string) object {
		return object{"metadata": object{"name": plural + ".example.org"}, "spec": object{"group": "example.org", "scope": scope, "names": object{"plural": plural, "kind": kind},
			"versions": []object{{"name": "v1", "served": true, "storage": true, "schema": object{"openAPIV3Schema": object{"type": "object"}}}}}}
	}
	for _, o := range []object{crd("issuers", "Issuer", "Namespaced"), crd("clusterissuers", "ClusterIssuer", "Cluster")} {
		if err := server.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", o, nil); err != nil {
			t.Fatal(err)
		}
	}
	want := []access.KubernetesResource{{Group: "apps", Name: "deployments", Namespaced: true}, {Group: "example.org", Name: "clusterissuers"},
		{Group: "example.org", Name: "issuers", Namespaced: true}, {Group: "rbac.authorization.k8s.io", Name: "clusterroles"}}
	var lacks []access.KubernetesResource
	for range 100 { // a definition is served a moment after it is made
		got, err := c.Discover(t.Context())
		if err != nil || !slices.IsSortedFunc(got, access.KubernetesResource.Compare) {
			t.Fatal(got, err)
		}
		lacks = slices.DeleteFunc(slices.Clone(want), func(r access.KubernetesResource) bool { return slices.Contains(got, r) })
		if len(lacks) == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("lacks %+v", lacks)
}

// client is ours, as the API server's administrator.
func (a *apiServer) client(t *testing.T) *kube.Client {
	t.Helper()
	c, err := kube.Dial(kube.Cluster{Name: "oracle", Endpoint: a.endpoint, Transport: a.http.Transport,
		Token: func(context.Context) (string, time.Time, error) { return "none", time.Now().Add(time.Hour), nil }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func bindingsPath(b *access.Binding) string {
	const group = "/apis/rbac.authorization.k8s.io/v1"
	if b.Namespace == "" {
		return group + "/clusterrolebindings"
	}
	return group + "/namespaces/" + b.Namespace + "/rolebindings"
}

// put makes a binding as somebody else.
func (a *apiServer) put(b *access.Binding) error {
	o := object{"metadata": object{"name": b.Name, "labels": b.Labels}, "roleRef": object{"apiGroup": "rbac.authorization.k8s.io", "kind": b.Role.Kind, "name": b.Role.Name},
		"subjects": []object{{"kind": b.Subjects[0].Kind, "apiGroup": "rbac.authorization.k8s.io", "name": b.Subjects[0].Name}}}
	return a.post(bindingsPath(b), o, nil)
}

// label sets label app of a binding.
func (a *apiServer) label(b *access.Binding, value string) error {
	resp, err := a.do(http.MethodPatch, bindingsPath(b)+"/"+b.Name, "application/merge-patch+json", `{"metadata":{"labels":{"app":"`+value+`"}}}`)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return errors.New(resp.Status)
	}
	return nil
}

func (a *apiServer) do(method, path, contentType, body string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(context.Background(), method, a.endpoint+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", contentType)
	return a.http.Do(r)
}
