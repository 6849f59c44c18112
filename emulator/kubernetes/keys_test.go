package kubernetes_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/oidc/oidctest"
)

// published are the keys of an issuer, as anybody reads them.
func (w *world) published(issuer string) map[string]*rsa.PublicKey {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.server.ServeHTTP(rec, httptest.NewRequest("GET", "http://127.0.0.1"+issuer[strings.Index(issuer, "/id/"):]+"/keys", nil))
	var set struct {
		Keys []struct{ Kty, Alg, Use, Kid, N, E string }
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &set); err != nil || rec.Code != 200 {
		w.t.Fatalf("keys: %d %s", rec.Code, rec.Body)
	}
	keys := map[string]*rsa.PublicKey{}
	for _, k := range set.Keys {
		n, err1 := base64.RawURLEncoding.DecodeString(k.N)
		e, err2 := base64.RawURLEncoding.DecodeString(k.E)
		if err := errors.Join(err1, err2); err != nil || k.Kty != "RSA" || k.Alg != "RS256" || k.Use != "sig" {
			w.t.Fatalf("key %+v: %v", k, err)
		}
		keys[k.Kid] = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	}
	return keys
}

// signs reports whether a token was signed with one of the keys.
func signs(keys map[string]*rsa.PublicKey, i oidctest.Issuer, token string) bool {
	key, ok := keys[i.ID]
	if !ok {
		return false
	}
	dot := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	sum := sha256.Sum256([]byte(token[:dot]))
	return err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil
}

// shows: item S86
func TestKeysAreRotatedAndOldOnesStayAsLongAsTheirTokens(t *testing.T) {
	w := newWorld(t, types.AuthenticationModeApi)
	k := call.ClusterKey{Account: account, Region: w.region, Name: cluster}
	first := oidctest.Of(t, w.server, k)
	token := first.Sign(t, first.Header(), first.Claims("ns", "sa", "aud", w.now))
	if keys := w.published(first.URL); len(keys) != 1 || !signs(keys, first, token) {
		t.Errorf("the keys that are published are not those that sign: %v", keys)
	}
	if again := oidctest.Of(t, w.server, k); again.ID != first.ID {
		t.Error("an API server that starts again signs with another key")
	}
	rotate := httptest.NewRecorder()
	w.server.ServeHTTP(rotate, httptest.NewRequest("POST", "http://127.0.0.1/_lab/keys?account="+account+"&region="+w.region+"&cluster="+cluster, nil))
	second := oidctest.Of(t, w.server, k)
	if rotate.Code != 200 || !strings.Contains(rotate.Body.String(), second.ID) || second.ID == first.ID {
		t.Fatalf("rotation: %d %s; the key is %s, was %s", rotate.Code, rotate.Body, second.ID, first.ID)
	}
	for _, later := range []time.Duration{0, 24*time.Hour - time.Second} {
		w.now = w.now.Add(later)
		if keys := w.published(first.URL); len(keys) != 2 || !signs(keys, first, token) {
			t.Errorf("%v after the rotation: %v", later, keys)
		}
	}
	w.now = w.now.Add(time.Second)
	if keys := w.published(first.URL); len(keys) != 1 || keys[second.ID] == nil {
		t.Errorf("a day after the rotation: %v", keys)
	}
	for _, wrong := range []string{"?account=" + account + "&region=" + w.region + "&cluster=other", ""} {
		rec := httptest.NewRecorder()
		if w.server.ServeHTTP(rec, httptest.NewRequest("POST", "http://127.0.0.1/_lab/keys"+wrong, nil)); rec.Code != 400 {
			t.Errorf("%q: %d", wrong, rec.Code)
		}
	}
}

// An API server is given all keys of which tokens may live.
func TestAnAPIServerVerifiesTheTokensOfOldKeysToo(t *testing.T) {
	w := newWorld(t, types.AuthenticationModeApi)
	k := call.ClusterKey{Account: account, Region: w.region, Name: cluster}
	for n := 1; n <= 3; n++ {
		_, out := w.send("GET", w.path("cluster"), w.server.APIServerToken(k), nil)
		if keys, ok := out["verificationKeys"].([]any); !ok || len(keys) != n {
			t.Errorf("after %d rotations: %v", n-1, out["verificationKeys"])
		}
		must[string](t)(w.server.RotateKeys(k))
	}
}
