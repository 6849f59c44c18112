package eks

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/schemas"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

type createAddonInput struct {
	addonInput
	AddonVersion            string                             `json:"addonVersion,omitempty"`
	ServiceAccountRoleArn   string                             `json:"serviceAccountRoleArn,omitempty"`
	ResolveConflicts        types.ResolveConflicts             `json:"resolveConflicts,omitempty"`
	ConfigurationValues     *string                            `json:"configurationValues,omitempty"`
	PodIdentityAssociations []addonAssociation                 `json:"podIdentityAssociations,omitempty"`
	NamespaceConfig         *types.AddonNamespaceConfigRequest `json:"namespaceConfig,omitempty"`
	Tags                    map[string]string                  `json:"tags,omitempty"`
	ClientRequestToken      string                             `json:"clientRequestToken,omitempty"`
}

// createAddon makes an add-on that is known by name. What runs in the cluster
// is nobody's business here: configuration values are kept as they are, and
// there are no conflicts to resolve.
func (s *Service) createAddon(c *call.Call, in createAddonInput) (shape, error) {
	if err := c.Authorize("eks:CreateAddon", arn(c, "cluster/"+in.ClusterName), tagContext(in.Tags)); err != nil {
		return nil, err
	}
	if err := passAddonRole(c, in.ServiceAccountRoleArn); err != nil {
		return nil, err
	}
	if _, err := find(c, c.Tx, in.ClusterName); err != nil {
		return nil, err
	}
	kind, known := addonKinds[in.AddonName]
	if !known {
		return nil, call.NotImplemented("eks", "CreateAddon of "+in.AddonName)
	}
	if have, ok := store.Get[addon](c.Tx, bucket, key(c, "addon", in.ClusterName, in.AddonName)); ok && !have.gone(c.Now) {
		if in.ClientRequestToken != "" && jsonText(have.Created) == jsonText(in) { // Assumption idempotent-token
			return member(schemas.CreateAddonResponse_addon, have.at(c, c.Tx, c.Now)), nil
		}
		return nil, inUse(in.ClusterName, "Addon already exists.")
	}
	now := c.Now.UTC().Truncate(time.Millisecond)
	a := &addon{
		Cluster: in.ClusterName, Name: in.AddonName, ARN: arn(c, "addon/"+in.ClusterName+"/"+in.AddonName+"/"+newID()), Version: in.AddonVersion,
		Role: in.ServiceAccountRoleArn, Values: in.ConfigurationValues, Tags: in.Tags, CreatedAt: now, ModifyAt: now, ReadyAt: c.Now.Add(s.settle), Created: in,
	}
	if in.NamespaceConfig != nil && in.NamespaceConfig.Namespace != nil {
		a.Namespace = *in.NamespaceConfig.Namespace
	}
	if a.Version == "" {
		if kind.version == "" {
			return nil, call.NotImplemented("eks", "CreateAddon of "+in.AddonName+" without addonVersion")
		}
		a.Version = kind.version
	}
	if err := a.check(c); err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags, in.ClusterName, "InvalidParameterException"); err != nil {
		return nil, err
	}
	if err := a.associate(c, in.PodIdentityAssociations); err != nil {
		return nil, err
	}
	a.save(c)
	c.Record(a.ARN, in)
	return member(schemas.CreateAddonResponse_addon, a.at(c, c.Tx, a.ReadyAt.Add(-1))), nil
}

func (s *Service) describeAddon(c *call.Call, in addonInput) (shape, error) {
	a, err := in.load(c, c.Seen)
	if err != nil {
		return nil, err
	}
	return member(schemas.DescribeAddonResponse_addon, a.at(c, c.Seen, c.Now)), nil
}

type listAddonsInput struct {
	page
	ClusterName string `json:"clusterName"`
}

func (s *Service) listAddons(c *call.Call, in listAddonsInput) (shape, error) {
	if err := c.Authorize("eks:ListAddons", arn(c, "cluster/"+in.ClusterName), nil); err != nil {
		return nil, err
	}
	if _, err := find(c, c.Seen, in.ClusterName); err != nil {
		return nil, err
	}
	there := func(a addon) bool { return !a.gone(c.Now) }
	found, token, err := take(c, in.page, store.Key("addons", in.ClusterName), stored(c.Seen, key(c, "addon", in.ClusterName), there))
	if err != nil {
		return nil, err
	}
	names := make([]string, len(found))
	for i, a := range found {
		names[i] = a.Name
	}
	return all(texts(schemas.ListAddonsResponse_addons, names), nextToken(schemas.ListAddonsResponse_nextToken, token)), nil
}

