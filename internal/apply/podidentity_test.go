package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/atlas-iam/atlas-iam/access"
	"github.com/atlas-iam/atlas-iam/internal/plan"
)

var errNoAssociation = refused("ResourceNotFoundException", "it cannot be found")

func (f *fakeWorkloads) pod(id string) (int, *ekstypes.PodIdentityAssociation) {
	for i, a := range f.pods {
		if *a.AssociationId == id {
			return i, a
		}
	}
	return -1, nil
}

// putPod places an association.
func (f *fakeWorkloads) putPod(a access.PodIdentityAssociation) {
	f.made++
	if a.ID == "" {
		a.ID = fmt.Sprintf("a-%d", f.made)
	}
	f.pods = append(f.pods, &ekstypes.PodIdentityAssociation{AssociationId: aws.String(a.ID), AssociationArn: aws.String("arn:" + a.ID), Namespace: aws.String(a.Namespace),
		ServiceAccount: aws.String(a.ServiceAccount), RoleArn: aws.String(a.Role), TargetRoleArn: optional(a.TargetRole), Policy: optional(string(a.SessionPolicy)),
		DisableSessionTags: aws.Bool(a.DisableSessionTags), OwnerArn: optional(a.OwnerARN), Tags: maps.Clone(a.Tags)})
}

func (f *fakeWorkloads) ListPodIdentityAssociations(_ context.Context, in *eks.ListPodIdentityAssociationsInput, _ ...func(*eks.Options)) (*eks.ListPodIdentityAssociationsOutput, error) {
	out := &eks.ListPodIdentityAssociationsOutput{Associations: []ekstypes.PodIdentityAssociationSummary{}}
	return out, f.call("ListPodIdentityAssociations", "", func() error {
		for _, a := range f.pods { // those of others too, as one that does not filter
			out.Associations = append(out.Associations, ekstypes.PodIdentityAssociationSummary{AssociationId: a.AssociationId, Namespace: a.Namespace, ServiceAccount: a.ServiceAccount})
		}
		return nil
	})
}

func (f *fakeWorkloads) DescribePodIdentityAssociation(_ context.Context, in *eks.DescribePodIdentityAssociationInput, _ ...func(*eks.Options)) (*eks.DescribePodIdentityAssociationOutput, error) {
	out := &eks.DescribePodIdentityAssociationOutput{}
	return out, f.call("DescribePodIdentityAssociation", "", func() error {
		_, a := f.pod(*in.AssociationId)
		if a == nil {
			return errNoAssociation
		}
		clone := *a
		clone.Tags = maps.Clone(a.Tags)
		out.Association = &clone
		return nil
	})
}

func podWord(role, target, policy *string, untagged *bool) string {
	return fmt.Sprint(access.RoleName(*role), " target=", access.RoleName(aws.ToString(target)), " policy=", aws.ToString(policy), " untagged=", aws.ToBool(untagged))
}

func (f *fakeWorkloads) CreatePodIdentityAssociation(_ context.Context, in *eks.CreatePodIdentityAssociationInput, _ ...func(*eks.Options)) (*eks.CreatePodIdentityAssociationOutput, error) {
	said := *in.ClusterName + " " + *in.Namespace + "/" + *in.ServiceAccount + " " + podWord(in.RoleArn, in.TargetRoleArn, in.Policy, in.DisableSessionTags) + " " + tagWord(in.Tags)
	return &eks.CreatePodIdentityAssociationOutput{}, f.call("CreatePodIdentityAssociation", said, func() error {
		for _, a := range f.pods {
			if *a.Namespace == *in.Namespace && *a.ServiceAccount == *in.ServiceAccount {
				return refused("ResourceInUseException", "it is there")
			}
		}
		f.putPod(access.PodIdentityAssociation{Namespace: *in.Namespace, ServiceAccount: *in.ServiceAccount, Role: *in.RoleArn, TargetRole: aws.ToString(in.TargetRoleArn),
			SessionPolicy: access.Document(aws.ToString(in.Policy)), DisableSessionTags: aws.ToBool(in.DisableSessionTags), Tags: in.Tags})
		return nil
	})
}

func (f *fakeWorkloads) UpdatePodIdentityAssociation(_ context.Context, in *eks.UpdatePodIdentityAssociationInput, _ ...func(*eks.Options)) (*eks.UpdatePodIdentityAssociationOutput, error) {
	said := *in.AssociationId + " " + podWord(in.RoleArn, in.TargetRoleArn, in.Policy, in.DisableSessionTags)
	return &eks.UpdatePodIdentityAssociationOutput{}, f.call("UpdatePodIdentityAssociation", said, func() error {
		_, a := f.pod(*in.AssociationId)
		if a == nil {
			return errNoAssociation
		}
		a.RoleArn, a.TargetRoleArn, a.Policy, a.DisableSessionTags = in.RoleArn, in.TargetRoleArn, in.Policy, in.DisableSessionTags
		return nil
	})
}

