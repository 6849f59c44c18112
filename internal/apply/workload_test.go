package apply

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/kube/kubetest"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

func TestAWorkloadsChangeThatIsNotWholeFailsAndWritesNothing(t *testing.T) {
	from, fresh := role(t, nil), association(func(a *access.PodIdentityAssociation) { a.ID = "" })
	get := allows(t, "s3:GetObject")
	account := plan.KubernetesAccount{Namespace: "dev", Name: "loki", Manage: access.ManageCreate}
	secret := plan.ArgoSecret{Namespace: "argocd", Name: "prod"}
	of := func(kind plan.Kind, namespace, name string, to plan.Object) plan.Change {
		return plan.Change{ID: "x", Verb: plan.Create, Kind: kind, Cluster: key("test"), Namespace: namespace, Name: name, To: to}
	}
	wholes := map[string]plan.Change{
		"role": aboutRole(plan.Update, from, from), "policy": aboutPolicy(plan.Update, "a", get, get), "attachment": aboutAttachment(plan.Create, readOnly),
		"provider": aboutProvider(plan.Create, nil, provider(nil)), "agent": aboutAgent(), "association": aboutPod(plan.Create, nil, &fresh),
		"account": of(plan.ServiceAccount, "dev", "loki", account), "secret": of(plan.ArgoCDSecret, "argocd", "prod", secret),
	}
	for name, c := range wholes {
		if !whole(&c) {
			t.Errorf("%s: is not whole", name)
		}
	}
	alter := func(name string, f func(*plan.Change)) plan.Change {
		c := wholes[name]
		f(&c)
		return c
	}
	for name, c := range map[string]plan.Change{
		"a role of another name":          alter("role", func(c *plan.Change) { c.Principal = rolePath + "x" }),
		"a role without an ARN":           alter("role", func(c *plan.Change) { c.Principal, c.From, c.To = "", plan.IAMRole{}, plan.IAMRole{} }),
		"a role that moves from nothing":  alter("role", func(c *plan.Change) { c.Verb, c.From = plan.Replace, plan.IAMRole{} }),
		"a role of another kind":          alter("role", func(c *plan.Change) { c.Kind = plan.RolePolicy }),
		"a role made from one":            alter("role", func(c *plan.Change) { c.Verb = plan.Create }),
		"a role that goes to one":         alter("role", func(c *plan.Change) { c.Verb = plan.Delete }),
		"a role from a policy":            alter("role", func(c *plan.Change) { c.From = plan.InlinePolicy{} }),
		"a policy of another role":        alter("policy", func(c *plan.Change) { c.Principal = rolePath + "x" }),
		"a policy of another name":        alter("policy", func(c *plan.Change) { c.Name = "b" }),
		"a policy without a name":         aboutPolicy(plan.Update, "", get, get),
		"a policy replaced":               alter("policy", func(c *plan.Change) { c.Verb = plan.Replace }),
		"a policy of another kind":        alter("policy", func(c *plan.Change) { c.Kind = plan.Role }),
		"an attachment of another role":   alter("attachment", func(c *plan.Change) { c.Principal = rolePath + "x" }),
		"an attachment of another policy": alter("attachment", func(c *plan.Change) { c.Name = "x" }),
		"an attachment of nothing":        aboutAttachment(plan.Create, ""),
		"an attachment changed":           alter("attachment", func(c *plan.Change) { c.Verb, c.From = plan.Update, c.To }),
		"an attachment of another kind":   alter("attachment", func(c *plan.Change) { c.Kind = plan.RolePolicy }),
		"a provider without an ARN":       aboutProvider(plan.Create, nil, plan.Provider{}),
		"a provider replaced":             alter("provider", func(c *plan.Change) { c.Verb, c.From = plan.Replace, c.To }),
		"a provider of another kind":      alter("provider", func(c *plan.Change) { c.Kind = plan.Role }),
		"another add-on":                  alter("agent", func(c *plan.Change) { c.To = plan.Addon{Name: "coredns"} }),
		"an add-on changed":               alter("agent", func(c *plan.Change) { c.Verb, c.From = plan.Update, c.To }),
		"an add-on of another kind":       alter("agent", func(c *plan.Change) { c.Kind = plan.Role }),
		"an association elsewhere":        alter("association", func(c *plan.Change) { c.Namespace = "prod" }),
		"an association of another":       alter("association", func(c *plan.Change) { c.Name = "x" }),
		"an association of nobody": alter("association", func(c *plan.Change) {
			c.Name, c.To = "", plan.PodIdentity{PodIdentityAssociation: access.PodIdentityAssociation{Namespace: "dev"}}
		}),
		"an association of another kind":    alter("association", func(c *plan.Change) { c.Kind = plan.ServiceAccount }),
		"a ServiceAccount elsewhere":        alter("account", func(c *plan.Change) { c.Namespace = "prod" }),
		"a ServiceAccount of another name":  alter("account", func(c *plan.Change) { c.Name = "x" }),
		"a ServiceAccount without a name":   of(plan.ServiceAccount, "dev", "", plan.KubernetesAccount{Namespace: "dev"}),
		"a ServiceAccount replaced":         alter("account", func(c *plan.Change) { c.Verb, c.From = plan.Replace, c.To }),
		"a ServiceAccount of another kind":  alter("account", func(c *plan.Change) { c.Kind = plan.ArgoCDSecret }),
		"a Secret elsewhere":                alter("secret", func(c *plan.Change) { c.Namespace = "prod" }),
		"a Secret of another name":          alter("secret", func(c *plan.Change) { c.Name = "x" }),
		"a Secret without a name":           of(plan.ArgoCDSecret, "argocd", "", plan.ArgoSecret{Namespace: "argocd"}),
		"a Secret replaced":                 alter("secret", func(c *plan.Change) { c.Verb, c.From = plan.Replace, c.To }),
		"a Secret of another kind":          alter("secret", func(c *plan.Change) { c.Kind = plan.ServiceAccount }),
		"an entry among a workload's kinds": alter("role", func(c *plan.Change) { c.From = plan.Entry{} }),
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newWorkloads()
			if o := f.run(t, Options{}, c).Outcomes[0]; o.Status != Failed || !errors.Is(o.Err, errNotWhole) || len(f.calls) > 0 {
				t.Errorf("%s: %s %v, called %q", name, o.Status, o.Err, f.calls)
			}
		})
	}
}

