// Package iam parses, matches and evaluates IAM policies as AWS does.
//
// Parse reads a document strictly, by the grammar of its Kind; Canonical gives
// the one text of all documents that say the same by their form. Decide
// answers a Question with a Decision: allow, deny or undetermined, with the
// statements that made it so. What is not known (a policy that was not read, a
// condition key whose value nobody told, whose account a bucket is) is never
// guessed: the verdict is undetermined unless it would be the same for every
// completion of the unknown.
//
// The rules are AWS's own, from the IAM User Guide, the Organizations User
// Guide, the Service Authorization Reference and the service models. Comments
// cite them by the ids of the project's collection of them: R for a rule, V for
// a worked case of AWS's, L for a law; where no text of AWS settles a point the
// code says "assumption U-n", where its texts contradict each other C-n.
package iam
