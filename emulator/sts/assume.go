package sts

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	authz "github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/iam"
)

// Tag is a session tag.
type Tag struct{ Key, Value string }

// Wanted is a session that the caller of a call asks for.
type Wanted struct {
	Action     string // sts:AssumeRole, or by which the trust policy lets in
	Role       string // ARN
	Name       string // of the session
	Duration   int    // seconds; 0: an hour, or the role's longest if that is less
	Longest    int    // seconds; 0: as the role says
	Policies   []string
	PolicyARNs []string
	Tags       []Tag
	Transitive []string // keys of Tags

	SourceIdentity string
	ExternalID     string
	// Keys are the condition keys that only who asks knows, for the trust policy
	// and, those that Lasting names, for the session's life.
	Keys    map[string][]string
	Lasting []string
}

// The lengths of sessions, in seconds. (STS API, AssumeRole)
const (
	defaultDuration = 3600
	longestChained  = 3600 // when a role's session assumes a role
)

// Assume makes a session of a role for the caller of c, if the role's trust
// policy and, where they are asked, the caller's own policies let it. The
// errors are those of STS.
func (s *Service) Assume(c *call.Call, w Wanted) (Session, error) {
	target, there, err := s.role(c, w.Role)
	if err != nil {
		return Session{}, err
	}
	if !there {
		return Session{}, s.denied(c, w.Action, w.Role)
	}
	tags, err := w.tags(c.Caller)
	if err != nil {
		return Session{}, err
	}
	identity := cmp.Or(c.Caller.SourceIdentity, w.SourceIdentity)
	if w.SourceIdentity != "" && w.SourceIdentity != identity {
		// Assumption source-identity: what a session has it keeps.
		return Session{}, s.denied(c, "sts:SetSourceIdentity", w.Role)
	}
	if err := s.permitted(c, w, target, tags, identity); err != nil {
		return Session{}, err
	}
	duration, err := w.duration(c, target)
	if err != nil {
		return Session{}, err
	}
	packed, err := s.packed(c, w, tags, target)
	if err != nil {
		return Session{}, err
	}
	partition := strings.SplitN(target.ARN, ":", 3)[1]
	session := Session{
		Secret: iam.NewSecret(), Token: iam.NewSecret() + iam.NewSecret(), Expires: c.Now.Add(time.Duration(duration) * time.Second), Packed: packed,
		Caller: call.Caller{
			Kind: call.Session, Account: target.Account, Partition: partition,
			ARN:    fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", partition, target.Account, target.Name, w.Name),
			UserID: target.ID + ":" + w.Name, PrincipalARN: target.ARN, PrincipalID: target.ID, SessionName: w.Name,
			AccessKeyID: iam.NewKeyID("ASIALAB"), Chained: c.Caller.Kind == call.Session, IssuedAt: c.Now,
			SessionPolicies: w.Policies, SessionPolicyARN: w.PolicyARNs, Tags: tags.all(), TransitiveTags: tags.transitive, SourceIdentity: identity,
		},
	}
	if c.Caller.Kind == call.Federated {
		session.Caller.FederatedBy = c.Caller.ARN
	}
	for _, name := range w.Lasting {
		if session.Caller.Keys == nil {
			session.Caller.Keys = map[string][]string{}
		}
		session.Caller.Keys[name] = w.Keys[name]
	}
	forgetExpired(c.Tx, c.Now)
	session.put(c.Tx)
	s.iam.Used(c.Tx, target, c.Region, c.Now)
	return session, nil
}

// role finds the role of an ARN, in the caller's partition.
func (s *Service) role(c *call.Call, arn string) (target iam.Entity, there bool, err error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || !strings.HasPrefix(parts[5], "role/") {
		return target, false, validation(arn + " is invalid")
	}
	target, there = iam.Role(c.Tx, parts[4], arn[strings.LastIndexByte(arn, '/')+1:])
	return target, there && target.ARN == arn && parts[1] == c.Partition, nil
}