func TestWithoutAWayToTheAccountNothingIsTried(t *testing.T) {
	f, p := newWorkloads(), newPlan()
	p.Changes = []plan.Change{aboutRole(plan.Create, nil, role(t, nil)), aboutAgent()}
	none := f.clients()
	none.iam = func(string) IAM { return nil }
	noEKS := f.clients()
	noEKS.eks = func(string, string) EKS { return nil }
	for _, to := range []clients{none, noEKS} {
		res, err := run(t.Context(), to, &p.Plan, Options{})
		if err != nil || res.Counts.Failed != 2 || len(f.calls) > 0 || !strings.Contains(res.Outcomes[0].Err.Error(), "no access to account "+accountID) {
			t.Error(err, statuses(res), f.calls)
		}
	}
	if res, err := run(t.Context(), f.clients(), &p.Plan, Options{}); err != nil || res.Counts.Done != 2 {
		t.Error(err, statuses(res))
	}
}

// What IAM answers is not always whole.
type oddAnswers struct {
	*fakeWorkloads
	role     *iamtypes.Role
	policy   *string
	endless  bool
	list     []ekstypes.PodIdentityAssociationSummary
	describe *ekstypes.PodIdentityAssociation
}

func (o *oddAnswers) GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	return &iam.GetRoleOutput{Role: o.role}, nil
}

func (o *oddAnswers) GetRolePolicy(context.Context, *iam.GetRolePolicyInput, ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error) {
	return &iam.GetRolePolicyOutput{PolicyDocument: o.policy}, nil
}

func (o *oddAnswers) ListAttachedRolePolicies(context.Context, *iam.ListAttachedRolePoliciesInput, ...func(*iam.Options)) (*iam.ListAttachedRolePoliciesOutput, error) {
	return &iam.ListAttachedRolePoliciesOutput{IsTruncated: o.endless, Marker: aws.String("again")}, nil
}

func (o *oddAnswers) ListRolePolicies(context.Context, *iam.ListRolePoliciesInput, ...func(*iam.Options)) (*iam.ListRolePoliciesOutput, error) {
	return &iam.ListRolePoliciesOutput{IsTruncated: true, Marker: aws.String("again")}, nil
}

