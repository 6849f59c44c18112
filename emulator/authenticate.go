package emulator

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/sigv4"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// The prefixes of the lab's access key ids: of users and of sessions. Keys of
// AWS's are refused before anything is made of them.
const (
	UserKeyPrefix    = "AKIALAB"
	SessionKeyPrefix = "ASIALAB"
)

// authenticate fills in who signed the request, from where c's account and
// Region follow.
func (s *Server) authenticate(c *call.Call, r *http.Request, body []byte, sig *sigv4.Signature) error {
	c.Service, c.Region = sig.Service, sig.Region
	if !strings.HasPrefix(sig.AccessKeyID, UserKeyPrefix) && !strings.HasPrefix(sig.AccessKeyID, SessionKeyPrefix) {
		return unknownKey(c.Protocol)
	}
	var credential call.Credential
	var known bool
	err := s.db.View(func(tx *store.Tx) error {
		credential, known = s.credential(tx, sig.AccessKeyID)
		return nil
	})
	switch {
	case err != nil:
		return err
	case !known || credential.Inactive:
		return unknownKey(c.Protocol)
	case subtle.ConstantTimeCompare([]byte(credential.SessionToken), []byte(sig.SessionToken)) != 1:
		return unknownKey(c.Protocol)
	}
	if err := sig.Verify(r, body, credential.Secret, c.Now); err != nil {
		return signatureError(err, c.Protocol)
	}
	if !credential.Expires.IsZero() && !c.Now.Before(credential.Expires) {
		return expired(c.Protocol)
	}
	c.Caller = credential.Caller
	c.Caller.AccessKeyID = sig.AccessKeyID
	c.Account, c.Partition = c.Caller.Account, c.Caller.Partition
	if PartitionOf(c.Region) != c.Partition {
		return unknownKey(c.Protocol) // partitions know nothing of each other's keys
	}
	return nil
}

func (s *Server) credential(tx *store.Tx, accessKeyID string) (call.Credential, bool) {
	if c, ok := s.labCredential(tx, accessKeyID); ok {
		return c, true
	}
	for _, source := range s.parts.Credentials {
		if c, ok := source.Credential(tx, accessKeyID); ok {
			return c, true
		}
	}
	return call.Credential{}, false
}

// The codes below are those of AWS's common errors for each protocol.
// Assumption signature-errors: which code answers which fault.

func byProtocol(p call.Protocol, rest, query, message string, status int) *call.Error {
	code := rest
	if p.XML() {
		code = query
	}
	return &call.Error{Code: code, Message: message, Status: status}
}

func unknownKey(p call.Protocol) *call.Error {
	return byProtocol(p, "UnrecognizedClientException", "InvalidClientTokenId", "The security token included in the request is invalid.", http.StatusForbidden)
}

func expired(p call.Protocol) *call.Error {
	return byProtocol(p, "ExpiredTokenException", "ExpiredToken", "The security token included in the request is expired", http.StatusForbidden)
}

func signatureError(err error, p call.Protocol) error {
	var e *sigv4.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Kind {
	case sigv4.Missing:
		return byProtocol(p, "MissingAuthenticationTokenException", "MissingAuthenticationToken", e.Message, http.StatusForbidden)
	case sigv4.Incomplete:
		return byProtocol(p, "IncompleteSignatureException", "IncompleteSignature", e.Message, http.StatusForbidden)
	default:
		return byProtocol(p, "InvalidSignatureException", "SignatureDoesNotMatch", e.Message, http.StatusForbidden)
	}
}
