package iam

import (
	"strings"

	"github.com/atlas-iam/atlas-iam/emulator/query"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

func (s *Service) userHandlers() map[string]query.Handler {
	return map[string]query.Handler{
		"CreateUser": write(s.createUser),
		"GetUser":    read(s.getUser),
		"ListUsers":  read(s.listUsers),
		"UpdateUser": write(s.updateUser),
		"DeleteUser": write(s.deleteUser),
	}
}

// create makes the entity of the request's name, path, tags and boundary,
// without saving it.
func (s *Service) create(r *request, k kind) (Entity, error) {
	name, path := r.In.Text(k.word+"Name"), r.In.Text("Path")
	if path == "" {
		path = "/"
	}
	e := Entity{Name: name, Path: path, Account: r.Account, ARN: k.arn(r.Call, path, name), Created: r.Now}
	if err := r.Authorize("iam:"+r.Operation, e.ARN, conditionKeys(r, e)); err != nil {
		return e, err
	}
	if len(r.In.Objects("Tags")) > 0 { // a second action, on the same resource
		if err := r.Authorize("iam:Tag"+k.word, e.ARN, conditionKeys(r, e)); err != nil {
			return e, err
		}
	}
	if _, exists := k.find(r.Tx, r.Account, name); exists {
		return e, s.model.Fault("EntityAlreadyExists", "%s with name %s already exists.", k.word, name)
	}
	tags, err := s.checkTags(r, nil)
	if err != nil {
		return e, err
	}
	e.Tags, e.ID = tags, uniqueID(k.idPrefix)
	return e, s.setBoundary(r, &e, r.In.Text("PermissionsBoundary"))
}

func (s *Service) createUser(r *request) (object, error) {
	e, err := s.create(r, user)
	if err != nil {
		return nil, err
	}
	return object{"User": show(user, e, true)}, s.changed(r, user, e)
}

// show gives the members that users and roles have alike. Lists leave out the
// tags and the boundary. (IAM API, ListUsers: "IAM resource-listing operations
// return a subset of the available attributes")
func show(k kind, e Entity, whole bool) object {
	out := object{"Path": e.Path, k.word + "Name": e.Name, k.word + "Id": e.ID, "Arn": e.ARN, "CreateDate": e.Created}
	if whole && len(e.Tags) > 0 {
		out["Tags"] = tagObjects(e.Tags)
	}
	if whole && e.Boundary != "" {
		out["PermissionsBoundary"] = object{"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": e.Boundary}
	}
	return out
}

func (s *Service) getUser(r *request) (object, error) {
	e, err := s.named(r, user, "UserName")
	if err != nil {
		return nil, err
	}
	return object{"User": show(user, e, true)}, nil
}

// list gives the account's entities whose path begins with PathPrefix.
func list(r *request, k kind) []Entity {
	prefix := r.In.Text("PathPrefix")
	var all []Entity
	for _, e := range store.List[Entity](r.Seen, k.bucket, r.Account, "") {
		if strings.HasPrefix(e.Path, prefix) {
			all = append(all, e)
		}
	}
	return all
}

func byName(e Entity) string { return strings.ToLower(e.Name) }

func (s *Service) listUsers(r *request) (object, error) {
	if err := r.Authorize("iam:ListUsers", "*", nil); err != nil {
		return nil, err
	}
	return page(r, "Users", list(r, user), byName, func(e Entity) object { return show(user, e, false) })
}

func (s *Service) updateUser(r *request) (object, error) {
	e, err := s.named(r, user, "UserName")
	if err != nil {
		return nil, err
	}
	old := e
	if path := r.In.Text("NewPath"); path != "" {
		e.Path = path
	}
	if name := r.In.Text("NewUserName"); name != "" {
		if other, exists := user.find(r.Tx, r.Account, name); exists && other.ID != e.ID {
			return nil, s.model.Fault("EntityAlreadyExists", "User with name %s already exists.", name)
		}
		e.Name = name
	}
	e.ARN = user.arn(r.Call, e.Path, e.Name)
	if err := r.Authorize("iam:UpdateUser", e.ARN, conditionKeys(r, e)); err != nil {
		return nil, err
	}
	user.remove(r.Tx, old)
	for _, id := range e.Keys {
		key, _ := store.Get[Key](r.Tx, keysBucket, id)
		key.User = e.Name
		r.Tx.Put(keysBucket, id, key)
	}
	return nil, s.changed(r, user, e)
}

func (s *Service) deleteUser(r *request) (object, error) {
	e, err := s.named(r, user, "UserName")
	if err != nil {
		return nil, err
	}
	if len(e.Keys) > 0 {
		return nil, s.conflict("Cannot delete entity, must delete access keys first.")
	}
	return nil, s.delete(r, user, e)
}

// delete removes an entity that has no policies any more.
func (s *Service) delete(r *request, k kind, e Entity) error {
	switch {
	case len(e.Inline) > 0:
		return s.conflict("Cannot delete entity, must delete policies first.")
	case len(e.Attached) > 0:
		return s.conflict("Cannot delete entity, must detach all policies first.")
	}
	s.count(r.Tx, e.Boundary, func(m *Managed) { m.Boundaries-- })
	k.remove(r.Tx, e)
	r.Record(e.ARN, r.In)
	return nil
}
