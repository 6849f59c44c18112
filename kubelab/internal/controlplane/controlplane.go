// Package controlplane runs the control plane of one lab cluster in this
// process: etcd, kube-apiserver and the controllers without which the API
// server lies. Who somebody is and what access policies give him the API
// server asks the lab, by webhooks, as that of an EKS cluster asks EKS.
package controlplane

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
)

// Options of Run.
type Options struct {
	Lab                   string // the lab's URL
	Account, Region, Name string // of the cluster
	Token                 string // with which the lab knows this process
	Dir                   string // state and private keys; made if it is not there
	Listen                string // address on loopback; port 0: the port of the last time if it is free, else any
}

func (o Options) check() error {
	for _, f := range []struct{ name, value string }{
		{"lab", o.Lab}, {"account", o.Account}, {"region", o.Region}, {"name", o.Name}, {"data", o.Dir},
	} {
		if f.value == "" {
			return fmt.Errorf("read the options: -%s is required", f.name)
		}
	}
	if o.Token == "" {
		return errors.New("read the options: ATLAS_IAM_KUBELAB_TOKEN is not set; `atlas-iam lab serve --kubernetes` sets it")
	}
	return nil
}

// Ready is what the lab is told when the API server answers.
type Ready struct {
	Endpoint             string `json:"endpoint"`
	CertificateAuthority string `json:"certificateAuthority"` // base64 of PEM, as DescribeCluster shows it
	AdminKubeconfig      string `json:"adminKubeconfig"`      // a file: the cluster's own administrator, past all authorizers
}

// Run runs the control plane until ctx ends. ready is called once, when the
// API server serves, the default roles are whole and the lab knows aws-auth.
func Run(ctx context.Context, o Options, ready func(Ready) error) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return fmt.Errorf("make the cluster's folder: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lab := lab{o}
	cluster, err := lab.cluster(ctx)
	if err != nil {
		return err
	}
	listener, err := listen(o.Listen, o.Dir)
	if err != nil {
		return err
	}
	defer listener.Close()
	keys, err := openKeys(o.Dir, "https://"+listener.Addr().String(), cluster, time.Now())
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(keys.admin())
	if err != nil {
		return fmt.Errorf("make a client of the API server: %w", err)
	}
	relay, err := startRelay(o, keys, client)
	if err != nil {
		return err
	}
	defer relay.stop()
	store, err := startEtcd(o.Dir)
	if err != nil {
		return err
	}
	defer store.close()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, o, cluster, keys, store.endpoint, relay, listener) }()
	go func() {
		if err := begin(ctx, client, lab, keys, relay, ready); err != nil && ctx.Err() == nil {
			ended <- err
		}
	}()
	err = <-ended
	if ctx.Err() != nil {
		return nil // asked to end
	}
	return err
}

// begin waits for the API server, starts the controllers and says ready.
func begin(ctx context.Context, client kubernetes.Interface, lab lab, keys *keys, relay *relay, ready func(Ready) error) error {
	config := keys.admin()
	if err := until(ctx, func() bool {
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error() == nil
	}); err != nil {
		return fmt.Errorf("wait for the API server: %w", err)
	}
	if err := startControllers(ctx, config); err != nil {
		return err
	}
	if err := until(ctx, func() bool { return rolesAreWhole(ctx, client) }); err != nil {
		return fmt.Errorf("wait for the default roles: %w", err)
	}
	if err := lab.watchAuthMap(ctx, client); err != nil {
		return err
	}
	if err := registerMutation(ctx, client, relay, keys); err != nil {
		return err
	}
	return ready(Ready{
		Endpoint: config.Host, CertificateAuthority: base64.StdEncoding.EncodeToString(keys.ca.certificate),
		AdminKubeconfig: keys.kubeconfig,
	})
}

// patience is how long the API server may take to serve.
const patience = 2 * time.Minute

func until(ctx context.Context, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !done() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// listen listens on addr, on loopback. For port 0 it tries the port of the
// last time first, so that a kubeconfig outlives a restart of the lab.
func listen(addr, dir string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: want HOST:PORT: %w", addr, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("listen on %q: only on loopback, as 127.0.0.1:0", addr)
	}
	note := filepath.Join(dir, "port")
	if b, err := os.ReadFile(note); err == nil && port == "0" {
		if l, err := net.Listen("tcp", net.JoinHostPort(host, strings.TrimSpace(string(b)))); err == nil {
			return l, nil
		}
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", addr, err)
	}
	if err := os.WriteFile(note, []byte(strconv.Itoa(l.Addr().(*net.TCPAddr).Port)+"\n"), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("note the port: %w", err), l.Close())
	}
	return l, nil
}
