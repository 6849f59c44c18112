package iam

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/query"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// OIDCProvider is an OpenID Connect provider of an account.
type OIDCProvider struct {
	Account, ARN string
	URL          string   // of the issuer, without https://
	ClientIDs    []string // in the order they were given
	Thumbprints  []string
	Created      time.Time
	Tags         []Tag
}

// providersBucket holds the providers by account and URL: an account has one
// for each issuer.
const providersBucket = "iam.oidc-providers"

// Provider finds an account's provider of an issuer, whose URL may begin with
// https:// or not.
func Provider(r store.Reader, account, issuer string) (OIDCProvider, bool) {
	return store.Get[OIDCProvider](r, providersBucket, store.Key(account, strings.TrimPrefix(issuer, "https://")))
}

// Quotas of providers. (IAM User Guide, IAM and STS quotas; IAM API,
// CreateOpenIDConnectProvider)
const (
	providersQuota   = 100
	clientIDsQuota   = 100
	thumbprintsQuota = 5
)

func (s *Service) oidcHandlers() map[string]query.Handler {
	return map[string]query.Handler{
		"CreateOpenIDConnectProvider":             write(s.createProvider),
		"GetOpenIDConnectProvider":                read(s.getProvider),
		"ListOpenIDConnectProviders":              read(s.listProviders),
		"DeleteOpenIDConnectProvider":             write(s.deleteProvider),
		"AddClientIDToOpenIDConnectProvider":      write(s.addClientID),
		"RemoveClientIDFromOpenIDConnectProvider": write(s.removeClientID),
		"UpdateOpenIDConnectProviderThumbprint":   write(s.updateThumbprint),
		"TagOpenIDConnectProvider":                write(s.tagProvider),
		"UntagOpenIDConnectProvider":              write(s.untagProvider),
		"ListOpenIDConnectProviderTags":           read(s.listProviderTags),
	}
}

func (s *Service) createProvider(r *request) (object, error) {
	issuer, wellFormed := strings.CutPrefix(r.In.Text("Url"), "https://")
	p := OIDCProvider{
		Account: r.Account, ARN: "arn:" + r.Partition + ":iam::" + r.Account + ":oidc-provider/" + issuer, URL: issuer,
		ClientIDs: r.In.Texts("ClientIDList"), Thumbprints: r.In.Texts("ThumbprintList"), Created: r.Now,
	}
	if err := r.Authorize("iam:CreateOpenIDConnectProvider", p.ARN, conditionKeys(r, Entity{})); err != nil {
		return nil, err
	}
	if len(r.In.Objects("Tags")) > 0 { // a second action, on the same resource
		if err := r.Authorize("iam:TagOpenIDConnectProvider", p.ARN, conditionKeys(r, Entity{})); err != nil {
			return nil, err
		}
	}
	if !wellFormed || !issuerURL(issuer) {
		return nil, s.model.Fault("InvalidInput", "Invalid Open ID Connect Provider URL")
	}
	tags, err := s.checkTags(r, nil)
	if err != nil {
		return nil, err
	}
	p.Tags = tags
	if len(p.Thumbprints) == 0 {
		p.Thumbprints = []string{thumbprintOf(issuer)}
	}
	if err := s.checkProvider(p); err != nil {
		return nil, err
	}
	if _, exists := Provider(r.Tx, r.Account, issuer); exists {
		return nil, s.model.Fault("EntityAlreadyExists", "Provider with url https://%s already exists.", issuer)
	}
	if r.Tx.Count(providersBucket, r.Account) >= providersQuota {
		return nil, s.limit("Cannot exceed quota for OpenIdConnectProvidersPerAccount: %d", providersQuota)
	}
	out := object{"OpenIDConnectProviderArn": p.ARN}
	if len(p.Tags) > 0 {
		out["Tags"] = tagObjects(p.Tags)
	}
	return out, s.provided(r, p)
}

// issuerURL reports whether what follows https:// can be that of an issuer:
// a host and a path, no port, no query, no user. (IAM API,
// CreateOpenIDConnectProvider)
func issuerURL(rest string) bool {
	u, err := url.Parse("https://" + rest)
	return err == nil && u.Hostname() != "" && u.Hostname() == u.Host && u.User == nil && !strings.ContainsAny(rest, "?#")
}

// thumbprintOf stands for the thumbprint that IAM fetches from the issuer when
// none is given. Assumption made-up-thumbprint: the lab asks no issuer and makes one up
// of its name; on AWS it counts only for issuers whose certificate no trusted
// authority signed, of which EKS is none.
func thumbprintOf(issuer string) string {
	host, _, _ := strings.Cut(issuer, "/")
	sum := sha1.Sum([]byte(host))
	return hex.EncodeToString(sum[:])
}

var thumbprintForm = regexp.MustCompile(`^[0-9A-Fa-f]{40}$`)

func (s *Service) checkProvider(p OIDCProvider) error {
	if len(p.ClientIDs) > clientIDsQuota {
		return s.limit("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: %d", clientIDsQuota)
	}
	if len(p.Thumbprints) > thumbprintsQuota {
		return s.model.Fault("InvalidInput", "Thumbprint list must contain fewer than %d entries.", thumbprintsQuota)
	}
	for _, t := range p.Thumbprints {
		if !thumbprintForm.MatchString(t) {
			return s.model.Fault("InvalidInput", "The thumbprint %q must be 40 hexadecimal characters.", t)
		}
	}
	return nil
}

