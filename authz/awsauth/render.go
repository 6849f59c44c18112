package awsauth

import (
	"fmt"
	"regexp"
	"strings"
)

// Caller is what templates in usernames and groups are filled from.
type Caller struct {
	Account     string
	Session     string // the session's name; empty of a user
	AccessKeyID string
	// PrivateDNS is the private DNS name of the instance that Session names;
	// empty: there is none.
	PrivateDNS string
}

// The templates. (aws-iam-authenticator, pkg/server)
const (
	SessionName    = "{{SessionName}}" // with "-" for "@"
	SessionNameRaw = "{{SessionNameRaw}}"
	AccountID      = "{{AccountID}}"
	AccessKeyID    = "{{AccessKeyID}}"
	PrivateDNSName = "{{EC2PrivateDNSName}}" // of sessions that are named by an instance
)

var instanceID = regexp.MustCompile(`^i-(\w{8}|\w{17})$`)

// Instance reports whether a session is named by an instance, as those of nodes
// are.
func Instance(session string) bool { return instanceID.MatchString(session) }

// Render fills the templates in a username or a group. An error means that
// this caller is not let in: he has no instance and the template asks for one.
func Render(template string, c Caller) (string, error) {
	if strings.Contains(template, PrivateDNSName) {
		if !Instance(c.Session) {
			return "", fmt.Errorf("fill %s: the session %q is not named by an instance", PrivateDNSName, c.Session)
		}
		if c.PrivateDNS == "" {
			return "", fmt.Errorf("fill %s: instance %s has no private DNS name", PrivateDNSName, c.Session)
		}
	}
	return strings.NewReplacer(
		PrivateDNSName, c.PrivateDNS,
		AccountID, c.Account,
		SessionName, strings.ReplaceAll(c.Session, "@", "-"),
		SessionNameRaw, c.Session,
		AccessKeyID, c.AccessKeyID,
	).Replace(template), nil
}

// Open reports whether a template depends on the session, and not on the
// principal alone.
func Open(template string) bool {
	if !strings.Contains(template, "{{") {
		return false
	}
	for _, t := range [...]string{SessionName, SessionNameRaw, AccessKeyID, PrivateDNSName} {
		if strings.Contains(template, t) {
			return true
		}
	}
	return false
}
