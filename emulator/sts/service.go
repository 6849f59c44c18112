package sts

import (
	_ "embed" // the service's table

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/iam"
	"github.com/atlas-iam/atlas-iam/emulator/query"
)

//go:embed model.json
var table []byte

// Service is the lab's STS.
type Service struct {
	model    *query.Model
	iam      *iam.Service
	issuers  Issuers
	handlers map[string]query.Handler
}

// New makes the service; roles and their trust policies are those of iam, and
// web identities those of the issuers, nil for none.
func New(iam *iam.Service, issuers Issuers) (*Service, error) {
	m, err := query.Load(table)
	if err != nil {
		return nil, err
	}
	s := &Service{model: m, iam: iam, issuers: issuers}
	s.handlers = map[string]query.Handler{
		"GetCallerIdentity":         {ReadOnly: true, JSON: true, Do: s.callerIdentity},
		"AssumeRole":                {Do: s.assumeRole},
		"AssumeRoleWithWebIdentity": {Do: s.assumeRoleWithWebIdentity},
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

// assumeRole makes a session of a role for an IAM user or another session.
// MFA and provided contexts the lab does not have.
func (s *Service) assumeRole(r *query.Request) (query.Object, error) {
	for _, unbuilt := range []string{"ProvidedContexts", "SerialNumber", "TokenCode"} {
		if r.In.Has(unbuilt) {
			return nil, call.NotImplemented("sts", "AssumeRole with "+unbuilt)
		}
	}
	w := wanted(r)
	w.ExternalID, w.SourceIdentity, w.Transitive = r.In.Text("ExternalId"), r.In.Text("SourceIdentity"), r.In.Texts("TransitiveTagKeys")
	for _, t := range r.In.Objects("Tags") {
		w.Tags = append(w.Tags, Tag{t.Text("Key"), t.Text("Value")})
	}
	session, err := s.Assume(r.Call, w)
	if err != nil {
		return nil, err
	}
	return session.shown(), nil
}

// wanted reads what AssumeRole and AssumeRoleWithWebIdentity have in common.
func wanted(r *query.Request) Wanted {
	w := Wanted{Action: "sts:" + r.Operation, Role: r.In.Text("RoleArn"), Name: r.In.Text("RoleSessionName"), Duration: r.In.Int("DurationSeconds", 0)}
	if r.In.Has("Policy") {
		w.Policies = []string{r.In.Text("Policy")}
	}
	for _, p := range r.In.Objects("PolicyArns") {
		w.PolicyARNs = append(w.PolicyARNs, p.Text("arn"))
	}
	return w
}

// shown is a session as AssumeRole shows it.
func (s Session) shown() query.Object {
	out := query.Object{
		"AssumedRoleUser": query.Object{"AssumedRoleId": s.Caller.UserID, "Arn": s.Caller.ARN},
		"Credentials": query.Object{
			"AccessKeyId": s.Caller.AccessKeyID, "SecretAccessKey": s.Secret, "SessionToken": s.Token, "Expiration": s.Expires,
		},
	}
	if s.Packed > 0 {
		out["PackedPolicySize"] = s.Packed
	}
	if s.Caller.SourceIdentity != "" {
		out["SourceIdentity"] = s.Caller.SourceIdentity
	}
	return out
}

func validation(message string) error {
	return &call.Error{Code: query.ValidationError, Message: message}
}
