package iam

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"
)

// awsPolicy is one of AWS's own managed policies in its default version.
type awsPolicy struct {
	path, version    string
	created, updated string // RFC 3339
	description      string // where it is certain
	statements       []string
}

// awsPolicies are those of AWS's own that the lab has: some that workloads on
// EKS and their nodes are given, and whose whole text is certain. They move
// with AWS; these are of the dates that they bear. (AWS managed policy
// reference, a page each)
var awsPolicies = map[string]awsPolicy{
	"AWSSecretsManagerClientReadOnlyAccess": {"/", "v3", "2025-11-05T20:04:08Z", "2026-02-12T18:00:42Z", "", []string{
		`{"Sid":"SecretsManagerGetAndDescribeSecret","Effect":"Allow","Action":["secretsmanager:GetSecretValue","secretsmanager:DescribeSecret"],"Resource":"arn:aws:secretsmanager:*:*:secret:*"}`,
		`{"Sid":"KMSDecryptKey","Effect":"Allow","Action":["kms:Decrypt"],"Resource":"arn:aws:kms:*:*:key/*","Condition":{"StringLike":{"kms:EncryptionContext:SecretARN":"arn:aws:secretsmanager:*:*:secret:*","kms:ViaService":"secretsmanager.*.amazonaws.com"}}}`,
	}},
	"AWSXRayDaemonWriteAccess": {"/", "v2", "2018-08-28T23:00:33Z", "2024-02-13T21:58:30Z", "", []string{
		`{"Sid":"AWSXRayDaemonWriteAccess","Effect":"Allow","Action":["xray:PutTraceSegments","xray:PutTelemetryRecords","xray:GetSamplingRules","xray:GetSamplingTargets","xray:GetSamplingStatisticSummaries"],"Resource":["*"]}`,
	}},
	"AdministratorAccess": {"/", "v1", "2015-02-06T18:39:46Z", "2015-02-06T18:39:46Z", "Provides full access to AWS services and resources.", []string{
		`{"Effect":"Allow","Action":"*","Resource":"*"}`,
	}},
	"AmazonEBSCSIDriverPolicy": {"/service-role/", "v14", "2022-04-04T17:24:29Z", "2026-02-12T18:02:41Z", "", []string{
		`{"Effect":"Allow","Action":["ec2:DescribeAvailabilityZones","ec2:DescribeInstances","ec2:DescribeSnapshots","ec2:DescribeTags","ec2:DescribeVolumes","ec2:DescribeVolumesModifications","ec2:DescribeVolumeStatus"],"Resource":"*"}`,
		`{"Effect":"Allow","Action":["ec2:CreateSnapshot","ec2:ModifyVolume"],"Resource":"arn:aws:ec2:*:*:volume/*"}`,
		`{"Effect":"Allow","Action":["ec2:CopyVolumes"],"Resource":["arn:aws:ec2:*:*:volume/vol-*"]}`,
		`{"Effect":"Allow","Action":["ec2:AttachVolume","ec2:DetachVolume"],"Resource":["arn:aws:ec2:*:*:volume/*","arn:aws:ec2:*:*:instance/*"]}`,
		`{"Effect":"Allow","Action":["ec2:CreateVolume","ec2:EnableFastSnapshotRestores"],"Resource":"arn:aws:ec2:*:*:snapshot/*"}`,
		`{"Effect":"Allow","Action":["ec2:CreateTags"],"Resource":["arn:aws:ec2:*:*:volume/*","arn:aws:ec2:*:*:snapshot/*"],"Condition":{"StringEquals":{"ec2:CreateAction":["CreateVolume","CreateSnapshot","CopyVolumes"]}}}`,
		`{"Effect":"Allow","Action":["ec2:DeleteTags"],"Resource":["arn:aws:ec2:*:*:volume/*","arn:aws:ec2:*:*:snapshot/*"]}`,
		`{"Effect":"Allow","Action":["ec2:CreateVolume","ec2:CopyVolumes"],"Resource":"arn:aws:ec2:*:*:volume/*","Condition":{"StringLike":{"aws:RequestTag/ebs.csi.aws.com/cluster":"true"}}}`,
		`{"Effect":"Allow","Action":["ec2:CreateVolume","ec2:CopyVolumes"],"Resource":"arn:aws:ec2:*:*:volume/*","Condition":{"StringLike":{"aws:RequestTag/CSIVolumeName":"*"}}}`,
		`{"Effect":"Allow","Action":["ec2:DeleteVolume"],"Resource":"arn:aws:ec2:*:*:volume/*","Condition":{"StringLike":{"ec2:ResourceTag/ebs.csi.aws.com/cluster":"true"}}}`,
		`{"Effect":"Allow","Action":["ec2:DeleteVolume"],"Resource":"arn:aws:ec2:*:*:volume/*","Condition":{"StringLike":{"ec2:ResourceTag/CSIVolumeName":"*"}}}`,
		`{"Effect":"Allow","Action":["ec2:DeleteVolume"],"Resource":"arn:aws:ec2:*:*:volume/*","Condition":{"StringLike":{"ec2:ResourceTag/kubernetes.io/created-for/pvc/name":"*"}}}`,
		`{"Effect":"Allow","Action":["ec2:CreateSnapshot"],"Resource":"arn:aws:ec2:*:*:snapshot/*","Condition":{"StringLike":{"aws:RequestTag/CSIVolumeSnapshotName":"*"}}}`,
		`{"Effect":"Allow","Action":["ec2:CreateSnapshot"],"Resource":"arn:aws:ec2:*:*:snapshot/*","Condition":{"StringLike":{"aws:RequestTag/ebs.csi.aws.com/cluster":"true"}}}`,
		`{"Effect":"Allow","Action":["ec2:DeleteSnapshot","ec2:LockSnapshot"],"Resource":"arn:aws:ec2:*:*:snapshot/*","Condition":{"StringLike":{"ec2:ResourceTag/CSIVolumeSnapshotName":"*"}}}`,
		`{"Effect":"Allow","Action":["ec2:DeleteSnapshot","ec2:LockSnapshot"],"Resource":"arn:aws:ec2:*:*:snapshot/*","Condition":{"StringLike":{"ec2:ResourceTag/ebs.csi.aws.com/cluster":"true"}}}`,
	}},
	"AmazonEC2ContainerRegistryPullOnly": {"/", "v1", "2024-10-04T16:58:49Z", "2024-10-04T16:58:49Z", "", []string{
		`{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer","ecr:BatchImportUpstreamImage"],"Resource":"*"}`,
	}},
	"AmazonEFSCSIDriverPolicy": {"/service-role/", "v1", "2023-07-25T20:10:04Z", "2023-07-25T20:10:04Z", "", []string{
		`{"Sid":"AllowDescribe","Effect":"Allow","Action":["elasticfilesystem:DescribeAccessPoints","elasticfilesystem:DescribeFileSystems","elasticfilesystem:DescribeMountTargets","ec2:DescribeAvailabilityZones"],"Resource":"*"}`,
		`{"Sid":"AllowCreateAccessPoint","Effect":"Allow","Action":["elasticfilesystem:CreateAccessPoint"],"Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":"efs.csi.aws.com/cluster"},"Null":{"aws:RequestTag/efs.csi.aws.com/cluster":"false"}}}`,
		`{"Sid":"AllowTagNewAccessPoints","Effect":"Allow","Action":["elasticfilesystem:TagResource"],"Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":"efs.csi.aws.com/cluster"},"Null":{"aws:RequestTag/efs.csi.aws.com/cluster":"false"},"StringEquals":{"elasticfilesystem:CreateAction":"CreateAccessPoint"}}}`,
		`{"Sid":"AllowDeleteAccessPoint","Effect":"Allow","Action":"elasticfilesystem:DeleteAccessPoint","Resource":"*","Condition":{"Null":{"aws:ResourceTag/efs.csi.aws.com/cluster":"false"}}}`,
	}},
	"AmazonEKSWorkerNodeMinimalPolicy": {"/", "v1", "2024-10-02T20:03:51Z", "2024-10-02T20:03:51Z", "", []string{
		`{"Sid":"WorkerNodePermissions","Effect":"Allow","Action":["eks-auth:AssumeRoleForPodIdentity"],"Resource":"*"}`,
	}},
	"AmazonEKSWorkerNodePolicy": {"/", "v3", "2018-05-27T21:09:01Z", "2023-11-27T00:06:13Z", "", []string{
		`{"Sid":"WorkerNodePermissions","Effect":"Allow","Action":["ec2:DescribeInstances","ec2:DescribeInstanceTypes","ec2:DescribeRouteTables","ec2:DescribeSecurityGroups","ec2:DescribeSubnets","ec2:DescribeVolumes","ec2:DescribeVolumesModifications","ec2:DescribeVpcs","eks:DescribeCluster","eks-auth:AssumeRoleForPodIdentity"],"Resource":"*"}`,
	}},
	"AmazonEKS_CNI_Policy": {"/", "v6", "2018-05-27T21:07:42Z", "2026-03-04T19:12:14Z", "", []string{
		`{"Sid":"AmazonEKSCNIPolicy","Effect":"Allow","Action":["ec2:AssignPrivateIpAddresses","ec2:AttachNetworkInterface","ec2:CreateNetworkInterface","ec2:DeleteNetworkInterface","ec2:DescribeInstances","ec2:DescribeTags","ec2:DescribeNetworkInterfaces","ec2:DescribeInstanceTypes","ec2:DescribeSubnets","ec2:DescribeSecurityGroups","ec2:DetachNetworkInterface","ec2:ModifyNetworkInterfaceAttribute","ec2:UnassignPrivateIpAddresses"],"Resource":"*"}`,
		`{"Sid":"AmazonEKSCNIPolicyENITag","Effect":"Allow","Action":["ec2:CreateTags"],"Resource":["arn:aws:ec2:*:*:network-interface/*"]}`,
	}},
	"AmazonPrometheusRemoteWriteAccess": {"/", "v1", "2020-12-19T01:04:32Z", "2020-12-19T01:04:32Z", "", []string{
		`{"Effect":"Allow","Action":["aps:RemoteWrite"],"Resource":"*"}`,
	}},
	"AmazonS3FullAccess": {"/", "v2", "2015-02-06T18:40:58Z", "2021-09-27T20:16:37Z", "", []string{
		`{"Effect":"Allow","Action":["s3:*","s3-object-lambda:*"],"Resource":"*"}`,
	}},
	"AmazonS3ReadOnlyAccess": {"/", "v3", "2015-02-06T18:40:59Z", "2023-08-10T21:31:39Z", "", []string{
		`{"Effect":"Allow","Action":["s3:Get*","s3:List*","s3:Describe*","s3-object-lambda:Get*","s3-object-lambda:List*"],"Resource":"*"}`,
	}},
	"CloudWatchAgentServerPolicy": {"/", "v3", "2018-03-07T01:06:44Z", "2024-02-06T16:37:37Z", "", []string{
		`{"Sid":"CWACloudWatchServerPermissions","Effect":"Allow","Action":["cloudwatch:PutMetricData","ec2:DescribeVolumes","ec2:DescribeTags","logs:PutLogEvents","logs:PutRetentionPolicy","logs:DescribeLogStreams","logs:DescribeLogGroups","logs:CreateLogStream","logs:CreateLogGroup","xray:PutTraceSegments","xray:PutTelemetryRecords","xray:GetSamplingRules","xray:GetSamplingTargets","xray:GetSamplingStatisticSummaries"],"Resource":"*"}`,
		`{"Sid":"CWASSMServerPermissions","Effect":"Allow","Action":["ssm:GetParameter"],"Resource":"arn:aws:ssm:*:*:parameter/AmazonCloudWatch-*"}`,
	}},
	"PowerUserAccess": {"/", "v12", "2015-02-06T18:39:47Z", "2026-02-12T17:59:14Z", "", []string{
		`{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"}`,
		`{"Effect":"Allow","Action":["account:GetAccountInformation","account:GetGovCloudAccountInformation","account:GetPrimaryEmail","account:ListRegions","iam:CreateServiceLinkedRole","iam:DeleteServiceLinkedRole","iam:ListRoles","organizations:DescribeEffectivePolicy","organizations:DescribeOrganization"],"Resource":"*"}`,
	}},
}

