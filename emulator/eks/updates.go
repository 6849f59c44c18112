package eks

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/schemas"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// update is what is stored of an update: in progress until EndsAt.
type update struct {
	Update types.Update
	Token  string
	EndsAt time.Time
}

func (u *update) at(now time.Time) *types.Update {
	shown := u.Update
	shown.Status = types.UpdateStatusSuccessful
	if now.Before(u.EndsAt) {
		shown.Status = types.UpdateStatusInProgress
	}
	return &shown
}

type updateClusterConfigInput struct {
	Name                        string                           `json:"name"`
	AccessConfig                *types.UpdateAccessConfigRequest `json:"accessConfig,omitempty"`
	ResourcesVpcConfig          *types.VpcConfigRequest          `json:"resourcesVpcConfig,omitempty"`
	Logging                     *types.Logging                   `json:"logging,omitempty"`
	UpgradePolicy               *types.UpgradePolicyRequest      `json:"upgradePolicy,omitempty"`
	DeletionProtection          *bool                            `json:"deletionProtection,omitempty"`
	ClientRequestToken          string                           `json:"clientRequestToken,omitempty"`
	ComputeConfig               any                              `json:"computeConfig,omitempty"`
	ControlPlaneScalingConfig   any                              `json:"controlPlaneScalingConfig,omitempty"`
	KubeApiServerConfig         any                              `json:"kubeApiServerConfig,omitempty"`
	KubeControllerManagerConfig any                              `json:"kubeControllerManagerConfig,omitempty"`
	KubeSchedulerConfig         any                              `json:"kubeSchedulerConfig,omitempty"`
	KubernetesNetworkConfig     any                              `json:"kubernetesNetworkConfig,omitempty"`
	RemoteNetworkConfig         any                              `json:"remoteNetworkConfig,omitempty"`
	StorageConfig               any                              `json:"storageConfig,omitempty"`
	ZonalShiftConfig            any                              `json:"zonalShiftConfig,omitempty"`
}

func (s *Service) updateClusterConfig(c *call.Call, in updateClusterConfigInput) (shape, error) {
	if err := c.Authorize("eks:UpdateClusterConfig", arn(c, "cluster/"+in.Name), in.context()); err != nil {
		return nil, err
	}
	k, err := find(c, c.Tx, in.Name)
	if err != nil {
		return nil, err
	}
	if u, ok := store.Get[update](c.Tx, bucket, key(c, "update", in.Name, k.UpdateID)); ok && in.ClientRequestToken != "" && u.Token == in.ClientRequestToken {
		return member(schemas.UpdateClusterConfigResponse_update, u.at(c.Now)), nil
	}
	change, err := in.change(k)
	if err != nil {
		return nil, err
	}
	switch status := k.status(c.Now); status {
	case types.ClusterStatusActive:
	case types.ClusterStatusUpdating:
		return nil, inUse(in.Name, "Cannot "+string(change.kind)+" because cluster "+in.Name+" currently has update "+k.UpdateID+" in progress")
	default:
		return nil, inUse(in.Name, "Cannot "+string(change.kind)+" because cluster "+in.Name+" is "+string(status))
	}
	u := update{Token: in.ClientRequestToken, EndsAt: c.Now.Add(s.settle), Update: types.Update{
		Id: ptr(newID()), Type: change.kind, Params: change.params, Errors: []types.ErrorDetail{},
		CreatedAt: ptr(c.Now.UTC().Truncate(time.Millisecond)),
	}}
	k.OldMode = k.mode(c.Now)
	k.UpdateID, k.UpdatedAt = *u.Update.Id, u.EndsAt
	change.do()
	if k.OldMode == types.AuthenticationModeConfigMap && change.kind == types.UpdateTypeAccessConfigUpdate {
		if err := k.ownEntries(c, u.EndsAt); err != nil {
			return nil, err
		}
	}
	c.Tx.Put(bucket, key(c, "cluster", in.Name), k)
	c.Tx.Put(bucket, key(c, "update", in.Name, k.UpdateID), u)
	c.Record(*k.Cluster.Arn, in)
	return member(schemas.UpdateClusterConfigResponse_update, u.at(u.EndsAt.Add(-1))), nil
}

