package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

func (f *fakeWorkloads) GetOpenIDConnectProvider(_ context.Context, in *iam.GetOpenIDConnectProviderInput, _ ...func(*iam.Options)) (*iam.GetOpenIDConnectProviderOutput, error) {
	out := &iam.GetOpenIDConnectProviderOutput{}
	return out, f.call("GetOpenIDConnectProvider", "", func() error {
		p := f.providers[*in.OpenIDConnectProviderArn]
		if p == nil {
			return errNoEntity
		}
		out.ClientIDList, out.Tags = slices.Clone(p.ClientIDs), iamTags(p.Tags)
		return nil
	})
}

func (f *fakeWorkloads) CreateOpenIDConnectProvider(_ context.Context, in *iam.CreateOpenIDConnectProviderInput, _ ...func(*iam.Options)) (*iam.CreateOpenIDConnectProviderOutput, error) {
	said := fmt.Sprint(*in.Url, " ", in.ClientIDList, " ", tagWord(tagMap(in.Tags)))
	return &iam.CreateOpenIDConnectProviderOutput{}, f.call("CreateOpenIDConnectProvider", said, func() error {
		arn := access.ProviderARN("aws", accountID, strings.TrimPrefix(*in.Url, "https://"))
		if f.providers[arn] != nil {
			return refused("EntityAlreadyExists", "it is there")
		}
		f.providers[arn] = &plan.Provider{ARN: arn, ClientIDs: in.ClientIDList, Tags: tagMap(in.Tags)}
		return nil
	})
}

func (f *fakeWorkloads) AddClientIDToOpenIDConnectProvider(_ context.Context, in *iam.AddClientIDToOpenIDConnectProviderInput, _ ...func(*iam.Options)) (*iam.AddClientIDToOpenIDConnectProviderOutput, error) {
	return &iam.AddClientIDToOpenIDConnectProviderOutput{}, f.call("AddClientIDToOpenIDConnectProvider", *in.ClientID, func() error {
		p := f.providers[*in.OpenIDConnectProviderArn]
		if p == nil {
			return errNoEntity
		}
		p.ClientIDs = append(p.ClientIDs, *in.ClientID)
		return nil
	})
}

func (f *fakeWorkloads) DescribeAddon(_ context.Context, in *eks.DescribeAddonInput, _ ...func(*eks.Options)) (*eks.DescribeAddonOutput, error) {
	return &eks.DescribeAddonOutput{}, f.call("DescribeAddon", "", func() error {
		if !f.addon {
			return refused("ResourceNotFoundException", "no add-on")
		}
		return nil
	})
}

func (f *fakeWorkloads) CreateAddon(_ context.Context, in *eks.CreateAddonInput, _ ...func(*eks.Options)) (*eks.CreateAddonOutput, error) {
	return &eks.CreateAddonOutput{}, f.call("CreateAddon", *in.ClusterName+" "+*in.AddonName+" "+tagWord(in.Tags), func() error {
		if f.addon {
			return refused("ResourceInUseException", "it is there")
		}
		f.addon = true
		return nil
	})
}

const issuer = "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE"

func provider(change func(*plan.Provider)) plan.Provider {
	p := plan.Provider{ARN: access.ProviderARN("aws", accountID, issuer), Issuer: issuer, ClientIDs: []string{access.AudienceSTS}, Tags: owner.Tags()}
	if change != nil {
		change(&p)
	}
	return p
}

func aboutProvider(verb plan.Verb, from, to plan.Object) plan.Change {
	return plan.Change{ID: "provider/" + issuer, Verb: verb, Kind: plan.OIDCProvider, Cluster: access.ClusterKey{Account: accountID}, Name: issuer, From: from, To: to}
}

func aboutAgent() plan.Change {
	return plan.Change{ID: "addon/test", Verb: plan.Create, Kind: plan.AgentAddon, Cluster: key("test"), Name: access.AgentAddon,
		To: plan.Addon{Name: access.AgentAddon, Tags: owner.Tags()}}
}

func (f *fakeWorkloads) putProvider(p plan.Provider) {
	p.ClientIDs, p.Tags = slices.Clone(p.ClientIDs), maps.Clone(p.Tags)
	f.providers[p.ARN] = &p
}

