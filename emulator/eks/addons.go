package eks

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// addonKind is what the lab knows of one of AWS's add-ons.
type addonKind struct {
	namespace       string
	serviceAccounts []string // that associations of its own may be for; the lab knows not all add-ons'
	version         string   // default; empty: not known
	noPodIdentity   bool
}

// addonKinds are the add-ons that AWS's own documentation lists as owned by
// AWS. (AWS CLI, examples of describe-addon-versions; the agent's default
// version: aws/containers-roadmap#2684; ServiceAccounts: the add-ons' pages in
// the EKS and CloudWatch User Guides)
var addonKinds = map[string]addonKind{
	"eks-pod-identity-agent":          {namespace: "kube-system", version: "v1.3.10-eksbuild.1", noPodIdentity: true},
	"vpc-cni":                         {namespace: "kube-system", serviceAccounts: []string{"aws-node"}},
	"aws-ebs-csi-driver":              {namespace: "kube-system", serviceAccounts: []string{"ebs-csi-controller-sa"}},
	"aws-efs-csi-driver":              {namespace: "kube-system", serviceAccounts: []string{"efs-csi-controller-sa"}},
	"aws-mountpoint-s3-csi-driver":    {namespace: "kube-system", serviceAccounts: []string{"s3-csi-driver-sa"}},
	"amazon-cloudwatch-observability": {namespace: "amazon-cloudwatch", serviceAccounts: []string{"cloudwatch-agent"}},
	"kube-proxy":                      {namespace: "kube-system"},
	"coredns":                         {namespace: "kube-system"},
	"snapshot-controller":             {namespace: "kube-system"},
	"aws-guardduty-agent":             {namespace: "amazon-guardduty"},
	"adot":                            {namespace: "opentelemetry-operator-system"},
}

