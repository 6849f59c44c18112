//go:build conformance

package conformance

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// spokeDocuments are a cluster that is registered with an Argo CD on cluster
// test, and that Argo CD; both take the cluster's keys.
const spokeDocuments = `---
apiVersion: atlas-iam.dev/v1alpha1
kind: Cluster
metadata: {name: prod}
spec: {clusterName: atlas-prod, kubernetes: {via: None}%s}
---
apiVersion: atlas-iam.dev/v1alpha1
kind: Workload
metadata: {name: argocd}
spec:
  clusters: {names: [test]}
  serviceAccounts: [{namespace: argocd, name: argocd-application-controller, manage: Create}]
  credentials: IRSA
  role: {name: argocd}
  grants: [%s]
`

const (
	registered   = ", argocd: {hub: test, namespace: argocd}"
	deploysThere = "{policy: ClusterAdmin, scope: cluster, clusters: {names: [prod]}}"
)

// The second article's end: a cluster that an Argo CD on another one knows, and
// gets into with its role, as Argo CD's own client does.
//
// shows: item S128; item S129; item S131
func TestAnArgoCDIsToldOfAClusterAndGetsIn(t *testing.T) {
	t.Parallel()
	o := newOffice(t, filepath.Join(t.TempDir(), "lab.db"))
	o.grants = `{policy: View, namespaces: [backend]}`
	o.ready()
	// The namespace of Argo CD is not there yet: that alone is held.
	o.documents(fmt.Sprintf(spokeDocuments, registered, deploysThere))
	run(t, o.folder, o.env, 0, o.atlas, "lab", "seed", "--endpoint", o.endpoint, o.folder)
	o.says(o.do(4, "apply", "--yes"), "namespace argocd is not on cluster test")
	o.kube("create", "namespace", "argocd")
	// What others registered is nobody's business, and stays.
	o.kube("-n", "argocd", "create", "secret", "generic", "others", "--from-literal", "config=never-to-be-seen")
	o.kube("-n", "argocd", "label", "secret", "others", "argocd.argoproj.io/secret-type=cluster")
	o.says(o.do(0, "apply", "--yes"), "register cluster prod with Argo CD in argocd")
	o.says(o.do(0, "plan"), "No changes.")

	const name = "atlas-iam.ops.prod"
	secret := o.argoSecret(name)
	var cluster struct {
		Cluster struct {
			Endpoint             string
			CertificateAuthority struct{ Data string }
		}
	}
	decode(t, run(t, o.folder, o.env, 0, "aws", "eks", "describe-cluster", "--name", "atlas-prod"), &cluster)
	want := map[string]string{"name": "prod", "server": cluster.Cluster.Endpoint,
		"config": `{"awsAuthConfig":{"clusterName":"atlas-prod"},"tlsClientConfig":{"insecure":false,"caData":"` + cluster.Cluster.CertificateAuthority.Data + `"}}`}
	if got := secret.text(); fmt.Sprint(got) != fmt.Sprint(want) || secret.Type != "Opaque" {
		t.Errorf("the Secret says %v of type %s, want %v", got, secret.Type, want)
	}
	if l := secret.Metadata.Labels; l["argocd.argoproj.io/secret-type"] != "cluster" || l["atlas-iam.dev/environment"] != "ops" || l["atlas-iam.dev/id"] != "k7f3c9a1" {
		t.Errorf("its labels are %v", l)
	}

	// In as Argo CD does it: the Secret's server and authority, and a token for
	// its cluster's name by the credentials of the pod.
	o.asArgoCD(secret, 0, "namespace/kube-system")

	// Somebody else's key beside ours stays; somebody else's config is not
	// overwritten, and what it says is not shown.
	o.kube("-n", "argocd", "patch", "secret", name, "-p", `{"stringData":{"project":"apps"}}`)
	o.says(o.do(0, "plan"), "No changes.")
	o.kube("-n", "argocd", "patch", "secret", name, "-p", `{"stringData":{"config":"{\"bearerToken\":\"never-to-be-seen\"}"}}`)
	for _, args := range [][]string{{"plan"}, {"plan", "-o", "json"}, {"plan", "-v"}} {
		out := o.do(4, args...)
		o.says(out, "somebody else set what it would change")
		if strings.Contains(out, "never-to-be-seen") {
			t.Errorf("what somebody wrote into the Secret is shown:\n%s", out)
		}
	}
	o.kube("-n", "argocd", "delete", "secret", name)
	o.do(0, "apply", "--yes")

	// Somebody else's Secret at the name is held and left alone.
	o.kube("-n", "argocd", "delete", "secret", name)
	o.kube("-n", "argocd", "create", "secret", "generic", name, "--from-literal", "config=theirs")
	o.says(o.do(4, "apply", "--yes"), "is there and not ours (nobody's mark)")
	if got := o.argoSecret(name).text(); fmt.Sprint(got) != fmt.Sprint(map[string]string{"config": "theirs"}) {
		t.Errorf("somebody else's Secret became %v", got)
	}
	o.kube("-n", "argocd", "delete", "secret", name)
	o.do(0, "apply", "--yes")

	// The cluster is registered no more, then may not be entered.
	o.documents(fmt.Sprintf(spokeDocuments, "", deploysThere))
	o.says(o.do(0, "apply", "--yes"), "take cluster prod from Argo CD in argocd")
	if left := strings.Fields(o.kube("-n", "argocd", "get", "secrets", "-o", "name")); !slices.Equal(left, []string{"secret/others"}) {
		t.Errorf("left are %v", left)
	}
	o.asArgoCD(secret, 0, "namespace/kube-system")
	o.documents(fmt.Sprintf(spokeDocuments, "", ""))
	o.do(0, "apply", "--yes")
	o.asArgoCD(secret, 1, "Unauthorized")
}

