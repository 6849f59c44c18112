package eks

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/schemas"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/smithy-go"

	"github.com/atlas-iam/atlas-iam/emulator/call"
	"github.com/atlas-iam/atlas-iam/emulator/store"
)

// cluster is what is stored of a cluster. Its status follows from times, so
// that nothing needs to run in the background.
type cluster struct {
	Cluster   types.Cluster
	Creator   string    // principal's ARN; gets an entry once entries are on
	CreatorID string    //
	Token     string    // of the creation
	ReadyAt   time.Time // creating until then
	GoneAt    time.Time // deleting, and gone then; zero: not being deleted
	UpdateID  string    // the last update
	UpdatedAt time.Time // updating until then
	OldMode   types.AuthenticationMode
	Awaits    bool   // creating until its API server serves
	Failure   string // why it never did; empty: it did, or has none
}

// gone reports whether it was deleted.
func (k *cluster) gone(now time.Time) bool { return !k.GoneAt.IsZero() && !now.Before(k.GoneAt) }

// defaultVersion is the Kubernetes version of a cluster that names none.
// Assumption default-version: it moves with AWS; the lab's stands.
const defaultVersion = "1.33"

var (
	clusterName = regexp.MustCompile(`^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$`)
	versionForm = regexp.MustCompile(`^1\.[0-9]{2}$`)
)

// status at a time.
func (k *cluster) status(now time.Time) types.ClusterStatus {
	switch {
	case !k.GoneAt.IsZero():
		return types.ClusterStatusDeleting
	case k.Failure != "":
		return types.ClusterStatusFailed
	case k.Awaits, now.Before(k.ReadyAt):
		return types.ClusterStatusCreating
	case now.Before(k.UpdatedAt):
		return types.ClusterStatusUpdating
	}
	return types.ClusterStatusActive
}

// mode in force at a time: a change counts when its update has ended.
func (k *cluster) mode(now time.Time) types.AuthenticationMode {
	if k.OldMode != "" && now.Before(k.UpdatedAt) {
		return k.OldMode
	}
	return k.Cluster.AccessConfig.AuthenticationMode
}

// at is the cluster as EKS shows it at a time: without endpoint, certificate
// and issuer while it is being made, or could not be.
func (k *cluster) at(now time.Time) *types.Cluster {
	c := k.Cluster
	c.Status = k.status(now)
	access := *c.AccessConfig
	access.AuthenticationMode = k.mode(now)
	c.AccessConfig = &access
	if k.Failure != "" {
		c.Health = &types.ClusterHealth{Issues: []types.ClusterIssue{{Code: types.ClusterIssueCodeInternalFailure, Message: &k.Failure}}}
	}
	if c.Status == types.ClusterStatusCreating || c.Status == types.ClusterStatusFailed {
		c.Endpoint, c.Identity, c.CertificateAuthority = nil, nil, &types.Certificate{}
	}
	return &c
}

// find gives a cluster that is there for r at the call's time.
func find(c *call.Call, r store.Reader, name string) (*cluster, error) {
	k, ok := store.Get[cluster](r, bucket, key(c, "cluster", name))
	if !ok || k.gone(c.Now) {
		return nil, noCluster(name)
	}
	return &k, nil
}

type createClusterInput struct {
	Name                        string                                `json:"name"`
	RoleArn                     string                                `json:"roleArn"`
	ResourcesVpcConfig          *types.VpcConfigRequest               `json:"resourcesVpcConfig"`
	AccessConfig                *types.CreateAccessConfigRequest      `json:"accessConfig"`
	ClientRequestToken          string                                `json:"clientRequestToken"`
	DeletionProtection          *bool                                 `json:"deletionProtection"`
	EncryptionConfig            []types.EncryptionConfig              `json:"encryptionConfig"`
	KubernetesNetworkConfig     *types.KubernetesNetworkConfigRequest `json:"kubernetesNetworkConfig"`
	Logging                     *types.Logging                        `json:"logging"`
	Tags                        map[string]string                     `json:"tags"`
	UpgradePolicy               *types.UpgradePolicyRequest           `json:"upgradePolicy"`
	Version                     string                                `json:"version"`
	BootstrapSelfManagedAddons  *bool                                 `json:"bootstrapSelfManagedAddons"`
	ComputeConfig               *types.ComputeConfigRequest           `json:"computeConfig"`
	ControlPlaneScalingConfig   any                                   `json:"controlPlaneScalingConfig"`
	KubeApiServerConfig         any                                   `json:"kubeApiServerConfig"`
	KubeControllerManagerConfig any                                   `json:"kubeControllerManagerConfig"`
	KubeSchedulerConfig         any                                   `json:"kubeSchedulerConfig"`
	OutpostConfig               any                                   `json:"outpostConfig"`
	RemoteNetworkConfig         any                                   `json:"remoteNetworkConfig"`
	StorageConfig               *types.StorageConfigRequest           `json:"storageConfig"`
	ZonalShiftConfig            any                                   `json:"zonalShiftConfig"`
}

