package iam

import (
	"maps"
	"slices"
	"strings"
)

// Context is what is known of a request's condition keys. Names of keys are
// compared regardless of case. The zero value knows that no key is present.
type Context struct {
	values   map[string][]string
	unknown  map[string]bool
	prefixes []string            // of unknown keys
	told     []string            // prefixes of which every key that is there was told
	among    map[string][]string // of an unknown key: all that it may be
	// OthersUnknown says that keys which were not Set may have any value or
	// none; otherwise they are absent.
	OthersUnknown bool
	// loose makes variables of unknown value wildcards.
	loose bool
}

// Set tells the values of a key; no values tell that it is absent.
func (c *Context) Set(key string, values ...string) {
	if c.values == nil {
		c.values = map[string][]string{}
	}
	c.values[fold(key)] = values
}

// SetUnknown tells that a key may have any value or none. A key that ends in a
// slash, as aws:ResourceTag/, stands for all that begin so: the tags were not
// read.
func (c *Context) SetUnknown(key string) {
	key = fold(key)
	delete(c.values, key)
	if strings.HasSuffix(key, "/") {
		c.prefixes = append(c.prefixes, key)
		c.told = slices.DeleteFunc(slices.Clone(c.told), func(p string) bool { return p == key })
		return
	}
	if c.unknown == nil {
		c.unknown = map[string]bool{}
	}
	c.unknown[key] = true
}

// SetTags tells all the keys of a prefix, such as aws:PrincipalTag/: those that
// are not among tags are absent, whatever OthersUnknown says. Of tags
// whose keys differ in case alone AWS does not say which counts (assumption
// U-19): the key has the value of one of them.
func (c *Context) SetTags(prefix string, tags map[string]string) {
	c.told = append(slices.Clone(c.told), fold(prefix))
	byKey := map[string][]string{}
	for _, k := range sortedKeys(tags) {
		byKey[fold(prefix+k)] = append(byKey[fold(prefix+k)], tags[k])
	}
	for k, values := range byKey {
		c.Set(k, values[0])
		if slices.Sort(values); values[0] != values[len(values)-1] {
			c.SetUnknown(k)
			if c.among == nil {
				c.among = map[string][]string{}
			}
			c.among[k] = slices.Compact(values)
		}
	}
}

// Values are what is known of a key: none if it is absent; known is false if
// nothing is.
func (c *Context) Values(key string) (values []string, known bool) { return c.get(key) }

// get gives a key's values, none if it is absent; known is false if nothing
// is known of it.
func (c *Context) get(key string) (values []string, known bool) {
	key = fold(key)
	if values, ok := c.values[key]; ok {
		return values, true
	}
	beneath := func(p string) bool { return strings.HasPrefix(key, p) }
	switch {
	case c.unknown[key]:
		return nil, false
	case slices.ContainsFunc(c.told, beneath):
		return nil, true
	case c.OthersUnknown:
		return nil, false
	}
	return nil, !slices.ContainsFunc(c.prefixes, beneath)
}

// with is the context in which a key has these values besides.
func (c *Context) with(key string, values []string) *Context {
	n := *c
	if n.values = maps.Clone(c.values); n.values == nil {
		n.values = map[string][]string{}
	}
	n.values[fold(key)] = values
	return &n
}

// Context gives the condition keys that follow from who calls, for a signed
// call that is made without another service: aws:PrincipalArn and its like. All
// others are absent in it until they are set. (R6; IAM User Guide, global
// condition context keys)
func (c Caller) Context() *Context {
	k := &Context{}
	k.Set("aws:ViaAWSService", "false")
	kinds := [...]string{User: "User", Session: "AssumedRole", Root: "Account", Service: "", Federated: "", FederatedUser: "FederatedUser", Anonymous: "Anonymous"}
	if t := kinds[c.Kind]; t != "" {
		k.Set("aws:PrincipalType", t)
	}
	switch c.Kind {
	case Service:
		k.Set("aws:PrincipalIsAWSService", "true")
		k.Set("aws:PrincipalServiceName", c.ARN)
		k.Set("aws:PrincipalServiceNamesList", c.ARN)
		return k
	case Anonymous:
		k.Set("aws:PrincipalAccount", "anonymous")
		k.Set("aws:userid", "anonymous")
		return k
	case Federated:
		k.Set("aws:FederatedProvider", c.ARN)
		return k
	case Session: // the role's ARN, never the session's (C-3), with its path (assumption U-24)
		k.Set("aws:PrincipalArn", c.Role)
		if c.ID != "" {
			k.Set("aws:userid", c.ID+":"+c.ARN[strings.LastIndexByte(c.ARN, '/')+1:])
		}
	case User:
		k.Set("aws:PrincipalArn", c.ARN)
		k.Set("aws:username", c.ARN[strings.LastIndexByte(c.ARN, '/')+1:])
		if c.ID != "" {
			k.Set("aws:userid", c.ID)
		}
	default:
		k.Set("aws:PrincipalArn", c.ARN)
		if c.Kind == Root {
			k.Set("aws:userid", c.Account)
		} else {
			k.Set("aws:userid", c.Account+":"+c.ARN[strings.LastIndexByte(c.ARN, '/')+1:])
		}
	}
	k.Set("aws:PrincipalAccount", c.Account)
	k.Set("aws:PrincipalIsAWSService", "false")
	return k
}
