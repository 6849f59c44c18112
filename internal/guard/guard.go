// Package guard is the rule book: named judgements over a whole plan, each of
// which may keep changes from being made and says why. All is handed to
// plan.Compute; nothing here reads AWS, a clock or another guard's answer.
//
// Of the guards only last-admin and mass-deletion look at what is already
// held. Both then see less that would be made, never more, so asking all again
// until no hold is new comes to an end.
package guard

import "github.com/atlas-iam/atlas-iam/internal/plan"

// All is the rule book of this version, in the order in which it is asked.
// mass-deletion is last, so that it counts only what the others leave.
func All() []plan.Guard {
	return []plan.Guard{
		caller(),             // nobody locks himself out
		lastAdmin(),          // somebody can still get in
		protected(),          // what the owner marked stays
		nodeRole(),           // nodes do not drop out
		recreatedPrincipal(), // nobody inherits access by making a role again
		usernameTaken(),      // nobody becomes somebody else
		widening(),           // a second document does not widen in silence
		systemNamespaces(),   // patterns do not reach the cluster's own namespaces
		modeAPI(),            // aws-auth is not switched off unread
		partialInput(),       // half of the documents is no wish to delete
		halfRead(),           // half of AWS is no proof of absence
		deleteAll(),          // nothing wanted is rarely meant
		massDeletion(),       // a typo is not a mandate
	}
}

// Structural describes the holds that plan.Compute makes by itself, because a
// change could not be made or is not ours to make. They have no Check and
// cannot be overridden.
func Structural() []plan.Guard {
	return []plan.Guard{
		{
			Slug: "foreign", Fixed: true,
			About:   "The object exists and is not ours: it bears no mark of this environment, or another owner's as well.",
			Instead: "`atlas-iam adopt` takes it over when it equals what is wanted; otherwise change the document, or let its owner release it.",
		},
		{
			Slug: "no-cluster", Fixed: true,
			About:   "The documents name a cluster that was not found in its account and region.",
			Instead: "Correct `clusterName`, `account` or `region` of the Cluster document, or make the cluster first.",
		},
		{
			Slug: "no-principal", Fixed: true,
			About:   "A member was not found: no such user or role, or no role of that permission set in the account.",
			Instead: "Correct the member, or make the user or role (assign the permission set to the account) first.",
		},
		{
			Slug: "mode-config-map", Fixed: true,
			About:   "The cluster is in mode CONFIG_MAP, in which EKS keeps no access entries, and its document does not manage the mode.",
			Instead: "Write `authenticationMode: API_AND_CONFIG_MAP` in the Cluster document.",
		},
		{
			Slug: "mode-step", Fixed: true,
			About:   "The wanted authentication mode is behind the cluster's, or two steps ahead: EKS goes forward only, one step at a time.",
			Instead: "Write the next mode of CONFIG_MAP, API_AND_CONFIG_MAP, API in the Cluster document, or the one that the cluster has.",
		},
	}
}