// unbuilt names a member that asks for what the lab does not have.
func (in *createClusterInput) unbuilt() string {
	for name, v := range map[string]any{
		"controlPlaneScalingConfig": in.ControlPlaneScalingConfig,
		"kubeApiServerConfig":       in.KubeApiServerConfig, "kubeControllerManagerConfig": in.KubeControllerManagerConfig,
		"kubeSchedulerConfig": in.KubeSchedulerConfig, "outpostConfig": in.OutpostConfig,
		"remoteNetworkConfig": in.RemoteNetworkConfig, "zonalShiftConfig": in.ZonalShiftConfig,
	} {
		if v != nil {
			return name
		}
	}
	return ""
}

func (s *Service) createCluster(c *call.Call, in createClusterInput) (shape, error) {
	if name := in.unbuilt(); name != "" {
		return nil, call.NotImplemented("eks", "CreateCluster with "+name)
	}
	if err := c.Authorize("eks:CreateCluster", arn(c, "cluster/"+in.Name), tagContext(in.Tags)); err != nil {
		return nil, err
	}
	if err := c.Authorize("iam:PassRole", in.RoleArn, map[string][]string{"iam:PassedToService": {"eks.amazonaws.com"}}); err != nil {
		return nil, err
	}
	if err := in.check(c); err != nil {
		return nil, err
	}
	if k, err := find(c, c.Tx, in.Name); err == nil {
		if in.ClientRequestToken != "" && k.Token == in.ClientRequestToken {
			return clusterMember(schemas.CreateClusterResponse_cluster, k.at(c.Now)), nil
		}
		return nil, inUse(in.Name, "Cluster already exists with name: "+in.Name)
	}
	k, err := s.newCluster(c, in)
	if err != nil {
		return nil, err
	}
	if err := k.ownEntries(c, c.Now); err != nil {
		return nil, err
	}
	c.Tx.Put(bucket, key(c, "cluster", in.Name), k)
	c.Record(*k.Cluster.Arn, in)
	return clusterMember(schemas.CreateClusterResponse_cluster, k.at(k.ReadyAt.Add(-1))), nil
}

func (in *createClusterInput) check(c *call.Call) error {
	if !clusterName.MatchString(in.Name) {
		return invalid("", "The cluster name %q must be 1 to 100 letters, digits, hyphens and underscores, and begin with a letter or digit.", in.Name)
	}
	if in.ResourcesVpcConfig == nil || len(in.ResourcesVpcConfig.SubnetIds) < 2 {
		return invalid(in.Name, "Subnets specified must be in at least two different AZs")
	}
	if p, ok := parsePrincipal(in.RoleArn); !ok || p.kind != "role" || p.account != c.Account {
		return invalid(in.Name, "The role ARN %q is not that of a role in account %s.", in.RoleArn, c.Account)
	}
	if _, ok := c.IAM.Principal(c.Tx, in.RoleArn); !ok {
		return invalid(in.Name, "Role with arn: %s, could not be assumed because it does not exist or the trusted entity is not correct", in.RoleArn)
	}
	if in.Version != "" && !versionForm.MatchString(in.Version) {
		return invalid(in.Name, "unsupported Kubernetes version")
	}
	if a := in.AccessConfig; a != nil && a.AuthenticationMode != "" && !slices.Contains(a.AuthenticationMode.Values(), a.AuthenticationMode) {
		return invalid(in.Name, "The authentication mode %q is not valid.", a.AuthenticationMode)
	}
	if err := in.checkAutoMode(c); err != nil {
		return err
	}
	return checkTags(in.Tags, in.Name, "InvalidParameterException")
}

