package observe

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"golang.org/x/sync/errgroup"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/kube"
)

// apiServersAtOnce bounds how many API servers are read or asked at a time.
const apiServersAtOnce = 32

// noLabServer says how the lab gets an API server.
const noLabServer = "the lab has no API server for it: `atlas-iam lab serve --kubernetes` runs one"

var errNoEndpoint = errors.New("EKS gives no endpoint for it yet")

// apiServer fills where a cluster's own API server is. What is not given, or
// not readable, is left empty: it shows when it is needed.
func apiServer(have *access.HaveCluster, c *types.Cluster) {
	have.Endpoint = aws.ToString(c.Endpoint)
	if c.CertificateAuthority == nil {
		return
	}
	if pem, err := base64.StdEncoding.DecodeString(aws.ToString(c.CertificateAuthority.Data)); err == nil {
		have.CA = string(pem)
	}
}

// kubernetes reads a cluster's Kubernetes side if it is asked for. A part that
// was not read is a gap; one gap stands for all three where the API server
// could not be reached or does not know the caller.
func (g *region) kubernetes(ctx context.Context, have *access.HaveCluster) {
	need := access.KubernetesUnread
	if g.options.Kubernetes != nil {
		need = g.options.Kubernetes(have)
	}
	if need == access.KubernetesUnread {
		return
	}
	gap := access.Gap{What: access.GapKubernetes, Account: have.Key.Account, Region: have.Key.Region, Cluster: have.Key.Name}
	client, err := dialCluster(ctx, g.cloud, have, g.options.Dial)
	if err != nil {
		if need == access.KubernetesIfThere && notThere(err) {
			return
		}
		have.Kubernetes = &access.HaveKubernetes{}
		g.gap(ctx, gap, err)
		return
	}
	defer client.Close()
	r := client.Read(ctx)
	have.Kubernetes = &r.HaveKubernetes
	if r.RBAC != nil && r.NamespaceList != nil && r.AuthConfig != nil && kube.Reason(r.RBAC) == kube.Reason(r.NamespaceList) && kube.Reason(r.RBAC) == kube.Reason(r.AuthConfig) {
		g.gap(ctx, gap, r.RBAC)
		return
	}
	for _, part := range []struct {
		what access.GapKind
		err  error
	}{{access.GapRBAC, r.RBAC}, {access.GapNamespaces, r.NamespaceList}, {access.GapAuthMap, r.AuthConfig}} {
		if gap.What = part.what; part.err != nil {
			g.gap(ctx, gap, part.err)
		}
	}
}

// Discover asks the API servers whose Kubernetes side was read which resources
// they serve (HaveKubernetes.Resources). One that does not answer leaves that
// unknown; the error is that the context ended.
func Discover(ctx context.Context, c *cloud.Cloud, s *access.Snapshot, o Options) error {
	var group errgroup.Group
	group.SetLimit(apiServersAtOnce)
	for i := range s.Clusters {
		have := &s.Clusters[i]
		if have.Kubernetes == nil || !have.Kubernetes.RBACRead {
			continue
		}
		group.Go(func() error {
			client, err := dialCluster(ctx, c, have, o.Dial)
			if err != nil {
				return ctx.Err()
			}
			defer client.Close()
			if have.Kubernetes.Resources, err = client.Discover(ctx); err != nil {
				have.Kubernetes.Resources = nil
			}
			return ctx.Err()
		})
	}
	return group.Wait()
}

// notThere reports whether there is no API server at all.
func notThere(err error) bool {
	var lab *cloud.LabKeyError
	return errors.As(err, &lab) || errors.Is(err, errNoEndpoint)
}

// dialCluster prepares the way to a cluster's API server, with a token: where
// none can be had, nothing needs to be sent.
func dialCluster(ctx context.Context, c *cloud.Cloud, have *access.HaveCluster, dial kube.Dialer) (*kube.Client, error) {
	if have.Endpoint == "" {
		return nil, errNoEndpoint
	}
	k := have.Key
	token := func(ctx context.Context) (string, time.Time, error) {
		return c.ClusterToken(ctx, k.Account, k.Region, k.Name, have.Endpoint)
	}
	if _, _, err := token(ctx); err != nil {
		return nil, err
	}
	if dial == nil {
		dial = kube.Dial
	}
	return dial(kube.Cluster{Name: k.Name, Endpoint: have.Endpoint, CA: have.CA, Token: token})
}

// kubernetesReason says why a cluster's Kubernetes side was not read.
func kubernetesReason(err error) string {
	var (
		lab    *cloud.LabKeyError
		server *kube.Error
	)
	switch {
	case errors.As(err, &lab):
		return noLabServer
	case errors.As(err, &server):
		return server.Reason()
	}
	return cloud.Reason(err)
}

// Try has the API servers judge writes without making them, and puts what they
// say into the snapshot's clusters (HaveKubernetes.Trials). An API server that
// does not answer leaves its trials unread; the error is that the context
// ended.
func Try(ctx context.Context, c *cloud.Cloud, s *access.Snapshot, trials map[access.ClusterKey][]access.Trial, o Options) error {
	var group errgroup.Group
	group.SetLimit(apiServersAtOnce)
	for i := range s.Clusters {
		have := &s.Clusters[i]
		wanted := trials[have.Key]
		if len(wanted) == 0 || have.Kubernetes == nil {
			continue
		}
		group.Go(func() error {
			client, err := dialCluster(ctx, c, have, o.Dial)
			if err != nil {
				for _, t := range wanted {
					t.Refused, t.Unread = kubernetesReason(err), true
					have.Kubernetes.Trials = append(have.Kubernetes.Trials, t)
				}
				return ctx.Err()
			}
			defer client.Close()
			have.Kubernetes.Trials = client.Try(ctx, wanted)
			return ctx.Err()
		})
	}
	return group.Wait()
}
