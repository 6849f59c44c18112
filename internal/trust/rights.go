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
			out = append(out, Danger{Row: 42, Severity: Hold, Where: "inline policy " + in.Name, What: "cannot be read", Leads: err.Error(), Instead: "repair it first"})
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

// nameRights is the way out of rights that lead to everything.
const nameRights = "name the actions and resources that the workload needs, and for iam:PassRole a condition on iam:PassedToService"

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
	actions []string // one of them is enough; each with the type of its resource
	any     bool     // on whatever resource; otherwise only on one that nobody named
	facts   facts    // as the way needs them
	name    string   // as people write it
	steps   int      // calls that it takes
	leads   string
}

// ways are the known ones. (Rhino Security Labs, AWS IAM privilege escalation
// methods; DataDog, pathfinding.cloud; EKS API, CreateAccessEntry)
func ways() []way {
	admin := facts{"iam:PolicyARN": {"arn:aws:iam::aws:policy/AdministratorAccess"}}
	unbounded := facts{"iam:PermissionsBoundary": nil}
	return []way{
		{[]string{stranger + ":" + stranger + " role"}, false, nil, "*", 0, "it is an administrator of the account already"},
		{[]string{"iam:" + stranger + " role"}, false, nil, "iam:*", 1, "iam:PutRolePolicy on its own role makes it an administrator"},
		{[]string{"iam:PutRolePolicy role", "iam:PutUserPolicy user", "iam:PutGroupPolicy group"}, true, unbounded, "", 1,
			"it writes itself, or whoever it can act as, a policy that allows everything"},
		{[]string{"iam:AttachRolePolicy role", "iam:AttachUserPolicy user", "iam:AttachGroupPolicy group"}, true, unbounded.with(admin), "", 1,
			"it attaches AdministratorAccess to its own role, or to one that it can act as"},
		{[]string{"iam:CreatePolicyVersion policy", "iam:SetDefaultPolicyVersion policy"}, true, nil, "", 1, "it rewrites a policy that it, or an administrator, has"},
		{[]string{"iam:AddUserToGroup group"}, true, nil, "", 1, "it puts a user that it can act as into the administrators' group"},
		{[]string{"iam:CreateAccessKey user", "iam:CreateLoginProfile user", "iam:UpdateLoginProfile user"}, true, nil, "", 1, "it makes itself credentials of another user, an administrator too"},
		{[]string{"iam:DeleteRolePermissionsBoundary role", "iam:PutRolePermissionsBoundary role"}, true, facts{"iam:PermissionsBoundary": {stranger}}, "", 1, "it takes off the boundary that limits it"},
		{[]string{"iam:UpdateAssumeRolePolicy role"}, true, nil, "", 2, "it lets itself into an administrator's role, then assumes it"},
		{[]string{"sts:AssumeRole role"}, false, nil, "sts:AssumeRole on any role", 1, "it assumes an administrator's role, where one trusts the account"},
		{[]string{"eks:AssociateAccessPolicy access-entry"}, true, facts{"eks:policyArn": {"arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"}, "eks:accessScope": {"cluster"}}, "", 1,
			"it gives an entry AmazonEKSClusterAdminPolicy and is an administrator of the cluster"},
		{[]string{"eks:CreateAccessEntry cluster", "eks:UpdateAccessEntry access-entry"}, true, nil, "", 2, "it puts itself into a Kubernetes group that is bound to what it likes"},
		{[]string{"iam:PassRole role"}, false, nil, "iam:PassRole on any role", 2, ""},
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
	var found []way
	for _, w := range ways() {
		for _, action := range w.actions {
			a, kind, _ := strings.Cut(action, " ")
			if of, some := q.about(a); !some || !of.possible(a, w.facts, of.resources(a, kind, w.any)) {
				continue
			}
			if w.name == "" {
				w.name = a
			}
			if a == "iam:PassRole" {
				w.leads = q.passing()
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
		out = append(out, Danger{Row: 42, Severity: Hold, What: "the role may " + w.name, Leads: w.leads, Instead: nameRights})
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
func (q powersAsked) passing() string {
	for _, s := range []struct{ action, leads string }{
		{"eks:CreatePodIdentityAssociation cluster", "eks:CreatePodIdentityAssociation gives an administrator's role to a pod of its choice"},
		{"lambda:CreateFunction function", "lambda:CreateFunction runs code with an administrator's role"},
		{"ec2:RunInstances instance", "ec2:RunInstances starts a machine with an administrator's role"},
		{"cloudformation:CreateStack stack", "cloudformation:CreateStack makes anything with an administrator's role"},
		{"ecs:RunTask task-definition", "ecs:RunTask runs a container with an administrator's role"},
		{"glue:CreateJob job", "glue:CreateJob runs code with an administrator's role"},
		{"ssm:StartAutomationExecution automation-definition", "ssm:StartAutomationExecution acts with an administrator's role"},
	} {
		a, kind, _ := strings.Cut(s.action, " ")
		if q.possible(a, nil, q.resources(a, kind, true)) {
			return s.leads
		}
	}
	return "any service that it may give work to runs that with an administrator's role"
}

// possible reports whether an action is allowed somewhere, whatever is unknown.
func (q powersAsked) possible(action string, f facts, resources []string) bool {
	c := session(q.role)
	q, some := q.about(action)
	if !some {
		return false
	}
	f = f.with(facts{"aws:username": nil}) // a session of a role has none
	asked := iam.Question{Caller: c, Action: action, ResourceAccount: c.Account, Context: f.context(true), Policies: q.policies}
	if strings.HasPrefix(action, "sts:") { // of a role that leaves it to the account
		asked.Policies.Resource = &iam.Source{Name: "trust policy", Policy: &iam.Policy{Kind: iam.Trust, Statements: []iam.Statement{
			{Effect: iam.Allow, Principals: []iam.Principal{{Type: "AWS", Value: c.Account}}, Actions: []string{"sts:*"}},
		}}}
	}
	return slices.ContainsFunc(resources, func(resource string) bool {
		asked.Resource = resource
		return iam.Decide(asked).Verdict != iam.Denied
	})
}

// about leaves of the policies the statements that may be about an action, and
// says whether one of them allows. What is not about it changes no answer; it
// costs time.
func (q powersAsked) about(action string) (powersAsked, bool) {
	some, action := false, strings.ToLower(action)
	covers := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			return access.MatchPattern(strings.ReplaceAll(strings.ToLower(p), "?", "*"), action)
		})
	}
	var identity []iam.Source
	for _, s := range q.policies.Identity {
		if s.Policy == nil {
			identity, some = append(identity, s), true
			continue
		}
		p := *s.Policy
		p.Statements = nil
		for _, st := range s.Policy.Statements {
			if st.NotActions != nil || covers(st.Actions) {
				p.Statements = append(p.Statements, st)
				some = some || st.Effect == iam.Allow
			}
		}
		if len(p.Statements) > 0 {
			identity = append(identity, iam.Source{Name: s.Name, Policy: &p})
		}
	}
	q.policies.Identity = identity
	return q, some
}

// written are the ARNs that the policies write as resources, wildcards and
// variables filled in. Roles of services are left out: only the service has
// them.
func (q powersAsked) written() []access.ARN {
	var out []access.ARN
	for _, s := range q.policies.Identity {
		for _, st := range s.Policy.Statements {
			for _, r := range st.Resources {
				r = strings.NewReplacer("*", stranger, "?", stranger).Replace(variable.ReplaceAllString(r, stranger))
				if a, err := access.ParseARN(r); err == nil && !strings.HasPrefix(a.Resource, "role/aws-service-role/") {
					out = append(out, a)
				}
			}
		}
	}
	return out
}

var variable = regexp.MustCompile(`\$\{[^}]*\}`)

// resources are those on which to ask for an action: of its type, in each
// account and Region that the policies name and in the role's own, one that
// nobody named; and, where any will do, those that the policies write.
func (q powersAsked) resources(action, kind string, any bool) []string {
	service, _, _ := strings.Cut(action, ":")
	if kind == "role" {
		service = "iam" // also for sts:AssumeRole
	}
	own, err := access.ParseARN(q.role)
	if err != nil {
		own = access.ARN{Partition: "aws", Account: "000000000000"}
	}
	places := []access.ARN{{Partition: own.Partition, Service: service, Account: own.Account}, {Partition: own.Partition, Service: service, Account: strings.Repeat(stranger, 12)}}
	if service != "iam" {
		places[0].Region, places[1].Region = stranger, stranger
	}
	var out []string
	for _, a := range q.written() {
		if a.Service != service {
			continue
		}
		places = append(places, a)
		if any && strings.HasPrefix(a.Resource, kind+"/") {
			out = append(out, a.String())
		}
	}
	for _, a := range places {
		a.Resource = kind + "/" + stranger
		out = append(out, a.String())
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