// newCluster fills in what EKS fills in. Identifiers of the network are made
// up, for the lab has no EC2.
func (s *Service) newCluster(c *call.Call, in createClusterInput) (*cluster, error) {
	id := strings.ToUpper(randomHex(16))
	domain := "amazonaws.com"
	if c.Partition == "aws-cn" {
		domain = "amazonaws.com.cn"
	}
	ca, err := newCA(c.Now)
	if err != nil {
		return nil, err
	}
	access := types.AccessConfigResponse{AuthenticationMode: types.AuthenticationModeConfigMap, BootstrapClusterCreatorAdminPermissions: ptr(true)}
	if a := in.AccessConfig; a != nil {
		access.AuthenticationMode = cmp.Or(a.AuthenticationMode, access.AuthenticationMode)
		if a.BootstrapClusterCreatorAdminPermissions != nil {
			access.BootstrapClusterCreatorAdminPermissions = a.BootstrapClusterCreatorAdminPermissions
		}
	}
	upgrade := types.UpgradePolicyResponse{SupportType: types.SupportTypeExtended}
	if in.UpgradePolicy != nil {
		upgrade.SupportType = cmp.Or(in.UpgradePolicy.SupportType, upgrade.SupportType)
	}
	protected := in.DeletionProtection
	if protected == nil {
		protected = ptr(false)
	}
	k := &cluster{
		Creator: c.Caller.PrincipalARN, CreatorID: c.Caller.PrincipalID, Token: in.ClientRequestToken, ReadyAt: c.Now.Add(s.settle), Awaits: s.awaits,
		Cluster: types.Cluster{
			Name: &in.Name, Arn: ptr(arn(c, "cluster/"+in.Name)), RoleArn: &in.RoleArn,
			CreatedAt: ptr(c.Now.UTC().Truncate(time.Millisecond)),
			Version:   ptr(cmp.Or(in.Version, defaultVersion)), PlatformVersion: ptr("eks.1"),
			Endpoint:                ptr("https://" + id + ".gr7." + c.Region + ".eks." + domain),
			Identity:                &types.Identity{Oidc: &types.OIDC{Issuer: ptr("https://oidc.eks." + c.Region + "." + domain + "/id/" + id)}},
			CertificateAuthority:    &types.Certificate{Data: &ca},
			ResourcesVpcConfig:      vpcConfig(in.ResourcesVpcConfig),
			KubernetesNetworkConfig: networkConfig(in.KubernetesNetworkConfig),
			Logging:                 loggingOf(in.Logging),
			AccessConfig:            &access, UpgradePolicy: &upgrade, DeletionProtection: protected,
			EncryptionConfig: in.EncryptionConfig,
			Health:           &types.ClusterHealth{Issues: []types.ClusterIssue{}},
			Tags:             orEmpty(in.Tags),
		},
	}
	in.configureAutoMode(&k.Cluster)
	return k, nil
}

func vpcConfig(in *types.VpcConfigRequest) *types.VpcConfigResponse {
	v := &types.VpcConfigResponse{
		SubnetIds: in.SubnetIds, SecurityGroupIds: in.SecurityGroupIds, PublicAccessCidrs: in.PublicAccessCidrs,
		VpcId: ptr("vpc-0" + randomHex(8)), ClusterSecurityGroupId: ptr("sg-0" + randomHex(8)),
		EndpointPublicAccess: in.EndpointPublicAccess == nil || *in.EndpointPublicAccess,
	}
	if in.EndpointPrivateAccess != nil {
		v.EndpointPrivateAccess = *in.EndpointPrivateAccess
	}
	if v.SecurityGroupIds == nil {
		v.SecurityGroupIds = []string{}
	}
	if len(v.PublicAccessCidrs) == 0 {
		v.PublicAccessCidrs = []string{"0.0.0.0/0"}
	}
	return v
}

func networkConfig(in *types.KubernetesNetworkConfigRequest) *types.KubernetesNetworkConfigResponse {
	n := &types.KubernetesNetworkConfigResponse{
		IpFamily: types.IpFamilyIpv4, ServiceIpv4Cidr: ptr("10.100.0.0/16"),
		ElasticLoadBalancing: &types.ElasticLoadBalancing{Enabled: ptr(false)},
	}
	if in == nil {
		return n
	}
	n.IpFamily = cmp.Or(in.IpFamily, n.IpFamily)
	if in.ServiceIpv4Cidr != nil {
		if _, err := netip.ParsePrefix(*in.ServiceIpv4Cidr); err == nil {
			n.ServiceIpv4Cidr = in.ServiceIpv4Cidr
		}
	}
	if n.IpFamily == types.IpFamilyIpv6 {
		n.ServiceIpv4Cidr, n.ServiceIpv6Cidr = nil, ptr("fd00:"+randomHex(2)+"::/108")
	}
	return n
}

