package report

import (
	"cmp"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

// describeWorkload is Describe for what workloads have.
func describeWorkload(c plan.Change) string {
	account := c.Namespace + "/" + c.Name
	switch c.Kind {
	case plan.Role:
		return describeRole(c)
	case plan.RolePolicy:
		return string(c.Verb) + " policy " + c.Name + " of role " + access.RoleName(c.Principal)
	case plan.RoleAttachment:
		if c.Verb == plan.Delete {
			return "detach " + managedName(c.Name) + " from role " + access.RoleName(c.Principal)
		}
		return "attach " + managedName(c.Name) + " to role " + access.RoleName(c.Principal)
	case plan.OIDCProvider:
		if c.Verb == plan.Update {
			return "let OIDC provider " + c.Name + " take tokens for " + access.AudienceSTS
		}
		return "create OIDC provider " + c.Name
	case plan.AgentAddon:
		return "install add-on " + c.Name
	case plan.PodIdentityAssociation:
		from, _ := c.From.(plan.PodIdentity)
		to, _ := c.To.(plan.PodIdentity)
		switch {
		case c.Verb == plan.Create:
			return "give " + account + " role " + access.RoleName(to.Role)
		case c.Verb == plan.Delete:
			return "take role " + access.RoleName(from.Role) + " from " + account
		case from.Role != to.Role:
			return "give " + account + " role " + access.RoleName(to.Role) + " in place of " + access.RoleName(from.Role)
		}
		return string(c.Verb) + " the association of " + account
	case plan.ServiceAccount:
		return describeAccount(c, account)
	case plan.ArgoCDSecret:
		return describeRegistration(c)
	}
	return string(c.Verb) + " " + string(c.Kind) + " " + strings.TrimPrefix(account, "/")
}

func describeRole(c plan.Change) string {
	name := access.RoleName(c.Principal)
	from, hadFrom := c.From.(plan.IAMRole)
	to, hasTo := c.To.(plan.IAMRole)
	switch {
	case c.Verb == plan.Create:
		return "create role " + name
	case c.Verb == plan.Replace:
		return "make role " + name + " again at another path"
	case c.Verb == plan.Delete:
		return "delete role " + name + " with its policies"
	case hadFrom && hasTo && from.Trust != to.Trust:
		return "update the trust policy of role " + name
	case onlyRoleTags(c):
		return "tags of role " + name
	case len(c.Held) > 0 && c.Cluster.Name != "":
		return "let role " + name + " trust ServiceAccounts there"
	}
	return "update role " + name
}

// onlyRoleTags reports whether a change of a role leaves what it says as it is.
func onlyRoleTags(c plan.Change) bool {
	from, okFrom := c.From.(plan.IAMRole)
	to, okTo := c.To.(plan.IAMRole)
	return c.Verb == plan.Update && okFrom && okTo && from.Trust == to.Trust && from.MaxSession == to.MaxSession && from.Boundary == to.Boundary && from.Description == to.Description && c.Cluster.Name == ""
}

func describeAccount(c plan.Change, account string) string {
	to, hasTo := c.To.(plan.KubernetesAccount)
	switch {
	case c.Verb == plan.Create && to.Role != "":
		return "create ServiceAccount " + account + " with role " + access.RoleName(to.Role)
	case c.Verb == plan.Create || c.Verb == plan.Delete:
		return string(c.Verb) + " ServiceAccount " + account
	case hasTo && to.Role == "":
		return "take the role's annotation off ServiceAccount " + account
	}
	return "annotate ServiceAccount " + account + " with role " + access.RoleName(to.Role)
}

// describeRegistration names the cluster that an Argo CD comes to know.
func describeRegistration(c plan.Change) string {
	s, ok := c.To.(plan.ArgoSecret)
	if !ok {
		s, _ = c.From.(plan.ArgoSecret)
	}
	cluster, argo := "cluster "+cmp.Or(s.Cluster, "of Secret "+c.Name), "Argo CD in "+c.Namespace
	switch c.Verb {
	case plan.Create:
		return "register " + cluster + " with " + argo
	case plan.Delete:
		return "take " + cluster + " from " + argo
	}
	return "update how " + argo + " reaches " + cluster
}

// managedName is a managed policy's name, without path.
func managedName(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// saidOfWorkloads tells what of workloads access gained and lost says already.
type saidOfWorkloads map[string]bool

func (s saidOfWorkloads) say(lists ...[]plan.Grant) {
	for _, list := range lists {
		for _, g := range list {
			if g.ServiceAccount != "" {
				s["role "+g.Principal] = true
				s[g.Cluster.String()+" "+g.ServiceAccount] = true
			}
		}
	}
}

// with reports whether a change takes a ServiceAccount, its role's annotation, or
// a managed policy of its role, of which it is said that it loses the role's
// rights: s is of what is lost.
func (s saidOfWorkloads) with(c *plan.Change) bool {
	if detaches(c) {
		return s["role "+c.Principal]
	}
	to, stays := c.To.(plan.KubernetesAccount)
	return c.Kind == plan.ServiceAccount && len(c.Held) == 0 && s[c.Cluster.String()+" "+c.Namespace+"/"+c.Name] && !(stays && to.Role != "")
}

// detaches reports whether a change takes a managed policy from a role that
// stays. Whose rights those are a row of the role's cannot tell.
func detaches(c *plan.Change) bool {
	return c.Kind == plan.RoleAttachment && c.Verb == plan.Delete && len(c.Held) == 0
}

// has reports whether a change goes without saying.
func (s saidOfWorkloads) has(c *plan.Change) bool {
	switch c.Kind {
	case plan.Role:
		return s["role "+c.Principal] && !onlyRoleTags(*c)
	case plan.RolePolicy, plan.RoleAttachment:
		return s["role "+c.Principal] && !detaches(c)
	case plan.PodIdentityAssociation:
		return s[c.Cluster.String()+" "+c.Namespace+"/"+c.Name]
	}
	return false
}

// policyWords are the statements that a held change of a role's inline policy
// would add to it and take from it.
func policyWords(c *plan.Change, whole bool) string {
	if c.Kind != plan.RolePolicy {
		return ""
	}
	var words []string
	for _, side := range []struct {
		would string
		of    []plan.Grant
	}{{"would lose ", c.Lost}, {"would gain ", c.Gained}} {
		var each []string
		for _, g := range side.of {
			what := g.What
			if !whole {
				what = fewActions(what)
			}
			each = append(each, what)
		}
		if len(each) > 0 {
			words = append(words, side.would+strings.Join(each, "; "))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return " (" + strings.Join(words, "; ") + ")"
}

// mostActions bounds the actions, and the resources, that a row names.
const mostActions = 4

// fewActions shortens long lists of actions and of resources; -v spells them.
func fewActions(what string) string {
	actions, on, found := strings.Cut(what, " on ")
	if !found {
		return shorter(what)
	}
	resources, when := on, ""
	for _, word := range []string{" if ", " unless "} {
		if i := strings.Index(on, word); i >= 0 && i < len(resources) {
			resources, when = on[:i], on[i:]
		}
	}
	return shorter(actions) + " on " + shorter(resources) + when
}

// shorter shortens a list; a comma in brackets is none of it.
func shorter(words string) string {
	var list []string
	depth, start := 0, 0
	for i, r := range words {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case depth == 0 && strings.HasPrefix(words[i:], ", "):
			list, start = append(list, words[start:i]), i+len(", ")
		}
	}
	list = append(list, words[start:])
	if len(list) <= mostActions+1 {
		return words
	}
	return strings.Join(list[:mostActions], ", ") + " and " + count(len(list)-mostActions, "more", "more")
}
