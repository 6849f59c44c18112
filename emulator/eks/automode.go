package eks

import (
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/atlas-iam/atlas-iam/emulator/call"
)

// autoMode reports whether a cluster is made with EKS Auto Mode; its three
// parts are turned on together or not at all. (real text:
// kubernetes-sigs/cluster-api-provider-aws#5278)
func (in *createClusterInput) autoMode() (bool, error) {
	on := func(b *bool) bool { return b != nil && *b }
	compute := in.ComputeConfig != nil && on(in.ComputeConfig.Enabled)
	storage := in.StorageConfig != nil && in.StorageConfig.BlockStorage != nil && on(in.StorageConfig.BlockStorage.Enabled)
	n := in.KubernetesNetworkConfig
	if network := n != nil && n.ElasticLoadBalancing != nil && on(n.ElasticLoadBalancing.Enabled); compute != storage || compute != network {
		return false, invalid(in.Name, "For EKS Auto Mode, please ensure that all required configs, including computeConfig, kubernetesNetworkConfig, and blockStorage are all either fully enabled or fully disabled.")
	}
	return compute, nil
}

// checkAutoMode holds Auto Mode against what it needs: access entries, no
// add-ons of EKS's own, and a node role where there are node pools. (EKS User
// Guide, automode; aws-facts 2.7; terraform-aws-modules/terraform-aws-eks#3238)
func (in *createClusterInput) checkAutoMode(c *call.Call) error {
	auto, err := in.autoMode()
	if err != nil || !auto {
		return err
	}
	role := in.ComputeConfig.NodeRoleArn
	switch a := in.AccessConfig; {
	case a == nil || a.AuthenticationMode == "" || a.AuthenticationMode == types.AuthenticationModeConfigMap:
		return invalid(in.Name, "EKS Auto Mode needs an authenticationMode of API or API_AND_CONFIG_MAP.")
	case in.BootstrapSelfManagedAddons == nil || *in.BootstrapSelfManagedAddons:
		return invalid(in.Name, "EKS Auto Mode needs bootstrapSelfManagedAddons to be false.")
	case (role == nil) != (len(in.ComputeConfig.NodePools) == 0):
		return invalid(in.Name, "The nodePools and the nodeRoleArn of computeConfig must be given together.")
	case role == nil:
		return nil
	}
	// Assumption auto-mode-role: the node role is passed to EKS.
	if err := c.Authorize("iam:PassRole", *role, map[string][]string{"iam:PassedToService": {"eks.amazonaws.com"}}); err != nil {
		return err
	}
	if p, ok := parsePrincipal(*role); !ok || p.kind != "role" || p.account != c.Account {
		return invalid(in.Name, "The nodeRoleArn %q is not that of a role in account %s.", *role, c.Account)
	}
	if _, ok := c.IAM.Principal(c.Tx, *role); !ok {
		return invalid(in.Name, "The nodeRoleArn %q is not that of a role in account %s.", *role, c.Account)
	}
	return nil
}

// configureAutoMode notes what the cluster was made with, as it was given.
func (in *createClusterInput) configureAutoMode(k *types.Cluster) {
	if compute := in.ComputeConfig; compute != nil {
		k.ComputeConfig = &types.ComputeConfigResponse{Enabled: compute.Enabled, NodePools: compute.NodePools, NodeRoleArn: compute.NodeRoleArn}
	}
	if s := in.StorageConfig; s != nil {
		k.StorageConfig = &types.StorageConfigResponse{BlockStorage: s.BlockStorage}
	}
	if n := in.KubernetesNetworkConfig; n != nil && n.ElasticLoadBalancing != nil {
		k.KubernetesNetworkConfig.ElasticLoadBalancing = n.ElasticLoadBalancing
	}
}

// autoModeRoles gives the roles that Auto Mode has entries for, with their
// types and policies. (aws-facts 2.8) Assumption auto-mode-entries: the
// cluster role's is of type STANDARD, and all reach over the whole cluster.
func (k *cluster) autoModeRoles() []autoModeRole {
	compute := k.Cluster.ComputeConfig
	if compute == nil || compute.Enabled == nil || !*compute.Enabled {
		return nil
	}
	roles := []autoModeRole{{*k.Cluster.RoleArn, standard, []string{
		"AmazonEKSBlockStorageClusterPolicy", "AmazonEKSBlockStoragePolicy", "AmazonEKSComputeClusterPolicy", "AmazonEKSComputePolicy",
		"AmazonEKSLoadBalancingClusterPolicy", "AmazonEKSLoadBalancingPolicy", "AmazonEKSNetworkingClusterPolicy", "AmazonEKSNetworkingPolicy",
	}}}
	if compute.NodeRoleArn != nil {
		roles = append(roles, autoModeRole{*compute.NodeRoleArn, ec2, []string{"AmazonEKSAutoNodePolicy"}})
	}
	return roles
}

type autoModeRole struct {
	arn, entryType string
	policies       []string // names, sorted
}