func (in *updateClusterConfigInput) context() map[string][]string {
	if in.AccessConfig == nil {
		return nil
	}
	return map[string][]string{"eks:authenticationMode": {string(in.AccessConfig.AuthenticationMode)}}
}

// change is one kind of update: EKS takes one a call.
type change struct {
	kind   types.UpdateType
	params []types.UpdateParam
	do     func()
}

func (in *updateClusterConfigInput) change(k *cluster) (change, error) {
	for name, v := range map[string]any{
		"computeConfig": in.ComputeConfig, "controlPlaneScalingConfig": in.ControlPlaneScalingConfig,
		"kubeApiServerConfig": in.KubeApiServerConfig, "kubeControllerManagerConfig": in.KubeControllerManagerConfig,
		"kubeSchedulerConfig": in.KubeSchedulerConfig, "kubernetesNetworkConfig": in.KubernetesNetworkConfig,
		"remoteNetworkConfig": in.RemoteNetworkConfig, "storageConfig": in.StorageConfig, "zonalShiftConfig": in.ZonalShiftConfig,
	} {
		if v != nil {
			return change{}, call.NotImplemented("eks", "UpdateClusterConfig with "+name)
		}
	}
	var found []change
	if in.AccessConfig != nil {
		c, err := modeChange(k, in.AccessConfig.AuthenticationMode)
		if err != nil {
			return change{}, err
		}
		found = append(found, c)
	}
	if in.ResourcesVpcConfig != nil {
		found = append(found, vpcChange(k, in.ResourcesVpcConfig))
	}
	if in.Logging != nil {
		b, _ := json.Marshal(map[string]any{"clusterLogging": loggingParam(in.Logging)}) // of strings and booleans: cannot fail
		found = append(found, change{types.UpdateTypeLoggingUpdate, params(types.UpdateParamTypeClusterLogging, string(b)),
			func() { k.Cluster.Logging = loggingOf(in.Logging) }})
	}
	if p := in.UpgradePolicy; p != nil {
		found = append(found, change{types.UpdateTypeUpgradePolicyUpdate, params(types.UpdateParamTypeUpgradePolicy, string(p.SupportType)),
			func() { k.Cluster.UpgradePolicy.SupportType = p.SupportType }})
	}
	if in.DeletionProtection != nil {
		found = append(found, change{types.UpdateTypeDeletionProtectionUpdate, params(types.UpdateParamTypeDeletionProtection, strconv.FormatBool(*in.DeletionProtection)),
			func() { k.Cluster.DeletionProtection = in.DeletionProtection }})
	}
	if len(found) != 1 {
		return change{}, invalid(in.Name, "Exactly one type of update is allowed in a request.")
	}
	return found[0], nil
}

// modeChange allows the two steps forward and nothing else. (aws-facts 2.7)
func modeChange(k *cluster, to types.AuthenticationMode) (change, error) {
	name, from := *k.Cluster.Name, k.Cluster.AccessConfig.AuthenticationMode
	if !slices.Contains(to.Values(), to) {
		return change{}, invalid(name, "The authentication mode %q is not valid.", to)
	}
	forward := from == types.AuthenticationModeConfigMap && to == types.AuthenticationModeApiAndConfigMap ||
		from == types.AuthenticationModeApiAndConfigMap && to == types.AuthenticationModeApi
	if !forward {
		return change{}, invalid(name, "Unsupported authentication mode update from %s to %s", from, to)
	}
	return change{types.UpdateTypeAccessConfigUpdate, params(types.UpdateParamTypeAuthenticationMode, string(to)),
		func() { k.Cluster.AccessConfig.AuthenticationMode = to }}, nil
}

