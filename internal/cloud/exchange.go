package cloud

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eksauth"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// RoleSession are a role's temporary credentials. They are in no log and no
// error.
type RoleSession struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Expires                                    time.Time
	ARN                                        string // of the session: who it is to AWS
}

var errNoCredentialsGiven = errors.New("the answer has no credentials")

// WebIdentity exchanges a ServiceAccount's token for credentials of a role, as a
// pod with IRSA does: the call bears no signature, the token is all that counts.
// id and region say at which account's and region's STS. (STS API,
// AssumeRoleWithWebIdentity)
func (c *Cloud) WebIdentity(ctx context.Context, id, region, role, session, token string) (*RoleSession, error) {
	a, ok := c.accounts[id]
	if !ok {
		return nil, errors.New("account " + id + " is not one that the environment names")
	}
	client := c.stsClient(a.Account, region, aws.AnonymousCredentials{})
	out, err := client.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{RoleArn: &role, RoleSessionName: &session, WebIdentityToken: &token})
	if err != nil {
		return nil, err
	}
	if out.Credentials == nil || out.AssumedRoleUser == nil {
		return nil, errNoCredentialsGiven
	}
	k := out.Credentials
	return &RoleSession{aws.ToString(k.AccessKeyId), aws.ToString(k.SecretAccessKey), aws.ToString(k.SessionToken), aws.ToTime(k.Expiration), aws.ToString(out.AssumedRoleUser.Arn)}, nil
}

// PodIdentity exchanges a pod's token for the credentials of its association's
// role, as the Pod Identity agent does. (EKS Auth API, AssumeRoleForPodIdentity)
func (c *Cloud) PodIdentity(ctx context.Context, id, region, cluster, token string) (*RoleSession, error) {
	st := c.stackFor(id, region, "EKS Auth", c.gate(id))
	client := eksauth.NewFromConfig(c.config, func(o *eksauth.Options) {
		o.Region = region
		if c.options.Endpoint != "" {
			o.BaseEndpoint = &c.options.Endpoint
		}
		o.HTTPSignerV4 = c.signer(o.HTTPSignerV4)
		o.Retryer, o.RetryMaxAttempts = retryer{}, 0
		o.APIOptions = append(o.APIOptions, st.install)
		o.Credentials = c.credentialsFor(id, o.BaseEndpoint)
	})
	out, err := client.AssumeRoleForPodIdentity(ctx, &eksauth.AssumeRoleForPodIdentityInput{ClusterName: &cluster, Token: &token})
	if err != nil {
		return nil, err
	}
	if out.Credentials == nil || out.AssumedRoleUser == nil {
		return nil, errNoCredentialsGiven
	}
	k := out.Credentials
	return &RoleSession{aws.ToString(k.AccessKeyId), aws.ToString(k.SecretAccessKey), aws.ToString(k.SessionToken), aws.ToTime(k.Expiration), aws.ToString(out.AssumedRoleUser.Arn)}, nil
}
