// Package access is the vocabulary of atlas-iam: clusters, principals, access
// entries, access policies, scopes, and the two states that a plan compares,
// State (what the documents want) and Snapshot (what AWS was seen to have).
//
// It holds values and pure functions only and imports nothing of this module.
// Documents and AWS answers become these types before anything compares them,
// so that after the border no difference is noise: lists are sorted and
// without doubles, ARNs are whole, names of policies are ARNs.
package access