func (f *fakeWorkloads) DeletePodIdentityAssociation(_ context.Context, in *eks.DeletePodIdentityAssociationInput, _ ...func(*eks.Options)) (*eks.DeletePodIdentityAssociationOutput, error) {
	return &eks.DeletePodIdentityAssociationOutput{}, f.call("DeletePodIdentityAssociation", *in.AssociationId, func() error {
		i, a := f.pod(*in.AssociationId)
		if a == nil {
			return errNoAssociation
		}
		f.pods = slices.Delete(f.pods, i, i+1)
		return nil
	})
}

func (f *fakeWorkloads) TagResource(_ context.Context, in *eks.TagResourceInput, _ ...func(*eks.Options)) (*eks.TagResourceOutput, error) {
	return &eks.TagResourceOutput{}, f.call("TagResource", *in.ResourceArn+" "+tagWord(in.Tags), func() error {
		for _, a := range f.pods {
			if *a.AssociationArn == *in.ResourceArn {
				if a.Tags == nil {
					a.Tags = map[string]string{}
				}
				maps.Copy(a.Tags, in.Tags)
				return nil
			}
		}
		return errNoAssociation
	})
}

func association(change func(*access.PodIdentityAssociation)) access.PodIdentityAssociation {
	a := access.PodIdentityAssociation{Namespace: "dev", ServiceAccount: "loki", Role: roleARN, ID: "a-old", Tags: owner.Tags()}
	if change != nil {
		change(&a)
	}
	return a
}

func aboutPod(verb plan.Verb, from, to *access.PodIdentityAssociation, needs ...string) plan.Change {
	c := plan.Change{ID: "association/test/dev/loki", Verb: verb, Kind: plan.PodIdentityAssociation, Cluster: key("test"), Namespace: "dev", Name: "loki", DependsOn: needs}
	if from != nil {
		c.From = plan.PodIdentity{PodIdentityAssociation: *from}
	}
	if to != nil {
		c.To = plan.PodIdentity{PodIdentityAssociation: *to}
	}
	return c
}

// otherPods are an association changed in one part each.
func otherPods(t *testing.T) map[string]access.PodIdentityAssociation {
	return map[string]access.PodIdentityAssociation{
		"role":               association(func(a *access.PodIdentityAssociation) { a.Role = rolePath + "other" }),
		"target role":        association(func(a *access.PodIdentityAssociation) { a.TargetRole = rolePath + "target" }),
		"session policy":     association(func(a *access.PodIdentityAssociation) { a.SessionPolicy = allows(t, "s3:GetObject") }),
		"disableSessionTags": association(func(a *access.PodIdentityAssociation) { a.DisableSessionTags = true }),
	}
}

