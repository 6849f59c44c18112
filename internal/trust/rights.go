package trust

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/authz/iam"
)

// Rights is what a role may do.
type Rights struct {
	Role     string // ARN
	Inline   []access.RolePolicy
	Managed  []string           // ARNs of managed policies; of AWS's own those for administrators are known
	Boundary *access.RolePolicy // its document, where one is attached and was read
}

// JudgeRights finds the ways by which whoever has a role comes to all that its
// account, or a cluster, has. (refusals row 42) The shortest is first. All of
// the role's policies count together, its boundary and their denials too. Of
// what conditions ask only what a way itself settles is told; the rest is
// taken to hold.
func JudgeRights(r Rights) []Danger {
	var out []Danger
	for _, arn := range r.Managed {
		if way, ok := administrators()[arn[strings.LastIndexByte(arn, '/')+1:]]; ok && strings.Contains(arn, ":iam::aws:policy/") {
			out = append(out, Danger{Row: 42, Severity: Hold, Where: "the managed policy " + arn, What: "is attached", Leads: way, Instead: "attach what the program needs"})
		}
	}
	q := powersAsked{role: r.Role}
	for _, in := range r.Inline {
		p, err := iam.Parse(iam.Identity, string(in.Document))
		if err != nil {
			out = append(out, Danger{Row: 42, Severity: Hold, Where: "inline policy " + in.Name, What: "cannot be read", Leads: err.Error()})
			continue
		}
		q.policies.Identity = append(q.policies.Identity, iam.Source{Name: in.Name, Policy: p})
	}
	if r.Boundary != nil {
		p, _ := iam.Parse(iam.Identity, string(r.Boundary.Document)) // unread if it cannot be
		q.policies.Boundary = &iam.Source{Name: r.Boundary.Name, Policy: p}
	}
	return append(out, q.dangers()...)
}

// administrators are AWS's own policies that make one. (AWS managed policy
// reference)
func administrators() map[string]string {
	return map[string]string{
		"AdministratorAccess": "it is an administrator of the account",
		"IAMFullAccess":       "iam:PutRolePolicy on its own role makes it an administrator",
		"PowerUserAccess":     "it lacks iam: alone, so sts:AssumeRole on any role that trusts the account and eks:CreateAccessEntry with eks:AssociateAccessPolicy are open to it",
	}
}

// way is a way from an action to everything.
type way struct {
	actions []string // one of them is enough
	any     bool     // on whatever resource; otherwise only on one that nobody named
	facts   facts    // as the way needs them
	name    string   // as people write it
	steps   int      // calls that it takes
	leads   string
}

// ways are the known ones. (Rhino Security Labs, AWS IAM privilege escalation
// methods; DataDog, pathfinding.cloud; EKS API, CreateAccessEntry)
func ways() []way {
	const self = "of its own role"
	admin := facts{"iam:PolicyARN": {"arn:aws:iam::aws:policy/AdministratorAccess"}}
	unbounded := facts{"iam:PermissionsBoundary": nil}
	return []way{
		{[]string{stranger + ":" + stranger}, false, nil, "*", 0, "it is an administrator of the account already"},
		{[]string{"iam:" + stranger}, false, nil, "iam:*", 1, "iam:PutRolePolicy on its own role makes it an administrator"},
		{[]string{"iam:PutRolePolicy", "iam:PutUserPolicy", "iam:PutGroupPolicy"}, true, unbounded, "", 1,
			"it writes itself, or whoever it can act as, a policy that allows everything"},
		{[]string{"iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:AttachGroupPolicy"}, true, unbounded.with(admin), "", 1,
			"it attaches AdministratorAccess " + strings.Replace(self, "of", "to", 1) + ", or to one that it can act as"},
		{[]string{"iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion"}, true, nil, "", 1, "it rewrites a policy that it, or an administrator, has"},
		{[]string{"iam:AddUserToGroup"}, true, nil, "", 1, "it puts a user that it can act as into the administrators' group"},
		{[]string{"iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile"}, true, nil, "", 1, "it makes itself credentials of another user, an administrator too"},
		{[]string{"iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"}, true, facts{"iam:PermissionsBoundary": {stranger}}, "", 1, "it takes off the boundary that limits it"},
		{[]string{"iam:UpdateAssumeRolePolicy"}, true, nil, "", 2, "it lets itself into an administrator's role, then assumes it"},
		{[]string{"sts:AssumeRole"}, false, nil, "sts:AssumeRole on any role", 1, "it assumes an administrator's role, where one trusts the account"},
		{[]string{"eks:AssociateAccessPolicy"}, true, facts{"eks:policyArn": {"arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"}, "eks:accessScope": {"cluster"}}, "", 1,
			"it gives an entry AmazonEKSClusterAdminPolicy and is an administrator of the cluster"},
		{[]string{"eks:CreateAccessEntry", "eks:UpdateAccessEntry"}, true, nil, "", 2, "it puts itself into a Kubernetes group that is bound to what it likes"},
		{[]string{"iam:PassRole"}, false, nil, "iam:PassRole on any role", 2, ""},
	}
}

// powersAsked puts the ways to a role's policies.
type powersAsked struct {
	role     string
	policies iam.Policies
}

