package controlplane

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

// The lab is asked about a new pod with the annotations of its ServiceAccount,
// by the API server alone.
func TestTheLabIsToldThePodAndItsServiceAccount(t *testing.T) {
	var asked struct {
		Review      json.RawMessage
		Annotations map[string]string
	}
	lab := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Review, asked.Annotations = nil, nil
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || r.Header.Get("Authorization") != "Bearer abc" ||
			r.Method+" "+r.URL.Path != "POST /_lab/kubernetes/1/r/n/pod-mutation" {
			t.Errorf("the lab was asked %s %s: %v", r.Method, r.URL.Path, err)
		}
		io.WriteString(w, `{"response":{"uid":"7","allowed":true}}`)
	}))
	defer lab.Close()
	k, err := openKeys(t.TempDir(), "https://127.0.0.1:1", testCluster, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	account := func(name string, annotations map[string]string) *v1.ServiceAccount {
		return &v1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, Annotations: annotations}}
	}
	client := fake.NewSimpleClientset(account("yace", map[string]string{"a": "b"}), account("plain", nil))
	relay, err := startRelay(Options{Lab: lab.URL, Token: "abc", Account: "1", Region: "r", Name: "n"}, k, client)
	if err != nil {
		t.Fatal(err)
	}
	defer relay.stop()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(k.ca.certificate)
	ask := func(token, account string) (int, string) {
		r, err := http.NewRequest(http.MethodPost, relay.mutation, strings.NewReader(
			`{"request":{"uid":"7","namespace":"ns","object":{"spec":{"serviceAccountName":"`+account+`"}}}}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	for account, want := range map[string]string{"yace": `{"a":"b"}`, "plain": `{}`, "gone": `null`} {
		status, body := ask("abc", account)
		if got, err := json.Marshal(asked.Annotations); err != nil || status != 200 || body != `{"response":{"uid":"7","allowed":true}}` || string(got) != want {
			t.Errorf("%s: %d %s; the lab saw annotations %s, want %s", account, status, body, got, want)
		}
		if !strings.Contains(string(asked.Review), `"serviceAccountName":"`+account+`"`) {
			t.Errorf("the lab saw %s", asked.Review)
		}
	}
	asked.Review = nil
	if status, _ := ask("abd", "yace"); status != 401 || asked.Review != nil {
		t.Errorf("somebody else: %d, and the lab was asked %s", status, asked.Review)
	}
}

// Each start makes the webhook lead to where it is served then.
func TestTheWebhookIsRegisteredAtEachStart(t *testing.T) {
	client := fake.NewSimpleClientset()
	for _, url := range []string{"https://127.0.0.1:1/x", "https://127.0.0.1:2/x"} {
		if err := registerMutation(t.Context(), client, &relay{mutation: url}, &keys{}); err != nil {
			t.Fatal(err)
		}
		c, err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(t.Context(), "pod-identity-webhook", metav1.GetOptions{})
		if err != nil || len(c.Webhooks) != 1 || *c.Webhooks[0].ClientConfig.URL != url {
			t.Errorf("%+v %v", c, err)
		}
	}
}
