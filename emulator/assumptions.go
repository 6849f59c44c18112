package emulator

// Assumption is a belief about AWS that no document we could read confirms
// and that the lab has to decide. Code that rests on one names its id.
type Assumption struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// Assumptions lists what the lab takes for granted, by id.
func Assumptions() []Assumption {
	return []Assumption{
		{"account-exists", "A trust policy may name any whole account and any session; nobody asks whether it exists."},
		{"addon-association", "An association that belongs to an add-on is changed and deleted through the add-on alone."},
		{"addon-associations", "An add-on that is deleted takes its own Pod Identity associations with it, also where its software is preserved."},
		{"addon-role", "The role of an add-on's ServiceAccount is passed to eks.amazonaws.com, and only the form of its ARN is looked at."},
		{"addon-versions", "Any version of the form v1.2.3-eksbuild.4 is offered of an add-on; a default is known of the Pod Identity agent alone."},
		{"associated-at-stays", "Associating a policy again replaces its scope and keeps associatedAt."},
		{"auto-mode-entries", "In EKS Auto Mode the cluster role's entry is of type STANDARD, and the policies of EKS's own entries reach over the whole cluster."},
		{"auto-mode-role", "The node role of EKS Auto Mode is passed to eks.amazonaws.com."},
		{"aws-policy-ids", "The ids of AWS's own managed policies are made up, but for AdministratorAccess's, and each has only the version that is its default."},
		{"cluster-scope-namespaces", "A scope of type cluster that names namespaces is refused."},
		{"condition-keys", "Calls on access entries carry eks:clusterName, eks:principalArn, eks:accessEntryType, eks:kubernetesGroups, eks:username, eks:policyArn, eks:accessScope and eks:namespaces."},
		{"creator-username", "In mode CONFIG_MAP the cluster's creator is kubernetes-admin in the group system:masters."},
		{"default-version", "A cluster that names no Kubernetes version gets 1.33."},
		{"details-aws-policies", "GetAccountAuthorizationDetails lists those of AWS's own policies that somebody in the account has."},
		{"empty-session-policy", "An empty policy in an update of a Pod Identity association takes its session policy away."},
		{"entries-go-with-cluster", "Deleting a cluster deletes its access entries at once."},
		{"entry-arn", "A role's path is not in the ARN of its access entry."},
		{"error-texts", "Where no text of AWS's is known, the lab words the error itself; codes and statuses are the model's."},
		{"external-id", "The external id of a Pod Identity association is shown whenever it has a target role."},
		{"group-prefixes", "Of reserved prefixes only system: is refused in Kubernetes group names."},
		{"idempotent-token", "A create that is repeated with its token and parameters gives the first result."},
		{"inherited-request-tags", "The trust policy of a role that a session assumes sees the tags that the session passes on as tags of the request."},
		{"invalid-arn", "A principalArn that is malformed, a session's, or of another partition is answered as an invalid principal."},
		{"last-used", "A role's last use is when it was last assumed, told at once."},
		{"made-up-thumbprint", "An OIDC provider that is made without a thumbprint gets one that the lab makes up of the issuer's name."},
		{"node-groups", "Entries of every type but STANDARD get the group system:nodes; documented for EC2_LINUX alone."},
		{"packed-size", "Session policies, their ARNs and session tags have room for 2,048 characters together."},
		{"pod-identity-life", "Credentials of Pod Identity live six hours, whatever the role's longest session is, and an hour with a target role."},
		{"pod-identity-names", "A Pod Identity association takes only names that Kubernetes takes, so no wildcards."},
		{"pod-identity-trust", "Making a Pod Identity association, EKS looks at who may do what in the role's trust policy and not at its conditions."},
		{"pod-token", "EKS Auth takes tokens that are bound to a pod, and no others."},
		{"policy-reason", "The reason of an access policy over namespaces names a RoleBinding with the namespace; only the wording over the whole cluster is known."},
		{"service-linked-uncounted", "Roles that services link to themselves do not count towards the quota of roles."},
		{"service-role-entry", "The entry of AWSServiceRoleForAmazonEKS is of type STANDARD and shows no policies."},
		{"session-name", "In the name of a Pod Identity session the cluster's and the pod's names are cut to ten characters."},
		{"session-policy-size", "A session policy of a Pod Identity association may have 2,048 characters, as STS has it."},
		{"several-audiences", "A token for several audiences without the claim azp is refused, at STS and at EKS Auth."},
		{"signature-errors", "Signature faults are answered with AWS's common error codes and status 403."},
		{"source-identity", "A session keeps its source identity: with another one it assumes no role."},
		{"sts-region", "An endpoint of STS takes signatures of its own Region, the global one those of us-east-1; the lab's own endpoint takes all."},
		{"target-role", "Whether the target role of a Pod Identity association exists, or trusts, is not looked at when the association is made."},
		{"unknown-account", "A principal of an account that the lab does not have is taken to exist."},
		{"web-identity-provider", "AssumeRoleWithWebIdentity names the provider by its ARN."},
	}
}
