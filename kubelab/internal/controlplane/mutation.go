package controlplane

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"

	admission "k8s.io/api/admission/v1"
	registration "k8s.io/api/admissionregistration/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// mutationRoute is the lab's route that says what of a new pod changes.
const mutationRoute = "pod-mutation"

// largestReview bounds what the API server sends: a pod of at most 3 MiB.
// (kube-apiserver, limits of request bodies)
const largestReview = 8 << 20

// mutation is EKS's webhook for new pods. What changes is the lab's to say;
// here is only added what the lab cannot see, the annotations of the pod's
// ServiceAccount.
type mutation struct {
	o      Options
	client kubernetes.Interface
}

func (m *mutation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if subtle.ConstantTimeCompare([]byte(token), []byte(m.o.Token)) != 1 {
		http.Error(w, "only the API server may ask this", http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestReview))
	if err != nil {
		http.Error(w, "the request cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	answer, err := m.review(r.Context(), body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(answer)
}

func (m *mutation) review(ctx context.Context, body []byte) (answer json.RawMessage, err error) {
	var review admission.AdmissionReview
	var pod v1.Pod
	if err := json.Unmarshal(body, &review); err != nil || review.Request == nil {
		return nil, fmt.Errorf("expected an AdmissionReview")
	}
	if err := json.Unmarshal(review.Request.Object.Raw, &pod); err != nil {
		return nil, fmt.Errorf("expected a Pod: %w", err)
	}
	ask := map[string]any{"review": json.RawMessage(body)}
	account, err := m.client.CoreV1().ServiceAccounts(review.Request.Namespace).Get(ctx, pod.Spec.ServiceAccountName, metav1.GetOptions{})
	switch {
	case err == nil:
		annotations := account.Annotations
		if annotations == nil {
			annotations = map[string]string{}
		}
		ask["annotations"] = annotations
	case pod.Spec.ServiceAccountName != "" && !errors.IsNotFound(err):
		return nil, fmt.Errorf("read the pod's ServiceAccount: %w", err)
	}
	return answer, lab{m.o}.ask(ctx, http.MethodPost, mutationRoute, ask, &answer)
}

// admissionConfig writes the file by which the API server proves to the
// webhook that it is the one that asks, and gives its name.
func admissionConfig(o Options, r *relay) (string, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return "", fmt.Errorf("write the configuration of admission: %w", err)
	}
	kubeconfig, file := filepath.Join(dir, "admission.kubeconfig"), filepath.Join(dir, "admission.json")
	credentials, err := clientcmd.Write(clientcmdapi.Config{
		AuthInfos: map[string]*clientcmdapi.AuthInfo{strings.TrimPrefix(r.endpoint, "https://"): {Token: o.Token}},
	})
	if err == nil {
		err = private(kubeconfig, credentials)
	}
	var b []byte
	if err == nil {
		const version = "apiserver.config.k8s.io/v1"
		b, err = json.Marshal(map[string]any{
			"apiVersion": version, "kind": "AdmissionConfiguration",
			"plugins": []any{map[string]any{
				"name":          "MutatingAdmissionWebhook",
				"configuration": map[string]any{"apiVersion": version, "kind": "WebhookAdmissionConfiguration", "kubeConfigFile": kubeconfig},
			}},
		})
	}
	if err == nil {
		err = private(file, b)
	}
	if err != nil {
		return "", fmt.Errorf("write the configuration of admission: %w", err)
	}
	return file, nil
}

// registerMutation makes the API server ask the webhook, by the names by which
// EKS does. Where it cannot be reached, pods are made as they are, as on EKS.
// (amazon-eks-pod-identity-webhook, deploy/mutatingwebhook.yaml)
func registerMutation(ctx context.Context, client kubernetes.Interface, r *relay, k *keys) error {
	ignore, none, scope, seconds := registration.Ignore, registration.SideEffectClassNone, registration.NamespacedScope, int32(10)
	want := &registration.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "pod-identity-webhook"},
		Webhooks: []registration.MutatingWebhook{{
			Name:         "iam-for-pods.amazonaws.com",
			ClientConfig: registration.WebhookClientConfig{URL: &r.mutation, CABundle: k.ca.certificate},
			Rules: []registration.RuleWithOperations{{
				Operations: []registration.OperationType{registration.Create},
				Rule:       registration.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}, Scope: &scope},
			}},
			ObjectSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
				{Key: "eks.amazonaws.com/skip-pod-identity-webhook", Operator: metav1.LabelSelectorOpDoesNotExist},
			}},
			FailurePolicy: &ignore, SideEffects: &none, TimeoutSeconds: &seconds, AdmissionReviewVersions: []string{"v1"},
		}},
	}
	all := client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	have, err := all.Get(ctx, want.Name, metav1.GetOptions{})
	switch {
	case errors.IsNotFound(err):
		_, err = all.Create(ctx, want, metav1.CreateOptions{})
	case err == nil:
		want.ResourceVersion = have.ResourceVersion
		_, err = all.Update(ctx, want, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("register the webhook for pods: %w", err)
	}
	return nil
}