func TestAProviderIsUsedAsFoundAndGivenWhatItLacks(t *testing.T) {
	to := provider(nil)
	without := provider(func(p *plan.Provider) { p.ClientIDs = []string{"x"} })
	both := provider(func(p *plan.Provider) { p.ClientIDs = []string{"x", access.AudienceSTS, "y"} })
	notOurs := provider(func(p *plan.Provider) { p.Tags = theirs })
	has := func(p plan.Provider) func(*fakeWorkloads) { return func(f *fakeWorkloads) { f.putProvider(p) } }
	create, update := aboutProvider(plan.Create, nil, to), aboutProvider(plan.Update, without, both)
	add := "AddClientIDToOpenIDConnectProvider"
	for name, s := range map[string]step{
		"made":                          {change: create, want: Done, ops: []string{"CreateOpenIDConnectProvider"}},
		"there":                         {have: has(to), change: create, want: Already},
		"there, with more audiences":    {have: has(both), change: create, want: Already},
		"there and another's":           {have: has(notOurs), change: create, want: Already},
		"there without the audience":    {have: has(without), change: create, want: Failed, says: "there, without sts.amazonaws.com"},
		"given two audiences":           {have: has(without), change: update, want: Done, ops: []string{add, add}},
		"given the one that lacks":      {have: has(provider(func(p *plan.Provider) { p.ClientIDs = []string{"x", "y"} })), change: update, want: Done, ops: []string{add}},
		"given already":                 {have: has(both), change: update, want: Already},
		"to be given and gone":          {change: update, want: Failed, says: "the provider was there, is gone"},
		"to be given and another's":     {have: has(provider(func(p *plan.Provider) { p.ClientIDs, p.Tags = nil, theirs })), change: update, want: Failed, says: "tag "},
		"the agent":                     {change: aboutAgent(), want: Done, ops: []string{"CreateAddon"}},
		"the agent is there":            {have: func(f *fakeWorkloads) { f.addon = true }, change: aboutAgent(), want: Already},
		"adopting makes no provider":    {change: create, adopt: true, want: Failed, says: "adopt adds our tags"},
		"adopting gives it no audience": {have: has(without), change: update, adopt: true, want: Failed, says: "adopt adds our tags"},
		"a provider that goes":          {have: has(to), change: aboutProvider(plan.Delete, to, nil), want: Failed, says: errNotWhole.Error()},
		"an agent of another name":      {change: func() plan.Change { c := aboutAgent(); c.To = plan.Addon{Name: "coredns"}; return c }(), want: Failed, says: errNotWhole.Error()},
	} {
		s.try(t, name)
	}
}

// A provider, an agent and an association are made, changed and taken.
func writesOfTheRest(t *testing.T) map[string]step {
	without := provider(func(p *plan.Provider) { p.ClientIDs = nil })
	from, other := association(nil), otherPods(t)["role"]
	tagged := association(func(a *access.PodIdentityAssociation) { a.Tags["component"] = "devops" })
	fresh := association(func(a *access.PodIdentityAssociation) { a.ID = "" })
	has := func(f *fakeWorkloads) { f.putPod(from) }
	return map[string]step{
		"CreateOpenIDConnectProvider":        {change: aboutProvider(plan.Create, nil, provider(nil))},
		"AddClientIDToOpenIDConnectProvider": {have: func(f *fakeWorkloads) { f.putProvider(without) }, change: aboutProvider(plan.Update, without, provider(nil))},
		"CreateAddon":                        {change: aboutAgent()},
		"CreatePodIdentityAssociation":       {change: aboutPod(plan.Create, nil, &fresh)},
		"UpdatePodIdentityAssociation":       {have: has, change: aboutPod(plan.Update, &from, &other)},
		"TagResource":                        {have: has, change: aboutPod(plan.Update, &from, &tagged)},
		"DeletePodIdentityAssociation":       {have: has, change: aboutPod(plan.Delete, &from, nil)},
	}
}

func TestALostAnswerAboutTheRestIsSettledByReading(t *testing.T) {
	for op, s := range writesOfTheRest(t) {
		for _, after := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				f, o := losing(t, op, s, after)
				if o.Status != Done || o.Settled != after || !slices.Equal(f.operations(), []string{op}) {
					t.Errorf("%s, after %v: %s %v settled %v, %q", op, after, o.Status, o.Err, o.Settled, f.journal)
				}
			})
		}
	}
}

