package documents

import (
	"reflect"

	"github.com/atlas-iam/atlas-iam/api/v1alpha1"
)

// wordsHere are what AWS, Terraform, eksctl and charts call keys of some types
// of ours, folded.
var wordsHere = map[reflect.Type]map[string]string{
	reflect.TypeFor[v1alpha1.WorkloadSpec](): {
		"serviceaccount": "serviceAccounts", "sa": "serviceAccounts", "rolearn": "role", "iamrole": "role", "targetrolearn": "targetRole",
		"policy": "sessionPolicy", "credentialtype": "credentials", "type": "credentials", "cluster": "clusters",
	},
	reflect.TypeFor[v1alpha1.ServiceAccount](): {"ns": "namespace", "serviceaccount": "name", "serviceaccountname": "name", "create": "manage", "managed": "manage"},
	reflect.TypeFor[v1alpha1.WorkloadRole](): {
		"arn": "existing", "rolearn": "existing", "rolename": "name", "policy": "statements", "policies": "statements", "policydocument": "statements",
		"inlinepolicy": "statements", "inlinepolicies": "statements", "statement": "statements", "managedpolicyarns": "managedPolicies",
		"attachpolicyarns": "managedPolicies", "attachpolicyarn": "managedPolicies", "policyarns": "managedPolicies", "boundary": "permissionsBoundary",
		"permissionsboundaryarn": "permissionsBoundary", "maxsession": "maxSessionDuration", "sessionduration": "maxSessionDuration",
	},
	reflect.TypeFor[v1alpha1.Statement](): {
		"action": "actions", "notaction": "notActions", "resource": "resources", "notresource": "notResources", "condition": "conditions",
		"permissions": "actions", "id": "sid", "name": "sid",
	},
	reflect.TypeFor[v1alpha1.TargetRole]():    {"rolearn": "arn", "role": "arn", "name": "arn", "existing": "arn"},
	reflect.TypeFor[v1alpha1.SessionPolicy](): {"statement": "statements", "policy": "statements"},
}

// notHere answers keys, folded, that some types of ours have no place for.
var notHere = map[reflect.Type]map[string]string{
	reflect.TypeFor[v1alpha1.Principal](): {"workload": "name its role: {role: NAME}"},
	reflect.TypeFor[v1alpha1.WorkloadRole](): {
		"assumerolepolicy": "the trust policy is made of credentials, clusters and serviceAccounts", "assumerolepolicydocument": "the trust policy is made of credentials, clusters and serviceAccounts",
		"trust": "the trust policy is made of credentials, clusters and serviceAccounts", "trustpolicy": "the trust policy is made of credentials, clusters and serviceAccounts",
		"version": "leave it out: policies are written in version 2012-10-17",
	},
	reflect.TypeFor[v1alpha1.Statement](): {
		"principal": "a role's policy names no principal: who may have the role is in serviceAccounts", "principals": "a role's policy names no principal: who may have the role is in serviceAccounts",
		"notprincipal": "a role's policy names no principal: who may have the role is in serviceAccounts",
		"version":      "leave it out: policies are written in version 2012-10-17",
	},
	reflect.TypeFor[v1alpha1.TargetRole](): {
		"externalid": "EKS sets it itself where session tags are disabled: REGION/ACCOUNT/CLUSTER/NAMESPACE/SERVICEACCOUNT",
	},
	reflect.TypeFor[v1alpha1.SessionPolicy](): {"version": "leave it out: policies are written in version 2012-10-17"},
}
