package eks_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/google/go-cmp/cmp"

	"github.com/atlas-iam/atlas-iam/emulator/call"
)

const agent = "eks-pod-identity-agent"

func (l *lab) addon(name string) *types.Addon {
	l.Helper()
	out, err := l.DescribeAddon(l.ctx, &sdk.DescribeAddonInput{ClusterName: aws.String("dev"), AddonName: &name})
	l.must(err)
	return out.Addon
}

// shows: item S83
func TestTheJourneyOfTheAgentAddon(t *testing.T) {
	l := newLab(t, time.Minute, 0)
	l.cluster("dev", types.AuthenticationModeApi)
	l.now = l.now.Add(time.Minute)
	_, err := l.DescribeAddon(l.ctx, &sdk.DescribeAddonInput{ClusterName: aws.String("dev"), AddonName: aws.String(agent)})
	l.refused(err, "ResourceNotFoundException", "No addon: eks-pod-identity-agent found in cluster: dev")

	made, err := l.CreateAddon(l.ctx, &sdk.CreateAddonInput{ClusterName: aws.String("dev"), AddonName: aws.String(agent), ConfigurationValues: aws.String("{}"), Tags: map[string]string{"a": "b"}})
	l.must(err)
	a := made.Addon
	if a.Status != types.AddonStatusCreating || !strings.HasPrefix(*a.AddonArn, "arn:aws:eks:us-west-2:"+account+":addon/dev/"+agent+"/") || !strings.HasPrefix(*a.AddonVersion, "v1.") || *a.ConfigurationValues != "{}" || a.Health == nil || !cmp.Equal(map[string]string{"a": "b"}, a.Tags) {
		t.Errorf("made %+v", a)
	}
	_, err = l.CreateAddon(l.ctx, &sdk.CreateAddonInput{ClusterName: aws.String("dev"), AddonName: aws.String(agent)})
	l.refused(err, "ResourceInUseException", "Addon already exists.")
	version := &sdk.UpdateAddonInput{ClusterName: aws.String("dev"), AddonName: aws.String(agent), AddonVersion: aws.String("v1.3.9-eksbuild.1")}
	_, err = l.UpdateAddon(l.ctx, version)
	l.refused(err, "ResourceInUseException", "Addon eks-pod-identity-agent cannot be updated as it is currently in CREATING state")
	l.now = l.now.Add(time.Minute)
	if a := l.addon(agent); a.Status != types.AddonStatusActive {
		t.Errorf("after a minute it is %s", a.Status)
	}

	up, err := l.UpdateAddon(l.ctx, version)
	l.must(err)
	if up.Update.Status != types.UpdateStatusInProgress || up.Update.Type != types.UpdateTypeAddonUpdate || len(up.Update.Params) != 1 || *up.Update.Params[0].Value != "v1.3.9-eksbuild.1" {
		t.Errorf("update %+v", up.Update)
	}
	if a := l.addon(agent); a.Status != types.AddonStatusUpdating || *a.AddonVersion != "v1.3.9-eksbuild.1" || *a.ConfigurationValues != "{}" {
		t.Errorf("being updated it is %+v", a)
	}
	l.now = l.now.Add(time.Minute)
	done, err := l.DescribeUpdate(l.ctx, &sdk.DescribeUpdateInput{Name: aws.String("dev"), AddonName: aws.String(agent), UpdateId: up.Update.Id})
	l.must(err)
	if done.Update.Status != types.UpdateStatusSuccessful {
		t.Errorf("the update is %s", done.Update.Status)
	}
	_, err = l.DescribeUpdate(l.ctx, &sdk.DescribeUpdateInput{Name: aws.String("dev"), UpdateId: up.Update.Id})
	l.refused(err, "ResourceNotFoundException", "") // it is none of the cluster's
	ids, err := l.ListUpdates(l.ctx, &sdk.ListUpdatesInput{Name: aws.String("dev"), AddonName: aws.String(agent)})
	l.must(err)
	if d := cmp.Diff([]string{*up.Update.Id}, ids.UpdateIds); d != "" {
		t.Error(d)
	}

	_, err = l.TagResource(l.ctx, &sdk.TagResourceInput{ResourceArn: a.AddonArn, Tags: map[string]string{"c": "d"}})
	l.must(err)
	gone, err := l.DeleteAddon(l.ctx, &sdk.DeleteAddonInput{ClusterName: aws.String("dev"), AddonName: aws.String(agent)})
	l.must(err)
	if gone.Addon.Status != types.AddonStatusDeleting || len(gone.Addon.Tags) != 2 {
		t.Errorf("deleted %+v", gone.Addon)
	}
	list := func() []string {
		out, err := l.ListAddons(l.ctx, &sdk.ListAddonsInput{ClusterName: aws.String("dev")})
		l.must(err)
		return out.Addons
	}
	if d := cmp.Diff([]string{agent}, list()); d != "" {
		t.Error("being deleted:", d)
	}
	l.now = l.now.Add(time.Minute)
	if got := list(); len(got) != 0 {
		t.Errorf("deleted, and listed: %v", got)
	}
	_, err = l.CreateAddon(l.ctx, &sdk.CreateAddonInput{ClusterName: aws.String("dev"), AddonName: aws.String(agent)})
	l.must(err)
}