// What somebody does between a change's reading and its write.
func TestARaceAboutWorkloadsIsSettledByWhatIsThere(t *testing.T) {
	bare := role(t, func(r *plan.IAMRole) { r.ID = "" })
	fresh := association(func(a *access.PodIdentityAssociation) { a.ID = "" })
	notOurs := association(func(a *access.PodIdentityAssociation) { a.Tags = theirs })
	get, put := allows(t, "s3:GetObject"), allows(t, "s3:PutObject")
	withPolicy := func(f *fakeWorkloads) {
		f.put(role(t, func(r *plan.IAMRole) { r.Inline = []access.RolePolicy{{Name: "a", Document: get}} }))
	}
	for name, tt := range map[string]struct {
		step
		op  string // before which somebody acts
		act func(*fakeWorkloads)
	}{
		"a role, made by another run":                {step{change: aboutRole(plan.Create, nil, bare), want: Already}, "CreateRole", func(f *fakeWorkloads) { f.put(bare) }},
		"a role, made by another":                    {step{change: aboutRole(plan.Create, nil, bare), want: Failed, says: "there and not ours"}, "CreateRole", func(f *fakeWorkloads) { f.put(role(t, func(r *plan.IAMRole) { r.Tags = nil })) }},
		"a role, made differently":                   {step{change: aboutRole(plan.Create, nil, bare), want: Failed, says: "there and different"}, "CreateRole", func(f *fakeWorkloads) { f.put(otherRoles(t)["description"]) }},
		"a role, taken by another":                   {step{have: func(f *fakeWorkloads) { f.put(role(t, nil)) }, change: aboutRole(plan.Delete, role(t, nil), nil), want: Already}, "DeleteRole", func(f *fakeWorkloads) { clear(f.roles) }},
		"a role, taken while it is changed":          {step{have: func(f *fakeWorkloads) { f.put(role(t, nil)) }, change: aboutRole(plan.Update, role(t, nil), otherRoles(t)["description"]), want: Failed, says: "it cannot be found"}, "UpdateRole", func(f *fakeWorkloads) { clear(f.roles) }},
		"a policy, taken by another":                 {step{have: withPolicy, change: aboutPolicy(plan.Delete, "a", get, ""), want: Already}, "DeleteRolePolicy", func(f *fakeWorkloads) { clear(f.roles["loki"].inline) }},
		"a policy, its role taken while it is put":   {step{have: withPolicy, change: aboutPolicy(plan.Update, "a", get, put), want: Failed, says: "it cannot be found"}, "PutRolePolicy", func(f *fakeWorkloads) { clear(f.roles) }},
		"an attachment, taken by another":            {step{have: func(f *fakeWorkloads) { f.put(roleWithPolicies(t)) }, change: aboutAttachment(plan.Delete, readOnly), want: Already}, "DetachRolePolicy", func(f *fakeWorkloads) { f.roles["loki"].Managed = nil }},
		"a provider, made by another":                {step{change: aboutProvider(plan.Create, nil, provider(nil)), want: Already}, "CreateOpenIDConnectProvider", func(f *fakeWorkloads) { f.putProvider(provider(func(p *plan.Provider) { p.Tags = nil })) }},
		"an agent, made by another":                  {step{change: aboutAgent(), want: Already}, "CreateAddon", func(f *fakeWorkloads) { f.addon = true }},
		"an association, made by another run":        {step{change: aboutPod(plan.Create, nil, &fresh), want: Already}, "CreatePodIdentityAssociation", func(f *fakeWorkloads) { f.putPod(fresh) }},
		"an association, made by another":            {step{change: aboutPod(plan.Create, nil, &fresh), want: Failed, says: "there and not ours"}, "CreatePodIdentityAssociation", func(f *fakeWorkloads) { f.putPod(notOurs) }},
		"an association, taken by another":           {step{have: func(f *fakeWorkloads) { f.putPod(association(nil)) }, change: aboutPod(plan.Delete, ptr(association(nil)), nil), want: Already}, "DeletePodIdentityAssociation", func(f *fakeWorkloads) { f.pods = nil }},
		"an association, gone while it is described": {step{have: func(f *fakeWorkloads) { f.putPod(association(nil)) }, change: aboutPod(plan.Delete, ptr(association(nil)), nil), want: Already}, "DescribePodIdentityAssociation", func(f *fakeWorkloads) { f.pods = nil }},
	} {
		acted := false
		have := tt.have
		tt.have = func(f *fakeWorkloads) {
			if have != nil {
				have(f)
			}
			f.before = func(op string) {
				if op == tt.op && !acted {
					acted = true
					tt.act(f)
				}
			}
		}
		tt.try(t, name)
		if !acted {
			t.Errorf("%s: nobody acted", name)
		}
	}
}