func vpcChange(k *cluster, in *types.VpcConfigRequest) change {
	v := k.Cluster.ResourcesVpcConfig
	if in.SubnetIds != nil || in.SecurityGroupIds != nil {
		return change{types.UpdateTypeVpcConfigUpdate,
			append(params(types.UpdateParamTypeSubnets, list(in.SubnetIds)), params(types.UpdateParamTypeSecurityGroups, list(in.SecurityGroupIds))...),
			func() {
				if in.SubnetIds != nil {
					v.SubnetIds = in.SubnetIds
				}
				if in.SecurityGroupIds != nil {
					v.SecurityGroupIds = in.SecurityGroupIds
				}
			}}
	}
	var p []types.UpdateParam
	flag := func(kind types.UpdateParamType, to *bool) {
		if to != nil {
			p = append(p, params(kind, strconv.FormatBool(*to))...)
		}
	}
	flag(types.UpdateParamTypeEndpointPublicAccess, in.EndpointPublicAccess)
	flag(types.UpdateParamTypeEndpointPrivateAccess, in.EndpointPrivateAccess)
	if in.PublicAccessCidrs != nil {
		p = append(p, params(types.UpdateParamTypePublicAccessCidrs, list(in.PublicAccessCidrs))...)
	}
	return change{types.UpdateTypeEndpointAccessUpdate, p, func() {
		if in.EndpointPublicAccess != nil {
			v.EndpointPublicAccess = *in.EndpointPublicAccess
		}
		if in.EndpointPrivateAccess != nil {
			v.EndpointPrivateAccess = *in.EndpointPrivateAccess
		}
		if in.PublicAccessCidrs != nil {
			v.PublicAccessCidrs = in.PublicAccessCidrs
		}
	}}
}

func params(kind types.UpdateParamType, value string) []types.UpdateParam {
	return []types.UpdateParam{{Type: kind, Value: &value}}
}

func list(s []string) string {
	b, _ := json.Marshal(s) // of strings: cannot fail
	return string(b)
}

func loggingParam(l *types.Logging) []map[string]any {
	out := []map[string]any{}
	for _, setup := range l.ClusterLogging {
		out = append(out, map[string]any{"types": setup.Types, "enabled": setup.Enabled})
	}
	return out
}

type describeUpdateInput struct {
	Name          string `json:"name"`
	UpdateID      string `json:"updateId"`
	NodegroupName string `json:"nodegroupName"`
	AddonName     string `json:"addonName"`
}

func (s *Service) describeUpdate(c *call.Call, in describeUpdateInput) (shape, error) {
	if err := c.Authorize("eks:DescribeUpdate", arn(c, "cluster/"+in.Name), nil); err != nil {
		return nil, err
	}
	if err := ofNodegroup(c, in.NodegroupName); err != nil {
		return nil, err
	}
	if _, err := find(c, c.Seen, in.Name); err != nil {
		return nil, err
	}
	u, ok := store.Get[update](c.Seen, bucket, store.Key(updatesOf(c, in.Name, in.AddonName), in.UpdateID))
	if !ok {
		return nil, notFound(in.Name, "No update found for ID: "+in.UpdateID)
	}
	return member(schemas.DescribeUpdateResponse_update, u.at(c.Now)), nil
}

type listUpdatesInput struct {
	page
	Name          string `json:"name"`
	NodegroupName string `json:"nodegroupName"`
	AddonName     string `json:"addonName"`
}

func (s *Service) listUpdates(c *call.Call, in listUpdatesInput) (shape, error) {
	if err := c.Authorize("eks:ListUpdates", arn(c, "cluster/"+in.Name), nil); err != nil {
		return nil, err
	}
	if err := ofNodegroup(c, in.NodegroupName); err != nil {
		return nil, err
	}
	if _, err := find(c, c.Seen, in.Name); err != nil {
		return nil, err
	}
	updates, token, err := take(c, in.page, store.Key("updates", in.Name, in.AddonName), stored(c.Seen, updatesOf(c, in.Name, in.AddonName), func(update) bool { return true }))
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(updates))
	for i, u := range updates {
		ids[i] = *u.Update.Id
	}
	return all(texts(schemas.ListUpdatesResponse_updateIds, ids), nextToken(schemas.ListUpdatesResponse_nextToken, token)), nil
}

// updatesOf is where the updates of a cluster are, or of one of its add-ons.
func updatesOf(c *call.Call, cluster, addon string) string {
	if addon == "" {
		return key(c, "update", cluster)
	}
	return key(c, "addon-update", cluster, addon)
}

// ofNodegroup refuses to look for updates of what the lab does not have.
func ofNodegroup(c *call.Call, name string) error {
	if name != "" {
		return call.NotImplemented("eks", c.Operation+" of node groups")
	}
	return nil
}
