package kubernetes

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/awsauth"
	"github.com/atlas-iam/atlas-iam/emulator/eks"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// caller is who STS says that a token's bearer is.
type caller struct {
	arn, canonical string // of the session; of its user or role, a role's without path
	account        string
	uniqueID       string // of the user or role: AIDA.., AROA..
	session        string // its name; empty of a user
	accessKeyID    string
}

// errThrottled is STS's wish to be asked later.
var errThrottled = errors.New("sts getCallerIdentity was throttled")

// ask lets STS tell whose token it is.
func ask(lab Lab, p presigned) (caller, error) {
	status, body := lab.STS(p.request)
	if status != http.StatusOK {
		if strings.Contains(string(body), "Throttling") {
			return caller{}, errThrottled
		}
		return caller{}, fmt.Errorf("sts getCallerIdentity failed: error from AWS (expected 200, got %d)", status)
	}
	var said struct {
		GetCallerIdentityResponse struct {
			GetCallerIdentityResult struct{ Account, Arn, UserID string }
		}
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return caller{}, fmt.Errorf("sts getCallerIdentity failed: %w", err)
	}
	who := said.GetCallerIdentityResponse.GetCallerIdentityResult
	canonical, err := awsauth.Canonical(who.Arn)
	if err != nil {
		return caller{}, fmt.Errorf("sts getCallerIdentity failed: %w", err)
	}
	c := caller{arn: who.Arn, canonical: canonical, account: who.Account, uniqueID: who.UserID, accessKeyID: p.accessKeyID}
	if strings.Contains(who.Arn, ":assumed-role/") {
		c.uniqueID, c.session, _ = strings.Cut(who.UserID, ":")
	}
	return c, nil
}

// identity is whom a caller is to the API server.
type identity struct {
	username string
	groups   []string
}

// reserved begin no username that an access entry gives; checked again once
// the templates in it are filled. (aws-facts 2.4)
var reserved = []string{"system:", "eks:", "aws:", "amazon:", "iam:"}

// unmapped says that a caller is nobody to the cluster.
func (who caller) unmapped() error {
	return fmt.Errorf("%s is not mapped: no access entry is bound to it and aws-auth does not name it", who.arn)
}

// identify maps a caller: by the access entry that is bound to its unique id,
// which overrides aws-auth whole, else by aws-auth, as the cluster's mode has
// them. (aws-facts 2.3, 2.7, 2.11)
func (r *Room) identify(tx store.Reader, c eks.Cluster, authMap *awsauth.Map, who caller, now time.Time) (identity, error) {
	var failed error
	if c.Entries {
		e, ok := r.clusters.Entry(tx, c.ClusterKey, who.uniqueID, now)
		switch {
		case ok && strings.EqualFold(withoutPath(e.Principal), withoutPath(who.canonical)):
			return who.entered(e)
		case ok:
			failed = errors.New("ID and ARN mismatch")
		}
	}
	if c.Administrator != "" && c.Administrator == who.uniqueID {
		// Assumption creator-username.
		return identity{"kubernetes-admin", []string{"system:masters"}}, nil
	}
	if c.ConfigMap {
		if m, ok := authMap.Lookup(who.arn); ok {
			return who.render(m.Username, m.Groups)
		}
	}
	if failed != nil {
		return identity{}, failed
	}
	return identity{}, who.unmapped()
}

// entered is whom an access entry makes of its principal.
func (who caller) entered(e access.Entry) (identity, error) {
	id, err := who.render(e.Username, e.Groups)
	if err != nil || e.Type != access.Standard {
		return id, err // EKS itself gives the names of nodes
	}
	if i := slices.IndexFunc(reserved, func(p string) bool { return strings.HasPrefix(id.username, p) }); i >= 0 {
		return identity{}, fmt.Errorf("username %q must not begin with %s", id.username, reserved[i])
	}
	return id, nil
}

// render fills the templates. The lab has no EC2, so none of an instance's can
// be filled.
func (who caller) render(username string, groups []string) (id identity, err error) {
	from := awsauth.Caller{Account: who.account, Session: who.session, AccessKeyID: who.accessKeyID}
	if id.username, err = awsauth.Render(username, from); err != nil {
		return identity{}, err
	}
	id.groups = []string{}
	for _, g := range groups {
		g, err := awsauth.Render(g, from)
		if err != nil {
			return identity{}, err
		}
		id.groups = append(id.groups, g)
	}
	return id, nil
}

// withoutPath takes the path from the ARN of a user or role.
func withoutPath(arn string) string {
	first, last := strings.IndexByte(arn, '/'), strings.LastIndexByte(arn, '/')
	if first < 0 {
		return arn
	}
	return arn[:first] + arn[last:]
}
