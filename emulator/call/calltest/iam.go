// Package calltest is an IAM for tests of the front and of services: some
// principals, and a say on each action.
package calltest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// IAM is a call.IAM in memory.
type IAM struct {
	mu         sync.Mutex
	principals map[string]string
	made       int
	denied     []string
	distrusted []string
	Asked      []string // "ACTION RESOURCE" of each Authorize
}

// Add makes a principal, or makes it again with a new unique id.
func (i *IAM) Add(arns ...string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, arn := range arns {
		i.add(arn)
	}
}

func (i *IAM) add(arn string) string {
	if i.principals == nil {
		i.principals = map[string]string{}
	}
	i.made++
	prefix := "AROA"
	if strings.Contains(arn, ":user/") {
		prefix = "AIDA"
	}
	i.principals[arn] = fmt.Sprintf("%sLAB%014d", prefix, i.made)
	return i.principals[arn]
}

// Deny refuses an action from now on.
func (i *IAM) Deny(action string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.denied = append(i.denied, action)
}

// Distrust has a role trust no service from now on.
func (i *IAM) Distrust(role string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.distrusted = append(i.distrusted, role)
}

// Trusts finds what Add and EnsureRole have made; each trusts every service
// that Distrust has not forbidden it.
func (i *IAM) Trusts(_ store.Reader, role, _ string, _ ...string) (there, trusted bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	_, there = i.principals[role]
	return there, there && !slices.Contains(i.distrusted, role)
}

// Authorize allows what Deny has not named.
func (i *IAM) Authorize(_ *call.Call, action, resource string, _ map[string][]string) call.Decision {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.Asked = append(i.Asked, action+" "+resource)
	return call.Decision{Allow: !slices.Contains(i.denied, action)}
}

// Principal finds what Add and EnsureRole have made.
func (i *IAM) Principal(_ *store.Tx, arn string) (string, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	id, ok := i.principals[arn]
	return id, ok
}

// EnsureRole makes the role if it is not there.
func (i *IAM) EnsureRole(_ *store.Tx, a call.Account, r call.Role, _ time.Time) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	path := r.Path
	if path == "" {
		path = "/"
	}
	arn := "arn:" + a.Partition + ":iam::" + a.ID + ":role" + path + r.Name
	if id, ok := i.principals[arn]; ok {
		return id, nil
	}
	return i.add(arn), nil
}
