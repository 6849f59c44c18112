package eks

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/schemas"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// entry is an access entry with its policies.
type entry struct {
	Cluster     string            `json:"cluster"`
	Principal   string            `json:"principal"`
	PrincipalID string            `json:"principalId"` // the unique id it is bound to, for ever (aws-facts 2.3)
	Type        string            `json:"type"`
	Username    string            `json:"username"`
	Groups      []string          `json:"groups"`
	Tags        map[string]string `json:"tags"`
	ARN         string            `json:"arn"`
	CreatedAt   time.Time         `json:"createdAt"`
	ModifiedAt  time.Time         `json:"modifiedAt"`
	From        time.Time         `json:"from"` // EKS's own entries of a mode change: not there before
	Created     createEntryInput  `json:"created"`
	Policies    []association     `json:"policies"` // sorted by ARN
	AutoMode    bool              `json:"autoMode"` // EKS's own, which can be looked at only
}

func (e *entry) shown() *types.AccessEntry {
	return &types.AccessEntry{
		ClusterName: &e.Cluster, PrincipalArn: &e.Principal, AccessEntryArn: &e.ARN, Type: &e.Type, Username: &e.Username,
		KubernetesGroups: nonNil(e.Groups), Tags: orEmpty(e.Tags), CreatedAt: &e.CreatedAt, ModifiedAt: &e.ModifiedAt,
	}
}

// newEntry makes an entry with what EKS fills in for its type.
func newEntry(c *call.Call, cluster, principalARN, uniqueID, entryType string, p principal, now time.Time) *entry {
	now = now.UTC().Truncate(time.Millisecond)
	e := &entry{
		Cluster: cluster, Principal: principalARN, PrincipalID: uniqueID, Type: entryType, CreatedAt: now, ModifiedAt: now,
		// Assumption entry-arn: a role's path is not in it.
		ARN: arn(c, "access-entry/"+cluster+"/"+p.kind+"/"+p.account+"/"+p.name+"/"+newID()),
	}
	switch entryType {
	case standard:
		e.Username = p.username()
	case "EC2_LINUX", "EC2_WINDOWS", ec2:
		e.Username = "system:node:{{EC2PrivateDNSName}}"
	default:
		e.Username = "system:node:{{SessionName}}"
	}
	if entryType != standard {
		e.Groups = []string{"system:nodes"} // Assumption node-groups: documented for EC2_LINUX alone
	}
	return e
}

func entryKey(c *call.Call, cluster, principalARN string) string {
	return key(c, "entry", cluster, principalARN)
}

func (e *entry) save(c *call.Call) { c.Tx.Put(bucket, entryKey(c, e.Cluster, e.Principal), e) }

// ownEntries makes the entries that EKS makes by itself, to be there from a
// time on: the creator's, who had cluster-admin without one, and that of
// EKS's service-linked role. (aws-facts 2.8) Assumption service-role-entry:
// the latter's type is STANDARD and it shows no policies.
func (k *cluster) ownEntries(c *call.Call, from time.Time) error {
	if k.Cluster.AccessConfig.AuthenticationMode == types.AuthenticationModeConfigMap {
		return nil
	}
	name := *k.Cluster.Name
	account := call.Account{ID: c.Account, Partition: c.Partition}
	role := call.Role{
		Path: "/aws-service-role/eks.amazonaws.com/", Name: "AWSServiceRoleForAmazonEKS", Description: "Allows Amazon EKS to call AWS services on your behalf.",
		Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"eks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
	}
	id, err := c.IAM.EnsureRole(c.Tx, account, role, c.Now)
	if err != nil {
		return err
	}
	add := func(principalARN, uniqueID, entryType string, ofAutoMode bool, policies ...string) {
		p, ok := parsePrincipal(principalARN)
		if !ok || store.Has(c.Tx, bucket, entryKey(c, name, principalARN)) {
			return
		}
		e := newEntry(c, name, principalARN, uniqueID, entryType, p, from)
		e.From, e.AutoMode = from, ofAutoMode
		for _, policy := range policies {
			e.Policies = append(e.Policies, association{
				Policy: policyARN(c, policy), Scope: scope{Type: "cluster"}, AssociatedAt: e.CreatedAt, ModifiedAt: e.CreatedAt,
			})
		}
		e.save(c)
	}
	add("arn:"+c.Partition+":iam::"+c.Account+":role"+role.Path+role.Name, id, standard, false)
	for _, r := range k.autoModeRoles() {
		if id, ok := c.IAM.Principal(c.Tx, r.arn); ok {
			add(r.arn, id, r.entryType, true, r.policies...)
		}
	}
	if b := k.Cluster.AccessConfig.BootstrapClusterCreatorAdminPermissions; b != nil && *b {
		add(k.Creator, k.CreatorID, standard, false, "AmazonEKSClusterAdminPolicy")
	}
	return nil
}