type updateAddonInput struct {
	addonInput
	AddonVersion            string                 `json:"addonVersion,omitempty"`
	ServiceAccountRoleArn   *string                `json:"serviceAccountRoleArn,omitempty"`
	ResolveConflicts        types.ResolveConflicts `json:"resolveConflicts,omitempty"`
	ConfigurationValues     *string                `json:"configurationValues,omitempty"`
	PodIdentityAssociations *[]addonAssociation    `json:"podIdentityAssociations,omitempty"` // an empty list takes them away
	ClientRequestToken      string                 `json:"clientRequestToken,omitempty"`
}

// updateAddon changes what is given and keeps the rest.
func (s *Service) updateAddon(c *call.Call, in updateAddonInput) (shape, error) {
	a, err := in.load(c, c.Tx)
	if err != nil {
		return nil, err
	}
	if in.ServiceAccountRoleArn != nil {
		if err := passAddonRole(c, *in.ServiceAccountRoleArn); err != nil {
			return nil, err
		}
	}
	if err := a.free(c.Now, "updated"); err != nil {
		return nil, err
	}
	if in.AddonVersion != "" {
		a.Version = in.AddonVersion
	}
	set(&a.Role, in.ServiceAccountRoleArn)
	if in.ConfigurationValues != nil {
		a.Values = in.ConfigurationValues
	}
	if err := a.check(c); err != nil {
		return nil, err
	}
	if in.PodIdentityAssociations != nil {
		if err := a.associate(c, *in.PodIdentityAssociations); err != nil {
			return nil, err
		}
	}
	now := c.Now.UTC().Truncate(time.Millisecond)
	a.ModifyAt, a.UpdatedAt = now, c.Now.Add(s.settle)
	a.save(c)
	u := update{Token: in.ClientRequestToken, EndsAt: a.UpdatedAt, Update: types.Update{
		Id: ptr(newID()), Type: types.UpdateTypeAddonUpdate, Params: in.params(), Errors: []types.ErrorDetail{}, CreatedAt: &now,
	}}
	c.Tx.Put(bucket, key(c, "addon-update", a.Cluster, a.Name, *u.Update.Id), u)
	c.Record(a.ARN, in)
	return member(schemas.UpdateAddonResponse_update, u.at(u.EndsAt.Add(-1))), nil
}

// params say what an update changes, in the order that AWS's examples have.
func (in *updateAddonInput) params() []types.UpdateParam {
	p := []types.UpdateParam{}
	add := func(kind types.UpdateParamType, value *string) {
		if value != nil {
			p = append(p, types.UpdateParam{Type: kind, Value: value})
		}
	}
	add(types.UpdateParamTypeAddonVersion, orNone(in.AddonVersion))
	add(types.UpdateParamTypeServiceAccountRoleArn, in.ServiceAccountRoleArn)
	add(types.UpdateParamTypeResolveConflicts, orNone(string(in.ResolveConflicts)))
	add(types.UpdateParamTypeConfigurationValues, in.ConfigurationValues)
	if in.PodIdentityAssociations != nil {
		add(types.UpdateParamTypePodIdentityAssociations, ptr(jsonText(*in.PodIdentityAssociations)))
	}
	return p
}

type deleteAddonInput struct {
	addonInput
	Preserve bool `json:"preserve,omitempty"`
}

// deleteAddon takes the add-on's own associations with it. Assumption
// addon-associations: also where its software is preserved.
func (s *Service) deleteAddon(c *call.Call, in deleteAddonInput) (shape, error) {
	a, err := in.load(c, c.Tx)
	if err != nil {
		return nil, err
	}
	if err := a.free(c.Now, "deleted"); err != nil {
		return nil, err
	}
	out := a.at(c, c.Tx, c.Now)
	for _, own := range a.associations(c, c.Tx) {
		own.remove(c)
	}
	a.GoneAt = c.Now.Add(s.settle)
	out.Status = types.AddonStatusDeleting
	if s.settle <= 0 {
		c.Tx.Delete(bucket, key(c, "addon", a.Cluster, a.Name))
	} else {
		a.save(c)
	}
	c.Record(a.ARN, in)
	return member(schemas.DeleteAddonResponse_addon, out), nil
}

// taggedAddon finds the add-on that has an ARN, for its tags.
func taggedAddon(c *call.Call, r store.Reader, cluster, name, resource string) (taggable, bool) {
	a, ok := store.Get[addon](r, bucket, key(c, "addon", cluster, name))
	return taggable{a.Tags, func(tags map[string]string) {
		a.Tags = tags
		a.save(c)
	}}, ok && a.ARN == resource && !a.gone(c.Now)
}
