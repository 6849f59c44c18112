package cloud

import (
	"context"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/smithy-go/middleware"

	"github.com/atlas-iam/atlas-iam/access"
)

// labKeyPrefixes begin the access keys of the lab. A real key is AKIA or ASIA
// and sixteen capitals and digits as well; these two the lab alone gives out.
func labKeyPrefixes() []string { return []string{"AKIALAB", "ASIALAB"} }

func isLabKey(id string) bool {
	for _, p := range labKeyPrefixes() {
		if strings.HasPrefix(id, p) {
			return true
		}
	}
	return false
}

// session is the credentials of an account: cached, renewed by the cache when
// their time is up, and on demand when AWS says so earlier.
type session struct {
	cache *aws.CredentialsCache
	wrap  func(error) error // names what failed

	mu    sync.Mutex
	stale string // the access key that was given up last
}

// Retrieve implements aws.CredentialsProvider. It notes the key on the
// attempt under way, so that its failure can be laid to the right session.
func (s *session) Retrieve(ctx context.Context) (aws.Credentials, error) {
	credentials, err := s.cache.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, s.wrap(err)
	}
	if cs, ok := middleware.GetStackValue(ctx, callKey{}).(*callState); ok {
		cs.session, cs.key, cs.secrets = s, credentials.AccessKeyID, []string{credentials.SecretAccessKey, credentials.SessionToken}
	}
	return credentials, nil
}

// renew gives up the session with an access key, once: of many calls that
// learn of its end together only the first throws it away.
func (s *session) renew(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stale != key {
		s.stale = key
		s.cache.Invalidate()
	}
}

// baseCredentials is the configuration's cache of credentials.
func baseCredentials(cfg aws.Config) *aws.CredentialsCache {
	if cache, ok := cfg.Credentials.(*aws.CredentialsCache); ok {
		return cache
	}
	return aws.NewCredentialsCache(cfg.Credentials)
}

// open makes the session of an account: the base credentials, or the role that
// they assume there.
func (c *Cloud) open(a access.Account) *account {
	region := homeRegion(a.Partition)
	if len(a.Regions) > 0 {
		region = a.Regions[0]
	}
	cache, own := c.base, c.options.Credentials != nil && c.options.CredentialsFor != nil
	if own {
		cache = aws.NewCredentialsCache(c.options.CredentialsFor(a))
	}
	base := &session{cache: cache, wrap: func(err error) error { return &NoCredentialsError{Err: err} }}
	acc := &account{Account: a, credentials: base, turn: make(chan struct{}, 1)}
	if a.RoleARN != "" {
		acc.behind = c.assuming(a, region, base, own)
		provider := stscreds.NewAssumeRoleProvider(c.stsClient(a, region, base), a.RoleARN, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = a.SessionName
			if o.RoleSessionName == "" {
				o.RoleSessionName = DefaultSessionName
			}
			if a.ExternalID != "" {
				o.ExternalID = &a.ExternalID
			}
		})
		acc.credentials = &session{
			cache: aws.NewCredentialsCache(provider),
			wrap:  func(err error) error { return &AssumeRoleError{Account: a.Name, Role: a.RoleARN, Err: err} },
		}
	}
	acc.sts = c.stsClient(a, region, acc.credentials)
	return acc
}

// assuming is who assumes an account's role: of the credentials that are the
// same for all accounts one for all.
func (c *Cloud) assuming(a access.Account, region string, s *session, own bool) *assumer {
	if c.behind != nil && !own {
		return c.behind
	}
	b := &assumer{sts: c.stsClient(a, region, s), turn: make(chan struct{}, 1)}
	if !own {
		c.behind = b
	}
	return b
}

// credentialsFor are an account's, for a client with an endpoint. An account
// that is not open has none; its calls end at the gate before that.
func (c *Cloud) credentialsFor(id string, endpoint *string) aws.CredentialsProvider {
	a, ok := c.accounts[id]
	if !ok {
		return aws.AnonymousCredentials{}
	}
	return guardLabKeys(a.credentials, endpoint)
}

// guardLabKeys keeps the lab's keys from going anywhere but loopback.
func guardLabKeys(p aws.CredentialsProvider, endpoint *string) aws.CredentialsProvider {
	if onLoopback(endpoint) {
		return p
	}
	return aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		credentials, err := p.Retrieve(ctx)
		if err == nil && isLabKey(credentials.AccessKeyID) {
			return aws.Credentials{}, &LabKeyError{Endpoint: redactedOr(endpoint, "AWS")}
		}
		return credentials, err
	})
}

func redactedOr(endpoint *string, otherwise string) string {
	if aws.ToString(endpoint) == "" {
		return otherwise
	}
	return redacted(*endpoint)
}
