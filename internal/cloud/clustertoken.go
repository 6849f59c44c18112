package cloud

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const (
	tokenPrefix   = "k8s-aws-v1."
	clusterHeader = "x-k8s-aws-id"
	// tokenLife is counted from the signature's time, whatever X-Amz-Expires
	// says. (aws-iam-authenticator, pkg/token)
	tokenLife = 15 * time.Minute
	// emptyHash is SHA-256 of no body.
	emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// ClusterToken is the bearer token that an EKS cluster's API server knows an
// account's caller by: a GetCallerIdentity signed for that cluster and not
// sent, which the cluster sends to STS. It is good until the time given, at
// that cluster alone; server is its API server's URL. The account is checked
// first, as before every call. The host signed for is always the region's own
// of STS, for API servers accept no other, whatever endpoint is configured.
// Errors a caller may branch on: those of Caller, InsecureEndpointError (the
// API server is not reached by https), LabKeyError.
// (aws-iam-authenticator, pkg/token; AWS CLI, eks get-token)
func (c *Cloud) ClusterToken(ctx context.Context, id, region, cluster, server string) (token string, until time.Time, err error) {
	if _, err := c.Caller(ctx, id); err != nil {
		return "", time.Time{}, err
	}
	if err := checkEndpoint(server); err != nil {
		return "", time.Time{}, err
	}
	credentials, err := guardLabKeys(c.accounts[id].credentials, &server).Retrieve(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	at, err := sts.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sts.EndpointParameters{
		Region: &region, UseDualStack: aws.Bool(false), UseFIPS: aws.Bool(false), UseGlobalEndpoint: aws.Bool(false),
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("find the endpoint of STS in %s: %w", region, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.URI.String()+"/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=60", nil)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("make a token for cluster %s: %w", cluster, err)
	}
	r.Header.Set(clusterHeader, cluster)
	now := time.Now
	if c.options.Now != nil {
		now = c.options.Now
	}
	signed := now().UTC()
	uri, _, err := v4.NewSigner().PresignHTTP(ctx, credentials, r, emptyHash, "sts", region, signed)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign a token for cluster %s: %w", cluster, err)
	}
	until = signed.Add(tokenLife)
	if credentials.CanExpire && credentials.Expires.Before(until) {
		until = credentials.Expires
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString([]byte(uri)), until, nil
}
