// Package conformance holds black-box checks: real programs (AWS CLI, boto3,
// Terraform with its AWS provider, moto) against an endpoint that speaks AWS.
// It sees no code of atlas-iam; it starts the built program, or takes the
// endpoint it is given in ATLAS_ENDPOINT.
//
// A check whose program is missing says so and is skipped; with
// ATLAS_REQUIRE_CLIENTS set it fails instead.
package conformance
