// Package guard is the rule book: named judgements over a whole plan, each of
// which may keep changes from being made and says why. All is handed to
// plan.Compute; nothing here reads AWS, a clock or another guard's answer.
// What Compute itself holds, whatever a guard thinks, is in plan.Structural.
//
// Of the guards only last-admin and mass-deletion look at what is already
// held; the others judge a change by itself. So allowing one guard lets more be
// made and makes those two stricter. One thing only is let go by allowing
// another guard: last-admin's hold, when what brings the next administrator is
// let through.
package guard

import "github.com/atlas-iam/atlas-iam/internal/plan"

// Adopting are the rules for plan.Adoptions, which puts our tags on an entry
// and changes nothing else of it.
func Adopting() []plan.Guard { return []plan.Guard{protected()} }

// All is the rule book of this version, in the order in which it is asked.
// The two that look at what is held are last, so that they see what the others
// leave.
func All() []plan.Guard {
	return []plan.Guard{
		caller(),             // nobody locks himself out
		protected(),          // what the owner marked stays
		nodeRole(),           // nodes do not drop out
		recreatedPrincipal(), // nobody inherits access by making a role again
		usernameTaken(),      // nobody becomes somebody else
		widening(),           // a second document does not widen in silence
		privilege(),          // a role does not lead further than it says
		systemNamespaces(),   // patterns do not reach the cluster's own namespaces
		modeAPI(),            // aws-auth is not switched off unread
		partialInput(),       // half of the documents is no wish to delete
		halfRead(),           // half of AWS is no proof of absence
		deleteAll(),          // nothing wanted is rarely meant
		lastAdmin(),          // somebody can still get in
		massDeletion(),       // a typo is not a mandate
	}
}