// awsManaged gives one of AWS's own policies by its ARN. Assumption
// aws-policy-ids: ids other than AdministratorAccess's are made up.
func awsManaged(arn string) (Managed, bool) {
	path, name := policyPathName(arn)
	p, ok := awsPolicies[name]
	if !ok || p.path != path || arn != awsPolicyARN(partitionOf(arn), name) {
		return Managed{}, false
	}
	created, _ := time.Parse(time.RFC3339, p.created)
	updated, _ := time.Parse(time.RFC3339, p.updated)
	return Managed{
		Name: name, Path: path, ID: awsPolicyID(name), ARN: arn, Account: "aws", Created: created, Updated: updated, Default: p.version,
		Description: p.description, Versions: []Version{{p.version, p.document(partitionOf(arn)), updated}},
	}, true
}

// document is the policy's text in a partition, whose ARNs it has. (AWS managed
// policy reference: of the China Regions and GovCloud)
func (p awsPolicy) document(partition string) string {
	text := `{"Version":"2012-10-17","Statement":[` + strings.Join(p.statements, ",") + `]}`
	return strings.ReplaceAll(text, `"arn:aws:`, `"arn:`+partition+`:`)
}

func awsPolicyARN(partition, name string) string {
	return "arn:" + partition + ":iam::aws:policy" + awsPolicies[name].path + name
}

func awsPolicyID(name string) string {
	if name == "AdministratorAccess" {
		return "ANPAIWMBCKSKIEE64ZLYK"
	}
	sum := sha256.Sum256([]byte(name))
	return "ANPA" + base32.StdEncoding.EncodeToString(sum[:])[:17]
}