func TestAnAssociationIsChangedOnlyWhereItIsAsThePlanSawIt(t *testing.T) {
	from := association(nil)
	has := func(a access.PodIdentityAssociation) func(*fakeWorkloads) {
		return func(f *fakeWorkloads) {
			f.putPod(association(func(o *access.PodIdentityAssociation) { o.ID, o.Namespace = "a-other", "prod" }))
			f.putPod(association(func(o *access.PodIdentityAssociation) { o.ID, o.ServiceAccount = "a-sa", "promtail" }))
			f.putPod(a)
		}
	}
	alter := association
	fresh := alter(func(a *access.PodIdentityAssociation) { a.ID = "" })
	create, remove := aboutPod(plan.Create, nil, &fresh), aboutPod(plan.Delete, &from, nil)
	made, updated, deleted := []string{"CreatePodIdentityAssociation"}, []string{"UpdatePodIdentityAssociation"}, []string{"DeletePodIdentityAssociation"}
	notOurs := alter(func(a *access.PodIdentityAssociation) { a.Tags = theirs })
	addons := alter(func(a *access.PodIdentityAssociation) { a.OwnerARN = "arn:addon/x" })
	anew := alter(func(a *access.PodIdentityAssociation) { a.ID = "a-new" })
	tagged := alter(func(a *access.PodIdentityAssociation) { a.Tags["component"] = "devops" })
	both := alter(func(a *access.PodIdentityAssociation) { a.Role, a.Tags["component"] = rolePath+"other", "devops" })
	third := alter(func(a *access.PodIdentityAssociation) { a.Role = rolePath + "third" })
	replaced := alter(func(a *access.PodIdentityAssociation) { a.ID, a.Role = "", rolePath+"other" })
	standing := replaced
	standing.ID = "a-new"
	same := aboutPod(plan.Replace, &from, &fresh)
	replace := aboutPod(plan.Replace, &from, &replaced)
	bare := alter(func(a *access.PodIdentityAssociation) { a.Tags = nil })
	tests := map[string]step{
		"made":                               {change: create, want: Done, ops: made},
		"made already":                       {have: has(from), change: create, want: Already},
		"there and not ours":                 {have: has(notOurs), change: create, want: Failed, says: "not ours (nobody's mark)"},
		"there and an add-on's":              {have: has(addons), change: create, want: Failed, says: "not ours (add-on arn:addon/x)"},
		"there without a tag":                {have: has(from), change: aboutPod(plan.Create, nil, &tagged), want: Failed, says: "there and different: " + roleARN},
		"changed in tags":                    {have: has(from), change: aboutPod(plan.Update, &from, &tagged), want: Done, ops: []string{"TagResource"}},
		"changed in role and tags":           {have: has(from), change: aboutPod(plan.Update, &from, &both), want: Done, ops: []string{"UpdatePodIdentityAssociation", "TagResource"}},
		"to be changed and gone":             {change: aboutPod(plan.Update, &from, &both), want: Failed, says: "the association was there, is gone"},
		"to be changed and anew":             {have: has(anew), change: aboutPod(plan.Update, &from, &both), want: Failed, says: "the association was a-old, is another, a-new"},
		"to be changed and the add-on's":     {have: has(addons), change: aboutPod(plan.Update, &from, &both), want: Failed, says: "its owner was none, is arn:addon/x"},
		"to be changed and not ours":         {have: has(notOurs), change: aboutPod(plan.Update, &from, &both), want: Failed, says: "tag atlas-iam.dev/environment was "},
		"taken":                              {have: has(from), change: remove, want: Done, ops: deleted},
		"taken already":                      {change: remove, want: Already},
		"to be taken and another role":       {have: has(third), change: remove, want: Failed, says: "role was " + roleARN},
		"to be taken and anew":               {have: has(anew), change: remove, want: Failed, says: "another, a-new"},
		"replaced":                           {have: has(from), change: replace, want: Done, ops: append(slices.Clone(deleted), made...)},
		"replaced by its equal":              {have: has(from), change: same, want: Done, ops: append(slices.Clone(deleted), made...)},
		"replaced already":                   {have: has(standing), change: replace, want: Already},
		"replaced by its equal already":      {have: has(anew), change: same, want: Already},
		"cut off in the middle":              {change: replace, want: Done, ops: made},
		"to be replaced and another":         {have: has(third), change: replace, want: Failed, says: "role was " + roleARN},
		"adopted":                            {have: has(bare), change: aboutPod(plan.Update, &bare, &from), adopt: true, want: Done, ops: []string{"TagResource"}},
		"adopted with another role":          {have: has(bare), change: aboutPod(plan.Update, &bare, &both), adopt: true, want: Failed, says: "adopt adds our tags"},
		"adopted for a tag of another value": {have: has(notOurs), change: aboutPod(plan.Update, &notOurs, &from), adopt: true, want: Failed, says: "adopt adds our tags"},
	}
	for part, other := range otherPods(t) {
		tests["there with another "+part] = step{have: has(other), change: create, want: Failed, says: "there and different"}
		tests["changed, "+part] = step{have: has(from), change: aboutPod(plan.Update, &from, &other), want: Done, ops: updated}
		tests["changed already, "+part] = step{have: has(other), change: aboutPod(plan.Update, &from, &other), want: Already}
		tests["to be taken and moved, "+part] = step{have: has(other), change: remove, want: Failed, says: part + " was "}
	}
	for name, s := range tests {
		s.try(t, name)
	}
}

func TestAnAssociationIsSentWithAllThatIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newWorkloads()
		full := association(func(a *access.PodIdentityAssociation) {
			a.ID, a.TargetRole, a.SessionPolicy, a.DisableSessionTags = "", rolePath+"target", allows(t, "s3:GetObject"), true
		})
		f.run(t, Options{}, aboutPod(plan.Create, nil, &full))
		full.ID = "a-1"
		bare := association(func(a *access.PodIdentityAssociation) { a.ID = "a-1" })
		f.run(t, Options{}, aboutPod(plan.Update, &full, &bare))
		marks := bare
		marks.Tags = merged(owner.Tags(), map[string]string{"a": "b"})
		f.run(t, Options{}, aboutPod(plan.Update, &bare, &marks))
		policy := string(full.SessionPolicy)
		want := []string{
			"CreatePodIdentityAssociation test dev/loki loki target=target policy=" + policy + " untagged=true environment=ops,id=k7f3c9a1",
			"UpdatePodIdentityAssociation a-1 loki target= policy= untagged=false",
			"TagResource arn:a-1 a=b",
		}
		if !slices.Equal(f.journal, want) {
			t.Errorf("%q, want %q", f.journal, want)
		}
	})
}
