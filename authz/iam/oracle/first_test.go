package oracle

import (
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/authz/iam"
)

var callerKinds = map[CallerKind]iam.CallerKind{
	User: iam.User, RoleSession: iam.Session, FederatedUser: iam.FederatedUser, Root: iam.Root,
	Service: iam.Service, Anonymous: iam.Anonymous, WebIdentity: iam.Federated,
}

// parsed reads a policy as the first evaluator does. What it refuses is not
// read, and the second is told the same: IAM would not have saved it.
func parsed(kind iam.Kind, list []Text) ([]iam.Source, []Text, int) {
	var sources []iam.Source
	refused := 0
	list = slices.Clone(list)
	for i, t := range list {
		s := iam.Source{Name: "policy"}
		if t != nil {
			p, err := iam.Parse(kind, *t)
			if err != nil {
				list[i] = nil
				refused++
			} else {
				s.Policy = p
			}
		}
		sources = append(sources, s)
	}
	return sources, list, refused
}

// firstOn puts a case as a question to the first evaluator, and gives the case as
// it is now for the second, with how many documents were refused.
func firstOn(d *draft) (iam.Question, Case, int) {
	c := d.written()
	refused := 0
	read := func(kind iam.Kind, list *[]Text) []iam.Source {
		sources, texts, n := parsed(kind, *list)
		*list = texts
		refused += n
		return sources
	}
	q := iam.Question{Action: c.Action, Resource: c.Resource, ResourceAccount: c.Owner, Context: &iam.Context{OthersUnknown: d.others}}
	q.Caller = iam.Caller{
		Kind: callerKinds[c.Caller.Kind], ARN: c.Caller.ARN, Account: c.Caller.Account, ID: c.Caller.ID,
		Temporary: c.Caller.SessionToken, Management: c.Caller.Management,
	}
	switch c.Caller.Kind {
	case RoleSession:
		q.Caller.Role = c.Caller.Of
	case FederatedUser:
		q.Caller.User = c.Caller.Of
	}
	own := map[ResourceKind]iam.Kind{Ordinary: iam.ResourcePolicy, Role: iam.Trust, Key: iam.KeyPolicy}[c.Kind]
	q.Policies = iam.Policies{
		Identity: read(iam.Identity, &c.Identity),
		Boundary: only(read(iam.Boundary, &c.Boundary)),
		Session:  read(iam.SessionPolicy, &c.Session),
		Resource: only(read(own, &c.Attached)),
	}
	q.Policies.ResourceControls = read(iam.ResourceControlPolicy, &c.RCP)
	c.SCP = slices.Clone(c.SCP)
	for i := range c.SCP {
		q.Policies.Organization = append(q.Policies.Organization, iam.Level{Name: "level", Policies: read(iam.ServiceControlPolicy, &c.SCP[i])})
	}
	tags := map[string]string{}
	for name, k := range c.Context {
		tag, isTag := cutPrefixFold(name, "aws:RequestTag/")
		switch {
		case k.Unknown && d.others: // it need not be told
		case k.Unknown:
			q.Context.SetUnknown(name)
		case isTag && len(k.Values) == 1:
			tags[tag] = k.Values[0]
		default:
			q.Context.Set(name, k.Values...)
		}
	}
	if len(tags) > 1 { // U-19
		q.Context.SetTags("aws:RequestTag/", tags)
	} else {
		for tag, value := range tags {
			q.Context.Set("aws:RequestTag/"+tag, value)
		}
	}
	return q, c, refused
}

func only(list []iam.Source) *iam.Source {
	if len(list) == 0 {
		return nil
	}
	return &list[0]
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}
