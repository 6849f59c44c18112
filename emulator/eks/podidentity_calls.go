package eks

import (
	"encoding/json"
	"maps"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/schemas"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/smithy-go"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// mostAssociations is how many a cluster may have; nobody can raise it. (EKS
// User Guide, service-quotas)
const mostAssociations = 1000

type createPodIdentityInput struct {
	ClusterName        string            `json:"clusterName"`
	Namespace          string            `json:"namespace"`
	ServiceAccount     string            `json:"serviceAccount"`
	RoleArn            string            `json:"roleArn"`
	TargetRoleArn      string            `json:"targetRoleArn,omitempty"`
	DisableSessionTags bool              `json:"disableSessionTags,omitempty"`
	Policy             string            `json:"policy,omitempty"`
	Tags               map[string]string `json:"tags,omitempty"`
	ClientRequestToken string            `json:"clientRequestToken,omitempty"`
}

func (in createPodIdentityInput) equal(o createPodIdentityInput) bool {
	a, errA := json.Marshal(in)
	b, errB := json.Marshal(o)
	return errA == nil && errB == nil && string(a) == string(b)
}

func (s *Service) createPodIdentityAssociation(c *call.Call, in createPodIdentityInput) (shape, error) {
	if err := c.Authorize("eks:CreatePodIdentityAssociation", arn(c, "cluster/"+in.ClusterName), tagContext(in.Tags)); err != nil {
		return nil, err
	}
	if err := passRole(c, in.RoleArn); err != nil {
		return nil, err
	}
	if _, err := find(c, c.Tx, in.ClusterName); err != nil {
		return nil, err
	}
	a, made, err := in.associate(c, "")
	if err != nil {
		return nil, err
	}
	if made {
		c.Record(a.ARN, in)
	}
	return member(schemas.CreatePodIdentityAssociationResponse_association, a.shown()), nil
}

// associate makes the association; made is false where the same call made it
// before. owner is the ARN of the add-on that it is for, if any.
func (in createPodIdentityInput) associate(c *call.Call, owner string) (a *podIdentity, made bool, err error) {
	cluster := in.ClusterName
	if err := checkServiceAccount(cluster, in.Namespace, in.ServiceAccount); err != nil {
		return nil, false, err
	}
	if id, taken := store.Get[string](c.Tx, bucket, key(c, "association-of", cluster, in.Namespace, in.ServiceAccount)); taken {
		have, _ := store.Get[podIdentity](c.Tx, bucket, key(c, "association", cluster, id))
		if in.ClientRequestToken != "" && have.Created.equal(in) { // Assumption idempotent-token
			return &have, false, nil
		}
		return nil, false, inUse(cluster, "Association already exists: "+id)
	}
	now := c.Now.UTC().Truncate(time.Millisecond)
	id := newAssociationID()
	a = &podIdentity{
		Cluster: cluster, ID: id, ARN: arn(c, "podidentityassociation/"+cluster+"/"+id), Namespace: in.Namespace, ServiceAccount: in.ServiceAccount,
		Role: in.RoleArn, TargetRole: in.TargetRoleArn, DisableSessionTags: in.DisableSessionTags, Policy: in.Policy, Owner: owner, Tags: in.Tags,
		CreatedAt: now, ModifiedAt: now, Created: in,
	}
	if err := checkRole(c, cluster, a.Role); err != nil {
		return nil, false, err
	}
	if err := a.check(c); err != nil {
		return nil, false, err
	}
	if err := checkTags(in.Tags, cluster, "InvalidParameterException"); err != nil {
		return nil, false, err
	}
	if c.Tx.Count(bucket, key(c, "association", cluster)) >= mostAssociations {
		return nil, false, fail("ResourceLimitExceededException", http.StatusBadRequest, cluster, "A cluster can have at most 1000 Pod Identity associations.")
	}
	a.save(c)
	return a, true, nil
}

func (s *Service) describePodIdentityAssociation(c *call.Call, in podIdentityInput) (shape, error) {
	a, err := in.load(c, c.Seen)
	if err != nil {
		return nil, err
	}
	return member(schemas.DescribePodIdentityAssociationResponse_association, a.shown()), nil
}

type updatePodIdentityInput struct {
	podIdentityInput
	RoleArn            *string `json:"roleArn,omitempty"`
	TargetRoleArn      *string `json:"targetRoleArn,omitempty"`
	DisableSessionTags *bool   `json:"disableSessionTags,omitempty"`
	Policy             *string `json:"policy,omitempty"`
	ClientRequestToken string  `json:"clientRequestToken,omitempty"`
}

// An empty targetRoleArn takes the target role away (public clients of AWS's
// own rely on it: aws-controllers-k8s/eks-controller#164). Assumption
// empty-session-policy: an empty policy does the same to the session policy.
func (s *Service) updatePodIdentityAssociation(c *call.Call, in updatePodIdentityInput) (shape, error) {
	a, err := in.change(c)
	if err != nil {
		return nil, err
	}
	if in.RoleArn == nil && in.TargetRoleArn == nil && in.DisableSessionTags == nil && in.Policy == nil {
		return nil, invalid(in.ClusterName, "At least one of roleArn, targetRoleArn, disableSessionTags and policy must be given.")
	}
	if in.RoleArn != nil {
		if err := passRole(c, *in.RoleArn); err != nil {
			return nil, err
		}
		if err := checkRole(c, in.ClusterName, *in.RoleArn); err != nil {
			return nil, err
		}
	}
	set(&a.Role, in.RoleArn)
	set(&a.TargetRole, in.TargetRoleArn)
	set(&a.DisableSessionTags, in.DisableSessionTags)
	set(&a.Policy, in.Policy)
	if err := a.check(c); err != nil {
		return nil, err
	}
	a.ModifiedAt = c.Now.UTC().Truncate(time.Millisecond)
	a.save(c)
	c.Record(a.ARN, in)
	return member(schemas.UpdatePodIdentityAssociationResponse_association, a.shown()), nil
}

// set puts a value that was given in the place of the one that is there.
func set[T any](there *T, given *T) {
	if given != nil {
		*there = *given
	}
}

func (s *Service) deletePodIdentityAssociation(c *call.Call, in podIdentityInput) (shape, error) {
	a, err := in.change(c)
	if err != nil {
		return nil, err
	}
	a.remove(c)
	c.Record(a.ARN, in)
	return member(schemas.DeletePodIdentityAssociationResponse_association, a.shown()), nil
}

type listPodIdentityInput struct {
	page
	ClusterName    string `json:"clusterName"`
	Namespace      string `json:"namespace"`
	ServiceAccount string `json:"serviceAccount"`
}

func (s *Service) listPodIdentityAssociations(c *call.Call, in listPodIdentityInput) (shape, error) {
	if err := c.Authorize("eks:ListPodIdentityAssociations", arn(c, "cluster/"+in.ClusterName), nil); err != nil {
		return nil, err
	}
	if _, err := find(c, c.Seen, in.ClusterName); err != nil {
		return nil, err
	}
	wanted := func(a podIdentity) bool {
		return (in.Namespace == "" || a.Namespace == in.Namespace) && (in.ServiceAccount == "" || a.ServiceAccount == in.ServiceAccount)
	}
	found, token, err := take(c, in.page, store.Key("associations", in.ClusterName, in.Namespace, in.ServiceAccount), stored(c.Seen, key(c, "association", in.ClusterName), wanted))
	if err != nil {
		return nil, err
	}
	schema := schemas.ListPodIdentityAssociationsResponse_associations
	return all(func(w smithy.ShapeSerializer) {
		w.WriteList(schema)
		for _, a := range found {
			member(schema.ListMember(), &types.PodIdentityAssociationSummary{
				ClusterName: &a.Cluster, Namespace: &a.Namespace, ServiceAccount: &a.ServiceAccount,
				AssociationArn: &a.ARN, AssociationId: &a.ID, OwnerArn: orNone(a.Owner),
			})(w)
		}
		w.CloseList()
	}, nextToken(schemas.ListPodIdentityAssociationsResponse_nextToken, token)), nil
}

// taggedAssociation finds the association that has an id, for its tags.
func taggedAssociation(c *call.Call, r store.Reader, cluster, id string) (taggable, bool) {
	a, ok := store.Get[podIdentity](r, bucket, key(c, "association", cluster, id))
	return taggable{a.Tags, func(tags map[string]string) {
		a.Tags = maps.Clone(tags)
		a.save(c)
	}}, ok
}
