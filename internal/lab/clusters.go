package lab

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/cloud"
)

// active is how long a cluster may take to be: where the lab runs API servers,
// it waits for its own.
const active = 4 * time.Minute

// clusterRole is the service role of the lab's clusters.
const clusterRole = "atlas-iam-lab-cluster"

func (s *seeding) makeClusters(ctx context.Context) error {
	for i := range s.needs.clusters {
		c := &s.needs.clusters[i]
		client := s.cloud.EKS(c.Key.Account, c.Key.Region)
		_, err := client.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &c.Key.Name})
		switch {
		case err == nil:
			continue
		case !cloud.IsNotFound(err):
			return fmt.Errorf("look for cluster %s: %w", c.Key, err)
		}
		if err := s.makeCluster(ctx, client, c); err != nil {
			return fmt.Errorf("make cluster %s: %w", c.Key, err)
		}
	}
	return nil
}

// makeCluster makes a cluster as its documents imply it came to be: in the
// mode they write, by the first principal that they remove, whose hidden entry
// it then has. Nobody to remove: made by the lab's caller, who is its
// administrator only where documents want something written in the cluster.
func (s *seeding) makeCluster(ctx context.Context, client *eks.Client, c *access.WantCluster) error {
	role, err := s.serviceRole(ctx, c.Key)
	if err != nil {
		return err
	}
	creator, by, release, err := s.creator(ctx, client, c)
	if err != nil {
		return err
	}
	defer release()
	if by == "" && s.writesIn(c) {
		by = "the lab's caller"
	}
	mode := cmp.Or(c.Mode, access.ModeAPIAndConfigMap)
	_, err = creator.CreateCluster(ctx, &eks.CreateClusterInput{
		Name: &c.Key.Name, RoleArn: &role,
		ResourcesVpcConfig: &ekstypes.VpcConfigRequest{SubnetIds: []string{"subnet-0a1b2c3d4e5f60001", "subnet-0a1b2c3d4e5f60002"}},
		AccessConfig: &ekstypes.CreateAccessConfigRequest{
			AuthenticationMode:                      ekstypes.AuthenticationMode(mode),
			BootstrapClusterCreatorAdminPermissions: aws.Bool(by != ""),
		},
	})
	if err != nil {
		return err
	}
	waiter := eks.NewClusterActiveWaiter(client, func(o *eks.ClusterActiveWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, time.Second
	})
	if err := waiter.Wait(ctx, &eks.DescribeClusterInput{Name: &c.Key.Name}, active); err != nil {
		return fmt.Errorf("wait until it is active: %w", err)
	}
	words := fmt.Sprintf("%s (%s, %s", c.Key.Name, c.Key.Region, mode)
	if by != "" {
		words += ", created by " + by
	}
	s.clusters = append(s.clusters, words+")")
	return nil
}

// writesIn reports whether documents want Kubernetes objects in a cluster.
func (s *seeding) writesIn(c *access.WantCluster) bool {
	hub := func(o access.WantCluster) bool { return o.ArgoCD != nil && o.ArgoCD.Hub == c.Key }
	return len(c.Bindings)+len(c.ServiceAccounts) > 0 || slices.ContainsFunc(s.needs.clusters, hub)
}

// serviceRole finds or makes the role that clusters of an account run as.
func (s *seeding) serviceRole(ctx context.Context, k access.ClusterKey) (string, error) {
	if arn, ok := s.there[k.Account]["role/"+clusterRole]; ok {
		return arn, nil
	}
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]}]}`
	out, err := s.cloud.IAM(k.Account).CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String(clusterRole), AssumeRolePolicyDocument: &trust})
	if err != nil {
		return "", fmt.Errorf("make role %s in account %s: %w", clusterRole, k.Account, err)
	}
	arn := aws.ToString(out.Role.Arn)
	s.there[k.Account]["role/"+clusterRole] = arn
	return arn, nil
}

// creator gives the client with which a cluster is made, and whose it is if
// not the lab caller's. Call release after use.
func (s *seeding) creator(ctx context.Context, own *eks.Client, c *access.WantCluster) (client *eks.Client, by string, release func(), err error) {
	release = func() {}
	if len(c.Remove) == 0 {
		return own, "", release, nil
	}
	var p principal
	addMember(c.Remove[0].Member, true, func(found principal) { p = found })
	account, known := s.account(p.Account)
	arn, there := s.find(p)
	if !known || !there {
		return own, "", release, nil // such as a service-linked role, which makes no clusters
	}
	if p.IAMPrincipal, err = access.ParseIAMPrincipal(arn); err != nil {
		return nil, "", release, err
	}
	if err := attachAdmin(ctx, s.cloud.IAM(p.Account), p); err != nil {
		return nil, "", release, err
	}
	provider, release, err := s.become(ctx, account, p, c.Key.Region)
	if err != nil {
		return nil, "", release, err
	}
	o := s.lab.CloudOptions(cloud.Options{})
	client = eks.New(eks.Options{
		Region: c.Key.Region, BaseEndpoint: &o.Endpoint, HTTPClient: o.HTTPClient, Credentials: aws.NewCredentialsCache(provider),
	})
	return client, p.Kind + "/" + p.Name, release, nil
}

// become gives credentials of a user, by an access key for as long as they are
// needed, or of a role, by assuming it.
func (s *seeding) become(ctx context.Context, account access.Account, p principal, region string) (aws.CredentialsProvider, func(), error) {
	release := func() {}
	if p.Kind == "user" {
		client := s.cloud.IAM(p.Account)
		out, err := client.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &p.Name})
		if err != nil {
			return nil, release, fmt.Errorf("make an access key of user %s: %w", p.Name, err)
		}
		release = func() {
			// A key that is left behind opens nothing but this lab.
			_, _ = client.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &p.Name, AccessKeyId: out.AccessKey.AccessKeyId})
		}
		return credentials.NewStaticCredentialsProvider(aws.ToString(out.AccessKey.AccessKeyId), aws.ToString(out.AccessKey.SecretAccessKey), ""), release, nil
	}
	base, err := s.lab.base(ctx, account)
	if err != nil {
		return nil, release, err
	}
	o := s.lab.CloudOptions(cloud.Options{})
	caller := sts.New(sts.Options{
		Region: region, BaseEndpoint: &o.Endpoint, HTTPClient: o.HTTPClient,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return base, nil }),
	})
	return stscreds.NewAssumeRoleProvider(caller, p.ARN(), func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = "lab" }), release, nil
}

func (s *seeding) account(id string) (access.Account, bool) {
	for _, a := range s.needs.accounts {
		if a.ID == id {
			return a, true
		}
	}
	return access.Account{}, false
}
