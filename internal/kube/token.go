package kube

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// Pod is a pod that runs as a ServiceAccount.
type Pod struct {
	Name, UID string
	// Env are the variables that its containers were made with, by name; of one
	// that several set, the first one's value.
	Env map[string]string
}

// Pods lists the pods of a namespace that run as a ServiceAccount and have not
// ended, in the API server's order.
func (c *Client) Pods(ctx context.Context, namespace, serviceAccount string) ([]Pod, error) {
	path := "/api/v1/namespaces/" + url.PathEscape(namespace) + "/pods"
	return list(ctx, c, listed{name: "pods", path: path}, func(raw json.RawMessage) (Pod, bool, error) {
		var p struct {
			Metadata metadata `json:"metadata"`
			Spec     struct {
				ServiceAccount string `json:"serviceAccountName"`
				Containers     []struct {
					Env []struct {
						Name  string `json:"name"`
						Value string `json:"value"`
					} `json:"env"`
				} `json:"containers"`
			} `json:"spec"`
			Status struct {
				Phase string `json:"phase"`
			} `json:"status"`
		}
		if err := json.Unmarshal(raw, &p); err != nil {
			return Pod{}, false, err
		}
		wanted := p.Spec.ServiceAccount == serviceAccount && p.Metadata.DeletionTimestamp == "" && p.Status.Phase != "Succeeded" && p.Status.Phase != "Failed"
		env := map[string]string{}
		for _, c := range p.Spec.Containers {
			for _, v := range c.Env {
				if _, set := env[v.Name]; !set {
					env[v.Name] = v.Value
				}
			}
		}
		return Pod{p.Metadata.Name, p.Metadata.UID, env}, wanted, whole(p.Metadata.Name != "" && p.Metadata.UID != "")
	})
}

// tokenRequest is authentication.k8s.io/v1 TokenRequest.
type tokenRequest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Spec       struct {
		Audiences         []string  `json:"audiences"`
		ExpirationSeconds int64     `json:"expirationSeconds"`
		BoundObject       *boundPod `json:"boundObjectRef,omitempty"`
	} `json:"spec"`
	Status struct {
		Token   string    `json:"token"`
		Expires time.Time `json:"expirationTimestamp"`
	} `json:"status,omitzero"`
}

type boundPod struct {
	Kind       string `json:"kind"`
	APIVersion string `json:"apiVersion"`
	Name       string `json:"name"`
	UID        string `json:"uid"`
}

// tokenSeconds is the shortest life that an API server gives a token.
// (Kubernetes, TokenRequest: expirationSeconds is at least 600)
const tokenSeconds = 600

// ServiceAccountToken asks for a ServiceAccount's token for an audience, bound
// to a pod if it is not nil. It lives ten minutes, or as the API server says.
func (c *Client) ServiceAccountToken(ctx context.Context, namespace, name, audience string, pod *Pod) (token string, expires time.Time, err error) {
	r := tokenRequest{APIVersion: "authentication.k8s.io/v1", Kind: "TokenRequest"}
	r.Spec.Audiences, r.Spec.ExpirationSeconds = []string{audience}, tokenSeconds
	if pod != nil {
		r.Spec.BoundObject = &boundPod{Kind: "Pod", APIVersion: "v1", Name: pod.Name, UID: pod.UID}
	}
	text, err := json.Marshal(r)
	if err != nil {
		return "", time.Time{}, err
	}
	object := "a token of " + objectWords(accountAt(namespace, name))
	body, _, err := c.do(ctx, call{verb: "ask for", object: object, method: http.MethodPost, path: objectPath(accountAt(namespace, name)) + "/token", body: text, contentType: "application/json"})
	if err != nil {
		return "", time.Time{}, err
	}
	var have tokenRequest
	if err := json.Unmarshal(body, &have); err != nil {
		return "", time.Time{}, c.unreadable("ask for", object, err)
	}
	if have.Status.Token == "" {
		return "", time.Time{}, c.unreadable("ask for", object, errors.New("the answer has no token"))
	}
	return have.Status.Token, have.Status.Expires, nil
}
