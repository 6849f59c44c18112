package kube

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// containerCredentials is the variable by which a container with Pod Identity
// finds its credentials. (AWS SDKs and Tools Reference, container credential
// provider; set by EKS's webhook for pods)
const containerCredentials = "AWS_CONTAINER_CREDENTIALS_FULL_URI"

// tried is a pod that runs nothing, within the strictest of Kubernetes' Pod
// Security Standards.
type tried struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Metadata   triedName    `json:"metadata"`
	Spec       triedPodSpec `json:"spec"`
}

type triedName struct {
	GenerateName string `json:"generateName"`
}

type triedPodSpec struct {
	ServiceAccount string           `json:"serviceAccountName"`
	RestartPolicy  string           `json:"restartPolicy"`
	Containers     []triedContainer `json:"containers"`
}

type triedContainer struct {
	Name     string          `json:"name"`
	Image    string          `json:"image"`
	Env      []triedVariable `json:"env,omitempty"`
	Security json.RawMessage `json:"securityContext,omitempty"`
}

type triedVariable struct {
	Name string `json:"name"`
}

const restricted = `{"allowPrivilegeEscalation":false,"runAsNonRoot":true,"capabilities":{"drop":["ALL"]},"seccompProfile":{"type":"RuntimeDefault"}}`

// TryPod has the server judge and change a pod of a ServiceAccount as if it
// were made now, and makes none. It reports whether the pod would find
// credentials by Pod Identity. (Kubernetes API, dryRun=All: webhooks without
// side effects are asked) Assumption pod-tried: EKS's is one of them.
func (c *Client) TryPod(ctx context.Context, namespace, serviceAccount string) (injected bool, err error) {
	text, err := json.Marshal(tried{APIVersion: "v1", Kind: "Pod", Metadata: triedName{"atlas-iam-try-"}, Spec: triedPodSpec{
		ServiceAccount: serviceAccount, RestartPolicy: "Never",
		Containers: []triedContainer{{Name: "try", Image: "try", Security: json.RawMessage(restricted)}},
	}})
	if err != nil {
		return false, err
	}
	object := "a pod of " + objectWords(accountAt(namespace, serviceAccount))
	body, _, err := c.do(ctx, call{verb: "try", object: object, method: http.MethodPost, path: "/api/v1/namespaces/" + url.PathEscape(namespace) + "/pods",
		query: url.Values{"dryRun": {"All"}}, body: text, contentType: "application/json"})
	if err != nil {
		return false, err
	}
	var got tried
	if err := json.Unmarshal(body, &got); err != nil {
		return false, c.unreadable("try", object, err)
	}
	for _, container := range got.Spec.Containers {
		for _, v := range container.Env {
			if v.Name == containerCredentials {
				return true, nil
			}
		}
	}
	return false, nil
}

// NoPodRuns reports whether err, of TryPod, is that no pod of the ServiceAccount
// can be made as things are, whoever asks: the namespace is not there or ends, or
// the ServiceAccount is not there. A right that the caller lacks, or a policy that
// may be against the tried pod alone, is none of these. (k8s.io/apiserver,
// admission plugins NamespaceLifecycle and ServiceAccount)
func NoPodRuns(err error) bool {
	if !IsForbidden(err) {
		return IsNotFound(err)
	}
	reason := Reason(err)
	return strings.Contains(reason, ": error looking up service account ") || strings.Contains(reason, "because it is being terminated")
}
