// Package cloud is the way to AWS: accounts and whom we are there, sessions,
// endpoints, one adaptive limiter for each account, region and service, and
// retries. Who wants to call AWS opens a Cloud and uses the SDK's own clients.
//
// Of every client it guarantees, whatever is called:
//
//   - nothing is called on an account before STS has said that the
//     credentials are that account's (WrongAccountError);
//   - nothing is sent in the clear to anything but loopback
//     (InsecureEndpointError), and no lab key to anything but loopback
//     (LabKeyError); no redirect is followed;
//   - reads are repeated after a throttle, a 5xx, a timeout or a lost
//     connection; writes only after a throttle, a refused connection or an
//     expired session, where AWS did nothing. A write that failed otherwise
//     has an unknown outcome, and its caller settles it by reading;
//   - a call ends in finite time (ThrottledOutError after two minutes in which
//     AWS did nothing but throttle).
package cloud

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"

	"github.com/atlas-iam/atlas-iam/access"
)

// DefaultMaxInFlight is how many calls of one account, region and service are
// under way at most.
const DefaultMaxInFlight = 32

// DefaultSessionName names the sessions of assumed roles.
const DefaultSessionName = "atlas-iam"

// Options say how to reach AWS. The zero value is the SDK's own configuration:
// environment, config files, profiles.
type Options struct {
	// Credentials, if given, are the base credentials, and then the SDK's
	// configuration (AWS_* variables, files, instance metadata) is not read at
	// all: the lab's way.
	Credentials aws.CredentialsProvider
	// CredentialsFor, with Credentials, are the base credentials of one account
	// where they are not the same for all. The lab has a caller in each account.
	CredentialsFor func(access.Account) aws.CredentialsProvider
	// Endpoint is where all calls go; empty for AWS's own, or for what the
	// SDK's configuration says.
	Endpoint string
	// HTTPClient sends the requests; nil for the SDK's.
	HTTPClient aws.HTTPClient
	// Now is the clock that requests are signed by; nil for the system's.
	// Waiting is always done with package time.
	Now func() time.Time
	// MaxInFlight bounds the calls under way for one account, region and
	// service; 0 is DefaultMaxInFlight.
	MaxInFlight int
	// Version goes into the User-Agent as atlas-iam/VERSION.
	Version string
	// Log is told of every request that was answered or failed. It may be
	// called from several goroutines at once.
	Log func(Call)
}

// Cloud gives clients for the accounts it was opened with. It is safe for use
// by several goroutines.
type Cloud struct {
	options  Options
	config   aws.Config
	base     *aws.CredentialsCache
	behind   *assumer // shared by the accounts that base assumes roles in
	endpoint string
	accounts map[string]*account // by twelve digits

	mu      sync.Mutex
	eks     map[clientKey]*eks.Client
	iam     map[string]*iam.Client
	limiter map[limiterKey]*limiter
}

type clientKey struct{ account, region string }

type limiterKey struct{ account, region, service string }

// account is one of the Environment's, with its session.
type account struct {
	access.Account
	credentials *session
	sts         *sts.Client

	behind *assumer // whose credentials assume its role; nil: none is assumed

	turn   chan struct{} // held while the caller is asked for
	caller string        // ARN, once checked
	wrong  error         // a WrongAccountError, once known
}

// Open prepares the accounts; it reads the SDK's configuration, but calls
// nothing. Errors a caller may branch on: InsecureEndpointError.
func Open(ctx context.Context, accounts []access.Account, o Options) (*Cloud, error) {
	if o.MaxInFlight <= 0 {
		o.MaxInFlight = DefaultMaxInFlight
	}
	cfg, err := loadConfig(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := checkConfiguredEndpoints(ctx, cfg, o.Endpoint); err != nil {
		return nil, err
	}
	c := &Cloud{
		options:  o,
		config:   cfg,
		base:     baseCredentials(cfg),
		accounts: make(map[string]*account, len(accounts)),
		eks:      make(map[clientKey]*eks.Client),
		iam:      make(map[string]*iam.Client),
		limiter:  make(map[limiterKey]*limiter),
	}
	for _, a := range accounts {
		if _, twice := c.accounts[a.ID]; twice {
			return nil, fmt.Errorf("open account %s: the id %s is given twice", a.Name, a.ID)
		}
		c.accounts[a.ID] = c.open(a)
	}
	c.endpoint = withoutSecrets(aws.ToString(eks.NewFromConfig(cfg, c.eksOptions("us-east-1", nil)).Options().BaseEndpoint))
	return c, nil
}

// EKS is the client for an account (twelve digits) and region. Calls of an
// account that the Cloud was not opened with fail.
func (c *Cloud) EKS(id, region string) *eks.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := clientKey{id, region}
	if client, ok := c.eks[key]; ok {
		return client
	}
	st := c.stackFor(id, region, "EKS", c.gate(id))
	client := eks.NewFromConfig(c.config, c.eksOptions(region, st), func(o *eks.Options) {
		o.Credentials = c.credentialsFor(id, o.BaseEndpoint)
	})
	c.eks[key] = client
	return client
}

