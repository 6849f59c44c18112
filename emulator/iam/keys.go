package iam

import (
	"slices"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/query"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// keysBucket holds the access keys of users by their ids.
const keysBucket = "iam.keys"

// Key is an access key of a user.
type Key struct {
	ID, Secret    string
	Account, User string
	Inactive      bool
	Created       time.Time
}

// keysQuota is how many access keys a user may have.
const keysQuota = 2

func (s *Service) keyHandlers() map[string]query.Handler {
	return map[string]query.Handler{
		"CreateAccessKey": write(s.createKey),
		"ListAccessKeys":  read(s.listKeys),
		"UpdateAccessKey": write(s.updateKey),
		"DeleteAccessKey": write(s.deleteKey),
	}
}

func status(k Key) string {
	if k.Inactive {
		return "Inactive"
	}
	return "Active"
}

func (s *Service) createKey(r *request) (object, error) {
	e, err := s.named(r, user, "UserName")
	if err != nil {
		return nil, err
	}
	if len(e.Keys) >= keysQuota {
		return nil, s.limit("Cannot exceed quota for AccessKeysPerUser: %d", keysQuota)
	}
	key := Key{ID: NewKeyID("AKIALAB"), Secret: NewSecret(), Account: e.Account, User: e.Name, Created: r.Now}
	r.Tx.Put(keysBucket, key.ID, key)
	e.Keys = append(e.Keys, key.ID)
	out := object{"AccessKey": object{
		"UserName": e.Name, "AccessKeyId": key.ID, "Status": status(key), "SecretAccessKey": key.Secret, "CreateDate": key.Created,
	}}
	return out, s.changed(r, user, e)
}

func (s *Service) listKeys(r *request) (object, error) {
	e, err := s.named(r, user, "UserName")
	if err != nil {
		return nil, err
	}
	slices.Sort(e.Keys)
	return page(r, "AccessKeyMetadata", e.Keys, func(id string) string { return id }, func(id string) object {
		key, _ := store.Get[Key](r.Seen, keysBucket, id)
		return object{"UserName": e.Name, "AccessKeyId": id, "Status": status(key), "CreateDate": key.Created}
	})
}

// key finds the access key that the request names, of the user it names.
func (s *Service) key(r *request) (Entity, Key, error) {
	e, err := s.named(r, user, "UserName")
	if err != nil {
		return e, Key{}, err
	}
	id := r.In.Text("AccessKeyId")
	key, _ := store.Get[Key](r.Tx, keysBucket, id)
	if !slices.Contains(e.Keys, id) {
		return e, key, s.notFound("The Access Key with id %s cannot be found.", id)
	}
	return e, key, nil
}

func (s *Service) updateKey(r *request) (object, error) {
	e, key, err := s.key(r)
	if err != nil {
		return nil, err
	}
	status := r.In.Text("Status")
	if status == "Expired" {
		return nil, call.NotImplemented("iam", "UpdateAccessKey with status Expired")
	}
	key.Inactive = status == "Inactive"
	r.Tx.Put(keysBucket, key.ID, key)
	return nil, s.changed(r, user, e)
}

func (s *Service) deleteKey(r *request) (object, error) {
	e, key, err := s.key(r)
	if err != nil {
		return nil, err
	}
	r.Tx.Delete(keysBucket, key.ID)
	e.Keys = slices.DeleteFunc(e.Keys, func(id string) bool { return id == key.ID })
	return nil, s.changed(r, user, e)
}

// Credential finds the access key of a user.
func (s *Service) Credential(tx *store.Tx, accessKeyID string) (call.Credential, bool) {
	key, ok := store.Get[Key](tx, keysBucket, accessKeyID)
	if !ok {
		return call.Credential{}, false
	}
	e, ok := user.find(tx, key.Account, key.User)
	if !ok {
		return call.Credential{}, false
	}
	return call.Credential{Secret: key.Secret, Inactive: key.Inactive, Caller: call.Caller{
		Kind: call.User, ARN: e.ARN, Account: e.Account, Partition: partitionOf(e.ARN),
		UserID: e.ID, PrincipalARN: e.ARN, PrincipalID: e.ID, AccessKeyID: key.ID,
	}}, true
}