func (o *oddAnswers) ListPodIdentityAssociations(context.Context, *eks.ListPodIdentityAssociationsInput, ...func(*eks.Options)) (*eks.ListPodIdentityAssociationsOutput, error) {
	return &eks.ListPodIdentityAssociationsOutput{Associations: o.list}, nil
}

func (o *oddAnswers) DescribePodIdentityAssociation(context.Context, *eks.DescribePodIdentityAssociationInput, ...func(*eks.Options)) (*eks.DescribePodIdentityAssociationOutput, error) {
	return &eks.DescribePodIdentityAssociationOutput{Association: o.describe}, nil
}

func TestACutAnswerAboutAWorkloadIsNeitherNothingNorAnObject(t *testing.T) {
	text := func(s string) *string { return &s }
	have := func() *iamtypes.Role {
		return &iamtypes.Role{Arn: text(roleARN), RoleId: text("AROAOLD"), Description: text("old"), MaxSessionDuration: aws.Int32(3600), Tags: iamTags(owner.Tags()),
			AssumeRolePolicyDocument: text(string(trusts(t, "pods.eks.amazonaws.com")))}
	}
	listed := []ekstypes.PodIdentityAssociationSummary{{AssociationId: text("a-1"), Namespace: text("dev"), ServiceAccount: text("loki")}}
	described := func(f func(*ekstypes.PodIdentityAssociation)) *ekstypes.PodIdentityAssociation {
		a := &ekstypes.PodIdentityAssociation{AssociationId: text("a-1"), Namespace: text("dev"), ServiceAccount: text("loki"), RoleArn: text(roleARN), Tags: owner.Tags()}
		f(a)
		return a
	}
	noTrust, badTrust, noARN := have(), have(), have()
	noTrust.AssumeRolePolicyDocument, badTrust.AssumeRolePolicyDocument, noARN.Arn = nil, text("%zz"), nil
	from, fresh := role(t, nil), association(func(a *access.PodIdentityAssociation) { a.ID = "" })
	create, remove := aboutRole(plan.Create, nil, from), aboutRole(plan.Delete, from, nil)
	put := aboutPolicy(plan.Create, "a", "", allows(t, "s3:GetObject"))
	pod := aboutPod(plan.Create, nil, &fresh)
	const empty, repeats = "AWS answered without the object", "the list repeats"
	for name, tt := range map[string]struct {
		odd    oddAnswers
		change plan.Change
		says   string
	}{
		"no role":                             {oddAnswers{}, create, empty},
		"a role without trust":                {oddAnswers{role: noTrust}, create, empty},
		"a role without an ARN":               {oddAnswers{role: noARN}, create, empty},
		"a trust badly escaped":               {oddAnswers{role: badTrust}, create, empty},
		"managed policies without end":        {oddAnswers{role: have(), endless: true}, remove, repeats},
		"attached policies without end":       {oddAnswers{role: have(), endless: true}, aboutAttachment(plan.Create, readOnly), repeats},
		"inline policies without end":         {oddAnswers{role: have()}, remove, repeats},
		"no policy":                           {oddAnswers{role: have()}, put, empty},
		"an empty policy":                     {oddAnswers{role: have(), policy: text("")}, put, empty},
		"a policy badly escaped":              {oddAnswers{role: have(), policy: text("%zz")}, put, empty},
		"no list of associations":             {oddAnswers{}, pod, empty},
		"no association":                      {oddAnswers{list: listed}, pod, empty},
		"an association without an id":        {oddAnswers{list: listed, describe: described(func(a *ekstypes.PodIdentityAssociation) { a.AssociationId = nil })}, pod, empty},
		"an association without a role":       {oddAnswers{list: listed, describe: described(func(a *ekstypes.PodIdentityAssociation) { a.RoleArn = nil })}, pod, empty},
		"an association elsewhere":            {oddAnswers{list: listed, describe: described(func(a *ekstypes.PodIdentityAssociation) { a.Namespace = text("prod") })}, pod, empty},
		"an association of another":           {oddAnswers{list: listed, describe: described(func(a *ekstypes.PodIdentityAssociation) { a.ServiceAccount = text("x") })}, pod, empty},
		"twin: a whole role":                  {oddAnswers{role: have()}, create, ""},
		"twin: a whole association":           {oddAnswers{list: listed, describe: described(func(*ekstypes.PodIdentityAssociation) {})}, pod, ""},
		"an unparsed policy is not wanted":    {oddAnswers{list: listed, describe: described(func(a *ekstypes.PodIdentityAssociation) { a.Policy = text("{") })}, pod, "there and different"},
		"an unparsed trust is not wanted":     {oddAnswers{role: func() *iamtypes.Role { r := have(); r.AssumeRolePolicyDocument = text("{"); return r }()}, create, "there and different"},
		"twin: a role without a longest time": {oddAnswers{role: func() *iamtypes.Role { r := have(); r.MaxSessionDuration = nil; return r }()}, create, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			tt.odd.fakeWorkloads = newWorkloads()
			p := newPlan()
			p.Changes = []plan.Change{tt.change}
			res, err := run(t.Context(), clients{eks: func(string, string) EKS { return &tt.odd }, iam: func(string) IAM { return &tt.odd }}, &p.Plan, Options{})
			if err != nil {
				t.Fatal(err)
			}
			o := res.Outcomes[0]
			want := map[bool]Status{true: Already, false: Failed}[tt.says == ""]
			if o.Status != want || len(tt.odd.journal) > 0 || tt.says != "" && !strings.Contains(o.Err.Error(), tt.says) {
				t.Errorf("%s: %s %v, wrote %q", name, o.Status, o.Err, tt.odd.journal)
			}
		})
	}
}

