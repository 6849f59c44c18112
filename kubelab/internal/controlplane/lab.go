package controlplane

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// lab is the lab that the cluster is one of.
type lab struct{ o Options }

// cluster is what the lab says of the cluster.
type cluster struct {
	Issuer string `json:"issuer"` // of ServiceAccount tokens, as DescribeCluster shows it
	// The keys of those tokens, as PEM: the private one that signs, and the
	// public ones of which tokens may live.
	SigningKey       string   `json:"signingKey"`
	VerificationKeys []string `json:"verificationKeys"`
}

// route is the URL of a route of the lab for this cluster, beneath endpoint.
func (o Options) route(endpoint, name string) string {
	return strings.TrimRight(endpoint, "/") + "/_lab/kubernetes/" + o.Account + "/" + o.Region + "/" + o.Name + "/" + name
}

func (l lab) cluster(ctx context.Context) (c cluster, err error) {
	if err := l.ask(ctx, http.MethodGet, "cluster", nil, &c); err != nil {
		return c, err
	}
	if c.Issuer == "" || c.SigningKey == "" || len(c.VerificationKeys) == 0 {
		return c, fmt.Errorf("ask the lab for cluster %s: it names no issuer or no keys; are the lab and this program of one version?", l.o.Name)
	}
	return c, nil
}

func (l lab) ask(ctx context.Context, method, route string, send, into any) error {
	b, err := json.Marshal(send)
	if err != nil {
		return fmt.Errorf("ask the lab for %s: %w", route, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, l.o.route(l.o.Lab, route), bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("ask the lab for %s: %w", route, err)
	}
	r.Header.Set("Authorization", "Bearer "+l.o.Token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("ask the lab for %s: %w", route, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(body)))
	}
	if err == nil && into != nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return fmt.Errorf("ask the lab for %s: %w", route, err)
	}
	return nil
}

// watchAuthMap tells the lab what stands in the ConfigMap
// kube-system/aws-auth: now, before it returns, and at each change until ctx
// ends. The cluster's side watches and tells, so that the lab needs no
// credentials of any cluster.
func (l lab) watchAuthMap(ctx context.Context, client kubernetes.Interface) error {
	const name = "aws-auth"
	source := cache.NewFilteredListWatchFromClient(client.CoreV1().RESTClient(), "configmaps", metav1.NamespaceSystem,
		func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector("metadata.name", name).String()
		})
	tell := func(data map[string]string) { // nil is no ConfigMap
		for ctx.Err() == nil {
			err := l.ask(ctx, http.MethodPut, "aws-auth", data, nil)
			if err == nil {
				return
			}
			klog.ErrorS(err, "tell the lab of aws-auth")
			time.Sleep(200 * time.Millisecond) // later changes wait: the lab gets them in order
		}
	}
	_, controller := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: source, ObjectType: &v1.ConfigMap{},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(o any) { tell(data(o)) },
			UpdateFunc: func(_, o any) { tell(data(o)) },
			DeleteFunc: func(any) { tell(nil) },
		},
	})
	go controller.RunWithContext(ctx)
	// Synced, it has told of what there was: it tells before it takes the next.
	if err := until(ctx, controller.HasSynced); err != nil {
		return fmt.Errorf("read aws-auth: %w", err)
	}
	return nil
}

// data is what a ConfigMap holds; never nil for one that is there.
func data(o any) map[string]string {
	m, ok := o.(*v1.ConfigMap)
	if !ok {
		return nil
	}
	if m.Data == nil {
		return map[string]string{}
	}
	return m.Data
}