// denied refuses an action on a role. A role that is not there is refused in
// the words of one that does not trust the caller, as AWS does.
func (s *Service) denied(c *call.Call, action, role string) error {
	e := &call.Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: "Not authorized to perform " + action}
	if c.Caller.Kind != call.Federated {
		e.Message = "User: " + c.Caller.ARN + " is not authorized to perform: " + action + " on resource: " + role
	}
	return e
}

// permitted asks the role's trust policy, and the caller's own policies where
// they count, for each action that the session needs.
func (s *Service) permitted(c *call.Call, w Wanted, target iam.Entity, tags sessionTags, sourceIdentity string) error {
	keys := map[string][]string{"sts:RoleSessionName": {w.Name}}
	maps.Copy(keys, w.Keys)
	if w.ExternalID != "" {
		keys["sts:ExternalId"] = []string{w.ExternalID}
	}
	if sourceIdentity != "" {
		keys["sts:SourceIdentity"] = []string{sourceIdentity}
	}
	for _, t := range target.Tags {
		keys["aws:ResourceTag/"+t.Key] = []string{t.Value}
		keys["iam:ResourceTag/"+t.Key] = []string{t.Value}
	}
	actions := []string{w.Action}
	if given := tags.all(); len(given) > 0 {
		actions = append(actions, "sts:TagSession")
		keys["aws:TagKeys"] = slices.Sorted(maps.Keys(given))
		for key, value := range given {
			keys["aws:RequestTag/"+key] = []string{value}
		}
	}
	if len(tags.transitive) > 0 {
		keys["sts:TransitiveTagKeys"] = tags.transitive
	}
	if sourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	for _, action := range actions {
		allowed, err := s.iam.AuthorizeTrust(c, target, action, keys)
		if err != nil {
			return err
		}
		if !allowed {
			return s.denied(c, action, target.ARN)
		}
	}
	return nil
}

// duration is how long the session lives, in seconds.
func (w Wanted) duration(c *call.Call, target iam.Entity) (int, error) {
	longest := cmp.Or(w.Longest, target.MaxSession)
	d := cmp.Or(w.Duration, min(defaultDuration, longest))
	switch {
	case c.Caller.Kind == call.Session && d > longestChained:
		return 0, validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	case d > longest:
		return 0, validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return d, nil
}

// room is how many characters session policies, their ARNs and session tags
// may have. Assumption packed-size: AWS packs them into a form of its own and
// publishes neither that nor its limit; of policies alone this is the
// documented one. (STS API, AssumeRole: Policy, PackedPolicySize)
const room = 2048

// packed checks the session policies and gives how much of the room is used,
// in percent.
func (s *Service) packed(c *call.Call, w Wanted, tags sessionTags, target iam.Entity) (int, error) {
	used := 0
	for _, p := range w.Policies {
		if _, err := authz.Parse(authz.Identity, p); err != nil {
			return 0, s.model.Fault("MalformedPolicyDocument", "The session policy is malformed: %v", err)
		}
		used += utf8.RuneCountInString(p)
	}
	if len(w.PolicyARNs) > mostPolicyARNs {
		return 0, validation(fmt.Sprintf("1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to %d", mostPolicyARNs))
	}
	for _, arn := range w.PolicyARNs {
		if parts := strings.SplitN(arn, ":", 6); len(parts) != 6 || parts[4] != "aws" && parts[4] != target.Account || !s.iam.HasPolicy(c.Tx, arn) {
			return 0, s.model.Fault("MalformedPolicyDocument", "The managed policy %s is not one of the role's account", arn)
		}
		used += len(arn)
	}
	for key, value := range tags.all() {
		used += utf8.RuneCountInString(key) + utf8.RuneCountInString(value)
	}
	percent := (100*used + room - 1) / room
	if percent > 100 {
		return 0, s.model.Fault("PackedPolicyTooLarge", "Packed size of session policies and session tags consumes %d%% of allotted space.", percent)
	}
	return percent, nil
}

// mostPolicyARNs is how many managed session policies a session may have. (STS
// API, AssumeRole: PolicyArns)
const mostPolicyARNs = 10
