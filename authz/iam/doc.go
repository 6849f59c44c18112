// Package iam parses, matches and evaluates IAM policies as AWS does.
//
// Parse reads a document strictly, by the grammar of its Kind. Decide answers
// for a resource that has no policy of its own; DecideTrust for the trust
// policy of a role. Both give a Decision: allow, deny or undetermined, with
// the statements that made it so. What is not known (a policy that was not
// read, a condition key whose value nobody told, an operator that is not
// evaluated) is never guessed: the verdict is undetermined unless it would be
// the same for every value of the unknown.
//
// The rules are AWS's own, from the IAM User Guide and the documentation of
// the AWS Security Token Service. Where no text of AWS settles a point the
// code says "Assumption U-n". Not evaluated yet, hence unknown: the Numeric,
// Date, Binary and IpAddress operators. Not modelled yet: session policies,
// service and resource control policies.
package iam
