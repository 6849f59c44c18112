package trust

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/presets"
)

// may makes an inline policy of lines "ACTION... on RESOURCE..." with an
// optional " if CONDITION".
func may(statements ...string) []access.RolePolicy {
	var out []string
	for _, s := range statements {
		if strings.HasPrefix(s, "{") {
			out = append(out, s)
			continue
		}
		s, condition, _ := strings.Cut(s, " if ")
		actions, resources, _ := strings.Cut(s, " on ")
		quoted := func(s string) string { return `["` + strings.Join(strings.Fields(s), `","`) + `"]` }
		out = append(out, `{"Effect":"Allow","Action":`+quoted(actions)+`,"Resource":`+quoted(resources)+conditioned(condition)+`}`)
	}
	return []access.RolePolicy{{Name: "p", Document: policyOf(strings.Join(out, ","))}}
}

// shows: item S102
// refusals.md row 42.
func TestAWayToEverythingIsFound(t *testing.T) {
	const deny = `{"Effect":"Deny","Action":"iam:*","Resource":"*"}`
	for name, c := range map[string]struct {
		r    Rights
		want []string // what it says first, in order
	}{
		"everything":                      {Rights{Inline: may("* on *")}, []string{"the role may *"}},
		"iam:*":                           {Rights{Inline: may("iam:* on *")}, []string{"the role may iam:*"}},
		"PassRole on any":                 {Rights{Inline: may("iam:PassRole on *")}, []string{"the role may iam:PassRole on any role"}},
		"PassRole on every role":          {Rights{Inline: may("iam:PassRole on arn:aws:iam::" + home + ":role/*")}, []string{"the role may iam:PassRole on any role"}},
		"PassRole to a service":           {Rights{Inline: may(`iam:PassRole on * if "StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}`)}, []string{"the role may iam:PassRole on any role"}},
		"PutRolePolicy":                   {Rights{Inline: may("iam:PutRolePolicy on *")}, []string{"the role may iam:PutRolePolicy"}},
		"PutRolePolicy on one":            {Rights{Inline: may("iam:PutRolePolicy on arn:aws:iam::" + home + ":role/x")}, []string{"the role may iam:PutRolePolicy"}},
		"AttachRolePolicy":                {Rights{Inline: may("iam:Attach* on *")}, []string{"the role may iam:AttachRolePolicy"}},
		"UpdateAssumeRolePolicy":          {Rights{Inline: may("iam:UpdateAssumeRolePolicy on *")}, []string{"the role may iam:UpdateAssumeRolePolicy"}},
		"CreatePolicyVersion":             {Rights{Inline: may("iam:CreatePolicyVersion on arn:aws:iam::" + home + ":policy/x")}, []string{"the role may iam:CreatePolicyVersion"}},
		"access keys of others":           {Rights{Inline: may("iam:CreateAccessKey on *")}, []string{"the role may iam:CreateAccessKey"}},
		"eks:*AccessEntry":                {Rights{Inline: may("eks:*AccessEntry on *")}, []string{"the role may eks:CreateAccessEntry"}},
		"AssociateAccessPolicy":           {Rights{Inline: may("eks:AssociateAccessPolicy on *")}, []string{"the role may eks:AssociateAccessPolicy"}},
		"AssociateAccessPolicy on one":    {Rights{Inline: may("eks:AssociateAccessPolicy on arn:aws:eks:us-east-1:" + home + ":access-entry/test/*")}, []string{"the role may eks:AssociateAccessPolicy"}},
		"all of eks":                      {Rights{Inline: may("eks:* on *")}, []string{"the role may eks:AssociateAccessPolicy", "the role may eks:CreateAccessEntry"}},
		"AssumeRole on any":               {Rights{Inline: may("sts:AssumeRole on *")}, []string{"the role may sts:AssumeRole on any role"}},
		"AssumeRole on any of an account": {Rights{Inline: may("sts:AssumeRole on arn:aws:iam::" + partner + ":role/*")}, []string{"the role may sts:AssumeRole on any role"}},
		"NotAction":                       {Rights{Inline: may(`{"Effect":"Allow","NotAction":"s3:DeleteBucket","Resource":"arn:aws:s3:::b"}`)}, []string{"allows by NotAction"}},
		"NotResource":                     {Rights{Inline: may(`{"Effect":"Allow","Action":"s3:GetObject","NotResource":"arn:aws:s3:::b/*"}`)}, []string{"allows by NotResource"}},
		"NotAction and its way":           {Rights{Inline: may(`{"Sid":"All","Effect":"Allow","NotAction":"iam:*","Resource":"*"}`)}, []string{"allows by NotAction", "the role may *"}},
		"AdministratorAccess":             {Rights{Managed: []string{"arn:aws:iam::aws:policy/AdministratorAccess"}}, []string{"is attached"}},
		"what cannot be read":             {Rights{Inline: []access.RolePolicy{{Name: "p", Document: "{"}}}, []string{"cannot be read"}},
		"a boundary that allows it too":   {Rights{Inline: may("iam:PutRolePolicy on *"), Boundary: &may("iam:* on *")[0]}, []string{"the role may iam:PutRolePolicy"}},

		"twin: reading":                       {Rights{Inline: may("iam:Get* iam:List* eks:Describe* eks:List* sts:GetCallerIdentity on *")}, nil},
		"twin: PassRole on one":               {Rights{Inline: may("iam:PassRole on arn:aws:iam::" + home + ":role/nodes")}, nil},
		"twin: PassRole on some":              {Rights{Inline: may("iam:PassRole on arn:aws:iam::" + home + ":role/karpenter/*")}, nil},
		"twin: AssumeRole on one":             {Rights{Inline: may("sts:AssumeRole sts:TagSession on arn:aws:iam::" + partner + ":role/data")}, nil},
		"twin: attaching one harmless":        {Rights{Inline: may(`iam:AttachRolePolicy on * if "ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/ReadOnlyAccess"}`)}, nil},
		"twin: beneath a boundary":            {Rights{Inline: may(`iam:PutRolePolicy on * if "StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::` + home + `:policy/b"}`)}, nil},
		"twin: on a service's own role":       {Rights{Inline: may("iam:AttachRolePolicy iam:PutRolePolicy iam:CreateServiceLinkedRole on arn:aws:iam::*:role/aws-service-role/s3.data-source.lustre.fsx.amazonaws.com/*")}, nil},
		"twin: the View policy":               {Rights{Inline: may(`eks:AssociateAccessPolicy on * if "ArnEquals":{"eks:policyArn":"arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"}`)}, nil},
		"twin: one namespace":                 {Rights{Inline: may(`eks:AssociateAccessPolicy on * if "StringEquals":{"eks:accessScope":"namespace"}`)}, nil},
		"twin: denied":                        {Rights{Inline: may("iam:PutRolePolicy iam:PassRole on *", deny)}, nil},
		"twin: a boundary that does not":      {Rights{Inline: may("iam:PutRolePolicy iam:PassRole on *"), Boundary: &may("s3:* on *")[0]}, nil},
		"twin: Deny by NotAction":             {Rights{Inline: may("s3:GetObject on *", `{"Effect":"Deny","NotAction":"s3:*","Resource":"*"}`)}, nil},
		"twin: all of another service":        {Rights{Inline: may("s3:* on *")}, nil},
		"twin: a managed policy of one's own": {Rights{Managed: []string{"arn:aws:iam::" + home + ":policy/AdministratorAccess"}}, nil},
		"twin: no statement at all":           {Rights{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c.r.Role = ours
			found := JudgeRights(c.r)
			var got []string
			for _, d := range found {
				got = append(got, d.What)
				if d.Row != 42 || d.Severity != Hold || d.Leads == "" || strings.Contains(d.String(), stranger) {
					t.Errorf("it says %q", d)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheShortestWayIsFirst(t *testing.T) {
	found := JudgeRights(Rights{Role: ours, Inline: may("iam:PassRole iam:UpdateAssumeRolePolicy iam:PutRolePolicy on *", "eks:CreatePodIdentityAssociation on arn:aws:eks:us-east-1:"+home+":cluster/test")})
	var got []string
	for _, d := range found {
		got = append(got, fmt.Sprint(d.What, ": ", d.Leads))
	}
	if diff := cmp.Diff([]string{
		"the role may iam:PutRolePolicy: it writes itself, or whoever it can act as, a policy that allows everything",
		"the role may iam:UpdateAssumeRolePolicy: it lets itself into an administrator's role, then assumes it",
		"the role may iam:PassRole on any role: eks:CreatePodIdentityAssociation gives an administrator's role to a pod of its choice",
	}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAChainNeedsBothActions(t *testing.T) {
	const target = "arn:aws:iam::" + partner + ":role/data"
	for name, c := range map[string]struct {
		r        Rights
		untagged bool
		want     []string
	}{
		"both":                        {Rights{Inline: may("sts:AssumeRole sts:TagSession on " + target)}, false, nil},
		"one":                         {Rights{Inline: may("sts:AssumeRole on " + target)}, false, []string{"sts:TagSession"}},
		"one is enough without tags":  {Rights{Inline: may("sts:AssumeRole on " + target)}, true, nil},
		"on another":                  {Rights{Inline: may("sts:AssumeRole sts:TagSession on " + target + "s")}, false, []string{"sts:AssumeRole", "sts:TagSession"}},
		"a managed policy was unread": {Rights{Managed: []string{"arn:aws:iam::" + home + ":policy/x"}}, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c.r.Role = ours
			got := LacksChain(c.r, target, c.untagged)
			if len(got)+len(c.want) > 0 && !cmp.Equal(c.want, got) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// What the presets give leads nowhere else, with every parameter given and with
// none but the required.
func TestNoPresetIsAWayToEverything(t *testing.T) {
	asked := 0
	for _, p := range presets.All() {
		most, least := map[string]any{}, map[string]any{}
		for _, q := range p.Parameters {
			var v any = q.Kind.Example()
			switch {
			case q.Kind == presets.Bool:
				v = true
			case q.List:
				v = []string{q.Kind.Example()}
			}
			if most[q.Name] = v; q.Required {
				least[q.Name] = v
			}
		}
		for _, parameters := range []map[string]any{most, least} {
			s, err := p.Statements(parameters)
			if err != nil {
				continue // one that needs one of several parameters
			}
			asked++
			d, err := presets.Policy(s)
			if err != nil {
				t.Fatal(err)
			}
			if found := JudgeRights(Rights{Role: ours, Inline: []access.RolePolicy{{Name: p.Name, Document: access.Document(d)}}}); len(found) > 0 {
				t.Errorf("%s: %v", p.Name, found)
			}
		}
	}
	if asked < 20 {
		t.Errorf("only %d policies were judged", asked)
	}
}
