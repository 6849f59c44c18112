package cloud

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
)

// loadConfig is the SDK's own configuration, or with Options.Credentials
// nothing but them.
func loadConfig(ctx context.Context, o Options) (aws.Config, error) {
	client := o.HTTPClient
	if client == nil {
		client = awshttp.NewBuildableClient().WithTransportOptions(transportOptions)
	}
	appID := "atlas-iam"
	if o.Version != "" {
		appID += "/" + o.Version
	}
	if o.Credentials != nil {
		return aws.Config{
			Credentials: aws.NewCredentialsCache(o.Credentials),
			HTTPClient:  client,
			AppID:       appID,
		}, nil
	}
	// The SDK's own warnings would stand between our lines under its name; what
	// matters of them comes back as errors.
	cfg, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(client), config.WithLogger(logging.Nop{}))
	if err != nil {
		return aws.Config{}, fmt.Errorf("load the AWS configuration: %w", err)
	}
	if cfg.AppID == "" {
		cfg.AppID = appID
	}
	if built, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok { // with AWS_CA_BUNDLE it is another one
		cfg.HTTPClient = steadfast(built.GetTransport())
	}
	return cfg, nil
}

// serviceIDs are the services that a run can come to call, the SDK's own
// sign-in included: an endpoint for one of them carries credentials.
func serviceIDs() []string {
	return []string{"EKS", "IAM", "STS", "SSO", "SSO OIDC", "Signin"}
}

// endpointSource is a part of the SDK's configuration that can name an
// endpoint: AWS_ENDPOINT_URL*, endpoint_url of a profile or its services.
type endpointSource interface {
	GetServiceBaseEndpoint(ctx context.Context, sdkID string) (string, bool, error)
}

// checkConfiguredEndpoints refuses every endpoint that the configuration
// names, for any service, if it is in the clear and not on loopback. It does
// so before anything is sent, so that no sign-in leaks either.
func checkConfiguredEndpoints(ctx context.Context, cfg aws.Config, explicit string) error {
	if err := checkEndpoint(explicit); err != nil {
		return err
	}
	if err := checkEndpoint(aws.ToString(cfg.BaseEndpoint)); err != nil {
		return err
	}
	for _, source := range cfg.ConfigSources {
		s, ok := source.(endpointSource)
		if !ok {
			continue
		}
		for _, id := range serviceIDs() {
			url, found, err := s.GetServiceBaseEndpoint(ctx, id)
			if err != nil {
				return fmt.Errorf("read the endpoint configured for %s: %w", id, err)
			}
			if found {
				if err := checkEndpoint(url); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// checkEndpoint refuses plain http to anything but loopback. Empty is AWS's
// own endpoint.
func checkEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return &InsecureEndpointError{Endpoint: redacted(endpoint), Malformed: true}
	}
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return &InsecureEndpointError{Endpoint: redacted(endpoint)}
	}
	return nil
}

// redacted is an endpoint without the user, password and query that somebody
// may have put in it.
func redacted(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return "(unreadable)"
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// isLoopback reports whether a host can only be this machine: an address of
// 127.0.0.0/8 or ::1, localhost or a name beneath it (RFC 6761, 6.3).
func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// onLoopback is isLoopback of an endpoint; false for AWS's own.
func onLoopback(endpoint *string) bool {
	u, err := url.Parse(aws.ToString(endpoint))
	return err == nil && u.Host != "" && isLoopback(u.Hostname())
}

// requestSigner is what the SDK's clients sign with.
type requestSigner interface {
	SignHTTP(ctx context.Context, credentials aws.Credentials, r *http.Request, payloadHash, service, region string, at time.Time, optFns ...func(*v4.SignerOptions)) error
}

// clockSigner signs by a clock of its own.
type clockSigner struct {
	requestSigner
	now func() time.Time
}

func (s clockSigner) SignHTTP(ctx context.Context, credentials aws.Credentials, r *http.Request, payloadHash, service, region string, _ time.Time, optFns ...func(*v4.SignerOptions)) error {
	return s.requestSigner.SignHTTP(ctx, credentials, r, payloadHash, service, region, s.now().UTC(), optFns...)
}

// signer makes a client's signer follow Options.Now.
func (c *Cloud) signer(s requestSigner) requestSigner {
	if c.options.Now == nil {
		return s
	}
	return clockSigner{s, c.options.Now}
}
