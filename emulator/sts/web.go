package sts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/iam"
	"github.com/atlas-iam/atlas-iam/emulator/oidc"
	"github.com/atlas-iam/atlas-iam/emulator/query"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// Issuers gives the keys that an issuer, named by its URL, publishes at a
// time; ok says that the lab knows it. The lab asks no issuer on the network.
type Issuers func(r store.Reader, issuer string, now time.Time) (keys []oidc.Key, ok bool)

// unbuiltClaims ask for what the lab does not have: tags and a source identity
// that come with a token. (IAM User Guide, id_session-tags)
var unbuiltClaims = []string{"https://aws.amazon.com/tags", "https://aws.amazon.com/source_identity"}

// assumeRoleWithWebIdentity makes a session for the bearer of a token of an
// issuer that IAM knows as a provider in the role's account. No policy but the
// trust policy counts: nobody has signed the call. (aws-facts 4.4)
func (s *Service) assumeRoleWithWebIdentity(r *query.Request) (query.Object, error) {
	if r.In.Has("ProviderId") {
		return nil, call.NotImplemented("sts", "AssumeRoleWithWebIdentity with ProviderId")
	}
	w := wanted(r)
	parts := strings.SplitN(w.Role, ":", 6)
	if len(parts) != 6 {
		return nil, validation(w.Role + " is invalid")
	}
	token, provider, err := s.webIdentity(r.Call, parts[4], r.In.Text("WebIdentityToken"))
	if err != nil {
		return nil, err
	}
	for _, claim := range unbuiltClaims {
		if token.Claims.Names[claim] {
			return nil, call.NotImplemented("sts", "AssumeRoleWithWebIdentity with the claim "+claim)
		}
	}
	audience := audienceOf(token.Claims)
	subject, aud := provider.URL+":sub", provider.URL+":aud"
	w.Keys = map[string][]string{subject: {token.Claims.Subject}, aud: {audience}, "aws:FederatedProvider": {provider.ARN}}
	w.Lasting = []string{subject, aud}
	if token.Claims.Authorized != "" {
		w.Keys[provider.URL+":oaud"] = token.Claims.Audience
	}
	as := *r.Call
	as.Caller = call.Caller{Kind: call.Federated, ARN: provider.ARN}
	as.Account, as.Partition = parts[4], parts[1]
	session, err := s.Assume(&as, w)
	if err != nil {
		return nil, err
	}
	r.Writes = as.Writes
	out := session.shown()
	// Assumption web-identity-provider: Provider is the provider's ARN, as
	// observed with EKS's tokens; the model says the issuer.
	out["Provider"], out["Audience"], out["SubjectFromWebIdentityToken"] = provider.ARN, audience, token.Claims.Subject
	return out, nil
}

// audienceOf is whom a token is for, as conditions see it. (IAM User Guide,
// IAM and STS condition keys)
func audienceOf(c oidc.Claims) string {
	if c.Authorized != "" {
		return c.Authorized
	}
	return c.Audience[0]
}

// webIdentity holds a token against the provider of its issuer in an account,
// and that issuer's keys.
func (s *Service) webIdentity(c *call.Call, account, text string) (*oidc.Token, iam.OIDCProvider, error) {
	token, err := oidc.Parse(text)
	if err != nil {
		return nil, iam.OIDCProvider{}, s.refused(err, c.Now)
	}
	provider, ok := iam.OIDCProvider{}, false
	if strings.HasPrefix(token.Claims.Issuer, "https://") {
		provider, ok = iam.Provider(c.Tx, account, token.Claims.Issuer)
	}
	if !ok {
		return nil, provider, s.model.Fault("InvalidIdentityToken", "No OpenIDConnect provider found in your account for %s", token.Claims.Issuer)
	}
	keys, known := []oidc.Key(nil), false
	if s.issuers != nil {
		keys, known = s.issuers(c.Tx, token.Claims.Issuer, c.Now)
	}
	if !known {
		return nil, provider, s.model.Fault("IDPCommunicationError", "the issuer %s is none of the lab's clusters, and the lab asks no other", token.Claims.Issuer)
	}
	if err := token.Verify(keys, c.Now); err != nil {
		return nil, provider, s.refused(err, c.Now)
	}
	// Assumption several-audiences: of a token for several, with no claim azp,
	// nobody can say whom it is for.
	single := len(token.Claims.Audience) == 1 || token.Claims.Authorized != ""
	if !single || !slices.Contains(provider.ClientIDs, audienceOf(token.Claims)) {
		return nil, provider, s.model.Fault("InvalidIdentityToken", "Incorrect token audience")
	}
	if n := len(token.Claims.Subject); n < shortestSubject || n > longestSubject {
		return nil, provider, s.model.Fault("InvalidIdentityToken", "The subject of the token must have %d to %d characters", shortestSubject, longestSubject)
	}
	return token, provider, nil
}

// The lengths of a subject. (STS API, AssumeRoleWithWebIdentity:
// SubjectFromWebIdentityToken)
const shortestSubject, longestSubject = 6, 255

// refused words what is wrong with a token. The texts of a malformed token,
// a missing key and an expired token are those that users report of AWS;
// assumption error-texts for the others.
func (s *Service) refused(err error, now time.Time) error {
	var e *oidc.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("verify a web identity: %w", err)
	}
	switch e.Fault {
	case oidc.Expired:
		return s.model.Fault("ExpiredTokenException", "Token expired: current date/time %d must be before the expiration date/time%d", now.Unix(), e.At)
	case oidc.NoKey:
		return s.model.Fault("InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements")
	case oidc.Forged:
		return s.model.Fault("InvalidIdentityToken", "The signature of the web identity token is invalid")
	case oidc.NotYetValid:
		return s.model.Fault("InvalidIdentityToken", "The web identity token is not valid yet")
	}
	return s.model.Fault("InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
}
