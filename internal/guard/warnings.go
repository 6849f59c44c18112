package guard

import "github.com/atlas-iam/atlas-iam/internal/plan"

// Pointer is a kind of warning: what it points out, and what may be done.
type Pointer struct{ Slug, About, Instead string }

// Warnings lists every slug that can stand beside a warning of a plan, whoever
// gives it: desired, plan, or a guard.
func Warnings() []Pointer {
	return []Pointer{
		{"agent", "the Pod Identity agent is not on a cluster, or does not run: pods get no credentials there",
			"`atlas-iam apply` adds it; of one that does not run see to the add-on `eks-pod-identity-agent`"},
		{"argocd-access", "a cluster is registered with an Argo CD that no document lets in, or whose role is not known",
			"give the Workload of that Argo CD `grants` on the cluster"},
		{"boundary", "a role has a permissions boundary that no document names, and keeps it",
			"name it in `permissionsBoundary`, or take it off as the warning says"},
		{"default-service-account", "a Workload names the ServiceAccount `default`, which every pod has that names none",
			"let the program have a ServiceAccount of its own"},
		{"left", "something shared stays where the last that needed it goes: an authentication mode, an OIDC provider, the agent's add-on",
			"take it away by hand if nobody else needs it"},
		{"no-clusters", "a Team, a grant or a Workload is for no cluster", "look at its `clusters` and at the Cluster documents' labels"},
		{plan.NoPrincipal, "`protect` names somebody who does not exist, so it shields nobody", "correct the name or the path"},
		{"no-role", "a binding is of a role that its cluster does not have: it gives nothing, until somebody makes the role", "correct the name, or make the role first"},
		{"note", "something in a document is perhaps not meant", "see what it says"},
		{"privilege", "another's role that a workload has, by IRSA perhaps without any change of ours, is one that guard `privilege` would hold were it given now",
			"let who owns the role narrow it, or give the workload a role of its own"},
		{"reach", "a pattern of namespaces matches none now, or can match none", "correct the pattern, or run again when a namespace is made"},
		{plan.Refused, "who plans may not write what who applies may", "nothing, if another identity applies"},
		{"render", "a binding is not in the manifests, for its cluster's namespaces were not read", "let the caller list them, and run again"},
		{"restart", "pods that run have their role by a scheme that the plan takes away (IRSA or Pod Identity): what they hold expires, and then they are refused",
			"restart those pods after the apply, as by `kubectl rollout restart`"},
		{"system-namespaces", "a pattern reaches Kubernetes' or AWS's own namespaces, by a policy that only reads or by `*` alone",
			"write a narrower pattern if that is not meant"},
		{"target", "one end of a chain of roles lacks what the other one needs, so pods get no credentials", "add what the warning prints where it says"},
		{TestSlug, "an access test cannot be told on what the plan would leave, or fails where nothing is changed or it was let through",
			"see what was not read, or mend the document or the test"},
		{plan.Trust, "a trust policy lets in more than the workload's ServiceAccounts, or not all of those", "narrow it, or let who owns the role do so, as the warning says"},
		{"unknown-action", "no such action of AWS is known to this version", "correct it, unless it is new"},
		{"unknown-region", "no such Region is known to this version", "correct it, unless it is new"},
		{"unknown-role", "a ClusterRole is nearly called as one of Kubernetes' own", "correct it, unless it is one of yours"},
		{"unknown-verb", "an access test asks for a verb that is none of Kubernetes' own", "correct it, unless an API of yours has it"},
		{"weak-preset", "a preset gives more than it should, or rests on little", "write `statements` instead where that is too much"},
		{"workload-role", "somebody may act as a ServiceAccount that has an IAM role, by running or entering pods, by its token, or by impersonation",
			"keep the workload in a namespace of its own, or give less there"},
	}
}