// loggingOf gives the complement too: EKS lists the types that are on and
// those that are off.
func loggingOf(in *types.Logging) *types.Logging {
	var on, off []types.LogType
	for _, t := range types.LogType("").Values() {
		enabled := in != nil && slices.ContainsFunc(in.ClusterLogging, func(l types.LogSetup) bool {
			return l.Enabled != nil && *l.Enabled && slices.Contains(l.Types, t)
		})
		if enabled {
			on = append(on, t)
		} else {
			off = append(off, t)
		}
	}
	out := &types.Logging{}
	if len(on) > 0 {
		out.ClusterLogging = append(out.ClusterLogging, types.LogSetup{Enabled: ptr(true), Types: on})
	}
	if len(off) > 0 {
		out.ClusterLogging = append(out.ClusterLogging, types.LogSetup{Enabled: ptr(false), Types: off})
	}
	return out
}

type nameInput struct {
	Name string `json:"name"`
}

func (s *Service) describeCluster(c *call.Call, in nameInput) (shape, error) {
	if err := c.Authorize("eks:DescribeCluster", arn(c, "cluster/"+in.Name), nil); err != nil {
		return nil, err
	}
	k, err := find(c, c.Seen, in.Name)
	if err != nil {
		return nil, err
	}
	return clusterMember(schemas.DescribeClusterResponse_cluster, s.shown(c, k)), nil
}

func (s *Service) listClusters(c *call.Call, in page) (shape, error) {
	if err := c.Authorize("eks:ListClusters", "*", nil); err != nil {
		return nil, err
	}
	there := func(k cluster) bool { return !k.gone(c.Now) }
	clusters, token, err := take(c, in, "clusters", stored(c.Seen, key(c, "cluster"), there))
	if err != nil {
		return nil, err
	}
	names := make([]string, len(clusters))
	for i, k := range clusters {
		names[i] = *k.Cluster.Name
	}
	return all(texts(schemas.ListClustersResponse_clusters, names), nextToken(schemas.ListClustersResponse_nextToken, token)), nil
}

func (s *Service) deleteCluster(c *call.Call, in nameInput) (shape, error) {
	if err := c.Authorize("eks:DeleteCluster", arn(c, "cluster/"+in.Name), nil); err != nil {
		return nil, err
	}
	k, err := find(c, c.Tx, in.Name)
	if err != nil {
		return nil, err
	}
	if p := k.Cluster.DeletionProtection; p != nil && *p {
		return nil, fail("InvalidRequestException", 0, in.Name, "The cluster cannot be deleted while deletion protection is on.")
	}
	if status := k.status(c.Now); status != types.ClusterStatusActive && status != types.ClusterStatusFailed {
		return nil, inUse(in.Name, "Cluster "+in.Name+" is "+string(status)+".")
	}
	// Assumption entries-go-with-cluster.
	for _, kind := range []string{"entry", "update", "association", "association-of", "addon", "addon-update"} {
		var keys []string
		for k := range store.List[json.RawMessage](c.Tx, bucket, key(c, kind, in.Name), "") {
			keys = append(keys, k)
		}
		for _, k := range keys {
			c.Tx.Delete(bucket, k)
		}
	}
	k.GoneAt = c.Now.Add(s.settle)
	if s.settle <= 0 {
		c.Tx.Delete(bucket, key(c, "cluster", in.Name))
	} else {
		c.Tx.Put(bucket, key(c, "cluster", in.Name), k)
	}
	c.Record(*k.Cluster.Arn, in)
	return clusterMember(schemas.DeleteClusterResponse_cluster, s.shown(c, k)), nil
}

// clusterMember writes a cluster. The SDK's types leave out booleans that are
// false where they are no pointers; EKS shows them.
func clusterMember(schema *smithy.Schema, c *types.Cluster) shape {
	return func(s smithy.ShapeSerializer) { member(schema, c)(endpointFlags{s, c.ResourcesVpcConfig}) }
}

type endpointFlags struct {
	smithy.ShapeSerializer
	vpc *types.VpcConfigResponse
}

func (f endpointFlags) WriteStruct(s *smithy.Schema) {
	f.ShapeSerializer.WriteStruct(s)
	if s != schemas.Cluster_resourcesVpcConfig {
		return
	}
	if !f.vpc.EndpointPublicAccess {
		f.WriteBool(schemas.VpcConfigResponse_endpointPublicAccess, false)
	}
	if !f.vpc.EndpointPrivateAccess {
		f.WriteBool(schemas.VpcConfigResponse_endpointPrivateAccess, false)
	}
}
