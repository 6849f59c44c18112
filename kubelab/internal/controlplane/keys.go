package controlplane

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// life is how long the certificates hold. A lab's authority is made once for
// each cluster, so that kubeconfigs outlive restarts.
const life = 10 * 365 * 24 * time.Hour

// keys are the files of a cluster's keys. All private ones are readable by
// their owner alone.
type keys struct {
	ca                 pair
	caFile             string
	serving, signing   string // private keys
	verifying          string // public keys of ServiceAccount tokens
	servingCertificate string
	adminPair          pair
	kubeconfig         string
	endpoint           string
}

// pair is a private key with its certificate, as PEM.
type pair struct{ certificate, key []byte }

// openKeys reads the cluster's authority from dir, or makes it, makes the other
// certificates anew, and writes down the keys of ServiceAccount tokens, which
// are the lab's.
func openKeys(dir, endpoint string, c cluster, now time.Time) (*keys, error) {
	k := &keys{
		caFile: filepath.Join(dir, "ca.crt"), serving: filepath.Join(dir, "serving.key"), servingCertificate: filepath.Join(dir, "serving.crt"),
		signing: filepath.Join(dir, "service-account.key"), verifying: filepath.Join(dir, "service-account.pub"), kubeconfig: filepath.Join(dir, "admin.kubeconfig"), endpoint: endpoint,
	}
	steps := []func() error{
		func() (err error) { k.ca, err = authority(dir, now); return err },
		func() error {
			return errors.Join(private(k.signing, []byte(c.SigningKey)), os.WriteFile(k.verifying, []byte(strings.Join(c.VerificationKeys, "")), 0o644))
		},
		func() error {
			p, err := k.ca.issue(now, &x509.Certificate{
				Subject: pkix.Name{CommonName: "kube-apiserver"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
				IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
				DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
			})
			if err != nil {
				return err
			}
			return errors.Join(private(k.serving, p.key), os.WriteFile(k.servingCertificate, p.certificate, 0o644))
		},
		func() (err error) {
			k.adminPair, err = k.ca.issue(now, &x509.Certificate{
				Subject:     pkix.Name{CommonName: "atlas-iam-kubelab", Organization: []string{"system:masters"}},
				ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
			})
			return err
		},
		k.writeKubeconfig,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, fmt.Errorf("make the cluster's keys: %w", err)
		}
	}
	return k, nil
}

// authority reads or makes the certificate authority.
func authority(dir string, now time.Time) (pair, error) {
	keyFile, certificateFile := filepath.Join(dir, "ca.key"), filepath.Join(dir, "ca.crt")
	key, err := os.ReadFile(keyFile)
	if err == nil {
		certificate, err := os.ReadFile(certificateFile)
		return pair{certificate, key}, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return pair{}, err
	}
	p, err := issue(now, &x509.Certificate{
		Subject: pkix.Name{CommonName: "kubernetes"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}, nil, nil)
	if err != nil {
		return pair{}, err
	}
	// The key comes last: with it there, both are.
	return p, errors.Join(os.WriteFile(certificateFile, p.certificate, 0o644), private(keyFile, p.key))
}

// private writes a file that its owner alone may read, whole or not at all.
func private(file string, content []byte) error {
	if err := os.WriteFile(file+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// issue makes a key and a certificate of it that p signs.
func (p pair) issue(now time.Time, template *x509.Certificate) (pair, error) {
	block, _ := pem.Decode(p.certificate)
	keyBlock, _ := pem.Decode(p.key)
	if block == nil || keyBlock == nil {
		return pair{}, errors.New("the authority's files hold no PEM")
	}
	parent, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return pair{}, err
	}
	key, err := x509.ParseECPrivateKey(keyBlock.Bytes)
	if err != nil {
		return pair{}, err
	}
	return issue(now, template, parent, key)
}

// issue makes a key and its certificate; without a parent it signs itself.
func issue(now time.Time, template, parent *x509.Certificate, signer crypto.Signer) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	if parent == nil {
		parent, signer = template, key
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return pair{}, err
	}
	template.SerialNumber, template.NotBefore, template.NotAfter = serial, now.Add(-time.Hour), now.Add(life)
	if template.KeyUsage == 0 {
		template.KeyUsage = x509.KeyUsageDigitalSignature
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return pair{}, err
	}
	b, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return pair{}, err
	}
	return pair{
		certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:         pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: b}),
	}, nil
}

// admin is how this process itself reaches the API server.
func (k *keys) admin() *rest.Config {
	return &rest.Config{
		Host: k.endpoint, QPS: 200, Burst: 400, // one process on one machine: nothing to be fair to
		TLSClientConfig: rest.TLSClientConfig{CAData: k.ca.certificate, CertData: k.adminPair.certificate, KeyData: k.adminPair.key},
	}
}

func (k *keys) writeKubeconfig() error {
	const name = "lab-admin"
	b, err := clientcmd.Write(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{name: {Server: k.endpoint, CertificateAuthorityData: k.ca.certificate}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{name: {ClientCertificateData: k.adminPair.certificate, ClientKeyData: k.adminPair.key}},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: name}},
		CurrentContext: name,
	})
	if err != nil {
		return err
	}
	return private(k.kubeconfig, b)
}
