package iam

import "strings"

// globalKeys are the condition keys whose spelling, presence or form the User
// Guide fixes, by their name in lower case. (IAM User Guide, global condition
// context keys; IAM and STS condition keys)
var globalKeys = func() map[string]keyFacts {
	all := map[string]keyFacts{}
	for _, f := range []keyFacts{
		{name: "aws:PrincipalArn", always: true}, {name: "aws:PrincipalAccount", always: true},
		{name: "aws:PrincipalOrgID"}, {name: "aws:PrincipalOrgPaths", many: true},
		{name: "aws:PrincipalType", always: true}, {name: "aws:userid", always: true}, {name: "aws:username"},
		{name: "aws:PrincipalIsAWSService", always: true, truth: true}, {name: "aws:PrincipalServiceName"},
		{name: "aws:PrincipalServiceNamesList", many: true}, {name: "aws:FederatedProvider"},
		{name: "aws:TokenIssueTime"}, {name: "aws:MultiFactorAuthPresent", truth: true}, {name: "aws:MultiFactorAuthAge"},
		{name: "aws:SourceIdentity"}, {name: "aws:TagKeys", many: true},
		{name: "aws:SourceArn"}, {name: "aws:SourceAccount"}, {name: "aws:SourceOrgID"}, {name: "aws:SourceOrgPaths", many: true},
		{name: "aws:CalledVia", many: true}, {name: "aws:CalledViaFirst"}, {name: "aws:CalledViaLast"},
		{name: "aws:ViaAWSService", always: true, unsigned: true, truth: true}, {name: "aws:CurrentTime", always: true, unsigned: true},
		{name: "aws:EpochTime", always: true, unsigned: true}, {name: "aws:RequestedRegion", always: true, unsigned: true},
		{name: "aws:SecureTransport", truth: true}, {name: "aws:UserAgent", always: true, unsigned: true},
		{name: "aws:SourceIp"}, {name: "aws:SourceVpc"}, {name: "aws:SourceVpce"}, {name: "aws:VpcSourceIp"},
		{name: "aws:ResourceAccount"}, {name: "aws:ResourceOrgID"}, {name: "aws:ResourceOrgPaths", many: true},
		{name: "aws:Referer"}, {name: "aws:AssumedRoot", truth: true},
		{name: "sts:ExternalId"}, {name: "sts:RoleSessionName"}, {name: "sts:SourceIdentity"},
		{name: "sts:TransitiveTagKeys", many: true}, {name: "sts:RequestContextProviders", many: true}, {name: "sts:TaskPolicyArn"},
		{name: "iam:PassedToService"}, {name: "iam:AssociatedResourceArn"}, {name: "iam:PermissionsBoundary"},
		{name: "iam:PolicyARN"}, {name: "iam:AWSServiceName"},
		{name: "eks:accessEntryType"}, {name: "eks:accessScope"}, {name: "eks:clusterName"}, {name: "eks:username"},
		{name: "eks:principalArn"}, {name: "eks:policyArn"}, {name: "eks:namespaces", many: true}, {name: "eks:kubernetesGroups", many: true},
	} {
		all[fold(f.name)] = f
	}
	return all
}()

// keyFacts is what the User Guide says of a condition key.
type keyFacts struct {
	name     string
	always   bool // present in every signed request
	unsigned bool // in every other one too
	many     bool // may have several values
	truth    bool // true or false, nothing else
}

// tagKeys are the keys whose second half is a tag's key. (IAM User Guide)
var tagKeys = []string{"aws:PrincipalTag/", "aws:RequestTag/", "aws:ResourceTag/", "iam:ResourceTag/", "sts:RequestContext/"}

// spelling is one spelling of a condition key for all its cases: AWS's own
// where the guide has it, else lower case; the id of an EKS issuer is in upper
// case, as EKS gives it.
func spelling(key string) string {
	low := fold(key)
	if f, ok := globalKeys[low]; ok {
		return f.name
	}
	for _, prefix := range tagKeys {
		if rest, ok := strings.CutPrefix(low, fold(prefix)); ok {
			return prefix + rest
		}
	}
	if host, rest, ok := strings.Cut(low, "/id/"); ok && strings.HasPrefix(host, "oidc.eks.") {
		id, claim, _ := strings.Cut(rest, ":")
		return host + "/id/" + strings.ToUpper(id) + ":" + claim
	}
	return low
}
