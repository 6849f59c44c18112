package access

import (
	"bytes"
	"encoding/json"
	"io"
)

// The label by which Argo CD finds the Secrets that register clusters with it.
// (Argo CD, Declarative setup: clusters)
const (
	LabelArgoSecret   = "argocd.argoproj.io/secret-type"
	ArgoSecretCluster = "cluster"
)

// WantArgoCD registers a cluster with an Argo CD on another one, by a Secret
// there that says how to reach it.
type WantArgoCD struct {
	Hub       ClusterKey
	Namespace string // of Argo CD, on the hub
	Role      string // ARN of the role that Argo CD assumes; empty: it uses its own
	Place     Place
}

// Registration is what the Secret says by which an Argo CD knows a cluster:
// where it is, and with which role one gets in.
type Registration struct {
	Cluster     string `json:"cluster"`        // how Argo CD calls it
	Server      string `json:"server"`         // URL of its API server
	ClusterName string `json:"clusterName"`    // EKS's, for the token
	Role        string `json:"role,omitempty"` // ARN to assume; empty: Argo CD's own
	CA          string `json:"caData"`         // PEM in base64
	// Other says that what was read holds something else too. It is not kept: it
	// may be a credential.
	Other bool `json:"other,omitempty"`
}

// argoConfig is the Secret's key config. (Argo CD, Declarative setup: clusters,
// EKS)
type argoConfig struct {
	AWSAuth argoAWSAuth `json:"awsAuthConfig"`
	TLS     argoTLS     `json:"tlsClientConfig"`
}

type argoAWSAuth struct {
	ClusterName string `json:"clusterName"`
	RoleARN     string `json:"roleARN,omitempty"`
}

type argoTLS struct {
	Insecure bool   `json:"insecure"`
	CAData   string `json:"caData"`
}

// Data are the Secret's keys that say r, as text.
func (r Registration) Data() map[string]string {
	config, err := json.Marshal(argoConfig{argoAWSAuth{r.ClusterName, r.Role}, argoTLS{CAData: r.CA}})
	if err != nil {
		panic("access: strings cannot be written as JSON: " + err.Error())
	}
	return map[string]string{"name": r.Cluster, "server": r.Server, "config": string(config)}
}

// RegistrationOf undoes Data. Keys that others may set beside those, such as a
// project, do not count.
func RegistrationOf(data map[string]string) Registration {
	var c argoConfig
	d := json.NewDecoder(bytes.NewReader([]byte(data["config"])))
	d.DisallowUnknownFields()
	err := d.Decode(&c)
	_, end := d.Token()
	return Registration{Cluster: data["name"], Server: data["server"], ClusterName: c.AWSAuth.ClusterName, Role: c.AWSAuth.RoleARN, CA: c.TLS.CAData,
		Other: err != nil || end != io.EOF || c.TLS.Insecure}
}

// ArgoSecretName is the name of the Secret by which an environment registers
// the cluster of a document: another environment's has another name. Neither
// part holds a dot.
func (o Owner) ArgoSecretName(document string) string {
	return "atlas-iam." + o.Environment + "." + document
}

// ArgoLabels mark a Secret as o's and as one that registers a cluster.
func (o Owner) ArgoLabels() map[string]string {
	labels := o.Labels()
	labels[LabelArgoSecret] = ArgoSecretCluster
	return labels
}

// HaveArgoSecret is a Secret that stands where one of ours is wanted, or is
// ours.
type HaveArgoSecret struct {
	Namespace, Name string
	UID             string
	Labels          map[string]string
	Managers        []string // field managers, sorted
	// Registration is nil where the Secret is not ours: then nothing but its
	// metadata is read.
	Registration *Registration
}

// OwnerOfArgoSecret reads whose a Secret is, as OwnerOfBinding does.
func (o Owner) OwnerOfArgoSecret(s *HaveArgoSecret, foreign map[string]string) Ownership {
	return o.OwnerOfBinding(&Binding{Labels: s.Labels, Managers: s.Managers}, foreign)
}

// ArgoNeed says which of a cluster's Secrets are read: all that are ours, and
// the metadata of those at the names where one of ours is wanted.
type ArgoNeed struct {
	Need        KubernetesNeed
	Owner       Owner
	ForeignTags map[string]string
	Names       []ArgoSecretKey
}

// ArgoSecretKey is where a Secret stands.
type ArgoSecretKey struct{ Namespace, Name string }

// ArgoSecret finds a Secret that was read.
func (k *HaveKubernetes) ArgoSecret(namespace, name string) (*HaveArgoSecret, bool) {
	for i := range k.ArgoSecrets {
		if s := &k.ArgoSecrets[i]; s.Namespace == namespace && s.Name == name {
			return s, true
		}
	}
	return nil, false
}
