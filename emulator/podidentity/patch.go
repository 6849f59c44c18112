// Package podidentity is EKS's webhook for new pods: what it writes into one
// whose ServiceAccount has a role, by annotation (IRSA) or by a Pod Identity
// association. The rules are those of amazon-eks-pod-identity-webhook, as
// aws-facts 3.4 and 4.3 have them. It reads nothing but its arguments.
package podidentity

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The annotations of ServiceAccounts and pods, and the label of pods.
const (
	annotationRole         = "eks.amazonaws.com/role-arn"
	annotationAudience     = "eks.amazonaws.com/audience"
	annotationRegionalSTS  = "eks.amazonaws.com/sts-regional-endpoints"
	annotationExpiration   = "eks.amazonaws.com/token-expiration"
	annotationSkip         = "eks.amazonaws.com/skip-containers"
	labelPodIdentity       = "eks.amazonaws.com/pod-identity"
	defaultAudience        = "sts.amazonaws.com"
	audiencePods           = "pods.eks.amazonaws.com"
	defaultExpiration      = 86400 // seconds
	shortestExpiration     = 600
	shortestJitteredExpiry = 79200 // of Pod Identity, where nobody asks for another
)

// Pod is what matters of a pod.
type Pod struct {
	Metadata struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		ServiceAccountName string            `json:"serviceAccountName"`
		NodeSelector       map[string]string `json:"nodeSelector"`
		Containers         []Container       `json:"containers"`
		InitContainers     []Container       `json:"initContainers"`
		Volumes            []Named           `json:"volumes"`
	} `json:"spec"`
}

// Container is what matters of a container.
type Container struct {
	Name         string  `json:"name"`
	Env          []Named `json:"env"`
	VolumeMounts []Named `json:"volumeMounts"`
}

// Named is anything that has a name.
type Named struct {
	Name string `json:"name"`
}

// Account is what is known of the pod's ServiceAccount.
type Account struct {
	Annotations map[string]string
	Associated  bool // a Pod Identity association names it
}

// Options of the webhook.
type Options struct {
	Region string // of the cluster
	// Agent is the URL of the Pod Identity agent.
	Agent string
	// Random gives a number from 0 to below n.
	Random func(n int64) int64
}

// Operation is one of a JSON Patch. (RFC 6902)
type Operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// way is how the pod comes to its credentials.
type way struct {
	volume, audience, directory, file string
	expiration                        int64
	env                               []variable
}

type variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Patch says what the webhook changes in a new pod; nothing, if its
// ServiceAccount has no role. An association comes before the annotation.
func Patch(pod *Pod, account Account, o Options) []Operation {
	w, ok := wayOf(pod, account, o)
	if !ok {
		return nil
	}
	common := w.common(account, o)
	skipped := map[string]bool{}
	for _, name := range strings.Split(pod.Metadata.Annotations[annotationSkip], ",") {
		skipped[strings.TrimSpace(name)] = true
	}
	var patch []Operation
	for _, list := range []struct {
		path string
		all  []Container
	}{{"/spec/initContainers", pod.Spec.InitContainers}, {"/spec/containers", pod.Spec.Containers}} {
		for i, c := range list.all {
			if !skipped[c.Name] {
				patch = append(patch, w.container(c, fmt.Sprintf("%s/%d", list.path, i), common)...)
			}
		}
	}
	patch = append(patch, w.addVolume(pod)...)
	if _, labelled := pod.Metadata.Labels[labelPodIdentity]; account.Associated && !labelled {
		if len(pod.Metadata.Labels) == 0 {
			patch = append(patch, Operation{"add", "/metadata/labels", map[string]string{labelPodIdentity: "enabled"}})
		} else {
			patch = append(patch, Operation{"add", "/metadata/labels/" + strings.ReplaceAll(labelPodIdentity, "/", "~1"), "enabled"})
		}
	}
	return patch
}

