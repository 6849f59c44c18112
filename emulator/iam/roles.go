package iam

import (
	"strings"
	"time"

	authz "github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/query"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

func (s *Service) roleHandlers() map[string]query.Handler {
	return map[string]query.Handler{
		"CreateRole":             write(s.createRole),
		"GetRole":                read(s.getRole),
		"ListRoles":              read(s.listRoles),
		"UpdateRole":             write(s.updateRole),
		"UpdateRoleDescription":  write(s.updateRoleDescription),
		"UpdateAssumeRolePolicy": write(s.updateTrust),
		"DeleteRole":             write(s.deleteRole),
	}
}

// defaultSession is a role's longest session, in seconds, unless it says more.
const defaultSession = 3600

func (s *Service) createRole(r *request) (object, error) {
	e, err := s.create(r, role)
	if err != nil {
		return nil, err
	}
	if r.Tx.Count(role.bucket, r.Account) >= rolesQuota && rolesOf(r) >= rolesQuota {
		return nil, s.limit("Cannot exceed quota for RolesPerAccount: %d", rolesQuota)
	}
	e.Description, e.MaxSession = r.In.Text("Description"), r.In.Int("MaxSessionDuration", defaultSession)
	if err := s.setTrust(r.Tx, &e, r.In.Text("AssumeRolePolicyDocument")); err != nil {
		return nil, err
	}
	shown := s.showRole(r.Tx, e, true)
	// CreateRole's answer has neither of these, by the AWS CLI's documented example.
	delete(shown, "MaxSessionDuration")
	delete(shown, "RoleLastUsed")
	return object{"Role": shown}, s.changed(r, role, e)
}

// rolesQuota is how many roles an account may have. (IAM User Guide, IAM and
// STS quotas) Assumption service-linked-uncounted: those that services link to
// themselves are not counted.
const rolesQuota = 1000

func rolesOf(r *request) int {
	n := 0
	for _, e := range store.List[struct{ Path string }](r.Tx, role.bucket, r.Account, "") {
		if !strings.HasPrefix(e.Path, "/aws-service-role/") {
			n++
		}
	}
	return n
}

func (s *Service) showRole(r store.Reader, e Entity, whole bool) object {
	out := show(role, e, whole)
	out["AssumeRolePolicyDocument"] = encodeDocument(shownTrust(r, e))
	out["MaxSessionDuration"] = e.MaxSession
	if e.Description != "" {
		out["Description"] = e.Description
	}
	if whole {
		out["RoleLastUsed"] = object{}
		if u, ok := store.Get[lastUse](r, lastUseBucket, e.ID); ok {
			out["RoleLastUsed"] = object{"LastUsedDate": u.Time, "Region": u.Region}
		}
	}
	return out
}

// lastUse is when and where a role was last assumed.
type lastUse struct {
	Time   time.Time
	Region string
}

const lastUseBucket = "iam.last-uses" // by the role's unique id

// Used notes that a role was assumed.
//
// Assumption last-used: a role's last use is when a session of it was made;
// AWS counts the sessions' calls too, and tells with hours of delay.
func (s *Service) Used(tx *store.Tx, target Entity, region string, now time.Time) {
	tx.Put(lastUseBucket, target.ID, lastUse{now, region})
}

func (s *Service) getRole(r *request) (object, error) {
	e, err := s.named(r, role, "RoleName")
	if err != nil {
		return nil, err
	}
	return object{"Role": s.showRole(r.Seen, e, true)}, nil
}

func (s *Service) listRoles(r *request) (object, error) {
	if err := r.Authorize("iam:ListRoles", "*", nil); err != nil {
		return nil, err
	}
	return page(r, "Roles", list(r, role), byName, func(e Entity) object { return s.showRole(r.Seen, e, false) })
}

func (s *Service) updateRole(r *request) (object, error) {
	e, err := s.modifiable(r)
	if err != nil {
		return nil, err
	}
	if r.In.Has("Description") {
		e.Description = r.In.Text("Description")
	}
	e.MaxSession = r.In.Int("MaxSessionDuration", e.MaxSession)
	return object{}, s.changed(r, role, e)
}

func (s *Service) updateRoleDescription(r *request) (object, error) {
	e, err := s.modifiable(r)
	if err != nil {
		return nil, err
	}
	e.Description = r.In.Text("Description")
	return object{"Role": s.showRole(r.Tx, e, true)}, s.changed(r, role, e)
}

func (s *Service) updateTrust(r *request) (object, error) {
	e, err := s.modifiable(r)
	if err != nil {
		return nil, err
	}
	if err := s.setTrust(r.Tx, &e, r.In.Text("PolicyDocument")); err != nil {
		return nil, err
	}
	return nil, s.changed(r, role, e)
}

func (s *Service) deleteRole(r *request) (object, error) {
	e, err := s.modifiable(r)
	if err != nil {
		return nil, err
	}
	r.Tx.Delete(lastUseBucket, e.ID)
	return nil, s.delete(r, role, e)
}

// modifiable finds the role that the request names. Roles that a service
// links to itself are its alone.
func (s *Service) modifiable(r *request) (Entity, error) {
	e, err := s.named(r, role, "RoleName")
	if err == nil && strings.HasPrefix(e.Path, "/aws-service-role/") {
		err = s.model.Fault("UnmodifiableEntity", "Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", e.Name)
	}
	return e, err
}

// EnsureRole makes a role that the lab itself needs, if the account has none
// of that name, and gives the unique id of the one that is there.
func (s *Service) EnsureRole(tx *store.Tx, account call.Account, want call.Role, now time.Time) (string, error) {
	if e, ok := role.find(tx, account.ID, want.Name); ok {
		return e.ID, nil
	}
	path := want.Path
	if path == "" {
		path = "/"
	}
	e := Entity{
		Name: want.Name, Path: path, Account: account.ID, ID: uniqueID(role.idPrefix), Created: now,
		ARN:         "arn:" + account.Partition + ":iam::" + account.ID + ":role" + path + want.Name,
		Description: want.Description, MaxSession: defaultSession,
	}
	if err := s.setTrust(tx, &e, want.Trust); err != nil {
		return "", err
	}
	if want.Admin {
		e.Attached = []string{"arn:" + account.Partition + ":iam::aws:policy/AdministratorAccess"}
	}
	role.put(tx, e)
	return e.ID, nil
}

// setTrust checks a trust policy and binds its principals to the unique ids
// that their ARNs have now.
func (s *Service) setTrust(tx *store.Tx, e *Entity, document string) error {
	if _, err := s.checkDocument(authz.Trust, document); err != nil {
		return err
	}
	if authz.Size(document) > trustSize {
		return s.limit("Cannot exceed quota for ACLSizePerRole: %d", trustSize)
	}
	trusted, err := s.bind(tx, document)
	if err != nil {
		return err
	}
	e.Trust, e.Trusted = document, trusted
	return nil
}

// trustSize is the quota of a trust policy's characters.
const trustSize = 2048
