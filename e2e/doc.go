// Package e2e runs the flow whole: documents to desired state, observe, plan
// with all guards, apply, beneath the real SDK and over the embedded AWS.
// Build tag e2e is what `make test` runs, soak the long runs.
package e2e
