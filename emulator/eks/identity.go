package eks

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// principal is an IAM user or role, read from its ARN.
type principal struct {
	partition, account string
	kind               string // "user" or "role"
	path, name         string // path is "/" or "/a/b/"
}

// parsePrincipal reads the ARN of a user or role; anything else, a session's
// too, is not ok.
func parsePrincipal(arn string) (principal, bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || parts[3] != "" || len(parts[4]) != 12 {
		return principal{}, false
	}
	kind, rest, _ := strings.Cut(parts[5], "/")
	i := strings.LastIndexByte(rest, '/')
	p := principal{parts[1], parts[4], kind, "/" + rest[:i+1], rest[i+1:]}
	return p, (kind == "user" || kind == "role") && p.name != ""
}

func (p principal) serviceLinked() bool {
	return p.kind == "role" && strings.HasPrefix(p.path, "/aws-service-role/")
}

// username is what EKS calls the principal of a STANDARD entry that names
// none. (aws-facts 2.4)
func (p principal) username() string {
	if p.kind == "user" {
		return "arn:" + p.partition + ":iam::" + p.account + ":user" + p.path + p.name
	}
	return "arn:" + p.partition + ":sts::" + p.account + ":assumed-role/" + p.name + "/{{SessionName}}"
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

func newID() string {
	h := randomHex(16)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// newCA makes a certificate authority for a cluster and gives its certificate
// as EKS shows it: base64 of PEM. Its key is not kept, for no API server
// stands behind the endpoint.
func newCA(now time.Time) (string, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", fmt.Errorf("make a cluster's certificate authority: %w", err)
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(0), Subject: pkix.Name{CommonName: "kubernetes"},
		NotBefore: now, NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &k.PublicKey, k)
	if err != nil {
		return "", fmt.Errorf("make a cluster's certificate authority: %w", err)
	}
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), nil
}

func ptr[T any](v T) *T { return &v }

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// nonNil makes an absent list an empty one, which is shown.
func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
