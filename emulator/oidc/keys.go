package oidc

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// LongestToken is how long a ServiceAccount's token may live: the API servers
// shorten what asks for more. (EKS User Guide, service-accounts)
const LongestToken = 24 * time.Hour

// bucket holds the keys of the issuers, by their ids.
const bucket = "oidc.keys"

// keyBits is the length of EKS's keys. (EKS User Guide, irsa-fetch-keys)
const keyBits = 2048

// Key is a pair of keys of an issuer.
type Key struct {
	ID      string // kid
	Private []byte // PKCS #1
	// Until is when the last token that it signed has ended; zero: it signs.
	Until time.Time
}

// NewKey makes a key.
func NewKey() (Key, error) {
	pair, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return Key{}, fmt.Errorf("make a signing key: %w", err)
	}
	id, err := keyID(&pair.PublicKey)
	return Key{ID: id, Private: x509.MarshalPKCS1PrivateKey(pair)}, err
}

// keyID names a public key as Kubernetes does: by its hash.
// (kube-apiserver, pkg/serviceaccount)
func keyID(public *rsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("name a signing key: %w", err)
	}
	sum := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

func (k Key) pair() (*rsa.PrivateKey, error) {
	pair, err := x509.ParsePKCS1PrivateKey(k.Private)
	if err != nil {
		return nil, fmt.Errorf("read the signing key %s: %w", k.ID, err)
	}
	return pair, nil
}

// Keys gives an issuer's keys at a time, the one that signs first, then those
// of which tokens may live; none if it has signed nothing yet.
func Keys(r store.Reader, issuer string, now time.Time) []Key {
	all, _ := store.Get[[]Key](r, bucket, issuer)
	var live []Key
	for _, k := range all {
		if k.Until.IsZero() || now.Before(k.Until) {
			live = append(live, k)
		}
	}
	return live
}

// Begin makes k the key of an issuer that has none, and else does nothing.
func Begin(tx *store.Tx, issuer string, k Key) {
	if !store.Has(tx, bucket, issuer) {
		tx.Put(bucket, issuer, []Key{k})
	}
}

// Rotate makes k sign from now on. The key before it stays published as long
// as tokens that it signed may live. (EKS rotates each seven days: EKS User
// Guide, iam-roles-for-service-accounts)
func Rotate(tx *store.Tx, issuer string, k Key, now time.Time) {
	keys := []Key{k}
	for _, old := range Keys(tx, issuer, now) {
		if old.Until.IsZero() {
			old.Until = now.Add(LongestToken)
		}
		keys = append(keys, old)
	}
	tx.Put(bucket, issuer, keys)
}

// PrivatePEM is the key as an API server reads it to sign.
func (k Key) PrivatePEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: k.Private}))
}

// PublicPEM is the key as an API server reads it to verify.
func (k Key) PublicPEM() (string, error) {
	pair, err := k.pair()
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKIXPublicKey(&pair.PublicKey)
	if err != nil {
		return "", fmt.Errorf("write the public key %s: %w", k.ID, err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

// Public is a key as it is published. (RFC 7517)
type Public struct {
	Type      string `json:"kty"`
	Exponent  string `json:"e"`
	Modulus   string `json:"n"`
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
}

// Set is what an issuer publishes at its jwks_uri.
type Set struct {
	Keys []Public `json:"keys"`
}

// Published is the set of an issuer's keys.
func Published(keys []Key) (Set, error) {
	set := Set{Keys: []Public{}}
	for _, k := range keys {
		pair, err := k.pair()
		if err != nil {
			return Set{}, err
		}
		set.Keys = append(set.Keys, Public{
			Type: "RSA", Use: "sig", Algorithm: algorithm, ID: k.ID,
			Exponent: base64.RawURLEncoding.EncodeToString(big.NewInt(int64(pair.E)).Bytes()),
			Modulus:  base64.RawURLEncoding.EncodeToString(pair.N.Bytes()),
		})
	}
	return set, nil
}

// Discovery is the document that EKS shows of an issuer.
func Discovery(issuer string) map[string]any {
	return map[string]any{
		"issuer": issuer, "jwks_uri": issuer + "/keys", "authorization_endpoint": "urn:kubernetes:programmatic_authorization",
		"response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"},
		"claims_supported": []string{"sub", "iss"}, "id_token_signing_alg_values_supported": []string{algorithm},
	}
}
