package controlplane

import (
	"context"
	"fmt"
	"net"
	"path/filepath"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// serve runs the API server until ctx ends.
func serve(ctx context.Context, o Options, c cluster, k *keys, etcd string, relay *relay, listener net.Listener) error {
	tokens, err := webhook(o, k, relay.endpoint, "token-review")
	if err != nil {
		return err
	}
	reviews, err := webhook(o, k, relay.endpoint, "access-review")
	if err != nil {
		return err
	}
	admission, err := admissionConfig(o, relay)
	if err != nil {
		return err
	}
	s := options.NewServerRunOptions()
	flags := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	for _, set := range s.Flags().FlagSets {
		flags.AddFlagSet(set)
	}
	if err := flags.Parse(wiring(c, k, etcd, webhooks{tokens, reviews, admission})); err != nil {
		return fmt.Errorf("set the API server's flags: %w", err)
	}
	s.SecureServing.Listener = listener
	s.Authentication.TokenSuccessCacheTTL = 0 // see wiring: a change is seen at once
	if err := s.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return fmt.Errorf("set the API server's features: %w", err)
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	completed, err := s.Complete(ctx)
	if err != nil {
		return fmt.Errorf("complete the API server's options: %w", err)
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return fmt.Errorf("check the API server's options: %w", errs[0])
	}
	if err := app.Run(ctx, completed); err != nil {
		return fmt.Errorf("run the API server: %w", err)
	}
	return nil
}

// webhooks are the files by which the API server reaches the lab's webhooks.
type webhooks struct{ tokens, access, admission string }

// wiring is how EKS wires its API servers, as flags. Of the order of
// authorizers one log of EKS's is known: Node, RBAC, Webhook. (aws-facts 2.9)
//
// Nothing is cached of what the webhooks answer: the lab promises that a
// change of an entry or a policy is seen at once, and it answers from memory
// on the same machine.
func wiring(c cluster, k *keys, etcd string, w webhooks) []string {
	return []string{
		"--etcd-servers=" + etcd,
		"--tls-cert-file=" + k.servingCertificate, "--tls-private-key-file=" + k.serving,
		"--client-ca-file=" + k.caFile,

		"--authentication-token-webhook-config-file=" + w.tokens, "--authentication-token-webhook-version=v1", "--authentication-token-webhook-cache-ttl=0s",
		"--authorization-mode=Node,RBAC,Webhook",
		"--authorization-webhook-config-file=" + w.access, "--authorization-webhook-version=v1",
		"--authorization-webhook-cache-authorized-ttl=0s", "--authorization-webhook-cache-unauthorized-ttl=0s",

		"--service-account-issuer=" + c.Issuer, "--service-account-jwks-uri=" + c.Issuer + "/keys",
		"--service-account-signing-key-file=" + k.signing, "--service-account-key-file=" + k.verifying,
		"--service-account-max-token-expiration=24h", // EKS User Guide, service-accounts
		"--api-audiences=https://kubernetes.default.svc",

		"--enable-admission-plugins=NodeRestriction", "--admission-control-config-file=" + w.admission,
		"--service-cluster-ip-range=10.100.0.0/16",
		// No node will ever ask for the Service kubernetes, and the API server
		// refuses to advertise the loopback: an address for documentation.
		// (RFC 5737)
		"--advertise-address=192.0.2.1", "--endpoint-reconciler-type=none",
		"--profiling=false",
	}
}

// webhook writes the file by which the API server reaches a webhook of the
// lab, through the relay, and gives its name.
func webhook(o Options, k *keys, relay, route string) (string, error) {
	file := filepath.Join(o.Dir, route+".kubeconfig")
	b, err := clientcmd.Write(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"lab": {Server: o.route(relay, route), CertificateAuthorityData: k.ca.certificate}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"lab": {Token: o.Token}},
		Contexts:       map[string]*clientcmdapi.Context{"lab": {Cluster: "lab", AuthInfo: "lab"}},
		CurrentContext: "lab",
	})
	if err == nil {
		err = private(file, b)
	}
	if err != nil {
		return "", fmt.Errorf("write the configuration of the webhook %s: %w", route, err)
	}
	return file, nil
}
