package controlplane

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/clientcmd"
)

// testCluster is what the lab says of a cluster.
var testCluster = cluster{Issuer: "https://issuer.example/id/1", SigningKey: "-----BEGIN RSA PRIVATE KEY-----\n", VerificationKeys: []string{"one\n", "two\n"}}

func TestPrivateKeysAreTheirOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	k, err := openKeys(dir, "https://127.0.0.1:1", testCluster, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: dir, Token: "secret"}
	if _, err := webhook(o, k, "https://127.0.0.1:2", "token-review"); err != nil {
		t.Fatal(err)
	}
	if _, err := admissionConfig(o, &relay{endpoint: "https://127.0.0.1:2"}); err != nil {
		t.Fatal(err)
	}
	secrets := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		// A kubeconfig holds its key as base64.
		secret := bytes.Contains(b, []byte("PRIVATE KEY")) || bytes.Contains(b, []byte("client-key-data")) || bytes.Contains(b, []byte("secret"))
		info, err := d.Info()
		if err == nil && secret {
			secrets++
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s is %v", d.Name(), info.Mode())
			}
		}
		return err
	})
	if err != nil || secrets < 6 {
		t.Errorf("%d files with secrets in them, %v", secrets, err)
	}
}

// A kubeconfig outlives a restart: the authority and the port are those of
// before. The keys of ServiceAccount tokens are those that the lab has then.
func TestARestartKeepsWhatClientsKnow(t *testing.T) {
	dir := t.TempDir()
	k, err := openKeys(dir, "https://127.0.0.1:1", testCluster, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l, err := listen("127.0.0.1:0", dir)
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	taken, err := listen("127.0.0.1:0", dir) // it is in use: another one
	if err != nil || taken.Addr().String() == addr {
		t.Fatalf("a second one at %v, %v", taken, err)
	}
	taken.Close()
	l.Close()
	if err := os.WriteFile(filepath.Join(dir, "port"), []byte(addr[strings.LastIndexByte(addr, ':')+1:]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := listen("127.0.0.1:0", dir)
	if err != nil || again.Addr().String() != addr {
		t.Errorf("again at %v, %v; want %s", again, err, addr)
	}
	again.Close()
	next := cluster{SigningKey: "another key\n", VerificationKeys: []string{"another\n", "one\n"}}
	same, err := openKeys(dir, "https://"+addr, next, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(same.ca.certificate, k.ca.certificate) {
		t.Error("the authority is another one")
	}
	for file, want := range map[string]string{same.signing: "another key\n", same.verifying: "another\none\n"} {
		if b, err := os.ReadFile(file); err != nil || string(b) != want {
			t.Errorf("%s holds %q, %v; want %q", filepath.Base(file), b, err, want)
		}
	}
	c, err := clientcmd.LoadFromFile(same.kubeconfig)
	if err != nil || c.Clusters["lab-admin"].Server != "https://"+addr {
		t.Errorf("the administrator's kubeconfig: %+v %v", c, err)
	}
}

func TestOnlyLoopbackIsListenedOn(t *testing.T) {
	for addr, ok := range map[string]bool{
		"127.0.0.1:0": true, "0.0.0.0:0": false, ":0": false, "192.0.2.1:0": false, "localhost:0": false, "127.0.0.1": false,
	} {
		l, err := listen(addr, t.TempDir())
		if (err == nil) != ok {
			t.Errorf("%q: %v", addr, err)
		}
		if err == nil {
			l.Close()
		}
	}
}

func TestOptionsAreAllThere(t *testing.T) {
	whole := Options{Lab: "http://127.0.0.1:1", Account: "1", Region: "r", Name: "n", Dir: "d", Token: "t"}
	if err := whole.check(); err != nil {
		t.Error(err)
	}
	for name, cut := range map[string]func(*Options){
		"-lab": func(o *Options) { o.Lab = "" }, "-account": func(o *Options) { o.Account = "" }, "-region": func(o *Options) { o.Region = "" },
		"-name": func(o *Options) { o.Name = "" }, "-data": func(o *Options) { o.Dir = "" }, "ATLAS_IAM_KUBELAB_TOKEN": func(o *Options) { o.Token = "" },
	} {
		o := whole
		cut(&o)
		if err := o.check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

// The relay hands token and path on, and is the cluster's by its certificate.
func TestTheRelayPassesTokensOn(t *testing.T) {
	lab := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization")+" "+r.Host)
	}))
	defer lab.Close()
	k, err := openKeys(t.TempDir(), "https://127.0.0.1:1", testCluster, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	relay, err := startRelay(Options{Lab: lab.URL, Token: "abc"}, k, fake.NewSimpleClientset())
	if err != nil {
		t.Fatal(err)
	}
	defer relay.stop()
	ask := func(pool *x509.CertPool) (string, error) {
		client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
		r, err := http.NewRequest(http.MethodPost, relay.endpoint+"/_lab/kubernetes/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer abc")
		resp, err := client.Do(r)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return string(b), err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(k.ca.certificate)
	got, err := ask(pool)
	if want := "POST /_lab/kubernetes/x Bearer abc " + strings.TrimPrefix(lab.URL, "http://"); err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if got, err := ask(x509.NewCertPool()); err == nil {
		t.Errorf("a client that does not know the cluster got %q", got)
	}
}

// EKS's order of authorizers, and no more webhooks and modes than EKS has.
func TestTheAPIServerIsWiredAsEKSWiresIt(t *testing.T) {
	k, err := openKeys(t.TempDir(), "https://127.0.0.1:1", testCluster, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	flags := strings.Join(wiring(testCluster, k, "unix:///x", webhooks{"tokens", "reviews", "admission"}), "\n") + "\n"
	for _, want := range []string{
		"--authorization-mode=Node,RBAC,Webhook\n", "--service-account-issuer=https://issuer.example/id/1\n",
		"--service-account-jwks-uri=https://issuer.example/id/1/keys\n", "--api-audiences=https://kubernetes.default.svc\n",
		"--authentication-token-webhook-config-file=tokens\n", "--authorization-webhook-config-file=reviews\n",
		"--service-account-max-token-expiration=24h\n", "--admission-control-config-file=admission\n",
	} {
		if !strings.Contains(flags, want) {
			t.Errorf("the flags lack %s", want)
		}
	}
	for _, not := range []string{"anonymous", "insecure", "AlwaysAllow", "ABAC"} {
		if strings.Contains(flags, not) {
			t.Errorf("the flags have %s", not)
		}
	}
}