// argoSecret is a Secret as kubectl reads it.
type argoSecret struct {
	Type     string
	Metadata struct{ Labels map[string]string }
	Data     map[string][]byte
}

func (o *office) argoSecret(name string) (s argoSecret) {
	o.t.Helper()
	decode(o.t, o.kube("-n", "argocd", "get", "secret", name, "-o", "json"), &s)
	return s
}

func (s argoSecret) text() map[string]string {
	out := map[string]string{}
	for k, v := range s.Data {
		out[k] = string(v)
	}
	return out
}

// asArgoCD lists the namespaces of the cluster of a Secret as its Argo CD does:
// `argocd-k8s-auth aws --cluster-name` and `aws eks get-token` are one
// exchange. (Argo CD, Declarative setup: EKS)
func (o *office) asArgoCD(s argoSecret, code int, says string) {
	o.t.Helper()
	var config struct {
		AWSAuthConfig   struct{ ClusterName, RoleARN string }
		TLSClientConfig struct{ CAData string }
	}
	decode(o.t, string(s.Data["config"]), &config)
	args := []string{"eks", "get-token", "--cluster-name", config.AWSAuthConfig.ClusterName, "--region", "us-east-1", "--output", "json"}
	if config.AWSAuthConfig.RoleARN != "" {
		args = append(args, "--role-arn", config.AWSAuthConfig.RoleARN)
	}
	type object = map[string]any
	text, err := json.Marshal(object{"apiVersion": "v1", "kind": "Config", "current-context": "x",
		"clusters": []any{object{"name": "x", "cluster": object{"server": string(s.Data["server"]), "certificate-authority-data": config.TLSClientConfig.CAData}}},
		"contexts": []any{object{"name": "x", "context": object{"cluster": "x", "user": "x"}}},
		"users": []any{object{"name": "x", "user": object{"exec": object{"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "aws", "args": args,
			"interactiveMode": "Never"}}}}})
	if err != nil {
		o.t.Fatal(err)
	}
	file := filepath.Join(o.t.TempDir(), "kubeconfig")
	write(o.t, file, string(text))
	out := run(o.t, filepath.Dir(o.folder), o.env, code, o.atlas, "run-as", "workload/argocd", "access", "--", o.kubectl, "--kubeconfig", file, "get", "namespaces", "-o", "name")
	if !strings.Contains(out, says) {
		o.t.Errorf("as Argo CD: %s, want %s", out, says)
	}
}