func (q powersAsked) dangers() []Danger {
	var out []Danger
	for _, s := range q.policies.Identity {
		out = append(out, inverted(s)...)
	}
	resources, found := q.resources(), []way(nil)
	for _, w := range ways() {
		places := resources
		if !w.any {
			places = q.anywhere()
		}
		for _, a := range w.actions {
			if !q.possible(a, w.facts, places) {
				continue
			}
			if w.name == "" {
				w.name = a
			}
			if a == "iam:PassRole" {
				w.leads = q.passing(resources)
			}
			found = append(found, w)
			break
		}
		if len(found) == 1 && found[0].steps == 0 {
			break // nothing more need be said
		}
	}
	if i := slices.IndexFunc(found, func(w way) bool { return w.name == "iam:*" }); i >= 0 {
		found = slices.DeleteFunc(found, func(w way) bool { return w.name != "iam:*" && strings.HasPrefix(w.name, "iam:") })
	}
	slices.SortStableFunc(found, func(a, b way) int { return cmp.Compare(a.steps, b.steps) })
	for _, w := range found {
		out = append(out, Danger{Row: 42, Severity: Hold, What: "the role may " + w.name, Leads: w.leads, Instead: "name the actions and the resources that the program needs"})
	}
	return out
}

// inverted are a policy's statements that allow all but something.
func inverted(s iam.Source) []Danger {
	var out []Danger
	for i, st := range s.Policy.Statements {
		element := "NotAction"
		if st.NotResources != nil {
			element = "NotResource"
		}
		if st.Effect == iam.Allow && (st.NotActions != nil || st.NotResources != nil) {
			out = append(out, Danger{Row: 42, Severity: Hold, Where: "inline policy " + s.Name + ", " + label(i, st.Sid), What: "allows by " + element,
				Leads: "it gives all that it does not name, also what AWS adds tomorrow", Instead: "name what is allowed, or deny what is not by a statement of its own"})
		}
	}
	return out
}

// passing is what to do with any role that may be passed on: the service that
// takes it, of those that the role may use.
func (q powersAsked) passing(resources []string) string {
	for _, s := range []struct{ action, leads string }{
		{"eks:CreatePodIdentityAssociation", "eks:CreatePodIdentityAssociation gives an administrator's role to a pod of its choice"},
		{"lambda:CreateFunction", "lambda:CreateFunction runs code with an administrator's role"},
		{"ec2:RunInstances", "ec2:RunInstances starts a machine with an administrator's role"},
		{"cloudformation:CreateStack", "cloudformation:CreateStack makes anything with an administrator's role"},
		{"ecs:RunTask", "ecs:RunTask runs a container with an administrator's role"},
		{"glue:CreateJob", "glue:CreateJob runs code with an administrator's role"},
		{"ssm:StartAutomationExecution", "ssm:StartAutomationExecution acts with an administrator's role"},
	} {
		if q.possible(s.action, facts{"iam:PassedToService": nil}, resources) {
			return s.leads
		}
	}
	return "any service that it may give work to runs that with an administrator's role"
}

// possible reports whether an action is allowed somewhere, whatever is unknown.
func (q powersAsked) possible(action string, f facts, resources []string) bool {
	p, err := access.ParseIAMPrincipal(q.role)
	c := iam.Caller{Kind: iam.Session, ARN: q.role, Role: q.role}
	if err == nil {
		c = session(q.role)
		c.Account = p.Account
	}
	return slices.ContainsFunc(resources, func(resource string) bool {
		return iam.Decide(iam.Request{Caller: c, Action: action, Resource: resource, Context: f.context(true)}, q.policies).Verdict != iam.Denied
	})
}

// anywhere are resources that no policy means by name.
func (q powersAsked) anywhere() []string {
	a, err := access.ParseARN(q.role)
	if err != nil {
		a = access.ARN{Partition: "aws", Account: "000000000000"}
	}
	out := []string{"arn:" + a.Partition + ":iam::" + a.Account + ":role/" + stranger}
	for _, account := range append(q.named(), strings.Repeat(stranger, 12)) {
		out = append(out, "arn:"+a.Partition+":iam::"+account+":role/"+stranger)
	}
	return out
}

var accountInARN = regexp.MustCompile(`:iam::([0-9]{12}):`)

// named are the accounts that the policies name in resources of IAM.
func (q powersAsked) named() []string {
	var out []string
	for _, r := range q.written() {
		if m := accountInARN.FindStringSubmatch(r); m != nil {
			out = append(out, m[1])
		}
	}
	return out
}

// written are the resources that the policies write.
func (q powersAsked) written() []string {
	var out []string
	for _, s := range q.policies.Identity {
		for _, st := range s.Policy.Statements {
			out = append(out, st.Resources...)
		}
	}
	return out
}

var variable = regexp.MustCompile(`\$\{[^}]*\}`)

// resources are one for each resource that the policies write, and those that
// nobody named. Roles of services are left out: only the service has them.
func (q powersAsked) resources() []string {
	out := q.anywhere()
	for _, r := range q.written() {
		if strings.Contains(r, ":role/aws-service-role/") {
			continue
		}
		r = strings.NewReplacer("*", stranger, "?", stranger).Replace(variable.ReplaceAllString(r, stranger))
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// LacksChain gives those of the two actions of a chain that a role may not do
// on the role at its end: sts:AssumeRole, sts:TagSession. Without session tags
// the first is enough.
func LacksChain(r Rights, target string, untagged bool) []string {
	q := powersAsked{role: r.Role}
	for _, in := range r.Inline {
		if p, err := iam.Parse(iam.Identity, string(in.Document)); err == nil {
			q.policies.Identity = append(q.policies.Identity, iam.Source{Name: in.Name, Policy: p})
		}
	}
	for _, arn := range r.Managed {
		q.policies.Identity = append(q.policies.Identity, iam.Source{Name: arn}) // unread
	}
	actions := []string{assumeRole, tagSession}
	if untagged {
		actions = actions[:1]
	}
	return slices.DeleteFunc(actions, func(a string) bool { return q.possible(a, nil, []string{target}) })
}

// String names the severity.
func (s Severity) String() string {
	if s == Hold {
		return "hold"
	}
	return "warn"
}
