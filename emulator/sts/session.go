package sts

import (
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

const (
	sessionsBucket = "sts.sessions"
	expiryBucket   = "sts.expiries" // time of expiry and access key id, in order
)

// Session is a session of a role, as the store keeps it by access key id.
type Session struct {
	Secret, Token string
	Expires       time.Time
	Caller        call.Caller
	Packed        int // percent of the room for session policies and tags; 0: none were passed
}

func (s Session) put(tx *store.Tx) {
	tx.Put(sessionsBucket, s.Caller.AccessKeyID, s)
	tx.Put(expiryBucket, store.Key(s.Expires.UTC().Format(time.RFC3339), s.Caller.AccessKeyID), s.Expires)
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
	v, ok := store.Get[Session](tx, sessionsBucket, accessKeyID)
	if !ok {
		return call.Credential{}, false
	}
	if id, lives := s.iam.Principal(tx, v.Caller.PrincipalARN); !lives || id != v.Caller.PrincipalID {
		return call.Credential{}, false
	}
	return call.Credential{Secret: v.Secret, SessionToken: v.Token, Caller: v.Caller, Expires: v.Expires}, true
}
