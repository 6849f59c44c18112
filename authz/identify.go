package authz

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/awsauth"
)

// Groups that the API server gives by itself, and one that it asks nobody
// about. (Kubernetes, "Authenticating" and "Using RBAC authorization")
const (
	Authenticated   = "system:authenticated"
	Unauthenticated = "system:unauthenticated"
	Masters         = "system:masters"
	Anonymous       = "system:anonymous" // a user, of the group Unauthenticated

	serviceAccountPrefix = "system:serviceaccount:"
	nodePrefix           = "system:node:"
	nodesGroup           = "system:nodes"
)

// What maps a principal, as Identify and Explanation say it.
const (
	ByEntry       = "access entry"
	ByMapRoles    = "aws-auth mapRoles"
	ByMapUsers    = "aws-auth mapUsers"
	ByMapAccounts = "aws-auth mapAccounts"
)

// ServiceAccount is a ServiceAccount's identity.
func ServiceAccount(namespace, name string) Identity {
	return Identity{Username: serviceAccountPrefix + namespace + ":" + name,
		Groups: []string{Authenticated, "system:serviceaccounts", "system:serviceaccounts:" + namespace}}
}

// User is the identity of one whom Kubernetes knows by name, as kubectl's --as
// and --as-group make it: no access policy reaches it. (aws-facts 2.9)
func User(name string, groups ...string) Identity {
	return Identity{Username: name, Groups: append(slices.Clone(groups), Authenticated)}
}

// Identify tells whom the cluster takes an IAM principal for, and by what:
// Allow, he is mapped; Deny, he is nobody there and gets 401; Undetermined,
// what maps him was not read, and id is only what is known to hold then.
//
// principal is the ARN of a user or role, or of a role's session. session is
// the session's name; where it is empty and a username or group is made from
// it, the template stands in id, and Decide takes it for every session that
// could be.
func (c *Cluster) Identify(principal, session string) (id Identity, by string, v Verdict) {
	if _, _, ok := access.SessionRole(principal); ok && session == "" {
		session = principal[strings.LastIndexByte(principal, '/')+1:]
	}
	if arn, ok := c.byName[nameOf(principal)]; ok {
		principal = arn
	}
	return c.identify(principal, session)
}

// identify is Identify of a principal by the very ARN that its entry has.
func (c *Cluster) identify(principal, session string) (id Identity, by string, v Verdict) {
	p := c.principals[principal]
	if p != nil && p.unknown == nil && p.entry != nil {
		e := p.entry
		username := e.Username
		if username == "" {
			if iam, err := access.ParseIAMPrincipal(e.Principal); err == nil {
				username = iam.DefaultUsername()
			}
		}
		id, v = render(principal, session, username, e.Groups)
		return id, ByEntry, v
	}
	mapped, inMap := c.mapping(principal)
	switch {
	case p != nil && p.unknown != nil, p == nil && c.openEntries():
		id = Identity{Principal: principal}
		if inMap {
			id.Groups = []string{Authenticated}
		}
		return id, "", Undetermined
	case c.openAuthMap():
		return Identity{Principal: principal}, "", Undetermined
	case !inMap && c.creator(principal) != nil:
		return Identity{Principal: principal}, "", Undetermined
	case !inMap:
		return Identity{Principal: principal}, "", Deny
	case len(mapped.Rivals) > 0:
		return Identity{Principal: principal, Groups: []string{Authenticated}}, "", Undetermined
	}
	id, v = render(principal, session, mapped.Username, mapped.Groups)
	return id, "aws-auth " + mapped.By, v
}

// openEntries reports whether anybody may have an entry that was not read.
func (c *Cluster) openEntries() bool { return c.takesEntries() && c.unknown[UnknownEntries] != nil }

// openAuthMap reports whether anybody may have a line that was not read.
func (c *Cluster) openAuthMap() bool { return c.takesAuthMap() && c.unknown[UnknownAuthMap] != nil }

// creator is why an unmapped principal may be an administrator all the same: in
// mode CONFIG_MAP whoever made the cluster is of system:masters, and nothing shows
// it. (EKS User Guide, aws-auth ConfigMap) It is somebody of the cluster's account.
func (c *Cluster) creator(principal string) *Unknown {
	u := c.unknown[UnknownCreator]
	if u == nil || c.facts.Mode != access.ModeConfigMap {
		return nil
	}
	if a, err := access.ParseARN(principal); err != nil || a.Account != c.facts.Cluster.Account {
		return nil
	}
	return u
}

