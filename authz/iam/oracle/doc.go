// Package oracle is a second evaluator of IAM policies, for tests alone. It
// judges package iam: both answer the same random questions, and where they
// differ one of them is wrong.
//
// It is written from the written rules of evaluation and from AWS's documents,
// without sight of the first. Where the first is fast, this one is plain: a
// policy is JSON, a rule is a few lines that bear its number, and what is not
// known is tried out. The numbers are those of the specification that both are
// written to: R are rules, U are points on which AWS is silent, with the rule
// that is assumed meanwhile, C are contradictions of AWS's pages.
//
// A verdict is allow or deny only if it is the same in every completion (R3.20):
// every unknown, taken once with each of its values.
package oracle