// entryInput is what names an entry.
type entryInput struct {
	ClusterName  string `json:"clusterName"`
	PrincipalArn string `json:"principalArn"`
}

// authorize asks for an action on an entry; one that is not there, or has no
// id yet, is asked for with the part of the ARN that is known.
func (in entryInput) authorize(c *call.Call, ctx map[string][]string) error {
	resource := arn(c, "access-entry/"+in.ClusterName+"/*")
	if e, ok := store.Get[entry](c.Tx, bucket, entryKey(c, in.ClusterName, in.PrincipalArn)); ok {
		resource = e.ARN
	}
	// Assumption condition-keys: the Service Authorization Reference's names.
	full := map[string][]string{"eks:clusterName": {in.ClusterName}, "eks:principalArn": {in.PrincipalArn}}
	maps.Copy(full, ctx)
	return c.Authorize("eks:"+c.Operation, resource, full)
}

// open finds a cluster whose mode has entries.
func open(c *call.Call, r store.Reader, name string) (*cluster, error) {
	k, err := find(c, r, name)
	if err != nil {
		return nil, err
	}
	if k.mode(c.Now) == types.AuthenticationModeConfigMap {
		return nil, fail("InvalidRequestException", http.StatusBadRequest, name, entriesOff)
	}
	return k, nil
}

// load finds the entry, after the caller's right to the action.
func (in entryInput) load(c *call.Call, r store.Reader, ctx map[string][]string) (*entry, error) {
	if err := in.authorize(c, ctx); err != nil {
		return nil, err
	}
	if _, err := open(c, r, in.ClusterName); err != nil {
		return nil, err
	}
	e, ok := store.Get[entry](r, bucket, entryKey(c, in.ClusterName, in.PrincipalArn))
	if !ok || c.Now.Before(e.From) {
		return nil, notFound(in.ClusterName, noEntry)
	}
	return &e, nil
}

// change is load for what changes the entry: those of AWS's own roles and of
// Auto Mode are AWS's.
func (in entryInput) change(c *call.Call, ctx map[string][]string) (*entry, error) {
	e, err := in.load(c, c.Tx, ctx)
	if err != nil {
		return nil, err
	}
	if p, _ := parsePrincipal(e.Principal); p.serviceLinked() {
		return nil, invalid(in.ClusterName, serviceLinked)
	}
	if e.AutoMode { // (EKS User Guide, cluster-auth)
		return nil, fail("InvalidRequestException", http.StatusBadRequest, in.ClusterName, "The access entry belongs to EKS Auto Mode and cannot be modified.")
	}
	return e, nil
}

type createEntryInput struct {
	entryInput
	Type               string            `json:"type,omitempty"`
	Username           string            `json:"username,omitempty"`
	KubernetesGroups   []string          `json:"kubernetesGroups,omitempty"`
	Tags               map[string]string `json:"tags,omitempty"`
	ClientRequestToken string            `json:"clientRequestToken,omitempty"`
}

func (in createEntryInput) equal(o createEntryInput) bool {
	return in.entryInput == o.entryInput && in.Type == o.Type && in.Username == o.Username &&
		slices.Equal(in.KubernetesGroups, o.KubernetesGroups) && maps.Equal(in.Tags, o.Tags) && in.ClientRequestToken == o.ClientRequestToken
}