func TestTagsThatAreAsWantedAlreadyAreNotMoved(t *testing.T) {
	from, tagged := role(t, nil), otherRoles(t)["tag component"]
	both := role(t, func(r *plan.IAMRole) { r.Description, r.Tags["component"] = "new", "devops" })
	third := role(t, func(r *plan.IAMRole) { r.Tags["component"] = "third" })
	retagged := role(t, func(r *plan.IAMRole) { r.Description, r.Tags["component"] = "new", "ops" })
	for name, s := range map[string]step{
		"a tag is there already":            {have: func(f *fakeWorkloads) { f.put(tagged) }, change: aboutRole(plan.Update, from, both), want: Done, ops: []string{"UpdateRole"}},
		"another value of it came":          {have: func(f *fakeWorkloads) { f.put(third) }, change: aboutRole(plan.Update, from, both), want: Failed, says: `tag component was not there, is "third"`},
		"a value is there already":          {have: func(f *fakeWorkloads) { f.put(both) }, change: aboutRole(plan.Update, third, both), want: Already},
		"neither the old value nor the new": {have: func(f *fakeWorkloads) { f.put(third) }, change: aboutRole(plan.Update, tagged, retagged), want: Failed, says: `tag component was "devops", is "third"`},
		"the tag went":                      {have: func(f *fakeWorkloads) { f.put(from) }, change: aboutRole(plan.Update, tagged, retagged), want: Failed, says: `tag component was "devops", is not there`},
	} {
		s.try(t, name)
	}
}

// A role and its policies are one chain: what was just written of the role
// need not be read again.
func TestANewRoleIsReadOnceForItsPolicies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newWorkloads()
		made := aboutRole(plan.Create, nil, role(t, nil))
		policy := aboutPolicy(plan.Create, "a", "", allows(t, "s3:GetObject"), made.ID)
		f.run(t, Options{}, made, policy, aboutAttachment(plan.Create, readOnly, policy.ID))
		if want := []string{"GetRole", "CreateRole", "GetRolePolicy", "PutRolePolicy", "ListAttachedRolePolicies", "AttachRolePolicy"}; !slices.Equal(f.calls, want) {
			t.Errorf("called %q, want %q", f.calls, want)
		}
		f.calls = nil
		f.run(t, Options{}, made, policy)
		if want := []string{"GetRole", "GetRolePolicy"}; !slices.Equal(f.calls, want) {
			t.Errorf("called %q, want %q", f.calls, want)
		}
	})
}

// What was read of a role serves what follows at once, and no later change.
func TestARoleIsReadAgainWhereSomethingElseWasMadeInBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newWorkloads()
		made, serve := aboutRole(plan.Create, nil, role(t, nil)), aboutProvider(plan.Create, nil, provider(nil))
		f.run(t, Options{Parallel: 1}, made, serve, aboutPolicy(plan.Create, "a", "", allows(t, "s3:GetObject"), made.ID, serve.ID))
		want := []string{"GetRole", "CreateRole", "GetOpenIDConnectProvider", "CreateOpenIDConnectProvider", "GetRole", "GetRolePolicy", "PutRolePolicy"}
		if !slices.Equal(f.calls, want) {
			t.Errorf("called %q, want %q", f.calls, want)
		}
	})
}