func TestWhatCannotBeReadIsNotWritten(t *testing.T) {
	all := writesOfRoles(t)
	for op, s := range writesOfTheRest(t) {
		all[op] = s
	}
	tried := 0
	for op, s := range all {
		for _, reading := range []string{"GetRole", "GetRolePolicy", "ListRolePolicies", "ListAttachedRolePolicies", "GetOpenIDConnectProvider", "DescribeAddon", "ListPodIdentityAssociations", "DescribePodIdentityAssociation"} {
			synctest.Test(t, func(t *testing.T) {
				f := newWorkloads()
				if s.have != nil {
					s.have(f)
				}
				f.refuse = func(o string) error {
					if o == reading {
						return refused("AccessDenied", "User: x is not authorized to perform: iam:"+o+" on resource: y")
					}
					return nil
				}
				o := f.run(t, Options{}, s.change).Outcomes[0]
				if !slices.Contains(f.calls, reading) {
					return // this change does not rest on it
				}
				tried++
				if o.Status != Failed || len(f.journal) > 0 || o.Code != "AccessDenied" || !strings.Contains(o.Hint, "role/tf-admin lacks iam:"+reading) {
					t.Errorf("%s without %s: %s %v (%s), %q", op, reading, o.Status, o.Err, o.Hint, f.journal)
				}
			})
		}
	}
	if tried < 20 {
		t.Errorf("only %d readings were refused", tried)
	}
}