func (c *Cluster) mapping(principal string) (awsauth.Mapping, bool) {
	if !c.takesAuthMap() {
		return awsauth.Mapping{}, false
	}
	return c.authMap.Lookup(principal)
}

// render fills templates as far as they are known. Who has no instance and a
// username that asks for one is not let in.
func render(principal, session, username string, groups []string) (Identity, Verdict) {
	id := Identity{Principal: principal, Groups: make([]string, 0, len(groups)+1)}
	fill := func(s string) (string, bool) {
		if !strings.Contains(s, "{{") {
			return s, true
		}
		var account string
		isUser := false // users have no sessions
		if a, err := access.ParseARN(principal); err == nil {
			account, isUser = a.Account, strings.HasPrefix(a.Resource, "user/")
		}
		if session == "" && !isUser {
			return strings.ReplaceAll(s, awsauth.AccountID, account), true
		}
		// Neither the instance's name nor the key's id is known: they stay.
		if strings.Contains(s, awsauth.PrivateDNSName) && !awsauth.Instance(session) {
			return "", false
		}
		s = strings.ReplaceAll(s, awsauth.AccountID, account)
		s = strings.ReplaceAll(s, awsauth.SessionNameRaw, session)
		return strings.ReplaceAll(s, awsauth.SessionName, strings.ReplaceAll(session, "@", "-")), true
	}
	ok := true
	if id.Username, ok = fill(username); !ok {
		return Identity{Principal: principal}, Deny
	}
	for _, g := range groups {
		if g, ok = fill(g); !ok {
			return Identity{Principal: principal}, Deny
		}
		id.Groups = append(id.Groups, g)
	}
	if !slices.Contains(id.Groups, Authenticated) {
		id.Groups = append(id.Groups, Authenticated)
	}
	return id, Allow
}

// couldBe reports whether a template gives name for some session. What a
// session's name may hold is IAM's: 2 to 64 of letters, digits and _+=,.@-.
func couldBe(template, name string) bool {
	if strings.Contains(template, awsauth.PrivateDNSName) || strings.Contains(template, awsauth.AccessKeyID) {
		// No grammar binds these to anything else: any run will do.
		pattern := template
		for _, t := range [...]string{awsauth.PrivateDNSName, awsauth.AccessKeyID, awsauth.SessionName, awsauth.SessionNameRaw} {
			pattern = strings.ReplaceAll(pattern, t, "*")
		}
		return access.MatchPattern(pattern, name)
	}
	raw, plain := strings.Count(template, awsauth.SessionNameRaw), strings.Count(template, awsauth.SessionName)
	fixed := len(template) - raw*len(awsauth.SessionNameRaw) - plain*len(awsauth.SessionName)
	n := raw + plain
	if n == 0 || len(name) < fixed || (len(name)-fixed)%n != 0 {
		return n == 0 && template == name
	}
	length := (len(name) - fixed) / n
	if length < 2 || length > 64 {
		return false
	}
	// The session is what stands at the first raw place, else at the first.
	at := strings.Index(template, awsauth.SessionName)
	if raw > 0 {
		i := strings.Index(template, awsauth.SessionNameRaw)
		before := strings.Count(template[:i], awsauth.SessionName)
		at = i - before*(len(awsauth.SessionName)-length)
	}
	if at < 0 || at+length > len(name) {
		return false
	}
	session := name[at : at+length]
	if strings.Trim(session, sessionLetters) != "" {
		return false
	}
	filled := strings.ReplaceAll(template, awsauth.SessionNameRaw, session)
	return strings.ReplaceAll(filled, awsauth.SessionName, strings.ReplaceAll(session, "@", "-")) == name
}

const sessionLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-"

// literal is what a template begins with, whatever the session.
func literal(template string) string {
	i := strings.Index(template, "{{")
	if i < 0 {
		return template
	}
	return template[:i]
}

// open reports whether a principal's name is a template still. A name of no
// principal is what it is, braces and all.
func open(name string) bool { return strings.IndexByte(name, '{') >= 0 && awsauth.Open(name) }