func TestABindingsChangeIsWholeOnlyIfItIsAboutItsBinding(t *testing.T) {
	binding := plan.Binding{Binding: access.Binding{Namespace: "dev", Name: "x", Role: access.RoleRef{Kind: "ClusterRole", Name: "edit"}}}
	good := plan.Change{ID: "x", Verb: plan.Create, Kind: plan.RoleBinding, Cluster: key("test"), Namespace: "dev", Name: "x", To: binding}
	if !whole(&good) {
		t.Error("a whole one is not")
	}
	for name, alter := range map[string]func(*plan.Change, *plan.Binding){
		"another kind":        func(c *plan.Change, _ *plan.Binding) { c.Kind = plan.ClusterRoleBinding },
		"another namespace":   func(c *plan.Change, _ *plan.Binding) { c.Namespace = "prod" },
		"another name":        func(c *plan.Change, _ *plan.Binding) { c.Name = "y" },
		"no name":             func(c *plan.Change, b *plan.Binding) { c.Name, b.Name = "", "" },
		"no role":             func(_ *plan.Change, b *plan.Binding) { b.Role.Name = "" },
		"about somebody also": func(c *plan.Change, _ *plan.Binding) { c.Principal = arn("a") },
	} {
		c, b := good, binding
		alter(&c, &b)
		if c.To = b; whole(&c) {
			t.Errorf("%s: is whole", name)
		}
	}
}

func TestChangesOfOneObjectGoOneAfterTheOther(t *testing.T) {
	r, a, b := aboutRole(plan.Create, nil, role(t, nil)), aboutPolicy(plan.Create, "a", "", "x"), aboutAttachment(plan.Create, readOnly)
	if chainOf(&r) != chainOf(&a) || chainOf(&a) != chainOf(&b) {
		t.Error("a role and its policies are not one chain")
	}
	x, y := association(nil), association(nil)
	one, other := aboutPod(plan.Create, nil, &x), aboutPod(plan.Create, nil, &y)
	if chainOf(&one) != chainOf(&other) {
		t.Error("changes of one association are not one chain")
	}
	other.Name = "promtail"
	elsewhere := one
	elsewhere.Namespace = "prod"
	if chainOf(&one) == chainOf(&other) || chainOf(&one) == chainOf(&elsewhere) {
		t.Error("changes of two associations are one chain")
	}
}

// A place that is free again is given to what comes later, also from another
// region's changes.
func TestAPlaceThatIsFreeIsGivenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newWorkloads()
		is := first(3, "CreateRole")
		f.refuse = func(op string) error {
			if is(op) {
				return refused("ConcurrentModification", "not now")
			}
			return nil
		}
		made, fresh := aboutRole(plan.Create, nil, role(t, nil)), association(func(a *access.PodIdentityAssociation) { a.ID = "" })
		res := f.run(t, Options{Parallel: 1}, aboutAgent(), made, aboutPod(plan.Create, nil, &fresh, made.ID))
		if !res.OK() || !slices.Equal(f.operations(), []string{"CreateAddon", "CreateRole", "CreatePodIdentityAssociation"}) {
			t.Error(statuses(res), f.journal)
		}
	})
}

// An answer is lost, and IAM shows what it made only when it is asked to make
// it again.
func TestAWriteThatIsSeenLateIsStillThisRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newWorkloads()
		f.lost = first(1, "CreateRole")
		hidden := first(2, "GetRole") // before the write, and to settle it
		f.refuse = func(op string) error {
			if hidden(op) {
				return errNoEntity
			}
			return nil
		}
		o := f.run(t, Options{}, aboutRole(plan.Create, nil, role(t, nil))).Outcomes[0]
		if o.Status != Done || len(f.journal) != 1 || len(o.Writes) != 2 {
			t.Error(o.Status, o.Err, f.journal, f.calls)
		}
	})
}

