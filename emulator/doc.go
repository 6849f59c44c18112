// Package emulator is AWS on loopback: EKS, IAM and STS as far as atlas-iam
// needs them, with AWS's signatures, authorisation, errors, pages and limits,
// and, when asked for, its delays, throttling and faults.
//
// The Server is the front: it knows who calls and what service is meant, and
// hands a call.Call to the service's room. What a service does not have is
// refused with a code that is not AWS's (call.NotImplementedCode), never
// answered with a made-up success. Where AWS's behaviour is not documented,
// the lab decides, and says so in Assumptions.
package emulator