func (s *Service) createAccessEntry(c *call.Call, in createEntryInput) (shape, error) {
	ctx := map[string][]string{"eks:clusterName": {in.ClusterName}, "eks:principalArn": {in.PrincipalArn}, "eks:accessEntryType": {cmp.Or(in.Type, standard)}}
	maps.Copy(ctx, tagContext(in.Tags))
	if len(in.KubernetesGroups) > 0 {
		ctx["eks:kubernetesGroups"] = in.KubernetesGroups
	}
	if in.Username != "" {
		ctx["eks:username"] = []string{in.Username}
	}
	if err := c.Authorize("eks:CreateAccessEntry", arn(c, "cluster/"+in.ClusterName), ctx); err != nil {
		return nil, err
	}
	if _, err := open(c, c.Tx, in.ClusterName); err != nil {
		return nil, err
	}
	p, id, err := in.check(c)
	if err != nil {
		return nil, err
	}
	if have, ok := store.Get[entry](c.Tx, bucket, entryKey(c, in.ClusterName, in.PrincipalArn)); ok {
		// Assumption idempotent-token.
		if in.ClientRequestToken != "" && have.Created.equal(in) {
			return member(schemas.CreateAccessEntryResponse_accessEntry, have.shown()), nil
		}
		return nil, inUse(in.ClusterName, entryInUse)
	}
	e := newEntry(c, in.ClusterName, in.PrincipalArn, id, cmp.Or(in.Type, standard), p, c.Now)
	e.Created, e.Tags = in, in.Tags
	if e.Type == standard {
		e.Groups, e.Username = in.KubernetesGroups, cmp.Or(in.Username, e.Username)
	}
	e.save(c)
	c.Record(e.ARN, in)
	return member(schemas.CreateAccessEntryResponse_accessEntry, e.shown()), nil
}

func (s *Service) describeAccessEntry(c *call.Call, in entryInput) (shape, error) {
	e, err := in.load(c, c.Seen, nil)
	if err != nil {
		return nil, err
	}
	return member(schemas.DescribeAccessEntryResponse_accessEntry, e.shown()), nil
}

type updateEntryInput struct {
	entryInput
	Username           *string   `json:"username,omitempty"`
	KubernetesGroups   *[]string `json:"kubernetesGroups,omitempty"`
	ClientRequestToken string    `json:"clientRequestToken,omitempty"`
}

func (s *Service) updateAccessEntry(c *call.Call, in updateEntryInput) (shape, error) {
	ctx := map[string][]string{}
	if in.KubernetesGroups != nil {
		ctx["eks:kubernetesGroups"] = *in.KubernetesGroups
	}
	if in.Username != nil {
		ctx["eks:username"] = []string{*in.Username}
	}
	e, err := in.change(c, ctx)
	if err != nil {
		return nil, err
	}
	if e.Type != standard && (in.Username != nil || in.KubernetesGroups != nil) {
		return nil, notSettable(in.ClusterName, e.Type)
	}
	if in.Username != nil {
		if err := checkUsername(in.ClusterName, *in.Username); err != nil {
			return nil, err
		}
		p, _ := parsePrincipal(e.Principal)
		e.Username = cmp.Or(*in.Username, p.username())
	}
	if in.KubernetesGroups != nil {
		if err := checkGroups(in.ClusterName, *in.KubernetesGroups); err != nil {
			return nil, err
		}
		e.Groups = *in.KubernetesGroups // the list is replaced, not added to
	}
	e.ModifiedAt = c.Now.UTC().Truncate(time.Millisecond)
	e.save(c)
	c.Record(e.ARN, in)
	return member(schemas.UpdateAccessEntryResponse_accessEntry, e.shown()), nil
}

func (s *Service) deleteAccessEntry(c *call.Call, in entryInput) (shape, error) {
	e, err := in.change(c, nil)
	if err != nil {
		return nil, err
	}
	c.Tx.Delete(bucket, entryKey(c, in.ClusterName, in.PrincipalArn)) // its policies go with it
	c.Record(e.ARN, in)
	return nil, nil
}

type listEntriesInput struct {
	page
	ClusterName         string `json:"clusterName"`
	AssociatedPolicyArn string `json:"associatedPolicyArn"`
}

func (s *Service) listAccessEntries(c *call.Call, in listEntriesInput) (shape, error) {
	if err := c.Authorize("eks:ListAccessEntries", arn(c, "cluster/"+in.ClusterName), nil); err != nil {
		return nil, err
	}
	if _, err := open(c, c.Seen, in.ClusterName); err != nil {
		return nil, err
	}
	wanted := func(e entry) bool {
		return !c.Now.Before(e.From) && (in.AssociatedPolicyArn == "" || slices.ContainsFunc(e.Policies, func(a association) bool { return a.Policy == in.AssociatedPolicyArn }))
	}
	entries, token, err := take(c, in.page, store.Key("entries", in.ClusterName, in.AssociatedPolicyArn), stored(c.Seen, key(c, "entry", in.ClusterName), wanted))
	if err != nil {
		return nil, err
	}
	arns := make([]string, len(entries))
	for i, e := range entries {
		arns[i] = e.Principal
	}
	return all(texts(schemas.ListAccessEntriesResponse_accessEntries, arns), nextToken(schemas.ListAccessEntriesResponse_nextToken, token)), nil
}
