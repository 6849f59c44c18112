package iam

import (
	"strconv"
	"strings"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
	authz "github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// Authorize decides by the policies of the caller's user or role, and its
// boundary. Only a certain allow is an allow: what cannot be evaluated yet
// denies.
func (s *Service) Authorize(c *call.Call, action, resource string, context map[string][]string) call.Decision {
	d := authz.Decide(s.asked(c, action, resource, context))
	return call.Decision{Allow: d.Verdict == authz.Allowed, Because: because(d, action)}
}

// AuthorizeTrust decides whether the caller may do an action of STS on a
// role: the role's trust policy and, where they are asked, the caller's own
// policies.
func (s *Service) AuthorizeTrust(c *call.Call, target Entity, action string, context map[string][]string) (bool, error) {
	trust, err := boundTrust(target)
	if err != nil {
		return false, err
	}
	q := s.asked(c, action, target.ARN, context)
	q.ResourceAccount, q.Policies.Resource = target.Account, &authz.Source{Name: "trust policy of " + target.ARN, Policy: trust}
	d := authz.Decide(q)
	return d.Verdict == authz.Allowed, nil
}

// asked gathers what a decision needs of the caller. A resource whose ARN names
// no account is the caller's own.
func (s *Service) asked(c *call.Call, action, resource string, context map[string][]string) authz.Question {
	caller := authz.Caller{Kind: authz.User, ARN: c.Caller.ARN, Account: c.Caller.Account, ID: c.Caller.PrincipalID}
	switch {
	case c.Caller.Kind == call.Session:
		caller.Kind, caller.Role = authz.Session, c.Caller.PrincipalARN
	case c.Caller.Kind == call.ServicePrincipal:
		caller.Kind = authz.Service
	case c.Caller.Kind == call.Federated:
		caller.Kind = authz.Federated
	case strings.HasSuffix(c.Caller.ARN, ":root"):
		caller.Kind = authz.Root
	}
	e, lives := byID(c.Tx, c.Caller.PrincipalID)
	keys := globalKeys(c, e)
	for k, v := range context {
		keys.Set(k, v...)
	}
	q := authz.Question{Caller: caller, Action: action, Resource: resource, Context: keys}
	if access.AccountOf(resource) == "" {
		q.ResourceAccount = c.Caller.Account
	}
	if !lives {
		return q
	}
	q.Policies = authz.Policies{Identity: s.identityPolicies(c, e), Session: s.sessionPolicies(c)}
	if e.Boundary != "" {
		q.Policies.Boundary = ptr(s.managedSource(c.Tx, e.Boundary))
	}
	return q
}

func ptr[T any](v T) *T { return &v }

func (s *Service) identityPolicies(c *call.Call, e Entity) []authz.Source {
	var all []authz.Source
	for _, i := range e.Inline {
		all = append(all, source("inline policy "+i.Name, i.Document))
	}
	for _, arn := range e.Attached {
		all = append(all, s.managedSource(c.Tx, arn))
	}
	return all
}

func (s *Service) sessionPolicies(c *call.Call) []authz.Source {
	var all []authz.Source
	for _, document := range c.Caller.SessionPolicies {
		all = append(all, source("session policy", document))
	}
	for _, arn := range c.Caller.SessionPolicyARN {
		all = append(all, s.managedSource(c.Tx, arn))
	}
	return all
}

// source parses a document; one that does not parse counts as unread.
func source(name, document string) authz.Source {
	p, err := authz.Parse(authz.Identity, document)
	if err != nil {
		p = nil
	}
	return authz.Source{Name: name, Policy: p}
}

func (s *Service) managedSource(r store.Reader, arn string) authz.Source {
	if p := s.parsed[arn]; p != nil {
		return authz.Source{Name: arn, Policy: p}
	}
	m, ok := findManaged(r, arn)
	if !ok {
		return authz.Source{Name: arn}
	}
	return source(arn, m.document(m.Default))
}

// parseManaged parses AWS's own policies, on which nearly every decision of a
// lab rests, once, by ARN: parsing them for each was a tenth of a call's time.
// Those of rarer partitions are parsed as they are asked for.
func parseManaged() map[string]*authz.Policy {
	parsed := map[string]*authz.Policy{}
	for name, p := range awsPolicies {
		for _, partition := range []string{"aws", "aws-cn", "aws-us-gov"} {
			parsed[awsPolicyARN(partition, name)] = source(name, p.document(partition)).Policy
		}
	}
	return parsed
}

// globalKeys are the condition keys that every request has or may have. (IAM
// User Guide, global condition context keys)
func globalKeys(c *call.Call, e Entity) *authz.Context {
	k := requestKeys(c)
	switch c.Caller.Kind {
	case call.ServicePrincipal:
		k.Set("aws:PrincipalIsAWSService", "true")
		k.Set("aws:PrincipalServiceName", c.Caller.ARN)
		return k
	case call.Federated:
		return k
	}
	k.Set("aws:PrincipalArn", c.Caller.PrincipalARN)
	k.Set("aws:PrincipalAccount", c.Caller.Account)
	k.Set("aws:userid", c.Caller.UserID)
	tags := e.Tags
	if c.Caller.Kind == call.Session {
		k.Set("aws:PrincipalType", "AssumedRole")
		k.Set("aws:TokenIssueTime", c.Caller.IssuedAt.UTC().Format(time.RFC3339))
		k.Set("aws:MultiFactorAuthPresent", "false")
		for key, v := range c.Caller.Tags {
			tags = setTags(tags, []Tag{{key, v}})
		}
		if c.Caller.SourceIdentity != "" {
			k.Set("aws:SourceIdentity", c.Caller.SourceIdentity)
		}
		if c.Caller.FederatedBy != "" {
			k.Set("aws:FederatedProvider", c.Caller.FederatedBy)
		}
		for key, values := range c.Caller.Keys {
			k.Set(key, values...)
		}
	} else {
		k.Set("aws:PrincipalType", "User")
		k.Set("aws:username", e.Name)
	}
	for _, t := range tags {
		k.Set("aws:PrincipalTag/"+t.Key, t.Value)
	}
	return k
}

// requestKeys are the condition keys that go by the request and not by who
// makes it.
func requestKeys(c *call.Call) *authz.Context {
	k := &authz.Context{}
	k.Set("aws:CurrentTime", c.Now.UTC().Format(time.RFC3339))
	k.Set("aws:EpochTime", strconv.FormatInt(c.Now.Unix(), 10))
	k.Set("aws:RequestedRegion", c.Region)
	k.Set("aws:SourceIp", c.SourceIP)
	k.Set("aws:SecureTransport", "false") // the lab speaks plain http on loopback
	k.Set("aws:ViaAWSService", "false")
	k.Set("aws:PrincipalIsAWSService", "false")
	k.SetUnknown("aws:UserAgent")
	return k
}

// because ends the sentence of a denial as AWS does. (IAM User Guide,
// troubleshoot access denied error messages)
func because(d authz.Decision, action string) string {
	switch {
	case d.Verdict == authz.Allowed:
		return ""
	case d.Explicit && len(d.Reasons) > 0:
		return "with an explicit deny in " + article(d.Reasons[0].Gate)
	}
	// AWS names one; which comes first is not documented but for identity-based
	// policies.
	for _, gate := range d.Missing {
		if gate != authz.RuleGate {
			return "because no " + string(gate) + " allows the " + action + " action"
		}
	}
	return "because no identity-based policy allows the " + action + " action"
}

func article(g authz.Gate) string {
	if g == authz.IdentityGate {
		return "an " + string(g)
	}
	return "a " + string(g)
}

func partitionOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 3); len(parts) == 3 {
		return parts[1]
	}
	return ""
}
