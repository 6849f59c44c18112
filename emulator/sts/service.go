package sts

import (
	_ "embed" // the service's table
	"fmt"
	"strings"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/iam"
	"github.com/atlas-iam/atlas-iam/emulator/query"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

//go:embed model.json
var table []byte

// Service is the lab's STS. It keeps nothing itself.
type Service struct {
	model    *query.Model
	iam      *iam.Service
	handlers map[string]query.Handler
}

// New makes the service; roles and their trust policies are those of iam.
func New(iam *iam.Service) (*Service, error) {
	m, err := query.Load(table)
	if err != nil {
		return nil, err
	}
	s := &Service{model: m, iam: iam}
	s.handlers = map[string]query.Handler{
		"GetCallerIdentity": {ReadOnly: true, JSON: true, Do: s.callerIdentity},
		"AssumeRole":        {Do: s.assumeRole},
	}
	return s, nil
}

// Name is the service's signing name.
func (s *Service) Name() string { return "sts" }

// Protocol is how STS speaks.
func (s *Service) Protocol() call.Protocol {
	return call.Protocol{Query: true, Namespace: s.model.Namespace}
}

// Route finds the operation of a request.
func (s *Service) Route(r *call.Request) (call.Operation, error) {
	return s.model.Route(s.handlers, r)
}

// callerIdentity needs no permission, and none can be taken away. (STS API,
// GetCallerIdentity)
func (s *Service) callerIdentity(r *query.Request) (query.Object, error) {
	return query.Object{"UserId": r.Caller.UserID, "Account": r.Caller.Account, "Arn": r.Caller.ARN}, nil
}

// The lengths of sessions, in seconds. (STS API, AssumeRole)
const (
	defaultDuration = 3600
	longestChained  = 3600 // when a role's session assumes a role
)

// assumeRole makes a session. What the lab cannot do rightly yet (session
// policies, session tags, source identity, MFA) it refuses as its own lack.
func (s *Service) assumeRole(r *query.Request) (query.Object, error) {
	for _, unbuilt := range []string{"Policy", "PolicyArns", "Tags", "TransitiveTagKeys", "SourceIdentity", "ProvidedContexts", "SerialNumber", "TokenCode"} {
		if r.In.Has(unbuilt) {
			return nil, call.NotImplemented("sts", "AssumeRole with "+unbuilt)
		}
	}
	name := r.In.Text("RoleSessionName")
	target, err := s.assumable(r)
	if err != nil {
		return nil, err
	}
	duration := r.In.Int("DurationSeconds", min(defaultDuration, target.MaxSession))
	chained := r.Caller.Kind == call.Session
	switch {
	case chained && duration > longestChained:
		return nil, validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	case duration > target.MaxSession:
		return nil, validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	partition := strings.SplitN(target.ARN, ":", 3)[1]
	session := session{
		Secret: iam.NewSecret(), Token: iam.NewSecret() + iam.NewSecret(), Expires: r.Now.Add(time.Duration(duration) * time.Second),
		Caller: call.Caller{
			Kind: call.Session, Account: target.Account, Partition: partition,
			ARN:    fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", partition, target.Account, target.Name, name),
			UserID: target.ID + ":" + name, PrincipalARN: target.ARN, PrincipalID: target.ID, SessionName: name,
			AccessKeyID: iam.NewKeyID("ASIALAB"), Chained: chained, IssuedAt: r.Now,
		},
	}
	forgetExpired(r.Tx, r.Now)
	session.put(r.Tx)
	s.iam.Used(r.Tx, target, r.Region, r.Now)
	return query.Object{
		"AssumedRoleUser": query.Object{"AssumedRoleId": session.Caller.UserID, "Arn": session.Caller.ARN},
		"Credentials": query.Object{
			"AccessKeyId": session.Caller.AccessKeyID, "SecretAccessKey": session.Secret,
			"SessionToken": session.Token, "Expiration": session.Expires,
		},
	}, nil
}

func validation(message string) error {
	return &call.Error{Code: query.ValidationError, Message: message}
}

// assumable finds the role and asks whether the caller may assume it. A role
// that is not there is refused in the words of one that does not trust the
// caller, as AWS does.
func (s *Service) assumable(r *query.Request) (iam.Entity, error) {
	arn := r.In.Text("RoleArn")
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || !strings.HasPrefix(parts[5], "role/") {
		return iam.Entity{}, validation(arn + " is invalid")
	}
	denied := s.model.Fault("AccessDenied", "User: %s is not authorized to perform: sts:AssumeRole on resource: %s", r.Caller.ARN, arn)
	denied.Status = 403
	target, ok := iam.Role(r.Tx, parts[4], arn[strings.LastIndexByte(arn, '/')+1:])
	if !ok || target.ARN != arn || parts[1] != r.Partition {
		return iam.Entity{}, denied
	}
	keys := map[string][]string{"sts:RoleSessionName": {r.In.Text("RoleSessionName")}}
	if r.In.Has("ExternalId") {
		keys["sts:ExternalId"] = []string{r.In.Text("ExternalId")}
	}
	for _, t := range target.Tags {
		keys["aws:ResourceTag/"+t.Key] = []string{t.Value}
		keys["iam:ResourceTag/"+t.Key] = []string{t.Value}
	}
	allowed, err := s.iam.AuthorizeTrust(r.Call, target, "sts:AssumeRole", keys)
	if err != nil {
		return iam.Entity{}, err
	}
	if !allowed {
		return iam.Entity{}, denied
	}
	return target, nil
}

const (
	sessionsBucket = "sts.sessions"
	expiryBucket   = "sts.expiries" // time of expiry and access key id, in order
)

// session is what the store keeps of a session, by access key id.
type session struct {
	Secret, Token string
	Expires       time.Time
	Caller        call.Caller
}

func (v session) put(tx *store.Tx) {
	tx.Put(sessionsBucket, v.Caller.AccessKeyID, v)
	tx.Put(expiryBucket, store.Key(v.Expires.UTC().Format(time.RFC3339), v.Caller.AccessKeyID), v.Expires)
}

// forgetExpired deletes some sessions that ended over a day ago; until then
// the front can tell an expired token from an unknown one.
func forgetExpired(tx *store.Tx, now time.Time) {
	n := 0
	for key, expires := range store.List[time.Time](tx, expiryBucket, "", "") {
		if n++; n > 20 || now.Sub(expires) < 24*time.Hour {
			return
		}
		tx.Delete(expiryBucket, key)
		tx.Delete(sessionsBucket, store.Split(key)[1])
	}
}

// Credential finds the access key of a session. The session of a role that is
// gone, also if it was made again, is no credential any more.
func (s *Service) Credential(tx *store.Tx, accessKeyID string) (call.Credential, bool) {
	v, ok := store.Get[session](tx, sessionsBucket, accessKeyID)
	if !ok {
		return call.Credential{}, false
	}
	if id, lives := s.iam.Principal(tx, v.Caller.PrincipalARN); !lives || id != v.Caller.PrincipalID {
		return call.Credential{}, false
	}
	return call.Credential{Secret: v.Secret, SessionToken: v.Token, Caller: v.Caller, Expires: v.Expires}, true
}