func providers(r store.Reader, account string) []OIDCProvider {
	var all []OIDCProvider
	for _, p := range store.List[OIDCProvider](r, providersBucket, account, "") {
		all = append(all, p)
	}
	return all
}

// provider finds the provider that the request names, authorised.
func (s *Service) provider(r *request) (OIDCProvider, error) {
	arn := r.In.Text("OpenIDConnectProviderArn")
	var from store.Reader = r.Tx
	if s.handlers[r.Operation].ReadOnly {
		from = r.Seen
	}
	_, issuer, _ := strings.Cut(arn, ":oidc-provider/")
	p, ok := Provider(from, r.Account, issuer)
	ok = ok && p.ARN == arn
	if !ok {
		p = OIDCProvider{}
	}
	if err := r.Authorize("iam:"+r.Operation, arn, conditionKeys(r, Entity{Tags: p.Tags})); err != nil {
		return p, err
	}
	if !ok {
		return p, s.notFound("OpenIDConnect Provider not found for arn %s", arn)
	}
	return p, nil
}

// provided saves a provider and notes the write.
func (s *Service) provided(r *request, p OIDCProvider) error {
	r.Tx.Put(providersBucket, store.Key(p.Account, p.URL), p)
	r.Record(p.ARN, r.In)
	return nil
}

func (s *Service) getProvider(r *request) (object, error) {
	p, err := s.provider(r)
	if err != nil {
		return nil, err
	}
	out := object{"Url": p.URL, "ClientIDList": nonNil(p.ClientIDs), "ThumbprintList": nonNil(p.Thumbprints), "CreateDate": p.Created}
	if len(p.Tags) > 0 {
		out["Tags"] = tagObjects(p.Tags)
	}
	return out, nil
}

// nonNil makes an absent list an empty one, which is shown.
func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// listProviders lists all: the operation has no pages. (IAM API)
func (s *Service) listProviders(r *request) (object, error) {
	if err := r.Authorize("iam:ListOpenIDConnectProviders", "*", nil); err != nil {
		return nil, err
	}
	list := []object{}
	for _, p := range providers(r.Seen, r.Account) {
		list = append(list, object{"Arn": p.ARN})
	}
	return object{"OpenIDConnectProviderList": list}, nil
}

// deleteProvider also succeeds where there is none; roles that trust the
// provider stay as they are. (IAM API, DeleteOpenIDConnectProvider)
func (s *Service) deleteProvider(r *request) (object, error) {
	p, err := s.provider(r)
	var e *call.Error
	if errors.As(err, &e) && e.Code == "NoSuchEntity" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r.Tx.Delete(providersBucket, store.Key(p.Account, p.URL))
	r.Record(p.ARN, r.In)
	return nil, nil
}

func (s *Service) addClientID(r *request) (object, error) {
	p, err := s.provider(r)
	if err != nil {
		return nil, err
	}
	id := r.In.Text("ClientID")
	if slices.Contains(p.ClientIDs, id) { // no fault (IAM API)
		return nil, nil
	}
	p.ClientIDs = append(p.ClientIDs, id)
	if err := s.checkProvider(p); err != nil {
		return nil, err
	}
	return nil, s.provided(r, p)
}

func (s *Service) removeClientID(r *request) (object, error) {
	p, err := s.provider(r)
	if err != nil {
		return nil, err
	}
	i := slices.Index(p.ClientIDs, r.In.Text("ClientID"))
	if i < 0 { // no fault (IAM API)
		return nil, nil
	}
	p.ClientIDs = slices.Delete(p.ClientIDs, i, i+1)
	return nil, s.provided(r, p)
}

func (s *Service) updateThumbprint(r *request) (object, error) {
	p, err := s.provider(r)
	if err != nil {
		return nil, err
	}
	p.Thumbprints = r.In.Texts("ThumbprintList")
	if err := s.checkProvider(p); err != nil {
		return nil, err
	}
	return nil, s.provided(r, p)
}

func (s *Service) tagProvider(r *request) (object, error) {
	p, err := s.provider(r)
	if err != nil {
		return nil, err
	}
	if p.Tags, err = s.checkTags(r, p.Tags); err != nil {
		return nil, err
	}
	return nil, s.provided(r, p)
}

func (s *Service) untagProvider(r *request) (object, error) {
	p, err := s.provider(r)
	if err != nil {
		return nil, err
	}
	p.Tags = slices.DeleteFunc(p.Tags, func(t Tag) bool {
		return slices.ContainsFunc(r.In.Texts("TagKeys"), func(key string) bool { return strings.EqualFold(key, t.Key) })
	})
	return nil, s.provided(r, p)
}

func (s *Service) listProviderTags(r *request) (object, error) {
	p, err := s.provider(r)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(p.Tags, func(a, b Tag) int { return strings.Compare(a.Key, b.Key) })
	return page(r, "Tags", p.Tags, func(t Tag) string { return t.Key }, tagObject)
}