// wayOf decides between the two schemes.
func wayOf(pod *Pod, account Account, o Options) (way, bool) {
	asked := expiration(pod.Metadata.Annotations, account.Annotations)
	if account.Associated {
		w := way{
			volume: "eks-pod-identity-token", audience: audiencePods, file: "eks-pod-identity-token",
			directory: "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount", expiration: asked,
		}
		if asked == 0 {
			w.expiration = shortestJitteredExpiry + o.Random(defaultExpiration-shortestJitteredExpiry+1)
		}
		w.env = []variable{
			{"AWS_CONTAINER_CREDENTIALS_FULL_URI", o.Agent},
			{"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", w.directory + "/" + w.file},
		}
		return w, true
	}
	role := account.Annotations[annotationRole]
	if role == "" {
		return way{}, false
	}
	w := way{
		volume: "aws-iam-token", audience: defaultAudience, file: "token",
		directory: "/var/run/secrets/eks.amazonaws.com/serviceaccount", expiration: asked,
	}
	if asked == 0 {
		w.expiration = defaultExpiration
	}
	if a, ok := account.Annotations[annotationAudience]; ok {
		w.audience = a
	}
	path := w.directory + "/" + w.file
	if windows(pod) {
		path = "C:" + strings.ReplaceAll(path, "/", `\`)
	}
	w.env = []variable{{"AWS_ROLE_ARN", role}, {"AWS_WEB_IDENTITY_TOKEN_FILE", path}}
	return w, true
}

func windows(pod *Pod) bool {
	return pod.Spec.NodeSelector["kubernetes.io/os"] == "windows" || pod.Spec.NodeSelector["beta.kubernetes.io/os"] == "windows"
}

// expiration is how many seconds the token is asked to live: as the pod says,
// else its ServiceAccount; 0 if neither says a number.
func expiration(annotations ...map[string]string) int64 {
	for _, a := range annotations {
		if n, err := strconv.ParseInt(a[annotationExpiration], 10, 64); err == nil {
			return max(n, shortestExpiration)
		}
	}
	return 0
}

// common are the variables of both schemes, each group left out of a container
// that has one of it.
func (w way) common(account Account, o Options) [][]variable {
	var groups [][]variable
	if account.Annotations[annotationRegionalSTS] != "false" { // EKS's default is regional (EKS User Guide, configure-sts-endpoint)
		groups = append(groups, []variable{{"AWS_STS_REGIONAL_ENDPOINTS", "regional"}})
	}
	if o.Region != "" {
		groups = append(groups, []variable{{"AWS_DEFAULT_REGION", o.Region}, {"AWS_REGION", o.Region}})
	}
	return groups
}

// container adds to a container what it does not have yet; nothing that is
// there is changed.
func (w way) container(c Container, path string, common [][]variable) []Operation {
	var add []variable
	for _, group := range append(slices.Clone(common), w.env) {
		if !slices.ContainsFunc(group, func(v variable) bool { return has(c.Env, v.Name) }) {
			add = append(add, group...)
		}
	}
	patch := appendTo(path+"/env", len(c.Env), add)
	if !has(c.VolumeMounts, w.volume) {
		mount := map[string]any{"name": w.volume, "readOnly": true, "mountPath": w.directory}
		patch = append(patch, appendTo(path+"/volumeMounts", len(c.VolumeMounts), []map[string]any{mount})...)
	}
	return patch
}

func has(list []Named, name string) bool {
	return slices.ContainsFunc(list, func(n Named) bool { return n.Name == name })
}

// appendTo adds items behind the ones that a list has.
func appendTo[T any](path string, length int, items []T) []Operation {
	if len(items) == 0 {
		return nil
	}
	if length == 0 {
		return []Operation{{"add", path, items}}
	}
	var patch []Operation
	for _, item := range items {
		patch = append(patch, Operation{"add", path + "/-", item})
	}
	return patch
}

// addVolume puts the token's volume before the others.
func (w way) addVolume(pod *Pod) []Operation {
	if has(pod.Spec.Volumes, w.volume) {
		return nil
	}
	volume := map[string]any{"name": w.volume, "projected": map[string]any{"sources": []any{map[string]any{
		"serviceAccountToken": map[string]any{"audience": w.audience, "expirationSeconds": w.expiration, "path": w.file},
	}}}}
	if len(pod.Spec.Volumes) == 0 {
		return []Operation{{"add", "/spec/volumes", []any{volume}}}
	}
	return []Operation{{"add", "/spec/volumes/0", volume}}
}

// Review answers an AdmissionReview of Kubernetes for a new pod. account gives
// what is known of a ServiceAccount; ok says that it is known at all. Whatever
// happens, the pod is let in.
func Review(raw []byte, account func(namespace, name string) (a Account, ok bool), o Options) ([]byte, error) {
	const version, kind = "admission.k8s.io/v1", "AdmissionReview"
	var review struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Request    *struct {
			UID       string `json:"uid"`
			Namespace string `json:"namespace"`
			Object    Pod    `json:"object"`
		} `json:"request"`
	}
	if err := json.Unmarshal(raw, &review); err != nil || review.APIVersion != version || review.Kind != kind || review.Request == nil {
		return nil, fmt.Errorf("expected an %s of %s", kind, version)
	}
	response := map[string]any{"uid": review.Request.UID, "allowed": true}
	pod := &review.Request.Object
	if a, ok := account(review.Request.Namespace, pod.Spec.ServiceAccountName); ok && pod.Spec.ServiceAccountName != "" {
		if patch := Patch(pod, a, o); len(patch) > 0 {
			b, err := json.Marshal(patch)
			if err != nil {
				return nil, fmt.Errorf("write the patch of a pod: %w", err)
			}
			response["patchType"], response["patch"] = "JSONPatch", b // base64 in JSON
		}
	}
	return json.Marshal(map[string]any{"apiVersion": version, "kind": kind, "response": response})
}
