package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"github.com/atlas-iam/atlas-iam/access"
)

// pageSize is what is asked for at a time; a server may give less.
const pageSize = 500

// mostPages ends a list that does not end.
const mostPages = 2000

var errIncomplete = errors.New("the answer is incomplete: it lacks what every such list has")

// Reading is what Read found. A part whose error is not nil was not read.
type Reading struct {
	access.HaveKubernetes
	RBAC, NamespaceList, AuthConfig error
}

// Read reads what a plan rests on: roles and bindings, namespaces, and the
// ConfigMap kube-system/aws-auth, whose absence is a fact. Each part may fail
// alone.
func (c *Client) Read(ctx context.Context) *Reading {
	var (
		r  Reading
		wg sync.WaitGroup
	)
	wg.Go(func() {
		r.Roles, r.Bindings, r.RBAC = c.rbac(ctx)
		r.RBACRead = r.RBAC == nil
	})
	wg.Go(func() {
		r.Namespaces, r.NamespaceList = c.namespaces(ctx)
		r.NamespacesRead = r.NamespaceList == nil
	})
	wg.Go(func() {
		r.AuthMap, r.AuthConfig = c.authMap(ctx)
		r.AuthMapRead = r.AuthConfig == nil
	})
	wg.Wait()
	return &r
}

func (c *Client) rbac(ctx context.Context) ([]access.KubernetesRole, []access.Binding, error) {
	var (
		roles    [2][]access.KubernetesRole
		bindings [2][]access.Binding
		errs     [4]error
		wg       sync.WaitGroup
	)
	for i, namespaced := range []bool{false, true} {
		wg.Go(func() {
			roles[i], errs[i] = list(ctx, c, plural("ClusterRole", namespaced), func(raw json.RawMessage) (access.KubernetesRole, bool, error) {
				var r role
				if err := json.Unmarshal(raw, &r); err != nil {
					return access.KubernetesRole{}, false, err
				}
				out, ok := r.role(namespaced)
				return out, true, whole(ok)
			})
		})
		wg.Go(func() {
			bindings[i], errs[2+i] = list(ctx, c, plural("ClusterRoleBinding", namespaced), func(raw json.RawMessage) (access.Binding, bool, error) {
				var b binding
				if err := json.Unmarshal(raw, &b); err != nil {
					return access.Binding{}, false, err
				}
				o, ok := b.object(namespaced)
				return o.Binding, !o.Ending, whole(ok)
			})
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, nil, err
		}
	}
	all := slices.Concat(roles[0], roles[1])
	slices.SortFunc(all, func(a, b access.KubernetesRole) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	bound := slices.Concat(bindings[0], bindings[1])
	slices.SortFunc(bound, func(a, b access.Binding) int { return a.Compare(&b) })
	return all, bound, nil
}

func whole(ok bool) error {
	if ok {
		return nil
	}
	return errIncomplete
}

// plural is the path of a list and how people call it.
func plural(kind string, namespaced bool) listed {
	name := map[string]string{"ClusterRole": "clusterroles", "ClusterRoleBinding": "clusterrolebindings"}[kind]
	if namespaced {
		name = name[len("cluster"):]
	}
	return listed{name: name, path: "/apis/" + rbacGroup + "/v1/" + name}
}

type listed struct{ name, path, labels string } // labels select, if any

func (c *Client) namespaces(ctx context.Context) ([]string, error) {
	names, err := list(ctx, c, listed{name: "namespaces", path: "/api/v1/namespaces"}, func(raw json.RawMessage) (string, bool, error) {
		var n struct {
			Metadata metadata `json:"metadata"`
			Status   struct {
				Phase string `json:"phase"`
			} `json:"status"`
		}
		if err := json.Unmarshal(raw, &n); err != nil {
			return "", false, err
		}
		ending := n.Status.Phase == "Terminating" || n.Metadata.DeletionTimestamp != ""
		return n.Metadata.Name, !ending, whole(n.Metadata.Name != "")
	})
	slices.Sort(names)
	return slices.Compact(names), err
}

// authMap reads aws-auth; nil is none.
func (c *Client) authMap(ctx context.Context) (*access.AuthMap, error) {
	body, _, err := c.do(ctx, call{verb: "read", object: "configmap kube-system/aws-auth", method: http.MethodGet,
		path: "/api/v1/namespaces/kube-system/configmaps/aws-auth"})
	if IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var m struct {
		Metadata metadata       `json:"metadata"`
		Data     access.AuthMap `json:"data"`
	}
	if err := json.Unmarshal(body, &m); err != nil || m.Metadata.Name != "aws-auth" {
		return nil, c.unreadable("read", "configmap kube-system/aws-auth", cmp.Or(err, errIncomplete))
	}
	return &m.Data, nil
}

// list reads all pages of a list. A list whose continuation has expired is
// read once more from its start: pages of two moments do not make one list.
func list[T any](ctx context.Context, c *Client, what listed, read func(json.RawMessage) (item T, keep bool, err error)) ([]T, error) {
	for again := true; ; again = false {
		items, err := pages(ctx, c, what, read)
		if again && status(err) == http.StatusGone {
			continue
		}
		return items, err
	}
}

func pages[T any](ctx context.Context, c *Client, what listed, read func(json.RawMessage) (T, bool, error)) ([]T, error) {
	var (
		all  []T
		next string
		seen = map[string]bool{}
	)
	for range mostPages {
		q := url.Values{"limit": {strconv.Itoa(pageSize)}}
		if what.labels != "" {
			q.Set("labelSelector", what.labels)
		}
		if next != "" {
			q.Set("continue", next)
		}
		body, _, err := c.do(ctx, call{verb: "list", object: what.name, method: http.MethodGet, path: what.path, query: q})
		if err != nil {
			return nil, err
		}
		var page struct {
			Metadata struct {
				Continue string `json:"continue"`
			} `json:"metadata"`
			Items *[]json.RawMessage `json:"items"`
		}
		if err := json.Unmarshal(body, &page); err != nil || page.Items == nil {
			return nil, c.unreadable("list", what.name, cmp.Or(err, errIncomplete))
		}
		for _, raw := range *page.Items {
			item, keep, err := read(raw)
			if err != nil {
				return nil, c.unreadable("list", what.name, err)
			}
			if keep {
				all = append(all, item)
			}
		}
		if next = page.Metadata.Continue; next == "" {
			return all, nil
		}
		if seen[next] {
			return nil, c.unreadable("list", what.name, errors.New("the list repeats: a continuation came a second time"))
		}
		seen[next] = true
	}
	return nil, c.unreadable("list", what.name, fmt.Errorf("the list does not end: gave up after %d pages", mostPages))
}

// unreadable is an answer that came and cannot be taken.
func (c *Client) unreadable(verb, object string, err error) error {
	return &Error{Verb: verb, Object: object, Cluster: c.cluster.Name, Status: http.StatusOK, Code: "unreadable", Message: err.Error(), Final: true, Err: err}
}
