package eks

import (
	"crypto/rand"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/atlas-iam/atlas-iam/authz/iam"
	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// podIdentity is a Pod Identity association. It stands under "association",
// its cluster and its id; "association-of", the cluster, the namespace and the
// ServiceAccount lead to the id.
type podIdentity struct {
	Cluster            string                 `json:"cluster"`
	ID                 string                 `json:"id"`
	ARN                string                 `json:"arn"`
	Namespace          string                 `json:"namespace"`
	ServiceAccount     string                 `json:"serviceAccount"`
	Role               string                 `json:"role"`
	TargetRole         string                 `json:"targetRole,omitempty"`
	DisableSessionTags bool                   `json:"disableSessionTags,omitempty"`
	Policy             string                 `json:"policy,omitempty"`
	Owner              string                 `json:"owner,omitempty"` // ARN of the add-on that made it
	Tags               map[string]string      `json:"tags"`
	CreatedAt          time.Time              `json:"createdAt"`
	ModifiedAt         time.Time              `json:"modifiedAt"`
	Created            createPodIdentityInput `json:"created"`
}

// PodIdentity is an association as those who hand out its role's credentials
// need it.
type PodIdentity struct {
	ARN, ID            string
	Role, TargetRole   string // ARNs; TargetRole is empty where there is none
	ExternalID         string // for TargetRole
	Policy             string // JSON; empty: none
	DisableSessionTags bool
}

// PodIdentity finds the association of a ServiceAccount. r decides how old the
// picture is: associations are eventually consistent. (EKS API,
// CreatePodIdentityAssociation)
func (s *Service) PodIdentity(r store.Reader, k call.ClusterKey, namespace, serviceAccount string) (PodIdentity, bool) {
	id, ok := store.Get[string](r, bucket, store.Key(place(k, "association-of"), namespace, serviceAccount))
	if !ok {
		return PodIdentity{}, false
	}
	a, ok := store.Get[podIdentity](r, bucket, store.Key(place(k, "association"), id))
	return PodIdentity{a.ARN, a.ID, a.Role, a.TargetRole, a.externalID(), a.Policy, a.DisableSessionTags}, ok
}

// externalID is what EKS gives as sts:ExternalId when it assumes the target
// role. (EKS User Guide, pod-id-assign-target-role: Region, account, cluster,
// namespace, ServiceAccount) Assumption external-id: it is shown with every
// association that has a target role.
func (a *podIdentity) externalID() string {
	if a.TargetRole == "" {
		return ""
	}
	parts := strings.SplitN(a.ARN, ":", 6)
	return strings.Join([]string{parts[3], parts[4], a.Cluster, a.Namespace, a.ServiceAccount}, "/")
}

func (a *podIdentity) shown() *types.PodIdentityAssociation {
	return &types.PodIdentityAssociation{
		ClusterName: &a.Cluster, Namespace: &a.Namespace, ServiceAccount: &a.ServiceAccount, RoleArn: &a.Role,
		AssociationArn: &a.ARN, AssociationId: &a.ID, Tags: orEmpty(a.Tags), CreatedAt: &a.CreatedAt, ModifiedAt: &a.ModifiedAt,
		DisableSessionTags: &a.DisableSessionTags, TargetRoleArn: orNone(a.TargetRole), ExternalId: orNone(a.externalID()),
		OwnerArn: orNone(a.Owner), Policy: orNone(a.Policy),
	}
}

// orNone leaves an empty text out.
func orNone(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (a *podIdentity) save(c *call.Call) {
	c.Tx.Put(bucket, key(c, "association", a.Cluster, a.ID), a)
	c.Tx.Put(bucket, key(c, "association-of", a.Cluster, a.Namespace, a.ServiceAccount), a.ID)
}

func (a *podIdentity) remove(c *call.Call) {
	c.Tx.Delete(bucket, key(c, "association", a.Cluster, a.ID))
	c.Tx.Delete(bucket, key(c, "association-of", a.Cluster, a.Namespace, a.ServiceAccount))
}

// lengthOfID is how long an association's id is. (aws-facts 3.1)
const lengthOfID = 19

// newAssociationID makes an id: a- and 17 lower-case letters and digits.
func newAssociationID() string {
	return "a-" + strings.ToLower(rand.Text()[:lengthOfID-2])
}

// podIdentityInput is what names an association.
type podIdentityInput struct {
	ClusterName   string `json:"clusterName"`
	AssociationID string `json:"associationId"`
}

// load finds the association, after the caller's right to the action, which
// is asked for on the association's ARN.
func (in podIdentityInput) load(c *call.Call, r store.Reader) (*podIdentity, error) {
	at := key(c, "association", in.ClusterName, in.AssociationID)
	a, there := store.Get[podIdentity](c.Tx, bucket, at)
	ctx := map[string][]string{}
	if there {
		maps.Copy(ctx, resourceTags(a.Tags))
	}
	resource := arn(c, "podidentityassociation/"+in.ClusterName+"/"+in.AssociationID)
	if err := c.Authorize("eks:"+c.Operation, resource, ctx); err != nil {
		return nil, err
	}
	if _, err := find(c, r, in.ClusterName); err != nil {
		return nil, err
	}
	if len(in.AssociationID) != lengthOfID {
		return nil, invalid(in.ClusterName, "The parameter associationId should be %d characters long.", lengthOfID)
	}
	a, ok := store.Get[podIdentity](r, bucket, at)
	if !ok {
		return nil, notFound(in.ClusterName, "No association found for ID: "+in.AssociationID)
	}
	return &a, nil
}

// change is load for what changes the association: an add-on's is the
// add-on's to change. Assumption addon-association: EKS refuses it as an
// invalid request.
func (in podIdentityInput) change(c *call.Call) (*podIdentity, error) {
	a, err := in.load(c, c.Tx)
	if err == nil && a.Owner != "" {
		err = fail("InvalidRequestException", http.StatusBadRequest, in.ClusterName, "The association is owned by the add-on "+a.Owner+" and can only be changed through it.")
	}
	return a, err
}

// resourceTags gives the condition keys of a resource's tags.
func resourceTags(tags map[string]string) map[string][]string {
	ctx := map[string][]string{}
	for k, v := range tags {
		ctx["aws:ResourceTag/"+k] = []string{v}
	}
	return ctx
}

// podIdentityService is the principal that assumes the roles of associations.
const podIdentityService = "pods.eks.amazonaws.com"

// passRole asks whether the caller may hand a role to Pod Identity. (EKS User
// Guide, pod-id-association: iam:PassRole) A role of another account cannot be
// handed over at all.
func passRole(c *call.Call, role string) error {
	if p, ok := parsePrincipal(role); ok && p.account != c.Account {
		return &call.Error{Code: "AccessDeniedException", Status: http.StatusForbidden, Message: "Cross-account pass role is not allowed."}
	}
	return c.Authorize("iam:PassRole", role, map[string][]string{"iam:PassedToService": {podIdentityService}})
}

// checkRole holds the role of an association against what EKS checks: it is
// there and its trust policy lets Pod Identity assume it and tag the session.
// It looks as others do who read IAM, so that a role that was just made is not
// there yet. (aws-facts 3.1) Assumption pod-identity-trust: the trust policy's
// conditions are not weighed.
func checkRole(c *call.Call, cluster, role string) error {
	p, ok := parsePrincipal(role)
	if !ok || p.kind != "role" || p.partition != c.Partition {
		return invalid(cluster, noRole)
	}
	switch there, trusted := c.IAM.Trusts(c.Seen, role, podIdentityService, "sts:AssumeRole", "sts:TagSession"); {
	case !there:
		return invalid(cluster, noRole)
	case !trusted:
		return invalid(cluster, untrusting)
	}
	return nil
}

// (aws-facts 3.1: real texts seen in public issues)
const (
	noRole     = "Role provided in the request does not exist."
	untrusting = "Trust policy of the role provided is invalid."
)

// names that Kubernetes takes. Assumption pod-identity-names: EKS refuses
// others, so that no wildcard is taken.
var (
	namespaceForm      = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	serviceAccountForm = regexp.MustCompile(`^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$`)
)

func checkServiceAccount(cluster, namespace, name string) error {
	switch {
	case !namespaceForm.MatchString(namespace):
		return invalid(cluster, "The namespace %q is not a name of a Kubernetes namespace.", namespace)
	case !serviceAccountForm.MatchString(name):
		return invalid(cluster, "The serviceAccount %q is not a name of a Kubernetes ServiceAccount.", name)
	}
	return nil
}

// longestSessionPolicy bounds a session policy's characters, as STS does.
// Assumption session-policy-size: EKS has the same bound.
const longestSessionPolicy = 2048

// check holds what create and update can set against EKS's rules. Assumption
// target-role: of the target role only the form of its ARN is looked at.
func (a *podIdentity) check(c *call.Call) error {
	if a.TargetRole != "" {
		if p, ok := parsePrincipal(a.TargetRole); !ok || p.kind != "role" || p.partition != c.Partition {
			return invalid(a.Cluster, "The targetRoleArn %q is not the ARN of a role.", a.TargetRole)
		}
	}
	if a.Policy == "" {
		return nil
	}
	if !a.DisableSessionTags {
		return invalid(a.Cluster, "A policy can only be set when disableSessionTags is true.")
	}
	if iam.Size(a.Policy) > longestSessionPolicy {
		return invalid(a.Cluster, "The policy must be at most %d characters long.", longestSessionPolicy)
	}
	if _, err := iam.Parse(iam.Identity, a.Policy); err != nil {
		return invalid(a.Cluster, "The policy is not valid: %v", err)
	}
	return nil
}
