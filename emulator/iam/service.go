package iam

import (
	_ "embed" // the service's table
	"maps"

	authz "github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/query"
)

//go:embed model.json
var table []byte

// Service is the lab's IAM. It keeps no state itself: all is in the store's
// transaction of a call.
type Service struct {
	model    *query.Model
	handlers map[string]query.Handler
	parsed   map[string]*authz.Policy // AWS's own policies, by name
}

// New makes the service.
func New() (*Service, error) {
	m, err := query.Load(table)
	if err != nil {
		return nil, err
	}
	m.Wording = map[string]string{
		`[\w+=,.@-]+`: "The specified value for %s is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-",
	}
	s := &Service{model: m, handlers: map[string]query.Handler{}, parsed: parseManaged()}
	for _, part := range []map[string]query.Handler{
		s.userHandlers(), s.keyHandlers(), s.roleHandlers(), s.managedHandlers(),
		s.entityHandlers(user), s.entityHandlers(role), s.emptyHandlers(), s.oidcHandlers(), s.accountHandlers(),
	} {
		maps.Copy(s.handlers, part)
	}
	return s, nil
}

// Name is the service's signing name.
func (s *Service) Name() string { return "iam" }

// Protocol is how IAM speaks.
func (s *Service) Protocol() call.Protocol {
	return call.Protocol{Query: true, Namespace: s.model.Namespace}
}

// Route finds the operation of a request.
func (s *Service) Route(r *call.Request) (call.Operation, error) {
	return s.model.Route(s.handlers, r)
}

type (
	request = query.Request
	object  = query.Object
	do      = func(*request) (object, error)
)

// read and write make handlers.
func read(f do) query.Handler  { return query.Handler{ReadOnly: true, Do: f} }
func write(f do) query.Handler { return query.Handler{Do: f} }

func (s *Service) notFound(format string, args ...any) error {
	return s.model.Fault("NoSuchEntity", format, args...)
}

func (s *Service) conflict(format string, args ...any) error {
	return s.model.Fault("DeleteConflict", format, args...)
}

func (s *Service) limit(format string, args ...any) error {
	return s.model.Fault("LimitExceeded", format, args...)
}
