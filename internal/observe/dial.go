package observe

import (
	"context"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/kube"
)

// Cluster describes one cluster, its issuer and its API server among the rest,
// and reads nothing else of it. An error for which cloud.IsNotFound holds says
// that there is none.
func Cluster(ctx context.Context, c *cloud.Cloud, key access.ClusterKey) (*access.HaveCluster, error) {
	g := &region{client: c.EKS(key.Account, key.Region)}
	have, err := g.describe(ctx, key)
	if err != nil {
		return nil, err
	}
	return &have, nil
}

// Dial opens the way to a cluster's API server as the account's caller; dial is
// kube.Dial if it is nil.
func Dial(ctx context.Context, c *cloud.Cloud, have *access.HaveCluster, dial kube.Dialer) (*kube.Client, error) {
	return dialCluster(ctx, c, have, dial)
}
