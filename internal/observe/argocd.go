package observe

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/kube"
)

// argoSecrets reads the Secrets that register clusters with an Argo CD on some
// clusters: a list of ours, and the metadata of each that stands in the way of
// one that is wanted.
func (r *reading) argoSecrets(ctx context.Context, of map[access.ClusterKey]access.ArgoNeed) {
	var clusters errgroup.Group
	clusters.SetLimit(apiServersAtOnce)
	for i := range r.snapshot.Clusters {
		have := &r.snapshot.Clusters[i]
		need, ok := of[have.Key]
		if !ok || need.Need == access.KubernetesUnread {
			continue
		}
		clusters.Go(func() error {
			r.clusterArgoSecrets(ctx, have, &need)
			return nil
		})
	}
	_ = clusters.Wait() // failures are gaps
}

func (r *reading) clusterArgoSecrets(ctx context.Context, have *access.HaveCluster, need *access.ArgoNeed) {
	gap := access.Gap{What: access.GapArgoSecrets, Account: have.Key.Account, Region: have.Key.Region, Cluster: have.Key.Name}
	client, err := dialCluster(ctx, r.cloud, have, r.options.Dial)
	if err != nil && need.Need == access.KubernetesIfThere && notThere(err) {
		return
	}
	if err != nil {
		r.gap(ctx, gap, err)
		return
	}
	defer client.Close()
	secrets, err := client.ArgoSecrets(ctx, need)
	if err != nil {
		r.gap(ctx, gap, err)
		return
	}
	if have.Kubernetes == nil {
		have.Kubernetes = &access.HaveKubernetes{}
	}
	have.Kubernetes.ArgoSecrets, have.Kubernetes.ArgoSecretsRead = secrets, true
	r.clusterNamespaces(ctx, client, have)
}

// clusterNamespaces reads a cluster's namespaces where they were not read.
func (r *reading) clusterNamespaces(ctx context.Context, client *kube.Client, have *access.HaveCluster) {
	k := have.Kubernetes
	if k.NamespacesRead {
		return
	}
	names, err := client.Namespaces(ctx)
	if err != nil {
		r.gap(ctx, access.Gap{What: access.GapNamespaces, Account: have.Key.Account, Region: have.Key.Region, Cluster: have.Key.Name}, err)
		return
	}
	k.Namespaces, k.NamespacesRead = names, true
}
