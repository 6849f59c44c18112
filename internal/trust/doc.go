// Package trust writes, merges, measures and judges the trust policies of IAM
// roles that workloads have. It reads nothing but its arguments.
//
// Want says which statements let ServiceAccounts have a role; Merge puts them
// into a trust policy that may hold others' statements; Measure says whether
// the whole fits IAM's quota; Lacks says what is missing in a role that is
// another's. Judge finds what a trust policy gives that nobody means to give,
// JudgeRights the same in what a role may do. Both ask authz/iam rather than
// compare texts: a condition counts as one where a stranger is refused.
package trust
