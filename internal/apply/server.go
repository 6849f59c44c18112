package apply

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/kube"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// tokens make a bearer token for a cluster's API server; see
// cloud.ClusterToken.
type tokens func(ctx context.Context, account, region, cluster, server string) (string, time.Time, error)

// apiServers are the ways to the API servers of a run, opened when first
// needed.
type apiServers struct {
	mu   sync.Mutex
	open map[access.ClusterKey]*apiServer
}

type apiServer struct {
	turn   sync.Mutex
	client *kube.Client
}

func (a *apiServers) of(k access.ClusterKey) *apiServer {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		a.open = map[access.ClusterKey]*apiServer{}
	}
	if a.open[k] == nil {
		a.open[k] = &apiServer{}
	}
	return a.open[k]
}

func (a *apiServers) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.open {
		if s.client != nil {
			s.client.Close()
		}
	}
}

// apiServer is the way to the job's cluster. Where it is, EKS says: a saved
// plan does not know.
func (j *job) apiServer(ctx context.Context) (*kube.Client, error) {
	s := j.servers.of(j.key)
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	out, err := j.eks.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &j.key.Name})
	if err != nil {
		return nil, err
	}
	if out.Cluster == nil {
		return nil, errEmpty
	}
	server := aws.ToString(out.Cluster.Endpoint)
	if server == "" || j.tokens == nil {
		return nil, errNoServer
	}
	var ca []byte
	if c := out.Cluster.CertificateAuthority; c != nil {
		if ca, err = base64.StdEncoding.DecodeString(aws.ToString(c.Data)); err != nil {
			return nil, errors.New("its certificate authority is not base64")
		}
	}
	k := j.key
	token := func(ctx context.Context) (string, time.Time, error) {
		return j.tokens(ctx, k.Account, k.Region, k.Name, server)
	}
	dial := j.opts.Dial
	if dial == nil {
		dial = kube.Dial
	}
	s.client, err = dial(kube.Cluster{Name: k.Name, Endpoint: server, CA: string(ca), Token: token})
	return s.client, err
}

// What AWS and API servers say of a call that failed, asked in one way.

func reasonOf(err error) string {
	var server *kube.Error
	if errors.As(err, &server) {
		return server.Reason()
	}
	return cloud.Reason(err)
}

func codeOf(err error) string {
	if code := kube.Code(err); code != "" {
		return code
	}
	return cloud.Code(err)
}

func requestOf(err error) string {
	if id := kube.AuditID(err); id != "" {
		return id
	}
	return cloud.ErrorRequestID(err)
}

// notYetKnown is how an API server refuses a caller whose own entry or policy
// this run makes: it takes several seconds until the cluster knows. (EKS User
// Guide, creating access entries)
func (j *job) notYetKnown(err error) bool {
	if !kube.IsUnauthorized(err) && !kube.IsForbidden(err) {
		return false
	}
	return slices.ContainsFunc(j.plan.Changes, func(c plan.Change) bool {
		return c.Cluster == j.key && len(c.Held) == 0 && c.To != nil && isCaller(j.plan, &c)
	})
}
