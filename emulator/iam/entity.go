package iam

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// kind is what users and roles differ in, where they are alike.
type kind struct {
	word       string // User: as it stands in the names of operations and members
	noun       string // user: as it stands in ARNs and texts
	bucket     string
	idPrefix   string
	inlineSize int // characters of all inline policies
}

// The sizes are IAM's quotas. (IAM User Guide, IAM and STS quotas)
var (
	user = kind{"User", "user", "iam.users", "AIDA", 2048}
	role = kind{"Role", "role", "iam.roles", "AROA", 10240}
)

// Entity is a user or a role.
type Entity struct {
	Name, Path, ID, ARN string
	Account             string
	Created             time.Time
	Tags                []Tag
	Boundary            string   // ARN of the permissions boundary
	Inline              []Inline // sorted by name
	Attached            []string // ARNs, in the order they were attached
	Keys                []string // of a user: ids of the access keys

	// Of a role.
	Description string
	Trust       string            // as written
	Trusted     map[string]string // ARNs in Trust that were users or roles when it was saved: their unique ids
	MaxSession  int               // seconds
}

// Tag is a tag; keys are told apart regardless of case.
type Tag struct{ Key, Value string }

// Inline is an inline policy.
type Inline struct{ Name, Document string }

// idsBucket finds an entity by its unique id, while it lives.
const idsBucket = "iam.ids"

// identity is what idsBucket holds.
type identity struct{ Bucket, Account, Name string }

// entityKey is the key of an entity: names are unique regardless of case.
func entityKey(account, name string) string { return store.Key(account, strings.ToLower(name)) }

// find reads an entity.
func (k kind) find(r store.Reader, account, name string) (Entity, bool) {
	return store.Get[Entity](r, k.bucket, entityKey(account, name))
}

// put writes an entity.
func (k kind) put(tx *store.Tx, e Entity) {
	tx.Put(k.bucket, entityKey(e.Account, e.Name), e)
	tx.Put(idsBucket, e.ID, identity{k.bucket, e.Account, e.Name})
}

// remove deletes an entity; its unique id is never used again.
func (k kind) remove(tx *store.Tx, e Entity) {
	tx.Delete(k.bucket, entityKey(e.Account, e.Name))
	tx.Delete(idsBucket, e.ID)
}

// arn is the ARN of an entity of the caller's account.
func (k kind) arn(c *call.Call, path, name string) string {
	return "arn:" + c.Partition + ":iam::" + c.Account + ":" + k.noun + path + name
}

// byID finds the living entity of a unique id.
func byID(r store.Reader, id string) (Entity, bool) {
	i, ok := store.Get[identity](r, idsBucket, id)
	if !ok {
		return Entity{}, false
	}
	return store.Get[Entity](r, i.Bucket, entityKey(i.Account, i.Name))
}

// byARN finds the entity that has exactly this ARN, path included.
func byARN(r store.Reader, arn string) (Entity, kind, bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[2] != "iam" {
		return Entity{}, kind{}, false
	}
	for _, k := range []kind{user, role} {
		rest, ok := strings.CutPrefix(parts[5], k.noun+"/")
		if !ok {
			continue
		}
		e, ok := k.find(r, parts[4], rest[strings.LastIndexByte(rest, '/')+1:])
		return e, k, ok && e.ARN == arn
	}
	return Entity{}, kind{}, false
}

// Role finds a role by account and name, in whatever case.
func Role(r store.Reader, account, name string) (Entity, bool) { return role.find(r, account, name) }

// Principal finds the user or role that has exactly this ARN and gives its
// unique id.
func (s *Service) Principal(tx *store.Tx, arn string) (uniqueID string, ok bool) {
	e, _, ok := byARN(tx, arn)
	return e.ID, ok
}

// randomText gives n letters and digits, as AWS's ids and keys have them.
func randomText(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)[:n]
}

// uniqueID makes an id of 21 characters, as AIDA....
func uniqueID(prefix string) string { return prefix + randomText(21-len(prefix)) }

// NewSecret makes a secret access key.
func NewSecret() string {
	b := make([]byte, 30)
	rand.Read(b)
	return base64.StdEncoding.EncodeToString(b)
}

// NewKeyID makes an access key id; prefix AKIALAB or ASIALAB marks it as the
// lab's.
func NewKeyID(prefix string) string { return prefix + randomText(20-len(prefix)) }

// setTags adds tags over the ones that are there; keys match in any case.
func setTags(have []Tag, add []Tag) []Tag {
	out := slices.Clone(have)
	for _, t := range add {
		i := slices.IndexFunc(out, func(o Tag) bool { return strings.EqualFold(o.Key, t.Key) })
		if i < 0 {
			out = append(out, t)
		} else {
			out[i] = t
		}
	}
	return out
}
