package observe

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
	"github.com/atlas-iam/atlas-iam/internal/kube"
)

// Sight is whether something is seen to be so.
type Sight string

// The sights. What could not be asked is neither.
const (
	Seen    Sight = "seen"
	NotSeen Sight = "not seen"
	Unasked Sight = "not asked"
)

// Seeing is a sight and, where it is not Seen, why.
type Seeing struct {
	Sight Sight
	Why   string
}

// Bound is how far a ServiceAccount is seen to have its association's role. An
// association is seen late: it takes some seconds until all of EKS has it.
// (EKS User Guide, pod-id-association) Pods get their way to the credentials as
// they are made, so one that is made too early never has it.
type Bound struct {
	Listed Seeing // EKS shows the association, with the role
	Pods   Seeing // a pod that is made now finds credentials
	Given  Seeing // EKS Auth gives the role to a pod that runs
	Pod    string // that pod
}

// Done reports whether all that could be asked is seen.
func (b *Bound) Done() bool {
	return b.Listed.Sight == Seen && b.Pods.Sight != NotSeen && b.Given.Sight != NotSeen
}

// Binding is whose association is looked for.
type Binding struct {
	Cluster                   *access.HaveCluster
	Namespace, ServiceAccount string
	Role                      string // ARN of the association's role
	Final                     string // ARN of the role that pods end up in
	// NoKubernetes is why the cluster's API server is not asked; empty: it is.
	NoKubernetes string
}

// LookBound looks once. The error is that AWS could not be asked at all.
func LookBound(ctx context.Context, c *cloud.Cloud, of Binding, dial kube.Dialer) (*Bound, error) {
	b := &Bound{Pods: Seeing{Unasked, of.NoKubernetes}, Given: Seeing{Unasked, of.NoKubernetes}}
	var err error
	if b.Listed, err = listed(ctx, c, &of); err != nil || of.NoKubernetes != "" {
		return b, err
	}
	client, err := Dial(ctx, c, of.Cluster, dial)
	if err != nil {
		b.Pods.Why = kubernetesReason(err)
		b.Given.Why = b.Pods.Why
		return b, nil
	}
	defer client.Close()
	switch injected, err := client.TryPod(ctx, of.Namespace, of.ServiceAccount); {
	case kube.NoPodRuns(err):
		b.Pods = Seeing{NotSeen, kube.Reason(err)}
	case err != nil:
		b.Pods.Why = kube.Reason(err)
	case injected:
		b.Pods = Seeing{Sight: Seen}
	default:
		b.Pods = Seeing{NotSeen, "the cluster gives its pods no way to credentials yet"}
	}
	b.Given, b.Pod = given(ctx, c, client, &of)
	return b, nil
}

// listed looks whether EKS shows the association.
func listed(ctx context.Context, c *cloud.Cloud, of *Binding) (Seeing, error) {
	k := of.Cluster.Key
	client := c.EKS(k.Account, k.Region)
	all, err := pages(func(token *string) ([]types.PodIdentityAssociationSummary, *string, error) {
		out, err := client.ListPodIdentityAssociations(ctx, &eks.ListPodIdentityAssociationsInput{ClusterName: &k.Name, Namespace: &of.Namespace, ServiceAccount: &of.ServiceAccount,
			MaxResults: aws.Int32(listPage), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.Associations, out.NextToken, nil
	})
	if err != nil {
		return Seeing{}, fmt.Errorf("list the Pod Identity associations of %s/%s on %s: %w", of.Namespace, of.ServiceAccount, k.Name, err)
	}
	for _, s := range all {
		if aws.ToString(s.Namespace) != of.Namespace || aws.ToString(s.ServiceAccount) != of.ServiceAccount {
			continue
		}
		one, err := client.DescribePodIdentityAssociation(ctx, &eks.DescribePodIdentityAssociationInput{ClusterName: &k.Name, AssociationId: s.AssociationId})
		switch {
		case cloud.IsNotFound(err):
		case err != nil:
			return Seeing{}, fmt.Errorf("describe the Pod Identity association of %s/%s on %s: %w", of.Namespace, of.ServiceAccount, k.Name, err)
		case one.Association != nil && aws.ToString(one.Association.RoleArn) == of.Role:
			return Seeing{Sight: Seen}, nil
		default:
			return Seeing{NotSeen, "EKS still shows another role of the association"}, nil
		}
	}
	return Seeing{NotSeen, "EKS does not show the association yet"}, nil
}

// given looks whether EKS Auth gives the role to a pod that runs.
func given(ctx context.Context, c *cloud.Cloud, client *kube.Client, of *Binding) (Seeing, string) {
	pods, err := client.Pods(ctx, of.Namespace, of.ServiceAccount)
	if err != nil {
		return Seeing{Unasked, kube.Reason(err)}, ""
	}
	if len(pods) == 0 {
		return Seeing{Unasked, "no pod runs as it yet, and a token is a pod's"}, ""
	}
	token, _, err := client.ServiceAccountToken(ctx, of.Namespace, of.ServiceAccount, access.AudienceEKS, &pods[0])
	if err != nil {
		return Seeing{Unasked, kube.Reason(err)}, pods[0].Name
	}
	k := of.Cluster.Key
	session, err := c.PodIdentity(ctx, k.Account, k.Region, k.Name, token)
	switch reason := cloud.Reason(err); {
	case err == nil && strings.Contains(session.ARN, ":assumed-role/"+access.RoleName(of.Final)+"/"):
		return Seeing{Sight: Seen}, pods[0].Name
	case err == nil:
		return Seeing{NotSeen, "EKS Auth still gives " + session.ARN}, pods[0].Name
	case cloud.Code(err) == "" || strings.Contains(reason, "eks-auth:"): // the caller himself may not ask
		return Seeing{Unasked, reason}, pods[0].Name
	default:
		return Seeing{NotSeen, reason}, pods[0].Name
	}
}