// versionOfAddon is the form of an add-on's version. Assumption addon-versions:
// any of this form is offered.
var versionOfAddon = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+-eksbuild\.[0-9]+$`)

// addon is what is stored of an add-on. Its status follows from times.
type addon struct {
	Cluster   string            `json:"cluster"`
	Name      string            `json:"name"`
	ARN       string            `json:"arn"`
	Version   string            `json:"version"`
	Role      string            `json:"role,omitempty"` // of its ServiceAccount, by IRSA
	Values    *string           `json:"values,omitempty"`
	Namespace string            `json:"namespace,omitempty"` // where it was given
	Tags      map[string]string `json:"tags"`
	CreatedAt time.Time         `json:"createdAt"`
	ModifyAt  time.Time         `json:"modifiedAt"`
	ReadyAt   time.Time         `json:"readyAt"`   // creating until then
	UpdatedAt time.Time         `json:"updatedAt"` // updating until then
	GoneAt    time.Time         `json:"goneAt"`    // deleting, and gone then; zero: not being deleted
	Created   createAddonInput  `json:"created"`
}

func (a *addon) gone(now time.Time) bool { return !a.GoneAt.IsZero() && !now.Before(a.GoneAt) }

func (a *addon) status(now time.Time) types.AddonStatus {
	switch {
	case !a.GoneAt.IsZero():
		return types.AddonStatusDeleting
	case now.Before(a.ReadyAt):
		return types.AddonStatusCreating
	case now.Before(a.UpdatedAt):
		return types.AddonStatusUpdating
	}
	return types.AddonStatusActive
}

// namespace is where the add-on's ServiceAccounts live.
func (a *addon) namespace() string {
	if a.Namespace != "" {
		return a.Namespace
	}
	return addonKinds[a.Name].namespace
}

// at is the add-on as EKS shows it at a time, with the associations that r
// has of it.
func (a *addon) at(c *call.Call, r store.Reader, now time.Time) *types.Addon {
	out := &types.Addon{
		AddonName: &a.Name, ClusterName: &a.Cluster, Status: a.status(now), AddonVersion: &a.Version, AddonArn: &a.ARN,
		Health: &types.AddonHealth{Issues: []types.AddonIssue{}}, CreatedAt: &a.CreatedAt, ModifiedAt: &a.ModifyAt, Tags: orEmpty(a.Tags),
		ServiceAccountRoleArn: orNone(a.Role), ConfigurationValues: a.Values,
	}
	if a.Namespace != "" {
		out.NamespaceConfig = &types.AddonNamespaceConfigResponse{Namespace: &a.Namespace}
	}
	for _, own := range a.associations(c, r) {
		out.PodIdentityAssociations = append(out.PodIdentityAssociations, own.ARN)
	}
	return out
}

// associations are those that the add-on made for itself.
func (a *addon) associations(c *call.Call, r store.Reader) []podIdentity {
	var own []podIdentity
	for _, p := range store.List[podIdentity](r, bucket, key(c, "association", a.Cluster), "") {
		if p.Owner == a.ARN {
			own = append(own, p)
		}
	}
	return own
}

func (a *addon) save(c *call.Call) { c.Tx.Put(bucket, key(c, "addon", a.Cluster, a.Name), a) }

// addonAssociation asks for an association of an add-on's own.
type addonAssociation struct {
	ServiceAccount string `json:"serviceAccount"`
	RoleArn        string `json:"roleArn"`
}

// associate has the add-on's associations be those that are wanted: the others
// of its own go, what stays keeps its id.
func (a *addon) associate(c *call.Call, wanted []addonAssociation) error {
	if err := a.checkAssociations(c, wanted); err != nil {
		return err
	}
	missing := slices.Clone(wanted)
	for _, own := range a.associations(c, c.Tx) {
		i := slices.IndexFunc(missing, func(w addonAssociation) bool { return w.ServiceAccount == own.ServiceAccount })
		if i < 0 {
			own.remove(c)
			continue
		}
		role := missing[i].RoleArn
		missing = slices.Delete(missing, i, i+1)
		if role == own.Role {
			continue
		}
		if err := checkRole(c, a.Cluster, role); err != nil {
			return err
		}
		own.Role, own.ModifiedAt = role, c.Now.UTC().Truncate(time.Millisecond)
		own.save(c)
	}
	for _, w := range missing {
		in := createPodIdentityInput{ClusterName: a.Cluster, Namespace: a.namespace(), ServiceAccount: w.ServiceAccount, RoleArn: w.RoleArn}
		if _, _, err := in.associate(c, a.ARN); err != nil {
			return err
		}
	}
	return nil
}

// checkAssociations asks for the rights that making associations needs, and
// refuses those that the add-on cannot have. (EKS User Guide, add-ons-iam; real
// texts: terraform-aws-modules/terraform-aws-eks#3520)
func (a *addon) checkAssociations(c *call.Call, wanted []addonAssociation) error {
	if len(wanted) == 0 {
		return nil
	}
	kind := addonKinds[a.Name]
	switch {
	case kind.noPodIdentity:
		return a.invalid("Pod Identity feature is not supported for addon version: " + a.Version)
	case kind.serviceAccounts == nil:
		return call.NotImplemented("eks", c.Operation+" of "+a.Name+" with podIdentityAssociations")
	}
	if err := c.Authorize("eks:CreatePodIdentityAssociation", arn(c, "cluster/"+a.Cluster), nil); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, w := range wanted {
		if !slices.Contains(kind.serviceAccounts, w.ServiceAccount) {
			return a.invalid("Service account " + w.ServiceAccount + " in pod identity configuration is not supported for addon " + a.Name)
		}
		if seen[w.ServiceAccount] {
			return a.invalid("The service account " + w.ServiceAccount + " stands twice in the pod identity configuration.")
		}
		seen[w.ServiceAccount] = true
		if err := passRole(c, w.RoleArn); err != nil {
			return err
		}
	}
	return nil
}

// invalid is a fault of a parameter, with the add-on's name.
func (a *addon) invalid(message string) error {
	e := fail("InvalidParameterException", 0, a.Cluster, message)
	e.Fields["addonName"] = a.Name
	return e
}

// check holds what create and update can set against what is known of EKS.
func (a *addon) check(c *call.Call) error {
	if !versionOfAddon.MatchString(a.Version) {
		return a.invalid("Addon version specified is not supported")
	}
	if a.Role == "" {
		return nil
	}
	if p, ok := parsePrincipal(a.Role); !ok || p.kind != "role" {
		return a.invalid("The serviceAccountRoleArn is not the ARN of a role.")
	}
	return nil
}

// passAddonRole asks whether the caller may hand an add-on its role. Assumption
// addon-role: it is passed to eks.amazonaws.com, and only its ARN's form is
// looked at.
func passAddonRole(c *call.Call, role string) error {
	if role == "" {
		return nil
	}
	return c.Authorize("iam:PassRole", role, map[string][]string{"iam:PassedToService": {"eks.amazonaws.com"}})
}

// addonInput is what names an add-on.
type addonInput struct {
	ClusterName string `json:"clusterName"`
	AddonName   string `json:"addonName"`
}

// load finds the add-on, after the caller's right to the action, which is
// asked for on the add-on's ARN.
func (in addonInput) load(c *call.Call, r store.Reader) (*addon, error) {
	at := key(c, "addon", in.ClusterName, in.AddonName)
	resource, ctx := arn(c, "addon/"+in.ClusterName+"/"+in.AddonName+"/*"), map[string][]string{}
	if a, there := store.Get[addon](c.Tx, bucket, at); there {
		resource = a.ARN
		maps.Copy(ctx, resourceTags(a.Tags))
	}
	if err := c.Authorize("eks:"+c.Operation, resource, ctx); err != nil {
		return nil, err
	}
	if _, err := find(c, r, in.ClusterName); err != nil {
		return nil, err
	}
	a, ok := store.Get[addon](r, bucket, at)
	if !ok || a.gone(c.Now) {
		return nil, in.missing()
	}
	return &a, nil
}

func (in addonInput) missing() error {
	e := fail("ResourceNotFoundException", 404, in.ClusterName, "No addon: "+in.AddonName+" found in cluster: "+in.ClusterName)
	e.Fields["addonName"] = in.AddonName
	return e
}

// free refuses to change an add-on that is being changed. (real text:
// awslabs/cdk-eks-blueprints#447)
func (a *addon) free(now time.Time, verb string) error {
	if status := a.status(now); status != types.AddonStatusActive {
		return inUse(a.Cluster, "Addon "+a.Name+" cannot be "+verb+" as it is currently in "+string(status)+" state")
	}
	return nil
}

func jsonText(v any) string {
	b, _ := json.Marshal(v) // of strings: cannot fail
	return string(b)
}