// shows: item S83
func TestAnAddonsOwnAssociationsAreTheAddons(t *testing.T) {
	l := newLab(t, 0, 0)
	l.iam.Add(loki, yace)
	l.cluster("dev", types.AuthenticationModeApi)
	in := &sdk.CreateAddonInput{
		ClusterName: aws.String("dev"), AddonName: aws.String("aws-ebs-csi-driver"), AddonVersion: aws.String("v1.40.0-eksbuild.1"),
		PodIdentityAssociations: []types.AddonPodIdentityAssociations{{ServiceAccount: aws.String("ebs-csi-controller-sa"), RoleArn: aws.String(loki)}},
	}
	made, err := l.CreateAddon(l.ctx, in)
	l.must(err)
	if len(made.Addon.PodIdentityAssociations) != 1 {
		t.Fatalf("made %+v", made.Addon)
	}
	list, err := l.ListPodIdentityAssociations(l.ctx, &sdk.ListPodIdentityAssociationsInput{ClusterName: aws.String("dev")})
	l.must(err)
	own := list.Associations[0]
	if *own.AssociationArn != made.Addon.PodIdentityAssociations[0] || *own.OwnerArn != *made.Addon.AddonArn || *own.Namespace != "kube-system" {
		t.Errorf("the add-on's association is %+v", own)
	}
	of := func() *types.PodIdentityAssociation {
		out, err := l.DescribePodIdentityAssociation(l.ctx, &sdk.DescribePodIdentityAssociationInput{ClusterName: aws.String("dev"), AssociationId: own.AssociationId})
		l.must(err)
		return out.Association
	}
	_, err = l.UpdatePodIdentityAssociation(l.ctx, &sdk.UpdatePodIdentityAssociationInput{ClusterName: aws.String("dev"), AssociationId: own.AssociationId, RoleArn: aws.String(yace)})
	l.refused(err, "InvalidRequestException", "owned by the add-on")
	_, err = l.DeletePodIdentityAssociation(l.ctx, &sdk.DeletePodIdentityAssociationInput{ClusterName: aws.String("dev"), AssociationId: own.AssociationId})
	l.refused(err, "InvalidRequestException", "owned by the add-on")
	in2 := identity(func(in *sdk.CreatePodIdentityAssociationInput) {
		in.Namespace, in.ServiceAccount = aws.String("kube-system"), aws.String("ebs-csi-controller-sa")
	})
	_, err = l.CreatePodIdentityAssociation(l.ctx, in2)
	l.refused(err, "ResourceInUseException", "Association already exists: "+*own.AssociationId)

	update := func(associations []types.AddonPodIdentityAssociations) error {
		_, err := l.UpdateAddon(l.ctx, &sdk.UpdateAddonInput{ClusterName: aws.String("dev"), AddonName: in.AddonName, PodIdentityAssociations: associations})
		return err
	}
	l.must(update(nil)) // nothing is said of them
	l.must(update([]types.AddonPodIdentityAssociations{{ServiceAccount: aws.String("ebs-csi-controller-sa"), RoleArn: aws.String(yace)}}))
	if a := of(); *a.RoleArn != yace || *a.OwnerArn != *made.Addon.AddonArn {
		t.Errorf("through the add-on it became %+v", a)
	}
	l.must(update([]types.AddonPodIdentityAssociations{}))
	if got := l.associations(sdk.ListPodIdentityAssociationsInput{}); len(got) != 0 || len(l.addon(*in.AddonName).PodIdentityAssociations) != 0 {
		t.Errorf("none are wanted, there are %v", got)
	}
	l.must(update([]types.AddonPodIdentityAssociations{{ServiceAccount: aws.String("ebs-csi-controller-sa"), RoleArn: aws.String(yace)}}))
	_, err = l.CreatePodIdentityAssociation(l.ctx, identity())
	l.must(err)
	_, err = l.DeleteAddon(l.ctx, &sdk.DeleteAddonInput{ClusterName: aws.String("dev"), AddonName: in.AddonName, Preserve: true})
	l.must(err)
	if d := cmp.Diff([]string{"ops-monitoring-ns/loki-sa"}, l.associations(sdk.ListPodIdentityAssociationsInput{})); d != "" {
		t.Error("the add-on is gone:", d)
	}
}