// IAM is the client for an account (twelve digits). IAM is one for a
// partition; the client signs for the partition's own region.
func (c *Cloud) IAM(id string) *iam.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if client, ok := c.iam[id]; ok {
		return client
	}
	region := "us-east-1"
	if a, ok := c.accounts[id]; ok {
		region = homeRegion(a.Partition)
	}
	st := c.stackFor(id, region, "IAM", c.gate(id))
	client := iam.NewFromConfig(c.config, func(o *iam.Options) {
		o.Region = region
		if c.options.Endpoint != "" {
			o.BaseEndpoint = &c.options.Endpoint
		}
		o.HTTPSignerV4 = c.signer(o.HTTPSignerV4)
		o.Retryer, o.RetryMaxAttempts = retryer{}, 0
		o.DisableClockSkewCorrection = true
		o.APIOptions = append(o.APIOptions, st.install)
		o.Credentials = c.credentialsFor(id, o.BaseEndpoint)
	})
	c.iam[id] = client
	return client
}

// eksOptions is what every EKS client has. A clock that is wrong is said, not
// silently corrected (see Reason).
func (c *Cloud) eksOptions(region string, st *stack) func(*eks.Options) {
	return func(o *eks.Options) {
		o.Region = region
		if c.options.Endpoint != "" {
			o.BaseEndpoint = &c.options.Endpoint
		}
		o.HTTPSignerV4 = c.signer(o.HTTPSignerV4)
		o.Retryer, o.RetryMaxAttempts = retryer{}, 0
		o.DisableClockSkewCorrection = true
		if st != nil {
			o.APIOptions = append(o.APIOptions, st.install)
		}
	}
}

// stsClient is a client for whom we are (and to assume roles with the base
// credentials); it is the only one that works before the account is checked.
func (c *Cloud) stsClient(a access.Account, region string, credentials aws.CredentialsProvider) *sts.Client {
	st := c.stackFor(a.ID, region, "STS", nil)
	return sts.NewFromConfig(c.config, func(o *sts.Options) {
		o.Region = region
		if c.options.Endpoint != "" {
			o.BaseEndpoint = &c.options.Endpoint
		}
		o.HTTPSignerV4 = c.signer(o.HTTPSignerV4)
		o.Retryer, o.RetryMaxAttempts = retryer{}, 0
		o.DisableClockSkewCorrection = true
		o.APIOptions = append(o.APIOptions, st.install)
		o.Credentials = guardLabKeys(credentials, o.BaseEndpoint)
	})
}

// Caller is the ARN that STS gives for an account's credentials, asked once.
// It fails with a WrongAccountError if they are another account's, with a
// NoCredentialsError if there are none, with an AssumeRoleError if the
// account's role could not be assumed.
func (c *Cloud) Caller(ctx context.Context, id string) (string, error) {
	a, ok := c.accounts[id]
	if !ok {
		return "", fmt.Errorf("account %s is not one that the environment names", id)
	}
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if a.caller != "" || a.wrong != nil {
		return a.caller, a.wrong
	}
	out, err := a.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", &callerError{a.Name, a.ID, err}
	}
	got, arn := aws.ToString(out.Account), aws.ToString(out.Arn)
	if got == "" || arn == "" {
		return "", &callerError{a.Name, a.ID, errors.New("the answer names no account")}
	}
	if got != a.ID {
		a.wrong = &WrongAccountError{Name: a.Name, Want: a.ID, Got: got, Caller: arn}
		return "", a.wrong
	}
	a.caller = arn
	return arn, nil
}

// assumer are credentials that assume roles, and whose they are.
type assumer struct {
	sts  *sts.Client
	turn chan struct{} // held while it is asked for
	arn  string        // once asked
}

// Behind is the ARN that STS gives for the credentials that assume an account's
// role, asked once for all accounts that share them; empty where none is
// assumed. STS answers whatever the policies say. (STS API, GetCallerIdentity)
func (c *Cloud) Behind(ctx context.Context, id string) (string, error) {
	a, ok := c.accounts[id]
	if !ok || a.behind == nil {
		return "", nil
	}
	b := a.behind
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if b.arn != "" {
		return b.arn, nil
	}
	out, err := b.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", &callerError{a.Name, a.ID, err}
	}
	b.arn = aws.ToString(out.Arn)
	return b.arn, nil
}

// Endpoint is where the calls go: empty for AWS's own, else a URL without the
// user, password and query that somebody may have put in it.
func (c *Cloud) Endpoint() string { return c.endpoint }

// RequestID is AWS's id of a request, from the ResultMetadata of its output.
func RequestID(md middleware.Metadata) string {
	id, _ := awsmiddleware.GetRequestIDMetadata(md)
	return id
}

// gate holds every call of an account until its caller is checked.
func (c *Cloud) gate(id string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := c.Caller(ctx, id)
		return err
	}
}

// limiterFor gives the one limiter of an account, region and service.
func (c *Cloud) limiterFor(k limiterKey) *limiter {
	l, ok := c.limiter[k]
	if !ok {
		l = newLimiter(c.options.MaxInFlight)
		c.limiter[k] = l
	}
	return l
}

// homeRegion is the region that a partition's IAM is signed for. (AWS General
// Reference, IAM endpoints; the SDKs' partition metadata)
func homeRegion(partition string) string {
	switch partition {
	case "aws-cn":
		return "cn-north-1"
	case "aws-us-gov":
		return "us-gov-west-1"
	case "aws-eusc":
		return "eusc-de-east-1"
	case "aws-iso":
		return "us-iso-east-1"
	case "aws-iso-b":
		return "us-isob-east-1"
	case "aws-iso-e":
		return "eu-isoe-west-1"
	case "aws-iso-f":
		return "us-isof-south-1"
	}
	return "us-east-1"
}
