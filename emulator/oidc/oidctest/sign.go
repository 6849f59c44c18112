// Package oidctest signs tokens as an API server does, and as no API server
// would, for tests. It shares nothing with the code that reads them.
package oidctest

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/call"
)

// Lab is what an API server sees of the lab.
type Lab interface {
	http.Handler
	APIServerToken(k call.ClusterKey) string
}

// Issuer signs tokens with the key that the lab gave a cluster's API server.
type Issuer struct {
	URL string // of the issuer
	Key *rsa.PrivateKey
	ID  string // kid
}

// Of asks the lab for a cluster's issuer and key, as the cluster's API server
// does when it starts.
func Of(t *testing.T, lab Lab, k call.ClusterKey) Issuer {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/_lab/kubernetes/"+k.String()+"/cluster", nil)
	r.Header.Set("Authorization", "Bearer "+lab.APIServerToken(k))
	rec := httptest.NewRecorder()
	lab.ServeHTTP(rec, r)
	var said struct{ Issuer, SigningKey string }
	if err := json.Unmarshal(rec.Body.Bytes(), &said); err != nil || rec.Code != http.StatusOK {
		t.Fatalf("the lab says %d %s of cluster %s", rec.Code, rec.Body, k)
	}
	key, err := ParseKey(said.SigningKey)
	if err != nil {
		t.Fatalf("the signing key of cluster %s: %v", k, err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return Issuer{said.Issuer, key, base64.RawURLEncoding.EncodeToString(sum[:])}
}

// ParseKey reads a private key as an API server is given it.
func ParseKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("it is no PEM")
	}
	return x509.ParsePKCS1PrivateKey(block.Bytes)
}

// Header is that of the tokens of Kubernetes.
func (i Issuer) Header() map[string]any { return map[string]any{"alg": "RS256", "kid": i.ID} }

// Claims are those of the token of a ServiceAccount's pod that an API server
// makes at a time, for an hour.
func (i Issuer) Claims(namespace, account, audience string, now time.Time) map[string]any {
	return map[string]any{
		"iss": i.URL, "sub": "system:serviceaccount:" + namespace + ":" + account, "aud": []string{audience},
		"exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "nbf": now.Unix(), "jti": "0c9b2a2e-0000-4000-8000-000000000000",
		"kubernetes.io": map[string]any{
			"namespace": namespace, "pod": map[string]any{"name": "web-0", "uid": "6a8e1b7c-0000-4000-8000-000000000001"},
			"serviceaccount": map[string]any{"name": account, "uid": "6a8e1b7c-0000-4000-8000-000000000002"},
		},
	}
}

// Sign makes a token of a header and claims with the issuer's key.
func (i Issuer) Sign(t *testing.T, header, claims map[string]any) string {
	t.Helper()
	return i.SignText(t, text(t, header), text(t, claims))
}

// SignText makes a token of a header and claims as they are written.
func (i Issuer) SignText(t *testing.T, header, claims string) string {
	t.Helper()
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.Key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// HMAC makes a token whose signature is made with a secret.
func HMAC(t *testing.T, header, claims map[string]any, secret []byte) string {
	t.Helper()
	signed := base64.RawURLEncoding.EncodeToString([]byte(text(t, header))) + "." + base64.RawURLEncoding.EncodeToString([]byte(text(t, claims)))
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// PublicPEM is the issuer's public key as text.
func (i Issuer) PublicPEM(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&i.Key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