// shows: item S83
func TestAnAddonIsRefusedWhatEKSRefusesAndTheLabDoesNotKnow(t *testing.T) {
	l := newLab(t, 0, 0)
	l.iam.Add(loki)
	l.cluster("dev", types.AuthenticationModeApi)
	own := func(sa, role string) []types.AddonPodIdentityAssociations {
		return []types.AddonPodIdentityAssociations{{ServiceAccount: &sa, RoleArn: &role}}
	}
	for _, c := range []struct {
		name       string
		in         sdk.CreateAddonInput
		code, text string
	}{
		{"a version of no version's form", sdk.CreateAddonInput{AddonName: aws.String(agent), AddonVersion: aws.String("latest")}, "InvalidParameterException", "Addon version specified is not supported"},
		{"the agent's own association", sdk.CreateAddonInput{AddonName: aws.String(agent), PodIdentityAssociations: own("eks-pod-identity-agent", loki)}, "InvalidParameterException", "Pod Identity feature is not supported for addon version: v1.3.10-eksbuild.1"},
		{"a ServiceAccount of another's", sdk.CreateAddonInput{AddonName: aws.String("vpc-cni"), AddonVersion: aws.String("v1.18.0-eksbuild.1"), PodIdentityAssociations: own("default", loki)},
			"InvalidParameterException", "Service account default in pod identity configuration is not supported for addon vpc-cni"},
		{"a role that is not there", sdk.CreateAddonInput{AddonName: aws.String("vpc-cni"), AddonVersion: aws.String("v1.18.0-eksbuild.1"), PodIdentityAssociations: own("aws-node", yace)},
			"InvalidParameterException", "Role provided in the request does not exist."},
		{"an add-on that the lab does not know", sdk.CreateAddonInput{AddonName: aws.String("my-eks-addon")}, call.NotImplementedCode, "my-eks-addon"},
		{"one whose default nobody knows", sdk.CreateAddonInput{AddonName: aws.String("vpc-cni")}, call.NotImplementedCode, "without addonVersion"},
		{"(legal) the same with a version", sdk.CreateAddonInput{AddonName: aws.String("vpc-cni"), AddonVersion: aws.String("v1.18.0-eksbuild.1"), PodIdentityAssociations: own("aws-node", loki),
			ServiceAccountRoleArn: aws.String(loki), ResolveConflicts: types.ResolveConflictsOverwrite}, "", ""},
	} {
		c.in.ClusterName = aws.String("dev")
		_, err := l.CreateAddon(l.ctx, &c.in)
		if c.code == "" {
			l.must(err)
			continue
		}
		l.refused(err, c.code, c.text)
		if out, _ := l.DescribeAddon(l.ctx, &sdk.DescribeAddonInput{ClusterName: c.in.ClusterName, AddonName: c.in.AddonName}); out != nil {
			t.Errorf("%s: refused, and there", c.name)
		}
	}
	l.iam.Deny("eks:CreatePodIdentityAssociation")
	_, err := l.UpdateAddon(l.ctx, &sdk.UpdateAddonInput{ClusterName: aws.String("dev"), AddonName: aws.String("vpc-cni"), PodIdentityAssociations: own("aws-node", loki)})
	l.refused(err, "AccessDeniedException", "eks:CreatePodIdentityAssociation")
}