// A refusal that AWS's own delays explain, for what the run made or changed
// just before; without that it is a refusal at once.
func TestWhatAWSShowsLateOfARoleIsWaitedForOnlyWhereTheRunMadeIt(t *testing.T) {
	bare := role(t, func(r *plan.IAMRole) { r.ID = "" })
	create := aboutRole(plan.Create, nil, bare)
	retrust := aboutRole(plan.Update, role(t, nil), otherRoles(t)["trust policy"])
	describe := aboutRole(plan.Update, role(t, nil), otherRoles(t)["description"])
	fresh, from := association(func(a *access.PodIdentityAssociation) { a.ID = "" }), association(func(a *access.PodIdentityAssociation) { a.Role = rolePath + "other" })
	to := from
	to.Role = roleARN
	noRole := refused("InvalidParameterException", "Role provided in the request does not exist.")
	noTrust := refused("InvalidParameterException", "Trust policy of the role provided is invalid.")
	malformed := refused("MalformedPolicyDocument", "Invalid principal in policy")
	after := aboutRole(plan.Create, nil, role(t, func(r *plan.IAMRole) { r.ARN = rolePath + "second" }), provider(nil).ARN)
	after.ID, after.Principal, after.DependsOn = "role/second", rolePath+"second", []string{"provider/" + issuer}
	made := aboutProvider(plan.Create, nil, provider(nil))
	for name, tt := range map[string]struct {
		before plan.Change // made by the same run, or done before it
		made   bool        // by the same run
		have   func(*fakeWorkloads)
		change plan.Change
		op     string
		err    error
		want   Status
	}{
		"a policy of a role of the run":         {before: create, made: true, change: aboutPolicy(plan.Create, "a", "", allows(t, "s3:GetObject"), create.ID), op: "PutRolePolicy", err: errNoEntity, want: Done},
		"a policy of a role of before":          {before: create, change: aboutPolicy(plan.Create, "a", "", allows(t, "s3:GetObject"), create.ID), op: "PutRolePolicy", err: errNoEntity, want: Failed},
		"an attachment to a role of the run":    {before: create, made: true, change: aboutAttachment(plan.Create, readOnly, create.ID), op: "AttachRolePolicy", err: errNoEntity, want: Done},
		"an attachment to a role of before":     {before: create, change: aboutAttachment(plan.Create, readOnly, create.ID), op: "AttachRolePolicy", err: errNoEntity, want: Failed},
		"a managed policy that is not there":    {before: create, made: true, change: aboutAttachment(plan.Create, readOnly, create.ID), op: "AttachRolePolicy", err: refused("NoSuchEntity", "Policy "+readOnly+" does not exist"), want: Failed},
		"an association of a role of the run":   {before: create, made: true, change: aboutPod(plan.Create, nil, &fresh, create.ID), op: "CreatePodIdentityAssociation", err: noRole, want: Done},
		"an association of a role of before":    {before: create, change: aboutPod(plan.Create, nil, &fresh, create.ID), op: "CreatePodIdentityAssociation", err: noRole, want: Failed},
		"another refusal of its association":    {before: create, made: true, change: aboutPod(plan.Create, nil, &fresh, create.ID), op: "CreatePodIdentityAssociation", err: refused("InvalidParameterException", "no"), want: Failed},
		"those words with another code":         {before: create, made: true, change: aboutPod(plan.Create, nil, &fresh, create.ID), op: "CreatePodIdentityAssociation", err: refused("InvalidRequestException", "Role provided in the request does not exist"), want: Failed},
		"an association of a role trusted anew": {before: retrust, made: true, have: func(f *fakeWorkloads) { f.put(role(t, nil)) }, change: aboutPod(plan.Create, nil, &fresh, create.ID), op: "CreatePodIdentityAssociation", err: noTrust, want: Done},
		"an association of a role said anew":    {before: describe, made: true, have: func(f *fakeWorkloads) { f.put(role(t, nil)) }, change: aboutPod(plan.Create, nil, &fresh, create.ID), op: "CreatePodIdentityAssociation", err: noTrust, want: Failed},
		"an association given a role":           {before: create, made: true, have: func(f *fakeWorkloads) { f.putPod(from) }, change: aboutPod(plan.Update, &from, &to, create.ID), op: "UpdatePodIdentityAssociation", err: noRole, want: Done},
		"an association given a role of before": {before: create, have: func(f *fakeWorkloads) { f.putPod(from) }, change: aboutPod(plan.Update, &from, &to, create.ID), op: "UpdatePodIdentityAssociation", err: noRole, want: Failed},
		"a role that trusts the run's provider": {before: made, made: true, change: after, op: "CreateRole", err: malformed, want: Done},
		"a role that trusts one of before":      {before: made, change: after, op: "CreateRole", err: malformed, want: Failed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newWorkloads()
				if tt.have != nil {
					tt.have(f)
				}
				if !tt.made {
					f.run(t, Options{}, tt.before)
				}
				is := first(3, tt.op)
				f.refuse = func(o string) error {
					if is(o) {
						return tt.err
					}
					return nil
				}
				f.calls = nil
				o := f.run(t, Options{}, tt.before, tt.change).Outcomes[1]
				times := 0
				for _, c := range f.calls {
					if c == tt.op {
						times++
					}
				}
				if want := map[Status]int{Done: 4, Failed: 1}[tt.want]; o.Status != tt.want || times != want {
					t.Errorf("%s %v after %d calls, want %s after %d", o.Status, o.Err, times, tt.want, want)
				}
			})
		})
	}
}

func TestAFailedRoleStopsWhatDependsOnIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newWorkloads()
		f.refuse = func(op string) error {
			if op == "CreateRole" {
				return refused("AccessDenied", "no")
			}
			return nil
		}
		made, fresh := aboutRole(plan.Create, nil, role(t, nil)), association(func(a *access.PodIdentityAssociation) { a.ID = "" })
		res := f.run(t, Options{}, made, aboutPolicy(plan.Create, "a", "", allows(t, "s3:GetObject"), made.ID), aboutPod(plan.Create, nil, &fresh, made.ID), aboutAgent())
		want := []string{"role/loki failed", "policy/a skipped needs", "association/test/dev/loki skipped needs", "addon/test done"}
		if !slices.Equal(statuses(res), want) || !slices.Equal(f.operations(), []string{"CreateAddon"}) {
			t.Errorf("%v, want %v; wrote %q", statuses(res), want, f.journal)
		}
		if hint := res.Outcomes[0].Hint; hint != "role/tf-admin lacks iam:CreateRole; run again to finish, nothing is repeated" {
			t.Error(hint)
		}
	})
}