func TestARefusalOfTheRoleThatDoesNotEndFailsAfterARunsPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newWorkloads()
		f.refuse = func(op string) error {
			if op == "DeleteRole" {
				return refused("DeleteConflict", "it has policies")
			}
			return nil
		}
		began := time.Now()
		f.put(roleWithPolicies(t))
		o := f.run(t, Options{}, aboutRole(plan.Delete, roleWithPolicies(t), nil)).Outcomes[0]
		if waited := time.Since(began); o.Status != Failed || o.Code != "DeleteConflict" || waited < 20*time.Second || waited > 30*time.Second {
			t.Error(o.Status, o.Err, waited)
		}
		// Nothing was taken from one without policies, so it is not for that.
		began = time.Now()
		f.put(role(t, nil))
		o = f.run(t, Options{}, aboutRole(plan.Delete, role(t, nil), nil)).Outcomes[0]
		if waited := time.Since(began); o.Status != Failed || waited > 0 || len(o.Writes) != 1 {
			t.Error(o.Status, o.Err, waited)
		}
	})
}

// A role that the run changed is waited for too; one that it did not is gone.
func TestARoleThatIsNotShownAgainIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newWorkloads()
		f.put(role(t, nil))
		want := role(t, func(r *plan.IAMRole) { r.Trust, r.Description = trusts(t, "ec2.amazonaws.com"), "new" })
		is := first(2, "UpdateRole")
		f.refuse = func(op string) error {
			if is(op) {
				return errNoEntity
			}
			return nil
		}
		if o := f.run(t, Options{}, aboutRole(plan.Update, role(t, nil), want)).Outcomes[0]; o.Status != Done || len(o.Writes) != 4 {
			t.Error(o.Status, o.Err)
		}
		// The policy of a role whose trust changed some time ago is read till the
		// role is seen.
		f = newWorkloads()
		made := aboutRole(plan.Create, nil, role(t, nil))
		hide, seen := first(3, "GetRole"), 0
		f.refuse = func(op string) error {
			if op == "GetRole" {
				if seen++; seen > 1 && hide(op) {
					return errNoEntity
				}
			}
			return nil
		}
		late := aboutAgent()
		slow := first(6, "CreateAddon")
		before := f.refuse
		f.refuse = func(op string) error {
			if slow(op) {
				return refused("ThrottlingException", "slower")
			}
			return before(op)
		}
		res := f.run(t, Options{}, made, late, aboutPolicy(plan.Create, "a", "", allows(t, "s3:GetObject"), made.ID, late.ID))
		if !res.OK() || seen != 5 {
			t.Error(statuses(res), seen, f.calls)
		}
	})
}

func TestAServiceAccountWaitsForAnAPIServerOnlyWhereTheRunMakesTheCallersEntry(t *testing.T) {
	for own, want := range map[bool]Status{true: Done, false: Failed} {
		synctest.Test(t, func(t *testing.T) {
			s, p := kubetest.New("dev"), newPlan()
			began := time.Now()
			s.Fault = func(kubetest.Call) *kubetest.Fault {
				if time.Since(began) < 6*time.Second {
					return &kubetest.Fault{Status: 401, Reason: "Unauthorized"}
				}
				return nil
			}
			if own {
				e := entry("x")
				e.Principal, e.Username = adminARN, ""
				p.entry("test", nil, &e)
			}
			id := p.account(plan.Create, "new", nil, &plan.KubernetesAccount{Namespace: "dev", Name: "new", Manage: access.ManageCreate, Role: lokiRole})
			res, err := Run(t.Context(), newFake().open(t), &p.Plan, Options{Dial: dialer(s)})
			if err != nil || status(t, res, id).Status != want || want == Failed && time.Since(began) > time.Second {
				t.Errorf("own %v: %v %v after %s", own, err, statuses(res), time.Since(began))
			}
		})
	}
}

func TestAnEntryThatGoesAndWasTaggedSinceIsLeftAlone(t *testing.T) {
	for tagged, want := range map[bool]Status{true: Failed, false: Done} {
		synctest.Test(t, func(t *testing.T) {
			f, p := newFake(), newPlan()
			e := f.put("test", entry("a"))
			p.entry("test", e, nil)
			if tagged {
				e.Tags["keep"] = "me"
			}
			res, err := Run(t.Context(), f.open(t), &p.Plan, Options{})
			if err != nil || res.Outcomes[0].Status != want || isMoved(res.Outcomes[0].Err) != tagged {
				t.Error(tagged, err, statuses(res))
			}
		})
	}
}