// shows: item S83
func TestAnAutoModeClusterShowsWhatItWasMadeWith(t *testing.T) {
	l := newLab(t, 0, 0)
	on := aws.Bool(true)
	input := func(changes ...func(*sdk.CreateClusterInput)) *sdk.CreateClusterInput {
		in := &sdk.CreateClusterInput{
			Name: aws.String("auto"), RoleArn: aws.String(clusterRole), ResourcesVpcConfig: &types.VpcConfigRequest{SubnetIds: []string{"subnet-1", "subnet-2"}},
			AccessConfig: &types.CreateAccessConfigRequest{AuthenticationMode: types.AuthenticationModeApi}, BootstrapSelfManagedAddons: aws.Bool(false),
			ComputeConfig:           &types.ComputeConfigRequest{Enabled: on, NodePools: []string{"general-purpose"}, NodeRoleArn: aws.String(nodes)},
			StorageConfig:           &types.StorageConfigRequest{BlockStorage: &types.BlockStorage{Enabled: on}},
			KubernetesNetworkConfig: &types.KubernetesNetworkConfigRequest{ElasticLoadBalancing: &types.ElasticLoadBalancing{Enabled: on}},
		}
		for _, f := range changes {
			f(in)
		}
		return in
	}
	const together = "For EKS Auto Mode, please ensure that all required configs, including computeConfig, kubernetesNetworkConfig, and blockStorage are all either fully enabled or fully disabled."
	for text, change := range map[string]func(*sdk.CreateClusterInput){
		together:                     func(in *sdk.CreateClusterInput) { in.StorageConfig = nil },
		"authenticationMode":         func(in *sdk.CreateClusterInput) { in.AccessConfig = nil },
		"bootstrapSelfManagedAddons": func(in *sdk.CreateClusterInput) { in.BootstrapSelfManagedAddons = nil },
		"given together":             func(in *sdk.CreateClusterInput) { in.ComputeConfig.NodePools = nil },
		"in account " + account:      func(in *sdk.CreateClusterInput) { in.ComputeConfig.NodeRoleArn = aws.String(nodes + "x") },
	} {
		_, err := l.CreateCluster(l.ctx, input(change))
		l.refused(err, "InvalidParameterException", text)
	}
	_, err := l.CreateCluster(l.ctx, input())
	l.must(err)
	out, err := l.DescribeCluster(l.ctx, &sdk.DescribeClusterInput{Name: aws.String("auto")})
	l.must(err)
	c := out.Cluster
	if !*c.ComputeConfig.Enabled || *c.ComputeConfig.NodeRoleArn != nodes || !cmp.Equal([]string{"general-purpose"}, c.ComputeConfig.NodePools) || !*c.StorageConfig.BlockStorage.Enabled || !*c.KubernetesNetworkConfig.ElasticLoadBalancing.Enabled {
		t.Errorf("compute %+v, storage %+v", c.ComputeConfig, c.StorageConfig)
	}
	if d := cmp.Diff([]string{labRole, serviceRole, clusterRole, nodes}, l.entries("auto")); d != "" {
		t.Error("EKS's own entries:", d)
	}
	e, err := l.DescribeAccessEntry(l.ctx, &sdk.DescribeAccessEntryInput{ClusterName: aws.String("auto"), PrincipalArn: aws.String(nodes)})
	l.must(err)
	policies, err := l.ListAssociatedAccessPolicies(l.ctx, &sdk.ListAssociatedAccessPoliciesInput{ClusterName: aws.String("auto"), PrincipalArn: aws.String(nodes)})
	l.must(err)
	if *e.AccessEntry.Type != "EC2" || len(policies.AssociatedAccessPolicies) != 1 || !strings.HasSuffix(*policies.AssociatedAccessPolicies[0].PolicyArn, "/AmazonEKSAutoNodePolicy") {
		t.Errorf("the node role's entry is %+v with %+v", e.AccessEntry, policies.AssociatedAccessPolicies)
	}
	_, err = l.DeleteAccessEntry(l.ctx, &sdk.DeleteAccessEntryInput{ClusterName: aws.String("auto"), PrincipalArn: aws.String(nodes)})
	l.refused(err, "InvalidRequestException", "Auto Mode")

	l.cluster("plain", types.AuthenticationModeApi)
	out, err = l.DescribeCluster(l.ctx, &sdk.DescribeClusterInput{Name: aws.String("plain")})
	l.must(err)
	if out.Cluster.ComputeConfig != nil || len(l.entries("plain")) != 2 {
		t.Errorf("a cluster without Auto Mode has %+v", out.Cluster.ComputeConfig)
	}
}
