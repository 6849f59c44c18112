// Package assume lists what atlas-iam takes for granted about AWS because no
// document of AWS's that we could read settles it. Code that rests on one of
// these says "Assumption ID" in a comment; docs/assumptions.md is made from
// the list.
package assume

import (
	"cmp"
	"slices"

	"github.com/atlas-iam/atlas-iam/emulator"
)

// Part is the part of the program that rests on an assumption.
type Part string

// The parts.
const (
	Plans Part = "plan and apply"
	RBAC  Part = "who can do what in a cluster"
	IAM   Part = "the evaluation of IAM policies"
	Lab   Part = "the embedded AWS"
)

// Assumption is one belief about AWS.
type Assumption struct {
	ID   string
	Part Part
	Text string
}

// All lists every assumption, by part and then by id.
func All() []Assumption {
	all := slices.Concat(plans(), decisions(), evaluation())
	for _, a := range emulator.Assumptions() {
		all = append(all, Assumption{a.ID, Lab, a.Text})
	}
	return all
}

// Compare orders ids as a reader does: U-3 before U-12.
func Compare(a, b string) int {
	return cmp.Or(cmp.Compare(len(number(a)), len(number(b))), cmp.Compare(a, b))
}

// number is the part of U-12 that counts; other ids have none.
func number(id string) string {
	if len(id) > 2 && id[:2] == "U-" {
		return id[2:]
	}
	return ""
}

func plans() []Assumption {
	return []Assumption{
		{"audience-partitions", Plans, "Tokens for IRSA are for sts.amazonaws.com, those for Pod Identity for pods.eks.amazonaws.com, which is also the service that assumes the roles, in every partition."},
		{"disassociate-missing", Plans, "Disassociating a policy that is not on the entry is answered as not found, and counts as done."},
		{"namespace-pattern", Plans, "In a scope's namespaces a star stands for any run of characters, also none, wherever it stands; all else is itself. EKS publishes no grammar."},
		{"pod-tried", Plans, "EKS's webhook changes a pod that is only tried (dryRun) as it changes one that is made, so that bind --wait can tell whether pods would find credentials."},
		{"remade-by-time", Plans, "No API tells which unique id an entry is bound to. A user or role that was made after its entry is taken for another one of the same name, so the entry is dead."},
		{"unverified-policies", Plans, "An access policy of which AWS does not say whose entries may have it may be given to anybody; EKS has the last word."},
	}
}

func decisions() []Assumption {
	return []Assumption{
		{"default-roles", RBAC, "A cluster whose own roles and bindings were not read has those that Kubernetes makes in every cluster, and beyond them only what documents ask for."},
		{"namespace-scope", RBAC, "A policy over namespaces gives what a RoleBinding there would: requests in those namespaces, the Namespace object itself among them, and nothing of the cluster's."},
	}
}

// evaluation is where IAM's documentation is silent or contradicts itself.
// What is "not known" makes the answer undetermined, never allow.
func evaluation() []Assumption {
	return []Assumption{
		{"resource-silent", IAM, "Questions about a workload's actions take the policies of the resource itself, of the organization and of VPC endpoints to say nothing; each answer says so."},
		{"secure-transport", IAM, "Questions about a workload's actions take its calls to be made over TLS (aws:SecureTransport is true), as the SDKs make them."},
		{"U-1", IAM, "Names of policy elements and of condition operators are compared exactly, letter case included."},
		{"U-2", IAM, "In the first five parts of a Resource pattern a star that is not last in its part, and any question mark, stay within the part; a star that is last may run on. In the sixth part both match anything."},
		{"U-3", IAM, "Wildcards and dollar signs in the value of a policy variable are plain characters."},
		{"U-5", IAM, "A resource's policy that names the account of a user or role, and no more, grants it nothing by itself; roles and keys leave it to the account's own policies."},
		{"U-6", IAM, "Principal \"*\" grants directly, as one that names the caller does, past a boundary's silence."},
		{"U-7", IAM, "Whether {\"AWS\": \"*\"} covers a service principal is not known."},
		{"U-8", IAM, "Whether a NotPrincipal that lists only a part of who the caller is, such as the role without its account, spares the caller is not known."},
		{"U-9", IAM, "What a plain operator does with a condition key that has several values is not known."},
		{"U-10", IAM, "An IfExists operator holds when the key is absent, also beneath ForAnyValue."},
		{"U-11", IAM, "A key with several values has no value as a policy variable."},
		{"U-12", IAM, "What an operator does with a value that it cannot read is not known."},
		{"U-13", IAM, "Bool reads true and false in any letter case, and nothing else."},
		{"U-14", IAM, "A date that names no time or no zone stands for its start, and is UTC."},
		{"U-15", IAM, "An IPv4 address in IPv6 form is IPv6, and no address is in a range of the other family."},
		{"U-16", IAM, "What Null says of a key whose only value is empty is not known."},
		{"U-17", IAM, "An operator without values matches nothing, and its negation everything."},
		{"U-18", IAM, "Comparisons that ignore case do so for ASCII and Latin-1 letters."},
		{"U-19", IAM, "Of tags whose keys differ in case alone the key has the value of one; which is not known."},
		{"U-20", IAM, "What is passed with a call of AssumeRole, as session tags and a source identity, is asked of the caller's own policies too."},
		{"U-22", IAM, "A wildcard in an Action may run across the colon."},
		{"U-23", IAM, "ArnLike never matches a value without six parts; the pattern \"*\" matches any ARN, and what other patterns without six parts match is not known."},
		{"U-24", IAM, "aws:PrincipalArn has the role's path."},
		{"U-25", IAM, "A trust policy may have an Id."},
		{"U-26", IAM, "An account's root user cannot assume a role."},
		{"U-28", IAM, "Of several session policies it is enough that one allows."},
		{"U-29", IAM, "A policy variable whose default is not written ${key, 'text'}, spacing included, has a value that is not known."},
		{"U-30", IAM, "The service control policies of its account hold for a federated user."},
	}
}
